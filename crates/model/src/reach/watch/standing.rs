//! An answer as it is kept: by codes, and by names and sentences as they were then, for what they speak of may be gone when
//! somebody reads them. What the path's project may not see is kept apart, for administrators alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::deed::Related;
use super::row::ReachWatch;
use crate::compute::VmState;
use crate::network::{FloatingIp, Network, Port, Resource, Router};
use crate::reach::ask::{Blocker, World, ask};
use crate::reach::names::{self, Object};
use crate::reach::question::{Origin, Question, Target};
use crate::reach::walk::Way;
use crate::reach::words::{self, Text};
use crate::{Actor, Cloud, Scope};

/// Whether a watched path is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is.
    Reachable,
    /// Something is in the way.
    Blocked,
    /// What was asked about is no more there.
    TargetGone,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether the path is open.
    pub state: State,
    /// What is in the way, in the order in which it is met.
    pub causes: Vec<SeenCause>,
}

/// A cause as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenCause {
    /// Its code: one of the catalogue, or `TARGET_GONE`, `ORIGIN_GONE`.
    pub code: String,
    /// Whether the first packet meets it, or its answer.
    pub way: Way,
    /// What it is about, the nearest thing first.
    pub objects: Vec<SeenObject>,
    /// The sentence for members of the path's project.
    pub message: Text,
    /// The sentence with the names that only an administrator may read, if there are any.
    #[serde(default)]
    pub full_message: Option<Text>,
}

/// A thing as it was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenObject {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// Its name then.
    pub name: String,
    /// Whether members of the path's project may see it.
    pub is_shown: bool,
}

impl Standing {
    /// Whether it says the same, whatever things are called.
    pub fn is_same(&self, other: &Self) -> bool {
        self.state == other.state && self.causes.iter().map(key).eq(other.causes.iter().map(key))
    }

    /// What it and the answer after it speak of.
    pub(super) fn related(&self, after: &Self) -> Related {
        let both = || [self, after].into_iter().flat_map(|standing| &standing.causes);
        let objects = both().flat_map(|cause| &cause.objects);
        let is_known =
            |cause: &SeenCause, standing: &Self| standing.causes.iter().any(|known| key(known) == key(cause));
        let came_or_went = both().filter(|cause| !(is_known(cause, self) && is_known(cause, after)));
        let first = came_or_went.filter_map(|cause| cause.objects.first());
        Related {
            causes: first.map(|object| object.id.to_string()).collect(),
            ids: objects.map(|object| object.id.to_string()).collect(),
        }
    }

    /// The answer for a watched path. `world`'s actor is not looked at: it is asked for whoever pinned it.
    pub(super) fn of(world: &World<'_>, watch: &ReachWatch) -> Self {
        let asker = asker(world.cloud, watch);
        if let Some((code, name)) = gone(world.cloud, &asker, watch) {
            let message = super::words::gone(code, name);
            return Self {
                state: State::TargetGone,
                causes: vec![SeenCause {
                    code: code.to_owned(),
                    way: Way::Request,
                    objects: Vec::new(),
                    message,
                    full_message: None,
                }],
            };
        }
        let answer = ask(
            &World {
                actor: &asker,
                ..*world
            },
            &watch.question,
        );
        let reader = reader(world.cloud, watch);
        let causes = answer.blockers.iter();
        Self {
            state: match answer.is_reachable() {
                true => State::Reachable,
                false => State::Blocked,
            },
            causes: causes.map(|blocker| seen(world.cloud, &reader, blocker)).collect(),
        }
    }
}

/// What makes a cause the same, whatever things are called.
fn key(cause: &SeenCause) -> (&str, Way, Option<Uuid>) {
    (&cause.code, cause.way, cause.objects.first().map(|object| object.id))
}

/// A cause with its names, as members of the project may read them and as they are.
fn seen(cloud: &Cloud, reader: &Actor, blocker: &Blocker) -> SeenCause {
    let all = everything(reader);
    let objects = names::objects(cloud, &blocker.cause).into_iter();
    let message = words::cause(cloud, reader, blocker.code, &blocker.cause);
    let full = words::cause(cloud, &all, blocker.code, &blocker.cause);
    SeenCause {
        code: blocker.code.as_str(),
        way: blocker.way,
        objects: objects.map(|object| see(cloud, reader, object)).collect(),
        full_message: (full != message).then_some(full),
        message,
    }
}

/// A thing with its name.
pub(super) fn see(cloud: &Cloud, reader: &Actor, object: Object) -> SeenObject {
    let shown = object.named(cloud, reader);
    SeenObject {
        kind: object.kind().to_owned(),
        id: object.id(),
        name: object.named(cloud, &everything(reader)).name,
        is_shown: shown.id.is_some(),
    }
}

/// On whose behalf a watched path is asked about: whoever pinned it, as a member of its project.
fn asker(cloud: &Cloud, watch: &ReachWatch) -> Actor {
    let mut actor = reader(cloud, watch);
    actor.roles.insert("member".to_owned());
    if watch.by_admin {
        actor.roles.extend(["admin", "manager"].map(str::to_owned));
    }
    actor
}

/// A member of the path's project: what is told is told to all of them.
pub(super) fn reader(cloud: &Cloud, watch: &ReachWatch) -> Actor {
    let user = cloud.users.get(&watch.user_id);
    let project = cloud.projects.get(&watch.project_id);
    let default = || crate::DomainId::from("default");
    Actor {
        user_id: watch.user_id.clone(),
        user_domain_id: user.map_or_else(default, |user| user.domain_id.clone()),
        scope: Scope::Project {
            id: watch.project_id.clone(),
            domain_id: project.map_or_else(default, |project| project.domain_id.clone()),
        },
        roles: BTreeSet::from(["reader".to_owned()]),
    }
}

/// Whoever it is, as one who may see all names.
pub(super) fn everything(reader: &Actor) -> Actor {
    let mut actor = reader.clone();
    actor.roles.insert("admin".to_owned());
    actor
}

/// Which end of the path is gone, and what it was called.
fn gone<'a>(cloud: &Cloud, asker: &Actor, watch: &'a ReachWatch) -> Option<(&'static str, &'a str)> {
    if !target_is_there(cloud, asker, &watch.question) {
        return Some(("TARGET_GONE", &watch.to_name));
    }
    (!origin_is_there(cloud, asker, &watch.question)).then_some(("ORIGIN_GONE", watch.from_name.as_str()))
}

/// Whether the target is there for whoever asks.
pub(super) fn target_is_there(cloud: &Cloud, actor: &Actor, question: &Question) -> bool {
    match question.to {
        Target::Server { id } => server_is_there(cloud, actor, id),
        Target::Port { id } => is_there::<Port>(cloud, actor, &id),
        Target::FloatingIp { id } => is_there::<FloatingIp>(cloud, actor, &id),
        Target::Address { .. } => true,
    }
}

/// Whether the place it is asked from is there for whoever asks.
pub(super) fn origin_is_there(cloud: &Cloud, actor: &Actor, question: &Question) -> bool {
    match question.from {
        Origin::Server { id } => server_is_there(cloud, actor, id),
        Origin::Port { id } => is_there::<Port>(cloud, actor, &id),
        Origin::Router { id: Some(id) } => is_there::<Router>(cloud, actor, &id),
        Origin::Network { id: Some(id) } => is_there::<Network>(cloud, actor, &id),
        Origin::Outside { .. } | Origin::Host | Origin::Router { id: None } | Origin::Network { id: None } => true,
    }
}

fn is_there<R: Resource>(cloud: &Cloud, actor: &Actor, id: &R::Id) -> bool {
    cloud.find::<R>(id).is_some_and(|row| row.visible_to(cloud, actor))
}

fn server_is_there(cloud: &Cloud, actor: &Actor, id: crate::ServerId) -> bool {
    let found = cloud.servers.get(&id);
    found.is_some_and(|server| server.vm_state != VmState::Deleted && actor.can_see(&server.project_id))
}
