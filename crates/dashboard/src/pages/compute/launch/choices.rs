//! What there is to choose from, each thing with its figures, and with the reason where it can't be taken.

use std::sync::Arc;

use model::compute::schedule::{self, Claim, Missing, Request};
use model::compute::server::boot_image::{self, Shortage};
use model::compute::{Flavor, Keypair, ServerGroup, keypair};
use model::image::{self, Image, ImageStatus};
use model::network::subnet::{addresses_in_use, pool_size};
use model::network::{Network, Port, SecurityGroup, Subnet};
use model::volume::{SnapshotStatus, Volume, VolumeSnapshot, VolumeStatus};

use super::quota;
use super::wish::{Kind, Wish, as_kept};
use crate::messages::Text;
use crate::pages::network::networks;
use crate::ui::{self, Choice};
use crate::visit::Visit;

/// Formats of kernels and ramdisks: parts of images, that nothing boots from alone.
const PARTS: [&str; 2] = ["aki", "ari"];
const MIB: u64 = 1 << 20;

/// Whether an image was made of a server.
pub(super) fn is_copy(image: &Image) -> bool {
    image.properties.get("image_type").and_then(Option::as_deref) == Some("snapshot")
}

/// Images of a kind, by name.
pub(super) fn images(visit: &Visit, kind: Kind) -> Vec<Arc<Image>> {
    let member = visit.member();
    let is_part = |image: &Image| {
        image
            .disk_format
            .as_deref()
            .is_some_and(|format| PARTS.contains(&format))
    };
    let all = visit
        .cloud()
        .images
        .iter()
        .filter(|image| image::in_default_list(&member, image));
    let mut found: Vec<_> = all
        .filter(|image| !image.os_hidden && !is_part(image) && is_copy(image) == (kind == Kind::Copy))
        .cloned()
        .collect();
    found.sort_by_key(|image| image.name.as_ref().map(|name| name.to_lowercase()));
    found
}

/// A name for people.
pub(super) fn image_name(t: Text, image: &Image) -> String {
    image
        .name
        .clone()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| t.unnamed().to_owned())
}

/// Why no server can start from an image.
pub(super) fn image_fault(t: Text, image: &Image) -> Option<String> {
    boot_image::check_bootable(image).err()?;
    Some(match (image.status, image.disk_format.as_deref()) {
        (ImageStatus::Active, Some(format)) => t.launch_image_format(format),
        (ImageStatus::Active, None) => t.launch_image_unread().to_owned(),
        (ImageStatus::Queued, _) => t.launch_image_queued().to_owned(),
        (ImageStatus::Deactivated, _) => t.launch_image_deactivated().to_owned(),
        (ImageStatus::Killed, _) => t.launch_image_killed().to_owned(),
        (ImageStatus::Saving | ImageStatus::Uploading | ImageStatus::Importing, _) => {
            t.launch_image_coming().to_owned()
        }
    })
}

/// What of a kind there is to boot from.
pub(super) fn of_kind(visit: &Visit, kind: Kind) -> Vec<Choice> {
    match kind {
        Kind::Image | Kind::Copy => image_choices(visit, kind),
        Kind::Volume => volume_choices(visit),
        Kind::Snapshot => snapshot_choices(visit),
    }
}

/// Images to choose from.
fn image_choices(visit: &Visit, kind: Kind) -> Vec<Choice> {
    let t = visit.t();
    let choice = |image: &Arc<Image>| {
        let mut notes = Vec::new();
        match image
            .boot_snapshot()
            .and_then(|id| visit.cloud().find::<VolumeSnapshot>(&id))
        {
            Some(snapshot) => notes.push(t.launch_image_of_volume(ui::gibibytes(t, snapshot.size_gib))),
            None => notes.extend(image.virtual_size.or(image.size).map(ui::bytes)),
        }
        if image.min_disk > 0 {
            notes.push(t.launch_needs_disk(ui::gibibytes(t, image.min_disk)));
        }
        if image.min_ram > 0 {
            notes.push(t.launch_needs_memory(ui::mebibytes(t, image.min_ram)));
        }
        let fault = image_fault(t, image);
        let is_out = fault.is_some();
        let note = fault.unwrap_or_else(|| notes.join(" · "));
        Choice::new(image.id, image_name(t, image)).note(note).out(is_out)
    };
    images(visit, kind).iter().map(choice).collect()
}

/// A volume's name, else the start of its id.
pub(super) fn volume_name(volume: &Volume) -> String {
    named(volume.name.as_deref(), &volume.id.to_string())
}

/// A snapshot's name, else the start of its id.
pub(super) fn snapshot_name(snapshot: &VolumeSnapshot) -> String {
    named(snapshot.name.as_deref(), &snapshot.id.to_string())
}

fn named(name: Option<&str>, id: &str) -> String {
    name.filter(|name| !name.is_empty())
        .map_or_else(|| id.chars().take(8).collect(), str::to_owned)
}

/// Volumes that servers can boot from.
fn volume_choices(visit: &Visit) -> Vec<Choice> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let of_project = cloud
        .lookups
        .volumes_by_project
        .of(visit.project_id())
        .filter_map(|id| cloud.volumes.get(id));
    let bootable = of_project.filter(|volume| volume.bootable);
    bootable
        .map(|volume| {
            let is_free = volume.status == VolumeStatus::Available
                || (volume.multiattach && volume.status == VolumeStatus::InUse);
            let size = ui::gibibytes(t, volume.size_gib);
            let note = if is_free {
                size
            } else {
                format!("{size} · {}", t.launch_state(volume.status.as_str()))
            };
            Choice::new(volume.id, volume_name(volume)).note(note).out(!is_free)
        })
        .collect()
}

/// Snapshots of volumes.
fn snapshot_choices(visit: &Visit) -> Vec<Choice> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = cloud.lookups.snapshots_by_project.of(visit.project_id());
    ids.filter_map(|id| cloud.volume_snapshots.get(id))
        .map(|snapshot| {
            let of = cloud.volumes.get(&snapshot.volume_id);
            let is_bootable = of.is_some_and(|volume| volume.bootable);
            let is_ready = snapshot.status == SnapshotStatus::Available;
            let mut notes = vec![ui::gibibytes(t, snapshot.size_gib)];
            notes.extend(of.map(|volume| t.launch_snapshot_of(volume_name(volume))));
            if !is_bootable {
                notes.push(t.launch_not_bootable().to_owned());
            } else if !is_ready {
                notes.push(t.launch_state(snapshot.status.as_str()).to_owned());
            }
            Choice::new(snapshot.id, snapshot_name(snapshot))
                .note(notes.join(" · "))
                .out(!is_bootable || !is_ready)
        })
        .collect()
}

/// Networks that the project's servers may be on.
pub(super) fn networks(visit: &Visit) -> Vec<Arc<Network>> {
    let mut found = networks::of_project(visit);
    found.retain(|network| !network.external);
    found.sort_by_key(|network| network.standard.name.to_lowercase());
    found
}

/// Addresses of a subnet's pools that nobody has.
fn free_addresses(visit: &Visit, subnet: &Subnet) -> u128 {
    let is_pooled = |address| {
        subnet
            .allocation_pools
            .iter()
            .any(|pool| pool.start <= address && address <= pool.end)
    };
    let used = addresses_in_use(visit.cloud(), subnet.id)
        .filter(|(address, _)| is_pooled(*address))
        .count();
    pool_size(subnet).saturating_sub(used as u128)
}

/// Why no server can be put on a network.
pub(super) fn network_fault(visit: &Visit, network: &Network) -> Option<&'static str> {
    let t = visit.t();
    let mut subnets = visit.cloud().subnets_of_network(network.id).peekable();
    if subnets.peek().is_none() {
        return Some(t.launch_network_without_subnet());
    }
    subnets
        .all(|subnet| free_addresses(visit, subnet) == 0)
        .then(|| t.launch_network_full())
}

/// Networks to choose from.
pub(super) fn network_choices(visit: &Visit) -> Vec<Choice> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let choice = |network: &Arc<Network>| {
        let subnets = cloud.subnets_of_network(network.id).map(|subnet| {
            if subnet.is_ipv6() {
                return subnet.cidr.to_string();
            }
            format!("{} ({})", subnet.cidr, t.free_addresses(free_addresses(visit, subnet)))
        });
        let mut notes: Vec<_> = subnets.collect();
        let fault = network_fault(visit, network);
        notes.extend(fault.map(str::to_owned));
        Choice::new(
            format!("network:{}", network.id),
            networks::name_of(t, &network.standard),
        )
        .note(notes.join(" · "))
        .out(fault.is_some())
    };
    networks(visit).iter().map(choice).collect()
}

/// A port's name, else the start of its id.
pub(super) fn port_name(port: &Port) -> String {
    named(Some(&port.standard.name), &port.id.to_string())
}

/// Ports of the project that nothing is plugged into.
pub(super) fn port_choices(visit: &Visit) -> Vec<Choice> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let is_free = |port: &Port| {
        port.standard.project_id == *visit.project_id()
            && port.device_id.is_empty()
            && port.device_owner.is_empty()
            && port.attachment.is_none()
            && !port.fixed_ips.is_empty()
    };
    let free = cloud.ports.iter().filter(|port| is_free(port));
    free.filter_map(|port| {
        let network = cloud
            .networks
            .get(&port.network_id)
            .filter(|network| !network.external)?;
        let addresses: Vec<_> = port
            .fixed_ips
            .iter()
            .map(|fixed| fixed.ip_address.to_string())
            .collect();
        let note = t.launch_port_on(addresses.join(", "), networks::name_of(t, &network.standard));
        Some(Choice::new(format!("port:{}", port.id), t.launch_port_named(port_name(port))).note(note))
    })
    .collect()
}

/// The project's security groups, its own default first.
pub(super) fn groups(visit: &Visit) -> Vec<Arc<SecurityGroup>> {
    let cloud = visit.cloud();
    let ids = cloud.lookups.groups_by_project.of(visit.project_id());
    let mut found: Vec<_> = ids.filter_map(|id| cloud.security_groups.get(id)).cloned().collect();
    found.sort_by_key(|group| (!group.is_default, group.standard.name.to_lowercase()));
    found
}

/// The visitor's key pairs, by name.
pub(super) fn keys(visit: &Visit) -> Vec<Arc<Keypair>> {
    keypair::of_user(visit.cloud(), &visit.actor().user_id)
        .cloned()
        .collect()
}

/// The project's server groups.
pub(super) fn server_groups(visit: &Visit) -> Vec<Arc<ServerGroup>> {
    let all = visit.cloud().server_groups.iter();
    all.filter(|group| group.project_id == *visit.project_id())
        .cloned()
        .collect()
}

/// A flavor, and what it lacks.
pub(super) struct Offer {
    /// The flavor.
    pub flavor: Arc<Flavor>,
    /// Why it can't be taken, each with the figure that is missing.
    pub lacks: Vec<String>,
}

/// Flavors, small ones first.
pub(super) fn offers(visit: &Visit, wish: &Wish<'_>) -> Vec<Offer> {
    let member = visit.member();
    let mut flavors: Vec<_> = visit
        .cloud()
        .flavors
        .iter()
        .filter(|flavor| flavor.is_visible_to(&member))
        .cloned()
        .collect();
    flavors.sort_by_key(|flavor| (flavor.memory_mib, flavor.vcpus, flavor.root_gib, flavor.name.clone()));
    let hosts = visit.control().scheduling();
    let candidates = hosts.candidates(visit.cloud());
    let offer = |flavor: Arc<Flavor>| {
        let mut lacks = lacks_for_image(visit.t(), wish, &flavor);
        let request = Request {
            claim: Claim::of_new(&as_kept(&flavor), wish.local_bytes()),
            ..Request::default()
        };
        if let Err(none) = schedule::choose(&candidates, &hosts.policy, &request) {
            let nearest = none
                .hosts
                .iter()
                .map(|(_, missing)| missing)
                .min_by_key(|missing| missing.len());
            match nearest {
                Some(missing) => lacks.extend(missing.iter().map(|missing| host_lacks(visit.t(), missing))),
                None => lacks.push(visit.t().launch_no_host().to_owned()),
            }
        }
        let shares = quota::shares(visit, Some(&flavor), 1, 0);
        lacks.extend(shares.iter().filter_map(|share| share.excess(visit.t())));
        Offer { flavor, lacks }
    };
    flavors.into_iter().map(offer).collect()
}

fn lacks_for_image(t: Text, wish: &Wish<'_>, flavor: &Flavor) -> Vec<String> {
    let Some(image) = wish.local_image() else {
        return Vec::new();
    };
    let words = |shortage: &Shortage| match *shortage {
        Shortage::Memory { has, needs } => {
            t.launch_lacks_memory(ui::mebibytes(t, needs), ui::mebibytes(t, needs - has))
        }
        Shortage::Disk { has, needs } | Shortage::MinDisk { has, needs } => t.launch_lacks_disk(
            ui::mebibytes(t, needs.div_ceil(MIB)),
            ui::mebibytes(t, (needs - has).div_ceil(MIB)),
        ),
    };
    boot_image::shortages(image, &as_kept(flavor))
        .iter()
        .map(words)
        .collect()
}

fn host_lacks(t: Text, missing: &Missing) -> String {
    match missing {
        Missing::Vcpus { asked, free } => t.launch_host_vcpus(asked, free),
        Missing::Memory { asked, free } => t.launch_host_memory(ui::mebibytes(t, *asked), ui::mebibytes(t, *free)),
        Missing::Disk { asked, free } => t.launch_host_disk(ui::gibibytes(t, *asked), ui::gibibytes(t, *free)),
        Missing::Down => t.launch_host_down().to_owned(),
        other => other.to_string(),
    }
}

/// How many of `count` servers of a flavor find room on the hosts as they are now.
pub(super) fn servers_that_fit(visit: &Visit, wish: &Wish<'_>, flavor: &Flavor) -> u64 {
    let hosts = visit.control().scheduling();
    let mut candidates = hosts.candidates(visit.cloud());
    let request = Request {
        claim: Claim::of_new(&as_kept(flavor), wish.local_bytes()),
        ..Request::default()
    };
    for index in 0..wish.count {
        let Ok(host) = schedule::choose(&candidates, &hosts.policy, &request) else {
            return index;
        };
        for candidate in candidates.iter_mut().filter(|candidate| candidate.host == host) {
            candidate.taken = candidate.taken.plus(request.claim);
        }
    }
    wish.count
}
