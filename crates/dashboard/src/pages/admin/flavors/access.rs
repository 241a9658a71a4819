//! Which projects may use a flavor that is not public.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use maud::{Markup, html};
use model::FlavorId;
use model::compute::Flavor;
use serde_json::json;

use super::{api_of, page_of};
use crate::form::Fields;
use crate::layout::project_name;
use crate::outcome::{Answer, Done};
use crate::pages::admin::common::{Admin, send_button};
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::Visit;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/admin/flavors/{id}/access", post(add))
        .route("/dashboard/admin/flavors/{id}/access/remove", post(remove))
}

pub(super) fn card(visit: &Visit, flavor: &Flavor) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let at = page_of(&flavor.id, "/access");
    let mut others: Vec<_> = cloud
        .projects
        .iter()
        .filter(|project| !flavor.access.contains(&project.id))
        .collect();
    others.sort_by_key(|project| project.name.to_lowercase());
    ui::card(
        t.admin_flavor_access(),
        html! {
            @if flavor.is_public {
                p .muted { (t.admin_flavor_for_all()) }
            } @else {
                @if flavor.access.is_empty() { p .muted { (t.admin_flavor_for_none()) } }
                ul .entries {
                    @for project in &flavor.access {
                        li {
                            (icon("folder")) span .grow { (project_name(cloud, project)) }
                            (send_button(&format!("{at}/remove"), &[("project", project.as_str())], "", html! { (t.remove()) }))
                        }
                    }
                }
                @if !others.is_empty() {
                    form .line-form method="post" action=(at) hx-post=(at) hx-swap="none" {
                        select name="project" required aria-label=(t.project()) {
                            @for project in others { option value=(project.id) { (project.name) } }
                        }
                        button .button type="submit" { (icon("plus")) (t.add()) }
                        div .problem-place aria-live="assertive" {}
                    }
                }
            }
        },
    )
}

async fn add(Admin(visit): Admin, Path(id): Path<FlavorId>, fields: Fields) -> Answer<Done> {
    visit
        .post(
            &api_of(&id, "/action"),
            json!({"addTenantAccess": {"tenant": fields.plain("project")}}),
        )
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn remove(Admin(visit): Admin, Path(id): Path<FlavorId>, fields: Fields) -> Answer<Done> {
    visit
        .post(
            &api_of(&id, "/action"),
            json!({"removeTenantAccess": {"tenant": fields.plain("project")}}),
        )
        .await?;
    Ok(Done::saying(visit.t().saved()))
}
