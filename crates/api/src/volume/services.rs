//! Where volumes are: services, hosts, pools, zones, and what they can do.

use axum::extract::Path;
use model::volume::service;
use model::volume::types::CAPABILITIES;
use model::{Error, ProjectId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::Call;
use crate::compute::body::{Object, missing};
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

/// What the API has beyond Cinder's core, by the names that it had when it was an extension.
const EXTENSIONS: [(&str, &str); 13] = [
    ("os-admin-actions", "AdminActions"),
    ("os-availability-zone", "AvailabilityZones"),
    ("backups", "Backups"),
    ("os-extended-snapshot-attributes", "ExtendedSnapshotAttributes"),
    ("os-hosts", "Hosts"),
    ("os-quota-sets", "Quotas"),
    ("os-services", "Services"),
    ("os-types-extra-specs", "TypesExtraSpecs"),
    ("os-types-manage", "TypesManage"),
    ("os-used-limits", "UsedLimits"),
    ("os-volume-actions", "VolumeActions"),
    ("os-volume-transfer", "VolumeTransfer"),
    ("qos-specs", "Qos_specs_manage"),
];

fn extension_view((alias, name): (&str, &str)) -> Value {
    json!({
        "alias": alias,
        "name": name,
        "description": name,
        "namespace": "",
        "updated": "2013-04-18T00:00:00+00:00",
        "links": [],
    })
}

/// `GET /extensions`.
pub(super) async fn extensions(_call: Call) -> Reply {
    let all: Vec<Value> = EXTENSIONS.into_iter().map(extension_view).collect();
    reply(&json!({"extensions": all}))
}

/// `GET /extensions/{alias}`.
pub(super) async fn extension(_call: Call, Path(alias): Path<String>) -> Reply {
    let found = EXTENSIONS.into_iter().find(|(each, _)| *each == alias);
    let found =
        found.ok_or_else(|| Error::not_found("ExtensionNotFound", format!("There is no extension {alias}.")))?;
    reply(&json!({"extension": extension_view(found)}))
}

/// `GET /os-availability-zone`.
pub(super) async fn availability_zones(call: Call) -> Reply {
    reply(&json!({"availabilityZoneInfo": [{"zoneName": call.place().zone, "zoneState": {"available": true}}]}))
}

/// Whether the host reports.
fn is_up(call: &Call) -> bool {
    call.ctx.control().host_report().borrow().facts.vcpus > 0
}

/// What runs where: the program's parts by Cinder's names for them.
fn services(call: &Call) -> Vec<(&'static str, String)> {
    let host = call.place().host;
    vec![
        ("cinder-scheduler", host.to_string()),
        (service::VOLUME, format!("{host}@maru")),
        (service::BACKUP, host.to_string()),
    ]
}

/// `GET /os-services`.
pub(super) async fn list(call: Call, query: Query) -> Reply {
    let matches = |name: &str, value: &str| {
        query
            .get(name)
            .is_none_or(|wanted| wanted == value || value.split('@').next() == Some(wanted))
    };
    let now = call.ctx.control().now().micros_bare();
    let cloud = call.ctx.cloud();
    let shown: Vec<Value> = services(&call)
        .into_iter()
        .filter(|(binary, host)| matches("binary", binary) && matches("host", host))
        .map(|(binary, host)| {
            let said = service::of(&cloud, binary, &call.place().host);
            let is_disabled = said.is_some_and(|said| said.disabled);
            let mut service = json!({
                "binary": binary,
                "host": host,
                "zone": call.place().zone,
                "status": if is_disabled { "disabled" } else { "enabled" },
                "state": if is_up(&call) { "up" } else { "down" },
                "updated_at": now,
                "disabled_reason": said.and_then(|said| said.reason.as_ref()),
            });
            if binary == "cinder-volume" {
                service["replication_status"] = json!("disabled");
                service["active_backend_id"] = Value::Null;
                service["frozen"] = json!(false);
                if call.version.since(49) {
                    service["backend_state"] = service["state"].clone();
                }
            }
            if call.version.since(7) {
                service["cluster"] = Value::Null;
            }
            service
        })
        .collect();
    reply(&json!({"services": shown}))
}

/// `GET /os-hosts`.
pub(super) async fn hosts(call: Call) -> Reply {
    let now = call.ctx.control().now().micros_bare();
    let shown: Vec<Value> = services(&call)
        .into_iter()
        .map(|(binary, host)| {
            json!({
                "service-status": if is_up(&call) { "available" } else { "unavailable" },
                "service": binary,
                "zone": call.place().zone,
                "service-state": "enabled",
                "host_name": host,
                "last-update": now,
            })
        })
        .collect();
    reply(&json!({"hosts": shown}))
}

/// `GET /os-hosts/{host}`: what is on it, altogether and by project.
pub(super) async fn host(call: Call, Path(name): Path<String>) -> Reply {
    if !services(&call).iter().any(|(_, host)| *host == name) {
        return Err(Error::not_found("HostNotFound", format!("Host {name} could not be found.")).into());
    }
    let cloud = call.ctx.cloud();
    let mut sums: BTreeMap<Option<ProjectId>, [u64; 4]> = BTreeMap::from([(None, [0; 4])]);
    let mut add = |project: &ProjectId, index: usize, gib: u64| {
        for key in [None, Some(project.clone())] {
            let sum = sums.entry(key).or_default();
            sum[index] += 1;
            sum[index + 1] += gib;
        }
    };
    if name.contains('@') {
        cloud
            .volumes
            .iter()
            .for_each(|each| add(&each.project_id, 0, each.size_gib));
        cloud
            .volume_snapshots
            .iter()
            .for_each(|each| add(&each.project_id, 2, each.size_gib));
    }
    let shown: Vec<Value> = sums
        .into_iter()
        .map(|(project, sum)| {
            json!({"resource": {
                "host": name,
                "project": project.map_or_else(|| "(total)".to_owned(), |id| id.to_string()),
                "volume_count": sum[0].to_string(),
                "total_volume_gb": sum[1].to_string(),
                "snapshot_count": sum[2].to_string(),
                "total_snapshot_gb": sum[3].to_string(),
            }})
        })
        .collect();
    reply(&json!({"host": shown}))
}

fn pool_name(call: &Call) -> String {
    format!("{}@maru#maru", call.place().host)
}

/// `GET /scheduler-stats/get_pools`.
pub(super) async fn pools(call: Call, query: Query) -> Reply {
    let name = pool_name(&call);
    let mut pool = json!({"name": name});
    if query
        .get("detail")
        .is_some_and(|text| crate::compute::body::truth_of(text).unwrap_or(false))
    {
        let facts = call.ctx.control().host_report().borrow().facts.clone();
        let allocated: u64 = call.ctx.cloud().volumes.iter().map(|each| each.size_gib).sum();
        let mut capabilities = json!({
            "updated": call.ctx.control().now().micros_bare(),
            "location_info": null,
            "driver_version": env!("CARGO_PKG_VERSION"),
            "pool_name": "maru",
            "total_capacity_gb": facts.disk_bytes >> 30,
            "free_capacity_gb": facts.disk_free_bytes >> 30,
            "allocated_capacity_gb": allocated,
            "reserved_percentage": 0,
            "max_over_subscription_ratio": "20.0",
            "provisioned_capacity_gb": allocated,
            "QoS_support": false,
            "filter_function": null,
            "goodness_function": null,
            "timestamp": call.ctx.control().now().micros_bare(),
        });
        for (name, value) in CAPABILITIES {
            capabilities[name] = match value {
                "True" => json!(true),
                text => json!(text),
            };
        }
        pool["capabilities"] = capabilities;
    }
    reply(&json!({"pools": [pool]}))
}

/// `GET /capabilities/{host}`.
pub(super) async fn capabilities(call: Call, Path(name): Path<String>) -> Reply {
    let host = call.place().host.to_string();
    let known = [format!("{host}@maru"), pool_name(&call)];
    if !known.contains(&name) {
        return Err(Error::not_found(
            "ServiceNotFound",
            format!("Service cinder-volume could not be found on host {name}."),
        )
        .into());
    }
    let value = |wanted: &str| {
        CAPABILITIES
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| *value)
    };
    reply(&json!({
        "namespace": format!("OS::Storage::Capabilities::{name}"),
        "vendor_name": value("vendor_name"),
        "volume_backend_name": value("volume_backend_name"),
        "storage_protocol": value("storage_protocol"),
        "pool_name": "maru",
        "driver_version": env!("CARGO_PKG_VERSION"),
        "display_name": null,
        "description": null,
        "visibility": null,
        "replication_targets": [],
        "properties": {
            "thin_provisioning": {
                "title": "Thin Provisioning",
                "description": "Sets thin provisioning.",
                "type": "boolean",
            },
        },
    }))
}

/// `GET /resource_filters` (3.33): by what lists can be filtered.
pub(super) async fn resource_filters(call: Call, query: Query) -> Reply {
    call.version.require(33)?;
    let all = [
        (
            "volume",
            vec![
                "name",
                "status",
                "metadata",
                "bootable",
                "migration_status",
                "availability_zone",
                "source_volid",
                "volume_type_id",
            ],
        ),
        ("snapshot", vec!["name", "status", "volume_id", "metadata"]),
        ("backup", vec!["name", "status", "volume_id"]),
        ("group", Vec::new()),
        ("group_snapshot", vec!["status", "group_id"]),
        (
            "attachment",
            vec!["volume_id", "status", "instance_id", "attach_status"],
        ),
    ];
    let shown: Vec<Value> = all
        .into_iter()
        .filter(|(name, _)| query.get("resource").is_none_or(|wanted| wanted == *name))
        .map(|(name, filters)| json!({"resource": name, "filters": filters}))
        .collect();
    reply(&json!({"resource_filters": shown}))
}

/// `PUT /os-services/{action}`: a service that is disabled takes no new work. What stands goes on.
pub(super) async fn act(call: Call, Path(action): Path<String>, Wire(body): Wire<Map<String, Value>>) -> Reply {
    let body = Object::new(&body);
    let host = body.text("host", 1..=255)?.ok_or_else(|| missing("host"))?;
    let wanted = body.text("binary", 0..=255)?.or(body.text("service", 0..=255)?);
    let found = services(&call)
        .into_iter()
        .find(|(name, on)| on == host && wanted.is_none_or(|wanted| wanted == *name));
    let reason = body
        .text("disabled_reason", 0..=255)?
        .map(|text| text.trim().to_owned());
    let disabled = match action.as_str() {
        "enable" => false,
        "disable" => true,
        "disable-log-reason" if reason.as_ref().is_none_or(String::is_empty) => {
            return Err(missing("disabled_reason").into());
        }
        "disable-log-reason" => true,
        "freeze" | "thaw" if found.is_none() => {
            return Err(Error::invalid("HTTPBadRequest", format!("Host {host} could not be found.")).into());
        }
        "freeze" | "thaw" => {
            return Err(Error::invalid(
                "HTTPBadRequest",
                "A host is frozen after it failed over to its replica; this cloud keeps none.",
            )
            .into());
        }
        _ => return Err(Error::not_found("HTTPNotFound", "Unknown action").into()),
    };
    let Some((binary, _)) = found else {
        return Err(Error::not_found("ServiceNotFound", format!("There is no such service on host {host}.")).into());
    };
    let reason = reason.filter(|_| action == "disable-log-reason");
    let place = call.place();
    let said = call
        .ctx
        .transact(move |tx, _| Ok(service::set(tx, binary, &place.host, disabled, reason)))
        .await?;
    let mut shown = json!({
        "host": host,
        "service": wanted.unwrap_or(binary),
        "binary": binary,
        "disabled": disabled,
        "status": if disabled { "disabled" } else { "enabled" },
    });
    if action != "disable" {
        shown["disabled_reason"] = json!(said.reason);
    }
    reply(&shown)
}
