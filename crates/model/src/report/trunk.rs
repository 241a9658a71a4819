//! A trunk's status, which is made of what its host reports of it, of its parent and of its subports
//! ([`TrunkStatus`] says how).

use super::View;
use crate::host::{FragmentStatus, PortReport, SubportConfig, TrunkConfig};
use crate::network::Trunk;
use crate::network::trunk::TrunkStatus;
use crate::{Cloud, NetworkId, PortId, TrunkId, Tx};

/// The trunks whose status a port's report may change.
pub(super) fn of_port(cloud: &Cloud, port: PortId) -> impl Iterator<Item = TrunkId> {
    let as_parent = cloud.lookups.trunks_by_parent.of(&port);
    as_parent.chain(cloud.lookups.trunks_by_subport.of(&port)).copied()
}

/// A status that the report gives a trunk and that it has not.
pub(super) fn news(cloud: &Cloud, view: &View<'_>, id: TrunkId) -> Option<TrunkStatus> {
    let trunk = cloud.trunks.get(&id)?;
    status(view, trunk).filter(|status| *status != trunk.status)
}

pub(super) fn fold(tx: &mut Tx<'_>, view: &View<'_>, id: TrunkId) {
    let Some(status) = news(tx.cloud(), view, id) else {
        return;
    };
    // It was found a moment ago in the same transaction.
    let _ = tx.update::<Trunk>(&id, |trunk| trunk.status = status);
}

/// What the report says of a trunk; `None` when it does not know of it yet as it is now.
fn status(view: &View<'_>, trunk: &Trunk) -> Option<TrunkStatus> {
    if view.newest.ports.get(&trunk.port_id) != Some(&PortReport::Up) {
        return Some(TrunkStatus::Down);
    }
    let config = view.config.trunks.get(&trunk.id)?;
    let is_answered = view.newest.revision == view.config.revision && is_config_of(config, trunk);
    if trunk.status == TrunkStatus::Build && !is_answered {
        return None;
    }
    Some(match view.newest.trunks.get(&trunk.id) {
        None => TrunkStatus::Build,
        Some(FragmentStatus::Failed(_)) if !has_a_leg(view, config) => TrunkStatus::Error,
        Some(FragmentStatus::Failed(_)) => TrunkStatus::Degraded,
        Some(FragmentStatus::Ready) => with_subports(view, config),
    })
}

/// Whether any subport stands, be it switched off.
fn has_a_leg(view: &View<'_>, config: &TrunkConfig) -> bool {
    let stands = |port: &PortId| matches!(view.newest.ports.get(port), Some(PortReport::Up | PortReport::Down));
    config.subports.values().any(|subport| stands(&subport.port_id))
}

/// Whether the document has the subports that the row has.
fn is_config_of(config: &TrunkConfig, trunk: &Trunk) -> bool {
    let has = |id: u16, port: PortId| config.subports.get(&id).is_some_and(|planned| planned.port_id == port);
    config.subports.len() == trunk.sub_ports.len()
        && trunk.sub_ports.iter().all(|own| has(own.segmentation_id, own.port_id))
}

/// The status of a trunk that stands.
fn with_subports(view: &View<'_>, config: &TrunkConfig) -> TrunkStatus {
    let fails = |network: NetworkId| matches!(view.newest.networks.get(&network), Some(FragmentStatus::Failed(_)));
    let mut status = TrunkStatus::Active;
    for subport in config.subports.values() {
        match view.newest.ports.get(&subport.port_id) {
            Some(PortReport::Failed(_)) => return TrunkStatus::Degraded,
            _ if fails(subport.network_id) => return TrunkStatus::Degraded,
            Some(PortReport::Up) => {}
            Some(PortReport::Down) if is_switched_off(view, subport) => {}
            Some(PortReport::Down) | None => status = TrunkStatus::Build,
        }
    }
    status
}

/// Whether the port, or its network, is administratively down.
fn is_switched_off(view: &View<'_>, subport: &SubportConfig) -> bool {
    let network = view.config.networks.get(&subport.network_id);
    let port = network.and_then(|network| network.ports.get(&subport.port_id));
    port.is_some_and(|port| !port.admin_state_up)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::host::{HostConfig, HostReport, NetworkConfig, PortBinding, PortConfig};
    use crate::network::trunk::{SegmentationType, Subport};
    use crate::network::{Resource, Standard};
    use crate::{HostId, SeededIds, Timestamp};

    const TRUNK: TrunkId = TrunkId(uuid::Uuid::from_u128(1));
    const NETWORK: NetworkId = NetworkId(uuid::Uuid::from_u128(2));
    const PARENT: PortId = PortId(uuid::Uuid::from_u128(3));
    const SUBPORT: PortId = PortId(uuid::Uuid::from_u128(4));

    /// A trunk with one subport, as its host is asked for it at revision 2.
    struct Scene {
        cloud: Cloud,
        config: HostConfig,
        newest: HostReport,
    }

    fn scene(status: TrunkStatus) -> Scene {
        let mut cloud = Cloud::default();
        cloud.replace(Arc::new(Trunk {
            id: TRUNK,
            standard: Standard::new("demo".into(), "", Timestamp::EPOCH),
            port_id: PARENT,
            admin_state_up: true,
            status,
            sub_ports: vec![Subport {
                port_id: SUBPORT,
                segmentation_type: SegmentationType::Vlan,
                segmentation_id: 5,
            }],
        }));
        let subport = SubportConfig {
            port_id: SUBPORT,
            network_id: NETWORK,
        };
        let planned = TrunkConfig {
            id: TRUNK,
            parent: PARENT,
            network_id: NETWORK,
            subports: [(5, subport)].into(),
        };
        let config = HostConfig {
            revision: 2,
            trunks: [(TRUNK, Arc::new(planned))].into_iter().collect(),
            ..HostConfig::default()
        };
        let newest = HostReport {
            revision: 2,
            trunks: [(TRUNK, FragmentStatus::Ready)].into_iter().collect(),
            ports: [(PARENT, PortReport::Up), (SUBPORT, PortReport::Up)]
                .into_iter()
                .collect(),
            ..HostReport::default()
        };
        Scene { cloud, config, newest }
    }

    impl Scene {
        /// What the report makes of the trunk; `None`: it stays what it is.
        fn news(&self) -> Option<TrunkStatus> {
            let host = HostId::from("host1");
            let view = View {
                host: &host,
                config: &self.config,
                newest: &self.newest,
            };
            news(&self.cloud, &view, TRUNK)
        }

        fn says(&self) -> TrunkStatus {
            self.news().unwrap()
        }

        /// The subport is, or is not, administratively up.
        fn switch(&mut self, admin_state_up: bool) {
            let port = PortConfig {
                id: SUBPORT,
                network_id: NETWORK,
                mac: "fa:16:3e:00:00:01".parse().unwrap(),
                fixed_ips: Vec::new(),
                binding: PortBinding::Trunk(TRUNK),
                admin_state_up,
                port_security: true,
                allowed_address_pairs: Vec::new(),
                security_groups: Default::default(),
                dns_name: None,
                extra_dhcp_opts: Vec::new(),
                qos: None,
            };
            let network = NetworkConfig {
                id: NETWORK,
                mtu: 1450,
                dns_domain: String::new(),
                subnets: Vec::new(),
                service_port: None,
                ports: [(SUBPORT, Arc::new(port))].into_iter().collect(),
                groups: Default::default(),
                stateless: Default::default(),
                members: Default::default(),
                names: Default::default(),
            };
            self.config.networks.insert(NETWORK, Arc::new(network));
        }
    }

    #[test]
    fn a_trunk_is_up_with_its_parent_and_all_its_subports() {
        let mut scene = scene(TrunkStatus::Down);
        assert_eq!(scene.says(), TrunkStatus::Active);
        scene.newest.ports.remove(&SUBPORT);
        assert_eq!(scene.says(), TrunkStatus::Build, "not made yet");
        scene.newest.ports.insert(SUBPORT, PortReport::Failed("no".into()));
        assert_eq!(scene.says(), TrunkStatus::Degraded);
        scene.newest.ports.insert(SUBPORT, PortReport::Down);
        scene.switch(true);
        assert_eq!(scene.says(), TrunkStatus::Build);
        let fault = FragmentStatus::Failed("no".into());
        scene.newest.networks.insert(NETWORK, fault.clone());
        assert_eq!(scene.says(), TrunkStatus::Degraded, "its network can't be made");
        scene.newest.networks.clear();
        scene.switch(false);
        assert_eq!(scene.says(), TrunkStatus::Active, "it is down because it is to be");
        scene.newest.trunks.insert(TRUNK, fault);
        assert_eq!(scene.says(), TrunkStatus::Degraded, "but for some subport");
        scene.newest.ports.insert(SUBPORT, PortReport::Failed("no".into()));
        assert_eq!(scene.says(), TrunkStatus::Error, "nothing of it stands");
        scene.newest.trunks.clear();
        assert_eq!(scene.says(), TrunkStatus::Build);
        for parent in [PortReport::Down, PortReport::Failed("no".into())] {
            scene.newest.ports.insert(PARENT, parent);
            assert_eq!(scene.news(), None, "it is down as before");
        }
    }

    #[test]
    fn a_change_is_answered_by_its_own_revision() {
        let mut scene = scene(TrunkStatus::Build);
        scene.newest.revision = 1;
        assert_eq!(scene.news(), None);
        scene.newest.revision = 2;
        assert_eq!(scene.says(), TrunkStatus::Active);
        // The document is older than the change.
        let one = |trunk: &mut Trunk| trunk.sub_ports.clear();
        let mut ids = SeededIds::new(1);
        let mut tx = Tx::begin(scene.cloud.clone(), Timestamp::EPOCH, &mut ids);
        tx.update::<Trunk>(&TRUNK, one).unwrap();
        scene.cloud = tx.finish().0;
        assert_eq!(scene.news(), None);
        scene.config.trunks.clear();
        assert_eq!(scene.news(), None);
        scene.newest.ports.clear();
        assert_eq!(scene.says(), TrunkStatus::Down);
    }

    #[test]
    fn what_is_new_in_a_report_reaches_the_trunk() {
        let mut scene = scene(TrunkStatus::Down);
        let host = HostId::from("host1");
        let parts = |scene: &Scene, folded: &HostReport| {
            super::super::pending(&scene.cloud, &host, &scene.config, folded, &scene.newest)
        };
        let wanted = vec![vec![super::super::Item::Trunk(TRUNK)]];
        assert_eq!(parts(&scene, &HostReport::default()), wanted);
        assert!(parts(&scene, &scene.newest).is_empty(), "nothing is new");
        let mut ids = SeededIds::new(1);
        let mut tx = Tx::begin(scene.cloud.clone(), Timestamp::EPOCH, &mut ids);
        super::super::fold(&mut tx, &host, &scene.config, &scene.newest, &wanted[0]).unwrap();
        scene.cloud = tx.finish().0;
        let row = scene.cloud.trunks.get(&TRUNK).unwrap();
        assert_eq!((row.status, row.standard().revision_number), (TrunkStatus::Active, 0));
        for port in [PARENT, SUBPORT] {
            let before = scene.newest.clone();
            scene.newest.ports.insert(port, PortReport::Failed("no".into()));
            assert_eq!(parts(&scene, &before), wanted);
            scene.newest = before;
        }
    }
}
