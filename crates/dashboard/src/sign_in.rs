//! Signing in and out, the project to work in, and what a visitor likes.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use control::auth::{Credential, DomainRef, Login, ProjectRef, ScopeRequest, Token, UserRef};
use control::password::Password;
use maud::{Markup, html};
use model::identity::{self, Project};
use model::{Cloud, ErrorKind, ProjectId, UserId};
use serde::Deserialize;

use crate::lang::Lang;
use crate::layout::document;
use crate::outcome::{Answer, Away, html as answer, inside};
use crate::session;
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::{View, Visit};

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/login", get(show).post(sign_in))
        .route("/dashboard/logout", post(sign_out))
        .route("/dashboard/project", post(switch_project))
        .route("/dashboard/likes", post(like))
}

#[derive(Deserialize, Default)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn show(State(site): State<Arc<Site>>, headers: HeaderMap, uri: Uri, Query(next): Query<Next>) -> Response {
    let view = View::of(&headers, &uri);
    let is_known =
        session::cookie(&headers, session::SESSION).is_some_and(|secret| site.control.authenticate(secret).is_ok());
    if is_known {
        return Redirect::to(&inside(Some(&next.next))).into_response();
    }
    page(
        &view,
        StatusCode::OK,
        &SignIn {
            next: next.next,
            ..SignIn::default()
        },
        None,
    )
}

/// What the form holds.
#[derive(Deserialize, Default)]
struct SignIn {
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    uri: Uri,
    Form(mut form): Form<SignIn>,
) -> Response {
    let view = View::of(&headers, &uri);
    let t = view.t;
    let password = std::mem::take(&mut form.password);
    let domain = if form.domain.trim().is_empty() {
        "Default"
    } else {
        form.domain.trim()
    };
    let key = format!("{}\n{}", domain.to_lowercase(), form.user.to_lowercase());
    let now = site.control.now();
    let wait = site.attempts.wait_seconds(&key, now);
    if wait > 0 {
        return page(&view, StatusCode::TOO_MANY_REQUESTS, &form, Some(&t.sign_in_wait(wait)));
    }
    let login = Login {
        credentials: vec![Credential::Password(
            UserRef::Name(form.user.clone(), DomainRef::Name(domain.to_owned())),
            Password::new(password),
        )],
        scope: ScopeRequest::Default,
    };
    let (secret, token) = match site.control.log_in(login).await {
        Ok(issued) => issued,
        Err(error) if error.kind == ErrorKind::Unavailable => {
            return page(&view, StatusCode::SERVICE_UNAVAILABLE, &form, Some(t.sign_in_busy()));
        }
        Err(_) => {
            site.attempts.failed(&key, now);
            return page(&view, StatusCode::UNAUTHORIZED, &form, Some(t.sign_in_failed()));
        }
    };
    site.attempts.succeeded(&key);
    let Some(secret) = in_a_project(&site, secret, &token).await else {
        return page(&view, StatusCode::FORBIDDEN, &form, Some(t.sign_in_no_project()));
    };
    let mut response = Redirect::to(&inside(Some(&form.next))).into_response();
    session::begin(&site, response.headers_mut(), &secret);
    response
}

/// A token with a project: the one it has, else for the first that its user has a role in.
async fn in_a_project(site: &Site, secret: String, token: &Token) -> Option<String> {
    if token.actor.project_id().is_some() {
        return Some(secret);
    }
    let project = projects_of(&site.control.cloud(), &token.actor.user_id)
        .into_iter()
        .next()?;
    rescope(site, &secret, &project.id).await
}

async fn rescope(site: &Site, secret: &str, project: &ProjectId) -> Option<String> {
    let login = Login {
        credentials: vec![Credential::Token(secret.to_owned())],
        scope: ScopeRequest::Project(ProjectRef::Id(project.clone())),
    };
    site.control.log_in(login).await.ok().map(|(secret, _)| secret)
}

/// The projects that a user can work in, by name.
pub(crate) fn projects_of(cloud: &Cloud, user: &UserId) -> Vec<Arc<Project>> {
    let mut projects: Vec<_> = identity::projects_of(cloud, user)
        .filter(|project| project.enabled)
        .cloned()
        .collect();
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    projects
}

async fn sign_out(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    if let Some(secret) = session::cookie(&headers, session::SESSION)
        && let Ok(token) = site.control.authenticate(secret)
        && let Err(error) = site.control.revoke_token(&token).await
    {
        tracing::warn!("A session could not be ended in the store: {error}");
    }
    let mut response = Redirect::to("/dashboard/login").into_response();
    session::end(response.headers_mut());
    response
}

#[derive(Deserialize)]
struct Switch {
    project: String,
}

async fn switch_project(visit: Visit, Form(form): Form<Switch>) -> Answer<Response> {
    let site = visit.site();
    let mut response = Away::to("/dashboard/").into_response();
    match rescope(site, visit.secret(), &ProjectId::from(form.project)).await {
        Some(secret) => session::begin(site, response.headers_mut(), &secret),
        None => return Err(model::Error::forbidden("PolicyNotAuthorized", "You have no role in this project.").into()),
    }
    Ok(response)
}

#[derive(Deserialize)]
struct Likes {
    #[serde(default)]
    lang: String,
    #[serde(default)]
    theme: String,
    #[serde(default)]
    back: String,
}

async fn like(Form(form): Form<Likes>) -> Response {
    let mut response = Redirect::to(&inside(Some(&form.back))).into_response();
    if let Some(lang) = Lang::of_code(&form.lang) {
        session::like(response.headers_mut(), session::LANG, lang.code());
    }
    if matches!(form.theme.as_str(), "light" | "dark") {
        session::like(response.headers_mut(), session::THEME, &form.theme);
    }
    response
}

fn page(view: &View, status: StatusCode, form: &SignIn, problem: Option<&str>) -> Response {
    let t = view.t;
    let body: Markup = html! {
        main #main .sign-in {
            header .sign-in-brand {
                (ui::logo())
                div { h1 { (t.maru()) } p .lead { (t.sign_in_lead()) } }
            }
            form .card method="post" action="/dashboard/login" {
                h2 { (t.sign_in()) }
                input type="hidden" name="next" value=(form.next);
                @if let Some(problem) = problem {
                    div .problem role="alert" { p .problem-what { (icon("alert")) (problem) } }
                }
                div .field {
                    label for="f-user" { (t.user_name()) }
                    input id="f-user" name="user" value=(form.user) required autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="255" autofocus[form.user.is_empty()];
                }
                div .field {
                    label for="f-password" { (t.password()) }
                    input id="f-password" name="password" type="password" required autocomplete="current-password" maxlength="4096" autofocus[!form.user.is_empty()];
                }
                details .more open[!form.domain.is_empty() && form.domain != "Default"] {
                    summary { (t.domain()) }
                    div .field {
                        input id="f-domain" name="domain" aria-label=(t.domain()) value=(if form.domain.is_empty() { "Default" } else { &form.domain }) maxlength="64";
                        p .hint { (t.domain_hint()) }
                    }
                }
                button .button.main.wide-button type="submit" { (t.sign_in()) }
            }
            p .muted.small { (t.sign_in_first()) }
            (view.switches())
        }
    };
    answer(status, document(view, t.sign_in(), body))
}
