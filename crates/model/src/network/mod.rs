//! Neutron's resources. One file each: the row, then the rules that change it.

mod floating_ip;
mod network_row;
mod port;
mod router;
mod security_group;
mod standard;
mod subnet;

pub use floating_ip::FloatingIp;
pub use network_row::Network;
pub use port::{AllowedAddressPair, FixedIp, NamespaceAttachment, Port, device_owner};
pub use router::{GatewayInfo, Router};
pub use security_group::{SecurityGroup, SecurityGroupRule};
pub use standard::{Standard, Status};
pub use subnet::Subnet;
