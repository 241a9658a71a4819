//! The state directory as the commands see it: whose it is, whether a cloud runs from it, how that one was started.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// How the running (or last) cloud was started: what other commands need to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Where its API listens.
    pub listen: SocketAddr,
    /// By which URL it is reached.
    pub url: String,
    /// The certificate that it speaks HTTPS with, base64 of its DER; `None`: it speaks HTTP.
    #[serde(default)]
    pub certificate: Option<String>,
    /// The namespace that is its host.
    pub host_netns: Option<String>,
    /// `real` or `sim`.
    pub node: String,
    /// The program's version.
    pub version: String,
}

impl RunRecord {
    /// The address to connect to from this machine.
    pub fn local_address(&self) -> SocketAddr {
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        SocketAddr::new(ip, self.listen.port())
    }
}

/// A state directory.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

const RUN_RECORD: &str = "run.json";
const CLOUD_ID: &str = "cloud-id";
/// Holds the name of the host's namespace if we made it: it then goes with the cloud.
const MADE_NETNS: &str = "made-netns";

impl StateDir {
    /// The directory at this path, which need not be there.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path below it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes it. It can be passed through but not listed: servers' processes enter their own directories.
    pub fn make(&self) -> anyhow::Result<()> {
        let made = DirBuilder::new().recursive(true).mode(0o711).create(&self.path);
        made.with_context(|| format!("{} can't be made", self.path.display()))
    }

    /// Whether it is there and bears a cloud's signs.
    pub fn is_ours(&self) -> bool {
        [store::DB_FILE, CLOUD_ID, RUN_RECORD]
            .iter()
            .any(|name| self.join(name).exists())
    }

    /// The process that runs a cloud from here: the store's lock says that there is one, its file which.
    pub fn running_pid(&self) -> anyhow::Result<Option<u32>> {
        let path = self.join(store::LOCK_FILE);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} can't be read", path.display())),
        };
        match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("{}", path.display())),
        }
        let mut text = String::new();
        file.read_to_string(&mut text)
            .with_context(|| format!("{} can't be read", path.display()))?;
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
        pid.map(Some).with_context(|| {
            format!(
                "a cloud runs from {}, but its lock file does not say which process it is",
                self.path.display()
            )
        })
    }

    /// How the running (or last) cloud was started.
    pub fn run_record(&self) -> Option<RunRecord> {
        let text = std::fs::read_to_string(self.join(RUN_RECORD)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Notes how the cloud was started.
    pub fn write_run_record(&self, record: &RunRecord) -> anyhow::Result<()> {
        write_private(&self.join(RUN_RECORD), &serde_json::to_string_pretty(record)?)
    }

    /// The cloud's own mark on what it makes on this machine, if it was started once.
    pub fn cloud_id(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.join(CLOUD_ID)).ok()?;
        let id = text.trim();
        (!id.is_empty()).then(|| id.to_owned())
    }

    /// The same; made if there is none.
    pub fn ensure_cloud_id(&self) -> anyhow::Result<String> {
        if let Some(id) = self.cloud_id() {
            return Ok(id);
        }
        let id = random_hex()[..12].to_owned();
        write_private(&self.join(CLOUD_ID), &format!("{id}\n"))?;
        Ok(id)
    }

    /// The host's namespace, if this cloud made it.
    pub fn made_netns(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.join(MADE_NETNS)).ok()?;
        Some(text.trim().to_owned()).filter(|name| !name.is_empty())
    }

    /// Notes that the host's namespace is this cloud's; written before the namespace is made, so that it is never forgotten.
    pub fn write_made_netns(&self, name: &str) -> anyhow::Result<()> {
        write_private(&self.join(MADE_NETNS), &format!("{name}\n"))
    }
}

/// 32 random hexadecimal digits.
pub fn random_hex() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel's random source never fails once the machine is up");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("{} can't be written", path.display());
    let part = path.with_extension("part");
    // A part that a crash left may have any mode.
    let _ = std::fs::remove_file(&part);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    std::fs::rename(&part, path).with_context(cannot)?;
    if let Some(parent) = path.parent() {
        File::open(parent).and_then(|dir| dir.sync_all()).with_context(cannot)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn is_private(path: &Path) -> bool {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600
    }

    #[test]
    fn a_directory_without_a_cloud() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(&dir.path().join("none"));
        assert!(!state.is_ours() && state.running_pid().unwrap().is_none() && state.cloud_id().is_none());
        state.make().unwrap();
        assert!(!state.is_ours());
        let id = state.ensure_cloud_id().unwrap();
        assert_eq!((id.len(), state.ensure_cloud_id().unwrap()), (12, id));
        assert!(state.is_ours() && is_private(&state.join(CLOUD_ID)));
    }

    #[test]
    fn the_lock_tells_who_runs() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let store = store::Store::open(dir.path()).unwrap();
        assert_eq!(state.running_pid().unwrap(), Some(std::process::id()));
        drop(store);
        assert_eq!(state.running_pid().unwrap(), None);
    }

    #[test]
    fn the_run_record_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let record = RunRecord {
            listen: "0.0.0.0:5000".parse().unwrap(),
            url: "http://0.0.0.0:5000".into(),
            certificate: None,
            host_netns: Some("maru-demo".into()),
            node: "real".into(),
            version: "0.1.0".into(),
        };
        state.write_run_record(&record).unwrap();
        assert_eq!(state.run_record(), Some(record.clone()));
        assert_eq!(record.local_address().to_string(), "127.0.0.1:5000");
    }
}
