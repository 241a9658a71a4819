//! Neutron's security groups and their rules: what the members of a group may receive and send.

pub mod default_rule;
mod group;
pub mod protocol;
mod rule;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use default_rule::DefaultSecurityGroupRule;
pub use group::{SecurityGroupSpec, check_together, create, default_of, delete, ensure_default, find, update};
pub use rule::{RuleSpec, create_rule, create_rules, delete_rule};

use super::Standard;
use super::access::Resource;
use super::sharing;
use crate::cloud::{Lookups, Row};
use crate::host::{Direction, EtherType};
use crate::{Actor, AddressGroupId, Cloud, Error, ProjectId, SecurityGroupId, SecurityGroupRuleId};

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Its id.
    pub id: SecurityGroupId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// The project's own `default` group: ports without another are in it, and it can't be deleted by its project.
    #[serde(default)]
    pub is_default: bool,
    /// Answers to allowed packets pass without a rule. If not, connections are not tracked: each packet needs a rule.
    #[serde(default = "yes")]
    pub stateful: bool,
}

fn yes() -> bool {
    true
}

impl Row for SecurityGroup {
    type Id = SecurityGroupId;
    const KIND: &'static str = "security_group";
    crate::table!(SecurityGroup, security_groups);
    fn id(&self) -> SecurityGroupId {
        self.id
    }
    fn not_found(id: &SecurityGroupId) -> Error {
        Error::not_found("SecurityGroupNotFound", format!("Security group {id} does not exist"))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .groups_by_project
            .set(self.standard.project_id.clone(), self.id, present);
    }
}

impl Resource for SecurityGroup {
    const NAME: &'static str = "security_group";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
        actor.can_see(&self.standard.project_id) || sharing::is_shared_with(cloud, self.id.0, actor.project_id())
    }
}

impl Resource for SecurityGroupRule {
    const NAME: &'static str = "security_group_rule";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
        let of_group = |group: &std::sync::Arc<SecurityGroup>| group.visible_to(cloud, actor);
        actor.can_see(&self.standard.project_id)
            || cloud.security_groups.get(&self.security_group_id).is_some_and(of_group)
    }
    fn changeable_by(&self, cloud: &Cloud, actor: &Actor) -> bool {
        let of_group = |group: &std::sync::Arc<SecurityGroup>| actor.can_see(&group.standard.project_id);
        actor.can_see(&self.standard.project_id)
            || cloud.security_groups.get(&self.security_group_id).is_some_and(of_group)
    }
}

/// A rule: what a group's members may receive or send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    /// Its id.
    pub id: SecurityGroupRuleId,
    /// Owner and so on; the name is not used.
    #[serde(flatten)]
    pub standard: Standard,
    /// The group.
    pub security_group_id: SecurityGroupId,
    /// Which way.
    pub direction: Direction,
    /// Which IP version.
    pub ethertype: EtherType,
    /// Protocol as it was given: a name of Neutron's list, a number, or `None` for any.
    pub protocol: Option<String>,
    /// First port, or ICMP type.
    pub port_range_min: Option<u16>,
    /// Last port, or ICMP code.
    pub port_range_max: Option<u16>,
    /// The other end by prefix.
    pub remote_ip_prefix: Option<IpNet>,
    /// The other end by group.
    pub remote_group_id: Option<SecurityGroupId>,
    /// The other end by address group.
    #[serde(default)]
    pub remote_address_group_id: Option<AddressGroupId>,
}

impl Row for SecurityGroupRule {
    type Id = SecurityGroupRuleId;
    const KIND: &'static str = "security_group_rule";
    crate::table!(SecurityGroupRule, security_group_rules);
    fn id(&self) -> SecurityGroupRuleId {
        self.id
    }
    fn not_found(id: &SecurityGroupRuleId) -> Error {
        Error::not_found(
            "SecurityGroupRuleNotFound",
            format!("Security group rule {id} does not exist"),
        )
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.rules_by_group.set(self.security_group_id, self.id, present);
        if let Some(remote) = self.remote_group_id {
            lookups.rules_by_remote_group.set(remote, self.id, present);
        }
        if let Some(remote) = self.remote_address_group_id {
            lookups.rules_by_address_group.set(remote, self.id, present);
        }
    }
}
