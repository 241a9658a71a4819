//! Raw Ethernet frames on an interface (packet(7)), and the frames that announce an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::netlink::Rtnl;
use crate::{Error, Mac, Netns, Result};

/// `ETH_P_ALL`: frames of every type, those sent by this host included.
pub const ALL: u16 = 3;
/// `ETH_P_IP`.
pub const IPV4: u16 = 0x0800;
/// `ETH_P_ARP`.
pub const ARP: u16 = 0x0806;
/// `ETH_P_IPV6`.
pub const IPV6: u16 = 0x86dd;

/// A socket for whole Ethernet frames on one interface; usable from any thread. Non-blocking, so
/// that it can be given to an event loop; [`PacketSocket::receive`] waits on its own account.
#[derive(Debug)]
pub struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// Opens a socket on an interface of the namespace, for frames of one type ([`ALL`] for any;
    /// 0 for a socket that only sends).
    pub fn open(ns: &Netns, interface: &str, ethertype: u16) -> Result<Self> {
        let index = Rtnl::open(ns)?.link(interface)?.index;
        let doing = || format!("open a packet socket on {interface}");
        let fd = ns
            .run(|| {
                let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                // Protocol 0: nothing is received until bind() names the interface and the type.
                rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)
            })?
            .map_err(|e| Error::io(doing(), e))?;
        bind(&fd, index, ethertype).map_err(|e| Error::io(doing(), e))?;
        Ok(Self { fd })
    }

    /// Sends a frame, Ethernet header included.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        match rustix::net::send(&self.fd, frame, rustix::net::SendFlags::empty()) {
            Ok(_) => Ok(()),
            Err(e) => Err(Error::io(format!("send a frame of {} bytes", frame.len()), e)),
        }
    }

    /// Takes the next frame that came in; `None` if there is none within the time.
    pub fn receive(&self, within: Duration) -> Result<Option<Vec<u8>>> {
        let deadline = std::time::Instant::now() + within;
        let mut buffer = vec![0; 65_536];
        loop {
            match receive_incoming(&self.fd, &mut buffer) {
                Ok(Some(length)) => {
                    buffer.truncate(length);
                    return Ok(Some(buffer));
                }
                Ok(None) => continue,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(Error::io("receive a frame", e)),
            }
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
            let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
            match poll(&mut fds, Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(Error::io("wait for a frame", e)),
            }
        }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Tells everybody on the interface's link that `address` is now at `mac`: gratuitous ARP for IPv4
/// (RFC 5227, section 3), an unsolicited neighbour advertisement for IPv6 (RFC 4861, 7.2.6).
pub fn announce(ns: &Netns, interface: &str, mac: Mac, address: IpAddr) -> Result<()> {
    let frame = match address {
        IpAddr::V4(address) => gratuitous_arp(mac, address),
        IpAddr::V6(address) => unsolicited_advertisement(mac, address, true),
    };
    PacketSocket::open(ns, interface, 0)?.send(&frame)
}

/// A broadcast ARP request in which sender and target are the same address.
pub fn gratuitous_arp(mac: Mac, address: Ipv4Addr) -> Vec<u8> {
    let mut frame = Vec::with_capacity(60);
    frame.extend(Mac::BROADCAST.0);
    frame.extend(mac.0);
    frame.extend(ARP.to_be_bytes());
    // Ethernet, IPv4, address sizes, operation "request".
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac.0);
    frame.extend(address.octets());
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame.resize(60, 0); // the smallest Ethernet frame
    frame
}

/// A neighbour advertisement to all nodes, with the override flag set.
pub fn unsolicited_advertisement(mac: Mac, address: Ipv6Addr, router: bool) -> Vec<u8> {
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let mut icmp = vec![136, 0, 0, 0, if router { 0xa0 } else { 0x20 }, 0, 0, 0];
    icmp.extend(address.octets());
    icmp.extend([2, 1]); // option: target link-layer address, in units of 8 bytes
    icmp.extend(mac.0);
    let sum = checksum6(address, ALL_NODES, 58, &icmp);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());

    let mut frame = Vec::with_capacity(14 + 40 + icmp.len());
    frame.extend(Mac::of_multicast6(ALL_NODES).0);
    frame.extend(mac.0);
    frame.extend(IPV6.to_be_bytes());
    frame.extend([0x60, 0, 0, 0]);
    frame.extend((icmp.len() as u16).to_be_bytes());
    frame.extend([58, 255]); // ICMPv6; hop limit 255 proves that it was not routed
    frame.extend(address.octets());
    frame.extend(ALL_NODES.octets());
    frame.extend(icmp);
    frame
}

/// The Internet checksum with IPv6's pseudo-header (RFC 8200, section 8.1).
pub fn checksum6(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, payload: &[u8]) -> u16 {
    let mut pseudo = Vec::with_capacity(40 + payload.len());
    pseudo.extend(source.octets());
    pseudo.extend(destination.octets());
    pseudo.extend((payload.len() as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, protocol]);
    pseudo.extend(payload);
    checksum(&pseudo)
}

/// The Internet checksum (RFC 1071).
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[allow(unsafe_code)]
pub(crate) fn bind(fd: &OwnedFd, index: u32, ethertype: u16) -> std::io::Result<()> {
    // SAFETY: sockaddr_ll is plain data, for which all zeros is a valid value.
    let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    to.sll_family = libc::AF_PACKET as u16;
    to.sll_protocol = ethertype.to_be();
    to.sll_ifindex = index as i32;
    let size = size_of_val(&to) as libc::socklen_t;
    // SAFETY: the pointer and the size describe `to`, which outlives the call.
    let status = unsafe { libc::bind(fd.as_raw_fd(), (&raw const to).cast(), size) };
    if status < 0 {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Receives one frame; `None` if it was one that this host sent.
#[allow(unsafe_code)]
fn receive_incoming(fd: &OwnedFd, buffer: &mut [u8]) -> std::io::Result<Option<usize>> {
    // SAFETY: sockaddr_ll is plain data, for which all zeros is a valid value.
    let mut from: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let mut size = size_of_val(&from) as libc::socklen_t;
    // SAFETY: the pointers and sizes describe `buffer` and `from`, which outlive the call.
    let length = unsafe {
        libc::recvfrom(
            fd.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
            (&raw mut from).cast(),
            &raw mut size,
        )
    };
    if length < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok((from.sll_pkttype != libc::PACKET_OUTGOING).then_some(length as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_rfc_1071_example() {
        assert_eq!(!checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    }

    #[test]
    fn an_advertisement_sums_to_zero() {
        let address: Ipv6Addr = "2001:db8::1".parse().unwrap();
        let frame = unsolicited_advertisement(Mac([0xfa, 0x16, 0x3e, 0, 0, 1]), address, true);
        let destination: Ipv6Addr = "ff02::1".parse().unwrap();
        assert_eq!(frame.len(), 14 + 40 + 32);
        assert_eq!(checksum6(address, destination, 58, &frame[54..]), 0);
    }
}
