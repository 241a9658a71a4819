//! Signing in: a credential and a wished scope become a token.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::identity::{ApplicationCredential, AuthMethod, ClaimedScope, TokenClaims, Trust, User, use_trust};
use model::{Cloud, DomainId, Error, ProjectId, Result, UserId};

use super::{Token, joined_methods, unauthorized};
use crate::Control;
use crate::password::Password;

/// A domain, as a client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainRef {
    /// By id.
    Id(DomainId),
    /// By name.
    Name(String),
}

/// A user, as a client names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By id.
    Id(UserId),
    /// By name in a domain.
    Name(String, DomainRef),
}

/// A project, as a client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectRef {
    /// By id.
    Id(ProjectId),
    /// By name in a domain.
    Name(String, DomainRef),
}

/// What the caller wants the token for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeRequest {
    /// Nothing was said: the user's default project, if they may, else no scope.
    Default,
    /// No scope.
    Unscoped,
    /// A project.
    Project(ProjectRef),
    /// A domain.
    Domain(DomainRef),
    /// The whole cloud.
    System,
    /// What a trust lends, by its id.
    Trust(String),
}

/// What the caller proves themselves by.
pub enum Credential {
    /// A user and their password.
    Password(UserRef, Password),
    /// A token they have.
    Token(String),
    /// An application credential and its secret.
    ApplicationCredential(ApplicationCredentialRef, Password),
}

/// An application credential, as a client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationCredentialRef {
    /// By id.
    Id(String),
    /// By name among a user's.
    Name(String, UserRef),
}

/// A request for a token.
pub struct Login {
    /// Each is checked; all must speak for the same user.
    pub credentials: Vec<Credential>,
    /// What it is for.
    pub scope: ScopeRequest,
}

/// What the credentials proved.
struct Proof {
    user_id: UserId,
    methods: BTreeSet<AuthMethod>,
    /// The token it came from.
    parent: Option<TokenClaims>,
    /// The application credential that limits it.
    application_credential: Option<String>,
}

impl Control {
    /// Checks the credentials and issues a token: its secret text, and what it says.
    ///
    /// # Errors
    /// `Unauthorized`, with one and the same sentence whatever the reason; `Unavailable` when more logins wait for their
    /// password's check than the cloud will queue.
    pub async fn log_in(&self, login: Login) -> Result<(String, Arc<Token>)> {
        let mut proof: Option<Proof> = None;
        for credential in login.credentials {
            let next = match credential {
                Credential::Password(user, password) => self.prove_password(&user, password).await?,
                Credential::Token(secret) => self.prove_token(&secret)?,
                Credential::ApplicationCredential(credential, secret) => {
                    self.prove_application_credential(&credential, secret).await?
                }
            };
            proof = Some(match proof {
                None => next,
                Some(mut before) if before.user_id == next.user_id => {
                    before.methods.extend(next.methods);
                    before.parent = before.parent.or(next.parent);
                    before.application_credential = before.application_credential.or(next.application_credential);
                    before
                }
                Some(_) => return Err(unauthorized()),
            });
        }
        let proof = proof.ok_or_else(unauthorized)?;
        // A token on a trust is good for what it is good for, and for no other token.
        if proof.parent.as_ref().is_some_and(|parent| parent.trust.is_some()) {
            return Err(forbidden("rescope a token on a trust"));
        }
        if let ScopeRequest::Trust(id) = &login.scope {
            return self.log_in_by_trust(&proof, id).await;
        }
        let claims = self.claims(&proof, &login.scope)?;
        match self.issue(claims) {
            Err(_) if login.scope == ScopeRequest::Default => self.issue(self.claims(&proof, &ScopeRequest::Unscoped)?),
            outcome => outcome,
        }
    }

    async fn prove_password(&self, user: &UserRef, password: Password) -> Result<Proof> {
        let found = find_user(&self.cloud(), user);
        // An unknown user's password is checked too (against a hash that none fits), so that it takes as long.
        let user = self.try_password(found, password).await?.ok_or_else(unauthorized)?;
        self.check_expiry(&user)?;
        Ok(Proof {
            user_id: user.id.clone(),
            methods: BTreeSet::from([AuthMethod::Password]),
            parent: None,
            application_credential: None,
        })
    }

    /// A token on a trust, for its trustee.
    async fn log_in_by_trust(&self, proof: &Proof, id: &str) -> Result<(String, Arc<Token>)> {
        let refused = || forbidden("use this trust");
        let trust = self.cloud().find::<Trust>(&id.to_owned()).cloned();
        let trust = trust
            .filter(|trust| trust.trustee_user_id == proof.user_id && proof.application_credential.is_none())
            .ok_or_else(refused)?;
        let mut claims = self.claims(proof, &ScopeRequest::Unscoped)?;
        claims.user_id = trust.speaks_for().clone();
        claims.scope = ClaimedScope::Project(trust.project_id.clone());
        claims.trust = Some(trust.id.clone());
        claims.expires_at = trust
            .expires_at
            .map_or(claims.expires_at, |end| claims.expires_at.min(end));
        let issued = self.issue(claims).map_err(|_| refused())?;
        let (id, trustee) = (trust.id.clone(), proof.user_id.clone());
        self.transact(move |tx| use_trust(tx, &trustee, &id)).await?;
        Ok(issued)
    }

    async fn prove_application_credential(&self, named: &ApplicationCredentialRef, secret: Password) -> Result<Proof> {
        let found = find_application_credential(&self.cloud(), named);
        let hash = found.as_ref().map(|row| row.secret_hash.clone());
        let good = self.inner.auth.passwords.verify(secret, hash).await?;
        match found {
            Some(row) if good => Ok(Proof {
                user_id: row.user_id.clone(),
                methods: BTreeSet::from([AuthMethod::ApplicationCredential]),
                parent: None,
                application_credential: Some(row.id.clone()),
            }),
            _ => Err(unauthorized()),
        }
    }

    fn prove_token(&self, secret: &str) -> Result<Proof> {
        // Keystone's answer to a token that is no good, unlike to any other proof.
        let gone = |_| Error::not_found("TokenNotFound", "Failed to validate token");
        let token = self.authenticate(secret).map_err(gone)?;
        Ok(Proof {
            user_id: token.claims.user_id.clone(),
            methods: joined_methods(&token.claims),
            application_credential: token.claims.application_credential.clone(),
            parent: Some(token.claims.clone()),
        })
    }

    fn claims(&self, proof: &Proof, scope: &ScopeRequest) -> Result<TokenClaims> {
        let cloud = self.cloud();
        let scope = match &proof.application_credential {
            None => resolve_scope(&cloud, &proof.user_id, scope),
            Some(id) => scope_of_credential(&cloud, id, &proof.user_id, scope),
        };
        let scope = scope.ok_or_else(unauthorized)?;
        let now = self.now();
        let own = new_audit_id();
        let credential_ends = proof
            .application_credential
            .as_ref()
            .and_then(|id| cloud.application_credentials.get(id)?.expires_at);
        let (expires_at, audit_ids) = match &proof.parent {
            None => (now.plus_seconds(self.inner.auth.token_seconds), vec![own]),
            Some(parent) => (parent.expires_at, vec![own, parent.chain_id().to_owned()]),
        };
        Ok(TokenClaims {
            user_id: proof.user_id.clone(),
            scope,
            methods: proof.methods.clone(),
            issued_at: now,
            expires_at: credential_ends.map_or(expires_at, |end| expires_at.min(end)),
            audit_ids,
            application_credential: proof.application_credential.clone(),
            trust: None,
            session_began: proof.parent.as_ref().and_then(|parent| parent.session_began),
        })
    }
}

fn forbidden(what: &str) -> Error {
    Error::forbidden(
        "ForbiddenAction",
        format!("You are not authorized to perform the requested action: {what}."),
    )
}

/// 22 random characters.
pub(super) fn new_audit_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel's random source never fails once the machine is up");
    URL_SAFE_NO_PAD.encode(bytes)
}

fn find_domain(cloud: &Cloud, domain: &DomainRef) -> Option<DomainId> {
    match domain {
        DomainRef::Id(id) => cloud.domains.get(id).map(|row| row.id.clone()),
        DomainRef::Name(name) => cloud.lookups.domains_by_name.first(&name.to_lowercase()).cloned(),
    }
}

fn find_user(cloud: &Cloud, user: &UserRef) -> Option<Arc<User>> {
    match user {
        UserRef::Id(id) => cloud.users.get(id).cloned(),
        UserRef::Name(name, domain) => {
            let key = (find_domain(cloud, domain)?, name.to_lowercase());
            cloud.users.get(cloud.lookups.users_by_name.first(&key)?).cloned()
        }
    }
}

fn find_application_credential(cloud: &Cloud, named: &ApplicationCredentialRef) -> Option<Arc<ApplicationCredential>> {
    match named {
        ApplicationCredentialRef::Id(id) => cloud.application_credentials.get(id).cloned(),
        ApplicationCredentialRef::Name(name, user) => {
            let user = find_user(cloud, user)?;
            cloud
                .lookups
                .application_credentials_by_user
                .of(&user.id)
                .filter_map(|id| cloud.application_credentials.get(id))
                .find(|row| row.name == *name)
                .cloned()
        }
    }
}

/// An application credential is good for its project and nothing else, whatever is asked for.
fn scope_of_credential(cloud: &Cloud, id: &str, user: &UserId, asked: &ScopeRequest) -> Option<ClaimedScope> {
    let row = cloud.application_credentials.get(&id.to_owned())?;
    let own = ClaimedScope::Project(row.project_id.clone());
    let fits = *asked == ScopeRequest::Default || resolve_scope(cloud, user, asked)? == own;
    fits.then_some(own)
}

fn find_project(cloud: &Cloud, project: &ProjectRef) -> Option<ProjectId> {
    match project {
        ProjectRef::Id(id) => cloud.projects.get(id).map(|row| row.id.clone()),
        ProjectRef::Name(name, domain) => {
            let key = (find_domain(cloud, domain)?, name.to_lowercase());
            cloud.lookups.projects_by_name.first(&key).cloned()
        }
    }
}

fn resolve_scope(cloud: &Cloud, user: &UserId, scope: &ScopeRequest) -> Option<ClaimedScope> {
    Some(match scope {
        ScopeRequest::Unscoped => ClaimedScope::Unscoped,
        // Only the trustee's own token leads to one, never a plain look-up.
        ScopeRequest::Trust(_) => return None,
        ScopeRequest::System => ClaimedScope::System,
        ScopeRequest::Project(project) => ClaimedScope::Project(find_project(cloud, project)?),
        ScopeRequest::Domain(domain) => ClaimedScope::Domain(find_domain(cloud, domain)?),
        ScopeRequest::Default => match &cloud.users.get(user)?.default_project_id {
            Some(project) => ClaimedScope::Project(project.clone()),
            None => ClaimedScope::Unscoped,
        },
    })
}
