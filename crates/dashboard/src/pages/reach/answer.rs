//! The API's answer, as pages read it. What it may say beside that is left alone.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::question::Asked;
use crate::messages::Text;
use crate::outcome::Problem;
use crate::visit::Visit;

/// A sentence in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Sentence {
    en: String,
    ko: String,
}

impl Sentence {
    /// In the page's language.
    pub fn of(&self, t: Text) -> &str {
        t.pick(&self.en, &self.ko)
    }
}

/// A thing that an answer speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Thing {
    pub kind: String,
    /// `None`: somebody else's, or no thing of the cloud.
    pub id: Option<String>,
    #[serde(default)]
    pub name: String,
}

/// A packet's ends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Packet {
    source: String,
    destination: String,
    source_port: Option<u16>,
    destination_port: Option<u16>,
}

impl Packet {
    /// `203.0.113.10`, `172.24.4.5:22`, `[2001:db8::5]:22`.
    pub fn ends(&self) -> (String, String) {
        let end = |address: &str, port: Option<u16>| match port {
            Some(port) if address.contains(':') => format!("[{address}]:{port}"),
            Some(port) => format!("{address}:{port}"),
            None => address.to_owned(),
        };
        (
            end(&self.source, self.source_port),
            end(&self.destination, self.destination_port),
        )
    }
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Hop {
    pub place: Thing,
    /// `passed`, `assumed` or `stopped`.
    pub verdict: String,
    pub message: Sentence,
    pub packet: Packet,
    pub becomes: Option<Packet>,
    /// Whether the host holds what was declared: `agrees`, `differs`, `unknown`; nothing if nobody looked.
    pub programmed: Option<String>,
    /// Whether packets were seen to pass, in the same words.
    pub observed: Option<String>,
}

impl Hop {
    /// Whether the packet ends here, on the way.
    pub fn is_stop(&self) -> bool {
        self.verdict == "stopped"
    }
}

/// A request that makes (a part of) a fix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Request {
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub body: Value,
}

/// What mends a cause.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Fix {
    pub message: Sentence,
    #[serde(default)]
    pub commands: Vec<String>,
    #[serde(default)]
    pub requests: Vec<Request>,
    #[serde(default)]
    pub needed: bool,
}

impl Fix {
    /// What tells it from others, in forms: of what it would do.
    pub fn mark(&self) -> String {
        let requests = self.requests.iter();
        let text: Vec<String> = requests
            .map(|request| format!("{} {} {}", request.method, request.path, request.body))
            .collect();
        let digest = Sha256::digest(text.join("\n").as_bytes());
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Something in the way.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Blocker {
    pub code: String,
    /// `request` or `reply`.
    #[serde(default)]
    pub way: String,
    /// `you`, `project` or `operator`.
    #[serde(default)]
    pub owner: String,
    pub message: Sentence,
    #[serde(default)]
    pub objects: Vec<Thing>,
    pub fix: Option<Fix>,
    /// Where it is known from: `declared`, `programmed`, `observed`, `probed`.
    pub source: Option<String>,
    /// What tells it, as the host's tools say it.
    #[serde(default)]
    pub evidence: Vec<String>,
}

impl Blocker {
    /// What the visitor can have made by a button.
    pub fn button(&self) -> Option<&Fix> {
        let fix = self.fix.as_ref()?;
        (self.owner == "you" && !fix.requests.is_empty()).then_some(fix)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Answer {
    pub verdict: String,
    #[serde(default)]
    pub revision: u64,
    pub destination: Option<String>,
    #[serde(default)]
    pub request: Vec<Hop>,
    #[serde(default)]
    pub reply: Vec<Hop>,
    #[serde(default)]
    pub blockers: Vec<Blocker>,
    #[serde(default)]
    pub opens: bool,
    /// What the host has otherwise than declared, beside this way.
    #[serde(default)]
    pub differences: Vec<Blocker>,
    /// What became of packets that were sent.
    pub probe: Option<Probe>,
}

/// Packets that were sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Probe {
    pub verdict: String,
    pub message: Option<Sentence>,
    pub sent: Option<u64>,
}

impl Answer {
    /// Whether it tells something of the host itself, not of what is declared.
    pub fn tells_of_host(&self) -> bool {
        let is_known = |state: &Option<String>| state.as_deref().is_some_and(|word| word != "unknown");
        let mut hops = self.request.iter().chain(&self.reply);
        let mut blockers = self.blockers.iter().chain(&self.differences);
        hops.any(|hop| is_known(&hop.programmed) || is_known(&hop.observed))
            || blockers.any(|blocker| blocker.source.as_deref().is_some_and(|source| source != "declared"))
    }

    /// Whether nobody can say.
    pub fn is_unsure(&self) -> bool {
        self.verdict == "uncertain"
    }

    /// Whether it is reached.
    pub fn is_reached(&self) -> bool {
        self.verdict == "reachable"
    }

    /// The fixes that together open the way, if the visitor can have all of them made by a button.
    pub fn all(&self) -> Option<Vec<&Fix>> {
        let is_needed = |blocker: &&Blocker| blocker.fix.as_ref().is_some_and(|fix| fix.needed);
        let needed = self.blockers.iter().filter(is_needed);
        let fixes: Option<Vec<&Fix>> = needed.map(Blocker::button).collect();
        fixes.filter(|fixes| self.opens && !fixes.is_empty())
    }
}

/// A place's row of a server's matrix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Row {
    pub from: String,
    pub trials: Trials,
}

/// What was tried from there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Trials {
    pub ping_fixed: Trial,
    pub ping_floating: Trial,
    pub ssh: Trial,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Trial {
    verdict: String,
    #[serde(default)]
    pub causes: Vec<String>,
    pub message: Option<Sentence>,
}

impl Trial {
    /// Whether it got there and back.
    pub fn is_reached(&self) -> bool {
        self.verdict == "reachable"
    }
}

#[derive(Deserialize)]
struct Answered {
    reach: Answer,
}

#[derive(Deserialize)]
struct Matrix {
    server: ServerRows,
}

#[derive(Deserialize)]
struct ServerRows {
    matrix: Vec<Row>,
}

/// Asks the cloud's API.
///
/// # Errors
/// What is wrong with the question, and what the API refused.
pub(crate) async fn ask(visit: &Visit, asked: &Asked) -> Result<Answer, Problem> {
    let t = visit.t();
    asked.check(t)?;
    let answer = visit.get(&format!("/maru/v1/reach?{}", asked.query())).await;
    let answer = answer.map_err(|problem| in_our_words(t, asked, problem))?;
    let answered: Answered = serde_json::from_value(answer).map_err(Problem::inside)?;
    Ok(answered.reach)
}

/// Whether this cloud's API can look at the host: it says what it does not know before what is missing.
pub(super) async fn can_look(visit: &Visit) -> bool {
    let refused = visit.get("/maru/v1/reach?look=true").await.err();
    refused.is_some_and(|problem| !problem.error.message.starts_with("Unknown parameter"))
}

/// Has packets sent.
///
/// # Errors
/// What is wrong with the question, and what the API refused.
pub(super) async fn probe(visit: &Visit, asked: &Asked) -> Result<Answer, Problem> {
    let t = visit.t();
    asked.check(t)?;
    let parameters = asked.looking(false).parameters().into_iter();
    let body: serde_json::Map<String, Value> = parameters
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
    let answer = visit
        .post("/maru/v1/reach/probes", serde_json::json!({ "probe": body }))
        .await;
    let answered: Answered =
        serde_json::from_value(answer.map_err(|problem| in_our_words(t, asked, problem))?).map_err(Problem::inside)?;
    Ok(answered.reach)
}

/// What a name that leads nowhere means, in the page's language.
fn in_our_words(t: Text, asked: &Asked, problem: Problem) -> Problem {
    // Where it is asked from comes from a choice; who typed something else is told by the API's own words.
    let is_of_target = problem
        .error
        .message
        .contains(asked.to.rsplit(':').next().unwrap_or_default());
    match problem.status {
        StatusCode::NOT_FOUND if is_of_target => {
            let mut mine = Problem::in_form(t.reach_unknown_target(&asked.to));
            mine.status = StatusCode::NOT_FOUND;
            mine
        }
        StatusCode::CONFLICT if is_of_target => Problem::in_form(t.reach_ambiguous_target(&asked.to)),
        _ => problem,
    }
}

/// A server's matrix.
///
/// # Errors
/// What the API refused.
pub(crate) async fn matrix(visit: &Visit, server: model::ServerId) -> Result<Vec<Row>, Problem> {
    let answer = visit.get(&format!("/maru/v1/reach/servers/{server}")).await?;
    let matrix: Matrix = serde_json::from_value(answer).map_err(Problem::inside)?;
    Ok(matrix.server.matrix)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn blocker(owner: &str, needed: bool, requests: usize) -> Blocker {
        let request = json!({"method": "POST", "path": "/x", "body": {"n": requests}});
        let fix = json!({"message": {"en": "e", "ko": "k"}, "needed": needed, "requests": vec![request; requests]});
        let blocker =
            json!({"code": "NO_ROUTE", "owner": owner, "message": {"en": "e", "ko": "k"}, "fix": fix, "new": 1});
        serde_json::from_value(blocker).unwrap()
    }

    fn answer(opens: bool, blockers: Vec<Blocker>) -> Answer {
        Answer {
            verdict: "blocked".to_owned(),
            revision: 1,
            destination: None,
            request: Vec::new(),
            reply: Vec::new(),
            blockers,
            opens,
            differences: Vec::new(),
            probe: None,
        }
    }

    #[test]
    fn all_is_offered_where_the_visitor_can_make_all_of_it() {
        let you = |needed| blocker("you", needed, 1);
        assert_eq!(answer(true, vec![you(true), you(false)]).all().unwrap().len(), 1);
        assert!(answer(false, vec![you(true)]).all().is_none(), "it would not open");
        assert!(
            answer(true, vec![you(true), blocker("operator", true, 0)])
                .all()
                .is_none()
        );
        assert!(
            answer(true, vec![you(true), blocker("project", true, 1)])
                .all()
                .is_none()
        );
        assert!(answer(true, Vec::new()).all().is_none());
    }

    #[test]
    fn what_a_look_at_the_host_adds_is_read_and_what_is_new_is_left_alone() {
        let sentence = json!({"en": "e", "ko": "k"});
        let packet =
            json!({"source": "10.0.0.1", "destination": "10.0.0.2", "source_port": null, "destination_port": null});
        let hop = json!({"place": {"kind": "host", "id": null, "name": ""}, "verdict": "passed", "message": sentence, "packet": packet,
                         "becomes": null, "declared": "passed", "programmed": "differs", "observed": "unknown"});
        let blocker = json!({"code": "DRIFT", "way": "request", "hop": 0, "source": "programmed", "certain": true, "owner": "operator",
                             "message": sentence, "objects": [], "evidence": ["ip route: missing"], "fix": null});
        let answer = json!({"verdict": "uncertain", "revision": 3, "destination": "10.0.0.2", "opens": false, "request": [hop],
                            "reply": [], "blockers": [blocker], "differences": [blocker], "host": {"revision": 3}, "new": 1,
                            "probe": {"verdict": "lost", "message": null, "sent": 3, "rtt_us": null}});
        let answer: Answer = serde_json::from_value(answer).unwrap();
        assert!(answer.is_unsure() && !answer.is_reached());
        assert_eq!(answer.request[0].programmed.as_deref(), Some("differs"));
        assert_eq!(answer.blockers[0].evidence, ["ip route: missing"]);
        assert_eq!((answer.differences.len(), answer.probe.unwrap().sent), (1, Some(3)));
    }

    #[test]
    fn fixes_are_told_apart_by_what_they_do() {
        let mark = |requests| blocker("you", true, requests).fix.unwrap().mark();
        assert_eq!(mark(1), mark(1));
        assert_ne!(mark(1), mark(2));
    }
}
