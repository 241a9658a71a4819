//! `POST /maru/v1/reach/probes`: the question of `GET /maru/v1/reach`, asked with a few packets of the cloud's own. They are sent
//! from the namespace nearest to who asks, never leave the cloud, and are few: the host says when there may be more.

use axum::http::HeaderValue;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use control::Planned;
use model::network::{Network, Resource, Router};
use model::reach::look::{may_see_host, probe_request};
use model::reach::probe::{Loss, Place, ProbeError, ProbeKind, ProbeRequest, ProbeResult, ProbeVerdict};
use model::reach::words::host as words;
use model::reach::{Answer, Question, names};
use model::{Actor, Cloud, Error, Result};
use serde_json::{Map, Value, json};

use super::{answer, bad, look, parse, render};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::fault::Fault;
use crate::query::Query;
use crate::reply::{Reply, json as document};

/// One probe.
pub(in crate::maru) async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let query = question_of(&body)?;
    let planned = ctx.control().planned().await?;
    let question = parse(&planned.cloud, ctx.actor(), &query)?;
    let answer = answer(&ctx, &planned, &question, ctx.control().host_forwards().await);
    let request = request(&planned, &question, &answer)?;
    check_ownership(&planned.cloud, ctx.actor(), &request)?;
    // A look begins by waiting until the host has what it was told last, which the packets are to meet.
    let inspection = look::inspect(&ctx, &planned, &answer).await;
    let project = ctx.actor().project_id();
    let probed = ctx.control().probe(project, request.clone()).await;
    let probed = probed.ok_or_else(no_prober)?;
    let result = match probed {
        Err(ProbeError::RateLimited { retry_after }) => return Ok(too_many(retry_after)),
        Err(ProbeError::NotHere(place)) => lost_before(place),
        Err(ProbeError::Refused(why)) => return Err(Fault(refused(ctx.actor(), &why))),
        Err(ProbeError::Failed(why)) => {
            tracing::warn!(request.id = %ctx.request_id(), "A probe failed: {why}");
            return Err(Fault(no_prober()));
        }
        Ok(result) => result,
    };
    let mut told = render(&ctx, &planned, &answer);
    look::tell(&ctx, &planned, &answer, (inspection, Some(&result)), &mut told).await;
    told["probe"] = tell(&planned.cloud, ctx.actor(), (&request, &result), &told);
    document(&json!({"reach": told}))
}

/// The parameters, as `GET` takes them.
fn question_of(body: &Value) -> Result<Query> {
    let fields = body["probe"].as_object();
    let fields: &Map<String, Value> =
        fields.ok_or_else(|| bad("The body is {\"probe\": {\"to\": …}}, with the parameters of GET.".to_owned()))?;
    let mut pairs = Vec::new();
    for (name, value) in fields {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(bad(format!("'{name}' is a text or a number."))),
        };
        if name == "look" {
            return Err(bad("A probe always looks at the host: leave out 'look'.".to_owned()));
        }
        pairs.push((name.clone(), text));
    }
    Ok(Query::of(pairs))
}

fn request(planned: &Planned, question: &Question, answer: &Answer) -> Result<ProbeRequest> {
    if answer.flow.is_none() {
        return Err(Error::conflict(
            "Conflict",
            "There is no packet to send: something has to be there first. GET /maru/v1/reach says what.",
        ));
    }
    let request = probe_request(&planned.cloud, &planned.config, question, answer);
    request.ok_or_else(|| bad("Only ping, TCP and UDP can be probed.".to_owned()))
}

/// Packets go only to what belongs to the caller, and come only from the host or from what belongs to them.
fn check_ownership(cloud: &Cloud, actor: &Actor, request: &ProbeRequest) -> Result<()> {
    if actor.is_admin() {
        return Ok(());
    }
    let target = request.delivery.and_then(|delivery| cloud.ports.get(&delivery.port));
    let owns_target = target.is_some_and(|port| actor.owns(&port.standard.project_id));
    let owns_start = match request.from {
        Place::Host => true,
        Place::Router(id) => owns::<Router>(cloud, actor, &id),
        Place::Network(id) => owns::<Network>(cloud, actor, &id),
    };
    match owns_target && owns_start {
        true => Ok(()),
        false => Err(Error::forbidden(
            "PolicyNotAuthorized",
            "A project probes only what is its own: a port of its own, from outside, the host, or a router or network of its own.",
        )),
    }
}

fn owns<R: Resource>(cloud: &Cloud, actor: &Actor, id: &R::Id) -> bool {
    let row = cloud.find::<R>(id);
    row.is_some_and(|row| actor.owns(&row.standard().project_id))
}

fn no_prober() -> Error {
    Error::unavailable("ServiceUnavailable", "The host can't probe now. Try again in a moment.")
}

fn refused(actor: &Actor, why: &str) -> Error {
    let message = "A probe never leaves the cloud, and this one would.";
    Error::conflict(
        "Conflict",
        match may_see_host(actor) {
            true => format!("{message} ({why})"),
            false => message.to_owned(),
        },
    )
}

/// 429, with the whole seconds after which there may be another.
fn too_many(retry_after: std::time::Duration) -> Response {
    let seconds = retry_after.as_millis().div_ceil(1000).max(1);
    let error = Error::over_limit(
        "TooManyRequests",
        format!("Enough probes were made for now. Try again in {seconds} s."),
    );
    let mut response = Fault(error).into_response();
    if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

/// A namespace that it would begin in, or pass, is not there: a verdict like any other.
fn lost_before(place: Place) -> ProbeResult {
    ProbeResult {
        verdict: ProbeVerdict::LostAt {
            way: model::reach::probe::Way::Request,
            place,
            loss: Loss::NeverSeen,
            port: None,
        },
        request: Vec::new(),
        answer: Vec::new(),
        sent: 0,
        delivered: None,
        spoken: None,
        took_us: 0,
    }
}

fn tell(cloud: &Cloud, actor: &Actor, (request, result): (&ProbeRequest, &ProbeResult), told: &Value) -> Value {
    let from = match request.from {
        Place::Host => json!({"kind": "host", "id": null, "name": ""}),
        Place::Router(id) => json!(names::Object::Router(id).named(cloud, actor)),
        Place::Network(id) => json!(names::Object::Network(id).named(cloud, actor)),
    };
    let (kind, port) = match request.kind {
        ProbeKind::Neighbour => ("neighbour", None),
        ProbeKind::Ping => ("ping", None),
        ProbeKind::Tcp(port) => ("tcp", Some(port)),
        ProbeKind::Udp(port) => ("udp", Some(port)),
    };
    let (verdict, rtt_us) = match result.verdict {
        ProbeVerdict::Answered { rtt_us } => ("answered", Some(rtt_us)),
        ProbeVerdict::Refused { .. } => ("refused", None),
        ProbeVerdict::AnsweredElsewhere { .. } => ("answered_elsewhere", None),
        ProbeVerdict::Unreachable { .. } => ("unreachable", None),
        ProbeVerdict::NoNeighbour { .. } => ("no_neighbour", None),
        ProbeVerdict::SilentAfterDelivery { .. } => ("silent_after_delivery", None),
        ProbeVerdict::LostAt { .. } => ("lost", None),
        ProbeVerdict::NotSent(_) => ("not_sent", None),
    };
    let blockers = told["blockers"].as_array().into_iter().flatten();
    let cause = blockers.clone().find(|blocker| blocker["source"] == "probed");
    let message = match rtt_us {
        Some(rtt_us) => json!(words::answered(rtt_us)),
        None => cause.map_or(Value::Null, |cause| cause["message"].clone()),
    };
    let is_operator = may_see_host(actor);
    json!({
        "from": from,
        "target": request.target,
        "kind": kind,
        "port": port,
        "verdict": verdict,
        "rtt_us": rtt_us,
        "message": message,
        "sent": result.sent,
        "delivered": result.delivered,
        "spoken": result.spoken,
        "took_us": result.took_us,
        "trace": is_operator.then(|| json!({"request": result.request, "answer": result.answer})),
    })
}
