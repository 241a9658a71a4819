//! A server's consoles in the page: its screen (noVNC) and its serial port (xterm.js).
//!
//! The page holds no secret. Its script asks for a ticket each time it connects, and uses it at once: a ticket opens one
//! console, once, within a minute, and only while the session that it was asked for in holds.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use model::ServerId;
use model::compute::{PowerState, Server};
use model::console::ConsoleKind;
use serde::Deserialize;
use serde_json::json;

use super::servers::{HERE, Tab, find, need_member, page};
use crate::assets;
use crate::guard;
use crate::outcome::Answer;
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::Visit;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/servers/{id}/console", get(show))
        .route("/dashboard/servers/{id}/console/ticket", post(ticket))
}

#[derive(Deserialize)]
struct Wanted {
    /// `vnc` (also when it is not said) or `serial`.
    #[serde(default = "screen")]
    kind: ConsoleKind,
}

fn screen() -> ConsoleKind {
    ConsoleKind::Vnc
}

fn word(kind: ConsoleKind) -> &'static str {
    match kind {
        ConsoleKind::Vnc => "vnc",
        ConsoleKind::Serial => "serial",
    }
}

async fn show(visit: Visit, Path(id): Path<ServerId>, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let t = visit.t();
    let server = find(&visit, id)?;
    need_member(&visit)?;
    let at = format!("{HERE}/{id}/console");
    let tab = |kind: ConsoleKind, symbol: &str, words: &str| {
        html! {
            a .button.small href=(format!("{at}?kind={}", word(kind))) aria-current=[(kind == wanted.kind).then_some("page")] {
                (icon(symbol)) (words)
            }
        }
    };
    let runs = matches!(server.power_state, PowerState::Running | PowerState::Paused) && server.host.is_some();
    let body = html! {
        nav .console-kinds aria-label=(t.server_tab_console()) {
            (tab(ConsoleKind::Vnc, "monitor", t.console_screen()))
            (tab(ConsoleKind::Serial, "terminal", t.console_serial()))
        }
        @if runs { (console(&visit, &server, wanted.kind)) } @else {
            (ui::empty("monitor", t.console_off(), t.console_off_text(), html! {
                a .button href=(format!("{at}?kind={}", word(wanted.kind))) { (icon("refresh")) (t.console_look_again()) }
            }))
        }
    };
    let option = if wanted.kind == ConsoleKind::Vnc {
        "--novnc"
    } else {
        "--serial"
    };
    let content = page(&visit, &server, Tab::Console, body)
        .await
        .cli([format!("openstack console url show {option} {id}")])
        .still();
    let mut answer = visit.page(content).into_response();
    if wanted.kind == ConsoleKind::Serial
        && let Ok(policy) = HeaderValue::from_str(&guard::policy_of_terminals())
    {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(answer)
}

/// The console with what belongs to it. Its script writes into the places, and takes its words from the page.
fn console(visit: &Visit, server: &Server, kind: ConsoleKind) -> Markup {
    let t = visit.t();
    let is_screen = kind == ConsoleKind::Vnc;
    let script = if is_screen {
        "console/screen.js"
    } else {
        "console/serial.js"
    };
    html! {
        @if !is_screen { link rel="stylesheet" href=(assets::path("vendor/xterm/xterm.css")); }
        section #console .console aria-label=(t.server_tab_console())
            data-ticket=(format!("{HERE}/{}/console/ticket?kind={}", server.id, word(kind)))
            data-connecting=(t.console_connecting()) data-connected=(t.console_connected()) data-closed=(t.console_closed())
            data-refused=(t.console_refused()) data-taken=(t.console_taken()) data-stopped=(t.console_stopped()) data-input=(t.console_input()) {
            div .console-bar {
                span #console-state .badge.busy role="status" { span .sign aria-hidden="true" {} span #console-words { (t.console_connecting()) } }
                span .grow {}
                @if is_screen {
                    button .button.small type="button" data-console="keys" { "Ctrl+Alt+Del" }
                }
                button .button.small type="button" data-console="paste" { (icon("copy")) (t.console_paste()) }
                button .button.small type="button" data-console="full" { (icon("resize")) (t.console_full()) }
                button .button.small type="button" data-console="again" { (icon("refresh")) (t.console_again()) }
            }
            form #console-paste .console-paste hidden {
                label for="console-text" { (t.console_paste_label()) }
                textarea #console-text rows="3" spellcheck="false" autocomplete="off" {}
                button .button.main type="submit" { (t.console_type()) }
            }
            div #console-screen .console-screen.serial[!is_screen] tabindex="-1" {}
        }
        p .muted { @if is_screen { (t.console_screen_hint()) } @else { (t.console_serial_hint()) } }
        noscript { p .note.warn { (t.console_no_script()) } }
        script type="module" src=(assets::path(script)) {}
    }
}

/// A ticket for the page's script.
async fn ticket(visit: Visit, Path(id): Path<ServerId>, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let ticket = visit.control().seal_console_ticket(id, wanted.kind, visit.token())?;
    Ok(axum::Json(json!({"ticket": ticket})).into_response())
}
