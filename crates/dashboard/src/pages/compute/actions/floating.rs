//! Taking a floating IP from a server. Giving one is the floating IPs' own form.

use axum::extract::Path;
use maud::html;
use model::ServerId;
use serde_json::json;

use super::super::servers::{HERE, find, nics};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

pub(super) async fn ask(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    let nics = nics(visit.cloud(), &server);
    let choices: Vec<Choice> = nics
        .iter()
        .flat_map(|nic| nic.floating.iter())
        .map(|floating| {
            let to = floating
                .fixed_ip_address
                .map(|fixed| format!("→ {fixed}"))
                .unwrap_or_default();
            Choice::new(floating.id, floating.floating_ip_address.to_string()).note(to)
        })
        .collect();
    let first = choices.first().map_or("", |choice| choice.value.as_str());
    let at = format!("{HERE}/{id}/floating-ips/disassociate");
    Ok(visit.form(&t.server_disassociate_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .form-lead { (t.server_hint_disassociate()) }
            (ui::choices(Field { name: "floating_ip", label: t.server_floating(), required: true, ..Field::default() }, false, &choices, &[first]))
            (ui::check("release", t.server_release(), t.server_release_hint(), false))
            (ui::submit_warning(t, t.fip_disassociate()))
        }
        (ui::command_line(t, &[format!("openstack floating ip unset --port {}", if choices.len() == 1 { first } else { "ADDRESS" })]))
    }))
}

pub(super) async fn disassociate(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let server = find(&visit, id)?;
    let wanted = fields.plain("floating_ip");
    let nics = nics(visit.cloud(), &server);
    let mut floating = nics.iter().flat_map(|nic| nic.floating.iter());
    let floating = floating
        .find(|floating| floating.id.to_string() == wanted)
        .ok_or_else(|| Problem::in_form(wanted))?;
    let path = format!("/networking/v2.0/floatingips/{}", floating.id);
    if fields.is_set("release") {
        visit.delete(&path).await?;
    } else {
        visit.put(&path, json!({"floatingip": {"port_id": null}})).await?;
    }
    Ok(Done::saying(
        visit.t().server_disassociated(floating.floating_ip_address),
    ))
}
