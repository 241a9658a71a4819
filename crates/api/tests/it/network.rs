//! Networking v2.0 as a story: what the `openstack` client sends in the walk-through, and what comes back.

use model::bootstrap;
use serde_json::{Value, json};

use crate::cloud::{Answer, Client, TestCloud};

pub const V2: &str = "/networking/v2.0";

/// A cloud with DevStack's networks.
pub async fn start() -> TestCloud {
    let cloud = TestCloud::start().await;
    cloud
        .run(|tx| {
            let passwords = bootstrap::identity::FirstPasswords {
                admin_hash: String::new(),
                demo_hash: String::new(),
            };
            let identity = bootstrap::identity(tx, passwords)?;
            bootstrap::network(tx, &identity, &bootstrap::network::Settings::default())
        })
        .await;
    cloud
}

/// Makes one and gives its document.
pub async fn make(client: &Client, collection: &str, name: &str, body: Value) -> Value {
    let answer = client.post(&format!("{V2}/{collection}"), json!({ name: body })).await;
    answer.expect(201)[name].take()
}

/// The one thing with this name.
pub async fn by_name(client: &Client, collection: &str, name: &str) -> Value {
    let plural = collection.replace('-', "_");
    let mut list = client.get(&format!("{V2}/{collection}?name={name}")).await.expect(200);
    let found = list[&plural].as_array_mut().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[track_caller]
pub fn fault(answer: Answer, status: u16, kind: &str) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json["NeutronError"]["type"], kind, "{answer:?}");
    assert_eq!(answer.json["NeutronError"]["detail"], "");
    answer.json["NeutronError"]["message"].as_str().unwrap().to_owned()
}

pub fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

#[tokio::test]
async fn the_walk_through_with_what_the_client_sends() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = make(
        &demo,
        "networks",
        "network",
        json!({"name": "net1", "admin_state_up": true}),
    )
    .await;
    // A name where an id belongs is not found; then the client looks for the name.
    let answer = demo.get(&format!("{V2}/networks/net1")).await;
    let message = fault(answer, 404, "NetworkNotFound");
    assert_eq!(message, "Network net1 could not be found.");
    assert_eq!(id(&by_name(&demo, "networks", "net1").await), id(&network));
    let subnet = make(
        &demo,
        "subnets",
        "subnet",
        json!({
            "network_id": network["id"], "ip_version": 4, "cidr": "172.31.0.0/24", "name": "sub1",
            "gateway_ip": "172.31.0.1", "enable_dhcp": true, "dns_nameservers": ["1.1.1.1"],
            "allocation_pools": [{"start": "172.31.0.20", "end": "172.31.0.200"}],
        }),
    )
    .await;
    assert_eq!(
        subnet["allocation_pools"],
        json!([{"start": "172.31.0.20", "end": "172.31.0.200"}])
    );
    let pools = json!({"subnet": {"allocation_pools": [{"start": "172.31.0.50", "end": "172.31.0.60"}]}});
    demo.put(&format!("{V2}/subnets/{}", id(&subnet)), pools)
        .await
        .expect(200);

    let router = make(
        &demo,
        "routers",
        "router",
        json!({"name": "r1", "admin_state_up": true}),
    )
    .await;
    fault(
        demo.get(&format!("{V2}/extensions/external-gateway-multihoming")).await,
        404,
        "ExtensionNotFound",
    );
    let public = by_name(&demo, "networks", "public").await;
    let router_url = format!("{V2}/routers/{}", id(&router));
    let gateway = json!({"router": {"external_gateway_info": {"network_id": public["id"]}}});
    let router = demo.put(&router_url, gateway).await.expect(200)["router"].take();
    let info = &router["external_gateway_info"];
    assert_eq!(
        (&info["network_id"], &info["enable_snat"]),
        (&public["id"], &json!(true))
    );
    assert_eq!(info["external_fixed_ips"][0]["ip_address"], "172.24.4.3");
    let add = json!({"subnet_id": subnet["id"]});
    let leg = demo
        .put(&format!("{router_url}/add_router_interface"), add.clone())
        .await
        .expect(200);
    assert_eq!(leg["subnet_ids"], json!([subnet["id"]]));

    let port = make(
        &demo,
        "ports",
        "port",
        json!({"network_id": network["id"], "name": "p1"}),
    )
    .await;
    assert_eq!(
        port["fixed_ips"],
        json!([{"subnet_id": subnet["id"], "ip_address": "172.31.0.50"}])
    );
    assert_eq!(port["status"], "DOWN");
    let group = by_name(&demo, "security-groups", "default").await;
    assert_eq!(port["security_groups"], json!([group["id"]]));
    let rule = json!({
        "security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
        "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "0.0.0.0/0",
    });
    let made = make(&demo, "security-group-rules", "security_group_rule", rule.clone()).await;
    assert_eq!(made["belongs_to_default_sg"], true);
    let again = demo
        .post(
            &format!("{V2}/security-group-rules"),
            json!({"security_group_rule": rule}),
        )
        .await;
    fault(again, 409, "SecurityGroupRuleExists");

    let fip = make(
        &demo,
        "floatingips",
        "floatingip",
        json!({"floating_network_id": public["id"]}),
    )
    .await;
    assert_eq!(fip["status"], "DOWN");
    let fip_url = format!("{V2}/floatingips/{}", id(&fip));
    let to_port = json!({"floatingip": {"port_id": port["id"]}});
    let fip = demo.put(&fip_url, to_port).await.expect(200)["floatingip"].take();
    assert_eq!(fip["fixed_ip_address"], "172.31.0.50");
    assert_eq!(fip["port_details"]["name"], "p1");
    assert_eq!(fip["router_id"], router["id"]);

    // Everything goes again, in the order that leaves nothing in use.
    let remove = format!("{router_url}/remove_router_interface");
    fault(
        demo.put(&remove, add.clone()).await,
        409,
        "RouterInterfaceInUseByFloatingIP",
    );
    fault(
        demo.delete(&format!("{V2}/networks/{}", id(&network))).await,
        409,
        "NetworkInUse",
    );
    demo.delete(&fip_url).await.expect(204);
    demo.delete(&format!("{V2}/ports/{}", id(&port))).await.expect(204);
    fault(demo.delete(&router_url).await, 409, "RouterInUse");
    demo.put(&remove, add).await.expect(200);
    demo.delete(&router_url).await.expect(204);
    demo.delete(&format!("{V2}/subnets/{}", id(&subnet))).await.expect(204);
    demo.delete(&format!("{V2}/networks/{}", id(&network)))
        .await
        .expect(204);
    fault(
        demo.get(&format!("{V2}/networks/{}", id(&network))).await,
        404,
        "NetworkNotFound",
    );
}

#[tokio::test]
async fn statuses_come_from_the_host() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = by_name(&demo, "networks", "private").await;
    let url = format!("{V2}/ports?network_id={}&device_owner=network:dhcp", id(&network));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let ports = demo.get(&url).await.expect(200);
        if ports["ports"][0]["status"] == "ACTIVE" {
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the DHCP port stays down: {ports}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn documents_of_versions_and_extensions_are_true() {
    let cloud = TestCloud::start().await;
    let anonymous = cloud.anonymous();
    let versions = anonymous.get("/networking/").await.expect(200);
    assert_eq!(versions["versions"][0]["id"], "v2.0");
    let resources = anonymous.get("/networking/v2.0/").await.expect(200);
    let demo = cloud.demo().await;
    let admin = cloud.admin().await;
    for resource in resources["resources"].as_array().unwrap() {
        let url = resource["links"][0]["href"].as_str().unwrap();
        let path = url.strip_prefix(crate::cloud::BASE_URL).unwrap();
        admin.get(path).await.expect(200);
    }
    let list = demo.get(&format!("{V2}/extensions")).await.expect(200);
    let aliases: Vec<&str> = list["extensions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|extension| extension["alias"].as_str().unwrap())
        .collect();
    for alias in &aliases {
        demo.get(&format!("{V2}/extensions/{alias}")).await.expect(200);
    }
    // What is not there is not promised.
    for absent in ["local_ip", "dvr", "l3-ha", "logging"] {
        assert!(!aliases.contains(&absent), "{absent}");
    }
}

#[tokio::test]
async fn a_namespace_is_attached_by_the_administrator() {
    let cloud = start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let network = by_name(&demo, "networks", "private").await;
    let port = make(&demo, "ports", "port", json!({"network_id": network["id"]})).await;
    let url = format!("/maru/v1/ports/{}/attachment", id(&port));
    let body = json!({"attachment": {"netns": "box"}});
    assert_eq!(demo.put(&url, body.clone()).await.status, 403);
    let made = admin.put(&url, body.clone()).await.expect(200);
    assert_eq!(
        (&made["attachment"]["netns"], &made["attachment"]["ifname"]),
        (&json!("box"), &json!("eth0"))
    );
    let other = json!({"attachment": {"netns": "other"}});
    assert_eq!(admin.put(&url, other).await.status, 409);
    let bad = json!({"attachment": {"netns": "a/b"}});
    assert_eq!(admin.put(&url, bad).await.status, 400);
    let shown = admin.get(&format!("{V2}/ports/{}", id(&port))).await.expect(200);
    assert_eq!(shown["port"]["binding:vif_type"], "tap");
    admin.delete(&url).await.expect(204);
    assert_eq!(admin.get(&url).await.expect(200)["attachment"]["netns"], Value::Null);
}

#[tokio::test]
async fn what_was_made_outlives_a_restart() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = by_name(&demo, "networks", "private").await;
    let port = make(
        &demo,
        "ports",
        "port",
        json!({"network_id": network["id"], "tags": ["a"]}),
    )
    .await;
    let before = demo.get(&format!("{V2}/ports/{}", id(&port))).await.expect(200);
    let cloud = cloud.restart().await;
    let after = demo.get(&format!("{V2}/ports/{}", id(&port))).await.expect(200);
    assert_eq!(before, after);
    let next = make(&demo, "ports", "port", json!({"network_id": network["id"]})).await;
    assert_ne!(next["fixed_ips"], port["fixed_ips"]);
    drop(cloud);
}
