//! `GET /v3/role_assignments`: who holds what where, as given or with all that follows (`?effective`).

use std::collections::BTreeSet;

use model::identity::{
    Assignment, AssignmentTarget, Grant, Holder, Origin, Project, ancestors, effective_grants, policy,
};
use model::{Cloud, Error, ProjectId, Result};
use serde_json::{Value, json};

use super::list::List;
use super::project::own_domain;
use super::render;
use crate::context::Ctx;
use crate::reply::{Reply, json as document};

/// What the query asks for.
struct Wanted<'a> {
    user: Option<&'a str>,
    group: Option<&'a str>,
    role: Option<&'a str>,
    domain: Option<&'a str>,
    project: Option<&'a str>,
    system: bool,
    inherited: Option<bool>,
    effective: bool,
    subtree: bool,
}

impl<'a> Wanted<'a> {
    fn parse(list: &'a List) -> Result<Self> {
        let text = |name: &str| list.query.get(name).filter(|value| !value.is_empty());
        let wanted = Self {
            user: text("user.id"),
            group: text("group.id"),
            role: text("role.id"),
            domain: text("scope.domain.id"),
            project: text("scope.project.id"),
            system: list.is_set("scope.system"),
            inherited: list
                .query
                .get("scope.OS-INHERIT:inherited_to")
                .map(|value| value == "projects"),
            effective: list.is_set("effective"),
            subtree: list.is_set("include_subtree"),
        };
        let conflicts = [
            (
                wanted.domain.is_some() && wanted.project.is_some(),
                "Specify a domain or project, not both",
            ),
            (
                wanted.domain.is_some() && wanted.system,
                "Specify system or domain, not both",
            ),
            (
                wanted.project.is_some() && wanted.system,
                "Specify system or project, not both",
            ),
            (
                wanted.user.is_some() && wanted.group.is_some(),
                "Specify a user or group, not both",
            ),
            (
                wanted.effective && wanted.group.is_some(),
                "Combining effective and group filter will always result in an empty list.",
            ),
            (
                wanted.effective && wanted.inherited == Some(true) && wanted.domain.is_some(),
                "Combining effective, domain and inherited filters will always result in an empty list.",
            ),
            (
                wanted.subtree && wanted.project.is_none(),
                "scope.project.id must be specified if include_subtree is also specified",
            ),
        ];
        match conflicts.into_iter().find(|(there, _)| *there) {
            Some((_, text)) => Err(Error::invalid("ValidationError", text)),
            None => Ok(wanted),
        }
    }

    fn wants(&self, cloud: &Cloud, grant: &Grant, inherited: bool) -> bool {
        let holder = match &grant.holder {
            Holder::User(id) => self.group.is_none() && self.user.is_none_or(|wanted| wanted == id.as_str()),
            Holder::Group(id) => self.user.is_none() && self.group.is_none_or(|wanted| wanted == id.as_str()),
        };
        let anywhere = self.domain.is_none() && self.project.is_none() && !self.system;
        let target = match &grant.target {
            AssignmentTarget::Project(id) => {
                anywhere || self.project.is_some_and(|wanted| self.is_project(cloud, wanted, id))
            }
            AssignmentTarget::Domain(id) => anywhere || self.domain == Some(id.as_str()),
            AssignmentTarget::System => anywhere || self.system,
        };
        holder
            && target
            && self.role.is_none_or(|wanted| wanted == grant.role_id.as_str())
            && self.inherited.is_none_or(|wanted| wanted == inherited)
    }

    fn is_project(&self, cloud: &Cloud, wanted: &str, id: &ProjectId) -> bool {
        id.as_str() == wanted || (self.subtree && ancestors(cloud, id).any(|above| above.id.as_str() == wanted))
    }
}

pub(super) async fn list(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let own = own_domain(&ctx);
    policy::require_read(ctx.actor(), own.as_ref(), "identity:list_role_assignments")?;
    let wanted = Wanted::parse(&list)?;
    let names = list.is_set("include_names");
    let mut found = BTreeSet::new();
    for assignment in cloud.assignments.iter() {
        if own.is_some() && assignment.target.domain(&cloud) != own {
            continue;
        }
        for (grant, inherited) in expand(&cloud, assignment, wanted.effective) {
            if wanted.wants(&cloud, &grant, inherited) {
                found.insert((grant, inherited));
            }
        }
    }
    let entries: Vec<Value> = found
        .iter()
        .map(|(grant, inherited)| entry(&cloud, ctx.base_url(), grant, *inherited, names))
        .collect();
    let link = format!("{}/identity/v3/role_assignments", ctx.base_url());
    document(&json!({"role_assignments": entries, "links": {"self": link, "previous": null, "next": null}}))
}

/// The grants of an assignment, each with whether it is (or came from) one for all projects below.
fn expand(cloud: &Cloud, assignment: &Assignment, effective: bool) -> Vec<(Grant, bool)> {
    if effective {
        return effective_grants(cloud, assignment)
            .into_iter()
            .map(|grant| (grant, assignment.inherited))
            .collect();
    }
    let grant = Grant {
        holder: assignment.holder.clone(),
        target: assignment.target.clone(),
        role_id: assignment.role_id.clone(),
        origin: Origin::default(),
    };
    vec![(grant, assignment.inherited)]
}

fn entry(cloud: &Cloud, base_url: &str, grant: &Grant, inherited: bool, names: bool) -> Value {
    let mut entry = json!({"role": role(cloud, grant, names), "scope": scope(cloud, grant, names)});
    let (kind, holder) = holder(cloud, grant, names);
    entry[kind] = holder;
    if inherited {
        entry["scope"]["OS-INHERIT:inherited_to"] = "projects".into();
    }
    entry["links"] = links(base_url, grant, inherited);
    entry
}

fn role(cloud: &Cloud, grant: &Grant, names: bool) -> Value {
    let mut out = json!({"id": grant.role_id});
    if names && let Some(role) = cloud.roles.get(&grant.role_id) {
        out["name"] = role.name.clone().into();
        if let Some(domain) = &role.domain_id {
            out["domain"] = render::domain_ref(cloud, domain);
        }
    }
    out
}

fn scope(cloud: &Cloud, grant: &Grant, names: bool) -> Value {
    match &grant.target {
        AssignmentTarget::System => json!({"system": {"all": true}}),
        AssignmentTarget::Domain(id) if names => json!({"domain": render::domain_ref(cloud, id)}),
        AssignmentTarget::Domain(id) => json!({"domain": {"id": id}}),
        AssignmentTarget::Project(id) => {
            let mut project = json!({"id": id});
            if names && let Some(row) = cloud.find::<Project>(id) {
                project["name"] = row.name.clone().into();
                project["domain"] = render::domain_ref(cloud, &row.domain_id);
            }
            json!({"project": project})
        }
    }
}

fn holder(cloud: &Cloud, grant: &Grant, names: bool) -> (&'static str, Value) {
    let (kind, id, row) = match &grant.holder {
        Holder::User(id) => {
            let row = cloud
                .users
                .get(id)
                .map(|user| (user.name.clone(), user.domain_id.clone()));
            ("user", id.to_string(), row)
        }
        Holder::Group(id) => {
            let row = cloud
                .groups
                .get(id)
                .map(|group| (group.name.clone(), group.domain_id.clone()));
            ("group", id.to_string(), row)
        }
    };
    let mut out = json!({"id": id});
    if names && let Some((name, domain)) = row {
        out["name"] = name.into();
        out["domain"] = render::domain_ref(cloud, &domain);
    }
    (kind, out)
}

/// Links to the assignment as it was given, to the membership and to the implication that led here.
fn links(base_url: &str, grant: &Grant, inherited: bool) -> Value {
    let base = format!("{base_url}/identity/v3");
    let target = match grant.origin.inherited_from.as_ref().unwrap_or(&grant.target) {
        AssignmentTarget::Project(id) => format!("/projects/{id}"),
        AssignmentTarget::Domain(id) => format!("/domains/{id}"),
        AssignmentTarget::System => "/system".to_owned(),
    };
    let holder = match (&grant.origin.group, &grant.holder) {
        (Some(group), _) | (None, Holder::Group(group)) => format!("/groups/{group}"),
        (None, Holder::User(user)) => format!("/users/{user}"),
    };
    let role = grant.origin.prior_role.as_ref().unwrap_or(&grant.role_id);
    let assignment = if inherited {
        format!("{base}/OS-INHERIT{target}{holder}/roles/{role}/inherited_to_projects")
    } else {
        format!("{base}{target}{holder}/roles/{role}")
    };
    let mut links = json!({"assignment": assignment});
    if let (Some(group), Holder::User(user)) = (&grant.origin.group, &grant.holder) {
        links["membership"] = format!("{base}/groups/{group}/users/{user}").into();
    }
    if let Some(prior) = &grant.origin.prior_role {
        links["prior_role"] = format!("{base}/prior_role/{prior}/implies/{}", grant.role_id).into();
    }
    links
}
