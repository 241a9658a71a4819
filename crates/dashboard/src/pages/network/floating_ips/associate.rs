//! One dialog that takes an address and lets it lead to a server; and the way back.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use model::network::access::{Resource, get_visible};
use model::network::{FloatingIp, Network, Port, network};
use model::{FloatingIpId, NetworkId, PortId, ProjectId};
use serde_json::json;

use super::targets::{self, Obstacle, Target};
use super::{API, HERE, of_project, target_name};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::network::{externals, networks, quota_of};
use crate::site::Site;
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/floating-ips/new", get(allocate))
        .route("/dashboard/floating-ips/associate", get(associate).post(assign))
        .route("/dashboard/floating-ips/targets", get(targets_of_form))
        .route(
            "/dashboard/floating-ips/{id}/disassociate",
            get(ask_disassociate).post(disassociate),
        )
}

/// The choice of an address that is none yet.
const NEW: &str = "new";

async fn allocate(visit: Visit, fields: Fields) -> Answer {
    form(&visit, visit.t().fip_new(), &fields, true)
}

/// `server` or `port` says where the address shall lead, `address` (a floating IP's id) which one: it may lead elsewhere now.
async fn associate(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let named = named_address(&visit, &fields)?;
    match named.and_then(|row| Some((row.floating_ip_address, row.port_id?))) {
        Some((address, _)) => form(&visit, &t.fip_move_title(address), &fields, false),
        None => form(&visit, t.fip_associate(), &fields, false),
    }
}

/// The floating IP that a request names.
fn named_address(visit: &Visit, fields: &Fields) -> Answer<Option<Arc<FloatingIp>>> {
    let id = fields.parse::<FloatingIpId>("address")?;
    let row = id.map(|id| get_visible::<FloatingIp>(visit.cloud(), visit.actor(), &id));
    Ok(row.transpose()?)
}

/// The ports that a request names, by themselves or by their server.
fn named_ports(visit: &Visit, fields: &Fields) -> Answer<Vec<Arc<Port>>> {
    let cloud = visit.cloud();
    if let Some(id) = fields.parse::<PortId>("port")? {
        return Ok(vec![get_visible::<Port>(cloud, visit.actor(), &id)?]);
    }
    let ports = cloud.ports_of_device(fields.text("server").unwrap_or_default());
    let may_be_taken = |port: &&Arc<Port>| !port.is_network_owned() && port.visible_to(cloud, visit.actor());
    Ok(ports.filter(may_be_taken).cloned().collect())
}

/// The provider network to take an address from: one that the ports reach, else the default one.
fn pool_for(visit: &Visit, ports: &[Arc<Port>]) -> Option<Arc<Network>> {
    let externals = externals(visit);
    let default = network::default_external(visit.cloud());
    let default = default.filter(|network| externals.iter().any(|own| own.id == network.id));
    targets::reached(visit, &externals, ports)
        .or(default)
        .or(externals.first())
        .cloned()
}

/// The project's floating IPs that lead nowhere.
fn free(visit: &Visit) -> Vec<Arc<FloatingIp>> {
    let mut rows = of_project(visit);
    rows.retain(|row| row.router_id.is_none() && row.port_id.is_none());
    rows
}

fn form(visit: &Visit, title: &str, fields: &Fields, is_new: bool) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ports = named_ports(visit, fields)?;
    let is_wanted = |target: &Target| ports.iter().any(|port| port.id == target.port.id);
    let named = named_address(visit, fields)?;
    let taken_from = named.as_ref().and_then(|row| row.port_id);
    let external = match &named {
        Some(row) => cloud.networks.get(&row.floating_network_id).cloned(),
        None => pool_for(visit, &ports),
    };
    let Some(external) = external else {
        return Ok(visit.form(title, html! { p .note.warn { (t.fip_no_pool()) } }));
    };
    let at = "/dashboard/floating-ips/associate";
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            @match &named {
                Some(row) => {
                    input type="hidden" name="address" value=(row.id);
                    p .lead-in { (t.fip_word()) ": " b { (row.floating_ip_address) } }
                    @if let Some(port) = taken_from { p .note.warn { (t.fip_move_text(target_name(visit, port))) } }
                    (targets_field(visit, &row.standard.project_id, &external, is_wanted, true))
                }
                None => {
                    (address_fields(visit, &external, is_new))
                    // Which ports can be taken depends on the network that the address is from.
                    div #fip-targets hx-get="/dashboard/floating-ips/targets" hx-include="closest form"
                        hx-trigger=(if is_new { "change from:#f-network" } else { "change from:#f-address, change from:#f-network" })
                        hx-swap="innerHTML" {
                        (targets_field(visit, visit.project_id(), &external, is_wanted, !is_new))
                    }
                    div data-if="address=new" { (ui::text(Field {
                        name: "description",
                        label: t.description(),
                        ..Field::default()
                    })) }
                }
            }
            @match taken_from {
                Some(_) => (ui::submit_warning(t, t.fip_move_do())),
                None => (ui::submit_if(t, title, false, is_new && is_full(visit), None)),
            }
        }
        (ui::command_line(t, &[
            "openstack floating ip create --port PORT public".to_owned(),
            "openstack floating ip set --port PORT ADDRESS".to_owned(),
            "openstack server add floating ip SERVER ADDRESS".to_owned(),
        ]))
    };
    Ok(visit.form(title, body))
}

/// Whether the project may have no more.
fn is_full(visit: &Visit) -> bool {
    let (used, limit) = quota_of(visit, "floatingip");
    limit.is_some_and(|limit| used >= limit)
}

/// The part of the form about the address: a new one, or (but where one is allocated) one that the project has and does not use.
fn address_fields(visit: &Visit, external: &Network, is_new: bool) -> Markup {
    let t = visit.t();
    let (used, limit) = quota_of(visit, "floatingip");
    let is_full = is_full(visit);
    let free = if is_new { Vec::new() } else { free(visit) };
    let taken = free.iter().find(|row| row.floating_network_id == external.id);
    let taken = taken.map_or_else(|| NEW.to_owned(), |row| row.id.to_string());
    let mut addresses = vec![
        Choice::new(NEW, t.fip_take_new())
            .note(if is_full { t.fip_quota_full() } else { "" })
            .out(is_full),
    ];
    addresses.extend(
        free.iter()
            .map(|row| Choice::new(row.id, row.floating_ip_address.to_string()).note(t.fip_free())),
    );
    let pools: Vec<_> = externals(visit)
        .iter()
        .map(|network| Choice::new(network.id, networks::name_of(t, &network.standard)))
        .collect();
    let external = external.id.to_string();
    html! {
        @if is_new { input type="hidden" name="address" value=(NEW); } @else {
            (ui::pick(
                Field {
                    name: "address",
                    label: t.fip_which(),
                    hint: t.fip_which_hint(),
                    value: &taken,
                    required: true,
                    ..Field::default()
                },
                None,
                &addresses,
            ))
        }
        div .quota-bars { (ui::usage_bar(t, t.fip_quota(), used, limit, ui::count)) }
        @if is_full && free.is_empty() { p .note.warn { (t.over_quota_what()) " " (t.over_quota_do()) } }
        div data-if="address=new" {
            (ui::pick(
                Field {
                    name: "network",
                    label: t.fip_pool(),
                    hint: t.fip_pool_hint(),
                    value: &external,
                    ..Field::default()
                },
                None,
                &pools,
            ))
            // As in Neutron: others get the next free one.
            @if visit.is_admin() || visit.actor().has_role("manager") {
                (ui::text(Field {
                    name: "wanted",
                    label: t.fip_wanted(),
                    hint: t.fip_wanted_hint(),
                    ..Field::default()
                }))
            }
        }
    }
}

/// Where the address leads: what can't be taken is shown with the reason.
fn targets_field(
    visit: &Visit,
    project: &ProjectId,
    external: &Network,
    is_wanted: impl Fn(&Target) -> bool,
    is_needed: bool,
) -> Markup {
    let t = visit.t();
    let targets = targets::of_project(visit, project, external);
    let takeable = || targets.iter().filter(|target| target.obstacle.is_none());
    let chosen = takeable()
        .find(|target| is_wanted(target))
        .map_or_else(String::new, Target::value);
    let choices: Vec<_> = targets.iter().map(|target| target.choice(t)).collect();
    html! {
        @if targets.is_empty() {
            p .note { (t.fip_target_none()) }
        } @else {
            (ui::pick(
                Field {
                    name: "target",
                    label: t.fip_target(),
                    hint: t.fip_target_hint(),
                    value: &chosen,
                    required: is_needed,
                    ..Field::default()
                },
                Some(if is_needed { t.fip_target_which().trim_end_matches('.') } else { t.fip_target_later() }),
                &choices,
            ))
            // The ports that were meant can't be taken: said outside of the closed drop-down, too.
            @if chosen.is_empty() {
                @for target in targets.iter().filter(|target| is_wanted(target)) {
                    @if let Some(obstacle) = &target.obstacle { p .note.warn { (target.name) ": " (obstacle.words(t)) } }
                }
            }
            @if takeable().next().is_none() && targets.iter().any(|target| matches!(target.obstacle, Some(Obstacle::NoRouter(_)))) {
                p .note.warn { (t.fip_none_reachable()) " " a href="/dashboard/routers" { (t.fip_to_routers()) } }
            }
        }
    }
}

/// [`targets_field`] for the address that is chosen in the form now.
async fn targets_of_form(visit: Visit, fields: Fields) -> Answer {
    let cloud = visit.cloud();
    let row = match fields.text("address") {
        Some(id) if id != NEW => {
            let id: FloatingIpId = id.parse().map_err(|_| Problem::in_form(id))?;
            Some(get_visible::<FloatingIp>(cloud, visit.actor(), &id)?)
        }
        _ => None,
    };
    let external = match &row {
        Some(row) => row.floating_network_id,
        None => fields
            .parse::<NetworkId>("network")?
            .ok_or_else(|| Problem::in_form(visit.t().fip_no_pool()))?,
    };
    let external = get_visible::<Network>(cloud, visit.actor(), &external)?;
    let is_kept = |target: &Target| fields.text("target") == Some(target.value().as_str());
    let project = row.as_ref().map_or(visit.project_id(), |row| &row.standard.project_id);
    Ok(Page(targets_field(&visit, project, &external, is_kept, row.is_some())))
}

/// Takes the address, if it is a new one, and lets it lead to the target, if there is one.
async fn assign(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let target = fields
        .text("target")
        .map(|text| targets::read(text).ok_or_else(|| Problem::in_form(t.fip_target_which())))
        .transpose()?;
    let mut body = json!({});
    if let Some((port, address)) = target {
        body["port_id"] = json!(port);
        body["fixed_ip_address"] = json!(address);
    }
    let answer = match fields.text("address") {
        Some(id) if id != NEW => {
            if target.is_none() {
                return Err(Problem::in_form(t.fip_target_which()));
            }
            let id: FloatingIpId = id.parse().map_err(|_| Problem::in_form(id))?;
            visit.put(&format!("{API}/{id}"), json!({"floatingip": body})).await?
        }
        _ => {
            let network = fields
                .text("network")
                .ok_or_else(|| Problem::in_form(t.fip_no_pool()))?;
            body["floating_network_id"] = network.into();
            body["description"] = fields.plain("description").into();
            if let Some(address) = fields.parse::<IpAddr>("wanted")? {
                body["floating_ip_address"] = json!(address);
            }
            visit.post(API, json!({"floatingip": body})).await?
        }
    };
    let address = answer["floatingip"]["floating_ip_address"].as_str().unwrap_or_default();
    Ok(Done::saying(match target {
        Some((port, _)) => t.fip_associated(address, target_name(&visit, port)),
        None => t.fip_allocated(address),
    }))
}

async fn ask_disassociate(visit: Visit, Path(id): Path<FloatingIpId>) -> Answer {
    let t = visit.t();
    let row = get_visible::<FloatingIp>(visit.cloud(), visit.actor(), &id)?;
    let target = row
        .port_id
        .map_or_else(|| t.fip_nowhere().to_owned(), |port| target_name(&visit, port));
    let at = format!("{HERE}/{id}/disassociate");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .lead-in { (t.fip_disassociate_text(target)) }
            (ui::submit_warning(t, t.fip_disassociate()))
        }
        (ui::command_line(t, &[format!("openstack floating ip unset --port {id}")]))
    };
    Ok(visit.form(&t.fip_disassociate_title(row.floating_ip_address), body))
}

async fn disassociate(visit: Visit, Path(id): Path<FloatingIpId>) -> Answer<Done> {
    let body = json!({"floatingip": {"port_id": null}});
    let answer = visit.put(&format!("{API}/{id}"), body).await?;
    let address = answer["floatingip"]["floating_ip_address"].as_str().unwrap_or_default();
    Ok(Done::saying(visit.t().fip_disassociated(address)))
}
