//! What an answer may call things: by their names for those who may see them, and by their kind alone for others.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::cause::Cause;
use super::question::Lack;
use super::walk::{Obstacle, Place};
use crate::network::{FloatingIp, Network, Port, Resource, Router, SecurityGroup, Subnet};
use crate::{Actor, Cloud, FloatingIpId, NetworkId, PortId, RouterId, SecurityGroupId, ServerId, SubnetId};

/// A thing that an answer speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Object {
    /// A server.
    Server(ServerId),
    /// A port.
    Port(PortId),
    /// A network.
    Network(NetworkId),
    /// A subnet.
    Subnet(SubnetId),
    /// A router.
    Router(RouterId),
    /// A floating IP.
    FloatingIp(FloatingIpId),
    /// A security group.
    SecurityGroup(SecurityGroupId),
}

/// A thing as somebody may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its kind: `router`.
    pub kind: &'static str,
    /// Its id; `None`: it is somebody else's.
    pub id: Option<Uuid>,
    /// Its name, or its address, or the start of its id; empty for what is somebody else's.
    pub name: String,
}

impl Object {
    /// Its kind, in the API's words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Port(_) => "port",
            Self::Network(_) => "network",
            Self::Subnet(_) => "subnet",
            Self::Router(_) => "router",
            Self::FloatingIp(_) => "floating_ip",
            Self::SecurityGroup(_) => "security_group",
        }
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Server(id) => id.0,
            Self::Port(id) => id.0,
            Self::Network(id) => id.0,
            Self::Subnet(id) => id.0,
            Self::Router(id) => id.0,
            Self::FloatingIp(id) => id.0,
            Self::SecurityGroup(id) => id.0,
        }
    }

    /// As the caller may know it.
    pub fn named(&self, cloud: &Cloud, actor: &Actor) -> Named {
        let name = match self {
            Self::Server(id) => cloud
                .servers
                .get(id)
                .filter(|server| actor.can_see(&server.project_id))
                .map(|server| server.name.clone()),
            Self::Port(id) => seen::<Port>(cloud, actor, id).map(|port| port_name(cloud, &port)),
            Self::Network(id) => seen::<Network>(cloud, actor, id).map(|row| row.standard.name.clone()),
            Self::Subnet(id) => seen::<Subnet>(cloud, actor, id).map(|row| match row.standard.name.is_empty() {
                true => row.cidr.to_string(),
                false => row.standard.name.clone(),
            }),
            Self::Router(id) => seen::<Router>(cloud, actor, id).map(|row| row.standard.name.clone()),
            Self::FloatingIp(id) => seen::<FloatingIp>(cloud, actor, id).map(|row| row.floating_ip_address.to_string()),
            Self::SecurityGroup(id) => seen::<SecurityGroup>(cloud, actor, id).map(|row| row.standard.name.clone()),
        };
        let short = || self.id().to_string().chars().take(8).collect();
        Named {
            kind: self.kind(),
            id: name.is_some().then(|| self.id()),
            name: name.map_or_else(String::new, |name| if name.is_empty() { short() } else { name }),
        }
    }
}

fn seen<R: Resource>(cloud: &Cloud, actor: &Actor, id: &R::Id) -> Option<std::sync::Arc<R>> {
    let row = cloud.find::<R>(id)?;
    row.visible_to(cloud, actor).then(|| row.clone())
}

/// A port's own name, else whose it is, else its address.
fn port_name(cloud: &Cloud, port: &Port) -> String {
    if !port.standard.name.is_empty() {
        return port.standard.name.clone();
    }
    let server = port
        .device_id
        .parse()
        .ok()
        .and_then(|id: ServerId| cloud.servers.get(&id));
    let address = port.fixed_ips.first().map(|fixed| fixed.ip_address.to_string());
    match (server, address) {
        (Some(server), Some(address)) => format!("{} ({address})", server.name),
        (Some(server), None) => server.name.clone(),
        (None, Some(address)) => address,
        (None, None) => String::new(),
    }
}

/// What a place is, if it is a thing of the cloud.
pub fn of_place(place: &Place) -> Option<Object> {
    match place {
        Place::External(network) | Place::Network(network) | Place::Outside { network, .. } => {
            Some(Object::Network(*network))
        }
        Place::Router(router) => Some(Object::Router(*router)),
        Place::Port(port) => Some(Object::Port(*port)),
        Place::Beyond | Place::Host => None,
    }
}

/// What a cause is about, the nearest thing first.
pub fn objects(cloud: &Cloud, cause: &Cause) -> Vec<Object> {
    match cause {
        Cause::Lack(lack) => match lack {
            Lack::Port { server } => vec![Object::Server(*server)],
            Lack::Address { port, .. } | Lack::FloatingIp { port } => vec![Object::Port(*port)],
            Lack::Association { floating_ip } => vec![Object::FloatingIp(*floating_ip)],
            Lack::Router { network } => vec![Object::Network(*network)],
            Lack::ExternalNetwork => Vec::new(),
        },
        Cause::Unassociated { floating_ip } => vec![Object::FloatingIp(*floating_ip)],
        Cause::FixedFromOutside { port, .. } => vec![Object::Port(*port)],
        Cause::Server { server, .. } => vec![Object::Server(*server)],
        Cause::Obstacle(obstacle) => of_obstacle(cloud, obstacle),
    }
}

fn of_obstacle(cloud: &Cloud, obstacle: &Obstacle) -> Vec<Object> {
    match obstacle {
        Obstacle::NoAddress { network, .. } | Obstacle::NetworkMissing { network } => vec![Object::Network(*network)],
        Obstacle::ServicesForwarding { network, .. } => vec![Object::Network(*network)],
        Obstacle::NextHopUnanswered { place, network, .. } => {
            of_place(place).into_iter().chain([Object::Network(*network)]).collect()
        }
        Obstacle::NoRouterOnSubnet { network, subnet, .. } | Obstacle::SubnetWithoutGateway { network, subnet, .. } => {
            vec![Object::Subnet(*subnet), Object::Network(*network)]
        }
        Obstacle::RouterHasNoGateway { router, .. }
        | Obstacle::RouterAdminDown { router }
        | Obstacle::RouterMissing { router }
        | Obstacle::AddressScopes { router, .. }
        | Obstacle::NdpProxyMissing { router, .. }
        | Obstacle::MetadataOnly { router } => vec![Object::Router(*router)],
        Obstacle::ServerNotRunning { server, .. } => vec![Object::Server(*server)],
        Obstacle::EgressRules { port, .. } | Obstacle::IngressRules { port, .. } => {
            let groups = cloud.ports.get(port).into_iter().flat_map(|port| &port.security_groups);
            let groups = groups.map(|group| Object::SecurityGroup(*group));
            [Object::Port(*port)].into_iter().chain(groups).collect()
        }
        Obstacle::PortAdminDown { port } => {
            let network = cloud.ports.get(port).map(|port| Object::Network(port.network_id));
            [Object::Port(*port)].into_iter().chain(network).collect()
        }
        Obstacle::PortUnbound { port }
        | Obstacle::PortMissing { port }
        | Obstacle::SpoofingGuard { port, .. }
        | Obstacle::GuestForwarding { port, .. } => vec![Object::Port(*port)],
        Obstacle::NoRoute { place, .. }
        | Obstacle::InvalidState { place }
        | Obstacle::NotTranslated { place, .. }
        | Obstacle::Loop { place } => of_place(place).into_iter().collect(),
        Obstacle::HostForwarding | Obstacle::ForeignAnswer { .. } | Obstacle::AnswerAstray { .. } => Vec::new(),
    }
}
