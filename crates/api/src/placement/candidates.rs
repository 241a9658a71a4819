//! `GET /allocation_candidates`: where a request would fit, by the same account that the scheduler goes by.
//!
//! A request has one group without a suffix, whose resources may come from several providers of one tree (and from those
//! that share with it through an aggregate), and any number of groups with one, each from a single provider. Source:
//! Placement's api-ref and its `doc/source/user/provider-tree.rst`.

use std::collections::{BTreeMap, BTreeSet};

use model::placement::Amounts;
use model::{Cloud, Result};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::bad;
use super::provider::{Provider, Providers};
use super::selection::Wanted;
use super::version::Microversion;
use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as ok};

/// Who has this trait shares with all that are in an aggregate with it.
const SHARES: &str = "MISC_SHARES_VIA_AGGREGATE";
/// More answers than anybody reads; a request with many groups and providers would have millions.
const MOST: usize = 1000;

/// A whole request.
struct Request {
    /// By suffix; the group without one has the empty name.
    groups: BTreeMap<String, Wanted>,
    /// Groups with a suffix must not share a provider.
    isolate: bool,
    /// Groups whose providers must be below one of them.
    same_subtree: Vec<BTreeSet<String>>,
    /// What the top of the tree must have, and must not.
    root: Wanted,
    limit: usize,
}

impl Request {
    fn read(cloud: &Cloud, query: &Query, version: Microversion) -> Result<Self> {
        const ALONE: [(&str, u16); 4] = [
            ("limit", 16),
            ("group_policy", 25),
            ("root_required", 35),
            ("same_subtree", 36),
        ];
        let mut suffixes = BTreeSet::new();
        for (name, _) in query.iter() {
            if ALONE
                .iter()
                .any(|(alone, minor)| *alone == name && version.since(*minor))
            {
                continue;
            }
            suffixes.insert(suffix_of(name, version).ok_or_else(|| {
                bad(format!(
                    "Invalid query string parameters: '{name}' is none of this version's."
                ))
            })?);
        }
        let groups: Result<BTreeMap<String, Wanted>> = suffixes
            .into_iter()
            .map(|suffix| Ok((suffix.clone(), Wanted::read(cloud, query, &suffix, version)?)))
            .collect();
        let groups = groups?;
        if groups.values().all(|group| group.resources.is_empty()) {
            return Err(bad(
                "At least one request group must specify resources ('resources' or 'resourcesN').",
            ));
        }
        if let Some((suffix, _)) = groups
            .iter()
            .find(|(_, group)| group.resources.is_empty() && !version.since(36))
        {
            return Err(bad(format!(
                "All traits and aggregates need resources: add 'resources{suffix}'."
            )));
        }
        let same_subtree = query.all("same_subtree").map(|text| subtree(text, &groups));
        let isolate = match query.get("group_policy") {
            Some("isolate") => true,
            Some("none") => false,
            None if groups.keys().filter(|suffix| !suffix.is_empty()).count() < 2 => false,
            _ => {
                return Err(bad(
                    "The \"group_policy\" parameter is required when specifying more than one \"resources{N}\" \
                     parameter: it is 'none' or 'isolate'.",
                ));
            }
        };
        let limit = match query.get("limit") {
            None => MOST,
            Some(text) => {
                let number = text.parse::<usize>().ok().filter(|limit| *limit > 0);
                number.ok_or_else(|| bad("Invalid query string parameters: 'limit' must be a positive number"))?
            }
        };
        Ok(Self {
            same_subtree: same_subtree.collect::<Result<_>>()?,
            isolate,
            root: root_of(cloud, query, version)?,
            limit,
            groups,
        })
    }
}

/// What `root_required` asks.
fn root_of(cloud: &Cloud, query: &Query, version: Microversion) -> Result<Wanted> {
    let text = query.get("root_required").unwrap_or_default();
    if text.is_empty() {
        return Ok(Wanted::default());
    }
    let alone = Query::single("required", text);
    Wanted::read(cloud, &alone, "", version)
}

fn subtree(text: &str, groups: &BTreeMap<String, Wanted>) -> Result<BTreeSet<String>> {
    let names: BTreeSet<String> = text.split(',').map(str::to_owned).collect();
    match names.iter().find(|name| name.is_empty() || !groups.contains_key(*name)) {
        None => Ok(names),
        Some(name) => Err(bad(format!(
            "Real suffixes should be specified in 'same_subtree': '{name}' is none."
        ))),
    }
}

/// The suffix of a parameter of a group.
fn suffix_of(name: &str, version: Microversion) -> Option<String> {
    const PARTS: [(&str, u16); 4] = [("resources", 10), ("required", 17), ("member_of", 21), ("in_tree", 31)];
    let found = PARTS.iter().find_map(|(part, since)| {
        let suffix = name.strip_prefix(part)?;
        version.since(*since).then_some(suffix)
    })?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_one = if found.is_empty() {
        true
    } else if version.since(33) {
        found.len() <= 64 && found.bytes().all(plain)
    } else {
        version.since(25) && found.bytes().all(|byte| byte.is_ascii_digit()) && !found.starts_with('0')
    };
    is_one.then(|| found.to_owned())
}

/// Who gives what to one group.
type Part<'a> = BTreeMap<Uuid, (&'a Provider, Amounts)>;

/// One way to serve a request: by suffix.
type Solution<'a> = BTreeMap<&'a str, Part<'a>>;

/// `GET /allocation_candidates`
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require(10)?;
    let request = Request::read(&ctx.cloud(), &query, version)?;
    let all = Providers::all(&ctx);
    let mut solutions = Vec::new();
    let mut seen = BTreeSet::new();
    for root in all.iter().filter(|provider| provider.parent.is_none()) {
        for solution in of_tree(&all, root, &request) {
            if solutions.len() < request.limit.min(MOST) && seen.insert(taken(&solution)) {
                solutions.push(solution);
            }
        }
    }
    let requests: Vec<Value> = solutions.iter().map(|solution| document(solution, version)).collect();
    ok(&json!({
        "allocation_requests": requests,
        "provider_summaries": summaries(&all, &solutions, &request, version),
    }))
}

/// Everything that a tree, with who shares with it, could answer.
fn of_tree<'a>(all: &'a Providers, root: &'a Provider, request: &'a Request) -> Vec<Solution<'a>> {
    if !request.root.traits_fit(&root.traits) {
        return Vec::new();
    }
    let members: Vec<&Provider> = all.iter().filter(|provider| all.root_of(provider) == root.id).collect();
    let aggregates: BTreeSet<Uuid> = members.iter().flat_map(|member| &member.aggregates).copied().collect();
    let sharing = all.iter().filter(|provider| {
        all.root_of(provider) != root.id
            && provider.traits.contains(SHARES)
            && !provider.aggregates.is_disjoint(&aggregates)
    });
    let reachable: Vec<&Provider> = members.iter().copied().chain(sharing).collect();

    let mut solutions: Vec<Solution<'a>> = vec![Solution::new()];
    for (suffix, group) in &request.groups {
        let parts = if suffix.is_empty() {
            shared_group(all, &reachable, group)
        } else {
            single_group(all, &reachable, group)
        };
        let mut next = Vec::new();
        for solution in &solutions {
            for part in parts.iter().take(MOST - next.len().min(MOST)) {
                let mut solution = solution.clone();
                solution.insert(suffix, part.clone());
                next.push(solution);
            }
        }
        solutions = next;
    }
    solutions.retain(|solution| {
        // Nothing of the tree itself: then it is the sharing provider's own tree that answers.
        let of_this_tree = solution.values().flat_map(|part| part.keys());
        let mut of_this_tree = of_this_tree.filter(|id| members.iter().any(|member| member.id == **id));
        of_this_tree.next().is_some()
            && is_isolated(solution, request)
            && request
                .same_subtree
                .iter()
                .all(|names| is_subtree(all, solution, names))
            && fits_together(all, solution)
    });
    solutions
}

/// The group whose classes may come from several providers.
fn shared_group<'a>(all: &Providers, reachable: &[&'a Provider], group: &Wanted) -> Vec<Part<'a>> {
    let usable: Vec<&Provider> = reachable
        .iter()
        .copied()
        .filter(|provider| group.is_in_reach(all, provider) && group.forbidden.is_disjoint(&provider.traits))
        .collect();
    let mut parts: Vec<Part<'a>> = vec![Part::new()];
    for (class, amount) in &group.resources {
        let one = Amounts::from([(class.clone(), *amount)]);
        let mut next = Vec::new();
        for part in &parts {
            for provider in usable.iter().filter(|provider| provider.has_room(&one)) {
                if next.len() < MOST {
                    let mut part = part.clone();
                    let taken = &mut part.entry(provider.id).or_insert_with(|| (*provider, Amounts::new())).1;
                    taken.insert(class.clone(), *amount);
                    next.push(part);
                }
            }
        }
        parts = next;
    }
    parts.retain(|part| {
        let traits = part
            .values()
            .flat_map(|(provider, _)| &provider.traits)
            .cloned()
            .collect();
        group.traits_fit(&traits)
    });
    parts
}

/// A group that one provider serves alone.
fn single_group<'a>(all: &Providers, reachable: &[&'a Provider], group: &Wanted) -> Vec<Part<'a>> {
    let fitting = reachable.iter().filter(|provider| group.fits(all, provider));
    fitting
        .map(|provider| Part::from([(provider.id, (*provider, group.resources.clone()))]))
        .collect()
}

fn is_isolated(solution: &Solution<'_>, request: &Request) -> bool {
    let mut used = BTreeSet::new();
    let mut ids = solution
        .iter()
        .filter(|(suffix, _)| !suffix.is_empty())
        .flat_map(|(_, part)| part.keys());
    !request.isolate || ids.all(|id| used.insert(*id))
}

/// One of the groups' providers is above all of them, or is them.
fn is_subtree(all: &Providers, solution: &Solution<'_>, names: &BTreeSet<String>) -> bool {
    let parts = names.iter().filter_map(|name| solution.get(name.as_str()));
    let providers: Vec<&Provider> = parts
        .flat_map(|part| part.values().map(|(provider, _)| *provider))
        .collect();
    providers.iter().any(|top| {
        providers
            .iter()
            .all(|provider| all.upwards(provider).any(|above| above.id == top.id))
    })
}

/// Amounts by provider, over all groups.
fn taken(solution: &Solution<'_>) -> BTreeMap<Uuid, Amounts> {
    let mut sums: BTreeMap<Uuid, Amounts> = BTreeMap::new();
    for (id, (_, amounts)) in solution.values().flatten() {
        for (class, amount) in amounts {
            *sums.entry(*id).or_default().entry(class.clone()).or_insert(0) += amount;
        }
    }
    sums
}

/// Each group fits by itself; do all of them?
fn fits_together(all: &Providers, solution: &Solution<'_>) -> bool {
    let sums = taken(solution);
    sums.iter()
        .all(|(id, amounts)| all.get(*id).is_some_and(|provider| provider.has_room(amounts)))
}

fn document(solution: &Solution<'_>, version: Microversion) -> Value {
    let sums = taken(solution);
    if !version.since(12) {
        let list: Vec<Value> = sums
            .iter()
            .map(|(id, amounts)| json!({"resource_provider": {"uuid": id}, "resources": amounts}))
            .collect();
        return json!({"allocations": list});
    }
    let allocations: Map<String, Value> = sums
        .iter()
        .map(|(id, amounts)| (id.to_string(), json!({"resources": amounts})))
        .collect();
    let mut body = json!({"allocations": allocations});
    if version.since(34) {
        let mappings: Map<String, Value> = solution
            .iter()
            .map(|(suffix, part)| ((*suffix).to_owned(), json!(part.keys().collect::<Vec<_>>())))
            .collect();
        body["mappings"] = Value::Object(mappings);
    }
    body
}

/// The providers of the solutions; from 1.29 on their whole trees.
fn summaries(
    all: &Providers,
    solutions: &[Solution<'_>],
    request: &Request,
    version: Microversion,
) -> Map<String, Value> {
    let used: BTreeSet<Uuid> = solutions
        .iter()
        .flat_map(|solution| solution.values().flat_map(Part::keys))
        .copied()
        .collect();
    let roots: BTreeSet<Uuid> = used.iter().filter_map(|id| Some(all.root_of(all.get(*id)?))).collect();
    let classes: BTreeSet<&String> = request
        .groups
        .values()
        .flat_map(|group| group.resources.keys())
        .collect();
    let shown = |provider: &&Provider| {
        used.contains(&provider.id) || (version.since(29) && roots.contains(&all.root_of(provider)))
    };
    let summary = |provider: &Provider| {
        let resources: BTreeMap<&String, Value> = provider
            .inventories
            .iter()
            .filter(|(class, _)| version.since(27) || classes.contains(class))
            .map(|(class, inventory)| {
                let taken = provider.used.get(class).copied().unwrap_or(0);
                (class, json!({"capacity": inventory.capacity(), "used": taken}))
            })
            .collect();
        let mut body = json!({"resources": resources});
        if version.since(17) {
            body["traits"] = json!(provider.traits);
        }
        if version.since(29) {
            body["parent_provider_uuid"] = json!(provider.parent);
            body["root_provider_uuid"] = json!(all.root_of(provider));
        }
        body
    };
    all.iter()
        .filter(shown)
        .map(|provider| (provider.id.to_string(), summary(provider)))
        .collect()
}
