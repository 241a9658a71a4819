//! Each step of a packet in one sentence.

use super::{Called, Text, call, capital};
use crate::reach::names::{Object, of_place};
use crate::reach::walk::{End, Event, Grant, Hop, Neighbour, Place, RouteBy, Translation};
use crate::{Actor, Cloud, PortId, SecurityGroupRuleId};

/// What happened in a step.
pub fn hop(cloud: &Cloud, actor: &Actor, hop: &Hop) -> Text {
    let words = Words { cloud, actor };
    let here = words.place(&hop.place);
    let (en, ko) = match &hop.event {
        Event::Sent => (
            format!("{} sends it.", capital(&here.en)),
            format!("{}에서 보냅니다.", here.ko),
        ),
        Event::Routed(by) => words.routed(&here, by),
        Event::OtherPort { port } => {
            let port = words.port(*port);
            (
                format!(
                    "The machine has several ports; by the routes that the cloud tells it, it sends this by {} (assumed: its own \
                     settings decide).",
                    port.en
                ),
                format!(
                    "포트가 여럿인 장치입니다. 클라우드가 알려 준 경로대로라면 {} 쪽으로 보냅니다(가정: 실제로는 장치의 \
                     설정에 따릅니다).",
                    port.ko
                ),
            )
        }
        Event::NeighbourResolution { address, neighbour } => words.neighbour(&address.to_string(), neighbour.as_ref()),
        Event::SpoofingGuard { port } => {
            let port = words.port(*port);
            (
                format!("Port security compares it with the addresses of {}.", port.en),
                format!("포트 보안이 {}의 주소와 비교합니다.", port.ko),
            )
        }
        Event::EgressRules { port, grant } => {
            let port = words.port(*port);
            let (en, ko) = words.grant(grant.as_ref());
            (
                format!("Egress rules of {}: {en}.", port.en),
                format!("{}의 송신 규칙: {ko}.", port.ko),
            )
        }
        Event::IngressRules { port, grant } => {
            let port = words.port(*port);
            let (en, ko) = words.grant(grant.as_ref());
            (
                format!("Ingress rules of {}: {en}.", port.en),
                format!("{}의 수신 규칙: {ko}.", port.ko),
            )
        }
        Event::ConnectionTracking => (
            format!("Connection tracking of {} does not know the flow.", here.en),
            format!("{}의 연결 추적이 이 흐름을 모릅니다.", here.ko),
        ),
        Event::Translated(translation) => words.translated(&here, translation),
        Event::AddressScopes { .. } => (
            format!("{} compares address scopes.", capital(&here.en)),
            format!("{}에서 주소 범위를 비교합니다.", here.ko),
        ),
        Event::NdpProxy => (
            format!("{} looks for an NDP proxy.", capital(&here.en)),
            format!("{}에서 NDP 프록시를 찾습니다.", here.ko),
        ),
        Event::Plugged { port } => {
            let port = words.port(*port);
            (
                format!("It comes to {}.", port.en),
                format!("{}에 도착합니다.", port.ko),
            )
        }
        Event::Arrived(end) => words.arrived(end),
    };
    Text::new(en, ko)
}

struct Words<'a> {
    cloud: &'a Cloud,
    actor: &'a Actor,
}

impl Words<'_> {
    fn port(&self, port: PortId) -> Called {
        call(self.cloud, self.actor, Object::Port(port))
    }

    fn place(&self, place: &Place) -> Called {
        let fixed = |en: &str, ko: &str| Called {
            en: en.to_owned(),
            ko: ko.to_owned(),
        };
        match place {
            Place::Host => fixed("the host", "호스트"),
            Place::Beyond => fixed("a machine behind the host", "호스트 뒤의 장치"),
            Place::Outside { address, .. } => Called {
                en: format!("the machine outside at {address}"),
                ko: format!("밖의 장치 {address}"),
            },
            other => of_place(other).map_or_else(
                || fixed("the host", "호스트"),
                |object| call(self.cloud, self.actor, object),
            ),
        }
    }

    fn routed(&self, here: &Called, by: &RouteBy) -> (String, String) {
        let subject = capital(&here.en);
        match by {
            RouteBy::Connected { network, .. } => {
                let network = call(self.cloud, self.actor, Object::Network(*network));
                (
                    format!("{subject} is on {} itself.", network.en),
                    format!("{}에서 {}로 바로 보냅니다.", here.ko, network.ko),
                )
            }
            RouteBy::Route { destination, nexthop } => (
                format!("{subject} has a route to {destination} by {nexthop}."),
                format!("{}의 경로 {destination}에 따라 {nexthop}로 보냅니다.", here.ko),
            ),
            RouteBy::Default { nexthop, .. } => (
                format!("{subject} sends it to its gateway {nexthop}."),
                format!("{}에서 게이트웨이 {nexthop}로 보냅니다.", here.ko),
            ),
            RouteBy::Uplink => (
                format!("{subject} sends it on by an uplink of its own."),
                format!("{}의 바깥 회선으로 보냅니다.", here.ko),
            ),
        }
    }

    fn neighbour(&self, address: &str, neighbour: Option<&Neighbour>) -> (String, String) {
        let who = match neighbour {
            None => {
                return (
                    format!("Nobody answers for {address}."),
                    format!("{address} 주소를 찾는 요청에 응답하는 장치가 없습니다."),
                );
            }
            Some(Neighbour::Port(port)) => self.port(*port),
            Some(Neighbour::Router { router, .. }) => call(self.cloud, self.actor, Object::Router(*router)),
            Some(Neighbour::Services(network)) => {
                let network = call(self.cloud, self.actor, Object::Network(*network));
                Called {
                    en: format!("the DHCP and DNS service of {}", network.en),
                    ko: format!("{}의 DHCP·DNS 서비스", network.ko),
                }
            }
            Some(Neighbour::Host) => self.place(&Place::Host),
            Some(Neighbour::Outside(_)) => Called {
                en: "a machine outside".to_owned(),
                ko: "밖의 장치".to_owned(),
            },
        };
        (
            format!("{} answers for {address}.", capital(&who.en)),
            format!("{address} 주소를 찾는 요청에 {}에서 응답합니다.", who.ko),
        )
    }

    fn grant(&self, grant: Option<&Grant>) -> (String, String) {
        let (en, ko) = match grant {
            None => ("none lets it pass", "통과시키는 규칙이 없습니다"),
            Some(Grant::Rule(rule)) => return self.rule(*rule),
            Some(Grant::Established) => ("part of a flow that was let pass", "이미 허용된 흐름입니다"),
            Some(Grant::Unfiltered) => ("not filtered (no port security)", "포트 보안이 없어 거르지 않습니다"),
            Some(Grant::Services) => (
                "the network's own services may always",
                "네트워크의 서비스는 항상 통과합니다",
            ),
        };
        (en.to_owned(), ko.to_owned())
    }

    fn rule(&self, rule: SecurityGroupRuleId) -> (String, String) {
        let row = self.cloud.security_group_rules.get(&rule);
        match row.filter(|row| self.actor.can_see(&row.standard.project_id)) {
            Some(row) => {
                let group = call(self.cloud, self.actor, Object::SecurityGroup(row.security_group_id));
                (
                    format!("a rule of {} lets it pass ({rule})", group.en),
                    format!("{}의 규칙이 통과시킵니다({rule})", group.ko),
                )
            }
            None => (
                "a rule lets it pass".to_owned(),
                "통과시키는 규칙이 있습니다".to_owned(),
            ),
        }
    }

    fn translated(&self, here: &Called, translation: &Translation) -> (String, String) {
        let floating = |id| call(self.cloud, self.actor, Object::FloatingIp(id));
        match translation {
            Translation::FloatingIp(id) => {
                let floating = floating(*id);
                (
                    format!(
                        "{} translates {} to the address inside.",
                        capital(&here.en),
                        floating.en
                    ),
                    format!("{}에서 {}를 안쪽 주소로 바꿉니다.", here.ko, floating.ko),
                )
            }
            Translation::PortForwarding(id) => {
                let floating = floating(*id);
                (
                    format!("{} forwards the port of {}.", capital(&here.en), floating.en),
                    format!("{}에서 {}의 포트를 안쪽으로 넘깁니다.", here.ko, floating.ko),
                )
            }
            Translation::FromFloatingIp(id) => {
                let floating = floating(*id);
                (
                    format!("{} lets it leave as {}.", capital(&here.en), floating.en),
                    format!("{}에서 {} 주소로 내보냅니다.", here.ko, floating.ko),
                )
            }
            Translation::Snat(_) => (
                format!("{} lets it leave under its own address (SNAT).", capital(&here.en)),
                format!("{}에서 자기 주소로 내보냅니다(SNAT).", here.ko),
            ),
            Translation::Metadata(_) => (
                format!("{} hands it to the metadata service.", capital(&here.en)),
                format!("{}에서 메타데이터 서비스로 넘깁니다.", here.ko),
            ),
            Translation::Back(_) => (
                format!("{} translates the answer back.", capital(&here.en)),
                format!("{}에서 응답의 주소를 되돌립니다.", here.ko),
            ),
        }
    }

    fn arrived(&self, end: &End) -> (String, String) {
        let who = match end {
            End::Port { port, server } => match server {
                Some(server) => call(self.cloud, self.actor, Object::Server(*server)),
                None => self.port(*port),
            },
            End::Router(router) => call(self.cloud, self.actor, Object::Router(*router)),
            End::Metadata(_) => Called {
                en: "the metadata service".to_owned(),
                ko: "메타데이터 서비스".to_owned(),
            },
            End::Services(network) => {
                let network = call(self.cloud, self.actor, Object::Network(*network));
                Called {
                    en: format!("the services of {}", network.en),
                    ko: format!("{}의 서비스", network.ko),
                }
            }
            End::Host => self.place(&Place::Host),
            End::Outside { network, address } => self.place(&Place::Outside {
                network: *network,
                address: *address,
            }),
            End::Beyond => self.place(&Place::Beyond),
        };
        (format!("It reaches {}.", who.en), format!("{}에 닿았습니다.", who.ko))
    }
}
