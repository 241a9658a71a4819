//! Nova's action log of a server (`os-instance-actions`).

use serde::{Deserialize, Serialize};

use std::sync::Arc;

use super::Server;
use crate::cloud::{Lookups, Row};
use crate::{ActionId, Actor, Cloud, Error, ProjectId, ServerId, Timestamp, Tx, UserId, VolumeId};

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
    /// The volume that grows. Such an entry ends with that, whatever else is asked of the server meanwhile.
    #[serde(default)]
    pub volume_id: Option<VolumeId>,
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
    volume_id: Option<VolumeId>,
}

impl ActionLog {
    /// Of an action that a host's report will end.
    pub fn new(action: &'static str, request_id: uuid::Uuid) -> Self {
        Self {
            action,
            request_id,
            at_once: false,
            volume_id: None,
        }
    }

    /// Of a volume in use that is to grow; [`finish_extension`] ends it.
    pub fn of_extension(volume: VolumeId, request_id: uuid::Uuid) -> Self {
        Self {
            volume_id: Some(volume),
            ..Self::new("extend_volume", request_id)
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
            volume_id: self.volume_id,
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
        "attach_interface" | "detach_interface" | "attach_volume" | "detach_volume" | "extend_volume" => {
            format!("compute_{action}")
        }
        "trigger_crash_dump" | "live-migration" => format!("compute_{}", action.replace('-', "_")),
        other => format!("compute_{other}_instance"),
    }
}

/// Ends the open steps of the newest action that waits for the server itself, with the fault if there is one.
pub fn finish(tx: &mut Tx<'_>, server: &Server, failed: bool) {
    let newest = of_server(tx.cloud(), server.id)
        .into_iter()
        .find(|action| action.volume_id.is_none())
        .cloned();
    let Some(action) = newest else { return };
    let failure = failed.then(|| server.fault.as_ref().map(|fault| fault.message.as_str()));
    end(tx, &action, failure);
}

/// Ends what a server's log says of a volume that is to grow; `failure`: why it did not.
pub(crate) fn finish_extension(tx: &mut Tx<'_>, server: ServerId, volume: VolumeId, failure: Option<&str>) {
    let log = of_server(tx.cloud(), server).into_iter();
    let waits = |action: &&Arc<ServerAction>| {
        action.volume_id == Some(volume) && action.events.iter().any(|event| event.finish_time.is_none())
    };
    for action in log.filter(waits).cloned().collect::<Vec<_>>() {
        end(tx, &action, failure.map(Some));
    }
}

/// Ends an action's open steps. `failure`: it failed, and why, if that is known.
fn end(tx: &mut Tx<'_>, action: &ServerAction, failure: Option<Option<&str>>) {
    let now = tx.now();
    let mut action = action.clone();
    for event in action.events.iter_mut().filter(|event| event.finish_time.is_none()) {
        event.finish_time = Some(now);
        event.result = Some(if failure.is_some() { "Error" } else { "Success" }.to_owned());
        event.details = failure.flatten().map(str::to_owned);
    }
    action.updated_at = now;
    if failure.is_some() {
        action.message = Some("Error".to_owned());
    }
    tx.put(action);
}
