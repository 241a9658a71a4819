//! What a server is told of itself.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::SubnetConfig;
use crate::address::MacAddress;
use crate::{ImageId, NetworkId, PortId, ProjectId, ServerId, UserId};

/// What a server may learn about itself: the source of the metadata service's trees and the config drive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceMetadata {
    /// The server's UUID; `None` never occurs but in tests.
    pub uuid: Option<ServerId>,
    /// The server's name.
    pub name: String,
    /// Its host name (no domain).
    pub hostname: String,
    /// Its project.
    pub project_id: Option<ProjectId>,
    /// Its user.
    pub user_id: Option<UserId>,
    /// Its availability zone.
    pub availability_zone: String,
    /// The image it was made from, if any.
    pub image_id: Option<ImageId>,
    /// Its flavor's name (EC2's instance type).
    pub instance_type: String,
    /// Index among the servers of one request.
    pub launch_index: u32,
    /// EC2's reservation id (`r-…`).
    pub reservation_id: String,
    /// Public keys: name and OpenSSH line.
    pub public_keys: BTreeMap<String, String>,
    /// Key/value metadata.
    pub meta: BTreeMap<String, String>,
    /// User data, base64 as it was given.
    pub user_data: Option<String>,
    /// Administrator's password, only where the config drive is on.
    pub admin_pass: Option<String>,
    /// The password that its guest left, encrypted for the key pair.
    #[serde(default)]
    pub guest_password: Option<String>,
    /// Files to inject (path, base64 content), below microversion 2.57.
    pub personality: Vec<(String, String)>,
    /// Names of its security groups.
    pub security_groups: Vec<String>,
    /// Its first fixed IPv4 address.
    pub local_ipv4: Option<std::net::Ipv4Addr>,
    /// The floating IP of that address.
    pub public_ipv4: Option<std::net::Ipv4Addr>,
    /// Its NICs, for `network_data.json`.
    pub nics: Vec<MetadataNic>,
    /// 64 hexadecimal bytes made once at creation, given as `random_seed`; base64.
    pub random_seed: String,
}

/// A NIC as `network_data.json` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataNic {
    /// The port.
    pub port_id: PortId,
    /// The network.
    pub network_id: NetworkId,
    /// Its MAC.
    pub mac: MacAddress,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// Its addresses, with their subnet.
    pub addresses: Vec<(IpNet, SubnetConfig)>,
}
