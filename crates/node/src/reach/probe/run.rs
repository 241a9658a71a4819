//! One probe from beginning to end.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use linux::netlink::{Link, NextHop, Rtnl};
use linux::nft::Nft;
use linux::watch::{Watch, Way as Passes};
use linux::{Mac, Netns};
use model::host::HostConfig;
use model::reach::probe::{Delivery, Place, ProbeError, ProbeKind, ProbeRequest, ProbeResult, Rule};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::follow::Follower;
use super::judge::{self, Device, Evidence};
use super::question::{Question, Reply, Seen};
use super::sockets::{Leg, Sockets};
use super::{Cancelled, fence};
use crate::network::names::{BRIDGE, network_namespace, router_namespace, tap_device};
use crate::network::own_changes::OwnChanges;

/// Packets that are sent at most, evenly over the time; only the first if it is answered.
const PACKETS: u32 = 3;
/// How long is waited for what may still come once a rule dropped the packet.
const GRACE: Duration = Duration::from_millis(60);
/// How soon a probe notices that nobody waits for it.
const NOTICE: Duration = Duration::from_millis(50);

/// What a probe is made with.
pub(super) struct Around<'a> {
    pub host: &'a Netns,
    pub own: &'a OwnChanges,
    pub config: &'a HostConfig,
    pub cancelled: &'a Cancelled,
}

/// The port's device, watched.
struct Watched {
    watch: Watch,
    seen: Device,
}

/// A probe under way.
struct Run<'a> {
    around: &'a Around<'a>,
    request: &'a ProbeRequest,
    question: Question,
    follower: Follower,
    device: Option<Watched>,
    sent: u32,
    reply: Option<(Reply, IpAddr, u64)>,
    not_sent: Option<String>,
}

fn failed(error: impl std::error::Error) -> ProbeError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    ProbeError::Failed(text)
}

/// Makes a probe.
pub(super) fn run(around: &Around<'_>, request: &ProbeRequest) -> Result<ProbeResult, ProbeError> {
    let begun = Instant::now();
    let path = path(request);
    let places = open(around.host, &path);
    let ns = places.get(&request.from).ok_or(ProbeError::NotHere(request.from))?;
    let mut nl = Rtnl::open(ns).map_err(failed)?;
    let Some((hop, link)) = way_out(&mut nl, request)? else {
        let why = format!("{} has no route to {}", request.from, request.target);
        return Ok(unsent(why, begun));
    };
    fence::check(around.config, request.from, request.target, &hop, &link.name)?;
    let mut question = question(request, &hop, &link);
    let leg = Leg {
        ns,
        device: &link.name,
        index: link.index,
    };
    let sockets = match Sockets::open(&leg, &mut question).map_err(failed)? {
        Ok(sockets) => sockets,
        Err(error) => return Err(failed(error)),
    };
    let device = watch(request, &places, &question).map_err(failed)?;
    let follower = Follower::open(&places, &question, around.own).map_err(failed)?;
    let mut run = Run {
        around,
        request,
        question,
        follower,
        device,
        sent: 0,
        reply: None,
        not_sent: None,
    };
    let result = run.exchange(&sockets).and_then(|()| run.result(&places, &path, begun));
    // Each of these takes the kernel its time to close.
    let Run { follower, device, .. } = run;
    std::thread::scope(|scope| {
        scope.spawn(|| drop(follower));
        scope.spawn(|| drop(device));
        drop(sockets);
    });
    result
}

impl Run<'_> {
    /// Sends, and waits until all there is to know is known, or the time is over.
    fn exchange(&mut self, sockets: &Sockets) -> Result<(), ProbeError> {
        let patience = self.request.patience();
        let begun = Instant::now();
        let mut end = begun + patience;
        let mut dropped = false;
        loop {
            let now = Instant::now();
            if now >= end || self.around.cancelled.is_true() {
                return Ok(());
            }
            let next = begun + patience * self.sent / PACKETS;
            if self.sent < PACKETS && now >= next && !dropped {
                self.send(sockets);
            }
            let next = begun + patience * self.sent / PACKETS;
            let until = if self.sent < PACKETS { end.min(next) } else { end };
            self.wait(sockets, until.saturating_duration_since(Instant::now()).min(NOTICE))?;
            if self.look(sockets, begun)? {
                return Ok(());
            }
            if !dropped && (self.not_sent.is_some() || self.is_dropped()) {
                dropped = true;
                end = end.min(Instant::now() + GRACE);
            }
        }
    }

    fn send(&mut self, sockets: &Sockets) {
        if self.sent > 0 {
            self.follower.close();
        }
        self.sent += 1;
        if let Err(error) = sockets.send(&self.question) {
            self.not_sent = Some(format!(
                "{} can't send to {}: {error}",
                self.request.from, self.request.target
            ));
        }
    }

    fn wait(&self, sockets: &Sockets, within: Duration) -> Result<(), ProbeError> {
        let watched = self.device.iter().map(|device| &device.watch);
        let mut waited_for: Vec<PollFd<'_>> = (self.follower.descriptors())
            .chain(sockets.descriptors())
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .chain(watched.map(|watch| PollFd::new(watch, PollFlags::IN)))
            .collect();
        let timeout = Timespec::try_from(within).unwrap_or_default();
        match poll(&mut waited_for, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(failed(std::io::Error::from(error))),
        }
    }

    /// Takes what was seen. True if an answer came.
    fn look(&mut self, sockets: &Sockets, begun: Instant) -> Result<bool, ProbeError> {
        let heard = sockets.hear(&self.question).map_err(failed)?;
        let after = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.reply = heard.map(|(reply, from)| (reply, from, after));
        if let Some(device) = &mut self.device {
            device.take(&self.question).map_err(failed)?;
        }
        self.follower.take(&self.question).map_err(failed)?;
        Ok(self.reply.is_some())
    }

    /// Whether a rule dropped the question or the answer.
    fn is_dropped(&self) -> bool {
        let path = path(self.request);
        let dropped = |seen| {
            self.follower
                .along(&path, seen)
                .iter()
                .any(|visit| visit.dropped().is_some())
        };
        let delivered = self.device.as_ref().is_some_and(|device| device.seen.delivered > 0);
        (dropped(Seen::Request) && !delivered) || dropped(Seen::Answer)
    }

    fn result(
        &mut self,
        places: &BTreeMap<Place, Netns>,
        path: &[Place],
        begun: Instant,
    ) -> Result<ProbeResult, ProbeError> {
        let back: Vec<Place> = path.iter().rev().copied().collect();
        let evidence = Evidence {
            reply: self.reply,
            not_sent: self.not_sent.take(),
            request: self.follower.along(path, Seen::Request),
            answer: self.follower.along(&back, Seen::Answer),
            ask: self.follower.along(path, Seen::Ask),
            tell: self.follower.along(&back, Seen::Tell),
            seek: self.follower.along(&back, Seen::Seek),
            device: self.device.as_ref().map(|device| device.seen),
            unanswered: self.unanswered(places, path),
        };
        let mut verdict = judge::judge(self.request, &evidence);
        if let Some((place, at)) = judge::rule_to_tell(&mut verdict)
            && let (Some(ns), Some(rule)) = (places.get(&place), &mut at.rule)
        {
            let listed = Nft::open(ns).and_then(|nft| nft.rule(&at.family, &at.table, &at.chain, rule.handle));
            *rule = Rule {
                handle: rule.handle,
                text: listed.ok().flatten(),
            };
        }
        Ok(ProbeResult {
            verdict,
            request: judge::steps(&evidence.request),
            answer: judge::steps(&evidence.answer),
            sent: self.sent,
            delivered: evidence.device.map(|device| device.delivered),
            spoken: evidence.device.map(|device| device.spoken),
            took_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        })
    }

    /// The namespace that saw the packet last, and the neighbour that it asked for and did not get to know.
    fn unanswered(&self, places: &BTreeMap<Place, Netns>, path: &[Place]) -> Option<(Place, IpAddr)> {
        if self.question.kind == ProbeKind::Neighbour {
            return self.reply.is_none().then_some((self.request.from, self.request.target));
        }
        let request = self.follower.along(path, Seen::Request);
        let last = request.last();
        let place = last.map_or(self.request.from, |visit| visit.place);
        let to = last.and_then(|visit| visit.destination).unwrap_or(self.request.target);
        let mut nl = Rtnl::open(places.get(&place)?).ok()?;
        let hop = nl.next_hop(to).ok()??;
        let neighbour = hop.gateway.unwrap_or(to);
        let listed = nl.neighbours().ok()?;
        let entry = listed
            .iter()
            .find(|entry| entry.link == hop.link && entry.address == neighbour)?;
        entry.mac.is_none().then_some((place, neighbour))
    }
}

impl Watched {
    fn take(&mut self, question: &Question) -> linux::Result<()> {
        while let Some((way, frame)) = self.watch.take()? {
            let counted = match (way, question.of_frame(&frame)) {
                (Passes::Out, Some(Seen::Request)) => &mut self.seen.delivered,
                (Passes::In, Some(Seen::Answer)) => &mut self.seen.spoken,
                (Passes::Out, Some(Seen::Ask)) => &mut self.seen.asked,
                (Passes::In, Some(Seen::Tell)) => &mut self.seen.told,
                _ => continue,
            };
            *counted += 1;
        }
        Ok(())
    }
}

/// The namespaces to follow in.
fn path(request: &ProbeRequest) -> Vec<Place> {
    let mut path = request.path.clone();
    if path.first() != Some(&request.from) {
        path.insert(0, request.from);
    }
    let end = request.delivery.map(|delivery| Place::Network(delivery.network));
    path.extend(end.filter(|end| path.last() != Some(end)));
    path
}

/// Those of the namespaces that are there.
fn open(host: &Netns, path: &[Place]) -> BTreeMap<Place, Netns> {
    let open = |place: &Place| match place {
        Place::Host => Some(host.clone()),
        Place::Router(id) => Netns::open(&router_namespace(*id)).ok(),
        Place::Network(id) => Netns::open(&network_namespace(*id)).ok(),
    };
    path.iter().filter_map(|place| Some((*place, open(place)?))).collect()
}

/// The way that the target is sent to, and the link that leads there; `None` if there is none.
fn way_out(nl: &mut Rtnl, request: &ProbeRequest) -> Result<Option<(NextHop, Link)>, ProbeError> {
    let found = nl.next_hop(request.target).map_err(failed)?;
    let asks_link = request.kind == ProbeKind::Neighbour && matches!(request.from, Place::Network(_));
    let hop = match found {
        Some(hop) => hop,
        // Neighbours can be asked for without an address of one's own.
        None if asks_link => match nl.find_link(BRIDGE).map_err(failed)? {
            Some(bridge) => NextHop {
                gateway: None,
                link: bridge.index,
                source: None,
                local: false,
            },
            None => return Ok(None),
        },
        None => return Ok(None),
    };
    Ok(nl.find_index(hop.link).map_err(failed)?.map(|link| (hop, link)))
}

/// Where the packets come out. Who asks a link for a neighbour hears of those on it only.
fn delivery(request: &ProbeRequest) -> Option<Delivery> {
    let on_link = |delivery: &Delivery| request.kind != ProbeKind::Neighbour || delivery.address == request.target;
    request.delivery.filter(on_link)
}

fn question(request: &ProbeRequest, hop: &NextHop, link: &Link) -> Question {
    let random = uuid::Uuid::new_v4();
    let (token, id, ..) = random.as_fields();
    let mac = link.mac.unwrap_or(Mac([0; 6]));
    let nobody = match request.target {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(mac.link_local()),
    };
    Question {
        kind: request.kind,
        token,
        source: hop.source.unwrap_or(nobody),
        source_port: id,
        target: request.target,
        inside: delivery(request).map_or(request.target, |delivery| delivery.address),
        mac,
    }
}

/// Watches the port's device, if it is there.
fn watch(
    request: &ProbeRequest,
    places: &BTreeMap<Place, Netns>,
    question: &Question,
) -> linux::Result<Option<Watched>> {
    let Some(delivery) = delivery(request) else {
        return Ok(None);
    };
    let Some(ns) = places.get(&Place::Network(delivery.network)) else {
        return Ok(None);
    };
    let name = tap_device(delivery.port);
    let Some(link) = Rtnl::open(ns)?.find_link(&name)? else {
        return Ok(None);
    };
    let seen = Device {
        index: link.index,
        ..Device::default()
    };
    let watch = Watch::open(ns, &name, &question.frames())?;
    Ok(Some(Watched { watch, seen }))
}

/// The result of a probe that could not be sent at all.
fn unsent(why: String, begun: Instant) -> ProbeResult {
    ProbeResult {
        verdict: model::reach::probe::ProbeVerdict::NotSent(why),
        request: Vec::new(),
        answer: Vec::new(),
        sent: 0,
        delivered: None,
        spoken: None,
        took_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
    }
}
