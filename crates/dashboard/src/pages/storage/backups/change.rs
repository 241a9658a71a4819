//! Making a backup, changing what is said of it, restoring it.

use axum::extract::Path;
use maud::html;
use model::volume::{self, BackupStatus, VolumeStatus, backup, snapshot};
use model::{BackupId, VolumeId, VolumeSnapshotId};
use serde_json::json;

use super::{HERE, title};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::storage::volumes;
use crate::pages::storage::words::{as_lines, from_lines, name_of, quota_bars};
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

pub(super) async fn new(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let (cloud, actor) = (visit.cloud(), visit.actor());
    let volume = fields
        .parse::<VolumeId>("volume")?
        .map(|id| volume::get_visible(cloud, actor, id))
        .transpose()?;
    let from = fields
        .parse::<VolumeSnapshotId>("snapshot")?
        .map(|id| snapshot::get_visible(cloud, actor, id))
        .transpose()?;
    let ready = volumes::that_can_be_copied(&visit);
    let choices: Vec<_> = ready.iter().map(|volume| volumes::choice(t, volume)).collect();
    let project = volume.as_ref().map_or(visit.project_id(), |volume| &volume.project_id);
    let body = html! {
        @if volume.is_none() && choices.is_empty() { p .note { (t.snapshot_no_volume()) } } @else {
            form method="post" action="/dashboard/backups/new" hx-post="/dashboard/backups/new" hx-swap="none" {
                p { (t.backup_text()) }
                @if let Some(volume) = &volume {
                    input type="hidden" name="volume" value=(volume.id);
                    p { (t.volume_one()) ": " b { (volumes::title(volume)) } }
                    @if volume.status == VolumeStatus::InUse && from.is_none() { p .note.warn { (t.volume_in_use_copy()) } }
                } @else {
                    (ui::pick(Field { name: "volume", label: t.volume_one(), required: true, ..Field::default() }, None, &choices))
                    (volumes::in_use_note(t, &ready))
                }
                @if let Some(from) = &from {
                    input type="hidden" name="snapshot" value=(from.id);
                    p { (t.backup_from_snapshot()) ": " b { (name_of(from.name.as_deref(), from.id)) } }
                }
                (ui::text(Field { name: "name", label: t.name(), example: "weekly", ..Field::default() }))
                (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
                (ui::check("incremental", t.backup_incremental(), t.backup_incremental_hint(), false))
                (quota_bars(t, cloud, project, &["backups", "backup_gigabytes"]))
                (ui::submit(t, t.backup_new(), false))
            }
        }
        (ui::command_line(t, &["openstack volume backup create --incremental --force --name weekly VOLUME".to_owned()]))
    };
    Ok(visit.form(t.backup_new(), body))
}

pub(super) async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let volume: VolumeId = fields
        .parse("volume")?
        .ok_or_else(|| Problem::in_form(t.volume_missing()))?;
    let mut wish = json!({
        "volume_id": volume,
        "name": fields.text("name"),
        "description": fields.text("description"),
        "incremental": fields.is_set("incremental"),
        // The form warned of what it means.
        "force": true,
    });
    if let Some(snapshot) = fields.text("snapshot") {
        wish["snapshot_id"] = snapshot.into();
    }
    visit.post("/volume/v3/backups", json!({"backup": wish})).await?;
    Ok(Done::saying(t.backup_begun()))
}

pub(super) async fn edit(visit: Visit, Path(id): Path<BackupId>) -> Answer {
    let t = visit.t();
    let backup = backup::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), value: backup.name.as_deref().unwrap_or_default(), ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), value: backup.description.as_deref().unwrap_or_default(), ..Field::default() }))
            (ui::text_area(Field {
                name: "metadata", label: t.volume_metadata(), hint: t.volume_metadata_hint(), value: &as_lines(&backup.metadata), ..Field::default()
            }, 4))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack volume backup set --name … {id}")]))
    };
    Ok(visit.form(&t.backup_edit(title(&backup)), body))
}

pub(super) async fn update(visit: Visit, Path(id): Path<BackupId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let backup = backup::get_visible(visit.cloud(), visit.actor(), id)?;
    let metadata = from_lines(t, &backup.metadata, fields.plain("metadata"))?;
    let words = json!({"name": fields.text("name"), "description": fields.text("description"), "metadata": metadata});
    visit
        .put(&format!("/volume/v3/backups/{id}"), json!({"backup": words}))
        .await?;
    Ok(Done::saying(t.saved()))
}

pub(super) async fn ask_restore(visit: Visit, Path(id): Path<BackupId>) -> Answer {
    let t = visit.t();
    let backup = backup::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/restore");
    let all = volumes::of_project(&visit).into_iter();
    let fit = all.filter(|volume| volume.status == VolumeStatus::Available && volume.size_gib >= backup.size_gib);
    let choices: Vec<_> = fit.map(|volume| volumes::choice(t, &volume)).collect();
    let targets = [
        Choice::new("new", t.backup_to_new()).note(t.backup_to_new_note()),
        Choice::new("old", t.backup_to_old())
            .note(if choices.is_empty() {
                t.backup_to_none()
            } else {
                t.backup_to_old_note()
            })
            .out(choices.is_empty()),
    ];
    let old = backup.volume_id.to_string();
    let new_name = name_of(backup.volume.name.as_deref(), backup.volume_id);
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::choices(Field { name: "target", label: t.backup_to(), ..Field::default() }, false, &targets, &["new"]))
            div data-if="target=new" {
                (ui::text(Field { name: "name", label: t.name(), value: &new_name, ..Field::default() }))
                (quota_bars(t, visit.cloud(), visit.project_id(), &["volumes", "gigabytes"]))
            }
            @if !choices.is_empty() {
                div data-if="target=old" {
                    (ui::pick(Field { name: "volume", label: t.volume_one(), value: &old, ..Field::default() }, None, &choices))
                    p .note.warn { (icon("alert")) " " (t.backup_overwrites()) }
                }
            }
            (ui::submit(t, t.backup_restore(), false))
        }
        (ui::command_line(t, &[format!("openstack volume backup restore {id} [VOLUME]")]))
    };
    Ok(visit.form(&t.backup_restore_title(title(&backup)), body))
}

pub(super) async fn restore(visit: Visit, Path(id): Path<BackupId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let wish = match fields.text("target") {
        Some("old") => json!({"volume_id": fields.text("volume").ok_or_else(|| Problem::in_form(t.volume_missing()))?}),
        _ => fields
            .text("name")
            .map_or_else(|| json!({}), |name| json!({"name": name})),
    };
    let made = visit
        .post(&format!("/volume/v3/backups/{id}/restore"), json!({"restore": wish}))
        .await?;
    let volume = made["restore"]["volume_id"].as_str().unwrap_or_default();
    Ok(Done::saying(t.backup_restoring()).then(format!("/dashboard/volumes/{volume}")))
}

/// An administrator's word on how a backup is, when it hangs.
pub(super) async fn ask_reset(visit: Visit, Path(id): Path<BackupId>) -> Answer {
    let t = visit.t();
    let backup = backup::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/reset");
    let statuses = [BackupStatus::Available, BackupStatus::Error];
    let choices = statuses.map(|status| Choice::new(status.as_str(), t.backup_status(status)));
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .note.warn { (t.volume_reset_text()) }
            (ui::pick(Field { name: "status", label: t.status(), value: backup.status.as_str(), ..Field::default() }, None, &choices))
            (ui::submit_warning(t, t.volume_reset()))
        }
        (ui::command_line(t, &[format!("openstack volume backup set --state available {id}")]))
    };
    Ok(visit.form(&t.backup_reset_title(title(&backup)), body))
}

pub(super) async fn reset(visit: Visit, Path(id): Path<BackupId>, fields: Fields) -> Answer<Done> {
    let order = json!({"os-reset_status": {"status": fields.plain("status")}});
    visit.post(&format!("/volume/v3/backups/{id}/action"), order).await?;
    Ok(Done::saying(visit.t().saved()))
}
