//! Server groups: which servers are to be together, and which apart.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::compute::server_group::{self, GroupPolicy, ServerGroup};
use model::{ServerGroupId, ServerId};
use serde_json::json;

use super::servers::{self, may_change, state_badge};
use crate::form::Fields;
use crate::layout::{Content, project_name};
use crate::messages::Text;
use crate::outcome::{Answer, Done};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Choice, Field, List, ListQuery, fact, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/server-groups";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/server-groups/new", get(new))
        .route("/dashboard/server-groups/{id}", get(show))
        .merge(deletion::routes(
            deletion::Kind::ServerGroup,
            "/dashboard/server-groups/delete",
            Some(HERE),
            victim,
        ))
}

/// A policy in words.
pub(crate) fn policy_words(t: Text, policy: GroupPolicy) -> &'static str {
    match policy {
        GroupPolicy::Affinity => t.server_group_affinity(),
        GroupPolicy::AntiAffinity => t.server_group_anti_affinity(),
        GroupPolicy::SoftAffinity => t.server_group_soft_affinity(),
        GroupPolicy::SoftAntiAffinity => t.server_group_soft_anti_affinity(),
    }
}

fn members(visit: &Visit, group: &ServerGroup) -> Vec<ServerId> {
    server_group::members(visit.cloud(), group)
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    let own = visit
        .cloud()
        .server_groups
        .iter()
        .filter(|group| group.project_id == *visit.project_id());
    let mut groups: Vec<_> = own.cloned().collect();
    groups.sort_by_key(|group| group.name.to_lowercase());
    let create = ui::main_action("/dashboard/server-groups/new", "plus", t.server_group_new());
    let body = html! {
        (ui::head(t.nav_server_groups(), t.server_groups_lead(), html! { @if may_change(&visit) { (create) } }))
        @if groups.is_empty() {
            (ui::empty("group", t.server_groups_empty(), t.server_groups_empty_text(), html! { (create) }))
        } @else { (table(&visit, &query, groups)) }
    };
    Ok(visit.page(Content::new(t.nav_server_groups(), body).cli(["openstack server group list --long"])))
}

fn table(visit: &Visit, query: &ListQuery, groups: Vec<Arc<ServerGroup>>) -> Markup {
    let t = visit.t();
    let mut list = List::new(visit, query, t.server_groups_word(), groups, |group| {
        format!("{} {} {}", group.name, group.id, group.policy.as_str())
    })
    .sorted("name", t.name(), |group| group.name.to_lowercase(), |group| {
        html! { a href=(format!("{HERE}/{}", group.id)) { (group.name) } }
    })
    .sorted("policy", t.server_group_policy(), |group| group.policy.as_str(), |group| {
        html! { div .stack { code { (group.policy.as_str()) } span .muted.small { (policy_words(t, group.policy)) } } }
    })
    .sorted("members", t.server_group_members(), |group| members(visit, group).len(), |group| {
        html! { (members(visit, group).len()) }
    });
    if may_change(visit) {
        list = list
            .menu(|group| {
                ui::menu(t, &group.name, html! {
                    (ui::dialog_link(&format!("{HERE}/delete?id={}", group.id), "item danger", html! { (icon("trash")) (t.delete()) }))
                })
            })
            .bulk_delete(format!("{HERE}/delete"), |group| group.id.to_string(), |group| group.name.clone());
    }
    list.render()
}

async fn show(visit: Visit, Path(id): Path<ServerGroupId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let group = server_group::get_visible(cloud, visit.actor(), id)?;
    let actions = html! {
        @if may_change(&visit) {
            (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
        }
    };
    let members = members(&visit, &group);
    let members: Vec<_> = members.iter().filter_map(|id| cloud.servers.get(id)).collect();
    let body = html! {
        (ui::object_head((HERE, t.nav_server_groups()), &group.name, html! {}, actions))
        div .cards {
            (ui::card(t.details(), ui::facts(html! {
                (fact(t.id(), ui::copyable(t, &id.to_string())))
                (fact(t.server_group_policy(), html! { code { (group.policy.as_str()) } " – " (policy_words(t, group.policy)) }))
                @if let Some(most) = group.max_server_per_host { (fact(t.server_group_most(), html! { (most) })) }
                (fact(t.project(), html! { (project_name(cloud, &group.project_id)) }))
            })))
            (ui::card(t.server_group_members(), html! {
                @if members.is_empty() { p .muted { (t.server_group_no_members()) } }
                ul .plain-list { @for server in &members { li { (servers::link(server)) " " (state_badge(t, server)) } } }
            }))
        }
    };
    Ok(visit.page(Content::new(&group.name, body).cli([format!("openstack server group show {id}")])))
}

async fn new(visit: Visit) -> Answer {
    let t = visit.t();
    let policies = [
        GroupPolicy::AntiAffinity,
        GroupPolicy::SoftAntiAffinity,
        GroupPolicy::Affinity,
        GroupPolicy::SoftAffinity,
    ];
    let policies = policies.map(|policy| Choice::new(policy.as_str(), policy.as_str()).note(policy_words(t, policy)));
    Ok(visit.form(t.server_group_new(), html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), required: true, example: "web", ..Field::default() }))
            (ui::choices(Field { name: "policy", label: t.server_group_policy(), required: true, ..Field::default() }, false, &policies, &["soft-anti-affinity"]))
            div data-if="policy=anti-affinity" {
                (ui::text(Field {
                    name: "most", label: t.server_group_most(), hint: t.server_group_most_hint(), kind: Some("number"), range: Some((1, 1_000)),
                    ..Field::default()
                }))
            }
            p .note { (t.server_group_one_host()) }
            (ui::submit(t, t.server_group_new(), false))
        }
        (ui::command_line(t, &["openstack server group create --policy soft-anti-affinity web".to_owned()]))
    }))
}

async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let mut group = json!({"name": fields.plain("name"), "policy": fields.plain("policy")});
    if let Some(most) = fields
        .parse::<u64>("most")?
        .filter(|_| fields.plain("policy") == "anti-affinity")
    {
        group["rules"] = json!({"max_server_per_host": most});
    }
    visit
        .post("/compute/v2.1/os-server-groups", json!({"server_group": group}))
        .await?;
    Ok(Done::saying(visit.t().server_group_made(fields.plain("name"))))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let group = server_group::get_visible(visit.cloud(), visit.actor(), deletion::parsed(id)?)?;
    let victim = Victim::new(id, &group.name, format!("/compute/v2.1/os-server-groups/{id}"));
    Ok(victim.note_of(members(visit, &group).len(), |count| visit.t().server_group_stay(count)))
}
