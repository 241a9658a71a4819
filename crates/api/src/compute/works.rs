//! The actions that work on a server's disks: images and backups, rebuild, resize, rescue, shelve. Each reads its body by
//! microversion and calls one rule.

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use model::compute::server::rebuild::{self, Rebuild};
use model::compute::server::snapshot::{self, NewSnapshot};
use model::compute::server::{rescue, resize, shelve};
use model::{Error, FlavorId, HostId, ImageId, Result, ServerId};
use serde_json::{Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing, wrong};
use super::microversion::{MIN, Microversion};
use super::view::{Document, View};
use super::{create, links, scheduling};
use crate::context::Ctx;
use crate::reply::{Reply, status};

/// Actions of this file; the rest is in `actions`.
pub(super) const NAMES: &[&str] = &[
    "confirmResize",
    "createBackup",
    "createImage",
    "migrate",
    "rebuild",
    "rescue",
    "resize",
    "revertResize",
    "shelve",
    "shelveOffload",
    "unrescue",
    "unshelve",
];

/// Does one of [`NAMES`].
pub(super) async fn act(ctx: &Ctx, version: Microversion, id: ServerId, name: &str, arguments: Object<'_>) -> Reply {
    match name {
        "createImage" => return create_image(ctx, version, id, arguments).await,
        "createBackup" => return create_backup(ctx, version, id, arguments).await,
        "rebuild" => return rebuild(ctx, version, id, arguments).await,
        "rescue" => return rescue(ctx, version, id, arguments).await,
        "resize" => resize(ctx, id, arguments).await?,
        "migrate" => migrate(ctx, version, id, arguments).await?,
        "unshelve" => unshelve(ctx, version, id, arguments).await?,
        "confirmResize" => {
            let request = ctx.request_id().0;
            ctx.transact(move |tx, actor| resize::confirm(tx, actor, id, request))
                .await?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        _ => plain(ctx, id, name).await?,
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Those without arguments.
async fn plain(ctx: &Ctx, id: ServerId, name: &str) -> Result<()> {
    let request = ctx.request_id().0;
    match name {
        "revertResize" => {
            ctx.transact(move |tx, actor| resize::revert(tx, actor, id, request))
                .await?;
        }
        "unrescue" => {
            ctx.transact(move |tx, actor| rescue::unrescue(tx, actor, id, request))
                .await?;
        }
        "shelve" => {
            ctx.transact(move |tx, actor| shelve::shelve(tx, actor, id, request))
                .await?;
        }
        _ => {
            need_admin(ctx, "os-shelve:shelve_offload")?;
            ctx.transact(move |tx, actor| shelve::offload(tx, actor, id, request))
                .await?;
        }
    }
    Ok(())
}

/// Refuses who is no administrator.
pub(super) fn need_admin(ctx: &Ctx, rule: &str) -> Result<()> {
    if ctx.actor().is_admin() {
        return Ok(());
    }
    Err(Error::forbidden(
        "PolicyNotAuthorized",
        format!("Policy doesn't allow os_compute_api:{rule} to be performed."),
    ))
}

fn arguments_of<'a>(body: Object<'a>, name: &str) -> Result<Object<'a>> {
    body.object(name)?
        .ok_or_else(|| wrong(name, &Value::Null, "It is not of type 'object'."))
}

/// The image that an action made, where each microversion tells it.
fn tell_image(ctx: &Ctx, version: Microversion, image: ImageId) -> Reply {
    if version.since(45) {
        return status(StatusCode::ACCEPTED, &json!({"image_id": image}));
    }
    let mut response = StatusCode::ACCEPTED.into_response();
    let url = format!("{}/image/v2/images/{image}", ctx.base_url());
    if let Ok(value) = HeaderValue::from_str(&url) {
        response.headers_mut().insert(LOCATION, value);
    }
    Ok(response)
}

async fn create_image(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Reply {
    let body = arguments_of(body, "createImage")?.allow(&[field("name"), field("metadata")], MIN)?;
    let new = NewSnapshot {
        name: body.required_name("name")?.to_owned(),
        metadata: body.texts("metadata")?.unwrap_or_default(),
        backup: None,
        request_id: ctx.request_id().0,
    };
    let image = ctx
        .transact(move |tx, actor| snapshot::create(tx, actor, id, &new))
        .await?;
    tell_image(ctx, version, image)
}

async fn create_backup(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Reply {
    const FIELDS: &[Field] = &[
        field("name"),
        field("backup_type"),
        field("rotation"),
        field("metadata"),
    ];
    let body = arguments_of(body, "createBackup")?.allow(FIELDS, MIN)?;
    let kind = body
        .text("backup_type", 0..=TEXT_LIMIT)?
        .ok_or_else(|| missing("backup_type"))?
        .to_owned();
    let rotation = body
        .integer("rotation", 0..=i32::MAX as u64)?
        .ok_or_else(|| missing("rotation"))?;
    let new = NewSnapshot {
        name: body.required_name("name")?.to_owned(),
        metadata: body.texts("metadata")?.unwrap_or_default(),
        backup: Some((kind, rotation)),
        request_id: ctx.request_id().0,
    };
    let image = ctx
        .transact(move |tx, actor| snapshot::create(tx, actor, id, &new))
        .await?;
    // With no rotation the image does not stay.
    if rotation == 0 {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    tell_image(ctx, version, image)
}

const REBUILD: &[Field] = &[
    field("imageRef"),
    field("name"),
    field("adminPass"),
    field("metadata"),
    field("preserve_ephemeral"),
    field("OS-DCF:diskConfig"),
    field("accessIPv4"),
    field("accessIPv6"),
    field("personality").until(56),
    field("description").since(19),
    field("key_name").since(54),
    field("user_data").since(57),
    field("trusted_image_certificates").since(63),
    field("hostname").since(90),
];

async fn rebuild(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Reply {
    let body = arguments_of(body, "rebuild")?.allow(REBUILD, version)?;
    let new = read_rebuild(ctx, version, body)?;
    let admin_pass = new.admin_pass.clone();
    let server = ctx
        .transact(move |tx, actor| rebuild::rebuild(tx, actor, id, &new))
        .await?;
    let view = View::new(ctx, version);
    let mut shown = view.server(&server, Document::Update);
    shown["adminPass"] = json!(admin_pass);
    if let Some(shown) = shown.as_object_mut().filter(|_| version.since(75)) {
        // It has a place of its own in this answer.
        shown.remove("OS-EXT-SRV-ATTR:user_data");
    }
    if version.since(54) {
        shown["key_name"] = json!(server.key.as_ref().map(|(name, _)| name));
    }
    if version.since(57) {
        shown["user_data"] = json!(server.user_data);
    }
    let mut response: Response = status(StatusCode::ACCEPTED, &json!({"server": shown}))?;
    let links = links(ctx, "servers", &id.to_string());
    if let Ok(value) = HeaderValue::from_str(links[0]["href"].as_str().unwrap_or_default()) {
        response.headers_mut().insert(LOCATION, value);
    }
    Ok(response)
}

fn read_rebuild(ctx: &Ctx, version: Microversion, body: Object<'_>) -> Result<Rebuild> {
    create::refuse_certificates(body)?;
    let reference = body
        .text("imageRef", 0..=TEXT_LIMIT * 8)?
        .ok_or_else(|| missing("imageRef"))?;
    let nullable = |name: &str, value: Option<String>| body.has(name).then_some(value);
    Ok(Rebuild {
        image_id: Some(create::image_of_reference(reference)?),
        may_reimage: version.since(93),
        name: match body.has("name") {
            true => Some(body.required_name("name")?.to_owned()),
            false => None,
        },
        description: create::read_description(body)?,
        hostname: create::read_hostname(body, version)?,
        admin_pass: match body.text("adminPass", 0..=TEXT_LIMIT)? {
            Some(given) => given.to_owned(),
            None => create::make_password(),
        },
        metadata: body.texts("metadata")?,
        personality: match body.has("personality") {
            true => Some(create::read_personality(body)?),
            false => None,
        },
        key_name: nullable("key_name", body.text("key_name", 1..=TEXT_LIMIT)?.map(str::to_owned)),
        user_data: nullable("user_data", create::read_user_data(body)?),
        disk_config: create::read_disk_config(body)?,
        access_ipv4: body.address("accessIPv4", "an IPv4 address")?,
        access_ipv6: body.address("accessIPv6", "an IPv6 address")?,
        keep_ephemeral: body.boolean("preserve_ephemeral")?.unwrap_or(false),
        request_id: ctx.request_id().0,
    })
}

async fn resize(ctx: &Ctx, id: ServerId, body: Object<'_>) -> Result<()> {
    let body = arguments_of(body, "resize")?.allow(&[field("flavorRef"), field("OS-DCF:diskConfig")], MIN)?;
    let size = resize::NewSize {
        flavor_id: FlavorId::from(create::read_flavor(body)?),
        disk_config: create::read_disk_config(body)?,
    };
    let (hosts, request) = (scheduling(ctx), ctx.request_id().0);
    ctx.transact(move |tx, actor| resize::resize(tx, actor, id, &size, &hosts, request))
        .await?;
    Ok(())
}

async fn migrate(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Result<()> {
    need_admin(ctx, "os-migrate-server:migrate")?;
    let mut host = None;
    if version.since(56)
        && let Some(arguments) = body.object("migrate")?
    {
        let arguments = arguments.allow(&[field("host")], version)?;
        host = arguments.text("host", 1..=TEXT_LIMIT)?.map(str::to_owned);
    }
    let hosts = scheduling(ctx);
    ctx.transact(move |tx, actor| resize::migrate(tx, actor, id, host.as_deref(), &hosts))
        .await
}

async fn rescue(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Reply {
    let mut given = (None, None);
    if let Some(arguments) = body.object("rescue")? {
        let arguments = arguments.allow(&[field("adminPass"), field("rescue_image_ref")], MIN)?;
        let image = arguments.parsed("rescue_image_ref", "a UUID")?;
        let admin_pass = arguments.text("adminPass", 0..=TEXT_LIMIT)?.map(str::to_owned);
        given = (image, admin_pass);
    }
    let (image, admin_pass): (Option<ImageId>, _) = given;
    let admin_pass = admin_pass.unwrap_or_else(create::make_password);
    let (told, request, volumes) = (admin_pass.clone(), ctx.request_id().0, version.since(87));
    ctx.transact(move |tx, actor| rescue::rescue(tx, actor, id, image, volumes, admin_pass, request))
        .await?;
    status(StatusCode::OK, &json!({"adminPass": told}))
}

async fn unshelve(ctx: &Ctx, version: Microversion, id: ServerId, body: Object<'_>) -> Result<()> {
    const FIELDS: &[Field] = &[field("availability_zone").since(77), field("host").since(91)];
    let mut host = None;
    if version.since(77)
        && let Some(arguments) = body.object("unshelve")?
    {
        let arguments = arguments.allow(FIELDS, version)?;
        if let Some(zone) = arguments.text("availability_zone", 1..=TEXT_LIMIT)?
            && zone != super::own_zone(ctx)
        {
            return Err(Error::invalid(
                "InvalidInput",
                format!("Invalid input received: The requested availability zone is not available: '{zone}'."),
            ));
        }
        host = arguments.text("host", 1..=TEXT_LIMIT)?.map(HostId::from);
        if host.is_some() {
            need_admin(ctx, "os-shelve:unshelve_to_host")?;
        }
    }
    let (hosts, request) = (scheduling(ctx), ctx.request_id().0);
    ctx.transact(move |tx, actor| shelve::unshelve(tx, actor, id, host.as_ref(), &hosts, request))
        .await?;
    Ok(())
}
