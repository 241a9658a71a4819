//! Routers: the list, one of them with its gateway, interfaces and routes.

mod change;
mod floating_ips;
mod gateway;
mod interfaces;
mod static_routes;

use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::routing::get;
use ipnet::IpNet;
use maud::{Markup, html};
use model::RouterId;
use model::network::access::{Resource, get_visible};
use model::network::{Port, Router, router};

use super::{networks, server_of};
use crate::layout::{Content, project_name};
use crate::messages::Text;
use crate::outcome::Answer;
use crate::site::Site;
use crate::ui::{self, List, ListQuery, Mood, badge, fact, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/routers";

pub(crate) fn routes() -> axum::Router<Arc<Site>> {
    axum::Router::new()
        .route(HERE, get(list).post(change::create))
        .route("/dashboard/routers/new", get(change::new))
        .route(
            "/dashboard/routers/delete",
            get(change::ask_delete).post(change::delete),
        )
        .route("/dashboard/routers/{id}", get(show))
        .route("/dashboard/routers/{id}/edit", get(change::edit).post(change::update))
        .merge(gateway::routes())
        .merge(interfaces::routes())
        .merge(static_routes::routes())
}

/// A link to a router's page, by its name.
pub(crate) fn link(t: Text, router: &Router) -> Markup {
    html! { a href=(format!("{HERE}/{}", router.id)) { (networks::name_of(t, &router.standard)) } }
}

/// The project's routers.
pub(crate) fn of_project(visit: &Visit) -> Vec<Arc<Router>> {
    let (cloud, member) = (visit.cloud(), visit.member());
    cloud
        .routers
        .iter()
        .filter(|router| router.visible_to(cloud, &member))
        .cloned()
        .collect()
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    let routers = of_project(&visit);
    let create = ui::main_action("/dashboard/routers/new", "plus", t.router_new());
    let body = html! {
        (ui::head(t.nav_routers(), t.routers_lead(), html! { (create) }))
        @if routers.is_empty() {
            (ui::empty("router", t.routers_empty(), t.routers_empty_text(), create))
        } @else { (table(&visit, &query, routers, false)) }
    };
    Ok(visit.page(Content::new(t.nav_routers(), body).cli(["openstack router list"])))
}

/// The list, here and (with whose they are) for administrators.
pub(crate) fn table(visit: &Visit, query: &ListQuery, routers: Vec<Arc<Router>>, is_of_all: bool) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let gateway_name = |router: &Arc<Router>| {
        let network = router
            .gateway
            .as_ref()
            .and_then(|gateway| cloud.networks.get(&gateway.network_id));
        network.map_or_else(String::new, |network| network.standard.name.clone())
    };
    let name = |router: &Arc<Router>| networks::name_of(t, &router.standard);
    let project = |router: &Arc<Router>| project_name(cloud, &router.standard.project_id);
    let mut list = List::new(visit, query, t.routers_word(), routers, move |router| {
        let addresses: Vec<_> = addresses(visit, router).iter().map(ToString::to_string).collect();
        let legs: Vec<_> = interfaces::of(cloud, router.id)
            .iter()
            .map(|leg| leg.subnet.cidr.to_string())
            .collect();
        format!(
            "{} {} {} {} {} {}",
            router.standard.name,
            router.id,
            gateway_name(router),
            addresses.join(" "),
            legs.join(" "),
            if is_of_all { project(router) } else { String::new() }
        )
    })
    .usually_by("name")
    .sorted(
        "name",
        t.name(),
        |router| router.standard.name.to_lowercase(),
        |router| link(t, router),
    )
    .sorted("gateway", t.router_gateway(), gateway_name, |router| {
        gateway_in_short(visit, router)
    })
    .column("interfaces", t.router_interfaces(), |router| {
        html! {
            div .stack {
                @for leg in interfaces::of(cloud, router.id) {
                    span { (leg.subnet.standard.name) " " code { (leg.subnet.cidr) } }
                }
            }
        }
    })
    .sorted(
        "status",
        t.status(),
        |router| router.status.as_str(),
        |router| state(t, router),
    );
    if is_of_all {
        list = list.sorted(
            "project",
            t.project(),
            project,
            move |router| html! { (project(router)) },
        );
    }
    list.menu(move |router| {
        let at = |what: &str| format!("{HERE}/{}/{what}", router.id);
        let has_gateway = router.gateway.is_some();
        let gateway = if has_gateway { t.router_gateway_change() } else { t.router_gateway_set() };
        ui::menu(t, &name(router), html! {
            (ui::menu_dialog(&at("interfaces/new"), "plus", t.router_interface_new()))
            (ui::menu_dialog(&at("gateway"), "globe", gateway))
            @if has_gateway { (ui::menu_dialog(&at("gateway/clear"), "unlink", t.router_gateway_clear())) }
            (ui::menu_dialog(&at("edit"), "pencil", t.edit()))
            hr;
            (ui::dialog_link(&format!("{HERE}/delete?id={}", router.id), "item danger", html! { (icon("trash")) (t.delete()) }))
        })
    })
    .bulk_delete(format!("{HERE}/delete"), |router| router.id.to_string(), name)
    .render()
}

/// Its status, and whether it is switched off.
pub(crate) fn state(t: Text, router: &Router) -> Markup {
    if !router.admin_state_up {
        return badge(Mood::Idle, t.switched_off());
    }
    badge(
        Mood::of_network(router.status.as_str()),
        t.network_status(router.status.as_str()),
    )
}

/// Its addresses on the provider network.
fn addresses(visit: &Visit, router: &Router) -> Vec<std::net::IpAddr> {
    let port = router::gateway_port(visit.cloud(), router);
    port.map_or_else(Vec::new, |port| {
        port.fixed_ips.iter().map(|fixed| fixed.ip_address).collect()
    })
}

/// Prefixes in a sentence, IPv4 first.
fn in_order(prefixes: impl Iterator<Item = IpNet>) -> String {
    let mut prefixes: Vec<_> = prefixes.collect();
    prefixes.sort_unstable();
    let written: Vec<_> = prefixes.iter().map(ToString::to_string).collect();
    written.join(", ")
}

fn gateway_in_short(visit: &Visit, router: &Router) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let network = router
        .gateway
        .as_ref()
        .and_then(|gateway| cloud.networks.get(&gateway.network_id));
    html! {
        @if let Some(network) = network {
            div .stack {
                span { (networks::link(t, network)) }
                @for address in addresses(visit, router) { code { (address) } }
            }
        } @else { span .muted { (t.router_gateway_none()) } }
    }
}

async fn show(visit: Visit, Path(id): Path<RouterId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let router = get_visible::<Router>(cloud, visit.actor(), &id)?;
    let name = networks::name_of(t, &router.standard);
    let actions = html! {
        (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
        (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
    };
    let body = html! {
        (ui::object_head((HERE, t.nav_routers()), &name, state(t, &router), actions))
        div .cards {
            (ui::card(t.details(), about(&visit, &router)))
            (gateway::card(&visit, &router))
        }
        (interfaces::card(&visit, &router))
        (floating_ips::card(&visit, &router))
        (static_routes::card(&visit, &router))
        (on_host(&visit, &router))
    };
    Ok(visit.page(Content::new(&name, body).cli([
        format!("openstack router show {id}"),
        format!("openstack port list --router {id}"),
        format!("openstack router add subnet {id} SUBNET"),
        format!("openstack floating ip list --router {id}"),
    ])))
}

fn about(visit: &Visit, router: &Router) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, &router.id.to_string())))
        @if !router.standard.description.is_empty() { (fact(t.description(), html! { (router.standard.description) })) }
        (fact(t.project(), html! { (project_name(cloud, &router.standard.project_id)) }))
        (fact(t.created(), ui::time(router.standard.created_at)))
    })
}

fn on_host(visit: &Visit, router: &Router) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let namespace = format!("qrouter-{}", router.id);
    let device = |prefix: &str, port: &Port| format!("{prefix}-{}", port.id.short());
    let gateway = router::gateway_port(cloud, router);
    let mut commands = vec![
        visit.in_namespace(&namespace, "ip -br addr"),
        visit.in_namespace(&namespace, "ip route"),
        visit.in_namespace(&namespace, "nft list ruleset"),
    ];
    // From inside, a server answers whatever way leads to it from elsewhere.
    let legs = interfaces::of(cloud, router.id);
    let server = legs.iter().find_map(|leg| {
        cloud
            .ports_of_network(leg.port.network_id)
            .find(|port| server_of(cloud, port).is_some())?
            .first_ipv4()
    });
    if let Some(address) = server {
        commands.push(visit.in_namespace(&namespace, &format!("ping -c 3 {address}")));
    }
    ui::on_host(
        t,
        html! {
            (fact(t.host_namespace(), ui::copyable(t, &namespace)))
            @if let Some(port) = gateway {
                (fact(t.router_gateway(), html! {
                    (ui::copyable(t, &device("qg", port))) " "
                    @for fixed in &port.fixed_ips { code { (fixed.ip_address) } " " }
                }))
            }
            @if !legs.is_empty() {
                (fact(t.router_interfaces(), html! {
                    div .stack {
                        @for leg in &legs { div { (ui::copyable(t, &device("qr", &leg.port))) " " code { (leg.address) } } }
                    }
                }))
            }
        },
        &commands,
    )
}
