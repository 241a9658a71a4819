//! What the administrator's pages share: who may see them, and small forms.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use model::Error;

use crate::messages::Text;
use crate::outcome::Problem;
use crate::site::Site;
use crate::ui::{Mood, badge};
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

/// A button that sends a few fixed fields at once.
pub(super) fn send_button(address: &str, fields: &[(&str, &str)], class: &str, words: Markup) -> Markup {
    html! {
        form .send method="post" action=(address) hx-post=(address) hx-swap="none" {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button class={ "button small " (class) } type="submit" { (words) }
        }
    }
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
