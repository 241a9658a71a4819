//! Address groups.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use ipnet::IpNet;
use model::network::AddressGroup;
use model::network::address_group::{self, AddressGroupSpec};
use model::{Actor, AddressGroupId, Result, Tx};
use serde_json::{Map, Value};

use super::attributes::{self, Attrs, TEXT, bad_request};
use super::collection::{Collection, one, parse_id};
use super::standard::{attributes, put_standard};
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::Reply;

impl View for AddressGroup {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("addresses", &self.addresses);
    }
}

impl Collection for AddressGroup {
    const PLURAL: &'static str = "address_groups";
    const PATH: &'static str = "address-groups";
    const ATTRIBUTES: &'static [&'static str] = attributes!["name", "addresses"];
    type New = AddressGroupSpec;
    type Change = AddressGroupSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<AddressGroupSpec> {
        let addresses = attrs.list("addresses", |value| {
            // Only prefixes: an address alone says too little.
            match value.as_str().is_some_and(|text| text.contains('/')) {
                true => attributes::ip_or_cidr("addresses", &value),
                false => Err(attributes::invalid(
                    "addresses",
                    format!("'{}' is not a valid IP subnet", attributes::shown(&value)),
                )),
            }
        })?;
        Ok(AddressGroupSpec {
            project_id: attrs.project()?,
            addresses: addresses.unwrap_or_default(),
            tags: attrs.tags("tags")?,
            ..read(attrs)?
        })
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<AddressGroupSpec> {
        attrs.not_in_put(&["addresses"])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<AddressGroupSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|spec| address_group::create(tx, actor, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &AddressGroupId, change: AddressGroupSpec) -> Result<Arc<Self>> {
        address_group::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &AddressGroupId) -> Result<()> {
        address_group::delete(tx, actor, *id)
    }
}

/// PUT `add_addresses`.
pub(super) async fn add_addresses(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = parse_id::<AddressGroup>(&id)?;
    let addresses = addresses(body)?;
    let row = ctx
        .transact(move |tx, actor| address_group::add_addresses(tx, actor, id, &addresses))
        .await?;
    Ok(one(&ctx, StatusCode::OK, &*row, &[]))
}

/// PUT `remove_addresses`.
pub(super) async fn remove_addresses(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let id = parse_id::<AddressGroup>(&id)?;
    let addresses = addresses(body)?;
    let row = ctx
        .transact(move |tx, actor| address_group::remove_addresses(tx, actor, id, &addresses))
        .await?;
    Ok(one(&ctx, StatusCode::OK, &*row, &[]))
}

fn addresses(body: Map<String, Value>) -> Result<Vec<IpNet>> {
    let mut attrs = Attrs::new(body);
    let addresses = attrs
        .list("addresses", |value| attributes::ip_or_cidr("addresses", &value))?
        .ok_or_else(|| bad_request("'addresses' is missing: a list of prefixes".to_owned()))?;
    attrs.finish()?;
    Ok(addresses)
}

fn read(attrs: &mut Attrs) -> Result<AddressGroupSpec> {
    Ok(AddressGroupSpec {
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        ..AddressGroupSpec::default()
    })
}
