//! Trunks: one server's tap that carries several networks, told apart by VLAN tags.
//!
//! A subport has a veth pair: `tap…` on the bridge of its own network, as every port, where its rules and limits are kept;
//! and `spt-…` in the namespace of the parent's network, beside the parent's tap. Two small programs join them there: one
//! where frames enter the parent's tap takes the tag off and sends each to the `spt-…` that it belongs to; one where frames
//! enter an `spt-…` tags them and sends them to the tap. So a trunk needs neither VLAN devices nor a bridge that knows of
//! VLANs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use linux::bpf::Program;
use linux::netlink::{Link, LinkChange, Veth, VethEnd};
use model::host::{FragmentStatus, PortBinding, SubportConfig, TrunkConfig};
use model::{NetworkId, PortId, TrunkId};

use super::error::{Doing, Error, Result};
use super::names::{is_tap_device, tap_device, trunk_device};
use super::reaper::Reaper;
use super::tenant::Tenant;
use super::{note, same};

/// The networks of a host, where a trunk's ports are.
type Tenants = BTreeMap<NetworkId, Tenant>;

/// The trunks of a host.
#[derive(Debug, Default)]
pub struct Trunks {
    trunks: BTreeMap<TrunkId, Trunk>,
    /// Those that do not stand as a whole, with the reason.
    failed: BTreeMap<TrunkId, String>,
    /// Whether programs of an earlier life, on taps that are no trunk's any more, have been looked for.
    swept: bool,
}

/// A trunk, as last applied.
#[derive(Debug)]
struct Trunk {
    config: Arc<TrunkConfig>,
    /// Index of the parent's tap.
    parent: u32,
    /// Whether a process holds that.
    plugged: bool,
    /// Subports that could not be joined, with the reason.
    failed: BTreeMap<PortId, String>,
}

impl Trunk {
    fn carries(&self, port: PortId) -> bool {
        self.config.subports.values().any(|subport| subport.port_id == port)
    }
}

impl Trunks {
    /// Lets go of parents that have no trunk any more. The subports' devices go with their networks' ports.
    pub fn remove_unwanted(&mut self, want: &OrdMap<TrunkId, Arc<TrunkConfig>>, tenants: &mut Tenants) {
        let gone: Vec<TrunkId> = (self.trunks.keys().chain(self.failed.keys()))
            .filter(|id| !want.contains_key(*id))
            .copied()
            .collect();
        for id in gone {
            self.failed.remove(&id);
            let Some(trunk) = self.trunks.remove(&id) else { continue };
            touch(&trunk.config, tenants);
            // The parent may have another trunk by now, whose program takes this one's place.
            let parent = trunk.config.parent;
            if want.values().any(|other| other.parent == parent) {
                continue;
            }
            if let Err(error) = detach(&trunk.config, tenants) {
                tracing::warn!(trunk.id = %id, error = error.in_full(), "a trunk's tap could not be let go of");
            }
        }
    }

    /// Joins what changed, and what failed before.
    pub fn add_wanted(&mut self, want: &OrdMap<TrunkId, Arc<TrunkConfig>>, tenants: &mut Tenants, reaper: &Reaper) {
        for (id, config) in want {
            let stands = self
                .trunks
                .get(id)
                .is_some_and(|trunk| same(&trunk.config, config) && trunk.failed.is_empty());
            if !stands || self.failed.contains_key(id) {
                self.ensure(config, tenants, reaper, &mut Vec::new());
            }
        }
        if !self.swept {
            self.swept = sweep(want, tenants).is_ok();
        }
    }

    /// Repairs what others did; sentences on what was wrong go into `done`. Looks at a trunk whose parent's tap is another
    /// one, or of whose devices (`loose`: those on bridges) the kernel told anything, and at those that `in_turn` names.
    pub fn audit(
        &mut self,
        want: &OrdMap<TrunkId, Arc<TrunkConfig>>,
        tenants: &mut Tenants,
        (loose, in_turn): (&BTreeSet<PortId>, impl Fn(usize) -> bool),
        reaper: &Reaper,
        done: &mut Vec<String>,
    ) {
        let told: BTreeSet<NetworkId> = tenants
            .iter_mut()
            .filter_map(|(id, tenant)| tenant.take_trunk_news().then_some(*id))
            .collect();
        for (place, (id, config)) in want.iter().enumerate() {
            let is_same_tap = |trunk: &Trunk, tenants: &mut Tenants| {
                let parent = parent_of(config, tenants).map(|link| link.index);
                parent.is_ok_and(|index| index == trunk.parent)
            };
            let stands = match self.trunks.get(id) {
                Some(trunk) => trunk.failed.is_empty() && is_same_tap(trunk, tenants),
                None => false,
            };
            let plugged = is_plugged(config, tenants);
            if let Some(trunk) = self.trunks.get_mut(id).filter(|trunk| trunk.plugged != plugged) {
                trunk.plugged = plugged;
                touch(config, tenants);
            }
            let is_loose = config.subports.values().any(|subport| loose.contains(&subport.port_id));
            if !stands || is_loose || in_turn(place) || told.contains(&config.network_id) {
                self.ensure(config, tenants, reaper, done);
            }
        }
    }

    fn ensure(&mut self, config: &Arc<TrunkConfig>, tenants: &mut Tenants, reaper: &Reaper, done: &mut Vec<String>) {
        let joined = join(config, tenants, reaper, done);
        touch(config, tenants);
        let plugged = is_plugged(config, tenants);
        let result = joined.map(|(parent, failed)| {
            let trunk = Trunk {
                config: Arc::clone(config),
                parent,
                plugged,
                failed,
            };
            self.trunks.insert(config.id, trunk);
        });
        note(&mut self.failed, config.id, result);
    }

    /// How each trunk is: what is wrong with it as a whole, or with its first subport that could not be joined.
    pub fn status<'a>(
        &'a self,
        want: &'a OrdMap<TrunkId, Arc<TrunkConfig>>,
    ) -> impl Iterator<Item = (TrunkId, FragmentStatus)> + 'a {
        want.keys().map(|id| {
            let whole = self.failed.get(id);
            let part = || self.trunks.get(id)?.failed.values().next();
            let why = whole.or_else(part);
            (
                *id,
                why.map_or(FragmentStatus::Ready, |why| FragmentStatus::Failed(why.clone())),
            )
        })
    }

    /// Why a subport is not joined, if it is not.
    pub fn leg(&self, trunk: TrunkId, port: PortId) -> std::result::Result<(), String> {
        let whole = self.failed.get(&trunk).cloned();
        match (whole, self.trunks.get(&trunk)) {
            (Some(why), _) => Err(why),
            (None, None) => Err("its trunk is not on this host, or could not be set up".into()),
            (None, Some(trunk)) => match trunk.failed.get(&port) {
                Some(why) => Err(why.clone()),
                None if trunk.carries(port) => Ok(()),
                None => Err("its trunk does not carry it".into()),
            },
        }
    }

    /// Whether a process holds the tap that a trunk is carried over.
    pub fn is_plugged(&self, trunk: TrunkId) -> bool {
        self.trunks.get(&trunk).is_some_and(|trunk| trunk.plugged)
    }
}

fn is_plugged(config: &TrunkConfig, tenants: &Tenants) -> bool {
    let tenant = tenants.get(&config.network_id);
    tenant.is_some_and(|tenant| tenant.is_plugged(config.parent))
}

/// The subports' reports may have changed.
fn touch(config: &TrunkConfig, tenants: &mut Tenants) {
    for subport in config.subports.values() {
        if let Some(tenant) = tenants.get_mut(&subport.network_id) {
            tenant.touch(subport.port_id);
        }
    }
}

fn network(id: NetworkId, tenants: &mut Tenants) -> Result<&mut Tenant> {
    tenants.get_mut(&id).ok_or(Error::NetworkMissing(id))
}

/// The parent's tap.
fn parent_of(config: &TrunkConfig, tenants: &mut Tenants) -> Result<Link> {
    let tenant = network(config.network_id, tenants)?;
    let link = tenant.space.find_link(&tap_device(config.parent))?;
    link.ok_or(Error::NoTap(config.parent))
}

fn detach(config: &TrunkConfig, tenants: &mut Tenants) -> Result<()> {
    let Ok(parent) = parent_of(config, tenants) else {
        return Ok(());
    };
    let tenant = network(config.network_id, tenants)?;
    let detached = tenant.space.nl.detach(parent.index);
    detached.doing(|| format!("let go of {}", parent.name)).map(drop)
}

/// Takes programs away from taps that are no trunk's: its trunk may have gone while this program did not run.
fn sweep(want: &OrdMap<TrunkId, Arc<TrunkConfig>>, tenants: &mut Tenants) -> Result<()> {
    let parents: BTreeSet<String> = want.values().map(|config| tap_device(config.parent)).collect();
    for tenant in tenants.values_mut() {
        let doing = || format!("look for programs in {}", tenant.space.name);
        for link in tenant.space.nl.links().doing(doing)? {
            let is_tap = is_tap_device(&link.name) && link.kind.as_deref() == Some("tun");
            if is_tap && !parents.contains(&link.name) {
                tenant.space.nl.detach(link.index).doing(doing)?;
            }
        }
    }
    Ok(())
}

/// Makes a trunk what it should be. Returns the index of the parent's tap, and why subports could not be joined.
fn join(
    config: &TrunkConfig,
    tenants: &mut Tenants,
    reaper: &Reaper,
    done: &mut Vec<String>,
) -> Result<(u32, BTreeMap<PortId, String>)> {
    let parent = parent_of(config, tenants)?;
    let mut failed = BTreeMap::new();
    let mut devices = BTreeMap::new();
    for (vlan, subport) in &config.subports {
        match join_subport(config, subport, tenants, reaper, done) {
            Ok(device) => {
                devices.insert(*vlan, device);
            }
            Err(error) => {
                failed.insert(subport.port_id, error.in_full());
            }
        }
    }
    let tenant = network(config.network_id, tenants)?;
    let place = tenant.space.name.clone();
    let doing = || format!("carry trunk {} over {} in {place}", config.id, parent.name);
    let nl = &mut tenant.space.nl;
    for (vlan, device) in &devices {
        if nl.attach(*device, &Program::tag(*vlan, parent.index)).doing(doing)? {
            done.push(format!("VLAN {vlan} of trunk {} led nowhere in {place}", config.id));
        }
    }
    // Last: what has a device by now is reached.
    if nl.attach(parent.index, &Program::untag(&devices)).doing(doing)? {
        done.push(format!("{} in {place} did not carry trunk {}", parent.name, config.id));
    }
    Ok((parent.index, failed))
}

/// Makes a subport's veth pair what it should be. Returns the index of its end beside the parent's tap.
fn join_subport(
    config: &TrunkConfig,
    subport: &SubportConfig,
    tenants: &mut Tenants,
    reaper: &Reaper,
    done: &mut Vec<String>,
) -> Result<u32> {
    let (device, far_device) = (tap_device(subport.port_id), trunk_device(subport.port_id));
    let doing = || format!("join port {} to trunk {}", subport.port_id, config.id);
    reaper.wait_for(&device);
    let parent = network(config.network_id, tenants)?;
    let far_ns = parent.space.ns.clone();
    let far = parent.space.find_link(&far_device)?;

    let tenant = network(subport.network_id, tenants)?;
    let (bridge, mtu) = (tenant.bridge, tenant.config.mtu);
    let port = tenant.config.ports.get(&subport.port_id).cloned();
    let port = port
        .filter(|port| matches!(port.binding, PortBinding::Trunk(id) if id == config.id))
        .ok_or(Error::NoSubport(subport.port_id))?;
    let near = tenant.space.find_link(&device)?;
    let is_pair = |near: &Link, far: &Link| near.peer == Some(far.index) && far.peer == Some(near.index);
    let (near, far) = match (near, far) {
        (Some(near), Some(far)) if is_pair(&near, &far) => (near, Some(far)),
        (near, far) => {
            done.push(format!("{device} was missing in {}, or led nowhere", tenant.space.name));
            for (of, link) in [(subport.network_id, near), (config.network_id, far)] {
                if let Some(link) = link {
                    network(of, tenants)?.space.nl.delete_link(link.index).doing(doing)?;
                }
            }
            let end = |name| VethEnd {
                name,
                ..VethEnd::default()
            };
            let veth = Veth {
                near: end(&device),
                master: Some(bridge),
                far: end(&far_device),
                far_netns: Some(&far_ns),
                mtu: Some(mtu),
            };
            let tenant = network(subport.network_id, tenants)?;
            tenant.space.nl.create_veth(&veth).doing(doing)?;
            tenant.hold(&port)?;
            (tenant.space.nl.link(&device).doing(doing)?, None)
        }
    };
    let tenant = network(subport.network_id, tenants)?;
    if near.master != Some(bridge) || near.mtu != mtu || near.up != port.admin_state_up {
        let change = LinkChange {
            master: Some(bridge),
            mtu: Some(mtu),
            up: Some(port.admin_state_up),
            ..LinkChange::default()
        };
        tenant.space.nl.change_link(near.index, &change).doing(doing)?;
        done.push(format!("{device} in {} was not as it should be", tenant.space.name));
    }
    let parent = network(config.network_id, tenants)?;
    let nl = &mut parent.space.nl;
    let far = match far {
        Some(far) => far,
        None => nl.link(&far_device).doing(doing)?,
    };
    if !far.up || far.mtu != mtu || far.master.is_some() {
        let change = LinkChange {
            master: far.master.map(|_| 0),
            mtu: Some(mtu),
            up: Some(true),
            ..LinkChange::default()
        };
        nl.change_link(far.index, &change).doing(doing)?;
    }
    Ok(far.index)
}
