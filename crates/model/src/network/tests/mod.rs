//! The rules by cases, and whatever is done in whatever order by property.

mod address_rules;
mod auto_allocation_rules;
mod default_rules;
mod floating_ip_rules;
mod group_rules;
mod metering_rules;
mod ndp_proxy_rules;
mod network_rules;
mod port_forwarding_rules;
mod port_rules;
mod property;
mod qos_rules;
mod rbac_rules;
mod router_rules;
mod segment_rules;
mod service_flavor_rules;
mod sharing_rules;
mod subnet_pool_rules;
mod subnet_rules;
mod trunk_rules;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::network::NetworkSpec;
use super::port::PortSpec;
use super::router::{GatewaySpec, InterfaceSpec, RouterSpec};
use super::subnet::SubnetSpec;
use super::{Network, Port, Router, Subnet, network, port, router, subnet};
use crate::{Actor, Cloud, NetworkId, ProjectId, Result, Scope, SeededIds, SubnetId, Timestamp, Tx};

/// A cloud, and transactions over it that leave no trace when their rule fails.
pub(crate) struct World {
    pub cloud: Cloud,
    ids: SeededIds,
}

impl World {
    pub fn new() -> Self {
        Self {
            cloud: Cloud::default(),
            ids: SeededIds::new(7),
        }
    }

    pub fn run<T>(&mut self, rule: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut tx = Tx::begin(self.cloud.clone(), Timestamp::EPOCH, &mut self.ids);
        let out = rule(&mut tx)?;
        self.cloud = tx.finish().0;
        Ok(out)
    }

    /// What a rule fails with.
    #[track_caller]
    pub fn fails<T: std::fmt::Debug>(&mut self, rule: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> &'static str {
        self.run(rule).unwrap_err().code
    }

    pub fn network(&mut self, actor: &Actor, spec: NetworkSpec) -> Arc<Network> {
        self.run(|tx| network::create(tx, actor, spec)).unwrap()
    }

    pub fn subnet(&mut self, actor: &Actor, network: NetworkId, cidr: &str) -> Arc<Subnet> {
        self.run(|tx| subnet::create(tx, actor, network, of(cidr))).unwrap()
    }

    pub fn port(&mut self, actor: &Actor, network: NetworkId, spec: PortSpec) -> Arc<Port> {
        self.run(|tx| port::create(tx, actor, network, spec)).unwrap()
    }

    /// A self-service network of `demo` with one subnet.
    pub fn private(&mut self, cidr: &str) -> (NetworkId, SubnetId) {
        let demo = member("demo");
        let network = self.network(&demo, NetworkSpec::default());
        (network.id, self.subnet(&demo, network.id, cidr).id)
    }

    /// A provider network with one subnet.
    pub fn public(&mut self, cidr: &str) -> (NetworkId, SubnetId) {
        let admin = admin();
        let spec = NetworkSpec {
            external: Some(true),
            ..NetworkSpec::default()
        };
        let network = self.network(&admin, spec);
        let spec = SubnetSpec {
            enable_dhcp: Some(false),
            ..of(cidr)
        };
        let subnet = self.run(|tx| subnet::create(tx, &admin, network.id, spec)).unwrap();
        (network.id, subnet.id)
    }

    /// A router of `demo` with a gateway and a leg.
    pub fn router(&mut self, external: NetworkId, subnet: SubnetId) -> Arc<Router> {
        let demo = member("demo");
        let spec = RouterSpec {
            gateway: Some(Some(gateway(external))),
            ..RouterSpec::default()
        };
        let router = self.run(|tx| router::create(tx, &demo, spec)).unwrap();
        self.run(|tx| router::add_interface(tx, &demo, router.id, by_subnet(subnet)))
            .unwrap();
        router
    }
}

pub(crate) fn of(cidr: &str) -> SubnetSpec {
    SubnetSpec {
        cidr: Some(cidr.parse().unwrap()),
        ..SubnetSpec::default()
    }
}

pub(crate) fn gateway(network_id: NetworkId) -> GatewaySpec {
    GatewaySpec {
        network_id,
        enable_snat: None,
        qos_policy_id: None,
        external_fixed_ips: None,
    }
}

pub(crate) fn by_subnet(subnet_id: SubnetId) -> InterfaceSpec {
    InterfaceSpec {
        subnet_id: Some(subnet_id),
        port_id: None,
    }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn actor(project: &str, roles: &[&str]) -> Actor {
    Actor {
        user_id: "user".into(),
        user_domain_id: "default".into(),
        scope: Scope::Project {
            id: ProjectId::from(project),
            domain_id: "default".into(),
        },
        roles: roles.iter().map(|role| (*role).to_owned()).collect::<BTreeSet<_>>(),
    }
}

/// The administrator, in project `admin`.
pub(crate) fn admin() -> Actor {
    actor("admin", &["admin", "manager", "member", "reader"])
}

/// A project's manager.
pub(crate) fn manager(project: &str) -> Actor {
    actor(project, &["manager", "member", "reader"])
}

/// A member of a project.
pub(crate) fn member(project: &str) -> Actor {
    actor(project, &["member", "reader"])
}
