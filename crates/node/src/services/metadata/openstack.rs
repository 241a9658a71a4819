//! The OpenStack tree: `/openstack/<version>/meta_data.json` and its neighbours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::host::InstanceMetadata;
use serde_json::{Value, json};

use super::network_data::network_data;
use super::{Medium, Response};

/// The versions by date, oldest first (Nova's own list; clients take the newest that they know). `latest` is the last.
const VERSIONS: &[&str] = &[
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
];
const LATEST: &str = "latest";

/// The file names, with the first version that has each.
const FILES: &[(&str, &str)] = &[
    ("meta_data.json", "2012-08-10"),
    ("user_data", "2012-08-10"),
    ("password", "2013-04-04"),
    ("vendor_data.json", "2013-10-17"),
    ("network_data.json", "2015-10-15"),
    ("vendor_data2.json", "2016-10-06"),
];

/// The date that a version stands for; `None` for one that does not exist.
fn date_of(version: &str) -> Option<&'static str> {
    let newest = VERSIONS.last().copied()?;
    match version {
        LATEST => Some(newest),
        _ => VERSIONS.iter().copied().find(|known| *known == version),
    }
}

/// Whether `/openstack/<version>/password` exists.
pub(super) fn has_password(version: &str) -> bool {
    date_of(version).is_some_and(|date| date >= "2013-04-04")
}

/// What is below `/openstack`; `None` for "nothing".
pub(super) fn find(segments: &[&str], metadata: &InstanceMetadata, medium: Medium) -> Option<Response> {
    match segments {
        [] => {
            let all: Vec<&str> = VERSIONS.iter().copied().chain([LATEST]).collect();
            Some(Response::text(all.join("\n")))
        }
        [version] => {
            let date = date_of(version)?;
            let names: Vec<&str> = names(date, metadata).collect();
            Some(Response::text(names.join("\n")))
        }
        ["content", number] if medium == Medium::ConfigDrive => {
            let index: usize = number.parse().ok()?;
            let (_, content) = metadata.personality.get(index)?;
            Some(binary(decode(content)))
        }
        [version, name] => {
            let date = date_of(version)?;
            let exists = names(date, metadata).any(|known| known == *name);
            exists.then(|| file(name, date, metadata, medium)).flatten()
        }
        _ => None,
    }
}

fn names<'a>(date: &'a str, metadata: &'a InstanceMetadata) -> impl Iterator<Item = &'static str> + 'a {
    FILES
        .iter()
        .filter(move |(name, since)| date >= *since && (*name != "user_data" || metadata.user_data.is_some()))
        .map(|(name, _)| *name)
}

fn file(name: &str, date: &str, metadata: &InstanceMetadata, medium: Medium) -> Option<Response> {
    match name {
        "meta_data.json" => Some(Response {
            has_keys: true,
            ..Response::json(&meta_data(date, metadata, medium))
        }),
        "user_data" => metadata.user_data.as_deref().map(|data| binary(decode(data))),
        "network_data.json" => Some(Response::json(&network_data(metadata))),
        "vendor_data.json" | "vendor_data2.json" => Some(Response::json(&json!({}))),
        _ => None,
    }
}

fn binary(body: Vec<u8>) -> Response {
    Response {
        content_type: "application/octet-stream",
        ..Response::text(body)
    }
}

/// User data is base64 by the API's rule; what is not, is passed on as it is.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).unwrap_or_else(|_| text.as_bytes().to_vec())
}

fn meta_data(date: &str, metadata: &InstanceMetadata, medium: Medium) -> Value {
    let mut document = json!({
        "uuid": metadata.uuid.map(|id| id.to_string()),
        "name": metadata.name,
        "hostname": metadata.hostname,
        "launch_index": metadata.launch_index,
        "availability_zone": metadata.availability_zone,
    });
    let mut set = |key: &str, value: Value| document[key] = value;
    if !metadata.meta.is_empty() {
        set("meta", json!(metadata.meta));
    }
    if !metadata.public_keys.is_empty() {
        set("public_keys", json!(metadata.public_keys));
    }
    if date >= "2013-04-04" {
        set("random_seed", json!(metadata.random_seed));
    }
    if date >= "2015-10-15" {
        set("project_id", json!(metadata.project_id));
    }
    if date >= "2016-06-30" {
        set("devices", json!([]));
        let keys: Vec<Value> = metadata
            .public_keys
            .iter()
            .map(|(name, data)| json!({"name": name, "type": "ssh", "data": data}))
            .collect();
        set("keys", json!(keys));
    }
    if date >= "2020-10-14" {
        set("dedicated_cpus", json!([]));
    }
    if medium == Medium::ConfigDrive {
        if let Some(password) = &metadata.admin_pass {
            set("admin_pass", json!(password));
        }
        let files: Vec<Value> = (0..)
            .zip(&metadata.personality)
            .map(|(number, (path, _))| json!({"path": path, "content_path": content_path(number)}))
            .collect();
        if !files.is_empty() {
            set("files", json!(files));
        }
    }
    document
}

fn content_path(number: usize) -> String {
    format!("/content/{number:04}")
}

/// The OpenStack files of the config drive.
pub(super) fn config_drive(metadata: &InstanceMetadata) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for version in VERSIONS.iter().copied().chain([LATEST]) {
        let Some(date) = date_of(version) else { continue };
        for name in names(date, metadata) {
            if let Some(found) = file(name, date, metadata, Medium::ConfigDrive) {
                files.push((format!("openstack/{version}/{name}"), found.body));
            }
        }
    }
    for (number, (_, content)) in metadata.personality.iter().enumerate() {
        files.push((format!("openstack{}", content_path(number)), decode(content)));
    }
    files
}
