//! Port forwardings of floating IPs.

use std::sync::Arc;

use model::network::port_forwarding::{self, PROTOCOLS, PortForwardingSpec, PortRange};
use model::network::{FloatingIp, PortForwarding};
use model::{Actor, Cloud, FloatingIpId, PortForwardingId, PortId, Result, Tx};
use serde::Serialize;
use serde_json::Value;

use super::attributes::{Attrs, TEXT, integer, invalid, shown};
use super::nested::Nested;
use super::view::{Sink, View, ViewCx};
use crate::access::Access;

/// The single port of a range of one.
fn single((first, last): PortRange) -> Option<u16> {
    (first == last).then_some(first)
}

fn range((first, last): PortRange) -> String {
    format!("{first}:{last}")
}

/// What a floating IP tells of a forwarding (`expose-port-forwarding-in-fip`).
#[derive(Serialize)]
pub(super) struct Summary {
    id: PortForwardingId,
    protocol: String,
    internal_port_id: PortId,
    internal_ip_address: std::net::Ipv4Addr,
    #[serde(skip_serializing_if = "Option::is_none")]
    internal_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_port: Option<u16>,
}

/// The forwardings of a floating IP.
pub(super) fn summaries(cloud: &Cloud, id: FloatingIpId) -> Vec<Summary> {
    port_forwarding::of_floating_ip(cloud, id)
        .map(|row| Summary {
            id: row.id,
            protocol: row.protocol.clone(),
            internal_port_id: row.internal_port_id,
            internal_ip_address: row.internal_ip_address,
            internal_port: single(row.internal_ports),
            external_port: single(row.external_ports),
        })
        .collect()
}

impl View for PortForwarding {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("description", &self.standard.description);
        out.put("protocol", &self.protocol);
        out.put("internal_port_id", &self.internal_port_id);
        out.put("internal_ip_address", &self.internal_ip_address);
        out.put("internal_port", &single(self.internal_ports));
        out.put("internal_port_range", &range(self.internal_ports));
        out.put("external_port", &single(self.external_ports));
        out.put("external_port_range", &range(self.external_ports));
    }
}

impl Nested for PortForwarding {
    type Parent = FloatingIp;
    const PARENT_PATH: &'static str = "floatingips";
    const PLURAL: &'static str = "port_forwardings";
    const ATTRIBUTES: &'static [&'static str] = &[
        "id",
        "description",
        "protocol",
        "internal_port_id",
        "internal_ip_address",
        "internal_port",
        "internal_port_range",
        "external_port",
        "external_port_range",
    ];
    const CREATE: Access = Access::Member;
    type Spec = PortForwardingSpec;

    fn parent_id(&self) -> FloatingIpId {
        self.floating_ip_id
    }

    fn of_parent<'a>(cloud: &'a Cloud, id: &FloatingIpId) -> Vec<&'a Arc<Self>> {
        port_forwarding::of_floating_ip(cloud, *id).collect()
    }

    fn read(attrs: &mut Attrs, _is_new: bool) -> Result<PortForwardingSpec> {
        Ok(PortForwardingSpec {
            protocol: protocol(attrs)?,
            external_ports: ports(attrs, "external_port", "external_port_range")?,
            internal_port_id: attrs.id("internal_port_id")?,
            internal_ip_address: attrs.nullable_ip("internal_ip_address")?.flatten(),
            internal_ports: ports(attrs, "internal_port", "internal_port_range")?,
            description: attrs.text("description", TEXT)?,
        })
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, parent: &FloatingIpId, spec: PortForwardingSpec) -> Result<Arc<Self>> {
        port_forwarding::create(tx, actor, *parent, spec)
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &PortForwardingId, spec: PortForwardingSpec) -> Result<Arc<Self>> {
        port_forwarding::update(tx, actor, *id, spec)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &PortForwardingId) -> Result<()> {
        port_forwarding::delete(tx, actor, *id)
    }
}

fn protocol(attrs: &mut Attrs) -> Result<Option<String>> {
    let Some(text) = attrs.text("protocol", TEXT)? else {
        return Ok(None);
    };
    let lower = text.to_lowercase();
    if PROTOCOLS.contains(&lower.as_str()) {
        return Ok(Some(lower));
    }
    Err(invalid(
        "protocol",
        format!("'{text}' is not in {PROTOCOLS:?}: only these have ports to forward"),
    ))
}

/// A range given as one port or as `first:last`; both ways must say the same.
fn ports(attrs: &mut Attrs, one: &str, many: &str) -> Result<Option<PortRange>> {
    let port = |name: &str, value: &Value| integer(name, value, 1, 65_535).map(|port| port as u16);
    let single = match attrs.take(one) {
        None | Some(Value::Null) => None,
        Some(value) => Some(port(one, &value)?),
    };
    let range = match attrs.take(many) {
        None | Some(Value::Null) => None,
        Some(value) => {
            let text = value.as_str().map_or_else(|| shown(&value), str::to_owned);
            let (first, last) = text.split_once(':').unwrap_or((&text, &text));
            let first = port(many, &Value::from(first))?;
            let last = port(many, &Value::from(last))?;
            if last < first {
                return Err(invalid(many, format!("'{text}' ends before it begins")));
            }
            Some((first, last))
        }
    };
    match (single, range) {
        (Some(port), Some(range)) if range != (port, port) => Err(invalid(
            many,
            format!("it does not agree with '{one}': send only one of them"),
        )),
        (single, range) => Ok(range.or(single.map(|port| (port, port)))),
    }
}
