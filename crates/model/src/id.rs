//! Typed ids: a port's id can't be used where a network's is wanted.
//!
//! Nova's, Neutron's and Glance's ids are UUIDs with dashes; Keystone's are 32 hexadecimal digits or a chosen word
//! (`default`), and a flavor's may be any short text, so those are strings.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not an id of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a valid id")]
pub struct InvalidId(pub String);

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The first 11 characters of the id: what Neutron puts behind `tap`, `qr-` and `qg-` in a device name.
            pub fn short(&self) -> String {
                self.to_string()[..11].to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.hyphenated().fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.0) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(s: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(s).map(Self).map_err(|_| InvalidId(s.to_owned()))
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
    )*};
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.0) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(s: &str) -> Result<Self, InvalidId> { Ok(Self(s.into())) }
        }
        impl From<&str> for $name {
            fn from(s: &str) -> Self { Self(s.into()) }
        }
        impl From<String> for $name {
            fn from(s: String) -> Self { Self(s.into()) }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id.simple().to_string().into()) }
        }
    )*};
}

uuid_ids! {
    /// A Neutron network.
    NetworkId;
    /// A Neutron subnet.
    SubnetId;
    /// A Neutron subnet pool.
    SubnetPoolId;
    /// A Neutron address scope.
    AddressScopeId;
    /// A Neutron address group.
    AddressGroupId;
    /// A Neutron QoS policy.
    QosPolicyId;
    /// A rule of a Neutron QoS policy.
    QosRuleId;
    /// A Neutron metering label.
    MeteringLabelId;
    /// A rule of a metering label.
    MeteringLabelRuleId;
    /// A Neutron RBAC policy.
    RbacPolicyId;
    /// A Neutron port.
    PortId;
    /// A Neutron port forwarding of a floating IP.
    PortForwardingId;
    /// A Neutron router.
    RouterId;
    /// A Neutron agent.
    NetworkAgentId;
    /// A segment of a Neutron network.
    SegmentId;
    /// A Neutron trunk.
    TrunkId;
    /// A Neutron NDP proxy: an address that a router answers for.
    NdpProxyId;
    /// A Neutron floating IP.
    FloatingIpId;
    /// A Neutron security group.
    SecurityGroupId;
    /// A rule of a security group.
    SecurityGroupRuleId;
    /// A rule that new security groups begin with.
    DefaultSecurityGroupRuleId;
    /// A Neutron flavor of services.
    ServiceFlavorId;
    /// A Neutron service profile.
    ServiceProfileId;
    /// A Nova server (instance).
    ServerId;
    /// An entry of a server's action log.
    ActionId;
    /// A Nova server group.
    ServerGroupId;
    /// A Glance image.
    ImageId;
    /// A Cinder volume.
    VolumeId;
    /// A Cinder snapshot of a volume.
    VolumeSnapshotId;
    /// A Cinder volume type.
    VolumeTypeId;
    /// A volume's attachment to a server.
    AttachmentId;
    /// An offer of a volume to another project.
    VolumeTransferId;
    /// Cinder's QoS specs.
    QosSpecsId;
    /// A Cinder backup of a volume.
    BackupId;
    /// A type of Cinder's groups of volumes.
    GroupTypeId;
    /// A Cinder group of volumes.
    VolumeGroupId;
    /// A snapshot of a group of volumes.
    GroupSnapshotId;
    /// A watched path.
    ReachWatchId;
    /// A watched path's transition.
    ReachTransitionId;
}

text_ids! {
    /// A Keystone domain; the first one is called `default`.
    DomainId;
    /// A Keystone project.
    ProjectId;
    /// A Keystone user.
    UserId;
    /// A Keystone role.
    RoleId;
    /// A Keystone group of users.
    GroupId;
    /// A Nova flavor: the id users type (`1`, `42`, `d1`, a UUID …).
    FlavorId;
    /// One of Cinder's services on a host (`binary@host`).
    VolumeServiceId;
    /// One host of the cloud, by name.
    HostId;
}
