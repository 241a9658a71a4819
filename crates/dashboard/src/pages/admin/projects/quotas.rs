//! A project's quotas of every service: what is used, what is allowed, and the form that changes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use model::identity::Project;
use model::{Cloud, ProjectId, compute, network, quota, volume};
use serde_json::{Value, json};

use super::HERE;
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Problem, in_query};
use crate::pages::admin::common::{self, Admin, Question};
use crate::site::Site;
use crate::ui;
use crate::visit::Visit;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/admin/projects/{id}/quotas", get(edit).post(update))
        .route(
            "/dashboard/admin/projects/{id}/quotas/reset",
            get(ask_reset).post(reset),
        )
}

/// What Glance counts; its limits are Keystone's unified ones.
const IMAGE: [&str; 2] = ["image_count_total", "image_size_total"];
/// What is counted for a server, user or volume, not for the project.
const NOT_COUNTED: [&str; 4] = [
    "key_pairs",
    "metadata_items",
    "server_group_members",
    "per_volume_gigabytes",
];

/// A limit with what is used of it.
struct Line {
    name: String,
    limit: i64,
    used: Option<u64>,
}

/// The quotas of one service.
struct Part {
    service: &'static str,
    lines: Vec<Line>,
    /// Whether it can be changed here.
    is_open: bool,
}

fn parts(cloud: &Cloud, project: &ProjectId) -> Vec<Part> {
    let line = |name: &str, used: u64| Line {
        name: name.to_owned(),
        limit: quota::limit(cloud, project, name),
        used: (!NOT_COUNTED.contains(&name)).then_some(used),
    };
    let compute = compute::quota::RESOURCES.iter().filter_map(|resource| match resource {
        compute::quota::Resource::Nova(name) => Some(line(name, compute::quota::in_use(cloud, project, name))),
        _ => None,
    });
    let network = network::quota::RESOURCES
        .iter()
        .map(|name| line(name, network::quota::used(cloud, project, name)));
    let volume = volume::quota::names(cloud);
    let volume = volume
        .iter()
        .map(|name| line(name, volume::quota::in_use(cloud, project, name)));
    let images: Vec<_> = cloud
        .images
        .iter()
        .filter(|image| image.owner.as_ref() == Some(project))
        .collect();
    let image_bytes: u64 = images.iter().filter_map(|image| image.size).sum();
    let image = IMAGE.iter().map(|name| Line {
        limit: quota::unified_limit(cloud, project, name).unwrap_or_else(|| quota::limit(cloud, project, name)),
        ..line(
            name,
            if *name == IMAGE[0] {
                images.len() as u64
            } else {
                image_bytes.div_ceil(1 << 20)
            },
        )
    });
    let is_registered = IMAGE
        .iter()
        .any(|name| quota::unified_limit(cloud, project, name).is_some());
    let part = |service, lines: Vec<Line>, is_open| Part {
        service,
        lines,
        is_open,
    };
    vec![
        part("compute", compute.collect(), true),
        part("network", network.collect(), true),
        part("volume", volume.collect(), true),
        part("image", image.collect(), is_registered),
    ]
}

/// The name of a service for people.
fn title(t: Text, service: &str) -> &'static str {
    match service {
        "compute" => t.nav_compute(),
        "network" => t.nav_network(),
        "volume" => t.nav_storage(),
        _ => t.nav_images(),
    }
}

/// The quota and the volume type, of one that counts a type's volumes (`gigabytes_fast`): few projects have limits of these.
fn type_of(name: &str) -> Option<(&str, &str)> {
    name.split_once('_')
        .filter(|(quota, _)| matches!(*quota, "volumes" | "snapshots" | "gigabytes"))
}

/// Those of volume types, by type.
fn by_type(lines: &[Line]) -> BTreeMap<&str, Vec<&Line>> {
    let mut of_types: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines {
        if let Some((_, volume_type)) = type_of(&line.name) {
            of_types.entry(volume_type).or_default().push(line);
        }
    }
    of_types
}

/// In which unit a resource is counted.
pub(in crate::pages::admin) fn unit(name: &str) -> fn(Text, u64) -> String {
    match name {
        "ram" | "image_size_total" => common::mebibytes,
        name if name.contains("gigabytes") => common::gibibytes,
        _ => ui::count,
    }
}

/// On the project's page.
pub(super) fn card(visit: &Visit, project: &ProjectId) -> Markup {
    let t = visit.t();
    let at = format!("{HERE}/{project}/quotas");
    html! {
        section .card #quotas {
            header .card-head {
                div { h2 { (t.admin_quotas()) } p .muted { (t.admin_quotas_lead()) } }
                div .inline {
                    (ui::action(&at, "pencil", t.admin_quotas_edit()))
                    (ui::action(&format!("{at}/reset"), "refresh", t.admin_quotas_reset()))
                }
            }
            div .quota-parts {
                @for part in parts(visit.cloud(), project) {
                    div {
                        h3 { (title(t, part.service)) }
                        // Limits of volume types are shown where somebody set one.
                        @for line in part.lines.iter().filter(|line| line.limit >= 0 || type_of(&line.name).is_none()) {
                            @let limit = u64::try_from(line.limit).ok();
                            @match line.used {
                                Some(used) => (ui::usage_bar(t, &t.admin_quota_title(&line.name), used, limit, unit(&line.name))),
                                None => div .usage { div .usage-words { span { (t.admin_quota_title(&line.name)) } span .muted {
                                    @match limit { Some(limit) => (unit(&line.name)(t, limit)), None => (t.unlimited()) }
                                } } },
                            }
                        }
                    }
                }
            }
        }
    }
}

async fn edit(Admin(visit): Admin, Path(id): Path<ProjectId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let project = cloud.get::<Project>(&id)?;
    let at = format!("{HERE}/{id}/quotas");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" data-wide {
            p .muted { (t.admin_quotas_hint()) }
            @for part in parts(cloud, &id) {
                fieldset .quota-fields disabled[!part.is_open] {
                    legend { (title(t, part.service)) }
                    @if !part.is_open { p .hint { (t.admin_quotas_image_hint()) } }
                    div .quota-grid {
                        @for line in part.lines.iter().filter(|line| type_of(&line.name).is_none()) { (field(t, part.service, line)) }
                    }
                    @for (volume_type, lines) in by_type(&part.lines) {
                        fieldset {
                            legend { (t.admin_quota_type(volume_type)) }
                            div .quota-grid { @for line in lines { (field(t, part.service, line)) } }
                        }
                    }
                }
            }
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack quota set --instances 20 --cores 40 --ram 102400 --networks 20 --volumes 20 {id}")]))
    };
    Ok(visit.form(&t.admin_quotas_of(&project.name), body))
}

fn field(t: Text, service: &str, line: &Line) -> Markup {
    let id = format!("q-{service}-{}", line.name);
    html! {
        div .quota-field {
            label for=(id) { (t.admin_quota(type_of(&line.name).map_or(&line.name, |(quota, _)| quota))) }
            input id=(id) name=(format!("{service}.{}", line.name)) type="number" min="-1" max=(i32::MAX) value=(line.limit) required;
            span .muted.small {
                @match (line.used.map(|used| unit(&line.name)(t, used)), line.limit < 0) {
                    (Some(used), true) => (t.used_of_unlimited(used)),
                    (Some(used), false) => (t.used_only(used)),
                    (None, true) => (t.unlimited()),
                    (None, false) => {}
                }
            }
        }
    }
}

/// The limits of a service that the form has changed.
fn changes(fields: &Fields, part: &Part) -> Result<BTreeMap<String, i64>, Problem> {
    let mut changed = BTreeMap::new();
    for line in &part.lines {
        let wanted = fields.parse::<i64>(&format!("{}.{}", part.service, line.name))?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != line.limit) {
            changed.insert(line.name.clone(), wanted);
        }
    }
    Ok(changed)
}

async fn update(Admin(visit): Admin, Path(id): Path<ProjectId>, fields: Fields) -> Answer<Done> {
    let project = in_query(id.as_str());
    for part in parts(visit.cloud(), &id).iter().filter(|part| part.is_open) {
        let changed = changes(&fields, part)?;
        if changed.is_empty() {
            continue;
        }
        match part.service {
            "compute" => {
                visit
                    .put(
                        &format!("/compute/v2.1/os-quota-sets/{project}"),
                        json!({"quota_set": changed}),
                    )
                    .await?
            }
            "volume" => {
                visit
                    .put(
                        &format!("/volume/v3/os-quota-sets/{project}"),
                        json!({"quota_set": changed}),
                    )
                    .await?
            }
            "network" => {
                visit
                    .put(&format!("/networking/v2.0/quotas/{project}"), json!({"quota": changed}))
                    .await?
            }
            _ => set_unified(&visit, &id, &changed).await?,
        };
    }
    Ok(Done::saying(visit.t().saved()))
}

/// Sets a project's own unified limits, where there are registered ones for everybody.
async fn set_unified(visit: &Visit, project: &ProjectId, limits: &BTreeMap<String, i64>) -> Result<Value, Problem> {
    let cloud = visit.cloud();
    for (name, limit) in limits {
        let Some(registered) = cloud.registered_limits.iter().find(|row| row.resource_name == *name) else {
            continue;
        };
        let own = cloud
            .limits
            .iter()
            .find(|row| row.project_id.as_ref() == Some(project) && row.resource_name == *name);
        match own {
            Some(row) => {
                visit
                    .patch(
                        &format!("/identity/v3/limits/{}", row.id),
                        json!({"limit": {"resource_limit": limit}}),
                    )
                    .await?
            }
            None => {
                let mut wanted = json!({
                    "service_id": registered.service_id,
                    "project_id": project,
                    "resource_name": name,
                    "resource_limit": limit,
                });
                if let Some(region) = &registered.region_id {
                    wanted["region_id"] = region.as_str().into();
                }
                visit.post("/identity/v3/limits", json!({"limits": [wanted]})).await?
            }
        };
    }
    Ok(Value::Null)
}

async fn ask_reset(Admin(visit): Admin, Path(id): Path<ProjectId>) -> Answer {
    let t = visit.t();
    let project = visit.cloud().get::<Project>(&id)?;
    Ok(common::ask(
        &visit,
        &Question {
            title: &t.admin_quotas_reset_title(&project.name),
            words: &[t.admin_quotas_reset_text()],
            warning: None,
            address: &format!("{HERE}/{id}/quotas/reset"),
            fields: &[],
            deed: t.admin_quotas_reset(),
            command: format!("openstack quota delete {id}"),
        },
    ))
}

async fn reset(Admin(visit): Admin, Path(id): Path<ProjectId>) -> Answer<Done> {
    let project = in_query(id.as_str());
    for path in [
        "/compute/v2.1/os-quota-sets",
        "/volume/v3/os-quota-sets",
        "/networking/v2.0/quotas",
    ] {
        visit.delete(&format!("{path}/{project}")).await?;
    }
    Ok(Done::saying(visit.t().saved()))
}
