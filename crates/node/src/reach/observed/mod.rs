//! What was seen on the host: neighbours, tracked flows, counters, what guests asked for and printed. Nothing is sent.

pub mod console;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use linux::conntrack::{Conntrack, Flow, Tuple};
use linux::counters::{self, DeviceCounters};
use linux::netlink::Rtnl;
use linux::nft::Nft;
use linux::{Mac, Netns, sysctl};
use model::address::MacAddress;
use model::diagnostics::{NicFigures, Traffic};
use model::host::{HostConfig, NetworkConfig};
use model::reach::{
    Asked, Device, DeviceFigures, DeviceRole, DhcpExchange, DropFigures, FdbSeen, FlowSeen, GuestKeys, GuestRecords,
    HostPlace as Place, MetadataRequest, NeighbourSeen, NeighbourState, Observed, Scope, TableFill, TableName,
};
use model::{PortId, ServerId, Timestamp};

use super::programmed::ruleset::{self, Owners};
use super::programmed::{flow_table, name_of};
use crate::network::filter::CUT;
use crate::network::names::tap_device;
use crate::services::Known;
use crate::services::records::PortRecords;

/// Flows told of a namespace, at most.
const FLOWS: usize = 64;
/// `IPS_SEEN_REPLY` and `IPS_ASSURED` of linux/netfilter/nf_conntrack_common.h.
const SEEN_REPLY: u32 = 1 << 1;
const ASSURED: u32 = 1 << 2;

/// Tells where a server's console log is.
pub type Consoles = Arc<dyn Fn(ServerId) -> PathBuf + Send + Sync>;

/// Tells what was seen on a host.
pub struct Observer {
    host: Netns,
    known: Option<Known>,
    consoles: Option<Consoles>,
}

impl Observer {
    /// For the cloud whose provider networks are in the namespace `host`. What guests asked of the services and what they
    /// printed is told where somebody knows it.
    pub fn new(host: Netns, known: Option<Known>, consoles: Option<Consoles>) -> Self {
        Self { host, known, consoles }
    }

    /// What was seen. Blocks for some milliseconds a namespace; where flows are tracked, for a walk through the machine's
    /// table of them.
    pub fn observe(&self, config: &HostConfig, asked: &Asked) -> Observed {
        let scope = asked.scope.with_what_belongs(config);
        let mut seen = Observed {
            host_forwards: self.forwards(),
            host_filters_bridges: self.host_setting("net/bridge/bridge-nf-call-iptables"),
            ..Observed::default()
        };
        let networks = scope.networks.iter().map(|id| Place::Network(*id));
        let routers = scope.routers.iter().map(|id| Place::Router(*id));
        for place in [Place::Host].into_iter().chain(networks).chain(routers) {
            let ns = match name_of(place) {
                None => Ok(self.host.clone()),
                Some(name) => Netns::open(&name),
            };
            let looked = ns.and_then(|ns| look(&mut seen, config, (place, &ns), &asked.addresses, &scope));
            if let Err(error) = looked {
                seen.unreadable.push(error.to_string());
            }
        }
        self.ask_guests(&mut seen, &scope);
        seen
    }

    /// Whether the host forwards IPv4 and IPv6; `None` if that can't be told.
    pub fn forwards(&self) -> (Option<bool>, Option<bool>) {
        (
            self.host_setting("net/ipv4/ip_forward"),
            self.host_setting("net/ipv6/conf/all/forwarding"),
        )
    }

    fn host_setting(&self, key: &str) -> Option<bool> {
        sysctl::read(&self.host, key).ok().map(|value| value != "0")
    }

    fn ask_guests(&self, seen: &mut Observed, scope: &Scope) {
        if let Some(known) = &self.known {
            let records = scope
                .ports
                .iter()
                .filter_map(|port| Some((*port, of_guest(known.of(*port)?))));
            seen.guests = records.collect();
        }
        if let Some(consoles) = &self.consoles {
            for server in &scope.servers {
                match console::read(&consoles(*server)) {
                    Ok(signs) if signs.is_empty() => {}
                    Ok(signs) => drop(seen.consoles.insert(*server, signs)),
                    Err(error) => seen.unreadable.push(format!("the console of server {server}: {error}")),
                }
            }
        }
    }
}

/// Everything of one namespace.
fn look(
    seen: &mut Observed,
    config: &HostConfig,
    (place, ns): (Place, &Netns),
    addresses: &BTreeSet<IpAddr>,
    scope: &Scope,
) -> linux::Result<()> {
    see_neighbours(seen, place, ns, addresses)?;
    if let Some((entries, limit)) = flow_table(ns) {
        seen.flow_tables.push((place, TableFill { entries, limit }));
        if entries > 0 && !addresses.is_empty() {
            see_flows(seen, place, ns, addresses)?;
        }
    }
    match place {
        Place::Network(id) => {
            let Some(network) = config.networks.get(&id) else {
                return Ok(());
            };
            see_bridge(seen, network, ns, &scope.ports)?;
            see_devices(
                seen,
                (place, ns),
                network.ports.keys().filter(|port| scope.ports.contains(*port)),
            )?;
            see_drops(seen, (place, ns), &Owners::of_network(network))
        }
        Place::Router(id) => match config.routers.get(&id) {
            Some(router) => see_drops(seen, (place, ns), &Owners::of_router(router)),
            None => Ok(()),
        },
        Place::Host => {
            let routers = scope.routers.iter().filter_map(|id| config.routers.get(id));
            let gateways = routers.filter_map(|router| Some(&router.gateway.as_ref()?.port_id));
            see_devices(seen, (place, ns), gateways)
        }
        Place::Attached(_) => Ok(()),
    }
}

fn see_neighbours(seen: &mut Observed, place: Place, ns: &Netns, addresses: &BTreeSet<IpAddr>) -> linux::Result<()> {
    if addresses.is_empty() {
        return Ok(());
    }
    let mut nl = Rtnl::open(ns)?;
    let names: BTreeMap<u32, String> = nl.links()?.into_iter().map(|link| (link.index, link.name)).collect();
    let listed = nl.neighbours()?;
    let asked = listed.into_iter().filter(|entry| addresses.contains(&entry.address));
    seen.neighbours.extend(asked.map(|entry| NeighbourSeen {
        place,
        device: names.get(&entry.link).cloned().unwrap_or_default(),
        address: entry.address,
        mac: entry.mac.map(|mac| MacAddress(mac.0)),
        state: neighbour_state(entry.state),
    }));
    Ok(())
}

/// `NUD_*` of linux/neighbour.h.
fn neighbour_state(bits: u16) -> NeighbourState {
    match bits {
        0x01 => NeighbourState::Incomplete,
        0x02 => NeighbourState::Reachable,
        0x04 => NeighbourState::Stale,
        0x08 => NeighbourState::Delay,
        0x10 => NeighbourState::Probe,
        0x20 => NeighbourState::Failed,
        0x40 => NeighbourState::NoArp,
        0x80 => NeighbourState::Permanent,
        _ => NeighbourState::Other,
    }
}

fn see_flows(seen: &mut Observed, place: Place, ns: &Netns, addresses: &BTreeSet<IpAddr>) -> linux::Result<()> {
    let mut count = 0;
    let of = |tuple: &Tuple| addresses.contains(&tuple.source) || addresses.contains(&tuple.destination);
    let flows = Conntrack::open(ns)?.flows(|flow| {
        let wanted = count < FLOWS && (of(&flow.original) || of(&flow.reply));
        count += usize::from(wanted);
        wanted
    })?;
    seen.flows.extend(flows.iter().map(|flow| flow_seen(place, flow)));
    Ok(())
}

fn flow_seen(place: Place, flow: &Flow) -> FlowSeen {
    let (sent, answered) = (&flow.original, &flow.reply);
    FlowSeen {
        place,
        protocol: sent.protocol,
        source: (sent.source, sent.source_port),
        destination: (sent.destination, sent.destination_port),
        answered_by: (answered.source, answered.source_port),
        answered_to: (answered.destination, answered.destination_port),
        answered: flow.status & SEEN_REPLY != 0,
        assured: flow.status & ASSURED != 0,
        cut: flow.mark == CUT,
    }
}

fn see_bridge(seen: &mut Observed, network: &NetworkConfig, ns: &Netns, ports: &BTreeSet<PortId>) -> linux::Result<()> {
    let of_ports = network.ports.iter().filter(|(id, _)| ports.contains(*id));
    let macs: BTreeMap<Mac, PortId> = of_ports.map(|(id, port)| (Mac(port.mac.0), *id)).collect();
    let mut nl = Rtnl::open(ns)?;
    let names: BTreeMap<u32, String> = nl.links()?.into_iter().map(|link| (link.index, link.name)).collect();
    let entries = nl.bridge_entries()?;
    seen.bridge_entries.extend(entries.into_iter().filter_map(|entry| {
        let port = *macs.get(&entry.mac)?;
        let device = names.get(&entry.link).cloned().unwrap_or_default();
        Some(FdbSeen {
            network: network.id,
            port,
            is_own: device == tap_device(port),
            device,
            by_hand: entry.by_hand,
        })
    }));
    Ok(())
}

/// Counters of ports' devices on their bridges.
fn see_devices<'a>(
    seen: &mut Observed,
    (place, ns): (Place, &Netns),
    ports: impl Iterator<Item = &'a PortId>,
) -> linux::Result<()> {
    let mut ports = ports.peekable();
    if ports.peek().is_none() {
        return Ok(());
    }
    let devices = counters::devices(ns)?;
    seen.devices.extend(ports.filter_map(|port| {
        let name = tap_device(*port);
        let figures = figures(devices.get(&name)?);
        let role = match place {
            Place::Host => DeviceRole::GatewayEnd(*port),
            _ => DeviceRole::Port(*port),
        };
        let device = Device { place, name, role };
        Some(DeviceFigures { device, figures })
    }));
    Ok(())
}

/// What the kernel gave to the device is what the port's owner received.
fn figures(counters: &DeviceCounters) -> NicFigures {
    let traffic = |[bytes, packets, errors, dropped]: [u64; 4]| Traffic {
        bytes,
        packets,
        errors,
        dropped,
    };
    NicFigures {
        received: traffic(counters.sent),
        sent: traffic(counters.received),
    }
}

/// Rules with a counter that dropped something.
fn see_drops(seen: &mut Observed, (place, ns): (Place, &Netns), owners: &Owners) -> linux::Result<()> {
    let listing = Nft::open(ns)?.list_counted()?;
    for ((family, name), table) in ruleset::parse(&listing) {
        for (chain, listed) in table.chains {
            for (at, rule) in listed.rules.iter().enumerate() {
                let Some((text, packets, bytes)) = dropped(rule).filter(|(_, packets, _)| *packets > 0) else {
                    continue;
                };
                seen.drops.insert(DropFigures {
                    table: TableName {
                        place,
                        family: family.clone(),
                        name: name.clone(),
                    },
                    owner: owners.of_rule(&chain, at),
                    chain: chain.clone(),
                    rule: text,
                    packets,
                    bytes,
                });
            }
        }
    }
    Ok(())
}

/// Of a rule that counts and drops: its text without the counter's values, and these.
fn dropped(rule: &str) -> Option<(String, u64, u64)> {
    let words: Vec<&str> = rule.split_whitespace().collect();
    let at = words.windows(2).position(|pair| pair == ["counter", "packets"])?;
    let packets = words.get(at + 2)?.parse().ok()?;
    let bytes = words.get(at + 4)?.parse().ok()?;
    let rest = words.get(at + 5..)?;
    let text = [words.get(..=at)?, rest].concat().join(" ");
    matches!(rest.first(), Some(&("drop" | "reject"))).then_some((text, packets, bytes))
}

/// What the services remember of a port, in the words that pass between the rooms.
fn of_guest(records: PortRecords) -> GuestRecords {
    let mut dhcp: Vec<DhcpExchange> = (records.dhcp.into_iter())
        .map(|(step, record)| DhcpExchange {
            at: Timestamp::new(record.at),
            step,
            xid: record.xid,
            address: record.address,
        })
        .collect();
    dhcp.sort_by_key(|exchange| (exchange.at, exchange.step));
    let metadata = records.metadata.into_iter().map(|record| MetadataRequest {
        at: Timestamp::new(record.at),
        request: record.request,
        status: record.status,
    });
    GuestRecords {
        dhcp,
        metadata: metadata.collect(),
        keys: records.keys.map(|keys| GuestKeys {
            at: Timestamp::new(keys.at),
            names: keys.names,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_is_told_without_its_counter() {
        let rule = "iifname \"qg-1\" ct state invalid counter packets 7 bytes 420 drop";
        let text = "iifname \"qg-1\" ct state invalid counter drop".to_owned();
        assert_eq!(dropped(rule), Some((text, 7, 420)));
        assert_eq!(dropped("counter packets 7 bytes 420 accept"), None);
        assert_eq!(dropped("drop"), None);
    }
}
