//! `/v3/OS-REVOKE/events`: which tokens are no longer good, for services that check tokens by themselves.

use model::identity::{Revocation, RevocationTarget, policy};
use model::{Error, Timestamp};
use serde_json::{Value, json};

use super::list::List;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::reply::{Reply, json as document};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v3/OS-REVOKE/events", Token, list)
}

fn render(row: &Revocation) -> Value {
    let (name, id) = match &row.target {
        RevocationTarget::Token(id) => ("audit_id", id.clone()),
        RevocationTarget::Chain(id) => ("audit_chain_id", id.clone()),
        RevocationTarget::User(id) => ("user_id", id.to_string()),
        RevocationTarget::Project(id) => ("project_id", id.to_string()),
        RevocationTarget::Domain(id) => ("domain_id", id.to_string()),
    };
    json!({
        name: id,
        "issued_before": row.issued_before.micros_z(),
        "revoked_at": row.issued_before.micros_z(),
    })
}

/// All events, or those after `since`.
async fn list(ctx: Ctx, list: List) -> Reply {
    let actor = ctx.actor();
    if !actor.has_role("service") {
        policy::require_read(actor, None, "identity:list_revoke_events")?;
    }
    let since = match list.query.get("since") {
        None => None,
        Some(text) => Some(text.parse::<jiff::Timestamp>().map(Timestamp::new).map_err(|_| {
            Error::invalid(
                "ValidationError",
                "'since' must be a time such as 2030-01-31T12:00:00.000000Z.",
            )
        })?),
    };
    let cloud = ctx.cloud();
    let events: Vec<Value> = cloud
        .revocations
        .iter()
        .filter(|row| since.is_none_or(|since| row.issued_before >= since))
        .map(|row| render(row))
        .collect();
    document(&json!({
        "events": events,
        "links": {
            "self": format!("{}/identity/v3/OS-REVOKE/events", ctx.base_url()),
            "previous": null,
            "next": null,
        },
    }))
}
