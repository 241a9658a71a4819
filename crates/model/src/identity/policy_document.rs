//! Policy documents (`/v3/policies`): texts that Keystone keeps for other services, and does not read itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{common, policy};
use crate::{Actor, Result, Tx};

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDocument {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// The media type of the text (`application/json`).
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    pub blob: String,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

common::keystone_row!(PolicyDocument, policy_documents, "policy", "PolicyNotFound", "policy");

/// What a request says of a policy document; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct PolicyFields {
    /// The media type.
    pub kind: Option<String>,
    /// The text.
    pub blob: Option<String>,
    /// Attributes of the user's own.
    pub extra: BTreeMap<String, serde_json::Value>,
}

fn apply(fields: PolicyFields, row: &mut PolicyDocument) -> Result<()> {
    if let Some(kind) = fields.kind {
        if kind.is_empty() || kind.len() > 255 {
            return Err(common::invalid("type", "it has 1 to 255 characters"));
        }
        row.kind = kind;
    }
    if let Some(blob) = fields.blob {
        row.blob = blob;
    }
    row.extra.extend(fields.extra);
    Ok(())
}

/// Makes a policy document.
///
/// # Errors
/// `Forbidden`, `Invalid`.
pub fn create_policy(tx: &mut Tx<'_>, actor: &Actor, fields: PolicyFields) -> Result<Arc<PolicyDocument>> {
    policy::require_admin(actor, "identity:create_policy")?;
    let mut row = PolicyDocument {
        id: common::new_id(tx),
        kind: String::new(),
        blob: String::new(),
        extra: BTreeMap::new(),
    };
    apply(fields, &mut row)?;
    Ok(tx.put(row))
}

/// Changes a policy document.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`.
pub fn update_policy(tx: &mut Tx<'_>, actor: &Actor, id: &str, fields: PolicyFields) -> Result<Arc<PolicyDocument>> {
    policy::require_admin(actor, "identity:update_policy")?;
    let mut row = PolicyDocument::clone(&*tx.get::<PolicyDocument>(&id.to_owned())?);
    apply(fields, &mut row)?;
    Ok(tx.put(row))
}

/// Deletes a policy document.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_policy(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<()> {
    policy::require_admin(actor, "identity:delete_policy")?;
    let row = tx.get::<PolicyDocument>(&id.to_owned())?;
    tx.delete::<PolicyDocument>(&row.id);
    Ok(())
}
