//! Making ports, changing and deleting them: addresses that are kept for later, and what a server may send from.

use axum::extract::{Path, Query};
use maud::{Markup, html};
use model::network::access::get_visible;
use model::network::{Network, Port, SecurityGroup, Subnet};
use model::{NetworkId, PortId, SecurityGroupId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{HERE, short_name, user_name};
use crate::form::Fields;
use crate::outcome::{Answer, Done};
use crate::pages::deletion::{self, Victim};
use crate::pages::network::{networks, quota_of};
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

const API: &str = "/networking/v2.0/ports";

#[derive(Deserialize)]
pub(super) struct On {
    network: NetworkId,
}

pub(super) async fn new(visit: Visit, Query(on): Query<On>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let network = get_visible::<Network>(cloud, visit.actor(), &on.network)?;
    let ids = cloud.lookups.subnets_by_network.of(&network.id);
    let subnets: Vec<Choice> = ids
        .filter_map(|id| cloud.find::<Subnet>(id))
        .map(|subnet| Choice::new(subnet.id, networks::name_of(t, &subnet.standard)).note(subnet.cidr.to_string()))
        .collect();
    let (used, limit) = quota_of(&visit, "port");
    let body = html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" {
            p .form-lead { (t.port_new_lead()) }
            input type="hidden" name="network" value=(network.id);
            (naming_fields(&visit, None))
            @if !subnets.is_empty() {
                (ui::pick(Field { name: "subnet", label: t.subnet(), hint: t.port_subnet_hint(), ..Field::default() }, Some(t.port_any_subnet()), &subnets))
                (ui::text(Field { name: "address", label: t.port_address(), hint: t.port_address_hint(), example: "10.0.0.50", ..Field::default() }))
            }
            (ui::text(Field { name: "mac", label: "MAC", hint: t.port_mac_hint(), example: "fa:16:3e:00:00:01", ..Field::default() }))
            (protection_fields(&visit, None))
            div .quota-bars { (ui::usage_bar(t, t.port_quota(), used, limit, ui::count)) }
            (ui::submit(t, t.port_new(), false))
        }
        (ui::command_line(t, &[format!("openstack port create --network {} my-port", network.id)]))
    };
    Ok(visit.form(t.port_new(), body))
}

/// What it is called, and whether it is on.
fn naming_fields(visit: &Visit, of: Option<&Port>) -> Markup {
    let t = visit.t();
    html! {
        (ui::text(Field { name: "name", label: t.name(), value: of.map_or("", |port| &port.standard.name), ..Field::default() }))
        (ui::text(Field { name: "description", label: t.description(), value: of.map_or("", |port| &port.standard.description), ..Field::default() }))
        (ui::check("admin_state_up", t.network_admin_up(), t.network_admin_up_hint(), of.is_none_or(|port| port.admin_state_up)))
    }
}

/// Who may reach it, and as whom it may speak.
fn protection_fields(visit: &Visit, of: Option<&Port>) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let project = of.map_or(visit.project_id(), |port| &port.standard.project_id);
    let ids = cloud.lookups.groups_by_project.of(project);
    let mut groups: Vec<_> = ids.filter_map(|id| cloud.find::<SecurityGroup>(id)).collect();
    groups.sort_by_key(|group| (!group.is_default, group.standard.name.to_lowercase()));
    let choices: Vec<Choice> = groups
        .iter()
        .map(|group| Choice::new(group.id, networks::name_of(t, &group.standard)).note(&group.standard.description))
        .collect();
    let usual = || {
        groups
            .iter()
            .filter(|group| group.is_default)
            .map(|group| group.id.to_string())
            .collect()
    };
    let taken: Vec<String> = of.map_or_else(usual, |port| {
        port.security_groups.iter().map(ToString::to_string).collect()
    });
    let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
    let pairs: Vec<String> = of
        .iter()
        .flat_map(|port| &port.allowed_address_pairs)
        .map(|pair| match pair.mac_address {
            Some(mac) => format!("{},{mac}", pair.ip_address),
            None => pair.ip_address.to_string(),
        })
        .collect();
    html! {
        (ui::check("port_security", t.port_security(), t.port_security_hint(), of.is_none_or(|port| port.port_security_enabled)))
        div data-if="port_security=true" {
            (ui::choices(Field { name: "group", label: t.nav_security_groups(), hint: t.port_groups_hint(), ..Field::default() }, true, &choices, &taken))
            (ui::text_area(Field { name: "pairs", label: t.port_pairs(), hint: t.port_pairs_hint(), value: &pairs.join("\n"), example: "10.0.0.100\n10.8.0.0/24", ..Field::default() }, 2))
        }
    }
}

/// What the form says, `null` where it says nothing.
fn common(fields: &Fields, was_secure: bool) -> Answer<Value> {
    let mut port = json!({
        "name": fields.plain("name"),
        "description": fields.plain("description"),
        "admin_state_up": fields.is_set("admin_state_up"),
    });
    let is_secure = fields.is_set("port_security");
    // Said only when it changes: who uses another project's network may not say it at all.
    if is_secure != was_secure {
        port["port_security_enabled"] = is_secure.into();
    }
    let groups = fields.all("group").map(deletion::parsed::<SecurityGroupId>);
    let groups = groups.collect::<Answer<Vec<_>>>()?;
    port["security_groups"] = if is_secure { json!(groups) } else { json!([]) };
    Ok(port)
}

/// `10.0.0.100` or `10.8.0.0/24`, each with a MAC address behind a comma or without.
fn pairs(fields: &Fields) -> Vec<Value> {
    if !fields.is_set("port_security") {
        return Vec::new();
    }
    let lines = fields
        .plain("pairs")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_once(',') {
            Some((address, mac)) => json!({"ip_address": address.trim(), "mac_address": mac.trim()}),
            None => json!({"ip_address": line}),
        })
        .collect()
}

pub(super) async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let network: NetworkId = deletion::parsed(fields.plain("network"))?;
    let mut port = common(&fields, true)?;
    port["network_id"] = network.to_string().into();
    let pairs = pairs(&fields);
    if !pairs.is_empty() {
        port["allowed_address_pairs"] = pairs.into();
    }
    if let Some(mac) = fields.text("mac") {
        port["mac_address"] = mac.into();
    }
    let mut fixed = json!({});
    if let Some(subnet) = fields.text("subnet") {
        fixed["subnet_id"] = subnet.into();
    }
    if let Some(address) = fields.text("address") {
        fixed["ip_address"] = address.into();
    }
    if fixed != json!({}) {
        port["fixed_ips"] = json!([fixed]);
    }
    visit.post(API, json!({"port": port})).await?;
    Ok(Done::saying(visit.t().port_made()))
}

pub(super) async fn edit(visit: Visit, Path(id): Path<PortId>) -> Answer {
    let t = visit.t();
    let port = get_visible::<Port>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (naming_fields(&visit, Some(&port)))
            (protection_fields(&visit, Some(&port)))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[
            format!("openstack port set --security-group GROUP {id}"),
            format!("openstack port set --allowed-address ip-address=10.0.0.100 {id}"),
        ]))
    };
    Ok(visit.form(&t.port_edit(named(&visit, &port)), body))
}

pub(super) async fn update(visit: Visit, Path(id): Path<PortId>, fields: Fields) -> Answer<Done> {
    let port = get_visible::<Port>(visit.cloud(), visit.actor(), &id)?;
    let mut wanted = common(&fields, port.port_security_enabled)?;
    // As with port security: said only where there are some, or were.
    let pairs = pairs(&fields);
    if !pairs.is_empty() || !port.allowed_address_pairs.is_empty() {
        wanted["allowed_address_pairs"] = pairs.into();
    }
    visit.put(&format!("{API}/{id}"), json!({"port": wanted})).await?;
    Ok(Done::saying(visit.t().saved()))
}

/// A port in titles: by its name, else by its address and the server that has it.
fn named(visit: &Visit, port: &Port) -> String {
    match (
        port.standard.name.as_str(),
        port.fixed_ips.first(),
        user_name(visit, port),
    ) {
        ("", Some(fixed), Some(user)) => visit.t().port_address_of(fixed.ip_address, user),
        ("", Some(fixed), None) => fixed.ip_address.to_string(),
        _ => short_name(port),
    }
}

pub(super) fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let port = get_visible::<Port>(visit.cloud(), visit.actor(), &deletion::parsed(id)?)?;
    let t = visit.t();
    let victim = Victim::new(port.id, named(visit, &port), format!("{API}/{}", port.id));
    if port.is_router_owned() {
        let router = format!("/dashboard/routers/{}", port.device_id);
        return Ok(victim.blocked(t.port_is_routers()).step(router, t.router_to_page()));
    }
    match user_name(visit, &port) {
        Some(user) => Ok(victim.note(t.port_in_use(user))),
        None => Ok(victim),
    }
}
