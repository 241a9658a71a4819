//! Glance's image.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Error, ImageId, ProjectId, Timestamp};

/// Where an image is in its life (api-ref image v2, "Image status transitions").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageStatus {
    /// Registered, no data yet.
    Queued,
    /// Data is coming in.
    Saving,
    /// Data is there and never changes again.
    Active,
    /// Data is there but only the administrator may read it.
    Deactivated,
    /// The data was refused.
    Killed,
}

/// Who may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everyone.
    Public,
    /// Everyone who knows its id.
    Community,
    /// Its project and members.
    Shared,
    /// Its project.
    Private,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The project that owns it.
    pub owner: Option<ProjectId>,
    /// Where it is in its life.
    pub status: ImageStatus,
    /// Who may see it.
    pub visibility: Visibility,
    /// Cannot be deleted.
    pub protected: bool,
    /// Hidden from lists that don't ask for hidden ones.
    #[serde(default)]
    pub os_hidden: bool,
    /// `bare`, `ovf` …
    pub container_format: Option<String>,
    /// As declared; equal to what was detected once active.
    pub disk_format: Option<String>,
    /// Smallest flavor disk, GiB.
    pub min_disk: u64,
    /// Smallest flavor memory, MiB.
    pub min_ram: u64,
    /// Length of the data, bytes.
    pub size: Option<u64>,
    /// Size that a guest sees, bytes, read from the data.
    pub virtual_size: Option<u64>,
    /// MD5 of the data, hex.
    pub checksum: Option<String>,
    /// SHA-512 of the data, hex.
    pub os_hash_value: Option<String>,
    /// Labels.
    pub tags: BTreeSet<String>,
    /// Further properties, values as text; `None` is JSON null (`kernel_id`).
    pub properties: BTreeMap<String, Option<String>>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Row for Image {
    type Id = ImageId;
    const KIND: &'static str = "image";
    crate::table!(Image, images);
    fn id(&self) -> ImageId {
        self.id
    }
    fn not_found(id: &ImageId) -> Error {
        Error::not_found("ImageNotFound", format!("No image found with ID {id}"))
    }
    fn project(&self) -> Option<&ProjectId> {
        self.owner.as_ref()
    }
}
