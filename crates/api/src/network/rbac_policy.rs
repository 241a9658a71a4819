//! RBAC policies: networks shared with, or external for, single projects, and other objects shared with them.

use std::sync::Arc;

use model::network::RbacPolicy;
use model::network::rbac::{self, Action, MAX_TARGET, ObjectType, RbacPolicySpec};
use model::{Actor, ProjectId, RbacPolicyId, Result, Tx};
use serde_json::Value;

use super::attributes::{self, Attrs, invalid, missing};
use super::collection::Collection;
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

/// Every project.
const ALL: &str = "*";

impl View for RbacPolicy {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("project_id", &self.standard.project_id);
        out.put("tenant_id", &self.standard.project_id);
        out.put("object_type", self.object_type.as_str());
        out.put("object_id", &self.object_id);
        out.put("action", &self.action);
        out.put("target_tenant", self.target.as_ref().map_or(ALL, ProjectId::as_str));
    }
}

impl Collection for RbacPolicy {
    const PLURAL: &'static str = "rbac_policies";
    const PATH: &'static str = "rbac-policies";
    const ATTRIBUTES: &'static [&'static str] = &[
        "id",
        "project_id",
        "tenant_id",
        "object_type",
        "object_id",
        "action",
        "target_tenant",
    ];
    type New = RbacPolicySpec;
    type Change = Option<ProjectId>;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<RbacPolicySpec> {
        let object_type = attrs.text("object_type", attributes::TEXT)?;
        let object_type = object_type.ok_or_else(|| missing("object_type"))?;
        let known = ObjectType::ALL.iter().find(|known| known.as_str() == object_type);
        Ok(RbacPolicySpec {
            project_id: attrs.project()?,
            object_type: *known.ok_or_else(|| {
                let known: Vec<&str> = ObjectType::ALL.iter().map(|known| known.as_str()).collect();
                invalid("object_type", format!("'{object_type}' is not in {known:?}"))
            })?,
            object_id: attrs.required_id("object_id")?,
            action: action(attrs)?,
            target: target(attrs)?,
        })
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<Option<ProjectId>> {
        attrs.not_in_put(&["object_type", "object_id", "action"])?;
        target(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<RbacPolicySpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter().map(|spec| rbac::create(tx, actor, spec)).collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &RbacPolicyId, target: Option<ProjectId>) -> Result<Arc<Self>> {
        rbac::update(tx, actor, *id, target)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &RbacPolicyId) -> Result<()> {
        rbac::delete(tx, actor, *id)
    }
}

fn action(attrs: &mut Attrs) -> Result<Action> {
    let value = attrs.take("action").ok_or_else(|| missing("action"))?;
    let shown = attributes::shown(&value);
    serde_json::from_value(value).map_err(|_| {
        invalid(
            "action",
            format!("'{shown}' is not in ['access_as_shared', 'access_as_external']"),
        )
    })
}

fn target(attrs: &mut Attrs) -> Result<Option<ProjectId>> {
    let name = "target_tenant";
    match attrs.take(name) {
        None => Err(missing(name)),
        Some(Value::String(text)) if text == ALL => Ok(None),
        Some(Value::String(text)) if text.is_empty() => {
            Err(invalid(name, "it must be a project's id or '*'".to_owned()))
        }
        Some(value) => Ok(Some(ProjectId::from(attributes::text(name, value, MAX_TARGET)?))),
    }
}
