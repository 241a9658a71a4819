//! The rules of QoS policies: one table a type, as their routes are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::QosPolicy;
use crate::cloud::{Lookup, Lookups, Row};
use crate::host::Direction;
use crate::network::Standard;
use crate::network::access::{Resource, get_changeable, invalid_input, require, touch};
use crate::{Actor, Cloud, Error, ProjectId, QosPolicyId, QosRuleId, Result, Tx};

/// The marks that the standards give a meaning to (RFC 2474, 2597, 3246), decimal.
pub const VALID_DSCP_MARKS: [u8; 21] = [
    0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 46, 48, 56,
];

/// A rule of a policy.
pub trait QosRule: Resource<Id = QosRuleId> {
    /// Its type, as Neutron names it.
    const TYPE: &'static str;
    /// The policy.
    fn policy_id(&self) -> QosPolicyId;
    /// The rules of a policy.
    fn by_policy(lookups: &Lookups) -> &Lookup<QosPolicyId, QosRuleId>;
    /// Whether two rules of one policy would contradict one another.
    fn conflicts(&self, other: &Self) -> bool;
    /// A new one; what is missing of `spec` is an error or has a default.
    #[doc(hidden)]
    fn make(id: QosRuleId, standard: Standard, policy_id: QosPolicyId, spec: RuleSpec) -> Result<Self>
    where
        Self: Sized;
    /// Takes over what `spec` says.
    #[doc(hidden)]
    fn change(&mut self, spec: RuleSpec) -> Result<()>;
}

/// What a rule is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleSpec {
    /// The limit: kbit or thousands of packets a second.
    pub max: Option<u32>,
    /// What may pass at once: kbit or thousands of packets.
    pub burst: Option<u32>,
    /// From the port's owner; egress if none is named.
    pub direction: Option<Direction>,
    /// One of [`VALID_DSCP_MARKS`].
    pub dscp_mark: Option<u8>,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident, $table:ident, $lookup:ident, $kind:literal, $type:literal, $wire:literal,
        { $($(#[$field_doc:meta])* $field:ident: $field_type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// Its id.
            pub id: QosRuleId,
            /// Its owner, which is the policy's; nothing else of these is shown.
            #[serde(flatten)]
            pub standard: Standard,
            /// The policy.
            pub policy_id: QosPolicyId,
            $($(#[$field_doc])* pub $field: $field_type,)*
        }

        impl Row for $name {
            type Id = QosRuleId;
            const KIND: &'static str = $kind;
            crate::table!($name, $table);
            fn id(&self) -> QosRuleId {
                self.id
            }
            fn not_found(id: &QosRuleId) -> Error {
                Error::not_found("QosRuleNotFound", format!("QoS rule of type {} with ID {id} could not be found.", $type))
            }
            fn project(&self) -> Option<&ProjectId> {
                Some(&self.standard.project_id)
            }
            fn index(&self, lookups: &mut Lookups, present: bool) {
                lookups.$lookup.set(self.policy_id, self.id, present);
            }
        }

        impl Resource for $name {
            const NAME: &'static str = $wire;
            fn standard(&self) -> &Standard {
                &self.standard
            }
            fn standard_mut(&mut self) -> &mut Standard {
                &mut self.standard
            }
            fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
                let policy = cloud.qos_policies.get(&self.policy_id);
                policy.is_some_and(|policy| policy.visible_to(cloud, actor))
            }
            fn changeable_by(&self, cloud: &Cloud, actor: &Actor) -> bool {
                let policy = cloud.qos_policies.get(&self.policy_id);
                policy.is_some_and(|policy| policy.changeable_by(cloud, actor))
            }
        }
    )*};
}

rules! {
    /// A limit of bandwidth.
    BandwidthLimitRule, qos_bandwidth_limit_rules, qos_bandwidth_limits_by_policy, "qos_bandwidth_limit_rule",
    "bandwidth_limit", "bandwidth_limit_rule", {
        /// kbit a second; 0 for no limit.
        max_kbps: u32,
        /// kbit that may pass at once; 0 for as much as suits the limit.
        max_burst_kbps: u32,
        /// From the port's owner.
        direction: Direction,
    }
    /// A mark on what the port sends.
    DscpMarkingRule, qos_dscp_marking_rules, qos_dscp_markings_by_policy, "qos_dscp_marking_rule",
    "dscp_marking", "dscp_marking_rule", {
        /// One of [`VALID_DSCP_MARKS`].
        dscp_mark: u8,
    }
    /// A limit of packets.
    PacketRateLimitRule, qos_packet_rate_limit_rules, qos_packet_rate_limits_by_policy, "qos_packet_rate_limit_rule",
    "packet_rate_limit", "packet_rate_limit_rule", {
        /// Thousands of packets a second; 0 for no limit.
        max_kpps: u32,
        /// Thousands of packets that may pass at once; 0 for as much as suits the limit.
        max_burst_kpps: u32,
        /// From the port's owner.
        direction: Direction,
    }
}

fn needed<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| {
        Error::invalid(
            "HTTPBadRequest",
            format!("Failed to parse request. Required attribute '{name}' not specified"),
        )
    })
}

fn check_mark(mark: u8) -> Result<u8> {
    if VALID_DSCP_MARKS.contains(&mark) {
        return Ok(mark);
    }
    Err(invalid_input(
        "InvalidInput",
        format!("'{mark}' is not in {VALID_DSCP_MARKS:?}"),
    ))
}

impl QosRule for BandwidthLimitRule {
    const TYPE: &'static str = "bandwidth_limit";
    fn policy_id(&self) -> QosPolicyId {
        self.policy_id
    }
    fn by_policy(lookups: &Lookups) -> &Lookup<QosPolicyId, QosRuleId> {
        &lookups.qos_bandwidth_limits_by_policy
    }
    fn conflicts(&self, other: &Self) -> bool {
        self.direction == other.direction
    }
    fn make(id: QosRuleId, standard: Standard, policy_id: QosPolicyId, spec: RuleSpec) -> Result<Self> {
        Ok(Self {
            id,
            standard,
            policy_id,
            max_kbps: needed(spec.max, "max_kbps")?,
            max_burst_kbps: spec.burst.unwrap_or(0),
            direction: spec.direction.unwrap_or(Direction::Egress),
        })
    }
    fn change(&mut self, spec: RuleSpec) -> Result<()> {
        self.max_kbps = spec.max.unwrap_or(self.max_kbps);
        self.max_burst_kbps = spec.burst.unwrap_or(self.max_burst_kbps);
        self.direction = spec.direction.unwrap_or(self.direction);
        Ok(())
    }
}

impl QosRule for DscpMarkingRule {
    const TYPE: &'static str = "dscp_marking";
    fn policy_id(&self) -> QosPolicyId {
        self.policy_id
    }
    fn by_policy(lookups: &Lookups) -> &Lookup<QosPolicyId, QosRuleId> {
        &lookups.qos_dscp_markings_by_policy
    }
    fn conflicts(&self, _other: &Self) -> bool {
        true
    }
    fn make(id: QosRuleId, standard: Standard, policy_id: QosPolicyId, spec: RuleSpec) -> Result<Self> {
        Ok(Self {
            id,
            standard,
            policy_id,
            dscp_mark: check_mark(needed(spec.dscp_mark, "dscp_mark")?)?,
        })
    }
    fn change(&mut self, spec: RuleSpec) -> Result<()> {
        self.dscp_mark = spec.dscp_mark.map_or(Ok(self.dscp_mark), check_mark)?;
        Ok(())
    }
}

impl QosRule for PacketRateLimitRule {
    const TYPE: &'static str = "packet_rate_limit";
    fn policy_id(&self) -> QosPolicyId {
        self.policy_id
    }
    fn by_policy(lookups: &Lookups) -> &Lookup<QosPolicyId, QosRuleId> {
        &lookups.qos_packet_rate_limits_by_policy
    }
    fn conflicts(&self, other: &Self) -> bool {
        self.direction == other.direction
    }
    fn make(id: QosRuleId, standard: Standard, policy_id: QosPolicyId, spec: RuleSpec) -> Result<Self> {
        Ok(Self {
            id,
            standard,
            policy_id,
            max_kpps: needed(spec.max, "max_kpps")?,
            max_burst_kpps: spec.burst.unwrap_or(0),
            direction: spec.direction.unwrap_or(Direction::Egress),
        })
    }
    fn change(&mut self, spec: RuleSpec) -> Result<()> {
        self.max_kpps = spec.max.unwrap_or(self.max_kpps);
        self.max_burst_kpps = spec.burst.unwrap_or(self.max_burst_kpps);
        self.direction = spec.direction.unwrap_or(self.direction);
        Ok(())
    }
}

/// The rules of one type that a policy has.
pub(super) fn of_policy<R: QosRule>(cloud: &Cloud, id: QosPolicyId) -> impl Iterator<Item = &Arc<R>> + '_ {
    let ids = R::by_policy(&cloud.lookups).of(&id);
    ids.filter_map(|id| cloud.find::<R>(id))
}

/// Adds a rule to a policy.
///
/// # Errors
/// `QosPolicyNotFound`, `PolicyNotAuthorized`, `QoSRuleParameterConflict`, `InvalidInput`.
pub fn create_rule<R: QosRule>(
    tx: &mut Tx<'_>,
    actor: &Actor,
    policy_id: QosPolicyId,
    spec: RuleSpec,
) -> Result<Arc<R>> {
    let policy = tx.get::<QosPolicy>(&policy_id)?;
    require(
        policy.changeable_by(tx.cloud(), actor),
        &format!("create_policy_{}", R::NAME),
    )?;
    let standard = Standard::new(policy.standard.project_id.clone(), "", tx.now());
    let rule = R::make(tx.new_id(), standard, policy_id, spec)?;
    check_conflict(tx.cloud(), &rule)?;
    let rule = tx.put(rule);
    touch::<QosPolicy>(tx, &policy_id);
    Ok(rule)
}

/// Changes a rule.
///
/// # Errors
/// `QosRuleNotFound`, `PolicyNotAuthorized`, `QoSRuleParameterConflict`, `InvalidInput`.
pub fn update_rule<R: QosRule>(tx: &mut Tx<'_>, actor: &Actor, id: QosRuleId, spec: RuleSpec) -> Result<Arc<R>> {
    let mut rule = R::clone(&*get_changeable::<R>(tx.cloud(), actor, &id, "update_policy")?);
    rule.change(spec)?;
    rule.standard_mut().touch(tx.now());
    check_conflict(tx.cloud(), &rule)?;
    let rule = tx.put(rule);
    touch::<QosPolicy>(tx, &rule.policy_id());
    Ok(rule)
}

/// Takes a rule out of its policy.
///
/// # Errors
/// `QosRuleNotFound`, `PolicyNotAuthorized`.
pub fn delete_rule<R: QosRule>(tx: &mut Tx<'_>, actor: &Actor, id: QosRuleId) -> Result<()> {
    let rule = get_changeable::<R>(tx.cloud(), actor, &id, "delete_policy")?;
    tx.delete::<R>(&id);
    touch::<QosPolicy>(tx, &rule.policy_id());
    Ok(())
}

/// Removes the rules of a policy that goes.
pub(super) fn delete_rules(tx: &mut Tx<'_>, id: QosPolicyId) {
    fn of<R: QosRule>(tx: &mut Tx<'_>, id: QosPolicyId) {
        let ids: Vec<QosRuleId> = R::by_policy(&tx.cloud().lookups).of(&id).copied().collect();
        ids.iter().for_each(|id| drop(tx.delete::<R>(id)));
    }
    of::<BandwidthLimitRule>(tx, id);
    of::<DscpMarkingRule>(tx, id);
    of::<PacketRateLimitRule>(tx, id);
}

fn check_conflict<R: QosRule>(cloud: &Cloud, rule: &R) -> Result<()> {
    let policy_id = rule.policy_id();
    match of_policy::<R>(cloud, policy_id).find(|other| other.id() != rule.id() && rule.conflicts(other)) {
        None => Ok(()),
        Some(other) => Err(Error::conflict(
            "QoSRuleParameterConflict",
            format!(
                "Unable to add the rule with policy {policy_id}: its rule {} of type {} says already what holds there.",
                other.id(),
                R::TYPE
            ),
        )),
    }
}
