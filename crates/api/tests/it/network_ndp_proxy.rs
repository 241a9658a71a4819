//! NDP proxies of routers (`l3-ndp-proxy`), and the router's switch (`l3-ext-ndp-proxy`).

use serde_json::{Value, json};

use crate::cloud::Client;
use crate::network::{V2, by_name, fault, id, make, start};

/// A provider network and one of the project's in one scope, both from one pool that is everybody's.
async fn networks(admin: &Client, demo: &Client) -> (Value, Value) {
    let scope = json!({"name": "routed", "ip_version": 6, "shared": true});
    let scope = make(admin, "address-scopes", "address_scope", scope).await;
    let pool = json!({
        "name": "routed", "prefixes": ["2001:db8:77::/48"], "default_prefixlen": 64, "shared": true,
        "address_scope_id": scope["id"],
    });
    let pool = make(admin, "subnetpools", "subnetpool", pool).await;
    let outer = make(admin, "networks", "network", json!({"router:external": true})).await;
    let inner = make(demo, "networks", "network", json!({})).await;
    for (client, network) in [(admin, &outer), (demo, &inner)] {
        let subnet = json!({
            "network_id": network["id"], "ip_version": 6, "subnetpool_id": pool["id"], "enable_dhcp": false,
        });
        make(client, "subnets", "subnet", subnet).await;
    }
    (outer, inner)
}

#[tokio::test]
async fn an_address_of_a_port_is_proxied() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let (outer, inner) = networks(&admin, &demo).await;
    let inner = demo.get(&format!("{V2}/networks/{}", id(&inner))).await.expect(200);
    let subnet = inner["network"]["subnets"][0].clone();
    let gateway = json!({"network_id": outer["id"]});
    let router = make(&demo, "routers", "router", json!({"external_gateway_info": gateway})).await;
    assert_eq!(router["enable_ndp_proxy"], false);
    let own = format!("{V2}/routers/{}", id(&router));
    demo.put(&format!("{own}/add_router_interface"), json!({"subnet_id": subnet}))
        .await
        .expect(200);
    let port = json!({"network_id": inner["network"]["id"]});
    let ports = [
        make(&demo, "ports", "port", port.clone()).await,
        make(&demo, "ports", "port", port).await,
    ];
    let all = format!("{V2}/ndp_proxies");
    let wanted = |port: &Value| json!({"router_id": router["id"], "port_id": port["id"]});
    let refused = demo.post(&all, json!({"ndp_proxy": wanted(&ports[0])})).await;
    fault(refused, 409, "RouterNDPProxyNotEnable");

    for (value, shown) in [
        (json!("true"), true),
        (json!(null), true),
        (json!(false), false),
        (json!(true), true),
    ] {
        let switched = demo.put(&own, json!({"router": {"enable_ndp_proxy": value}})).await;
        assert_eq!(switched.expect(200)["router"]["enable_ndp_proxy"], shown);
    }
    let listed = demo.get(&format!("{V2}/routers?enable_ndp_proxy=true&fields=id")).await;
    assert_eq!(listed.expect(200)["routers"], json!([{"id": router["id"]}]));

    let mut body = wanted(&ports[0]);
    // As the client sends it without a name.
    body["name"] = json!(null);
    let nameless = make(&demo, "ndp_proxies", "ndp_proxy", body.clone()).await;
    assert_eq!(nameless["name"], "");
    demo.delete(&format!("{all}/{}", id(&nameless))).await.expect(204);
    body["name"] = json!("web");
    body["description"] = json!("the shop");
    let made = make(&demo, "ndp_proxies", "ndp_proxy", body).await;
    let shown = json!({
        "id": made["id"], "name": "web", "description": "the shop", "project_id": router["project_id"],
        "tenant_id": router["project_id"], "router_id": router["id"], "port_id": ports[0]["id"],
        "ip_address": ports[0]["fixed_ips"][0]["ip_address"], "revision_number": made["revision_number"],
        "created_at": made["created_at"], "updated_at": made["updated_at"],
    });
    assert_eq!(made, shown, "and nothing more");
    let one = format!("{all}/{}", id(&made));
    assert_eq!(demo.get(&one).await.expect(200), json!({"ndp_proxy": shown}));
    let change = json!({"ndp_proxy": {"name": "shop", "description": ""}});
    let changed = demo.put(&one, change).await.expect(200)["ndp_proxy"].take();
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("shop"), &json!(""))
    );
    for (name, value) in [
        ("ip_address", json!("2001:db8:77::9")),
        ("port_id", ports[1]["id"].clone()),
    ] {
        let change = json!({"ndp_proxy": {name: value}});
        fault(demo.put(&one, change).await, 400, "HTTPBadRequest");
    }
    assert_eq!(demo.get(&format!("{one}/tags")).await.status, 404, "it has no tags");

    // What the router needs for it stays.
    fault(
        demo.put(&own, json!({"router": {"external_gateway_info": {}}})).await,
        409,
        "RouterGatewayInUseByNDPProxy",
    );
    let leave = json!({"subnet_id": subnet});
    fault(
        demo.put(&format!("{own}/remove_router_interface"), leave).await,
        409,
        "RouterInterfaceInUseByNDPProxy",
    );
    demo.delete(&one).await.expect(204);
    fault(demo.get(&one).await, 404, "NDPProxyNotFound");
    demo.delete(&format!("{V2}/ports/{}", id(&ports[1]))).await.expect(204);
}

#[tokio::test]
async fn proxies_are_listed_and_are_their_projects() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let other = cloud.project("other").await;
    let (outer, inner) = networks(&admin, &demo).await;
    let gateway = json!({"network_id": outer["id"]});
    let body = json!({"external_gateway_info": gateway, "enable_ndp_proxy": true});
    let router = make(&demo, "routers", "router", body).await;
    assert_eq!(router["enable_ndp_proxy"], true);
    let inner = demo.get(&format!("{V2}/networks/{}", id(&inner))).await.expect(200);
    let add = json!({"subnet_id": inner["network"]["subnets"][0]});
    demo.put(&format!("{V2}/routers/{}/add_router_interface", id(&router)), add)
        .await
        .expect(200);
    let mut ports = Vec::new();
    for _ in 0..3 {
        ports.push(make(&demo, "ports", "port", json!({"network_id": inner["network"]["id"]})).await);
    }
    let all = format!("{V2}/ndp_proxies");
    let items: Vec<Value> = ports
        .iter()
        .enumerate()
        .map(|(n, port)| json!({"router_id": router["id"], "port_id": port["id"], "name": format!("p{n}")}))
        .collect();
    let made = demo.post(&all, json!({"ndp_proxies": items})).await.expect(201);
    assert_eq!(made["ndp_proxies"].as_array().unwrap().len(), 3, "many at once");
    fault(
        demo.post(&all, json!({"ndp_proxy": items[0]})).await,
        409,
        "NeutronDbObjectDuplicateEntry",
    );

    let names = |listed: Value| -> Vec<String> {
        let rows = listed["ndp_proxies"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let address = ports[1]["fixed_ips"][0]["ip_address"].as_str().unwrap();
    for (query, expected) in [
        ("sort_key=name&sort_dir=desc".to_owned(), vec!["p2", "p1", "p0"]),
        (format!("port_id={}", id(&ports[2])), vec!["p2"]),
        (format!("ip_address={address}"), vec!["p1"]),
        (
            format!("router_id={}&sort_key=name", id(&router)),
            vec!["p0", "p1", "p2"],
        ),
        (format!("router_id={}", id(&ports[0])), vec![]),
        ("name=p0&name=p1&sort_key=name&limit=1".to_owned(), vec!["p0"]),
    ] {
        let listed = demo.get(&format!("{all}?{query}")).await.expect(200);
        assert_eq!(names(listed), expected, "{query}");
    }
    fault(demo.get(&format!("{all}?colour=red")).await, 400, "HTTPBadRequest");
    let page = demo.get(&format!("{all}?limit=2&sort_key=name")).await.expect(200);
    assert_eq!(page["ndp_proxies_links"][0]["rel"], "next");

    let one = format!("{all}/{}", id(&made["ndp_proxies"][0]));
    assert_eq!(other.get(&all).await.expect(200), json!({"ndp_proxies": []}));
    fault(other.get(&one).await, 404, "NDPProxyNotFound");
    fault(other.delete(&one).await, 404, "NDPProxyNotFound");
    let theirs = other.post(&all, json!({"ndp_proxy": items[0]})).await;
    assert_eq!(theirs.status, 404, "neither the router nor the port is theirs");
    assert_eq!(names(admin.get(&all).await.expect(200)).len(), 3);

    // Its port takes a proxy with it.
    demo.delete(&format!("{V2}/ports/{}", id(&ports[0]))).await.expect(204);
    assert_eq!(names(demo.get(&all).await.expect(200)).len(), 2);
    let public = by_name(&demo, "networks", "public").await;
    let body = json!({"router": {"external_gateway_info": {"network_id": public["id"]}, "enable_ndp_proxy": true}});
    let message = fault(
        demo.post(&format!("{V2}/routers"), body).await,
        409,
        "RouterGatewayNotValid",
    );
    assert!(message.contains("address scope"), "{message}");
    for alias in ["l3-ndp-proxy", "l3-ext-ndp-proxy"] {
        demo.get(&format!("{V2}/extensions/{alias}")).await.expect(200);
    }
}
