//! What a port is asked to be, and who may ask for what.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::AllowedAddressPair;
use crate::address::MacAddress;
use crate::host::ExtraDhcpOpt;
use crate::network::access::require;
use crate::network::{Network, rbac};
use crate::{Actor, Cloud, HostId, ProjectId, QosPolicyId, Result, SecurityGroupId, SubnetId};

/// An address asked for: by subnet, by address, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FixedIpSpec {
    /// From this subnet.
    pub subnet_id: Option<SubnetId>,
    /// This one.
    pub ip_address: Option<IpAddr>,
}

/// What a port is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PortSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// `false`: no packet passes.
    pub admin_state_up: Option<bool>,
    /// Its MAC; `None`: a random one.
    pub mac_address: Option<MacAddress>,
    /// A random MAC, as said with null: in an update, in place of the one it has (`port-mac-address-regenerate`).
    pub random_mac: bool,
    /// Its addresses; `None`: one of each IP version that the network has. Empty: none.
    pub fixed_ips: Option<Vec<FixedIpSpec>>,
    /// What it is plugged into.
    pub device_id: Option<String>,
    /// What kind of thing that is.
    pub device_owner: Option<String>,
    /// Its groups; `None`: the project's default group.
    pub security_groups: Option<Vec<SecurityGroupId>>,
    /// Further senders it may speak as.
    pub allowed_address_pairs: Option<Vec<AllowedAddressPair>>,
    /// Whether spoofing is stopped and groups hold; `None`: as its network says.
    pub port_security_enabled: Option<bool>,
    /// DHCP options; in an update, those with a value are set and those without removed.
    pub extra_dhcp_opts: Option<Vec<ExtraDhcpOpt>>,
    /// Its name in DNS.
    pub dns_name: Option<String>,
    /// `binding:host_id`; `Some(None)`: nowhere.
    pub host_id: Option<Option<HostId>>,
    /// `binding:vnic_type`.
    pub vnic_type: Option<String>,
    /// `binding:profile`.
    pub binding_profile: Option<serde_json::Map<String, serde_json::Value>>,
    /// Its own QoS policy; `Some(None)`: none.
    pub qos_policy_id: Option<Option<QosPolicyId>>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

impl PortSpec {
    /// Neutron's attribute policies: what only the network's owner, or only an administrator, may set.
    pub(super) fn check_policy(&self, cloud: &Cloud, actor: &Actor, network: &Network, verb: &str) -> Result<()> {
        if actor.is_admin() {
            return Ok(());
        }
        let net_owner = actor.owns(&network.standard.project_id);
        let shared = rbac::is_shared_with(cloud, network, actor.project_id());
        let update = verb == "update";
        let fixed = |by: fn(&FixedIpSpec) -> bool| self.fixed_ips.iter().flatten().any(by);
        let rules = [
            ("mac_address", self.mac_address.is_some() || self.random_mac, {
                net_owner && (!update || actor.has_role("manager"))
            }),
            ("fixed_ips", self.fixed_ips.is_some(), net_owner || (shared && !update)),
            ("fixed_ips:ip_address", fixed(|ip| ip.ip_address.is_some()), net_owner),
            (
                "fixed_ips:subnet_id",
                fixed(|ip| ip.subnet_id.is_some()),
                net_owner || shared,
            ),
            (
                "port_security_enabled",
                self.port_security_enabled
                    .is_some_and(|enabled| update || !enabled || !network.port_security_enabled),
                net_owner,
            ),
            (
                "allowed_address_pairs",
                self.allowed_address_pairs
                    .as_ref()
                    .is_some_and(|pairs| update || !pairs.is_empty()),
                net_owner,
            ),
            ("binding:host_id", self.host_id.is_some(), false),
            ("binding:profile", self.binding_profile.is_some(), false),
        ];
        rules
            .iter()
            .try_for_each(|(name, set, allowed)| require(!set || *allowed, &format!("{verb}_port:{name}")))
    }
}
