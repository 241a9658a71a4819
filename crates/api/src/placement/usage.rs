//! Who takes what: the servers are the consumers.

use axum::extract::Path;
use model::compute::Server;
use model::compute::schedule::Claim;
use model::{Error, ProjectId, UserId};
use serde_json::{Map, Value, json};

use super::candidates::Amounts;
use super::provider::Provider;
use super::version::Microversion;
use crate::compute::hypervisor_uuid;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as ok};

/// The kind of consumer that a server is.
const INSTANCE: &str = "INSTANCE";

/// A claim by resource class, all of them.
pub(super) fn amounts(claim: &Claim) -> Amounts {
    let all = [
        ("DISK_GB", claim.disk_gib),
        ("MEMORY_MB", claim.memory_mib),
        ("VCPU", claim.vcpus),
    ];
    all.into_iter()
        .map(|(class, amount)| (class.to_owned(), amount))
        .collect()
}

/// What a server takes: classes of which it takes nothing are not among them.
fn taken_by(server: &Server) -> Amounts {
    let mut amounts = amounts(&Claim::of_server(server));
    amounts.retain(|_, amount| *amount > 0);
    amounts
}

/// `GET /resource_providers/{uuid}/usages`
pub(super) async fn of_provider(ctx: Ctx, Path(uuid): Path<String>) -> Reply {
    let provider = Provider::find(&ctx, &uuid)?;
    ok(&json!({"usages": provider.used(), "resource_provider_generation": provider.generation}))
}

/// `GET /resource_providers/{uuid}/allocations`
pub(super) async fn allocations_of_provider(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    let provider = Provider::find(&ctx, &uuid)?;
    let cloud = ctx.cloud();
    let on_it = cloud
        .servers
        .iter()
        .filter(|server| server.host.as_ref() == Some(&provider.candidate.host));
    let all: Map<String, Value> = on_it
        .map(|server| {
            let mut body = json!({"resources": taken_by(server)});
            if version.since(28) {
                body["consumer_generation"] = 1.into();
            }
            (server.id.to_string(), body)
        })
        .collect();
    ok(&json!({"allocations": all, "resource_provider_generation": provider.generation}))
}

/// `GET /allocations/{consumer_uuid}`: nothing for whoever takes nothing.
pub(super) async fn of_consumer(ctx: Ctx, version: Microversion, Path(consumer): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let id = consumer
        .parse()
        .map_err(|_| Error::invalid("HTTPBadRequest", format!("'{consumer}' is not a UUID.")))?;
    let server = cloud.servers.get(&id);
    let Some((server, host)) = server.and_then(|server| Some((server, server.host.as_ref()?))) else {
        return ok(&json!({"allocations": {}}));
    };
    let provider = hypervisor_uuid(host.as_str()).to_string();
    let generation = ctx.control().host_report().borrow().revision;
    let mut body = json!({
        "allocations": {provider: {"resources": taken_by(server), "generation": generation}},
    });
    if version.since(12) {
        body["project_id"] = json!(server.project_id);
        body["user_id"] = json!(server.user_id);
    }
    if version.since(28) {
        body["consumer_generation"] = 1.into();
    }
    if version.since(38) {
        body["consumer_type"] = INSTANCE.into();
    }
    ok(&body)
}

/// `GET /usages`: what a project's servers take, or those of one of its users.
pub(super) async fn of_project(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require(9)?;
    let project = query
        .get("project_id")
        .filter(|id| !id.is_empty())
        .map(ProjectId::from)
        .ok_or_else(|| Error::invalid("HTTPBadRequest", "'project_id' is a required property"))?;
    if !ctx.actor().can_see(&project) && !ctx.actor().has_role("service") {
        return Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Only the administrator may see the usages of another project.",
        )
        .into());
    }
    let user = query.get("user_id").map(UserId::from);
    let kind = query.get("consumer_type").filter(|_| version.since(38));
    let cloud = ctx.cloud();
    let servers: Vec<_> = cloud
        .lookups
        .servers_by_project
        .of(&project)
        .filter_map(|id| cloud.servers.get(id))
        .filter(|server| server.host.is_some() && user.as_ref().is_none_or(|user| *user == server.user_id))
        .filter(|_| kind.is_none_or(|kind| kind == INSTANCE || kind == "all"))
        .collect();
    let sum = servers
        .iter()
        .fold(Claim::default(), |sum, server| sum.plus(Claim::of_server(server)));
    let mut usages = if servers.is_empty() {
        Amounts::new()
    } else {
        amounts(&sum)
    };
    if !version.since(38) {
        return ok(&json!({"usages": usages}));
    }
    if servers.is_empty() {
        return ok(&json!({"usages": {}}));
    }
    usages.insert("consumer_count".to_owned(), servers.len() as u64);
    let name = if kind == Some("all") { "all" } else { INSTANCE };
    ok(&json!({"usages": {name: usages}}))
}
