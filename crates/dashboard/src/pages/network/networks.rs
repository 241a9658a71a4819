//! Networks: the list, one of them, the wizard that makes one with its subnet.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::network::access::{Resource, get_visible};
use model::network::{Network, Port, Subnet};
use model::{Cloud, NetworkId};
use serde_json::{Value, json};

use super::subnets::{self, SubnetFields};
use crate::form::Fields;
use crate::layout::{Content, project_name};
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Field, List, ListQuery, Mood, badge, fact, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/networks";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/networks/new", get(new))
        .route("/dashboard/networks/{id}", get(show))
        .route("/dashboard/networks/{id}/edit", get(edit).post(update))
        .merge(deletion::routes(
            deletion::Kind::Network,
            "/dashboard/networks/delete",
            Some(HERE),
            victim,
        ))
}

/// A name for people: networks need none.
pub(crate) fn name_of(t: Text, standard: &model::network::Standard) -> String {
    if standard.name.is_empty() {
        t.unnamed().to_owned()
    } else {
        standard.name.clone()
    }
}

/// A link to a network's page, by its name.
pub(crate) fn link(t: Text, network: &Network) -> Markup {
    html! { a href=(format!("{HERE}/{}", network.id)) { (name_of(t, &network.standard)) } }
}

/// Networks that the project's pages speak of: its own, and those that it may use.
pub(crate) fn of_project(visit: &Visit) -> Vec<Arc<Network>> {
    let member = visit.member();
    let cloud = visit.cloud();
    cloud
        .networks
        .iter()
        .filter(|network| network.visible_to(cloud, &member))
        .cloned()
        .collect()
}

fn subnets_of(cloud: &Cloud, id: NetworkId) -> Vec<Arc<Subnet>> {
    cloud
        .lookups
        .subnets_by_network
        .of(&id)
        .filter_map(|id| cloud.subnets.get(id))
        .cloned()
        .collect()
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    let networks = of_project(&visit);
    let create = ui::main_action("/dashboard/networks/new", "plus", t.network_new());
    let body = html! {
        (ui::head(t.nav_networks(), t.networks_lead(), html! { (create) }))
        @if networks.is_empty() {
            (ui::empty("network", t.networks_empty(), t.networks_empty_text(), html! { (create) }))
        } @else { (table(&visit, &query, networks, false)) }
    };
    Ok(visit.page(Content::new(t.nav_networks(), body).cli(["openstack network list", "openstack subnet list"])))
}

/// The list, here and (with whose they are and where they are in the physical world) for administrators.
pub(crate) fn table(visit: &Visit, query: &ListQuery, networks: Vec<Arc<Network>>, is_of_all: bool) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let owns = |network: &Network| visit.actor().can_see(&network.standard.project_id);
    let project = |network: &Arc<Network>| project_name(cloud, &network.standard.project_id);
    let mut list = List::new(visit, query, t.networks_word(), networks, |network| {
        let subnets = subnets_of(cloud, network.id);
        let cidrs: Vec<_> = subnets
            .iter()
            .map(|subnet| format!("{} {}", subnet.standard.name, subnet.cidr))
            .collect();
        let project = if is_of_all { project(network) } else { String::new() };
        format!("{} {} {} {project}", network.standard.name, network.id, cidrs.join(" "))
    })
    .usually_by("name")
    .sorted(
        "name",
        t.name(),
        |network| network.standard.name.to_lowercase(),
        |network| {
            html! {
                (link(t, network)) " "
                @if network.external { (tag(t.external())) }
                @if network.shared { (tag(t.shared())) }
            }
        },
    );
    if is_of_all {
        list = list
            .sorted(
                "project",
                t.project(),
                move |network| project(network).to_lowercase(),
                move |network| html! { (project(network)) },
            )
            .sorted(
                "segment",
                t.segment(),
                |network| segment(network),
                |network| html! { (segment(network)) },
            );
    }
    list.column("subnets", t.subnets(), |network| {
        html! {
            div .stack {
                @for subnet in subnets_of(cloud, network.id) {
                    span { (subnet.standard.name) " " code { (subnet.cidr) } }
                }
            }
        }
    })
    .sorted("ports", t.ports(), |network| cloud.lookups.ports_by_network.count(&network.id), |network| {
        html! { (cloud.lookups.ports_by_network.count(&network.id)) }
    })
    .sorted("status", t.status(), |network| network.status.as_str(), |network| state(t, network))
    .menu(|network| {
        let at = |what: &str| format!("{HERE}/{}/{what}", network.id);
        html! {
            @if owns(network) {
                (ui::menu(t, &name_of(t, &network.standard), html! {
                    (ui::menu_dialog(&at("edit"), "pencil", t.edit()))
                    (ui::menu_dialog(&format!("/dashboard/subnets/new?network={}", network.id), "plus", t.subnet_new()))
                    hr;
                    (ui::dialog_link(&format!("{HERE}/delete?id={}", network.id), "item danger", html! { (icon("trash")) (t.delete()) }))
                }))
            }
        }
    })
    .bulk_delete(format!("{HERE}/delete"), |network| network.id.to_string(), |network| name_of(t, &network.standard))
    .render()
}

/// Where it is in the physical world: `Flat · public`, `VXLAN 4711`.
fn segment(network: &Network) -> String {
    let kind = match network.network_type() {
        "flat" => "Flat".to_owned(),
        kind => kind.to_uppercase(),
    };
    let number = network.segmentation_id.map(|id| format!("{kind} {id}"));
    let place = network.physical_network.as_ref().map(|name| format!("· {name}"));
    [number.unwrap_or(kind)]
        .into_iter()
        .chain(place)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Its status, and whether it is switched off.
fn state(t: Text, network: &Network) -> Markup {
    if !network.admin_state_up {
        return badge(Mood::Idle, t.switched_off());
    }
    badge(
        Mood::of_network(network.status.as_str()),
        t.network_status(network.status.as_str()),
    )
}

async fn show(visit: Visit, Path(id): Path<NetworkId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let network = get_visible::<Network>(cloud, visit.actor(), &id)?;
    let name = name_of(t, &network.standard);
    let owns = visit.actor().can_see(&network.standard.project_id);
    let actions = html! {
        @if owns {
            (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
            (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
        }
    };
    let body = html! {
        (ui::object_head((HERE, t.nav_networks()), &name, state(t, &network), actions))
        div .cards {
            (ui::card(t.details(), about(&visit, &network)))
        }
        (subnets::card(&visit, &network))
        (super::ports::card(&visit, &network))
        (on_host(&visit, &network))
    };
    Ok(visit.page(Content::new(&name, body).cli([
        format!("openstack network show {id}"),
        format!("openstack subnet list --network {id}"),
        format!("openstack port list --network {id}"),
    ])))
}

fn about(visit: &Visit, network: &Network) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, &network.id.to_string())))
        @if !network.standard.description.is_empty() { (fact(t.description(), html! { (network.standard.description) })) }
        (fact(t.project(), html! { (project_name(cloud, &network.standard.project_id)) }))
        (fact(t.external(), html! { (t.yes_no(network.external)) }))
        (fact(t.shared(), html! { (t.yes_no(network.shared)) }))
        (fact(t.mtu(), html! { (network.mtu) }))
        @if visit.is_admin() {
            (fact(t.segment(), html! { (segment(network)) }))
        }
        (fact(t.created(), ui::time(network.standard.created_at)))
    })
}

fn on_host(visit: &Visit, network: &Network) -> Markup {
    let t = visit.t();
    if network.external {
        return ui::on_host(
            t,
            html! { (fact(t.host_bridge(), html! { code { "br-ex" } })) },
            &[visit.at_host("ip addr show br-ex")],
        );
    }
    let namespace = format!("qdhcp-{}", network.id);
    ui::on_host(
        t,
        html! {
            (fact(t.host_namespace(), ui::copyable(t, &namespace)))
            (fact(t.host_bridge(), html! { code { "br0" } " " span .muted { "(" (t.host_bridge_inside()) ")" } }))
        },
        &[
            visit.in_namespace(&namespace, "ip -br addr"),
            visit.in_namespace(&namespace, "bridge link"),
            visit.in_namespace(&namespace, "nft list ruleset"),
        ],
    )
}

/// The way to a new network in three steps: the network itself (`fields`, and with or without a subnet), the subnet, its details.
pub(crate) fn wizard(visit: &Visit, address: &str, fields: Markup, subnet_hint: &str, cli: &[String]) -> Page {
    let t = visit.t();
    let body = html! {
        form method="post" action=(address) hx-post=(address) hx-swap="none" {
            ol .steps {
                li { button type="button" data-to-step="0" aria-current="step" { (t.step_network_title()) } }
                li { button type="button" data-to-step="1" { (t.step_subnet_title()) } }
                li { button type="button" data-to-step="2" { (t.step_details_title()) } }
            }
            fieldset data-step="0" {
                legend .sr { (t.step_network_title()) }
                (fields)
                (ui::check("with_subnet", t.network_with_subnet(), subnet_hint, true))
            }
            fieldset data-step="1" {
                legend .sr { (t.step_subnet_title()) }
                div data-if="with_subnet=true" { (subnets::address_fields(t, None)) }
                p .note.warn data-if="with_subnet=" { (t.network_with_subnet_hint()) }
            }
            fieldset data-step="2" {
                legend .sr { (t.step_details_title()) }
                div data-if="with_subnet=true" { (subnets::detail_fields(t, None)) }
            }
            div .problem-place aria-live="assertive" {}
            footer .form-end {
                button .button type="button" data-close { (t.cancel()) }
                button .button.scripted-only type="button" data-previous data-to-step="0" hidden { (t.back()) }
                button .button.main.scripted-only type="button" data-next data-to-step="1" { (t.next()) }
                button .button.main type="submit" data-last { (t.network_new()) }
            }
        }
        (ui::command_line(t, cli))
    };
    visit.form(t.network_new(), body)
}

async fn new(visit: Visit) -> Answer {
    let t = visit.t();
    let fields = html! {
        (ui::text(Field { name: "name", label: t.name(), hint: t.network_name_hint(), example: "web", ..Field::default() }))
        (ui::check("admin_state_up", t.network_admin_up(), t.network_admin_up_hint(), true))
        @if visit.is_admin() { (ui::check("shared", t.network_shared(), "", false)) }
    };
    let cli = [
        "openstack network create web",
        "openstack subnet create --network web --subnet-range 172.31.0.0/24 \\\n  --allocation-pool start=172.31.0.20,end=172.31.0.200 --dns-nameserver 1.1.1.1 web-v4",
    ];
    Ok(wizard(
        &visit,
        HERE,
        fields,
        t.network_with_subnet_hint(),
        &cli.map(str::to_owned),
    ))
}

async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let subnet = fields
        .is_set("with_subnet")
        .then(|| SubnetFields::read(t, &fields))
        .transpose()?;
    let mut network = json!({
        "name": fields.plain("name"),
        "admin_state_up": fields.is_set("admin_state_up"),
    });
    if fields.is_set("shared") {
        network["shared"] = true.into();
    }
    let id = make(&visit, network, subnet).await?;
    let name = if fields.plain("name").is_empty() {
        t.unnamed()
    } else {
        fields.plain("name")
    };
    Ok(Done::saying(t.network_made(name)).then(format!("{HERE}/{id}")))
}

/// Makes a network with its subnet, or neither; gives its id.
pub(crate) async fn make(visit: &Visit, network: Value, subnet: Option<SubnetFields>) -> Answer<String> {
    let project = network.get("project_id").cloned();
    let made = visit
        .post("/networking/v2.0/networks", json!({"network": network}))
        .await?;
    let id = made["network"]["id"].as_str().unwrap_or_default().to_owned();
    let Some(subnet) = subnet else { return Ok(id) };
    let mut subnet = subnet.body(Some(&id));
    if let Some(project) = project {
        subnet["subnet"]["project_id"] = project;
    }
    if let Err(problem) = visit.post("/networking/v2.0/subnets", subnet).await {
        // One form, one outcome: a network without the subnet that was asked for is not what was asked for.
        visit.delete(&format!("/networking/v2.0/networks/{id}")).await?;
        return Err(problem);
    }
    Ok(id)
}

async fn edit(visit: Visit, Path(id): Path<NetworkId>) -> Answer {
    let t = visit.t();
    let network = get_visible::<Network>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), value: &network.standard.name, ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), value: &network.standard.description, ..Field::default() }))
            (ui::check("admin_state_up", t.network_admin_up(), t.network_admin_up_hint(), network.admin_state_up))
            @if visit.is_admin() {
                (ui::check("shared", t.network_shared(), "", network.shared))
                (ui::check("external", t.admin_network_external(), t.admin_network_external_hint(), network.external))
                div data-if="external=true" {
                    (ui::check("is_default", t.admin_network_default(), t.admin_network_default_hint(), network.is_default))
                }
            }
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack network set --name NAME --description TEXT {id}")]))
    };
    Ok(visit.form(
        &t.edit_title(t.pick("network", "네트워크"), name_of(t, &network.standard)),
        body,
    ))
}

async fn update(visit: Visit, Path(id): Path<NetworkId>, fields: Fields) -> Answer<Done> {
    let mut network = json!({
        "name": fields.plain("name"),
        "description": fields.plain("description"),
        "admin_state_up": fields.is_set("admin_state_up"),
    });
    if visit.is_admin() {
        network["shared"] = fields.is_set("shared").into();
        network["router:external"] = fields.is_set("external").into();
        network["is_default"] = (fields.is_set("external") && fields.is_set("is_default")).into();
    }
    visit
        .put(&format!("/networking/v2.0/networks/{id}"), json!({"network": network}))
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let network = get_visible::<Network>(cloud, visit.actor(), &deletion::parsed(id)?)?;
    let ports = cloud.lookups.ports_by_network.of(&network.id);
    let in_use = ports
        .filter_map(|id| cloud.ports.get(id))
        .filter(|port: &&Arc<Port>| !port.is_network_owned() || port.is_router_owned())
        .count();
    let path = format!("/networking/v2.0/networks/{}", network.id);
    let victim = Victim::new(network.id, name_of(t, &network.standard), path);
    if in_use > 0 {
        let page = format!("{HERE}/{}#ports", network.id);
        return Ok(victim
            .blocked(t.network_in_use(in_use))
            .step(page, t.network_to_ports()));
    }
    Ok(victim)
}
