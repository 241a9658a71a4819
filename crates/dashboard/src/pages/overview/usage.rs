//! What the project's servers took, day by day, as small plots.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use model::Timestamp;
use model::compute::usage::{Launched, Period, Taken};
use serde::Deserialize;

use crate::messages::Text;
use crate::pages::csv::{self, cell};
use crate::ui::icon;
use crate::visit::Visit;

const DAY_SECONDS: i64 = 86_400;
/// Usage is told up to the last full step.
const STEP_SECONDS: i64 = 600;
/// The days that can be chosen; deleted servers are remembered for the longest.
const CHOICES: [i64; 3] = [7, 14, 30];

/// Which days.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    days: i64,
}

/// A day, UTC, and what was taken in it.
struct Day {
    start: Timestamp,
    taken: Taken,
}

impl Wanted {
    fn days(&self) -> i64 {
        if CHOICES.contains(&self.days) {
            self.days
        } else {
            CHOICES[0]
        }
    }
}

pub(super) fn card(visit: &Visit, wanted: &Wanted) -> Markup {
    let t = visit.t();
    let days = wanted.days();
    let table = days_of(visit, days);
    let is_used = table.iter().any(|day| day.taken.servers > 0.0);
    html! {
        section .card #usage {
            header .card-head {
                div { h2 { (t.overview_usage()) } p .muted { (t.overview_usage_lead()) } }
                nav .choice-links aria-label=(t.overview_usage_days_label()) {
                    @for choice in CHOICES {
                        a href=(format!("/dashboard/?days={choice}#usage")) aria-current=[(choice == days).then_some("true")] {
                            (t.overview_usage_days(choice))
                        }
                    }
                }
            }
            @if is_used {
                div .plots {
                    (plot(t, t.overview_server_hours(), &table, |taken| taken.servers))
                    (plot(t, t.overview_vcpu_hours(), &table, |taken| taken.vcpus))
                    (plot(t, t.overview_memory_hours(), &table, |taken| taken.memory_mib / 1024.0))
                }
                (as_table(t, &table))
                p .card-foot {
                    a .button.small href=(format!("/dashboard/usage.csv?days={days}")) download="usage.csv" { (icon("download")) (t.admin_usage_csv()) }
                }
            } @else {
                p .muted { (t.overview_usage_none()) }
            }
        }
    }
}

/// The project's servers in the days chosen, a line each.
pub(super) async fn download(visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    let period = last_days(&visit, wanted.days());
    let row = |(server, launched): Launched| {
        let hours = period.hours(&server, launched);
        let flavor = &server.flavor;
        format!(
            "{},{},{},{},{},{},{hours:.2}",
            cell(&server.name),
            server.id,
            cell(&flavor.name),
            flavor.vcpus,
            flavor.memory_mib,
            flavor.root_gib + flavor.ephemeral_gib,
        )
    };
    let servers = period.counted(visit.cloud(), Some(visit.project_id()));
    csv::file(
        "server,server_id,flavor,vcpus,memory_mb,disk_gb,hours",
        servers.into_iter().map(row),
    )
}

/// What time it is, rounded down, so that a page on which nothing happens stays the same for a while.
pub(in crate::pages) fn rounded_now(visit: &Visit) -> Timestamp {
    let now = visit.control().now().unix_seconds();
    Timestamp::from_unix_seconds(now - now.rem_euclid(STEP_SECONDS))
}

/// Today, as far as it has come, and the days before it.
fn last_days(visit: &Visit, days: i64) -> Period {
    let now = rounded_now(visit).unix_seconds();
    let today = now - now.rem_euclid(DAY_SECONDS);
    Period {
        start: Timestamp::from_unix_seconds(today - (days - 1) * DAY_SECONDS),
        stop: Timestamp::from_unix_seconds(now),
    }
}

fn days_of(visit: &Visit, days: i64) -> Vec<Day> {
    let whole = last_days(visit, days);
    let servers = whole.counted(visit.cloud(), Some(visit.project_id()));
    let day = |back: i64| {
        let start = whole.start.plus_seconds((days - 1 - back) * DAY_SECONDS);
        let stop = start.plus_seconds(DAY_SECONDS).min(whole.stop);
        Day {
            start,
            taken: Period { start, stop }.taken(&servers),
        }
    };
    (0..days).rev().map(day).collect()
}

/// As people write it: whole from a hundred on, else with one place. What is not nothing is never written as nothing.
pub(in crate::pages) fn figure(number: f64) -> String {
    if number >= 100.0 || number == 0.0 {
        format!("{number:.0}")
    } else if number < 0.1 {
        "<0.1".to_owned()
    } else {
        format!("{number:.1}")
    }
}

/// `11-23`.
fn short_date(at: Timestamp) -> String {
    at.seconds_z().get(5..10).unwrap_or_default().to_owned()
}

/// Bars, one a day. What it shows is said in words besides, and below in a table.
fn plot(t: Text, name: &str, days: &[Day], value: fn(&Taken) -> f64) -> Markup {
    const HEIGHT: f64 = 64.0;
    const WIDTH: usize = 12;
    let total: f64 = days.iter().map(|day| value(&day.taken)).sum();
    let most = days.iter().map(|day| value(&day.taken)).fold(0.0, f64::max);
    let height = |day: &Day| {
        if most > 0.0 {
            value(&day.taken) / most * HEIGHT
        } else {
            0.0
        }
    };
    let ends = days.first().zip(days.last());
    html! {
        figure .plot {
            figcaption { b { (name) } span .muted { (t.overview_usage_total(figure(total))) } }
            svg viewBox=(format!("0 0 {} 66", days.len() * WIDTH)) preserveAspectRatio="none" role="img" aria-label=(format!("{name}: {}", figure(total))) {
                @for (index, day) in days.iter().enumerate() {
                    g {
                        title { (short_date(day.start)) ": " (figure(value(&day.taken))) }
                        rect .plot-place x=(index * WIDTH) y="0" width=(WIDTH) height="66" {}
                        // A little is seen, nothing is not.
                        @if value(&day.taken) > 0.0 {
                            rect .plot-bar x=(index * WIDTH + 2) width=(WIDTH - 4) rx="1.5"
                                y=(format!("{:.1}", 65.0 - height(day))) height=(format!("{:.1}", height(day) + 1.0)) {}
                        }
                    }
                }
            }
            @if let Some((first, last)) = ends {
                p .plot-ends.muted.small aria-hidden="true" { span { (short_date(first.start)) } span { (short_date(last.start)) } }
            }
        }
    }
}

fn as_table(t: Text, days: &[Day]) -> Markup {
    html! {
        details .more #usage-table {
            summary { (t.overview_usage_table()) }
            div .table-scroll tabindex="0" role="region" aria-label=(t.overview_usage_table()) { table {
                thead { tr {
                    th scope="col" { (t.overview_usage_day()) } th scope="col" .number { (t.overview_server_hours()) }
                    th scope="col" .number { (t.overview_vcpu_hours()) } th scope="col" .number { (t.overview_memory_hours()) }
                } }
                tbody {
                    @for day in days.iter().rev() {
                        tr {
                            td { (day.start.seconds_z().get(..10).unwrap_or_default()) }
                            td .number { (figure(day.taken.servers)) }
                            td .number { (figure(day.taken.vcpus)) }
                            td .number { (figure(day.taken.memory_mib / 1024.0)) }
                        }
                    }
                }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(figure(0.0), "0");
        assert_eq!(figure(0.04), "<0.1");
        assert_eq!(figure(0.26), "0.3");
        assert_eq!(figure(23.96), "24.0");
        assert_eq!(figure(240.4), "240");
        assert_eq!(short_date(Timestamp::from_unix_seconds(1_767_323_045)), "01-02");
    }
}
