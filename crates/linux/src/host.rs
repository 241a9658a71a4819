//! What this host is and can do: read-only facts, and a trial of kernel features.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::bpf::Program;
use crate::netlink::Rtnl;
use crate::nft::Nft;
use crate::{Error, Netns, Result};

/// Index of the loopback device, the same in every namespace.
const LOOPBACK: u32 = 1;

/// Facts that cost nothing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Host name.
    pub name: String,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Processors that may be used by us.
    pub cpus: u32,
    /// All memory, in bytes.
    pub memory_bytes: u64,
    /// Memory that could be given to new processes, in bytes.
    pub memory_available_bytes: u64,
    /// The processors' model, as /proc/cpuinfo names it.
    pub cpu_model: String,
    /// Seconds since the kernel started.
    pub uptime_seconds: u64,
    /// Load averages over 1, 5 and 15 minutes, as text.
    pub load_averages: String,
}

/// Space of the filesystem that holds a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Size in bytes.
    pub total_bytes: u64,
    /// Free for unprivileged users, in bytes.
    pub free_bytes: u64,
}

/// What the kernel could do when it was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Why nftables does not work, if it does not.
    pub nftables: std::result::Result<(), String>,
    /// Connection state in nft's bridge family.
    pub bridge_conntrack: bool,
    /// Bridged packets can be shown to the inet hooks.
    pub br_netfilter: bool,
    /// VXLAN devices.
    pub vxlan: bool,
    /// VLAN (802.1Q) devices.
    pub vlan: bool,
    /// Tap devices.
    pub tap: bool,
    /// Why programs where frames enter a device do not work, if they do not: trunks need them.
    pub programs: std::result::Result<(), String>,
    /// Virtualisation by hardware; says nothing on whether guests run well on it.
    pub kvm_device: bool,
}

/// Reads the facts.
pub fn facts() -> Result<Facts> {
    let uname = rustix::system::uname();
    let meminfo = fs::read_to_string("/proc/meminfo").map_err(|e| Error::io("read /proc/meminfo", e))?;
    let kib = |key: &str| -> u64 {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
        number.unwrap_or(0)
    };
    Ok(Facts {
        name: uname.nodename().to_string_lossy().into_owned(),
        kernel: uname.release().to_string_lossy().into_owned(),
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        memory_bytes: kib("MemTotal:") * 1024,
        memory_available_bytes: kib("MemAvailable:") * 1024,
        cpu_model: cpu_model(),
        uptime_seconds: first_word("/proc/uptime")
            .split('.')
            .next()
            .and_then(|s| s.parse().ok())
            .unwrap_or(0),
        load_averages: load_averages(),
    })
}

fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

fn load_averages() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(", ")
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().unwrap_or("").to_owned()
}

/// Space of the filesystem that holds a path.
pub fn disk(path: &Path) -> Result<Disk> {
    let stat =
        rustix::fs::statvfs(path).map_err(|e| Error::io(format!("read the free space of {}", path.display()), e))?;
    Ok(Disk {
        total_bytes: stat.f_blocks * stat.f_frsize,
        free_bytes: stat.f_bavail * stat.f_frsize,
    })
}

/// Tries kernel features in a namespace made for it, which goes away afterwards.
pub fn capabilities() -> Result<Capabilities> {
    let ns = Netns::anonymous()?;
    let mut links = Rtnl::open(&ns)?;
    let (nftables, bridge_conntrack) = match Nft::open(&ns) {
        Err(error) => (Err(error.to_string()), false),
        Ok(nft) => {
            let basic = nft.run("table inet probe { chain c { ct state established accept; }; }");
            let bridge = nft.run("table bridge probe { chain c { ct state established accept; }; }");
            (basic.map(|_| ()).map_err(|e| e.to_string()), bridge.is_ok())
        }
    };
    let untag = Program::untag(&BTreeMap::from([(1, LOOPBACK)]));
    Ok(Capabilities {
        nftables,
        bridge_conntrack,
        br_netfilter: crate::sysctl::read(&ns, "net/bridge/bridge-nf-call-iptables").is_ok(),
        vxlan: links.create_vxlan("probe-vx", 1).is_ok(),
        vlan: links.create_vlan("probe-vl", 1, 100).is_ok(),
        tap: crate::tap::open(&ns, "probe-tap", crate::tap::TapOptions::default()).is_ok(),
        programs: links.attach(LOOPBACK, &untag).map(drop).map_err(|e| in_full(&e)),
        kvm_device: Path::new("/dev/kvm").exists(),
    })
}

/// An error with its cause, which is what tells an operator more.
fn in_full(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
