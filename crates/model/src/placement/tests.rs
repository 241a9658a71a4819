use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::tx::{SeededIds, Tx};
use crate::{Cloud, ErrorKind, Result, Timestamp};

/// A cloud with one host, changed by one rule at a time.
struct World {
    cloud: Cloud,
    ids: SeededIds,
    hosts: Vec<HostProvider>,
}

impl World {
    fn new() -> Self {
        Self {
            cloud: Cloud::default(),
            ids: SeededIds::new(1),
            hosts: vec![HostProvider {
                id: Uuid::from_u128(1),
                host: "host-1".into(),
            }],
        }
    }

    /// Keeps what the rule did unless it failed.
    fn run<T>(&mut self, rule: impl FnOnce(&mut Tx<'_>, &[HostProvider]) -> Result<T>) -> Result<T> {
        let mut tx = Tx::begin(self.cloud.clone(), Timestamp::EPOCH, &mut self.ids);
        let result = rule(&mut tx, &self.hosts)?;
        self.cloud = tx.finish().0;
        Ok(result)
    }

    fn provider(&mut self, name: &str, parent: Option<Uuid>) -> Uuid {
        let new = NewProvider {
            id: None,
            name: name.to_owned(),
            parent,
        };
        self.run(|tx, hosts| create_provider(tx, hosts, new)).unwrap().id
    }

    fn stock(&mut self, provider: Uuid, class: &str, inventory: Inventory) -> Result<u64> {
        self.run(|tx, hosts| set_inventory(tx, hosts, provider, None, class, Some(inventory), true))
            .map(|row| row.generation)
    }

    fn take(&mut self, consumer: u128, provider: Uuid, class: &str, amount: u64) -> Result<()> {
        self.run(|tx, hosts| allocate(tx, hosts, vec![change(consumer, provider, class, amount)]))
    }
}

fn units(total: u64) -> Inventory {
    Inventory {
        total,
        reserved: 0,
        min_unit: 1,
        max_unit: total,
        step_size: 1,
        allocation_ratio: 1.0,
    }
}

fn change(consumer: u128, provider: Uuid, class: &str, amount: u64) -> AllocationChange {
    let amounts = Amounts::from([(class.to_owned(), amount)]);
    AllocationChange {
        consumer: Uuid::from_u128(consumer),
        allocations: if amount == 0 {
            BTreeMap::new()
        } else {
            BTreeMap::from([(provider, amounts)])
        },
        project_id: "p".into(),
        user_id: "u".into(),
        kind: None,
        generation: None,
    }
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it was allowed"),
        Err(error) => error.kind,
    }
}

#[test]
fn names_of_ones_own_begin_with_custom_and_go_when_nobody_uses_them() {
    let mut world = World::new();
    assert!(world.run(|tx, _| create_class(tx, "CUSTOM_GOLD")).unwrap());
    assert!(!world.run(|tx, _| create_class(tx, "CUSTOM_GOLD")).unwrap());
    for bad in [
        "GOLD",
        "CUSTOM_",
        "CUSTOM_gold",
        "CUSTOM_GOLD ",
        &format!("CUSTOM_{}", "A".repeat(250)),
    ] {
        assert_eq!(
            kind(world.run(|tx, _| create_class(tx, bad))),
            ErrorKind::Invalid,
            "{bad}"
        );
        assert_eq!(
            kind(world.run(|tx, _| create_trait(tx, bad))),
            ErrorKind::Invalid,
            "{bad}"
        );
    }
    let provider = world.provider("mine", None);
    world.stock(provider, "CUSTOM_GOLD", units(3)).unwrap();
    assert_eq!(
        kind(world.run(|tx, _| delete_class(tx, "CUSTOM_GOLD"))),
        ErrorKind::Conflict
    );
    assert_eq!(kind(world.run(|tx, _| delete_class(tx, "VCPU"))), ErrorKind::Invalid);
    world
        .run(|tx, hosts| set_inventories(tx, hosts, provider, Some(1), BTreeMap::new(), true))
        .unwrap();
    world.run(|tx, _| delete_class(tx, "CUSTOM_GOLD")).unwrap();
    assert_eq!(
        kind(world.run(|tx, _| delete_class(tx, "CUSTOM_GOLD"))),
        ErrorKind::NotFound
    );

    world.run(|tx, _| create_trait(tx, "CUSTOM_FAST")).unwrap();
    let traits = BTreeSet::from(["CUSTOM_FAST".to_owned(), "HW_CPU_X86_AVX2".to_owned()]);
    world
        .run(|tx, hosts| set_traits(tx, hosts, provider, None, traits))
        .unwrap();
    assert_eq!(
        kind(world.run(|tx, _| delete_trait(tx, "CUSTOM_FAST"))),
        ErrorKind::Conflict
    );
    let unknown = BTreeSet::from(["CUSTOM_SLOW".to_owned()]);
    assert_eq!(
        kind(world.run(|tx, hosts| set_traits(tx, hosts, provider, None, unknown))),
        ErrorKind::Invalid
    );
}

#[test]
fn a_host_keeps_what_it_reports_and_takes_what_is_added() {
    let mut world = World::new();
    let host = world.hosts[0].id;
    world.run(|tx, _| create_class(tx, "CUSTOM_GOLD")).unwrap();
    assert_eq!(kind(world.stock(host, "VCPU", units(9))), ErrorKind::Conflict);
    assert_eq!(world.stock(host, "CUSTOM_GOLD", units(9)), Ok(1));
    world.take(7, host, "CUSTOM_GOLD", 4).unwrap();
    assert_eq!(kind(world.take(8, host, "VCPU", 1)), ErrorKind::Conflict);
    assert_eq!(
        kind(world.run(|tx, hosts| delete_provider(tx, hosts, host))),
        ErrorKind::Conflict
    );
    let renamed = world.run(|tx, hosts| update_provider(tx, hosts, host, "other", None, true));
    assert_eq!(kind(renamed), ErrorKind::Invalid);
    let taken = NewProvider {
        id: None,
        name: "host-1".into(),
        parent: None,
    };
    assert_eq!(
        kind(world.run(|tx, hosts| create_provider(tx, hosts, taken))),
        ErrorKind::Conflict
    );
}

#[test]
fn trees_have_no_loops_and_go_from_the_leaves() {
    let mut world = World::new();
    let root = world.provider("root", None);
    let leaf = world.provider("leaf", Some(root));
    let loops = world.run(|tx, hosts| update_provider(tx, hosts, root, "root", Some(Some(leaf)), true));
    assert_eq!(kind(loops), ErrorKind::Invalid);
    assert_eq!(
        kind(world.run(|tx, hosts| delete_provider(tx, hosts, root))),
        ErrorKind::Conflict
    );
    let moved = world.run(|tx, hosts| update_provider(tx, hosts, leaf, "leaf", Some(None), false));
    assert_eq!(kind(moved), ErrorKind::Invalid);
    world
        .run(|tx, hosts| update_provider(tx, hosts, leaf, "leaf", Some(None), true))
        .unwrap();
    world.run(|tx, hosts| delete_provider(tx, hosts, root)).unwrap();
    world.run(|tx, hosts| delete_provider(tx, hosts, leaf)).unwrap();
    assert!(world.cloud.resource_providers.is_empty());
}

#[test]
fn who_saw_another_generation_is_told() {
    let mut world = World::new();
    let provider = world.provider("mine", None);
    let stale = world
        .run(|tx, hosts| set_aggregates(tx, hosts, provider, Some(1), BTreeSet::new()))
        .unwrap_err();
    assert_eq!(
        (stale.kind, stale.code),
        (ErrorKind::Conflict, "placement.concurrent_update")
    );
    world.stock(provider, "VGPU", units(2)).unwrap();
    let mut first = change(5, provider, "VGPU", 1);
    first.generation = Some(Some(1));
    let stale = world
        .run(|tx, hosts| allocate(tx, hosts, vec![first.clone()]))
        .unwrap_err();
    assert_eq!(stale.code, "placement.concurrent_update");
    first.generation = Some(None);
    world.run(|tx, hosts| allocate(tx, hosts, vec![first.clone()])).unwrap();
    assert!(world.run(|tx, hosts| allocate(tx, hosts, vec![first])).is_err());
}

#[test]
fn one_request_may_hand_over_what_another_had_or_changes_nothing() {
    let mut world = World::new();
    let provider = world.provider("mine", None);
    world.stock(provider, "VGPU", units(2)).unwrap();
    world.take(1, provider, "VGPU", 2).unwrap();
    let hand_over = vec![change(2, provider, "VGPU", 2), change(1, provider, "VGPU", 0)];
    world.run(|tx, hosts| allocate(tx, hosts, hand_over)).unwrap();
    assert_eq!(used(&world.cloud, provider, None)["VGPU"], 2);
    let too_much = vec![change(2, provider, "VGPU", 0), change(3, provider, "VGPU", 3)];
    assert_eq!(
        kind(world.run(|tx, hosts| allocate(tx, hosts, too_much))),
        ErrorKind::Conflict
    );
    assert!(world.cloud.placement_consumers.get(&Uuid::from_u128(2)).is_some());
    world.run(|tx, _| release(tx, Uuid::from_u128(2))).unwrap();
    assert_eq!(
        kind(world.run(|tx, _| release(tx, Uuid::from_u128(2)))),
        ErrorKind::NotFound
    );
    world.run(|tx, hosts| delete_provider(tx, hosts, provider)).unwrap();
}

proptest! {
    /// However many try, no more is given than there is, in whole steps.
    #[test]
    fn no_more_is_given_than_there_is(
        total in 1u64..60, reserved in 0u64..60, step in 1u64..4, ratio in prop::sample::select(vec![0.5, 1.0, 1.5, 16.0]),
        asks in prop::collection::vec((1u128..9, 0u64..40), 1..20),
    ) {
        let mut world = World::new();
        let provider = world.provider("mine", None);
        let inventory = Inventory { total, reserved: reserved.min(total), min_unit: 1, max_unit: total, step_size: step, allocation_ratio: ratio };
        world.stock(provider, "VGPU", inventory).unwrap();
        for (consumer, amount) in asks {
            let before = used(&world.cloud, provider, Some(Uuid::from_u128(consumer))).get("VGPU").copied().unwrap_or(0);
            let fits = amount == 0 || inventory.has_room(amount, before);
            prop_assert_eq!(world.take(consumer, provider, "VGPU", amount).is_ok(), fits);
            let taken = used(&world.cloud, provider, None).get("VGPU").copied().unwrap_or(0);
            prop_assert!(taken <= inventory.capacity() && taken % step == 0);
        }
    }
}
