//! OAuth 1 consumers (`/v3/OS-OAUTH1/consumers`): programs that an administrator registered.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{common, policy};
use crate::{Actor, Result, Tx};

/// A consumer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// What it signs with; shown once.
    pub secret: String,
    /// Attributes users added.
    #[serde(default)]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("id", &self.id).finish_non_exhaustive()
    }
}

common::keystone_row!(
    Consumer,
    oauth_consumers,
    "oauth_consumer",
    "ConsumerNotFound",
    "consumer"
);

/// Makes a consumer; its secret is in the row.
///
/// # Errors
/// `Forbidden`.
pub fn create_consumer(
    tx: &mut Tx<'_>,
    actor: &Actor,
    description: Option<String>,
    extra: BTreeMap<String, serde_json::Value>,
) -> Result<Arc<Consumer>> {
    policy::require_admin(actor, "identity:create_consumer")?;
    let (id, secret) = (common::new_id(tx), common::new_id(tx));
    Ok(tx.put(Consumer {
        id,
        description,
        secret,
        extra,
    }))
}

/// Changes what a consumer is described by; its secret stays.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn update_consumer(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: &str,
    description: Option<Option<String>>,
    extra: BTreeMap<String, serde_json::Value>,
) -> Result<Arc<Consumer>> {
    policy::require_admin(actor, "identity:update_consumer")?;
    tx.update::<Consumer>(&id.to_owned(), |row| {
        if let Some(description) = description {
            row.description = description;
        }
        row.extra.extend(extra);
    })
}

/// Deletes a consumer.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_consumer(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<()> {
    policy::require_admin(actor, "identity:delete_consumer")?;
    let row = tx.get::<Consumer>(&id.to_owned())?;
    tx.delete::<Consumer>(&row.id);
    Ok(())
}
