//! Gathers what a project's picture shows from the cloud's tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use model::compute::{Server, VmState};
use model::network::access::Resource;
use model::network::{FloatingIp, Network, Port, Router, Status, router};
use model::{Actor, Cloud, FloatingIpId, NetworkId};

use super::graph::{self, Graph, Hue, Kind, Leads, Node, SHOWN_ADDRESSES, SHOWN_OBJECTS, SHOWN_SERVERS};
use crate::messages::Text;
use crate::pages::compute::servers;
use crate::pages::network::networks::{self, name_of};
use crate::ui::Mood;
use crate::visit::Visit;

/// Servers that are on no network are unfolded by this name.
const NOWHERE: &str = "none";

/// Everything that the project has and may use.
pub(super) struct Objects {
    pub networks: Vec<Arc<Network>>,
    pub routers: Vec<Arc<Router>>,
    pub servers: Vec<Arc<Server>>,
    pub floating_ips: Vec<Arc<FloatingIp>>,
}

impl Objects {
    /// Older ones first.
    pub fn of_project(visit: &Visit) -> Self {
        let (cloud, member) = (visit.cloud(), visit.member());
        let mut networks = networks::of_project(visit);
        networks.sort_by_key(|network| (!network.external, network.standard.created_at, network.id));
        let mut routers = visible(&member, cloud, cloud.routers.iter());
        routers.sort_by_key(|router| (router.standard.created_at, router.id));
        let mut floating_ips = visible(&member, cloud, cloud.floating_ips.iter());
        floating_ips.sort_by_key(|floating_ip| (floating_ip.standard.created_at, floating_ip.id));
        let servers = cloud
            .lookups
            .servers_by_project
            .of(visit.project_id())
            .filter_map(|id| cloud.servers.get(id));
        let mut servers: Vec<_> = servers
            .filter(|server| server.vm_state != VmState::Deleted)
            .cloned()
            .collect();
        servers.sort_by_key(|server| (server.created_at, server.launch_index, server.id));
        Self {
            networks,
            routers,
            servers,
            floating_ips,
        }
    }

    /// Whether the project made something itself.
    pub fn has_own(&self, visit: &Visit) -> bool {
        let owns = |network: &Arc<Network>| network.standard.project_id == *visit.project_id();
        !self.servers.is_empty() || !self.routers.is_empty() || self.networks.iter().any(owns)
    }

    fn count(&self) -> usize {
        self.networks.len() + self.routers.len() + self.servers.len()
    }
}

fn visible<'a, R: Resource>(actor: &Actor, cloud: &Cloud, rows: impl Iterator<Item = &'a Arc<R>>) -> Vec<Arc<R>> {
    rows.filter(|row| row.visible_to(cloud, actor)).cloned().collect()
}

/// How a network or router is: what is switched off is so whatever its status.
pub(super) fn network_state(t: Text, is_up: bool, status: Status) -> (Mood, &'static str) {
    if !is_up {
        return (Mood::Idle, t.switched_off());
    }
    (Mood::of_network(status.as_str()), t.network_status(status.as_str()))
}

/// A server's networks that are shown, with its addresses there; the one of its first port first.
type Nics = Vec<(usize, Vec<IpAddr>)>;

/// The picture of these; `unfolded` are networks whose servers are shown one by one, however many.
pub(super) fn graph(visit: &Visit, objects: &Objects, unfolded: &BTreeSet<String>) -> Graph {
    let mut gathering = Gathering {
        t: visit.t(),
        cloud: visit.cloud(),
        graph: Graph::default(),
        network: HashMap::new(),
        led: HashMap::new(),
    };
    gathering.networks(&objects.networks);
    gathering.routers(&objects.routers);
    let shown: Vec<_> = objects
        .servers
        .iter()
        .map(|server| (server, gathering.nics(server)))
        .collect();
    gathering.addresses(&objects.floating_ips, &objects.servers);
    gathering.servers(&shown, objects.count() > SHOWN_OBJECTS, unfolded);
    gathering.graph
}

struct Gathering<'a> {
    t: Text,
    cloud: &'a Cloud,
    graph: Graph,
    network: HashMap<NetworkId, usize>,
    /// Floating IPs of ports.
    led: HashMap<model::PortId, Vec<(FloatingIpId, String)>>,
}

impl Gathering<'_> {
    fn networks(&mut self, networks: &[Arc<Network>]) {
        let inner: Vec<NetworkId> = networks
            .iter()
            .filter(|network| !network.external)
            .map(|network| network.id)
            .collect();
        let mut hues = graph::hues(&inner).into_iter();
        for network in networks {
            let (mood, state) = network_state(self.t, network.admin_state_up, network.status);
            let hue = if network.external {
                Hue::Plain
            } else {
                hues.next().unwrap_or(Hue::Plain)
            };
            let mut lines: Vec<String> = self
                .cloud
                .subnets_of_network(network.id)
                .map(|subnet| subnet.cidr.to_string())
                .collect();
            if lines.is_empty() {
                lines.push(self.t.topology_no_subnet().to_owned());
            }
            let node = self.graph.add(Node {
                key: format!("network-{}", network.id),
                kind: if network.external {
                    Kind::External
                } else {
                    Kind::Network
                },
                name: name_of(self.t, &network.standard),
                mood,
                state: state.to_owned(),
                lines,
                floating: Vec::new(),
                hue,
                leads_to: Leads::Card,
            });
            self.network.insert(network.id, node);
        }
    }

    fn routers(&mut self, routers: &[Arc<Router>]) {
        for row in routers {
            let (mood, state) = network_state(self.t, row.admin_state_up, row.status);
            let gateway = row.gateway.as_ref().and_then(|gateway| {
                let addresses = router::gateway_port(self.cloud, row).map(addresses).unwrap_or_default();
                Some((*self.network.get(&gateway.network_id)?, addresses))
            });
            let node = self.graph.add(Node {
                key: format!("router-{}", row.id),
                kind: Kind::Router,
                name: name_of(self.t, &row.standard),
                mood,
                state: state.to_owned(),
                lines: if gateway.is_none() {
                    vec![self.t.topology_no_gateway().to_owned()]
                } else {
                    Vec::new()
                },
                floating: Vec::new(),
                hue: Hue::Plain,
                leads_to: Leads::Card,
            });
            let mut legs: Nics = gateway.into_iter().collect();
            for port in router::interfaces(self.cloud, row.id) {
                if let Some(network) = self.network.get(&port.network_id) {
                    plug(&mut legs, *network, addresses(port));
                }
            }
            for (network, addresses) in legs {
                self.graph.link(network, node, in_words(&addresses));
            }
        }
    }

    fn nics(&self, server: &Server) -> Nics {
        let mut nics = Nics::new();
        for port in server.ports.iter().filter_map(|id| self.cloud.ports.get(id)) {
            if let Some(network) = self.network.get(&port.network_id) {
                plug(&mut nics, *network, addresses(port));
            }
        }
        nics
    }

    /// Floating IPs: those of servers are shown there, others beside the routers.
    fn addresses(&mut self, floating_ips: &[Arc<FloatingIp>], servers: &[Arc<Server>]) {
        let of_servers: BTreeSet<_> = servers.iter().flat_map(|server| server.ports.iter().copied()).collect();
        let mut loose: BTreeMap<usize, Vec<&FloatingIp>> = BTreeMap::new();
        for floating_ip in floating_ips {
            if let Some(port) = floating_ip.port_id.filter(|port| of_servers.contains(port)) {
                let address = (floating_ip.id, floating_ip.floating_ip_address.to_string());
                self.led.entry(port).or_default().push(address);
            } else if let Some(network) = self.network.get(&floating_ip.floating_network_id) {
                loose.entry(*network).or_default().push(floating_ip);
            }
        }
        for (network, floating_ips) in loose {
            let nodes = if floating_ips.len() <= SHOWN_ADDRESSES {
                floating_ips
                    .into_iter()
                    .map(|floating_ip| self.loose_address(floating_ip))
                    .collect()
            } else {
                vec![Node {
                    key: self.graph.nodes[network].key.replacen("network-", "floating-ips-", 1),
                    kind: Kind::Addresses,
                    name: self.t.topology_addresses(floating_ips.len()),
                    mood: Mood::Idle,
                    state: self.t.topology_address_loose().to_owned(),
                    lines: Vec::new(),
                    floating: Vec::new(),
                    hue: Hue::Plain,
                    leads_to: Leads::Page("/dashboard/floating-ips"),
                }]
            };
            for node in nodes {
                let node = self.graph.add(node);
                self.graph.link(network, node, "");
            }
        }
    }

    fn loose_address(&self, floating_ip: &FloatingIp) -> Node {
        let (mood, state) = match floating_ip.port_id {
            Some(_) => network_state(self.t, true, floating_ip.status),
            None => (Mood::Idle, self.t.topology_address_loose()),
        };
        Node {
            key: format!("floating-ip-{}", floating_ip.id),
            kind: Kind::Address,
            name: floating_ip.floating_ip_address.to_string(),
            mood,
            state: state.to_owned(),
            lines: Vec::new(),
            floating: Vec::new(),
            hue: Hue::Plain,
            leads_to: Leads::Card,
        }
    }

    fn servers(&mut self, servers: &[(&Arc<Server>, Nics)], are_many: bool, unfolded: &BTreeSet<String>) {
        let mut by_network: BTreeMap<Option<usize>, Vec<&(&Arc<Server>, Nics)>> = BTreeMap::new();
        for server in servers {
            by_network
                .entry(server.1.first().map(|(network, _)| *network))
                .or_default()
                .push(server);
        }
        for (network, members) in by_network {
            let name = network.map_or(NOWHERE, |network| {
                self.graph.nodes[network].key.trim_start_matches("network-")
            });
            let limit = if are_many { 1 } else { SHOWN_SERVERS };
            if members.len() > limit && !unfolded.contains(name) {
                let name = name.to_owned();
                self.group(&name, &members);
            } else {
                for (server, nics) in members {
                    self.server(server, nics);
                }
            }
        }
    }

    fn server(&mut self, server: &Server, nics: &Nics) {
        let lines = nics
            .iter()
            .map(|(_, addresses)| in_words(addresses))
            .filter(|words| !words.is_empty());
        let (mood, state) = servers::state(self.t, server);
        let node = Node {
            key: format!("server-{}", server.id),
            kind: Kind::Server,
            name: server.name.clone(),
            mood,
            state,
            lines: lines.collect(),
            floating: server
                .ports
                .iter()
                .filter_map(|port| self.led.get(port))
                .flatten()
                .cloned()
                .collect(),
            hue: nics
                .first()
                .map_or(Hue::Plain, |(network, _)| self.graph.nodes[*network].hue),
            leads_to: Leads::Card,
        };
        let node = self.graph.add(node);
        for (network, addresses) in nics {
            self.graph.link(*network, node, in_words(addresses));
        }
    }

    fn group(&mut self, name: &str, members: &[&(&Arc<Server>, Nics)]) {
        let mut states: Vec<(String, usize)> = Vec::new();
        let mut moods = Vec::with_capacity(members.len());
        let mut networks: Vec<(usize, usize)> = Vec::new();
        for (server, nics) in members {
            let (mood, state) = servers::state(self.t, server);
            moods.push(mood);
            match states.iter_mut().find(|(word, _)| *word == state) {
                Some((_, count)) => *count += 1,
                None => states.push((state, 1)),
            }
            for (network, _) in nics {
                match networks.iter_mut().find(|(one, _)| one == network) {
                    Some((_, count)) => *count += 1,
                    None => networks.push((*network, 1)),
                }
            }
        }
        states.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let words: Vec<String> = states.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let node = self.graph.add(Node {
            key: format!("group-{name}"),
            kind: Kind::Group,
            name: self.t.topology_servers(members.len()),
            mood: graph::mood_of_all(moods.into_iter()),
            state: words.join(", "),
            lines: vec![words.join(" · ")],
            floating: Vec::new(),
            hue: networks
                .first()
                .map_or(Hue::Plain, |(network, _)| self.graph.nodes[*network].hue),
            leads_to: Leads::Unfold(name.to_owned()),
        });
        for (network, count) in networks {
            self.graph.link(network, node, format!("×{count}"));
        }
    }
}

/// Plugs a device into a network; what is plugged into it twice has both addresses on one line.
fn plug(nics: &mut Nics, network: usize, addresses: Vec<IpAddr>) {
    match nics.iter_mut().find(|(one, _)| *one == network) {
        Some((_, all)) => all.extend(addresses),
        None => nics.push((network, addresses)),
    }
}

fn addresses(port: &Arc<Port>) -> Vec<IpAddr> {
    port.fixed_ips.iter().map(|fixed| fixed.ip_address).collect()
}

/// The first address, IPv4 before IPv6, and how many more there are.
fn in_words(addresses: &[IpAddr]) -> String {
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    match (first, addresses.len()) {
        (None, _) => String::new(),
        (Some(first), 1) => first.to_string(),
        (Some(first), count) => format!("{first} +{}", count - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_few_words() {
        let all = ["fd00::5", "10.0.0.5", "10.0.0.6"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(in_words(&all), "10.0.0.5 +2");
        assert_eq!(in_words(&all[..1]), "fd00::5");
        assert_eq!(in_words(&[]), "");
    }
}
