//! Tokens: who the caller is.
//!
//! ```text
//!  login (password or token, scope) ─► issue: TokenClaims ─► seal with the youngest TokenKey ─► secret text
//!  secret text ─► cache │ open with the key it names ─► claims ─► model::identity::admit over the newest cloud ─► Token
//! ```
//!
//! Nothing is written when a token is issued: all of it is in the sealed text. Rights are not: they are looked up at each
//! use, so whatever is taken away is gone at once.

mod cache;
mod compliance;
mod console;
pub mod ec2;
mod login;
mod seal;
mod session;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::identity::{
    AccessRule, AuthMethod, MAX_TOKEN_SECONDS, RevocationTarget, Rotation, TokenClaims, admit, revoke_until,
    rotate_token_keys,
};
use model::{Actor, Cloud, Error, Result, RoleId, Timestamp};

use crate::Control;
use crate::password::{HashCost, Password, Passwords};
use cache::TokenCache;
pub use compliance::Compliance;
pub use console::{CONSOLE_TOKEN_SECONDS, ConsoleClaims, Ticket};
pub use login::{ApplicationCredentialRef, Credential, DomainRef, Login, ProjectRef, ScopeRequest, UserRef};
pub use session::SESSION_SECONDS;

/// A token that was presented and is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whom it speaks for.
    pub actor: Actor,
    /// The roles held, implied ones included, by id.
    pub role_ids: BTreeSet<RoleId>,
    /// How they proved it, in Keystone's words (`password`, `token`).
    pub methods: Vec<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Its own audit id, then (if it came from another token) the first one's.
    pub audit_ids: Vec<String>,
    /// What it says of itself.
    pub claims: TokenClaims,
    /// The requests it is good for, one of which each must fit; `None`: any.
    pub access_rules: Option<Vec<Arc<AccessRule>>>,
}

impl Token {
    fn admitted(cloud: &Cloud, claims: TokenClaims, now: Timestamp) -> Option<Self> {
        let (actor, role_ids) = admit(cloud, &claims, now)?;
        let access_rules = access_rules(cloud, &claims);
        Some(Self {
            actor,
            role_ids,
            methods: claims.methods.iter().map(|method| method.as_str().to_owned()).collect(),
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            audit_ids: claims.audit_ids.clone(),
            claims,
            access_rules,
        })
    }

    /// Whether a request to a service (by its type, with the path below it) is one that the token is good for.
    pub fn allows(&self, service: &str, method: &str, path: &str) -> bool {
        let rules = self.access_rules.as_ref();
        rules.is_none_or(|rules| rules.iter().any(|rule| rule.allows(service, method, path)))
    }
}

/// The rules of the application credential that a token was issued on.
fn access_rules(cloud: &Cloud, claims: &TokenClaims) -> Option<Vec<Arc<AccessRule>>> {
    let id = claims.application_credential.as_ref()?;
    let rules = &cloud.application_credentials.get(id)?.access_rules;
    if rules.is_empty() {
        return None;
    }
    Some(
        rules
            .iter()
            .filter_map(|id| cloud.access_rules.get(id).cloned())
            .collect(),
    )
}

/// How tokens and passwords are handled.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What hashing a password costs.
    pub hash_cost: HashCost,
    /// How long a token lives, seconds; at most [`MAX_TOKEN_SECONDS`].
    pub token_seconds: i64,
    /// What is asked of passwords and logins.
    pub compliance: Compliance,
}

impl Default for Settings {
    /// Tokens live an hour, as Keystone's do.
    fn default() -> Self {
        Self {
            hash_cost: HashCost::default(),
            token_seconds: 3600,
            compliance: Compliance::default(),
        }
    }
}

/// What authenticating keeps in memory.
pub(crate) struct Authenticator {
    passwords: Passwords,
    tokens: TokenCache,
    used_tickets: console::UsedTickets,
    token_seconds: i64,
    compliance: Compliance,
}

impl Authenticator {
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            passwords: Passwords::new(settings.hash_cost)?,
            tokens: TokenCache::default(),
            used_tickets: console::UsedTickets::default(),
            token_seconds: settings.token_seconds.clamp(1, MAX_TOKEN_SECONDS),
            compliance: settings.compliance,
        })
    }
}

/// The one answer to every failed authentication: nothing tells a wrong password from an unknown user.
pub fn unauthorized() -> Error {
    Error::unauthorized("Unauthorized", "The request you have made requires authentication.")
}

impl Control {
    /// Opens a token and checks that it still holds: not expired, not revoked, its user, project and domain enabled, with
    /// the roles they have *now*.
    ///
    /// # Errors
    /// `Unauthorized`, with one and the same sentence whatever the reason.
    pub fn authenticate(&self, secret: &str) -> Result<Arc<Token>> {
        let cloud = self.cloud();
        let now = self.now();
        let cache = &self.inner.auth.tokens;
        let digest = cache::digest(secret);
        if let Some(token) = cache.get(&digest, cloud.lookups.identity_generation)
            && now < token.expires_at
        {
            return Ok(token);
        }
        let claims = cache.open(&cloud, secret).ok_or_else(unauthorized)?;
        let token = Arc::new(Token::admitted(&cloud, claims, now).ok_or_else(unauthorized)?);
        cache.put(digest, cloud.lookups.identity_generation, token.clone());
        Ok(token)
    }

    /// Seals a new token over claims and checks that it would be accepted.
    fn issue(&self, claims: TokenClaims) -> Result<(String, Arc<Token>)> {
        let cloud = self.cloud();
        let secret = self.inner.auth.tokens.seal(&cloud, &claims)?;
        let token = Token::admitted(&cloud, claims, self.now()).ok_or_else(unauthorized)?;
        Ok((secret, Arc::new(token)))
    }

    /// Hashes a password for a [`model::identity::User`], in the same bounded queue as logins.
    ///
    /// # Errors
    /// `Unavailable` when the queue is full.
    pub async fn hash_password(&self, password: Password) -> Result<String> {
        self.inner.auth.passwords.hash(password).await
    }

    /// Makes one token no longer good.
    pub async fn revoke_token(&self, token: &Token) -> Result<()> {
        let target = RevocationTarget::Token(token.claims.audit_id().to_owned());
        let last = token.expires_at;
        self.transact(move |tx| {
            revoke_until(tx, target, last);
            Ok(())
        })
        .await
    }

    /// Changes the key that new tokens are sealed with.
    pub async fn rotate_token_keys(&self, rotation: Rotation) -> Result<bool> {
        self.transact(move |tx| Ok(rotate_token_keys(tx, rotation))).await
    }
}

/// How often it is looked whether a sealing key is due for rotation.
const ROTATION_CHECK: std::time::Duration = std::time::Duration::from_secs(3600);

/// Rotates sealing keys when their time has come, as long as the cloud runs.
pub(crate) fn keep_rotating(control: &Control) {
    let inner = Arc::downgrade(&control.inner);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(ROTATION_CHECK).await;
            let Some(inner) = inner.upgrade() else { return };
            let control = Control { inner };
            // A cloud without any key has not been set up yet.
            if control.cloud().token_keys.is_empty() {
                continue;
            }
            match control.rotate_token_keys(Rotation::WhenDue).await {
                Ok(true) => tracing::info!("Rotated the keys that tokens are sealed with"),
                Ok(false) => {}
                Err(error) => tracing::warn!("The keys that tokens are sealed with could not be rotated: {error}"),
            }
        }
    });
}

/// The methods of a token that was issued on another token: those of the chain.
fn joined_methods(of: &TokenClaims) -> BTreeSet<AuthMethod> {
    let mut methods = of.methods.clone();
    methods.insert(AuthMethod::Token);
    methods
}
