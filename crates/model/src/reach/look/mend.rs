//! What mends a thing of the host or of the guest, and who can.

use super::super::cause::{Code, Owner};
use super::super::fix::Request;
use super::super::names::Object;
use super::super::programmed::{Device, Finding, HostObject, Place, Property, State};
use super::super::words::{Text, host};
use super::{Evidence, may_see_host};
use crate::host::{HostConfig, PortConfig};
use crate::{Actor, Cloud, PortId};
use serde_json::json;

/// What mends something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFix {
    /// What it does, in a sentence.
    pub message: Text,
    /// Commands for a shell, on the host or of any client; none where something is to be done in the guest.
    pub commands: Vec<String>,
    /// Requests that make it, where requests do.
    pub requests: Vec<Request>,
}

/// Who can mend it.
pub fn owner(cloud: &Cloud, actor: &Actor, code: Code, object: Option<Object>) -> Owner {
    if !is_guests(code) {
        return Owner::Operator;
    }
    let project = match object {
        Some(Object::Server(id)) => cloud.servers.get(&id).map(|row| row.project_id.clone()),
        Some(Object::Port(id)) => cloud.ports.get(&id).map(|row| row.standard.project_id.clone()),
        _ => None,
    };
    match project.is_some_and(|project| actor.can_see(&project)) {
        true => Owner::You,
        false => Owner::Project,
    }
}

/// Whether it is up to the guest, or to who started it.
fn is_guests(code: Code) -> bool {
    matches!(
        code,
        Code::PortClosed
            | Code::GuestFirewall
            | Code::GuestSilent
            | Code::GuestStillBooting
            | Code::KernelPanic
            | Code::NoBootDisk
            | Code::ArpUnanswered
            | Code::DhcpNoLease
            | Code::WrongAddressInGuest
            | Code::MetadataNotFetched
            | Code::KeyNotDelivered
            | Code::VmProcessGone
    )
}

/// Whom and for what host it is told what mends something.
#[derive(Clone, Copy)]
pub struct Mender<'a> {
    /// The cloud.
    pub cloud: &'a Cloud,
    /// The host's document.
    pub config: &'a HostConfig,
    /// Who reads it.
    pub actor: &'a Actor,
    /// Network namespace that stands for the host; `None`: the host's own.
    pub host_netns: Option<&'a str>,
}

/// What mends it, as somebody may know it: others than the operator are told whom to ask.
pub fn fix(mender: &Mender<'_>, (code, object): (Code, Option<Object>), evidence: &[Evidence]) -> HostFix {
    if owner(mender.cloud, mender.actor, code, object) == Owner::Operator && !may_see_host(mender.actor) {
        return HostFix {
            message: host::ask_operator(),
            commands: Vec::new(),
            requests: Vec::new(),
        };
    }
    if let (Code::VmProcessGone, Some(Object::Server(server))) = (code, object) {
        let path = format!("/compute/v2.1/servers/{server}/action");
        return HostFix {
            message: host::fix(code),
            commands: vec![format!("openstack server reboot --hard {server}")],
            requests: vec![Request {
                method: "POST",
                path,
                body: json!({"reboot": {"type": "HARD"}}),
            }],
        };
    }
    let findings = evidence.iter().filter_map(|each| match each {
        Evidence::Finding(finding) => Some(finding),
        _ => None,
    });
    let mut commands: Vec<String> = Vec::new();
    for command in findings.flat_map(|finding| commands_of(mender, finding)) {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    match commands.is_empty() {
        true => general_fix(code, mender.host_netns),
        false => HostFix {
            message: host::fix(code),
            commands,
            requests: Vec::new(),
        },
    }
}

/// What mends a cause of which nothing more is known.
pub fn general_fix(code: Code, host_netns: Option<&str>) -> HostFix {
    let forward;
    let commands: &[&str] = match code {
        Code::HostForwardOff => {
            forward = on_host(
                host_netns,
                "sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
            );
            &[&forward]
        }
        Code::PortClosed => &["ss -ltnp"],
        Code::GuestFirewall => &["nft list ruleset"],
        Code::DhcpNoLease | Code::WrongAddressInGuest => &["dhclient -v"],
        Code::ConntrackFull | Code::ConntrackNearlyFull => &["sysctl -w net.netfilter.nf_conntrack_max=1048576"],
        _ if is_guests(code) => &[],
        // What is behind these, the rest of the host tells.
        Code::LostOnHost | Code::UnreachableOnWay | Code::NeighbourFailed | Code::AddressTaken => &["maru doctor"],
        _ => &[RESTART],
    };
    HostFix {
        message: host::fix(code),
        commands: commands.iter().map(|command| (*command).to_owned()).collect(),
        requests: Vec::new(),
    }
}

/// A program that begins anew makes everything as it was declared; servers and their networks go on meanwhile.
const RESTART: &str = "maru down && maru up --background";

/// A command on the host's network.
fn on_host(host_netns: Option<&str>, command: &str) -> String {
    match host_netns {
        Some(name) => format!("ip netns exec {name} {command}"),
        None => command.to_owned(),
    }
}

/// A command in a namespace.
fn in_place(host_netns: Option<&str>, place: Place, command: &str) -> String {
    match place {
        Place::Host | Place::Attached(_) => on_host(host_netns, command),
        Place::Network(id) => format!("ip netns exec qdhcp-{id} {command}"),
        Place::Router(id) => format!("ip netns exec qrouter-{id} {command}"),
    }
}

/// The commands that take back just this; none where Maru itself is to make it anew.
fn commands_of(mender: &Mender<'_>, finding: &Finding) -> Vec<String> {
    let config = mender.config;
    let one = |place, command: String| vec![in_place(mender.host_netns, place, &command)];
    match (&finding.object, &finding.state) {
        (HostObject::Setting { place, key }, State::Different { want, .. }) => {
            one(*place, format!("sysctl -w {key}={want}"))
        }
        (HostObject::Property { device, property }, State::Different { want, .. }) => {
            property_command(device, *property, want)
                .map(|command| one(device.place, command))
                .unwrap_or_default()
        }
        (HostObject::Address { device, address, .. }, state @ (State::Missing | State::Unwanted)) => {
            let verb = if *state == State::Missing { "add" } else { "del" };
            one(device.place, format!("ip address {verb} {address} dev {}", device.name))
        }
        (HostObject::Device(device), State::Unwanted) => one(device.place, format!("ip link del {}", device.name)),
        (
            HostObject::Route {
                place,
                destination,
                nexthop: Some(nexthop),
                ..
            },
            State::Missing,
        ) => one(*place, format!("ip route replace {destination} via {nexthop}")),
        (HostObject::Route { place, destination, .. }, State::Unwanted) => {
            let version = if destination.addr().is_ipv4() { 4 } else { 6 };
            one(*place, format!("ip -{version} route flush exact {destination}"))
        }
        (HostObject::RoutingRule { place, priority }, State::Unwanted) => {
            one(*place, format!("ip rule del priority {priority}"))
        }
        (HostObject::Neighbour { device, address }, _) => {
            one(device.place, format!("ip neighbour del {address} dev {}", device.name))
        }
        (HostObject::BridgeEntry { network, port }, State::Different { have, .. }) => port_config(config, *port)
            .map(|row| {
                one(
                    Place::Network(*network),
                    format!("bridge fdb del {} dev {have} master", row.mac),
                )
            })
            .unwrap_or_default(),
        (HostObject::ForeignChain { table, chain, hook, .. }, _) if table.place == Place::Host => {
            let words = format!("{} {} {chain}", table.family, table.name);
            let rules = let_bridges_pass(config, &words, hook);
            rules.iter().map(|rule| on_host(mender.host_netns, rule)).collect()
        }
        (HostObject::ForeignChain { table, .. }, _) | (HostObject::Table(table), State::Unwanted) => {
            one(table.place, format!("nft delete table {} {}", table.family, table.name))
        }
        (HostObject::FlowTable(_), State::Different { want, .. }) => raised(want, "net.netfilter.nf_conntrack_max"),
        (HostObject::NeighbourTable(version), State::Different { want, .. }) => {
            let family = if *version == 4 { "ipv4" } else { "ipv6" };
            raised(want, &format!("net.{family}.neigh.default.gc_thresh3"))
        }
        _ => Vec::new(),
    }
}

/// A limit, four times as large; `want` has it as its number.
fn raised(want: &str, key: &str) -> Vec<String> {
    let limit = want.split_whitespace().find_map(|word| word.parse::<u64>().ok());
    let command = |limit: u64| format!("sysctl -w {key}={}", limit.saturating_mul(4));
    limit.map(command).into_iter().collect()
}

/// Rules in front of somebody's chain that let pass what the provider bridges carry.
fn let_bridges_pass(config: &HostConfig, chain: &str, hook: &str) -> Vec<String> {
    let mut bridges: Vec<&str> = config
        .externals
        .values()
        .map(|external| external.bridge.as_str())
        .collect();
    bridges.sort_unstable();
    bridges.dedup();
    let keys: &[&str] = match hook {
        _ if hook.contains("hook input") || hook.contains("hook prerouting") => &["iifname"],
        _ if hook.contains("hook output") || hook.contains("hook postrouting") => &["oifname"],
        _ => &["iifname", "oifname"],
    };
    let rule = |bridge: &&str| {
        let bridge = (*bridge).to_owned();
        keys.iter()
            .map(move |key| format!("nft insert rule {chain} {key} {bridge} accept"))
    };
    bridges.iter().flat_map(rule).collect()
}

fn property_command(device: &Device, property: Property, want: &str) -> Option<String> {
    let name = &device.name;
    Some(match property {
        Property::Up => format!("ip link set {name} {want}"),
        Property::Mtu => format!("ip link set {name} mtu {want}"),
        Property::Mac => format!("ip link set {name} address {want}"),
        Property::Bridge if want == "none" => format!("ip link set {name} nomaster"),
        Property::Bridge => format!("ip link set {name} master {want}"),
        Property::BridgePortState => format!("bridge link set dev {name} state 3"),
        Property::Isolated => format!("bridge link set dev {name} isolated {want}"),
        Property::Learning => format!("bridge link set dev {name} learning {want}"),
        Property::Flooding => format!("bridge link set dev {name} flood {want}"),
        Property::Discipline => format!("tc qdisc del dev {name} root"),
        Property::Filters => format!("tc qdisc del dev {name} ingress"),
        Property::Kind | Property::Peer | Property::Held | Property::Program => return None,
    })
}

fn port_config(config: &HostConfig, id: PortId) -> Option<&PortConfig> {
    let mut networks = config.networks.values();
    networks.find_map(|network| network.ports.get(&id)).map(|port| &**port)
}
