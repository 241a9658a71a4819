//! Groups of users: a role given to a group is held by each of its members.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::{self, Budget, Progress};
use super::project::domain_of_token;
use super::{Domain, Holder, JoinedKey, RevocationTarget, User, policy, revoke};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, DomainId, Error, GroupId, Result, Tx, UserId};

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Unique in its domain.
    pub name: String,
    /// The domain.
    pub domain_id: DomainId,
    /// Free text.
    pub description: String,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Row for Group {
    type Id = GroupId;
    const KIND: &'static str = "group";
    crate::table!(Group, groups);
    fn id(&self) -> GroupId {
        self.id.clone()
    }
    fn not_found(id: &GroupId) -> Error {
        Error::not_found("GroupNotFound", format!("Could not find group: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups.groups_by_name.set(
            (self.domain_id.clone(), self.name.to_lowercase()),
            self.id.clone(),
            present,
        );
    }
}

/// A user in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMembership {
    /// The group.
    pub group_id: GroupId,
    /// The member.
    pub user_id: UserId,
}

impl Row for GroupMembership {
    type Id = JoinedKey;
    const KIND: &'static str = "group_membership";
    crate::table!(GroupMembership, group_memberships);
    fn id(&self) -> JoinedKey {
        JoinedKey(vec![self.group_id.to_string(), self.user_id.to_string()])
    }
    fn not_found(id: &JoinedKey) -> Error {
        let part = |i: usize| id.0.get(i).cloned().unwrap_or_default();
        Error::not_found(
            "NotFound",
            format!("Could not find user '{}' in group '{}'.", part(1), part(0)),
        )
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups
            .groups_by_user
            .set(self.user_id.clone(), self.group_id.clone(), present);
        lookups
            .users_by_group
            .set(self.group_id.clone(), self.user_id.clone(), present);
    }
}

/// What a request says of a group; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct GroupFields {
    /// Unique in its domain.
    pub name: Option<String>,
    /// The domain; only at creation.
    pub domain_id: Option<DomainId>,
    /// Free text.
    pub description: Option<String>,
    /// Attributes of the user's own.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl GroupFields {
    fn apply(self, group: &mut Group) -> Result<()> {
        if let Some(name) = self.name {
            common::check_name(&name, 64)?;
            group.name = name;
        }
        if let Some(description) = self.description {
            group.description = description;
        }
        group.extra.extend(self.extra);
        Ok(())
    }
}

fn check_unique(tx: &Tx<'_>, group: &Group) -> Result<()> {
    let key = (group.domain_id.clone(), group.name.to_lowercase());
    let holder = tx.cloud().lookups.groups_by_name.first(&key);
    if holder.is_some_and(|id| *id != group.id) {
        return Err(common::conflict(
            "group",
            format!(
                "Duplicate entry found with name {} at domain ID {}",
                group.name, group.domain_id
            ),
        ));
    }
    Ok(())
}

/// Makes a group.
///
/// # Errors
/// `Forbidden`; `Invalid` for a bad name; `NotFound` for a domain there is not; `Conflict` for a name that is taken.
pub fn create_group(tx: &mut Tx<'_>, actor: &Actor, fields: GroupFields) -> Result<Arc<Group>> {
    let domain_id = fields
        .domain_id
        .clone()
        .map_or_else(|| domain_of_token(actor, "identity:create_group"), Ok)?;
    policy::require_manage(actor, Some(&domain_id), "identity:create_group")?;
    tx.get::<Domain>(&domain_id)?;
    let mut group = Group {
        id: tx.new_id(),
        name: String::new(),
        domain_id,
        description: String::new(),
        extra: BTreeMap::new(),
    };
    common::check_name(fields.name.as_deref().unwrap_or(""), 64)?;
    fields.apply(&mut group)?;
    check_unique(tx, &group)?;
    Ok(tx.put(group))
}

fn managed(tx: &Tx<'_>, actor: &Actor, id: &GroupId, action: &str) -> Result<Arc<Group>> {
    let group = policy::find::<Group>(tx.cloud(), actor, id, action)?;
    policy::require_manage(actor, Some(&group.domain_id), action)?;
    Ok(group)
}

/// Changes a group.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`, `Conflict` as for [`create_group`].
pub fn update_group(tx: &mut Tx<'_>, actor: &Actor, id: &GroupId, fields: GroupFields) -> Result<Arc<Group>> {
    let before = managed(tx, actor, id, "identity:update_group")?;
    if fields
        .domain_id
        .as_ref()
        .is_some_and(|domain| *domain != before.domain_id)
    {
        return Err(common::invalid("domain_id", "a group can't be moved to another domain"));
    }
    let mut group = Group::clone(&before);
    fields.apply(&mut group)?;
    check_unique(tx, &group)?;
    Ok(tx.put(group))
}

/// Deletes a group with its roles and memberships, step by step.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_group(tx: &mut Tx<'_>, actor: &Actor, id: &GroupId) -> Result<Progress> {
    managed(tx, actor, id, "identity:delete_group")?;
    require_not_above(tx.cloud(), actor, id, "identity:delete_group")?;
    let progress = remove(tx, id, &mut Budget::new());
    policy::require_administrator(tx)?;
    Ok(progress)
}

pub(super) fn remove(tx: &mut Tx<'_>, id: &GroupId, budget: &mut Budget) -> Progress {
    let lookups = &tx.cloud().lookups;
    let assignments = lookups
        .assignments_by_holder
        .of(&Holder::Group(id.clone()))
        .cloned()
        .collect();
    let users: Vec<UserId> = lookups.users_by_group.of(id).cloned().collect();
    for user in users {
        if !budget.spend() {
            return Progress::More;
        }
        let membership = GroupMembership {
            group_id: id.clone(),
            user_id: user,
        };
        tx.delete::<GroupMembership>(&membership.id());
    }
    if budget.delete_assignments(tx, assignments) == Progress::More || !budget.spend() {
        return Progress::More;
    }
    tx.delete::<Group>(id);
    Progress::Done
}

/// A domain's manager does not fill a group that carries more than they may give themselves.
fn require_not_above(cloud: &Cloud, actor: &Actor, id: &GroupId, action: &str) -> Result<()> {
    if actor.is_admin() {
        return Ok(());
    }
    let holder = Holder::Group(id.clone());
    let more = cloud
        .lookups
        .assignments_by_holder
        .of(&holder)
        .filter_map(|key| cloud.assignments.get(key))
        .any(|row| {
            let domain = row.target.domain(cloud);
            let role = cloud.roles.get(&row.role_id);
            role.is_none_or(|role| !policy::may_assign(actor, domain.as_ref(), role))
        });
    if more { Err(policy::forbidden(action)) } else { Ok(()) }
}

/// Puts a user into a group.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn add_to_group(tx: &mut Tx<'_>, actor: &Actor, id: &GroupId, user_id: &UserId) -> Result<()> {
    let group = managed(tx, actor, id, "identity:add_user_to_group")?;
    let user = policy::find::<User>(tx.cloud(), actor, user_id, "identity:add_user_to_group")?;
    policy::require_manage(actor, Some(&user.domain_id), "identity:add_user_to_group")?;
    require_not_above(tx.cloud(), actor, id, "identity:add_user_to_group")?;
    tx.put(GroupMembership {
        group_id: group.id.clone(),
        user_id: user_id.clone(),
    });
    Ok(())
}

/// Takes a user out of a group; their tokens end, for they may have come from it.
///
/// # Errors
/// `NotFound` also when they are not in it; `Forbidden`.
pub fn remove_from_group(tx: &mut Tx<'_>, actor: &Actor, id: &GroupId, user_id: &UserId) -> Result<()> {
    managed(tx, actor, id, "identity:remove_user_from_group")?;
    policy::find::<User>(tx.cloud(), actor, user_id, "identity:remove_user_from_group")?;
    require_not_above(tx.cloud(), actor, id, "identity:remove_user_from_group")?;
    let key = GroupMembership {
        group_id: id.clone(),
        user_id: user_id.clone(),
    }
    .id();
    tx.delete::<GroupMembership>(&key)
        .ok_or_else(|| GroupMembership::not_found(&key))?;
    policy::require_administrator(tx)?;
    revoke(tx, RevocationTarget::User(user_id.clone()));
    Ok(())
}

/// The group, if the caller may see it.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_group(cloud: &Cloud, actor: &Actor, id: &GroupId, action: &str) -> Result<Arc<Group>> {
    let group = policy::find::<Group>(cloud, actor, id, action)?;
    policy::require_read(actor, Some(&group.domain_id), action)?;
    Ok(group)
}
