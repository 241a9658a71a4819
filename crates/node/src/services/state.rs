//! What the services' tasks share: the newest fragments, the records, the limits, the passwords.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use imbl::OrdMap;
use model::host::{InstanceMetadata, NetworkConfig, PortBinding, PortConfig, RouterConfig, ServerConfig};
use model::{NetworkId, PortId, RouterId, ServerId};
use tokio::sync::{Notify, watch};

use super::forwarder::Forwarder;
use super::limits::Limits;
use super::records::Records;
use super::view::{NetworkView, host_name};

/// Longest wait until a password that a guest left is kept.
const PASSWORD_PATIENCE: Duration = Duration::from_secs(10);

/// The fragments as they are now.
#[derive(Debug, Default)]
struct Wanted {
    networks: HashMap<NetworkId, Arc<NetworkView>>,
    routers: HashMap<RouterId, Arc<RouterConfig>>,
    servers: OrdMap<ServerId, Arc<ServerConfig>>,
}

/// Everything that a task needs to answer.
#[derive(Debug)]
pub struct Shared {
    wanted: RwLock<Wanted>,
    /// What guests left and is not kept yet.
    passwords: watch::Sender<OrdMap<ServerId, String>>,
    /// Rung when the newest fragments are in.
    replaced: Notify,
    pub records: Records,
    pub limits: Arc<Limits>,
    pub forwarder: Forwarder,
}

impl Shared {
    /// With nothing to serve yet.
    pub fn new(forwarder: Forwarder) -> Self {
        Self {
            wanted: RwLock::default(),
            passwords: watch::Sender::default(),
            replaced: Notify::new(),
            records: Records::default(),
            limits: Arc::default(),
            forwarder,
        }
    }

    /// Takes the newest fragments; look-ups are brought up to date for networks that changed.
    pub fn replace(
        &self,
        networks: &OrdMap<NetworkId, Arc<NetworkConfig>>,
        routers: &OrdMap<RouterId, Arc<RouterConfig>>,
        servers: &OrdMap<ServerId, Arc<ServerConfig>>,
    ) {
        let before = self.read().networks.clone();
        let view = |config: &Arc<NetworkConfig>| match before.get(&config.id) {
            Some(view) if Arc::ptr_eq(&view.config, config) => Arc::clone(view),
            Some(view) => Arc::new(view.changed(Arc::clone(config))),
            None => Arc::new(NetworkView::new(Arc::clone(config))),
        };
        let now = Wanted {
            networks: networks.iter().map(|(id, config)| (*id, view(config))).collect(),
            routers: routers.iter().map(|(id, config)| (*id, Arc::clone(config))).collect(),
            servers: servers.clone(),
        };
        *self.wanted.write().unwrap_or_else(PoisonError::into_inner) = now;
        let wanted = self.read();
        self.records.retain(|network, port| {
            let view = wanted.networks.get(&network);
            view.is_some_and(|view| view.config.ports.contains_key(&port))
        });
        self.passwords.send_if_modified(|left| {
            let done: Vec<_> = left
                .keys()
                .filter(|id| !is_waiting(&wanted.servers, **id))
                .copied()
                .collect();
            done.iter().filter_map(|id| left.remove(id)).count() > 0
        });
        drop(wanted);
        self.replaced.notify_waiters();
    }

    /// A network with its look-ups; `None` for one that is not on this host.
    pub fn network(&self, id: NetworkId) -> Option<Arc<NetworkView>> {
        self.read().networks.get(&id).cloned()
    }

    /// A router; `None` for one that is not on this host.
    pub fn router(&self, id: RouterId) -> Option<Arc<RouterConfig>> {
        self.read().routers.get(&id).cloned()
    }

    /// All networks and routers.
    pub fn places(&self) -> (Vec<Arc<NetworkView>>, Vec<Arc<RouterConfig>>) {
        let wanted = self.read();
        (
            wanted.networks.values().cloned().collect(),
            wanted.routers.values().cloned().collect(),
        )
    }

    /// What the owner of a port may learn about itself. A port that holds no server (a namespace attached by hand) is told
    /// what is known of the port.
    pub fn metadata_of(&self, port: &PortConfig) -> Arc<InstanceMetadata> {
        let server = match &port.binding {
            PortBinding::Server(id) => self.read().servers.get(id).cloned(),
            PortBinding::Router(_) | PortBinding::Trunk(_) | PortBinding::Namespace { .. } => None,
        };
        match server {
            Some(server) => Arc::clone(&server.metadata),
            None => Arc::new(metadata_of_port(port)),
        }
    }

    /// The password that a server's guest left, kept or on its way.
    pub fn password_of(&self, metadata: &InstanceMetadata) -> Option<String> {
        let on_its_way = || self.passwords.borrow().get(&metadata.uuid?).cloned();
        metadata.guest_password.clone().or_else(on_its_way)
    }

    /// Hands on what a guest left, and waits until it is kept, so that it outlives whatever happens next. `false`: it is not
    /// kept, and forgotten here.
    pub async fn keep_password(&self, server: ServerId, password: String) -> bool {
        if !is_waiting(&self.read().servers, server) {
            return false;
        }
        self.passwords.send_modify(|left| {
            left.insert(server, password);
        });
        let kept = async {
            loop {
                let replaced = self.replaced.notified();
                if !is_waiting(&self.read().servers, server) {
                    return;
                }
                replaced.await;
            }
        };
        let in_time = tokio::time::timeout(PASSWORD_PATIENCE, kept).await.is_ok();
        self.passwords.send_if_modified(|left| left.remove(&server).is_some());
        in_time && self.read().servers.contains_key(&server)
    }

    /// The passwords that are on their way.
    pub fn passwords(&self) -> watch::Receiver<OrdMap<ServerId, String>> {
        self.passwords.subscribe()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Wanted> {
        self.wanted.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a server has no password yet that is kept.
fn is_waiting(servers: &OrdMap<ServerId, Arc<ServerConfig>>, server: ServerId) -> bool {
    servers
        .get(&server)
        .is_some_and(|server| server.metadata.guest_password.is_none())
}

fn metadata_of_port(port: &PortConfig) -> InstanceMetadata {
    let first = port.fixed_ips.first().map(|fixed| fixed.address.addr());
    let hostname = first.map_or_else(|| PortId::to_string(&port.id), |address| host_name(port, address));
    let local_ipv4 = port.fixed_ips.iter().find_map(|fixed| match fixed.address.addr() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    InstanceMetadata {
        uuid: Some(ServerId(port.id.0)),
        name: hostname.clone(),
        hostname,
        local_ipv4,
        ..InstanceMetadata::default()
    }
}
