//! Projects: who may work in them, and how much they may have.

mod domains;
pub(super) mod quotas;
mod usage;

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use maud::{Markup, html};
use model::compute::quota::Usage;
use model::identity::{AssignmentTarget, Holder, Project};
use model::{Cloud, ProjectId};
use serde_json::json;

use super::common::{self, Admin, Question, enabled, tabs};
use super::grants::{self, domain_name, give_in_project};
use crate::form::Fields;
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::{Answer, Done, in_query};
use crate::pages::deletion::{self, Kind, Victim};
use crate::site::Site;
use crate::ui::{self, Choice, Field, List, ListQuery, fact, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/admin/projects";
const API: &str = "/identity/v3/projects";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/admin/projects/new", get(new))
        .route("/dashboard/admin/projects/{id}", get(show))
        .route("/dashboard/admin/projects/{id}/edit", get(edit).post(update))
        .route("/dashboard/admin/projects/{id}/enable", post(enable))
        .route("/dashboard/admin/projects/{id}/disable", get(ask_disable).post(disable))
        .merge(quotas::routes())
        .merge(domains::routes())
        .merge(usage::routes())
        .merge(deletion::routes_of_admins(
            deletion::Kind::Project,
            "/dashboard/admin/projects/delete",
            Some(HERE),
            victim,
        ))
}

/// Projects, what they used, and the domains that they are in.
fn project_tabs(visit: &Visit) -> Markup {
    let t = visit.t();
    let pages = [
        (HERE, t.admin_projects()),
        (usage::HERE, t.admin_usage()),
        (domains::HERE, t.admin_domains()),
    ];
    tabs(visit, t.nav_projects(), &pages)
}

/// Domains to choose from.
pub(super) fn domain_field(visit: &Visit) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let domains: Vec<_> = cloud
        .domains
        .iter()
        .map(|domain| Choice::new(&domain.id, &domain.name))
        .collect();
    html! {
        @if domains.len() > 1 {
            (ui::pick(Field { name: "domain", label: t.domain(), value: visit.actor().user_domain_id.as_str(), ..Field::default() }, None, &domains))
        }
    }
}

async fn list(Admin(visit): Admin, Query(query): Query<ListQuery>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let rows: Vec<_> = cloud.projects.iter().cloned().collect();
    let create = ui::main_action("/dashboard/admin/projects/new", "plus", t.admin_project_new());
    let users = |id: &ProjectId| {
        cloud
            .lookups
            .assignments_by_target
            .count(&AssignmentTarget::Project(id.clone()))
    };
    let table = List::new(&visit, &query, t.pick("projects", "프로젝트"), rows, |row| format!("{} {} {}", row.name, row.id, row.description))
        .usually_by("name")
        .sorted("name", t.name(), |row| row.name.to_lowercase(), |row| html! {
            div .stack {
                span { a href=(format!("{HERE}/{}", row.id)) { (row.name) } " " @if row.id == *visit.project_id() { (tag(t.admin_project_here())) } }
                @if !row.description.is_empty() { span .muted { (row.description) } }
            }
        })
        .sorted("domain", t.domain(), |row| domain_name(cloud, &row.domain_id), |row| html! { (domain_name(cloud, &row.domain_id)) })
        .sorted("members", t.admin_members(), |row| users(&row.id), |row| html! { (users(&row.id)) })
        .sorted("servers", t.nav_servers(), |row| Usage::of_project(cloud, &row.id).instances, |row| html! { (Usage::of_project(cloud, &row.id).instances) })
        .sorted("enabled", t.status(), |row| row.enabled, |row| enabled(t, row.enabled))
        .menu(|row| {
            let at = |what: &str| format!("{HERE}/{}/{what}", row.id);
            ui::menu(t, &row.name, html! {
                (ui::menu_dialog(&at("edit"), "pencil", t.edit()))
                (ui::menu_dialog(&at("quotas"), "gauge", t.admin_quotas_edit()))
                (ui::menu_dialog(&format!("/dashboard/admin/grants/new?target=project:{}", row.id), "user", t.admin_grant_new()))
                @if row.enabled { (ui::menu_dialog(&at("disable"), "lock", t.admin_disable())) } @else { (ui::menu_do(&at("enable"), "unlock", t.admin_enable())) }
                hr;
                (ui::dialog_link(&format!("{HERE}/delete?id={}", row.id), "item danger", html! { (icon("trash")) (t.delete()) }))
            })
        })
        .bulk_delete(format!("{HERE}/delete"), |row| row.id.to_string(), |row| row.name.clone())
        .render();
    let body = html! {
        (ui::head(t.nav_projects(), t.admin_projects_lead(), create))
        (project_tabs(&visit))
        (table)
    };
    Ok(visit.page(Content::new(t.nav_projects(), body).cli([
        "openstack project list --long",
        "openstack quota list --compute --detail",
    ])))
}

async fn show(Admin(visit): Admin, Path(id): Path<ProjectId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let project = cloud.get::<Project>(&id)?;
    let actions = html! {
        (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
        (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
    };
    let body = html! {
        (ui::object_head((HERE, t.nav_projects()), &project.name, enabled(t, project.enabled), actions))
        div .cards {
            (ui::card(t.details(), about(&visit, &project)))
            (grants::of_target(&visit, &AssignmentTarget::Project(id.clone())))
        }
        (quotas::card(&visit, &id))
    };
    Ok(visit.page(Content::new(&project.name, body).cli([
        format!("openstack project show {id}"),
        format!("openstack role assignment list --names --project {id}"),
        format!("openstack quota show {id} --usage"),
    ])))
}

fn about(visit: &Visit, project: &Project) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, project.id.as_str())))
        @if !project.description.is_empty() { (fact(t.description(), html! { (project.description) })) }
        (fact(t.domain(), html! { (domain_name(cloud, &project.domain_id)) }))
        @if let Some(parent) = &project.parent_id {
            (fact(t.admin_project_parent(), html! { a href=(format!("{HERE}/{parent}")) { (crate::layout::project_name(cloud, parent)) } }))
        }
        @if !project.tags.is_empty() { (fact(t.admin_tags(), html! { @for word in &project.tags { (tag(word)) } })) }
        (fact(t.nav_servers(), html! { (Usage::of_project(cloud, &project.id).instances) }))
    })
}

async fn new(Admin(visit): Admin) -> Answer {
    let t = visit.t();
    let body = html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), example: "web", required: true, ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
            (domain_field(&visit))
            (ui::check("enabled", t.admin_enabled_box(), t.admin_project_enabled_hint(), true))
            (ui::check("member", t.admin_project_me(), t.admin_project_me_hint(), false))
            (ui::submit(t, t.admin_project_new(), false))
        }
        (ui::command_line(t, &["openstack project create --description 'Our web site' web".to_owned(), "openstack role add --project web --user USER member".to_owned()]))
    };
    Ok(visit.form(t.admin_project_new(), body))
}

async fn create(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let mut project = json!({
        "name": fields.plain("name"),
        "description": fields.plain("description"),
        "enabled": fields.is_set("enabled"),
    });
    if let Some(domain) = fields.text("domain") {
        project["domain_id"] = domain.into();
    }
    let made = visit.post(API, json!({"project": project})).await?;
    let id = ProjectId::from(made["project"]["id"].as_str().unwrap_or_default());
    if fields.is_set("member") {
        let me = Holder::User(visit.actor().user_id.clone());
        give_in_project(&visit, &me, &id, &grants::usual_role(visit.cloud())).await?;
    }
    Ok(Done::saying(t.admin_made(fields.plain("name"))).then(format!("{HERE}/{id}")))
}

async fn edit(Admin(visit): Admin, Path(id): Path<ProjectId>) -> Answer {
    let t = visit.t();
    let project = visit.cloud().get::<Project>(&id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), value: &project.name, required: true, ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), value: &project.description, ..Field::default() }))
            (ui::check("enabled", t.admin_enabled_box(), t.admin_project_enabled_hint(), project.enabled))
            @if id == *visit.project_id() { p .note.warn data-if="enabled=" { (t.admin_project_disable_here()) } }
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack project set --name NAME --description TEXT --enable {id}")]))
    };
    Ok(visit.form(&t.edit_title(t.pick("project", "프로젝트"), &project.name), body))
}

async fn update(Admin(visit): Admin, Path(id): Path<ProjectId>, fields: Fields) -> Answer<Done> {
    let project = json!({
        "name": fields.plain("name"),
        "description": fields.plain("description"),
        "enabled": fields.is_set("enabled"),
    });
    visit.patch(&api_of(&id), json!({"project": project})).await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn enable(Admin(visit): Admin, Path(id): Path<ProjectId>) -> Answer<Done> {
    visit.patch(&api_of(&id), json!({"project": {"enabled": true}})).await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn ask_disable(Admin(visit): Admin, Path(id): Path<ProjectId>) -> Answer {
    let t = visit.t();
    let project = visit.cloud().get::<Project>(&id)?;
    Ok(common::ask(
        &visit,
        &Question {
            title: &t.admin_project_disable(&project.name),
            words: &[t.admin_project_enabled_hint()],
            warning: (id == *visit.project_id()).then_some(t.admin_project_disable_here()),
            address: &format!("{HERE}/{id}/disable"),
            fields: &[],
            deed: t.admin_disable(),
            command: format!("openstack project set --disable {id}"),
        },
    ))
}

async fn disable(Admin(visit): Admin, Path(id): Path<ProjectId>) -> Answer<Done> {
    visit
        .patch(&api_of(&id), json!({"project": {"enabled": false}}))
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

fn api_of(id: &ProjectId) -> String {
    format!("{API}/{}", in_query(id.as_str()))
}

/// What projects have that their deletion leaves behind, as a sentence with figures.
fn what_it_has(t: Text, cloud: &Cloud, ids: &[ProjectId]) -> String {
    let mut of_projects = BTreeMap::new();
    for ((resource, project), count) in &cloud.lookups.counts {
        if ids.contains(project) {
            *of_projects.entry(*resource).or_insert(0) += count;
        }
    }
    let kinds = of_projects
        .into_iter()
        .filter_map(|(table, count): (&str, u64)| Some((Kind::of_table(table)?, usize::try_from(count).ok()?)));
    match t.kinds_counted(kinds).as_str() {
        "" => t.admin_project_leaves_nothing().to_owned(),
        figures => t.admin_project_leaves(figures),
    }
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let project = cloud.get::<Project>(&id.into())?;
    let mut victim = Victim::new(&project.id, &project.name, api_of(&project.id)).grave();
    if project.id == *visit.project_id() {
        victim = victim.note(t.admin_project_delete_here());
    }
    Ok(victim.note(what_it_has(t, cloud, slice::from_ref(&project.id))))
}
