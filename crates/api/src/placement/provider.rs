//! Resource providers: the hosts, with what they have and can do, and those that somebody made.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use model::compute::host_service;
use model::compute::schedule::{Candidate, Policy};
use model::placement::{self, Amounts, HOST_CLASSES, HostProvider, Inventory, NewProvider, ResourceProvider};
use model::{Cloud, HostId, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::selection::Wanted;
use super::version::Microversion;
use super::{bad, usage};
use crate::compute::{hypervisor_uuid, scheduling};
use crate::context::Ctx;
use crate::extract::{Wire, collect, parse};
use crate::query::Query;
use crate::reply::{Reply, json as ok, no_content};

/// What hosts here can do (os-traits).
const HOST_TRAITS: [&str; 6] = [
    "COMPUTE_IMAGE_TYPE_ISO",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_NET_VIF_MODEL_VIRTIO",
    "COMPUTE_NODE",
];
/// What a host has that takes no new servers.
const DISABLED: &str = "COMPUTE_STATUS_DISABLED";

/// A provider with all that is known of it.
pub(super) struct Provider {
    /// Its id; a host's is its hypervisor's.
    pub(super) id: Uuid,
    /// Its name.
    pub(super) name: String,
    /// The host that it is.
    pub(super) host: Option<HostId>,
    /// What it is a part of.
    pub(super) parent: Option<Uuid>,
    /// Grows with each change of what was written.
    pub(super) generation: u64,
    /// What it has.
    pub(super) inventories: BTreeMap<String, Inventory>,
    /// What it can do.
    pub(super) traits: BTreeSet<String>,
    /// The aggregates it is in.
    pub(super) aggregates: BTreeSet<Uuid>,
    /// What is taken of it: every class that it has something of.
    pub(super) used: Amounts,
}

impl Provider {
    fn of_host(cloud: &Cloud, candidate: &Candidate, policy: &Policy) -> Self {
        let id = hypervisor_uuid(candidate.host.as_str());
        let own = |total: u64, reserved: u64, percent: u64| Inventory {
            total,
            reserved,
            min_unit: 1,
            max_unit: total,
            step_size: 1,
            allocation_ratio: percent as f64 / 100.0,
        };
        let inventories = BTreeMap::from([
            (
                "DISK_GB".to_owned(),
                own(candidate.disk_gib, 0, policy.disk_ratio_percent),
            ),
            (
                "MEMORY_MB".to_owned(),
                own(
                    candidate.memory_mib,
                    policy.reserved_memory_mib,
                    policy.ram_ratio_percent,
                ),
            ),
            ("VCPU".to_owned(), own(candidate.vcpus, 0, policy.cpu_ratio_percent)),
        ]);
        let arch = format!("HW_ARCH_{}", std::env::consts::ARCH.to_uppercase());
        let mut traits: BTreeSet<String> = HOST_TRAITS.into_iter().map(str::to_owned).chain([arch]).collect();
        let said = host_service::of(cloud, &candidate.host);
        if said.disabled || said.forced_down {
            traits.insert(DISABLED.to_owned());
        }
        let mut provider = Self {
            id,
            name: candidate.host.to_string(),
            host: Some(candidate.host.clone()),
            parent: None,
            generation: 0,
            inventories,
            traits,
            aggregates: BTreeSet::new(),
            used: usage::amounts(&candidate.taken),
        };
        if let Some(row) = cloud.resource_providers.get(&id) {
            provider.add(row);
        }
        provider
    }

    fn of_row(row: &ResourceProvider) -> Self {
        let mut provider = Self {
            id: row.id,
            name: row.name.clone(),
            host: None,
            parent: row.parent,
            generation: 0,
            inventories: BTreeMap::new(),
            traits: BTreeSet::new(),
            aggregates: BTreeSet::new(),
            used: Amounts::new(),
        };
        provider.add(row);
        provider
    }

    /// What somebody wrote.
    fn add(&mut self, row: &ResourceProvider) {
        self.generation = row.generation;
        self.inventories.extend(
            row.inventories
                .iter()
                .map(|(class, inventory)| (class.clone(), *inventory)),
        );
        self.traits.extend(row.traits.iter().cloned());
        self.aggregates.clone_from(&row.aggregates);
    }

    /// Whether a class is what a host has by itself.
    pub(super) fn is_own(&self, class: &str) -> bool {
        self.host.is_some() && HOST_CLASSES.contains(&class)
    }

    /// Whether so much more fits.
    pub(super) fn has_room(&self, wanted: &Amounts) -> bool {
        wanted.iter().all(|(class, amount)| {
            let taken = self.used.get(class).copied().unwrap_or(0);
            let inventory = self.inventories.get(class);
            inventory.is_some_and(|inventory| inventory.has_room(*amount, taken))
        })
    }

    fn path(&self) -> String {
        format!("/placement/resource_providers/{}", self.id)
    }

    fn render(&self, all: &Providers, version: Microversion) -> Value {
        let path = self.path();
        let mut names = vec!["inventories", "usages"];
        for (minor, name) in [(1, "aggregates"), (6, "traits"), (11, "allocations")] {
            if version.since(minor) {
                names.push(name);
            }
        }
        let mut links = vec![json!({"rel": "self", "href": path})];
        links.extend(
            names
                .into_iter()
                .map(|name| json!({"rel": name, "href": format!("{path}/{name}")})),
        );
        let mut body = json!({"uuid": self.id, "name": self.name, "generation": self.generation, "links": links});
        if version.since(14) {
            body["parent_provider_uuid"] = json!(self.parent);
            body["root_provider_uuid"] = json!(all.root_of(self));
        }
        body
    }
}

/// Every provider at one moment.
pub(super) struct Providers(Vec<Provider>);

/// The id in a path.
///
/// # Errors
/// `NotFound`: what is no id is nobody's.
pub(super) fn uuid_of(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| unknown(text))
}

fn unknown(uuid: &str) -> model::Error {
    model::Error::not_found(
        "placement.undefined_code",
        format!("No resource provider with uuid {uuid} found"),
    )
}

impl Providers {
    /// Hosts that report, and those that somebody made.
    pub(super) fn all(ctx: &Ctx) -> Self {
        let cloud = ctx.cloud();
        let policy = scheduling(ctx).policy;
        let facts = ctx.control().host_report().borrow().facts.clone();
        let host = Candidate::new(&cloud, &facts, "");
        let hosts = [host].into_iter().filter(|host| host.is_up);
        let mut all: Vec<Provider> = hosts.map(|host| Provider::of_host(&cloud, &host, &policy)).collect();
        let rows = cloud.resource_providers.iter().filter(|row| row.host.is_none());
        all.extend(rows.map(|row| Provider::of_row(row)));
        for provider in &mut all {
            for (class, amount) in placement::used(&cloud, provider.id, None) {
                *provider.used.entry(class).or_insert(0) += amount;
            }
            for class in provider.inventories.keys() {
                provider.used.entry(class.clone()).or_insert(0);
            }
        }
        Self(all)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// The hosts among them, as the rules want them.
    pub(super) fn hosts(&self) -> Vec<HostProvider> {
        let host = |provider: &Provider| {
            let host = provider.host.clone()?;
            Some(HostProvider { id: provider.id, host })
        };
        self.0.iter().filter_map(host).collect()
    }

    /// The one with this id.
    pub(super) fn get(&self, id: Uuid) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.id == id)
    }

    /// The one with the id of a path.
    ///
    /// # Errors
    /// `NotFound`.
    pub(super) fn find(&self, uuid: &str) -> Result<&Provider> {
        self.get(uuid_of(uuid)?).ok_or_else(|| unknown(uuid))
    }

    /// [`Self::find`], and nothing else.
    ///
    /// # Errors
    /// `NotFound`.
    pub(super) fn take(self, uuid: &str) -> Result<Provider> {
        let id = uuid_of(uuid)?;
        let found = self.0.into_iter().find(|provider| provider.id == id);
        found.ok_or_else(|| unknown(uuid))
    }

    /// It and all it is a part of, innermost first.
    pub(super) fn upwards<'a>(&'a self, provider: &'a Provider) -> impl Iterator<Item = &'a Provider> {
        std::iter::successors(Some(provider), |at| self.get(at.parent?))
    }

    /// The id of the top of its tree.
    pub(super) fn root_of(&self, provider: &Provider) -> Uuid {
        self.upwards(provider).last().map_or(provider.id, |root| root.id)
    }
}

/// `GET /resource_providers`
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    const KNOWN: [(&str, u16); 6] = [
        ("name", 0),
        ("uuid", 0),
        ("member_of", 3),
        ("resources", 4),
        ("in_tree", 14),
        ("required", 18),
    ];
    for (name, _) in query.iter() {
        if !KNOWN
            .iter()
            .any(|(known, minor)| *known == name && version.since(*minor))
        {
            return Err(bad(format!("Invalid query string parameter: '{name}'.")).into());
        }
    }
    let wanted = Wanted::read(&ctx.cloud(), &query, "", version)?;
    let all = Providers::all(&ctx);
    let rows = all.iter().filter(|row| {
        query.get("uuid").is_none_or(|uuid| uuid == row.id.to_string())
            && query.get("name").is_none_or(|name| name == row.name)
            && wanted.fits(&all, row)
    });
    let rows: Vec<Value> = rows.map(|row| row.render(&all, version)).collect();
    ok(&json!({"resource_providers": rows}))
}

/// `GET /resource_providers/{uuid}`
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    let all = Providers::all(&ctx);
    ok(&all.find(&uuid)?.render(&all, version))
}

/// A provider's own attributes in a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    name: String,
    uuid: Option<Uuid>,
    /// `Some(None)`: null, no parent.
    #[serde(default, deserialize_with = "present")]
    parent_provider_uuid: Option<Option<Uuid>>,
}

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<Uuid>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Body {
    fn check(&self, version: Microversion) -> Result<()> {
        if self.parent_provider_uuid.is_some() && !version.since(14) {
            return Err(bad("JSON does not validate: 'parent_provider_uuid' came with 1.14"));
        }
        Ok(())
    }
}

fn rendered(ctx: &Ctx, id: Uuid, version: Microversion) -> Result<(String, Value)> {
    let all = Providers::all(ctx);
    let row = all.get(id).ok_or_else(|| unknown(&id.to_string()))?;
    Ok((row.path(), row.render(&all, version)))
}

/// `POST /resource_providers`
pub(super) async fn create(ctx: Ctx, version: Microversion, Wire(body): Wire<Body>) -> Reply {
    body.check(version)?;
    let new = NewProvider {
        id: body.uuid,
        name: body.name,
        parent: body.parent_provider_uuid.flatten(),
    };
    let hosts = Providers::all(&ctx).hosts();
    let row = ctx
        .transact(move |tx, _| placement::create_provider(tx, &hosts, new))
        .await?;
    let (path, body) = rendered(&ctx, row.id, version)?;
    if version.since(20) {
        return Ok(([(LOCATION, ctx.base_url().to_owned() + &path)], ok(&body)?).into_response());
    }
    Ok((StatusCode::CREATED, [(LOCATION, ctx.base_url().to_owned() + &path)]).into_response())
}

/// `PUT /resource_providers/{uuid}`
pub(super) async fn update(ctx: Ctx, version: Microversion, Path(uuid): Path<String>, Wire(body): Wire<Body>) -> Reply {
    body.check(version)?;
    if body.uuid.is_some() {
        return Err(bad("JSON does not validate: 'uuid' can't be changed").into());
    }
    let all = Providers::all(&ctx);
    let (id, hosts) = (all.find(&uuid)?.id, all.hosts());
    ctx.transact(move |tx, _| {
        placement::update_provider(tx, &hosts, id, &body.name, body.parent_provider_uuid, version.since(37))
    })
    .await?;
    ok(&rendered(&ctx, id, version)?.1)
}

/// `DELETE /resource_providers/{uuid}`
pub(super) async fn delete(ctx: Ctx, Path(uuid): Path<String>) -> Reply {
    let all = Providers::all(&ctx);
    let (id, hosts) = (all.find(&uuid)?.id, all.hosts());
    ctx.transact(move |tx, _| placement::delete_provider(tx, &hosts, id))
        .await?;
    no_content()
}

fn aggregates_document(aggregates: &BTreeSet<Uuid>, generation: u64, version: Microversion) -> Value {
    let mut body = json!({"aggregates": aggregates});
    if version.since(19) {
        body["resource_provider_generation"] = generation.into();
    }
    body
}

/// `GET /resource_providers/{uuid}/aggregates`
pub(super) async fn aggregates(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    version.require(1)?;
    let provider = Providers::all(&ctx).take(&uuid)?;
    ok(&aggregates_document(&provider.aggregates, provider.generation, version))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Aggregates {
    aggregates: BTreeSet<Uuid>,
    resource_provider_generation: u64,
}

/// `PUT /resource_providers/{uuid}/aggregates`: a list until 1.18, then a document with the generation.
pub(super) async fn set_aggregates(
    ctx: Ctx,
    version: Microversion,
    Path(uuid): Path<String>,
    body: axum::body::Body,
) -> Reply {
    version.require(1)?;
    let body = collect(body).await?;
    let (aggregates, generation) = if version.since(19) {
        let body: Aggregates = parse(&body)?;
        (body.aggregates, Some(body.resource_provider_generation))
    } else {
        (parse(&body)?, None)
    };
    let all = Providers::all(&ctx);
    let (id, hosts) = (all.find(&uuid)?.id, all.hosts());
    let row = ctx
        .transact(move |tx, _| placement::set_aggregates(tx, &hosts, id, generation, aggregates))
        .await?;
    ok(&aggregates_document(&row.aggregates, row.generation, version))
}

/// `GET /resource_providers/{uuid}/traits`
pub(super) async fn traits(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    version.require(6)?;
    let provider = Providers::all(&ctx).take(&uuid)?;
    ok(&traits_document(&provider))
}

fn traits_document(provider: &Provider) -> Value {
    json!({"traits": provider.traits, "resource_provider_generation": provider.generation})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Traits {
    traits: BTreeSet<String>,
    resource_provider_generation: u64,
}

/// `PUT /resource_providers/{uuid}/traits`: of a host, those besides its own.
pub(super) async fn set_traits(
    ctx: Ctx,
    version: Microversion,
    Path(uuid): Path<String>,
    Wire(mut body): Wire<Traits>,
) -> Reply {
    version.require(6)?;
    let all = Providers::all(&ctx);
    let provider = all.find(&uuid)?;
    if provider.host.is_some() {
        // Who reads all, adds one and writes all back sends the host's own, too.
        let cloud = ctx.cloud();
        let written = cloud.resource_providers.get(&provider.id);
        body.traits
            .retain(|name| !provider.traits.contains(name) || written.is_some_and(|row| row.traits.contains(name)));
    }
    let (id, hosts) = (provider.id, all.hosts());
    ctx.transact(move |tx, _| {
        placement::set_traits(tx, &hosts, id, Some(body.resource_provider_generation), body.traits)
    })
    .await?;
    ok(&traits_document(&Providers::all(&ctx).take(&uuid)?))
}

/// `DELETE /resource_providers/{uuid}/traits`
pub(super) async fn delete_traits(ctx: Ctx, version: Microversion, Path(uuid): Path<String>) -> Reply {
    version.require(6)?;
    let all = Providers::all(&ctx);
    let (id, hosts) = (all.find(&uuid)?.id, all.hosts());
    ctx.transact(move |tx, _| placement::set_traits(tx, &hosts, id, None, BTreeSet::new()))
        .await?;
    no_content()
}
