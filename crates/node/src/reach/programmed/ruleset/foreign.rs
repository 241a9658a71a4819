//! Rules that a person, or another program, has put where the cloud's packets pass.

use std::collections::BTreeSet;

use model::reach::{Finding, HostObject, HostPlace as Place, State};

use super::super::look::Look;
use super::compare::table_name;
use super::listing::{ListedTable, Ruleset};
use super::owners::Owners;

/// What ends a packet's way, as words of a rule.
const ENDS: [&str; 3] = ["drop", "reject", "queue"];

/// Which devices' packets are meant.
type Bridges<'a> = Option<&'a BTreeSet<String>>;

/// Tables in a namespace of the cloud's own that are not its own: no other has any business there.
pub fn check_own(look: &mut Look<'_>, place: Place, (want, have): (&Ruleset, &Ruleset), owners: &Owners) {
    let strange = have
        .iter()
        .filter(|(name, _)| !want.contains_key(*name) && !owners.has(&name.0, &name.1, ""));
    for ((family, name), table) in strange {
        let chains = dropping(table, None);
        if chains.is_empty() {
            look.note(HostObject::Table(table_name(place, family, name)), State::Unwanted);
        }
        note(look, place, (family, name), chains);
    }
}

/// Chains in the host's namespace that drop what passes these bridges. The host is others', too: what does not drop is their
/// business.
pub fn check_host(look: &mut Look<'_>, have: &Ruleset, bridges: &BTreeSet<String>) {
    for ((family, name), table) in have {
        note(look, Place::Host, (family, name), dropping(table, Some(bridges)));
    }
}

/// The chains of a host's ruleset that drop what is forwarded between these bridges and others: for who looks at a host that no
/// cloud runs on yet.
pub fn in_the_way(have: &Ruleset, bridges: &BTreeSet<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for ((family, name), table) in have {
        for Dropping { chain, hook, drops } in dropping(table, Some(bridges)) {
            if hook.contains("hook forward") {
                let table = table_name(Place::Host, family, name);
                found.push(Finding {
                    object: HostObject::ForeignChain {
                        table,
                        chain,
                        hook,
                        drops,
                    },
                    state: State::Unwanted,
                });
            }
        }
    }
    found
}

fn note(look: &mut Look<'_>, place: Place, (family, name): (&str, &str), chains: Vec<Dropping>) {
    for Dropping { chain, hook, drops } in chains {
        let object = HostObject::ForeignChain {
            table: table_name(place, family, name),
            chain,
            hook,
            drops,
        };
        look.note(object, State::Unwanted);
    }
}

/// A chain where the kernel enters, and what drops there or in those that it leads to.
#[derive(Debug, PartialEq, Eq)]
struct Dropping {
    chain: String,
    hook: String,
    drops: Vec<String>,
}

fn dropping(table: &ListedTable, bridges: Bridges<'_>) -> Vec<Dropping> {
    if table.head.iter().any(|line| line.contains("dormant")) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (name, chain) in &table.chains {
        let Some(hook) = &chain.hook else { continue };
        let mut drops = Vec::new();
        if hook.contains("policy drop") {
            drops.push("policy drop".to_owned());
        }
        collect(table, name, bridges, &mut BTreeSet::new(), &mut drops);
        if !drops.is_empty() {
            found.push(Dropping {
                chain: name.clone(),
                hook: hook.clone(),
                drops,
            });
        }
    }
    found
}

/// The rules that drop, in a chain and those it leads to; each chain once.
fn collect(
    table: &ListedTable,
    name: &str,
    bridges: Bridges<'_>,
    seen: &mut BTreeSet<String>,
    drops: &mut Vec<String>,
) {
    let Some(chain) = table.chains.get(name).filter(|_| seen.insert(name.to_owned())) else {
        return;
    };
    for rule in chain.rules.iter().filter(|rule| may_concern(rule, bridges)) {
        let bare = without_quotes(rule);
        let words: Vec<&str> = bare
            .split(|c: char| !(c.is_alphanumeric() || "_-".contains(c)))
            .collect();
        if words.iter().any(|word| ENDS.contains(word)) || rule.contains("xt target \"REJECT\"") {
            drops.push(rule.clone());
        }
        for pair in words.windows(2).filter(|pair| matches!(pair[0], "jump" | "goto")) {
            collect(table, pair[1], bridges, seen, drops);
        }
    }
}

/// A rule without what people wrote into it: comments and names of devices.
fn without_quotes(rule: &str) -> String {
    rule.split('"').step_by(2).collect::<Vec<_>>().join(" ")
}

/// Whether a rule may be about packets of these bridges: it names no device, one of them, or all but some.
fn may_concern(rule: &str, bridges: Bridges<'_>) -> bool {
    let Some(bridges) = bridges else { return true };
    let words: Vec<&str> = rule.split_whitespace().collect();
    let mut named = words
        .windows(2)
        .filter(|pair| matches!(pair[0], "iifname" | "oifname" | "iif" | "oif"));
    // A rule about what goes from one device to another concerns us if one of them is ours, or may be.
    let fits = |device: &str| match device.trim_matches('"') {
        "!=" | "{" => true,
        pattern => bridges.iter().any(|bridge| is_like(bridge, pattern)),
    };
    let is_named = named.clone().next().is_some();
    !is_named || named.any(|pair| fits(pair[1]))
}

/// Whether a device has a name, or begins with it where that ends with a star.
fn is_like(device: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => device.starts_with(start),
        None => device == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::super::listing::parse;
    use super::*;

    fn drops(rules: &str, policy: &str) -> Vec<String> {
        let listing = format!(
            "table ip t {{\n\tchain forward {{\n\t\ttype filter hook forward priority 0; policy {policy};\n{rules}\n\t}}\n\
             \tchain far {{\n\t\tiifname \"eth0\" drop\n\t\tcounter drop\n\t}}\n}}\n"
        );
        let bridges = BTreeSet::from(["br-ex".to_owned()]);
        let table = parse(&listing).remove(&("ip".into(), "t".into())).unwrap();
        dropping(&table, Some(&bridges))
            .into_iter()
            .flat_map(|chain| chain.drops)
            .collect()
    }

    #[test]
    fn what_drops_is_found_wherever_it_is() {
        assert_eq!(drops("", "accept"), Vec::<String>::new());
        assert_eq!(drops("", "drop"), ["policy drop"]);
        assert_eq!(
            drops("tcp dport 22 reject with icmp 3", "accept"),
            ["tcp dport 22 reject with icmp 3"]
        );
        assert_eq!(
            drops("jump far", "accept"),
            ["counter drop"],
            "the other one is about another device"
        );
        assert_eq!(drops("iifname \"eth0\" jump far", "accept"), Vec::<String>::new());
        assert_eq!(
            drops("iifname \"docker0\" oifname != \"docker0\" jump far", "accept"),
            ["counter drop"]
        );
        assert_eq!(drops("iifname \"br-*\" drop", "accept").len(), 1);
        assert_eq!(drops("meta mark vmap { 1 : drop }", "accept").len(), 1);
        assert_eq!(drops("accept comment \"do not drop\"", "accept"), Vec::<String>::new());
    }
}
