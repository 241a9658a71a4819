//! Each cause in one sentence, in English and in Korean.
//!
//! In Korean the kind of a thing stands behind its name, so that the particle is that of a word we know.

mod hop;
pub mod host;

use serde::{Deserialize, Serialize};

pub use hop::hop;

use super::cause::{Cause, Code};
use super::fix::Fix;
use super::names::{Object, objects};
use super::question::Lack;
use super::walk::Obstacle;
use crate::host::Direction;
use crate::{Actor, Cloud};

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

impl Text {
    fn new(en: impl Into<String>, ko: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            ko: ko.into(),
        }
    }
}

/// What a thing is called in a sentence: `router “r1”`, `‘r1’ 라우터`; for somebody else's only the kind.
struct Called {
    en: String,
    ko: String,
}

fn call(cloud: &Cloud, actor: &Actor, object: Object) -> Called {
    let (en, ko) = match object {
        Object::Server(_) => ("server", "서버"),
        Object::Port(_) => ("port", "포트"),
        Object::Network(_) => ("network", "네트워크"),
        Object::Subnet(_) => ("subnet", "서브넷"),
        Object::Router(_) => ("router", "라우터"),
        Object::FloatingIp(_) => ("floating IP", "유동 IP"),
        Object::SecurityGroup(_) => ("security group", "보안 그룹"),
    };
    let named = object.named(cloud, actor);
    match named.id {
        Some(_) => Called {
            en: format!("{en} “{}”", named.name),
            ko: format!("‘{}’ {ko}", named.name),
        },
        None => Called {
            en: format!("another project's {en}"),
            ko: format!("다른 프로젝트의 {ko}"),
        },
    }
}

/// Why, in a sentence; `code` is the cause's own, as the blocker tells it.
pub fn cause(cloud: &Cloud, actor: &Actor, code: Code, cause: &Cause) -> Text {
    let first = objects(cloud, cause).first().map(|object| call(cloud, actor, *object));
    let Called { en, ko } = first.unwrap_or_else(|| Called {
        en: "the host".to_owned(),
        ko: "호스트".to_owned(),
    });
    let upper = capital(&en);
    let (en, ko) = match code {
        Code::ServerWithoutPort => (
            format!("{upper} has no port: it is on no network."),
            format!("{ko}에 포트가 없어 어떤 네트워크에도 연결되어 있지 않습니다."),
        ),
        Code::PortWithoutAddress => (
            format!("{upper} has no address of this IP version."),
            format!("{ko}에 이 IP 버전의 주소가 없습니다."),
        ),
        Code::FipMissing => (
            format!("No floating IP leads to {en}, so nobody outside has an address to reach it by."),
            format!("{ko}에 연결된 유동 IP가 없어 밖에서 쓸 주소가 없습니다."),
        ),
        Code::FipUnassociated => (
            format!("{upper} is not associated with any port."),
            format!("{ko}가 어떤 포트에도 연결되어 있지 않습니다."),
        ),
        Code::FixedIpFromOutside => (
            format!(
                "{} is an address inside the cloud; outside nobody has a way to it. Use a floating IP.",
                detail(cause)
            ),
            format!(
                "{} 주소는 클라우드 안쪽 주소라 밖에서는 갈 길이 없습니다. 유동 IP를 쓰세요.",
                detail(cause)
            ),
        ),
        Code::NoExternalNetwork => (
            "There is no external network.".to_owned(),
            "외부 네트워크가 없습니다.".to_owned(),
        ),
        Code::NoAddress => (
            format!("Nobody on {en} has the address {}.", detail(cause)),
            format!("{ko}에 {} 주소를 가진 것이 없습니다.", detail(cause)),
        ),
        Code::NoRoute => (
            format!("{upper} has no route to {}.", detail(cause)),
            format!("{ko}에 {} 주소로 가는 경로가 없습니다.", detail(cause)),
        ),
        Code::NextHopUnanswered => (
            format!("The next hop {} of a route of {en} does not answer.", detail(cause)),
            format!("{ko}의 경로가 가리키는 다음 홉 {}에서 응답이 없습니다.", detail(cause)),
        ),
        Code::RouterNoInterfaceOnSubnet => (
            format!("No router has an interface on {en}, so nothing leaves it."),
            format!("{ko}에 연결된 라우터가 없어 아무것도 밖으로 나가지 못합니다."),
        ),
        Code::SubnetWithoutGateway => (
            format!(
                "{upper} has no gateway, so its servers know no way to {}.",
                detail(cause)
            ),
            format!(
                "{ko}에 게이트웨이가 없어 서버가 {} 주소로 갈 길을 모릅니다.",
                detail(cause)
            ),
        ),
        Code::RouterNoGateway => (
            format!("{upper} has no gateway on an external network."),
            format!("{ko}에 외부 네트워크 게이트웨이가 없습니다."),
        ),
        Code::RouterAdminDown | Code::PortAdminDown => (
            format!("{upper} is administratively down."),
            format!("{ko}의 관리 상태가 꺼져 있습니다."),
        ),
        Code::NetworkAdminDown => {
            let network = objects(cloud, cause).into_iter().nth(1);
            let Called { en, ko } = network.map_or(Called { en, ko }, |object| call(cloud, actor, object));
            (
                format!("{} is administratively down.", capital(&en)),
                format!("{ko}의 관리 상태가 꺼져 있습니다."),
            )
        }
        Code::PortUnbound => (
            format!("Nothing is plugged into {en}."),
            format!("{ko}에 연결된 장치가 없습니다."),
        ),
        Code::VmNotRunning => (format!("{upper} is shut off."), format!("{ko}가 꺼져 있습니다.")),
        Code::VmPaused => (format!("{upper} is paused."), format!("{ko}가 일시 정지되어 있습니다.")),
        Code::VmSuspended => (
            format!("{upper} is suspended."),
            format!("{ko}가 일시 중단되어 있습니다."),
        ),
        Code::VmBuilding => (
            format!("{upper} is still being made."),
            format!("{ko}를 아직 만드는 중입니다."),
        ),
        Code::VmError => (format!("{upper} is in error."), format!("{ko}가 오류 상태입니다.")),
        Code::NotOnHost => (
            format!("{upper} is not on the host."),
            format!("호스트에 {ko}가 없습니다."),
        ),
        Code::PortSecuritySpoof => (
            format!(
                "Port security stops what {en} sends as {}, which is not its address.",
                detail(cause)
            ),
            format!(
                "포트 보안이 {ko}에서 {} 주소로 보내는 것을 막습니다. 이 포트의 주소가 아닙니다.",
                detail(cause)
            ),
        ),
        Code::SgEgressBlocked => (
            format!("No egress rule of the security groups of {en} lets it out."),
            format!("{ko}의 보안 그룹에 이 패킷을 허용하는 송신 규칙이 없습니다."),
        ),
        Code::SgNoIngressRule => (
            format!("No ingress rule of the security groups of {en} lets it in."),
            format!("{ko}의 보안 그룹에 이 패킷을 허용하는 수신 규칙이 없습니다."),
        ),
        Code::SgWrongRemote => (
            format!("A rule of the security groups of {en} would let it in, but only from others."),
            format!("{ko}의 보안 그룹에 맞는 규칙이 있지만 다른 출발지만 허용합니다."),
        ),
        Code::SgWrongProtocol => (
            format!("A rule of the security groups of {en} would let it in, but for another protocol."),
            format!("{ko}의 보안 그룹에 맞는 규칙이 있지만 다른 프로토콜만 허용합니다."),
        ),
        Code::SgWrongPort => (
            format!("A rule of the security groups of {en} would let it in, but for other ports."),
            format!("{ko}의 보안 그룹에 맞는 규칙이 있지만 다른 포트만 허용합니다."),
        ),
        Code::SgWrongEthertype => (
            format!("A rule of the security groups of {en} would let it in, but for the other IP version."),
            format!("{ko}의 보안 그룹에 맞는 규칙이 있지만 다른 IP 버전만 허용합니다."),
        ),
        Code::SgNone => (
            format!("{upper} is in no security group, so nothing is let in."),
            format!("{ko}가 어떤 보안 그룹에도 없어 아무것도 들어오지 못합니다."),
        ),
        Code::AddressScopes => (
            format!("{upper} does not route between networks of different address scopes."),
            format!("{ko}는 주소 범위가 서로 다른 네트워크 사이를 잇지 않습니다."),
        ),
        Code::NdpProxyMissing => (
            format!(
                "{upper} passes on only what NDP proxies name, and none names {}.",
                detail(cause)
            ),
            format!(
                "{ko}는 NDP 프록시에 있는 주소만 들여보내는데 {} 주소가 없습니다.",
                detail(cause)
            ),
        ),
        Code::AsymmetricReturn => (
            "The answer comes back another way than the question went, so it is not recognized as one.".to_owned(),
            "응답이 요청과 다른 길로 돌아와 응답으로 인정되지 않습니다.".to_owned(),
        ),
        Code::NoWayBack => (
            format!(
                "It leaves with the inside address {}, and nobody there knows the way back.",
                detail(cause)
            ),
            format!(
                "안쪽 주소 {}인 채로 나가서 그쪽에서 돌아올 길을 모릅니다.",
                detail(cause)
            ),
        ),
        Code::HostForwardOff => (
            "The host does not forward packets between its links.".to_owned(),
            "호스트가 링크 사이로 패킷을 전달하지 않습니다.".to_owned(),
        ),
        Code::GuestMayNotForward => (
            format!(
                "A route leads by {en}, which may not pass on packets for {}.",
                detail(cause)
            ),
            format!(
                "경로가 {ko}를 거치는데 이 포트는 {} 주소의 패킷을 전달할 수 없습니다.",
                detail(cause)
            ),
        ),
        Code::NextHopIsDhcp => (
            format!("A route leads by the DHCP address of {en}, which passes nothing on."),
            format!("경로가 {ko}의 DHCP 주소를 거치는데 그 주소는 아무것도 전달하지 않습니다."),
        ),
        Code::MetadataOnly => (
            "That port belongs to the metadata service.".to_owned(),
            "그 포트는 메타데이터 서비스의 것입니다.".to_owned(),
        ),
        Code::RoutingLoop => (
            "Routes lead in a circle.".to_owned(),
            "경로가 제자리를 돕니다.".to_owned(),
        ),
        of_host => return host::sentence(of_host, &Called { en, ko }),
    };
    Text::new(en, ko)
}

/// The address that a cause is about.
fn detail(cause: &Cause) -> String {
    let address = match cause {
        Cause::FixedFromOutside { address, .. } => Some(*address),
        Cause::Obstacle(obstacle) => match obstacle {
            Obstacle::NoAddress { address, .. } | Obstacle::NdpProxyMissing { address, .. } => Some(*address),
            Obstacle::NoRoute { destination, .. }
            | Obstacle::SubnetWithoutGateway { destination, .. }
            | Obstacle::GuestForwarding { destination, .. } => Some(*destination),
            Obstacle::NextHopUnanswered { nexthop, .. } => Some(*nexthop),
            Obstacle::SpoofingGuard { source, .. } | Obstacle::NotTranslated { source, .. } => Some(*source),
            _ => None,
        },
        Cause::Lack(Lack::Address { .. }) | Cause::Lack(_) | Cause::Unassociated { .. } | Cause::Server { .. } => None,
    };
    address.map_or_else(String::new, |address| address.to_string())
}

/// What a fix does, in a sentence.
pub fn fix(cloud: &Cloud, actor: &Actor, fix: &Fix) -> Text {
    let called = |object| call(cloud, actor, object);
    let (en, ko) = match fix {
        Fix::AddRule(rule) => {
            let group = called(Object::SecurityGroup(rule.group));
            let what = match (&rule.protocol, rule.port) {
                (Some(protocol), Some(port)) => format!("{} {port}", protocol.to_uppercase()),
                (Some(protocol), None) => protocol.to_uppercase(),
                (None, _) => "IP".to_owned(),
            };
            let (from_en, from_ko) = match rule.remote {
                Some(remote) => (remote.to_string(), format!("{remote}에")),
                None => ("anywhere".to_owned(), "모든 곳에".to_owned()),
            };
            match rule.direction {
                Direction::Ingress => (
                    format!("Allow {what} from {from_en} with a rule in {}.", group.en),
                    format!("{}에 {from_ko}서 오는 {what} 허용 규칙을 추가합니다.", group.ko),
                ),
                Direction::Egress => (
                    format!("Allow outgoing {what} with a rule in {}.", group.en),
                    format!("{}에 {what} 송신 허용 규칙을 추가합니다.", group.ko),
                ),
            }
        }
        Fix::AssociateFloatingIp { floating_ip, port } => {
            let (floating_ip, port) = (called(Object::FloatingIp(*floating_ip)), called(Object::Port(*port)));
            (
                format!("Associate {} with {}.", floating_ip.en, port.en),
                format!("{}를 {}에 연결합니다.", floating_ip.ko, port.ko),
            )
        }
        Fix::CreateFloatingIp { port, .. } => {
            let port = called(Object::Port(*port));
            (
                format!("Allocate a floating IP and associate it with {}.", port.en),
                format!("유동 IP를 할당하여 {}에 연결합니다.", port.ko),
            )
        }
        Fix::AddInterface { router, subnet } => {
            let (router, subnet) = (called(Object::Router(*router)), called(Object::Subnet(*subnet)));
            (
                format!("Give {} an interface on {}.", router.en, subnet.en),
                format!("{}에 {} 인터페이스를 추가합니다.", router.ko, subnet.ko),
            )
        }
        Fix::CreateRouter { subnet, .. } => {
            let subnet = called(Object::Subnet(*subnet));
            (
                format!("Create a router between the external network and {}.", subnet.en),
                format!("외부 네트워크와 {} 사이에 라우터를 만듭니다.", subnet.ko),
            )
        }
        Fix::SetGateway { router, network } => {
            let (router, network) = (called(Object::Router(*router)), called(Object::Network(*network)));
            (
                format!("Set the gateway of {} to {}.", router.en, network.en),
                format!("{}의 게이트웨이를 {}로 설정합니다.", router.ko, network.ko),
            )
        }
        Fix::RouterUp { router } => up(called(Object::Router(*router))),
        Fix::NetworkUp { network } => up(called(Object::Network(*network))),
        Fix::PortUp { port } => up(called(Object::Port(*port))),
        Fix::AllowAddress { port, address } => {
            let port = called(Object::Port(*port));
            (
                format!("Allow {} to send as {address} (allowed address pair).", port.en),
                format!("{}가 {address} 주소로 보낼 수 있게 허용 주소 쌍을 추가합니다.", port.ko),
            )
        }
        Fix::Power { server, start } => {
            let server = called(Object::Server(*server));
            match start {
                super::fix::Start::Start => (format!("Start {}.", server.en), format!("{}를 시작합니다.", server.ko)),
                super::fix::Start::Unpause => (
                    format!("Unpause {}.", server.en),
                    format!("{}의 일시 정지를 해제합니다.", server.ko),
                ),
                super::fix::Start::Resume => (
                    format!("Resume {}.", server.en),
                    format!("{}를 다시 시작합니다.", server.ko),
                ),
            }
        }
        Fix::HostForwarding => (
            "Turn on forwarding on the host.".to_owned(),
            "호스트에서 패킷 전달을 켭니다.".to_owned(),
        ),
    };
    Text::new(en, ko)
}

fn up(called: Called) -> (String, String) {
    (
        format!("Set {} up.", called.en),
        format!("{}의 관리 상태를 켭니다.", called.ko),
    )
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
