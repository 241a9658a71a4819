//! What a server wrote to its serial port: kernel messages, cloud-init, the login prompt.

use axum::extract::{Path, Query};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use model::ServerId;
use model::compute::Server;
use model::console::last_lines;
use serde::Deserialize;

use super::text::plain;
use super::{HERE, Tab, find, need_member, shown};
use crate::live;
use crate::outcome::Answer;
use crate::ui::icon;
use crate::visit::Visit;

/// Lines that are shown unless more are asked for.
const LINES: usize = 300;
const MOST_LINES: usize = 5_000;
/// So much of the log is looked at, bytes.
const SHOWN_BYTES: u64 = 1 << 20;
/// The whole log: the host keeps less.
const WHOLE_BYTES: u64 = 64 << 20;

/// Tells two states of a log apart.
const MARK: HeaderName = HeaderName::from_static("x-maru-mark");

#[derive(Deserialize)]
pub(super) struct Wanted {
    lines: Option<usize>,
    /// The mark of what is shown.
    #[serde(default)]
    shown: String,
}

impl Wanted {
    fn lines(&self) -> usize {
        self.lines.unwrap_or(LINES).clamp(1, MOST_LINES)
    }
}

async fn last(visit: &Visit, server: &Server, lines: usize) -> Answer<String> {
    let bytes = visit.control().console_tail(server.id, SHOWN_BYTES).await?;
    Ok(plain(&last_lines(&bytes, Some(lines))))
}

pub(super) async fn show(visit: Visit, Path(id): Path<ServerId>, Query(wanted): Query<Wanted>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    need_member(&visit)?;
    let lines = wanted.lines();
    // Its script keeps the log up to date by itself; what changes of the page must not read it each time.
    let text = if visit.view().is_middle {
        String::new()
    } else {
        last(&visit, &server, lines).await?
    };
    let at = format!("{HERE}/{id}/log");
    let body = html! {
        section .card {
            div .card-head {
                h2 { (t.server_tab_log()) }
                div .page-actions {
                    (amounts(&visit, &at, lines))
                    a .button.small href=(format!("{at}/download")) download { (icon("download")) (t.download()) }
                }
            }
            p .muted { (t.server_log_lead()) }
            pre #server-log .server-log tabindex="0" role="region" aria-label=(t.server_tab_log()) data-keep data-log=(format!("{at}/tail?lines={lines}"))
                data-mark=(live::mark(&text)) data-empty=(t.server_log_empty()) { (text) }
        }
    };
    Ok(shown(
        &visit,
        &server,
        Tab::Log,
        body,
        vec![
            format!("openstack console log show --lines {lines} {id}"),
            format!("openstack console log show {id}"),
        ],
    )
    .await)
}

fn amounts(visit: &Visit, at: &str, now: usize) -> Markup {
    let t = visit.t();
    html! {
        span .muted { (t.server_log_lines()) }
        @for lines in [100, LINES, 1_000, MOST_LINES] {
            a .button.small href=(format!("{at}?lines={lines}")) aria-current=[(lines == now).then_some("true")] { (lines) }
        }
    }
}

/// The end of the log, for the page that shows it; nothing when that shows it already.
pub(super) async fn tail(visit: Visit, Path(id): Path<ServerId>, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let server = find(&visit, id)?;
    need_member(&visit)?;
    let text = last(&visit, &server, wanted.lines()).await?;
    let mark = live::mark(&text);
    if mark == wanted.shown {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (MARK, mark)];
    Ok((headers, text).into_response())
}

/// All of it, as the guest wrote it.
pub(super) async fn download(visit: Visit, Path(id): Path<ServerId>) -> Answer<Response> {
    let server = find(&visit, id)?;
    need_member(&visit)?;
    let bytes = visit.control().console_tail(server.id, WHOLE_BYTES).await?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"console-{}.log\"", id.short()),
        ),
    ];
    Ok((headers, bytes).into_response())
}
