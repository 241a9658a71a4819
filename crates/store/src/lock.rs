//! One writer per state directory: an advisory lock on a small file that also tells who holds it.
//!
//! The kernel drops the lock when the holder dies, however it dies, so no stale lock can keep a cloud from starting. The
//! text inside is for people and for the message of the one who is refused.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::{LOCK_FILE, StoreError};

/// Holds the state directory as long as it lives.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    /// Closing the file gives the lock back.
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock without waiting.
    ///
    /// # Errors
    /// [`StoreError::InUse`] with the holder's pid when another process (or another store of this one) has it.
    pub(crate) fn acquire(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| StoreError::file("open the lock file", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    dir: dir.to_owned(),
                    pid: read_pid(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::file("lock", &path, error));
            }
        }
        // The words are a courtesy: a full disk must not keep a cloud from starting and being read.
        if let Err(error) = write_holder(&mut file) {
            tracing::warn!(file.path = %path.display(), %error, "Could not write the pid into the lock file");
        }
        Ok(Self { _file: file })
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(
        file,
        "{}\nThe process with this pid runs a Maru cloud from this directory, and holds a lock on this file while it lives.",
        std::process::id()
    )
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(256).read_to_string(&mut text).ok()?;
    text.lines().next()?.trim().parse().ok()
}
