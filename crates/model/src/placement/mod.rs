//! Placement's account of what operators add to it.
//!
//! Hosts are resource providers by themselves: what they have and what servers take of it is worked out from their reports
//! (`api`), so that account is never behind. The rows here hold the rest: resource classes and traits with names of one's
//! own, providers that are no hosts, what was added to hosts' own, and allocations of consumers that are no servers.
//!
//! Source: the api-ref of Placement and its `doc/source/user/provider-tree.rst`.

mod allocation;
mod names;
mod provider;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use allocation::{AllocationChange, ResourceConsumer, allocate, release, used};
pub use names::{
    CLASSES, CustomClass, CustomTrait, all_classes, all_traits, create_class, create_trait, delete_class, delete_trait,
    is_class, is_trait, rename_class,
};
pub use provider::{
    HOST_CLASSES, HostProvider, Inventory, NewProvider, ResourceProvider, create_provider, delete_provider,
    set_aggregates, set_inventories, set_inventory, set_traits, update_provider,
};

/// Amounts by resource class.
pub type Amounts = BTreeMap<String, u64>;
