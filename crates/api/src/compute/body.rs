//! Reading JSON bodies as Nova's schemas do: no unknown names, numbers and booleans also as text, and a sentence that says
//! which value is wrong and why. Which names a microversion has is a table beside each handler ([`Field`]).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::str::FromStr;

use model::{Error, Result};
use serde_json::{Map, Value};

use super::microversion::Microversion;

/// A name that a body may have, and from which microversion to which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    name: &'static str,
    since: u16,
    until: u16,
}

/// A name of every microversion.
pub(crate) const fn field(name: &'static str) -> Field {
    Field {
        name,
        since: 1,
        until: u16::MAX,
    }
}

impl Field {
    /// Only from 2.`minor` on.
    pub(crate) const fn since(self, minor: u16) -> Self {
        Self { since: minor, ..self }
    }

    /// Only up to 2.`minor`.
    pub(crate) const fn until(self, minor: u16) -> Self {
        Self { until: minor, ..self }
    }
}

/// A JSON object being read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a>(&'a Map<String, Value>);

/// The longest of Nova's names, descriptions and metadata.
pub(crate) const TEXT_LIMIT: usize = 255;

impl<'a> Object<'a> {
    /// The whole body.
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self(map)
    }

    /// The object that the whole body consists of: `{"server": {…}}`.
    ///
    /// # Errors
    /// It is not there, or something else is.
    pub(crate) fn only_member(map: &'a Map<String, Value>, name: &str) -> Result<Self> {
        if let Some(other) = map.keys().find(|key| *key != name) {
            return Err(unexpected(other));
        }
        Self(map).object(name)?.ok_or_else(|| missing(name))
    }

    /// Refuses names that the microversion does not have.
    ///
    /// # Errors
    /// Names the unexpected one.
    pub(crate) fn allow(self, fields: &[Field], version: Microversion) -> Result<Self> {
        let known = |name: &str| {
            fields.iter().any(|field| {
                field.name == name && version.since(field.since) && !version.since(field.until.saturating_add(1))
            })
        };
        match self.0.keys().find(|name| !known(name)) {
            Some(name) => Err(unexpected(name)),
            None => Ok(self),
        }
    }

    /// Refuses names besides these.
    ///
    /// # Errors
    /// Names the unexpected one.
    pub(crate) fn only(self, names: &[&str]) -> Result<Self> {
        match self.0.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(unexpected(name)),
            None => Ok(self),
        }
    }

    /// Whether the name is there, be it with null.
    pub(crate) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value, unless it is null or not there.
    pub(crate) fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// An object.
    pub(crate) fn object(self, name: &str) -> Result<Option<Self>> {
        self.value(name)
            .map(|value| {
                value
                    .as_object()
                    .map(Self)
                    .ok_or_else(|| wrong(name, value, "It is not of type 'object'."))
            })
            .transpose()
    }

    /// A list.
    pub(crate) fn list(self, name: &str) -> Result<Option<&'a [Value]>> {
        self.value(name)
            .map(|value| {
                value
                    .as_array()
                    .map(Vec::as_slice)
                    .ok_or_else(|| wrong(name, value, "It is not of type 'array'."))
            })
            .transpose()
    }

    /// A list of objects.
    pub(crate) fn objects(self, name: &str) -> Result<Option<Vec<Self>>> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let objects = list.iter().map(|value| {
            value
                .as_object()
                .map(Self)
                .ok_or_else(|| wrong(name, value, "It is not of type 'object'."))
        });
        objects.collect::<Result<Vec<_>>>().map(Some)
    }

    /// Text of a length.
    pub(crate) fn text(self, name: &str, length: RangeInclusive<usize>) -> Result<Option<&'a str>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value
            .as_str()
            .ok_or_else(|| wrong(name, value, "It is not of type 'string'."))?;
        let count = text.chars().count();
        if count < *length.start() {
            return Err(wrong(name, value, "It is too short."));
        }
        if count > *length.end() {
            return Err(wrong(name, value, "It is too long."));
        }
        Ok(Some(text))
    }

    /// A name that people read: no control characters, no spaces around it.
    pub(crate) fn name(self, name: &str) -> Result<Option<&'a str>> {
        let text = self.text(name, 1..=TEXT_LIMIT)?;
        if let Some(text) = text
            && (text.trim() != text || text.chars().any(char::is_control))
        {
            return Err(wrong(
                name,
                &self.0[name],
                "A name is printable text without spaces at its ends.",
            ));
        }
        Ok(text)
    }

    /// A name that must be there.
    pub(crate) fn required_name(self, name: &str) -> Result<&'a str> {
        if self.0.get(name) == Some(&Value::Null) {
            return Err(wrong(name, &Value::Null, "It is not of type 'string'."));
        }
        self.name(name)?.ok_or_else(|| missing(name))
    }

    /// A whole number, be it written as text.
    pub(crate) fn integer(self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(wrong(
                name,
                value,
                &format!("It is not a whole number from {} to {}.", range.start(), range.end()),
            )),
        }
    }

    /// A truth value in any of Nova's spellings.
    pub(crate) fn boolean(self, name: &str) -> Result<Option<bool>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let truth = match value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => truth_of(text),
            Value::Number(number) => match number.as_u64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            _ => None,
        };
        truth
            .map(Some)
            .ok_or_else(|| wrong(name, value, "It is not of type 'boolean'."))
    }

    /// Something that is written as text: an id, an address.
    pub(crate) fn parsed<T: FromStr>(self, name: &str, what: &str) -> Result<Option<T>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value
            .as_str()
            .and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or_else(|| wrong(name, value, &format!("It is not {what}.")))
    }

    /// An address that may be empty; `Some(None)` when it is empty or null.
    pub(crate) fn address<A: FromStr>(self, name: &str, what: &str) -> Result<Option<Option<A>>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) if text.is_empty() => Ok(Some(None)),
            Some(value) => value
                .as_str()
                .and_then(|text| text.parse::<A>().ok())
                .map(|address| Some(Some(address)))
                .ok_or_else(|| wrong(name, value, &format!("It is not {what}."))),
        }
    }

    /// Key/value texts (metadata); keys of 1 to 255 characters, values up to 255.
    pub(crate) fn texts(self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        self.object(name)?.map(Self::as_texts).transpose()
    }

    /// The whole object as key/value texts.
    pub(crate) fn as_texts(self) -> Result<BTreeMap<String, String>> {
        self.0.iter().map(|(key, value)| text_item(key, value)).collect()
    }

    /// Tags: up to 50, each 1 to 60 characters without `/` and `,`.
    pub(crate) fn tags(self, name: &str) -> Result<Option<BTreeSet<String>>> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        if list.len() > 50 {
            return Err(wrong(name, &Value::from(list.len()), "A server has at most 50 tags."));
        }
        let tags = list.iter().map(|value| {
            let text = value
                .as_str()
                .ok_or_else(|| wrong(name, value, "It is not of type 'string'."))?;
            check_tag(text).map(|()| text.to_owned())
        });
        let tags = tags.collect::<Result<BTreeSet<_>>>()?;
        if tags.len() < list.len() {
            return Err(wrong(name, &Value::from(list), "It has non-unique elements."));
        }
        Ok(Some(tags))
    }

    /// The members.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// One pair of metadata.
pub(crate) fn text_item(key: &str, value: &Value) -> Result<(String, String)> {
    let is_key = (1..=TEXT_LIMIT).contains(&key.chars().count());
    let has_control = key.chars().any(char::is_control);
    if !is_key || has_control {
        return Err(wrong(key, value, "A key is 1 to 255 printable characters."));
    }
    let text = value
        .as_str()
        .ok_or_else(|| wrong(key, value, "It is not of type 'string'."))?;
    if text.chars().count() > TEXT_LIMIT {
        return Err(wrong(key, value, "A value is at most 255 characters."));
    }
    Ok((key.to_owned(), text.to_owned()))
}

/// Whether a text is a tag.
///
/// # Errors
/// Why not.
pub(crate) fn check_tag(tag: &str) -> Result<()> {
    let length = tag.chars().count();
    if (1..=60).contains(&length) && !tag.contains(['/', ',']) {
        return Ok(());
    }
    Err(Error::invalid(
        "ValidationError",
        format!(
            "Invalid input for field/attribute tag. Value: {tag}. A tag is 1 to 60 characters without '/' and ','."
        ),
    ))
}

/// Nova's spellings of truth (`bool_from_string`, strict).
pub(crate) fn truth_of(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "on" | "y" | "yes" => Some(true),
        "0" | "f" | "false" | "off" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// A value that can't be.
pub(crate) fn wrong(name: &str, value: &Value, reason: &str) -> Error {
    let mut shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some((end, _)) = shown.char_indices().nth(120) {
        shown.truncate(end);
        shown.push('…');
    }
    Error::invalid(
        "ValidationError",
        format!("Invalid input for field/attribute {name}. Value: {shown}. {reason}"),
    )
}

/// A name that must be there and is not.
pub(crate) fn missing(name: &str) -> Error {
    Error::invalid(
        "ValidationError",
        format!("Invalid input: '{name}' is a required property"),
    )
}

fn unexpected(name: &str) -> Error {
    Error::invalid(
        "ValidationError",
        format!("Invalid input: Additional properties are not allowed ('{name}' was unexpected)"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::microversion::version;
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn fields_belong_to_microversions() {
        let fields = [field("name"), field("tags").since(52), field("personality").until(56)];
        let body = map(json!({"name": "x", "tags": []}));
        assert!(Object::new(&body).allow(&fields, version(52)).is_ok());
        assert!(Object::new(&body).allow(&fields, version(51)).is_err());
        let body = map(json!({"personality": []}));
        assert!(Object::new(&body).allow(&fields, version(56)).is_ok());
        assert!(Object::new(&body).allow(&fields, version(57)).is_err());
    }

    #[test]
    fn numbers_and_truth_come_as_text_too() {
        let body = map(json!({"a": "12", "b": 12, "c": -1, "d": "x", "e": "True", "f": 0, "g": null, "h": 1.5}));
        let body = Object::new(&body);
        assert_eq!(body.integer("a", 0..=20).unwrap(), Some(12));
        assert_eq!(body.integer("b", 0..=20).unwrap(), Some(12));
        assert!(body.integer("b", 0..=11).is_err());
        for name in ["c", "d", "h"] {
            assert!(body.integer(name, 0..=20).is_err(), "{name}");
        }
        assert_eq!(body.integer("g", 0..=20).unwrap(), None);
        assert_eq!(body.boolean("e").unwrap(), Some(true));
        assert_eq!(body.boolean("f").unwrap(), Some(false));
        assert!(body.boolean("d").is_err());
    }

    #[test]
    fn names_have_no_space_around_them() {
        for (name, good) in [
            ("web", true),
            ("웹 서버", true),
            (" web", false),
            ("web\n", false),
            ("", false),
        ] {
            let body = map(json!({"name": name}));
            assert_eq!(Object::new(&body).required_name("name").is_ok(), good, "{name:?}");
        }
    }

    #[test]
    fn a_long_value_is_not_sent_back_whole() {
        let error = wrong("x", &Value::from("가".repeat(500)), "No.");
        assert!(error.message.chars().count() < 200);
    }
}
