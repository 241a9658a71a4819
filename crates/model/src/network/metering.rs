//! Neutron's metering: labels that count what passes the gateways of a project's routers, and rules that say what of it.
//!
//! A label counts on every router of its project; a shared one on all routers. What one of its `excluded` rules matches is
//! not counted, whatever the others say; of the rest, what any other rule matches is counted, once. Addresses are those
//! inside: of what leaves, before it is translated, and of what comes in, after that. Labels and rules are made by
//! a project's manager or an administrator, shared ones by the latter alone; what was counted may be read by every project
//! that it was counted for ([`counts_for`]).

use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::access::{Resource, get_changeable, get_visible, manages, owner, require};
use super::{Router, Standard};
use crate::cloud::{Lookups, Row};
use crate::host::Direction;
use crate::{Actor, Cloud, Error, MeteringLabelId, MeteringLabelRuleId, ProjectId, Result, Tx};

/// A label: what is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeteringLabel {
    /// Its id.
    pub id: MeteringLabelId,
    /// Owner, name and description; nothing else of these is shown.
    #[serde(flatten)]
    pub standard: Standard,
    /// Whether it counts on the routers of every project.
    pub shared: bool,
}

/// What of the traffic a label counts, or leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeteringLabelRule {
    /// Its id.
    pub id: MeteringLabelRuleId,
    /// Its owner, which is the label's; nothing of these is shown.
    #[serde(flatten)]
    pub standard: Standard,
    /// The label.
    pub metering_label_id: MeteringLabelId,
    /// As the routers see it: ingress comes in by the gateway, egress leaves by it.
    pub direction: Direction,
    /// The inner side: where packets come from (egress) or go to (ingress). The name is Neutron's, from of old.
    pub remote_ip_prefix: Option<IpNet>,
    /// Where packets come from.
    pub source_ip_prefix: Option<IpNet>,
    /// Where packets go to.
    pub destination_ip_prefix: Option<IpNet>,
    /// Whether these packets are left out.
    pub excluded: bool,
}

impl Row for MeteringLabel {
    type Id = MeteringLabelId;
    const KIND: &'static str = "metering_label";
    crate::table!(MeteringLabel, metering_labels);
    fn id(&self) -> MeteringLabelId {
        self.id
    }
    fn not_found(id: &MeteringLabelId) -> Error {
        Error::not_found(
            "MeteringLabelNotFound",
            format!("Metering label '{id}' does not exist."),
        )
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        let reach = (!self.shared).then(|| self.standard.project_id.clone());
        lookups.metering_labels_by_reach.set(reach, self.id, present);
    }
}

impl Row for MeteringLabelRule {
    type Id = MeteringLabelRuleId;
    const KIND: &'static str = "metering_label_rule";
    crate::table!(MeteringLabelRule, metering_label_rules);
    fn id(&self) -> MeteringLabelRuleId {
        self.id
    }
    fn not_found(id: &MeteringLabelRuleId) -> Error {
        Error::not_found(
            "MeteringLabelRuleNotFound",
            format!("Metering label rule '{id}' does not exist."),
        )
    }
    fn project(&self) -> Option<&ProjectId> {
        Some(&self.standard.project_id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .metering_rules_by_label
            .set(self.metering_label_id, self.id, present);
    }
}

impl Resource for MeteringLabel {
    const NAME: &'static str = "metering_label";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn changeable_by(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        manages(actor, &self.standard.project_id)
    }
}

impl Resource for MeteringLabelRule {
    const NAME: &'static str = "metering_label_rule";
    fn standard(&self) -> &Standard {
        &self.standard
    }
    fn standard_mut(&mut self) -> &mut Standard {
        &mut self.standard
    }
    fn changeable_by(&self, _cloud: &Cloud, actor: &Actor) -> bool {
        manages(actor, &self.standard.project_id)
    }
}

/// What a label is asked to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeteringLabelSpec {
    /// Its owner.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it counts on the routers of every project.
    pub shared: bool,
}

/// What a rule is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeteringLabelRuleSpec {
    /// The label.
    pub metering_label_id: MeteringLabelId,
    /// As the routers see it.
    pub direction: Direction,
    /// The inner side.
    pub remote_ip_prefix: Option<IpNet>,
    /// Where packets come from.
    pub source_ip_prefix: Option<IpNet>,
    /// Where packets go to.
    pub destination_ip_prefix: Option<IpNet>,
    /// Whether these packets are left out.
    pub excluded: bool,
}

/// The rules of a label.
pub fn rules_of(cloud: &Cloud, label: MeteringLabelId) -> impl Iterator<Item = &Arc<MeteringLabelRule>> + '_ {
    let ids = cloud.lookups.metering_rules_by_label.of(&label);
    ids.filter_map(|id| cloud.metering_label_rules.get(id))
}

/// The labels that count on a router.
pub fn labels_of_router<'a>(
    cloud: &'a Cloud,
    router: &Router,
) -> impl Iterator<Item = &'a Arc<MeteringLabel>> + use<'a> {
    let by_reach = &cloud.lookups.metering_labels_by_reach;
    let own = by_reach.of(&Some(router.standard.project_id.clone()));
    own.chain(by_reach.of(&None))
        .filter_map(|id| cloud.metering_labels.get(id))
}

/// The routers that a label counts on.
pub fn routers_of_label<'a>(
    cloud: &'a Cloud,
    label: &MeteringLabel,
) -> impl Iterator<Item = &'a Arc<Router>> + use<'a> {
    let only = (!label.shared).then(|| label.standard.project_id.clone());
    let counts = move |router: &&Arc<Router>| {
        only.as_ref()
            .is_none_or(|project| router.standard.project_id == *project)
    };
    cloud.routers.iter().filter(counts)
}

/// Whether the caller may read what a label counted: on the routers of their own project.
pub fn counts_for(label: &MeteringLabel, actor: &Actor) -> bool {
    actor.is_admin() || label.shared || actor.owns(&label.standard.project_id)
}

/// Makes a label.
///
/// # Errors
/// `PolicyNotAuthorized`, or the owner's.
pub fn create_label(tx: &mut Tx<'_>, actor: &Actor, spec: MeteringLabelSpec) -> Result<Arc<MeteringLabel>> {
    let project_id = owner(actor, spec.project_id.as_ref())?;
    require(manages(actor, &project_id), "create_metering_label")?;
    // Neutron lets whoever makes labels share them; but then a project would count in the routers of all others.
    require(!spec.shared || actor.is_admin(), "create_metering_label:shared")?;
    let mut standard = Standard::new(project_id, spec.name, tx.now());
    standard.description = spec.description;
    let label = MeteringLabel {
        id: tx.new_id(),
        standard,
        shared: spec.shared,
    };
    Ok(tx.put(label))
}

/// Removes a label with its rules; what it counted is forgotten.
///
/// # Errors
/// `MeteringLabelNotFound`.
pub fn delete_label(tx: &mut Tx<'_>, actor: &Actor, id: MeteringLabelId) -> Result<()> {
    get_changeable::<MeteringLabel>(tx.cloud(), actor, &id, "delete")?;
    let rules: Vec<MeteringLabelRuleId> = rules_of(tx.cloud(), id).map(|rule| rule.id).collect();
    rules.iter().for_each(|rule| drop(tx.delete::<MeteringLabelRule>(rule)));
    tx.delete::<MeteringLabel>(&id);
    Ok(())
}

/// Adds a rule to a label.
///
/// # Errors
/// `PolicyNotAuthorized`, `MeteringLabelNotFound`, `Invalid` (prefixes that don't go together, or none),
/// `MeteringLabelRuleOverlaps`.
pub fn create_rule(tx: &mut Tx<'_>, actor: &Actor, spec: MeteringLabelRuleSpec) -> Result<Arc<MeteringLabelRule>> {
    let label = get_visible::<MeteringLabel>(tx.cloud(), actor, &spec.metering_label_id)?;
    require(label.changeable_by(tx.cloud(), actor), "create_metering_label_rule")?;
    check_prefixes(&spec)?;
    check_overlap(tx.cloud(), &spec)?;
    let rule = MeteringLabelRule {
        id: tx.new_id(),
        standard: Standard::new(label.standard.project_id.clone(), "", tx.now()),
        metering_label_id: label.id,
        direction: spec.direction,
        remote_ip_prefix: spec.remote_ip_prefix,
        source_ip_prefix: spec.source_ip_prefix,
        destination_ip_prefix: spec.destination_ip_prefix,
        excluded: spec.excluded,
    };
    Ok(tx.put(rule))
}

/// Takes a rule out of its label.
///
/// # Errors
/// `MeteringLabelRuleNotFound`.
pub fn delete_rule(tx: &mut Tx<'_>, actor: &Actor, id: MeteringLabelRuleId) -> Result<()> {
    get_changeable::<MeteringLabelRule>(tx.cloud(), actor, &id, "delete")?;
    tx.delete::<MeteringLabelRule>(&id);
    Ok(())
}

fn check_prefixes(spec: &MeteringLabelRuleSpec) -> Result<()> {
    let invalid = |message: &str| Err(Error::invalid("Invalid", message));
    match (spec.remote_ip_prefix, spec.source_ip_prefix, spec.destination_ip_prefix) {
        (Some(_), None, None) | (None, Some(_), None) | (None, None, Some(_)) => Ok(()),
        (None, Some(source), Some(destination)) => match source.addr().is_ipv4() == destination.addr().is_ipv4() {
            true => Ok(()),
            false => invalid(
                "'source_ip_prefix' and 'destination_ip_prefix' are of different IP versions: no packet has both.",
            ),
        },
        (Some(_), ..) => {
            invalid("Cannot use 'remote_ip_prefix' in conjunction with 'source_ip_prefix' or 'destination_ip_prefix'.")
        }
        (None, None, None) => invalid(
            "You must define at least one of the following parameters: 'source_ip_prefix', 'destination_ip_prefix', or \
             'remote_ip_prefix'.",
        ),
    }
}

/// Two rules of a label that say the same of one inner address would say it twice.
fn check_overlap(cloud: &Cloud, spec: &MeteringLabelRuleSpec) -> Result<()> {
    let Some(new) = spec.remote_ip_prefix else {
        return Ok(());
    };
    let overlaps = |rule: &&Arc<MeteringLabelRule>| {
        rule.direction == spec.direction
            && rule.excluded == spec.excluded
            && rule.remote_ip_prefix.is_some_and(|old| overlap(old, new))
    };
    match rules_of(cloud, spec.metering_label_id).find(overlaps) {
        None => Ok(()),
        Some(_) => Err(Error::conflict(
            "MeteringLabelRuleOverlaps",
            format!("Metering label rule with remote_ip_prefix '{new}' overlaps another."),
        )),
    }
}

fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}
