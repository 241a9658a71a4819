//! Subnets.

use std::sync::Arc;

use model::address::AddressRange;
use model::host::Ipv6Mode;
use model::network::Subnet;
use model::network::rbac;
use model::network::subnet::{self, SubnetSpec, ipv6_mode_name};
use model::{Actor, Cloud, NetworkId, Result, SubnetId, Tx};
use serde::Serialize;
use serde_json::Value;

use super::attributes::{self, Attrs, TEXT, invalid};
use super::collection::Collection;
use super::filter::Filters;
use super::standard::{attributes, put_standard};
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

#[derive(Serialize)]
struct Pool<'a> {
    start: &'a std::net::IpAddr,
    end: &'a std::net::IpAddr,
}

impl View for Subnet {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("network_id", &self.network_id);
        out.put("ip_version", &self.ip_version());
        out.put("cidr", &self.cidr);
        out.put("gateway_ip", &self.gateway_ip);
        if out.wants("allocation_pools") {
            let pools = self.allocation_pools.iter();
            let pools: Vec<Pool<'_>> = pools.map(|AddressRange { start, end }| Pool { start, end }).collect();
            out.put("allocation_pools", &pools);
        }
        out.put("enable_dhcp", &self.enable_dhcp);
        out.put("dns_nameservers", &self.dns_nameservers);
        out.put("host_routes", &self.host_routes);
        out.put("ipv6_ra_mode", &self.ipv6_ra_mode.map(ipv6_mode_name));
        out.put("ipv6_address_mode", &self.ipv6_address_mode.map(ipv6_mode_name));
        out.put("service_types", &self.service_types);
        out.put("subnetpool_id", &self.subnetpool_id);
        if cx.is_admin() {
            out.put("segment_id", &self.segment_id);
        }
        if out.wants("router:external") {
            let network = cx.cloud.networks.get(&self.network_id);
            out.put("router:external", &network.is_some_and(|network| network.external));
        }
        if out.wants("shared") {
            let network = cx.cloud.networks.get(&self.network_id);
            out.put_hidden(
                "shared",
                &network.is_some_and(|network| rbac::is_shared_with(cx.cloud, network, cx.actor.project_id())),
            );
        }
    }
}

impl Collection for Subnet {
    const PLURAL: &'static str = "subnets";
    const PATH: &'static str = "subnets";
    const ATTRIBUTES: &'static [&'static str] = attributes![
        "name",
        "network_id",
        "ip_version",
        "cidr",
        "gateway_ip",
        "allocation_pools",
        "enable_dhcp",
        "dns_nameservers",
        "host_routes",
        "ipv6_ra_mode",
        "ipv6_address_mode",
        "service_types",
        "subnetpool_id",
        "segment_id",
        "router:external",
        "shared",
    ];
    type New = (NetworkId, SubnetSpec);
    type Change = SubnetSpec;

    fn read_new(attrs: &mut Attrs, ctx: &Ctx) -> Result<Self::New> {
        attrs.not_in_post(&["router:external"])?;
        let network_id = attrs.required_id("network_id")?;
        let ip_version = attrs
            .integer("ip_version", i64::MIN, i64::MAX)?
            .ok_or_else(|| attributes::missing("ip_version"))?;
        if ip_version != 4 && ip_version != 6 {
            return Err(invalid("ip_version", format!("'{ip_version}' is not in [4, 6]")));
        }
        let cidr = match attrs.take("cidr") {
            None | Some(Value::Null) => None,
            Some(value) => Some(attributes::cidr("cidr", &value)?),
        };
        let mut spec = read(attrs)?;
        spec.cidr = cidr;
        spec.subnetpool_id = attrs.nullable_id("subnetpool_id")?.flatten();
        spec.segment_id = attrs.nullable_id("segment_id")?.flatten();
        spec.use_default_subnetpool = attrs.boolean("use_default_subnetpool")?.unwrap_or(false);
        spec.prefixlen = super::subnet_pool::length(attrs, "prefixlen")?;
        spec.ip_version = u8::try_from(ip_version).ok();
        spec.ipv6_ra_mode = mode(attrs, "ipv6_ra_mode")?;
        spec.ipv6_address_mode = mode(attrs, "ipv6_address_mode")?;
        spec.project_id = attrs.project()?;
        spec.tags = attrs.tags("tags")?;
        spec.host_prefixes = ctx.control().plan_settings().host_prefixes.clone();
        Ok((network_id, spec))
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<SubnetSpec> {
        attrs.not_in_put(&[
            "network_id",
            "ip_version",
            "cidr",
            "ipv6_ra_mode",
            "ipv6_address_mode",
            "subnetpool_id",
            "prefixlen",
            "segment_id",
            "router:external",
        ])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<Self::New>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|(network_id, spec)| subnet::create(tx, actor, network_id, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &SubnetId, change: SubnetSpec) -> Result<Arc<Self>> {
        subnet::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &SubnetId) -> Result<()> {
        subnet::delete(tx, actor, *id)
    }

    fn look_up<'a>(cloud: &'a Cloud, filters: &Filters) -> Option<Vec<&'a Arc<Self>>> {
        let networks = filters.values("network_id")?.iter().filter_map(|id| id.parse().ok());
        Some(networks.flat_map(|id| cloud.subnets_of_network(id)).collect())
    }

    async fn after_create(ctx: &Ctx, rows: Vec<Arc<Self>>) -> Result<Vec<Arc<Self>>> {
        for row in rows.iter().filter(|row| row.is_slaac()) {
            let id = row.id;
            while ctx.transact(move |tx, _| subnet::spread_auto_addresses(tx, id)).await? {}
        }
        Ok(rows)
    }

    async fn before_delete(ctx: &Ctx, id: &SubnetId) -> Result<()> {
        let id = *id;
        if subnet::addresses_in_use(&ctx.cloud(), id).nth(60).is_none() {
            return Ok(());
        }
        while ctx
            .transact(move |tx, actor| subnet::drop_auto_addresses(tx, actor, id))
            .await?
        {}
        Ok(())
    }
}

fn read(attrs: &mut Attrs) -> Result<SubnetSpec> {
    Ok(SubnetSpec {
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        gateway_ip: attrs.nullable_ip("gateway_ip")?,
        allocation_pools: pools(attrs)?,
        enable_dhcp: attrs.boolean("enable_dhcp")?,
        dns_nameservers: nameservers(attrs)?,
        host_routes: attrs.routes("host_routes")?,
        service_types: attrs.list("service_types", |value| attributes::text("service_types", value, TEXT))?,
        ..SubnetSpec::default()
    })
}

fn pools(attrs: &mut Attrs) -> Result<Option<Vec<AddressRange>>> {
    let name = "allocation_pools";
    match attrs.take(name) {
        None => Ok(None),
        // Neutron takes null for "as you like".
        Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => values
            .into_iter()
            .map(|value| {
                let mut pool = attributes::object(name, value)?;
                let (Some(start), Some(end)) = (pool.take("start"), pool.take("end")) else {
                    return Err(invalid(
                        name,
                        "Validation of dictionary's keys failed. Expected keys: {'start', 'end'}".to_owned(),
                    ));
                };
                pool.finish()?;
                Ok(AddressRange {
                    start: attributes::ip(name, &start)?,
                    end: attributes::ip(name, &end)?,
                })
            })
            .collect::<Result<Vec<_>>>()
            .map(Some),
        Some(value) => Err(invalid(
            name,
            format!("Invalid data format for IP pool: '{}'", attributes::shown(&value)),
        )),
    }
}

fn nameservers(attrs: &mut Attrs) -> Result<Option<Vec<std::net::IpAddr>>> {
    let name = "dns_nameservers";
    let servers = attrs.list(name, |value| {
        value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
            let shown = attributes::shown(&value);
            invalid(
                name,
                format!("'{shown}' is not a valid nameserver. '{shown}' is not a valid IP address"),
            )
        })
    })?;
    let Some(servers) = servers else { return Ok(None) };
    for (index, server) in servers.iter().enumerate() {
        if servers[..index].contains(server) {
            return Err(invalid(name, format!("Duplicate nameserver '{server}'")));
        }
    }
    Ok(Some(servers))
}

fn mode(attrs: &mut Attrs, name: &str) -> Result<Option<Ipv6Mode>> {
    match attrs.take(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let mode = [Ipv6Mode::Slaac, Ipv6Mode::Dhcpv6Stateless, Ipv6Mode::Dhcpv6Stateful]
                .into_iter()
                .find(|mode| value.as_str() == Some(ipv6_mode_name(*mode)));
            mode.map(Some).ok_or_else(|| {
                invalid(
                    name,
                    format!(
                        "'{}' is not in ['dhcpv6-stateful', 'dhcpv6-stateless', 'slaac']",
                        attributes::shown(&value)
                    ),
                )
            })
        }
    }
}
