//! `POST /servers`: the body of every microversion becomes one request to the rules.

use std::collections::BTreeSet;

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use model::compute::server::create;
use model::compute::server::create::{Networks, NewServers, NicWish};
use model::{Error, FlavorId, HostId, ImageId, NetworkId, Result};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing, wrong};
use super::microversion::Microversion;
use super::{links, scheduling};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, status};

const CREATE: &[Field] = &[
    field("name"),
    field("imageRef"),
    field("flavorRef"),
    field("adminPass"),
    field("metadata"),
    field("networks"),
    field("OS-DCF:diskConfig"),
    field("accessIPv4"),
    field("accessIPv6"),
    field("personality").until(56),
    field("availability_zone"),
    field("block_device_mapping"),
    field("block_device_mapping_v2"),
    field("config_drive"),
    field("key_name"),
    field("min_count"),
    field("max_count"),
    field("return_reservation_id"),
    field("security_groups"),
    field("user_data"),
    field("description").since(19),
    field("tags").since(52),
    field("trusted_image_certificates").since(63),
    field("host").since(74),
    field("hypervisor_hostname").since(74),
    field("hostname").since(90),
];

const NETWORK: &[Field] = &[field("uuid"), field("port"), field("fixed_ip"), field("tag").since(32)];
const FILE: &[Field] = &[field("path"), field("contents")];
const GROUP: &[Field] = &[field("name")];

/// The longest user data, base64 characters (Nova's `MAX_USERDATA_SIZE`).
const USER_DATA_LIMIT: usize = 65_535;

/// Characters of a made password (Nova's `password_length`).
const PASSWORD_LENGTH: usize = 12;

/// `POST /servers`.
pub(super) async fn create(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let server = read_envelope(&body)?.allow(CREATE, version)?;
    let new = read(&ctx, &body, server, version)?;
    let wants_reservation = server.boolean("return_reservation_id")?.unwrap_or(false);
    let disk_config = new.disk_config.clone();
    let admin_pass = new.admin_pass.clone();
    let groups = server.value("security_groups").cloned();
    let hosts = scheduling(&ctx);
    let servers = ctx
        .transact(move |tx, actor| create::create(tx, actor, &new, &hosts))
        .await?;
    let Some(first) = servers.first() else {
        return Err(Error::internal("InternalServerError", "no server was made").into());
    };
    if wants_reservation {
        return status(StatusCode::ACCEPTED, &json!({"reservation_id": first.reservation_id}));
    }
    let id = first.id.to_string();
    let links = links(&ctx, "servers", &id);
    let location = links[0]["href"].as_str().unwrap_or_default().to_owned();
    let mut response = status(
        StatusCode::ACCEPTED,
        &json!({"server": {
            "id": id,
            "links": links,
            "OS-DCF:diskConfig": disk_config,
            "security_groups": groups.unwrap_or_else(|| json!([{"name": "default"}])),
            "adminPass": admin_pass,
        }}),
    )?;
    if let Ok(value) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, value);
    }
    Ok(response)
}

/// `server`, and perhaps hints for the scheduler beside it.
fn read_envelope(body: &Map<String, Value>) -> Result<Object<'_>> {
    const HINTS: &[Field] = &[
        field("server"),
        field("os:scheduler_hints"),
        field("OS-SCH-HNT:scheduler_hints"),
    ];
    Object::new(body)
        .allow(HINTS, super::microversion::MIN)?
        .object("server")?
        .ok_or_else(|| missing("server"))
}

fn read(ctx: &Ctx, body: &Map<String, Value>, server: Object<'_>, version: Microversion) -> Result<NewServers> {
    let flavor_id = FlavorId::from(read_flavor(server)?);
    let name = server.required_name("name")?.to_owned();
    refuse_certificates(server)?;
    let (min_count, max_count) = read_counts(server)?;
    let (zone, host) = read_place(ctx, server)?;
    let (image_id, disks) = super::disks::read(server, version)?;
    Ok(NewServers {
        // Below 2.19 the description was the name.
        description: if version.since(19) {
            read_description(server)?.flatten()
        } else {
            Some(name.clone())
        },
        hostname: read_hostname(server, version)?,
        flavor_id,
        image_id,
        disks,
        networks: read_networks(server, version)?,
        security_groups: read_groups(server)?,
        key_name: server
            .text("key_name", 0..=TEXT_LIMIT)?
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        metadata: server.texts("metadata")?.unwrap_or_default(),
        tags: server.tags("tags")?.unwrap_or_default(),
        user_data: read_user_data(server)?,
        personality: read_personality(server)?,
        config_drive: read_config_drive(server)?,
        admin_pass: match server.text("adminPass", 0..=TEXT_LIMIT)? {
            Some(given) => given.to_owned(),
            None => make_password(),
        },
        disk_config: read_disk_config(server)?.unwrap_or_else(|| "MANUAL".to_owned()),
        access_ipv4: server.address("accessIPv4", "an IPv4 address")?.flatten(),
        access_ipv6: server.address("accessIPv6", "an IPv6 address")?.flatten(),
        zone,
        host,
        hints: read_hints(body)?,
        min_count,
        max_count,
        request_id: ctx.request_id().0,
        name,
    })
}

/// `flavorRef`: an id, be it a number.
pub(super) fn read_flavor(server: Object<'_>) -> Result<String> {
    let reference = match server.value("flavorRef") {
        Some(Value::Number(number)) => number.to_string(),
        _ => server
            .text("flavorRef", 1..=TEXT_LIMIT * 2)?
            .ok_or_else(|| missing("flavorRef"))?
            .to_owned(),
    };
    Ok(last_segment(&reference).to_owned())
}

/// Signatures of images are not looked at here, so nobody may count on them.
pub(super) fn refuse_certificates(server: Object<'_>) -> Result<()> {
    if server.value("trusted_image_certificates").is_none() {
        return Ok(());
    }
    Err(Error::invalid(
        "CertificateValidationFailed",
        "Image signature certificate validation is not available here: leave 'trusted_image_certificates' out.",
    ))
}

/// The image that an `imageRef` names.
pub(super) fn image_of_reference(text: &str) -> Result<ImageId> {
    last_segment(text)
        .parse::<ImageId>()
        .map_err(|_| Error::invalid("HTTPBadRequest", "Invalid imageRef provided."))
}

/// A reference is an id, or a URL that ends in one.
pub(super) fn last_segment(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

pub(super) fn read_description(server: Object<'_>) -> Result<Option<Option<String>>> {
    if !server.has("description") {
        return Ok(None);
    }
    let text = server.text("description", 0..=TEXT_LIMIT)?;
    Ok(Some(text.map(str::to_owned)))
}

/// A host name: letters, digits and `-`; from 2.94 with a domain.
pub(super) fn read_hostname(server: Object<'_>, version: Microversion) -> Result<Option<String>> {
    let limit = if version.since(94) { 255 } else { 63 };
    let Some(text) = server.text("hostname", 1..=limit)? else {
        return Ok(None);
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let labels = text.split('.').count();
    if text.split('.').all(is_label) && (labels == 1 || version.since(94)) {
        return Ok(Some(text.to_owned()));
    }
    Err(wrong("hostname", &json!(text), "It is not a host name."))
}

pub(super) fn read_disk_config(server: Object<'_>) -> Result<Option<String>> {
    match server.text("OS-DCF:diskConfig", 0..=TEXT_LIMIT)? {
        None => Ok(None),
        Some(text @ ("AUTO" | "MANUAL")) => Ok(Some(text.to_owned())),
        Some(other) => Err(wrong(
            "OS-DCF:diskConfig",
            &json!(other),
            "It is neither 'AUTO' nor 'MANUAL'.",
        )),
    }
}

fn read_counts(server: Object<'_>) -> Result<(u64, u64)> {
    const MOST: u64 = 1000;
    let min = server.integer("min_count", 1..=MOST)?.unwrap_or(1);
    let max = server.integer("max_count", 1..=MOST)?.unwrap_or(min);
    if min > max {
        return Err(Error::invalid("HTTPBadRequest", "min_count must be <= max_count"));
    }
    Ok((min, max))
}

/// `availability_zone` (for administrators also `zone:host`), or the host and its hypervisor by name.
fn read_place(ctx: &Ctx, server: Object<'_>) -> Result<(Option<String>, Option<HostId>)> {
    let own_zone = &super::own_zone(ctx);
    let given = server
        .text("availability_zone", 0..=TEXT_LIMIT)?
        .filter(|text| !text.is_empty());
    let mut parts = given.unwrap_or_default().splitn(3, ':');
    let zone = parts.next().filter(|text| !text.is_empty());
    let forced: Vec<&str> = parts.filter(|text| !text.is_empty()).collect();
    if let Some(zone) = zone.filter(|zone| zone != own_zone) {
        return Err(Error::invalid(
            "InvalidInput",
            format!("The requested availability zone is not available: '{zone}'. There is '{own_zone}'."),
        ));
    }
    let named = [
        server.text("host", 1..=TEXT_LIMIT)?,
        server.text("hypervisor_hostname", 1..=TEXT_LIMIT)?,
    ];
    let named: Vec<&str> = named.into_iter().flatten().collect();
    if !forced.is_empty() && !named.is_empty() {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are mutually \
             exclusive.",
        ));
    }
    let mut names = forced.into_iter().chain(named);
    let Some(host) = names.next() else {
        return Ok((zone.map(str::to_owned), None));
    };
    if !ctx.actor().is_admin() {
        return Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.",
        ));
    }
    // A host and its hypervisor have one name here.
    if let Some(other) = names.find(|other| *other != host) {
        return Err(Error::invalid(
            "ComputeHostNotFound",
            format!("Compute host {host} with hypervisor {other} could not be found."),
        ));
    }
    Ok((zone.map(str::to_owned), Some(HostId::from(host))))
}

fn read_hints(body: &Map<String, Value>) -> Result<Map<String, Value>> {
    let body = Object::new(body);
    for name in ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"] {
        if let Some(hints) = body.object(name)? {
            return Ok(hints
                .iter()
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect());
        }
    }
    Ok(Map::new())
}

fn read_networks(server: Object<'_>, version: Microversion) -> Result<Networks> {
    let Some(value) = server.value("networks") else {
        if version.since(37) {
            return Err(missing("networks"));
        }
        return Ok(Networks::Unspecified);
    };
    match value.as_str() {
        Some("auto") if version.since(37) => return Ok(Networks::Auto),
        Some("none") if version.since(37) => return Ok(Networks::None),
        Some(_) => return Err(wrong("networks", value, "It is neither a list, 'auto' nor 'none'.")),
        None => {}
    }
    let entries = server.objects("networks")?.unwrap_or_default();
    let wishes = entries.into_iter().map(|entry| read_nic(entry, version));
    Ok(Networks::Listed(wishes.collect::<Result<Vec<_>>>()?))
}

fn read_nic(entry: Object<'_>, version: Microversion) -> Result<NicWish> {
    // 2.37 to 2.41 lost the tag by mistake; 2.42 has it again.
    let has_tag = !version.since(37) || version.since(42);
    let entry = entry.allow(NETWORK, version)?;
    let tag = entry.text("tag", 1..=60)?.map(str::to_owned);
    if tag.is_some() && !has_tag {
        return Err(wrong("tag", &json!(tag), "This microversion has no tags of networks."));
    }
    if let Some(tag) = &tag {
        super::body::check_tag(tag)?;
    }
    let fixed_ip = entry.parsed("fixed_ip", "an IP address")?;
    if let Some(id) = entry.parsed("port", "a UUID")? {
        if fixed_ip.is_some() {
            return Err(Error::invalid(
                "HTTPBadRequest",
                format!(
                    "Specified Fixed IP '{}' cannot be used with port '{id}': the two cannot be specified together.",
                    fixed_ip.map_or(String::new(), |ip: std::net::IpAddr| ip.to_string())
                ),
            ));
        }
        return Ok(NicWish::Port { id, tag });
    }
    let id: NetworkId = match entry.text("uuid", 0..=TEXT_LIMIT)? {
        None => return Err(Error::invalid("HTTPBadRequest", "Bad network format: missing 'uuid'")),
        Some(text) => text.parse().map_err(|_| {
            Error::invalid(
                "HTTPBadRequest",
                format!("Bad networks format: network uuid is not in proper format ({text})"),
            )
        })?,
    };
    Ok(NicWish::Network { id, fixed_ip, tag })
}

fn read_groups(server: Object<'_>) -> Result<BTreeSet<String>> {
    let groups = server.objects("security_groups")?.unwrap_or_default();
    let mut names = BTreeSet::new();
    for group in groups {
        let group = group.allow(GROUP, super::microversion::MIN)?;
        if let Some(name) = group.text("name", 0..=TEXT_LIMIT)?.filter(|name| !name.is_empty()) {
            names.insert(name.to_owned());
        }
    }
    // The default group alone is what ports get anyway.
    if names.len() == 1 && names.contains("default") {
        names.clear();
    }
    Ok(names)
}

/// Nova's schema takes base64 with or without line breaks.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

fn decode(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.split_ascii_whitespace().collect();
    BASE64.decode(plain).ok()
}

pub(super) fn read_user_data(server: Object<'_>) -> Result<Option<String>> {
    let Some(text) = server.text("user_data", 0..=USER_DATA_LIMIT)? else {
        return Ok(None);
    };
    if decode(text).is_none() {
        return Err(Error::invalid(
            "InstanceUserDataMalformed",
            "User data needs to be valid base 64.",
        ));
    }
    Ok(Some(text.split_ascii_whitespace().collect()))
}

pub(super) fn read_personality(server: Object<'_>) -> Result<Vec<(String, String, usize)>> {
    let files = server.objects("personality")?.unwrap_or_default();
    let files = files.into_iter().map(|file| {
        let file = file.allow(FILE, super::microversion::MIN)?;
        let path = file.text("path", 1..=1024)?.ok_or_else(|| missing("path"))?;
        let contents = file
            .text("contents", 0..=USER_DATA_LIMIT)?
            .ok_or_else(|| missing("contents"))?;
        let decoded =
            decode(contents).ok_or_else(|| wrong("contents", &json!(contents), "It is not valid base 64."))?;
        Ok((
            path.to_owned(),
            contents.split_ascii_whitespace().collect(),
            decoded.len(),
        ))
    });
    files.collect()
}

fn read_config_drive(server: Object<'_>) -> Result<bool> {
    // Empty text is Nova's own way of saying no.
    if server.value("config_drive").and_then(Value::as_str) == Some("") {
        return Ok(false);
    }
    Ok(server.boolean("config_drive")?.unwrap_or(false))
}

/// Letters and digits that can't be taken for each other.
pub(super) fn make_password() -> String {
    const LETTERS: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnopqrstuvwxyz";
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let bytes = random.iter().flat_map(|id| id.as_bytes().iter());
    // Two bytes of a v4 UUID have fixed bits; they are left out.
    let free = bytes.enumerate().filter(|(index, _)| !matches!(index % 16, 6 | 8));
    free.map(|(_, byte)| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .take(PASSWORD_LENGTH)
        .collect()
}
