//! Roles that users and groups have in projects, domains and the system: the same table and forms on the page of each.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use model::identity::{Assignment, AssignmentTarget, Domain, Group, Holder, Project, Role, User};
use model::{Cloud, DomainId, GroupId, ProjectId, UserId};

use super::common::{self, Admin, Question};
use crate::form::Fields;
use crate::layout::project_name;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Problem, in_query};
use crate::site::Site;
use crate::ui::{self, Choice, Field, icon, tag};
use crate::visit::Visit;

const GIVE: &str = "/dashboard/admin/grants/new";
const TAKE: &str = "/dashboard/admin/grants/take";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(GIVE, get(new).post(give))
        .route(TAKE, get(ask_take).post(take))
}

/// Who, as a form's field has it.
fn holder_text(holder: &Holder) -> String {
    match holder {
        Holder::User(id) => format!("user:{id}"),
        Holder::Group(id) => format!("group:{id}"),
    }
}

fn read_holder(text: &str) -> Result<Holder, Problem> {
    match text.split_once(':') {
        Some(("user", id)) => Ok(Holder::User(UserId::from(id))),
        Some(("group", id)) => Ok(Holder::Group(GroupId::from(id))),
        _ => Err(Problem::in_form(text)),
    }
}

/// Where, as a form's field has it.
fn target_text(target: &AssignmentTarget) -> String {
    match target {
        AssignmentTarget::Project(id) => format!("project:{id}"),
        AssignmentTarget::Domain(id) => format!("domain:{id}"),
        AssignmentTarget::System => "system:all".to_owned(),
    }
}

fn read_target(text: &str) -> Result<AssignmentTarget, Problem> {
    match text.split_once(':') {
        Some(("project", id)) => Ok(AssignmentTarget::Project(ProjectId::from(id))),
        Some(("domain", id)) => Ok(AssignmentTarget::Domain(DomainId::from(id))),
        Some(("system", _)) => Ok(AssignmentTarget::System),
        _ => Err(Problem::in_form(text)),
    }
}

/// The assignment's place in the API.
fn path(holder: &Holder, target: &AssignmentTarget, role: &str, is_inherited: bool) -> String {
    let target = match target {
        AssignmentTarget::Project(id) => format!("projects/{}", in_query(id.as_str())),
        AssignmentTarget::Domain(id) => format!("domains/{}", in_query(id.as_str())),
        AssignmentTarget::System => "system".to_owned(),
    };
    let holder = match holder {
        Holder::User(id) => format!("users/{}", in_query(id.as_str())),
        Holder::Group(id) => format!("groups/{}", in_query(id.as_str())),
    };
    let role = in_query(role);
    if is_inherited {
        format!("/identity/v3/OS-INHERIT/{target}/{holder}/roles/{role}/inherited_to_projects")
    } else {
        format!("/identity/v3/{target}/{holder}/roles/{role}")
    }
}

/// Who has which role in a target.
pub(super) fn of_target(visit: &Visit, target: &AssignmentTarget) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let keys = cloud.lookups.assignments_by_target.of(target);
    let rows: Vec<_> = keys.filter_map(|key| cloud.assignments.get(key)).collect();
    let add = format!("{GIVE}?target={}", in_query(&target_text(target)));
    let title = match target {
        AssignmentTarget::System => t.admin_system_members(),
        _ => t.admin_members(),
    };
    table(visit, title, t.admin_members_lead(), &add, &rows, |row| {
        holder(cloud, &row.holder)
    })
}

/// Which roles somebody has, and where.
pub(super) fn of_holder(visit: &Visit, of: &Holder) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let keys = cloud.lookups.assignments_by_holder.of(of);
    let rows: Vec<_> = keys.filter_map(|key| cloud.assignments.get(key)).collect();
    let add = format!("{GIVE}?holder={}", in_query(&holder_text(of)));
    table(visit, t.admin_grants(), t.admin_grants_lead(), &add, &rows, |row| {
        place(t, cloud, &row.target)
    })
}

fn table(
    visit: &Visit,
    title: &str,
    lead: &str,
    add: &str,
    rows: &[&Arc<Assignment>],
    other: impl Fn(&Assignment) -> Markup,
) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    html! {
        section .card #grants {
            header .card-head {
                div { h2 { (title) } p .muted { (lead) } }
                (ui::action(add, "plus", t.admin_grant_new()))
            }
            @if rows.is_empty() { p .muted { (t.none_yet()) } } @else {
                table .plain-table {
                    tbody {
                        @for row in rows {
                            tr {
                                td { (other(row)) }
                                td {
                                    (tag(cloud.find::<Role>(&row.role_id).map_or_else(|| row.role_id.as_str(), |role| role.name.as_str())))
                                    @if row.inherited { span .muted.small { (t.admin_grant_inherited()) } }
                                }
                                td .row-menu { (take_button(t, row)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn take_button(t: Text, row: &Assignment) -> Markup {
    let at = format!(
        "{TAKE}?holder={}&target={}&role={}{}",
        in_query(&holder_text(&row.holder)),
        in_query(&target_text(&row.target)),
        in_query(row.role_id.as_str()),
        if row.inherited { "&inherited=true" } else { "" },
    );
    ui::dialog_link(&at, "button small danger", html! { (t.admin_grant_take()) })
}

/// The name of a user or group; its id, if it has gone.
fn holder_name<'a>(cloud: &'a Cloud, holder: &'a Holder) -> &'a str {
    match holder {
        Holder::User(id) => cloud
            .find::<User>(id)
            .map_or_else(|| id.as_str(), |user| user.name.as_str()),
        Holder::Group(id) => cloud
            .find::<Group>(id)
            .map_or_else(|| id.as_str(), |group| group.name.as_str()),
    }
}

/// A user or group, with a link.
fn holder(cloud: &Cloud, holder: &Holder) -> Markup {
    let (symbol, at) = match holder {
        Holder::User(id) => ("user", format!("/dashboard/admin/users/{id}")),
        Holder::Group(id) => ("group", format!("/dashboard/admin/users/groups/{id}")),
    };
    html! { (icon(symbol)) " " a href=(at) { (holder_name(cloud, holder)) } }
}

/// Where a role holds, in words.
fn place_name(t: Text, cloud: &Cloud, target: &AssignmentTarget) -> String {
    match target {
        AssignmentTarget::Project(id) => project_name(cloud, id),
        AssignmentTarget::Domain(id) => t.admin_domain_named(domain_name(cloud, id)),
        AssignmentTarget::System => t.admin_whole_system().to_owned(),
    }
}

/// Where a role holds, with a link.
fn place(t: Text, cloud: &Cloud, target: &AssignmentTarget) -> Markup {
    let (symbol, at) = match target {
        AssignmentTarget::Project(id) => ("folder", format!("/dashboard/admin/projects/{id}")),
        AssignmentTarget::Domain(id) => ("archive", format!("/dashboard/admin/projects/domains/{id}")),
        AssignmentTarget::System => ("globe", "/dashboard/admin/system".to_owned()),
    };
    html! { (icon(symbol)) " " a href=(at) { (place_name(t, cloud, target)) } }
}

/// Names of domains, for people.
pub(super) fn domain_name(cloud: &Cloud, id: &DomainId) -> String {
    cloud
        .find::<Domain>(id)
        .map_or_else(|| id.to_string(), |domain| domain.name.clone())
}

/// The roles that the services know, the least first.
pub(super) const BUILT_IN: [&str; 4] = ["reader", "member", "manager", "admin"];

/// Roles to choose from: those that the services know from the least on, then the others by name.
pub(crate) fn choices_of<'a>(roles: impl Iterator<Item = &'a Arc<Role>>) -> Vec<Choice> {
    let mut roles: Vec<_> = roles.collect();
    roles.sort_by_key(|role| {
        let rank = BUILT_IN.iter().position(|name| *name == role.name);
        (rank.unwrap_or(BUILT_IN.len()), role.name.to_lowercase())
    });
    roles
        .iter()
        .map(|role| Choice::new(&role.id, &role.name).note(role.description.clone().unwrap_or_default()))
        .collect()
}

/// Every global role.
pub(super) fn role_choices(cloud: &Cloud) -> Vec<Choice> {
    choices_of(cloud.roles.iter().filter(|role| role.domain_id.is_none()))
}

/// Every project, by name.
pub(super) fn project_choices(cloud: &Cloud, value: fn(&Project) -> String) -> Vec<Choice> {
    let mut projects: Vec<_> = cloud.projects.iter().collect();
    projects.sort_by_key(|project| project.name.to_lowercase());
    projects
        .iter()
        .map(|project| Choice::new(value(project), &project.name).note(domain_name(cloud, &project.domain_id)))
        .collect()
}

/// The role that most people need: `member`.
pub(super) fn usual_role(cloud: &Cloud) -> String {
    cloud
        .lookups
        .roles_by_name
        .first(&(None, "member".to_owned()))
        .map_or_else(String::new, ToString::to_string)
}

async fn new(Admin(visit): Admin, fields: Fields) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let (holder, target) = (fields.plain("holder"), fields.plain("target"));
    let mut holders: Vec<_> = cloud
        .users
        .iter()
        .map(|user| Choice::new(format!("user:{}", user.id), &user.name))
        .collect();
    holders.sort_by_key(|choice| choice.label.to_lowercase());
    let groups = cloud
        .groups
        .iter()
        .map(|group| Choice::new(format!("group:{}", group.id), &group.name).note(t.admin_group()));
    holders.extend(groups);
    let mut targets = project_choices(cloud, |project| format!("project:{}", project.id));
    let domains = cloud
        .domains
        .iter()
        .map(|domain| Choice::new(format!("domain:{}", domain.id), t.admin_domain_named(&domain.name)));
    targets.extend(domains);
    targets.push(Choice::new("system:all", t.admin_whole_system()));
    let body = html! {
        form method="post" action=(GIVE) hx-post=(GIVE) hx-swap="none" {
            @if holder.is_empty() {
                (ui::pick(Field { name: "holder", label: t.admin_user_or_group(), required: true, ..Field::default() }, None, &holders))
            } @else { input type="hidden" name="holder" value=(holder); }
            @if target.is_empty() {
                (ui::pick(Field { name: "target", label: t.admin_grant_where(), required: true, ..Field::default() }, None, &targets))
            } @else { input type="hidden" name="target" value=(target); }
            (ui::pick(
                Field { name: "role", label: t.admin_role(), hint: t.admin_role_hint(), value: &usual_role(cloud), required: true, ..Field::default() },
                None,
                &role_choices(cloud),
            ))
            (ui::submit(t, t.admin_grant_new(), false))
        }
        (ui::command_line(t, &["openstack role add --project PROJECT --user USER member".to_owned()]))
    };
    Ok(visit.form(&title(t, cloud, holder, target), body))
}

/// What the form does, for whom or where.
fn title(t: Text, cloud: &Cloud, holder: &str, target: &str) -> String {
    match (read_holder(holder), read_target(target)) {
        (Ok(who @ Holder::User(_)), _) => t.admin_grant_to_user(holder_name(cloud, &who)),
        (Ok(who @ Holder::Group(_)), _) => t.admin_grant_to_group(holder_name(cloud, &who)),
        (_, Ok(AssignmentTarget::Project(id))) => t.admin_grant_in_project(project_name(cloud, &id)),
        (_, Ok(AssignmentTarget::Domain(id))) => t.admin_grant_in_domain(domain_name(cloud, &id)),
        (_, Ok(AssignmentTarget::System)) => t.admin_grant_in_system().to_owned(),
        _ => t.admin_grant_new().to_owned(),
    }
}

/// Gives a role in a project: also for new users and projects.
pub(super) async fn give_in_project(
    visit: &Visit,
    holder: &Holder,
    project: &ProjectId,
    role: &str,
) -> Result<(), Problem> {
    let target = AssignmentTarget::Project(project.clone());
    visit
        .put(&path(holder, &target, role, false), serde_json::Value::Null)
        .await
        .map(|_| ())
}

async fn give(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    let (holder, target) = (
        read_holder(fields.plain("holder"))?,
        read_target(fields.plain("target"))?,
    );
    visit
        .put(
            &path(&holder, &target, fields.plain("role"), false),
            serde_json::Value::Null,
        )
        .await?;
    Ok(Done::saying(visit.t().admin_granted()))
}

async fn ask_take(Admin(visit): Admin, fields: Fields) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let (holder, target) = (
        read_holder(fields.plain("holder"))?,
        read_target(fields.plain("target"))?,
    );
    let role = cloud.get::<Role>(&fields.plain("role").into())?;
    let who = match &holder {
        Holder::User(id) => format!("--user {id}"),
        Holder::Group(id) => format!("--group {id}"),
    };
    let place = match &target {
        AssignmentTarget::Project(id) => format!("--project {id}"),
        AssignmentTarget::Domain(id) => format!("--domain {id}"),
        AssignmentTarget::System => "--system all".to_owned(),
    };
    let is_own = matches!(&holder, Holder::User(id) if *id == visit.actor().user_id);
    let inherited = fields.is_set("inherited");
    let mut sent: Vec<_> = ["holder", "target", "role"]
        .map(|name| (name, fields.plain(name)))
        .to_vec();
    sent.extend(inherited.then_some(("inherited", "true")));
    Ok(common::ask(
        &visit,
        &Question {
            title: &t.admin_grant_take_title(&role.name, holder_name(cloud, &holder)),
            words: &[
                &t.admin_grant_take_here(place_name(t, cloud, &target)),
                t.admin_grant_take_text(),
            ],
            warning: is_own.then_some(t.admin_grant_take_own()),
            address: TAKE,
            fields: &sent,
            deed: t.admin_grant_take(),
            command: format!(
                "openstack role remove {who} {place}{} {}",
                if inherited { " --inherited" } else { "" },
                ui::shell_word(&role.name)
            ),
        },
    ))
}

async fn take(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    let (holder, target) = (
        read_holder(fields.plain("holder"))?,
        read_target(fields.plain("target"))?,
    );
    visit
        .delete(&path(
            &holder,
            &target,
            fields.plain("role"),
            fields.is_set("inherited"),
        ))
        .await?;
    Ok(Done::saying(visit.t().admin_grant_taken()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_and_where_survive_a_form() {
        let project = AssignmentTarget::Project("p".into());
        assert!(read_target(&target_text(&project)).is_ok_and(|read| read == project));
        let group = Holder::Group("g".into());
        assert!(read_holder(&holder_text(&group)).is_ok_and(|read| read == group));
        assert_eq!(
            path(&group, &project, "r", false),
            "/identity/v3/projects/p/groups/g/roles/r"
        );
        assert!(read_holder("p").is_err() && read_target("else:p").is_err());
    }
}
