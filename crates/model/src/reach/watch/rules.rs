//! What may happen to watched paths.

use std::sync::Arc;

use super::follow::Finding;
use super::row::{ReachTransition, ReachWatch};
use super::standing::{origin_is_there, target_is_there};
use crate::reach::names::Object;
use crate::reach::{Origin, Protocol, Question, Target};
use crate::{Actor, Cloud, Error, ProjectId, ReachTransitionId, ReachWatchId, Result, Tx};

/// So many paths may a project watch.
pub const MOST_WATCHES: u64 = 100;
/// So many transitions of a path are kept; the oldest go.
pub const MOST_TRANSITIONS: usize = 200;
/// The longest name, characters.
const LONGEST_NAME: usize = 255;

/// What is to be watched.
#[derive(Debug, Clone)]
pub struct WatchSpec {
    /// Its name; `None`: one that says what is asked.
    pub name: Option<String>,
    /// What is asked.
    pub question: Question,
}

/// Pins a path for the caller's project. Its first answer comes with the next look.
///
/// # Errors
/// `Forbidden` without a project, `NotFound` for what the caller may not see, `BadRequest` for the name, `Conflict` for one that is
/// taken, `OverQuota` past [`MOST_WATCHES`].
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: WatchSpec) -> Result<Arc<ReachWatch>> {
    let project_id = actor.project_id().cloned().ok_or_else(|| {
        Error::forbidden(
            "PolicyNotAuthorized",
            "A watched path belongs to a project: use a token scoped to one.",
        )
    })?;
    let cloud = tx.cloud();
    if !target_is_there(cloud, actor, &spec.question) || !origin_is_there(cloud, actor, &spec.question) {
        return Err(Error::not_found(
            "NotFound",
            "What is to be watched is not there, or not yours to see.",
        ));
    }
    if cloud.count::<ReachWatch>(&project_id) >= MOST_WATCHES {
        return Err(Error::over_quota(
            "OverQuota",
            format!("A project may watch {MOST_WATCHES} paths. Delete one that is not needed any more."),
        ));
    }
    let (from_name, to_name) = (
        from_name(cloud, actor, &spec.question),
        to_name(cloud, actor, &spec.question),
    );
    let name = match spec.name {
        Some(name) => checked(cloud, &project_id, name)?,
        None => free_name(cloud, &project_id, &describe(&spec.question, &from_name, &to_name)),
    };
    let watch = ReachWatch {
        id: tx.new_id(),
        project_id,
        user_id: actor.user_id.clone(),
        by_admin: actor.is_admin(),
        name,
        question: spec.question,
        from_name,
        to_name,
        created_at: tx.now(),
        standing: None,
        since: None,
        last_seq: 0,
    };
    Ok(tx.put(watch))
}

fn checked(cloud: &Cloud, project: &ProjectId, name: String) -> Result<String> {
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(Error::invalid(
            "BadRequest",
            format!("'name' has 1 to {LONGEST_NAME} characters."),
        ));
    }
    if named(cloud, project, &name).is_some() {
        return Err(Error::conflict(
            "Conflict",
            format!("A path that this project watches is named '{name}' already."),
        ));
    }
    Ok(name)
}

/// The name, or it with the first number behind it that makes it another one.
fn free_name(cloud: &Cloud, project: &ProjectId, name: &str) -> String {
    let name: String = name.chars().take(LONGEST_NAME - 8).collect();
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    let mut names = [name.clone()].into_iter().chain(numbered);
    names.find(|name| named(cloud, project, name).is_none()).unwrap_or(name)
}

fn from_name(cloud: &Cloud, actor: &Actor, question: &Question) -> String {
    let object = match question.from {
        Origin::Outside { address: Some(address) } => return address.to_string(),
        Origin::Outside { address: None } | Origin::Host => return String::new(),
        Origin::Router { id } => id.map(Object::Router),
        Origin::Network { id } => id.map(Object::Network),
        Origin::Port { id } => Some(Object::Port(id)),
        Origin::Server { id } => Some(Object::Server(id)),
    };
    object.map_or_else(String::new, |object| object.named(cloud, actor).name)
}

fn to_name(cloud: &Cloud, actor: &Actor, question: &Question) -> String {
    let object = match question.to {
        Target::Address { address } => return address.to_string(),
        Target::Server { id } => Object::Server(id),
        Target::Port { id } => Object::Port(id),
        Target::FloatingIp { id } => Object::FloatingIp(id),
    };
    object.named(cloud, actor).name
}

/// `web1 tcp/22 from outside`.
fn describe(question: &Question, from_name: &str, to_name: &str) -> String {
    let protocol = match question.protocol {
        Protocol::Icmp => "ping".to_owned(),
        Protocol::Tcp(port) => format!("tcp/{port}"),
        Protocol::Udp(port) => format!("udp/{port}"),
        Protocol::Other(number) => format!("protocol {number}"),
    };
    let place = match question.from {
        Origin::Outside { .. } => "outside",
        Origin::Host => "the host",
        Origin::Router { .. } => "router",
        Origin::Network { .. } => "network",
        Origin::Port { .. } => "port",
        Origin::Server { .. } => "server",
    };
    let text = format!("{to_name} {protocol} from {place} {from_name}");
    text.trim_end().to_owned()
}

/// The project's watched paths.
fn of_project<'a>(cloud: &'a Cloud, project: &ProjectId) -> impl Iterator<Item = &'a Arc<ReachWatch>> + use<'a> {
    let ids = cloud.lookups.reach_watches_by_project.of(project);
    ids.filter_map(|id| cloud.reach_watches.get(id))
}

fn named<'a>(cloud: &'a Cloud, project: &ProjectId, name: &str) -> Option<&'a Arc<ReachWatch>> {
    of_project(cloud, project).find(|watch| watch.name == name)
}

/// A watched path that the caller may see, by its id, or by its name in the caller's project.
///
/// # Errors
/// `NotFound`.
pub fn find(cloud: &Cloud, actor: &Actor, text: &str) -> Result<Arc<ReachWatch>> {
    let by_id = text.parse().ok().and_then(|id| cloud.reach_watches.get(&id));
    let by_name = || named(cloud, actor.project_id()?, text);
    let found = by_id.filter(|watch| actor.can_see(&watch.project_id)).or_else(by_name);
    found
        .cloned()
        .ok_or_else(|| Error::not_found("NotFound", format!("There is no watched path '{text}'.")))
}

/// A watched path's transitions, the oldest first.
pub fn in_order(cloud: &Cloud, watch: ReachWatchId) -> impl Iterator<Item = &Arc<ReachTransition>> + '_ {
    let ids = cloud.lookups.reach_transitions_by_watch.of(&watch);
    ids.filter_map(|(_, id)| cloud.reach_transitions.get(id))
}

/// Unpins a path; its transitions go with it.
///
/// # Errors
/// `NotFound`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, text: &str) -> Result<()> {
    let watch = find(tx.cloud(), actor, text)?;
    remove(tx, watch.id);
    Ok(())
}

/// Removes a path with its transitions; gives how many rows that were.
fn remove(tx: &mut Tx<'_>, id: ReachWatchId) -> usize {
    let transitions: Vec<ReachTransitionId> = in_order(tx.cloud(), id).map(|row| row.id).collect();
    for transition in &transitions {
        tx.delete::<ReachTransition>(transition);
    }
    tx.delete::<ReachWatch>(&id);
    transitions.len() + 1
}

/// Unpins one of a project's paths; gives how many rows went, or `None`: there is none left.
pub fn remove_of_project(tx: &mut Tx<'_>, project: &ProjectId) -> Option<usize> {
    let id = of_project(tx.cloud(), project).next().map(|watch| watch.id);
    id.map(|id| remove(tx, id))
}

/// Enters what was found: each path's answer, and a transition where it is another one than before. `is_told`: the operator's
/// webhook wants to hear of them.
///
/// # Errors
/// None of its own: a path that is watched no more is passed over.
pub fn record(tx: &mut Tx<'_>, findings: Vec<Finding>, is_told: bool) -> Result<()> {
    for finding in findings {
        let Some(watch) = tx.cloud().reach_watches.get(&finding.watch) else {
            continue;
        };
        let mut watch = ReachWatch::clone(watch);
        watch.standing = Some(finding.after.clone());
        watch.since = Some(finding.at);
        if let Some(before) = finding.before {
            watch.last_seq += 1;
            let transition = ReachTransition {
                id: tx.new_id(),
                watch_id: watch.id,
                project_id: watch.project_id.clone(),
                seq: watch.last_seq,
                at: finding.at,
                from: before,
                to: finding.after,
                reason: finding.reason,
                is_undelivered: is_told,
            };
            tx.put(transition);
            trim(tx, watch.id);
        }
        tx.put(watch);
    }
    Ok(())
}

/// Lets go of the oldest transitions.
fn trim(tx: &mut Tx<'_>, watch: ReachWatchId) {
    let kept = tx.cloud().lookups.reach_transitions_by_watch.count(&watch);
    let old = kept.saturating_sub(MOST_TRANSITIONS);
    let old: Vec<ReachTransitionId> = in_order(tx.cloud(), watch).take(old).map(|row| row.id).collect();
    for id in old {
        tx.delete::<ReachTransition>(&id);
    }
}

/// Notes that the webhook was told of a transition (or will not be any more).
///
/// # Errors
/// None of its own: one that is gone was told of for good.
pub fn delivered(tx: &mut Tx<'_>, id: ReachTransitionId) -> Result<()> {
    if tx.cloud().reach_transitions.contains(&id) {
        tx.update::<ReachTransition>(&id, |row| row.is_undelivered = false)?;
    }
    Ok(())
}
