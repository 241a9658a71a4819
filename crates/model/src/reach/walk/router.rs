//! A router: translation, routes, what it does not pass on. This is what the namespace does that `node` makes of it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::hop::{End, Event, Neighbour, Place, RouteBy};
use super::nat::{Tracked, snat_address};
use super::obstacle::Obstacle;
use super::tracking::State;
use super::walker::{Link, Next, Onward, Step, Walker};
use crate::host::{RouterConfig, Scopes};
use crate::reach::flow::protocol;
use crate::{AddressScopeId, PortId, RouterId};

/// Where the metadata service of a router listens.
pub const METADATA_PORT: u16 = 9697;

/// Where a router sends a packet.
enum Aim {
    /// It is for the router itself.
    Here,
    /// By one of its ports.
    Out(Out),
}

/// A way out of a router.
#[derive(Clone, Copy)]
struct Out {
    port: PortId,
    link: Link,
    nexthop: IpAddr,
    by: RouteBy,
    /// The router's own address there.
    own: IpAddr,
}

impl<'a> Walker<'a> {
    /// A router itself sends the packet.
    pub fn leave_router(&mut self, id: RouterId) -> Step<Next> {
        let place = Place::Router(id);
        let router = self.router(id)?;
        if !router.admin_state_up {
            self.unless_assumed(place, Event::Sent, Obstacle::RouterAdminDown { router: id })?;
        }
        if self.packet.source.is_unspecified() {
            match aim(router, self.packet.destination) {
                Some(Aim::Here) => self.packet.source = self.packet.destination,
                Some(Aim::Out(out)) => self.packet.source = out.own,
                None => {}
            }
        }
        self.pass(place, Event::Sent);
        let tracked = self.translate_destination(router, None);
        match self.aim(router)? {
            Aim::Here => self.let_in(router, tracked).map(Next::End),
            Aim::Out(out) => Ok(self.send_out(router, out, tracked)),
        }
    }

    /// The packet has come to a router by one of its ports.
    pub fn enter_router(&mut self, id: RouterId, by: PortId) -> Step<Next> {
        let router = self.router(id)?;
        self.forward(Place::Router(id))?;
        let tracked = self.translate_destination(router, Some(by));
        match self.aim(router)? {
            Aim::Here => self.let_in(router, tracked).map(Next::End),
            Aim::Out(out) => {
                self.filter_version_4(router, by, out, tracked)?;
                self.filter_version_6(router, by, out)?;
                Ok(self.send_out(router, out, tracked))
            }
        }
    }

    fn router(&mut self, id: RouterId) -> Step<&'a RouterConfig> {
        match self.config.routers.get(&id) {
            Some(router) => Ok(router),
            None => Err(self.stop(Place::Router(id), Event::Sent, Obstacle::RouterMissing { router: id })),
        }
    }

    fn aim(&mut self, router: &RouterConfig) -> Step<Aim> {
        let (place, destination) = (Place::Router(router.id), self.packet.destination);
        if let Some(aim) = aim(router, destination) {
            return Ok(aim);
        }
        let gateways = router.gateway.iter().flat_map(|gateway| &gateway.gateways);
        let obstacle = match gateways
            .clone()
            .any(|gateway| gateway.is_ipv4() == destination.is_ipv4())
        {
            true => Obstacle::NoRoute { place, destination },
            false => Obstacle::RouterHasNoGateway {
                router: router.id,
                destination,
            },
        };
        Err(self.stop(place, Event::Sent, obstacle))
    }

    fn send_out(&mut self, router: &RouterConfig, out: Out, tracked: Tracked) -> Next {
        self.pass(Place::Router(router.id), Event::Routed(out.by));
        self.translate_source(router, out.port, tracked);
        Next::Onward(Onward {
            sender: Neighbour::Router {
                router: router.id,
                port: out.port,
            },
            link: out.link,
            nexthop: out.nexthop,
            by: out.by,
        })
    }

    /// What is for the router itself: chain `guard`.
    fn let_in(&mut self, router: &RouterConfig, tracked: Tracked) -> Step<End> {
        self.translate_back(router, tracked);
        let (place, packet) = (Place::Router(router.id), self.packet);
        let to_metadata = (packet.protocol, packet.destination_port()) == (protocol::TCP, Some(METADATA_PORT));
        if !to_metadata || packet.destination.is_ipv6() {
            return Ok(End::Router(router.id));
        }
        if !tracked.is_dnat {
            let obstacle = Obstacle::MetadataOnly { router: router.id };
            self.unless_assumed(place, Event::Arrived(End::Metadata(place)), obstacle)?;
        }
        Ok(End::Metadata(place))
    }

    /// What IPv4 does not pass on: chain `through`.
    fn filter_version_4(&mut self, router: &RouterConfig, by: PortId, out: Out, tracked: Tracked) -> Step<()> {
        if self.packet.destination.is_ipv6() {
            return Ok(());
        }
        let place = Place::Router(router.id);
        let is_outward = router
            .gateway
            .as_ref()
            .is_some_and(|gateway| gateway.port_id == out.port);
        let translates = router
            .gateway
            .as_ref()
            .is_some_and(|gateway| snat_address(gateway).is_some());
        if is_outward && translates && tracked.state == State::Invalid {
            self.unless_assumed(place, Event::ConnectionTracking, Obstacle::InvalidState { place })?;
        }
        let differ = !is_outward && self.scopes_differ(router, by, out.port, |scopes| scopes.v4);
        self.compare_scopes(
            router,
            (by, out.port),
            differ && tracked.state == State::New && !tracked.is_dnat,
        )
    }

    /// What IPv6 does not pass on: between scopes nothing, and from outside only what is proxied where anything is.
    fn filter_version_6(&mut self, router: &RouterConfig, by: PortId, out: Out) -> Step<()> {
        let IpAddr::V6(destination) = self.packet.destination else {
            return Ok(());
        };
        let differ = self.scopes_differ(router, by, out.port, |scopes| scopes.v6);
        self.compare_scopes(router, (by, out.port), differ)?;
        let Some(proxies) = &router.ndp_proxies else {
            return Ok(());
        };
        let is_inward = router.gateway.as_ref().is_some_and(|gateway| gateway.port_id == by);
        let mut nets = router.legs.iter().flat_map(|leg| &leg.addresses);
        if !is_inward || !nets.any(|net| net.contains(&self.packet.destination)) {
            return Ok(());
        }
        let place = Place::Router(router.id);
        if proxies.contains(&destination) {
            self.pass(place, Event::NdpProxy);
            return Ok(());
        }
        let obstacle = Obstacle::NdpProxyMissing {
            router: router.id,
            address: self.packet.destination,
        };
        self.unless_assumed(place, Event::NdpProxy, obstacle)
    }

    fn scopes_differ(&self, router: &RouterConfig, from: PortId, to: PortId, of: fn(&Scopes) -> Scope) -> bool {
        scope(router, from, of) != scope(router, to, of)
    }

    fn compare_scopes(&mut self, router: &RouterConfig, (from, to): (PortId, PortId), is_dropped: bool) -> Step<()> {
        let (place, event) = (Place::Router(router.id), Event::AddressScopes { from, to });
        if is_dropped {
            let obstacle = Obstacle::AddressScopes {
                router: router.id,
                from,
                to,
            };
            return self.unless_assumed(place, event, obstacle);
        }
        if !router.scopes.is_empty() {
            self.pass(place, event);
        }
        Ok(())
    }
}

type Scope = Option<AddressScopeId>;

fn scope(router: &RouterConfig, port: PortId, of: fn(&Scopes) -> Scope) -> Scope {
    router.scopes.get(&port).and_then(of)
}

/// Whether an address is in a network of the same scope as the router's provider network, so that it is not translated.
pub fn is_in_gateways_scope(router: &RouterConfig, address: IpAddr) -> bool {
    let of = |port| scope(router, port, |scopes| scopes.v4);
    let Some(outer) = router.gateway.as_ref().and_then(|gateway| of(gateway.port_id)) else {
        return false;
    };
    let mut legs = router.legs.iter().filter(|leg| of(leg.port_id) == Some(outer));
    legs.any(|leg| leg.addresses.iter().any(|net| net.contains(&address)))
}

/// Where a router sends what is for an address; `None` if it knows no way.
fn aim(router: &RouterConfig, destination: IpAddr) -> Option<Aim> {
    let gateway = router.gateway.as_ref();
    let legs = router.legs.iter().flat_map(|leg| &leg.addresses);
    let mut own = legs.chain(gateway.iter().flat_map(|gateway| &gateway.addresses));
    if own.any(|net| net.addr() == destination) || (gateway.is_some() && has_floating(router, destination)) {
        return Some(Aim::Here);
    }
    let near = connected(router, destination);
    let extra = router
        .routes
        .iter()
        .filter(|route| route.destination.contains(&destination));
    let extra = extra.filter_map(|route| {
        let (_, out) = connected(router, route.nexthop)?;
        let by = RouteBy::Route {
            destination: route.destination.trunc(),
            nexthop: route.nexthop,
        };
        Some((route.destination.prefix_len(), Out { by, ..out }))
    });
    // The longest prefix; of two of the same length, what is on the link.
    let best = extra.chain(near).max_by_key(|(length, _)| *length);
    if let Some((_, out)) = best {
        return Some(Aim::Out(out));
    }
    let gateway = gateway?;
    let any = |net: &IpNet| net.prefix_len() == 0 && net.addr().is_ipv4() == destination.is_ipv4();
    if router.routes.iter().any(|route| any(&route.destination)) {
        // An extra route to everywhere takes the place of the gateway's, even one that leads nowhere.
        return None;
    }
    let nexthop = *gateway
        .gateways
        .iter()
        .find(|next| next.is_ipv4() == destination.is_ipv4())?;
    let own = |net: &&IpNet| net.addr().is_ipv4() == nexthop.is_ipv4();
    let near = gateway.addresses.iter().find(|net| net.contains(&nexthop));
    let own = near.or_else(|| gateway.addresses.iter().find(own))?.addr();
    Some(Aim::Out(Out {
        port: gateway.port_id,
        link: Link::External(gateway.network_id),
        nexthop,
        by: RouteBy::Default {
            nexthop,
            port: Some(gateway.port_id),
        },
        own,
    }))
}

/// Whether an address is a floating IP of a router, or one of which it forwards ports.
pub fn has_floating(router: &RouterConfig, address: IpAddr) -> bool {
    let mut forwarded = router.forwardings.iter().map(|forwarding| forwarding.floating);
    router.floating_ips.iter().any(|ip| IpAddr::V4(ip.floating) == address)
        || forwarded.any(|floating| IpAddr::V4(floating) == address)
}

/// The router's link that an address is on, with the length of the prefix.
fn connected(router: &RouterConfig, address: IpAddr) -> Option<(u8, Out)> {
    let legs = router.legs.iter().map(|leg| {
        (
            leg.port_id,
            Link::Network(leg.network_id),
            leg.network_id,
            &leg.addresses,
        )
    });
    let gateway = router.gateway.iter().map(|leg| {
        let link = Link::External(leg.network_id);
        (leg.port_id, link, leg.network_id, &leg.addresses)
    });
    let links = legs.chain(gateway).flat_map(|(port, link, network, nets)| {
        nets.iter().map(move |net| {
            let by = RouteBy::Connected {
                network,
                port: Some(port),
            };
            (
                net,
                Out {
                    port,
                    link,
                    nexthop: address,
                    by,
                    own: net.addr(),
                },
            )
        })
    });
    let near = links.filter(|(net, _)| net.contains(&address));
    near.map(|(net, out)| (net.prefix_len(), out))
        .max_by_key(|(length, _)| *length)
}
