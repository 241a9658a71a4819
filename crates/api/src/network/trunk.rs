//! Trunks and their subports.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::network::access::{check_revision, get_visible};
use model::network::trunk::{self, Segmentation, SubportSpec, TrunkChange, TrunkSpec};
use model::network::{Port, Trunk};
use model::{Actor, Cloud, Error, PortId, Result, TrunkId, Tx};
use serde::Serialize;
use serde_json::{Value, json};

use super::attributes::{Attrs, TEXT, bad_request, invalid, shown};
use super::collection::{Collection, bytes, expected_revision, parse_id};
use super::filter::Filters;
use super::standard::{attributes, put_standard};
use super::view::{JsonSink, Sink, View, ViewCx};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as document};

impl View for Trunk {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("admin_state_up", &self.admin_state_up);
        out.put("port_id", &self.port_id);
        out.put("status", self.status.as_str());
        out.put("sub_ports", &self.sub_ports);
    }
}

impl Collection for Trunk {
    const PLURAL: &'static str = "trunks";
    const PATH: &'static str = "trunks";
    const ATTRIBUTES: &'static [&'static str] = attributes!["name", "admin_state_up", "port_id", "status", "sub_ports"];
    type New = TrunkSpec;
    type Change = TrunkChange;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<TrunkSpec> {
        attrs.not_in_post(&["status"])?;
        let change = read(attrs)?;
        let sub_ports = match attrs.take("sub_ports") {
            None => Vec::new(),
            Some(value) => subports(&value).map_err(|reason| invalid("sub_ports", reason))?,
        };
        Ok(TrunkSpec {
            project_id: attrs.project()?,
            name: change.name.unwrap_or_default(),
            description: change.description.unwrap_or_default(),
            admin_state_up: change.admin_state_up.unwrap_or(true),
            port_id: attrs.required_id("port_id")?,
            sub_ports,
            tags: attrs.tags("tags")?.unwrap_or_default(),
        })
    }

    /// Its ports are changed by requests of their own.
    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<TrunkChange> {
        attrs.not_in_put(&["port_id", "status", "sub_ports"])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<TrunkSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter().map(|spec| trunk::create(tx, actor, spec)).collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &TrunkId, change: TrunkChange) -> Result<Arc<Self>> {
        trunk::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &TrunkId) -> Result<()> {
        trunk::delete(tx, actor, *id)
    }

    fn look_up<'a>(cloud: &'a Cloud, filters: &Filters) -> Option<Vec<&'a Arc<Self>>> {
        let ports = filters.values("port_id")?;
        let ids: BTreeSet<PortId> = ports.iter().filter_map(|id| id.parse().ok()).collect();
        Some(ids.into_iter().filter_map(|id| trunk::of_parent(cloud, id)).collect())
    }
}

fn read(attrs: &mut Attrs) -> Result<TrunkChange> {
    Ok(TrunkChange {
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        admin_state_up: attrs.boolean("admin_state_up")?,
    })
}

/// Subports as they are asked for; an error is why they can't be. What else is said of one, such as its MAC, is left aside.
fn subports(value: &Value) -> Result<Vec<SubportSpec>, String> {
    let Value::Array(items) = value else {
        return Err(format!(
            "Invalid data format for subports: '{}' is not a list",
            shown(value)
        ));
    };
    let mut ports = BTreeSet::new();
    let mut tags = BTreeSet::new();
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        let subport = subport(item)?;
        if !ports.insert(subport.port_id) {
            return Err(format!("Non unique UUID for subport: '{}'", subport.port_id));
        }
        if let Some(Segmentation::Named { kind, id }) = &subport.segmentation
            && !tags.insert((kind.clone(), *id))
        {
            return Err(format!(
                "Segmentation ID '{id}' for '{}' is not unique",
                subport.port_id
            ));
        }
        read.push(subport);
    }
    Ok(read)
}

fn subport(value: &Value) -> Result<SubportSpec, String> {
    let Value::Object(map) = value else {
        return Err(format!(
            "Invalid data format for subport: '{}' is not a dict",
            shown(value)
        ));
    };
    let port_id = map.get("port_id").ok_or("A valid port UUID must be specified")?;
    let parsed = port_id.as_str().and_then(|text| text.parse().ok());
    let port_id: PortId = parsed.ok_or_else(|| format!("Invalid UUID for subport: '{}'", shown(port_id)))?;
    let said = |name: &str| map.get(name).filter(|value| !value.is_null() && *value != "");
    let segmentation = match (said("segmentation_type"), said("segmentation_id")) {
        (Some(kind), _) if kind == "inherit" => Some(Segmentation::Inherit),
        (Some(kind), Some(id)) => Some(Segmentation::Named {
            kind: shown(kind),
            id: number(id)?,
        }),
        (None, None) if map.len() == 1 => None,
        _ => {
            return Err(format!(
                "Invalid subport details '{}': missing segmentation information. Must specify both segmentation_id and \
                 segmentation_type",
                shown(value)
            ));
        }
    };
    Ok(SubportSpec { port_id, segmentation })
}

fn number(value: &Value) -> Result<i64, String> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        format!(
            "Invalid subport details: segmentation_id '{}' is not an integer",
            shown(value)
        )
    })
}

/// The subports that an action is about.
fn of_action(body: Value) -> Result<Vec<SubportSpec>> {
    let listed = match body {
        Value::Object(mut map) => map.remove("sub_ports"),
        _ => None,
    };
    let listed = listed.ok_or_else(|| bad_request("Unable to find 'sub_ports' in request body".to_owned()))?;
    subports(&listed)
        .map_err(|reason| Error::invalid("InvalidInput", format!("Invalid input for operation: {reason}.")))
}

/// What `PUT …/add_subports` or `…/remove_subports` asks for.
struct Action {
    id: TrunkId,
    subports: Vec<SubportSpec>,
    expected: Option<u64>,
}

impl Action {
    fn read(id: &str, headers: &HeaderMap, body: Value) -> Result<Self> {
        Ok(Self {
            id: parse_id::<Trunk>(id)?,
            subports: of_action(body)?,
            expected: expected_revision(headers)?,
        })
    }

    async fn run<F>(self, ctx: Ctx, rule: F) -> Reply
    where
        F: Fn(&mut Tx<'_>, &Actor, TrunkId, &[SubportSpec]) -> Result<Arc<Trunk>> + Send + 'static,
    {
        let row = ctx
            .transact(move |tx, actor| {
                get_visible::<Trunk>(tx.cloud(), actor, &self.id)?;
                check_revision::<Trunk>(tx.cloud(), &self.id, self.expected)?;
                rule(tx, actor, self.id, &self.subports)
            })
            .await?;
        Ok(bare(&ctx, &row))
    }
}

/// PUT `add_subports`.
pub(super) async fn add_subports(
    ctx: Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    Wire(body): Wire<Value>,
) -> Reply {
    Action::read(&id, &headers, body)?.run(ctx, trunk::add_subports).await
}

/// PUT `remove_subports`.
pub(super) async fn remove_subports(
    ctx: Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    Wire(body): Wire<Value>,
) -> Reply {
    let action = Action::read(&id, &headers, body)?;
    let remove = |tx: &mut Tx<'_>, actor: &Actor, id, subports: &[SubportSpec]| {
        let ports: Vec<PortId> = subports.iter().map(|subport| subport.port_id).collect();
        trunk::remove_subports(tx, actor, id, &ports)
    };
    action.run(ctx, remove).await
}

/// GET `get_subports`.
pub(super) async fn get_subports(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let row = get_visible::<Trunk>(&ctx.cloud(), ctx.actor(), &parse_id::<Trunk>(&id)?)?;
    document(&json!({"sub_ports": row.sub_ports}))
}

/// A trunk as its actions answer with it: without its name around it.
fn bare(ctx: &Ctx, row: &Trunk) -> Response {
    let cloud = ctx.cloud();
    let cx = ViewCx::new(ctx, &cloud);
    let mut out = Vec::with_capacity(2048);
    JsonSink::object(&mut out, &[], row, &cx);
    bytes(StatusCode::OK, out)
}

/// What a port tells of the trunk that it is the parent of (`trunk-details`).
#[derive(Serialize)]
pub(super) struct Details {
    trunk_id: TrunkId,
    sub_ports: Vec<SubportDetails>,
}

#[derive(Serialize)]
struct SubportDetails {
    #[serde(flatten)]
    subport: trunk::Subport,
    mac_address: String,
}

impl Details {
    /// Of a port; `None` when it carries no trunk.
    pub(super) fn of(cloud: &Cloud, parent: PortId) -> Option<Self> {
        let trunk = trunk::of_parent(cloud, parent)?;
        let details = |subport: &trunk::Subport| {
            let port: &Arc<Port> = cloud.ports.get(&subport.port_id)?;
            Some(SubportDetails {
                subport: subport.clone(),
                mac_address: port.mac_address.to_string(),
            })
        };
        Some(Self {
            trunk_id: trunk.id,
            sub_ports: trunk.sub_ports.iter().filter_map(details).collect(),
        })
    }
}
