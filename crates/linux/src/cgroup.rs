//! Control groups, version 2: limits for a group of processes, and one handle to end them all.
//!
//! Hosts differ: some have no version 2, some ("hybrid") have it without controllers. Then groups
//! still work as a handle, and [`Cgroup::limit`] says which limits could not be set.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Controllers that we ask for.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// Limits of a group; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// CPU time in microseconds per 100 milliseconds (`cpu.max`).
    pub cpu_quota_us: Option<u64>,
    /// Share of CPU time under contention, 1 to 10000, 100 by default (`cpu.weight`).
    pub cpu_weight: Option<u32>,
    /// Bytes of memory (`memory.max`).
    pub memory_bytes: Option<u64>,
    /// Number of threads (`pids.max`).
    pub threads: Option<u64>,
}

/// What a group has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in microseconds.
    pub cpu_us: Option<u64>,
    /// Bytes of memory now.
    pub memory_bytes: Option<u64>,
    /// Number of threads now.
    pub threads: Option<u64>,
}

/// A control group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Where version 2 is mounted, if it is.
    pub fn mount_point() -> Option<PathBuf> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        mounts.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let path = fields.next()?;
            (fields.next()? == "cgroup2").then(|| PathBuf::from(path))
        })
    }

    /// Makes a group (and its parents) at a path relative to the mount point; one that is there
    /// already is taken over. Controllers are switched on along the way as far as the host has them.
    ///
    /// Fails with [`Error::Unavailable`] if the host has no cgroup version 2.
    pub fn create(relative: &str) -> Result<Self> {
        let root = Self::mount_point().ok_or_else(|| Error::Unavailable {
            what: "cgroup version 2".into(),
            why: "no cgroup2 filesystem is mounted".into(),
        })?;
        let mut path = root;
        for part in relative.split('/').filter(|p| !p.is_empty() && *p != "..") {
            for controller in CONTROLLERS {
                // Refused where the host lacks it; `limit` tells the caller.
                let _ = fs::write(path.join("cgroup.subtree_control"), format!("+{controller}"));
            }
            path.push(part);
            match fs::create_dir(&path) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::io(format!("create cgroup {}", path.display()), e));
                }
                _ => {}
            }
        }
        Ok(Self { path })
    }

    /// The group's directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets limits. Returns the controllers that this host lacks and that were asked for.
    pub fn limit(&self, limits: &Limits) -> Result<Vec<&'static str>> {
        let settings = [
            ("cpu", "cpu.max", limits.cpu_quota_us.map(|us| format!("{us} 100000"))),
            ("cpu", "cpu.weight", limits.cpu_weight.map(|w| w.to_string())),
            ("memory", "memory.max", limits.memory_bytes.map(|b| b.to_string())),
            ("pids", "pids.max", limits.threads.map(|n| n.to_string())),
        ];
        let mut missing = Vec::new();
        for (controller, file, value) in settings {
            let Some(value) = value else { continue };
            let path = self.path.join(file);
            if !path.exists() {
                if !missing.contains(&controller) {
                    missing.push(controller);
                }
                continue;
            }
            fs::write(&path, &value).map_err(|e| Error::io(format!("set {} to {value}", path.display()), e))?;
        }
        Ok(missing)
    }

    /// Moves a process into the group.
    pub fn add(&self, pid: u32) -> Result<()> {
        fs::write(self.path.join("cgroup.procs"), pid.to_string())
            .map_err(|e| Error::io(format!("move process {pid} to {}", self.path.display()), e))
    }

    /// The processes in the group.
    pub fn processes(&self) -> Result<Vec<u32>> {
        let text = fs::read_to_string(self.path.join("cgroup.procs"))
            .map_err(|e| Error::io(format!("list {}", self.path.display()), e))?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// What the group has used, as far as the host counts it.
    pub fn usage(&self) -> Usage {
        let number = |file: &str| -> Option<u64> { fs::read_to_string(self.path.join(file)).ok()?.trim().parse().ok() };
        let cpu = fs::read_to_string(self.path.join("cpu.stat")).ok();
        let cpu_us = cpu.and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok())
        });
        Usage {
            cpu_us,
            memory_bytes: number("memory.current"),
            threads: number("pids.current"),
        }
    }

    /// Ends every process of the group and of those below it.
    pub fn kill(&self) -> Result<()> {
        match fs::write(self.path.join("cgroup.kill"), "1") {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(format!("end the processes of {}", self.path.display()), e))
            }
            _ => Ok(()),
        }
    }

    /// Removes the group, which must be empty. False if there was none.
    pub fn remove(&self) -> Result<bool> {
        match fs::remove_dir(&self.path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io(format!("remove cgroup {}", self.path.display()), e)),
        }
    }
}
