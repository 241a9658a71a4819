//! Image v2 (Glance) below `/image`: this file is its table of contents.
//!
//! Rules and visibility are in `model::image`, the data in `control::images`; here are only the wire's shapes: documents
//! with a project's own properties at the top level, two kinds of JSON patch, links as paths without a host.

mod document;
mod file;
mod import;
mod list;
mod member;
mod metadef;
mod metadef_schema;
mod patch;
mod resource;
mod schema;
mod tag;
mod task;
mod version;

use std::sync::Arc;

use model::image::Image;
use model::{Error, ImageId};

use crate::access::Access::{Member, Public, Reader};
use crate::app::App;
use crate::fault::Service;
use crate::routes::Routes;

/// Every route of the service.
pub(crate) fn routes(app: &Arc<App>) -> Routes {
    Routes::new(app.clone(), Service::Image, "/image")
        .get("", Public, version::choices)
        .get("/versions", Public, version::list)
        .get("/v2", Public, version::choices)
        .get("/v2/schemas/image", Reader, schema::image)
        .get("/v2/schemas/images", Reader, schema::images)
        .get("/v2/info/stores", Reader, schema::stores)
        .get("/v2/images", Reader, list::list)
        .post("/v2/images", Member, resource::create)
        .get("/v2/images/{image_id}", Reader, resource::show)
        .patch("/v2/images/{image_id}", Member, patch::update)
        .delete("/v2/images/{image_id}", Member, resource::delete)
        .get("/v2/images/{image_id}/file", Reader, file::download)
        .put("/v2/images/{image_id}/file", Member, file::upload)
        .post("/v2/images/{image_id}/actions/deactivate", Member, resource::deactivate)
        .post("/v2/images/{image_id}/actions/reactivate", Member, resource::reactivate)
        .put("/v2/images/{image_id}/tags/{tag}", Member, tag::add)
        .delete("/v2/images/{image_id}/tags/{tag}", Member, tag::remove)
        .with(import::routes)
        .with(task::routes)
        .with(member::routes)
        .with(metadef::routes)
        .with(metadef_schema::routes)
}

/// The id in a path. What is no id names no image: clients try names here first, and then ask the list.
fn image_id(text: &str) -> Result<ImageId, Error> {
    text.parse()
        .map_err(|_| Error::not_found("ImageNotFound", format!("No image found with ID {text}")))
}

/// Where an image is, as Glance writes it: a path without the service's own prefix.
fn self_path(image: &Image) -> String {
    format!("/v2/images/{}", image.id)
}
