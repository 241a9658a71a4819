//! The shapes of bodies, microversion by microversion: exact sets of names, because clients and conformance tests refuse
//! both missing and further ones.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{Means, act, at, make_image, text, url, wait_for};

pub fn names(value: &Value) -> BTreeSet<String> {
    let object = value.as_object().unwrap_or_else(|| panic!("{value} is no object"));
    object.keys().cloned().collect()
}

pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What every server document has, for everyone, at 2.1.
const SERVER: &[&str] = &[
    "OS-DCF:diskConfig",
    "OS-EXT-AZ:availability_zone",
    "OS-EXT-STS:power_state",
    "OS-EXT-STS:task_state",
    "OS-EXT-STS:vm_state",
    "OS-SRV-USG:launched_at",
    "OS-SRV-USG:terminated_at",
    "accessIPv4",
    "accessIPv6",
    "addresses",
    "config_drive",
    "created",
    "flavor",
    "hostId",
    "id",
    "image",
    "key_name",
    "links",
    "metadata",
    "name",
    "os-extended-volumes:volumes_attached",
    "progress",
    "security_groups",
    "status",
    "tenant_id",
    "updated",
    "user_id",
];

/// What an administrator sees beside it, at 2.1.
const SERVER_ADMIN: &[&str] = &[
    "OS-EXT-SRV-ATTR:host",
    "OS-EXT-SRV-ATTR:hypervisor_hostname",
    "OS-EXT-SRV-ATTR:instance_name",
];

/// What later microversions add: for whom, since when, what.
const SERVER_SINCE: &[(bool, u16, &[&str])] = &[
    (
        true,
        3,
        &[
            "OS-EXT-SRV-ATTR:hostname",
            "OS-EXT-SRV-ATTR:kernel_id",
            "OS-EXT-SRV-ATTR:launch_index",
            "OS-EXT-SRV-ATTR:ramdisk_id",
            "OS-EXT-SRV-ATTR:reservation_id",
            "OS-EXT-SRV-ATTR:root_device_name",
            "OS-EXT-SRV-ATTR:user_data",
        ],
    ),
    (false, 9, &["locked"]),
    (true, 16, &["host_status"]),
    (false, 19, &["description"]),
    (false, 26, &["tags"]),
    (false, 63, &["trusted_image_certificates"]),
    (false, 71, &["server_groups"]),
    (false, 73, &["locked_reason"]),
    (false, 90, &["OS-EXT-SRV-ATTR:hostname"]),
    (false, 96, &["pinned_availability_zone"]),
    (false, 100, &["scheduler_hints"]),
];

const MINORS: &[u16] = &[
    1, 2, 3, 8, 9, 15, 16, 18, 19, 25, 26, 46, 47, 62, 63, 70, 71, 72, 73, 75, 89, 90, 95, 96, 99, 100,
];

fn server_names(minor: u16, is_admin: bool) -> BTreeSet<String> {
    let mut all = set(SERVER);
    if is_admin {
        all.extend(set(SERVER_ADMIN));
    }
    for (for_admins, since, added) in SERVER_SINCE {
        if minor >= *since && (is_admin || !for_admins) {
            all.extend(set(added));
        }
    }
    all
}

#[tokio::test]
async fn a_server_has_exactly_the_names_of_each_microversion() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    for (client, is_admin) in [(&demo, false), (&admin, true)] {
        for minor in MINORS {
            let client = at(client, &format!("2.{minor}"));
            let body = client.get(&url(&format!("servers/{id}"))).await.expect(200);
            assert_eq!(
                names(&body["server"]),
                server_names(*minor, is_admin),
                "show at 2.{minor}, admin: {is_admin}"
            );

            let list = client.get(&url("servers/detail?all_tenants=1")).await;
            let list = if is_admin {
                list.expect(200)
            } else {
                client.get(&url("servers/detail")).await.expect(200)
            };
            let mut wanted = server_names(*minor, is_admin);
            wanted.remove("server_groups");
            assert_eq!(names(&list["servers"][0]), wanted, "detail at 2.{minor}");
        }
    }
}

#[tokio::test]
async fn an_update_is_answered_shortly_below_2_75_and_wholly_from_there() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let update = async |minor: u16| {
        let body = json!({"server": {"name": format!("web-{minor}")}});
        let answer = at(&demo, &format!("2.{minor}"))
            .put(&url(&format!("servers/{id}")), body)
            .await;
        names(&answer.expect(200)["server"])
    };
    let short = set(&[
        "OS-DCF:diskConfig",
        "accessIPv4",
        "accessIPv6",
        "addresses",
        "created",
        "flavor",
        "hostId",
        "id",
        "image",
        "links",
        "metadata",
        "name",
        "progress",
        "status",
        "tenant_id",
        "updated",
        "user_id",
    ]);
    assert_eq!(update(1).await, short);
    let mut later = short;
    later.extend(set(&[
        "locked",
        "description",
        "tags",
        "trusted_image_certificates",
        "server_groups",
        "locked_reason",
    ]));
    assert_eq!(update(74).await, later);
    assert_eq!(update(75).await, server_names(75, false));
    assert_eq!(update(100).await, server_names(100, false));
}

#[tokio::test]
async fn parts_of_a_server_change_with_microversions() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let mut means = Means::make(&demo).await;
    means.image = make_image(&demo, json!({"hw_disk_bus": "virtio", "owner_note": "mine"})).await;
    let id = means.boot(&demo, "web").await;
    let show = async |minor: u16| {
        let client = at(&demo, &format!("2.{minor}"));
        client.get(&url(&format!("servers/{id}"))).await.expect(200)["server"].clone()
    };
    let old = show(1).await;
    assert_eq!(names(&old["flavor"]), set(&["id", "links"]));
    assert_eq!(
        old["flavor"]["links"][0]["href"],
        "http://127.0.0.1:5000/compute/flavors/42"
    );
    assert_eq!(names(&old["image"]), set(&["id", "links"]));
    assert_eq!(
        names(&old["addresses"]["net1"][0]),
        set(&["OS-EXT-IPS-MAC:mac_addr", "OS-EXT-IPS:type", "addr", "version"])
    );
    assert_eq!(
        old["links"][0]["href"],
        format!("http://127.0.0.1:5000/compute/v2.1/servers/{id}")
    );
    assert_eq!(old["config_drive"], "");

    let new = show(100).await;
    assert_eq!(
        names(&new["flavor"]),
        set(&[
            "disk",
            "ephemeral",
            "extra_specs",
            "original_name",
            "ram",
            "swap",
            "vcpus"
        ])
    );
    assert_eq!(new["image"]["properties"], json!({"hw_disk_bus": "virtio"}));
    assert_eq!(show(97).await["image"].get("properties"), None);
    assert_eq!(new["scheduler_hints"], json!({}));
    assert_eq!(new["trusted_image_certificates"], Value::Null);
    assert_eq!(
        new["description"], "web",
        "made at 2.1, where the description was the name"
    );
}

#[tokio::test]
async fn times_statuses_and_the_answer_to_a_creation_are_novas() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let means = Means::make(&demo).await;
    cloud.node.hold_every_server();
    let answer = demo.post(&url("servers"), means.server("web")).await;
    let location = text(&json!(answer.headers["location"].to_str().unwrap()));
    let body = answer.expect(202)["server"].clone();
    assert_eq!(
        names(&body),
        set(&["OS-DCF:diskConfig", "adminPass", "id", "links", "security_groups"])
    );
    assert_eq!(location, text(&body["links"][0]["href"]));
    assert_eq!(text(&body["adminPass"]).len(), 12);
    assert_eq!(body["security_groups"], json!([{"name": "default"}]));

    let id = text(&body["id"]);
    let building = demo.get(&url(&format!("servers/{id}"))).await.expect(200)["server"].clone();
    assert_eq!(
        (&building["status"], &building["addresses"]),
        (&json!("BUILD"), &json!({}))
    );
    assert_eq!(building["OS-EXT-STS:vm_state"], "building");
    assert_eq!(building["OS-EXT-STS:power_state"], 0);
    cloud.node.release();
    let active = wait_for(&demo, &id, "ACTIVE").await;
    assert_eq!(active["OS-EXT-STS:power_state"], 1);
    assert_eq!(active["progress"], 100);
    let created = text(&active["created"]);
    assert!(created.ends_with('Z') && created.len() == 20, "{created}");
    let launched = text(&active["OS-SRV-USG:launched_at"]);
    assert!(!launched.ends_with('Z') && launched.len() == 26, "{launched}");

    let brief = demo.get(&url("servers")).await.expect(200);
    assert_eq!(names(&brief["servers"][0]), set(&["id", "links", "name"]));
}

pub async fn check(client: &Client, minor: u16, path: &str, member: &str, wanted: &[&str]) {
    let body = at(client, &format!("2.{minor}")).get(&url(path)).await.expect(200);
    let value = body
        .pointer(member)
        .unwrap_or_else(|| panic!("no {member} in {body:#}"));
    assert_eq!(names(value), set(wanted), "{path} at 2.{minor}");
}

const FLAVOR: &[&str] = &[
    "OS-FLV-DISABLED:disabled",
    "OS-FLV-EXT-DATA:ephemeral",
    "disk",
    "id",
    "links",
    "name",
    "os-flavor-access:is_public",
    "ram",
    "rxtx_factor",
    "swap",
    "vcpus",
];

pub fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().chain(more).copied().collect()
}

#[tokio::test]
async fn flavors_and_key_pairs_have_exactly_their_names() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    for path in ["flavors/42", "flavors/detail"] {
        let member = if path == "flavors/42" { "/flavor" } else { "/flavors/0" };
        check(&demo, 1, path, member, FLAVOR).await;
        check(&demo, 55, path, member, &with(FLAVOR, &["description"])).await;
        check(&demo, 61, path, member, &with(FLAVOR, &["description", "extra_specs"])).await;
        check(&demo, 100, path, member, &with(FLAVOR, &["description", "extra_specs"])).await;
    }
    check(&demo, 1, "flavors", "/flavors/0", &["id", "links", "name"]).await;
    check(
        &demo,
        55,
        "flavors",
        "/flavors/0",
        &["description", "id", "links", "name"],
    )
    .await;
    let swap = async |version| at(&demo, version).get(&url("flavors/42")).await.expect(200)["flavor"]["swap"].clone();
    assert_eq!((swap("2.74").await, swap("2.75").await), (json!(""), json!(0)));

    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl user@host";
    let import = |name: &str| json!({"keypair": {"name": name, "public_key": key}});
    let old = demo.post(&url("os-keypairs"), import("old")).await.expect(200);
    assert_eq!(
        names(&old["keypair"]),
        set(&["fingerprint", "name", "public_key", "user_id"])
    );
    let new = at(&demo, "2.2")
        .post(&url("os-keypairs"), import("new"))
        .await
        .expect(201);
    assert_eq!(
        names(&new["keypair"]),
        set(&["fingerprint", "name", "public_key", "type", "user_id"])
    );
    check(
        &demo,
        1,
        "os-keypairs",
        "/keypairs/0/keypair",
        &["fingerprint", "name", "public_key"],
    )
    .await;
    check(
        &demo,
        2,
        "os-keypairs",
        "/keypairs/0/keypair",
        &["fingerprint", "name", "public_key", "type"],
    )
    .await;
    let shown = [
        "created_at",
        "deleted",
        "deleted_at",
        "fingerprint",
        "id",
        "name",
        "public_key",
        "updated_at",
        "user_id",
    ];
    check(&demo, 1, "os-keypairs/old", "/keypair", &shown).await;
    check(&demo, 100, "os-keypairs/old", "/keypair", &with(&shown, &["type"])).await;
    assert_eq!(demo.delete(&url("os-keypairs/old")).await.status, 202);
    assert_eq!(at(&demo, "2.2").delete(&url("os-keypairs/new")).await.status, 204);
}

#[tokio::test]
async fn hosts_limits_and_quotas_have_exactly_their_names() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    Means::make(&admin).await.boot(&admin, "web").await;
    let brief = ["hypervisor_hostname", "id", "state", "status"];
    let known = with(&brief, &["host_ip", "hypervisor_type", "hypervisor_version", "service"]);
    let figures = [
        "cpu_info",
        "current_workload",
        "disk_available_least",
        "free_disk_gb",
        "free_ram_mb",
        "local_gb",
        "local_gb_used",
        "memory_mb",
        "memory_mb_used",
        "running_vms",
        "vcpus",
        "vcpus_used",
    ];
    check(&admin, 1, "os-hypervisors", "/hypervisors/0", &brief).await;
    check(
        &admin,
        1,
        "os-hypervisors/detail",
        "/hypervisors/0",
        &with(&known, &figures),
    )
    .await;
    check(
        &admin,
        87,
        "os-hypervisors/detail",
        "/hypervisors/0",
        &with(&known, &figures),
    )
    .await;
    check(
        &admin,
        88,
        "os-hypervisors/detail",
        "/hypervisors/0",
        &with(&known, &["uptime"]),
    )
    .await;
    let shown = at(&admin, "2.88")
        .get(&url("os-hypervisors/detail?with_servers=true"))
        .await
        .expect(200);
    assert_eq!(names(&shown["hypervisors"][0]["servers"][0]), set(&["name", "uuid"]));

    let service = [
        "binary",
        "disabled_reason",
        "host",
        "id",
        "state",
        "status",
        "updated_at",
        "zone",
    ];
    check(&admin, 1, "os-services", "/services/0", &service).await;
    check(
        &admin,
        69,
        "os-services",
        "/services/0",
        &with(&service, &["forced_down"]),
    )
    .await;

    let limits = [
        "maxServerGroupMembers",
        "maxServerGroups",
        "maxServerMeta",
        "maxTotalCores",
        "maxTotalInstances",
        "maxTotalKeypairs",
        "maxTotalRAMSize",
        "totalCoresUsed",
        "totalInstancesUsed",
        "totalRAMUsed",
        "totalServerGroupsUsed",
    ];
    let network = [
        "maxSecurityGroupRules",
        "maxSecurityGroups",
        "maxTotalFloatingIps",
        "totalFloatingIpsUsed",
        "totalSecurityGroupsUsed",
    ];
    let files = ["maxPersonality", "maxPersonalitySize"];
    let oldest = with(&with(&limits, &network), &with(&files, &["maxImageMeta"]));
    check(&admin, 1, "limits", "/limits/absolute", &oldest).await;
    check(
        &admin,
        36,
        "limits",
        "/limits/absolute",
        &with(&limits, &with(&files, &["maxImageMeta"])),
    )
    .await;
    check(&admin, 39, "limits", "/limits/absolute", &with(&limits, &files)).await;
    check(&admin, 57, "limits", "/limits/absolute", &limits).await;

    let quotas = [
        "cores",
        "id",
        "instances",
        "key_pairs",
        "metadata_items",
        "ram",
        "server_group_members",
        "server_groups",
    ];
    let files = [
        "injected_file_content_bytes",
        "injected_file_path_bytes",
        "injected_files",
    ];
    let network = ["fixed_ips", "floating_ips", "security_group_rules", "security_groups"];
    for part in ["", "/detail", "/defaults"] {
        let path = format!("os-quota-sets/{}{part}", admin.project_id);
        check(&admin, 1, &path, "/quota_set", &with(&quotas, &with(&files, &network))).await;
        check(&admin, 36, &path, "/quota_set", &with(&quotas, &files)).await;
        check(&admin, 57, &path, "/quota_set", &quotas).await;
    }
}

#[tokio::test]
async fn parts_of_servers_have_exactly_their_names() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let path = |part: &str| format!("servers/{id}/{part}");

    let nic = ["fixed_ips", "mac_addr", "net_id", "port_id", "port_state"];
    check(&demo, 1, &path("os-interface"), "/interfaceAttachments/0", &nic).await;
    check(
        &demo,
        70,
        &path("os-interface"),
        "/interfaceAttachments/0",
        &with(&nic, &["tag"]),
    )
    .await;

    let action = [
        "action",
        "instance_uuid",
        "message",
        "project_id",
        "request_id",
        "start_time",
        "user_id",
    ];
    check(&demo, 1, &path("os-instance-actions"), "/instanceActions/0", &action).await;
    check(
        &demo,
        58,
        &path("os-instance-actions"),
        "/instanceActions/0",
        &with(&action, &["updated_at"]),
    )
    .await;
    let log = demo.get(&url(&path("os-instance-actions"))).await.expect(200);
    assert_eq!(log["instanceActions"][0]["action"], "create");
    let request = path(&format!(
        "os-instance-actions/{}",
        text(&log["instanceActions"][0]["request_id"])
    ));
    check(&demo, 1, &request, "/instanceAction", &action).await;
    check(&demo, 51, &request, "/instanceAction", &with(&action, &["events"])).await;
    check(&admin, 1, &request, "/instanceAction", &with(&action, &["events"])).await;
    let event = ["event", "finish_time", "result", "start_time"];
    check(&demo, 51, &request, "/instanceAction/events/0", &event).await;
    check(
        &demo,
        62,
        &request,
        "/instanceAction/events/0",
        &with(&event, &["hostId"]),
    )
    .await;
    check(
        &demo,
        84,
        &request,
        "/instanceAction/events/0",
        &with(&event, &["details", "hostId"]),
    )
    .await;
    check(
        &admin,
        84,
        &request,
        "/instanceAction/events/0",
        &with(&event, &["details", "host", "hostId", "traceback"]),
    )
    .await;

    check(&demo, 1, &path("ips"), "/addresses/net1/0", &["addr", "version"]).await;
    let group = ["description", "id", "name", "rules", "tenant_id"];
    check(&demo, 1, &path("os-security-groups"), "/security_groups/0", &group).await;

    let body = json!({"server_group": {"name": "g", "policies": ["anti-affinity"]}});
    let made = demo.post(&url("os-server-groups"), body).await.expect(200);
    let group = format!("os-server-groups/{}", text(&made["server_group"]["id"]));
    let base = ["id", "members", "name"];
    check(
        &demo,
        1,
        &group,
        "/server_group",
        &with(&base, &["metadata", "policies"]),
    )
    .await;
    check(
        &demo,
        13,
        &group,
        "/server_group",
        &with(&base, &["metadata", "policies", "project_id", "user_id"]),
    )
    .await;
    check(
        &demo,
        64,
        &group,
        "/server_group",
        &with(&base, &["policy", "project_id", "rules", "user_id"]),
    )
    .await;
    assert_eq!(act(&demo, &id, json!({"os-getConsoleOutput": {}})).await.status, 200);
}

#[tokio::test]
async fn the_version_documents_are_public_and_v2_0_is_first() {
    let cloud = TestCloud::start().await;
    let anyone = cloud.anonymous();
    let list = anyone.get("/compute").await.expect(200);
    assert_eq!(list["versions"][0]["id"], "v2.0");
    assert_eq!(list["versions"][1]["version"], "2.104");
    for version in list["versions"].as_array().unwrap() {
        let href = text(&version["links"][0]["href"]);
        let path = href.strip_prefix("http://127.0.0.1:5000").unwrap();
        let one = anyone.get(path).await.expect(200);
        assert_eq!(one["version"]["links"][0]["href"], href);
        assert_eq!(one["version"]["id"], version["id"]);
        assert_eq!(one["version"]["media-types"][0]["base"], "application/json");
    }
}

#[tokio::test]
async fn every_answer_says_its_microversion() {
    let cloud = TestCloud::start().await;
    let demo = cloud.demo().await;
    let cases = [
        (demo.clone(), "servers", 200, "2.1"),
        (
            at(&demo, "2.47"),
            "servers/11111111-2222-4333-8444-555555555555",
            404,
            "2.47",
        ),
        (at(&demo, "latest"), "servers", 200, "2.104"),
        (at(&demo, "2.105"), "servers", 406, "2.1"),
        (at(&demo, "2"), "servers", 400, "2.1"),
        (at(&cloud.anonymous(), "2.90"), "servers", 401, "2.90"),
    ];
    for (client, path, status, version) in cases {
        let answer = client.get(&url(path)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.headers["x-openstack-nova-api-version"], version);
        assert_eq!(answer.headers["openstack-api-version"], format!("compute {version}"));
        let vary = answer.headers["vary"].to_str().unwrap();
        assert!(vary.contains("OpenStack-API-Version") && vary.contains("X-OpenStack-Nova-API-Version"));
    }
    let refused = at(&demo, "2.105").get(&url("servers")).await.expect(406);
    assert_eq!(refused["computeFault"]["code"], 406);
}
