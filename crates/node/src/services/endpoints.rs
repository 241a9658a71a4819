//! The open services of one network or router: their sockets, the tasks on them, and whether they still stand.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use linux::Netns;
use linux::packet::PacketSocket;
use model::host::{NetworkConfig, RouterConfig, RouterLeg};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::ServiceError;
use super::http::Place;
use super::sockets::{self, NetworkPlan};
use super::state::Shared;
use super::view::{self, NetworkView};
use super::{dhcp_task, dhcp6, dns_task, http, ra, ra_task};
use crate::network::names::{BRIDGE, router_device};
use crate::network::nat::METADATA_PORT;

/// What a network must listen to.
pub fn plan(config: &NetworkConfig) -> NetworkPlan {
    let addresses: Vec<_> = view::service_addresses(config).collect();
    let serves4 = |subnet: &model::host::SubnetConfig| subnet.dhcp && subnet.cidr.addr().is_ipv4();
    NetworkPlan {
        dhcp4: !addresses.is_empty() && config.subnets.iter().any(serves4),
        dhcp6: dhcp6::is_served(config),
        dns: addresses,
    }
}

/// A network's open services. Dropping it closes them.
#[derive(Debug)]
pub struct NetworkEndpoint {
    netns: Netns,
    plan: NetworkPlan,
    broken: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

/// How long closing waits for the tasks to let go of their sockets; they do it as soon as a worker looks.
const CLOSING: Duration = Duration::from_secs(1);

impl NetworkEndpoint {
    /// Opens the sockets and starts the tasks. Call within a tokio runtime.
    pub fn open(shared: &Arc<Shared>, view: &NetworkView, netns: &Netns) -> Result<Self, ServiceError> {
        let network = view.config.id;
        let plan = plan(&view.config);
        let opened = sockets::open_network(netns, BRIDGE, &plan)?;
        let broken = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let udp = |socket| UdpSocket::from_std(socket).map_err(ServiceError::socket("register a socket"));
        if let Some(bridge) = opened.bridge {
            let bridge = Arc::new(bridge);
            if let Some(socket) = opened.dhcp4 {
                let socket = udp(socket)?;
                tasks.spawn(dhcp_task::serve4(
                    Arc::clone(shared),
                    network,
                    socket,
                    Arc::clone(&bridge),
                ));
            }
            if let Some(socket) = opened.dhcp6 {
                tasks.spawn(dhcp_task::serve6(Arc::clone(shared), network, udp(socket)?));
            }
            watch_device(&mut tasks, &bridge, &broken)?;
        }
        for (datagrams, streams) in opened.dns {
            tasks.spawn(dns_task::serve_udp(Arc::clone(shared), network, udp(datagrams)?));
            tasks.spawn(dns_task::serve_tcp(Arc::clone(shared), network, tcp(streams)?));
        }
        tasks.spawn(http::serve(
            Arc::clone(shared),
            Place::Network(network),
            tcp(opened.metadata)?,
        ));
        Ok(Self {
            netns: netns.clone(),
            plan,
            broken,
            tasks,
        })
    }

    /// Ends the tasks and waits until their sockets are closed, so that others can be bound in their place. Blocks; must
    /// not be called on a worker of the runtime.
    pub fn close(mut self, runtime: &Handle) {
        let closed = runtime.block_on(async { timeout(CLOSING, self.tasks.shutdown()).await });
        if closed.is_err() {
            tracing::warn!("The former sockets of a network's services are slow to close");
        }
    }

    /// Whether it does what the fragment asks, in this namespace.
    pub fn stands(&self, view: &NetworkView, netns: &Netns) -> bool {
        !self.broken.load(Ordering::Relaxed) && self.netns == *netns && self.plan == plan(&view.config)
    }
}

/// A router's open services: metadata, and the legs that advertise.
#[derive(Debug)]
pub struct RouterEndpoint {
    netns: Netns,
    legs: Vec<LegEndpoint>,
    _tasks: JoinSet<()>,
}

/// A leg that advertises.
#[derive(Debug)]
struct LegEndpoint {
    leg: RouterLeg,
    icmp: Arc<UdpSocket>,
    index: u32,
    broken: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl RouterEndpoint {
    /// Opens the sockets and starts the tasks. Call within a tokio runtime.
    pub fn open(shared: &Arc<Shared>, router: &RouterConfig, netns: &Netns) -> Result<Self, ServiceError> {
        let listener = tcp(sockets::open_router(netns, METADATA_PORT)?)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(http::serve(Arc::clone(shared), Place::Router(router.id), listener));
        Ok(Self {
            netns: netns.clone(),
            legs: Vec::new(),
            _tasks: tasks,
        })
    }

    /// Whether it is in this namespace.
    pub fn is_in(&self, netns: &Netns) -> bool {
        self.netns == *netns
    }

    /// Makes the advertising legs those of the fragment. A leg that fails does not stop the others.
    pub fn update(&mut self, router: &RouterConfig) -> Result<(), ServiceError> {
        let wanted = || {
            router
                .legs
                .iter()
                .filter(|leg| router.admin_state_up && ra::is_advertised(leg))
        };
        self.legs.retain(|open| {
            let same = wanted().any(|leg| *leg == open.leg);
            if !same && !wanted().any(|leg| leg.port_id == open.leg.port_id) {
                open.say_farewell();
            }
            same && !open.broken.load(Ordering::Relaxed)
        });
        let mut outcome = Ok(());
        for leg in wanted() {
            if self.legs.iter().any(|open| open.leg == *leg) {
                continue;
            }
            match LegEndpoint::open(leg, &self.netns) {
                Ok(open) => self.legs.push(open),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Tells the hosts that the router is going.
    pub fn say_farewell(&self) {
        for leg in &self.legs {
            leg.say_farewell();
        }
    }
}

impl LegEndpoint {
    fn open(leg: &RouterLeg, netns: &Netns) -> Result<Self, ServiceError> {
        let opened = sockets::open_leg(netns, &router_device(leg.port_id))?;
        let icmp = UdpSocket::from_std(opened.icmp).map_err(ServiceError::socket("register a socket"))?;
        let icmp = Arc::new(icmp);
        let broken = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        tasks.spawn(ra_task::serve(leg.clone(), Arc::clone(&icmp), opened.index));
        watch_device(&mut tasks, &opened.device, &broken)?;
        Ok(Self {
            leg: leg.clone(),
            icmp,
            index: opened.index,
            broken,
            _tasks: tasks,
        })
    }

    fn say_farewell(&self) {
        let message = ra::farewell(&self.leg);
        // The leg may be gone already; hosts then learn it by the lifetime.
        let _ = self.icmp.try_send_to(&message, sockets::all_nodes(self.index));
    }
}

fn tcp(listener: TcpListener) -> Result<tokio::net::TcpListener, ServiceError> {
    tokio::net::TcpListener::from_std(listener).map_err(ServiceError::socket("register a socket"))
}

/// Marks the endpoint broken when its device goes down or away: sockets bound to it stay deaf then, even if another device
/// of the name comes.
fn watch_device(tasks: &mut JoinSet<()>, device: &PacketSocket, broken: &Arc<AtomicBool>) -> Result<(), ServiceError> {
    let operation = "watch a device";
    // Any socket can be waited for by this type; nothing else of it is used.
    let twin = device
        .as_fd()
        .try_clone_to_owned()
        .map_err(ServiceError::socket(operation))?;
    let watched = UdpSocket::from_std(twin.into()).map_err(ServiceError::socket(operation))?;
    let broken = Arc::clone(broken);
    tasks.spawn(async move {
        // The socket gets no frames, so the first event is the device's end.
        let _ = watched.ready(Interest::READABLE | Interest::ERROR).await;
        broken.store(true, Ordering::Relaxed);
    });
    Ok(())
}
