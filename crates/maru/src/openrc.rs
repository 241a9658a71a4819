//! `maru openrc`: what the `openstack` client needs, on standard output.

use anyhow::Context;

use crate::client;
use crate::first_start;
use crate::output::Output;
use crate::state_dir::StateDir;

/// Prints a shell script for one of the first users.
pub fn run(state: &StateDir, user: &str, output: &Output) -> anyhow::Result<()> {
    let path = state.join("clouds.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| output.lang.no_clouds_yaml(path.display()))?;
    let cloud = if user == "admin" { "maru" } else { "maru-demo" };
    let entry = client::entry(&text, cloud).with_context(|| format!("{} has no cloud '{cloud}'", path.display()))?;
    let url = entry.auth_url.trim_end_matches("/v3").trim_end_matches("/identity");
    let door = first_start::Door {
        url,
        region: &entry.region,
        ca_file: entry.ca_file.as_deref(),
    };
    output.raw(first_start::openrc(&door, &entry.user, &entry.password).trim_end());
    Ok(())
}
