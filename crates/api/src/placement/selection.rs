//! What a request asks of a provider: resources, traits, aggregates, a tree (`resources=`, `required=`, `member_of=`,
//! `in_tree=`, each with a group's suffix).

use std::collections::BTreeSet;

use model::placement::{Amounts, is_class, is_trait};
use model::{Cloud, Result};
use uuid::Uuid;

use super::bad;
use super::provider::{Provider, Providers};
use super::version::Microversion;
use crate::query::Query;

/// One group of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// So much of each class.
    pub(super) resources: Amounts,
    /// One of each set.
    pub(super) required: Vec<BTreeSet<String>>,
    /// None of these.
    pub(super) forbidden: BTreeSet<String>,
    /// In one of each set.
    member_of: Vec<BTreeSet<Uuid>>,
    /// In none of these.
    not_member_of: BTreeSet<Uuid>,
    /// In the tree of this one.
    pub(super) in_tree: Option<Uuid>,
}

impl Wanted {
    /// The group with this suffix.
    ///
    /// # Errors
    /// A value has not its form, or names a class or trait that there is not.
    pub(super) fn read(cloud: &Cloud, query: &Query, suffix: &str, version: Microversion) -> Result<Self> {
        let mut wanted = Self::default();
        let name = |base: &str| format!("{base}{suffix}");
        if let Some(text) = query.get(&name("resources")) {
            wanted.resources = resources(cloud, text)?;
        }
        for text in query.all(&name("required")) {
            wanted.read_required(cloud, text, version)?;
        }
        for text in query.all(&name("member_of")) {
            wanted.read_member_of(text, version)?;
        }
        if let Some(text) = query.get(&name("in_tree")) {
            let id = text.parse().map_err(|_| {
                bad(format!(
                    "Invalid query string parameters: '{text}' is not a UUID (in_tree)."
                ))
            })?;
            wanted.in_tree = Some(id);
        }
        Ok(wanted)
    }

    fn read_required(&mut self, cloud: &Cloud, text: &str, version: Microversion) -> Result<()> {
        let known = |name: &str| {
            if is_trait(cloud, name) {
                return Ok(name.to_owned());
            }
            Err(bad(format!(
                "Invalid query string parameters: No such trait(s): {name} (required={text})."
            )))
        };
        if let Some(any) = text.strip_prefix("in:").filter(|_| version.since(39)) {
            self.required.push(any.split(',').map(known).collect::<Result<_>>()?);
            return Ok(());
        }
        for part in text.split(',') {
            match part.strip_prefix('!').filter(|_| version.since(22)) {
                Some(name) => {
                    self.forbidden.insert(known(name)?);
                }
                None => self.required.push(BTreeSet::from([known(part)?])),
            }
        }
        Ok(())
    }

    fn read_member_of(&mut self, text: &str, version: Microversion) -> Result<()> {
        let (negated, rest) = match text.strip_prefix('!').filter(|_| version.since(32)) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let list = rest.strip_prefix("in:").unwrap_or(rest);
        let ids: std::result::Result<BTreeSet<Uuid>, _> = list.split(',').map(str::parse).collect();
        let ids = ids.map_err(|_| {
            bad(format!(
                "Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: {text}"
            ))
        })?;
        if negated {
            self.not_member_of.extend(ids);
        } else {
            self.member_of.push(ids);
        }
        Ok(())
    }

    /// Whether one provider has all of it.
    pub(super) fn fits(&self, all: &Providers, provider: &Provider) -> bool {
        provider.has_room(&self.resources) && self.is_in_reach(all, provider) && self.traits_fit(&provider.traits)
    }

    /// Whether aggregates and tree are as wanted.
    pub(super) fn is_in_reach(&self, all: &Providers, provider: &Provider) -> bool {
        let in_tree = self.in_tree.is_none_or(|id| {
            let wanted = all.get(id).map(|wanted| all.root_of(wanted));
            wanted == Some(all.root_of(provider))
        });
        in_tree
            && self.member_of.iter().all(|any| !any.is_disjoint(&provider.aggregates))
            && self.not_member_of.is_disjoint(&provider.aggregates)
    }

    /// Whether these traits are enough, and not too many.
    pub(super) fn traits_fit(&self, traits: &BTreeSet<String>) -> bool {
        self.required.iter().all(|any| !any.is_disjoint(traits)) && self.forbidden.is_disjoint(traits)
    }
}

/// `VCPU:1,MEMORY_MB:64`
fn resources(cloud: &Cloud, text: &str) -> Result<Amounts> {
    let parse = |part: &str| {
        let (class, amount) = part.split_once(':')?;
        let amount = amount.parse::<u64>().ok().filter(|amount| *amount > 0)?;
        Some((class.to_owned(), amount))
    };
    let amounts: Option<Amounts> = text.split(',').map(parse).collect();
    let amounts = amounts.ok_or_else(|| {
        bad(format!(
            "Badly formed resources parameter. Expected resources query string parameter in form: \
             ?resources=VCPU:2,MEMORY_MB:1024. Got: {text}."
        ))
    })?;
    match amounts.keys().find(|class| !is_class(cloud, class)) {
        None => Ok(amounts),
        Some(class) => Err(bad(format!("Invalid resource class in resources parameter: {class}"))),
    }
}
