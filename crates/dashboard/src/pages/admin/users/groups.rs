//! Groups of users: roles that are given to a group, everybody in it has.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::GroupId;
use model::identity::{Group, Holder};
use serde_json::json;

use super::{membership, user_tabs};
use crate::form::Fields;
use crate::layout::Content;
use crate::outcome::{Answer, Done, in_query};
use crate::pages::admin::common::Admin;
use crate::pages::admin::grants::{self, domain_name};
use crate::pages::admin::projects::domain_field;
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Field, List, ListQuery, fact, icon};
use crate::visit::Visit;

pub(super) const HERE: &str = "/dashboard/admin/users/groups";
const API: &str = "/identity/v3/groups";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/admin/users/groups/new", get(new))
        .route("/dashboard/admin/users/groups/{id}", get(show))
        .route("/dashboard/admin/users/groups/{id}/edit", get(edit).post(update))
        .merge(deletion::routes_of_admins(
            deletion::Kind::Group,
            "/dashboard/admin/users/groups/delete",
            Some(HERE),
            victim,
        ))
}

async fn list(Admin(visit): Admin, Query(query): Query<ListQuery>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let rows: Vec<_> = cloud.groups.iter().cloned().collect();
    let create = ui::main_action(&format!("{HERE}/new"), "plus", t.admin_group_new());
    let body = html! {
        (ui::head(t.admin_groups(), t.admin_groups_lead(), html! { (create) }))
        (user_tabs(&visit))
        @if rows.is_empty() {
            (ui::empty("group", t.admin_groups_empty(), t.admin_groups_empty_text(), create))
        } @else {
            (List::new(&visit, &query, t.pick("groups", "그룹"), rows, |row| format!("{} {} {}", row.name, row.id, row.description))
        .usually_by("name")
                .sorted("name", t.name(), |row| row.name.to_lowercase(), |row| html! {
                    div .stack { a href=(format!("{HERE}/{}", row.id)) { (row.name) } @if !row.description.is_empty() { span .muted { (row.description) } } }
                })
                .sorted("users", t.nav_users(), |row| cloud.lookups.users_by_group.count(&row.id), |row| html! { (cloud.lookups.users_by_group.count(&row.id)) })
                .sorted("domain", t.domain(), |row| domain_name(cloud, &row.domain_id), |row| html! { (domain_name(cloud, &row.domain_id)) })
                .menu(|row| ui::menu(t, &row.name, html! {
                    (ui::menu_dialog(&format!("{HERE}/{}/edit", row.id), "pencil", t.edit()))
                    (ui::dialog_link(&format!("{HERE}/delete?id={}", row.id), "item danger", html! { (icon("trash")) (t.delete()) }))
                }))
                .bulk_delete(format!("{HERE}/delete"), |row| row.id.to_string(), |row| row.name.clone())
                .render())
        }
    };
    Ok(visit.page(Content::new(t.admin_groups(), body).cli(["openstack group list --long"])))
}

async fn show(Admin(visit): Admin, Path(id): Path<GroupId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let group = cloud.get::<Group>(&id)?;
    let actions = html! {
        (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
        (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
    };
    let body = html! {
        (ui::object_head_below([(super::HERE, t.nav_users()), (HERE, t.admin_groups())], &group.name, html! {}, actions))
        div .cards {
            (ui::card(t.details(), ui::facts(html! {
                (fact(t.id(), ui::copyable(t, id.as_str())))
                @if !group.description.is_empty() { (fact(t.description(), html! { (group.description) })) }
                (fact(t.domain(), html! { (domain_name(cloud, &group.domain_id)) }))
            })))
            (membership::of_group(&visit, &id))
        }
        (grants::of_holder(&visit, &Holder::Group(id.clone())))
    };
    Ok(visit.page(Content::new(&group.name, body).cli([
        format!("openstack group show {id}"),
        format!("openstack user list --group {id}"),
    ])))
}

fn form_fields(visit: &Visit, of: Option<&Group>) -> Markup {
    let t = visit.t();
    html! {
        (ui::text(Field { name: "name", label: t.name(), value: of.map_or("", |row| &row.name), required: true, ..Field::default() }))
        (ui::text(Field { name: "description", label: t.description(), value: of.map_or("", |row| &row.description), ..Field::default() }))
        @if of.is_none() { (domain_field(visit)) }
    }
}

async fn new(Admin(visit): Admin) -> Answer {
    let title = visit.t().admin_group_new();
    let cli = [
        "openstack group create developers",
        "openstack group add user developers USER",
    ]
    .map(str::to_owned);
    Ok(visit.form_of(title, HERE, form_fields(&visit, None), title, &cli))
}

async fn create(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    let mut group = json!({"name": fields.plain("name"), "description": fields.plain("description")});
    if let Some(domain) = fields.text("domain") {
        group["domain_id"] = domain.into();
    }
    let made = visit.post(API, json!({"group": group})).await?;
    let id = made["group"]["id"].as_str().unwrap_or_default();
    Ok(Done::saying(visit.t().admin_made(fields.plain("name"))).then(format!("{HERE}/{id}")))
}

async fn edit(Admin(visit): Admin, Path(id): Path<GroupId>) -> Answer {
    let t = visit.t();
    let group = visit.cloud().get::<Group>(&id)?;
    let fields = form_fields(&visit, Some(&group));
    let cli = [format!("openstack group set --description TEXT {id}")];
    Ok(visit.form_of(
        &t.edit_title(t.pick("group", "그룹"), &group.name),
        &format!("{HERE}/{id}/edit"),
        fields,
        t.save(),
        &cli,
    ))
}

async fn update(Admin(visit): Admin, Path(id): Path<GroupId>, fields: Fields) -> Answer<Done> {
    let group = json!({"name": fields.plain("name"), "description": fields.plain("description")});
    visit
        .patch(&format!("{API}/{}", in_query(id.as_str())), json!({"group": group}))
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let cloud = visit.cloud();
    let group = cloud.get::<Group>(&id.into())?;
    let members = cloud.lookups.users_by_group.count(&group.id);
    let victim = Victim::new(&group.id, &group.name, format!("{API}/{}", in_query(group.id.as_str())));
    Ok(victim.note_of(members, |members| visit.t().admin_group_delete_note(members)))
}
