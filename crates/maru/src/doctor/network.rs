//! The host's own networks: ports, ranges, packet sizes.

use linux::Netns;
use linux::netlink::Rtnl;
use model::reach::Code;

use super::host::chain;
use super::{Check, traffic};
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
        Some(name) => {
            checks.push(Check::new("host-netns", Mark::Ok, lang.netns_is_host(name)));
            Netns::open(name)
        }
        None => Netns::current(),
    };
    match host {
        Ok(host) => {
            checks.push(ranges(settings, &host, lang));
            checks.extend(traffic::forwarding(settings, &host, lang));
            checks.push(traffic::firewall(&host, lang));
            checks.push(packet_size(settings, &host, lang));
            checks.push(traffic::connections(&host, lang));
            checks.push(traffic::sources(&host, lang));
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
            .cause(Code::OverlapWithHostNetwork)
            .fix("maru up --provider-cidr 172.24.8.0/24 --provider-gateway 172.24.8.1"),
        Err(error) => Check::new("provider-range", Mark::Unknown, chain(&error)),
    }
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
            .cause(Code::MtuTooSmall)
            .fix(format!("maru up --provider-mtu {mtu}")),
        Ok(Some((name, mtu))) => Check::new("mtu", Mark::Ok, lang.mtu_ok(wanted, name, mtu)),
        Ok(None) => Check::new("mtu", Mark::Ok, lang.mtu_no_uplink(wanted)),
        Err(error) => Check::new("mtu", Mark::Unknown, chain(&error)),
    }
}
