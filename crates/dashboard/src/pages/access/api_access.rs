//! API access: addresses, openrc, clouds.yaml, and how to begin with the command line.

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;

use super::ec2;
use super::files::{self, Account, CLOUD};
use crate::layout::Content;
use crate::outcome::{Answer, Problem};
use crate::site::Site;
use crate::ui::{self, fact, icon};
use crate::visit::Visit;

const OPENRC: &str = "openrc.sh";
const CLOUDS_YAML: &str = "clouds.yaml";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/dashboard/api-access", get(show))
        .route("/dashboard/api-access/openrc.sh", get(openrc))
        .route("/dashboard/api-access/clouds.yaml", get(clouds_yaml))
}

async fn openrc(visit: Visit) -> Response {
    files::download(OPENRC, Account::of(&visit).openrc())
}

async fn clouds_yaml(visit: Visit) -> Response {
    files::download(CLOUDS_YAML, Account::of(&visit).clouds_yaml())
}

async fn show(visit: Visit) -> Answer {
    let t = visit.t();
    let catalog = visit.get("/identity/v3/auth/catalog").await?;
    let services = catalog["catalog"].as_array().map_or(&[][..], Vec::as_slice);
    let downloads = html! {
        a .button.main href="/dashboard/api-access/openrc.sh" download=(OPENRC) { (icon("download")) (OPENRC) }
        a .button href="/dashboard/api-access/clouds.yaml" download=(CLOUDS_YAML) { (icon("download")) (CLOUDS_YAML) }
    };
    let body = html! {
        (ui::head(t.nav_api_access(), t.access_lead(), downloads))
        div .cards {
            (begin(&visit))
            (who(&visit))
        }
        (endpoints(&visit, services))
        (ec2::card(&visit))
    };
    Ok(visit.page(Content::new(t.nav_api_access(), body).cli([
        "openstack catalog list",
        "openstack configuration show",
        "openstack ec2 credentials list",
    ])))
}

/// From nothing to the first command.
fn begin(visit: &Visit) -> Markup {
    let t = visit.t();
    let account = Account::of(visit);
    ui::card(
        t.access_begin(),
        html! {
            ol .walk {
                li { p { (t.access_install()) } (ui::code_block(t, "python3 -m pip install python-openstackclient")) }
                li { p { (t.access_source()) } (ui::code_block(t, ". ./openrc.sh")) }
                li { p { (t.access_first()) } (ui::code_block(t, "openstack server list")) }
            }
            details .more {
                summary { (t.access_with_clouds_yaml()) }
                p .muted { (t.access_clouds_yaml_place()) }
                (ui::code_block(t, &account.clouds_yaml()))
                (ui::code_block(t, &format!("openstack --os-cloud {CLOUD} server list")))
            }
            @if visit.site().is_secure() { p .muted { (t.access_ca()) } }
        },
    )
}

/// What programs ask for, all but the password.
fn who(visit: &Visit) -> Markup {
    let t = visit.t();
    let account = Account::of(visit);
    let line = |text: &str| ui::copyable(t, text);
    ui::card(
        t.access_who(),
        html! {
            (ui::facts(html! {
                (fact(t.user_name(), line(&account.user)))
                (fact(t.access_user_id(), line(visit.actor().user_id.as_str())))
                (fact(t.access_user_domain(), line(&account.user_domain)))
                (fact(t.project(), line(&account.project)))
                (fact(t.access_project_id(), line(visit.project_id().as_str())))
                (fact(t.access_project_domain(), line(&account.project_domain)))
                (fact(t.access_region(), line(&account.region)))
                (fact(t.access_auth_url(), line(&account.auth_url)))
            }))
            div .card-foot {
                a .button href="/dashboard/credentials" { (icon("badge")) (t.nav_credentials()) }
                // A page of its own: the change ends the session of a page that is live.
            a .button href="/dashboard/password" { (icon("key")) (t.access_password_title()) }
            }
        },
    )
}

/// The public address of each service.
fn endpoints(visit: &Visit, services: &[Value]) -> Markup {
    let t = visit.t();
    let public = |service: &Value| -> Option<String> {
        let mut endpoints = service["endpoints"].as_array()?.iter();
        let found = endpoints.find(|endpoint| endpoint["interface"] == "public")?;
        found["url"].as_str().map(str::to_owned)
    };
    html! {
        section .card #endpoints {
            h2 { (t.access_endpoints()) }
            div .table-scroll { table {
                thead { tr { th scope="col" { (t.access_service()) } th scope="col" { (t.name()) } th scope="col" { (t.access_address()) } } }
                tbody {
                    @for service in services {
                        tr {
                            td { code { (service["type"].as_str().unwrap_or_default()) } }
                            td { code .muted { (service["name"].as_str().unwrap_or_default()) } }
                            td { @if let Some(url) = public(service) { (ui::copyable(t, &url)) } @else { span .muted { (t.none()) } } }
                        }
                    }
                }
            } }
        }
    }
}

/// A text of an answer of the API.
pub(super) fn text_of(answer: &Value, path: &[&str]) -> Result<String, Problem> {
    let found = path.iter().fold(answer, |value, name| &value[*name]);
    let found = found.as_str().map(str::to_owned);
    found.ok_or_else(|| Problem::inside(format!("an answer has no text at {path:?}")))
}
