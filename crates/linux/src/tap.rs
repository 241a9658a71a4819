//! Tap devices (linux/if_tun.h): a network interface whose other end is a file descriptor.
//!
//! The descriptor works in any process and any namespace; the interface stays where it was made.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};

use crate::{Error, Netns, Result};

/// How a tap is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct TapOptions {
    /// The interface stays when the descriptor is closed.
    pub persist: bool,
    /// The user who may open a persistent tap without being root.
    pub owner: Option<u32>,
}

/// Makes (or, if persistent and idle, opens) a tap inside the namespace.
///
/// Frames carry a virtio-net header (`IFF_VNET_HDR`): without it a guest loses its segmentation
/// offload, and a TCP byte costs about eight times as much. The descriptor is non-blocking, as
/// programs that take it expect.
pub fn open(ns: &Netns, name: &str, options: TapOptions) -> Result<OwnedFd> {
    ns.run(|| {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd =
            rustix::fs::open("/dev/net/tun", flags, Mode::empty()).map_err(|e| Error::io("open /dev/net/tun", e))?;
        attach(&fd, name)?;
        if let Some(owner) = options.owner {
            request(&fd, libc::TUNSETOWNER, owner as libc::c_ulong, || {
                format!("set the owner of tap {name}")
            })?;
        }
        if options.persist {
            request(&fd, libc::TUNSETPERSIST, 1, || format!("make tap {name} persistent"))?;
        }
        Ok(fd)
    })?
}

/// Gives a descriptor its interface (again). The namespace is that in which `/dev/net/tun` was
/// opened: so the descriptor of a running guest whose tap a person deleted can be given a new one.
#[allow(unsafe_code)]
pub fn attach(fd: impl AsFd, name: &str) -> Result<()> {
    let doing = || format!("create tap {name}");
    let too_long = || Error::io(doing(), std::io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    // SAFETY: ifreq is plain data, for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return Err(too_long());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes an ifreq, which `request` is and which outlives the call.
    let status = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if status < 0 {
        Err(Error::io(doing(), std::io::Error::last_os_error()))
    } else {
        Ok(())
    }
}

/// The namespace that the tap behind a descriptor is in now.
#[allow(unsafe_code)]
pub fn namespace_of(fd: impl AsFd) -> Result<Netns> {
    /// `_IO('T', 227)` of linux/if_tun.h, which libc does not have.
    const TUNGETDEVNETNS: libc::Ioctl = 0x54e3;
    // SAFETY: TUNGETDEVNETNS takes no argument and gives a new descriptor.
    let opened = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), TUNGETDEVNETNS) };
    if opened < 0 {
        let doing = "find the namespace of a tap".to_owned();
        return Err(Error::io(doing, std::io::Error::last_os_error()));
    }
    // SAFETY: the descriptor is new, and nobody else has it.
    Netns::from_fd(unsafe { OwnedFd::from_raw_fd(opened) })
}

/// Sets the length of the virtio-net header that goes with each frame, in bytes: 10, or 12 with merged receive buffers
/// and since virtio 1.0. A new tap begins with 10.
#[allow(unsafe_code)]
pub fn set_header_length(fd: impl AsFd, bytes: i32) -> Result<()> {
    // SAFETY: TUNSETVNETHDRSZ reads an int, which `bytes` is and which outlives the call.
    let status = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const bytes) };
    if status < 0 {
        let doing = "set the header length of a tap".to_owned();
        Err(Error::io(doing, std::io::Error::last_os_error()))
    } else {
        Ok(())
    }
}

/// A request of the tun driver whose argument is a number.
#[allow(unsafe_code)]
fn request(fd: &OwnedFd, code: libc::Ioctl, value: libc::c_ulong, doing: impl Fn() -> String) -> Result<()> {
    // SAFETY: the requests used here take their argument by value.
    let status = unsafe { libc::ioctl(fd.as_raw_fd(), code, value) };
    if status < 0 {
        Err(Error::io(doing(), std::io::Error::last_os_error()))
    } else {
        Ok(())
    }
}
