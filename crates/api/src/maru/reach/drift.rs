//! `GET /maru/v1/drift`: everything of the host that is not as it was declared, by the catalogue of causes.

use model::reach::look::{Drifted, Mender, drift, everything, fix, owner};
use model::reach::words::host as words;
use serde_json::{Value, json};

use crate::context::Ctx;
use crate::reply::{Reply, json as document};

/// The whole host.
pub(in crate::maru) async fn show(ctx: Ctx) -> Reply {
    let planned = ctx.control().planned().await?;
    let (cloud, config) = (&planned.cloud, &planned.config);
    let inspection = ctx.control().inspect(everything(config)).await;
    let Some(inspection) = inspection else {
        return Err(model::Error::unavailable("ServiceUnavailable", "There is no host to look at yet.").into());
    };
    let (found, unreadable) = drift(cloud, config, &inspection);
    let mender = Mender {
        cloud,
        config,
        actor: ctx.actor(),
        host_netns: ctx.control().plan_settings().host_netns.as_deref(),
    };
    let tell = |each: &Drifted| -> Value {
        let mend = fix(&mender, (each.code, each.object), &each.evidence);
        let objects = each.object.iter().map(|object| json!(object.named(cloud, ctx.actor())));
        json!({
            "code": each.code,
            "message": words::about(cloud, ctx.actor(), each.code, each.object),
            "owner": owner(cloud, ctx.actor(), each.code, each.object),
            "objects": objects.collect::<Vec<_>>(),
            "evidence": each.evidence.iter().map(words::evidence).collect::<Vec<_>>(),
            "fix": {"message": mend.message, "commands": mend.commands, "requests": mend.requests},
        })
    };
    let unreadable: Vec<String> = unreadable.iter().map(words::finding_text).collect();
    document(&json!({"drift": {
        "revision": inspection.revision,
        "causes": found.iter().map(tell).collect::<Vec<_>>(),
        "unreadable": unreadable,
    }}))
}
