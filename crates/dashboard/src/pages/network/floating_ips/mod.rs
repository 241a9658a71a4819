//! Floating IPs: the list, one of them with the way it leads and its port forwardings.

mod associate;
mod forwardings;
mod targets;

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::network::access::{Resource, get_visible};
use model::network::{FloatingIp, Port, router};
use model::{FloatingIpId, PortId};
use serde_json::json;

use super::{networks, ports, routers, server_of};
use crate::form::Fields;
use crate::layout::{Content, project_name};
use crate::messages::Text;
use crate::outcome::{Answer, Done};
use crate::pages::deletion::{self, Victim};
use crate::pages::reach;
use crate::site::Site;
use crate::ui::{self, Field, List, ListQuery, Mood, badge, fact, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/floating-ips";
/// Where they are in the API.
const API: &str = "/networking/v2.0/floatingips";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list))
        .route("/dashboard/floating-ips/{id}", get(show))
        .route("/dashboard/floating-ips/{id}/edit", get(edit).post(update))
        .merge(associate::routes())
        .merge(forwardings::routes())
        .merge(deletion::routes(
            deletion::Kind::FloatingIp,
            "/dashboard/floating-ips/delete",
            Some(HERE),
            victim,
        ))
}

/// A link to a floating IP's page, by its address.
pub(crate) fn link(row: &FloatingIp) -> Markup {
    html! { a href=(format!("{HERE}/{}", row.id)) { code { (row.floating_ip_address) } } }
}

/// The project's floating IPs, in the order of their addresses.
pub(crate) fn of_project(visit: &Visit) -> Vec<Arc<FloatingIp>> {
    let (cloud, member) = (visit.cloud(), visit.member());
    let mut rows: Vec<_> = cloud
        .floating_ips
        .iter()
        .filter(|row| row.visible_to(cloud, &member))
        .cloned()
        .collect();
    rows.sort_by_key(|row| row.floating_ip_address);
    rows
}

/// How it is: one that leads nowhere is down by nature, and no fault.
pub(crate) fn state(t: Text, row: &FloatingIp) -> Markup {
    if row.router_id.is_none() {
        return badge(Mood::Idle, t.fip_free());
    }
    badge(
        Mood::of_network(row.status.as_str()),
        t.network_status(row.status.as_str()),
    )
}

/// What is plugged into a port: a server's name, else the port's.
fn target_name(visit: &Visit, id: PortId) -> String {
    let cloud = visit.cloud();
    cloud.ports.get(&id).map_or_else(String::new, |port| {
        server_of(cloud, port).map_or_else(|| ports::short_name(port), |server| server.name.clone())
    })
}

/// A port by what is plugged into it, with one of its addresses.
fn port_link(visit: &Visit, port: &Port, address: Option<Ipv4Addr>) -> Markup {
    html! {
        @match server_of(visit.cloud(), port) {
            Some(server) => a href=(format!("/dashboard/servers/{}", server.id)) { (server.name) },
            None => a href=(format!("/dashboard/ports/{}", port.id)) { (ports::short_name(port)) },
        }
        @if let Some(address) = address { " " code { (address) } }
    }
}

/// Where it leads: a port, several by forwardings, or nowhere.
pub(crate) fn leads_to(visit: &Visit, row: &FloatingIp) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let forwardings = cloud.lookups.forwardings_by_floating_ip.count(&row.id);
    html! {
        @match row.port_id.and_then(|id| cloud.ports.get(&id)) {
            Some(port) => (port_link(visit, port, row.fixed_ip_address)),
            None => @if forwardings > 0 { (t.fip_forwards(forwardings)) } @else { span .muted { (t.fip_nowhere()) } },
        }
    }
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    let rows = of_project(&visit);
    let create = ui::main_action("/dashboard/floating-ips/new", "plus", t.fip_new());
    let body = html! {
        (ui::head(t.nav_floating_ips(), t.fips_lead(), html! { (create) }))
        @if rows.is_empty() {
            (ui::empty("globe", t.fips_empty(), t.fips_empty_text(), create))
        } @else { (table(&visit, &query, rows, false)) }
    };
    Ok(visit.page(Content::new(t.nav_floating_ips(), body).cli(["openstack floating ip list"])))
}

/// The list, here and (with whose they are) for administrators.
pub(crate) fn table(visit: &Visit, query: &ListQuery, rows: Vec<Arc<FloatingIp>>, is_of_all: bool) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let target = |row: &FloatingIp| row.port_id.map_or_else(String::new, |id| target_name(visit, id));
    let network = |row: &FloatingIp| cloud.networks.get(&row.floating_network_id);
    let network_name =
        |row: &FloatingIp| network(row).map_or_else(String::new, |network| network.standard.name.clone());
    let project = |row: &Arc<FloatingIp>| project_name(cloud, &row.standard.project_id);
    let mut list = List::new(visit, query, t.fips_word(), rows, |row| {
        let fixed = row.fixed_ip_address.map_or_else(String::new, |address| address.to_string());
        let project = if is_of_all { project(row) } else { String::new() };
        let description = &row.standard.description;
        format!("{} {} {fixed} {} {project} {description}", row.floating_ip_address, target(row), network_name(row))
    })
    .sorted("address", t.fip_address(), |row| row.floating_ip_address, |row| {
        html! {
            div .stack {
                (link(row))
                @if !row.standard.description.is_empty() { span .muted.small { (row.standard.description) } }
            }
        }
    })
    .sorted("target", t.fip_leads_to(), |row| target(row).to_lowercase(), |row| leads_to(visit, row))
    .sorted("network", t.network(), |row| network_name(row), |row| {
        html! { @if let Some(network) = network(row) { (networks::link(t, network)) } }
    })
    .minor()
    .column("router", t.fip_router(), |row| {
        html! { @if let Some(router) = row.router_id.and_then(|id| cloud.routers.get(&id)) { (routers::link(t, router)) } }
    });
    // Whose they are is told first; the way there is on the address's own page.
    if is_of_all {
        list = list.minor();
    }
    list = list.sorted("status", t.status(), |row| row.status.as_str(), |row| state(t, row));
    if is_of_all {
        list = list.sorted("project", t.project(), project, move |row| html! { (project(row)) });
    }
    list.menu(|row| ui::menu(t, &row.floating_ip_address.to_string(), menu_items(visit, row)))
        .bulk_delete(
            format!("{HERE}/delete"),
            |row| row.id.to_string(),
            |row| row.floating_ip_address.to_string(),
        )
        .render()
}

fn menu_items(visit: &Visit, row: &FloatingIp) -> Markup {
    let t = visit.t();
    let at = |what: &str| format!("{HERE}/{}/{what}", row.id);
    let has_forwardings = visit
        .cloud()
        .lookups
        .forwardings_by_floating_ip
        .first(&row.id)
        .is_some();
    html! {
        @if row.port_id.is_some() {
            (ui::menu_dialog(&format!("{HERE}/associate?address={}", row.id), "swap", t.fip_move()))
            (ui::menu_dialog(&at("disassociate"), "unlink", t.fip_disassociate()))
        } @else {
            @if !has_forwardings {
                (ui::menu_dialog(&format!("{HERE}/associate?address={}", row.id), "link", t.fip_associate()))
            }
            (ui::menu_dialog(&at("forwardings/new"), "plus", t.fwd_new()))
        }
        (ui::menu_dialog(&at("edit"), "pencil", t.edit()))
        hr;
        (ui::dialog_link(&format!("{HERE}/delete?id={}", row.id), "item danger", html! { (icon("trash")) (t.fip_release()) }))
    }
}

async fn show(visit: Visit, Path(id): Path<FloatingIpId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let row = get_visible::<FloatingIp>(cloud, visit.actor(), &id)?;
    let name = row.floating_ip_address.to_string();
    let has_forwardings = cloud.lookups.forwardings_by_floating_ip.first(&id).is_some();
    let actions = html! {
        @if row.port_id.is_some() {
            (ui::action(&format!("{HERE}/{id}/disassociate"), "unlink", t.fip_disassociate()))
        } @else if !has_forwardings {
            (ui::main_action(&format!("{HERE}/associate?address={id}"), "link", t.fip_associate()))
        }
        a .button href=(reach::of_floating_ip(row.floating_ip_address)) { (icon("route")) (t.reach_of_target()) }
        (ui::menu(t, &name, html! {
            @if row.port_id.is_some() {
                (ui::menu_dialog(&format!("{HERE}/associate?address={id}"), "swap", t.fip_move()))
            }
            (ui::menu_dialog(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
            hr;
            (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "item danger", html! { (icon("trash")) (t.fip_release()) }))
        }))
    };
    let body = html! {
        (ui::object_head((HERE, t.nav_floating_ips()), &name, state(t, &row), actions))
        (way(&visit, &row))
        div .cards { (ui::card(t.details(), about(&visit, &row))) }
        (forwardings::card(&visit, &row))
        (on_host(&visit, &row))
    };
    Ok(visit.page(Content::new(&name, body).cli([
        format!("openstack floating ip show {id}"),
        format!("openstack floating ip set --port PORT {id}"),
        format!("openstack floating ip unset --port {id}"),
        format!("openstack floating ip port forwarding list {id}"),
    ])))
}

/// The way in, from the outside to the server.
fn way(visit: &Visit, row: &FloatingIp) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    html! {
        section .card.way-in {
            h2 { (t.fip_way()) }
            ol .way {
                li { (icon("network")) span .stack { span .muted.small { (t.fip_outside()) }
                    span { @if let Some(network) = cloud.networks.get(&row.floating_network_id) { (networks::link(t, network)) } } } }
                li { (icon("globe")) span .stack { span .muted.small { (t.fip_word()) } code { (row.floating_ip_address) } } }
                @if let Some(router) = row.router_id.and_then(|id| cloud.routers.get(&id)) {
                    li { (icon("router")) span .stack { span .muted.small { (t.router_word()) } span { (routers::link(t, router)) } } }
                }
                li .nowhere[row.router_id.is_none()] {
                    (icon("server"))
                    span .stack { span .muted.small { (t.fip_leads_to()) } (way_end(visit, row)) }
                }
            }
        }
    }
}

/// The end of the way: the server, and on a line of its own its address, which is never cut.
fn way_end(visit: &Visit, row: &FloatingIp) -> Markup {
    html! {
        @match row.port_id.and_then(|id| visit.cloud().ports.get(&id)) {
            Some(port) => {
                span { (port_link(visit, port, None)) }
                @if let Some(address) = row.fixed_ip_address { code { (address) } }
            }
            None => span { (leads_to(visit, row)) },
        }
    }
}

fn about(visit: &Visit, row: &FloatingIp) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    ui::facts(html! {
        (fact(t.fip_address(), ui::copyable(t, &row.floating_ip_address.to_string())))
        (fact(t.id(), ui::copyable(t, &row.id.to_string())))
        @if !row.standard.description.is_empty() { (fact(t.description(), html! { (row.standard.description) })) }
        @if !row.dns_name.is_empty() { (fact("DNS", html! { code { (row.dns_name) "." (row.dns_domain) } })) }
        (fact(t.project(), html! { (project_name(cloud, &row.standard.project_id)) }))
        (fact(t.created(), ui::time(row.standard.created_at)))
    })
}

fn on_host(visit: &Visit, row: &FloatingIp) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let Some(router) = row.router_id.and_then(|id| cloud.routers.get(&id)) else {
        return html! {};
    };
    let namespace = format!("qrouter-{}", router.id);
    let mut commands = Vec::new();
    if let Some(port) = router::gateway_port(cloud, router) {
        commands.push(visit.in_namespace(&namespace, &format!("ip -br addr show qg-{}", port.id.short())));
    }
    commands.push(visit.in_namespace(&namespace, "nft list table ip dpr"));
    commands.push(visit.at_host(&format!("ping -c 3 {}", row.floating_ip_address)));
    ui::on_host(
        t,
        html! {
            (fact(t.host_namespace(), ui::copyable(t, &namespace)))
            @if let Some(port) = router::gateway_port(cloud, router) {
                (fact(t.host_device(), ui::copyable(t, &format!("qg-{}", port.id.short()))))
            }
            (fact(t.fip_host_translation(), html! { (t.fip_host_translation_hint()) }))
        },
        &commands,
    )
}

async fn edit(visit: Visit, Path(id): Path<FloatingIpId>) -> Answer {
    let t = visit.t();
    let row = get_visible::<FloatingIp>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field {
                name: "description",
                label: t.description(),
                value: &row.standard.description,
                ..Field::default()
            }))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack floating ip set --description TEXT {id}")]))
    };
    Ok(visit.form(&t.fip_edit(row.floating_ip_address), body))
}

async fn update(visit: Visit, Path(id): Path<FloatingIpId>, fields: Fields) -> Answer<Done> {
    let body = json!({"floatingip": {"description": fields.plain("description")}});
    visit.put(&format!("{API}/{id}"), body).await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let row = get_visible::<FloatingIp>(cloud, visit.actor(), &deletion::parsed(id)?)?;
    let victim = Victim::new(row.id, row.floating_ip_address.to_string(), format!("{API}/{}", row.id));
    if let Some(port) = row.port_id {
        return Ok(victim.note(t.fip_release_note(target_name(visit, port))));
    }
    let forwardings = cloud.lookups.forwardings_by_floating_ip.count(&row.id);
    if forwardings > 0 {
        let page = format!("{HERE}/{}", row.id);
        return Ok(victim
            .blocked(t.fip_has_forwardings(forwardings))
            .step(page, t.fwd_title()));
    }
    Ok(victim)
}
