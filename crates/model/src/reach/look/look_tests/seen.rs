//! What was seen without sending anything, and what probes met.

use super::*;

fn sign(kind: SignKind) -> ConsoleSign {
    ConsoleSign {
        kind,
        line: "a line".into(),
    }
}

#[test]
fn consoles_and_records_of_services_tell_of_the_guest() {
    let it = Reached::new();
    let by_console = |protocol, kinds: &[SignKind]| {
        let mut observed = Observed::default();
        observed
            .consoles
            .insert(it.server, kinds.iter().map(|kind| sign(*kind)).collect());
        codes(&it.seen(protocol, &observed))
    };
    use SignKind as S;
    let ssh = Protocol::Tcp(22);
    let none: &[&str] = &[];
    assert_eq!(by_console(ssh, &[S::KernelStarted]), ["GUEST_STILL_BOOTING"]);
    assert_eq!(by_console(ssh, &[S::KernelStarted, S::KernelPanic]), ["KERNEL_PANIC"]);
    assert_eq!(by_console(ssh, &[S::NoBootDisk]), ["NO_BOOT_DISK"]);
    assert_eq!(by_console(ssh, &[S::KernelStarted, S::DhcpFailed]), ["DHCP_NO_LEASE"]);
    assert_eq!(by_console(ssh, &[S::KernelStarted, S::DhcpFailed, S::DhcpLease]), none);
    assert_eq!(
        by_console(ssh, &[S::DhcpLease, S::MetadataFailed]),
        ["METADATA_NOT_FETCHED"]
    );
    assert_eq!(
        by_console(ssh, &[S::DhcpLease, S::NoAuthorizedKey]),
        ["KEY_NOT_DELIVERED"]
    );
    assert_eq!(by_console(Protocol::Icmp, &[S::DhcpLease, S::NoAuthorizedKey]), none);
    assert_eq!(by_console(ssh, &[S::KernelStarted, S::LoginPrompt]), none);

    let by_records = |records: GuestRecords| {
        let mut observed = Observed::default();
        observed.guests.insert(it.port, records);
        codes(&it.seen(ssh, &observed))
    };
    let dhcp = |steps: &[DhcpStep]| GuestRecords {
        dhcp: steps
            .iter()
            .map(|step| DhcpExchange {
                at: Timestamp::EPOCH,
                step: *step,
                xid: 1,
                address: None,
            })
            .collect(),
        ..GuestRecords::default()
    };
    use DhcpStep as D;
    assert_eq!(by_records(dhcp(&[D::Discover, D::Offer])), ["DHCP_NO_LEASE"]);
    assert_eq!(by_records(dhcp(&[D::Discover, D::Offer, D::Request, D::Ack])), none);
    assert_eq!(by_records(dhcp(&[D::Request, D::Nak])), ["WRONG_ADDRESS_IN_GUEST"]);
    assert_eq!(by_records(dhcp(&[D::Dhcpv6Query])), none, "of the other IP version");
    let keys = GuestKeys {
        at: Timestamp::EPOCH,
        names: Vec::new(),
    };
    let without_keys = GuestRecords {
        keys: Some(keys),
        ..GuestRecords::default()
    };
    assert_eq!(by_records(without_keys), ["KEY_NOT_DELIVERED"]);
    // It was fetched, whatever the console said before.
    let mut observed = Observed::default();
    observed.consoles.insert(it.server, vec![sign(S::MetadataFailed)]);
    let request = MetadataRequest {
        at: Timestamp::EPOCH,
        request: "GET /".into(),
        status: 200,
    };
    let fetched = GuestRecords {
        metadata: vec![request],
        ..GuestRecords::default()
    };
    observed.guests.insert(it.port, fetched);
    assert_eq!(codes(&it.seen(ssh, &observed)), none);
}

#[test]
fn neighbours_flows_and_counters_tell_of_the_links() {
    let it = Reached::new();
    let fixed = std::net::IpAddr::V4(it.config.routers[&it.router].floating_ips[0].fixed);
    let neighbour = |mac: Option<&str>, state| NeighbourSeen {
        place: HostPlace::Router(it.router),
        device: "qr-1".into(),
        address: fixed,
        mac: mac.map(|mac| mac.parse().unwrap()),
        state,
    };
    let with = |entry: NeighbourSeen| {
        let mut observed = Observed::default();
        observed.neighbours.insert(entry);
        it.seen(Protocol::Icmp, &observed)
    };
    let failed = with(neighbour(None, NeighbourState::Failed));
    assert_eq!(
        (codes(&failed), failed.outcome),
        (vec!["NEIGHBOUR_FAILED".to_owned()], Outcome::Uncertain)
    );
    assert_eq!(
        codes(&with(neighbour(Some("02:00:00:00:00:99"), NeighbourState::Reachable))),
        ["ADDRESS_TAKEN"]
    );
    let own = it.config.networks[&it.network].ports[&it.port].mac.to_string();
    let well = with(neighbour(Some(&own), NeighbourState::Stale));
    assert_eq!(codes(&well), Vec::<String>::new());
    assert!(well.request.iter().any(|layers| layers.observed == Layer::Agrees));

    let mut observed = Observed::default();
    observed.bridge_entries.insert(FdbSeen {
        network: it.network,
        port: it.port,
        device: "tap9".into(),
        is_own: false,
        by_hand: false,
    });
    assert_eq!(codes(&it.seen(Protocol::Icmp, &observed)), ["BRIDGE_FDB_WRONG"]);

    let mut observed = Observed::default();
    let full = TableFill { entries: 64, limit: 64 };
    observed.flow_tables.push((HostPlace::Router(it.router), full));
    assert_eq!(codes(&it.seen(Protocol::Icmp, &observed)), ["CONNTRACK_FULL"]);

    let traffic = |packets| Traffic {
        packets,
        ..Traffic::default()
    };
    let counted = |sent| {
        let mut observed = Observed::default();
        observed.devices.push(DeviceFigures {
            device: it.tap(),
            figures: NicFigures {
                received: traffic(9),
                sent: traffic(sent),
            },
        });
        codes(&it.seen(Protocol::Icmp, &observed))
    };
    assert_eq!(counted(0), ["GUEST_SILENT"]);
    assert_eq!(counted(1), Vec::<String>::new());

    let floating = std::net::IpAddr::V4(it.config.routers[&it.router].floating_ips[0].floating);
    let somebody: std::net::IpAddr = "203.0.113.10".parse().unwrap();
    let mut observed = Observed::default();
    observed.flows.insert(FlowSeen {
        place: HostPlace::Router(it.router),
        protocol: 6,
        source: (somebody, Some(50_000)),
        destination: (floating, Some(22)),
        answered_by: (fixed, Some(22)),
        answered_to: (somebody, Some(50_000)),
        answered: true,
        assured: true,
        cut: false,
    });
    let looked = it.seen(Protocol::Tcp(22), &observed);
    assert!(looked.request.iter().any(|layers| layers.observed == Layer::Agrees));
}

#[test]
fn verdicts_of_probes_are_causes() {
    let it = Reached::new();
    let by: std::net::IpAddr = "172.24.4.9".parse().unwrap();
    let (place, port) = (ProbePlace::Network(it.network), it.port);
    let point = |table: &str| ChainPoint {
        family: "inet".into(),
        table: table.into(),
        chain: "forward".into(),
        rule: None,
    };
    let lost = |loss| ProbeVerdict::LostAt {
        way: Side::Request,
        place,
        loss,
        port: None,
    };
    let no_neighbour = |delivered| ProbeVerdict::NoNeighbour {
        place: ProbePlace::Router(it.router),
        address: by,
        delivered,
    };
    let cases = [
        (
            ProbeVerdict::Refused {
                by,
                how: Refusal::Reset,
            },
            "PORT_CLOSED",
        ),
        (ProbeVerdict::AnsweredElsewhere { by, place }, "ADDRESS_TAKEN"),
        (ProbeVerdict::Unreachable { by, kind: 3, code: 1 }, "UNREACHABLE_ON_WAY"),
        (no_neighbour(Some(true)), "ARP_UNANSWERED"),
        (no_neighbour(Some(false)), "NEIGHBOUR_FAILED"),
        (no_neighbour(None), "NEIGHBOUR_FAILED"),
        (ProbeVerdict::SilentAfterDelivery { port }, "GUEST_FIREWALL"),
        (lost(Loss::Dropped(point("dp"))), "LOST_ON_HOST"),
        (lost(Loss::Dropped(point("docker"))), "HOST_FIREWALL"),
        (lost(Loss::NeverSeen), "LOST_ON_HOST"),
        (lost(Loss::AfterDevice), "LOST_ON_HOST"),
        (ProbeVerdict::NotSent("no route".into()), "LOST_ON_HOST"),
    ];
    for (verdict, code) in cases {
        let looked = it.probed(verdict.clone());
        assert_eq!(
            (codes(&looked), looked.outcome),
            (vec![code.to_owned()], Outcome::Blocked),
            "{verdict:?}"
        );
    }
    let looked = it.probed(ProbeVerdict::Answered { rtt_us: 5 });
    assert_eq!((looked.blockers.len(), looked.outcome), (0, Outcome::Reachable));
    assert!(
        looked
            .request
            .iter()
            .chain(&looked.reply)
            .all(|layers| layers.observed == Layer::Agrees)
    );
}

#[test]
fn a_probe_goes_the_way_of_the_question() {
    let it = Reached::new();
    let question = it.story.outside(Protocol::Tcp(22));
    let request = probe_request(
        &it.story.rules.cloud,
        &it.config,
        &question,
        &it.answer(Protocol::Tcp(22)),
    )
    .unwrap();
    let floating = &it.config.routers[&it.router].floating_ips[0];
    assert_eq!(
        (request.from, request.target),
        (ProbePlace::Host, floating.floating.into())
    );
    let places = [
        ProbePlace::Host,
        ProbePlace::Router(it.router),
        ProbePlace::Network(it.network),
    ];
    assert_eq!(request.path, places);
    let delivery = request.delivery.unwrap();
    assert_eq!((delivery.port, delivery.address), (it.port, floating.fixed.into()));
    let other = it.story.ask(&it.story.outside(Protocol::Other(47)));
    assert!(probe_request(&it.story.rules.cloud, &it.config, &question, &other).is_none());
}
