//! A question as forms and addresses have it, and as the API and the command line take it.

use std::net::IpAddr;

use model::ServerId;

use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Problem, in_query};
use crate::ui;

/// Asks about any target.
pub(crate) const HERE: &str = "/dashboard/reach";

/// A server's own page.
pub(crate) fn of_server(id: ServerId) -> String {
    format!("/dashboard/servers/{id}/reach")
}

/// What is asked; texts as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What is to be reached; empty: nothing was asked yet.
    pub to: String,
    /// From where; `outside` without more.
    pub from: String,
    /// Of a machine outside.
    pub source: String,
    /// `icmp`, `tcp`, `udp` or a number.
    pub protocol: String,
    /// Of TCP and UDP.
    pub port: String,
    /// `fixed`, `floating`, or nothing.
    pub which: String,
    /// `4`, `6`, or nothing.
    pub version: String,
    /// Whether the host is to be looked at as well.
    pub look: bool,
}

impl Asked {
    /// From a form's fields, or an address's.
    pub fn read(fields: &Fields) -> Self {
        let or = |name: &str, usual: &str| fields.text(name).unwrap_or(usual).to_owned();
        let mut asked = Self {
            to: or("to", ""),
            from: or("from", "outside"),
            source: or("source", ""),
            protocol: or("protocol", "icmp").to_ascii_lowercase(),
            port: or("port", ""),
            which: or("which", ""),
            version: or("ip_version", ""),
            look: fields.text("look") == Some("true"),
        };
        if let Some(address) = asked.from.strip_prefix("outside:") {
            (asked.source, asked.from) = (address.to_owned(), "outside".to_owned());
        }
        // A form without script sends what does not belong to the choice, too.
        if asked.from != "outside" {
            asked.source.clear();
        }
        if !asked.has_port() {
            asked.port.clear();
        }
        asked
    }

    /// About a server.
    pub fn about_server(mut self, id: ServerId) -> Self {
        self.to = format!("server:{id}");
        self
    }

    /// Whether the protocol has ports.
    pub fn has_port(&self) -> bool {
        matches!(self.protocol.as_str(), "tcp" | "udp")
    }

    /// Whether something is asked.
    pub fn is_asked(&self) -> bool {
        !self.to.is_empty()
    }

    /// What is wrong with it, in the page's words.
    pub fn check(&self, t: Text) -> Result<(), Problem> {
        if !self.is_asked() {
            return Err(Problem::in_form(t.reach_to_missing()));
        }
        let is_number = |text: &str| text.parse::<u8>().is_ok();
        if !matches!(self.protocol.as_str(), "icmp" | "tcp" | "udp") && !is_number(&self.protocol) {
            return Err(Problem::in_form(t.reach_protocol_wrong(&self.protocol)));
        }
        if self.has_port() && self.port.is_empty() {
            return Err(Problem::in_form(t.reach_port_missing()));
        }
        if !self.port.is_empty() && !self.port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(Problem::in_form(t.reach_port_wrong(&self.port)));
        }
        if !self.source.is_empty() && self.source.parse::<IpAddr>().is_err() {
            return Err(Problem::in_form(t.reach_address_wrong(&self.source)));
        }
        Ok(())
    }

    /// The place that it starts from, as the API takes it.
    pub fn origin(&self) -> String {
        if self.source.is_empty() {
            self.from.clone()
        } else {
            format!("outside:{}", self.source)
        }
    }

    /// Its parameters, by the API's names; those that have no value, or the usual one, are left out.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("to", self.to.clone()), ("from", self.origin())];
        let more = [
            ("protocol", &self.protocol),
            ("port", &self.port),
            ("which", &self.which),
            ("ip_version", &self.version),
        ];
        all.extend(more.map(|(name, value)| (name, value.clone())));
        all.retain(|(_, value)| !value.is_empty());
        if self.look {
            all.push(("look", "true".to_owned()));
        }
        all
    }

    /// As a query.
    pub fn query(&self) -> String {
        let parts = self.parameters();
        let parts = parts.iter().map(|(name, value)| format!("{name}={}", in_query(value)));
        parts.collect::<Vec<_>>().join("&")
    }

    /// The page that answers it.
    pub fn page(&self) -> String {
        match self.to.strip_prefix("server:").and_then(|id| id.parse().ok()) {
            Some(id) => {
                let rest = Self {
                    to: String::new(),
                    ..self.clone()
                };
                format!("{}?{}", of_server(id), rest.query())
            }
            None => format!("{HERE}?{}", self.query()),
        }
    }

    /// The same, with a look at the host or without.
    pub fn looking(&self, look: bool) -> Self {
        Self { look, ..self.clone() }
    }

    /// The picture with its way.
    pub fn on_topology(&self) -> String {
        format!("/dashboard/topology?{}", self.query())
    }

    /// What one types instead, on the cloud's host; protocols by number can't be asked for there.
    pub fn command(&self) -> Option<String> {
        let to = self.to.strip_prefix("server:").unwrap_or(&self.to);
        let mut words = vec!["sudo maru reach --to".to_owned(), ui::shell_word(to)];
        if self.origin() != "outside" {
            words.push(format!("--from {}", ui::shell_word(&self.origin())));
        }
        match self.protocol.as_str() {
            "icmp" => {}
            "tcp" | "udp" => words.push(format!("--{} {}", self.protocol, ui::shell_word(&self.port))),
            _ => return None,
        }
        if !self.which.is_empty() {
            words.push(format!("--which {}", ui::shell_word(&self.which)));
        }
        if !self.version.is_empty() {
            words.push(format!("--ip-version {}", ui::shell_word(&self.version)));
        }
        if !self.look {
            words.push("--look=no".to_owned());
        }
        Some(words.join(" "))
    }

    /// With what it is asked, in a word or two.
    pub fn means(&self, t: Text) -> String {
        match (self.protocol.as_str(), self.port.as_str()) {
            ("icmp", _) => "ping".to_owned(),
            ("tcp", "22") => t.reach_ssh().to_owned(),
            ("tcp" | "udp", port) => format!("{} {port}", self.protocol.to_uppercase()),
            (number, _) => t.reach_by_number(number),
        }
    }

    /// Whether it is a cell of the matrix: from that place, by that address, with that.
    pub fn is_cell(&self, from: &str, which: &str, protocol: &str) -> bool {
        let is_there = self.from == from && self.source.is_empty() && self.protocol == protocol && self.version != "6";
        let usual = if matches!(from, "outside" | "host") {
            "floating"
        } else {
            "fixed"
        };
        let wanted = if which.is_empty() { usual } else { which };
        let asked = if self.which.is_empty() { usual } else { &self.which };
        is_there && wanted == asked && (protocol == "icmp" || self.port == "22")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    fn asked(to: &str) -> Asked {
        Asked {
            to: to.to_owned(),
            from: "outside".to_owned(),
            protocol: "icmp".to_owned(),
            ..Asked::default()
        }
    }

    #[test]
    fn a_question_is_the_same_in_an_address_and_on_the_command_line() {
        let mut ssh = asked("web 1");
        ssh.source = "198.51.100.7".to_owned();
        (ssh.protocol, ssh.port) = ("tcp".to_owned(), "22".to_owned());
        assert_eq!(
            ssh.query(),
            "to=web%201&from=outside%3A198.51.100.7&protocol=tcp&port=22"
        );
        assert_eq!(
            ssh.command().unwrap(),
            "sudo maru reach --to 'web 1' --from 'outside:198.51.100.7' --tcp 22 --look=no"
        );
        assert_eq!(asked("vm1").command().unwrap(), "sudo maru reach --to vm1 --look=no");
        let number = Asked {
            protocol: "132".to_owned(),
            ..asked("vm1")
        };
        assert_eq!(number.command(), None);
    }

    #[test]
    fn a_servers_question_is_on_its_own_page() {
        let id: ServerId = "4c3a2f5e-1d8b-4a57-9c61-0f2b7e8d9a10".parse().unwrap();
        assert_eq!(
            asked("").about_server(id).page(),
            format!("/dashboard/servers/{id}/reach?from=outside&protocol=icmp")
        );
        assert!(
            asked("172.24.4.5")
                .page()
                .starts_with("/dashboard/reach?to=172.24.4.5&")
        );
    }

    #[test]
    fn what_is_wrong_is_told_before_the_api_is_asked() {
        let t = Text(Lang::En);
        let with = |protocol: &str, port: &str| Asked {
            protocol: protocol.to_owned(),
            port: port.to_owned(),
            ..asked("vm1")
        };
        for (protocol, port) in [("icmp", ""), ("tcp", "22"), ("udp", "65535"), ("132", "")] {
            assert!(with(protocol, port).check(t).is_ok(), "{protocol} {port}");
        }
        for (protocol, port) in [
            ("tcp", ""),
            ("tcp", "0"),
            ("udp", "65536"),
            ("tcp", "x"),
            ("ip", ""),
            ("256", ""),
        ] {
            assert!(with(protocol, port).check(t).is_err(), "{protocol} {port}");
        }
    }

    #[test]
    fn the_usual_address_is_the_one_that_its_place_would_use() {
        assert!(asked("x").is_cell("outside", "floating", "icmp"));
        assert!(!asked("x").is_cell("outside", "fixed", "icmp"));
        assert!(!asked("x").is_cell("host", "floating", "icmp"));
        let router = Asked {
            from: "router".to_owned(),
            ..asked("x")
        };
        assert!(router.is_cell("router", "fixed", "icmp") && !router.is_cell("router", "floating", "icmp"));
    }
}
