//! Host aggregates: named sets of hosts with metadata. One that has the metadata `availability_zone` puts its hosts into
//! that zone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Cloud, Error, HostId, Result, Timestamp, Tx};

/// The metadata that makes an aggregate a zone.
pub const ZONE: &str = "availability_zone";

/// A set of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Its number: they count up over the whole cloud.
    pub id: u64,
    /// Its other name (microversion 2.41).
    pub uuid: uuid::Uuid,
    /// Its name.
    pub name: String,
    /// Its hosts.
    pub hosts: BTreeSet<HostId>,
    /// Key/value metadata.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

impl Aggregate {
    /// The zone that it makes.
    pub fn zone(&self) -> Option<&str> {
        self.metadata.get(ZONE).map(String::as_str)
    }
}

impl Row for Aggregate {
    type Id = u64;
    const KIND: &'static str = "aggregate";
    crate::table!(Aggregate, aggregates);
    fn id(&self) -> u64 {
        self.id
    }
    fn not_found(id: &u64) -> Error {
        Error::not_found("AggregateNotFound", format!("Aggregate {id} could not be found."))
    }
}

/// The zone that a host is in; `default` unless an aggregate says otherwise.
pub fn zone_of(cloud: &Cloud, host: &HostId, default: &str) -> String {
    let mut of_host = cloud.aggregates.iter().filter(|row| row.hosts.contains(host));
    of_host.find_map(|row| row.zone()).unwrap_or(default).to_owned()
}

/// Makes an aggregate without hosts.
///
/// # Errors
/// `AggregateNameExists`.
pub fn create(tx: &mut Tx<'_>, name: String, zone: Option<String>) -> Result<Arc<Aggregate>> {
    check_name(tx, &name, None)?;
    let id = tx.cloud().aggregates.last_id().map_or(1, |last| last + 1);
    let (uuid, created_at) = (tx.new_id(), tx.now());
    Ok(tx.put(Aggregate {
        id,
        uuid,
        name,
        hosts: BTreeSet::new(),
        metadata: zone.into_iter().map(|zone| (ZONE.to_owned(), zone)).collect(),
        created_at,
        updated_at: None,
    }))
}

fn check_name(tx: &Tx<'_>, name: &str, but: Option<u64>) -> Result<()> {
    let mut others = tx.cloud().aggregates.iter().filter(|row| Some(row.id) != but);
    if others.any(|row| row.name == name) {
        return Err(Error::conflict(
            "AggregateNameExists",
            format!("Aggregate {name} already exists."),
        ));
    }
    Ok(())
}

/// Changes its name, its zone or both.
///
/// # Errors
/// `AggregateNotFound`, `AggregateNameExists`; a host would be in two zones, or servers would change theirs.
pub fn update(tx: &mut Tx<'_>, id: u64, name: Option<String>, zone: Option<String>) -> Result<Arc<Aggregate>> {
    tx.get::<Aggregate>(&id)?;
    if let Some(name) = &name {
        check_name(tx, name, Some(id))?;
    }
    let metadata = zone.map(|zone| BTreeMap::from([(ZONE.to_owned(), Some(zone))]));
    if let Some(metadata) = metadata {
        set_metadata(tx, id, metadata)?;
    }
    change(tx, id, |row| {
        if let Some(name) = name {
            row.name = name;
        }
    })
}

fn change(tx: &mut Tx<'_>, id: u64, edit: impl FnOnce(&mut Aggregate)) -> Result<Arc<Aggregate>> {
    let now = tx.now();
    tx.update::<Aggregate>(&id, |row| {
        edit(row);
        row.updated_at = Some(now);
    })
}

/// Removes an aggregate.
///
/// # Errors
/// `AggregateNotFound`; `InvalidAggregateAction` while it has hosts.
pub fn delete(tx: &mut Tx<'_>, id: u64) -> Result<()> {
    if !tx.get::<Aggregate>(&id)?.hosts.is_empty() {
        return Err(Error::invalid(
            "InvalidAggregateActionDelete",
            format!("Unacceptable parameters: Cannot delete aggregate {id}: Host aggregate is not empty."),
        ));
    }
    tx.delete::<Aggregate>(&id);
    Ok(())
}

/// Puts a host into an aggregate.
///
/// # Errors
/// `AggregateNotFound`, `AggregateHostExists`; the host is in another zone already, or its servers would change theirs.
pub fn add_host(tx: &mut Tx<'_>, id: u64, host: &HostId) -> Result<Arc<Aggregate>> {
    let row = tx.get::<Aggregate>(&id)?;
    if row.hosts.contains(host) {
        return Err(Error::conflict(
            "AggregateHostExists",
            format!("Aggregate {id} already has host {host}."),
        ));
    }
    if let Some(zone) = row.zone() {
        check_zone(tx.cloud(), id, host, zone, "add_host_to_aggregate")?;
    }
    change(tx, id, |row| {
        row.hosts.insert(host.clone());
    })
}

/// A host is in one zone, and servers stay in theirs.
fn check_zone(cloud: &Cloud, id: u64, host: &HostId, zone: &str, action: &str) -> Result<()> {
    let others = cloud
        .aggregates
        .iter()
        .filter(|row| row.id != id && row.hosts.contains(host));
    let other = others.filter_map(|row| row.zone()).find(|other| *other != zone);
    let refused = |reason: String| {
        Error::conflict(
            "InvalidAggregateAction",
            format!("Cannot {action} aggregate {id}. Reason: {reason}"),
        )
    };
    if let Some(other) = other {
        return Err(refused(format!("Host {host} already in availability zone {other}.")));
    }
    if cloud.servers.iter().any(|server| server.host.as_ref() == Some(host)) {
        return Err(refused(format!(
            "One or more hosts contain instances in this zone ({host}): they would change their zone."
        )));
    }
    Ok(())
}

/// Takes a host out of an aggregate.
///
/// # Errors
/// `AggregateNotFound`, `AggregateHostNotFound`; its servers would change their zone.
pub fn remove_host(tx: &mut Tx<'_>, id: u64, host: &HostId) -> Result<Arc<Aggregate>> {
    let row = tx.get::<Aggregate>(&id)?;
    if !row.hosts.contains(host) {
        return Err(Error::not_found(
            "AggregateHostNotFound",
            format!("Aggregate {id} has no host {host}."),
        ));
    }
    if row.zone().is_some() {
        let has_servers = tx.cloud().servers.iter().any(|s| s.host.as_ref() == Some(host));
        if has_servers {
            return Err(Error::conflict(
                "InvalidAggregateAction",
                format!(
                    "Cannot remove_host_from_aggregate aggregate {id}. Reason: host {host} has servers in its zone."
                ),
            ));
        }
    }
    change(tx, id, |row| {
        row.hosts.remove(host);
    })
}

/// Sets metadata; `None` takes an item away.
///
/// # Errors
/// `AggregateNotFound`; a host would be in two zones, or servers would change theirs.
pub fn set_metadata(tx: &mut Tx<'_>, id: u64, items: BTreeMap<String, Option<String>>) -> Result<Arc<Aggregate>> {
    let row = tx.get::<Aggregate>(&id)?;
    if let Some(zone) = items.get(ZONE)
        && zone.as_deref() != row.zone()
    {
        let zone = zone.as_deref().unwrap_or_default();
        for host in &row.hosts {
            check_zone(tx.cloud(), id, host, zone, "update")?;
        }
    }
    change(tx, id, |row| {
        for (key, value) in items {
            match value {
                Some(value) => row.metadata.insert(key, value),
                None => row.metadata.remove(&key),
            };
        }
    })
}
