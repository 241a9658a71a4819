//! Neutron's auto-allocated topology ("get me a network"): a network of a project's own, with subnets from the default pools
//! and a router to the default provider network, made the first time somebody asks for it (api-ref "Auto Allocated
//! Topologies").

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::Resource;
use super::network::{self, NetworkSpec};
use super::router::{self, GatewaySpec, InterfaceSpec, RouterSpec};
use super::subnet::{self, SubnetSpec};
use super::{Network, Router, SubnetPool, subnet_pool};
use crate::cloud::Row;
use crate::identity::Project;
use crate::{Actor, Cloud, Error, ErrorKind, NetworkId, ProjectId, Result, RouterId, SubnetId, Tx};

/// Which network was made for a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoAllocatedTopology {
    /// The project.
    pub project_id: ProjectId,
    /// Its network; the topology goes with it.
    pub network_id: NetworkId,
    /// The network's router; `None` once that is gone.
    pub router_id: Option<RouterId>,
}

impl Row for AutoAllocatedTopology {
    type Id = ProjectId;
    const KIND: &'static str = "auto_allocated_topology";
    crate::table!(AutoAllocatedTopology, auto_allocated_topologies);
    fn id(&self) -> ProjectId {
        self.project_id.clone()
    }
    fn not_found(id: &ProjectId) -> Error {
        Error::not_found(
            "AutoAllocatedTopologyNotFound",
            format!("Project {id} has no auto-allocated topology."),
        )
    }
}

/// The project that a request is about: the one named, or the caller's own for `None` (clients write Python's word for it).
///
/// # Errors
/// `NotAuthorized` for somebody else's; `ProjectNotFound`; `HTTPBadRequest` when the token has none of its own.
pub fn project_of(cloud: &Cloud, actor: &Actor, named: &str) -> Result<ProjectId> {
    let project = if named == "None" {
        super::access::owner(actor, None)?
    } else {
        ProjectId::from(named)
    };
    if actor.owns(&project) {
        return Ok(project);
    }
    if !actor.is_admin() {
        return Err(Error::forbidden(
            "NotAuthorized",
            "Not authorized. Only an administrator asks for another project's topology.",
        ));
    }
    cloud.get::<Project>(&project)?;
    Ok(project)
}

/// Passes when there is what a topology is made from: neutron's dry run.
///
/// # Errors
/// `AutoAllocationFailure`.
pub fn check_requirements(cloud: &Cloud, actor: &Actor) -> Result<()> {
    default_external(cloud, actor)?;
    match default_pools(cloud, actor).next() {
        Some(_) => Ok(()),
        None => Err(failure("No default subnetpools defined")),
    }
}

/// The project's network, made if there is none yet.
///
/// # Errors
/// `AutoAllocationFailure`, `OverQuota`, and what else stands against a network, a subnet or a router.
pub fn ensure(tx: &mut Tx<'_>, actor: &Actor, project: &ProjectId) -> Result<NetworkId> {
    if let Some(topology) = find(tx.cloud(), project) {
        return Ok(topology.network_id);
    }
    let external = default_external(tx.cloud(), actor)?;
    let (network_id, subnets) =
        make_network(tx, actor, project).map_err(|error| unmet(error, "Unable to provide project private network"))?;
    let router_id = make_router(tx, actor, project, external, &subnets)
        .map_err(|error| unmet(error, "Unable to provide external connectivity"))?;
    tx.put(AutoAllocatedTopology {
        project_id: project.clone(),
        network_id,
        router_id: Some(router_id),
    });
    Ok(network_id)
}

fn make_network(tx: &mut Tx<'_>, actor: &Actor, project: &ProjectId) -> Result<(NetworkId, Vec<SubnetId>)> {
    let pools: Vec<Arc<SubnetPool>> = default_pools(tx.cloud(), actor).cloned().collect();
    if pools.is_empty() {
        return Err(failure("Unable to provide project private network"));
    }
    let spec = NetworkSpec {
        project_id: Some(project.clone()),
        name: Some("auto_allocated_network".to_owned()),
        ..NetworkSpec::default()
    };
    let network_id = network::create(tx, actor, spec)?.id;
    let mut subnets = Vec::new();
    for pool in pools {
        let ip_version = pool.ip_version();
        let spec = SubnetSpec {
            project_id: Some(project.clone()),
            name: Some(format!("auto_allocated_subnet_v{ip_version}")),
            ip_version: Some(ip_version),
            subnetpool_id: Some(pool.id),
            ..SubnetSpec::default()
        };
        subnets.push(subnet::create(tx, actor, network_id, spec)?.id);
    }
    Ok((network_id, subnets))
}

fn make_router(
    tx: &mut Tx<'_>,
    actor: &Actor,
    project: &ProjectId,
    external: NetworkId,
    subnets: &[SubnetId],
) -> Result<RouterId> {
    let spec = RouterSpec {
        project_id: Some(project.clone()),
        name: Some("auto_allocated_router".to_owned()),
        gateway: Some(Some(GatewaySpec {
            network_id: external,
            enable_snat: None,
            external_fixed_ips: None,
            qos_policy_id: None,
        })),
        ..RouterSpec::default()
    };
    let router_id = router::create(tx, actor, spec)?.id;
    for subnet_id in subnets {
        router::add_interface(tx, actor, router_id, leg(*subnet_id))?;
    }
    Ok(router_id)
}

/// Removes a project's topology, also where its parts are no longer whole; nothing when it has none.
///
/// # Errors
/// What keeps a leg, the router or the network from going, such as `NetworkInUse`: then all of it stays.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, project: &ProjectId) -> Result<()> {
    let Some(topology) = find(tx.cloud(), project).cloned() else {
        return Ok(());
    };
    let network_id = topology.network_id;
    if let Some(router_id) = topology.router_id {
        let subnets: Vec<SubnetId> = tx.cloud().subnets_of_network(network_id).map(|row| row.id).collect();
        for subnet_id in subnets {
            if_there(router::remove_interface(tx, actor, router_id, leg(subnet_id)).map(drop))?;
        }
        if_there(router::delete(tx, actor, router_id))?;
    }
    if_there(network::delete(tx, actor, network_id))
}

/// Forgets the topology of a network that goes.
pub(super) fn forget_network(tx: &mut Tx<'_>, network: &Network) {
    let project = &network.standard.project_id;
    if find(tx.cloud(), project).is_some_and(|topology| topology.network_id == network.id) {
        tx.delete::<AutoAllocatedTopology>(project);
    }
}

/// Notes that a router goes.
pub(super) fn forget_router(tx: &mut Tx<'_>, router: &Router) {
    let topology = find(tx.cloud(), &router.standard.project_id).cloned();
    if let Some(topology) = topology.filter(|topology| topology.router_id == Some(router.id)) {
        tx.put(AutoAllocatedTopology {
            router_id: None,
            ..AutoAllocatedTopology::clone(&topology)
        });
    }
}

/// The topology of a project.
pub fn find<'a>(cloud: &'a Cloud, project: &ProjectId) -> Option<&'a Arc<AutoAllocatedTopology>> {
    cloud.find::<AutoAllocatedTopology>(project)
}

/// The provider network that is marked as the default one: being the only one is not enough here.
fn default_external(cloud: &Cloud, actor: &Actor) -> Result<NetworkId> {
    let externals = cloud.lookups.external_networks.of(&());
    externals
        .filter_map(|id| cloud.networks.get(id))
        .find(|network| network.is_default && network.visible_to(cloud, actor))
        .map(|network| network.id)
        .ok_or_else(|| failure("No default router:external network"))
}

/// The default pools that the caller may use, IPv4's first.
fn default_pools<'a>(cloud: &'a Cloud, actor: &Actor) -> impl Iterator<Item = &'a Arc<SubnetPool>> {
    [4, 6]
        .into_iter()
        .filter_map(move |ip_version| subnet_pool::default_pool(cloud, ip_version))
        .filter(move |pool| pool.visible_to(cloud, actor))
}

fn leg(subnet_id: SubnetId) -> InterfaceSpec {
    InterfaceSpec {
        subnet_id: Some(subnet_id),
        port_id: None,
    }
}

/// Lets pass that something is gone already.
fn if_there(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn failure(reason: &str) -> Error {
    Error::conflict("AutoAllocationFailure", format!("Deployment error: {reason}."))
}

/// What the cloud as it is set up does not allow is no fault of the request; whatever else went wrong is told as it is.
fn unmet(error: Error, reason: &str) -> Error {
    match error.kind {
        ErrorKind::Invalid | ErrorKind::NotFound => failure(reason),
        _ if error.code == "SubnetAllocationError" => failure(reason),
        _ => error,
    }
}
