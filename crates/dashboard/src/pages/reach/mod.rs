//! Why can't it be reached? A badge at each server, the matrix of a server, a question about anything, and its answer: what is
//! in the way, what mends it at the press of a button, and the packet's way there and back.
//!
//! Questions go to the cloud's own API (`/maru/v1/reach`), as a client's do; badges, of which a list has many, are worked out
//! from the tables.

pub(crate) mod answer;
mod fix;
mod form;
mod matrix;
mod outlook;
pub(crate) mod question;
mod shown;
mod things;
mod way;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::{Markup, html};
use model::ServerId;

pub(crate) use self::outlook::Outlook;
use self::question::{Asked, HERE, of_server};
pub(crate) use self::things::{name, origin_words, target_words};
pub(crate) use self::way::places;
use crate::form::Fields;
use crate::layout::Content;
use crate::outcome::Answer;
use crate::pages::compute::servers::{self, Tab};
use crate::site::Site;
use crate::ui::{self, icon};
use crate::visit::Visit;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(of_anything))
        .route("/dashboard/reach/fix", post(fix::make))
        .route("/dashboard/reach/probe", post(shown::probe))
        .route("/dashboard/servers/{id}/reach", get(of_a_server))
}

/// A link to the page that says why, for pages of things that may not be reached.
pub(crate) fn why_link(visit: &Visit, address: &str) -> Markup {
    html! { a .reach-why href=(address) { (icon("route")) (visit.t().reach_why()) } }
}

/// The page that asks for a port.
pub(crate) fn of_port(id: model::PortId) -> String {
    format!("{HERE}?to={}", crate::outcome::in_query(&format!("port:{id}")))
}

/// The page that asks for a floating IP: by its address, as a person would.
pub(crate) fn of_floating_ip(address: std::net::Ipv4Addr) -> String {
    format!("{HERE}?to={address}")
}

/// The page that asks why SSH does not get through to a server.
pub(crate) fn ssh_of_server(id: ServerId) -> String {
    format!("{}?from=outside&protocol=tcp&port=22", of_server(id))
}

async fn of_anything(visit: Visit, fields: Fields) -> Answer {
    let t = visit.t();
    let asked = Asked::read(&fields);
    let body = html! {
        (ui::head(t.nav_reach(), t.reach_lead(), html! {}))
        section .card.reach-question { h2 { (t.reach_question()) } (form::question(&visit, &asked, None)) }
        @if asked.is_asked() {
            (shown::answer(&visit, &asked).await)
        } @else {
            (ui::empty("route", t.reach_begin(), t.reach_begin_text(), html! {}))
        }
    };
    let command = asked.is_asked().then(|| asked.command()).flatten();
    let command = command.unwrap_or_else(|| "sudo maru reach --to SERVER".to_owned());
    Ok(visit.page(Content::new(t.nav_reach(), body).cli([command])))
}

async fn of_a_server(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer {
    let t = visit.t();
    let server = servers::find(&visit, id)?;
    let asked = Asked::read(&fields).about_server(id);
    let body = if servers::nics(visit.cloud(), &server).is_empty() {
        let attach = format!("/dashboard/servers/{id}/interfaces/attach");
        let step = html! { @if visit.may_change() { (ui::main_action(&attach, "plug", t.server_do_attach_nic())) } };
        ui::empty("plug", t.reach_no_port(), t.reach_no_port_text(), step)
    } else {
        html! {
            div .cards.reach-top {
                (matrix::card(&visit, &server, &asked).await?)
                section .card.reach-question { h2 { (t.reach_question()) } (form::question(&visit, &asked, Some(id))) }
            }
            (shown::answer(&visit, &asked).await)
        }
    };
    let commands = [format!("sudo maru reach --to {id} --matrix")];
    let commands = commands.into_iter().chain(asked.command());
    Ok(visit.page(servers::page(&visit, &server, Tab::Reach, body).await.cli(commands)))
}
