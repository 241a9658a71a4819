//! Traffic control: queueing disciplines that hold a device to a rate, and what is done with what comes in: programs, and
//! redirection (linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h).
//!
//! A discipline shapes what leaves a device. What enters one is redirected to an intermediate device (`ifb`), out of which
//! it leaves again: through that one's discipline, and back into the path it came by. A program has its turn before that.

use std::os::fd::{AsFd, AsRawFd};

use super::codec::{self, Message, flag};
use super::link::ifinfo;
use super::{Rtnl, link::RTM_NEWLINK};
use crate::bpf::Program;
use crate::error::{unless_exists, unless_gone};
use crate::{Error, Result};

const RTM_NEWQDISC: u16 = 36;
const RTM_DELQDISC: u16 = 37;
const RTM_GETQDISC: u16 = 38;
const RTM_NEWTFILTER: u16 = 44;
const RTM_DELTFILTER: u16 = 45;
const RTM_GETTFILTER: u16 = 46;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_TBF_PARMS: u16 = 1;
const TCA_TBF_RATE64: u16 = 4;
const TCA_TBF_BURST: u16 = 6;
const TCA_BPF_FD: u16 = 6;
const TCA_BPF_NAME: u16 = 7;
const TCA_BPF_FLAGS: u16 = 8;
const TCA_U32_SEL: u16 = 5;
const TCA_U32_ACT: u16 = 7;
const TCA_ACT_KIND: u16 = 1;
const TCA_ACT_OPTIONS: u16 = 2;
const TCA_MIRRED_PARMS: u16 = 2;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFF_UP: u32 = 1;

const ROOT: u32 = 0xffff_ffff;
const INGRESS: u32 = 0xffff_fff1;
const INGRESS_HANDLE: u32 = 0xffff_0000;
/// The handle of the disciplines made here, `1:`.
const HANDLE: u32 = 0x1_0000;
/// Sizes are counted as Ethernet counts them, and no table of times is needed (`TC_LINKLAYER_ETHERNET`).
const LINKLAYER_ETHERNET: u8 = 1;
/// `TC_ACT_STOLEN`: whoever sent the packet here is done with it.
const STOLEN: i32 = 4;
/// `TCA_EGRESS_REDIR`.
const REDIRECT: i32 = 1;
/// `TC_U32_TERMINAL`.
const TERMINAL: u8 = 1;
/// What a program returns says what becomes of the frame (`TCA_BPF_FLAG_ACT_DIRECT`).
const DIRECT: u32 = 1;
/// `ETH_P_ALL`.
const ANY_PROTOCOL: u16 = 3;
/// Size of `struct tcmsg`.
const TCMSG: usize = 20;

/// Which of the filters of what enters a device.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Program = 1,
    Redirection = 2,
}

/// What a token bucket lets pass (tc-tbf(8)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Bytes a second.
    pub rate: u64,
    /// Bytes that may pass at once: at least one packet of the largest size.
    pub burst: u32,
    /// Bytes that may wait; what comes on top is dropped.
    pub limit: u32,
}

/// What the kernel says a device is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldTo {
    /// Bytes a second.
    pub rate: u64,
    /// Bytes that may wait.
    pub limit: u32,
}

/// A filter of what enters a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Which one: they have their turn in order.
    pub turn: u32,
    /// The name of the program that decides.
    pub program: Option<String>,
    /// Index of the device that everything is redirected to.
    pub redirects_to: Option<u32>,
}

impl Filter {
    /// Whether it is where [`Rtnl::attach`] puts programs.
    pub fn is_program(&self) -> bool {
        self.turn == Turn::Program as u32
    }

    /// Whether it is where [`Rtnl::redirect_ingress`] puts redirections.
    pub fn is_redirection(&self) -> bool {
        self.turn == Turn::Redirection as u32
    }
}

impl Rtnl {
    /// What a device is held to; `None` if what leaves it waits in no token bucket.
    pub fn held_to(&mut self, link: u32) -> Result<Option<HeldTo>> {
        let message = Message::new(RTM_GETQDISC, 0, &tcmsg(link, 0, 0, 0));
        let what = || format!("list the disciplines of device {link}");
        let found = self.socket.dump(what, &message, |kind, payload| {
            let is_root = kind == RTM_NEWQDISC
                && codec::u32_at(payload, 4) == Some(link)
                && codec::u32_at(payload, 12) == Some(ROOT);
            is_root.then(|| held_to(payload)).flatten()
        })?;
        Ok(found.into_iter().next())
    }

    /// Holds what leaves a device to a rate, in the place of whatever discipline it has.
    pub fn set_token_bucket(&mut self, link: u32, bucket: TokenBucket) -> Result<()> {
        let flags = flag::CREATE | flag::REPLACE;
        let mut message = Message::new(RTM_NEWQDISC, flags, &tcmsg(link, HANDLE, ROOT, 0));
        message.text(TCA_KIND, "tbf").nest(TCA_OPTIONS, |m| {
            m.attr(TCA_TBF_PARMS, &tbf_options(bucket));
            m.attr(TCA_TBF_RATE64, &bucket.rate.to_ne_bytes());
            m.u32(TCA_TBF_BURST, bucket.burst);
        });
        self.socket.ask(
            || format!("hold device {link} to {} bytes a second", bucket.rate),
            message,
        )
    }

    /// Takes a device's discipline away; false if it has none of its own.
    pub fn clear_discipline(&mut self, link: u32) -> Result<bool> {
        self.delete_discipline(link, 0, ROOT)
    }

    /// Redirects everything that enters a device to another one, in the place of where it was redirected to.
    pub fn redirect_ingress(&mut self, link: u32, to: u32) -> Result<()> {
        let what = || format!("redirect what enters device {link} to device {to}");
        self.ensure_ingress(link)?;
        self.delete_filter(link, Turn::Redirection)?;
        let fixed = tcmsg(link, 0, INGRESS_HANDLE, filter_info(Turn::Redirection));
        let mut message = Message::new(RTM_NEWTFILTER, flag::CREATE | flag::EXCL, &fixed);
        message.text(TCA_KIND, "u32").nest(TCA_OPTIONS, |m| {
            m.attr(TCA_U32_SEL, &everything());
            m.nest(TCA_U32_ACT, |m| {
                m.nest(1, |m| {
                    m.text(TCA_ACT_KIND, "mirred").nest(TCA_ACT_OPTIONS, |m| {
                        m.attr(TCA_MIRRED_PARMS, &redirection(to));
                    });
                });
            });
        });
        self.socket.ask(what, message)
    }

    /// Ends a redirection; false if there was none.
    pub fn clear_redirection(&mut self, link: u32) -> Result<bool> {
        self.clear_ingress(link, Turn::Redirection)
    }

    /// Lets a program decide on what enters a device, in the place of the one that did, without a gap. False if it does
    /// already.
    ///
    /// # Errors
    /// Among others [`Error::Kernel`] where the kernel has no `cls_bpf`, or may not load programs.
    pub fn attach(&mut self, link: u32, program: &Program) -> Result<bool> {
        let what = || format!("attach a program to device {link}");
        let name = program.name();
        let does = |filter: &Filter| filter.is_program() && filter.program.as_deref() == Some(&name);
        if self.filters(link)?.iter().any(does) {
            return Ok(false);
        }
        let loaded = program.load()?;
        self.ensure_ingress(link)?;
        let fixed = tcmsg(link, 1, INGRESS_HANDLE, filter_info(Turn::Program));
        let mut message = Message::new(RTM_NEWTFILTER, flag::CREATE | flag::REPLACE, &fixed);
        message.text(TCA_KIND, "bpf").nest(TCA_OPTIONS, |m| {
            m.u32(TCA_BPF_FD, loaded.as_fd().as_raw_fd() as u32);
            m.text(TCA_BPF_NAME, &name);
            m.u32(TCA_BPF_FLAGS, DIRECT);
        });
        self.socket.ask(what, message).map(|()| true)
    }

    /// Takes the program of a device away; false if it had none.
    pub fn detach(&mut self, link: u32) -> Result<bool> {
        self.clear_ingress(link, Turn::Program)
    }

    fn ensure_ingress(&mut self, link: u32) -> Result<()> {
        let fixed = tcmsg(link, INGRESS_HANDLE, INGRESS, 0);
        let mut message = Message::new(RTM_NEWQDISC, flag::CREATE | flag::EXCL, &fixed);
        message.text(TCA_KIND, "ingress");
        let result = self
            .socket
            .ask(|| format!("look at what enters device {link}"), message);
        unless_exists(result).map(drop)
    }

    /// Takes a filter away, and with the last one what holds them.
    fn clear_ingress(&mut self, link: u32, turn: Turn) -> Result<bool> {
        let filters = self.filters(link)?;
        let others = filters.iter().any(|filter| filter.turn != turn as u32);
        match others {
            true => self.delete_filter(link, turn),
            false => self.delete_discipline(link, INGRESS_HANDLE, INGRESS),
        }
    }

    fn delete_filter(&mut self, link: u32, turn: Turn) -> Result<bool> {
        let message = Message::new(RTM_DELTFILTER, 0, &tcmsg(link, 0, INGRESS_HANDLE, filter_info(turn)));
        let what = || format!("take a filter of what enters device {link} away");
        unless_gone(self.socket.ask(what, message))
    }

    /// The filters of what enters a device, in their order.
    pub fn filters(&mut self, link: u32) -> Result<Vec<Filter>> {
        let message = Message::new(RTM_GETTFILTER, 0, &tcmsg(link, 0, INGRESS_HANDLE, 0));
        let what = || format!("list the filters of what enters device {link}");
        let parse = |kind: u16, payload: &[u8]| {
            (kind == RTM_NEWTFILTER && codec::u32_at(payload, 4)? == link).then(|| filter(payload))?
        };
        match self.socket.dump(what, &message, parse) {
            // Of a device that has no such discipline.
            Err(Error::Kernel { source, .. }) if source.raw_os_error() == Some(libc::EINVAL) => Ok(Vec::new()),
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    /// Makes an intermediate device, up at once.
    pub fn create_ifb(&mut self, name: &str) -> Result<()> {
        let fixed = ifinfo(0, IFF_UP, IFF_UP);
        let mut message = Message::new(RTM_NEWLINK, flag::CREATE | flag::EXCL, &fixed);
        message.text(IFLA_IFNAME, name).nest(IFLA_LINKINFO, |m| {
            m.text(IFLA_INFO_KIND, "ifb");
        });
        self.socket
            .ask(|| format!("create intermediate device {name}"), message)
    }

    fn delete_discipline(&mut self, link: u32, handle: u32, parent: u32) -> Result<bool> {
        let message = Message::new(RTM_DELQDISC, 0, &tcmsg(link, handle, parent, 0));
        let result = self
            .socket
            .ask(|| format!("take the discipline of device {link} away"), message);
        match result {
            // What the kernel says of a device with the default discipline only, and of one that is gone.
            Err(Error::Kernel { source, .. }) if source.raw_os_error() == Some(libc::EINVAL) => Ok(false),
            other => unless_gone(other),
        }
    }
}

fn held_to(payload: &[u8]) -> Option<HeldTo> {
    let of = |wanted: u16| codec::attrs_after(payload, TCMSG).find(|(kind, _)| *kind == wanted);
    if codec::to_text(of(TCA_KIND)?.1) != "tbf" {
        return None;
    }
    let (_, options) = of(TCA_OPTIONS)?;
    let option = |wanted: u16| codec::attrs(options).find(|(kind, _)| *kind == wanted);
    let (_, fixed) = option(TCA_TBF_PARMS)?;
    let long: Option<[u8; 8]> = option(TCA_TBF_RATE64).and_then(|(_, value)| value.try_into().ok());
    // Rates that fit into 32 bits are told in these only.
    let rate = long
        .map(u64::from_ne_bytes)
        .or(codec::u32_at(fixed, 8).map(u64::from))?;
    Some(HeldTo {
        rate,
        limit: codec::u32_at(fixed, 24)?,
    })
}

fn filter(payload: &[u8]) -> Option<Filter> {
    let turn = codec::u32_at(payload, 16)? >> 16;
    let of = |wanted: u16| codec::attrs_after(payload, TCMSG).find(|(kind, _)| *kind == wanted);
    let kind = of(TCA_KIND).map(|(_, value)| codec::to_text(value)).unwrap_or_default();
    let options = of(TCA_OPTIONS).map(|(_, options)| options).unwrap_or_default();
    let option = |wanted: u16| {
        codec::attrs(options)
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, value)| value)
    };
    // The list that begins with a hash table has entries without options.
    if options.is_empty() || (kind == "u32" && option(TCA_U32_SEL).is_none()) {
        return None;
    }
    let program = option(TCA_BPF_NAME).filter(|_| kind == "bpf").map(codec::to_text);
    let actions = option(TCA_U32_ACT).filter(|_| kind == "u32").unwrap_or_default();
    let redirects_to = codec::attrs(actions).find_map(|(_, action)| {
        let (_, options) = codec::attrs(action).find(|(kind, _)| *kind == TCA_ACT_OPTIONS)?;
        let (_, mirred) = codec::attrs(options).find(|(kind, _)| *kind == TCA_MIRRED_PARMS)?;
        codec::u32_at(mirred, 24)
    });
    Some(Filter {
        turn,
        program,
        redirects_to,
    })
}

/// Which filter, of frames of any protocol.
fn filter_info(turn: Turn) -> u32 {
    ((turn as u32) << 16) | u32::from(ANY_PROTOCOL.to_be())
}

/// `struct tcmsg`.
fn tcmsg(link: u32, handle: u32, parent: u32, info: u32) -> Vec<u8> {
    let mut out = vec![0_u8; 4];
    for number in [link, handle, parent, info] {
        out.extend_from_slice(&number.to_ne_bytes());
    }
    out
}

/// `struct tc_tbf_qopt`: two rates of 12 bytes (the second, a peak, is not used), limit, buffer, MTU.
fn tbf_options(bucket: TokenBucket) -> Vec<u8> {
    let mut out = vec![0_u8; 36];
    out[1] = LINKLAYER_ETHERNET;
    let rate = u32::try_from(bucket.rate).unwrap_or(u32::MAX);
    out[8..12].copy_from_slice(&rate.to_ne_bytes());
    out[24..28].copy_from_slice(&bucket.limit.to_ne_bytes());
    out
}

/// `struct tc_u32_sel` with one key that everything matches.
fn everything() -> [u8; 32] {
    let mut out = [0; 32];
    out[0] = TERMINAL;
    out[2] = 1;
    out
}

/// `struct tc_mirred`: what all actions have (index, capabilities, action, two counts), the kind, the device.
fn redirection(to: u32) -> Vec<u8> {
    let mut out = vec![0_u8; 28];
    out[8..12].copy_from_slice(&STOLEN.to_ne_bytes());
    out[20..24].copy_from_slice(&REDIRECT.to_ne_bytes());
    out[24..28].copy_from_slice(&to.to_ne_bytes());
    out
}
