//! Small extensions of Networking v2.0: prefixes of pools, floating IP pools, new MACs, tags of ports that are made together.

use serde_json::{Value, json};

use crate::network::{V2, by_name, fault, id, make, start};

#[tokio::test]
async fn prefixes_are_added_to_a_pool_and_removed() {
    let cloud = start().await;
    let (demo, other) = (cloud.demo().await, cloud.project("other").await);
    for (prefixes, more, overlapping, joined) in [
        (
            json!(["10.10.10.0/24", "192.168.1.0/24"]),
            json!(["192.168.2.0/24"]),
            json!(["10.10.0.0/16"]),
            json!(["10.10.0.0/16", "192.168.1.0/24"]),
        ),
        (
            json!(["2001:db8:1234::/48", "2001:db8:1236::/48"]),
            json!(["2001:db8:4321::/48"]),
            json!(["2001:db8:1234:1111::/64"]),
            json!(["2001:db8:1234::/48", "2001:db8:1236::/48"]),
        ),
    ] {
        let pool = json!({"name": "p", "prefixes": prefixes, "min_prefixlen": 16});
        let pool = make(&demo, "subnetpools", "subnetpool", pool).await;
        let url = format!("{V2}/subnetpools/{}", id(&pool));
        let (add, remove) = (format!("{url}/add_prefixes"), format!("{url}/remove_prefixes"));
        let body = json!({ "prefixes": more });
        let all: Vec<Value> = [&prefixes, &more]
            .iter()
            .flat_map(|list| list.as_array().unwrap().clone())
            .collect();
        assert_eq!(
            demo.put(&add, body.clone()).await.expect(200),
            json!({ "prefixes": all })
        );
        assert_eq!(demo.get(&url).await.expect(200)["subnetpool"]["prefixes"], json!(all));
        assert_eq!(
            demo.put(&remove, body).await.expect(200),
            json!({ "prefixes": prefixes })
        );
        let body = json!({ "prefixes": overlapping });
        assert_eq!(demo.put(&add, body).await.expect(200), json!({ "prefixes": joined }));
        assert_eq!(
            other.put(&add, json!({ "prefixes": more })).await.status,
            404,
            "another project's pool"
        );
        for (verb, body, kind) in [
            (&add, json!({}), "HTTPBadRequest"),
            (&add, json!({"prefixes": []}), "HTTPBadRequest"),
            (&remove, json!({"prefixes": "10.0.0.0/8"}), "HTTPBadRequest"),
            (&remove, json!({"prefixes": ["10.0.0.0"]}), "HTTPBadRequest"),
            (&remove, json!({"prefixes": ["here"]}), "HTTPBadRequest"),
            (
                &add,
                json!({"prefixes": ["10.0.0.0/8", "fd00::/48"]}),
                "PrefixVersionMismatch",
            ),
        ] {
            fault(demo.put(verb, body).await, 400, kind);
        }
        let network = make(&demo, "networks", "network", json!({})).await;
        let version = &pool["ip_version"];
        let subnet = json!({
            "network_id": network["id"], "ip_version": version, "subnetpool_id": pool["id"],
            "prefixlen": if version == 4 { 24 } else { 64 },
        });
        make(&demo, "subnets", "subnet", subnet).await;
        let everything = json!({"prefixes": [if version == 4 { "0.0.0.0/0" } else { "::/0" }]});
        fault(
            demo.put(&remove, everything).await,
            400,
            "IllegalSubnetPoolPrefixUpdate",
        );
    }
}

/// Neutron takes dashes and underscores alike, in every collection's name.
#[tokio::test]
async fn collections_have_dashes_or_underscores() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    for (name, other) in [
        ("floatingip_pools", "floatingip-pools"),
        ("availability_zones", "availability-zones"),
        ("security-groups", "security_groups"),
        ("security-group-rules", "security_group_rules"),
    ] {
        let documented = demo.get(&format!("{V2}/{name}")).await.expect(200);
        assert_eq!(demo.get(&format!("{V2}/{other}")).await.expect(200), documented);
    }
    let group = by_name(&demo, "security-groups", "default").await;
    let id = group["id"].as_str().unwrap();
    let also = demo.get(&format!("{V2}/security_groups/{id}")).await.expect(200);
    assert_eq!(also["security_group"], group);
    demo.get(&format!("{V2}/security__groups")).await.expect(404);
}

#[tokio::test]
async fn pools_of_floating_ips_are_the_subnets_they_come_from() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let public = by_name(&demo, "networks", "public").await;
    let subnet = by_name(&demo, "subnets", "public-subnet").await;
    let url = format!("{V2}/floatingip_pools");
    let pool = json!({
        "subnet_id": subnet["id"], "subnet_name": "public-subnet", "network_id": public["id"], "cidr": "172.24.4.0/24",
        "project_id": demo.project_id, "tenant_id": demo.project_id,
    });
    // IPv6's subnet is none, and neither are those of other networks.
    assert_eq!(demo.get(&url).await.expect(200), json!({"floatingip_pools": [pool]}));
    let network = json!({"router:external": true});
    let network = make(&admin, "networks", "network", network).await;
    let mut subnets = Vec::new();
    for cidr in ["198.51.100.0/25", "198.51.100.128/25"] {
        let subnet = json!({"network_id": network["id"], "ip_version": 4, "cidr": cidr});
        subnets.push(make(&admin, "subnets", "subnet", subnet).await);
    }
    let sorted = demo.get(&format!("{url}?sort_key=cidr&fields=cidr")).await.expect(200);
    let cidrs = ["172.24.4.0/24", "198.51.100.0/25", "198.51.100.128/25"].map(|cidr| json!({ "cidr": cidr }));
    assert_eq!(sorted, json!({ "floatingip_pools": cidrs }));
    for subnet in &subnets {
        let found = demo.get(&format!("{url}?subnet_id={}", id(subnet))).await.expect(200);
        let pools = found["floatingip_pools"].as_array().unwrap();
        assert_eq!((pools.len(), &pools[0]["cidr"]), (1, &subnet["cidr"]));
        let floating_ip = json!({
            "floating_network_id": pools[0]["network_id"], "subnet_id": pools[0]["subnet_id"],
        });
        let floating_ip = make(&demo, "floatingips", "floatingip", floating_ip).await;
        let prefix: ipnet::IpNet = subnet["cidr"].as_str().unwrap().parse().unwrap();
        let address: std::net::IpAddr = floating_ip["floating_ip_address"].as_str().unwrap().parse().unwrap();
        assert!(prefix.contains(&address), "{address} of {prefix}");
    }
    let page = demo.get(&format!("{url}?sort_key=cidr&limit=2")).await.expect(200);
    assert_eq!(page["floatingip_pools"].as_array().unwrap().len(), 2);
    let next = page["floatingip_pools_links"][0]["href"].as_str().unwrap();
    let next = demo
        .get(next.strip_prefix(crate::cloud::BASE_URL).unwrap())
        .await
        .expect(200);
    assert_eq!(next["floatingip_pools"].as_array().unwrap().len(), 1);
    assert_eq!(next["floatingip_pools"][0]["cidr"], "198.51.100.128/25");
    fault(demo.get(&format!("{url}?colour=red")).await, 400, "HTTPBadRequest");

    // A network that is external for one project only.
    let policies = admin
        .get(&format!("{V2}/rbac-policies?object_id={}", id(&network)))
        .await
        .expect(200);
    let policy = format!("{V2}/rbac-policies/{}", id(&policies["rbac_policies"][0]));
    let stranger = cloud.project("stranger").await;
    let only = json!({"rbac_policy": {"target_tenant": demo.project_id}});
    admin.put(&policy, only).await.expect(200);
    let count = async |client: &crate::cloud::Client| {
        let list = client.get(&url).await.expect(200);
        list["floatingip_pools"].as_array().unwrap().len()
    };
    assert_eq!((count(&demo).await, count(&stranger).await), (3, 1));
}

#[tokio::test]
async fn a_mac_that_is_set_to_nothing_is_made_anew() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let network = by_name(&demo, "networks", "private").await;
    let port = json!({"network_id": network["id"], "mac_address": null});
    let port = make(&demo, "ports", "port", port).await;
    let url = format!("{V2}/ports/{}", id(&port));
    let anew = json!({"port": {"mac_address": null}});
    fault(demo.put(&url, anew.clone()).await, 403, "PolicyNotAuthorized");
    let changed = admin.put(&url, anew.clone()).await.expect(200)["port"].take();
    assert_ne!(changed["mac_address"], port["mac_address"]);
    let mac = changed["mac_address"].as_str().unwrap();
    assert!(mac.len() == 17 && mac.starts_with("fa:16:3e:"), "{mac}");
    let other = json!({"port": {"name": "x"}});
    let same = admin.put(&url, other).await.expect(200);
    assert_eq!(same["port"]["mac_address"], changed["mac_address"]);
    let attached = json!({"attachment": {"netns": "box"}});
    admin
        .put(&format!("/maru/v1/ports/{}/attachment", id(&port)), attached)
        .await
        .expect(200);
    fault(admin.put(&url, anew).await, 409, "PortBound");
}

#[tokio::test]
async fn ports_made_together_have_tags_of_their_own() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = by_name(&demo, "networks", "private").await;
    let port = |name: &str, tags: Value| json!({"port": {"network_id": network["id"], "name": name, "tags": tags}});
    let url = format!("{V2}/ports");
    let ports =
        json!({"ports": [port("a", json!(["tag-1", "tag-2"])), port("b", json!(["tag-3"])), port("c", json!([]))]});
    let made = demo.post(&url, ports).await.expect(201);
    let tags: Vec<&Value> = made["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| &port["tags"])
        .collect();
    assert_eq!(tags, [&json!(["tag-1", "tag-2"]), &json!(["tag-3"]), &json!([])]);
    let tagged = demo.get(&format!("{url}?tags=tag-3&fields=name")).await.expect(200);
    assert_eq!(tagged, json!({"ports": [{"name": "b"}]}));
    let long = json!({"ports": [port("d", json!([])), port("e", json!(["x".repeat(256)]))]});
    fault(demo.post(&url, long).await, 400, "HTTPBadRequest");
    let none = demo.get(&format!("{url}?name=d")).await.expect(200);
    assert_eq!(none, json!({"ports": []}));
}
