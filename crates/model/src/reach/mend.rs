//! Which fixes a cause may have, the likeliest first.

use std::net::IpAddr;

use ipnet::IpNet;

use super::ask::Found;
use super::cause::{Cause, Owner, ServerState, network_is_down};
use super::fix::{Fix, NewRule, Start};
use super::flow::{Packet, protocol};
use super::question::{Lack, Origin, Question, Target};
use super::walk::{Obstacle, Verdict, Walk, Way};
use crate::host::{Direction, EtherType};
use crate::network::{Network, Port, Resource, Router, SecurityGroup, network};
use crate::{Actor, Cloud, NetworkId, PortId, ServerId, SubnetId};

/// The fixes to try.
pub(super) fn candidates(cloud: &Cloud, actor: &Actor, question: &Question, found: &Found) -> Vec<Fix> {
    match &found.cause {
        Cause::Lack(lack) => for_lack(cloud, actor, question, *lack),
        Cause::Server { server, state } => power(*server, *state),
        // Which port was meant, nobody said; and a fixed address stays inside.
        Cause::Unassociated { .. } | Cause::FixedFromOutside { .. } => Vec::new(),
        Cause::Obstacle(obstacle) => for_obstacle(cloud, actor, question, found, obstacle),
    }
}

/// Who can mend what no request mends.
pub(super) fn owner_without_fix(cause: &Cause) -> Owner {
    match cause {
        Cause::Obstacle(
            Obstacle::NetworkMissing { .. }
            | Obstacle::RouterMissing { .. }
            | Obstacle::PortMissing { .. }
            | Obstacle::HostForwarding
            | Obstacle::AddressScopes { .. }
            | Obstacle::NotTranslated { .. },
        )
        | Cause::Lack(Lack::ExternalNetwork) => Owner::Operator,
        _ => Owner::You,
    }
}

fn for_lack(cloud: &Cloud, actor: &Actor, question: &Question, lack: Lack) -> Vec<Fix> {
    match lack {
        Lack::FloatingIp { port } => floating_ips(cloud, actor, port),
        Lack::Router { network } => routers(cloud, actor, question, network),
        Lack::Association { floating_ip } => {
            let port = match question.to {
                Target::Server { id } => super::question::first_port(cloud, id),
                _ => None,
            };
            port.map(|port| Fix::AssociateFloatingIp {
                floating_ip,
                port: port.id,
            })
            .into_iter()
            .collect()
        }
        Lack::Port { .. } | Lack::Address { .. } | Lack::ExternalNetwork => Vec::new(),
    }
}

/// A floating IP of the project that leads nowhere, else a new one.
fn floating_ips(cloud: &Cloud, actor: &Actor, port: PortId) -> Vec<Fix> {
    let Some(row) = cloud.ports.get(&port) else {
        return Vec::new();
    };
    let idle = cloud
        .floating_ips
        .iter()
        .filter(|found| found.port_id.is_none() && found.standard.project_id == row.standard.project_id)
        .map(|found| Fix::AssociateFloatingIp {
            floating_ip: found.id,
            port,
        });
    let new = externals(cloud, actor).map(|network| Fix::CreateFloatingIp { network, port });
    idle.take(1).chain(new).collect()
}

/// Provider networks that the caller may see, the default one first.
fn externals<'a>(cloud: &'a Cloud, actor: &'a Actor) -> impl Iterator<Item = NetworkId> + 'a {
    let default = network::default_external(cloud).map(|network| network.id);
    let others = cloud.lookups.external_networks.of(&()).copied();
    let seen = move |id: &NetworkId| {
        let row: Option<&std::sync::Arc<Network>> = cloud.networks.get(id);
        row.is_some_and(|network| network.visible_to(cloud, actor))
    };
    default
        .into_iter()
        .chain(others.filter(move |id| Some(*id) != default))
        .filter(seen)
}

/// An interface for a router that leads out already, else for any of the project's, else a new router.
fn routers(cloud: &Cloud, actor: &Actor, question: &Question, network: NetworkId) -> Vec<Fix> {
    let Some(subnet) = subnet_of(cloud, question, network) else {
        return Vec::new();
    };
    let mut own: Vec<&Router> = cloud
        .routers
        .iter()
        .map(|router| router.as_ref())
        .filter(|router| actor.owns(&router.standard.project_id))
        .collect();
    own.sort_by_key(|router| router.gateway.is_none());
    let interfaces = own.into_iter().take(3).map(|router| Fix::AddInterface {
        router: router.id,
        subnet,
    });
    let new = Fix::CreateRouter {
        external: externals(cloud, actor).next(),
        subnet,
    };
    interfaces.chain([new]).collect()
}

/// The subnet that the target's address is from, else the network's first.
fn subnet_of(cloud: &Cloud, question: &Question, network: NetworkId) -> Option<SubnetId> {
    let port = question.target_port(cloud).filter(|port| port.network_id == network);
    let of_port = port
        .and_then(|port| port.fixed_ips.first())
        .map(|fixed| fixed.subnet_id);
    of_port.or_else(|| cloud.lookups.subnets_by_network.first(&network).copied())
}

fn for_obstacle(cloud: &Cloud, actor: &Actor, question: &Question, found: &Found, obstacle: &Obstacle) -> Vec<Fix> {
    match obstacle {
        Obstacle::IngressRules { port, .. } => rules(cloud, actor, question, found, *port, Direction::Ingress),
        Obstacle::EgressRules { port, .. } => rules(cloud, actor, question, found, *port, Direction::Egress),
        Obstacle::RouterAdminDown { router } => vec![Fix::RouterUp { router: *router }],
        Obstacle::PortAdminDown { port } => {
            let network = cloud.ports.get(port).map(|port| port.network_id);
            match network.filter(|_| network_is_down(cloud, *port)) {
                Some(network) => vec![Fix::NetworkUp { network }],
                None => vec![Fix::PortUp { port: *port }],
            }
        }
        Obstacle::NoRouterOnSubnet { network, .. } => routers(cloud, actor, question, *network),
        Obstacle::RouterHasNoGateway { router, .. } => externals(cloud, actor)
            .map(|network| Fix::SetGateway {
                router: *router,
                network,
            })
            .collect(),
        Obstacle::SpoofingGuard { port, source } => vec![Fix::AllowAddress {
            port: *port,
            address: *source,
        }],
        Obstacle::GuestForwarding { port, destination } => vec![Fix::AllowAddress {
            port: *port,
            address: *destination,
        }],
        Obstacle::HostForwarding => vec![Fix::HostForwarding],
        _ => Vec::new(),
    }
}

fn power(server: ServerId, state: ServerState) -> Vec<Fix> {
    let start = match state {
        ServerState::Off => Start::Start,
        ServerState::Paused => Start::Unpause,
        ServerState::Suspended => Start::Resume,
        ServerState::Building | ServerState::Error => return Vec::new(),
    };
    vec![Fix::Power { server, start }]
}

/// A rule in one of the port's groups for just such packets.
fn rules(
    cloud: &Cloud,
    actor: &Actor,
    question: &Question,
    found: &Found,
    port: PortId,
    direction: Direction,
) -> Vec<Fix> {
    let stopped = found.walk.as_ref().and_then(|walk| stopped_packet(walk, found.way));
    let (Some(packet), Some(port)) = (stopped, cloud.ports.get(&port)) else {
        return Vec::new();
    };
    let far = match direction {
        Direction::Ingress => packet.source,
        Direction::Egress => packet.destination,
    };
    let rule = |group| NewRule {
        group,
        direction,
        ethertype: if far.is_ipv4() {
            EtherType::IPv4
        } else {
            EtherType::IPv6
        },
        protocol: Some(protocol_name(&packet)),
        // An answer goes to a port that the other end chose.
        port: packet.destination_port().filter(|_| found.way == Way::Request),
        remote: remote(question, direction, far),
    };
    let mut groups: Vec<&SecurityGroup> = groups(cloud, port).collect();
    groups.sort_by_key(|group| !actor.owns(&group.standard.project_id));
    groups.into_iter().map(|group| Fix::AddRule(rule(group.id))).collect()
}

fn groups<'a>(cloud: &'a Cloud, port: &'a Port) -> impl Iterator<Item = &'a SecurityGroup> {
    let ids = port.security_groups.iter();
    ids.filter_map(|id| cloud.security_groups.get(id))
        .map(|group| group.as_ref())
}

/// Who is let pass: everybody where nobody in particular asked, else just that address.
fn remote(question: &Question, direction: Direction, far: IpAddr) -> Option<IpNet> {
    let anybody = matches!(question.from, Origin::Outside { address: None }) || direction == Direction::Egress;
    (!anybody).then(|| IpNet::from(far))
}

/// The packet as it came to what stopped it.
fn stopped_packet(walk: &Walk, way: Way) -> Option<Packet> {
    let hops = match way {
        Way::Request => &walk.request,
        Way::Reply => &walk.reply,
    };
    let last = hops.last().filter(|hop| matches!(hop.verdict, Verdict::Stopped(_)))?;
    Some(last.before)
}

fn protocol_name(packet: &Packet) -> String {
    match packet.protocol {
        protocol::ICMP => "icmp".to_owned(),
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMPV6 => "ipv6-icmp".to_owned(),
        number => number.to_string(),
    }
}
