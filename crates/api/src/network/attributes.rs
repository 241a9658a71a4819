//! Reading the attributes of a body, one by one: each is taken out, converted and checked with Neutron's words; what is
//! left in the end was not recognized.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use model::address::MacAddress;
use model::host::Route;
use model::{Error, ProjectId, Result};
use serde_json::{Map, Value};

/// Neutron's limit of names and descriptions, characters.
pub(super) const TEXT: usize = 255;
/// Neutron's limit of a tag, characters.
const TAG: usize = 255;

/// The attributes of one resource in a request's body.
pub(super) struct Attrs {
    map: Map<String, Value>,
}

impl Attrs {
    pub(super) fn new(map: Map<String, Value>) -> Self {
        Self { map }
    }

    /// The value as sent.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name)
    }

    /// Whether it was sent at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Whether it was sent as just this text.
    pub(super) fn is_text(&self, name: &str, text: &str) -> bool {
        self.map.get(name).and_then(Value::as_str) == Some(text)
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Refuses attributes that Neutron makes itself.
    pub(super) fn not_in_post(&self, names: &[&str]) -> Result<()> {
        match names.iter().find(|name| self.has(name)) {
            None => Ok(()),
            Some(name) => Err(bad_request(format!("Attribute '{name}' not allowed in POST"))),
        }
    }

    /// Refuses attributes that stay as they were made.
    pub(super) fn not_in_put(&self, names: &[&str]) -> Result<()> {
        let common = [
            "id",
            "tenant_id",
            "project_id",
            "created_at",
            "updated_at",
            "revision_number",
            "tags",
        ];
        match common.iter().chain(names).find(|name| self.has(name)) {
            None => Ok(()),
            Some(name) => Err(bad_request(format!("Cannot update read-only attribute {name}"))),
        }
    }

    /// The project named by `project_id` or `tenant_id`.
    pub(super) fn project(&mut self) -> Result<Option<ProjectId>> {
        let project = self.text("project_id", TEXT)?;
        let tenant = self.text("tenant_id", TEXT)?;
        match (project, tenant) {
            (Some(project), Some(tenant)) if project != tenant => Err(bad_request(
                "'project_id' and 'tenant_id' do not match: send only one of them".to_owned(),
            )),
            (project, tenant) => Ok(project.or(tenant).map(ProjectId::from)),
        }
    }

    /// A string of at most so many characters.
    pub(super) fn text(&mut self, name: &str, limit: usize) -> Result<Option<String>> {
        self.take(name).map(|value| text(name, value, limit)).transpose()
    }

    /// A boolean, also as Neutron's clients write one in a string.
    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let parsed = match &value {
            Value::Bool(value) => Some(*value),
            Value::Number(number) => match number.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Value::String(text) => parse_boolean(text),
            _ => None,
        };
        parsed
            .map(Some)
            .ok_or_else(|| invalid(name, format!("'{}' cannot be converted to boolean", shown(&value))))
    }

    /// Leaves out an attribute that is null; `true` when it was.
    pub(super) fn skip_null(&mut self, name: &str) -> bool {
        let is_null = self.map.get(name) == Some(&Value::Null);
        if is_null {
            self.map.remove(name);
        }
        is_null
    }

    /// An integer, also as a string of digits.
    pub(super) fn integer(&mut self, name: &str, min: i64, max: i64) -> Result<Option<i64>> {
        self.take(name).map(|value| integer(name, &value, min, max)).transpose()
    }

    /// An integer or null.
    pub(super) fn nullable_integer(&mut self, name: &str, min: i64, max: i64) -> Result<Option<i64>> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => integer(name, &value, min, max).map(Some),
        }
    }

    /// An id.
    pub(super) fn id<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        self.take(name).map(|value| id(name, &value)).transpose()
    }

    /// An id that must be there.
    pub(super) fn required_id<T: FromStr>(&mut self, name: &str) -> Result<T> {
        self.id(name)?.ok_or_else(|| missing(name))
    }

    /// An id or null: `Some(None)` for null.
    pub(super) fn nullable_id<T: FromStr>(&mut self, name: &str) -> Result<Option<Option<T>>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => id(name, &value).map(|id| Some(Some(id))),
        }
    }

    /// An address or null: `Some(None)` for null.
    pub(super) fn nullable_ip(&mut self, name: &str) -> Result<Option<Option<IpAddr>>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => ip(name, &value).map(|ip| Some(Some(ip))),
        }
    }

    /// A MAC.
    pub(super) fn mac(&mut self, name: &str) -> Result<Option<MacAddress>> {
        let parse = |value: Value| {
            let mac = value.as_str().and_then(|text| text.parse::<MacAddress>().ok());
            mac.filter(|mac| mac.0 != [0; 6])
                .ok_or_else(|| invalid(name, format!("'{}' is not a valid MAC address", shown(&value))))
        };
        self.take(name).map(parse).transpose()
    }

    /// A list, each item read by `item`; null is an empty one.
    pub(super) fn list<T>(&mut self, name: &str, item: impl FnMut(Value) -> Result<T>) -> Result<Option<Vec<T>>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(Vec::new())),
            Some(Value::Array(values)) => values.into_iter().map(item).collect::<Result<Vec<T>>>().map(Some),
            Some(value) => Err(invalid(name, format!("'{}' is not a list", shown(&value)))),
        }
    }

    /// A list of different ids.
    pub(super) fn ids<T: FromStr + Ord + Clone>(&mut self, name: &str) -> Result<Option<Vec<T>>> {
        let ids = self.list(name, |value| id::<T>(name, &value))?;
        let unique = |ids: &Vec<T>| ids.iter().cloned().collect::<BTreeSet<T>>().len() == ids.len();
        match ids {
            Some(ids) if !unique(&ids) => Err(invalid(name, "Duplicate items in the list".to_owned())),
            ids => Ok(ids),
        }
    }

    /// Routes: a destination and a next hop each.
    pub(super) fn routes(&mut self, name: &str) -> Result<Option<Vec<Route>>> {
        let routes = self.list(name, |value| route(name, value))?;
        let Some(routes) = routes else { return Ok(None) };
        for (index, route) in routes.iter().enumerate() {
            if routes[..index].contains(route) {
                return Err(invalid(
                    name,
                    format!("Duplicate hostroute '{}' '{}'", route.destination, route.nexthop),
                ));
            }
        }
        Ok(Some(routes))
    }

    /// Labels.
    pub(super) fn tags(&mut self, name: &str) -> Result<Option<BTreeSet<String>>> {
        let tags = self.list(name, |value| tag(name, value))?;
        Ok(tags.map(|tags| tags.into_iter().collect()))
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<()> {
        if self.map.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.map.keys().map(String::as_str).collect();
        Err(bad_request(format!("Unrecognized attribute(s) '{}'", names.join(", "))))
    }
}

/// A 400 in Neutron's words.
pub(super) fn bad_request(message: String) -> Error {
    Error::invalid("HTTPBadRequest", message)
}

/// A 400 about one attribute.
pub(super) fn invalid(name: &str, reason: String) -> Error {
    bad_request(format!("Invalid input for {name}. Reason: {reason}."))
}

/// An attribute that must be there is not.
pub(super) fn missing(name: &str) -> Error {
    bad_request(format!(
        "Failed to parse request. Required attribute '{name}' not specified"
    ))
}

/// A value as Python prints it: clients know those texts. Long ones are cut.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= 300 {
        return text;
    }
    text.chars().take(300).chain("…".chars()).collect()
}

/// `true`, `1`, `yes` and their like (oslo.utils `bool_from_string`).
pub(super) fn parse_boolean(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "on" | "t" => Some(true),
        "false" | "0" | "no" | "n" | "off" | "f" => Some(false),
        _ => None,
    }
}

pub(super) fn text(name: &str, value: Value, limit: usize) -> Result<String> {
    let Value::String(text) = value else {
        return Err(invalid(name, format!("'{}' is not a valid string", shown(&value))));
    };
    if text.chars().count() > limit {
        let shown = shown(&Value::String(text));
        return Err(invalid(name, format!("'{shown}' exceeds maximum length of {limit}")));
    }
    // The store's text and the host's documents are clean text; a zero byte ends a string in the kernel.
    if text.contains('\0') {
        return Err(invalid(name, "a text must not contain the character U+0000".to_owned()));
    }
    Ok(text)
}

pub(super) fn integer(name: &str, value: &Value, min: i64, max: i64) -> Result<i64> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let Some(number) = number else {
        return Err(invalid(name, format!("'{}' is not an integer", shown(value))));
    };
    if number < min {
        return Err(invalid(
            name,
            format!("'{number}' is too small - must be at least '{min}'"),
        ));
    }
    if number > max {
        return Err(invalid(
            name,
            format!("'{number}' is too large - must be no larger than '{max}'"),
        ));
    }
    Ok(number)
}

pub(super) fn id<T: FromStr>(name: &str, value: &Value) -> Result<T> {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| invalid(name, format!("'{}' is not a valid UUID", shown(value))))
}

pub(super) fn ip(name: &str, value: &Value) -> Result<IpAddr> {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| invalid(name, format!("'{}' is not a valid IP address", shown(value))))
}

/// A prefix whose address is its first.
pub(super) fn cidr(name: &str, value: &Value) -> Result<IpNet> {
    let text = value.as_str().unwrap_or_default();
    let Ok(net) = text.parse::<IpNet>() else {
        return Err(invalid(name, format!("'{}' is not a valid IP subnet", shown(value))));
    };
    if net.addr() != net.network() {
        return Err(invalid(
            name,
            format!(
                "'{text}' isn't a recognized IP subnet cidr, '{}' is recommended",
                net.trunc()
            ),
        ));
    }
    Ok(net)
}

/// An address or a prefix, its host bits kept.
pub(super) fn ip_or_cidr(name: &str, value: &Value) -> Result<IpNet> {
    let text = value.as_str().unwrap_or_default();
    let net = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map_err(|_| {
        invalid(
            name,
            format!(
                "'{shown}' is not a valid IP address; '{shown}' is not a valid IP subnet",
                shown = shown(value)
            ),
        )
    })
}

/// An object.
pub(super) fn object(name: &str, value: Value) -> Result<Attrs> {
    match value {
        Value::Object(map) => Ok(Attrs::new(map)),
        other => Err(invalid(name, format!("'{}' is not a dictionary", shown(&other)))),
    }
}

pub(super) fn tag(name: &str, value: Value) -> Result<String> {
    let tag = text(name, value, TAG)?;
    if tag.is_empty() {
        return Err(invalid(name, "a tag must not be empty".to_owned()));
    }
    Ok(tag)
}

fn route(name: &str, value: Value) -> Result<Route> {
    let mut attrs = object(name, value)?;
    let destination = attrs.take("destination").ok_or_else(|| missing("destination"))?;
    let nexthop = attrs.take("nexthop").ok_or_else(|| missing("nexthop"))?;
    attrs.finish()?;
    Ok(Route {
        destination: cidr(name, &destination)?,
        nexthop: ip(name, &nexthop)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attrs(value: Value) -> Attrs {
        object("body", value).unwrap()
    }

    #[test]
    fn values_are_converted_as_neutron_does() {
        let mut a = attrs(json!({"a": "True", "b": 0, "c": "12", "d": null, "e": "x"}));
        assert_eq!(a.boolean("a").unwrap(), Some(true));
        assert_eq!(a.boolean("b").unwrap(), Some(false));
        assert_eq!(a.integer("c", 0, 12).unwrap(), Some(12));
        assert_eq!(a.nullable_ip("d").unwrap(), Some(None));
        assert_eq!(a.text("e", 1).unwrap(), Some("x".to_owned()));
        assert_eq!(a.text("nothing", 1).unwrap(), None);
        a.finish().unwrap();
    }

    #[test]
    fn what_is_wrong_is_told_in_neutrons_words() {
        let message = |error: Error| error.message;
        let one = |value: Value| attrs(json!({ "x": value }));
        let cases = [
            (
                message(one(json!(5)).text("x", 9).unwrap_err()),
                "Invalid input for x. Reason: '5' is not a valid string.",
            ),
            (
                message(one(json!(null)).text("x", 9).unwrap_err()),
                "Invalid input for x. Reason: 'None' is not a valid string.",
            ),
            (
                message(one(json!("ab")).text("x", 1).unwrap_err()),
                "Invalid input for x. Reason: 'ab' exceeds maximum length of 1.",
            ),
            (
                message(one(json!("maybe")).boolean("x").unwrap_err()),
                "Invalid input for x. Reason: 'maybe' cannot be converted to boolean.",
            ),
            (
                message(one(json!(-2)).integer("x", -1, 5).unwrap_err()),
                "Invalid input for x. Reason: '-2' is too small - must be at least '-1'.",
            ),
            (
                message(one(json!("abc")).id::<model::PortId>("x").unwrap_err()),
                "Invalid input for x. Reason: 'abc' is not a valid UUID.",
            ),
            (
                message(cidr("x", &json!("10.0.0.5/24")).unwrap_err()),
                "Invalid input for x. Reason: '10.0.0.5/24' isn't a recognized IP subnet cidr, '10.0.0.0/24' is recommended.",
            ),
            (
                message(one(json!(1)).finish().unwrap_err()),
                "Unrecognized attribute(s) 'x'",
            ),
        ];
        for (got, wanted) in cases {
            assert_eq!(got, wanted);
        }
    }
}
