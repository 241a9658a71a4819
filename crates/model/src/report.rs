//! What a host reported becomes the status of rows: status is reported, never assumed.
//!
//! [`pending`] finds the rows that a newer report concerns, by comparing it with the one folded before (shared parts are
//! skipped by pointer) and by the look-ups of rows that wait for a host. [`fold`] brings a handful of them up to date in
//! one transaction; it reads the rows anew, so it is right whatever happened in between.

mod backup;
mod server;
mod trunk;
mod volume;

use std::collections::BTreeSet;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::compute::TaskState;
use crate::host::{FragmentStatus, HostConfig, HostReport, PortReport};
use crate::network::{FloatingIp, Port, Status, device_owner};
use crate::{
    AttachmentId, BackupId, Cloud, FloatingIpId, HostId, PortId, Result, RouterId, ServerId, TrunkId, Tx, VolumeId,
    VolumeSnapshotId,
};

/// At most so many rows a transaction: below the store's limit, with room for a server's action log.
const PART_ROWS: usize = 40;

/// Rows that one transaction brings up to date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A port's status.
    Port(PortId),
    /// A trunk's status.
    Trunk(TrunkId),
    /// A server's state.
    Server(ServerId),
    /// A floating IP's status.
    FloatingIp(FloatingIpId),
    /// A volume's status.
    Volume(VolumeId),
    /// A snapshot's status.
    Snapshot(VolumeSnapshotId),
    /// An attachment's status.
    Attachment(AttachmentId),
    /// A backup's status.
    Backup(BackupId),
}

/// Some rows.
pub type Part = Vec<Item>;

/// The rows that the newest report may change. `config` is what the host is asked for at present.
pub fn pending(
    cloud: &Cloud,
    host: &HostId,
    config: &HostConfig,
    folded: &HostReport,
    newest: &HostReport,
) -> Vec<Part> {
    let mut items: BTreeSet<Item> = BTreeSet::new();
    for port in changed(&folded.ports, &newest.ports) {
        items.insert(Item::Port(port));
        items.extend(trunk::of_port(cloud, port).map(Item::Trunk));
    }
    items.extend(changed(&folded.trunks, &newest.trunks).into_iter().map(Item::Trunk));
    items.extend(cloud.lookups.pending_trunks.iter().copied().map(Item::Trunk));
    for network in changed(&folded.networks, &newest.networks) {
        for port in cloud.ports_of_network(network) {
            if port.device_owner == device_owner::DHCP {
                items.insert(Item::Port(port.id));
            }
            items.extend(trunk::of_port(cloud, port.id).map(Item::Trunk));
        }
    }
    items.extend(cloud.lookups.pending_dhcp_ports.iter().copied().map(Item::Port));
    for router in changed(&folded.routers, &newest.routers) {
        items.extend(
            cloud
                .ports_of_device(&router.to_string())
                .map(|port| Item::Port(port.id)),
        );
        items.extend(
            cloud
                .lookups
                .floating_ips_by_router
                .of(&router)
                .copied()
                .map(Item::FloatingIp),
        );
    }
    items.extend(changed(&folded.servers, &newest.servers).into_iter().map(Item::Server));
    items.extend(
        changed(&folded.passwords, &newest.passwords)
            .into_iter()
            .map(Item::Server),
    );
    items.extend(cloud.lookups.busy_servers.iter().copied().map(Item::Server));
    if newest.revision == config.revision {
        items.extend(cloud.lookups.pending_floating_ips.iter().copied().map(Item::FloatingIp));
    }
    items.extend(changed(&folded.volumes, &newest.volumes).into_iter().map(Item::Volume));
    items.extend(cloud.lookups.busy_volumes.iter().copied().map(Item::Volume));
    items.extend(cloud.lookups.busy_snapshots.iter().copied().map(Item::Snapshot));
    items.extend(cloud.lookups.busy_attachments.iter().copied().map(Item::Attachment));
    items.extend(cloud.lookups.busy_backups.iter().copied().map(Item::Backup));
    let view = View { host, config, newest };
    let items: Vec<Item> = items.into_iter().filter(|item| view.concerns(cloud, item)).collect();
    // A server that goes takes its ports and its whole log along: a transaction of its own each.
    let (leaving, others): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| {
        let Item::Server(id) = item else { return false };
        cloud
            .servers
            .get(id)
            .is_some_and(|server| server.task_state == Some(TaskState::Deleting))
    });
    let mut parts: Vec<Part> = others.chunks(PART_ROWS).map(<[Item]>::to_vec).collect();
    parts.extend(leaving.into_iter().map(|item| vec![item]));
    parts
}

/// Enters one part.
pub fn fold(tx: &mut Tx<'_>, host: &HostId, config: &HostConfig, newest: &HostReport, part: &[Item]) -> Result<()> {
    let view = View { host, config, newest };
    for item in part {
        match item {
            Item::Port(id) => view.fold_port(tx, *id)?,
            Item::Trunk(id) => trunk::fold(tx, &view, *id),
            Item::FloatingIp(id) => view.fold_floating_ip(tx, *id)?,
            Item::Server(id) => server::fold(tx, &view, *id)?,
            Item::Volume(id) => volume::fold(tx, &view, *id)?,
            Item::Snapshot(id) => volume::fold_snapshot(tx, &view, *id)?,
            Item::Attachment(id) => volume::fold_attachment(tx, &view, *id)?,
            Item::Backup(id) => backup::fold(tx, &view, *id)?,
        }
    }
    Ok(())
}

/// The keys whose value differs, or that only one of them has.
fn changed<K: Ord + Clone, V: PartialEq>(before: &OrdMap<K, V>, after: &OrdMap<K, V>) -> Vec<K> {
    before
        .diff(after)
        .map(|item| match item {
            DiffItem::Add(key, _) | DiffItem::Remove(key, _) => key.clone(),
            DiffItem::Update { new: (key, _), .. } => key.clone(),
        })
        .collect()
}

struct View<'a> {
    host: &'a HostId,
    config: &'a HostConfig,
    newest: &'a HostReport,
}

impl View<'_> {
    /// Whether folding would change the row: most reports repeat what is known.
    fn concerns(&self, cloud: &Cloud, item: &Item) -> bool {
        match item {
            Item::Port(id) => cloud
                .ports
                .get(id)
                .is_some_and(|port| self.port_status(port).is_some_and(|new| new != port.status)),
            Item::Trunk(id) => trunk::news(cloud, self, *id).is_some(),
            Item::FloatingIp(id) => cloud
                .floating_ips
                .get(id)
                .is_some_and(|fip| self.floating_ip_status(fip).is_some_and(|new| new != fip.status)),
            Item::Server(id) => cloud
                .servers
                .get(id)
                .is_some_and(|row| server::after(row, self).is_some()),
            Item::Volume(id) => volume::news(cloud, self, *id).is_some(),
            Item::Snapshot(id) => volume::snapshot_news(cloud, self, *id).is_some(),
            Item::Attachment(id) => volume::attachment_news(cloud, self, *id).is_some(),
            Item::Backup(id) => backup::news(cloud, self, *id).is_some(),
        }
    }

    /// What the report says of a port; `None` when it says nothing.
    fn port_status(&self, port: &Port) -> Option<Status> {
        let of_fragment = |status: Option<&FragmentStatus>| {
            status.map(|status| match status {
                FragmentStatus::Ready => Status::Active,
                FragmentStatus::Failed(_) => Status::Down,
            })
        };
        match port.device_owner.as_str() {
            device_owner::FLOATING_IP => None,
            device_owner::DHCP => {
                let config = self.config.networks.get(&port.network_id);
                let own = config.and_then(|config| config.service_port.as_ref());
                if own.is_some_and(|own| own.id == port.id) {
                    return of_fragment(self.newest.networks.get(&port.network_id));
                }
                // Nothing serves it: so it is once the host has done what it was asked.
                (self.newest.revision == self.config.revision).then_some(Status::Down)
            }
            device_owner::ROUTER_GATEWAY => {
                let router: RouterId = port.device_id.parse().ok()?;
                if self.is_gone(router) {
                    return Some(Status::Down);
                }
                of_fragment(self.newest.routers.get(&router))
            }
            _ => match self.newest.ports.get(&port.id) {
                Some(PortReport::Up) => Some(Status::Active),
                Some(PortReport::Down | PortReport::Failed(_)) => Some(Status::Down),
                // Not on the host any more.
                None => Some(Status::Down),
            },
        }
    }

    fn fold_port(&self, tx: &mut Tx<'_>, id: PortId) -> Result<()> {
        let Some(port) = tx.cloud().ports.get(&id).cloned() else {
            return Ok(());
        };
        if let Some(status) = self.port_status(&port).filter(|status| *status != port.status) {
            tx.put(Port {
                status,
                ..Port::clone(&port)
            });
        }
        Ok(())
    }

    /// Whether a router is neither wanted on the host nor there.
    fn is_gone(&self, router: RouterId) -> bool {
        !self.config.routers.contains_key(&router) && !self.newest.routers.contains_key(&router)
    }

    /// A floating IP works once its router stands with it.
    fn floating_ip_status(&self, floating_ip: &FloatingIp) -> Option<Status> {
        let router = floating_ip.router_id?;
        if self.is_gone(router) {
            return Some(Status::Down);
        }
        match self.newest.routers.get(&router)? {
            FragmentStatus::Failed(_) => Some(Status::Error),
            FragmentStatus::Ready => {
                let config = self.config.routers.get(&router)?;
                let applied = self.newest.revision == self.config.revision
                    && (config.floating_ips.iter().any(|each| each.id == floating_ip.id)
                        || config
                            .forwardings
                            .iter()
                            .any(|each| each.floating_ip_id == floating_ip.id));
                applied.then_some(Status::Active)
            }
        }
    }

    fn fold_floating_ip(&self, tx: &mut Tx<'_>, id: FloatingIpId) -> Result<()> {
        let Some(floating_ip) = tx.cloud().floating_ips.get(&id).cloned() else {
            return Ok(());
        };
        if let Some(status) = self
            .floating_ip_status(&floating_ip)
            .filter(|status| *status != floating_ip.status)
        {
            tx.put(FloatingIp {
                status,
                ..FloatingIp::clone(&floating_ip)
            });
        }
        Ok(())
    }
}
