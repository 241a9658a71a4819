//! Makes what mends a cause: the requests that the answer names, as the visitor, one after the other.
//!
//! A form says which of the fixes it means and nothing of how it is made: that is asked for again, so that no form can have
//! other requests sent, and nothing is made that is not in the way any more.

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::answer::{Fix, Request, ask};
use super::question::Asked;
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::compute::servers::need_member;
use crate::visit::Visit;

/// Means every fix that is needed.
pub(super) const ALL: &str = "all";

pub(super) async fn make(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    need_member(&visit)?;
    let asked = Asked::read(&fields);
    let answer = ask(&visit, &asked).await?;
    let wanted = fields.plain("fix");
    let fixes: Vec<&Fix> = if wanted == ALL {
        answer.all().unwrap_or_default()
    } else {
        let buttons = answer.blockers.iter().filter_map(|blocker| blocker.button());
        buttons.filter(|fix| fix.mark() == wanted).take(1).collect()
    };
    if fixes.is_empty() {
        let mut gone = Problem::in_form(t.reach_fix_gone());
        gone.status = StatusCode::CONFLICT;
        return Err(gone);
    }
    for fix in &fixes {
        send_all(&visit, &fix.requests).await?;
    }
    let done = match fixes.as_slice() {
        [one] => one.message.of(t).to_owned(),
        many => t.reach_fixed_all(many.len()),
    };
    // What is started takes a while to run; the page tells when it does.
    if fixes.iter().flat_map(|fix| &fix.requests).any(is_of_compute) {
        return Ok(Done::saying(done));
    }
    let after = ask(&visit, &asked).await?;
    Ok(Done::saying(match after.blockers.first() {
        None => t.reach_fixed_open(done),
        Some(next) => t.reach_fixed_next(done, next.message.of(t)),
    }))
}

/// In order; `{router_id}` in a path stands for the router that the request before it made.
async fn send_all(visit: &Visit, requests: &[Request]) -> Result<(), Problem> {
    let mut router_id = String::new();
    for request in requests {
        let method: Method = request.method.parse().map_err(Problem::inside)?;
        let path = request.path.replace("{router_id}", &router_id);
        let made = visit.call(method, &path, request.body.clone()).await?;
        if let Some(id) = made.pointer("/router/id").and_then(Value::as_str) {
            id.clone_into(&mut router_id);
        }
    }
    Ok(())
}

fn is_of_compute(request: &Request) -> bool {
    request.path.starts_with("/compute/")
}
