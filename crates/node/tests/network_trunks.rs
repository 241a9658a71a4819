//! Trunks: a server's tap that carries several networks. The guests are real: namespaces whose frames a small switch tags.
#![allow(clippy::unwrap_used)]

mod network_common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use linux::Netns;
use linux::bpf::Program;
use linux::netlink::Rtnl;
use model::host::*;
use model::{NetworkId, PortId, ServerId, TrunkId};
use network_common::frame::{arp, ethernet, tagged, v4};
use network_common::probe::{PATIENCE, SILENCE, eventually, ping, tcp};
use network_common::switch::{HEADER, Switch, TYPE, interface, untagged};
use network_common::*;
use node::network::names::{tap_device, trunk_device};

/// A server whose port carries two more networks, and a neighbour in each of the three.
struct Stage {
    cloud: Cloud,
    trunk: TrunkId,
    networks: [NetworkId; 3],
    /// The guest's interfaces: its own, and those of VLANs 7 and 8.
    guest: [Vm; 3],
    neighbours: [Vm; 3],
}

impl Stage {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let networks = [1, 2, 3].map(|n| cloud.network(&[&format!("10.{n}.0.0/24"), &format!("fd00:{n}::/64")]));
        let trunk = TrunkId(fresh());
        let bindings = [
            PortBinding::Server(ServerId(fresh())),
            PortBinding::Trunk(trunk),
            PortBinding::Trunk(trunk),
        ];
        let rules = || with(all_out(), [allow_in(ProtocolMatch::Any), allow_in6(ProtocolMatch::Any)]);
        let mut bindings = bindings.into_iter();
        let guest = networks.map(|network| {
            let open = cloud.group(network, rules());
            let binding = bindings.next().unwrap();
            cloud.vm_with(network, 10, &[open], |port| port.binding = binding)
        });
        let neighbours = networks.map(|network| {
            let open = cloud.group(network, rules());
            cloud.vm(network, 20, &[open])
        });
        let mut stage = Self {
            cloud,
            trunk,
            networks,
            guest,
            neighbours,
        };
        stage.carry(&[(7, 1), (8, 2)]);
        stage
    }

    /// Says which of the guest's interfaces are carried under which VLAN IDs.
    fn carry(&mut self, vlans: &[(u16, usize)]) {
        let subports = vlans.iter().map(|(vlan, which)| {
            let subport = SubportConfig {
                port_id: self.guest[*which].port,
                network_id: self.networks[*which],
            };
            (*vlan, subport)
        });
        let config = TrunkConfig {
            id: self.trunk,
            parent: self.guest[0].port,
            network_id: self.networks[0],
            subports: subports.collect(),
        };
        self.cloud.config.trunks.insert(self.trunk, Arc::new(config));
    }

    /// Starts the guest, with the interfaces of these VLANs.
    fn boot(&mut self, vlans: &[(u16, usize)]) -> Switch {
        let tap = self.cloud.part.tap(self.guest[0].port).unwrap();
        let interfaces = vlans.iter().map(|(vlan, which)| {
            let vm = &self.guest[*which];
            let port = &self.cloud.config.networks[&vm.network].ports[&vm.port];
            let addresses: Vec<_> = port.fixed_ips.iter().map(|ip| ip.address).collect();
            (*vlan, interface(&vm.ns, "eth0", vm.mac, &addresses))
        });
        Switch::start(tap, interfaces.collect())
    }

    /// Whether each of the guest's interfaces reaches its own neighbour, and is reached.
    fn reaches(&self, expected: [bool; 3]) {
        for (n, expected) in expected.into_iter().enumerate() {
            let (vm, neighbour) = (&self.guest[n], &self.neighbours[n]);
            assert_eq!(
                ping(&vm.ns, neighbour.ip, expected),
                expected,
                "IPv4 from interface {n}"
            );
            assert_eq!(ping(&neighbour.ns, vm.ip, expected), expected, "IPv4 to interface {n}");
        }
    }

    fn report(&self, port: PortId) -> PortReport {
        self.cloud.report().ports[&port].clone()
    }

    fn place(&self) -> Netns {
        self.cloud.network_ns(self.networks[0])
    }

    /// Mends until the kernel has told all that was done.
    fn mends(&mut self, what: &str) {
        let mended = eventually(|| {
            let found = self.cloud.part.audit();
            found.iter().any(|sentence| sentence.contains(what))
        });
        assert!(mended, "nobody saw: {what}");
        assert!(
            eventually(|| self.cloud.part.audit().is_empty()),
            "it is mended again and again"
        );
    }
}

const ALL: [(u16, usize); 3] = [(0, 0), (7, 1), (8, 2)];

#[test]
fn a_trunk_carries_each_network_under_its_vlan() {
    let mut stage = Stage::new();
    stage.cloud.apply();
    assert_eq!(stage.cloud.report().trunks[&stage.trunk], FragmentStatus::Ready);
    for vm in &stage.guest {
        assert_eq!(stage.report(vm.port), PortReport::Down, "the guest does not run");
    }
    let guest = stage.boot(&ALL);
    assert!(eventually(|| {
        stage.cloud.part.audit();
        stage.guest.iter().all(|vm| stage.report(vm.port) == PortReport::Up)
    }));
    stage.reaches([true; 3]);
    for n in 0..3 {
        let (vm, neighbour) = (&stage.guest[n], &stage.neighbours[n]);
        assert!(ping(&vm.ns, neighbour.ip6.unwrap(), true), "IPv6 from interface {n}");
        assert!(tcp(&neighbour.ns, &vm.ns, vm.ip, 5000, true), "TCP to interface {n}");
        assert!(
            tcp(&vm.ns, &neighbour.ns, neighbour.ip, 5000, true),
            "TCP from interface {n}"
        );
        // The network's own services, on its bridge.
        let service = nth(stage.cloud.config.networks[&vm.network].subnets[0].cidr, 2).addr();
        assert!(ping(&vm.ns, service, true), "services of network {n}");
    }

    // Neither a restart of the program nor its looks at things interrupt anything.
    assert!(eventually(|| stage.cloud.part.audit().is_empty()));
    for _ in 0..9 {
        assert_eq!(stage.cloud.part.audit(), Vec::<String>::new());
    }
    let index = |ns: &Netns, name: &str| Rtnl::open(ns).unwrap().link(name).unwrap().index;
    let place = stage.place();
    let device = trunk_device(stage.guest[1].port);
    let before = index(&place, &device);
    stage.cloud.restart();
    stage.cloud.apply();
    assert_eq!(index(&place, &device), before);
    stage.reaches([true; 3]);

    // The guest ends: so do the subports.
    drop(guest);
    assert!(eventually(|| {
        stage.cloud.part.audit();
        stage.guest.iter().all(|vm| stage.report(vm.port) == PortReport::Down)
    }));
}

#[test]
fn subports_come_move_and_go() {
    let mut stage = Stage::new();
    stage.carry(&[(7, 1)]);
    stage.cloud.apply_anyhow();
    let sub = stage.guest[2].port;
    assert!(matches!(stage.report(sub), PortReport::Failed(_)), "no trunk names it");
    let guest = stage.boot(&[(0, 0), (7, 1), (9, 2)]);
    stage.reaches([true, true, false]);
    stage.carry(&[(7, 1), (9, 2)]);
    stage.cloud.apply();
    stage.reaches([true, true, true]);
    // Another VLAN, which the guest does not know of.
    stage.carry(&[(7, 1), (10, 2)]);
    stage.cloud.apply();
    stage.reaches([true, true, false]);
    stage.carry(&[(7, 1), (9, 2)]);
    stage.cloud.apply();
    // It goes, with its port.
    let port = stage.cloud.config.networks[&stage.networks[2]].ports[&sub].clone();
    let network = stage.networks[2];
    stage.carry(&[(7, 1)]);
    stage.cloud.edit(network, |n| n.ports.remove(&sub));
    stage.cloud.apply();
    stage.cloud.part.settle();
    let mut nl = Rtnl::open(&stage.place()).unwrap();
    assert_eq!(nl.find_link(&trunk_device(sub)).unwrap(), None);
    stage.reaches([true, true, false]);
    stage.carry(&[(7, 1), (9, 2)]);
    stage.cloud.edit(network, |n| n.ports.insert(sub, port));
    stage.cloud.apply();
    stage.reaches([true, true, true]);

    // The trunk goes, and with it the subports' bindings; the parent stays, and is an ordinary port again.
    stage.cloud.config.trunks.remove(&stage.trunk);
    for n in [1, 2] {
        let vm = stage.guest[n].clone();
        stage.cloud.edit(vm.network, |n| n.ports.remove(&vm.port));
    }
    stage.cloud.apply();
    stage.cloud.part.settle();
    let parent = nl.link(&tap_device(stage.guest[0].port)).unwrap().index;
    assert!(!nl.detach(parent).unwrap(), "no program is left");
    stage.reaches([true, false, false]);
    drop(guest);
}

#[test]
fn rules_and_spoofing_are_judged_in_the_subports_network() {
    let mut stage = Stage::new();
    stage.cloud.apply();
    let guest = stage.boot(&ALL);
    stage.reaches([true; 3]);
    // What enters the second network only answers from now on.
    let (network, sub) = (stage.networks[1], stage.guest[1].clone());
    let closed = stage.cloud.group(network, all_out());
    stage
        .cloud
        .edit_port(&sub, |port| port.security_groups = [closed].into());
    stage.cloud.apply();
    let neighbour = &stage.neighbours[1];
    assert!(!ping(&neighbour.ns, sub.ip, false), "no rule lets it in");
    assert!(ping(&sub.ns, neighbour.ip, true), "what it asks for is answered");
    stage.cloud.edit_port(&sub, |port| port.admin_state_up = false);
    stage.cloud.apply();
    stage.reaches([true, false, true]);
    stage.cloud.edit_port(&sub, |port| port.admin_state_up = true);
    stage.cloud.apply();
    assert!(ping(&sub.ns, stage.neighbours[1].ip, true));
    drop(guest);

    // A guest that writes what it likes.
    let tap = stage.cloud.part.tap(stage.guest[0].port).unwrap();
    let neighbour = &stage.neighbours[1];
    let ask = |sender: &Vm, source, vlan: u16| {
        let question = arp(
            1,
            (sender.mac, source),
            (model::address::MacAddress([0; 6]), v4(neighbour.ip)),
        );
        let frame = ethernet(sender.mac, network_common::frame::BROADCAST, 0x0806, &question);
        let bytes = [&[0; HEADER][..], &tagged(&frame, vlan)].concat();
        rustix::io::write(&tap, &bytes).unwrap();
    };
    let answered = |within: Duration| {
        let end = std::time::Instant::now() + within;
        let mut buffer = [0; 4096];
        while std::time::Instant::now() < end {
            match rustix::io::read(&tap, &mut buffer) {
                Ok(length) => {
                    let (vlan, frame) = untagged(&buffer[..length]);
                    if vlan == 7 && frame[TYPE..TYPE + 2] == [0x08, 0x06] && frame[TYPE + 9] == 2 {
                        return true;
                    }
                }
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        false
    };
    // The tap was just opened anew, and its bridge may take note of that a moment later: like any guest, it asks again.
    let heard = || {
        ask(&sub, v4(sub.ip), 7);
        answered(SILENCE)
    };
    assert!(eventually(heard), "its own address");
    while answered(SILENCE) {}
    ask(&sub, "10.2.0.66".parse().unwrap(), 7);
    assert!(!answered(SILENCE), "somebody else's address");
    ask(&stage.guest[2], v4(sub.ip), 7);
    assert!(!answered(SILENCE), "somebody else's MAC address");
    ask(&sub, v4(sub.ip), 8);
    assert!(!answered(SILENCE), "by another VLAN");
    ask(&sub, v4(sub.ip), 9);
    assert!(!answered(SILENCE), "by a VLAN that the trunk does not carry");
    ask(&sub, v4(sub.ip), 7);
    assert!(answered(PATIENCE), "and its own once more");
}

#[test]
fn what_somebody_takes_from_a_trunk_is_mended() {
    let mut stage = Stage::new();
    stage.cloud.apply();
    let guest = stage.boot(&ALL);
    stage.reaches([true; 3]);
    assert!(eventually(|| stage.cloud.part.audit().is_empty()));
    let place = stage.place();
    let sub = stage.guest[1].port;
    let device = trunk_device(sub);

    delete_link(&place, &device);
    stage.mends(&tap_device(sub));
    stage.reaches([true; 3]);
    delete_link(&stage.cloud.network_ns(stage.networks[1]), &tap_device(sub));
    stage.mends(&tap_device(sub));
    stage.reaches([true; 3]);

    let mut nl = Rtnl::open(&place).unwrap();
    let index = nl.link(&device).unwrap().index;
    nl.set_down(index).unwrap();
    assert!(eventually(|| {
        stage.cloud.part.audit();
        nl.link(&device).unwrap().up
    }));
    stage.reaches([true; 3]);

    // Programs are not told of; they have their turn.
    let parent = nl.link(&tap_device(stage.guest[0].port)).unwrap().index;
    assert!(nl.detach(parent).unwrap());
    stage.mends("did not carry trunk");
    assert!(nl.attach(parent, &Program::untag(&BTreeMap::new())).unwrap());
    stage.mends("did not carry trunk");
    let index = nl.link(&device).unwrap().index;
    assert!(nl.detach(index).unwrap());
    stage.mends("VLAN 7");
    stage.reaches([true; 3]);
    drop(guest);

    // A trunk that went while the program did not run.
    stage.cloud.config.trunks.remove(&stage.trunk);
    for n in [1, 2] {
        let vm = stage.guest[n].clone();
        stage.cloud.edit(vm.network, |n| n.ports.remove(&vm.port));
    }
    stage.cloud.restart();
    stage.cloud.apply();
    stage.cloud.part.settle();
    assert!(!nl.detach(parent).unwrap());
    assert_eq!(nl.find_link(&device).unwrap(), None);
}

#[test]
fn a_parents_limit_is_not_that_of_its_subports() {
    let mut stage = Stage::new();
    let limited = |kbps| {
        Some(Arc::new(PortQos {
            egress: network_common::rate::bandwidth(kbps),
            ..PortQos::default()
        }))
    };
    let parent = stage.guest[0].clone();
    stage.cloud.edit_port(&parent, |port| port.qos = limited(1000));
    stage.cloud.apply();
    let guest = stage.boot(&ALL);
    stage.reaches([true; 3]);
    let rate = |stage: &Stage, n: usize| {
        let (vm, neighbour) = (&stage.guest[n], &stage.neighbours[n]);
        network_common::rate::rate(&vm.ns, &neighbour.ns, neighbour.ip, 5001)
    };
    let own = rate(&stage, 0);
    assert!(network_common::rate::is_near(own, 125_000), "{own} bytes a second");
    let free = rate(&stage, 1);
    assert!(free > 4 * own, "{free} bytes a second of a subport without a limit");
    // And the other way round.
    let sub = stage.guest[1].clone();
    stage.cloud.edit_port(&parent, |port| port.qos = None);
    stage.cloud.edit_port(&sub, |port| port.qos = limited(1000));
    stage.cloud.apply();
    stage.reaches([true; 3]);
    let held = rate(&stage, 1);
    assert!(network_common::rate::is_near(held, 125_000), "{held} bytes a second");
    let free = rate(&stage, 0);
    assert!(free > 4 * held, "{free} bytes a second of a parent without a limit");
    drop(guest);
}
