//! Users: who may sign in.

mod form;
mod groups;
mod membership;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use maud::{Markup, html};
use model::UserId;
use model::identity::{Holder, User, projects_of};
use serde_json::json;

use super::common::{self, Admin, Question, enabled, tabs};
use super::grants::{self, domain_name};
use crate::layout::{Content, project_name};
use crate::outcome::{Answer, Done, Problem, in_query};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, List, ListQuery, fact, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/admin/users";
const API: &str = "/identity/v3/users";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(form::create))
        .route("/dashboard/admin/users/new", get(form::new))
        .route("/dashboard/admin/users/{id}", get(show))
        .route("/dashboard/admin/users/{id}/edit", get(form::edit).post(form::update))
        .route(
            "/dashboard/admin/users/{id}/password",
            get(form::ask_password).post(form::set_password),
        )
        .route("/dashboard/admin/users/{id}/enable", post(enable))
        .route("/dashboard/admin/users/{id}/disable", get(ask_disable).post(disable))
        .merge(groups::routes())
        .merge(membership::routes())
        .merge(deletion::routes_of_admins(
            deletion::Kind::User,
            "/dashboard/admin/users/delete",
            Some(HERE),
            victim,
        ))
}

/// Users, and the groups that they are in.
fn user_tabs(visit: &Visit) -> Markup {
    let t = visit.t();
    tabs(
        visit,
        t.nav_users(),
        &[(HERE, t.nav_users()), (groups::HERE, t.admin_groups())],
    )
}

fn api_of(id: &UserId) -> String {
    format!("{API}/{}", in_query(id.as_str()))
}

async fn list(Admin(visit): Admin, Query(query): Query<ListQuery>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let rows: Vec<_> = cloud.users.iter().cloned().collect();
    let projects = |id: &UserId| {
        projects_of(cloud, id)
            .map(|project| project.name.clone())
            .collect::<Vec<_>>()
    };
    let table = List::new(&visit, &query, t.pick("users", "사용자"), rows, |row| {
        format!("{} {} {}", row.name, row.id, row.email.as_deref().unwrap_or_default())
    })
    .usually_by("name")
    .sorted("name", t.name(), |row| row.name.to_lowercase(), |row| html! {
        div .stack {
            span { a href=(format!("{HERE}/{}", row.id)) { (row.name) } " " @if row.id == visit.actor().user_id { (tag(t.admin_user_you())) } }
            @if let Some(words) = &row.description { span .muted { (words) } }
        }
    })
    .sorted("email", t.admin_email(), |row| row.email.clone(), |row| html! { (row.email.as_deref().unwrap_or_default()) })
    .column("projects", t.admin_projects(), |row| {
        let names = projects(&row.id);
        html! { @for name in names.iter().take(4) { (tag(name)) } @if names.len() > 4 { span .muted { "+" (names.len() - 4) } } }
    })
    .sorted("domain", t.domain(), |row| domain_name(cloud, &row.domain_id), |row| html! { (domain_name(cloud, &row.domain_id)) })
    .sorted("enabled", t.status(), |row| row.enabled, |row| enabled(t, row.enabled))
    .menu(|row| ui::menu(t, &row.name, menu_items(&visit, row)))
    .bulk_delete(format!("{HERE}/delete"), |row| row.id.to_string(), |row| row.name.clone())
    .render();
    let create = ui::main_action("/dashboard/admin/users/new", "plus", t.admin_user_new());
    let body = html! {
        (ui::head(t.nav_users(), t.admin_users_lead(), create))
        (user_tabs(&visit))
        (table)
    };
    Ok(visit.page(
        Content::new(t.nav_users(), body).cli(["openstack user list --long", "openstack role assignment list --names"]),
    ))
}

fn menu_items(visit: &Visit, user: &User) -> Markup {
    let t = visit.t();
    let at = |what: &str| format!("{HERE}/{}/{what}", user.id);
    html! {
        (ui::menu_dialog(&at("edit"), "pencil", t.edit()))
        (ui::menu_dialog(&at("password"), "key", t.admin_password_set()))
        (ui::menu_dialog(&format!("/dashboard/admin/grants/new?holder=user:{}", user.id), "badge", t.admin_grant_new()))
        // Nobody is offered to lock themselves out.
        @if user.id != visit.actor().user_id {
            @if user.enabled { (ui::menu_dialog(&at("disable"), "lock", t.admin_disable())) } @else { (ui::menu_do(&at("enable"), "unlock", t.admin_enable())) }
            hr;
            (ui::dialog_link(&format!("{HERE}/delete?id={}", user.id), "item danger", html! { (icon("trash")) (t.delete()) }))
        }
    }
}

async fn show(Admin(visit): Admin, Path(id): Path<UserId>) -> Answer {
    let t = visit.t();
    let user = visit.cloud().get::<User>(&id)?;
    let actions = html! {
        (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
        (ui::action(&format!("{HERE}/{id}/password"), "key", t.admin_password_set()))
        (ui::menu(t, &user.name, menu_items(&visit, &user)))
    };
    let body = html! {
        (ui::object_head((HERE, t.nav_users()), &user.name, enabled(t, user.enabled), actions))
        div .cards {
            (ui::card(t.details(), about(&visit, &user)))
            (membership::of_user(&visit, &id))
        }
        (grants::of_holder(&visit, &Holder::User(id.clone())))
    };
    Ok(visit.page(Content::new(&user.name, body).cli([
        format!("openstack user show {id}"),
        format!("openstack role assignment list --names --user {id}"),
    ])))
}

fn about(visit: &Visit, user: &User) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, user.id.as_str())))
        @if let Some(words) = &user.description { (fact(t.description(), html! { (words) })) }
        @if let Some(email) = &user.email { (fact(t.admin_email(), html! { (email) })) }
        (fact(t.domain(), html! { (domain_name(cloud, &user.domain_id)) }))
        @if let Some(project) = &user.default_project_id { (fact(t.admin_default_project(), html! { (project_name(cloud, project)) })) }
        (fact(t.admin_password(), html! {
            @match (user.password_hash.is_some(), user.password_created_at) {
                (false, _) => span .muted { (t.admin_password_none()) },
                (true, Some(at)) => { (t.pick("Set ", "")) (ui::time(at)) (t.pick("", "에 설정")) },
                (true, None) => (t.yes()),
            }
            @if let Some(end) = visit.control().compliance().password_expires_at(user) { p { (t.access_expires()) " " (ui::time(end)) } }
        }))
        (fact(t.nav_credentials(), html! { (cloud.lookups.application_credentials_by_user.count(&user.id)) }))
    })
}

async fn enable(Admin(visit): Admin, Path(id): Path<UserId>) -> Answer<Done> {
    visit.patch(&api_of(&id), json!({"user": {"enabled": true}})).await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn ask_disable(Admin(visit): Admin, Path(id): Path<UserId>) -> Answer {
    let t = visit.t();
    let user = visit.cloud().get::<User>(&id)?;
    Ok(common::ask(
        &visit,
        &Question {
            title: &t.admin_user_disable(&user.name),
            words: &[t.admin_user_disable_text()],
            warning: None,
            address: &format!("{HERE}/{id}/disable"),
            fields: &[],
            deed: t.admin_disable(),
            command: format!("openstack user set --disable {id}"),
        },
    ))
}

async fn disable(Admin(visit): Admin, Path(id): Path<UserId>) -> Answer<Done> {
    // Nobody could take it back.
    if id == visit.actor().user_id {
        return Err(Problem::in_form(visit.t().admin_user_not_yourself()));
    }
    visit.patch(&api_of(&id), json!({"user": {"enabled": false}})).await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let t = visit.t();
    let user = visit.cloud().get::<User>(&id.into())?;
    let victim = Victim::new(&user.id, &user.name, api_of(&user.id));
    if user.id == visit.actor().user_id {
        return Ok(victim.blocked(t.admin_user_not_yourself()));
    }
    Ok(victim)
}
