//! A packet's way: the places that it comes by, and what happens to it there.

use maud::{Markup, html};

use super::answer::{Hop, Packet};
use super::things::{link, symbol};
use crate::messages::Text;
use crate::ui::icon;

/// Steps at one place.
pub(crate) fn places(hops: &[Hop]) -> impl Iterator<Item = &[Hop]> {
    hops.chunk_by(|one, next| one.place == next.place)
}

/// A way, place by place; `nothing` says why there is none.
pub(super) fn card(t: Text, title: &str, hops: &[Hop], nothing: &str) -> Markup {
    html! {
        section .card.route {
            h2 { (title) }
            @if hops.is_empty() { p .muted { (nothing) } } @else {
                ol .route-places { @for steps in places(hops) { (place(t, steps)) } }
            }
        }
    }
}

fn place(t: Text, steps: &[Hop]) -> Markup {
    let Some(first) = steps.first() else { return html! {} };
    let is_stop = steps.iter().any(Hop::is_stop);
    html! {
        li .route-place.stopped[is_stop] {
            p .route-name { span .route-icon { (icon(symbol(&first.place.kind))) } b { (link(t, &first.place)) } }
            ul .route-steps { @for step in steps { (one(t, step)) } }
        }
    }
}

fn one(t: Text, step: &Hop) -> Markup {
    let (class, sign, words) = match step.verdict.as_str() {
        "passed" => ("hop good", "check", t.reach_passed()),
        "assumed" => ("hop warn", "alert", t.reach_assumed()),
        _ => ("hop bad", "x", t.reach_stopped()),
    };
    html! {
        li class=(class) {
            span .hop-sign { (icon(sign)) span .sr { (words) ": " } }
            div {
                p { (step.message.of(t)) }
                (layers(t, step))
                @if let Some(after) = &step.becomes { (translation(t, &step.packet, after)) }
            }
        }
    }
}

/// What the host holds and what was seen on it, beside what was declared; nothing where nobody looked.
fn layers(t: Text, step: &Hop) -> Markup {
    let layer = |name: &str, state: &Option<String>| {
        let (class, words) = match state.as_deref()? {
            "agrees" => ("good", t.reach_layer_agrees()),
            "differs" => ("bad", t.reach_layer_differs()),
            // Most steps leave nothing behind that could be seen: that it is not known need not be said at each.
            _ => return None,
        };
        Some(html! { span class=(class) { (name) ": " (words) } })
    };
    let programmed = layer(t.reach_layer_programmed(), &step.programmed);
    let observed = layer(t.reach_layer_observed(), &step.observed);
    html! {
        @if programmed.is_some() || observed.is_some() {
            p .layers { @if let Some(words) = programmed { (words) " " } @if let Some(words) = observed { (words) } }
        }
    }
}

/// Addresses before and after, what changed in bold.
fn translation(t: Text, before: &Packet, after: &Packet) -> Markup {
    let (from, to) = (before.ends(), after.ends());
    let end = |text: &str, is_changed: bool| html! { @if is_changed { b { (text) } } @else { (text) } };
    let packet = |ends: &(String, String), other: &(String, String)| {
        html! { code { (end(&ends.0, ends.0 != other.0)) " → " (end(&ends.1, ends.1 != other.1)) } }
    };
    html! {
        p .translation {
            span .muted.small { (t.reach_translated()) }
            span .translation-ends { (packet(&from, &to)) span aria-hidden="true" { "⇒" } (packet(&to, &from)) }
        }
    }
}
