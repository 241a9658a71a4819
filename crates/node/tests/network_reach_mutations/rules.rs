//! Rules: every table, every chain, one element of every set; and what others put beside them.

use std::collections::BTreeSet;

use linux::nft::Nft;
use node::reach::programmed::ruleset::{ListedTable, Ruleset, parse};

use model::host::{Direction, Remote};

use crate::stage::{FLOATING, FORWARDED, In, Stage};
use crate::{Mutation, broken, has, try_all};

const OWN: [In; 3] = [In::One, In::Two, In::Router];

fn ruleset(stage: &Stage, place: In) -> Ruleset {
    let listing = Nft::open(&stage.namespace(place)).unwrap().list().unwrap();
    parse(&listing)
}

fn each_table(stage: &Stage) -> Vec<(In, String, ListedTable)> {
    let tables = OWN.into_iter().flat_map(|place| {
        ruleset(stage, place)
            .into_iter()
            .map(move |((family, name), table)| (place, format!("{family} {name}"), table))
    });
    tables.collect()
}

fn quoted(text: &str) -> String {
    // As `Debug` writes it.
    format!("{text:?}")
}

#[test]
fn one_element_of_every_set() {
    let mut stage = Stage::new();
    let mut all = Vec::new();
    let mut kinds = BTreeSet::new();
    for (place, table, listed) in each_table(&stage) {
        for (name, set) in listed.sets {
            // The first and the last: of one port and of another.
            for (key, value) in set.elements.iter().take(1).chain(set.elements.iter().skip(1).last()) {
                let pair = if value.is_empty() {
                    key.clone()
                } else {
                    format!("{key} : {value}")
                };
                let command = format!("nft delete element {table} {name} {{ {pair} }}");
                all.push(broken(
                    "an element",
                    place,
                    command,
                    &["Element", &quoted(&name), &quoted(key), "Missing"],
                ));
                kinds.insert(name.split('_').next().unwrap().to_owned());
            }
        }
    }
    let expected = [
        "fip",
        "fix",
        "from",
        "in",
        "ing",
        "inside",
        "eg",
        "m4",
        "m6",
        "n4",
        "n6",
        "nd",
        "ok4",
        "ok6",
        "okmac",
        "okr4",
        "okr6",
        "out",
        "pf",
        "proxied",
        "sfmac",
        "shared",
        "sl4",
        "sl6",
        "slmac",
        "stateless",
        "to",
        "trusted",
    ];
    assert_eq!(
        kinds,
        expected.into_iter().map(str::to_owned).collect(),
        "all there are are in use"
    );
    try_all(&mut stage, all);
}

#[test]
fn the_last_rule_of_every_chain() {
    let mut stage = Stage::new();
    let mut all = Vec::new();
    for (place, table, listed) in each_table(&stage) {
        for (name, chain) in listed.chains {
            let Some((last, rest)) = chain.rules.split_last() else {
                continue;
            };
            let mut text = format!("nft flush chain {table} {name}\n");
            for rule in rest {
                text += &format!("add rule {table} {name} {rule}\n");
            }
            all.push(broken(
                "a rule",
                place,
                text,
                &["Rule {", &quoted(&name), &quoted(last), "Missing"],
            ));
        }
    }
    assert!(all.len() > 40, "{}", all.len());
    try_all(&mut stage, all);
}

#[test]
fn every_table_and_some_of_all() {
    let mut stage = Stage::new();
    let mut all = Vec::new();
    for (place, table, listed) in each_table(&stage) {
        let name = table.split(' ').next_back().unwrap();
        all.push(broken(
            "a table",
            place,
            format!("nft delete table {table}"),
            &["Table(", &quoted(name), "Missing"],
        ));
        all.push(broken(
            "a sleeping table",
            place,
            format!("nft add table {table} {{ flags dormant; }}"),
            &["Table(", &quoted(name), "dormant"],
        ));
        for (chain, listed) in listed.chains.iter().filter(|(_, chain)| chain.hook.is_some()) {
            let hook = listed.hook.as_ref().unwrap();
            let other = if hook.contains("policy drop") { "accept" } else { "drop" };
            let command = format!("nft add chain {table} {chain} {{ policy {other}; }}");
            all.push(broken(
                "a chain's policy",
                place,
                command,
                &["Chain {", &quoted(chain), &format!("policy {other}")],
            ));
        }
    }
    all.extend(named(&stage));
    try_all(&mut stage, all);
}

/// Each with whom it is for.
fn named(stage: &Stage) -> Vec<Mutation> {
    let (web, label, floating) = (
        stage.web.to_string(),
        stage.label.to_string(),
        stage.floating.to_string(),
    );
    let network = &stage.cloud.config.networks[&stage.networks[0]];
    let rule = network.groups[&stage.web].iter().find(|rule| {
        rule.direction == Direction::Ingress && matches!(rule.remote, Remote::Prefix(net) if net.addr().is_ipv4())
    });
    let rule = rule.unwrap().id.to_string();
    let group = stage.web.0.simple().to_string();
    let chain = format!("i_{group}");
    let without = |stage: &Stage, chain: &str, part: &str| {
        let table = ruleset(stage, In::One).remove(&("bridge".into(), "dp".into())).unwrap();
        let rules = table.chains[chain].rules.iter().filter(|rule| !rule.contains(part));
        let add: String = rules
            .map(|rule| format!("add rule bridge dp {chain} {rule}\n"))
            .collect();
        format!("nft flush chain bridge dp {chain}\n{add}")
    };
    let tap = stage.tap(stage.a.port);
    let port = stage.a.port.to_string();
    vec![
        broken("a security group's rule", In::One, without(stage, &chain, "192.0.2.0/24"), &["Rule {", &rule, "Missing"]),
        broken("everything of a port", In::One, format!("nft delete element bridge dp ing {{ \"{tap}\" : goto i_x }}").replace("i_x", &target(stage, &tap)), &["Element", &port, "Missing"]),
        broken("a floating IP", In::Router, format!("nft delete element ip dpr fip {{ {FLOATING} : 10.1.0.10 }}"), &["Element", "FloatingIp(", &floating, "Missing"]),
        broken("a floating IP leads elsewhere", In::Router, format!("nft delete element ip dpr fip {{ {FLOATING} : 10.1.0.10 }}\nadd element ip dpr fip {{ {FLOATING} : 10.1.0.11 }}"), &["Element", &floating, "10.1.0.11"]),
        broken("one more floating IP", In::Router, "nft add element ip dpr fip { 172.24.4.77 : 10.1.0.10 }", &["Element", "172.24.4.77", "Unwanted"]),
        broken("a forwarding", In::Router, format!("nft delete element ip dpr pf {{ {FORWARDED} . 6 . 8080 : 10.1.0.11 . 80 }}"), &["Element", "Forwarding(", FORWARDED, "Missing"]),
        broken("the translation to the router's address", In::Router, "nft flush chain ip dpr post", &["Rule {", "Gateway(", "snat to 172.24.4.10", "Missing"])
            .then(&["Rule {", "\"post\"", "Missing"]),
        broken("a counter and its chain", In::Router, "nft flush table inet dpm", &["Rule {", &label, "Missing"]).then(&["Rule {", "\"dpm\"", "Missing"]),
        broken("a member of a group", In::One, format!("nft delete element bridge dp m4_{group} {{ 10.1.0.11 }}"), &["Element", "Group(", &web, "Missing"]),
        broken("a rule that nobody asked for", In::One, format!("nft add rule bridge dp {chain} counter accept"), &["Rule {", &web, "counter accept", "Unwanted"]),
        broken("a rule in front of all others", In::One, "nft insert rule bridge dp cfwd counter drop", &["Rule {", "\"cfwd\"", "Unwanted"]),
        broken("a chain of somebody's in our table", In::One, "nft add chain bridge dp evil { type filter hook forward priority -400; policy drop; }", &["Chain {", "\"evil\"", "Unwanted"]),
        broken("a set of somebody's in our table", In::One, "nft add set bridge dp mine { type ether_addr; }", &["Set {", "\"mine\"", "Unwanted"]),
        broken("an element that nobody asked for", In::One, "nft add element bridge dp trusted { \"tap99999999-99\" }", &["Element", "tap99999999-99", "Unwanted"]),
        broken("a port that is trusted all at once", In::One, format!("nft add element bridge dp trusted {{ \"{tap}\" }}"), &["Element", "\"trusted\"", &port, "Unwanted"]),
        broken("the order of rules", In::One, "nft flush chain bridge dp toport\nadd rule bridge dp toport counter drop\nadd rule bridge dp toport oifname vmap @ing\nadd rule bridge dp toport oifname @trusted accept", &["RuleOrder", "\"toport\""]),
        foreign("a table of somebody's that drops bridged packets", In::One, "bridge", "forward"),
        foreign("a table of somebody's that drops packets in the router", In::Router, "inet", "forward"),
        foreign("a table of somebody's that drops packets for the router", In::Router, "ip", "input"),
        foreign("a table of somebody's that drops packets on the host", In::Host, "inet", "forward"),
        foreign("a table of somebody's that drops answers to the host", In::Host, "ip6", "input"),
        broken("a table of somebody's that drops by rule", In::Host, "nft table ip mine { chain far { tcp dport 22 drop; }; chain fw { type filter hook forward priority 0; iifname \"br-ex\" jump far; }; }", &["ForeignChain", "\"mine\"", "\"fw\"", "tcp dport 22 drop", "Unwanted"])
            .stays(In::Host, "nft delete table ip mine"),
        broken("a table of somebody's that translates", In::Router, "nft table ip mine { chain n { type nat hook postrouting priority 90; masquerade; }; }", &["Table(", "\"mine\"", "Unwanted"])
            .stays(In::Router, "nft delete table ip mine"),
    ]
}

/// The chain that a port's ingress goes to.
fn target(stage: &Stage, tap: &str) -> String {
    let table = ruleset(stage, In::One).remove(&("bridge".into(), "dp".into())).unwrap();
    table.sets["ing"].elements[&format!("\"{tap}\"")]
        .trim_start_matches("goto ")
        .to_owned()
}

fn foreign(name: &'static str, place: In, family: &str, hook: &str) -> Mutation {
    let table =
        format!("nft table {family} evil {{ chain stop {{ type filter hook {hook} priority 5; policy drop; }}; }}");
    broken(
        name,
        place,
        table,
        &["ForeignChain", "\"evil\"", "\"stop\"", "policy drop", "Unwanted"],
    )
    .stays(place, format!("nft delete table {family} evil"))
}

#[test]
fn rules_of_others_that_are_not_in_the_way() {
    let stage = Stage::new();
    for text in [
        "table ip docker { chain fw { type filter hook forward priority 0; policy accept; iifname \"docker0\" drop; }; }",
        "table inet web { chain in { type filter hook input priority 0; policy accept; tcp dport 80 accept; }; }",
        "table ip asleep { flags dormant; chain fw { type filter hook forward priority 0; policy drop; }; }",
        "table ip nat { chain post { type nat hook postrouting priority 100; oifname \"eth0\" masquerade; }; }",
    ] {
        stage.hand(In::Host, &format!("nft {text}"));
        let found = stage.inspect_all();
        assert!(found.is_empty(), "{text}: {found:?}");
    }
    stage.hand(
        In::Host,
        "nft table ip docker { chain fw { iifname \"br-ex\" drop; }; }",
    );
    let found = stage.inspect_all();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(has(&found[0], &["\"docker\"".into(), "br-ex".into()]), "{found:?}");
}
