//! What servers took in a time: those that are there and those that were deleted within it.

use std::sync::Arc;

use super::Server;
use super::server::deleted::gone;
use super::server::living;
use crate::{Cloud, ProjectId, Timestamp};

/// A time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// From then.
    pub start: Timestamp,
    /// Until then, which is not in the future.
    pub stop: Timestamp,
}

/// What was taken, each times the hours for which it was.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Taken {
    /// Servers.
    pub servers: f64,
    /// Virtual CPUs.
    pub vcpus: f64,
    /// Memory, MiB.
    pub memory_mib: f64,
    /// Root and further disks, GiB.
    pub disk_gib: f64,
}

/// A server that ran, and when it did first.
pub type Launched = (Arc<Server>, Timestamp);

impl Period {
    /// Hours that a server was there in this time.
    pub fn hours(&self, server: &Server, launched: Timestamp) -> f64 {
        let start = launched.max(self.start);
        let stop = server.terminated_at.map_or(self.stop, |ended| ended.min(self.stop));
        let micros = stop.unix_micros().saturating_sub(start.unix_micros());
        // Far below the point where a 64-bit float loses a microsecond that matters.
        micros.max(0) as f64 / 3_600_000_000.0
    }

    /// The servers with anything to count, of a project or of all, in the order of projects and ids.
    pub fn counted(&self, cloud: &Cloud, project: Option<&ProjectId>) -> Vec<Launched> {
        let ended_in_time = |server: &Server| server.terminated_at.is_none_or(|ended| ended > self.start);
        let mut counted: Vec<_> = living(cloud, project)
            .chain(gone(cloud, project))
            .filter(|server| ended_in_time(server))
            .filter_map(|server| server.launched_at.map(|launched| (server.clone(), launched)))
            .filter(|(_, launched)| *launched <= self.stop)
            .collect();
        counted.sort_by(|(a, _), (b, _)| (&a.project_id, a.id).cmp(&(&b.project_id, b.id)));
        counted
    }

    /// What these servers took in this time.
    pub fn taken(&self, servers: &[Launched]) -> Taken {
        servers.iter().fold(Taken::default(), |sum, (server, launched)| {
            let (flavor, hours) = (&server.flavor, self.hours(server, *launched));
            Taken {
                servers: sum.servers + hours,
                vcpus: sum.vcpus + hours * f64::from(flavor.vcpus),
                memory_mib: sum.memory_mib + hours * flavor.memory_mib as f64,
                disk_gib: sum.disk_gib + hours * (flavor.root_gib + flavor.ephemeral_gib) as f64,
            }
        })
    }
}
