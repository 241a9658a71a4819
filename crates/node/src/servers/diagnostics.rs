//! What a running server uses just now: from its QEMU's monitor, and from the kernel's counters.

use std::collections::HashMap;

use linux::Netns;
use linux::counters::{self, DeviceCounters};
use model::diagnostics::{Answer, Diagnostics, DiagnosticsSource, DiskFigures, Done, NicFigures, Traffic};
use model::{NetworkId, PortId, ServerId};
use qemu::command_line::Accelerator;

use super::{Servers, files, lock};
use crate::network::names;

impl DiagnosticsSource for Servers {
    fn diagnostics(&self, server_id: ServerId) -> Answer<'_> {
        Box::pin(self.look(server_id))
    }

    fn interrupt(&self, server_id: ServerId) -> Done<'_> {
        let found = lock(&self.shared.processes).get(&server_id).map(|(_, qmp)| qmp.clone());
        Box::pin(async move {
            let Some(qmp) = found else { return false };
            let sent = qmp.inject_nmi().await;
            if let Err(error) = &sent {
                tracing::warn!(server.id = %server_id, "Server {server_id} can't be interrupted: {error}");
            }
            sent.is_ok()
        })
    }
}

impl Servers {
    async fn look(&self, id: ServerId) -> Option<Diagnostics> {
        let (pid, qmp) = lock(&self.shared.processes).get(&id)?.clone();
        let pid = u32::try_from(pid).ok()?;
        let nics = self.nics(id);
        let disks = qmp.disk_counters().await.map_err(|error| tell(id, &error)).ok()?;
        let threads = qmp.cpu_threads().await.map_err(|error| tell(id, &error)).ok()?;
        let hypervisor = match self.shared.settings.accelerator {
            Ok(Accelerator::Kvm { .. }) => "kvm",
            _ => "qemu",
        };
        let counted = files::blocking(move || {
            let nanoseconds = |thread: u32| counters::thread_nanoseconds(pid, thread).unwrap_or(0);
            Ok(Diagnostics {
                hypervisor: hypervisor.to_owned(),
                resident_bytes: counters::resident_bytes(pid).unwrap_or(0),
                cpu_nanoseconds: threads.into_iter().map(nanoseconds).collect(),
                disks: disks.into_iter().map(of_disk).collect(),
                nics: of_nics(&nics),
            })
        });
        counted.await.map_err(|error| tell(id, &error)).ok()
    }

    /// The NICs that a server is to have, with their networks.
    fn nics(&self, id: ServerId) -> Vec<(PortId, NetworkId)> {
        let tasks = lock(&self.tasks);
        let Some(super::Task::Begun { desired, .. }) = tasks.get(&id) else {
            return Vec::new();
        };
        let wanted = desired.borrow();
        let nics = wanted.iter().flat_map(|want| want.nics.iter());
        nics.map(|nic| (nic.port_id, nic.network_id)).collect()
    }
}

fn tell(id: ServerId, error: &dyn std::error::Error) {
    tracing::warn!(server.id = %id, "The figures of server {id} can't be had: {error}");
}

fn of_disk(disk: qemu::qmp::DiskCounters) -> DiskFigures {
    DiskFigures {
        read_bytes: disk.read_bytes,
        read_requests: disk.reads,
        write_bytes: disk.write_bytes,
        write_requests: disk.writes,
        errors: disk.failed_reads + disk.failed_writes,
    }
}

/// The counters of NICs' taps; of one whose tap is not there, zeros.
fn of_nics(nics: &[(PortId, NetworkId)]) -> Vec<(PortId, NicFigures)> {
    let mut of_network: HashMap<NetworkId, HashMap<String, DeviceCounters>> = HashMap::new();
    let mut figures = Vec::new();
    for (port, network) in nics {
        let devices = of_network.entry(*network).or_insert_with(|| {
            let ns = Netns::open(&names::network_namespace(*network));
            ns.and_then(|ns| counters::devices(&ns)).unwrap_or_default()
        });
        let counters = devices.get(&names::tap_device(*port)).copied().unwrap_or_default();
        // What the kernel gave to the tap is what the guest received.
        figures.push((
            *port,
            NicFigures {
                received: traffic(counters.sent),
                sent: traffic(counters.received),
            },
        ));
    }
    figures
}

fn traffic([bytes, packets, errors, dropped]: [u64; 4]) -> Traffic {
    Traffic {
        bytes,
        packets,
        errors,
        dropped,
    }
}
