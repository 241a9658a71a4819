//! A picture as SVG. Nodes are links to their cards, so it works without script; names of things stay the same from one picture
//! to the next, so that a live one moves instead of being made anew.

use std::borrow::Cow;

use maud::{Markup, html};

use super::Shown;
use super::graph::{Graph, Kind, Leads, Link, Node};
use super::picture::{Picture, Rect, Sizes};
use super::trace::{Mark, Trace};
use crate::assets;
use crate::messages::Text;
use crate::ui::Mood;

/// Width of a character of a line's label.
const LABEL_CHARACTER: i32 = 8;

/// How far apart a bar says its words again.
const BAR_WORDS_EVERY: i32 = 900;

/// How a picture is drawn.
pub(super) struct Drawing<'a> {
    pub t: Text,
    pub graph: &'a Graph,
    pub picture: &'a Picture,
    pub sizes: &'a Sizes,
    pub shown: &'a Shown,
    /// A way that is drawn.
    pub trace: Option<&'a Trace>,
}

impl Drawing<'_> {
    /// The whole.
    pub fn draw(&self) -> Markup {
        let (width, height) = (self.picture.width, self.picture.height);
        let class = format!(
            "topology-picture{}{}",
            if self.shown.is_small { " small" } else { "" },
            if self.trace.is_some() { " traced" } else { "" }
        );
        let marks = self.trace.map(Trace::marks).unwrap_or_default();
        html! {
            svg #topology-picture class=(class) role="group" aria-label=(self.t.nav_topology())
                width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) data-width=(width) data-height=(height) {
                g #topology-lines aria-hidden="true" {
                    @for line in &self.picture.lines { (self.line(line.link, &line.path)) }
                }
                @for (node, place) in self.graph.nodes.iter().zip(&self.picture.places) { (self.node(node, *place, marks.get(node.key.as_str()).copied())) }
                g #topology-joints aria-hidden="true" {
                    @for line in &self.picture.lines {
                        @if let Some((x, y)) = line.joint {
                            @let link = &self.graph.links[line.link];
                            circle id={ "joint-" (self.ends(link)) } class={ "joint " (self.graph.nodes[link.network].hue.class()) } cx=(x) cy=(y) r="4.5" {}
                        }
                    }
                }
                g #topology-labels aria-hidden="true" {
                    @for line in &self.picture.lines {
                        @if let Some(label) = line.label {
                            @let link = &self.graph.links[line.link];
                            text id={ "label-" (self.ends(link)) } class=(if label.ends { "link-label ends" } else { "link-label" })
                                x=(label.x) y=(label.y) { (self.link_label(link)) }
                        }
                    }
                }
            }
        }
    }

    /// An address beside its line; columns have little room for it.
    fn link_label<'a>(&self, link: &'a Link) -> Cow<'a, str> {
        let room = usize::try_from(self.sizes.label / LABEL_CHARACTER).unwrap_or(0);
        if !self.shown.is_columns || link.label.chars().count() < room {
            return Cow::Borrowed(&link.label);
        }
        let cut: String = link.label.chars().take(room.saturating_sub(2)).collect();
        Cow::Owned(format!("{cut}…"))
    }

    fn ends(&self, link: &Link) -> String {
        format!(
            "{}--{}",
            self.graph.nodes[link.device].key, self.graph.nodes[link.network].key
        )
    }

    fn line(&self, link: usize, path: &str) -> Markup {
        let link = &self.graph.links[link];
        let (network, device) = (&self.graph.nodes[link.network], &self.graph.nodes[link.device]);
        let on_way = match self.trace {
            Some(trace) if trace.leads_along(&network.key, &device.key) => " on-way",
            Some(trace) if trace.would_lead_along(&network.key, &device.key) => " off-way",
            _ => "",
        };
        let class = format!("link {} to-{}{}", network.hue.class(), device.kind.class(), on_way);
        html! {
            path id={ "link-" (self.ends(link)) } class=(class) d=(path) data-network=(network.key) data-device=(device.key) {}
        }
    }

    fn node(&self, node: &Node, place: Rect, mark: Option<Mark>) -> Markup {
        let is_open = self.shown.open.as_deref() == Some(&node.key);
        let is_bar = node.kind.is_network() && self.shown.is_columns;
        let class = format!(
            "node {} {} {}{}{}",
            node.kind.class(),
            node.hue.class(),
            node.mood.class(),
            if is_open { " open" } else { "" },
            if is_bar { " bar" } else { "" }
        );
        let (address, card) = self.leads(node);
        let label = self.label(node, mark);
        let around = match mark {
            None if self.trace.is_some_and(|trace| trace.is_goal(&node.key)) => "place way-goal",
            None => "place",
            Some(Mark { is_end: false, .. }) => "place on-way",
            Some(_) => "place on-way way-stop",
        };
        html! {
            g id={ "at-" (node.key) } class=(around) transform=(format!("translate({} {})", place.x, place.y)) {
                a #(node.key) class=(class) href=(address) aria-label=(label) data-card=[card]
                    data-in-place[matches!(node.leads_to, Leads::Unfold(_))] {
                    title { (label) }
                    @if is_bar { (self.bar(node, place)) } @else { (self.body(node, place)) }
                }
                @if self.sizes.floating > 0 && !node.floating.is_empty() { (self.floating(node, place)) }
                @if let Some(mark) = mark { (way_mark(mark, if is_bar { place.w / 2 } else { 0 })) }
            }
        }
    }

    /// Where a click leads, and from where its card is got.
    fn leads(&self, node: &Node) -> (String, Option<String>) {
        match &node.leads_to {
            Leads::Card => (self.shown.opening(&node.key), Some(super::card_address(&node.key))),
            Leads::Unfold(network) => (self.shown.unfolding(network), None),
            Leads::Page(address) => ((*address).to_owned(), None),
        }
    }

    /// What a screen reader says, and what is shown when one points at it.
    fn label(&self, node: &Node, mark: Option<Mark>) -> String {
        let t = self.t;
        let what = match node.kind {
            Kind::External => t.topology_external_network(),
            Kind::Network => t.network(),
            Kind::Router => t.topology_router(),
            Kind::Server => t.topology_server(),
            Kind::Address => t.topology_floating_ip(),
            Kind::Group | Kind::Addresses => "",
        };
        let mut words = vec![format!("{what} {}", node.name).trim().to_owned(), node.state.clone()];
        words.extend(node.lines.iter().filter(|_| node.kind != Kind::Group).cloned());
        words.extend(node.floating.iter().map(|(_, address)| address.clone()));
        if let Some(mark) = mark {
            words.push(t.trace_step(mark.number));
            words.extend(mark.is_end.then(|| t.trace_stop().to_owned()));
        }
        words.join(", ")
    }

    fn body(&self, node: &Node, place: Rect) -> Markup {
        let Rect { w, h, .. } = place;
        let is_small = self.shown.is_small;
        let round = match node.kind {
            Kind::Router | Kind::Address | Kind::Addresses => h / 2,
            _ if is_small => 7,
            _ => 11,
        };
        let round = if self.shown.is_columns && node.kind == Kind::Router {
            round.min(22)
        } else {
            round
        };
        // Where its picture and words are: a server's stay at the top when floating IPs follow below.
        let h = if matches!(node.kind, Kind::Server | Kind::Group | Kind::Router) {
            h.min(self.head(node))
        } else {
            h
        };
        let (left, mark) = if is_small { (9, 16) } else { (14, 22) };
        let text = left + mark + if is_small { 7 } else { 11 };
        // Its sign stands at the end of the first line.
        let room = w - text - if is_small { 24 } else { 30 };
        let lines: &[String] = if is_small { &[] } else { &node.lines };
        let line_height = self.sizes.text.1 + 5;
        let shown = lines.len().min(if node.kind.is_network() { 2 } else { 1 });
        let count = i32::try_from(shown).unwrap_or(0);
        // Below the stripe of a network.
        let top = if node.kind.is_network() { round } else { 0 };
        let middle = i32::midpoint(top, h);
        let first = middle - (self.sizes.text.0 + count * line_height) / 2 + self.sizes.text.0 - 1;
        html! {
            @if node.kind == Kind::Group {
                rect .box.behind x="5" y="5" width=(w) height=(place.h) rx=(round) {}
            }
            rect .box x="0" y="0" width=(w) height=(place.h) rx=(round) {}
            @if node.kind.is_network() {
                path .stripe d=(format!("M0 {round}Q0 0 {round} 0H{}Q{w} 0 {w} {round}V{round}H0Z", w - round)) {}
            }
            use .mark href=(format!("{}#{}", assets::path("icons.svg"), node.kind.icon())) x=(left) y=(middle - mark / 2) width=(mark) height=(mark) {}
            text .name x=(text) y=(first) { (fit(&node.name, room, bold(self.sizes.text.0))) }
            @for (number, line) in lines.iter().take(shown).enumerate() {
                @let more = lines.len() - shown;
                @let words = if number + 1 == shown && more > 0 { format!("{line}  +{more}") } else { line.clone() };
                text .line x=(text) y=(first + (i32::try_from(number).unwrap_or(0) + 1) * line_height) { (fit(&words, room + if node.kind.is_network() { 14 } else { 0 }, self.sizes.text.1)) }
            }
            (sign(node.mood, w - if is_small { 13 } else { 18 }, if is_small { middle } else { top + 17 }))
        }
    }

    /// Height of what a node shows without floating IPs.
    fn head(&self, node: &Node) -> i32 {
        match node.kind {
            Kind::Router if !self.shown.is_columns => self.sizes.router.1,
            _ => self.sizes.server.1,
        }
    }

    /// A network as a bar: its words run down along it.
    fn bar(&self, node: &Node, place: Rect) -> Markup {
        let Rect { w, h, .. } = place;
        let middle = w / 2;
        let name = fit(&node.name, 220, bold(self.sizes.text.0));
        let prefixes = node.lines.join("   ");
        // Again further down, where bars are long.
        let length = bar_length(node, self.sizes);
        let again = (1..)
            .map(|number| number * BAR_WORDS_EVERY)
            .take_while(|down| down + length <= h);
        html! {
            rect .box x="0" y="0" width=(w) height=(h) rx=(w / 3) {}
            (sign(node.mood, middle, 18))
            @for down in std::iter::once(0).chain(again) {
                text .bar-words transform=(format!("translate({middle} {}) rotate(90)", down + 36)) {
                    tspan .name { (name) }
                    @if !prefixes.is_empty() { tspan .line dx="12" { (fit(&prefixes, 420, self.sizes.text.1)) } }
                }
            }
        }
    }

    /// The first floating IP of a server, as a link of its own, and how many more there are.
    fn floating(&self, node: &Node, place: Rect) -> Markup {
        let Some((id, address)) = node.floating.first() else {
            return html! {};
        };
        let key = format!("floating-ip-{id}");
        let words = match node.floating.len() {
            1 => address.clone(),
            count => format!("{address}  +{}", count - 1),
        };
        let width = (width_of(&words, self.sizes.text.1) + 38).min(place.w - 20);
        let height = self.sizes.floating - 6;
        let y = self.sizes.server.1 - 4;
        let is_open = self.shown.open.as_deref() == Some(&key);
        let label = format!("{} {address}", self.t.topology_floating_ip());
        html! {
            a #(key) class=(if is_open { "node chip open" } else { "node chip" }) href=(self.shown.opening(&key))
                data-card=(super::card_address(&key)) aria-label=(label) transform=(format!("translate(10 {y})")) {
                title { (label) }
                rect .box x="0" y="0" width=(width) height=(height) rx=(height / 2) {}
                use .mark href=(format!("{}#globe", assets::path("icons.svg"))) x="8" y=((height - 14) / 2) width="14" height="14" {}
                text .line x="27" y=(height / 2 + 4) { (fit(&words, width - 34, self.sizes.text.1)) }
            }
        }
    }
}

/// Which step of a way a node is, at its corner; a cross where the way ends.
fn way_mark(mark: Mark, x: i32) -> Markup {
    html! {
        g .way-mark aria-hidden="true" transform=(format!("translate({x} 0)")) {
            circle r="12" {}
            @if mark.is_end { path d="M-4 -4L4 4M4 -4L-4 4" {} } @else { text { (mark.number) } }
        }
    }
}

/// How long a network's bar must be for its words.
pub(super) fn bar_length(node: &Node, sizes: &Sizes) -> i32 {
    let name = width_of(&node.name, bold(sizes.text.0)).min(220);
    let prefixes = width_of(&node.lines.join("   "), sizes.text.1).min(420);
    (name + prefixes + 90).max(240)
}

/// A state as a sign: its form says it too, not its colour alone.
pub(super) fn sign(mood: Mood, x: i32, y: i32) -> Markup {
    html! {
        g class={ "sign " (mood.class()) } transform=(format!("translate({x} {y})")) {
            @match mood {
                Mood::Good => { circle r="5" {} }
                Mood::Busy => { circle .turning r="4.5" {} }
                Mood::Idle => { circle .hollow r="4.5" {} }
                Mood::Warn => { path d="M0 -6L6 5H-6Z" {} }
                Mood::Bad => { path .cross d="M-4 -4L4 4M4 -4L-4 4" {} }
            }
        }
    }
}

/// A text, cut where it would be wider than `room`.
fn fit(text: &str, room: i32, size: i32) -> String {
    if width_of(text, size) <= room {
        return text.to_owned();
    }
    let mut width = size * 100;
    let kept = text.chars().take_while(|character| {
        width += size * share_of(*character);
        width <= room * 100
    });
    let kept: String = kept.collect();
    format!("{}…", kept.trim_end())
}

/// A size of bold text, as one of text that is as wide.
fn bold(size: i32) -> i32 {
    size + size / 8
}

/// About how wide a text is: fonts differ, and the server has none.
fn width_of(text: &str, size: i32) -> i32 {
    text.chars().map(|character| size * share_of(character)).sum::<i32>() / 100
}

/// A character's width, in hundredths of its height.
fn share_of(character: char) -> i32 {
    match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' => 34,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '<' | '>' | '=' | '+' | '~' => 90,
        'A'..='Z' => 70,
        '0'..='9' | '/' => 60,
        _ if character.is_ascii() => 58,
        _ if u32::from(character) >= 0x1100 => 102,
        _ => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut() {
        assert_eq!(fit("web", 100, 14), "web");
        assert_eq!(fit("a-server-with-a-very-long-name", 100, 14), "a-server-w…");
        // Hangul is wider.
        assert_eq!(fit("아주 긴 이름을 가진 서버", 100, 14), "아주 긴 이름…");
        assert_eq!(fit("", 100, 14), "");
        assert_eq!(fit("web", 0, 14), "…");
    }
}
