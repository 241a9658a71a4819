//! A server's matrix: from where, by which address. Each cell leads to its question.

use maud::{Markup, html};
use model::compute::Server;

use super::answer::{Trial, matrix};
use super::question::{Asked, of_server};
use crate::messages::Text;
use crate::outcome::Problem;
use crate::pages::compute::servers::nics;
use crate::ui::{dialog_link, icon};
use crate::visit::Visit;

/// Which address, and with what, in the columns' order.
const COLUMNS: [(&str, &str); 3] = [("fixed", "icmp"), ("floating", "icmp"), ("", "tcp")];

/// The card.
///
/// # Errors
/// What the API refused.
pub(super) async fn card(visit: &Visit, server: &Server, asked: &Asked) -> Result<Markup, Problem> {
    let t = visit.t();
    let rows = matrix(visit, server.id).await?;
    let headings = [t.reach_ping_fixed(), t.reach_ping_floating(), t.reach_ssh()];
    let has_floating = nics(visit.cloud(), server).iter().any(|nic| !nic.floating.is_empty());
    let associate = format!("/dashboard/floating-ips/associate?server={}", server.id);
    Ok(html! {
        section .card {
            h2 { (t.reach_matrix()) }
            p .muted { (t.reach_matrix_text()) }
            table .reach-matrix {
                thead { tr { th scope="col" { (t.reach_from()) } @for heading in headings { th scope="col" { (heading) } } } }
                tbody {
                    @for row in &rows {
                        tr {
                            th scope="row" { (place(t, &row.from)) }
                            @for (trial, (which, protocol)) in [&row.trials.ping_fixed, &row.trials.ping_floating, &row.trials.ssh].into_iter().zip(COLUMNS) {
                                td { (cell(t, server, asked, &row.from, which, protocol, trial)) }
                            }
                        }
                    }
                }
            }
            @if !has_floating {
                p .note { (t.reach_no_floating()) @if visit.may_change() { " " (dialog_link(&associate, "", html! { (t.server_do_associate()) })) } }
            }
        }
    })
}

fn place(t: Text, from: &str) -> &'static str {
    match from {
        "outside" => t.reach_from_outside(),
        "host" => t.reach_from_host(),
        "router" => t.reach_from_router(),
        _ => t.reach_from_network(),
    }
}

/// A verdict in a word, with its colour and sign, and why in two.
fn cell(t: Text, server: &Server, asked: &Asked, from: &str, which: &str, protocol: &str, trial: &Trial) -> Markup {
    let mut address = format!("{}?from={from}&protocol={protocol}", of_server(server.id));
    if protocol == "tcp" {
        address.push_str("&port=22");
    }
    if !which.is_empty() {
        address.push_str("&which=");
        address.push_str(which);
    }
    address.push_str("&ip_version=4#reach-answer");
    let is_here = asked.is_cell(from, which, protocol);
    let why = trial.message.as_ref().map(|message| message.of(t));
    let short = trial.causes.first().and_then(|code| t.reach_short(code));
    let (class, symbol, word) = if trial.is_reached() {
        ("cell good", "check", t.reach_cell_yes())
    } else {
        ("cell bad", "x", t.reach_cell_no())
    };
    html! {
        a class=(class) href=(address) title=[why] data-in-place aria-current=[is_here.then_some("true")] {
            span .cell-word { (icon(symbol)) (word) }
            @if let Some(short) = short.filter(|_| !trial.is_reached()) { span .cell-why { (short) } }
        }
    }
}
