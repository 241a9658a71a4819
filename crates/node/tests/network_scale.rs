//! What changes cost on hosts of some size. Measures, so it is run by hand:
//! `cargo nextest run --release -p maru-node --run-ignored only -E 'binary(network_scale)' --no-capture`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod network_common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::host::*;
use model::{PortId, ServerId};
use network_common::*;

/// CPU time of this process so far, all threads.
#[allow(unsafe_code)]
fn cpu() -> Duration {
    // SAFETY: timespec is plain data, for which all zeros is valid; the pointer outlives the call.
    unsafe {
        let mut now: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut now);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    }
}

fn measure<T>(what: &str, times: u32, mut work: impl FnMut(u32) -> T) {
    let (wall, used) = (Instant::now(), cpu());
    for n in 0..times {
        work(n);
    }
    let ms = |d: Duration| d.as_secs_f64() * 1000.0 / f64::from(times);
    println!(
        "{what:60} {:8.2} ms wall {:8.2} ms CPU",
        ms(wall.elapsed()),
        ms(cpu() - used)
    );
}

fn add_servers(
    cloud: &mut Cloud,
    network: model::NetworkId,
    group: model::SecurityGroupId,
    numbers: std::ops::Range<u32>,
) {
    let subnets = cloud.config.networks[&network].subnets.clone();
    cloud.edit(network, |n| {
        for number in numbers {
            let id = PortId(fresh());
            let port = PortConfig {
                id,
                network_id: network,
                mac: fresh_mac(),
                fixed_ips: subnets
                    .iter()
                    .map(|s| FixedIpConfig {
                        subnet_id: s.id,
                        address: nth(s.cidr, number),
                    })
                    .collect(),
                binding: PortBinding::Server(ServerId(fresh())),
                admin_state_up: true,
                port_security: true,
                allowed_address_pairs: Vec::new(),
                security_groups: [group].into(),
                dns_name: None,
                extra_dhcp_opts: Vec::new(),
                qos: None,
            };
            n.ports.insert(id, Arc::new(port));
        }
    });
}

#[test]
#[ignore = "measures; run by hand"]
fn one_change_on_a_large_network() {
    for (size, cidrs) in [
        (10, &["10.0.0.0/16"][..]),
        (1000, &["10.0.0.0/16"]),
        (1000, &["10.0.0.0/16", "fd00:1::/64"]),
    ] {
        let mut cloud = Cloud::new();
        let network = cloud.network(cidrs);
        let rules = with(all_out(), [allow_in(ports(6, 22, 22))]);
        let group = cloud.group(network, rules.clone());
        println!("--- {size} ports, {cidrs:?}");
        add_servers(&mut cloud, network, group, 10..10 + size);
        measure("all ports at once", 1, |_| cloud.apply_anyhow());
        measure("a port", 20, |n| {
            add_servers(&mut cloud, network, group, 5000 + n..5001 + n);
            cloud.apply_anyhow();
        });
        measure("a rule added", 10, |n| {
            let port = 100 + n as u16;
            cloud.set_group(network, group, with(rules.clone(), [allow_in(ports(6, port, port))]));
            cloud.apply_anyhow();
        });
        measure("a port removed", 10, |_| {
            let id = *cloud.config.networks[&network].ports.keys().next().unwrap();
            cloud.edit(network, |n| n.ports.remove(&id));
            cloud.apply_anyhow();
        });
        measure("nothing changed", 20, |_| cloud.apply_anyhow());
        measure("an audit", 20, |_| assert_eq!(cloud.part.audit(), Vec::<String>::new()));
        measure("a restart", 1, |_| {
            cloud.restart();
            cloud.apply_anyhow();
        });
    }
}

#[test]
#[ignore = "measures; run by hand"]
fn many_networks() {
    let mut cloud = Cloud::new();
    let public = cloud.external("br-ex", &["172.24.0.1/16"]);
    let mut routers = Vec::new();
    for n in 0..500 {
        let network = cloud.network(&["10.0.0.0/24"]);
        let group = cloud.group(network, all_out());
        add_servers(&mut cloud, network, group, 10..11);
        if n % 10 == 0 {
            let address = format!("172.24.{}.10/16", n / 10 + 1);
            routers.push(cloud.router(&[network], Some((public, &[&address], &["172.24.0.1"]))));
        }
    }
    measure("500 networks with a port, 50 routers: made", 1, |_| {
        cloud.apply_anyhow()
    });
    measure("an audit of them", 10, |_| assert!(cloud.part.audit().is_empty()));
    measure("a restart", 1, |_| {
        cloud.restart();
        cloud.apply_anyhow();
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmRSS")).unwrap());
    measure("a floating IP associated", 20, |n| {
        let ip = FloatingIpConfig {
            id: model::FloatingIpId(fresh()),
            floating: format!("172.24.200.{}", n + 1).parse().unwrap(),
            fixed: format!("10.0.0.{}", n + 10).parse().unwrap(),
            port_id: PortId(fresh()),
        };
        cloud.edit_router(routers[0], |r| r.floating_ips.push(ip));
        cloud.apply_anyhow();
    });
    measure("a floating IP disassociated", 20, |_| {
        cloud.edit_router(routers[0], |r| {
            r.floating_ips.pop();
        });
        cloud.apply_anyhow();
    });
    measure("all removed", 1, |_| cloud.part.purge());
}
