//! A volume's and a snapshot's fragment, and the volumes of a server.

use super::{View, server};
use crate::compute::Server;
use crate::host::{SnapshotConfig, VolumeConfig, VolumeDisk, VolumeOrigin};
use crate::volume::{AttachMode, AttachmentStatus, GIB, VolumeSource, attachment};
use crate::{VolumeId, VolumeSnapshotId};

/// The volume as this host must hold it; `None` when it is elsewhere, or goes.
pub(crate) fn plan(view: &View<'_>, id: VolumeId) -> Option<VolumeConfig> {
    let volume = view.cloud.volumes.get(&id)?;
    if volume.host.as_ref() != Some(view.host) || !volume.is_wanted() {
        return None;
    }
    Some(VolumeConfig {
        id,
        size_bytes: volume.size_gib * GIB,
        source: match &volume.source {
            VolumeSource::Blank => VolumeOrigin::Blank,
            VolumeSource::Image(image) => VolumeOrigin::Image(server::source(view, image)),
            VolumeSource::Snapshot(id) => VolumeOrigin::Snapshot(*id),
            VolumeSource::Volume(id) => VolumeOrigin::Volume(*id),
        },
        is_made: volume.is_made,
    })
}

/// The snapshot as this host must hold it; `None` when it is elsewhere, or goes.
pub(crate) fn plan_snapshot(view: &View<'_>, id: VolumeSnapshotId) -> Option<SnapshotConfig> {
    let snapshot = view.cloud.volume_snapshots.get(&id)?;
    if snapshot.host.as_ref() != Some(view.host) || snapshot.is_leaving {
        return None;
    }
    Some(SnapshotConfig {
        id,
        volume_id: snapshot.volume_id,
        is_made: snapshot.is_made,
    })
}

/// A server's volumes; `None` while it was never started and one of them is still being made: then it waits for it.
pub(super) fn of_server(view: &View<'_>, server: &Server) -> Option<Vec<VolumeDisk>> {
    let mut disks = Vec::new();
    for attachment in attachment::of_server(view.cloud, server.id) {
        let volume = view.cloud.volumes.get(&attachment.volume_id);
        if attachment.status == AttachmentStatus::Detaching {
            continue;
        }
        match volume.filter(|volume| volume.is_made) {
            Some(volume) => disks.push(VolumeDisk {
                id: volume.id,
                size_bytes: volume.size_gib * GIB,
                read_only: attachment.mode == AttachMode::Ro,
                shared: volume.multiattach,
                boot_index: attachment.boot_index,
            }),
            None if server.launched_at.is_none() => return None,
            None => {}
        }
    }
    Some(disks)
}
