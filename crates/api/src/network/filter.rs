//! Filters of lists: any attribute, repeated for "or", exact; and the tags' own four.

use std::collections::BTreeMap;

use model::{Error, Result};
use serde_json::Value;

use super::attributes::parse_boolean;
use crate::query::Query;

/// Query parameters that are no filters.
const CONTROLS: &[&str] = &["fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"];
/// Filters by label.
const TAG_FILTERS: &[&str] = &["tags", "tags-any", "not-tags", "not-tags-any"];

/// The filters of one request.
pub(super) struct Filters {
    by_name: BTreeMap<String, Vec<String>>,
}

impl Filters {
    /// Takes the filters out of a query.
    ///
    /// # Errors
    /// `HTTPBadRequest` for an attribute that the resource does not have (Neutron's `filter-validation`).
    pub(super) fn new(query: &Query, attributes: &[&str]) -> Result<Self> {
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut unknown = Vec::new();
        for (name, value) in query.iter() {
            if CONTROLS.contains(&name) {
                continue;
            }
            if !attributes.contains(&name) && !TAG_FILTERS.contains(&name) && name != "changed_since" {
                unknown.push(name);
                continue;
            }
            let name = if name == "tenant_id" { "project_id" } else { name };
            by_name.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        if unknown.is_empty() {
            return Ok(Self { by_name });
        }
        Err(Error::invalid(
            "HTTPBadRequest",
            format!("{unknown:?} is invalid attribute for filtering"),
        ))
    }

    /// The values asked for of one attribute.
    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        self.by_name.get(name).map(Vec::as_slice)
    }

    /// Names of the attributes that [`Filters::pass`] needs, in its order.
    pub(super) fn needs(&self) -> Vec<&str> {
        self.by_name
            .keys()
            .map(|name| match name.as_str() {
                name if TAG_FILTERS.contains(&name) => "tags",
                "changed_since" => "updated_at",
                name => name,
            })
            .collect()
    }

    /// Whether a resource with these values (in the order of [`Filters::needs`]) is asked for.
    pub(super) fn pass(&self, values: &[Value]) -> bool {
        self.by_name
            .iter()
            .zip(values)
            .all(|((name, wanted), value)| match name.as_str() {
                "tags" => all_tags(wanted, value),
                "tags-any" => any_tag(wanted, value),
                "not-tags" => !all_tags(wanted, value),
                "not-tags-any" => !any_tag(wanted, value),
                "changed_since" => wanted
                    .iter()
                    .all(|since| value.as_str().is_some_and(|at| at >= since.as_str())),
                _ => attribute(wanted, value),
            })
    }
}

fn tags(wanted: &[String]) -> impl Iterator<Item = &str> {
    wanted
        .iter()
        .flat_map(|list| list.split(','))
        .filter(|tag| !tag.is_empty())
}

fn has_tag(value: &Value, tag: &str) -> bool {
    value
        .as_array()
        .is_some_and(|own| own.iter().any(|own| own.as_str() == Some(tag)))
}

fn all_tags(wanted: &[String], value: &Value) -> bool {
    tags(wanted).all(|tag| has_tag(value, tag))
}

fn any_tag(wanted: &[String], value: &Value) -> bool {
    tags(wanted).any(|tag| has_tag(value, tag))
}

/// Whether an attribute has one of the values. A list of objects (`fixed_ips=ip_address=…`) must have, for every key
/// asked about, one of the values asked for.
fn attribute(wanted: &[String], value: &Value) -> bool {
    let Value::Array(items) = value else {
        return wanted.iter().any(|text| scalar(text, value));
    };
    if !items.iter().any(Value::is_object) {
        return wanted.iter().any(|text| items.iter().any(|item| scalar(text, item)));
    }
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for text in wanted {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        by_key.entry(key).or_default().push(value);
    }
    by_key.iter().all(|(key, values)| {
        items.iter().any(|item| match key.strip_suffix("_substr") {
            Some(key) => item[key]
                .as_str()
                .is_some_and(|own| values.iter().any(|part| own.contains(part))),
            None => values.iter().any(|text| scalar(text, &item[*key])),
        })
    })
}

fn scalar(text: &str, value: &Value) -> bool {
    match value {
        Value::String(own) => own == text,
        Value::Bool(own) => parse_boolean(text) == Some(*own),
        Value::Number(own) => own.to_string() == text,
        Value::Null => text.is_empty() || text == "None" || text == "null",
        Value::Object(map) => text
            .split_once('=')
            .is_some_and(|(key, wanted)| map.get(key).is_some_and(|own| scalar(wanted, own))),
        Value::Array(items) => items.iter().any(|item| scalar(text, item)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attributes_are_compared_by_their_type() {
        let yes = |wanted: &[&str], value: Value| {
            let wanted: Vec<String> = wanted.iter().map(|text| (*text).to_owned()).collect();
            attribute(&wanted, &value)
        };
        assert!(yes(&["a", "b"], json!("b")) && !yes(&["a"], json!("ab")));
        assert!(yes(&["True"], json!(true)) && yes(&["0"], json!(false)) && !yes(&["x"], json!(true)));
        assert!(yes(&["4"], json!(4)) && yes(&[""], json!(null)) && yes(&[""], json!("")));
        assert!(yes(&["g1"], json!(["g0", "g1"])) && !yes(&["g2"], json!(["g0", "g1"])));
        let ips = json!([{"ip_address": "10.0.0.5", "subnet_id": "s1"}, {"ip_address": "10.0.1.5", "subnet_id": "s2"}]);
        assert!(yes(&["ip_address=10.0.0.5"], ips.clone()));
        assert!(yes(&["ip_address=10.0.0.5", "subnet_id=s1"], ips.clone()));
        assert!(!yes(&["ip_address=10.0.0.5", "subnet_id=s3"], ips.clone()));
        assert!(yes(&["ip_address_substr=0.1."], ips));
    }

    #[test]
    fn an_unknown_filter_is_refused() {
        let query = Query::parse("name=x&flavour=y&limit=3");
        let error = Filters::new(&query, &["name"]).err().unwrap();
        assert_eq!(error.message, "[\"flavour\"] is invalid attribute for filtering");
    }
}
