//! What every project's servers took in a time that can be chosen, as a page and as a file for a spreadsheet.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use model::compute::usage::{Launched, Period, Taken};
use model::{ProjectId, Timestamp};

use super::{HERE as PROJECTS, project_tabs};
use crate::form::Fields;
use crate::layout::{Content, project_name};
use crate::outcome::{Answer, Problem, in_query};
use crate::pages::admin::common::Admin;
use crate::pages::csv::{self, cell};
use crate::pages::overview::{figure, rounded_now};
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::Visit;

pub(super) const HERE: &str = "/dashboard/admin/projects/usage";
const CSV: &str = "/dashboard/admin/projects/usage.csv";
const DAY_SECONDS: i64 = 86_400;
/// Days shown unless others are asked for.
const USUAL_DAYS: i64 = 30;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route(HERE, get(show)).route(CSV, get(download))
}

/// The days asked for, both included.
struct Days {
    from: String,
    until: String,
    period: Period,
}

impl Days {
    fn read(visit: &Visit, fields: &Fields) -> Result<Self, Problem> {
        let now = rounded_now(visit);
        let until = fields.text("until").map_or_else(|| day_of(now), str::to_owned);
        let usual = now.plus_seconds(-(USUAL_DAYS - 1) * DAY_SECONDS);
        let from = fields.text("from").map_or_else(|| day_of(usual), str::to_owned);
        let period = Period {
            start: start_of(&from)?,
            stop: start_of(&until)?.plus_seconds(DAY_SECONDS).min(now),
        };
        if period.start > period.stop {
            return Err(Problem::in_form(visit.t().admin_usage_wrong()));
        }
        Ok(Self { from, until, period })
    }
}

/// `2026-11-23`.
fn day_of(at: Timestamp) -> String {
    at.seconds_z().get(..10).unwrap_or_default().to_owned()
}

fn start_of(day: &str) -> Result<Timestamp, Problem> {
    let date: Date = day.parse().map_err(|_| Problem::in_form(day))?;
    let start = date.to_zoned(TimeZone::UTC).map_err(|_| Problem::in_form(day))?;
    Ok(Timestamp::new(start.timestamp()))
}

/// A project's servers in the time, and what they took.
struct Line {
    project: ProjectId,
    servers: usize,
    taken: Taken,
}

fn lines(visit: &Visit, period: &Period) -> Vec<Line> {
    let mut by_project: BTreeMap<ProjectId, Vec<Launched>> = BTreeMap::new();
    for launched in period.counted(visit.cloud(), None) {
        by_project
            .entry(launched.0.project_id.clone())
            .or_default()
            .push(launched);
    }
    let line = |(project, servers): (ProjectId, Vec<Launched>)| Line {
        project,
        servers: servers.len(),
        taken: period.taken(&servers),
    };
    by_project.into_iter().map(line).collect()
}

async fn show(Admin(visit): Admin, fields: Fields) -> Answer {
    let t = visit.t();
    let days = Days::read(&visit, &fields)?;
    let lines = lines(&visit, &days.period);
    let file = format!("{CSV}?from={}&until={}", in_query(&days.from), in_query(&days.until));
    let body = html! {
        (ui::head(t.admin_usage(), t.admin_usage_lead(), html! {
            a .button href=(file) download="usage.csv" { (icon("download")) (t.admin_usage_csv()) }
        }))
        (project_tabs(&visit))
        form .line-form.days method="get" action=(HERE) {
            label { (t.admin_usage_from()) " " input type="date" name="from" value=(days.from) required; }
            label { (t.admin_usage_until()) " " input type="date" name="until" value=(days.until) required; }
            button .button type="submit" { (t.admin_usage_show()) }
        }
        @if lines.is_empty() {
            (ui::empty("gauge", t.admin_usage_empty(), t.admin_usage_lead(), html! {}))
        } @else { (table(&visit, &lines)) }
    };
    // The command's end is the midnight before that day.
    let end = day_of(start_of(&days.until)?.plus_seconds(DAY_SECONDS));
    Ok(visit.page(
        Content::new(t.admin_usage(), body).cli([format!("openstack usage list --start {} --end {end}", days.from)]),
    ))
}

fn table(visit: &Visit, lines: &[Line]) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    html! {
        div .table-frame {
            table {
                thead { tr {
                    th scope="col" { (t.project()) } th scope="col" .number { (t.nav_servers()) }
                    th scope="col" .number { (t.overview_server_hours()) } th scope="col" .number { (t.overview_vcpu_hours()) }
                    th scope="col" .number { (t.overview_memory_hours()) } th scope="col" .number { (t.admin_usage_disk_hours()) }
                } }
                tbody {
                    @for line in lines {
                        tr {
                            td data-label=(t.project()) { a href=(format!("{PROJECTS}/{}", line.project)) { (project_name(cloud, &line.project)) } }
                            td .number data-label=(t.nav_servers()) { (line.servers) }
                            td .number data-label=(t.overview_server_hours()) { (figure(line.taken.servers)) }
                            td .number data-label=(t.overview_vcpu_hours()) { (figure(line.taken.vcpus)) }
                            td .number data-label=(t.overview_memory_hours()) { (figure(line.taken.memory_mib / 1024.0)) }
                            td .number data-label=(t.admin_usage_disk_hours()) { (figure(line.taken.disk_gib)) }
                        }
                    }
                }
            }
        }
    }
}

async fn download(Admin(visit): Admin, fields: Fields) -> Answer<Response> {
    let days = Days::read(&visit, &fields)?;
    let row = |line: Line| {
        let taken = line.taken;
        format!(
            "{},{},{},{:.2},{:.2},{:.2},{:.2}",
            cell(&project_name(visit.cloud(), &line.project)),
            cell(line.project.as_str()),
            line.servers,
            taken.servers,
            taken.vcpus,
            taken.memory_mib / 1024.0,
            taken.disk_gib,
        )
    };
    Ok(csv::file(
        "project,project_id,servers,server_hours,vcpu_hours,memory_gb_hours,disk_gb_hours",
        lines(&visit, &days.period).into_iter().map(row),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight() {
        assert!(start_of("2026-01-02").is_ok_and(|at| at.seconds_z() == "2026-01-02T00:00:00Z"));
        assert!(start_of("2026-02-30").is_err());
    }
}
