//! What is missing on the way to a server that can be reached from outside: the first thing, and the link that does it.

use std::collections::BTreeSet;

use maud::{Markup, html};
use model::network::{Network, router};
use model::{Cloud, NetworkId, RouterId};

use super::gather::Objects;
use crate::pages::network::networks::name_of;
use crate::ui::{dialog_link, icon};
use crate::visit::Visit;

/// One quiet line; nothing when nothing is missing.
pub(super) fn line(visit: &Visit, objects: &Objects) -> Markup {
    let Some(hint) = next_step(visit, objects) else {
        return html! {};
    };
    html! {
        p .topology-hint #topology-hint {
            (icon("info"))
            span { (hint.words) }
            @if hint.is_dialog { (dialog_link(&hint.address, "button small", html! { (hint.action) })) }
            @else { a .button.small href=(hint.address) { (hint.action) } }
        }
    }
}

struct Hint {
    words: String,
    address: String,
    action: &'static str,
    is_dialog: bool,
}

impl Hint {
    fn new(words: impl Into<String>, address: impl Into<String>, action: &'static str) -> Self {
        Self {
            words: words.into(),
            address: address.into(),
            action,
            is_dialog: true,
        }
    }

    fn on_a_page(mut self) -> Self {
        self.is_dialog = false;
        self
    }
}

fn next_step(visit: &Visit, objects: &Objects) -> Option<Hint> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let is_ours = |network: &&Network| !network.external && network.standard.project_id == *visit.project_id();
    let ours: Vec<&Network> = objects.networks.iter().map(AsRef::as_ref).filter(is_ours).collect();
    if ours.is_empty() && objects.servers.is_empty() {
        return Some(Hint::new(
            t.topology_hint_network(),
            "/dashboard/networks/new",
            t.network_new(),
        ));
    }
    let bare = ours
        .iter()
        .find(|network| cloud.lookups.subnets_by_network.count(&network.id) == 0);
    if let Some(network) = bare {
        let words = t.topology_hint_subnet(name_of(t, &network.standard));
        return Some(Hint::new(
            words,
            format!("/dashboard/subnets/new?network={}", network.id),
            t.subnet_new(),
        ));
    }
    let has_outside = objects.networks.iter().any(|network| network.external);
    let joined = joined(cloud, objects.routers.iter().map(|router| router.id));
    let alone: Vec<String> = ours
        .iter()
        .filter(|network| !joined.contains(&network.id))
        .map(|network| name_of(t, &network.standard))
        .collect();
    if !alone.is_empty() {
        let names = alone.join(", ");
        return Some(match objects.routers.first() {
            None => Hint::new(
                t.topology_hint_router(names),
                "/dashboard/routers/new",
                t.topology_router_new(),
            ),
            Some(router) => {
                let words = t.topology_hint_interface(names, name_of(t, &router.standard));
                Hint::new(
                    words,
                    format!("/dashboard/routers/{}/interfaces/new", router.id),
                    t.topology_interface_add(),
                )
            }
        });
    }
    let closed = objects.routers.iter().find(|router| router.gateway.is_none());
    if let Some(router) = closed.filter(|_| has_outside) {
        let words = t.topology_hint_gateway(name_of(t, &router.standard));
        return Some(Hint::new(
            words,
            format!("/dashboard/routers/{}/gateway", router.id),
            t.topology_gateway_set(),
        ));
    }
    if objects.servers.is_empty() {
        let network = ours
            .first()
            .map(|network| format!("?network={}", network.id))
            .unwrap_or_default();
        let address = format!("/dashboard/servers/new{network}");
        return Some(Hint::new(t.topology_hint_server(), address, t.topology_server_new()).on_a_page());
    }
    without_floating_ip(visit, objects, has_outside)
}

/// As long as no server has a floating IP: who has one knows how.
fn without_floating_ip(visit: &Visit, objects: &Objects, has_outside: bool) -> Option<Hint> {
    let (t, cloud) = (visit.t(), visit.cloud());
    if !has_outside
        || objects
            .floating_ips
            .iter()
            .any(|floating_ip| floating_ip.port_id.is_some())
    {
        return None;
    }
    let outward = objects.routers.iter().filter(|router| router.gateway.is_some());
    let reachable = joined(cloud, outward.map(|router| router.id));
    let server = objects.servers.iter().find(|server| {
        let mut ports = server.ports.iter().filter_map(|id| cloud.ports.get(id));
        ports.any(|port| port.first_ipv4().is_some() && reachable.contains(&port.network_id))
    })?;
    let address = format!("/dashboard/floating-ips/associate?server={}", server.id);
    Some(Hint::new(
        t.topology_hint_floating_ip(&server.name),
        address,
        t.topology_associate(),
    ))
}

/// Networks that these routers have a leg on.
fn joined(cloud: &Cloud, routers: impl Iterator<Item = RouterId>) -> BTreeSet<NetworkId> {
    routers
        .flat_map(|id| router::interfaces(cloud, id))
        .map(|port| port.network_id)
        .collect()
}
