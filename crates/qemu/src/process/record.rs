//! The record of a process: which boot of the host, which id, started when.

use std::fs;
use std::io;
use std::path::Path;

use crate::{Error, Result};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What identifies a process for as long as the host is up. Ids are used again; an id with a start time is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRecord {
    /// Process id.
    pub pid: i32,
    /// Clock ticks between the host's boot and the process's start.
    pub start_time_ticks: u64,
}

impl ProcessRecord {
    /// The first line of a new record; the child appends its own line of `/proc/self/stat`.
    pub(super) fn header() -> Result<String> {
        fs::read_to_string(BOOT_ID).map_err(Error::file("read", BOOT_ID))
    }

    /// Reads a record. `None` if there is none, it is incomplete, or the host was booted since.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", path)(error)),
        };
        let Some((boot_id, stat)) = text.split_once('\n') else {
            return Ok(None);
        };
        if boot_id != Self::header()?.trim_end() {
            return Ok(None);
        }
        Ok(parse_stat(stat))
    }

    /// Whether this very process still runs. One that has ended and only waits to be reaped does not.
    pub(super) fn is_alive(&self) -> Result<bool> {
        let path = format!("/proc/{}/stat", self.pid);
        match fs::read_to_string(&path) {
            Ok(stat) => Ok(parse_stat(&stat).as_ref() == Some(self) && !is_zombie(&stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            // The process ended between the open and the read.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
            Err(error) => Err(Error::file("read", path)(error)),
        }
    }
}

/// Fields of `/proc/<pid>/stat` after the name, which is in brackets and may hold anything (proc_pid_stat(5)).
fn fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(") ")?.1.split_whitespace())
}

fn parse_stat(stat: &str) -> Option<ProcessRecord> {
    let pid = stat.split_whitespace().next()?.parse().ok()?;
    // Field 22 of the line; the first after the name is field 3.
    let start_time_ticks = fields(stat)?.nth(22 - 3)?.parse().ok()?;
    Some(ProcessRecord { pid, start_time_ticks })
}

fn is_zombie(stat: &str) -> bool {
    fields(stat)
        .and_then(|mut fields| fields.next())
        .is_some_and(|state| matches!(state, "Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines_with_odd_names() {
        let rest = "S 1 9 9 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 123456 7 8";
        for name in ["qemu", "a b) c", ") S 1 (", ""] {
            let record = parse_stat(&format!("42 ({name}) {rest}"));
            assert_eq!(
                record,
                Some(ProcessRecord {
                    pid: 42,
                    start_time_ticks: 123_456
                }),
                "{name}"
            );
        }
        for broken in ["", "42", "42 (qemu", "42 (qemu) S 1 2"] {
            assert_eq!(parse_stat(broken), None);
        }
        assert!(is_zombie("42 (qemu) Z 1"));
    }

    #[test]
    fn records_of_another_boot_do_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("record");
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        fs::write(&path, format!("{}{stat}", ProcessRecord::header().unwrap())).unwrap();
        let record = ProcessRecord::read(&path).unwrap().unwrap();
        assert_eq!(record.pid.unsigned_abs(), std::process::id());
        assert!(record.is_alive().unwrap());
        fs::write(&path, format!("00000000-0000-0000-0000-000000000000\n{stat}")).unwrap();
        assert_eq!(ProcessRecord::read(&path).unwrap(), None);
        fs::write(&path, ProcessRecord::header().unwrap()).unwrap();
        assert_eq!(ProcessRecord::read(&path).unwrap(), None);
        assert_eq!(ProcessRecord::read(&directory.path().join("none")).unwrap(), None);
    }
}
