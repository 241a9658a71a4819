//! The card of an object in the picture: how it is, its addresses, and what can be done with it there.

use maud::{Markup, html};
use model::compute::Server;
use model::compute::server;
use model::network::access::get_visible;
use model::network::{FloatingIp, Network, Router, router};
use model::{Error, FloatingIpId, NetworkId, PortId, RouterId, ServerId};

use super::gather::network_state;
use crate::outcome::Problem;
use crate::pages::compute::servers;
use crate::pages::network::networks::{self, name_of};
use crate::pages::reach::Outlook;
use crate::ui::{badge, dialog_link, fact, facts, icon, tag};
use crate::visit::Visit;

/// Whose card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Network(NetworkId),
    Router(RouterId),
    Server(ServerId),
    FloatingIp(FloatingIpId),
}

impl Object {
    /// From its kind and id, as in addresses.
    pub fn of(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "network" => id.parse().ok().map(Self::Network),
            "router" => id.parse().ok().map(Self::Router),
            "server" => id.parse().ok().map(Self::Server),
            "floating-ip" => id.parse().ok().map(Self::FloatingIp),
            _ => None,
        }
    }

    /// From a node's name in the picture: `server-<id>`.
    pub fn of_key(key: &str) -> Option<Self> {
        let (kind, id) = split(key)?;
        Self::of(kind, id)
    }
}

/// Kind and id of `<kind>-<id>`.
pub(super) fn split(key: &str) -> Option<(&str, &str)> {
    const ID: usize = 36;
    let (kind, id) = key.split_at_checked(key.len().checked_sub(ID)?)?;
    Some((kind.strip_suffix('-')?, id))
}

/// The card.
///
/// # Errors
/// "Not found", also for what the visitor may not see.
pub(super) fn card(visit: &Visit, object: Object, close: &str, outlook: &Outlook) -> Result<Markup, Problem> {
    let (cloud, actor) = (visit.cloud(), visit.actor());
    let parts = match object {
        Object::Network(id) => {
            let row = get_visible::<Network>(cloud, actor, &id)?;
            of_network(visit, &row)
        }
        Object::Router(id) => {
            let row = get_visible::<Router>(cloud, actor, &id)?;
            of_router(visit, &row)
        }
        Object::Server(id) => {
            let row = server::get_visible(cloud, actor, id)?;
            of_server(visit, &row, outlook)
        }
        Object::FloatingIp(id) => {
            let row = get_visible::<FloatingIp>(cloud, actor, &id)?;
            of_floating_ip(visit, &row)
        }
    };
    let t = visit.t();
    Ok(html! {
        section .object-card aria-labelledby="card-title" {
            header {
                span .object-icon { (icon(parts.icon)) }
                div .grow {
                    p .muted.small { (parts.what) }
                    h2 #card-title tabindex="-1" { (parts.name) }
                }
                a .plain.icon-only href=(close) data-card-close aria-label=(t.close()) { (icon("x")) }
            }
            p .object-state { (parts.state) }
            (parts.facts)
            div .object-actions { (parts.actions) }
            a .object-page href=(parts.page) { (t.topology_open_page()) (icon("right")) }
        }
    })
}

/// What differs from card to card.
struct Parts {
    icon: &'static str,
    what: &'static str,
    name: String,
    state: Markup,
    facts: Markup,
    actions: Markup,
    page: String,
}

/// An action in a dialog.
fn action(address: &str, symbol: &str, words: &str) -> Markup {
    dialog_link(address, "button small", html! { (icon(symbol)) (words) })
}

/// An action on another page.
fn page_action(address: &str, symbol: &str, words: &str) -> Markup {
    html! { a .button.small href=(address) { (icon(symbol)) (words) } }
}

fn danger(address: &str, words: &str) -> Markup {
    dialog_link(address, "button small danger", html! { (icon("trash")) (words) })
}

fn of_network(visit: &Visit, network: &Network) -> Parts {
    let (t, cloud) = (visit.t(), visit.cloud());
    let (mood, state) = network_state(t, network.admin_state_up, network.status);
    let id = network.id;
    let subnets: Vec<_> = cloud.subnets_of_network(id).collect();
    let owns = visit.actor().can_see(&network.standard.project_id);
    let takes_servers = !network.external || network.shared;
    Parts {
        icon: "network",
        what: if network.external {
            t.topology_external_network()
        } else {
            t.network()
        },
        name: name_of(t, &network.standard),
        state: html! {
            (badge(mood, state)) " "
            @if network.external { (tag(t.external())) }
            @if network.shared { (tag(t.shared())) }
        },
        facts: facts(html! {
            (fact(t.subnets(), html! {
                @if subnets.is_empty() { span .muted { (t.subnet_none()) } }
                @for subnet in &subnets {
                    div { (name_of(t, &subnet.standard)) " " code { (subnet.cidr) } }
                }
            }))
            @if subnets.iter().any(|subnet| subnet.gateway_ip.is_some()) {
                (fact(t.subnet_gateway(), html! {
                    @for gateway in subnets.iter().filter_map(|subnet| subnet.gateway_ip) { div { code { (gateway) } } }
                }))
            }
            (fact("MTU", html! { (network.mtu) }))
        }),
        actions: html! {
            @if takes_servers { (page_action(&format!("/dashboard/servers/new?network={id}"), "server", t.topology_server_here())) }
            @if owns {
                (action(&format!("/dashboard/subnets/new?network={id}"), "plus", t.subnet_new()))
                (danger(&format!("/dashboard/networks/delete?id={id}"), t.delete()))
            }
        },
        page: format!("/dashboard/networks/{id}"),
    }
}

fn of_router(visit: &Visit, row: &Router) -> Parts {
    let (t, cloud) = (visit.t(), visit.cloud());
    let (mood, state) = network_state(t, row.admin_state_up, row.status);
    let id = row.id;
    let on_network = |port: PortId| {
        let port = cloud.ports.get(&port);
        html! {
            @if let Some(port) = port {
                div {
                    @if let Some(network) = cloud.networks.get(&port.network_id) { (networks::link(t, network)) " " }
                    @for fixed in &port.fixed_ips { code { (fixed.ip_address) } " " }
                }
            }
        }
    };
    let legs: Vec<_> = router::interfaces(cloud, id).map(|port| port.id).collect();
    Parts {
        icon: "router",
        what: t.topology_router(),
        name: name_of(t, &row.standard),
        state: badge(mood, state),
        facts: facts(html! {
            (fact(t.topology_gateway(), html! {
                @match &row.gateway {
                    Some(gateway) => (on_network(gateway.port_id)),
                    None => span .muted { (t.topology_no_gateway_text()) },
                }
            }))
            (fact(t.topology_interfaces(), html! {
                @if legs.is_empty() { span .muted { (t.topology_no_interface()) } }
                @for port in legs { (on_network(port)) }
            }))
        }),
        actions: html! {
            (action(&format!("/dashboard/routers/{id}/interfaces/new"), "plug", t.topology_interface_add()))
            (action(&format!("/dashboard/routers/{id}/gateway"), "globe", t.topology_gateway_set()))
            (danger(&format!("/dashboard/routers/delete?id={id}"), t.delete()))
        },
        page: format!("/dashboard/routers/{id}"),
    }
}

fn of_server(visit: &Visit, server: &Server, outlook: &Outlook) -> Parts {
    let (t, cloud) = (visit.t(), visit.cloud());
    let id = server.id;
    let ports: Vec<_> = server.ports.iter().filter_map(|port| cloud.ports.get(port)).collect();
    let floating: Vec<_> = ports
        .iter()
        .flat_map(|port| cloud.lookups.floating_ips_by_port.of(&port.id))
        .filter_map(|id| cloud.floating_ips.get(id))
        .collect();
    let (mood, words) = servers::state(t, server);
    Parts {
        icon: "server",
        what: t.topology_server(),
        name: server.name.clone(),
        state: html! { (badge(mood, &words)) " " (outlook.long(visit, server)) },
        facts: html! {
            @if let Some(fault) = &server.fault { p .note.bad { (fault.message) } }
            (facts(html! {
                (fact(t.port_addresses(), html! {
                    @if ports.is_empty() { span .muted { (t.topology_no_network()) } }
                    @for port in &ports {
                        div {
                            @if let Some(network) = cloud.networks.get(&port.network_id) { (name_of(t, &network.standard)) " " }
                            @for fixed in &port.fixed_ips { code { (fixed.ip_address) } " " }
                        }
                    }
                }))
                @if !floating.is_empty() {
                    (fact(t.topology_floating_ip(), html! {
                        @for floating_ip in &floating { div { (crate::ui::copyable(t, &floating_ip.floating_ip_address.to_string())) } }
                    }))
                }
                (fact("Flavor", html! { (server.flavor.name) }))
            }))
        },
        actions: html! {
            (page_action(&format!("/dashboard/servers/{id}/console"), "monitor", t.topology_console()))
            @if floating.is_empty() {
                (action(&format!("/dashboard/floating-ips/associate?server={id}"), "globe", t.topology_associate()))
            }
            (page_action(&format!("/dashboard/servers/{id}"), "power", t.topology_server_actions()))
        },
        page: format!("/dashboard/servers/{id}"),
    }
}

fn of_floating_ip(visit: &Visit, floating_ip: &FloatingIp) -> Parts {
    let (t, cloud) = (visit.t(), visit.cloud());
    let (mood, state) = match floating_ip.port_id {
        Some(_) => network_state(t, true, floating_ip.status),
        None => (crate::ui::Mood::Idle, t.topology_address_loose()),
    };
    let port = floating_ip.port_id.and_then(|id| cloud.ports.get(&id));
    let server = port
        .and_then(|port| port.device_id.parse::<ServerId>().ok())
        .and_then(|id| cloud.servers.get(&id));
    let address = floating_ip.floating_ip_address.to_string();
    Parts {
        icon: "globe",
        what: t.topology_floating_ip(),
        name: address.clone(),
        state: badge(mood, state),
        facts: facts(html! {
            (fact(t.topology_leads_to(), html! {
                @if let Some(server) = server { a href=(format!("/dashboard/servers/{}", server.id)) { (server.name) } " " }
                @else if let Some(port) = port { a href=(format!("/dashboard/ports/{}", port.id)) { (t.port()) " " (port.id.short()) } " " }
                @match floating_ip.fixed_ip_address {
                    Some(fixed) => code { (fixed) },
                    None => span .muted { (t.topology_address_loose_text()) },
                }
            }))
            @if let Some(network) = cloud.networks.get(&floating_ip.floating_network_id) {
                (fact(t.topology_external_network(), networks::link(t, network)))
            }
            @if !floating_ip.standard.description.is_empty() { (fact(t.description(), html! { (floating_ip.standard.description) })) }
        }),
        actions: html! {
            button .button.small type="button" data-copy=(address) { (icon("copy")) (t.copy()) }
        },
        page: format!("/dashboard/floating-ips/{}", floating_ip.id),
    }
}

/// What is asked for is no object of a picture.
pub(super) fn no_such(kind: &str) -> Problem {
    Error::not_found("NotFound", format!("There is no card of a {kind} with this id.")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nodes_are_taken_apart() {
        let id = "4c3a2f5e-1d8b-4a57-9c61-0f2b7e8d9a10";
        assert_eq!(
            Object::of_key(&format!("floating-ip-{id}")),
            Object::of("floating-ip", id)
        );
        assert!(Object::of_key(&format!("server-{id}")).is_some());
        for wrong in [
            "",
            "server",
            "server-",
            id,
            "volume-4c3a2f5e-1d8b-4a57-9c61-0f2b7e8d9a10",
            "서버-서버서버서버서버서버서버서버",
        ] {
            assert_eq!(Object::of_key(wrong), None, "{wrong}");
        }
    }
}
