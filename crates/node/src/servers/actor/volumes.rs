//! A server's volumes: plugged in, out, and grown while it runs.

use std::collections::BTreeSet;

use model::VolumeId;
use model::host::ServerConfig;

use super::Actor;
use crate::servers::disks::{open_volume, volume_device};
use crate::servers::error::Result;

impl Actor {
    /// Brings the volumes of a running machine in line with what is wanted. What could not be done is tried again.
    pub(super) async fn plug_volumes(&mut self, want: &ServerConfig) -> Result<()> {
        let Some(machine) = &self.machine else {
            return Ok(());
        };
        let wanted: BTreeSet<VolumeId> = want.volumes.iter().map(|disk| disk.id).collect();
        let surplus: Vec<VolumeId> = self.held.keys().filter(|id| !wanted.contains(id)).copied().collect();
        let mut first_error = None;
        for id in surplus {
            match machine.unplug_volume(id).await {
                Ok(()) => {
                    self.held.remove(&id);
                    self.limited.unplugged(&volume_device(id));
                    tracing::info!(server.id = %self.id, volume.id = %id, "Unplugged volume {id} from server {}", self.id);
                }
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        for disk in &want.volumes {
            let done = match self.held.get(&disk.id) {
                Some(seen) if *seen >= disk.size_bytes => continue,
                Some(_) => machine.grow_volume(disk).await,
                None => match open_volume(&self.shared.settings, disk) {
                    // Held from now on: an attempt that was cut off may have opened it.
                    Ok(file) => {
                        self.held.insert(disk.id, 0);
                        self.limited.unplugged(&volume_device(disk.id));
                        machine.plug_volume(disk, file).await
                    }
                    Err(error) => Err(error),
                },
            };
            match done {
                Ok(()) => {
                    self.held.insert(disk.id, disk.size_bytes);
                }
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}
