//! Metadata definitions: a dictionary of the properties that images, flavors and others may carry, which dashboards
//! offer to people. A namespace is one row with all that is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloud::Row;
use crate::{Actor, Cloud, Error, ProjectId, Result, Timestamp, Tx};

/// Something in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// As it was sent, without its name.
    pub body: BTreeMap<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a namespace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Groups of properties.
    Object,
    /// Properties.
    Property,
    /// Labels.
    Tag,
    /// The kinds of resources that it is about.
    ResourceType,
}

impl Part {
    /// What it is called in messages.
    fn word(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Property => "property",
            Self::Tag => "tag",
            Self::ResourceType => "resource type",
        }
    }
}

/// A namespace of definitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadefNamespace {
    /// Its name, by which it is found.
    pub namespace: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project sees it.
    pub public: bool,
    /// Cannot be deleted.
    pub protected: bool,
    /// The project that owns it.
    pub owner: ProjectId,
    /// Groups of properties by name.
    #[serde(default)]
    pub objects: BTreeMap<String, Definition>,
    /// Properties by name.
    #[serde(default)]
    pub properties: BTreeMap<String, Definition>,
    /// Labels by name.
    #[serde(default)]
    pub tags: BTreeMap<String, Definition>,
    /// Kinds of resources by name.
    #[serde(default)]
    pub resource_types: BTreeMap<String, Definition>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Row for MetadefNamespace {
    type Id = String;
    const KIND: &'static str = "metadef_namespace";
    crate::table!(MetadefNamespace, metadef_namespaces);
    fn id(&self) -> String {
        self.namespace.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found(
            "NotFound",
            format!("The metadata definition namespace={id} was not found."),
        )
    }
}

impl MetadefNamespace {
    /// The definitions of one kind.
    pub fn part(&self, part: Part) -> &BTreeMap<String, Definition> {
        match part {
            Part::Object => &self.objects,
            Part::Property => &self.properties,
            Part::Tag => &self.tags,
            Part::ResourceType => &self.resource_types,
        }
    }

    fn part_mut(&mut self, part: Part) -> &mut BTreeMap<String, Definition> {
        match part {
            Part::Object => &mut self.objects,
            Part::Property => &mut self.properties,
            Part::Tag => &mut self.tags,
            Part::ResourceType => &mut self.resource_types,
        }
    }
}

/// Kinds of resources that OpenStack's own definitions are about.
pub const RESOURCE_TYPES: [&str; 6] = [
    "OS::Cinder::Volume",
    "OS::Glance::Image",
    "OS::Nova::Aggregate",
    "OS::Nova::Flavor",
    "OS::Nova::Server",
    "OS::Trove::Instance",
];

/// Longest name, characters.
const NAME_LIMIT: usize = 80;
/// So many definitions of one kind has a namespace at most: it is one row of the store.
const PART_LIMIT: usize = 500;

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.chars().count() > NAME_LIMIT {
        return Err(Error::invalid(
            "InvalidObject",
            format!("A name has 1 to {NAME_LIMIT} characters."),
        ));
    }
    Ok(())
}

/// The dictionary belongs to the whole cloud: administrators write it.
fn require_admin(actor: &Actor) -> Result<()> {
    if actor.is_admin() {
        return Ok(());
    }
    Err(Error::forbidden(
        "Forbidden",
        "You are not authorized to change metadata definitions: it takes role 'admin'.",
    ))
}

/// Whether the caller may see a namespace.
pub fn sees_namespace(actor: &Actor, row: &MetadefNamespace) -> bool {
    row.public || actor.can_see(&row.owner)
}

/// The namespace, if the caller may see it.
///
/// # Errors
/// `NotFound`.
pub fn show_namespace(cloud: &Cloud, actor: &Actor, name: &str) -> Result<Arc<MetadefNamespace>> {
    let name = name.to_owned();
    cloud
        .get::<MetadefNamespace>(&name)
        .ok()
        .filter(|row| sees_namespace(actor, row))
        .ok_or_else(|| MetadefNamespace::not_found(&name))
}

/// What a request says of a namespace.
#[derive(Debug, Clone, Default)]
pub struct NamespaceFields {
    /// Its name.
    pub namespace: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether every project sees it.
    pub public: bool,
    /// Cannot be deleted.
    pub protected: bool,
    /// The project that owns it; `None`: the caller's.
    pub owner: Option<ProjectId>,
    /// Kinds of resources that it is about, with how they name its properties; only at creation.
    pub resource_types: BTreeMap<String, BTreeMap<String, Value>>,
}

/// Makes a namespace.
///
/// # Errors
/// `Forbidden`, `Invalid`; `Conflict` for a name that is taken.
pub fn create_namespace(tx: &mut Tx<'_>, actor: &Actor, fields: NamespaceFields) -> Result<Arc<MetadefNamespace>> {
    require_admin(actor)?;
    check_name(&fields.namespace)?;
    if tx.cloud().metadef_namespaces.contains(&fields.namespace) {
        return Err(taken("namespace", &fields.namespace));
    }
    let owner = fields.owner.or_else(|| actor.project_id().cloned());
    let owner = owner.ok_or_else(|| Error::invalid("InvalidObject", "'owner' must be given."))?;
    let now = tx.now();
    let entry = |body| Definition {
        body,
        created_at: now,
        updated_at: now,
    };
    let resource_types = fields.resource_types.into_iter();
    Ok(tx.put(MetadefNamespace {
        namespace: fields.namespace,
        display_name: fields.display_name,
        description: fields.description,
        public: fields.public,
        protected: fields.protected,
        owner,
        objects: BTreeMap::new(),
        properties: BTreeMap::new(),
        tags: BTreeMap::new(),
        resource_types: resource_types.map(|(name, body)| (name, entry(body))).collect(),
        created_at: now,
        updated_at: now,
    }))
}

fn taken(what: &str, name: &str) -> Error {
    Error::conflict(
        "Duplicate",
        format!("The metadata definition {what} with name={name} already exists."),
    )
}

/// Changes a namespace, maybe its name, too.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`, `Conflict`.
pub fn update_namespace(
    tx: &mut Tx<'_>,
    actor: &Actor,
    name: &str,
    fields: NamespaceFields,
) -> Result<Arc<MetadefNamespace>> {
    require_admin(actor)?;
    check_name(&fields.namespace)?;
    let before = show_namespace(tx.cloud(), actor, name)?;
    let mut row = MetadefNamespace::clone(&before);
    if fields.namespace != before.namespace {
        if tx.cloud().metadef_namespaces.contains(&fields.namespace) {
            return Err(taken("namespace", &fields.namespace));
        }
        tx.delete::<MetadefNamespace>(&before.namespace);
        row.namespace = fields.namespace;
    }
    row.display_name = fields.display_name;
    row.description = fields.description;
    row.public = fields.public;
    row.protected = fields.protected;
    row.owner = fields.owner.unwrap_or(row.owner);
    row.updated_at = tx.now();
    Ok(tx.put(row))
}

/// Deletes a namespace with all that is in it.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for a protected one.
pub fn delete_namespace(tx: &mut Tx<'_>, actor: &Actor, name: &str) -> Result<()> {
    let row = writable(tx, actor, name)?;
    tx.delete::<MetadefNamespace>(&row.namespace);
    Ok(())
}

/// The namespace, when things may be taken out of it.
fn writable(tx: &Tx<'_>, actor: &Actor, name: &str) -> Result<Arc<MetadefNamespace>> {
    require_admin(actor)?;
    let row = show_namespace(tx.cloud(), actor, name)?;
    if row.protected {
        return Err(Error::forbidden(
            "ProtectedMetadefNamespaceDelete",
            format!("Metadata definition namespace {name} is protected and cannot be deleted."),
        ));
    }
    Ok(row)
}

fn missing(part: Part, namespace: &str, name: &str) -> Error {
    Error::not_found(
        "NotFound",
        format!(
            "The metadata definition {} with name={name} was not found in namespace={namespace}.",
            part.word()
        ),
    )
}

/// One definition, if the caller may see its namespace.
///
/// # Errors
/// `NotFound`.
pub fn show_definition(cloud: &Cloud, actor: &Actor, namespace: &str, part: Part, name: &str) -> Result<Definition> {
    let row = show_namespace(cloud, actor, namespace)?;
    let found = row.part(part).get(name).cloned();
    found.ok_or_else(|| missing(part, namespace, name))
}

/// Puts new definitions into a namespace, all or none.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`; `Conflict` for a name that is there; `OverLimit`.
pub fn create_definitions(
    tx: &mut Tx<'_>,
    actor: &Actor,
    namespace: &str,
    part: Part,
    wanted: Vec<(String, BTreeMap<String, Value>)>,
) -> Result<Vec<(String, Definition)>> {
    require_admin(actor)?;
    let row = show_namespace(tx.cloud(), actor, namespace)?;
    let mut row = MetadefNamespace::clone(&row);
    let now = tx.now();
    let mut made = Vec::new();
    for (name, body) in wanted {
        check_name(&name)?;
        let entry = Definition {
            body,
            created_at: now,
            updated_at: now,
        };
        if row.part_mut(part).insert(name.clone(), entry.clone()).is_some() {
            return Err(taken(part.word(), &name));
        }
        made.push((name, entry));
    }
    if row.part(part).len() > PART_LIMIT {
        return Err(Error::over_limit(
            "LimitExceeded",
            format!("A namespace has at most {PART_LIMIT} definitions of a kind."),
        ));
    }
    tx.put(row);
    Ok(made)
}

/// Replaces a definition, maybe under another name.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`, `Conflict`.
pub fn update_definition(
    tx: &mut Tx<'_>,
    actor: &Actor,
    namespace: &str,
    part: Part,
    name: &str,
    wanted: (String, BTreeMap<String, Value>),
) -> Result<(String, Definition)> {
    require_admin(actor)?;
    let row = show_namespace(tx.cloud(), actor, namespace)?;
    let mut row = MetadefNamespace::clone(&row);
    let now = tx.now();
    let (new_name, body) = wanted;
    check_name(&new_name)?;
    let parts = row.part_mut(part);
    let before = parts.remove(name).ok_or_else(|| missing(part, namespace, name))?;
    let entry = Definition {
        body,
        created_at: before.created_at,
        updated_at: now,
    };
    if parts.insert(new_name.clone(), entry.clone()).is_some() {
        return Err(taken(part.word(), &new_name));
    }
    tx.put(row);
    Ok((new_name, entry))
}

/// Takes one definition out of a namespace, or (`None`) all of the kind.
///
/// # Errors
/// `NotFound`; `Forbidden`, also for a protected namespace.
pub fn delete_definitions(
    tx: &mut Tx<'_>,
    actor: &Actor,
    namespace: &str,
    part: Part,
    name: Option<&str>,
) -> Result<()> {
    let mut row = MetadefNamespace::clone(&*writable(tx, actor, namespace)?);
    match name {
        None => row.part_mut(part).clear(),
        Some(name) => {
            let gone = row.part_mut(part).remove(name);
            gone.ok_or_else(|| missing(part, namespace, name))?;
        }
    }
    tx.put(row);
    Ok(())
}
