//! Application credentials: for programs that act for their user, without the user's password.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use model::identity::{AccessRule, ApplicationCredential, Role, list_application_credentials};
use model::{Cloud, Timestamp};
use serde_json::{Value, json};

use super::api_access::text_of;
use super::files::Account;
use crate::form::Fields;
use crate::layout::{Content, project_name};
use crate::messages::Text;
use crate::outcome::{Answer, Problem};
use crate::pages::admin::choices_of;
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Choice, Field, List, ListQuery, Mood, badge, fact, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/credentials";
const DAY_SECONDS: i64 = 86_400;
/// Days of life that can be picked.
const LIVES: [i64; 4] = [7, 30, 90, 365];

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/credentials/new", get(new))
        .merge(deletion::routes(
            deletion::Kind::Credential,
            "/dashboard/credentials/delete",
            Some(HERE),
            victim,
        ))
}

fn own(visit: &Visit) -> Result<Vec<Arc<ApplicationCredential>>, Problem> {
    let rows = list_application_credentials(visit.cloud(), visit.actor(), &visit.actor().user_id)?;
    Ok(rows)
}

fn role_names(cloud: &Cloud, row: &ApplicationCredential) -> Vec<String> {
    row.role_ids
        .iter()
        .filter_map(|id| cloud.find::<Role>(id))
        .map(|role| role.name.clone())
        .collect()
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let rows = own(&visit)?;
    let create = ui::main_action("/dashboard/credentials/new", "plus", t.access_credential_new());
    let body = html! {
        (ui::head(t.nav_credentials(), t.access_credentials_lead(), html! { (create) }))
        @if rows.is_empty() {
            (ui::empty("badge", t.access_credentials_empty(), t.access_credentials_empty_text(), create))
        } @else {
            (List::new(&visit, &query, t.access_credentials_word(), rows, |row| {
                format!("{} {} {} {}", row.name, row.id, row.description.as_deref().unwrap_or_default(), project_name(cloud, &row.project_id))
            })
            .sorted("name", t.name(), |row| row.name.to_lowercase(), |row| html! {
                div .stack { b { (row.name) } @if let Some(words) = &row.description { span .muted { (words) } } }
            })
            .column("id", t.id(), |row| ui::short_id(t, &row.id))
            .sorted("project", t.project(), |row| project_name(cloud, &row.project_id), |row| html! { (project_name(cloud, &row.project_id)) })
            .column("roles", t.nav_roles(), |row| html! { @for name in role_names(cloud, row) { (tag(&name)) } })
            .column("rules", t.access_rules(), |row| html! {
                div .stack {
                    @for rule in row.access_rules.iter().filter_map(|id| cloud.find::<AccessRule>(id)) {
                        code { (rule.service) " " (rule.method) " " (rule.path) }
                    }
                    @if row.access_rules.is_empty() { span .muted { (t.access_rules_any()) } }
                }
            })
            .sorted("expires", t.access_expires(), |row| row.expires_at, |row| expiry(t, row))
            .menu(|row| ui::menu(t, &row.name, html! {
                (ui::dialog_link(&format!("{HERE}/delete?id={}", row.id), "item danger", html! { (icon("trash")) (t.delete()) }))
            }))
            .bulk_delete(format!("{HERE}/delete"), |row| row.id.clone(), |row| row.name.clone())
            .render())
        }
    };
    Ok(visit.page(Content::new(t.nav_credentials(), body).cli([
        "openstack application credential list",
        "openstack application credential create --role member --expiration 2030-01-31T12:00:00 ci",
    ])))
}

fn expiry(t: Text, row: &ApplicationCredential) -> Markup {
    html! {
        @match row.expires_at { Some(at) => (ui::time(at)), None => span .muted { (t.access_never()) } }
        @if row.unrestricted { " " (badge(Mood::Warn, t.access_unrestricted())) }
    }
}

async fn new(visit: Visit) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let held = visit.token().role_ids.iter().filter_map(|id| cloud.find::<Role>(id));
    let roles = choices_of(held);
    // What a program needs mostly; an administrator's power is given by hand.
    let usual = roles
        .iter()
        .filter(|choice| matches!(choice.label.as_str(), "reader" | "member"));
    let taken: Vec<_> = usual.map(|choice| choice.value.as_str()).collect();
    let mut lives = vec![Choice::new("", t.access_never())];
    lives.extend(LIVES.map(|days| Choice::new(days, t.access_days(days))));
    lives.push(Choice::new("date", t.access_on_a_date()));
    let body = html! {
        // The answer holds the secret: it takes the form's place.
        form method="post" action=(HERE) hx-post=(HERE) hx-target="#dialog-body" {
            (ui::text(Field { name: "name", label: t.name(), hint: t.access_credential_name_hint(), example: "ci", required: true, ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
            (ui::pick(Field { name: "life", label: t.access_expires(), hint: t.access_expires_hint(), value: "90", ..Field::default() }, None, &lives))
            div data-if="life=date" {
                (ui::text(Field { name: "date", label: t.access_date(), hint: t.access_date_hint(), kind: Some("date"), ..Field::default() }))
            }
            (ui::choices(Field { name: "role", label: t.nav_roles(), hint: t.access_roles_hint(), ..Field::default() }, true, &roles, &taken))
            (ui::check("unrestricted", t.access_unrestricted_ask(), t.access_unrestricted_hint(), false))
            details .more {
                summary { (t.admin_more_settings()) }
                (ui::text_area(Field { name: "rules", label: t.access_rules(), hint: t.access_rules_hint(), example: "compute GET /v2.1/servers", ..Field::default() }, 3))
            }
            (ui::submit(t, t.access_credential_new(), false))
        }
        (ui::command_line(t, &["openstack application credential create --role member --expiration 2030-01-31T12:00:00 ci".to_owned()]))
    };
    Ok(visit.form(t.access_credential_new(), body))
}

/// When it ends, as the API takes it.
fn end_of(visit: &Visit, fields: &Fields) -> Result<Option<String>, Problem> {
    let t = visit.t();
    match fields.text("life") {
        None => Ok(None),
        Some("date") => {
            let date = fields
                .text("date")
                .ok_or_else(|| Problem::in_form(t.access_date_missing()))?;
            Ok(Some(format!("{date}T00:00:00")))
        }
        Some(_) => {
            let days = fields.parse::<i64>("life")?.unwrap_or_default();
            let end: Timestamp = visit.control().now().plus_seconds(days.saturating_mul(DAY_SECONDS));
            Ok(Some(end.micros_z()))
        }
    }
}

/// Lines of service, method and path.
fn access_rules(text: &str) -> Result<Vec<Value>, Problem> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [service, method, path] => Ok(json!({"service": service, "method": method, "path": path})),
            _ => Err(Problem::in_form(format!("{line}: compute GET /v2.1/servers"))),
        })
        .collect()
}

async fn create(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let roles: Vec<_> = fields.all("role").map(|id| json!({"id": id})).collect();
    if roles.is_empty() {
        return Err(Problem::in_form(t.access_roles_missing()));
    }
    let mut wanted = json!({
        "name": fields.plain("name"),
        "access_rules": access_rules(fields.plain("rules"))?,
        "roles": roles,
        "unrestricted": fields.is_set("unrestricted"),
    });
    if let Some(words) = fields.text("description") {
        wanted["description"] = words.into();
    }
    if let Some(end) = end_of(&visit, &fields)? {
        wanted["expires_at"] = end.into();
    }
    let path = format!("/identity/v3/users/{}/application_credentials", visit.actor().user_id);
    let made = visit.post(&path, json!({"application_credential": wanted})).await?;
    let id = text_of(&made, &["application_credential", "id"])?;
    let secret = text_of(&made, &["application_credential", "secret"])?;
    Ok(visit.form(
        &t.access_credential_made(fields.plain("name")),
        secret_once(&visit, &id, &secret),
    ))
}

/// The secret, and files with it. Only its hash is kept: nobody can show it again.
fn secret_once(visit: &Visit, id: &str, secret: &str) -> Markup {
    let t = visit.t();
    let account = Account::of(visit);
    let file = |name: &str, place: &str, text: &str| {
        html! {
            details .more open[name == "clouds.yaml"] {
                summary { (name) }
                div id=(place) { (ui::code_block(t, text)) }
                button .button.scripted-only type="button" data-save=(format!("#{place} code")) data-name=(name) { (icon("download")) (t.download()) }
            }
        }
    };
    html! {
        div {
            p .note.warn { (t.access_secret_once()) }
            (ui::facts(html! {
                (fact(t.id(), ui::copyable(t, id)))
                (fact(t.access_secret(), ui::copyable(t, secret)))
            }))
            (file("clouds.yaml", "app-clouds", &account.application_clouds_yaml(id, secret)))
            (file("openrc.sh", "app-openrc", &account.application_openrc(id, secret)))
            footer .form-end { a .button.main href=(HERE) { (t.access_secret_kept()) } }
        }
    }
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let rows = own(visit)?;
    let row = rows
        .iter()
        .find(|row| row.id == id)
        .ok_or_else(|| Problem::in_form(id))?;
    let path = format!("/identity/v3/users/{}/application_credentials/{}", row.user_id, row.id);
    Ok(Victim::new(&row.id, &row.name, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_three_words() {
        let rules = access_rules(" compute GET /v2.1/servers \n\nimage  GET  /v2/images\n");
        assert!(rules.is_ok_and(|rules| rules.len() == 2 && rules[1]["path"] == "/v2/images"));
        assert!(access_rules("compute GET").is_err());
    }
}
