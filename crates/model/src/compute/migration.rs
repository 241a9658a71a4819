//! Nova's log of migrations (`os-migrations`). On one host the only ones that come to anything are resizes, from the host to
//! itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Server;
use crate::cloud::{Lookups, Row};
use crate::{Actor, Error, FlavorId, HostId, ProjectId, ServerId, Timestamp, Tx, UserId};

/// Entries kept of one server; of more, the oldest goes.
const KEEP_OF_SERVER: usize = 20;

/// How far a migration is (Nova's words).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationStatus {
    /// Under way.
    Migrating,
    /// Done, and waiting for a word whether that stays.
    Finished,
    /// It stays.
    Confirmed,
    /// Being taken back.
    Reverting,
    /// Taken back.
    Reverted,
    /// It failed.
    Error,
}

impl MigrationStatus {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Migrating => "migrating",
            Self::Finished => "finished",
            Self::Confirmed => "confirmed",
            Self::Reverting => "reverting",
            Self::Reverted => "reverted",
            Self::Error => "error",
        }
    }
}

/// What kind of migration it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationKind {
    /// To another size.
    #[default]
    Resize,
    /// To another host, while it runs.
    Live,
}

impl MigrationKind {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resize => "resize",
            Self::Live => "live-migration",
        }
    }
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Its number: they count up over the whole cloud.
    pub id: u64,
    /// Its other name (microversion 2.59).
    pub uuid: uuid::Uuid,
    /// The server.
    pub server_id: ServerId,
    /// Who asked.
    pub user_id: UserId,
    /// In which project.
    pub project_id: ProjectId,
    /// The host.
    pub host: HostId,
    /// The flavor before.
    pub old_flavor: FlavorId,
    /// The flavor after.
    pub new_flavor: FlavorId,
    /// Its kind.
    #[serde(default)]
    pub kind: MigrationKind,
    /// How far it is.
    pub status: MigrationStatus,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Row for Migration {
    type Id = u64;
    const KIND: &'static str = "migration";
    crate::table!(Migration, migrations);
    fn id(&self) -> u64 {
        self.id
    }
    fn not_found(id: &u64) -> Error {
        Error::not_found("MigrationNotFound", format!("Migration {id} could not be found."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.migrations_by_server.set(self.server_id, self.id, present);
    }
}

/// Enters a migration that begins; gives its number.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    actor: &Actor,
    server: &Server,
    host: &HostId,
    new_flavor: &FlavorId,
    kind: MigrationKind,
) -> u64 {
    let of_server = &tx.cloud().lookups.migrations_by_server;
    if of_server.count(&server.id) >= KEEP_OF_SERVER
        && let Some(oldest) = of_server.first(&server.id).copied()
    {
        tx.delete::<Migration>(&oldest);
    }
    let id = tx.cloud().migrations.last_id().map_or(1, |last| last + 1);
    let (uuid, now) = (tx.new_id(), tx.now());
    tx.put(Migration {
        id,
        uuid,
        server_id: server.id,
        user_id: actor.user_id.clone(),
        project_id: actor.project_id().unwrap_or(&server.project_id).clone(),
        host: host.clone(),
        old_flavor: server.flavor.id.clone(),
        new_flavor: new_flavor.clone(),
        kind,
        status: MigrationStatus::Migrating,
        created_at: now,
        updated_at: now,
    });
    id
}

/// Notes how far it is; nothing happens when its entry is gone.
pub(crate) fn note(tx: &mut Tx<'_>, id: u64, status: MigrationStatus) {
    let Some(known) = tx.cloud().migrations.get(&id).map(|row| Migration::clone(row)) else {
        return;
    };
    let updated_at = tx.now();
    tx.put(Migration {
        status,
        updated_at,
        ..known
    });
}

/// Forgets those of a server that is gone.
pub(crate) fn forget(tx: &mut Tx<'_>, server: ServerId) {
    let ids: Vec<u64> = tx.cloud().lookups.migrations_by_server.of(&server).copied().collect();
    for id in ids {
        tx.delete::<Migration>(&id);
    }
}

/// All of them that are wanted, newest first.
pub fn list(cloud: &crate::Cloud, wanted: impl Fn(&Migration) -> bool) -> Vec<Arc<Migration>> {
    let mut all: Vec<_> = cloud.migrations.iter().filter(|row| wanted(row)).cloned().collect();
    all.reverse();
    all
}
