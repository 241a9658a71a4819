//! Tokens: what one says, when it still holds, and the rows behind both (revocations and sealing keys).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AssignmentTarget, assignment, trust};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, DomainId, Error, ProjectId, RoleId, Scope, Timestamp, Tx, UserId};

/// How a caller proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// By password.
    Password,
    /// By another token.
    Token,
    /// By an application credential.
    ApplicationCredential,
    /// By a request signed with an EC2 credential.
    Ec2Credential,
}

impl AuthMethod {
    /// Keystone's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::ApplicationCredential => "application_credential",
            Self::Ec2Credential => "ec2credential",
        }
    }
}

/// What a token was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimedScope {
    /// Nothing.
    #[serde(rename = "u")]
    Unscoped,
    /// A project.
    #[serde(rename = "p")]
    Project(ProjectId),
    /// A domain.
    #[serde(rename = "d")]
    Domain(DomainId),
    /// The whole cloud.
    #[serde(rename = "s")]
    System,
}

/// What a token says of itself. Rights are not in it: they are looked up at each use ([`admit`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenClaims {
    /// Whom it speaks for.
    #[serde(rename = "u")]
    pub user_id: UserId,
    /// What it is scoped to.
    #[serde(rename = "s")]
    pub scope: ClaimedScope,
    /// How they proved it, over the whole chain of tokens.
    #[serde(rename = "m")]
    pub methods: BTreeSet<AuthMethod>,
    /// When it was issued.
    #[serde(rename = "i")]
    pub issued_at: Timestamp,
    /// When it ends.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
    /// Its own audit id, then (if it came from another token) the first one's.
    #[serde(rename = "a")]
    pub audit_ids: Vec<String>,
    /// The application credential it was issued on, itself or through other tokens.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub application_credential: Option<String>,
    /// The trust it was issued on.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// When the dashboard's session began that it belongs to. Such a token can be renewed while the session lasts.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub session_began: Option<Timestamp>,
}

impl TokenClaims {
    /// Its own audit id.
    pub fn audit_id(&self) -> &str {
        self.audit_ids.first().map_or("", String::as_str)
    }

    /// The audit id of the chain's first token.
    pub fn chain_id(&self) -> &str {
        self.audit_ids.last().map_or("", String::as_str)
    }
}

/// The caller behind claims, with the roles they hold *now*; `None` when the claims hold no more: expired, revoked, older
/// than the password, or the user, the scope or a domain is disabled or gone, or no role is left.
pub fn admit(cloud: &Cloud, claims: &TokenClaims, now: Timestamp) -> Option<(Actor, BTreeSet<RoleId>)> {
    if now >= claims.expires_at {
        return None;
    }
    let user = cloud.users.get(&claims.user_id).filter(|user| user.enabled)?;
    enabled_domain(cloud, &user.domain_id)?;
    if user.password_created_at.is_some_and(|set| claims.issued_at < set) {
        return None;
    }
    let (scope, target) = match &claims.scope {
        ClaimedScope::Unscoped => (Scope::Unscoped, None),
        ClaimedScope::Project(id) => {
            let project = cloud.projects.get(id).filter(|project| project.enabled)?;
            let domain_id = enabled_domain(cloud, &project.domain_id)?;
            let scope = Scope::Project {
                id: id.clone(),
                domain_id,
            };
            (scope, Some(AssignmentTarget::Project(id.clone())))
        }
        ClaimedScope::Domain(id) => {
            let id = enabled_domain(cloud, id)?;
            (Scope::Domain { id: id.clone() }, Some(AssignmentTarget::Domain(id)))
        }
        ClaimedScope::System => (Scope::System, Some(AssignmentTarget::System)),
    };
    if is_revoked(cloud, claims, user.domain_id.clone(), &scope) {
        return None;
    }
    let role_ids = match (&claims.trust, &target) {
        (Some(id), _) => by_trust(cloud, claims, id, now)?,
        (None, None) => BTreeSet::new(),
        (None, Some(target)) => assignment::effective_roles(cloud, &user.id, target),
    };
    let role_ids = match &claims.application_credential {
        None => role_ids,
        Some(id) => {
            let credential = cloud.application_credentials.get(id)?;
            let fits =
                credential.user_id == user.id && claims.scope == ClaimedScope::Project(credential.project_id.clone());
            if !fits || credential.expires_at.is_some_and(|end| now >= end) {
                return None;
            }
            credential.limit(cloud, role_ids)
        }
    };
    if target.is_some() && role_ids.is_empty() {
        return None;
    }
    let roles = role_ids
        .iter()
        .filter_map(|id| cloud.roles.get(id))
        .map(|role| role.name.to_lowercase())
        .collect();
    let actor = Actor {
        user_id: user.id.clone(),
        user_domain_id: user.domain_id.clone(),
        scope,
        roles,
    };
    Some((actor, role_ids))
}

/// The roles of a token on a trust: it is for the trust's project and speaks for whom the trust says.
fn by_trust(cloud: &Cloud, claims: &TokenClaims, id: &str, now: Timestamp) -> Option<BTreeSet<RoleId>> {
    let (trust, roles) = trust::roles_of_trust(cloud, id, now)?;
    let fits = claims.user_id == *trust.speaks_for() && claims.scope == ClaimedScope::Project(trust.project_id.clone());
    // Whatever ends the tokens of one of the two users ends those on their trusts.
    let ended = [&trust.trustor_user_id, &trust.trustee_user_id]
        .into_iter()
        .any(|user| {
            let revocation = cloud.revocations.get(&RevocationTarget::User(user.clone()).key());
            revocation.is_some_and(|row| claims.issued_at <= row.issued_before)
        });
    (fits && !ended).then_some(roles)
}

fn enabled_domain(cloud: &Cloud, id: &DomainId) -> Option<DomainId> {
    cloud
        .domains
        .get(id)
        .filter(|domain| domain.enabled)
        .map(|domain| domain.id.clone())
}

/// Which tokens a revocation is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationTarget {
    /// One token, by its audit id.
    Token(String),
    /// One chain of tokens, by the first one's audit id.
    Chain(String),
    /// All tokens of a user.
    User(UserId),
    /// All tokens for a project.
    Project(ProjectId),
    /// All tokens of a domain's users, and all for the domain or its projects.
    Domain(DomainId),
}

impl RevocationTarget {
    fn key(&self) -> String {
        match self {
            Self::Token(id) => format!("token/{id}"),
            Self::Chain(id) => format!("chain/{id}"),
            Self::User(id) => format!("user/{id}"),
            Self::Project(id) => format!("project/{id}"),
            Self::Domain(id) => format!("domain/{id}"),
        }
    }
}

/// Tokens that are no longer good: those the target names that were issued up to `issued_before`. There is one row for a
/// target: a later revocation replaces it, and covers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Which tokens.
    pub target: RevocationTarget,
    /// Tokens issued up to here.
    pub issued_before: Timestamp,
    /// When even the youngest token it concerns has expired, and the row can go.
    pub forget_at: Timestamp,
}

impl Row for Revocation {
    type Id = String;
    const KIND: &'static str = "revocation";
    crate::table!(Revocation, revocations);
    fn id(&self) -> String {
        self.target.key()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("NotFound", format!("Could not find revocation event: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups.revocations_by_end.set((), (self.forget_at, self.id()), present);
    }
}

fn is_revoked(cloud: &Cloud, claims: &TokenClaims, user_domain: DomainId, scope: &Scope) -> bool {
    let covers = |target: RevocationTarget| {
        cloud
            .revocations
            .get(&target.key())
            .is_some_and(|row| claims.issued_at <= row.issued_before)
    };
    let scoped = match scope {
        Scope::Unscoped | Scope::System => false,
        Scope::Domain { id } => covers(RevocationTarget::Domain(id.clone())),
        Scope::Project { id, domain_id } => {
            covers(RevocationTarget::Project(id.clone())) || covers(RevocationTarget::Domain(domain_id.clone()))
        }
    };
    scoped
        || covers(RevocationTarget::Token(claims.audit_id().to_owned()))
        || covers(RevocationTarget::Chain(claims.chain_id().to_owned()))
        || covers(RevocationTarget::User(claims.user_id.clone()))
        || covers(RevocationTarget::Domain(user_domain))
}

/// The longest a token may live, seconds: what the forgetting of revocations and keys goes by.
pub const MAX_TOKEN_SECONDS: i64 = 24 * 3600;

/// So many revocations that nothing can match any more are forgotten along with each new one.
const FORGOTTEN_AT_ONCE: usize = 8;

/// Makes every token that the target names, and that was issued up to now, no longer good.
pub fn revoke(tx: &mut Tx<'_>, target: RevocationTarget) {
    let last = tx.now().plus_seconds(MAX_TOKEN_SECONDS);
    revoke_until(tx, target, last);
}

/// The same, when none of those tokens lives beyond `last`.
pub fn revoke_until(tx: &mut Tx<'_>, target: RevocationTarget, last: Timestamp) {
    let now = tx.now();
    let past: Vec<String> = tx
        .cloud()
        .lookups
        .revocations_by_end
        .of(&())
        .take_while(|(end, _)| *end <= now)
        .take(FORGOTTEN_AT_ONCE)
        .map(|(_, id)| id.clone())
        .collect();
    for id in past {
        tx.delete::<Revocation>(&id);
    }
    tx.put(Revocation {
        target,
        issued_before: now,
        forget_at: last.plus_seconds(1),
    });
}

/// How long the youngest key seals before it is time for another, seconds.
pub const KEY_ROTATION_SECONDS: i64 = 7 * 24 * 3600;

/// Makes a new sealing key when there is none or the youngest is old (or `AtOnce` is asked), and drops those that can't have
/// sealed any token that is still alive. Whether anything changed.
pub fn rotate_token_keys(tx: &mut Tx<'_>, rotation: Rotation) -> bool {
    let now = tx.now();
    let keys: Vec<TokenKey> = tx.cloud().token_keys.iter().map(|key| TokenKey::clone(key)).collect();
    let due = match (rotation, keys.last()) {
        (Rotation::AtOnce | Rotation::DropAll, _) | (_, None) => true,
        (Rotation::WhenDue, Some(youngest)) => now >= youngest.created_at.plus_seconds(KEY_ROTATION_SECONDS),
    };
    if due {
        let secret = [tx.random_bytes(), tx.random_bytes()].concat();
        tx.put(TokenKey {
            id: keys.last().map_or(1, |key| key.id + 1),
            secret,
            created_at: now,
        });
    }
    let mut changed = due;
    if rotation == Rotation::DropAll {
        for key in &keys {
            tx.delete::<TokenKey>(&key.id);
        }
        return true;
    }
    // A key stopped sealing when the next one was made.
    for pair in keys.windows(2) {
        if now >= pair[1].created_at.plus_seconds(MAX_TOKEN_SECONDS) {
            changed |= tx.delete::<TokenKey>(&pair[0].id).is_some();
        }
    }
    changed
}

/// Whether a key is replaced although it is not old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Only when its time has come.
    WhenDue,
    /// Now; tokens that are out stay good.
    AtOnce,
    /// Now, and no older key opens anything any more: one may have been seen. Everybody has to sign in again.
    DropAll,
}

/// A key that tokens are sealed with. The youngest seals; older ones still open, until they are dropped by rotation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenKey {
    /// Counts up with each rotation.
    pub id: u64,
    /// 32 secret bytes.
    pub secret: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Row for TokenKey {
    type Id = u64;
    const KIND: &'static str = "token_key";
    crate::table!(TokenKey, token_keys);
    fn id(&self) -> u64 {
        self.id
    }
    fn not_found(id: &u64) -> Error {
        Error::not_found("NotFound", format!("Could not find token key: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, _present: bool) {
        lookups.identity_generation += 1;
    }
}
