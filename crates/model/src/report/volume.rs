//! The state of volumes, snapshots and attachments from their host's report.
//!
//! ```text
//!  row                  reported                                   becomes
//!  creating             ready                                      available (or what its attachments make it)
//!  creating             failed                                     error, with the fault
//!  extending            ready, large enough, also in the guest     what it was before
//!  restoring-backup     ready, with the order carried out          available
//!  downloading          ready, with the order carried out          what its attachments make it
//!  deleting             not listed any more                        the row goes
//!  attaching            its server has it, or is off               attached
//!  detaching            its server neither has nor wants it        the attachment goes
//! ```

use super::View;
use crate::compute::server::reimage;
use crate::compute::{Fault, Server, VmState};
use crate::host::{ServerPhase, VolumeReport};
use crate::volume::backup::Refill;
use crate::volume::{
    AttachmentStatus, GIB, SnapshotStatus, Volume, VolumeSnapshot, VolumeSource, VolumeStatus, attachment, backup,
    group, group_snapshot, growth,
};
use crate::{AttachmentId, Cloud, GroupSnapshotId, Result, Tx, VolumeId, VolumeSnapshotId};

/// What a report says of a volume or snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// It is there.
    Made,
    /// It has its new size.
    Grown,
    /// It could not be made or grown; the text is for the user.
    Failed(String),
    /// Its host holds nothing of it any more.
    Gone,
    /// Its content is the backup's now.
    Restored,
    /// It is what it was; the text is for the user.
    NotRestored(String),
}

impl View<'_> {
    /// Whether the host answers to the newest document, as far as volumes go.
    pub(super) fn is_settled(&self) -> bool {
        self.newest.volumes_revision == self.config.revision
    }
}

pub(super) fn news(cloud: &Cloud, view: &View<'_>, id: VolumeId) -> Option<News> {
    let volume = cloud.volumes.get(&id)?;
    if volume.host.as_ref() != Some(view.host) {
        return None;
    }
    let report = view.newest.volumes.get(&id).map(|report| &**report);
    if volume.is_leaving {
        let is_gone = report.is_none() && !view.config.volumes.contains_key(&id) && view.is_settled();
        return is_gone.then_some(News::Gone);
    }
    // A status that was set by hand is not the host's to end.
    let is_creating = volume.status == VolumeStatus::Creating && !volume.is_made;
    let is_extending = volume.status == VolumeStatus::Extending && volume.previous_status.is_some();
    // An order, though, is over when the host says so: one that was left would be carried out again by the next program.
    if let Some(order) = &volume.restore {
        return match report {
            Some(VolumeReport::Ready {
                restored: Some(restored),
                ..
            }) if restored.order == order.order => {
                Some(restored.failure.clone().map_or(News::Restored, News::NotRestored))
            }
            Some(VolumeReport::Failed { message, .. }) => Some(News::NotRestored(message.clone())),
            _ => None,
        };
    }
    if !is_creating && !is_extending {
        return None;
    }
    match (volume.status, report) {
        (VolumeStatus::Creating, Some(VolumeReport::Ready { .. })) => Some(News::Made),
        (_, Some(VolumeReport::Failed { message, .. })) => Some(News::Failed(message.clone())),
        (VolumeStatus::Extending, Some(VolumeReport::Ready { size_bytes, .. })) => {
            let wanted = volume.size_gib * GIB;
            let attachments = attachment::of_volume(cloud, id);
            let mut guests = attachments
                .iter()
                .filter(|each| each.is_local)
                .filter_map(|each| each.server_id);
            let is_seen = guests.all(|server| {
                let report = view.newest.servers.get(&server);
                report
                    .and_then(|report| report.volumes.get(&id))
                    .is_none_or(|seen| *seen >= wanted)
            });
            (*size_bytes >= wanted && is_seen).then_some(News::Grown)
        }
        _ => None,
    }
}

pub(super) fn fold(tx: &mut Tx<'_>, view: &View<'_>, id: VolumeId) -> Result<()> {
    let now = tx.now();
    let before = tx.cloud().find::<Volume>(&id).cloned();
    match news(tx.cloud(), view, id) {
        None => return Ok(()),
        Some(News::Gone) => {
            tx.delete::<Volume>(&id);
        }
        Some(News::Made) => {
            let status = attachment::status_by_attachments(tx.cloud(), id);
            tx.update::<Volume>(&id, |volume| {
                volume.status = status;
                volume.is_made = true;
                volume.launched_at = Some(now);
                volume.updated_at = Some(now);
            })?;
        }
        Some(News::Grown) => {
            tx.update::<Volume>(&id, |volume| {
                volume.status = volume.previous_status.take().unwrap_or(VolumeStatus::Available);
                volume.updated_at = Some(now);
            })?;
            attachment::settle(tx, id)?;
            growth::end(tx, id, None);
        }
        Some(News::Failed(message)) => {
            growth::end(tx, id, Some(&message));
            let volume = tx.update::<Volume>(&id, |volume| {
                volume.status = match volume.status {
                    VolumeStatus::Extending => VolumeStatus::ErrorExtending,
                    _ => VolumeStatus::Error,
                };
                volume.fault = Some(message);
                volume.updated_at = Some(now);
            })?;
            fail_waiting_servers(tx, &volume)?;
        }
        Some(News::Restored) => end_restore(tx, id, None)?,
        Some(News::NotRestored(message)) => end_restore(tx, id, Some(message))?,
    }
    let Some(before) = before else { return Ok(()) };
    let of_source = match before.source {
        VolumeSource::Backup(backup) => Some(backup),
        _ => None,
    };
    for backup in of_source
        .into_iter()
        .chain(before.restore.as_ref().and_then(|each| each.backup_id()))
    {
        backup::end_restore(tx, backup)?;
    }
    before.group_id.map_or(Ok(()), |group| group::settle(tx, group))
}

/// An order to replace a volume's content is over.
fn end_restore(tx: &mut Tx<'_>, id: VolumeId, failure: Option<String>) -> Result<()> {
    let (now, in_use) = (tx.now(), attachment::status_by_attachments(tx.cloud(), id));
    let Some(restore) = tx.get::<Volume>(&id)?.restore.clone() else {
        return Ok(());
    };
    tx.update::<Volume>(&id, |volume| {
        volume.restore = None;
        volume.updated_at = Some(now);
        let is_by_hand = !matches!(volume.status, VolumeStatus::RestoringBackup | VolumeStatus::Downloading);
        let by_hand = is_by_hand.then_some(volume.status);
        match (restore.source, &failure) {
            (Refill::BackupId(_), None) => volume.status = VolumeStatus::Available,
            (Refill::BackupId(_), Some(_)) => volume.status = VolumeStatus::ErrorRestoring,
            (Refill::Image { words, .. }, None) => {
                (volume.status, volume.image_metadata, volume.bootable) = (in_use, words, true);
            }
            // As good as before to the server that has it, which tells of the failure.
            (Refill::Image { .. }, Some(_)) if in_use == VolumeStatus::InUse => volume.status = in_use,
            (Refill::Image { .. }, Some(_)) => volume.status = VolumeStatus::Error,
        }
        volume.status = by_hand.unwrap_or(volume.status);
        if volume.status != VolumeStatus::InUse {
            volume.fault.clone_from(&failure);
        }
    })?;
    reimage::ended(tx, id, failure.as_deref())
}

/// Servers that were to have a volume which can't be made can't be built.
fn fail_waiting_servers(tx: &mut Tx<'_>, volume: &Volume) -> Result<()> {
    if volume.is_made {
        return Ok(());
    }
    let now = tx.now();
    for each in attachment::of_volume(tx.cloud(), volume.id) {
        let Some(server) = each.server_id.and_then(|id| tx.cloud().servers.get(&id).cloned()) else {
            continue;
        };
        let mut server = Server::clone(&server);
        server.vm_state = VmState::Error;
        server.task_state = None;
        server.fault = Some(Fault {
            code: 500,
            message: format!(
                "Build of instance {} aborted: Volume {} did not finish being created: {}",
                server.id,
                volume.id,
                volume.fault.as_deref().unwrap_or("its host gave no reason")
            ),
            details: String::new(),
            created: now,
        });
        server.updated_at = now;
        tx.put(server);
    }
    Ok(())
}

pub(super) fn snapshot_news(cloud: &Cloud, view: &View<'_>, id: VolumeSnapshotId) -> Option<News> {
    let snapshot = cloud.volume_snapshots.get(&id)?;
    if snapshot.host.as_ref() != Some(view.host) {
        // Nothing holds it.
        return (snapshot.is_leaving && snapshot.host.is_none()).then_some(News::Gone);
    }
    let report = view.newest.snapshots.get(&id).map(|report| &**report);
    if snapshot.is_leaving {
        let is_gone = report.is_none() && !view.config.snapshots.contains_key(&id) && view.is_settled();
        return is_gone.then_some(News::Gone);
    }
    // A status that was set by hand is not the host's to end.
    if snapshot.is_made {
        return None;
    }
    match (snapshot.status, report) {
        (SnapshotStatus::Creating, Some(VolumeReport::Ready { .. })) => Some(News::Made),
        (SnapshotStatus::Creating, Some(VolumeReport::Failed { message, .. })) => Some(News::Failed(message.clone())),
        _ => None,
    }
}

pub(super) fn fold_snapshot(tx: &mut Tx<'_>, view: &View<'_>, id: VolumeSnapshotId) -> Result<()> {
    let Some(news) = snapshot_news(tx.cloud(), view, id) else {
        return Ok(());
    };
    if news == News::Gone {
        let gone = tx.delete::<VolumeSnapshot>(&id);
        return settle_group_snapshot(tx, gone.and_then(|snapshot| snapshot.group_snapshot_id));
    }
    let now = tx.now();
    let snapshot = tx.update::<VolumeSnapshot>(&id, |snapshot| {
        snapshot.updated_at = Some(now);
        match news {
            News::Failed(message) => {
                snapshot.status = SnapshotStatus::Error;
                snapshot.fault = Some(message);
            }
            _ => {
                snapshot.status = SnapshotStatus::Available;
                snapshot.is_made = true;
            }
        }
    })?;
    settle_group_snapshot(tx, snapshot.group_snapshot_id)
}

fn settle_group_snapshot(tx: &mut Tx<'_>, id: Option<GroupSnapshotId>) -> Result<()> {
    id.map_or(Ok(()), |id| group_snapshot::settle(tx, id))
}

/// The status that the report gives an attachment; `Reserved` stands for none: it goes.
pub(super) fn attachment_news(cloud: &Cloud, view: &View<'_>, id: AttachmentId) -> Option<AttachmentStatus> {
    let attachment = cloud.volume_attachments.get(&id)?;
    let (server, volume) = (attachment.server_id?, attachment.volume_id);
    let Some(row) = cloud.servers.get(&server) else {
        return Some(AttachmentStatus::Reserved);
    };
    if row.host.as_ref() != Some(view.host) {
        // Never on a host: nothing holds anything.
        return (row.host.is_none() && attachment.status == AttachmentStatus::Detaching)
            .then_some(AttachmentStatus::Reserved);
    }
    let report = view.newest.servers.get(&server)?;
    let (has, wants) = (
        report.volumes.contains_key(&volume),
        report.volumes_wanted.contains(&volume),
    );
    match attachment.status {
        AttachmentStatus::Attaching => {
            let is_off = matches!(report.phase, ServerPhase::Off { .. } | ServerPhase::Suspended);
            let is_made = cloud.volumes.get(&volume).is_some_and(|volume| volume.is_made);
            let is_running = !matches!(
                report.phase,
                ServerPhase::Queued | ServerPhase::Changing | ServerPhase::PreparingDisk { .. }
            );
            (is_made && wants && (is_off || (has && is_running))).then_some(AttachmentStatus::Attached)
        }
        AttachmentStatus::Detaching => (!has && !wants).then_some(AttachmentStatus::Reserved),
        AttachmentStatus::Attached | AttachmentStatus::Reserved => None,
    }
}

pub(super) fn fold_attachment(tx: &mut Tx<'_>, view: &View<'_>, id: AttachmentId) -> Result<()> {
    match attachment_news(tx.cloud(), view, id) {
        Some(AttachmentStatus::Attached) => attachment::attached(tx, id).map(drop),
        Some(_) => attachment::detached(tx, id),
        None => Ok(()),
    }
}
