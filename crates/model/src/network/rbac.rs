//! Neutron's RBAC policies: which projects a network is shared with, or is external for, and (by [`sharing`]) with whom
//! other objects are shared.
//!
//! A network's `shared` says that there is a policy for every project, its `router:external` that there is any policy of
//! that kind; both are kept with the network and change with its policies, and its policies with them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::access::{Resource, get_changeable, invalid_input, owner, require};
use super::{Network, Port, Standard, device_owner, network, quota, sharing};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, NetworkId, ProjectId, RbacPolicyId, Result, Tx};

/// Longest id of a target project.
pub const MAX_TARGET: usize = 255;

/// What is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectType {
    /// A network.
    #[default]
    Network,
    /// A QoS policy: networks and ports may have it.
    QosPolicy,
    /// A security group: ports may be in it, rules may name it.
    SecurityGroup,
    /// An address scope: subnet pools may be in it.
    AddressScope,
    /// An address group: rules may name it.
    AddressGroup,
    /// A subnet pool: subnets may be cut from it.
    Subnetpool,
}

impl ObjectType {
    /// Every type, as the API writes it.
    pub const ALL: &'static [Self] = &[
        Self::Network,
        Self::QosPolicy,
        Self::SecurityGroup,
        Self::AddressScope,
        Self::AddressGroup,
        Self::Subnetpool,
    ];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::QosPolicy => "qos_policy",
            Self::SecurityGroup => "security_group",
            Self::AddressScope => "address_scope",
            Self::AddressGroup => "address_group",
            Self::Subnetpool => "subnetpool",
        }
    }
}

/// What the target may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Use the object: have ports on the network, and so on.
    AccessAsShared,
    /// Have gateways and floating IPs on it.
    AccessAsExternal,
}

/// A grant of an object to a project, or to all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RbacPolicy {
    /// Its id.
    pub id: RbacPolicyId,
    /// Its owner; nothing else of these is shown.
    #[serde(flatten)]
    pub standard: Standard,
    /// What kind of object.
    #[serde(default)]
    pub object_type: ObjectType,
    /// The object.
    pub object_id: Uuid,
    /// What it allows.
    pub action: Action,
    /// Whom; `None`: every project (`*`).
    pub target: Option<ProjectId>,
}

impl Row for RbacPolicy {
    type Id = RbacPolicyId;
    const KIND: &'static str = "rbac_policy";
    crate::table!(RbacPolicy, rbac_policies);
    fn id(&self) -> RbacPolicyId {
        self.id
    }
    fn not_found(id: &RbacPolicyId) -> Error {
        Error::not_found("RbacPolicyNotFound", format!("RBAC policy with ID {id} not found"))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.policies_by_object.set(self.object_id, self.id, present);
    }
}

impl Resource for RbacPolicy {
    const NAME: &'static str = "rbac_policy";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
}

impl RbacPolicy {
    pub(super) fn serves(&self, action: Action, project: &ProjectId) -> bool {
        self.action == action && self.target.as_ref().is_none_or(|target| target == project)
    }
}

/// What a policy is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RbacPolicySpec {
    /// Owner of the new one.
    pub project_id: Option<ProjectId>,
    /// What kind of object.
    pub object_type: ObjectType,
    /// The object.
    pub object_id: Uuid,
    /// What it allows.
    pub action: Action,
    /// Whom; `None`: every project.
    pub target: Option<ProjectId>,
}

/// The policies of an object.
pub fn of_object(cloud: &Cloud, id: Uuid) -> impl Iterator<Item = &Arc<RbacPolicy>> + '_ {
    let ids = cloud.lookups.policies_by_object.of(&id);
    ids.filter_map(|id| cloud.rbac_policies.get(id))
}

/// The policies of a network.
pub fn of_network(cloud: &Cloud, id: NetworkId) -> impl Iterator<Item = &Arc<RbacPolicy>> + '_ {
    of_object(cloud, id.0)
}

/// Whether a project may have ports on a network that need not be its own.
pub fn is_shared_with(cloud: &Cloud, network: &Network, project: Option<&ProjectId>) -> bool {
    network.shared
        || project.is_some_and(|project| {
            of_network(cloud, network.id).any(|policy| policy.serves(Action::AccessAsShared, project))
        })
}

/// Whether a network is a provider network for a project.
pub fn is_external_for(cloud: &Cloud, network: &Network, project: Option<&ProjectId>) -> bool {
    network.external
        && (is_external_for_all(cloud, network.id)
            || project.is_some_and(|project| {
                of_network(cloud, network.id).any(|policy| policy.serves(Action::AccessAsExternal, project))
            }))
}

/// An external network from before there were policies has none.
fn is_external_for_all(cloud: &Cloud, id: NetworkId) -> bool {
    let mut policies = of_network(cloud, id)
        .filter(|policy| policy.action == Action::AccessAsExternal)
        .peekable();
    policies.peek().is_none() || policies.any(|policy| policy.target.is_none())
}

/// Makes a policy.
///
/// # Errors
/// `NetworkNotFound`, `InvalidInput` for somebody else's network, `PolicyNotAuthorized` (every project is an
/// administrator's to name), `OverQuota`, `DuplicateRbacPolicy`, and what making a network external says.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: RbacPolicySpec) -> Result<Arc<RbacPolicy>> {
    check_target(actor, spec.target.as_ref(), "create")?;
    if spec.object_type != ObjectType::Network {
        return sharing::create(tx, actor, spec);
    }
    let network_id = NetworkId(spec.object_id);
    let mut network = Network::clone(&*tx.get::<Network>(&network_id)?);
    if !network.visible_to(tx.cloud(), actor) {
        return Err(Network::not_found(&network_id));
    }
    if !actor.can_see(&network.standard.project_id) {
        return Err(invalid_input(
            "InvalidInput",
            "Only admins can manipulate policies on objects they do not own",
        ));
    }
    let project_id = owner(actor, spec.project_id.as_ref())?;
    quota::enforce::<RbacPolicy>(tx.cloud(), &project_id, "rbac_policy")?;
    match spec.action {
        Action::AccessAsExternal if network.external => make_explicit(tx, &network),
        Action::AccessAsExternal => network::change_external(tx, &mut network, true)?,
        Action::AccessAsShared => network.shared |= spec.target.is_none(),
    }
    let policy = RbacPolicy {
        id: tx.new_id(),
        standard: Standard::new(project_id, "", tx.now()),
        object_type: ObjectType::Network,
        object_id: spec.object_id,
        action: spec.action,
        target: spec.target,
    };
    check_duplicate(tx.cloud(), &policy)?;
    let policy = tx.put(policy);
    network::put_changed(tx, network)?;
    Ok(policy)
}

/// Gives a policy another target.
///
/// # Errors
/// `RbacPolicyNotFound`, `PolicyNotAuthorized`, `DuplicateRbacPolicy`, `RbacPolicyInUse` when the former target uses the
/// network by it.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: RbacPolicyId, target: Option<ProjectId>) -> Result<Arc<RbacPolicy>> {
    let mut policy = RbacPolicy::clone(&*get_changeable::<RbacPolicy>(tx.cloud(), actor, &id, "update")?);
    if policy.target == target {
        return Ok(Arc::new(policy));
    }
    check_target(actor, target.as_ref(), "update")?;
    if policy.object_type != ObjectType::Network && target.is_some() {
        // Who is to lose it must not need it, whoever gets it instead.
        sharing::check_unused(tx.cloud(), &policy)?;
    }
    policy.target = target;
    check_duplicate(tx.cloud(), &policy)?;
    if policy.object_type != ObjectType::Network {
        return Ok(tx.put(policy));
    }
    check_unused(tx.cloud(), id, Some(&policy))?;
    let policy = tx.put(policy);
    let mut network = Network::clone(&*tx.get::<Network>(&NetworkId(policy.object_id))?);
    network.shared = is_shared(tx.cloud(), network.id);
    network::put_changed(tx, network)?;
    Ok(policy)
}

/// Takes a policy back.
///
/// # Errors
/// `RbacPolicyNotFound`, `RbacPolicyInUse` when a project uses the network by it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: RbacPolicyId) -> Result<()> {
    let policy = get_changeable::<RbacPolicy>(tx.cloud(), actor, &id, "delete")?;
    if policy.object_type != ObjectType::Network {
        sharing::check_unused(tx.cloud(), &policy)?;
        tx.delete::<RbacPolicy>(&id);
        return Ok(());
    }
    check_unused(tx.cloud(), id, None)?;
    let mut network = Network::clone(&*tx.get::<Network>(&NetworkId(policy.object_id))?);
    if network.is_default && policy.action == Action::AccessAsExternal && policy.target.is_none() {
        return Err(in_use(
            id,
            "the network is the default external one: make another the default first",
        ));
    }
    tx.delete::<RbacPolicy>(&id);
    network.shared = is_shared(tx.cloud(), network.id);
    let external = of_network(tx.cloud(), network.id).any(|policy| policy.action == Action::AccessAsExternal);
    if policy.action == Action::AccessAsExternal && !external {
        network::change_external(tx, &mut network, false)?;
    }
    network::put_changed(tx, network)
}

/// Makes the policies for everybody follow a network's `shared` and `router:external`.
pub(super) fn follow(tx: &mut Tx<'_>, network: &Network) {
    let id = network.id;
    let find = |tx: &Tx<'_>, action, only_all: bool| -> Vec<RbacPolicyId> {
        let fits = |policy: &&Arc<RbacPolicy>| policy.action == action && (!only_all || policy.target.is_none());
        of_network(tx.cloud(), id)
            .filter(fits)
            .map(|policy| policy.id)
            .collect()
    };
    let shared = find(tx, Action::AccessAsShared, true);
    match network.shared {
        true if shared.is_empty() => put_for_all(tx, network, Action::AccessAsShared),
        false => shared.iter().for_each(|id| drop(tx.delete::<RbacPolicy>(id))),
        true => {}
    }
    let external = find(tx, Action::AccessAsExternal, false);
    match network.external {
        true if external.is_empty() => put_for_all(tx, network, Action::AccessAsExternal),
        false => external.iter().for_each(|id| drop(tx.delete::<RbacPolicy>(id))),
        true => {}
    }
}

/// Removes the policies of a network that goes.
pub(super) fn forget(tx: &mut Tx<'_>, id: NetworkId) {
    let ids: Vec<RbacPolicyId> = of_network(tx.cloud(), id).map(|policy| policy.id).collect();
    ids.iter().for_each(|id| drop(tx.delete::<RbacPolicy>(id)));
}

/// Gives an external network from before there were policies its own.
fn make_explicit(tx: &mut Tx<'_>, network: &Network) {
    let known = of_network(tx.cloud(), network.id).any(|policy| policy.action == Action::AccessAsExternal);
    if !known {
        put_for_all(tx, network, Action::AccessAsExternal);
    }
}

fn put_for_all(tx: &mut Tx<'_>, network: &Network, action: Action) {
    let policy = RbacPolicy {
        id: tx.new_id(),
        standard: Standard::new(network.standard.project_id.clone(), "", tx.now()),
        object_type: ObjectType::Network,
        object_id: network.id.0,
        action,
        target: None,
    };
    tx.put(policy);
}

fn is_shared(cloud: &Cloud, id: NetworkId) -> bool {
    of_network(cloud, id).any(|policy| policy.action == Action::AccessAsShared && policy.target.is_none())
}

fn check_target(actor: &Actor, target: Option<&ProjectId>, verb: &str) -> Result<()> {
    require(
        target.is_some() || actor.is_admin(),
        &format!("{verb}_rbac_policy:target_tenant"),
    )
}

pub(super) fn check_duplicate(cloud: &Cloud, policy: &RbacPolicy) -> Result<()> {
    let same = |other: &Arc<RbacPolicy>| {
        other.id != policy.id && other.action == policy.action && other.target == policy.target
    };
    if of_object(cloud, policy.object_id).any(same) {
        return Err(Error::conflict(
            "DuplicateRbacPolicy",
            "An RBAC policy already exists with those values.",
        ));
    }
    Ok(())
}

/// Passes when nobody needs the policy: neither its target nor, of a policy for all, anyone whom no other one serves.
/// `instead` is what becomes of it.
fn check_unused(cloud: &Cloud, id: RbacPolicyId, instead: Option<&RbacPolicy>) -> Result<()> {
    let policy = cloud.get::<RbacPolicy>(&id)?;
    let network = cloud.get::<Network>(&NetworkId(policy.object_id))?;
    let others = || of_network(cloud, network.id).filter(|other| other.id != id);
    let served = |project: &ProjectId| {
        others()
            .map(|other| &**other)
            .chain(instead)
            .any(|other| other.serves(policy.action, project))
    };
    let user = cloud
        .ports_of_network(network.id)
        .filter_map(|port| user_of(cloud, port, policy.action))
        .find(|project| {
            *project != network.standard.project_id && policy.serves(policy.action, project) && !served(project)
        });
    match user {
        None => Ok(()),
        Some(project) => Err(in_use(id, &format!("project {project} has ports on the network"))),
    }
}

/// The project that has a port on a network by a policy of this kind; none for a port of another kind.
fn user_of(cloud: &Cloud, port: &Port, action: Action) -> Option<ProjectId> {
    let outer = match port.device_owner.as_str() {
        device_owner::ROUTER_GATEWAY => {
            let router = port.device_id.parse().ok().and_then(|id| cloud.routers.get(&id));
            Some(router.map(|router| router.standard.project_id.clone()))
        }
        device_owner::FLOATING_IP => {
            let address = port.device_id.parse().ok().and_then(|id| cloud.floating_ips.get(&id));
            Some(address.map(|address| address.standard.project_id.clone()))
        }
        _ => None,
    };
    let project = match (outer, action) {
        (Some(project), Action::AccessAsExternal) => project,
        (None, Action::AccessAsShared) => Some(port.standard.project_id.clone()),
        _ => None,
    };
    project.filter(|project| !project.as_str().is_empty())
}

pub(super) fn in_use(id: RbacPolicyId, why: &str) -> Error {
    Error::conflict(
        "RbacPolicyInUse",
        format!("RBAC policy on object {id} cannot be removed because other objects depend on it: {why}."),
    )
}
