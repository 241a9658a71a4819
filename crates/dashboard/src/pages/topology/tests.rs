//! Whatever a project has: nothing lies on anything else, equal pictures are equal, and something new moves little.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use model::FloatingIpId;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use uuid::Uuid;

use super::graph::{Graph, Hue, Kind, Leads, Node};
use super::picture::{MARGIN, NORMAL, Picture, Rect, SMALL, Sizes};
use super::{Shown, columns, layout};
use crate::ui::Mood;

/// A project, told by numbers.
#[derive(Debug, Clone, Default)]
struct Project {
    externals: usize,
    networks: usize,
    /// Gateway and networks of each router.
    routers: Vec<(Option<usize>, BTreeSet<usize>)>,
    /// Loose floating IPs, by their network.
    addresses: Vec<usize>,
    /// Networks of each server (provider networks come after the others), and whether it has a floating IP.
    servers: Vec<(BTreeSet<usize>, bool)>,
}

impl Project {
    fn graph(&self) -> Graph {
        let mut graph = Graph::default();
        let node = |kind: Kind, key: String| Node {
            name: key.clone(),
            key,
            kind,
            mood: Mood::Good,
            state: String::new(),
            lines: vec!["10.0.0.0/24".to_owned()],
            floating: Vec::new(),
            hue: Hue::Plain,
            leads_to: Leads::Card,
        };
        for number in 0..self.externals {
            graph.add(node(Kind::External, format!("external-{number}")));
        }
        for number in 0..self.networks {
            graph.add(node(Kind::Network, format!("network-{number}")));
        }
        let inner = |number: usize| self.externals + number % self.networks.max(1);
        for (number, (gateway, networks)) in self.routers.iter().enumerate() {
            let router = graph.add(node(Kind::Router, format!("router-{number}")));
            if let Some(gateway) = gateway.filter(|_| self.externals > 0) {
                graph.link(gateway % self.externals, router, "203.0.113.2");
            }
            let networks: BTreeSet<usize> = networks
                .iter()
                .filter(|_| self.networks > 0)
                .map(|network| inner(*network))
                .collect();
            networks
                .into_iter()
                .for_each(|network| graph.link(network, router, "10.0.0.1"));
        }
        for (number, network) in self.addresses.iter().filter(|_| self.externals > 0).enumerate() {
            let address = graph.add(node(Kind::Address, format!("address-{number}")));
            graph.link(network % self.externals, address, "");
        }
        let all = self.externals + self.networks;
        for (number, (networks, has_floating)) in self.servers.iter().enumerate() {
            let mut server = node(Kind::Server, format!("server-{number}"));
            if *has_floating {
                server
                    .floating
                    .push((FloatingIpId(Uuid::nil()), "203.0.113.5".to_owned()));
            }
            let server = graph.add(server);
            let networks: Vec<usize> = networks
                .iter()
                .filter(|_| all > 0)
                .map(|network| network % all)
                .collect();
            let mut plugged = BTreeSet::new();
            for network in networks {
                if plugged.insert(network) {
                    graph.link((network + self.externals) % all, server, "10.0.0.5");
                }
            }
        }
        graph
    }
}

fn project() -> impl Strategy<Value = Project> {
    let routers = vec((proptest::option::of(0..3_usize), btree_set(0..20_usize, 0..5)), 0..10);
    let servers = vec((btree_set(0..24_usize, 0..4), any::<bool>()), 0..160);
    (0..3_usize, 0..24_usize, routers, vec(0..3_usize, 0..5), servers).prop_map(
        |(externals, networks, routers, addresses, servers)| Project {
            externals,
            networks,
            routers,
            addresses,
            servers,
        },
    )
}

fn overlap(one: Rect, other: Rect) -> bool {
    one.x < other.right() && other.x < one.right() && one.y < other.bottom() && other.y < one.bottom()
}

fn check(graph: &Graph, picture: &Picture) -> Result<(), TestCaseError> {
    for (index, place) in picture.places.iter().enumerate() {
        prop_assert!(place.w > 0 && place.h > 0, "{} has no place", graph.nodes[index].key);
        prop_assert!(
            place.x >= MARGIN && place.y >= MARGIN,
            "{} is outside",
            graph.nodes[index].key
        );
        prop_assert!(place.right() <= picture.width && place.bottom() <= picture.height);
        for (other, other_place) in picture.places.iter().enumerate().skip(index + 1) {
            let (one, other) = (&graph.nodes[index].key, &graph.nodes[other].key);
            prop_assert!(
                !overlap(*place, *other_place),
                "{one} at {place:?} lies on {other} at {other_place:?}"
            );
        }
    }
    let drawn: BTreeSet<usize> = picture.lines.iter().map(|line| line.link).collect();
    prop_assert_eq!(drawn.len(), graph.links.len(), "each link has a line");
    prop_assert_eq!(picture.lines.len(), graph.links.len(), "and one only");
    Ok(())
}

fn in_columns(graph: &Graph, sizes: &Sizes) -> Picture {
    columns::lay(graph, sizes, |_| 240)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_lies_on_anything_else(project in project()) {
        let graph = project.graph();
        for sizes in [&NORMAL, &SMALL] {
            for lay in [layout::lay, in_columns] {
                let picture = lay(&graph, sizes);
                check(&graph, &picture)?;
                prop_assert_eq!(&picture, &lay(&graph, sizes));
            }
        }
    }

    #[test]
    fn lines_in_columns_cross_no_device(project in project()) {
        let graph = project.graph();
        let picture = in_columns(&graph, &NORMAL);
        for line in &picture.lines {
            let numbers: Vec<i32> = line.path[1..].split(['L', 'M', ' ']).map(|number| number.parse().unwrap()).collect();
            let ([from, y, ..], [.., to, end]) = (&numbers[..], &numbers[..]) else { panic!("{} is no line", line.path) };
            let (from, y, to) = (*from, *y, *to);
            prop_assert!(numbers.chunks(2).all(|point| point[1] == *end), "{} is not straight", line.path);
            prop_assert_eq!(line.joint, Some((to, y)));
            // Beside each bar that it only passes there is a gap, and where it is drawn there is no other bar.
            for stretch in numbers.chunks(4) {
                let (left, right) = (stretch[0].min(stretch[2]), stretch[0].max(stretch[2]));
                let bars = graph.nodes.iter().zip(&picture.places).filter(|(node, _)| node.kind.is_network());
                for (node, bar) in bars {
                    prop_assert!(right <= bar.x || bar.right() <= left, "the line {} lies on {}", line.path, node.key);
                }
            }
            for (node, place) in graph.nodes.iter().zip(&picture.places).filter(|(node, _)| !node.kind.is_network()) {
                let passes = place.y < y && y < place.bottom() && from.min(to) < place.right() && place.x < from.max(to);
                prop_assert!(!passes, "the line {} crosses {}", line.path, node.key);
            }
        }
    }
}

/// Three networks behind two routers, with some servers each.
fn some() -> Project {
    Project {
        externals: 1,
        networks: 3,
        routers: vec![(Some(0), BTreeSet::from([0, 1])), (Some(0), BTreeSet::from([2]))],
        addresses: vec![0],
        servers: vec![
            (BTreeSet::from([0]), true),
            (BTreeSet::from([1]), false),
            (BTreeSet::from([1]), false),
            (BTreeSet::from([2]), true),
            (BTreeSet::from([0, 2]), false),
        ],
    }
}

#[test]
fn a_new_server_moves_nothing() {
    let before = some();
    let mut after = before.clone();
    after.servers.push((BTreeSet::from([1]), false));
    for sizes in [&NORMAL, &SMALL] {
        for lay in [layout::lay, in_columns] {
            let (old, new) = (lay(&before.graph(), sizes), lay(&after.graph(), sizes));
            // Bars are as long as the longest column.
            let points = |picture: &Picture| -> Vec<(i32, i32)> {
                picture.places.iter().map(|place| (place.x, place.y)).collect()
            };
            assert_eq!(points(&old), points(&new)[..old.places.len()]);
        }
    }
}

#[test]
fn rows_are_ordered_so_that_lines_need_not_cross() {
    // The first router leads to the last network, and the other way round.
    let project = Project {
        externals: 1,
        networks: 4,
        routers: vec![(Some(0), BTreeSet::from([2, 3])), (Some(0), BTreeSet::from([0, 1]))],
        ..Project::default()
    };
    let graph = project.graph();
    let picture = layout::lay(&graph, &NORMAL);
    let x = |key: &str| picture.places[graph.nodes.iter().position(|node| node.key == key).unwrap()].x;
    let firsts = x("network-0").max(x("network-1")) < x("network-2").min(x("network-3"));
    assert_eq!(x("router-1") < x("router-0"), firsts);
    assert!(x("router-1") != x("router-0"));
}

#[test]
fn an_empty_picture_is_one_too() {
    let picture = layout::lay(&Graph::default(), &NORMAL);
    assert_eq!((picture.width, picture.height), (MARGIN, MARGIN));
    assert!(in_columns(&Graph::default(), &NORMAL).places.is_empty());
}

#[test]
fn two_hundred_objects_take_no_time() {
    let project = Project {
        externals: 1,
        networks: 20,
        routers: (0..10)
            .map(|number| (Some(0), BTreeSet::from([2 * number, 2 * number + 1])))
            .collect(),
        addresses: Vec::new(),
        servers: (0..170)
            .map(|number| (BTreeSet::from([number % 20, (number / 3) % 20]), number % 2 == 0))
            .collect(),
    };
    let graph = project.graph();
    let start = Instant::now();
    layout::lay(&graph, &NORMAL);
    in_columns(&graph, &NORMAL);
    // A hundred times what it takes, for machines that do much else.
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn all_that_is_shown_is_in_the_address() {
    let shown = Shown {
        is_columns: true,
        is_small: true,
        open: Some("server-1".to_owned()),
        unfolded: ["a&b".to_owned()].into(),
        way: None,
    };
    assert_eq!(
        shown.address(),
        "/dashboard/topology?view=columns&size=small&expand=a%26b&open=server-1"
    );
    assert_eq!(
        shown.closed(),
        "/dashboard/topology?view=columns&size=small&expand=a%26b"
    );
    assert_eq!(Shown::default().address(), "/dashboard/topology");
    assert_eq!(Shown::default().unfolding("n"), "/dashboard/topology?expand=n");
}
