//! Security groups as Nova shows them: Neutron's, in the words of before there was Neutron.

use model::Cloud;
use model::host::{Direction, EtherType};
use model::network::{SecurityGroup, SecurityGroupRule};
use serde_json::{Value, json};

/// The ingress rules of a group; Nova knew no others.
pub(super) fn rules(cloud: &Cloud, group: &SecurityGroup) -> Vec<Value> {
    let rules = cloud.rules_of_group(group.id);
    rules
        .filter(|rule| rule.direction == Direction::Ingress)
        .map(|rule| view(cloud, rule))
        .collect()
}

fn view(cloud: &Cloud, rule: &SecurityGroupRule) -> Value {
    let remote_group = rule.remote_group_id.and_then(|id| cloud.find::<SecurityGroup>(&id));
    let any = match rule.ethertype {
        EtherType::IPv4 => "0.0.0.0/0",
        EtherType::IPv6 => "::/0",
    };
    let (group, range) = match (remote_group, rule.remote_ip_prefix) {
        (Some(group), _) => {
            let group = json!({"name": group.standard.name, "tenant_id": group.standard.project_id});
            (group, json!({}))
        }
        (None, Some(prefix)) => (json!({}), json!({"cidr": prefix.to_string()})),
        (None, None) => (json!({}), json!({"cidr": any})),
    };
    let is_icmp = rule
        .protocol
        .as_deref()
        .is_some_and(|protocol| protocol.starts_with("icmp"));
    let port = |port: Option<u16>| port.map_or(if is_icmp { json!(-1) } else { Value::Null }, |port| json!(port));
    json!({
        "id": rule.id,
        "parent_group_id": rule.security_group_id,
        "ip_protocol": rule.protocol,
        "from_port": port(rule.port_range_min),
        "to_port": port(rule.port_range_max),
        "ip_range": range,
        "group": group,
    })
}
