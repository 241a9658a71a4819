//! A server's fragment.

use std::sync::Arc;

use super::{View, instance, volume};
use crate::ServerId;
use crate::compute::{Server, ServerImage, TaskState, VmState};
use crate::host::{
    DesiredPower, DirectBoot, DiskConfig, ImageSource, NicConfig, RescueDisk, ServerConfig, ServerOrders, SnapshotOrder,
};
use crate::network::Port;
use crate::volume::limits;

/// The server as this host must hold it; `None` when it is elsewhere, or being deleted.
pub(crate) fn plan(view: &View<'_>, id: ServerId) -> Option<ServerConfig> {
    let server = view.cloud.servers.get(&id)?;
    let leaving = server.vm_state == VmState::Deleted || server.task_state == Some(TaskState::Deleting);
    if server.host.as_ref() != Some(view.host) || leaving {
        return None;
    }
    let volumes = volume::of_server(view, server)?;
    Some(ServerConfig {
        id,
        name: server.name.clone(),
        power: power(server),
        hard_reboots: server.hard_reboots,
        soft_reboots: server.soft_reboots,
        vcpus: server.flavor.vcpus,
        memory_mib: server.flavor.memory_mib,
        disk: DiskConfig {
            image: server.image.as_ref().map(|image| source(view, image)),
            // One that boots from a volume has no other root disk.
            root_gib: server.image.as_ref().map_or(0, |_| server.flavor.root_gib),
        },
        ephemeral_gib: server.flavor.ephemeral_gib,
        swap_mib: server.flavor.swap_mib,
        kernel: direct_boot(view, server),
        nics: nics(view, server),
        volumes,
        disk_limits: limits::of_flavor(&server.flavor.extra_specs),
        config_drive: server.config_drive,
        metadata: Arc::new(instance::metadata(view, server)),
        orders: orders(view, server),
    })
}

/// What the machine should be doing: nothing while its disk gets another content.
fn power(server: &Server) -> DesiredPower {
    match server.works.reimage {
        Some(_) => DesiredPower::Off,
        None => server.desired,
    }
}

fn orders(view: &View<'_>, server: &Server) -> ServerOrders {
    let works = &server.works;
    ServerOrders {
        rebuilds: works.rebuilds,
        keep_ephemeral: works.keep_ephemeral,
        trial: works.resize.as_ref().map_or(0, |_| works.resizes),
        reverted: works.reverted,
        rescue: works.rescue.as_ref().map(|rescue| RescueDisk {
            image: source(view, &rescue.image),
            last: rescue.last,
        }),
        snapshot: works.snapshot.as_ref().map(|snapshot| SnapshotOrder {
            image_id: snapshot.image_id,
            format: snapshot.format.clone(),
        }),
    }
}

pub(super) fn source(view: &View<'_>, image: &ServerImage) -> ImageSource {
    ImageSource {
        id: image.id,
        path: view.settings.image_dir.join(image.id.to_string()),
        format: image.format.clone(),
        sha512: image.sha512.clone(),
        virtual_size: image.virtual_size,
    }
}

fn direct_boot(view: &View<'_>, server: &Server) -> Option<DirectBoot> {
    server.kernel.as_ref().map(|kernel| DirectBoot {
        kernel: source(view, kernel),
        ramdisk: server.ramdisk.as_ref().map(|ramdisk| source(view, ramdisk)),
        append: server.kernel_arguments.clone(),
    })
}

fn nics(view: &View<'_>, server: &Server) -> Vec<NicConfig> {
    ports(view, server)
        .filter_map(|port| {
            let network = view.cloud.networks.get(&port.network_id)?;
            Some(NicConfig {
                port_id: port.id,
                network_id: network.id,
                mac: port.mac_address,
                mtu: network.mtu,
            })
        })
        .collect()
}

/// The server's ports in the order of its NICs; one that was plugged in elsewhere since is not its any more.
pub(super) fn ports<'a>(view: &View<'a>, server: &'a Server) -> impl Iterator<Item = &'a Port> + use<'a> {
    let (cloud, device_id) = (view.cloud, server.id.to_string());
    let ports = server.ports.iter().filter_map(move |id| cloud.ports.get(id));
    ports
        .filter(move |port| port.device_id == device_id)
        .map(|port| port.as_ref())
}
