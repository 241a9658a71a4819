//! The parts that pages are made of.

mod fields;
mod list;

use maud::{Markup, PreEscaped, html};
use model::Timestamp;

use crate::assets;
use crate::messages::Text;
use crate::outcome::Problem;

pub(crate) use fields::{
    Choice, Field, check, choices, file, pick, submit, submit_if, submit_warning, text, text_area,
};
pub(crate) use list::{List, ListQuery};

/// A picture of `assets/icons.svg`.
pub(crate) fn icon(name: &str) -> Markup {
    html! { svg .icon aria-hidden="true" { use href=(format!("{}#{name}", assets::path("icons.svg"))) {} } }
}

/// Boards of a wooden floor.
pub(crate) fn logo() -> Markup {
    PreEscaped(
        r#"<svg class="logo" viewBox="0 0 24 24" aria-hidden="true"><path class="board-1" d="M3 5h18v4H3z"/><path class="board-2" d="M3 10h11v4H3z"/><path class="board-3" d="M15 10h6v4h-6z"/><path class="board-3" d="M3 15h6v4H3z"/><path class="board-1" d="M10 15h11v4H10z"/></svg>"#
            .to_owned(),
    )
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As wished.
    Good,
    /// On its way there.
    Busy,
    /// Standing still, which is no fault.
    Idle,
    /// To be looked at.
    Warn,
    /// Wrong.
    Bad,
}

impl Mood {
    /// As in classes of the style.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// Of Neutron's `ACTIVE`, `DOWN`, `BUILD`, `ERROR`, `DEGRADED`.
    pub fn of_network(status: &str) -> Self {
        match status {
            "ACTIVE" => Self::Good,
            "BUILD" => Self::Busy,
            "DEGRADED" => Self::Warn,
            "ERROR" => Self::Bad,
            _ => Self::Idle,
        }
    }
}

/// A state in a word, with its colour and sign.
pub(crate) fn badge(mood: Mood, words: &str) -> Markup {
    html! { span class={ "badge " (mood.class()) } { span .sign aria-hidden="true" {} (words) } }
}

/// A label that is no state.
pub(crate) fn tag(words: &str) -> Markup {
    html! { span .tag { (words) } }
}

/// The head of a page: what it is, what it is for, what can be done.
pub(crate) fn head(title: &str, lead: &str, actions: Markup) -> Markup {
    html! {
        header .page-head {
            div { h1 { (title) } @if !lead.is_empty() { p .lead { (lead) } } }
            div .page-actions { (actions) }
        }
    }
}

/// Where a page stands: what it is below of, from the top.
pub(crate) fn crumbs<'a>(parents: impl IntoIterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        p .crumbs {
            @for (at, (address, words)) in parents.into_iter().enumerate() {
                @if at > 0 { span aria-hidden="true" { " / " } }
                a href=(address) { (words) }
            }
        }
    }
}

/// The head of an object's page, with the way back to its list.
pub(crate) fn object_head(list: (&str, &str), name: &str, state: Markup, actions: Markup) -> Markup {
    object_head_below([list], name, state, actions)
}

/// [`object_head`] of what is further down, by all the pages above it.
pub(crate) fn object_head_below<'a>(
    above: impl IntoIterator<Item = (&'a str, &'a str)>,
    name: &str,
    state: Markup,
    actions: Markup,
) -> Markup {
    html! {
        (crumbs(above))
        header .page-head {
            div .title-line { h1 { (name) } (state) }
            div .page-actions { (actions) }
        }
    }
}

/// A link that opens a form in a dialog (and as a page without script).
pub(crate) fn dialog_link(address: &str, class: &str, body: Markup) -> Markup {
    html! { a class=(class) href=(address) hx-get=(address) hx-target="#dialog-body" { (body) } }
}

/// The main action of a page.
pub(crate) fn main_action(address: &str, symbol: &str, words: &str) -> Markup {
    dialog_link(address, "button main", html! { (icon(symbol)) (words) })
}

/// An action of second rank.
pub(crate) fn action(address: &str, symbol: &str, words: &str) -> Markup {
    dialog_link(address, "button", html! { (icon(symbol)) (words) })
}

/// A menu of actions on one thing.
pub(crate) fn menu(t: Text, name: &str, items: Markup) -> Markup {
    html! {
        details .menu {
            summary .button.plain.icon-only aria-label=(t.actions_of(name)) { (icon("dots")) }
            div .menu-items { (items) }
        }
    }
}

/// In a menu: opens a dialog.
pub(crate) fn menu_dialog(address: &str, symbol: &str, words: &str) -> Markup {
    dialog_link(address, "item", html! { (icon(symbol)) (words) })
}

/// In a menu: does it at once.
pub(crate) fn menu_do(address: &str, symbol: &str, words: &str) -> Markup {
    html! {
        form method="post" action=(address) hx-post=(address) hx-swap="none" {
            button .item type="submit" { (icon(symbol)) (words) }
        }
    }
}

/// A page without anything to list yet: what it is for, and the first step.
pub(crate) fn empty(symbol: &str, title: &str, words: &str, first_step: Markup) -> Markup {
    html! {
        section .empty {
            div .empty-icon { (icon(symbol)) }
            h2 { (title) }
            p { (words) }
            div { (first_step) }
        }
    }
}

/// A part of a page with a heading.
pub(crate) fn card(title: &str, body: Markup) -> Markup {
    html! { section .card { h2 { (title) } (body) } }
}

/// Facts: names and values.
pub(crate) fn facts(rows: Markup) -> Markup {
    html! { dl .facts { (rows) } }
}

/// One of [`facts`].
pub(crate) fn fact(name: &str, value: Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A text that people carry elsewhere, with a button that copies it.
pub(crate) fn copyable(t: Text, text: &str) -> Markup {
    html! {
        span .copyable {
            // An address is broken between its parts.
            code { @if text.starts_with("http") { @for part in text.split_inclusive('/') { (part) wbr; } } @else { (text) } }
            (copy_button(t, text))
        }
    }
}

/// A button that copies a text, behind what shows it.
pub(crate) fn copy_button(t: Text, text: &str) -> Markup {
    html! { button .plain.icon-only type="button" data-copy=(text) aria-label=(t.copy()) data-tip=(t.copy()) { (icon("copy")) } }
}

/// An id: the start is seen, the whole is copied.
pub(crate) fn short_id(t: Text, id: &str) -> Markup {
    html! {
        span .copyable {
            code title=(id) { (&id[..id.len().min(8)]) }
            button .plain.icon-only type="button" data-copy=(id) aria-label=(t.copy()) { (icon("copy")) }
        }
    }
}

/// A moment; the script writes it in the visitor's own time zone.
pub(crate) fn time(at: Timestamp) -> Markup {
    let text = at.seconds_z();
    html! { time datetime=(text) { (text.replace('T', " ").trim_end_matches('Z')) " UTC" } }
}

/// A block of text to copy: keys, files.
pub(crate) fn code_block(t: Text, text: &str) -> Markup {
    html! {
        div .code-block {
            pre tabindex="0" { code { (text) } }
            button .plain.icon-only type="button" data-copy=(text) aria-label=(t.copy()) { (icon("copy")) }
        }
    }
}

/// Commands that do what the page does.
pub(crate) fn command_line(t: Text, commands: &[String]) -> Markup {
    html! {
        @if !commands.is_empty() {
            details .command-line #cli {
                summary { (icon("terminal")) (t.cli_title()) }
                (code_block(t, &commands.join("\n")))
            }
        }
    }
}

/// Where something lives on the host, for those who may see it.
pub(crate) fn on_host(t: Text, rows: Markup, commands: &[String]) -> Markup {
    html! {
        details .on-host #on-host {
            summary { (icon("cpu")) (t.on_host_title()) }
            p .muted { (t.on_host_hint()) }
            (facts(rows))
            @if !commands.is_empty() { (code_block(t, &commands.join("\n"))) }
        }
    }
}

/// A word as a shell takes it.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What happened, who can mend it, what to do, and the request's id.
pub(crate) fn problem_box(t: Text, problem: &Problem) -> Markup {
    let kind = problem.error.kind;
    let advice = t.advice(&problem.error);
    // What the dashboard says itself is in the page's language, and needs no other name.
    let is_own = problem.request_id.is_none();
    html! {
        div .problem role="alert" {
            p .problem-what { (icon("alert")) (advice.what) }
            @if kind != model::ErrorKind::Internal && is_own { p .problem-said { (problem.error.message) } }
            p { b { (t.problem_do()) ": " } (advice.action) " " span .muted { (advice.who) } }
            @if kind != model::ErrorKind::Internal && !is_own {
                details .problem-original { summary { (t.problem_said()) } p .problem-said.small lang="en" { (problem.error.message) } }
            }
            @if let Some(id) = &problem.request_id { p .muted.small { (t.problem_request()) " " (copyable(t, id)) } }
        }
    }
}

/// How much of a limit is used: a bar with its figures. No limit: the figure alone.
pub(crate) fn usage_bar(t: Text, name: &str, used: u64, limit: Option<u64>, unit: fn(Text, u64) -> String) -> Markup {
    let words = match limit {
        Some(limit) => t.used_of(unit(t, used), unit(t, limit)),
        None => t.used_of_unlimited(unit(t, used)),
    };
    let class = match limit {
        Some(limit) if used >= limit => "full",
        Some(limit) if used.saturating_mul(10) >= limit.saturating_mul(8) => "near",
        _ => "",
    };
    html! {
        div class={ "usage " (class) } {
            div .usage-words { span { (name) } span .muted { (words) } }
            @if let Some(limit) = limit { progress value=(seen(used.min(limit), limit)) max=(limit.max(1)) aria-label=(name) {} }
        }
    }
}

/// As long as a bar must be to be seen: what is not nothing is at least a fiftieth.
fn seen(used: u64, limit: u64) -> u64 {
    if used == 0 { 0 } else { used.max(limit.div_ceil(50)) }
}

/// [`usage_bar`] as a ring, for the quotas that a page looks at most.
pub(crate) fn usage_ring(t: Text, name: &str, used: u64, limit: Option<u64>, unit: fn(Text, u64) -> String) -> Markup {
    let share = limit.map_or(0, |limit| (used.min(limit) * 100).checked_div(limit).unwrap_or(100));
    // Something is never shown as nothing.
    let is_little = share == 0 && used > 0 && limit.is_some();
    let drawn = if is_little { 2 } else { share };
    let class = match share {
        100 => "ring full",
        80..100 => "ring near",
        _ => "ring",
    };
    html! {
        figure class=(class) {
            svg viewBox="0 0 36 36" aria-hidden="true" {
                circle .ring-track cx="18" cy="18" r="15.9155" {}
                circle .ring-used cx="18" cy="18" r="15.9155" stroke-dasharray=(format!("{drawn} 100")) {}
                text x="18" y="18.5" { @if limit.is_none() { "∞" } @else if is_little { "<1%" } @else { (share) "%" } }
            }
            figcaption {
                b { (name) }
                span .muted { @match limit {
                    Some(limit) => (t.used_of(unit(t, used), unit(t, limit))),
                    None => (t.used_only(unit(t, used))),
                } }
            }
        }
    }
}

/// A number as a unit of [`usage_bar`], with separators of thousands: `1,536`.
pub(crate) fn count(_: Text, number: u64) -> String {
    let digits = number.to_string();
    let mut written = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

/// Mebibytes, as gibibytes where they are whole halves of them.
pub(crate) fn mebibytes(t: Text, number: u64) -> String {
    if number >= 1024 && number.is_multiple_of(512) {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let gibibytes = number as f64 / 1024.0;
        return if number.is_multiple_of(1024) {
            t.gibibytes(count(t, number / 1024))
        } else {
            t.gibibytes(gibibytes)
        };
    }
    t.mebibytes(number)
}

/// Gibibytes.
pub(crate) fn gibibytes(t: Text, number: u64) -> String {
    t.gibibytes(count(t, number))
}

/// Bytes, with the unit that fits and no decimal place that says nothing: `448 MB`, `1.5 GB`; a figure and its unit stay on one
/// line.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let mut figure = number as f64;
    let mut unit = 0;
    while figure >= 1024.0 && unit < UNITS.len() - 1 {
        figure /= 1024.0;
        unit += 1;
    }
    let written = if unit == 0 || figure >= 100.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.1}")
    };
    format!("{}\u{a0}{}", written.trim_end_matches(".0"), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[test]
    fn figures_for_people() {
        let t = Text(Lang::En);
        assert_eq!(bytes(0), "0\u{a0}B");
        assert_eq!(bytes(1_536), "1.5\u{a0}KB");
        assert_eq!(bytes(21 << 20), "21\u{a0}MB");
        assert_eq!(bytes(300 << 30), "300\u{a0}GB");
        assert_eq!(mebibytes(t, 128), "128\u{a0}MB");
        assert_eq!(mebibytes(t, 1_536), "1.5\u{a0}GB");
        assert_eq!(mebibytes(t, 2_048), "2\u{a0}GB");
        assert_eq!(mebibytes(t, 2_048_000), "2,000\u{a0}GB");
        assert_eq!(gibibytes(t, 1_000), "1,000\u{a0}GB");
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(|number| count(t, number)),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
