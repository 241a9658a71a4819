//! What the administrator's pages share: who may see them, and small forms.

use std::slice;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use model::Error;

use crate::messages::Text;
use crate::outcome::{Page, Problem};
use crate::site::Site;
use crate::ui::{self, Mood, badge};
use crate::visit::Visit;

/// A visit of an administrator. Taking it as an argument makes a page one that only they see.
pub(crate) struct Admin(pub Visit);

impl FromRequestParts<Arc<Site>> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Response> {
        let visit = Visit::from_request_parts(parts, site)
            .await
            .map_err(IntoResponse::into_response)?;
        if visit.is_admin() {
            return Ok(Self(visit));
        }
        let refusal = Error::forbidden("PolicyNotAuthorized", visit.t().admin_only());
        Err(Problem::from(refusal).into_response())
    }
}

/// Bytes with the unit that fits: `448 MB`, `1.5 GB`, `1,000 GB`.
pub(super) fn size(t: Text, bytes: u64) -> String {
    let written = ui::bytes(bytes);
    match written.split_once('\u{a0}') {
        Some((figure, unit)) => match figure.parse::<u64>() {
            Ok(number) => format!("{}\u{a0}{unit}", ui::count(t, number)),
            Err(_) => written,
        },
        None => written,
    }
}

/// Mebibytes, as [`size`] writes them.
pub(super) fn mebibytes(t: Text, number: u64) -> String {
    size(t, number.saturating_mul(1 << 20))
}

/// Gibibytes, as [`size`] writes them.
pub(super) fn gibibytes(t: Text, number: u64) -> String {
    size(t, number.saturating_mul(1 << 30))
}

/// A button that sends a few fixed fields at once.
pub(super) fn send_button(address: &str, fields: &[(&str, &str)], class: &str, words: Markup) -> Markup {
    html! {
        form .send method="post" action=(address) hx-post=(address) hx-swap="none" {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button class={ "button small " (class) } type="submit" { (words) }
        }
    }
}

/// The question before something that is felt at once: others lose a right by it, or figures that somebody has set are gone.
pub(super) struct Question<'a> {
    pub title: &'a str,
    /// What comes of it, a sentence each.
    pub words: &'a [&'a str],
    /// It falls back on who asks for it.
    pub warning: Option<&'a str>,
    /// Where the answer is sent, with these fields.
    pub address: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    /// The button's word.
    pub deed: &'a str,
    pub command: String,
}

pub(super) fn ask(visit: &Visit, question: &Question) -> Page {
    let (t, at) = (visit.t(), question.address);
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            @for (name, value) in question.fields { input type="hidden" name=(name) value=(value); }
            @for words in question.words { p .lead-in { (words) } }
            @if let Some(words) = question.warning { p .note.warn { (words) } }
            (ui::submit_warning(t, question.deed))
        }
        (ui::command_line(t, slice::from_ref(&question.command)))
    };
    visit.form(question.title, body)
}

/// Enabled, or not.
pub(super) fn enabled(t: Text, is_enabled: bool) -> Markup {
    if is_enabled {
        badge(Mood::Good, t.admin_enabled())
    } else {
        badge(Mood::Idle, t.admin_disabled())
    }
}

/// Pages that belong together: address, name.
pub(super) fn tabs(visit: &Visit, label: &str, tabs: &[(&str, &str)]) -> Markup {
    let here = visit.view().address.split('?').next().unwrap_or_default();
    html! {
        nav .tabs aria-label=(label) {
            @for (address, name) in tabs { a href=(address) aria-current=[(*address == here).then_some("page")] { (name) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[test]
    fn figures_have_units_that_fit() {
        let t = Text(Lang::En);
        assert_eq!(mebibytes(t, 448), "448\u{a0}MB");
        assert_eq!(mebibytes(t, 392_448), "383\u{a0}GB");
        assert_eq!(mebibytes(t, 51_200), "50\u{a0}GB");
        assert_eq!(gibibytes(t, 1_000), "1,000\u{a0}GB");
        assert_eq!(gibibytes(t, 10_240), "10\u{a0}TB");
        assert_eq!(gibibytes(t, 9_223), "9\u{a0}TB");
    }
}
