//! All servers of the cloud.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::html;
use model::Error;

use crate::layout::Content;
use crate::outcome::Answer;
use crate::pages::compute::servers::table;
use crate::pages::reach::Outlook;
use crate::site::Site;
use crate::ui::{self, ListQuery};
use crate::visit::Visit;

const HERE: &str = "/dashboard/admin/servers";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new().route(HERE, get(list))
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    if !visit.is_admin() {
        return Err(Error::forbidden("PolicyNotAuthorized", "This page is for administrators of the cloud.").into());
    }
    let mut servers: Vec<_> = visit.cloud().servers.iter().cloned().collect();
    servers.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
    let body = html! {
        (ui::head(t.nav_admin_servers(), t.servers_admin_lead(), html! {}))
        @if servers.is_empty() {
            (ui::empty("server", t.servers_admin_empty(), t.servers_admin_empty_text(), html! {}))
        } @else { (table(&visit, &query, servers, true, &Outlook::now(&visit).await)) }
    };
    Ok(visit.page(Content::new(t.nav_admin_servers(), body).cli(["openstack server list --all-projects --long"])))
}
