//! Metering: labels and rules as Neutron has them, and the counts, which are Maru's own page.

use model::{MeteringLabelId, RouterId};
use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::network::{V2, by_name, fault, id, make, start};

const LABELS: &str = "metering/metering-labels";
const RULES: &str = "metering/metering-label-rules";

/// The demo project's label, made by the administrator.
async fn label_of_demo(admin: &Client, demo: &Client) -> Value {
    let body = json!({"name": "traffic", "description": "all of it", "project_id": demo.project_id});
    make(admin, LABELS, "metering_label", body).await
}

#[tokio::test]
async fn labels_and_rules_are_made_shown_and_removed() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let label = label_of_demo(&admin, &demo).await;
    let project = &demo.project_id;
    assert_eq!(
        label,
        json!({
            "id": label["id"], "name": "traffic", "description": "all of it", "project_id": project,
            "tenant_id": project, "shared": false,
        })
    );
    let own = format!("{V2}/{LABELS}/{}", id(&label));
    assert_eq!(admin.get(&own).await.expect(200)["metering_label"], label);
    let bare = make(&admin, LABELS, "metering_label", json!({})).await;
    assert_eq!(
        (&bare["name"], &bare["project_id"]),
        (&json!(""), &json!(admin.project_id))
    );

    let body = json!({
        "metering_label_id": label["id"], "direction": "egress", "remote_ip_prefix": "10.0.0.0/24",
        "project_id": demo.project_id,
    });
    let rule = make(&admin, RULES, "metering_label_rule", body.clone()).await;
    let shown = json!({
        "id": rule["id"], "metering_label_id": label["id"], "direction": "egress", "remote_ip_prefix": "10.0.0.0/24",
        "source_ip_prefix": null, "destination_ip_prefix": null, "excluded": false,
    });
    assert_eq!(rule, shown);
    let own_rule = format!("{V2}/{RULES}/{}", id(&rule));
    assert_eq!(admin.get(&own_rule).await.expect(200)["metering_label_rule"], shown);
    let again = admin
        .post(&format!("{V2}/{RULES}"), json!({"metering_label_rule": body}))
        .await;
    fault(again, 409, "MeteringLabelRuleOverlaps");

    let change = json!({"metering_label": {"name": "other"}});
    let message = fault(admin.put(&own, change).await, 400, "HTTPBadRequest");
    assert_eq!(message, "Cannot update read-only attribute name");
    let change = json!({"metering_label_rule": {"source_ip_prefix": "10.0.0.0/24"}});
    fault(admin.put(&own_rule, change).await, 400, "HTTPBadRequest");

    admin.delete(&own).await.expect(204);
    fault(admin.get(&own).await, 404, "MeteringLabelNotFound");
    fault(admin.get(&own_rule).await, 404, "MeteringLabelRuleNotFound");
    fault(admin.delete(&own_rule).await, 404, "MeteringLabelRuleNotFound");
}

#[tokio::test]
async fn wrong_labels_and_rules_are_refused() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let label = label_of_demo(&admin, &demo).await;
    for (name, value) in [
        ("name", json!("x".repeat(256))),
        ("description", json!("x".repeat(1025))),
        ("shared", json!("perhaps")),
        ("tags", json!(["a"])),
        ("id", label["id"].clone()),
    ] {
        let body = json!({"metering_label": {name: value}});
        let answer = admin.post(&format!("{V2}/{LABELS}"), body).await;
        fault(answer, 400, "HTTPBadRequest");
    }
    let sound = json!({
        "metering_label_id": label["id"], "direction": "ingress", "source_ip_prefix": "192.0.2.0/24",
    });
    for (change, status, kind) in [
        (json!({"metering_label_id": "x"}), 400, "HTTPBadRequest"),
        (json!({"metering_label_id": null}), 400, "HTTPBadRequest"),
        (
            json!({"metering_label_id": "11111111-2222-4333-8444-555555555555"}),
            404,
            "MeteringLabelNotFound",
        ),
        (json!({"direction": "both"}), 400, "HTTPBadRequest"),
        (json!({"direction": null}), 400, "HTTPBadRequest"),
        (json!({"excluded": "perhaps"}), 400, "HTTPBadRequest"),
        (json!({"source_ip_prefix": "somewhere"}), 400, "Invalid"),
        (json!({"source_ip_prefix": 5}), 400, "Invalid"),
        (json!({"source_ip_prefix": null}), 400, "Invalid"),
        (json!({"source_ip_prefix": ""}), 400, "Invalid"),
        (json!({"remote_ip_prefix": "10.0.0.0/24"}), 400, "Invalid"),
        (json!({"destination_ip_prefix": "fd00::/64"}), 400, "Invalid"),
    ] {
        let mut body = sound.clone();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = admin
            .post(&format!("{V2}/{RULES}"), json!({"metering_label_rule": body}))
            .await;
        fault(answer, status, kind);
    }
    let mut without = sound.clone();
    without.as_object_mut().unwrap().remove("direction");
    let answer = admin
        .post(&format!("{V2}/{RULES}"), json!({"metering_label_rule": without}))
        .await;
    fault(answer, 400, "HTTPBadRequest");
    // Addresses with host bits, and single ones, are taken as they come.
    for (prefix, shown) in [("192.0.2.7/24", "192.0.2.7/24"), ("2001:db8::1", "2001:db8::1/128")] {
        let mut body = sound.clone();
        body["source_ip_prefix"] = json!(prefix);
        let rule = make(&admin, RULES, "metering_label_rule", body).await;
        assert_eq!(rule["source_ip_prefix"], shown);
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let labels = json!({"metering_labels": [
        {"name": "b", "shared": true}, {"name": "a", "project_id": demo.project_id}, {"name": "c"},
    ]});
    let made = admin.post(&format!("{V2}/{LABELS}"), labels).await.expect(201);
    let names = |list: &Value| -> Vec<String> {
        let rows = list["metering_labels"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let list = async |query: &str| admin.get(&format!("{V2}/{LABELS}?{query}")).await.expect(200);
    assert_eq!(names(&made), ["b", "a", "c"]);
    assert_eq!(names(&list("sort_key=name&sort_dir=desc").await), ["c", "b", "a"]);
    assert_eq!(names(&list("shared=True").await), ["b"]);
    assert_eq!(names(&list(&format!("project_id={}", demo.project_id)).await), ["a"]);
    assert_eq!(names(&list("id=33").await), [""; 0]);
    let page = list("sort_key=name&limit=2").await;
    assert_eq!(names(&page), ["a", "b"]);
    let next = page["metering_labels_links"][0]["href"].as_str().unwrap();
    let next = next.strip_prefix(crate::cloud::BASE_URL).unwrap();
    assert_eq!(names(&admin.get(next).await.expect(200)), ["c"]);
    let fields = list("name=c&fields=shared").await;
    assert_eq!(fields["metering_labels"], json!([{"shared": false}]));
    let unknown = admin.get(&format!("{V2}/{LABELS}?colour=red")).await;
    fault(unknown, 400, "HTTPBadRequest");

    let label = made["metering_labels"][1]["id"].clone();
    for prefix in ["10.0.0.0/24", "10.0.1.0/24"] {
        let body = json!({"metering_label_id": label, "direction": "ingress", "destination_ip_prefix": prefix});
        make(&admin, RULES, "metering_label_rule", body).await;
    }
    let rules = format!("{V2}/{RULES}?destination_ip_prefix=10.0.1.0/24&excluded=false");
    let found = admin.get(&rules).await.expect(200);
    assert_eq!(found["metering_label_rules"].as_array().unwrap().len(), 1, "{found}");

    // A project sees its own, of which its manager has the say; another sees none.
    let own = format!("{V2}/{LABELS}/{}", label.as_str().unwrap());
    let all = demo.get(&format!("{V2}/{LABELS}")).await.expect(200);
    assert_eq!(names(&all), ["a"]);
    let all = demo.get(&format!("{V2}/{RULES}")).await.expect(200);
    assert_eq!(all["metering_label_rules"].as_array().unwrap().len(), 2, "{all}");
    fault(demo.delete(&own).await, 403, "PolicyNotAuthorized");
    let manager = cloud.project_with_role("managed", "manager").await;
    let all = manager.get(&format!("{V2}/{LABELS}")).await.expect(200);
    assert_eq!(all, json!({"metering_labels": []}));
    fault(manager.get(&own).await, 404, "MeteringLabelNotFound");
    fault(manager.delete(&own).await, 404, "MeteringLabelNotFound");
    let body = json!({"metering_label_id": label, "direction": "egress", "source_ip_prefix": "10.0.0.0/24"});
    let new = json!({"metering_label_rule": body});
    let refused = demo.post(&format!("{V2}/{RULES}"), new.clone()).await;
    fault(refused, 403, "PolicyNotAuthorized");
    let refused = manager.post(&format!("{V2}/{RULES}"), new).await;
    fault(refused, 404, "MeteringLabelNotFound");
    let shared = json!({"metering_label": {"name": "m", "shared": true}});
    let refused = manager.post(&format!("{V2}/{LABELS}"), shared).await;
    fault(refused, 403, "PolicyNotAuthorized");
    let made = make(&manager, LABELS, "metering_label", json!({"name": "m"})).await;
    let gone = manager.delete(&format!("{V2}/{LABELS}/{}", id(&made))).await;
    assert_eq!(gone.status, 204, "{gone:?}");
}

/// The page of a label's counts.
async fn counts(client: &Client, label: &Value) -> Value {
    let answer = client.get(&format!("/maru/v1/metering/labels/{}", id(label))).await;
    answer.expect(200)["metering_label"].take()
}

/// Lets packets pass and waits until the host knows the label.
async fn pass(cloud: &TestCloud, router: &Value, label: &Value, packets: u64) {
    let (router, label): (RouterId, MeteringLabelId) = (id(router).parse().unwrap(), id(label).parse().unwrap());
    let has_come = |wanted: &model::host::HostConfig| {
        let router = wanted.routers.get(&router);
        router.is_some_and(|router| router.meters.contains_key(&label))
    };
    while !has_come(&cloud.node.wanted()) {
        tokio::task::yield_now().await;
    }
    cloud.node.pass(router, label, packets, packets * 100);
}

#[tokio::test]
async fn what_was_counted_is_read_by_its_project() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let other = cloud.project("other").await;
    let router = by_name(&demo, "routers", "router1").await;
    let public = by_name(&demo, "networks", "public").await;
    let gateway = json!({"external_gateway_info": {"network_id": id(&public)}, "project_id": other.project_id});
    let foreign = make(&admin, "routers", "router", gateway).await;
    let label = label_of_demo(&admin, &demo).await;
    let shared = make(&admin, LABELS, "metering_label", json!({"name": "all", "shared": true})).await;
    pass(&cloud, &router, &label, 3).await;
    pass(&cloud, &router, &shared, 5).await;
    pass(&cloud, &foreign, &shared, 7).await;

    let part = |router: &Value, packets: u64| {
        json!({
            "router_id": router["id"], "project_id": router["project_id"], "packets": packets,
            "bytes": packets * 100, "read_at": "1970-01-01T00:00:00Z",
        })
    };
    assert_eq!(
        counts(&demo, &label).await,
        json!({
            "id": label["id"], "name": "traffic", "project_id": demo.project_id, "shared": false,
            "packets": 3, "bytes": 300, "routers": [part(&router, 3)],
        })
    );
    let of_all = counts(&admin, &shared).await;
    assert_eq!((&of_all["packets"], &of_all["bytes"]), (&json!(12), &json!(1200)));
    assert_eq!(of_all["routers"].as_array().unwrap().len(), 2);
    // A project sees of a shared label what its own routers counted.
    assert_eq!(counts(&demo, &shared).await["routers"], json!([part(&router, 5)]));
    assert_eq!(counts(&other, &shared).await["routers"], json!([part(&foreign, 7)]));

    let hidden = other.get(&format!("/maru/v1/metering/labels/{}", id(&label))).await;
    assert_eq!(hidden.status, 404, "{hidden:?}");
    assert_eq!(other.get("/maru/v1/metering/labels/x").await.status, 404);
    let ids = async |client: &Client| -> Vec<String> {
        let list = client.get("/maru/v1/metering/labels").await.expect(200);
        let labels = list["metering_labels"].as_array().unwrap().iter();
        let mut ids: Vec<String> = labels.map(|label| id(label).to_owned()).collect();
        ids.sort();
        ids
    };
    let mut both = [id(&label).to_owned(), id(&shared).to_owned()];
    both.sort();
    assert_eq!(ids(&admin).await, both);
    assert_eq!(ids(&demo).await, both);
    assert_eq!(ids(&other).await, [id(&shared)]);
}
