//! Domains: containers of users, groups and projects.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cloud::{Lookups, Row};
use crate::{DomainId, Error};

/// A container of users and projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Its id (`default`, or 32 hexadecimal digits).
    pub id: DomainId,
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// A disabled domain's users can't sign in.
    pub enabled: bool,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Row for Domain {
    type Id = DomainId;
    const KIND: &'static str = "domain";
    crate::table!(Domain, domains);
    fn id(&self) -> DomainId {
        self.id.clone()
    }
    fn not_found(id: &DomainId) -> Error {
        Error::not_found("DomainNotFound", format!("Could not find domain: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups
            .domains_by_name
            .set(self.name.to_lowercase(), self.id.clone(), present);
    }
}
