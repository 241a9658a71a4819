//! What mends a cause: a change of the cloud, that is tried by the real rules on a copy before anybody is asked to make it, and
//! written as the request and as the command that make it.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cause::Code;
use super::look::general_fix;
use crate::compute::server::act;
use crate::compute::server::admission::Operation;
use crate::host::{Direction, EtherType};
use crate::network::floating_ip::{self, FloatingIpSpec};
use crate::network::network::{self, NetworkSpec};
use crate::network::port::{self, PortSpec};
use crate::network::router::{self, GatewaySpec, InterfaceSpec, RouterSpec};
use crate::network::security_group::{RuleSpec, create_rule};
use crate::network::{AllowedAddressPair, Port};
use crate::{Actor, Cloud, FloatingIpId, NetworkId, PortId, Result, RouterId, SecurityGroupId, ServerId, SubnetId, Tx};

/// A rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRule {
    /// The group.
    pub group: SecurityGroupId,
    /// Which way.
    pub direction: Direction,
    /// Which IP version.
    pub ethertype: EtherType,
    /// Protocol by name.
    pub protocol: Option<String>,
    /// The port, of TCP and UDP.
    pub port: Option<u16>,
    /// The other end; `None`: anyone.
    pub remote: Option<IpNet>,
}

/// A change that mends something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// A rule that lets it pass.
    AddRule(NewRule),
    /// A floating IP that leads nowhere is made to lead to the port.
    AssociateFloatingIp {
        /// The floating IP.
        floating_ip: FloatingIpId,
        /// The port.
        port: PortId,
    },
    /// A new floating IP that leads to the port.
    CreateFloatingIp {
        /// The provider network.
        network: NetworkId,
        /// The port.
        port: PortId,
    },
    /// A router gets an interface on a subnet.
    AddInterface {
        /// The router.
        router: RouterId,
        /// The subnet.
        subnet: SubnetId,
    },
    /// A new router with a gateway on a provider network and an interface on a subnet.
    CreateRouter {
        /// The provider network; `None`: there is none.
        external: Option<NetworkId>,
        /// The subnet.
        subnet: SubnetId,
    },
    /// A router gets a gateway.
    SetGateway {
        /// The router.
        router: RouterId,
        /// The provider network.
        network: NetworkId,
    },
    /// A port is set up.
    PortUp {
        /// The port.
        port: PortId,
    },
    /// A network is set up.
    NetworkUp {
        /// The network.
        network: NetworkId,
    },
    /// A router is set up.
    RouterUp {
        /// The router.
        router: RouterId,
    },
    /// A port may send from a further address.
    AllowAddress {
        /// The port.
        port: PortId,
        /// The address.
        address: IpAddr,
    },
    /// A server is started, unpaused or resumed.
    Power {
        /// The server.
        server: ServerId,
        /// Which of them.
        start: Start,
    },
    /// The host is told to forward: nothing that the API can do.
    HostForwarding,
}

/// How a server is made to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// It is off.
    Start,
    /// It is paused.
    Unpause,
    /// It is suspended.
    Resume,
}

impl Start {
    fn operation(self) -> Operation {
        match self {
            Self::Start => Operation::Start,
            Self::Unpause => Operation::Unpause,
            Self::Resume => Operation::Resume,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("os-start", "start"),
            Self::Unpause => ("unpause", "unpause"),
            Self::Resume => ("resume", "resume"),
        }
    }
}

/// A request that makes (a part of) a fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// The path, with that of the service.
    pub path: String,
    /// The body.
    pub body: Value,
}

impl Request {
    fn new(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self {
            method,
            path: path.into(),
            body,
        }
    }
}

const NETWORK: &str = "/networking/v2.0";

impl Fix {
    /// Makes the change, by the rules that the API's requests go by.
    ///
    /// # Errors
    /// Those of the rules.
    pub fn apply(&self, tx: &mut Tx<'_>, actor: &Actor) -> Result<()> {
        match self {
            Self::AddRule(rule) => create_rule(tx, actor, rule.spec()).map(drop),
            Self::AssociateFloatingIp { floating_ip, port } => {
                let spec = FloatingIpSpec {
                    port_id: Some(Some(*port)),
                    ..FloatingIpSpec::default()
                };
                floating_ip::update(tx, actor, *floating_ip, spec).map(drop)
            }
            Self::CreateFloatingIp { network, port } => {
                let owner = tx.get::<Port>(port)?.standard.project_id.clone();
                let spec = FloatingIpSpec {
                    project_id: Some(owner),
                    port_id: Some(Some(*port)),
                    ..FloatingIpSpec::default()
                };
                floating_ip::create(tx, actor, *network, spec).map(drop)
            }
            Self::AddInterface { router, subnet } => add_interface(tx, actor, *router, *subnet),
            Self::CreateRouter { external, subnet } => {
                let spec = RouterSpec {
                    gateway: external.map(|network| Some(gateway(network))),
                    ..RouterSpec::default()
                };
                let router = router::create(tx, actor, spec)?;
                add_interface(tx, actor, router.id, *subnet)
            }
            Self::SetGateway { router, network } => {
                let spec = RouterSpec {
                    gateway: Some(Some(gateway(*network))),
                    ..RouterSpec::default()
                };
                router::update(tx, actor, *router, spec).map(drop)
            }
            Self::RouterUp { router } => {
                let spec = RouterSpec {
                    admin_state_up: Some(true),
                    ..RouterSpec::default()
                };
                router::update(tx, actor, *router, spec).map(drop)
            }
            Self::NetworkUp { network } => {
                let spec = NetworkSpec {
                    admin_state_up: Some(true),
                    ..NetworkSpec::default()
                };
                network::update(tx, actor, *network, spec).map(drop)
            }
            Self::PortUp { port } => {
                let spec = PortSpec {
                    admin_state_up: Some(true),
                    ..PortSpec::default()
                };
                port::update(tx, actor, *port, spec).map(drop)
            }
            Self::AllowAddress { port, address } => {
                let mut pairs = tx.get::<Port>(port)?.allowed_address_pairs.clone();
                pairs.push(AllowedAddressPair {
                    ip_address: IpNet::from(*address),
                    mac_address: None,
                });
                let spec = PortSpec {
                    allowed_address_pairs: Some(pairs),
                    ..PortSpec::default()
                };
                port::update(tx, actor, *port, spec).map(drop)
            }
            Self::Power { server, start } => {
                act::power(tx, actor, *server, start.operation(), uuid::Uuid::nil()).map(drop)
            }
            Self::HostForwarding => Ok(()),
        }
    }

    /// The requests that make it, in order; none for what only the host's operator can do. In the second request of a
    /// [`Fix::CreateRouter`], `{router_id}` stands for the id that the first one's answer tells.
    pub fn requests(&self, cloud: &Cloud) -> Vec<Request> {
        let put = |collection: &str, id: String, body: Value| {
            vec![Request::new("PUT", format!("{NETWORK}/{collection}/{id}"), body)]
        };
        match self {
            Self::AddRule(rule) => {
                vec![Request::new(
                    "POST",
                    format!("{NETWORK}/security-group-rules"),
                    rule.body(),
                )]
            }
            Self::AssociateFloatingIp { floating_ip, port } => put(
                "floatingips",
                floating_ip.to_string(),
                json!({"floatingip": {"port_id": port}}),
            ),
            Self::CreateFloatingIp { network, port } => {
                let body = json!({"floatingip": {"floating_network_id": network, "port_id": port}});
                vec![Request::new("POST", format!("{NETWORK}/floatingips"), body)]
            }
            Self::AddInterface { router, subnet } => vec![interface_request(&router.to_string(), *subnet)],
            Self::CreateRouter { external, subnet } => {
                let name = router_name(cloud, *subnet);
                let mut body = json!({"router": {"name": name}});
                if let Some(network) = external {
                    body["router"]["external_gateway_info"] = json!({"network_id": network});
                }
                vec![
                    Request::new("POST", format!("{NETWORK}/routers"), body),
                    interface_request("{router_id}", *subnet),
                ]
            }
            Self::SetGateway { router, network } => put(
                "routers",
                router.to_string(),
                json!({"router": {"external_gateway_info": {"network_id": network}}}),
            ),
            Self::RouterUp { router } => put(
                "routers",
                router.to_string(),
                json!({"router": {"admin_state_up": true}}),
            ),
            Self::NetworkUp { network } => put(
                "networks",
                network.to_string(),
                json!({"network": {"admin_state_up": true}}),
            ),
            Self::PortUp { port } => put("ports", port.to_string(), json!({"port": {"admin_state_up": true}})),
            Self::AllowAddress { port, address } => {
                let row = cloud.ports.get(port);
                let mut pairs: Vec<Value> = row
                    .iter()
                    .flat_map(|row| &row.allowed_address_pairs)
                    .map(|pair| match pair.mac_address {
                        Some(mac) => json!({"ip_address": pair.ip_address, "mac_address": mac}),
                        None => json!({"ip_address": pair.ip_address}),
                    })
                    .collect();
                pairs.push(json!({"ip_address": address}));
                put(
                    "ports",
                    port.to_string(),
                    json!({"port": {"allowed_address_pairs": pairs}}),
                )
            }
            Self::Power { server, start } => {
                let path = format!("/compute/v2.1/servers/{server}/action");
                vec![Request::new("POST", path, json!({start.words().0: null}))]
            }
            Self::HostForwarding => Vec::new(),
        }
    }

    /// The commands that make it. `host_netns`: the network namespace that stands for the host, if not its own.
    pub fn commands(&self, cloud: &Cloud, host_netns: Option<&str>) -> Vec<String> {
        match self {
            Self::AddRule(rule) => vec![rule.command()],
            Self::AssociateFloatingIp { floating_ip, port } => {
                vec![format!("openstack floating ip set --port {port} {floating_ip}")]
            }
            Self::CreateFloatingIp { network, port } => {
                vec![format!("openstack floating ip create --port {port} {network}")]
            }
            Self::AddInterface { router, subnet } => vec![format!("openstack router add subnet {router} {subnet}")],
            Self::CreateRouter { external, subnet } => {
                let name = router_name(cloud, *subnet);
                let gateway = external.map_or_else(String::new, |network| format!(" --external-gateway {network}"));
                vec![
                    format!("openstack router create{gateway} {name}"),
                    format!("openstack router add subnet {name} {subnet}"),
                ]
            }
            Self::SetGateway { router, network } => {
                vec![format!("openstack router set --external-gateway {network} {router}")]
            }
            Self::RouterUp { router } => vec![format!("openstack router set --enable {router}")],
            Self::NetworkUp { network } => vec![format!("openstack network set --enable {network}")],
            Self::PortUp { port } => vec![format!("openstack port set --enable {port}")],
            Self::AllowAddress { port, address } => {
                vec![format!(
                    "openstack port set --allowed-address ip-address={address} {port}"
                )]
            }
            Self::Power { server, start } => vec![format!("openstack server {} {server}", start.words().1)],
            Self::HostForwarding => general_fix(Code::HostForwardOff, host_netns).commands,
        }
    }
}

impl NewRule {
    fn spec(&self) -> RuleSpec {
        RuleSpec {
            protocol: self.protocol.clone(),
            port_range_min: self.port,
            port_range_max: self.port,
            remote_ip_prefix: self.remote,
            ..RuleSpec::new(self.group, self.direction, self.ethertype)
        }
    }

    fn body(&self) -> Value {
        json!({"security_group_rule": {
            "security_group_id": self.group,
            "direction": self.direction,
            "ethertype": self.ethertype,
            "protocol": self.protocol,
            "port_range_min": self.port,
            "port_range_max": self.port,
            "remote_ip_prefix": self.remote,
        }})
    }

    fn command(&self) -> String {
        let mut command = "openstack security group rule create".to_owned();
        if self.direction == Direction::Egress {
            command.push_str(" --egress");
        }
        if self.ethertype == EtherType::IPv6 {
            command.push_str(" --ethertype IPv6");
        }
        if let Some(protocol) = &self.protocol {
            command.push_str(&format!(" --protocol {protocol}"));
        }
        if let Some(port) = self.port {
            command.push_str(&format!(" --dst-port {port}"));
        }
        if let Some(remote) = self.remote {
            command.push_str(&format!(" --remote-ip {remote}"));
        }
        format!("{command} {}", self.group)
    }
}

fn gateway(network_id: NetworkId) -> GatewaySpec {
    GatewaySpec {
        network_id,
        enable_snat: None,
        external_fixed_ips: None,
        qos_policy_id: None,
    }
}

fn add_interface(tx: &mut Tx<'_>, actor: &Actor, router: RouterId, subnet: SubnetId) -> Result<()> {
    let spec = InterfaceSpec {
        subnet_id: Some(subnet),
        port_id: None,
    };
    router::add_interface(tx, actor, router, spec).map(drop)
}

fn interface_request(router: &str, subnet: SubnetId) -> Request {
    let path = format!("{NETWORK}/routers/{router}/add_router_interface");
    Request::new("PUT", path, json!({"subnet_id": subnet}))
}

/// `router-net1`, for the router of a network that has none.
fn router_name(cloud: &Cloud, subnet: SubnetId) -> String {
    let network = cloud
        .subnets
        .get(&subnet)
        .and_then(|subnet| cloud.networks.get(&subnet.network_id));
    let name = network.map_or("", |network| network.standard.name.as_str());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !name.is_empty() && name.chars().all(is_plain) {
        true => format!("router-{name}"),
        false => "router1".to_owned(),
    }
}
