//! Nova's key pair: the public half; the private one is never kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::{Error, InvalidId, Timestamp, UserId};

/// What kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeypairKind {
    /// An OpenSSH public key.
    Ssh,
    /// An X.509 certificate.
    X509,
}

/// A public key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keypair {
    /// The user.
    pub user_id: UserId,
    /// Unique among the user's.
    pub name: String,
    /// What kind.
    pub kind: KeypairKind,
    /// The key as one line.
    pub public_key: String,
    /// MD5 of the key, colon-separated hex.
    pub fingerprint: String,
    /// When it was made or imported.
    pub created_at: Timestamp,
}

/// A key pair's id: its user and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeypairId(pub UserId, pub String);

impl fmt::Display for KeypairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl FromStr for KeypairId {
    type Err = InvalidId;
    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let (user, name) = s.split_once('/').ok_or_else(|| InvalidId(s.to_owned()))?;
        Ok(Self(user.into(), name.to_owned()))
    }
}

impl Row for Keypair {
    type Id = KeypairId;
    const KIND: &'static str = "keypair";
    crate::table!(Keypair, keypairs);
    fn id(&self) -> KeypairId {
        KeypairId(self.user_id.clone(), self.name.clone())
    }
    fn not_found(id: &KeypairId) -> Error {
        Error::not_found(
            "KeypairNotFound",
            format!("Keypair {} not found for user {}", id.1, id.0),
        )
    }
}
