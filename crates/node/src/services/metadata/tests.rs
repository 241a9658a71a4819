//! The trees as cloud-init and Tempest walk them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::services::fixture::{SERVER, instance};

fn get(path: &str) -> Response {
    respond("GET", path, b"", &instance(), &mut None)
}

fn text(path: &str) -> String {
    let response = get(path);
    assert_eq!(response.status, 200, "{path}");
    String::from_utf8(response.body).unwrap()
}

fn document(path: &str) -> Value {
    let response = get(path);
    assert_eq!(
        (response.status, response.content_type),
        (200, "application/json"),
        "{path}"
    );
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn the_openstack_tree() {
    let versions = text("/openstack");
    assert!(versions.starts_with("2012-08-10\n") && versions.ends_with("\nlatest"));
    assert!(versions.contains("\n2018-08-27\n"));
    assert_eq!(text("/openstack/"), versions);
    assert_eq!(
        text("/openstack/latest/"),
        "meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json"
    );
    assert_eq!(text("/openstack/2012-08-10"), "meta_data.json\nuser_data");
    assert_eq!(get("/openstack/2012-08-10/network_data.json").status, 404);
    assert_eq!(get("/openstack/2011-01-01/meta_data.json").status, 404);
    assert_eq!(get("/openstack/latest/content/0000").status, 404);
    assert_eq!(text("/openstack/latest/user_data"), "#!/bin/sh\necho hi\n");
    assert_eq!(document("/openstack/latest/vendor_data.json"), json!({}));
    assert_eq!(document("//openstack//2018-08-27/vendor_data2.json?x=1"), json!({}));
}

#[test]
fn meta_data_by_version() {
    let key = "ssh-ed25519 AAAA me";
    assert_eq!(
        document("/openstack/latest/meta_data.json"),
        json!({
            "uuid": SERVER.to_string(),
            "name": "VM 1",
            "hostname": "vm1",
            "launch_index": 0,
            "availability_zone": "nova",
            "meta": {"role": "web"},
            "public_keys": {"mykey": key},
            "keys": [{"name": "mykey", "type": "ssh", "data": key}],
            "random_seed": "c2VlZA==",
            "project_id": "p1",
            "devices": [],
            "dedicated_cpus": [],
        })
    );
    assert!(get("/openstack/latest/meta_data.json").has_keys);
    let oldest = document("/openstack/2012-08-10/meta_data.json");
    for later in [
        "random_seed",
        "project_id",
        "keys",
        "devices",
        "dedicated_cpus",
        "admin_pass",
    ] {
        assert_eq!(oldest[later], Value::Null, "{later}");
    }
}

#[test]
fn network_data_names_links_and_networks() {
    let data = document("/openstack/latest/network_data.json");
    assert_eq!(
        data["links"],
        json!([{
            "id": "tap0a1b2c3d-4e",
            "vif_id": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            "type": "tap",
            "mtu": 1450,
            "ethernet_mac_address": "fa:16:3e:00:00:05",
        }])
    );
    assert_eq!(data["networks"][0]["type"], "ipv4_dhcp");
    assert_eq!(data["networks"][0].get("ip_address"), None);
    let v6 = &data["networks"][1];
    assert_eq!(
        (&v6["type"], &v6["ip_address"]),
        (&json!("ipv6_dhcpv6-stateful"), &json!("fd00:1::5"))
    );
    assert_eq!(v6["netmask"], "ffff:ffff:ffff:ffff::");
    let default = json!([{"network": "::", "netmask": "::", "gateway": "fd00:1::1"}]);
    assert_eq!(v6["routes"], default);
}

#[test]
fn a_subnet_without_dhcp_is_told_in_full() {
    let mut metadata = instance();
    metadata.nics[0].addresses[0].1.dhcp = false;
    metadata.nics[0].addresses[0].1.dns_nameservers = vec!["1.1.1.1".parse().unwrap()];
    let response = respond("GET", "/openstack/latest/network_data.json", b"", &metadata, &mut None);
    let data: Value = serde_json::from_slice(&response.body).unwrap();
    let network = &data["networks"][0];
    assert_eq!(network["type"], "ipv4");
    assert_eq!(network["ip_address"], "10.0.0.5");
    assert_eq!(network["netmask"], "255.255.255.0");
    assert_eq!(network["routes"][0]["gateway"], "10.0.0.1");
    assert_eq!(network["routes"][1]["network"], "192.168.8.0");
    assert_eq!(network["services"], json!([{"type": "dns", "address": "1.1.1.1"}]));
    assert_eq!(data["services"], network["services"]);
}

#[test]
fn the_ec2_tree() {
    assert!(text("/").ends_with("2009-04-04\nlatest"));
    assert_eq!(text("/latest/"), "meta-data/\nuser-data");
    let names = text("/latest/meta-data/");
    let expected = "ami-id\nami-launch-index\nami-manifest-path\nblock-device-mapping/\nhostname\ninstance-action\n\
                    instance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nplacement/\npublic-hostname\npublic-ipv4\n\
                    public-keys/\nreservation-id\nsecurity-groups";
    assert_eq!(names, expected);
    let cases = [
        ("ami-id", "ami-12345678"),
        ("instance-id", "i-abcdef01"),
        ("instance-type", "m1.tiny"),
        ("local-ipv4", "10.0.0.5"),
        ("public-ipv4", "172.24.4.20"),
        ("hostname", "vm1"),
        ("placement", "availability-zone"),
        ("placement/availability-zone", "nova"),
        ("public-keys", "0=mykey"),
        ("public-keys/0", "openssh-key"),
        ("public-keys/0/openssh-key", "ssh-ed25519 AAAA me"),
        ("security-groups", "default\nweb"),
        ("block-device-mapping/root", "/dev/vda"),
        ("reservation-id", "r-abcd1234"),
    ];
    for (path, expected) in cases {
        assert_eq!(text(&format!("/2009-04-04/meta-data/{path}")), expected, "{path}");
    }
    for missing in [
        "/latest/meta-data/nothing",
        "/latest/meta-data/public-keys/1",
        "/latest/meta-data/hostname/x",
        "/x",
    ] {
        assert_eq!(get(missing).status, 404, "{missing}");
    }
    assert_eq!(text("/latest/user-data"), "#!/bin/sh\necho hi\n");
    assert!(get("/latest/meta-data/public-keys/0/openssh-key").has_keys);
}

#[test]
fn a_walk_reaches_every_leaf() {
    let mut directories = vec!["/latest/".to_owned()];
    let mut leaves = 0;
    while let Some(directory) = directories.pop() {
        for name in text(&directory).lines() {
            let name = name
                .split_once('=')
                .map_or(name.to_owned(), |(index, _)| format!("{index}/"));
            let path = format!("{directory}{name}");
            if name.ends_with('/') {
                directories.push(path);
            } else {
                text(&path);
                leaves += 1;
            }
        }
    }
    assert_eq!(leaves, 18);
}

#[test]
fn a_server_without_key_and_data() {
    let bare = model::host::InstanceMetadata::default();
    let find = |path: &str| respond("GET", path, b"", &bare, &mut None);
    assert_eq!(find("/openstack/latest/user_data").status, 404);
    assert_eq!(find("/latest/user-data").status, 404);
    assert_eq!(find("/latest/meta-data/public-keys/").status, 404);
    let names = String::from_utf8(find("/openstack/latest").body).unwrap();
    assert!(!names.contains("user_data"));
}

#[test]
fn the_password_is_left_once() {
    let path = "/openstack/2013-10-17/password";
    let mut password = None;
    let mut send = |method: &str, body: &[u8]| respond(method, path, body, &instance(), &mut password);
    assert_eq!((send("GET", b"").status, send("GET", b"").body), (200, vec![]));
    assert_eq!(send("POST", &[b'x'; 1021]).status, 400);
    assert_eq!(send("POST", b"\xff\xfe").status, 400);
    assert_eq!(send("POST", b"encrypted").status, 200);
    assert_eq!(send("POST", b"another").status, 409);
    assert_eq!(send("GET", b"").body, b"encrypted");
    assert_eq!(send("DELETE", b"").status, 405);
    let elsewhere = respond("POST", "/openstack/latest/meta_data.json", b"x", &instance(), &mut None);
    assert_eq!(elsewhere.status, 405);
}

#[test]
fn the_config_drive_holds_the_same_and_what_only_it_may() {
    let files: std::collections::BTreeMap<_, _> = tree(&instance()).into_iter().collect();
    let document: Value = serde_json::from_slice(&files["openstack/latest/meta_data.json"]).unwrap();
    assert_eq!(document["admin_pass"], "s3cret");
    assert_eq!(
        document["files"],
        json!([{"path": "/etc/motd", "content_path": "/content/0000"}])
    );
    assert_eq!(files["openstack/content/0000"], b"hello");
    assert_eq!(files["openstack/2012-08-10/user_data"], b"#!/bin/sh\necho hi\n");
    let network = &files["openstack/2018-08-27/network_data.json"];
    assert_eq!(*network, get("/openstack/2018-08-27/network_data.json").body);
    let ec2: Value = serde_json::from_slice(&files["ec2/latest/meta-data.json"]).unwrap();
    assert_eq!(ec2["public-keys"]["0"]["openssh-key"], "ssh-ed25519 AAAA me");
    assert!(!files.keys().any(|path| path.ends_with("/password")));
}

proptest! {
    #[test]
    fn never_panics(method in "GET|POST|HEAD|[A-Z]{0,5}", path in "(/(openstack|latest|meta-data|public-keys|[0-9]{0,20}|.{0,6})){0,5}", body in prop::collection::vec(any::<u8>(), 0..20)) {
        let _ = respond(&method, &path, &body, &instance(), &mut None);
    }
}
