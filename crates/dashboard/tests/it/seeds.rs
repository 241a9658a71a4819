//! One of everything, with names that try to be more than names.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};

pub const HOSTILE: &str = "<script>harm()</script>\"><img src=x onerror=harm()>'";

const NET: &str = "/networking/v2.0";
const NOVA: &str = "/compute/v2.1";
const CINDER: &str = "/volume/v3";

/// Makes it with one request and gives its id.
async fn make(client: &Client, path: &str, kind: &str, body: Value) -> String {
    let answer = client.post(path, json!({ kind: body })).await;
    assert!(answer.status < 300, "{path}: {answer:?}");
    answer.json[kind]["id"].as_str().unwrap_or_default().to_owned()
}

async fn until(client: &Client, path: &str, kind: &str, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = client.get(path).await.expect(200)[kind]["status"].clone();
        if seen == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{path} is {seen}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Fills a client's project; its server is running in the end.
pub async fn sow(cloud: &TestCloud, client: &Client) {
    let admin = cloud.admin().await;
    let image = client
        .post(
            "/image/v2/images",
            json!({"name": HOSTILE, "disk_format": "raw", "container_format": "bare"}),
        )
        .await
        .expect(201);
    let image = image["id"].as_str().unwrap();
    let upload = client.clone().with("content-type", "application/octet-stream");
    let path = format!("/image/v2/images/{image}/file");
    let answer = upload.send(Method::PUT, &path, Body::from(vec![0; 1 << 20])).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let public = admin.get(&format!("{NET}/networks?name=public")).await.expect(200)["networks"][0]["id"].clone();
    let network = make(client, &format!("{NET}/networks"), "network", json!({"name": HOSTILE})).await;
    let subnet = json!({"name": HOSTILE, "network_id": network, "ip_version": 4, "cidr": "10.77.0.0/24"});
    let subnet = make(client, &format!("{NET}/subnets"), "subnet", subnet).await;
    let router = json!({"name": HOSTILE, "external_gateway_info": {"network_id": public}});
    let router = make(client, &format!("{NET}/routers"), "router", router).await;
    let interface = json!({"subnet_id": subnet});
    client
        .put(&format!("{NET}/routers/{router}/add_router_interface"), interface)
        .await
        .expect(200);
    let group = make(
        client,
        &format!("{NET}/security-groups"),
        "security_group",
        json!({"name": HOSTILE}),
    )
    .await;
    let rule = json!({"security_group_id": group, "direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22});
    make(
        client,
        &format!("{NET}/security-group-rules"),
        "security_group_rule",
        rule,
    )
    .await;
    client
        .post(&format!("{NOVA}/os-keypairs"), json!({"keypair": {"name": "key"}}))
        .await;
    make(
        client,
        &format!("{NOVA}/os-server-groups"),
        "server_group",
        json!({"name": HOSTILE, "policies": ["affinity"]}),
    )
    .await;
    let flavors = client.get(&format!("{NOVA}/flavors")).await.expect(200);
    let nano = flavors["flavors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|flavor| flavor["name"] == "m1.nano")
        .unwrap();
    let server = json!({"name": HOSTILE, "imageRef": image, "flavorRef": nano["id"], "networks": [{"uuid": network}], "key_name": "key", "metadata": {"note": HOSTILE}});
    let server = make(client, &format!("{NOVA}/servers"), "server", server).await;
    until(client, &format!("{NOVA}/servers/{server}"), "server", "ACTIVE").await;
    let ports = client.get(&format!("{NET}/ports?device_id={server}")).await.expect(200);
    let port = &ports["ports"][0]["id"];
    make(
        client,
        &format!("{NET}/floatingips"),
        "floatingip",
        json!({"floating_network_id": public, "port_id": port, "description": HOSTILE}),
    )
    .await;
    let volume = make(
        client,
        &format!("{CINDER}/volumes"),
        "volume",
        json!({"name": HOSTILE, "size": 1}),
    )
    .await;
    until(client, &format!("{CINDER}/volumes/{volume}"), "volume", "available").await;
    let snapshot = make(
        client,
        &format!("{CINDER}/snapshots"),
        "snapshot",
        json!({"name": HOSTILE, "volume_id": volume}),
    )
    .await;
    until(
        client,
        &format!("{CINDER}/snapshots/{snapshot}"),
        "snapshot",
        "available",
    )
    .await;
    let backup = make(
        client,
        &format!("{CINDER}/backups"),
        "backup",
        json!({"name": HOSTILE, "volume_id": volume}),
    )
    .await;
    until(client, &format!("{CINDER}/backups/{backup}"), "backup", "available").await;
    let credential = json!({"name": HOSTILE});
    let path = format!("/identity/v3/users/{}/application_credentials", client.user_id);
    make(client, &path, "application_credential", credential).await;
}
