//! The host's own networks, and whether the provider ranges get into their way.

use ipnet::IpNet;
use linux::Netns;
use linux::netlink::Rtnl;

use crate::settings::Settings;

/// The ranges that the cloud puts on `br-ex`.
pub fn provider_ranges(settings: &Settings) -> Vec<IpNet> {
    let v6 = settings.provider_cidr6.0.map(IpNet::V6);
    [IpNet::V4(settings.provider_cidr)].into_iter().chain(v6).collect()
}

/// Whether one of two ranges holds the other.
fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Routes and addresses of the host within the ranges, one sentence each. What hangs on a bridge that bears this cloud's
/// mark is its own; default routes hold everything and count for nothing.
pub fn overlaps(host: &Netns, owner: &str, ranges: &[IpNet]) -> linux::Result<Vec<String>> {
    let mut netlink = Rtnl::open(host)?;
    let links = netlink.links()?;
    let name = |index: u32| {
        links
            .iter()
            .find(|link| link.index == index)
            .map_or_else(|| format!("link {index}"), |link| link.name.clone())
    };
    let mark = mark(owner);
    let is_ours = |index: u32| {
        !owner.is_empty()
            && links
                .iter()
                .any(|link| link.index == index && link.alias.as_deref() == Some(&mark))
    };
    let mut found = Vec::new();
    for address in netlink.addresses()?.iter().filter(|address| !is_ours(address.link)) {
        for range in ranges.iter().filter(|range| overlap(range, &address.net.trunc())) {
            found.push(format!("{} has {} within {range}", name(address.link), address.net));
        }
    }
    for route in netlink.routes()?.iter().filter(|route| !route.by_kernel) {
        let Some(link) = route.link.filter(|link| !is_ours(*link)) else {
            continue;
        };
        if route.destination.prefix_len() == 0 {
            continue;
        }
        for range in ranges.iter().filter(|range| overlap(range, &route.destination)) {
            found.push(format!(
                "there is a route to {} by {} within {range}",
                route.destination,
                name(link)
            ));
        }
    }
    Ok(found)
}

/// What the cloud writes on namespaces and bridges that it made.
pub fn mark(owner: &str) -> String {
    format!("maru:{owner}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_overlap_when_one_holds_the_other() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        assert!(overlap(&net("172.24.4.0/24"), &net("172.16.0.0/12")));
        assert!(overlap(&net("172.24.4.0/24"), &net("172.24.4.128/25")));
        assert!(!overlap(&net("172.24.4.0/24"), &net("172.24.5.0/24")));
        assert!(!overlap(&net("2001:db8::/64"), &net("172.24.4.0/24")));
    }
}
