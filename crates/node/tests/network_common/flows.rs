//! A namespace's table of tracked flows, filled by hand (linux/netfilter/nfnetlink_conntrack.h): a few hundred thousand
//! entries, as fast as the kernel takes them. They go with the namespace.

use linux::{Netns, sysctl};
use rustix::net::{AddressFamily, SendFlags, SocketType, netlink, send, socket, sockopt};

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW`.
const NEW: u16 = 1 << 8;
/// `NLM_F_REQUEST | NLM_F_CREATE`: errors are told, success is not.
const FLAGS: u16 = 0x401;
/// `IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED`: what nobody takes away before its time.
const STATUS: u32 = 0x0e;
/// More than one may fill is no table for a test.
const MOST: u64 = 1 << 20;
/// Bytes sent at once.
const BATCH: usize = 64 * 1024;

/// Tracks so many more flows that `percent` of what the namespace may have are there; tells of the entries and the limit.
pub fn fill(ns: &Netns, percent: u64) -> (u64, u64) {
    let (entries, limit) = state(ns);
    assert!(
        (1..=MOST).contains(&limit),
        "a limit of {limit} flows is out of a test's reach"
    );
    let wanted = (limit * percent).div_ceil(100);
    // While it is at it, the kernel may forget one that had come to its end.
    let spare = if percent == 100 { 64 } else { 0 };
    let open = || socket(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::NETFILTER));
    let socket = ns.run(open).unwrap().unwrap();
    sockopt::set_socket_send_buffer_size(&socket, 4 * BATCH).unwrap();
    let mut batch = Vec::with_capacity(BATCH);
    // Whatever was filled before has smaller numbers.
    for number in entries..wanted + spare {
        batch.extend(message(number as u32));
        if batch.len() > BATCH - 256 {
            send(&socket, &batch, SendFlags::empty()).unwrap();
            batch.clear();
        }
    }
    send(&socket, &batch, SendFlags::empty()).unwrap();
    let (entries, limit) = state(ns);
    assert!(entries >= wanted, "only {entries} of {wanted} flows, at most {limit}");
    (entries, limit)
}

/// How many flows a namespace tracks, and how many it may.
pub fn state(ns: &Netns) -> (u64, u64) {
    let read = |key: &str| sysctl::read(ns, key).unwrap().trim().parse().unwrap();
    (
        read("net/netfilter/nf_conntrack_count"),
        read("net/netfilter/nf_conntrack_max"),
    )
}

/// A datagram's flow of 192.0.2.1 and one of 65,536 addresses, which the kernel keeps for an hour.
fn message(number: u32) -> Vec<u8> {
    let (near, far) = ([192, 0, 2, 1], (0xc612_0000 | number >> 8).to_be_bytes());
    let ports = ((number & 0xff) as u16 + 1024, 53);
    let mut body = vec![2, 0, 0, 0];
    body.extend(attribute(1 | 0x8000, &tuple((near, far), ports)));
    body.extend(attribute(2 | 0x8000, &tuple((far, near), (ports.1, ports.0))));
    body.extend(attribute(3, &STATUS.to_be_bytes()));
    body.extend(attribute(7, &3600_u32.to_be_bytes()));
    let mut message = Vec::with_capacity(16 + body.len());
    message.extend((16 + body.len() as u32).to_ne_bytes());
    message.extend(NEW.to_ne_bytes());
    message.extend(FLAGS.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    message
}

fn tuple((source, destination): ([u8; 4], [u8; 4]), ports: (u16, u16)) -> Vec<u8> {
    let addresses = [attribute(1, &source), attribute(2, &destination)].concat();
    let protocol = [
        attribute(1, &[17]),
        attribute(2, &ports.0.to_be_bytes()),
        attribute(3, &ports.1.to_be_bytes()),
    ];
    [
        attribute(1 | 0x8000, &addresses),
        attribute(2 | 0x8000, &protocol.concat()),
    ]
    .concat()
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
