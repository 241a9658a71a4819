//! Growing a volume. One that servers have grows on its host first and then in each of them; their action logs tell of it
//! (Nova's `extend_volume`), from the request until the last guest sees the new size.

use std::sync::Arc;

use super::{Volume, VolumeStatus, VolumeType, attachment, quota, rules, wrong_state};
use crate::compute::{ActionLog, Server, finish_extension};
use crate::{Actor, Cloud, Error, Result, ServerId, Tx, VolumeId};

/// Begins to grow a volume.
///
/// # Errors
/// `InvalidVolume` in another state, `InvalidInput` when the size does not grow, quotas (413).
pub fn extend(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: VolumeId,
    size_gib: u64,
    may_be_used: bool,
    request_id: uuid::Uuid,
) -> Result<Arc<Volume>> {
    let volume = rules::get_visible(tx.cloud(), actor, id)?;
    let may = volume.status == VolumeStatus::Available || (volume.status == VolumeStatus::InUse && may_be_used);
    if !may {
        let wanted = if may_be_used {
            "available or in-use"
        } else {
            "available"
        };
        return Err(wrong_state(id, volume.status, "extended", wanted));
    }
    if size_gib <= volume.size_gib {
        return Err(Error::invalid(
            "InvalidInput",
            format!(
                "Invalid input received: New size for extend must be greater than current size. (current: {}, extended: \
                 {size_gib}).",
                volume.size_gib
            ),
        ));
    }
    let volume_type = tx.get::<VolumeType>(&volume.type_id)?;
    quota::check(
        tx.cloud(),
        &volume.project_id,
        &volume_type,
        0,
        size_gib - volume.size_gib,
    )?;
    quota::check_one(tx.cloud(), &volume.project_id, size_gib)?;
    for server in servers(tx.cloud(), id) {
        let row = tx.cloud().find::<Server>(&server).cloned();
        // Of one that is on no host, nothing has to follow.
        if let Some(row) = row.filter(|row| row.host.is_some()) {
            ActionLog::of_extension(id, request_id).record(tx, actor, &row);
        }
    }
    rules::change(tx, actor, id, |volume| {
        volume.previous_status = Some(volume.status);
        volume.status = VolumeStatus::Extending;
        volume.size_gib = size_gib;
        Ok(())
    })
}

/// A volume has grown, or will not: `failure` says why.
pub(crate) fn end(tx: &mut Tx<'_>, id: VolumeId, failure: Option<&str>) {
    for server in servers(tx.cloud(), id) {
        finish_extension(tx, server, id, failure);
    }
}

/// The servers that Nova attached it to.
fn servers(cloud: &Cloud, id: VolumeId) -> Vec<ServerId> {
    let local = attachment::of_volume(cloud, id)
        .into_iter()
        .filter(|each| each.is_local);
    local.filter_map(|each| each.server_id).collect()
}
