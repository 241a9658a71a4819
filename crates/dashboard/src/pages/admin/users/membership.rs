//! Who is in which group: from the user's page and from the group's.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use maud::{Markup, html};
use model::identity::{Group, User};
use model::{GroupId, UserId};
use serde_json::Value;

use super::{HERE, groups};
use crate::form::Fields;
use crate::outcome::{Answer, Done, in_query};
use crate::pages::admin::common::{Admin, send_button};
use crate::site::Site;
use crate::ui::{self, Choice, icon};
use crate::visit::Visit;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/admin/users/groups/{id}/add", post(add))
        .route("/dashboard/admin/users/groups/{id}/remove", post(remove))
        .route("/dashboard/admin/users/{id}/join", post(join))
}

/// The groups that a user is in.
pub(super) fn of_user(visit: &Visit, user: &UserId) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let own: Vec<_> = cloud
        .lookups
        .groups_by_user
        .of(user)
        .filter_map(|id| cloud.find::<Group>(id))
        .collect();
    let others: Vec<_> = cloud
        .groups
        .iter()
        .filter(|group| own.iter().all(|mine| mine.id != group.id))
        .map(|group| Choice::new(&group.id, &group.name))
        .collect();
    ui::card(
        t.admin_groups(),
        html! {
            @if own.is_empty() { p .muted { (t.admin_user_no_group()) } }
            ul .entries {
                @for group in &own {
                    li {
                        (icon("group"))
                        a .grow href=(format!("{}/{}", groups::HERE, group.id)) { (group.name) }
                        (send_button(&format!("{}/{}/remove", groups::HERE, group.id), &[("user", user.as_str())], "", html! { (t.remove()) }))
                    }
                }
            }
            (add_form(visit, &format!("{HERE}/{user}/join"), "group", t.admin_group(), &others))
        },
    )
}

/// The users in a group.
pub(super) fn of_group(visit: &Visit, group: &GroupId) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let inside: Vec<_> = cloud
        .lookups
        .users_by_group
        .of(group)
        .filter_map(|id| cloud.find::<User>(id))
        .collect();
    let mut others: Vec<_> = cloud
        .users
        .iter()
        .filter(|user| inside.iter().all(|member| member.id != user.id))
        .map(|user| Choice::new(&user.id, &user.name))
        .collect();
    others.sort_by_key(|choice| choice.label.to_lowercase());
    let at = |what: &str| format!("{}/{group}/{what}", groups::HERE);
    ui::card(
        t.nav_users(),
        html! {
            @if inside.is_empty() { p .muted { (t.admin_group_empty()) } }
            ul .entries {
                @for user in &inside {
                    li {
                        (icon("user"))
                        a .grow href=(format!("{HERE}/{}", user.id)) { (user.name) }
                        (send_button(&at("remove"), &[("user", user.id.as_str())], "", html! { (t.remove()) }))
                    }
                }
            }
            (add_form(visit, &at("add"), "user", t.admin_user(), &others))
        },
    )
}

fn add_form(visit: &Visit, at: &str, name: &str, label: &str, from: &[Choice]) -> Markup {
    let t = visit.t();
    html! {
        @if !from.is_empty() {
            form .line-form method="post" action=(at) hx-post=(at) hx-swap="none" {
                select name=(name) required aria-label=(label) {
                    @for choice in from { option value=(choice.value) { (choice.label) } }
                }
                button .button type="submit" { (icon("plus")) (t.add()) }
                div .problem-place aria-live="assertive" {}
            }
        }
    }
}

fn path(group: &str, user: &str) -> String {
    format!("/identity/v3/groups/{}/users/{}", in_query(group), in_query(user))
}

async fn add(Admin(visit): Admin, Path(id): Path<GroupId>, fields: Fields) -> Answer<Done> {
    visit.put(&path(id.as_str(), fields.plain("user")), Value::Null).await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn remove(Admin(visit): Admin, Path(id): Path<GroupId>, fields: Fields) -> Answer<Done> {
    visit.delete(&path(id.as_str(), fields.plain("user"))).await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn join(Admin(visit): Admin, Path(id): Path<UserId>, fields: Fields) -> Answer<Done> {
    visit
        .put(&path(fields.plain("group"), id.as_str()), Value::Null)
        .await?;
    Ok(Done::saying(visit.t().saved()))
}
