//! `maru reach --watch` and its like: paths that the cloud watches (`/maru/v1/reach/watches`), and what became of them.

use std::time::Duration;

use anyhow::bail;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::client::{Answer, Client};
use crate::lang::Lang;
use crate::output::{Mark, Output};
use crate::reach::{self, Request, escape};
use crate::state_dir::StateDir;

const WATCHES: &str = "/maru/v1/reach/watches";
/// One poll lasts so long, seconds.
const POLL_SECONDS: u64 = 25;
/// Between attempts while the cloud can't be asked.
const PAUSE: Duration = Duration::from_secs(1);

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Watch the path that was asked for, until told to end.
    Watch,
    /// Pin it under a name.
    Pin(String),
    /// Show all that are pinned.
    List,
    /// Show what became of one.
    History(String),
    /// Unpin it.
    Unpin(String),
}

/// Does it.
pub async fn run(state: &StateDir, request: &Request, command: &Command, output: &Output) -> anyhow::Result<()> {
    let client = reach::log_in(state, request).await?;
    match command {
        Command::Watch => follow(state, client, request, output).await,
        Command::Pin(name) => {
            let watch = pin(&client, request, Some(name)).await?;
            match output.json {
                true => output.data(&watch),
                false => {
                    show_watch(&watch, output);
                    Ok(())
                }
            }
        }
        Command::List => list(&client, output).await,
        Command::History(name) => history(&client, name, output).await,
        Command::Unpin(name) => {
            // What is not there was not pinned: that is told.
            client.get(&path(name)).await?;
            client.delete(&path(name)).await?;
            output.marked(Mark::Ok, output.lang.reach_unpinned(name));
            Ok(())
        }
    }
}

fn path(name: &str) -> String {
    format!("{WATCHES}/{}", escape(name))
}

async fn pin(client: &Client, request: &Request, name: Option<&str>) -> anyhow::Result<Value> {
    let parameters = request.parameters.iter();
    let mut body: Map<String, Value> = parameters
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    if let Some(name) = name {
        body.insert("name".to_owned(), json!(name));
    }
    Ok(client.post(WATCHES, json!({"watch": body})).await?["watch"].take())
}

/// Pins the path for as long as this runs, and tells of each transition.
async fn follow(state: &StateDir, mut client: Client, request: &Request, output: &Output) -> anyhow::Result<()> {
    // Before it is pinned, so that it is unpinned whenever this ends.
    let mut end = std::pin::pin!(told_to_end());
    let watch = pin(&client, request, None).await?;
    match output.json {
        true => output.raw(&watch.to_string()),
        false => show_watch(&watch, output),
    }
    let id = text(&watch["id"]);
    let mut seen = watch["last_seq"].as_u64().unwrap_or(0);
    let outcome = loop {
        let polled = tokio::select! {
            () = &mut end => break Ok(()),
            polled = poll(&client, &id, seen) => polled,
        };
        match polled {
            Ok(answer) if answer.status.is_success() => {
                for transition in transitions(&answer.json) {
                    seen = transition["seq"].as_u64().unwrap_or(seen);
                    tell(transition, output);
                }
            }
            Ok(answer) if answer.status == StatusCode::NOT_FOUND => break Err(answer.fault()),
            // The cloud is being started anew, or the token has ended.
            Ok(_) | Err(_) => {
                tokio::select! {
                    () = &mut end => break Ok(()),
                    () = tokio::time::sleep(PAUSE) => {}
                }
                if let Ok(new) = reach::log_in(state, request).await {
                    client = new;
                }
            }
        }
    };
    match outcome {
        Ok(()) => client.delete(&path(&id)).await,
        Err(fault) => bail!(fault),
    }
}

async fn poll(client: &Client, id: &str, seen: u64) -> anyhow::Result<Answer> {
    let path = format!("{}?after={seen}&wait={POLL_SECONDS}", path(id));
    client.ask(&path).await
}

/// Ctrl-C, the end of the terminal, or a plain kill.
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let end = |kind| signal(kind).expect("a signal handler can be installed at start");
    let (mut interrupt, mut terminate, mut hangup) = (
        end(SignalKind::interrupt()),
        end(SignalKind::terminate()),
        end(SignalKind::hangup()),
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

async fn list(client: &Client, output: &Output) -> anyhow::Result<()> {
    let watches = client.get(WATCHES).await?["watches"].take();
    if output.json {
        return output.data(&watches);
    }
    let lang = output.lang;
    let rows: Vec<Vec<String>> = watches
        .as_array()
        .into_iter()
        .flatten()
        .map(|watch| {
            let cause = watch["causes"].as_array().and_then(|causes| causes.first());
            vec![
                text(&watch["name"]),
                verdict(&watch["verdict"], lang).1,
                time(&watch["since"]),
                cause.map_or_else(|| "-".to_owned(), |cause| text(&cause["code"])),
                watch["last_seq"].to_string(),
            ]
        })
        .collect();
    let headings = [
        lang.reach_watch_name(),
        lang.reach_watch_verdict(),
        lang.reach_watch_since(),
        lang.reach_watch_cause(),
        lang.reach_watch_changes(),
    ];
    output.table(&headings.each_ref().map(String::as_str), &rows);
    Ok(())
}

async fn history(client: &Client, name: &str, output: &Output) -> anyhow::Result<()> {
    let answer = client.get(&path(name)).await?;
    if output.json {
        return output.data(&answer);
    }
    show_watch(&answer["watch"], output);
    for transition in transitions(&answer) {
        tell(transition, output);
    }
    Ok(())
}

fn transitions(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["transitions"].as_array().into_iter().flatten()
}

/// A path and how it is.
fn show_watch(watch: &Value, output: &Output) {
    let lang = output.lang;
    let (mark, verdict) = verdict(&watch["verdict"], lang);
    let name = text(&watch["name"]);
    let since = time(&watch["since"]);
    output.marked(mark, lang.reach_watch_state(name, verdict, since));
    causes(&watch["causes"], output);
}

/// A transition: when, what it is now, why, and who did it.
fn tell(transition: &Value, output: &Output) {
    if output.json {
        return output.raw(&transition.to_string());
    }
    let lang = output.lang;
    let (_, before) = verdict(&transition["from"]["verdict"], lang);
    let (mark, after) = verdict(&transition["to"]["verdict"], lang);
    output.marked(mark, format!("{}  {before} → {after}", time(&transition["at"])));
    causes(&transition["to"]["causes"], output);
    output.line(format!("      {}", sentence(&transition["message"], lang)));
    let changes: Vec<&Value> = transition["changes"].as_array().into_iter().flatten().collect();
    for change in &changes {
        // Of one change, its sentence is the transition's.
        if transition["certainty"] != "exact" {
            output.line(format!("      - {}", sentence(&change["message"], lang)));
        }
        let request = &change["request"];
        if !request.is_null() {
            let parts = ["method", "path", "id"].map(|key| text(&request[key]));
            output.note(format!("        {}", parts.join(" ")));
        }
    }
}

fn causes(causes: &Value, output: &Output) {
    for cause in causes.as_array().into_iter().flatten() {
        let sentence = sentence(&cause["message"], output.lang);
        output.line(format!("      {} ({})", sentence, text(&cause["code"])));
    }
}

fn verdict(value: &Value, lang: Lang) -> (Mark, String) {
    match value.as_str() {
        Some("reachable") => (Mark::Ok, lang.reach_watch_reachable()),
        Some("blocked") => (Mark::Fail, lang.reach_watch_blocked()),
        Some("target_gone") => (Mark::Warn, lang.reach_watch_gone()),
        _ => (Mark::Unknown, lang.reach_watch_unasked()),
    }
}

/// `2026-11-24 14:02:07 UTC`
fn time(value: &Value) -> String {
    match value.as_str().and_then(|text| text.get(..19)) {
        Some(text) => format!("{} UTC", text.replace('T', " ")),
        None => "-".to_owned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn sentence(message: &Value, lang: Lang) -> String {
    text(&message[lang.pick("en", "ko")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_to_the_second() {
        assert_eq!(time(&json!("2026-11-24T14:02:07.123456Z")), "2026-11-24 14:02:07 UTC");
        assert_eq!(time(&json!(null)), "-");
    }
}
