//! Who stands beside whom: the rows of the picture, ordered so that few lines cross.
//!
//! ```text
//!  tops     provider networks
//!  mids     routers, loose floating IPs, and passages of lines that go on down
//!  blocks   a network with its servers below it
//! ```
//!
//! Each row is sorted by where its neighbours in the other rows stand on average (barycenters), a few times over. Equal ones
//! keep their order, which is that of their age.

use super::graph::{Graph, Kind};

/// How often the rows are sorted. More changes nothing any more, in pictures of this size.
const SWEEPS: usize = 4;
/// Networks without anything, in one column.
const SHELF: usize = 4;
/// So many of them still stand in a row.
const NO_SHELF: usize = 6;

/// A network and what hangs below it.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// The network. None: servers right on a provider network, or on none at all. Several: networks without anything.
    pub heads: Vec<usize>,
    /// The provider network that its servers are on.
    pub outer: Option<usize>,
    /// Servers, and groups of them.
    pub stack: Vec<usize>,
}

impl Block {
    fn is_island(&self, mids: &[usize]) -> bool {
        self.stack.is_empty() && mids.is_empty()
    }
}

/// Something in the middle row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mid {
    /// A router, a loose floating IP.
    Node(usize),
    /// Lets the line from a provider network to a block (by number) through.
    Passage(usize),
}

/// The rows, from left to right.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub tops: Vec<usize>,
    pub mids: Vec<Mid>,
    pub blocks: Vec<Block>,
    /// Blocks below each of `mids`, as they stand.
    pub mid_blocks: Vec<Vec<usize>>,
    /// Provider networks above each of `mids`, as indices of `tops` as they stand.
    pub mid_tops: Vec<Vec<usize>>,
}

impl Rows {
    /// Networks from left to right.
    pub fn networks(&self) -> impl Iterator<Item = usize> + '_ {
        let inner = self.blocks.iter().flat_map(|block| block.heads.iter().copied());
        self.tops.iter().copied().chain(inner)
    }
}

/// Makes the rows.
pub(super) fn rows(graph: &Graph) -> Rows {
    let by_device = graph.links_by_device();
    let tops: Vec<usize> = graph.of_kind(Kind::External).collect();
    let (blocks, block_of) = blocks(graph, &by_device);
    let mut mids: Vec<Mid> = (0..graph.nodes.len())
        .filter(|node| graph.nodes[*node].kind.is_between())
        .map(Mid::Node)
        .collect();
    mids.extend(
        (0..blocks.len())
            .filter(|block| blocks[*block].outer.is_some())
            .map(Mid::Passage),
    );

    let mut top_number = vec![None; graph.nodes.len()];
    for (number, top) in tops.iter().enumerate() {
        top_number[*top] = Some(number);
    }
    let mut wires = Wires::new(tops.len(), mids.len(), blocks.len());
    for (number, mid) in mids.iter().enumerate() {
        match mid {
            Mid::Node(node) => {
                for link in &by_device[*node] {
                    let network = graph.links[*link].network;
                    if let Some(top) = top_number[network] {
                        wires.top_mid(top, number);
                    } else if let Some(block) = block_of[network] {
                        wires.mid_block(number, block);
                    }
                }
            }
            Mid::Passage(block) => {
                if let Some(top) = blocks[*block].outer.and_then(|outer| top_number[outer]) {
                    wires.top_mid(top, number);
                }
                wires.mid_block(number, *block);
            }
        }
    }
    for device in graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| !node.kind.is_network() && !node.kind.is_between())
    {
        let networks = by_device[device.0]
            .iter()
            .filter_map(|link| block_of[graph.links[*link].network]);
        let networks: Vec<usize> = networks.collect();
        for other in networks.iter().skip(1) {
            wires.beside(networks[0], *other);
        }
    }
    // Addresses have nothing below: they stand aside, and so do routers without networks.
    let rank = |mid: usize| match mids[mid] {
        Mid::Node(node) if graph.nodes[node].kind != Kind::Router => 2,
        _ => u8::from(wires.mid_blocks[mid].is_empty()),
    };
    let island = |block: usize| u8::from(blocks[block].is_island(&wires.block_mids[block]));
    let order = wires.sort(rank, island);
    put_in_order(&tops, &mids, blocks, &wires, &order)
}

fn put_in_order(tops: &[usize], mids: &[Mid], mut blocks: Vec<Block>, wires: &Wires, order: &Order) -> Rows {
    let place = |order: &[usize]| {
        let mut places = vec![0; order.len()];
        for (place, number) in order.iter().enumerate() {
            places[*number] = place;
        }
        places
    };
    let (top_place, block_place) = (place(&order.tops), place(&order.blocks));
    Rows {
        tops: order.tops.iter().map(|number| tops[*number]).collect(),
        mids: order
            .mids
            .iter()
            .map(|number| match mids[*number] {
                Mid::Passage(block) => Mid::Passage(block_place[block]),
                Mid::Node(node) => Mid::Node(node),
            })
            .collect(),
        mid_blocks: order
            .mids
            .iter()
            .map(|mid| wires.mid_blocks[*mid].iter().map(|block| block_place[*block]).collect())
            .collect(),
        mid_tops: order
            .mids
            .iter()
            .map(|mid| wires.mid_tops[*mid].iter().map(|top| top_place[*top]).collect())
            .collect(),
        blocks: order
            .blocks
            .iter()
            .map(|number| std::mem::take(&mut blocks[*number]))
            .collect(),
    }
}

/// The blocks, and in which one each network of ours is.
fn blocks(graph: &Graph, by_device: &[Vec<usize>]) -> (Vec<Block>, Vec<Option<usize>>) {
    let count = graph.nodes.len();
    let mut servers: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut is_used = vec![false; count];
    let mut alone = Vec::new();
    for link in &graph.links {
        is_used[link.network] = true;
    }
    for (index, _) in graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| matches!(node.kind, Kind::Server | Kind::Group))
    {
        match by_device[index].first() {
            Some(link) => servers[graph.links[*link].network].push(index),
            None => alone.push(index),
        }
    }
    let (mut blocks, mut block_of) = (Vec::new(), vec![None; count]);
    let mut islands = Vec::new();
    for network in graph.of_kind(Kind::Network) {
        if is_used[network] {
            block_of[network] = Some(blocks.len());
            blocks.push(Block {
                heads: vec![network],
                outer: None,
                stack: std::mem::take(&mut servers[network]),
            });
        } else {
            islands.push(network);
        }
    }
    for outer in graph
        .of_kind(Kind::External)
        .filter(|network| !servers[*network].is_empty())
    {
        blocks.push(Block {
            heads: Vec::new(),
            outer: Some(outer),
            stack: servers[outer].clone(),
        });
    }
    if !alone.is_empty() {
        blocks.push(Block {
            stack: alone,
            ..Block::default()
        });
    }
    let on_shelf = if islands.len() <= NO_SHELF { 1 } else { SHELF };
    blocks.extend(islands.chunks(on_shelf).map(|heads| Block {
        heads: heads.to_vec(),
        ..Block::default()
    }));
    (blocks, block_of)
}

/// Who is joined with whom, by numbers within the rows.
struct Wires {
    top_mids: Vec<Vec<usize>>,
    mid_tops: Vec<Vec<usize>>,
    mid_blocks: Vec<Vec<usize>>,
    block_mids: Vec<Vec<usize>>,
    block_blocks: Vec<Vec<usize>>,
}

/// The numbers of a row's members, from left to right.
struct Order {
    tops: Vec<usize>,
    mids: Vec<usize>,
    blocks: Vec<usize>,
}

impl Wires {
    fn new(tops: usize, mids: usize, blocks: usize) -> Self {
        Self {
            top_mids: vec![Vec::new(); tops],
            mid_tops: vec![Vec::new(); mids],
            mid_blocks: vec![Vec::new(); mids],
            block_mids: vec![Vec::new(); blocks],
            block_blocks: vec![Vec::new(); blocks],
        }
    }

    fn top_mid(&mut self, top: usize, mid: usize) {
        self.top_mids[top].push(mid);
        self.mid_tops[mid].push(top);
    }

    fn mid_block(&mut self, mid: usize, block: usize) {
        self.mid_blocks[mid].push(block);
        self.block_mids[block].push(mid);
    }

    fn beside(&mut self, one: usize, other: usize) {
        self.block_blocks[one].push(other);
        self.block_blocks[other].push(one);
    }

    fn sort(&self, mid_rank: impl Fn(usize) -> u8, block_rank: impl Fn(usize) -> u8) -> Order {
        let mut order = Order {
            tops: (0..self.top_mids.len()).collect(),
            mids: (0..self.mid_tops.len()).collect(),
            blocks: (0..self.block_mids.len()).collect(),
        };
        for _ in 0..SWEEPS {
            let (tops, blocks) = (shares(&order.tops), shares(&order.blocks));
            let keys: Vec<f64> = (0..order.mids.len())
                .map(|mid| {
                    let below = mean(self.mid_blocks[mid].iter().map(|block| blocks[*block]));
                    below
                        .or_else(|| mean(self.mid_tops[mid].iter().map(|top| tops[*top])))
                        .unwrap_or(0.5)
                })
                .collect();
            sort(&mut order.mids, &mid_rank, &keys);
            let mids = shares(&order.mids);
            let keys: Vec<f64> = (0..order.blocks.len())
                .map(|block| {
                    let above = self.block_mids[block].iter().map(|mid| mids[*mid]);
                    let beside = self.block_blocks[block].iter().map(|other| blocks[*other]);
                    mean(above.chain(beside)).unwrap_or(blocks[block])
                })
                .collect();
            sort(&mut order.blocks, &block_rank, &keys);
            let keys: Vec<f64> = (0..order.tops.len())
                .map(|top| mean(self.top_mids[top].iter().map(|mid| mids[*mid])).unwrap_or(tops[top]))
                .collect();
            sort(&mut order.tops, |_| 0, &keys);
        }
        order
    }
}

fn sort(order: &mut [usize], rank: impl Fn(usize) -> u8, keys: &[f64]) {
    order.sort_by(|one, other| rank(*one).cmp(&rank(*other)).then(keys[*one].total_cmp(&keys[*other])));
}

/// Where each member of a row stands, between 0 and 1.
#[expect(clippy::cast_precision_loss, reason = "rows are short")]
fn shares(order: &[usize]) -> Vec<f64> {
    let mut shares = vec![0.0; order.len()];
    for (place, number) in order.iter().enumerate() {
        shares[*number] = (place as f64 + 0.5) / order.len() as f64;
    }
    shares
}

#[expect(clippy::cast_precision_loss, reason = "rows are short")]
fn mean(places: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = places.fold((0.0, 0_usize), |(sum, count), place| (sum + place, count + 1));
    (count > 0).then(|| sum / count as f64)
}
