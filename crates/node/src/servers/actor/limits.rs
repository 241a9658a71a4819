//! How fast a server may use its disks. Limits are no part of a machine's command line: they are set while it runs, and
//! follow what is wanted at once.

use std::collections::BTreeMap;

use model::host::{DiskLimits, ServerConfig};

use super::Actor;
use crate::servers::disks::volume_device;
use crate::servers::error::Result;

/// The limits that a machine's disks have, by device.
#[derive(Debug, Default)]
pub(super) struct Limited {
    known: BTreeMap<String, DiskLimits>,
    /// An earlier life of ours may have set others.
    adopted: bool,
}

impl Limited {
    /// Those of a machine that is started now: none.
    pub(super) fn of_new_machine() -> Self {
        Self::default()
    }

    /// Those of a machine that was found running.
    pub(super) fn of_found_machine() -> Self {
        Self {
            adopted: true,
            ..Self::default()
        }
    }

    /// What is plugged in under this name next has none.
    pub(super) fn unplugged(&mut self, device: &str) {
        self.known.remove(device);
    }

    fn of(&self, device: &str) -> Option<DiskLimits> {
        let untouched = (!self.adopted).then_some(DiskLimits::NONE);
        self.known.get(device).copied().or(untouched)
    }
}

impl Actor {
    /// Sets the limits of a running machine's disks that are not as wanted.
    pub(super) async fn limit_disks(&mut self, want: &ServerConfig) -> Result<()> {
        let Some(machine) = &self.machine else {
            return Ok(());
        };
        for (device, limits) in wanted(want) {
            if self.limited.of(&device) != Some(limits) {
                machine.limit_disk(&device, &limits).await?;
                self.limited.known.insert(device, limits);
            }
        }
        Ok(())
    }
}

/// The limits of the disks that a machine has, by device.
fn wanted(want: &ServerConfig) -> Vec<(String, DiskLimits)> {
    let own = [
        ("root", want.disk.image.is_some() || want.disk.root_gib > 0),
        ("ephemeral", want.ephemeral_gib > 0),
        ("swap", want.swap_mib > 0),
    ];
    let own = own.into_iter().filter(|(_, is_there)| *is_there);
    let own = own.map(|(name, _)| (format!("{name}-dev"), want.disk_limits));
    let volumes = want.volumes.iter().map(|disk| (volume_device(disk.id), disk.limits));
    own.chain(volumes).collect()
}
