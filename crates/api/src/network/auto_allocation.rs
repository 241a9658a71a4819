//! Auto-allocated topologies: "get me a network".

use axum::extract::Path;
use model::ProjectId;
use model::network::auto_allocation;
use serde_json::json;

use super::attributes::bad_request;
use crate::context::Ctx;
use crate::fault::Fault;
use crate::query::Query;
use crate::reply::{Reply, json as document, no_content};

/// The one field that can be asked for: whether a topology could be made.
const DRY_RUN: &str = "dry-run";

/// GET: the project's network, which is made when there is none.
pub(super) async fn show(ctx: Ctx, Path(project): Path<String>, query: Query) -> Reply {
    let cloud = ctx.cloud();
    let project = auto_allocation::project_of(&cloud, ctx.actor(), &project)?;
    let fields: Vec<&str> = query.all("fields").filter(|field| !field.is_empty()).collect();
    if fields.contains(&DRY_RUN) {
        auto_allocation::check_requirements(&cloud, ctx.actor())?;
        return topology("dry-run=pass", &project);
    }
    if !fields.is_empty() {
        return Err(Fault(bad_request(
            "Bad auto_allocate request: Unrecognized field. Ask for 'dry-run', or for none.".to_owned(),
        )));
    }
    let network = match auto_allocation::find(&cloud, &project) {
        Some(topology) => topology.network_id,
        None => {
            let project = project.clone();
            ctx.transact(move |tx, actor| auto_allocation::ensure(tx, actor, &project))
                .await?
        }
    };
    topology(&network.to_string(), &project)
}

/// DELETE: the network, its subnets and its router.
pub(super) async fn delete(ctx: Ctx, Path(project): Path<String>) -> Reply {
    let project = auto_allocation::project_of(&ctx.cloud(), ctx.actor(), &project)?;
    ctx.transact(move |tx, actor| auto_allocation::delete(tx, actor, &project))
        .await?;
    no_content()
}

fn topology(id: &str, project: &ProjectId) -> Reply {
    document(&json!({"auto_allocated_topology": {"id": id, "project_id": project, "tenant_id": project}}))
}
