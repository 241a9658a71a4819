//! Making and removing rules of security groups.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{SecurityGroup, SecurityGroupRule, protocol};
use crate::host::{Direction, EtherType};
use crate::network::access::{Resource, get_changeable, get_visible, invalid_input, require, touch};
use crate::network::{AddressGroup, Standard, quota};
use crate::{Actor, AddressGroupId, Cloud, Error, ProjectId, Result, SecurityGroupId, SecurityGroupRuleId, Tx};

/// What a rule is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSpec {
    /// Owner; the group's when `None`.
    pub project_id: Option<ProjectId>,
    /// Free text.
    pub description: String,
    /// The group.
    pub security_group_id: SecurityGroupId,
    /// Which way.
    pub direction: Direction,
    /// Which IP version.
    pub ethertype: EtherType,
    /// Protocol by name or number; any when `None`.
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
    pub remote_address_group_id: Option<AddressGroupId>,
}

impl RuleSpec {
    /// A rule for everything.
    pub fn new(security_group_id: SecurityGroupId, direction: Direction, ethertype: EtherType) -> Self {
        Self {
            project_id: None,
            description: String::new(),
            security_group_id,
            direction,
            ethertype,
            protocol: None,
            port_range_min: None,
            port_range_max: None,
            remote_ip_prefix: None,
            remote_group_id: None,
            remote_address_group_id: None,
        }
    }

    /// What makes two rules the same: the packets they mean. `tcp` and `6` are one, and so are no prefix and `0.0.0.0/0`.
    pub(super) fn key(&self) -> impl PartialEq + use<> {
        let any4 = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0));
        let any6 = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0));
        (
            self.direction,
            self.ethertype,
            self.protocol.as_deref().and_then(protocol::number),
            (self.port_range_min, self.port_range_max),
            (self.remote_group_id, self.remote_address_group_id),
            self.remote_ip_prefix
                .filter(|prefix| *prefix != any4 && *prefix != any6),
        )
    }
}

impl From<&SecurityGroupRule> for RuleSpec {
    fn from(rule: &SecurityGroupRule) -> Self {
        Self {
            project_id: None,
            description: String::new(),
            security_group_id: rule.security_group_id,
            direction: rule.direction,
            ethertype: rule.ethertype,
            protocol: rule.protocol.clone(),
            port_range_min: rule.port_range_min,
            port_range_max: rule.port_range_max,
            remote_ip_prefix: rule.remote_ip_prefix,
            remote_group_id: rule.remote_group_id,
            remote_address_group_id: rule.remote_address_group_id,
        }
    }
}

/// Makes a rule.
///
/// # Errors
/// `SecurityGroupNotFound`, `SecurityGroupRuleExists`, `OverQuota` and the errors of protocols and ports.
pub fn create_rule(tx: &mut Tx<'_>, actor: &Actor, spec: RuleSpec) -> Result<Arc<SecurityGroupRule>> {
    let group = get_visible::<SecurityGroup>(tx.cloud(), actor, &spec.security_group_id)?;
    require(group.changeable_by(tx.cloud(), actor), "create_security_group_rule")?;
    check_owner(actor, &spec)?;
    let spec = check_form(spec)?;
    check_remotes(tx.cloud(), actor, &spec)?;
    let project_id = group.standard.project_id.clone();
    quota::enforce::<SecurityGroupRule>(tx.cloud(), &project_id, "security_group_rule")?;
    let key = spec.key();
    let same = tx
        .cloud()
        .rules_of_group(group.id)
        .find(|rule| RuleSpec::from(&***rule).key() == key);
    if let Some(rule) = same {
        return Err(Error::conflict(
            "SecurityGroupRuleExists",
            format!("Security group rule already exists. Rule id is {}.", rule.id),
        ));
    }
    let rule = insert_rule(tx, &group, spec);
    touch::<SecurityGroup>(tx, &group.id);
    Ok(rule)
}

/// Makes several rules of one group.
///
/// # Errors
/// `SecurityGroupNotSingleGroupRules`, `DuplicateSecurityGroupRuleInPost` and those of [`create_rule`].
pub fn create_rules(tx: &mut Tx<'_>, actor: &Actor, specs: Vec<RuleSpec>) -> Result<Vec<Arc<SecurityGroupRule>>> {
    if specs
        .windows(2)
        .any(|pair| pair[0].security_group_id != pair[1].security_group_id)
    {
        return Err(invalid_input(
            "SecurityGroupNotSingleGroupRules",
            "Only allowed to update rules for one security profile at a time",
        ));
    }
    for (index, spec) in specs.iter().enumerate() {
        let key = spec.key();
        if specs.iter().skip(index + 1).any(|other| other.key() == key) {
            return Err(Error::conflict(
                "DuplicateSecurityGroupRuleInPost",
                "Duplicate Security Group Rule in POST.",
            ));
        }
    }
    specs.into_iter().map(|spec| create_rule(tx, actor, spec)).collect()
}

/// Removes a rule.
///
/// # Errors
/// `SecurityGroupRuleNotFound`.
pub fn delete_rule(tx: &mut Tx<'_>, actor: &Actor, id: SecurityGroupRuleId) -> Result<()> {
    let rule = get_changeable::<SecurityGroupRule>(tx.cloud(), actor, &id, "delete")?;
    tx.delete::<SecurityGroupRule>(&id);
    touch::<SecurityGroup>(tx, &rule.security_group_id);
    Ok(())
}

fn check_owner(actor: &Actor, spec: &RuleSpec) -> Result<()> {
    match &spec.project_id {
        Some(project) => require(actor.can_see(project), "create_security_group_rule"),
        None => Ok(()),
    }
}

/// Checks what a rule says, whatever there is in the cloud, and gives it its canonical form.
pub(super) fn check_form(mut spec: RuleSpec) -> Result<RuleSpec> {
    spec.protocol = protocol::canonical(spec.protocol.as_deref(), spec.ethertype)?;
    let number = spec.protocol.as_deref().and_then(protocol::number);
    if number.is_some_and(protocol::has_ports) && (spec.port_range_min, spec.port_range_max) == (Some(1), Some(65535)) {
        // Every port is no condition at all.
        (spec.port_range_min, spec.port_range_max) = (None, None);
    }
    protocol::check_ports(spec.protocol.as_deref(), spec.port_range_min, spec.port_range_max)?;
    let remotes = [
        spec.remote_ip_prefix.is_some(),
        spec.remote_group_id.is_some(),
        spec.remote_address_group_id.is_some(),
    ];
    if remotes.iter().filter(|is_given| **is_given).count() > 1 {
        return Err(invalid_input(
            "SecurityGroupMultipleRemoteEntites",
            "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided",
        ));
    }
    if let Some(prefix) = spec.remote_ip_prefix
        && (spec.ethertype == EtherType::IPv4) != matches!(prefix, IpNet::V4(_))
    {
        return Err(invalid_input(
            "SecurityGroupRuleParameterConflict",
            format!("Conflicting value ethertype {:?} for CIDR {prefix}", spec.ethertype),
        ));
    }
    Ok(spec)
}

/// Checks that what a rule names is there.
pub(super) fn check_remotes(cloud: &Cloud, actor: &Actor, spec: &RuleSpec) -> Result<()> {
    if let Some(remote) = spec.remote_group_id {
        get_visible::<SecurityGroup>(cloud, actor, &remote)?;
    }
    if let Some(remote) = spec.remote_address_group_id {
        get_visible::<AddressGroup>(cloud, actor, &remote)?;
    }
    Ok(())
}

/// Enters a rule that was checked.
pub(super) fn insert_rule(tx: &mut Tx<'_>, group: &SecurityGroup, spec: RuleSpec) -> Arc<SecurityGroupRule> {
    let mut standard = Standard::new(group.standard.project_id.clone(), "", tx.now());
    standard.description = spec.description;
    let rule = SecurityGroupRule {
        id: tx.new_id(),
        standard,
        security_group_id: group.id,
        direction: spec.direction,
        ethertype: spec.ethertype,
        protocol: spec.protocol,
        port_range_min: spec.port_range_min,
        port_range_max: spec.port_range_max,
        remote_ip_prefix: spec.remote_ip_prefix,
        remote_group_id: spec.remote_group_id,
        remote_address_group_id: spec.remote_address_group_id,
    };
    tx.put(rule)
}
