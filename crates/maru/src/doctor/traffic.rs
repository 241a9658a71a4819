//! What may keep packets from passing the host: forwarding, firewalls of others, tracked connections, checked senders.

use std::collections::BTreeSet;
use std::sync::Arc;

use linux::netlink::{RouteKind, Rtnl};
use linux::nft::Nft;
use linux::{Netns, sysctl};
use model::host::{ExternalNetworkConfig, HostConfig};
use model::reach::look::{Evidence, Mender, fix, general_fix};
use model::reach::words::host::finding_text;
use model::reach::{Code, Finding};
use model::{Actor, Cloud, NetworkId, Scope};
use node::reach::programmed::ruleset::{in_the_way, parse};

use super::Check;
use super::host::chain;
use crate::lang::Lang;
use crate::output::Mark;
use crate::settings::Settings;

/// The bridge that Maru makes for the provider network.
const BRIDGE: &str = "br-ex";
/// Of the tracked connections, percent: above this there will soon be no room.
const NEARLY_FULL: u64 = 80;

/// Without forwarding servers reach the host and each other, but nothing beyond.
pub(super) fn forwarding(settings: &Settings, host: &Netns, lang: Lang) -> Vec<Check> {
    let masquerade = format!(
        "sysctl net.ipv4.ip_forward=1; nft 'table ip maru_nat {{ chain c {{ type nat hook postrouting priority srcnat; ip saddr \
         {} oifname != \"br-ex\" masquerade; }}; }}'",
        settings.provider_cidr
    );
    let mut checks = vec![forwards(host, ("ip-forward", "net/ipv4/ip_forward"), masquerade, lang)];
    if settings.provider_cidr6.0.is_some() {
        let key = "net/ipv6/conf/all/forwarding";
        let on = "sysctl net.ipv6.conf.all.forwarding=1".to_owned();
        checks.push(forwards(host, ("ip6-forward", key), on, lang));
    }
    checks
}

fn forwards(host: &Netns, (name, key): (&'static str, &str), mend: String, lang: Lang) -> Check {
    let setting = key.rsplit('/').next().unwrap_or(key);
    match sysctl::read(host, key) {
        Ok(value) if value.trim() != "0" => Check::new(name, Mark::Ok, lang.forwarding_on(setting)),
        Ok(_) => Check::new(name, Mark::Warn, lang.forwarding_off(setting))
            .cause(Code::HostForwardOff)
            .fix(mend),
        Err(error) => Check::new(name, Mark::Unknown, chain(&error)),
    }
}

/// Chains of others that drop what passes through the host.
pub(super) fn firewall(host: &Netns, lang: Lang) -> Check {
    let rules = match Nft::open(host).and_then(|nft| nft.list()) {
        Ok(rules) => rules,
        Err(error) => return Check::new("firewall", Mark::Unknown, chain(&error)),
    };
    let found = in_the_way(&parse(&rules), &BTreeSet::from([BRIDGE.to_owned()]));
    if found.is_empty() {
        return Check::new("firewall", Mark::Ok, lang.firewall_ok());
    }
    let mend = match rules.contains("DOCKER-USER") {
        true => "iptables -I DOCKER-USER -i br-ex -j ACCEPT; iptables -I DOCKER-USER -o br-ex -j ACCEPT".to_owned(),
        false => let_pass(&found),
    };
    let listed: Vec<String> = found.iter().map(finding_text).collect();
    Check::new("firewall", Mark::Warn, lang.firewall_drops(listed.join(", ")))
        .cause(Code::HostFirewall)
        .fix(mend)
}

/// What lets the provider bridge's packets pass these chains.
fn let_pass(found: &[Finding]) -> String {
    let id = NetworkId(uuid::Uuid::nil());
    let external = ExternalNetworkConfig {
        id,
        bridge: BRIDGE.to_owned(),
        mtu: 0,
        host_addresses: Vec::new(),
        host_routes: Vec::new(),
    };
    let mut config = HostConfig::default();
    config.externals.insert(id, Arc::new(external));
    let evidence: Vec<Evidence> = found.iter().cloned().map(Evidence::Finding).collect();
    let mender = Mender {
        cloud: &Cloud::default(),
        config: &config,
        actor: &operator(),
        host_netns: None,
    };
    let told = fix(&mender, (Code::HostFirewall, None), &evidence);
    told.commands.join("; ")
}

/// Who runs this on the host.
fn operator() -> Actor {
    Actor {
        user_id: "root".into(),
        user_domain_id: "default".into(),
        scope: Scope::System,
        roles: ["admin".to_owned()].into(),
    }
}

/// A kernel that tracks as many connections as it may drops new ones.
pub(super) fn connections(host: &Netns, lang: Lang) -> Check {
    const NAME: &str = "conntrack";
    let keys = ["net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max"];
    // Without the module nothing is tracked yet.
    let Ok(values) = sysctl::read_all(host, &keys) else {
        return Check::new(NAME, Mark::Ok, lang.conntrack_unused());
    };
    let number = |at: usize| values.get(at).and_then(|value| value.trim().parse::<u64>().ok());
    let (Some(count), Some(limit)) = (number(0), number(1)) else {
        return Check::new(NAME, Mark::Unknown, lang.conntrack_unused());
    };
    judge_connections(count, limit, lang)
}

/// A limit of 0 is none.
fn judge_connections(count: u64, limit: u64, lang: Lang) -> Check {
    const NAME: &str = "conntrack";
    let (mark, code) = match limit {
        0 => (Mark::Ok, None),
        _ if count >= limit => (Mark::Fail, Some(Code::ConntrackFull)),
        _ if count.saturating_mul(100) >= limit.saturating_mul(NEARLY_FULL) => {
            (Mark::Warn, Some(Code::ConntrackNearlyFull))
        }
        _ => (Mark::Ok, None),
    };
    let Some(code) = code else {
        return Check::new(NAME, mark, lang.conntrack_ok(count, limit));
    };
    let raised = format!("sysctl -w net.netfilter.nf_conntrack_max={}", limit.saturating_mul(4));
    Check::new(NAME, mark, lang.conntrack_full(count, limit))
        .cause(code)
        .fix(raised)
}

/// A host with several ways out that checks senders strictly drops what comes by the one and would be answered by the other.
pub(super) fn sources(host: &Netns, lang: Lang) -> Check {
    const NAME: &str = "rp-filter";
    let strict = match sysctl::read(host, "net/ipv4/conf/all/rp_filter") {
        Ok(value) => value.trim() == "1",
        Err(error) => return Check::new(NAME, Mark::Unknown, chain(&error)),
    };
    let ways = match ways_out(host) {
        Ok(ways) => ways,
        Err(error) => return Check::new(NAME, Mark::Unknown, chain(&error)),
    };
    if !strict || ways.len() < 2 {
        return Check::new(NAME, Mark::Ok, lang.sources_ok());
    }
    let listed = ways.into_iter().collect::<Vec<_>>().join(", ");
    Check::new(NAME, Mark::Warn, lang.sources_checked(listed))
        .cause(Code::RpfilterDrop)
        .fix("sysctl -w net.ipv4.conf.all.rp_filter=2")
}

/// The links that default routes of IPv4 leave by.
fn ways_out(host: &Netns) -> linux::Result<BTreeSet<String>> {
    let mut netlink = Rtnl::open(host)?;
    let links = netlink.links()?;
    let routes = netlink.routes()?;
    let defaults = routes.iter().filter(|route| {
        route.destination.prefix_len() == 0 && route.destination.addr().is_ipv4() && route.kind == RouteKind::Unicast
    });
    let name = |index: u32| {
        links
            .iter()
            .find(|link| link.index == index)
            .map(|link| link.name.clone())
    };
    Ok(defaults.filter_map(|route| name(route.link?)).collect())
}

/// What a cause's own sentence and fix are, for one that the API tells of.
pub(super) fn usual_fix(code: Code) -> String {
    general_fix(code, None).commands.join("; ")
}

#[cfg(test)]
#[path = "../../../node/tests/network_common/flows.rs"]
mod flows;

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn in_host(host: &Netns, words: &str) {
        let words: Vec<&str> = words.split_whitespace().collect();
        let done = host
            .run(|| Command::new(words[0]).args(&words[1..]).output())
            .unwrap()
            .unwrap();
        assert!(
            done.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// A host of its own.
    fn host() -> Netns {
        Netns::anonymous().unwrap()
    }

    fn settings() -> Settings {
        Settings::read(None, |_| None, |_| None, &[]).unwrap()
    }

    fn told(check: &Check) -> (Mark, Option<String>) {
        (check.result, check.code.map(Code::as_str))
    }

    #[test]
    fn a_host_that_forwards_nothing() {
        let host = host();
        sysctl::write(
            &host,
            &[("net/ipv4/ip_forward", "0"), ("net/ipv6/conf/all/forwarding", "0")],
        )
        .unwrap();
        let checks = forwarding(&settings(), &host, Lang::En);
        for check in &checks {
            assert_eq!(told(check), (Mark::Warn, Some("HOST_FORWARD_OFF".into())), "{check:?}");
            assert!(check.fix.as_ref().unwrap().starts_with("sysctl net.ip"));
        }
        sysctl::write(
            &host,
            &[("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1")],
        )
        .unwrap();
        let checks = forwarding(&settings(), &host, Lang::En);
        assert!(checks.iter().all(|check| check.result == Mark::Ok), "{checks:?}");
    }

    #[test]
    fn a_firewall_of_others_and_what_lets_packets_pass_it() {
        let host = host();
        let nft = Nft::open(&host).unwrap();
        assert_eq!(told(&firewall(&host, Lang::Ko)), (Mark::Ok, None));
        // What is about another device is nobody's concern, nor is what is for the host itself.
        nft.run("table inet mine { chain in { type filter hook input priority 0; policy drop; }; chain fw { type filter hook forward priority 0; iifname \"docker0\" drop; }; }").unwrap();
        assert_eq!(told(&firewall(&host, Lang::En)), (Mark::Ok, None));
        nft.run("table inet ufw { chain fw { type filter hook forward priority 0; policy drop; }; }")
            .unwrap();
        let check = firewall(&host, Lang::En);
        assert_eq!(told(&check), (Mark::Warn, Some("HOST_FIREWALL".into())));
        assert!(check.found.contains("inet ufw fw"), "{check:?}");
        let mend = check.fix.unwrap();
        assert_eq!(
            mend,
            "nft insert rule inet ufw fw iifname br-ex accept; nft insert rule inet ufw fw oifname br-ex accept"
        );
        for command in mend.split("; ") {
            nft.run(command.strip_prefix("nft ").unwrap()).unwrap();
        }
        nft.run("delete table inet ufw\ntable ip filter { chain DOCKER-USER { }; chain FORWARD { type filter hook forward priority 0; policy drop; jump DOCKER-USER; }; }").unwrap();
        let check = firewall(&host, Lang::En);
        assert!(
            check.fix.as_ref().unwrap().contains("iptables -I DOCKER-USER"),
            "{check:?}"
        );
    }

    #[test]
    fn a_table_of_connections_without_room() {
        let told = |count, limit| told(&judge_connections(count, limit, Lang::En));
        assert_eq!(told(7, 100), (Mark::Ok, None));
        assert_eq!(told(80, 100), (Mark::Warn, Some("CONNTRACK_NEARLY_FULL".into())));
        assert_eq!(told(100, 100), (Mark::Fail, Some("CONNTRACK_FULL".into())));
        assert_eq!(told(100, 0), (Mark::Ok, None), "no limit");
        assert_eq!(
            judge_connections(9, 9, Lang::En).fix.unwrap(),
            "sysctl -w net.netfilter.nf_conntrack_max=36"
        );
    }

    /// With the kernel's own table of a host, filled.
    #[test]
    fn connections_that_fill_their_table() {
        let host = host();
        // A connection that is tracked, so that there is a table.
        let rules = "table inet t { chain out { type filter hook output priority 0; ct state new accept; }; }";
        Nft::open(&host).unwrap().run(rules).unwrap();
        assert_eq!(told(&connections(&host, Lang::En)), (Mark::Ok, None));
        flows::fill(&host, 80);
        let nearly = connections(&host, Lang::En);
        assert_eq!(told(&nearly), (Mark::Warn, Some("CONNTRACK_NEARLY_FULL".into())));
        flows::fill(&host, 100);
        let full = connections(&host, Lang::Ko);
        assert_eq!(told(&full), (Mark::Fail, Some("CONNTRACK_FULL".into())));
    }

    #[test]
    fn senders_that_would_be_answered_another_way() {
        let host = host();
        sysctl::write(&host, &[("net/ipv4/conf/all/rp_filter", "1")]).unwrap();
        assert_eq!(
            told(&sources(&host, Lang::En)),
            (Mark::Ok, None),
            "there is one way at most"
        );
        for (name, address, gateway, metric) in [
            ("a0", "192.0.2.2/24", "192.0.2.1", 1),
            ("b0", "198.51.100.2/24", "198.51.100.1", 2),
        ] {
            in_host(&host, &format!("ip link add {name} up type bridge"));
            in_host(&host, &format!("ip address add {address} dev {name}"));
            in_host(&host, &format!("ip route add default via {gateway} metric {metric}"));
        }
        let check = sources(&host, Lang::Ko);
        assert_eq!(told(&check), (Mark::Warn, Some("RPFILTER_DROP".into())));
        assert!(check.found.contains("a0, b0"), "{check:?}");
        sysctl::write(&host, &[("net/ipv4/conf/all/rp_filter", "2")]).unwrap();
        assert_eq!(told(&sources(&host, Lang::En)), (Mark::Ok, None));
    }
}
