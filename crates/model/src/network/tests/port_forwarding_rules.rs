use super::*;
use crate::network::floating_ip::{self, FloatingIpSpec};
use crate::network::port_forwarding::{self, PortForwardingSpec, PortRange};
use crate::network::{FloatingIp, PortForwarding, Status};
use crate::{FloatingIpId, PortId};

fn spec(port: PortId, external: PortRange, internal: PortRange) -> PortForwardingSpec {
    PortForwardingSpec {
        protocol: Some("tcp".into()),
        external_ports: Some(external),
        internal_port_id: Some(port),
        internal_ports: Some(internal),
        ..PortForwardingSpec::default()
    }
}

struct Scene {
    world: World,
    subnet: SubnetId,
    router: Arc<Router>,
    port: Arc<Port>,
    other: Arc<Port>,
    fip: FloatingIpId,
}

fn scene() -> Scene {
    let mut world = World::new();
    let (public, _) = world.public("172.24.4.0/24");
    let (private, subnet) = world.private("10.0.0.0/24");
    let router = world.router(public, subnet);
    let demo = member("demo");
    let port = world.port(&demo, private, PortSpec::default());
    let other = world.port(&demo, private, PortSpec::default());
    let fip = world
        .run(|tx| floating_ip::create(tx, &demo, public, FloatingIpSpec::default()))
        .unwrap()
        .id;
    Scene {
        world,
        subnet,
        router,
        port,
        other,
        fip,
    }
}

impl Scene {
    fn forward(&mut self, spec: PortForwardingSpec) -> Result<Arc<PortForwarding>> {
        let fip = self.fip;
        self.world
            .run(|tx| port_forwarding::create(tx, &member("demo"), fip, spec))
    }
}

#[test]
fn a_floating_ip_goes_through_a_router_while_it_forwards() {
    let mut scene = scene();
    let demo = member("demo");
    let one = scene.forward(spec(scene.port.id, (2222, 2222), (22, 22))).unwrap();
    let two = scene.forward(spec(scene.other.id, (2223, 2223), (22, 22))).unwrap();
    let row = |scene: &Scene| scene.world.cloud.get::<FloatingIp>(&scene.fip).unwrap();
    assert_eq!(row(&scene).router_id, Some(scene.router.id));
    assert_eq!((row(&scene).port_id, row(&scene).status), (None, Status::Down));
    let fip = scene.fip;
    let delete = |tx: &mut Tx<'_>| floating_ip::delete(tx, &demo, fip);
    assert_eq!(scene.world.fails(delete), "FipInUseByPortForwarding");
    let to = FloatingIpSpec {
        port_id: Some(Some(scene.port.id)),
        ..FloatingIpSpec::default()
    };
    let associate = |tx: &mut Tx<'_>| floating_ip::update(tx, &demo, fip, to);
    assert_eq!(scene.world.fails(associate), "FipInUseByPortForwarding");
    let leave = InterfaceSpec {
        subnet_id: Some(scene.subnet),
        ..InterfaceSpec::default()
    };
    let router_id = scene.router.id;
    let code = scene
        .world
        .fails(|tx| router::remove_interface(tx, &demo, router_id, leave));
    assert_eq!(code, "RouterInterfaceInUseByFloatingIP");

    let port_id = scene.port.id;
    scene.world.run(|tx| port::delete(tx, &demo, port_id)).unwrap();
    assert!(scene.world.cloud.find::<PortForwarding>(&one.id).is_none());
    assert_eq!(row(&scene).router_id, Some(scene.router.id), "the other one is left");
    scene
        .world
        .run(|tx| port_forwarding::delete(tx, &demo, two.id))
        .unwrap();
    assert_eq!(row(&scene).router_id, None);
    scene.world.run(delete).unwrap();
}

#[test]
fn no_port_leads_to_two_places_and_no_place_is_led_to_twice() {
    let mut scene = scene();
    let (port, other) = (scene.port.id, scene.other.id);
    scene.forward(spec(port, (8000, 8010), (80, 90))).unwrap();
    for (wrong, why) in [
        (spec(other, (8010, 8020), (80, 90)), "the outside overlaps"),
        (spec(port, (9000, 9000), (85, 85)), "the inside overlaps"),
        (spec(other, (9000, 9009), (80, 90)), "as many inside as outside"),
    ] {
        assert_eq!(scene.forward(wrong).unwrap_err().code, "BadRequest", "{why}");
    }
    let udp = PortForwardingSpec {
        protocol: Some("udp".into()),
        ..spec(other, (8000, 8010), (53, 53))
    };
    scene.forward(udp).expect("another protocol has ports of its own");
    let elsewhere = PortForwardingSpec {
        internal_ip_address: Some("10.0.0.200".parse().unwrap()),
        ..spec(other, (9000, 9000), (80, 80))
    };
    assert_eq!(scene.forward(elsewhere).unwrap_err().code, "BadRequest");
}

#[test]
fn an_address_is_forwarded_or_leads_to_a_port_as_a_whole() {
    let mut scene = scene();
    let demo = member("demo");
    let (fip, port) = (scene.fip, scene.port.id);
    let to = FloatingIpSpec {
        port_id: Some(Some(port)),
        ..FloatingIpSpec::default()
    };
    scene.world.run(|tx| floating_ip::update(tx, &demo, fip, to)).unwrap();
    let error = scene.forward(spec(port, (22, 22), (22, 22))).unwrap_err();
    assert_eq!(error.code, "PortHasBindingFloatingIP");
    let error = scene.forward(spec(scene.other.id, (22, 22), (22, 22))).unwrap_err();
    assert_eq!(error.code, "FloatingIPPortAlreadyAssociated");
    let stranger = member("other");
    let code = scene
        .world
        .fails(|tx| port_forwarding::create(tx, &stranger, fip, spec(port, (22, 22), (22, 22))));
    assert_eq!(code, "FloatingIPNotFound");
}
