//! `/maru/v1/ports/{id}/attachment`: gives an existing network namespace of the host a leg on a port (`maru port attach`).

use axum::extract::Path;
use model::network::{NamespaceAttachment, Port, port};
use serde_json::{Value, json};

use super::attributes::{self, Attrs};
use super::collection::{body_object, parse_id};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as document, no_content};

/// The interface's name inside when none is given.
const IFNAME: &str = "eth0";

fn shape(port: &Port) -> Value {
    let attachment = port.attachment.as_ref();
    json!({"attachment": {
        "port_id": port.id,
        "netns": attachment.map(|attachment| &attachment.netns),
        "ifname": attachment.map(|attachment| &attachment.ifname),
        "status": port.status.as_str(),
        "mac_address": port.mac_address,
        "fixed_ips": port.fixed_ips,
    }})
}

/// GET: what is plugged in, and whether it works.
pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let port = ctx.cloud().get::<Port>(&parse_id::<Port>(&id)?)?;
    document(&shape(&port))
}

/// PUT: plugs a namespace in.
pub(super) async fn attach(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<Port>(&id)?;
    let mut attrs = Attrs::new(body_object(body, "attachment")?);
    let netns = attrs
        .text("netns", attributes::TEXT)?
        .ok_or_else(|| attributes::missing("netns"))?;
    let ifname = attrs
        .text("ifname", attributes::TEXT)?
        .unwrap_or_else(|| IFNAME.to_owned());
    attrs.finish()?;
    let attachment = NamespaceAttachment { netns, ifname };
    let port = ctx
        .transact(move |tx, actor| port::attach_namespace(tx, actor, id, attachment))
        .await?;
    document(&shape(&port))
}

/// DELETE: unplugs it.
pub(super) async fn detach(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let id = parse_id::<Port>(&id)?;
    ctx.transact(move |tx, actor| port::detach_namespace(tx, actor, id))
        .await?;
    no_content()
}
