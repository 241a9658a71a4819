//! What the host really holds, compared with what it is to hold: read back from the kernel, piece by piece.
//!
//! | module | what |
//! |---|---|
//! | `look` | what has been read so far; how findings are noted |
//! | `host` | provider networks: bridges in the host's namespace |
//! | `network`, `port` | self-service networks and the devices of their ports |
//! | `queues` | limits of bandwidth, and the programs of trunks |
//! | `router` | routers: legs, routes, neighbours, NDP proxies |
//! | [`ruleset`] | rules, as nftables lists them |
//! | `services` | sockets of DHCP, DNS, metadata and router advertisements |
//!
//! Nothing here knows what the reconciler last did: it is the second opinion. A change that is being applied just now shows
//! as a difference, so who asks compares with the document that was applied, and asks again.

mod host;
mod look;
mod network;
mod port;
mod queues;
mod router;
pub mod ruleset;
mod services;

use std::collections::BTreeSet;
use std::sync::Arc;

use linux::Netns;
use model::ServerId;
use model::host::{DesiredPower, HostConfig};
use model::reach::{HostObject, Inspection, Scope, State};

use look::Look;
pub(super) use look::{flow_table, name_of};
use ruleset::Scratch;

/// Tells the process id of a server's QEMU, if it runs.
pub type Processes = Arc<dyn Fn(ServerId) -> Option<i32> + Send + Sync>;

/// Compares a host with what it is to hold.
pub struct Inspector {
    host: Netns,
    owner: String,
    scratch: Scratch,
    /// Whether services are to listen.
    is_served: bool,
    processes: Option<Processes>,
}

impl Inspector {
    /// For the cloud `owner`, whose provider networks are in the namespace `host`. Neither services nor servers are looked
    /// for.
    pub fn new(host: Netns, owner: &str) -> Self {
        Self {
            host,
            owner: owner.to_owned(),
            scratch: Scratch::default(),
            is_served: false,
            processes: None,
        }
    }

    /// Looks for the sockets of the services, too.
    #[must_use]
    pub fn with_services(self) -> Self {
        Self {
            is_served: true,
            ..self
        }
    }

    /// Looks for servers, too.
    #[must_use]
    pub fn with_processes(self, processes: Processes) -> Self {
        Self {
            processes: Some(processes),
            ..self
        }
    }

    /// Compares what there is with what `config` says, as far as `scope` reaches. Blocks for some milliseconds a
    /// namespace.
    pub fn inspect(&self, config: &HostConfig, scope: &Scope) -> Inspection {
        let mut look = Look::new(config, scope, &self.host, &self.owner);
        let scope = look.scope.clone();
        let externals = scope.externals.iter().filter_map(|id| config.externals.get(id));
        externals.for_each(|external| host::check(&mut look, external));
        for network in scope.networks.iter().filter_map(|id| config.networks.get(id)) {
            network::check(&mut look, network);
            if self.is_served {
                services::check_network(&mut look, network);
            }
        }
        for router in scope.routers.iter().filter_map(|id| config.routers.get(id)) {
            router::check(&mut look, router);
            if self.is_served {
                services::check_router(&mut look, router);
            }
        }
        ruleset::check(&mut look, &self.scratch);
        self.check_servers(&mut look, &scope.servers);
        look.check_tables();
        Inspection {
            revision: config.revision,
            findings: look.findings,
        }
    }

    fn check_servers(&self, look: &mut Look<'_>, servers: &BTreeSet<ServerId>) {
        let Some(processes) = &self.processes else { return };
        for id in servers {
            let wanted = look.config.servers.get(id);
            let runs = |power: DesiredPower| matches!(power, DesiredPower::On | DesiredPower::Paused);
            if wanted.is_some_and(|server| runs(server.power)) && processes(*id).is_none() {
                look.note(HostObject::Process(*id), State::Missing);
            }
        }
    }
}
