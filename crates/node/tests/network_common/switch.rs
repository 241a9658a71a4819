//! The inside of a guest with VLANs: namespaces whose frames a small switch tags.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ipnet::IpNet;
use linux::netlink::{AddressFlags, LinkChange, Rtnl};
use linux::tap::{self, TapOptions};
use linux::{Mac, Netns};
use model::address::MacAddress;

use super::frame::tagged;

/// The virtio-net header that goes with each frame.
pub const HEADER: usize = 10;
/// Where the type of a frame, or its tag, stands behind that header.
pub const TYPE: usize = HEADER + 12;

/// What a guest with VLAN devices does, for a kernel that has none: what comes tagged goes to the interface of its VLAN,
/// and the other way round.
pub struct Switch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Switch {
    /// Joins a trunk's tap and the guest's interfaces (0 for what is untagged).
    pub fn start(trunk: OwnedFd, interfaces: BTreeMap<u16, OwnedFd>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                let mut idle = true;
                if let Ok(length) = rustix::io::read(&trunk, &mut buffer) {
                    idle = false;
                    let (vlan, frame) = untagged(&buffer[..length]);
                    if let Some(interface) = interfaces.get(&vlan) {
                        let _ = rustix::io::write(interface, &frame);
                    }
                }
                for (vlan, interface) in &interfaces {
                    if let Ok(length) = rustix::io::read(interface, &mut buffer) {
                        idle = false;
                        let frame = match *vlan {
                            0 => buffer[HEADER..length].to_vec(),
                            vlan => tagged(&buffer[HEADER..length], vlan),
                        };
                        let _ = rustix::io::write(&trunk, &[&[0; HEADER], &frame[..]].concat());
                    }
                }
                if idle {
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

/// The VLAN of a frame behind its header, and the frame without the tag.
pub fn untagged(bytes: &[u8]) -> (u16, Vec<u8>) {
    if bytes[TYPE..TYPE + 2] != [0x81, 0] {
        return (0, bytes.to_vec());
    }
    let vlan = u16::from_be_bytes([bytes[TYPE + 2], bytes[TYPE + 3]]) & 0xfff;
    (vlan, [&bytes[..TYPE], &bytes[TYPE + 4..]].concat())
}

/// Gives the namespace that plays (a part of) a guest an interface.
pub fn interface(ns: &Netns, name: &str, mac: MacAddress, addresses: &[IpNet]) -> OwnedFd {
    let fd = tap::open(ns, name, TapOptions::default()).unwrap();
    let mut nl = Rtnl::open(ns).unwrap();
    let index = nl.link(name).unwrap().index;
    let change = LinkChange {
        mac: Some(Mac(mac.0)),
        mtu: Some(1450),
        up: Some(true),
        ..LinkChange::default()
    };
    nl.change_link(index, &change).unwrap();
    let flags = AddressFlags {
        no_dad: true,
        no_prefix_route: false,
    };
    for address in addresses {
        nl.ensure_address(index, *address, flags).unwrap();
    }
    fd
}
