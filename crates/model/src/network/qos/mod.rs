//! Neutron's quality of service: policies, whose rules limit or mark what the ports send and receive that have them, by
//! themselves or by their network.

mod policy;
mod rule;

use std::sync::Arc;

pub use policy::{QosPolicySpec, create, default_of, delete, update};
pub use rule::{
    BandwidthLimitRule, DscpMarkingRule, PacketRateLimitRule, QosRule, RuleSpec, VALID_DSCP_MARKS, create_rule,
    delete_rule, update_rule,
};

use serde::{Deserialize, Serialize};

use super::access::{Resource, get_visible, manages};
use super::{Network, Port, Standard, sharing};
use crate::cloud::Row;
use crate::host::Direction;
use crate::host::{BandwidthLimit, PacketRateLimit, PortQos};
use crate::{Actor, Cloud, Error, ProjectId, QosPolicyId, Result};

/// A QoS policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QosPolicy {
    /// Its id.
    pub id: QosPolicyId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// New networks of its project have it.
    #[serde(default)]
    pub is_default: bool,
}

impl Row for QosPolicy {
    type Id = QosPolicyId;
    const KIND: &'static str = "qos_policy";
    crate::table!(QosPolicy, qos_policies);
    fn id(&self) -> QosPolicyId {
        self.id
    }
    fn not_found(id: &QosPolicyId) -> Error {
        Error::not_found("QosPolicyNotFound", format!("QoS policy {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
}

impl Resource for QosPolicy {
    const NAME: &'static str = "policy";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn visible_to(&self, cloud: &Cloud, actor: &Actor) -> bool {
        actor.can_see(&self.standard.project_id) || sharing::is_shared_with(cloud, self.id.0, actor.project_id())
    }
    /// An administrator's, or a manager's in their own project.
    fn changeable_by(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        manages(actor, &self.standard.project_id)
    }
}

/// Which policy a port or network is to have after a change; `wanted` as asked for, `None`: what it has.
///
/// # Errors
/// `QosPolicyNotFound`; `PolicyRemoveAuthorizationError` when the caller may not see the one that would go.
pub(super) fn choose(
    cloud: &Cloud,
    actor: &Actor,
    wanted: Option<Option<QosPolicyId>>,
    current: Option<QosPolicyId>,
) -> Result<Option<QosPolicyId>> {
    let Some(wanted) = wanted.filter(|wanted| *wanted != current) else {
        return Ok(current);
    };
    if let Some(current) = current.and_then(|id| cloud.qos_policies.get(&id))
        && !current.visible_to(cloud, actor)
    {
        return Err(Error::forbidden(
            "PolicyRemoveAuthorizationError",
            format!(
                "Failed to remove provided policy {} because you are not authorized.",
                current.id
            ),
        ));
    }
    if let Some(id) = wanted {
        get_visible::<QosPolicy>(cloud, actor, &id)?;
    }
    Ok(wanted)
}

/// The policy that holds for a port: its own, else its network's. What the cloud's own ports carry is not limited.
pub fn effective(port: &Port, network: &Network) -> Option<QosPolicyId> {
    let policy = port.qos_policy_id.or(network.qos_policy_id);
    policy.filter(|_| !port.is_network_owned())
}

/// What a policy makes a host do; `None` if nothing.
pub(crate) fn resolve(cloud: &Cloud, id: QosPolicyId) -> Option<PortQos> {
    let mut qos = PortQos::default();
    for rule in bandwidth_limits(cloud, id).filter(|rule| rule.max_kbps > 0) {
        let limit = BandwidthLimit {
            kbps: rule.max_kbps,
            burst_kbits: rule.max_burst_kbps,
        };
        match rule.direction {
            Direction::Ingress => qos.ingress = Some(limit),
            Direction::Egress => qos.egress = Some(limit),
        }
    }
    for rule in packet_rate_limits(cloud, id).filter(|rule| rule.max_kpps > 0) {
        let limit = PacketRateLimit {
            kpps: rule.max_kpps,
            burst_kpackets: rule.max_burst_kpps,
        };
        match rule.direction {
            Direction::Ingress => qos.ingress_packets = Some(limit),
            Direction::Egress => qos.egress_packets = Some(limit),
        }
    }
    qos.dscp = dscp_markings(cloud, id).map(|rule| rule.dscp_mark).next();
    (qos != PortQos::default()).then_some(qos)
}

/// A policy's limits of bandwidth: at most one a direction.
pub fn bandwidth_limits(cloud: &Cloud, id: QosPolicyId) -> impl Iterator<Item = &Arc<BandwidthLimitRule>> + '_ {
    rule::of_policy(cloud, id)
}

/// A policy's limits of packets: at most one a direction.
pub fn packet_rate_limits(cloud: &Cloud, id: QosPolicyId) -> impl Iterator<Item = &Arc<PacketRateLimitRule>> + '_ {
    rule::of_policy(cloud, id)
}

/// A policy's mark: at most one.
pub fn dscp_markings(cloud: &Cloud, id: QosPolicyId) -> impl Iterator<Item = &Arc<DscpMarkingRule>> + '_ {
    rule::of_policy(cloud, id)
}
