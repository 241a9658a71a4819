//! Images as Nova passed them on before clients asked Glance themselves: up to 2.35, their metadata up to 2.38.

use std::collections::BTreeMap;

use axum::extract::Path;
use model::image::{self, Image, ImageStatus, PatchAction, PatchMode, PatchOperation};
use model::{Error, ImageId, Result};
use serde_json::{Map, Value, json};

use super::body::{Object, missing, text_item};
use super::filters::parse_time;
use super::microversion::Microversion;
use super::paging::Page;
use super::{bookmark, link, links};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply, no_content};

/// The last microversion that has images.
const LAST: u16 = 35;
/// The last microversion that has their metadata.
const LAST_METADATA: u16 = 38;

fn not_found() -> Error {
    Error::not_found("ImageNotFound", "Image not found.")
}

fn image_id(text: &str) -> Result<ImageId> {
    text.parse().map_err(|_| not_found())
}

fn find(ctx: &Ctx, id: &str) -> Result<std::sync::Arc<Image>> {
    image::show(&ctx.cloud(), ctx.actor(), image_id(id)?).map_err(|_| not_found())
}

/// `GET /images`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require_until(LAST)?;
    answer_list(&ctx, &query, "images", |image| {
        let id = image.id.to_string();
        json!({"id": id, "name": image.name, "links": image_links(&ctx, &id)})
    })
}

/// `GET /images/detail`.
pub(super) async fn list_detail(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require_until(LAST)?;
    answer_list(&ctx, &query, "images/detail", |image| view(&ctx, image))
}

fn answer_list(ctx: &Ctx, query: &Query, path: &str, show: impl Fn(&Image) -> Value) -> Reply {
    let wanted = select(query)?;
    let cloud = ctx.cloud();
    let mut images: Vec<_> = cloud
        .images
        .iter()
        .filter(|image| image::in_default_list(ctx.actor(), image) && !image.os_hidden)
        .filter(|image| wanted(image))
        .collect();
    images.sort_by_key(|image| std::cmp::Reverse((image.created_at, image.id)));
    let page = Page::read(query)?.cut(images, |image| image.id.to_string())?;
    let shown: Vec<Value> = page.items.iter().map(|image| show(image)).collect();
    let mut body = json!({"images": shown});
    page.add_links(&mut body, "images", &link(ctx, path), query);
    reply(&body)
}

fn select(query: &Query) -> Result<impl Fn(&Image) -> bool + use<>> {
    let text = |name: &str| query.get(name).map(str::to_owned);
    let since = query
        .get("changes-since")
        .map(|given| parse_time("changes-since", given))
        .transpose()?;
    let (name, state) = (text("name"), text("status"));
    // A server is named by its id or by a link to it.
    let server = text("server").map(|given| given.rsplit('/').next().unwrap_or_default().to_owned());
    let mut properties: BTreeMap<String, String> = query
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("property-")?.to_owned(), value.to_owned())))
        .collect();
    properties.extend(text("type").map(|kind| ("image_type".to_owned(), kind)));
    properties.extend(server.map(|id| ("instance_uuid".to_owned(), id)));
    let number = |name: &str| query.get(name).and_then(|given| given.parse::<u64>().ok());
    let (min_ram, min_disk) = (number("minRam"), number("minDisk"));
    Ok(move |image: &Image| {
        let has = |(key, value): (&String, &String)| image.properties.get(key).and_then(Option::as_ref) == Some(value);
        name.as_ref().is_none_or(|name| image.name.as_ref() == Some(name))
            && state
                .as_ref()
                .is_none_or(|wanted| status(image.status).eq_ignore_ascii_case(wanted))
            && properties.iter().all(has)
            && since.is_none_or(|time| image.updated_at >= time)
            && min_ram.is_none_or(|least| image.min_ram >= least)
            && min_disk.is_none_or(|least| image.min_disk >= least)
    })
}

fn status(status: ImageStatus) -> &'static str {
    match status {
        ImageStatus::Active => "ACTIVE",
        ImageStatus::Queued | ImageStatus::Saving => "SAVING",
        ImageStatus::Uploading | ImageStatus::Importing => "UNKNOWN",
        ImageStatus::Killed => "ERROR",
        ImageStatus::Deactivated => "UNKNOWN",
    }
}

fn progress(status: ImageStatus) -> u8 {
    match status {
        ImageStatus::Queued => 25,
        ImageStatus::Saving => 50,
        ImageStatus::Active => 100,
        ImageStatus::Uploading | ImageStatus::Importing | ImageStatus::Killed | ImageStatus::Deactivated => 0,
    }
}

fn image_links(ctx: &Ctx, id: &str) -> Value {
    let mut links = links(ctx, "images", id);
    if let Some(list) = links.as_array_mut() {
        let href = format!("{}/image/images/{id}", ctx.base_url());
        list.push(json!({"rel": "alternate", "type": "application/vnd.openstack.image", "href": href}));
    }
    links
}

fn metadata(image: &Image) -> BTreeMap<&String, &String> {
    let known = image.properties.iter();
    known.filter_map(|(key, value)| Some((key, value.as_ref()?))).collect()
}

fn view(ctx: &Ctx, image: &Image) -> Value {
    let id = image.id.to_string();
    let mut body = json!({
        "id": id,
        "name": image.name,
        "minRam": image.min_ram,
        "minDisk": image.min_disk,
        "metadata": metadata(image),
        "created": image.created_at.seconds_z(),
        "updated": image.updated_at.seconds_z(),
        "status": status(image.status),
        "progress": progress(image.status),
        "links": image_links(ctx, &id),
        "OS-EXT-IMG-SIZE:size": image.size,
    });
    if let Some(server) = image.properties.get("instance_uuid").and_then(Option::as_ref) {
        body["server"] = json!({
            "id": server,
            "links": [
                {"rel": "self", "href": link(ctx, &format!("servers/{server}"))},
                {"rel": "bookmark", "href": bookmark(ctx, "servers", server)},
            ],
        });
    }
    body
}

/// `GET /images/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let image = find(&ctx, &id)?;
    reply(&json!({"image": view(&ctx, &image)}))
}

/// `DELETE /images/{id}`.
pub(super) async fn delete(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let image = find(&ctx, &id)?;
    ctx.app().images.delete(ctx.actor().clone(), image.id).await?;
    no_content()
}

/// `GET /images/{id}/metadata`.
pub(super) async fn list_metadata(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST_METADATA)?;
    let image = find(&ctx, &id)?;
    reply(&json!({"metadata": metadata(&image)}))
}

/// `GET /images/{id}/metadata/{key}`.
pub(super) async fn show_item(ctx: Ctx, version: Microversion, Path((id, key)): Path<(String, String)>) -> Reply {
    version.require_until(LAST_METADATA)?;
    let image = find(&ctx, &id)?;
    let value = metadata(&image).get(&key).copied().cloned().ok_or_else(no_item)?;
    reply(&json!({"meta": {key: value}}))
}

fn no_item() -> Error {
    Error::not_found("HTTPNotFound", "Metadata item was not found")
}

fn read(body: &Map<String, Value>) -> Result<BTreeMap<String, String>> {
    Object::only_member(body, "metadata")?.as_texts()
}

/// `POST /images/{id}/metadata`: adds to what is there.
pub(super) async fn merge(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    version.require_until(LAST_METADATA)?;
    let image = find(&ctx, &id)?;
    let image = change(&ctx, image.id, read(&body)?, Vec::new()).await?;
    reply(&json!({"metadata": metadata(&image)}))
}

/// `PUT /images/{id}/metadata`: replaces what is there.
pub(super) async fn replace(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    version.require_until(LAST_METADATA)?;
    let image = find(&ctx, &id)?;
    let items = read(&body)?;
    let surplus = metadata(&image).into_keys().filter(|key| !items.contains_key(*key));
    let surplus = surplus.cloned().collect();
    let image = change(&ctx, image.id, items, surplus).await?;
    reply(&json!({"metadata": metadata(&image)}))
}

/// `PUT /images/{id}/metadata/{key}`.
pub(super) async fn set_item(
    ctx: Ctx,
    version: Microversion,
    Path((id, key)): Path<(String, String)>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    version.require_until(LAST_METADATA)?;
    let image = find(&ctx, &id)?;
    let mut items = Object::only_member(&body, "meta")?.iter();
    let (name, value) = match (items.next(), items.next()) {
        (Some(item), None) => item,
        (None, _) => return Err(missing("meta").into()),
        (Some(_), Some(_)) => {
            return Err(Error::invalid("HTTPBadRequest", "Request body contains too many items").into());
        }
    };
    if name != key {
        return Err(Error::invalid("HTTPBadRequest", "Request body and URI mismatch").into());
    }
    let item = text_item(name, value)?;
    let answer = json!({"meta": {item.0.clone(): item.1.clone()}});
    change(&ctx, image.id, BTreeMap::from([item]), Vec::new()).await?;
    reply(&answer)
}

/// `DELETE /images/{id}/metadata/{key}`.
pub(super) async fn delete_item(ctx: Ctx, version: Microversion, Path((id, key)): Path<(String, String)>) -> Reply {
    version.require_until(LAST_METADATA)?;
    let image = find(&ctx, &id)?;
    if !metadata(&image).contains_key(&key) {
        return Err(no_item().into());
    }
    change(&ctx, image.id, BTreeMap::new(), vec![key]).await?;
    no_content()
}

async fn change(
    ctx: &Ctx,
    id: ImageId,
    items: BTreeMap<String, String>,
    surplus: Vec<String>,
) -> Result<std::sync::Arc<Image>> {
    let added = items.into_iter().map(|(name, value)| PatchOperation {
        name,
        action: PatchAction::Add(Value::from(value)),
    });
    let removed = surplus.into_iter().map(|name| PatchOperation {
        name,
        action: PatchAction::Remove,
    });
    let patch: Vec<_> = added.chain(removed).collect();
    ctx.transact(move |tx, actor| image::update(tx, actor, id, PatchMode::Draft10, &patch))
        .await
}
