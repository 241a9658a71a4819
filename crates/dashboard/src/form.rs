//! What a visitor filled in: the fields of a form, or of an address.

use std::str::FromStr;

use axum::extract::{FromRequest, Query, Request};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::{Form, RequestExt};

use crate::outcome::Problem;

/// Fields by name, in order; one name may come several times. Of a GET they are those of the address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// What was written in a field, without space around it; `None` when that is nothing.
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut values = self
            .0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.trim());
        values.find(|value| !value.is_empty())
    }

    /// As [`Self::text`], as it was sent (passwords, scripts).
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// What was written in a field that is always there; empty when that is nothing (names, descriptions).
    pub fn plain(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// Everything written in fields of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The lines of a text field.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.plain(name)
            .lines()
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|line| !line.is_empty())
    }

    /// Whether a box is ticked.
    pub fn is_set(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// A number, an id, an address …
    ///
    /// # Errors
    /// Says which field is not what it should be.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| Problem::in_form(format!("{name}: {text}")))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if request.method() == Method::GET {
            let uri = request.uri().clone();
            return match Query::<Vec<(String, String)>>::try_from_uri(&uri) {
                Ok(Query(fields)) => Ok(Self(fields)),
                Err(rejection) => Err(rejection.into_response()),
            };
        }
        match request
            .extract_with_state::<Form<Vec<(String, String)>>, _, _>(state)
            .await
        {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(rejection) => Err(rejection.into_response()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_name() {
        let pairs = [
            ("id", "a"),
            ("name", " web "),
            ("id", "b"),
            ("dns", "1.1.1.1\n 8.8.8.8, 9.9.9.9\n"),
            ("empty", " "),
        ];
        let fields = Fields(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        assert_eq!(fields.text("name"), Some("web"));
        assert_eq!(fields.raw("name"), Some(" web "));
        assert_eq!(fields.all("id").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            fields.lines("dns").collect::<Vec<_>>(),
            ["1.1.1.1", "8.8.8.8", "9.9.9.9"]
        );
        assert_eq!(fields.text("empty"), None);
        assert!(!fields.is_set("gone"));
        assert!(fields.parse::<u32>("name").is_err());
        assert_eq!(fields.parse::<u32>("gone").unwrap(), None);
    }
}
