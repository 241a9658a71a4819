//! Host aggregates and the availability zones that they make.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use model::compute::Aggregate;
use model::compute::aggregate::ZONE;
use serde_json::{Value, json};

use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::admin::common::{Admin, send_button};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Field, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/admin/host/aggregates";
const API: &str = "/compute/v2.1/os-aggregates";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/admin/host/aggregates/new", get(new).post(create))
        .route("/dashboard/admin/host/aggregates/{id}/edit", get(edit).post(update))
        .route("/dashboard/admin/host/aggregates/{id}/add", post(add))
        .route("/dashboard/admin/host/aggregates/{id}/remove", post(remove))
        .merge(deletion::routes_of_admins(
            deletion::Kind::Aggregate,
            "/dashboard/admin/host/aggregates/delete",
            None,
            victim,
        ))
}

pub(super) fn card(visit: &Visit) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    html! {
        section .card #aggregates {
            header .card-head {
                div { h2 { (t.admin_aggregates()) } p .muted { (t.admin_aggregates_lead()) } }
                (ui::action(&format!("{HERE}/new"), "plus", t.admin_aggregate_new()))
            }
            @if cloud.aggregates.is_empty() { p .muted { (t.none_yet()) } } @else {
                div .table-scroll { table {
                    thead { tr {
                        th scope="col" { (t.name()) } th scope="col" { (t.admin_host_zone()) } th scope="col" { (t.admin_hosts()) }
                        th scope="col" { (t.admin_metadata()) } th .row-menu { span .sr { (t.actions()) } }
                    } }
                    tbody { @for row in cloud.aggregates.iter() { (line(visit, row)) } }
                } }
            }
        }
    }
}

fn line(visit: &Visit, row: &Aggregate) -> Markup {
    let t = visit.t();
    let host = visit.control().host_id();
    let at = |what: &str| format!("{HERE}/{}/{what}", row.id);
    html! {
        tr {
            td { (row.name) }
            td { @match row.zone() { Some(zone) => (zone), None => span .muted { (t.none()) } } }
            td {
                div .inline {
                    @for member in &row.hosts {
                        (tag(member.as_str()))
                        (send_button(&at("remove"), &[("host", member.as_str())], "plain", html! { (icon("x")) span .sr { (t.remove()) " " (member) } }))
                    }
                    @if !row.hosts.contains(host) {
                        (send_button(&at("add"), &[("host", host.as_str())], "", html! { (icon("plus")) (host) }))
                    }
                }
            }
            td { @for (key, value) in row.metadata.iter().filter(|(key, _)| *key != ZONE) { (tag(&format!("{key}={value}"))) } }
            td .row-menu {
                div .inline {
                    (ui::dialog_link(&at("edit"), "button small", html! { (icon("pencil")) (t.edit()) }))
                    (ui::dialog_link(&format!("{HERE}/delete?id={}", row.id), "button small danger", html! { (icon("trash")) (t.delete()) }))
                }
            }
        }
    }
}

fn common_fields(visit: &Visit, of: Option<&Aggregate>) -> Markup {
    let t = visit.t();
    html! {
        (ui::text(Field { name: "name", label: t.name(), value: of.map_or("", |row| &row.name), required: true, ..Field::default() }))
        (ui::text(Field {
            name: "zone",
            label: t.admin_host_zone(),
            hint: t.admin_aggregate_zone_hint(),
            value: of.and_then(Aggregate::zone).unwrap_or_default(),
            ..Field::default()
        }))
    }
}

async fn new(Admin(visit): Admin) -> Answer {
    let t = visit.t();
    let at = format!("{HERE}/new");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (common_fields(&visit, None))
            (ui::submit(t, t.admin_aggregate_new(), false))
        }
        (ui::command_line(t, &["openstack aggregate create --zone zone1 fast".to_owned()]))
    };
    Ok(visit.form(t.admin_aggregate_new(), body))
}

async fn create(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    let mut aggregate = json!({"name": fields.plain("name")});
    if let Some(zone) = fields.text("zone") {
        aggregate["availability_zone"] = zone.into();
    }
    visit.post(API, json!({"aggregate": aggregate})).await?;
    Ok(Done::saying(visit.t().admin_made(fields.plain("name"))))
}

async fn edit(Admin(visit): Admin, Path(id): Path<u64>) -> Answer {
    let t = visit.t();
    let row = visit.cloud().get::<Aggregate>(&id)?;
    let at = format!("{HERE}/{id}/edit");
    let metadata: Vec<_> = row
        .metadata
        .iter()
        .filter(|(key, _)| *key != ZONE)
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (common_fields(&visit, Some(&row)))
            (ui::text_area(Field {
                name: "metadata",
                label: t.admin_metadata(),
                hint: t.admin_metadata_hint(),
                value: &metadata.join("\n"),
                example: "ssd=true",
                ..Field::default()
            }, 4))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack aggregate set --zone zone1 --property ssd=true {}", row.id)]))
    };
    Ok(visit.form(&t.edit_title(t.pick("host aggregate", "호스트 집합"), &row.name), body))
}

/// The metadata as the form has it: items that are not there any more are taken away.
fn metadata(row: &Aggregate, fields: &Fields) -> Result<BTreeMap<String, Value>, Problem> {
    let mut wanted = BTreeMap::new();
    for line in fields
        .plain("metadata")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| Problem::in_form(format!("{line}: key=value")))?;
        wanted.insert(key.trim().to_owned(), value.trim().into());
    }
    if let Some(zone) = fields.text("zone") {
        wanted.insert(ZONE.to_owned(), zone.into());
    }
    let kept: BTreeSet<_> = wanted.keys().cloned().collect();
    let gone = row.metadata.keys().filter(|key| !kept.contains(*key));
    wanted.extend(gone.map(|key| (key.clone(), Value::Null)));
    Ok(wanted)
}

async fn update(Admin(visit): Admin, Path(id): Path<u64>, fields: Fields) -> Answer<Done> {
    let row = visit.cloud().get::<Aggregate>(&id)?;
    let metadata = metadata(&row, &fields)?;
    if fields.plain("name") != row.name {
        visit
            .put(
                &format!("{API}/{id}"),
                json!({"aggregate": {"name": fields.plain("name")}}),
            )
            .await?;
    }
    if !metadata.is_empty() {
        visit
            .post(
                &format!("{API}/{id}/action"),
                json!({"set_metadata": {"metadata": metadata}}),
            )
            .await?;
    }
    Ok(Done::saying(visit.t().saved()))
}

async fn add(Admin(visit): Admin, Path(id): Path<u64>, fields: Fields) -> Answer<Done> {
    visit
        .post(
            &format!("{API}/{id}/action"),
            json!({"add_host": {"host": fields.plain("host")}}),
        )
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn remove(Admin(visit): Admin, Path(id): Path<u64>, fields: Fields) -> Answer<Done> {
    visit
        .post(
            &format!("{API}/{id}/action"),
            json!({"remove_host": {"host": fields.plain("host")}}),
        )
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let row = visit.cloud().get::<Aggregate>(&deletion::parsed(id)?)?;
    let victim = Victim::new(row.id, &row.name, format!("{API}/{}", row.id));
    if row.hosts.is_empty() {
        return Ok(victim);
    }
    let t = visit.t();
    Ok(victim
        .blocked(t.admin_aggregate_has_hosts(row.hosts.len()))
        .step("/dashboard/admin/host#aggregates", t.nav_admin_overview()))
}
