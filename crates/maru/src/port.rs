//! `maru port attach` and `detach`: an existing network namespace gets a leg on a port.

use std::time::{Duration, Instant};

use anyhow::bail;
use linux::Netns;
use serde_json::{Value, json};

use crate::client::Client;
use crate::output::{Mark, Output};
use crate::state_dir::StateDir;

/// How long the host may take to plug it in.
const ATTACH_LIMIT: Duration = Duration::from_secs(20);

/// Plugs a namespace in and waits until it works.
pub async fn attach(state: &StateDir, port: &str, netns: &str, ifname: &str, output: &Output) -> anyhow::Result<()> {
    if !Netns::exists(netns) {
        bail!(output.lang.no_netns(netns));
    }
    let client = Client::log_in(state, "maru").await?;
    let path = format!("/maru/v1/ports/{port}/attachment");
    let body = json!({"attachment": {"netns": netns, "ifname": ifname}});
    let mut attachment = client.put(&path, body).await?["attachment"].take();
    let started = Instant::now();
    while attachment["status"] != "ACTIVE" {
        if started.elapsed() > ATTACH_LIMIT {
            bail!(
                output
                    .lang
                    .not_attached(reason(&client, port).await, ATTACH_LIMIT.as_secs())
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        attachment = client.get(&path).await?["attachment"].take();
    }
    if output.json {
        return output.data(&attachment);
    }
    output.marked(Mark::Ok, output.lang.attached(port, ifname, netns));
    Ok(())
}

/// Why the host can't do it, as far as it said.
async fn reason(client: &Client, port: &str) -> String {
    let status = client.get("/maru/v1/status").await.unwrap_or(Value::Null);
    let list = status["status"]["not_ready"].as_array().cloned().unwrap_or_default();
    let of_port = list.iter().find(|item| item["id"] == port);
    of_port
        .and_then(|item| item["reason"].as_str())
        .unwrap_or("the host has not said why")
        .to_owned()
}

/// Takes the leg away.
pub async fn detach(state: &StateDir, port: &str, output: &Output) -> anyhow::Result<()> {
    let client = Client::log_in(state, "maru").await?;
    client.delete(&format!("/maru/v1/ports/{port}/attachment")).await?;
    output.marked(Mark::Ok, output.lang.detached(port));
    Ok(())
}
