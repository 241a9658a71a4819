//! Volumes' snapshots: the list, and what can be done to one.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::volume::{self, SnapshotStatus, Volume, VolumeSnapshot, VolumeStatus, snapshot};
use model::{VolumeId, VolumeSnapshotId};
use serde_json::json;

use super::listing::{self, stored};
use super::volumes;
use super::words::{Reach, as_lines, from_lines, name_of, quota_bars};
use crate::form::Fields;
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Choice, Field, ListQuery, Mood, badge, fact, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/snapshots";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list))
        .route("/dashboard/snapshots/all", get(list_all))
        .route("/dashboard/snapshots/new", get(new).post(create))
        .route("/dashboard/snapshots/{id}/edit", get(edit).post(update))
        .route("/dashboard/snapshots/{id}/reset", get(ask_reset).post(reset))
        .merge(deletion::routes(
            deletion::Kind::Snapshot,
            "/dashboard/snapshots/delete",
            None,
            victim,
        ))
}

stored!(VolumeSnapshot);

fn title(snapshot: &VolumeSnapshot) -> String {
    name_of(snapshot.name.as_deref(), snapshot.id)
}

/// What a snapshot that may be gone is called.
pub(super) fn name(visit: &Visit, id: VolumeSnapshotId) -> Markup {
    html! {
        @match snapshot::get_visible(visit.cloud(), visit.actor(), id) {
            Ok(snapshot) => (title(&snapshot)),
            Err(_) => code .muted { (name_of(None, id)) },
        }
    }
}

fn of_project(visit: &Visit) -> Vec<Arc<VolumeSnapshot>> {
    let cloud = visit.cloud();
    let ids = cloud.lookups.snapshots_by_project.of(visit.project_id());
    let mut snapshots: Vec<_> = ids.filter_map(|id| cloud.volume_snapshots.get(id)).cloned().collect();
    snapshots.sort_by_cached_key(|snapshot| (title(snapshot).to_lowercase(), snapshot.id));
    snapshots
}

/// The snapshots that a volume may start as.
pub(super) fn choices(visit: &Visit) -> Vec<Choice> {
    let t = visit.t();
    let ready = of_project(visit)
        .into_iter()
        .filter(|snapshot| snapshot.status == SnapshotStatus::Available);
    ready
        .map(|snapshot| Choice::new(snapshot.id, title(&snapshot)).note(t.gibibytes(snapshot.size_gib)))
        .collect()
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
    let snapshots = match reach {
        Reach::Project => of_project(visit),
        Reach::All => visit.cloud().volume_snapshots.iter().cloned().collect(),
    };
    let create = ui::main_action("/dashboard/snapshots/new", "camera", t.snapshot_new());
    let body = html! {
        (ui::head(t.nav_snapshots(), t.snapshots_lead(), html! { (create) }))
        (reach.tabs(visit, HERE, t.nav_snapshots()))
        @if snapshots.is_empty() {
            (ui::empty("camera", t.snapshots_empty(), t.snapshots_empty_text(), html! { (create) }))
        } @else { (table(visit, query, snapshots, reach)) }
    };
    Ok(visit.page(
        Content::new(t.nav_snapshots(), body)
            .cli([reach.list_command("volume snapshot")])
            .cli([
                "openstack volume snapshot create --volume VOLUME my-snapshot",
                "openstack volume create --snapshot my-snapshot data-again",
            ]),
    ))
}

fn table(visit: &Visit, query: &ListQuery, snapshots: Vec<Arc<VolumeSnapshot>>, reach: Reach) -> Markup {
    let t = visit.t();
    let list = listing::begin(visit, query, t.snapshots_word(), snapshots, words, |snapshot| {
        state(t, snapshot)
    })
    .usually_by("name")
    .column("volume", t.volume_one(), |snapshot| {
        volumes::link(visit, snapshot.volume_id)
    });
    listing::end(list, visit, reach, "/dashboard/snapshots/delete", |snapshot| {
        menu(visit, snapshot)
    })
}

/// Its name, and what is said of it.
fn words(snapshot: &VolumeSnapshot) -> Markup {
    html! {
        div .stack {
            b { (title(snapshot)) }
            @if let Some(text) = snapshot.description.as_deref().filter(|text| !text.is_empty()) { span .muted.small { (text) } }
            @if let Some(fault) = &snapshot.fault { span .small { (fault) } }
        }
    }
}

fn state(t: Text, snapshot: &VolumeSnapshot) -> Markup {
    let mood = match snapshot.status {
        SnapshotStatus::Available => Mood::Good,
        SnapshotStatus::Creating | SnapshotStatus::Deleting => Mood::Busy,
        SnapshotStatus::Error | SnapshotStatus::ErrorDeleting => Mood::Bad,
    };
    badge(mood, t.snapshot_status(snapshot.status))
}

fn menu(visit: &Visit, snapshot: &VolumeSnapshot) -> Markup {
    let t = visit.t();
    let id = snapshot.id;
    let is_bootable = visit
        .cloud()
        .volumes
        .get(&snapshot.volume_id)
        .is_some_and(|volume| volume.bootable);
    ui::menu(
        t,
        &title(snapshot),
        html! {
            @if snapshot.status == SnapshotStatus::Available {
                @if is_bootable { (ui::menu_dialog(&format!("/dashboard/servers/new?snapshot={id}"), "play", t.image_launch())) }
                (ui::menu_dialog(&format!("/dashboard/volumes/new?source=snapshot&snapshot={id}"), "volume", t.snapshot_to_volume()))
                (ui::menu_dialog(&format!("/dashboard/backups/new?volume={}&snapshot={id}", snapshot.volume_id), "archive", t.backup_new()))
            }
            (ui::menu_dialog(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
            @if visit.is_admin() { (ui::menu_dialog(&format!("{HERE}/{id}/reset"), "wrench", t.volume_reset())) }
            hr;
            (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "item danger", html! { (icon("trash")) (t.delete()) }))
        },
    )
}

/// A volume's snapshots, on its page.
pub(super) fn card(visit: &Visit, volume: &Volume) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = cloud.lookups.snapshots_by_volume.of(&volume.id);
    let mut snapshots: Vec<_> = ids.filter_map(|id| cloud.volume_snapshots.get(id)).collect();
    snapshots.sort_by_key(|snapshot| (std::cmp::Reverse(snapshot.created_at), snapshot.id));
    let is_ready = volume.is_made && matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse);
    html! {
        section .card #snapshots {
            header .card-head {
                h2 { (t.nav_snapshots()) }
                @if is_ready { (ui::action(&format!("{HERE}/new?volume={}", volume.id), "camera", t.snapshot_new())) }
            }
            @if snapshots.is_empty() { p .muted { (t.snapshots_none()) } } @else {
                div .table-scroll { table {
                    thead { tr { th { (t.name()) } th { (t.status()) } th { (t.size()) } th { (t.created()) } th .row-menu { span .sr { (t.actions()) } } } }
                    tbody { @for snapshot in snapshots {
                        tr {
                            td { (words(snapshot)) }
                            td { (state(t, snapshot)) }
                            td { (t.gibibytes(snapshot.size_gib)) }
                            td { (ui::time(snapshot.created_at)) }
                            td .row-menu { (menu(visit, snapshot)) }
                        }
                    } }
                } }
                (on_host(visit, volume))
            }
        }
    }
}

fn on_host(visit: &Visit, volume: &Volume) -> Markup {
    let t = visit.t();
    let directory = visit.control().plan_settings().volume_dir.display().to_string();
    let ids = visit.cloud().lookups.snapshots_by_volume.of(&volume.id);
    html! {
        details .more {
            summary { (t.volume_host_files()) }
            (ui::facts(html! { @for id in ids { (fact(&name_of(None, id), ui::copyable(t, &format!("{directory}/{id}.snapshot")))) } }))
        }
    }
}

async fn new(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let wanted: Option<VolumeId> = fields.parse("volume")?;
    let volume = wanted
        .map(|id| volume::get_visible(visit.cloud(), visit.actor(), id))
        .transpose()?;
    let ready = volumes::that_can_be_copied(&visit);
    let choices: Vec<_> = ready.iter().map(|volume| volumes::choice(t, volume)).collect();
    let project = volume.as_ref().map_or(visit.project_id(), |volume| &volume.project_id);
    let body = html! {
        @if volume.is_none() && choices.is_empty() { p .note { (t.snapshot_no_volume()) } } @else {
            form method="post" action="/dashboard/snapshots/new" hx-post="/dashboard/snapshots/new" hx-swap="none" {
                p { (t.snapshot_text()) }
                @if let Some(volume) = &volume {
                    input type="hidden" name="volume" value=(volume.id);
                    p { (t.volume_one()) ": " b { (volumes::title(volume)) } }
                    @if volume.status == VolumeStatus::InUse { p .note.warn { (t.volume_in_use_copy()) } }
                } @else {
                    (ui::pick(Field { name: "volume", label: t.volume_one(), required: true, ..Field::default() }, None, &choices))
                    (volumes::in_use_note(t, &ready))
                }
                (ui::text(Field { name: "name", label: t.name(), example: "before-upgrade", ..Field::default() }))
                (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
                (quota_bars(t, visit.cloud(), project, &["snapshots", "gigabytes"]))
                (ui::submit(t, t.snapshot_new(), false))
            }
        }
        (ui::command_line(t, &["openstack volume snapshot create --volume VOLUME before-upgrade".to_owned()]))
    };
    Ok(visit.form(t.snapshot_new(), body))
}

async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let volume: VolumeId = fields
        .parse("volume")?
        .ok_or_else(|| Problem::in_form(t.volume_missing()))?;
    let wish = json!({"volume_id": volume, "name": fields.text("name"), "description": fields.text("description")});
    visit.post("/volume/v3/snapshots", json!({"snapshot": wish})).await?;
    Ok(Done::saying(t.snapshot_begun()))
}

async fn edit(visit: Visit, Path(id): Path<VolumeSnapshotId>) -> Answer {
    let t = visit.t();
    let snapshot = snapshot::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), value: snapshot.name.as_deref().unwrap_or_default(), ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), value: snapshot.description.as_deref().unwrap_or_default(), ..Field::default() }))
            (ui::text_area(Field {
                name: "metadata", label: t.volume_metadata(), hint: t.volume_metadata_hint(), value: &as_lines(&snapshot.metadata), ..Field::default()
            }, 4))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack volume snapshot set --name … {id}")]))
    };
    Ok(visit.form(&t.snapshot_edit(title(&snapshot)), body))
}

async fn update(visit: Visit, Path(id): Path<VolumeSnapshotId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let snapshot = snapshot::get_visible(visit.cloud(), visit.actor(), id)?;
    let metadata = from_lines(t, &snapshot.metadata, fields.plain("metadata"))?;
    let words = json!({"name": fields.text("name"), "description": fields.text("description")});
    visit
        .put(&format!("/volume/v3/snapshots/{id}"), json!({"snapshot": words}))
        .await?;
    if metadata != snapshot.metadata {
        visit
            .put(
                &format!("/volume/v3/snapshots/{id}/metadata"),
                json!({"metadata": metadata}),
            )
            .await?;
    }
    Ok(Done::saying(t.saved()))
}

/// An administrator's word on how a snapshot is, when it hangs.
async fn ask_reset(visit: Visit, Path(id): Path<VolumeSnapshotId>) -> Answer {
    let t = visit.t();
    let snapshot = snapshot::get_visible(visit.cloud(), visit.actor(), id)?;
    let at = format!("{HERE}/{id}/reset");
    let statuses = [SnapshotStatus::Available, SnapshotStatus::Error];
    let choices = statuses.map(|status| Choice::new(status.as_str(), t.snapshot_status(status)));
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .note.warn { (t.volume_reset_text()) }
            (ui::pick(Field { name: "status", label: t.status(), value: snapshot.status.as_str(), ..Field::default() }, None, &choices))
            (ui::submit_warning(t, t.volume_reset()))
        }
        (ui::command_line(t, &[format!("openstack volume snapshot set --state available {id}")]))
    };
    Ok(visit.form(&t.snapshot_reset_title(title(&snapshot)), body))
}

async fn reset(visit: Visit, Path(id): Path<VolumeSnapshotId>, fields: Fields) -> Answer<Done> {
    let order = json!({"os-reset_status": {"status": fields.plain("status")}});
    visit.post(&format!("/volume/v3/snapshots/{id}/action"), order).await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let snapshot = snapshot::get_visible(visit.cloud(), visit.actor(), deletion::parsed(id)?)?;
    Ok(Victim::new(
        snapshot.id,
        title(&snapshot),
        format!("/volume/v3/snapshots/{}", snapshot.id),
    ))
}
