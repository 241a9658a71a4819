//! An image's data on its way between a browser and the API: never held as a whole.

use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::html;
use model::image::{self, Image};
use model::{Error, ImageId};

use super::show::found_format;
use super::{HERE, title};
use crate::messages::Text;
use crate::outcome::{Answer, Page, Problem, in_query};
use crate::ui::{self, fact, icon};
use crate::visit::Visit;

/// Takes the bare file that the script sends; answers with what became of it.
pub(super) async fn upload(visit: Visit, Path(id): Path<ImageId>, request: Request) -> Answer {
    let path = format!("/image/v2/images/{id}/file");
    let sent = visit
        .send(Method::PUT, &path, "application/octet-stream", request.into_body())
        .await;
    sent.map_err(|problem| in_words(visit.t(), problem))?;
    let image = image::show(&visit.cloud_now(), visit.actor(), id)?;
    Ok(outcome(&visit, &image))
}

/// Says what a file of another format really is.
fn in_words(t: Text, mut problem: Problem) -> Problem {
    if let Some(format) = found_format(&problem.error.message) {
        problem.error.message = t.image_really(format);
    }
    problem
}

fn outcome(visit: &Visit, image: &Image) -> Page {
    let t = visit.t();
    Page(html! {
        section .upload-done {
            p .note.good role="status" { (icon("check")) " " (t.upload_done(title(image))) }
            (ui::facts(html! {
                (fact(t.image_format(), html! { code { (image.disk_format.as_deref().unwrap_or_default()) } }))
                @if let Some(size) = image.size { (fact(t.image_size(), html! { (ui::bytes(size)) })) }
                @if let Some(size) = image.virtual_size { (fact(t.image_virtual_size(), html! { (ui::bytes(size)) })) }
                @if let Some(sha512) = &image.os_hash_value { (fact("SHA-512", ui::copyable(t, sha512))) }
            }))
            @if let Some(sha512) = &image.os_hash_value {
                div data-sha512=(sha512) {
                    p .note.good data-sum="same" hidden { (icon("check")) " " (t.upload_sum_same()) }
                    p .note.bad data-sum="other" hidden { (icon("alert")) " " (t.upload_sum_differs()) }
                    p .note data-sum="unknown" hidden { (t.upload_sum_by_hand()) " " code { "sha512sum" } }
                }
            }
            footer .form-end {
                a .button href=(format!("{HERE}/{}", image.id)) { (t.image_open()) }
                (ui::main_action(&format!("/dashboard/servers/new?image={}", image.id), "play", t.image_launch()))
            }
        }
    })
}

/// The file, as it comes from the API.
pub(super) async fn download(visit: Visit, Path(id): Path<ImageId>) -> Answer<Response> {
    let image = image::show(visit.cloud(), visit.actor(), id)?;
    let path = format!("/image/v2/images/{id}/file");
    let answer = visit
        .open(Method::GET, &path, "application/octet-stream", Body::empty())
        .await?;
    if answer.status() != StatusCode::OK {
        return Err(Error::conflict("NoData", visit.t().image_no_data()).into());
    }
    let length = answer.headers().get(CONTENT_LENGTH).cloned();
    let mut response = answer.into_body().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{}", file_name(&image))) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length);
    }
    Ok(response)
}

/// What the file is called on the visitor's own disk.
fn file_name(image: &Image) -> String {
    let name = title(image).replace(['/', '\\'], "_");
    let ending = image
        .disk_format
        .as_deref()
        .map_or_else(String::new, |format| format!(".{format}"));
    let is_named_so = ending.is_empty() || name.to_lowercase().ends_with(&ending);
    in_query(&if is_named_so { name } else { format!("{name}{ending}") })
}
