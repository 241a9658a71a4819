//! A server's root disk: made into an image, made anew from one, looked at from another system.

use axum::extract::Path;
use maud::html;
use model::ServerId;
use model::image::{self, ImageStatus};
use serde_json::json;

use super::super::servers::{HERE, boot_volume, find};
use crate::form::Fields;
use crate::outcome::{Answer, Done};
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

/// Images that a server can start from.
fn images(visit: &Visit) -> Vec<Choice> {
    let member = visit.member();
    let images = visit.cloud().images.iter();
    let mut images: Vec<_> = images
        .filter(|image| {
            image.status == ImageStatus::Active && !image.os_hidden && image::in_default_list(&member, image)
        })
        .collect();
    images.sort_by_key(|image| image.name.as_deref().unwrap_or_default().to_lowercase());
    let choice = |image: &std::sync::Arc<model::image::Image>| {
        let name = image.name.clone().unwrap_or_else(|| image.id.to_string());
        Choice::new(image.id, name).note(image.size.map(ui::bytes).unwrap_or_default())
    };
    images.into_iter().map(choice).collect()
}

pub(super) async fn ask_snapshot(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    let at = format!("{HERE}/{id}/snapshot");
    let name = format!("{}-snapshot", server.name);
    Ok(visit.form(&t.server_snapshot_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .form-lead { (t.server_hint_snapshot()) }
            (ui::text(Field { name: "name", label: t.server_snapshot_name(), hint: t.server_snapshot_hint(), value: &name, required: true, ..Field::default() }))
            (ui::submit(t, t.server_do_snapshot(), false))
        }
        (ui::command_line(t, &[format!("openstack server image create --name NAME {id}")]))
    }))
}

pub(super) async fn snapshot(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let body = json!({"createImage": {"name": fields.plain("name")}});
    visit.post(&format!("/compute/v2.1/servers/{id}/action"), body).await?;
    Ok(Done::saying(visit.t().server_snapshot_asked(fields.plain("name"))))
}

pub(super) async fn ask_rebuild(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let server = find(&visit, id)?;
    let of_volume = || {
        let volume = cloud.volumes.get(&boot_volume(cloud, &server)?)?;
        volume.image_metadata.get("image_id").cloned()
    };
    let now = server
        .image_id
        .map(|id| id.to_string())
        .or_else(of_volume)
        .unwrap_or_default();
    let at = format!("{HERE}/{id}/rebuild");
    Ok(visit.form(&t.server_rebuild_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .note.warn { (icon("alert")) " " (t.server_rebuild_warning()) }
            (ui::pick(Field { name: "image", label: t.server_image(), hint: t.server_rebuild_image_hint(), value: &now, required: true, ..Field::default() }, None, &images(&visit)))
            @if server.flavor.ephemeral_gib > 0 || server.flavor.swap_mib > 0 {
                (ui::check("keep", t.server_keep_ephemeral(), "", false))
            }
            (ui::submit(t, t.server_do_rebuild(), true))
        }
        (ui::command_line(t, &[format!("openstack server rebuild --image IMAGE {id}")]))
    }))
}

pub(super) async fn rebuild(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let mut wish = json!({"imageRef": fields.plain("image")});
    if fields.is_set("keep") {
        wish["preserve_ephemeral"] = true.into();
    }
    visit
        .post(&format!("/compute/v2.1/servers/{id}/action"), json!({"rebuild": wish}))
        .await?;
    Ok(Done::saying(visit.t().server_rebuild_asked()))
}

pub(super) async fn ask_rescue(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    let at = format!("{HERE}/{id}/rescue");
    let own = server.image_id.is_some().then(|| t.server_rescue_own());
    Ok(visit.form(&t.server_rescue_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .form-lead { (t.server_hint_rescue()) }
            (ui::pick(Field { name: "image", label: t.server_rescue_image(), hint: t.server_rescue_hint(), required: own.is_none(), ..Field::default() }, own, &images(&visit)))
            (ui::text(Field { name: "password", label: t.server_rescue_password(), hint: t.server_rescue_password_hint(), kind: Some("password"), ..Field::default() }))
            (ui::submit(t, t.server_do_rescue(), false))
        }
        (ui::command_line(t, &[format!("openstack server rescue --image IMAGE {id}")]))
    }))
}

pub(super) async fn rescue(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let mut wish = json!({});
    if let Some(image) = fields.text("image") {
        wish["rescue_image_ref"] = image.into();
    }
    if let Some(password) = fields.raw("password") {
        wish["adminPass"] = password.into();
    }
    visit
        .post(&format!("/compute/v2.1/servers/{id}/action"), json!({"rescue": wish}))
        .await?;
    Ok(Done::saying(visit.t().server_rescue_asked()))
}
