//! The list of what once were extensions; since microversions it never changes. Only what is here is listed.

use axum::extract::Path;
use model::Error;
use serde_json::{Value, json};

use crate::context::Ctx;
use crate::reply::{Reply, json as reply};

/// Name, alias, description.
const EXTENSIONS: &[(&str, &str, &str)] = &[
    ("AccessIPs", "os-access-ips", "Access IPs support."),
    (
        "AvailabilityZone",
        "os-availability-zone",
        "Availability zones: list them, and choose one for a server.",
    ),
    (
        "BlockDeviceMapping",
        "os-block-device-mapping",
        "The boot disk of a new server, made from an image.",
    ),
    (
        "ConfigDrive",
        "os-config-drive",
        "A drive that tells a server about itself.",
    ),
    (
        "ConsoleOutput",
        "os-console-output",
        "What a server wrote to its console.",
    ),
    (
        "Consoles",
        "os-consoles",
        "A server's screen and serial port, to be used by hand.",
    ),
    (
        "CreateServerExt",
        "os-create-server-ext",
        "Networks, user data and files of a new server.",
    ),
    ("DiskConfig", "OS-DCF", "Whether the guest grows its disk."),
    (
        "ExtendedAvailabilityZone",
        "OS-EXT-AZ",
        "The availability zone of a server.",
    ),
    ("ExtendedIps", "OS-EXT-IPS", "Whether an address is fixed or floating."),
    ("ExtendedIpsMac", "OS-EXT-IPS-MAC", "The MAC of an address."),
    (
        "ExtendedServerAttributes",
        "OS-EXT-SRV-ATTR",
        "Host, name on the host and the like, for administrators.",
    ),
    (
        "ExtendedStatus",
        "OS-EXT-STS",
        "vm_state, task_state and power_state of a server.",
    ),
    (
        "FlavorAccess",
        "os-flavor-access",
        "Which projects may use a flavor that is not public.",
    ),
    ("FlavorExtraData", "OS-FLV-EXT-DATA", "Ephemeral disk of a flavor."),
    ("FlavorExtraSpecs", "os-flavor-extra-specs", "Extra specs of a flavor."),
    ("FlavorManage", "os-flavor-manage", "Making and deleting flavors."),
    ("FlavorRxtx", "os-flavor-rxtx", "The rxtx_factor of a flavor."),
    ("Hosts", "os-hosts", "The hosts, and what is used of them by whom."),
    ("Hypervisors", "os-hypervisors", "The hosts with their figures."),
    (
        "InstanceActions",
        "os-instance-actions",
        "The log of what was asked of a server.",
    ),
    (
        "Interfaces",
        "os-attach-interfaces",
        "Adding and removing a server's NICs.",
    ),
    ("Keypairs", "os-keypairs", "Key pairs."),
    ("LockServer", "os-lock-server", "Locking a server against changes."),
    (
        "MultipleCreate",
        "os-multiple-create",
        "Several servers in one request.",
    ),
    ("PauseServer", "os-pause-server", "Pausing a server."),
    ("Personality", "os-personality", "Files put into a new server."),
    ("Quotas", "os-quota-sets", "Limits of projects."),
    ("SchedulerHints", "os-scheduler-hints", "Hints for the scheduler."),
    ("SecurityGroups", "os-security-groups", "Security groups of a server."),
    (
        "ServerGroups",
        "os-server-groups",
        "Affinity and anti-affinity of servers.",
    ),
    (
        "ServerStartStop",
        "os-server-start-stop",
        "Starting and stopping a server.",
    ),
    ("ServerUsage", "OS-SRV-USG", "When a server was started and ended."),
    ("Services", "os-services", "The services of this cloud."),
    ("SimpleTenantUsage", "os-simple-tenant-usage", "What a project used."),
    (
        "RemoteConsoles",
        "os-remote-consoles",
        "URLs at which a server's consoles open.",
    ),
    ("SuspendServer", "os-suspend-server", "Suspending a server."),
    ("UsedLimits", "os-used-limits", "What is used of a limit."),
    ("UserData", "os-user-data", "User data of a new server."),
    ("Volumes", "os-volumes", "Volumes, as Nova passed them on."),
];

fn view((name, alias, description): &(&str, &str, &str)) -> Value {
    json!({
        "name": name,
        "alias": alias,
        "description": description,
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
        "links": [],
    })
}

/// `GET /extensions`.
pub(super) async fn list(_ctx: Ctx) -> Reply {
    let extensions: Vec<Value> = EXTENSIONS.iter().map(view).collect();
    reply(&json!({"extensions": extensions}))
}

/// `GET /extensions/{alias}`.
pub(super) async fn show(_ctx: Ctx, Path(wanted): Path<String>) -> Reply {
    let found = EXTENSIONS.iter().find(|(_, alias, _)| *alias == wanted);
    let Some(extension) = found else {
        return Err(Error::not_found("HTTPNotFound", "The resource could not be found.").into());
    };
    reply(&json!({"extension": view(extension)}))
}
