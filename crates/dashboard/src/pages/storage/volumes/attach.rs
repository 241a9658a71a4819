//! A volume plugged into a server, and taken out of it.

use axum::extract::{Path, Query};
use maud::{Markup, html};
use model::compute::Server;
use model::compute::server::admission::{Asker, Denied, Operation, admit};
use model::volume::{self, Volume, attachment};
use model::{ServerId, VolumeId};
use serde::Deserialize;
use serde_json::json;

use super::{HERE, title};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

pub(super) async fn ask_attach(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let volume = volume::get_visible(cloud, visit.actor(), id)?;
    let at = format!("{HERE}/{id}/attach");
    let servers = cloud.lookups.servers_by_project.of(&volume.project_id);
    let mut servers: Vec<_> = servers.filter_map(|id| cloud.find::<Server>(id)).collect();
    servers.sort_by_key(|server| (&server.name, server.id));
    let choices: Vec<_> = servers
        .into_iter()
        .map(|server| server_choice(&visit, id, server))
        .collect();
    let body = html! {
        @if choices.iter().all(|choice| choice.is_out) {
            p .note { (t.volume_no_server()) }
            p { (ui::action("/dashboard/servers/new", "plus", t.image_launch())) }
        } @else {
            form method="post" action=(at) hx-post=(at) hx-swap="none" {
                (ui::pick(Field { name: "server", label: t.volume_server(), hint: t.volume_attach_hint(), required: true, ..Field::default() }, None, &choices))
                (ui::check("delete_on_termination", t.volume_with_server(), t.volume_with_server_hint(), false))
                details .more {
                    summary { (t.volume_more()) }
                    (ui::text(Field { name: "device", label: t.volume_device(), hint: t.volume_device_hint(), example: "/dev/vdb", ..Field::default() }))
                }
                (ui::submit(t, t.volume_attach(), false))
            }
        }
        (ui::command_line(t, &[format!("openstack server add volume SERVER {id}")]))
    };
    Ok(visit.form(&t.volume_attach_title(title(&volume)), body))
}

/// A server to choose; one that can't take it now says why.
fn server_choice(visit: &Visit, volume: VolumeId, server: &Server) -> Choice {
    let (t, cloud) = (visit.t(), visit.cloud());
    let choice = Choice::new(server.id, &server.name);
    if attachment::find(cloud, server.id, volume).is_ok() {
        return choice.note(t.volume_has_it()).out(true);
    }
    let asker = if visit.is_admin() { Asker::Admin } else { Asker::Member };
    match admit(server, asker, Operation::AttachVolume) {
        Ok(_) => choice,
        Err(Denied::Locked) => choice.note(t.volume_server_locked()).out(true),
        Err(Denied::TaskState(_)) => choice.note(t.volume_server_busy()).out(true),
        Err(Denied::VmState(_) | Denied::NeverLaunched) => choice.note(t.volume_server_unfit()).out(true),
    }
}

pub(super) async fn attach(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let server = server_of(&visit, &fields)?;
    let mut attachment = json!({"volumeId": id, "delete_on_termination": fields.is_set("delete_on_termination")});
    if let Some(device) = fields.text("device") {
        attachment["device"] = device.into();
    }
    let path = format!("/compute/v2.1/servers/{server}/os-volume_attachments");
    visit.post(&path, json!({"volumeAttachment": attachment})).await?;
    Ok(Done::saying(t.volume_attaching()))
}

fn server_of(visit: &Visit, fields: &Fields) -> Result<ServerId, Problem> {
    fields
        .parse("server")?
        .ok_or_else(|| Problem::in_form(visit.t().volume_server_missing()))
}

pub(super) async fn ask_detach(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer {
    let cloud = visit.cloud();
    let volume = volume::get_visible(cloud, visit.actor(), id)?;
    let server = server_of(&visit, &fields)?;
    let found = attachment::find(cloud, server, id)?;
    let name = cloud
        .find::<Server>(&server)
        .map_or_else(|| server.short(), |server| server.name.clone());
    let at = format!("{HERE}/{id}/detach");
    Ok(detach_form(
        &visit,
        &at,
        (server, &name),
        &volume,
        found.device.as_deref(),
    ))
}

/// Asks whether a volume is to be taken from a server, by its id and name; the answer is sent to `at`.
pub(crate) fn detach_form(
    visit: &Visit,
    at: &str,
    (server, name): (ServerId, &str),
    volume: &Volume,
    device: Option<&str>,
) -> Page {
    let t = visit.t();
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            input type="hidden" name="server" value=(server);
            input type="hidden" name="volume" value=(volume.id);
            (detach_warning(t))
            @if let Some(device) = device { (unmount(t, device)) }
            (ui::submit_warning(t, t.volume_detach()))
        }
        (ui::command_line(t, &[format!("openstack server remove volume {server} {}", volume.id)]))
    };
    visit.form(&t.volume_detach_title(title(volume), name), body)
}

/// What is to be done in the server before.
pub(crate) fn detach_warning(t: Text) -> Markup {
    html! { p .note.warn { (icon("alert")) " " (t.volume_detach_first()) } }
}

/// The command for that.
pub(crate) fn unmount(t: Text, device: &str) -> Markup {
    ui::code_block(t, &format!("sudo umount {device}"))
}

pub(super) async fn detach(visit: Visit, Path(id): Path<VolumeId>, fields: Fields) -> Answer<Done> {
    let server = server_of(&visit, &fields)?;
    visit
        .delete(&format!("/compute/v2.1/servers/{server}/os-volume_attachments/{id}"))
        .await?;
    Ok(Done::saying(visit.t().volume_detaching()))
}

/// Whether a volume goes with a server.
#[derive(Deserialize)]
pub(super) struct WithServer {
    server: ServerId,
    on: bool,
}

pub(super) async fn set_with_server(
    visit: Visit,
    Path(id): Path<VolumeId>,
    Query(to): Query<WithServer>,
) -> Answer<Done> {
    let path = format!("/compute/v2.1/servers/{}/os-volume_attachments/{id}", to.server);
    let body = json!({"volumeId": id, "delete_on_termination": to.on});
    visit.put(&path, json!({"volumeAttachment": body})).await?;
    Ok(Done::saying(visit.t().saved()))
}
