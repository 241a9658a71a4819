//! Roles: what somebody may do where they hold one, and which role brings which.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::RoleId;
use model::identity::Role;
use serde_json::{Value, json};

use super::common::{self, Admin, Question};
use super::grants::{BUILT_IN, role_choices};
use crate::form::Fields;
use crate::layout::Content;
use crate::outcome::{Answer, Done, in_query};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Field, List, ListQuery, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/admin/roles";
const API: &str = "/identity/v3/roles";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/admin/roles/new", get(new))
        .route("/dashboard/admin/roles/{id}/edit", get(edit).post(update))
        .route("/dashboard/admin/roles/{id}/implies", get(ask_imply).post(imply))
        .route(
            "/dashboard/admin/roles/{id}/implies/remove",
            get(ask_stop).post(stop_implying),
        )
        .merge(deletion::routes_of_admins(
            deletion::Kind::Role,
            "/dashboard/admin/roles/delete",
            None,
            victim,
        ))
}

async fn list(Admin(visit): Admin, Query(query): Query<ListQuery>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let rows: Vec<_> = cloud.roles.iter().cloned().collect();
    let assignments = |id: &RoleId| cloud.lookups.assignments_by_role.count(id);
    let table = List::new(&visit, &query, t.pick("roles", "역할"), rows, |row| format!("{} {}", row.name, row.id))
        .usually_by("name")
        .sorted("name", t.name(), |row| row.name.to_lowercase(), |row| html! {
            div .stack { b { (row.name) } @if let Some(words) = &row.description { span .muted { (words) } } }
        })
        .column("id", t.id(), |row| ui::short_id(t, row.id.as_str()))
        .column("implies", t.admin_role_implies(), |row| implied(&visit, &row.id))
        .sorted("given", t.admin_role_given(), |row| assignments(&row.id), |row| html! { (assignments(&row.id)) })
        .menu(|row| {
            let at = |what: &str| format!("{HERE}/{}/{what}", row.id);
            ui::menu(t, &row.name, html! {
                (ui::menu_dialog(&at("edit"), "pencil", t.edit()))
                (ui::menu_dialog(&at("implies"), "link", t.admin_role_imply()))
                hr;
                (ui::dialog_link(&format!("{HERE}/delete?id={}", row.id), "item danger", html! { (icon("trash")) (t.delete()) }))
            })
        })
        .bulk_delete(format!("{HERE}/delete"), |row| row.id.to_string(), |row| row.name.clone())
        .render();
    let create = ui::main_action("/dashboard/admin/roles/new", "plus", t.admin_role_new());
    let body = html! {
        (ui::head(t.nav_roles(), t.admin_roles_lead(), create))
        (table)
    };
    Ok(visit.page(Content::new(t.nav_roles(), body).cli([
        "openstack role list",
        "openstack implied role list",
        "openstack role assignment list --names",
    ])))
}

/// The roles that one brings, each with a way to end that.
fn implied(visit: &Visit, id: &RoleId) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let roles = cloud
        .lookups
        .implied_roles
        .of(id)
        .filter_map(|id| cloud.find::<Role>(id));
    let roles: Vec<_> = roles.collect();
    html! {
        @if !roles.is_empty() {
            div .inline {
                @for role in roles {
                    @let at = format!("{HERE}/{id}/implies/remove?role={}", in_query(role.id.as_str()));
                    span .tag.with-end {
                        (role.name)
                        (ui::dialog_link(&at, "plain", html! { (icon("x")) span .sr { (t.admin_role_stop_implying(&role.name)) } }))
                    }
                }
            }
        }
    }
}

fn form_fields(visit: &Visit, of: Option<&Role>) -> Markup {
    let t = visit.t();
    html! {
        (ui::text(Field { name: "name", label: t.name(), value: of.map_or("", |row| &row.name), required: true, ..Field::default() }))
        (ui::text(Field {
            name: "description",
            label: t.description(),
            value: of.and_then(|row| row.description.as_deref()).unwrap_or_default(),
            ..Field::default()
        }))
    }
}

async fn new(Admin(visit): Admin) -> Answer {
    let t = visit.t();
    let fields = html! {
        p .note { (t.admin_role_new_hint()) }
        (form_fields(&visit, None))
    };
    let cli = ["openstack role create auditor".to_owned()];
    Ok(visit.form_of(t.admin_role_new(), HERE, fields, t.admin_role_new(), &cli))
}

fn body_of(fields: &Fields) -> Value {
    json!({"role": {"name": fields.plain("name"), "description": fields.text("description")}})
}

async fn create(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    visit.post(API, body_of(&fields)).await?;
    Ok(Done::saying(visit.t().admin_made(fields.plain("name"))))
}

async fn edit(Admin(visit): Admin, Path(id): Path<RoleId>) -> Answer {
    let t = visit.t();
    let role = visit.cloud().get::<Role>(&id)?;
    let fields = html! {
        @if BUILT_IN.contains(&role.name.as_str()) { p .note.warn { (t.admin_role_edit_built_in(&role.name)) } }
        (form_fields(&visit, Some(&role)))
    };
    let cli = [format!("openstack role set --name NAME {id}")];
    Ok(visit.form_of(
        &t.edit_title(t.pick("role", "역할"), &role.name),
        &format!("{HERE}/{id}/edit"),
        fields,
        t.save(),
        &cli,
    ))
}

async fn update(Admin(visit): Admin, Path(id): Path<RoleId>, fields: Fields) -> Answer<Done> {
    visit.patch(&api_of(&id), body_of(&fields)).await?;
    Ok(Done::saying(visit.t().saved()))
}

fn api_of(id: &RoleId) -> String {
    format!("{API}/{}", in_query(id.as_str()))
}

async fn ask_imply(Admin(visit): Admin, Path(id): Path<RoleId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let role = cloud.get::<Role>(&id)?;
    let at = format!("{HERE}/{id}/implies");
    let mut others = role_choices(cloud);
    let implied: BTreeSet<&str> = cloud.lookups.implied_roles.of(&id).map(RoleId::as_str).collect();
    others.retain(|choice| choice.value != id.as_str() && !implied.contains(choice.value.as_str()));
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            @if others.is_empty() {
                p .note { (t.admin_role_imply_none(&role.name)) }
            } @else {
                p { (t.admin_role_imply_hint(&role.name)) }
                (ui::pick(Field { name: "role", label: t.admin_role(), required: true, ..Field::default() }, None, &others))
            }
            (ui::submit_if(t, t.admin_role_imply(), false, others.is_empty(), None))
        }
        (ui::command_line(t, &[format!("openstack implied role create {} --implied-role ROLE", role.name)]))
    };
    Ok(visit.form(&t.admin_role_imply_title(&role.name), body))
}

async fn imply(Admin(visit): Admin, Path(id): Path<RoleId>, fields: Fields) -> Answer<Done> {
    visit
        .put(
            &format!("{}/implies/{}", api_of(&id), in_query(fields.plain("role"))),
            Value::Null,
        )
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn ask_stop(Admin(visit): Admin, Path(id): Path<RoleId>, fields: Fields) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let (role, other) = (
        cloud.get::<Role>(&id)?,
        cloud.get::<Role>(&fields.plain("role").into())?,
    );
    Ok(common::ask(
        &visit,
        &Question {
            title: &t.admin_role_stop_title(&role.name, &other.name),
            words: &[&t.admin_role_stop_text(&role.name, &other.name)],
            warning: None,
            address: &format!("{HERE}/{id}/implies/remove"),
            fields: &[("role", other.id.as_str())],
            deed: t.admin_role_stop_do(),
            command: format!("openstack implied role delete {id} --implied-role {}", other.id),
        },
    ))
}

async fn stop_implying(Admin(visit): Admin, Path(id): Path<RoleId>, fields: Fields) -> Answer<Done> {
    visit
        .delete(&format!("{}/implies/{}", api_of(&id), in_query(fields.plain("role"))))
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let cloud = visit.cloud();
    let role = cloud.get::<Role>(&id.into())?;
    let given = cloud.lookups.assignments_by_role.count(&role.id);
    let t = visit.t();
    let victim =
        Victim::new(&role.id, &role.name, api_of(&role.id)).note_of(given, |given| t.admin_role_delete_note(given));
    // Without it nobody administers the cloud.
    if role.name == "admin" {
        return Ok(victim.note(t.admin_role_delete_admin()).grave());
    }
    Ok(victim)
}
