//! `/v3/auth/…`: issuing, validating and revoking tokens, and what the caller could scope one to.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::VARY;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use control::auth::ec2::SignedRequest;
use control::auth::{Compliance, Token};
use model::identity::{AssignmentTarget, Domain, assignments_of, effective_roles, policy, projects_of};
use model::{Cloud, DomainId, Error, Result, Scope, Timestamp};
use serde_json::{Value, json};

use super::list::List;
use super::{access_rule, catalog, login, render};
use crate::app::App;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as document, no_content, status};

/// `POST /v3/auth/tokens`.
pub(super) async fn issue(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Query,
    Wire(body): Wire<Value>,
) -> Reply {
    let (secret, token) = app.control.log_in(login::parse(&body)?).await?;
    let renderer = Renderer {
        cloud: &app.control.cloud(),
        base_url: &app.endpoints.base_url(&headers),
        region: &app.endpoints.region,
        compliance: app.control.compliance(),
    };
    let body = renderer.token(&token, query.get("nocatalog").is_none());
    with_subject(status(StatusCode::CREATED, &body), &secret)
}

/// A token for whoever signed a request, for the service that received it (see `ec2.rs`).
pub(super) fn issue_for_signature(ctx: &Ctx, request: &SignedRequest) -> Reply {
    let (secret, token) = ctx.control().log_in_ec2(request)?;
    let renderer = Renderer {
        cloud: &ctx.cloud(),
        base_url: ctx.base_url(),
        region: &ctx.app().endpoints.region,
        compliance: ctx.control().compliance(),
    };
    with_subject(document(&renderer.token(&token, true)), &secret)
}

/// `GET` and `HEAD /v3/auth/tokens`: validates the token in `X-Subject-Token`.
pub(super) async fn validate(ctx: Ctx, headers: HeaderMap, query: Query) -> Reply {
    let (secret, subject) = subject(&ctx, &headers)?;
    if !(subject.actor.user_id == ctx.actor().user_id || may_validate(&ctx)) {
        return Err(policy::forbidden("identity:validate_token").into());
    }
    let renderer = Renderer {
        cloud: &ctx.cloud(),
        base_url: ctx.base_url(),
        region: &ctx.app().endpoints.region,
        compliance: ctx.control().compliance(),
    };
    let body = renderer.token(&subject, query.get("nocatalog").is_none());
    with_subject(document(&body), &secret)
}

/// `DELETE /v3/auth/tokens`: revokes the token in `X-Subject-Token`.
pub(super) async fn revoke(ctx: Ctx, headers: HeaderMap) -> Reply {
    let (_, subject) = subject(&ctx, &headers)?;
    // Whoever holds a token may end it; the user's other tokens end only those of the same user.
    if subject.actor.user_id != ctx.actor().user_id && !ctx.actor().is_admin() {
        return Err(policy::forbidden("identity:revoke_token").into());
    }
    ctx.control().revoke_token(&subject).await?;
    no_content()
}

/// `GET /v3/auth/catalog`.
pub(super) async fn catalog(ctx: Ctx) -> Reply {
    if ctx.actor().scope == Scope::Unscoped {
        return Err(Error::forbidden("Forbidden", "A scoped token is needed to see the service catalog.").into());
    }
    let own = catalog::Own::new(ctx.base_url(), &ctx.app().endpoints.region);
    let services = catalog::catalog(&ctx.cloud(), &own, &ctx.actor().scope, &ctx.actor().user_id);
    document(&json!({
        "catalog": services,
        "links": {"self": format!("{}/identity/v3/auth/catalog", ctx.base_url())},
    }))
}

/// `GET /v3/auth/projects`: projects the caller may scope a token to.
pub(super) async fn projects(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let rows = projects_of(&cloud, &ctx.actor().user_id)
        .filter(|project| project.enabled && cloud.domains.get(&project.domain_id).is_some_and(|d| d.enabled));
    list.page(
        &ctx,
        "projects",
        rows,
        |p| p.id.as_str(),
        |p| render::project(p, ctx.base_url()),
    )
}

/// `GET /v3/auth/domains`: domains the caller may scope a token to.
pub(super) async fn domains(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let ids: BTreeSet<&DomainId> = assignments_of(&cloud, &ctx.actor().user_id)
        .filter_map(|assignment| match &assignment.target {
            AssignmentTarget::Domain(id) if !assignment.inherited => Some(id),
            _ => None,
        })
        .collect();
    let rows = ids
        .into_iter()
        .filter_map(|id| cloud.find::<Domain>(id))
        .filter(|domain| domain.enabled);
    list.page(
        &ctx,
        "domains",
        rows,
        |d| d.id.as_str(),
        |d| render::domain(d, ctx.base_url()),
    )
}

/// `GET /v3/auth/system`: whether the caller may scope a token to the whole cloud.
pub(super) async fn system(ctx: Ctx) -> Reply {
    let held = effective_roles(&ctx.cloud(), &ctx.actor().user_id, &AssignmentTarget::System);
    let targets = if held.is_empty() {
        vec![]
    } else {
        vec![json!({"all": true})]
    };
    document(&json!({
        "system": targets,
        "links": {"self": format!("{}/identity/v3/auth/system", ctx.base_url())},
    }))
}

fn subject(ctx: &Ctx, headers: &HeaderMap) -> Result<(String, Arc<Token>)> {
    let not_found = || Error::not_found("TokenNotFound", "Could not find token.");
    let secret = headers
        .get("x-subject-token")
        .and_then(|value| value.to_str().ok())
        .ok_or_else(not_found)?;
    let token = ctx.control().authenticate(secret).map_err(|_| not_found())?;
    Ok((secret.to_owned(), token))
}

fn may_validate(ctx: &Ctx) -> bool {
    let actor = ctx.actor();
    actor.is_admin() || actor.has_role("service") || (actor.scope == Scope::System && actor.has_role("reader"))
}

fn with_subject(reply: Reply, secret: &str) -> Reply {
    let mut response = reply?;
    if let Ok(value) = HeaderValue::from_str(secret) {
        response.headers_mut().insert("x-subject-token", value);
    }
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("X-Auth-Token"));
    Ok(response)
}

/// Writes a token's document.
struct Renderer<'a> {
    cloud: &'a Cloud,
    base_url: &'a str,
    region: &'a str,
    compliance: Compliance,
}

impl Renderer<'_> {
    fn token(&self, token: &Token, with_catalog: bool) -> Value {
        let user_id = &token.actor.user_id;
        let user = self.cloud.users.get(user_id);
        let user_name = user.map(|user| user.name.clone());
        let mut body = json!({
            "methods": token.methods,
            "user": {
                "id": user_id,
                "name": user_name,
                "domain": render::domain_ref(self.cloud, &token.actor.user_domain_id),
                "password_expires_at": user.and_then(|user| self.compliance.password_expires_at(user)).map(Timestamp::micros_z),
            },
            "audit_ids": token.audit_ids,
            "issued_at": token.issued_at.micros_z(),
            "expires_at": token.expires_at.micros_z(),
        });
        match &token.actor.scope {
            Scope::Unscoped => return json!({"token": body}),
            Scope::Project { id, domain_id } => {
                let name = self.cloud.projects.get(id).map(|project| project.name.clone());
                body["project"] = json!({"id": id, "name": name, "domain": render::domain_ref(self.cloud, domain_id)});
                body["is_domain"] = false.into();
            }
            Scope::Domain { id } => body["domain"] = render::domain_ref(self.cloud, id),
            Scope::System => body["system"] = json!({"all": true}),
        }
        body["roles"] = token
            .role_ids
            .iter()
            .filter_map(|id| self.cloud.roles.get(id))
            .map(|role| json!({"id": role.id, "name": role.name}))
            .collect();
        if let Some(id) = &token.claims.application_credential
            && let Some(row) = self.cloud.application_credentials.get(id)
        {
            body["application_credential"] = json!({"id": id, "name": row.name, "restricted": !row.unrestricted});
            if !row.access_rules.is_empty() {
                body["application_credential"]["access_rules"] = access_rule::render_all(self.cloud, &row.access_rules);
            }
        }
        if let Some(id) = &token.claims.trust
            && let Some(row) = self.cloud.trusts.get(id)
        {
            body["OS-TRUST:trust"] = json!({
                "id": id,
                "impersonation": row.impersonation,
                "trustor_user": {"id": row.trustor_user_id},
                "trustee_user": {"id": row.trustee_user_id},
            });
        }
        if with_catalog {
            let own = catalog::Own::new(self.base_url, self.region);
            body["catalog"] = catalog::catalog(self.cloud, &own, &token.actor.scope, user_id).into();
        }
        json!({"token": body})
    }
}
