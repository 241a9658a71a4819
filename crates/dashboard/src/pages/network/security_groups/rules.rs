//! The rules of a security group, on its page: in words and in technical terms.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use model::host::{Direction, EtherType, ProtocolMatch};
use model::network::access::{Resource, get_visible};
use model::network::security_group::protocol;
use model::network::{AddressGroup, SecurityGroup, SecurityGroupRule};
use model::{Cloud, SecurityGroupId};
use serde_json::{Value, json};

use super::{HERE, link, words};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::deletion::{self, Kind, Victim};
use crate::pages::network::networks;
use crate::site::Site;
use crate::ui::{self, List, ListQuery, icon};
use crate::visit::Visit;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/security-groups/{id}/rules/quick", post(allow))
        .route(
            "/dashboard/security-groups/{id}/rules/delete",
            get(ask_delete).post(delete),
        )
}

/// Where rules are made and deleted.
pub(super) const API: &str = "/networking/v2.0/security-group-rules";

/// Every version of IP.
pub(super) const VERSIONS: [EtherType; 2] = [EtherType::IPv4, EtherType::IPv6];

/// As the API writes it.
pub(super) fn version(ethertype: EtherType) -> &'static str {
    match ethertype {
        EtherType::IPv4 => "IPv4",
        EtherType::IPv6 => "IPv6",
    }
}

/// What people want to do with a server first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basic {
    Ping,
    Ssh,
}

impl Basic {
    fn of_key(key: &str) -> Option<Self> {
        [Self::Ping, Self::Ssh].into_iter().find(|basic| basic.key() == key)
    }

    fn key(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Ssh => "ssh",
        }
    }

    fn words(self, t: Text) -> &'static str {
        match self {
            Self::Ping => t.sg_allow_ping(),
            Self::Ssh => t.sg_allow_ssh(),
        }
    }

    /// Whether a rule lets it in from anywhere.
    fn is_let_in_by(self, rule: &SecurityGroupRule) -> bool {
        let packets = protocol::matcher(rule.protocol.as_deref(), rule.port_range_min, rule.port_range_max);
        let fits = match (self, packets) {
            (_, ProtocolMatch::Any) => true,
            (Self::Ping, ProtocolMatch::Icmp { kind, .. }) => matches!(kind, None | Some(8 | 128)),
            (Self::Ssh, ProtocolMatch::Ports { protocol, range }) => {
                Some(protocol) == protocol::number("tcp") && range.is_none_or(|(first, last)| first <= 22 && 22 <= last)
            }
            _ => false,
        };
        fits && rule.direction == Direction::Ingress && words::is_for_anyone(rule)
    }

    fn is_let_in(self, cloud: &Cloud, id: SecurityGroupId, ethertype: EtherType) -> bool {
        cloud
            .rules_of_group(id)
            .any(|rule| rule.ethertype == ethertype && self.is_let_in_by(rule))
    }

    /// As a rule of a group.
    fn body(self, id: SecurityGroupId, ethertype: EtherType) -> Value {
        let mut rule = json!({"security_group_id": id, "direction": "ingress", "ethertype": version(ethertype)});
        match self {
            Self::Ping => rule["protocol"] = "icmp".into(),
            Self::Ssh => {
                rule["protocol"] = "tcp".into();
                rule["port_range_min"] = 22.into();
                rule["port_range_max"] = 22.into();
            }
        }
        rule
    }
}

/// The rules, what comes in first.
pub(super) fn section(visit: &Visit, group: &SecurityGroup, query: &ListQuery) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let owns = group.changeable_by(cloud, visit.actor());
    let mut rules: Vec<_> = cloud.rules_of_group(group.id).cloned().collect();
    rules.sort_by_key(|rule| {
        (
            rule.direction,
            rule.protocol.clone(),
            rule.port_range_min,
            rule.ethertype,
        )
    });
    let lets_in = rules.iter().any(|rule| rule.direction == Direction::Ingress);
    let missing = [Basic::Ping, Basic::Ssh]
        .into_iter()
        .filter(|basic| !basic.is_let_in(cloud, group.id, EtherType::IPv4));
    let at = format!("{HERE}/{}/rules/quick", group.id);
    html! {
        section .rules #rules {
            header .card-head {
                h2 { (t.sg_rules()) " " span .muted { (rules.len()) } }
                @if owns {
                    div .page-actions {
                        @for basic in missing {
                            form method="post" action=(at) hx-post=(at) hx-swap="none" {
                                button .button type="submit" name="what" value=(basic.key()) { (icon("plus")) (basic.words(t)) }
                            }
                        }
                    }
                }
            }
            @if !lets_in { p .note { (t.sg_nothing_comes_in()) } }
            @if rules.is_empty() { p .muted { (t.sg_rules_none()) } } @else { (table(visit, group, query, rules, owns)) }
        }
    }
}

fn table(
    visit: &Visit,
    group: &SecurityGroup,
    query: &ListQuery,
    rules: Vec<Arc<SecurityGroupRule>>,
    owns: bool,
) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let sentence = |rule: &Arc<SecurityGroupRule>| words::sentence(t, cloud, rule);
    let delete = format!("{HERE}/{}/rules/delete", group.id);
    let list = List::new(visit, query, t.sg_rules_word(), rules, |rule| {
        format!(
            "{} {} {}",
            sentence(rule),
            version(rule.ethertype),
            rule.standard.description
        )
    })
    .sorted("rule", t.sg_rule(), sentence, |rule| {
        html! {
            div .stack {
                b .sentence { (sentence(rule)) }
                @if !rule.standard.description.is_empty() { span .muted.small { (rule.standard.description) } }
            }
        }
    })
    .sorted(
        "direction",
        t.sg_direction(),
        |rule| rule.direction,
        |rule| {
            html! { (if rule.direction == Direction::Ingress { t.sg_in() } else { t.sg_out() }) }
        },
    )
    .sorted(
        "version",
        t.sg_version(),
        |rule| rule.ethertype,
        |rule| html! { (version(rule.ethertype)) },
    )
    .sorted(
        "protocol",
        t.sg_protocol(),
        |rule| rule.protocol.clone(),
        |rule| html! { (protocol_name(t, rule)) },
    )
    .sorted(
        "ports",
        t.sg_ports(),
        |rule| rule.port_range_min,
        |rule| html! { (ports(t, rule)) },
    )
    .column("remote", t.sg_remote(), |rule| remote(t, cloud, rule));
    if !owns {
        return list.render();
    }
    let row_delete = delete.clone();
    list.menu(move |rule| {
        ui::dialog_link(
            &format!("{row_delete}?id={}", rule.id),
            "button plain icon-only",
            html! { (icon("trash")) span .sr { (t.delete()) } },
        )
    })
    .bulk_delete(delete, |rule| rule.id.to_string(), sentence)
    .render()
}

/// The protocol's name as people write it: "TCP".
fn protocol_name(t: Text, rule: &SecurityGroupRule) -> String {
    let Some(written) = rule.protocol.as_deref().filter(|name| *name != "any") else {
        return t.sg_any().to_owned();
    };
    protocol::number(&written.to_lowercase()).map_or_else(|| written.to_uppercase(), |number| words::name(t, number))
}

/// Ports, or ICMP's type and code.
fn ports(t: Text, rule: &SecurityGroupRule) -> String {
    let number = rule.protocol.as_deref().and_then(protocol::number);
    let is_icmp = matches!(number, Some(protocol::ICMP | protocol::ICMPV6));
    match (rule.port_range_min, rule.port_range_max) {
        (Some(kind), None) if is_icmp => t.sg_type(kind),
        (Some(kind), Some(code)) if is_icmp => t.sg_type_code(kind, code),
        (Some(first), Some(last)) if first != last => format!("{first}–{last}"),
        (Some(port), _) => port.to_string(),
        (None, _) => t.sg_any().to_owned(),
    }
}

/// The other end.
fn remote(t: Text, cloud: &Cloud, rule: &SecurityGroupRule) -> Markup {
    if let Some(id) = rule.remote_group_id {
        let group = cloud.find::<SecurityGroup>(&id);
        return html! { @match group { Some(group) => (link(t, group)), None => code { (id) } } };
    }
    if let Some(id) = rule.remote_address_group_id {
        let group = cloud.find::<AddressGroup>(&id);
        return html! {
            @match group {
                Some(group) => div .stack {
                    span { (networks::name_of(t, &group.standard)) }
                    @for net in &group.addresses { code { (net) } }
                },
                None => code { (id) },
            }
        };
    }
    html! { code { @match rule.remote_ip_prefix {
        Some(prefix) => (prefix),
        None => (if rule.ethertype == EtherType::IPv4 { "0.0.0.0/0" } else { "::/0" }),
    } } }
}

/// Lets in what a button names, for each version of IP that lacks it.
async fn allow(visit: Visit, Path(id): Path<SecurityGroupId>, fields: Fields) -> Answer<Done> {
    let (t, cloud) = (visit.t(), visit.cloud());
    get_visible::<SecurityGroup>(cloud, visit.actor(), &id)?;
    let basic = Basic::of_key(fields.plain("what")).ok_or_else(|| Problem::in_form(t.sg_rule_template_wrong()))?;
    let missing = VERSIONS
        .into_iter()
        .filter(|ethertype| !basic.is_let_in(cloud, id, *ethertype));
    let rules: Vec<Value> = missing.map(|ethertype| basic.body(id, ethertype)).collect();
    if !rules.is_empty() {
        visit.post(API, json!({"security_group_rules": rules})).await?;
    }
    let what = if basic == Basic::Ping { "ping" } else { "SSH" };
    Ok(Done::saying(t.sg_allowed(what)))
}

fn victims(visit: &Visit, fields: &Fields) -> Answer<Vec<Victim>> {
    let (t, cloud) = (visit.t(), visit.cloud());
    deletion::chosen(fields, |id| {
        let rule = get_visible::<SecurityGroupRule>(cloud, visit.actor(), &deletion::parsed(id)?)?;
        let victim = Victim::new(rule.id, words::sentence(t, cloud, &rule), format!("{API}/{}", rule.id));
        Ok(victim.note(version(rule.ethertype)))
    })
}

async fn ask_delete(visit: Visit, Path(id): Path<SecurityGroupId>, fields: Fields) -> Answer<Page> {
    Ok(deletion::ask(
        &visit,
        Kind::Rule,
        &format!("{HERE}/{id}/rules/delete"),
        &victims(&visit, &fields)?,
    ))
}

async fn delete(visit: Visit, Path(id): Path<SecurityGroupId>, fields: Fields) -> Answer<Done> {
    // The group itself must be there, so that the page to go back to is.
    get_visible::<SecurityGroup>(visit.cloud(), visit.actor(), &id)?;
    deletion::run(&visit, Kind::Rule, &fields, &victims(&visit, &fields)?, None).await
}
