//! Compute as clients use it: helpers, and the story of a server.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::{Answer, Client, TestCloud};

/// The newest microversion that is declared.
pub const NEWEST: &str = "2.104";

/// Where compute is.
pub fn url(path: &str) -> String {
    format!("/compute/v2.1/{path}")
}

/// The client with a microversion, as tempest asks for one.
pub fn at(client: &Client, version: &str) -> Client {
    client.clone().with("x-openstack-nova-api-version", version)
}

/// A project's means to have servers.
pub struct Means {
    pub image: String,
    pub network: String,
}

impl Means {
    /// Makes an image of 1 MiB and a network with a subnet.
    pub async fn make(client: &Client) -> Self {
        let image = make_image(client, json!({})).await;
        let network = make_network(client, "net1", "10.1.0.0/24").await;
        Self { image, network }
    }

    /// A body that makes a server here.
    pub fn server(&self, name: &str) -> Value {
        json!({"server": {
            "name": name,
            "imageRef": self.image,
            "flavorRef": "42",
            "networks": [{"uuid": self.network}],
        }})
    }

    /// A server that runs.
    pub async fn boot(&self, client: &Client, name: &str) -> String {
        let id = self.create(client, name).await;
        wait_for(client, &id, "ACTIVE").await;
        id
    }

    /// A server that was asked for.
    pub async fn create(&self, client: &Client, name: &str) -> String {
        let answer = client.post(&url("servers"), self.server(name)).await.expect(202);
        text(&answer["server"]["id"])
    }
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

pub async fn make_image(client: &Client, more: Value) -> String {
    let mut body = json!({"name": "img1", "disk_format": "raw", "container_format": "bare"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let image = client.post("/image/v2/images", body).await.expect(201);
    let id = text(&image["id"]);
    let upload = client
        .clone()
        .with("content-type", "application/octet-stream")
        .send(
            axum::http::Method::PUT,
            &format!("/image/v2/images/{id}/file"),
            axum::body::Body::from(vec![0; 1 << 20]),
        )
        .await;
    assert_eq!(upload.status, 204, "{upload:?}");
    id
}

pub async fn make_network(client: &Client, name: &str, cidr: &str) -> String {
    let network = client
        .post("/networking/v2.0/networks", json!({"network": {"name": name}}))
        .await
        .expect(201);
    let id = text(&network["network"]["id"]);
    let subnet = json!({"subnet": {"network_id": id, "ip_version": 4, "cidr": cidr}});
    client.post("/networking/v2.0/subnets", subnet).await.expect(201);
    id
}

/// Waits until a server has a status and no task; its document then. An error that was not waited for ends the test.
pub async fn wait_for(client: &Client, id: &str, status: &str) -> Value {
    wait(client, id, status, status == "ERROR").await
}

/// The same for a server that is in error and is to leave it.
pub async fn wait_past_error(client: &Client, id: &str, status: &str) -> Value {
    wait(client, id, status, true).await
}

async fn wait(client: &Client, id: &str, status: &str, may_fail: bool) -> Value {
    let mut seen = Value::Null;
    for _ in 0..2000 {
        let answer = client.get(&url(&format!("servers/{id}"))).await.expect(200);
        seen = answer["server"].clone();
        if seen["status"] == status && seen["OS-EXT-STS:task_state"].is_null() {
            return seen;
        }
        assert!(may_fail || seen["status"] != "ERROR", "wanted {status}, got {seen:#}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{status} never came: {seen:#}");
}

/// Waits until a server is gone.
pub async fn wait_gone(client: &Client, id: &str) {
    for _ in 0..2000 {
        if client.get(&url(&format!("servers/{id}"))).await.status == 404 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{id} never went");
}

/// Sends an action.
pub async fn act(client: &Client, id: &str, action: Value) -> Answer {
    client.post(&url(&format!("servers/{id}/action")), action).await
}

/// Insists on a fault of a status, with a message that holds some words.
#[track_caller]
pub fn expect_fault(answer: Answer, status: u16, words: &str) {
    let shown = format!("{answer:?}");
    let json = answer.expect(status);
    let message = json.as_object().unwrap().values().next().unwrap()["message"].to_string();
    assert!(message.contains(words), "no '{words}' in {shown}");
}

#[tokio::test]
async fn a_server_lives_as_openstackclient_makes_it() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let client = at(&demo, NEWEST).with("openstack-api-version", &format!("compute {NEWEST}"));

    let pair = at(&demo, "2.10")
        .post(&url("os-keypairs"), json!({"keypair": {"name": "key1", "type": "ssh"}}))
        .await
        .expect(201);
    assert!(text(&pair["keypair"]["private_key"]).starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let pair = at(&demo, "2.2")
        .post(
            &url("os-keypairs"),
            json!({"keypair": {"name": "winrm", "type": "x509"}}),
        )
        .await
        .expect(201)["keypair"]
        .clone();
    assert_eq!(pair["type"], "x509");
    assert!(text(&pair["private_key"]).starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(text(&pair["public_key"]).starts_with("-----BEGIN CERTIFICATE-----"));

    let body = json!({"server": {
        "name": "web", "imageRef": means.image, "flavorRef": "42", "key_name": "key1",
        "min_count": 1, "max_count": 1, "networks": [{"uuid": means.network}],
        "block_device_mapping_v2": [{
            "uuid": means.image, "boot_index": 0, "source_type": "image", "destination_type": "local",
            "delete_on_termination": true,
        }],
    }});
    let answer = client.post(&url("servers"), body).await;
    assert_eq!(answer.headers["openstack-api-version"], "compute 2.104");
    assert_eq!(answer.headers["x-openstack-nova-api-version"], "2.104");
    assert!(answer.headers.contains_key("x-openstack-request-id"));
    let id = text(&answer.expect(202)["server"]["id"]);

    let server = wait_for(&client, &id, "ACTIVE").await;
    assert_eq!(server["flavor"]["original_name"], "m1.nano");
    assert_eq!(server["addresses"]["net1"][0]["version"], 4);
    assert_eq!(server["key_name"], "key1");

    let found = client.get(&url("servers/detail?name=web")).await.expect(200);
    assert_eq!(found["servers"][0]["id"], id);
    assert_eq!(client.get(&url("servers/web")).await.status, 404);

    assert_eq!(act(&client, &id, json!({"reboot": {"type": "HARD"}})).await.status, 202);
    wait_for(&client, &id, "ACTIVE").await;
    assert_eq!(cloud.node.boots(id.parse().unwrap()), 2);

    let log = act(&client, &id, json!({"os-getConsoleOutput": {}})).await.expect(200);
    assert!(text(&log["output"]).contains("web login:"), "{log}");
    let line = act(&client, &id, json!({"os-getConsoleOutput": {"length": "1"}}))
        .await
        .expect(200);
    assert_eq!(line["output"], "web login: ");

    let answer = client.delete(&url(&format!("servers/{id}"))).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    wait_gone(&client, &id).await;
    let ports = demo
        .get(&format!("/networking/v2.0/ports?device_id={id}"))
        .await
        .expect(200);
    assert_eq!(ports["ports"], json!([]));
}
