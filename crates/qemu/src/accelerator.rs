//! Whether guests really run on KVM here.
//!
//! That `/dev/kvm` opens proves nothing: there are hosts (virtual machines without nested virtualisation, with KVM's
//! paravirtual mode) on which a guest is correct and a hundred times slower than under translation. So a trial guest has
//! to compute something and greet within a deadline.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::boot_sector::create_boot_disk;
use crate::command_line::{Accelerator, Boot, DeviceId, Disk, DiskFormat, FileSource, Machine};
use crate::process::{self, Credentials, Launch};
use crate::{Error, Result};

const KVM: &str = "/dev/kvm";
/// Loaded where KVM runs guests without hardware help; ordinary guest kernels are then emulated.
const PVM_MODULE: &str = "/sys/module/kvm_pvm";
/// About 0.02 s on a processor, minutes in the kernel's instruction emulator.
const TRIAL_LOOPS: u32 = 1 << 26;
const GREETING: &str = "trial guest ran\n";
/// CPU models to try, in this order. Some nested hosts refuse to set the register behind the second one's exception.
const CPU_MODELS: [&str; 2] = ["host", "host,-arch-capabilities"];

/// What the trial found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Guests run on KVM with this CPU model.
    Kvm {
        /// For [`Accelerator::Kvm`].
        cpu: &'static str,
    },
    /// Guests must be translated.
    Tcg {
        /// Why, for the log and for `doctor`.
        reason: String,
    },
}

/// How to try.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    /// QEMU's program.
    pub program: &'a Path,
    /// An existing directory for the trial's files, which are removed again. Its owner must be `credentials`.
    pub directory: &'a Path,
    /// The user that guests run as.
    pub credentials: Option<Credentials>,
    /// How long the trial guest may take. 3 s suffices on a real host.
    pub limit: Duration,
}

/// The group that may open `/dev/kvm`, for [`Credentials::groups`]. `None` where there is none or all may.
pub fn kvm_group() -> Option<u32> {
    let metadata = std::fs::metadata(KVM).ok()?;
    let (group_may, others_may) = (metadata.mode() & 0o060 == 0o060, metadata.mode() & 0o006 == 0o006);
    (group_may && !others_may).then(|| metadata.gid())
}

/// Finds out whether guests run on KVM. Takes up to twice the limit; keep the answer for as long as the host is up.
pub async fn probe(trial: &Trial<'_>) -> Verdict {
    match hint() {
        Some(reason) => Verdict::Tcg { reason },
        None => try_guests(trial).await,
    }
}

/// Cheap reasons against a trial.
fn hint() -> Option<String> {
    match OpenOptions::new().read(true).write(true).open(KVM) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Some(format!("{KVM} does not exist"));
        }
        Err(error) => return Some(format!("{KVM} cannot be opened: {error}")),
        Ok(_) => {}
    }
    Path::new(PVM_MODULE)
        .exists()
        .then(|| "KVM runs in its paravirtual mode here, which ordinary guests do not support".into())
}

async fn try_guests(trial: &Trial<'_>) -> Verdict {
    let mut reason = String::new();
    for cpu in CPU_MODELS {
        match run_trial(trial, Accelerator::Kvm { cpu }).await {
            Ok(()) => return Verdict::Kvm { cpu },
            // A guest that ran and was too slow is as slow with another CPU model.
            Err(error @ Error::NoGreeting { .. }) => {
                return Verdict::Tcg {
                    reason: error.to_string(),
                };
            }
            Err(error) => reason = error.to_string(),
        }
    }
    Verdict::Tcg { reason }
}

/// Runs the trial guest once on this accelerator.
///
/// # Errors
/// Whatever kept the guest from greeting in time.
pub async fn run_trial(trial: &Trial<'_>, accelerator: Accelerator) -> Result<()> {
    let files = TrialFiles {
        directory: trial.directory,
    };
    files.clear();
    let disk = files.path("disk");
    create_boot_disk(&disk, TRIAL_LOOPS, GREETING)?;
    open_to_trial(&disk)?;
    let machine = machine(accelerator)?;
    let launch = Launch {
        program: trial.program,
        arguments: machine.arguments()?,
        directory: trial.directory,
        credentials: trial.credentials.clone(),
        stderr: files.path("stderr"),
        record: files.path("record"),
        inherited: &[],
        cgroup_procs: None,
    };
    let deadline = Instant::now() + trial.limit;
    let started = process::start(&launch, &files.path("monitor"), trial.limit).await?;
    let greeted = greeted(&files.path("console"), deadline).await;
    started.process.kill().await?;
    if greeted {
        return Ok(());
    }
    Err(Error::NoGreeting { limit: trial.limit })
}

fn open_to_trial(disk: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let readable = std::fs::Permissions::from_mode(0o444);
    std::fs::set_permissions(disk, readable).map_err(Error::file("change the mode of", disk))
}

fn machine(accelerator: Accelerator) -> Result<Machine> {
    let file = FileSource::Path("trial-disk".into());
    let mut disk = Disk::new(DeviceId::new("disk")?, DiskFormat::Raw, file);
    disk.read_only = true;
    disk.boot_index = Some(1);
    Ok(Machine {
        name: "trial".into(),
        uuid: "00000000-0000-4000-8000-000000000000".into(),
        accelerator,
        vcpus: 1,
        memory_mib: 32,
        smbios: None,
        boot: Boot::Disk,
        disks: vec![disk],
        nics: vec![],
        console_log: "trial-console".into(),
        console_socket: None,
        monitor_socket: "trial-monitor".into(),
        vnc_socket: None,
        random_device: false,
        balloon: false,
        start_paused: false,
        incoming: None,
    })
}

async fn greeted(console: &Path, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        let text = std::fs::read(console).unwrap_or_default();
        if String::from_utf8_lossy(&text).contains(GREETING.trim_end()) {
            return true;
        }
        sleep(Duration::from_millis(20)).await;
    }
    false
}

/// The trial's files, removed when it ends.
struct TrialFiles<'a> {
    directory: &'a Path,
}

impl TrialFiles<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("trial-{name}"))
    }

    fn clear(&self) {
        for name in ["disk", "stderr", "record", "monitor", "console"] {
            // Not there is what we want.
            let _ = std::fs::remove_file(self.path(name));
        }
    }
}

impl Drop for TrialFiles<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(directory: &Path) -> Trial<'_> {
        let program = Path::new("/usr/bin/qemu-system-x86_64");
        Trial {
            program,
            directory,
            credentials: None,
            limit: Duration::from_secs(60),
        }
    }

    #[tokio::test]
    async fn the_trial_guest_greets_under_translation() {
        let directory = tempfile::tempdir().unwrap();
        let accelerator = Accelerator::Tcg {
            translation_cache_mib: 16,
        };
        run_trial(&trial(directory.path()), accelerator).await.unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    /// On a host whose KVM does not run guests the answer is TCG with a reason, never an error and never a hang.
    #[tokio::test]
    async fn the_probe_always_answers() {
        let directory = tempfile::tempdir().unwrap();
        let trial = Trial {
            limit: Duration::from_secs(3),
            ..trial(directory.path())
        };
        match probe(&trial).await {
            Verdict::Kvm { cpu } => assert!(CPU_MODELS.contains(&cpu)),
            Verdict::Tcg { reason } => assert!(!reason.is_empty()),
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    /// Where `/dev/kvm` exists, the trial itself must agree with the hint: no hint is needed for a right answer.
    #[tokio::test]
    async fn the_trial_agrees_with_the_hint() {
        if !Path::new(KVM).exists() || !Path::new(PVM_MODULE).exists() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let trial = Trial {
            limit: Duration::from_secs(2),
            ..trial(directory.path())
        };
        assert!(matches!(try_guests(&trial).await, Verdict::Tcg { .. }));
    }
}
