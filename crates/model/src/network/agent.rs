//! Neutron's agents: what of its services runs on a host, and which networks and routers are scheduled to them.
//!
//! They are all Maru itself, so nothing registers and nothing is missed: a host has one of each [`Kind`]. Kept is what
//! an administrator says of them. What is taken from an agent, or belongs to one that is administratively down (as
//! Neutron has it with `enable_services_on_agents_with_admin_state_down` off), is not planned, so its host takes it down.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Network, Router, port};
use crate::cloud::Row;
use crate::{Cloud, Error, HostId, NetworkAgentId, NetworkId, Result, RouterId, Timestamp, Tx};

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// DHCP and DNS of networks.
    Dhcp,
    /// Routers.
    L3,
    /// Metadata of servers.
    Metadata,
}

impl Kind {
    /// All of them: what every host has.
    pub const ALL: [Self; 3] = [Self::Dhcp, Self::L3, Self::Metadata];

    /// Neutron's `agent_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dhcp => "DHCP agent",
            Self::L3 => "L3 agent",
            Self::Metadata => "Metadata agent",
        }
    }

    /// Neutron's name of the program.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Dhcp => "neutron-dhcp-agent",
            Self::L3 => "neutron-l3-agent",
            Self::Metadata => "neutron-metadata-agent",
        }
    }
}

/// What is known of a host's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAgent {
    /// Its id, made of the host's name and what it does.
    pub id: NetworkAgentId,
    /// What it does.
    pub kind: Kind,
    /// Where.
    pub host: HostId,
    /// `false`: it serves nothing.
    pub admin_state_up: bool,
    /// Free text.
    pub description: Option<String>,
    /// When it was first there.
    pub created_at: Timestamp,
    /// When its program started last.
    pub started_at: Timestamp,
}

impl Row for NetworkAgent {
    type Id = NetworkAgentId;
    const KIND: &'static str = "network_agent";
    crate::table!(NetworkAgent, network_agents);
    fn id(&self) -> NetworkAgentId {
        self.id
    }
    fn not_found(id: &NetworkAgentId) -> Error {
        Error::not_found("AgentNotFound", format!("Agent {id} could not be found."))
    }
}

/// The DHCP agent of a network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DhcpPlace {
    /// The host's, as soon as a subnet wants DHCP.
    #[default]
    Auto,
    /// The host's, as an administrator said.
    Chosen,
    /// None, as an administrator said.
    Nowhere,
}

/// The id of a host's agent.
pub fn id_of(host: &HostId, kind: Kind) -> NetworkAgentId {
    let name = format!("{}.{host}", kind.binary());
    NetworkAgentId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes()))
}

/// A host's agents, in the order of [`Kind::ALL`].
pub fn of_host(cloud: &Cloud, host: &HostId) -> [NetworkAgent; 3] {
    Kind::ALL.map(|kind| {
        let row = cloud.find::<NetworkAgent>(&id_of(host, kind));
        row.map_or_else(|| fresh(host, kind, Timestamp::EPOCH), |row| NetworkAgent::clone(row))
    })
}

fn fresh(host: &HostId, kind: Kind, now: Timestamp) -> NetworkAgent {
    NetworkAgent {
        id: id_of(host, kind),
        kind,
        host: host.clone(),
        admin_state_up: true,
        description: None,
        created_at: now,
        started_at: now,
    }
}

/// Notes that a host's agents started now.
pub fn start(tx: &mut Tx<'_>, host: &HostId) {
    let now = tx.now();
    for kind in Kind::ALL {
        let known = tx.cloud().find::<NetworkAgent>(&id_of(host, kind)).cloned();
        let known = known.map_or_else(|| fresh(host, kind, now), |row| NetworkAgent::clone(&row));
        tx.put(NetworkAgent {
            started_at: now,
            ..known
        });
    }
}

/// An agent of a host.
///
/// # Errors
/// `AgentNotFound`.
pub fn get(cloud: &Cloud, host: &HostId, id: &NetworkAgentId) -> Result<NetworkAgent> {
    let found = of_host(cloud, host).into_iter().find(|agent| agent.id == *id);
    found.ok_or_else(|| NetworkAgent::not_found(id))
}

/// What is said of an agent. `None`: as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentSpec {
    /// `false`: it serves nothing.
    pub admin_state_up: Option<bool>,
    /// Free text; `Some(None)`: none.
    pub description: Option<Option<String>>,
}

/// Changes what is said of an agent.
///
/// # Errors
/// `AgentNotFound`.
pub fn update(tx: &mut Tx<'_>, host: &HostId, id: NetworkAgentId, spec: AgentSpec) -> Result<Arc<NetworkAgent>> {
    let mut agent = get(tx.cloud(), host, &id)?;
    agent.admin_state_up = spec.admin_state_up.unwrap_or(agent.admin_state_up);
    agent.description = spec.description.unwrap_or(agent.description);
    Ok(tx.put(agent))
}

/// Forgets what is said of an agent. As in Neutron one that is alive is there again with its next report, which here is
/// at once.
///
/// # Errors
/// `AgentNotFound`.
pub fn delete(tx: &mut Tx<'_>, host: &HostId, id: NetworkAgentId) -> Result<()> {
    let agent = get(tx.cloud(), host, &id)?;
    let now = tx.now();
    tx.put(NetworkAgent {
        started_at: agent.started_at,
        ..fresh(host, agent.kind, now)
    });
    Ok(())
}

/// Whether a host's agent serves what is scheduled to it.
pub fn is_serving(cloud: &Cloud, host: &HostId, kind: Kind) -> bool {
    let row = cloud.find::<NetworkAgent>(&id_of(host, kind));
    row.is_none_or(|agent| agent.admin_state_up)
}

/// Whether a network is scheduled to a DHCP agent.
pub fn hosts_network(cloud: &Cloud, network: &Network) -> bool {
    match network.dhcp_place {
        DhcpPlace::Auto => !network.external && cloud.subnets_of_network(network.id).any(|subnet| subnet.enable_dhcp),
        DhcpPlace::Chosen => !network.external,
        DhcpPlace::Nowhere => false,
    }
}

/// The networks that are scheduled to an agent.
///
/// # Errors
/// `AgentNotFound`.
pub fn networks<'a>(cloud: &'a Cloud, host: &HostId, id: &NetworkAgentId) -> Result<Vec<&'a Arc<Network>>> {
    let is_dhcp = get(cloud, host, id)?.kind == Kind::Dhcp;
    let hosted = |network: &&Arc<Network>| is_dhcp && hosts_network(cloud, network);
    Ok(cloud.networks.iter().filter(hosted).collect())
}

/// The routers that are scheduled to an agent.
///
/// # Errors
/// `AgentNotFound`.
pub fn routers<'a>(cloud: &'a Cloud, host: &HostId, id: &NetworkAgentId) -> Result<Vec<&'a Arc<Router>>> {
    let is_l3 = get(cloud, host, id)?.kind == Kind::L3;
    let hosted = |router: &&Arc<Router>| is_l3 && router.is_hosted;
    Ok(cloud.routers.iter().filter(hosted).collect())
}

/// Schedules a network to a DHCP agent: it gets its DHCP port back, with the addresses that were kept for it.
///
/// # Errors
/// `NetworkNotFound`, `AgentNotFound`, `InvalidDHCPAgent`, `NetworkHostedByDHCPAgent`; a conflict for a provider network.
pub fn add_network(tx: &mut Tx<'_>, host: &HostId, id: NetworkAgentId, network_id: NetworkId) -> Result<()> {
    let network = tx.get::<Network>(&network_id)?;
    let agent = get(tx.cloud(), host, &id)?;
    if agent.kind != Kind::Dhcp || !agent.admin_state_up {
        return Err(Error::not_found(
            "InvalidDHCPAgent",
            format!("Agent {id} is not a valid DHCP Agent or has been disabled."),
        ));
    }
    if hosts_network(tx.cloud(), &network) {
        return Err(Error::conflict(
            "NetworkHostedByDHCPAgent",
            format!("The network {network_id} has been already hosted by the DHCP Agent {id}."),
        ));
    }
    if network.external {
        return Err(Error::conflict(
            "HTTPConflict",
            format!("The network {network_id} is external: nothing is plugged into it that would ask for DHCP."),
        ));
    }
    place(tx, network_id, DhcpPlace::Chosen)
}

/// Takes a network from a DHCP agent. Its DHCP port stays, reserved, so that the addresses are the same later.
///
/// # Errors
/// `AgentNotFound`, `NetworkNotHostedByDhcpAgent`.
pub fn remove_network(tx: &mut Tx<'_>, host: &HostId, id: NetworkAgentId, network_id: NetworkId) -> Result<()> {
    let agent = get(tx.cloud(), host, &id)?;
    let network = tx.cloud().networks.get(&network_id);
    let hosted = network.is_some_and(|network| hosts_network(tx.cloud(), network));
    if agent.kind != Kind::Dhcp || !hosted {
        return Err(not_hosted(&network_id.to_string(), id));
    }
    place(tx, network_id, DhcpPlace::Nowhere)
}

/// A network that is not scheduled to this agent can't be taken from it.
pub fn not_hosted(network: &str, id: NetworkAgentId) -> Error {
    Error::conflict(
        "NetworkNotHostedByDhcpAgent",
        format!("The network {network} is not hosted by the DHCP agent {id}."),
    )
}

fn place(tx: &mut Tx<'_>, id: NetworkId, place: DhcpPlace) -> Result<()> {
    tx.update::<Network>(&id, |network| network.dhcp_place = place)?;
    port::dhcp::sync(tx, id)
}

/// Schedules a router to an L3 agent; to the one that it is on already is nothing, as in Neutron.
///
/// # Errors
/// `RouterNotFound`, `AgentNotFound`, `InvalidL3Agent`.
pub fn add_router(tx: &mut Tx<'_>, host: &HostId, id: NetworkAgentId, router_id: RouterId) -> Result<()> {
    let router = tx.get::<Router>(&router_id)?;
    let agent = get(tx.cloud(), host, &id)?;
    if agent.kind != Kind::L3 || !agent.admin_state_up {
        return Err(Error::not_found(
            "InvalidL3Agent",
            format!("Agent {id} is not a L3 Agent or has been disabled"),
        ));
    }
    set_hosted(tx, &router, true)
}

/// Takes a router from an L3 agent; from one that it is not on is nothing, as in Neutron.
///
/// # Errors
/// `AgentNotFound`, `RouterNotFound`.
pub fn remove_router(tx: &mut Tx<'_>, host: &HostId, id: NetworkAgentId, router_id: RouterId) -> Result<()> {
    let agent = get(tx.cloud(), host, &id)?;
    let router = tx.get::<Router>(&router_id)?;
    match agent.kind {
        Kind::L3 => set_hosted(tx, &router, false),
        Kind::Dhcp | Kind::Metadata => Ok(()),
    }
}

fn set_hosted(tx: &mut Tx<'_>, router: &Router, is_hosted: bool) -> Result<()> {
    if router.is_hosted != is_hosted {
        tx.update::<Router>(&router.id, |router| router.is_hosted = is_hosted)?;
    }
    Ok(())
}
