//! Plugging volumes in and out.

use axum::extract::Path;
use maud::html;
use model::compute::VmState;
use model::volume::{VolumeStatus, attachment};
use model::{ServerId, VolumeId};
use serde_json::json;

use super::super::servers::{HERE, find, volume_name};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::storage::volumes;
use crate::ui::{self, Choice, Field, action};
use crate::visit::Visit;

pub(super) async fn ask_attach(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let server = find(&visit, id)?;
    let has: Vec<VolumeId> = attachment::of_server(cloud, id)
        .iter()
        .map(|each| each.volume_id)
        .collect();
    let ids = cloud
        .lookups
        .volumes_by_project
        .of(&server.project_id)
        .filter(|id| !has.contains(id));
    let choices: Vec<Choice> = ids
        .filter_map(|id| cloud.volumes.get(id))
        .filter(|volume| {
            volume.status == VolumeStatus::Available || (volume.multiattach && volume.status == VolumeStatus::InUse)
        })
        .map(|volume| Choice::new(volume.id, volume_name(volume)).note(ui::gibibytes(t, volume.size_gib)))
        .collect();
    let at = format!("{HERE}/{id}/volumes/attach");
    if choices.is_empty() {
        return Ok(visit.form(
            &t.server_attach_volume_to(&server.name),
            html! {
                p { (t.server_no_free_volume()) }
                p { (action("/dashboard/volumes/new", "plus", t.server_new_volume())) }
            },
        ));
    }
    Ok(visit.form(&t.server_attach_volume_to(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .form-lead { (t.server_hint_attach_volume()) }
            (ui::pick(Field { name: "volume", label: t.server_volume(), required: true, ..Field::default() }, None, &choices))
            (ui::check("delete_on_termination", t.volume_with_server(), t.volume_with_server_hint(), false))
            (ui::submit(t, t.server_do_attach_volume(), false))
        }
        (ui::command_line(t, &[format!("openstack server add volume {id} VOLUME")]))
    }))
}

pub(super) async fn attach(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let wish = json!({
        "volumeId": fields.plain("volume"),
        "delete_on_termination": fields.is_set("delete_on_termination"),
    });
    visit
        .post(
            &format!("/compute/v2.1/servers/{id}/os-volume_attachments"),
            json!({"volumeAttachment": wish}),
        )
        .await?;
    Ok(Done::saying(visit.t().server_volume_asked()))
}

pub(super) async fn ask_detach(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let server = find(&visit, id)?;
    let may_take_root = server.vm_state == VmState::ShelvedOffloaded;
    let attached = attachment::of_server(cloud, id);
    let choices: Vec<Choice> = attached
        .iter()
        .filter_map(|each| Some((each, cloud.volumes.get(&each.volume_id)?)))
        .map(|(each, volume)| {
            let is_root = each.boot_index == Some(0) && !may_take_root;
            let device = each.device.as_deref().unwrap_or_default();
            let note = format!("{} {device}", ui::gibibytes(t, volume.size_gib));
            Choice::new(volume.id, volume_name(volume))
                .note(if is_root {
                    t.server_boots_from().to_owned()
                } else {
                    note
                })
                .out(is_root)
        })
        .collect();
    let at = format!("{HERE}/{id}/volumes/detach");
    let free: Vec<&str> = choices
        .iter()
        .filter(|choice| !choice.is_out)
        .map(|choice| choice.value.as_str())
        .collect();
    // Which one is known where it was asked for, and where there is one only.
    let known = match free.as_slice() {
        [one] => Some(*one),
        several => fields.text("volume").filter(|wanted| several.contains(wanted)),
    };
    let named = |wanted: &str| attached.iter().find(|each| each.volume_id.to_string() == wanted);
    if let Some((each, volume)) = known
        .and_then(named)
        .and_then(|each| Some((each, cloud.volumes.get(&each.volume_id)?)))
    {
        return Ok(volumes::detach_form(
            &visit,
            &at,
            (id, &server.name),
            volume,
            each.device.as_deref(),
        ));
    }
    let first = free.first().copied().unwrap_or_default();
    Ok(visit.form(&t.server_detach_volume_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (volumes::detach_warning(t))
            (ui::choices(Field { name: "volume", label: t.nav_volumes(), required: true, ..Field::default() }, false, &choices, &[first]))
            @for each in &attached {
                @if let Some(device) = &each.device {
                    div data-if={ "volume=" (each.volume_id) } { (volumes::unmount(t, device)) }
                }
            }
            (ui::submit_warning(t, t.volume_detach()))
        }
        (ui::command_line(t, &[format!("openstack server remove volume {id} VOLUME")]))
    }))
}

pub(super) async fn detach(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let volume: VolumeId = fields.parse("volume")?.ok_or_else(|| Problem::in_form("volume"))?;
    visit
        .delete(&format!("/compute/v2.1/servers/{id}/os-volume_attachments/{volume}"))
        .await?;
    Ok(Done::saying(visit.t().server_volume_leaving()))
}
