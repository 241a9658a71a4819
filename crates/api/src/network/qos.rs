//! Quality of service: policies, their rules, and the types of rules.

use std::sync::Arc;

use axum::extract::Path;
use model::host::Direction;
use model::network::QosPolicy;
use model::network::qos::{
    self, BandwidthLimitRule, DscpMarkingRule, PacketRateLimitRule, QosPolicySpec, QosRule, RuleSpec, VALID_DSCP_MARKS,
};
use model::network::sharing;
use model::{Actor, Cloud, Error, QosPolicyId, QosRuleId, Result, Tx};
use serde_json::{Value, json};

use super::attributes::{self, Attrs, TEXT, invalid, shown};
use super::collection::{self, Collection};
use super::nested::{self, Nested};
use super::standard::{attributes, put_standard};
use super::view::{PickSink, Sink, View, ViewCx};
use crate::access::Access;
use crate::access::Access::{Admin, Manager, Reader};
use crate::context::Ctx;
use crate::fault::Fault;
use crate::reply::{Reply, json as document};
use crate::routes::Routes;

/// Every route of quality of service.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .with(collection::routes::<QosPolicy>)
        // Neutron has the tags of policies at either path.
        .with(|routes| collection::tag_routes::<QosPolicy>(routes, "/v2.0/policies/{id}"))
        .with(nested::routes::<BandwidthLimitRule>)
        .with(nested::routes::<DscpMarkingRule>)
        .with(nested::routes::<PacketRateLimitRule>)
        .get("/v2.0/qos/rule-types", Reader, rule_types)
        .get("/v2.0/qos/rule-types/{type}", Admin, rule_type)
}

impl View for QosPolicy {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put(
            "shared",
            &sharing::is_shared_with(cx.cloud, self.id.0, cx.actor.project_id()),
        );
        out.put("is_default", &self.is_default);
        if out.wants("rules") {
            out.put("rules", &rules(self.id, cx));
        }
    }
}

/// The rules as they stand in their policy: with their type.
fn rules(id: QosPolicyId, cx: &ViewCx<'_>) -> Vec<Value> {
    fn told<R: Nested + QosRule>(rule: &R, cx: &ViewCx<'_>) -> Value {
        let values = R::ATTRIBUTES.iter().map(|name| (*name).to_owned());
        let mut map: serde_json::Map<String, Value> = values.zip(PickSink::pick(R::ATTRIBUTES, rule, cx)).collect();
        map.insert("type".to_owned(), R::TYPE.into());
        map.insert("qos_policy_id".to_owned(), json!(rule.policy_id()));
        Value::Object(map)
    }
    let cloud = cx.cloud;
    let bandwidth = qos::bandwidth_limits(cloud, id).map(|rule| told(&**rule, cx));
    let marks = qos::dscp_markings(cloud, id).map(|rule| told(&**rule, cx));
    let packets = qos::packet_rate_limits(cloud, id).map(|rule| told(&**rule, cx));
    bandwidth.chain(marks).chain(packets).collect()
}

impl Collection for QosPolicy {
    const PLURAL: &'static str = "policies";
    const PATH: &'static str = "qos/policies";
    const ATTRIBUTES: &'static [&'static str] = attributes!["name", "shared", "is_default", "rules"];
    type New = QosPolicySpec;
    type Change = QosPolicySpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<QosPolicySpec> {
        attrs.not_in_post(&["rules"])?;
        Ok(QosPolicySpec {
            project_id: attrs.project()?,
            tags: attrs.tags("tags")?,
            ..read(attrs)?
        })
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<QosPolicySpec> {
        attrs.not_in_put(&["rules"])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<QosPolicySpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter().map(|spec| qos::create(tx, actor, spec)).collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &QosPolicyId, change: QosPolicySpec) -> Result<Arc<Self>> {
        qos::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &QosPolicyId) -> Result<()> {
        qos::delete(tx, actor, *id)
    }
}

fn read(attrs: &mut Attrs) -> Result<QosPolicySpec> {
    Ok(QosPolicySpec {
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        shared: attrs.boolean("shared")?,
        is_default: attrs.boolean("is_default")?,
        ..QosPolicySpec::default()
    })
}

impl View for BandwidthLimitRule {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("max_kbps", &self.max_kbps);
        out.put("max_burst_kbps", &self.max_burst_kbps);
        out.put("direction", &self.direction);
    }
}

impl View for DscpMarkingRule {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("dscp_mark", &self.dscp_mark);
    }
}

impl View for PacketRateLimitRule {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("max_kpps", &self.max_kpps);
        out.put("max_burst_kpps", &self.max_burst_kpps);
        out.put("direction", &self.direction);
    }
}

macro_rules! nested_rules {
    ($($rule:ident, $plural:literal, [$($attribute:literal),*], $read:expr;)*) => {$(
        impl Nested for $rule {
            type Parent = QosPolicy;
            const PARENT_PATH: &'static str = "qos/policies";
            const PLURAL: &'static str = $plural;
            const ATTRIBUTES: &'static [&'static str] = &["id", $($attribute),*];
            const CREATE: Access = Manager;
            type Spec = RuleSpec;

            fn parent_id(&self) -> QosPolicyId {
                self.policy_id
            }
            fn of_parent<'a>(cloud: &'a Cloud, id: &QosPolicyId) -> Vec<&'a Arc<Self>> {
                Self::by_policy(&cloud.lookups).of(id).filter_map(|id| cloud.find::<Self>(id)).collect()
            }
            fn read(attrs: &mut Attrs, _is_new: bool) -> Result<RuleSpec> {
                let read: fn(&mut Attrs) -> Result<RuleSpec> = $read;
                read(attrs)
            }
            fn create(tx: &mut Tx<'_>, actor: &Actor, parent: &QosPolicyId, spec: RuleSpec) -> Result<Arc<Self>> {
                qos::create_rule(tx, actor, *parent, spec)
            }
            fn update(tx: &mut Tx<'_>, actor: &Actor, id: &QosRuleId, spec: RuleSpec) -> Result<Arc<Self>> {
                qos::update_rule(tx, actor, *id, spec)
            }
            fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &QosRuleId) -> Result<()> {
                qos::delete_rule::<Self>(tx, actor, *id)
            }
        }
    )*};
}

nested_rules! {
    BandwidthLimitRule, "bandwidth_limit_rules", ["max_kbps", "max_burst_kbps", "direction"],
        |attrs| limit(attrs, "max_kbps", "max_burst_kbps");
    PacketRateLimitRule, "packet_rate_limit_rules", ["max_kpps", "max_burst_kpps", "direction"],
        |attrs| limit(attrs, "max_kpps", "max_burst_kpps");
    DscpMarkingRule, "dscp_marking_rules", ["dscp_mark"], |attrs| {
        let mark = number(attrs, "dscp_mark")?;
        Ok(RuleSpec {
            dscp_mark: mark.map(|mark| u8::try_from(mark).unwrap_or(u8::MAX)),
            ..RuleSpec::default()
        })
    };
}

fn limit(attrs: &mut Attrs, max: &str, burst: &str) -> Result<RuleSpec> {
    Ok(RuleSpec {
        max: number(attrs, max)?,
        burst: number(attrs, burst)?,
        direction: direction(attrs)?,
        dscp_mark: None,
    })
}

fn number(attrs: &mut Attrs, name: &str) -> Result<Option<u32>> {
    let value = attrs.take(name);
    let number = value.map(|value| attributes::integer(name, &value, 0, i64::from(i32::MAX)));
    Ok(number.transpose()?.and_then(|number| u32::try_from(number).ok()))
}

pub(super) fn direction(attrs: &mut Attrs) -> Result<Option<Direction>> {
    let Some(value) = attrs.take("direction") else {
        return Ok(None);
    };
    match value.as_str() {
        Some("ingress") => Ok(Some(Direction::Ingress)),
        Some("egress") => Ok(Some(Direction::Egress)),
        _ => Err(invalid(
            "direction",
            format!("'{}' is not in ['egress', 'ingress']", shown(&value)),
        )),
    }
}

/// The types of rules that hosts can hold.
const TYPES: [&str; 3] = [
    BandwidthLimitRule::TYPE,
    DscpMarkingRule::TYPE,
    PacketRateLimitRule::TYPE,
];

/// GET of all types.
async fn rule_types(_ctx: Ctx) -> Reply {
    let types: Vec<Value> = TYPES.iter().map(|name| json!({"type": name})).collect();
    document(&json!({"rule_types": types}))
}

/// GET of one type, with what its rules take.
async fn rule_type(_ctx: Ctx, Path(name): Path<String>) -> Reply {
    let range = |name: &str| json!({"parameter_name": name, "parameter_type": "range", "parameter_values": {"start": 0, "end": i32::MAX}});
    let choices = |name: &str, values: Value| json!({"parameter_name": name, "parameter_type": "choices", "parameter_values": values});
    let directions = || choices("direction", json!(["ingress", "egress"]));
    let parameters = match name.as_str() {
        BandwidthLimitRule::TYPE => json!([range("max_kbps"), range("max_burst_kbps"), directions()]),
        PacketRateLimitRule::TYPE => json!([range("max_kpps"), range("max_burst_kpps"), directions()]),
        DscpMarkingRule::TYPE => json!([choices("dscp_mark", json!(VALID_DSCP_MARKS.map(u32::from)))]),
        _ => {
            return Err(Fault(Error::not_found(
                "QosRuleTypeNotFound",
                format!("QoS rule type {name} could not be found."),
            )));
        }
    };
    let drivers = json!([{"name": "maru", "supported_parameters": parameters}]);
    document(&json!({"rule_type": {"type": name, "drivers": drivers}}))
}
