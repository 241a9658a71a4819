//! Which servers a list is asked for, and in which order.
//!
//! A filter that the caller may not use is ignored, as in Nova; from 2.75 an unknown one is refused.

use std::cmp::Ordering;
use std::sync::Arc;

use model::compute::server::deleted::gone;
use model::compute::server::{living, status};
use model::compute::{Server, TaskState};
use model::{Actor, Error, ProjectId, Result, Timestamp};
use regex::{Regex, RegexBuilder};
use serde_json::json;

use super::body::{truth_of, wrong};
use super::microversion::Microversion;
use super::paging::check_query;
use super::view::View;
use crate::query::Query;

/// How a filter compares.
enum Test {
    /// A regular expression over a text.
    Pattern(fn(&Server) -> Option<String>),
    /// The same text.
    Same(fn(&Server) -> Option<String>),
    /// A regular expression over a fixed IPv4 or IPv6 address.
    Address { is_ipv6: bool },
}

/// A filter: its name, from which microversion everyone may use it (an administrator always may), and how it compares.
struct Filter(&'static str, u16, Test);

const ADMIN_ONLY: u16 = u16::MAX;

const FILTERS: &[Filter] = &[
    Filter("name", 1, Test::Pattern(|s| Some(s.name.clone()))),
    Filter("display_name", ADMIN_ONLY, Test::Pattern(|s| Some(s.name.clone()))),
    Filter("description", ADMIN_ONLY, Test::Pattern(|s| s.description.clone())),
    Filter(
        "display_description",
        ADMIN_ONLY,
        Test::Pattern(|s| s.description.clone()),
    ),
    Filter("hostname", 90, Test::Pattern(|s| Some(s.hostname.clone()))),
    Filter("reservation_id", 1, Test::Pattern(|s| Some(s.reservation_id.clone()))),
    Filter("image", 1, Test::Same(|s| s.image_id.map(|id| id.to_string()))),
    Filter(
        "image_ref",
        ADMIN_ONLY,
        Test::Same(|s| s.image_id.map(|id| id.to_string())),
    ),
    Filter("flavor", 1, Test::Same(|s| Some(s.flavor.id.to_string()))),
    Filter("ip", 1, Test::Address { is_ipv6: false }),
    Filter("ip6", 5, Test::Address { is_ipv6: true }),
    Filter("uuid", ADMIN_ONLY, Test::Same(|s| Some(s.id.to_string()))),
    Filter(
        "host",
        ADMIN_ONLY,
        Test::Same(|s| s.host.as_ref().map(ToString::to_string)),
    ),
    Filter(
        "node",
        ADMIN_ONLY,
        Test::Pattern(|s| s.host.as_ref().map(ToString::to_string)),
    ),
    Filter("user_id", 83, Test::Same(|s| Some(s.user_id.to_string()))),
    Filter(
        "key_name",
        83,
        Test::Pattern(|s| s.key.as_ref().map(|(name, _)| name.clone())),
    ),
    Filter("vm_state", 83, Test::Same(|s| Some(s.vm_state.as_str().to_owned()))),
    Filter(
        "task_state",
        83,
        Test::Same(|s| s.task_state.map(|task| task.as_str().to_owned())),
    ),
    Filter(
        "power_state",
        83,
        Test::Same(|s| Some(s.power_state.number().to_string())),
    ),
    Filter("progress", 83, Test::Same(|s| Some(s.progress.to_string()))),
    Filter("created_at", 83, Test::Pattern(|s| Some(s.created_at.seconds_z()))),
    Filter(
        "launched_at",
        83,
        Test::Pattern(|s| s.launched_at.map(Timestamp::seconds_z)),
    ),
    Filter(
        "terminated_at",
        83,
        Test::Pattern(|s| s.terminated_at.map(Timestamp::seconds_z)),
    ),
    Filter(
        "launch_index",
        ADMIN_ONLY,
        Test::Same(|s| Some(s.launch_index.to_string())),
    ),
    Filter(
        "kernel_id",
        ADMIN_ONLY,
        Test::Same(|s| s.kernel.as_ref().map(|k| k.id.to_string())),
    ),
    Filter(
        "ramdisk_id",
        ADMIN_ONLY,
        Test::Same(|s| s.ramdisk.as_ref().map(|r| r.id.to_string())),
    ),
    Filter(
        "access_ip_v4",
        ADMIN_ONLY,
        Test::Pattern(|s| s.access_ipv4.map(|ip| ip.to_string())),
    ),
    Filter(
        "access_ip_v6",
        ADMIN_ONLY,
        Test::Pattern(|s| s.access_ipv6.map(|ip| ip.to_string())),
    ),
];

/// Query parameters that are read by other means than [`FILTERS`].
const OTHERS: &[&str] = &[
    "limit",
    "marker",
    "sort_key",
    "sort_dir",
    "all_tenants",
    "tenant_id",
    "project_id",
    "deleted",
    "soft_deleted",
    "status",
    "changes-since",
    "availability_zone",
    "config_drive",
    "locked_by",
    "root_device_name",
    "auto_disk_config",
];
const TAG_FILTERS: &[&str] = &["tags", "tags-any", "not-tags", "not-tags-any"];

/// Tables that Nova joins: asking for one is a mistake, not a filter.
const JOINED: &[&str] = &[
    "block_device_mapping",
    "services",
    "metadata",
    "system_metadata",
    "info_cache",
    "security_groups",
    "pci_devices",
];

/// Statuses that Nova has; those of states that servers here never have match nothing.
const STATUSES: &[&str] = &[
    "ACTIVE",
    "BUILD",
    "DELETED",
    "ERROR",
    "HARD_REBOOT",
    "MIGRATING",
    "PASSWORD",
    "PAUSED",
    "REBOOT",
    "REBUILD",
    "RESCUE",
    "RESIZE",
    "REVERT_RESIZE",
    "SHELVED",
    "SHELVED_OFFLOADED",
    "SHUTOFF",
    "SOFT_DELETED",
    "SUSPENDED",
    "VERIFY_RESIZE",
];

/// Whether a list shows a server.
type ServerTest = Box<dyn Fn(&View<'_>, &Server) -> bool>;

/// Whether a list shows servers that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deleted {
    /// Only those that are there.
    Hidden,
    /// Both: who asks for changes wants to know of deletions.
    Shown,
    /// Only those that are gone.
    Only,
}

/// What a list is asked for.
pub(super) struct Wanted {
    /// Only this project's; `None`: everyone's.
    project: Option<ProjectId>,
    deleted: Deleted,
    tests: Vec<ServerTest>,
    sort: Vec<(SortKey, bool)>,
}

impl Wanted {
    pub(super) fn read(query: &Query, actor: &Actor, version: Microversion) -> Result<Self> {
        check_names(query, version)?;
        let project = project(query, actor)?;
        let mut wanted = Self {
            project,
            deleted: read_deleted(query, actor, version),
            tests: Vec::new(),
            sort: read_sort(query, actor, version)?,
        };
        wanted.read_filters(query, actor, version);
        wanted.read_status(query, actor, version)?;
        wanted.read_times(query, version)?;
        wanted.read_flags(query, actor, version)?;
        if version.since(26) {
            wanted.read_tags(query);
        }
        Ok(wanted)
    }

    /// The servers, in order.
    pub(super) fn select(&self, view: &View<'_>) -> Result<Vec<Arc<Server>>> {
        let cloud = &view.cloud;
        let is_wanted = |server: &&Arc<Server>| self.tests.iter().all(|test| test(view, server));
        let mut servers: Vec<Arc<Server>> = Vec::new();
        if self.deleted != Deleted::Only {
            servers.extend(living(cloud, self.project.as_ref()).filter(is_wanted).cloned());
        }
        if self.deleted != Deleted::Hidden {
            servers.extend(gone(cloud, self.project.as_ref()).filter(is_wanted).cloned());
        }
        servers.sort_by(|a, b| self.compare(a, b));
        Ok(servers)
    }

    fn compare(&self, a: &Server, b: &Server) -> Ordering {
        for (key, is_descending) in &self.sort {
            let order = key(a).cmp(&key(b));
            let order = if *is_descending { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        b.id.cmp(&a.id)
    }

    fn test(&mut self, test: impl Fn(&View<'_>, &Server) -> bool + 'static) {
        self.tests.push(Box::new(test));
    }

    fn read_filters(&mut self, query: &Query, actor: &Actor, version: Microversion) {
        for Filter(name, since, test) in FILTERS {
            let may_use = actor.is_admin() || version.since(*since);
            let Some(text) = query.get(name).filter(|_| may_use) else {
                continue;
            };
            match test {
                Test::Same(of) => {
                    let (of, text) = (*of, text.to_owned());
                    self.test(move |_, server| of(server).is_some_and(|value| value.eq_ignore_ascii_case(&text)));
                }
                Test::Pattern(of) => {
                    let (of, pattern) = (*of, pattern(text));
                    self.test(move |_, server| of(server).is_some_and(|value| pattern.is_match(&value)));
                }
                Test::Address { is_ipv6 } => {
                    let (is_ipv6, pattern) = (*is_ipv6, pattern(text));
                    self.test(move |view, server| has_address(view, server, is_ipv6, &pattern));
                }
            }
        }
    }

    fn read_status(&mut self, query: &Query, actor: &Actor, version: Microversion) -> Result<()> {
        let asked: Vec<String> = query.all("status").map(str::to_ascii_uppercase).collect();
        if asked.is_empty() {
            return Ok(());
        }
        if !asked.iter().any(|status| STATUSES.contains(&status.as_str())) {
            if version.since(38) {
                return Err(Error::invalid("HTTPBadRequest", "Invalid status value"));
            }
            self.test(|_, _| false);
            return Ok(());
        }
        if asked == ["DELETED"] && !actor.is_admin() {
            return Err(Error::forbidden(
                "HTTPForbidden",
                "Only administrators may list deleted instances",
            ));
        }
        self.test(move |_, server| {
            // A status without a task stands for its vm_state whatever the task: rebooting servers are ACTIVE, too.
            let of = |task: Option<TaskState>| asked.iter().any(|asked| asked == status(server.vm_state, task));
            of(server.task_state) || of(None)
        });
        Ok(())
    }

    fn read_times(&mut self, query: &Query, version: Microversion) -> Result<()> {
        let read = |name: &str| query.get(name).map(|text| parse_time(name, text)).transpose();
        let since = read("changes-since")?;
        let before = if version.since(66) {
            read("changes-before")?
        } else {
            None
        };
        if let (Some(since), Some(before)) = (since, before)
            && since > before
        {
            return Err(Error::invalid(
                "HTTPBadRequest",
                "The value of changes-since must be less than or equal to changes-before.",
            ));
        }
        if let Some(since) = since {
            self.test(move |_, server| server.updated_at >= since);
        }
        if let Some(before) = before {
            self.test(move |_, server| server.updated_at <= before);
        }
        Ok(())
    }

    fn read_flags(&mut self, query: &Query, actor: &Actor, version: Microversion) -> Result<()> {
        let is_admin = actor.is_admin();
        if version.since(73)
            && let Some(text) = query.get("locked")
        {
            let wanted = truth_of(text).ok_or_else(|| wrong("locked", &json!(text), "It is not of type 'boolean'."))?;
            self.test(move |_, server| server.locked.is_some() == wanted);
        }
        if !is_admin && !version.since(83) {
            return Ok(());
        }
        if let Some(zone) = query.get("availability_zone").map(str::to_owned) {
            self.test(move |view, server| server.host.is_some() && super::own_zone(view.ctx) == zone);
        }
        if let Some(text) = query.get("config_drive") {
            let wanted = truth_of(text).unwrap_or(!text.is_empty());
            self.test(move |_, server| server.config_drive == wanted);
        }
        Ok(())
    }

    fn read_tags(&mut self, query: &Query) {
        let read = |name: &str| {
            query
                .get(name)
                .map(|text| text.split(',').map(str::to_owned).collect::<Vec<String>>())
        };
        if let Some(tags) = read("tags") {
            self.test(move |_, server| tags.iter().all(|tag| server.tags.contains(tag)));
        }
        if let Some(tags) = read("tags-any") {
            self.test(move |_, server| tags.iter().any(|tag| server.tags.contains(tag)));
        }
        if let Some(tags) = read("not-tags") {
            self.test(move |_, server| !tags.iter().all(|tag| server.tags.contains(tag)));
        }
        if let Some(tags) = read("not-tags-any") {
            self.test(move |_, server| !tags.iter().any(|tag| server.tags.contains(tag)));
        }
    }
}

/// As Nova decides it: administrators by `deleted` or the status DELETED, everyone by asking for changes.
fn read_deleted(query: &Query, actor: &Actor, version: Microversion) -> Deleted {
    let mut statuses = query.all("status").peekable();
    let asks_deleted = statuses.peek().is_some() && statuses.all(|status| status.eq_ignore_ascii_case("deleted"));
    let said = query.get("deleted").map(|text| truth_of(text).unwrap_or(false));
    let asks_changes =
        query.get("changes-since").is_some() || (version.since(66) && query.get("changes-before").is_some());
    match said.filter(|_| actor.is_admin()) {
        _ if asks_deleted && actor.is_admin() => Deleted::Only,
        Some(true) => Deleted::Only,
        Some(false) => Deleted::Hidden,
        None if asks_changes => Deleted::Shown,
        None => Deleted::Hidden,
    }
}

fn check_names(query: &Query, version: Microversion) -> Result<()> {
    for (name, _) in query.iter() {
        if JOINED.contains(&name) || name.starts_with('_') {
            return Err(Error::invalid(
                "HTTPBadRequest",
                format!("Invalid filter field: {name}."),
            ));
        }
    }
    let mut known: Vec<&str> = FILTERS.iter().map(|Filter(name, ..)| *name).collect();
    known.extend(OTHERS);
    known.extend(TAG_FILTERS);
    known.extend(["changes-before", "locked"]);
    check_query(query, &known, version, 75)
}

/// Whose servers: the caller's project's, or with `all_tenants` (administrators only) everyone's or a named one's.
fn project(query: &Query, actor: &Actor) -> Result<Option<ProjectId>> {
    let everyone = match query.get("all_tenants") {
        None => false,
        Some("") => true,
        Some(text) => {
            truth_of(text).ok_or_else(|| wrong("all_tenants", &json!(text), "It is not of type 'boolean'."))?
        }
    };
    if !everyone {
        // A token without a project sees no project's servers.
        return Ok(Some(actor.project_id().cloned().unwrap_or_else(|| ProjectId::from(""))));
    }
    if !actor.is_admin() {
        return Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.",
        ));
    }
    Ok(query
        .get("project_id")
        .or_else(|| query.get("tenant_id"))
        .map(ProjectId::from))
}

/// A user's regular expression; what is none is taken literally. It is bounded in size, and matching never backtracks.
fn pattern(text: &str) -> Regex {
    let build = |text: &str| {
        RegexBuilder::new(text)
            .case_insensitive(true)
            .size_limit(1 << 18)
            .build()
    };
    build(text)
        .or_else(|_| build(&regex::escape(text)))
        .unwrap_or_else(|_| Regex::new(r"[^\s\S]").expect("the empty class is a regular expression"))
}

fn has_address(view: &View<'_>, server: &Server, is_ipv6: bool, pattern: &Regex) -> bool {
    let mut addresses = view.ports(server).flat_map(|port| port.fixed_ips.iter());
    addresses.any(|fixed| fixed.ip_address.is_ipv6() == is_ipv6 && pattern.is_match(&fixed.ip_address.to_string()))
}

/// ISO 8601, with a zone or in UTC.
pub(super) fn parse_time(name: &str, text: &str) -> Result<Timestamp> {
    let with_zone = text.parse::<jiff::Timestamp>().ok();
    let without = || {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    with_zone
        .or_else(without)
        .map(Timestamp::new)
        .ok_or_else(|| wrong(name, &json!(text), "It is not a 'date-time'."))
}

type SortValue = (Option<i64>, Option<String>);
type SortKey = fn(&Server) -> SortValue;

fn text(value: impl ToString) -> SortValue {
    (None, Some(value.to_string()))
}

fn time(at: Timestamp) -> SortValue {
    (Some(at.unix_micros()), None)
}

/// What servers can be sorted by.
const SORT_KEYS: &[(&str, SortKey)] = &[
    ("created_at", |s| time(s.created_at)),
    ("updated_at", |s| time(s.updated_at)),
    ("launched_at", |s| s.launched_at.map_or((None, None), time)),
    ("terminated_at", |s| s.terminated_at.map_or((None, None), time)),
    ("display_name", |s| text(&s.name)),
    ("display_description", |s| (None, s.description.clone())),
    ("host", |s| (None, s.host.as_ref().map(ToString::to_string))),
    ("node", |s| (None, s.host.as_ref().map(ToString::to_string))),
    ("hostname", |s| text(&s.hostname)),
    ("image_ref", |s| (None, s.image_id.map(|id| id.to_string()))),
    ("instance_type_id", |s| text(&s.flavor.id)),
    ("kernel_id", |s| (None, s.kernel.as_ref().map(|k| k.id.to_string()))),
    ("ramdisk_id", |s| (None, s.ramdisk.as_ref().map(|r| r.id.to_string()))),
    ("key_name", |s| (None, s.key.as_ref().map(|(name, _)| name.clone()))),
    ("launch_index", |s| (Some(i64::from(s.launch_index)), None)),
    ("locked_by", |s| (Some(i64::from(s.locked.is_some())), None)),
    ("power_state", |s| (Some(i64::from(s.power_state.number())), None)),
    ("progress", |s| (Some(i64::from(s.progress)), None)),
    ("project_id", |s| text(&s.project_id)),
    ("user_id", |s| text(&s.user_id)),
    ("task_state", |s| {
        (None, s.task_state.map(|task| task.as_str().to_owned()))
    }),
    ("vm_state", |s| text(s.vm_state.as_str())),
    ("uuid", |s| text(s.id)),
    ("config_drive", |s| (Some(i64::from(s.config_drive)), None)),
    ("auto_disk_config", |s| text(&s.disk_config)),
    ("access_ip_v4", |s| (None, s.access_ipv4.map(|ip| ip.to_string()))),
    ("access_ip_v6", |s| (None, s.access_ipv6.map(|ip| ip.to_string()))),
    ("availability_zone", |s| (Some(i64::from(s.host.is_some())), None)),
    ("root_device_name", |_| (None, None)),
];

/// Keys that Nova took before it checked them: ignored up to 2.74, refused from 2.75.
const IGNORED_SORT_KEYS: &[&str] = &[
    "architecture",
    "cell_name",
    "cleaned",
    "default_ephemeral_device",
    "default_swap_device",
    "deleted",
    "deleted_at",
    "disable_terminate",
    "ephemeral_gb",
    "ephemeral_key_uuid",
    "id",
    "key_data",
    "launched_on",
    "locked",
    "memory_mb",
    "os_type",
    "reservation_id",
    "root_gb",
    "shutdown_terminate",
    "user_data",
    "vcpus",
    "vm_mode",
];

fn read_sort(query: &Query, actor: &Actor, version: Microversion) -> Result<Vec<(SortKey, bool)>> {
    let keys: Vec<&str> = query.all("sort_key").collect();
    let dirs: Vec<&str> = query.all("sort_dir").collect();
    if dirs.len() > keys.len().max(1) {
        return Err(Error::invalid(
            "HTTPBadRequest",
            "Sort direction size exceeds sort key size",
        ));
    }
    if let Some(other) = dirs.iter().find(|dir| !matches!(**dir, "asc" | "desc")) {
        return Err(Error::invalid(
            "HTTPBadRequest",
            format!("Unknown sort direction, must be 'desc' or 'asc': {other}"),
        ));
    }
    let keys = if keys.is_empty() { vec!["created_at"] } else { keys };
    let mut sort = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        // Further keys go the way of the first.
        let dir = dirs.get(index).or(dirs.first()).copied().unwrap_or("desc");
        let found: Option<SortKey> = match *key {
            "locked" if version.since(73) => Some(|s| (Some(i64::from(s.locked.is_some())), None)),
            key => SORT_KEYS.iter().find(|(name, _)| *name == key).map(|(_, of)| *of),
        };
        match found {
            Some(_) if matches!(*key, "host" | "node") && !actor.is_admin() => {}
            Some(of) => sort.push((of, dir == "desc")),
            None if IGNORED_SORT_KEYS.contains(key) && !version.since(75) => {}
            None => return Err(wrong("sort_key", &json!(key), "Servers can't be sorted by it.")),
        }
    }
    Ok(sort)
}
