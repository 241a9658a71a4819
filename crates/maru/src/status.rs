//! `maru status`: what the cloud holds, how its host is, what is not as wanted and why; on request what lies about on the
//! host and belongs to nothing.

use anyhow::Context;
use serde_json::{Value, json};

use crate::client::Client;
use crate::leftovers::{self, Leftover};
use crate::output::{Mark, Output, human_bytes};
use crate::state_dir::StateDir;

/// Shows it.
pub async fn run(state: &StateDir, with_leftovers: bool, output: &Output) -> anyhow::Result<()> {
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
    let found = if with_leftovers {
        Some(leftovers::find(state, &record, &client).await?)
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
        output.marked(Mark::Warn, output.lang.leftover(&leftover.kind, &leftover.name));
    }
}
