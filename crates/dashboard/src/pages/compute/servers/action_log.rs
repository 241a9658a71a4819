//! Who did what to a server, when, and how it ended.

use axum::extract::Path;
use maud::{Markup, html};
use model::ServerId;
use model::compute::{ServerAction, actions_of_server};

use super::state::action_words;
use super::{Tab, find, shown};
use crate::messages::Text;
use crate::outcome::Answer;
use crate::ui::{self, Mood, badge};
use crate::visit::Visit;

pub(super) async fn show(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let server = find(&visit, id)?;
    let actions = actions_of_server(cloud, id);
    let body = html! {
        section .card {
            h2 { (t.server_tab_actions()) }
            p .muted { (t.server_log_actions_lead()) }
            div .table-scroll { table {
                thead { tr {
                    th scope="col" { (t.server_log_when()) } th scope="col" { (t.server_log_what()) } th scope="col" { (t.server_log_who()) }
                    th scope="col" { (t.server_log_end()) } th scope="col" { (t.server_log_took()) } th scope="col" { (t.problem_request()) }
                } }
                tbody {
                    @for action in &actions {
                        @let user = cloud.users.get(&action.user_id);
                        tr {
                            td { (ui::time(action.started_at)) }
                            td { (action_words(t, &action.action)) }
                            td { (user.map_or_else(|| action.user_id.to_string(), |user| user.name.clone())) }
                            td { (outcome(t, action)) }
                            td { (took(t, action)) }
                            td { (ui::short_id(t, &format!("req-{}", action.request_id))) }
                        }
                    }
                }
            } }
        }
    };
    Ok(shown(
        &visit,
        &server,
        Tab::ActionLog,
        body,
        vec![format!("openstack server event list --long {id}")],
    )
    .await)
}

fn outcome(t: Text, action: &ServerAction) -> Markup {
    let is_open = action.events.iter().any(|event| event.finish_time.is_none());
    let details: Vec<&str> = action
        .events
        .iter()
        .filter_map(|event| event.details.as_deref())
        .collect();
    html! {
        div .stack {
            @if is_open { (badge(Mood::Busy, t.server_log_under_way())) }
            @else if action.message.is_some() { (badge(Mood::Bad, t.server_log_failed())) }
            @else { (badge(Mood::Good, t.server_log_done())) }
            @for text in details { span .small { (text) } }
        }
    }
}

/// How long it took.
fn took(t: Text, action: &ServerAction) -> String {
    let ends = action.events.iter().map(|event| event.finish_time);
    let Some(Some(end)) = ends.max() else {
        return String::new();
    };
    if action.events.iter().any(|event| event.finish_time.is_none()) {
        return String::new();
    }
    let micros = end.unix_micros() - action.started_at.unix_micros();
    match micros / 100_000 {
        0 => t.server_log_seconds("<0.1"),
        tenths => t.server_log_seconds(format!("{}.{}", tenths / 10, tenths % 10)),
    }
}
