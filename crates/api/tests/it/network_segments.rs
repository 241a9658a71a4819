//! Segments of networks (`segment`, `standard-attr-segment`), and subnets in them.

use serde_json::{Value, json};

use crate::cloud::Client;
use crate::network::{V2, by_name, fault, id, make, start};

async fn segments(admin: &Client, network: &Value) -> Vec<Value> {
    let path = format!("{V2}/segments?network_id={}&sort_key=created_at", id(network));
    admin.get(&path).await.expect(200)["segments"]
        .as_array()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn every_network_has_a_segment() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let network = make(&demo, "networks", "network", json!({})).await;
    let seen = admin.get(&format!("{V2}/networks/{}", id(&network))).await.expect(200)["network"].take();
    let own = segments(&admin, &network).await;
    assert_eq!(own.len(), 1);
    let shown = json!({
        "id": own[0]["id"], "name": null, "description": "", "network_id": network["id"], "network_type": "vxlan",
        "physical_network": null, "segmentation_id": seen["provider:segmentation_id"], "tags": [], "revision_number": 0,
        "created_at": network["created_at"], "updated_at": network["created_at"],
    });
    assert_eq!(own[0], shown, "and nothing more");
    let one = format!("{V2}/segments/{}", id(&own[0]));
    assert_eq!(admin.get(&one).await.expect(200), json!({"segment": shown}));
    let public = by_name(&demo, "networks", "public").await;
    let flat = segments(&admin, &public).await;
    assert_eq!(
        (flat.len(), &flat[0]["network_type"], &flat[0]["physical_network"]),
        (1, &json!("flat"), &json!("public"))
    );

    cloud.clock.advance(5);
    let change = json!({"segment": {"name": "rack 1", "description": "by the window"}});
    let changed = admin.put(&one, change).await.expect(200)["segment"].take();
    assert_eq!(
        (&changed["name"], &changed["description"], &changed["revision_number"]),
        (&json!("rack 1"), &json!("by the window"), &json!(1))
    );
    assert_eq!(changed["created_at"], own[0]["created_at"]);
    assert_ne!(changed["updated_at"], own[0]["updated_at"]);
    let found = admin.get(&format!("{V2}/segments?name=rack%201&fields=id")).await;
    assert_eq!(found.expect(200)["segments"], json!([{"id": own[0]["id"]}]));
    for (name, value) in [
        ("network_type", json!("flat")),
        ("segmentation_id", json!(7)),
        ("physical_network", json!("public")),
        ("network_id", public["id"].clone()),
        ("colour", json!("red")),
    ] {
        fault(
            admin.put(&one, json!({"segment": {name: value}})).await,
            400,
            "HTTPBadRequest",
        );
    }
    admin
        .put(&format!("{one}/tags"), json!({"tags": ["left"]}))
        .await
        .expect(200);
    // What the network is made of goes with it.
    fault(admin.delete(&one).await, 409, "SegmentInUse");
    demo.delete(&format!("{V2}/networks/{}", id(&network)))
        .await
        .expect(204);
    fault(admin.get(&one).await, 404, "SegmentNotFound");
}

#[tokio::test]
async fn they_are_the_administrators() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let network = make(&demo, "networks", "network", json!({})).await;
    let own = segments(&admin, &network).await;
    let one = format!("{V2}/segments/{}", id(&own[0]));
    assert_eq!(
        demo.get(&format!("{V2}/segments")).await.expect(200),
        json!({"segments": []})
    );
    fault(demo.get(&one).await, 404, "SegmentNotFound");
    fault(
        demo.put(&one, json!({"segment": {"name": "x"}})).await,
        404,
        "SegmentNotFound",
    );
    fault(demo.delete(&one).await, 404, "SegmentNotFound");
    let new = json!({"segment": {"network_id": network["id"], "network_type": "vxlan"}});
    fault(
        demo.post(&format!("{V2}/segments"), new).await,
        403,
        "PolicyNotAuthorized",
    );
    let subnet = json!({
        "network_id": network["id"], "ip_version": 4, "cidr": "10.8.0.0/24", "segment_id": own[0]["id"],
    });
    let refused = demo.post(&format!("{V2}/subnets"), json!({"subnet": subnet})).await;
    fault(refused, 403, "PolicyNotAuthorized");
    let plain = json!({"network_id": network["id"], "ip_version": 4, "cidr": "10.8.0.0/24"});
    let plain = make(&demo, "subnets", "subnet", plain).await;
    assert_eq!(plain.get("segment_id"), None);
}

#[tokio::test]
async fn a_network_gets_further_segments_and_subnets_in_them() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let network = make(&demo, "networks", "network", json!({})).await;
    let other = make(&demo, "networks", "network", json!({})).await;
    let public = by_name(&demo, "networks", "public").await;
    let first = segments(&admin, &network).await.remove(0);
    let all = format!("{V2}/segments");
    let wanted = |network: &Value, more: Value| {
        let mut body = json!({"network_id": network["id"], "network_type": "vxlan"});
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        json!({"segment": body})
    };
    for (network, more, status, kind) in [
        (&network, json!({"network_type": "vlan"}), 400, "InvalidInput"),
        (&network, json!({"physical_network": "public"}), 400, "InvalidInput"),
        (&network, json!({"segmentation_id": 1u32 << 24}), 400, "InvalidInput"),
        (
            &network,
            json!({"segmentation_id": first["segmentation_id"]}),
            409,
            "TunnelIdInUse",
        ),
        (&network, json!({"network_type": "flat"}), 400, "InvalidInput"),
        (
            &network,
            json!({"network_type": "flat", "physical_network": "public"}),
            409,
            "FlatNetworkInUse",
        ),
        (
            &network,
            json!({"network_type": "flat", "physical_network": "moon"}),
            400,
            "InvalidInput",
        ),
        (&public, json!({}), 400, "InvalidInput"),
        (&network, json!({"colour": "red"}), 400, "HTTPBadRequest"),
        (&json!({"id": uuid::Uuid::nil()}), json!({}), 404, "NetworkNotFound"),
    ] {
        fault(admin.post(&all, wanted(network, more)).await, status, kind);
    }
    let untyped = json!({"segment": {"network_id": network["id"]}});
    fault(admin.post(&all, untyped).await, 400, "HTTPBadRequest");

    let more = json!({"segmentation_id": 4711, "name": "rack 2", "description": null});
    let second = admin.post(&all, wanted(&network, more)).await.expect(201)["segment"].take();
    assert_eq!(
        (&second["segmentation_id"], &second["network_type"], &second["name"]),
        (&json!(4711), &json!("vxlan"), &json!("rack 2"))
    );
    let chosen = admin.post(&all, wanted(&network, json!({}))).await.expect(201)["segment"].take();
    assert!(chosen["segmentation_id"].is_u64());
    assert_eq!(segments(&admin, &network).await.len(), 3);
    // The id is held, for networks too.
    let taken = json!({"network": {"provider:network_type": "vxlan", "provider:segmentation_id": 4711}});
    fault(admin.post(&format!("{V2}/networks"), taken).await, 409, "TunnelIdInUse");

    let subnet = |network: &Value, cidr: &str, segment: &Value| json!({"network_id": network["id"], "ip_version": 4, "cidr": cidr, "segment_id": segment});
    let made = make(
        &admin,
        "subnets",
        "subnet",
        subnet(&network, "10.8.0.0/24", &second["id"]),
    )
    .await;
    assert_eq!(made["segment_id"], second["id"]);
    let subnets = format!("{V2}/subnets");
    for (network, segment, status, kind) in [
        (&network, Value::Null, 400, "SubnetsNotAllAssociatedWithSegments"),
        (&other, second["id"].clone(), 400, "NetworkIdsDontMatch"),
        (&other, json!(uuid::Uuid::nil()), 404, "SegmentNotFound"),
        (&other, json!("x"), 400, "HTTPBadRequest"),
    ] {
        let body = json!({"subnet": subnet(network, "10.8.1.0/24", &segment)});
        fault(admin.post(&subnets, body).await, status, kind);
    }
    let change = json!({"subnet": {"segment_id": first["id"]}});
    fault(
        admin.put(&format!("{subnets}/{}", id(&made)), change).await,
        400,
        "HTTPBadRequest",
    );
    let found = admin
        .get(&format!("{subnets}?segment_id={}&fields=id", id(&second)))
        .await;
    assert_eq!(found.expect(200)["subnets"], json!([{"id": made["id"]}]));

    let one = format!("{all}/{}", id(&second));
    fault(admin.delete(&one).await, 409, "SegmentInUse");
    admin.delete(&format!("{subnets}/{}", id(&made))).await.expect(204);
    admin.delete(&one).await.expect(204);
    fault(admin.get(&one).await, 404, "SegmentNotFound");
    let free = json!({"provider:network_type": "vxlan", "provider:segmentation_id": 4711});
    make(&admin, "networks", "network", free).await;
    demo.delete(&format!("{V2}/networks/{}", id(&network)))
        .await
        .expect(204);
    fault(
        admin.get(&format!("{all}/{}", id(&chosen))).await,
        404,
        "SegmentNotFound",
    );
}
