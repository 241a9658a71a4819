//! Rebuilding a server: the same id, ports and size, and a disk that begins anew from an image.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::admission::Operation;
use super::{Server, TaskState, VmState, act, boot_image, create, get_visible, reimage};
use crate::compute::{ActionLog, quota};
use crate::host::DesiredPower;
use crate::{Actor, ImageId, Result, ServerId, Tx};

/// What a server is to be afterwards; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct Rebuild {
    /// The image.
    pub image_id: Option<ImageId>,
    /// A volume that the server boots from may get the image's content (microversion 2.93).
    pub may_reimage: bool,
    /// Its name.
    pub name: Option<String>,
    /// Free text; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// Its host name.
    pub hostname: Option<String>,
    /// The administrator's password inside.
    pub admin_pass: String,
    /// Key/value metadata, all of it.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Path and base64 content, with the content's decoded length.
    pub personality: Option<Vec<(String, String, usize)>>,
    /// The caller's key pair; `Some(None)` removes it.
    pub key_name: Option<Option<String>>,
    /// Base64; `Some(None)` removes it.
    pub user_data: Option<Option<String>>,
    /// `AUTO` or `MANUAL`.
    pub disk_config: Option<String>,
    /// `accessIPv4`; `Some(None)` removes it.
    pub access_ipv4: Option<Option<Ipv4Addr>>,
    /// `accessIPv6`; `Some(None)` removes it.
    pub access_ipv6: Option<Option<Ipv6Addr>>,
    /// The ephemeral and swap disks stay as they are.
    pub keep_ephemeral: bool,
    /// For the action log.
    pub request_id: uuid::Uuid,
}

/// Begins a rebuild. A server that was stopped is stopped afterwards.
///
/// # Errors
/// `InstanceNotFound`; what admission denies; an image that can't be or does not fit; quotas; an unknown key pair.
pub fn rebuild(tx: &mut Tx<'_>, actor: &Actor, id: ServerId, new: &Rebuild) -> Result<Arc<Server>> {
    let server = get_visible(tx.cloud(), actor, id)?;
    act::admit_for(&server, actor, Operation::Rebuild)?;
    let mut server = Server::clone(&server);
    reimage::forgive(&mut server);
    if let Some(image_id) = new.image_id.filter(|_| server.image.is_none()) {
        reimage::order(tx, actor, &mut server, image_id, new.may_reimage)?;
    } else if let Some(image_id) = new.image_id {
        let boot = boot_image::look_up(tx.cloud(), actor, image_id, &server.flavor)?;
        server.image_id = Some(image_id);
        server.image = boot.image;
        server.kernel = boot.kernel;
        server.ramdisk = boot.ramdisk;
        server.kernel_arguments = boot.kernel_arguments;
        server.image_properties = boot.properties;
    }
    if let Some(metadata) = &new.metadata {
        quota::check_metadata_items(tx.cloud(), &server.project_id, metadata.len())?;
        server.metadata.clone_from(metadata);
    }
    if let Some(files) = &new.personality {
        let sizes: Vec<_> = files.iter().map(|(path, _, length)| (path.clone(), *length)).collect();
        quota::check_injected_files(tx.cloud(), &server.project_id, &sizes)?;
        server.personality = files
            .iter()
            .map(|(path, content, _)| (path.clone(), content.clone()))
            .collect();
    }
    match &new.key_name {
        None => {}
        Some(None) => server.key = None,
        Some(Some(name)) => server.key = Some(create::look_up_key(tx.cloud(), actor, name)?),
    }
    set(&mut server.name, &new.name);
    set(&mut server.description, &new.description);
    set(&mut server.hostname, &new.hostname);
    set(&mut server.user_data, &new.user_data);
    set(&mut server.disk_config, &new.disk_config);
    set(&mut server.access_ipv4, &new.access_ipv4);
    set(&mut server.access_ipv6, &new.access_ipv6);
    server.admin_pass = Some(new.admin_pass.clone());
    server.works.rebuilds += 1;
    server.works.keep_ephemeral = new.keep_ephemeral;
    if server.vm_state != VmState::Stopped {
        server.desired = DesiredPower::On;
    }
    server.task_state = Some(TaskState::Rebuilding);
    server.progress = 0;
    server.updated_at = tx.now();
    ActionLog::new("rebuild", new.request_id).record(tx, actor, &server);
    Ok(tx.put(server))
}

fn set<T: Clone>(place: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}
