//! `GET /maru/v1/reach`: can this reach that, where does it stop, and what mends it? `GET /maru/v1/reach/servers/{id}`: the same
//! for a server from each place that a person may stand at.
//!
//! | parameter | what |
//! |---|---|
//! | `from` | `outside`, `outside:198.51.100.7`, `host`, `router`, `router:ID`, `network`, `network:ID`, `port:ID`, `server:NAME` |
//! | `to` | a server's name or id, `server:…`, `port:ID`, `floating-ip:ID`, or an address |
//! | `protocol` | `icmp` (the default), `tcp`, `udp`, or a number |
//! | `port` | of TCP and UDP |
//! | `which` | `fixed` or `floating` address of the target; by default the one that whoever asks would use |
//! | `ip_version` | `4` or `6` |
//! | `look` | `true`: look at the host as well, what it really holds and what was seen on it |
//!
//! `POST /maru/v1/reach/probes` asks the same with a few packets (`probes`); `GET /maru/v1/drift` tells what of the whole
//! host is not as declared (`drift`).
//!
//! Sentences are in both languages. What is somebody else's is named by its kind alone.

mod drift;
mod look;
mod probes;

use std::net::IpAddr;

use axum::extract::Path;
use control::Planned;
use model::network::{FloatingIp, Network, Port, Resource, Router};
use model::reach::{
    Answer, Blocker, Cause, Hop, Origin, Packet, Place, Protocol, Question, Target, Verdict, Which, World, ask, names,
    protocol, words,
};
use model::{Actor, Cloud, Error, Result, ServerId};
use serde_json::{Value, json};

use crate::context::Ctx;
use crate::query::Query;
use crate::reply::{Reply, json as document};

/// Where a person may stand, in the order of the tutorial.
const PLACES: [(&str, Origin); 4] = [
    ("outside", Origin::Outside { address: None }),
    ("host", Origin::Host),
    ("router", Origin::Router { id: None }),
    ("network", Origin::Network { id: None }),
];

/// What is tried from each place.
const TRIALS: [(&str, Which, Protocol); 3] = [
    ("ping_fixed", Which::Fixed, Protocol::Icmp),
    ("ping_floating", Which::Floating, Protocol::Icmp),
    ("ssh", Which::Usual, Protocol::Tcp(22)),
];

/// One question.
pub(super) async fn show(ctx: Ctx, query: Query) -> Reply {
    let planned = ctx.control().planned().await?;
    let question = parse(&planned.cloud, ctx.actor(), &query)?;
    let is_looked = match query.get("look") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(bad(format!("'look' is true or false, not '{other}'.")).into()),
    };
    let answer = answer(&ctx, &planned, &question, ctx.control().host_forwards().await);
    let mut told = render(&ctx, &planned, &answer);
    if is_looked {
        look::add(&ctx, &planned, &answer, &mut told).await;
    }
    document(&json!({"reach": told}))
}

pub(super) use drift::show as drift;
pub(super) use probes::create as probe;

/// A server's matrix.
pub(super) async fn server(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let planned = ctx.control().planned().await?;
    let id = find_server(&planned.cloud, ctx.actor(), &id)?;
    let forwards = ctx.control().host_forwards().await;
    let rows: Vec<Value> = PLACES
        .iter()
        .map(|(place, from)| {
            let cells = TRIALS.iter().map(|(name, which, protocol)| {
                let question = Question {
                    from: *from,
                    to: Target::Server { id },
                    which: *which,
                    protocol: *protocol,
                    ip_version: Some(4),
                };
                let answer = answer(&ctx, &planned, &question, forwards);
                let causes: Vec<String> = answer.blockers.iter().map(|blocker| blocker.code.as_str()).collect();
                let first = answer.blockers.first();
                let message =
                    first.map(|blocker| words::cause(&planned.cloud, ctx.actor(), blocker.code, &blocker.cause));
                (
                    (*name).to_owned(),
                    json!({"verdict": verdict(&answer), "causes": causes, "message": message}),
                )
            });
            json!({"from": place, "trials": cells.collect::<serde_json::Map<_, _>>()})
        })
        .collect();
    document(&json!({"server": {"id": id, "matrix": rows}}))
}

/// `forwards`: whether the host forwards IPv4, and IPv6.
fn answer(ctx: &Ctx, planned: &Planned, question: &Question, forwards: (bool, bool)) -> Answer {
    let control = ctx.control();
    let is_v6 = question.version(&planned.cloud) == 6;
    let world = World {
        cloud: &planned.cloud,
        host: control.host_id(),
        config: &planned.config,
        settings: control.plan_settings(),
        actor: ctx.actor(),
        now: control.now(),
        host_forwards: if is_v6 { forwards.1 } else { forwards.0 },
    };
    ask(&world, question)
}

fn bad(message: String) -> Error {
    Error::invalid("BadRequest", message)
}

/// A question as its parameters put it.
pub(super) fn parse(cloud: &Cloud, actor: &Actor, query: &Query) -> Result<Question> {
    const KNOWN: [&str; 7] = ["from", "to", "protocol", "port", "which", "ip_version", "look"];
    if let Some((name, _)) = query.iter().find(|(name, _)| !KNOWN.contains(name)) {
        return Err(bad(format!(
            "Unknown parameter '{name}'; known are {}.",
            KNOWN.join(", ")
        )));
    }
    let to = query
        .get("to")
        .ok_or_else(|| bad("Say with 'to' what is to be reached.".to_owned()))?;
    let question = Question {
        from: origin(cloud, actor, query.get("from").unwrap_or("outside"))?,
        to: target(cloud, actor, to)?,
        which: match query.get("which") {
            None | Some("usual") => Which::Usual,
            Some("fixed") => Which::Fixed,
            Some("floating") => Which::Floating,
            Some(other) => return Err(bad(format!("'which' is fixed, floating or usual, not '{other}'."))),
        },
        protocol: packets(query)?,
        ip_version: match query.get("ip_version") {
            None => None,
            Some("4") => Some(4),
            Some("6") => Some(6),
            Some(other) => return Err(bad(format!("'ip_version' is 4 or 6, not '{other}'."))),
        },
    };
    if question.is_vague(cloud) {
        return Err(bad(
            "Nobody of the cloud has that address, so it has no router or network of its own: say which with 'from', as router:ID or \
             network:ID."
                .to_owned(),
        ));
    }
    Ok(question)
}

fn packets(query: &Query) -> Result<Protocol> {
    let port = query
        .get("port")
        .map(|text| match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(bad(format!("'port' is a number from 1 to 65535, not '{text}'."))),
        })
        .transpose()?;
    let with_port = |of: fn(u16) -> Protocol| port.map(of).ok_or_else(|| bad("TCP and UDP need a 'port'.".to_owned()));
    match query.get("protocol").map(str::to_ascii_lowercase).as_deref() {
        Some("tcp" | "6") => with_port(Protocol::Tcp),
        Some("udp" | "17") => with_port(Protocol::Udp),
        _ if port.is_some() => Err(bad("Only TCP and UDP have a 'port'.".to_owned())),
        None | Some("icmp" | "icmpv6" | "ipv6-icmp" | "ping" | "1" | "58") => Ok(Protocol::Icmp),
        Some(other) => match other.parse::<u8>() {
            Ok(number) => Ok(Protocol::Other(number)),
            Err(_) => Err(bad(format!(
                "'protocol' is icmp, tcp, udp or an IP protocol number, not '{other}'."
            ))),
        },
    }
}

fn origin(cloud: &Cloud, actor: &Actor, text: &str) -> Result<Origin> {
    let (kind, name) = match text.split_once(':') {
        Some((kind, name)) => (kind, Some(name)),
        None => (text, None),
    };
    Ok(match (kind, name) {
        ("outside", None) => Origin::Outside { address: None },
        ("outside", Some(address)) => Origin::Outside {
            address: Some(parse_address(address)?),
        },
        ("host", None) => Origin::Host,
        ("router", None) => Origin::Router { id: None },
        ("router", Some(id)) => Origin::Router {
            id: Some(visible::<Router>(cloud, actor, id)?),
        },
        ("network", None) => Origin::Network { id: None },
        ("network", Some(id)) => Origin::Network {
            id: Some(visible::<Network>(cloud, actor, id)?),
        },
        ("port", Some(id)) => Origin::Port {
            id: visible::<Port>(cloud, actor, id)?,
        },
        ("server", Some(name)) => Origin::Server {
            id: find_server(cloud, actor, name)?,
        },
        _ => {
            return Err(bad(format!(
                "'from' is outside, outside:ADDRESS, host, router, router:ID, network, network:ID, port:ID or server:NAME, not \
                 '{text}'."
            )));
        }
    })
}

fn target(cloud: &Cloud, actor: &Actor, text: &str) -> Result<Target> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Target::Address { address });
    }
    Ok(match text.split_once(':') {
        Some(("port", id)) => Target::Port {
            id: visible::<Port>(cloud, actor, id)?,
        },
        Some(("floating-ip" | "floating_ip", id)) => Target::FloatingIp {
            id: visible::<FloatingIp>(cloud, actor, id)?,
        },
        Some(("address", address)) => Target::Address {
            address: parse_address(address)?,
        },
        Some(("server", name)) => Target::Server {
            id: find_server(cloud, actor, name)?,
        },
        _ => Target::Server {
            id: find_server(cloud, actor, text)?,
        },
    })
}

fn parse_address(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| bad(format!("'{text}' is no IP address.")))
}

/// A thing that the caller may see, by its id.
fn visible<R: Resource>(cloud: &Cloud, actor: &Actor, id: &str) -> Result<R::Id> {
    let parsed: R::Id = id
        .parse()
        .map_err(|_| Error::not_found("NotFound", format!("There is no {} '{id}'.", R::NAME)))?;
    let row = cloud.find::<R>(&parsed).filter(|row| row.visible_to(cloud, actor));
    row.map(|row| row.id()).ok_or_else(|| R::not_found(&parsed))
}

/// A server of the caller's by its id, or by its name if only one has it.
fn find_server(cloud: &Cloud, actor: &Actor, text: &str) -> Result<ServerId> {
    let seen = |server: &&std::sync::Arc<model::compute::Server>| {
        actor.can_see(&server.project_id) && server.vm_state != model::compute::VmState::Deleted
    };
    if let Some(server) = text.parse().ok().and_then(|id| cloud.servers.get(&id)).filter(seen) {
        return Ok(server.id);
    }
    // An administrator's own project first: others may have servers of the same name.
    let named = || cloud.servers.iter().filter(seen).filter(|server| server.name == text);
    let own: Vec<ServerId> = named()
        .filter(|server| actor.owns(&server.project_id))
        .map(|server| server.id)
        .collect();
    let all: Vec<ServerId> = named().map(|server| server.id).collect();
    match (own.as_slice(), all.as_slice()) {
        ([id], _) | ([], [id]) => Ok(*id),
        ([], []) => Err(Error::not_found("NotFound", format!("There is no server '{text}'."))),
        _ => Err(Error::conflict(
            "Conflict",
            format!("More than one server is named '{text}': ask by id."),
        )),
    }
}

fn verdict(answer: &Answer) -> &'static str {
    match answer.is_reachable() {
        true => "reachable",
        false => "blocked",
    }
}

fn render(ctx: &Ctx, planned: &Planned, answer: &Answer) -> Value {
    let (cloud, actor) = (&planned.cloud, ctx.actor());
    let walk = answer.walk.as_ref();
    let hops = |hops: Option<&Vec<Hop>>| -> Vec<Value> {
        hops.into_iter()
            .flatten()
            .map(|hop| render_hop(cloud, actor, hop))
            .collect()
    };
    json!({
        "verdict": verdict(answer),
        "revision": answer.revision,
        "destination": answer.flow.map(|flow| flow.destination),
        "request": hops(walk.map(|walk| &walk.request)),
        "reply": hops(walk.map(|walk| &walk.reply)),
        "blockers": answer.blockers.iter().map(|blocker| render_blocker(ctx, cloud, blocker)).collect::<Vec<_>>(),
        "opens": answer.opens,
    })
}

fn render_hop(cloud: &Cloud, actor: &Actor, hop: &Hop) -> Value {
    let place = match &hop.place {
        Place::Outside { address, .. } => json!({"kind": "outside", "id": null, "name": address.to_string()}),
        Place::Beyond => json!({"kind": "outside", "id": null, "name": ""}),
        place => match names::of_place(place) {
            Some(object) => json!(object.named(cloud, actor)),
            None => json!({"kind": "host", "id": null, "name": ""}),
        },
    };
    let state = match hop.verdict {
        Verdict::Passed => "passed",
        Verdict::Assumed(_) => "assumed",
        Verdict::Stopped(_) => "stopped",
    };
    // Of what stops it, the reason says more than what was going on.
    let message = match &hop.verdict {
        Verdict::Stopped(obstacle) => {
            let cause = Cause::of_obstacle(cloud, obstacle.clone());
            words::cause(cloud, actor, cause.code(cloud), &cause)
        }
        _ => words::hop(cloud, actor, hop),
    };
    let changed = hop.before != hop.after;
    json!({
        "place": place,
        "message": message,
        "packet": render_packet(&hop.before),
        "becomes": changed.then(|| render_packet(&hop.after)),
        "verdict": state,
    })
}

fn render_packet(packet: &Packet) -> Value {
    let name = match packet.protocol {
        protocol::ICMP => "icmp".to_owned(),
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMPV6 => "ipv6-icmp".to_owned(),
        number => number.to_string(),
    };
    json!({
        "source": packet.source,
        "destination": packet.destination,
        "protocol": name,
        "source_port": packet.ports.map(|(source, _)| source),
        "destination_port": packet.ports.map(|(_, destination)| destination),
    })
}

fn render_blocker(ctx: &Ctx, cloud: &Cloud, blocker: &Blocker) -> Value {
    let actor = ctx.actor();
    let host_netns = ctx.control().plan_settings().host_netns.as_deref();
    let objects = names::objects(cloud, &blocker.cause);
    let objects: Vec<Value> = objects.iter().map(|object| json!(object.named(cloud, actor))).collect();
    let fix = blocker.fix.as_ref().map(|fix| {
        json!({
            "message": words::fix(cloud, actor, fix),
            "commands": fix.commands(cloud, host_netns),
            "requests": fix.requests(cloud),
            "needed": blocker.is_needed,
        })
    });
    json!({
        "code": blocker.code,
        "way": blocker.way,
        "message": words::cause(cloud, actor, blocker.code, &blocker.cause),
        "owner": blocker.owner,
        "objects": objects,
        "fix": fix,
    })
}
