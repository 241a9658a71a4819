//! A volume's, a snapshot's and a copy's fragment, and the volumes of a server.

use uuid::Uuid;

use super::{View, server};
use crate::compute::Server;
use crate::host::{CopyConfig, CopyKind, RestoreConfig, SnapshotConfig, VolumeConfig, VolumeDisk, VolumeOrigin};
use crate::volume::backup::Refill;
use crate::volume::{AttachMode, AttachmentStatus, BackupStatus, GIB, VolumeSource, attachment, limits};
use crate::{BackupId, ImageId, VolumeId, VolumeSnapshotId};

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
            VolumeSource::Backup(id) => VolumeOrigin::Backup(data_of(view, *id)),
        },
        is_made: volume.is_made,
        restore: volume.restore.as_ref().map(|restore| RestoreConfig {
            order: restore.order,
            source: match &restore.source {
                Refill::BackupId(id) => VolumeOrigin::Backup(data_of(view, *id)),
                Refill::Image { image, .. } => VolumeOrigin::Image(server::source(view, image)),
            },
        }),
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

/// The name of a backup's data.
fn data_of(view: &View<'_>, id: BackupId) -> Uuid {
    view.cloud
        .volume_backups
        .get(&id)
        .map_or(id.0, |backup| backup.data_id.0)
}

/// The backup or the copy for an image as this host must hold it; `None` when it is elsewhere, or goes.
pub(crate) fn plan_copy(view: &View<'_>, id: Uuid) -> Option<CopyConfig> {
    let rows = view.cloud.lookups.backups_by_data.of(&BackupId(id));
    let rows = rows.filter_map(|row| view.cloud.volume_backups.get(row));
    let mut backups: Vec<_> = rows
        .filter(|backup| &backup.host == view.host && !backup.is_leaving)
        .filter(|backup| backup.is_made || backup.status != BackupStatus::Error)
        .collect();
    // Of several records of the same data, one that knows it to be there.
    backups.sort_by_key(|backup| (!backup.is_made, backup.id));
    if let Some(backup) = backups.first() {
        return Some(CopyConfig {
            id,
            source: match backup.snapshot_id {
                Some(snapshot) => VolumeOrigin::Snapshot(snapshot),
                None => VolumeOrigin::Volume(backup.volume_id),
            },
            kind: CopyKind::Backup {
                parent: backup.parent_id.map(|parent| data_of(view, parent)),
            },
            is_made: backup.is_made,
        });
    }
    let volume = view.cloud.lookups.volumes_by_upload.first(&ImageId(id))?;
    let volume = view.cloud.volumes.get(volume)?;
    let upload = volume.upload.as_ref()?;
    if volume.host.as_ref() != Some(view.host) || !volume.is_wanted() {
        return None;
    }
    Some(CopyConfig {
        id,
        source: VolumeOrigin::Volume(volume.id),
        kind: CopyKind::Image {
            format: upload.format.clone(),
        },
        is_made: false,
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
                limits: limits::of_volume(view.cloud, volume),
            }),
            None if server.launched_at.is_none() => return None,
            None => {}
        }
    }
    Some(disks)
}
