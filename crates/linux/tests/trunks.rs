//! Programs that tag and untag frames, between taps of a fresh namespace. Run as root.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use linux::Netns;
use linux::bpf::Program;
use linux::netlink::{Rtnl, TokenBucket};
use linux::tap::{self, TapOptions};

/// The virtio-net header that goes with each frame.
const HEADER: usize = 10;
const TAG: [u8; 2] = [0x81, 0x00];

struct Tap {
    fd: OwnedFd,
    index: u32,
}

impl Tap {
    fn new(ns: &Netns, nl: &mut Rtnl, name: &str) -> Self {
        linux::sysctl::write(ns, &[("net/ipv6/conf/default/disable_ipv6", "1")]).unwrap();
        let fd = tap::open(ns, name, TapOptions::default()).unwrap();
        let index = nl.link(name).unwrap().index;
        nl.set_up(index).unwrap();
        Self { fd, index }
    }

    fn send(&self, frame: &[u8]) {
        let bytes = [&[0; HEADER], frame].concat();
        assert_eq!(rustix::io::write(&self.fd, &bytes).unwrap(), bytes.len());
    }

    fn receive(&self) -> Option<Vec<u8>> {
        let mut bytes = [0; 2048];
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            match rustix::io::read(&self.fd, &mut bytes) {
                Ok(length) => return Some(bytes[HEADER..length].to_vec()),
                Err(_) if Instant::now() > end => return None,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

/// A broadcast frame with a number in it, whose VLAN tags are these.
fn frame(tags: &[u16], number: u8) -> Vec<u8> {
    let mut frame = [[0xff; 6], [2, 0, 0, 0, 0, 1]].concat();
    for tag in tags {
        frame.extend(TAG);
        frame.extend(tag.to_be_bytes());
    }
    frame.extend([0x88, 0xb5]);
    frame.resize(frame.len() + 46, number);
    frame
}

#[test]
fn frames_are_tagged_on_their_way_to_a_trunk_and_untagged_on_their_way_from_it() {
    let ns = Netns::anonymous().unwrap();
    let mut nl = Rtnl::open(&ns).unwrap();
    let [parent, red, blue] = ["parent", "red", "blue"].map(|name| Tap::new(&ns, &mut nl, name));
    let untag = Program::untag(&BTreeMap::from([(7, red.index), (4094, blue.index)]));
    assert!(nl.attach(parent.index, &untag).unwrap());
    assert!(!nl.attach(parent.index, &untag).unwrap(), "it is there already");
    for (id, of) in [(7, &red), (4094, &blue)] {
        assert!(nl.attach(of.index, &Program::tag(id, parent.index)).unwrap());
    }

    for (tag, to) in [(7, &red), (4094, &blue), (0x6007, &red)] {
        parent.send(&frame(&[tag], 1));
        assert_eq!(to.receive(), Some(frame(&[], 1)), "of VLAN {tag:#x}");
        to.send(&frame(&[], 2));
        assert_eq!(parent.receive(), Some(frame(&[tag & 0xfff], 2)), "of VLAN {tag:#x}");
    }
    // The tag inside belongs to the guest.
    parent.send(&frame(&[7, 9], 3));
    assert_eq!(red.receive(), Some(frame(&[9], 3)));
    // What the trunk does not carry arrives nowhere; what comes after it does.
    for stranger in [8, 6, 4093] {
        parent.send(&frame(&[stranger], 4));
    }
    for untagged in [&[][..], &[0]] {
        parent.send(&frame(untagged, 5));
    }
    for (tag, to) in [(7, &red), (4094, &blue)] {
        parent.send(&frame(&[tag], 6));
        assert_eq!(to.receive(), Some(frame(&[], 6)));
    }

    // Another list takes the place of the first.
    assert!(
        nl.attach(parent.index, &Program::untag(&BTreeMap::from([(8, red.index)])))
            .unwrap()
    );
    parent.send(&frame(&[7], 7));
    parent.send(&frame(&[8], 8));
    assert_eq!(red.receive(), Some(frame(&[], 8)));
    assert!(nl.attach(parent.index, &Program::untag(&BTreeMap::new())).unwrap());
    parent.send(&frame(&[8], 9));
    assert!(nl.detach(parent.index).unwrap());
    assert!(!nl.detach(parent.index).unwrap());
    assert!(nl.attach(parent.index, &untag).unwrap());
    parent.send(&frame(&[7], 10));
    assert_eq!(red.receive(), Some(frame(&[], 10)), "and none before it");
}

#[test]
fn a_limit_holds_what_a_trunk_leaves_to_it() {
    let ns = Netns::anonymous().unwrap();
    let mut nl = Rtnl::open(&ns).unwrap();
    let [parent, red] = ["parent", "red"].map(|name| Tap::new(&ns, &mut nl, name));
    nl.create_ifb("between").unwrap();
    let between = nl.link("between").unwrap().index;
    let bucket = TokenBucket {
        rate: 1_000_000,
        burst: 10_000,
        limit: 100_000,
    };
    nl.set_token_bucket(between, bucket).unwrap();
    // Packets that went through the limit.
    let held = || linux::counters::devices(&ns).unwrap()["between"].sent[1];
    let untag = Program::untag(&BTreeMap::from([(7, red.index)]));
    for program_first in [true, false] {
        if program_first {
            nl.attach(parent.index, &untag).unwrap();
            nl.redirect_ingress(parent.index, between).unwrap();
        } else {
            nl.redirect_ingress(parent.index, between).unwrap();
            nl.attach(parent.index, &untag).unwrap();
        }
        // Anew, to another device and back: the program stays.
        nl.redirect_ingress(parent.index, red.index).unwrap();
        nl.redirect_ingress(parent.index, between).unwrap();
        let before = held();
        parent.send(&frame(&[], 0));
        let end = Instant::now() + Duration::from_secs(5);
        while held() != before + 1 {
            assert!(Instant::now() < end, "what is untagged was not held");
        }
        parent.send(&frame(&[7], 1));
        assert_eq!(red.receive(), Some(frame(&[], 1)));
        assert_eq!(held(), before + 1, "a subport has limits of its own");
        assert!(nl.clear_redirection(parent.index).unwrap());
        assert!(!nl.clear_redirection(parent.index).unwrap());
        parent.send(&frame(&[7], 2));
        assert_eq!(red.receive(), Some(frame(&[], 2)));
        assert!(nl.detach(parent.index).unwrap());
    }
}
