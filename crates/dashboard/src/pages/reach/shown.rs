//! An answer on a page: whether it is reached, what is in the way, and what mends that.

use maud::{Markup, html};

use super::answer::{self, Answer, Blocker, Fix};
use super::question::Asked;
use super::things::{link, origin_words, target_words};
use super::{fix, way};
use crate::ui::{self, icon};
use crate::visit::Visit;

/// The answer to a question, or why there is none.
pub(super) async fn answer(visit: &Visit, asked: &Asked) -> Markup {
    let t = visit.t();
    match answer::ask(visit, asked).await {
        Ok(answer) => whole(visit, asked, &answer),
        Err(problem) => html! { section #reach-answer .card.reach-answer { (ui::problem_box(t, &problem)) } },
    }
}

fn whole(visit: &Visit, asked: &Asked, answer: &Answer) -> Markup {
    let t = visit.t();
    let nothing_back = if answer.is_reached() { "" } else { t.reach_no_way_back() };
    html! {
        section #reach-answer .card.reach-answer.reached[answer.is_reached()] {
            (verdict(visit, asked, answer))
            @if !answer.is_reached() { (blockers(visit, asked, answer)) }
        }
        div .cards.routes {
            (way::card(t, t.reach_way_there(), &answer.request, t.reach_no_way_there()))
            (way::card(t, t.reach_way_back(), &answer.reply, nothing_back))
        }
    }
}

/// Whether it is reached: from where, by what.
fn verdict(visit: &Visit, asked: &Asked, answer: &Answer) -> Markup {
    let t = visit.t();
    let (symbol, words) = match (&answer.destination, answer.is_reached()) {
        (destination, true) => ("check", t.reach_gets_there(destination.as_deref().unwrap_or(&asked.to))),
        (Some(destination), false) => ("x", t.reach_stops_at(destination)),
        (None, false) => ("x", t.reach_stops().to_owned()),
    };
    let (from, to) = (origin_words(visit, asked), target_words(visit, asked));
    html! {
        div .reach-verdict role="status" {
            span .verdict-sign { (icon(symbol)) }
            div .grow {
                h2 { (words) }
                p .muted { (t.trace_to(from, to, asked.means(t))) @if answer.is_reached() { " – " (t.reach_gets_there_text()) } }
            }
            @if !answer.request.is_empty() {
                a .button href=(asked.on_topology()) { (icon("topology")) (t.reach_on_topology()) }
            }
        }
    }
}

fn blockers(visit: &Visit, asked: &Asked, answer: &Answer) -> Markup {
    let t = visit.t();
    let count = answer.blockers.len();
    let all = answer.all().filter(|fixes| fixes.len() > 1 && visit.may_change());
    html! {
        h3 { @if count == 1 { (t.reach_in_the_way_one()) } @else { (t.reach_in_the_way(count)) } }
        ol .blockers { @for blocker in &answer.blockers { (one(visit, asked, blocker)) } }
        div .blockers-end {
            p .muted { @if answer.opens { (t.reach_opens()) } @else { (t.reach_stays_shut()) } }
            @if let Some(fixes) = all { (button(asked, fix::ALL, &t.reach_fix_all(fixes.len()), true)) }
            @else if !visit.may_change() { p .muted { (t.reach_readers_ask()) } }
        }
    }
}

fn one(visit: &Visit, asked: &Asked, blocker: &Blocker) -> Markup {
    let t = visit.t();
    let owner = match blocker.owner.as_str() {
        "you" => t.reach_owner_you(),
        "project" => t.reach_owner_project(),
        _ => t.reach_owner_operator(),
    };
    let button_of = blocker.button().filter(|_| visit.may_change());
    html! {
        li .blocker {
            p .blocker-what { b { (blocker.message.of(t)) } }
            p .blocker-notes {
                code .small { (blocker.code) }
                (ui::tag(owner))
                @if blocker.way == "reply" { (ui::tag(t.reach_on_the_reply())) }
                @for thing in blocker.objects.iter().filter(|thing| thing.id.is_some()) { span .small { (link(t, thing)) } }
            }
            @if let Some(fix) = &blocker.fix { (mend(visit, asked, fix, button_of.is_some())) }
        }
    }
}

fn mend(visit: &Visit, asked: &Asked, fix: &Fix, has_button: bool) -> Markup {
    let t = visit.t();
    html! {
        div .mend {
            div .mend-words {
                p { span .muted { (t.reach_fix()) ": " } (fix.message.of(t)) @if !fix.needed { " " span .muted { "(" (t.reach_fix_spare()) ")" } } }
                @if has_button { (button(asked, &fix.mark(), t.reach_fix_do(), false)) }
            }
            @if !fix.commands.is_empty() { (ui::code_block(t, &fix.commands.join("\n"))) }
        }
    }
}

/// Has a fix made; the page stays, and shows what became of it.
fn button(asked: &Asked, wanted: &str, words: &str, is_main: bool) -> Markup {
    html! {
        form .fix method="post" action="/dashboard/reach/fix" hx-post="/dashboard/reach/fix" hx-swap="none" {
            @for (name, value) in asked.parameters() { input type="hidden" name=(name) value=(value); }
            input type="hidden" name="fix" value=(wanted);
            button .button.main[is_main] type="submit" { (icon("wrench")) (words) }
            div .problem-place aria-live="assertive" {}
        }
    }
}
