//! Agents (`agent`) and what is scheduled to them (`dhcp_agent_scheduler`, `l3_agent_scheduler`): what is taken from an
//! agent is really taken from the host.

use std::time::Duration;

use model::host::HostReport;
use model::{NetworkId, RouterId, bootstrap};
use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::network::{V2, by_name, fault, id, make, start};

/// The host's agent of a type.
async fn agent(admin: &Client, kind: &str) -> Value {
    let list = admin
        .get(&format!("{V2}/agents?agent_type={}", kind.replace(' ', "%20")))
        .await;
    let mut list = list.expect(200);
    let agents = list["agents"].as_array_mut().unwrap();
    assert_eq!(agents.len(), 1, "{agents:?}");
    agents.remove(0)
}

fn url(agent: &Value) -> String {
    format!("{V2}/agents/{}", id(agent))
}

/// The ids in a list.
async fn ids(client: &Client, path: &str, plural: &str) -> Vec<String> {
    let list = client.get(&format!("{V2}/{path}")).await.expect(200);
    list[plural]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| id(row).to_owned())
        .collect()
}

/// Waits until the host has done what it was asked, and looks at what it says.
async fn host<T>(cloud: &TestCloud, look: impl Fn(&HostReport) -> T, wanted: &T)
where
    T: PartialEq + std::fmt::Debug,
{
    let mut seen = None;
    for _ in 0..2000 {
        let report = cloud.control.host_report().borrow().clone();
        let now = look(&report);
        if now == *wanted {
            return;
        }
        seen = Some(now);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{wanted:?} never came, but {seen:?}");
}

async fn status(client: &Client, plural: &str, name: &str, row: &Value, wanted: &str) -> Value {
    let mut seen = Value::Null;
    for _ in 0..2000 {
        seen = client.get(&format!("{V2}/{plural}/{}", id(row))).await.expect(200)[name].take();
        if seen["status"] == wanted {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{wanted} never came: {seen:#}");
}

/// The network's DHCP port.
async fn dhcp_port(client: &Client, network: &Value) -> Value {
    let path = format!("{V2}/ports?device_owner=network:dhcp&network_id={}", id(network));
    let mut list = client.get(&path).await.expect(200);
    let ports = list["ports"].as_array_mut().unwrap();
    assert_eq!(ports.len(), 1, "{ports:?}");
    ports.remove(0)
}

#[tokio::test]
async fn an_agent_is_what_is_said_of_it() {
    let cloud = start().await;
    cloud
        .run(|tx| Ok(bootstrap::agents_and_segments(tx, &"host-1".into())))
        .await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    // As Neutron's database, whatever the case.
    let dhcp = agent(&admin, "DHCP Agent").await;
    let again = agent(&admin, "dhcp agent").await;
    assert_eq!(
        (&dhcp["created_at"], &dhcp["started_at"]),
        (&again["created_at"], &again["started_at"])
    );
    assert_eq!(
        (&dhcp["binary"], &dhcp["host"], &dhcp["admin_state_up"]),
        (&json!("neutron-dhcp-agent"), &json!("host-1"), &json!(true))
    );
    let l3 = agent(&admin, "L3 agent").await;
    assert_eq!(l3["configurations"]["extensions"][3], "port_forwarding");
    let none = admin.get(&format!("{V2}/agents?binary=ovn-controller")).await;
    assert_eq!(none.expect(200), json!({"agents": []}));
    let some = admin
        .get(&format!("{V2}/agents?alive=true&fields=binary"))
        .await
        .expect(200);
    assert_eq!(some["agents"][1], json!({"binary": "neutron-l3-agent"}));
    fault(
        admin.get(&format!("{V2}/agents?flavour=x")).await,
        400,
        "HTTPBadRequest",
    );

    let change = |attribute: &str, value: Value| json!({"agent": {attribute: value}});
    for (value, shown) in [(json!("kept warm"), json!("kept warm")), (Value::Null, Value::Null)] {
        let changed = admin.put(&url(&dhcp), change("description", value)).await.expect(200);
        assert_eq!(changed["agent"]["description"], shown);
    }
    admin
        .put(&url(&dhcp), change("description", json!("mine")))
        .await
        .expect(200);
    for (name, value) in [
        ("host", json!("moon")),
        ("agent_type", json!("L3 agent")),
        ("alive", json!(false)),
        ("description", json!("x".repeat(256))),
        ("admin_state_up", json!("perhaps")),
        ("colour", json!("red")),
    ] {
        fault(admin.put(&url(&dhcp), change(name, value)).await, 400, "HTTPBadRequest");
    }
    let nobody = format!("{V2}/agents/{}", uuid::Uuid::nil());
    fault(admin.delete(&nobody).await, 404, "AgentNotFound");
    fault(
        admin.put(&nobody, change("description", json!(""))).await,
        404,
        "AgentNotFound",
    );
    for (answer, what) in [
        (demo.get(&url(&dhcp)).await, "get"),
        (demo.put(&url(&dhcp), change("description", json!(""))).await, "put"),
        (demo.delete(&url(&dhcp)).await, "delete"),
    ] {
        assert_eq!(answer.status, 403, "{what}");
    }
    // One that is alive comes back, and nothing of what was said of it.
    admin.delete(&url(&dhcp)).await.expect(204);
    let back = agent(&admin, "DHCP agent").await;
    assert_eq!((&back["id"], &back["description"]), (&dhcp["id"], &Value::Null));
}

#[tokio::test]
async fn a_network_is_taken_from_its_dhcp_agent_and_given_back() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let (dhcp, l3) = (agent(&admin, "DHCP agent").await, agent(&admin, "L3 agent").await);
    let list = format!("agents/{}/dhcp-networks", id(&dhcp));
    let all = format!("{V2}/{list}");

    // One without a subnet is nowhere, unless somebody says so.
    let network = make(&demo, "networks", "network", json!({})).await;
    let of_network = format!("networks/{}/dhcp-agents", id(&network));
    assert!(!ids(&admin, &list, "networks").await.contains(&id(&network).to_owned()));
    let body = json!({"network_id": network["id"]});
    assert_eq!(admin.post(&all, body.clone()).await.expect(201), Value::Null);
    assert!(ids(&admin, &list, "networks").await.contains(&id(&network).to_owned()));
    fault(admin.post(&all, body.clone()).await, 409, "NetworkHostedByDHCPAgent");
    let one = format!("{all}/{}", id(&network));
    admin.delete(&one).await.expect(204);
    assert!(!ids(&admin, &list, "networks").await.contains(&id(&network).to_owned()));
    fault(admin.delete(&one).await, 409, "NetworkNotHostedByDhcpAgent");
    admin.post(&all, body.clone()).await.expect(201);

    // With a subnet it has DHCP on the host.
    let subnet = json!({"network_id": network["id"], "ip_version": 4, "cidr": "10.9.0.0/24"});
    make(&demo, "subnets", "subnet", subnet).await;
    let port = dhcp_port(&demo, &network).await;
    status(&demo, "ports", "port", &port, "ACTIVE").await;
    assert_eq!(ids(&admin, &of_network, "agents").await, [id(&dhcp)]);
    let network_id: NetworkId = id(&network).parse().unwrap();
    let serves = |report: &HostReport| report.networks.contains_key(&network_id);
    host(&cloud, serves, &true).await;
    admin.delete(&one).await.expect(204);
    host(&cloud, serves, &false).await;
    assert!(ids(&admin, &of_network, "agents").await.is_empty());
    let shown = demo.get(&format!("{V2}/networks/{}", id(&network))).await.expect(200);
    assert_eq!(shown["network"]["availability_zones"], json!([]));
    let kept = status(&demo, "ports", "port", &port, "DOWN").await;
    assert_eq!(
        (&kept["device_id"], &kept["fixed_ips"]),
        (&json!("reserved_dhcp_port"), &port["fixed_ips"])
    );
    // A port that somebody makes there does not bring it back.
    make(&demo, "ports", "port", json!({"network_id": network["id"]})).await;
    assert!(ids(&admin, &of_network, "agents").await.is_empty());
    admin.post(&all, body.clone()).await.expect(201);
    host(&cloud, serves, &true).await;
    let back = status(&demo, "ports", "port", &port, "ACTIVE").await;
    assert_eq!(
        (&back["device_id"], &back["fixed_ips"]),
        (&port["device_id"], &port["fixed_ips"])
    );

    // What is no DHCP agent serves no network, and what does not exist is not found.
    let foreign = format!("{V2}/agents/{}/dhcp-networks", id(&l3));
    fault(admin.post(&foreign, body.clone()).await, 404, "InvalidDHCPAgent");
    assert_eq!(admin.get(&foreign).await.expect(200), json!({"networks": []}));
    let nobody = format!("{V2}/agents/{}/dhcp-networks", uuid::Uuid::nil());
    fault(admin.get(&nobody).await, 404, "AgentNotFound");
    let missing = json!({"network_id": uuid::Uuid::nil()});
    fault(admin.post(&all, missing).await, 404, "NetworkNotFound");
    fault(admin.post(&all, json!({})).await, 400, "HTTPBadRequest");
    fault(
        admin.delete(&format!("{all}/moon")).await,
        409,
        "NetworkNotHostedByDhcpAgent",
    );
    assert_eq!(demo.get(&all).await.status, 403);
    assert_eq!(demo.post(&all, body).await.status, 403);
    assert_eq!(demo.delete(&one).await.status, 403);
    let public = by_name(&demo, "networks", "public").await;
    let refused = admin.post(&all, json!({"network_id": public["id"]})).await;
    fault(refused, 409, "HTTPConflict");

    // A reserved port goes with its network.
    admin.delete(&one).await.expect(204);
    for port in ids(&demo, &format!("ports?network_id={network_id}&device_owner="), "ports").await {
        demo.delete(&format!("{V2}/ports/{port}")).await.expect(204);
    }
    demo.delete(&format!("{V2}/networks/{network_id}")).await.expect(204);
    assert_eq!(demo.get(&format!("{V2}/ports/{}", id(&port))).await.status, 404);
}

#[tokio::test]
async fn a_dhcp_port_that_is_switched_off_serves_nothing() {
    let cloud = start().await;
    let demo = cloud.demo().await;
    let private = by_name(&demo, "networks", "private").await;
    let port = dhcp_port(&demo, &private).await;
    status(&demo, "ports", "port", &port, "ACTIVE").await;
    let own = format!("{V2}/ports/{}", id(&port));
    for (up, wanted) in [(false, "DOWN"), (true, "ACTIVE")] {
        demo.put(&own, json!({"port": {"admin_state_up": up}}))
            .await
            .expect(200);
        status(&demo, "ports", "port", &port, wanted).await;
        let network_id: NetworkId = id(&private).parse().unwrap();
        let config = cloud.control.host_config().borrow().clone();
        assert_eq!(config.networks[&network_id].service_port.is_some(), up);
    }
}

#[tokio::test]
async fn a_router_is_taken_from_its_l3_agent_and_given_back() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let (dhcp, l3) = (agent(&admin, "DHCP agent").await, agent(&admin, "L3 agent").await);
    let router = by_name(&demo, "routers", "router1").await;
    let (private, public) = (
        by_name(&demo, "networks", "private").await,
        by_name(&demo, "networks", "public").await,
    );
    let port = make(&demo, "ports", "port", json!({"network_id": private["id"]})).await;
    let floating = json!({"floating_network_id": public["id"], "port_id": port["id"]});
    let floating = make(&demo, "floatingips", "floatingip", floating).await;
    status(&demo, "floatingips", "floatingip", &floating, "ACTIVE").await;
    let gateway = format!(
        "{V2}/ports?device_owner=network:router_gateway&device_id={}",
        id(&router)
    );
    let gateway = admin.get(&gateway).await.expect(200)["ports"][0].take();
    status(&admin, "ports", "port", &gateway, "ACTIVE").await;

    let list = format!("agents/{}/l3-routers", id(&l3));
    let all = format!("{V2}/{list}");
    let one = format!("{all}/{}", id(&router));
    let of_router = format!("routers/{}/l3-agents", id(&router));
    assert_eq!(ids(&admin, &list, "routers").await, [id(&router)]);
    assert_eq!(ids(&admin, &of_router, "agents").await, [id(&l3)]);
    let router_id: RouterId = id(&router).parse().unwrap();
    let stands = |report: &HostReport| report.routers.contains_key(&router_id);
    host(&cloud, stands, &true).await;

    admin.delete(&one).await.expect(204);
    // From an agent that it is not on it is gone as well.
    admin.delete(&one).await.expect(204);
    assert!(ids(&admin, &of_router, "agents").await.is_empty());
    assert!(ids(&admin, &list, "routers").await.is_empty());
    host(&cloud, stands, &false).await;
    status(&demo, "floatingips", "floatingip", &floating, "DOWN").await;
    status(&admin, "ports", "port", &gateway, "DOWN").await;
    let shown = demo.get(&format!("{V2}/routers/{router_id}")).await.expect(200);
    assert_eq!(shown["router"]["availability_zones"], json!([]));
    // A change does not bring it back.
    let renamed = json!({"router": {"name": "renamed"}});
    demo.put(&format!("{V2}/routers/{router_id}"), renamed)
        .await
        .expect(200);
    assert!(ids(&admin, &of_router, "agents").await.is_empty());

    let body = json!({"router_id": router["id"]});
    for _ in 0..2 {
        assert_eq!(admin.post(&all, body.clone()).await.expect(201), Value::Null);
    }
    assert_eq!(ids(&admin, &of_router, "agents").await, [id(&l3)]);
    host(&cloud, stands, &true).await;
    status(&demo, "floatingips", "floatingip", &floating, "ACTIVE").await;
    status(&admin, "ports", "port", &gateway, "ACTIVE").await;

    let foreign = format!("{V2}/agents/{}/l3-routers", id(&dhcp));
    fault(admin.post(&foreign, body.clone()).await, 404, "InvalidL3Agent");
    admin.delete(&format!("{foreign}/{router_id}")).await.expect(204);
    assert_eq!(ids(&admin, &of_router, "agents").await, [id(&l3)]);
    let nil = uuid::Uuid::nil();
    fault(admin.delete(&format!("{all}/{nil}")).await, 404, "RouterNotFound");
    fault(admin.post(&all, json!({"router_id": nil})).await, 404, "RouterNotFound");
    fault(
        admin.get(&format!("{V2}/agents/{nil}/l3-routers")).await,
        404,
        "AgentNotFound",
    );
    assert_eq!(demo.post(&all, body).await.status, 403);
    assert_eq!(demo.delete(&one).await.status, 403);
}

#[tokio::test]
async fn an_agent_that_is_switched_off_serves_nothing() {
    let cloud = start().await;
    let (admin, demo) = (cloud.admin().await, cloud.demo().await);
    let (dhcp, l3) = (agent(&admin, "DHCP agent").await, agent(&admin, "L3 agent").await);
    let router = by_name(&demo, "routers", "router1").await;
    let private = by_name(&demo, "networks", "private").await;
    let router_id: RouterId = id(&router).parse().unwrap();
    let network_id: NetworkId = id(&private).parse().unwrap();
    let stands = |report: &HostReport| report.routers.contains_key(&router_id);
    let serves = |cloud: &TestCloud| {
        let config = cloud.control.host_config().borrow().clone();
        config
            .networks
            .get(&network_id)
            .is_some_and(|network| network.service_port.is_some())
    };
    host(&cloud, stands, &true).await;
    assert!(serves(&cloud));
    for (up, is_seen) in [(false, false), (true, true)] {
        let change = json!({"agent": {"admin_state_up": up}});
        for agent in [&dhcp, &l3] {
            let changed = admin.put(&url(agent), change.clone()).await.expect(200);
            assert_eq!(changed["agent"]["admin_state_up"], up);
        }
        host(&cloud, stands, &is_seen).await;
        for _ in 0..2000 {
            if serves(&cloud) == is_seen {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(serves(&cloud), is_seen);
        // It is still scheduled there.
        assert_eq!(
            ids(&admin, &format!("routers/{router_id}/l3-agents"), "agents").await,
            [id(&l3)]
        );
        if !up {
            let body = json!({"router_id": router_id});
            let refused = admin.post(&format!("{}/l3-routers", url(&l3)), body).await;
            fault(refused, 404, "InvalidL3Agent");
            let body = json!({"network_id": network_id});
            let refused = admin.post(&format!("{}/dhcp-networks", url(&dhcp)), body).await;
            fault(refused, 404, "InvalidDHCPAgent");
        }
    }
}
