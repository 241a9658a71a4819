//! What a user would type in a shell on the host: ping, ip, ssh; run inside a namespace.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use linux::Netns;
use linux::command::{self, Finished};

use crate::output::Output;

/// Runs a program that ends by itself.
pub(super) async fn run(ns: &Netns, program: &str, args: &[&str]) -> anyhow::Result<Finished> {
    let (ns, owned): (Netns, Vec<String>) = (ns.clone(), args.iter().map(|arg| (*arg).to_owned()).collect());
    let name = program.to_owned();
    let finished = tokio::task::spawn_blocking(move || {
        let args: Vec<&str> = owned.iter().map(String::as_str).collect();
        command::run(&ns, &name, &args, Duration::from_secs(30))
    });
    finished
        .await?
        .with_context(|| format!("{program} can't be run; is it installed?"))
}

/// Whether an address answers a ping within two seconds.
pub(super) async fn answers(ns: &Netns, address: &str) -> anyhow::Result<bool> {
    let finished = run(ns, "ping", &["-c", "1", "-W", "2", address]).await?;
    match finished.code {
        Some(0) => Ok(true),
        // 1: no answer; 2: no way there. Both are silence for the one who waits.
        Some(1 | 2) => Ok(false),
        _ => bail!("ping {address}: {}", finished.stderr.trim()),
    }
}

/// Waits until an address answers.
pub(super) async fn wait_for_answer(
    ns: &Netns,
    address: &str,
    limit: Duration,
    output: &Output,
) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let mut progress = output.progress(format!("    ping {address}"));
    while started.elapsed() < limit {
        if answers(ns, address).await? {
            return Ok(started.elapsed());
        }
        progress.show(&format!("{} s", started.elapsed().as_secs()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("{address} did not answer a ping within {} s", limit.as_secs())
}

/// Runs a command in the server by ssh, waiting until it lets us in.
pub(super) async fn ssh(
    ns: &Netns,
    key: &Path,
    address: &str,
    command: &str,
    limit: Duration,
    output: &Output,
) -> anyhow::Result<String> {
    let key = key.display().to_string();
    let to = format!("cirros@{address}");
    let arguments = [
        "-i",
        &key,
        "-o",
        "BatchMode=yes",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
        "-o",
        "ConnectTimeout=5",
        &to,
        command,
    ];
    let started = Instant::now();
    let mut progress = output.progress(format!("    ssh {to}"));
    loop {
        let finished = run(ns, "ssh", &arguments).await?;
        if finished.is_success() {
            return Ok(finished.stdout.trim().to_owned());
        }
        if started.elapsed() > limit {
            bail!(
                "ssh {to} did not work within {} s: {}",
                limit.as_secs(),
                finished.stderr.trim()
            );
        }
        progress.show(&format!("{} s", started.elapsed().as_secs()));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
