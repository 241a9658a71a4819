//! Addresses that a link answers for, in a fresh namespace. Run as root.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use linux::Netns;
use linux::netlink::{Bridge, Proxy, Rtnl};

#[test]
fn a_link_answers_for_addresses_of_others() {
    let ns = Netns::anonymous().unwrap();
    let mut nl = Rtnl::open(&ns).unwrap();
    let links = ["one", "two"].map(|name| {
        nl.create_bridge(&Bridge {
            name,
            mac: None,
            mtu: None,
            multicast_snooping: false,
        })
        .unwrap();
        nl.link(name).unwrap().index
    });
    let proxies: BTreeSet<Proxy> = [
        (links[0], "10.9.0.9"),
        (links[0], "2001:db8::9"),
        (links[1], "2001:db8::9"),
    ]
    .map(|(link, address)| Proxy {
        link,
        address: address.parse().unwrap(),
    })
    .into();
    for proxy in &proxies {
        nl.add_proxy(*proxy).unwrap();
        nl.add_proxy(*proxy).unwrap();
    }
    let listed = |nl: &mut Rtnl| nl.proxies().unwrap().into_iter().collect::<BTreeSet<_>>();
    assert_eq!(listed(&mut nl), proxies);
    let neighbours = nl.neighbours().unwrap();
    let is_neighbour = |proxy: &Proxy| neighbours.iter().any(|entry| entry.address == proxy.address);
    assert!(!proxies.iter().any(is_neighbour), "nobody is sent to there");
    for proxy in &proxies {
        assert!(nl.delete_proxy(*proxy).unwrap());
        assert!(!nl.delete_proxy(*proxy).unwrap());
        assert!(!listed(&mut nl).contains(proxy));
    }
    assert_eq!(listed(&mut nl), BTreeSet::new());
}
