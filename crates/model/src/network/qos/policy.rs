//! Making, changing and removing QoS policies.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::QosPolicy;
use super::rule::delete_rules;
use crate::network::access::{get_changeable, owner, require};
use crate::network::rbac::ObjectType;
use crate::network::{Standard, sharing, tag};
use crate::{Actor, Cloud, Error, ProjectId, QosPolicyId, Result, Tx};

/// What a policy is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QosPolicySpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Every project may use it.
    pub shared: Option<bool>,
    /// New networks of its project have it.
    pub is_default: Option<bool>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

/// Makes a policy.
///
/// # Errors
/// `PolicyNotAuthorized`, `QoSPolicyDefaultAlreadyExists`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: QosPolicySpec) -> Result<Arc<QosPolicy>> {
    require(actor.is_admin() || actor.has_role("manager"), "create_policy")?;
    let shared = spec.shared.unwrap_or(false);
    require(actor.is_admin() || !shared, "create_policy:shared")?;
    let project_id = owner(actor, spec.project_id.as_ref())?;
    let mut standard = Standard::new(project_id.clone(), spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let policy = QosPolicy {
        id: tx.new_id(),
        standard,
        is_default: spec.is_default.unwrap_or(false),
    };
    check_default(tx.cloud(), &policy)?;
    if shared {
        sharing::share_with_all(tx, ObjectType::QosPolicy, policy.id.0, project_id);
    }
    Ok(tx.put(policy))
}

/// Changes a policy.
///
/// # Errors
/// `QosPolicyNotFound`, `PolicyNotAuthorized`, `QoSPolicyDefaultAlreadyExists`, `RbacPolicyInUse` when it is to be shared
/// no longer and somebody else uses it.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: QosPolicyId, spec: QosPolicySpec) -> Result<Arc<QosPolicy>> {
    let mut policy = QosPolicy::clone(&*get_changeable::<QosPolicy>(tx.cloud(), actor, &id, "update")?);
    require(actor.is_admin() || spec.shared.is_none(), "update_policy:shared")?;
    if let Some(shared) = spec.shared {
        let project_id = policy.standard.project_id.clone();
        sharing::set_shared(tx, ObjectType::QosPolicy, id.0, &project_id, shared)?;
    }
    policy.is_default = spec.is_default.unwrap_or(policy.is_default);
    check_default(tx.cloud(), &policy)?;
    let standard = &mut policy.standard;
    standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.description = spec
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    Ok(tx.put(policy))
}

/// Removes a policy with its rules.
///
/// # Errors
/// `QosPolicyNotFound`, `PolicyNotAuthorized`, `QosPolicyInUse` while a network, port, floating IP or router has it.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: QosPolicyId) -> Result<()> {
    get_changeable::<QosPolicy>(tx.cloud(), actor, &id, "delete")?;
    let lookups = &tx.cloud().lookups;
    let network = lookups.networks_by_qos.first(&id).map(|id| format!("network {id}"));
    let port = lookups.ports_by_qos.first(&id).map(|id| format!("port {id}"));
    let floating_ip = lookups.floating_ips_by_qos.first(&id);
    let floating_ip = floating_ip.map(|id| format!("floating IP {id}"));
    let router = lookups.routers_by_qos.first(&id).map(|id| format!("router {id}"));
    if let Some(user) = network.or(port).or(floating_ip).or(router) {
        return Err(Error::conflict(
            "QosPolicyInUse",
            format!("QoS Policy {id} is used by {user}."),
        ));
    }
    delete_rules(tx, id);
    sharing::forget(tx, id.0);
    tx.delete::<QosPolicy>(&id);
    Ok(())
}

/// The policy that new networks of a project have.
pub fn default_of<'a>(cloud: &'a Cloud, project: &ProjectId) -> Option<&'a Arc<QosPolicy>> {
    cloud
        .qos_policies
        .iter()
        .find(|policy| policy.is_default && policy.standard.project_id == *project)
}

fn check_default(cloud: &Cloud, policy: &QosPolicy) -> Result<()> {
    let project = &policy.standard.project_id;
    match default_of(cloud, project) {
        Some(other) if policy.is_default && other.id != policy.id => Err(Error::conflict(
            "QoSPolicyDefaultAlreadyExists",
            format!("A default QoS policy exists for project {project}."),
        )),
        _ => Ok(()),
    }
}
