//! Typed verbs over the kernel: links, namespaces, nftables, conntrack, taps, cgroups, processes.
//!
//! A verb here does one thing to the kernel and says plainly how it went. There is no policy in
//! this crate and no word of OpenStack: what should exist, and in which order it is made, is the
//! business of `node`. Nothing on the data plane spawns a program.
//!
//! Every handle ([`netlink::Rtnl`], [`nft::Nft`], [`conntrack::Conntrack`], ...) is opened *inside*
//! a [`Netns`] and keeps working from any thread afterwards, because a socket belongs to the
//! namespace it was made in. Calls block; use them from a thread that may.

pub mod bpf;
pub mod cgroup;
pub mod command;
pub mod conntrack;
pub mod counters;
mod error;
pub mod host;
mod mac;
pub mod netlink;
mod netns;
pub mod nft;
pub mod packet;
pub mod pick;
pub mod process;
pub mod sockets;
pub mod sysctl;
pub mod tap;
pub mod trace;
pub mod watch;

pub use error::{Error, Result};
pub use mac::Mac;
pub use netns::{Netns, NetnsId};
