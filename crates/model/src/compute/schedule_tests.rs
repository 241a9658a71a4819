use super::*;

fn host(name: &str, vcpus: u64, memory_mib: u64, disk_gib: u64) -> Candidate {
    Candidate {
        host: name.into(),
        zone: "nova".to_owned(),
        is_up: true,
        vcpus,
        memory_mib,
        disk_gib,
        disk_free_gib: disk_gib,
        taken: Claim::default(),
    }
}

fn asks(vcpus: u64, memory_mib: u64, disk_gib: u64) -> Request {
    Request {
        claim: Claim {
            vcpus,
            memory_mib,
            disk_gib,
        },
        ..Request::default()
    }
}

/// Nothing kept back, nothing over-committed.
const EXACT: Policy = Policy {
    cpu_ratio_percent: 100,
    ram_ratio_percent: 100,
    disk_ratio_percent: 100,
    reserved_memory_mib: 0,
};

#[test]
fn the_host_with_most_room_is_taken_and_names_break_ties() {
    let hosts = [
        host("b", 4, 4096, 100),
        host("a", 4, 4096, 100),
        host("c", 4, 2048, 900),
    ];
    assert_eq!(choose(&hosts, &EXACT, &asks(1, 512, 10)).unwrap().as_str(), "a");
    let hosts = [host("a", 4, 4096, 100), host("b", 4, 8192, 100)];
    assert_eq!(choose(&hosts, &EXACT, &asks(1, 512, 10)).unwrap().as_str(), "b");
}

#[test]
fn every_lack_is_told_for_every_host() {
    let mut full = host("full", 4, 4096, 100);
    full.taken = Claim {
        vcpus: 3,
        memory_mib: 4000,
        disk_gib: 86,
    };
    let mut away = host("away", 64, 65_536, 1000);
    away.zone = "moon".to_owned();
    let mut down = host("down", 64, 65_536, 1000);
    down.is_up = false;
    let request = Request {
        zone: Some("nova".to_owned()),
        ..asks(2, 128, 20)
    };
    let none = choose(&[full, away, down], &EXACT, &request).unwrap_err();
    assert_eq!(
        none.details(),
        "full: VCPUs: 2 asked, 1 free; memory: 128 MB asked, 96 MB free; disk: 20 GB asked, 14 GB free\n\
         away: availability zone: 'nova' asked, the host is in 'moon'\n\
         down: the host does not report"
    );
    assert!(none.message().starts_with("No valid host was found. "));
    assert!(!none.message().contains("full"), "{}", none.message());
    assert_eq!(NoValidHost { hosts: Vec::new() }.details(), "No host reports yet.");
}

#[test]
fn ratios_over_commit_and_never_beyond_one_server_s_share() {
    let policy = Policy::default();
    let hosts = [host("a", 2, 1536, 10)];
    let fits = |request: Request| choose(&hosts, &policy, &request).is_ok();
    assert!(fits(asks(2, 1536, 10)), "(1536 - 512) * 1.5");
    assert!(!fits(asks(2, 1537, 10)));
    assert!(!fits(asks(3, 64, 1)), "three virtual CPUs can't run at once on two");
    let mut busy = host("a", 2, 65_536, 10);
    busy.taken.vcpus = 31;
    assert!(
        choose(std::slice::from_ref(&busy), &policy, &asks(1, 64, 1)).is_ok(),
        "2 * 16"
    );
    assert!(choose(&[busy], &policy, &asks(2, 64, 1)).is_err());
}

#[test]
fn a_disk_that_others_filled_counts() {
    let mut filled = host("a", 2, 4096, 100);
    filled.disk_free_gib = 14;
    let none = choose(&[filled], &EXACT, &asks(1, 64, 20)).unwrap_err();
    assert_eq!(none.details(), "a: disk: 20 GB asked, 14 GB free");
}

#[test]
fn places_asked_for_are_kept_to() {
    let hosts = [host("a", 4, 4096, 100), host("b", 4, 8192, 100)];
    let named = Request {
        host: Some("a".into()),
        ..asks(1, 64, 1)
    };
    assert_eq!(choose(&hosts, &EXACT, &named).unwrap().as_str(), "a");
    let same = Request {
        same_hosts: Some(vec!["a".into()]),
        ..asks(1, 64, 1)
    };
    assert_eq!(choose(&hosts, &EXACT, &same).unwrap().as_str(), "a");
    let different = Request {
        different_hosts: vec!["b".into()],
        ..asks(1, 64, 1)
    };
    assert_eq!(choose(&hosts, &EXACT, &different).unwrap().as_str(), "a");
    let avoided = Request {
        avoided_hosts: vec!["b".into()],
        ..asks(1, 64, 1)
    };
    assert_eq!(choose(&hosts, &EXACT, &avoided).unwrap().as_str(), "a");
    let nowhere = Request {
        same_hosts: Some(Vec::new()),
        ..asks(1, 64, 1)
    };
    let none = choose(&hosts, &EXACT, &nowhere).unwrap_err();
    assert_eq!(none.hosts.len(), 2);
}

#[test]
fn a_flavor_without_a_root_disk_takes_its_image_s_size() {
    let flavor = ServerFlavor {
        id: "1".into(),
        name: "f".to_owned(),
        vcpus: 1,
        memory_mib: 64,
        root_gib: 0,
        ephemeral_gib: 2,
        swap_mib: 1025,
        extra_specs: Default::default(),
    };
    assert_eq!(Claim::of_flavor(&flavor, (3 << 30) + 1).disk_gib, 4 + 2 + 2);
}

proptest::proptest! {
    /// However servers come, no host ever holds more than its policy allows.
    #[test]
    fn no_host_is_given_more_than_it_has(sizes in proptest::collection::vec((1u64..4, 64u64..4096, 0u64..40), 1..60)) {
        let policy = Policy::default();
        let mut hosts = vec![host("a", 4, 8192, 100), host("b", 2, 4096, 200)];
        for (vcpus, memory, disk) in sizes {
            let request = asks(vcpus, memory, disk);
            match choose(&hosts, &policy, &request) {
                Ok(chosen) => {
                    let taken = hosts.iter_mut().find(|host| host.host == chosen).unwrap();
                    taken.taken = taken.taken.plus(request.claim);
                }
                Err(none) => {
                    // Every host says why, and the reason is true.
                    proptest::prop_assert_eq!(none.hosts.len(), hosts.len());
                    proptest::prop_assert!(none.hosts.iter().all(|(_, missing)| !missing.is_empty()));
                }
            }
        }
        for host in &hosts {
            proptest::prop_assert!(host.taken.vcpus <= host.vcpus * 16);
            proptest::prop_assert!(host.taken.memory_mib <= (host.memory_mib - 512) * 3 / 2);
            proptest::prop_assert!(host.taken.disk_gib <= host.disk_gib);
        }
    }
}
