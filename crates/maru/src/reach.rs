//! `maru reach`: can this reach that, where does it stop, and what mends it? The cloud's own API answers (`/maru/v1/reach`);
//! here is the picture of it in a terminal, and, if told to, the making of the fixes.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::client::Client;
use crate::lang::Lang;
use crate::output::{Mark, Output};
use crate::state_dir::StateDir;

/// Lines of evidence printed of a cause; `--json` has all.
const MOST_EVIDENCE: usize = 5;

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
    /// Look at the host.
    pub look: bool,
    /// Send packets.
    pub probe: bool,
}

/// Asks, prints, mends. Fails when the target is not reached.
pub async fn run(state: &StateDir, request: &Request, output: &Output) -> anyhow::Result<()> {
    let client = log_in(state, request).await?;
    if let Some(server) = &request.matrix {
        let path = format!("/maru/v1/reach/servers/{}", escape(server));
        return matrix(&client.get(&path).await?["server"], output);
    }
    let mut answer = ask(&client, request).await?;
    if request.fix && answer["verdict"] != "reachable" {
        if !output.json {
            show(&answer, output);
        }
        mend(&client, &answer, output).await?;
        answer = ask(&client, request).await?;
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

/// Asks once; with packets if they are wanted.
async fn ask(client: &Client, request: &Request) -> anyhow::Result<Value> {
    if request.probe {
        return probe(client, request).await;
    }
    let mut query: Vec<String> = request
        .parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    if request.look {
        query.push("look=true".to_owned());
    }
    let path = format!("/maru/v1/reach?{}", query.join("&"));
    Ok(client.get(&path).await?["reach"].take())
}

/// Where no packet can be sent, because something that is declared has to be there first, the answer without one says what.
async fn probe(client: &Client, request: &Request) -> anyhow::Result<Value> {
    let parameters = request
        .parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)));
    let body = json!({"probe": parameters.collect::<serde_json::Map<_, _>>()});
    let refused = match client.post("/maru/v1/reach/probes", body).await {
        Ok(mut answer) => return Ok(answer["reach"].take()),
        Err(refused) => refused,
    };
    let without = Request {
        probe: false,
        ..request.clone()
    };
    let answer = Box::pin(ask(client, &without)).await?;
    match answer["destination"].is_null() {
        true => Ok(answer),
        false => Err(refused),
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
    let requests_of = |fix: &&Value| fix["requests"].as_array().map_or(0, Vec::len);
    if !fixes.iter().any(|fix| requests_of(fix) > 0) {
        bail!(lang.reach_not_by_request(sentence(&fixes[0]["message"], lang)));
    }
    // What is left for hands is told again with the answer after these.
    for fix in fixes.into_iter().filter(|fix| requests_of(fix) > 0) {
        let requests = fix["requests"].as_array().map_or(&[][..], Vec::as_slice);
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
    show_probe(&answer["probe"], output);
    show_verdict(answer, output);
    show_beside(answer, output);
}

/// What became of the packets that were sent, if any were.
fn show_probe(probe: &Value, output: &Output) {
    let lang = output.lang;
    if probe.is_null() {
        return;
    }
    let mark = if probe["verdict"] == "answered" {
        Mark::Ok
    } else {
        Mark::Fail
    };
    let title = match probe["from"]["name"].as_str() {
        None | Some("") => lang.reach_probe_from_host(),
        Some(name) => lang.reach_probe_from(name),
    };
    output.marked(mark, format!("{title}: {}", sentence(&probe["message"], lang)));
    output.line("");
}

/// What is on the way, not as it was declared, and lets it pass all the same.
fn show_beside(answer: &Value, output: &Output) {
    let beside = answer["differences"].as_array().map_or(&[][..], Vec::as_slice);
    if beside.is_empty() {
        return;
    }
    output.line("");
    output.heading(output.lang.reach_beside());
    for (index, each) in beside.iter().enumerate() {
        show_blocker(index + 1, each, output);
    }
}

fn show_verdict(answer: &Value, output: &Output) {
    let lang = output.lang;
    let address = text(&answer["destination"]);
    match answer["verdict"].as_str() {
        Some("reachable") => output.marked(Mark::Ok, lang.reach_reachable(&address)),
        Some("uncertain") => output.marked(Mark::Warn, lang.reach_uncertain(&address)),
        _ => {}
    }
    if answer.get("host").is_some_and(Value::is_null) && !address.is_empty() {
        output.note(lang.reach_only_declared());
    }
    if blockers(answer).next().is_none() {
        return;
    }
    output.heading(lang.reach_why());
    for (index, blocker) in blockers(answer).enumerate() {
        show_blocker(index + 1, blocker, output);
    }
    let fixes = blockers(answer)
        .filter(|blocker| blocker["fix"]["needed"] == true)
        .count();
    if answer["verdict"] != "blocked" {
        return;
    }
    output.line("");
    let is_declared = |blocker: &Value| blocker["source"].is_null() || blocker["source"] == "declared";
    if !blockers(answer).all(is_declared) {
        return output.line(lang.reach_left_to_do());
    }
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
    // Declared to pass, and yet it is not so, or was not seen to be.
    let differs = [&hop["programmed"], &hop["observed"]]
        .iter()
        .any(|layer| **layer == "differs");
    let mark = if differs && mark == Mark::Ok { Mark::Warn } else { mark };
    output.marked(mark, format!("{}{packet}", sentence(&hop["message"], output.lang)));
    if hop["programmed"].is_null() || !differs {
        return;
    }
    let lang = output.lang;
    let word = |layer: &Value| match layer.as_str() {
        Some("agrees") => lang.reach_agrees(),
        Some("differs") => lang.reach_differs(),
        _ => lang.reach_unseen(),
    };
    let layers = lang.reach_layers(word(&hop["programmed"]), word(&hop["observed"]));
    output.note(format!("      {layers}"));
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
    let source = match blocker["source"].as_str() {
        Some("programmed") => format!(", {}", lang.reach_source_programmed()),
        Some("observed") => format!(", {}", lang.reach_source_observed()),
        Some("probed") => format!(", {}", lang.reach_source_probed()),
        _ => String::new(),
    };
    let maybe = match blocker["certain"].as_bool() {
        Some(false) => format!(", {}", lang.reach_maybe()),
        _ => String::new(),
    };
    output.note(format!("    {}{source}{maybe}", text(&blocker["code"])));
    for evidence in blocker["evidence"].as_array().into_iter().flatten().take(MOST_EVIDENCE) {
        output.note(format!("      {}", text(evidence)));
    }
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
