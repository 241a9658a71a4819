//! Networks.

use std::sync::Arc;

use model::network::network::{self, MAX_MTU, NetworkSpec};
use model::network::{Network, address_scope, agent, rbac};
use model::{Actor, NetworkId, Result, Tx};

use super::attributes::{Attrs, TEXT, invalid};
use super::collection::Collection;
use super::standard::{attributes, put_standard};
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

impl View for Network {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("admin_state_up", &self.admin_state_up);
        out.put("status", self.status.as_str());
        out.put("shared", &rbac::is_shared_with(cx.cloud, self, cx.actor.project_id()));
        out.put("router:external", &self.external);
        out.put("is_default", &self.is_default);
        out.put("mtu", &self.mtu);
        out.put("port_security_enabled", &self.port_security_enabled);
        out.put("dns_domain", &self.dns_domain);
        out.put("qos_policy_id", &self.qos_policy_id);
        out.put("availability_zone_hints", &[(); 0]);
        if out.wants("ipv4_address_scope") || out.wants("ipv6_address_scope") {
            let (v4, v6) = address_scope::of_network(cx.cloud, self.id);
            out.put("ipv4_address_scope", &v4);
            out.put("ipv6_address_scope", &v6);
        }
        if out.wants("subnets") {
            let subnets: Vec<_> = cx.cloud.subnets_of_network(self.id).map(|subnet| subnet.id).collect();
            out.put("subnets", &subnets);
        }
        if out.wants("availability_zones") {
            let is_hosted = agent::hosts_network(cx.cloud, self);
            let zones: &[&str] = if is_hosted { &[super::agent::ZONE] } else { &[] };
            out.put("availability_zones", zones);
        }
        if cx.is_admin() {
            out.put("provider:network_type", self.network_type());
            out.put("provider:physical_network", &self.physical_network);
            out.put("provider:segmentation_id", &self.segmentation_id);
        }
    }
}

impl Collection for Network {
    const PLURAL: &'static str = "networks";
    const PATH: &'static str = "networks";
    const ATTRIBUTES: &'static [&'static str] = attributes![
        "name",
        "admin_state_up",
        "status",
        "shared",
        "router:external",
        "is_default",
        "mtu",
        "port_security_enabled",
        "dns_domain",
        "qos_policy_id",
        "availability_zone_hints",
        "ipv4_address_scope",
        "ipv6_address_scope",
        "subnets",
        "availability_zones",
        "provider:network_type",
        "provider:physical_network",
        "provider:segmentation_id",
    ];
    type New = NetworkSpec;
    type Change = NetworkSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<NetworkSpec> {
        attrs.not_in_post(&[
            "status",
            "subnets",
            "availability_zones",
            "ipv4_address_scope",
            "ipv6_address_scope",
        ])?;
        let mut spec = read(attrs)?;
        spec.project_id = attrs.project()?;
        spec.tags = attrs.tags("tags")?;
        no_zone_hints(attrs)?;
        Ok(spec)
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<NetworkSpec> {
        attrs.not_in_put(&[
            "status",
            "subnets",
            "availability_zones",
            "availability_zone_hints",
            "ipv4_address_scope",
            "ipv6_address_scope",
        ])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<NetworkSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter().map(|spec| network::create(tx, actor, spec)).collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &NetworkId, change: NetworkSpec) -> Result<Arc<Self>> {
        network::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &NetworkId) -> Result<()> {
        network::delete(tx, actor, *id)
    }
}

fn read(attrs: &mut Attrs) -> Result<NetworkSpec> {
    let nullable_text = |attrs: &mut Attrs, name: &str| -> Result<Option<String>> {
        match attrs.take(name) {
            None | Some(serde_json::Value::Null) => Ok(None),
            Some(value) => super::attributes::text(name, value, TEXT).map(Some),
        }
    };
    Ok(NetworkSpec {
        qos_policy_id: attrs.nullable_id("qos_policy_id")?,
        project_id: None,
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        admin_state_up: attrs.boolean("admin_state_up")?,
        shared: attrs.boolean("shared")?,
        external: attrs.boolean("router:external")?,
        is_default: attrs.boolean("is_default")?,
        mtu: attrs
            .integer("mtu", 0, i64::from(MAX_MTU))?
            .and_then(|mtu| u32::try_from(mtu).ok()),
        port_security_enabled: attrs.boolean("port_security_enabled")?,
        dns_domain: attrs.text("dns_domain", TEXT)?,
        network_type: nullable_text(attrs, "provider:network_type")?,
        physical_network: nullable_text(attrs, "provider:physical_network")?,
        segmentation_id: attrs
            .nullable_integer("provider:segmentation_id", 0, i64::from(u32::MAX))?
            .and_then(|id| u32::try_from(id).ok()),
        tags: None,
    })
}

/// There is one zone: asking for it is fine, asking for another can't be granted.
pub(super) fn no_zone_hints(attrs: &mut Attrs) -> Result<()> {
    let name = "availability_zone_hints";
    let hints = attrs.list(name, |value| super::attributes::text(name, value, TEXT))?;
    match hints.iter().flatten().find(|hint| *hint != super::agent::ZONE) {
        None => Ok(()),
        Some(hint) => Err(invalid(
            name,
            format!(
                "AvailabilityZone {hint} could not be found: '{}' is the only one",
                super::agent::ZONE
            ),
        )),
    }
}
