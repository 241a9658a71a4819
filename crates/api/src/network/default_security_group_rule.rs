//! Default rules of security groups: what new groups begin with. Administrators make and remove them, everybody sees them.

use std::sync::Arc;

use model::network::SecurityGroup;
use model::network::security_group::default_rule::{self, DefaultRuleSpec, PARENT};
use model::network::security_group::{DefaultSecurityGroupRule, RuleSpec};
use model::{Actor, DefaultSecurityGroupRuleId, Result, Row, SecurityGroupId, Tx};

use super::attributes::Attrs;
use super::collection::Collection;
use super::security_group_rule::{direction, ethertype, group, port, prefix, protocol};
use super::view::{Sink, View, ViewCx};
use crate::access::Access;
use crate::context::Ctx;

/// As the remote group: the group that gets the rule.
const PARENT_WORD: &str = "PARENT";
/// Neutron's limit of the description, characters.
const LONG_TEXT: usize = 1024;

impl View for DefaultSecurityGroupRule {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("description", &self.standard.description);
        out.put("direction", &self.direction);
        out.put("ethertype", &self.ethertype);
        out.put("protocol", &self.protocol);
        out.put("port_range_min", &self.port_range_min);
        out.put("port_range_max", &self.port_range_max);
        out.put("remote_ip_prefix", &self.remote_ip_prefix);
        match self.remote_group_id {
            Some(PARENT) => out.put("remote_group_id", PARENT_WORD),
            other => out.put("remote_group_id", &other),
        }
        out.put("remote_address_group_id", &self.remote_address_group_id);
        out.put("used_in_default_sg", &self.used_in_default_sg);
        out.put("used_in_non_default_sg", &self.used_in_non_default_sg);
    }
}

impl Collection for DefaultSecurityGroupRule {
    const PLURAL: &'static str = "default_security_group_rules";
    const PATH: &'static str = "default-security-group-rules";
    const WRITE: Access = Access::Admin;
    const ATTRIBUTES: &'static [&'static str] = &[
        "id",
        "description",
        "direction",
        "ethertype",
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        "remote_group_id",
        "remote_address_group_id",
        "used_in_default_sg",
        "used_in_non_default_sg",
    ];
    type New = DefaultRuleSpec;
    type Change = ();

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<DefaultRuleSpec> {
        // It is nobody's, whoever is named.
        attrs.project()?;
        let direction = direction(attrs)?;
        Ok(DefaultRuleSpec {
            rule: RuleSpec {
                description: attrs.text("description", LONG_TEXT)?.unwrap_or_default(),
                protocol: protocol(attrs)?,
                port_range_min: port(attrs, "port_range_min")?,
                port_range_max: port(attrs, "port_range_max")?,
                remote_ip_prefix: prefix(attrs)?,
                remote_group_id: remote_group(attrs)?,
                remote_address_group_id: attrs.nullable_id("remote_address_group_id")?.flatten(),
                ..RuleSpec::new(PARENT, direction, ethertype(attrs)?)
            },
            used_in_default_sg: attrs.boolean("used_in_default_sg")?.unwrap_or(false),
            used_in_non_default_sg: attrs.boolean("used_in_non_default_sg")?.unwrap_or(true),
        })
    }

    /// A default rule stays as it was made.
    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<()> {
        attrs.not_in_put(Self::ATTRIBUTES)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<DefaultRuleSpec>) -> Result<Vec<Arc<Self>>> {
        default_rule::create(tx, actor, new)
    }

    fn update(tx: &mut Tx<'_>, _actor: &Actor, id: &DefaultSecurityGroupRuleId, _change: ()) -> Result<Arc<Self>> {
        tx.get(id)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &DefaultSecurityGroupRuleId) -> Result<()> {
        default_rule::delete(tx, actor, *id)
    }
}

/// A group's id, or the word for the group that gets the rule.
fn remote_group(attrs: &mut Attrs) -> Result<Option<SecurityGroupId>> {
    if attrs.is_text("remote_group_id", PARENT_WORD) {
        attrs.take("remote_group_id");
        return Ok(Some(PARENT));
    }
    match group(attrs, "remote_group_id")? {
        Some(PARENT) => Err(SecurityGroup::not_found(&PARENT)),
        other => Ok(other),
    }
}
