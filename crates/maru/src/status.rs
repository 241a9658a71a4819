//! `maru status`: what the cloud holds, how its host is, what is not as wanted and why; on request what lies about on the
//! host and belongs to nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;
use linux::Netns;
use linux::netlink::Rtnl;
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::Client;
use crate::host_network::mark;
use crate::output::{Mark, Output, human_bytes};
use crate::state_dir::StateDir;

/// Something of this cloud on the host that no row asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// What it is: `namespace`, `server directory`, `image file`.
    pub kind: &'static str,
    /// Its name or path.
    pub name: String,
}

/// Shows it.
pub async fn run(state: &StateDir, leftovers: bool, output: &Output) -> anyhow::Result<()> {
    let lang = output.lang;
    let Some(pid) = state.running_pid()? else {
        if output.json {
            output.data(&json!({"running": false, "state_dir": state.path()}))?;
        } else {
            output.marked(Mark::Fail, lang.not_running(state.path().display()));
        }
        // Scripts ask by the exit code whether a cloud runs.
        return Err(crate::Quiet.into());
    };
    let client = Client::log_in(state, "maru").await?;
    let mut status = client.get("/maru/v1/status").await?["status"].take();
    let record = state
        .run_record()
        .context("the running cloud left no record of how it was started")?;
    let found = if leftovers {
        Some(find_leftovers(state, &client).await?)
    } else {
        None
    };
    if output.json {
        status["running"] = json!(true);
        status["pid"] = json!(pid);
        status["url"] = json!(record.url);
        status["state_dir"] = json!(state.path());
        status["host_netns"] = json!(record.host_netns);
        if let Some(found) = &found {
            status["leftovers"] = json!(found);
        }
        return output.data(&status);
    }
    output.marked(Mark::Ok, lang.running(&record.url, pid));
    print_host(&status, output);
    print_objects(&status, output);
    print_not_ready(&status, output);
    if let Some(found) = &found {
        print_leftovers(found, output);
    }
    Ok(())
}

fn print_host(status: &Value, output: &Output) {
    let host = &status["host"];
    let bytes = |key: &str| host[key].as_u64().unwrap_or(0);
    let settled = host["applied_revision"] == host["wanted_revision"];
    let mark = if settled { Mark::Ok } else { Mark::Warn };
    output.marked(
        mark,
        output.lang.host_line(
            host["name"].as_str().unwrap_or("?"),
            host["acceleration"].as_str().unwrap_or("?"),
            bytes("vcpus"),
            human_bytes(bytes("memory_free_mib") << 20),
            human_bytes(bytes("memory_mib") << 20),
            human_bytes(bytes("disk_free_bytes")),
        ),
    );
}

fn print_objects(status: &Value, output: &Output) {
    let line = |value: &Value| {
        let counts = value.as_object().into_iter().flatten();
        counts
            .map(|(name, count)| format!("{name} {count}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    output.line(format!("      {}", line(&status["objects"])));
    let servers = line(&status["servers"]);
    if !servers.is_empty() {
        output.line(format!("      {}", output.lang.servers_line(servers)));
    }
}

fn print_not_ready(status: &Value, output: &Output) {
    let empty = Vec::new();
    for item in status["not_ready"].as_array().unwrap_or(&empty) {
        let text = |key: &str| item[key].as_str().unwrap_or("").to_owned();
        output.marked(
            Mark::Fail,
            format!("{} {} {}: {}", text("kind"), text("id"), text("name"), text("reason")),
        );
    }
}

fn print_leftovers(found: &[Leftover], output: &Output) {
    if found.is_empty() {
        output.marked(Mark::Ok, output.lang.no_leftovers());
    }
    for leftover in found {
        output.marked(Mark::Warn, output.lang.leftover(leftover.kind, &leftover.name));
    }
}

async fn find_leftovers(state: &StateDir, client: &Client) -> anyhow::Result<Vec<Leftover>> {
    let inventory = client.get("/maru/v1/inventory").await?["inventory"].take();
    let ids = |kind: &str| -> BTreeSet<String> {
        let list = inventory[kind].as_array().into_iter().flatten();
        list.filter_map(|id| id.as_str().map(str::to_owned)).collect()
    };
    let mut found = Vec::new();
    if let Some(owner) = state.cloud_id() {
        let wanted: BTreeSet<String> = ids("networks")
            .iter()
            .map(|id| format!("qdhcp-{id}"))
            .chain(ids("routers").iter().map(|id| format!("qrouter-{id}")))
            .collect();
        for name in namespaces_of(&owner)?.into_iter().filter(|name| !wanted.contains(name)) {
            found.push(Leftover {
                kind: "namespace",
                name,
            });
        }
    }
    found.extend(unknown_entries(
        &state.join("servers"),
        &ids("servers"),
        "server directory",
    ));
    found.extend(unknown_entries(&state.join("images"), &ids("images"), "image file"));
    let volumes = ids("volumes").into_iter().map(|id| format!("{id}.raw"));
    let snapshots = ids("snapshots").into_iter().map(|id| format!("{id}.snapshot"));
    let known = volumes.chain(snapshots).collect();
    found.extend(unknown_entries(&state.join("volumes"), &known, "volume file"));
    let backups = ids("backups").into_iter().map(|id| format!("{id}.backup")).collect();
    found.extend(unknown_entries(&state.join("backups"), &backups, "backup file"));
    Ok(found)
}

fn namespaces_of(owner: &str) -> linux::Result<Vec<String>> {
    let mark = mark(owner);
    let bears_mark = |name: &str| -> linux::Result<bool> {
        let mut netlink = Rtnl::open(&Netns::open(name)?)?;
        Ok(netlink.link("lo")?.alias.as_deref() == Some(&mark))
    };
    let names = Netns::list()?.into_iter();
    // One that goes away or can't be opened just now is no leftover.
    Ok(names.filter(|name| bears_mark(name).unwrap_or(false)).collect())
}

fn unknown_entries(dir: &Path, known: &BTreeSet<String>, kind: &'static str) -> Vec<Leftover> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        // Parts belong to uploads under way, partial files to what is being made.
        .filter(|name| !known.contains(name) && !name.ends_with(".part") && !name.ends_with(".partial"))
        .map(|name| Leftover {
            kind,
            name: dir.join(name).display().to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
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
}
