//! Makes one host match its [`HostConfig`], again and again, and reports what it looks like.
//!
//! ```text
//!  HostConfig ──► network thread ──► what stands ──┬─► services (DHCP, RA, DNS, metadata)
//!                 (namespaces, bridges, rules)      ├─► servers (disks, QEMU), which ask it for their taps
//!                                                   └─► reporter ──► HostReport
//! ```
//!
//! Nothing here knows the cloud: the document says all. Kernel state is a cache of it. Whatever is missing is made, and
//! whatever carries this cloud's mark and is not wanted is removed, at the start as at any time.

pub mod meters;
pub mod network;
pub mod reach;
pub mod servers;
pub mod services;
pub mod volumes;

mod facts;
mod network_thread;
mod reporter;
mod surroundings;

use std::path::PathBuf;
use std::sync::Arc;

use linux::Netns;
use model::HostId;
use model::diagnostics::DiagnosticsSource;
use model::host::{HostConfig, HostReport};
use model::meters::MeterSource;
use model::reach::HostInspector;
use model::reach::probe::Prober;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use meters::Meters;
use network::NetworkPart;
use network_thread::{NetworkThread, Standing};
use reach::Inspectors;
use reach::observed::Observer;
use reach::probe::Probes;
use reach::programmed::Inspector;
use servers::{Servers, Wish};
use services::{Services, ServicesOptions};
use surroundings::NodeSurroundings;
use volumes::{FileDriver, Volumes};

/// How a host is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name.
    pub host: HostId,
    /// Where disks, logs and caches are kept.
    pub state_dir: PathBuf,
    /// The namespace that is the host (made if missing); `None`: the one the program runs in.
    pub host_netns: Option<String>,
    /// Marks what this cloud makes on the machine, so that several clouds leave each other alone.
    pub owner: String,
    /// What guests are to be run with.
    pub acceleration: Wish,
    /// Resolvers for names outside the cloud's networks.
    pub upstream_dns: Vec<std::net::SocketAddr>,
}

/// Why a host can't be run.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The host's namespace can't be had.
    #[error("the host's network namespace can't be opened")]
    HostNamespace(#[source] linux::Error),
    /// The networks can't be taken over.
    #[error("the host's networks can't be taken over")]
    Network(#[source] network::Error),
    /// The servers can't be taken over.
    #[error("the servers can't be taken over")]
    Servers(#[source] servers::ServerError),
    /// A thread can't be started.
    #[error("a thread can't be started")]
    Thread(#[source] std::io::Error),
}

/// A host being kept as wanted. Dropping it stops the keeping; servers and networks stay.
pub struct Node {
    network: NetworkThread,
    servers: Arc<Servers>,
    meters: Meters,
    probes: Probes,
    inspectors: Arc<Inspectors>,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// Starts. Call within a tokio runtime.
    ///
    /// # Errors
    /// See [`NodeError`]: mostly missing rights.
    pub async fn start(
        options: Options,
        config: watch::Receiver<Arc<HostConfig>>,
        report: watch::Sender<Arc<HostReport>>,
    ) -> Result<Self, NodeError> {
        let host = match &options.host_netns {
            Some(name) => Netns::ensure(name).map(|(netns, _)| netns),
            None => Netns::current(),
        }
        .map_err(NodeError::HostNamespace)?;
        let exclusive = options.host_netns.is_some();
        let services = Services::new(ServicesOptions {
            host: host.clone(),
            upstream_dns: options.upstream_dns.clone(),
        });
        let passwords = services.passwords();
        let known = services.known();
        let part = NetworkPart::new(host.clone(), &options.owner, exclusive).map_err(NodeError::Network)?;
        let (meters, probes) = (part.meters(), part.probes());
        let metering = options.state_dir.join("metering.json");
        meters.load(&metering);
        let network = NetworkThread::start(part, services, config.clone()).map_err(NodeError::Thread)?;
        let servers = Arc::new(open_servers(&options, &network).await?);
        let volumes = Arc::new(open_volumes(&servers).map_err(NodeError::Servers)?);
        let inspectors = inspectors(host, &options.owner, known, &servers, config, &network);
        let facts = facts::watch(&options, servers.settings());
        let tasks = vec![
            tokio::spawn(meters::keep(meters.clone(), metering)),
            tokio::spawn(follow(network.standing(), servers.clone(), volumes.clone())),
            tokio::spawn(reporter::run(
                network.standing(),
                servers.reports(),
                volumes.reports(),
                passwords,
                facts,
                report,
            )),
        ];
        Ok(Self {
            network,
            servers,
            meters,
            probes,
            inspectors: Arc::new(inspectors),
            tasks,
        })
    }

    /// Who tells of running servers' figures.
    pub fn diagnostics(&self) -> Arc<dyn DiagnosticsSource> {
        self.servers.clone()
    }

    /// Who looks at the host: what it really holds, and what was seen on it.
    pub fn inspector(&self) -> Arc<dyn HostInspector> {
        self.inspectors.clone()
    }

    /// Who tells what routers counted.
    pub fn meters(&self) -> Arc<dyn MeterSource> {
        Arc::new(self.meters.clone())
    }

    /// Who probes the host's networks.
    pub fn prober(&self) -> Arc<dyn Prober> {
        Arc::new(self.probes.clone())
    }
}

fn inspectors(
    host: Netns,
    owner: &str,
    known: services::Known,
    servers: &Arc<Servers>,
    config: watch::Receiver<Arc<HostConfig>>,
    network: &NetworkThread,
) -> Inspectors {
    let (processes, consoles) = (Arc::clone(servers), Arc::clone(servers));
    let inspector = Inspector::new(host.clone(), owner)
        .with_services()
        .with_processes(Arc::new(move |server| processes.process_id(server)));
    let observer = Observer::new(
        host,
        Some(known),
        Some(Arc::new(move |server| consoles.console_log(server))),
    );
    Inspectors::new(inspector, observer, config, network.standing())
}

async fn open_servers(options: &Options, network: &NetworkThread) -> Result<Servers, NodeError> {
    let probed = servers::Settings::new(&options.state_dir, Err(String::new())).with_users_of(&options.owner);
    let accelerator =
        servers::choose_accelerator(&options.state_dir, &probed.qemu, probed.first_uid, options.acceleration)
            .await
            .map_err(NodeError::Servers)?;
    let settings = servers::Settings {
        accelerator,
        cgroup: Some(format!("maru-{}", options.owner)),
        ..probed
    };
    let surroundings = Arc::new(NodeSurroundings {
        network: network.clone(),
    });
    Servers::open(settings, surroundings).map_err(NodeError::Servers)
}

fn open_volumes(servers: &Arc<Servers>) -> servers::Result<Volumes> {
    let settings = servers.settings();
    let driver = FileDriver::open(
        settings.volumes_dir(),
        settings.backups_dir(),
        settings.image_tool.clone(),
        servers.image_cache(),
    )?;
    Volumes::open(Arc::new(driver), servers.clone())
}

/// Servers see a document once its networks stand, so that their taps find a place.
async fn follow(mut standing: watch::Receiver<Arc<Standing>>, servers: Arc<Servers>, volumes: Arc<Volumes>) {
    while standing.changed().await.is_ok() {
        let config = standing.borrow_and_update().config.clone();
        servers.apply(&config);
        volumes.apply(&config);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.network.stop();
        for task in &self.tasks {
            task.abort();
        }
    }
}
