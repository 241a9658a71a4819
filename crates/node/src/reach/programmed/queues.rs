//! What a port's devices hold back, redirect and tag: limits of bandwidth, and the programs of trunks.

use std::collections::BTreeMap;

use linux::bpf::Program;
use linux::netlink::{Filter, HeldTo, Link, Rtnl};
use model::host::{BandwidthLimit, Direction, PortConfig, TrunkConfig};
use model::reach::{Device, DeviceRole, HostObject, Property, State};

use super::look::{Look, Space, Wanted};
use crate::network::names::{ifb_device, trunk_device};
use crate::network::shape;

/// Compares what a port is held to, and who has a turn at what enters its device.
pub fn check(look: &mut Look<'_>, space: &Space, port: &PortConfig, (device, link): (&Device, &Link), mtu: u32) {
    let (to, from) = shape::limits(port);
    let beside = space.device(&ifb_device(port.id), DeviceRole::Intermediate(port.id));
    let read = |index: u32| -> linux::Result<(Option<HeldTo>, Vec<Filter>)> {
        let mut nl = Rtnl::open(&space.ns)?;
        Ok((nl.held_to(index)?, nl.filters(index)?))
    };
    let (held, filters) = match read(link.index) {
        Ok(read) => read,
        Err(error) => {
            let object = HostObject::Property {
                device: device.clone(),
                property: Property::Discipline,
            };
            return look.unreadable(object, &error);
        }
    };
    compare(
        look,
        port,
        Direction::Ingress,
        to.map(|limit| held_by(limit, mtu)),
        held,
    );
    if to.is_none() && held.is_none() {
        look.check_discipline(device, link);
    }
    check_redirection(look, space, port, (from, mtu), &beside, &filters);
    check_program(look, space, port, device, &filters);
    let is_known = |filter: &&Filter| filter.is_program() || filter.is_redirection();
    let others = filters.iter().filter(|filter| !is_known(filter)).count();
    if others > 0 {
        look.property_differs(
            device,
            Property::Filters,
            "none",
            format!("{others} of somebody else's"),
        );
    }
}

/// What a limit is in the kernel's terms.
fn held_by(limit: BandwidthLimit, mtu: u32) -> HeldTo {
    let bucket = shape::bucket(limit, mtu);
    HeldTo {
        rate: bucket.rate,
        limit: bucket.limit,
    }
}

fn compare(look: &mut Look<'_>, port: &PortConfig, direction: Direction, want: Option<HeldTo>, have: Option<HeldTo>) {
    let object = HostObject::BandwidthLimit {
        port: port.id,
        direction,
    };
    let text = |held: HeldTo| format!("{} bytes a second, {} of them waiting", held.rate, held.limit);
    match (want, have) {
        (Some(want), Some(have)) if want != have => look.differs(object, text(want), text(have)),
        (Some(_), None) => look.note(object, State::Missing),
        (None, Some(_)) => look.note(object, State::Unwanted),
        _ => {}
    }
}

/// What a port sends is led through a device of its own, where it waits.
fn check_redirection(
    look: &mut Look<'_>,
    space: &Space,
    port: &PortConfig,
    (from, mtu): (Option<BandwidthLimit>, u32),
    beside: &Device,
    filters: &[Filter],
) {
    let object = HostObject::BandwidthLimit {
        port: port.id,
        direction: Direction::Egress,
    };
    let redirects = filters.iter().find(|filter| filter.is_redirection());
    let Some(limit) = from else {
        if redirects.is_some() {
            look.note(object, State::Unwanted);
        }
        if space.link(&beside.name).is_some() {
            look.note(HostObject::Device(beside.clone()), State::Unwanted);
        }
        return;
    };
    let wanted = Wanted {
        kind: "ifb",
        up: Some(true),
        ..Wanted::default()
    };
    let Some(between) = look.check_link(space, beside, &wanted) else {
        return;
    };
    match redirects.map(|filter| filter.redirects_to) {
        None => return look.note(object, State::Missing),
        Some(to) if to != Some(between.index) => {
            let have = to.map_or_else(|| "nowhere".to_owned(), |index| space.name_of(index));
            return look.differs(object, format!("by {}", between.name), format!("by {have}"));
        }
        Some(_) => {}
    }
    match Rtnl::open(&space.ns).and_then(|mut nl| nl.held_to(between.index)) {
        Ok(have) => compare(look, port, Direction::Egress, Some(held_by(limit, mtu)), have),
        Err(error) => look.unreadable(object, &error),
    }
}

/// The program that takes the tags off what a trunk's parent sends; nobody else has one.
fn check_program(look: &mut Look<'_>, space: &Space, port: &PortConfig, device: &Device, filters: &[Filter]) {
    let trunk = look.config.trunks.values().find(|trunk| trunk.parent == port.id);
    let have = filters.iter().find(|filter| filter.is_program());
    let want = trunk.and_then(|trunk| untagging(space, trunk));
    let is_trunk = trunk.is_some();
    note_program(look, device, (want, is_trunk), have);
}

/// The program that a trunk's parent has; `None` while ends of subports are missing, which is told of them.
fn untagging(space: &Space, trunk: &TrunkConfig) -> Option<Program> {
    let end = |port| space.link(&trunk_device(port)).map(|link| link.index);
    let subports = trunk.subports.iter();
    let devices: Option<BTreeMap<u16, u32>> = subports.map(|(vlan, sub)| Some((*vlan, end(sub.port_id)?))).collect();
    devices.map(|devices| Program::untag(&devices))
}

/// The program that tags what a subport sends on its way to the parent's tap (`parent`: its index).
pub fn check_tagging(
    look: &mut Look<'_>,
    space: &Space,
    (device, link): (&Device, &Link),
    vlan: u16,
    parent: Option<u32>,
) {
    let filters = match Rtnl::open(&space.ns).and_then(|mut nl| nl.filters(link.index)) {
        Ok(filters) => filters,
        Err(error) => {
            let object = HostObject::Property {
                device: device.clone(),
                property: Property::Program,
            };
            return look.unreadable(object, &error);
        }
    };
    let want = parent.map(|parent| Program::tag(vlan, parent));
    note_program(
        look,
        device,
        (want, true),
        filters.iter().find(|filter| filter.is_program()),
    );
}

fn note_program(
    look: &mut Look<'_>,
    device: &Device,
    (want, is_wanted): (Option<Program>, bool),
    have: Option<&Filter>,
) {
    let object = HostObject::Property {
        device: device.clone(),
        property: Property::Program,
    };
    match (want, have) {
        (Some(_), None) => look.note(object, State::Missing),
        (Some(want), Some(have)) if have.program.as_deref() != Some(&want.name()) => {
            let have = have.program.as_deref().unwrap_or("something else");
            look.differs(object, want.name(), have);
        }
        (None, Some(_)) if !is_wanted => look.note(object, State::Unwanted),
        _ => {}
    }
}
