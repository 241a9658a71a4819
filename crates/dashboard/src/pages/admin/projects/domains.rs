//! Domains: sets of projects, users and groups with names of their own.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::DomainId;
use model::identity::{AssignmentTarget, Domain};
use serde_json::json;

use super::{project_tabs, what_it_has};
use crate::form::Fields;
use crate::layout::Content;
use crate::outcome::{Answer, Done, in_query};
use crate::pages::admin::common::{Admin, enabled};
use crate::pages::admin::grants;
use crate::pages::deletion::{self, Kind, Victim};
use crate::site::Site;
use crate::ui::{self, Field, List, ListQuery, fact, icon, tag};
use crate::visit::Visit;

pub(super) const HERE: &str = "/dashboard/admin/projects/domains";
const API: &str = "/identity/v3/domains";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/admin/projects/domains/new", get(new))
        .route("/dashboard/admin/projects/domains/{id}", get(show))
        .route("/dashboard/admin/projects/domains/{id}/edit", get(edit).post(update))
        .merge(deletion::routes_of_admins(
            deletion::Kind::Domain,
            "/dashboard/admin/projects/domains/delete",
            Some(HERE),
            victim,
        ))
}

async fn list(Admin(visit): Admin, Query(query): Query<ListQuery>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let rows: Vec<_> = cloud.domains.iter().cloned().collect();
    let projects = |id: &DomainId| cloud.projects.iter().filter(|project| project.domain_id == *id).count();
    let users = |id: &DomainId| cloud.users.iter().filter(|user| user.domain_id == *id).count();
    let table = List::new(&visit, &query, t.pick("domains", "도메인"), rows, |row| format!("{} {} {}", row.name, row.id, row.description))
        .usually_by("name")
        .sorted("name", t.name(), |row| row.name.to_lowercase(), |row| html! {
            div .stack { a href=(format!("{HERE}/{}", row.id)) { (row.name) } @if !row.description.is_empty() { span .muted { (row.description) } } }
        })
        .column("id", t.id(), |row| ui::short_id(t, row.id.as_str()))
        .sorted("projects", t.admin_projects(), |row| projects(&row.id), |row| html! { (projects(&row.id)) })
        .sorted("users", t.nav_users(), |row| users(&row.id), |row| html! { (users(&row.id)) })
        .sorted("enabled", t.status(), |row| row.enabled, |row| enabled(t, row.enabled))
        .menu(|row| ui::menu(t, &row.name, html! {
            (ui::menu_dialog(&format!("{HERE}/{}/edit", row.id), "pencil", t.edit()))
            (ui::dialog_link(&format!("{HERE}/delete?id={}", row.id), "item danger", html! { (icon("trash")) (t.delete()) }))
        }))
        .render();
    let body = html! {
        (ui::head(t.admin_domains(), t.admin_domains_lead(), ui::main_action(&format!("{HERE}/new"), "plus", t.admin_domain_new())))
        (project_tabs(&visit))
        (table)
    };
    Ok(visit.page(Content::new(t.admin_domains(), body).cli(["openstack domain list"])))
}

async fn show(Admin(visit): Admin, Path(id): Path<DomainId>) -> Answer {
    let t = visit.t();
    let domain = visit.cloud().get::<Domain>(&id)?;
    let actions = html! {
        (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
        (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
    };
    let body = html! {
        (ui::object_head_below(
            [(super::HERE, t.nav_projects()), (HERE, t.admin_domains())],
            &domain.name,
            enabled(t, domain.enabled),
            actions,
        ))
        div .cards {
            (ui::card(t.details(), ui::facts(html! {
                (fact(t.id(), ui::copyable(t, id.as_str())))
                @if !domain.description.is_empty() { (fact(t.description(), html! { (domain.description) })) }
                @if !domain.tags.is_empty() { (fact(t.admin_tags(), html! { @for word in &domain.tags { (tag(word)) } })) }
            })))
            (grants::of_target(&visit, &AssignmentTarget::Domain(id.clone())))
        }
    };
    Ok(visit.page(Content::new(&domain.name, body).cli([
        format!("openstack domain show {id}"),
        format!("openstack role assignment list --names --domain {id}"),
    ])))
}

fn form_fields(visit: &Visit, of: Option<&Domain>) -> Markup {
    let t = visit.t();
    html! {
        (ui::text(Field { name: "name", label: t.name(), value: of.map_or("", |row| &row.name), required: true, ..Field::default() }))
        (ui::text(Field { name: "description", label: t.description(), value: of.map_or("", |row| &row.description), ..Field::default() }))
        (ui::check("enabled", t.admin_enabled_box(), t.admin_domain_enabled_hint(), of.is_none_or(|row| row.enabled)))
    }
}

async fn new(Admin(visit): Admin) -> Answer {
    let title = visit.t().admin_domain_new();
    let cli = ["openstack domain create sales".to_owned()];
    Ok(visit.form_of(title, HERE, form_fields(&visit, None), title, &cli))
}

fn body_of(fields: &Fields) -> serde_json::Value {
    json!({"domain": {
        "name": fields.plain("name"),
        "description": fields.plain("description"),
        "enabled": fields.is_set("enabled"),
    }})
}

async fn create(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    visit.post(API, body_of(&fields)).await?;
    Ok(Done::saying(visit.t().admin_made(fields.plain("name"))))
}

async fn edit(Admin(visit): Admin, Path(id): Path<DomainId>) -> Answer {
    let t = visit.t();
    let domain = visit.cloud().get::<Domain>(&id)?;
    let fields = form_fields(&visit, Some(&domain));
    let cli = [format!("openstack domain set --description TEXT {id}")];
    Ok(visit.form_of(
        &t.edit_title(t.pick("domain", "도메인"), &domain.name),
        &format!("{HERE}/{id}/edit"),
        fields,
        t.save(),
        &cli,
    ))
}

async fn update(Admin(visit): Admin, Path(id): Path<DomainId>, fields: Fields) -> Answer<Done> {
    visit
        .patch(&format!("{API}/{}", in_query(id.as_str())), body_of(&fields))
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let domain = visit.cloud().get::<Domain>(&id.into())?;
    let victim = Victim::new(
        &domain.id,
        &domain.name,
        format!("{API}/{}", in_query(domain.id.as_str())),
    );
    let (t, cloud) = (visit.t(), visit.cloud());
    if domain.enabled {
        let edit = format!("{HERE}/{}/edit", in_query(domain.id.as_str()));
        return Ok(victim
            .blocked(t.admin_domain_is_enabled())
            .step(edit, t.admin_domain_disable()));
    }
    let of_domain = cloud.projects.iter().filter(|project| project.domain_id == domain.id);
    let projects: Vec<_> = of_domain.map(|project| project.id.clone()).collect();
    let users = cloud.users.iter().filter(|user| user.domain_id == domain.id).count();
    let groups = cloud.groups.iter().filter(|group| group.domain_id == domain.id).count();
    let counts = [
        (Kind::Project, projects.len()),
        (Kind::User, users),
        (Kind::Group, groups),
    ];
    let victim = victim.grave();
    let victim = match t.kinds_counted(counts).as_str() {
        "" => victim,
        figures => victim.note(t.admin_domain_delete_note(figures)),
    };
    Ok(victim.note(what_it_has(t, cloud, &projects)))
}
