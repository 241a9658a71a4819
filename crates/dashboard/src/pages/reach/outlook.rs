//! How servers are reached from outside, in a badge each: for lists of many, so only the first thing in the way is looked for,
//! and nothing that mends it.

use control::Planned;
use maud::{Markup, html};
use model::compute::{Server, VmState};
use model::reach::{Origin, Protocol, Question, Target, Which, World, first_cause, words};

use super::question::of_server;
use crate::messages::Text;
use crate::pages::compute::servers::nics;
use crate::ui::Mood;
use crate::visit::Visit;

/// SSH's port.
const SSH: u16 = 22;

/// What badges are made from: the cloud and its host's document of one moment.
pub(crate) struct Outlook {
    /// `None`: the document is still being worked out; there are no badges meanwhile.
    planned: Option<Planned>,
    /// Whether the host forwards IPv4.
    forwards: bool,
}

/// How a server is reached.
struct Seen {
    mood: Mood,
    /// In a list, below a heading.
    short: &'static str,
    /// Where it stands alone.
    long: &'static str,
    /// Why.
    why: String,
}

impl Outlook {
    /// As things are, what the visit's own request changed included.
    pub async fn now(visit: &Visit) -> Self {
        Self {
            planned: visit.control().planned().await.ok(),
            forwards: visit.control().host_forwards().await.0,
        }
    }

    /// A badge in a list.
    pub fn short(&self, visit: &Visit, server: &Server) -> Markup {
        self.badge(visit, server, |seen| seen.short)
    }

    /// A badge that stands alone.
    pub fn long(&self, visit: &Visit, server: &Server) -> Markup {
        self.badge(visit, server, |seen| seen.long)
    }

    fn badge(&self, visit: &Visit, server: &Server, words: fn(&Seen) -> &'static str) -> Markup {
        let Some(seen) = self.seen(visit, server) else {
            return html! {};
        };
        html! {
            a class={ "badge reach-badge " (seen.mood.class()) } href=(of_server(server.id)) title=(seen.why) {
                span .sign aria-hidden="true" {} (words(&seen))
            }
        }
    }

    fn seen(&self, visit: &Visit, server: &Server) -> Option<Seen> {
        let planned = self.planned.as_ref().filter(|_| server.vm_state != VmState::Deleted)?;
        // Servers made since are seen at the next look.
        planned.cloud.servers.get(&server.id)?;
        let t = visit.t();
        let ping = stops(visit, (planned, self.forwards), server, Protocol::Icmp);
        let ssh = stops(visit, (planned, self.forwards), server, Protocol::Tcp(SSH));
        let seen = |mood, short, long, why: String| Seen { mood, short, long, why };
        Some(match (ping, ssh) {
            (None, None) => seen(
                Mood::Good,
                t.reach_word(),
                t.reach_outside(),
                t.reach_both_pass().to_owned(),
            ),
            (None, Some(why)) => seen(
                Mood::Good,
                t.reach_only_ping(),
                t.reach_outside_ping(),
                t.reach_ssh_stops(why),
            ),
            (Some(why), None) => seen(
                Mood::Good,
                t.reach_only_ssh(),
                t.reach_outside_ssh(),
                t.reach_ping_stops(why),
            ),
            (Some(why), Some(_)) => seen(
                mood_of_shut(visit, server),
                t.reach_word_not(),
                t.reach_outside_not(),
                why,
            ),
        })
    }
}

/// Who gave a server a floating IP wants it to be reached; of others it is no fault that they are not.
fn mood_of_shut(visit: &Visit, server: &Server) -> Mood {
    let is_wanted = nics(visit.cloud(), server).iter().any(|nic| !nic.floating.is_empty());
    if is_wanted { Mood::Warn } else { Mood::Idle }
}

/// What stops a packet from outside first, in a sentence.
fn stops(visit: &Visit, (planned, forwards): (&Planned, bool), server: &Server, protocol: Protocol) -> Option<String> {
    let control = visit.control();
    let world = World {
        cloud: &planned.cloud,
        host: control.host_id(),
        config: &planned.config,
        settings: control.plan_settings(),
        actor: visit.actor(),
        now: control.now(),
        host_forwards: forwards,
    };
    let question = Question {
        from: Origin::Outside { address: None },
        to: Target::Server { id: server.id },
        which: Which::Usual,
        protocol,
        ip_version: None,
    };
    let (code, cause) = first_cause(&world, &question)?;
    let sentence = words::cause(&planned.cloud, visit.actor(), code, &cause);
    Some(in_words(visit.t(), sentence))
}

fn in_words(t: Text, sentence: words::Text) -> String {
    t.pick(sentence.en, sentence.ko)
}
