//! Servers that are gone. Nova keeps their rows: lists by time of change tell of deletions, the action log can still be
//! read, and what a project used in a period counts them. Here one row holds a server as it last was together with its
//! log, for a time and up to a number; secrets and the guest's own data are not kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PowerState, Server, VmState};
use crate::cloud::{Lookups, Row};
use crate::compute::ServerAction;
use crate::{Actor, Cloud, Error, ProjectId, Result, ServerId, Timestamp, Tx};

/// How long a deleted server is remembered, seconds: 31 days, so that last month's usage can be told.
pub const KEEP_SECONDS: i64 = 31 * 86_400;

/// Deleted servers remembered of one project; of more, the oldest go.
pub const KEEP_OF_PROJECT: usize = 500;

/// At most so many outdated rows go along with one deletion, which keeps its transaction small.
const SWEEP: usize = 8;

/// A server as it last was, and its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedServer {
    /// The row, with vm_state `deleted` and without ports.
    pub server: Arc<Server>,
    /// Its log, oldest first.
    pub actions: Vec<Arc<ServerAction>>,
}

impl DeletedServer {
    fn ended_at(&self) -> Timestamp {
        self.server.terminated_at.unwrap_or(self.server.updated_at)
    }
}

impl Row for DeletedServer {
    type Id = ServerId;
    const KIND: &'static str = "deleted_server";
    crate::table!(DeletedServer, deleted_servers);
    fn id(&self) -> ServerId {
        self.server.id
    }
    fn not_found(id: &ServerId) -> Error {
        Server::not_found(id)
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        let entry = (self.ended_at(), self.server.id);
        lookups.deleted_servers_by_end.set((), entry, present);
        lookups
            .deleted_servers_by_project
            .set(self.server.project_id.clone(), entry, present);
    }
}

/// A deleted server, if the caller may see it.
///
/// # Errors
/// `InstanceNotFound`.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: ServerId) -> Result<Arc<DeletedServer>> {
    cloud
        .find::<DeletedServer>(&id)
        .filter(|deleted| actor.can_see(&deleted.server.project_id))
        .cloned()
        .ok_or_else(|| Server::not_found(&id))
}

/// The servers that are gone and remembered, of a project or of everyone.
pub fn gone<'a>(cloud: &'a Cloud, project: Option<&ProjectId>) -> Box<dyn Iterator<Item = &'a Arc<Server>> + 'a> {
    match project {
        Some(project) => {
            let entries = cloud.lookups.deleted_servers_by_project.of(project);
            let rows = entries.filter_map(|(_, id)| cloud.deleted_servers.get(id));
            Box::new(rows.map(|deleted| &deleted.server))
        }
        None => Box::new(cloud.deleted_servers.iter().map(|deleted| &deleted.server)),
    }
}

/// Remembers a server that goes now with the entries of its log, oldest first; forgets what is too old or too much.
pub(super) fn bury(tx: &mut Tx<'_>, server: &Server, actions: Vec<Arc<ServerAction>>) {
    let now = tx.now();
    let actions = actions.into_iter().map(|action| ended(action, now)).collect();
    let server = Server {
        vm_state: VmState::Deleted,
        task_state: None,
        power_state: PowerState::NoState,
        progress: 0,
        ports: Vec::new(),
        nic_tags: Default::default(),
        user_data: None,
        personality: Vec::new(),
        admin_pass: None,
        guest_password: None,
        random_seed: String::new(),
        updated_at: now,
        terminated_at: Some(now),
        ..server.clone()
    };
    let project = server.project_id.clone();
    tx.put(DeletedServer {
        server: Arc::new(server),
        actions,
    });
    let lookups = &tx.cloud().lookups;
    let oldest_kept = now.plus_seconds(-KEEP_SECONDS);
    let outdated = lookups.deleted_servers_by_end.of(&()).take(SWEEP);
    let mut leaving: Vec<ServerId> = outdated
        .filter(|(at, _)| *at < oldest_kept)
        .map(|(_, id)| *id)
        .collect();
    let surplus = lookups
        .deleted_servers_by_project
        .count(&project)
        .saturating_sub(KEEP_OF_PROJECT);
    let of_project = lookups.deleted_servers_by_project.of(&project);
    leaving.extend(of_project.take(surplus.min(SWEEP)).map(|(_, id)| *id));
    for id in leaving {
        tx.delete::<DeletedServer>(&id);
    }
}

/// The deletion is over with the server.
fn ended(action: Arc<ServerAction>, now: Timestamp) -> Arc<ServerAction> {
    let is_open = action.events.iter().any(|event| event.finish_time.is_none());
    if !is_open || action.action != "delete" {
        return action;
    }
    let mut action = ServerAction::clone(&action);
    action.updated_at = now;
    for event in action.events.iter_mut().filter(|event| event.finish_time.is_none()) {
        event.finish_time = Some(now);
        event.result = Some("Success".to_owned());
    }
    Arc::new(action)
}
