//! The quotas of projects that have none of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use model::{Cloud, compute, network, quota, volume};
use serde_json::json;

use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::admin::common::Admin;
use crate::pages::admin::projects::quotas::unit;
use crate::site::Site;
use crate::ui;
use crate::visit::Visit;

const EDIT: &str = "/dashboard/admin/system/quotas";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route(EDIT, get(edit).post(update))
}

/// Limits of one service, by resource.
struct Part {
    service: &'static str,
    limits: Vec<(String, i64)>,
}

/// Nova's, Neutron's and Cinder's, in the order of a project's. Neutron's have no class in the API, so they stay as they are.
fn parts(cloud: &Cloud) -> [Part; 3] {
    let limit = |name: &str| (name.to_owned(), quota::own_limit(cloud, &quota::class("default"), name));
    let compute = compute::quota::RESOURCES.iter().filter_map(|resource| match resource {
        compute::quota::Resource::Nova(name) => Some(limit(name)),
        _ => None,
    });
    [
        Part {
            service: "compute",
            limits: compute.collect(),
        },
        Part {
            service: "network",
            limits: network::quota::RESOURCES.iter().map(|name| limit(name)).collect(),
        },
        Part {
            service: "volume",
            limits: volume::quota::RESOURCES.iter().map(|name| limit(name)).collect(),
        },
    ]
}

fn title(visit: &Visit, service: &str) -> &'static str {
    let t = visit.t();
    match service {
        "compute" => t.nav_compute(),
        "volume" => t.nav_storage(),
        _ => t.nav_network(),
    }
}

pub(super) fn card(visit: &Visit) -> Markup {
    let t = visit.t();
    html! {
        section .card #default-quotas {
            header .card-head {
                div { h2 { (t.admin_default_quotas()) } p .muted { (t.admin_default_quotas_lead()) } }
                (ui::action(EDIT, "pencil", t.admin_quotas_edit()))
            }
            div .quota-parts {
                @for part in parts(visit.cloud()) {
                    div {
                        h3 { (title(visit, part.service)) }
                        @for (name, limit) in part.limits {
                            div .usage { div .usage-words {
                                span { (t.admin_quota_title(&name)) }
                                span .muted { @match u64::try_from(limit) { Ok(limit) => (unit(&name)(t, limit)), Err(_) => (t.unlimited()) } }
                            } }
                        }
                    }
                }
            }
        }
    }
}

async fn edit(Admin(visit): Admin) -> Answer {
    let t = visit.t();
    let body = html! {
        form method="post" action=(EDIT) hx-post=(EDIT) hx-swap="none" data-wide {
            p .muted { (t.admin_quotas_hint()) }
            @for part in &parts(visit.cloud()) {
                @let is_open = part.service != "network";
                fieldset .quota-fields disabled[!is_open] {
                    legend { (title(&visit, part.service)) }
                    @if !is_open { p .hint { (t.admin_quotas_network_hint()) } }
                    div .quota-grid {
                        @for (name, limit) in &part.limits {
                            @let id = format!("q-{}-{name}", part.service);
                            div .quota-field {
                                label for=(id) { (t.admin_quota(name)) }
                                input id=(id) name=(format!("{}.{name}", part.service)) type="number" min="-1" max=(i32::MAX) value=(limit) required;
                                @if *limit < 0 { span .muted.small { (t.unlimited()) } }
                            }
                        }
                    }
                }
            }
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &["openstack quota set --class --instances 20 default".to_owned()]))
    };
    Ok(visit.form(t.admin_default_quotas(), body))
}

async fn update(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    for part in parts(visit.cloud()).iter().filter(|part| part.service != "network") {
        let changed = changes(&fields, part)?;
        if changed.is_empty() {
            continue;
        }
        let path = if part.service == "compute" {
            "/compute/v2.1"
        } else {
            "/volume/v3"
        };
        visit
            .put(
                &format!("{path}/os-quota-class-sets/default"),
                json!({"quota_class_set": changed}),
            )
            .await?;
    }
    Ok(Done::saying(visit.t().saved()))
}

/// The limits that the form has changed.
fn changes(fields: &Fields, part: &Part) -> Result<BTreeMap<String, i64>, Problem> {
    let mut changed = BTreeMap::new();
    for (name, limit) in &part.limits {
        let wanted = fields.parse::<i64>(&format!("{}.{name}", part.service))?;
        if let Some(wanted) = wanted.filter(|wanted| wanted != limit) {
            changed.insert(name.clone(), wanted);
        }
    }
    Ok(changed)
}
