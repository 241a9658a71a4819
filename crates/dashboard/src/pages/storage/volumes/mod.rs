//! Volumes: the list, and what all pages of them need.

mod actions;
mod attach;
mod change;
mod create;
mod show;
mod transfer;
mod types;

use std::sync::Arc;

pub(crate) use attach::{detach_form, detach_warning, unmount};
use axum::Router;
use axum::extract::Query;
use axum::routing::{get, post};
use maud::{Markup, html};
use model::compute::Server;
use model::volume::types::DEFAULT_NAME;
use model::volume::{self, AttachmentStatus, Volume, VolumeAttachment, VolumeStatus, VolumeType, attachment};
use model::{Cloud, VolumeId, VolumeTypeId};

use super::listing::{self, stored};
use super::words::{Reach, name_of, server_link};
use crate::form::Fields;
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page};
use crate::pages::deletion::{self, Kind, Victim};
use crate::site::Site;
use crate::ui::{self, Choice, ListQuery, Mood, badge, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/volumes";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .merge(types::routes())
        .route(HERE, get(list).post(create::create))
        .route("/dashboard/volumes/all", get(list_all))
        .route("/dashboard/volumes/new", get(create::new))
        .route("/dashboard/volumes/check", get(create::check))
        .route("/dashboard/volumes/delete", get(ask_delete).post(delete))
        .route(
            "/dashboard/volumes/accept",
            get(transfer::ask_accept).post(transfer::accept),
        )
        .route("/dashboard/volumes/{id}", get(show::show))
        .route("/dashboard/volumes/{id}/edit", get(change::edit).post(change::update))
        .route(
            "/dashboard/volumes/{id}/extend",
            get(change::ask_extend).post(change::extend),
        )
        .route("/dashboard/volumes/{id}/check-extend", get(change::check_extend))
        .route(
            "/dashboard/volumes/{id}/retype",
            get(change::ask_retype).post(change::retype),
        )
        .route(
            "/dashboard/volumes/{id}/attach",
            get(attach::ask_attach).post(attach::attach),
        )
        .route(
            "/dashboard/volumes/{id}/detach",
            get(attach::ask_detach).post(attach::detach),
        )
        .route(
            "/dashboard/volumes/{id}/image",
            get(actions::ask_image).post(actions::image),
        )
        .route("/dashboard/volumes/{id}/with-server", post(attach::set_with_server))
        .route(
            "/dashboard/volumes/{id}/reimage",
            get(actions::ask_reimage).post(actions::reimage),
        )
        .route("/dashboard/volumes/{id}/bootable", post(actions::set_bootable))
        .route("/dashboard/volumes/{id}/read-only", post(actions::set_read_only))
        .route(
            "/dashboard/volumes/{id}/reset",
            get(actions::ask_reset).post(actions::reset),
        )
        .route(
            "/dashboard/volumes/{id}/force-delete",
            get(actions::ask_force_delete).post(actions::force_delete),
        )
        .route(
            "/dashboard/volumes/{id}/transfer",
            get(transfer::ask).post(transfer::create),
        )
        .route("/dashboard/volumes/{id}/take-back", post(transfer::take_back))
}

stored!(Volume);

/// What a volume is called.
pub(super) fn title(volume: &Volume) -> String {
    name_of(volume.name.as_deref(), volume.id)
}

/// The name of a volume that may be gone, as a link to its page if it is not.
pub(super) fn link(visit: &Visit, id: VolumeId) -> Markup {
    html! {
        @match volume::get_visible(visit.cloud(), visit.actor(), id) {
            Ok(volume) => a href=(format!("{HERE}/{id}")) { (title(&volume)) },
            Err(_) => code .muted { (name_of(None, id)) },
        }
    }
}

/// In a form whose field `volume` chooses one of these: what a copy is worth of one that a server uses.
pub(super) fn in_use_note(t: Text, from: &[Arc<Volume>]) -> Markup {
    let used = from.iter().filter(|volume| volume.status == VolumeStatus::InUse);
    let used: Vec<_> = used.map(|volume| volume.id.to_string()).collect();
    html! {
        @if !used.is_empty() { p .note.warn data-if={ "volume=" (used.join(" ")) } { (t.volume_in_use_copy()) } }
    }
}

/// The volumes of the project that can be copied now.
pub(super) fn that_can_be_copied(visit: &Visit) -> Vec<Arc<Volume>> {
    let mut volumes = of_project(visit);
    volumes.retain(|volume| is_ready(volume));
    volumes
}

/// The project's volumes by name.
pub(super) fn of_project(visit: &Visit) -> Vec<Arc<Volume>> {
    let cloud = visit.cloud();
    let ids = cloud.lookups.volumes_by_project.of(visit.project_id());
    let mut volumes: Vec<_> = ids.filter_map(|id| cloud.volumes.get(id)).cloned().collect();
    volumes.sort_by_cached_key(|volume| (title(volume).to_lowercase(), volume.id));
    volumes
}

/// A volume to choose, by what it is called and how large it is.
pub(super) fn choice(t: Text, volume: &Volume) -> Choice {
    Choice::new(volume.id, title(volume)).note(t.gibibytes(volume.size_gib))
}

/// The types that the visitor may take.
fn usable_types(visit: &Visit) -> Vec<Arc<VolumeType>> {
    let types = visit.cloud().volume_types.iter();
    let mut types: Vec<_> = types.filter(|each| each.is_visible(visit.actor())).cloned().collect();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    types
}

/// The names of what a volume is attached to: servers, or other hosts.
fn users_of(cloud: &Cloud, id: VolumeId) -> Vec<String> {
    let attachments = attachment::of_volume(cloud, id);
    let name = |each: &Arc<VolumeAttachment>| match &each.server_id {
        Some(server) => cloud
            .find::<Server>(server)
            .map_or_else(|| server.short(), |server| server.name.clone()),
        None => each.host_name.clone().unwrap_or_default(),
    };
    attachments.iter().map(name).collect()
}

fn type_name(t: Text, cloud: &Cloud, id: &VolumeTypeId) -> String {
    match cloud.find::<VolumeType>(id) {
        Some(found) if found.name == DEFAULT_NAME => t.volume_type_default().to_owned(),
        Some(found) => found.name.clone(),
        None => name_of(None, id),
    }
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    page(&visit, &query, Reach::Project)
}

async fn list_all(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let reach = Reach::All.or_less(&visit);
    page(&visit, &query, reach)
}

fn page(visit: &Visit, query: &ListQuery, reach: Reach) -> Answer {
    let t = visit.t();
    let volumes = match reach {
        Reach::Project => of_project(visit),
        Reach::All => visit.cloud().volumes.iter().cloned().collect(),
    };
    let create = ui::main_action("/dashboard/volumes/new", "plus", t.volume_new());
    let body = html! {
        (ui::head(t.nav_volumes(), t.volumes_lead(), html! {
            (ui::action("/dashboard/volumes/accept", "swap", t.volume_accept()))
            @if visit.is_admin() { a .button href="/dashboard/volumes/types" { (icon("sliders")) (t.volume_types()) } }
            (create)
        }))
        (reach.tabs(visit, HERE, t.nav_volumes()))
        @if volumes.is_empty() {
            (ui::empty("volume", t.volumes_empty(), t.volumes_empty_text(), html! { (create) }))
        } @else { (table(visit, query, volumes, reach)) }
    };
    Ok(visit.page(
        Content::new(t.nav_volumes(), body)
            .cli([reach.list_command("volume")])
            .cli(["openstack volume create --size 10 data"]),
    ))
}

fn table(visit: &Visit, query: &ListQuery, volumes: Vec<Arc<Volume>>, reach: Reach) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let name = move |volume: &Volume| html! { a href=(format!("{HERE}/{}", volume.id)) { (title(volume)) } " " (marks(t, volume)) };
    let list = listing::begin(visit, query, t.volumes_word(), volumes, name, move |volume| {
        state(t, volume)
    })
    .usually_by("name")
    .column("attached", t.volume_attached_to(), move |volume| {
        attached_to(t, cloud, volume)
    })
    .sorted(
        "type",
        t.volume_type(),
        move |volume| type_name(t, cloud, &volume.type_id),
        move |volume| html! { (type_name(t, cloud, &volume.type_id)) },
    );
    listing::end(list, visit, reach, "/dashboard/volumes/delete", move |volume| {
        ui::menu(t, &title(volume), menu(visit, volume, true))
    })
}

/// What else there is to say of a volume in a word.
fn marks(t: Text, volume: &Volume) -> Markup {
    html! {
        @if volume.bootable { (tag(t.volume_bootable())) }
        @if volume.is_read_only() { (tag(t.volume_read_only())) }
        @if volume.multiattach { (tag(t.volume_multiattach())) }
    }
}

/// The servers that have it, each with the device it is there.
fn attached_to(t: Text, cloud: &Cloud, volume: &Volume) -> Markup {
    let attachments = attachment::of_volume(cloud, volume.id);
    html! {
        @if attachments.is_empty() { span .muted { "–" } }
        div .attached {
            @for each in &attachments {
                span {
                    @match &each.server_id {
                        Some(server) => (server_link(cloud, server)),
                        None => (each.host_name.as_deref().unwrap_or_default()),
                    }
                    @if let Some(device) = &each.device { " " (t.volume_as_device()) " " code { (device) } }
                    @if each.status == AttachmentStatus::Detaching { " " span .muted { (t.volume_status(VolumeStatus::Detaching)) } }
                }
            }
        }
    }
}

fn state(t: Text, volume: &Volume) -> Markup {
    let mood = match volume.status {
        VolumeStatus::Available | VolumeStatus::InUse => Mood::Good,
        VolumeStatus::Error
        | VolumeStatus::ErrorDeleting
        | VolumeStatus::ErrorExtending
        | VolumeStatus::ErrorRestoring => Mood::Bad,
        VolumeStatus::Reserved | VolumeStatus::Maintenance => Mood::Idle,
        VolumeStatus::AwaitingTransfer => Mood::Warn,
        _ => Mood::Busy,
    };
    badge(mood, t.volume_status(volume.status))
}

/// Whether it is at rest: not while anything is done to it.
fn is_ready(volume: &Volume) -> bool {
    volume.is_made && matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse)
}

/// Everything that can be done to it now. What stands on its page as a button is left out there.
fn menu(visit: &Visit, volume: &Volume, is_in_list: bool) -> Markup {
    let t = visit.t();
    let id = volume.id;
    let at = |what: &str| format!("{HERE}/{id}/{what}");
    let is_free = volume.is_made && volume.status == VolumeStatus::Available;
    let may_attach = is_free || (volume.multiattach && volume.status == VolumeStatus::InUse);
    html! {
        @if is_in_list {
            @if is_free && volume.bootable { (ui::menu_dialog(&format!("/dashboard/servers/new?volume={id}"), "play", t.image_launch())) }
            @if may_attach { (ui::menu_dialog(&at("attach"), "link", t.volume_attach())) }
            @if is_ready(volume) { (ui::menu_dialog(&at("extend"), "resize", t.volume_extend())) }
            (ui::menu_dialog(&at("edit"), "pencil", t.edit()))
        }
        @if is_ready(volume) {
            hr;
            (ui::menu_dialog(&format!("/dashboard/snapshots/new?volume={id}"), "camera", t.snapshot_new()))
            (ui::menu_dialog(&format!("/dashboard/backups/new?volume={id}"), "archive", t.backup_new()))
            (ui::menu_dialog(&format!("{HERE}/new?source=volume&volume={id}"), "copy", t.volume_clone()))
            (ui::menu_dialog(&at("image"), "disc", t.volume_to_image()))
            hr;
            @if usable_types(visit).len() > 1 { (ui::menu_dialog(&at("retype"), "sliders", t.volume_retype())) }
            (ui::menu_do(&format!("{}?on={}", at("bootable"), !volume.bootable), "power", if volume.bootable { t.volume_unset_bootable() } else { t.volume_set_bootable() }))
        }
        @if is_free {
            (ui::menu_do(&format!("{}?on={}", at("read-only"), !volume.is_read_only()), "lock", if volume.is_read_only() { t.volume_unset_read_only() } else { t.volume_set_read_only() }))
            (ui::menu_dialog(&at("reimage"), "refresh", t.volume_reimage()))
            (ui::menu_dialog(&at("transfer"), "swap", t.volume_transfer()))
        }
        @if volume.status == VolumeStatus::AwaitingTransfer { (ui::menu_do(&at("take-back"), "x", t.volume_take_back())) }
        @if visit.is_admin() { (ui::menu_dialog(&at("reset"), "wrench", t.volume_reset())) }
        @if is_in_list {
            hr;
            (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "item danger", html! { (icon("trash")) (t.delete()) }))
        }
    }
}

fn victims(visit: &Visit, fields: &Fields) -> Answer<Vec<Victim>> {
    let (t, cloud) = (visit.t(), visit.cloud());
    deletion::chosen(fields, |id| {
        let volume = volume::get_visible(cloud, visit.actor(), deletion::parsed(id)?)?;
        let snapshots = cloud.lookups.snapshots_by_volume.count(&volume.id);
        let how = if snapshots > 0 && fields.is_set("cascade") {
            "?cascade=true"
        } else {
            ""
        };
        let victim = Victim::new(
            volume.id,
            title(&volume),
            format!("/volume/v3/volumes/{}{how}", volume.id),
        );
        let users = users_of(cloud, volume.id);
        if !users.is_empty() {
            let page = format!("{HERE}/{}", volume.id);
            return Ok(victim
                .blocked(t.volume_delete_attached(users.join(", ")))
                .step(page, t.volume_to_attachments()));
        }
        if snapshots > 0 {
            return Ok(victim.blocked(t.volume_delete_with(snapshots)).unless("cascade"));
        }
        Ok(victim)
    })
}

async fn ask_delete(visit: Visit, fields: Fields) -> Answer<Page> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let victims = victims(&visit, &fields)?;
    let ids = fields.all("id").filter_map(|id| id.parse::<VolumeId>().ok());
    let have_snapshots = ids
        .map(|id| cloud.lookups.snapshots_by_volume.count(&id))
        .sum::<usize>()
        > 0;
    let more = html! {
        @if have_snapshots { (ui::check("cascade", t.volume_delete_snapshots(), t.volume_delete_snapshots_hint(), false)) }
    };
    Ok(deletion::ask_with(
        &visit,
        Kind::Volume,
        "/dashboard/volumes/delete",
        &victims,
        more,
    ))
}

async fn delete(visit: Visit, fields: Fields) -> Answer<Done> {
    deletion::run(&visit, Kind::Volume, &fields, &victims(&visit, &fields)?, Some(HERE)).await
}
