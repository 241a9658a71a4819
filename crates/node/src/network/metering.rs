//! What metering labels count at a router's gateway: a table of its own, with a named counter and a chain a label.
//!
//! ```text
//!  through (forward, after the filter) ──jump──► label-<id>: return of what is excluded
//!                                                            counter name label-<id> return of what is counted
//! ```
//!
//! Forwarded packets have their inside addresses here: what comes in is translated already, what leaves is not yet. What
//! the router's filter dropped, or what is meant for the router itself, does not come here.
//!
//! A counter keeps its value as long as its label is there: changes are loaded as differences, and where the loaded table
//! is not known (at a start of the program, after somebody else changed the ruleset) chains are made anew around the
//! counters that there are. A counter that is missing begins with what was read of it last.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ipnet::IpNet;
use linux::nft::Nft;
use model::MeteringLabelId;
use model::host::{Direction, MeterRule, RouterConfig};
use model::meters::Count;

use super::names::gateway_device;
use super::table::{Chain, Table};

/// Takes the table away, whether or not it is there.
const NONE: &str = "add table inet dpm\ndelete table inet dpm\n";
/// The line with which the table begins in a listing.
const BEGIN: &str = "table inet dpm {";

/// What is in a loaded table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Its chains.
    chains: BTreeSet<String>,
    /// Its counters by name.
    counters: BTreeMap<String, Count>,
    /// Whether somebody put it to sleep (`flags dormant`).
    sleeps: bool,
}

impl Present {
    /// What the labels counted.
    pub fn counts(&self) -> BTreeMap<MeteringLabelId, Count> {
        let label = |name: &str| -> Option<MeteringLabelId> { name.strip_prefix("label-")?.parse().ok() };
        let counts = self.counters.iter();
        counts
            .filter_map(|(name, count)| Some((label(name)?, *count)))
            .collect()
    }
}

/// Reads the table that a namespace has; nothing where there is none.
pub fn present(nft: &Nft) -> linux::Result<Present> {
    nft.run("list ruleset inet\n").map(|listing| parse(&listing))
}

/// Reads the table before it is made anew, and wakes it if it sleeps: the kernel refuses to do that together with changes of
/// chains where it enters (`EINVAL`).
pub fn present_and_awake(nft: &Nft) -> linux::Result<Present> {
    let present = present(nft)?;
    if present.sleeps {
        nft.run("add table inet dpm\n")?;
    }
    Ok(present)
}

fn parse(listing: &str) -> Present {
    let mut present = Present::default();
    let mut counter = None;
    let inside = listing.lines().skip_while(|line| *line != BEGIN).skip(1);
    for line in inside.take_while(|line| *line != "}") {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["chain", name, "{"] => {
                present.chains.insert((*name).to_owned());
            }
            ["flags", "dormant"] => present.sleeps = true,
            ["counter", name, "{"] => counter = Some((*name).to_owned()),
            ["packets", packets, "bytes", bytes] => {
                if let (Some(name), Ok(packets), Ok(bytes)) = (counter.take(), packets.parse(), bytes.parse()) {
                    present.counters.insert(name, Count { packets, bytes });
                }
            }
            _ => {}
        }
    }
    present
}

/// The name of a label's counter and chain.
fn name(label: MeteringLabelId) -> String {
    format!("label-{label}")
}

/// The table's chains; its counters have the names of those that are jumped to.
fn table(config: &RouterConfig) -> Table {
    let mut table = Table::new("inet", "dpm");
    for (label, rules) in &config.meters {
        table.chain(name(*label), Chain::new(label_rules(config, *label, rules)));
    }
    let jumps = config.meters.keys().map(|label| format!("jump {}", name(*label)));
    table.chain(
        "through",
        Chain::at("type filter hook forward priority 10; policy accept;", jumps),
    );
    table
}

/// What is excluded comes first; the rest is counted once. Without a gateway nothing passes it.
fn label_rules(config: &RouterConfig, label: MeteringLabelId, rules: &[MeterRule]) -> Vec<String> {
    let Some(gateway) = &config.gateway else {
        return Vec::new();
    };
    let device = gateway_device(gateway.port_id);
    let of = |excluded: bool| rules.iter().filter(move |rule| rule.excluded == excluded);
    let left_out = of(true).map(|rule| format!("{} return", packets(rule, &device)));
    let counted = of(false).map(|rule| format!("{} counter name {} return", packets(rule, &device), name(label)));
    left_out.chain(counted).collect()
}

/// Which packets a rule is about.
fn packets(rule: &MeterRule, device: &str) -> String {
    let mut text = match rule.direction {
        Direction::Ingress => format!("iifname \"{device}\""),
        Direction::Egress => format!("oifname \"{device}\""),
    };
    for (prefix, end) in [(rule.source, "saddr"), (rule.destination, "daddr")] {
        let Some(prefix) = prefix else { continue };
        let family = match prefix {
            IpNet::V4(_) => "ip",
            IpNet::V6(_) => "ip6",
        };
        if prefix.prefix_len() == 0 {
            // Any address of this IP version.
            let number = if prefix.addr().is_ipv4() { "ipv4" } else { "ipv6" };
            let _ = write!(text, " meta nfproto {number}");
        } else {
            let _ = write!(text, " {family} {end} {prefix}");
        }
    }
    text
}

/// The commands that make the table, whatever there is, that of a configuration. Counters that are there keep their values;
/// others begin with what is remembered of them.
pub fn whole(config: &RouterConfig, present: &Present, remembered: &BTreeMap<MeteringLabelId, Count>) -> String {
    if config.meters.is_empty() {
        return NONE.to_owned();
    }
    let table = table(config);
    let mut text = "add table inet dpm\nflush table inet dpm\n".to_owned();
    for chain in &present.chains {
        let _ = writeln!(text, "delete chain inet dpm {chain}");
    }
    let wanted: BTreeSet<String> = config.meters.keys().map(|label| name(*label)).collect();
    for counter in present.counters.keys().filter(|counter| !wanted.contains(*counter)) {
        let _ = writeln!(text, "delete counter inet dpm {counter}");
    }
    for label in config.meters.keys() {
        let counter = name(*label);
        let Count { packets, bytes } = remembered.get(label).copied().unwrap_or_default();
        if !present.counters.contains_key(&counter) {
            let _ = writeln!(
                text,
                "add counter inet dpm {counter} {{ packets {packets} bytes {bytes} }}"
            );
        }
    }
    text + &made(&table)
}

/// The commands that turn the table of one configuration into that of another; none where nothing of it changes.
pub fn change(old: &RouterConfig, new: &RouterConfig) -> Option<String> {
    match (old.meters.is_empty(), new.meters.is_empty()) {
        (true, true) => Some(String::new()),
        (false, true) => Some(NONE.to_owned()),
        (true, false) => Some(whole(new, &Present::default(), &BTreeMap::new())),
        (false, false) => {
            let (loaded, table) = (table(old), table(new));
            let mut text = String::new();
            for label in new.meters.keys().filter(|label| !old.meters.contains_key(*label)) {
                let _ = writeln!(text, "add counter inet dpm {}", name(*label));
            }
            text.push_str(&table.difference(&loaded)?);
            for label in old.meters.keys().filter(|label| !new.meters.contains_key(*label)) {
                let _ = writeln!(text, "delete counter inet dpm {}", name(*label));
            }
            Some(text)
        }
    }
}

/// The commands that add a table's chains, those that are jumped to first.
fn made(table: &Table) -> String {
    let mut text = String::new();
    for (chain, Chain { hook, .. }) in &table.chains {
        let hook = hook.map_or_else(String::new, |hook| format!(" {{ {hook} }}"));
        let _ = writeln!(text, "add chain inet dpm {chain}{hook}");
    }
    for (chain, Chain { rules, .. }) in &table.chains {
        for rule in rules {
            let _ = writeln!(text, "add rule inet dpm {chain} {rule}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "\
table inet other {
	counter label-x {
		packets 9 bytes 9
	}
}
table inet dpm {
	counter label-00000000-0000-0000-0000-000000000001 {
		packets 12 bytes 1008
	}

	counter stray {
		packets 0 bytes 0
	}

	chain label-00000000-0000-0000-0000-000000000001 {
		iifname \"qg-1\" ip daddr 10.0.0.0/24 counter name \"label-00000000-0000-0000-0000-000000000001\" return
	}

	chain through {
		type filter hook forward priority filter + 10; policy accept;
		jump label-00000000-0000-0000-0000-000000000001
	}
}
table inet later {
	chain c {
	}
}
";

    #[test]
    fn a_listing_is_read_as_nft_prints_it() {
        let present = parse(LISTING);
        let chains: Vec<&str> = present.chains.iter().map(String::as_str).collect();
        assert_eq!(chains, ["label-00000000-0000-0000-0000-000000000001", "through"]);
        assert_eq!(present.counters.len(), 2);
        let count = Count {
            packets: 12,
            bytes: 1008,
        };
        let label = "00000000-0000-0000-0000-000000000001".parse().unwrap();
        assert_eq!(present.counts(), BTreeMap::from([(label, count)]));
        assert_eq!(parse(""), Present::default());
    }

    #[test]
    fn a_rule_names_its_device_and_prefixes() {
        let rule = |direction, source: Option<&str>, destination: Option<&str>| MeterRule {
            direction,
            excluded: false,
            source: source.map(|net| net.parse().unwrap()),
            destination: destination.map(|net| net.parse().unwrap()),
        };
        let text = |rule: MeterRule| packets(&rule, "qg-1");
        assert_eq!(
            text(rule(Direction::Egress, Some("10.0.0.0/24"), Some("192.0.2.1/32"))),
            "oifname \"qg-1\" ip saddr 10.0.0.0/24 ip daddr 192.0.2.1/32"
        );
        assert_eq!(
            text(rule(Direction::Ingress, None, Some("fd00::/64"))),
            "iifname \"qg-1\" ip6 daddr fd00::/64"
        );
        assert_eq!(
            text(rule(Direction::Ingress, Some("0.0.0.0/0"), None)),
            "iifname \"qg-1\" meta nfproto ipv4"
        );
    }
}
