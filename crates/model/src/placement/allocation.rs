//! Allocations of consumers that are no servers: what a server takes follows from the server itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Amounts;
use super::provider::{HOST_CLASSES, HostProvider, ResourceProvider, bad};
use crate::cloud::Row;
use crate::{Cloud, Error, ProjectId, Result, ServerId, Tx, UserId};

/// Somebody who takes something of providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceConsumer {
    /// Its id, which whoever made it chose.
    pub id: Uuid,
    /// The project it is counted for.
    pub project_id: ProjectId,
    /// The user it is counted for.
    pub user_id: UserId,
    /// What it is, such as `INSTANCE` (microversion 1.38).
    #[serde(default)]
    pub kind: Option<String>,
    /// Grows with each change.
    pub generation: u64,
    /// What it takes, by provider.
    pub allocations: BTreeMap<Uuid, Amounts>,
}

impl Row for ResourceConsumer {
    type Id = Uuid;
    const KIND: &'static str = "placement_consumer";
    crate::table!(ResourceConsumer, placement_consumers);
    fn id(&self) -> Uuid {
        self.id
    }
    fn not_found(id: &Uuid) -> Error {
        Error::not_found(
            "placement.undefined_code",
            format!("No allocations for consumer '{id}'"),
        )
    }
}

/// What a consumer is to take from now on; nothing at all ends it.
#[derive(Debug, Clone)]
pub struct AllocationChange {
    /// The consumer.
    pub consumer: Uuid,
    /// What it takes, by provider.
    pub allocations: BTreeMap<Uuid, Amounts>,
    /// See [`ResourceConsumer`].
    pub project_id: ProjectId,
    /// See [`ResourceConsumer`].
    pub user_id: UserId,
    /// See [`ResourceConsumer`]; `None` leaves it.
    pub kind: Option<String>,
    /// The generation that the caller saw (microversion 1.28): `Some(None)` for a consumer that must be new.
    pub generation: Option<Option<u64>>,
}

/// What consumers take of a provider, all but one.
pub fn used(cloud: &Cloud, provider: Uuid, but: Option<Uuid>) -> Amounts {
    let mut sum = Amounts::new();
    for row in cloud.placement_consumers.iter().filter(|row| Some(row.id) != but) {
        for (class, amount) in row.allocations.get(&provider).into_iter().flatten() {
            let taken = sum.entry(class.clone()).or_insert(0);
            *taken = amount.saturating_add(*taken);
        }
    }
    sum
}

fn is_server(cloud: &Cloud, consumer: Uuid) -> bool {
    cloud.servers.get(&ServerId(consumer)).is_some()
}

fn of_a_server(consumer: Uuid) -> Error {
    Error::conflict(
        "placement.undefined_code",
        format!("ResourceConsumer {consumer} is a server of this cloud: what it takes changes with the server itself."),
    )
}

/// Makes all the changes or none.
///
/// # Errors
/// A consumer is a server or is at another generation; a provider is unknown or has not so much left.
pub fn allocate(tx: &mut Tx<'_>, hosts: &[HostProvider], changes: Vec<AllocationChange>) -> Result<()> {
    let mut wanted = Vec::new();
    // All that go or shrink first, so that what they free may be taken in the same request.
    for change in changes {
        if is_server(tx.cloud(), change.consumer) {
            return Err(of_a_server(change.consumer));
        }
        let before = tx.cloud().placement_consumers.get(&change.consumer).cloned();
        check_generation(&change, before.as_deref())?;
        tx.delete::<ResourceConsumer>(&change.consumer);
        wanted.push((change, before));
    }
    for (change, before) in wanted {
        if change.allocations.is_empty() {
            continue;
        }
        for (provider, amounts) in &change.allocations {
            check_room(tx.cloud(), hosts, *provider, amounts)?;
        }
        tx.put(ResourceConsumer {
            id: change.consumer,
            project_id: change.project_id,
            user_id: change.user_id,
            kind: change.kind.or_else(|| before.as_ref()?.kind.clone()),
            generation: before.map_or(1, |row| row.generation + 1),
            allocations: change.allocations,
        });
    }
    Ok(())
}

fn check_generation(change: &AllocationChange, row: Option<&ResourceConsumer>) -> Result<()> {
    let seen = match change.generation {
        None => return Ok(()),
        Some(seen) => seen,
    };
    let is = row.map(|row| row.generation);
    if seen == is {
        return Ok(());
    }
    let told = |generation: Option<u64>| generation.map_or_else(|| "null".to_owned(), |number| number.to_string());
    Err(Error::conflict(
        "placement.concurrent_update",
        format!(
            "consumer generation conflict - expected {} but got {}",
            told(is),
            told(seen)
        ),
    ))
}

fn check_room(cloud: &Cloud, hosts: &[HostProvider], provider: Uuid, amounts: &Amounts) -> Result<()> {
    let row = cloud.resource_providers.get(&provider);
    let host = hosts.iter().find(|host| host.id == provider);
    if row.is_none() && host.is_none() {
        return Err(bad(format!(
            "Allocation for resource provider '{provider}' that does not exist."
        )));
    }
    let taken = used(cloud, provider, None);
    for (class, amount) in amounts {
        if *amount == 0 {
            return Err(bad(format!("An allocation of {class} is at least 1.")));
        }
        if host.is_some() && HOST_CLASSES.contains(&class.as_str()) {
            return Err(Error::conflict(
                "placement.undefined_code",
                format!("Provider {provider} is a host of this cloud: its {class} is for servers only."),
            ));
        }
        let inventory = row.and_then(|row: &Arc<ResourceProvider>| row.inventories.get(class));
        let taken = taken.get(class).copied().unwrap_or(0);
        if !inventory.is_some_and(|inventory| inventory.has_room(*amount, taken)) {
            return Err(Error::conflict(
                "placement.undefined_code",
                format!(
                    "Unable to allocate inventory: Unable to create allocation for '{class}' on resource provider \
                     '{provider}'. {}",
                    match inventory {
                        None => "It has no inventory of this class.".to_owned(),
                        Some(inventory) => format!(
                            "{amount} are asked, {taken} of {} are taken (units {} to {} in steps of {}).",
                            inventory.capacity(),
                            inventory.min_unit,
                            inventory.max_unit,
                            inventory.step_size
                        ),
                    }
                ),
            ));
        }
    }
    Ok(())
}

/// Ends what a consumer takes.
///
/// # Errors
/// It takes nothing; it is a server.
pub fn release(tx: &mut Tx<'_>, consumer: Uuid) -> Result<()> {
    if is_server(tx.cloud(), consumer) {
        return Err(of_a_server(consumer));
    }
    tx.get::<ResourceConsumer>(&consumer)?;
    tx.delete::<ResourceConsumer>(&consumer);
    Ok(())
}
