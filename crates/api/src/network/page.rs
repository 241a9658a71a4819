//! Sorting and paging of lists (`sort_key`, `sort_dir`, `limit`, `marker`, `page_reverse`).

use std::cmp::Ordering;

use model::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::attributes::{bad_request, parse_boolean};
use crate::query::Query;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How a list is asked for.
pub(super) struct Page {
    /// Attribute and whether it descends.
    pub(super) sort: Vec<(String, bool)>,
    limit: usize,
    marker: Option<String>,
    reverse: bool,
}

impl Page {
    /// Takes paging and sorting out of a query.
    ///
    /// # Errors
    /// `HTTPBadRequest`.
    pub(super) fn new(query: &Query, attributes: &[&str]) -> Result<Self> {
        let keys: Vec<&str> = query.all("sort_key").filter(|key| !key.is_empty()).collect();
        let directions: Vec<&str> = query.all("sort_dir").collect();
        if directions.len() > keys.len() || (!directions.is_empty() && directions.len() < keys.len()) {
            return Err(bad_request(
                "The number of sort_keys and sort_dirs must be same".to_owned(),
            ));
        }
        let mut sort = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            if !attributes.contains(key) {
                return Err(bad_request(format!("[{key:?}] is invalid attribute for sort_keys")));
            }
            let descends = match directions.get(index).copied().unwrap_or("asc") {
                "asc" => false,
                "desc" => true,
                other => {
                    return Err(bad_request(format!(
                        "'{other}' is invalid value for sort_dirs, valid value is 'asc' and 'desc'"
                    )));
                }
            };
            sort.push(((*key).to_owned(), descends));
        }
        let limit = match query.get("limit") {
            None | Some("" | "infinite") => 0,
            Some(text) => text.parse().map_err(|_| {
                bad_request(format!(
                    "Limit must be an integer 0 or greater and not '{}'",
                    text.escape_default()
                ))
            })?,
        };
        Ok(Self {
            sort,
            limit,
            marker: query
                .get("marker")
                .filter(|marker| !marker.is_empty())
                .map(str::to_owned),
            reverse: query.get("page_reverse").and_then(parse_boolean).unwrap_or(false),
        })
    }

    /// Cuts the page out of all rows, which come sorted; `id_of` gives a row's id.
    ///
    /// # Errors
    /// The marker is not among them. Where there are none at all, nothing comes before or after any marker.
    pub(super) fn cut<T>(&self, mut rows: Vec<T>, id_of: impl Fn(&T) -> String) -> Result<Vec<T>> {
        if rows.is_empty() {
            return Ok(rows);
        }
        if let Some(marker) = &self.marker {
            let place = rows.iter().position(|row| id_of(row) == *marker).ok_or_else(|| {
                Error::invalid(
                    "HTTPBadRequest",
                    format!("Marker '{}' is not in the list.", marker.escape_default()),
                )
            })?;
            if self.reverse {
                rows.truncate(place);
            } else {
                rows.drain(..=place);
            }
        }
        if self.limit > 0 && rows.len() > self.limit {
            if self.reverse {
                rows.drain(..rows.len() - self.limit);
            } else {
                rows.truncate(self.limit);
            }
        }
        Ok(rows)
    }

    /// `next` and `previous`, as Neutron gives them: only with a limit.
    pub(super) fn links(
        &self,
        url: &str,
        query: &Query,
        first: Option<String>,
        last: Option<String>,
        len: usize,
    ) -> Vec<Value> {
        if self.limit == 0 {
            return Vec::new();
        }
        // Beyond the last page: its "previous" leads to the last one, so it has no marker.
        let is_full = len >= self.limit;
        let mut links = Vec::new();
        if is_full || self.reverse {
            links.push(json!({"rel": "next", "href": link(url, query, last.as_deref(), false)}));
        }
        if is_full || !self.reverse {
            links.push(json!({"rel": "previous", "href": link(url, query, first.as_deref(), true)}));
        }
        links
    }
}

fn link(url: &str, query: &Query, marker: Option<&str>, reverse: bool) -> String {
    let mut text = format!("{url}?");
    for (name, value) in query
        .iter()
        .filter(|(name, _)| !matches!(*name, "marker" | "page_reverse"))
    {
        let value = utf8_percent_encode(value, RESERVED);
        text.push_str(&format!("{}={value}&", utf8_percent_encode(name, RESERVED)));
    }
    // A hyphen is the only sign in an id.
    if let Some(marker) = marker {
        text.push_str(&format!("marker={marker}&"));
    }
    if reverse {
        text.push_str("page_reverse=True&");
    }
    text.pop();
    text
}

/// The order of two values of one attribute: nothing first, then by kind and value.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Page {
        Page::new(&Query::parse(query), &["id", "name"]).unwrap()
    }

    #[test]
    fn pages_go_forth_and_back() {
        let all: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let cut = |query: &str| page(query).cut(all.clone(), |row| row.clone()).unwrap().join("");
        assert_eq!(cut(""), "abcde");
        assert_eq!(cut("limit=2"), "ab");
        assert_eq!(cut("limit=2&marker=b"), "cd");
        assert_eq!(cut("limit=2&marker=d"), "e");
        assert_eq!(cut("limit=2&marker=d&page_reverse=True"), "bc");
        assert_eq!(cut("limit=2&page_reverse=True"), "de");
        assert!(page("marker=x").cut(all.clone(), |row| row.clone()).is_err());
        assert!(page("marker=x").cut(Vec::new(), String::clone).unwrap().is_empty());
    }

    #[test]
    fn links_lead_on_and_back() {
        let query = Query::parse("limit=2&name=x y");
        let page = page("limit=2&name=x y");
        let links = page.links("http://h/p", &query, Some("c".into()), Some("d".into()), 2);
        assert_eq!(links[0]["rel"], "next");
        assert_eq!(links[0]["href"], "http://h/p?limit=2&name=x%20y&marker=d");
        assert_eq!(
            links[1]["href"],
            "http://h/p?limit=2&name=x%20y&marker=c&page_reverse=True"
        );
        let last = page.links("http://h/p", &query, Some("e".into()), Some("e".into()), 1);
        assert_eq!(last.len(), 1);
        assert_eq!(last[0]["rel"], "previous");
        let beyond = page.links("http://h/p", &query, None, None, 0);
        assert_eq!(beyond[0]["href"], "http://h/p?limit=2&name=x%20y&page_reverse=True");
    }

    #[test]
    fn nonsense_is_refused() {
        for query in [
            "sort_key=colour",
            "sort_key=name&sort_dir=up",
            "sort_dir=asc",
            "limit=-1",
            "limit=x",
        ] {
            assert!(Page::new(&Query::parse(query), &["id", "name"]).is_err(), "{query}");
        }
    }
}
