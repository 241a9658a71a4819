//! The services by the names that OpenStack has for them: here all are parts of one program. Those that take new work can
//! be told not to.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem, in_query};
use crate::pages::admin::common::{Admin, enabled, send_button};
use crate::site::Site;
use crate::ui::{self, Field, Mood, badge};
use crate::visit::Visit;

const DISABLE: &str = "/dashboard/admin/host/services/disable";
const ENABLE: &str = "/dashboard/admin/host/services/enable";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(DISABLE, get(ask_disable).post(disable))
        .route(ENABLE, post(enable))
}

/// A service as the lists of three services tell of it.
struct Line {
    kind: &'static str,
    binary: String,
    host: String,
    zone: String,
    is_up: bool,
    is_enabled: bool,
    reason: String,
    /// Nova's id.
    id: String,
}

impl Line {
    fn of(kind: &'static str, service: &Value) -> Self {
        let text = |name: &str| service[name].as_str().unwrap_or_default().to_owned();
        Self {
            kind,
            binary: text("binary"),
            host: text("host"),
            zone: if kind == "network" {
                text("availability_zone")
            } else {
                text("zone")
            },
            is_up: if kind == "network" {
                service["alive"] == true
            } else {
                service["state"] == "up"
            },
            is_enabled: if kind == "network" {
                service["admin_state_up"] == true
            } else {
                service["status"] == "enabled"
            },
            reason: text("disabled_reason"),
            id: text("id"),
        }
    }

    /// Whether telling it to take no new work has an effect.
    fn can_be_disabled(&self) -> bool {
        matches!(self.binary.as_str(), "nova-compute" | "cinder-volume" | "cinder-backup")
    }

    fn fields(&self) -> [(&'static str, &str); 4] {
        [
            ("kind", self.kind),
            ("binary", &self.binary),
            ("host", &self.host),
            ("service", &self.id),
        ]
    }
}

async fn lines(visit: &Visit) -> Result<Vec<Line>, Problem> {
    let mut lines = Vec::new();
    for (kind, path, list) in [
        ("compute", "/compute/v2.1/os-services", "services"),
        ("volume", "/volume/v3/os-services", "services"),
        ("network", "/networking/v2.0/agents", "agents"),
    ] {
        let answer = visit.get(path).await?;
        lines.extend(
            answer[list]
                .as_array()
                .into_iter()
                .flatten()
                .map(|service| Line::of(kind, service)),
        );
    }
    Ok(lines)
}

pub(super) async fn card(visit: &Visit) -> Result<Markup, Problem> {
    let t = visit.t();
    let lines = lines(visit).await?;
    Ok(html! {
        section .card #services {
            h2 { (t.admin_services()) }
            div .table-scroll { table {
                thead { tr {
                    th scope="col" { (t.access_service()) } th scope="col" { (t.admin_host()) } th scope="col" { (t.admin_host_zone()) }
                    th scope="col" { (t.status()) } th scope="col" { (t.admin_takes_work()) } th .row-menu { span .sr { (t.actions()) } }
                } }
                tbody {
                    @for line in &lines {
                        tr {
                            td { (line.binary) }
                            td { (line.host) }
                            td { (line.zone) }
                            td { @if line.is_up { (badge(Mood::Good, t.admin_service_up())) } @else { (badge(Mood::Bad, t.admin_service_down())) } }
                            td { (enabled(t, line.is_enabled)) @if !line.reason.is_empty() { p .muted.small { (line.reason) } } }
                            td .row-menu { @if line.can_be_disabled() { (action(visit, line)) } }
                        }
                    }
                }
            } }
        }
    })
}

fn action(visit: &Visit, line: &Line) -> Markup {
    let t = visit.t();
    if !line.is_enabled {
        return send_button(ENABLE, &line.fields(), "", html! { (t.admin_enable()) });
    }
    let query: Vec<_> = line
        .fields()
        .iter()
        .map(|(name, value)| format!("{name}={}", in_query(value)))
        .collect();
    ui::dialog_link(
        &format!("{DISABLE}?{}", query.join("&")),
        "button small",
        html! { (t.admin_disable()) },
    )
}

/// What does it on the command line.
fn disable_command(fields: &Fields) -> String {
    let (host, binary) = (
        ui::shell_word(fields.plain("host")),
        ui::shell_word(fields.plain("binary")),
    );
    match fields.plain("kind") {
        "volume" => format!("openstack volume service set --disable {host} {binary}"),
        _ => format!("openstack compute service set --disable {host} {binary}"),
    }
}

async fn ask_disable(Admin(visit): Admin, fields: Fields) -> Answer {
    let t = visit.t();
    let body = html! {
        form method="post" action=(DISABLE) hx-post=(DISABLE) hx-swap="none" {
            @for name in ["kind", "binary", "host", "service"] { input type="hidden" name=(name) value=(fields.plain(name)); }
            p { (t.admin_service_disable_hint()) }
            (ui::text(Field { name: "reason", label: t.admin_reason(), hint: t.optional(), ..Field::default() }))
            (ui::submit_warning(t, t.admin_disable()))
        }
        (ui::command_line(t, &[disable_command(&fields)]))
    };
    Ok(visit.form(
        &t.admin_service_disable(fields.plain("binary"), fields.plain("host")),
        body,
    ))
}

async fn disable(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    change(&visit, &fields, false).await
}

async fn enable(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    change(&visit, &fields, true).await
}

async fn change(visit: &Visit, fields: &Fields, is_enabled: bool) -> Answer<Done> {
    let reason = fields.text("reason").filter(|_| !is_enabled);
    if fields.plain("kind") == "volume" {
        let mut body = json!({"host": fields.plain("host"), "binary": fields.plain("binary")});
        let action = match (is_enabled, reason) {
            (true, _) => "enable",
            (false, None) => "disable",
            (false, Some(reason)) => {
                body["disabled_reason"] = reason.into();
                "disable-log-reason"
            }
        };
        visit.put(&format!("/volume/v3/os-services/{action}"), body).await?;
    } else {
        let mut body = json!({"status": if is_enabled { "enabled" } else { "disabled" }});
        if let Some(reason) = reason {
            body["disabled_reason"] = reason.into();
        }
        visit
            .put(
                &format!("/compute/v2.1/os-services/{}", in_query(fields.plain("service"))),
                body,
            )
            .await?;
    }
    Ok(Done::saying(visit.t().saved()))
}
