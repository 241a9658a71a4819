//! What a new cloud holds, and the files that let its users in.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use control::Control;
use control::password::Password;

/// Fills an empty cloud; one that holds anything is left as it is.
///
/// The files with the password are written before the password counts: a crash between the two makes new ones at the
/// next start, and never leaves a cloud that nobody can enter.
pub async fn prepare(control: &Control, state_dir: &Path, public_url: &str) -> anyhow::Result<()> {
    if !control.cloud().domains.is_empty() {
        return Ok(());
    }
    let admin = random_password();
    let demo = random_password();
    write_private(&state_dir.join("openrc"), &openrc(public_url, &admin))?;
    write_private(&state_dir.join("clouds.yaml"), &clouds_yaml(public_url, &admin, &demo))?;
    let admin_hash = control.hash_password(Password::new(admin)).await?;
    let demo_hash = control.hash_password(Password::new(demo)).await?;
    control
        .transact(move |tx| {
            let passwords = model::bootstrap::identity::FirstPasswords { admin_hash, demo_hash };
            let identity = model::bootstrap::identity::identity(tx, passwords)?;
            model::bootstrap::flavors::flavors(tx)?;
            model::bootstrap::network::network(tx, &identity, &model::bootstrap::network::Settings::default())?;
            Ok(())
        })
        .await
        .context("the new cloud can't be filled")?;
    tracing::info!("A new cloud: log in with {}", state_dir.join("openrc").display());
    Ok(())
}

/// The cloud's own mark on what it makes on this machine, made at its first start.
pub fn cloud_id(state_dir: &Path) -> anyhow::Result<String> {
    let path = state_dir.join("cloud-id");
    match std::fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => Ok(id.trim().to_owned()),
        _ => {
            let id = random_password()[..12].to_owned();
            write_private(&path, &format!("{id}\n"))?;
            Ok(id)
        }
    }
}

fn random_password() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel's random source never fails once the machine is up");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn openrc(url: &str, password: &str) -> String {
    format!(
        "# Source this file to be the cloud's administrator.\n\
         unset OS_CLOUD OS_TOKEN OS_SYSTEM_SCOPE\n\
         export OS_AUTH_URL={url}/identity/v3\n\
         export OS_USERNAME=admin\n\
         export OS_PASSWORD={password}\n\
         export OS_PROJECT_NAME=admin\n\
         export OS_USER_DOMAIN_NAME=Default\n\
         export OS_PROJECT_DOMAIN_NAME=Default\n\
         export OS_REGION_NAME=RegionOne\n\
         export OS_IDENTITY_API_VERSION=3\n"
    )
}

fn clouds_yaml(url: &str, admin: &str, demo: &str) -> String {
    let cloud = |name: &str, user: &str, password: &str| {
        format!(
            "  {name}:\n    auth:\n      auth_url: {url}/identity/v3\n      username: {user}\n      password: {password}\n      \
             project_name: {user}\n      user_domain_name: Default\n      project_domain_name: Default\n    \
             region_name: RegionOne\n    identity_api_version: 3\n"
        )
    };
    format!(
        "clouds:\n{}{}",
        cloud("maru", "admin", admin),
        cloud("maru-demo", "demo", demo)
    )
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let _ = std::fs::remove_file(&part);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .with_context(|| format!("{} can't be written", part.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, path).with_context(|| format!("{} can't be written", path.display()))?;
    Ok(())
}
