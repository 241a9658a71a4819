//! Rules of servers over a cloud made by rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::admission::Operation;
use super::create::{Hosts, Networks, NewServers, NicWish, create};
use super::*;
use crate::compute::schedule::Policy;
use crate::compute::{GroupPolicy, actions_of_server, server_group};
use crate::host::HostFacts;
use crate::image::{Image, ImageStatus, Visibility};
use crate::network::network::NetworkSpec;
use crate::network::subnet::SubnetSpec;
use crate::network::{Port, network, subnet};
use crate::{ErrorKind, NetworkId, Scope, SeededIds, Tx, bootstrap};

/// A server as its row may be; tests set what they are about.
pub(crate) fn server() -> Server {
    Server {
        id: ServerId(uuid::Uuid::from_u128(7)),
        name: "web".to_owned(),
        hostname: "web".to_owned(),
        description: None,
        project_id: ProjectId::from("p"),
        user_id: UserId::from("u"),
        flavor: ServerFlavor {
            id: FlavorId::from("42"),
            name: "m1.nano".to_owned(),
            vcpus: 1,
            memory_mib: 64,
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
        image_properties: BTreeMap::new(),
        metadata: BTreeMap::new(),
        tags: BTreeSet::new(),
        personality: Vec::new(),
        config_drive: false,
        admin_pass: None,
        guest_password: None,
        requested_zone: None,
        scheduler_hints: Default::default(),
        group_id: None,
        host: None,
        ports: Vec::new(),
        nic_tags: BTreeMap::new(),
        launch_index: 0,
        reservation_id: String::new(),
        random_seed: String::new(),
        disk_config: "MANUAL".to_owned(),
        access_ipv4: None,
        access_ipv6: None,
        vm_state: VmState::Active,
        task_state: None,
        power_state: PowerState::Running,
        desired: DesiredPower::On,
        hard_reboots: 0,
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

fn actor(roles: &[&str]) -> Actor {
    Actor {
        user_id: UserId::from("u"),
        user_domain_id: "default".into(),
        scope: Scope::Project {
            id: ProjectId::from("p"),
            domain_id: "default".into(),
        },
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}

fn member() -> Actor {
    actor(&["member", "reader"])
}

const IMAGE: ImageId = ImageId(uuid::Uuid::from_u128(1));

fn image() -> Image {
    Image {
        id: IMAGE,
        name: None,
        owner: None,
        status: ImageStatus::Active,
        visibility: Visibility::Public,
        protected: false,
        os_hidden: false,
        container_format: Some("bare".to_owned()),
        disk_format: Some("qcow2".to_owned()),
        min_disk: 0,
        min_ram: 0,
        upload_id: None,
        members: BTreeMap::new(),
        tasks: Vec::new(),
        staged_size: None,
        size: Some(20 << 20),
        virtual_size: Some(100 << 20),
        checksum: None,
        os_hash_value: Some("ab".repeat(64)),
        tags: BTreeSet::new(),
        properties: BTreeMap::new(),
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}

fn hosts() -> Hosts {
    let facts = HostFacts {
        host: "host-1".into(),
        vcpus: 2,
        memory_mib: 16_384,
        disk_bytes: 50 << 30,
        disk_free_bytes: 50 << 30,
        ..HostFacts::default()
    };
    Hosts {
        facts: vec![Arc::new(facts)],
        zone: "nova".to_owned(),
        policy: Policy::default(),
    }
}

fn new_servers(name: &str, networks: Networks) -> NewServers {
    NewServers {
        name: name.to_owned(),
        description: None,
        hostname: None,
        flavor_id: FlavorId::from("42"),
        image_id: Some(IMAGE),
        disks: vec![],
        networks,
        security_groups: BTreeSet::new(),
        key_name: None,
        metadata: BTreeMap::new(),
        tags: BTreeSet::new(),
        user_data: None,
        personality: Vec::new(),
        config_drive: false,
        admin_pass: "secret".to_owned(),
        disk_config: "MANUAL".to_owned(),
        access_ipv4: None,
        access_ipv6: None,
        zone: None,
        host: None,
        hints: Default::default(),
        min_count: 1,
        max_count: 1,
        request_id: uuid::Uuid::nil(),
    }
}

/// Runs a test in a cloud with flavors, an image and a network of the project.
fn in_cloud(test: impl FnOnce(&mut Tx<'_>, NetworkId)) {
    let mut ids = SeededIds::new(1);
    let mut tx = Tx::begin(Cloud::default(), Timestamp::from_unix_seconds(1_767_323_045), &mut ids);
    bootstrap::flavors(&mut tx).unwrap();
    tx.put(image());
    let spec = NetworkSpec {
        name: Some("net1".to_owned()),
        ..NetworkSpec::default()
    };
    let made = network::create(&mut tx, &member(), spec).unwrap();
    let spec = SubnetSpec {
        cidr: Some("10.0.0.0/24".parse().unwrap()),
        ..SubnetSpec::default()
    };
    subnet::create(&mut tx, &member(), made.id, spec).unwrap();
    test(&mut tx, made.id);
}

fn on(network: NetworkId) -> Networks {
    Networks::Listed(vec![NicWish::Network {
        id: network,
        fixed_ip: None,
        tag: None,
    }])
}

fn create_one(tx: &mut Tx<'_>, new: &NewServers) -> Result<Arc<Server>> {
    create(tx, &member(), new, &hosts()).map(|servers| servers[0].clone())
}

#[test]
fn a_new_server_has_its_host_ports_and_log() {
    in_cloud(|tx, network| {
        let server = create_one(tx, &new_servers("My Web", on(network))).unwrap();
        assert_eq!(server.host, Some("host-1".into()));
        assert_eq!(
            (server.vm_state, server.task_state),
            (VmState::Building, Some(TaskState::Scheduling))
        );
        assert_eq!(server.hostname, "my-web");
        assert_eq!(server.image.as_ref().unwrap().format, "qcow2");
        let port = tx.get::<Port>(&server.ports[0]).unwrap();
        assert_eq!(port.device_id, server.id.to_string());
        assert_eq!(port.device_owner, "compute:nova");
        assert_eq!(
            (port.host_id.clone(), port.dns_name.as_str()),
            (server.host.clone(), "my-web")
        );
        let log = actions_of_server(tx.cloud(), server.id);
        assert_eq!(log[0].action, "create");
        assert_eq!(log[0].events[0].finish_time, None, "the host's report ends it");
    });
}

#[test]
fn several_servers_have_numbers_and_one_reservation() {
    in_cloud(|tx, network| {
        let new = NewServers {
            max_count: 3,
            ..new_servers("web", on(network))
        };
        let servers = create(tx, &member(), &new, &hosts()).unwrap();
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(names, ["web-1", "web-2", "web-3"]);
        assert_eq!(servers[2].launch_index, 2);
        assert!(
            servers
                .iter()
                .all(|server| server.reservation_id == servers[0].reservation_id)
        );
        let seeds: BTreeSet<&str> = servers.iter().map(|server| server.random_seed.as_str()).collect();
        assert_eq!(seeds.len(), 3);
    });
}

#[test]
fn the_second_of_a_request_sees_what_the_first_took() {
    in_cloud(|tx, network| {
        let new = NewServers {
            flavor_id: FlavorId::from("3"),
            max_count: 2,
            min_count: 2,
            ..new_servers("big", on(network))
        };
        let mut disk = image();
        disk.id = IMAGE;
        tx.put(disk);
        // 40 GB each, 50 GB there.
        let servers = create(tx, &member(), &new, &hosts()).unwrap();
        assert_eq!(servers[0].vm_state, VmState::Building);
        assert_eq!(servers[1].vm_state, VmState::Error);
        let fault = servers[1].fault.clone().unwrap();
        assert!(
            fault.message.contains("disk: 40 GB asked, 10 GB free"),
            "{}",
            fault.message
        );
        assert_eq!(fault.details, "host-1: disk: 40 GB asked, 10 GB free");
        assert!(
            servers[1].ports.is_empty(),
            "no port is held for a server without a host"
        );
        let log = actions_of_server(tx.cloud(), servers[1].id);
        assert_eq!(log[0].events[0].result.as_deref(), Some("Error"));
    });
}

#[test]
fn power_is_recorded_as_a_wish_and_a_task() {
    in_cloud(|tx, network| {
        let id = create_one(tx, &new_servers("web", on(network))).unwrap().id;
        let settle = |tx: &mut Tx<'_>, vm_state| {
            tx.update::<Server>(&id, |server| {
                server.vm_state = vm_state;
                server.task_state = None;
            })
            .unwrap();
        };
        let ask = |tx: &mut Tx<'_>, operation| act::power(tx, &member(), id, operation, uuid::Uuid::nil());
        assert_eq!(
            ask(tx, Operation::Stop).unwrap_err().kind,
            ErrorKind::Conflict,
            "it is being built"
        );
        settle(tx, VmState::Active);
        let server = ask(tx, Operation::Stop).unwrap();
        assert_eq!(
            (server.desired, server.task_state),
            (DesiredPower::Off, Some(TaskState::PoweringOff))
        );
        settle(tx, VmState::Stopped);
        let server = ask(tx, Operation::HardReboot).unwrap();
        assert_eq!((server.desired, server.hard_reboots), (DesiredPower::On, 1));
        let again = ask(tx, Operation::HardReboot).unwrap();
        assert_eq!(again.hard_reboots, 2, "a hard reboot may overtake another");
        settle(tx, VmState::Stopped);
        let started = ask(tx, Operation::Start).unwrap();
        assert_eq!(started.hard_reboots, 3, "its host may never hear that it was to be off");
        settle(tx, VmState::Active);
        assert_eq!(ask(tx, Operation::SoftReboot).unwrap().soft_reboots, 1);
        let reboots = actions_of_server(tx.cloud(), id);
        assert_eq!(reboots.iter().filter(|action| action.action == "reboot").count(), 3);
    });
}

#[test]
fn an_action_log_keeps_the_creation_and_the_newest_sixty() {
    in_cloud(|tx, network| {
        let id = create_one(tx, &new_servers("web", on(network))).unwrap().id;
        let mut cloud = tx.cloud().clone();
        let mut ids = SeededIds::new(2);
        for second in 1..=150 {
            let mut tx = Tx::begin(cloud, tx.now().plus_seconds(second), &mut ids);
            act::lock(&mut tx, &member(), id, None, uuid::Uuid::nil()).unwrap();
            cloud = tx.finish().0;
        }
        let log = actions_of_server(&cloud, id);
        assert_eq!(log.len(), 60);
        assert_eq!(log[59].action, "create");
        assert_eq!(log[58].started_at, tx.now().plus_seconds(92));
    });
}

#[test]
fn a_server_without_a_host_is_gone_with_its_deletion() {
    in_cloud(|tx, _| {
        let new = NewServers {
            flavor_id: FlavorId::from("5"),
            ..new_servers("huge", Networks::None)
        };
        let server = create_one(tx, &new).unwrap();
        assert_eq!(server.vm_state, VmState::Error);
        delete::delete(tx, &member(), server.id, Operation::Delete, uuid::Uuid::nil()).unwrap();
        assert!(tx.cloud().servers.is_empty() && tx.cloud().server_actions.is_empty());
    });
}

#[test]
fn a_deletion_frees_nothing_before_the_host_lets_go() {
    in_cloud(|tx, network| {
        let server = create_one(tx, &new_servers("web", on(network))).unwrap();
        delete::delete(tx, &member(), server.id, Operation::Delete, uuid::Uuid::nil()).unwrap();
        let row = tx.get::<Server>(&server.id).unwrap();
        assert_eq!(row.task_state, Some(TaskState::Deleting));
        assert!(
            tx.cloud().ports.contains(&server.ports[0]),
            "its address can't be given to another yet"
        );
        delete::remove(tx, &row).unwrap();
        assert!(!tx.cloud().ports.contains(&server.ports[0]));
        assert!(tx.cloud().servers.is_empty());
    });
}

#[test]
fn soft_rules_prefer_and_hard_rules_hold() {
    in_cloud(|tx, _| {
        let mut hosts = hosts();
        let mut second = HostFacts::clone(&hosts.facts[0]);
        second.host = "host-2".into();
        second.memory_mib = 32_768;
        hosts.facts.push(Arc::new(second));
        let place = |tx: &mut Tx<'_>, policy, count: u64| {
            let group = server_group::create(tx, &member(), "g".to_owned(), policy, None).unwrap();
            let mut new = new_servers("s", Networks::None);
            new.hints.insert("group".to_owned(), serde_json::json!(group.id));
            new.min_count = count;
            new.max_count = count;
            let servers = create(tx, &member(), &new, &hosts).unwrap();
            servers
                .iter()
                .map(|server| server.host.as_ref().map_or("none".to_owned(), ToString::to_string))
                .collect::<Vec<_>>()
        };
        assert_eq!(place(tx, GroupPolicy::AntiAffinity, 3), ["host-2", "host-1", "none"]);
        assert_eq!(
            place(tx, GroupPolicy::SoftAntiAffinity, 3),
            ["host-2", "host-1", "host-2"]
        );
        let together = place(tx, GroupPolicy::Affinity, 2);
        assert_eq!(together[0], together[1]);
    });
}

#[test]
fn what_belongs_to_nobody_else_is_seen_by_nobody_else() {
    in_cloud(|tx, network| {
        let server = create_one(tx, &new_servers("web", on(network))).unwrap();
        let mut stranger = member();
        stranger.scope = Scope::Project {
            id: ProjectId::from("other"),
            domain_id: "default".into(),
        };
        let error = get_visible(tx.cloud(), &stranger, server.id).unwrap_err();
        assert_eq!(error, Server::not_found(&server.id));
        let error = act::power(tx, &stranger, server.id, Operation::Stop, uuid::Uuid::nil()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(get_visible(tx.cloud(), &actor(&["admin"]), server.id).is_ok());
    });
}

/// After a restart its host may have nothing to say of a server that it has removed already: the server itself must be
/// known as one that waits.
#[test]
fn a_server_with_a_task_is_known_to_wait_for_its_host() {
    in_cloud(|tx, network| {
        let mut server = Server::clone(&create_one(tx, &new_servers("web", on(network))).unwrap());
        for (task, waits) in [(None, false), (Some(TaskState::Deleting), true), (None, false)] {
            server.task_state = task;
            tx.put(server.clone());
            assert_eq!(tx.cloud().lookups.busy_servers.contains(&server.id), waits, "{task:?}");
        }
        server.task_state = Some(TaskState::Deleting);
        tx.put(server.clone());
        tx.delete::<Server>(&server.id);
        assert!(!tx.cloud().lookups.busy_servers.contains(&server.id));
    });
}
