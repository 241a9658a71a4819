//! Nova's flavor.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Error, FlavorId, ProjectId};

/// A size of server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavor {
    /// The id users type.
    pub id: FlavorId,
    /// Unique name.
    pub name: String,
    /// Free text (microversion 2.55).
    #[serde(default)]
    pub description: Option<String>,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Root disk, GiB; 0 means as large as the image.
    pub root_gib: u64,
    /// A further empty disk, GiB.
    #[serde(default)]
    pub ephemeral_gib: u64,
    /// Swap disk, MiB.
    #[serde(default)]
    pub swap_mib: u64,
    /// Kept for the API, in thousandths so that rows compare exactly; no effect.
    #[serde(default = "one")]
    pub rxtx_factor_thousandths: u32,
    /// Every project may use it.
    pub is_public: bool,
    /// Projects that may use one that is not public.
    #[serde(default)]
    pub access: BTreeSet<ProjectId>,
    /// Extra specs.
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
}

fn one() -> u32 {
    1000
}

impl Row for Flavor {
    type Id = FlavorId;
    const KIND: &'static str = "flavor";
    crate::table!(Flavor, flavors);
    fn id(&self) -> FlavorId {
        self.id.clone()
    }
    fn not_found(id: &FlavorId) -> Error {
        Error::not_found("FlavorNotFound", format!("Flavor {id} could not be found."))
    }
}
