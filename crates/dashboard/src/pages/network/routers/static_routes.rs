//! A router's static routes.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Path;
use axum::routing::{get, post};
use ipnet::IpNet;
use maud::{Markup, html};
use model::RouterId;
use model::network::access::get_visible;
use model::network::{Router, router};
use serde_json::{Value, json};

use super::{HERE, in_order};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::network::networks;
use crate::site::Site;
use crate::ui::{self, Field, icon};
use crate::visit::Visit;

pub(super) fn routes() -> axum::Router<Arc<Site>> {
    axum::Router::new()
        .route("/dashboard/routers/{id}/routes/new", get(new).post(create))
        .route("/dashboard/routers/{id}/routes/remove", post(remove))
}

/// The routes, on the router's page.
pub(super) fn card(visit: &Visit, router: &Router) -> Markup {
    let t = visit.t();
    let at = format!("{HERE}/{}/routes/remove", router.id);
    html! {
        section .card #static-routes {
            header .card-head {
                h2 { (t.router_routes()) }
                (ui::action(&format!("{HERE}/{}/routes/new", router.id), "plus", t.router_route_new()))
            }
            @if router.routes.is_empty() { p .muted { (t.router_route_none()) } } @else {
                div .table-scroll { table {
                    thead { tr {
                        th { (t.router_route_destination()) } th { (t.router_route_next_hop()) } th .row-menu { span .sr { (t.actions()) } }
                    } }
                    tbody {
                        @for route in &router.routes {
                            tr {
                                td { code { (route.destination) } }
                                td { code { (route.nexthop) } }
                                td .row-menu {
                                    form method="post" action=(at) hx-post=(at) hx-swap="none" {
                                        input type="hidden" name="destination" value=(route.destination);
                                        input type="hidden" name="next_hop" value=(route.nexthop);
                                        button .button.small.danger type="submit" aria-label=(t.router_route_remove(route.destination)) {
                                            (icon("trash")) (t.remove())
                                        }
                                    }
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}

async fn new(visit: Visit, Path(id): Path<RouterId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let router = get_visible::<Router>(cloud, visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/routes/new");
    let nets = in_order(router::connected(cloud, &router).map(|(subnet, _)| subnet.cidr));
    let hint = t.router_route_next_hop_hint(&nets);
    let body = html! {
        @if nets.is_empty() { p .note.warn { (t.router_route_needs_interface()) } }
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field {
                name: "destination",
                label: t.router_route_destination(),
                hint: t.router_route_destination_hint(),
                example: "192.168.10.0/24",
                required: true,
                ..Field::default()
            }))
            (ui::text(Field {
                name: "next_hop",
                label: t.router_route_next_hop(),
                hint: if nets.is_empty() { "" } else { &hint },
                required: true,
                ..Field::default()
            }))
            (ui::submit(t, t.router_route_new(), false))
        }
        (ui::command_line(t, &[format!("openstack router add route --route destination=192.168.10.0/24,gateway=ADDRESS {id}")]))
    };
    Ok(visit.form(&t.router_route_new_title(networks::name_of(t, &router.standard)), body))
}

/// The route of a form, as the API takes it, and where it leads.
fn read(visit: &Visit, fields: &Fields) -> Result<(Value, IpNet), Problem> {
    let t = visit.t();
    let destination = fields.plain("destination").parse::<IpNet>();
    let destination = destination.map_err(|_| Problem::in_form(t.router_route_destination_wrong()))?;
    let next_hop = fields.plain("next_hop").parse::<IpAddr>();
    let next_hop = next_hop.map_err(|_| Problem::in_form(t.router_route_next_hop_wrong()))?;
    Ok((
        json!({"router": {"routes": [{"destination": destination, "nexthop": next_hop}]}}),
        destination,
    ))
}

async fn create(visit: Visit, Path(id): Path<RouterId>, fields: Fields) -> Answer<Done> {
    let (body, destination) = read(&visit, &fields)?;
    visit
        .put(&format!("/networking/v2.0/routers/{id}/add_extraroutes"), body)
        .await?;
    Ok(Done::saying(visit.t().router_route_added(destination)))
}

async fn remove(visit: Visit, Path(id): Path<RouterId>, fields: Fields) -> Answer<Done> {
    let (body, destination) = read(&visit, &fields)?;
    visit
        .put(&format!("/networking/v2.0/routers/{id}/remove_extraroutes"), body)
        .await?;
    Ok(Done::saying(visit.t().router_route_removed(destination)))
}
