use std::sync::Arc;

use model::console::ConsoleSource;
use model::host::{
    DesiredPower, DiskConfig, DiskLimits, FragmentStatus, HostConfig, HostReport, InstanceMetadata, NetworkConfig,
    NicConfig, PortBinding, PortConfig, PortReport, ServerConfig, ServerPhase,
};
use model::{NetworkId, PortId, ServerId};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{SimNode, plausible_facts};

const SERVER: ServerId = ServerId(Uuid::from_u128(1));
const NETWORK: NetworkId = NetworkId(Uuid::from_u128(2));
const PORT: PortId = PortId(Uuid::from_u128(3));

struct Bench {
    node: SimNode,
    config: watch::Sender<Arc<HostConfig>>,
    report: watch::Receiver<Arc<HostReport>>,
}

impl Bench {
    fn start() -> Self {
        let node = SimNode::new(plausible_facts("sim"));
        let (config, wanted) = watch::channel(Arc::default());
        let (sender, report) = watch::channel(Arc::default());
        node.run(wanted, sender);
        Self { node, config, report }
    }

    fn want(&self, change: impl FnOnce(&mut HostConfig)) {
        let mut config = HostConfig::clone(&self.config.borrow());
        change(&mut config);
        config.revision += 1;
        self.config.send_replace(Arc::new(config));
    }

    async fn until(&mut self, what: impl Fn(&HostReport) -> bool) -> Arc<HostReport> {
        let wait = self.report.wait_for(|report| what(report));
        tokio::time::timeout(std::time::Duration::from_secs(10), wait)
            .await
            .expect("the simulated host comes there")
            .expect("the simulated host runs")
            .clone()
    }

    async fn until_phase(&mut self, phase: ServerPhase) {
        self.until(|report| report.servers.get(&SERVER).is_some_and(|server| server.phase == phase))
            .await;
    }
}

fn server() -> ServerConfig {
    ServerConfig {
        id: SERVER,
        name: "web".to_owned(),
        power: DesiredPower::On,
        hard_reboots: 0,
        soft_reboots: 0,
        vcpus: 1,
        memory_mib: 128,
        disk: DiskConfig {
            image: None,
            root_gib: 1,
        },
        ephemeral_gib: 0,
        swap_mib: 0,
        kernel: None,
        volumes: vec![],
        disk_limits: DiskLimits::NONE,
        nics: vec![NicConfig {
            port_id: PORT,
            network_id: NETWORK,
            mac: "fa:16:3e:00:00:01".parse().unwrap(),
            mtu: 1450,
        }],
        config_drive: false,
        metadata: Arc::new(InstanceMetadata {
            hostname: "web".to_owned(),
            ..InstanceMetadata::default()
        }),
        orders: Default::default(),
    }
}

fn network() -> NetworkConfig {
    let port = PortConfig {
        id: PORT,
        network_id: NETWORK,
        mac: "fa:16:3e:00:00:01".parse().unwrap(),
        fixed_ips: Vec::new(),
        binding: PortBinding::Server(SERVER),
        admin_state_up: true,
        port_security: true,
        allowed_address_pairs: Vec::new(),
        security_groups: Default::default(),
        dns_name: None,
        extra_dhcp_opts: Vec::new(),
        qos: None,
    };
    NetworkConfig {
        id: NETWORK,
        mtu: 1450,
        dns_domain: "openstacklocal".to_owned(),
        subnets: Vec::new(),
        service_port: None,
        ports: [(PORT, Arc::new(port))].into_iter().collect(),
        groups: Default::default(),
        stateless: Default::default(),
        members: Default::default(),
        names: Default::default(),
    }
}

fn with_server(config: &mut HostConfig) {
    config.servers.insert(SERVER, Arc::new(server()));
    config.networks.insert(NETWORK, Arc::new(network()));
}

#[tokio::test]
async fn a_server_comes_up_reboots_and_goes() {
    let mut bench = Bench::start();
    assert_eq!(bench.report.borrow().facts.host.as_str(), "sim");
    bench.want(with_server);
    let report = bench
        .until(|report| report.ports.get(&PORT) == Some(&PortReport::Up))
        .await;
    assert_eq!(report.servers[&SERVER].phase, ServerPhase::Running);
    assert_eq!(report.networks[&NETWORK], FragmentStatus::Ready);
    assert_eq!((report.revision, bench.node.boots(SERVER)), (1, 1));
    assert!(bench.node.tail(SERVER, 1000).unwrap().ends_with(b"web login: "));

    bench.want(|config| {
        let rebooted = ServerConfig {
            hard_reboots: 1,
            ..server()
        };
        config.servers.insert(SERVER, Arc::new(rebooted));
    });
    bench
        .until(|report| {
            let server = &report.servers[&SERVER];
            server.hard_reboots == 1 && server.phase == ServerPhase::Running
        })
        .await;
    assert_eq!(bench.node.boots(SERVER), 2);

    bench.want(|config| {
        config.servers.remove(&SERVER);
        config.networks.remove(&NETWORK);
    });
    let report = bench
        .until(|report| report.revision == 3 && report.servers.is_empty())
        .await;
    assert!(report.ports.is_empty() && report.networks.is_empty());
    assert!(bench.node.tail(SERVER, 10).is_err());
}

#[tokio::test]
async fn power_follows_the_wish_and_the_guest_may_shut_itself_down() {
    let mut bench = Bench::start();
    bench.want(with_server);
    bench.until_phase(ServerPhase::Running).await;
    for (power, phase) in [
        (DesiredPower::Paused, ServerPhase::Paused),
        (DesiredPower::On, ServerPhase::Running),
        (DesiredPower::Suspended, ServerPhase::Suspended),
        (DesiredPower::On, ServerPhase::Running),
        (DesiredPower::Off, ServerPhase::Off { by_guest: false }),
    ] {
        bench.want(|config| {
            config
                .servers
                .insert(SERVER, Arc::new(ServerConfig { power, ..server() }));
        });
        bench.until_phase(phase).await;
    }
    assert_eq!(bench.report.borrow().ports[&PORT], PortReport::Down);
    bench.want(with_server);
    bench.until_phase(ServerPhase::Running).await;
    assert!(bench.node.power_off_guest(SERVER));
    bench.until_phase(ServerPhase::Off { by_guest: true }).await;
}

#[tokio::test]
async fn what_it_is_told_to_fail_or_hold_it_does() {
    let mut bench = Bench::start();
    bench.node.hold_server(SERVER);
    bench.node.fail_network(NETWORK, "no bridge");
    bench.want(with_server);
    let report = bench.until(|report| !report.networks.is_empty()).await;
    assert_eq!(
        report.networks[&NETWORK],
        FragmentStatus::Failed("no bridge".to_owned())
    );
    assert_eq!(report.servers[&SERVER].phase, ServerPhase::Queued);

    bench.node.fail_server(SERVER, "The disk is full.");
    bench.node.release();
    let failed = |report: &HostReport| matches!(report.servers[&SERVER].phase, ServerPhase::Failed { .. });
    bench.until(failed).await;

    bench.node.mend();
    bench
        .until(|report| report.ports.get(&PORT) == Some(&PortReport::Up))
        .await;
    assert_eq!(bench.report.borrow().networks[&NETWORK], FragmentStatus::Ready);

    bench.node.disconnect();
    bench.want(|config| {
        config.servers.remove(&SERVER);
    });
    bench.node.reconnect();
    bench.until(|report| report.servers.is_empty()).await;
}
