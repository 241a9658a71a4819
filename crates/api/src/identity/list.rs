//! Keystone's lists: filters by attribute (`name`, `name__contains` …), pages by `limit` and `marker`, links.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use serde_json::{Value, json};

use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as document};

/// Asked-for filters and page of a list.
pub(super) struct List {
    uri: Uri,
    /// All parameters.
    pub(super) query: Query,
}

impl<S: Send + Sync> FromRequestParts<S> for List {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self {
            uri: parts.uri.clone(),
            query: Query::parse(parts.uri.query().unwrap_or("")),
        })
    }
}

impl List {
    /// Whether an attribute is as asked: equal, or `__contains`, `__startswith`, `__endswith` (with an `i` before the
    /// word: whatever the case). Names are equal whatever the case, as in Keystone's database.
    pub(super) fn text(&self, attribute: &str, value: Option<&str>) -> bool {
        let value = value.unwrap_or("");
        let lower = value.to_lowercase();
        self.query.iter().all(|(name, wanted)| {
            let Some(rest) = name.strip_prefix(attribute) else {
                return true;
            };
            let wanted_lower = wanted.to_lowercase();
            match rest {
                "" if attribute == "name" => lower == wanted_lower,
                "" => value == wanted,
                "__contains" => value.contains(wanted),
                "__startswith" => value.starts_with(wanted),
                "__endswith" => value.ends_with(wanted),
                "__icontains" => lower.contains(&wanted_lower),
                "__istartswith" => lower.starts_with(&wanted_lower),
                "__iendswith" => lower.ends_with(&wanted_lower),
                _ => true,
            }
        })
    }

    /// Whether a flag is as asked.
    pub(super) fn flag(&self, attribute: &str, value: bool) -> bool {
        self.query.get(attribute).is_none_or(|wanted| is_true(wanted) == value)
    }

    /// Whether a parameter is given and not switched off (`?effective`, `?effective=true`).
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(is_true)
    }

    /// Whether labels are as asked (`tags`, `tags-any`, `not-tags`, `not-tags-any`).
    pub(super) fn tags(&self, tags: &std::collections::BTreeSet<String>) -> bool {
        let holds = |name: &str, test: fn(&[bool]) -> bool| {
            self.query.get(name).is_none_or(|wanted| {
                let found: Vec<bool> = wanted.split(',').map(|tag| tags.contains(tag)).collect();
                test(&found)
            })
        };
        let all: fn(&[bool]) -> bool = |found| found.iter().all(|there| *there);
        let any: fn(&[bool]) -> bool = |found| found.iter().any(|there| *there);
        holds("tags", all)
            && holds("tags-any", any)
            && holds("not-tags", |found| !found.iter().all(|there| *there))
            && holds("not-tags-any", |found| !found.iter().any(|there| *there))
    }

    /// The page of `rows` (in the order of their ids) that was asked for, rendered.
    pub(super) fn page<T>(
        &self,
        ctx: &Ctx,
        name: &str,
        rows: impl Iterator<Item = T>,
        id: impl Fn(&T) -> &str,
        render: impl Fn(&T) -> Value,
    ) -> Reply {
        let marker = self.query.get("marker");
        let limit = self
            .query
            .get("limit")
            .and_then(|limit| limit.parse().ok())
            .filter(|limit| *limit > 0);
        let limit = limit.unwrap_or(usize::MAX);
        let mut rows = rows.filter(|row| marker.is_none_or(|marker| id(row) > marker));
        let mut items = Vec::new();
        let mut last = String::new();
        for row in rows.by_ref().take(limit) {
            items.push(render(&row));
            id(&row).clone_into(&mut last);
        }
        let next = rows.next().map(|_| self.next_link(ctx, &last));
        document(&json!({
            name: items,
            "links": {"self": self.link(ctx, self.uri.query()), "previous": null, "next": next},
        }))
    }

    fn link(&self, ctx: &Ctx, query: Option<&str>) -> String {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{}{query}", ctx.base_url(), self.uri.path())
    }

    fn next_link(&self, ctx: &Ctx, last: &str) -> String {
        let kept = self.uri.query().unwrap_or("").split('&');
        let mut parts: Vec<&str> = kept
            .filter(|part| !part.is_empty() && !part.starts_with("marker="))
            .collect();
        let marker = format!("marker={last}");
        parts.push(&marker);
        self.link(ctx, Some(&parts.join("&")))
    }
}

/// Keystone's reading of a flag in a query: everything but these is true, an empty value too.
fn is_true(value: &str) -> bool {
    !matches!(value.to_lowercase().as_str(), "false" | "0" | "no" | "off" | "f" | "n")
}
