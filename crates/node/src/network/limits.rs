//! Limits of single addresses on a provider network: of floating IPs, and of a router's own.
//!
//! They hold where the address is on the packet: of what comes in, before it is translated, and of what goes out, after
//! that. So one rule serves a floating IP that leads to a port, one whose single ports are forwarded, and the address that
//! servers without one leave under. What exceeds a limit is dropped, not kept waiting. A table of their own, which is there
//! only where an address has a limit: a change of addresses does not fill their buckets anew.

use std::net::Ipv4Addr;

use model::host::{BandwidthLimit, RouterConfig};

use super::names::gateway_device;
use super::table::{Chain, Set, Table};

/// Takes the table away, whether or not it is there.
const NONE: &str = "add table ip dpl\ndelete table ip dpl\n";

/// What may pass at once where nobody said, in tenths of what passes in a second: as Neutron has it for TCP's sake.
const BURST_TENTHS: u64 = 8;
/// What may pass at once at least, bytes: a packet that the kernel has not cut up yet is up to 64 KiB.
const LEAST_BURST: u64 = 128 * 1024;

/// The text that loads the table, or takes it away where no address needs it.
pub fn render(config: &RouterConfig) -> String {
    let Some(gateway) = config.gateway.as_ref().filter(|_| !config.limits.is_empty()) else {
        return NONE.to_owned();
    };
    let device = gateway_device(gateway.port_id);
    let mut table = Table::new("ip", "dpl");
    for limit in &config.limits {
        add(&mut table, "in", limit.address, limit.ingress);
        add(&mut table, "out", limit.address, limit.egress);
    }
    table.chain(
        "enter",
        Chain::at(
            "type filter hook prerouting priority -150; policy accept;",
            [format!("iifname \"{device}\" ip daddr vmap @in")],
        ),
    );
    table.chain(
        "leave",
        Chain::at(
            "type filter hook postrouting priority 150; policy accept;",
            [format!("oifname \"{device}\" ip saddr vmap @out")],
        ),
    );
    table.render()
}

/// The commands that turn the table of one configuration into that of another; none where nothing of it changes.
pub fn change(old: &RouterConfig, new: &RouterConfig) -> String {
    let part = |config: &RouterConfig| {
        let device = config.gateway.as_ref().map(|gateway| gateway.port_id);
        (device.filter(|_| !config.limits.is_empty()), config.limits.clone())
    };
    match part(old) == part(new) {
        true => String::new(),
        false => render(new),
    }
}

fn add(table: &mut Table, map: &'static str, address: Ipv4Addr, limit: Option<BandwidthLimit>) {
    let set = table.set(map, || Set::map("type ipv4_addr : verdict;"));
    let Some(limit) = limit else { return };
    let chain = format!("{map}_{:08x}", u32::from(address));
    set.insert_pair(address.to_string(), format!("jump {chain}"));
    table.chain(chain, Chain::new([over(limit)]));
}

/// Drops what exceeds a limit.
fn over(limit: BandwidthLimit) -> String {
    let bytes = |kbits: u32| u64::from(kbits) * 1000 / 8;
    let rate = bytes(limit.kbps);
    let burst = match limit.burst_kbits {
        0 => rate * BURST_TENTHS / 10,
        kbits => bytes(kbits),
    };
    // The kernel counts it in 32 bits.
    let burst = burst.clamp(LEAST_BURST, u64::from(u32::MAX));
    format!("limit rate over {rate} bytes/second burst {burst} bytes counter drop")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_fits_into_a_burst() {
        let over = |kbps, burst_kbits| over(BandwidthLimit { kbps, burst_kbits });
        assert_eq!(
            over(8000, 0),
            "limit rate over 1000000 bytes/second burst 800000 bytes counter drop"
        );
        assert!(over(8000, 80).contains("burst 131072 bytes"));
        assert!(over(u32::MAX, u32::MAX).contains(&format!("burst {} bytes", u32::MAX)));
    }
}
