//! Rules of security groups.

use std::sync::Arc;

use ipnet::IpNet;
use model::host::{Direction, EtherType};
use model::network::security_group::{self, RuleSpec};
use model::network::{SecurityGroup, SecurityGroupRule};
use model::{Actor, Cloud, Error, Result, SecurityGroupId, SecurityGroupRuleId, Tx};
use serde_json::Value;

use super::attributes::{self, Attrs, TEXT, bad_request, invalid};
use super::collection::{Collection, parse_id};
use super::filter::Filters;
use super::standard::{attributes, put_standard};
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

impl View for SecurityGroupRule {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        put_standard(&self.standard, out);
        out.put("security_group_id", &self.security_group_id);
        out.put("direction", &self.direction);
        out.put("ethertype", &self.ethertype);
        out.put("protocol", &self.protocol);
        out.put("port_range_min", &self.port_range_min);
        out.put("port_range_max", &self.port_range_max);
        out.put("remote_ip_prefix", &self.remote_ip_prefix);
        out.put("normalized_cidr", &self.remote_ip_prefix.map(|prefix| prefix.trunc()));
        out.put("remote_group_id", &self.remote_group_id);
        out.put("remote_address_group_id", &self.remote_address_group_id);
        if out.wants("belongs_to_default_sg") {
            let group = cx.cloud.security_groups.get(&self.security_group_id);
            out.put("belongs_to_default_sg", &group.is_some_and(|group| group.is_default));
        }
    }
}

impl Collection for SecurityGroupRule {
    const PLURAL: &'static str = "security_group_rules";
    const PATH: &'static str = "security-group-rules";
    const ATTRIBUTES: &'static [&'static str] = attributes![
        "security_group_id",
        "direction",
        "ethertype",
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        "normalized_cidr",
        "remote_group_id",
        "remote_address_group_id",
        "belongs_to_default_sg",
    ];
    type New = RuleSpec;
    type Change = ();

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<RuleSpec> {
        attrs.not_in_post(&["normalized_cidr", "belongs_to_default_sg", "tags"])?;
        let security_group_id =
            group(attrs, "security_group_id")?.ok_or_else(|| attributes::missing("security_group_id"))?;
        let direction = direction(attrs)?;
        let mut spec = RuleSpec::new(security_group_id, direction, ethertype(attrs)?);
        spec.project_id = attrs.project()?;
        spec.description = attrs.text("description", TEXT)?.unwrap_or_default();
        spec.protocol = protocol(attrs)?;
        spec.port_range_min = port(attrs, "port_range_min")?;
        spec.port_range_max = port(attrs, "port_range_max")?;
        spec.remote_ip_prefix = prefix(attrs)?;
        spec.remote_group_id = group(attrs, "remote_group_id")?;
        spec.remote_address_group_id = attrs.nullable_id("remote_address_group_id")?.flatten();
        Ok(spec)
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<()> {
        // Neutron lets only the description be changed, and that not everywhere: a rule is deleted and made anew.
        if attrs.take("description").is_some() {
            return Err(bad_request("Cannot update read-only attribute description".to_owned()));
        }
        attrs.not_in_put(Self::ATTRIBUTES)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<RuleSpec>) -> Result<Vec<Arc<Self>>> {
        security_group::create_rules(tx, actor, new)
    }

    fn update(tx: &mut Tx<'_>, _actor: &Actor, id: &SecurityGroupRuleId, _change: ()) -> Result<Arc<Self>> {
        tx.get::<Self>(id)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &SecurityGroupRuleId) -> Result<()> {
        security_group::delete_rule(tx, actor, *id)
    }

    fn look_up<'a>(cloud: &'a Cloud, filters: &Filters) -> Option<Vec<&'a Arc<Self>>> {
        let groups = filters.values("security_group_id")?;
        let groups = groups.iter().filter_map(|id| id.parse().ok());
        Some(groups.flat_map(|id| cloud.rules_of_group(id)).collect())
    }

    async fn before_list(ctx: &Ctx, _filters: &Filters) -> Result<()> {
        let own = ctx.actor().project_id().cloned();
        super::security_group::ensure_defaults(ctx, Vec::from_iter(own)).await
    }
}

/// A group's id; as in Neutron, what is no id is a group that is not there.
pub(super) fn group(attrs: &mut Attrs, name: &str) -> Result<Option<SecurityGroupId>> {
    match attrs.take(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => parse_id::<SecurityGroup>(&attributes::text(name, value, TEXT)?).map(Some),
    }
}

pub(super) fn direction(attrs: &mut Attrs) -> Result<Direction> {
    let value = attrs
        .take("direction")
        .ok_or_else(|| attributes::missing("direction"))?;
    match value.as_str() {
        Some("ingress") => Ok(Direction::Ingress),
        Some("egress") => Ok(Direction::Egress),
        _ => Err(invalid(
            "direction",
            format!("'{}' is not in ['ingress', 'egress']", attributes::shown(&value)),
        )),
    }
}

pub(super) fn ethertype(attrs: &mut Attrs) -> Result<EtherType> {
    let Some(value) = attrs.take("ethertype") else {
        return Ok(EtherType::IPv4);
    };
    match value.as_str().map(str::to_lowercase).as_deref() {
        Some("ipv4") => Ok(EtherType::IPv4),
        Some("ipv6") => Ok(EtherType::IPv6),
        _ => Err(Error::invalid(
            "SecurityGroupRuleInvalidEtherType",
            format!(
                "Invalid input for operation: Security group rule for ethertype '{}' not supported. Allowed values are ['IPv4', \
                 'IPv6'].",
                attributes::shown(&value)
            ),
        )),
    }
}

/// A name or a number; which of them mean something is the rule's to say.
pub(super) fn protocol(attrs: &mut Attrs) -> Result<Option<String>> {
    match attrs.take("protocol") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(value) => attributes::text("protocol", value, TEXT).map(Some),
    }
}

pub(super) fn port(attrs: &mut Attrs, name: &str) -> Result<Option<u16>> {
    let value = match attrs.take(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let number = attributes::integer(name, &value, i64::MIN, i64::MAX).ok();
    number
        .and_then(|number| u16::try_from(number).ok())
        .map(Some)
        .ok_or_else(|| {
            Error::invalid(
                "SecurityGroupInvalidPortValue",
                format!(
                    "Invalid input for operation: Invalid value for port {}.",
                    attributes::shown(&value)
                ),
            )
        })
}

pub(super) fn prefix(attrs: &mut Attrs) -> Result<Option<IpNet>> {
    match attrs.take("remote_ip_prefix") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => attributes::ip_or_cidr("remote_ip_prefix", &value)
            .map(Some)
            .map_err(|_| {
                Error::invalid(
                    "InvalidCIDR",
                    format!("Invalid CIDR {} given as IP prefix.", attributes::shown(&value)),
                )
            }),
    }
}
