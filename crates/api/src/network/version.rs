//! Version documents (`GET /networking`, `GET /networking/v2.0`): where clients begin; no token needed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::app::App;
use crate::reply::{Reply, json as document};

/// Singular and plural of what `/v2.0` has.
const RESOURCES: &[(&str, &str)] = &[
    ("network", "networks"),
    ("subnet", "subnets"),
    ("subnetpool", "subnetpools"),
    ("port", "ports"),
    ("router", "routers"),
    ("floatingip", "floatingips"),
    ("floatingip_pool", "floatingip_pools"),
    ("ndp_proxy", "ndp_proxies"),
    ("trunk", "trunks"),
    ("security_group", "security-groups"),
    ("security_group_rule", "security-group-rules"),
    ("default_security_group_rule", "default-security-group-rules"),
    ("flavor", "flavors"),
    ("service_profile", "service_profiles"),
    ("rbac_policy", "rbac-policies"),
    ("address_group", "address-groups"),
    ("address_scope", "address-scopes"),
    ("policy", "qos/policies"),
    ("metering_label", "metering/metering-labels"),
    ("metering_label_rule", "metering/metering-label-rules"),
    ("quota", "quotas"),
    ("agent", "agents"),
    ("availability_zone", "availability_zones"),
    ("network_ip_availability", "network-ip-availabilities"),
    ("extension", "extensions"),
];

/// All versions.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    let base_url = app.endpoints.base_url(&headers);
    document(&json!({"versions": [{
        "id": "v2.0",
        "status": "CURRENT",
        "links": [{"rel": "self", "href": format!("{base_url}/networking/v2.0/")}],
    }]}))
}

/// This version: what it has.
pub(super) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    let base_url = app.endpoints.base_url(&headers);
    let resources: Vec<Value> = RESOURCES
        .iter()
        .map(|(name, collection)| {
            json!({
                "name": name,
                "collection": collection,
                "links": [{"rel": "self", "href": format!("{base_url}/networking/v2.0/{collection}")}],
            })
        })
        .collect();
    document(&json!({"resources": resources}))
}
