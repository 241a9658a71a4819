//! What lies about and belongs to nothing: on the host, of what bears this cloud's mark or lies in its directories; in the
//! cloud, what a deleted project left behind. `maru status --leftovers` tells it; nothing here removes anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use linux::Netns;
use linux::cgroup::Cgroup;
use linux::netlink::Rtnl;
use serde::Serialize;
use serde_json::Value;

use crate::client::Client;
use crate::host_network::mark;
use crate::state_dir::{RunRecord, StateDir};

/// Something of this cloud that no row asks for, or that nobody owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// What it is: `namespace`, `device`, `process`, `control group`, `server directory`, `image file`, …, or
    /// `unowned` and the kind of resource.
    pub kind: String,
    /// Its name, id or path, and what tells where it is.
    pub name: String,
}

impl Leftover {
    fn new(kind: &str, name: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.into(),
        }
    }
}

/// The ids of what there is, by kind (`GET /maru/v1/inventory`).
struct Inventory(Value);

impl Inventory {
    fn ids(&self, kind: &str) -> BTreeSet<String> {
        let list = self.0[kind].as_array().into_iter().flatten();
        list.filter_map(|id| id.as_str().map(str::to_owned)).collect()
    }

    /// Names of files, one for each id of a kind.
    fn files(&self, kind: &str, suffix: &str) -> BTreeSet<String> {
        self.ids(kind).iter().map(|id| format!("{id}{suffix}")).collect()
    }

    fn unowned(&self) -> Vec<Leftover> {
        let list = self.0["unowned"].as_array().into_iter().flatten();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        list.map(|row| {
            let name = format!("{} (of project {})", text(row, "id"), text(row, "project_id"));
            Leftover::new(&format!("unowned {}", text(row, "kind")), name)
        })
        .collect()
    }
}

/// Everything of that sort. What is being removed at this moment counts, too: ask again.
pub async fn find(state: &StateDir, record: &RunRecord, client: &Client) -> anyhow::Result<Vec<Leftover>> {
    // The host first: what is made between the two questions has its row by the second.
    let seen = state.cloud_id().map(|owner| on_host(&owner, record)).transpose()?;
    let processes = crate::purge::working_below(&state.join("servers"));
    let inventory = Inventory(client.get("/maru/v1/inventory").await?["inventory"].take());
    let mut found = seen.map(|seen| seen.unknown(&inventory)).unwrap_or_default();

    let servers = inventory.ids("servers");
    for process in processes {
        let pid = process.id().pid;
        let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let known = cwd
            .iter()
            .any(|part| part.to_str().is_some_and(|part| servers.contains(part)));
        if !known {
            found.push(Leftover::new("process", format!("{pid} ({})", cwd.display())));
        }
    }
    let mut volumes = inventory.files("volumes", ".raw");
    volumes.extend(inventory.files("snapshots", ".snapshot"));
    let backups = inventory.files("backups", ".backup");
    for (dir, known, kind) in [
        ("servers", &servers, "server directory"),
        ("images", &inventory.ids("images"), "image file"),
        ("volumes", &volumes, "volume file"),
        ("backups", &backups, "backup file"),
    ] {
        found.extend(unknown_entries(&state.join(dir), known, kind));
    }
    found.extend(inventory.unowned());
    Ok(found)
}

/// What the kernel holds that bears the cloud's mark.
struct Seen {
    /// Names of namespaces.
    namespaces: Vec<String>,
    /// Devices that are named after a port, and where they are.
    devices: Vec<(String, String)>,
    /// Control groups of servers.
    groups: Vec<(String, String)>,
}

fn on_host(owner: &str, record: &RunRecord) -> linux::Result<Seen> {
    let mark = mark(owner);
    let (mut namespaces, mut devices) = (Vec::new(), Vec::new());
    for name in Netns::list()? {
        // One that goes away or can't be opened just now is no leftover.
        let Ok(mut netlink) = Netns::open(&name).and_then(|namespace| Rtnl::open(&namespace)) else {
            continue;
        };
        let Ok(links) = netlink.links() else { continue };
        if links
            .iter()
            .any(|link| link.name == "lo" && link.alias.as_deref() == Some(&mark))
        {
            devices.extend(links.into_iter().map(|link| (link.name, name.clone())));
            namespaces.push(name);
        }
    }
    // Beside the bridges of provider networks there may be devices of anybody: only theirs are looked at.
    let host = match &record.host_netns {
        Some(name) => Netns::open(name)?,
        None => Netns::current()?,
    };
    let links = Rtnl::open(&host)?.links()?;
    for bridge in links.iter().filter(|link| link.alias.as_deref() == Some(&mark)) {
        let legs = links.iter().filter(|link| link.master == Some(bridge.index));
        devices.extend(legs.map(|link| (link.name.clone(), bridge.name.clone())));
    }
    let group = Cgroup::mount_point().map(|root| root.join(format!("maru-{owner}")));
    let entries = group.iter().flat_map(fs::read_dir).flatten().flatten();
    let groups = entries
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| {
            Some((
                entry.file_name().into_string().ok()?,
                entry.path().display().to_string(),
            ))
        })
        .collect();
    Ok(Seen {
        namespaces,
        devices,
        groups,
    })
}

impl Seen {
    fn unknown(self, inventory: &Inventory) -> Vec<Leftover> {
        let networks = inventory.ids("networks").into_iter().map(|id| format!("qdhcp-{id}"));
        let routers = inventory.ids("routers").into_iter().map(|id| format!("qrouter-{id}"));
        let wanted: BTreeSet<String> = networks.chain(routers).collect();
        let ports: BTreeSet<String> = inventory
            .ids("ports")
            .iter()
            .filter_map(|id| id.get(..11).map(str::to_owned))
            .collect();
        let servers = inventory.ids("servers");
        let mut found = Vec::new();
        for name in self.namespaces.into_iter().filter(|name| !wanted.contains(name)) {
            found.push(Leftover::new("namespace", name));
        }
        for (name, place) in self.devices {
            if port_of(&name).is_some_and(|port| !ports.contains(port)) {
                found.push(Leftover::new("device", format!("{name} ({place})")));
            }
        }
        for (name, path) in self.groups {
            if is_uuid(&name) && !servers.contains(&name) {
                found.push(Leftover::new("control group", path));
            }
        }
        found
    }
}

/// The first eleven characters of the id of the port that a device is named after.
fn port_of(device: &str) -> Option<&str> {
    let short = ["tap", "ifb", "spt-", "qr-", "qg-"]
        .iter()
        .find_map(|prefix| device.strip_prefix(prefix))?;
    let (head, tail) = short.split_once('-')?;
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (head.len() == 8 && tail.len() == 2 && hex(head) && hex(tail)).then_some(short)
}

fn is_uuid(name: &str) -> bool {
    name.parse::<model::ServerId>().is_ok()
}

fn unknown_entries(dir: &Path, known: &BTreeSet<String>, kind: &str) -> Vec<Leftover> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        // Parts belong to uploads under way, partial files to what is being made.
        .filter(|name| !known.contains(name) && !name.ends_with(".part") && !name.ends_with(".partial"))
        .map(|name| Leftover::new(kind, dir.join(name).display().to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_that_no_row_knows() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["known", "lost", "upload.part"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let found = unknown_entries(dir.path(), &BTreeSet::from(["known".to_owned()]), "image file");
        assert_eq!(found.len(), 1);
        assert!(found[0].name.ends_with("lost"));
        assert!(unknown_entries(&dir.path().join("none"), &BTreeSet::new(), "x").is_empty());
    }

    #[test]
    fn kernel_objects_that_no_row_asks_for() {
        let kept = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
        let lost = "1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
        let inventory = Inventory(json!({
            "networks": [kept], "routers": [kept], "ports": [kept], "servers": [kept],
            "unowned": [{"kind": "volume", "id": lost, "project_id": "gone"}],
        }));
        let names = |prefix: &str| [kept, lost].map(|id| format!("{prefix}{id}"));
        let seen = Seen {
            namespaces: [names("qdhcp-"), names("qrouter-")].concat(),
            devices: [
                "tap0a1b2c3d-4e",
                "tap1a1b2c3d-4e",
                "qg-1a1b2c3d-4e",
                "spt-1a1b2c3d-4e",
                "tapestry",
                "br0",
                "lo",
            ]
            .map(|name| (name.to_owned(), "here".to_owned()))
            .to_vec(),
            groups: [kept, lost, "other"]
                .map(|id| (id.to_owned(), format!("/groups/{id}")))
                .to_vec(),
        };
        let said = |found: Vec<Leftover>| {
            let said = found.into_iter().map(|found| format!("{} {}", found.kind, found.name));
            said.collect::<Vec<_>>()
        };
        assert_eq!(
            said(seen.unknown(&inventory)),
            [
                format!("namespace qdhcp-{lost}"),
                format!("namespace qrouter-{lost}"),
                "device tap1a1b2c3d-4e (here)".into(),
                "device qg-1a1b2c3d-4e (here)".into(),
                "device spt-1a1b2c3d-4e (here)".into(),
                format!("control group /groups/{lost}"),
            ]
        );
        assert_eq!(
            said(inventory.unowned()),
            [format!("unowned volume {lost} (of project gone)")]
        );
    }
}
