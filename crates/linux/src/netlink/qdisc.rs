//! Traffic control: queueing disciplines that hold a device to a rate, and redirection of what comes in
//! (linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h).
//!
//! A discipline shapes what leaves a device. What enters one is redirected to an intermediate device (`ifb`), out of which
//! it leaves again: through that one's discipline, and back into the path it came by.

use super::codec::{Message, flag};
use super::link::ifinfo;
use super::{Rtnl, link::RTM_NEWLINK};
use crate::error::unless_gone;
use crate::{Error, Result};

const RTM_NEWQDISC: u16 = 36;
const RTM_DELQDISC: u16 = 37;
const RTM_NEWTFILTER: u16 = 44;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_TBF_PARMS: u16 = 1;
const TCA_TBF_RATE64: u16 = 4;
const TCA_TBF_BURST: u16 = 6;
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
/// `ETH_P_ALL`.
const ANY_PROTOCOL: u16 = 3;

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

impl Rtnl {
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

    /// Redirects everything that enters a device to another one, in the place of what was there.
    pub fn redirect_ingress(&mut self, link: u32, to: u32) -> Result<()> {
        self.clear_ingress(link)?;
        let what = || format!("redirect what enters device {link} to device {to}");
        let fixed = tcmsg(link, INGRESS_HANDLE, INGRESS, 0);
        let mut message = Message::new(RTM_NEWQDISC, flag::CREATE | flag::EXCL, &fixed);
        message.text(TCA_KIND, "ingress");
        self.socket.ask(what, message)?;
        // Priority 1, any protocol.
        let info = (1 << 16) | u32::from(ANY_PROTOCOL.to_be());
        let fixed = tcmsg(link, 0, INGRESS_HANDLE, info);
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
    pub fn clear_ingress(&mut self, link: u32) -> Result<bool> {
        self.delete_discipline(link, INGRESS_HANDLE, INGRESS)
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
