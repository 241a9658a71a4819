//! `/maru/v1/reach/watches`: paths that a project watches, and what became of them.
//!
//! | request | what |
//! |---|---|
//! | `POST …/watches` | pins a path: `{"watch": {"to": "web1", "protocol": "tcp", "port": 22, "name": "ssh"}}`, with the parameters of `GET /maru/v1/reach` |
//! | `GET …/watches` | the project's; an administrator's `?all_projects=true`: all |
//! | `GET …/watches/{id}` | one, by id or name, with its transitions; `?after=SEQ`: those behind that one; `&wait=SECONDS`: once there are any |
//! | `DELETE …/watches/{id}` | unpins it |
//!
//! Only members of its project, and administrators, see a watched path.

use std::time::Duration;

use axum::extract::Path;
use model::reach::watch::{self, ReachWatch, WatchSpec};
use model::{Actor, Cloud, Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reach;
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, created, json as document, no_content};

/// A poll waits no longer, seconds.
const LONGEST_WAIT: u64 = 30;
/// How long a new path's first answer is waited for.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// A body with a path to pin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    watch: Map<String, Value>,
}

fn bad(message: String) -> Error {
    Error::invalid("BadRequest", message)
}

/// Pins a path.
pub(super) async fn create(ctx: Ctx, Wire(body): Wire<Body>) -> Reply {
    let spec = spec(&ctx.cloud(), ctx.actor(), body.watch)?;
    let made = ctx.transact(move |tx, actor| watch::create(tx, actor, spec)).await?;
    let answered = |cloud: &Cloud| {
        let watch = cloud.reach_watches.get(&made.id)?;
        watch.standing.is_some().then(|| watch.clone())
    };
    // Without an answer yet it is pinned all the same.
    let watch = until(&ctx, FIRST_ANSWER, answered).await.unwrap_or(made);
    created(&json!({"watch": watch::show_watch(&watch, ctx.actor())}))
}

fn spec(cloud: &Cloud, actor: &Actor, mut body: Map<String, Value>) -> Result<WatchSpec> {
    let name = match body.remove("name") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err(bad("'name' is a text.".to_owned())),
    };
    let mut pairs = Vec::new();
    for (key, value) in body {
        match value {
            Value::Null => {}
            Value::String(text) => pairs.push((key, text)),
            Value::Number(number) => pairs.push((key, number.to_string())),
            _ => return Err(bad(format!("'{key}' is a text or a number."))),
        }
    }
    let question = reach::parse(cloud, actor, &Query::of(pairs))?;
    Ok(WatchSpec { name, question })
}

/// The watched paths.
pub(super) async fn list(ctx: Ctx, query: Query) -> Reply {
    only(&query, &["all_projects"])?;
    let wants_all = match query.get("all_projects").map(str::to_ascii_lowercase).as_deref() {
        None | Some("false" | "0") => false,
        Some("true" | "1" | "") => true,
        Some(other) => return Err(bad(format!("'all_projects' is true or false, not '{other}'.")).into()),
    };
    let actor = ctx.actor();
    if wants_all && !actor.is_admin() {
        return Err(Error::forbidden(
            "PolicyNotAuthorized",
            "Only an administrator sees the watched paths of all projects.",
        )
        .into());
    }
    let cloud = ctx.cloud();
    let is_meant = |watch: &&std::sync::Arc<ReachWatch>| wants_all || actor.owns(&watch.project_id);
    let mut watches: Vec<_> = cloud.reach_watches.iter().filter(is_meant).collect();
    watches.sort_by_key(|watch| (watch.created_at, watch.id));
    let watches: Vec<Value> = watches
        .into_iter()
        .map(|watch| watch::show_watch(watch, actor))
        .collect();
    document(&json!({"watches": watches}))
}

/// One, with its transitions.
pub(super) async fn show(ctx: Ctx, Path(id): Path<String>, query: Query) -> Reply {
    only(&query, &["after", "wait"])?;
    let number = |name: &str, most: u64| match query.get(name).map(str::parse::<u64>) {
        None => Ok(0),
        Some(Ok(number)) if number <= most => Ok(number),
        Some(_) => Err(bad(format!("'{name}' is a number from 0 to {most}."))),
    };
    let (after, wait) = (number("after", u64::MAX)?, number("wait", LONGEST_WAIT)?);
    let watch = watch::find(&ctx.cloud(), ctx.actor(), &id)?;
    if wait > 0 && watch.last_seq <= after {
        // Gone is an answer, too: the path's own "not found", below.
        let has_news = |cloud: &Cloud| {
            let watch = cloud.reach_watches.get(&watch.id);
            watch.is_none_or(|watch| watch.last_seq > after).then_some(())
        };
        until(&ctx, Duration::from_secs(wait), has_news).await;
    }
    let cloud = ctx.cloud();
    let watch = watch::find(&cloud, ctx.actor(), &watch.id.to_string())?;
    let transitions: Vec<Value> = watch::in_order(&cloud, watch.id)
        .filter(|transition| transition.seq > after)
        .map(|transition| watch::show_transition(transition, ctx.actor()))
        .collect();
    document(&json!({"watch": watch::show_watch(&watch, ctx.actor()), "transitions": transitions}))
}

/// Unpins one.
pub(super) async fn delete(ctx: Ctx, Path(id): Path<String>) -> Reply {
    ctx.transact(move |tx, actor| watch::delete(tx, actor, &id)).await?;
    no_content()
}

fn only(query: &Query, known: &[&str]) -> Result<()> {
    match query.iter().find(|(name, _)| !known.contains(name)) {
        Some((name, _)) => Err(bad(format!(
            "Unknown parameter '{name}'; known are {}.",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

/// What `look` finds in the cloud, now or when it has changed; `None` after `limit`, or when the program is about to end.
async fn until<T>(ctx: &Ctx, limit: Duration, look: impl Fn(&Cloud) -> Option<T>) -> Option<T> {
    let mut changes = ctx.control().changes();
    let mut ends = ctx.control().waits_end();
    let looking = async {
        loop {
            changes.mark_unchanged();
            if let Some(found) = look(&ctx.cloud()) {
                return Some(found);
            }
            tokio::select! {
                changed = changes.changed() => changed.ok()?,
                _ = ends.wait_for(|end| *end) => return None,
            }
        }
    };
    tokio::time::timeout(limit, looking).await.unwrap_or_default()
}
