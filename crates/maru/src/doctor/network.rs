//! The host's own networks: ports, ranges, forwarding, firewalls, packet sizes.

use linux::netlink::Rtnl;
use linux::nft::Nft;
use linux::{Netns, sysctl};

use super::Check;
use super::host::chain;
use crate::host_network::{overlaps, provider_ranges};
use crate::lang::Lang;
use crate::output::Mark;
use crate::settings::Settings;
use crate::state_dir::StateDir;

pub(super) fn checks(settings: &Settings, lang: Lang) -> Vec<Check> {
    let mut checks = vec![listen(settings, lang)];
    let host = match settings.host_netns() {
        Some(name) if !Netns::exists(name) => {
            checks.push(Check::new("host-netns", Mark::Ok, lang.netns_will_be_made(name)));
            return checks;
        }
        Some(name) => Netns::open(name),
        None => Netns::current(),
    };
    match host {
        Ok(host) => {
            checks.push(ranges(settings, &host, lang));
            checks.push(forwarding(settings, &host, lang));
            checks.push(firewall(&host, lang));
            checks.push(packet_size(settings, &host, lang));
        }
        Err(error) => checks.push(Check::new("host-netns", Mark::Fail, chain(&error)).fix("ip netns list")),
    }
    checks
}

fn listen(settings: &Settings, lang: Lang) -> Check {
    let address = settings.listen;
    let state = StateDir::new(&settings.state_dir);
    if let Ok(Some(pid)) = state.running_pid() {
        return Check::new("listen", Mark::Ok, lang.cloud_runs_already(pid));
    }
    match std::net::TcpListener::bind(address) {
        Ok(_) => Check::new("listen", Mark::Ok, lang.port_free(address)),
        Err(error) => Check::new("listen", Mark::Fail, lang.port_taken(address, error)).fix(format!(
            "ss -ltnp 'sport = :{}'; maru up --listen ADDR:PORT",
            address.port()
        )),
    }
}

fn ranges(settings: &Settings, host: &Netns, lang: Lang) -> Check {
    let owner = StateDir::new(&settings.state_dir).cloud_id().unwrap_or_default();
    let ranges = provider_ranges(settings);
    let listed = ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match overlaps(host, &owner, &ranges) {
        Ok(found) if found.is_empty() => Check::new("provider-range", Mark::Ok, lang.ranges_free(listed)),
        Ok(found) => Check::new("provider-range", Mark::Fail, lang.ranges_overlap(found.join("; ")))
            .fix("maru up --provider-cidr 172.24.8.0/24 --provider-gateway 172.24.8.1"),
        Err(error) => Check::new("provider-range", Mark::Unknown, chain(&error)),
    }
}

/// Without forwarding servers reach the host and each other, but nothing beyond.
fn forwarding(settings: &Settings, host: &Netns, lang: Lang) -> Check {
    match sysctl::read(host, "net/ipv4/ip_forward") {
        Ok(value) if value.trim() == "1" => Check::new("ip-forward", Mark::Ok, lang.forwarding_on()),
        Ok(_) => Check::new("ip-forward", Mark::Warn, lang.forwarding_off()).fix(format!(
            "sysctl net.ipv4.ip_forward=1; nft 'table ip maru_nat {{ chain c {{ type nat hook postrouting priority srcnat; ip saddr \
             {} oifname != \"br-ex\" masquerade; }}; }}'",
            settings.provider_cidr
        )),
        Err(error) => Check::new("ip-forward", Mark::Unknown, chain(&error)),
    }
}

/// Chains of others that drop what passes through the host.
fn firewall(host: &Netns, lang: Lang) -> Check {
    let rules = match Nft::open(host).and_then(|nft| nft.list()) {
        Ok(rules) => rules,
        Err(error) => return Check::new("firewall", Mark::Unknown, chain(&error)),
    };
    let dropping = dropping_chains(&rules);
    let Some((family, table, name)) = dropping.first() else {
        return Check::new("firewall", Mark::Ok, lang.firewall_ok());
    };
    let is_docker = rules.contains("DOCKER-USER");
    let fix = if is_docker {
        "iptables -I DOCKER-USER -i br-ex -j ACCEPT; iptables -I DOCKER-USER -o br-ex -j ACCEPT".to_owned()
    } else {
        format!(
            "nft insert rule {family} {table} {name} iifname br-ex accept; nft insert rule {family} {table} {name} oifname br-ex \
             accept"
        )
    };
    let listed: Vec<String> = dropping
        .iter()
        .map(|(family, table, name)| format!("{family} {table} {name}"))
        .collect();
    Check::new("firewall", Mark::Warn, lang.firewall_drops(listed.join(", "))).fix(fix)
}

/// Base chains that hook `forward` with policy drop, as (family, table, chain).
fn dropping_chains(rules: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let (mut table, mut chain) = ((String::new(), String::new()), String::new());
    for line in rules.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", family, name, "{"] => table = ((*family).to_owned(), (*name).to_owned()),
            ["chain", name, "{"] => chain = (*name).to_owned(),
            ["type", "filter", "hook", "forward", ..] if line.contains("policy drop") => {
                found.push((table.0.clone(), table.1.clone(), chain.clone()));
            }
            _ => {}
        }
    }
    found
}

/// A provider network with larger packets than the way out loses them silently.
fn packet_size(settings: &Settings, host: &Netns, lang: Lang) -> Check {
    let uplink = || -> linux::Result<Option<(String, u32)>> {
        let mut netlink = Rtnl::open(host)?;
        let routes = netlink.routes()?;
        let default = routes
            .iter()
            .find(|route| route.destination.prefix_len() == 0 && route.gateway.is_some());
        let Some(index) = default.and_then(|route| route.link) else {
            return Ok(None);
        };
        let links = netlink.links()?;
        let link = links.iter().find(|link| link.index == index);
        Ok(link.map(|link| (link.name.clone(), link.mtu)))
    };
    let wanted = settings.provider_mtu;
    match uplink() {
        Ok(Some((name, mtu))) if mtu < wanted => Check::new("mtu", Mark::Warn, lang.mtu_too_large(wanted, name, mtu))
            .fix(format!("maru up --provider-mtu {mtu}")),
        Ok(Some((name, mtu))) => Check::new("mtu", Mark::Ok, lang.mtu_ok(wanted, name, mtu)),
        Ok(None) => Check::new("mtu", Mark::Ok, lang.mtu_no_uplink(wanted)),
        Err(error) => Check::new("mtu", Mark::Unknown, chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_that_drop_what_is_forwarded() {
        let rules = "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n\n\
                     \tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t\tcounter jump DOCKER-USER\n\t}\n}\n\
                     table inet other {\n\tchain pass {\n\t\ttype filter hook forward priority 0; policy accept;\n\t}\n}\n";
        let expected = ("ip".to_owned(), "filter".to_owned(), "FORWARD".to_owned());
        assert_eq!(dropping_chains(rules), [expected]);
        assert!(dropping_chains("").is_empty());
    }
}
