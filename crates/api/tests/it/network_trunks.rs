//! Trunks (`trunk`, `trunk-details`): documents, actions, and statuses as the host reports them.

use std::time::Duration;

use model::{NetworkId, PortId, TrunkId};
use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{self, Means};
use crate::network::{V2, by_name, fault, id, make, start};

const SUBPORT: &str = "trunk:subport";

/// A port of a network of its own.
async fn port(client: &Client) -> Value {
    let network = make(client, "networks", "network", json!({})).await;
    make(client, "ports", "port", json!({"network_id": network["id"]})).await
}

fn tagged(port: &Value, vlan: u16) -> Value {
    json!({"port_id": port["id"], "segmentation_type": "vlan", "segmentation_id": vlan})
}

fn url(trunk: &Value) -> String {
    format!("{V2}/trunks/{}", id(trunk))
}

fn action(trunk: &Value, verb: &str) -> String {
    format!("{}/{verb}", url(trunk))
}

async fn shown(client: &Client, plural: &str, name: &str, row: &Value) -> Value {
    let answer = client.get(&format!("{V2}/{plural}/{}", id(row))).await;
    answer.expect(200)[name].take()
}

/// Waits until a trunk or port has a status; its document then.
async fn wait_for(client: &Client, plural: &str, name: &str, row: &Value, status: &str) -> Value {
    let mut seen = Value::Null;
    for _ in 0..2000 {
        seen = shown(client, plural, name, row).await;
        if seen["status"] == status {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{status} never came: {seen:#}");
}

async fn wait_trunk(client: &Client, trunk: &Value, status: &str) -> Value {
    wait_for(client, "trunks", "trunk", trunk, status).await
}

#[tokio::test]
async fn a_trunk_is_made_shown_changed_and_removed() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let (parent, one, two) = (port(&demo).await, port(&demo).await, port(&demo).await);
    // Only what is the parent of a trunk tells of one.
    assert_eq!(parent.get("trunk_details"), None);
    let body = json!({"port_id": parent["id"], "name": "t", "sub_ports": [tagged(&one, 2)], "tags": ["red"]});
    let trunk = make(&demo, "trunks", "trunk", body).await;
    let project = &demo.project_id;
    assert_eq!(
        trunk,
        json!({
            "id": trunk["id"], "name": "t", "description": "", "project_id": project, "tenant_id": project,
            "admin_state_up": true, "port_id": parent["id"], "status": "DOWN", "sub_ports": [tagged(&one, 2)],
            "tags": ["red"], "revision_number": 0, "created_at": trunk["created_at"], "updated_at": trunk["updated_at"],
        })
    );
    assert_eq!(shown(&demo, "trunks", "trunk", &trunk).await, trunk);
    let details = json!({"trunk_id": trunk["id"], "sub_ports": [{
        "port_id": one["id"], "segmentation_type": "vlan", "segmentation_id": 2, "mac_address": one["mac_address"],
    }]});
    assert_eq!(shown(&demo, "ports", "port", &parent).await["trunk_details"], details);
    let listed = demo
        .get(&format!("{V2}/ports?id={}&fields=trunk_details", id(&parent)))
        .await;
    assert_eq!(listed.expect(200)["ports"], json!([{"trunk_details": details}]));

    // Actions answer with the trunk, without its name around it; ids may be texts.
    let mut wanted = tagged(&two, 4);
    wanted["segmentation_id"] = json!("4");
    let add = action(&trunk, "add_subports");
    let grown = demo.put(&add, json!({"sub_ports": [wanted]})).await.expect(200);
    assert_eq!(grown["sub_ports"], json!([tagged(&one, 2), tagged(&two, 4)]));
    assert_eq!(grown["id"], trunk["id"]);
    let own = demo.get(&action(&trunk, "get_subports")).await.expect(200);
    assert_eq!(own, json!({"sub_ports": grown["sub_ports"]}));
    assert_eq!(shown(&demo, "ports", "port", &two).await["device_owner"], SUBPORT);
    // What the client sends to take one away is its port alone; what Tempest sends is all of it.
    let remove = action(&trunk, "remove_subports");
    for port in [json!({"port_id": one["id"]}), tagged(&two, 4)] {
        demo.put(&remove, json!({"sub_ports": [port]})).await.expect(200);
    }
    assert_eq!(shown(&demo, "trunks", "trunk", &trunk).await["sub_ports"], json!([]));
    assert_eq!(shown(&demo, "ports", "port", &two).await["device_owner"], "");

    let change = json!({"trunk": {"name": "u", "description": "d", "admin_state_up": "false"}});
    let changed = demo.put(&url(&trunk), change).await.expect(200)["trunk"].take();
    assert_eq!((&changed["name"], &changed["description"]), (&json!("u"), &json!("d")));
    assert_eq!(changed["admin_state_up"], false);
    fault(demo.delete(&url(&trunk)).await, 409, "TrunkDisabled");
    let change = json!({"trunk": {"admin_state_up": true}});
    demo.put(&url(&trunk), change).await.expect(200);
    for (name, value) in [
        ("port_id", one["id"].clone()),
        ("sub_ports", json!([])),
        ("status", json!("ACTIVE")),
    ] {
        fault(
            demo.put(&url(&trunk), json!({"trunk": {name: value}})).await,
            400,
            "HTTPBadRequest",
        );
    }
    let mut with_details = json!({"network_id": parent["network_id"]});
    with_details["trunk_details"] = json!({});
    let answer = demo.post(&format!("{V2}/ports"), json!({"port": with_details})).await;
    let message = fault(answer, 400, "HTTPBadRequest");
    assert_eq!(message, "Attribute 'trunk_details' not allowed in POST");

    let port_url = format!("{V2}/ports/{}", id(&parent));
    fault(demo.delete(&port_url).await, 409, "PortInUseAsTrunkParent");
    demo.delete(&url(&trunk)).await.expect(204);
    fault(demo.get(&url(&trunk)).await, 404, "TrunkNotFound");
    demo.delete(&port_url).await.expect(204);
    for alias in ["trunk", "trunk-details"] {
        demo.get(&format!("{V2}/extensions/{alias}")).await.expect(200);
    }
}

#[tokio::test]
async fn what_is_wrong_with_subports_is_said() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let (parent, one, two) = (port(&demo).await, port(&demo).await, port(&demo).await);
    let trunk = make(&demo, "trunks", "trunk", json!({"port_id": parent["id"]})).await;
    let add = action(&trunk, "add_subports");
    let other = port(&demo).await;
    let mut typed = tagged(&one, 2);
    typed["segmentation_id"] = json!("two");
    let cases = [
        (json!(tagged(&one, 2)), "is not a list"),
        (json!(["x"]), "is not a dict"),
        (
            json!([{"segmentation_type": "vlan", "segmentation_id": 2}]),
            "A valid port UUID must be specified",
        ),
        (json!([{"port_id": "x"}]), "Invalid UUID for subport: 'x'"),
        (
            json!([{"port_id": one["id"], "segmentation_id": 2}]),
            "missing segmentation information",
        ),
        (
            json!([{"port_id": one["id"], "segmentation_type": "vlan"}]),
            "missing segmentation information",
        ),
        (json!([{"port_id": one["id"]}]), "missing segmentation information"),
        (json!([typed]), "'two' is not an integer"),
        (json!([tagged(&one, 2), tagged(&two, 2)]), "is not unique"),
        (json!([tagged(&one, 2), tagged(&one, 3)]), "Non unique UUID"),
        (json!([tagged(&one, 4095)]), "Segmentation ID '4095' is not in range"),
        (
            json!([{"port_id": one["id"], "segmentation_type": "inherit"}]),
            "Unknown segmentation_type 'vxlan'",
        ),
        (
            json!([{"port_id": one["id"], "segmentation_type": "gre", "segmentation_id": 2}]),
            "Unknown segmentation_type 'gre'",
        ),
    ];
    for (sub_ports, words) in cases {
        let message = fault(
            demo.put(&add, json!({"sub_ports": sub_ports})).await,
            400,
            "InvalidInput",
        );
        assert!(message.contains(words), "{message}");
        let body = json!({"trunk": {"port_id": other["id"], "sub_ports": sub_ports}});
        let answer = demo.post(&format!("{V2}/trunks"), body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    fault(demo.put(&add, json!({})).await, 400, "HTTPBadRequest");
    fault(
        demo.put(&add, json!({"sub_ports": [tagged(&parent, 2)]})).await,
        409,
        "ParentPortInUse",
    );
    let nowhere = json!({"sub_ports": [{"port_id": trunk["id"], "segmentation_type": "vlan", "segmentation_id": 2}]});
    fault(demo.put(&add, nowhere.clone()).await, 404, "PortNotFound");
    fault(
        demo.put(&action(&trunk, "remove_subports"), nowhere).await,
        404,
        "SubPortNotFound",
    );
    // All or none.
    let both = json!({"sub_ports": [tagged(&one, 2), tagged(&parent, 3)]});
    fault(demo.put(&add, both).await, 409, "ParentPortInUse");
    assert_eq!(shown(&demo, "trunks", "trunk", &trunk).await, trunk);

    // A change of what was seen only.
    let matching = |number: u64| demo.clone().with("if-match", &format!("revision_number={number}"));
    let body = json!({"sub_ports": [tagged(&one, 2)]});
    fault(
        matching(7).put(&add, body.clone()).await,
        412,
        "RevisionNumberConstraintFailed",
    );
    matching(0).put(&add, body).await.expect(200);
    let again = json!({"trunk": {"port_id": parent["id"]}});
    fault(demo.post(&format!("{V2}/trunks"), again).await, 409, "ParentPortInUse");
}

#[tokio::test]
async fn trunks_are_listed_and_are_their_projects() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let other = cloud.project("other").await;
    let all = format!("{V2}/trunks");
    let mut items = Vec::new();
    let mut ports = Vec::new();
    for n in 0..3 {
        let port = port(&demo).await;
        items.push(json!({"port_id": port["id"], "name": format!("t{n}")}));
        ports.push(port);
    }
    let made = demo.post(&all, json!({"trunks": items})).await.expect(201);
    let trunks = made["trunks"].as_array().unwrap();
    let names = |listed: Value| -> Vec<String> {
        let rows = listed["trunks"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    for tag in ["red", "blue"] {
        let path = format!("{}/tags/{tag}", url(&trunks[1]));
        assert_eq!(demo.put(&path, json!({})).await.status, 201);
    }
    for (query, expected) in [
        ("sort_key=name&sort_dir=desc".to_owned(), vec!["t2", "t1", "t0"]),
        (format!("port_id={}", id(&ports[2])), vec!["t2"]),
        (format!("port_id={}", id(&trunks[2])), vec![]),
        ("status=DOWN&name=t0".to_owned(), vec!["t0"]),
        ("status=ACTIVE".to_owned(), vec![]),
        ("admin_state_up=True&name=t1".to_owned(), vec!["t1"]),
        ("tags=red,blue".to_owned(), vec!["t1"]),
        ("not-tags=red&sort_key=name".to_owned(), vec!["t0", "t2"]),
        ("sort_key=name&limit=1".to_owned(), vec!["t0"]),
    ] {
        let listed = demo.get(&format!("{all}?{query}")).await.expect(200);
        assert_eq!(names(listed), expected, "{query}");
    }
    fault(demo.get(&format!("{all}?colour=red")).await, 400, "HTTPBadRequest");
    let page = demo.get(&format!("{all}?limit=2&sort_key=name")).await.expect(200);
    assert_eq!(page["trunks_links"][0]["rel"], "next");

    assert_eq!(other.get(&all).await.expect(200), json!({"trunks": []}));
    let subports = json!({"sub_ports": []});
    fault(other.get(&url(&trunks[0])).await, 404, "TrunkNotFound");
    fault(other.delete(&url(&trunks[0])).await, 404, "TrunkNotFound");
    fault(
        other.get(&action(&trunks[0], "get_subports")).await,
        404,
        "TrunkNotFound",
    );
    for verb in ["add_subports", "remove_subports"] {
        fault(
            other.put(&action(&trunks[0], verb), subports.clone()).await,
            404,
            "TrunkNotFound",
        );
    }
    assert_eq!(names(admin.get(&all).await.expect(200)).len(), 3);
    let theirs = json!({"trunk": {"port_id": port(&other).await["id"], "project_id": demo.project_id}});
    fault(other.post(&all, theirs).await, 400, "HTTPBadRequest");

    // The quota: none at first.
    let quota = format!("{V2}/quotas/{}", demo.project_id);
    assert_eq!(demo.get(&quota).await.expect(200)["quota"]["trunk"], -1);
    admin.put(&quota, json!({"quota": {"trunk": 3}})).await.expect(200);
    let details = demo.get(&format!("{quota}/details")).await.expect(200);
    assert_eq!(details["quota"]["trunk"], json!({"limit": 3, "used": 3, "reserved": 0}));
    let more = json!({"trunk": {"port_id": port(&demo).await["id"]}});
    fault(demo.post(&all, more).await, 409, "OverQuota");
}

/// A running server with a port that the user gave it.
async fn server_of(client: &Client, parent: &Value) -> String {
    let means = Means::make(client).await;
    let mut body = means.server("vm");
    body["server"]["networks"] = json!([{"port": parent["id"]}]);
    let made = client.post(&compute::url("servers"), body).await.expect(202);
    let server = compute::text(&made["server"]["id"]);
    compute::wait_for(client, &server, "ACTIVE").await;
    server
}

async fn parent_with_subnet(client: &Client) -> Value {
    let network = compute::make_network(client, "trunked", "10.77.0.0/24").await;
    make(client, "ports", "port", json!({"network_id": network})).await
}

fn planned(cloud: &TestCloud, trunk: &Value) -> bool {
    let trunk: TrunkId = id(trunk).parse().unwrap();
    cloud.node.wanted().trunks.contains_key(&trunk)
}

#[tokio::test]
async fn a_trunk_is_up_where_its_server_runs() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let (parent, subport) = (parent_with_subnet(&demo).await, port(&demo).await);
    let body = json!({"port_id": parent["id"], "sub_ports": [tagged(&subport, 100)]});
    let trunk = make(&demo, "trunks", "trunk", body).await;
    assert!(!planned(&cloud, &trunk));
    let host = |port: Value| port["binding:host_id"].clone();
    assert_eq!(host(shown(&admin, "ports", "port", &subport).await), "");
    let server = server_of(&demo, &parent).await;
    wait_trunk(&demo, &trunk, "ACTIVE").await;
    wait_for(&demo, "ports", "port", &subport, "ACTIVE").await;
    let seen = shown(&admin, "ports", "port", &subport).await;
    assert_eq!(
        (&seen["device_owner"], &seen["device_id"]),
        (&json!(SUBPORT), &json!(""))
    );
    assert_eq!(host(seen), "host-1");
    assert!(planned(&cloud, &trunk));

    // While the server runs: subports come and go, the trunk may itself.
    let more = port(&demo).await;
    let body = json!({"sub_ports": [tagged(&more, 101)]});
    let grown = demo
        .put(&action(&trunk, "add_subports"), body.clone())
        .await
        .expect(200);
    assert_eq!(grown["status"], "BUILD");
    wait_trunk(&demo, &trunk, "ACTIVE").await;
    assert_eq!(shown(&demo, "ports", "port", &more).await["status"], "ACTIVE");
    demo.put(&action(&trunk, "remove_subports"), body).await.expect(200);
    wait_trunk(&demo, &trunk, "ACTIVE").await;
    wait_for(&demo, "ports", "port", &more, "DOWN").await;

    // What is switched off is as it should be; what can't be made is not.
    let subport_url = format!("{V2}/ports/{}", id(&subport));
    let switch = |up: bool| json!({"port": {"admin_state_up": up}});
    demo.put(&subport_url, switch(false)).await.expect(200);
    wait_for(&demo, "ports", "port", &subport, "DOWN").await;
    wait_trunk(&demo, &trunk, "ACTIVE").await;
    demo.put(&subport_url, switch(true)).await.expect(200);
    wait_for(&demo, "ports", "port", &subport, "ACTIVE").await;
    let subport_id: PortId = id(&subport).parse().unwrap();
    cloud.node.fail_port(subport_id, "no veth");
    wait_trunk(&demo, &trunk, "DEGRADED").await;
    cloud.node.mend();
    wait_trunk(&demo, &trunk, "ACTIVE").await;
    let network: NetworkId = subport["network_id"].as_str().unwrap().parse().unwrap();
    cloud.node.fail_network(network, "no bridge");
    wait_trunk(&demo, &trunk, "DEGRADED").await;
    cloud.node.mend();
    cloud.node.fail_trunk(id(&trunk).parse().unwrap(), "no program");
    wait_trunk(&demo, &trunk, "ERROR").await;
    let refused = json!({"sub_ports": [tagged(&more, 102)]});
    fault(
        demo.put(&action(&trunk, "add_subports"), refused).await,
        409,
        "TrunkInErrorState",
    );
    cloud.node.mend();
    wait_trunk(&demo, &trunk, "ACTIVE").await;

    // Off, and on again.
    compute::act(&demo, &server, json!({"os-stop": null})).await.expect(202);
    compute::wait_for(&demo, &server, "SHUTOFF").await;
    wait_trunk(&demo, &trunk, "DOWN").await;
    wait_for(&demo, "ports", "port", &subport, "DOWN").await;
    compute::act(&demo, &server, json!({"os-start": null}))
        .await
        .expect(202);
    wait_trunk(&demo, &trunk, "ACTIVE").await;

    // The cloud starts anew; its host makes everything again.
    let cloud = cloud.restart().await;
    let again = wait_trunk(&demo, &trunk, "ACTIVE").await;
    assert_eq!(again["sub_ports"], json!([tagged(&subport, 100)]));

    demo.delete(&compute::url(&format!("servers/{server}")))
        .await
        .expect(204);
    compute::wait_gone(&demo, &server).await;
    wait_trunk(&demo, &trunk, "DOWN").await;
    wait_for(&demo, "ports", "port", &subport, "DOWN").await;
    let left = shown(&demo, "ports", "port", &parent).await;
    assert_eq!(left["device_id"], "");
    assert_eq!(left["trunk_details"]["trunk_id"], trunk["id"]);
    demo.delete(&url(&trunk)).await.expect(204);
    drop(cloud);
}

#[tokio::test]
async fn a_running_servers_port_becomes_a_trunk_and_outlives_it() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let server = means.boot(&demo, "vm").await;
    let listed = demo.get(&format!("{V2}/ports?device_id={server}")).await.expect(200);
    let parent = listed["ports"][0].clone();
    let private = by_name(&demo, "networks", "private").await;
    let subport = make(&demo, "ports", "port", json!({"network_id": private["id"]})).await;
    let body = json!({"port_id": parent["id"], "sub_ports": [tagged(&subport, 7)]});
    let trunk = make(&demo, "trunks", "trunk", body).await;
    wait_trunk(&demo, &trunk, "ACTIVE").await;
    // Subports are nobody's NICs.
    let body = json!({"interfaceAttachment": {"port_id": subport["id"]}});
    let path = compute::url(&format!("servers/{server}/os-interface"));
    let refused = demo.post(&path, body).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    demo.delete(&url(&trunk)).await.expect(204);
    wait_for(&demo, "ports", "port", &subport, "DOWN").await;
    let trunk = make(&demo, "trunks", "trunk", json!({"port_id": parent["id"]})).await;
    wait_trunk(&demo, &trunk, "ACTIVE").await;

    // Nova made the port, and would delete it with the server: Neutron keeps what a trunk was made of.
    demo.delete(&compute::url(&format!("servers/{server}")))
        .await
        .expect(204);
    compute::wait_gone(&demo, &server).await;
    wait_trunk(&demo, &trunk, "DOWN").await;
    let left = wait_for(&demo, "ports", "port", &parent, "DOWN").await;
    assert_eq!((&left["device_id"], &left["device_owner"]), (&json!(""), &json!("")));
    demo.delete(&url(&trunk)).await.expect(204);
    demo.delete(&format!("{V2}/ports/{}", id(&parent))).await.expect(204);
}
