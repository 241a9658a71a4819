//! The form of a volume type. The API keeps limits apart, as QoS specs that a type names; to people they are the type's.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Path;
use maud::{Markup, html};
use model::volume::{VolumeType, types};
use model::{ProjectId, QosSpecsId, VolumeTypeId};
use serde_json::{Value, json};

use super::{HERE, check_admin, limits_of};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem, in_query};
use crate::pages::storage::words::{as_lines, from_lines};
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

/// The extra spec that has a box of its own.
const MULTIATTACH: &str = "multiattach";

pub(super) async fn new(visit: Visit) -> Answer {
    check_admin(&visit)?;
    let t = visit.t();
    let body = html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" {
            (inputs(&visit, None))
            (ui::submit(t, t.volume_type_new(), false))
        }
        (ui::command_line(t, &["openstack volume type create --description … fast".to_owned()]))
    };
    Ok(visit.form(t.volume_type_new(), body))
}

pub(super) async fn edit(visit: Visit, Path(id): Path<VolumeTypeId>) -> Answer {
    check_admin(&visit)?;
    let (t, cloud) = (visit.t(), visit.cloud());
    let of = cloud.get::<VolumeType>(&id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (inputs(&visit, Some(&of)))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack volume type set --name … --property KEY=VALUE {id}")]))
    };
    let name = if of.name == types::DEFAULT_NAME {
        t.volume_type_default()
    } else {
        &of.name
    };
    Ok(visit.form(&t.volume_type_edit(name), body))
}

fn inputs(visit: &Visit, of: Option<&VolumeType>) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let is_default = of.is_some_and(|of| of.name == types::DEFAULT_NAME);
    let is_public = of.is_none_or(|of| of.is_public);
    let accesses = [
        Choice::new("public", t.volume_type_public()),
        Choice::new("private", t.volume_type_private()),
    ];
    let projects = cloud.projects.iter().filter(|project| project.enabled);
    let projects: Vec<_> = projects
        .map(|project| Choice::new(&project.id, &project.name))
        .collect();
    let allowed: Vec<&str> = of.iter().flat_map(|of| &of.projects).map(ProjectId::as_str).collect();
    let limits = of.and_then(|of| limits_of(cloud, of));
    let sharing = limits.map_or(0, |limits| types::types_with(cloud, limits.id).len());
    let specs = of.map(|of| of.extra_specs.iter().filter(|(name, _)| *name != MULTIATTACH));
    html! {
        @if is_default { p .note { (t.volume_type_default_name()) } } @else {
            (ui::text(Field { name: "name", label: t.name(), value: of.map_or("", |of| &of.name), example: "fast", required: true, ..Field::default() }))
        }
        (ui::text(Field { name: "description", label: t.description(), value: of.and_then(|of| of.description.as_deref()).unwrap_or_default(), ..Field::default() }))
        (ui::choices(Field { name: "access", label: t.volume_type_access(), ..Field::default() }, false, &accesses, &[if is_public { "public" } else { "private" }]))
        div data-if="access=private" {
            (ui::choices(Field { name: "project", label: t.volume_type_projects(), ..Field::default() }, true, &projects, &allowed))
        }
        (ui::check(MULTIATTACH, t.volume_type_multiattach(), t.volume_type_multiattach_hint(), of.is_some_and(VolumeType::is_multiattach)))
        @if sharing > 1 { p .note.warn { (t.volume_type_limits_shared(sharing)) } }
        (ui::text_area(Field {
            name: "limits", label: t.volume_type_limits(), hint: t.volume_type_limits_hint(),
            value: &limits.map(|limits| as_lines(&limits.specs)).unwrap_or_default(),
            example: "total_iops_sec=500\ntotal_bytes_sec=104857600", ..Field::default()
        }, 3))
        details .more {
            summary { (t.volume_more()) }
            (ui::text_area(Field {
                name: "specs", label: t.volume_type_specs(), hint: t.volume_type_specs_hint(), value: &specs.map(as_lines).unwrap_or_default(),
                ..Field::default()
            }, 3))
        }
    }
}

/// What the form asks for.
struct Wanted {
    is_public: bool,
    projects: BTreeSet<String>,
    specs: BTreeMap<String, String>,
    limits: BTreeMap<String, String>,
}

impl Wanted {
    fn read(visit: &Visit, fields: &Fields, old: &BTreeMap<String, String>) -> Result<Self, Problem> {
        let t = visit.t();
        let mut specs = from_lines(t, old, fields.plain("specs"))?;
        specs.remove(MULTIATTACH);
        if fields.is_set(MULTIATTACH) {
            specs.insert(MULTIATTACH.to_owned(), "<is> True".to_owned());
        }
        let is_public = fields.text("access") != Some("private");
        Ok(Self {
            is_public,
            projects: fields
                .all("project")
                .filter(|_| !is_public)
                .map(str::to_owned)
                .collect(),
            specs,
            limits: from_lines(t, &BTreeMap::new(), fields.plain("limits"))?,
        })
    }
}

pub(super) async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let wanted = Wanted::read(&visit, &fields, &BTreeMap::new())?;
    let new = json!({
        "name": fields.text("name").ok_or_else(|| Problem::in_form(t.volume_name_missing()))?,
        "description": fields.text("description"),
        "os-volume-type-access:is_public": wanted.is_public,
        "extra_specs": wanted.specs,
    });
    let made = visit.post("/volume/v3/types", json!({"volume_type": new})).await?;
    let id = made["volume_type"]["id"].as_str().and_then(|id| id.parse().ok());
    let id: VolumeTypeId = id.ok_or_else(|| Problem::inside("a new volume type has no id"))?;
    if let Err(problem) = follow(&visit, id, &wanted).await {
        // One form, one outcome.
        visit.delete(&format!("/volume/v3/types/{id}")).await?;
        return Err(problem);
    }
    Ok(Done::saying(t.saved()))
}

pub(super) async fn update(visit: Visit, Path(id): Path<VolumeTypeId>, fields: Fields) -> Answer<Done> {
    let of = visit.cloud().get::<VolumeType>(&id)?;
    let wanted = Wanted::read(&visit, &fields, &of.extra_specs)?;
    let mut change = json!({"description": fields.text("description"), "is_public": wanted.is_public});
    if let Some(name) = fields.text("name") {
        change["name"] = name.into();
    }
    visit
        .put(&format!("/volume/v3/types/{id}"), json!({"volume_type": change}))
        .await?;
    for name in of.extra_specs.keys().filter(|name| !wanted.specs.contains_key(*name)) {
        visit
            .delete(&format!("/volume/v3/types/{id}/extra_specs/{}", in_query(name)))
            .await?;
    }
    let new = wanted
        .specs
        .iter()
        .filter(|(name, value)| of.extra_specs.get(*name) != Some(*value));
    let new: BTreeMap<_, _> = new.collect();
    if !new.is_empty() {
        visit
            .post(
                &format!("/volume/v3/types/{id}/extra_specs"),
                json!({"extra_specs": new}),
            )
            .await?;
    }
    follow(&visit, id, &wanted).await?;
    Ok(Done::saying(visit.t().saved()))
}

/// What comes after the type itself: who may use it, and its limits.
async fn follow(visit: &Visit, id: VolumeTypeId, wanted: &Wanted) -> Result<(), Problem> {
    let cloud = visit.cloud_now();
    let of = cloud.get::<VolumeType>(&id)?;
    if !wanted.is_public {
        let now: BTreeSet<String> = of.projects.iter().map(ToString::to_string).collect();
        let changes = [
            ("addProjectAccess", wanted.projects.difference(&now)),
            ("removeProjectAccess", now.difference(&wanted.projects)),
        ];
        for (action, projects) in changes {
            for project in projects {
                visit
                    .post(
                        &format!("/volume/v3/types/{id}/action"),
                        json!({action: {"project": project}}),
                    )
                    .await?;
            }
        }
    }
    set_limits(visit, &of, &wanted.limits).await
}

async fn set_limits(visit: &Visit, of: &VolumeType, wanted: &BTreeMap<String, String>) -> Result<(), Problem> {
    let cloud = visit.cloud_now();
    match limits_of(&cloud, of) {
        None if wanted.is_empty() => Ok(()),
        None => {
            // Names of limits are unique, and nobody has to look for this one.
            let mut limits = json!({"name": format!("{} ({})", of.name, of.id), "consumer": "front-end"});
            extend(&mut limits, wanted);
            let made = visit.post("/volume/v3/qos-specs", json!({"qos_specs": limits})).await?;
            let made = made["qos_specs"]["id"].as_str().unwrap_or_default();
            visit
                .get(&format!("/volume/v3/qos-specs/{made}/associate?vol_type_id={}", of.id))
                .await?;
            Ok(())
        }
        Some(limits) if wanted.is_empty() => {
            visit
                .get(&format!(
                    "/volume/v3/qos-specs/{}/disassociate?vol_type_id={}",
                    limits.id, of.id
                ))
                .await?;
            drop_unused(visit, limits.id).await
        }
        Some(limits) if limits.specs == *wanted => Ok(()),
        Some(limits) => {
            let mut change = json!({});
            extend(&mut change, wanted);
            visit
                .put(
                    &format!("/volume/v3/qos-specs/{}", limits.id),
                    json!({"qos_specs": change}),
                )
                .await?;
            let gone: Vec<_> = limits.specs.keys().filter(|name| !wanted.contains_key(*name)).collect();
            if !gone.is_empty() {
                visit
                    .put(
                        &format!("/volume/v3/qos-specs/{}/delete_keys", limits.id),
                        json!({"keys": gone}),
                    )
                    .await?;
            }
            Ok(())
        }
    }
}

fn extend(document: &mut Value, with: &BTreeMap<String, String>) {
    for (name, value) in with {
        document[name] = value.as_str().into();
    }
}

/// Deletes limits that no type names any more.
pub(super) async fn drop_unused(visit: &Visit, id: QosSpecsId) -> Result<(), Problem> {
    let cloud = visit.cloud_now();
    if cloud.qos_specs.contains(&id) && types::types_with(&cloud, id).is_empty() {
        visit.delete(&format!("/volume/v3/qos-specs/{id}")).await?;
    }
    Ok(())
}
