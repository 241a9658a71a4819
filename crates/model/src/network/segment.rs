//! Neutron's network segments: the pieces of the physical world that a network is made of.
//!
//! Every network has one of its own, made with it and gone with it. A self-service network may be given further VXLAN ids.
//! One host is on all segments of a network, which are one bridge there, so a further segment is an id that is held for
//! the network, a name, and what subnets are sorted by; it keeps nothing apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{Resource, get_changeable, get_visible, invalid_input, require};
use super::{Network, Standard, network, tag};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, NetworkId, Result, SegmentId, Tx};

/// Networks that get their segment in one transaction, so that it stays within the store's limit.
const NETWORKS_AT_ONCE: usize = 40;

/// A segment of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its id.
    pub id: SegmentId,
    /// Name and so on; the project is its network's.
    #[serde(flatten)]
    pub standard: Standard,
    /// The network it is of.
    pub network_id: NetworkId,
    /// The bridge of a provider network.
    pub physical_network: Option<String>,
    /// The VXLAN id.
    pub segmentation_id: Option<u32>,
}

impl Segment {
    /// `flat` or `vxlan`.
    pub fn network_type(&self) -> &'static str {
        if self.physical_network.is_some() {
            "flat"
        } else {
            "vxlan"
        }
    }
}

impl Row for Segment {
    type Id = SegmentId;
    const KIND: &'static str = "segment";
    crate::table!(Segment, segments);
    fn id(&self) -> SegmentId {
        self.id
    }
    fn not_found(id: &SegmentId) -> Error {
        Error::not_found("SegmentNotFound", format!("Segment {id} could not be found."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.segments_by_network.set(self.network_id, self.id, present);
        if let Some(segmentation_id) = self.segmentation_id {
            lookups.segments_by_vxlan_id.set(segmentation_id, self.id, present);
        }
    }
}

impl Resource for Segment {
    const NAME: &'static str = "segment";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    /// They are the administrator's alone, as in Neutron's policies.
    fn visible_to(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        actor.is_admin()
    }
    fn changeable_by(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        actor.is_admin()
    }
}

/// What a segment is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentSpec {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// `flat` or `vxlan`, of a new one.
    pub network_type: String,
    /// The bridge of a new one.
    pub physical_network: Option<String>,
    /// The VXLAN id of a new one; `None`: a free one.
    pub segmentation_id: Option<u32>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

/// The segments of a network.
pub fn of_network(cloud: &Cloud, id: NetworkId) -> impl Iterator<Item = &Arc<Segment>> + '_ {
    let ids = cloud.lookups.segments_by_network.of(&id);
    ids.filter_map(|id| cloud.segments.get(id))
}

/// Gives a network the segment of its own.
pub(super) fn make_own(tx: &mut Tx<'_>, network: &Network) {
    let standard = Standard::new(network.standard.project_id.clone(), "", tx.now());
    let segment = Segment {
        id: tx.new_id(),
        standard,
        network_id: network.id,
        physical_network: network.physical_network.clone(),
        segmentation_id: network.segmentation_id,
    };
    tx.put(segment);
}

/// Removes the segments of a network that goes.
pub(super) fn forget(tx: &mut Tx<'_>, id: NetworkId) {
    let ids: Vec<SegmentId> = of_network(tx.cloud(), id).map(|segment| segment.id).collect();
    for id in ids {
        tx.delete::<Segment>(&id);
    }
}

/// Gives networks of before there were segments their own. At most 40 at a time; `true` when there are more.
pub fn fill(tx: &mut Tx<'_>) -> bool {
    let lacks = |network: &&Arc<Network>| tx.cloud().lookups.segments_by_network.first(&network.id).is_none();
    let networks = tx.cloud().networks.iter().filter(lacks);
    let networks: Vec<Arc<Network>> = networks.take(NETWORKS_AT_ONCE + 1).cloned().collect();
    for network in networks.iter().take(NETWORKS_AT_ONCE) {
        make_own(tx, network);
    }
    networks.len() > NETWORKS_AT_ONCE
}

/// Gives a self-service network a further VXLAN id.
///
/// # Errors
/// `PolicyNotAuthorized`, `NetworkNotFound`, `TunnelIdInUse`, `FlatNetworkInUse`, `InvalidInput`.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, network_id: NetworkId, spec: SegmentSpec) -> Result<Arc<Segment>> {
    require(actor.is_admin(), "create_segment")?;
    let network = get_visible::<Network>(tx.cloud(), actor, &network_id)?;
    match spec.network_type.as_str() {
        "vxlan" if spec.physical_network.is_some() => {
            return Err(invalid_input(
                "InvalidInput",
                "physical_network prohibited for vxlan provider network",
            ));
        }
        "vxlan" if network.physical_network.is_some() => {
            return Err(invalid_input(
                "InvalidInput",
                format!("network {network_id} is flat: nothing joins its bridge with another segment"),
            ));
        }
        "vxlan" => {}
        "flat" => {
            network::flat(tx.cloud(), spec.physical_network.as_deref(), spec.segmentation_id)?;
            return Err(invalid_input(
                "InvalidInput",
                format!("nothing joins network {network_id} with a flat segment: make a flat network instead"),
            ));
        }
        other => return Err(network::unknown_type(other)),
    }
    let segmentation_id = network::vxlan_id(tx, spec.segmentation_id)?;
    let mut standard = Standard::new(
        network.standard.project_id.clone(),
        spec.name.unwrap_or_default(),
        tx.now(),
    );
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let segment = Segment {
        id: tx.new_id(),
        standard,
        network_id,
        physical_network: None,
        segmentation_id: Some(segmentation_id),
    };
    Ok(tx.put(segment))
}

/// Changes a segment's name and description.
///
/// # Errors
/// `SegmentNotFound`.
pub fn update(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: SegmentId,
    name: Option<String>,
    description: Option<String>,
) -> Result<Arc<Segment>> {
    get_changeable::<Segment>(tx.cloud(), actor, &id, "update")?;
    let now = tx.now();
    tx.update::<Segment>(&id, |segment| {
        let standard = &mut segment.standard;
        standard.name = name.unwrap_or_else(|| std::mem::take(&mut standard.name));
        standard.description = description.unwrap_or_else(|| std::mem::take(&mut standard.description));
        standard.touch(now);
    })
}

/// Removes a further segment of a network.
///
/// # Errors
/// `SegmentNotFound`, `SegmentInUse` while a subnet is in it, and for the network's own one.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: SegmentId) -> Result<()> {
    let segment = get_changeable::<Segment>(tx.cloud(), actor, &id, "delete")?;
    let in_use = |reason: String| {
        Err(Error::conflict(
            "SegmentInUse",
            format!("Segment '{id}' cannot be deleted: {reason}."),
        ))
    };
    let subnets = tx.cloud().subnets_of_network(segment.network_id);
    let subnets: Vec<String> = subnets
        .filter(|subnet| subnet.segment_id == Some(id))
        .map(|subnet| subnet.id.to_string())
        .collect();
    if !subnets.is_empty() {
        return in_use(format!(
            "The segment is still associated with subnet(s) {}",
            subnets.join(", ")
        ));
    }
    let network = tx.cloud().networks.get(&segment.network_id);
    if network.is_some_and(|network| network.segmentation_id == segment.segmentation_id) {
        return in_use(format!(
            "It is what network {} is made of, and goes with it",
            segment.network_id
        ));
    }
    tx.delete::<Segment>(&id);
    Ok(())
}

/// Checks that a new subnet may be in the segment it says it is in: of a network's subnets all are in segments, or none.
///
/// # Errors
/// `PolicyNotAuthorized`, `SubnetsNotAllAssociatedWithSegments`, `SegmentNotFound`, `NetworkIdsDontMatch`.
pub(super) fn check_subnet(
    cloud: &Cloud,
    actor: &Actor,
    network_id: NetworkId,
    wanted: Option<SegmentId>,
) -> Result<()> {
    require(wanted.is_none() || actor.is_admin(), "create_subnet:segment_id")?;
    let mut others = cloud.subnets_of_network(network_id);
    if others.any(|subnet| subnet.segment_id.is_some() != wanted.is_some()) {
        return Err(Error::invalid(
            "SubnetsNotAllAssociatedWithSegments",
            format!(
                "All of the subnets on network '{network_id}' must either all be associated with segments or all not \
                 associated with any segment."
            ),
        ));
    }
    let Some(id) = wanted else { return Ok(()) };
    let segment = cloud.get::<Segment>(&id)?;
    if segment.network_id == network_id {
        return Ok(());
    }
    Err(Error::invalid(
        "NetworkIdsDontMatch",
        format!("The subnet's network id, '{network_id}', doesn't match the network_id of segment '{id}'"),
    ))
}
