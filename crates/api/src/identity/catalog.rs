//! The catalog: the services that are part of the program, and what administrators entered besides.

use std::collections::BTreeSet;

use model::identity::{CatalogService, Endpoint, Interface, OwnCatalog, Region, sees_endpoint};
use model::{Cloud, Scope, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

/// A service that is part of the program.
pub(super) struct BuiltIn {
    /// Its type, as clients look it up.
    kind: &'static str,
    /// Its project's name.
    name: &'static str,
    /// What it is, in a few words.
    description: &'static str,
    /// Behind the cloud's address.
    path: &'static str,
}

/// Every service that is part of the program.
const BUILT_IN: [BuiltIn; 7] = [
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
    BuiltIn {
        kind: "block-storage",
        name: "cinder",
        description: "Volumes",
        path: "/volume/v3",
    },
    // What the type was called before; older clients ask for it.
    BuiltIn {
        kind: "volumev3",
        name: "cinderv3",
        description: "Volumes",
        path: "/volume/v3",
    },
    BuiltIn {
        kind: "placement",
        name: "placement",
        description: "Resource providers",
        path: "/placement",
    },
];

/// An id that is the same on every Maru cloud.
fn stable_id(name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("maru:{name}").as_bytes())
        .simple()
        .to_string()
}

/// The program's own part of the catalog.
#[derive(Clone)]
pub(super) struct Own {
    ids: BTreeSet<String>,
    region: String,
    base_url: String,
}

impl Own {
    /// As it stands for one request.
    pub(super) fn new(base_url: &str, region: &str) -> Self {
        let mut own = Self {
            ids: BTreeSet::from([region.to_owned()]),
            region: region.to_owned(),
            base_url: base_url.to_owned(),
        };
        own.ids = own
            .services()
            .map(|service| service.id)
            .chain(own.endpoints().map(|endpoint| endpoint.id))
            .chain([region.to_owned()])
            .collect();
        own
    }

    pub(super) fn region(&self) -> Region {
        Region {
            id: self.region.clone(),
            description: String::new(),
            parent_region_id: None,
            extra: Default::default(),
        }
    }

    pub(super) fn services(&self) -> impl Iterator<Item = CatalogService> + use<> {
        BUILT_IN.iter().map(|service| CatalogService {
            id: stable_id(&format!("service/{}", service.kind)),
            kind: service.kind.to_owned(),
            name: service.name.to_owned(),
            description: Some(service.description.to_owned()),
            enabled: true,
            extra: Default::default(),
        })
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        BUILT_IN.iter().flat_map(|service| {
            Interface::ALL.map(|interface| Endpoint {
                id: stable_id(&format!("endpoint/{}/{}", service.kind, interface.as_str())),
                service_id: stable_id(&format!("service/{}", service.kind)),
                interface,
                url: format!("{}{}", self.base_url, service.path),
                region_id: Some(self.region.clone()),
                enabled: true,
                extra: Default::default(),
            })
        })
    }
}

impl OwnCatalog for Own {
    fn is_own(&self, id: &str) -> bool {
        self.ids.contains(id)
    }
}

/// The catalog as it stands in tokens.
pub(super) fn catalog(cloud: &Cloud, own: &Own, scope: &Scope, user: &UserId) -> Vec<Value> {
    let endpoints: Vec<Endpoint> = own
        .endpoints()
        .chain(cloud.endpoints.iter().map(|row| Endpoint::clone(row)))
        .filter(|endpoint| endpoint.enabled)
        .filter(|endpoint| match scope {
            Scope::Project { id, .. } => sees_endpoint(cloud, id, endpoint),
            _ => true,
        })
        .collect();
    own.services()
        .chain(cloud.catalog_services.iter().map(|row| CatalogService::clone(row)))
        .filter(|service| service.enabled)
        .map(|service| {
            let endpoints: Vec<Value> = endpoints
                .iter()
                .filter(|endpoint| endpoint.service_id == service.id)
                .filter_map(|endpoint| {
                    Some(json!({
                        "id": endpoint.id,
                        "interface": endpoint.interface.as_str(),
                        "region": endpoint.region_id,
                        "region_id": endpoint.region_id,
                        "url": fill_in(&endpoint.url, scope, user)?,
                    }))
                })
                .collect();
            json!({"id": service.id, "type": service.kind, "name": service.name, "endpoints": endpoints})
        })
        .collect()
}

/// The address with its placeholders filled in; `None` when it needs a project and the token has none.
fn fill_in(url: &str, scope: &Scope, user: &UserId) -> Option<String> {
    if !url.contains(")s") {
        return Some(url.to_owned());
    }
    let project = match scope {
        Scope::Project { id, .. } => Some(id.as_str()),
        _ => None,
    };
    let mut out = url.to_owned();
    for (name, value) in [
        ("project_id", project),
        ("tenant_id", project),
        ("user_id", Some(user.as_str())),
    ] {
        for placeholder in [format!("$({name})s"), format!("%({name})s")] {
            if out.contains(&placeholder) {
                out = out.replace(&placeholder, value?);
            }
        }
    }
    Some(out)
}
