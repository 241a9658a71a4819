//! What goes along with a project. As in OpenStack, its servers, networks and volumes stay, and an operator is told of them
//! ([`crate::unowned`]). What is only words, and used by nothing, would stay for nobody.

use super::common::{Budget, Progress};
use crate::network::{AddressGroup, AddressScope, QosPolicy, Resource, SecurityGroup, SubnetPool};
use crate::network::{address_group, address_scope, qos, security_group, subnet_pool};
use crate::quota::Quota;
use crate::reach::watch;
use crate::{Actor, Cloud, ProjectId, Result, Tx};

/// Removes a project's quotas and watched paths, and those of its security groups, address groups, subnet pools, address scopes and QoS policies
/// that nothing uses, with their sharing.
pub(super) fn remove(tx: &mut Tx<'_>, actor: &Actor, project: &ProjectId, budget: &mut Budget) -> Progress {
    // Their owner has no say any more: an administrator would remove them.
    let mut administrator = actor.clone();
    administrator.roles.insert("admin".to_owned());
    let actor = &administrator;
    // Security groups' rules use address groups; subnet pools are in address scopes.
    let done = unused(tx, actor, project, budget, is_named_elsewhere, security_group::delete)
        && unused::<AddressGroup>(tx, actor, project, budget, |_, _| false, address_group::delete)
        && unused::<SubnetPool>(tx, actor, project, budget, |_, _| false, subnet_pool::delete)
        && unused::<AddressScope>(tx, actor, project, budget, |_, _| false, address_scope::delete)
        && unused::<QosPolicy>(tx, actor, project, budget, |_, _| false, qos::delete);
    if !done {
        return Progress::More;
    }
    while let Some(rows) = watch::remove_of_project(tx, project) {
        if !(0..rows).all(|_| budget.spend()) {
            return Progress::More;
        }
    }
    tx.delete::<Quota>(project);
    Progress::Done
}

/// Removes a project's rows of a kind, but those that can't be while something uses them; `false` when the budget is spent.
fn unused<R: Resource>(
    tx: &mut Tx<'_>,
    actor: &Actor,
    project: &ProjectId,
    budget: &mut Budget,
    is_used: fn(&Cloud, &R) -> bool,
    delete: fn(&mut Tx<'_>, &Actor, R::Id) -> Result<()>,
) -> bool {
    let cloud = tx.cloud();
    let rows = R::table(cloud).iter();
    let rows = rows.filter(|row| row.standard().project_id == *project && !is_used(cloud, row));
    let ids: Vec<R::Id> = rows.map(|row| row.id()).collect();
    for id in ids {
        // These rules look before they remove anything: a refusal leaves no trace.
        if delete(tx, actor, id).is_ok() && !budget.spend() {
            return false;
        }
    }
    true
}

/// Whether rules of other groups let this one's members in.
fn is_named_elsewhere(cloud: &Cloud, group: &SecurityGroup) -> bool {
    let rules = cloud.lookups.rules_by_remote_group.of(&group.id);
    rules
        .filter_map(|id| cloud.security_group_rules.get(id))
        .any(|rule| rule.security_group_id != group.id)
}
