//! The forms of users: a new one, a change, a password from the administrator.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use model::identity::{Holder, User};
use model::{ProjectId, UserId};
use serde_json::{Value, json};

use super::{API, HERE, api_of};
use crate::form::Fields;
use crate::outcome::{Answer, Done};
use crate::pages::access::password_input;
use crate::pages::admin::common::Admin;
use crate::pages::admin::grants::{give_in_project, project_choices, role_choices, usual_role};
use crate::pages::admin::projects::domain_field;
use crate::ui::{self, Field, fact};
use crate::visit::Visit;

/// Without those that look like others.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// A password that nobody chose: 20 letters of 31, some 99 bits.
fn new_password() -> String {
    let random = || {
        let bytes = uuid::Uuid::new_v4().into_bytes();
        // Two bytes say which kind of UUID it is.
        bytes
            .into_iter()
            .enumerate()
            .filter(|(index, _)| !matches!(index, 6 | 8))
            .map(|(_, byte)| byte)
    };
    let letters: Vec<char> = random()
        .chain(random())
        .take(20)
        .map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]))
        .collect();
    let parts: Vec<String> = letters.chunks(5).map(|part| part.iter().collect()).collect();
    parts.join("-")
}

pub(super) async fn new(Admin(visit): Admin) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let body = html! {
        // The answer may hold a password: it takes the form's place then.
        form method="post" action=(HERE) hx-post=(HERE) hx-target="#dialog-body" {
            (ui::text(Field { name: "name", label: t.user_name(), example: "minji", required: true, ..Field::default() }))
            (ui::text(Field { name: "email", label: t.admin_email(), kind: Some("email"), ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
            (domain_field(&visit))
            (password_input("password", t.password(), t.admin_password_empty_hint(), "new-password", false))
            div .columns {
                (ui::pick(
                    Field { name: "project", label: t.admin_first_project(), hint: t.admin_first_project_hint(), ..Field::default() },
                    Some(t.none()),
                    &project_choices(cloud, |project| project.id.to_string()),
                ))
                (ui::pick(Field { name: "role", label: t.admin_role(), value: &usual_role(cloud), ..Field::default() }, None, &role_choices(cloud)))
            }
            (ui::check("enabled", t.admin_enabled_box(), t.admin_user_enabled_hint(), true))
            (ui::submit(t, t.admin_user_new(), false))
        }
        (ui::command_line(t, &[
            "openstack user create --email minji@example.com --password-prompt minji".to_owned(),
            "openstack role add --project PROJECT --user minji member".to_owned(),
        ]))
    };
    Ok(visit.form(t.admin_user_new(), body))
}

pub(super) async fn create(Admin(visit): Admin, fields: Fields) -> Answer<Response> {
    let (t, name) = (visit.t(), fields.plain("name"));
    let given = fields.raw("password");
    let password = given.map_or_else(new_password, str::to_owned);
    let project = fields.text("project").map(ProjectId::from);
    let mut user = json!({
        "name": name,
        "password": password,
        "enabled": fields.is_set("enabled"),
    });
    for (field, value) in [
        ("email", fields.text("email")),
        ("description", fields.text("description")),
        ("domain_id", fields.text("domain")),
        ("default_project_id", fields.text("project")),
    ] {
        if let Some(value) = value {
            user[field] = value.into();
        }
    }
    let made = visit.post(API, json!({"user": user})).await?;
    let id = UserId::from(made["user"]["id"].as_str().unwrap_or_default());
    if let (Some(project), Some(role)) = (project, fields.text("role")) {
        give_in_project(&visit, &Holder::User(id.clone()), &project, role).await?;
    }
    if given.is_some() {
        return Ok(Done::saying(t.admin_made(name))
            .then(format!("{HERE}/{id}"))
            .into_response());
    }
    Ok(visit
        .form(&t.admin_made(name), password_once(&visit, &id, name, &password))
        .into_response())
}

/// A password that was made here: only its hash is kept.
fn password_once(visit: &Visit, id: &UserId, name: &str, password: &str) -> Markup {
    let t = visit.t();
    html! {
        div {
            p .note.warn { (t.admin_password_once()) }
            (ui::facts(html! {
                (fact(t.user_name(), ui::copyable(t, name)))
                (fact(t.password(), ui::copyable(t, password)))
                (fact(t.admin_sign_in_at(), ui::copyable(t, &format!("{}/dashboard/", visit.site().public_url))))
            }))
            footer .form-end { a .button.main href=(format!("{HERE}/{id}")) { (t.access_secret_kept()) } }
        }
    }
}

pub(super) async fn edit(Admin(visit): Admin, Path(id): Path<UserId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let user = cloud.get::<User>(&id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.user_name(), value: &user.name, required: true, ..Field::default() }))
            (ui::text(Field { name: "email", label: t.admin_email(), value: user.email.as_deref().unwrap_or_default(), kind: Some("email"), ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), value: user.description.as_deref().unwrap_or_default(), ..Field::default() }))
            (ui::pick(
                Field {
                    name: "project",
                    label: t.admin_default_project(),
                    hint: t.admin_default_project_hint(),
                    value: user.default_project_id.as_ref().map_or("", |id| id.as_str()),
                    ..Field::default()
                },
                Some(t.none()),
                &project_choices(cloud, |project| project.id.to_string()),
            ))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack user set --name NAME --email EMAIL --project PROJECT {id}")]))
    };
    Ok(visit.form(&t.edit_title(t.pick("user", "사용자"), &user.name), body))
}

pub(super) async fn update(Admin(visit): Admin, Path(id): Path<UserId>, fields: Fields) -> Answer<Done> {
    // What is left empty is taken away.
    let user = json!({
        "name": fields.plain("name"),
        "email": fields.text("email"),
        "description": fields.text("description"),
        "default_project_id": fields.text("project"),
    });
    visit.patch(&api_of(&id), json!({"user": user})).await?;
    Ok(Done::saying(visit.t().saved()))
}

pub(super) async fn ask_password(Admin(visit): Admin, Path(id): Path<UserId>) -> Answer {
    let t = visit.t();
    let user = visit.cloud().get::<User>(&id)?;
    let at = format!("{HERE}/{id}/password");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-target="#dialog-body" {
            input type="text" name="user" value=(user.name) autocomplete="username" hidden;
            @if id == visit.actor().user_id { p .note { (t.admin_password_own()) } }
            (password_input("password", t.access_password_new(), t.admin_password_empty_hint(), "new-password", false))
            p .hint { (t.admin_password_ends_sessions()) }
            (ui::submit(t, t.admin_password_set(), false))
        }
        (ui::command_line(t, &[format!("openstack user set --password-prompt {id}")]))
    };
    Ok(visit.form(&t.admin_password_of(&user.name), body))
}

pub(super) async fn set_password(Admin(visit): Admin, Path(id): Path<UserId>, fields: Fields) -> Answer<Response> {
    let t = visit.t();
    let user = visit.cloud().get::<User>(&id)?;
    let given = fields.raw("password");
    let password = given.map_or_else(new_password, str::to_owned);
    visit
        .patch(
            &api_of(&id),
            json!({"user": {"password": Value::from(password.as_str())}}),
        )
        .await?;
    if given.is_some() {
        return Ok(Done::saying(t.access_password_changed()).into_response());
    }
    Ok(visit
        .form(
            &t.admin_password_of(&user.name),
            password_once(&visit, &id, &user.name, &password),
        )
        .into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, other) = (new_password(), new_password());
        assert_eq!(one.len(), 23);
        assert_ne!(one, other);
        assert!(one.bytes().all(|byte| byte == b'-' || LETTERS.contains(&byte)));
    }
}
