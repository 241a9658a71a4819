//! Microversion by microversion (nova's `rest_api_version_history`): what each changes of a body, a header, a query or a
//! status, looked at just below it and at it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cloud::{Client, TestCloud};
use crate::compute::{Means, act, at, text, url, wait_for};
use crate::compute_bodies::{names, set};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl user@host";

/// A part of a document: where, from which microversion on, what comes and what goes.
type Step<'a> = (&'a str, &'a str, u16, &'a [&'a str], &'a [&'a str]);

async fn part(client: &Client, minor: u16, path: &str, pointer: &str) -> BTreeSet<String> {
    let body = at(client, &format!("2.{minor}")).get(&url(path)).await.expect(200);
    let value = body
        .pointer(pointer)
        .unwrap_or_else(|| panic!("no {pointer} in {path} at 2.{minor}: {body:#}"));
    names(value)
}

async fn check_steps(client: &Client, steps: &[Step<'_>]) {
    for (path, pointer, minor, come, go) in steps {
        let before = part(client, minor - 1, path, pointer).await;
        let after = part(client, *minor, path, pointer).await;
        let come_now: BTreeSet<String> = after.difference(&before).cloned().collect();
        let gone_now: BTreeSet<String> = before.difference(&after).cloned().collect();
        assert_eq!(
            (come_now, gone_now),
            (set(come), set(go)),
            "{path} {pointer} at 2.{minor}"
        );
    }
}

#[tokio::test]
async fn what_comes_and_goes_in_servers() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let own = Means::make(&demo).await.boot(&demo, "web").await;
    let id = Means::make(&admin).await.boot(&admin, "web").await;
    let (show, update) = (format!("servers/{id}"), format!("servers/{own}"));
    let attributes = [
        "OS-EXT-SRV-ATTR:hostname",
        "OS-EXT-SRV-ATTR:kernel_id",
        "OS-EXT-SRV-ATTR:launch_index",
        "OS-EXT-SRV-ATTR:ramdisk_id",
        "OS-EXT-SRV-ATTR:reservation_id",
        "OS-EXT-SRV-ATTR:root_device_name",
        "OS-EXT-SRV-ATTR:user_data",
    ];
    for (path, pointer) in [(show.as_str(), "/server"), ("servers/detail", "/servers/0")] {
        let groups: &[&str] = if pointer == "/server" { &["server_groups"] } else { &[] };
        check_steps(
            &admin,
            &[
                (path, pointer, 3, &attributes, &[]),
                (path, pointer, 9, &["locked"], &[]),
                (path, pointer, 16, &["host_status"], &[]),
                (path, pointer, 19, &["description"], &[]),
                (path, pointer, 26, &["tags"], &[]),
                (path, pointer, 63, &["trusted_image_certificates"], &[]),
                (path, pointer, 71, groups, &[]),
                (path, pointer, 73, &["locked_reason"], &[]),
                (path, pointer, 90, &[], &[]),
                (path, pointer, 96, &["pinned_availability_zone"], &[]),
                (path, pointer, 100, &["scheduler_hints"], &[]),
            ],
        )
        .await;
    }
    let flavor = [
        "disk",
        "ephemeral",
        "extra_specs",
        "original_name",
        "ram",
        "swap",
        "vcpus",
    ];
    check_steps(
        &demo,
        &[
            (&update, "/server", 3, &[], &[]),
            (&update, "/server", 16, &[], &[]),
            (&update, "/server", 90, &["OS-EXT-SRV-ATTR:hostname"], &[]),
            (&update, "/server/flavor", 47, &flavor, &["id", "links"]),
            (&update, "/server/image", 98, &["properties"], &[]),
            (
                &format!("{update}/os-interface"),
                "/interfaceAttachments/0",
                70,
                &["tag"],
                &[],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_comes_and_goes_in_the_log() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let log = format!("servers/{id}/os-instance-actions");
    let list = demo.get(&url(&log)).await.expect(200);
    let entry = format!("{log}/{}", text(&list["instanceActions"][0]["request_id"]));
    let (action, event) = ("/instanceAction", "/instanceAction/events/0");
    check_steps(
        &demo,
        &[
            (&log, "/instanceActions/0", 58, &["updated_at"], &[]),
            (&format!("{log}?limit=1"), "", 58, &["links"], &[]),
            (&entry, action, 51, &["events"], &[]),
            (&entry, action, 58, &["updated_at"], &[]),
            (&entry, event, 62, &["hostId"], &[]),
            (&entry, event, 84, &["details"], &[]),
        ],
    )
    .await;
    let steps: [Step<'_>; 3] = [
        (&entry, action, 51, &[], &[]),
        (&entry, event, 62, &["host", "hostId"], &[]),
        (&entry, event, 84, &["details"], &[]),
    ];
    check_steps(&admin, &steps).await;
}

#[tokio::test]
async fn what_comes_and_goes_elsewhere() {
    let cloud = TestCloud::start().await;
    let admin = cloud.admin().await;
    Means::make(&admin).await.boot(&admin, "web").await;
    let pair = json!({"keypair": {"name": "pair", "public_key": KEY}});
    admin.post(&url("os-keypairs"), pair).await.expect(200);
    let group = json!({"server_group": {"name": "g", "policies": ["affinity"]}});
    let group = admin.post(&url("os-server-groups"), group).await.expect(200);
    let group = format!("os-server-groups/{}", text(&group["server_group"]["id"]));
    let quotas = format!("os-quota-sets/{}", admin.project_id);
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
    let network_limits = [
        "maxSecurityGroupRules",
        "maxSecurityGroups",
        "maxTotalFloatingIps",
        "totalFloatingIpsUsed",
        "totalSecurityGroupsUsed",
    ];
    let network_quotas = ["fixed_ips", "floating_ips", "security_group_rules", "security_groups"];
    let files = [
        "injected_file_content_bytes",
        "injected_file_path_bytes",
        "injected_files",
    ];
    let policies = ["metadata", "policies"];
    let (class, groups) = ("os-quota-class-sets/default", ["server_group_members", "server_groups"]);
    check_steps(
        &admin,
        &[
            ("os-keypairs", "/keypairs/0/keypair", 2, &["type"], &[]),
            ("os-keypairs/pair", "/keypair", 2, &["type"], &[]),
            ("os-keypairs?limit=1", "", 35, &["keypairs_links"], &[]),
            ("os-services", "/services/0", 11, &["forced_down"], &[]),
            (&group, "/server_group", 13, &["project_id", "user_id"], &[]),
            (&group, "/server_group", 64, &["policy", "rules"], &policies),
            ("os-hypervisors?limit=1", "", 33, &["hypervisors_links"], &[]),
            ("os-hypervisors/detail", "/hypervisors/0", 28, &[], &[]),
            ("os-hypervisors/detail", "/hypervisors/0", 88, &["uptime"], &figures),
            (
                "os-hypervisors?with_servers=true",
                "/hypervisors/0",
                53,
                &["servers"],
                &[],
            ),
            ("limits", "/limits/absolute", 36, &[], &network_limits),
            ("limits", "/limits/absolute", 39, &[], &["maxImageMeta"]),
            (
                "limits",
                "/limits/absolute",
                57,
                &[],
                &["maxPersonality", "maxPersonalitySize"],
            ),
            (&quotas, "/quota_set", 36, &[], &network_quotas),
            (&quotas, "/quota_set", 57, &[], &files),
            ("os-simple-tenant-usage?limit=1", "", 40, &["tenant_usages_links"], &[]),
            (class, "/quota_class_set", 50, &groups, &network_quotas),
            (class, "/quota_class_set", 57, &[], &files),
            ("flavors", "/flavors/0", 55, &["description"], &[]),
            ("flavors", "/flavors/0", 61, &[], &[]),
            ("flavors/detail", "/flavors/0", 55, &["description"], &[]),
            ("flavors/detail", "/flavors/0", 61, &["extra_specs"], &[]),
            ("flavors/42", "/flavor", 55, &["description"], &[]),
            ("flavors/42", "/flavor", 61, &["extra_specs"], &[]),
        ],
    )
    .await;
    let value = async |minor: u16, path: &str, pointer: &str| {
        let body = at(&admin, &format!("2.{minor}")).get(&url(path)).await.expect(200);
        body.pointer(pointer)
            .cloned()
            .unwrap_or_else(|| panic!("no {pointer} in {body:#}"))
    };
    let cpu = "/hypervisors/0/cpu_info";
    assert!(value(27, "os-hypervisors/detail", cpu).await.is_string());
    assert!(value(28, "os-hypervisors/detail", cpu).await.is_object());
    for (path, pointer) in [
        ("os-hypervisors", "/hypervisors/0/id"),
        ("os-services", "/services/0/id"),
    ] {
        assert!(
            value(52, path, pointer).await.is_u64() && value(53, path, pointer).await.is_string(),
            "{path}"
        );
    }
    assert_eq!(value(74, "flavors/42", "/flavor/swap").await, "");
    assert_eq!(value(75, "flavors/42", "/flavor/swap").await, 0);
}

#[tokio::test]
async fn queries_that_a_microversion_begins_to_understand() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    Means::make(&demo).await.boot(&demo, "web").await;
    let count = async |minor: u16, query: &str| {
        let list = at(&demo, &format!("2.{minor}"))
            .get(&url(&format!("servers?{query}")))
            .await;
        list.expect(200)["servers"].as_array().unwrap().len()
    };
    for (minor, query) in [
        (5, "ip6=2001"),
        (26, "tags=red"),
        (66, "changes-before=2011-01-01T00:00:00Z"),
        (73, "locked=true"),
        (83, "user_id=somebody"),
        (83, "availability_zone=moon"),
        (90, "hostname=other"),
    ] {
        assert_eq!(
            (count(minor - 1, query).await, count(minor, query).await),
            (1, 0),
            "{query} at 2.{minor}"
        );
    }
    let statuses = async |client: &Client, minor: u16, path: &str| {
        let at_minor = async |minor: u16| at(client, &format!("2.{minor}")).get(&url(path)).await.status;
        (at_minor(minor - 1).await, at_minor(minor).await)
    };
    for (minor, path, wanted) in [
        (38, "servers?status=purple", (200, 400)),
        (66, "servers?changes-before=soon", (200, 400)),
        (75, "servers?colour=red", (200, 400)),
        (75, "servers?sort_key=vm_mode", (200, 400)),
        (75, "flavors?colour=red", (200, 400)),
        (75, "os-hypervisors?colour=red", (200, 400)),
        (75, "os-keypairs?colour=red", (200, 400)),
        (75, "os-services?colour=red", (200, 400)),
        (75, "os-simple-tenant-usage?colour=red", (200, 400)),
        (75, "os-server-groups?colour=red", (200, 400)),
        (57, "limits?colour=red", (200, 400)),
        (53, "os-hypervisors/1", (200, 400)),
        (53, "os-hypervisors/host/search", (200, 404)),
        (53, "os-hypervisors/host/servers", (200, 404)),
        (88, "os-hypervisors/statistics", (200, 404)),
    ] {
        assert_eq!(statuses(&admin, minor, path).await, wanted, "{path} at 2.{minor}");
    }
    let hypervisor = at(&admin, "2.53").get(&url("os-hypervisors")).await.expect(200);
    let uptime = format!("os-hypervisors/{}/uptime", text(&hypervisor["hypervisors"][0]["id"]));
    assert_eq!(statuses(&admin, 88, &uptime).await, (200, 404));
    for minor in [45, 46] {
        let answer = at(&demo, &format!("2.{minor}")).get(&url("servers")).await;
        assert_eq!(
            answer.headers["x-openstack-request-id"],
            answer.headers["x-compute-request-id"]
        );
    }
}

#[tokio::test]
async fn bodies_that_a_microversion_begins_to_understand() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let means = Means::make(&demo).await;
    let of_admin = Means::make(&admin).await;
    let create = async |client: &Client, means: &Means, minor: u16, change: &Value| {
        let mut body = means.server("web");
        body["server"]
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let answer = at(client, &format!("2.{minor}")).post(&url("servers"), body).await;
        if answer.status == 202 {
            let id = text(&answer.json["server"]["id"]);
            wait_for(client, &id, "ACTIVE").await;
            assert_eq!(client.delete(&url(&format!("servers/{id}"))).await.status, 204);
        }
        answer.status
    };
    let tagged = json!({"networks": [{"uuid": means.network, "tag": "nic1"}]});
    let files = json!({"personality": [{"path": "/a", "contents": "YQ=="}]});
    for (minor, change, wanted) in [
        (19, json!({"description": "d"}), (400, 202)),
        (32, tagged.clone(), (400, 202)),
        (37, tagged.clone(), (202, 400)),
        (42, tagged, (400, 202)),
        (37, json!({"networks": null}), (202, 400)),
        (37, json!({"networks": "none"}), (400, 202)),
        (52, json!({"tags": ["red"]}), (400, 202)),
        (57, files, (202, 400)),
        (90, json!({"hostname": "web1"}), (400, 202)),
        (94, json!({"hostname": "web1.example.org"}), (400, 202)),
    ] {
        let seen = (
            create(&demo, &means, minor - 1, &change).await,
            create(&demo, &means, minor, &change).await,
        );
        assert_eq!(seen, wanted, "{change} at 2.{minor}");
    }
    let placed = json!({"host": "host-1"});
    assert_eq!(create(&admin, &of_admin, 73, &placed).await, 400);
    assert_eq!(create(&admin, &of_admin, 74, &placed).await, 202);

    let post = async |minor: u16, path: &str, body: Value| {
        at(&admin, &format!("2.{minor}")).post(&url(path), body).await.status
    };
    let pair = |name: &str| json!({"keypair": {"name": name, "public_key": KEY}});
    assert_eq!(
        (
            post(1, "os-keypairs", pair("a")).await,
            post(2, "os-keypairs", pair("b")).await
        ),
        (200, 201)
    );
    assert_eq!(
        (
            post(91, "os-keypairs", pair("a@b.c")).await,
            post(92, "os-keypairs", pair("a@b.c")).await
        ),
        (400, 201)
    );
    let typed = json!({"keypair": {"name": "t", "public_key": KEY, "type": "ssh"}});
    assert_eq!(
        (
            post(1, "os-keypairs", typed.clone()).await,
            post(2, "os-keypairs", typed).await
        ),
        (400, 201)
    );
    let owned = json!({"keypair": {"name": "o", "public_key": KEY, "user_id": demo.user_id}});
    assert_eq!(
        (
            post(9, "os-keypairs", owned.clone()).await,
            post(10, "os-keypairs", owned).await
        ),
        (400, 201)
    );
    let made = json!({"keypair": {"name": "made"}});
    assert_eq!(
        (
            post(91, "os-keypairs", made.clone()).await,
            post(92, "os-keypairs", made).await
        ),
        (201, 400)
    );
    let group = |change: Value| json!({"server_group": change});
    let soft = group(json!({"name": "s", "policies": ["soft-affinity"]}));
    assert_eq!(
        (
            post(14, "os-server-groups", soft.clone()).await,
            post(15, "os-server-groups", soft).await
        ),
        (400, 200)
    );
    let one = group(json!({"name": "p", "policy": "affinity"}));
    assert_eq!(
        (
            post(63, "os-server-groups", one.clone()).await,
            post(64, "os-server-groups", one).await
        ),
        (400, 200)
    );
    let access = json!({"addTenantAccess": {"tenant": demo.project_id}});
    assert_eq!(
        (
            post(6, "flavors/42/action", access.clone()).await,
            post(7, "flavors/42/action", access).await
        ),
        (200, 409)
    );
    let flavor =
        |id: &str| json!({"flavor": {"name": id, "id": id, "ram": 64, "vcpus": 1, "disk": 1, "description": "d"}});
    assert_eq!(
        (
            post(54, "flavors", flavor("x")).await,
            post(55, "flavors", flavor("x")).await
        ),
        (400, 200)
    );

    let id = means.boot(&demo, "web").await;
    let nic = json!({"interfaceAttachment": {"net_id": means.network, "tag": "nic2"}});
    let path = url(&format!("servers/{id}/os-interface"));
    assert_eq!(at(&demo, "2.48").post(&path, nic.clone()).await.status, 400);
    assert_eq!(at(&demo, "2.49").post(&path, nic).await.status, 200);
    assert_eq!(
        act(&at(&demo, "2.73"), &id, json!({"lock": {"locked_reason": "mine"}}))
            .await
            .status,
        202
    );
    let shown = at(&demo, "2.73").get(&url(&format!("servers/{id}"))).await.expect(200);
    assert_eq!(shown["server"]["locked_reason"], "mine");
}

#[tokio::test]
async fn the_default_class_holds_for_projects_without_limits_of_their_own() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, at(&cloud.admin().await, "2.57"));
    let class = url("os-quota-class-sets/default");
    let body = |name: &str, limit: i64| json!({"quota_class_set": {name: limit}});
    let changed = admin.put(&class, body("cores", 7)).await.expect(200);
    assert_eq!(
        (
            &changed["quota_class_set"]["cores"],
            changed["quota_class_set"].get("id")
        ),
        (&json!(7), None)
    );
    assert_eq!(admin.get(&class).await.expect(200)["quota_class_set"]["id"], "default");
    let limits = demo.get(&url("limits")).await.expect(200);
    assert_eq!(limits["limits"]["absolute"]["maxTotalCores"], 7);
    let own = url(&format!("os-quota-sets/{}", demo.project_id));
    let defaults = demo.get(&format!("{own}/defaults")).await.expect(200);
    assert_eq!(defaults["quota_set"]["cores"], 7);
    admin.put(&own, json!({"quota_set": {"cores": 9}})).await.expect(200);
    assert_eq!(demo.get(&own).await.expect(200)["quota_set"]["cores"], 9);
    assert_eq!(admin.put(&class, body("injected_files", 1)).await.status, 400);
    assert_eq!(admin.put(&class, body("cores", -2)).await.status, 400);
    admin
        .put(&url("os-quota-class-sets/other"), body("ram", 1))
        .await
        .expect(200);
    assert_ne!(demo.get(&own).await.expect(200)["quota_set"]["ram"], 1);
    assert_eq!(demo.get(&class).await.status, 403);
}
