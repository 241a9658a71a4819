//! Rights, devices, programs, kernel features, room.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use linux::cgroup::Cgroup;
use qemu::accelerator::{Trial, Verdict, kvm_group, probe};
use qemu::process::Credentials;

use super::Check;
use crate::lang::Lang;
use crate::output::{Mark, human_bytes};
use crate::settings::Settings;

const QEMU: &str = "/usr/bin/qemu-system-x86_64";
const QEMU_IMG: &str = "/usr/bin/qemu-img";
/// Below this a cloud runs full soon.
const DISK_WISH_BYTES: u64 = 5 << 30;
const MEMORY_WISH_BYTES: u64 = 2 << 30;
/// A trial guest greets within this on any host whose KVM works.
const TRIAL_LIMIT: Duration = Duration::from_secs(3);
/// A user number that no account has, for the trial (from the node's range for servers).
const TRIAL_UID: u32 = 1_900_000_000;

pub(super) async fn checks(settings: &Settings, lang: Lang) -> Vec<Check> {
    let is_root = rustix::process::geteuid().is_root();
    let mut checks = vec![rights(is_root, lang), tun(lang)];
    checks.extend(kernel(is_root, lang));
    checks.extend(programs(lang));
    checks.push(acceleration(is_root, lang).await);
    checks.push(control_groups(lang));
    checks.push(disk(settings, lang));
    checks.push(memory(lang));
    checks
}

fn rights(is_root: bool, lang: Lang) -> Check {
    if is_root {
        return Check::new("root", Mark::Ok, lang.is_root());
    }
    Check::new("root", Mark::Fail, lang.is_not_root()).fix("sudo maru doctor")
}

fn tun(lang: Lang) -> Check {
    match OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Check::new("tun", Mark::Ok, lang.tun_ok()),
        Err(error) => Check::new("tun", Mark::Fail, lang.tun_missing(error)).fix("modprobe tun"),
    }
}

fn kernel(is_root: bool, lang: Lang) -> Vec<Check> {
    if !is_root {
        return vec![Check::new("kernel", Mark::Unknown, lang.kernel_needs_root())];
    }
    let capabilities = match linux::host::capabilities() {
        Ok(capabilities) => capabilities,
        Err(error) => {
            return vec![Check::new("kernel", Mark::Fail, lang.kernel_trial_failed(chain(&error))).fix("dmesg | tail")];
        }
    };
    let nft = match capabilities.nftables {
        Ok(()) => Check::new("nftables", Mark::Ok, lang.nft_ok()),
        Err(error) => Check::new("nftables", Mark::Fail, lang.nft_missing(error))
            .fix("apt-get install libnftables1 && modprobe nf_tables"),
    };
    let tap = if capabilities.tap {
        Check::new("tap", Mark::Ok, lang.tap_ok())
    } else {
        Check::new("tap", Mark::Fail, lang.tap_missing()).fix("modprobe tun")
    };
    let trunks = match capabilities.programs {
        Ok(()) => Check::new("trunks", Mark::Ok, lang.trunks_ok()),
        Err(error) => Check::new("trunks", Mark::Warn, lang.trunks_missing(error)).fix("modprobe cls_bpf"),
    };
    vec![nft, tap, trunks]
}

fn programs(lang: Lang) -> Vec<Check> {
    let wanted = [("qemu", QEMU, "qemu-system-x86"), ("qemu-img", QEMU_IMG, "qemu-utils")];
    wanted
        .into_iter()
        .map(|(name, path, package)| {
            if Path::new(path).exists() {
                Check::new(name, Mark::Ok, lang.program_ok(path))
            } else {
                Check::new(name, Mark::Fail, lang.program_missing(path)).fix(format!("apt-get install {package}"))
            }
        })
        .collect()
}

async fn acceleration(is_root: bool, lang: Lang) -> Check {
    const NAME: &str = "acceleration";
    if !Path::new(QEMU).exists() {
        return Check::new(NAME, Mark::Unknown, lang.no_trial());
    }
    match verdict(is_root).await {
        Ok(Verdict::Kvm { cpu }) => Check::new(NAME, Mark::Ok, lang.kvm_ok(cpu)),
        Ok(Verdict::Tcg { reason }) => Check::new(NAME, Mark::Warn, lang.kvm_missing(reason)),
        Err(error) => Check::new(NAME, Mark::Unknown, lang.trial_failed(error)),
    }
}

/// Runs the trial guest in a directory of its own, as an unprivileged user where that can be.
async fn verdict(is_root: bool) -> std::io::Result<Verdict> {
    let directory = std::env::temp_dir().join(format!("maru-doctor-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let credentials = if is_root {
        std::os::unix::fs::chown(&directory, Some(TRIAL_UID), Some(TRIAL_UID))?;
        Some(Credentials {
            uid: TRIAL_UID,
            gid: TRIAL_UID,
            groups: kvm_group().into_iter().collect(),
        })
    } else {
        None
    };
    let verdict = probe(&Trial {
        program: Path::new(QEMU),
        directory: &directory,
        credentials,
        limit: TRIAL_LIMIT,
    })
    .await;
    std::fs::remove_dir_all(&directory)?;
    Ok(verdict)
}

fn control_groups(lang: Lang) -> Check {
    match Cgroup::mount_point() {
        Some(_) => Check::new("cgroup", Mark::Ok, lang.cgroup_ok()),
        None => Check::new("cgroup", Mark::Warn, lang.cgroup_missing()).fix("mount -t cgroup2 cgroup2 /sys/fs/cgroup"),
    }
}

fn disk(settings: &Settings, lang: Lang) -> Check {
    let path = settings.state_dir.as_path();
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match linux::host::disk(existing) {
        Ok(disk) if disk.free_bytes >= DISK_WISH_BYTES => Check::new(
            "disk",
            Mark::Ok,
            lang.disk_ok(human_bytes(disk.free_bytes), path.display()),
        ),
        Ok(disk) => Check::new(
            "disk",
            Mark::Warn,
            lang.disk_low(human_bytes(disk.free_bytes), path.display()),
        )
        .fix(lang.use_other_state_dir()),
        Err(error) => Check::new("disk", Mark::Unknown, chain(&error)),
    }
}

fn memory(lang: Lang) -> Check {
    match linux::host::facts() {
        Ok(facts) => {
            let free = human_bytes(facts.memory_available_bytes);
            if facts.memory_available_bytes >= MEMORY_WISH_BYTES {
                Check::new("memory", Mark::Ok, lang.memory_ok(free))
            } else {
                Check::new("memory", Mark::Warn, lang.memory_low(free))
            }
        }
        Err(error) => Check::new("memory", Mark::Unknown, chain(&error)),
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
