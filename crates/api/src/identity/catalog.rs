//! The catalog: which services there are, and where.

use model::Cloud;
use serde_json::{Value, json};
use uuid::Uuid;

/// A service that is part of the program.
pub(super) struct BuiltIn {
    /// Its type, as clients look it up.
    pub(super) kind: &'static str,
    /// Its project's name.
    pub(super) name: &'static str,
    /// What it is, in a few words.
    pub(super) description: &'static str,
    /// Behind the cloud's address.
    pub(super) path: &'static str,
}

/// Every service that is part of the program.
pub(super) const BUILT_IN: [BuiltIn; 4] = [
    BuiltIn {
        kind: "identity",
        name: "keystone",
        description: "Identity",
        path: "/identity",
    },
    BuiltIn {
        kind: "image",
        name: "glance",
        description: "Images",
        path: "/image",
    },
    BuiltIn {
        kind: "compute",
        name: "nova",
        description: "Servers",
        path: "/compute/v2.1",
    },
    BuiltIn {
        kind: "network",
        name: "neutron",
        description: "Networking",
        path: "/networking",
    },
];

/// Keystone's interfaces; one address serves all.
pub(super) const INTERFACES: [&str; 3] = ["public", "internal", "admin"];

impl BuiltIn {
    /// The same on every Maru cloud.
    pub(super) fn service_id(&self) -> String {
        stable_id(&format!("service/{}", self.kind))
    }

    /// The same on every Maru cloud.
    pub(super) fn endpoint_id(&self, interface: &str) -> String {
        stable_id(&format!("endpoint/{}/{interface}", self.kind))
    }
}

fn stable_id(name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("maru:{name}").as_bytes())
        .simple()
        .to_string()
}

/// The catalog as it stands in tokens.
pub(super) fn catalog(_cloud: &Cloud, base_url: &str, region: &str) -> Vec<Value> {
    BUILT_IN
        .iter()
        .map(|service| {
            let endpoints: Vec<Value> = INTERFACES
                .iter()
                .map(|interface| {
                    json!({
                        "id": service.endpoint_id(interface),
                        "interface": interface,
                        "region": region,
                        "region_id": region,
                        "url": format!("{base_url}{}", service.path),
                    })
                })
                .collect();
            json!({
                "id": service.service_id(),
                "type": service.kind,
                "name": service.name,
                "endpoints": endpoints,
            })
        })
        .collect()
}
