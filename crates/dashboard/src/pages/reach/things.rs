//! Things of an answer in words, with links to their pages.

use maud::{Markup, html};
use model::network::{FloatingIp, Network, Port, Router, access::Resource};

use super::answer::Thing;
use super::question::Asked;
use crate::messages::Text;
use crate::pages::compute::servers;
use crate::pages::network::networks::name_of;
use crate::visit::Visit;

/// A kind in words.
fn kind_words(t: Text, kind: &str) -> String {
    match kind {
        "server" => t.reach_kind_server(),
        "port" => t.reach_kind_port(),
        "network" => t.reach_kind_network(),
        "subnet" => t.reach_kind_subnet(),
        "router" => t.reach_kind_router(),
        "floating_ip" => t.reach_kind_floating_ip(),
        "security_group" => t.reach_kind_security_group(),
        other => other,
    }
    .to_owned()
}

/// The picture of a kind.
pub(super) fn symbol(kind: &str) -> &'static str {
    match kind {
        "server" => "server",
        "port" => "plug",
        "network" | "subnet" => "network",
        "router" => "router",
        "security_group" => "shield",
        "host" => "cpu",
        _ => "globe",
    }
}

/// What a thing is called.
pub(crate) fn name(t: Text, thing: &Thing) -> String {
    match (thing.kind.as_str(), &thing.id) {
        ("outside", _) if thing.name.is_empty() => t.reach_place_outside().to_owned(),
        ("outside", _) => t.reach_place_outside_at(&thing.name),
        ("host", _) => t.reach_place_host().to_owned(),
        (_, Some(_)) => thing.name.clone(),
        (kind, None) => t.reach_place_other(kind_words(t, kind)),
    }
}

/// A thing's name, as a link to its page where it has one.
pub(super) fn link(t: Text, thing: &Thing) -> Markup {
    let path = match thing.kind.as_str() {
        "server" => "servers",
        "port" => "ports",
        "network" => "networks",
        "router" => "routers",
        "floating_ip" => "floating-ips",
        "security_group" => "security-groups",
        _ => "",
    };
    html! {
        @match thing.id.as_ref().filter(|_| !path.is_empty()) {
            Some(id) => a href=(format!("/dashboard/{path}/{id}")) { (name(t, thing)) },
            None => (name(t, thing)),
        }
    }
}

/// Where a question starts from, in words.
pub(crate) fn origin_words(visit: &Visit, asked: &Asked) -> String {
    let (t, cloud, actor) = (visit.t(), visit.cloud(), visit.actor());
    let origin = asked.origin();
    let found = match origin.split_once(':') {
        Some(("outside", address)) => Some(t.reach_place_outside_at(address)),
        Some(("server", id)) => id
            .parse()
            .ok()
            .and_then(|id| servers::find(visit, id).ok())
            .map(|server| t.reach_from_server(&server.name)),
        Some(("router", id)) => id
            .parse()
            .ok()
            .and_then(|id| cloud.find::<Router>(&id))
            .filter(|row| row.visible_to(cloud, actor))
            .map(|row| t.reach_from_router_of(name_of(t, &row.standard))),
        Some(("network", id)) => id
            .parse()
            .ok()
            .and_then(|id| cloud.find::<Network>(&id))
            .filter(|row| row.visible_to(cloud, actor))
            .map(|row| t.reach_from_network_of(name_of(t, &row.standard))),
        Some(("port", id)) => id
            .parse()
            .ok()
            .and_then(|id| cloud.find::<Port>(&id))
            .filter(|row| row.visible_to(cloud, actor))
            .map(|row| t.reach_from_port(row.id.short())),
        _ => None,
    };
    found.unwrap_or_else(|| match origin.as_str() {
        "outside" => t.reach_from_outside().to_owned(),
        "host" => t.reach_from_host().to_owned(),
        "router" => t.reach_from_router().to_owned(),
        "network" => t.reach_from_network().to_owned(),
        _ => origin,
    })
}

/// What a question is about, in words: a server by its name, a port or floating IP by its address.
pub(crate) fn target_words(visit: &Visit, asked: &Asked) -> String {
    let (cloud, actor) = (visit.cloud(), visit.actor());
    let found = match asked.to.split_once(':') {
        Some(("server", id)) => id
            .parse()
            .ok()
            .and_then(|id| servers::find(visit, id).ok())
            .map(|server| server.name.clone()),
        Some(("floating-ip", id)) => id
            .parse()
            .ok()
            .and_then(|id| cloud.find::<FloatingIp>(&id))
            .filter(|row| row.visible_to(cloud, actor))
            .map(|row| row.floating_ip_address.to_string()),
        Some(("port", id)) => id
            .parse()
            .ok()
            .and_then(|id| cloud.find::<Port>(&id))
            .filter(|row| row.visible_to(cloud, actor))
            .and_then(|row| row.fixed_ips.first().map(|fixed| fixed.ip_address.to_string())),
        _ => None,
    };
    found.unwrap_or_else(|| asked.to.clone())
}
