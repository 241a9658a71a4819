//! Reading bodies: each wrong field becomes a 400 that names it, in the words of Keystone's schemas.

use std::collections::BTreeMap;

use model::{Error, Result};
use serde_json::{Map, Value};

/// An object of a request body, and where it is.
pub(super) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The object under a body's only key (`{"project": {…}}`).
    pub(super) fn of(body: &'a Value, name: &str) -> Result<Self> {
        Self::root(body)?.required_object(name)
    }

    /// The body itself.
    pub(super) fn root(body: &'a Value) -> Result<Self> {
        let map = body
            .as_object()
            .ok_or_else(|| missing("a JSON object", "the request body"))?;
        Ok(Self {
            path: String::new(),
            map,
        })
    }

    fn place(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.path)
        }
    }

    fn wrong_type(&self, name: &str, value: &Value, wanted: &str) -> Error {
        // What was sent may be a secret at the wrong place: only its type is told.
        let sent = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.invalid(name, &format!("{sent} was sent where {wanted} is needed"))
    }

    /// A 400 about one field.
    pub(super) fn invalid(&self, name: &str, what: &str) -> Error {
        Error::invalid(
            "SchemaValidationError",
            format!("Invalid input for field '{}': {what}.", self.place(name)),
        )
    }

    /// A field that must be there.
    pub(super) fn missing(&self, name: &str) -> Error {
        let within = self.path.rsplit('/').next().filter(|part| !part.is_empty());
        missing(name, within.unwrap_or("the request body"))
    }

    /// Whether the field is there (`null` counts).
    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// The field as it is.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    /// An object within; `null` counts as absent.
    pub(super) fn object(&self, name: &str) -> Result<Option<Fields<'a>>> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields {
                path: self.place(name),
                map,
            })),
            Some(other) => Err(self.wrong_type(name, other, "an object")),
        }
    }

    /// An object that must be there.
    pub(super) fn required_object(&self, name: &str) -> Result<Fields<'a>> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text; `null` counts as absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(name, other, "a string")),
        }
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, name: &str) -> Result<&'a str> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text that may be set to `null`: `None` when the field is absent.
    pub(super) fn nullable_text(&self, name: &str) -> Result<Option<Option<String>>> {
        if !self.has(name) {
            return Ok(None);
        }
        Ok(Some(self.text(name)?.map(str::to_owned)))
    }

    /// A boolean.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(self.wrong_type(name, other, "a boolean")),
        }
    }

    /// A whole number; `null` counts as absent.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.wrong_type(name, value, "a whole number")),
            },
        }
    }

    /// An array of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| {
                    item.as_str()
                        .ok_or_else(|| self.wrong_type(name, item, "an array of strings"))
                })
                .collect::<Result<_>>()
                .map(Some),
            Some(other) => Err(self.wrong_type(name, other, "an array of strings")),
        }
    }

    /// A JSON object kept as it is (`options`).
    pub(super) fn map(&self, name: &str) -> Result<Option<BTreeMap<String, Value>>> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map.iter().map(|(k, v)| (k.clone(), v.clone())).collect())),
            Some(other) => Err(self.wrong_type(name, other, "an object")),
        }
    }

    /// Every field that is not one of `known`: attributes that Keystone keeps for the user.
    pub(super) fn others(&self, known: &[&str]) -> BTreeMap<String, Value> {
        self.map
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn missing(name: &str, within: &str) -> Error {
    Error::invalid(
        "ValidationError",
        format!(
            "Expecting to find {name} in {within}. The server could not comply with the request since it is either \
             malformed or otherwise incorrect. The client is assumed to be in error."
        ),
    )
}
