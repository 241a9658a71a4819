//! Changes to a volume itself: its words, its size, its type.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use maud::html;
use model::volume::{self, Volume, VolumeStatus};
use model::{VolumeId, VolumeTypeId};
use serde_json::{Value, json};

use super::create::{room_note, type_choice};
use super::{HERE, title, type_name, usable_types};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::storage::words::{as_lines, from_lines, quota_bars};
use crate::ui::{self, Field};
use crate::visit::Visit;

/// A place below the volume's page.
fn at(id: VolumeId, what: &str) -> String {
    format!("{HERE}/{id}/{what}")
}

fn find(visit: &Visit, id: VolumeId) -> Result<Arc<Volume>, Problem> {
    Ok(volume::get_visible(visit.cloud(), visit.actor(), id)?)
}

pub(super) async fn edit(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let t = visit.t();
    let volume = find(&visit, id)?;
    let at = at(id, "edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), value: volume.name.as_deref().unwrap_or_default(), ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), value: volume.description.as_deref().unwrap_or_default(), ..Field::default() }))
            (ui::text_area(Field {
                name: "metadata", label: t.volume_metadata(), hint: t.volume_metadata_hint(), value: &as_lines(&volume.metadata),
                example: "purpose=database", ..Field::default()
            }, 4))
            @if volume.bootable || !volume.image_metadata.is_empty() {
                details .more {
                    summary { (t.volume_image_metadata()) }
                    (ui::text_area(Field {
                        name: "image_metadata", label: t.volume_image_metadata(), hint: t.image_properties_hint(),
                        value: &as_lines(&volume.image_metadata), example: "hw_disk_bus=virtio", ..Field::default()
                    }, 6))
                    // Tells a form without this field from one that was emptied.
                    input type="hidden" name="has_image_metadata" value="true";
                }
            }
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack volume set --name … --property purpose=database {id}")]))
    };
    Ok(visit.form(&t.volume_edit(title(&volume)), body))
}

pub(super) async fn update(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let volume = find(&visit, id)?;
    let metadata = from_lines(t, &volume.metadata, fields.plain("metadata"))?;
    let body = json!({"name": fields.text("name"), "description": fields.text("description"), "metadata": metadata});
    visit
        .put(&format!("/volume/v3/volumes/{id}"), json!({"volume": body}))
        .await?;
    if fields.is_set("has_image_metadata") {
        let wanted = from_lines(t, &volume.image_metadata, fields.plain("image_metadata"))?;
        change_image_metadata(&visit, &volume, wanted).await?;
    }
    Ok(Done::saying(t.saved()))
}

/// Takes what a volume knows of its image from what it is to what is wanted.
async fn change_image_metadata(
    visit: &Visit,
    volume: &Volume,
    wanted: BTreeMap<String, String>,
) -> Result<(), Problem> {
    let now = &volume.image_metadata;
    for key in now.keys().filter(|key| !wanted.contains_key(*key)) {
        act(visit, volume.id, json!({"os-unset_image_metadata": {"key": key}})).await?;
    }
    let new = wanted.into_iter().filter(|(key, value)| now.get(key) != Some(value));
    let new: BTreeMap<_, _> = new.collect();
    if !new.is_empty() {
        act(visit, volume.id, json!({"os-set_image_metadata": {"metadata": new}})).await?;
    }
    Ok(())
}

pub(super) async fn ask_extend(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let t = visit.t();
    let volume = find(&visit, id)?;
    let (here, check) = (at(id, "extend"), at(id, "check-extend"));
    let least = i64::try_from(volume.size_gib).unwrap_or(i64::MAX).saturating_add(1);
    let body = html! {
        form method="post" action=(here) hx-post=(here) hx-swap="none" {
            p { (t.volume_extend_now(t.gibibytes(volume.size_gib))) }
            @if volume.status == VolumeStatus::InUse { p .note { (t.volume_extend_in_use()) } }
            (ui::text(Field {
                name: "size", label: t.volume_extend_to(), hint: t.volume_extend_hint(), value: &least.to_string(), required: true,
                kind: Some("number"), range: Some((least, 1 << 20)), check: Some(&check), ..Field::default()
            }))
            (quota_bars(t, visit.cloud(), &volume.project_id, &["gigabytes"]))
            (ui::submit(t, t.volume_extend(), false))
        }
        (ui::command_line(t, &[format!("openstack volume set --size {least} {id}")]))
    };
    Ok(visit.form(&t.volume_extend_title(title(&volume)), body))
}

/// Whether there is room for what is being typed.
pub(super) async fn check_extend(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer {
    let t = visit.t();
    let volume = find(&visit, id)?;
    let Ok(Some(size)) = fields.parse::<u64>("size") else {
        return Ok(Page(html! {}));
    };
    if size <= volume.size_gib {
        return Ok(Page(
            html! { p .note.bad { (t.volume_only_grows(t.gibibytes(volume.size_gib))) } },
        ));
    }
    Ok(Page(room_note(
        t,
        visit.cloud(),
        &volume.project_id,
        [0, size - volume.size_gib, size],
    )))
}

pub(super) async fn extend(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let size: u32 = fields
        .parse("size")?
        .ok_or_else(|| Problem::in_form(t.volume_size_missing()))?;
    act(&visit, id, json!({"os-extend": {"new_size": size}})).await?;
    Ok(Done::saying(t.volume_extended()))
}

/// One of the volume's actions.
pub(super) async fn act(visit: &Visit, id: VolumeId, action: Value) -> Result<Value, Problem> {
    visit.post(&format!("/volume/v3/volumes/{id}/action"), action).await
}

pub(super) async fn ask_retype(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let t = visit.t();
    let volume = find(&visit, id)?;
    let here = at(id, "retype");
    let is_other = |of: &VolumeTypeId| *of != volume.type_id;
    let types: Vec<_> = usable_types(&visit)
        .iter()
        .filter(|each| is_other(&each.id))
        .map(|each| type_choice(&visit, each))
        .collect();
    let body = html! {
        @if types.is_empty() { p .note { (t.volume_retype_none()) } } @else {
            form method="post" action=(here) hx-post=(here) hx-swap="none" {
                p { (t.volume_retype_now(type_name(t, visit.cloud(), &volume.type_id))) }
                (ui::pick(Field { name: "type", label: t.volume_retype_to(), hint: t.volume_retype_hint(), required: true, ..Field::default() }, None, &types))
                (ui::submit(t, t.volume_retype(), false))
            }
        }
        (ui::command_line(t, &[format!("openstack volume set --type TYPE {id}")]))
    };
    Ok(visit.form(&t.volume_retype_title(title(&volume)), body))
}

pub(super) async fn retype(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer<Done> {
    act(
        &visit,
        id,
        json!({"os-retype": {"new_type": fields.plain("type"), "migration_policy": "never"}}),
    )
    .await?;
    Ok(Done::saying(visit.t().volume_retyped()))
}
