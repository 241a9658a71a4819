//! How many addresses of each network are used (`network-ip-availability`).

use std::sync::Arc;

use axum::extract::Path;
use model::Cloud;
use model::network::{Network, Subnet, subnet};
use serde_json::{Value, json};

use super::collection::parse_id;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as document};

/// A number as JSON has it: beyond 2^64 (IPv6) it is written with its digits, as Python does.
fn number(value: u128) -> Value {
    u64::try_from(value).map_or_else(|_| json!(value as f64), Value::from)
}

fn of_subnet(cloud: &Cloud, row: &Subnet) -> (u128, usize, Value) {
    let total = subnet::pool_size(row);
    let used = subnet::addresses_in_use(cloud, row.id).count();
    let document = json!({
        "subnet_id": row.id,
        "subnet_name": row.standard.name,
        "cidr": row.cidr,
        "ip_version": row.ip_version(),
        "total_ips": number(total),
        "used_ips": used,
    });
    (total, used, document)
}

fn of_network(cloud: &Cloud, network: &Network) -> Value {
    let subnets: Vec<(u128, usize, Value)> = cloud
        .subnets_of_network(network.id)
        .map(|row| of_subnet(cloud, row))
        .collect();
    let total = subnets
        .iter()
        .fold(0_u128, |sum, (total, ..)| sum.saturating_add(*total));
    json!({
        "network_id": network.id,
        "network_name": network.standard.name,
        "project_id": network.standard.project_id,
        "tenant_id": network.standard.project_id,
        "total_ips": number(total),
        "used_ips": subnets.iter().map(|(_, used, _)| used).sum::<usize>(),
        "subnet_ip_availability": subnets.into_iter().map(|(.., document)| document).collect::<Vec<_>>(),
    })
}

/// GET all.
pub(super) async fn list(ctx: Ctx, query: Query) -> Reply {
    let cloud = ctx.cloud();
    let version = query.get("ip_version").and_then(|text| text.parse::<u8>().ok());
    let wanted = |network: &&Arc<Network>| {
        let is = |name: &str, value: &str| query.all(name).count() == 0 || query.all(name).any(|want| want == value);
        is("network_id", &network.id.to_string())
            && is("network_name", &network.standard.name)
            && is("project_id", network.standard.project_id.as_str())
            && is("tenant_id", network.standard.project_id.as_str())
            && version.is_none_or(|version| {
                cloud
                    .subnets_of_network(network.id)
                    .any(|row| row.ip_version() == version)
            })
    };
    let all: Vec<Value> = cloud
        .networks
        .iter()
        .filter(wanted)
        .map(|network| of_network(&cloud, network))
        .collect();
    document(&json!({"network_ip_availabilities": all}))
}

/// GET of one network.
pub(super) async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let network = cloud.get::<Network>(&parse_id::<Network>(&id)?)?;
    document(&json!({"network_ip_availability": of_network(&cloud, &network)}))
}
