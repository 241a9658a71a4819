//! Resource providers: the hosts, with what they have and what they can do.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::compute::schedule::{Candidate, Policy};
use model::{Error, Result};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::candidates::{Amounts, parse_required, parse_resources};
use super::version::Microversion;
use crate::compute::{hypervisor_uuid, scheduling};
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as ok};

/// The classes that a host has something of.
const OWN_CLASSES: [&str; 3] = ["DISK_GB", "MEMORY_MB", "VCPU"];

/// The classes of OpenStack's own (os-resource-classes).
const CLASSES: [&str; 21] = [
    "VCPU",
    "MEMORY_MB",
    "DISK_GB",
    "PCI_DEVICE",
    "SRIOV_NET_VF",
    "NUMA_SOCKET",
    "NUMA_CORE",
    "NUMA_THREAD",
    "NUMA_MEMORY_MB",
    "IPV4_ADDRESS",
    "VGPU",
    "VGPU_DISPLAY_HEAD",
    "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_BW_IGR_KILOBIT_PER_SEC",
    "PCPU",
    "MEM_ENCRYPTION_CONTEXT",
    "FPGA",
    "PGPU",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
];

/// What hosts here can do (os-traits).
const TRAITS: [&str; 6] = [
    "COMPUTE_IMAGE_TYPE_ISO",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_NET_VIF_MODEL_VIRTIO",
    "COMPUTE_NODE",
];

/// A host.
pub(super) struct Provider {
    /// The same as its hypervisor's.
    pub(super) uuid: Uuid,
    /// What it has and what is taken.
    pub(super) candidate: Candidate,
    policy: Policy,
    /// Grows with each change of what the host is to do.
    pub(super) generation: u64,
}

impl Provider {
    /// Every host that reports.
    pub(super) fn all(ctx: &Ctx) -> Vec<Self> {
        let hosts = scheduling(ctx);
        let generation = ctx.control().host_report().borrow().revision;
        let candidates = hosts.candidates(&ctx.cloud()).into_iter();
        candidates
            .filter(|candidate| candidate.is_up)
            .map(|candidate| Self {
                uuid: hypervisor_uuid(candidate.host.as_str()),
                candidate,
                policy: hosts.policy,
                generation,
            })
            .collect()
    }

    /// The one with this id.
    ///
    /// # Errors
    /// `NotFound`.
    pub(super) fn find(ctx: &Ctx, uuid: &str) -> Result<Self> {
        let found = Self::all(ctx)
            .into_iter()
            .find(|provider| provider.uuid.to_string() == uuid);
        found.ok_or_else(|| Error::not_found("HTTPNotFound", format!("No resource provider with uuid {uuid} found")))
    }

    /// Total, kept back, and per cent that may be given of a class.
    fn stock(&self, class: &str) -> Option<(u64, u64, u64)> {
        let (host, policy) = (&self.candidate, &self.policy);
        match class {
            "VCPU" => Some((host.vcpus, 0, policy.cpu_ratio_percent)),
            "MEMORY_MB" => Some((host.memory_mib, policy.reserved_memory_mib, policy.ram_ratio_percent)),
            "DISK_GB" => Some((host.disk_gib, 0, policy.disk_ratio_percent)),
            _ => None,
        }
    }

    /// So much of a class may be given in all.
    pub(super) fn capacity(&self, class: &str) -> u64 {
        let (total, reserved, percent) = self.stock(class).unwrap_or_default();
        total.saturating_sub(reserved).saturating_mul(percent) / 100
    }

    fn inventory(&self, class: &str) -> Option<Value> {
        let (total, reserved, percent) = self.stock(class)?;
        Some(json!({
            "total": total,
            "reserved": reserved,
            "min_unit": 1,
            "max_unit": total,
            "step_size": 1,
            "allocation_ratio": percent as f64 / 100.0,
        }))
    }

    /// What is taken, by class.
    pub(super) fn used(&self) -> Amounts {
        super::usage::amounts(&self.candidate.taken)
    }

    /// The classes it has something of.
    pub(super) fn classes() -> impl Iterator<Item = &'static str> {
        OWN_CLASSES.into_iter()
    }

    /// What it can do.
    pub(super) fn traits() -> BTreeSet<String> {
        let arch = format!("HW_ARCH_{}", std::env::consts::ARCH.to_uppercase());
        TRAITS.into_iter().map(str::to_owned).chain([arch]).collect()
    }

    /// Whether so much more fits: within the capacity, and no single request larger than the host.
    pub(super) fn has_room(&self, wanted: &Amounts) -> bool {
        let used = self.used();
        wanted.iter().all(|(class, amount)| {
            let (total, ..) = self.stock(class).unwrap_or_default();
            let taken = used.get(class).copied().unwrap_or(0);
            *amount <= total && taken.saturating_add(*amount) <= self.capacity(class)
        })
    }

    fn render(&self, version: Microversion) -> Value {
        let path = format!("/placement/resource_providers/{}", self.uuid);
        let mut names = vec!["inventories", "usages"];
        for (minor, name) in [(1, "aggregates"), (6, "traits"), (11, "allocations")] {
            if version.since(minor) {
                names.push(name);
            }
        }
        let mut links = vec![json!({"rel": "self", "href": path})];
        links.extend(
            names
                .into_iter()
                .map(|name| json!({"rel": name, "href": format!("{path}/{name}")})),
        );
        let mut body = json!({
            "uuid": self.uuid,
            "name": self.candidate.host,
            "generation": self.generation,
            "links": links,
        });
        if version.since(14) {
            body["parent_provider_uuid"] = Value::Null;
            body["root_provider_uuid"] = json!(self.uuid);
        }
        body
    }
}

/// `GET /resource_providers`
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    const KNOWN: [(&str, u16); 6] = [
        ("name", 0),
        ("uuid", 0),
        ("member_of", 3),
        ("resources", 4),
        ("in_tree", 14),
        ("required", 18),
    ];
    for (name, _) in query.iter() {
        if !KNOWN
            .iter()
            .any(|(known, minor)| *known == name && version.since(*minor))
        {
            return Err(Error::invalid("HTTPBadRequest", format!("Invalid query string parameter: '{name}'.")).into());
        }
    }
    let resources = match query.get("resources") {
        Some(text) => parse_resources(text)?,
        None => Amounts::new(),
    };
    let (needs, forbids) = parse_required(&query)?;
    let traits = Provider::traits();
    let by_traits = needs.is_subset(&traits) && forbids.is_disjoint(&traits);
    let rows = Provider::all(&ctx).into_iter().filter(|row| {
        let uuid = row.uuid.to_string();
        let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
        is("uuid", &uuid)
            && is("in_tree", &uuid)
            && is("name", row.candidate.host.as_str())
            // No host is in an aggregate.
            && query.get("member_of").is_none()
            && by_traits
            && row.has_room(&resources)
    });
    let rows: Vec<Value> = rows.map(|row| row.render(version)).collect();
    ok(&json!({"resource_providers": rows}))
}

/// `GET /resource_providers/{uuid}`
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    ok(&Provider::find(&ctx, &uuid)?.render(version))
}

/// `GET /resource_providers/{uuid}/inventories`
pub(super) async fn inventories(ctx: Ctx, Path(uuid): Path<String>) -> Reply {
    let provider = Provider::find(&ctx, &uuid)?;
    let all: Map<String, Value> = Provider::classes()
        .filter_map(|class| Some((class.to_owned(), provider.inventory(class)?)))
        .collect();
    ok(&json!({"inventories": all, "resource_provider_generation": provider.generation}))
}

/// `GET /resource_providers/{uuid}/inventories/{resource_class}`
pub(super) async fn inventory(ctx: Ctx, Path((uuid, class)): Path<(String, String)>) -> Reply {
    let provider = Provider::find(&ctx, &uuid)?;
    let mut body = provider.inventory(&class).ok_or_else(|| {
        Error::not_found(
            "HTTPNotFound",
            format!("No inventory of class {class} for resource provider {uuid}"),
        )
    })?;
    body["resource_provider_generation"] = provider.generation.into();
    ok(&body)
}

/// `GET /resource_providers/{uuid}/aggregates`: hosts here are in none.
pub(super) async fn aggregates(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    version.require(1)?;
    let provider = Provider::find(&ctx, &uuid)?;
    let mut body = json!({"aggregates": []});
    if version.since(19) {
        body["resource_provider_generation"] = provider.generation.into();
    }
    ok(&body)
}

/// `GET /resource_providers/{uuid}/traits`
pub(super) async fn traits(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    version.require(6)?;
    let provider = Provider::find(&ctx, &uuid)?;
    ok(&json!({"traits": Provider::traits(), "resource_provider_generation": provider.generation}))
}

fn class_document(name: &str) -> Value {
    let path = format!("/placement/resource_classes/{name}");
    json!({"name": name, "links": [{"rel": "self", "href": path}]})
}

/// `GET /resource_classes`
pub(super) async fn resource_classes(version: Microversion) -> Reply {
    version.require(2)?;
    let all: Vec<Value> = CLASSES.into_iter().map(class_document).collect();
    ok(&json!({"resource_classes": all}))
}

/// Whether there is such a class.
pub(super) fn is_class(name: &str) -> bool {
    CLASSES.contains(&name)
}

/// `GET /resource_classes/{name}`
pub(super) async fn resource_class(version: Microversion, Path(name): Path<String>) -> Reply {
    version.require(2)?;
    if !is_class(&name) {
        return Err(Error::not_found("HTTPNotFound", format!("No such resource class: {name}")).into());
    }
    ok(&class_document(&name))
}

/// `GET /traits`
pub(super) async fn all_traits(version: Microversion, query: Query) -> Reply {
    version.require(6)?;
    let wanted = query.get("name");
    let fits = |name: &String| match wanted.and_then(|text| text.split_once(':')) {
        Some(("startswith", start)) => name.starts_with(start),
        Some(("in", names)) => names.split(',').any(|wanted| wanted == name),
        _ => true,
    };
    if wanted.is_some_and(|text| !text.starts_with("startswith:") && !text.starts_with("in:")) {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Badly formatted name parameter: it is 'in:A,B' or 'startswith:A'.",
        )
        .into());
    }
    let associated = query
        .get("associated")
        .is_none_or(|word| !word.eq_ignore_ascii_case("false"));
    let names: BTreeSet<String> = Provider::traits()
        .into_iter()
        .filter(|name| associated && fits(name))
        .collect();
    ok(&json!({"traits": names}))
}

/// `GET /traits/{name}`: 204 when there is one.
pub(super) async fn check_trait(version: Microversion, Path(name): Path<String>) -> Reply {
    version.require(6)?;
    if !Provider::traits().contains(&name) {
        return Err(Error::not_found("HTTPNotFound", format!("No such trait(s): {name}.")).into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Summaries of hosts as `allocation_candidates` has them.
pub(super) fn summary(provider: &Provider, classes: &BTreeSet<String>, version: Microversion) -> Value {
    let used = provider.used();
    let resources: BTreeMap<&str, Value> = Provider::classes()
        .filter(|class| version.since(27) || classes.contains(*class))
        .map(|class| {
            let taken = used.get(class).copied().unwrap_or(0);
            (class, json!({"capacity": provider.capacity(class), "used": taken}))
        })
        .collect();
    let mut body = json!({"resources": resources});
    if version.since(17) {
        body["traits"] = json!(Provider::traits());
    }
    if version.since(29) {
        body["parent_provider_uuid"] = Value::Null;
        body["root_provider_uuid"] = json!(provider.uuid);
    }
    body
}
