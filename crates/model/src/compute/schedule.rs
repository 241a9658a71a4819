//! Which host takes a server: filters drop hosts that can't, weights choose among the rest, and when nothing is left the
//! reasons say for each host what was missing. Pure: hosts' facts and what their servers take come in as arguments.

use std::fmt;

use super::{Server, ServerFlavor};
use crate::host::HostFacts;
use crate::{Cloud, HostId};

const MIB_PER_GIB: u64 = 1024;
const BYTES_PER_GIB: u64 = 1 << 30;

/// How far hosts may be over-committed, in per cent of what they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Virtual CPUs for each CPU (Nova's `cpu_allocation_ratio` 16.0).
    pub cpu_ratio_percent: u64,
    /// Memory of servers against memory of the host (Nova's `ram_allocation_ratio` 1.5).
    pub ram_ratio_percent: u64,
    /// Disks of servers against the host's disk (Nova's `disk_allocation_ratio` 1.0).
    pub disk_ratio_percent: u64,
    /// Memory kept for the host itself, MiB (Nova's `reserved_host_memory_mb`).
    pub reserved_memory_mib: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            cpu_ratio_percent: 1600,
            ram_ratio_percent: 150,
            disk_ratio_percent: 100,
            reserved_memory_mib: 512,
        }
    }
}

/// A host as the scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub host: HostId,
    /// The availability zone it is in.
    pub zone: String,
    /// Whether it reports at all.
    pub is_up: bool,
    /// CPUs.
    pub vcpus: u64,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Disk, GiB.
    pub disk_gib: u64,
    /// Disk not written to yet, GiB.
    pub disk_free_gib: u64,
    /// What its servers take.
    pub taken: Claim,
}

impl Candidate {
    /// From what a host says of itself and the servers that are on it.
    pub fn new(cloud: &Cloud, facts: &HostFacts, zone: &str) -> Self {
        Self {
            host: facts.host.clone(),
            zone: zone.to_owned(),
            is_up: facts.vcpus > 0,
            vcpus: u64::from(facts.vcpus),
            memory_mib: facts.memory_mib,
            disk_gib: facts.disk_bytes / BYTES_PER_GIB,
            disk_free_gib: facts.disk_free_bytes / BYTES_PER_GIB,
            taken: Claim::of_host(cloud, &facts.host),
        }
    }

    /// What may still be given to servers.
    pub fn free(&self, policy: &Policy) -> Claim {
        let [promised, unwritten] = self.disk_left(policy);
        let memory = self.memory_mib.saturating_sub(policy.reserved_memory_mib);
        Claim {
            vcpus: share(self.vcpus, policy.cpu_ratio_percent, self.taken.vcpus),
            memory_mib: share(memory, policy.ram_ratio_percent, self.taken.memory_mib),
            disk_gib: promised.min(unwritten),
        }
    }

    /// Disk that may still be promised, GiB: by what the host has, and by what is not written on it yet.
    fn disk_left(&self, policy: &Policy) -> [u64; 2] {
        [
            share(self.disk_gib, policy.disk_ratio_percent, self.taken.disk_gib),
            share(self.disk_free_gib, policy.disk_ratio_percent, 0),
        ]
    }

    /// Whether less disk can be promised than the settings let, since it is full of other things.
    pub fn is_short_of_disk(&self, policy: &Policy) -> bool {
        let [promised, unwritten] = self.disk_left(policy);
        unwritten < promised
    }
}

/// What `ratio` percent of `have` leaves beside what is taken.
fn share(have: u64, ratio: u64, taken: u64) -> u64 {
    (have.saturating_mul(ratio) / 100).saturating_sub(taken)
}

/// Resources that a server, or all servers of a host, take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claim {
    /// Virtual CPUs.
    pub vcpus: u64,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Disk, GiB.
    pub disk_gib: u64,
}

impl Claim {
    /// Of a server with this flavor, whose image is so large (it counts when the flavor sets no root disk).
    pub fn of_flavor(flavor: &ServerFlavor, image_virtual_bytes: u64) -> Self {
        let root_gib = if flavor.root_gib == 0 {
            image_virtual_bytes.div_ceil(BYTES_PER_GIB)
        } else {
            flavor.root_gib
        };
        Self {
            vcpus: u64::from(flavor.vcpus),
            memory_mib: flavor.memory_mib,
            disk_gib: root_gib
                .saturating_add(flavor.ephemeral_gib)
                .saturating_add(flavor.swap_mib.div_ceil(MIB_PER_GIB)),
        }
    }

    /// Of a new server from an image of this size; `None`: from a volume, which is claimed by itself.
    pub fn of_new(flavor: &ServerFlavor, image_virtual_bytes: Option<u64>) -> Self {
        match image_virtual_bytes {
            Some(bytes) => Self::of_flavor(flavor, bytes),
            None => {
                let rootless = ServerFlavor {
                    root_gib: 0,
                    ..flavor.clone()
                };
                Self::of_flavor(&rootless, 0)
            }
        }
    }

    /// Of a server as it is.
    pub fn of_server(server: &Server) -> Self {
        let image_bytes = server.image.as_ref().map_or(0, |image| image.virtual_size);
        Self::of_flavor(&server.flavor, image_bytes)
    }

    /// Of all servers on a host.
    pub fn of_host(cloud: &Cloud, host: &HostId) -> Self {
        let servers = cloud.servers.iter().filter(|server| server.host.as_ref() == Some(host));
        servers.fold(Self::default(), |sum, server| sum.plus(Self::of_server(server)))
    }

    /// What is left without the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            vcpus: self.vcpus.saturating_sub(other.vcpus),
            memory_mib: self.memory_mib.saturating_sub(other.memory_mib),
            disk_gib: self.disk_gib.saturating_sub(other.disk_gib),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            vcpus: self.vcpus.saturating_add(other.vcpus),
            memory_mib: self.memory_mib.saturating_add(other.memory_mib),
            disk_gib: self.disk_gib.saturating_add(other.disk_gib),
        }
    }
}

/// What a server wants of its host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The room it takes.
    pub claim: Claim,
    /// Only in this zone.
    pub zone: Option<String>,
    /// Only on this host.
    pub host: Option<HostId>,
    /// Only on hosts that one of these servers is on (a host of a server that is on none counts as no limit).
    pub same_hosts: Option<Vec<HostId>>,
    /// Not on these hosts.
    pub different_hosts: Vec<HostId>,
    /// Rather on these hosts (soft affinity).
    pub preferred_hosts: Vec<HostId>,
    /// Rather not on these hosts (soft anti-affinity).
    pub avoided_hosts: Vec<HostId>,
}

/// Why a host can't take a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// It does not report.
    Down,
    /// It is in another zone.
    Zone {
        /// The zone asked for.
        asked: String,
        /// The zone it is in.
        has: String,
    },
    /// Another host was asked for.
    OtherHost(HostId),
    /// A rule of affinity asks for another host.
    Affinity,
    /// A rule of anti-affinity asks for another host.
    AntiAffinity,
    /// Too few virtual CPUs are free.
    Vcpus {
        /// Asked for.
        asked: u64,
        /// Free.
        free: u64,
    },
    /// Too little memory is free, MiB.
    Memory {
        /// Asked for.
        asked: u64,
        /// Free.
        free: u64,
    },
    /// Too little disk is free, GiB.
    Disk {
        /// Asked for.
        asked: u64,
        /// Free.
        free: u64,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => write!(f, "the host does not report"),
            Self::Zone { asked, has } => write!(f, "availability zone: '{asked}' asked, the host is in '{has}'"),
            Self::OtherHost(host) => write!(f, "host: '{host}' asked"),
            Self::Affinity => write!(f, "affinity: another host is asked for"),
            Self::AntiAffinity => write!(f, "anti-affinity: a server that must be elsewhere is here"),
            Self::Vcpus { asked, free } => write!(f, "VCPUs: {asked} asked, {free} free"),
            Self::Memory { asked, free } => write!(f, "memory: {asked} MB asked, {free} MB free"),
            Self::Disk { asked, free } => write!(f, "disk: {asked} GB asked, {free} GB free"),
        }
    }
}

/// No host can take the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoValidHost {
    /// Every host with all that it lacks.
    pub hosts: Vec<(HostId, Vec<Missing>)>,
}

impl NoValidHost {
    /// For the user: what the host that comes nearest lacks, without naming it.
    pub fn message(&self) -> String {
        let nearest = self
            .hosts
            .iter()
            .map(|(_, missing)| missing)
            .min_by_key(|missing| missing.len());
        let lacks = nearest.map_or_else(|| "no host reports yet".to_owned(), |missing| list(missing));
        format!("No valid host was found. There are not enough hosts available ({lacks}).")
    }

    /// For the operator: what each host lacks, a line a host.
    pub fn details(&self) -> String {
        if self.hosts.is_empty() {
            return "No host reports yet.".to_owned();
        }
        let lines: Vec<String> = self
            .hosts
            .iter()
            .map(|(host, missing)| format!("{host}: {}", list(missing)))
            .collect();
        lines.join("\n")
    }
}

fn list(missing: &[Missing]) -> String {
    let texts: Vec<String> = missing.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Chooses a host: the one with most memory left, then most disk, then the first by name; soft affinity goes first.
///
/// # Errors
/// What each host lacks.
pub fn choose(candidates: &[Candidate], policy: &Policy, request: &Request) -> Result<HostId, NoValidHost> {
    let mut rejected = Vec::new();
    let mut fitting = Vec::new();
    for candidate in candidates {
        let missing = lacks(candidate, policy, request);
        if missing.is_empty() {
            fitting.push(candidate);
        } else {
            rejected.push((candidate.host.clone(), missing));
        }
    }
    fitting.sort_by(|a, b| {
        let (free_a, free_b) = (a.free(policy), b.free(policy));
        let by_affinity = reluctance(a, request).cmp(&reluctance(b, request));
        let by_room = (free_b.memory_mib, free_b.disk_gib).cmp(&(free_a.memory_mib, free_a.disk_gib));
        by_affinity.then(by_room).then_with(|| a.host.cmp(&b.host))
    });
    fitting
        .first()
        .map(|candidate| candidate.host.clone())
        .ok_or(NoValidHost { hosts: rejected })
}

/// How little soft rules like a host.
fn reluctance(candidate: &Candidate, request: &Request) -> u8 {
    let is_liked = request.preferred_hosts.is_empty() || request.preferred_hosts.contains(&candidate.host);
    u8::from(!is_liked) + u8::from(request.avoided_hosts.contains(&candidate.host))
}

/// Everything a host lacks for a request.
fn lacks(candidate: &Candidate, policy: &Policy, request: &Request) -> Vec<Missing> {
    if !candidate.is_up {
        return vec![Missing::Down];
    }
    let mut missing = Vec::new();
    if let Some(zone) = request.zone.as_ref().filter(|zone| **zone != candidate.zone) {
        missing.push(Missing::Zone {
            asked: zone.clone(),
            has: candidate.zone.clone(),
        });
    }
    if let Some(host) = request.host.as_ref().filter(|host| **host != candidate.host) {
        missing.push(Missing::OtherHost(host.clone()));
    }
    if request
        .same_hosts
        .as_ref()
        .is_some_and(|hosts| !hosts.contains(&candidate.host))
    {
        missing.push(Missing::Affinity);
    }
    if request.different_hosts.contains(&candidate.host) {
        missing.push(Missing::AntiAffinity);
    }
    let (asked, free) = (request.claim, candidate.free(policy));
    // More virtual CPUs than the host has can't run at once, whatever the ratio (Nova's core filter).
    let vcpus = if asked.vcpus > candidate.vcpus {
        candidate.vcpus.min(free.vcpus)
    } else {
        free.vcpus
    };
    if asked.vcpus > vcpus {
        missing.push(Missing::Vcpus {
            asked: asked.vcpus,
            free: vcpus,
        });
    }
    if asked.memory_mib > free.memory_mib {
        missing.push(Missing::Memory {
            asked: asked.memory_mib,
            free: free.memory_mib,
        });
    }
    if asked.disk_gib > free.disk_gib {
        missing.push(Missing::Disk {
            asked: asked.disk_gib,
            free: free.disk_gib,
        });
    }
    missing
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
