//! Planning piece by piece must come to the same document as planning everything: rows are put and removed at random, in
//! any order and any nonsense, and after every step the two are compared.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use model::compute::{PowerState, Server, ServerFlavor, VmState};
use model::host::{DesiredPower, Direction, EtherType, HostConfig, PortBinding};
use model::network::agent::{DhcpPlace, Kind, id_of};
use model::network::port::dhcp::RESERVED;
use model::network::qos::{BandwidthLimitRule, DscpMarkingRule};
use model::network::trunk::{SegmentationType, Subport, TrunkStatus};
use model::network::{
    AddressGroup, FixedIp, FloatingIp, GatewayInfo, MeteringLabel, MeteringLabelRule, NdpProxy, Network, NetworkAgent,
    Port, PortForwarding, Router, SecurityGroup, SecurityGroupRule, Standard, Status, Subnet, SubnetPool, Trunk,
    device_owner,
};
use model::plan::{Planner, Settings};
use model::volume::{
    AttachMode, AttachmentStatus, QosSpecs, Volume, VolumeAttachment, VolumeSource, VolumeStatus, VolumeType,
};
use model::{Cloud, HostId, NetworkId, PortId, SecurityGroupId, SeededIds, Timestamp, TrunkId, Tx};
use proptest::prelude::*;
use uuid::Uuid;

/// One of a few ids of a kind, so that rows meet.
fn id<T: From<Uuid>>(kind: u8, n: u8) -> T {
    T::from(Uuid::from_u128((u128::from(kind) << 64) | (u128::from(n) + 1)))
}

fn standard(name: String) -> Standard {
    Standard::new("p1".into(), name, Timestamp::EPOCH)
}

/// One thing that happens: a row of a kind (by number) put with these choices, or removed.
#[derive(Debug, Clone)]
struct Step {
    kind: u8,
    n: u8,
    choices: [u8; 4],
    remove: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..22u8, 0..3u8, any::<[u8; 4]>(), prop::bool::weighted(0.2));
    let step = step.prop_map(|(kind, n, choices, remove)| Step {
        kind,
        n,
        choices,
        remove,
    });
    prop::collection::vec(step, 1..60)
}

fn take(tx: &mut Tx<'_>, step: &Step) {
    let Step {
        n,
        choices: [a, b, c, d],
        ..
    } = *step;
    match (step.kind, step.remove) {
        (0, false) => drop(tx.put(network(n, a))),
        (0, true) => drop(tx.delete::<Network>(&id(0, n))),
        (1, false) => drop(tx.put(subnet(n, a))),
        (1, true) => drop(tx.delete::<Subnet>(&id(1, n))),
        (2, false) => drop(tx.put(port(n, a, b, c, d))),
        (2, true) => drop(tx.delete::<Port>(&id(2, n))),
        (3, false) => drop(tx.put(router(n, a, b))),
        (3, true) => drop(tx.delete::<Router>(&id(3, n))),
        (4, false) => drop(tx.put(floating_ip(n, a, b))),
        (4, true) => drop(tx.delete::<FloatingIp>(&id(4, n))),
        (5, false) => drop(tx.put(SecurityGroup {
            id: id(5, n),
            standard: standard(format!("group{a}")),
            is_default: false,
            stateful: b & 1 == 0,
        })),
        (5, true) => drop(tx.delete::<SecurityGroup>(&id(5, n))),
        (6, false) => drop(tx.put(rule(n, a, b, c))),
        (6, true) => drop(tx.delete::<SecurityGroupRule>(&id(6, n))),
        (8, false) => drop(tx.put(address_group(n, a))),
        (8, true) => drop(tx.delete::<AddressGroup>(&id(8, n))),
        (9, false) => drop(tx.put(forwarding(n, a, b))),
        (9, true) => drop(tx.delete::<PortForwarding>(&id(9, n))),
        (10, false) => drop(tx.put(pool(n, a))),
        (10, true) => drop(tx.delete::<SubnetPool>(&id(10, n))),
        (11, false) => drop(tx.put(limit(n, a, b))),
        (11, true) => drop(tx.delete::<BandwidthLimitRule>(&id(13, n))),
        (12, false) => drop(tx.put(DscpMarkingRule {
            id: id(14, n),
            standard: standard(String::new()),
            policy_id: id(12, a % 3),
            dscp_mark: b,
        })),
        (12, true) => drop(tx.delete::<DscpMarkingRule>(&id(14, n))),
        (13, false) => drop(tx.put(volume(n, a, b))),
        (13, true) => drop(tx.delete::<Volume>(&id(15, n))),
        (14, false) => drop(tx.put(attachment(n, a, b))),
        (14, true) => drop(tx.delete::<VolumeAttachment>(&id(16, n))),
        (15, false) => drop(tx.put(VolumeType {
            id: id(17, n),
            name: format!("type{n}"),
            description: None,
            is_public: true,
            extra_specs: BTreeMap::new(),
            projects: BTreeSet::new(),
            encryption: None,
            qos_specs_id: (a & 1 == 0).then(|| id(18, b % 3)),
            created_at: Timestamp::EPOCH,
        })),
        (15, true) => drop(tx.delete::<VolumeType>(&id(17, n))),
        (16, false) => drop(tx.put(QosSpecs {
            id: id(18, n),
            name: format!("qos{n}"),
            consumer: if a & 1 == 0 { "front-end" } else { "back-end" }.to_owned(),
            specs: BTreeMap::from([("total_iops_sec_per_gb".to_owned(), b.to_string())]),
        })),
        (16, true) => drop(tx.delete::<QosSpecs>(&id(18, n))),
        (17, false) => drop(tx.put(NdpProxy {
            id: id(19, n),
            standard: standard(String::new()),
            router_id: id(3, a % 3),
            port_id: id(2, b % 3),
            ip_address: std::net::Ipv6Addr::from(u128::from(c)),
        })),
        (17, true) => drop(tx.delete::<NdpProxy>(&id(19, n))),
        (18, false) => drop(tx.put(label(n, a))),
        (18, true) => drop(tx.delete::<MeteringLabel>(&id(20, n))),
        (19, false) => drop(tx.put(label_rule(n, a, b))),
        (19, true) => drop(tx.delete::<MeteringLabelRule>(&id(21, n))),
        (20, false) => drop(tx.put(trunk(n, a, b, c))),
        (20, true) => drop(tx.delete::<Trunk>(&id(22, n))),
        (21, false) => drop(tx.put(agent(n, a))),
        (21, true) => drop(tx.delete::<NetworkAgent>(&agent(n, a).id)),
        (_, false) => drop(tx.put(server(n, a, b))),
        (_, true) => drop(tx.delete::<Server>(&id(7, n))),
    }
}

fn label(n: u8, a: u8) -> MeteringLabel {
    let project = if a & 1 == 0 { "p1" } else { "p2" };
    MeteringLabel {
        id: id(20, n),
        standard: Standard::new(project.into(), "", Timestamp::EPOCH),
        shared: a & 2 != 0,
    }
}

fn label_rule(n: u8, a: u8, b: u8) -> MeteringLabelRule {
    let prefix = format!("10.{b}.0.1/16").parse().unwrap();
    MeteringLabelRule {
        id: id(21, n),
        standard: standard(String::new()),
        metering_label_id: id(20, a % 3),
        direction: if a & 4 == 0 {
            Direction::Ingress
        } else {
            Direction::Egress
        },
        remote_ip_prefix: (a & 8 == 0).then_some(prefix),
        source_ip_prefix: (a & 8 != 0).then_some(prefix),
        destination_ip_prefix: None,
        excluded: a & 16 != 0,
    }
}

/// Of any port, with any ports for subports, be they another trunk's.
fn trunk(n: u8, a: u8, b: u8, c: u8) -> Trunk {
    let subport = |bit: u8| Subport {
        port_id: id(2, bit),
        segmentation_type: SegmentationType::Vlan,
        segmentation_id: u16::from(c) + u16::from(bit) + 1,
    };
    Trunk {
        id: id(22, n),
        standard: standard(format!("trunk{n}")),
        port_id: id(2, a % 3),
        admin_state_up: a & 4 == 0,
        status: TrunkStatus::Down,
        sub_ports: (0..3).filter(|bit| b & (1 << bit) != 0).map(subport).collect(),
    }
}

fn network(n: u8, a: u8) -> Network {
    Network {
        id: id(0, n),
        standard: standard(format!("net{n}")),
        admin_state_up: a & 1 == 0,
        status: Status::Active,
        shared: false,
        external: a & 2 != 0,
        is_default: false,
        mtu: 1400 + u32::from(a & 4),
        port_security_enabled: true,
        dns_domain: String::new(),
        physical_network: None,
        segmentation_id: None,
        qos_policy_id: (a & 8 == 0).then(|| id(12, a / 16 % 3)),
        dhcp_place: DhcpPlace::Auto,
    }
}

fn agent(n: u8, a: u8) -> NetworkAgent {
    let kind = Kind::ALL[usize::from(n)];
    let host = HostId::from("host1");
    NetworkAgent {
        id: id_of(&host, kind),
        kind,
        host,
        admin_state_up: a & 1 == 0,
        description: None,
        created_at: Timestamp::EPOCH,
        started_at: Timestamp::EPOCH,
    }
}

fn limit(n: u8, a: u8, b: u8) -> BandwidthLimitRule {
    BandwidthLimitRule {
        id: id(13, n),
        standard: standard(String::new()),
        policy_id: id(12, a % 3),
        max_kbps: u32::from(b),
        max_burst_kbps: 0,
        direction: if b & 1 == 0 {
            Direction::Ingress
        } else {
            Direction::Egress
        },
    }
}

fn address_group(n: u8, a: u8) -> AddressGroup {
    AddressGroup {
        id: id(8, n),
        standard: standard(format!("addresses{n}")),
        addresses: (0..a % 4).map(|i| format!("10.9.{i}.0/24").parse().unwrap()).collect(),
    }
}

fn forwarding(n: u8, a: u8, b: u8) -> PortForwarding {
    PortForwarding {
        id: id(9, n),
        standard: standard(String::new()),
        floating_ip_id: id(4, a % 3),
        protocol: "tcp".to_owned(),
        external_ports: (u16::from(b), u16::from(b)),
        internal_port_id: id(2, a / 4 % 3),
        internal_ip_address: Ipv4Addr::new(10, 0, 0, a),
        internal_ports: (22, 22),
    }
}

fn pool(n: u8, a: u8) -> SubnetPool {
    SubnetPool {
        id: id(10, n),
        standard: standard(format!("pool{n}")),
        prefixes: vec!["10.0.0.0/8".parse().unwrap()],
        emptied_ip_version: None,
        default_prefixlen: 24,
        min_prefixlen: 8,
        max_prefixlen: 32,
        default_quota: None,
        shared: false,
        address_scope_id: (a & 1 == 0).then(|| id(11, a / 2 % 3)),
        is_default: false,
    }
}

fn subnet(n: u8, a: u8) -> Subnet {
    let v6 = a & 1 != 0;
    let cidr = if v6 {
        format!("fd00:{n}::/64")
    } else {
        format!("10.0.{n}.0/24")
    };
    let gateway: IpAddr = if v6 {
        format!("fd00:{n}::1")
    } else {
        format!("10.0.{n}.1")
    }
    .parse()
    .unwrap();
    let mode = v6.then_some(model::host::Ipv6Mode::Slaac);
    Subnet {
        id: id(1, n),
        standard: standard(format!("subnet{n}")),
        network_id: id(0, n),
        cidr: cidr.parse().unwrap(),
        gateway_ip: (a & 2 == 0).then_some(gateway),
        allocation_pools: vec![],
        enable_dhcp: a & 4 == 0,
        dns_nameservers: vec![],
        host_routes: vec![],
        ipv6_ra_mode: mode,
        ipv6_address_mode: mode,
        subnetpool_id: (a & 8 == 0).then(|| id(10, a / 16 % 3)),
        service_types: vec![],
        segment_id: None,
    }
}

fn port(n: u8, a: u8, b: u8, c: u8, d: u8) -> Port {
    let (owner, device) = match a % 5 {
        0 => ("compute:nova", id::<model::ServerId>(7, b % 3).to_string()),
        1 => (
            device_owner::ROUTER_INTERFACE,
            id::<model::RouterId>(3, b % 3).to_string(),
        ),
        2 => (
            device_owner::ROUTER_GATEWAY,
            id::<model::RouterId>(3, b % 3).to_string(),
        ),
        3 if b & 1 == 0 => (device_owner::DHCP, "dhcp".to_owned()),
        3 => (device_owner::DHCP, RESERVED.to_owned()),
        _ => ("", String::new()),
    };
    let ip: IpAddr = if c & 1 == 0 {
        format!("10.0.{}.{}", c % 3, d)
    } else {
        format!("fd00:{}::{d}", c % 3)
    }
    .parse()
    .unwrap();
    Port {
        id: id(2, n),
        standard: standard(format!("port{n}")),
        network_id: id(0, c % 3),
        mac_address: model::address::MacAddress([0xfa, 0x16, 0x3e, 0, 0, n]),
        fixed_ips: vec![FixedIp {
            subnet_id: id(1, c % 3),
            ip_address: ip,
        }],
        device_id: device,
        device_owner: owner.to_owned(),
        admin_state_up: true,
        status: Status::Down,
        port_security_enabled: true,
        security_groups: (0..3).filter(|bit| d & (1 << bit) != 0).map(|n| id(5, n)).collect(),
        allowed_address_pairs: vec![],
        extra_dhcp_opts: vec![],
        dns_name: if b & 1 == 0 { String::new() } else { format!("web{n}") },
        host_id: None,
        vnic_type: "normal".to_owned(),
        binding_profile: serde_json::Map::new(),
        attachment: None,
        qos_policy_id: (d & 64 == 0).then(|| id(12, d / 4 % 3)),
        made_for_server: false,
    }
}

fn router(n: u8, a: u8, b: u8) -> Router {
    Router {
        id: id(3, n),
        standard: standard(format!("router{n}")),
        admin_state_up: a & 1 == 0,
        status: Status::Active,
        gateway: (a & 2 == 0).then(|| GatewayInfo {
            network_id: id(0, b % 3),
            port_id: id(2, b / 3 % 3),
            enable_snat: b & 1 == 0,
            qos_policy_id: (a & 4 == 0).then(|| id(12, a / 8 % 3)),
        }),
        routes: vec![],
        enable_ndp_proxy: a & 16 == 0,
        flavor_id: None,
        is_hosted: a & 32 == 0 || a & 64 == 0,
    }
}

fn floating_ip(n: u8, a: u8, b: u8) -> FloatingIp {
    let associated = a & 1 == 0;
    FloatingIp {
        id: id(4, n),
        standard: standard(String::new()),
        floating_network_id: id(0, 0),
        floating_ip_address: Ipv4Addr::new(172, 24, 4, 100 + n),
        floating_port_id: id(2, 0),
        port_id: associated.then(|| id(2, a / 2 % 3)),
        fixed_ip_address: associated.then_some(Ipv4Addr::new(10, 0, 0, a)),
        router_id: associated.then(|| id(3, b % 3)),
        status: Status::Down,
        dns_name: String::new(),
        dns_domain: String::new(),
        qos_policy_id: (b & 8 == 0).then(|| id(12, b / 16 % 3)),
    }
}

fn rule(n: u8, a: u8, b: u8, c: u8) -> SecurityGroupRule {
    SecurityGroupRule {
        id: id(6, n),
        standard: standard(String::new()),
        security_group_id: id(5, a % 3),
        direction: if b & 1 == 0 {
            Direction::Ingress
        } else {
            Direction::Egress
        },
        ethertype: EtherType::IPv4,
        protocol: Some("tcp".to_owned()),
        port_range_min: Some(u16::from(c)),
        port_range_max: Some(u16::from(c)),
        remote_ip_prefix: None,
        remote_group_id: (b & 2 == 0).then(|| id(5, b / 4 % 3)),
        remote_address_group_id: (b & 6 == 2).then(|| id(8, b / 8 % 3)),
    }
}

fn server(n: u8, a: u8, b: u8) -> Server {
    Server {
        id: id(7, n),
        name: format!("vm{n}"),
        hostname: format!("vm{n}"),
        description: None,
        project_id: "p1".into(),
        user_id: "u1".into(),
        flavor: ServerFlavor {
            id: "1".into(),
            name: "m1.tiny".to_owned(),
            vcpus: 1,
            memory_mib: 128,
            root_gib: 1,
            ephemeral_gib: 0,
            swap_mib: 0,
            extra_specs: BTreeMap::new(),
        },
        image_id: None,
        image: None,
        kernel: None,
        ramdisk: None,
        kernel_arguments: String::new(),
        key: None,
        user_data: None,
        metadata: BTreeMap::new(),
        tags: BTreeSet::new(),
        personality: vec![],
        config_drive: false,
        admin_pass: None,
        guest_password: None,
        requested_zone: None,
        host: (a & 1 == 0).then(|| "host1".into()),
        ports: vec![id(2, b % 3)],
        nic_tags: Default::default(),
        image_properties: Default::default(),
        scheduler_hints: Default::default(),
        group_id: None,
        launch_index: 0,
        reservation_id: String::new(),
        random_seed: String::new(),
        disk_config: "MANUAL".to_owned(),
        access_ipv4: None,
        access_ipv6: None,
        vm_state: if a & 2 == 0 { VmState::Active } else { VmState::Deleted },
        task_state: None,
        power_state: PowerState::Running,
        desired: DesiredPower::On,
        hard_reboots: u64::from(a / 4),
        soft_reboots: 0,
        works: Default::default(),
        progress: 0,
        locked: None,
        fault: None,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
        launched_at: None,
        terminated_at: None,
    }
}

fn volume(n: u8, a: u8, b: u8) -> Volume {
    Volume {
        id: id(15, n),
        name: None,
        description: None,
        project_id: "p1".into(),
        user_id: "u1".into(),
        size_gib: u64::from(b % 4) + 1,
        status: VolumeStatus::InUse,
        previous_status: None,
        type_id: id(17, a / 8 % 3),
        source: VolumeSource::Blank,
        bootable: false,
        metadata: BTreeMap::new(),
        image_metadata: BTreeMap::new(),
        multiattach: true,
        read_only: None,
        availability_zone: "nova".to_owned(),
        restore: None,
        upload: None,
        group_id: None,
        host: (a & 1 == 0).then(|| "host1".into()),
        is_made: a & 6 != 0,
        is_leaving: false,
        request_id: String::new(),
        fault: None,
        created_at: Timestamp::EPOCH,
        updated_at: None,
        launched_at: None,
    }
}

fn attachment(n: u8, a: u8, b: u8) -> VolumeAttachment {
    VolumeAttachment {
        id: id(16, n),
        volume_id: id(15, a % 3),
        project_id: "p1".into(),
        server_id: Some(id(7, b % 3)),
        is_local: true,
        host_name: None,
        device: None,
        status: AttachmentStatus::Attached,
        mode: if a & 4 == 0 { AttachMode::Rw } else { AttachMode::Ro },
        connector: None,
        boot_index: None,
        delete_on_termination: false,
        tag: None,
        created_at: Timestamp::EPOCH,
        attached_at: None,
    }
}

fn document(planner: &Planner) -> HostConfig {
    HostConfig {
        revision: 0,
        ..planner.config().clone()
    }
}

/// How many cases are tried: 20 times as many in `make test-long`.
fn cases(usual: u32) -> u32 {
    if std::env::var_os("MARU_TEST_LONG").is_some() {
        20 * usual
    } else {
        usual
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn piece_by_piece_is_the_same_as_all_at_once(steps in steps()) {
        let mut cloud = Cloud::default();
        let mut ids = SeededIds::new(1);
        let mut planner = Planner::new(&cloud, "host1".into(), Settings::default());
        for step in &steps {
            let mut tx = Tx::begin(cloud, Timestamp::EPOCH, &mut ids);
            take(&mut tx, step);
            let (after, changes) = tx.finish();
            cloud = after;
            let revision = planner.config().revision;
            let changed = planner.update(&cloud, &changes);
            prop_assert_eq!(changed, planner.config().revision > revision);
            let whole = Planner::new(&cloud, "host1".into(), Settings::default());
            prop_assert_eq!(document(&planner), document(&whole), "after {:?}", step);
        }
    }
}

/// Runs a transaction and brings the document up to date.
fn change(cloud: Cloud, planner: &mut Planner, work: impl FnOnce(&mut Tx<'_>)) -> Cloud {
    let mut ids = SeededIds::new(1);
    let mut tx = Tx::begin(cloud, Timestamp::EPOCH, &mut ids);
    work(&mut tx);
    let (after, changes) = tx.finish();
    planner.update(&after, &changes);
    after
}

#[test]
fn a_change_of_one_port_leaves_all_other_parts_where_they_are() {
    let mut planner = Planner::new(&Cloud::default(), "host1".into(), Settings::default());
    let cloud = change(Cloud::default(), &mut planner, |tx| {
        tx.put(network(0, 0));
        tx.put(network(1, 0));
        tx.put(subnet(0, 0));
        tx.put(subnet(1, 0));
        tx.put(server(0, 0, 0));
        // Group 0 takes in what group 0 sends.
        tx.put(rule(0, 0, 0, 22));
        for n in 0..100 {
            tx.put(port(n, 0, 0, 0, n | 1));
            tx.put(port(100 + n, 0, 0, 1, n | 1));
        }
    });
    let before = planner.config().clone();
    let (net_0, group_0) = (id::<NetworkId>(0, 0), id::<SecurityGroupId>(5, 0));
    let old = &before.networks[&net_0];
    assert_eq!((old.ports.len(), old.groups.len(), old.members.len()), (100, 3, 1));

    let port_7 = || Port {
        dns_name: "mail".to_owned(),
        ..port(7, 0, 0, 0, 200 | 1)
    };
    let cloud = change(cloud, &mut planner, |tx| drop(tx.put(port_7())));
    let new = &planner.config().networks[&net_0];
    let moved: Vec<_> = old.ports.diff(&new.ports).collect();
    assert_eq!(moved.len(), 1, "only the port that changed: {moved:?}");
    for (key, part) in old.ports.iter().filter(|(key, _)| **key != id::<PortId>(2, 7)) {
        assert!(Arc::ptr_eq(part, &new.ports[key]));
    }
    assert!(old.groups.ptr_eq(&new.groups), "no rule changed");
    // Its old address was that of port 6 as well, and stays a member's; the new one comes in.
    assert_eq!(old.members[&group_0].diff(&new.members[&group_0]).count(), 1);
    assert_eq!(
        old.names.diff(&new.names).count(),
        2,
        "its name, and that of its address"
    );

    // What the host is not told of is no change at all.
    let before = planner.config().clone();
    change(cloud, &mut planner, |tx| {
        tx.put(Port {
            status: Status::Active,
            ..port_7()
        });
    });
    assert_eq!(planner.config().revision, before.revision);
    assert!(Arc::ptr_eq(
        &planner.config().networks[&net_0],
        &before.networks[&net_0]
    ));
}

#[test]
fn subports_are_planned_where_a_server_has_their_parent() {
    let mut planner = Planner::new(&Cloud::default(), "host1".into(), Settings::default());
    let (net_0, net_1) = (id::<NetworkId>(0, 0), id::<NetworkId>(0, 1));
    let (parent, subport) = (id::<PortId>(2, 0), id::<PortId>(2, 1));
    let trunk_0 = id::<TrunkId>(22, 0);
    let far = || Port {
        device_owner: device_owner::TRUNK_SUBPORT.to_owned(),
        device_id: String::new(),
        ..port(1, 4, 0, 1, 9)
    };
    let cloud = change(Cloud::default(), &mut planner, |tx| {
        for n in [0, 1] {
            tx.put(network(n, 0));
            tx.put(subnet(n, 0));
        }
        tx.put(port(0, 0, 0, 0, 9));
        tx.put(far());
        tx.put(trunk(0, 0, 2, 99));
    });
    let is_here = |planner: &Planner| {
        let config = planner.config();
        let binding = config.networks.get(&net_1).and_then(|net| net.ports.get(&subport));
        let planned = config.trunks.get(&trunk_0);
        assert_eq!(binding.is_some(), planned.is_some());
        if let (Some(port), Some(trunk)) = (binding, planned) {
            assert_eq!(port.binding, PortBinding::Trunk(trunk.id));
            let carried = &trunk.subports[&101_u16];
            assert_eq!((trunk.parent, carried.port_id), (parent, subport));
            assert_eq!((trunk.network_id, carried.network_id), (net_0, net_1));
        }
        planned.is_some()
    };
    assert!(!is_here(&planner), "no server has it");
    let cloud = change(cloud, &mut planner, |tx| drop(tx.put(server(0, 0, 0))));
    assert!(is_here(&planner));

    // What is no business of the subport leaves it where it is.
    let before = planner.config().clone();
    let cloud = change(cloud, &mut planner, |tx| {
        tx.put(Port {
            status: Status::Active,
            ..port(0, 0, 0, 0, 9)
        });
        tx.put(Trunk {
            status: TrunkStatus::Active,
            ..trunk(0, 0, 2, 99)
        });
    });
    assert_eq!(planner.config().revision, before.revision);

    let cloud = change(cloud, &mut planner, |tx| drop(tx.put(trunk(0, 0, 0, 99))));
    let config = planner.config();
    assert!(config.trunks[&trunk_0].subports.is_empty());
    assert!(config.networks.get(&net_1).is_none_or(|net| net.ports.is_empty()));
    let cloud = change(cloud, &mut planner, |tx| drop(tx.put(trunk(0, 0, 2, 99))));
    assert!(is_here(&planner));
    change(cloud, &mut planner, |tx| drop(tx.delete::<Server>(&id(7, 0))));
    assert!(!is_here(&planner));
}
