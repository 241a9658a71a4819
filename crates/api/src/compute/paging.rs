//! Pages of lists: `limit` and `marker`, and the link to the next page when one is full.

use model::{Error, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::microversion::Microversion;
use crate::query::Query;

/// The most that one answer lists (Nova's `max_limit`).
pub(super) const MAX_LIMIT: usize = 1000;

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    limit: usize,
    marker: Option<String>,
}

impl Page {
    /// Reads `limit` and `marker`.
    ///
    /// # Errors
    /// A limit that is no number, or below zero.
    pub(super) fn read(query: &Query) -> Result<Self> {
        let limit = match query.get("limit") {
            None => MAX_LIMIT,
            Some(text) => text.parse::<usize>().map_err(|_| {
                Error::invalid(
                    "ValidationError",
                    format!(
                        "Invalid input for query parameters limit. Value: {text}. It is not a whole number from 0 on."
                    ),
                )
            })?,
        };
        Ok(Self {
            limit: limit.min(MAX_LIMIT),
            marker: query.get("marker").filter(|text| !text.is_empty()).map(str::to_owned),
        })
    }

    /// The items behind the marker, up to the limit.
    ///
    /// # Errors
    /// 400 when there is no such marker in the list.
    pub(super) fn cut<T>(&self, items: Vec<T>, id: impl Fn(&T) -> String) -> Result<Cut<T>> {
        let start = match &self.marker {
            None => 0,
            Some(marker) => {
                let found = items.iter().position(|item| id(item) == *marker);
                found
                    .map(|index| index + 1)
                    .ok_or_else(|| Error::invalid("MarkerNotFound", format!("marker [{marker}] not found")))?
            }
        };
        let items: Vec<T> = items.into_iter().skip(start).take(self.limit).collect();
        let next = (self.limit > 0 && items.len() == self.limit)
            .then(|| items.last().map(&id))
            .flatten();
        Ok(Cut { items, next })
    }
}

/// A page.
pub(super) struct Cut<T> {
    /// What it lists.
    pub(super) items: Vec<T>,
    /// The marker of the next one, when this one is full.
    next: Option<String>,
}

impl<T> Cut<T> {
    /// `<name>_links`, when there may be more.
    pub(super) fn add_links(&self, body: &mut Value, name: &str, url: &str, query: &Query) {
        let Some(marker) = &self.next else { return };
        let kept = query.iter().filter(|(name, _)| *name != "marker");
        let pairs = kept.chain([("marker", marker.as_str())]);
        let text: Vec<String> = pairs
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        body[format!("{name}_links")] = json!([{"rel": "next", "href": format!("{url}?{}", text.join("&"))}]);
    }
}

fn encode(text: &str) -> String {
    const PLAIN: percent_encoding::AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, &PLAIN).to_string()
}

/// Refuses unknown query parameters from `minor` on; before, they are ignored.
///
/// # Errors
/// Names the unexpected one.
pub(super) fn check_query(query: &Query, known: &[&str], version: Microversion, minor: u16) -> Result<()> {
    if !version.since(minor) {
        return Ok(());
    }
    match query.iter().find(|(name, _)| !known.contains(name)) {
        Some((name, _)) => Err(Error::invalid(
            "ValidationError",
            format!(
                "Invalid input for query parameters. Additional properties are not allowed ('{name}' was unexpected)"
            ),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Page {
        Page::read(&Query::parse(query)).unwrap()
    }

    #[test]
    fn a_full_page_has_a_link_to_the_next() {
        let query = Query::parse("limit=2&name=a b");
        let cut = page("limit=2").cut(vec![1, 2, 3], i32::to_string).unwrap();
        assert_eq!(cut.items, [1, 2]);
        let mut body = json!({});
        cut.add_links(&mut body, "servers", "http://x/servers", &query);
        assert_eq!(
            body["servers_links"][0]["href"],
            "http://x/servers?limit=2&name=a%20b&marker=2"
        );
        let cut = page("limit=2&marker=2").cut(vec![1, 2, 3], i32::to_string).unwrap();
        assert_eq!(cut.items, [3]);
        let mut body = json!({});
        cut.add_links(&mut body, "servers", "http://x/servers", &query);
        assert_eq!(body, json!({}));
        let cut = page("limit=0").cut(vec![1], i32::to_string).unwrap();
        assert!(cut.items.is_empty() && cut.next.is_none());
        assert!(page("marker=9").cut(vec![1], i32::to_string).is_err());
        assert!(Page::read(&Query::parse("limit=-1")).is_err());
    }
}
