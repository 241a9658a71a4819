//! A router's interfaces: the subnets that it joins. The form that adds one opens from here, and from a network.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use model::network::access::{Resource, get_visible};
use model::network::{Port, Router, Subnet, router};
use model::{Cloud, ProjectId, RouterId, SubnetId};
use serde_json::json;

use super::{HERE, floating_ips};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::network::{networks, subnets};
use crate::site::Site;
use crate::ui::{self, Choice, Field, Mood, badge, icon};
use crate::visit::Visit;

pub(super) fn routes() -> axum::Router<Arc<Site>> {
    axum::Router::new()
        .route("/dashboard/routers/interface", get(new).post(create))
        .route("/dashboard/routers/{id}/interfaces/new", get(new_here))
        .route(
            "/dashboard/routers/{id}/interfaces/remove",
            get(ask_remove).post(remove),
        )
}

/// A router's place on a subnet.
pub(super) struct Leg {
    pub port: Arc<Port>,
    pub subnet: Arc<Subnet>,
    pub address: IpAddr,
}

/// The legs of a router, one for each subnet.
pub(super) fn of(cloud: &Cloud, id: RouterId) -> Vec<Leg> {
    let mut legs: Vec<Leg> = router::interfaces(cloud, id)
        .flat_map(|port| port.fixed_ips.iter().map(move |fixed| (port, fixed)))
        .filter_map(|(port, fixed)| {
            Some(Leg {
                port: port.clone(),
                subnet: cloud.subnets.get(&fixed.subnet_id)?.clone(),
                address: fixed.ip_address,
            })
        })
        .collect();
    legs.sort_by_key(|leg| leg.subnet.cidr);
    legs
}

/// The interfaces, on the router's page.
pub(super) fn card(visit: &Visit, router: &Router) -> Markup {
    let t = visit.t();
    let legs = of(visit.cloud(), router.id);
    html! {
        section .card #interfaces {
            header .card-head {
                h2 { (t.router_interfaces()) " " span .muted { (legs.len()) } }
                (ui::action(&format!("{HERE}/{}/interfaces/new", router.id), "plus", t.router_interface_new()))
            }
            @if legs.is_empty() { p .muted { (t.router_interface_none()) } } @else {
                div .table-scroll { table {
                    thead { tr {
                        th { (t.network()) } th { (t.subnet()) } th { (t.port_addresses()) } th { (t.port()) } th { (t.status()) }
                        th .row-menu { span .sr { (t.actions()) } }
                    } }
                    tbody { @for leg in &legs { (row(visit, router, leg)) } }
                } }
            }
        }
    }
}

fn row(visit: &Visit, router: &Router, leg: &Leg) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let status = leg.port.status.as_str();
    let at = format!("{HERE}/{}/interfaces/remove?subnet={}", router.id, leg.subnet.id);
    html! {
        tr {
            td { @if let Some(network) = cloud.networks.get(&leg.port.network_id) { (networks::link(t, network)) } }
            td { (leg.subnet.standard.name) " " code { (leg.subnet.cidr) } }
            td {
                code { (leg.address) } " "
                @if leg.subnet.gateway_ip == Some(leg.address) { span .muted.small.nowrap { (t.router_interface_is_gateway()) } }
            }
            td .nowrap { a href=(format!("/dashboard/ports/{}", leg.port.id)) { (leg.port.id.short()) } }
            td { (badge(Mood::of_network(status), t.network_status(status))) }
            td .row-menu { (ui::dialog_link(&at, "button small danger", html! { (icon("unlink")) (t.remove()) })) }
        }
    }
}

/// The project's subnets, with what keeps the router from joining them. A form that asks for an address has a way for those
/// whose gateway's address is not to be had.
pub(super) fn candidates(
    visit: &Visit,
    project: &ProjectId,
    router: Option<&Router>,
    asks_address: bool,
) -> Vec<Choice> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let of_project = cloud
        .subnets
        .iter()
        .filter(|subnet| subnet.standard.project_id == *project);
    let mut choices: Vec<(String, Choice)> = of_project
        .filter_map(|subnet| {
            let network = cloud
                .networks
                .get(&subnet.network_id)
                .filter(|network| !network.external)?;
            let network = networks::name_of(t, &network.standard);
            let label = match subnet.standard.name.as_str() {
                "" => format!("{network}: {}", subnet.cidr),
                name => format!("{network}: {name} {}", subnet.cidr),
            };
            let choice = Choice::new(subnet.id, label.clone());
            let obstacle = router.and_then(|router| obstacle(t, cloud, router, subnet));
            let choice = match (obstacle, lacks_gateway(t, cloud, subnet)) {
                (Some(reason), _) => choice.note(reason).out(true),
                (None, Some(reason)) if asks_address => choice.note(t.router_interface_needs_address(reason)),
                (None, Some(reason)) => choice.note(reason).out(true),
                (None, None) => choice,
            };
            Some((label, choice))
        })
        .collect();
    choices.sort_by(|a, b| a.0.cmp(&b.0));
    choices.into_iter().map(|(_, choice)| choice).collect()
}

/// Why a router can't join a subnet.
fn obstacle(t: Text, cloud: &Cloud, router: &Router, subnet: &Subnet) -> Option<String> {
    let mut joined = router::connected(cloud, router).map(|(other, _)| other);
    let other = joined.find(|other| router::overlaps(&other.cidr, &subnet.cidr))?;
    Some(if other.id == subnet.id {
        t.router_interface_is_joined().to_owned()
    } else {
        t.router_interface_overlaps(other.cidr)
    })
}

/// Why a router can't have the address of a subnet's gateway.
fn lacks_gateway(t: Text, cloud: &Cloud, subnet: &Subnet) -> Option<String> {
    match subnet.gateway_ip {
        None => Some(t.router_interface_no_gateway().to_owned()),
        Some(address) => {
            let is_taken = cloud.lookups.addresses.contains_key(&(subnet.id, address));
            is_taken.then(|| t.router_interface_gateway_taken(address))
        }
    }
}

async fn new_here(visit: Visit, Path(id): Path<RouterId>, fields: Fields) -> Answer {
    form(&visit, Some(id), &fields)
}

async fn new(visit: Visit, fields: Fields) -> Answer {
    form(&visit, fields.parse("router")?, &fields)
}

/// The form that adds an interface. What is known before is in the address: `router`, and `network` or `subnet`.
fn form(visit: &Visit, router: Option<RouterId>, known: &Fields) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let router = router
        .map(|id| get_visible::<Router>(cloud, visit.actor(), &id))
        .transpose()?;
    let project = router
        .as_ref()
        .map_or(visit.project_id(), |router| &router.standard.project_id);
    let subnets = candidates(visit, project, router.as_deref(), true);
    let is_wanted = |choice: &&Choice| {
        let subnet = choice
            .value
            .parse::<SubnetId>()
            .ok()
            .and_then(|id| cloud.subnets.get(&id));
        known.text("subnet") == Some(choice.value.as_str())
            || subnet.is_some_and(|subnet| known.text("network") == Some(subnet.network_id.to_string().as_str()))
    };
    let preset = subnets
        .iter()
        .filter(|choice| !choice.is_out)
        .find(is_wanted)
        .map_or("", |choice| choice.value.as_str());
    let routers: Vec<_> = super::of_project(visit)
        .iter()
        .map(|router| Choice::new(router.id, networks::name_of(t, &router.standard)))
        .collect();
    let example = router
        .as_ref()
        .map_or_else(|| "ROUTER".to_owned(), |router| router.id.to_string());
    let body = html! {
        form method="post" action="/dashboard/routers/interface" hx-post="/dashboard/routers/interface" hx-swap="none" {
            @match &router {
                Some(router) => input type="hidden" name="router" value=(router.id);,
                None => (ui::pick(Field {
                    name: "router",
                    label: t.router_word(),
                    required: true,
                    ..Field::default()
                }, None, &routers)),
            }
            @if subnets.is_empty() {
                p .note.warn { (t.router_interface_no_subnets()) }
            } @else {
                (ui::pick(
                    Field {
                        name: "subnet",
                        label: t.subnet(),
                        hint: t.router_interface_subnet_hint(),
                        value: preset,
                        required: true,
                        ..Field::default()
                    },
                    preset.is_empty().then_some(t.router_interface_which_subnet().trim_end_matches('.')),
                    &subnets,
                ))
                (ui::text(Field {
                    name: "address",
                    label: t.router_interface_address(),
                    hint: t.router_interface_address_hint(),
                    ..Field::default()
                }))
            }
            (ui::submit(t, t.router_interface_new(), false))
        }
        (ui::command_line(t, &[format!("openstack router add subnet {example} SUBNET")]))
    };
    let title = router.as_ref().map_or_else(
        || t.router_interface_new().to_owned(),
        |router| t.router_interface_new_title(networks::name_of(t, &router.standard)),
    );
    Ok(visit.form(&title, body))
}

async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let router: RouterId = fields
        .parse("router")?
        .ok_or_else(|| Problem::in_form(t.router_interface_which_router()))?;
    let subnet: SubnetId = fields
        .parse("subnet")?
        .ok_or_else(|| Problem::in_form(t.router_interface_which_subnet()))?;
    let router = get_visible::<Router>(cloud, visit.actor(), &router)?;
    let subnet = get_visible::<Subnet>(cloud, visit.actor(), &subnet)?;
    let address: Option<IpAddr> = fields.parse("address")?;
    match address.filter(|address| Some(*address) != subnet.gateway_ip) {
        None => {
            join(
                &visit,
                &router.id.to_string(),
                [subnet.id.to_string().as_str()].into_iter(),
            )
            .await?
        }
        Some(address) => join_at(&visit, &router, &subnet, address).await?,
    }
    Ok(Done::saying(t.router_interface_added(subnets::named(&subnet))))
}

/// Joins subnets at their gateways' addresses: all of them, or none.
pub(super) async fn join(visit: &Visit, router: &str, subnets: impl Iterator<Item = &str>) -> Answer<()> {
    let at = |verb: &str| format!("/networking/v2.0/routers/{router}/{verb}_router_interface");
    let mut joined = Vec::new();
    for subnet in subnets {
        let body = json!({"subnet_id": subnet});
        if let Err(problem) = visit.put(&at("add"), body.clone()).await {
            for body in joined {
                visit.put(&at("remove"), body).await?;
            }
            return Err(problem);
        }
        joined.push(body);
    }
    Ok(())
}

/// Joins a subnet at another address: by a port that has it.
async fn join_at(visit: &Visit, router: &Router, subnet: &Subnet, address: IpAddr) -> Answer<()> {
    let port = json!({"port": {
        "network_id": subnet.network_id,
        "project_id": router.standard.project_id,
        "fixed_ips": [{"subnet_id": subnet.id, "ip_address": address}],
    }});
    let made = visit.post("/networking/v2.0/ports", port).await?;
    let port_id = made["port"]["id"].as_str().unwrap_or_default();
    let at = format!("/networking/v2.0/routers/{}/add_router_interface", router.id);
    if let Err(problem) = visit.put(&at, json!({"port_id": port_id})).await {
        visit.delete(&format!("/networking/v2.0/ports/{port_id}")).await?;
        return Err(problem);
    }
    Ok(())
}

/// The subnet that a request names; it is there as long as the router has a leg on it.
fn subnet_of(visit: &Visit, router: &Router, fields: &Fields) -> Result<Arc<Subnet>, Problem> {
    let id: SubnetId = fields
        .parse("subnet")?
        .ok_or_else(|| Problem::in_form(visit.t().router_interface_which_subnet()))?;
    let leg = of(visit.cloud(), router.id).into_iter().find(|leg| leg.subnet.id == id);
    Ok(leg
        .map(|leg| leg.subnet)
        .ok_or_else(|| <Subnet as model::Row>::not_found(&id))?)
}

async fn ask_remove(visit: Visit, Path(id): Path<RouterId>, fields: Fields) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let router = get_visible::<Router>(cloud, visit.actor(), &id)?;
    let subnet = subnet_of(&visit, &router, &fields)?;
    let at = format!("{HERE}/{id}/interfaces/remove");
    let needing = router::floating_ips_on(cloud, id, subnet.id).count();
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            input type="hidden" name="subnet" value=(subnet.id);
            @if needing == 0 { p .lead-in { (t.router_interface_remove_text()) } } @else {
                (floating_ips::in_the_way(t, id, &t.router_subnet_in_the_way(needing)))
            }
            (ui::submit_if(t, t.router_interface_remove(), true, needing > 0, None))
        }
        (ui::command_line(t, &[format!("openstack router remove subnet {id} {}", subnet.id)]))
    };
    Ok(visit.form(&t.router_interface_remove_title(subnets::named(&subnet)), body))
}

async fn remove(visit: Visit, Path(id): Path<RouterId>, fields: Fields) -> Answer<Done> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let router = get_visible::<Router>(cloud, visit.actor(), &id)?;
    let subnet = subnet_of(&visit, &router, &fields)?;
    // A subnet that the caller can't see (no longer shared) is named by its port.
    let leg = of(cloud, id).into_iter().find(|leg| leg.subnet.id == subnet.id);
    let body = match leg {
        Some(leg) if !subnet.visible_to(cloud, visit.actor()) => json!({"port_id": leg.port.id}),
        _ => json!({"subnet_id": subnet.id}),
    };
    visit
        .put(&format!("/networking/v2.0/routers/{id}/remove_router_interface"), body)
        .await?;
    Ok(Done::saying(t.router_interface_removed(subnets::named(&subnet))))
}
