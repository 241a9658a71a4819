//! Causes that lie on the host or in the guest, each in one sentence. Names of devices, addresses and rules are not in it:
//! these are evidence, which only the operator gets to see.

use super::{Called, Text, call, capital};
use crate::reach::cause::Code;
use crate::reach::look::{Evidence, HostBlocker};
use crate::reach::names::Object;
use crate::reach::observed::{ConsoleSign, NeighbourSeen};
use crate::reach::probe::{ChainPoint, Loss, ProbeVerdict};
use crate::reach::programmed::{Finding, HostObject, Place, State};
use crate::{Actor, Cloud};

/// Why, in a sentence.
pub fn cause(cloud: &Cloud, actor: &Actor, blocker: &HostBlocker) -> Text {
    about(cloud, actor, blocker.code, blocker.object)
}

/// What a code says of a thing; `None`: of the host.
pub fn about(cloud: &Cloud, actor: &Actor, code: Code, object: Option<Object>) -> Text {
    sentence(code, &object.map_or_else(the_host, |object| call(cloud, actor, object)))
}

fn the_host() -> Called {
    Called {
        en: "the host".to_owned(),
        ko: "호스트".to_owned(),
    }
}

/// A code's sentence about something that is called so.
pub(super) fn sentence(code: Code, called: &Called) -> Text {
    let Called { en, ko } = called;
    let upper = capital(en);
    let text = of_devices(code, en, ko)
        .or_else(|| of_rules(code, en, ko))
        .or_else(|| of_routes(code, &upper, en, ko))
        .or_else(|| of_services(code, en, ko))
        .or_else(|| of_guests(code, &upper, en, ko));
    text.map_or_else(
        || {
            Text::new(
                format!("Something of {en} on the host is not as it was declared."),
                format!("호스트에 있는 {ko}의 상태 일부가 선언과 다릅니다."),
            )
        },
        |(en, ko)| Text::new(en, ko),
    )
}

fn of_devices(code: Code, en: &str, ko: &str) -> Option<(String, String)> {
    Some(match code {
        Code::NsMissing => (
            format!("The network namespace of {en} is missing on the host, or another one has its name."),
            format!("호스트에 {ko}의 네트워크 네임스페이스가 없거나 같은 이름의 다른 것이 있습니다."),
        ),
        Code::DeviceMissing => (
            format!("A network device of {en} is missing on the host."),
            format!("호스트에 {ko}의 네트워크 장치가 없습니다."),
        ),
        Code::TapMissing => (
            format!("The tap device of {en} is missing on the host, so its server is on no network."),
            format!("호스트에 {ko}의 탭 장치가 없어 서버가 네트워크에 연결되어 있지 않습니다."),
        ),
        Code::TapNotHeld => (
            format!("The server's process does not hold the tap device of {en}."),
            format!("서버 프로세스가 {ko}의 탭 장치를 쓰고 있지 않습니다."),
        ),
        Code::DeviceDown => (
            format!("A network device of {en} is down on the host."),
            format!("호스트에서 {ko}의 네트워크 장치가 내려가 있습니다."),
        ),
        Code::UplinkDown => (
            format!("The bridge of {en} is down or missing on the host."),
            format!("호스트에서 {ko}의 브리지가 내려가 있거나 없습니다."),
        ),
        Code::DeviceUnplugged => (
            format!("A network device of {en} is not plugged in where it belongs."),
            format!("{ko}의 네트워크 장치가 연결되어야 할 곳에 연결되어 있지 않습니다."),
        ),
        Code::BridgePortBlocked => (
            format!("The bridge holds back frames for the device of {en}."),
            format!("브리지가 {ko}의 장치로 가는 프레임을 내보내지 않습니다."),
        ),
        Code::StrangeDevice => (
            format!("A network device that nobody asked for is among those of {en}."),
            format!("{ko}의 장치 사이에 아무도 요청하지 않은 네트워크 장치가 있습니다."),
        ),
        Code::MacWrong => (
            format!("A network device of {en} has another Ethernet address than was declared."),
            format!("{ko}의 네트워크 장치에 선언과 다른 이더넷 주소가 있습니다."),
        ),
        Code::MtuTooSmall => (
            format!("A network device of {en} takes only smaller packets than was declared: large ones get lost."),
            format!("{ko}의 네트워크 장치가 선언보다 작은 패킷만 받아 큰 패킷은 사라집니다."),
        ),
        Code::ForeignQueue => (
            format!("A queue or filter that nobody asked for holds back the packets of {en}."),
            format!("아무도 요청하지 않은 큐나 필터가 {ko}의 패킷을 붙잡습니다."),
        ),
        Code::QosPolicing => (
            format!("The bandwidth of {en} is limited otherwise than was declared."),
            format!("{ko}의 대역폭 제한이 선언과 다릅니다."),
        ),
        Code::TrunkBroken => (
            format!("The VLAN tags of {en} are not set or removed on the host."),
            format!("호스트에서 {ko}의 VLAN 태그를 붙이거나 떼지 않습니다."),
        ),
        Code::BridgeFdbWrong => (
            format!("The bridge believes {en} to be behind another device."),
            format!("브리지가 {ko}를 다른 장치 뒤에 있다고 알고 있습니다."),
        ),
        _ => return None,
    })
}

fn of_rules(code: Code, en: &str, ko: &str) -> Option<(String, String)> {
    Some(match code {
        Code::DnatRuleMissing => (
            format!("The rule that leads {en} to the address inside is missing on the host."),
            format!("호스트에 {ko}를 안쪽 주소로 바꾸는 규칙이 없습니다."),
        ),
        Code::DnatRuleWrong => (
            format!("The rule of {en} leads to another address inside than was declared."),
            format!("{ko}의 규칙이 선언과 다른 안쪽 주소로 이어집니다."),
        ),
        Code::SnatRuleMissing => (
            format!("The rule that lets packets leave under the outside address of {en} is missing on the host."),
            format!("호스트에 {ko}의 바깥 주소로 내보내는 규칙이 없습니다."),
        ),
        Code::RuleMissing => (
            format!("A packet filter rule of {en} is missing on the host."),
            format!("호스트에 {ko}의 패킷 필터 규칙이 없습니다."),
        ),
        Code::RuleUnwanted => (
            format!("There is a packet filter rule for {en} on the host that nobody asked for."),
            format!("호스트에 아무도 요청하지 않은 {ko}의 패킷 필터 규칙이 있습니다."),
        ),
        Code::RulesMissing => (
            format!("A whole table of packet filter rules of {en} is missing or disabled on the host."),
            format!("호스트에 {ko}의 패킷 필터 테이블 전체가 없거나 꺼져 있습니다."),
        ),
        Code::ForeignRules => (
            format!("Somebody else's packet filter rules are in the network namespace of {en}."),
            format!("{ko}의 네트워크 네임스페이스에 다른 곳에서 만든 패킷 필터 규칙이 있습니다."),
        ),
        Code::HostFirewall => (
            "Another firewall drops packets that pass here.".to_owned(),
            "다른 방화벽이 이곳을 지나는 패킷을 버립니다.".to_owned(),
        ),
        Code::ConntrackFull => (
            "The kernel tracks as many connections as it may: new ones are dropped.".to_owned(),
            "커널이 추적할 수 있는 연결 수가 가득 차 새 연결이 버려집니다.".to_owned(),
        ),
        Code::ConntrackNearlyFull => (
            "The kernel tracks nearly as many connections as it may: new ones are dropped soon.".to_owned(),
            "커널이 추적할 수 있는 연결 수가 거의 가득 차 곧 새 연결이 버려집니다.".to_owned(),
        ),
        Code::NeighTableFull => (
            "The kernel knows as many neighbours as it may: new ones are not found.".to_owned(),
            "커널의 이웃 테이블이 가득 차 새 이웃을 찾지 못합니다.".to_owned(),
        ),
        _ => return None,
    })
}

fn of_routes(code: Code, upper: &str, en: &str, ko: &str) -> Option<(String, String)> {
    Some(match code {
        Code::BrExNoAddress => (
            format!("The host lacks its address on {en}."),
            format!("호스트에 {ko}의 호스트 주소가 없습니다."),
        ),
        Code::AddressMissing => (
            format!("{upper} lacks an address on the host that was declared for it."),
            format!("호스트에 {ko}에 선언된 주소가 없습니다."),
        ),
        Code::FipAddressMissing => (
            format!("The address of {en} is not on its router, so nobody answers for it."),
            format!("{ko}의 주소가 라우터에 없어 아무도 응답하지 않습니다."),
        ),
        Code::AddressTaken => (
            format!("Something else has, or answers for, an address of {en}."),
            format!("{ko}의 주소를 다른 것이 가지고 있거나 대신 응답합니다."),
        ),
        Code::RouteMissing => (
            format!("A route of {en} is missing on the host."),
            format!("호스트에 {ko}의 경로가 없습니다."),
        ),
        Code::RouteAstray => (
            format!("A route of {en} that nobody asked for leads packets elsewhere."),
            format!("아무도 요청하지 않은 {ko}의 경로가 패킷을 다른 곳으로 보냅니다."),
        ),
        Code::RouteBlackhole => (
            format!("A route of {en} swallows these packets."),
            format!("{ko}의 경로가 이 패킷을 버립니다."),
        ),
        Code::OverlapWithHostNetwork => (
            "A network of the host has addresses of the cloud's, so packets for them go astray.".to_owned(),
            "호스트의 네트워크가 클라우드의 주소와 겹쳐 패킷이 엉뚱한 곳으로 갑니다.".to_owned(),
        ),
        Code::NsForwardOff => (
            format!("{upper} does not forward packets on the host."),
            format!("호스트에서 {ko}가 패킷을 전달하지 않습니다."),
        ),
        Code::RpfilterDrop => (
            format!("{upper} drops packets whose sender it would answer another way (rp_filter)."),
            format!("{ko}가 보낸 곳과 다른 길로 응답할 패킷을 버립니다(rp_filter)."),
        ),
        Code::Ipv6Off => (
            format!("IPv6 is turned off for {en} on the host."),
            format!("호스트에서 {ko}의 IPv6이 꺼져 있습니다."),
        ),
        Code::NeighbourWrong => (
            "An Ethernet address that somebody set by hand for a neighbour is wrong.".to_owned(),
            "누군가 직접 설정한 이웃의 이더넷 주소가 틀립니다.".to_owned(),
        ),
        Code::NeighbourFailed => (
            "The next machine on the link was asked for (ARP, neighbour discovery) and did not answer.".to_owned(),
            "같은 링크의 다음 장치가 주소 확인(ARP, 이웃 탐색)에 응답하지 않았습니다.".to_owned(),
        ),
        Code::UnreachableOnWay => (
            "Something on the way says that the packet can't be delivered.".to_owned(),
            "가는 길의 장치가 패킷을 전달할 수 없다고 알려 왔습니다.".to_owned(),
        ),
        Code::LostOnHost => (
            "A packet was sent and got lost on the host.".to_owned(),
            "보낸 패킷이 호스트 안에서 사라졌습니다.".to_owned(),
        ),
        _ => return None,
    })
}

fn of_services(code: Code, en: &str, ko: &str) -> Option<(String, String)> {
    Some(match code {
        Code::DhcpServiceDown => (
            format!("DHCP is not running for {en}: its servers get no address."),
            format!("{ko}의 DHCP가 동작하지 않아 서버가 주소를 받지 못합니다."),
        ),
        Code::DnsServiceDown => (
            format!("DNS is not running for {en}."),
            format!("{ko}의 DNS가 동작하지 않습니다."),
        ),
        Code::MetadataServiceDown => (
            format!("The metadata service is not running for {en}."),
            format!("{ko}의 메타데이터 서비스가 동작하지 않습니다."),
        ),
        Code::RaServiceDown => (
            format!("Router advertisements are not sent by {en}: its servers get no IPv6 route."),
            format!("{ko}가 라우터 광고를 보내지 않아 서버가 IPv6 경로를 받지 못합니다."),
        ),
        _ => return None,
    })
}

fn of_guests(code: Code, upper: &str, en: &str, ko: &str) -> Option<(String, String)> {
    Some(match code {
        Code::VmProcessGone => (
            format!("The process of {en} is gone, although it should run."),
            format!("{ko}가 실행 중이어야 하지만 프로세스가 없습니다."),
        ),
        Code::DhcpNoLease => (
            format!("The guest has got no address by DHCP for {en}."),
            format!("게스트가 {ko}의 주소를 DHCP로 받지 못했습니다."),
        ),
        Code::WrongAddressInGuest => (
            format!("The guest asked by DHCP for an address that is not that of {en}."),
            format!("게스트가 {ko}의 것이 아닌 주소를 DHCP로 요청했습니다."),
        ),
        Code::MetadataNotFetched => (
            format!("{upper} could not reach the metadata service, so it may have no key to log in by."),
            format!("{ko}가 메타데이터 서비스에 접속하지 못해 로그인 키가 없을 수 있습니다."),
        ),
        Code::KeyNotDelivered => (
            format!("{upper} was given no key, so nobody can log in by one."),
            format!("{ko}에 키가 전달되지 않아 키로 로그인할 수 없습니다."),
        ),
        Code::KernelPanic => (
            format!("The kernel of {en} has crashed."),
            format!("{ko}의 커널이 멈췄습니다(kernel panic)."),
        ),
        Code::NoBootDisk => (
            format!("{upper} found no disk to boot from."),
            format!("{ko}가 부팅할 디스크를 찾지 못했습니다."),
        ),
        Code::GuestStillBooting => (
            format!("{upper} is still booting."),
            format!("{ko}가 아직 부팅하는 중입니다."),
        ),
        Code::GuestSilent => (
            format!("Packets reach {en}, and nothing has come back from the guest."),
            format!("{ko}까지 패킷이 도착하지만 게스트에서 아무것도 돌아오지 않았습니다."),
        ),
        Code::ArpUnanswered => (
            format!("The guest does not answer for the address of {en}: it does not have it, or is not up yet."),
            format!("게스트가 {ko}의 주소에 응답하지 않습니다. 그 주소가 없거나 아직 켜지지 않았습니다."),
        ),
        Code::GuestFirewall => (
            format!(
                "The packet was delivered to {en}, and the guest did not answer: most likely its own firewall drops it."
            ),
            format!("패킷이 {ko}에 전달되었지만 게스트가 응답하지 않습니다. 게스트의 방화벽이 버리는 것으로 보입니다."),
        ),
        Code::PortClosed => (
            format!("The packet was delivered to {en}, and nothing in the guest listens at this port."),
            format!("패킷이 {ko}에 전달되었지만 게스트에서 이 포트를 여는 프로그램이 없습니다."),
        ),
        _ => return None,
    })
}

/// A probe was answered.
pub fn answered(rtt_us: u64) -> Text {
    let (whole, part) = (rtt_us / 1000, rtt_us % 1000 / 100);
    Text::new(
        format!("It was answered after {whole}.{part} ms."),
        format!("{whole}.{part}밀리초 만에 응답이 왔습니다."),
    )
}

/// Whom to ask about what only the operator can mend.
pub fn ask_operator() -> Text {
    Text::new("Tell whoever runs the cloud.", "클라우드 운영자에게 알리세요.")
}

/// What mends it.
pub fn fix(code: Code) -> Text {
    let (en, ko) = match code {
        Code::HostForwardOff => ("Turn on forwarding on the host.", "호스트에서 패킷 전달을 켭니다."),
        Code::HostFirewall => (
            "Let what the provider bridge carries pass the other firewall.",
            "다른 방화벽에서 외부 브리지를 지나는 패킷을 허용합니다.",
        ),
        Code::OverlapWithHostNetwork => (
            "Remove the route, or give the host's network or the cloud's other addresses.",
            "경로를 지우거나, 호스트 네트워크나 클라우드의 주소 범위를 바꿉니다.",
        ),
        Code::ConntrackFull | Code::ConntrackNearlyFull => (
            "Let the kernel track more connections.",
            "커널이 더 많은 연결을 추적하게 합니다.",
        ),
        Code::NeighTableFull => ("Let the kernel know more neighbours.", "커널의 이웃 테이블을 늘립니다."),
        Code::VmProcessGone => ("Reboot the server hard.", "서버를 강제로 재부팅합니다."),
        Code::PortClosed => (
            "In the guest, start the service, and see that it listens at this port at all addresses.",
            "게스트에서 서비스를 시작하고 모든 주소의 이 포트에서 대기하는지 확인하세요.",
        ),
        Code::GuestFirewall => (
            "In the guest, let this in by its firewall, or wait until it has started.",
            "게스트의 방화벽에서 허용하거나, 부팅이 끝날 때까지 기다리세요.",
        ),
        Code::GuestSilent | Code::ArpUnanswered => (
            "Look at the server's console: it may not be up, or not have its address.",
            "서버의 콘솔을 확인하세요. 아직 켜지지 않았거나 주소가 없을 수 있습니다.",
        ),
        Code::GuestStillBooting => ("Wait until it has started.", "부팅이 끝날 때까지 기다리세요."),
        Code::KernelPanic | Code::NoBootDisk => (
            "Look at the server's console, then rebuild it from an image that boots.",
            "서버의 콘솔을 확인하고 부팅되는 이미지로 다시 만드세요.",
        ),
        Code::DhcpNoLease | Code::WrongAddressInGuest => (
            "In the guest, ask for an address again by DHCP.",
            "게스트에서 DHCP로 주소를 다시 받으세요.",
        ),
        Code::MetadataNotFetched => (
            "Reboot the server once its network works; or use a configuration drive.",
            "네트워크가 동작하면 서버를 재부팅하거나 config drive를 사용하세요.",
        ),
        Code::KeyNotDelivered => (
            "Make the server anew with a key pair, or log in at its console.",
            "키 쌍을 지정해 서버를 다시 만들거나 콘솔로 로그인하세요.",
        ),
        Code::LostOnHost | Code::UnreachableOnWay => (
            "Look where the packets ended (the probe's trace in --json), and at the host as a whole.",
            "패킷이 끝난 곳(--json의 프로브 추적)과 호스트 전체 상태를 확인하세요.",
        ),
        Code::NeighbourFailed => (
            "Ask again with a probe: whoever has the address may not have been up then.",
            "프로브로 다시 확인하세요. 그때는 그 주소의 장치가 켜져 있지 않았을 수 있습니다.",
        ),
        Code::AddressTaken => (
            "Find who has the address besides, and give it another one.",
            "같은 주소를 쓰는 것을 찾아 다른 주소를 주세요.",
        ),
        _ => (
            "Make it as it was declared. Maru does so by itself for what it made; if it stays, start Maru anew: servers go on meanwhile.",
            "선언된 상태로 되돌립니다. 마루가 만든 것은 스스로 되돌립니다. 그대로라면 마루를 다시 시작하세요. 서버는 계속 동작합니다.",
        ),
    };
    Text::new(en, ko)
}

/// What tells it, for the operator: names, addresses and rules of the host. In English, as the kernel's own tools.
pub fn evidence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Finding(finding) => finding_text(finding),
        Evidence::Neighbour(NeighbourSeen {
            place,
            device,
            address,
            mac,
            state,
        }) => {
            let mac = mac.map_or_else(|| "no Ethernet address".to_owned(), |mac| mac.to_string());
            format!(
                "{}: neighbour {address} on {device}: {mac}, {state:?}",
                place_text(*place)
            )
        }
        Evidence::BridgeEntry(entry) => format!("bridge entry of port {} on {}", entry.port, entry.device),
        Evidence::FlowTable(fill) => format!("{} of {} flows", fill.entries, fill.limit),
        Evidence::Console(ConsoleSign { line, .. }) => format!("console: {line}"),
        Evidence::Dhcp(exchange) => {
            let address = exchange
                .address
                .map_or_else(String::new, |address| format!(" for {address}"));
            format!(
                "DHCP: {:?}{address}, transaction {:08x}, {}",
                exchange.step,
                exchange.xid,
                exchange.at.seconds_z()
            )
        }
        Evidence::Keys(keys) if keys.names.is_empty() => format!("no key was given out ({})", keys.at.seconds_z()),
        Evidence::Keys(keys) => format!("keys given out: {} ({})", keys.names.join(", "), keys.at.seconds_z()),
        Evidence::NeverSent => "packets went to the device, and none has come from it".to_owned(),
        Evidence::Probe(verdict) => verdict_text(verdict),
    }
}

/// Whether it is about the guest alone, which its owner may know all of.
pub fn is_of_guest(evidence: &Evidence) -> bool {
    matches!(
        evidence,
        Evidence::Console(_) | Evidence::Dhcp(_) | Evidence::Keys(_) | Evidence::NeverSent
    )
}

fn place_text(place: Place) -> String {
    match place {
        Place::Host => "host".to_owned(),
        Place::Network(id) => format!("qdhcp-{id}"),
        Place::Router(id) => format!("qrouter-{id}"),
        Place::Attached(port) => format!("namespace of port {port}"),
    }
}

/// A finding as the kernel's tools would say it.
pub fn finding_text(finding: &Finding) -> String {
    let what = object_text(&finding.object);
    match &finding.state {
        State::Missing => format!("{what}: missing"),
        State::Unwanted => format!("{what}: nobody asked for it"),
        State::Different { want, have } => format!("{what}: {have} instead of {want}"),
        State::Unreadable(why) => format!("{what}: can't be read: {why}"),
    }
}

fn object_text(object: &HostObject) -> String {
    let at = place_text;
    match object {
        HostObject::Namespace(place) => format!("namespace {}", at(*place)),
        HostObject::Setting { place, key } => format!("{}: {key}", at(*place)),
        HostObject::Device(device) => format!("{}: {}", at(device.place), device.name),
        HostObject::Property { device, property } => {
            format!("{}: {} {property:?}", at(device.place), device.name)
        }
        HostObject::Address { device, address, .. } => {
            format!("{}: address {address} of {}", at(device.place), device.name)
        }
        HostObject::Route {
            place,
            destination,
            nexthop,
            ..
        } => {
            let by = nexthop.map_or_else(String::new, |nexthop| format!(" via {nexthop}"));
            format!("{}: route {destination}{by}", at(*place))
        }
        HostObject::RoutingRule { place, priority } => format!("{}: ip rule {priority}", at(*place)),
        HostObject::Table(table) => format!("{}: table {} {}", at(table.place), table.family, table.name),
        HostObject::Chain { table, chain, .. } | HostObject::RuleOrder { table, chain, .. } => {
            format!("{}: chain {} {} {chain}", at(table.place), table.family, table.name)
        }
        HostObject::Rule { table, chain, rule, .. } => {
            let place = at(table.place);
            format!("{place}: rule in {} {} {chain}: {rule}", table.family, table.name)
        }
        HostObject::Set { table, set, .. } => {
            format!("{}: set {} {} {set}", at(table.place), table.family, table.name)
        }
        HostObject::Element { table, set, key, .. } => {
            format!("{}: {} {} {set} {{ {key} }}", at(table.place), table.family, table.name)
        }
        HostObject::Counter { table, counter, .. } => {
            format!("{}: counter {} {} {counter}", at(table.place), table.family, table.name)
        }
        HostObject::ForeignChain {
            table, chain, drops, ..
        } => {
            let place = at(table.place);
            format!(
                "{place}: chain {} {} {chain} ({})",
                table.family,
                table.name,
                drops.join("; ")
            )
        }
        HostObject::NdpProxy { router, address } => format!("qrouter-{router}: NDP proxy for {address}"),
        HostObject::Neighbour { device, address } => {
            format!("{}: neighbour {address} on {}", at(device.place), device.name)
        }
        HostObject::BridgeEntry { network, port } => format!("qdhcp-{network}: bridge entry of port {port}"),
        HostObject::BandwidthLimit { port, direction } => format!("limit of port {port}, {direction:?}"),
        HostObject::Service { place, service } => format!("{}: {service:?}", at(*place)),
        HostObject::Process(server) => format!("QEMU of server {server}"),
        HostObject::FlowTable(place) => format!("{}: table of flows", at(*place)),
        HostObject::NeighbourTable(version) => format!("table of neighbours (IPv{version})"),
    }
}

fn verdict_text(verdict: &ProbeVerdict) -> String {
    match verdict {
        ProbeVerdict::Answered { rtt_us } => format!("answered after {rtt_us} us"),
        ProbeVerdict::Refused { by, how } => format!("refused by {by} ({how:?})"),
        ProbeVerdict::AnsweredElsewhere { by, place } => {
            format!("answered by {by}, and last seen in {place}: it never came to the port")
        }
        ProbeVerdict::Unreachable { by, kind, code } => format!("{by} says unreachable (ICMP {kind}/{code})"),
        ProbeVerdict::NoNeighbour {
            place,
            address,
            delivered,
        } => {
            let delivered = match delivered {
                Some(true) => "; the question came to the port",
                Some(false) => "; the question did not come to the port",
                None => "",
            };
            format!("{place} asked for {address} and got no answer{delivered}")
        }
        ProbeVerdict::SilentAfterDelivery { port } => format!("delivered to port {port}, which kept silent"),
        ProbeVerdict::LostAt { way, place, loss, .. } => {
            let way = format!("{way:?}").to_lowercase();
            format!("the {way} was lost in {place}: {}", loss_text(loss))
        }
        ProbeVerdict::NotSent(why) => format!("not sent: {why}"),
    }
}

fn loss_text(loss: &Loss) -> String {
    let point = |at: &ChainPoint| {
        let rule = at.rule.as_ref().and_then(|rule| rule.text.clone());
        let rule = rule.map_or_else(String::new, |rule| format!(": {rule}"));
        format!("{} {} {}{rule}", at.family, at.table, at.chain)
    };
    match loss {
        Loss::Dropped(at) => format!("dropped by {}", point(at)),
        Loss::After(Some(at)) => format!("not seen after {}", point(at)),
        Loss::After(None) => "not seen any more".to_owned(),
        Loss::AfterDevice => "not seen after the port's device".to_owned(),
        Loss::NeverSeen => "never seen".to_owned(),
    }
}
