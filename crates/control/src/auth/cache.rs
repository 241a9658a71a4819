//! Tokens that were opened lately, and keys ready for use: authenticating costs microseconds.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Cloud, Error, Result};
use ring::aead::LessSafeKey;
use ring::digest;

use super::seal::Sealed;
use super::{Token, seal};

/// Tokens kept in each of the two halves.
const HALF: usize = 4096;

/// What a token is kept under: its digest, so that neither the secret nor a comparison of it is in the cache.
pub(super) type Digest = [u8; 32];

/// The digest of a token.
pub(super) fn digest(secret: &str) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    out
}

/// Tokens opened lately (in two halves, the older one is dropped when the younger is full) and ready keys.
#[derive(Default)]
pub(super) struct TokenCache {
    tokens: Mutex<Halves>,
    keys: Mutex<HashMap<u64, ReadyKey>>,
}

/// A key's secret and the key.
type ReadyKey = (Vec<u8>, Arc<LessSafeKey>);

#[derive(Default)]
struct Halves {
    young: HashMap<Digest, Entry>,
    old: HashMap<Digest, Entry>,
}

struct Entry {
    /// Of the cloud it was admitted over ([`model::cloud::Lookups::identity_generation`]).
    generation: u64,
    token: Arc<Token>,
}

impl TokenCache {
    /// A token that was admitted while Keystone's rows were as they are now.
    pub(super) fn get(&self, digest: &Digest, generation: u64) -> Option<Arc<Token>> {
        let halves = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = halves.young.get(digest).or_else(|| halves.old.get(digest))?;
        (entry.generation == generation).then(|| entry.token.clone())
    }

    pub(super) fn put(&self, digest: Digest, generation: u64, token: Arc<Token>) {
        let mut halves = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if halves.young.len() >= HALF {
            halves.old = mem::take(&mut halves.young);
        }
        halves.young.insert(digest, Entry { generation, token });
    }

    /// Opens a token with the key it names.
    pub(super) fn open<C: Sealed>(&self, cloud: &Cloud, secret: &str) -> Option<C> {
        seal::open(secret, |id| self.key(cloud, id))
    }

    /// Seals claims with the youngest key.
    pub(super) fn seal<C: Sealed>(&self, cloud: &Cloud, claims: &C) -> Result<String> {
        let youngest = cloud.token_keys.iter().map(|key| key.id).last();
        youngest
            .and_then(|id| Some((id, self.key(cloud, id)?)))
            .and_then(|(id, key)| seal::seal(id, &key, claims))
            .ok_or_else(|| Error::internal("InternalServerError", "there is no key to seal a token with"))
    }

    fn key(&self, cloud: &Cloud, id: u64) -> Option<Arc<LessSafeKey>> {
        let row = cloud.token_keys.get(&id)?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((secret, key)) = keys.get(&id)
            && *secret == row.secret
        {
            return Some(key.clone());
        }
        keys.retain(|id, _| cloud.token_keys.contains(id));
        let key = Arc::new(seal::ready(&row.secret)?);
        keys.insert(id, (row.secret.clone(), key.clone()));
        Some(key)
    }
}
