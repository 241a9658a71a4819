//! The project's overview: where to begin, what there is, what needs looking at, how much of the quota is used.

mod attention;
mod first_steps;
mod quotas;
mod recent;
mod usage;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::html;

use crate::layout::{Content, project_name};
use crate::outcome::Answer;
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::Visit;

pub(super) use usage::{figure, rounded_now};

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/", get(show))
        .route("/dashboard/usage.csv", get(usage::download))
}

async fn show(visit: Visit, Query(wanted): Query<usage::Wanted>) -> Answer {
    let t = visit.t();
    let project = project_name(visit.cloud(), visit.project_id());
    let actions = html! {
        a .button href="/dashboard/topology" { (icon("topology")) (t.nav_topology()) }
        a .button href="/dashboard/servers" { (icon("server")) (t.nav_servers()) }
    };
    let body = html! {
        (ui::head(t.nav_overview(), &t.overview_lead(project), actions))
        (first_steps::card(&visit))
        (attention::card(&visit))
        (quotas::card(&visit))
        div .cards {
            div .pile {
                (attention::servers(&visit))
                (usage::card(&visit, &wanted))
            }
            (recent::card(&visit))
        }
    };
    Ok(visit.page(Content::new(t.nav_overview(), body).cli([
        "openstack limits show --absolute",
        "openstack quota show --usage",
        "openstack server list",
        "openstack usage show",
    ])))
}
