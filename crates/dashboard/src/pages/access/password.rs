//! The visitor's own password.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use control::auth::{Credential, Login, ProjectRef, ScopeRequest, UserRef};
use control::password::Password;
use maud::{Markup, html};
use model::{ErrorKind, identity};
use serde_json::json;

use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::session;
use crate::site::Site;
use crate::ui;
use crate::visit::Visit;

const HERE: &str = "/dashboard/password";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route(HERE, get(show).post(change))
}

/// A field for a password; `known_as` tells the browser's keeper of passwords which one (`new-password`, say).
pub(in crate::pages) fn input(name: &str, label: &str, hint: &str, known_as: &str, required: bool) -> Markup {
    html! {
        div .field {
            label for={ "f-" (name) } { (label) @if required { span .required aria-hidden="true" { "*" } } }
            input id={ "f-" (name) } name=(name) type="password" required[required] autocomplete=(known_as) maxlength="4096"
                aria-describedby=[(!hint.is_empty()).then(|| format!("h-{name}"))];
            @if !hint.is_empty() { p .hint id={ "h-" (name) } { (hint) } }
        }
    }
}

async fn show(visit: Visit) -> Answer {
    let t = visit.t();
    let name = visit
        .cloud()
        .find::<identity::User>(&visit.actor().user_id)
        .map_or("", |user| user.name.as_str());
    let body = html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" {
            input type="text" name="user" value=(name) autocomplete="username" hidden;
            (input("original", t.access_password_old(), "", "current-password", true))
            (input("password", t.access_password_new(), "", "new-password", true))
            (input("again", t.access_password_again(), t.access_password_hint(), "new-password", true))
            (ui::submit(t, t.access_password_title(), false))
        }
        (ui::command_line(t, &["openstack user password set".to_owned()]))
    };
    Ok(visit.form(t.access_password_title(), body))
}

async fn change(visit: Visit, fields: Fields) -> Answer<Response> {
    let (t, site) = (visit.t(), visit.site());
    let user = visit.actor().user_id.clone();
    let password = fields.raw("password").unwrap_or_default();
    if fields.raw("again") != Some(password) {
        return Err(Problem::in_form(t.access_password_differs()));
    }
    // As at the sign-in page: who found an open session is not to try out passwords here.
    let (key, now) = (format!("password\n{user}"), visit.control().now());
    let wait = site.attempts.wait_seconds(&key, now);
    if wait > 0 {
        return Err(Problem::in_form(t.sign_in_wait(wait)));
    }
    let body = json!({"user": {"original_password": fields.raw("original").unwrap_or_default(), "password": password}});
    let outcome = visit.post(&format!("/identity/v3/users/{user}/password"), body).await;
    outcome.map_err(|problem| {
        if problem.error.kind != ErrorKind::Unauthorized {
            return problem;
        }
        site.attempts.failed(&key, now);
        Problem::in_form(t.access_password_wrong())
    })?;
    site.attempts.succeeded(&key);
    // The change ended every session of the user, this one too: it begins anew with the new password.
    let login = Login {
        credentials: vec![Credential::Password(
            UserRef::Id(user),
            Password::new(password.to_owned()),
        )],
        scope: ScopeRequest::Project(ProjectRef::Id(visit.project_id().clone())),
    };
    let done = Done::saying(t.access_password_changed()).then("/dashboard/");
    Ok(match site.control.log_in(login).await {
        Ok((secret, _)) => {
            let mut response = done.into_response();
            session::begin(site, response.headers_mut(), &secret);
            response
        }
        Err(_) => done.then("/dashboard/login").into_response(),
    })
}
