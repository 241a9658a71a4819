//! One writer per state directory: an advisory lock on a small file that also tells who holds it.
//!
//! The kernel drops the lock when the holder dies, however it dies, so no stale lock can keep a cloud from starting. Only a
//! child that was about to become another program may hold a dead process's lock for a moment longer: that is waited for.
//! The text inside is for people and for the message of the one who is refused.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{LOCK_FILE, StoreError};

/// How long a lock may outlive its holder.
const AFTERLIFE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Holds the state directory as long as it lives.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    /// Closing the file gives the lock back.
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock. A living holder isn't waited for.
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
        let deadline = Instant::now() + AFTERLIFE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let pid = read_pid(&mut file);
                    if pid.is_none_or(is_alive) || Instant::now() > deadline {
                        return Err(StoreError::InUse {
                            dir: dir.to_owned(),
                            pid,
                        });
                    }
                    std::thread::sleep(LOOK_AGAIN);
                }
                Err(TryLockError::Error(error)) => {
                    return Err(StoreError::file("lock", &path, error));
                }
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
    file.rewind().ok()?;
    file.take(256).read_to_string(&mut text).ok()?;
    text.lines().next()?.trim().parse().ok()
}

/// Whether a process runs; one that has ended and only waits to be noticed does not.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // The state follows the name, which stands in brackets and may hold any.
    let state = stat.ok().and_then(|text| text.rsplit_once(") ")?.1.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another open file of the lock, as a child of a dead process has it, with the pid of the dead one.
    fn of_the_dead(dir: &Path) -> File {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let path = dir.join(LOCK_FILE);
        std::fs::write(&path, format!("{}\n", child.id())).unwrap();
        let file = File::options().read(true).write(true).open(path).unwrap();
        file.try_lock().unwrap();
        file
    }

    #[test]
    fn the_lock_of_the_dead_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = of_the_dead(dir.path());
        let freed = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            drop(file);
        });
        let lock = DirectoryLock::acquire(dir.path()).unwrap();
        freed.join().unwrap();
        // A living one's is not.
        let refused = DirectoryLock::acquire(dir.path()).unwrap_err();
        assert!(matches!(refused, StoreError::InUse { pid: Some(pid), .. } if pid == std::process::id()));
        drop(lock);
    }
}
