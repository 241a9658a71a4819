//! Listing images: filters, order, pages.

use std::cmp::Ordering;
use std::sync::Arc;

use model::image::{self, Image, MemberStatus, Visibility};
use model::{Actor, Error, ImageId, Result, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::document;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as ok};

/// Images on a page that names no limit (Glance's `limit_param_default`).
const PAGE_DEFAULT: usize = 25;
/// Most images on a page (Glance's `api_limit_max`).
const PAGE_LIMIT: usize = 1000;

/// `GET /v2/images`
pub(super) async fn list(ctx: Ctx, query: Query) -> Reply {
    let request = Request::parse(&query)?;
    let cloud = ctx.cloud();
    let mut images: Vec<&Arc<Image>> = cloud
        .images
        .iter()
        .filter(|image| request.lists(ctx.actor(), image))
        .collect();
    images.sort_by(|a, b| request.order(a, b));
    let marker = request.marker(&query)?;
    let marked = match marker {
        None => None,
        Some(id) => Some(image::show(&cloud, ctx.actor(), id).map_err(|_| bad(format!("Invalid marker: image {id}")))?),
    };
    let mut rest = images.into_iter().skip_while(|image| {
        marked
            .as_ref()
            .is_some_and(|marked| request.order(image, marked) != Ordering::Greater)
    });
    let page: Vec<&Arc<Image>> = rest.by_ref().take(request.limit).collect();
    let mut body = json!({
        "images": page.iter().map(|image| document::of(image)).collect::<Vec<_>>(),
        "first": link(&query, None),
        "schema": "/v2/schemas/images",
    });
    if let (Some(last), Some(_)) = (page.last(), rest.next()) {
        body["next"] = json!(link(&query, Some(last.id)));
    }
    ok(&body)
}

fn bad(message: impl Into<String>) -> Error {
    Error::invalid("HTTPBadRequest", message)
}

/// What need not be escaped in a query (RFC 3986, "unreserved").
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// This list's first page, or the page behind an image, as a path below the service.
fn link(query: &Query, behind: Option<ImageId>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    let mut pairs: Vec<String> = query
        .iter()
        .filter(|(name, _)| *name != "marker")
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    if let Some(id) = behind {
        pairs.push(format!("marker={id}"));
    }
    if pairs.is_empty() {
        return "/v2/images".to_owned();
    }
    format!("/v2/images?{}", pairs.join("&"))
}

/// A list that was asked for.
struct Request {
    filters: Vec<Filter>,
    visibility: VisibilityFilter,
    /// Of images that others offered: only with this answer; `None`: with any.
    member_status: Option<MemberStatus>,
    hidden: bool,
    sort: Vec<(SortKey, bool)>,
    limit: usize,
}

enum VisibilityFilter {
    /// Not named: no community images of others.
    Default,
    /// `all`: whatever may be seen.
    All,
    Only(Visibility),
}

enum Filter {
    /// One of these texts.
    Text(TextKey, Vec<String>),
    /// Exactly this number.
    Number(fn(&Image) -> Option<u64>, u64),
    SizeMin(u64),
    SizeMax(u64),
    Protected(bool),
    Tag(String),
    Time(fn(&Image) -> Timestamp, Comparison, Timestamp),
    Property(String, String),
}

#[derive(Clone, Copy)]
enum TextKey {
    Id,
    Name,
    Status,
    ContainerFormat,
    DiskFormat,
    Owner,
    Checksum,
    HashValue,
}

#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy)]
enum SortKey {
    Name,
    Status,
    ContainerFormat,
    DiskFormat,
    Size,
    Id,
    CreatedAt,
    UpdatedAt,
}

const SORT_KEYS: &[(&str, SortKey)] = &[
    ("name", SortKey::Name),
    ("status", SortKey::Status),
    ("container_format", SortKey::ContainerFormat),
    ("disk_format", SortKey::DiskFormat),
    ("size", SortKey::Size),
    ("id", SortKey::Id),
    ("created_at", SortKey::CreatedAt),
    ("updated_at", SortKey::UpdatedAt),
];

impl Request {
    fn parse(query: &Query) -> Result<Self> {
        let mut request = Self {
            filters: Vec::new(),
            visibility: VisibilityFilter::Default,
            member_status: Some(MemberStatus::Accepted),
            hidden: false,
            sort: parse_sort(query)?,
            limit: parse_limit(query)?,
        };
        for (name, value) in query.iter() {
            request.add(name, value)?;
        }
        Ok(request)
    }

    fn add(&mut self, name: &str, value: &str) -> Result<()> {
        let filter = match name {
            "limit" | "marker" | "sort" | "sort_key" | "sort_dir" => return Ok(()),
            "member_status" => {
                self.member_status = match (value, MemberStatus::parse(value)) {
                    ("all", _) => None,
                    (_, Some(status)) => Some(status),
                    _ => return Err(bad(format!("Invalid status: {value}"))),
                };
                return Ok(());
            }
            "visibility" => {
                self.visibility = parse_visibility(value)?;
                return Ok(());
            }
            "os_hidden" => {
                self.hidden = parse_bool(name, value)?;
                return Ok(());
            }
            "changes-since" => return Err(bad("The \"changes-since\" filter is no longer available on v2.")),
            "id" => Filter::Text(TextKey::Id, in_list(value)?),
            "name" => Filter::Text(TextKey::Name, in_list(value)?),
            "status" => Filter::Text(TextKey::Status, in_list(value)?),
            "container_format" => Filter::Text(TextKey::ContainerFormat, in_list(value)?),
            "disk_format" => Filter::Text(TextKey::DiskFormat, in_list(value)?),
            "owner" => Filter::Text(TextKey::Owner, vec![value.to_owned()]),
            "checksum" => Filter::Text(TextKey::Checksum, vec![value.to_owned()]),
            "os_hash_value" => Filter::Text(TextKey::HashValue, vec![value.to_owned()]),
            "protected" => Filter::Protected(parse_bool(name, value)?),
            "size" => Filter::Number(|image| image.size, parse_number(name, value)?),
            "min_disk" => Filter::Number(|image| Some(image.min_disk), parse_number(name, value)?),
            "min_ram" => Filter::Number(|image| Some(image.min_ram), parse_number(name, value)?),
            "virtual_size" => Filter::Number(|image| image.virtual_size, parse_number(name, value)?),
            "size_min" => Filter::SizeMin(parse_number(name, value)?),
            "size_max" => Filter::SizeMax(parse_number(name, value)?),
            "tag" => Filter::Tag(value.trim().to_owned()),
            "created_at" => time_filter(|image| image.created_at, value)?,
            "updated_at" => time_filter(|image| image.updated_at, value)?,
            _ => Filter::Property(name.to_owned(), value.to_owned()),
        };
        self.filters.push(filter);
        Ok(())
    }

    fn marker(&self, query: &Query) -> Result<Option<ImageId>> {
        let Some(marker) = query.get("marker") else {
            return Ok(None);
        };
        marker
            .parse()
            .map(Some)
            .map_err(|_| bad(format!("Invalid marker: image {marker}")))
    }

    fn lists(&self, actor: &Actor, image: &Image) -> bool {
        let visible = match self.visibility {
            VisibilityFilter::Default => image::in_default_list(actor, image),
            VisibilityFilter::All => image::may_see(actor, image),
            VisibilityFilter::Only(visibility) => image.visibility == visibility && image::may_see(actor, image),
        };
        let wanted = match image::membership(actor, image) {
            Some(status) => self.member_status.is_none_or(|wanted| wanted == status),
            None => true,
        };
        let visible = visible && wanted;
        visible && image.os_hidden == self.hidden && self.filters.iter().all(|filter| filter.matches(image))
    }

    /// The order asked for, then the newest first, then by id: never undecided.
    fn order(&self, a: &Image, b: &Image) -> Ordering {
        self.sort
            .iter()
            .map(|(key, ascending)| {
                let order = key.compare(a, b);
                if *ascending { order } else { order.reverse() }
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| b.created_at.cmp(&a.created_at).then_with(|| b.id.cmp(&a.id)))
    }
}

impl SortKey {
    fn compare(self, a: &Image, b: &Image) -> Ordering {
        match self {
            Self::Name => a.name.cmp(&b.name),
            Self::Status => a.status.as_str().cmp(b.status.as_str()),
            Self::ContainerFormat => a.container_format.cmp(&b.container_format),
            Self::DiskFormat => a.disk_format.cmp(&b.disk_format),
            Self::Size => a.size.cmp(&b.size),
            Self::Id => a.id.cmp(&b.id),
            Self::CreatedAt => a.created_at.cmp(&b.created_at),
            Self::UpdatedAt => a.updated_at.cmp(&b.updated_at),
        }
    }
}

impl TextKey {
    fn of(self, image: &Image) -> Option<String> {
        match self {
            Self::Id => Some(image.id.to_string()),
            Self::Name => image.name.clone(),
            Self::Status => Some(image.status.as_str().to_owned()),
            Self::ContainerFormat => image.container_format.clone(),
            Self::DiskFormat => image.disk_format.clone(),
            Self::Owner => image.owner.as_ref().map(ToString::to_string),
            Self::Checksum => image.checksum.clone(),
            Self::HashValue => image.os_hash_value.clone(),
        }
    }
}

impl Filter {
    fn matches(&self, image: &Image) -> bool {
        match self {
            Self::Text(key, wanted) => key.of(image).is_some_and(|text| wanted.contains(&text)),
            Self::Number(of, wanted) => of(image) == Some(*wanted),
            Self::SizeMin(least) => image.size.is_some_and(|size| size >= *least),
            Self::SizeMax(most) => image.size.is_some_and(|size| size <= *most),
            Self::Protected(wanted) => image.protected == *wanted,
            Self::Tag(tag) => image.tags.contains(tag),
            Self::Time(of, comparison, wanted) => {
                // Documents show whole seconds, and what they show must be found.
                comparison.holds(of(image).unix_seconds().cmp(&wanted.unix_seconds()))
            }
            Self::Property(name, wanted) => image
                .properties
                .get(name)
                .is_some_and(|value| value.as_deref() == Some(wanted)),
        }
    }
}

impl Comparison {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Equal,
            "neq" => Self::NotEqual,
            "lt" => Self::Less,
            "lte" => Self::LessOrEqual,
            "gt" => Self::Greater,
            "gte" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// `gt:2026-01-02T03:04:05Z`, or a bare time, which must be met exactly.
fn time_filter(of: fn(&Image) -> Timestamp, value: &str) -> Result<Filter> {
    let (comparison, text) = match value.split_once(':') {
        Some((word, rest)) if word.bytes().all(|b| b.is_ascii_alphabetic()) => {
            let comparison = Comparison::parse(word)
                .ok_or_else(|| bad(format!("Unable to filter using the specified operator '{word}'.")))?;
            (comparison, rest)
        }
        _ => (Comparison::Equal, value),
    };
    let with_zone = format!("{text}Z");
    let time = text
        .parse::<jiff::Timestamp>()
        .or_else(|_| with_zone.parse())
        .map_err(|_| bad(format!("Invalid time '{text}': write it as 2026-01-02T03:04:05Z.")))?;
    Ok(Filter::Time(of, comparison, Timestamp::new(time)))
}

/// `in:a,"b,c"` is any of these; anything else is itself.
fn in_list(value: &str) -> Result<Vec<String>> {
    let Some(mut rest) = value.strip_prefix("in:") else {
        return Ok(vec![value.to_owned()]);
    };
    let unbalanced = || bad(format!("Invalid filter value {value}. The quote is not closed."));
    let mut words = Vec::new();
    loop {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (word, after) = quoted.split_once('"').ok_or_else(unbalanced)?;
                if !after.is_empty() && !after.starts_with(',') {
                    return Err(bad(format!(
                        "Invalid filter value {value}. There is no comma after closing quotation mark."
                    )));
                }
                (word, after.strip_prefix(','))
            }
            None => match rest.split_once(',') {
                Some((word, after)) => (word, Some(after)),
                None => (rest, None),
            },
        };
        words.push(word.to_owned());
        match after {
            Some(after) => rest = after,
            None => return Ok(words),
        }
    }
}

fn parse_visibility(value: &str) -> Result<VisibilityFilter> {
    if value == "all" {
        return Ok(VisibilityFilter::All);
    }
    Visibility::parse(value)
        .map(VisibilityFilter::Only)
        .ok_or_else(|| bad(format!("Invalid visibility value: {value}")))
}

fn parse_bool(name: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Ok(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Ok(false),
        _ => Err(bad(format!(
            "Invalid value '{value}' for '{name}' filter: it must be true or false."
        ))),
    }
}

fn parse_number(name: &str, value: &str) -> Result<u64> {
    value
        .parse()
        .map_err(|_| bad(format!("Cannot convert {name} '{value}' to a number of 0 or more.")))
}

fn parse_limit(query: &Query) -> Result<usize> {
    let Some(limit) = query.get("limit") else {
        return Ok(PAGE_DEFAULT);
    };
    let limit: i64 = limit.parse().map_err(|_| bad("limit param must be an integer"))?;
    let limit = usize::try_from(limit).map_err(|_| bad("limit param must be positive"))?;
    Ok(limit.min(PAGE_LIMIT))
}

/// `sort=name:asc,size` or `sort_key=name&sort_dir=asc`, repeated; the default direction is `desc`.
fn parse_sort(query: &Query) -> Result<Vec<(SortKey, bool)>> {
    let keys: Vec<&str> = query.all("sort_key").collect();
    let dirs: Vec<&str> = query.all("sort_dir").collect();
    if let Some(sort) = query.get("sort") {
        if !keys.is_empty() || !dirs.is_empty() {
            return Err(bad("Old and new sorting syntax cannot be combined"));
        }
        let words = sort
            .split(',')
            .map(|word| word.split_once(':').unwrap_or((word, "desc")));
        return words
            .map(|(key, dir)| Ok((sort_key(key.trim())?, is_ascending(dir.trim())?)))
            .collect();
    }
    if dirs.len() > 1 && dirs.len() != keys.len() {
        return Err(bad("Number of sort dirs does not match the number of sort keys"));
    }
    let dirs = dirs
        .iter()
        .map(|dir| is_ascending(dir.trim()))
        .collect::<Result<Vec<_>>>()?;
    let keys = if keys.is_empty() { vec!["created_at"] } else { keys };
    keys.iter()
        .enumerate()
        .map(|(place, key)| {
            let ascending = dirs.get(place).or(dirs.first()).copied().unwrap_or(false);
            Ok((sort_key(key.trim())?, ascending))
        })
        .collect()
}

fn sort_key(name: &str) -> Result<SortKey> {
    let found = SORT_KEYS.iter().find(|(known, _)| *known == name).map(|(_, key)| *key);
    found.ok_or_else(|| {
        let known: Vec<&str> = SORT_KEYS.iter().map(|(known, _)| *known).collect();
        bad(format!(
            "Invalid sort key: {name}. It must be one of the following: {}.",
            known.join(", ")
        ))
    })
}

fn is_ascending(dir: &str) -> Result<bool> {
    match dir {
        "asc" => Ok(true),
        "desc" => Ok(false),
        _ => Err(bad(format!("Invalid sort direction: {dir}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_lists_with_and_without_quotes() {
        let words = |value: &str| in_list(value).ok();
        let expect = |list: &[&str]| Some(list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(words("a,b"), expect(&["a,b"]));
        assert_eq!(words("in:a,b"), expect(&["a", "b"]));
        assert_eq!(words("in:\"a,b\",c"), expect(&["a,b", "c"]));
        assert_eq!(words("in:"), expect(&[""]));
        assert_eq!(words("in:\"a"), None);
        assert_eq!(words("in:\"a\"b"), None);
    }

    #[test]
    fn what_a_list_can_not_be_asked() {
        for query in [
            "limit=x",
            "limit=-1",
            "sort_key=owner",
            "sort_dir=up",
            "sort=name:up",
            "sort=name&sort_key=name",
            "sort_key=name&sort_dir=asc&sort_dir=asc",
            "visibility=secret",
            "os_hidden=maybe",
            "protected=maybe",
            "size_min=-1",
            "size_max=x",
            "member_status=x",
            "created_at=near:2026-01-01T00:00:00Z",
            "updated_at=yesterday",
            "changes-since=2026-01-01T00:00:00Z",
        ] {
            assert!(Request::parse(&Query::parse(query)).is_err(), "{query}");
        }
        for query in [
            "",
            "limit=0",
            "limit=9999",
            "created_at=gt:2026-01-01T00:00:00",
            "any=thing",
            "sort=name,size:asc",
        ] {
            assert!(Request::parse(&Query::parse(query)).is_ok(), "{query}");
        }
    }
}
