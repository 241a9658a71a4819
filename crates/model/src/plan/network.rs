//! A self-service network's fragment: made as a whole, or brought up to date part by part.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use ipnet::IpNet;

use super::touched::NetworkTouch;
use super::{View, filter};
use crate::address::with_prefix;
use crate::compute::VmState;
use crate::host::{
    FilterRule, FixedIpConfig, NetworkConfig, PortBinding, PortConfig, Remote, ServicePort, SubnetConfig,
};
use crate::network::{Network, Port, Subnet, agent, device_owner, port, qos, trunk};
use crate::{AddressGroupId, Cloud, NetworkId, PortId, SecurityGroupId, ServerId};

/// The network as this host needs it; `None` when no port of it is in use here. Parts that are as in `old` are shared
/// with it.
pub(crate) fn plan(view: &View<'_>, id: NetworkId, old: Option<&NetworkConfig>) -> Option<NetworkConfig> {
    let network = view.cloud.networks.get(&id).filter(|network| !network.external)?;
    let ports: OrdMap<PortId, Arc<PortConfig>> = view
        .cloud
        .ports_of_network(id)
        .filter_map(|port| {
            let new = plan_port(view, network, port)?;
            let old = old.and_then(|old| old.ports.get(&port.id)).filter(|old| ***old == new);
            Some((port.id, old.map_or_else(|| Arc::new(new), Arc::clone)))
        })
        .collect();
    let service_port = service_port(view, id);
    if ports.is_empty() && service_port.is_none() {
        return None;
    }
    let groups = groups(view.cloud, &ports);
    let stateless = stateless(view.cloud, groups.keys());
    let members = members(view.cloud, &groups);
    let mut new = NetworkConfig {
        id,
        mtu: network.mtu,
        dns_domain: dns_domain(view, network),
        subnets: view
            .cloud
            .subnets_of_network(id)
            .map(|subnet| plan_subnet(subnet))
            .collect(),
        service_port,
        ports,
        groups,
        stateless,
        members,
        names: names(view.cloud, id),
    };
    if let Some(old) = old {
        share(&mut new.ports, &old.ports);
        share(&mut new.groups, &old.groups);
        share(&mut new.members, &old.members);
        share(&mut new.names, &old.names);
    }
    Some(new)
}

/// Takes the old map where the new one is equal.
fn share<K: Ord + Clone, V: PartialEq + Clone>(new: &mut OrdMap<K, V>, old: &OrdMap<K, V>) {
    if new == old {
        *new = old.clone();
    }
}

/// What became of a network's fragment.
pub(crate) enum Update {
    /// Nothing: it stays the same value.
    Same,
    /// It is this now.
    New(Arc<NetworkConfig>),
    /// Nothing of it is in use here any more.
    Gone,
}

/// Brings a fragment up to date with changes of ports, groups and servers. The network and its subnets are as they were.
pub(crate) fn update(view: &View<'_>, old: &NetworkConfig, touch: &NetworkTouch) -> Update {
    let here = view.cloud.networks.get(&old.id).filter(|network| !network.external);
    let Some(network) = here else { return Update::Gone };
    let mut parts = Parts {
        view,
        new: old.clone(),
        changed: false,
    };
    let regrouped = parts.ports(network, &touch.ports);
    if touch.service_port {
        let service_port = service_port(view, old.id);
        parts.changed |= service_port != parts.new.service_port;
        parts.new.service_port = service_port;
    }
    if parts.new.ports.is_empty() && parts.new.service_port.is_none() {
        return Update::Gone;
    }
    parts.groups(&touch.groups, &regrouped);
    parts.members(&touch.members);
    parts.address_groups(&touch.address_groups);
    parts.names(&touch.named);
    if parts.changed {
        Update::New(Arc::new(parts.new))
    } else {
        Update::Same
    }
}

/// A fragment under way.
struct Parts<'a> {
    view: &'a View<'a>,
    new: NetworkConfig,
    changed: bool,
}

impl Parts<'_> {
    /// Plans some ports anew. Returns the groups that one of them entered or left.
    fn ports(&mut self, network: &Network, ids: &BTreeSet<PortId>) -> BTreeSet<SecurityGroupId> {
        let mut regrouped = BTreeSet::new();
        for id in ids {
            let row = self
                .view
                .cloud
                .ports
                .get(id)
                .filter(|port| port.network_id == network.id);
            let new = row.and_then(|port| plan_port(self.view, network, port));
            let old = self.new.ports.get(id);
            if old.map(Arc::as_ref) == new.as_ref() {
                continue;
            }
            let none = BTreeSet::new();
            let was_in = old.map_or(&none, |port| &port.security_groups);
            let is_in = new.as_ref().map_or(&none, |port| &port.security_groups);
            regrouped.extend(was_in.symmetric_difference(is_in).copied());
            match new {
                Some(new) => drop(self.new.ports.insert(*id, Arc::new(new))),
                None => drop(self.new.ports.remove(id)),
            }
            self.changed = true;
        }
        regrouped
    }

    /// Brings groups up to date that changed themselves (`ruled`) or that ports entered or left, and with them which groups'
    /// members are listed.
    fn groups(&mut self, ruled: &BTreeSet<SecurityGroupId>, regrouped: &BTreeSet<SecurityGroupId>) {
        let mut changed = self.group_rules(ruled, regrouped);
        for group in ruled.union(regrouped) {
            let is_listed = self.new.groups.contains_key(group) && is_stateless(self.view.cloud, *group);
            changed |= match is_listed {
                true => self.new.stateless.insert(*group).is_none(),
                false => self.new.stateless.remove(group).is_some(),
            };
        }
        if changed {
            self.changed = true;
            self.listed_members();
        }
    }

    /// Whether rules are others now.
    fn group_rules(&mut self, ruled: &BTreeSet<SecurityGroupId>, regrouped: &BTreeSet<SecurityGroupId>) -> bool {
        let mut changed = false;
        for group in ruled.union(regrouped) {
            let listed = self.new.groups.get(group);
            if listed.is_some() && !ruled.contains(group) && self.is_used(*group) {
                continue;
            }
            let new = self.is_used(*group).then(|| rules(self.view.cloud, *group));
            if listed.map(Arc::as_ref) == new.as_ref() {
                continue;
            }
            match new {
                Some(new) => drop(self.new.groups.insert(*group, Arc::new(new))),
                None => drop(self.new.groups.remove(group)),
            }
            changed = true;
        }
        changed
    }

    /// Lists the members of the groups that rules name now, and of no others.
    fn listed_members(&mut self) {
        let named = remote_groups(&self.new.groups);
        let gone: Vec<_> = self
            .new
            .members
            .keys()
            .filter(|id| !named.contains(*id))
            .copied()
            .collect();
        for group in gone {
            self.new.members.remove(&group);
        }
        for group in named {
            if !self.new.members.contains_key(&group) {
                let addresses = member_addresses(self.view.cloud, group);
                self.new.members.insert(group, addresses);
            }
        }
    }

    /// Whether a port here is in a group. Mostly one of the first is.
    fn is_used(&self, group: SecurityGroupId) -> bool {
        self.new
            .ports
            .values()
            .any(|port| port.security_groups.contains(&group))
    }

    /// Enters addresses that are a group's, and takes those away that no member has any more.
    fn members(&mut self, touched: &BTreeMap<SecurityGroupId, BTreeSet<(IpNet, PortId)>>) {
        let cloud = self.view.cloud;
        for (group, addresses) in touched {
            let Some(listed) = self.new.members.get(group) else {
                continue;
            };
            let mut members = listed.clone();
            let mut doubtful = BTreeSet::new();
            for (net, port) in addresses {
                let row = cloud
                    .ports
                    .get(port)
                    .filter(|port| port.security_groups.contains(group));
                if row.is_some_and(|port| contributions(port).any(|own| own == *net)) {
                    members.insert(*net);
                } else {
                    doubtful.insert(*net);
                }
            }
            if !doubtful.is_empty() {
                // Another member may have the same address, in a network of its own. One look at all serves all of them.
                let still: BTreeSet<IpNet> = members_of(cloud, *group)
                    .flat_map(|port| contributions(port))
                    .filter(|net| doubtful.contains(net))
                    .collect();
                for net in doubtful.difference(&still) {
                    members.remove(net);
                }
            }
            if members.len() != listed.len() || members != *listed {
                self.new.members.insert(*group, members);
                self.changed = true;
            }
        }
    }

    /// Brings the members of address groups up to date.
    fn address_groups(&mut self, touched: &BTreeSet<SecurityGroupId>) {
        for group in touched
            .iter()
            .filter(|group| self.new.members.contains_key(*group))
            .copied()
            .collect::<Vec<_>>()
        {
            let addresses = member_addresses(self.view.cloud, group);
            if self.new.members.get(&group) != Some(&addresses) {
                self.new.members.insert(group, addresses);
                self.changed = true;
            }
        }
    }

    /// Enters the names of ports, and takes those away that none has any more.
    fn names(&mut self, rows: &[Arc<Port>]) {
        let (cloud, id) = (self.view.cloud, self.new.id);
        let mut names = self.new.names.clone();
        let mut doubtful: BTreeSet<(String, IpAddr)> = BTreeSet::new();
        for row in rows {
            let now = cloud.ports.get(&row.id).filter(|now| now.network_id == id);
            let still: BTreeSet<(String, IpAddr)> = now.into_iter().flat_map(|port| names_of(port)).collect();
            doubtful.extend(names_of(row).filter(|pair| !still.contains(pair)));
            for (name, ip) in still {
                if !names.get(&name).is_some_and(|ips| ips.contains(&ip)) {
                    names.entry(name).or_default().insert(ip);
                    self.changed = true;
                }
            }
        }
        if !doubtful.is_empty() {
            let addresses: BTreeSet<IpAddr> = doubtful.iter().map(|(_, ip)| *ip).collect();
            let with_one = |port: &&Arc<Port>| port.fixed_ips.iter().any(|ip| addresses.contains(&ip.ip_address));
            for port in cloud.ports_of_network(id).filter(with_one) {
                for pair in names_of(port) {
                    doubtful.remove(&pair);
                }
            }
        }
        for (name, ip) in doubtful {
            let Some(ips) = names.get_mut(&name) else { continue };
            self.changed |= ips.remove(&ip);
            if ips.is_empty() {
                names.remove(&name);
            }
        }
        self.new.names = names;
    }
}

pub(crate) fn dns_domain(view: &View<'_>, network: &Network) -> String {
    let own = network.dns_domain.trim_matches('.');
    if own.is_empty() {
        view.settings.dns_domain.clone()
    } else {
        own.to_owned()
    }
}

pub(crate) fn plan_subnet(subnet: &Subnet) -> SubnetConfig {
    SubnetConfig {
        id: subnet.id,
        cidr: subnet.cidr,
        gateway: subnet.gateway_ip,
        dhcp: subnet.enable_dhcp,
        dns_nameservers: subnet.dns_nameservers.clone(),
        host_routes: subnet.host_routes.clone(),
        ipv6: subnet.ipv6_address_mode,
    }
}

fn plan_port(view: &View<'_>, network: &Network, port: &Port) -> Option<PortConfig> {
    Some(PortConfig {
        id: port.id,
        network_id: port.network_id,
        mac: port.mac_address,
        fixed_ips: fixed_ips(view.cloud, port),
        binding: binding(view, port)?,
        admin_state_up: port.admin_state_up && network.admin_state_up,
        // Routers speak for whole networks; what leaves them was filtered where it entered.
        port_security: port.port_security_enabled && !port.is_network_owned(),
        allowed_address_pairs: port
            .allowed_address_pairs
            .iter()
            .map(|pair| (pair.ip_address, pair.mac_address.unwrap_or(port.mac_address)))
            .collect(),
        security_groups: port.security_groups.clone(),
        dns_name: Some(port.dns_name.clone()).filter(|name| !name.is_empty()),
        extra_dhcp_opts: port.extra_dhcp_opts.clone(),
        qos: qos::effective(port, network)
            .and_then(|id| qos::resolve(view.cloud, id))
            .map(Arc::new),
    })
}

/// A port's addresses with their subnets' prefix lengths.
pub(crate) fn fixed_ips(cloud: &Cloud, port: &Port) -> Vec<FixedIpConfig> {
    let with_subnet = port
        .fixed_ips
        .iter()
        .filter_map(|fixed| Some((fixed, cloud.subnets.get(&fixed.subnet_id)?)));
    with_subnet
        .map(|(fixed, subnet)| FixedIpConfig {
            subnet_id: subnet.id,
            address: with_prefix(fixed.ip_address, &subnet.cidr),
        })
        .collect()
}

/// What is plugged in on this host, if anything.
fn binding(view: &View<'_>, port: &Port) -> Option<PortBinding> {
    match trunk::of_subport(view.cloud, port.id) {
        Some(trunk) => super::trunk::binding(view, trunk),
        None => device(view, port),
    }
}

/// What a port that is no subport is plugged into on this host.
pub(super) fn device(view: &View<'_>, port: &Port) -> Option<PortBinding> {
    if let Some(attachment) = &port.attachment {
        let here = port.host_id.as_ref().is_none_or(|host| host == view.host);
        return here.then(|| PortBinding::Namespace {
            netns: attachment.netns.clone(),
            ifname: attachment.ifname.clone(),
        });
    }
    match port.device_owner.as_str() {
        device_owner::ROUTER_INTERFACE => {
            let router_id = port.device_id.parse().ok()?;
            let router = view.cloud.routers.get(&router_id);
            router
                .filter(|router| super::router::is_here(view, router))
                .map(|router| PortBinding::Router(router.id))
        }
        _ if port.is_network_owned() => None,
        _ => {
            let id: ServerId = port.device_id.parse().ok()?;
            let server = view.cloud.servers.get(&id)?;
            let here = server.host.as_ref() == Some(view.host) && server.vm_state != VmState::Deleted;
            here.then_some(PortBinding::Server(id))
        }
    }
}

fn service_port(view: &View<'_>, id: NetworkId) -> Option<ServicePort> {
    let cloud = view.cloud;
    if !agent::is_serving(cloud, view.host, agent::Kind::Dhcp) {
        return None;
    }
    let port = cloud
        .ports_of_network(id)
        .find(|port| port.device_owner == device_owner::DHCP)
        .filter(|port| port::dhcp::is_wanted(port))?;
    let addresses = fixed_ips(cloud, port).into_iter().map(|fixed| fixed.address).collect();
    Some(ServicePort {
        id: port.id,
        mac: port.mac_address,
        addresses,
    })
}

/// The rules of every group that a port here is in.
fn groups(cloud: &Cloud, ports: &OrdMap<PortId, Arc<PortConfig>>) -> OrdMap<SecurityGroupId, Arc<Vec<FilterRule>>> {
    let used: BTreeSet<SecurityGroupId> = ports
        .iter()
        .flat_map(|(_, port)| port.security_groups.iter().copied())
        .collect();
    used.into_iter()
        .map(|group| (group, Arc::new(rules(cloud, group))))
        .collect()
}

fn rules(cloud: &Cloud, group: SecurityGroupId) -> Vec<FilterRule> {
    let mut rules: Vec<FilterRule> = cloud.rules_of_group(group).map(|rule| filter::resolve(rule)).collect();
    rules.sort();
    rules
}

fn is_stateless(cloud: &Cloud, group: SecurityGroupId) -> bool {
    cloud.security_groups.get(&group).is_some_and(|group| !group.stateful)
}

/// Those of these groups that are stateless.
fn stateless<'a>(cloud: &Cloud, groups: impl Iterator<Item = &'a SecurityGroupId>) -> OrdSet<SecurityGroupId> {
    groups.filter(|group| is_stateless(cloud, **group)).copied().collect()
}

/// The addresses of the members of every group that one of these rules names.
fn members(
    cloud: &Cloud,
    groups: &OrdMap<SecurityGroupId, Arc<Vec<FilterRule>>>,
) -> OrdMap<SecurityGroupId, OrdSet<IpNet>> {
    remote_groups(groups)
        .into_iter()
        .map(|group| (group, member_addresses(cloud, group)))
        .collect()
}

/// Every group that one of these rules names.
fn remote_groups(groups: &OrdMap<SecurityGroupId, Arc<Vec<FilterRule>>>) -> BTreeSet<SecurityGroupId> {
    groups
        .iter()
        .flat_map(|(_, rules)| rules.iter())
        .filter_map(|rule| match rule.remote {
            Remote::Group(group) => Some(group),
            _ => None,
        })
        .collect()
}

fn members_of(cloud: &Cloud, group: SecurityGroupId) -> impl Iterator<Item = &Arc<Port>> {
    cloud
        .lookups
        .ports_by_group
        .of(&group)
        .filter_map(|id| cloud.ports.get(id))
}

fn member_addresses(cloud: &Cloud, group: SecurityGroupId) -> OrdSet<IpNet> {
    if let Some(addresses) = cloud.address_groups.get(&AddressGroupId(group.0)) {
        return addresses.addresses.iter().copied().collect();
    }
    members_of(cloud, group).flat_map(|port| contributions(port)).collect()
}

/// The addresses that a port brings into its groups.
pub(super) fn contributions(port: &Port) -> impl Iterator<Item = IpNet> + '_ {
    let fixed = port.fixed_ips.iter().map(|fixed| IpNet::from(fixed.ip_address));
    fixed.chain(port.allowed_address_pairs.iter().map(|pair| pair.ip_address.trunc()))
}

/// Every name of the network: the one a port was given, and the one made from its address (`host-10-0-0-5`).
fn names(cloud: &Cloud, id: NetworkId) -> OrdMap<String, BTreeSet<IpAddr>> {
    let mut names: OrdMap<String, BTreeSet<IpAddr>> = OrdMap::new();
    for (name, ip) in cloud.ports_of_network(id).flat_map(|port| names_of(port)) {
        names.entry(name).or_default().insert(ip);
    }
    names
}

/// A port's names, each with the address that it means.
fn names_of(port: &Port) -> impl Iterator<Item = (String, IpAddr)> + '_ {
    port.fixed_ips.iter().flat_map(|fixed| {
        let ip = fixed.ip_address;
        let own = (!port.dns_name.is_empty()).then(|| (port.dns_name.to_lowercase(), ip));
        std::iter::once((address_name(ip), ip)).chain(own)
    })
}

/// `host-10-0-0-5`: Neutron's name for an address without another.
pub(crate) fn address_name(ip: IpAddr) -> String {
    format!("host-{}", ip.to_string().replace(['.', ':'], "-"))
}
