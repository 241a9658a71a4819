//! Routes of the main table (linux/rtnetlink.h).

use std::net::IpAddr;

use ipnet::IpNet;

use super::codec::{self, Message, flag};
use super::{Rtnl, address, bytes, family};
use crate::error::unless_gone;
use crate::{Error, Result};

const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;
const RTM_NEWRULE: u16 = 32;
const RTM_GETRULE: u16 = 34;
const FRA_PRIORITY: u16 = 6;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_TABLE: u16 = 15;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTN_BLACKHOLE: u8 = 6;
const RTN_UNREACHABLE: u8 = 7;
const RTN_PROHIBIT: u8 = 8;
const RT_TABLE_MAIN: u8 = 254;
const RT_SCOPE_LINK: u8 = 253;
const RTNH_F_ONLINK: u32 = 4;
/// `RTPROT_KERNEL`: made by the kernel for an address's prefix.
const RTPROT_KERNEL: u8 = 2;
/// `RTPROT_STATIC`.
const RTPROT_STATIC: u8 = 4;
/// Size of `struct rtmsg`.
const RTMSG: usize = 12;

/// What a route does with a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// Sends it on.
    #[default]
    Unicast,
    /// Drops it silently.
    Blackhole,
    /// Drops it and says so by ICMP.
    Unreachable,
    /// Drops it and says by ICMP that it is forbidden.
    Prohibit,
}

/// A route of the main table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// Destination prefix; `0.0.0.0/0` or `::/0` for the default.
    pub destination: IpNet,
    /// Next hop.
    pub gateway: Option<IpAddr>,
    /// Index of the link it leaves by.
    pub link: Option<u32>,
    /// The next hop is taken to be on the link even if no address says so.
    pub onlink: bool,
    /// What happens to packets.
    pub kind: RouteKind,
    /// Priority; lower wins. The kernel's default if none (0 for IPv4, 1024 for IPv6).
    pub metric: Option<u32>,
    /// Made by the kernel itself, for an address's prefix. Ignored when adding.
    pub by_kernel: bool,
}

/// Where the namespace would send a packet, by all of its tables and rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// The neighbour it is handed to; `None` if the destination itself is one.
    pub gateway: Option<IpAddr>,
    /// Index of the link it leaves by.
    pub link: u32,
    /// The address it is sent from, unless the sender says otherwise.
    pub source: Option<IpAddr>,
    /// The destination is an address of the namespace's own.
    pub local: bool,
}

impl Route {
    /// A route to a destination by a gateway.
    pub fn via(destination: IpNet, gateway: IpAddr, link: Option<u32>) -> Self {
        Self {
            gateway: Some(gateway),
            link,
            ..Self::to(destination)
        }
    }

    /// A route to a destination directly on a link.
    pub fn on(destination: IpNet, link: u32) -> Self {
        Self {
            link: Some(link),
            ..Self::to(destination)
        }
    }

    fn to(destination: IpNet) -> Self {
        Self {
            destination: destination.trunc(),
            gateway: None,
            link: None,
            onlink: false,
            kind: RouteKind::Unicast,
            metric: None,
            by_kernel: false,
        }
    }
}

impl Rtnl {
    /// The routes of the main table, both families.
    pub fn routes(&mut self) -> Result<Vec<Route>> {
        let message = Message::new(RTM_GETROUTE, 0, &[0; RTMSG]);
        self.socket.dump(
            || "list routes".into(),
            &message,
            |kind, payload| (kind == RTM_NEWROUTE).then(|| parse(payload)).flatten(),
        )
    }

    /// Where a packet to an address would go; `None` if there is no way.
    pub fn next_hop(&mut self, to: IpAddr) -> Result<Option<NextHop>> {
        let mut fixed = [0; RTMSG];
        fixed[0] = family(to);
        fixed[1] = if to.is_ipv4() { 32 } else { 128 };
        let mut message = Message::new(RTM_GETROUTE, 0, &fixed);
        message.attr(RTA_DST, &bytes(to));
        let mut found = None;
        let asked = self.socket.get(
            || format!("look up the way to {to}"),
            message,
            |kind, payload| {
                if kind == RTM_NEWROUTE {
                    found = parse_next_hop(payload);
                }
            },
        );
        match asked {
            Ok(()) => Ok(found),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(Error::Kernel { source, .. }) if is_no_way(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The priorities of the rules that say which table routes a packet, of both families (linux/fib_rules.h); the kernel's
    /// own are 0, 32766 and 32767.
    pub fn rule_priorities(&mut self) -> Result<Vec<u32>> {
        let message = Message::new(RTM_GETRULE, 0, &[0; RTMSG]);
        self.socket.dump(
            || "list routing rules".into(),
            &message,
            |kind, payload| {
                let mut attrs = codec::attrs_after(payload, RTMSG).filter(|_| kind == RTM_NEWRULE);
                let priority = attrs.find(|(kind, _)| *kind == FRA_PRIORITY);
                // That of priority 0 does not say so.
                (kind == RTM_NEWRULE).then(|| priority.and_then(|(_, value)| codec::to_u32(value)).unwrap_or(0))
            },
        )
    }

    /// Adds a route.
    pub fn add_route(&mut self, route: &Route) -> Result<()> {
        self.put_route(route, flag::CREATE | flag::EXCL, "add")
    }

    /// Adds a route, or replaces the one with the same destination and metric.
    pub fn replace_route(&mut self, route: &Route) -> Result<()> {
        self.put_route(route, flag::CREATE | flag::REPLACE, "replace")
    }

    /// Takes a route away. False if there was none.
    pub fn delete_route(&mut self, route: &Route) -> Result<bool> {
        let message = message(RTM_DELROUTE, 0, route);
        let doing = || format!("delete the route to {}", route.destination);
        unless_gone(self.socket.ask(doing, message))
    }

    fn put_route(&mut self, route: &Route, flags: u16, verb: &str) -> Result<()> {
        let message = message(RTM_NEWROUTE, flags, route);
        let doing = || match route.gateway {
            Some(gateway) => format!("{verb} the route to {} via {gateway}", route.destination),
            None => format!("{verb} the route to {}", route.destination),
        };
        self.socket.ask(doing, message)
    }
}

fn message(kind: u16, flags: u16, route: &Route) -> Message {
    let mut fixed = [0; RTMSG];
    fixed[0] = family(route.destination.addr());
    fixed[1] = route.destination.prefix_len();
    fixed[4] = RT_TABLE_MAIN;
    fixed[5] = if kind == RTM_DELROUTE { 0 } else { RTPROT_STATIC };
    // Scope "nowhere" (255) lets a deletion match any scope.
    fixed[6] = match (kind, route.gateway) {
        (RTM_DELROUTE, _) => 255,
        (_, None) if route.kind == RouteKind::Unicast => RT_SCOPE_LINK,
        _ => 0,
    };
    fixed[7] = match route.kind {
        RouteKind::Unicast => RTN_UNICAST,
        RouteKind::Blackhole => RTN_BLACKHOLE,
        RouteKind::Unreachable => RTN_UNREACHABLE,
        RouteKind::Prohibit => RTN_PROHIBIT,
    };
    let bits = if route.onlink { RTNH_F_ONLINK } else { 0 };
    fixed[8..12].copy_from_slice(&bits.to_ne_bytes());
    let mut message = Message::new(kind, flags, &fixed);
    if route.destination.prefix_len() > 0 {
        message.attr(RTA_DST, &bytes(route.destination.addr()));
    }
    if let Some(gateway) = route.gateway {
        message.attr(RTA_GATEWAY, &bytes(gateway));
    }
    if let Some(link) = route.link {
        message.u32(RTA_OIF, link);
    }
    if let Some(metric) = route.metric {
        message.u32(RTA_PRIORITY, metric);
    }
    message
}

/// Whether a look-up failed because a route says that there is no way (or none does), and not for itself.
fn is_no_way(error: &std::io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL)
    )
}

fn parse_next_hop(payload: &[u8]) -> Option<NextHop> {
    let kind = *payload.get(7)?;
    if kind != RTN_UNICAST && kind != RTN_LOCAL {
        return None;
    }
    let (mut gateway, mut link, mut source) = (None, None, None);
    for (kind, value) in codec::attrs_after(payload, RTMSG) {
        match kind {
            RTA_GATEWAY => gateway = address(value),
            RTA_OIF => link = codec::to_u32(value),
            RTA_PREFSRC => source = address(value),
            _ => {}
        }
    }
    Some(NextHop {
        gateway,
        link: link?,
        source,
        local: kind == RTN_LOCAL,
    })
}

/// Reads a route of the main table; others (local, broadcast, other tables) are none of ours.
fn parse(payload: &[u8]) -> Option<Route> {
    let v4 = i32::from(*payload.first()?) == libc::AF_INET;
    let prefix = *payload.get(1)?;
    let mut table = u32::from(*payload.get(4)?);
    let kind = match *payload.get(7)? {
        RTN_UNICAST => RouteKind::Unicast,
        RTN_BLACKHOLE => RouteKind::Blackhole,
        RTN_UNREACHABLE => RouteKind::Unreachable,
        RTN_PROHIBIT => RouteKind::Prohibit,
        _ => return None,
    };
    let any: IpAddr = if v4 { [0; 4].into() } else { [0; 16].into() };
    let mut route = Route {
        destination: IpNet::new(any, 0).ok()?,
        gateway: None,
        link: None,
        onlink: codec::u32_at(payload, 8)? & RTNH_F_ONLINK != 0,
        kind,
        metric: None,
        by_kernel: *payload.get(5)? == RTPROT_KERNEL,
    };
    let mut destination = any;
    for (kind, value) in codec::attrs_after(payload, RTMSG) {
        match kind {
            RTA_DST => destination = address(value)?,
            RTA_GATEWAY => route.gateway = address(value),
            RTA_OIF => route.link = codec::to_u32(value),
            RTA_PRIORITY => route.metric = codec::to_u32(value),
            RTA_TABLE => table = codec::to_u32(value)?,
            _ => {}
        }
    }
    if table != u32::from(RT_TABLE_MAIN) {
        return None;
    }
    route.destination = IpNet::new(destination, prefix).ok()?;
    Some(route)
}
