//! How much of the quotas that one meets first is used.

use maud::{Markup, html};
use model::compute::quota as compute;
use model::network::quota as network;
use model::volume::quota as volume;
use model::{ProjectId, quota};

use crate::messages::Text;
use crate::ui;
use crate::visit::Visit;

/// A quota, by name, and what it counts.
struct Ring {
    name: &'static str,
    used: u64,
    limit: Option<u64>,
    unit: fn(Text, u64) -> String,
}

pub(super) fn card(visit: &Visit) -> Markup {
    let t = visit.t();
    html! {
        section .card #quotas {
            header .card-head {
                h2 { (t.overview_quotas()) }
                @if visit.is_admin() {
                    a href=(format!("/dashboard/admin/projects/{}#quotas", visit.project_id())) { (t.overview_quotas_change()) }
                }
            }
            div .rings {
                @for ring in rings(visit, visit.project_id()) {
                    (ui::usage_ring(t, ring.name, ring.used, ring.limit, ring.unit))
                }
            }
        }
    }
}

fn rings(visit: &Visit, project: &ProjectId) -> Vec<Ring> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let servers = compute::Usage::of_project(cloud, project);
    let volumes = volume::Usage::of_project(cloud, project, None);
    let ring = |name: &'static str, resource: &str, used: u64, unit: fn(Text, u64) -> String| Ring {
        name,
        used,
        // Below zero: none.
        limit: u64::try_from(quota::limit(cloud, project, resource)).ok(),
        unit,
    };
    let counted =
        |name: &'static str, resource: &str| ring(name, resource, network::used(cloud, project, resource), ui::count);
    vec![
        ring(t.nav_servers(), "instances", servers.instances, ui::count),
        ring(t.server_processors(), "cores", servers.cores, ui::count),
        ring(t.overview_memory(), "ram", servers.ram_mib, ui::mebibytes),
        ring(t.nav_volumes(), "volumes", volumes.volumes, ui::count),
        ring(
            t.overview_volume_storage(),
            "gigabytes",
            volumes.gigabytes,
            ui::gibibytes,
        ),
        ring(t.nav_snapshots(), "snapshots", volumes.snapshots, ui::count),
        counted(t.nav_networks(), "network"),
        counted(t.nav_routers(), "router"),
        counted(t.nav_floating_ips(), "floatingip"),
        counted(t.nav_security_groups(), "security_group"),
    ]
}
