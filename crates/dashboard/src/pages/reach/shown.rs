//! An answer on a page: whether it is reached, what is in the way, and what mends that.

use maud::{Markup, html};

use super::answer::{self, Answer, Blocker, Fix};
use super::question::Asked;
use super::things::{link, origin_words, target_words};
use super::{fix, way};
use crate::form::Fields;
use crate::outcome::Problem;
use crate::pages::compute::servers::{need_member, nics};
use crate::ui::{self, icon};
use crate::visit::Visit;

/// The answer to a question, or why there is none.
pub(super) async fn answer(visit: &Visit, asked: &Asked) -> Markup {
    let t = visit.t();
    match answer::ask(visit, asked).await {
        Ok(answer) => whole(visit, asked, &answer, answer::can_look(visit).await),
        Err(problem) => html! { section #reach-answer .card.reach-answer { (ui::problem_box(t, &problem)) } },
    }
}

fn whole(visit: &Visit, asked: &Asked, answer: &Answer, can_look: bool) -> Markup {
    let t = visit.t();
    let nothing_back = if answer.is_reached() { "" } else { t.reach_no_way_back() };
    html! {
        section #reach-answer .card.reach-answer.reached[answer.is_reached()].unsure[answer.is_unsure()] {
            (verdict(visit, asked, answer))
            @if !answer.is_reached() { (blockers(visit, asked, answer)) }
            @if !answer.differences.is_empty() {
                h3 { (t.reach_differences()) }
                ol .blockers { @for blocker in &answer.differences { (one(visit, asked, blocker)) } }
            }
            @if can_look { (looks(visit, asked, answer)) }
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
        (Some(destination), false) if answer.is_unsure() => ("alert", t.reach_unsure(destination)),
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
    let outlook = match count {
        1 if answer.opens => Some(t.reach_opens_one()),
        _ if answer.opens => Some(t.reach_opens()),
        _ => answer
            .blockers
            .iter()
            .any(|blocker| blocker.fix.is_some())
            .then(|| t.reach_stays_shut()),
    };
    html! {
        h3 { (t.reach_in_the_way(count)) }
        ol .blockers { @for blocker in &answer.blockers { (one(visit, asked, blocker)) } }
        @if outlook.is_some() || all.is_some() || !visit.may_change() {
            div .blockers-end {
                @if let Some(words) = outlook { p .muted { (words) } }
                @if let Some(fixes) = all { (button(asked, fix::ALL, &t.reach_fix_all(fixes.len()), true)) }
                @else if !visit.may_change() { p .muted { (t.reach_readers_ask()) } }
            }
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
                @match blocker.source.as_deref() {
                    Some("programmed") => (ui::tag(t.reach_source_host())),
                    Some("observed") => (ui::tag(t.reach_source_seen())),
                    Some("probed") => (ui::tag(t.reach_source_probe())),
                    _ => {}
                }
                @for thing in blocker.objects.iter().filter(|thing| thing.id.is_some()) { span .small { (link(t, thing)) } }
            }
            @if !blocker.evidence.is_empty() { ul .evidence { @for line in &blocker.evidence { li { code { (line) } } } } }
            @match &blocker.fix {
                Some(fix) => (mend(visit, asked, fix, button_of.is_some())),
                None => (step(visit, asked, blocker)),
            }
        }
    }
}

/// The next step where no request alone mends it, since somebody has to choose.
fn step(visit: &Visit, asked: &Asked, blocker: &Blocker) -> Markup {
    let t = visit.t();
    let id_of = |kind: &str| blocker.objects.iter().find(|thing| thing.kind == kind)?.id.as_deref();
    let code = blocker.code.as_str();
    let idle = id_of("floating_ip").filter(|_| code == "FIP_UNASSOCIATED" && visit.may_change());
    // By its floating IP it may be reached; without one, that is what it needs.
    let server = asked
        .to
        .strip_prefix("server:")
        .filter(|_| code == "FIXED_IP_FROM_OUTSIDE");
    let server = server.and_then(|id| visit.cloud().servers.get(&id.parse().ok()?));
    let has_floating = |server| nics(visit.cloud(), server).iter().any(|nic| !nic.floating.is_empty());
    let floating = Asked {
        which: "floating".to_owned(),
        ..asked.clone()
    };
    html! {
        @if let Some(id) = idle {
            p .card-end { (ui::action(&format!("/dashboard/floating-ips/associate?address={id}"), "link", t.reach_step_associate())) }
        }
        @match server {
            Some(server) if has_floating(server) => {
                p .card-end { a .button href=(format!("{}#reach-answer", floating.page())) data-in-place { (icon("globe")) (t.reach_step_floating()) } }
            }
            Some(server) if visit.may_change() => {
                p .card-end { (ui::action(&format!("/dashboard/floating-ips/associate?server={}", server.id), "globe", t.fip_associate())) }
            }
            _ => {}
        }
    }
}

/// What more can be known, where the API can look: at the host itself, and with packets.
fn looks(visit: &Visit, asked: &Asked, answer: &Answer) -> Markup {
    let t = visit.t();
    let other = format!("{}#reach-answer", asked.looking(!asked.look).page());
    let can_probe = visit.may_change() && answer.destination.is_some();
    let words = match (asked.look, answer.tells_of_host()) {
        (true, true) => t.reach_looked_text(),
        (true, false) => t.reach_looked_nothing(),
        (false, _) => t.reach_look_text(),
    };
    html! {
        div .reach-looks {
            p .muted { (words) @if can_probe { " " (t.reach_probe_text()) } }
            a .button href=(other) data-in-place { (icon("eye")) @if asked.look { (t.reach_look_not()) } @else { (t.reach_look()) } }
            @if can_probe {
                form method="post" action="/dashboard/reach/probe" hx-post="/dashboard/reach/probe" hx-target="#dialog-body" hx-disabled-elt="find [type=submit]" {
                    @for (name, value) in asked.looking(false).parameters() { input type="hidden" name=(name) value=(value); }
                    button .button type="submit" { (icon("swap")) (t.reach_probe()) }
                    div .problem-place aria-live="assertive" {}
                }
            }
        }
    }
}

/// Has packets sent, and shows what became of them.
pub(super) async fn probe(visit: Visit, fields: Fields) -> crate::outcome::Answer {
    let t = visit.t();
    need_member(&visit)?;
    let asked = Asked::read(&fields);
    let answer = answer::probe(&visit, &asked).await?;
    let Some(probe) = &answer.probe else {
        return Err(Problem::inside("the API's answer tells of no probe"));
    };
    let is_answered = probe.verdict == "answered";
    let words = match &probe.message {
        Some(message) => message.of(t),
        None if is_answered => t.reach_probe_answered(),
        None => t.reach_probe_silent(),
    };
    let (from, to) = (origin_words(&visit, &asked), target_words(&visit, &asked));
    let probed = |blocker: &&Blocker| blocker.source.as_deref() == Some("probed");
    let body = html! {
        p .muted { (t.trace_to(from, to, asked.means(t))) @if let Some(sent) = probe.sent { " – " (t.reach_probe_sent(sent)) } }
        p .note.good[is_answered].warn[!is_answered] { (words) }
        ol .blockers { @for blocker in answer.blockers.iter().filter(probed) { (one(&visit, &asked, blocker)) } }
        p .card-end { a .button href=(asked.looking(true).page()) { (icon("eye")) (t.reach_look()) } }
    };
    Ok(visit.form(t.reach_probe_title(), body))
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
