//! DHCPv6 (RFC 8415) from the configuration: addresses for subnets in `dhcpv6-stateful` mode, settings only for those in
//! `dhcpv6-stateless`. Pure, and without state, as its IPv4 neighbour.

mod wire;

use std::net::{IpAddr, Ipv6Addr};

use model::PortId;
use model::host::{Ipv6Mode, NetworkConfig, PortConfig, SubnetConfig};

use wire::{IdentityAssociation, MessageType, Options, Query, Status, option};

use super::dhcp4::{LEASE_SECONDS, extra_option6};
use super::view::NetworkView;

/// What to do about a message from a port of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub port: PortId,
    pub xid: u32,
    /// An address given in the answer, if any.
    pub address: Option<Ipv6Addr>,
    /// The DHCPv6 message to send back.
    pub answer: Option<Vec<u8>>,
}

/// Whether the network has anything to tell by DHCPv6.
pub fn is_served(network: &NetworkConfig) -> bool {
    network.service_port.is_some() && network.subnets.iter().any(|subnet| mode(subnet).is_some())
}

/// How a subnet uses DHCPv6, if it does.
fn mode(subnet: &SubnetConfig) -> Option<Ipv6Mode> {
    subnet.ipv6.filter(|mode| subnet.dhcp && *mode != Ipv6Mode::Slaac)
}

/// Takes a UDP payload that came to port 547; `None` if it is no DHCPv6 message or not from a port of the network.
///
/// Who asks is known by the source address, which the filter ties to the port; a DUID is what the guest says.
pub fn handle(network: &NetworkView, source: Ipv6Addr, payload: &[u8]) -> Option<Exchange> {
    let query = Query::parse(payload)?;
    let port = network
        .port_by_address(source.into())
        .or_else(|| network.port_by_mac(query.mac_of_duid()?))?;
    let mut exchange = Exchange {
        port: port.id,
        xid: query.xid,
        address: None,
        answer: None,
    };
    let Some(server) = Server::of(network, port) else {
        return Some(exchange);
    };
    if server.is_addressed(&query) {
        (exchange.answer, exchange.address) = server.answer(&query);
    }
    Some(exchange)
}

/// All that an answer to one port is made of.
struct Server<'a> {
    network: &'a NetworkView,
    port: &'a PortConfig,
    duid: Vec<u8>,
    /// The port's addresses in stateful subnets.
    addresses: Vec<Ipv6Addr>,
}

impl<'a> Server<'a> {
    fn of(network: &'a NetworkView, port: &'a PortConfig) -> Option<Self> {
        if !is_served(&network.config) {
            return None;
        }
        let mac = network.config.service_port.as_ref()?.mac;
        let addresses = port.fixed_ips.iter().filter_map(|fixed| {
            let subnet = network.subnet_of(fixed)?;
            match fixed.address.addr() {
                IpAddr::V6(address) if mode(subnet) == Some(Ipv6Mode::Dhcpv6Stateful) => Some(address),
                _ => None,
            }
        });
        Some(Self {
            network,
            port,
            duid: wire::server_duid(mac),
            addresses: addresses.collect(),
        })
    }

    /// The rules of RFC 8415, section 16, for discarding: a message for another server, or without what it must have.
    fn is_addressed(&self, query: &Query) -> bool {
        use MessageType as T;
        let server_id = query.option(option::SERVER_ID);
        let client_id = query.option(option::CLIENT_ID);
        match query.kind {
            T::Solicit | T::Confirm | T::Rebind => server_id.is_none() && client_id.is_some(),
            T::Request | T::Renew | T::Release | T::Decline => {
                server_id == Some(self.duid.as_slice()) && client_id.is_some()
            }
            T::InformationRequest => {
                server_id.is_none_or(|id| id == self.duid.as_slice()) && query.associations.is_empty()
            }
            T::Advertise | T::Reply => false,
        }
    }

    fn answer(&self, query: &Query) -> (Option<Vec<u8>>, Option<Ipv6Addr>) {
        use MessageType as T;
        let rapid = query.option(option::RAPID_COMMIT).is_some();
        let mut options = self.identify(query);
        let mut given = None;
        let kind = match query.kind {
            T::Solicit if !rapid => T::Advertise,
            _ => T::Reply,
        };
        match query.kind {
            T::Solicit | T::Request | T::Renew | T::Rebind => {
                if kind == T::Advertise {
                    // Nobody else serves this link: the client need not wait for other advertisements.
                    options.push(option::PREFERENCE, &[255]);
                } else if query.kind == T::Solicit {
                    options.push(option::RAPID_COMMIT, &[]);
                }
                given = self.lease(query, &mut options);
                self.configure(&mut options);
            }
            T::Confirm => match self.confirms(query) {
                Some(true) => options.push_status(Status::Success, "all addresses are on the link"),
                Some(false) => options.push_status(Status::NotOnLink, "an address is not of this network"),
                None => return (None, None),
            },
            T::Release | T::Decline => options.push_status(Status::Success, "noted"),
            T::InformationRequest => {
                self.configure(&mut options);
                options.push(option::INFORMATION_REFRESH_TIME, &LEASE_SECONDS.to_be_bytes());
            }
            T::Advertise | T::Reply => return (None, None),
        }
        (Some(wire::encode(kind, query.xid, &options)), given)
    }

    fn identify(&self, query: &Query) -> Options {
        let mut options = Options::default();
        if let Some(id) = query.option(option::CLIENT_ID) {
            options.push(option::CLIENT_ID, id);
        }
        options.push(option::SERVER_ID, &self.duid);
        options
    }

    /// Answers every identity association; returns the first address given. The port's addresses all go into the first
    /// one of non-temporary addresses: there are no others to fill further ones with.
    fn lease(&self, query: &Query, options: &mut Options) -> Option<Ipv6Addr> {
        let mut left = self.addresses.as_slice();
        for association in &query.associations {
            let mut nested = Options::default();
            match association.kind {
                option::IA_NA if !left.is_empty() => {
                    self.fill(query, association, left, &mut nested);
                    left = &[];
                }
                option::IA_NA if matches!(query.kind, MessageType::Renew | MessageType::Rebind) => {
                    nested.push_status(Status::NoBinding, "the port has no address here");
                }
                option::IA_NA | option::IA_TA => nested.push_status(Status::NoAddrsAvail, "no such addresses here"),
                _ => nested.push_status(Status::NoPrefixAvail, "no prefixes are delegated here"),
            }
            let (renew, rebind) = (LEASE_SECONDS / 2, LEASE_SECONDS / 5 * 4);
            options.push_association(association.kind, association.id, renew, rebind, &nested);
        }
        let filled = left.is_empty() && !self.addresses.is_empty();
        filled.then(|| self.addresses[0])
    }

    fn fill(&self, query: &Query, association: &IdentityAssociation, addresses: &[Ipv6Addr], nested: &mut Options) {
        for address in addresses {
            nested.push_address(*address, LEASE_SECONDS, LEASE_SECONDS);
        }
        if matches!(query.kind, MessageType::Renew | MessageType::Rebind) {
            // What the client holds beyond that it must drop at once (RFC 8415, section 18.3.4).
            for stale in association.addresses.iter().filter(|held| !addresses.contains(held)) {
                nested.push_address(*stale, 0, 0);
            }
        }
    }

    /// Whether all addresses that the client names are on the link; `None` when it names none (no answer then).
    fn confirms(&self, query: &Query) -> Option<bool> {
        let mut named = query
            .associations
            .iter()
            .flat_map(|association| &association.addresses)
            .peekable();
        named.peek()?;
        Some(named.all(|address| self.network.is_on_link((*address).into())))
    }

    /// Sets resolvers, search domain and the port's extra options.
    fn configure(&self, options: &mut Options) {
        let mut settings = vec![(option::DNS_SERVERS, self.resolvers())];
        settings.extend(wire::domain_name(&self.network.config.dns_domain).map(|name| (option::DOMAIN_LIST, name)));
        for (code, value) in self.port.extra_dhcp_opts.iter().filter_map(extra_option6) {
            settings.retain(|(known, _)| *known != code);
            settings.extend(value.map(|value| (code, value)));
        }
        for (code, value) in settings.iter().filter(|(_, value)| !value.is_empty()) {
            options.push(*code, value);
        }
    }

    /// The subnets' resolvers, or the service addresses where a subnet names none.
    fn resolvers(&self) -> Vec<u8> {
        let mut servers: Vec<Ipv6Addr> = Vec::new();
        for subnet in self
            .network
            .config
            .subnets
            .iter()
            .filter(|subnet| mode(subnet).is_some())
        {
            let named = subnet.dns_nameservers.iter().filter_map(|server| match server {
                IpAddr::V6(server) => Some(*server),
                IpAddr::V4(_) => None,
            });
            let before = servers.len();
            servers.extend(named);
            if servers.len() == before {
                servers.extend(self.network.service_address6_in(&subnet.cidr));
            }
        }
        servers.dedup();
        servers.iter().flat_map(Ipv6Addr::octets).collect()
    }
}

#[cfg(test)]
mod tests;
