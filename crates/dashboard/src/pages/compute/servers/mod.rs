//! Servers: the list, and one of them on several pages.

mod action_log;
mod log;
mod on_host;
mod parts;
mod show;
mod ssh;
mod state;
mod table;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use model::compute::{Server, server};
use model::network::{FloatingIp, Network, Port};
use model::{Cloud, Error, ServerId, VolumeId};

use crate::layout::Content;
use crate::outcome::{Answer, Page, Problem};
use crate::pages::compute::actions;
use crate::pages::reach::Outlook;
use crate::site::Site;
use crate::ui::{self, ListQuery, icon};
use crate::visit::Visit;

pub(crate) use parts::{group_ids, has_name, volume_name};
pub(crate) use show::fault_advice;
pub(crate) use state::{action_words, denied_words, state};
pub(crate) use table::{state_badge, table};

pub(crate) const HERE: &str = "/dashboard/servers";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list))
        .route("/dashboard/servers/{id}", get(show::show))
        .route("/dashboard/servers/{id}/log", get(log::show))
        .route("/dashboard/servers/{id}/log/tail", get(log::tail))
        .route("/dashboard/servers/{id}/log/download", get(log::download))
        .route("/dashboard/servers/{id}/actions-log", get(action_log::show))
}

/// A server that the visitor may see.
pub(crate) fn find(visit: &Visit, id: ServerId) -> Result<Arc<Server>, Problem> {
    Ok(server::get_visible(visit.cloud(), visit.actor(), id)?)
}

/// Whether the visitor may change servers, and use their consoles; who is only a reader may look.
pub(crate) fn may_change(visit: &Visit) -> bool {
    visit.may_change()
}

/// Turns away who may only look, as the API would.
pub(crate) fn need_member(visit: &Visit) -> Result<(), Problem> {
    if may_change(visit) {
        return Ok(());
    }
    Err(Error::forbidden(
        "PolicyNotAuthorized",
        "Role 'member' in the project is needed for this.",
    )
    .into())
}

/// A link to a server's page.
pub(crate) fn link(server: &Server) -> Markup {
    html! { a href=(format!("{HERE}/{}", server.id)) { (server.name) } }
}

/// A NIC of a server, with all that belongs to it.
pub(crate) struct Nic<'a> {
    pub port: &'a Arc<Port>,
    pub network: Option<&'a Arc<Network>>,
    pub floating: Vec<&'a Arc<FloatingIp>>,
}

/// A server's NICs, in their order.
pub(crate) fn nics<'a>(cloud: &'a Cloud, server: &Server) -> Vec<Nic<'a>> {
    let own = server.id.to_string();
    let ports = server.ports.iter().filter_map(|id| cloud.ports.get(id));
    ports
        .filter(|port| port.device_id == own)
        .map(|port| Nic {
            port,
            network: cloud.networks.get(&port.network_id),
            floating: floating_ips(cloud, port),
        })
        .collect()
}

fn floating_ips<'a>(cloud: &'a Cloud, port: &Port) -> Vec<&'a Arc<FloatingIp>> {
    let ids = cloud.lookups.floating_ips_by_port.of(&port.id);
    ids.filter_map(|id| cloud.floating_ips.get(id)).collect()
}

/// The volume that a server without an image boots from.
pub(crate) fn boot_volume(cloud: &Cloud, server: &Server) -> Option<VolumeId> {
    let all = model::volume::attachment::of_server(cloud, server.id);
    all.iter()
        .find(|each| each.boot_index == Some(0))
        .map(|each| each.volume_id)
}

/// The name of what a server was made from: its image, or that in the volume that it boots from.
pub(crate) fn image_name(cloud: &Cloud, server: &Server) -> Option<String> {
    if let Some(id) = server.image_id {
        let image = cloud.images.get(&id);
        return Some(
            image
                .and_then(|image| image.name.clone())
                .unwrap_or_else(|| id.to_string()),
        );
    }
    let volume = cloud.volumes.get(&boot_volume(cloud, server)?)?;
    volume.image_metadata.get("image_name").cloned()
}

/// The project's servers, the newest first.
pub(crate) fn of_project(visit: &Visit) -> Vec<Arc<Server>> {
    let cloud = visit.cloud();
    let ids = cloud.lookups.servers_by_project.of(visit.project_id());
    let mut servers: Vec<_> = ids.filter_map(|id| cloud.servers.get(id)).cloned().collect();
    servers.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
    servers
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    let servers = of_project(&visit);
    let launch = ui::main_action("/dashboard/servers/new", "plus", t.server_launch());
    let body = html! {
        (ui::head(t.nav_servers(), t.servers_lead(), html! { @if may_change(&visit) { (launch) } }))
        @if servers.is_empty() {
            (ui::empty("server", t.servers_empty(), t.servers_empty_text(), html! { (launch) }))
        } @else { (table(&visit, &query, servers, false, &Outlook::now(&visit).await)) }
    };
    Ok(visit.page(Content::new(t.nav_servers(), body).cli(["openstack server list --long"])))
}

/// Which page of a server is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Log,
    Console,
    ActionLog,
    Reach,
}

/// A server's page: its head and tabs around `body`.
fn frame(visit: &Visit, server: &Server, outlook: &Outlook, tab: Tab, body: Markup) -> Markup {
    let t = visit.t();
    let state = html! { (state_badge(t, server)) (outlook.long(visit, server)) };
    let tab_link = |of: Tab, at: &str, words: &str| {
        html! { a href=(format!("{HERE}/{}{at}", server.id)) aria-current=[(of == tab).then_some("page")] { (words) } }
    };
    html! {
        (ui::object_head((HERE, t.nav_servers()), &server.name, state, actions::head(visit, server)))
        @if let Some(locked) = &server.locked {
            p .note.server-note { (icon("lock")) (t.server_locked_note())
                @if let Some(reason) = &locked.reason { " " (t.server_lock_reason(reason)) }
            }
        }
        (show::waits(visit, server))
        nav .tabs aria-label=(t.server_tabs()) {
            (tab_link(Tab::Overview, "", t.nav_overview()))
            (tab_link(Tab::Log, "/log", t.server_tab_log()))
            (tab_link(Tab::Console, "/console", t.server_tab_console()))
            (tab_link(Tab::Reach, "/reach", t.nav_reach()))
            (tab_link(Tab::ActionLog, "/actions-log", t.server_tab_actions()))
        }
        (body)
    }
}

/// A page of a server.
pub(crate) async fn page(visit: &Visit, server: &Server, tab: Tab, body: Markup) -> Content {
    let outlook = Outlook::now(visit).await;
    Content::new(&server.name, frame(visit, server, &outlook, tab, body))
}

/// [`page`] as it is answered.
async fn shown(visit: &Visit, server: &Server, tab: Tab, body: Markup, cli: Vec<String>) -> Page {
    visit.page(page(visit, server, tab, body).await.cli(cli))
}
