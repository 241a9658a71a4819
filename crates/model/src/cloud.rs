//! The whole cloud in memory: typed tables of rows, and the look-ups that requests need.
//!
//! A `Cloud` is a value: cloning it costs nothing (tables share their structure), so a reader keeps a consistent snapshot
//! while the writer makes the next one. Look-ups are kept by the rows themselves ([`Row::index`]) each time one is put
//! or removed, so they can't drift from the tables.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::MacAddress;
use crate::compute::{
    Aggregate, DeletedServer, Flavor, HostService, Keypair, Migration, Server, ServerAction, ServerGroup,
};
use crate::identity::{
    AccessRule, ApplicationCredential, Assignment, AssignmentTarget, CatalogService, Consumer, Credential, Domain,
    DomainConfig, Endpoint, EndpointAssociation, EndpointGroup, Group, GroupMembership, Holder, JoinedKey, Limit,
    PolicyDocument, Project, Region, RegisteredLimit, Revocation, Role, RoleImplication, TokenKey, Trust, User,
};
use crate::image::{Image, MetadefNamespace};
use crate::network::qos::{BandwidthLimitRule, DscpMarkingRule, PacketRateLimitRule};
use crate::network::{
    AddressGroup, AddressScope, AutoAllocatedTopology, DefaultSecurityGroupRule, FloatingIp, MeteringLabel,
    MeteringLabelRule, NdpProxy, Network, NetworkAgent, Port, PortForwarding, QosPolicy, RbacPolicy, Router,
    SecurityGroup, SecurityGroupRule, Segment, ServiceFlavor, ServiceProfile, Subnet, SubnetPool, Trunk,
};
use crate::placement::{CustomClass, CustomTrait, ResourceConsumer, ResourceProvider};
use crate::quota::Quota;
use crate::reach::watch::{ReachTransition, ReachWatch};
use crate::volume::{
    GroupSnapshot, GroupType, QosSpecs, Volume, VolumeAttachment, VolumeBackup, VolumeGroup, VolumeService,
    VolumeSnapshot, VolumeTransfer, VolumeType,
};
use crate::{
    AddressGroupId, AttachmentId, BackupId, DomainId, Error, FloatingIpId, GroupId, GroupSnapshotId, ImageId,
    MeteringLabelId, MeteringLabelRuleId, NdpProxyId, NetworkId, PortForwardingId, PortId, ProjectId, QosPolicyId,
    QosRuleId, RbacPolicyId, ReachTransitionId, ReachWatchId, Result, RoleId, RouterId, SecurityGroupId,
    SecurityGroupRuleId, SegmentId, ServerId, SubnetId, SubnetPoolId, TrunkId, UserId, VolumeGroupId, VolumeId,
    VolumeSnapshotId, VolumeTransferId,
};

/// A row of a table: a resource as it is kept.
pub trait Row: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The type of its id.
    type Id: Clone + Ord + fmt::Display + FromStr + Send + Sync + 'static;

    /// The table's name in the store; never changes once released.
    const KIND: &'static str;

    /// Its id.
    fn id(&self) -> Self::Id;

    /// The service's own "not found" for this kind.
    fn not_found(id: &Self::Id) -> Error;

    /// The project it counts against, for quotas and lists.
    fn project(&self) -> Option<&ProjectId> {
        None
    }

    /// Enters (`present`) or leaves the look-ups.
    fn index(&self, _lookups: &mut Lookups, _present: bool) {}

    /// Its table.
    fn table(cloud: &Cloud) -> &Table<Self>;
    /// Its table, to change.
    fn table_mut(cloud: &mut Cloud) -> &mut Table<Self>;
    /// As a row of any kind.
    fn into_any(row: Arc<Self>) -> AnyRow;
}

/// Rows of one kind by id.
#[derive(Clone)]
pub struct Table<R: Row>(OrdMap<R::Id, Arc<R>>);

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self(OrdMap::new())
    }
}

impl<R: Row> Table<R> {
    /// The row with this id.
    pub fn get(&self, id: &R::Id) -> Option<&Arc<R>> {
        self.0.get(id)
    }

    /// Whether there is one.
    pub fn contains(&self, id: &R::Id) -> bool {
        self.0.contains_key(id)
    }

    /// All rows in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<R>> + '_ {
        self.0.iter().map(|(_, row)| row)
    }

    /// The rows whose id is this one or a later one, in the order of their ids.
    pub fn starting_at(&self, first: R::Id) -> impl Iterator<Item = &Arc<R>> + use<'_, R> {
        self.0.range(first..).map(|(_, row)| row)
    }

    /// The greatest id.
    pub fn last_id(&self) -> Option<&R::Id> {
        self.0.get_max().map(|(id, _)| id)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// From a key to the ids of rows that have it.
#[derive(Clone)]
pub struct Lookup<K: Ord + Clone, V: Ord + Clone>(OrdMap<K, OrdSet<V>>);

impl<K: Ord + Clone, V: Ord + Clone> Default for Lookup<K, V> {
    fn default() -> Self {
        Self(OrdMap::new())
    }
}

impl<K: Ord + Clone, V: Ord + Clone> Lookup<K, V> {
    /// Adds or removes a pair.
    pub fn set(&mut self, key: K, value: V, present: bool) {
        let mut values = self.0.get(&key).cloned().unwrap_or_default();
        if present {
            values.insert(value);
        } else {
            values.remove(&value);
        }
        if values.is_empty() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, values);
        }
    }

    /// The ids under this key, in order.
    pub fn of<'a>(&'a self, key: &K) -> impl Iterator<Item = &'a V> + use<'a, K, V> {
        self.0.get(key).into_iter().flat_map(|values| values.iter())
    }

    /// The first id under this key.
    pub fn first(&self, key: &K) -> Option<&V> {
        self.0.get(key).and_then(|values| values.get_min())
    }

    /// How many ids are under this key.
    pub fn count(&self, key: &K) -> usize {
        self.0.get(key).map_or(0, OrdSet::len)
    }
}

/// The look-ups: every question that would otherwise need a walk through a table.
#[derive(Clone, Default)]
pub struct Lookups {
    /// Number of rows of a kind in a project, for quotas.
    pub counts: OrdMap<(&'static str, ProjectId), u64>,
    /// Grows with every change of Keystone's rows: what was worked out from them is good while it stays the same.
    pub identity_generation: u64,
    /// Domains by lower-case name.
    pub domains_by_name: Lookup<String, DomainId>,
    /// Roles by domain (of a domain's own role) and lower-case name.
    pub roles_by_name: Lookup<(Option<DomainId>, String), RoleId>,
    /// The roles that a role brings.
    pub implied_roles: Lookup<RoleId, RoleId>,
    /// The roles that bring a role.
    pub prior_roles: Lookup<RoleId, RoleId>,
    /// Groups of users by domain and lower-case name.
    pub groups_by_name: Lookup<(DomainId, String), GroupId>,
    /// The groups a user is in.
    pub groups_by_user: Lookup<UserId, GroupId>,
    /// The users in a group.
    pub users_by_group: Lookup<GroupId, UserId>,
    /// Role assignments of a user or group.
    pub assignments_by_holder: Lookup<Holder, JoinedKey>,
    /// Role assignments made in a project, a domain or the system.
    pub assignments_by_target: Lookup<AssignmentTarget, JoinedKey>,
    /// Assignments of a role.
    pub assignments_by_role: Lookup<RoleId, JoinedKey>,
    /// Application credentials of a user.
    pub application_credentials_by_user: Lookup<UserId, String>,
    /// Application credentials that act in a project.
    pub application_credentials_by_project: Lookup<ProjectId, String>,
    /// Access rules of a user.
    pub access_rules_by_user: Lookup<UserId, String>,
    /// Credentials of a user.
    pub credentials_by_user: Lookup<UserId, String>,
    /// Trusts that a user gave or was given.
    pub trusts_by_user: Lookup<UserId, String>,
    /// Revocations in the order in which they can be forgotten.
    pub revocations_by_end: Lookup<(), (crate::Timestamp, String)>,
    /// Users by domain and lower-case name.
    pub users_by_name: Lookup<(DomainId, String), UserId>,
    /// Projects by domain and lower-case name.
    pub projects_by_name: Lookup<(DomainId, String), ProjectId>,
    /// The network with a VXLAN id.
    pub networks_by_segment: Lookup<u32, NetworkId>,
    /// Segments of a network.
    pub segments_by_network: Lookup<NetworkId, SegmentId>,
    /// The segment with a VXLAN id.
    pub segments_by_vxlan_id: Lookup<u32, SegmentId>,
    /// DHCP ports that do not do what they should yet, as far as the host told.
    pub pending_dhcp_ports: OrdSet<PortId>,
    /// The flat network on a provider bridge.
    pub networks_by_physical: Lookup<String, NetworkId>,
    /// Provider networks.
    pub external_networks: Lookup<(), NetworkId>,
    /// Subnets of a network.
    pub subnets_by_network: Lookup<NetworkId, SubnetId>,
    /// Subnets whose prefix is from a pool.
    pub subnets_by_pool: Lookup<SubnetPoolId, SubnetId>,
    /// Networks with a QoS policy.
    pub networks_by_qos: Lookup<QosPolicyId, NetworkId>,
    /// Ports with a QoS policy of their own.
    pub ports_by_qos: Lookup<QosPolicyId, PortId>,
    /// Floating IPs with a QoS policy.
    pub floating_ips_by_qos: Lookup<QosPolicyId, FloatingIpId>,
    /// Routers whose gateway has a QoS policy.
    pub routers_by_qos: Lookup<QosPolicyId, RouterId>,
    /// Bandwidth limits of a QoS policy.
    pub qos_bandwidth_limits_by_policy: Lookup<QosPolicyId, QosRuleId>,
    /// DSCP marks of a QoS policy.
    pub qos_dscp_markings_by_policy: Lookup<QosPolicyId, QosRuleId>,
    /// Packet limits of a QoS policy.
    pub qos_packet_rate_limits_by_policy: Lookup<QosPolicyId, QosRuleId>,
    /// Metering labels that count on the routers of a project; those under `None` count on all routers.
    pub metering_labels_by_reach: Lookup<Option<ProjectId>, MeteringLabelId>,
    /// Rules of a metering label.
    pub metering_rules_by_label: Lookup<MeteringLabelId, MeteringLabelRuleId>,
    /// RBAC policies of an object.
    pub policies_by_object: Lookup<uuid::Uuid, RbacPolicyId>,
    /// Ports of a network.
    pub ports_by_network: Lookup<NetworkId, PortId>,
    /// Ports by `device_id`.
    pub ports_by_device: Lookup<String, PortId>,
    /// Ports that are members of a group.
    pub ports_by_group: Lookup<SecurityGroupId, PortId>,
    /// The port with a MAC on a network.
    pub ports_by_mac: Lookup<(NetworkId, MacAddress), PortId>,
    /// Addresses of a subnet in use, in order, and by which port.
    pub addresses: OrdMap<(SubnetId, IpAddr), PortId>,
    /// Rules of a group.
    pub rules_by_group: Lookup<SecurityGroupId, SecurityGroupRuleId>,
    /// Rules that name a group as remote.
    pub rules_by_remote_group: Lookup<SecurityGroupId, SecurityGroupRuleId>,
    /// Rules that name an address group as remote.
    pub rules_by_address_group: Lookup<AddressGroupId, SecurityGroupRuleId>,
    /// Groups of a project.
    pub groups_by_project: Lookup<ProjectId, SecurityGroupId>,
    /// Floating IPs leading to a port.
    pub floating_ips_by_port: Lookup<PortId, FloatingIpId>,
    /// Floating IPs through a router.
    pub floating_ips_by_router: Lookup<RouterId, FloatingIpId>,
    /// Port forwardings of a floating IP.
    pub forwardings_by_floating_ip: Lookup<FloatingIpId, PortForwardingId>,
    /// Port forwardings leading to a port.
    pub forwardings_by_port: Lookup<PortId, PortForwardingId>,
    /// NDP proxies of a router.
    pub ndp_proxies_by_router: Lookup<RouterId, NdpProxyId>,
    /// NDP proxies of a port's addresses.
    pub ndp_proxies_by_port: Lookup<PortId, NdpProxyId>,
    /// The trunk that a port is the parent of.
    pub trunks_by_parent: Lookup<PortId, TrunkId>,
    /// The trunk that a port is a subport of.
    pub trunks_by_subport: Lookup<PortId, TrunkId>,
    /// Trunks whose host has to answer to what they should be.
    pub pending_trunks: OrdSet<TrunkId>,
    /// Floating IPs of a provider network.
    pub floating_ips_by_network: Lookup<NetworkId, FloatingIpId>,
    /// Servers that are gone, in the order in which they went.
    pub deleted_servers_by_end: Lookup<(), (crate::Timestamp, ServerId)>,
    /// The same, of a project.
    pub deleted_servers_by_project: Lookup<ProjectId, (crate::Timestamp, ServerId)>,
    /// Servers of a project.
    pub servers_by_project: Lookup<ProjectId, ServerId>,
    /// Servers on a host with a task that its report will end.
    pub busy_servers: OrdSet<ServerId>,
    /// Servers of which a copy is ordered, or whose image goes once they run.
    pub snapshotting: OrdSet<ServerId>,
    /// Floating IPs with a router that are not reported as working yet.
    pub pending_floating_ips: OrdSet<FloatingIpId>,
    /// The action log of a server, oldest first (by start, then id).
    pub actions_by_server: Lookup<ServerId, (crate::Timestamp, crate::ActionId)>,
    /// Volumes of a project.
    pub volumes_by_project: Lookup<ProjectId, VolumeId>,
    /// Volumes that wait for their host.
    pub busy_volumes: OrdSet<VolumeId>,
    /// Snapshots of a project.
    pub snapshots_by_project: Lookup<ProjectId, VolumeSnapshotId>,
    /// Snapshots of a volume.
    pub snapshots_by_volume: Lookup<VolumeId, VolumeSnapshotId>,
    /// Snapshots that wait for their host.
    pub busy_snapshots: OrdSet<VolumeSnapshotId>,
    /// Attachments of a volume.
    pub attachments_by_volume: Lookup<VolumeId, AttachmentId>,
    /// Attachments to a server.
    pub attachments_by_server: Lookup<ServerId, AttachmentId>,
    /// Attachments that their server's host has to make or end.
    pub busy_attachments: OrdSet<AttachmentId>,
    /// Backups of a volume.
    pub backups_by_volume: Lookup<VolumeId, BackupId>,
    /// Backups of a project.
    pub backups_by_project: Lookup<ProjectId, BackupId>,
    /// Backups that share their data, by its name.
    pub backups_by_data: Lookup<BackupId, BackupId>,
    /// Backups that wait for their host.
    pub busy_backups: OrdSet<BackupId>,
    /// Volumes that are being copied into an image, by the image.
    pub volumes_by_upload: Lookup<ImageId, VolumeId>,
    /// Volumes of a group.
    pub volumes_by_group: Lookup<VolumeGroupId, VolumeId>,
    /// Snapshots of a group.
    pub group_snapshots_by_group: Lookup<VolumeGroupId, GroupSnapshotId>,
    /// Volumes' snapshots that belong to a group's.
    pub snapshots_by_group_snapshot: Lookup<GroupSnapshotId, VolumeSnapshotId>,
    /// Open offers of a volume.
    pub transfers_by_volume: Lookup<VolumeId, VolumeTransferId>,
    /// Resizes of a server.
    pub migrations_by_server: Lookup<ServerId, u64>,
    /// Paths that a project watches.
    pub reach_watches_by_project: Lookup<ProjectId, ReachWatchId>,
    /// A watched path's transitions in their order.
    pub reach_transitions_by_watch: Lookup<ReachWatchId, (u64, ReachTransitionId)>,
    /// Transitions that the operator's webhook has still to be told of, the oldest first.
    pub undelivered_transitions: OrdSet<(crate::Timestamp, ReachTransitionId)>,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident: $row:ident,)*) => {
        /// The whole cloud at one revision.
        #[derive(Clone, Default)]
        pub struct Cloud {
            $($(#[$doc])* pub $field: Table<$row>,)*
            /// Answers without walking tables.
            pub lookups: Lookups,
        }

        /// A row of any kind, as changes carry it.
        #[derive(Clone)]
        pub enum AnyRow {
            $($(#[$doc])* $row(Arc<$row>),)*
        }

        impl AnyRow {
            /// The table's name in the store.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$row(_) => <$row as Row>::KIND,)* }
            }

            /// The row's id as the store's key.
            pub fn key(&self) -> String {
                match self { $(Self::$row(row) => row.id().to_string(),)* }
            }

            /// The row as the store keeps it.
            pub fn to_json(&self) -> serde_json::Result<String> {
                match self { $(Self::$row(row) => serde_json::to_string(&**row),)* }
            }
        }

        impl Cloud {
            /// Enters a row as the store kept it; `Ok(false)` when the kind is not known.
            pub fn load(&mut self, kind: &str, json: &str) -> serde_json::Result<bool> {
                match kind {
                    $(<$row as Row>::KIND => { self.replace(Arc::new(serde_json::from_str::<$row>(json)?)); })*
                    _ => return Ok(false),
                }
                Ok(true)
            }

            /// Every row there is.
            pub fn rows(&self) -> impl Iterator<Item = AnyRow> + '_ {
                // Boxed: a chain of so many is too deep a type for the compiler.
                let tables: Vec<Box<dyn Iterator<Item = AnyRow> + '_>> =
                    vec![$(Box::new(self.$field.iter().cloned().map(AnyRow::$row)),)*];
                tables.into_iter().flatten()
            }
        }
    };
}

tables! {
    /// Keystone's domains.
    domains: Domain,
    /// Keystone's projects.
    projects: Project,
    /// Keystone's users.
    users: User,
    /// Keystone's groups of users.
    groups: Group,
    /// Who is in them.
    group_memberships: GroupMembership,
    /// Keystone's roles.
    roles: Role,
    /// Which role implies which.
    role_implications: RoleImplication,
    /// Who has which role where.
    assignments: Assignment,
    /// Keystone's application credentials.
    application_credentials: ApplicationCredential,
    /// Which requests those may make.
    access_rules: AccessRule,
    /// Keystone's credentials.
    credentials: Credential,
    /// Keystone's trusts.
    trusts: Trust,
    /// Keystone's policy documents.
    policy_documents: PolicyDocument,
    /// OAuth 1 consumers.
    oauth_consumers: Consumer,
    /// Options of domains' drivers.
    domain_configs: DomainConfig,
    /// Unified limits that hold for everybody.
    registered_limits: RegisteredLimit,
    /// Unified limits of one project or domain.
    limits: Limit,
    /// Groups of endpoints.
    endpoint_groups: EndpointGroup,
    /// Which endpoints a project sees.
    endpoint_associations: EndpointAssociation,
    /// Regions besides the cloud's own.
    regions: Region,
    /// Services besides the cloud's own.
    catalog_services: CatalogService,
    /// Where they are.
    endpoints: Endpoint,
    /// Tokens that are no longer good.
    revocations: Revocation,
    /// Keys that tokens are sealed with.
    token_keys: TokenKey,
    /// Glance's images.
    images: Image,
    /// Glance's metadata definitions.
    metadef_namespaces: MetadefNamespace,
    /// Neutron's networks.
    networks: Network,
    /// Their segments.
    segments: Segment,
    /// Neutron's agents.
    network_agents: NetworkAgent,
    /// Neutron's subnets.
    subnets: Subnet,
    /// Neutron's subnet pools.
    subnet_pools: SubnetPool,
    /// Neutron's address scopes.
    address_scopes: AddressScope,
    /// Neutron's address groups.
    address_groups: AddressGroup,
    /// Neutron's QoS policies.
    qos_policies: QosPolicy,
    /// Their limits of bandwidth.
    qos_bandwidth_limit_rules: BandwidthLimitRule,
    /// Their marks.
    qos_dscp_marking_rules: DscpMarkingRule,
    /// Their limits of packets.
    qos_packet_rate_limit_rules: PacketRateLimitRule,
    /// Neutron's metering labels.
    metering_labels: MeteringLabel,
    /// Their rules.
    metering_label_rules: MeteringLabelRule,
    /// Neutron's RBAC policies.
    rbac_policies: RbacPolicy,
    /// Neutron's ports.
    ports: Port,
    /// Neutron's routers.
    routers: Router,
    /// Neutron's floating IPs.
    floating_ips: FloatingIp,
    /// Their port forwardings.
    port_forwardings: PortForwarding,
    /// Neutron's NDP proxies.
    ndp_proxies: NdpProxy,
    /// Networks that Neutron made for projects that asked for one.
    auto_allocated_topologies: AutoAllocatedTopology,
    /// Neutron's trunks.
    trunks: Trunk,
    /// Neutron's security groups.
    security_groups: SecurityGroup,
    /// Their rules.
    security_group_rules: SecurityGroupRule,
    /// Rules that new groups begin with.
    default_security_group_rules: DefaultSecurityGroupRule,
    /// Neutron's flavors of services.
    service_flavors: ServiceFlavor,
    /// Their service profiles.
    service_profiles: ServiceProfile,
    /// Quotas that differ from the default.
    quotas: Quota,
    /// Nova's flavors.
    flavors: Flavor,
    /// Nova's key pairs.
    keypairs: Keypair,
    /// Nova's servers.
    servers: Server,
    /// What is remembered of those that are gone.
    deleted_servers: DeletedServer,
    /// Nova's server groups.
    server_groups: ServerGroup,
    /// Nova's action log.
    server_actions: ServerAction,
    /// Cinder's volumes.
    volumes: Volume,
    /// Cinder's snapshots.
    volume_snapshots: VolumeSnapshot,
    /// Volumes' attachments to servers.
    volume_attachments: VolumeAttachment,
    /// Cinder's volume types.
    volume_types: VolumeType,
    /// Cinder's QoS specs.
    qos_specs: QosSpecs,
    /// Volumes offered to other projects.
    volume_transfers: VolumeTransfer,
    /// Cinder's backups.
    volume_backups: VolumeBackup,
    /// Types of groups of volumes.
    group_types: GroupType,
    /// Groups of volumes.
    volume_groups: VolumeGroup,
    /// Their snapshots.
    group_snapshots: GroupSnapshot,
    /// What administrators say of Cinder's services.
    volume_services: VolumeService,
    /// Nova's log of resizes.
    migrations: Migration,
    /// Nova's host aggregates.
    aggregates: Aggregate,
    /// What administrators say of hosts' compute services.
    host_services: HostService,
    /// Placement's providers, and what was added to hosts.
    resource_providers: ResourceProvider,
    /// Resource classes with names of one's own.
    placement_classes: CustomClass,
    /// Traits with names of one's own.
    placement_traits: CustomTrait,
    /// Who takes something besides servers.
    placement_consumers: ResourceConsumer,
    /// Paths that are watched.
    reach_watches: ReachWatch,
    /// What became of them.
    reach_transitions: ReachTransition,
}

/// Writes the table plumbing of a [`Row`] implementation.
#[macro_export]
macro_rules! table {
    ($row:ident, $field:ident) => {
        fn table(cloud: &$crate::Cloud) -> &$crate::Table<Self> {
            &cloud.$field
        }
        fn table_mut(cloud: &mut $crate::Cloud) -> &mut $crate::Table<Self> {
            &mut cloud.$field
        }
        fn into_any(row: std::sync::Arc<Self>) -> $crate::AnyRow {
            $crate::AnyRow::$row(row)
        }
    };
}

/// One row put, replaced or removed.
#[derive(Clone)]
pub struct Change {
    /// The row before; `None` when it is new.
    pub before: Option<AnyRow>,
    /// The row after; `None` when it is gone.
    pub after: Option<AnyRow>,
}

impl Cloud {
    /// The row with this id, or the service's own "not found".
    pub fn get<R: Row>(&self, id: &R::Id) -> Result<Arc<R>> {
        R::table(self).get(id).cloned().ok_or_else(|| R::not_found(id))
    }

    /// The row with this id, if there is one.
    pub fn find<R: Row>(&self, id: &R::Id) -> Option<&Arc<R>> {
        R::table(self).get(id)
    }

    /// How many rows of a kind a project has.
    pub fn count<R: Row>(&self, project: &ProjectId) -> u64 {
        self.lookups
            .counts
            .get(&(R::KIND, project.clone()))
            .copied()
            .unwrap_or(0)
    }

    /// The ports plugged into a device (a server, a router …).
    pub fn ports_of_device<'a>(&'a self, device_id: &str) -> impl Iterator<Item = &'a Arc<Port>> + use<'a> {
        self.lookups
            .ports_by_device
            .of(&device_id.to_owned())
            .filter_map(|id| self.ports.get(id))
    }

    /// The ports of a network.
    pub fn ports_of_network(&self, network: NetworkId) -> impl Iterator<Item = &Arc<Port>> + '_ {
        self.lookups
            .ports_by_network
            .of(&network)
            .filter_map(|id| self.ports.get(id))
    }

    /// The subnets of a network.
    pub fn subnets_of_network(&self, network: NetworkId) -> impl Iterator<Item = &Arc<Subnet>> + '_ {
        self.lookups
            .subnets_by_network
            .of(&network)
            .filter_map(|id| self.subnets.get(id))
    }

    /// The rules of a security group.
    pub fn rules_of_group(&self, group: SecurityGroupId) -> impl Iterator<Item = &Arc<SecurityGroupRule>> + '_ {
        self.lookups
            .rules_by_group
            .of(&group)
            .filter_map(|id| self.security_group_rules.get(id))
    }

    /// Puts a row in its table and the look-ups; gives back the one it replaces.
    pub fn replace<R: Row>(&mut self, row: Arc<R>) -> Option<Arc<R>> {
        let before = self.remove::<R>(&row.id());
        row.index(&mut self.lookups, true);
        self.count_row(&*row, true);
        R::table_mut(self).0.insert(row.id(), row);
        before
    }

    /// Takes a row out of its table and the look-ups.
    pub fn remove<R: Row>(&mut self, id: &R::Id) -> Option<Arc<R>> {
        let before = R::table_mut(self).0.remove(id)?;
        before.index(&mut self.lookups, false);
        self.count_row(&*before, false);
        Some(before)
    }

    fn count_row<R: Row>(&mut self, row: &R, present: bool) {
        let Some(project) = row.project() else { return };
        let key = (R::KIND, project.clone());
        let count = self.lookups.counts.get(&key).copied().unwrap_or(0);
        let count = if present { count + 1 } else { count.saturating_sub(1) };
        if count == 0 {
            self.lookups.counts.remove(&key);
        } else {
            self.lookups.counts.insert(key, count);
        }
    }
}
