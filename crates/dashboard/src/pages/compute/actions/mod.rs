//! What can be done to a server: every action, whether it may happen now, and why not.
//!
//! Actions that need nothing but a yes are one table ([`plain::PLAIN`]); those with a form have a file each.

mod admin;
mod delete;
mod disks;
mod edit;
mod floating;
mod groups;
mod interfaces;
mod offers;
mod plain;
mod resize;
mod volumes;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use model::compute::Server;

use super::servers::{HERE, nics};
use crate::pages::deletion;
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::Visit;

use offers::{Offer, Target, groups};
pub(crate) use plain::TOGETHER;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(
            "/dashboard/servers/together/{key}",
            get(plain::ask_together).post(plain::act_together),
        )
        .route("/dashboard/servers/{id}/do/{key}", get(plain::ask).post(plain::act))
        .route("/dashboard/servers/{id}/actions", get(plain::all))
        .route("/dashboard/servers/{id}/edit", get(edit::ask).post(edit::edit))
        .route(
            "/dashboard/servers/{id}/labels",
            get(edit::ask_labels).post(edit::label),
        )
        .route(
            "/dashboard/servers/{id}/security-groups",
            get(groups::ask).post(groups::change),
        )
        .route(
            "/dashboard/servers/{id}/interfaces/attach",
            get(interfaces::ask_attach).post(interfaces::attach),
        )
        .route(
            "/dashboard/servers/{id}/interfaces/detach",
            get(interfaces::ask_detach).post(interfaces::detach),
        )
        .route(
            "/dashboard/servers/{id}/volumes/attach",
            get(volumes::ask_attach).post(volumes::attach),
        )
        .route(
            "/dashboard/servers/{id}/volumes/detach",
            get(volumes::ask_detach).post(volumes::detach),
        )
        .route(
            "/dashboard/servers/{id}/floating-ips/disassociate",
            get(floating::ask).post(floating::disassociate),
        )
        .route("/dashboard/servers/{id}/resize", get(resize::ask).post(resize::resize))
        .route(
            "/dashboard/servers/{id}/snapshot",
            get(disks::ask_snapshot).post(disks::snapshot),
        )
        .route(
            "/dashboard/servers/{id}/rebuild",
            get(disks::ask_rebuild).post(disks::rebuild),
        )
        .route(
            "/dashboard/servers/{id}/rescue",
            get(disks::ask_rescue).post(disks::rescue),
        )
        .route(
            "/dashboard/servers/{id}/reset-state",
            get(admin::ask_reset).post(admin::reset),
        )
        .merge(deletion::routes(
            deletion::Kind::Server,
            "/dashboard/servers/delete",
            Some(HERE),
            delete::victim,
        ))
}

impl Offer {
    fn class(&self) -> &'static str {
        if self.is_dangerous { "item danger" } else { "item" }
    }

    /// As an entry of a menu, or (`at_length`) of the page of all actions.
    fn item(&self, at_length: bool) -> Markup {
        let inside = html! {
            (icon(self.symbol))
            @if at_length {
                span .item-words { b { (self.words) } span .muted.small { (self.refused.as_deref().unwrap_or(self.hint)) } }
            } @else { (self.words) }
        };
        if let Some(reason) = &self.refused {
            return html! { button class=(self.class()) type="button" disabled title=(reason) { (inside) } };
        }
        match &self.target {
            Target::Dialog(address) => ui::dialog_link(address, self.class(), inside),
            Target::Page(address) => html! { a class=(self.class()) href=(address) { (inside) } },
            Target::AtOnce(address) => html! {
                form method="post" action=(address) hx-post=(address) hx-swap="none" {
                    button class=(self.class()) type="submit" { (inside) }
                    @if at_length { div .problem-place aria-live="assertive" {} }
                }
            },
        }
    }

    /// As a button.
    fn button(&self) -> Markup {
        let inside = html! { (icon(self.symbol)) (self.words) };
        match &self.target {
            _ if self.refused.is_some() => html! {},
            Target::Dialog(address) => ui::dialog_link(address, "button", inside),
            Target::Page(address) => html! { a .button href=(address) { (inside) } },
            Target::AtOnce(address) => html! {
                form method="post" action=(address) hx-post=(address) hx-swap="none" { button .button type="submit" { (inside) } }
            },
        }
    }
}

fn offer(visit: &Visit, server: &Server, key: &str) -> Option<Offer> {
    groups(visit, server)
        .into_iter()
        .flat_map(|group| group.offers)
        .find(|offer| offer.key == key)
}

/// A button for one action, if it can be done now.
pub(crate) fn button(visit: &Visit, server: &Server, key: &str) -> Markup {
    html! { @if let Some(offer) = offer(visit, server, key) { (offer.button()) } }
}

/// A link to the form of an action, if it can be done now.
pub(crate) fn small_link(visit: &Visit, server: &Server, key: &str, words: &str) -> Markup {
    let possible = offer(visit, server, key).is_some_and(|offer| offer.refused.is_none());
    html! { @if possible { (ui::dialog_link(&format!("{HERE}/{}/{key}", server.id), "", html! { (words) })) } }
}

/// The actions at the head of a server's page: the most used ones, and a menu of all.
pub(crate) fn head(visit: &Visit, server: &Server) -> Markup {
    let t = visit.t();
    let groups = groups(visit, server);
    let offers = || groups.iter().flat_map(|group| group.offers.iter());
    html! {
        @for key in ["console", "start", "stop", "associate"] {
            @if let Some(offer) = offers().find(|offer| offer.key == key && !(key == "associate" && has_floating(visit, server))) { (offer.button()) }
        }
        details .menu.server-menu {
            summary .button.main { (t.actions()) span aria-hidden="true" { "▾" } }
            div .menu-items {
                @for group in &groups {
                    p .menu-title { (group.title) }
                    @for offer in &group.offers { (offer.item(false)) }
                }
            }
        }
    }
}

fn has_floating(visit: &Visit, server: &Server) -> bool {
    nics(visit.cloud(), server).iter().any(|nic| !nic.floating.is_empty())
}

/// The menu of a row: what is done most and can be done now, and the way to all the rest.
pub(crate) fn row_menu(visit: &Visit, server: &Server) -> Markup {
    const MOST_USED: [&str; 8] = [
        "console",
        "log",
        "associate",
        "start",
        "stop",
        "reboot",
        "snapshot",
        "edit",
    ];
    let t = visit.t();
    let mut offers: Vec<Offer> = groups(visit, server)
        .into_iter()
        .flat_map(|group| group.offers)
        .collect();
    offers.retain(|offer| offer.refused.is_none());
    ui::menu(
        t,
        &server.name,
        html! {
            @for key in MOST_USED {
                @if let Some(offer) = offers.iter().find(|offer| offer.key == key) { (offer.item(false)) }
            }
            (ui::menu_dialog(&format!("{HERE}/{}/actions", server.id), "dots", t.server_all_actions()))
            hr;
            @if let Some(offer) = offers.iter().find(|offer| offer.key == "delete") { (offer.item(false)) }
        },
    )
}
