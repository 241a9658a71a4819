//! Subnet pools.

use std::sync::Arc;

use axum::extract::Path;
use ipnet::IpNet;
use model::network::SubnetPool;
use model::network::subnet_pool::{self, SubnetPoolSpec};
use model::{Actor, Result, SubnetPoolId, Tx};
use serde_json::{Value, json};

use super::attributes::{self, Attrs, TEXT, bad_request, invalid};
use super::collection::{Collection, parse_id};
use super::standard::{attributes, put_standard};
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as document};

impl View for SubnetPool {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("prefixes", &self.prefixes);
        out.put("ip_version", &self.ip_version());
        // Neutron writes these as text.
        out.put("default_prefixlen", &self.default_prefixlen.to_string());
        out.put("min_prefixlen", &self.min_prefixlen.to_string());
        out.put("max_prefixlen", &self.max_prefixlen.to_string());
        out.put("default_quota", &self.default_quota);
        out.put("shared", &self.is_shared_with(cx.cloud, cx.actor.project_id()));
        out.put("is_default", &self.is_default);
        out.put("address_scope_id", &self.address_scope_id);
    }
}

impl Collection for SubnetPool {
    const PLURAL: &'static str = "subnetpools";
    const PATH: &'static str = "subnetpools";
    const ATTRIBUTES: &'static [&'static str] = attributes![
        "name",
        "prefixes",
        "ip_version",
        "default_prefixlen",
        "min_prefixlen",
        "max_prefixlen",
        "default_quota",
        "shared",
        "is_default",
        "address_scope_id",
    ];
    type New = SubnetPoolSpec;
    type Change = SubnetPoolSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<SubnetPoolSpec> {
        attrs.not_in_post(&["ip_version"])?;
        Ok(SubnetPoolSpec {
            project_id: attrs.project()?,
            shared: attrs.boolean("shared")?,
            tags: attrs.tags("tags")?,
            ..read(attrs)?
        })
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<SubnetPoolSpec> {
        attrs.not_in_put(&["ip_version", "shared"])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<SubnetPoolSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|spec| subnet_pool::create(tx, actor, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &SubnetPoolId, change: SubnetPoolSpec) -> Result<Arc<Self>> {
        subnet_pool::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &SubnetPoolId) -> Result<()> {
        subnet_pool::delete(tx, actor, *id)
    }
}

/// PUT `add_prefixes`.
pub(super) async fn add_prefixes(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<SubnetPool>(&id)?;
    let prefixes = listed_prefixes(body)?;
    let pool = ctx
        .transact(move |tx, actor| subnet_pool::add_prefixes(tx, actor, id, prefixes))
        .await?;
    document(&json!({"prefixes": pool.prefixes}))
}

/// PUT `remove_prefixes`.
pub(super) async fn remove_prefixes(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<SubnetPool>(&id)?;
    let prefixes = listed_prefixes(body)?;
    let pool = ctx
        .transact(move |tx, actor| subnet_pool::remove_prefixes(tx, actor, id, &prefixes))
        .await?;
    document(&json!({"prefixes": pool.prefixes}))
}

/// The prefixes of a body; one at least.
fn listed_prefixes(body: Value) -> Result<Vec<IpNet>> {
    let list = match body {
        Value::Object(mut map) => map.remove("prefixes"),
        _ => None,
    };
    match list {
        Some(Value::Array(values)) if !values.is_empty() => {
            values.iter().map(|value| prefix("prefixes", value)).collect()
        }
        _ => Err(bad_request(
            "Request body contains invalid data: send {\"prefixes\": [...]} with a prefix at least.".to_owned(),
        )),
    }
}

fn read(attrs: &mut Attrs) -> Result<SubnetPoolSpec> {
    let default_quota = match attrs.take("default_quota") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(value) => Some(u64::try_from(attributes::integer("default_quota", &value, 0, i64::MAX)?).ok()),
    };
    Ok(SubnetPoolSpec {
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        prefixes: prefixes(attrs)?,
        default_prefixlen: length(attrs, "default_prefixlen")?,
        min_prefixlen: length(attrs, "min_prefixlen")?,
        max_prefixlen: length(attrs, "max_prefixlen")?,
        default_quota,
        address_scope_id: attrs.nullable_id("address_scope_id")?,
        is_default: attrs.boolean("is_default")?,
        ..SubnetPoolSpec::default()
    })
}

/// A list of prefixes, or a single one as text.
fn prefixes(attrs: &mut Attrs) -> Result<Option<Vec<IpNet>>> {
    let name = "prefixes";
    match attrs.take(name) {
        None => Ok(None),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| prefix(name, value))
            .collect::<Result<Vec<_>>>()
            .map(Some),
        Some(value @ Value::String(_)) => Ok(Some(vec![prefix(name, &value)?])),
        Some(value) => Err(invalid(name, format!("'{}' is not a list", attributes::shown(&value)))),
    }
}

/// A prefix; host bits do not count.
fn prefix(name: &str, value: &Value) -> Result<IpNet> {
    match value.as_str().is_some_and(|text| text.contains('/')) {
        true => attributes::ip_or_cidr(name, value).map(|net| net.trunc()),
        false => Err(invalid(
            name,
            format!("'{}' is not a valid IP subnet", attributes::shown(value)),
        )),
    }
}

pub(super) fn length(attrs: &mut Attrs, name: &str) -> Result<Option<u8>> {
    let length = attrs.nullable_integer(name, 0, 128)?;
    Ok(length.and_then(|length| u8::try_from(length).ok()))
}
