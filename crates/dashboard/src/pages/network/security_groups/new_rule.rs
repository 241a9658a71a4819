//! The form of a rule: what, which way, who is at the other end.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use model::SecurityGroupId;
use model::network::access::{Resource, get_visible};
use model::network::{AddressGroup, SecurityGroup};
use serde_json::json;

use super::rules::API;
use super::{HERE, templates, wanted, words};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page};
use crate::pages::network::{networks, quota_of};
use crate::site::Site;
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/security-groups/{id}/rules/new", get(new).post(create))
        .route("/dashboard/security-groups/{id}/rules/preview", get(preview))
}

async fn new(visit: Visit, Path(id): Path<SecurityGroupId>, known: Fields) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let group = get_visible::<SecurityGroup>(cloud, visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/rules/new");
    let (used, limit) = quota_of(&visit, "security_group_rule");
    let template = known.text("template").unwrap_or("ssh");
    let directions = [
        Choice::new("ingress", t.sg_in()).note(t.sg_rule_in_hint()),
        Choice::new("egress", t.sg_out()).note(t.sg_rule_out_hint()),
    ];
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (what(t, template))
            (ui::choices(
                Field {
                    name: "direction",
                    label: t.sg_direction(),
                    required: true,
                    ..Field::default()
                },
                false,
                &directions,
                &[known.text("direction").unwrap_or("ingress")],
            ))
            (who(&visit, &group).await?)
            (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
            div .preview aria-live="polite" hx-get=(format!("{HERE}/{id}/rules/preview")) hx-include="closest form"
                hx-swap="innerHTML" hx-sync="this:replace" hx-trigger="load, change from:closest form, input from:closest form delay:200ms" {}
            div .quota-bars { (ui::usage_bar(t, t.sg_rule_quota(), used, limit, ui::count)) }
            (ui::submit(t, t.sg_rule_new(), false))
        }
    };
    Ok(visit.form(&t.sg_rule_new_in(networks::name_of(t, &group.standard)), body))
}

/// The part of the form about what passes.
fn what(t: Text, template: &str) -> Markup {
    html! {
        (ui::pick(
            Field {
                name: "template",
                label: t.sg_rule_what(),
                hint: t.sg_rule_what_hint(),
                value: template,
                required: true,
                ..Field::default()
            },
            None,
            &templates::choices(t),
        ))
        div data-if="template=other" {
            (ui::text(Field {
                name: "protocol",
                label: t.sg_protocol(),
                hint: t.sg_rule_protocol_hint(),
                example: "gre",
                ..Field::default()
            }))
        }
        div data-if="template=tcp udp other" {
            (ui::text(Field {
                name: "ports",
                label: t.sg_ports(),
                hint: t.sg_rule_ports_hint(),
                example: "8080",
                ..Field::default()
            }))
        }
        div .columns data-if="template=icmp" {
            (ui::text(Field {
                name: "icmp_type",
                label: t.sg_rule_icmp_type(),
                hint: t.sg_rule_icmp_type_hint(),
                kind: Some("number"),
                range: Some((0, 255)),
                ..Field::default()
            }))
            (ui::text(Field {
                name: "icmp_code",
                label: t.sg_rule_icmp_code(),
                kind: Some("number"),
                range: Some((0, 255)),
                ..Field::default()
            }))
        }
    }
}

/// The part of the form about the other end.
async fn who(visit: &Visit, group: &SecurityGroup) -> Answer<Markup> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let groups: Vec<_> = super::of_project(visit)
        .await?
        .iter()
        .map(|other| {
            let note = if other.id == group.id {
                t.sg_rule_own_group()
            } else {
                ""
            };
            Choice::new(other.id, networks::name_of(t, &other.standard)).note(note)
        })
        .collect();
    let lists: Vec<_> = cloud
        .address_groups
        .iter()
        .filter(|list| list.visible_to(cloud, visit.actor()))
        .map(|list: &Arc<AddressGroup>| Choice::new(list.id, networks::name_of(t, &list.standard)))
        .collect();
    let mut kinds = vec![
        Choice::new("any", t.sg_rule_anywhere()).note(t.sg_rule_anywhere_hint()),
        Choice::new("cidr", t.sg_rule_cidr()).note(t.sg_rule_cidr_hint()),
        Choice::new("group", t.sg_rule_group()).note(t.sg_rule_group_hint()),
    ];
    if !lists.is_empty() {
        kinds.push(Choice::new("addresses", t.sg_rule_addresses()).note(t.sg_rule_addresses_hint()));
    }
    let versions = [
        Choice::new("IPv4", "IPv4"),
        Choice::new("IPv6", "IPv6"),
        Choice::new("both", t.sg_rule_both()),
    ];
    let own = group.id.to_string();
    Ok(html! {
        (ui::choices(
            Field {
                name: "remote",
                label: t.sg_rule_who(),
                required: true,
                ..Field::default()
            },
            false,
            &kinds,
            &["any"],
        ))
        div data-if="remote=cidr" {
            (ui::text(Field {
                name: "cidr",
                label: t.sg_rule_cidr(),
                hint: t.sg_rule_cidr_example(),
                example: "10.0.0.0/8",
                ..Field::default()
            }))
        }
        div data-if="remote=group" {
            (ui::pick(
                Field {
                    name: "group",
                    label: t.sg_rule_group(),
                    value: &own,
                    ..Field::default()
                },
                None,
                &groups,
            ))
        }
        @if !lists.is_empty() {
            div data-if="remote=addresses" {
                (ui::pick(Field { name: "addresses", label: t.sg_rule_addresses(), ..Field::default() }, None, &lists))
            }
        }
        div data-if="remote=any group addresses" {
            (ui::pick(
                Field {
                    name: "version",
                    label: t.sg_version(),
                    value: "IPv4",
                    ..Field::default()
                },
                None,
                &versions,
            ))
        }
    })
}

async fn create(visit: Visit, Path(id): Path<SecurityGroupId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let group = get_visible::<SecurityGroup>(visit.cloud(), visit.actor(), &id)?;
    let rules: Vec<_> = wanted::read(t, &group, &fields)?.iter().map(wanted::body).collect();
    visit.post(API, json!({"security_group_rules": rules})).await?;
    Ok(Done::saying(t.sg_rule_added()))
}

/// The form as it stands in words, and as commands: what is being made, before it is.
async fn preview(visit: Visit, Path(id): Path<SecurityGroupId>, fields: Fields) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let group = get_visible::<SecurityGroup>(cloud, visit.actor(), &id)?;
    // A form that is not filled in yet says nothing.
    let rules = wanted::read(t, &group, &fields).unwrap_or_default();
    let sentences: BTreeSet<_> = rules.iter().map(|rule| words::sentence(t, cloud, rule)).collect();
    let commands: Vec<_> = rules.iter().map(wanted::command).collect();
    Ok(Page(html! {
        @if !rules.is_empty() {
            p .note.good { (t.sg_rule_means()) " " b { (sentences.into_iter().collect::<Vec<_>>().join(", ")) } }
            (ui::command_line(t, &commands))
        }
    }))
}
