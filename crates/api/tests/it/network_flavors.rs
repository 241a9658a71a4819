//! Flavors of services, service profiles, and routers that are made by them.

use serde_json::{Value, json};

use crate::cloud::Client;
use crate::network::{V2, fault, id, make, start};

const DRIVER: &str = "neutron.services.l3_router.service_providers.single_node.SingleNodeDriver";
const ABSENT: &str = "11111111-2222-4333-8444-555555555555";

async fn flavor(admin: &Client, service_type: &str) -> Value {
    let body = json!({"name": "gold", "service_type": service_type, "description": "the good one"});
    make(admin, "flavors", "flavor", body).await
}

async fn profile(admin: &Client, body: Value) -> Value {
    make(admin, "service_profiles", "service_profile", body).await
}

fn associations(flavor: &Value) -> String {
    format!("{V2}/flavors/{}/service_profiles", id(flavor))
}

async fn associate(admin: &Client, flavor: &Value, profile: &Value) {
    let body = json!({"service_profile": {"id": profile["id"]}});
    let answer = admin.post(&associations(flavor), body).await.expect(201);
    assert_eq!(answer, json!({"service_profile": {"id": flavor["id"]}}));
}

#[tokio::test]
async fn flavors_and_profiles_are_made_changed_and_removed() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let flavor = flavor(&admin, "FLAVORS").await;
    let shown = json!({
        "id": flavor["id"], "name": "gold", "service_type": "FLAVORS", "description": "the good one", "enabled": true,
        "service_profiles": [],
    });
    assert_eq!(flavor, shown);
    let own = format!("{V2}/flavors/{}", id(&flavor));
    assert_eq!(demo.get(&own).await.expect(200)["flavor"], shown);
    let body = json!({"description": "with data", "driver": "", "metainfo": "{\"data\": \"value\"}"});
    let profile = profile(&admin, body).await;
    let shown = json!({
        "id": profile["id"], "description": "with data", "driver": "", "metainfo": "{\"data\": \"value\"}",
        "enabled": true,
    });
    assert_eq!(profile, shown);
    let own_profile = format!("{V2}/service_profiles/{}", id(&profile));
    assert_eq!(admin.get(&own_profile).await.expect(200)["service_profile"], shown);

    let off = json!({"flavor": {"enabled": false, "name": "silver"}});
    let changed = admin.put(&own, off).await.expect(200)["flavor"].take();
    assert_eq!(
        (&changed["enabled"], &changed["name"], &changed["description"]),
        (&json!(false), &json!("silver"), &json!("the good one"))
    );
    let off = json!({"service_profile": {"enabled": "False"}});
    let changed = admin.put(&own_profile, off).await.expect(200)["service_profile"].take();
    assert_eq!(
        (&changed["enabled"], &changed["metainfo"]),
        (&json!(false), &shown["metainfo"])
    );

    let names = admin
        .get(&format!("{V2}/flavors?name=silver&fields=name"))
        .await
        .expect(200);
    assert_eq!(names, json!({"flavors": [{"name": "silver"}]}));
    for list in ["flavors", "service_profiles"] {
        let none = admin.get(&format!("{V2}/{list}?id=33")).await.expect(200);
        assert_eq!(none[list], json!([]));
        let off = admin.get(&format!("{V2}/{list}?enabled=false")).await.expect(200);
        assert_eq!(off[list].as_array().unwrap().len(), 1);
        fault(
            admin.get(&format!("{V2}/{list}?project_id=x")).await,
            400,
            "HTTPBadRequest",
        );
    }

    associate(&admin, &flavor, &profile).await;
    assert_eq!(
        demo.get(&own).await.expect(200)["flavor"]["service_profiles"],
        json!([profile["id"]])
    );
    let again = json!({"service_profile": {"id": profile["id"]}});
    fault(
        admin.post(&associations(&flavor), again).await,
        409,
        "FlavorServiceProfileBindingExists",
    );
    fault(admin.delete(&own_profile).await, 409, "ServiceProfileInUse");
    let on = json!({"service_profile": {"enabled": true}});
    fault(admin.put(&own_profile, on).await, 409, "ServiceProfileInUse");
    let one = format!("{}/{}", associations(&flavor), id(&profile));
    admin.delete(&one).await.expect(204);
    fault(admin.delete(&one).await, 404, "FlavorServiceProfileBindingNotFound");
    admin.delete(&own).await.expect(204);
    fault(admin.get(&own).await, 404, "FlavorNotFound");
    admin.delete(&own_profile).await.expect(204);
    fault(admin.get(&own_profile).await, 404, "ServiceProfileNotFound");
}

#[tokio::test]
async fn wrong_flavors_and_profiles_are_refused() {
    let cloud = start().await;
    let admin = cloud.admin().await;
    let flavor = flavor(&admin, "L3_ROUTER_NAT").await;
    let own = format!("{V2}/flavors/{}", id(&flavor));
    for (change, kind) in [
        (json!({"service_type": "VPN"}), "InvalidServiceType"),
        (json!({"service_type": null}), "InvalidServiceType"),
        (json!({"service_type": 5}), "InvalidServiceType"),
        (json!({"name": "x".repeat(256)}), "HTTPBadRequest"),
        (json!({"name": null}), "HTTPBadRequest"),
        (json!({"description": "x".repeat(1025)}), "HTTPBadRequest"),
        (json!({"enabled": "perhaps"}), "HTTPBadRequest"),
        (json!({"service_profiles": ["x"]}), "HTTPBadRequest"),
        (json!({"service_profiles": [ABSENT, ABSENT]}), "HTTPBadRequest"),
        (json!({"colour": "gold"}), "HTTPBadRequest"),
        (json!({"id": ABSENT}), "HTTPBadRequest"),
    ] {
        let mut body = json!({"service_type": "QOS"});
        body[change.as_object().unwrap().keys().next().unwrap()] =
            change.as_object().unwrap().values().next().unwrap().clone();
        fault(
            admin.post(&format!("{V2}/flavors"), json!({"flavor": body})).await,
            400,
            kind,
        );
    }
    let body = json!({"flavor": {"service_type": "QOS", "service_profiles": [ABSENT]}});
    fault(
        admin.post(&format!("{V2}/flavors"), body).await,
        404,
        "ServiceProfileNotFound",
    );
    fault(
        admin
            .post(&format!("{V2}/flavors"), json!({"flavor": {"name": "x"}}))
            .await,
        400,
        "HTTPBadRequest",
    );
    let change = json!({"flavor": {"service_type": "QOS"}});
    let message = fault(admin.put(&own, change).await, 400, "HTTPBadRequest");
    assert_eq!(message, "Cannot update read-only attribute service_type");

    for (body, status, kind) in [
        (json!({}), 400, "ServiceProfileEmpty"),
        (json!({"driver": "", "metainfo": ""}), 400, "ServiceProfileEmpty"),
        (json!({"driver": "some.Driver"}), 404, "ServiceProfileDriverNotFound"),
        (json!({"driver": null, "metainfo": "{}"}), 400, "HTTPBadRequest"),
        (json!({"metainfo": {"a": 1}}), 400, "HTTPBadRequest"),
        (json!({"metainfo": "x".repeat(4097)}), 400, "HTTPBadRequest"),
        (json!({"metainfo": "{}", "name": "x"}), 400, "HTTPBadRequest"),
        (json!({"metainfo": "{}", "enabled": 2}), 400, "HTTPBadRequest"),
    ] {
        let answer = admin
            .post(&format!("{V2}/service_profiles"), json!({"service_profile": body}))
            .await;
        fault(answer, status, kind);
    }
    for (body, status, kind) in [
        (json!({}), 400, "HTTPBadRequest"),
        (json!({"id": "x"}), 400, "HTTPBadRequest"),
        (json!({"id": ABSENT}), 404, "ServiceProfileNotFound"),
        (json!({"id": ABSENT, "name": "x"}), 400, "HTTPBadRequest"),
    ] {
        let answer = admin
            .post(&associations(&flavor), json!({"service_profile": body}))
            .await;
        fault(answer, status, kind);
    }
    let nowhere = format!("{V2}/flavors/{ABSENT}/service_profiles");
    let body = json!({"service_profile": {"id": ABSENT}});
    fault(admin.post(&nowhere, body).await, 404, "FlavorNotFound");
    let message = fault(admin.get(&format!("{V2}/flavors/gold")).await, 404, "FlavorNotFound");
    assert_eq!(message, "Flavor gold could not be found.");
}

#[tokio::test]
async fn projects_see_flavors_and_change_nothing() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let flavor = flavor(&admin, "QOS").await;
    let profile = profile(&admin, json!({"metainfo": "{}"})).await;
    let own = format!("{V2}/flavors/{}", id(&flavor));
    let own_profile = format!("{V2}/service_profiles/{}", id(&profile));
    assert_eq!(
        demo.get(&format!("{V2}/flavors")).await.expect(200)["flavors"],
        json!([flavor])
    );
    let none = demo.get(&format!("{V2}/service_profiles")).await.expect(200);
    assert_eq!(none["service_profiles"], json!([]));
    fault(demo.get(&own_profile).await, 404, "ServiceProfileNotFound");
    let body = |name: &str| json!({ name: {"enabled": false} });
    for answer in [
        demo.post(&format!("{V2}/flavors"), body("flavor")).await,
        demo.put(&own, body("flavor")).await,
        demo.delete(&own).await,
        demo.post(&format!("{V2}/service_profiles"), body("service_profile"))
            .await,
        demo.put(&own_profile, body("service_profile")).await,
        demo.delete(&own_profile).await,
        demo.post(&associations(&flavor), body("service_profile")).await,
        demo.delete(&format!("{}/{}", associations(&flavor), id(&profile)))
            .await,
    ] {
        fault(answer, 403, "PolicyNotAuthorized");
    }
    assert_eq!(admin.get(&own).await.expect(200)["flavor"], flavor);
}

#[tokio::test]
async fn routers_are_made_by_flavors() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let providers = demo.get(&format!("{V2}/service-providers")).await.expect(200);
    assert_eq!(
        providers["service_providers"],
        json!([{"service_type": "L3_ROUTER_NAT", "name": "single_node", "default": true}])
    );
    let flavor = flavor(&admin, "L3_ROUTER_NAT").await;
    let next = format!("{V2}/flavors/{}/next_providers", id(&flavor));
    fault(demo.get(&next).await, 404, "FlavorServiceProfileBindingNotFound");
    let profile = profile(&admin, json!({"driver": DRIVER})).await;
    associate(&admin, &flavor, &profile).await;
    assert_eq!(
        demo.get(&next).await.expect(200),
        json!({"next_providers": [{"provider": "single_node", "driver": DRIVER}]})
    );
    let router = make(
        &demo,
        "routers",
        "router",
        json!({"name": "r", "flavor_id": flavor["id"]}),
    )
    .await;
    assert_eq!(router["flavor_id"], flavor["id"]);
    let plain = make(&demo, "routers", "router", json!({"flavor_id": null})).await;
    assert_eq!(plain["flavor_id"], Value::Null);
    let listed = demo
        .get(&format!("{V2}/routers?flavor_id={}&fields=id", id(&flavor)))
        .await
        .expect(200);
    assert_eq!(listed["routers"], json!([{"id": router["id"]}]));
    let url = format!("{V2}/routers/{}", id(&router));
    let change = json!({"router": {"flavor_id": null}});
    fault(demo.put(&url, change).await, 400, "HTTPBadRequest");

    let of_qos = make(&admin, "flavors", "flavor", json!({"service_type": "QOS"})).await;
    let off = make(
        &admin,
        "flavors",
        "flavor",
        json!({"service_type": "L3_ROUTER_NAT", "enabled": false, "service_profiles": [profile["id"]]}),
    )
    .await;
    for (body, status, kind) in [
        (json!({"flavor_id": ABSENT}), 404, "FlavorNotFound"),
        (json!({"flavor_id": "gold"}), 400, "HTTPBadRequest"),
        (json!({"flavor_id": of_qos["id"]}), 400, "InvalidInput"),
        (json!({"flavor_id": off["id"]}), 503, "FlavorDisabled"),
        (
            json!({"flavor_id": flavor["id"], "distributed": true}),
            400,
            "HTTPBadRequest",
        ),
    ] {
        fault(
            admin.post(&format!("{V2}/routers"), json!({"router": body})).await,
            status,
            kind,
        );
    }
    let own = format!("{V2}/flavors/{}", id(&flavor));
    fault(admin.delete(&own).await, 409, "FlavorInUse");
    let cloud = cloud.restart().await;
    let kept = demo.get(&url).await.expect(200);
    assert_eq!(kept["router"]["flavor_id"], flavor["id"]);
    demo.delete(&url).await.expect(204);
    admin.delete(&own).await.expect(204);
    drop(cloud);
}
