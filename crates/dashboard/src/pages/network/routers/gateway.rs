//! A router's gateway: set, changed, cleared.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use model::RouterId;
use model::network::access::get_visible;
use model::network::{Router, network};
use serde_json::{Value, json};

use super::{HERE, addresses, floating_ips, in_order};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::network::{externals, networks};
use crate::site::Site;
use crate::ui::{self, Choice, Field, fact, icon};
use crate::visit::Visit;

pub(super) fn routes() -> axum::Router<Arc<Site>> {
    axum::Router::new()
        .route("/dashboard/routers/{id}/gateway", get(ask).post(set))
        .route("/dashboard/routers/{id}/gateway/clear", get(ask_clear).post(clear))
}

/// The gateway, on the router's page.
pub(super) fn card(visit: &Visit, router: &Router) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let at = format!("{HERE}/{}/gateway", router.id);
    html! {
        section .card #gateway {
            header .card-head {
                h2 { (t.router_gateway()) }
                @match router.gateway {
                    Some(_) => div .page-actions {
                        (ui::action(&at, "pencil", t.router_gateway_change_short()))
                        (ui::dialog_link(&format!("{at}/clear"), "button danger", html! { (icon("unlink")) (t.router_gateway_clear_short()) }))
                    },
                    None => (ui::action(&at, "globe", t.router_gateway_set())),
                }
            }
            @match &router.gateway {
                Some(gateway) => (ui::facts(html! {
                    (fact(t.router_gateway_network(), html! {
                        @if let Some(network) = cloud.networks.get(&gateway.network_id) { (networks::link(t, network)) }
                    }))
                    (fact(t.port_addresses(), html! {
                        div .stack { @for address in addresses(visit, router) { (ui::copyable(t, &address.to_string())) } }
                    }))
                    (fact(t.router_gateway_snat(), html! { (t.on_off(gateway.enable_snat)) }))
                })),
                None => p .muted { (t.router_gateway_none_text()) },
            }
        }
    }
}

/// The part of a form about the gateway; a new router may have none.
pub(super) fn fields(visit: &Visit, of: Option<&Router>) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let now = of.map_or_else(Vec::new, |router| addresses(visit, router));
    let now: Vec<_> = now.iter().map(ToString::to_string).collect();
    let hint = if now.is_empty() {
        t.router_gateway_address_hint().to_owned()
    } else {
        t.router_gateway_address_kept(now.join(", "))
    };
    let of = of.and_then(|router| router.gateway.as_ref());
    let networks = externals(visit);
    let preset = of
        .map(|gateway| gateway.network_id)
        .or_else(|| network::default_external(cloud).map(|network| network.id));
    let choices: Vec<_> = networks
        .iter()
        .map(|network| {
            let cidrs = cloud.subnets_of_network(network.id).map(|subnet| subnet.cidr);
            Choice::new(network.id, networks::name_of(t, &network.standard)).note(in_order(cidrs))
        })
        .collect();
    let value = preset.map_or_else(String::new, |id| id.to_string());
    html! {
        @if networks.is_empty() {
            p .note.warn { (t.router_gateway_no_networks()) }
        } @else {
            (ui::pick(
                Field {
                    name: "gateway",
                    label: t.router_gateway_network(),
                    hint: t.router_gateway_hint(),
                    value: &value,
                    ..Field::default()
                },
                of.is_none().then_some(t.router_gateway_none()),
                &choices,
            ))
            @if visit.is_admin() {
                (ui::check("snat", t.router_gateway_snat(), t.router_gateway_snat_hint(), of.is_none_or(|gateway| gateway.enable_snat)))
                (ui::text(Field {
                    name: "gateway_address",
                    label: t.router_gateway_address(),
                    hint: &hint,
                    ..Field::default()
                }))
            }
        }
    }
}

/// `external_gateway_info` as a form has it, for a router whose gateway is to change or for a new one. Who is no administrator may
/// not speak of translation and addresses at all.
pub(super) fn read(visit: &Visit, fields: &Fields, of: Option<&Router>) -> Result<Option<Value>, Problem> {
    let Some(network) = fields.text("gateway") else {
        return Ok(None);
    };
    let mut info = json!({"network_id": network});
    if visit.is_admin() {
        info["enable_snat"] = fields.is_set("snat").into();
        if let Some(address) = fields.parse::<IpAddr>("gateway_address")? {
            // It takes the place of the one of its version; the other stays.
            let gateway = of.and_then(|router| router.gateway.as_ref());
            let router = of.filter(|_| gateway.is_some_and(|gateway| gateway.network_id.to_string() == network));
            let now = router.map_or_else(Vec::new, |router| addresses(visit, router));
            let kept = now.into_iter().filter(|other| other.is_ipv4() != address.is_ipv4());
            let wanted = std::iter::once(address).chain(kept);
            info["external_fixed_ips"] = wanted.map(|address| json!({"ip_address": address})).collect();
        }
    }
    Ok(Some(info))
}

async fn ask(visit: Visit, Path(id): Path<RouterId>) -> Answer {
    let t = visit.t();
    let router = get_visible::<Router>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/gateway");
    let name = networks::name_of(t, &router.standard);
    let (title, button) = if router.gateway.is_some() {
        (t.router_gateway_change_title(name), t.router_gateway_change())
    } else {
        (t.router_gateway_set_title(name), t.router_gateway_set())
    };
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (fields(&visit, Some(&router)))
            (ui::submit(t, button, false))
        }
        (ui::command_line(t, &[format!("openstack router set --external-gateway NETWORK {id}")]))
    };
    Ok(visit.form(&title, body))
}

async fn set(visit: Visit, Path(id): Path<RouterId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let router = get_visible::<Router>(visit.cloud(), visit.actor(), &id)?;
    let info = read(&visit, &fields, Some(&router))?.ok_or_else(|| Problem::in_form(t.router_gateway_which()))?;
    let body = json!({"router": {"external_gateway_info": info}});
    visit.put(&format!("/networking/v2.0/routers/{id}"), body).await?;
    Ok(Done::saying(
        t.router_gateway_was_set(networks::name_of(t, &router.standard)),
    ))
}

async fn ask_clear(visit: Visit, Path(id): Path<RouterId>) -> Answer {
    let t = visit.t();
    let router = get_visible::<Router>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/gateway/clear");
    let through = visit.cloud().lookups.floating_ips_by_router.count(&id);
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            @if through == 0 { p .lead-in { (t.router_gateway_clear_text()) } } @else {
                (floating_ips::in_the_way(t, id, &t.router_in_the_way(through)))
            }
            (ui::submit_if(t, t.router_gateway_clear(), true, through > 0, None))
        }
        (ui::command_line(t, &[format!("openstack router unset --external-gateway {id}")]))
    };
    Ok(visit.form(
        &t.router_gateway_clear_title(networks::name_of(t, &router.standard)),
        body,
    ))
}

async fn clear(visit: Visit, Path(id): Path<RouterId>) -> Answer<Done> {
    let t = visit.t();
    let router = get_visible::<Router>(visit.cloud(), visit.actor(), &id)?;
    let body = json!({"router": {"external_gateway_info": null}});
    visit.put(&format!("/networking/v2.0/routers/{id}"), body).await?;
    Ok(Done::saying(
        t.router_gateway_was_cleared(networks::name_of(t, &router.standard)),
    ))
}
