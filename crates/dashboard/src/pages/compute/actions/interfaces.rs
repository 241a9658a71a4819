//! Plugging NICs in and out.

use axum::extract::Path;
use maud::html;
use model::network::{Port, Resource};
use model::{PortId, ServerId};
use serde_json::json;

use super::super::servers::{HERE, find, nics};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::network::networks;
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

/// `10.0.0.5, 10.0.0.6`.
fn addresses(port: &Port) -> String {
    let all: Vec<String> = port
        .fixed_ips
        .iter()
        .map(|fixed| fixed.ip_address.to_string())
        .collect();
    all.join(", ")
}

pub(super) async fn ask_attach(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let server = find(&visit, id)?;
    let networks: Vec<Choice> = networks::of_project(&visit)
        .iter()
        .filter(|network| !network.external)
        .map(|network| {
            let cidrs: Vec<String> = cloud
                .subnets_of_network(network.id)
                .map(|subnet| subnet.cidr.to_string())
                .collect();
            let note = if cidrs.is_empty() {
                t.server_needs_subnet().to_owned()
            } else {
                cidrs.join(", ")
            };
            Choice::new(network.id, networks::name_of(t, &network.standard))
                .note(note)
                .out(cidrs.is_empty())
        })
        .collect();
    let member = visit.member();
    let is_free = |port: &Port| port.device_id.is_empty() && port.device_owner.is_empty() && !port.fixed_ips.is_empty();
    let ports = cloud
        .ports
        .iter()
        .filter(|port| port.standard.project_id == server.project_id && is_free(port));
    let ports: Vec<Choice> = ports
        .filter(|port| port.visible_to(cloud, &member) || visit.is_admin())
        .map(|port| {
            let name = if port.standard.name.is_empty() {
                port.id.short()
            } else {
                port.standard.name.clone()
            };
            Choice::new(port.id, name).note(addresses(port))
        })
        .collect();
    let kinds = [
        Choice::new("network", t.server_nic_of_network()).note(t.server_nic_of_network_hint()),
        Choice::new("port", t.server_nic_of_port())
            .note(if ports.is_empty() {
                t.server_nic_no_ports()
            } else {
                t.server_nic_of_port_hint()
            })
            .out(ports.is_empty()),
    ];
    let at = format!("{HERE}/{id}/interfaces/attach");
    Ok(visit.form(&t.server_attach_nic_to(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .form-lead { (t.server_hint_attach_nic()) }
            (ui::choices(Field { name: "kind", label: t.server_nic_kind(), ..Field::default() }, false, &kinds, &["network"]))
            div data-if="kind=network" {
                (ui::pick(Field { name: "network", label: t.network(), required: true, ..Field::default() }, None, &networks))
                (ui::text(Field { name: "address", label: t.server_fixed(), hint: t.server_fixed_hint(), ..Field::default() }))
            }
            div data-if="kind=port" {
                (ui::pick(Field { name: "port", label: t.port(), required: true, ..Field::default() }, None, &ports))
            }
            (ui::submit(t, t.server_do_attach_nic(), false))
        }
        (ui::command_line(t, &[format!("openstack server add network {id} NETWORK"), format!("openstack server add port {id} PORT")]))
    }))
}

pub(super) async fn attach(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let mut nic = json!({});
    if fields.plain("kind") == "port" {
        nic["port_id"] = fields.plain("port").into();
    } else {
        nic["net_id"] = fields.plain("network").into();
        if let Some(address) = fields.text("address") {
            nic["fixed_ips"] = json!([{"ip_address": address}]);
        }
    }
    visit
        .post(
            &format!("/compute/v2.1/servers/{id}/os-interface"),
            json!({"interfaceAttachment": nic}),
        )
        .await?;
    Ok(Done::saying(visit.t().server_nic_attached()))
}

pub(super) async fn ask_detach(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    let nics = nics(visit.cloud(), &server);
    let choices: Vec<Choice> = nics
        .iter()
        .map(|nic| {
            let network = nic
                .network
                .map(|network| networks::name_of(t, &network.standard))
                .unwrap_or_default();
            Choice::new(nic.port.id, network).note(addresses(nic.port))
        })
        .collect();
    let chosen = fields
        .text("port")
        .or_else(|| choices.first().map(|choice| choice.value.as_str()))
        .unwrap_or_default();
    let at = format!("{HERE}/{id}/interfaces/detach");
    Ok(visit.form(&t.server_detach_nic_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .form-lead { (t.server_hint_detach_nic()) }
            (ui::choices(Field { name: "port", label: t.server_nics(), required: true, ..Field::default() }, false, &choices, &[chosen]))
            @for nic in &nics {
                @for row in &nic.floating {
                    p .note.warn data-if=(format!("port={}", nic.port.id)) { (t.server_nic_takes_floating(row.floating_ip_address)) }
                }
            }
            @if let [_] = nics.as_slice() { p .note.warn { (t.server_nic_is_last()) } }
            (ui::submit_warning(t, t.server_do_detach_nic()))
        }
        (ui::command_line(t, &[format!("openstack server remove port {id} PORT")]))
    }))
}

pub(super) async fn detach(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let port: PortId = fields.parse("port")?.ok_or_else(|| Problem::in_form("port"))?;
    visit
        .delete(&format!("/compute/v2.1/servers/{id}/os-interface/{port}"))
        .await?;
    Ok(Done::saying(visit.t().server_nic_detached()))
}
