//! Default rules of security groups: what new groups begin with.

use model::DefaultSecurityGroupRuleId;
use model::network::DefaultSecurityGroupRule;
use serde_json::{Value, json};

use crate::cloud::Client;
use crate::network::{V2, by_name, fault, id, make, start};

const PATH: &str = "default-security-group-rules";
const NAME: &str = "default_security_group_rule";

async fn list(client: &Client, query: &str) -> Vec<Value> {
    let mut answer = client.get(&format!("{V2}/{PATH}?{query}")).await.expect(200);
    answer["default_security_group_rules"]
        .as_array_mut()
        .unwrap()
        .split_off(0)
}

/// What a rule and its default rule have in common, of all rules, in one order.
fn told(rules: &[Value], group: &Value) -> Vec<Value> {
    let mut told: Vec<Value> = rules
        .iter()
        .map(|rule| {
            let remote = if rule["remote_group_id"] == "PARENT" {
                group
            } else {
                &rule["remote_group_id"]
            };
            json!([
                rule["direction"],
                rule["ethertype"],
                rule["protocol"],
                rule["port_range_min"],
                rule["port_range_max"],
                rule["remote_ip_prefix"],
                rule["remote_address_group_id"],
                remote,
            ])
        })
        .collect();
    told.sort_by_key(Value::to_string);
    told
}

fn rules(group: &Value) -> Vec<Value> {
    told(group["security_group_rules"].as_array().unwrap(), &Value::Null)
}

#[tokio::test]
async fn a_cloud_has_neutrons_four_from_its_beginning() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let mut all = list(&demo, "").await;
    for rule in &mut all {
        let own = demo.get(&format!("{V2}/{PATH}/{}", id(rule))).await.expect(200);
        assert_eq!(own[NAME], *rule);
        rule.as_object_mut().unwrap().remove("id").unwrap();
    }
    let one = |direction: &str, ethertype: &str| {
        let is_egress = direction == "egress";
        json!({
            "direction": direction, "ethertype": ethertype, "protocol": null, "port_range_min": null,
            "port_range_max": null, "remote_ip_prefix": null, "remote_address_group_id": null,
            "remote_group_id": if is_egress { json!(null) } else { json!("PARENT") },
            "used_in_default_sg": true, "used_in_non_default_sg": is_egress,
            "description": format!("Legacy default SG rule for {direction} traffic"),
        })
    };
    let wanted = [
        one("egress", "IPv4"),
        one("egress", "IPv6"),
        one("ingress", "IPv4"),
        one("ingress", "IPv6"),
    ];
    assert_eq!(all, wanted);
    assert_eq!(list(&demo, "used_in_non_default_sg=True").await.len(), 2);
    assert_eq!(list(&demo, "remote_group_id=PARENT&ethertype=IPv6").await.len(), 1);
    assert_eq!(
        list(&demo, "fields=direction&sort_key=direction&sort_dir=desc&limit=1").await,
        [json!({"direction": "ingress"})]
    );
    let unknown = demo.get(&format!("{V2}/{PATH}?project_id=x")).await;
    fault(unknown, 400, "HTTPBadRequest");
}

#[tokio::test]
async fn a_cloud_of_an_older_release_gets_them_at_its_next_start() {
    let cloud = start().await;
    // As such a cloud's store is: without them.
    cloud
        .run(|tx| {
            let rules = tx.cloud().default_security_group_rules.iter();
            let ids: Vec<DefaultSecurityGroupRuleId> = rules.map(|rule| rule.id).collect();
            ids.iter()
                .for_each(|id| drop(tx.delete::<DefaultSecurityGroupRule>(id)));
            Ok(())
        })
        .await;
    let cloud = cloud.restart().await;
    let demo = cloud.demo().await;
    assert!(list(&demo, "").await.is_empty());
    cloud.run(model::bootstrap::security_groups).await;
    assert_eq!(list(&demo, "").await.len(), 4);
}

#[tokio::test]
async fn they_are_made_shown_and_removed() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let body = json!({
        "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 22, "port_range_max": "22",
        "remote_ip_prefix": "10.0.0.7/8", "used_in_default_sg": true, "used_in_non_default_sg": false,
        "description": "shell", "tenant_id": demo.project_id,
    });
    let made = make(&admin, PATH, NAME, body.clone()).await;
    let shown = json!({
        "id": made["id"], "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 22,
        "port_range_max": 22, "remote_ip_prefix": "10.0.0.7/8", "remote_group_id": null,
        "remote_address_group_id": null, "used_in_default_sg": true, "used_in_non_default_sg": false,
        "description": "shell",
    });
    assert_eq!(made, shown);
    let own = format!("{V2}/{PATH}/{}", id(&made));
    assert_eq!(demo.get(&own).await.expect(200)[NAME], shown);
    let again = admin.post(&format!("{V2}/{PATH}"), json!({ NAME: body })).await;
    let message = fault(again, 409, "DefaultSecurityGroupRuleExists");
    assert!(message.contains(id(&made)), "{message}");
    // The API's defaults.
    let bare = make(&admin, PATH, NAME, json!({"direction": "egress", "protocol": "udp"})).await;
    assert_eq!(
        (
            &bare["ethertype"],
            &bare["used_in_default_sg"],
            &bare["used_in_non_default_sg"],
            &bare["description"]
        ),
        (&json!("IPv4"), &json!(false), &json!(true), &json!(""))
    );
    let change = json!({ NAME: {"description": "other"} });
    fault(admin.put(&own, change.clone()).await, 400, "HTTPBadRequest");
    for (answer, status) in [
        (demo.delete(&own).await, 403),
        (demo.put(&own, change).await, 403),
        (
            demo.post(&format!("{V2}/{PATH}"), json!({ NAME: {"direction": "egress"} }))
                .await,
            403,
        ),
    ] {
        fault(answer, status, "PolicyNotAuthorized");
    }
    admin.delete(&own).await.expect(204);
    fault(admin.get(&own).await, 404, "DefaultSecurityGroupRuleNotFound");
    fault(admin.delete(&own).await, 404, "DefaultSecurityGroupRuleNotFound");
    let two = json!({"default_security_group_rules": [
        {"direction": "egress", "protocol": "icmp"}, {"direction": "egress", "protocol": "1", "used_in_default_sg": true},
    ]});
    let answer = admin.post(&format!("{V2}/{PATH}"), two).await;
    fault(answer, 409, "DuplicateDefaultSgRuleInPost");
    assert!(list(&admin, "protocol=icmp").await.is_empty());
}

#[tokio::test]
async fn wrong_ones_are_refused() {
    let cloud = start().await;
    let admin = cloud.admin().await;
    let absent = "11111111-2222-4333-8444-555555555555";
    let nil = "00000000-0000-0000-0000-000000000000";
    for (change, status, kind) in [
        (json!({"direction": "both"}), 400, "HTTPBadRequest"),
        (json!({"direction": null}), 400, "HTTPBadRequest"),
        (json!({"ethertype": "IPX"}), 400, "SecurityGroupRuleInvalidEtherType"),
        (json!({"protocol": "tpc"}), 400, "SecurityGroupRuleInvalidProtocol"),
        (json!({"port_range_min": 70000}), 400, "SecurityGroupInvalidPortValue"),
        (json!({"port_range_min": 23}), 400, "SecurityGroupInvalidPortRange"),
        (json!({"remote_ip_prefix": "somewhere"}), 400, "InvalidCIDR"),
        (
            json!({"remote_ip_prefix": "fd00::/8"}),
            400,
            "SecurityGroupRuleParameterConflict",
        ),
        (json!({"remote_group_id": "parent"}), 404, "SecurityGroupNotFound"),
        (json!({"remote_group_id": absent}), 404, "SecurityGroupNotFound"),
        (json!({"remote_group_id": nil}), 404, "SecurityGroupNotFound"),
        (json!({"remote_group_id": 5}), 400, "HTTPBadRequest"),
        (json!({"remote_address_group_id": absent}), 404, "AddressGroupNotFound"),
        (json!({"remote_address_group_id": "x"}), 400, "HTTPBadRequest"),
        (
            json!({"remote_group_id": "PARENT", "remote_ip_prefix": "10.0.0.0/8"}),
            400,
            "SecurityGroupMultipleRemoteEntites",
        ),
        (json!({"used_in_default_sg": "perhaps"}), 400, "HTTPBadRequest"),
        (json!({"used_in_non_default_sg": null}), 400, "HTTPBadRequest"),
        (json!({"description": "x".repeat(1025)}), 400, "HTTPBadRequest"),
        (json!({"security_group_id": absent}), 400, "HTTPBadRequest"),
        (json!({"tags": ["a"]}), 400, "HTTPBadRequest"),
        (json!({"id": absent}), 400, "HTTPBadRequest"),
    ] {
        let mut body = json!({"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = admin.post(&format!("{V2}/{PATH}"), json!({ NAME: body })).await;
        fault(answer, status, kind);
    }
    assert_eq!(list(&admin, "").await.len(), 4);
    let answer = admin
        .post(&format!("{V2}/{PATH}"), json!({ NAME: {"protocol": "tcp"} }))
        .await;
    fault(answer, 400, "HTTPBadRequest");
}

#[tokio::test]
async fn new_groups_begin_with_them() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let before = make(&demo, "security-groups", "security_group", json!({"name": "before"})).await;
    for (direction, port, in_default, in_others) in [
        ("ingress", 22, true, true),
        ("ingress", 443, false, true),
        ("egress", 53, true, false),
    ] {
        let body = json!({
            "direction": direction, "protocol": "tcp", "port_range_min": port, "port_range_max": port,
            "used_in_default_sg": in_default, "used_in_non_default_sg": in_others, "description": "not theirs",
        });
        make(&admin, PATH, NAME, body).await;
    }
    let members = json!({"direction": "ingress", "remote_group_id": "PARENT"});
    make(&admin, PATH, NAME, members).await;
    let old = demo
        .get(&format!("{V2}/security-groups/{}", id(&before)))
        .await
        .expect(200);
    assert_eq!(
        old["security_group"]["security_group_rules"].as_array().unwrap().len(),
        2
    );

    let other = cloud.project("other").await;
    let own = by_name(&other, "security-groups", "default").await;
    let for_own = list(&admin, "used_in_default_sg=True").await;
    assert_eq!(for_own.len(), 6);
    assert_eq!(rules(&own), told(&for_own, &own["id"]));
    let group = make(&other, "security-groups", "security_group", json!({"name": "web"})).await;
    let for_others = list(&admin, "used_in_non_default_sg=True").await;
    assert_eq!(for_others.len(), 5);
    assert_eq!(rules(&group), told(&for_others, &group["id"]));
    for rule in group["security_group_rules"].as_array().unwrap() {
        assert_eq!(
            (&rule["security_group_id"], &rule["project_id"], &rule["description"]),
            (&group["id"], &json!(other.project_id), &json!(""))
        );
    }
    // Without any, groups have no rules; and so it stays after a restart.
    for rule in list(&admin, "").await {
        admin.delete(&format!("{V2}/{PATH}/{}", id(&rule))).await.expect(204);
    }
    let cloud = cloud.restart().await;
    cloud.run(model::bootstrap::security_groups).await;
    let admin = cloud.admin().await;
    assert!(list(&admin, "").await.is_empty());
    let last = make(&admin, "security-groups", "security_group", json!({"name": "last"})).await;
    assert_eq!(last["security_group_rules"], json!([]));
}
