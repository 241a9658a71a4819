//! Neutron's quotas: what counts against them, and the check before something new is made.

use std::collections::BTreeMap;

use crate::cloud::Row;
use crate::network::{
    FloatingIp, Network, Port, RbacPolicy, Router, SecurityGroup, SecurityGroupRule, Subnet, SubnetPool, Trunk,
};
use crate::quota::{Quota, allows, class, limit};
use crate::{Cloud, Error, ProjectId, Result, Tx};

/// The resources that Neutron has quotas for here.
pub const RESOURCES: &[&str] = &[
    "network",
    "subnet",
    "subnetpool",
    "port",
    "router",
    "floatingip",
    "security_group",
    "security_group_rule",
    "rbac_policy",
    "trunk",
];

/// How many a project has of a resource of [`RESOURCES`]; 0 for another name.
pub fn used(cloud: &Cloud, project: &ProjectId, resource: &str) -> u64 {
    match resource {
        "network" => cloud.count::<Network>(project),
        "subnet" => cloud.count::<Subnet>(project),
        "subnetpool" => cloud.count::<SubnetPool>(project),
        "port" => cloud.count::<Port>(project),
        "router" => cloud.count::<Router>(project),
        "floatingip" => cloud.count::<FloatingIp>(project),
        "security_group" => cloud.count::<SecurityGroup>(project),
        "security_group_rule" => cloud.count::<SecurityGroupRule>(project),
        "rbac_policy" => cloud.count::<RbacPolicy>(project),
        "trunk" => cloud.count::<Trunk>(project),
        _ => 0,
    }
}

/// Passes when one more fits. What the cloud makes for itself has no project and no limit.
///
/// # Errors
/// `OverQuota`.
pub(crate) fn enforce<R: Row>(cloud: &Cloud, project: &ProjectId, resource: &'static str) -> Result<()> {
    enforce_many::<R>(cloud, project, resource, 1)
}

/// Passes when so many more fit.
///
/// # Errors
/// `OverQuota`.
pub(crate) fn enforce_many<R: Row>(
    cloud: &Cloud,
    project: &ProjectId,
    resource: &'static str,
    wanted: u64,
) -> Result<()> {
    if project.as_str().is_empty() {
        return Ok(());
    }
    let limit = limit(cloud, project, resource);
    let used = cloud.count::<R>(project);
    if allows(limit, used, wanted) {
        return Ok(());
    }
    Err(Error::over_quota(
        "OverQuota",
        format!(
            "Quota exceeded for resources: ['{resource}']. The project has {used} of at most {limit}: delete some, or ask an \
             administrator for more."
        ),
    ))
}

/// Sets limits of a project; others stay. Limits below what is in use are refused, unless `force` says otherwise
/// (`quota-check-limit-default`).
///
/// # Errors
/// `HTTPBadRequest`.
pub fn set(tx: &mut Tx<'_>, project: &ProjectId, limits: &BTreeMap<String, i64>, force: bool) -> Result<()> {
    for (name, limit) in limits.iter().filter(|(_, limit)| !force && **limit >= 0) {
        let used = used(tx.cloud(), project, name);
        if used > *limit as u64 {
            return Err(Error::invalid(
                "HTTPBadRequest",
                format!(
                    "Quota limit {limit} for {name} must be greater than or equal to already used {used}. Send 'force' to set \
                     it all the same."
                ),
            ));
        }
    }
    let mut quota = tx.cloud().find::<Quota>(project).map_or_else(
        || Quota {
            project_id: project.clone(),
            limits: BTreeMap::new(),
        },
        |quota| Quota::clone(quota),
    );
    quota
        .limits
        .extend(limits.iter().map(|(name, limit)| (name.clone(), *limit)));
    tx.put(quota);
    Ok(())
}

/// Sets the limits of projects without their own; a resource that is not named has the built-in one.
pub fn set_defaults(tx: &mut Tx<'_>, limits: &BTreeMap<String, i64>) {
    let everybody = class("default");
    let is_network = |name: &String| RESOURCES.contains(&name.as_str());
    let before = tx.cloud().find::<Quota>(&everybody);
    let mut after = before.map_or_else(BTreeMap::new, |quota| quota.limits.clone());
    after.retain(|name, _| !is_network(name));
    after.extend(limits.clone());
    if before.is_none_or(|quota| quota.limits != after) && (before.is_some() || !after.is_empty()) {
        tx.put(Quota {
            project_id: everybody,
            limits: after,
        });
    }
}

/// Takes a project's Neutron limits back to the defaults; those of other services stay.
pub fn reset(tx: &mut Tx<'_>, project: &ProjectId) {
    let Some(quota) = tx.cloud().find::<Quota>(project).cloned() else {
        return;
    };
    let mut quota = Quota::clone(&quota);
    quota.limits.retain(|name, _| !RESOURCES.contains(&name.as_str()));
    if quota.limits.is_empty() {
        tx.delete::<Quota>(project);
    } else {
        tx.put(quota);
    }
}

/// Whether a project has Neutron limits of its own.
pub fn has_own(quota: &Quota) -> bool {
    quota.limits.keys().any(|name| RESOURCES.contains(&name.as_str()))
}
