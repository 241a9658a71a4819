//! Floating IPs.

use std::sync::Arc;

use model::network::floating_ip::{self, FloatingIpSpec};
use model::network::{FloatingIp, Port};
use model::{Actor, Cloud, FloatingIpId, NetworkId, Result, Tx};
use serde::Serialize;

use super::attributes::{Attrs, TEXT};
use super::collection::Collection;
use super::filter::Filters;
use super::port_forwarding::summaries;
use super::standard::{attributes, put_standard};
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

/// What a floating IP tells of its port (`fip-port-details`).
#[derive(Serialize)]
struct PortDetails<'a> {
    name: &'a str,
    network_id: NetworkId,
    mac_address: String,
    admin_state_up: bool,
    status: &'static str,
    device_id: &'a str,
    device_owner: &'a str,
}

impl<'a> PortDetails<'a> {
    fn of(port: &'a Port) -> Self {
        Self {
            name: &port.standard.name,
            network_id: port.network_id,
            mac_address: port.mac_address.to_string(),
            admin_state_up: port.admin_state_up,
            status: port.status.as_str(),
            device_id: &port.device_id,
            device_owner: &port.device_owner,
        }
    }
}

impl View for FloatingIp {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        put_standard(&self.standard, out);
        out.put("floating_network_id", &self.floating_network_id);
        out.put("floating_ip_address", &self.floating_ip_address);
        out.put("port_id", &self.port_id);
        out.put("fixed_ip_address", &self.fixed_ip_address);
        out.put("router_id", &self.router_id);
        out.put("status", self.status.as_str());
        out.put("dns_name", &self.dns_name);
        out.put("dns_domain", &self.dns_domain);
        out.put("qos_policy_id", &self.qos_policy_id);
        if out.wants("port_details") {
            let port = self.port_id.and_then(|id| cx.cloud.ports.get(&id));
            out.put("port_details", &port.map(|port| PortDetails::of(port)));
        }
        if out.wants("port_forwardings") {
            out.put("port_forwardings", &summaries(cx.cloud, self.id));
        }
    }
}

impl Collection for FloatingIp {
    const PLURAL: &'static str = "floatingips";
    const PATH: &'static str = "floatingips";
    const ATTRIBUTES: &'static [&'static str] = attributes![
        "floating_network_id",
        "floating_ip_address",
        "port_id",
        "fixed_ip_address",
        "router_id",
        "status",
        "dns_name",
        "dns_domain",
        "qos_policy_id",
        "port_details",
        "port_forwardings",
    ];
    type New = (NetworkId, FloatingIpSpec);
    type Change = FloatingIpSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<Self::New> {
        attrs.not_in_post(&["status", "router_id", "port_details", "port_forwardings"])?;
        let network_id = attrs.required_id("floating_network_id")?;
        let spec = FloatingIpSpec {
            project_id: attrs.project()?,
            subnet_id: attrs.nullable_id("subnet_id")?.flatten(),
            floating_ip_address: attrs.nullable_ip("floating_ip_address")?.flatten(),
            dns_name: attrs.text("dns_name", TEXT)?,
            dns_domain: attrs.text("dns_domain", TEXT)?,
            tags: attrs.tags("tags")?,
            ..read(attrs)?
        };
        Ok((network_id, spec))
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<FloatingIpSpec> {
        attrs.not_in_put(&[
            "floating_network_id",
            "floating_ip_address",
            "subnet_id",
            "router_id",
            "status",
            "dns_name",
            "dns_domain",
            "port_details",
            "port_forwardings",
        ])?;
        if attrs.is_empty() {
            // From the days when a floating IP had nothing else that could change: saying nothing lets it lead nowhere.
            return Ok(FloatingIpSpec {
                port_id: Some(None),
                ..FloatingIpSpec::default()
            });
        }
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<Self::New>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|(network_id, spec)| floating_ip::create(tx, actor, network_id, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &FloatingIpId, change: FloatingIpSpec) -> Result<Arc<Self>> {
        floating_ip::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &FloatingIpId) -> Result<()> {
        floating_ip::delete(tx, actor, *id)
    }

    fn look_up<'a>(cloud: &'a Cloud, filters: &Filters) -> Option<Vec<&'a Arc<Self>>> {
        let ports = filters.values("port_id")?;
        if ports.iter().any(String::is_empty) {
            return None;
        }
        let ids = ports
            .iter()
            .filter_map(|id| id.parse().ok())
            .flat_map(|id| cloud.lookups.floating_ips_by_port.of(&id));
        Some(ids.filter_map(|id| cloud.floating_ips.get(id)).collect())
    }
}

fn read(attrs: &mut Attrs) -> Result<FloatingIpSpec> {
    Ok(FloatingIpSpec {
        description: attrs.text("description", TEXT)?,
        port_id: attrs.nullable_id("port_id")?,
        fixed_ip_address: attrs.nullable_ip("fixed_ip_address")?.flatten(),
        qos_policy_id: attrs.nullable_id("qos_policy_id")?,
        ..FloatingIpSpec::default()
    })
}
