//! Templates of rules: what services need, and kinds of packets in general.

use model::network::security_group::protocol;

use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::Problem;
use crate::pages::network::port_range;
use crate::ui::Choice;

/// A service that people run.
struct Service {
    /// Its key in forms.
    key: &'static str,
    /// Its name.
    name: &'static str,
    /// The protocols that it speaks.
    protocols: &'static [&'static str],
    /// The port where it listens.
    port: u16,
}

const fn tcp(key: &'static str, name: &'static str, port: u16) -> Service {
    Service {
        key,
        name,
        protocols: &["tcp"],
        port,
    }
}

const SERVICES: &[Service] = &[
    tcp("ssh", "SSH", 22),
    tcp("http", "HTTP", 80),
    tcp("https", "HTTPS", 443),
    Service {
        key: "dns",
        name: "DNS",
        protocols: &["udp", "tcp"],
        port: 53,
    },
    tcp("rdp", "RDP", 3389),
    tcp("mysql", "MySQL", 3306),
    tcp("postgresql", "PostgreSQL", 5432),
    tcp("mssql", "MS SQL", 1433),
    tcp("ldap", "LDAP", 389),
    tcp("smtp", "SMTP", 25),
    tcp("smtps", "SMTPS", 465),
    tcp("imap", "IMAP", 143),
    tcp("imaps", "IMAPS", 993),
    tcp("pop3", "POP3", 110),
    tcp("pop3s", "POP3S", 995),
];

/// The service that listens at a port.
pub(super) fn service_at(number: u8, port: u16) -> Option<&'static str> {
    let speaks = |service: &&Service| {
        service
            .protocols
            .iter()
            .any(|name| protocol::number(name) == Some(number))
    };
    SERVICES
        .iter()
        .filter(|service| service.port == port)
        .find(speaks)
        .map(|service| service.name)
}

/// Every template, as a form offers them.
pub(super) fn choices(t: Text) -> Vec<Choice> {
    let services = SERVICES.iter().map(|service| {
        let protocols: Vec<_> = service.protocols.iter().map(|name| name.to_uppercase()).collect();
        Choice::new(service.key, service.name).note(format!("{} {}", protocols.join("/"), service.port))
    });
    let mut choices = vec![Choice::new("all-icmp", t.sg_template_all_icmp())];
    choices.extend(services);
    choices.extend([
        Choice::new("all-tcp", t.sg_template_all_tcp()),
        Choice::new("all-udp", t.sg_template_all_udp()),
        Choice::new("any", t.sg_template_any()),
        Choice::new("tcp", t.sg_template_tcp()),
        Choice::new("udp", t.sg_template_udp()),
        Choice::new("icmp", t.sg_template_icmp()),
        Choice::new("other", t.sg_template_other()),
    ]);
    choices
}

/// A kind of packets, as the API names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packets {
    pub protocol: Option<String>,
    /// First port, or ICMP's type.
    pub min: Option<u16>,
    /// Last port, or ICMP's code.
    pub max: Option<u16>,
}

impl Packets {
    fn all_of(protocol: &str) -> Self {
        Self {
            protocol: Some(protocol.to_owned()),
            min: None,
            max: None,
        }
    }

    fn at(protocol: &str, (first, last): (u16, u16)) -> Self {
        Self {
            min: Some(first),
            max: Some(last),
            ..Self::all_of(protocol)
        }
    }
}

/// What a form's template and its fields mean.
pub(super) fn read(t: Text, fields: &Fields) -> Result<Vec<Packets>, Problem> {
    let template = fields.plain("template");
    if let Some(service) = SERVICES.iter().find(|service| service.key == template) {
        let at = (service.port, service.port);
        return Ok(service
            .protocols
            .iter()
            .map(|protocol| Packets::at(protocol, at))
            .collect());
    }
    Ok(vec![match template {
        "all-icmp" => Packets::all_of("icmp"),
        "all-tcp" => Packets::all_of("tcp"),
        "all-udp" => Packets::all_of("udp"),
        "any" => Packets {
            protocol: None,
            min: None,
            max: None,
        },
        "tcp" | "udp" => Packets::at(template, ports(t, fields.plain("ports"))?),
        "icmp" => Packets {
            min: fields.parse("icmp_type")?,
            max: fields.parse("icmp_code")?,
            ..Packets::all_of("icmp")
        },
        "other" => {
            let known = fields
                .text("protocol")
                .filter(|name| protocol::number(&name.to_lowercase()).is_some());
            let protocol = known.ok_or_else(|| Problem::in_form(t.sg_rule_protocol_wrong()))?;
            match fields.text("ports") {
                Some(text) => Packets::at(protocol, ports(t, text)?),
                None => Packets::all_of(protocol),
            }
        }
        _ => return Err(Problem::in_form(t.sg_rule_template_wrong())),
    }])
}

fn ports(t: Text, text: &str) -> Result<(u16, u16), Problem> {
    port_range(text).ok_or_else(|| Problem::in_form(t.sg_rule_ports_wrong()))
}
