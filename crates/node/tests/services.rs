//! The services on a real kernel: guests are namespaces behind the network's own bridge and rules, and talk as guests do.

#![allow(clippy::unwrap_used)]

mod network_common;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use dhcproto::{Decodable, Decoder, Encodable, v4, v6};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use linux::netlink::{Route, Rtnl};
use linux::packet::{self, PacketSocket};
use model::host::*;
use model::{NetworkId, ServerId};
use network_common::dhcp::{dhcp_message, exchange};
use network_common::frame::{ethernet, icmp6, ip6};
use network_common::probe::{PATIENCE, SILENCE, eventually};
use network_common::{Cloud, Vm, all_out, delete_link, fresh, net};
use node::services::records::DhcpStep;
use node::services::{Namespaces, Services, ServicesOptions};

/// A cloud with its services. Fields end in this order.
struct Served {
    services: Services,
    _runtime: tokio::runtime::Runtime,
    cloud: Cloud,
}

impl Served {
    fn new(upstream_dns: &[SocketAddr]) -> Self {
        let cloud = Cloud::new();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let entered = runtime.enter();
        let services = Services::new(ServicesOptions {
            host: cloud.host.clone(),
            upstream_dns: upstream_dns.to_vec(),
        });
        drop(entered);
        Self {
            services,
            _runtime: runtime,
            cloud,
        }
    }

    fn apply(&mut self) {
        self.cloud.apply();
        self.apply_services();
    }

    fn apply_services(&self) {
        let config = &self.cloud.config;
        let networks = config.networks.keys().map(|id| (*id, self.cloud.network_ns(*id)));
        let routers = config
            .routers
            .keys()
            .map(|id| (*id, self.cloud.part.router_netns(*id).unwrap()));
        let namespaces = Namespaces {
            networks: networks.collect(),
            routers: routers.collect(),
        };
        let failures = self.services.apply(config, &namespaces);
        assert_eq!(failures, Default::default());
    }

    /// A network and one group that lets everything out.
    fn network(&mut self, cidrs: &[&str]) -> (NetworkId, model::SecurityGroupId) {
        let network = self.cloud.network(cidrs);
        let group = self.cloud.group(network, all_out());
        (network, group)
    }

    /// Where DHCP and DNS answer for a network.
    fn service_address(&self, network: NetworkId) -> IpAddr {
        self.cloud.config.networks[&network]
            .service_port
            .as_ref()
            .unwrap()
            .addresses[0]
            .addr()
    }
}

/// Gives the guest the route to the metadata service that DHCP would have told it.
fn add_metadata_route(vm: &Vm, via: IpAddr) {
    let mut nl = Rtnl::open(&vm.ns).unwrap();
    let link = nl.link("eth0").unwrap().index;
    nl.replace_route(&Route::via(net("169.254.169.254"), via, Some(link)))
        .unwrap();
}

fn index_of(vm: &Vm) -> u32 {
    Rtnl::open(&vm.ns).unwrap().link("eth0").unwrap().index
}

// ---------------------------------------------------------------------------------------------------------- DHCPv4

#[test]
fn dhcp_gives_each_port_its_own_address() {
    let mut served = Served::new(&[]);
    let (network, group) = served.network(&["10.1.0.0/24"]);
    let (overlapping, other_group) = served.network(&["10.1.0.0/24"]);
    served
        .cloud
        .edit(overlapping, |network| network.stateless.insert(other_group));
    let vm = served.cloud.vm(network, 10, &[group]);
    let neighbour = served.cloud.vm(network, 11, &[group]);
    let elsewhere = served.cloud.vm(overlapping, 77, &[other_group]);
    served.apply();

    for (vm, expected) in [
        (&vm, [10, 1, 0, 10]),
        (&neighbour, [10, 1, 0, 11]),
        (&elsewhere, [10, 1, 0, 77]),
    ] {
        let expected = Ipv4Addr::from(expected);
        let discover = dhcp_message(vm, v4::MessageType::Discover, &[]);
        let (offer, to) = exchange(vm, &discover, true).expect("an offer");
        assert_eq!((offer.yiaddr(), to), (expected, vm.mac.0));
        let server = offer.opts().get(v4::OptionCode::ServerIdentifier).unwrap().clone();
        let options = [server, v4::DhcpOption::RequestedIpAddress(expected)];
        let mut request = dhcp_message(vm, v4::MessageType::Request, &options);
        request.set_flags(v4::Flags::default().set_broadcast());
        let (ack, to) = exchange(vm, &request, true).expect("an acknowledgement");
        assert_eq!(
            (ack.opts().msg_type(), ack.yiaddr()),
            (Some(v4::MessageType::Ack), expected)
        );
        assert_eq!(to, [0xff; 6], "the client asked for a broadcast");
        let mtu = ack.opts().get(v4::OptionCode::InterfaceMtu);
        assert_eq!(mtu, Some(&v4::DhcpOption::InterfaceMtu(1450)));

        let records = served.services.records(vm.port).unwrap();
        let xid = |step| records.dhcp[&step].xid;
        assert_eq!(
            (xid(DhcpStep::Discover), xid(DhcpStep::Offer)),
            (discover.xid(), discover.xid())
        );
        assert_eq!(
            (xid(DhcpStep::Request), xid(DhcpStep::Ack)),
            (request.xid(), request.xid())
        );
        assert_eq!(records.dhcp[&DhcpStep::Ack].address, Some(expected.into()));
    }
    let theirs = [v4::DhcpOption::RequestedIpAddress([10, 1, 0, 11].into())];
    let (nak, _) = exchange(&vm, &dhcp_message(&vm, v4::MessageType::Request, &theirs), true).expect("a refusal");
    assert_eq!(nak.opts().msg_type(), Some(v4::MessageType::Nak));
}

#[test]
fn dhcp_follows_the_document_and_survives_the_bridge() {
    let mut served = Served::new(&[]);
    let (network, group) = served.network(&["10.2.0.0/24"]);
    let vm = served.cloud.vm(network, 10, &[group]);
    served.apply();
    let offered = |expected| exchange(&vm, &dhcp_message(&vm, v4::MessageType::Discover, &[]), expected);
    assert!(offered(true).is_some());

    served
        .cloud
        .edit_port(&vm, |port| port.fixed_ips[0].address = net("10.2.0.20/24"));
    served.apply();
    assert_eq!(offered(true).unwrap().0.yiaddr(), Ipv4Addr::from([10, 2, 0, 20]));

    served.cloud.edit(network, |network| network.subnets[0].dhcp = false);
    served.apply();
    assert!(offered(false).is_none());
    served.cloud.edit(network, |network| network.subnets[0].dhcp = true);
    served.apply();
    assert!(offered(true).is_some());

    // A person deletes the bridge. The network part mends it, the services mend themselves, without being told.
    delete_link(&served.cloud.network_ns(network), "br0");
    served.cloud.part.audit();
    assert!(
        eventually(|| offered(false).is_some()),
        "DHCP is not back on the new bridge"
    );

    // Another namespace in its place.
    let config = served.cloud.config.networks.remove(&network).unwrap();
    served.apply();
    served.cloud.config.networks.insert(network, config);
    served.apply();
    assert!(
        eventually(|| offered(false).is_some()),
        "DHCP is not back in the new namespace"
    );
    assert_eq!(served.services.failures(), Default::default());
}

// ---------------------------------------------------------------------------------------------------- DHCPv6 and RA

/// A network with an IPv6 subnet in this mode, a router that advertises it, and a guest.
fn ipv6_network(served: &mut Served, prefix: &str, mode: Ipv6Mode) -> (Vm, model::RouterId) {
    let (network, group) = served.network(&[prefix]);
    served
        .cloud
        .edit(network, |network| network.subnets[0].ipv6 = Some(mode));
    let vm = served.cloud.vm(network, 16, &[group]);
    let router = served.cloud.router(&[network], None);
    served.cloud.edit_router(router, |router| {
        router.legs[0].advertise = vec![(prefix.parse().unwrap(), mode)];
        router.legs[0].advertise_dns = vec!["fd00::53".parse().unwrap()];
    });
    (vm, router)
}

#[test]
fn dhcpv6_leases_the_ports_address() {
    let mut served = Served::new(&[]);
    let (vm, _) = ipv6_network(&mut served, "fd00:21::/64", Ipv6Mode::Dhcpv6Stateful);
    served.apply();
    let scope = index_of(&vm);
    let from = SocketAddrV6::new(vm.mac.link_local(), 546, 0, scope);
    let socket = vm.ns.run(|| UdpSocket::bind(from)).unwrap().unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let servers = SocketAddrV6::new("ff02::1:2".parse().unwrap(), 547, 0, scope);
    let ask = |kind, server: Option<v6::DhcpOption>| {
        let mut message = v6::Message::new(kind);
        message.opts_mut().insert(v6::DhcpOption::ClientId(vec![0, 4, 1, 2, 3]));
        let association = v6::IANA {
            id: 1,
            t1: 0,
            t2: 0,
            opts: v6::DhcpOptions::new(),
        };
        message.opts_mut().insert(v6::DhcpOption::IANA(association));
        if let Some(server) = server {
            message.opts_mut().insert(server);
        }
        let mut answer = None;
        eventually(|| {
            socket.send_to(&message.to_vec().unwrap(), servers).unwrap();
            let mut buffer = [0; 1500];
            let Ok(length) = socket.recv(&mut buffer) else {
                return false;
            };
            let decoded = v6::Message::decode(&mut Decoder::new(&buffer[..length])).unwrap();
            let matches = decoded.xid() == message.xid();
            answer = Some(decoded);
            matches
        });
        answer.expect("an answer to DHCPv6")
    };
    let advertise = ask(v6::MessageType::Solicit, None);
    assert_eq!(advertise.msg_type(), v6::MessageType::Advertise);
    let server = advertise.opts().get(v6::OptionCode::ServerId).unwrap().clone();
    let reply = ask(v6::MessageType::Request, Some(server));
    let Some(v6::DhcpOption::IANA(association)) = reply.opts().get(v6::OptionCode::IANA) else {
        panic!("no IA_NA in {reply:?}");
    };
    let Some(v6::DhcpOption::IAAddr(address)) = association.opts.get(v6::OptionCode::IAAddr) else {
        panic!("no address in {association:?}");
    };
    assert_eq!(IpAddr::V6(address.addr), vm.ip);
    let records = served.services.records(vm.port).unwrap();
    assert_eq!(records.dhcp[&DhcpStep::Dhcpv6Reply].address, Some(vm.ip));
}

/// Waits for a router advertisement that passes the test.
fn advertised(socket: &PacketSocket, wanted: impl Fn(&[u8]) -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while let Some(frame) = socket
        .receive(deadline.saturating_duration_since(Instant::now()))
        .unwrap()
    {
        // Ethernet 14, IPv6 40: hop limit at 21, next header at 20, ICMPv6 from 54.
        let is_advertisement = frame.len() > 70 && frame[20] == 58 && frame[54] == 134;
        if is_advertisement && frame[21] == 255 && frame[22..24] == [0xfe, 0x80] && wanted(&frame[54..]) {
            return true;
        }
    }
    false
}

#[test]
fn routers_advertise_and_guests_make_their_address() {
    let mut served = Served::new(&[]);
    let (vm, router) = ipv6_network(&mut served, "fd00:22::/64", Ipv6Mode::Slaac);
    served.apply();
    // The guest's own kernel is the judge: it takes the prefix and makes the address of its MAC.
    let wanted: Ipv6Addr = vm.mac.slaac("fd00:22::/64".parse().unwrap()).unwrap();
    let made = || {
        let addresses = Rtnl::open(&vm.ns).unwrap().addresses().unwrap();
        addresses.iter().any(|address| address.net.addr() == IpAddr::V6(wanted))
    };
    assert!(eventually(made), "no address from the advertised prefix");

    let socket = PacketSocket::open(&vm.ns, "eth0", packet::IPV6).unwrap();
    let all_routers: Ipv6Addr = "ff02::2".parse().unwrap();
    let source = vm.mac.link_local();
    let solicitation = ip6(source, all_routers, 58, &icmp6(source, all_routers, 133, &[0; 4]));
    let to = model::address::MacAddress([0x33, 0x33, 0, 0, 0, 2]);
    socket.send(&ethernet(vm.mac, to, packet::IPV6, &solicitation)).unwrap();
    let managed = |icmp: &[u8]| icmp[5] & 0xc0 != 0;
    assert!(
        advertised(&socket, |icmp| !managed(icmp)),
        "no answer to a solicitation"
    );

    served.cloud.edit_router(router, |router| {
        router.legs[0].advertise[0].1 = Ipv6Mode::Dhcpv6Stateful
    });
    served.apply();
    assert!(advertised(&socket, managed), "the change is not advertised");

    served
        .cloud
        .edit_router(router, |router| router.legs[0].advertise.clear());
    served.apply();
    assert!(
        advertised(&socket, |icmp| icmp[6..8] == [0, 0]),
        "the router did not say farewell"
    );
}

// --------------------------------------------------------------------------------------------------------------- DNS

fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::new(fresh().as_fields().1, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

fn ask_udp(vm: &Vm, server: IpAddr, message: &Message) -> Message {
    let socket = network_common::probe::udp_client(&vm.ns, SocketAddr::new(server, 53));
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send(&message.to_vec().unwrap()).unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).expect("an answer to DNS");
    Message::from_vec(&buffer[..length]).unwrap()
}

fn ask_tcp(vm: &Vm, server: IpAddr, message: &Message) -> Message {
    let to = SocketAddr::new(server, 53);
    let mut stream = vm
        .ns
        .run(|| TcpStream::connect_timeout(&to, PATIENCE))
        .unwrap()
        .unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let bytes = message.to_vec().unwrap();
    stream.write_all(&(bytes.len() as u16).to_be_bytes()).unwrap();
    stream.write_all(&bytes).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).unwrap();
    Message::from_vec(&answer).unwrap()
}

fn first_answer(message: &Message) -> String {
    message
        .answers
        .first()
        .map(|record| record.data.to_string())
        .unwrap_or_default()
}

#[test]
fn dns_knows_the_networks_names_and_forwards_the_rest() {
    let upstream: SocketAddr = "127.0.0.1:5353".parse().unwrap();
    let mut served = Served::new(&[upstream]);
    let (network, group) = served.network(&["10.3.0.0/24", "fd00:23::/64"]);
    let vm = served.cloud.vm(network, 10, &[group]);
    served.cloud.edit(network, |network| {
        network.names.insert("vm1".to_owned(), [vm.ip, vm.ip6.unwrap()].into());
    });
    served.apply();
    // A resolver that answers any question with 192.0.2.53, in the host's namespace only.
    let resolver = served.cloud.host.run(|| UdpSocket::bind(upstream)).unwrap().unwrap();
    let answering = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, from) = resolver.recv_from(&mut buffer).unwrap();
        let query = Message::from_vec(&buffer[..length]).unwrap();
        let mut answer = Message::response(query.metadata.id, OpCode::Query);
        answer.queries = query.queries.clone();
        let data = hickory_proto::rr::RData::A(hickory_proto::rr::rdata::A([192, 0, 2, 53].into()));
        answer.add_answer(hickory_proto::rr::Record::from_rdata(
            query.queries[0].name().clone(),
            5,
            data,
        ));
        resolver.send_to(&answer.to_vec().unwrap(), from).unwrap();
    });

    let servers = served.cloud.config.networks[&network]
        .service_port
        .clone()
        .unwrap()
        .addresses;
    for server in servers.iter().map(ipnet::IpNet::addr) {
        let a = question("vm1.openstacklocal.", RecordType::A);
        let answer = ask_udp(&vm, server, &a);
        assert_eq!(
            (answer.metadata.id, first_answer(&answer)),
            (a.metadata.id, vm.ip.to_string())
        );
        let aaaa = question("vm1.openstacklocal.", RecordType::AAAA);
        assert_eq!(first_answer(&ask_tcp(&vm, server, &aaaa)), vm.ip6.unwrap().to_string());
        let ptr = question("10.0.3.10.in-addr.arpa.", RecordType::PTR);
        assert_eq!(first_answer(&ask_udp(&vm, server, &ptr)), "vm1.openstacklocal.");
        let missing = ask_udp(&vm, server, &question("nobody.openstacklocal.", RecordType::A));
        assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    }
    let outside = question("www.example.org.", RecordType::A);
    let answer = ask_udp(&vm, servers[0].addr(), &outside);
    assert_eq!(
        (answer.metadata.id, first_answer(&answer).as_str()),
        (outside.metadata.id, "192.0.2.53")
    );
    answering.join().unwrap();
    // The resolver is gone: a quick, clear failure.
    let failed = ask_udp(&vm, servers[0].addr(), &outside);
    assert_eq!(failed.metadata.response_code, ResponseCode::ServFail);
}

#[test]
fn without_upstream_other_names_are_refused() {
    let mut served = Served::new(&[]);
    let (network, group) = served.network(&["10.4.0.0/24"]);
    let vm = served.cloud.vm(network, 10, &[group]);
    served.apply();
    let server = served.service_address(network);
    let answer = ask_udp(&vm, server, &question("www.example.org.", RecordType::A));
    assert_eq!(answer.metadata.response_code, ResponseCode::Refused);
}

// ---------------------------------------------------------------------------------------------------------- metadata

/// One request; returns status and body.
fn http(vm: &Vm, to: SocketAddr, request: &str) -> Option<(u16, String)> {
    let connected = vm.ns.run(|| TcpStream::connect_timeout(&to, PATIENCE)).unwrap();
    let mut stream = connected.ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (head, body) = request.split_once('|').unwrap_or((request, ""));
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: metadata\r\nX-Forwarded-For: 10.5.0.11\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    // Who has too many connections may find this one closed before all is written.
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    Some((status, text.split_once("\r\n\r\n")?.1.to_owned()))
}

const METADATA: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);

fn hostname(vm: &Vm, to: SocketAddr) -> String {
    http(vm, to, "GET /latest/meta-data/hostname")
        .map(|(_, body)| body)
        .unwrap_or_default()
}

#[test]
fn metadata_knows_who_asks() {
    let mut served = Served::new(&[]);
    let (network, group) = served.network(&["10.5.0.0/24", "fd00:25::/64"]);
    let (overlapping, other_group) = served.network(&["10.5.0.0/24"]);
    let vm = served
        .cloud
        .vm_with(network, 10, &[group], |port| port.dns_name = Some("one".to_owned()));
    let neighbour = served
        .cloud
        .vm_with(network, 11, &[group], |port| port.dns_name = Some("two".to_owned()));
    let twin = served.cloud.vm_with(overlapping, 10, &[other_group], |port| {
        port.dns_name = Some("twin".to_owned())
    });
    served.apply();
    for (vm, network) in [(&vm, network), (&neighbour, network), (&twin, overlapping)] {
        add_metadata_route(vm, served.service_address(network));
    }
    assert_eq!(hostname(&vm, METADATA), "one");
    assert_eq!(hostname(&neighbour, METADATA), "two");
    assert_eq!(hostname(&twin, METADATA), "twin");
    let over_ipv6 = SocketAddrV6::new("fe80::a9fe:a9fe".parse().unwrap(), 80, 0, index_of(&vm));
    assert_eq!(hostname(&vm, over_ipv6.into()), "one");

    let records = served.services.records(vm.port).unwrap();
    let last = records.metadata.back().unwrap();
    assert_eq!(
        (last.request.as_str(), last.status),
        ("GET /latest/meta-data/hostname", 200)
    );
    assert_eq!(http(&vm, METADATA, "GET /nothing").unwrap().0, 404);
    assert_eq!(http(&vm, METADATA, "DELETE /").unwrap().0, 405);
    // The service's other addresses are no way in, and neither is an address that is nobody's.
    let service = SocketAddr::new(served.service_address(network), 80);
    assert_eq!(http(&vm, service, "GET /latest/meta-data/hostname").unwrap().0, 404);
    served.cloud.edit_port(&vm, |port| port.port_security = false);
    served
        .cloud
        .edit_port(&vm, |port| port.fixed_ips[0].address = net("10.5.0.99/24"));
    served.apply();
    assert_eq!(http(&vm, METADATA, "GET /latest/meta-data/hostname").unwrap().0, 404);
}

/// Stateless groups: addresses come without a rule, metadata by one (api-ref, stateful security groups).
#[test]
fn a_stateless_guest_makes_its_address_and_needs_a_rule_for_metadata() {
    let mut served = Served::new(&[]);
    let (vm, _) = ipv6_network(&mut served, "fd00:27::/64", Ipv6Mode::Slaac);
    let group = *served.cloud.config.networks[&vm.network].groups.keys().next().unwrap();
    served.cloud.edit(vm.network, |network| network.stateless.insert(group));
    served.apply();
    let wanted = IpAddr::V6(vm.mac.slaac("fd00:27::/64".parse().unwrap()).unwrap());
    let addresses = || Rtnl::open(&vm.ns).unwrap().addresses().unwrap();
    assert!(eventually(|| addresses().iter().any(|own| own.net.addr() == wanted)));
    let at = SocketAddrV6::new("fe80::a9fe:a9fe".parse().unwrap(), 80, 0, index_of(&vm)).into();
    let connects = || vm.ns.run(|| TcpStream::connect_timeout(&at, SILENCE)).unwrap();
    assert!(connects().is_err(), "metadata answers without a rule");
    let from = Remote::Prefix(net("fe80::a9fe:a9fe"));
    let rule = network_common::rule(Direction::Ingress, EtherType::IPv6, ProtocolMatch::Any, from);
    let rules = network_common::with(all_out(), [rule]);
    served.cloud.set_group(vm.network, group, rules);
    served.apply();
    assert_eq!(http(&vm, at, "GET /nothing").unwrap().0, 404);
}

/// A server's metadata, as the document has it.
fn server(id: ServerId, name: &str) -> Arc<ServerConfig> {
    let metadata = InstanceMetadata {
        uuid: Some(id),
        name: name.to_owned(),
        hostname: name.to_owned(),
        public_keys: [("mykey".to_owned(), "ssh-ed25519 AAAA me".to_owned())].into(),
        ..InstanceMetadata::default()
    };
    Arc::new(ServerConfig {
        id,
        name: name.to_owned(),
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
        nics: Vec::new(),
        volumes: Vec::new(),
        disk_limits: DiskLimits::NONE,
        config_drive: false,
        metadata: Arc::new(metadata),
        orders: Default::default(),
    })
}

#[test]
fn metadata_is_reached_through_routers_too() {
    let mut served = Served::new(&[]);
    let (network, group) = served.network(&["10.6.0.0/24"]);
    let (second, second_group) = served.network(&["10.7.0.0/24"]);
    let vm = served.cloud.vm(network, 10, &[group]);
    let other = served.cloud.vm_with(second, 10, &[second_group], |port| {
        port.dns_name = Some("other".to_owned())
    });
    served.cloud.router(&[network, second], None);
    served.apply();
    // From here on the guest is a server's for the services; its interface stays.
    let id = ServerId(fresh());
    served.cloud.config.servers.insert(id, server(id, "web"));
    served
        .cloud
        .edit_port(&vm, |port| port.binding = PortBinding::Server(id));
    served.apply_services();

    // No route of their own: the gateway takes the packets, and redirects them.
    assert_eq!(hostname(&vm, METADATA), "web");
    assert_eq!(hostname(&other, METADATA), "other");
    let (status, body) = http(&vm, METADATA, "GET /openstack/latest/meta_data.json").unwrap();
    let document: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, document["uuid"].as_str()),
        (200, Some(id.to_string().as_str()))
    );
    let keys = served.services.records(vm.port).unwrap().keys.unwrap();
    assert_eq!(keys.names, ["mykey"]);

    let path = "/openstack/2013-10-17/password";
    // The guest is answered once what it left is in the document, and with that kept.
    std::thread::scope(|scope| {
        let posting = scope.spawn(|| http(&vm, METADATA, &format!("POST {path}|encrypted")).unwrap().0);
        let mut left = served.services.passwords();
        assert!(eventually(|| left.borrow_and_update().contains_key(&id)));
        assert_eq!(left.borrow()[&id], "encrypted");
        assert!(!posting.is_finished());
        let mut config = ServerConfig::clone(&served.cloud.config.servers[&id]);
        Arc::make_mut(&mut config.metadata).guest_password = Some("encrypted".to_owned());
        served.cloud.config.servers.insert(id, Arc::new(config));
        served.apply_services();
        assert_eq!(posting.join().unwrap(), 200);
        assert!(left.borrow().is_empty());
    });
    assert_eq!(http(&vm, METADATA, &format!("POST {path}|again")).unwrap().0, 409);
    assert_eq!(
        http(&vm, METADATA, &format!("GET {path}")).unwrap(),
        (200, "encrypted".to_owned())
    );
    assert_eq!(
        http(&other, METADATA, &format!("GET {path}")).unwrap(),
        (200, String::new())
    );
}

#[test]
fn a_guest_that_hoards_connections_leaves_the_others_theirs() {
    let mut served = Served::new(&[]);
    let (network, group) = served.network(&["10.8.0.0/24"]);
    let greedy = served.cloud.vm(network, 10, &[group]);
    let modest = served
        .cloud
        .vm_with(network, 11, &[group], |port| port.dns_name = Some("modest".to_owned()));
    served.apply();
    for vm in [&greedy, &modest] {
        add_metadata_route(vm, served.service_address(network));
    }
    let hoard: Vec<_> = (0..40)
        .filter_map(|_| {
            greedy
                .ns
                .run(|| TcpStream::connect_timeout(&METADATA, PATIENCE))
                .unwrap()
                .ok()
        })
        .collect();
    // Those beyond the limit are closed at once.
    let closed = |mut stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        !matches!(stream.read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    assert!(eventually(|| hoard.iter().filter(|stream| closed(stream)).count() >= 24));
    assert_eq!(hostname(&modest, METADATA), "modest");
    let slow = hoard.len();
    drop(hoard);
    assert_eq!(slow, 40);
    assert!(
        eventually(|| !hostname(&greedy, METADATA).is_empty()),
        "room is made again"
    );
}
