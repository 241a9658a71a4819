//! The answer to a [`Question`]: where the packets go, everything that is in their way, and the fewest changes that would open
//! it.
//!
//! What is behind the first obstacle is found by mending it on a copy of the cloud, by the very rules that the API's requests go
//! by, and by looking again; so that a fix opens the way is seen before anybody is asked to make it. What no request can mend is
//! taken as overcome.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::cause::{Cause, Code, Owner, ServerState};
use super::fix::Fix;
use super::flow::Flow;
use super::mend;
use super::question::{Lack, Question, Target};
use super::walk::{Assumptions, Obstacle, Walk, Way, walk};
use crate::host::HostConfig;
use crate::network::{Port, router};
use crate::plan::{Planner, Settings};
use crate::{Actor, Cloud, HostId, SeededIds, ServerId, Timestamp, Tx};

/// More than so many causes are not looked for behind one another.
const MOST_BLOCKERS: usize = 12;

/// What is asked, and for whom.
pub struct World<'a> {
    /// The cloud.
    pub cloud: &'a Cloud,
    /// The host.
    pub host: &'a HostId,
    /// What the host must look like.
    pub config: &'a HostConfig,
    /// How that is planned.
    pub settings: &'a Settings,
    /// Who asks.
    pub actor: &'a Actor,
    /// Now.
    pub now: Timestamp,
    /// Whether the host forwards packets between its links.
    pub host_forwards: bool,
}

/// Something in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// The cause's name.
    pub code: Code,
    /// What it is about.
    pub cause: Cause,
    /// Whether the first packet meets it, or its answer.
    pub way: Way,
    /// Who can mend it.
    pub owner: Owner,
    /// What mends it; `None`: no request does.
    pub fix: Option<Fix>,
    /// Whether the way stays shut without this fix when all others are made.
    pub is_needed: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The revision of the host's document that was looked at.
    pub revision: u64,
    /// The packets that were meant; `None`: see the first blocker.
    pub flow: Option<Flow>,
    /// Where they go as things are.
    pub walk: Option<Walk>,
    /// Everything in the way, in the order in which it is met.
    pub blockers: Vec<Blocker>,
    /// Whether the fixes together open the way.
    pub opens: bool,
}

impl Answer {
    /// Whether nothing is in the way.
    pub fn is_reachable(&self) -> bool {
        self.blockers.is_empty() && self.walk.as_ref().is_some_and(Walk::is_answered)
    }
}

/// What was found in the way first.
pub(super) struct Found {
    pub(super) cause: Cause,
    pub(super) way: Way,
    obstacle: Option<Obstacle>,
    pub(super) walk: Option<Walk>,
}

/// A copy of the cloud on which fixes are tried.
#[derive(Clone)]
struct Copy {
    cloud: Cloud,
    config: HostConfig,
    assumptions: Assumptions,
    /// Servers that are taken to run.
    running: BTreeSet<ServerId>,
    /// How many fixes were tried: what each of them makes has ids of its own.
    tried: u64,
}

/// Answers a question.
pub fn ask(world: &World<'_>, question: &Question) -> Answer {
    let flow = question.flow(world.cloud, world.config).ok();
    let start = Copy::of(world, question);
    let mut answer = Answer {
        revision: world.config.revision,
        flow,
        walk: flow.map(|flow| walk(world.config, &flow, &start.assumptions)),
        blockers: Vec::new(),
        opens: false,
    };
    let mut copy = start.clone();
    let mut is_mended = true;
    while let Some(found) = copy.look(question) {
        // By what was mended so far: behind a network that is down, a port may be.
        let code = found.cause.code(&copy.cloud);
        let same = |blocker: &Blocker| (blocker.code, &blocker.cause) == (code, &found.cause);
        let is_known = answer.blockers.iter().any(same);
        if is_known || answer.blockers.len() == MOST_BLOCKERS {
            // What was tried did not help.
            is_mended = false;
            break;
        }
        let (fix, owner) = copy.mend(world, question, &found);
        is_mended &= fix.is_some();
        answer.blockers.push(Blocker {
            code,
            cause: found.cause.clone(),
            way: found.way,
            owner,
            fix: fix.clone(),
            is_needed: fix.is_some(),
        });
        if fix.is_none() && !copy.overcome(&found) {
            is_mended = false;
            break;
        }
    }
    answer.opens = is_mended && !answer.blockers.is_empty();
    if answer.opens {
        spare(world, question, &start, &mut answer.blockers);
    }
    answer
}

/// What is taken for granted when a question is answered.
fn assumptions(world: &World<'_>, question: &Question) -> Assumptions {
    Assumptions {
        host_forwards: world.host_forwards,
        outsiders: outsiders(world.cloud, question),
        ..Assumptions::default()
    }
}

/// The target, if it is on a provider network and not of the cloud's own: an address that the cloud never gives out there is
/// somebody's outside.
fn outsiders(cloud: &Cloud, question: &Question) -> BTreeSet<IpAddr> {
    let Target::Address { address } = question.to else {
        return BTreeSet::new();
    };
    let externals = cloud.networks.iter().filter(|network| network.external);
    let mut subnets = externals
        .flat_map(|network| cloud.subnets_of_network(network.id))
        .filter(|subnet| subnet.cidr.contains(&address))
        .peekable();
    let is_outside = subnets.peek().is_some()
        && subnets.all(|subnet| !subnet.allocation_pools.iter().any(|pool| pool.contains(address)));
    is_outside.then_some(address).into_iter().collect()
}

/// What is in the way first, without a look at what mends it: for lists of many. `None`: nothing is.
pub fn first_cause(world: &World<'_>, question: &Question) -> Option<(Code, Cause)> {
    let view = View {
        cloud: world.cloud,
        config: world.config,
        assumptions: &assumptions(world, question),
        running: &BTreeSet::new(),
    };
    let found = view.look(question)?;
    Some((found.cause.code(world.cloud), found.cause))
}

/// Finds fixes that are not needed when all others are made.
fn spare(world: &World<'_>, question: &Question, start: &Copy, blockers: &mut [Blocker]) {
    for index in 0..blockers.len() {
        let fixes = blockers.iter().enumerate().filter(|(other, _)| *other != index);
        let fixes: Vec<Fix> = fixes
            .filter(|(_, blocker)| blocker.is_needed)
            .filter_map(|(_, blocker)| blocker.fix.clone())
            .collect();
        let mut copy = start.clone();
        let are_made = fixes
            .iter()
            .all(|fix| copy.make(world, &administrator(world.actor), fix));
        if are_made && copy.look(question).is_none() {
            blockers[index].is_needed = false;
        }
    }
}

/// A cloud that is only looked at.
struct View<'a> {
    cloud: &'a Cloud,
    config: &'a HostConfig,
    assumptions: &'a Assumptions,
    running: &'a BTreeSet<ServerId>,
}

impl View<'_> {
    /// What is in the way first.
    fn look(&self, question: &Question) -> Option<Found> {
        let flow = match question.flow(self.cloud, self.config) {
            Ok(flow) => flow,
            Err(lack) => {
                let cause = self.before(lack).unwrap_or(Cause::Lack(lack));
                return Some(Found {
                    cause,
                    way: Way::Request,
                    obstacle: None,
                    walk: None,
                });
            }
        };
        let walked = walk(self.config, &flow, self.assumptions);
        if let Some(blocked) = walked.blocked.clone() {
            return Some(Found {
                cause: Cause::of_obstacle(self.cloud, blocked.obstacle.clone()),
                way: blocked.way,
                obstacle: Some(blocked.obstacle),
                walk: Some(walked),
            });
        }
        self.stopped_server(question).map(|cause| Found {
            cause,
            way: Way::Request,
            obstacle: None,
            walk: Some(walked),
        })
    }

    /// What a floating IP needs before there can be one: a router between the port's subnet and the provider network.
    fn before(&self, lack: Lack) -> Option<Cause> {
        let Lack::FloatingIp { port } = lack else { return None };
        let port = self.cloud.ports.get(&port)?;
        let subnet = port.fixed_ips.iter().find(|fixed| fixed.ip_address.is_ipv4())?;
        let mut legs = router::legs_on_subnet(self.cloud, subnet.subnet_id).peekable();
        let Some((first, _)) = legs.peek().copied() else {
            return Some(Cause::Lack(Lack::Router {
                network: port.network_id,
            }));
        };
        let none_leads_out = !legs.any(|(router, _)| router.gateway.is_some());
        none_leads_out.then(|| {
            Cause::Obstacle(Obstacle::RouterHasNoGateway {
                router: first.id,
                destination: subnet.ip_address,
            })
        })
    }

    /// The server that is asked for, or asks, if it does not run whatever the host is told.
    fn stopped_server(&self, question: &Question) -> Option<Cause> {
        let target = match question.to {
            Target::Server { id } => Some(id),
            _ => question.target_port(self.cloud).and_then(server_of),
        };
        let origin = match question.from {
            super::question::Origin::Server { id } => Some(id),
            super::question::Origin::Port { id } => self.cloud.ports.get(&id).and_then(|port| server_of(port)),
            _ => None,
        };
        let servers = origin.into_iter().chain(target);
        servers
            .into_iter()
            .filter(|id| !self.running.contains(id))
            .find_map(|id| {
                let row = self.cloud.servers.get(&id)?;
                ServerState::of(row.vm_state).map(|state| Cause::Server { server: id, state })
            })
    }
}

impl Copy {
    /// As things are.
    fn of(world: &World<'_>, question: &Question) -> Self {
        Self {
            cloud: world.cloud.clone(),
            config: world.config.clone(),
            assumptions: assumptions(world, question),
            running: BTreeSet::new(),
            tried: 0,
        }
    }

    fn look(&self, question: &Question) -> Option<Found> {
        let view = View {
            cloud: &self.cloud,
            config: &self.config,
            assumptions: &self.assumptions,
            running: &self.running,
        };
        view.look(question)
    }

    /// Makes the first fix that can be made, by whoever asks if possible; says what it was and who may.
    fn mend(&mut self, world: &World<'_>, question: &Question, found: &Found) -> (Option<Fix>, Owner) {
        let candidates = mend::candidates(&self.cloud, world.actor, question, found);
        let may_change = world.actor.is_admin() || world.actor.has_role("member");
        for fix in &candidates {
            let owner = match fix {
                Fix::HostForwarding => Owner::Operator,
                _ => Owner::You,
            };
            if may_change && self.make(world, world.actor, fix) {
                return (Some(fix.clone()), owner);
            }
        }
        let admin = administrator(world.actor);
        let found_fix = candidates.into_iter().find(|fix| self.make(world, &admin, fix));
        let owner = match found_fix {
            Some(Fix::HostForwarding) | None => mend::owner_without_fix(&found.cause),
            Some(_) => Owner::Project,
        };
        (found_fix, owner)
    }

    /// Makes a fix; `false`: the rules don't let it.
    fn make(&mut self, world: &World<'_>, actor: &Actor, fix: &Fix) -> bool {
        self.tried += 1;
        let mut ids = SeededIds::new(world.config.revision.rotate_left(32) ^ self.tried);
        let mut tx = Tx::begin(self.cloud.clone(), world.now, &mut ids);
        if fix.apply(&mut tx, actor).is_err() {
            return false;
        }
        let (cloud, changes) = tx.finish();
        let mut planner = Planner::resume(world.host.clone(), world.settings.clone(), self.config.clone());
        planner.update(&cloud, &changes);
        self.config = planner.config().clone();
        self.cloud = cloud;
        match fix {
            Fix::Power { server, .. } => drop(self.running.insert(*server)),
            Fix::HostForwarding => self.assumptions.host_forwards = true,
            _ => {}
        }
        true
    }

    /// Takes what nothing mends as overcome; `false`: there is no way to go on.
    fn overcome(&mut self, found: &Found) -> bool {
        if let Cause::Server { server, .. } = found.cause {
            self.running.insert(server);
        }
        match &found.obstacle {
            Some(obstacle) => self.assumptions.overcome.insert(obstacle.clone()),
            None => matches!(found.cause, Cause::Server { .. }),
        }
    }
}

/// The server that a port is plugged into.
fn server_of(port: &Port) -> Option<ServerId> {
    port.device_id.parse().ok().filter(|_| !port.is_network_owned())
}

/// Whoever asks, with all rights: to see what a fix would do that they may not make themselves.
fn administrator(actor: &Actor) -> Actor {
    let mut actor = actor.clone();
    actor
        .roles
        .extend(["admin", "manager", "member", "reader"].map(str::to_owned));
    actor
}
