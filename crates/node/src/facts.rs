//! What the host has, looked at now and then.

use std::sync::Arc;
use std::time::Duration;

use model::host::HostFacts;
use qemu::command_line::Accelerator;
use tokio::sync::watch;

use crate::{Options, servers};

/// How often free memory and disk are looked at.
const EVERY: Duration = Duration::from_secs(10);

/// The facts, kept up to date for as long as someone looks.
pub(crate) fn watch(options: &Options, servers: &servers::Settings) -> watch::Receiver<Arc<HostFacts>> {
    let fixed = Fixed {
        options: options.clone(),
        acceleration: match &servers.accelerator {
            Ok(Accelerator::Kvm { .. }) => "kvm".to_owned(),
            Ok(Accelerator::Tcg { .. }) => "tcg".to_owned(),
            Err(reason) => format!("none: {reason}"),
        },
    };
    let (sender, receiver) = watch::channel(Arc::new(look(&fixed)));
    tokio::spawn(async move {
        while !sender.is_closed() {
            tokio::time::sleep(EVERY).await;
            let fixed = fixed.clone();
            if let Ok(facts) = tokio::task::spawn_blocking(move || look(&fixed)).await {
                sender.send_replace(Arc::new(facts));
            }
        }
    });
    receiver
}

/// What does not change while the program runs.
#[derive(Clone)]
struct Fixed {
    options: Options,
    acceleration: String,
}

fn look(fixed: &Fixed) -> HostFacts {
    let mut out = HostFacts {
        host: fixed.options.host.clone(),
        acceleration: fixed.acceleration.clone(),
        ..HostFacts::default()
    };
    match linux::host::facts() {
        Ok(facts) => {
            out.vcpus = facts.cpus;
            out.cpu_model = facts.cpu_model;
            out.memory_mib = facts.memory_bytes >> 20;
            out.memory_free_mib = facts.memory_available_bytes >> 20;
            out.uptime = uptime(facts.uptime_seconds, &facts.load_averages);
        }
        Err(error) => tracing::warn!("The host's CPUs and memory can't be read: {error}"),
    }
    match linux::host::disk(&fixed.options.state_dir) {
        Ok(disk) => {
            out.disk_bytes = disk.total_bytes;
            out.disk_free_bytes = disk.free_bytes;
        }
        Err(error) => tracing::warn!("The state directory's disk can't be read: {error}"),
    }
    out
}

/// A line in the manner of `uptime`, as Nova shows for a hypervisor.
fn uptime(seconds: u64, load_averages: &str) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    format!(" up {days} days, {hours:2}:{minutes:02},  0 users,  load average: {load_averages}")
}
