//! Which fragments a change touches, and of a network's fragment, which parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::network::contributions;
use crate::host::HostConfig;
use crate::network::{FloatingIp, MeteringLabel, Port, Router, Trunk, agent, device_owner, metering};
use crate::{
    AnyRow, Change, Cloud, NetworkId, PortId, QosPolicyId, RouterId, SecurityGroupId, ServerId, TrunkId, VolumeId,
    VolumeSnapshotId, VolumeTypeId,
};

/// What has to be planned anew.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Provider networks.
    pub(crate) externals: BTreeSet<NetworkId>,
    /// Self-service networks.
    pub(crate) networks: BTreeMap<NetworkId, NetworkTouch>,
    /// Routers.
    pub(crate) routers: BTreeSet<RouterId>,
    /// Trunks.
    pub(crate) trunks: BTreeSet<TrunkId>,
    /// Servers.
    pub(crate) servers: BTreeSet<ServerId>,
    /// Volumes.
    pub(crate) volumes: BTreeSet<VolumeId>,
    /// Snapshots of volumes.
    pub(crate) snapshots: BTreeSet<VolumeSnapshotId>,
    /// Backups and copies for images.
    pub(crate) copies: BTreeSet<uuid::Uuid>,
}

/// What of a network's fragment has to be planned anew. A network may have thousands of ports, so a change of one of
/// them must not cost a look at all the others.
#[derive(Debug, Default)]
pub(crate) struct NetworkTouch {
    /// All of it: the network itself or a subnet changed, which every part may show.
    pub(crate) whole: bool,
    /// These ports.
    pub(crate) ports: BTreeSet<PortId>,
    /// The service port.
    pub(crate) service_port: bool,
    /// The rules of these groups.
    pub(crate) groups: BTreeSet<SecurityGroupId>,
    /// Addresses that may have entered or left a remote group, with the port that had or has them.
    pub(crate) members: BTreeMap<SecurityGroupId, BTreeSet<(IpNet, PortId)>>,
    /// These address groups, under their ids.
    pub(crate) address_groups: BTreeSet<SecurityGroupId>,
    /// Ports as they were and are: their names may have come or gone.
    pub(crate) named: Vec<Arc<Port>>,
}

/// Everything there may be.
pub(crate) fn everything(cloud: &Cloud) -> Touched {
    let whole = || NetworkTouch {
        whole: true,
        ..NetworkTouch::default()
    };
    Touched {
        externals: cloud.networks.iter().map(|n| n.id).collect(),
        networks: cloud.networks.iter().map(|n| (n.id, whole())).collect(),
        routers: cloud.routers.iter().map(|r| r.id).collect(),
        trunks: cloud.trunks.iter().map(|t| t.id).collect(),
        servers: cloud.servers.iter().map(|s| s.id).collect(),
        volumes: cloud.volumes.iter().map(|v| v.id).collect(),
        snapshots: cloud.volume_snapshots.iter().map(|s| s.id).collect(),
        copies: {
            let backups = cloud.volume_backups.iter().map(|backup| backup.data_id.0);
            let uploads = cloud.volumes.iter().filter_map(|volume| volume.upload.as_ref());
            backups.chain(uploads.map(|upload| upload.image_id.0)).collect()
        },
    }
}

/// What these changes touch, looking at rows before and after. `old` is the document so far.
pub(crate) fn by_changes(cloud: &Cloud, old: &HostConfig, changes: &[Change]) -> Touched {
    let mut out = Collector {
        cloud,
        old,
        touched: Touched::default(),
    };
    for change in changes {
        for row in [&change.before, &change.after].into_iter().flatten() {
            out.row(row);
        }
        out.group_members(change);
    }
    out.touched
}

struct Collector<'a> {
    cloud: &'a Cloud,
    old: &'a HostConfig,
    touched: Touched,
}

impl Collector<'_> {
    fn part(&mut self, network: NetworkId) -> &mut NetworkTouch {
        self.touched.networks.entry(network).or_default()
    }

    fn row(&mut self, row: &AnyRow) {
        match row {
            AnyRow::Network(network) => self.network(network.id),
            AnyRow::Subnet(subnet) => self.network(subnet.network_id),
            AnyRow::Port(port) => self.port(port),
            AnyRow::Router(router) => self.router(router),
            AnyRow::FloatingIp(floating_ip) => self.floating_ip(floating_ip),
            AnyRow::PortForwarding(forwarding) => {
                let floating_ip = self.cloud.floating_ips.get(&forwarding.floating_ip_id);
                self.touched.routers.extend(floating_ip.and_then(|row| row.router_id));
            }
            AnyRow::NdpProxy(proxy) => {
                self.touched.routers.insert(proxy.router_id);
            }
            AnyRow::Trunk(trunk) => self.trunk(trunk),
            AnyRow::NetworkAgent(agent) => self.agent(agent.kind),
            AnyRow::MeteringLabel(label) => self.meter(label),
            // A label that goes takes its rules along, and is a row of its own here.
            AnyRow::MeteringLabelRule(rule) => {
                if let Some(label) = self.cloud.metering_labels.get(&rule.metering_label_id) {
                    self.meter(label);
                }
            }
            AnyRow::BandwidthLimitRule(rule) => self.qos(rule.policy_id),
            AnyRow::DscpMarkingRule(rule) => self.qos(rule.policy_id),
            AnyRow::PacketRateLimitRule(rule) => self.qos(rule.policy_id),
            AnyRow::AddressGroup(group) => {
                let id = SecurityGroupId(group.id.0);
                let networks = self.old.networks.iter();
                for (network, _) in networks.filter(|(_, net)| net.members.contains_key(&id)) {
                    let touch = self.touched.networks.entry(*network).or_default();
                    touch.address_groups.insert(id);
                }
            }
            // The scopes of networks follow those of their subnets' pools.
            AnyRow::SubnetPool(pool) => {
                let subnets = self.cloud.lookups.subnets_by_pool.of(&pool.id);
                let networks: BTreeSet<NetworkId> = subnets
                    .filter_map(|id| Some(self.cloud.subnets.get(id)?.network_id))
                    .collect();
                networks.into_iter().for_each(|network| self.network(network));
            }
            AnyRow::SecurityGroup(group) => self.group(group.id),
            AnyRow::SecurityGroupRule(rule) => self.rules(rule.security_group_id),
            AnyRow::Server(server) => {
                self.touched.servers.insert(server.id);
                // A server without a host has no taps; its networks see it once it has one.
                self.bindings(&server.id.to_string());
            }
            AnyRow::Volume(volume) => {
                self.touched.volumes.insert(volume.id);
                let attachments = self.cloud.lookups.attachments_by_volume.of(&volume.id);
                let servers = attachments.filter_map(|id| self.cloud.volume_attachments.get(id)?.server_id);
                self.touched.servers.extend(servers);
                self.touched
                    .copies
                    .extend(volume.upload.as_ref().map(|upload| upload.image_id.0));
            }
            // Limits of the type's volumes, in the servers that have them.
            AnyRow::VolumeType(of) => self.volumes_of_type(of.id),
            AnyRow::QosSpecs(qos) => {
                let types = self
                    .cloud
                    .volume_types
                    .iter()
                    .filter(|each| each.qos_specs_id == Some(qos.id));
                types.for_each(|each| self.volumes_of_type(each.id));
            }
            AnyRow::VolumeBackup(backup) => {
                self.touched.copies.insert(backup.data_id.0);
            }
            AnyRow::VolumeSnapshot(snapshot) => {
                self.touched.snapshots.insert(snapshot.id);
            }
            AnyRow::VolumeAttachment(attachment) => self.touched.servers.extend(attachment.server_id),
            _ => {}
        }
    }

    fn volumes_of_type(&mut self, of: VolumeTypeId) {
        let cloud = self.cloud;
        let volumes = cloud.volumes.iter().filter(|volume| volume.type_id == of);
        let attachments = volumes.flat_map(|volume| cloud.lookups.attachments_by_volume.of(&volume.id));
        let servers = attachments.filter_map(|id| cloud.volume_attachments.get(id)?.server_id);
        self.touched.servers.extend(servers);
    }

    /// A network's own attributes reach everything plugged into it.
    fn network(&mut self, id: NetworkId) {
        self.touched.externals.insert(id);
        self.part(id).whole = true;
        for port in self.cloud.ports_of_network(id) {
            self.trunks_of(port.id);
            self.device(&port.device_id, port.is_network_owned());
        }
    }

    /// What a port is plugged into: what the port's network, addresses and subnets say stands in its fragment too.
    fn device(&mut self, device_id: &str, network_owned: bool) {
        if network_owned {
            let Ok(id) = device_id.parse() else { return };
            self.touched.routers.insert(id);
            // A leg's or gateway's prefix decides the host's routes to what is behind the router.
            if let Some(router) = self.cloud.routers.get(&id).cloned() {
                self.router(&router);
            }
        } else if let Ok(server_id) = device_id.parse() {
            self.touched.servers.insert(server_id);
        }
    }

    fn port(&mut self, port: &Arc<Port>) {
        let part = self.part(port.network_id);
        part.ports.insert(port.id);
        part.named.push(Arc::clone(port));
        part.service_port |= port.device_owner == device_owner::DHCP;
        self.trunks_of(port.id);
        self.device(&port.device_id, port.is_network_owned());
    }

    fn router(&mut self, router: &Router) {
        self.touched.routers.insert(router.id);
        self.bindings(&router.id.to_string());
        if let Some(gateway) = &router.gateway {
            self.touched.externals.insert(gateway.network_id);
        }
    }

    /// Everything that an agent serves.
    fn agent(&mut self, kind: agent::Kind) {
        let cloud = self.cloud;
        match kind {
            agent::Kind::Dhcp => {
                for network in cloud.networks.iter() {
                    self.part(network.id).service_port = true;
                }
            }
            agent::Kind::L3 => cloud.routers.iter().for_each(|router| self.router(router)),
            agent::Kind::Metadata => {}
        }
    }

    /// Whether the ports of a device are plugged in here is seen in their networks.
    fn bindings(&mut self, device_id: &str) {
        for port in self.cloud.ports_of_device(device_id) {
            let part = self.touched.networks.entry(port.network_id).or_default();
            part.ports.insert(port.id);
            self.trunks_of(port.id);
        }
    }

    /// The trunks that show a port: the one of its parent is plugged in with it, and so are all its subports.
    fn trunks_of(&mut self, port: PortId) {
        let cloud = self.cloud;
        for id in cloud.lookups.trunks_by_parent.of(&port) {
            if let Some(trunk) = cloud.trunks.get(id) {
                self.trunk(trunk);
            }
        }
        let carriers = cloud.lookups.trunks_by_subport.of(&port);
        self.touched.trunks.extend(carriers.copied());
    }

    /// A trunk, and its subports in their networks.
    fn trunk(&mut self, trunk: &Trunk) {
        let cloud = self.cloud;
        self.touched.trunks.insert(trunk.id);
        for subport in &trunk.sub_ports {
            // What one trunk lets go of, another one may show.
            let carriers = cloud.lookups.trunks_by_subport.of(&subport.port_id);
            self.touched.trunks.extend(carriers.copied());
            if let Some(port) = cloud.ports.get(&subport.port_id) {
                self.part(port.network_id).ports.insert(port.id);
            }
        }
    }

    fn floating_ip(&mut self, floating_ip: &FloatingIp) {
        if let Some(router_id) = floating_ip.router_id {
            self.touched.routers.insert(router_id);
        }
        if let Some(port) = floating_ip.port_id.and_then(|id: PortId| self.cloud.ports.get(&id)) {
            self.device(&port.device_id, port.is_network_owned());
        }
    }

    /// A group's name is in its servers' metadata, its rules in their networks' filters.
    fn group(&mut self, id: SecurityGroupId) {
        self.rules(id);
        let ports = self
            .cloud
            .lookups
            .ports_by_group
            .of(&id)
            .filter_map(|id| self.cloud.ports.get(id));
        for port in ports {
            self.device(&port.device_id, port.is_network_owned());
        }
    }

    /// The ports that have a policy, by themselves or by their network, and the routers with addresses that do.
    fn qos(&mut self, policy: QosPolicyId) {
        let lookups = &self.cloud.lookups;
        let own = lookups
            .ports_by_qos
            .of(&policy)
            .filter_map(|id| self.cloud.ports.get(id));
        let networks = lookups.networks_by_qos.of(&policy);
        let by_network = networks.flat_map(|id| self.cloud.ports_of_network(*id));
        for port in own.chain(by_network) {
            let part = self.touched.networks.entry(port.network_id).or_default();
            part.ports.insert(port.id);
        }
        let floating_ips = lookups.floating_ips_by_qos.of(&policy);
        let by_address = floating_ips.filter_map(|id| self.cloud.floating_ips.get(id)?.router_id);
        self.touched.routers.extend(by_address);
        self.touched.routers.extend(lookups.routers_by_qos.of(&policy).copied());
    }

    /// The routers that a label counts on, or did.
    fn meter(&mut self, label: &MeteringLabel) {
        let routers = metering::routers_of_label(self.cloud, label);
        self.touched.routers.extend(routers.map(|router| router.id));
    }

    /// A group whose rules no network of the document shows yet comes in with the first port that is in it.
    fn rules(&mut self, group: SecurityGroupId) {
        for (id, _) in self
            .old
            .networks
            .iter()
            .filter(|(_, net)| net.groups.contains_key(&group))
        {
            self.touched.networks.entry(*id).or_default().groups.insert(group);
        }
    }

    /// A port that enters or leaves a group, or changes its addresses, reaches every network where a rule names that
    /// group as remote: those that list its members.
    fn group_members(&mut self, change: &Change) {
        let before = as_port(&change.before);
        let after = as_port(&change.after);
        if before.map(member_face) == after.map(member_face) {
            return;
        }
        let mut groups: BTreeMap<SecurityGroupId, BTreeSet<(IpNet, PortId)>> = BTreeMap::new();
        for port in [before, after].into_iter().flatten() {
            for group in &port.security_groups {
                let addresses = groups.entry(*group).or_default();
                addresses.extend(contributions(port).map(|net| (net, port.id)));
            }
        }
        for (group, addresses) in groups {
            let namers = self
                .old
                .networks
                .iter()
                .filter(|(_, net)| net.members.contains_key(&group));
            for (id, _) in namers {
                let members = &mut self.touched.networks.entry(*id).or_default().members;
                members.entry(group).or_default().extend(addresses.iter().copied());
            }
        }
    }
}

fn as_port(row: &Option<AnyRow>) -> Option<&Port> {
    match row {
        Some(AnyRow::Port(port)) => Some(port),
        _ => None,
    }
}

/// What others see of a member.
fn member_face(port: &Port) -> impl PartialEq + use<'_> {
    (&port.security_groups, &port.fixed_ips, &port.allowed_address_pairs)
}
