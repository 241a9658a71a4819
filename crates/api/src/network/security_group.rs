//! Security groups.

use std::sync::Arc;

use model::network::security_group::{self, SecurityGroupSpec};
use model::network::{SecurityGroup, SecurityGroupRule, sharing};
use model::{Actor, ProjectId, Result, SecurityGroupId, Tx};
use serde::Serialize;

use super::attributes::{Attrs, TEXT};
use super::collection::Collection;
use super::filter::Filters;
use super::standard::{attributes, put_standard};
use super::view::{JsonSink, Sink, View, ViewCx};
use crate::context::Ctx;

impl View for SecurityGroup {
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        put_standard(&self.standard, out);
        out.put("stateful", &self.stateful);
        out.put(
            "shared",
            &sharing::is_shared_with(cx.cloud, self.id.0, cx.actor.project_id()),
        );
        if out.wants("security_group_rules") {
            let rules: Vec<RuleDocument> = cx
                .cloud
                .rules_of_group(self.id)
                .map(|rule| RuleDocument::of(rule, cx))
                .collect();
            out.put("security_group_rules", &rules);
        }
    }
}

/// A rule as it stands in its group: written once, as its own collection writes it.
struct RuleDocument(Box<serde_json::value::RawValue>);

impl RuleDocument {
    fn of(rule: &SecurityGroupRule, cx: &ViewCx<'_>) -> Self {
        let mut out = Vec::with_capacity(512);
        JsonSink::object(&mut out, &[], rule, cx);
        let text = String::from_utf8(out).unwrap_or_default();
        Self(serde_json::value::RawValue::from_string(text).unwrap_or_default())
    }
}

impl Serialize for RuleDocument {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Collection for SecurityGroup {
    const PLURAL: &'static str = "security_groups";
    const PATH: &'static str = "security-groups";
    const ATTRIBUTES: &'static [&'static str] = attributes!["name", "stateful", "shared", "security_group_rules"];
    type New = SecurityGroupSpec;
    type Change = SecurityGroupSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<SecurityGroupSpec> {
        attrs.not_in_post(&["security_group_rules", "shared"])?;
        let project_id = attrs.project()?;
        let tags = attrs.tags("tags")?;
        Ok(SecurityGroupSpec {
            project_id,
            tags,
            ..read(attrs)?
        })
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<SecurityGroupSpec> {
        attrs.not_in_put(&["security_group_rules", "shared"])?;
        read(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<SecurityGroupSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|spec| security_group::create(tx, actor, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &SecurityGroupId, change: SecurityGroupSpec) -> Result<Arc<Self>> {
        security_group::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &SecurityGroupId) -> Result<()> {
        security_group::delete(tx, actor, *id)
    }

    /// Whoever looks at a project's groups finds its default one.
    async fn before_list(ctx: &Ctx, filters: &Filters) -> Result<()> {
        let asked = filters.values("project_id").unwrap_or_default();
        let mut projects: Vec<ProjectId> = asked
            .iter()
            .map(|project| ProjectId::from(project.as_str()))
            .filter(|project| ctx.actor().can_see(project) && ctx.cloud().projects.contains(project))
            .collect();
        if asked.is_empty() {
            projects.extend(ctx.actor().project_id().cloned());
        }
        ensure_defaults(ctx, projects).await
    }
}

/// Makes the default groups that are missing.
pub(super) async fn ensure_defaults(ctx: &Ctx, projects: Vec<ProjectId>) -> Result<()> {
    let cloud = ctx.cloud();
    for project in projects {
        if security_group::default_of(&cloud, &project).is_none() {
            ctx.transact(move |tx, _| {
                security_group::ensure_default(tx, &project);
                Ok(())
            })
            .await?;
        }
    }
    Ok(())
}

fn read(attrs: &mut Attrs) -> Result<SecurityGroupSpec> {
    Ok(SecurityGroupSpec {
        project_id: None,
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", TEXT)?,
        stateful: attrs.boolean("stateful")?,
        tags: None,
    })
}
