//! Address scopes.

use std::sync::Arc;

use model::network::address_scope::{self, AddressScopeSpec};
use model::network::{AddressScope, sharing};
use model::{Actor, AddressScopeId, Result, Tx};

use super::attributes::{self, Attrs, TEXT, invalid};
use super::collection::Collection;
use super::standard::{attributes, put_standard};
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

impl View for AddressScope {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("ip_version", &self.ip_version);
        out.put(
            "shared",
            &sharing::is_shared_with(cx.cloud, self.id.0, cx.actor.project_id()),
        );
    }
}

impl Collection for AddressScope {
    const PLURAL: &'static str = "address_scopes";
    const PATH: &'static str = "address-scopes";
    const ATTRIBUTES: &'static [&'static str] = attributes!["name", "ip_version", "shared"];
    type New = AddressScopeSpec;
    type Change = AddressScopeSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<AddressScopeSpec> {
        let version = attrs
            .take("ip_version")
            .ok_or_else(|| attributes::missing("ip_version"))?;
        let ip_version = match attributes::integer("ip_version", &version, i64::MIN, i64::MAX)? {
            4 => 4,
            6 => 6,
            other => return Err(invalid("ip_version", format!("'{other}' is not in [4, 6]"))),
        };
        Ok(AddressScopeSpec {
            project_id: attrs.project()?,
            ip_version: Some(ip_version),
            tags: attrs.tags("tags")?,
            ..read(attrs)?
        })
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<AddressScopeSpec> {
        attrs.not_in_put(&["ip_version"])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<AddressScopeSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|spec| address_scope::create(tx, actor, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &AddressScopeId, change: AddressScopeSpec) -> Result<Arc<Self>> {
        address_scope::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &AddressScopeId) -> Result<()> {
        address_scope::delete(tx, actor, *id)
    }
}

fn read(attrs: &mut Attrs) -> Result<AddressScopeSpec> {
    Ok(AddressScopeSpec {
        name: attrs.text("name", TEXT)?,
        shared: attrs.boolean("shared")?,
        ..AddressScopeSpec::default()
    })
}
