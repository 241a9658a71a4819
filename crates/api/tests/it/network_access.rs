//! Who may do what in Networking v2.0, and what is refused and how.

use serde_json::{Value, json};

use crate::cloud::Client;
use crate::network::{V2, by_name, fault, id, make, start};

/// One of each of a project's things: its path and a change that its owner could make.
async fn one_of_each(demo: &Client) -> Vec<(String, Value)> {
    let network = by_name(demo, "networks", "private").await;
    let port = make(demo, "ports", "port", json!({"network_id": id(&network)})).await;
    let group = make(demo, "security-groups", "security_group", json!({"name": "g"})).await;
    let public = by_name(demo, "networks", "public").await;
    let fip = make(
        demo,
        "floatingips",
        "floatingip",
        json!({"floating_network_id": id(&public)}),
    )
    .await;
    let router = by_name(demo, "routers", "router1").await;
    let subnet = by_name(demo, "subnets", "private-subnet").await;
    [
        ("networks", "network", &network),
        ("subnets", "subnet", &subnet),
        ("ports", "port", &port),
        ("routers", "router", &router),
        ("floatingips", "floatingip", &fip),
        ("security-groups", "security_group", &group),
    ]
    .map(|(collection, name, row)| {
        (
            format!("{V2}/{collection}/{}", id(row)),
            json!({ name: {"description": "mine"} }),
        )
    })
    .to_vec()
}

#[tokio::test]
async fn what_is_another_projects_is_not_there() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let other = cloud.project("other").await;
    for (path, change) in one_of_each(&demo).await {
        for answer in [
            other.get(&path).await,
            other.put(&path, change.clone()).await,
            other.delete(&path).await,
        ] {
            assert_eq!(answer.status, 404, "{answer:?}");
        }
        let collection = path.rsplit_once('/').unwrap().0;
        let list = other.get(collection).await;
        assert!(
            !String::from_utf8_lossy(&list.body).contains(path.rsplit('/').next().unwrap()),
            "{list:?}"
        );
        demo.put(&path, change).await.expect(200);
    }
}

#[tokio::test]
async fn a_reader_reads() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let reader = cloud.project_with_role("readers", "reader").await;
    for (path, change) in one_of_each(&demo).await {
        let collection = path.rsplit_once('/').unwrap().0;
        reader.get(collection).await.expect(200);
        let name = change.as_object().unwrap().keys().next().unwrap().clone();
        assert_eq!(reader.post(collection, json!({ name: {} })).await.status, 403);
        assert_eq!(reader.put(&path, change).await.status, 403);
        assert_eq!(reader.delete(&path).await.status, 403);
    }
}

#[tokio::test]
async fn attributes_of_administrators_are_theirs_by_presence() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let network = by_name(&demo, "networks", "private").await;
    let path = format!("{V2}/networks/{}", id(&network));
    for attribute in ["shared", "router:external", "is_default", "provider:segmentation_id"] {
        for value in [json!(false), json!(true)] {
            let value = if attribute.starts_with("provider") {
                json!(5)
            } else {
                value
            };
            let answer = demo.put(&path, json!({"network": {attribute: value}})).await;
            fault(answer, 403, "PolicyNotAuthorized");
        }
    }
    let shown = demo.get(&path).await.expect(200);
    assert!(shown["network"].get("provider:network_type").is_none());
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(shown["network"]["provider:network_type"], "vxlan");
    let port = make(&demo, "ports", "port", json!({"network_id": id(&network)})).await;
    assert!(port.get("binding:host_id").is_none() && port["binding:vnic_type"] == "normal");
    let path = format!("{V2}/ports/{}", id(&port));
    let bind = json!({"port": {"binding:host_id": "host-1"}});
    fault(demo.put(&path, bind.clone()).await, 403, "PolicyNotAuthorized");
    assert_eq!(
        admin.put(&path, bind).await.expect(200)["port"]["binding:host_id"],
        "host-1"
    );
}

#[tokio::test]
async fn only_an_administrator_works_for_another_project() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let made = make(
        &admin,
        "networks",
        "network",
        json!({"name": "x", "project_id": demo.project_id}),
    )
    .await;
    assert_eq!(
        (&made["project_id"], &made["tenant_id"]),
        (&json!(demo.project_id), &json!(demo.project_id))
    );
    demo.get(&format!("{V2}/networks/{}", id(&made))).await.expect(200);
    let body = json!({"network": {"tenant_id": admin.project_id}});
    assert_eq!(demo.post(&format!("{V2}/networks"), body).await.status, 400);
}

#[tokio::test]
async fn bodies_are_refused_in_neutrons_words() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let private = by_name(&demo, "networks", "private").await;
    let network = id(&private);
    let subnet = |extra: Value| {
        let mut body = json!({"network_id": network, "ip_version": 4, "cidr": "10.9.0.0/24"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({ "subnet": body })
    };
    let cases = [
        (
            "networks",
            json!({"network": {"colour": "red"}}),
            "Unrecognized attribute(s) 'colour'",
        ),
        (
            "networks",
            json!({"net": {}}),
            "Unable to find 'network' in request body",
        ),
        ("networks", json!([]), "Resource body required"),
        (
            "networks",
            json!({"network": {"id": "x"}}),
            "Attribute 'id' not allowed in POST",
        ),
        (
            "networks",
            json!({"network": {"status": "x"}}),
            "Attribute 'status' not allowed in POST",
        ),
        (
            "networks",
            json!({"network": {"name": null}}),
            "Invalid input for name. Reason: 'None' is not a valid string.",
        ),
        (
            "networks",
            json!({"network": {"admin_state_up": "perhaps"}}),
            "Invalid input for admin_state_up. Reason: 'perhaps' cannot be converted to boolean.",
        ),
        (
            "networks",
            json!({"network": {"name": "x".repeat(256)}}),
            "exceeds maximum length of 255",
        ),
        (
            "subnets",
            json!({"subnet": {}}),
            "Failed to parse request. Required attribute 'network_id' not specified",
        ),
        (
            "subnets",
            subnet(json!({"cidr": "10.9.0.5/24"})),
            "'10.9.0.0/24' is recommended",
        ),
        (
            "subnets",
            subnet(json!({"cidr": "nonsense"})),
            "'nonsense' is not a valid IP subnet",
        ),
        ("subnets", subnet(json!({"ip_version": 5})), "'5' is not in [4, 6]"),
        (
            "subnets",
            subnet(json!({"ip_version": 6})),
            "cidr '10.9.0.0/24' does not match the ip_version '6'",
        ),
        (
            "subnets",
            subnet(json!({"gateway_ip": "10.9.0"})),
            "'10.9.0' is not a valid IP address",
        ),
        (
            "subnets",
            subnet(json!({"cidr": "10.0.0.0/24"})),
            "overlaps with another subnet",
        ),
        ("subnets", subnet(json!({"cidr": "127.0.0.0/24"})), "the loopback range"),
        (
            "subnets",
            subnet(json!({"dns_nameservers": ["1.1.1.1", "1.1.1.1"]})),
            "Duplicate nameserver '1.1.1.1'",
        ),
        (
            "subnets",
            subnet(json!({"subnetpool_id": "nonsense"})),
            "'nonsense' is not a valid UUID",
        ),
        ("subnets", subnet(json!({"ipv6_ra_mode": "radio"})), "'radio' is not in"),
        (
            "ports",
            json!({"port": {"network_id": "net1"}}),
            "'net1' is not a valid UUID",
        ),
        (
            "ports",
            json!({"port": {"network_id": network, "mac_address": "fa:16"}}),
            "'fa:16' is not a valid MAC address",
        ),
        (
            "ports",
            json!({"port": {"network_id": network, "fixed_ips": "x"}}),
            "'x' is not a list",
        ),
        (
            "ports",
            json!({"port": {"network_id": network, "fixed_ips": [{"address": "x"}]}}),
            "Unrecognized attribute(s) 'address'",
        ),
        (
            "ports",
            json!({"port": {"network_id": network, "fixed_ips": [{}]}}),
            "IP allocation requires subnet_id or ip_address",
        ),
        (
            "ports",
            json!({"port": {"network_id": network, "allowed_address_pairs": [{}]}}),
            "AllowedAddressPair must contain ip_address",
        ),
        (
            "ports",
            json!({"port": {"network_id": network, "binding:vnic_type": "direct"}}),
            "'direct' is not in ['normal']",
        ),
        (
            "routers",
            json!({"router": {"distributed": true}}),
            "'distributed' routers are not supported",
        ),
        (
            "routers",
            json!({"router": {"external_gateway_info": {"enable_snat": true}}}),
            "network_id is missing",
        ),
        (
            "security-group-rules",
            json!({"security_group_rule": {"security_group_id": network, "direction": "sideways"}}),
            "'sideways' is not in ['ingress', 'egress']",
        ),
        (
            "security-group-rules",
            json!({"security_group_rule": {"security_group_id": network, "direction": "ingress", "port_range_min": 65536}}),
            "Invalid value for port 65536",
        ),
        (
            "security-group-rules",
            json!({"security_group_rule": {"security_group_id": network, "direction": "ingress", "remote_ip_prefix": "x"}}),
            "Invalid CIDR x given as IP prefix.",
        ),
    ];
    for (collection, body, words) in cases {
        let answer = demo.post(&format!("{V2}/{collection}"), body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        let message = answer.json["NeutronError"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{body}: {message}");
    }
    let put = |attribute: &str| json!({"network": {attribute: "x"}});
    for attribute in ["id", "tenant_id", "status", "subnets", "created_at", "revision_number"] {
        let answer = demo.put(&format!("{V2}/networks/{network}"), put(attribute)).await;
        let message = fault(answer, 400, "HTTPBadRequest");
        assert_eq!(message, format!("Cannot update read-only attribute {attribute}"));
    }
}

#[tokio::test]
async fn every_project_finds_its_default_group() {
    let cloud = start().await;
    let (admin, fresh) = (cloud.admin().await, cloud.project("fresh").await);
    let default = by_name(&fresh, "security-groups", "default").await;
    assert_eq!(default["security_group_rules"].as_array().unwrap().len(), 4);
    // What Tempest's administrator does when it is done with a project.
    let url = format!("{V2}/security-groups?name=default&tenant_id={}", fresh.project_id);
    let found = admin.get(&url).await.expect(200);
    assert_eq!(found["security_groups"].as_array().unwrap().len(), 1);
    fault(
        fresh.delete(&format!("{V2}/security-groups/{}", id(&default))).await,
        409,
        "SecurityGroupCannotRemoveDefault",
    );
    admin
        .delete(&format!("{V2}/security-groups/{}", id(&default)))
        .await
        .expect(204);
}

#[tokio::test]
async fn a_hostile_text_is_only_a_text() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let private = by_name(&demo, "networks", "private").await;
    for text in [
        "<script>alert(1)</script>",
        "\u{202e}x",
        "'; DROP TABLE ports; --",
        "{{7*7}}",
        "\"\\",
    ] {
        let port = make(
            &demo,
            "ports",
            "port",
            json!({"network_id": id(&private), "name": text}),
        )
        .await;
        let shown = demo.get(&format!("{V2}/ports/{}", id(&port))).await.expect(200);
        assert_eq!(shown["port"]["name"], text);
    }
    let opts = json!({"port": {"network_id": id(&private), "extra_dhcp_opts": [
        {"opt_name": "bootfile-name", "opt_value": "x\ndhcp-option=3,6.6.6.6"}]}});
    assert_eq!(demo.post(&format!("{V2}/ports"), opts).await.status, 400);
}

#[tokio::test]
async fn a_network_is_shared_with_one_project() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let (guest, other) = (cloud.project("guest").await, cloud.project("other").await);
    let network = by_name(&demo, "networks", "private").await;
    let path = format!("{V2}/networks/{}", id(&network));
    let target = guest
        .post(&format!("{V2}/networks"), json!({"network": {}}))
        .await
        .expect(201)["network"]["project_id"]
        .clone();
    let body = json!({
        "object_type": "network", "object_id": id(&network), "action": "access_as_shared", "target_tenant": target,
    });
    let policy = make(&demo, "rbac-policies", "rbac_policy", body.clone()).await;
    let shown = json!({
        "id": policy["id"], "project_id": network["project_id"], "tenant_id": network["project_id"],
        "object_type": "network", "object_id": network["id"], "action": "access_as_shared", "target_tenant": target,
    });
    assert_eq!(policy, shown);
    assert_eq!(guest.get(&path).await.expect(200)["network"]["shared"], true);
    assert_eq!(demo.get(&path).await.expect(200)["network"]["shared"], false);
    assert_eq!(other.get(&path).await.status, 404);
    let list = guest.get(&format!("{V2}/rbac-policies")).await.expect(200);
    assert_eq!(
        list,
        json!({"rbac_policies": []}),
        "whom else it is shared with is the owner's business"
    );
    for (name, value, code) in [
        ("target_tenant", json!(null), "HTTPBadRequest"),
        ("target_tenant", json!(""), "HTTPBadRequest"),
        ("target_tenant", json!("1234".repeat(100)), "HTTPBadRequest"),
        ("action", json!("access_as_friend"), "HTTPBadRequest"),
        ("object_type", json!("router"), "HTTPBadRequest"),
    ] {
        let mut body = body.clone();
        body[name] = value;
        let answer = demo
            .post(&format!("{V2}/rbac-policies"), json!({"rbac_policy": body}))
            .await;
        fault(answer, 400, code);
    }
    let one = format!("{V2}/rbac-policies/{}", id(&policy));
    let everyone = demo.put(&one, json!({"rbac_policy": {"target_tenant": "*"}})).await;
    fault(everyone, 403, "PolicyNotAuthorized");
    demo.delete(&one).await.expect(204);
    assert_eq!(guest.get(&path).await.status, 404);
}
