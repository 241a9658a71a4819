//! A cloud by chance, made real: what the node is told, the machines, and who answers.

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use linux::{Netns, sysctl};
use model::NetworkId;
use model::reach::Start;

use crate::config::*;
use crate::machine::*;
use crate::network_common::switch::Switch;
use crate::network_common::{Cloud, net};
use crate::plug::Machine;
use crate::topology::*;

/// A host as a person sets it up for a cloud: it forwards.
pub const HOSTS: [(&str, &str); 8] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
];

/// Everything that is there while questions are asked.
pub struct Stage {
    pub cloud: Cloud,
    pub external: NetworkId,
    places: BTreeMap<Start, Netns>,
    /// What is inside guests with VLANs.
    switches: Vec<Switch>,
    _echo: Echo,
    _listeners: Vec<TcpListener>,
}

impl Stage {
    /// Makes all of a topology stand.
    pub fn build(topology: &Topology) -> Self {
        let mut cloud = Cloud::new();
        sysctl::write(&cloud.host, &HOSTS).unwrap();
        let external = cloud.external("br-ex", &HOST);
        for network in &topology.networks {
            cloud
                .config
                .networks
                .insert(network_id(network.tag), Arc::new(network_config(topology, network)));
        }
        let mut machines: BTreeMap<usize, (String, Netns)> = BTreeMap::new();
        for port in &topology.ports {
            let first = port.of.first().unwrap_or(port.tag);
            if port.plugged && !machines.contains_key(&first) {
                let (name, ns) = cloud.place();
                sysctl::write(&ns, &QUIET).unwrap();
                machines.insert(first, (name, ns));
            }
            let netns = machines.get(&first).map_or("", |(name, _)| name.as_str());
            let config = port_config(topology, port, netns);
            cloud.edit(config.network_id, |network| {
                network.ports.insert(config.id, Arc::new(config))
            });
            if topology.is_trunk(port) {
                add_trunk(&mut cloud, topology, port);
            }
        }
        let machines: BTreeMap<usize, Netns> = machines.into_iter().map(|(tag, (_, ns))| (tag, ns)).collect();
        for router in &topology.routers {
            add_router(&mut cloud, external, router);
        }
        set_host_routes(&mut cloud, topology, external);
        cloud.apply();
        let mut stage = Self {
            cloud,
            external,
            places: BTreeMap::new(),
            switches: Vec::new(),
            _echo: Echo::default(),
            _listeners: Vec::new(),
        };
        for port in topology.ports.iter().filter(|port| port.of == Machine::Own) {
            let Some(ns) = machines.get(&port.tag) else { continue };
            if topology.is_trunk(port) {
                stage.switches.push(join(&mut stage.cloud, topology, port, ns));
            }
            set_up_machine(topology, port, ns);
        }
        stage.serve(topology, &machines);
        stage
    }

    /// The namespace where a question starts.
    pub fn place(&self, start: Start) -> &Netns {
        let key = match start {
            Start::Port { id, .. } => Start::Port { id, address: ANY },
            other => other,
        };
        &self.places[&key]
    }

    /// Lets everybody answer, by every address.
    fn serve(&mut self, topology: &Topology, machines: &BTreeMap<usize, Netns>) {
        let mut answering: Vec<(Netns, Vec<IpAddr>)> = Vec::new();
        for port in topology.ports.iter().filter(|port| port.plugged) {
            let ns = machines[&port.of.first().unwrap_or(port.tag)].clone();
            let fixed = port.fixed.iter().map(IpNet::addr);
            answering.push((ns.clone(), fixed.chain(port.more.iter().copied()).collect()));
            self.places.insert(
                Start::Port {
                    id: port_id(port.tag),
                    address: ANY,
                },
                ns,
            );
        }
        for router in &topology.routers {
            let Some(ns) = self.cloud.part.router_netns(router_id(router.tag)) else {
                continue;
            };
            let own = router
                .legs
                .iter()
                .flat_map(|leg| &leg.addresses)
                .chain(&router.gateway)
                .map(IpNet::addr);
            let floating = router.forwardings.iter().map(|each| IpAddr::V4(each.floating));
            answering.push((ns.clone(), own.chain(floating).collect()));
            self.places.insert(Start::Router(router_id(router.tag)), ns);
        }
        for network in &topology.networks {
            let ns = self.cloud.network_ns(network_id(network.tag));
            let mut own: Vec<IpAddr> = service_addresses(network).iter().map(IpNet::addr).collect();
            own.push("169.254.169.254".parse().unwrap());
            answering.push((ns.clone(), own));
            self.places.insert(Start::Network(network_id(network.tag)), ns);
        }
        let host = self.cloud.host.clone();
        let own = HOST.iter().map(|address| net(address).addr());
        answering.push((host.clone(), own.collect()));
        self.places.insert(Start::Host, host);
        for (addresses, beside) in [(BESIDE, true), (WORLD, false)] {
            let ns = outsider(&mut self.cloud, addresses, beside);
            let own: Vec<IpAddr> = addresses.iter().map(|address| net(address).addr()).collect();
            for address in &own {
                let start = Start::Outside {
                    network: self.external,
                    address: *address,
                };
                self.places.insert(start, ns.clone());
            }
            answering.push((ns, own));
        }
        let mut echoes = Vec::new();
        let mut listening: Vec<&Netns> = Vec::new();
        for (ns, addresses) in &answering {
            if !listening.iter().any(|other| other.id() == ns.id()) {
                self._listeners.extend(listeners(ns));
                listening.push(ns);
            }
            echoes.extend(addresses.iter().flat_map(|address| echo_sockets(ns, *address)));
        }
        self._echo = Echo::start(echoes);
    }
}

/// Stands for every address of a machine.
const ANY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// Waits a moment for what goes on by itself: links that come up.
pub fn settle() {
    std::thread::sleep(Duration::from_millis(100));
}
