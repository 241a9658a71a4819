//! Neutron's trunks: a server's port, the parent, that carries further networks. Frames of these bear VLAN tags between
//! the guest and its host; what has which tag is known by subports, ports of those networks.
//!
//! A subport is where its parent is: on the host of the server that the parent is plugged into, else nowhere. All else
//! of it (addresses, DHCP, security groups, limits) is a port's like any other. A trunk outlives the server: it goes down,
//! and its parent can be given to another one. What is in a trunk can't be deleted, or used otherwise, before the trunk
//! lets go of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{Resource, bad_request, get_changeable, invalid_input, owner};
use super::{Network, Port, Standard, Status, device_owner, quota, tag};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, HostId, PortId, ProjectId, Result, TrunkId, Tx};

/// VLAN IDs that a frame can bear (IEEE 802.1Q; 0 and 4095 are reserved).
const VLAN_IDS: std::ops::RangeInclusive<i64> = 1..=4094;

/// A port with subports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trunk {
    /// Its id.
    pub id: TrunkId,
    /// Owner, name and so on.
    #[serde(flatten)]
    pub standard: Standard,
    /// The parent: the port that a server is given.
    pub port_id: PortId,
    /// `false`: neither the trunk nor its subports can be taken away, and none added. Packets pass all the same.
    pub admin_state_up: bool,
    /// As reported.
    pub status: TrunkStatus,
    /// What it carries besides its parent's network, in the order in which it was added.
    pub sub_ports: Vec<Subport>,
}

/// A port of another network that a trunk carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subport {
    /// The port.
    pub port_id: PortId,
    /// By what its frames are told from others.
    pub segmentation_type: SegmentationType,
    /// The VLAN ID.
    pub segmentation_id: u16,
}

/// By what the frames of a subport are told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentationType {
    /// By an 802.1Q tag.
    Vlan,
}

/// How a trunk is: made of what its host reports of it, of its parent and of its subports (`report`). A change of subports
/// while the parent is up takes it to `Build`, until the host has answered to that change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrunkStatus {
    /// The parent is up on its host, and the trunk and every subport stand there. A subport (or its network) that is
    /// administratively down counts as standing.
    Active,
    /// The parent is not plugged into a server, or that is off.
    Down,
    /// The parent is up, and its host has not answered yet to what the trunk should be.
    Build,
    /// Its host could not make one of the subports, or the network of one; others stand. It goes on trying.
    Degraded,
    /// Its host could not make the trunk, and none of its subports stands. It goes on trying.
    Error,
}

impl TrunkStatus {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Down => "DOWN",
            Self::Build => "BUILD",
            Self::Degraded => "DEGRADED",
            Self::Error => "ERROR",
        }
    }
}

impl Row for Trunk {
    type Id = TrunkId;
    const KIND: &'static str = "trunk";
    crate::table!(Trunk, trunks);
    fn id(&self) -> TrunkId {
        self.id
    }
    fn not_found(id: &TrunkId) -> Error {
        Error::not_found("TrunkNotFound", format!("Trunk {id} could not be found."))
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.trunks_by_parent.set(self.port_id, self.id, present);
        for subport in &self.sub_ports {
            lookups.trunks_by_subport.set(subport.port_id, self.id, present);
        }
        if present && self.status == TrunkStatus::Build {
            lookups.pending_trunks.insert(self.id);
        } else {
            lookups.pending_trunks.remove(&self.id);
        }
    }
}

impl Resource for Trunk {
    const NAME: &'static str = "trunk";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
}

/// What a new trunk is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkSpec {
    /// Its owner; `None`: the caller's project.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it can be changed.
    pub admin_state_up: bool,
    /// The parent.
    pub port_id: PortId,
    /// The subports.
    pub sub_ports: Vec<SubportSpec>,
    /// Labels.
    pub tags: BTreeSet<String>,
}

/// A subport asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubportSpec {
    /// The port.
    pub port_id: PortId,
    /// Its tag; `None`: none was named.
    pub segmentation: Option<Segmentation>,
}

/// A tag asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segmentation {
    /// That of the port's network.
    Inherit,
    /// This one.
    Named {
        /// `vlan`.
        kind: String,
        /// The VLAN ID.
        id: i64,
    },
}

/// What of a trunk can be changed. `None`: as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrunkChange {
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether it can be changed.
    pub admin_state_up: Option<bool>,
}

/// The trunk that a port is the parent of.
pub fn of_parent(cloud: &Cloud, port: PortId) -> Option<&Arc<Trunk>> {
    cloud.trunks.get(cloud.lookups.trunks_by_parent.first(&port)?)
}

/// The trunk that a port is a subport of.
pub fn of_subport(cloud: &Cloud, port: PortId) -> Option<&Arc<Trunk>> {
    cloud.trunks.get(cloud.lookups.trunks_by_subport.first(&port)?)
}

/// The trunk that a port is in.
pub fn of_port(cloud: &Cloud, port: PortId) -> Option<&Arc<Trunk>> {
    of_parent(cloud, port).or_else(|| of_subport(cloud, port))
}

/// The host that a port is bound to: a subport is where its parent is.
pub fn host_of<'a>(cloud: &'a Cloud, port: &'a Port) -> Option<&'a HostId> {
    match of_subport(cloud, port.id) {
        Some(trunk) => cloud.ports.get(&trunk.port_id)?.host_id.as_ref(),
        None => port.host_id.as_ref(),
    }
}

/// Makes a trunk of a port.
///
/// # Errors
/// `OverQuota`, `PortNotFound`, `TrunkPortInUse`, `ParentPortInUse` and the errors of [`add_subports`].
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: TrunkSpec) -> Result<Arc<Trunk>> {
    let project_id = owner(actor, spec.project_id.as_ref())?;
    quota::enforce::<Trunk>(tx.cloud(), &project_id, "trunk")?;
    tag::check_count(&spec.tags)?;
    let parent = own_port(tx.cloud(), actor, spec.port_id)?;
    check_free(tx.cloud(), parent.id)?;
    // Nothing but a server has use for tags.
    if parent.is_network_owned() || parent.attachment.is_some() {
        return Err(parent_in_use(parent.id));
    }
    let mut standard = Standard::new(project_id, spec.name, tx.now());
    standard.description = spec.description;
    standard.tags = spec.tags;
    let mut trunk = Trunk {
        id: tx.new_id(),
        standard,
        port_id: parent.id,
        admin_state_up: spec.admin_state_up,
        status: changed_status(&parent),
        sub_ports: Vec::new(),
    };
    trunk.sub_ports = resolve(tx.cloud(), actor, &trunk, &parent, &spec.sub_ports)?;
    claim(tx, &trunk.sub_ports)?;
    Ok(tx.put(trunk))
}

/// Changes a trunk's own attributes.
///
/// # Errors
/// `TrunkNotFound`.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: TrunkId, change: TrunkChange) -> Result<Arc<Trunk>> {
    let mut trunk = Trunk::clone(&*get_changeable::<Trunk>(tx.cloud(), actor, &id, "update")?);
    let standard = &mut trunk.standard;
    standard.name = change.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.description = change
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    trunk.admin_state_up = change.admin_state_up.unwrap_or(trunk.admin_state_up);
    Ok(tx.put(trunk))
}

/// Ends a trunk; its ports stay, as ports like any other. A server goes on with the parent's own network.
///
/// # Errors
/// `TrunkNotFound`, `TrunkDisabled`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: TrunkId) -> Result<()> {
    let trunk = get_changeable::<Trunk>(tx.cloud(), actor, &id, "delete")?;
    check_enabled(&trunk)?;
    free(tx, &trunk.sub_ports)?;
    tx.delete::<Trunk>(&id);
    Ok(())
}

/// Adds ports to what a trunk carries, all or none.
///
/// # Errors
/// `TrunkNotFound`, `TrunkDisabled`, `TrunkInErrorState`, `PortNotFound`, `InvalidInput` (a tag that there is not),
/// `ParentPortInUse`, `TrunkPortInUse`, `PortInUse`, `SubPortMtuGreaterThanTrunkPortMtu`, `DuplicateSubPort`, `BadRequest`
/// (a port of a provider network).
pub fn add_subports(tx: &mut Tx<'_>, actor: &Actor, id: TrunkId, wanted: &[SubportSpec]) -> Result<Arc<Trunk>> {
    let trunk = get_changeable::<Trunk>(tx.cloud(), actor, &id, "update")?;
    let parent = tx.get::<Port>(&trunk.port_id)?;
    let added = resolve(tx.cloud(), actor, &trunk, &parent, wanted)?;
    check_enabled(&trunk)?;
    if trunk.status == TrunkStatus::Error {
        return Err(Error::conflict(
            "TrunkInErrorState",
            format!(
                "Trunk {id} is in error state. Attempt to resolve the error condition before proceeding: remove the subports \
                 that were added last, or see the host's log."
            ),
        ));
    }
    if added.is_empty() {
        return Ok(trunk);
    }
    claim(tx, &added)?;
    let now = tx.now();
    tx.update::<Trunk>(&id, |trunk| {
        trunk.sub_ports.extend(added);
        trunk.status = changed_status(&parent);
        trunk.standard.touch(now);
    })
}

/// Takes ports from what a trunk carries, all or none.
///
/// # Errors
/// `TrunkNotFound`, `TrunkDisabled`, `SubPortNotFound`.
pub fn remove_subports(tx: &mut Tx<'_>, actor: &Actor, id: TrunkId, ports: &[PortId]) -> Result<Arc<Trunk>> {
    let trunk = get_changeable::<Trunk>(tx.cloud(), actor, &id, "update")?;
    check_enabled(&trunk)?;
    let parent = tx.get::<Port>(&trunk.port_id)?;
    let has = |port: &PortId| trunk.sub_ports.iter().any(|subport| subport.port_id == *port);
    if let Some(stranger) = ports.iter().find(|port| !has(port)) {
        return Err(Error::not_found(
            "SubPortNotFound",
            format!("SubPort {stranger} on trunk {id} could not be found."),
        ));
    }
    let (removed, left): (Vec<Subport>, Vec<Subport>) = trunk
        .sub_ports
        .iter()
        .cloned()
        .partition(|subport| ports.contains(&subport.port_id));
    if removed.is_empty() {
        return Ok(trunk);
    }
    let now = tx.now();
    let trunk = tx.update::<Trunk>(&id, |trunk| {
        trunk.sub_ports = left;
        trunk.status = changed_status(&parent);
        trunk.standard.touch(now);
    })?;
    free(tx, &removed)?;
    Ok(trunk)
}

/// The status of a trunk that was just changed.
fn changed_status(parent: &Port) -> TrunkStatus {
    match parent.status {
        Status::Active => TrunkStatus::Build,
        _ => TrunkStatus::Down,
    }
}

fn check_enabled(trunk: &Trunk) -> Result<()> {
    if trunk.admin_state_up {
        return Ok(());
    }
    Err(Error::conflict(
        "TrunkDisabled",
        format!(
            "Trunk {} is currently disabled: set its admin_state_up to change it.",
            trunk.id
        ),
    ))
}

/// A port of the caller's: that its network is the caller's is not enough.
fn own_port(cloud: &Cloud, actor: &Actor, id: PortId) -> Result<Arc<Port>> {
    let port = cloud.get::<Port>(&id)?;
    if actor.can_see(&port.standard.project_id) {
        Ok(port)
    } else {
        Err(Port::not_found(&id))
    }
}

/// A port that is in no trunk yet.
fn check_free(cloud: &Cloud, id: PortId) -> Result<()> {
    if of_subport(cloud, id).is_some() {
        return Err(Error::conflict(
            "TrunkPortInUse",
            format!("Port {id} is in use by another trunk."),
        ));
    }
    match of_parent(cloud, id) {
        Some(_) => Err(parent_in_use(id)),
        None => Ok(()),
    }
}

fn parent_in_use(id: PortId) -> Error {
    Error::conflict(
        "ParentPortInUse",
        format!("Port {id} is currently in use and is not eligible for use as a parent port."),
    )
}

/// What is asked for, if all of it is possible beside what the trunk has.
fn resolve(cloud: &Cloud, actor: &Actor, trunk: &Trunk, parent: &Port, wanted: &[SubportSpec]) -> Result<Vec<Subport>> {
    let mut taken: BTreeSet<u16> = trunk.sub_ports.iter().map(|own| own.segmentation_id).collect();
    let mut ports = BTreeSet::new();
    let mut resolved = Vec::with_capacity(wanted.len());
    for spec in wanted {
        if spec.port_id == parent.id {
            return Err(parent_in_use(parent.id));
        }
        let port = own_port(cloud, actor, spec.port_id)?;
        check_network(cloud, &port)?;
        check_mtu(cloud, parent, &port)?;
        let segmentation_id = vlan_id(cloud, &port, spec.segmentation.as_ref())?;
        check_subport(cloud, &port)?;
        if !ports.insert(port.id) {
            return Err(invalid_input(
                "InvalidInput",
                format!("Non unique UUID for subport: '{}'", port.id),
            ));
        }
        if !taken.insert(segmentation_id) {
            return Err(Error::conflict(
                "DuplicateSubPort",
                format!(
                    "segmentation_type vlan and segmentation_id {segmentation_id} already in use on trunk {}.",
                    trunk.id
                ),
            ));
        }
        resolved.push(Subport {
            port_id: port.id,
            segmentation_type: SegmentationType::Vlan,
            segmentation_id,
        });
    }
    Ok(resolved)
}

/// What comes for a subport has to fit through its parent.
fn check_mtu(cloud: &Cloud, parent: &Port, port: &Port) -> Result<()> {
    let mtu = |port: &Port| cloud.networks.get(&port.network_id).map_or(0, |network| network.mtu);
    if mtu(port) <= mtu(parent) {
        return Ok(());
    }
    Err(Error::conflict(
        "SubPortMtuGreaterThanTrunkPortMtu",
        format!(
            "MTU {} of subport {} cannot be greater than MTU {} of trunk {}.",
            mtu(port),
            port.id,
            mtu(parent),
            parent.id
        ),
    ))
}

fn vlan_id(cloud: &Cloud, port: &Port, wanted: Option<&Segmentation>) -> Result<u16> {
    let refuse = |reason: String| Err(invalid_input("InvalidInput", reason));
    match wanted {
        None => refuse(format!(
            "Invalid subport details '{}': missing segmentation information. Must specify both segmentation_id and \
             segmentation_type",
            port.id
        )),
        // Segments here are VXLANs and whole provider networks.
        Some(Segmentation::Inherit) => refuse(format!(
            "Unknown segmentation_type '{}': the network of subport {} has no VLAN ID to inherit, so name segmentation_type \
             vlan and a segmentation_id",
            cloud.get::<Network>(&port.network_id)?.network_type(),
            port.id
        )),
        Some(Segmentation::Named { kind, .. }) if kind != "vlan" => {
            refuse(format!("Unknown segmentation_type '{}'", kind.escape_default()))
        }
        Some(Segmentation::Named { id, .. }) => match u16::try_from(*id) {
            Ok(vlan) if VLAN_IDS.contains(id) => Ok(vlan),
            _ => refuse(format!("Segmentation ID '{id}' is not in range")),
        },
    }
}

/// Nothing is plugged into a provider network.
fn check_network(cloud: &Cloud, port: &Port) -> Result<()> {
    if cloud.get::<Network>(&port.network_id)?.external {
        return Err(bad_request(
            "trunk",
            format!(
                "port {} is of an external network, which no server is plugged into: use a self-service network, and a floating \
                 IP to be reached from outside",
                port.id
            ),
        ));
    }
    Ok(())
}

/// A port that nothing else uses.
fn check_subport(cloud: &Cloud, port: &Port) -> Result<()> {
    check_free(cloud, port.id)?;
    if !port.device_id.is_empty() || port.is_network_owned() || port.attachment.is_some() {
        let netns = port.attachment.as_ref().map(|attachment| attachment.netns.as_str());
        return Err(port_in_use(port, netns.unwrap_or(port.device_id.as_str())));
    }
    Ok(())
}

fn port_in_use(port: &Port, device: &str) -> Error {
    Error::conflict(
        "PortInUse",
        format!(
            "Unable to complete operation on port {} for network {}. Port already has an attached device {device}.",
            port.id, port.network_id
        ),
    )
}

/// What is in a trunk is not used for anything but servers, nor its subports for these.
///
/// # Errors
/// `PortInUse`.
pub(super) fn check_not_in_trunk(cloud: &Cloud, port: &Port) -> Result<()> {
    match of_port(cloud, port.id) {
        Some(trunk) => Err(port_in_use(port, &trunk.id.to_string())),
        None => Ok(()),
    }
}

/// What is in a trunk stays.
///
/// # Errors
/// `PortInUseAsTrunkParent`, `PortInUseAsSubPort`.
pub(super) fn check_deletable(cloud: &Cloud, id: PortId) -> Result<()> {
    if let Some(trunk) = of_subport(cloud, id) {
        return Err(Error::conflict(
            "PortInUseAsSubPort",
            format!("Port {id} is currently a subport for trunk {}.", trunk.id),
        ));
    }
    match of_parent(cloud, id) {
        Some(trunk) => Err(Error::conflict(
            "PortInUseAsTrunkParent",
            format!("Port {id} is currently a parent port for trunk {}.", trunk.id),
        )),
        None => Ok(()),
    }
}

/// A port was taken from its server: the trunk on it is nowhere.
pub(super) fn unplug(tx: &mut Tx<'_>, parent: PortId) {
    let Some(trunk) = of_parent(tx.cloud(), parent).cloned() else {
        return;
    };
    if trunk.status != TrunkStatus::Down {
        tx.put(Trunk {
            status: TrunkStatus::Down,
            ..Trunk::clone(&trunk)
        });
    }
}

/// Marks ports as a trunk's.
fn claim(tx: &mut Tx<'_>, subports: &[Subport]) -> Result<()> {
    let now = tx.now();
    for subport in subports {
        tx.update::<Port>(&subport.port_id, |port| {
            port.device_owner = device_owner::TRUNK_SUBPORT.to_owned();
            port.standard.touch(now);
        })?;
    }
    Ok(())
}

/// Takes the mark away.
fn free(tx: &mut Tx<'_>, subports: &[Subport]) -> Result<()> {
    let now = tx.now();
    for subport in subports {
        tx.update::<Port>(&subport.port_id, |port| {
            if port.device_owner == device_owner::TRUNK_SUBPORT {
                port.device_owner.clear();
            }
            port.standard.touch(now);
        })?;
    }
    Ok(())
}
