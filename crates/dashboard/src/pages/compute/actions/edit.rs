//! A server's name and description; its metadata and tags.

use std::collections::BTreeMap;

use axum::extract::Path;
use maud::html;
use model::ServerId;
use serde_json::json;

use super::super::servers::{HERE, find};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::ui::{self, Field};
use crate::visit::Visit;

pub(super) async fn ask(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    let at = format!("{HERE}/{id}/edit");
    let description = server.description.as_deref().unwrap_or_default();
    Ok(visit.form(&t.edit_title(t.pick("server", "서버"), &server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), hint: t.server_name_hint(), value: &server.name, required: true, ..Field::default() }))
            (ui::text(Field { name: "description", label: t.description(), value: description, ..Field::default() }))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack server set --name NAME --description TEXT {id}")]))
    }))
}

pub(super) async fn edit(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let body = json!({"server": {"name": fields.plain("name"), "description": fields.text("description")}});
    visit.put(&format!("/compute/v2.1/servers/{id}"), body).await?;
    Ok(Done::saying(visit.t().saved()))
}

pub(super) async fn ask_labels(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    let at = format!("{HERE}/{id}/labels");
    let metadata: Vec<String> = server
        .metadata
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let tags: Vec<&str> = server.tags.iter().map(String::as_str).collect();
    Ok(visit.form(&t.server_labels_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text_area(Field {
                name: "metadata", label: t.server_metadata(), hint: t.server_metadata_hint(), value: &metadata.join("\n"),
                example: "role=web", ..Field::default()
            }, 6))
            (ui::text_area(Field { name: "tags", label: t.server_tags(), hint: t.server_tags_hint(), value: &tags.join("\n"), ..Field::default() }, 4))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack server set --property role=web {id}"), format!("openstack server set --tag blue {id}")]))
    }))
}

pub(super) async fn label(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let server = find(&visit, id)?;
    let mut metadata = BTreeMap::new();
    for line in fields
        .plain("metadata")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| Problem::in_form(t.server_metadata_wrong(line)))?;
        metadata.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    if metadata != server.metadata {
        visit
            .put(
                &format!("/compute/v2.1/servers/{id}/metadata"),
                json!({"metadata": metadata}),
            )
            .await?;
    }
    let tags: Vec<&str> = fields.lines("tags").collect();
    visit
        .put(&format!("/compute/v2.1/servers/{id}/tags"), json!({"tags": tags}))
        .await?;
    Ok(Done::saying(t.saved()))
}
