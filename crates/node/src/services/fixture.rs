//! A network and a server for the pure tests.

use std::sync::Arc;

use imbl::OrdMap;
use model::host::{
    FixedIpConfig, InstanceMetadata, Ipv6Mode, MetadataNic, NetworkConfig, PortBinding, PortConfig, Route, ServicePort,
    SubnetConfig,
};
use model::{NetworkId, PortId, ServerId, SubnetId};
use uuid::Uuid;

use super::view::NetworkView;

pub const SUBNET4: SubnetId = SubnetId(Uuid::from_u128(0x41));
pub const SUBNET6: SubnetId = SubnetId(Uuid::from_u128(0x61));
pub const VM: PortId = PortId(Uuid::from_u128(0x0a1b_2c3d_4e5f_6071_8293_a4b5_c6d7_e8f9));
pub const OTHER: PortId = PortId(Uuid::from_u128(0x1a1b_2c3d_4e5f_6071_8293_a4b5_c6d7_e8f9));
pub const SERVER: ServerId = ServerId(Uuid::from_u128(0xabcd_ef01_4e5f_6071_8293_a4b5_c6d7_e8f9));
pub const VM_MAC: &str = "fa:16:3e:00:00:05";

fn subnet(id: SubnetId, cidr: &str, gateway: &str) -> SubnetConfig {
    SubnetConfig {
        id,
        cidr: cidr.parse().unwrap(),
        gateway: Some(gateway.parse().unwrap()),
        dhcp: true,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
        ipv6: None,
    }
}

fn port(id: PortId, mac: &str, addresses: &[(SubnetId, &str)]) -> PortConfig {
    PortConfig {
        id,
        network_id: NetworkId(Uuid::from_u128(1)),
        mac: mac.parse().unwrap(),
        fixed_ips: addresses
            .iter()
            .map(|(subnet_id, address)| FixedIpConfig {
                subnet_id: *subnet_id,
                address: address.parse().unwrap(),
            })
            .collect(),
        binding: PortBinding::Server(SERVER),
        admin_state_up: true,
        port_security: true,
        allowed_address_pairs: Vec::new(),
        security_groups: Default::default(),
        dns_name: None,
        extra_dhcp_opts: Vec::new(),
        qos: None,
    }
}

/// 10.0.0.0/24 with DHCP and a route, fd00:1::/64 in stateful mode, two ports, service addresses `.2` and `::2`.
pub fn network() -> NetworkConfig {
    let mut subnet4 = subnet(SUBNET4, "10.0.0.0/24", "10.0.0.1");
    subnet4.host_routes.push(Route {
        destination: "192.168.8.0/22".parse().unwrap(),
        nexthop: "10.0.0.9".parse().unwrap(),
    });
    let mut subnet6 = subnet(SUBNET6, "fd00:1::/64", "fd00:1::1");
    subnet6.ipv6 = Some(Ipv6Mode::Dhcpv6Stateful);
    let mut vm = port(VM, VM_MAC, &[(SUBNET4, "10.0.0.5/24"), (SUBNET6, "fd00:1::5/64")]);
    vm.dns_name = Some("vm1".to_owned());
    let other = port(OTHER, "fa:16:3e:00:00:06", &[(SUBNET4, "10.0.0.6/24")]);
    NetworkConfig {
        id: NetworkId(Uuid::from_u128(1)),
        mtu: 1450,
        dns_domain: "openstacklocal".to_owned(),
        subnets: vec![subnet4, subnet6],
        service_port: Some(ServicePort {
            id: PortId(Uuid::from_u128(2)),
            mac: "fa:16:3e:00:00:02".parse().unwrap(),
            addresses: vec!["10.0.0.2/24".parse().unwrap(), "fd00:1::2/64".parse().unwrap()],
        }),
        ports: [(VM, Arc::new(vm)), (OTHER, Arc::new(other))].into_iter().collect(),
        groups: OrdMap::new(),
        stateless: Default::default(),
        members: OrdMap::new(),
        names: [
            ("vm1", vec!["10.0.0.5", "fd00:1::5"]),
            ("host-10-0-0-6", vec!["10.0.0.6"]),
        ]
        .into_iter()
        .map(|(name, addresses)| {
            let addresses: std::collections::BTreeSet<std::net::IpAddr> =
                addresses.iter().map(|address| address.parse().unwrap()).collect();
            (name.to_owned(), addresses)
        })
        .collect(),
    }
}

/// The network's view after a change to it.
pub fn view(change: impl FnOnce(&mut NetworkConfig)) -> NetworkView {
    let mut config = network();
    change(&mut config);
    NetworkView::new(Arc::new(config))
}

/// Changes the server's port.
pub fn change_vm(config: &mut NetworkConfig, change: impl FnOnce(&mut PortConfig)) {
    let mut vm = PortConfig::clone(&config.ports[&VM]);
    change(&mut vm);
    config.ports.insert(VM, Arc::new(vm));
}

/// A server with one of everything.
pub fn instance() -> InstanceMetadata {
    let network = network();
    let addresses = [("10.0.0.5/24", 0), ("fd00:1::5/64", 1)];
    InstanceMetadata {
        uuid: Some(SERVER),
        name: "VM 1".to_owned(),
        hostname: "vm1".to_owned(),
        project_id: Some("p1".into()),
        user_id: Some("u1".into()),
        availability_zone: "nova".to_owned(),
        image_id: Some(model::ImageId(Uuid::from_u128(0x1234_5678 << 96))),
        instance_type: "m1.tiny".to_owned(),
        launch_index: 0,
        reservation_id: "r-abcd1234".to_owned(),
        public_keys: [("mykey".to_owned(), "ssh-ed25519 AAAA me".to_owned())].into(),
        meta: [("role".to_owned(), "web".to_owned())].into(),
        user_data: Some("IyEvYmluL3NoCmVjaG8gaGkK".to_owned()),
        admin_pass: Some("s3cret".to_owned()),
        guest_password: None,
        personality: vec![("/etc/motd".to_owned(), "aGVsbG8=".to_owned())],
        security_groups: vec!["default".to_owned(), "web".to_owned()],
        local_ipv4: Some([10, 0, 0, 5].into()),
        public_ipv4: Some([172, 24, 4, 20].into()),
        nics: vec![MetadataNic {
            port_id: VM,
            network_id: network.id,
            mac: VM_MAC.parse().unwrap(),
            mtu: 1450,
            addresses: addresses
                .iter()
                .map(|(address, index)| (address.parse().unwrap(), network.subnets[*index].clone()))
                .collect(),
        }],
        random_seed: "c2VlZA==".to_owned(),
    }
}
