//! Signing in and out, the project to work in, and what a visitor likes.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use control::auth::{Credential, DomainRef, Login, ProjectRef, ScopeRequest, Token, UserRef};
use control::password::Password;
use maud::{Markup, html};
use model::identity::{self, Project};
use model::{Cloud, ErrorKind, ProjectId, UserId};
use serde::Deserialize;

use crate::guard::is_script;
use crate::lang::Lang;
use crate::layout::document;
use crate::messages::Text;
use crate::outcome::{Answer, Away, html as answer, inside};
use crate::session;
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::{View, Visit};

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/login", get(show).post(sign_in))
        .route("/dashboard/logout", post(sign_out))
        .route("/dashboard/session", get(still_there))
        .route("/dashboard/project", post(switch_project))
        .route("/dashboard/likes", post(like))
}

#[derive(Deserialize, Default)]
struct Next {
    #[serde(default)]
    next: String,
    /// Who was signed in, for whom the session ended under their hands.
    #[serde(default)]
    user: String,
    #[serde(default)]
    domain: String,
}

async fn show(State(site): State<Arc<Site>>, headers: HeaderMap, uri: Uri, Query(next): Query<Next>) -> Response {
    let view = View::of(&headers, &uri);
    let token = session::cookie(&headers, session::SESSION).and_then(|secret| site.control.authenticate(secret).ok());
    if token.is_some() {
        return Redirect::to(&inside(Some(&next.next))).into_response();
    }
    let form = SignIn {
        next: next.next,
        user: next.user,
        domain: next.domain,
        ..SignIn::default()
    };
    // For a page whose session ended while it was open.
    if is_script(&headers) {
        return answer(StatusCode::OK, again(view.t, &form, None));
    }
    page(&view, StatusCode::OK, &form, None)
}

/// Whether the session holds; asking renews it in time, as any page does.
async fn still_there(_: Visit) -> StatusCode {
    StatusCode::NO_CONTENT
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
    let by_script = is_script(&headers);
    let page = |view: &View, status, form: &SignIn, problem: Option<&str>| {
        if by_script {
            return answer(status, again(view.t, form, problem));
        }
        page(view, status, form, problem)
    };
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
    let token = match site.control.log_in(login).await {
        Ok((_, token)) => token,
        Err(error) if error.kind == ErrorKind::Unavailable => {
            return page(&view, StatusCode::SERVICE_UNAVAILABLE, &form, Some(t.sign_in_busy()));
        }
        Err(_) => {
            site.attempts.failed(&key, now);
            return page(&view, StatusCode::UNAUTHORIZED, &form, Some(t.sign_in_failed()));
        }
    };
    site.attempts.succeeded(&key);
    let last = session::cookie(&headers, session::PROJECT);
    let Some((secret, token)) = in_a_project(&site, &token, last).await else {
        return page(&view, StatusCode::FORBIDDEN, &form, Some(t.sign_in_no_project()));
    };
    let mut response = if by_script {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Redirect::to(&inside(Some(&form.next))).into_response()
    };
    if let Ok(who) = HeaderValue::from_str(&who(&token)) {
        response.headers_mut().insert(WHO, who);
    }
    session::begin(&site, response.headers_mut(), &secret);
    response
}

/// Tells a page's script for whom the new session is: the page may be another's.
const WHO: HeaderName = HeaderName::from_static("x-maru-who");

/// The user and the project of a session, in a word.
pub(crate) fn who(token: &Token) -> String {
    let project = token.actor.project_id();
    format!("{}/{}", token.actor.user_id, project.map_or("", ProjectId::as_str))
}

/// Begins a session in a project: the one that the browser worked in last, else the user's own, else the first that they have
/// a role in.
async fn in_a_project(site: &Site, token: &Token, last: Option<&str>) -> Option<(String, Arc<Token>)> {
    let (secret, token) = site.control.begin_session(token).ok()?;
    let projects = projects_of(&site.control.cloud(), &token.actor.user_id);
    let last = projects.iter().find(|project| Some(project.id.as_str()) == last);
    if let Some(project) = last
        && let Some(session) = rescope(site, &secret, &project.id).await
    {
        return Some(session);
    }
    if token.actor.project_id().is_some() {
        return Some((secret, token));
    }
    rescope(site, &secret, &projects.first()?.id).await
}

async fn rescope(site: &Site, secret: &str, project: &ProjectId) -> Option<(String, Arc<Token>)> {
    let login = Login {
        credentials: vec![Credential::Token(secret.to_owned())],
        scope: ScopeRequest::Project(ProjectRef::Id(project.clone())),
    };
    site.control.log_in(login).await.ok()
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
        && let Err(error) = site.control.end_session(&token).await
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
        Some((secret, token)) => {
            session::begin(site, response.headers_mut(), &secret);
            // Its token says so: the project's id is one of ours.
            let project = token.actor.project_id().map_or("", ProjectId::as_str);
            session::like(response.headers_mut(), session::PROJECT, project);
        }
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
                (fields(t, form, problem, "f"))
                button .button.main.wide-button type="submit" { (t.sign_in()) }
            }
            p .muted.small { (t.sign_in_first()) }
            (view.switches())
        }
    };
    answer(status, document(view, t.sign_in(), body))
}

/// What is asked for, and why it was refused.
fn fields(t: Text, form: &SignIn, problem: Option<&str>, prefix: &str) -> Markup {
    html! {
        @if let Some(problem) = problem {
            div .problem role="alert" { p .problem-what { (icon("alert")) (problem) } }
        }
        div .field {
            label for={ (prefix) "-user" } { (t.user_name()) }
            input id={ (prefix) "-user" } name="user" value=(form.user) required autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="255" autofocus[form.user.is_empty()];
        }
        div .field {
            label for={ (prefix) "-password" } { (t.password()) }
            input id={ (prefix) "-password" } name="password" type="password" required autocomplete="current-password" maxlength="4096" autofocus[!form.user.is_empty()];
        }
        details .more open[!form.domain.is_empty() && form.domain != "Default"] {
            summary { (t.domain()) }
            div .field {
                input id={ (prefix) "-domain" } name="domain" aria-label=(t.domain()) value=(if form.domain.is_empty() { "Default" } else { &form.domain }) maxlength="64";
                p .hint { (t.domain_hint()) }
            }
        }
    }
}

/// The form for a page whose session ended: its script shows it over the page, which stays as it is.
fn again(t: Text, form: &SignIn, problem: Option<&str>) -> Markup {
    html! {
        header .dialog-head { h2 #session-title { (t.session_ended()) } }
        form method="post" action="/dashboard/login" data-welcome=(t.session_goes_on()) {
            p .form-lead { (t.session_ended_text()) }
            (fields(t, form, problem, "again"))
            footer .form-end {
                a .button href="/dashboard/login" { (t.session_leave()) }
                button .button.main type="submit" { (t.sign_in()) }
            }
        }
    }
}
