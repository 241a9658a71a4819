//! Ports: part of their network's page, and one by itself.

mod change;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use model::network::access::{Resource, get_visible};
use model::network::port::device_owner;
use model::network::{Network, Port, Router as NetworkRouter, SecurityGroup};
use model::{PortId, RouterId, ServerId};

use super::{networks, server_of};
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::Answer;
use crate::pages::deletion;
use crate::pages::reach;
use crate::site::Site;
use crate::ui::{self, Mood, badge, fact, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/ports";

/// Ports on a network's page; of more there is the command line.
const SHOWN: usize = 200;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, post(change::create))
        .route("/dashboard/ports/new", get(change::new))
        .route("/dashboard/ports/{id}", get(show))
        .route("/dashboard/ports/{id}/edit", get(change::edit).post(change::update))
        .merge(deletion::routes(
            deletion::Kind::Port,
            "/dashboard/ports/delete",
            Some("/dashboard/networks"),
            change::victim,
        ))
}

/// The ports of a network, on its page.
pub(super) fn card(visit: &Visit, network: &Network) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ports = cloud
        .lookups
        .ports_by_network
        .of(&network.id)
        .filter_map(|id| cloud.ports.get(id));
    let mut ports: Vec<_> = ports
        .filter(|port| port.visible_to(cloud, visit.actor()))
        .cloned()
        .collect();
    ports.sort_by_key(|port| {
        (
            port.device_owner.clone(),
            port.fixed_ips.first().map(|fixed| fixed.ip_address),
        )
    });
    html! {
        section .card #ports {
            header .card-head {
                h2 { (t.ports()) " " span .muted { (ports.len()) } }
                @if !network.external && visit.may_change() {
                    (ui::action(&format!("{HERE}/new?network={}", network.id), "plus", t.port_new()))
                }
            }
            @if ports.is_empty() { p .muted { (t.port_none()) } } @else {
                div .table-scroll { table {
                    thead { tr { th { (t.port()) } th { (t.port_addresses()) } th { "MAC" } th { (t.port_of()) } th { (t.status()) } th .row-menu { span .sr { (t.actions()) } } } }
                    tbody {
                        @for port in ports.iter().take(SHOWN) {
                            tr {
                                td .nowrap[port.standard.name.is_empty()] { a href=(format!("/dashboard/ports/{}", port.id)) { (short_name(port)) } }
                                td { div .stack { @for fixed in &port.fixed_ips { code { (fixed.ip_address) } } } }
                                td { code { (port.mac_address) } }
                                td { (user(visit, port)) }
                                td { (badge(Mood::of_network(port.status.as_str()), t.network_status(port.status.as_str()))) }
                                td .row-menu { @if is_own(visit, port) { (ui::menu(t, &short_name(port), menu_items(t, port))) } }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// Whether the visitor may change it, and it is not part of something else (a router, DHCP).
fn is_own(visit: &Visit, port: &Port) -> bool {
    port.changeable_by(visit.cloud(), visit.actor()) && !port.is_network_owned() && !port.is_router_owned()
}

fn menu_items(t: Text, port: &Port) -> Markup {
    html! {
        (ui::menu_dialog(&format!("{HERE}/{}/edit", port.id), "pencil", t.edit()))
        hr;
        (ui::dialog_link(&format!("{HERE}/delete?id={}", port.id), "item danger", html! { (icon("trash")) (t.delete()) }))
    }
}

/// The server that loses a port with it.
fn user_name(visit: &Visit, port: &Port) -> Option<String> {
    server_of(visit.cloud(), port).map(|server| server.name.clone())
}

/// A name for people: ports need none.
pub(super) fn short_name(port: &Port) -> String {
    if port.standard.name.is_empty() {
        port.id.short()
    } else {
        port.standard.name.clone()
    }
}

/// A port as a heading says it: by its name, else by its address and the server that has it.
fn title(visit: &Visit, port: &Port) -> String {
    let t = visit.t();
    let Some(address) = port.fixed_ips.first().filter(|_| port.standard.name.is_empty()) else {
        return short_name(port);
    };
    match user_name(visit, port) {
        Some(server) => t.port_title_of(address.ip_address, server),
        None => t.port_title(address.ip_address),
    }
}

/// What is plugged in.
pub(super) fn user(visit: &Visit, port: &Port) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    if let Some(attachment) = &port.attachment {
        return html! { (t.port_of_namespace()) " " code { (attachment.netns) } };
    }
    if port.device_owner.starts_with(device_owner::COMPUTE_PREFIX) {
        let server = port
            .device_id
            .parse::<ServerId>()
            .ok()
            .and_then(|id| cloud.servers.get(&id));
        return html! { @if let Some(server) = server { a href=(format!("/dashboard/servers/{}", server.id)) { (server.name) } } };
    }
    let router = || {
        let router = port
            .device_id
            .parse::<RouterId>()
            .ok()
            .and_then(|id| cloud.find::<NetworkRouter>(&id));
        html! { @if let Some(router) = router { " " a href=(format!("/dashboard/routers/{}", router.id)) { (networks::name_of(t, &router.standard)) } } }
    };
    match port.device_owner.as_str() {
        device_owner::DHCP => html! { (t.port_of_dhcp()) },
        device_owner::ROUTER_INTERFACE => html! { (t.port_of_router()) (router()) },
        device_owner::ROUTER_GATEWAY => html! { (t.port_of_gateway()) (router()) },
        device_owner::FLOATING_IP => html! { (t.port_of_floating_ip()) },
        device_owner::TRUNK_SUBPORT => html! { (t.port_of_trunk()) },
        "" => html! { span .muted { (t.port_free()) } },
        other => html! { code { (other) } },
    }
}

async fn show(visit: Visit, Path(id): Path<PortId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let port = get_visible::<Port>(cloud, visit.actor(), &id)?;
    let network = cloud.networks.get(&port.network_id);
    let name = title(&visit, &port);
    let state = badge(
        Mood::of_network(port.status.as_str()),
        t.network_status(port.status.as_str()),
    );
    let own = network.map(|network| {
        (
            format!("/dashboard/networks/{}", network.id),
            networks::name_of(t, &network.standard),
        )
    });
    let above = std::iter::once(("/dashboard/networks", t.nav_networks()))
        .chain(own.as_ref().map(|(at, name)| (at.as_str(), name.as_str())));
    let body = html! {
        (ui::object_head_below(above, &name, state, html! {
            a .button href=(reach::of_port(id)) { (icon("route")) (t.reach_of_target()) }
            @if is_own(&visit, &port) {
                (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
                (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
            }
        }))
        div .cards { (ui::card(t.details(), about(&visit, &port))) }
        (on_host(t, &visit, &port))
    };
    Ok(visit.page(Content::new(&name, body).cli([
        format!("openstack port show {id}"),
        format!("openstack port set --name NAME {id}"),
    ])))
}

fn about(visit: &Visit, port: &Port) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, &port.id.to_string())))
        @if !port.standard.description.is_empty() { (fact(t.description(), html! { (port.standard.description) })) }
        (fact(t.port_of(), user(visit, port)))
        (fact(t.port_addresses(), html! { div .stack { @for fixed in &port.fixed_ips { (ui::copyable(t, &fixed.ip_address.to_string())) } } }))
        (fact("MAC", ui::copyable(t, &port.mac_address.to_string())))
        (fact(t.nav_security_groups(), html! {
            @if !port.port_security_enabled { (t.port_unprotected()) }
            @for id in &port.security_groups {
                @if let Some(group) = cloud.find::<SecurityGroup>(id) {
                    a href=(format!("/dashboard/security-groups/{id}")) { (networks::name_of(t, &group.standard)) } " "
                }
            }
        }))
        @if !port.allowed_address_pairs.is_empty() {
            (fact(t.port_pairs(), html! { div .stack { @for pair in &port.allowed_address_pairs { code { (pair.ip_address) } } } }))
        }
        (fact(t.created(), ui::time(port.standard.created_at)))
    })
}

fn on_host(t: Text, visit: &Visit, port: &Port) -> Markup {
    let short = port.id.short();
    let (namespace, device) = match port.device_owner.as_str() {
        device_owner::ROUTER_INTERFACE => (format!("qrouter-{}", port.device_id), format!("qr-{short}")),
        device_owner::ROUTER_GATEWAY => (format!("qrouter-{}", port.device_id), format!("qg-{short}")),
        device_owner::FLOATING_IP => return html! {},
        _ => (format!("qdhcp-{}", port.network_id), format!("tap{short}")),
    };
    ui::on_host(
        t,
        html! {
            (fact(t.host_namespace(), ui::copyable(t, &namespace)))
            (fact(t.host_device(), ui::copyable(t, &device)))
        },
        &[
            visit.in_namespace(&namespace, &format!("ip -s link show {device}")),
            visit.in_namespace(&namespace, &format!("tcpdump -ni {device}")),
        ],
    )
}
