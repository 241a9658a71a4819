//! What the services' tasks share: the newest fragments, the records, the limits, the passwords.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use imbl::OrdMap;
use model::host::{InstanceMetadata, NetworkConfig, PortBinding, PortConfig, RouterConfig, ServerConfig};
use model::{NetworkId, PortId, RouterId, ServerId};

use super::forwarder::Forwarder;
use super::limits::Limits;
use super::records::Records;
use super::view::{NetworkView, host_name};

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
    passwords: Mutex<BTreeMap<ServerId, String>>,
    pub records: Records,
    pub limits: Arc<Limits>,
    pub forwarder: Forwarder,
}

impl Shared {
    /// With nothing to serve yet.
    pub fn new(forwarder: Forwarder) -> Self {
        Self {
            wanted: RwLock::default(),
            passwords: Mutex::default(),
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
        self.passwords().retain(|server, _| wanted.servers.contains_key(server));
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
            PortBinding::Router(_) | PortBinding::Namespace { .. } => None,
        };
        match server {
            Some(server) => Arc::clone(&server.metadata),
            None => Arc::new(metadata_of_port(port)),
        }
    }

    /// Runs `change` on the password slot of a metadata's server.
    pub fn with_password<T>(&self, server: Option<ServerId>, change: impl FnOnce(&mut Option<String>) -> T) -> T {
        let mut passwords = self.passwords();
        let mut slot = server.and_then(|server| passwords.get(&server).cloned());
        let done = change(&mut slot);
        if let (Some(server), Some(password)) = (server, slot) {
            passwords.insert(server, password);
        }
        done
    }

    /// The passwords that guests left, encrypted by them with their own key.
    pub fn passwords(&self) -> std::sync::MutexGuard<'_, BTreeMap<ServerId, String>> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Wanted> {
        self.wanted.read().unwrap_or_else(PoisonError::into_inner)
    }
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
