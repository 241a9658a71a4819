//! Lists: who is in them, filters, order and pages, the same for every collection.

use std::cmp::Ordering;

use model::{Error, ProjectId, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Call;
use crate::compute::body::truth_of;
use crate::query::Query;

/// Most entries of a page (cinder `osapi_max_limit`).
const MAX_LIMIT: usize = 1000;

/// What a resource is compared by.
pub(super) trait Listed {
    /// By what lists may be ordered.
    const SORT_KEYS: &'static [&'static str];
    /// Its id.
    fn id(&self) -> String;
    /// Its project.
    fn project(&self) -> &ProjectId;
    /// An attribute, for order and filters; `None` for one that it does not have.
    fn attribute(&self, name: &str) -> Option<Value>;
    /// Key/value metadata.
    fn metadata(&self) -> Option<&std::collections::BTreeMap<String, String>> {
        None
    }
}

/// Names in a query that are no filters.
const CONTROLS: [&str; 9] = [
    "limit",
    "marker",
    "offset",
    "sort",
    "sort_key",
    "sort_dir",
    "all_tenants",
    "with_count",
    "is_public",
];

/// A page of a list.
pub(super) struct Page<T> {
    /// Its entries.
    pub(super) items: Vec<T>,
    /// How many there are altogether.
    total: usize,
    next: Option<String>,
}

/// Which projects a list is of: the caller's, or all for an administrator who asks for them.
pub(super) fn wants_all(call: &Call, query: &Query) -> bool {
    let asked = query
        .get("all_tenants")
        .is_some_and(|text| truth_of(text).unwrap_or(false));
    asked && call.ctx.actor().is_admin()
}

/// Cuts a page out of what the caller may see.
///
/// # Errors
/// `Invalid` for a limit, offset or order that can't be; `NotFound` for an unknown marker.
pub(super) fn page<T: Listed>(call: &Call, query: &Query, all: impl Iterator<Item = T>) -> Result<Page<T>> {
    let everyone = wants_all(call, query);
    let own = call.ctx.actor().project_id();
    let mut items: Vec<T> = all
        .filter(|item| everyone || own == Some(item.project()))
        .filter(|item| passes(item, query, everyone))
        .collect();
    sort(&mut items, query)?;
    let total = items.len();
    let start = match query.get("marker") {
        None => 0,
        Some(marker) => {
            let found = items.iter().position(|item| item.id() == marker);
            found
                .map(|index| index + 1)
                .ok_or_else(|| Error::not_found("MarkerNotFound", format!("marker [{marker}] could not be found.")))?
        }
    };
    let offset = number(query, "offset")?.unwrap_or(0);
    let limit = number(query, "limit")?.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let items: Vec<T> = items.into_iter().skip(start).skip(offset).take(limit).collect();
    let next = (limit > 0 && items.len() == limit)
        .then(|| items.last().map(Listed::id))
        .flatten();
    Ok(Page { items, total, next })
}

impl<T> Page<T> {
    /// The document: the entries, the link to the next page, the count where it was asked for (3.45).
    pub(super) fn body(&self, call: &Call, query: &Query, name: &str, path: &str, view: impl Fn(&T) -> Value) -> Value {
        let entries: Vec<Value> = self.items.iter().map(view).collect();
        let mut body = json!({ name: entries });
        if let Some(marker) = &self.next {
            let kept = query.iter().filter(|(name, _)| *name != "marker" && *name != "offset");
            let pairs: Vec<String> = kept
                .chain([("marker", marker.as_str())])
                .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
                .collect();
            let href = format!("{}?{}", call.link(path), pairs.join("&"));
            body[format!("{name}_links")] = json!([{"rel": "next", "href": href}]);
        }
        let counts = query
            .get("with_count")
            .is_some_and(|text| truth_of(text).unwrap_or(false));
        if counts && call.version.since(45) {
            body["count"] = json!(self.total);
        }
        body
    }
}

fn encode(text: &str) -> String {
    const PLAIN: percent_encoding::AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, &PLAIN).to_string()
}

fn number(query: &Query, name: &str) -> Result<Option<usize>> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.len() < 10;
    match text.parse() {
        Ok(number) if is_number => Ok(Some(number)),
        _ => Err(Error::invalid(
            "ValidationError",
            format!("Invalid input for query parameters: {name} is not a whole number from 0: '{text}'."),
        )),
    }
}

fn passes<T: Listed>(item: &T, query: &Query, everyone: bool) -> bool {
    query
        .iter()
        .filter(|(name, _)| !CONTROLS.contains(name))
        .all(|(name, wanted)| match name {
            "metadata" | "glance_metadata" => pairs(wanted)
                .iter()
                .all(|(key, value)| item.metadata().is_some_and(|metadata| metadata.get(key) == Some(value))),
            "project_id" if !everyone => true,
            _ => {
                let (name, is_like) = name.strip_suffix('~').map_or((name, false), |name| (name, true));
                match item.attribute(name) {
                    // What a resource does not have filters nothing: Cinder drops it.
                    None => true,
                    Some(Value::Null) => wanted.is_empty() || wanted == "None",
                    Some(Value::Bool(has)) => truth_of(wanted) == Some(has),
                    Some(value) => {
                        let has = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        if is_like {
                            has.contains(wanted)
                        } else {
                            has == wanted || (name == "status" && has.eq_ignore_ascii_case(wanted))
                        }
                    }
                }
            }
        })
}

/// `{"key": "value"}`, or as Python writes it: `{'key': 'value'}`.
fn pairs(text: &str) -> Vec<(String, String)> {
    let json = text.replace("u'", "'").replace('\'', "\"");
    let map: serde_json::Map<String, Value> = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&json))
        .unwrap_or_default();
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.into_iter().map(|(key, value)| (key, text(value))).collect()
}

/// `sort=name:asc,id`, or the older `sort_key` and `sort_dir`; newest first without either.
fn sort<T: Listed>(items: &mut [T], query: &Query) -> Result<()> {
    let mut keys: Vec<(String, bool)> = Vec::new();
    if let Some(text) = query.get("sort") {
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (key, direction) = part.split_once(':').unwrap_or((part, "desc"));
            keys.push((key.trim().to_owned(), is_descending(direction)?));
        }
    } else {
        let directions: Vec<&str> = query.all("sort_dir").collect();
        for (index, key) in query.all("sort_key").enumerate() {
            let direction = directions.get(index).or(directions.first()).copied().unwrap_or("desc");
            keys.push((key.to_owned(), is_descending(direction)?));
        }
    }
    if let Some((key, _)) = keys.iter().find(|(key, _)| !T::SORT_KEYS.contains(&key.as_str())) {
        return Err(Error::invalid(
            "InvalidInput",
            format!("Invalid input received: Sort key supplied is invalid: {key}."),
        ));
    }
    let last = keys.last().is_none_or(|(_, descending)| *descending);
    if keys.is_empty() {
        keys.push(("created_at".to_owned(), true));
    }
    keys.push(("id".to_owned(), last));
    items.sort_by(|a, b| {
        let order = |(key, descending): &(String, bool)| {
            let order = compare(a.attribute(key), b.attribute(key));
            if *descending { order.reverse() } else { order }
        };
        keys.iter()
            .map(order)
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    });
    Ok(())
}

fn is_descending(text: &str) -> Result<bool> {
    match text {
        "asc" => Ok(false),
        "desc" => Ok(true),
        other => Err(Error::invalid(
            "InvalidInput",
            format!("Invalid input received: sort direction '{other}' is neither asc nor desc."),
        )),
    }
}

fn compare(a: Option<Value>, b: Option<Value>) -> Ordering {
    let rank = |value: Option<Value>| match value {
        Some(Value::Number(number)) => (number.as_u64().unwrap_or(0), String::new()),
        Some(Value::String(text)) => (0, text),
        Some(Value::Bool(flag)) => (u64::from(flag), String::new()),
        _ => (0, String::new()),
    };
    rank(a).cmp(&rank(b))
}
