//! What else can be done to a volume: made bootable, copied into an image, put right by an administrator.

use axum::extract::{Path, Query};
use maud::html;
use model::VolumeId;
use model::image::Visibility;
use model::volume::{self, SourceWish, VolumeStatus};
use serde::Deserialize;
use serde_json::json;

use super::change::act;
use super::{HERE, title};
use crate::form::Fields;
use crate::messages::Kind;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::storage::images;
use crate::pages::storage::words::name_of;
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

/// On or off.
#[derive(Deserialize)]
pub(super) struct Switch {
    on: bool,
}

pub(super) async fn set_bootable(visit: Visit, Path(id): Path<VolumeId>, Query(to): Query<Switch>) -> Answer<Done> {
    act(&visit, id, json!({"os-set_bootable": {"bootable": to.on}})).await?;
    Ok(Done::saying(visit.t().saved()))
}

pub(super) async fn set_read_only(visit: Visit, Path(id): Path<VolumeId>, Query(to): Query<Switch>) -> Answer<Done> {
    act(&visit, id, json!({"os-update_readonly_flag": {"readonly": to.on}})).await?;
    Ok(Done::saying(visit.t().saved()))
}

pub(super) async fn ask_image(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let t = visit.t();
    let volume = volume::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/image");
    let formats: Vec<_> = ["qcow2", "raw", "vmdk", "vdi", "vhd", "vhdx"]
        .into_iter()
        .map(|format| Choice::new(format, format).note(t.image_format_note(format)))
        .collect();
    let each = [
        Visibility::Private,
        Visibility::Shared,
        Visibility::Community,
        Visibility::Public,
    ];
    let visibilities: Vec<_> = each
        .into_iter()
        .filter(|each| *each != Visibility::Public || visit.is_admin())
        .map(|each| Choice::new(each.as_str(), t.image_visibility_word(each)).note(t.image_visibility_note(each)))
        .collect();
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p { (t.volume_to_image_text()) }
            @if volume.status == VolumeStatus::InUse { p .note.warn { (t.volume_in_use_copy()) } }
            (ui::text(Field { name: "name", label: t.volume_image_name(), value: &title(&volume), required: true, ..Field::default() }))
            (ui::pick(Field { name: "format", label: t.image_format(), hint: t.volume_image_format_hint(), value: "qcow2", ..Field::default() }, None, &formats))
            (ui::pick(Field { name: "visibility", label: t.image_visibility(), value: "shared", ..Field::default() }, None, &visibilities))
            (ui::submit(t, t.volume_to_image(), false))
        }
        (ui::command_line(t, &[format!("openstack image create --volume {id} --disk-format qcow2 my-image")]))
    };
    Ok(visit.form(&t.volume_to_image_title(title(&volume)), body))
}

pub(super) async fn image(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let name = fields
        .text("name")
        .ok_or_else(|| Problem::in_form(t.volume_name_missing()))?;
    let order = json!({
        "image_name": name,
        "disk_format": fields.text("format").unwrap_or("qcow2"),
        "container_format": "bare",
        "visibility": fields.text("visibility").unwrap_or("shared"),
        // The form warned of what it means.
        "force": true,
    });
    let made = act(&visit, id, json!({"os-volume_upload_image": order})).await?;
    let image = made["os-volume_upload_image"]["image_id"].as_str().unwrap_or_default();
    Ok(Done::saying(t.volume_to_image_begun()).then(format!("/dashboard/images/{image}")))
}

/// New content for a volume that nobody uses.
pub(super) async fn ask_reimage(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let t = visit.t();
    let volume = volume::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/reimage");
    let fit = images::usable(&visit, None).into_iter().filter_map(|image| {
        let least = volume::smallest_gib(visit.cloud(), visit.actor(), SourceWish::Image(image.id)).ok()?;
        let is_out = image.os_hash_value.is_none() || least > volume.size_gib;
        let choice = Choice::new(image.id, name_of(image.name.as_deref(), image.id));
        Some(choice.note(t.volume_from_size(t.gibibytes(least))).out(is_out))
    });
    let images: Vec<_> = fit.collect();
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .note.warn { (t.backup_overwrites()) }
            (ui::pick(Field { name: "image", label: t.volume_from_image(), required: true, ..Field::default() }, None, &images))
            (ui::submit(t, t.volume_reimage(), true))
        }
        (ui::command_line(t, &[format!("openstack --os-volume-api-version 3.68 volume reimage {id} IMAGE")]))
    };
    Ok(visit.form(&t.volume_reimage_title(title(&volume)), body))
}

pub(super) async fn reimage(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer<Done> {
    act(&visit, id, json!({"os-reimage": {"image_id": fields.plain("image")}})).await?;
    Ok(Done::saying(visit.t().volume_reimaging()))
}

/// An administrator's word on how a volume is, when it hangs.
pub(super) async fn ask_reset(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let t = visit.t();
    let volume = volume::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/reset");
    let force = format!("{HERE}/{id}/force-delete");
    let statuses = [
        VolumeStatus::Available,
        VolumeStatus::InUse,
        VolumeStatus::Error,
        VolumeStatus::Maintenance,
    ];
    let choices = statuses.map(|status| Choice::new(status.as_str(), t.volume_status(status)));
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .note.warn { (icon("alert")) " " (t.volume_reset_text()) }
            (ui::pick(Field { name: "status", label: t.status(), value: volume.status.as_str(), ..Field::default() }, None, &choices))
            (ui::submit_warning(t, t.volume_reset()))
        }
        p .card-end { (ui::dialog_link(&force, "button danger", html! { (icon("trash")) (t.volume_force_delete()) })) }
        (ui::command_line(t, &[format!("openstack volume set --state available {id}")]))
    };
    Ok(visit.form(&t.volume_reset_title(title(&volume)), body))
}

pub(super) async fn reset(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer<Done> {
    act(
        &visit,
        id,
        json!({"os-reset_status": {"status": fields.plain("status")}}),
    )
    .await?;
    Ok(Done::saying(visit.t().saved()))
}

/// Asks whether a volume that hangs is to go with all that is on it. One that a server has, or snapshots need, stays.
pub(super) async fn ask_force_delete(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let volume = volume::get_visible(cloud, visit.actor(), id)?;
    let at = format!("{HERE}/{id}/force-delete");
    let users = super::users_of(cloud, id);
    let snapshots = cloud.lookups.snapshots_by_volume.count(&id);
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .note.warn { (icon("alert")) " " (t.volume_force_delete_text()) }
            @if !users.is_empty() {
                p .note.warn {
                    (t.volume_delete_attached(users.join(", "))) " "
                    a href=(format!("{HERE}/{id}#attachments")) { (t.volume_to_attachments()) }
                }
            }
            @if snapshots > 0 {
                p .note.warn {
                    (t.volume_force_delete_snapshots(snapshots)) " "
                    a href=(format!("{HERE}/{id}#snapshots")) { (t.nav_snapshots()) }
                }
            }
            (ui::submit_if(t, t.volume_force_delete_do(), true, !users.is_empty() || snapshots > 0, None))
        }
        (ui::command_line(t, &[format!("openstack volume delete --force {id}")]))
    };
    Ok(visit.form(&t.volume_force_delete_title(title(&volume)), body))
}

pub(super) async fn force_delete(visit: Visit, Path(id): Path<VolumeId>) -> Answer<Done> {
    let volume = volume::get_visible(visit.cloud(), visit.actor(), id)?;
    act(&visit, id, json!({"os-force_delete": {}})).await?;
    Ok(Done::saying(visit.t().deleted(Kind::Volume, &title(&volume))).then(HERE))
}
