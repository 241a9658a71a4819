//! What happens to the links, addresses and routes of a namespace, as the kernel tells it (rtnetlink(7), multicast groups).
//!
//! Looking costs one system call where nothing happened, so hundreds of namespaces can be watched for what people do in
//! them. The kernel queues a word before the change it is about is acknowledged: what was changed before a look is seen
//! by it. (Carriers are an exception; they are told up to a second later.)

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::link::{self, Link};
use super::socket;
use crate::{Error, Netns, Result};

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR` of linux/rtnetlink.h.
const LINKS_AND_ADDRESSES: u32 = 1 | 0x10 | 0x100;
/// `RTMGRP_IPV4_ROUTE` and `RTMGRP_IPV6_ROUTE`.
const ROUTES: u32 = 0x40 | 0x400;

/// A socket that is told of changes in its namespace.
#[derive(Debug)]
pub struct Monitor {
    fd: OwnedFd,
}

/// What happened since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Links that were made, changed or (`None`) deleted, by name: how each is now, as far as was told.
    pub links: BTreeMap<String, Option<Link>>,
    /// Something else happened: an address or a route came or went, or more than the kernel could queue.
    pub more: bool,
}

impl News {
    /// Whether nothing happened.
    pub fn is_none(&self) -> bool {
        self.links.is_empty() && !self.more
    }
}

impl Monitor {
    /// Begins to listen inside the namespace; to routes only if asked for.
    pub fn open(ns: &Netns, routes: bool) -> Result<Self> {
        ns.run(move || Self::here(routes))?
    }

    /// Begins to listen in the calling thread's namespace: for use within [`Netns::run`].
    pub fn here(routes: bool) -> Result<Self> {
        let groups = LINKS_AND_ADDRESSES | if routes { ROUTES } else { 0 };
        let fd = socket::listen(libc::NETLINK_ROUTE, groups)
            .map_err(|e| Error::io("listen for changes of a network namespace", e))?;
        Ok(Self { fd })
    }

    /// Takes what was told so far, without waiting.
    pub fn look(&mut self) -> Result<News> {
        let mut news = News::default();
        loop {
            match socket::receive_told(&self.fd, |kind, payload| take(&mut news, kind, payload)) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return Ok(news),
                // Some of it is lost.
                Err(Errno::NOBUFS | Errno::MSGSIZE) => news.more = true,
                Err(e) => return Err(Error::io("read what changed in a network namespace", e)),
            }
        }
    }
}

fn take(news: &mut News, kind: u16, payload: &[u8]) {
    let is_link = matches!(kind, link::RTM_NEWLINK | link::RTM_DELLINK);
    // Bridges tell of their ports in words of the same kind and another family; what matters is told of the link, too.
    if is_link && payload.first() != Some(&(libc::AF_UNSPEC as u8)) {
        return;
    }
    match link::parse(payload).filter(|_| is_link) {
        Some(link) => {
            let name = link.name.clone();
            news.links.insert(name, (kind == link::RTM_NEWLINK).then_some(link));
        }
        None => news.more = true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_counts_as_something() {
        let mut news = News::default();
        take(&mut news, link::RTM_NEWLINK, &[libc::AF_BRIDGE as u8, 0, 0, 0]);
        assert!(news.is_none(), "a bridge's word on a port");
        take(&mut news, link::RTM_NEWLINK, &[0; 3]);
        assert!(news.more && !news.is_none());
    }
}
