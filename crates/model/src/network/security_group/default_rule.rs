//! Neutron's default rules of security groups (`security-groups-default-rules`): what new groups begin with.
//!
//! They are the cloud's, made by administrators and seen by all. A change of them concerns groups that are made from then on;
//! those that are there stay as they are. Four are built in; a cloud has them from its beginning, and one of an older release
//! from its next start.

use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{RuleSpec, rule};
use crate::cloud::Row;
use crate::host::{Direction, EtherType};
use crate::network::Standard;
use crate::network::access::{Resource, get_changeable, require};
use crate::{Actor, AddressGroupId, Cloud, DefaultSecurityGroupRuleId, Error, ProjectId, Result, SecurityGroupId, Tx};

/// As the remote group of a default rule: the group that gets the rule (the API's word for it is `PARENT`). No group has this id.
pub const PARENT: SecurityGroupId = SecurityGroupId(Uuid::nil());

/// What is built in: everything may leave, and the members of a project's own group may talk to one another.
const BUILT_IN: [(Direction, EtherType); 4] = [
    (Direction::Egress, EtherType::IPv4),
    (Direction::Egress, EtherType::IPv6),
    (Direction::Ingress, EtherType::IPv4),
    (Direction::Ingress, EtherType::IPv6),
];

/// A rule that new groups get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultSecurityGroupRule {
    /// Its id.
    pub id: DefaultSecurityGroupRuleId,
    /// Its description and times; it has neither an owner nor a name.
    #[serde(flatten)]
    pub standard: Standard,
    /// Which way.
    pub direction: Direction,
    /// Which IP version.
    pub ethertype: EtherType,
    /// Protocol by name or number, or `None` for any.
    pub protocol: Option<String>,
    /// First port, or ICMP type.
    pub port_range_min: Option<u16>,
    /// Last port, or ICMP code.
    pub port_range_max: Option<u16>,
    /// The other end by prefix.
    pub remote_ip_prefix: Option<IpNet>,
    /// The other end by group; [`PARENT`] is the one that gets the rule.
    pub remote_group_id: Option<SecurityGroupId>,
    /// The other end by address group.
    pub remote_address_group_id: Option<AddressGroupId>,
    /// Whether projects' own groups get it.
    pub used_in_default_sg: bool,
    /// Whether all other groups get it.
    pub used_in_non_default_sg: bool,
    /// A built-in one that was removed: its row stays, so that it is not made again, and nobody sees it.
    #[serde(default)]
    pub is_removed: bool,
}

impl Row for DefaultSecurityGroupRule {
    type Id = DefaultSecurityGroupRuleId;
    const KIND: &'static str = "default_security_group_rule";
    crate::table!(DefaultSecurityGroupRule, default_security_group_rules);
    fn id(&self) -> DefaultSecurityGroupRuleId {
        self.id
    }
    fn not_found(id: &DefaultSecurityGroupRuleId) -> Error {
        Error::not_found(
            "DefaultSecurityGroupRuleNotFound",
            format!("Default Security Group rule {id} does not exist"),
        )
    }
}

impl Resource for DefaultSecurityGroupRule {
    const NAME: &'static str = "default_security_group_rule";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, _cloud: &Cloud, _actor: &Actor) -> bool {
        !self.is_removed
    }
    fn changeable_by(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        actor.is_admin()
    }
}

impl DefaultSecurityGroupRule {
    /// The rule that a new group gets of it.
    pub(super) fn rule_of(&self, group: SecurityGroupId) -> RuleSpec {
        let remote_group_id = match self.remote_group_id {
            Some(PARENT) => Some(group),
            other => other,
        };
        RuleSpec {
            protocol: self.protocol.clone(),
            port_range_min: self.port_range_min,
            port_range_max: self.port_range_max,
            remote_ip_prefix: self.remote_ip_prefix,
            remote_group_id,
            remote_address_group_id: self.remote_address_group_id,
            ..RuleSpec::new(group, self.direction, self.ethertype)
        }
    }

    fn is_used(&self, is_default: bool) -> bool {
        match is_default {
            true => self.used_in_default_sg,
            false => self.used_in_non_default_sg,
        }
    }

    /// Whether what it names is there. A rule that names something gone can't be, and must not keep groups from being made.
    fn is_sound(&self, cloud: &Cloud) -> bool {
        let group = self.remote_group_id.filter(|id| *id != PARENT);
        group.is_none_or(|id| cloud.security_groups.contains(&id))
            && self
                .remote_address_group_id
                .is_none_or(|id| cloud.address_groups.contains(&id))
    }
}

/// What a default rule is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRuleSpec {
    /// The rule; its group is [`PARENT`], and so may its remote group be.
    pub rule: RuleSpec,
    /// Whether projects' own groups get it.
    pub used_in_default_sg: bool,
    /// Whether all other groups get it.
    pub used_in_non_default_sg: bool,
}

/// Makes the built-in ones that were never made.
pub fn ensure(tx: &mut Tx<'_>) {
    for (number, (direction, ethertype)) in (1..).zip(BUILT_IN) {
        let id = built_in_id(number);
        if tx.cloud().default_security_group_rules.contains(&id) {
            continue;
        }
        let is_egress = direction == Direction::Egress;
        let mut standard = Standard::new(ProjectId::from(""), "", tx.now());
        let which = if is_egress { "egress" } else { "ingress" };
        standard.description = format!("Legacy default SG rule for {which} traffic");
        tx.put(DefaultSecurityGroupRule {
            id,
            standard,
            direction,
            ethertype,
            protocol: None,
            port_range_min: None,
            port_range_max: None,
            remote_ip_prefix: None,
            remote_group_id: (!is_egress).then_some(PARENT),
            remote_address_group_id: None,
            used_in_default_sg: true,
            used_in_non_default_sg: is_egress,
            is_removed: false,
        });
    }
}

/// The id of a built-in one, the same in every cloud: a version 8 UUID (RFC 9562, section 5.8) of our own making.
fn built_in_id(number: u128) -> DefaultSecurityGroupRuleId {
    DefaultSecurityGroupRuleId(Uuid::from_u128(0x6d61_7275_0000_8000_8000_0000_0000_0000 + number))
}

fn is_built_in(id: DefaultSecurityGroupRuleId) -> bool {
    (1..).zip(BUILT_IN).any(|(number, _)| built_in_id(number) == id)
}

/// What a new group gets: a project's own (`is_default`), or another.
pub(super) fn of_new(tx: &mut Tx<'_>, is_default: bool) -> Vec<Arc<DefaultSecurityGroupRule>> {
    ensure(tx);
    let cloud = tx.cloud();
    let rules = cloud.default_security_group_rules.iter();
    rules
        .filter(|rule| !rule.is_removed && rule.is_used(is_default) && rule.is_sound(cloud))
        .cloned()
        .collect()
}

/// Makes default rules, all or none.
///
/// # Errors
/// `PolicyNotAuthorized`, `DuplicateDefaultSgRuleInPost`, `DefaultSecurityGroupRuleExists` (for the same groups),
/// `SecurityGroupNotFound`, `AddressGroupNotFound`, and the errors of protocols and ports.
pub fn create(
    tx: &mut Tx<'_>,
    actor: &Actor,
    specs: Vec<DefaultRuleSpec>,
) -> Result<Vec<Arc<DefaultSecurityGroupRule>>> {
    require(actor.is_admin(), "create_default_security_group_rule")?;
    ensure(tx);
    let mut made: Vec<Arc<DefaultSecurityGroupRule>> = Vec::with_capacity(specs.len());
    for spec in specs {
        let new = build(tx, actor, spec)?;
        let key = new.rule_of(PARENT).key();
        let clashes = |other: &&Arc<DefaultSecurityGroupRule>| {
            let is_of_same_groups = other.used_in_default_sg && new.used_in_default_sg
                || other.used_in_non_default_sg && new.used_in_non_default_sg;
            !other.is_removed && is_of_same_groups && other.rule_of(PARENT).key() == key
        };
        if made.iter().any(|other| clashes(&other)) {
            return Err(Error::conflict(
                "DuplicateDefaultSgRuleInPost",
                "Duplicate Default Security Group Rule in POST.",
            ));
        }
        if let Some(other) = tx.cloud().default_security_group_rules.iter().find(clashes) {
            return Err(Error::conflict(
                "DefaultSecurityGroupRuleExists",
                format!("Default Security group rule already exists. Rule id is {}.", other.id),
            ));
        }
        made.push(tx.put(new));
    }
    Ok(made)
}

/// Checks a rule and gives it its canonical form.
fn build(tx: &mut Tx<'_>, actor: &Actor, spec: DefaultRuleSpec) -> Result<DefaultSecurityGroupRule> {
    let asked = rule::check_form(spec.rule)?;
    rule::check_remotes(
        tx.cloud(),
        actor,
        &RuleSpec {
            remote_group_id: asked.remote_group_id.filter(|id| *id != PARENT),
            ..asked.clone()
        },
    )?;
    let mut standard = Standard::new(ProjectId::from(""), "", tx.now());
    standard.description = asked.description;
    Ok(DefaultSecurityGroupRule {
        id: tx.new_id(),
        standard,
        direction: asked.direction,
        ethertype: asked.ethertype,
        protocol: asked.protocol,
        port_range_min: asked.port_range_min,
        port_range_max: asked.port_range_max,
        remote_ip_prefix: asked.remote_ip_prefix,
        remote_group_id: asked.remote_group_id,
        remote_address_group_id: asked.remote_address_group_id,
        used_in_default_sg: spec.used_in_default_sg,
        used_in_non_default_sg: spec.used_in_non_default_sg,
        is_removed: false,
    })
}

/// Removes a default rule; groups that have a rule of it keep theirs.
///
/// # Errors
/// `DefaultSecurityGroupRuleNotFound`, `PolicyNotAuthorized`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: DefaultSecurityGroupRuleId) -> Result<()> {
    get_changeable::<DefaultSecurityGroupRule>(tx.cloud(), actor, &id, "delete")?;
    if is_built_in(id) {
        tx.update::<DefaultSecurityGroupRule>(&id, |rule| rule.is_removed = true)?;
    } else {
        tx.delete::<DefaultSecurityGroupRule>(&id);
    }
    Ok(())
}
