//! Making, changing and removing security groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::default_rule;
use super::rule::insert_rule;
use super::{SecurityGroup, SecurityGroupRule};
use crate::network::access::{Resource, get_changeable, owner};
use crate::network::{Standard, quota, sharing, tag};
use crate::{Actor, Cloud, Error, ProjectId, Result, SecurityGroupId, SecurityGroupRuleId, Tx};

/// The name of each project's own group.
pub const DEFAULT_NAME: &str = "default";

/// What a group is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityGroupSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether answers pass without a rule; a new one's do.
    pub stateful: Option<bool>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

impl SecurityGroupSpec {
    fn check(&self) -> Result<()> {
        if self
            .name
            .as_ref()
            .is_some_and(|name| name.eq_ignore_ascii_case(DEFAULT_NAME))
        {
            return Err(Error::conflict(
                "SecurityGroupDefaultAlreadyExists",
                "Default security group already exists.",
            ));
        }
        Ok(())
    }
}

/// Makes a group with what the default rules say: if they are as they were, its members may send anything and receive nothing.
///
/// # Errors
/// `PolicyNotAuthorized`, `OverQuota`, `SecurityGroupDefaultAlreadyExists`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: SecurityGroupSpec) -> Result<Arc<SecurityGroup>> {
    spec.check()?;
    let project_id = owner(actor, spec.project_id.as_ref())?;
    ensure_default(tx, &project_id);
    quota::enforce::<SecurityGroup>(tx.cloud(), &project_id, "security_group")?;
    // The rules that it begins with count too.
    let first = default_rule::of_new(tx, false).len() as u64;
    quota::enforce_many::<SecurityGroupRule>(tx.cloud(), &project_id, "security_group_rule", first)?;
    let mut standard = Standard::new(project_id, spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    Ok(insert(tx, standard, false, spec.stateful.unwrap_or(true)))
}

/// The project's own group, made when it is first needed, with what the default rules say: if they are as they were, its
/// members may send anything, and receive from one another.
pub fn ensure_default(tx: &mut Tx<'_>, project_id: &ProjectId) -> Arc<SecurityGroup> {
    if let Some(group) = default_of(tx.cloud(), project_id) {
        return group.clone();
    }
    let mut standard = Standard::new(project_id.clone(), DEFAULT_NAME, tx.now());
    standard.description = "Default security group".to_owned();
    insert(tx, standard, true, true)
}

/// The project's own group, if it was made already.
pub fn default_of<'a>(cloud: &'a Cloud, project_id: &ProjectId) -> Option<&'a Arc<SecurityGroup>> {
    cloud
        .lookups
        .groups_by_project
        .of(project_id)
        .filter_map(|id| cloud.security_groups.get(id))
        .find(|group| group.is_default)
}

/// Groups that the caller may see with this id, or of their project with this name.
pub fn find<'a>(cloud: &'a Cloud, actor: &Actor, project: &ProjectId, id_or_name: &str) -> Vec<&'a Arc<SecurityGroup>> {
    if let Some(group) = id_or_name.parse().ok().and_then(|id| cloud.security_groups.get(&id)) {
        return Vec::from_iter(group.visible_to(cloud, actor).then_some(group));
    }
    cloud
        .lookups
        .groups_by_project
        .of(project)
        .filter_map(|id| cloud.security_groups.get(id))
        .filter(|group| group.standard.name == id_or_name)
        .collect()
}

fn insert(tx: &mut Tx<'_>, standard: Standard, is_default: bool, stateful: bool) -> Arc<SecurityGroup> {
    let group = SecurityGroup {
        id: tx.new_id(),
        standard,
        is_default,
        stateful,
    };
    let group = tx.put(group);
    for rule in default_rule::of_new(tx, is_default) {
        insert_rule(tx, &group, rule.rule_of(group.id));
    }
    group
}

/// Changes a group's name, its description, or whether it is stateful: that only while no port is in it (api-ref, stateful
/// security groups).
///
/// # Errors
/// `SecurityGroupNotFound`, `SecurityGroupInUse`, `SecurityGroupCannotUpdateDefault`, `SecurityGroupDefaultAlreadyExists`.
pub fn update(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: SecurityGroupId,
    spec: SecurityGroupSpec,
) -> Result<Arc<SecurityGroup>> {
    let group = get_changeable::<SecurityGroup>(tx.cloud(), actor, &id, "update")?;
    if spec.stateful.is_some_and(|stateful| stateful != group.stateful) {
        check_unused(tx.cloud(), id)?;
    }
    let renames = spec.name.as_ref().is_some_and(|name| *name != group.standard.name);
    if group.is_default && renames {
        return Err(Error::conflict(
            "SecurityGroupCannotUpdateDefault",
            "Updating default security group not allowed.",
        ));
    }
    if renames {
        spec.check()?;
    }
    let now = tx.now();
    tx.update::<SecurityGroup>(&id, |group| {
        group.stateful = spec.stateful.unwrap_or(group.stateful);
        let standard = &mut group.standard;
        standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
        standard.description = spec
            .description
            .unwrap_or_else(|| std::mem::take(&mut standard.description));
        standard.touch(now);
    })
}

/// Removes a group with its rules, and the rules of other groups that name it.
///
/// # Errors
/// `SecurityGroupNotFound`, `SecurityGroupCannotRemoveDefault` (only an administrator may), `SecurityGroupInUse`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: SecurityGroupId) -> Result<()> {
    let group = get_changeable::<SecurityGroup>(tx.cloud(), actor, &id, "delete")?;
    check_unused(tx.cloud(), id)?;
    if group.is_default && !actor.is_admin() {
        return Err(Error::conflict(
            "SecurityGroupCannotRemoveDefault",
            "Insufficient rights for removing default security group.",
        ));
    }
    let lookups = &tx.cloud().lookups;
    let rules: BTreeSet<SecurityGroupRuleId> = lookups
        .rules_by_group
        .of(&id)
        .chain(lookups.rules_by_remote_group.of(&id))
        .copied()
        .collect();
    for rule in rules {
        tx.delete::<SecurityGroupRule>(&rule);
    }
    sharing::forget(tx, id.0);
    tx.delete::<SecurityGroup>(&id);
    Ok(())
}

fn check_unused(cloud: &Cloud, id: SecurityGroupId) -> Result<()> {
    match cloud.lookups.ports_by_group.count(&id) {
        0 => Ok(()),
        members => Err(Error::conflict(
            "SecurityGroupInUse",
            format!("Security Group {id} in use. {members} port(s) are in it: take them out first."),
        )),
    }
}

/// Checks that a port may be in these groups together: all of them track connections, or none does.
///
/// # Errors
/// `SecurityGroupConflict`.
pub fn check_together(cloud: &Cloud, groups: &BTreeSet<SecurityGroupId>) -> Result<()> {
    let kinds: BTreeSet<bool> = groups
        .iter()
        .filter_map(|id| cloud.security_groups.get(id))
        .map(|group| group.stateful)
        .collect();
    if kinds.len() > 1 {
        return Err(Error::conflict(
            "SecurityGroupConflict",
            "Error Cannot apply both stateful and stateless security groups on the same port at the same time while \
             attempting the operation.",
        ));
    }
    Ok(())
}
