//! From the cloud to what one host must look like: pure, same input same output.
//!
//! [`Planner`] keeps the host's document and, given what changed, plans anew only the fragments that the change touches
//! ([`touched`]), and of a network's fragment only the parts: the cost of a change does not grow with the size of the
//! cloud, nor with that of the network. What is not touched keeps its place in memory, which is how the host sees what
//! did change.

mod external;
mod filter;
mod instance;
mod network;
mod router;
mod server;
mod touched;
mod trunk;
mod volume;

use std::path::PathBuf;
use std::sync::Arc;

use imbl::OrdMap;
use ipnet::IpNet;

use crate::host::HostConfig;
use crate::{Change, Cloud, HostId};

pub use filter::protocol_number;
use network::Update;
use touched::Touched;

/// What planning needs to know of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The external bridge's device name.
    pub external_bridge: String,
    /// Largest IP packet on the external bridge, bytes.
    pub external_mtu: u32,
    /// Where image files are: `<dir>/<image id>`.
    pub image_dir: PathBuf,
    /// Where volumes' files are: `<dir>/<volume id>.raw`.
    pub volume_dir: PathBuf,
    /// Domain of ports' names in networks that set none, without dots at its ends.
    pub dns_domain: String,
    /// Availability zone of the host.
    pub availability_zone: String,
    /// How far hosts may be over-committed.
    pub scheduling: crate::compute::schedule::Policy,
    /// Prefixes of the host itself, which no IPv6 host route may cover.
    pub host_prefixes: Vec<IpNet>,
    /// Network namespace that stands for the host; `None`: the host's own.
    pub host_netns: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            external_bridge: "br-ex".to_owned(),
            external_mtu: 1500,
            image_dir: PathBuf::from("images"),
            volume_dir: PathBuf::from("volumes"),
            dns_domain: "openstacklocal".to_owned(),
            availability_zone: "nova".to_owned(),
            scheduling: crate::compute::schedule::Policy::default(),
            host_prefixes: Vec::new(),
            host_netns: None,
        }
    }
}

/// A look at the cloud for one host.
pub(crate) struct View<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) host: &'a HostId,
    pub(crate) settings: &'a Settings,
}

/// Keeps one host's document up to date.
pub struct Planner {
    host: HostId,
    settings: Settings,
    config: HostConfig,
}

impl Planner {
    /// Plans the whole host.
    pub fn new(cloud: &Cloud, host: HostId, settings: Settings) -> Self {
        let config = HostConfig {
            revision: 1,
            ..HostConfig::default()
        };
        let mut planner = Self { host, settings, config };
        planner.replan(cloud, touched::everything(cloud));
        planner
    }

    /// Goes on from a document that was planned before.
    pub fn resume(host: HostId, settings: Settings, config: HostConfig) -> Self {
        Self { host, settings, config }
    }

    /// The document.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// Plans anew what the changes touch; whether the document changed.
    pub fn update(&mut self, cloud: &Cloud, changes: &[Change]) -> bool {
        let changed = self.replan(cloud, touched::by_changes(cloud, &self.config, changes));
        if changed {
            self.config.revision += 1;
        }
        changed
    }

    fn replan(&mut self, cloud: &Cloud, touched: Touched) -> bool {
        let view = View {
            cloud,
            host: &self.host,
            settings: &self.settings,
        };
        let config = &mut self.config;
        let mut changed = false;
        for id in touched.externals {
            changed |= put(&mut config.externals, id, external::plan(&view, id));
        }
        for (id, touch) in touched.networks {
            changed |= match config.networks.get(&id) {
                Some(old) if !touch.whole => match network::update(&view, old, &touch) {
                    Update::Same => false,
                    Update::New(new) => {
                        config.networks.insert(id, new);
                        true
                    }
                    Update::Gone => config.networks.remove(&id).is_some(),
                },
                old => {
                    let new = network::plan(&view, id, old.map(Arc::as_ref));
                    put(&mut config.networks, id, new)
                }
            };
        }
        for id in touched.routers {
            changed |= put(&mut config.routers, id, router::plan(&view, id));
        }
        for id in touched.trunks {
            changed |= put(&mut config.trunks, id, trunk::plan(&view, id));
        }
        for id in touched.servers {
            changed |= put(&mut config.servers, id, server::plan(&view, id));
        }
        for id in touched.volumes {
            changed |= put(&mut config.volumes, id, volume::plan(&view, id));
        }
        for id in touched.snapshots {
            changed |= put(&mut config.snapshots, id, volume::plan_snapshot(&view, id));
        }
        for id in touched.copies {
            changed |= put(&mut config.copies, id, volume::plan_copy(&view, id));
        }
        changed
    }
}

/// Enters, replaces or removes a fragment; an equal one keeps its pointer, so that the host sees no change.
fn put<K: Ord + Clone, V: PartialEq>(map: &mut OrdMap<K, Arc<V>>, key: K, value: Option<V>) -> bool {
    match (map.get(&key), value) {
        (None, None) => false,
        (Some(_), None) => {
            map.remove(&key);
            true
        }
        (Some(old), Some(new)) if **old == new => false,
        (_, Some(new)) => {
            map.insert(key, Arc::new(new));
            true
        }
    }
}
