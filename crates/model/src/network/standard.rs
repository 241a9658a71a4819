//! What every Neutron resource has (Neutron's "standard attributes").

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{ProjectId, Timestamp};

/// Attributes of every Neutron resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    /// The project that owns it.
    pub project_id: ProjectId,
    /// Its name; may be empty, need not be unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change.
    pub revision_number: u64,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeSet<String>,
}

impl Standard {
    /// Of a new resource. Neutron's revision numbers begin at 1 for one that is changed while it is made; 0 is a plain one.
    pub fn new(project_id: ProjectId, name: impl Into<String>, now: Timestamp) -> Self {
        Self {
            project_id,
            name: name.into(),
            description: String::new(),
            created_at: now,
            updated_at: now,
            revision_number: 0,
            tags: BTreeSet::new(),
        }
    }

    /// Notes a change.
    pub fn touch(&mut self, now: Timestamp) {
        self.updated_at = now;
        self.revision_number += 1;
    }
}

/// Neutron's status of networks, ports, routers and floating IPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Works, as reported by a host.
    Active,
    /// Being made.
    Build,
    /// Not plugged in, or administratively down.
    Down,
    /// A host could not make it.
    Error,
    /// A floating IP or port that applies nowhere.
    #[serde(rename = "N/A")]
    NotApplicable,
}

impl Status {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Build => "BUILD",
            Self::Down => "DOWN",
            Self::Error => "ERROR",
            Self::NotApplicable => "N/A",
        }
    }
}
