//! Floating IP pools: the IPv4 subnets that floating IPs come from (`floatingip-pools`).

use model::Cloud;
use model::network::{Resource, Subnet};
use serde_json::{Map, Value, json};

use super::filter::Filters;
use super::page::{Page, compare};
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as document};

const ATTRIBUTES: &[&str] = &[
    "subnet_id",
    "subnet_name",
    "network_id",
    "cidr",
    "project_id",
    "tenant_id",
];

/// GET: the pools of the provider networks that the caller sees. Their project is the caller's, as in Neutron.
pub(super) async fn list(ctx: Ctx, query: Query) -> Reply {
    let filters = Filters::new(&query, ATTRIBUTES)?;
    let page = Page::new(&query, ATTRIBUTES)?;
    let cloud = ctx.cloud();
    let needs = filters.needs();
    let pick = |pool: &Value, names: &[&str]| -> Vec<Value> { names.iter().map(|name| pool[*name].clone()).collect() };
    let mut pools: Vec<Value> = subnets(&ctx, &cloud)
        .map(|subnet| pool(&ctx, subnet))
        .filter(|pool| filters.pass(&pick(pool, &needs)))
        .collect();
    pools.sort_by(|a, b| {
        let orders = page.sort.iter().map(|(key, descends)| {
            let order = compare(&a[key.as_str()], &b[key.as_str()]);
            if *descends { order.reverse() } else { order }
        });
        orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    let subnet_id = |pool: &Value| pool["subnet_id"].as_str().unwrap_or_default().to_owned();
    let mut pools = page.cut(pools, subnet_id)?;
    let url = format!("{}/networking/v2.0/floatingip_pools", ctx.base_url());
    let edge = |pool: Option<&Value>| pool.map(subnet_id);
    let links = page.links(&url, &query, edge(pools.first()), edge(pools.last()), pools.len());
    let fields: Vec<&str> = query.all("fields").filter(|field| !field.is_empty()).collect();
    if !fields.is_empty() {
        let shown = pools.iter_mut().filter_map(Value::as_object_mut);
        shown.for_each(|pool| pool.retain(|name, _| fields.contains(&name.as_str())));
    }
    let mut body = Map::from_iter([("floatingip_pools".to_owned(), Value::Array(pools))]);
    if !links.is_empty() {
        body.insert("floatingip_pools_links".to_owned(), Value::Array(links));
    }
    document(&Value::Object(body))
}

fn subnets<'a>(ctx: &'a Ctx, cloud: &'a Cloud) -> impl Iterator<Item = &'a Subnet> {
    let networks = cloud.lookups.external_networks.of(&());
    networks
        .filter_map(move |id| cloud.networks.get(id))
        .filter(move |network| network.visible_to(cloud, ctx.actor()))
        .flat_map(move |network| cloud.subnets_of_network(network.id))
        .map(|subnet| &**subnet)
        .filter(|subnet| !subnet.is_ipv6())
}

fn pool(ctx: &Ctx, subnet: &Subnet) -> Value {
    let project = ctx.actor().project_id();
    json!({
        "subnet_id": subnet.id,
        "subnet_name": subnet.standard.name,
        "network_id": subnet.network_id,
        "cidr": subnet.cidr,
        "project_id": project,
        "tenant_id": project,
    })
}
