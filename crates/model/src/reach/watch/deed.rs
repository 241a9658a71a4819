//! A change and who made it, in what somebody who watches a path wants to know of it: which rows, and what of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::author::Author;
use crate::network::{Resource, SecurityGroupRule};
use crate::reach::names::Object;
use crate::{Actor, AnyRow, Change, Cloud, Timestamp};

/// So many rows of a change are told one by one.
const MOST_ROWS: usize = 8;
/// A value that is longer, in bytes of JSON, is told by its start.
const LONGEST_VALUE: usize = 1000;

/// A transaction, told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// On whose behalf it ran.
    pub author: Author,
    /// That user's name then; empty if there is none.
    pub user_name: String,
    /// When.
    pub at: Timestamp,
    /// The rows that it changed, those that the path has to do with first.
    pub rows: Vec<RowChange>,
    /// How many more there were.
    pub more: u64,
}

/// A row that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// What was done to it.
    pub action: Action,
    /// Its kind: `security_group_rule`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name, or what it says.
    pub name: String,
    /// Whether members of the path's project may see it.
    pub is_shown: bool,
    /// What of it became different.
    pub fields: Vec<FieldChange>,
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was made.
    Created,
    /// It was changed.
    Changed,
    /// It was removed.
    Deleted,
}

/// A field before and after; `null`: there was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its name in the store.
    pub name: String,
    /// What it held.
    pub before: Value,
    /// What it holds.
    pub after: Value,
}

/// What a path has to do with.
pub(super) struct Related {
    /// What the causes that came or went are about in the first place.
    pub(super) causes: BTreeSet<String>,
    /// Everything that its answers speak of.
    pub(super) ids: BTreeSet<String>,
}

/// How little a row's change tells: it is not what a cause is about, it only follows from others, it has nothing to do with the
/// path.
type Rank = (bool, bool, bool);

/// Fields that say what came of something else.
const EFFECTS: [&str; 3] = ["status", "task_state", "power_state"];

/// Whether packets' ways depend on rows of this kind.
pub(super) fn concerns(row: &AnyRow) -> bool {
    !fields_of(row.kind()).is_empty()
}

/// The fields that say what becomes of packets, of the kinds of rows that do; nothing that names a host or holds a secret.
fn fields_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "server" => &["vm_state", "desired", "task_state", "power_state"],
        "port" => &[
            "admin_state_up",
            "status",
            "security_groups",
            "port_security_enabled",
            "fixed_ips",
            "allowed_address_pairs",
            "device_id",
        ],
        "network" => &["admin_state_up", "status", "external", "shared"],
        "subnet" => &["cidr", "gateway_ip", "host_routes", "enable_dhcp"],
        "router" => &[
            "admin_state_up",
            "status",
            "gateway",
            "routes",
            "enable_ndp_proxy",
            "is_hosted",
        ],
        "floating_ip" => &["port_id", "fixed_ip_address", "router_id", "status"],
        "port_forwarding" => &["protocol", "external_ports", "internal_port_id", "internal_ports"],
        "security_group" => &["stateful"],
        "security_group_rule" => &[
            "direction",
            "ethertype",
            "protocol",
            "port_range_min",
            "port_range_max",
            "remote_ip_prefix",
            "remote_group_id",
            "remote_address_group_id",
            "security_group_id",
        ],
        "address_group" => &["addresses"],
        "address_scope" => &["shared"],
        "subnet_pool" => &["address_scope_id"],
        "rbac_policy" => &["object_id", "action", "target"],
        "ndp_proxy" => &["router_id", "port_id", "ip_address"],
        "trunk" => &["admin_state_up", "status", "sub_ports"],
        "segment" => &["network_id"],
        "network_agent" => &["admin_state_up"],
        _ => &[],
    }
}

impl Deed {
    /// Tells a transaction. `before` and `after` are the cloud around it, `related` what the path has to do with, `reader` a member
    /// of the path's project.
    pub(super) fn tell(
        (author, at): (&Author, Timestamp),
        changes: &[Change],
        (before, after): (&Cloud, &Cloud),
        related: &Related,
        reader: &Actor,
    ) -> Self {
        let mut rows: Vec<(Rank, RowChange)> = together(changes)
            .into_iter()
            .filter_map(|(first, last)| tell_row(first.as_ref(), last.as_ref(), (before, after), related, reader))
            .collect();
        rows.sort_by_key(|(rank, _)| *rank);
        let more = rows.len().saturating_sub(MOST_ROWS) as u64;
        let user_name = match author {
            Author::Request(requester) => [after, before]
                .iter()
                .find_map(|cloud| cloud.users.get(&requester.user_id))
                .map_or_else(String::new, |user| user.name.clone()),
            Author::Host | Author::Cloud => String::new(),
        };
        Self {
            author: author.clone(),
            user_name,
            at,
            rows: rows.into_iter().take(MOST_ROWS).map(|(_, row)| row).collect(),
            more,
        }
    }
}

/// Each row that packets' ways depend on: how it was at first, and how it was left.
fn together(changes: &[Change]) -> Vec<(Option<AnyRow>, Option<AnyRow>)> {
    let mut places = BTreeMap::new();
    let mut rows: Vec<(Option<AnyRow>, Option<AnyRow>)> = Vec::new();
    for change in changes {
        let Some(row) = change.after.as_ref().or(change.before.as_ref()) else {
            continue;
        };
        if !concerns(row) {
            continue;
        }
        let place = *places.entry((row.kind(), row.key())).or_insert(rows.len());
        match rows.get_mut(place) {
            Some((_, last)) => *last = change.after.clone(),
            None => rows.push((change.before.clone(), change.after.clone())),
        }
    }
    rows
}

/// A row's change, and how much it tells; `None`: nothing of it that matters became different.
fn tell_row(
    first: Option<&AnyRow>,
    last: Option<&AnyRow>,
    (before, after): (&Cloud, &Cloud),
    related: &Related,
    reader: &Actor,
) -> Option<(Rank, RowChange)> {
    let (action, row, cloud) = match (first, last) {
        (None, Some(row)) => (Action::Created, row, after),
        (Some(_), Some(row)) => (Action::Changed, row, after),
        (Some(row), None) => (Action::Deleted, row, before),
        (None, None) => return None,
    };
    let (old, new) = (document(first), document(last));
    let fields: Vec<FieldChange> = fields_of(row.kind())
        .iter()
        .filter(|name| old[**name] != new[**name])
        .map(|name| FieldChange {
            name: (*name).to_owned(),
            before: bounded(&old[*name]),
            after: bounded(&new[*name]),
        })
        .collect();
    if fields.is_empty() && action == Action::Changed {
        return None;
    }
    let is_related = related.ids.contains(&row.key()) || [&old, &new].iter().any(|row| names_one(row, &related.ids));
    let is_cause = related.causes.contains(&row.key());
    let is_effect = !fields.is_empty() && fields.iter().all(|field| EFFECTS.contains(&field.name.as_str()));
    let told = RowChange {
        action,
        kind: row.kind().to_owned(),
        id: row.key(),
        name: name(cloud, reader, row),
        is_shown: is_shown(cloud, reader, row),
        fields,
    };
    Some(((!is_cause, is_effect, !is_related), told))
}

/// A value, or the start of it as a text if it is long.
fn bounded(value: &Value) -> Value {
    let text = value.to_string();
    match text.len() > LONGEST_VALUE {
        true => Value::String(format!("{}…", text.chars().take(LONGEST_VALUE / 4).collect::<String>())),
        false => value.clone(),
    }
}

fn document(row: Option<&AnyRow>) -> Value {
    let json = row.and_then(|row| row.to_json().ok());
    json.and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or(Value::Null)
}

/// Whether a row names one of these ids.
fn names_one(row: &Value, ids: &BTreeSet<String>) -> bool {
    let is_one = |value: &Value| value.as_str().is_some_and(|text| ids.contains(text));
    let fields = row.as_object().into_iter().flatten();
    fields.into_iter().any(|(_, value)| match value {
        Value::Array(values) => values.iter().any(is_one),
        other => is_one(other),
    })
}

/// What a row is called, as it is.
fn name(cloud: &Cloud, reader: &Actor, row: &AnyRow) -> String {
    let object = match row {
        AnyRow::Server(row) => Object::Server(row.id),
        AnyRow::Port(row) => Object::Port(row.id),
        AnyRow::Network(row) => Object::Network(row.id),
        AnyRow::Subnet(row) => Object::Subnet(row.id),
        AnyRow::Router(row) => Object::Router(row.id),
        AnyRow::FloatingIp(row) => Object::FloatingIp(row.id),
        AnyRow::SecurityGroup(row) => Object::SecurityGroup(row.id),
        AnyRow::SecurityGroupRule(row) => return rule(cloud, reader, row),
        AnyRow::AddressGroup(row) => return row.standard.name.clone(),
        AnyRow::AddressScope(row) => return row.standard.name.clone(),
        AnyRow::SubnetPool(row) => return row.standard.name.clone(),
        AnyRow::Trunk(row) => return row.standard.name.clone(),
        AnyRow::NdpProxy(row) => return row.ip_address.to_string(),
        _ => return row.key().chars().take(8).collect(),
    };
    object.named(cloud, &super::standing::everything(reader)).name
}

/// `ingress tcp 22 from 0.0.0.0/0 (web)`: what a rule says, and its group.
fn rule(cloud: &Cloud, reader: &Actor, rule: &SecurityGroupRule) -> String {
    // Its own group is seen by whoever sees the rule; one that it names may be another project's.
    let group_name = |id| {
        let group = cloud.security_groups.get(id);
        let group = group.filter(|group| *id == rule.security_group_id || group.visible_to(cloud, reader));
        group.map_or_else(|| id.to_string(), |group| group.standard.name.clone())
    };
    let ports = match (rule.port_range_min, rule.port_range_max) {
        (Some(first), Some(last)) if first != last => format!(" {first}-{last}"),
        (Some(port), _) | (None, Some(port)) => format!(" {port}"),
        (None, None) => String::new(),
    };
    let (direction, preposition) = match rule.direction {
        crate::host::Direction::Ingress => ("ingress", "from"),
        crate::host::Direction::Egress => ("egress", "to"),
    };
    let other = match (
        &rule.remote_ip_prefix,
        &rule.remote_group_id,
        &rule.remote_address_group_id,
    ) {
        (Some(prefix), ..) => prefix.to_string(),
        (None, Some(group), _) => group_name(group),
        (None, None, Some(group)) => {
            let named = cloud.address_groups.get(group);
            let named = named.filter(|named| named.visible_to(cloud, reader));
            named.map_or_else(|| group.to_string(), |named| named.standard.name.clone())
        }
        (None, None, None) => match rule.ethertype {
            crate::host::EtherType::IPv4 => "0.0.0.0/0".to_owned(),
            crate::host::EtherType::IPv6 => "::/0".to_owned(),
        },
    };
    let protocol = rule.protocol.as_deref().unwrap_or("any");
    let group = group_name(&rule.security_group_id);
    format!("{direction} {protocol}{ports} {preposition} {other} ({group})")
}

/// Whether members of the path's project may see a row.
fn is_shown(cloud: &Cloud, reader: &Actor, row: &AnyRow) -> bool {
    fn of<R: Resource>(cloud: &Cloud, reader: &Actor, row: &R) -> bool {
        row.visible_to(cloud, reader)
    }
    match row {
        AnyRow::Server(row) => reader.can_see(&row.project_id),
        AnyRow::Port(row) => of(cloud, reader, &**row),
        AnyRow::Network(row) => of(cloud, reader, &**row),
        AnyRow::Subnet(row) => of(cloud, reader, &**row),
        AnyRow::Router(row) => of(cloud, reader, &**row),
        AnyRow::FloatingIp(row) => of(cloud, reader, &**row),
        AnyRow::PortForwarding(row) => of(cloud, reader, &**row),
        AnyRow::SecurityGroup(row) => of(cloud, reader, &**row),
        AnyRow::SecurityGroupRule(row) => of(cloud, reader, &**row),
        AnyRow::AddressGroup(row) => of(cloud, reader, &**row),
        AnyRow::AddressScope(row) => of(cloud, reader, &**row),
        AnyRow::SubnetPool(row) => of(cloud, reader, &**row),
        AnyRow::RbacPolicy(row) => of(cloud, reader, &**row),
        AnyRow::NdpProxy(row) => of(cloud, reader, &**row),
        AnyRow::Trunk(row) => of(cloud, reader, &**row),
        _ => false,
    }
}
