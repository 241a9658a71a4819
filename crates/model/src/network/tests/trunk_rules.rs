//! Trunks: which ports, which tags, and what stays while they are there.

use super::*;
use crate::address::MacAddress;
use crate::network::port::{
    ServerBinding, ServerNic, attach_namespace, create_for_server, detach_namespace, release_from_server,
};
use crate::network::trunk::{self, Segmentation, SubportSpec, TrunkChange, TrunkSpec, TrunkStatus};
use crate::network::{NamespaceAttachment, Status, Trunk, device_owner};
use crate::{PortId, ServerId, TrunkId};

/// A network of `demo` and what is made in it.
struct Scene {
    world: World,
    network: NetworkId,
}

fn scene() -> Scene {
    let mut world = World::new();
    let (network, _) = world.private("10.0.0.0/24");
    Scene { world, network }
}

fn bare(port_id: PortId) -> TrunkSpec {
    TrunkSpec {
        project_id: None,
        name: "t".into(),
        description: String::new(),
        admin_state_up: true,
        port_id,
        sub_ports: Vec::new(),
        tags: BTreeSet::new(),
    }
}

fn tagged(port_id: PortId, id: i64) -> SubportSpec {
    SubportSpec {
        port_id,
        segmentation: Some(Segmentation::Named {
            kind: "vlan".into(),
            id,
        }),
    }
}

impl Scene {
    fn port(&mut self) -> PortId {
        let network = self.network;
        self.world.port(&member("demo"), network, PortSpec::default()).id
    }

    fn make(&mut self, spec: TrunkSpec) -> Result<Arc<Trunk>> {
        self.world.run(|tx| trunk::create(tx, &member("demo"), spec))
    }

    fn trunk(&mut self) -> Arc<Trunk> {
        let parent = self.port();
        self.make(bare(parent)).unwrap()
    }

    fn add(&mut self, id: TrunkId, wanted: &[SubportSpec]) -> Result<Arc<Trunk>> {
        self.world
            .run(|tx| trunk::add_subports(tx, &member("demo"), id, wanted))
    }

    fn remove(&mut self, id: TrunkId, ports: &[PortId]) -> Result<Arc<Trunk>> {
        self.world
            .run(|tx| trunk::remove_subports(tx, &member("demo"), id, ports))
    }

    fn row(&self, id: PortId) -> Arc<Port> {
        self.world.cloud.get::<Port>(&id).unwrap()
    }

    /// What the host would report of a port.
    fn set_status(&mut self, id: PortId, status: Status) {
        self.world
            .run(|tx| tx.update::<Port>(&id, |port| port.status = status))
            .unwrap();
    }

    /// Plugs a port into a server; which one it is matters to nobody here.
    fn plug(&mut self, nic: ServerNic) -> Result<Arc<Port>> {
        let binding = ServerBinding {
            server_id: server(),
            project_id: "demo".into(),
            hostname: "vm".into(),
            zone: "nova".into(),
            host: Some("host1".into()),
            security_groups: vec![],
        };
        self.world
            .run(|tx| create_for_server(tx, &member("demo"), &binding, nic))
    }
}

fn server() -> ServerId {
    uuid::Uuid::from_u128(77).into()
}

#[track_caller]
fn fails<T: std::fmt::Debug>(result: Result<T>, code: &str) {
    assert_eq!(result.unwrap_err().code, code);
}

#[test]
fn a_trunk_takes_ports_and_lets_them_go() {
    let mut scene = scene();
    let (parent, one, two) = (scene.port(), scene.port(), scene.port());
    let before = scene.row(one).standard.revision_number;
    let spec = TrunkSpec {
        sub_ports: vec![tagged(two, 4094)],
        ..bare(parent)
    };
    let made = scene.make(spec).unwrap();
    assert_eq!((made.port_id, made.status), (parent, TrunkStatus::Down));
    assert_eq!(made.standard.project_id, ProjectId::from("demo"));
    let grown = scene.add(made.id, &[tagged(one, 1)]).unwrap();
    let tags: Vec<(PortId, u16)> = grown
        .sub_ports
        .iter()
        .map(|subport| (subport.port_id, subport.segmentation_id))
        .collect();
    assert_eq!(tags, [(two, 4094), (one, 1)], "in the order in which they came");
    assert!(grown.standard.revision_number > made.standard.revision_number);
    for port in [one, two] {
        assert_eq!(scene.row(port).device_owner, device_owner::TRUNK_SUBPORT);
        assert_eq!(trunk::of_port(&scene.world.cloud, port).unwrap().id, made.id);
    }
    assert!(scene.row(one).standard.revision_number > before);
    assert_eq!(scene.row(parent).device_owner, "");

    fails(scene.remove(made.id, &[one, parent]), "SubPortNotFound");
    let left = scene.remove(made.id, &[two]).unwrap();
    assert_eq!(left.sub_ports.len(), 1);
    assert_eq!(scene.row(two).device_owner, "");
    // A tag that is free again can be another port's.
    scene.add(made.id, &[tagged(two, 4094)]).unwrap();
    let demo = member("demo");
    scene.world.run(|tx| trunk::delete(tx, &demo, made.id)).unwrap();
    for port in [one, two] {
        assert_eq!(scene.row(port).device_owner, "");
        assert!(trunk::of_port(&scene.world.cloud, port).is_none());
    }
    scene.make(bare(one)).unwrap();
    let stored = serde_json::to_value(&*grown).unwrap();
    assert_eq!(serde_json::from_value::<Trunk>(stored).unwrap(), *grown);
}

#[test]
fn only_ports_that_nothing_else_uses() {
    let mut scene = scene();
    let (trunk, other) = (scene.trunk(), scene.trunk());
    let (taken, free) = (scene.port(), scene.port());
    scene.add(other.id, &[tagged(taken, 5)]).unwrap();
    fails(scene.add(trunk.id, &[tagged(trunk.port_id, 5)]), "ParentPortInUse");
    fails(scene.add(trunk.id, &[tagged(other.port_id, 5)]), "ParentPortInUse");
    fails(scene.add(trunk.id, &[tagged(taken, 5)]), "TrunkPortInUse");
    fails(scene.add(other.id, &[tagged(taken, 6)]), "TrunkPortInUse");
    fails(scene.add(other.id, &[tagged(free, 5)]), "DuplicateSubPort");
    fails(scene.add(other.id, &[tagged(free, 6), tagged(free, 7)]), "InvalidInput");
    fails(scene.make(bare(taken)), "TrunkPortInUse");
    fails(scene.make(bare(other.port_id)), "ParentPortInUse");
    let nobody = PortId(uuid::Uuid::from_u128(1));
    fails(scene.make(bare(nobody)), "PortNotFound");
    fails(scene.add(trunk.id, &[tagged(nobody, 6)]), "PortNotFound");

    let (demo, network) = (member("demo"), scene.network);
    let named = PortSpec {
        device_id: Some("box".into()),
        ..PortSpec::default()
    };
    let busy = scene.world.port(&demo, network, named).id;
    fails(scene.add(trunk.id, &[tagged(busy, 6)]), "PortInUse");
    scene.make(bare(busy)).unwrap();
    let dhcp = scene
        .world
        .cloud
        .ports_of_network(network)
        .find(|port| port.device_owner == device_owner::DHCP)
        .unwrap()
        .id;
    fails(scene.make(bare(dhcp)), "ParentPortInUse");
    fails(scene.add(trunk.id, &[tagged(dhcp, 6)]), "PortInUse");
    let (public, _) = scene.world.public("172.24.4.0/24");
    let outer = scene.world.port(&admin(), public, PortSpec::default()).id;
    let wanted = [tagged(outer, 6)];
    let refused = scene
        .world
        .run(|tx| trunk::add_subports(tx, &admin(), trunk.id, &wanted));
    fails(refused, "BadRequest");
    assert!(scene.world.cloud.trunks.get(&trunk.id).unwrap().sub_ports.is_empty());
}

#[test]
fn tags_are_vlan_ids() {
    let mut scene = scene();
    let (trunk, port) = (scene.trunk(), scene.port());
    for id in [-1, 0, 4095, 65_536 + 5] {
        fails(scene.add(trunk.id, &[tagged(port, id)]), "InvalidInput");
    }
    let other = |segmentation: Option<Segmentation>| {
        [SubportSpec {
            port_id: port,
            segmentation,
        }]
    };
    let gre = Segmentation::Named {
        kind: "gre".into(),
        id: 5,
    };
    fails(scene.add(trunk.id, &other(Some(gre))), "InvalidInput");
    fails(scene.add(trunk.id, &other(None)), "InvalidInput");
    let message = scene
        .add(trunk.id, &other(Some(Segmentation::Inherit)))
        .unwrap_err()
        .message;
    assert!(message.contains("Unknown segmentation_type 'vxlan'"), "{message}");
    scene.add(trunk.id, &[tagged(port, 4094)]).unwrap();
}

#[test]
fn a_subports_packets_fit_through_its_parent() {
    let mut scene = scene();
    let demo = member("demo");
    let small = NetworkSpec {
        mtu: Some(1300),
        ..NetworkSpec::default()
    };
    let small = scene.world.network(&demo, small).id;
    let narrow = scene.world.port(&demo, small, PortSpec::default()).id;
    let (wide, other) = (scene.port(), scene.trunk());
    let spec = TrunkSpec {
        sub_ports: vec![tagged(wide, 5)],
        ..bare(narrow)
    };
    fails(scene.make(spec), "SubPortMtuGreaterThanTrunkPortMtu");
    scene.add(other.id, &[tagged(narrow, 5)]).unwrap();
}

#[test]
fn a_disabled_trunk_stays_as_it_is() {
    let mut scene = scene();
    let (one, two) = (scene.port(), scene.port());
    let trunk = scene.trunk();
    scene.add(trunk.id, &[tagged(one, 5)]).unwrap();
    let demo = member("demo");
    let enable = |up: bool| TrunkChange {
        admin_state_up: Some(up),
        ..TrunkChange::default()
    };
    let id = trunk.id;
    let off = scene
        .world
        .run(|tx| trunk::update(tx, &demo, id, enable(false)))
        .unwrap();
    assert!(!off.admin_state_up && off.standard.name == "t");
    fails(scene.add(id, &[tagged(two, 6)]), "TrunkDisabled");
    fails(scene.remove(id, &[one]), "TrunkDisabled");
    fails(scene.world.run(|tx| trunk::delete(tx, &demo, id)), "TrunkDisabled");
    scene
        .world
        .run(|tx| trunk::update(tx, &demo, id, enable(true)))
        .unwrap();
    scene.remove(id, &[one]).unwrap();

    // One that can't be made takes no more, but what is too much can go.
    scene.add(id, &[tagged(one, 5)]).unwrap();
    let fault = |trunk: &mut Trunk| trunk.status = TrunkStatus::Error;
    scene.world.run(|tx| tx.update::<Trunk>(&id, fault)).unwrap();
    fails(scene.add(id, &[tagged(two, 6)]), "TrunkInErrorState");
    assert_eq!(scene.remove(id, &[one]).unwrap().status, TrunkStatus::Down);
    scene.add(id, &[tagged(two, 6)]).unwrap();
}

#[test]
fn ports_of_a_trunk_are_kept_and_not_used_otherwise() {
    let mut scene = scene();
    let demo = member("demo");
    let subport = scene.port();
    let trunk = scene.trunk();
    let parent = trunk.port_id;
    scene.add(trunk.id, &[tagged(subport, 5)]).unwrap();
    fails(
        scene.world.run(|tx| port::delete(tx, &demo, parent)),
        "PortInUseAsTrunkParent",
    );
    fails(
        scene.world.run(|tx| port::delete(tx, &demo, subport)),
        "PortInUseAsSubPort",
    );
    let router = scene
        .world
        .run(|tx| router::create(tx, &demo, RouterSpec::default()))
        .unwrap()
        .id;
    for id in [parent, subport] {
        let by_port = InterfaceSpec {
            subnet_id: None,
            port_id: Some(id),
        };
        let leg = scene.world.run(|tx| router::add_interface(tx, &demo, router, by_port));
        fails(leg.map(drop), "PortInUse");
        let netns = || NamespaceAttachment {
            netns: "box".into(),
            ifname: "eth0".into(),
        };
        let attached = scene.world.run(|tx| attach_namespace(tx, &admin(), id, netns()));
        fails(attached, "PortInUse");
    }
    fails(scene.plug(ServerNic::Port(subport)), "PortInUse");
    // The other way round.
    let attached = scene.port();
    let netns = NamespaceAttachment {
        netns: "box".into(),
        ifname: "eth0".into(),
    };
    scene
        .world
        .run(|tx| attach_namespace(tx, &admin(), attached, netns))
        .unwrap();
    fails(scene.make(bare(attached)), "ParentPortInUse");
    fails(scene.add(trunk.id, &[tagged(attached, 6)]), "PortInUse");
    scene.world.run(|tx| detach_namespace(tx, &admin(), attached)).unwrap();
    scene.add(trunk.id, &[tagged(attached, 6)]).unwrap();
}

#[test]
fn subports_are_where_their_parent_is() {
    let mut scene = scene();
    let demo = member("demo");
    let subport = scene.port();
    let trunk = scene.trunk();
    let parent = trunk.port_id;
    scene.add(trunk.id, &[tagged(subport, 5)]).unwrap();
    let host = |scene: &Scene| trunk::host_of(&scene.world.cloud, &scene.row(subport)).cloned();
    assert_eq!(host(&scene), None);
    let mac = |last: u8| PortSpec {
        mac_address: Some(MacAddress([2, 0, 0, 0, 0, last])),
        ..PortSpec::default()
    };
    scene
        .world
        .run(|tx| port::update(tx, &admin(), subport, mac(1)))
        .unwrap();
    scene.plug(ServerNic::Port(parent)).unwrap();
    assert_eq!(host(&scene), Some("host1".into()));
    fails(
        scene.world.run(|tx| port::update(tx, &admin(), subport, mac(2))),
        "PortBound",
    );

    // Changes while it is up wait for the host; the trunk of a port in use can be made and ended.
    scene.set_status(parent, Status::Active);
    let more = scene.port();
    let grown = scene.add(trunk.id, &[tagged(more, 6)]).unwrap();
    assert_eq!(grown.status, TrunkStatus::Build);
    assert!(scene.world.cloud.lookups.pending_trunks.contains(&trunk.id));
    scene.world.run(|tx| trunk::delete(tx, &demo, trunk.id)).unwrap();
    assert!(scene.world.cloud.lookups.pending_trunks.is_empty());
    let again = scene.make(bare(parent)).unwrap();
    assert_eq!(again.status, TrunkStatus::Build);

    // A server that goes leaves the trunk, down.
    scene.world.run(|tx| release_from_server(tx, server(), parent)).unwrap();
    let left = scene.world.cloud.trunks.get(&again.id).unwrap();
    assert_eq!(left.status, TrunkStatus::Down);
    assert_eq!(scene.row(parent).device_id, "");
}

#[test]
fn a_port_that_nova_made_stays_when_a_trunk_was_made_of_it() {
    let mut scene = scene();
    let nic = ServerNic::Network {
        id: scene.network,
        fixed_ip: None,
    };
    let made = scene.plug(nic).unwrap().id;
    let trunk = scene.make(bare(made)).unwrap();
    scene.world.run(|tx| release_from_server(tx, server(), made)).unwrap();
    let left = scene.row(made);
    assert_eq!((left.device_id.as_str(), left.made_for_server), ("", false));
    let demo = member("demo");
    scene.world.run(|tx| trunk::delete(tx, &demo, trunk.id)).unwrap();
    scene.world.run(|tx| port::delete(tx, &demo, made)).unwrap();
}

#[test]
fn a_trunk_is_its_projects() {
    let mut scene = scene();
    let (trunk, port) = (scene.trunk(), scene.port());
    let (guest, id) = (member("guest"), trunk.id);
    scene.add(id, &[tagged(port, 5)]).unwrap();
    fails(
        scene
            .world
            .run(|tx| trunk::update(tx, &guest, id, TrunkChange::default())),
        "TrunkNotFound",
    );
    fails(scene.world.run(|tx| trunk::delete(tx, &guest, id)), "TrunkNotFound");
    fails(
        scene.world.run(|tx| trunk::add_subports(tx, &guest, id, &[])),
        "TrunkNotFound",
    );
    fails(
        scene.world.run(|tx| trunk::remove_subports(tx, &guest, id, &[port])),
        "TrunkNotFound",
    );
    // Whose network it is does not make its ports theirs: the network's owner sees a port, and takes no trunk of it.
    let shared = NetworkSpec {
        shared: Some(true),
        ..NetworkSpec::default()
    };
    let network = scene.network;
    scene
        .world
        .run(|tx| network::update(tx, &admin(), network, shared))
        .unwrap();
    let theirs = scene.world.port(&guest, network, PortSpec::default()).id;
    fails(scene.make(bare(theirs)), "PortNotFound");
    fails(scene.add(id, &[tagged(theirs, 6)]), "PortNotFound");
    let own = scene.world.run(|tx| trunk::create(tx, &guest, bare(theirs))).unwrap();
    assert_eq!(own.standard.project_id, ProjectId::from("guest"));
}
