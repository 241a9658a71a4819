//! Segments of networks, and those of before there were any.

use super::*;
use crate::network::segment::{self, SegmentSpec, of_network};
use crate::network::{Segment, subnet};

#[test]
fn networks_of_before_there_were_segments_get_theirs() {
    let mut world = World::new();
    let demo = member("demo");
    let networks: Vec<NetworkId> = (0..50)
        .map(|_| world.network(&demo, NetworkSpec::default()).id)
        .collect();
    let all: Vec<_> = world.cloud.segments.iter().map(|segment| segment.id).collect();
    assert_eq!(all.len(), 50);
    world
        .run(|tx| {
            all.iter().for_each(|id| drop(tx.delete::<Segment>(id)));
            Ok(())
        })
        .unwrap();
    assert!(world.run(|tx| Ok(segment::fill(tx))).unwrap(), "40 at a time");
    assert!(!world.run(|tx| Ok(segment::fill(tx))).unwrap());
    assert!(!world.run(|tx| Ok(segment::fill(tx))).unwrap());
    for id in networks {
        let own: Vec<_> = of_network(&world.cloud, id).collect();
        assert_eq!(own.len(), 1);
        assert_eq!(
            own[0].segmentation_id,
            world.cloud.networks.get(&id).unwrap().segmentation_id
        );
    }
}

#[test]
fn a_segment_in_use_stays_and_its_id_is_held() {
    let mut world = World::new();
    let admin = admin();
    let network = world.network(&member("demo"), NetworkSpec::default());
    let spec = SegmentSpec {
        network_type: "vxlan".to_owned(),
        segmentation_id: Some(9),
        ..SegmentSpec::default()
    };
    let more = world
        .run(|tx| segment::create(tx, &admin, network.id, spec.clone()))
        .unwrap();
    assert_eq!(
        world.fails(|tx| segment::create(tx, &admin, network.id, spec)),
        "TunnelIdInUse"
    );
    let inside = SubnetSpec {
        segment_id: Some(more.id),
        ..of("10.0.0.0/24")
    };
    let inside = world.run(|tx| subnet::create(tx, &admin, network.id, inside)).unwrap();
    assert_eq!(
        world.fails(|tx| subnet::create(tx, &admin, network.id, of("10.0.1.0/24"))),
        "SubnetsNotAllAssociatedWithSegments"
    );
    assert_eq!(world.fails(|tx| segment::delete(tx, &admin, more.id)), "SegmentInUse");
    world.run(|tx| subnet::delete(tx, &admin, inside.id)).unwrap();
    world.run(|tx| segment::delete(tx, &admin, more.id)).unwrap();
    assert_eq!(of_network(&world.cloud, network.id).count(), 1);
}
