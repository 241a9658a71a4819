//! The state of backups from their host's report.
//!
//! ```text
//!  row         reported            becomes
//!  creating    ready               available, and its volume what it was
//!  creating    failed              error, with the reason
//!  deleting    not listed any more the row goes
//! ```

use super::View;
use super::volume::News;
use crate::host::VolumeReport;
use crate::volume::{BackupStatus, VolumeBackup, backup};
use crate::{BackupId, Cloud, Result, Tx};

pub(super) fn news(cloud: &Cloud, view: &View<'_>, id: BackupId) -> Option<News> {
    let row = cloud.volume_backups.get(&id)?;
    if &row.host != view.host {
        return None;
    }
    let report = view.newest.copies.get(&row.data_id.0).map(|report| &**report);
    if row.is_leaving {
        let is_gone = report.is_none() && !view.config.copies.contains_key(&row.data_id.0) && view.is_settled();
        return is_gone.then_some(News::Gone);
    }
    match (row.status, report) {
        (BackupStatus::Creating, Some(VolumeReport::Ready { .. })) => Some(News::Made),
        (BackupStatus::Creating, Some(VolumeReport::Failed { message, .. })) => Some(News::Failed(message.clone())),
        _ => None,
    }
}

pub(super) fn fold(tx: &mut Tx<'_>, view: &View<'_>, id: BackupId) -> Result<()> {
    let Some(news) = news(tx.cloud(), view, id) else {
        return Ok(());
    };
    if news == News::Gone {
        tx.delete::<VolumeBackup>(&id);
        return Ok(());
    }
    let before = tx.get::<VolumeBackup>(&id)?;
    let now = tx.now();
    tx.update::<VolumeBackup>(&id, |row| {
        row.updated_at = Some(now);
        match news {
            News::Failed(message) => {
                row.status = BackupStatus::Error;
                row.fail_reason = Some(message);
            }
            _ => {
                row.status = BackupStatus::Available;
                row.is_made = true;
            }
        }
    })?;
    backup::end_of_copy(tx, &before)
}
