//! Glance's image: the row, and in the modules below what may happen to it.
//!
//! ```text
//!            begin_upload          finish_upload          deactivate
//!  Queued ────────────────► Saving ─────────────► Active ────────────► Deactivated
//!     ▲                       │                     ▲                      │
//!     └──── abort_upload ─────┘                     └───── reactivate ─────┘
//! ```
//!
//! The data itself is a file that `control` keeps; a row is [`ImageStatus::Active`] only after its whole file is on the
//! disk under its final name, was inspected and hashed, and that data never changes again. Deleting removes the row at
//! once, in any state; an upload that was under way finds its row gone and throws its file away.

mod attribute;
mod edit;
mod import;
mod limits;
mod member;
mod metadef;
mod read;
#[cfg(test)]
mod tests;
mod upload;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Error, ImageId, ProjectId, Timestamp};

pub use attribute::{
    BASE_PROPERTIES, CONTAINER_FORMATS, DISK_FORMATS, PROPERTY_LIMIT, READ_ONLY_PROPERTIES, RESERVED_PROPERTIES,
    TAG_LIMIT, TEXT_LIMIT,
};
pub use edit::{
    PatchAction, PatchMode, PatchOperation, add_tag, create, deactivate, delete, reactivate, remove_tag, update,
};
pub use import::{
    ImportSource, ImportTask, TaskStatus, WantedImport, all_tasks, begin_import, begin_stage, fail_import,
    finish_import, finish_stage, tasks, tell_import, unfinished_imports,
};
pub use member::{
    MEMBER_LIMIT, Member, MemberStatus, add_member, remove_member, set_member_status, show_member, visible_members,
};
pub use metadef::{
    Definition, MetadefNamespace, NamespaceFields, Part as MetadefPart, RESOURCE_TYPES, create_definitions,
    create_namespace, delete_definitions, delete_namespace, sees_namespace, show_definition, show_namespace,
    update_definition, update_namespace,
};
pub use read::{downloadable, in_default_list, may_change, may_see, membership, show};
pub use upload::{
    StoredData, Upload, abort_upload, begin_upload, check_data, finish_upload, reset_interrupted_uploads,
};

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
    /// Data is being staged, or is staged, for an import.
    Uploading,
    /// An import is under way.
    Importing,
    /// The data was refused.
    Killed,
}

impl ImageStatus {
    /// The word Glance uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Saving => "saving",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Uploading => "uploading",
            Self::Importing => "importing",
            Self::Killed => "killed",
        }
    }

    /// Whether there is a file with its data.
    pub fn has_data(self) -> bool {
        matches!(self, Self::Active | Self::Deactivated)
    }
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

impl Visibility {
    /// The word Glance uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Community => "community",
            Self::Shared => "shared",
            Self::Private => "private",
        }
    }

    /// From the word Glance uses.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Public, Self::Community, Self::Shared, Self::Private]
            .into_iter()
            .find(|visibility| visibility.as_str() == text)
    }
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
    /// Projects that it was offered to while it is shared.
    #[serde(default)]
    pub members: BTreeMap<ProjectId, Member>,
    /// Further properties, values as text; `None` is JSON null (`kernel_id`).
    pub properties: BTreeMap<String, Option<String>>,
    /// Imports, the latest last.
    #[serde(default)]
    pub tasks: Vec<ImportTask>,
    /// Bytes that are staged for an import.
    #[serde(default)]
    pub staged_size: Option<u64>,
    /// Which upload is under way while data comes in: only that one may finish it.
    #[serde(default)]
    pub upload_id: Option<uuid::Uuid>,
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
