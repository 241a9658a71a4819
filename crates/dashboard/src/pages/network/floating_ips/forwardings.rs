//! The port forwardings of a floating IP, on its page.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use model::FloatingIpId;
use model::network::access::get_visible;
use model::network::port_forwarding::{self, PROTOCOLS, PortRange};
use model::network::{FloatingIp, Network, PortForwarding};
use serde_json::json;

use super::{API, HERE, port_link, target_name, targets};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::deletion::{self, Kind, Victim};
use crate::pages::network::port_range;
use crate::site::Site;
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/floating-ips/{id}/forwardings/new", get(new).post(create))
        .route(
            "/dashboard/floating-ips/{id}/forwardings/delete",
            get(ask_delete).post(delete),
        )
}

/// Ports as people write them.
fn shown((first, last): PortRange) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}–{last}")
    }
}

/// The forwardings, with what adds one.
pub(super) fn card(visit: &Visit, row: &FloatingIp) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let mut forwardings: Vec<_> = port_forwarding::of_floating_ip(cloud, row.id).collect();
    forwardings.sort_by_key(|forwarding| (forwarding.protocol.clone(), forwarding.external_ports));
    html! {
        section .card #forwardings {
            header .card-head {
                h2 { (t.fwd_title()) " " span .muted { (forwardings.len()) } }
                @if row.port_id.is_none() { (ui::action(&format!("{HERE}/{}/forwardings/new", row.id), "plus", t.fwd_new())) }
            }
            p .muted { (if row.port_id.is_some() { t.fwd_not_now() } else { t.fwd_lead() }) }
            @if !forwardings.is_empty() {
                div .table-scroll { table {
                    thead { tr {
                        th { (t.fwd_protocol()) } th { (t.fwd_outside()) } th { (t.fwd_target()) } th { (t.fwd_inside()) }
                        th { (t.description()) }
                        th .row-menu { span .sr { (t.actions()) } }
                    } }
                    tbody { @for forwarding in forwardings { (table_row(visit, forwarding)) } }
                } }
            }
        }
    }
}

fn table_row(visit: &Visit, forwarding: &PortForwarding) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let at = format!(
        "{HERE}/{}/forwardings/delete?id={}",
        forwarding.floating_ip_id, forwarding.id
    );
    let port = cloud.ports.get(&forwarding.internal_port_id);
    html! {
        tr {
            td { (forwarding.protocol.to_uppercase()) }
            td { code { (shown(forwarding.external_ports)) } }
            td { @if let Some(port) = port { (port_link(visit, port, Some(forwarding.internal_ip_address))) } }
            td { code { (shown(forwarding.internal_ports)) } }
            td { (forwarding.standard.description) }
            td .row-menu { (ui::dialog_link(&at, "button small danger", html! { (icon("trash")) (t.remove()) })) }
        }
    }
}

/// Where ports can be forwarded to: what the address reaches and has no floating IP of its own.
fn choices(visit: &Visit, row: &FloatingIp) -> Answer<Vec<Choice>> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let external = cloud.get::<Network>(&row.floating_network_id)?;
    let mut targets = targets::of_project(visit, &row.standard.project_id, &external);
    for target in targets.iter_mut().filter(|target| target.obstacle.is_none()) {
        let own = cloud
            .lookups
            .floating_ips_by_port
            .first(&target.port.id)
            .and_then(|id| cloud.floating_ips.get(id));
        target.obstacle = own.map(|own| targets::Obstacle::Has(own.floating_ip_address));
    }
    Ok(targets.iter().map(|target| target.choice(t)).collect())
}

async fn new(visit: Visit, Path(id): Path<FloatingIpId>) -> Answer {
    let t = visit.t();
    let row = get_visible::<FloatingIp>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/forwardings/new");
    let targets = choices(&visit, &row)?;
    let protocols: Vec<_> = PROTOCOLS
        .iter()
        .map(|name| Choice::new(name, name.to_uppercase()))
        .collect();
    let body = html! {
        p .lead-in { (t.fip_word()) ": " code { (row.floating_ip_address) } }
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::pick(
                Field {
                    name: "protocol",
                    label: t.fwd_protocol(),
                    value: "tcp",
                    required: true,
                    ..Field::default()
                },
                None,
                &protocols,
            ))
            (ui::text(Field {
                name: "outside",
                label: t.fwd_outside(),
                hint: t.fwd_outside_hint(),
                example: "2222",
                required: true,
                ..Field::default()
            }))
            @if targets.is_empty() { p .note.warn { (t.fip_target_none()) } } @else {
                (ui::pick(
                    Field {
                        name: "target",
                        label: t.fwd_target(),
                        hint: t.fip_target_hint(),
                        required: true,
                        ..Field::default()
                    },
                    Some(t.fwd_target_which().trim_end_matches('.')),
                    &targets,
                ))
            }
            (ui::text(Field {
                name: "inside",
                label: t.fwd_inside(),
                hint: t.fwd_inside_hint(),
                example: "22",
                ..Field::default()
            }))
            (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
            (ui::submit(t, t.fwd_new(), false))
        }
        (ui::command_line(t, &[format!(
            "openstack floating ip port forwarding create --protocol tcp --external-protocol-port 2222 \\\n  --internal-protocol-port 22 --port PORT --internal-ip-address ADDRESS {id}"
        )]))
    };
    Ok(visit.form(t.fwd_new(), body))
}

/// Ports as the API takes them.
fn range(t: Text, text: &str) -> Result<String, Problem> {
    let (first, last) = port_range(text).ok_or_else(|| Problem::in_form(t.fwd_wrong_ports(text)))?;
    Ok(format!("{first}:{last}"))
}

async fn create(visit: Visit, Path(id): Path<FloatingIpId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let target = fields.text("target").and_then(targets::read);
    let (port, address) = target.ok_or_else(|| Problem::in_form(t.fwd_target_which()))?;
    let outside = range(t, fields.plain("outside"))?;
    let inside = fields.text("inside").map(|text| range(t, text)).transpose()?;
    let body = json!({"port_forwarding": {
        "protocol": fields.text("protocol").unwrap_or("tcp"),
        "external_port_range": outside,
        "internal_port_range": inside.unwrap_or(outside.clone()),
        "internal_port_id": port,
        "internal_ip_address": address,
        "description": fields.plain("description"),
    }});
    visit.post(&format!("{API}/{id}/port_forwardings"), body).await?;
    Ok(Done::saying(t.fwd_added()))
}

fn victims(visit: &Visit, id: FloatingIpId, fields: &Fields) -> Answer<Vec<Victim>> {
    deletion::chosen(fields, |one| {
        let row = get_visible::<PortForwarding>(visit.cloud(), visit.actor(), &deletion::parsed(one)?)?;
        let name = format!("{} {}", row.protocol.to_uppercase(), shown(row.external_ports));
        let victim = Victim::new(row.id, name, format!("{API}/{id}/port_forwardings/{}", row.id));
        let target = target_name(visit, row.internal_port_id);
        let victim = victim.cli(format!("{id} {}", row.id));
        Ok(victim.note(format!("→ {target} {}", shown(row.internal_ports))))
    })
}

async fn ask_delete(visit: Visit, Path(id): Path<FloatingIpId>, fields: Fields) -> Answer<Page> {
    let at = format!("{HERE}/{id}/forwardings/delete");
    Ok(deletion::ask(
        &visit,
        Kind::Forwarding,
        &at,
        &victims(&visit, id, &fields)?,
    ))
}

async fn delete(visit: Visit, Path(id): Path<FloatingIpId>, fields: Fields) -> Answer<Done> {
    deletion::run(&visit, Kind::Forwarding, &fields, &victims(&visit, id, &fields)?, None).await
}
