//! Security groups as Nova shows them: Neutron's, in the words of before there was Neutron.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use ipnet::IpNet;
use model::host::{Direction, EtherType};
use model::network::security_group::{self, RuleSpec, SecurityGroupSpec};
use model::network::{SecurityGroup, SecurityGroupRule};
use model::{Cloud, Error, ErrorKind, Result, SecurityGroupId};
use serde_json::{Map, Value, json};

use super::body::{Field, Object, TEXT_LIMIT, field, missing, wrong};
use super::microversion::{MIN, Microversion};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, json as reply};

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

/// The last microversion that passes on Neutron's groups.
const LAST: u16 = 35;

fn group_view(cloud: &Cloud, group: &SecurityGroup) -> Value {
    json!({
        "id": group.id,
        "name": group.standard.name,
        "description": group.standard.description,
        "tenant_id": group.standard.project_id,
        "rules": rules(cloud, group),
    })
}

fn not_found(id: &str) -> Error {
    Error::not_found("SecurityGroupNotFound", format!("Security group {id} not found."))
}

fn group_id(text: &str) -> Result<SecurityGroupId> {
    text.parse().map_err(|_| not_found(text))
}

fn find(ctx: &Ctx, id: &str) -> Result<Arc<SecurityGroup>> {
    let cloud = ctx.cloud();
    let group = cloud.find::<SecurityGroup>(&group_id(id)?);
    group
        .filter(|group| ctx.actor().can_see(&group.standard.project_id))
        .cloned()
        .ok_or_else(|| not_found(id))
}

/// `GET /os-security-groups`.
pub(super) async fn list(ctx: Ctx, version: Microversion, query: Query) -> Reply {
    version.require_until(LAST)?;
    // A project has its default group from the moment that somebody looks.
    if let Some(project) = ctx.actor().project_id().cloned()
        && security_group::default_of(&ctx.cloud(), &project).is_none()
    {
        ctx.transact(move |tx, _| Ok(security_group::ensure_default(tx, &project)))
            .await?;
    }
    let everyone = ctx.actor().is_admin() && query.get("all_tenants").is_some_and(|text| text != "0");
    let (cloud, actor) = (ctx.cloud(), ctx.actor());
    let groups = cloud.security_groups.iter();
    let mut groups: Vec<_> = groups
        .filter(|group| everyone || actor.owns(&group.standard.project_id))
        .collect();
    groups.sort_by_key(|group| (group.standard.name.clone(), group.id));
    let shown: Vec<Value> = groups.into_iter().map(|group| group_view(&cloud, group)).collect();
    reply(&json!({"security_groups": shown}))
}

/// `GET /os-security-groups/{id}`.
pub(super) async fn show(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let group = find(&ctx, &id)?;
    reply(&json!({"security_group": group_view(&ctx.cloud(), &group)}))
}

fn read_group(body: &Map<String, Value>) -> Result<SecurityGroupSpec> {
    let body = Object::only_member(body, "security_group")?;
    let body = body.allow(&[field("name"), field("description")], MIN)?;
    let name = body.text("name", 1..=TEXT_LIMIT)?.ok_or_else(|| missing("name"))?;
    if name.trim().is_empty() {
        return Err(wrong("name", &json!(name), "It is empty."));
    }
    Ok(SecurityGroupSpec {
        name: Some(name.to_owned()),
        description: body.text("description", 0..=TEXT_LIMIT)?.map(str::to_owned),
        ..SecurityGroupSpec::default()
    })
}

/// Neutron's conflicts are the request's fault for Nova.
fn in_nova_words(error: Error) -> Error {
    match error.kind {
        ErrorKind::Conflict => Error {
            kind: ErrorKind::Invalid,
            ..error
        },
        _ => error,
    }
}

/// `POST /os-security-groups`.
pub(super) async fn create(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    version.require_until(LAST)?;
    let spec = read_group(&body)?;
    let made = ctx
        .transact(move |tx, actor| security_group::create(tx, actor, spec))
        .await;
    let group = made.map_err(in_nova_words)?;
    reply(&json!({"security_group": group_view(&ctx.cloud(), &group)}))
}

/// `PUT /os-security-groups/{id}`.
pub(super) async fn update(
    ctx: Ctx,
    version: Microversion,
    Path(id): Path<String>,
    Wire(body): Wire<Map<String, Value>>,
) -> Reply {
    version.require_until(LAST)?;
    let id = find(&ctx, &id)?.id;
    let spec = read_group(&body)?;
    let changed = ctx
        .transact(move |tx, actor| security_group::update(tx, actor, id, spec))
        .await;
    let group = changed.map_err(in_nova_words)?;
    reply(&json!({"security_group": group_view(&ctx.cloud(), &group)}))
}

/// `DELETE /os-security-groups/{id}`.
pub(super) async fn delete(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let id = find(&ctx, &id)?.id;
    let deleted = ctx
        .transact(move |tx, actor| security_group::delete(tx, actor, id))
        .await;
    deleted.map_err(in_nova_words)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// A port, ICMP type or code; -1 is none.
fn read_port(body: Object<'_>, name: &str) -> Result<Option<u16>> {
    match body.value(name) {
        None => Ok(None),
        Some(value) if *value == json!(-1) || *value == json!("-1") => Ok(None),
        Some(_) => {
            let number = body.integer(name, 0..=u64::from(u16::MAX))?;
            Ok(number.and_then(|number| u16::try_from(number).ok()))
        }
    }
}

fn read_rule(ctx: &Ctx, body: &Map<String, Value>) -> Result<RuleSpec> {
    const FIELDS: &[Field] = &[
        field("parent_group_id"),
        field("ip_protocol"),
        field("from_port"),
        field("to_port"),
        field("cidr"),
        field("group_id"),
    ];
    let body = Object::only_member(body, "security_group_rule")?.allow(FIELDS, MIN)?;
    let parent = body
        .text("parent_group_id", 1..=TEXT_LIMIT)?
        .ok_or_else(|| missing("parent_group_id"))?;
    let parent = parent
        .parse()
        .map_err(|_| wrong("parent_group_id", &json!(parent), "It is not a UUID."))?;
    let remote_group = body.parsed::<SecurityGroupId>("group_id", "a UUID")?;
    if let Some(id) = remote_group {
        find(ctx, &id.to_string())?;
    }
    let cidr = match body.value("cidr") {
        _ if remote_group.is_some() => None,
        None => Some("0.0.0.0/0".parse::<IpNet>().map_err(|_| missing("cidr"))?),
        Some(_) => body.parsed::<IpNet>("cidr", "a prefix")?,
    };
    let ethertype = match cidr {
        Some(IpNet::V6(_)) => EtherType::IPv6,
        _ => EtherType::IPv4,
    };
    let protocol = match body.value("ip_protocol") {
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => body.text("ip_protocol", 0..=TEXT_LIMIT)?.map(str::to_ascii_lowercase),
    };
    if remote_group.is_none() && protocol.as_deref().is_none_or(str::is_empty) {
        return Err(wrong("ip_protocol", &Value::Null, "It is needed beside a prefix."));
    }
    let protocol = protocol.filter(|text| !text.is_empty() && text != "-1");
    if let Some(text) = protocol
        .as_deref()
        .filter(|text| !matches!(*text, "tcp" | "udp" | "icmp"))
    {
        return Err(Error::invalid(
            "InvalidIpProtocol",
            format!("Invalid IP protocol {text}."),
        ));
    }
    Ok(RuleSpec {
        protocol,
        port_range_min: read_port(body, "from_port")?,
        port_range_max: read_port(body, "to_port")?,
        remote_ip_prefix: cidr,
        remote_group_id: remote_group,
        ..RuleSpec::new(parent, Direction::Ingress, ethertype)
    })
}

/// `POST /os-security-group-rules`.
pub(super) async fn create_rule(ctx: Ctx, version: Microversion, Wire(body): Wire<Map<String, Value>>) -> Reply {
    version.require_until(LAST)?;
    let spec = read_rule(&ctx, &body)?;
    find(&ctx, &spec.security_group_id.to_string())?;
    let made = ctx
        .transact(move |tx, actor| security_group::create_rule(tx, actor, spec))
        .await;
    let rule = made.map_err(in_nova_words)?;
    reply(&json!({"security_group_rule": view(&ctx.cloud(), &rule)}))
}

/// `DELETE /os-security-group-rules/{id}`.
pub(super) async fn delete_rule(ctx: Ctx, version: Microversion, Path(id): Path<String>) -> Reply {
    version.require_until(LAST)?;
    let id = id
        .parse()
        .map_err(|_| Error::not_found("SecurityGroupNotFoundForRule", format!("Rule ({id}) not found")))?;
    ctx.transact(move |tx, actor| security_group::delete_rule(tx, actor, id))
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
