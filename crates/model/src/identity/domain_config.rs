//! Domain configuration: options of a domain's identity driver, as Keystone keeps them. This cloud has one driver, its
//! own; the options are kept for tools that manage them, and none is acted on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Domain, common, policy};
use crate::cloud::{Lookups, Row};
use crate::{Actor, Cloud, DomainId, Error, Result, Tx};

/// The options of a domain, by group.
pub type Groups = BTreeMap<String, BTreeMap<String, Value>>;

/// A domain's configuration.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainConfig {
    /// The domain.
    pub domain_id: DomainId,
    /// Its options.
    pub groups: Groups,
}

impl std::fmt::Debug for DomainConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A directory's password may be among the options.
        f.debug_struct("DomainConfig")
            .field("domain_id", &self.domain_id)
            .finish_non_exhaustive()
    }
}

impl Row for DomainConfig {
    type Id = DomainId;
    const KIND: &'static str = "domain_config";
    crate::table!(DomainConfig, domain_configs);
    fn id(&self) -> DomainId {
        self.domain_id.clone()
    }
    fn not_found(id: &DomainId) -> Error {
        missing(&format!("any options in domain {id}"), id)
    }
    fn index(&self, _lookups: &mut Lookups, _present: bool) {}
}

fn missing(what: &str, id: &DomainId) -> Error {
    Error::not_found(
        "DomainConfigNotFound",
        format!("Could not find domain configuration for domain {id}: {what}."),
    )
}

/// Options of group `identity` with their defaults.
const IDENTITY: [(&str, Option<&str>); 2] = [("driver", Some("sql")), ("list_limit", None)];

/// Options of group `ldap` with their defaults (keystone `conf/ldap.py`).
const LDAP: [(&str, Option<&str>); 40] = [
    ("url", Some("ldap://localhost")),
    ("user", None),
    ("suffix", Some("cn=example,cn=com")),
    ("query_scope", Some("one")),
    ("page_size", Some("0")),
    ("alias_dereferencing", Some("default")),
    ("debug_level", None),
    ("chase_referrals", None),
    ("user_tree_dn", None),
    ("user_filter", None),
    ("user_objectclass", Some("inetOrgPerson")),
    ("user_id_attribute", Some("cn")),
    ("user_name_attribute", Some("sn")),
    ("user_description_attribute", Some("description")),
    ("user_mail_attribute", Some("mail")),
    ("user_pass_attribute", Some("userPassword")),
    ("user_enabled_attribute", Some("enabled")),
    ("user_enabled_invert", Some("false")),
    ("user_enabled_mask", Some("0")),
    ("user_enabled_default", Some("True")),
    ("user_attribute_ignore", Some("default_project_id")),
    ("user_default_project_id_attribute", None),
    ("user_enabled_emulation", Some("false")),
    ("user_enabled_emulation_dn", None),
    ("user_enabled_emulation_use_group_config", Some("false")),
    ("user_additional_attribute_mapping", Some("")),
    ("group_tree_dn", None),
    ("group_filter", None),
    ("group_objectclass", Some("groupOfNames")),
    ("group_id_attribute", Some("cn")),
    ("group_name_attribute", Some("ou")),
    ("group_member_attribute", Some("member")),
    ("group_members_are_ids", Some("false")),
    ("group_desc_attribute", Some("description")),
    ("group_attribute_ignore", Some("")),
    ("group_additional_attribute_mapping", Some("")),
    ("tls_cacertfile", None),
    ("tls_cacertdir", None),
    ("use_tls", Some("false")),
    ("tls_req_cert", Some("demand")),
];

/// An option that may be set and is never shown.
const SENSITIVE: [(&str, &str); 1] = [("ldap", "password")];

/// All options that may be set and shown, with the values that hold where nothing is set.
pub fn default_config() -> Groups {
    let group = |options: &[(&str, Option<&str>)]| {
        let value = |default: &Option<&str>| default.map_or(Value::Null, Value::from);
        options
            .iter()
            .map(|(name, default)| ((*name).to_owned(), value(default)))
            .collect()
    };
    BTreeMap::from([
        ("identity".to_owned(), group(&IDENTITY)),
        ("ldap".to_owned(), group(&LDAP)),
    ])
}

/// Insists that each group and option is one that may be set.
fn check(groups: &Groups) -> Result<()> {
    let known = default_config();
    if groups.is_empty() {
        return Err(common::invalid(
            "config",
            "it must have at least one of the groups 'identity' and 'ldap'",
        ));
    }
    for (group, options) in groups {
        for name in options.keys() {
            let may = known.get(group).is_some_and(|options| options.contains_key(name))
                || SENSITIVE.contains(&(group.as_str(), name.as_str()));
            if !may {
                return Err(unknown_option(group, name));
            }
        }
        if !known.contains_key(group) {
            return Err(unknown_option(group, "*"));
        }
    }
    Ok(())
}

fn unknown_option(group: &str, name: &str) -> Error {
    Error::forbidden(
        "InvalidDomainConfig",
        format!("Invalid domain specific configuration: option '{name}' in group '{group}' is not supported."),
    )
}

/// Which part of a configuration a request is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigPart {
    /// One group.
    pub group: Option<String>,
    /// One option of it.
    pub option: Option<String>,
}

impl ConfigPart {
    fn words(&self) -> String {
        match (&self.group, &self.option) {
            (Some(group), Some(option)) => format!("option {option} in group {group}"),
            (Some(group), None) => format!("group {group}"),
            (None, _) => "any options".to_owned(),
        }
    }

    /// Insists that the part is one that there could be.
    fn check(&self) -> Result<()> {
        let known = default_config();
        let Some(group) = &self.group else { return Ok(()) };
        let there = known
            .get(group)
            .is_some_and(|options| self.option.as_ref().is_none_or(|option| options.contains_key(option)));
        if there {
            return Ok(());
        }
        Err(unknown_option(group, self.option.as_deref().unwrap_or("*")))
    }
}

/// The defaults of a part.
///
/// # Errors
/// `Forbidden` for the caller, or for a part there is not.
pub fn show_default_config(actor: &Actor, part: &ConfigPart) -> Result<Groups> {
    policy::require_read(actor, None, "identity:get_domain_config_default")?;
    part.check()?;
    Ok(select(&default_config(), part))
}

fn select(groups: &Groups, part: &ConfigPart) -> Groups {
    let wanted_group = |name: &String| part.group.as_ref().is_none_or(|group| group == name);
    let wanted_option = |group: &str, name: &String| {
        part.option.as_ref().is_none_or(|option| option == name) && !SENSITIVE.contains(&(group, name.as_str()))
    };
    groups
        .iter()
        .filter(|(group, _)| wanted_group(group))
        .map(|(group, options)| {
            let options = options.iter().filter(|(name, _)| wanted_option(group, name));
            let options = options.map(|(name, value)| (name.clone(), value.clone()));
            (group.clone(), options.collect::<BTreeMap<_, _>>())
        })
        .filter(|(_, options)| !options.is_empty())
        .collect()
}

/// A part of a domain's configuration, without what is never shown.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_domain_config(cloud: &Cloud, actor: &Actor, id: &DomainId, part: &ConfigPart) -> Result<Groups> {
    policy::require_read(actor, None, "identity:get_domain_config")?;
    cloud.get::<Domain>(id)?;
    part.check()?;
    let shown = cloud
        .domain_configs
        .get(id)
        .map(|row| select(&row.groups, part))
        .unwrap_or_default();
    if shown.is_empty() {
        return Err(missing(&part.words(), id));
    }
    Ok(shown)
}

/// Replaces a domain's configuration; whether it is the first.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid`.
pub fn put_domain_config(tx: &mut Tx<'_>, actor: &Actor, id: &DomainId, groups: Groups) -> Result<bool> {
    policy::require_admin(actor, "identity:create_domain_config")?;
    tx.get::<Domain>(id)?;
    check(&groups)?;
    let first = !tx.cloud().domain_configs.contains(id);
    tx.put(DomainConfig {
        domain_id: id.clone(),
        groups,
    });
    Ok(first)
}

/// Changes options of a part that is there.
///
/// # Errors
/// `NotFound`, `Forbidden`; `Invalid` when the options sent are of another part.
pub fn update_domain_config(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: &DomainId,
    part: &ConfigPart,
    groups: Groups,
) -> Result<()> {
    policy::require_admin(actor, "identity:update_domain_config")?;
    tx.get::<Domain>(id)?;
    part.check()?;
    check(&groups)?;
    let other = groups.iter().any(|(group, options)| {
        part.group.as_ref().is_some_and(|wanted| wanted != group)
            || options
                .keys()
                .any(|name| part.option.as_ref().is_some_and(|wanted| wanted != name))
    });
    if other {
        return Err(Error::forbidden(
            "InvalidDomainConfig",
            format!(
                "Invalid domain specific configuration: the request is about {}, and its body about something else.",
                part.words()
            ),
        ));
    }
    let row = tx.cloud().find::<DomainConfig>(id);
    let row = row.filter(|row| part.group.as_ref().is_none_or(|group| row.groups.contains_key(group)));
    let row = row.ok_or_else(|| missing(&part.words(), id))?;
    let mut row = DomainConfig::clone(row);
    for (group, options) in groups {
        row.groups.entry(group).or_default().extend(options);
    }
    tx.put(row);
    Ok(())
}

/// Deletes a part of a domain's configuration.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn delete_domain_config(tx: &mut Tx<'_>, actor: &Actor, id: &DomainId, part: &ConfigPart) -> Result<()> {
    policy::require_admin(actor, "identity:delete_domain_config")?;
    show_domain_config(tx.cloud(), actor, id, part)?;
    let row = tx.get::<DomainConfig>(id)?;
    let mut groups = row.groups.clone();
    match (&part.group, &part.option) {
        (None, _) => groups.clear(),
        (Some(group), None) => {
            groups.remove(group);
        }
        (Some(group), Some(option)) => {
            groups.entry(group.clone()).or_default().remove(option);
        }
    }
    groups.retain(|_, options| !options.is_empty());
    if groups.is_empty() {
        tx.delete::<DomainConfig>(id);
    } else {
        tx.put(DomainConfig {
            domain_id: id.clone(),
            groups,
        });
    }
    Ok(())
}
