//! `GET /allocation_candidates`: where a request would fit, by the same account that the scheduler goes by.

use std::collections::{BTreeMap, BTreeSet};

use model::{Error, Result};
use serde_json::{Map, Value, json};

use super::provider::{Provider, is_class, summary};
use super::version::Microversion;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as ok};

/// Amounts by resource class.
pub(super) type Amounts = BTreeMap<String, u64>;

fn bad(message: impl Into<String>) -> Error {
    Error::invalid("HTTPBadRequest", message)
}

/// `VCPU:1,MEMORY_MB:64`
pub(super) fn parse_resources(text: &str) -> Result<Amounts> {
    let parse = |part: &str| {
        let (class, amount) = part.split_once(':')?;
        let amount = amount.parse::<u64>().ok().filter(|amount| *amount > 0)?;
        Some((class.to_owned(), amount))
    };
    let amounts: Option<Amounts> = text.split(',').map(parse).collect();
    let amounts = amounts.ok_or_else(|| {
        bad(format!(
            "Badly formed resources parameter. Expected resources query string parameter in form: \
             ?resources=VCPU:2,MEMORY_MB:1024. Got: {text}."
        ))
    })?;
    match amounts.keys().find(|class| !is_class(class)) {
        None => Ok(amounts),
        Some(class) => Err(bad(format!("Invalid resource class in resources parameter: {class}"))),
    }
}

/// The traits that a host must have, and those it must not (`!T`).
pub(super) fn parse_required(query: &Query) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let (mut needs, mut forbids) = (BTreeSet::new(), BTreeSet::new());
    for text in query.all("required") {
        for name in text.split(',') {
            let (name, into) = match name.strip_prefix('!') {
                Some(name) => (name, &mut forbids),
                None => (name, &mut needs),
            };
            let plain = !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            if !plain {
                return Err(bad(format!(
                    "Invalid query string parameters: '{text}' is no list of traits (required)."
                )));
            }
            into.insert(name.to_owned());
        }
    }
    Ok((needs, forbids))
}

/// `GET /allocation_candidates`
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require(10)?;
    let text = query
        .get("resources")
        .ok_or_else(|| bad("'resources' is a required property"))?;
    let wanted = parse_resources(text)?;
    let (needs, forbids) = parse_required(&query)?;
    let limit = match query.get("limit") {
        None => usize::MAX,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| bad("Invalid query string parameters: 'limit' must be a positive number"))?,
    };
    let traits = Provider::traits();
    let fits = |provider: &Provider| {
        let in_tree = query
            .get("in_tree")
            .is_none_or(|uuid| uuid == provider.uuid.to_string());
        in_tree
            && query.get("member_of").is_none()
            && needs.is_subset(&traits)
            && forbids.is_disjoint(&traits)
            && provider.has_room(&wanted)
    };
    let found: Vec<Provider> = Provider::all(&ctx).into_iter().filter(fits).take(limit).collect();
    let classes: BTreeSet<String> = wanted.keys().cloned().collect();
    let requests: Vec<Value> = found
        .iter()
        .map(|provider| request(provider, &wanted, version))
        .collect();
    let summaries: Map<String, Value> = found
        .iter()
        .map(|provider| (provider.uuid.to_string(), summary(provider, &classes, version)))
        .collect();
    ok(&json!({"allocation_requests": requests, "provider_summaries": summaries}))
}

fn request(provider: &Provider, wanted: &Amounts, version: Microversion) -> Value {
    let uuid = provider.uuid.to_string();
    if !version.since(12) {
        return json!({"allocations": [{"resource_provider": {"uuid": uuid}, "resources": wanted}]});
    }
    let mut body = json!({"allocations": {uuid.clone(): {"resources": wanted}}});
    if version.since(34) {
        body["mappings"] = json!({"": [uuid]});
    }
    body
}
