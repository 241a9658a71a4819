//! Stateless security groups (`stateful-security-group`): the attribute, what may be mixed, and when it may change.

use serde_json::json;

use crate::cloud::TestCloud;
use crate::compute::{Means, act, text, url, wait_for};
use crate::compute_servers::body;
use crate::network::{V2, by_name, fault, id, make, start};

#[tokio::test]
async fn a_group_is_stateful_or_not() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    demo.get(&format!("{V2}/extensions/stateful-security-group"))
        .await
        .expect(200);
    let all = format!("{V2}/security-groups");
    for (given, shown) in [
        (None, true),
        (Some(json!(true)), true),
        (Some(json!(false)), false),
        (Some(json!("False")), false),
        (Some(json!(0)), false),
    ] {
        let mut body = json!({"name": "g"});
        if let Some(value) = &given {
            body["stateful"] = value.clone();
        }
        let group = make(&demo, "security-groups", "security_group", body).await;
        assert_eq!(group["stateful"], shown, "{given:?}");
        assert_eq!(group["security_group_rules"].as_array().unwrap().len(), 2);
    }
    for bad in [json!("maybe"), json!(2), json!([]), json!(null)] {
        let body = json!({"security_group": {"name": "g", "stateful": bad}});
        fault(demo.post(&all, body).await, 400, "HTTPBadRequest");
    }
    for (value, count) in [("false", 3), ("False", 3), ("true", 3)] {
        // Of the stateful ones one is the project's default group.
        let list = demo.get(&format!("{all}?stateful={value}&fields=id")).await.expect(200);
        assert_eq!(list["security_groups"].as_array().unwrap().len(), count, "{value}");
    }
}

#[tokio::test]
async fn it_changes_only_while_no_port_is_in_the_group() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = by_name(&demo, "networks", "private").await;
    let group = make(&demo, "security-groups", "security_group", json!({"name": "web"})).await;
    let own = format!("{V2}/security-groups/{}", id(&group));
    let change = |stateful: bool| json!({"security_group": {"stateful": stateful}});
    for stateful in [false, true, false] {
        let changed = demo.put(&own, change(stateful)).await.expect(200);
        assert_eq!(changed["security_group"]["stateful"], stateful);
        let read = demo.get(&own).await.expect(200);
        assert_eq!(read["security_group"]["stateful"], stateful);
    }
    let in_it = json!({"network_id": network["id"], "security_groups": [group["id"]]});
    let port = make(&demo, "ports", "port", in_it).await;
    fault(demo.put(&own, change(true)).await, 409, "SecurityGroupInUse");
    // To say what is so already is no change.
    let same = json!({"security_group": {"stateful": false, "name": "www"}});
    let changed = demo.put(&own, same).await.expect(200);
    assert_eq!(changed["security_group"]["name"], "www");
    demo.delete(&format!("{V2}/ports/{}", id(&port))).await.expect(204);
    demo.put(&own, change(true)).await.expect(200);
    fault(
        demo.put(&own, json!({"security_group": {"stateful": "no way"}})).await,
        400,
        "HTTPBadRequest",
    );
}

#[tokio::test]
async fn a_port_is_in_groups_of_one_kind() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let network = by_name(&demo, "networks", "private").await;
    let group = async |stateful: bool| {
        let body = json!({"name": format!("state-{stateful}"), "stateful": stateful});
        make(&demo, "security-groups", "security_group", body).await["id"].clone()
    };
    let (stateful, stateless) = (group(true).await, group(false).await);
    let wanted = |groups: &[&serde_json::Value]| json!({"network_id": network["id"], "security_groups": groups});
    let refused = demo
        .post(
            &format!("{V2}/ports"),
            json!({"port": wanted(&[&stateful, &stateless])}),
        )
        .await;
    fault(refused, 409, "SecurityGroupConflict");
    for first in [&stateful, &stateless] {
        let port = make(&demo, "ports", "port", wanted(&[first])).await;
        let own = format!("{V2}/ports/{}", id(&port));
        let both = json!({"port": {"security_groups": [stateful, stateless]}});
        let message = fault(demo.put(&own, both).await, 409, "SecurityGroupConflict");
        assert!(message.contains("both stateful and stateless"), "{message}");
        let kept = demo.get(&own).await.expect(200);
        assert_eq!(kept["port"]["security_groups"], json!([first]));
        let other = json!({"port": {"security_groups": [stateless]}});
        demo.put(&own, other).await.expect(200);
    }
    // A default group without state, and a port that is in it unasked.
    let default = by_name(&demo, "security-groups", "default").await;
    let own = format!("{V2}/security-groups/{}", id(&default));
    demo.put(&own, json!({"security_group": {"stateful": false}}))
        .await
        .expect(200);
    let port = make(&demo, "ports", "port", json!({"network_id": network["id"]})).await;
    assert_eq!(port["security_groups"], json!([default["id"]]));
}

#[tokio::test]
async fn a_server_is_put_into_groups_of_one_kind_and_its_host_is_told() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let stateless = json!({"name": "bare", "stateful": false});
    let group = make(&demo, "security-groups", "security_group", stateless).await;
    let made = body(&means, json!({"security_groups": [{"name": "default"}]}));
    let server = text(&demo.post(&url("servers"), made).await.expect(202)["server"]["id"]);
    wait_for(&demo, &server, "ACTIVE").await;
    let group_id: model::SecurityGroupId = id(&group).parse().unwrap();
    let told = || {
        let wanted = cloud.node.wanted();
        wanted
            .networks
            .values()
            .any(|network| network.stateless.contains(&group_id))
    };
    assert!(!told());
    let change = |action: &str, name: &str| json!({action: {"name": name}});
    let refused = act(&demo, &server, change("addSecurityGroup", "bare")).await;
    assert_eq!(refused.status, 409);
    let left = act(&demo, &server, change("removeSecurityGroup", "default")).await;
    assert_eq!(left.status, 202);
    let entered = act(&demo, &server, change("addSecurityGroup", "bare")).await;
    assert_eq!(entered.status, 202);
    for _ in 0..500 {
        if told() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the host was not told");
}
