//! Nova's key pair: the public half; the private one is never kept.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::Row;
use crate::quota;
use crate::{Cloud, Error, InvalidId, ProjectId, Result, Timestamp, Tx, UserId};

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

/// A public key as it was read (`control` parses and makes keys).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// What kind.
    pub kind: KeypairKind,
    /// The key as it is shown.
    pub text: String,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// Keeps a key under a name. Key pairs count per user; the limit is the one of the project the request came with.
///
/// # Errors
/// `KeyPairExists`, `KeypairLimitExceeded`.
pub fn create(
    tx: &mut Tx<'_>,
    quota_project: Option<&ProjectId>,
    user_id: &UserId,
    name: &str,
    key: PublicKey,
) -> Result<Arc<Keypair>> {
    let id = KeypairId(user_id.clone(), name.to_owned());
    if tx.cloud().keypairs.contains(&id) {
        return Err(Error::conflict(
            "KeyPairExists",
            format!("Key pair '{name}' already exists."),
        ));
    }
    let limit = quota_project.map_or(-1, |project| quota::limit(tx.cloud(), project, "key_pairs"));
    let used = of_user(tx.cloud(), user_id).count() as u64;
    if !quota::allows(limit, used, 1) {
        return Err(Error::over_quota(
            "KeypairLimitExceeded",
            "Quota exceeded, too many key pairs.",
        ));
    }
    let created_at = tx.now();
    Ok(tx.put(Keypair {
        user_id: user_id.clone(),
        name: name.to_owned(),
        kind: key.kind,
        public_key: key.text,
        fingerprint: key.fingerprint,
        created_at,
    }))
}

/// Forgets a key; servers made with it keep it.
///
/// # Errors
/// `KeypairNotFound`.
pub fn delete(tx: &mut Tx<'_>, user_id: &UserId, name: &str) -> Result<()> {
    let id = KeypairId(user_id.clone(), name.to_owned());
    tx.delete::<Keypair>(&id)
        .map(|_| ())
        .ok_or_else(|| Keypair::not_found(&id))
}

/// A user's key pairs by name.
pub fn of_user<'a>(cloud: &'a Cloud, user_id: &UserId) -> impl Iterator<Item = &'a Arc<Keypair>> + use<'a> {
    let first = KeypairId(user_id.clone(), String::new());
    let user_id = user_id.clone();
    cloud
        .keypairs
        .starting_at(first)
        .take_while(move |keypair| keypair.user_id == user_id)
}
