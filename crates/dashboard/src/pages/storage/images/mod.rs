//! Images: what all pages of them need, and what can be done to one without a form.

mod create;
mod data;
mod edit;
mod list;
mod share;
mod show;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::Method;
use axum::routing::{get, post};
use maud::{Markup, html};
use model::ImageId;
use model::image::{self, Image, ImageStatus, MemberStatus, TaskStatus};
use serde_json::{Value, json};

use super::words::name_of;
use crate::layout::project_name;
use crate::messages::Text;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Mood, badge, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/images";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list::usable).post(create::create))
        .route("/dashboard/images/project", get(list::of_project))
        .route("/dashboard/images/shared", get(list::shared))
        .route("/dashboard/images/public", get(list::public))
        .route("/dashboard/images/all", get(list::all))
        .route("/dashboard/images/new", get(create::new))
        .route("/dashboard/images/{id}", get(show::show))
        .route(
            "/dashboard/images/{id}/data",
            get(create::new_data).post(create::set_data),
        )
        .route("/dashboard/images/{id}/file", post(data::upload))
        .route("/dashboard/images/{id}/download", get(data::download))
        .route("/dashboard/images/{id}/edit", get(edit::edit).post(edit::update))
        .route("/dashboard/images/{id}/deactivate", post(deactivate))
        .route("/dashboard/images/{id}/reactivate", post(reactivate))
        .route("/dashboard/images/{id}/share", get(share::ask).post(share::add))
        .route("/dashboard/images/{id}/unshare", post(share::remove))
        .route("/dashboard/images/{id}/offer", post(share::answer))
        .merge(deletion::routes(
            deletion::Kind::Image,
            "/dashboard/images/delete",
            Some(HERE),
            victim,
        ))
}

/// What an image is called.
fn title(image: &Image) -> String {
    name_of(image.name.as_deref(), image.id)
}

/// The name of an image that may be gone, as a link to its page if it is not.
pub(super) fn link(visit: &Visit, id: ImageId) -> Markup {
    let found = image::show(visit.cloud(), visit.actor(), id);
    html! {
        @match found {
            Ok(image) => a href=(format!("{HERE}/{id}")) { (title(&image)) },
            Err(_) => code { (name_of(None, id)) },
        }
    }
}

/// The images that the project may make something of, by name; `also` the one that the visitor comes from.
pub(super) fn usable(visit: &Visit, also: Option<ImageId>) -> Vec<Arc<Image>> {
    let mut images: Vec<_> = list::of_tab(visit, list::Tab::Usable);
    if let Some(also) = also.filter(|also| images.iter().all(|image| image.id != *also)) {
        images.extend(image::show(visit.cloud(), visit.actor(), also));
    }
    images.retain(|image| image.status == ImageStatus::Active);
    images
}

fn format(image: &Image) -> Markup {
    html! {
        @if let Some(format) = &image.disk_format { code { (format) } } @else { span .muted { "–" } }
    }
}

/// Whose it is. Names of projects are for those who are in them, and administrators.
fn owner(visit: &Visit, image: &Image) -> Markup {
    let Some(owner) = &image.owner else {
        return html! { span .muted { (visit.t().none()) } };
    };
    let name = project_name(visit.cloud(), owner);
    if visit.actor().can_see(owner) {
        return html! { (name) };
    }
    html! { code title=(owner) { (name_of(None, owner)) } }
}

/// How it is, in words, with how far it is.
fn state(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    let task = image.tasks.last();
    let (mood, words) = match image.status {
        ImageStatus::Queued if is_being_copied(visit, image) => (Mood::Busy, t.image_being_copied().to_owned()),
        ImageStatus::Queued if task.is_some_and(|task| task.status == TaskStatus::Failure) => {
            (Mood::Bad, t.image_import_failed().to_owned())
        }
        ImageStatus::Queued => (Mood::Warn, t.image_queued().to_owned()),
        ImageStatus::Saving => (Mood::Busy, t.image_saving().to_owned()),
        ImageStatus::Uploading if image.upload_id.is_none() => (Mood::Warn, t.image_staged().to_owned()),
        ImageStatus::Uploading => (Mood::Busy, t.image_saving().to_owned()),
        ImageStatus::Importing => match task.and_then(|task| copied_mib(&task.message)) {
            Some(mib) => (Mood::Busy, t.image_importing_some(ui::bytes(mib << 20))),
            None => (Mood::Busy, t.image_importing().to_owned()),
        },
        ImageStatus::Active => (Mood::Good, t.image_active().to_owned()),
        ImageStatus::Deactivated => (Mood::Idle, t.image_deactivated().to_owned()),
        ImageStatus::Killed => (Mood::Bad, t.image_killed().to_owned()),
    };
    badge(mood, &words)
}

/// Whether a host makes its data: from a server's disk, or a volume.
fn is_being_copied(visit: &Visit, image: &Image) -> bool {
    let kind = image.properties.get("image_type").and_then(Option::as_deref);
    matches!(kind, Some("snapshot" | "backup")) || visit.cloud().lookups.volumes_by_upload.count(&image.id) > 0
}

/// How far an import is: its task says so in a sentence, "Copied 12 MiB".
fn copied_mib(message: &str) -> Option<u64> {
    let mib: u64 = message.strip_prefix("Copied ")?.strip_suffix(" MiB")?.parse().ok()?;
    (mib < 1 << 40).then_some(mib)
}

/// Everything that can be done to it now. What stands on its page as a button is left out there.
fn menu(visit: &Visit, image: &Image, is_in_list: bool) -> Markup {
    let t = visit.t();
    let at = |what: &str| format!("{HERE}/{}/{what}", image.id);
    let is_active = image.status == ImageStatus::Active;
    let has_file = is_active && image.boot_snapshot().is_none();
    let may_change = image::may_change(visit.actor(), image);
    let offer = image::membership(visit.actor(), image);
    html! {
        @if is_active && is_in_list {
            (ui::menu_dialog(&format!("/dashboard/servers/new?image={}", image.id), "play", t.image_launch()))
            (ui::menu_dialog(&format!("/dashboard/volumes/new?source=image&image={}", image.id), "volume", t.image_to_volume()))
        }
        @if has_file {
            a .item href=(at("download")) download { (icon("download")) (t.download()) }
        }
        @if let Some(offer) = offer {
            hr;
            @if offer != MemberStatus::Accepted { (offer_button(t, image, true)) }
            @if offer != MemberStatus::Rejected { (offer_button(t, image, false)) }
        }
        @if may_change {
            hr;
            @if image.status == ImageStatus::Queued && is_in_list { (ui::menu_dialog(&at("data"), "upload", t.image_give_data())) }
            @if is_in_list { (ui::menu_dialog(&at("edit"), "pencil", t.edit())) }
            (ui::menu_dialog(&at("share"), "group", t.image_share()))
            @if is_active { (ui::menu_do(&at("deactivate"), "pause", t.image_deactivate())) }
            @if image.status == ImageStatus::Deactivated { (ui::menu_do(&at("reactivate"), "play", t.image_reactivate())) }
            @if is_in_list {
                hr;
                (ui::dialog_link(&format!("{HERE}/delete?id={}", image.id), "item danger", html! { (icon("trash")) (t.delete()) }))
            }
        }
    }
}

/// Takes or refuses what another project offers.
fn offer_button(t: Text, image: &Image, accepts: bool) -> Markup {
    let at = format!("{HERE}/{}/offer", image.id);
    let (status, symbol, words) = match accepts {
        true => ("accepted", "check", t.image_accept()),
        false => ("rejected", "x", t.image_reject()),
    };
    html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            input type="hidden" name="status" value=(status);
            button .item type="submit" { (icon(symbol)) (words) }
        }
    }
}

async fn deactivate(visit: Visit, Path(id): Path<ImageId>) -> Answer<Done> {
    visit
        .post(&format!("/image/v2/images/{id}/actions/deactivate"), Value::Null)
        .await?;
    Ok(Done::saying(visit.t().image_deactivated_done()))
}

async fn reactivate(visit: Visit, Path(id): Path<ImageId>) -> Answer<Done> {
    visit
        .post(&format!("/image/v2/images/{id}/actions/reactivate"), Value::Null)
        .await?;
    Ok(Done::saying(visit.t().image_reactivated_done()))
}

/// A JSON patch of Glance's kind.
async fn patch(visit: &Visit, id: ImageId, steps: Vec<Value>) -> Result<(), Problem> {
    const KIND: &str = "application/openstack-images-v2.1-json-patch";
    if steps.is_empty() {
        return Ok(());
    }
    let body = Body::from(json!(steps).to_string());
    visit
        .send(Method::PATCH, &format!("/image/v2/images/{id}"), KIND, body)
        .await?;
    Ok(())
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let image = image::show(visit.cloud(), visit.actor(), deletion::parsed(id)?)?;
    let t = visit.t();
    let victim = Victim::new(image.id, title(&image), format!("/image/v2/images/{}", image.id));
    if image.protected {
        let edit = format!("{HERE}/{}/edit", image.id);
        return Ok(victim.blocked(t.image_protected_note()).step(edit, t.edit()));
    }
    Ok(victim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_tell_how_far_they_are() {
        assert_eq!(copied_mib("Copied 12 MiB"), Some(12));
        assert_eq!(copied_mib(""), None);
        assert_eq!(copied_mib("Copied 99999999999999999999 MiB"), None);
        assert_eq!(copied_mib("The image could not be downloaded."), None);
    }
}
