//! Extensions of Networking v2.0: port forwardings, address groups and scopes, what is shared, quality of service.

use serde_json::json;

use crate::network::{V2, by_name, fault, id, make, start};

#[tokio::test]
async fn ports_of_a_floating_ip_are_forwarded() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let other = cloud.project("other").await;
    let (private, public) = (
        by_name(&demo, "networks", "private").await,
        by_name(&demo, "networks", "public").await,
    );
    let port = make(&demo, "ports", "port", json!({"network_id": id(&private)})).await;
    let inner = port["fixed_ips"].as_array().unwrap().iter().find(|fixed| {
        let address = fixed["ip_address"].as_str().unwrap();
        address.contains('.')
    });
    let address = inner.unwrap()["ip_address"].clone();
    let fip = make(
        &demo,
        "floatingips",
        "floatingip",
        json!({"floating_network_id": id(&public)}),
    )
    .await;
    assert_eq!(fip["port_forwardings"], json!([]));
    let own = format!("{V2}/floatingips/{}", id(&fip));
    let all = format!("{own}/port_forwardings");
    let body = json!({
        "protocol": "TCP", "internal_port_id": id(&port), "internal_ip_address": address,
        "internal_port": 22, "external_port": "2222", "description": "shell",
    });
    let made = demo.post(&all, json!({"port_forwarding": body})).await.expect(201);
    let one = format!("{all}/{}", id(&made["port_forwarding"]));
    let shown = json!({
        "id": made["port_forwarding"]["id"], "description": "shell", "protocol": "tcp", "internal_port_id": port["id"],
        "internal_ip_address": address, "internal_port": 22, "internal_port_range": "22:22", "external_port": 2222,
        "external_port_range": "2222:2222",
    });
    assert_eq!(made, json!({"port_forwarding": shown}));
    assert_eq!(demo.get(&one).await.expect(200), made);
    let listed = demo
        .get(&format!("{all}?external_port=2222&fields=id"))
        .await
        .expect(200);
    assert_eq!(listed, json!({"port_forwardings": [{"id": shown["id"]}]}));
    let exposed = json!([{
        "id": shown["id"], "protocol": "tcp", "internal_port_id": port["id"], "internal_ip_address": address,
        "internal_port": 22, "external_port": 2222,
    }]);
    assert_eq!(
        demo.get(&own).await.expect(200)["floatingip"]["port_forwardings"],
        exposed
    );
    fault(demo.delete(&own).await, 409, "FipInUseByPortForwarding");

    let range = json!({"port_forwarding": {"external_port_range": "8000:8009", "internal_port_range": "80:89"}});
    let changed = demo.put(&one, range).await.expect(200);
    assert_eq!(changed["port_forwarding"]["external_port"], json!(null));
    assert_eq!(changed["port_forwarding"]["internal_port_range"], "80:89");
    for (name, value) in [
        ("protocol", json!("icmp")),
        ("external_port", json!(65536)),
        ("external_port_range", json!("20:10")),
        ("internal_port", json!("ssh")),
        ("internal_ip_address", json!("10.0.0")),
    ] {
        let change = json!({"port_forwarding": {name: value}});
        fault(demo.put(&one, change).await, 400, "HTTPBadRequest");
    }
    assert_eq!(other.get(&one).await.status, 404);
    assert_eq!(other.delete(&one).await.status, 404);
    demo.delete(&one).await.expect(204);
    fault(demo.get(&one).await, 404, "PortForwardingNotFound");
    demo.delete(&own).await.expect(204);
}

#[tokio::test]
async fn address_groups_scopes_and_what_is_shared() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let guest = cloud.project("guest").await;
    let target = guest
        .post(&format!("{V2}/networks"), json!({"network": {}}))
        .await
        .expect(201)["network"]["project_id"]
        .clone();
    let addresses = json!({"name": "offices", "addresses": ["192.0.2.10/24", "2001:db8::/32"]});
    let group = make(&demo, "address-groups", "address_group", addresses).await;
    assert_eq!(group["addresses"], json!(["192.0.2.0/24", "2001:db8::/32"]));
    let own = format!("{V2}/address-groups/{}", id(&group));
    for (verb, list, status) in [
        ("add_addresses", json!(["198.51.100.7"]), 200),
        ("add_addresses", json!(["198.51.100.7/32"]), 400),
        ("add_addresses", json!(["somewhere"]), 400),
        ("remove_addresses", json!(["203.0.113.1"]), 404),
        ("remove_addresses", json!(["192.0.2.0/24"]), 200),
    ] {
        let answer = demo.put(&format!("{own}/{verb}"), json!({"addresses": list})).await;
        assert_eq!(answer.status, status, "{verb} {list}");
    }
    let shown = demo.get(&own).await.expect(200);
    assert_eq!(
        shown["address_group"]["addresses"],
        json!(["198.51.100.7/32", "2001:db8::/32"])
    );
    let bare = json!({"address_group": {"addresses": ["192.0.2.1"]}});
    fault(
        demo.post(&format!("{V2}/address-groups"), bare).await,
        400,
        "HTTPBadRequest",
    );

    let security = make(&guest, "security-groups", "security_group", json!({"name": "web"})).await;
    let rule = json!({
        "security_group_id": security["id"], "direction": "ingress", "remote_address_group_id": group["id"],
    });
    let rules = format!("{V2}/security-group-rules");
    let refused = guest.post(&rules, json!({"security_group_rule": rule.clone()})).await;
    fault(refused, 404, "AddressGroupNotFound");
    let policy = json!({
        "object_type": "address_group", "object_id": group["id"], "action": "access_as_shared", "target_tenant": target,
    });
    let policy = make(&demo, "rbac-policies", "rbac_policy", policy).await;
    let rule = make(&guest, "security-group-rules", "security_group_rule", rule).await;
    assert_eq!(rule["remote_address_group_id"], group["id"]);
    let policy = format!("{V2}/rbac-policies/{}", id(&policy));
    fault(demo.delete(&policy).await, 409, "RbacPolicyInUse");
    guest.delete(&format!("{rules}/{}", id(&rule))).await.expect(204);
    demo.delete(&policy).await.expect(204);

    let scope = make(
        &demo,
        "address-scopes",
        "address_scope",
        json!({"name": "routed", "ip_version": 4}),
    )
    .await;
    let pool = json!({"name": "p", "prefixes": ["10.99.0.0/16"], "address_scope_id": scope["id"]});
    let pool = make(&demo, "subnetpools", "subnetpool", pool).await;
    assert_eq!(pool["address_scope_id"], scope["id"]);
    let network = make(&demo, "networks", "network", json!({})).await;
    let subnet = json!({"network_id": network["id"], "ip_version": 4, "subnetpool_id": pool["id"], "prefixlen": 24});
    make(&demo, "subnets", "subnet", subnet).await;
    let shown = demo.get(&format!("{V2}/networks/{}", id(&network))).await.expect(200);
    assert_eq!(shown["network"]["ipv4_address_scope"], scope["id"]);
    assert_eq!(shown["network"]["ipv6_address_scope"], json!(null));
}

#[tokio::test]
async fn quality_of_service() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let policies = format!("{V2}/qos/policies");
    fault(
        demo.post(&policies, json!({"policy": {"name": "mine"}})).await,
        403,
        "PolicyNotAuthorized",
    );
    let policy = json!({"name": "slow", "shared": true});
    let policy = make(&admin, "qos/policies", "policy", policy).await;
    assert_eq!((&policy["rules"], &policy["is_default"]), (&json!([]), &json!(false)));
    let own = format!("{policies}/{}", id(&policy));
    let limits = format!("{own}/bandwidth_limit_rules");
    let body = json!({"bandwidth_limit_rule": {"max_kbps": 8000, "max_burst_kbps": "800", "direction": "ingress"}});
    fault(demo.post(&limits, body.clone()).await, 403, "PolicyNotAuthorized");
    let rule = admin.post(&limits, body.clone()).await.expect(201);
    fault(admin.post(&limits, body).await, 409, "QoSRuleParameterConflict");
    let one = format!("{limits}/{}", id(&rule["bandwidth_limit_rule"]));
    assert_eq!(demo.get(&one).await.expect(200), rule);
    let change = json!({"bandwidth_limit_rule": {"max_kbps": 4000}});
    fault(demo.put(&one, change.clone()).await, 403, "PolicyNotAuthorized");
    assert_eq!(
        admin.put(&one, change).await.expect(200)["bandwidth_limit_rule"]["max_kbps"],
        4000
    );
    let mark = json!({"dscp_marking_rule": {"dscp_mark": 46}});
    admin.post(&format!("{own}/dscp_marking_rules"), mark).await.expect(201);
    let wrong = json!({"dscp_marking_rule": {"dscp_mark": 44}});
    assert_eq!(
        admin.post(&format!("{own}/dscp_marking_rules"), wrong).await.status,
        400
    );
    let packets = json!({"packet_rate_limit_rule": {"max_kpps": 10}});
    admin
        .post(&format!("{own}/packet_rate_limit_rules"), packets)
        .await
        .expect(201);
    let shown = demo.get(&own).await.expect(200);
    let types: Vec<&str> = shown["policy"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["bandwidth_limit", "dscp_marking", "packet_rate_limit"]);

    let network = json!({"qos_policy_id": policy["id"]});
    let network = make(&demo, "networks", "network", network).await;
    assert_eq!(network["qos_policy_id"], policy["id"]);
    let port = make(&demo, "ports", "port", json!({"network_id": id(&network)})).await;
    assert_eq!(
        (&port["qos_policy_id"], &port["qos_network_policy_id"]),
        (&json!(null), &policy["id"])
    );
    fault(admin.delete(&own).await, 409, "QosPolicyInUse");
    let types = demo.get(&format!("{V2}/qos/rule-types")).await.expect(200);
    assert_eq!(types["rule_types"].as_array().unwrap().len(), 3);
    let one = format!("{V2}/qos/rule-types/dscp_marking");
    fault(demo.get(&one).await, 403, "PolicyNotAuthorized");
    let details = admin.get(&one).await.expect(200);
    let marks = &details["rule_type"]["drivers"][0]["supported_parameters"][0]["parameter_values"];
    assert_eq!(marks.as_array().unwrap().len(), 21);
}

#[tokio::test]
async fn quality_of_service_of_addresses() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let public = by_name(&demo, "networks", "public").await;
    let policy = make(&admin, "qos/policies", "policy", json!({"name": "slow"})).await;
    let own = format!("{V2}/qos/policies/{}", id(&policy));
    let wanted = json!({"floating_network_id": id(&public), "qos_policy_id": id(&policy)});
    let hidden = demo
        .post(&format!("{V2}/floatingips"), json!({"floatingip": wanted.clone()}))
        .await;
    fault(hidden, 404, "QosPolicyNotFound");
    admin.put(&own, json!({"policy": {"shared": true}})).await.expect(200);
    let fip = make(&demo, "floatingips", "floatingip", wanted).await;
    assert_eq!(fip["qos_policy_id"], policy["id"]);
    let unshare = json!({"policy": {"shared": false}});
    fault(admin.put(&own, unshare).await, 409, "RbacPolicyInUse");
    let gateway = json!({"network_id": id(&public), "qos_policy_id": id(&policy)});
    let router = make(&demo, "routers", "router", json!({"external_gateway_info": gateway})).await;
    assert_eq!(router["external_gateway_info"]["qos_policy_id"], policy["id"]);

    // Neutron's path of a policy's tags, and the one below the policies.
    for path in [format!("{own}/tags"), format!("{V2}/policies/{}/tags", id(&policy))] {
        let tags = json!({"tags": ["blue", "red"]});
        assert_eq!(admin.put(&path, tags.clone()).await.expect(200), tags);
        assert_eq!(demo.get(&path).await.expect(200), tags);
        fault(demo.put(&path, tags).await, 403, "PolicyNotAuthorized");
        admin.delete(&path).await.expect(204);
    }
    // A marker in a list without rows: nothing follows.
    let empty = format!("{V2}/qos/policies?description=none&limit=1&marker={}", id(&policy));
    assert_eq!(demo.get(&empty).await.expect(200)["policies"], json!([]));
}
