//! DHCP, router advertisements, DNS and metadata for every network of the host, all inside this process.
//!
//! ```text
//!   HostConfig ──apply──► Services ──opens in each namespace──►  qdhcp-<network>: DHCPv4 (67), DHCPv6 (547), DNS (53),
//!                            │                                                    metadata (169.254.169.254:80, fe80::a9fe:a9fe)
//!                            │                                   qrouter-<router>: metadata (redirected), RA on each qr- leg
//!                            └─ records: what each port last asked and was told
//! ```
//!
//! What to answer is decided by pure functions of the newest fragments ([`dhcp4`], [`dhcp6`], [`ra`], [`dns`],
//! [`metadata`]); the `*_task` modules only move bytes. There are no leases on disk and no configuration files: a restart
//! answers the same. Who asks is always known by where and from which address a packet came, which the network's filter
//! ties to one port.
//!
//! Each network costs about six sockets and as many sleeping tasks, a few kilobytes. They are opened by a blocking call,
//! and opened again when their namespace or device was made anew.

mod dhcp4;
mod dhcp6;
mod dhcp_task;
mod dns;
mod dns_task;
mod endpoints;
mod error;
mod forwarder;
mod http;
mod limits;
pub mod metadata;
mod ra;
mod ra_task;
pub mod records;
mod sockets;
mod state;
mod view;

#[cfg(test)]
mod fixture;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use imbl::OrdMap;
use linux::Netns;
use model::host::HostConfig;
use model::{NetworkId, PortId, RouterId, ServerId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use endpoints::plan as expected;
use endpoints::{NetworkEndpoint, RouterEndpoint};
pub use error::ServiceError;
use forwarder::Forwarder;
pub(crate) use ra::is_advertised as advertises;
use records::PortRecords;
pub(crate) use sockets::NO_FRAMES as WATCHED_FRAMES;
use state::Shared;

/// How often broken services are looked for and opened again.
const MEND_EVERY: Duration = Duration::from_secs(1);

/// How the services are run.
#[derive(Debug, Clone)]
pub struct ServicesOptions {
    /// The namespace that upstream resolvers are asked from.
    pub host: Netns,
    /// Resolvers for names outside the networks; with none, such queries are refused at once.
    pub upstream_dns: Vec<SocketAddr>,
}

/// Namespaces by what they hold. A fragment without one is not served yet.
#[derive(Debug, Clone, Default)]
pub struct Namespaces {
    /// `qdhcp-…`, with the bridge inside.
    pub networks: BTreeMap<NetworkId, Netns>,
    /// `qrouter-…`, with the legs inside.
    pub routers: BTreeMap<RouterId, Netns>,
}

/// Fragments whose services don't stand, with the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    /// By network.
    pub networks: BTreeMap<NetworkId, String>,
    /// By router.
    pub routers: BTreeMap<RouterId, String>,
}

/// The services of this host. Dropping it closes them all.
#[derive(Debug)]
pub struct Services {
    inner: Arc<Inner>,
    mender: JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    endpoints: Mutex<Endpoints>,
    runtime: Handle,
}

#[derive(Debug, Default)]
struct Endpoints {
    namespaces: Namespaces,
    networks: HashMap<NetworkId, NetworkEndpoint>,
    routers: HashMap<RouterId, RouterEndpoint>,
    failures: Failures,
}

impl Services {
    /// Starts without any network. Call within a tokio runtime, whose workers then do the answering.
    pub fn new(options: ServicesOptions) -> Self {
        let inner = Arc::new(Inner {
            shared: Arc::new(Shared::new(Forwarder::new(options.host, options.upstream_dns))),
            endpoints: Mutex::default(),
            runtime: Handle::current(),
        });
        let mender = tokio::spawn(mend(Arc::downgrade(&inner)));
        Self { inner, mender }
    }

    /// Serves what the document says, in these namespaces, and closes what is not in it any more. Returns what could not
    /// be opened; that is tried again every second.
    ///
    /// Blocks while sockets are opened (well under a millisecond a network, nothing for those that have not changed), so it
    /// must be called from a thread that is no worker of the runtime.
    pub fn apply(&self, config: &HostConfig, namespaces: &Namespaces) -> Failures {
        let shared = &self.inner.shared;
        shared.replace(&config.networks, &config.routers, &config.servers);
        let mut endpoints = self.inner.lock();
        endpoints.namespaces = namespaces.clone();
        self.inner.settle(&mut endpoints);
        endpoints.failures.clone()
    }

    /// What does not stand now.
    pub fn failures(&self) -> Failures {
        self.inner.lock().failures.clone()
    }

    /// What a port last asked of the services and was told; `None` if it never asked.
    pub fn records(&self, port: PortId) -> Option<PortRecords> {
        self.inner.shared.records.of(port)
    }

    /// A handle to what ports asked and were told, which may be kept.
    pub fn known(&self) -> Known {
        Known(Arc::clone(&self.inner.shared))
    }

    /// The passwords that guests left with the metadata service, each encrypted for the server's key pair, that are not in
    /// the servers' metadata yet. A guest is answered once its password is.
    pub fn passwords(&self) -> watch::Receiver<OrdMap<ServerId, String>> {
        self.inner.shared.passwords()
    }
}

/// What ports asked of the services, and were told.
#[derive(Debug, Clone)]
pub struct Known(Arc<Shared>);

impl Known {
    /// Of one port; `None` if it never asked.
    pub fn of(&self, port: PortId) -> Option<PortRecords> {
        self.0.records.of(port)
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.mender.abort();
    }
}

/// Opens again what broke by itself.
async fn mend(inner: Weak<Inner>) {
    let mut ticks = tokio::time::interval(MEND_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let settled = tokio::task::spawn_blocking(move || inner.settle(&mut inner.lock()));
        if settled.await.is_err() {
            return;
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Endpoints> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what is not wanted or does not stand, then opens what is missing.
    fn settle(&self, endpoints: &mut Endpoints) {
        // Sockets are registered with the runtime although this thread is none of its own.
        let _entered = self.runtime.enter();
        let before = std::mem::take(&mut endpoints.failures);
        self.settle_networks(endpoints);
        self.settle_routers(endpoints);
        for (id, reason) in &endpoints.failures.networks {
            if before.networks.get(id) != Some(reason) {
                tracing::warn!(network.id = %id, "The services of network {id} can't be opened: {reason}");
            }
        }
        for (id, reason) in &endpoints.failures.routers {
            if before.routers.get(id) != Some(reason) {
                tracing::warn!(router.id = %id, "The services of router {id} can't be opened: {reason}");
            }
        }
    }

    fn settle_networks(&self, endpoints: &mut Endpoints) {
        let Endpoints {
            namespaces,
            networks: open,
            failures,
            ..
        } = endpoints;
        let (views, _) = self.shared.places();
        let wanted: HashMap<_, _> = views
            .iter()
            .filter_map(|view| Some((view.config.id, (view, namespaces.networks.get(&view.config.id)?))))
            .collect();
        open.retain(|id, _| wanted.contains_key(id));
        for (id, (view, netns)) in wanted {
            match open.remove(&id) {
                Some(endpoint) if endpoint.stands(view, netns) => {
                    open.insert(id, endpoint);
                    continue;
                }
                Some(endpoint) => {
                    tracing::info!(network.id = %id, "Opening the services of network {id} anew");
                    endpoint.close(&self.runtime);
                }
                None => {}
            }
            match NetworkEndpoint::open(&self.shared, view, netns) {
                Ok(endpoint) => {
                    open.insert(id, endpoint);
                }
                Err(error) => {
                    failures.networks.insert(id, error.in_full());
                }
            }
        }
    }

    fn settle_routers(&self, endpoints: &mut Endpoints) {
        let Endpoints {
            namespaces,
            routers: open,
            failures,
            ..
        } = endpoints;
        let (_, routers) = self.shared.places();
        let wanted: HashMap<_, _> = routers
            .iter()
            .filter_map(|router| Some((router.id, (router, namespaces.routers.get(&router.id)?))))
            .collect();
        open.retain(|id, endpoint| {
            let stands = wanted.get(id).is_some_and(|(_, netns)| endpoint.is_in(netns));
            if !stands {
                endpoint.say_farewell();
            }
            stands
        });
        for (id, (router, netns)) in wanted {
            let settled = match open.entry(id) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut().update(router),
                std::collections::hash_map::Entry::Vacant(entry) => RouterEndpoint::open(&self.shared, router, netns)
                    .and_then(|endpoint| entry.insert(endpoint).update(router)),
            };
            if let Err(error) = settled {
                failures.routers.insert(id, error.in_full());
            }
        }
    }
}
