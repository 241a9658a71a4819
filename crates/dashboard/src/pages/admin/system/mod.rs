//! The system: its version, its health, its services and endpoints, and what holds for every project.

mod defaults;
mod health;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use model::identity::AssignmentTarget;
use serde_json::Value;

use super::common::{Admin, enabled};
use super::grants;
use crate::layout::Content;
use crate::outcome::{Answer, Problem};
use crate::site::Site;
use crate::ui::{self, fact, tag};
use crate::visit::Visit;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/admin/system", get(show))
        .merge(defaults::routes())
}

async fn show(Admin(visit): Admin) -> Answer {
    let t = visit.t();
    let health = health::card(&visit).await?;
    let (services, endpoints) = (
        registry(&visit, "services").await?,
        registry(&visit, "endpoints").await?,
    );
    let regions = registry(&visit, "regions").await?;
    let body = html! {
        (ui::head(t.nav_system(), t.admin_system_lead(), html! {}))
        div .cards {
            (about(&visit, &regions))
            div .pile {
                (health)
                (grants::of_target(&visit, &AssignmentTarget::System))
            }
        }
        (catalog(&visit, &services, &endpoints))
        (defaults::card(&visit))
        (limits(&visit, &services))
    };
    Ok(visit.page(Content::new(t.nav_system(), body).cli([
        "openstack versions show",
        "openstack catalog list",
        "openstack endpoint list",
        "openstack region list",
        "openstack registered limit list",
        "maru status",
        "maru doctor",
    ])))
}

/// A list of Keystone's, in which the program's own entries are, too.
async fn registry(visit: &Visit, what: &str) -> Result<Vec<Value>, Problem> {
    let mut answer = visit.get(&format!("/identity/v3/{what}")).await?;
    match answer[what].take() {
        Value::Array(mut rows) => {
            let key = |row: &Value| (text(row, "type").to_owned(), text(row, "interface").to_owned());
            rows.sort_by_key(key);
            Ok(rows)
        }
        _ => Err(Problem::inside(format!("the list of {what} is none"))),
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// The program, and how much there is of everything.
fn about(visit: &Visit, regions: &[Value]) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let count = |name: &str, number: usize| fact(name, html! { (number) });
    ui::card(
        t.admin_system_about(),
        ui::facts(html! {
            (fact(t.admin_version(), html! { "Maru " (env!("CARGO_PKG_VERSION")) }))
            (fact(t.access_address(), ui::copyable(t, &visit.site().public_url)))
            (fact(t.admin_regions(), html! { @for region in regions { (tag(text(region, "id"))) } }))
            (count(t.admin_projects(), cloud.projects.len()))
            (count(t.nav_users(), cloud.users.len()))
            (count(t.nav_servers(), cloud.servers.len()))
            (count(t.nav_images(), cloud.images.len()))
            (count(t.nav_volumes(), cloud.volumes.len()))
            (count(t.nav_networks(), cloud.networks.len()))
            (count(t.nav_routers(), cloud.routers.len()))
            (count(t.ports(), cloud.ports.len()))
            (count(t.nav_floating_ips(), cloud.floating_ips.len()))
        }),
    )
}

/// Every service with its endpoints.
fn catalog(visit: &Visit, services: &[Value], endpoints: &[Value]) -> Markup {
    let t = visit.t();
    html! {
        section .card #catalog {
            h2 { (t.admin_catalog()) }
            div .table-scroll tabindex="0" role="region" aria-label=(t.admin_catalog()) { table {
                thead { tr {
                    th scope="col" { (t.access_service()) } th scope="col" { (t.name()) } th scope="col" { (t.access_region()) }
                    th scope="col" { (t.admin_endpoints()) } th scope="col" { (t.status()) }
                } }
                tbody {
                    @for service in services {
                        @let own: Vec<_> = endpoints.iter().filter(|endpoint| endpoint["service_id"] == service["id"]).collect();
                        tr {
                            td { code { (text(service, "type")) } }
                            td { div .stack { span { (text(service, "name")) } span .muted.small { (text(service, "description")) } } }
                            td { (own.first().map_or("", |endpoint| text(endpoint, "region_id"))) }
                            td { div .stack { @for (url, interfaces) in by_address(&own) { code { (url) } code .muted.small { (interfaces.join(", ")) } } } }
                            td { (enabled(t, service["enabled"] == true)) }
                        }
                    }
                }
            } }
        }
    }
}

/// Endpoints with the same address are one line.
fn by_address<'a>(endpoints: &[&'a Value]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for endpoint in endpoints {
        let (url, interface) = (text(endpoint, "url"), text(endpoint, "interface"));
        match lines.iter_mut().find(|(known, _)| *known == url) {
            Some((_, interfaces)) => interfaces.push(interface),
            None => lines.push((url, vec![interface])),
        }
    }
    for (_, interfaces) in &mut lines {
        interfaces.sort_unstable();
    }
    lines
}

/// Keystone's unified limits, where somebody registered any.
fn limits(visit: &Visit, services: &[Value]) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let service_name = |id: &str| {
        services
            .iter()
            .find(|row| text(row, "id") == id)
            .map_or(id.to_owned(), |row| text(row, "type").to_owned())
    };
    html! {
        @if !cloud.registered_limits.is_empty() {
            section .card #limits {
                h2 { (t.admin_limits()) }
                p .muted { (t.admin_limits_lead()) }
                div .table-scroll tabindex="0" role="region" aria-label=(t.admin_limits()) { table {
                    thead { tr {
                        th scope="col" { (t.admin_resource()) } th scope="col" { (t.access_service()) }
                        th scope="col" .number { (t.admin_limit()) } th scope="col" .number { (t.admin_limit_own()) }
                    } }
                    tbody {
                        @for row in cloud.registered_limits.iter() {
                            tr {
                                td { (t.admin_quota(&row.resource_name)) }
                                td { (service_name(&row.service_id)) }
                                td .number { (row.default_limit) }
                                td .number { (cloud.limits.iter().filter(|limit| limit.resource_name == row.resource_name && limit.service_id == row.service_id).count()) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_address_is_one_line() {
        let endpoints = [
            json!({"url": "http://a", "interface": "public"}),
            json!({"url": "http://a", "interface": "internal"}),
            json!({"url": "http://b", "interface": "admin"}),
        ];
        let lines = by_address(&endpoints.iter().collect::<Vec<_>>());
        assert_eq!(
            lines,
            [("http://a", vec!["internal", "public"]), ("http://b", vec!["admin"])]
        );
    }
}
