//! Links: list, create, change, delete (rtnetlink(7), linux/if_link.h).

use std::os::fd::{AsFd, AsRawFd};

use super::Rtnl;
use super::codec::{self, Message, flag};
use crate::error::unless_gone;
use crate::{Error, Mac, Netns, Result};

pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_QDISC: u16 = 6;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_GROUP: u16 = 27;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_INFO_SLAVE_KIND: u16 = 4;
const IFLA_INFO_SLAVE_DATA: u16 = 5;
const VETH_INFO_PEER: u16 = 1;
const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_BR_STP_STATE: u16 = 5;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_VXLAN_ID: u16 = 1;
const IFLA_VXLAN_PORT: u16 = 15;
const IFLA_VLAN_ID: u16 = 1;
/// The registered UDP port of VXLAN.
const VXLAN_PORT: u16 = 4789;
const IFLA_BRPORT_STATE: u16 = 1;
const IFLA_BRPORT_MODE: u16 = 4;
const IFLA_BRPORT_LEARNING: u16 = 8;
const IFLA_BRPORT_UNICAST_FLOOD: u16 = 9;
const IFLA_BRPORT_NEIGH_SUPPRESS: u16 = 32;
const IFLA_BRPORT_ISOLATED: u16 = 33;

const IFF_UP: u32 = 1;
const IFF_LOWER_UP: u32 = 0x1_0000;
/// Size of `struct ifinfomsg`.
const IFINFO: usize = 16;

/// A network device as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Number within the namespace.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// `bridge`, `veth`, `tun`, ...; none for the loopback device and hardware.
    pub kind: Option<String>,
    /// Ethernet address.
    pub mac: Option<Mac>,
    /// Maximum packet size in bytes.
    pub mtu: u32,
    /// Whether it is set up.
    pub up: bool,
    /// Whether it has a carrier.
    pub carrier: bool,
    /// Index of the bridge it is in.
    pub master: Option<u32>,
    /// Index of the other end of a veth, in that end's namespace.
    pub peer: Option<u32>,
    /// Whether the other end is in another namespace.
    pub peer_elsewhere: bool,
    /// Device group, for deletion of many at once.
    pub group: u32,
    /// Free text shown by `ip link`.
    pub alias: Option<String>,
    /// What orders the packets that leave it (`noqueue`, `tbf`, ...).
    pub discipline: Option<String>,
    /// How it is on its bridge; none for a link that is on no bridge.
    pub on_bridge: Option<OnBridge>,
}

/// How a link is on its bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnBridge {
    /// `BR_STATE_*` of linux/if_bridge.h: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking.
    pub state: u8,
    /// Whether source addresses are learned.
    pub learning: bool,
    /// Whether it gets frames for unknown destinations.
    pub unicast_flood: bool,
    /// Whether it is kept from other isolated links.
    pub isolated: bool,
}

/// A bridge to be made: no spanning tree, no forward delay, up at once.
#[derive(Clone, Copy, Debug)]
pub struct Bridge<'a> {
    /// Interface name.
    pub name: &'a str,
    /// A bridge without a fixed address takes the lowest of its ports, and changes with them.
    pub mac: Option<Mac>,
    /// Maximum packet size in bytes.
    pub mtu: Option<u32>,
    /// Whether multicast goes only to ports that asked for it by IGMP or MLD.
    pub multicast_snooping: bool,
}

/// One end of a veth pair.
#[derive(Clone, Copy, Debug, Default)]
pub struct VethEnd<'a> {
    /// Interface name.
    pub name: &'a str,
    /// Ethernet address; random if none.
    pub mac: Option<Mac>,
    /// Device group.
    pub group: Option<u32>,
}

/// A veth pair to be made. The near end is in the socket's namespace and up at once. The far end
/// is down: the kernel would open it before its peer is there, and refuse (`ENOTCONN`). So it is
/// set up by a second request, in its own namespace.
#[derive(Clone, Copy, Debug)]
pub struct Veth<'a> {
    /// The end in the socket's namespace.
    pub near: VethEnd<'a>,
    /// Index of the bridge the near end goes into.
    pub master: Option<u32>,
    /// The other end.
    pub far: VethEnd<'a>,
    /// Where the other end is made; the same namespace if none.
    pub far_netns: Option<&'a Netns>,
    /// Maximum packet size in bytes, of both ends.
    pub mtu: Option<u32>,
}

/// What to change of a link; `None` leaves a property as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkChange<'a> {
    /// Interface name.
    pub name: Option<&'a str>,
    /// Text that `ip link` shows as alias.
    pub alias: Option<&'a str>,
    /// Ethernet address.
    pub mac: Option<Mac>,
    /// Maximum packet size in bytes.
    pub mtu: Option<u32>,
    /// Index of the bridge it goes into, 0 for none.
    pub master: Option<u32>,
    /// Up or down.
    pub up: Option<bool>,
}

/// Flags of a bridge's port; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct BridgePort {
    /// Send a frame back out of the port it came in by.
    pub hairpin: Option<bool>,
    /// Learn source addresses.
    pub learning: Option<bool>,
    /// Flood frames for unknown destinations to it.
    pub unicast_flood: Option<bool>,
    /// No traffic to other isolated ports.
    pub isolated: Option<bool>,
    /// Answer ARP and NDP from the neighbour table.
    pub neigh_suppress: Option<bool>,
}

impl Rtnl {
    /// All links of the namespace.
    pub fn links(&mut self) -> Result<Vec<Link>> {
        let message = Message::new(RTM_GETLINK, 0, &ifinfo(0, 0, 0));
        self.socket.dump(
            || "list links".into(),
            &message,
            |kind, payload| (kind == RTM_NEWLINK).then(|| parse(payload)).flatten(),
        )
    }

    /// The link with a name.
    pub fn link(&mut self, name: &str) -> Result<Link> {
        let doing = || format!("look up link {name}");
        let mut message = Message::new(RTM_GETLINK, 0, &ifinfo(0, 0, 0));
        message.text(IFLA_IFNAME, name);
        let mut found = None;
        self.socket.get(doing, message, |kind, payload| {
            if kind == RTM_NEWLINK {
                found = parse(payload);
            }
        })?;
        found.ok_or_else(|| Error::Malformed { doing: doing() })
    }

    /// The link with a name, if there is one.
    pub fn find_link(&mut self, name: &str) -> Result<Option<Link>> {
        match self.link(name) {
            Ok(link) => Ok(Some(link)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The link with an index, if there is one.
    pub fn find_index(&mut self, index: u32) -> Result<Option<Link>> {
        let message = Message::new(RTM_GETLINK, 0, &ifinfo(index, 0, 0));
        let mut found = None;
        let asked = self.socket.get(
            || format!("look up link {index}"),
            message,
            |kind, payload| {
                if kind == RTM_NEWLINK {
                    found = parse(payload);
                }
            },
        );
        match asked {
            Ok(()) => Ok(found),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a bridge and sets it up.
    pub fn create_bridge(&mut self, bridge: &Bridge<'_>) -> Result<()> {
        let mut message = Message::new(RTM_NEWLINK, flag::CREATE | flag::EXCL, &ifinfo(0, IFF_UP, IFF_UP));
        message.text(IFLA_IFNAME, bridge.name);
        if let Some(mac) = bridge.mac {
            message.attr(IFLA_ADDRESS, &mac.0);
        }
        if let Some(mtu) = bridge.mtu {
            message.u32(IFLA_MTU, mtu);
        }
        message.nest(IFLA_LINKINFO, |m| {
            m.text(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, |m| {
                m.u32(IFLA_BR_FORWARD_DELAY, 0)
                    .u32(IFLA_BR_STP_STATE, 0)
                    .u8(IFLA_BR_MCAST_SNOOPING, bridge.multicast_snooping.into());
            });
        });
        self.socket.ask(|| format!("create bridge {}", bridge.name), message)
    }

    /// Makes a veth pair: both names, addresses, MTU and the near end's master in one request.
    pub fn create_veth(&mut self, veth: &Veth<'_>) -> Result<()> {
        let near = &veth.near;
        let far = &veth.far;
        let common = |m: &mut Message, end: &VethEnd<'_>| {
            m.text(IFLA_IFNAME, end.name);
            if let Some(mac) = end.mac {
                m.attr(IFLA_ADDRESS, &mac.0);
            }
            if let Some(mtu) = veth.mtu {
                m.u32(IFLA_MTU, mtu);
            }
            if let Some(group) = end.group {
                m.u32(IFLA_GROUP, group);
            }
        };
        let fixed = ifinfo(0, IFF_UP, IFF_UP);
        let mut message = Message::new(RTM_NEWLINK, flag::CREATE | flag::EXCL, &fixed);
        common(&mut message, near);
        if let Some(master) = veth.master {
            message.u32(IFLA_MASTER, master);
        }
        message.nest(IFLA_LINKINFO, |m| {
            m.text(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, |m| {
                m.nest(VETH_INFO_PEER, |m| {
                    m.raw(&ifinfo(0, 0, 0));
                    common(m, far);
                    if let Some(ns) = veth.far_netns {
                        m.u32(IFLA_NET_NS_FD, ns.as_fd().as_raw_fd() as u32);
                    }
                });
            });
        });
        self.socket
            .ask(|| format!("create veth pair {} - {}", near.name, far.name), message)
    }

    /// Makes a VXLAN device (RFC 7348) with a network identifier, on the standard port.
    pub fn create_vxlan(&mut self, name: &str, id: u32) -> Result<()> {
        let mut message = Message::new(RTM_NEWLINK, flag::CREATE | flag::EXCL, &ifinfo(0, 0, 0));
        message.text(IFLA_IFNAME, name).nest(IFLA_LINKINFO, |m| {
            m.text(IFLA_INFO_KIND, "vxlan").nest(IFLA_INFO_DATA, |m| {
                m.u32(IFLA_VXLAN_ID, id)
                    .attr(IFLA_VXLAN_PORT, &VXLAN_PORT.to_be_bytes());
            });
        });
        self.socket.ask(|| format!("create VXLAN device {name}"), message)
    }

    /// Makes a VLAN (802.1Q) device on a link.
    pub fn create_vlan(&mut self, name: &str, parent: u32, id: u16) -> Result<()> {
        let mut message = Message::new(RTM_NEWLINK, flag::CREATE | flag::EXCL, &ifinfo(0, 0, 0));
        message
            .text(IFLA_IFNAME, name)
            .u32(IFLA_LINK, parent)
            .nest(IFLA_LINKINFO, |m| {
                m.text(IFLA_INFO_KIND, "vlan").nest(IFLA_INFO_DATA, |m| {
                    m.attr(IFLA_VLAN_ID, &id.to_ne_bytes());
                });
            });
        self.socket.ask(|| format!("create VLAN device {name}"), message)
    }

    /// Sets a link up.
    pub fn set_up(&mut self, index: u32) -> Result<()> {
        let message = Message::new(RTM_NEWLINK, 0, &ifinfo(index, IFF_UP, IFF_UP));
        self.socket.ask(|| format!("set link {index} up"), message)
    }

    /// Sets a link down.
    pub fn set_down(&mut self, index: u32) -> Result<()> {
        let message = Message::new(RTM_NEWLINK, 0, &ifinfo(index, 0, IFF_UP));
        self.socket.ask(|| format!("set link {index} down"), message)
    }

    /// Changes a link in one request. Fields that are `None` stay as they are.
    pub fn change_link(&mut self, index: u32, change: &LinkChange<'_>) -> Result<()> {
        let up = if change.up == Some(true) { IFF_UP } else { 0 };
        let mask = if change.up.is_some() { IFF_UP } else { 0 };
        let mut message = Message::new(RTM_NEWLINK, 0, &ifinfo(index, up, mask));
        if let Some(mac) = change.mac {
            message.attr(IFLA_ADDRESS, &mac.0);
        }
        if let Some(mtu) = change.mtu {
            message.u32(IFLA_MTU, mtu);
        }
        if let Some(name) = change.name {
            message.text(IFLA_IFNAME, name);
        }
        if let Some(alias) = change.alias {
            message.attr(IFLA_IFALIAS, alias.as_bytes());
        }
        if let Some(master) = change.master {
            message.u32(IFLA_MASTER, master);
        }
        self.socket.ask(|| format!("change link {index}"), message)
    }

    /// Moves links into a device group, for [`Rtnl::delete_group`]. Links that are gone are skipped.
    pub fn set_group(&mut self, indexes: &[u32], group: u32) -> Result<()> {
        let messages = indexes.iter().map(|index| {
            let mut message = Message::new(RTM_NEWLINK, 0, &ifinfo(*index, 0, 0));
            message.u32(IFLA_GROUP, group);
            (format!("set the group of link {index}"), message)
        });
        for result in self.socket.batch(messages.collect()) {
            unless_gone(result)?;
        }
        Ok(())
    }

    /// Moves a link into another namespace.
    pub fn set_netns(&mut self, index: u32, ns: &Netns) -> Result<()> {
        let fd = ns.as_fd().as_raw_fd() as u32;
        self.change(index, "move", |m| {
            m.u32(IFLA_NET_NS_FD, fd);
        })
    }

    /// Sets flags of a bridge's port.
    pub fn set_bridge_port(&mut self, index: u32, port: BridgePort) -> Result<()> {
        let flags = [
            (IFLA_BRPORT_MODE, port.hairpin),
            (IFLA_BRPORT_LEARNING, port.learning),
            (IFLA_BRPORT_UNICAST_FLOOD, port.unicast_flood),
            (IFLA_BRPORT_ISOLATED, port.isolated),
            (IFLA_BRPORT_NEIGH_SUPPRESS, port.neigh_suppress),
        ];
        self.change(index, "set bridge port flags of", |m| {
            m.nest(IFLA_LINKINFO, |m| {
                m.text(IFLA_INFO_SLAVE_KIND, "bridge").nest(IFLA_INFO_SLAVE_DATA, |m| {
                    for (kind, value) in flags {
                        if let Some(value) = value {
                            m.u8(kind, value.into());
                        }
                    }
                });
            });
        })
    }

    /// Deletes a link; waits for the kernel (tens of milliseconds). False if there was none.
    pub fn delete_link(&mut self, index: u32) -> Result<bool> {
        let message = Message::new(RTM_DELLINK, 0, &ifinfo(index, 0, 0));
        unless_gone(self.socket.ask(|| format!("delete link {index}"), message))
    }

    /// Deletes every link of a group with one wait for all. False if there was none.
    pub fn delete_group(&mut self, group: u32) -> Result<bool> {
        let mut message = Message::new(RTM_DELLINK, 0, &ifinfo(0, 0, 0));
        message.u32(IFLA_GROUP, group);
        unless_gone(self.socket.ask(|| format!("delete links of group {group}"), message))
    }

    fn change(&mut self, index: u32, verb: &str, fill: impl FnOnce(&mut Message)) -> Result<()> {
        let mut message = Message::new(RTM_NEWLINK, 0, &ifinfo(index, 0, 0));
        fill(&mut message);
        self.socket.ask(|| format!("{verb} link {index}"), message)
    }
}

/// `struct ifinfomsg` for any family.
pub(super) fn ifinfo(index: u32, flags: u32, change: u32) -> [u8; IFINFO] {
    let mut fixed = [0; IFINFO];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..12].copy_from_slice(&flags.to_ne_bytes());
    fixed[12..16].copy_from_slice(&change.to_ne_bytes());
    fixed
}

pub(super) fn parse(payload: &[u8]) -> Option<Link> {
    let flags = codec::u32_at(payload, 8)?;
    let mut link = Link {
        index: codec::u32_at(payload, 4)?,
        name: String::new(),
        kind: None,
        mac: None,
        mtu: 0,
        up: flags & IFF_UP != 0,
        carrier: flags & IFF_LOWER_UP != 0,
        master: None,
        peer: None,
        peer_elsewhere: false,
        group: 0,
        alias: None,
        discipline: None,
        on_bridge: None,
    };
    for (kind, value) in codec::attrs_after(payload, IFINFO) {
        match kind {
            IFLA_IFNAME => link.name = codec::to_text(value),
            IFLA_ADDRESS => link.mac = Mac::from_slice(value),
            IFLA_MTU => link.mtu = codec::to_u32(value)?,
            IFLA_MASTER => link.master = codec::to_u32(value),
            IFLA_LINK => link.peer = codec::to_u32(value),
            IFLA_LINK_NETNSID => link.peer_elsewhere = true,
            IFLA_GROUP => link.group = codec::to_u32(value)?,
            IFLA_QDISC => link.discipline = Some(codec::to_text(value)),
            IFLA_IFALIAS => link.alias = Some(codec::to_text(value)),
            IFLA_LINKINFO => {
                link.kind = codec::attrs(value)
                    .find(|(kind, _)| *kind == IFLA_INFO_KIND)
                    .map(|(_, text)| codec::to_text(text));
                link.on_bridge = on_bridge(value);
            }
            _ => {}
        }
    }
    Some(link)
}

fn on_bridge(info: &[u8]) -> Option<OnBridge> {
    let of = |kind| {
        codec::attrs(info)
            .find(|(each, _)| *each == kind)
            .map(|(_, value)| value)
    };
    if codec::to_text(of(IFLA_INFO_SLAVE_KIND)?) != "bridge" {
        return None;
    }
    let mut on_bridge = OnBridge::default();
    for (kind, value) in codec::attrs(of(IFLA_INFO_SLAVE_DATA)?) {
        let Some(byte) = value.first().copied() else { continue };
        match kind {
            IFLA_BRPORT_STATE => on_bridge.state = byte,
            IFLA_BRPORT_LEARNING => on_bridge.learning = byte != 0,
            IFLA_BRPORT_UNICAST_FLOOD => on_bridge.unicast_flood = byte != 0,
            IFLA_BRPORT_ISOLATED => on_bridge.isolated = byte != 0,
            _ => {}
        }
    }
    Some(on_bridge)
}
