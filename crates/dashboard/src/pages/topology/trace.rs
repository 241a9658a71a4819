//! The way of a packet in the picture: by which nodes it comes, in order, and where it stops; and the same as a text.

use std::collections::BTreeMap;

use maud::{Markup, html};
use model::network::Port;
use model::{Cloud, NetworkId, PortId, ServerId};

use crate::messages::Text;
use crate::outcome::Problem;
use crate::pages::reach::answer::{self, Answer, Hop, Thing};
use crate::pages::reach::question::Asked;
use crate::pages::reach::{name, origin_words, places, target_words};
use crate::ui::{self, icon};
use crate::visit::Visit;

/// A place of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stop {
    /// What it is called.
    words: String,
    /// Its node in the picture, if it has one.
    key: Option<String>,
    /// The packet goes no further.
    is_end: bool,
}

/// A way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trace {
    stops: Vec<Stop>,
    /// The node that was to be reached, if it was not.
    goal: Option<String>,
}

/// What a node is on a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// From 1.
    pub number: usize,
    /// The packet goes no further.
    pub is_end: bool,
}

impl Trace {
    /// The way there; if that is open, and the way back is not, with the place where that ends.
    fn of(t: Text, cloud: &Cloud, answer: &Answer) -> Self {
        let mut stops: Vec<Stop> = places(&answer.request)
            .filter_map(|steps| stop(t, cloud, steps))
            .collect();
        if let Some(end) = answer.reply.last().filter(|hop| hop.is_stop()) {
            stops.extend(stop(t, cloud, std::slice::from_ref(end)));
        }
        let goal = answer.blockers.first().filter(|_| !stops.is_empty());
        let goal = goal.and_then(|blocker| {
            let port = blocker.objects.iter().find(|thing| thing.kind == "port")?;
            key_of(cloud, port)
        });
        Self { stops, goal }
    }

    /// Whether a node was to be reached, and was not.
    pub fn is_goal(&self, key: &str) -> bool {
        self.goal.as_deref() == Some(key)
    }

    /// Whether a line of the picture is the one that the packet would take next.
    pub fn would_lead_along(&self, one: &str, other: &str) -> bool {
        let end = self.stops.iter().rev().find_map(|stop| stop.key.as_deref());
        let ends = [end, self.goal.as_deref()];
        end.is_some() && (ends == [Some(one), Some(other)] || ends == [Some(other), Some(one)])
    }

    /// Marks by the names of their nodes. Who is passed twice keeps the first number, and the end is an end.
    pub fn marks(&self) -> BTreeMap<&str, Mark> {
        let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
        for (index, stop) in self.stops.iter().enumerate() {
            let Some(key) = &stop.key else { continue };
            let mark = marks.entry(key).or_insert(Mark {
                number: index + 1,
                is_end: false,
            });
            mark.is_end |= stop.is_end;
        }
        marks
    }

    /// Whether the way leads along a line of the picture, from one of its ends to the other.
    pub fn leads_along(&self, one: &str, other: &str) -> bool {
        let drawn: Vec<&str> = self.stops.iter().filter_map(|stop| stop.key.as_deref()).collect();
        drawn
            .windows(2)
            .any(|pair| pair == [one, other] || pair == [other, one])
    }

    /// Networks whose servers must be shown one by one, that the way's are seen.
    fn networks(&self, cloud: &Cloud) -> Vec<NetworkId> {
        let keys = self.stops.iter().filter_map(|stop| stop.key.as_deref());
        let keys = keys.chain(self.goal.as_deref());
        let servers = keys.filter_map(|key| key.strip_prefix("server-")?.parse::<ServerId>().ok());
        let servers = servers.filter_map(|id| cloud.servers.get(&id));
        servers
            .flat_map(|server| server.ports.iter().filter_map(|id| cloud.ports.get(id)))
            .map(|port| port.network_id)
            .collect()
    }
}

fn stop(t: Text, cloud: &Cloud, steps: &[Hop]) -> Option<Stop> {
    let place = &steps.first()?.place;
    Some(Stop {
        words: name(t, place),
        key: key_of(cloud, place),
        is_end: steps.iter().any(Hop::is_stop),
    })
}

/// The node that a place is drawn as.
fn key_of(cloud: &Cloud, place: &Thing) -> Option<String> {
    let id = place.id.as_ref()?;
    match place.kind.as_str() {
        "network" | "router" => Some(format!("{}-{id}", place.kind)),
        "port" => {
            let port = cloud.find::<Port>(&id.parse::<PortId>().ok()?)?;
            let server: ServerId = port.device_id.parse().ok()?;
            Some(format!("server-{server}"))
        }
        _ => None,
    }
}

/// A question that is shown in the picture.
pub(super) struct Shown {
    asked: Asked,
    answer: Result<Answer, Problem>,
    pub trace: Trace,
}

impl Shown {
    /// Asks it.
    pub async fn of(visit: &Visit, asked: &Asked) -> Self {
        let answer = answer::ask(visit, asked).await;
        let trace = answer
            .as_ref()
            .map(|answer| Trace::of(visit.t(), visit.cloud(), answer))
            .unwrap_or_default();
        Self {
            asked: asked.clone(),
            answer,
            trace,
        }
    }

    /// Networks to unfold.
    pub fn networks(&self, cloud: &Cloud) -> Vec<NetworkId> {
        self.trace.networks(cloud)
    }

    /// The way as a text, above the picture; `without` is the address of the picture alone.
    pub fn strip(&self, visit: &Visit, without: &str) -> Markup {
        let t = visit.t();
        let hide = html! { a .button.small href=(without) data-in-place { (icon("x")) (t.trace_hide()) } };
        let answer = match &self.answer {
            Ok(answer) => answer,
            Err(problem) => {
                return html! { section #trace .trace aria-label=(t.trace_title()) { (ui::problem_box(t, problem)) p .card-end { (hide) } } };
            }
        };
        let (from, to) = (origin_words(visit, &self.asked), target_words(visit, &self.asked));
        let words = if answer.is_reached() {
            t.reach_word()
        } else {
            t.reach_word_not()
        };
        html! {
            section #trace .trace.reached[answer.is_reached()] aria-label=(t.trace_title()) {
                div .trace-head {
                    div { b { (t.trace_to(from, to, self.asked.means(t))) } " – " (words) }
                    a .button.small href=(self.asked.page()) { (icon("route")) (t.trace_open()) }
                    (hide)
                }
                @if !self.trace.stops.is_empty() {
                    ol .trace-places {
                        @for (index, stop) in self.trace.stops.iter().enumerate() {
                            li .stopped[stop.is_end] {
                                span .trace-number aria-hidden="true" { span { (index + 1) } }
                                (stop.words)
                                @if stop.is_end { " – " (t.trace_stop()) }
                            }
                        }
                    }
                }
                @if let Some(first) = answer.blockers.first() { p .trace-why { (first.message.of(t)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lang::Lang;

    const NETWORK: &str = "4c3a2f5e-1d8b-4a57-9c61-0f2b7e8d9a10";
    const ROUTER: &str = "5c3a2f5e-1d8b-4a57-9c61-0f2b7e8d9a10";

    fn hop(kind: &str, id: Option<&str>, verdict: &str) -> serde_json::Value {
        let packet =
            json!({"source": "10.0.0.1", "destination": "10.0.0.2", "source_port": null, "destination_port": null});
        json!({"place": {"kind": kind, "id": id, "name": id.unwrap_or("")}, "verdict": verdict,
               "message": {"en": "e", "ko": "k"}, "packet": packet, "becomes": null})
    }

    fn trace(request: Vec<serde_json::Value>, reply: Vec<serde_json::Value>) -> Trace {
        let answer = json!({"verdict": "blocked", "destination": null, "request": request, "reply": reply});
        let answer: Answer = serde_json::from_value(answer).unwrap();
        Trace::of(Text(Lang::En), &Cloud::default(), &answer)
    }

    #[test]
    fn places_are_numbered_and_the_end_is_marked() {
        let trace = trace(
            vec![
                hop("outside", None, "passed"),
                hop("router", Some(ROUTER), "passed"),
                hop("router", Some(ROUTER), "passed"),
                hop("network", Some(NETWORK), "stopped"),
            ],
            Vec::new(),
        );
        let (router, network) = (format!("router-{ROUTER}"), format!("network-{NETWORK}"));
        let marks = trace.marks();
        assert_eq!(
            marks[router.as_str()],
            Mark {
                number: 2,
                is_end: false
            }
        );
        assert_eq!(
            marks[network.as_str()],
            Mark {
                number: 3,
                is_end: true
            }
        );
        assert!(trace.leads_along(&network, &router) && trace.leads_along(&router, &network));
        assert!(!trace.leads_along(&router, &router));
    }

    #[test]
    fn an_end_on_the_way_back_is_an_end_of_the_way() {
        let there = vec![
            hop("router", Some(ROUTER), "passed"),
            hop("network", Some(NETWORK), "passed"),
        ];
        let back = vec![
            hop("network", Some(NETWORK), "passed"),
            hop("router", Some(ROUTER), "stopped"),
        ];
        let trace = trace(there, back);
        let router = format!("router-{ROUTER}");
        assert_eq!(
            trace.marks()[router.as_str()],
            Mark {
                number: 1,
                is_end: true
            }
        );
    }
}
