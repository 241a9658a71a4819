//! Nova's action log of a server (`os-instance-actions`).

use serde::{Deserialize, Serialize};

use crate::cloud::{Lookups, Row};
use crate::{ActionId, Error, ProjectId, ServerId, Timestamp, UserId};

/// One thing that was asked of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerAction {
    /// The UUID of the request id (`req-<uuid>`).
    pub id: ActionId,
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
