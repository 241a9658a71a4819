//! What runs guests on this host, found out once for each boot of it.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use qemu::accelerator::{Trial, Verdict, kvm_group, probe};
use qemu::command_line::Accelerator;
use qemu::process::Credentials;
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::files;

const TRIAL_LIMIT: Duration = Duration::from_secs(3);
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Enough for small guests, and a quarter of what QEMU would take by itself.
const TRANSLATION_CACHE_MIB: u32 = 64;

/// What the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// KVM where guests really run on it, translation otherwise.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    /// Translation.
    Tcg,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    boot_id: String,
    qemu_changed: u64,
    kvm: bool,
    detail: String,
}

/// Finds out what to run guests with. The answer of a trial is kept in `acceleration.json` of the state directory until
/// the host is booted again or QEMU is replaced. `uid` is a number that QEMU may run under for the trial.
///
/// `Ok(Err(reason))`: the wish cannot be fulfilled.
///
/// # Errors
/// [`super::ServerError::File`] where the state directory cannot be used.
pub async fn choose(state_dir: &Path, qemu: &Path, uid: u32, wish: Wish) -> Result<Result<Accelerator, String>> {
    let translation = Accelerator::Tcg {
        translation_cache_mib: TRANSLATION_CACHE_MIB,
    };
    if wish == Wish::Tcg {
        return Ok(Ok(translation));
    }
    let verdict = verdict(state_dir, qemu, uid).await?;
    Ok(match verdict {
        Verdict::Kvm { cpu } => Ok(Accelerator::Kvm { cpu }),
        Verdict::Tcg { reason } if wish == Wish::Kvm => Err(reason),
        Verdict::Tcg { reason } => {
            tracing::info!("Guests run without hardware acceleration: {reason}");
            Ok(translation)
        }
    })
}

async fn verdict(state_dir: &Path, qemu: &Path, uid: u32) -> Result<Verdict> {
    let path = state_dir.join("acceleration.json");
    let known: Option<Remembered> = std::fs::read(&path)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    let (boot_id, qemu_changed) = (boot_id(), changed(qemu));
    if let Some(known) = known.filter(|known| known.boot_id == boot_id && known.qemu_changed == qemu_changed) {
        return Ok(match (known.kvm, known.detail.as_str()) {
            (true, "host") => Verdict::Kvm { cpu: "host" },
            (true, _) => Verdict::Kvm {
                cpu: "host,-arch-capabilities",
            },
            (false, _) => Verdict::Tcg { reason: known.detail },
        });
    }
    let directory = state_dir.join("trial");
    files::private_dir(&directory)?;
    files::give(&directory, uid, 0o700)?;
    let credentials = Credentials {
        uid,
        gid: uid,
        groups: kvm_group().into_iter().collect(),
    };
    let trial = Trial {
        program: qemu,
        directory: &directory,
        credentials: Some(credentials),
        limit: TRIAL_LIMIT,
    };
    let verdict = probe(&trial).await;
    // Whatever is left in it is removed with the state directory.
    let _ = std::fs::remove_dir_all(&directory);
    let (kvm, detail) = match &verdict {
        Verdict::Kvm { cpu } => (true, (*cpu).to_owned()),
        Verdict::Tcg { reason } => (false, reason.clone()),
    };
    let remembered = Remembered {
        boot_id,
        qemu_changed,
        kvm,
        detail,
    };
    files::write(&path, &serde_json::to_vec_pretty(&remembered).unwrap_or_default())?;
    Ok(verdict)
}

fn boot_id() -> String {
    std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned()
}

/// When a program was last replaced, in seconds since 1970; 0 if it is not there.
fn changed(program: &Path) -> u64 {
    let modified = std::fs::metadata(program).and_then(|metadata| metadata.modified()).ok();
    modified
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_answer_is_kept_until_the_next_boot() {
        let directory = tempfile::tempdir().unwrap();
        let qemu = Path::new("/usr/bin/qemu-system-x86_64");
        let first = choose(directory.path(), qemu, 1_999_999_999, Wish::Auto)
            .await
            .unwrap()
            .unwrap();
        let path = directory.path().join("acceleration.json");
        let mut kept: Remembered = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(kept.kvm, matches!(first, Accelerator::Kvm { .. }));
        // A false memory of this boot is believed, one of another boot is not.
        (kept.kvm, kept.detail) = (true, "host".into());
        std::fs::write(&path, serde_json::to_vec(&kept).unwrap()).unwrap();
        let second = choose(directory.path(), qemu, 1_999_999_999, Wish::Kvm).await.unwrap();
        assert_eq!(second, Ok(Accelerator::Kvm { cpu: "host" }));
        kept.boot_id = "another".into();
        std::fs::write(&path, serde_json::to_vec(&kept).unwrap()).unwrap();
        let third = choose(directory.path(), qemu, 1_999_999_999, Wish::Auto)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(third, first);
        let translated = choose(directory.path(), qemu, 1_999_999_999, Wish::Tcg)
            .await
            .unwrap()
            .unwrap();
        assert!(matches!(translated, Accelerator::Tcg { .. }));
    }
}
