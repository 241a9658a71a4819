//! What a launch takes of the project's quotas.

use model::compute::{Flavor, quota};
use model::quota::{allows, limit};
use model::volume::quota as volume_quota;

use crate::messages::Text;
use crate::ui;
use crate::visit::Visit;

/// One quota, and what a launch takes of it.
pub(super) struct Share {
    /// What it is of, for people.
    pub name: &'static str,
    /// How its figures are written.
    pub unit: fn(Text, u64) -> String,
    /// Taken already.
    pub used: u64,
    /// What the launch takes.
    pub more: u64,
    limit: i64,
}

impl Share {
    /// The limit, if there is one.
    pub fn limit(&self) -> Option<u64> {
        u64::try_from(self.limit).ok()
    }

    /// What to say when the launch takes too much.
    pub fn excess(&self, t: Text) -> Option<String> {
        if allows(self.limit, self.used, self.more) {
            return None;
        }
        let free = self.limit().unwrap_or(0).saturating_sub(self.used);
        Some(t.launch_over_quota(self.name, (self.unit)(t, self.more), (self.unit)(t, free)))
    }
}

/// What so many servers take, each with a new volume of this size where it is not 0.
pub(super) fn shares(visit: &Visit, flavor: Option<&Flavor>, count: u64, volume_gib: u64) -> Vec<Share> {
    let (t, cloud, project) = (visit.t(), visit.cloud(), visit.project_id());
    let share = |resource: &str, name, unit, used, each: u64| Share {
        name,
        unit,
        used,
        more: each.saturating_mul(count),
        limit: limit(cloud, project, resource),
    };
    let used = quota::Usage::of_project(cloud, project);
    let vcpus = flavor.map_or(0, |flavor| u64::from(flavor.vcpus));
    let memory = flavor.map_or(0, |flavor| flavor.memory_mib);
    let mut found = vec![
        share("instances", t.launch_ring_servers(), ui::count, used.instances, 1),
        share("cores", t.launch_ring_vcpus(), ui::count, used.cores, vcpus),
        share("ram", t.launch_ring_memory(), ui::mebibytes, used.ram_mib, memory),
    ];
    if volume_gib > 0 {
        let used = volume_quota::Usage::of_project(cloud, project, None);
        found.push(share("volumes", t.nav_volumes(), ui::count, used.volumes, 1));
        let name = t.launch_ring_volume_space();
        found.push(share("gigabytes", name, ui::gibibytes, used.gigabytes, volume_gib));
    }
    found
}
