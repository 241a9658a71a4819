//! RBAC policies of what is not a network: security groups, address groups and scopes, subnet pools, QoS policies.
//!
//! These keep nothing of their own about it: an object is shared with whomever a policy names, and shared at all while
//! there is one for every project.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::access::{Resource, invalid_input, owner};
use super::rbac::{Action, ObjectType, RbacPolicy, RbacPolicySpec, check_duplicate, in_use, of_object};
use super::{AddressGroup, AddressScope, QosPolicy, SecurityGroup, Standard, SubnetPool, quota};
use crate::{Actor, Cloud, ProjectId, RbacPolicyId, Result, Tx};

/// Whether an object is shared with a project.
pub fn is_shared_with(cloud: &Cloud, object: Uuid, project: Option<&ProjectId>) -> bool {
    of_object(cloud, object).any(|policy| policy.target.is_none() || policy.target.as_ref() == project)
}

/// Shares a new object with every project.
pub(super) fn share_with_all(tx: &mut Tx<'_>, object_type: ObjectType, object_id: Uuid, project_id: ProjectId) {
    let policy = RbacPolicy {
        id: tx.new_id(),
        standard: Standard::new(project_id, "", tx.now()),
        object_type,
        object_id,
        action: Action::AccessAsShared,
        target: None,
    };
    tx.put(policy);
}

/// Shares an object with every project, or no longer.
///
/// # Errors
/// `RbacPolicyInUse` when a project uses the object by that.
pub(super) fn set_shared(
    tx: &mut Tx<'_>,
    object_type: ObjectType,
    object_id: Uuid,
    project_id: &ProjectId,
    shared: bool,
) -> Result<()> {
    let for_all = of_object(tx.cloud(), object_id).find(|policy| policy.target.is_none());
    match (for_all.cloned(), shared) {
        (None, true) => share_with_all(tx, object_type, object_id, project_id.clone()),
        (Some(policy), false) => {
            check_unused(tx.cloud(), &policy)?;
            tx.delete::<RbacPolicy>(&policy.id);
        }
        _ => {}
    }
    Ok(())
}

/// Removes the policies of an object that goes.
pub(super) fn forget(tx: &mut Tx<'_>, object: Uuid) {
    let ids: Vec<RbacPolicyId> = of_object(tx.cloud(), object).map(|policy| policy.id).collect();
    ids.iter().for_each(|id| drop(tx.delete::<RbacPolicy>(id)));
}

/// Makes a policy; who names every project was looked at before.
pub(super) fn create(tx: &mut Tx<'_>, actor: &Actor, spec: RbacPolicySpec) -> Result<Arc<RbacPolicy>> {
    let object = Object::find(tx.cloud(), actor, spec.object_type, spec.object_id)?;
    if spec.action != Action::AccessAsShared {
        return Err(invalid_input(
            "InvalidInput",
            format!(
                "Invalid action 'access_as_external' for object type {}",
                spec.object_type.as_str()
            ),
        ));
    }
    if !actor.can_see(&object.owner) {
        return Err(invalid_input(
            "InvalidInput",
            "Only admins can manipulate policies on objects they do not own",
        ));
    }
    if spec.object_type == ObjectType::Subnetpool {
        check_scope(tx.cloud(), spec.object_id, spec.target.as_ref())?;
    }
    let project_id = owner(actor, spec.project_id.as_ref())?;
    quota::enforce::<RbacPolicy>(tx.cloud(), &project_id, "rbac_policy")?;
    let policy = RbacPolicy {
        id: tx.new_id(),
        standard: Standard::new(project_id, "", tx.now()),
        object_type: spec.object_type,
        object_id: spec.object_id,
        action: spec.action,
        target: spec.target,
    };
    check_duplicate(tx.cloud(), &policy)?;
    Ok(tx.put(policy))
}

/// Who is to use a pool must be able to use its address scope.
fn check_scope(cloud: &Cloud, pool: Uuid, target: Option<&ProjectId>) -> Result<()> {
    let pool = cloud.subnet_pools.get(&pool.into());
    let Some(scope) = pool.and_then(|pool| cloud.address_scopes.get(&pool.address_scope_id?)) else {
        return Ok(());
    };
    let owns = target.is_some_and(|target| *target == scope.standard.project_id);
    if owns || is_shared_with(cloud, scope.id.0, target) {
        return Ok(());
    }
    Err(invalid_input(
        "InvalidInput",
        format!(
            "the target can't use the address scope {} that the subnet pool is in: share that first",
            scope.id
        ),
    ))
}

/// Passes when nobody needs the policy: neither its target nor, of a policy for all, anyone whom no other one serves.
///
/// # Errors
/// `RbacPolicyInUse`.
pub(super) fn check_unused(cloud: &Cloud, policy: &RbacPolicy) -> Result<()> {
    let others = || of_object(cloud, policy.object_id).filter(|other| other.id != policy.id);
    let served = |project: &ProjectId| others().any(|other| other.serves(policy.action, project));
    let needs = |project: &&ProjectId| policy.serves(policy.action, project) && !served(project);
    match users(cloud, policy.object_type, policy.object_id).iter().find(needs) {
        None => Ok(()),
        Some(project) => Err(in_use(policy.id, &format!("project {project} uses the object"))),
    }
}

/// What is shared.
struct Object {
    owner: ProjectId,
}

impl Object {
    /// The object, if the caller may see it.
    fn find(cloud: &Cloud, actor: &Actor, object_type: ObjectType, id: Uuid) -> Result<Self> {
        fn row<R: Resource<Id: From<Uuid>>>(cloud: &Cloud, actor: &Actor, id: Uuid) -> Result<Object> {
            let row = super::access::get_visible::<R>(cloud, actor, &R::Id::from(id))?;
            Ok(Object {
                owner: row.standard().project_id.clone(),
            })
        }
        match object_type {
            ObjectType::Network => row::<super::Network>(cloud, actor, id),
            ObjectType::QosPolicy => row::<QosPolicy>(cloud, actor, id),
            ObjectType::SecurityGroup => row::<SecurityGroup>(cloud, actor, id),
            ObjectType::AddressScope => row::<AddressScope>(cloud, actor, id),
            ObjectType::AddressGroup => row::<AddressGroup>(cloud, actor, id),
            ObjectType::Subnetpool => row::<SubnetPool>(cloud, actor, id),
        }
    }
}

/// The projects that use an object; without its owner, but for QoS policies: there Neutron counts the owner's use too.
fn users(cloud: &Cloud, object_type: ObjectType, id: Uuid) -> BTreeSet<ProjectId> {
    let lookups = &cloud.lookups;
    let mut users: BTreeSet<ProjectId> = match object_type {
        ObjectType::Network => BTreeSet::new(),
        ObjectType::QosPolicy => {
            let networks = lookups.networks_by_qos.of(&id.into());
            let networks = networks.filter_map(|id| Some(cloud.networks.get(id)?.standard.project_id.clone()));
            let ports = lookups.ports_by_qos.of(&id.into());
            let ports = ports.filter_map(|id| Some(cloud.ports.get(id)?.standard.project_id.clone()));
            let addresses = lookups.floating_ips_by_qos.of(&id.into());
            let addresses = addresses.filter_map(|id| Some(cloud.floating_ips.get(id)?.standard.project_id.clone()));
            let routers = lookups.routers_by_qos.of(&id.into());
            let routers = routers.filter_map(|id| Some(cloud.routers.get(id)?.standard.project_id.clone()));
            networks.chain(ports).chain(addresses).chain(routers).collect()
        }
        ObjectType::SecurityGroup => {
            let ports = lookups.ports_by_group.of(&id.into());
            let ports = ports.filter_map(|id| Some(cloud.ports.get(id)?.standard.project_id.clone()));
            let rules = lookups.rules_by_remote_group.of(&id.into());
            let rules = rules.filter_map(|id| Some(cloud.security_group_rules.get(id)?.standard.project_id.clone()));
            ports.chain(rules).collect()
        }
        ObjectType::AddressGroup => {
            let rules = lookups.rules_by_address_group.of(&id.into());
            rules
                .filter_map(|id| Some(cloud.security_group_rules.get(id)?.standard.project_id.clone()))
                .collect()
        }
        ObjectType::AddressScope => {
            let pools = cloud.subnet_pools.iter();
            pools
                .filter(|pool| pool.address_scope_id == Some(id.into()))
                .map(|pool| pool.standard.project_id.clone())
                .collect()
        }
        ObjectType::Subnetpool => {
            let subnets = lookups.subnets_by_pool.of(&id.into());
            subnets
                .filter_map(|id| Some(cloud.subnets.get(id)?.standard.project_id.clone()))
                .collect()
        }
    };
    let owner = match object_type {
        ObjectType::Network | ObjectType::QosPolicy => None,
        ObjectType::SecurityGroup => cloud
            .security_groups
            .get(&id.into())
            .map(|row| &row.standard.project_id),
        ObjectType::AddressGroup => cloud.address_groups.get(&id.into()).map(|row| &row.standard.project_id),
        ObjectType::AddressScope => cloud.address_scopes.get(&id.into()).map(|row| &row.standard.project_id),
        ObjectType::Subnetpool => cloud.subnet_pools.get(&id.into()).map(|row| &row.standard.project_id),
    };
    users.retain(|project| Some(project) != owner && !project.as_str().is_empty());
    users
}
