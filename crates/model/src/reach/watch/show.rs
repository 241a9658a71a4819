//! A watched path and its transitions as documents, for who may read what: the API's and the webhook's.
//!
//! Members of the path's project learn the names of users who acted in that project, of nobody else; and of things of others,
//! the kind alone.

use serde_json::{Value, json};

use super::deed::{Deed, RowChange};
use super::row::{ReachTransition, ReachWatch, Reason};
use super::standing::{SeenCause, SeenObject, Standing};
use super::words::{self, Who};
use crate::author::Author;
use crate::reach::words::Text;
use crate::reach::{Origin, Protocol, Question, Target};
use crate::{Actor, ProjectId};

/// A watched path.
pub fn show_watch(watch: &ReachWatch, actor: &Actor) -> Value {
    let standing = watch.standing.as_ref();
    json!({
        "id": watch.id,
        "name": watch.name,
        "project_id": watch.project_id,
        "user_id": watch.user_id,
        "question": question(&watch.question),
        "from_name": watch.from_name,
        "to_name": watch.to_name,
        "created_at": watch.created_at.micros_z(),
        "verdict": standing.map(|standing| standing.state),
        "causes": standing.map_or_else(Vec::new, |standing| causes(standing, actor)),
        "since": watch.since.map(|since| since.micros_z()),
        "last_seq": watch.last_seq,
    })
}

/// A transition.
pub fn show_transition(transition: &ReachTransition, actor: &Actor) -> Value {
    let project = &transition.project_id;
    let (certainty, deeds, more) = match &transition.reason {
        Reason::Change(deed) => ("exact", std::slice::from_ref(deed), 0),
        Reason::OneOf { candidates, more } => ("one_of", candidates.as_slice(), *more),
        Reason::Unseen => ("unseen", &[][..], 0),
    };
    let message = match &transition.reason {
        Reason::Change(deed) => deed_message(deed, project, actor),
        reason => words::vague(reason).unwrap_or_else(|| Text {
            en: String::new(),
            ko: String::new(),
        }),
    };
    json!({
        "id": transition.id,
        "watch_id": transition.watch_id,
        "seq": transition.seq,
        "at": transition.at.micros_z(),
        "from": show_standing(&transition.from, actor),
        "to": show_standing(&transition.to, actor),
        "message": message,
        "certainty": certainty,
        "changes": deeds.iter().map(|deed| show_deed(deed, project, actor)).collect::<Vec<_>>(),
        "more_changes": more,
    })
}

fn show_standing(standing: &Standing, actor: &Actor) -> Value {
    json!({"verdict": standing.state, "causes": causes(standing, actor)})
}

fn causes(standing: &Standing, actor: &Actor) -> Vec<Value> {
    standing.causes.iter().map(|cause| show_cause(cause, actor)).collect()
}

fn show_cause(cause: &SeenCause, actor: &Actor) -> Value {
    let full = cause.full_message.as_ref().filter(|_| actor.is_admin());
    let objects = cause.objects.iter().map(|object| show_object(object, actor));
    json!({
        "code": cause.code,
        "way": cause.way,
        "message": full.unwrap_or(&cause.message),
        "objects": objects.collect::<Vec<_>>(),
    })
}

fn show_object(object: &SeenObject, actor: &Actor) -> Value {
    let is_seen = actor.is_admin() || object.is_shown;
    json!({
        "kind": object.kind,
        "id": is_seen.then_some(object.id),
        "name": if is_seen { object.name.as_str() } else { "" },
    })
}

/// Who did it, as the caller may know it.
fn who<'a>(deed: &'a Deed, project: &ProjectId, actor: &Actor) -> Who<'a> {
    match &deed.author {
        Author::Host => Who::Host,
        Author::Cloud => Who::Cloud,
        Author::Request(requester) => {
            let is_known = actor.is_admin() || requester.project_id.as_ref() == Some(project);
            match (is_known, requester.is_admin) {
                (true, _) => Who::User(&deed.user_name),
                (false, true) => Who::Administrator,
                (false, false) => Who::OtherProject,
            }
        }
    }
}

fn deed_message(deed: &Deed, project: &ProjectId, actor: &Actor) -> Text {
    let is_seen = |row: &RowChange| actor.is_admin() || row.is_shown;
    words::deed(&who(deed, project, actor), deed, is_seen)
}

fn show_deed(deed: &Deed, project: &ProjectId, actor: &Actor) -> Value {
    let who = who(deed, project, actor);
    let requester = match (&deed.author, &who) {
        (Author::Request(requester), Who::User(_)) => Some(requester),
        _ => None,
    };
    let kind = match who {
        Who::User(_) => "user",
        Who::Administrator => "administrator",
        Who::OtherProject => "other_project",
        Who::Host => "host",
        Who::Cloud => "cloud",
    };
    let is_seen = |row: &&RowChange| actor.is_admin() || row.is_shown;
    let rows = deed.rows.iter().map(|row| match is_seen(&row) {
        true => json!({
            "action": row.action, "kind": row.kind, "id": row.id, "name": row.name, "fields": row.fields,
        }),
        false => json!({"action": row.action, "kind": row.kind, "id": null, "name": "", "fields": []}),
    });
    json!({
        "who": {
            "kind": kind,
            "user_id": requester.map(|requester| &requester.user_id),
            "user_name": requester.map(|_| &deed.user_name),
            "project_id": requester.and_then(|requester| requester.project_id.as_ref()),
        },
        "request": requester.map(|requester| json!({
            "id": requester.request_id, "method": requester.method, "path": requester.path,
        })),
        "at": deed.at.micros_z(),
        "message": deed_message(deed, project, actor),
        "rows": rows.collect::<Vec<_>>(),
        "more_rows": deed.more,
    })
}

/// What is asked, in the words of the API's parameters.
fn question(question: &Question) -> Value {
    let from = match question.from {
        Origin::Outside { address: None } => "outside".to_owned(),
        Origin::Outside { address: Some(address) } => format!("outside:{address}"),
        Origin::Host => "host".to_owned(),
        Origin::Router { id: None } => "router".to_owned(),
        Origin::Router { id: Some(id) } => format!("router:{id}"),
        Origin::Network { id: None } => "network".to_owned(),
        Origin::Network { id: Some(id) } => format!("network:{id}"),
        Origin::Port { id } => format!("port:{id}"),
        Origin::Server { id } => format!("server:{id}"),
    };
    let to = match question.to {
        Target::Server { id } => format!("server:{id}"),
        Target::Port { id } => format!("port:{id}"),
        Target::FloatingIp { id } => format!("floating-ip:{id}"),
        Target::Address { address } => address.to_string(),
    };
    let (protocol, port) = match question.protocol {
        Protocol::Icmp => ("icmp".to_owned(), None),
        Protocol::Tcp(port) => ("tcp".to_owned(), Some(port)),
        Protocol::Udp(port) => ("udp".to_owned(), Some(port)),
        Protocol::Other(number) => (number.to_string(), None),
    };
    json!({
        "from": from,
        "to": to,
        "protocol": protocol,
        "port": port,
        "which": question.which,
        "ip_version": question.ip_version,
    })
}
