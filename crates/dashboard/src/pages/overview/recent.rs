//! What was done to the project's servers last: who, what, when.

use std::sync::Arc;

use maud::{Markup, html};
use model::compute::{Server, ServerAction};
use model::{Cloud, ProjectId, UserId};

use crate::messages::Text;
use crate::pages::compute::servers::action_words;
use crate::ui::{self, Mood, badge, icon};
use crate::visit::Visit;

/// Lines shown.
const SHOWN: usize = 10;

/// An entry of a server's log.
struct Entry<'a> {
    action: &'a Arc<ServerAction>,
    server: &'a Arc<Server>,
    is_gone: bool,
}

pub(super) fn card(visit: &Visit) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let entries = newest(cloud, visit.project_id());
    ui::card(
        t.overview_recent(),
        html! {
            @if entries.is_empty() {
                p .muted { (t.overview_recent_none()) }
            } @else {
                ul .recent {
                    @for entry in &entries {
                        li {
                            (outcome(entry.action))
                            div {
                                (sentence(t, entry))
                                p .muted.small { (user_name(cloud, &entry.action.user_id)) " · " (ui::time(entry.action.started_at)) }
                            }
                            @if entry.action.message.is_some() { (badge(Mood::Bad, t.overview_servers_failed())) }
                        }
                    }
                }
            }
        },
    )
}

/// What was done to which server, in the order of the language.
fn sentence(t: Text, entry: &Entry<'_>) -> Markup {
    let server = &entry.server;
    let name = html! {
        @if entry.is_gone { (server.name) } @else { a href=(format!("/dashboard/servers/{}", server.id)) { (server.name) } }
    };
    let action = html! { b { (action_words(t, &entry.action.action)) } };
    let (first, second) = t.pick((&action, &name), (&name, &action));
    html! { (first) " " (second) }
}

/// The sign of how it ended.
fn outcome(action: &ServerAction) -> Markup {
    let is_open = action.events.iter().any(|event| event.finish_time.is_none());
    let symbol = match (action.message.is_some(), is_open) {
        (true, _) => "alert",
        (false, true) => "clock",
        (false, false) => "check",
    };
    icon(symbol)
}

fn user_name(cloud: &Cloud, id: &UserId) -> String {
    cloud
        .users
        .get(id)
        .map_or_else(|| id.to_string(), |user| user.name.clone())
}

fn newest<'a>(cloud: &'a Cloud, project: &ProjectId) -> Vec<Entry<'a>> {
    let living = cloud
        .lookups
        .servers_by_project
        .of(project)
        .filter_map(|id| cloud.servers.get(id));
    let mut times: Vec<_> = living
        .flat_map(|server| {
            let log = cloud.lookups.actions_by_server.of(&server.id);
            log.map(move |(at, id)| (*at, *id, server))
        })
        .collect();
    times.sort_unstable_by_key(|(at, id, _)| std::cmp::Reverse((*at, *id)));
    let known = times.into_iter().take(SHOWN).filter_map(|(_, id, server)| {
        let action = cloud.server_actions.get(&id)?;
        Some(Entry {
            action,
            server,
            is_gone: false,
        })
    });
    let gone = cloud.lookups.deleted_servers_by_project.of(project);
    let gone = gone
        .filter_map(|(_, id)| cloud.deleted_servers.get(id))
        .flat_map(|deleted| {
            deleted.actions.iter().rev().take(SHOWN).map(move |action| Entry {
                action,
                server: &deleted.server,
                is_gone: true,
            })
        });
    let mut entries: Vec<_> = known.chain(gone).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.action.started_at, entry.action.id)));
    entries.truncate(SHOWN);
    entries
}
