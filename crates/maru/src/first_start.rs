//! What a new cloud holds, and the files that let its users in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use control::Control;
use control::images::ImageStore;
use control::password::Password;
use model::bootstrap;
use model::{Actor, Scope, Tx};
use serde_json::{Map, Value, json};

use crate::client::entry;
use crate::settings::Settings;
use crate::state_dir::{StateDir, random_hex, write_private};

/// Where an installation keeps its guest image.
const INSTALLED_IMAGES: [&str; 2] = ["/usr/local/share/maru/tiny.qcow2", "/usr/share/maru/tiny.qcow2"];
/// Says that the first image was dealt with; it is never made twice, even when somebody deleted it.
const IMAGE_DONE: &str = "first-image";
/// Memory below which the guest's kernel does not come up, MiB.
const IMAGE_MIN_RAM: u64 = 96;

/// Fills an empty cloud; one that holds anything is left as it is.
///
/// The files with the password are written before the password counts: a crash between the two makes new ones at the
/// next start, and never leaves a cloud that nobody can enter.
pub async fn prepare(
    control: &Control,
    images: &ImageStore,
    state: &StateDir,
    settings: &Settings,
    ca_file: Option<&Path>,
) -> anyhow::Result<()> {
    if control.cloud().domains.is_empty() {
        fill(control, state, settings, ca_file)
            .await
            .context("the new cloud can't be filled")?;
        tracing::info!("A new cloud: log in with {}", state.join("openrc").display());
    } else {
        renew_files(state, settings, ca_file)?;
    }
    control.transact(bootstrap::volumes).await?;
    control.transact(bootstrap::security_groups).await?;
    let quotas = settings.network_quotas.0.iter();
    let quotas = quotas.map(|quota| (quota.resource.to_owned(), quota.limit)).collect();
    let set = move |tx: &mut Tx<'_>| {
        model::network::quota::set_defaults(tx, &quotas);
        Ok(())
    };
    control.transact(set).await?;
    loop {
        let host = control.host_id().clone();
        let start = move |tx: &mut Tx<'_>| Ok(bootstrap::agents_and_segments(tx, &host));
        if !control.transact(start).await? {
            break;
        }
    }
    if !state.join(IMAGE_DONE).exists() {
        add_image(control, images, settings).await;
        write_private(&state.join(IMAGE_DONE), "")?;
    }
    Ok(())
}

/// Writes the users' files anew when the cloud is reached another way than before; the passwords stay.
fn renew_files(state: &StateDir, settings: &Settings, ca_file: Option<&Path>) -> anyhow::Result<()> {
    let path = state.join("clouds.yaml");
    // A file that somebody removed or wrote anew is theirs.
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(());
    };
    let (Some(admin), Some(demo)) = (entry(&text, "maru"), entry(&text, "maru-demo")) else {
        return Ok(());
    };
    let url = settings.url();
    let ca_file = ca_file.map(|path| path.display().to_string());
    if admin.auth_url == format!("{url}/identity/v3") && admin.ca_file == ca_file {
        return Ok(());
    }
    let door = Door {
        url: &url,
        region: &settings.region.0,
        ca_file: ca_file.as_deref(),
    };
    tracing::info!(
        "The cloud is at {url} now: {} and openrc are written anew",
        path.display()
    );
    write_private(&state.join("openrc"), &openrc(&door, "admin", &admin.password))?;
    write_private(&path, &clouds_yaml(&door, &admin.password, &demo.password))
}

async fn fill(control: &Control, state: &StateDir, settings: &Settings, ca_file: Option<&Path>) -> anyhow::Result<()> {
    let (admin, demo) = (random_hex(), random_hex());
    let (url, ca_file) = (settings.url(), ca_file.map(|path| path.display().to_string()));
    let door = Door {
        url: &url,
        region: &settings.region.0,
        ca_file: ca_file.as_deref(),
    };
    write_private(&state.join("openrc"), &openrc(&door, "admin", &admin))?;
    write_private(&state.join("clouds.yaml"), &clouds_yaml(&door, &admin, &demo))?;
    let admin_hash = control.hash_password(Password::new(admin)).await?;
    let demo_hash = control.hash_password(Password::new(demo)).await?;
    let networks = networks(settings);
    control
        .transact(move |tx| {
            let passwords = bootstrap::identity::FirstPasswords { admin_hash, demo_hash };
            let identity = bootstrap::identity(tx, passwords)?;
            bootstrap::flavors(tx)?;
            bootstrap::network(tx, &identity, &networks)?;
            Ok(())
        })
        .await?;
    Ok(())
}

fn networks(settings: &Settings) -> bootstrap::network::Settings {
    bootstrap::network::Settings {
        public_v4: settings.provider_cidr,
        public_gateway_v4: settings.provider_gateway,
        public_v6: settings.provider_cidr6.0.zip(settings.provider_gateway6.0),
        public_mtu: settings.provider_mtu,
        ..bootstrap::network::Settings::default()
    }
}

/// Registers the guest image, if there is one. A cloud without it is as good; so a failure is told and no more.
async fn add_image(control: &Control, images: &ImageStore, settings: &Settings) {
    let configured = Some(&settings.image.0)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let installed = || INSTALLED_IMAGES.iter().map(PathBuf::from).find(|path| path.exists());
    let Some(path) = configured.or_else(installed) else {
        tracing::info!("No guest image is installed: the cloud starts without one");
        return;
    };
    let outcome = match administrator(control) {
        Some(actor) => import(images, actor, &path).await,
        None => Err(anyhow::anyhow!("there is no user 'admin' in a project 'admin'")),
    };
    match outcome {
        Ok(()) => tracing::info!("Image 'tiny' was made from {}", path.display()),
        Err(error) => tracing::warn!("Image 'tiny' can't be made from {}: {error:#}", path.display()),
    }
}

async fn import(images: &ImageStore, actor: Actor, path: &Path) -> anyhow::Result<()> {
    let body = json!({
        "name": "tiny", "disk_format": crate::image::detect(path)?, "container_format": "bare", "visibility": "public",
        "min_ram": IMAGE_MIN_RAM, "os_distro": "debian", "os_admin_user": "cirros",
    });
    let body: Map<String, Value> = serde_json::from_value(body)?;
    images.import_file(actor, body, path).await?;
    Ok(())
}

/// The administrator in project `admin`, for what the program itself does.
fn administrator(control: &Control) -> Option<Actor> {
    let cloud = control.cloud();
    let key = ("default".into(), "admin".to_owned());
    let project_id = cloud.lookups.projects_by_name.first(&key)?.clone();
    Some(Actor {
        user_id: cloud.lookups.users_by_name.first(&key)?.clone(),
        user_domain_id: "default".into(),
        scope: Scope::Project {
            id: project_id,
            domain_id: "default".into(),
        },
        roles: BTreeSet::from(["admin", "manager", "member", "reader"].map(str::to_owned)),
    })
}

/// How clients reach the cloud.
pub struct Door<'a> {
    /// The URL, without a slash at its end.
    pub url: &'a str,
    /// The region.
    pub region: &'a str,
    /// The authority that signed its certificate, unless clients know it.
    pub ca_file: Option<&'a str>,
}

/// A shell script that makes the `openstack` client a user of this cloud.
pub fn openrc(door: &Door<'_>, user: &str, password: &str) -> String {
    let Door { url, region, ca_file } = door;
    let ca = match ca_file {
        Some(path) => format!("export OS_CACERT='{path}'\n"),
        None => "unset OS_CACERT\n".to_owned(),
    };
    format!(
        "# . this file, and the openstack client is user '{user}' of project '{user}'.\n\
         unset OS_CLOUD OS_TOKEN OS_SYSTEM_SCOPE OS_PROJECT_ID OS_USER_ID\n\
         export OS_AUTH_URL={url}/identity/v3\n\
         export OS_USERNAME={user}\n\
         export OS_PASSWORD={password}\n\
         export OS_PROJECT_NAME={user}\n\
         export OS_USER_DOMAIN_NAME=Default\n\
         export OS_PROJECT_DOMAIN_NAME=Default\n\
         export OS_REGION_NAME={region}\n\
         export OS_IDENTITY_API_VERSION=3\n{ca}"
    )
}

/// The clouds `maru` (the administrator) and `maru-demo` (the user `demo`) for openstackclient, SDK and Terraform.
pub fn clouds_yaml(door: &Door<'_>, admin: &str, demo: &str) -> String {
    let Door { url, region, ca_file } = door;
    let ca = ca_file.map_or_else(String::new, |path| format!("    cacert: {path}\n"));
    let cloud = |name: &str, user: &str, password: &str| {
        format!(
            "  {name}:\n    auth:\n      auth_url: {url}/identity/v3\n      username: {user}\n      password: {password}\n      \
             project_name: {user}\n      user_domain_name: Default\n      project_domain_name: Default\n    \
             region_name: {region}\n    identity_api_version: 3\n{ca}"
        )
    };
    format!(
        "clouds:\n{}{}",
        cloud("maru", "admin", admin),
        cloud("maru-demo", "demo", demo)
    )
}
