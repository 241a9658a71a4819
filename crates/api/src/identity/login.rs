//! The body of `POST /v3/auth/tokens`: who signs in, and for what.

use std::collections::BTreeSet;

use control::auth::{
    ApplicationCredentialRef, Credential, DomainRef, Login, ProjectRef, ScopeRequest, UserRef, unauthorized,
};
use control::password::Password;
use model::Result;
use serde_json::Value;

use super::fields::Fields;

/// Reads it.
///
/// # Errors
/// `Invalid` when it is malformed; `Unauthorized` when it names a method there is not.
pub(super) fn parse(body: &Value) -> Result<Login> {
    let auth = Fields::of(body, "auth")?;
    let identity = auth.required_object("identity")?;
    let methods = identity.texts("methods")?.ok_or_else(|| identity.missing("methods"))?;
    // Each method counts once, however often it is named: one request costs one password hash.
    let methods: BTreeSet<&str> = methods.into_iter().collect();
    if methods.is_empty() {
        return Err(unauthorized());
    }
    let credentials = methods
        .into_iter()
        .map(|method| credential(&identity, method))
        .collect::<Result<_>>()?;
    Ok(Login {
        credentials,
        scope: scope(&auth)?,
    })
}

fn credential(identity: &Fields<'_>, method: &str) -> Result<Credential> {
    match method {
        "password" => {
            let user = identity.required_object("password")?.required_object("user")?;
            let password = Password::new(user.required_text("password")?.to_owned());
            Ok(Credential::Password(user_of(&user)?, password))
        }
        "token" => {
            let token = identity.required_object("token")?;
            Ok(Credential::Token(token.required_text("id")?.to_owned()))
        }
        "application_credential" => {
            let credential = identity.required_object("application_credential")?;
            let secret = Password::new(credential.required_text("secret")?.to_owned());
            let credential = match credential.text("id")? {
                Some(id) => ApplicationCredentialRef::Id(id.to_owned()),
                None => {
                    let name = credential.required_text("name")?.to_owned();
                    ApplicationCredentialRef::Name(name, user_of(&credential.required_object("user")?)?)
                }
            };
            Ok(Credential::ApplicationCredential(credential, secret))
        }
        _ => Err(unauthorized()),
    }
}

fn user_of(user: &Fields<'_>) -> Result<UserRef> {
    match user.text("id")? {
        Some(id) => Ok(UserRef::Id(id.into())),
        None => Ok(UserRef::Name(user.required_text("name")?.to_owned(), domain_of(user)?)),
    }
}

fn domain_of(owner: &Fields<'_>) -> Result<DomainRef> {
    domain(&owner.required_object("domain")?)
}

fn domain(domain: &Fields<'_>) -> Result<DomainRef> {
    match domain.text("id")? {
        Some(id) => Ok(DomainRef::Id(id.into())),
        None => Ok(DomainRef::Name(domain.required_text("name")?.to_owned())),
    }
}

fn scope(auth: &Fields<'_>) -> Result<ScopeRequest> {
    match auth.value("scope") {
        None | Some(Value::Null) => return Ok(ScopeRequest::Default),
        Some(Value::String(word)) if word == "unscoped" => return Ok(ScopeRequest::Unscoped),
        Some(_) => {}
    }
    let scope = auth.required_object("scope")?;
    let wanted = ["project", "domain", "system", "unscoped", "OS-TRUST:trust"].map(|name| scope.has(name));
    if wanted.into_iter().filter(|there| *there).count() > 1 {
        return Err(auth.invalid("scope", "it may name one of project, domain, system and OS-TRUST:trust"));
    }
    if let Some(project) = scope.object("project")? {
        return Ok(ScopeRequest::Project(match project.text("id")? {
            Some(id) => ProjectRef::Id(id.into()),
            None => ProjectRef::Name(project.required_text("name")?.to_owned(), domain_of(&project)?),
        }));
    }
    if let Some(trust) = scope.object("OS-TRUST:trust")? {
        return Ok(ScopeRequest::Trust(trust.required_text("id")?.to_owned()));
    }
    if let Some(named) = scope.object("domain")? {
        return Ok(ScopeRequest::Domain(domain(&named)?));
    }
    if let Some(system) = scope.object("system")? {
        return match system.boolean("all")? {
            Some(true) => Ok(ScopeRequest::System),
            _ => Err(system.invalid("all", "true is the only possible value")),
        };
    }
    if scope.has("unscoped") {
        return Ok(ScopeRequest::Unscoped);
    }
    Err(auth.invalid("scope", "it must name a project, a domain or the system"))
}
