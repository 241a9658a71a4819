//! Limits of bandwidth: what a port's owner receives and sends is held to a rate.
//!
//! What goes to the port waits in a token bucket of its device. What comes from it is led through an intermediate device
//! (`ifb…`, beside the port's `tap…`), waits in that one's bucket, and goes on to the bridge. Neither is there for a port
//! without a limit.

use linux::netlink::{Link, Rtnl, TokenBucket};
use model::host::{BandwidthLimit, PortConfig};

use super::names::{ifb_device, tap_device};

/// How long what exceeds a limit may wait, as a part of a second.
const PATIENCE: u64 = 20;
/// What may pass at once where nobody said, as a part of what passes in a second.
const BURST: u64 = 10;
/// Room for packets to wait in, at least, bytes.
const LEAST_ROOM: u64 = 32 * 1024;
/// The bucket's kind, as the kernel names it.
const BUCKET: &str = "tbf";

/// A port's limits: to it, from it.
pub fn limits(port: &PortConfig) -> (Option<BandwidthLimit>, Option<BandwidthLimit>) {
    let qos = port.qos.as_deref();
    (qos.and_then(|qos| qos.ingress), qos.and_then(|qos| qos.egress))
}

/// Whether a device is held to a rate.
pub fn is_held(link: &Link) -> bool {
    link.discipline.as_deref() == Some(BUCKET)
}

/// Holds a port to its limits, or lets it go where it has none.
pub fn ensure(nl: &mut Rtnl, port: &PortConfig, mtu: u32) -> linux::Result<()> {
    let Some(link) = nl.find_link(&tap_device(port.id))? else {
        return Ok(());
    };
    let (to, from) = limits(port);
    match to {
        Some(limit) => nl.set_token_bucket(link.index, bucket(limit, mtu))?,
        None if is_held(&link) => {
            nl.clear_discipline(link.index)?;
        }
        None => {}
    }
    let name = ifb_device(port.id);
    let between = nl.find_link(&name)?;
    let Some(limit) = from else {
        nl.clear_redirection(link.index)?;
        if let Some(between) = between {
            nl.delete_link(between.index)?;
        }
        return Ok(());
    };
    let between = match between {
        Some(between) => between,
        None => {
            nl.create_ifb(&name)?;
            nl.link(&name)?
        }
    };
    if !between.up {
        nl.set_up(between.index)?;
    }
    nl.set_token_bucket(between.index, bucket(limit, mtu))?;
    nl.redirect_ingress(link.index, between.index)
}

/// A limit as the kernel takes it.
pub(crate) fn bucket(limit: BandwidthLimit, mtu: u32) -> TokenBucket {
    let bytes = |kbits: u32| u64::from(kbits) * 1000 / 8;
    let rate = bytes(limit.kbps);
    let wanted = match limit.burst_kbits {
        0 => rate / BURST,
        kbits => bytes(kbits),
    };
    // The largest packet with its Ethernet header must fit in.
    let burst = wanted.max(u64::from(mtu) + 64);
    let room = burst + (rate / PATIENCE).max(LEAST_ROOM);
    let fit = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    TokenBucket {
        rate,
        burst: fit(burst),
        limit: fit(room),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_fits_into_a_bucket() {
        let limit = |kbps, burst_kbits| bucket(BandwidthLimit { kbps, burst_kbits }, 1450);
        assert_eq!((limit(8000, 0).rate, limit(8000, 0).burst), (1_000_000, 100_000));
        assert_eq!(limit(8000, 80).burst, 10_000);
        assert!(limit(1, 1).burst > 1450 + 14);
        assert!(limit(u32::MAX, u32::MAX).limit >= limit(u32::MAX, u32::MAX).burst);
    }
}
