//! Security groups: the list, one of them with its rules and members.

mod change;
mod members;
mod new_rule;
mod rules;
mod templates;
mod wanted;
pub(crate) mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::network::access::{Resource, get_visible};
use model::network::{SecurityGroup, security_group};
use model::{Cloud, SecurityGroupId};

use super::networks;
use crate::layout::{Content, project_name};
use crate::messages::Text;
use crate::outcome::Answer;
use crate::pages::deletion;
use crate::site::Site;
use crate::ui::{self, List, ListQuery, fact, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/security-groups";

/// How many things that may come in a list names for each group.
const NAMED: usize = 3;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(change::create))
        .route("/dashboard/security-groups/new", get(change::new))
        .route("/dashboard/security-groups/{id}", get(show))
        .route(
            "/dashboard/security-groups/{id}/edit",
            get(change::edit).post(change::update),
        )
        .merge(new_rule::routes())
        .merge(rules::routes())
        .merge(deletion::routes(
            deletion::Kind::SecurityGroup,
            "/dashboard/security-groups/delete",
            Some(HERE),
            change::victim,
        ))
}

/// A link to a group's page, by its name.
pub(crate) fn link(t: Text, group: &SecurityGroup) -> Markup {
    html! { a href=(format!("{HERE}/{}", group.id)) { (networks::name_of(t, &group.standard)) } }
}

/// Groups that the project's ports may be in: its own, and those shared with it. `cloud` is the newest, since a project's
/// default group is made when somebody first looks.
pub(crate) async fn of_project(visit: &Visit) -> Answer<Vec<Arc<SecurityGroup>>> {
    if security_group::default_of(visit.cloud(), visit.project_id()).is_none() {
        visit.get("/networking/v2.0/security-groups?fields=id").await?;
    }
    let (cloud, member) = (visit.cloud_now(), visit.member());
    let mut groups: Vec<_> = cloud
        .security_groups
        .iter()
        .filter(|group| group.visible_to(&cloud, &member))
        .cloned()
        .collect();
    groups.sort_by_key(|group| (!group.is_default, group.standard.name.to_lowercase()));
    Ok(groups)
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    let groups = of_project(&visit).await?;
    let cloud = visit.cloud_now();
    let create = ui::main_action("/dashboard/security-groups/new", "plus", t.sg_new());
    let body = html! {
        (ui::head(t.nav_security_groups(), t.sgs_lead(), html! { (create) }))
        @if groups.is_empty() {
            (ui::empty("shield", t.sgs_empty(), t.sgs_lead(), create))
        } @else { (table(&visit, &cloud, &query, groups)) }
    };
    Ok(visit.page(Content::new(t.nav_security_groups(), body).cli(["openstack security group list"])))
}

fn table(visit: &Visit, cloud: &Cloud, query: &ListQuery, groups: Vec<Arc<SecurityGroup>>) -> Markup {
    let t = visit.t();
    let name = |group: &Arc<SecurityGroup>| networks::name_of(t, &group.standard);
    List::new(visit, query, t.sgs_word(), groups, |group| {
        let rules: Vec<_> = cloud.rules_of_group(group.id).map(|rule| words::sentence(t, cloud, rule)).collect();
        format!("{} {} {} {}", group.standard.name, group.id, group.standard.description, rules.join(" "))
    })
    .sorted("name", t.name(), |group| group.standard.name.to_lowercase(), |group| {
        html! {
            (link(t, group)) " "
            @if group.is_default { (tag(t.sg_default())) }
            @if !group.stateful { (tag(t.sg_stateless())) }
            @if group.standard.project_id != *visit.project_id() { (tag(t.shared())) }
        }
    })
    .column("description", t.description(), |group| html! { (group.standard.description) })
    .column("lets-in", t.sg_lets_in(), |group| {
        let kinds = words::lets_in(t, cloud, group.id);
        html! {
            div .stack.apart {
                @for kind in kinds.iter().take(NAMED) { span { (kind) } }
                @if kinds.len() > NAMED { span .muted.small { (t.sg_more(kinds.len() - NAMED)) } }
                @if kinds.is_empty() { span .muted { (t.sg_lets_in_nothing()) } }
            }
        }
    })
    .sorted("rules", t.sg_rules(), |group| cloud.lookups.rules_by_group.count(&group.id), |group| {
        html! { (cloud.lookups.rules_by_group.count(&group.id)) }
    })
    .sorted("ports", t.ports(), |group| cloud.lookups.ports_by_group.count(&group.id), |group| {
        html! { (cloud.lookups.ports_by_group.count(&group.id)) }
    })
    .menu(|group| {
        let at = |what: &str| format!("{HERE}/{}/{what}", group.id);
        html! {
            @if group.changeable_by(cloud, visit.actor()) {
                (ui::menu(t, &name(group), html! {
                    (ui::menu_dialog(&at("rules/new"), "plus", t.sg_rule_new()))
                    (ui::menu_dialog(&at("edit"), "pencil", t.edit()))
                    @if !group.is_default {
                        hr;
                        (ui::dialog_link(&format!("{HERE}/delete?id={}", group.id), "item danger", html! { (icon("trash")) (t.delete()) }))
                    }
                }))
            }
        }
    })
    .bulk_delete(format!("{HERE}/delete"), |group| group.id.to_string(), name)
    .render()
}

async fn show(visit: Visit, Path(id): Path<SecurityGroupId>, Query(query): Query<ListQuery>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let group = get_visible::<SecurityGroup>(cloud, visit.actor(), &id)?;
    let name = networks::name_of(t, &group.standard);
    let owns = group.changeable_by(cloud, visit.actor());
    let actions = html! {
        @if owns {
            (ui::main_action(&format!("{HERE}/{id}/rules/new"), "plus", t.sg_rule_new()))
            (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
            @if !group.is_default {
                (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
            }
        }
    };
    let state = html! {
        @if group.is_default { (tag(t.sg_default())) }
        @if !group.stateful { (tag(t.sg_stateless())) }
    };
    let body = html! {
        (ui::object_head((HERE, t.nav_security_groups()), &name, state, actions))
        (rules::section(&visit, &group, &query))
        (members::card(&visit, &group))
        (ui::card(t.details(), about(&visit, &group)))
    };
    Ok(visit.page(Content::new(&name, body).cli([
        format!("openstack security group show {id}"),
        format!("openstack security group rule list {id} --long"),
        format!("openstack security group rule create --protocol tcp --dst-port 22 {id}"),
        format!("openstack port list --security-group {id}"),
    ])))
}

fn about(visit: &Visit, group: &SecurityGroup) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, &group.id.to_string())))
        @if !group.standard.description.is_empty() { (fact(t.description(), html! { (group.standard.description) })) }
        (fact(t.project(), html! { (project_name(cloud, &group.standard.project_id)) }))
        @if group.is_default { (fact(t.sg_default_group(), html! { (t.sg_default_hint()) })) }
        (fact(t.sg_stateful(), html! { (if group.stateful { t.sg_stateful_yes() } else { t.sg_stateful_no() }) }))
        (fact(t.created(), ui::time(group.standard.created_at)))
    })
}
