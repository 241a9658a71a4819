//! Ports.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use model::host::ExtraDhcpOpt;
use model::network::port::{self, FixedIpSpec, PortSpec};
use model::network::{AllowedAddressPair, FixedIp, Port, Status, trunk};
use model::{Actor, Cloud, HostId, NetworkId, PortId, Result, Tx};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::attributes::{self, Attrs, TEXT, invalid};
use super::collection::Collection;
use super::filter::Filters;
use super::standard::{attributes, put_standard};
use super::trunk::Details;
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

#[derive(Serialize)]
struct Pair {
    ip_address: String,
    mac_address: String,
}

#[derive(Serialize)]
struct DhcpOpt<'a> {
    opt_name: &'a str,
    opt_value: &'a Option<String>,
    ip_version: u8,
}

#[derive(Serialize)]
struct Assignment {
    ip_address: IpAddr,
    hostname: String,
    fqdn: String,
}

impl View for Port {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("network_id", &self.network_id);
        out.put("mac_address", &self.mac_address);
        out.put("fixed_ips", &self.fixed_ips);
        out.put("device_id", &self.device_id);
        out.put("device_owner", &self.device_owner);
        out.put("admin_state_up", &self.admin_state_up);
        out.put("status", self.status.as_str());
        out.put("port_security_enabled", &self.port_security_enabled);
        out.put("security_groups", &self.security_groups);
        if out.wants("allowed_address_pairs") {
            let pairs: Vec<Pair> = self.allowed_address_pairs.iter().map(|pair| self.pair(pair)).collect();
            out.put("allowed_address_pairs", &pairs);
        }
        if out.wants("extra_dhcp_opts") {
            let opts: Vec<DhcpOpt<'_>> = self.extra_dhcp_opts.iter().map(dhcp_opt).collect();
            out.put("extra_dhcp_opts", &opts);
        }
        out.put("dns_name", &self.dns_name);
        if out.wants("dns_assignment") {
            out.put("dns_assignment", &assignments(self, cx));
        }
        out.put("qos_policy_id", &self.qos_policy_id);
        if out.wants("qos_network_policy_id") {
            let network = cx.cloud.networks.get(&self.network_id);
            out.put(
                "qos_network_policy_id",
                &network.and_then(|network| network.qos_policy_id),
            );
        }
        out.put("binding:vnic_type", &self.vnic_type);
        out.put(
            "ip_allocation",
            if self.fixed_ips.is_empty() { "none" } else { "immediate" },
        );
        // Only of a trunk's parent, as in Neutron.
        if out.wants("trunk_details")
            && let Some(details) = Details::of(cx.cloud, self.id)
        {
            out.put("trunk_details", &details);
        }
        if cx.is_admin() {
            put_binding(self, cx, out);
        }
    }
}

/// Extra words that Neutron keeps out of tenants' sight.
fn put_binding<S: Sink>(port: &Port, cx: &ViewCx<'_>, out: &mut S) {
    let host = trunk::host_of(cx.cloud, port);
    let is_bound = host.is_some() || port.attachment.is_some() || port.status == Status::Active;
    out.put("binding:host_id", host.map_or("", HostId::as_str));
    out.put("binding:profile", &port.binding_profile);
    out.put("binding:vif_type", if is_bound { "tap" } else { "unbound" });
    if out.wants("binding:vif_details") {
        let details = if is_bound {
            json!({"port_filter": true})
        } else {
            json!({})
        };
        out.put("binding:vif_details", &details);
    }
}

trait PairOf {
    fn pair(&self, pair: &AllowedAddressPair) -> Pair;
}

impl PairOf for Port {
    /// A single address is shown as it was given: without its length.
    fn pair(&self, pair: &AllowedAddressPair) -> Pair {
        let net = pair.ip_address;
        let is_host = net.prefix_len() == net.max_prefix_len();
        Pair {
            ip_address: if is_host {
                net.addr().to_string()
            } else {
                net.to_string()
            },
            mac_address: pair.mac_address.unwrap_or(self.mac_address).to_string(),
        }
    }
}

fn dhcp_opt(opt: &ExtraDhcpOpt) -> DhcpOpt<'_> {
    DhcpOpt {
        opt_name: &opt.name,
        opt_value: &opt.value,
        ip_version: opt.ip_version,
    }
}

/// The names that the network's resolver answers for the port's addresses.
fn assignments(port: &Port, cx: &ViewCx<'_>) -> Vec<Assignment> {
    let domain = cx
        .cloud
        .networks
        .get(&port.network_id)
        .map(|network| network.dns_domain.trim_matches('.'))
        .filter(|domain| !domain.is_empty())
        .unwrap_or(cx.dns_domain);
    let assign = |FixedIp { ip_address, .. }: &FixedIp| {
        let hostname = if port.dns_name.is_empty() {
            format!("host-{}", ip_address.to_string().replace(['.', ':'], "-"))
        } else {
            port.dns_name.clone()
        };
        Assignment {
            ip_address: *ip_address,
            fqdn: format!("{hostname}.{domain}."),
            hostname,
        }
    };
    port.fixed_ips.iter().map(assign).collect()
}

impl Collection for Port {
    const PLURAL: &'static str = "ports";
    const PATH: &'static str = "ports";
    const ATTRIBUTES: &'static [&'static str] = attributes![
        "name",
        "network_id",
        "mac_address",
        "fixed_ips",
        "device_id",
        "device_owner",
        "admin_state_up",
        "status",
        "port_security_enabled",
        "security_groups",
        "allowed_address_pairs",
        "extra_dhcp_opts",
        "dns_name",
        "dns_assignment",
        "ip_allocation",
        "qos_policy_id",
        "qos_network_policy_id",
        "binding:vnic_type",
        "binding:host_id",
        "binding:profile",
        "binding:vif_type",
        "binding:vif_details",
    ];
    type New = (NetworkId, PortSpec);
    type Change = PortSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<Self::New> {
        attrs.not_in_post(&[
            "status",
            "dns_assignment",
            "ip_allocation",
            "qos_network_policy_id",
            "binding:vif_type",
            "binding:vif_details",
            "trunk_details",
        ])?;
        let network_id = attrs.required_id("network_id")?;
        let mut spec = read(attrs)?;
        spec.project_id = attrs.project()?;
        spec.tags = attrs.tags("tags")?;
        Ok((network_id, spec))
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<PortSpec> {
        attrs.not_in_put(&[
            "network_id",
            "status",
            "dns_assignment",
            "ip_allocation",
            "qos_network_policy_id",
            "binding:vif_type",
            "binding:vif_details",
            "trunk_details",
        ])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<Self::New>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|(network_id, spec)| port::create(tx, actor, network_id, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &PortId, change: PortSpec) -> Result<Arc<Self>> {
        port::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &PortId) -> Result<()> {
        port::delete(tx, actor, *id)
    }

    fn look_up<'a>(cloud: &'a Cloud, filters: &Filters) -> Option<Vec<&'a Arc<Self>>> {
        if let Some(devices) = filters.values("device_id")
            && devices.iter().all(|device| !device.is_empty())
        {
            return Some(
                devices
                    .iter()
                    .flat_map(|device| cloud.ports_of_device(device))
                    .collect(),
            );
        }
        let networks = filters.values("network_id")?.iter().filter_map(|id| id.parse().ok());
        Some(networks.flat_map(|id| cloud.ports_of_network(id)).collect())
    }
}

fn read(attrs: &mut Attrs) -> Result<PortSpec> {
    let random_mac = attrs.skip_null("mac_address");
    Ok(PortSpec {
        project_id: None,
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        admin_state_up: attrs.boolean("admin_state_up")?,
        mac_address: attrs.mac("mac_address")?,
        random_mac,
        fixed_ips: attrs.list("fixed_ips", |value| fixed_ip("fixed_ips", value))?,
        device_id: attrs.text("device_id", TEXT)?,
        device_owner: attrs.text("device_owner", TEXT)?,
        security_groups: attrs.ids("security_groups")?,
        allowed_address_pairs: attrs.list("allowed_address_pairs", address_pair)?,
        port_security_enabled: attrs.boolean("port_security_enabled")?,
        extra_dhcp_opts: attrs.list("extra_dhcp_opts", read_dhcp_opt)?,
        dns_name: attrs.text("dns_name", TEXT)?,
        host_id: host(attrs)?,
        vnic_type: attrs.text("binding:vnic_type", TEXT)?,
        binding_profile: profile(attrs)?,
        qos_policy_id: attrs.nullable_id("qos_policy_id")?,
        tags: None,
    })
}

/// An address by subnet, by address, or both; null stands for "any".
pub(super) fn fixed_ip(name: &str, value: Value) -> Result<FixedIpSpec> {
    let mut attrs = attributes::object(name, value)?;
    let spec = FixedIpSpec {
        subnet_id: attrs.nullable_id("subnet_id")?.flatten(),
        ip_address: attrs.nullable_ip("ip_address")?.flatten(),
    };
    attrs.finish()?;
    Ok(spec)
}

fn address_pair(value: Value) -> Result<AllowedAddressPair> {
    let name = "allowed_address_pairs";
    let mut attrs = attributes::object(name, value)?;
    let ip_address: IpNet = match attrs.take("ip_address") {
        None | Some(Value::Null) => {
            return Err(model::Error::invalid(
                "AllowedAddressPairsMissingIP",
                "AllowedAddressPair must contain ip_address",
            ));
        }
        Some(value) => attributes::ip_or_cidr(name, &value)?,
    };
    let mac_address = attrs.mac("mac_address")?;
    attrs.finish()?;
    Ok(AllowedAddressPair {
        ip_address,
        mac_address,
    })
}

fn read_dhcp_opt(value: Value) -> Result<ExtraDhcpOpt> {
    let name = "extra_dhcp_opts";
    let mut attrs = attributes::object(name, value)?;
    let opt = ExtraDhcpOpt {
        name: attrs
            .text("opt_name", 64)?
            .ok_or_else(|| attributes::missing("opt_name"))?,
        value: match attrs.take("opt_value") {
            None | Some(Value::Null) => None,
            Some(value) => Some(attributes::text("opt_value", value, TEXT)?),
        },
        ip_version: attrs.integer("ip_version", 4, 6)?.map_or(4, |version| version as u8),
    };
    attrs.finish()?;
    Ok(opt)
}

fn host(attrs: &mut Attrs) -> Result<Option<Option<HostId>>> {
    match attrs.take("binding:host_id") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => {
            let host = attributes::text("binding:host_id", value, TEXT)?;
            Ok(Some((!host.is_empty()).then(|| HostId::from(host))))
        }
    }
}

fn profile(attrs: &mut Attrs) -> Result<Option<Map<String, Value>>> {
    let name = "binding:profile";
    let map = match attrs.take(name) {
        None => return Ok(None),
        Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map,
        Some(other) => {
            return Err(invalid(
                name,
                format!("'{}' is not a dictionary", attributes::shown(&other)),
            ));
        }
    };
    // Neutron keeps it in a text of 4095 characters.
    if serde_json::to_string(&map).is_ok_and(|text| text.len() > 4095) {
        return Err(invalid(name, "the profile is larger than 4095 characters".to_owned()));
    }
    Ok(Some(map))
}
