//! The network topology: networks, routers, servers and floating IPs as a picture, which changes as they do.
//!
//! ```text
//!  the cloud's tables ─gather─► Graph ─order, layout─► Picture ─draw─► SVG      (view=graph)
//!                                     └order, columns─► Picture ─┘              (view=columns)
//! ```

mod card;
mod columns;
mod draw;
mod gather;
mod graph;
mod hints;
mod layout;
mod order;
mod picture;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};

use self::card::Object;
use self::draw::{Drawing, sign};
use self::gather::Objects;
use self::picture::{NORMAL, SMALL};
use crate::form::Fields;
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::{Answer, Page, in_query};
use crate::pages::reach::Outlook;
use crate::pages::reach::question::Asked;
use crate::site::Site;
use crate::ui::{self, Mood, icon};
use crate::visit::Visit;

const HERE: &str = "/dashboard/topology";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(show))
        .route("/dashboard/topology/card/{kind}/{id}", get(show_card))
}

/// What of the picture is shown, and how: all of it is in the page's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shown {
    is_columns: bool,
    is_small: bool,
    /// Whose card is open: `server-<id>`.
    open: Option<String>,
    /// Networks whose servers are shown one by one, however many.
    unfolded: BTreeSet<String>,
    /// Whose way is drawn.
    way: Option<Asked>,
}

impl Shown {
    fn read(fields: &Fields) -> Self {
        Self {
            is_columns: fields.text("view") == Some("columns"),
            is_small: fields.text("size") == Some("small"),
            open: fields.text("open").map(str::to_owned),
            unfolded: fields.all("expand").map(str::to_owned).collect(),
            way: Some(Asked::read(fields)).filter(Asked::is_asked),
        }
    }

    fn address(&self) -> String {
        let mut parts = Vec::new();
        if self.is_columns {
            parts.push("view=columns".to_owned());
        }
        if self.is_small {
            parts.push("size=small".to_owned());
        }
        parts.extend(
            self.unfolded
                .iter()
                .map(|network| format!("expand={}", in_query(network))),
        );
        parts.extend(self.way.iter().map(Asked::query));
        parts.extend(self.open.iter().map(|key| format!("open={}", in_query(key))));
        if parts.is_empty() {
            HERE.to_owned()
        } else {
            format!("{HERE}?{}", parts.join("&"))
        }
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = self.clone();
        change(&mut other);
        other.address()
    }

    fn opening(&self, key: &str) -> String {
        self.with(|other| other.open = Some(key.to_owned()))
    }

    fn closed(&self) -> String {
        self.with(|other| other.open = None)
    }

    fn unfolding(&self, network: &str) -> String {
        self.with(|other| {
            other.unfolded.insert(network.to_owned());
        })
    }
}

/// Where a node's card is got.
fn card_address(key: &str) -> String {
    let (kind, id) = card::split(key).unwrap_or_default();
    format!("{HERE}/card/{kind}/{id}")
}

async fn show(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let shown = Shown::read(&fields);
    let objects = Objects::of_project(&visit);
    let way = match &shown.way {
        Some(asked) => Some(trace::Shown::of(&visit, asked).await),
        None => None,
    };
    let outlook = Outlook::now(&visit).await;
    let actions = html! {
        (ui::action("/dashboard/networks/new", "network", t.network_new()))
        (ui::action("/dashboard/routers/new", "router", t.topology_router_new()))
        a .button.main href="/dashboard/servers/new" { (icon("server")) (t.topology_server_new()) }
    };
    let body = html! {
        (ui::head(t.nav_topology(), t.topology_lead(), actions))
        @if let Some(way) = &way { (way.strip(&visit, &shown.with(|other| other.way = None))) }
        @else if objects.has_own(&visit) { (hints::line(&visit, &objects)) }
        @if !objects.has_own(&visit) {
            (ui::empty("topology", t.topology_empty(), t.topology_empty_text(), ui::main_action("/dashboard/networks/new", "plus", t.network_new())))
        }
        @if !objects.networks.is_empty() || objects.has_own(&visit) {
            (toolbar(t, &shown))
            (stage(&visit, &shown, &objects, way.as_ref(), &outlook))
            (legend(t))
        }
    };
    Ok(visit.page(Content::new(t.nav_topology(), body).cli([
        "openstack network list --long",
        "openstack router list --long",
        "openstack server list --long",
        "openstack floating ip list",
        "openstack port list --long",
    ])))
}

async fn show_card(visit: Visit, Path((kind, id)): Path<(String, String)>) -> Answer {
    let object = Object::of(&kind, &id).ok_or_else(|| card::no_such(&kind))?;
    let outlook = Outlook::now(&visit).await;
    Ok(Page(card::card(&visit, object, HERE, &outlook)?))
}

/// The picture on its stage, with the open card beside it.
fn stage(visit: &Visit, shown: &Shown, objects: &Objects, way: Option<&trace::Shown>, outlook: &Outlook) -> Markup {
    let t = visit.t();
    let mut unfolded = shown.unfolded.clone();
    let of_way = way.map(|way| way.networks(visit.cloud())).unwrap_or_default();
    unfolded.extend(of_way.iter().map(ToString::to_string));
    let graph = gather::graph(visit, objects, &unfolded);
    let sizes = if shown.is_small { &SMALL } else { &NORMAL };
    let picture = if shown.is_columns {
        columns::lay(&graph, sizes, |node| draw::bar_length(&graph.nodes[node], sizes))
    } else {
        layout::lay(&graph, sizes)
    };
    let drawing = Drawing {
        t,
        graph: &graph,
        picture: &picture,
        sizes,
        shown,
        trace: way.map(|way| &way.trace),
    };
    // What was open may be gone by now.
    let open = shown.open.as_deref().and_then(Object::of_key);
    let card = open.and_then(|object| card::card(visit, object, &shown.closed(), outlook).ok());
    html! {
        div #topology-stage .topology-stage data-view=(if shown.is_columns { "columns" } else { "graph" }) {
            div #topology-canvas .topology-canvas tabindex="0" role="group" aria-label=(t.topology_keys()) { (drawing.draw()) }
            div #topology-card .topology-card { @if let Some(card) = card { (card) } }
        }
    }
}

/// Which view, which size.
fn toolbar(t: Text, shown: &Shown) -> Markup {
    let choice = |address: String, is_here: bool, symbol: Option<&str>, words: &str| {
        html! {
            a href=(address) data-in-place aria-current=[is_here.then_some("true")] {
                @if let Some(symbol) = symbol { (icon(symbol)) }
                (words)
            }
        }
    };
    let by = |is_columns: bool| shown.with(|other| other.is_columns = is_columns);
    let sized = |is_small: bool| shown.with(|other| other.is_small = is_small);
    html! {
        div .topology-tools {
            nav .switch-links aria-label=(t.topology_view()) {
                (choice(by(false), !shown.is_columns, Some("topology"), t.topology_graph()))
                (choice(by(true), shown.is_columns, Some("columns"), t.topology_columns()))
            }
            nav .switch-links aria-label=(t.size()) {
                (choice(sized(false), !shown.is_small, None, t.topology_normal()))
                (choice(sized(true), shown.is_small, None, t.topology_small()))
            }
            @if !shown.unfolded.is_empty() {
                a .button.small href=(shown.with(|other| other.unfolded.clear())) data-in-place { (icon("group")) (t.topology_fold()) }
            }
            div .topology-zoom.scripted-only {
                button .plain.icon-only type="button" data-zoom="in" aria-label=(t.topology_zoom_in()) { (icon("plus")) }
                button .plain.icon-only type="button" data-zoom="out" aria-label=(t.topology_zoom_out()) { span .minus aria-hidden="true" { "−" } }
                button .plain.icon-only type="button" data-zoom="fit" aria-label=(t.topology_zoom_fit()) { (icon("resize")) }
            }
        }
    }
}

/// What signs and forms mean.
fn legend(t: Text) -> Markup {
    let state = |mood: Mood, words: &str| {
        html! { li { svg .legend-sign viewBox="-9 -9 18 18" aria-hidden="true" { (sign(mood, 0, 0)) } (words) } }
    };
    let thing = |symbol: &str, words: &str| html! { li { (icon(symbol)) (words) } };
    html! {
        ul .topology-legend aria-label=(t.topology_legend()) {
            (state(Mood::Good, t.topology_legend_good()))
            (state(Mood::Busy, t.topology_legend_busy()))
            (state(Mood::Idle, t.topology_legend_idle()))
            (state(Mood::Warn, t.topology_legend_warn()))
            (state(Mood::Bad, t.topology_legend_bad()))
            (thing("network", t.network()))
            (thing("router", t.topology_router()))
            (thing("server", t.topology_server()))
            (thing("globe", t.topology_floating_ip()))
        }
    }
}
