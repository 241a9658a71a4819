//! Nova's action log of a server (`os-instance-actions`).

use serde::{Deserialize, Serialize};

use std::sync::Arc;

use super::Server;
use crate::cloud::{Lookups, Row};
use crate::{ActionId, Actor, Cloud, Error, ProjectId, ServerId, Timestamp, Tx, UserId};

/// Entries kept of one server: the first (its creation) and the newest. They go with it in one transaction.
const LOG_LIMIT: usize = 60;

/// One thing that was asked of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerAction {
    /// Its own id: one request may act on several servers.
    pub id: ActionId,
    /// The UUID of the request id (`req-<uuid>`).
    pub request_id: uuid::Uuid,
    /// The server.
    pub server_id: ServerId,
    /// `create`, `reboot`, `stop` …
    pub action: String,
    /// Who asked.
    pub user_id: UserId,
    /// In which project.
    pub project_id: ProjectId,
    /// When.
    pub started_at: Timestamp,
    /// When the last step ended.
    pub updated_at: Timestamp,
    /// `Error`, if it failed.
    pub message: Option<String>,
    /// Its steps.
    pub events: Vec<ActionEvent>,
}

/// One step of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionEvent {
    /// Nova's name of the step (`compute__do_build_and_run_instance`).
    pub event: String,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended.
    pub finish_time: Option<Timestamp>,
    /// `Success` or `Error`.
    pub result: Option<String>,
    /// The host it ran on.
    pub host: Option<String>,
    /// For the user, when it failed.
    pub details: Option<String>,
}

impl Row for ServerAction {
    type Id = ActionId;
    const KIND: &'static str = "server_action";
    crate::table!(ServerAction, server_actions);
    fn id(&self) -> ActionId {
        self.id
    }
    fn not_found(id: &ActionId) -> Error {
        Error::not_found(
            "InstanceActionNotFound",
            format!("Action for request_id req-{id} not found"),
        )
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups
            .actions_by_server
            .set(self.server_id, (self.started_at, self.id), present);
    }
}

/// A server's log, newest first.
pub fn of_server(cloud: &Cloud, server: ServerId) -> Vec<&Arc<ServerAction>> {
    let ids = cloud.lookups.actions_by_server.of(&server);
    let mut actions: Vec<_> = ids.filter_map(|(_, id)| cloud.server_actions.get(id)).collect();
    actions.reverse();
    actions
}

/// An entry being made.
pub struct ActionLog {
    action: &'static str,
    request_id: uuid::Uuid,
    at_once: bool,
}

impl ActionLog {
    /// Of an action that a host's report will end.
    pub fn new(action: &'static str, request_id: uuid::Uuid) -> Self {
        Self {
            action,
            request_id,
            at_once: false,
        }
    }

    /// It is done with the request.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    /// Enters it; the server may be one whose row is not put yet. Beyond [`LOG_LIMIT`] the oldest but the first goes.
    pub fn record(self, tx: &mut Tx<'_>, actor: &Actor, server: &Server) {
        let now = tx.now();
        let failed = server.fault.as_ref().filter(|_| server.host.is_none());
        let done = self.at_once || failed.is_some();
        let event = ActionEvent {
            event: event_name(self.action),
            start_time: now,
            finish_time: done.then_some(now),
            result: done.then(|| if failed.is_some() { "Error" } else { "Success" }.to_owned()),
            host: server.host.as_ref().map(ToString::to_string),
            details: failed.map(|fault| fault.message.clone()),
        };
        let id = tx.new_id();
        tx.put(ServerAction {
            id,
            request_id: self.request_id,
            server_id: server.id,
            action: self.action.to_owned(),
            user_id: actor.user_id.clone(),
            project_id: actor.project_id().unwrap_or(&server.project_id).clone(),
            started_at: now,
            updated_at: now,
            message: failed.map(|_| "Error".to_owned()),
            events: vec![event],
        });
        let log = &tx.cloud().lookups.actions_by_server;
        let oldest = log.of(&server.id).nth(1).copied();
        let is_full = log.count(&server.id) > LOG_LIMIT;
        if let Some((_, oldest)) = oldest.filter(|_| is_full) {
            tx.delete::<ServerAction>(&oldest);
        }
    }
}

/// Nova's name of an action's step.
fn event_name(action: &str) -> String {
    match action {
        "create" => "compute__do_build_and_run_instance".to_owned(),
        "delete" => "compute_terminate_instance".to_owned(),
        "attach_interface" | "detach_interface" | "attach_volume" | "detach_volume" => format!("compute_{action}"),
        "trigger_crash_dump" | "live-migration" => format!("compute_{}", action.replace('-', "_")),
        other => format!("compute_{other}_instance"),
    }
}

/// Ends the newest action's open steps, with the fault if there is one.
pub fn finish(tx: &mut Tx<'_>, server: &Server, failed: bool) {
    let now = tx.now();
    let newest = tx
        .cloud()
        .lookups
        .actions_by_server
        .of(&server.id)
        .last()
        .map(|(_, id)| *id);
    let Some(action) = newest.and_then(|id| tx.cloud().server_actions.get(&id).cloned()) else {
        return;
    };
    let mut action = ServerAction::clone(&action);
    for event in action.events.iter_mut().filter(|event| event.finish_time.is_none()) {
        event.finish_time = Some(now);
        event.result = Some(if failed { "Error" } else { "Success" }.to_owned());
        event.details = server
            .fault
            .as_ref()
            .filter(|_| failed)
            .map(|fault| fault.message.clone());
    }
    action.updated_at = now;
    if failed {
        action.message = Some("Error".to_owned());
    }
    tx.put(action);
}
