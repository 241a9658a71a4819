//! Who takes what: servers, and consumers that somebody made.

use std::collections::BTreeMap;

use axum::extract::Path;
use model::compute::Server;
use model::compute::schedule::Claim;
use model::placement::{Amounts, ResourceConsumer};
use model::{Cloud, Error, ProjectId, UserId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::bad;
use super::provider::Providers;
use super::version::Microversion;
use crate::compute::hypervisor_uuid;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as ok};

/// The kind of consumer that a server is.
const INSTANCE: &str = "INSTANCE";
/// The kind of consumers whose maker did not say.
const UNKNOWN: &str = "unknown";

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

/// Somebody who takes something.
struct Taker {
    id: Uuid,
    project_id: ProjectId,
    user_id: UserId,
    kind: String,
    generation: u64,
    allocations: BTreeMap<Uuid, Amounts>,
}

impl Taker {
    /// A server that is on a host.
    fn server(server: &Server) -> Option<Self> {
        let mut taken = amounts(&Claim::of_server(server));
        // Classes of which it takes nothing are not among them.
        taken.retain(|_, amount| *amount > 0);
        Some(Self {
            id: server.id.0,
            project_id: server.project_id.clone(),
            user_id: server.user_id.clone(),
            kind: INSTANCE.to_owned(),
            generation: 1,
            allocations: BTreeMap::from([(hypervisor_uuid(server.host.as_ref()?.as_str()), taken)]),
        })
    }

    fn consumer(row: &ResourceConsumer) -> Self {
        Self {
            id: row.id,
            project_id: row.project_id.clone(),
            user_id: row.user_id.clone(),
            kind: row.kind.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
            generation: row.generation,
            allocations: row.allocations.clone(),
        }
    }

    fn all(cloud: &Cloud) -> impl Iterator<Item = Self> {
        let servers = cloud.servers.iter().filter_map(|server| Self::server(server));
        servers.chain(cloud.placement_consumers.iter().map(|row| Self::consumer(row)))
    }

    fn find(cloud: &Cloud, id: Uuid) -> Option<Self> {
        let server = cloud.servers.get(&model::ServerId(id));
        let consumer = || cloud.placement_consumers.get(&id).map(|row| Self::consumer(row));
        server.and_then(|server| Self::server(server)).or_else(consumer)
    }
}

/// `GET /resource_providers/{uuid}/usages`
pub(super) async fn of_provider(ctx: Ctx, Path(uuid): Path<String>) -> Reply {
    let provider = Providers::all(&ctx).take(&uuid)?;
    ok(&json!({"usages": provider.used, "resource_provider_generation": provider.generation}))
}

/// `GET /resource_providers/{uuid}/allocations`
pub(super) async fn allocations_of_provider(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    let provider = Providers::all(&ctx).take(&uuid)?;
    let all: Map<String, Value> = Taker::all(&ctx.cloud())
        .filter_map(|taker| {
            let mut body = json!({"resources": taker.allocations.get(&provider.id)?});
            if version.since(28) {
                body["consumer_generation"] = taker.generation.into();
            }
            Some((taker.id.to_string(), body))
        })
        .collect();
    ok(&json!({"allocations": all, "resource_provider_generation": provider.generation}))
}

/// `GET /allocations/{consumer_uuid}`: nothing for whoever takes nothing.
pub(super) async fn of_consumer(ctx: Ctx, version: Microversion, Path(consumer): Path<String>) -> Reply {
    let id = consumer
        .parse()
        .map_err(|_| bad(format!("Malformed consumer uuid: '{consumer}' is not a UUID.")))?;
    let Some(taker) = Taker::find(&ctx.cloud(), id) else {
        return ok(&json!({"allocations": {}}));
    };
    let providers = Providers::all(&ctx);
    let allocations: Map<String, Value> = taker
        .allocations
        .iter()
        .map(|(id, amounts)| {
            let generation = providers.get(*id).map_or(0, |provider| provider.generation);
            (id.to_string(), json!({"resources": amounts, "generation": generation}))
        })
        .collect();
    let mut body = json!({"allocations": allocations});
    if version.since(12) {
        body["project_id"] = json!(taker.project_id);
        body["user_id"] = json!(taker.user_id);
    }
    if version.since(28) {
        body["consumer_generation"] = taker.generation.into();
    }
    if version.since(38) {
        body["consumer_type"] = taker.kind.into();
    }
    ok(&body)
}

/// What several take, and how many they are.
#[derive(Default)]
struct Sum {
    count: u64,
    amounts: Amounts,
}

impl Sum {
    fn add(&mut self, taker: &Taker) {
        self.count += 1;
        for (class, amount) in taker.allocations.values().flatten() {
            *self.amounts.entry(class.clone()).or_insert(0) += amount;
        }
    }

    fn counted(mut self) -> Amounts {
        self.amounts.insert("consumer_count".to_owned(), self.count);
        self.amounts
    }
}

/// `GET /usages`: what a project's consumers take, or those of one of its users.
pub(super) async fn of_project(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require(9)?;
    let project = query
        .get("project_id")
        .filter(|id| !id.is_empty())
        .map(ProjectId::from)
        .ok_or_else(|| bad("'project_id' is a required property"))?;
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
    let takers = Taker::all(&cloud).filter(|taker| {
        taker.project_id == project
            && user.as_ref().is_none_or(|user| *user == taker.user_id)
            && kind.is_none_or(|kind| kind == "all" || kind == taker.kind)
    });
    let mut by_kind: BTreeMap<String, Sum> = BTreeMap::new();
    for taker in takers {
        let apart = version.since(38) && kind != Some("all");
        let name = if apart { taker.kind.clone() } else { "all".to_owned() };
        by_kind.entry(name).or_default().add(&taker);
    }
    if !version.since(38) {
        let sum = by_kind.remove("all").unwrap_or_default();
        return ok(&json!({"usages": sum.amounts}));
    }
    let usages: BTreeMap<String, Amounts> = by_kind.into_iter().map(|(name, sum)| (name, sum.counted())).collect();
    ok(&json!({"usages": usages}))
}
