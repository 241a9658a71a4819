//! Good bodies with one value made odd: never a 500, never a half-made thing, and the cloud goes on.

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::cloud::{Answer, Client};
use crate::compute::{self, Means, text};
use crate::network::{V2, by_name, id, start};

/// A request that succeeds as it stands (or would, if it were sent once).
struct Sound {
    method: Method,
    path: String,
    body: Value,
    /// Sent with it.
    microversion: Option<&'static str>,
}

impl Sound {
    fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body,
            microversion: None,
        }
    }

    fn put(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::PUT,
            ..Self::post(path, body)
        }
    }

    fn patch(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::PATCH,
            ..Self::post(path, body)
        }
    }

    fn at(self, microversion: &'static str) -> Self {
        Self {
            microversion: Some(microversion),
            ..self
        }
    }
}

/// What is put in place of a value, or beside it.
fn odd_values() -> Vec<Value> {
    let long = "ㅎ".repeat(5000);
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("\u{0}\u{202e}마루\u{1F600}'\";--"),
        json!("11111111-2222-4333-8444-555555555555"),
        json!("-1"),
        json!("255.255.255.255/33"),
        json!("0.0.0.0/0"),
        json!("::/0"),
        json!("ff02::1"),
        json!("9999-99-99T99:99:99Z"),
        json!(long),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
        json!([{}]),
        json!([{}, {}]),
        json!({"": ""}),
        json!({"a": {"b": []}}),
        json!(["a", "a"]),
    ]
}

/// The paths of all values within.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    if !here.is_empty() {
        found.push(here.to_owned());
    }
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(inner, &format!("{here}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                places(inner, &format!("{here}/{index}"), found);
            }
        }
        _ => {}
    }
}

async fn send(client: &Client, sound: &Sound, body: Value) -> Answer {
    let client = match sound.microversion {
        Some(version) => compute::at(client, version),
        None => client.clone(),
    };
    let client = client.with("accept", "application/json");
    client.send_json(sound.method.clone(), &sound.path, body).await
}

/// Tries every odd value at every place of every body.
async fn try_all(client: &Client, sounds: &[Sound]) -> usize {
    let mut tried = 0;
    for sound in sounds {
        let mut found = Vec::new();
        places(&sound.body, "", &mut found);
        for place in &found {
            for odd in odd_values() {
                let mut body = sound.body.clone();
                *body.pointer_mut(place).expect("a place of this body") = odd.clone();
                let answer = send(client, sound, body).await;
                tried += 1;
                let sent = odd.to_string();
                let sent: String = sent.chars().take(60).collect();
                assert!(
                    answer.status < 500 || answer.status == 501,
                    "{place} = {sent}: {answer:?}"
                );
                let has_words = answer.status < 400 || answer.json.is_object();
                assert!(has_words, "{place} = {sent}: {answer:?}");
            }
        }
        // A field that nobody knows is refused or left aside, like the rest.
        let mut body = sound.body.clone();
        if let Some(inner) = body.as_object_mut().and_then(|map| map.values_mut().next())
            && let Some(map) = inner.as_object_mut()
        {
            map.insert("no_such_field".into(), json!({"a": 1}));
            let answer = send(client, sound, body).await;
            assert!(answer.status < 500, "{answer:?}");
        }
    }
    tried
}

/// Nothing that was made may stand in the way of showing it.
async fn all_lists_answer(client: &Client, lists: &[&str]) {
    for path in lists {
        client.get(path).await.expect(200);
    }
}

#[tokio::test]
async fn no_value_of_networking_makes_a_500() {
    let cloud = start().await;
    let admin = cloud.admin().await;
    let demo = cloud.demo().await;
    let quota = json!({"quota": {
        "network": -1, "subnet": -1, "port": -1, "router": -1, "floatingip": -1, "security_group": -1,
        "security_group_rule": -1, "subnetpool": -1,
    }});
    for client in [&admin, &demo] {
        let path = format!("{V2}/quotas/{}", client.project_id);
        admin.put(&path, quota.clone()).await.expect(200);
    }
    let public = by_name(&demo, "networks", "public").await;
    let private = by_name(&demo, "networks", "private").await;
    let router = by_name(&demo, "routers", "router1").await;
    let group = by_name(&demo, "security-groups", "default").await;
    let new = |plural: &str, name: &str, body: Value| Sound::post(format!("{V2}/{plural}"), json!({name: body}));
    let made = |answer: Value, name: &str| text(&answer[name]["id"]);
    let port = demo
        .post(&format!("{V2}/ports"), json!({"port": {"network_id": id(&private)}}))
        .await;
    let port = made(port.expect(201), "port");
    let means = json!({"port": {"network_id": id(&private)}});
    let mut trunk_ports = Vec::new();
    for _ in 0..3 {
        let answer = demo.post(&format!("{V2}/ports"), means.clone()).await;
        trunk_ports.push(made(answer.expect(201), "port"));
    }
    let trunk = json!({"trunk": {"port_id": trunk_ports[0]}});
    let trunk = made(demo.post(&format!("{V2}/trunks"), trunk).await.expect(201), "trunk");
    let subport = json!({"port_id": trunk_ports[1], "segmentation_type": "vlan", "segmentation_id": 9});
    let floating = json!({"floatingip": {"floating_network_id": id(&public)}});
    let floating = made(
        demo.post(&format!("{V2}/floatingips"), floating).await.expect(201),
        "floatingip",
    );
    let sounds = [
        new(
            "networks",
            "network",
            json!({"name": "n", "mtu": 1400, "port_security_enabled": true, "description": "d"}),
        ),
        new(
            "subnets",
            "subnet",
            json!({
                "network_id": id(&private), "ip_version": 4, "cidr": "10.9.0.0/24", "gateway_ip": "10.9.0.1",
                "allocation_pools": [{"start": "10.9.0.10", "end": "10.9.0.20"}], "dns_nameservers": ["1.1.1.1"],
                "host_routes": [{"destination": "10.8.0.0/24", "nexthop": "10.9.0.2"}], "enable_dhcp": true,
            }),
        ),
        new(
            "subnets",
            "subnet",
            json!({
                "network_id": id(&private), "ip_version": 6, "cidr": "fd01::/64", "ipv6_ra_mode": "slaac",
                "ipv6_address_mode": "slaac",
            }),
        ),
        new(
            "subnetpools",
            "subnetpool",
            json!({
                "name": "p", "prefixes": ["10.128.0.0/16"], "default_prefixlen": 26, "min_prefixlen": 20, "max_prefixlen": 28,
            }),
        ),
        new(
            "ports",
            "port",
            json!({
                "network_id": id(&private), "fixed_ips": [{"ip_address": "10.0.0.40"}], "mac_address": "fa:16:3e:01:02:03",
                "allowed_address_pairs": [{"ip_address": "10.0.0.0/30", "mac_address": "fa:16:3e:01:02:04"}],
                "security_groups": [id(&group)], "device_id": "d", "device_owner": "compute:x", "dns_name": "n",
                "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}], "admin_state_up": true,
            }),
        ),
        new(
            "routers",
            "router",
            json!({
                "name": "r", "external_gateway_info": {"network_id": id(&public)}, "admin_state_up": true,
                "enable_ndp_proxy": false,
            }),
        ),
        new(
            "ndp_proxies",
            "ndp_proxy",
            json!({
                "name": "n", "description": "d", "router_id": id(&router), "port_id": port, "ip_address": "fd00::9",
            }),
        ),
        new(
            "floatingips",
            "floatingip",
            json!({
                "floating_network_id": id(&public), "port_id": port, "fixed_ip_address": "10.0.0.40", "description": "d",
            }),
        ),
        new(
            "security-groups",
            "security_group",
            json!({"name": "g", "description": "d", "stateful": true}),
        ),
        new(
            "security-group-rules",
            "security_group_rule",
            json!({
                "security_group_id": id(&group), "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
                "port_range_min": 22, "port_range_max": 23, "remote_ip_prefix": "10.0.0.0/8", "description": "d",
            }),
        ),
        Sound::put(
            format!("{V2}/networks/{}", id(&private)),
            json!({"network": {"name": "private", "mtu": 1400}}),
        ),
        Sound::put(
            format!("{V2}/ports/{port}"),
            json!({"port": {"name": "p", "admin_state_up": true}}),
        ),
        Sound::put(
            format!("{V2}/floatingips/{floating}"),
            json!({"floatingip": {"port_id": port}}),
        ),
        Sound::put(
            format!("{V2}/routers/{}", id(&router)),
            json!({"router": {
                "routes": [{"destination": "10.7.0.0/24", "nexthop": "10.0.0.9"}],
            }}),
        ),
        Sound::put(
            format!("{V2}/routers/{}/add_router_interface", id(&router)),
            json!({"port_id": port}),
        ),
        new(
            "trunks",
            "trunk",
            json!({
                "name": "n", "description": "d", "admin_state_up": true, "port_id": trunk_ports[2], "sub_ports": [subport],
            }),
        ),
        Sound::put(
            format!("{V2}/trunks/{trunk}"),
            json!({"trunk": {"name": "n", "admin_state_up": true}}),
        ),
        Sound::put(
            format!("{V2}/trunks/{trunk}/add_subports"),
            json!({"sub_ports": [subport]}),
        ),
        Sound::put(
            format!("{V2}/trunks/{trunk}/remove_subports"),
            json!({"sub_ports": [subport]}),
        ),
        Sound::put(format!("{V2}/networks/{}/tags", id(&private)), json!({"tags": ["a"]})),
        Sound::put(format!("{V2}/quotas/{}", demo.project_id), quota.clone()),
    ];
    // The administrator may say more: owner, provider's attributes, MAC.
    for client in [&demo, &admin] {
        let tried = try_all(client, &sounds).await;
        assert!(tried > 1000);
        let lists = [
            "networks",
            "subnets",
            "ports",
            "routers",
            "floatingips",
            "ndp_proxies",
            "trunks",
            "security-groups",
            "subnetpools",
        ];
        let lists = lists.map(|plural| format!("{V2}/{plural}"));
        all_lists_answer(client, &lists.each_ref().map(String::as_str)).await;
    }
}

#[tokio::test]
async fn no_value_of_compute_makes_a_500() {
    let cloud = start().await;
    let admin = cloud.admin().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    let server = means.boot(&demo, "vm").await;
    let mut full = means.server("vm");
    let more = json!({
        "metadata": {"k": "v"}, "user_data": "aGk=", "config_drive": true, "min_count": 1, "max_count": 1, "tags": ["t"],
        "security_groups": [{"name": "default"}], "availability_zone": "nova", "description": "d", "hostname": "h",
        "OS-DCF:diskConfig": "AUTO",
    });
    let more = more.as_object().cloned().unwrap_or_else(Map::new);
    full["server"].as_object_mut().unwrap().extend(more);
    full["os:scheduler_hints"] = json!({"group": "11111111-2222-4333-8444-555555555555"});
    let act = |body: Value| Sound::post(compute::url(&format!("servers/{server}/action")), body);
    let sounds = [
        Sound::post(compute::url("servers"), full).at(compute::NEWEST),
        Sound::post(compute::url("servers"), means.server("old")),
        Sound::put(
            compute::url(&format!("servers/{server}")),
            json!({"server": {"name": "n", "accessIPv4": "1.2.3.4"}}),
        ),
        Sound::post(
            compute::url("os-keypairs"),
            json!({"keypair": {"name": "k", "type": "ssh"}}),
        )
        .at("2.91"),
        act(json!({"reboot": {"type": "SOFT"}})),
        act(json!({"addSecurityGroup": {"name": "default"}})),
        act(json!({"os-getConsoleOutput": {"length": 5}})),
        Sound::post(
            compute::url(&format!("servers/{server}/metadata")),
            json!({"metadata": {"k": "v"}}),
        ),
        Sound::put(compute::url(&format!("servers/{server}/tags")), json!({"tags": ["a"]})).at(compute::NEWEST),
        Sound::post(
            compute::url(&format!("servers/{server}/os-interface")),
            json!({"interfaceAttachment": {"net_id": means.network, "fixed_ips": [{"ip_address": "10.1.0.77"}]}}),
        ),
        Sound::post(
            compute::url("os-server-groups"),
            json!({"server_group": {"name": "g", "policy": "affinity"}}),
        )
        .at(compute::NEWEST),
    ];
    try_all(&demo, &sounds).await;
    let of_admin = [
        Sound::post(
            compute::url("flavors"),
            json!({"flavor": {
                "name": "f", "ram": 64, "vcpus": 1, "disk": 1, "OS-FLV-EXT-DATA:ephemeral": 0, "swap": 0, "id": "f1",
                "rxtx_factor": 1.0, "os-flavor-access:is_public": true, "description": "d",
            }}),
        )
        .at(compute::NEWEST),
        Sound::post(
            compute::url("flavors/42/os-extra_specs"),
            json!({"extra_specs": {"hw:cpu_policy": "shared"}}),
        )
        .at(compute::NEWEST),
        Sound::put(
            compute::url(&format!("os-quota-sets/{}", demo.project_id)),
            json!({"quota_set": {
                "instances": 10, "cores": 20, "ram": 51200, "force": true,
            }}),
        ),
    ];
    try_all(&admin, &of_admin).await;
    let lists = [
        "servers/detail",
        "flavors/detail",
        "os-keypairs",
        "os-server-groups",
        "limits",
    ]
    .map(compute::url);
    all_lists_answer(&demo, &lists.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn no_value_of_identity_or_image_makes_a_500() {
    let cloud = start().await;
    let admin = cloud.admin().await;
    let v3 = |path: &str| format!("/identity/v3/{path}");
    let user = json!({"name": "admin", "domain": {"id": "default"}, "password": "pass-word"});
    let image = admin.post("/image/v2/images", json!({"name": "i"})).await.expect(201);
    let sounds = [
        Sound::post(
            v3("auth/tokens"),
            json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
            }}),
        ),
        Sound::post(
            v3("domains"),
            json!({"domain": {"name": "d", "description": "d", "enabled": true}}),
        ),
        Sound::post(
            v3("projects"),
            json!({"project": {
                "name": "p", "domain_id": "default", "parent_id": "default", "enabled": true, "tags": ["t"], "description": "d",
            }}),
        ),
        Sound::post(
            v3("users"),
            json!({"user": {
                "name": "u", "password": "p", "domain_id": "default", "default_project_id": admin.project_id,
                "email": "u@example.org", "enabled": true, "options": {"ignore_password_expiry": true},
            }}),
        ),
        Sound::post(
            v3("groups"),
            json!({"group": {"name": "g", "domain_id": "default", "description": "d"}}),
        ),
        Sound::post(
            v3("roles"),
            json!({"role": {"name": "r", "description": "d", "options": {"immutable": false}}}),
        ),
        Sound::post(
            v3("regions"),
            json!({"region": {"id": "r", "description": "d", "parent_region_id": "RegionOne"}}),
        ),
        Sound::post(
            v3("services"),
            json!({"service": {"type": "t", "name": "s", "enabled": true}}),
        ),
        Sound::post(
            v3(&format!("users/{}/application_credentials", admin.user_id)),
            json!({"application_credential": {
                "name": "a", "expires_at": "2099-01-01T00:00:00", "roles": [{"name": "reader"}], "unrestricted": false,
            }}),
        ),
        Sound::post(
            "/image/v2/images",
            json!({
                "name": "i", "disk_format": "raw", "container_format": "bare", "visibility": "private", "min_disk": 0,
                "min_ram": 0, "protected": false, "tags": ["t"], "os_type": "linux",
            }),
        ),
        Sound::patch(
            format!("/image/v2/images/{}", text(&image["id"])),
            json!([
                {"op": "replace", "path": "/name", "value": "n"}, {"op": "add", "path": "/x", "value": "y"},
            ]),
        ),
    ];
    let admin_of_images = admin
        .clone()
        .with("content-type", "application/openstack-images-v2.1-json-patch");
    for sound in &sounds {
        let client = if sound.method == Method::PATCH {
            &admin_of_images
        } else {
            &admin
        };
        try_all(client, std::slice::from_ref(sound)).await;
    }
    let lists = [
        "domains",
        "projects",
        "users",
        "groups",
        "roles",
        "regions",
        "services",
        "role_assignments",
    ]
    .map(v3);
    all_lists_answer(&admin, &lists.each_ref().map(String::as_str)).await;
    all_lists_answer(&admin, &["/image/v2/images", "/identity/v3/auth/catalog"]).await;
}
