//! The columns' places: each network a bar from top to bottom, devices between the bars, and a straight line from each device
//! to each of its networks.
//!
//! A device stands right of its leftmost network, at a height where nothing else stands in the columns that its lines pass: so
//! no line crosses a box, only bars of other networks: it stops short of them and goes on behind, and a dot says where it is
//! joined.

use super::graph::{Graph, Kind};
use super::order;
use super::picture::{Label, Line, MARGIN, Pen, Picture, Rect, Sizes};

/// Between bars without anything between them.
const EMPTY: i32 = 44;
/// Between a label and what it stands beside.
const BESIDE: i32 = 8;
/// Between a bar and a line that only passes it.
const APART: i32 = 8;

/// Places everything. `length` says how long a bar must be for its words.
pub(super) fn lay(graph: &Graph, sizes: &Sizes, length: impl Fn(usize) -> i32) -> Picture {
    let networks: Vec<usize> = order::rows(graph).networks().collect();
    let mut bar_of = vec![0; graph.nodes.len()];
    for (bar, network) in networks.iter().enumerate() {
        bar_of[*network] = bar;
    }
    let by_device = graph.links_by_device();
    let mut devices: Vec<Device> = (0..graph.nodes.len())
        .filter(|node| !graph.nodes[*node].kind.is_network())
        .map(|node| Device::of(graph, sizes, node, &by_device[node], &bar_of, networks.len()))
        .collect();

    let bottom = stack(&mut devices, networks.len().max(1));
    let longest = networks.iter().map(|network| length(*network)).max().unwrap_or(0);
    let length = longest.max(bottom);
    let (bars, gaps, right) = columns(&devices, sizes, networks.len());

    let mut picture = Picture {
        places: vec![Rect::default(); graph.nodes.len()],
        ..Picture::default()
    };
    for (bar, network) in networks.iter().enumerate() {
        picture.places[*network] = Rect {
            x: bars[bar],
            y: MARGIN,
            w: sizes.bar,
            h: length,
        };
    }
    for device in &devices {
        let place = Rect {
            x: gaps[device.gap],
            y: MARGIN + device.y,
            w: device.size.0,
            h: device.size.1,
        };
        picture.places[device.node] = place;
        let mut rights = 0;
        for link in &by_device[device.node] {
            let bar = bar_of[graph.links[*link].network];
            let is_left = bar == device.gap;
            let row = if is_left { 0 } else { rights };
            rights += usize::from(!is_left);
            let y = place.y + device.lead + i32::try_from(row).unwrap_or(0) * sizes.lead;
            let (from, to) = if is_left {
                (place.x, bars[bar] + sizes.bar)
            } else {
                (place.right(), bars[bar])
            };
            let has_label = has_label(graph, sizes, device.node, &by_device[device.node], *link);
            let label = if is_left {
                Label {
                    x: from - BESIDE,
                    y: y - 5,
                    ends: true,
                }
            } else {
                Label {
                    x: from + BESIDE,
                    y: y - 5,
                    ends: false,
                }
            };
            let passed = if is_left { &[][..] } else { &bars[device.gap + 1..bar] };
            let pen = passed.iter().fold(Pen::at(from, y), |pen, left| {
                pen.straight(left - APART, y).lift(left + sizes.bar + APART, y)
            });
            picture.lines.push(Line {
                link: *link,
                path: pen.straight(to, y).path(),
                joint: Some((to, y)),
                label: has_label.then_some(label),
            });
        }
    }
    picture.close(right);
    picture
}

/// Whether an address stands beside a line: not where it is the server's only one, which the box says already.
fn has_label(graph: &Graph, sizes: &Sizes, device: usize, links: &[usize], link: usize) -> bool {
    let is_said = graph.nodes[device].kind == Kind::Server && links.len() == 1;
    sizes.has_labels && !is_said && !graph.links[link].label.is_empty()
}

/// A device, and the columns that its lines pass.
struct Device {
    node: usize,
    /// It stands right of the bar with this number.
    gap: usize,
    /// Its lines end at the bar with this number.
    last: usize,
    /// Whether something stands beside its lines to the left, and to the right.
    has_left: bool,
    has_right: bool,
    size: (i32, i32),
    /// Where its first line leaves it.
    lead: i32,
    y: i32,
    /// Room below it.
    below: i32,
}

impl Device {
    fn of(graph: &Graph, sizes: &Sizes, node: usize, links: &[usize], bar_of: &[usize], bars: usize) -> Self {
        let reached = links.iter().map(|link| bar_of[graph.links[*link].network]);
        let gap = reached.clone().min().unwrap_or(bars.saturating_sub(1));
        let last = reached.clone().max().unwrap_or(gap);
        let rights = reached.filter(|bar| *bar != gap).count();
        let (width, height) = match graph.nodes[node].kind {
            Kind::Address | Kind::Addresses => sizes.address,
            _ => sizes.server,
        };
        let floating = if graph.nodes[node].floating.is_empty() {
            0
        } else {
            sizes.floating
        };
        let labels = links.iter().filter(|link| has_label(graph, sizes, node, links, **link));
        let lead = height / 2;
        let needed = 2 * lead + i32::try_from(rights.saturating_sub(1)).unwrap_or(i32::MAX / 1_000) * sizes.lead;
        Self {
            node,
            gap,
            last,
            has_left: labels.clone().any(|link| bar_of[graph.links[*link].network] == gap),
            has_right: labels.clone().any(|link| bar_of[graph.links[*link].network] != gap),
            size: (width, (height + floating).max(needed)),
            lead,
            y: 0,
            below: sizes.stack_gap + 6,
        }
    }

    /// The columns it needs room in.
    fn gaps(&self) -> std::ops::Range<usize> {
        self.gap..self.last.max(self.gap + 1)
    }
}

/// Gives each device its height; the answer is where the lowest one ends.
fn stack(devices: &mut [Device], gaps: usize) -> i32 {
    let mut free = vec![0; gaps];
    let mut bottom = 0;
    for device in devices {
        device.y = free[device.gaps()].iter().copied().max().unwrap_or(0);
        let end = device.y + device.size.1;
        free[device.gaps()].fill(end + device.below);
        bottom = bottom.max(end);
    }
    bottom
}

/// Left edges of bars, and of the devices between them; and where it all ends.
fn columns(devices: &[Device], sizes: &Sizes, count: usize) -> (Vec<i32>, Vec<i32>, i32) {
    let mut widths = vec![(0, false, false); count.max(1)];
    for device in devices {
        let width = &mut widths[device.gap];
        *width = (
            width.0.max(device.size.0),
            width.1 || device.has_left,
            width.2 || device.has_right,
        );
    }
    let (mut bars, mut gaps) = (Vec::new(), Vec::new());
    let mut x = MARGIN;
    for (gap, (width, has_left, has_right)) in widths.into_iter().enumerate() {
        if gap < count {
            bars.push(x);
            x += sizes.bar;
        }
        let (before, after) = match width {
            0 => (0, EMPTY),
            _ => (
                if has_left { sizes.label } else { sizes.gap },
                if has_right { sizes.label } else { sizes.gap },
            ),
        };
        gaps.push(x + before);
        x += before + width + after;
    }
    (bars, gaps, x)
}
