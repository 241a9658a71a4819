//! Which fragments a change touches.

use std::collections::BTreeSet;

use crate::network::{FloatingIp, Port, Router};
use crate::{AnyRow, Change, Cloud, NetworkId, PortId, RouterId, SecurityGroupId, ServerId};

/// A fragment of the host's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fragment {
    /// A provider network.
    External(NetworkId),
    /// A self-service network.
    Network(NetworkId),
    /// A router.
    Router(RouterId),
    /// A server.
    Server(ServerId),
}

/// Every fragment there may be.
pub(crate) fn everything(cloud: &Cloud) -> BTreeSet<Fragment> {
    let networks = cloud
        .networks
        .iter()
        .flat_map(|n| [Fragment::External(n.id), Fragment::Network(n.id)]);
    let routers = cloud.routers.iter().map(|r| Fragment::Router(r.id));
    let servers = cloud.servers.iter().map(|s| Fragment::Server(s.id));
    networks.chain(routers).chain(servers).collect()
}

/// What these changes touch, looking at rows before and after.
pub(crate) fn by_changes(cloud: &Cloud, changes: &[Change]) -> BTreeSet<Fragment> {
    let mut out = Touched {
        cloud,
        fragments: BTreeSet::new(),
    };
    for change in changes {
        for row in [&change.before, &change.after].into_iter().flatten() {
            out.row(row);
        }
        out.group_members(change);
    }
    out.fragments
}

struct Touched<'a> {
    cloud: &'a Cloud,
    fragments: BTreeSet<Fragment>,
}

impl Touched<'_> {
    fn add(&mut self, fragment: Fragment) {
        self.fragments.insert(fragment);
    }

    fn row(&mut self, row: &AnyRow) {
        match row {
            AnyRow::Network(network) => self.network(network.id),
            AnyRow::Subnet(subnet) => self.network(subnet.network_id),
            AnyRow::Port(port) => self.port(port),
            AnyRow::Router(router) => self.router(router),
            AnyRow::FloatingIp(floating_ip) => self.floating_ip(floating_ip),
            AnyRow::SecurityGroup(group) => self.group(group.id),
            AnyRow::SecurityGroupRule(rule) => self.networks_with_group(rule.security_group_id),
            AnyRow::Server(server) => {
                self.add(Fragment::Server(server.id));
                // A server without a host has no taps; its networks see it once it has one.
                for port in self.cloud.ports_of_device(&server.id.to_string()) {
                    self.fragments.insert(Fragment::Network(port.network_id));
                }
            }
            _ => {}
        }
    }

    /// A network's own attributes reach everything plugged into it.
    fn network(&mut self, id: NetworkId) {
        self.add(Fragment::External(id));
        self.add(Fragment::Network(id));
        for port in self.cloud.ports_of_network(id) {
            self.device(&port.device_id, port.is_network_owned());
        }
    }

    /// What a port is plugged into: what the port's network, addresses and subnets say stands in its fragment too.
    fn device(&mut self, device_id: &str, network_owned: bool) {
        if network_owned {
            let Ok(id) = device_id.parse() else { return };
            self.add(Fragment::Router(id));
            // A leg's or gateway's prefix decides the host's routes to what is behind the router.
            if let Some(router) = self.cloud.routers.get(&id).cloned() {
                self.router(&router);
            }
        } else if let Ok(server_id) = device_id.parse() {
            self.add(Fragment::Server(server_id));
        }
    }

    fn port(&mut self, port: &Port) {
        self.add(Fragment::Network(port.network_id));
        self.device(&port.device_id, port.is_network_owned());
    }

    fn router(&mut self, router: &Router) {
        self.add(Fragment::Router(router.id));
        for port in self.cloud.ports_of_device(&router.id.to_string()) {
            self.fragments.insert(Fragment::Network(port.network_id));
        }
        if let Some(gateway) = &router.gateway {
            self.add(Fragment::External(gateway.network_id));
        }
    }

    fn floating_ip(&mut self, floating_ip: &FloatingIp) {
        if let Some(router_id) = floating_ip.router_id {
            self.add(Fragment::Router(router_id));
        }
        if let Some(port) = floating_ip.port_id.and_then(|id: PortId| self.cloud.ports.get(&id)) {
            self.device(&port.device_id, port.is_network_owned());
        }
    }

    /// A group's name is in its servers' metadata, its rules in their networks' filters.
    fn group(&mut self, id: SecurityGroupId) {
        self.networks_with_group(id);
        let ports = self
            .cloud
            .lookups
            .ports_by_group
            .of(&id)
            .filter_map(|id| self.cloud.ports.get(id));
        for port in ports {
            self.device(&port.device_id, port.is_network_owned());
        }
    }

    fn networks_with_group(&mut self, group: SecurityGroupId) {
        for port_id in self.cloud.lookups.ports_by_group.of(&group) {
            if let Some(port) = self.cloud.ports.get(port_id) {
                self.fragments.insert(Fragment::Network(port.network_id));
            }
        }
    }

    /// A port that enters or leaves a group, or changes its addresses, reaches every network where a rule names that
    /// group as remote.
    fn group_members(&mut self, change: &Change) {
        let before = as_port(&change.before);
        let after = as_port(&change.after);
        if before.map(member_face) == after.map(member_face) {
            return;
        }
        let groups: BTreeSet<SecurityGroupId> = [before, after]
            .into_iter()
            .flatten()
            .flat_map(|port| port.security_groups.iter().copied())
            .collect();
        for group in groups {
            let namers: BTreeSet<SecurityGroupId> = self
                .cloud
                .lookups
                .rules_by_remote_group
                .of(&group)
                .filter_map(|id| self.cloud.security_group_rules.get(id))
                .map(|rule| rule.security_group_id)
                .collect();
            for namer in namers {
                self.networks_with_group(namer);
            }
        }
    }
}

fn as_port(row: &Option<AnyRow>) -> Option<&Port> {
    match row {
        Some(AnyRow::Port(port)) => Some(port),
        _ => None,
    }
}

/// What others see of a member.
fn member_face(port: &Port) -> impl PartialEq + use<> {
    (
        port.security_groups.clone(),
        port.fixed_ips.clone(),
        port.allowed_address_pairs.clone(),
    )
}
