//! Where a floating IP of the project could lead, and why not.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use model::network::{Network, Port, floating_ip};
use model::{NetworkId, PortId, ProjectId, SubnetId};

use crate::messages::Text;
use crate::pages::network::{networks, ports, server_of};
use crate::ui::Choice;
use crate::visit::Visit;

/// An IPv4 address of a port (or a port without one), and what keeps a floating IP from leading there.
pub(super) struct Target {
    pub port: Arc<Port>,
    pub address: Option<Ipv4Addr>,
    /// The server's name, or the port's.
    pub name: String,
    /// The network's name.
    pub network: String,
    pub is_server: bool,
    pub obstacle: Option<Obstacle>,
}

/// Why a floating IP can't lead somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It would need an IPv4 address.
    NoAddress,
    /// Another one leads there.
    Has(Ipv4Addr),
    /// No router joins its subnet to the provider network of this name.
    NoRouter(String),
}

impl Obstacle {
    pub fn words(&self, t: Text) -> String {
        match self {
            Self::NoAddress => t.fip_target_no_ipv4().to_owned(),
            Self::Has(address) => t.fip_target_has(address),
            Self::NoRouter(network) => t.fip_target_no_router(network),
        }
    }
}

impl Target {
    /// As a form sends it.
    pub fn value(&self) -> String {
        self.address.map_or_else(
            || self.port.id.to_string(),
            |address| format!("{},{address}", self.port.id),
        )
    }

    pub fn choice(&self, t: Text) -> Choice {
        let address = self.address.map_or_else(String::new, |address| address.to_string());
        let choice = Choice::new(self.value(), format!("{} – {} {address}", self.name, self.network));
        match &self.obstacle {
            Some(obstacle) => choice.note(obstacle.words(t)).out(true),
            None => choice,
        }
    }
}

/// What a form's choice of a target says.
pub(super) fn read(text: &str) -> Option<(PortId, Option<Ipv4Addr>)> {
    match text.split_once(',') {
        Some((port, address)) => Some((port.parse().ok()?, Some(address.parse().ok()?))),
        None => Some((text.parse().ok()?, None)),
    }
}

/// A project's ports with their addresses, servers first; what speaks against each, for a floating IP of `external`.
pub(super) fn of_project(visit: &Visit, project: &ProjectId, external: &Network) -> Vec<Target> {
    let cloud = visit.cloud();
    let own = cloud.ports.iter().filter(|port| port.standard.project_id == *project);
    let mut ways = Ways::default();
    let mut targets = Vec::new();
    for port in own.filter(|port| !port.is_network_owned()) {
        let server = server_of(cloud, port);
        let network = cloud.networks.get(&port.network_id);
        let target = |address, obstacle| Target {
            port: port.clone(),
            address,
            name: server.map_or_else(|| ports::short_name(port), |server| server.name.clone()),
            network: network.map_or_else(String::new, |network| networks::name_of(visit.t(), &network.standard)),
            is_server: server.is_some(),
            obstacle,
        };
        let addresses = port.fixed_ips.iter().filter_map(|fixed| match fixed.ip_address {
            IpAddr::V4(address) => Some((fixed.subnet_id, address)),
            IpAddr::V6(_) => None,
        });
        let before = targets.len();
        for (subnet, address) in addresses {
            let obstacle = obstacle(visit, external, port, subnet, address, &mut ways);
            targets.push(target(Some(address), obstacle));
        }
        if targets.len() == before {
            targets.push(target(None, Some(Obstacle::NoAddress)));
        }
    }
    targets.sort_by_key(|target| {
        (
            !target.is_server,
            target.obstacle.is_some(),
            target.name.to_lowercase(),
            target.address,
        )
    });
    targets
}

/// Whether a router joins a subnet to a provider network: asked once for each, since many ports share a subnet.
#[derive(Default)]
struct Ways(HashMap<(NetworkId, SubnetId), bool>);

impl Ways {
    fn leads_out(&mut self, visit: &Visit, external: NetworkId, port: &Port, subnet: SubnetId) -> bool {
        let known = self.0.entry((external, subnet));
        *known.or_insert_with(|| floating_ip::router_for(visit.cloud(), external, port, subnet).is_ok())
    }
}

fn obstacle(
    visit: &Visit,
    external: &Network,
    port: &Port,
    subnet: SubnetId,
    address: Ipv4Addr,
    ways: &mut Ways,
) -> Option<Obstacle> {
    let cloud = visit.cloud();
    let own = cloud
        .lookups
        .floating_ips_by_port
        .of(&port.id)
        .filter_map(|id| cloud.floating_ips.get(id));
    let mut own = own.filter(|row| row.fixed_ip_address == Some(address) && row.floating_network_id == external.id);
    if let Some(other) = own.next() {
        return Some(Obstacle::Has(other.floating_ip_address));
    }
    if !ways.leads_out(visit, external.id, port, subnet) {
        return Some(Obstacle::NoRouter(networks::name_of(visit.t(), &external.standard)));
    }
    None
}

/// The first of the provider networks that a router joins one of these ports to.
pub(super) fn reached<'a>(
    visit: &Visit,
    externals: &'a [Arc<Network>],
    ports: &[Arc<Port>],
) -> Option<&'a Arc<Network>> {
    let mut ways = Ways::default();
    externals.iter().find(|external| {
        ports.iter().any(|port| {
            let mut subnets = port
                .fixed_ips
                .iter()
                .filter(|fixed| fixed.ip_address.is_ipv4())
                .map(|fixed| fixed.subnet_id);
            subnets.any(|subnet| ways.leads_out(visit, external.id, port, subnet))
        })
    })
}
