//! nftables tables as values: rendered whole, or as the difference to what is loaded.
//!
//! A table is built purely from the desired state; what is loaded follows from comparing two of
//! them. So nothing is ever read back and searched, and a change costs its own size.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// `inet`, `ip` or `bridge`.
    pub family: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Sets and maps by name.
    pub sets: BTreeMap<String, Set>,
    /// Chains by name.
    pub chains: BTreeMap<String, Chain>,
}

/// A set, or a map if its elements have values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// `set` or `map`.
    keyword: &'static str,
    /// Its type and flags, as nft writes them, each with a closing semicolon.
    spec: &'static str,
    /// Key to value (empty in a set).
    elements: BTreeMap<String, String>,
    /// Elements may be prefixes: a change loads the set anew, because nft judges overlaps by what
    /// it last saw.
    interval: bool,
}

impl Set {
    /// An empty set.
    pub fn new(spec: &'static str) -> Self {
        Self {
            keyword: "set",
            spec,
            elements: BTreeMap::new(),
            interval: spec.contains("interval"),
        }
    }

    /// An empty map.
    pub fn map(spec: &'static str) -> Self {
        Self {
            keyword: "map",
            ..Self::new(spec)
        }
    }

    /// Adds an element of a set.
    pub fn insert(&mut self, key: impl Into<String>) {
        self.elements.insert(key.into(), String::new());
    }

    /// Adds an element of a map.
    pub fn insert_pair(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.elements.insert(key.into(), value.into());
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// `type filter hook ...`, for a chain that the kernel enters by itself.
    pub hook: Option<&'static str>,
    /// Its rules in order.
    pub rules: Vec<String>,
}

impl Chain {
    /// A chain that others jump to.
    pub fn new(rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            hook: None,
            rules: rules.into_iter().map(Into::into).collect(),
        }
    }

    /// A chain that the kernel enters at a hook.
    pub fn at(hook: &'static str, rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            hook: Some(hook),
            ..Self::new(rules)
        }
    }
}

impl Table {
    /// An empty table.
    pub fn new(family: &'static str, name: &'static str) -> Self {
        Self {
            family,
            name,
            sets: BTreeMap::new(),
            chains: BTreeMap::new(),
        }
    }

    /// Adds a set or map, or takes the one of this name.
    pub fn set(&mut self, name: impl Into<String>, new: impl FnOnce() -> Set) -> &mut Set {
        self.sets.entry(name.into()).or_insert_with(new)
    }

    /// Adds a chain.
    pub fn chain(&mut self, name: impl Into<String>, chain: Chain) {
        self.chains.insert(name.into(), chain);
    }

    /// The text that loads the table in the place of whatever has its name, in one transaction.
    pub fn render(&self) -> String {
        let Self { family, name, .. } = self;
        let mut text = format!("add table {family} {name}\ndelete table {family} {name}\ntable {family} {name} {{\n");
        for (name, set) in &self.sets {
            let _ = write!(text, "\t{} {name} {{\n\t\t{}\n", set.keyword, set.spec);
            if !set.is_empty() {
                let _ = writeln!(text, "\t\telements = {{ {} }}", elements(set.elements.iter()));
            }
            text.push_str("\t}\n");
        }
        // Chains that others jump to come first; those the kernel enters last.
        for (name, chain) in self.ordered_chains() {
            let _ = writeln!(text, "\tchain {name} {{");
            if let Some(hook) = chain.hook {
                let _ = writeln!(text, "\t\t{hook}");
            }
            for rule in &chain.rules {
                let _ = writeln!(text, "\t\t{rule}");
            }
            text.push_str("\t}\n");
        }
        text.push_str("}\n");
        text
    }

    fn ordered_chains(&self) -> impl Iterator<Item = (&String, &Chain)> {
        let of = |hooked: bool| {
            self.chains
                .iter()
                .filter(move |(_, chain)| chain.hook.is_some() == hooked)
        };
        of(false).chain(of(true))
    }

    /// The commands that turn what `loaded` describes into this table, in one transaction; empty if nothing differs.
    /// `None` if it can only be loaded as a whole.
    pub fn difference(&self, loaded: &Table) -> Option<String> {
        if (self.family, self.name) != (loaded.family, loaded.name)
            || !self.same_hooks(loaded)
            || !self.same_specs(loaded)
        {
            return None;
        }
        let mut text = String::new();
        self.write_new_objects(loaded, &mut text);
        self.write_removed_elements(loaded, &mut text);
        self.write_rules(loaded, &mut text);
        self.write_added_elements(loaded, &mut text);
        self.write_removed_objects(loaded, &mut text);
        Some(text)
    }

    fn same_hooks(&self, loaded: &Table) -> bool {
        let hooks = |table: &Table| -> BTreeMap<String, &'static str> {
            table
                .chains
                .iter()
                .filter_map(|(name, chain)| Some((name.clone(), chain.hook?)))
                .collect()
        };
        hooks(self) == hooks(loaded)
    }

    fn same_specs(&self, loaded: &Table) -> bool {
        self.sets.iter().all(|(name, set)| {
            loaded
                .sets
                .get(name)
                .is_none_or(|old| (old.keyword, old.spec) == (set.keyword, set.spec))
        })
    }

    /// New chains (empty) and sets first: rules and verdicts of the same transaction may name them.
    fn write_new_objects(&self, loaded: &Table, text: &mut String) {
        let Self {
            family, name: table, ..
        } = self;
        for name in self.chains.keys().filter(|name| !loaded.chains.contains_key(*name)) {
            let _ = writeln!(text, "add chain {family} {table} {name}");
        }
        for (name, set) in self.sets.iter().filter(|(name, _)| !loaded.sets.contains_key(*name)) {
            let _ = writeln!(text, "add {} {family} {table} {name} {{ {} }}", set.keyword, set.spec);
        }
    }

    fn write_removed_elements(&self, loaded: &Table, text: &mut String) {
        let Self {
            family, name: table, ..
        } = self;
        let empty = BTreeMap::new();
        for (name, old) in &loaded.sets {
            let wanted = self.sets.get(name).map_or(&empty, |set| &set.elements);
            if old.interval && &old.elements != wanted && !old.is_empty() {
                let _ = writeln!(text, "flush set {family} {table} {name}");
                continue;
            }
            let gone: Vec<_> = old
                .elements
                .iter()
                .filter(|(key, value)| wanted.get(*key) != Some(value))
                .collect();
            if !gone.is_empty() {
                let gone = elements(gone.into_iter());
                let _ = writeln!(text, "delete element {family} {table} {name} {{ {gone} }}");
            }
        }
    }

    fn write_rules(&self, loaded: &Table, text: &mut String) {
        let Self {
            family, name: table, ..
        } = self;
        for (name, chain) in &self.chains {
            let old = loaded.chains.get(name);
            if old == Some(chain) {
                continue;
            }
            if old.is_some() {
                let _ = writeln!(text, "flush chain {family} {table} {name}");
            }
            for rule in &chain.rules {
                let _ = writeln!(text, "add rule {family} {table} {name} {rule}");
            }
        }
        for name in loaded.chains.keys().filter(|name| !self.chains.contains_key(*name)) {
            let _ = writeln!(text, "flush chain {family} {table} {name}");
        }
    }

    fn write_added_elements(&self, loaded: &Table, text: &mut String) {
        let Self {
            family, name: table, ..
        } = self;
        let empty = BTreeMap::new();
        for (name, set) in &self.sets {
            let old = loaded.sets.get(name).map_or(&empty, |set| &set.elements);
            let whole = set.interval && old != &set.elements;
            let new: Vec<_> = set
                .elements
                .iter()
                .filter(|(key, value)| whole || old.get(*key) != Some(value))
                .collect();
            if !new.is_empty() {
                let new = elements(new.into_iter());
                let _ = writeln!(text, "add element {family} {table} {name} {{ {new} }}");
            }
        }
    }

    fn write_removed_objects(&self, loaded: &Table, text: &mut String) {
        let Self {
            family, name: table, ..
        } = self;
        for name in loaded.chains.keys().filter(|name| !self.chains.contains_key(*name)) {
            let _ = writeln!(text, "delete chain {family} {table} {name}");
        }
        for (name, set) in loaded.sets.iter().filter(|(name, _)| !self.sets.contains_key(*name)) {
            let _ = writeln!(text, "delete {} {family} {table} {name}", set.keyword);
        }
    }
}

fn elements<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(key);
        if !value.is_empty() {
            text.push_str(" : ");
            text.push_str(value);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(members: &[&str], ports: &[(&str, &str)], chains: &[(&str, &[&str])]) -> Table {
        let mut table = Table::new("bridge", "dp");
        let set = table.set("members", || Set::new("type ipv4_addr;"));
        members.iter().for_each(|m| set.insert(*m));
        let map = table.set("ports", || Set::map("typeof iifname : verdict;"));
        ports.iter().for_each(|(k, v)| map.insert_pair(*k, *v));
        for (name, rules) in chains {
            table.chain(*name, Chain::new(rules.iter().copied()));
        }
        table
    }

    #[test]
    fn equal_tables_differ_by_nothing() {
        let one = table(&["10.0.0.1"], &[("\"a\"", "jump c")], &[("c", &["drop"])]);
        assert_eq!(one.difference(&one.clone()).as_deref(), Some(""));
    }

    #[test]
    fn a_difference_makes_before_it_uses_and_unuses_before_it_deletes() {
        let old = table(&["10.0.0.1", "10.0.0.2"], &[("\"a\"", "jump c")], &[("c", &["drop"])]);
        let new = table(
            &["10.0.0.2", "10.0.0.3"],
            &[("\"a\"", "jump d")],
            &[("d", &["ip saddr @members accept"])],
        );
        let expected = "\
add chain bridge dp d
delete element bridge dp members { 10.0.0.1 }
delete element bridge dp ports { \"a\" : jump c }
add rule bridge dp d ip saddr @members accept
flush chain bridge dp c
add element bridge dp members { 10.0.0.3 }
add element bridge dp ports { \"a\" : jump d }
delete chain bridge dp c
";
        assert_eq!(new.difference(&old).as_deref(), Some(expected));
    }

    #[test]
    fn an_interval_set_is_loaded_anew() {
        let with = |prefixes: &[&str]| {
            let mut table = Table::new("ip", "t");
            let set = table.set("s", || Set::new("type ipv4_addr; flags interval;"));
            prefixes.iter().for_each(|p| set.insert(*p));
            table
        };
        let text = with(&["10.0.0.0/7"]).difference(&with(&["10.0.0.0/8"])).unwrap();
        assert_eq!(text, "flush set ip t s\nadd element ip t s { 10.0.0.0/7 }\n");
    }

    #[test]
    fn a_changed_hook_or_type_needs_the_whole_table() {
        let mut old = table(&[], &[], &[]);
        old.chain(
            "pre",
            Chain::at("type filter hook prerouting priority 0; policy drop;", ["accept"]),
        );
        assert!(table(&[], &[], &[]).difference(&old).is_none());
        let mut other = Table::new("bridge", "dp");
        other.set("members", || Set::new("type ipv6_addr;"));
        assert!(other.difference(&table(&[], &[], &[])).is_none());
    }
}
