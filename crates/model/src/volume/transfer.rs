//! Giving a volume to another project: an offer, which whoever knows its key may accept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Volume, VolumeSnapshot, VolumeStatus, VolumeType, invalid_volume, quota, rules, types};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, ProjectId, Result, Timestamp, Tx, VolumeId, VolumeTransferId};

/// An open offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeTransfer {
    /// Its id.
    pub id: VolumeTransferId,
    /// Its name.
    pub name: Option<String>,
    /// The volume.
    pub volume_id: VolumeId,
    /// The project that offers it.
    pub source_project_id: ProjectId,
    /// A digest of the key, which itself is shown once and kept nowhere.
    pub key_digest: String,
    /// The volume's snapshots stay behind (and then there may be none).
    #[serde(default)]
    pub no_snapshots: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for VolumeTransfer {
    type Id = VolumeTransferId;
    const KIND: &'static str = "volume_transfer";
    crate::table!(VolumeTransfer, volume_transfers);
    fn id(&self) -> VolumeTransferId {
        self.id
    }
    fn not_found(id: &VolumeTransferId) -> Error {
        Error::not_found("TransferNotFound", format!("Transfer {id} could not be found."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.transfers_by_volume.set(self.volume_id, self.id, present);
    }
}

/// The offer, if it is of the caller's project.
///
/// # Errors
/// `TransferNotFound`.
pub fn get_visible(cloud: &Cloud, actor: &Actor, id: VolumeTransferId) -> Result<Arc<VolumeTransfer>> {
    cloud
        .find::<VolumeTransfer>(&id)
        .filter(|transfer| actor.can_see(&transfer.source_project_id))
        .cloned()
        .ok_or_else(|| VolumeTransfer::not_found(&id))
}

/// Offers a volume.
///
/// # Errors
/// `InvalidVolume` when it is not available, or has snapshots that may not come along.
pub fn create(
    tx: &mut Tx<'_>,
    actor: &Actor,
    volume_id: VolumeId,
    name: Option<String>,
    key_digest: String,
    no_snapshots: bool,
) -> Result<Arc<VolumeTransfer>> {
    let volume = rules::get_visible(tx.cloud(), actor, volume_id)?;
    if volume.status != VolumeStatus::Available {
        return Err(invalid_volume(format!(
            "volume {volume_id} is {}: its status must be available to be transferred.",
            volume.status.as_str()
        )));
    }
    if no_snapshots && tx.cloud().lookups.snapshots_by_volume.count(&volume_id) > 0 {
        return Err(invalid_volume(format!(
            "volume {volume_id} has snapshots: they go along, or have to be deleted first."
        )));
    }
    let transfer = VolumeTransfer {
        id: tx.new_id(),
        name,
        volume_id,
        source_project_id: volume.project_id.clone(),
        key_digest,
        no_snapshots,
        created_at: tx.now(),
    };
    set_status(tx, volume_id, VolumeStatus::AwaitingTransfer)?;
    Ok(tx.put(transfer))
}

fn set_status(tx: &mut Tx<'_>, id: VolumeId, status: VolumeStatus) -> Result<()> {
    let now = tx.now();
    tx.update::<Volume>(&id, |volume| {
        volume.status = status;
        volume.updated_at = Some(now);
    })?;
    Ok(())
}

/// Takes an offer back.
///
/// # Errors
/// `TransferNotFound`.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: VolumeTransferId) -> Result<()> {
    let transfer = get_visible(tx.cloud(), actor, id)?;
    tx.delete::<VolumeTransfer>(&id);
    let is_offered = tx
        .cloud()
        .find::<Volume>(&transfer.volume_id)
        .is_some_and(|volume| volume.status == VolumeStatus::AwaitingTransfer);
    if is_offered {
        set_status(tx, transfer.volume_id, VolumeStatus::Available)?;
    }
    Ok(())
}

/// Accepts an offer: the volume is the caller's project's from now on.
///
/// # Errors
/// `TransferNotFound`; `InvalidAuthKey` (400); quotas (413).
pub fn accept(tx: &mut Tx<'_>, actor: &Actor, id: VolumeTransferId, key_digest: &str) -> Result<Arc<VolumeTransfer>> {
    let transfer = tx.get::<VolumeTransfer>(&id)?;
    if transfer.key_digest != key_digest {
        return Err(Error::invalid(
            "InvalidAuthKey",
            format!("Invalid auth key: Attempt to transfer {id} with invalid auth key."),
        ));
    }
    let project = actor
        .project_id()
        .ok_or_else(|| Error::forbidden("Forbidden", "A volume needs a project: use a token scoped to one."))?
        .clone();
    let volume = tx.get::<Volume>(&transfer.volume_id)?;
    let volume_type = tx.get::<VolumeType>(&volume.type_id)?;
    if !volume_type.is_visible(actor) {
        return Err(types::find(tx.cloud(), actor, &volume_type.id.to_string())
            .err()
            .unwrap_or_else(|| VolumeType::not_found(&volume_type.id)));
    }
    let snapshots: Vec<_> = tx.cloud().lookups.snapshots_by_volume.of(&volume.id).copied().collect();
    if project != volume.project_id {
        quota::check(tx.cloud(), &project, &volume_type, 1, volume.size_gib)?;
        for _ in &snapshots {
            quota::check_snapshot(tx.cloud(), &project, &volume_type, volume.size_gib)?;
        }
    }
    let (now, user) = (tx.now(), actor.user_id.clone());
    for snapshot in snapshots {
        tx.update::<VolumeSnapshot>(&snapshot, |snapshot| {
            (snapshot.project_id, snapshot.user_id) = (project.clone(), user.clone());
        })?;
    }
    tx.update::<Volume>(&volume.id, |volume| {
        (volume.project_id, volume.user_id) = (project.clone(), user.clone());
        volume.status = VolumeStatus::Available;
        volume.updated_at = Some(now);
    })?;
    tx.delete::<VolumeTransfer>(&id);
    Ok(transfer)
}
