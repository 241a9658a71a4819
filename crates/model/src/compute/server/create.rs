//! Making servers: everything that can be known at once is checked at once and nothing half-made stays; only "no host has
//! room" becomes a server in ERROR, as Nova has it, with what was missing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::{Fault, PowerState, Server, ServerFlavor, TaskState, VmState, boot_image, name, port};
use crate::compute::schedule::{self, Candidate, Policy};
use crate::compute::{ActionLog, Flavor, KeypairId, aggregate, flavor, host_service, quota};
use crate::host::{DesiredPower, HostFacts};
use crate::plan::Settings;
use crate::{Actor, Cloud, Error, ErrorKind, FlavorId, HostId, ImageId, NetworkId, PortId, ProjectId, Result, Tx};

/// Hosts as they are when a request comes.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// What each says of itself.
    pub facts: Vec<Arc<HostFacts>>,
    /// The zone they are in.
    pub zone: String,
    /// How far they may be over-committed.
    pub policy: Policy,
}

impl Hosts {
    /// The one host there is, as it reports.
    pub fn of_report(cloud: &Cloud, facts: &Arc<HostFacts>, settings: &Settings) -> Self {
        let said = host_service::of(cloud, &facts.host);
        Self {
            // One that takes no new servers is not there for the scheduler.
            facts: if said.disabled || said.forced_down {
                vec![]
            } else {
                vec![facts.clone()]
            },
            zone: aggregate::zone_of(cloud, &facts.host, &settings.availability_zone),
            policy: settings.scheduling,
        }
    }

    /// As the scheduler sees them, with what their servers take.
    pub fn candidates(&self, cloud: &Cloud) -> Vec<Candidate> {
        self.facts
            .iter()
            .map(|facts| Candidate::new(cloud, facts, &self.zone))
            .collect()
    }

    /// Whether there is one of this name.
    pub fn has(&self, host: &HostId) -> bool {
        self.facts.iter().any(|facts| facts.host == *host)
    }
}

/// What new servers are asked to be; ids are not looked up yet.
#[derive(Debug, Clone)]
pub struct NewServers {
    /// Their name; several get `-1`, `-2` … behind it.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Their host name, when it is not to be made from the name.
    pub hostname: Option<String>,
    /// The flavor.
    pub flavor_id: FlavorId,
    /// The image; `None` when it boots from a volume.
    pub image_id: Option<ImageId>,
    /// Volumes that it has from the beginning.
    pub disks: Vec<super::disks::NewDisk>,
    /// NICs.
    pub networks: Networks,
    /// Names or ids of the groups of ports made for them; the project's default group when empty.
    pub security_groups: BTreeSet<String>,
    /// The caller's key pair.
    pub key_name: Option<String>,
    /// Key/value metadata.
    pub metadata: BTreeMap<String, String>,
    /// Labels.
    pub tags: BTreeSet<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// Path and base64 content, with the content's decoded length.
    pub personality: Vec<(String, String, usize)>,
    /// Attach a config drive.
    pub config_drive: bool,
    /// The administrator's password inside.
    pub admin_pass: String,
    /// `AUTO` or `MANUAL`.
    pub disk_config: String,
    /// `accessIPv4`.
    pub access_ipv4: Option<Ipv4Addr>,
    /// `accessIPv6`.
    pub access_ipv6: Option<Ipv6Addr>,
    /// The zone asked for.
    pub zone: Option<String>,
    /// The host asked for.
    pub host: Option<HostId>,
    /// Hints for the scheduler, as given.
    pub hints: serde_json::Map<String, serde_json::Value>,
    /// At least so many.
    pub min_count: u64,
    /// At most so many.
    pub max_count: u64,
    /// For the action log.
    pub request_id: uuid::Uuid,
}

/// Which NICs new servers get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Networks {
    /// Nothing was said (below 2.37): the only network there is, or none.
    Unspecified,
    /// The only network there is, or the project's auto-allocated one.
    Auto,
    /// None.
    None,
    /// These, in order.
    Listed(Vec<NicWish>),
}

/// One NIC asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NicWish {
    /// A port made on this network.
    Network {
        /// The network.
        id: NetworkId,
        /// Its address.
        fixed_ip: Option<IpAddr>,
        /// Device tag.
        tag: Option<String>,
    },
    /// A port that is there.
    Port {
        /// The port.
        id: PortId,
        /// Device tag.
        tag: Option<String>,
    },
}

/// What all servers of one request share, looked up.
struct Plan {
    project_id: ProjectId,
    flavor: ServerFlavor,
    boot: boot_image::BootImage,
    key: Option<(String, String)>,
    nics: Vec<NicWish>,
    groups: BTreeSet<crate::SecurityGroupId>,
    affinity: super::hints::Affinity,
    reservation_id: String,
}

/// Makes servers; at least one, all with the same reservation id.
///
/// # Errors
/// Whatever of the request can't be: unknown ids, quotas, sizes, networks, addresses. Nothing is made then.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, new: &NewServers, hosts: &Hosts) -> Result<Vec<Arc<Server>>> {
    let expanded = super::volume_image::expand(tx.cloud(), actor, new)?;
    let new = expanded.as_ref().unwrap_or(new);
    let plan = look_up(tx, actor, new, hosts)?;
    let (min, max) = (new.min_count, new.max_count);
    let count = quota::allowed_servers(tx.cloud(), &plan.project_id, &plan.flavor, min, max)?;
    let mut servers = Vec::new();
    for index in 0..count {
        servers.push(create_one(tx, actor, new, &plan, hosts, index, max > 1)?);
    }
    Ok(servers)
}

fn look_up(tx: &mut Tx<'_>, actor: &Actor, new: &NewServers, hosts: &Hosts) -> Result<Plan> {
    let project_id = actor
        .project_id()
        .ok_or_else(|| Error::forbidden("Forbidden", "A server needs a project: use a token scoped to one."))?
        .clone();
    let cloud = tx.cloud();
    let flavor = flavor::get_visible(cloud, actor, &new.flavor_id).map_err(as_bad_request)?;
    let flavor = ServerFlavor::from(&*flavor);
    let boot = super::disks::look_up_boot(cloud, actor, new, &flavor)?;
    let key = new
        .key_name
        .as_ref()
        .map(|name| look_up_key(cloud, actor, name))
        .transpose()?;
    quota::check_metadata_items(cloud, &project_id, new.metadata.len())?;
    let files: Vec<_> = new
        .personality
        .iter()
        .map(|(path, _, length)| (path.clone(), *length))
        .collect();
    quota::check_injected_files(cloud, &project_id, &files)?;
    if let Some(host) = new.host.as_ref().filter(|host| !hosts.has(host)) {
        return Err(Error::invalid(
            "ComputeHostNotFound",
            format!("Compute host {host} could not be found."),
        ));
    }
    if new.hostname.is_some() && new.max_count > 1 {
        return Err(Error::invalid(
            "AmbiguousHostnameForMultipleInstances",
            "Unable to allocate a single hostname to multiple instances",
        ));
    }
    let groups = port::security_groups(cloud, &project_id, &new.security_groups)?;
    let nics = port::resolve(tx, actor, &project_id, &new.networks, new.max_count)?;
    let affinity = super::hints::look_up(tx.cloud(), &project_id, &new.hints)?;
    let reservation_id = reservation_id(tx.random_bytes());
    Ok(Plan {
        project_id,
        flavor,
        boot,
        key,
        nics,
        groups,
        affinity,
        reservation_id,
    })
}

/// What is not found because of a body is the body's fault (400).
pub(super) fn as_bad_request(error: Error) -> Error {
    match error.kind {
        ErrorKind::NotFound => Error {
            kind: ErrorKind::Invalid,
            ..error
        },
        _ => error,
    }
}

pub(super) fn look_up_key(cloud: &Cloud, actor: &Actor, name: &str) -> Result<(String, String)> {
    cloud
        .keypairs
        .get(&KeypairId(actor.user_id.clone(), name.to_owned()))
        .map(|keypair| (keypair.name.clone(), keypair.public_key.clone()))
        .ok_or_else(|| Error::invalid("KeypairNotFound", "Invalid key_name provided."))
}

/// EC2's form: `r-` and eight letters or digits.
fn reservation_id(random: [u8; 16]) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let text = random[..8]
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % 36]));
    format!("r-{}", text.collect::<String>())
}

fn create_one(
    tx: &mut Tx<'_>,
    actor: &Actor,
    new: &NewServers,
    plan: &Plan,
    hosts: &Hosts,
    index: u64,
    is_one_of_many: bool,
) -> Result<Arc<Server>> {
    let now = tx.now();
    let mut server = draft(tx, actor, new, plan);
    server.launch_index = u32::try_from(index).unwrap_or(u32::MAX);
    if is_one_of_many {
        server.name = format!("{}-{}", new.name, index + 1);
    }
    server.hostname = new
        .hostname
        .clone()
        .unwrap_or_else(|| name::hostname_of(&server.name, server.id));
    let request = schedule::Request {
        claim: schedule::Claim::of_new(&plan.flavor, plan.boot.image.as_ref().map(|image| image.virtual_size)),
        zone: new.zone.clone(),
        host: new.host.clone(),
        same_hosts: plan.affinity.same_hosts(tx.cloud()),
        different_hosts: plan.affinity.different_hosts(tx.cloud()),
        preferred_hosts: plan.affinity.preferred_hosts(tx.cloud()),
        avoided_hosts: plan.affinity.avoided_hosts(tx.cloud()),
    };
    match schedule::choose(&hosts.candidates(tx.cloud()), &hosts.policy, &request) {
        Ok(host) => server.host = Some(host),
        Err(no_host) => {
            server.vm_state = VmState::Error;
            server.task_state = None;
            server.fault = Some(Fault {
                code: 500,
                message: no_host.message(),
                details: no_host.details(),
                created: now,
            });
        }
    }
    if server.host.is_some() {
        let plug = port::Plug {
            groups: &plan.groups,
            zone: &hosts.zone,
        };
        for nic in &plan.nics {
            port::attach(tx, actor, &mut server, nic, &plug)?;
        }
        super::disks::attach(tx, actor, &server, new, &hosts.zone)?;
    }
    ActionLog::new("create", new.request_id).record(tx, actor, &server);
    Ok(tx.put(server))
}

/// The server before it has a host.
fn draft(tx: &mut Tx<'_>, actor: &Actor, new: &NewServers, plan: &Plan) -> Server {
    let now = tx.now();
    let boot_image::BootImage {
        image,
        kernel,
        ramdisk,
        kernel_arguments,
        properties,
    } = plan.boot.clone();
    let mut seed = Vec::with_capacity(64);
    for _ in 0..4 {
        seed.extend_from_slice(&tx.random_bytes());
    }
    Server {
        id: tx.new_id(),
        name: new.name.clone(),
        hostname: String::new(),
        description: new.description.clone(),
        project_id: plan.project_id.clone(),
        user_id: actor.user_id.clone(),
        flavor: plan.flavor.clone(),
        image_id: image.as_ref().map(|image| image.id),
        image_properties: properties,
        image,
        kernel,
        ramdisk,
        kernel_arguments,
        key: plan.key.clone(),
        user_data: new.user_data.clone(),
        metadata: new.metadata.clone(),
        tags: new.tags.clone(),
        personality: new
            .personality
            .iter()
            .map(|(path, content, _)| (path.clone(), content.clone()))
            .collect(),
        config_drive: new.config_drive,
        admin_pass: Some(new.admin_pass.clone()),
        guest_password: None,
        requested_zone: new.zone.clone(),
        scheduler_hints: new.hints.clone(),
        group_id: plan.affinity.group_id,
        host: None,
        ports: Vec::new(),
        nic_tags: BTreeMap::new(),
        launch_index: 0,
        reservation_id: plan.reservation_id.clone(),
        random_seed: name::base64(&seed),
        disk_config: new.disk_config.clone(),
        access_ipv4: new.access_ipv4,
        access_ipv6: new.access_ipv6,
        vm_state: VmState::Building,
        task_state: Some(TaskState::Scheduling),
        power_state: PowerState::NoState,
        desired: DesiredPower::On,
        hard_reboots: 0,
        soft_reboots: 0,
        works: super::works::Works::default(),
        progress: 0,
        locked: None,
        fault: None,
        created_at: now,
        updated_at: now,
        launched_at: None,
        terminated_at: None,
    }
}

impl From<&Flavor> for ServerFlavor {
    fn from(flavor: &Flavor) -> Self {
        Self {
            id: flavor.id.clone(),
            name: flavor.name.clone(),
            vcpus: flavor.vcpus,
            memory_mib: flavor.memory_mib,
            root_gib: flavor.root_gib,
            ephemeral_gib: flavor.ephemeral_gib,
            swap_mib: flavor.swap_mib,
            extra_specs: flavor.extra_specs.clone(),
        }
    }
}
