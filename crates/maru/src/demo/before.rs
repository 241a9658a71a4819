//! What an earlier run of the demonstration left is deleted first, by name; nothing else is touched.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use super::Story;
use super::steps::{KEY, MARK, NETWORK, ROUTER, SERVER};
use crate::client::Client;

const GONE_LIMIT: Duration = Duration::from_secs(90);

/// Deletes the story's objects, the last made first.
pub(super) async fn clear(story: &Story<'_>) -> anyhow::Result<()> {
    let client = &story.client;
    servers(client).await?;
    for address in list(
        client,
        &format!("/networking/v2.0/floatingips?description={MARK}"),
        "floatingips",
    )
    .await?
    {
        client
            .delete(&format!("/networking/v2.0/floatingips/{}", id(&address)))
            .await?;
    }
    for rule in list(
        client,
        &format!("/networking/v2.0/security-group-rules?description={MARK}"),
        "security_group_rules",
    )
    .await?
    {
        client
            .delete(&format!("/networking/v2.0/security-group-rules/{}", id(&rule)))
            .await?;
    }
    routers(client).await?;
    for network in list(client, &format!("/networking/v2.0/networks?name={NETWORK}"), "networks").await? {
        client
            .delete(&format!("/networking/v2.0/networks/{}", id(&network)))
            .await?;
    }
    client.delete(&format!("/compute/v2.1/os-keypairs/{KEY}")).await
}

async fn servers(client: &Client) -> anyhow::Result<()> {
    for server in list(client, &format!("/compute/v2.1/servers?name=%5E{SERVER}%24"), "servers").await? {
        client.delete(&format!("/compute/v2.1/servers/{}", id(&server))).await?;
    }
    let started = Instant::now();
    while !list(client, &format!("/compute/v2.1/servers?name=%5E{SERVER}%24"), "servers")
        .await?
        .is_empty()
    {
        if started.elapsed() > GONE_LIMIT {
            bail!(
                "the former server {SERVER} is not gone after {} s",
                GONE_LIMIT.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

async fn routers(client: &Client) -> anyhow::Result<()> {
    for router in list(client, &format!("/networking/v2.0/routers?name={ROUTER}"), "routers").await? {
        let router = id(&router);
        let ports = format!("/networking/v2.0/ports?device_id={router}&device_owner=network:router_interface");
        for port in list(client, &ports, "ports").await? {
            let path = format!("/networking/v2.0/routers/{router}/remove_router_interface");
            client.put(&path, json!({"port_id": id(&port)})).await?;
        }
        client.delete(&format!("/networking/v2.0/routers/{router}")).await?;
    }
    Ok(())
}

/// A list of a service.
pub(super) async fn list(client: &Client, path: &str, key: &str) -> anyhow::Result<Vec<Value>> {
    match client.get(path).await?[key].take() {
        Value::Array(list) => Ok(list),
        _ => bail!("GET {path} brought no '{key}'"),
    }
}

/// The id of a document.
pub(super) fn id(document: &Value) -> String {
    document["id"].as_str().unwrap_or_default().to_owned()
}
