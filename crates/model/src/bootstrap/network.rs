//! Networks of a new cloud: the provider network `public`, and in project `demo` the network `private` behind `router1`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::IdentityIds;
use crate::address::AddressRange;
use crate::host::Ipv6Mode;
use crate::network::network::NetworkSpec;
use crate::network::router::{GatewaySpec, InterfaceSpec, RouterSpec};
use crate::network::subnet::SubnetSpec;
use crate::network::{network as networks, router, security_group, subnet};
use crate::{Actor, NetworkId, ProjectId, Result, RouterId, Scope, Tx};

/// The ranges of the first networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The provider network's IPv4 prefix.
    pub public_v4: Ipv4Net,
    /// The host's address in it.
    pub public_gateway_v4: std::net::Ipv4Addr,
    /// Which of its addresses are given out; `None`: all but the gateway.
    pub public_pool_v4: Option<AddressRange>,
    /// The provider network's IPv6 prefix; `None`: no IPv6 outside.
    pub public_v6: Option<(Ipv6Net, std::net::Ipv6Addr)>,
    /// Largest IP packet on the provider network, bytes.
    pub public_mtu: u32,
    /// The demo network's IPv4 prefix.
    pub private_v4: Ipv4Net,
    /// The demo network's IPv6 prefix: a unique local one of /64.
    pub private_v6: Option<Ipv6Net>,
    /// Largest IP packet on the demo network, bytes.
    pub private_mtu: u32,
}

impl Default for Settings {
    /// DevStack's ranges.
    fn default() -> Self {
        let v4 = |a, b, c, d, length| Ipv4Net::new_assert(std::net::Ipv4Addr::new(a, b, c, d), length);
        let public_v6 = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
        Self {
            public_v4: v4(172, 24, 4, 0, 24),
            public_gateway_v4: std::net::Ipv4Addr::new(172, 24, 4, 1),
            public_pool_v4: None,
            public_v6: Some((
                Ipv6Net::new_assert(public_v6, 64),
                std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
            )),
            public_mtu: networks::PROVIDER_MTU,
            private_v4: v4(10, 0, 0, 0, 26),
            // A random global id, as RFC 4193 asks for; DevStack draws one for each installation, a fixed one can be told of.
            private_v6: Some(Ipv6Net::new_assert(
                std::net::Ipv6Addr::new(0xfd4d, 0x6172, 0x7500, 0, 0, 0, 0, 0),
                64,
            )),
            private_mtu: networks::SELF_SERVICE_MTU,
        }
    }
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkIds {
    /// `public`.
    pub public: NetworkId,
    /// `private`.
    pub private: NetworkId,
    /// `router1`.
    pub router: RouterId,
}

/// Makes the first networks. Call once: it does not look whether they are there.
///
/// # Errors
/// When a range can't be a subnet, or two of them overlap.
pub fn network(tx: &mut Tx<'_>, identity: &IdentityIds, settings: &Settings) -> Result<NetworkIds> {
    let admin = administrator(identity, &identity.admin_project);
    let demo = administrator(identity, &identity.demo_project);
    let public = make_public(tx, &admin, settings)?;
    let (private, subnets) = make_private(tx, &demo, settings)?;
    let router = make_router(tx, &demo, public, &subnets)?;
    for project in [&identity.admin_project, &identity.demo_project] {
        security_group::ensure_default(tx, project);
    }
    Ok(NetworkIds {
        public,
        private,
        router,
    })
}

fn make_public(tx: &mut Tx<'_>, admin: &Actor, settings: &Settings) -> Result<NetworkId> {
    let network = networks::create(
        tx,
        admin,
        NetworkSpec {
            name: Some("public".to_owned()),
            external: Some(true),
            is_default: Some(true),
            mtu: Some(settings.public_mtu),
            network_type: Some("flat".to_owned()),
            physical_network: Some("public".to_owned()),
            ..NetworkSpec::default()
        },
    )?;
    let v4 = SubnetSpec {
        name: Some("public-subnet".to_owned()),
        cidr: Some(IpNet::V4(settings.public_v4)),
        gateway_ip: Some(Some(IpAddr::V4(settings.public_gateway_v4))),
        allocation_pools: settings.public_pool_v4.map(|pool| vec![pool]),
        enable_dhcp: Some(false),
        ..SubnetSpec::default()
    };
    subnet::create(tx, admin, network.id, v4)?;
    if let Some((prefix, gateway)) = settings.public_v6 {
        let v6 = SubnetSpec {
            name: Some("ipv6-public-subnet".to_owned()),
            cidr: Some(IpNet::V6(prefix)),
            gateway_ip: Some(Some(IpAddr::V6(gateway))),
            enable_dhcp: Some(false),
            ..SubnetSpec::default()
        };
        subnet::create(tx, admin, network.id, v6)?;
    }
    Ok(network.id)
}

fn make_private(tx: &mut Tx<'_>, demo: &Actor, settings: &Settings) -> Result<(NetworkId, Vec<crate::SubnetId>)> {
    let network = networks::create(
        tx,
        demo,
        NetworkSpec {
            name: Some("private".to_owned()),
            mtu: Some(settings.private_mtu),
            ..NetworkSpec::default()
        },
    )?;
    let v4 = SubnetSpec {
        name: Some("private-subnet".to_owned()),
        cidr: Some(IpNet::V4(settings.private_v4)),
        ..SubnetSpec::default()
    };
    let mut subnets = vec![subnet::create(tx, demo, network.id, v4)?.id];
    if let Some(prefix) = settings.private_v6 {
        let v6 = SubnetSpec {
            name: Some("ipv6-private-subnet".to_owned()),
            cidr: Some(IpNet::V6(prefix)),
            ipv6_ra_mode: Some(Ipv6Mode::Slaac),
            ipv6_address_mode: Some(Ipv6Mode::Slaac),
            ..SubnetSpec::default()
        };
        subnets.push(subnet::create(tx, demo, network.id, v6)?.id);
    }
    Ok((network.id, subnets))
}

fn make_router(tx: &mut Tx<'_>, demo: &Actor, public: NetworkId, subnets: &[crate::SubnetId]) -> Result<RouterId> {
    let spec = RouterSpec {
        name: Some("router1".to_owned()),
        gateway: Some(Some(GatewaySpec {
            network_id: public,
            enable_snat: None,
            external_fixed_ips: None,
            qos_policy_id: None,
        })),
        ..RouterSpec::default()
    };
    let router = router::create(tx, demo, spec)?;
    for subnet_id in subnets {
        let interface = InterfaceSpec {
            subnet_id: Some(*subnet_id),
            port_id: None,
        };
        router::add_interface(tx, demo, router.id, interface)?;
    }
    Ok(router.id)
}

/// The administrator at work in a project.
fn administrator(identity: &IdentityIds, project: &ProjectId) -> Actor {
    Actor {
        user_id: identity.admin_user.clone(),
        user_domain_id: identity.domain.clone(),
        scope: Scope::Project {
            id: project.clone(),
            domain_id: identity.domain.clone(),
        },
        roles: BTreeSet::from(["admin".to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Port, device_owner};
    use crate::{Cloud, SeededIds, Timestamp};

    #[test]
    fn a_new_cloud_has_devstacks_networks() {
        let mut ids = SeededIds::new(1);
        let mut tx = Tx::begin(Cloud::default(), Timestamp::EPOCH, &mut ids);
        let passwords = crate::bootstrap::identity::FirstPasswords {
            admin_hash: String::new(),
            demo_hash: String::new(),
        };
        let identity = crate::bootstrap::identity(&mut tx, passwords).unwrap();
        let made = network(&mut tx, &identity, &Settings::default()).unwrap();
        let (cloud, changes) = tx.finish();
        assert!(
            changes.len() < 128,
            "{} changes do not fit one transaction",
            changes.len()
        );
        let addresses =
            |port: &Port| -> Vec<String> { port.fixed_ips.iter().map(|f| f.ip_address.to_string()).collect() };
        let owned = |network, owner: &str| -> Vec<Vec<String>> {
            cloud
                .ports_of_network(network)
                .filter(|port| port.device_owner == owner)
                .map(|port| addresses(port))
                .collect()
        };
        assert_eq!(
            owned(made.public, device_owner::ROUTER_GATEWAY),
            [["172.24.4.2", "2001:db8::1"]]
        );
        let mut legs = owned(made.private, device_owner::ROUTER_INTERFACE);
        legs.sort();
        assert_eq!(legs, [["10.0.0.1"], ["fd4d:6172:7500::1"]]);
        let dhcp = &owned(made.private, device_owner::DHCP)[0];
        assert_eq!(dhcp[0], "10.0.0.2");
        assert!(dhcp[1].starts_with("fd4d:6172:7500:0:f816:3eff:fe"), "{dhcp:?}");
        assert!(owned(made.public, device_owner::DHCP).is_empty());
    }
}
