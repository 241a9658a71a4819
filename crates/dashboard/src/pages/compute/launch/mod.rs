//! The wizard that makes servers: a form in steps, which says while it is filled in what the choices come to.
//!
//! [`wish`] reads what the form says, [`choices`] what there is to choose; [`check`], [`quota`] and [`reach`] say what the
//! choices come to; [`form`] and [`keys`] write the steps, and [`create`] does it.

mod check;
mod choices;
mod create;
mod form;
mod keys;
mod quota;
mod reach;
mod wish;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::form::Fields;
use crate::outcome::{Answer, Page};
use crate::site::Site;
use crate::visit::Visit;
use wish::Wish;

const HERE: &str = "/dashboard/servers/new";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(new).post(create::create))
        .route("/dashboard/servers/new/flavors", get(flavors))
        .route("/dashboard/servers/new/networks", get(networks))
        .route("/dashboard/servers/new/check", post(check::check))
        .route("/dashboard/servers/new/key", post(keys::make))
}

async fn new(visit: Visit, fields: Fields) -> Answer {
    let wish = Wish::read(&visit, &fields).with_defaults(&visit);
    Ok(visit.form(visit.t().launch_title(), form::show(&visit, &wish)))
}

/// The flavors anew, once something else is booted from.
async fn flavors(visit: Visit, fields: Fields) -> Answer {
    Ok(Page(form::flavors(&visit, &Wish::read(&visit, &fields))))
}

/// The networks anew, once one was made.
async fn networks(visit: Visit, fields: Fields) -> Answer {
    Ok(Page(form::nics(&visit, &Wish::read(&visit, &fields))))
}
