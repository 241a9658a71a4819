//! NDP proxies of routers.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::network::NdpProxy;
use model::network::ndp_proxy::{self, NdpProxySpec, Words};
use model::{Actor, Cloud, NdpProxyId, PortId, Result, RouterId, Tx};

use super::attributes::{Attrs, TEXT};
use super::collection::Collection;
use super::filter::Filters;
use super::standard::put_untagged;
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

impl View for NdpProxy {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_untagged(&self.standard, out);
        out.put("router_id", &self.router_id);
        out.put("port_id", &self.port_id);
        out.put("ip_address", &self.ip_address);
    }
}

impl Collection for NdpProxy {
    const PLURAL: &'static str = "ndp_proxies";
    const PATH: &'static str = "ndp_proxies";
    // As in Neutron they have no tags.
    const ATTRIBUTES: &'static [&'static str] = &[
        "id",
        "project_id",
        "tenant_id",
        "name",
        "description",
        "router_id",
        "port_id",
        "ip_address",
        "revision_number",
        "created_at",
        "updated_at",
    ];
    type New = NdpProxySpec;
    type Change = Words;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<NdpProxySpec> {
        Ok(NdpProxySpec {
            project_id: attrs.project()?,
            words: words(attrs)?,
            router_id: attrs.required_id("router_id")?,
            port_id: attrs.required_id("port_id")?,
            ip_address: attrs.nullable_ip("ip_address")?.flatten(),
        })
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<Words> {
        attrs.not_in_put(&["router_id", "port_id", "ip_address"])?;
        words(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<NdpProxySpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter().map(|spec| ndp_proxy::create(tx, actor, spec)).collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &NdpProxyId, change: Words) -> Result<Arc<Self>> {
        ndp_proxy::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &NdpProxyId) -> Result<()> {
        ndp_proxy::delete(tx, actor, *id)
    }

    fn look_up<'a>(cloud: &'a Cloud, filters: &Filters) -> Option<Vec<&'a Arc<Self>>> {
        if let Some(ports) = filters.values("port_id") {
            let ids: BTreeSet<PortId> = ports.iter().filter_map(|id| id.parse().ok()).collect();
            return Some(ids.into_iter().flat_map(|id| ndp_proxy::of_port(cloud, id)).collect());
        }
        let routers = filters.values("router_id")?;
        let ids: BTreeSet<RouterId> = routers.iter().filter_map(|id| id.parse().ok()).collect();
        Some(ids.into_iter().flat_map(|id| ndp_proxy::of_router(cloud, id)).collect())
    }
}

fn words(attrs: &mut Attrs) -> Result<Words> {
    // The `openstack` client sends it when it was given none.
    attrs.skip_null("name");
    Ok(Words {
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
    })
}
