//! The EC2 tree: `/latest/meta-data/` and below, one value a path, as EC2's metadata service has it.

use std::net::Ipv4Addr;

use model::host::InstanceMetadata;
use serde_json::{Map, Value};

use super::Response;
use super::openstack::decode;

/// The versions that exist; all are answered alike.
const VERSIONS: &[&str] = &[
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "latest",
];

/// A place in the tree.
enum Node {
    Value(String),
    /// Names and what is below them, in the order shown.
    Directory(Vec<(String, Node)>),
    /// The list of public keys, which is shown as `0=name`.
    Keys(Vec<(String, String)>),
}

/// What is at a path below `/`; `None` for "nothing".
pub(super) fn find(segments: &[&str], metadata: &InstanceMetadata) -> Option<Response> {
    match segments {
        [] => Some(Response::text(VERSIONS.join("\n"))),
        [version, rest @ ..] if VERSIONS.contains(version) => match rest {
            [] if metadata.user_data.is_some() => Some(Response::text("meta-data/\nuser-data")),
            [] => Some(Response::text("meta-data/")),
            ["user-data"] => metadata.user_data.as_deref().map(|data| Response {
                content_type: "application/octet-stream",
                ..Response::text(decode(data))
            }),
            ["meta-data", path @ ..] => walk(&meta_data(metadata), path),
            _ => None,
        },
        _ => None,
    }
}

fn walk(node: &Node, path: &[&str]) -> Option<Response> {
    match (node, path) {
        (Node::Value(value), []) => Some(Response::text(value.as_str())),
        (Node::Directory(entries), []) => Some(Response::text(listing(entries))),
        (Node::Directory(entries), [name, rest @ ..]) => {
            let (_, below) = entries.iter().find(|(known, _)| known == name)?;
            walk(below, rest)
        }
        (Node::Keys(keys), []) => {
            let lines: Vec<String> = keys
                .iter()
                .enumerate()
                .map(|(index, (name, _))| format!("{index}={name}"))
                .collect();
            Some(Response::text(lines.join("\n")))
        }
        (Node::Keys(keys), [index, rest @ ..]) => {
            let (_, key) = keys.get(index.parse::<usize>().ok()?)?;
            match rest {
                [] => Some(Response::text("openssh-key")),
                ["openssh-key"] => Some(Response {
                    has_keys: true,
                    ..Response::text(key.as_str())
                }),
                _ => None,
            }
        }
        (Node::Value(_), _) => None,
    }
}

fn listing(entries: &[(String, Node)]) -> String {
    let lines: Vec<String> = entries
        .iter()
        .map(|(name, node)| match node {
            Node::Value(_) => name.clone(),
            Node::Directory(_) | Node::Keys(_) => format!("{name}/"),
        })
        .collect();
    lines.join("\n")
}

fn meta_data(metadata: &InstanceMetadata) -> Node {
    let value = |text: &str| Node::Value(text.to_owned());
    let address = |address: Option<Ipv4Addr>| Node::Value(address.map(|a| a.to_string()).unwrap_or_default());
    let directory = |entries: Vec<(&str, Node)>| {
        Node::Directory(
            entries
                .into_iter()
                .map(|(name, node)| (name.to_owned(), node))
                .collect(),
        )
    };
    let mut entries = vec![
        (
            "ami-id",
            Node::Value(metadata.image_id.map(|id| short_id("ami", &id)).unwrap_or_default()),
        ),
        ("ami-launch-index", Node::Value(metadata.launch_index.to_string())),
        ("ami-manifest-path", value("")),
        (
            "block-device-mapping",
            directory(vec![("ami", value("vda")), ("root", value("/dev/vda"))]),
        ),
        ("hostname", value(&metadata.hostname)),
        ("instance-action", value("none")),
        (
            "instance-id",
            Node::Value(metadata.uuid.map(|id| short_id("i", &id)).unwrap_or_default()),
        ),
        ("instance-type", value(&metadata.instance_type)),
        ("local-hostname", value(&metadata.hostname)),
        ("local-ipv4", address(metadata.local_ipv4)),
        (
            "placement",
            directory(vec![("availability-zone", value(&metadata.availability_zone))]),
        ),
        ("public-hostname", value(&metadata.hostname)),
        ("public-ipv4", address(metadata.public_ipv4)),
    ];
    if !metadata.public_keys.is_empty() {
        let keys = metadata
            .public_keys
            .iter()
            .map(|(name, key)| (name.clone(), key.clone()));
        entries.push(("public-keys", Node::Keys(keys.collect())));
    }
    entries.push(("reservation-id", value(&metadata.reservation_id)));
    entries.push(("security-groups", Node::Value(metadata.security_groups.join("\n"))));
    directory(entries)
}

/// EC2's short form of an id: `i-0a1b2c3d`. EC2 clients only compare it.
fn short_id(prefix: &str, id: &dyn std::fmt::Display) -> String {
    let hex: String = id.to_string().chars().filter(char::is_ascii_hexdigit).take(8).collect();
    format!("{prefix}-{hex}")
}

/// The EC2 files of the config drive: the tree as one document.
pub(super) fn config_drive(metadata: &InstanceMetadata) -> Vec<(String, Vec<u8>)> {
    let document = as_json(&meta_data(metadata)).to_string().into_bytes();
    let mut files = Vec::new();
    for version in ["2009-04-04", "latest"] {
        files.push((format!("ec2/{version}/meta-data.json"), document.clone()));
        if let Some(data) = metadata.user_data.as_deref() {
            files.push((format!("ec2/{version}/user-data"), decode(data)));
        }
    }
    files
}

fn as_json(node: &Node) -> Value {
    match node {
        Node::Value(value) => Value::from(value.as_str()),
        Node::Directory(entries) => {
            let members = entries.iter().map(|(name, below)| (name.clone(), as_json(below)));
            Value::Object(members.collect())
        }
        Node::Keys(keys) => {
            let members = keys.iter().enumerate().map(|(index, (name, key))| {
                let entry = serde_json::json!({"_name": name, "openssh-key": key});
                (index.to_string(), entry)
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}
