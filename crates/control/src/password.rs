//! Passwords: hashed by argon2id, at a bounded cost and behind a bounded queue, so that a flood of logins can't stop the
//! cloud.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use argon2::password_hash::{Output, ParamsString, PasswordHash, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use model::{Error, Result};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// So long after the last hash its memory is kept for the next one.
const KEEP_MEMORY: Duration = Duration::from_secs(5);

/// No longer password is taken (Keystone's `max_password_length`).
pub const MAX_PASSWORD_LENGTH: usize = 4096;

/// A password in clear; it can't be printed and is wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What is told the system about a hash's memory before it is first touched: the hash reads all over it, so that fresh memory
/// in small pages costs half as much again as the hash itself.
pub type Advice = fn(&mut [MaybeUninit<Block>]);

/// What one hash costs.
#[derive(Debug, Clone, Copy)]
pub struct HashCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Hashes worked on at the same time.
    pub parallel: usize,
    /// Logins that wait for theirs; any more are told to come back.
    pub queue: usize,
    /// Told the system about the memory of each.
    pub advice: Advice,
}

impl Default for HashCost {
    /// OWASP's choice for argon2id (19 MiB, two passes): some 30 ms. Two at a time leave room for everything else.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            parallel: 2,
            queue: 64,
            advice: |_| {},
        }
    }
}

impl HashCost {
    /// As cheap as the algorithm allows: for tests, and for nothing else.
    pub fn for_tests() -> Self {
        Self {
            memory_kib: Params::MIN_M_COST,
            passes: 1,
            ..Self::default()
        }
    }
}

/// The queue of hashes.
#[derive(Clone)]
pub(crate) struct Passwords(Arc<Queue>);

struct Queue {
    hasher: Hasher,
    /// What an unknown user's password is checked against.
    nobody: String,
    running: Semaphore,
    waiting: AtomicUsize,
    limit: usize,
}

impl Passwords {
    pub(crate) fn new(cost: HashCost) -> Result<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| hashing_failed(&error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hasher = Hasher {
            argon2,
            advice: cost.advice,
            memory: Mutex::new(Memory::default()),
        };
        let nobody = hasher.hash(&Password::new(String::new()))?;
        // Nobody has logged in yet.
        hasher.memory().give_back_if_idle(Duration::ZERO);
        Ok(Self(Arc::new(Queue {
            hasher,
            nobody,
            running: Semaphore::new(cost.parallel.max(1)),
            waiting: AtomicUsize::new(0),
            limit: cost.queue,
        })))
    }

    /// Whether the password fits the hash. Without a hash it takes as long and is `false`.
    pub(crate) async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let queue = self.0.clone();
        let fits = self
            .run(move || {
                let hash = hash.unwrap_or_else(|| queue.nobody.clone());
                let parsed = PasswordHash::new(&hash).map_err(|error| hashing_failed(&error))?;
                let short = password.bytes().len() <= MAX_PASSWORD_LENGTH;
                Ok(short && queue.hasher.fits(&password, &parsed)?)
            })
            .await?;
        Ok(fits && known)
    }

    pub(crate) async fn hash(&self, password: Password) -> Result<String> {
        let queue = self.0.clone();
        self.run(move || queue.hasher.hash(&password)).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let Some(_place) = Place::take(&self.0) else {
            return Err(Error::unavailable(
                "ServiceUnavailable",
                "Too many logins at once. Try again in a few seconds, and use one token for many requests.",
            ));
        };
        let running = self.0.running.acquire().await;
        let running = running.map_err(|error| hashing_failed(&error))?;
        let outcome = tokio::task::spawn_blocking(work).await;
        drop(running);
        if self.0.hasher.memory().begin_watch() {
            tokio::spawn(give_back_when_idle(Arc::downgrade(&self.0)));
        }
        outcome.map_err(|error| hashing_failed(&error))?
    }
}

/// Gives the hashes' memory back once nobody has logged in for a while.
async fn give_back_when_idle(queue: Weak<Queue>) {
    loop {
        tokio::time::sleep(KEEP_MEMORY).await;
        let Some(queue) = queue.upgrade() else { return };
        if queue.hasher.memory().give_back_if_idle(KEEP_MEMORY) {
            return;
        }
    }
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a Queue);

impl<'a> Place<'a> {
    fn take(queue: &'a Queue) -> Option<Self> {
        let place = Self(queue);
        let before = queue.waiting.fetch_add(1, Ordering::AcqRel);
        (before < queue.limit).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Makes and checks hashes, each in memory of its own.
struct Hasher {
    argon2: Argon2<'static>,
    advice: Advice,
    memory: Mutex<Memory>,
}

/// Memory of hashes that are done, for those to come: fresh memory has to be cleared by the system first.
#[derive(Default)]
struct Memory {
    free: Vec<Vec<Block>>,
    used_at: Option<Instant>,
    is_watched: bool,
}

impl Memory {
    /// Whether somebody has to begin to look after it.
    fn begin_watch(&mut self) -> bool {
        let begins = !self.is_watched && !self.free.is_empty();
        self.is_watched |= begins;
        begins
    }

    /// Lets go of it when it has not been used for so long; whether it did.
    fn give_back_if_idle(&mut self, long: Duration) -> bool {
        let is_idle = self.used_at.is_none_or(|at| at.elapsed() >= long);
        if is_idle {
            *self = Self::default();
        }
        is_idle
    }
}

impl Hasher {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hash(&self, password: &Password) -> Result<String> {
        let failed = |error: argon2::password_hash::Error| hashing_failed(&error);
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).expect("the kernel's random source never fails once the machine is up");
        let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
        self.work(&self.argon2, password, &salt, &mut out)?;
        let salt = SaltString::encode_b64(&salt).map_err(failed)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(self.argon2.params()).map_err(failed)?,
            salt: Some(salt.as_salt()),
            hash: Some(Output::new(&out).map_err(failed)?),
        };
        Ok(hash.to_string())
    }

    /// Whether a password has this hash, made by whatever parameters the hash names. Takes as long for one as for another.
    fn fits(&self, password: &Password, hash: &PasswordHash<'_>) -> Result<bool> {
        let failed = |error: argon2::password_hash::Error| hashing_failed(&error);
        let (Some(salt), Some(wanted)) = (hash.salt, hash.hash) else {
            return Err(hashing_failed(&"the stored hash has no salt or no value"));
        };
        let algorithm = Algorithm::try_from(hash.algorithm).map_err(failed)?;
        let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from);
        let version = version.map_err(|error| hashing_failed(&error))?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(hash).map_err(failed)?);
        let mut bytes = [0; Salt::MAX_LENGTH];
        let salt = salt.decode_b64(&mut bytes).map_err(failed)?;
        let mut out = vec![0; wanted.len()];
        self.work(&argon2, password, salt, &mut out)?;
        // Compares in constant time.
        Ok(Output::new(&out).map_err(failed)? == wanted)
    }

    fn work(&self, argon2: &Argon2<'_>, password: &Password, salt: &[u8], out: &mut [u8]) -> Result<()> {
        let count = argon2.params().block_count();
        let kept = self.memory().free.pop();
        let mut blocks = kept.unwrap_or_default();
        if blocks.capacity() < count {
            blocks = Vec::with_capacity(count);
            (self.advice)(blocks.spare_capacity_mut());
        }
        // What is left in them of another hash is overwritten before it is read.
        blocks.resize(count, Block::default());
        let outcome = argon2
            .hash_password_into_with_memory(password.bytes(), salt, out, &mut blocks)
            .map_err(|error| hashing_failed(&error));
        let mut memory = self.memory();
        memory.free.push(blocks);
        memory.used_at = Some(Instant::now());
        outcome
    }
}

fn hashing_failed(error: &dyn std::fmt::Display) -> Error {
    Error::internal(
        "InternalServerError",
        format!("a password could not be hashed: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other() {
        let passwords = Passwords::new(HashCost::for_tests()).unwrap();
        let hash = passwords.hash(password("s3cret")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert_ne!(
            hash,
            passwords.hash(password("s3cret")).await.unwrap(),
            "each has a salt of its own"
        );
        let fits = async |text: &str, hash: Option<String>| passwords.verify(password(text), hash).await.unwrap();
        assert!(fits("s3cret", Some(hash.clone())).await);
        assert!(!fits("S3cret", Some(hash.clone())).await);
        assert!(!fits("", Some(hash)).await);
        // Nobody's password is not the empty one.
        assert!(!fits("", None).await);
        let long = "x".repeat(MAX_PASSWORD_LENGTH + 1);
        let hash = passwords.hash(password(&long)).await.unwrap();
        assert!(!fits(&long, Some(hash)).await);
        assert!(passwords.verify(password("x"), Some("junk".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_is_free_again_afterwards() {
        let cost = HashCost {
            queue: 0,
            ..HashCost::for_tests()
        };
        let passwords = Passwords::new(cost).unwrap();
        let refused = passwords.verify(password("x"), None).await.unwrap_err();
        assert!(refused.is_retryable());
        let passwords = Passwords::new(HashCost { queue: 1, ..cost }).unwrap();
        for _ in 0..3 {
            assert!(!passwords.verify(password("x"), None).await.unwrap());
        }
    }

    #[test]
    fn memory_of_another_hash_changes_nothing() {
        let hasher = |memory| Hasher {
            argon2: Argon2::new(
                Algorithm::Argon2id,
                Version::V0x13,
                Params::new(64, 2, 1, None).unwrap(),
            ),
            advice: |_| {},
            memory: Mutex::new(memory),
        };
        let work = |hasher: &Hasher, text: &str| {
            let mut out = [0; 32];
            hasher
                .work(&hasher.argon2, &password(text), b"somesalt", &mut out)
                .unwrap();
            out
        };
        let fresh = work(&hasher(Memory::default()), "password");
        let used = hasher(Memory::default());
        assert_ne!(work(&used, "something else"), fresh);
        assert_eq!(used.memory().free.len(), 1);
        assert_eq!(work(&used, "password"), fresh);
        assert_eq!(used.memory().free.len(), 1, "the same memory was used again");
    }

    #[tokio::test]
    async fn memory_is_kept_for_a_while_and_then_given_back() {
        let passwords = Passwords::new(HashCost::for_tests()).unwrap();
        for _ in 0..3 {
            passwords.hash(password("x")).await.unwrap();
            assert_eq!(passwords.0.hasher.memory().free.len(), 1);
        }
        assert!(!passwords.0.hasher.memory().give_back_if_idle(Duration::from_secs(3600)));
        assert_eq!(passwords.0.hasher.memory().free.len(), 1);
        assert!(passwords.0.hasher.memory().give_back_if_idle(Duration::ZERO));
        assert!(passwords.0.hasher.memory().free.is_empty());
        // And it is looked after anew.
        passwords.hash(password("x")).await.unwrap();
        assert!(passwords.0.hasher.memory().is_watched);
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{:?}", password("s3cret")), "Password(..)");
    }
}
