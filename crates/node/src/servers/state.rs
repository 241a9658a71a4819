//! What the host must remember of a server beyond its configuration, and which numbers its users have.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::error::{Result, ServerError};
use super::files;

/// A server's own facts, in `state.json` of its directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerState {
    /// The number that its QEMU runs under as user and group.
    pub uid: u32,
    /// The last hard reboot done.
    pub hard_reboots: u64,
    /// The last soft reboot done.
    pub soft_reboots: u64,
    /// Its guest shut itself down, and nobody asked for a start since.
    pub off_by_guest: bool,
    /// Name of the base image that its root disk stands on.
    pub base: Option<String>,
    /// Name of the base image that its rescue disk stands on.
    #[serde(default)]
    pub rescue_base: Option<String>,
    /// Its machine has a screen; those that were started before there were consoles have none.
    #[serde(default)]
    pub screen: bool,
    /// The last rebuild done.
    #[serde(default)]
    pub rebuilds: u64,
    /// The resize whose copies of the disks are kept; 0 for none.
    #[serde(default)]
    pub trial: u64,
    /// The last resize that was taken back.
    #[serde(default)]
    pub reverted: u64,
}

impl ServerState {
    /// Reads it. `None` if there is none or it is not readable as such: the server's directory is then as good as new.
    ///
    /// # Errors
    /// [`ServerError::File`].
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ServerError::file("read", path)(error)),
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`ServerError::File`], [`ServerError::DiskFull`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        files::write(path, &text)
    }
}

/// The numbers that servers' users have.
#[derive(Debug)]
pub struct UserIds {
    first: u32,
    count: u32,
    taken: Mutex<BTreeSet<u32>>,
}

impl UserIds {
    /// Numbers from `first` on.
    pub fn new(first: u32, count: u32) -> Self {
        Self {
            first,
            count,
            taken: Mutex::default(),
        }
    }

    /// Marks a number as in use.
    pub fn take(&self, uid: u32) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(uid);
    }

    /// The lowest free number, now in use.
    ///
    /// # Errors
    /// [`ServerError::NoUserId`].
    pub fn allocate(&self) -> Result<u32> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut range = self.first..self.first.saturating_add(self.count);
        let uid = range.find(|uid| !taken.contains(uid)).ok_or(ServerError::NoUserId)?;
        taken.insert(uid);
        Ok(uid)
    }

    /// A number is free again: nothing runs under it and no file belongs to it.
    pub fn release(&self, uid: u32) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_shared() {
        let ids = UserIds::new(100, 3);
        ids.take(101);
        assert_eq!(ids.allocate().unwrap(), 100);
        assert_eq!(ids.allocate().unwrap(), 102);
        assert!(matches!(ids.allocate(), Err(ServerError::NoUserId)));
        ids.release(101);
        assert_eq!(ids.allocate().unwrap(), 101);
    }

    #[test]
    fn state_survives_and_nonsense_does_not_hurt() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        assert_eq!(ServerState::read(&path).unwrap(), None);
        let state = ServerState {
            uid: 7,
            hard_reboots: 1,
            soft_reboots: 2,
            off_by_guest: true,
            base: Some("b".into()),
            rescue_base: None,
            screen: true,
            rebuilds: 3,
            trial: 2,
            reverted: 1,
        };
        state.write(&path).unwrap();
        assert_eq!(ServerState::read(&path).unwrap(), Some(state));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(ServerState::read(&path).unwrap(), None);
    }
}
