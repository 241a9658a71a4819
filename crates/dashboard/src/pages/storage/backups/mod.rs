//! Volumes' backups: the list, and what can be done to one.

mod change;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use model::BackupId;
use model::volume::{BackupStatus, Volume, VolumeBackup, VolumeStatus, backup};

use super::listing::{self, stored};
use super::volumes;
use super::words::{Reach, name_of};
use crate::form::Fields;
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page};
use crate::pages::deletion::{self, Kind, Victim};
use crate::site::Site;
use crate::ui::{self, Choice, ListQuery, Mood, badge, fact, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/backups";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list))
        .route("/dashboard/backups/all", get(list_all))
        .route("/dashboard/backups/new", get(change::new).post(change::create))
        .route("/dashboard/backups/delete", get(ask_delete).post(delete))
        .route("/dashboard/backups/{id}/edit", get(change::edit).post(change::update))
        .route(
            "/dashboard/backups/{id}/restore",
            get(change::ask_restore).post(change::restore),
        )
        .route(
            "/dashboard/backups/{id}/reset",
            get(change::ask_reset).post(change::reset),
        )
}

stored!(VolumeBackup);

fn title(backup: &VolumeBackup) -> String {
    name_of(backup.name.as_deref(), backup.id)
}

/// What a backup that may be gone is called.
pub(super) fn name(visit: &Visit, id: BackupId) -> Markup {
    html! {
        @match backup::get_visible(visit.cloud(), visit.actor(), id) {
            Ok(backup) => (title(&backup)),
            Err(_) => code .muted { (name_of(None, id)) },
        }
    }
}

fn of_project(visit: &Visit) -> Vec<Arc<VolumeBackup>> {
    let cloud = visit.cloud();
    let ids = cloud.lookups.backups_by_project.of(visit.project_id());
    let mut backups: Vec<_> = ids.filter_map(|id| cloud.volume_backups.get(id)).cloned().collect();
    backups.sort_by_key(|backup| (std::cmp::Reverse(backup.created_at), backup.id));
    backups
}

/// The backups that a volume may start as.
pub(super) fn choices(visit: &Visit) -> Vec<Choice> {
    let t = visit.t();
    let ready = of_project(visit)
        .into_iter()
        .filter(|backup| backup.is_made && backup.status == BackupStatus::Available);
    ready
        .map(|backup| Choice::new(backup.id, title(&backup)).note(t.gibibytes(backup.size_gib)))
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
    let backups = match reach {
        Reach::Project => of_project(visit),
        Reach::All => visit.cloud().volume_backups.iter().cloned().collect(),
    };
    let create = ui::main_action("/dashboard/backups/new", "archive", t.backup_new());
    let body = html! {
        (ui::head(t.nav_backups(), t.backups_lead(), html! { (create) }))
        (reach.tabs(visit, HERE, t.nav_backups()))
        @if backups.is_empty() {
            (ui::empty("archive", t.backups_empty(), t.backups_empty_text(), html! { (create) }))
        } @else { (table(visit, query, backups, reach)) }
    };
    Ok(visit.page(
        Content::new(t.nav_backups(), body)
            .cli([reach.list_command("volume backup")])
            .cli([
                "openstack volume backup create --incremental VOLUME",
                "openstack volume backup restore BACKUP [VOLUME]",
            ]),
    ))
}

fn table(visit: &Visit, query: &ListQuery, mut backups: Vec<Arc<VolumeBackup>>, reach: Reach) -> Markup {
    let t = visit.t();
    backups.sort_by_key(|backup| (std::cmp::Reverse(backup.created_at), backup.id));
    let list = listing::begin(
        visit,
        query,
        t.backups_word(),
        backups,
        move |backup| words(t, backup),
        move |backup| state(t, backup),
    )
    .column("volume", t.volume_one(), |backup| of_volume(visit, backup));
    listing::end(list, visit, reach, "/dashboard/backups/delete", |backup| {
        menu(visit, backup)
    })
}

/// Its name, and what is said of it.
fn words(t: Text, backup: &VolumeBackup) -> Markup {
    html! {
        div .stack {
            span .named {
                b { (title(backup)) } " "
                @if backup.parent_id.is_some() { (tag(t.backup_is_incremental())) } @else { (tag(t.backup_is_full())) }
            }
            @if let Some(text) = backup.description.as_deref().filter(|text| !text.is_empty()) { span .muted.small { (text) } }
            @if let Some(reason) = &backup.fail_reason { span .small { (reason) } }
        }
    }
}

/// The volume it is of, by the name that it had if it is gone.
fn of_volume(visit: &Visit, backup: &VolumeBackup) -> Markup {
    let is_there = visit.cloud().volumes.contains(&backup.volume_id);
    html! {
        @if is_there { (volumes::link(visit, backup.volume_id)) }
        @else { span .muted { (name_of(backup.volume.name.as_deref(), backup.volume_id)) " " (visit.t().volume_is_gone()) } }
    }
}

fn state(t: Text, backup: &VolumeBackup) -> Markup {
    let mood = match backup.status {
        BackupStatus::Available => Mood::Good,
        BackupStatus::Creating | BackupStatus::Restoring | BackupStatus::Deleting => Mood::Busy,
        BackupStatus::Error | BackupStatus::ErrorDeleting => Mood::Bad,
    };
    badge(mood, t.backup_status(backup.status))
}

fn menu(visit: &Visit, backup: &VolumeBackup) -> Markup {
    let t = visit.t();
    let id = backup.id;
    ui::menu(
        t,
        &title(backup),
        html! {
            @if backup.is_made && backup.status == BackupStatus::Available {
                (ui::menu_dialog(&format!("{HERE}/{id}/restore"), "life", t.backup_restore()))
            }
            (ui::menu_dialog(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
            @if visit.is_admin() { (ui::menu_dialog(&format!("{HERE}/{id}/reset"), "wrench", t.volume_reset())) }
            hr;
            (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "item danger", html! { (icon("trash")) (t.delete()) }))
        },
    )
}

/// A volume's backups, on its page.
pub(super) fn card(visit: &Visit, volume: &Volume) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = cloud.lookups.backups_by_volume.of(&volume.id);
    let backups = ids.filter_map(|id| cloud.volume_backups.get(id));
    let mut backups: Vec<_> = backups
        .filter(|backup| visit.actor().can_see(&backup.project_id))
        .collect();
    backups.sort_by_key(|backup| (std::cmp::Reverse(backup.created_at), backup.id));
    let is_ready = volume.is_made && matches!(volume.status, VolumeStatus::Available | VolumeStatus::InUse);
    html! {
        section .card #backups {
            header .card-head {
                h2 { (t.nav_backups()) }
                @if is_ready { (ui::action(&format!("{HERE}/new?volume={}", volume.id), "archive", t.backup_new())) }
            }
            @if backups.is_empty() { p .muted { (t.backups_none()) } } @else {
                div .table-scroll { table {
                    thead { tr { th { (t.name()) } th { (t.status()) } th { (t.size()) } th { (t.created()) } th .row-menu { span .sr { (t.actions()) } } } }
                    tbody { @for backup in &backups {
                        tr {
                            td { (words(t, backup)) }
                            td { (state(t, backup)) }
                            td { (t.gibibytes(backup.size_gib)) }
                            td { (ui::time(backup.created_at)) }
                            td .row-menu { (menu(visit, backup)) }
                        }
                    } }
                } }
                (on_host(visit, &backups))
            }
        }
    }
}

fn on_host(visit: &Visit, backups: &[&Arc<VolumeBackup>]) -> Markup {
    let t = visit.t();
    let directory = visit
        .control()
        .plan_settings()
        .volume_dir
        .with_file_name("backups")
        .display()
        .to_string();
    html! {
        details .more {
            summary { (t.volume_host_files()) }
            (ui::facts(html! { @for backup in backups {
                (fact(&title(backup), ui::copyable(t, &format!("{directory}/{}.backup", backup.data_id))))
            } }))
        }
    }
}

fn victims(visit: &Visit, fields: &Fields) -> Answer<Vec<Victim>> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let mut backups = deletion::chosen(fields, |id| {
        Ok(backup::get_visible(cloud, visit.actor(), deletion::parsed(id)?)?)
    })?;
    // The newest go first: what is deleted together may hold its differences to one another.
    backups.sort_by_key(|backup| std::cmp::Reverse(backup.created_at));
    let victim = |backup: &Arc<VolumeBackup>| {
        let victim = Victim::new(backup.id, title(backup), format!("/volume/v3/backups/{}", backup.id));
        // Those that are deleted along are not in the way.
        let is_kept = |each: &&Arc<VolumeBackup>| {
            each.parent_id == Some(backup.id) && !backups.iter().any(|other| other.id == each.id)
        };
        if backup::of_volume(cloud, backup.volume_id).any(|each| is_kept(&each)) {
            victim.blocked(t.backup_has_dependents())
        } else {
            victim
        }
    };
    Ok(backups.iter().map(victim).collect())
}

async fn ask_delete(visit: Visit, fields: Fields) -> Answer<Page> {
    Ok(deletion::ask(
        &visit,
        Kind::Backup,
        "/dashboard/backups/delete",
        &victims(&visit, &fields)?,
    ))
}

async fn delete(visit: Visit, fields: Fields) -> Answer<Done> {
    deletion::run(&visit, Kind::Backup, &fields, &victims(&visit, &fields)?, None).await
}
