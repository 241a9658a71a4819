//! The graph's places: provider networks at the top, then routers, then networks, each with its servers hanging below it.
//!
//! Pure and in near-linear time. Lines never cross a box: those to a server's further networks run in the channel between
//! networks and servers and in the gutters between servers, those from a provider network to a server have a passage among
//! the routers, or go around everything on the right.

use super::graph::{Graph, Kind};
use super::order::{self, Block, Mid, Rows};
use super::picture::{Label, Line, MARGIN, Pen, Picture, Rect, Sizes, spread};

/// A passage's width.
const PASSAGE: i32 = 16;
/// Between lines that run side by side.
const TRACK: i32 = 6;
/// Lines side by side in a channel; more share them.
const TRACKS: i32 = 10;
/// Room that lines leave to boxes.
const CLEAR: i32 = 16;

/// Places everything.
pub(super) fn lay(graph: &Graph, sizes: &Sizes) -> Picture {
    let rows = order::rows(graph);
    Layout::new(graph, sizes, rows).run()
}

struct Layout<'a> {
    graph: &'a Graph,
    sizes: &'a Sizes,
    rows: Rows,
    by_device: Vec<Vec<usize>>,
    /// Servers in one column of a block.
    in_column: usize,
    picture: Picture,
    /// Left edges and widths of blocks.
    frames: Vec<(i32, i32)>,
    /// Middles of the passages to blocks.
    passages: Vec<Option<i32>>,
    /// Where rows begin: tops, mids, heads of blocks, the channel below them, servers.
    y: [i32; 5],
    mid_height: i32,
}

impl<'a> Layout<'a> {
    fn new(graph: &'a Graph, sizes: &'a Sizes, rows: Rows) -> Self {
        let stacked: usize = rows.blocks.iter().map(|block| block.stack.len()).sum();
        Self {
            by_device: graph.links_by_device(),
            in_column: match stacked {
                0..=24 => 4,
                25..=72 => 6,
                _ => 12,
            },
            picture: Picture {
                places: vec![Rect::default(); graph.nodes.len()],
                ..Picture::default()
            },
            frames: Vec::new(),
            passages: vec![None; rows.blocks.len()],
            y: [0; 5],
            mid_height: 0,
            graph,
            sizes,
            rows,
        }
    }

    fn run(mut self) -> Picture {
        self.find_heights();
        self.place_rows();
        self.place_stacks();
        let right = self.draw();
        self.picture.close(right);
        self.picture
    }

    fn size(&self, node: usize) -> (i32, i32) {
        let node = &self.graph.nodes[node];
        match node.kind {
            Kind::External | Kind::Network => self.sizes.network,
            Kind::Router => self.sizes.router,
            Kind::Address | Kind::Addresses => self.sizes.address,
            Kind::Server | Kind::Group if node.floating.is_empty() => self.sizes.server,
            Kind::Server | Kind::Group => (self.sizes.server.0, self.sizes.server.1 + self.sizes.floating),
        }
    }

    fn mid_width(&self, mid: Mid) -> i32 {
        match mid {
            Mid::Node(node) => self.size(node).0,
            Mid::Passage(_) => PASSAGE,
        }
    }

    /// Links of servers to all their networks but the first.
    fn further(&self) -> impl Iterator<Item = usize> + '_ {
        let servers = self.rows.blocks.iter().flat_map(|block| block.stack.iter());
        servers.flat_map(|server| self.by_device[*server].iter().skip(1).copied())
    }

    fn column_width(&self) -> i32 {
        self.sizes.indent + self.sizes.server.0 + self.sizes.indent
    }

    fn block_width(&self, block: &Block) -> i32 {
        let columns = i32::try_from(block.stack.len().div_ceil(self.in_column)).unwrap_or(i32::MAX / 1_000);
        let head = if block.heads.is_empty() {
            0
        } else {
            self.sizes.network.0
        };
        head.max(columns * self.column_width() - if columns > 0 { self.sizes.indent } else { 0 })
    }

    fn find_heights(&mut self) {
        let sizes = self.sizes;
        let heights = self.rows.mids.iter().map(|mid| match mid {
            Mid::Node(node) => self.size(*node).1,
            Mid::Passage(_) => 0,
        });
        self.mid_height = heights.max().unwrap_or(0);
        let has_heads = self.rows.blocks.iter().any(|block| !block.heads.is_empty());
        let mut y = MARGIN;
        self.y[0] = y;
        if !self.rows.tops.is_empty() {
            y += sizes.network.1 + sizes.band;
        }
        self.y[1] = y;
        if self.mid_height > 0 {
            y += self.mid_height + sizes.band;
        }
        self.y[2] = y;
        if has_heads {
            y += sizes.network.1;
        }
        self.y[3] = y;
        let tracks = i32::try_from(self.further().count()).unwrap_or(TRACKS).min(TRACKS);
        self.y[4] = y + 2 * CLEAR + if tracks > 0 { (tracks + 1) * TRACK } else { 0 };
    }

    /// Places blocks, then what is in the middle above its blocks, then blocks below that, and so on to the top.
    fn place_rows(&mut self) {
        let gap = self.sizes.gap;
        let widths: Vec<i32> = self.rows.blocks.iter().map(|block| self.block_width(block)).collect();
        let mid_widths: Vec<i32> = self.rows.mids.iter().map(|mid| self.mid_width(*mid)).collect();
        let middle = |left: i32, width: i32| f64::from(left) + f64::from(width) / 2.0;
        let mut block_mids = vec![Vec::new(); widths.len()];
        for (mid, blocks) in self.rows.mid_blocks.iter().enumerate() {
            blocks.iter().for_each(|block| block_mids[*block].push(mid));
        }
        let above = |lefts: &[i32]| {
            let wish = |blocks: &Vec<usize>| mean(blocks.iter().map(|block| middle(lefts[*block], widths[*block])));
            let wishes = mid_widths.iter().copied().zip(self.rows.mid_blocks.iter().map(wish));
            spread(&wishes.collect::<Vec<_>>(), gap)
        };
        let below = |mids: &[i32]| {
            let wish = |above: &Vec<usize>| mean(above.iter().map(|mid| middle(mids[*mid], mid_widths[*mid])));
            let wishes = widths.iter().copied().zip(block_mids.iter().map(wish));
            spread(&wishes.collect::<Vec<_>>(), gap)
        };
        let side_by_side: Vec<_> = widths.iter().map(|width| (*width, None)).collect();
        let lefts = below(&above(&spread(&side_by_side, gap)));
        let mids = above(&lefts);
        let wish = |top: usize| {
            let below = |mid: &usize| self.rows.mid_tops[*mid].contains(&top);
            let leads_on = |mid: &usize| !self.rows.mid_blocks[*mid].is_empty();
            let middle = |mid: usize| middle(mids[mid], mid_widths[mid]);
            // Above the networks that it leads to; loose addresses just hang on it.
            let all = (0..mids.len()).filter(below);
            mean(all.clone().filter(leads_on).map(middle)).or_else(|| mean(all.map(middle)))
        };
        let wishes: Vec<_> = (0..self.rows.tops.len())
            .map(|top| (self.sizes.network.0, wish(top)))
            .collect();
        let tops = spread(&wishes, gap);

        let first = lefts.iter().chain(&mids).chain(&tops).min().copied().unwrap_or(0);
        let shift = MARGIN - first;
        self.frames = lefts
            .iter()
            .zip(&widths)
            .map(|(left, width)| (left + shift, *width))
            .collect();
        for (top, left) in self.rows.tops.iter().zip(&tops) {
            let (w, h) = self.size(*top);
            self.picture.places[*top] = Rect {
                x: left + shift,
                y: self.y[0],
                w,
                h,
            };
        }
        for (mid, left) in self.rows.mids.iter().zip(&mids) {
            match mid {
                Mid::Node(node) => {
                    let (w, h) = self.size(*node);
                    let y = self.y[1] + (self.mid_height - h) / 2;
                    self.picture.places[*node] = Rect {
                        x: left + shift,
                        y,
                        w,
                        h,
                    };
                }
                Mid::Passage(block) => self.passages[*block] = Some(left + shift + PASSAGE / 2),
            }
        }
    }

    fn place_stacks(&mut self) {
        for (block, (left, width)) in self.rows.blocks.iter().zip(&self.frames) {
            let (w, h) = self.sizes.network;
            for (number, head) in block.heads.iter().enumerate() {
                let below = i32::try_from(number).unwrap_or(0);
                let y = if below == 0 {
                    self.y[2]
                } else {
                    self.y[4] + (below - 1) * (h + self.sizes.stack_gap)
                };
                self.picture.places[*head] = Rect {
                    x: left + (width - w) / 2,
                    y,
                    w,
                    h,
                };
            }
            for (column, servers) in block.stack.chunks(self.in_column).enumerate() {
                let x = left + i32::try_from(column).unwrap_or(0) * self.column_width() + self.sizes.indent;
                let mut y = self.y[4];
                for server in servers {
                    let (w, h) = self.size(*server);
                    self.picture.places[*server] = Rect { x, y, w, h };
                    y += h + self.sizes.stack_gap;
                }
            }
        }
    }

    /// Draws all lines; the answer is how far right they go.
    fn draw(&mut self) -> i32 {
        self.draw_between();
        self.draw_stacks();
        self.draw_further()
    }

    /// Lines of routers and loose addresses.
    fn draw_between(&mut self) {
        let mut at_top: Vec<Vec<usize>> = vec![Vec::new(); self.graph.nodes.len()];
        let mut at_bottom = at_top.clone();
        let mut lines = Vec::new();
        for (link, ends) in self.graph.links.iter().enumerate() {
            if !self.graph.nodes[ends.device].kind.is_between() {
                continue;
            }
            let is_up = self.graph.nodes[ends.network].kind == Kind::External;
            let (upper, lower) = if is_up {
                (ends.network, ends.device)
            } else {
                (ends.device, ends.network)
            };
            at_bottom[upper].push(link);
            at_top[lower].push(link);
            lines.push((link, upper, lower));
        }
        let other = |link: usize, node: usize| {
            let ends = &self.graph.links[link];
            self.picture.places[if ends.device == node { ends.network } else { ends.device }].center()
        };
        for (node, links) in at_top.iter_mut().chain(&mut at_bottom).enumerate() {
            let node = node % self.graph.nodes.len();
            links.sort_by_key(|link| (other(*link, node), *link));
        }
        let number = |links: &[usize], link: usize| links.iter().position(|one| *one == link).unwrap_or(0);
        for (link, upper, lower) in lines {
            let (from, to) = (self.picture.places[upper], self.picture.places[lower]);
            let place = number(&at_top[lower], link);
            let start = from.along(number(&at_bottom[upper], link), at_bottom[upper].len());
            let end = to.along(place, at_top[lower].len());
            let has_label = self.sizes.has_labels && !self.graph.links[link].label.is_empty();
            let step = i32::try_from(place % 3).unwrap_or(0) * 15;
            self.picture.lines.push(Line {
                link,
                path: Pen::at(start, from.bottom()).curve(end, to.y).path(),
                joint: None,
                label: has_label.then_some(Label {
                    x: end + 7,
                    y: to.y - 9 - step,
                    ends: false,
                }),
            });
        }
    }

    /// Lines from networks to the servers below them.
    fn draw_stacks(&mut self) {
        for (number, block) in self.rows.blocks.iter().enumerate() {
            let (left, width) = self.frames[number];
            let start = match (block.heads.first(), block.outer) {
                (Some(head), _) => {
                    let head = self.picture.places[*head];
                    Pen::at(head.center(), head.bottom())
                }
                (None, Some(outer)) => {
                    let outer = self.picture.places[outer];
                    let middle = left + width / 2;
                    let passage = self.passages[number].unwrap_or(middle);
                    let pen = Pen::at(outer.center(), outer.bottom()).curve(passage, self.y[1]);
                    if self.mid_height > 0 {
                        pen.straight(passage, self.y[1] + self.mid_height)
                            .curve(middle, self.y[2])
                            .straight(middle, self.y[3])
                    } else {
                        pen.curve(middle, self.y[3])
                    }
                }
                (None, None) => continue,
            };
            let middle = left + width / 2;
            for server in &block.stack {
                let Some(link) = self.by_device[*server].first() else {
                    continue;
                };
                let to = self.picture.places[*server];
                let rail = to.x - self.sizes.indent / 2;
                let bus = self.y[3] + CLEAR;
                let y = to.y + self.sizes.server.1 / 2;
                self.picture.lines.push(Line {
                    link: *link,
                    path: start
                        .clone()
                        .turns(&[(middle, bus), (rail, bus), (rail, y), (to.x, y)])
                        .path(),
                    label: None,
                    joint: None,
                });
            }
        }
    }

    /// Lines from servers to their further networks.
    fn draw_further(&mut self) -> i32 {
        let right = self.picture.places.iter().map(|place| place.right()).max().unwrap_or(0);
        let (mut furthest, mut in_gutter) = (right, vec![0_usize; self.graph.nodes.len()]);
        let links: Vec<usize> = self.further().collect();
        for (number, link) in links.into_iter().enumerate() {
            let ends = &self.graph.links[link];
            let (from, to) = (self.picture.places[ends.network], self.picture.places[ends.device]);
            let track = i32::try_from(number).unwrap_or(0) % TRACKS * TRACK;
            let turn = &mut in_gutter[ends.device];
            let beside = i32::try_from(*turn % 3).unwrap_or(0) * TRACK;
            *turn += 1;
            let channel = self.y[3] + CLEAR + TRACK + track;
            let gutter = to.right() + self.sizes.indent / 4 + beside / 2;
            let y = to.y + self.sizes.server.1 / 2 + beside;
            let path = if self.graph.nodes[ends.network].kind == Kind::External {
                let (start, lane) = (from.right() - CLEAR - track, right + CLEAR + track);
                furthest = furthest.max(lane);
                let above = from.bottom() + CLEAR / 2 + track * (self.sizes.band - CLEAR) / (TRACK * TRACKS);
                Pen::at(start, from.bottom()).turns(&[
                    (start, above),
                    (lane, above),
                    (lane, channel),
                    (gutter, channel),
                    (gutter, y),
                    (to.right(), y),
                ])
            } else {
                let start = from.right() - CLEAR - track;
                Pen::at(start, from.bottom()).turns(&[
                    (start, channel),
                    (gutter, channel),
                    (gutter, y),
                    (to.right(), y),
                ])
            };
            self.picture.lines.push(Line {
                link,
                path: path.path(),
                label: None,
                joint: None,
            });
        }
        furthest
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows are short")]
fn mean(places: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = places.fold((0.0, 0_usize), |(sum, count), place| (sum + place, count + 1));
    (count > 0).then(|| sum / count as f64)
}
