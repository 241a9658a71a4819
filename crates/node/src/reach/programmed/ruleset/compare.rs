//! Two listings of a ruleset: what there should be, and what there is.

use std::collections::{BTreeMap, BTreeSet};

use model::PortId;
use model::reach::{HostObject, HostPlace as Place, State, TableName};

use super::super::look::Look;
use super::listing::{ListedChain, ListedSet, ListedTable, Ruleset};
use super::owners::Owners;

/// One table being compared.
struct Comparison<'a> {
    table: TableName,
    owners: &'a Owners,
    /// The ports that are looked at: what others have, and `want` does not, is not told of.
    ports: &'a BTreeSet<PortId>,
}

/// Notes what `have` lacks of `want`, and what is in the cloud's own tables beyond that.
pub fn compare(
    look: &mut Look<'_>,
    place: Place,
    (want, have): (&Ruleset, &Ruleset),
    owners: &Owners,
    ports: &BTreeSet<PortId>,
) {
    for ((family, name), wanted) in want {
        let comparison = Comparison {
            table: table_name(place, family, name),
            owners,
            ports,
        };
        match have.get(&(family.clone(), name.clone())) {
            Some(listed) => comparison.table(look, wanted, listed),
            None => look.note(HostObject::Table(comparison.table), State::Missing),
        }
    }
}

pub fn table_name(place: Place, family: &str, name: &str) -> TableName {
    TableName {
        place,
        family: family.to_owned(),
        name: name.to_owned(),
    }
}

impl Comparison<'_> {
    fn table(&self, look: &mut Look<'_>, want: &ListedTable, have: &ListedTable) {
        if want.head != have.head {
            let text = |head: &[String]| {
                if head.is_empty() {
                    "no flags".to_owned()
                } else {
                    head.join(" ")
                }
            };
            look.differs(
                HostObject::Table(self.table.clone()),
                text(&want.head),
                text(&have.head),
            );
        }
        for (name, wanted) in &want.sets {
            match have.sets.get(name) {
                Some(listed) => self.set(look, name, wanted, listed),
                None => look.note(self.set_object(name), State::Missing),
            }
        }
        for (name, wanted) in &want.chains {
            match have.chains.get(name) {
                Some(listed) => self.chain(look, name, wanted, listed),
                None => look.note(self.chain_object(name), State::Missing),
            }
        }
        let sets = have.sets.keys().filter(|name| !want.sets.contains_key(*name));
        for name in sets.filter(|name| !self.belongs_to_others(name)) {
            look.note(self.set_object(name), State::Unwanted);
        }
        let chains = have.chains.keys().filter(|name| !want.chains.contains_key(*name));
        for name in chains.filter(|name| !self.belongs_to_others(name)) {
            look.note(self.chain_object(name), State::Unwanted);
        }
        self.objects(look, want, have);
    }

    /// Whether a part that is not among what is looked at is there for a port that is not looked at.
    fn belongs_to_others(&self, name: &str) -> bool {
        let (family, table) = (&self.table.family, &self.table.name);
        let is_others = |owner| matches!(owner, model::reach::RuleOwner::Port(port) if !self.ports.contains(&port));
        self.owners.has(family, table, name) || is_others(self.owners.of_part(name))
    }

    fn objects(&self, look: &mut Look<'_>, want: &ListedTable, have: &ListedTable) {
        let object = |name: &String| HostObject::Counter {
            table: self.table.clone(),
            counter: name.trim_start_matches("counter ").to_owned(),
            owner: self.owners.of_part(name),
        };
        for name in want.objects.keys().filter(|name| !have.objects.contains_key(*name)) {
            look.note(object(name), State::Missing);
        }
        for name in have.objects.keys().filter(|name| !want.objects.contains_key(*name)) {
            look.note(object(name), State::Unwanted);
        }
    }

    fn set(&self, look: &mut Look<'_>, name: &str, want: &ListedSet, have: &ListedSet) {
        if want.head != have.head {
            look.differs(self.set_object(name), want.head.join(" "), have.head.join(" "));
        }
        let object = |key: &str| HostObject::Element {
            table: self.table.clone(),
            set: name.to_owned(),
            key: key.to_owned(),
            owner: self.owners.of_element(name, key),
        };
        for (key, value) in &want.elements {
            match have.elements.get(key) {
                None => look.note(object(key), State::Missing),
                Some(other) if other != value => look.differs(object(key), value, other),
                Some(_) => {}
            }
        }
        let unasked = have.elements.keys().filter(|key| !want.elements.contains_key(*key));
        let of_others = |key: &&String| {
            let port = self.owners.port_of_element(name, key);
            port.is_some_and(|port| !self.ports.contains(&port))
        };
        for key in unasked.filter(|key| !of_others(key)) {
            look.note(object(key), State::Unwanted);
        }
    }

    fn chain(&self, look: &mut Look<'_>, name: &str, want: &ListedChain, have: &ListedChain) {
        if want.hook != have.hook {
            let text = |hook: &Option<String>| hook.clone().unwrap_or_else(|| "no hook".to_owned());
            look.differs(self.chain_object(name), text(&want.hook), text(&have.hook));
        }
        if want.rules == have.rules {
            return;
        }
        let object = |rule: &str, place: Option<usize>| HostObject::Rule {
            table: self.table.clone(),
            chain: name.to_owned(),
            rule: rule.to_owned(),
            owner: place.map_or_else(|| self.owners.of_part(name), |place| self.owners.of_rule(name, place)),
        };
        let mut left = counted(&have.rules);
        let mut same = true;
        for (place, rule) in want.rules.iter().enumerate() {
            if !take(&mut left, rule) {
                look.note(object(rule, Some(place)), State::Missing);
                same = false;
            }
        }
        for rule in left.into_iter().filter(|(_, count)| *count > 0).map(|(rule, _)| rule) {
            look.note(object(rule, None), State::Unwanted);
            same = false;
        }
        if same {
            let order = HostObject::RuleOrder {
                table: self.table.clone(),
                chain: name.to_owned(),
                owner: self.owners.of_part(name),
            };
            look.differs(order, want.rules.join("; "), have.rules.join("; "));
        }
    }

    fn set_object(&self, name: &str) -> HostObject {
        HostObject::Set {
            table: self.table.clone(),
            set: name.to_owned(),
            owner: self.owners.of_part(name),
        }
    }

    fn chain_object(&self, name: &str) -> HostObject {
        HostObject::Chain {
            table: self.table.clone(),
            chain: name.to_owned(),
            owner: self.owners.of_part(name),
        }
    }
}

/// How often each rule is there.
fn counted(rules: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for rule in rules {
        *counts.entry(rule.as_str()).or_insert(0) += 1;
    }
    counts
}

/// Takes one of a rule; false if none is left.
fn take(left: &mut BTreeMap<&str, usize>, rule: &str) -> bool {
    match left.get_mut(rule) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}
