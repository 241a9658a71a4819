//! Whether all is as wanted; else what is not, with the reason (what `maru status` shows).

use maud::{Markup, html};
use serde_json::Value;

use crate::outcome::Problem;
use crate::ui::{Mood, badge};
use crate::visit::Visit;

/// Lines shown.
const SHOWN: usize = 30;

pub(super) async fn card(visit: &Visit) -> Result<Markup, Problem> {
    let t = visit.t();
    let answer = visit.get("/maru/v1/status").await?;
    let status = &answer["status"];
    let missing = status["not_ready"].as_array().map_or(&[][..], Vec::as_slice);
    let is_applied = status["host"]["applied_revision"] == status["host"]["wanted_revision"];
    let is_up = status["host"]["vcpus"].as_u64().unwrap_or(0) > 0;
    let (mood, words) = match (is_up, is_applied && missing.is_empty()) {
        (false, _) => (Mood::Bad, t.admin_health_down()),
        (true, false) => (Mood::Busy, t.admin_health_settling()),
        (true, true) => (Mood::Good, t.admin_health_good()),
    };
    Ok(html! {
        section .card #health {
            header .card-head { h2 { (t.admin_health()) } (badge(mood, words)) }
            @if missing.is_empty() {
                p .muted { (t.admin_health_all()) }
            } @else {
                ul .entries.reasons {
                    @for line in missing.iter().take(SHOWN) { (reason(line)) }
                }
                @if missing.len() > SHOWN { p .muted { (t.overview_attention_more(missing.len() - SHOWN)) } }
            }
        }
    })
}

fn reason(line: &Value) -> Markup {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    let (kind, id) = (text("kind"), text("id"));
    let name = if text("name").is_empty() { id } else { text("name") };
    html! {
        li {
            div {
                span .muted { (kind) } " "
                // Trunks have no page.
                @if kind == "trunk" { b { (name) } } @else { a href=(format!("/dashboard/{kind}s/{id}")) { (name) } }
                p .muted.small { (text("reason")) }
            }
        }
    }
}
