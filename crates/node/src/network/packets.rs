//! Limits of packets and DSCP marks, as a table of a network's ruleset that is there only where a port has one.
//!
//! What a port sends is looked at before anything else sees it; what it is to receive, on its way to the port.

use imbl::ordmap::DiffItem;
use model::host::{NetworkConfig, PacketRateLimit, PortConfig};

use super::names::tap_device;
use super::table::{Chain, Set, Table};

/// Takes the table away, whether or not it is there.
pub const NONE: &str = "add table bridge dpq\ndelete table bridge dpq\n";

/// What may pass at once where nobody said, as a part of what passes in a second.
const BURST: u64 = 10;

/// What this table holds of a port: limits to it and from it, and its mark.
fn part(port: &PortConfig) -> (Option<PacketRateLimit>, Option<PacketRateLimit>, Option<u8>) {
    let qos = port.qos.as_deref();
    qos.map_or((None, None, None), |qos| {
        (qos.ingress_packets, qos.egress_packets, qos.dscp)
    })
}

/// The text that loads the table, or takes it away where no port needs it.
pub fn render(config: &NetworkConfig) -> String {
    let mut table = Table::new("bridge", "dpq");
    for port in config.ports.values() {
        add_port(&mut table, port);
    }
    if table.chains.is_empty() {
        return NONE.to_owned();
    }
    for (map, spec) in [
        ("from", "typeof iifname : verdict;"),
        ("to", "typeof oifname : verdict;"),
    ] {
        table.set(map, || Set::map(spec));
    }
    table.chain(
        "sent",
        Chain::at(
            "type filter hook prerouting priority -310; policy accept;",
            ["iifname vmap @from"],
        ),
    );
    table.chain(
        "received",
        Chain::at(
            "type filter hook forward priority -210; policy accept;",
            ["oifname vmap @to"],
        ),
    );
    table.render()
}

/// The commands that turn the table of one configuration into that of another; none where nothing of it changes.
pub fn change(old: &NetworkConfig, new: &NetworkConfig) -> String {
    let nothing = (None, None, None);
    let touched = old.ports.diff(&new.ports).any(|item| match item {
        DiffItem::Add(_, port) | DiffItem::Remove(_, port) => part(port) != nothing,
        DiffItem::Update {
            old: (_, old),
            new: (_, new),
        } => part(old) != part(new),
    });
    if touched { render(new) } else { String::new() }
}

fn add_port(table: &mut Table, port: &PortConfig) {
    let (to, from, dscp) = part(port);
    let device = format!("\"{}\"", tap_device(port.id));
    let id = port.id.0.simple();
    let marks = dscp.map(|mark| [format!("ip dscp set {mark}"), format!("ip6 dscp set {mark}")]);
    let sent: Vec<String> = from.map(over).into_iter().chain(marks.into_iter().flatten()).collect();
    if !sent.is_empty() {
        table.chain(format!("f_{id}"), Chain::new(sent));
        let map = table.set("from", || Set::map("typeof iifname : verdict;"));
        map.insert_pair(&device, format!("jump f_{id}"));
    }
    if let Some(limit) = to {
        table.chain(format!("t_{id}"), Chain::new([over(limit)]));
        let map = table.set("to", || Set::map("typeof oifname : verdict;"));
        map.insert_pair(&device, format!("jump t_{id}"));
    }
}

/// Drops what exceeds a limit.
fn over(limit: PacketRateLimit) -> String {
    let rate = u64::from(limit.kpps) * 1000;
    let burst = match limit.burst_kpackets {
        0 => rate / BURST,
        thousands => u64::from(thousands) * 1000,
    };
    // The kernel counts them in 32 bits.
    let burst = burst.clamp(1, u64::from(u32::MAX));
    format!("limit rate over {rate}/second burst {burst} packets counter drop")
}
