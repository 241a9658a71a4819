//! A flavor's extra specs: what Nova takes from a flavor besides its size.

use std::collections::BTreeMap;
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
use crate::outcome::{Answer, Done, in_query};
use crate::pages::admin::common::{Admin, send_button};
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::Visit;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/admin/flavors/{id}/specs", post(set))
        .route("/dashboard/admin/flavors/{id}/specs/delete", post(remove))
}

pub(super) fn card(visit: &Visit, flavor: &Flavor) -> Markup {
    let t = visit.t();
    let at = page_of(&flavor.id, "/specs");
    ui::card(
        t.admin_specs(),
        html! {
            p .muted { (t.admin_specs_lead()) }
            @if !flavor.extra_specs.is_empty() {
                table .plain-table {
                    thead { tr { th scope="col" { (t.admin_key()) } th scope="col" { (t.admin_value()) } th .row-menu { span .sr { (t.actions()) } } } }
                    tbody {
                        @for (key, value) in &flavor.extra_specs {
                            tr {
                                td { code { (key) } }
                                td { code { (value) } }
                                td .row-menu {
                                    (send_button(&format!("{at}/delete"), &[("key", key)], "danger", html! { (icon("trash")) span .sr { (t.delete()) " " (key) } }))
                                }
                            }
                        }
                    }
                }
            }
            form .line-form method="post" action=(at) hx-post=(at) hx-swap="none" {
                input name="key" required maxlength="255" placeholder="hw:cpu_policy" aria-label=(t.admin_key()) autocomplete="off";
                input name="value" required maxlength="255" placeholder="shared" aria-label=(t.admin_value()) autocomplete="off";
                button .button type="submit" { (icon("plus")) (t.add()) }
                div .problem-place aria-live="assertive" {}
            }
        },
    )
}

async fn set(Admin(visit): Admin, Path(id): Path<FlavorId>, fields: Fields) -> Answer<Done> {
    let specs = BTreeMap::from([(fields.plain("key"), fields.plain("value"))]);
    visit
        .post(&api_of(&id, "/os-extra_specs"), json!({"extra_specs": specs}))
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

async fn remove(Admin(visit): Admin, Path(id): Path<FlavorId>, fields: Fields) -> Answer<Done> {
    let key = fields.plain("key");
    visit
        .delete(&api_of(&id, &format!("/os-extra_specs/{}", in_query(key))))
        .await?;
    Ok(Done::saying(visit.t().admin_spec_removed(key)))
}
