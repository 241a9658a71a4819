//! Frames that pass a device, both ways, without being in their way (packet(7)).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::netlink::Rtnl;
use crate::packet::{self, ALL};
use crate::pick::{self, Form};
use crate::{Error, Netns, Result};

/// Of each frame this many bytes are seen.
const LENGTH: usize = 256;

/// Which way a frame passes a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The kernel gave it to the device.
    Out,
    /// It came from the device; nothing in the kernel has judged it yet.
    In,
}

/// A socket that sees what passes a device. Non-blocking.
#[derive(Debug)]
pub struct Watch {
    fd: OwnedFd,
}

impl Watch {
    /// Begins to watch a device of the namespace for frames of these forms; offsets count from the Ethernet header.
    pub fn open(ns: &Netns, interface: &str, forms: &[Form]) -> Result<Self> {
        let index = Rtnl::open(ns)?.link(interface)?.index;
        let doing = || format!("watch {interface}");
        let fd = ns
            .run(|| {
                let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                // Nothing is seen until bind() names the device, so no frame gets past the filter.
                rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)
            })?
            .map_err(|e| Error::io(doing(), e))?;
        pick::attach(&fd, forms, LENGTH as u32)?;
        packet::bind(&fd, index, ALL).map_err(|e| Error::io(doing(), e))?;
        Ok(Self { fd })
    }

    /// The next frame, or as much of it as is seen; `None` if there is none now.
    pub fn take(&self) -> Result<Option<(Way, Vec<u8>)>> {
        let mut buffer = vec![0; LENGTH];
        match receive(&self.fd, &mut buffer) {
            Ok((length, kind)) => {
                buffer.truncate(length);
                let way = if kind == libc::PACKET_OUTGOING {
                    Way::Out
                } else {
                    Way::In
                };
                Ok(Some((way, buffer)))
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(Error::io("see what passes a device", e)),
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[allow(unsafe_code)]
fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> std::io::Result<(usize, u8)> {
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
    match usize::try_from(length) {
        Ok(length) => Ok((length, from.sll_pkttype)),
        Err(_) => Err(std::io::Error::last_os_error()),
    }
}
