//! The commands that Maru uses, typed.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Event, Qmp, Throttle};
use crate::command_line::{Disk, Nic};
use crate::{Error, Result};

/// What the virtual machine does (QAPI `RunState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Started with `-S`, never ran.
    Prelaunch,
    /// Runs.
    Running,
    /// Stopped by the monitor.
    Paused,
    /// The guest turned the machine off; QEMU waits because of `-no-shutdown`.
    Shutdown,
    /// The guest sleeps (ACPI S3).
    Suspended,
    /// Stopped because a disk could not be written, usually for lack of space on the host.
    IoError,
    /// The guest crashed and said so.
    GuestPanicked,
    /// The accelerator failed.
    InternalError,
    /// Memory is being loaded.
    #[serde(rename = "inmigrate")]
    Loading,
    /// Memory was saved or sent away.
    #[serde(rename = "postmigrate")]
    Saved,
    /// Any other state.
    #[serde(other)]
    Other,
}

/// Answer of `query-status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// The state.
    pub status: RunState,
    /// Whether the virtual CPUs run.
    pub running: bool,
}

#[derive(Deserialize)]
struct Uuid {
    #[serde(rename = "UUID")]
    uuid: String,
}

#[derive(Deserialize)]
struct Migration {
    #[serde(default)]
    status: String,
    #[serde(rename = "error-desc")]
    error: Option<String>,
}

/// What was read from and written to a disk since QEMU started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct DiskCounters {
    /// Bytes read.
    #[serde(rename = "rd_bytes")]
    pub read_bytes: u64,
    /// Reads.
    #[serde(rename = "rd_operations")]
    pub reads: u64,
    /// Bytes written.
    #[serde(rename = "wr_bytes")]
    pub write_bytes: u64,
    /// Writes.
    #[serde(rename = "wr_operations")]
    pub writes: u64,
    /// Reads that failed.
    #[serde(rename = "failed_rd_operations")]
    pub failed_reads: u64,
    /// Writes that failed.
    #[serde(rename = "failed_wr_operations")]
    pub failed_writes: u64,
}

#[derive(Deserialize)]
struct BlockStats {
    stats: DiskCounters,
}

#[derive(Deserialize)]
struct Cpu {
    #[serde(rename = "thread-id")]
    thread: u32,
}

#[derive(Deserialize)]
struct Property {
    name: String,
}

impl Qmp {
    /// What the machine does now.
    ///
    /// # Errors
    /// As [`Qmp::execute`], like every command here.
    pub async fn status(&self) -> Result<Status> {
        self.execute("query-status", None).await
    }

    /// The machine's UUID as it was given on the command line.
    pub async fn uuid(&self) -> Result<String> {
        Ok(self.execute::<Uuid>("query-uuid", None).await?.uuid)
    }

    /// Stops the virtual CPUs.
    pub async fn stop(&self) -> Result<()> {
        self.plain("stop").await
    }

    /// Lets the virtual CPUs go on.
    pub async fn cont(&self) -> Result<()> {
        self.plain("cont").await
    }

    /// Presses the power button; the guest may react or not.
    pub async fn system_powerdown(&self) -> Result<()> {
        self.plain("system_powerdown").await
    }

    /// Presses the reset button.
    pub async fn system_reset(&self) -> Result<()> {
        self.plain("system_reset").await
    }

    /// Sends every processor a non-maskable interrupt.
    pub async fn inject_nmi(&self) -> Result<()> {
        self.plain("inject-nmi").await
    }

    /// Ends QEMU in order: caches of the disks are written.
    pub async fn quit(&self) -> Result<()> {
        match self.plain("quit").await {
            // QEMU may be gone before its answer is out.
            Err(Error::Disconnected { .. }) => Ok(()),
            other => other,
        }
    }

    /// Saves the guest's memory and devices to a file, within `limit`. The guest must be stopped; it is in
    /// [`RunState::Saved`] afterwards and can go on or be ended.
    pub async fn save_memory(&self, file: BorrowedFd<'_>, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        self.pass_fd("memory", file).await?;
        // A file takes what it is given; the usual bandwidth limit is for networks.
        let fast = json!({ "max-bandwidth": i64::MAX });
        self.execute::<Value>("migrate-set-parameters", fast).await?;
        self.execute::<Value>("migrate", json!({ "uri": "fd:memory" })).await?;
        loop {
            let migration: Migration = self.execute("query-migrate", None).await?;
            match migration.status.as_str() {
                "completed" => return Ok(()),
                "failed" | "cancelled" => {
                    let description = migration.error.unwrap_or(migration.status);
                    return Err(Error::Refused {
                        command: "migrate".into(),
                        class: "GenericError".into(),
                        description,
                    });
                }
                _ if Instant::now() >= deadline => {
                    let _ = self.plain("migrate_cancel").await;
                    return Err(Error::CommandTimedOut {
                        command: "migrate".into(),
                        limit,
                    });
                }
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn plain(&self, command: &str) -> Result<()> {
        self.execute::<Value>(command, None).await?;
        Ok(())
    }

    /// The counters of the disks, in the order in which they were plugged.
    pub async fn disk_counters(&self) -> Result<Vec<DiskCounters>> {
        let disks: Vec<BlockStats> = self.execute("query-blockstats", None).await?;
        Ok(disks.into_iter().map(|disk| disk.stats).collect())
    }

    /// The threads that the virtual processors run on.
    pub async fn cpu_threads(&self) -> Result<Vec<u32>> {
        let cpus: Vec<Cpu> = self.execute("query-cpus-fast", None).await?;
        Ok(cpus.into_iter().map(|cpu| cpu.thread).collect())
    }

    /// Ids of the devices that have one, plugged at start or later.
    pub async fn device_ids(&self) -> Result<Vec<String>> {
        let arguments = json!({ "path": "/machine/peripheral" });
        let properties: Vec<Property> = self.execute("qom-list", arguments).await?;
        Ok(properties
            .into_iter()
            .map(|p| p.name)
            .filter(|name| name != "type")
            .collect())
    }

    /// Plugs in a network card whose tap is `tap`. Leaves nothing behind when the card is refused.
    pub async fn add_nic(&self, nic: &Nic, tap: BorrowedFd<'_>) -> Result<()> {
        let fd_name = nic.netdev_id();
        self.pass_fd(&fd_name, tap).await?;
        let netdev = json!({ "type": "tap", "id": nic.netdev_id(), "fd": fd_name });
        if let Err(error) = self.execute::<Value>("netdev_add", netdev).await {
            // Where the descriptor was already taken this fails, and that is right too.
            let _ = self.execute::<Value>("closefd", json!({ "fdname": fd_name })).await;
            return Err(error);
        }
        if let Err(error) = self.execute::<Value>("device_add", nic.device()).await {
            self.delete_netdev(&nic.netdev_id()).await?;
            return Err(error);
        }
        Ok(())
    }

    /// Removes what an [`Qmp::add_nic`] left that was cut off in the middle, by the death of its caller: a backend without
    /// a card, or only its descriptor. Either holds the tap, which nobody else can then open.
    pub async fn drop_half_added_nic(&self, id: &crate::command_line::DeviceId) -> Result<()> {
        let netdev = Nic::netdev_id_of(id);
        self.delete_netdev(&netdev).await?;
        match self.execute::<Value>("closefd", json!({ "fdname": netdev })).await {
            // The usual case: there is none of this name.
            Ok(_) | Err(Error::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Unplugs the network card with this device id and waits until the guest has let it go, for `limit` at most. A card
    /// that is not there counts as unplugged.
    ///
    /// # Errors
    /// [`Error::CommandTimedOut`] when the guest does not react: it may be booting; try again.
    pub async fn remove_nic(&self, id: &crate::command_line::DeviceId, limit: Duration) -> Result<()> {
        self.remove_device(id.as_str(), limit).await?;
        self.delete_netdev(&Nic::netdev_id_of(id)).await
    }

    async fn delete_netdev(&self, id: &str) -> Result<()> {
        match self.execute::<Value>("netdev_del", json!({ "id": id })).await {
            Err(error) if error.refusal_class() == Some("DeviceNotFound") => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn remove_device(&self, id: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let mut events = self.events();
        match self.execute::<Value>("device_del", json!({ "id": id })).await {
            Err(error) if error.refusal_class() == Some("DeviceNotFound") => return Ok(()),
            // "already in the process of unplug": an earlier try still waits for the guest.
            Err(Error::Refused { description, .. }) if description.contains("unplug") => {}
            other => {
                other?;
            }
        }
        let late = || Error::CommandTimedOut {
            command: "device_del".into(),
            limit,
        };
        loop {
            // The device may have gone before its event could be heard.
            if !self.device_ids().await?.iter().any(|present| present == id) {
                return Ok(());
            }
            match timeout_at(deadline, events.recv()).await.map_err(|_| late())? {
                Ok(Event::DeviceUnplugRefused { device }) if device.as_deref() == Some(id) => {
                    return Err(late());
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => {
                    return Err(Error::Disconnected {
                        command: "device_del".into(),
                    });
                }
            }
        }
    }

    /// Plugs in a plain disk whose bytes are in `file`. Leaves nothing behind when it is refused.
    pub async fn add_disk(&self, disk: &Disk, file: BorrowedFd<'_>) -> Result<()> {
        let set = self.add_fd(file).await?;
        if let Err(error) = self.execute::<Value>("blockdev-add", disk.plugged_node(set)).await {
            let _ = self.execute::<Value>("remove-fd", json!({ "fdset-id": set })).await;
            return Err(error);
        }
        if let Err(error) = self.execute::<Value>("device_add", disk.device()).await {
            self.delete_node(disk.id.as_str()).await?;
            return Err(error);
        }
        // What the block node has opened is a copy; the set is needed no more and goes when the node does.
        let _ = self.execute::<Value>("remove-fd", json!({ "fdset-id": set })).await;
        Ok(())
    }

    /// Unplugs a disk and closes its file: waits until the guest has let it go, for `limit` at most. What is not there
    /// counts as done.
    ///
    /// # Errors
    /// [`Error::CommandTimedOut`] when the guest does not react: it may be booting; try again.
    pub async fn remove_disk(&self, device: &str, node: &str, limit: Duration) -> Result<()> {
        self.remove_device(device, limit).await?;
        self.delete_node(node).await
    }

    pub(super) async fn delete_node(&self, node: &str) -> Result<()> {
        match self
            .execute::<Value>("blockdev-del", json!({ "node-name": node }))
            .await
        {
            Err(Error::Refused { description, .. }) if description.contains("Failed to find node") => Ok(()),
            other => other.map(drop),
        }
    }

    /// Limits how fast the disk of a virtio device may be used, at once; figures of 0 are no limits.
    pub async fn limit_disk(&self, device: &str, limits: &Throttle) -> Result<()> {
        // The disk belongs to the part behind the bus.
        let backend = format!("/machine/peripheral/{device}/virtio-backend");
        self.execute::<Value>("block_set_io_throttle", limits.arguments(&backend))
            .await?;
        Ok(())
    }

    /// The limits of the disks that have a device, by its id.
    pub async fn disk_limits(&self) -> Result<Vec<(String, Throttle)>> {
        let disks: Vec<Value> = self.execute("query-block", None).await?;
        let named = disks.iter().filter_map(|disk| {
            // "/machine/peripheral/<id>/virtio-backend"
            let device = disk["qdev"].as_str()?.split('/').nth(3)?;
            Some((device.to_owned(), Throttle::read(&disk["inserted"])))
        });
        Ok(named.collect())
    }

    /// Tells a disk's guest about its new size in bytes, after the file has grown. `node` is the block node's name.
    pub async fn resize_disk(&self, node: &str, size_bytes: u64) -> Result<()> {
        let arguments = json!({ "node-name": node, "size": size_bytes });
        self.execute::<Value>("block_resize", arguments).await?;
        Ok(())
    }
}
