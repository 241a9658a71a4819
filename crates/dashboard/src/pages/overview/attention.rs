//! How the project's things are: its servers by what they do, and whatever needs looking at.

use std::sync::Arc;

use maud::{Markup, html};

use model::compute::{Fault, Server, TaskState, VmState};
use model::host::FragmentStatus;
use model::network::Standard;
use model::volume::{Volume, VolumeStatus};

use crate::pages::compute::servers::fault_advice;
use crate::pages::network::networks::name_of;
use crate::ui::{self, Mood, badge, icon};
use crate::visit::Visit;

/// Lines shown; of more, the lists tell.
const SHOWN: usize = 10;

/// What a server does, roughly.
fn mood(server: &Server) -> Mood {
    match (server.vm_state, server.task_state) {
        (VmState::Error, _) => Mood::Bad,
        (VmState::Building, _) | (_, Some(_)) => Mood::Busy,
        (VmState::Active | VmState::Rescued | VmState::Resized, None) => Mood::Good,
        _ => Mood::Idle,
    }
}

/// The servers, counted by what they do.
pub(super) fn servers(visit: &Visit) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = cloud.lookups.servers_by_project.of(visit.project_id());
    let moods: Vec<Mood> = ids
        .filter_map(|id| cloud.servers.get(id))
        .map(|server| mood(server))
        .collect();
    let words = [
        (Mood::Good, t.overview_servers_running()),
        (Mood::Busy, t.overview_servers_busy()),
        (Mood::Idle, t.overview_servers_idle()),
        (Mood::Bad, t.overview_servers_failed()),
    ];
    ui::card(
        t.nav_servers(),
        html! {
            @if moods.is_empty() {
                p .muted { (t.overview_servers_none()) }
            } @else {
                ul .state-counts {
                    @for (state, words) in words {
                        @let count = moods.iter().filter(|mood| **mood == state).count();
                        @if count > 0 {
                            li { a href="/dashboard/servers?sort=status" { (badge(state, words)) b { (count) } } }
                        }
                    }
                }
            }
        },
    )
}

/// One thing that is not as it should be.
struct Worry {
    symbol: &'static str,
    name: String,
    address: String,
    state: (Mood, &'static str),
    words: String,
}

/// What needs looking at; nothing when all is well.
pub(super) fn card(visit: &Visit) -> Markup {
    let t = visit.t();
    let worries = worries(visit);
    html! {
        @if !worries.is_empty() {
            section .card.attention {
                h2 { (icon("alert")) (t.overview_attention()) }
                ul {
                    @for worry in worries.iter().take(SHOWN) {
                        li {
                            (icon(worry.symbol))
                            a href=(worry.address) { (worry.name) }
                            (badge(worry.state.0, worry.state.1))
                            @if !worry.words.is_empty() { p .muted { (worry.words) } }
                        }
                    }
                }
                @if worries.len() > SHOWN { p .muted { (t.overview_attention_more(worries.len() - SHOWN)) } }
            }
        }
    }
}

fn worries(visit: &Visit) -> Vec<Worry> {
    let mut found = servers_in_error(visit);
    found.extend(failed_networks_and_routers(visit));
    found.extend(failed_volumes(visit));
    found
}

fn servers_in_error(visit: &Visit) -> Vec<Worry> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = cloud.lookups.servers_by_project.of(visit.project_id());
    let servers = ids.filter_map(|id| cloud.servers.get(id));
    // A fault stays with a server that runs again: then it is history.
    let failed =
        servers.filter(|server| server.vm_state == VmState::Error && server.task_state != Some(TaskState::Deleting));
    let worry = |server: &Arc<Server>| Worry {
        symbol: "server",
        name: server.name.clone(),
        address: format!("/dashboard/servers/{}", server.id),
        state: (Mood::Bad, t.overview_servers_failed()),
        words: server
            .fault
            .as_ref()
            .map_or_else(String::new, |fault| fault_words(visit, fault)),
    };
    failed.map(worry).collect()
}

/// What went wrong, and what to do about it in the visitor's language.
fn fault_words(visit: &Visit, fault: &Fault) -> String {
    format!("{} – {}", fault.message, fault_advice(visit.t(), fault))
}

/// Those that the host could not make. Their own status says nothing of that: as with Neutron, it is that of what is wanted.
fn failed_networks_and_routers(visit: &Visit) -> Vec<Worry> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let report = visit.control().host_report().borrow().clone();
    let worry = |symbol, standard: &Standard, address: String, reason: &str| Worry {
        symbol,
        name: name_of(t, standard),
        address,
        state: (Mood::Warn, t.network_status("DOWN")),
        // The host's own words are for those who operate it.
        words: if visit.is_admin() {
            reason.to_owned()
        } else {
            t.overview_attention_network().to_owned()
        },
    };
    let is_own = |standard: &Standard| standard.project_id == *visit.project_id();
    let mut found = Vec::new();
    for (id, status) in report.externals.iter().chain(report.networks.iter()) {
        if let FragmentStatus::Failed(reason) = status
            && let Some(row) = cloud.networks.get(id).filter(|row| is_own(&row.standard))
        {
            found.push(worry(
                "network",
                &row.standard,
                format!("/dashboard/networks/{id}"),
                reason,
            ));
        }
    }
    for (id, status) in &report.routers {
        if let FragmentStatus::Failed(reason) = status
            && let Some(row) = cloud.routers.get(id).filter(|row| is_own(&row.standard))
        {
            found.push(worry(
                "router",
                &row.standard,
                format!("/dashboard/routers/{id}"),
                reason,
            ));
        }
    }
    found
}

fn failed_volumes(visit: &Visit) -> Vec<Worry> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = cloud.lookups.volumes_by_project.of(visit.project_id());
    let volumes = ids.filter_map(|id| cloud.volumes.get(id));
    let failed = volumes.filter(|volume| {
        use VolumeStatus::{Error, ErrorDeleting, ErrorExtending, ErrorRestoring};
        matches!(volume.status, Error | ErrorDeleting | ErrorExtending | ErrorRestoring)
    });
    let worry = |volume: &Arc<Volume>| Worry {
        symbol: "volume",
        name: volume.name.clone().unwrap_or_else(|| volume.id.short()),
        address: format!("/dashboard/volumes/{}", volume.id),
        state: (Mood::Bad, t.overview_servers_failed()),
        words: t.overview_attention_volume(volume.status.as_str()),
    };
    failed.map(worry).collect()
}
