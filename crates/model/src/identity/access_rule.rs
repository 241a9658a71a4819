//! Access rules: which requests an application credential may make. A rule belongs to its user and outlives the
//! credentials that it was made with.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::{self, Budget, Progress};
use super::policy;
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, Error, Result, Tx, UserId};

/// An access rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRule {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// The service's type in the catalog (`compute`).
    pub service: String,
    /// The method (`GET`).
    pub method: String,
    /// The path below the service, where `*` and `{name}` stand for one part and `**` for any number of parts.
    pub path: String,
}

impl Row for AccessRule {
    type Id = String;
    const KIND: &'static str = "access_rule";
    crate::table!(AccessRule, access_rules);
    fn id(&self) -> String {
        self.id.clone()
    }
    fn not_found(id: &String) -> Error {
        Error::not_found("AccessRuleNotFound", format!("Could not find Access Rule: {id}."))
    }
    fn index(&self, lookups: &mut Lookups, present: bool) {
        lookups.identity_generation += 1;
        lookups
            .access_rules_by_user
            .set(self.user_id.clone(), self.id.clone(), present);
    }
}

/// So many may one user have.
const MAX_OF_USER: usize = 500;

/// A rule as a request writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedRule {
    /// One that is there, by its id.
    Known(String),
    /// By what it allows.
    New {
        /// The service's type.
        service: String,
        /// The method.
        method: String,
        /// The path.
        path: String,
    },
}

impl AccessRule {
    /// Whether a request to a service is allowed by this rule.
    pub fn allows(&self, service: &str, method: &str, path: &str) -> bool {
        let parts = |path: &str| -> Vec<String> {
            path.split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        self.service == service
            && self.method.eq_ignore_ascii_case(method)
            && path_fits(&parts(&self.path), &parts(path))
    }
}

/// Whether a path's parts are as the pattern's say. Walks both with one place to go back to (the last `**`), so that no
/// pattern costs more than the product of the two lengths.
fn path_fits(pattern: &[String], path: &[String]) -> bool {
    let (mut at, mut on) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while on < path.len() {
        match pattern.get(at).map(String::as_str) {
            Some("**") => {
                back = Some((at + 1, on));
                at += 1;
            }
            Some(part) if part == "*" || (part.starts_with('{') && part.ends_with('}')) || part == path[on] => {
                at += 1;
                on += 1;
            }
            _ => match back {
                Some((after, from)) => {
                    at = after;
                    on = from + 1;
                    back = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|part| part == "**")
}

/// The ids of a user's rules as they are wanted; makes those that are not there yet.
pub(super) fn resolve(tx: &mut Tx<'_>, user: &UserId, wanted: Vec<WantedRule>) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for rule in wanted {
        let own: Vec<Arc<AccessRule>> = list(tx.cloud(), user);
        let id = match rule {
            WantedRule::Known(id) => own
                .iter()
                .find(|row| row.id == id)
                .map(|row| row.id.clone())
                .ok_or_else(|| common::invalid("access_rules", format!("there is no access rule {id}")))?,
            WantedRule::New { service, method, path } => {
                check(&service, &method, &path)?;
                let same = own
                    .iter()
                    .find(|row| row.service == service && row.method == method && row.path == path);
                match same {
                    Some(row) => row.id.clone(),
                    None if own.len() >= MAX_OF_USER => {
                        return Err(policy::not_allowed(format!(
                            "a user may have at most {MAX_OF_USER} access rules"
                        )));
                    }
                    None => {
                        let id = common::new_id(tx);
                        let user_id = user.clone();
                        tx.put(AccessRule {
                            id: id.clone(),
                            user_id,
                            service,
                            method,
                            path,
                        });
                        id
                    }
                }
            }
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn check(service: &str, method: &str, path: &str) -> Result<()> {
    const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    if service.is_empty() || service.len() > 64 {
        return Err(common::invalid(
            "access_rules",
            "a service has the type that the catalog gives it",
        ));
    }
    if !METHODS.contains(&method) {
        return Err(common::invalid(
            "access_rules",
            format!("a method is one of {}", METHODS.join(", ")),
        ));
    }
    if !path.starts_with('/') || path.len() > 128 {
        return Err(common::invalid(
            "access_rules",
            "a path begins with a slash and has at most 128 characters",
        ));
    }
    Ok(())
}

/// A user's rules.
fn list(cloud: &Cloud, user: &UserId) -> Vec<Arc<AccessRule>> {
    let ids = cloud.lookups.access_rules_by_user.of(user);
    ids.filter_map(|id| cloud.access_rules.get(id).cloned()).collect()
}

fn require_own(actor: &Actor, user: &UserId, action: &str) -> Result<()> {
    if actor.user_id == *user {
        return Ok(());
    }
    policy::require_read(actor, None, action)
}

/// A user's rules, if the caller may see them.
///
/// # Errors
/// `Forbidden`.
pub fn list_access_rules(cloud: &Cloud, actor: &Actor, user: &UserId) -> Result<Vec<Arc<AccessRule>>> {
    require_own(actor, user, "identity:list_access_rules")?;
    Ok(list(cloud, user))
}

/// One of a user's rules, if the caller may see it.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_access_rule(cloud: &Cloud, actor: &Actor, user: &UserId, id: &str) -> Result<Arc<AccessRule>> {
    require_own(actor, user, "identity:get_access_rule")?;
    let id = id.to_owned();
    cloud
        .find::<AccessRule>(&id)
        .filter(|row| row.user_id == *user)
        .cloned()
        .ok_or_else(|| AccessRule::not_found(&id))
}

/// Deletes a rule that no application credential is limited by.
///
/// # Errors
/// `NotFound`; `Forbidden`, also while one is.
pub fn delete_access_rule(tx: &mut Tx<'_>, actor: &Actor, user: &UserId, id: &str) -> Result<()> {
    if actor.user_id != *user {
        policy::require_admin(actor, "identity:delete_access_rule")?;
    }
    let cloud = tx.cloud();
    let row = show_access_rule(cloud, actor, user, id)?;
    let in_use = cloud
        .lookups
        .application_credentials_by_user
        .of(user)
        .filter_map(|id| cloud.application_credentials.get(id))
        .any(|credential| credential.access_rules.contains(&row.id));
    if in_use {
        return Err(policy::not_allowed(format!(
            "Access rule {id} is in use by an application credential and cannot be deleted"
        )));
    }
    tx.delete::<AccessRule>(&row.id);
    Ok(())
}

/// Deletes those of a user that goes.
pub(super) fn remove_of_user(tx: &mut Tx<'_>, user: &UserId, budget: &mut Budget) -> Progress {
    let ids: Vec<String> = tx.cloud().lookups.access_rules_by_user.of(user).cloned().collect();
    for id in ids {
        if !budget.spend() {
            return Progress::More;
        }
        tx.delete::<AccessRule>(&id);
    }
    Progress::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str) -> AccessRule {
        AccessRule {
            id: "r".to_owned(),
            user_id: "u".into(),
            service: "compute".to_owned(),
            method: "GET".to_owned(),
            path: path.to_owned(),
        }
    }

    #[test]
    fn a_rule_allows_its_service_method_and_path_and_nothing_else() {
        let one = rule("/v2.1/servers/*/ips");
        assert!(one.allows("compute", "GET", "/v2.1/servers/abc/ips"));
        assert!(one.allows("compute", "get", "/v2.1/servers/abc/ips/"));
        for (service, method, path) in [
            ("network", "GET", "/v2.1/servers/abc/ips"),
            ("compute", "POST", "/v2.1/servers/abc/ips"),
            ("compute", "GET", "/v2.1/servers/abc"),
            ("compute", "GET", "/v2.1/servers/a/b/ips"),
            ("compute", "GET", "/v2.1/servers/abc/ips/net"),
        ] {
            assert!(!one.allows(service, method, path), "{method} {path}");
        }
        let any = rule("/v2.1/**");
        assert!(any.allows("compute", "GET", "/v2.1/servers/a/b/c") && any.allows("compute", "GET", "/v2.1"));
        assert!(!any.allows("compute", "GET", "/v2.2/servers"));
        let middle = rule("/**/ips/{name}");
        assert!(middle.allows("compute", "GET", "/v2.1/servers/x/ips/private"));
        assert!(!middle.allows("compute", "GET", "/v2.1/servers/x/ips"));
        let several = rule("/a/**/b/**/c");
        assert!(several.allows("compute", "GET", "/a/b/b/x/b/y/c"));
        assert!(!several.allows("compute", "GET", "/a/x/y/c"));
    }
}
