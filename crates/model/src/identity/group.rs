//! Groups of users: a role given to a group is held by each of its members.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::JoinedKey;
use crate::cloud::{Lookups, Row};
use crate::{DomainId, Error, GroupId, UserId};

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
