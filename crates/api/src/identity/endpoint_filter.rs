//! `/v3/OS-EP-FILTER`: groups of endpoints, and which endpoints the tokens of a project list.

use axum::extract::Path;
use model::identity::{
    self, Endpoint, EndpointAssociation, EndpointGroup, EndpointGroupFields, Project, Visible, associations_of, policy,
    sees_endpoint,
};
use model::{Cloud, ProjectId, Result};
use serde_json::{Value, json};

use super::fields::Fields;
use super::list::List;
use super::registry::{own, render_endpoint};
use super::render;
use crate::access::Access::Token;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, created, json as document, no_content};
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    const GROUPS: &str = "/v3/OS-EP-FILTER/endpoint_groups";
    const GROUP: &str = "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}";
    const IN_PROJECT: &str = "/v3/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}";
    const GROUP_IN_PROJECT: &str = "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}";
    routes
        .get(GROUPS, Token, list)
        .post(GROUPS, Token, create)
        .get(GROUP, Token, show)
        .patch(GROUP, Token, update)
        .delete(GROUP, Token, delete)
        .get(
            "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints",
            Token,
            endpoints_of_group,
        )
        .get(
            "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects",
            Token,
            projects_of_group,
        )
        .get(GROUP_IN_PROJECT, Token, show_group_in_project)
        .put(GROUP_IN_PROJECT, Token, add_group)
        .delete(GROUP_IN_PROJECT, Token, remove_group)
        .get(
            "/v3/OS-EP-FILTER/projects/{project_id}/endpoints",
            Token,
            endpoints_of_project,
        )
        .get(
            "/v3/OS-EP-FILTER/projects/{project_id}/endpoint_groups",
            Token,
            groups_of_project,
        )
        .get(
            "/v3/OS-EP-FILTER/endpoints/{endpoint_id}/projects",
            Token,
            projects_of_endpoint,
        )
        .get(IN_PROJECT, Token, check_endpoint)
        .put(IN_PROJECT, Token, add_endpoint)
        .delete(IN_PROJECT, Token, remove_endpoint)
}

fn render_group(row: &EndpointGroup, base_url: &str) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "filters": row.filters,
        "links": {"self": format!("{base_url}/identity/v3/OS-EP-FILTER/endpoint_groups/{}", row.id)},
    })
}

fn parse(fields: &Fields<'_>) -> Result<EndpointGroupFields> {
    Ok(EndpointGroupFields {
        name: fields.text("name")?.map(str::to_owned),
        description: fields.nullable_text("description")?,
        filters: fields.map("filters")?,
    })
}

async fn list(ctx: Ctx, list: List) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:list_endpoint_groups")?;
    let cloud = ctx.cloud();
    let rows = cloud
        .endpoint_groups
        .iter()
        .filter(|row| list.text("name", Some(&row.name)));
    groups_page(&ctx, &list, rows)
}

fn groups_page<'a>(ctx: &Ctx, list: &List, rows: impl Iterator<Item = &'a std::sync::Arc<EndpointGroup>>) -> Reply {
    list.page(
        ctx,
        "endpoint_groups",
        rows,
        |row| row.id.as_str(),
        |row| render_group(row, ctx.base_url()),
    )
}

async fn show(ctx: Ctx, Path(id): Path<String>) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:get_endpoint_group")?;
    let row = ctx.cloud().get::<EndpointGroup>(&id)?;
    document(&json!({"endpoint_group": render_group(&row, ctx.base_url())}))
}

async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = Fields::of(&body, "endpoint_group")?;
    fields.required_text("name")?;
    fields.required_object("filters")?;
    let (wanted, own) = (parse(&fields)?, own(&ctx));
    let row = ctx
        .transact(move |tx, actor| identity::create_endpoint_group(tx, actor, &own, wanted))
        .await?;
    created(&json!({"endpoint_group": render_group(&row, ctx.base_url())}))
}

async fn update(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let (wanted, own) = (parse(&Fields::of(&body, "endpoint_group")?)?, own(&ctx));
    let row = ctx
        .transact(move |tx, actor| identity::update_endpoint_group(tx, actor, &own, &id, wanted))
        .await?;
    document(&json!({"endpoint_group": render_group(&row, ctx.base_url())}))
}

async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    ctx.transact(move |tx, actor| identity::delete_endpoint_group(tx, actor, &id))
        .await?;
    no_content()
}

/// Every endpoint: the cloud's own and those that were entered.
fn all_endpoints(ctx: &Ctx, cloud: &Cloud) -> Vec<Endpoint> {
    let stored = cloud.endpoints.iter().map(|row| Endpoint::clone(row));
    let mut rows: Vec<Endpoint> = own(ctx).endpoints().chain(stored).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}

fn endpoints_page(ctx: &Ctx, list: &List, rows: impl Iterator<Item = Endpoint>) -> Reply {
    list.page(
        ctx,
        "endpoints",
        rows,
        |row| row.id.as_str(),
        |row| render_endpoint(row, ctx.base_url()),
    )
}

async fn endpoints_of_group(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    policy::require_read(
        ctx.actor(),
        None,
        "identity:list_endpoints_associated_with_endpoint_group",
    )?;
    let cloud = ctx.cloud();
    let group = cloud.get::<EndpointGroup>(&id)?;
    let rows = all_endpoints(&ctx, &cloud).into_iter().filter(|row| group.holds(row));
    endpoints_page(&ctx, &list, rows)
}

/// The projects that are shown something.
fn projects_page(ctx: &Ctx, list: &List, cloud: &Cloud, shown: &Visible) -> Reply {
    let rows = cloud
        .endpoint_associations
        .iter()
        .filter(|row| row.visible == *shown)
        .filter_map(|row| cloud.find::<Project>(&row.project_id));
    list.page(
        ctx,
        "projects",
        rows,
        |row| row.id.as_str(),
        |row| render::project(row, ctx.base_url()),
    )
}

async fn projects_of_group(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    policy::require_read(
        ctx.actor(),
        None,
        "identity:list_projects_associated_with_endpoint_group",
    )?;
    let cloud = ctx.cloud();
    cloud.get::<EndpointGroup>(&id)?;
    projects_page(&ctx, &list, &cloud, &Visible::Group(id))
}

async fn projects_of_endpoint(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:list_projects_for_endpoint")?;
    let cloud = ctx.cloud();
    if !all_endpoints(&ctx, &cloud).iter().any(|row| row.id == id) {
        cloud.get::<Endpoint>(&id)?;
    }
    projects_page(&ctx, &list, &cloud, &Visible::Endpoint(id))
}

async fn endpoints_of_project(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:list_endpoints_for_project")?;
    let cloud = ctx.cloud();
    let project = ProjectId::from(id);
    cloud.get::<Project>(&project)?;
    let any = associations_of(&cloud, &project).next().is_some();
    let rows = all_endpoints(&ctx, &cloud)
        .into_iter()
        .filter(|row| any && sees_endpoint(&cloud, &project, row));
    endpoints_page(&ctx, &list, rows)
}

async fn groups_of_project(ctx: Ctx, Path(id): Path<String>, list: List) -> Reply {
    policy::require_read(ctx.actor(), None, "identity:list_endpoint_groups_for_project")?;
    let cloud = ctx.cloud();
    let project = ProjectId::from(id);
    cloud.get::<Project>(&project)?;
    let rows = associations_of(&cloud, &project).filter_map(|visible| match visible {
        Visible::Group(id) => cloud.endpoint_groups.get(id),
        Visible::Endpoint(_) => None,
    });
    groups_page(&ctx, &list, rows)
}

fn group_in((group, project): (String, String)) -> EndpointAssociation {
    EndpointAssociation {
        project_id: project.into(),
        visible: Visible::Group(group),
    }
}

fn endpoint_in((project, endpoint): (String, String)) -> EndpointAssociation {
    EndpointAssociation {
        project_id: project.into(),
        visible: Visible::Endpoint(endpoint),
    }
}

async fn add(ctx: Ctx, row: EndpointAssociation) -> Reply {
    let own = own(&ctx);
    ctx.transact(move |tx, actor| identity::add_association(tx, actor, &own, row))
        .await?;
    no_content()
}

async fn remove(ctx: Ctx, row: EndpointAssociation) -> Reply {
    ctx.transact(move |tx, actor| identity::remove_association(tx, actor, &row))
        .await?;
    no_content()
}

async fn add_group(ctx: Ctx, Path(ids): Path<(String, String)>) -> Reply {
    add(ctx, group_in(ids)).await
}

async fn remove_group(ctx: Ctx, Path(ids): Path<(String, String)>) -> Reply {
    remove(ctx, group_in(ids)).await
}

async fn show_group_in_project(ctx: Ctx, Path(ids): Path<(String, String)>) -> Reply {
    let row = group_in(ids.clone());
    identity::check_association(&ctx.cloud(), ctx.actor(), &row)?;
    let group = ctx.cloud().get::<EndpointGroup>(&ids.0)?;
    document(&json!({"endpoint_group": render_group(&group, ctx.base_url())}))
}

async fn add_endpoint(ctx: Ctx, Path(ids): Path<(String, String)>) -> Reply {
    add(ctx, endpoint_in(ids)).await
}

async fn remove_endpoint(ctx: Ctx, Path(ids): Path<(String, String)>) -> Reply {
    remove(ctx, endpoint_in(ids)).await
}

async fn check_endpoint(ctx: Ctx, Path(ids): Path<(String, String)>) -> Reply {
    identity::check_association(&ctx.cloud(), ctx.actor(), &endpoint_in(ids))?;
    no_content()
}
