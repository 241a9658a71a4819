//! All networks, routers and floating IPs of the cloud, and the form that makes a network for any project, external ones
//! included.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use model::network::access::require;
use serde_json::{Value, json};

use crate::form::Fields;
use crate::layout::Content;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::network::{floating_ips, networks, routers, subnets};
use crate::site::Site;
use crate::ui::{self, Choice, Field, ListQuery};
use crate::visit::Visit;

const HERE: &str = "/dashboard/admin/networks";
const ROUTERS: &str = "/dashboard/admin/networks/routers";
const FLOATING_IPS: &str = "/dashboard/admin/networks/floating-ips";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/admin/networks/new", get(new))
        .route(ROUTERS, get(list_routers))
        .route(FLOATING_IPS, get(list_floating_ips))
}

/// The lists of this part, each at its own address.
fn tabs(visit: &Visit) -> Markup {
    let t = visit.t();
    let here = visit.view().address.split('?').next().unwrap_or_default();
    let tab = |address: &str, words: &str| {
        html! { a href=(address) aria-current=[(here == address).then_some("page")] { (words) } }
    };
    html! {
        nav .tabs aria-label=(t.nav_admin_networks()) {
            (tab(HERE, t.nav_networks()))
            (tab(ROUTERS, t.nav_routers()))
            (tab(FLOATING_IPS, t.nav_floating_ips()))
        }
    }
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    require(visit.is_admin(), "get_network")?;
    let t = visit.t();
    let all: Vec<_> = visit.cloud().networks.iter().cloned().collect();
    let create = ui::main_action("/dashboard/admin/networks/new", "plus", t.network_new());
    let body = html! {
        (ui::head(t.nav_admin_networks(), t.admin_networks_lead(), html! { (create) }))
        (tabs(&visit))
        @if all.is_empty() {
            (ui::empty("network", t.admin_networks_empty(), t.admin_networks_lead(), create))
        } @else { (networks::table(&visit, &query, all, true)) }
    };
    let content = Content::new(t.nav_admin_networks(), body);
    Ok(visit.page(content.cli(["openstack network list --long", "openstack network list --external"])))
}

async fn list_routers(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    require(visit.is_admin(), "get_router")?;
    let t = visit.t();
    let all: Vec<_> = visit.cloud().routers.iter().cloned().collect();
    let body = html! {
        (ui::head(t.admin_routers(), t.admin_routers_lead(), html! {}))
        (tabs(&visit))
        @if all.is_empty() {
            (ui::empty("router", t.admin_routers_empty(), t.routers_lead(), html! {}))
        } @else { (routers::table(&visit, &query, all, true)) }
    };
    Ok(visit.page(Content::new(t.admin_routers(), body).cli(["openstack router list --long"])))
}

async fn list_floating_ips(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    require(visit.is_admin(), "get_floatingip")?;
    let t = visit.t();
    let mut all: Vec<_> = visit.cloud().floating_ips.iter().cloned().collect();
    all.sort_by_key(|row| row.floating_ip_address);
    let body = html! {
        (ui::head(t.admin_floating_ips(), t.admin_floating_ips_lead(), html! {}))
        (tabs(&visit))
        @if all.is_empty() {
            (ui::empty("globe", t.admin_floating_ips_empty(), t.fips_lead(), html! {}))
        } @else { (floating_ips::table(&visit, &query, all, true)) }
    };
    Ok(visit.page(Content::new(t.admin_floating_ips(), body).cli(["openstack floating ip list --long"])))
}

async fn new(visit: Visit) -> Answer {
    require(visit.is_admin(), "create_network:router:external")?;
    let cli = [
        "openstack network create --external --provider-network-type flat --provider-physical-network public public",
        "openstack subnet create --network public --subnet-range 203.0.113.0/24 --gateway 203.0.113.1 \\\n  --allocation-pool start=203.0.113.100,end=203.0.113.200 --no-dhcp public-v4",
    ];
    let hint = visit.t().admin_network_subnet_hint();
    Ok(networks::wizard(
        &visit,
        HERE,
        network_fields(&visit),
        hint,
        &cli.map(str::to_owned),
    ))
}

/// The part of the form about the network itself.
fn network_fields(visit: &Visit) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let mut projects: Vec<_> = cloud.projects.iter().collect();
    projects.sort_by_key(|project| project.name.to_lowercase());
    let projects: Vec<_> = projects
        .iter()
        .map(|project| Choice::new(&project.id, project.name.clone()))
        .collect();
    let kinds = [
        Choice::new("vxlan", "VXLAN").note(t.admin_network_vxlan_hint()),
        Choice::new("flat", t.admin_network_flat()).note(t.admin_network_flat_hint()),
    ];
    html! {
        (ui::text(Field {
            name: "name",
            label: t.name(),
            hint: t.network_name_hint(),
            example: "public",
            ..Field::default()
        }))
        (ui::pick(
            Field {
                name: "project",
                label: t.project(),
                hint: t.admin_network_project_hint(),
                value: visit.project_id().as_str(),
                required: true,
                ..Field::default()
            },
            None,
            &projects,
        ))
        (ui::check("external", t.admin_network_external(), t.admin_network_external_hint(), false))
        div data-if="external=true" { (ui::check("is_default", t.admin_network_default(), t.admin_network_default_hint(), false)) }
        (ui::check("shared", t.network_shared(), "", false))
        (ui::check("admin_state_up", t.network_admin_up(), t.network_admin_up_hint(), true))
        (ui::choices(
            Field {
                name: "kind",
                label: t.admin_network_kind(),
                required: true,
                ..Field::default()
            },
            false,
            &kinds,
            &["vxlan"],
        ))
        div data-if="kind=flat" {
            (ui::text(Field {
                name: "physical",
                label: t.admin_network_physical(),
                hint: t.admin_network_physical_hint(),
                example: "public",
                ..Field::default()
            }))
        }
        div data-if="kind=vxlan" {
            (ui::text(Field {
                name: "segment",
                label: t.admin_network_segment(),
                hint: t.admin_network_segment_hint(),
                kind: Some("number"),
                range: Some((1, 16_777_215)),
                ..Field::default()
            }))
        }
        (ui::text(Field {
            name: "mtu",
            label: t.admin_network_mtu(),
            hint: t.admin_network_mtu_hint(),
            kind: Some("number"),
            range: Some((68, 1500)),
            ..Field::default()
        }))
    }
}

/// The network of the form, as the API takes it.
fn read(fields: &Fields) -> Result<Value, Problem> {
    let is_external = fields.is_set("external");
    let is_flat = fields.plain("kind") == "flat";
    let mut network = json!({
        "name": fields.plain("name"),
        "admin_state_up": fields.is_set("admin_state_up"),
        "shared": fields.is_set("shared"),
        "router:external": is_external,
        "is_default": is_external && fields.is_set("is_default"),
        "provider:network_type": if is_flat { "flat" } else { "vxlan" },
    });
    if let Some(project) = fields.text("project") {
        network["project_id"] = project.into();
    }
    if is_flat && let Some(physical) = fields.text("physical") {
        network["provider:physical_network"] = physical.into();
    }
    if !is_flat && let Some(segment) = fields.parse::<u32>("segment")? {
        network["provider:segmentation_id"] = segment.into();
    }
    if let Some(mtu) = fields.parse::<u32>("mtu")? {
        network["mtu"] = mtu.into();
    }
    Ok(network)
}

async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    require(visit.is_admin(), "create_network:router:external")?;
    let t = visit.t();
    let subnet = fields
        .is_set("with_subnet")
        .then(|| subnets::SubnetFields::read(t, &fields))
        .transpose()?;
    let id = networks::make(&visit, read(&fields)?, subnet).await?;
    let name = if fields.plain("name").is_empty() {
        t.unnamed()
    } else {
        fields.plain("name")
    };
    Ok(Done::saying(t.network_made(name)).then(format!("/dashboard/networks/{id}")))
}
