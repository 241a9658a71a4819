//! `/v3/projects` and their tags.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use model::identity::{self, Domain, Project, ProjectFields, policy};
use model::{Cloud, DomainId, Error, ProjectId, Result, Scope};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use super::{domain, render};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};

fn parse(fields: &Fields<'_>) -> Result<ProjectFields> {
    Ok(ProjectFields {
        name: fields.text("name")?.map(str::to_owned),
        domain_id: fields.text("domain_id")?.map(Into::into),
        parent_id: fields.text("parent_id")?.map(Into::into),
        description: fields.nullable_text("description")?.map(Option::unwrap_or_default),
        enabled: fields.boolean("enabled")?,
        tags: fields
            .texts("tags")?
            .map(|tags| tags.into_iter().map(str::to_owned).collect()),
        extra: fields.others(&[
            "id",
            "name",
            "description",
            "enabled",
            "tags",
            "options",
            "links",
            "is_domain",
            "domain_id",
            "parent_id",
        ]),
    })
}

pub(super) async fn list(ctx: Ctx, list: List) -> Reply {
    let cloud = ctx.cloud();
    let own = own_domain(&ctx);
    policy::require_read(ctx.actor(), own.as_ref(), "identity:list_projects")?;
    if list.is_set("is_domain") {
        let rows = cloud.domains.iter().filter(|domain| {
            own.as_ref().is_none_or(|id| *id == domain.id)
                && list.text("name", Some(&domain.name))
                && list.flag("enabled", domain.enabled)
                && list.tags(&domain.tags)
        });
        let draw = |d: &&Arc<Domain>| render::domain_as_project(d, ctx.base_url());
        return list.page(&ctx, "projects", rows, |d| d.id.as_str(), draw);
    }
    let rows = cloud
        .projects
        .iter()
        .filter(|project| own.as_ref().is_none_or(|id| *id == project.domain_id) && matches(&list, project));
    list.page(
        &ctx,
        "projects",
        rows,
        |p| p.id.as_str(),
        |p| render::project(p, ctx.base_url()),
    )
}

/// The only domain whose objects the caller is shown in a list.
pub(super) fn own_domain(ctx: &Ctx) -> Option<DomainId> {
    match &ctx.actor().scope {
        Scope::Domain { id } => Some(id.clone()),
        _ => None,
    }
}

/// Whether a project is as the list asks.
pub(super) fn matches(list: &List, project: &Project) -> bool {
    let parent = project
        .parent_id
        .as_ref()
        .map_or(project.domain_id.as_str(), ProjectId::as_str);
    list.text("name", Some(&project.name))
        && list.text("domain_id", Some(project.domain_id.as_str()))
        && list.text("parent_id", Some(parent))
        && list.flag("enabled", project.enabled)
        && list.tags(&project.tags)
}

pub(super) async fn show(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    let cloud = ctx.cloud();
    if cloud.domains.contains(&id.as_str().into()) {
        let domain = identity::show_domain(&cloud, ctx.actor(), &id.into())?;
        return document(&json!({"project": render::domain_as_project(&domain, ctx.base_url())}));
    }
    let project = identity::show_project(&cloud, ctx.actor(), &id.into())?;
    let mut body = render::project(&project, ctx.base_url());
    add_relatives(&ctx, &cloud, &project, &list, &mut body)?;
    document(&json!({"project": body}))
}

/// `?parents_as_list`, `?subtree_as_ids` and the like.
fn add_relatives(ctx: &Ctx, cloud: &Cloud, project: &Project, list: &List, body: &mut Value) -> Result<()> {
    let [parents_list, parents_ids, subtree_list, subtree_ids] =
        ["parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids"].map(|name| list.is_set(name));
    for (both, what) in [
        (parents_list && parents_ids, "parents"),
        (subtree_list && subtree_ids, "subtree"),
    ] {
        if both {
            return Err(Error::invalid(
                "ValidationError",
                format!("Cannot use {what}_as_list and {what}_as_ids query params at the same time."),
            ));
        }
    }
    let draw = |project: &Project| json!({"project": render::project(project, ctx.base_url())});
    let visible = |project: &Project| identity::show_project(cloud, ctx.actor(), &project.id).is_ok();
    if parents_list {
        body["parents"] = identity::ancestors(cloud, &project.id)
            .filter(|p| visible(p))
            .map(draw)
            .collect();
    }
    if parents_ids {
        let above: Vec<&Project> = identity::ancestors(cloud, &project.id).collect();
        let top = json!({ project.domain_id.as_str(): null });
        body["parents"] = above
            .into_iter()
            .rev()
            .fold(top, |inner, project| json!({ project.id.as_str(): inner }));
    }
    if subtree_list {
        let mut below = Vec::new();
        collect_below(cloud, &project.id, &mut below);
        body["subtree"] = below.iter().filter(|p| visible(p)).map(|p| draw(p)).collect();
    }
    if subtree_ids {
        body["subtree"] = tree_below(cloud, &project.id);
    }
    Ok(())
}

fn collect_below(cloud: &Cloud, id: &ProjectId, into: &mut Vec<Arc<Project>>) {
    for child in identity::children(cloud, id) {
        into.push(child.clone());
        collect_below(cloud, &child.id, into);
    }
}

/// `{child: {grandchild: null}}`; `null` when there is none.
fn tree_below(cloud: &Cloud, id: &ProjectId) -> Value {
    let below: serde_json::Map<String, Value> = identity::children(cloud, id)
        .map(|child| (child.id.to_string(), tree_below(cloud, &child.id)))
        .collect();
    if below.is_empty() {
        Value::Null
    } else {
        Value::Object(below)
    }
}

pub(super) async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "project")?;
    fields.required_text("name")?;
    if fields.boolean("is_domain")?.unwrap_or(false) {
        let fields = domain::parse(&fields)?;
        let domain = ctx
            .transact(move |tx, actor| identity::create_domain(tx, actor, fields))
            .await?;
        return created(&json!({"project": render::domain_as_project(&domain, ctx.base_url())}));
    }
    let fields = parse(&fields)?;
    let project = ctx
        .transact(move |tx, actor| identity::create_project(tx, actor, fields))
        .await?;
    created(&json!({"project": render::project(&project, ctx.base_url())}))
}

pub(super) async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "project")?;
    if ctx.cloud().domains.contains(&id.as_str().into()) {
        let (id, fields) = (DomainId::from(id), domain::parse(&fields)?);
        let domain = ctx
            .transact(move |tx, actor| identity::update_domain(tx, actor, &id, fields))
            .await?;
        return document(&json!({"project": render::domain_as_project(&domain, ctx.base_url())}));
    }
    let (id, fields) = (ProjectId::from(id), parse(&fields)?);
    let project = ctx
        .transact(move |tx, actor| identity::update_project(tx, actor, &id, fields))
        .await?;
    document(&json!({"project": render::project(&project, ctx.base_url())}))
}

pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    if ctx.cloud().domains.contains(&id.as_str().into()) {
        let id = DomainId::from(id);
        super::delete_in_steps(&ctx, move |tx, actor| identity::delete_domain(tx, actor, &id)).await?;
        return no_content();
    }
    let id = ProjectId::from(id);
    let gone = id.clone();
    super::delete_in_steps(&ctx, move |tx, actor| identity::delete_project(tx, actor, &id)).await?;
    tell_orphans(&ctx.cloud(), &gone);
    no_content()
}

/// Keystone deletes a project whatever it still owns; the operator is told what that is.
fn tell_orphans(cloud: &Cloud, id: &ProjectId) {
    let left: Vec<String> = cloud
        .lookups
        .counts
        .iter()
        .filter(|((_, project), _)| project == id)
        .map(|((kind, _), count)| format!("{count} {kind}"))
        .collect();
    if !left.is_empty() {
        let left = left.join(", ");
        tracing::warn!(project.id = %id, "Project {id} was deleted while it owned {left}: only an administrator can delete those now");
    }
}

/// Changes a project's labels.
async fn set_tags<F>(ctx: &Ctx, id: String, change: F) -> Result<BTreeSet<String>>
where
    F: FnOnce(&mut BTreeSet<String>) -> Result<()> + Send + 'static,
{
    let id = ProjectId::from(id);
    ctx.transact(move |tx, actor| {
        let project = policy::find::<Project>(tx.cloud(), actor, &id, "identity:update_project_tags")?;
        let mut tags = project.tags.clone();
        change(&mut tags)?;
        let fields = ProjectFields {
            tags: Some(tags.clone()),
            ..ProjectFields::default()
        };
        identity::update_project(tx, actor, &id, fields)?;
        Ok(tags)
    })
    .await
}

fn tags_document(ctx: &Ctx, id: &str, tags: &BTreeSet<String>) -> Reply {
    let link = format!("{}/identity/v3/projects/{id}/tags", ctx.base_url());
    document(&json!({"tags": tags, "links": {"self": link}}))
}

pub(super) async fn tags(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let project = identity::show_project(&ctx.cloud(), ctx.actor(), &id.as_str().into())?;
    tags_document(&ctx, &id, &project.tags)
}

pub(super) async fn replace_tags(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::root(&body)?;
    let wanted = fields.texts("tags")?.ok_or_else(|| fields.missing("tags"))?;
    let wanted: BTreeSet<String> = wanted.into_iter().map(str::to_owned).collect();
    let change = move |tags: &mut BTreeSet<String>| {
        *tags = wanted;
        Ok(())
    };
    let tags = set_tags(&ctx, id.clone(), change).await?;
    tags_document(&ctx, &id, &tags)
}

pub(super) async fn delete_tags(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let change = |tags: &mut BTreeSet<String>| {
        tags.clear();
        Ok(())
    };
    set_tags(&ctx, id, change).await?;
    no_content()
}

fn no_tag(tag: &str) -> Error {
    Error::not_found("ProjectTagNotFound", format!("Could not find project tag: {tag}."))
}

pub(super) async fn check_tag(ctx: Ctx, Path((id, tag)): Path<(String, String)>) -> Reply {
    let project = identity::show_project(&ctx.cloud(), ctx.actor(), &id.into())?;
    if !project.tags.contains(&tag) {
        return Err(no_tag(&tag).into());
    }
    no_content()
}

pub(super) async fn add_tag(ctx: Ctx, Path((id, tag)): Path<(String, String)>) -> Reply {
    let link = format!("{}/identity/v3/projects/{id}/tags/{tag}", ctx.base_url());
    let change = move |tags: &mut BTreeSet<String>| {
        tags.insert(tag);
        Ok(())
    };
    set_tags(&ctx, id, change).await?;
    let mut response = StatusCode::CREATED.into_response();
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(header::LOCATION, link);
    }
    Ok(response)
}

pub(super) async fn remove_tag(ctx: Ctx, Path((id, tag)): Path<(String, String)>) -> Reply {
    let change = move |tags: &mut BTreeSet<String>| {
        if tags.remove(&tag) { Ok(()) } else { Err(no_tag(&tag)) }
    };
    set_tags(&ctx, id, change).await?;
    no_content()
}
