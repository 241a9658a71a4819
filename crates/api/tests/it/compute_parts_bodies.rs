//! The shapes of bodies of what belongs to a server: consoles, figures, topology; and of flavors' extra specs.

use serde_json::json;

use crate::cloud::TestCloud;
use crate::compute::{Means, act, at, url, wait_for};
use crate::compute_bodies::{check, names};

#[tokio::test]
async fn diagnostics_are_a_hypervisors_own_below_2_48_and_one_document_from_there() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let path = format!("servers/{id}/diagnostics");
    assert_eq!(demo.get(&url(&path)).await.status, 403, "for administrators");
    let old = admin.get(&url(&path)).await.expect(200);
    for name in [
        "cpu0_time",
        "memory",
        "memory-rss",
        "vda_read",
        "vda_read_req",
        "vda_errors",
    ] {
        assert!(old[name].is_u64(), "{name} in {old:#}");
    }
    let taps = names(&old).into_iter().filter(|name| name.starts_with("tap"));
    assert_eq!(taps.count(), 8, "{old:#}");
    let document = [
        "config_drive",
        "cpu_details",
        "disk_details",
        "driver",
        "hypervisor",
        "hypervisor_os",
        "memory_details",
        "nic_details",
        "num_cpus",
        "num_disks",
        "num_nics",
        "state",
        "uptime",
    ];
    check(&admin, 48, &path, "", &document).await;
    check(&admin, 48, &path, "/cpu_details/0", &["id", "time", "utilisation"]).await;
    check(&admin, 48, &path, "/memory_details", &["maximum", "used"]).await;
    let disk = [
        "errors_count",
        "read_bytes",
        "read_requests",
        "write_bytes",
        "write_requests",
    ];
    check(&admin, 48, &path, "/disk_details/0", &disk).await;
    let nic = [
        "mac_address",
        "rx_drop",
        "rx_errors",
        "rx_octets",
        "rx_packets",
        "rx_rate",
        "tx_drop",
        "tx_errors",
        "tx_octets",
        "tx_packets",
        "tx_rate",
    ];
    check(&admin, 48, &path, "/nic_details/0", &nic).await;
    assert_eq!(act(&demo, &id, json!({"os-stop": null})).await.status, 202);
    wait_for(&demo, &id, "SHUTOFF").await;
    assert_eq!(at(&admin, "2.48").get(&url(&path)).await.status, 409);
}

#[tokio::test]
async fn topology_and_extra_specs_come_with_their_microversions() {
    let cloud = TestCloud::start().await;
    let (demo, admin) = (cloud.demo().await, cloud.admin().await);
    let id = Means::make(&demo).await.boot(&demo, "web").await;
    let topology = url(&format!("servers/{id}/topology"));
    assert_eq!(at(&demo, "2.77").get(&topology).await.status, 404);
    let shown = at(&demo, "2.78").get(&topology).await.expect(200);
    assert_eq!(shown, json!({"nodes": [], "pagesize_kb": null}));

    let spec = |value: &str| json!({"extra_specs": {"hw:cpu_policy": value}});
    let add = async |version, body| {
        at(&admin, version)
            .post(&url("flavors/42/os-extra_specs"), body)
            .await
            .status
    };
    assert_eq!(add("2.85", spec("sharrred")).await, 200);
    assert_eq!(add("2.86", spec("sharrred")).await, 400);
    assert_eq!(add("2.86", spec("shared")).await, 200);
    let put = json!({"hw:numa_nodes": "0"});
    let path = url("flavors/42/os-extra_specs/hw:numa_nodes");
    assert_eq!(at(&admin, "2.85").put(&path, put.clone()).await.status, 200);
    assert_eq!(at(&admin, "2.86").put(&path, put).await.status, 400);
}
