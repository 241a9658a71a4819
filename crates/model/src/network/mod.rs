//! Neutron's resources. One file (or folder) each: the row, then the rules that change it.
//!
//! ```text
//!  network ◄── subnet ◄── address of a port ──► security group ◄── rule
//!     ▲                        ▲     ▲
//!     └── router gateway ──────┘     └── floating IP (its own hidden port holds the outer address)
//! ```
//!
//! Rules are functions over a [`crate::Tx`]: they check who asks ([`access`]), what is asked, and what it would break, and
//! put the changed rows. What they refuse carries Neutron's exception name.

pub mod access;
pub mod address_group;
pub mod address_scope;
pub mod agent;
pub mod auto_allocation;
pub mod floating_ip;
pub mod metering;
pub mod ndp_proxy;
#[allow(clippy::module_inception)] // one resource, one file name: this file is the resource called network
pub mod network;
pub mod port;
pub mod port_forwarding;
pub mod qos;
pub mod quota;
pub mod rbac;
pub mod router;
pub mod security_group;
pub mod segment;
pub mod service_flavor;
pub mod service_profile;
pub mod sharing;
mod standard;
pub mod subnet;
pub mod subnet_pool;
pub mod tag;
pub mod trunk;

#[cfg(test)]
pub(crate) mod tests;

pub use access::Resource;
pub use address_group::AddressGroup;
pub use address_scope::AddressScope;
pub use agent::NetworkAgent;
pub use auto_allocation::AutoAllocatedTopology;
pub use floating_ip::FloatingIp;
pub use metering::{MeteringLabel, MeteringLabelRule};
pub use ndp_proxy::NdpProxy;
pub use network::Network;
pub use port::{AllowedAddressPair, FixedIp, NamespaceAttachment, Port, device_owner};
pub use port_forwarding::PortForwarding;
pub use qos::QosPolicy;
pub use rbac::RbacPolicy;
pub use router::{GatewayInfo, Router};
pub use security_group::{DefaultSecurityGroupRule, SecurityGroup, SecurityGroupRule};
pub use segment::Segment;
pub use service_flavor::ServiceFlavor;
pub use service_profile::ServiceProfile;
pub use standard::{Standard, Status};
pub use subnet::Subnet;
pub use subnet_pool::SubnetPool;
pub use trunk::Trunk;
