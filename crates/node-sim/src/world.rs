//! What a simulated host holds, and how it moves towards what is wanted, one step at a time.
//!
//! Only fragments that differ from the document before are looked at, so a big cloud costs no more than a small one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use model::host::{
    DesiredPower, FragmentStatus, HostConfig, HostFacts, HostReport, NetworkConfig, PortBinding, PortConfig,
    PortReport, Restored, RouterConfig, ServerConfig, ServerDone, ServerPhase, ServerReport, SnapshotReport,
    SnapshotState, TrunkConfig, VolumeReport,
};
use model::{PortId, ServerId, TrunkId};

use crate::disk::Disk;
use crate::whims::Whims;

pub(crate) struct World {
    /// What is wanted.
    wanted: Arc<HostConfig>,
    /// What networks, routers and ports were last judged by.
    judged: Arc<HostConfig>,
    machines: BTreeMap<ServerId, Machine>,
    /// Machines that are not where they should be.
    moving: BTreeSet<ServerId>,
    consoles: BTreeMap<ServerId, String>,
    report: HostReport,
    /// The report says something that was not sent yet.
    news: bool,
}

/// A server here.
struct Machine {
    phase: ServerPhase,
    hard_reboots: u64,
    soft_reboots: u64,
    boots: u64,
    /// What it was last asked to do, to see a new wish after its guest shut itself down.
    asked: DesiredPower,
    /// How far it is with what is ordered of its disks.
    done: ServerDone,
    /// What it has for a root disk.
    disk: Disk,
}

impl World {
    pub(crate) fn new(facts: HostFacts) -> Self {
        Self {
            wanted: Arc::default(),
            judged: Arc::default(),
            machines: BTreeMap::new(),
            moving: BTreeSet::new(),
            consoles: BTreeMap::new(),
            report: HostReport {
                facts: Arc::new(facts),
                ..HostReport::default()
            },
            news: false,
        }
    }

    pub(crate) fn report(&self) -> HostReport {
        self.report.clone()
    }

    pub(crate) fn wanted(&self) -> Arc<HostConfig> {
        self.wanted.clone()
    }

    pub(crate) fn phase(&self, id: ServerId) -> Option<ServerPhase> {
        self.machines.get(&id).map(|machine| machine.phase.clone())
    }

    pub(crate) fn boots(&self, id: ServerId) -> u64 {
        self.machines.get(&id).map_or(0, |machine| machine.boots)
    }

    pub(crate) fn console(&self, id: ServerId) -> Option<&str> {
        self.consoles.get(&id).map(String::as_str)
    }

    pub(crate) fn leave_password(&mut self, id: ServerId, password: &str) {
        self.report.passwords.insert(id, password.to_owned());
        self.news = true;
    }

    pub(crate) fn set_facts(&mut self, change: impl FnOnce(&mut HostFacts)) {
        let mut facts = HostFacts::clone(&self.report.facts);
        change(&mut facts);
        self.report.facts = Arc::new(facts);
        self.news = true;
    }

    pub(crate) fn write_console(&mut self, id: ServerId, text: &str) {
        if self.machines.contains_key(&id) {
            self.consoles.entry(id).or_default().push_str(text);
        }
    }

    pub(crate) fn power_off_guest(&mut self, id: ServerId) -> bool {
        let Some(machine) = self.machines.get_mut(&id) else {
            return false;
        };
        if machine.phase != ServerPhase::Running {
            return false;
        }
        machine.phase = ServerPhase::Off { by_guest: true };
        self.tell_server(id);
        true
    }

    /// Takes a newer document; servers that it adds are listed at once, as queued.
    pub(crate) fn want(&mut self, wanted: Arc<HostConfig>) {
        if wanted.revision == self.wanted.revision && Arc::ptr_eq(&wanted, &self.wanted) {
            return;
        }
        let before = std::mem::replace(&mut self.wanted, wanted.clone());
        for item in before.servers.diff(&wanted.servers) {
            let (DiffItem::Add(id, _) | DiffItem::Remove(id, _) | DiffItem::Update { new: (id, _), .. }) = item;
            self.moving.insert(*id);
            if let DiffItem::Add(id, server) = item
                && !self.machines.contains_key(id)
            {
                self.machines.insert(*id, Machine::queued(server));
                self.tell_server(*id);
            }
        }
        self.report.revision = wanted.revision;
        self.news = true;
    }

    /// Everything is to be judged anew.
    pub(crate) fn look_again(&mut self) {
        self.judged = Arc::default();
        self.moving.extend(self.machines.keys());
        self.news = true;
    }

    /// Moves everything by one step; whether there is anything new to say.
    pub(crate) fn step(&mut self, whims: &Whims) -> bool {
        self.judge_network_side(whims);
        self.judge_volumes(whims);
        for id in std::mem::take(&mut self.moving) {
            if self.move_server(id, whims) {
                self.moving.insert(id);
                self.news = true;
            }
        }
        std::mem::take(&mut self.news)
    }

    /// Moves a server by one phase; whether it moved.
    fn move_server(&mut self, id: ServerId, whims: &Whims) -> bool {
        if whims.holds(id) {
            return false;
        }
        let wanted = self.wanted.servers.get(&id).cloned();
        let Some(machine) = self.machines.get_mut(&id) else {
            return false;
        };
        let before = machine.face();
        match &wanted {
            None if machine.phase == ServerPhase::Removing => {
                self.machines.remove(&id);
                self.consoles.remove(&id);
                self.report.servers.remove(&id);
                return true;
            }
            None => machine.phase = ServerPhase::Removing,
            Some(server) => machine.advance(server, whims),
        }
        let booted = machine.phase == ServerPhase::Running && before.0 == ServerPhase::Changing;
        if booted {
            machine.boots += 1;
        }
        let moved = before != machine.face();
        if let (true, Some(server)) = (booted, &wanted) {
            let text = format!(
                "[    0.000000] Linux version 6.1.0 (simulated)\nBooting {}\n\n{} login: ",
                server.name, server.metadata.hostname
            );
            self.consoles.entry(id).or_default().push_str(&text);
        }
        self.tell_server(id);
        moved
    }

    /// Enters a server and its ports in the report.
    fn tell_server(&mut self, id: ServerId) {
        let Some(machine) = self.machines.get(&id) else { return };
        let nics: Vec<_> = self
            .wanted
            .servers
            .get(&id)
            .map(|server| server.nics.iter().map(|nic| (nic.network_id, nic.port_id)).collect())
            .unwrap_or_default();
        let disks = self
            .wanted
            .servers
            .get(&id)
            .map(|server| server.volumes.clone())
            .unwrap_or_default();
        let held = disks
            .iter()
            .filter(|_| is_plugged(&machine.phase))
            .map(|disk| (disk.id, disk.size_bytes));
        let report = ServerReport {
            phase: machine.phase.clone(),
            hard_reboots: machine.hard_reboots,
            soft_reboots: machine.soft_reboots,
            nics: nics.iter().map(|(_, port)| *port).collect(),
            volumes: held.into_iter().collect(),
            volumes_wanted: disks.iter().map(|disk| disk.id).collect(),
            done: machine.done.clone(),
        };
        if self.report.servers.get(&id).is_none_or(|old| **old != report) {
            self.report.servers.insert(id, Arc::new(report));
            self.news = true;
        }
        let plugged = is_plugged(&machine.phase);
        let wanted = self.wanted.clone();
        let carried = wanted
            .trunks
            .values()
            .filter(|trunk| nics.contains(&(trunk.network_id, trunk.parent)))
            .flat_map(|trunk| trunk.subports.values())
            .map(|subport| (subport.network_id, subport.port_id));
        for (network, port_id) in nics.iter().copied().chain(carried) {
            let Some(port) = wanted.networks.get(&network).and_then(|net| net.ports.get(&port_id)) else {
                continue;
            };
            if !matches!(self.report.ports.get(&port_id), Some(PortReport::Failed(_))) {
                let state = up_if(plugged && port.admin_state_up);
                set(&mut self.report.ports, port_id, state, &mut self.news);
            }
        }
    }

    /// Enters what changed of provider networks, networks, routers, trunks and ports.
    fn judge_network_side(&mut self, whims: &Whims) {
        let wanted = self.wanted.clone();
        let judged = std::mem::replace(&mut self.judged, wanted.clone());
        for item in judged.externals.diff(&wanted.externals) {
            match item {
                DiffItem::Remove(id, _) => remove(&mut self.report.externals, id, &mut self.news),
                DiffItem::Add(id, _) | DiffItem::Update { new: (id, _), .. } => {
                    let state = whims.failing_networks.get(id);
                    set(&mut self.report.externals, *id, status(state), &mut self.news);
                }
            }
        }
        for item in judged.routers.diff(&wanted.routers) {
            let (old, new) = sides(&item);
            let mut ports: BTreeSet<_> = old.into_iter().flat_map(gateway_port).collect();
            if let Some(router) = new {
                let state = whims.failing_routers.get(&router.id);
                set(&mut self.report.routers, router.id, status(state), &mut self.news);
                if let Some(port) = gateway_port(router) {
                    ports.remove(&port);
                    let state = judge_port(whims, port, state.is_none() && router.admin_state_up);
                    set(&mut self.report.ports, port, state, &mut self.news);
                }
            } else if let Some(router) = old {
                remove(&mut self.report.routers, &router.id, &mut self.news);
            }
            for port in ports {
                remove(&mut self.report.ports, &port, &mut self.news);
            }
        }
        for item in judged.networks.diff(&wanted.networks) {
            let (old, new) = sides(&item);
            self.judge_network(old, new, whims);
        }
        for item in judged.trunks.diff(&wanted.trunks) {
            match item {
                DiffItem::Remove(id, _) => remove(&mut self.report.trunks, id, &mut self.news),
                DiffItem::Add(id, _) | DiffItem::Update { new: (id, _), .. } => {
                    let state = whims.failing_trunks.get(id);
                    set(&mut self.report.trunks, *id, status(state), &mut self.news);
                }
            }
        }
    }

    /// Enters every volume and snapshot: here they are made at once.
    fn judge_volumes(&mut self, whims: &Whims) {
        if self.report.volumes_revision == self.wanted.revision {
            return;
        }
        let failed = |message: &String| VolumeReport::Failed {
            message: message.clone(),
            detail: format!("told to fail: {message}"),
        };
        let volumes = self.wanted.volumes.iter().map(|(id, volume)| {
            let ready = VolumeReport::Ready {
                size_bytes: volume.size_bytes,
                restored: volume.restore.as_ref().map(|restore| Restored {
                    order: restore.order,
                    failure: whims.failing_volumes.clone(),
                }),
            };
            (*id, Arc::new(whims.failing_volumes.as_ref().map_or(ready, failed)))
        });
        let snapshots = self.wanted.snapshots.keys().map(|id| {
            let ready = VolumeReport::Ready {
                size_bytes: 0,
                restored: None,
            };
            (*id, Arc::new(whims.failing_volumes.as_ref().map_or(ready, failed)))
        });
        let copies = self.wanted.copies.keys().map(|id| {
            let ready = VolumeReport::Ready {
                size_bytes: 0,
                restored: None,
            };
            (*id, Arc::new(whims.failing_volumes.as_ref().map_or(ready, failed)))
        });
        self.report.copies = copies.collect();
        (self.report.volumes, self.report.snapshots) = (volumes.collect(), snapshots.collect());
        self.report.volumes_revision = self.wanted.revision;
        self.news = true;
    }

    fn judge_network(&mut self, old: Option<&NetworkConfig>, new: Option<&NetworkConfig>, whims: &Whims) {
        let none = OrdMap::new();
        let before = old.map_or(&none, |network| &network.ports);
        let after = new.map_or(&none, |network| &network.ports);
        let fault = new.and_then(|network| whims.failing_networks.get(&network.id));
        match (old, new) {
            (_, Some(network)) => set(&mut self.report.networks, network.id, status(fault), &mut self.news),
            (Some(network), None) => remove(&mut self.report.networks, &network.id, &mut self.news),
            (None, None) => {}
        }
        for item in before.diff(after) {
            match item {
                DiffItem::Remove(id, _) => remove(&mut self.report.ports, id, &mut self.news),
                DiffItem::Add(id, port) | DiffItem::Update { new: (id, port), .. } => {
                    let plugged = fault.is_none() && self.is_port_plugged(port);
                    let refused = match &port.binding {
                        PortBinding::Trunk(trunk) => whims.failing_trunks.get(trunk),
                        _ => None,
                    };
                    let judged = || judge_port(whims, *id, plugged && port.admin_state_up);
                    let state = refused.map_or_else(judged, |text| PortReport::Failed(text.clone()));
                    set(&mut self.report.ports, *id, state, &mut self.news);
                }
            }
        }
        let service = |network: Option<&NetworkConfig>| network.and_then(|n| n.service_port.as_ref()).map(|p| p.id);
        if let Some(id) = service(old)
            && service(new) != Some(id)
        {
            remove(&mut self.report.ports, &id, &mut self.news);
        }
        if let Some(id) = service(new) {
            let state = judge_port(whims, id, fault.is_none());
            set(&mut self.report.ports, id, state, &mut self.news);
        }
    }

    fn is_port_plugged(&self, port: &PortConfig) -> bool {
        match &port.binding {
            PortBinding::Server(id) => self.machines.get(id).is_some_and(|machine| is_plugged(&machine.phase)),
            PortBinding::Trunk(id) => self.parent(id).is_some_and(|parent| self.is_port_plugged(parent)),
            PortBinding::Router(_) | PortBinding::Namespace { .. } => true,
        }
    }

    /// The port that a trunk is made of.
    fn parent(&self, id: &TrunkId) -> Option<&PortConfig> {
        let trunk: &TrunkConfig = self.wanted.trunks.get(id)?;
        let network = self.wanted.networks.get(&trunk.network_id)?;
        let port = network.ports.get(&trunk.parent)?;
        // A parent is never plugged into a trunk itself: nothing goes round in circles.
        matches!(port.binding, PortBinding::Server(_)).then_some(&**port)
    }
}

impl Machine {
    fn queued(server: &ServerConfig) -> Self {
        Self {
            phase: ServerPhase::Queued,
            // What was asked before the server came here is done by its first boot.
            hard_reboots: server.hard_reboots,
            soft_reboots: server.soft_reboots,
            boots: 0,
            asked: server.power,
            done: ServerDone {
                rebuilds: server.orders.rebuilds,
                trial: server.orders.trial,
                reverted: server.orders.reverted,
                snapshot: None,
            },
            disk: Disk::default(),
        }
    }

    /// Does what is ordered of the disks; whether the machine has to be started anew for it. A disk here never changes, so
    /// a copy of it is the image that it was made from.
    fn follow(&mut self, server: &ServerConfig) -> bool {
        let orders = &server.orders;
        let starts_anew = orders.rebuilds > self.done.rebuilds
            || orders.trial > self.done.trial
            || orders.reverted > self.done.reverted;
        if let Some(image) = server.disk.image.as_ref().filter(|_| starts_anew || self.boots == 0) {
            self.disk.stand_on(&image.path);
        }
        let is_at_rest = !starts_anew && self.phase == reached(server.power);
        let copy = orders
            .snapshot
            .as_ref()
            .filter(|_| is_at_rest)
            .map(|order| SnapshotReport {
                image_id: order.image_id,
                state: match &server.disk.image {
                    Some(_) => SnapshotState::Ready { path: self.disk.path() },
                    None => SnapshotState::Failed {
                        message: "The server has no disk of its own.".to_owned(),
                    },
                },
            });
        self.done = ServerDone {
            rebuilds: orders.rebuilds,
            trial: orders.trial,
            reverted: orders.reverted,
            snapshot: copy,
        };
        starts_anew
    }

    /// What others see of it.
    fn face(&self) -> (ServerPhase, u64, u64, ServerDone) {
        (
            self.phase.clone(),
            self.hard_reboots,
            self.soft_reboots,
            self.done.clone(),
        )
    }

    fn advance(&mut self, server: &ServerConfig, whims: &Whims) {
        let is_new = self.boots == 0;
        let fault = whims
            .failing_servers
            .get(&server.id)
            .or(whims.failing_every_server.as_ref().filter(|_| is_new));
        if let Some(message) = fault {
            (self.hard_reboots, self.soft_reboots) = (server.hard_reboots, server.soft_reboots);
            self.phase = ServerPhase::Failed {
                message: message.clone(),
                detail: format!("told to fail: {message}"),
            };
            return;
        }
        let asked_anew = std::mem::replace(&mut self.asked, server.power) != server.power;
        let rebooted = self.follow(server) | (self.hard_reboots != server.hard_reboots);
        self.hard_reboots = server.hard_reboots;
        let soft_rebooted = self.soft_reboots != server.soft_reboots;
        self.soft_reboots = server.soft_reboots;
        self.phase = match (&self.phase, server.power) {
            (ServerPhase::Queued | ServerPhase::Failed { .. }, _) if is_new => {
                ServerPhase::PreparingDisk { percent: 50 }
            }
            (ServerPhase::PreparingDisk { percent: 50 }, _) => ServerPhase::PreparingDisk { percent: 100 },
            (ServerPhase::PreparingDisk { .. }, _) => ServerPhase::Changing,
            (_, DesiredPower::On) if rebooted => ServerPhase::Changing,
            (ServerPhase::Running, DesiredPower::On) if soft_rebooted => ServerPhase::Changing,
            (ServerPhase::Off { by_guest: true }, DesiredPower::On) if !asked_anew => return,
            (ServerPhase::Changing, power) => reached(power),
            (phase, power) if *phase == reached(power) => return,
            (ServerPhase::Off { by_guest: true }, DesiredPower::Off) => reached(DesiredPower::Off),
            // Paused to running and back takes no boot.
            (ServerPhase::Paused, DesiredPower::On) => ServerPhase::Running,
            (ServerPhase::Suspended, DesiredPower::On) => ServerPhase::Running,
            (ServerPhase::Running, DesiredPower::Paused) => ServerPhase::Paused,
            _ => ServerPhase::Changing,
        };
    }
}

/// The phase that a wish ends in.
fn reached(power: DesiredPower) -> ServerPhase {
    match power {
        DesiredPower::On => ServerPhase::Running,
        DesiredPower::Off => ServerPhase::Off { by_guest: false },
        DesiredPower::Paused => ServerPhase::Paused,
        DesiredPower::Suspended => ServerPhase::Suspended,
    }
}

fn is_plugged(phase: &ServerPhase) -> bool {
    matches!(phase, ServerPhase::Running | ServerPhase::Paused)
}

fn up_if(up: bool) -> PortReport {
    if up { PortReport::Up } else { PortReport::Down }
}

fn judge_port(whims: &Whims, id: PortId, up: bool) -> PortReport {
    whims
        .failing_ports
        .get(&id)
        .map_or_else(|| up_if(up), |text| PortReport::Failed(text.clone()))
}

fn status(fault: Option<&String>) -> FragmentStatus {
    fault.map_or(FragmentStatus::Ready, |text| FragmentStatus::Failed(text.clone()))
}

fn gateway_port(router: &RouterConfig) -> Option<PortId> {
    router.gateway.as_ref().map(|gateway| gateway.port_id)
}

/// The fragment before and after.
fn sides<'a, K, V>(item: &DiffItem<'a, 'a, K, Arc<V>>) -> (Option<&'a V>, Option<&'a V>) {
    match item {
        DiffItem::Add(_, new) => (None, Some(new)),
        DiffItem::Remove(_, old) => (Some(old), None),
        DiffItem::Update { old, new } => (Some(old.1), Some(new.1)),
    }
}

fn set<K: Ord + Clone, V: PartialEq + Clone>(map: &mut OrdMap<K, V>, key: K, value: V, news: &mut bool) {
    if map.get(&key) != Some(&value) {
        map.insert(key, value);
        *news = true;
    }
}

fn remove<K: Ord + Clone, V: Clone>(map: &mut OrdMap<K, V>, key: &K, news: &mut bool) {
    *news |= map.remove(key).is_some();
}
