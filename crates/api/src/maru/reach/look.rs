//! What the host really holds and what was seen on it, beside what was worked out. The operator is told of devices, addresses
//! and rules; others of what it means, and of their own guests.

use control::Planned;
use model::reach::look::{
    Evidence, HostBlocker, Layers, Looked, Mender, Outcome, Seen, Source, asked, fix, look, may_see_host, owner,
};
use model::reach::probe::ProbeResult;
use model::reach::words::host as words;
use model::reach::{Answer, Asked, Inspection, Observed};
use model::{Actor, Cloud};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::context::Ctx;

/// Looks at a time: each reads a good part of the host.
static LOOKS: Semaphore = Semaphore::const_new(2);

/// Looks at the host, and adds to a rendered answer what was found.
pub(super) async fn add(ctx: &Ctx, planned: &Planned, answer: &Answer, told: &mut Value) {
    let inspection = inspect(ctx, planned, answer).await;
    tell(ctx, planned, answer, (inspection, None), told).await;
}

/// What the host holds along the way, once it has what it was told last.
pub(super) async fn inspect(ctx: &Ctx, planned: &Planned, answer: &Answer) -> Option<Inspection> {
    let asked = asked(&planned.config, answer)?;
    let _turn = LOOKS.acquire().await;
    ctx.control().inspect(asked.scope).await
}

async fn observe(ctx: &Ctx, planned: &Planned, answer: &Answer) -> Option<Observed> {
    let asked: Asked = asked(&planned.config, answer)?;
    let _turn = LOOKS.acquire().await;
    ctx.control().observe(asked).await
}

/// Adds to a rendered answer what the host holds, what was seen on it by now, and what became of a probe.
pub(super) async fn tell(
    ctx: &Ctx,
    planned: &Planned,
    answer: &Answer,
    (inspection, probe): (Option<Inspection>, Option<&ProbeResult>),
    told: &mut Value,
) {
    let observed = observe(ctx, planned, answer).await;
    let seen = Seen {
        inspection: inspection.as_ref(),
        observed: observed.as_ref(),
        probe,
    };
    let looked = look(&planned.cloud, &planned.config, answer, &seen);
    Telling {
        planned,
        actor: ctx.actor(),
        host_netns: ctx.control().plan_settings().host_netns.as_deref(),
    }
    .add(&looked, &seen, told);
}

struct Telling<'a> {
    planned: &'a Planned,
    actor: &'a Actor,
    host_netns: Option<&'a str>,
}

impl Telling<'_> {
    fn add(&self, looked: &Looked, seen: &Seen<'_>, told: &mut Value) {
        told["verdict"] = json!(match looked.outcome {
            Outcome::Reachable => "reachable",
            Outcome::Blocked => "blocked",
            Outcome::Uncertain => "uncertain",
        });
        lay(&mut told["request"], &looked.request);
        lay(&mut told["reply"], &looked.reply);
        let stops = looked.blockers.iter().any(is_certain);
        told["opens"] = json!(told["opens"] == true && !stops);
        let mut blockers: Vec<Value> = looked.blockers.iter().map(|blocker| self.blocker(blocker)).collect();
        for mut declared in told["blockers"].as_array().cloned().unwrap_or_default() {
            declared["source"] = json!("declared");
            declared["certain"] = json!(true);
            declared["hop"] = Value::Null;
            declared["evidence"] = json!([]);
            blockers.push(declared);
        }
        told["blockers"] = json!(blockers);
        let beside = looked.beside.iter().map(|blocker| self.blocker(blocker));
        told["differences"] = json!(beside.collect::<Vec<_>>());
        told["host"] = self.host(seen);
    }

    fn blocker(&self, blocker: &HostBlocker) -> Value {
        let cloud = &self.planned.cloud;
        let mender = Mender {
            cloud,
            config: &self.planned.config,
            actor: self.actor,
            host_netns: self.host_netns,
        };
        let mend = fix(&mender, (blocker.code, blocker.object), &blocker.evidence);
        let objects = blocker
            .object
            .iter()
            .map(|object| json!(object.named(cloud, self.actor)));
        json!({
            "code": blocker.code,
            "way": blocker.spot.way,
            "hop": blocker.spot.index,
            "source": blocker.source,
            "certain": is_certain(blocker),
            "message": words::cause(cloud, self.actor, blocker),
            "owner": owner(cloud, self.actor, blocker.code, blocker.object),
            "objects": objects.collect::<Vec<_>>(),
            "evidence": self.evidence(blocker),
            "fix": {
                "message": mend.message,
                "commands": mend.commands,
                "requests": mend.requests,
                "needed": is_certain(blocker),
            },
        })
    }

    fn evidence(&self, blocker: &HostBlocker) -> Vec<String> {
        let cloud = &self.planned.cloud;
        let may_see = |each: &&Evidence| {
            let own = words::is_of_guest(each)
                && blocker
                    .object
                    .is_some_and(|object| object.named(cloud, self.actor).id.is_some());
            own || may_see_host(self.actor)
        };
        blocker.evidence.iter().filter(may_see).map(words::evidence).collect()
    }

    /// What there was to see: all of it for the operator, of their own guests for others.
    fn host(&self, seen: &Seen<'_>) -> Value {
        if seen.inspection.is_none() && seen.observed.is_none() {
            return Value::Null;
        }
        let is_operator = may_see_host(self.actor);
        let findings = |inspection: &Inspection| -> Vec<Value> {
            let texts = inspection.findings.iter();
            texts
                .map(|finding| json!({"text": words::finding_text(finding), "finding": finding}))
                .collect()
        };
        json!({
            "revision": seen.inspection.map(|inspection| inspection.revision),
            "findings": seen.inspection.filter(|_| is_operator).map(findings),
            "observed": seen.observed.filter(|_| is_operator),
            "guests": seen.observed.map_or_else(|| json!([]), |seen| guests(&self.planned.cloud, self.actor, seen)),
        })
    }
}

/// What guests asked for and printed, of those that the caller may see.
fn guests(cloud: &Cloud, actor: &Actor, seen: &Observed) -> Value {
    let ports = seen.guests.iter().filter(|(port, _)| {
        let row = cloud.ports.get(port);
        row.is_some_and(|row| actor.can_see(&row.standard.project_id))
    });
    let consoles = seen.consoles.iter().filter(|(server, _)| {
        let row = cloud.servers.get(server);
        row.is_some_and(|row| actor.can_see(&row.project_id))
    });
    let asked = ports.map(|(port, records)| {
        json!({"port_id": port, "dhcp": records.dhcp, "metadata": records.metadata, "keys": records.keys})
    });
    let printed = consoles.map(|(server, signs)| json!({"server_id": server, "console": signs}));
    json!(asked.chain(printed).collect::<Vec<_>>())
}

fn is_certain(blocker: &HostBlocker) -> bool {
    blocker.effect == model::reach::look::Effect::Stops || blocker.source == Source::Probed
}

/// What was declared, is programmed and was observed of each step, side by side.
fn lay(hops: &mut Value, layers: &[Layers]) {
    for (hop, layers) in hops.as_array_mut().into_iter().flatten().zip(layers) {
        hop["declared"] = hop["verdict"].clone();
        hop["programmed"] = json!(layers.programmed);
        hop["observed"] = json!(layers.observed);
    }
}
