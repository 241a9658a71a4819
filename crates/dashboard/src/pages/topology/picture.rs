//! A picture: where nodes are and how lines run. Whole pixels, so that equal pictures are equal texts.

use std::fmt::Write as _;

/// How large things are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Networks, in the graph.
    pub network: (i32, i32),
    pub router: (i32, i32),
    pub server: (i32, i32),
    /// Loose floating IPs.
    pub address: (i32, i32),
    /// What a row of floating IPs adds to a server; 0: they are not shown.
    pub floating: i32,
    /// Between neighbours.
    pub gap: i32,
    /// Between servers, one above the other.
    pub stack_gap: i32,
    /// Beside servers, for the line that they hang on.
    pub indent: i32,
    /// Between rows, for lines and their labels.
    pub band: i32,
    /// Width of a network's bar, in columns.
    pub bar: i32,
    /// Room for an address beside a device, in columns.
    pub label: i32,
    /// Between the lines of one device, in columns.
    pub lead: i32,
    /// Whether lines have labels.
    pub has_labels: bool,
    /// Text: of names, and of what is below.
    pub text: (i32, i32),
}

/// The usual ones.
pub(super) const NORMAL: Sizes = Sizes {
    network: (208, 78),
    router: (196, 56),
    server: (196, 54),
    address: (168, 36),
    floating: 28,
    gap: 26,
    stack_gap: 11,
    indent: 28,
    band: 78,
    bar: 38,
    label: 112,
    lead: 22,
    has_labels: true,
    text: (14, 12),
};

/// For many, or for an overview.
pub(super) const SMALL: Sizes = Sizes {
    network: (148, 40),
    router: (136, 36),
    server: (136, 32),
    address: (146, 28),
    floating: 0,
    gap: 20,
    stack_gap: 7,
    indent: 20,
    band: 48,
    bar: 22,
    label: 18,
    lead: 12,
    has_labels: false,
    text: (12, 12),
};

/// Around everything.
pub(super) const MARGIN: i32 = 28;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rect {
    pub x: i32,
    pub y: i32,
    pub w: i32,
    pub h: i32,
}

impl Rect {
    pub fn right(self) -> i32 {
        self.x + self.w
    }

    pub fn bottom(self) -> i32 {
        self.y + self.h
    }

    pub fn center(self) -> i32 {
        self.x + self.w / 2
    }

    /// Of `count` places along its width, number `index`.
    pub fn along(self, index: usize, count: usize) -> i32 {
        let share = |number: usize| i32::try_from(number).unwrap_or(i32::MAX - 1);
        self.x + self.w * (share(index) + 1) / (share(count) + 1)
    }
}

/// A line from a device to its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// An index of the graph's links.
    pub link: usize,
    /// As SVG writes it.
    pub path: String,
    /// Where it is joined to its network, in pictures that show such joints.
    pub joint: Option<(i32, i32)>,
    /// Where its address stands.
    pub label: Option<Label>,
}

/// A place for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub x: i32,
    pub y: i32,
    /// The text ends there.
    pub ends: bool,
}

/// Places of all nodes, and all lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Picture {
    pub width: i32,
    pub height: i32,
    /// By index of the graph's nodes.
    pub places: Vec<Rect>,
    pub lines: Vec<Line>,
}

impl Picture {
    /// Fits width and height around the nodes and to `right`, where lines may run.
    pub fn close(&mut self, right: i32) {
        let far = |edge: fn(Rect) -> i32| self.places.iter().copied().map(edge).max().unwrap_or(0);
        self.width = far(Rect::right).max(right) + MARGIN;
        self.height = far(Rect::bottom) + MARGIN;
    }
}

/// A pen that draws lines.
#[derive(Debug, Clone)]
pub(super) struct Pen {
    path: String,
    at: (i32, i32),
}

/// Of corners.
const RADIUS: i32 = 8;

impl Pen {
    pub fn at(x: i32, y: i32) -> Self {
        Self {
            path: format!("M{x} {y}"),
            at: (x, y),
        }
    }

    /// Down (or up) in a soft curve.
    pub fn curve(mut self, x: i32, y: i32) -> Self {
        let half = i32::midpoint(self.at.1, y);
        if x == self.at.0 {
            return self.straight(x, y);
        }
        let _ = write!(self.path, "C{} {half} {x} {half} {x} {y}", self.at.0);
        self.at = (x, y);
        self
    }

    /// Straight on.
    pub fn straight(mut self, x: i32, y: i32) -> Self {
        let _ = write!(self.path, "L{x} {y}");
        self.at = (x, y);
        self
    }

    /// Goes on from another place.
    pub fn lift(mut self, x: i32, y: i32) -> Self {
        let _ = write!(self.path, "M{x} {y}");
        self.at = (x, y);
        self
    }

    /// By right angles, with round corners, along these points.
    pub fn turns(mut self, points: &[(i32, i32)]) -> Self {
        for (index, corner) in points.iter().copied().enumerate() {
            let Some(next) = points.get(index + 1).copied() else {
                return self.straight(corner.0, corner.1);
            };
            let radius = RADIUS
                .min(distance(self.at, corner) / 2)
                .min(distance(corner, next) / 2);
            let (before, after) = (towards(corner, self.at, radius), towards(corner, next, radius));
            self = self.straight(before.0, before.1);
            let _ = write!(self.path, "Q{} {} {} {}", corner.0, corner.1, after.0, after.1);
            self.at = after;
        }
        self
    }

    pub fn path(self) -> String {
        self.path
    }
}

fn distance(one: (i32, i32), other: (i32, i32)) -> i32 {
    (one.0 - other.0).abs() + (one.1 - other.1).abs()
}

fn towards(from: (i32, i32), to: (i32, i32), by: i32) -> (i32, i32) {
    (
        from.0 + by * (to.0 - from.0).signum(),
        from.1 + by * (to.1 - from.1).signum(),
    )
}

/// Places things of some widths side by side, each as near to where it would like its middle as the others let it (least
/// squares, by pooling those that push one another). Who has no wish stands next to the one before. The answer is their left
/// edges.
pub(super) fn spread(things: &[(i32, Option<f64>)], gap: i32) -> Vec<i32> {
    // Pools of things that touch: the left edge of the first, its weight, how many.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    let mut offsets = Vec::with_capacity(things.len());
    let (mut offset, mut wish_before) = (0.0, None);
    for (width, wish) in things {
        let width = f64::from(*width);
        let wish = wish.map(|middle| middle - width / 2.0).or(wish_before).unwrap_or(0.0);
        let step = width + f64::from(gap);
        wish_before = Some(wish + step);
        offsets.push(offset);
        pools.push((wish - offset, 1.0, 1));
        offset += step;
        while let [.., left, right] = pools.as_slice()
            && left.0 > right.0
        {
            let weight = left.1 + right.1;
            let both = ((left.0 * left.1 + right.0 * right.1) / weight, weight, left.2 + right.2);
            pools.truncate(pools.len() - 2);
            pools.push(both);
        }
    }
    let starts = pools
        .into_iter()
        .flat_map(|(start, _, count)| std::iter::repeat_n(start, count));
    #[expect(clippy::cast_possible_truncation, reason = "pictures are small")]
    starts
        .zip(offsets)
        .map(|(start, offset)| start.floor() as i32 + offset as i32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_stand_as_near_as_they_can_to_where_they_wish() {
        assert_eq!(spread(&[(10, Some(5.0)), (10, Some(50.0))], 4), [0, 45]);
        // Both wish for one place: they share it.
        assert_eq!(spread(&[(10, Some(50.0)), (10, Some(50.0))], 4), [38, 52]);
        // A third one pushes both on.
        assert_eq!(
            spread(&[(10, Some(50.0)), (10, Some(50.0)), (10, Some(50.0))], 4),
            [31, 45, 59]
        );
        assert_eq!(
            spread(&[(10, None), (20, None), (10, Some(100.0)), (10, None)], 4),
            [0, 14, 95, 109]
        );
        assert_eq!(spread(&[], 4), [0; 0]);
    }

    #[test]
    fn lines_turn_round_corners() {
        let path = Pen::at(0, 0).turns(&[(0, 40), (100, 40), (100, 80)]).path();
        assert_eq!(path, "M0 0L0 32Q0 40 8 40L92 40Q100 40 100 48L100 80");
        assert_eq!(Pen::at(0, 0).curve(50, 40).path(), "M0 0C0 20 50 20 50 40");
        assert_eq!(Pen::at(5, 0).curve(5, 40).path(), "M5 0L5 40");
    }
}
