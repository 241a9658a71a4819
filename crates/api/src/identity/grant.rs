//! Giving and taking roles: `/v3/{projects|domains}/{id}/{users|groups}/{id}/roles/{id}`, `/v3/system/…` and the same
//! below `/v3/OS-INHERIT/…/inherited_to_projects`. One set of handlers: the path's names say what is meant.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use model::Error;
use model::identity::{self, Assignment, AssignmentTarget, Holder};
use serde_json::{Value, json};

use super::render;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::fault::Fault;
use crate::reply::{Reply, json as document, no_content};
use crate::routes::Routes;

/// All of them.
pub(super) fn routes(mut routes: Routes) -> Routes {
    for target in ["projects/{project_id}", "domains/{domain_id}", "system"] {
        for holder in ["users/{user_id}", "groups/{group_id}"] {
            let given = format!("/v3/{target}/{holder}/roles");
            routes = each(routes.get(&given, Token, list), &format!("{given}/{{role_id}}"));
            if target != "system" {
                let inherited = format!("/v3/OS-INHERIT/{target}/{holder}/roles");
                routes = each(
                    routes.get(&format!("{inherited}/inherited_to_projects"), Token, list),
                    &format!("{inherited}/{{role_id}}/inherited_to_projects"),
                );
            }
        }
    }
    routes
}

fn each(routes: Routes, path: &str) -> Routes {
    routes
        .put(path, Token, create)
        .get(path, Token, check)
        .delete(path, Token, delete)
}

/// Who, where, and whether for all below: from the path.
struct Subject {
    holder: Holder,
    target: AssignmentTarget,
    inherited: bool,
    role: Option<String>,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Subject {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let bad_path = |_| Fault(Error::not_found("HTTPNotFound", "The resource could not be found."));
        let Path(names) = Path::<BTreeMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(bad_path)?;
        let name = |key: &str| names.get(key).map(String::as_str);
        let path = parts.uri.path().to_owned();
        Ok(Self {
            holder: match name("user_id") {
                Some(id) => Holder::User(id.into()),
                None => Holder::Group(name("group_id").unwrap_or_default().into()),
            },
            target: match (name("project_id"), name("domain_id")) {
                (Some(id), _) => AssignmentTarget::Project(id.into()),
                (None, Some(id)) => AssignmentTarget::Domain(id.into()),
                (None, None) => AssignmentTarget::System,
            },
            inherited: path.contains("/OS-INHERIT/"),
            role: name("role_id").map(str::to_owned),
            path,
        })
    }
}

impl Subject {
    fn assignment(&self) -> Assignment {
        Assignment {
            holder: self.holder.clone(),
            target: self.target.clone(),
            role_id: self.role.as_deref().unwrap_or_default().into(),
            inherited: self.inherited,
        }
    }
}

async fn list(ctx: Ctx, subject: Subject) -> Reply {
    let roles = identity::given_roles(
        &ctx.cloud(),
        ctx.actor(),
        &subject.holder,
        &subject.target,
        subject.inherited,
    )?;
    let roles: Vec<Value> = roles.iter().map(|role| render::role(role, ctx.base_url())).collect();
    let link = format!("{}{}", ctx.base_url(), subject.path);
    document(&json!({"roles": roles, "links": {"self": link, "previous": null, "next": null}}))
}

async fn check(ctx: Ctx, subject: Subject) -> Reply {
    identity::check_assignment(&ctx.cloud(), ctx.actor(), &subject.assignment())?;
    no_content()
}

async fn create(ctx: Ctx, subject: Subject) -> Reply {
    let row = subject.assignment();
    ctx.transact(move |tx, actor| identity::create_assignment(tx, actor, row))
        .await?;
    no_content()
}

async fn delete(ctx: Ctx, subject: Subject) -> Reply {
    let row = subject.assignment();
    ctx.transact(move |tx, actor| identity::delete_assignment(tx, actor, &row))
        .await?;
    no_content()
}
