//! `maru reach`: can this reach that, where does it stop, and what mends it? The cloud's own API answers (`/maru/v1/reach`);
//! here is the picture of it in a terminal, and, if told to, the making of the fixes.

use anyhow::{Context, bail};
use serde_json::Value;

use crate::client::Client;
use crate::lang::Lang;
use crate::output::{Mark, Output};
use crate::state_dir::StateDir;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Which user asks: `admin` or `demo`.
    pub user: String,
    /// Parameters of the API, by name.
    pub parameters: Vec<(&'static str, String)>,
    /// A server's matrix is wanted instead.
    pub matrix: Option<String>,
    /// Make the fixes that are needed, and ask again.
    pub fix: bool,
}

/// Asks, prints, mends. Fails when the target is not reached.
pub async fn run(state: &StateDir, request: &Request, output: &Output) -> anyhow::Result<()> {
    let client = log_in(state, request).await?;
    if let Some(server) = &request.matrix {
        let path = format!("/maru/v1/reach/servers/{}", escape(server));
        return matrix(&client.get(&path).await?["server"], output);
    }
    let query: Vec<String> = request
        .parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    let path = format!("/maru/v1/reach?{}", query.join("&"));
    let mut answer = client.get(&path).await?["reach"].take();
    if request.fix && answer["verdict"] != "reachable" {
        if !output.json {
            show(&answer, output);
        }
        mend(&client, &answer, output).await?;
        answer = client.get(&path).await?["reach"].take();
    }
    if output.json {
        output.data(&answer)?;
    } else {
        show(&answer, output);
    }
    match answer["verdict"].as_str() {
        Some("reachable") => Ok(()),
        _ => Err(crate::Quiet.into()),
    }
}

/// A client of whoever asks.
pub async fn log_in(state: &StateDir, request: &Request) -> anyhow::Result<Client> {
    let cloud = if request.user == "demo" { "maru-demo" } else { "maru" };
    Client::log_in(state, cloud).await
}

/// Percent-encodes what has a meaning in a query.
pub fn escape(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:".contains(&b);
    text.bytes()
        .map(|b| match is_plain(b) {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        })
        .collect()
}

/// Makes the fixes that are needed, one request after the other.
async fn mend(client: &Client, answer: &Value, output: &Output) -> anyhow::Result<()> {
    let lang = output.lang;
    let fixes: Vec<&Value> = blockers(answer)
        .map(|blocker| &blocker["fix"])
        .filter(|fix| fix["needed"] == true)
        .collect();
    if fixes.is_empty() {
        bail!(lang.reach_no_fix());
    }
    for fix in fixes {
        let requests = fix["requests"].as_array().map_or(&[][..], Vec::as_slice);
        if requests.is_empty() {
            bail!(lang.reach_not_by_request(sentence(&fix["message"], lang)));
        }
        let mut router_id = String::new();
        for request in requests {
            let path = text(&request["path"]).replace("{router_id}", &router_id);
            let body = request["body"].clone();
            let made = match request["method"].as_str() {
                Some("POST") => client.post(&path, body).await,
                _ => client.put(&path, body).await,
            };
            let made = made.with_context(|| sentence(&fix["message"], lang))?;
            router_id = text(&made["router"]["id"]);
        }
        output.marked(Mark::Ok, sentence(&fix["message"], lang));
    }
    output.line("");
    Ok(())
}

fn blockers(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["blockers"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn sentence(message: &Value, lang: Lang) -> String {
    text(&message[lang.pick("en", "ko")])
}

fn show(answer: &Value, output: &Output) {
    let lang = output.lang;
    for (key, title) in [("request", lang.reach_request()), ("reply", lang.reach_reply())] {
        let hops = answer[key].as_array().map_or(&[][..], Vec::as_slice);
        if !hops.is_empty() {
            output.heading(title);
            hops.iter().for_each(|hop| show_hop(hop, output));
            output.line("");
        }
    }
    if answer["verdict"] == "reachable" {
        output.marked(Mark::Ok, lang.reach_reachable(text(&answer["destination"])));
        return;
    }
    output.heading(lang.reach_why());
    for (index, blocker) in blockers(answer).enumerate() {
        show_blocker(index + 1, blocker, output);
    }
    let fixes = blockers(answer)
        .filter(|blocker| blocker["fix"]["needed"] == true)
        .count();
    output.line("");
    match answer["opens"] == true {
        true => output.line(lang.reach_opens(fixes)),
        false => output.line(lang.reach_stays_shut()),
    }
}

fn show_hop(hop: &Value, output: &Output) {
    let mark = match hop["verdict"].as_str() {
        Some("passed") => Mark::Ok,
        Some("assumed") => Mark::Warn,
        _ => Mark::Fail,
    };
    let packet = match &hop["becomes"] {
        Value::Null => String::new(),
        after => format!("   [{} => {}]", ends(&hop["packet"]), ends(after)),
    };
    output.marked(mark, format!("{}{packet}", sentence(&hop["message"], output.lang)));
}

/// `203.0.113.10 > 172.24.4.5:22`
fn ends(packet: &Value) -> String {
    let port = |name: &str| {
        packet[name]
            .as_u64()
            .map_or_else(String::new, |port| format!(":{port}"))
    };
    format!(
        "{}{} > {}{}",
        text(&packet["source"]),
        port("source_port"),
        text(&packet["destination"]),
        port("destination_port")
    )
}

fn show_blocker(number: usize, blocker: &Value, output: &Output) {
    let lang = output.lang;
    let owner = match blocker["owner"].as_str() {
        Some("you") => lang.reach_owner_you(),
        Some("project") => lang.reach_owner_project(),
        _ => lang.reach_owner_operator(),
    };
    output.line(format!(" {number}. {} ({owner})", sentence(&blocker["message"], lang)));
    output.note(format!("    {}", text(&blocker["code"])));
    let fix = &blocker["fix"];
    if fix.is_null() {
        return;
    }
    output.line(format!("    {}: {}", lang.reach_fix(), sentence(&fix["message"], lang)));
    for command in fix["commands"].as_array().into_iter().flatten() {
        output.line(format!("      {}", text(command)));
    }
}

/// The tutorial's matrix: from where, by which address.
fn matrix(server: &Value, output: &Output) -> anyhow::Result<()> {
    if output.json {
        return output.data(server);
    }
    let lang = output.lang;
    let cell = |trial: &Value| match trial["verdict"].as_str() {
        Some("reachable") => lang.reach_yes(),
        _ => {
            let first = trial["causes"].as_array().and_then(|causes| causes.first());
            lang.reach_no(first.map_or_else(String::new, text))
        }
    };
    let place = |name: &str| match name {
        "outside" => lang.reach_from_outside(),
        "host" => lang.reach_from_host(),
        "router" => lang.reach_from_router(),
        _ => lang.reach_from_network(),
    };
    let rows: Vec<Vec<String>> = server["matrix"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            let trials = ["ping_fixed", "ping_floating", "ssh"].map(|trial| cell(&row["trials"][trial]));
            [place(row["from"].as_str().unwrap_or_default())]
                .into_iter()
                .chain(trials)
                .collect()
        })
        .collect();
    let headings = [
        lang.reach_from(),
        lang.reach_ping_fixed(),
        lang.reach_ping_floating(),
        lang.reach_ssh(),
    ];
    output.table(&headings.each_ref().map(String::as_str), &rows);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_query_is_encoded() {
        assert_eq!(escape("web 1&x=가"), "web%201%26x%3D%EA%B0%80");
        assert_eq!(escape("outside:2001:db8::7"), "outside:2001:db8::7");
    }

    #[test]
    fn a_packet_is_told_by_its_ends() {
        let packet =
            json!({"source": "10.0.0.5", "destination": "10.0.0.6", "source_port": null, "destination_port": 22});
        assert_eq!(ends(&packet), "10.0.0.5 > 10.0.0.6:22");
    }
}
