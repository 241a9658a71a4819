//! What only an administrator does to a server.

use axum::extract::Path;
use maud::html;
use model::ServerId;
use serde_json::json;

use super::super::servers::{HERE, find};
use crate::form::Fields;
use crate::outcome::{Answer, Done};
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

pub(super) async fn ask_reset(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    let states = [
        Choice::new("active", t.server_active()).note(t.server_reset_active()),
        Choice::new("error", t.server_error()).note(t.server_reset_error()),
    ];
    let at = format!("{HERE}/{id}/reset-state");
    Ok(visit.form(&t.server_reset_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .note.warn { (icon("alert")) " " (t.volume_reset_text()) }
            (ui::choices(Field { name: "state", label: t.status(), required: true, ..Field::default() }, false, &states, &["active"]))
            (ui::submit_warning(t, t.server_do_reset()))
        }
        (ui::command_line(t, &[format!("openstack server set --state active {id}")]))
    }))
}

pub(super) async fn reset(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let body = json!({"os-resetState": {"state": fields.plain("state")}});
    visit.post(&format!("/compute/v2.1/servers/{id}/action"), body).await?;
    Ok(Done::saying(visit.t().saved()))
}
