//! A blocking netlink socket: requests, dumps, batches.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use super::codec::{self, HEADER, Message, flag};
use crate::{Error, Netns, Result};

/// `NLMSG_NOOP`, `NLMSG_ERROR` and `NLMSG_DONE`.
const NOOP: u16 = 1;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `NLM_F_DUMP_INTR`: the tables changed while they were being listed.
const DUMP_INTERRUPTED: u16 = 0x10;
/// `NLM_F_CAPPED` and `NLM_F_ACK_TLVS`: form of an acknowledgement.
const CAPPED: u16 = 0x100;
const ACK_TLVS: u16 = 0x200;
/// `NLMSGERR_ATTR_MSG`.
const ATTR_MESSAGE: u16 = 1;
/// The kernel never fills more than 32 KiB into one datagram of a dump.
const RECEIVE_SIZE: usize = 64 * 1024;
/// Requests in one send: their acknowledgements must fit into the default receive buffer.
const BATCH: usize = 64;
/// The kernel answers at once; waiting longer than this means that something is badly wrong.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Listings restarted because the tables changed meanwhile, before the last one is taken as it is.
const DUMP_TRIES: usize = 5;

#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

thread_local! {
    /// One receive buffer for all sockets that a thread uses: a host has a thousand of them.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends the thread's receive buffer. (A use within a use would get a fresh one.)
fn with_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take();
    buffer.resize(RECEIVE_SIZE, 0);
    let result = work(&mut buffer);
    BUFFER.set(buffer);
    result
}

/// An acknowledgement that says no.
struct Refusal {
    errno: i32,
    hint: Option<String>,
}

impl Socket {
    /// Opens a socket of a netlink protocol inside a namespace.
    pub(crate) fn open_in(ns: &Netns, protocol: i32) -> Result<Self> {
        ns.run(move || Self::open(protocol))?
    }

    /// Opens a socket in the calling thread's namespace.
    pub(crate) fn open(protocol: i32) -> Result<Self> {
        let protocol = u32::try_from(protocol).ok().and_then(std::num::NonZeroU32::new);
        let open = || -> rustix::io::Result<OwnedFd> {
            let fd = rustix::net::socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                SocketFlags::CLOEXEC,
                protocol.map(Protocol::from_raw),
            )?;
            sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(TIMEOUT))?;
            rustix::net::bind(&fd, &SocketAddrNetlink::new(0, 0))?;
            Ok(fd)
        };
        let fd = open().map_err(|e| Error::io("open a netlink socket", e))?;
        enable(&fd, NETLINK_EXT_ACK);
        Ok(Self { fd, sequence: 0 })
    }

    /// Sends a request and waits for its acknowledgement.
    pub(crate) fn ask(&mut self, doing: impl Fn() -> String, message: Message) -> Result<()> {
        self.talk(&doing, message, flag::ACK, |_, _| {}).map(|_| ())
    }

    /// Sends a request that is answered by messages; gives each of them (type, payload) to `each`.
    pub(crate) fn get(
        &mut self,
        doing: impl Fn() -> String,
        message: Message,
        each: impl FnMut(u16, &[u8]),
    ) -> Result<()> {
        self.talk(&doing, message, flag::ACK, each).map(|_| ())
    }

    /// Lists: every message (type, payload) is turned into at most one value.
    pub(crate) fn dump<T>(
        &mut self,
        doing: impl Fn() -> String,
        message: &Message,
        mut each: impl FnMut(u16, &[u8]) -> Option<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        for _ in 0..DUMP_TRIES {
            found.clear();
            let complete = self.talk(&doing, message.clone(), flag::DUMP, |kind, payload| {
                found.extend(each(kind, payload));
            })?;
            if complete {
                break;
            }
        }
        Ok(found)
    }

    /// Sends many requests with few system calls; one result for each, in order.
    pub(crate) fn batch(&mut self, messages: Vec<(String, Message)>) -> Vec<Result<()>> {
        let mut results = Vec::with_capacity(messages.len());
        let mut rest = messages.into_iter().peekable();
        while rest.peek().is_some() {
            let chunk: Vec<_> = rest.by_ref().take(BATCH).collect();
            results.extend(self.batch_once(chunk));
        }
        results
    }

    /// Sends requests of which all or none take effect (nfnetlink's batches), and waits until they have. The first and the
    /// last are the batch's beginning and end, which are not acknowledged.
    pub(crate) fn transact(&mut self, doing: impl Fn() -> String, messages: Vec<Message>) -> Result<()> {
        let Some(last) = messages.len().checked_sub(2) else {
            return Ok(());
        };
        let first = self.sequence.wrapping_add(1);
        let count = messages.len() as u32;
        let mut bytes = Vec::new();
        for (place, message) in messages.into_iter().enumerate() {
            let flags = if place == last { flag::ACK } else { 0 };
            bytes.extend(message.finish(flags, self.next_sequence()));
        }
        let awaited = first.wrapping_add(last as u32);
        rustix::net::send(&self.fd, &bytes, SendFlags::empty()).map_err(|e| Error::io(doing(), e))?;
        with_buffer(|buffer| {
            loop {
                let length = receive(&self.fd, buffer).map_err(|e| Error::io(doing(), e))?;
                for part in codec::parts(&buffer[..length]).filter(|part| part.kind == ERROR) {
                    if part.sequence.wrapping_sub(first) >= count {
                        continue; // the late answer of a conversation that was given up
                    }
                    match refusal(part.flags, part.payload) {
                        Some(no) => return Err(no.into_error(doing())),
                        None if part.sequence == awaited => return Ok(()),
                        None => {}
                    }
                }
            }
        })
    }

    fn batch_once(&mut self, chunk: Vec<(String, Message)>) -> Vec<Result<()>> {
        with_buffer(|buffer| self.batch_into(chunk, buffer))
    }

    fn batch_into(&mut self, chunk: Vec<(String, Message)>, buffer: &mut [u8]) -> Vec<Result<()>> {
        let first = self.sequence.wrapping_add(1);
        let mut doing = Vec::with_capacity(chunk.len());
        let mut bytes = Vec::new();
        for (what, message) in chunk {
            bytes.extend(message.finish(flag::ACK, self.next_sequence()));
            doing.push(what);
        }
        let mut answers: Vec<Option<Result<()>>> = doing.iter().map(|_| None).collect();
        let mut failed: Option<Errno> = rustix::net::send(&self.fd, &bytes, SendFlags::empty()).err();
        while failed.is_none() && answers.iter().any(Option::is_none) {
            let length = match receive(&self.fd, buffer) {
                Ok(length) => length,
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            };
            for part in codec::parts(&buffer[..length]).filter(|p| p.kind == ERROR) {
                let at = part.sequence.wrapping_sub(first) as usize;
                if let Some(slot) = answers.get_mut(at) {
                    *slot = Some(match refusal(part.flags, part.payload) {
                        None => Ok(()),
                        Some(no) => Err(no.into_error(doing[at].clone())),
                    });
                }
            }
        }
        let errno = failed.unwrap_or(Errno::IO);
        answers
            .into_iter()
            .zip(doing)
            .map(|(answer, what)| answer.unwrap_or_else(|| Err(Error::io(what, errno))))
            .collect()
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// One conversation. False if a listing was disturbed by a change and should be made again.
    fn talk(
        &mut self,
        doing: &impl Fn() -> String,
        message: Message,
        flags: u16,
        each: impl FnMut(u16, &[u8]),
    ) -> Result<bool> {
        with_buffer(|buffer| self.talk_into(doing, message, flags, each, buffer))
    }

    fn talk_into(
        &mut self,
        doing: &impl Fn() -> String,
        message: Message,
        flags: u16,
        mut each: impl FnMut(u16, &[u8]),
        buffer: &mut [u8],
    ) -> Result<bool> {
        let sequence = self.next_sequence();
        let bytes = message.finish(flags, sequence);
        rustix::net::send(&self.fd, &bytes, SendFlags::empty()).map_err(|e| Error::io(doing(), e))?;
        let mut complete = true;
        loop {
            let length = receive(&self.fd, buffer).map_err(|e| Error::io(doing(), e))?;
            for part in codec::parts(&buffer[..length]) {
                if part.sequence != sequence {
                    continue; // the late answer of a conversation that was given up
                }
                complete &= part.flags & DUMP_INTERRUPTED == 0;
                match part.kind {
                    NOOP => {}
                    DONE | ERROR => {
                        return match refusal(part.flags, part.payload) {
                            None => Ok(complete),
                            Some(no) => Err(no.into_error(doing())),
                        };
                    }
                    kind => each(kind, part.payload),
                }
            }
        }
    }
}

impl Refusal {
    fn into_error(self, doing: String) -> Error {
        Error::with_hint(doing, io::Error::from_raw_os_error(self.errno), self.hint)
    }
}

/// `NETLINK_EXT_ACK` of linux/netlink.h.
const NETLINK_EXT_ACK: i32 = 11;

/// Turns a boolean socket option on; older kernels that lack it merely give shorter errors.
#[allow(unsafe_code)]
fn enable(fd: &OwnedFd, option: i32) {
    use std::os::fd::AsRawFd;
    let one: libc::c_int = 1;
    // SAFETY: the pointer and the length describe `one`, which outlives the call.
    unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_NETLINK,
            option,
            (&raw const one).cast(),
            size_of_val(&one) as libc::socklen_t,
        );
    }
}

/// Bytes of the kernel's that may wait in a socket that is told of changes, a word of a link taking some 4 KiB of them. The
/// usual 208 KiB are full after a few ports, and what is lost costs a look at everything.
const TOLD_BYTES: usize = 2 << 20;

/// Opens a socket in the calling thread's namespace that is told what some multicast groups are told.
pub(crate) fn listen(protocol: i32, groups: u32) -> rustix::io::Result<OwnedFd> {
    let protocol = u32::try_from(protocol).ok().and_then(std::num::NonZeroU32::new);
    let fd = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        protocol.map(Protocol::from_raw),
    )?;
    // Without the right to it the usual size must do.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&fd, TOLD_BYTES);
    rustix::net::bind(&fd, &SocketAddrNetlink::new(0, groups))?;
    Ok(fd)
}

/// Takes one datagram of what such a socket was told and gives each word (type, payload) to `each`.
pub(crate) fn receive_told(fd: &OwnedFd, mut each: impl FnMut(u16, &[u8])) -> rustix::io::Result<()> {
    with_buffer(|buffer| {
        let length = receive(fd, buffer)?;
        codec::parts(&buffer[..length]).for_each(|part| each(part.kind, part.payload));
        Ok(())
    })
}

fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> rustix::io::Result<usize> {
    loop {
        match rustix::net::recv(fd, &mut *buffer, RecvFlags::TRUNC) {
            Ok((kept, whole)) if whole > kept => return Err(Errno::MSGSIZE),
            Ok((kept, _)) => return Ok(kept),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
}

/// Reads an acknowledgement (`struct nlmsgerr`) or the end of a dump; `None` means yes.
fn refusal(flags: u16, payload: &[u8]) -> Option<Refusal> {
    let errno = -(codec::u32_at(payload, 0).unwrap_or(0) as i32);
    if errno == 0 {
        return None;
    }
    let mut hint = None;
    if flags & ACK_TLVS != 0 {
        // Behind the error number comes the request's header, then, unless capped, its payload.
        let asked = codec::u32_at(payload, 4).unwrap_or(0) as usize;
        let skip = if flags & CAPPED != 0 {
            4 + HEADER
        } else {
            4 + asked.next_multiple_of(4)
        };
        hint = codec::attrs_after(payload, skip)
            .find(|(kind, _)| *kind == ATTR_MESSAGE)
            .map(|(_, text)| codec::to_text(text));
    }
    Some(Refusal { errno, hint })
}
