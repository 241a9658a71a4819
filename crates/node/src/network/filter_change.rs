//! What a change does to a network's ruleset, as text: worked out from what changed, so that it costs the same on a
//! network with two ports as on one with thousands.
//!
//! The parts of the former and of the new ruleset that may differ are built as tables, with the same functions that
//! build whole ones, and the difference of the two is that of the whole rulesets (a property test holds them together).

use std::collections::BTreeSet;

use imbl::OrdSet;
use imbl::ordmap::DiffItem;
use imbl::ordset::DiffItem as Moved;
use ipnet::IpNet;
use model::SecurityGroupId;
use model::host::{EtherType, NetworkConfig};

use super::filter::{
    add_group_chains, add_members, add_port, add_sender_prefixes, group_sets, guards_neighbours, is, is_filtered,
    is_host, tables, without_ports,
};
use super::stateless;
use super::table::Table;

/// The commands that make the ruleset of `new` of that of `old`; `None` if it has to be loaded as a whole.
pub fn difference(old: &NetworkConfig, new: &NetworkConfig) -> Option<String> {
    if guards_neighbours(old) != guards_neighbours(new) || turns_stateless(old, new) {
        let (old, new) = (tables(old), tables(new));
        return new.iter().zip(&old).map(|(new, old)| new.difference(old)).collect();
    }
    let [untracked_before, before] = without_ports(old);
    let [untracked_after, after] = without_ports(new);
    let mut parts = Parts {
        old,
        new,
        before,
        after,
        untracked_before,
        untracked_after,
    };
    parts.add_ports();
    parts.add_members();
    parts.add_chains();
    let untracked = parts.untracked_after.difference(&parts.untracked_before)?;
    Some(untracked + &parts.after.difference(&parts.before)?)
}

/// Whether the network has its first stateless group now, or lost the last one, or a group that ports were and are in
/// became another: a change of several commits at once.
fn turns_stateless(old: &NetworkConfig, new: &NetworkConfig) -> bool {
    let has_ports = |config: &NetworkConfig, group| {
        let mut ports = config.ports.values();
        ports.any(|port| port.security_groups.contains(group))
    };
    stateless::is_used(old) != stateless::is_used(new)
        || old.stateless.diff(&new.stateless).any(|moved| {
            let (Moved::Add(group) | Moved::Remove(group)) = moved;
            has_ports(old, group) && has_ports(new, group)
        })
}

struct Parts<'a> {
    old: &'a NetworkConfig,
    new: &'a NetworkConfig,
    before: Table,
    after: Table,
    untracked_before: Table,
    untracked_after: Table,
}

impl Parts<'_> {
    fn add_ports(&mut self) {
        let guard = guards_neighbours(self.new);
        for item in self.old.ports.diff(&self.new.ports) {
            let (old, new) = sides(&item);
            if let Some(port) = old {
                add_port(&mut self.before, port, guard);
                stateless::add_port(&mut self.before, &mut self.untracked_before, self.old, port);
            }
            if let Some(port) = new {
                add_port(&mut self.after, port, guard);
                stateless::add_port(&mut self.after, &mut self.untracked_after, self.new, port);
            }
        }
        // Sets of prefixes are loaded anew when one of them changes, so the difference has to see them whole.
        let moved = ["okr4", "okr6"]
            .iter()
            .any(|name| self.before.sets[*name] != self.after.sets[*name]);
        if moved {
            let ports = self.old.ports.values();
            ports.for_each(|port| add_sender_prefixes(&mut self.before, port));
            let ports = self.new.ports.values();
            ports.for_each(|port| add_sender_prefixes(&mut self.after, port));
        }
        // Elements that ports share come when the first port has them, and go with the last.
        if self.before.sets.get("shared") != self.after.sets.get("shared") {
            for (config, table) in [(self.old, &mut self.before), (self.new, &mut self.after)] {
                let ports = config.ports.values().filter(|port| is_filtered(port));
                ports.for_each(|port| stateless::add_shared(table, port));
            }
        }
    }

    fn add_members(&mut self) {
        for item in self.old.members.diff(&self.new.members) {
            match item {
                DiffItem::Add(group, members) => add_members(&mut self.after, *group, members.iter()),
                DiffItem::Remove(group, members) => add_members(&mut self.before, *group, members.iter()),
                DiffItem::Update {
                    old: (group, old),
                    new: (_, new),
                } => {
                    let (mut gone, mut come) = (Vec::new(), Vec::new());
                    for moved in old.diff(new) {
                        match moved {
                            Moved::Remove(net) => gone.push(net),
                            Moved::Add(net) => come.push(net),
                        }
                    }
                    let prefixes = gone.iter().chain(&come).any(|net| !is_host(net));
                    let rest = |whole| prefixes_of(whole, prefixes);
                    add_members(&mut self.before, *group, gone.into_iter().chain(rest(old)));
                    add_members(&mut self.after, *group, come.into_iter().chain(rest(new)));
                }
            }
        }
    }

    /// Chains of sets of groups whose rules read otherwise now, and of those that the first port came into or the last
    /// one left.
    fn add_chains(&mut self) {
        let (old, new) = (self.old, self.new);
        if old.groups != new.groups || references_change(old, new) {
            group_sets(old)
                .into_iter()
                .for_each(|groups| add_group_chains(&mut self.before, old, groups));
            group_sets(new)
                .into_iter()
                .for_each(|groups| add_group_chains(&mut self.after, new, groups));
            return;
        }
        let (mut left, mut entered) = (BTreeSet::new(), BTreeSet::new());
        for item in old.ports.diff(&new.ports) {
            let (old, new) = sides(&item);
            left.extend(old.filter(|port| is_filtered(port)).map(|port| &port.security_groups));
            entered.extend(new.filter(|port| is_filtered(port)).map(|port| &port.security_groups));
        }
        for groups in left.difference(&entered).filter(|groups| !is_used(new, groups)) {
            add_group_chains(&mut self.before, old, groups);
        }
        for groups in entered.difference(&left).filter(|groups| !is_used(old, groups)) {
            add_group_chains(&mut self.after, new, groups);
        }
    }
}

/// What a port was and is.
fn sides<'a, K, V>(item: &DiffItem<'a, 'a, K, std::sync::Arc<V>>) -> (Option<&'a V>, Option<&'a V>) {
    match item {
        DiffItem::Add(_, new) => (None, Some(new)),
        DiffItem::Remove(_, old) => (Some(old), None),
        DiffItem::Update {
            old: (_, old),
            new: (_, new),
        } => (Some(old), Some(new)),
    }
}

fn prefixes_of(members: &OrdSet<IpNet>, wanted: bool) -> impl Iterator<Item = &IpNet> {
    members.iter().filter(move |net| wanted && !is_host(net))
}

/// Whether a port is in exactly these groups. Mostly one of the first is.
fn is_used(config: &NetworkConfig, groups: &BTreeSet<SecurityGroupId>) -> bool {
    let mut filtered = config.ports.values().filter(|port| is_filtered(port));
    filtered.any(|port| port.security_groups == *groups)
}

/// Whether rules name other sets of members than before: a set of prefixes is there only if it has something in it.
fn references_change(old: &NetworkConfig, new: &NetworkConfig) -> bool {
    let kinds = |members: &OrdSet<IpNet>| {
        let has = |version| members.iter().any(|net| is(version, net) && !is_host(net));
        (has(EtherType::IPv4), has(EtherType::IPv6))
    };
    old.members.diff(&new.members).any(|item| match item {
        DiffItem::Add(..) | DiffItem::Remove(..) => true,
        DiffItem::Update {
            old: (_, old),
            new: (_, new),
        } => {
            let is_prefix = |moved| matches!(moved, Moved::Add(net) | Moved::Remove(net) if !is_host(net));
            old.diff(new).any(is_prefix) && kinds(old) != kinds(new)
        }
    })
}
