//! Another size for a server, with what each flavor lacks.

use axum::extract::Path;
use maud::html;
use model::ServerId;
use model::compute::schedule::Missing;
use model::compute::server::create::Hosts;
use model::compute::server::resize as rules;
use model::compute::{Flavor, Server, ServerFlavor};
use serde_json::json;

use super::super::servers::{HERE, find};
use crate::form::Fields;
use crate::messages::Text;
use crate::outcome::{Answer, Done};
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

pub(super) async fn ask(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let server = find(&visit, id)?;
    let hosts = visit.control().scheduling();
    let mut flavors: Vec<_> = cloud
        .flavors
        .iter()
        .filter(|flavor| flavor.is_visible_to(visit.actor()))
        .collect();
    flavors.sort_by_key(|flavor| (flavor.vcpus, flavor.memory_mib, flavor.root_gib, flavor.name.clone()));
    let choices: Vec<Choice> = flavors
        .iter()
        .map(|flavor| choice(&visit, &server, flavor, &hosts))
        .collect();
    let at = format!("{HERE}/{id}/resize");
    Ok(visit.form(&t.server_resize_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" data-wide {
            p .form-lead { (t.server_hint_resize()) " " (t.server_resize_restart()) }
            (ui::choices(Field { name: "flavor", label: t.server_new_size(), required: true, ..Field::default() }, false, &choices, &[]))
            (ui::submit(t, t.server_do_resize(), false))
        }
        (ui::command_line(t, &[
            format!("openstack server resize --flavor FLAVOR {id}"),
            format!("openstack server resize confirm {id}"),
        ]))
    }))
}

fn choice(visit: &Visit, server: &Server, flavor: &Flavor, hosts: &Hosts) -> Choice {
    let t = visit.t();
    let size = ServerFlavor::from(flavor);
    let disk = (flavor.root_gib > 0).then(|| ui::gibibytes(t, flavor.root_gib));
    let figures = t.server_figures(flavor.vcpus, ui::mebibytes(t, flavor.memory_mib), disk);
    let lacks = lacks(visit, server, &size, hosts);
    let note = match &lacks {
        Some(reason) => format!("{figures} – {reason}"),
        None => figures,
    };
    Choice::new(&flavor.id, &flavor.name).note(note).out(lacks.is_some())
}

/// Why a server can't have this size, with the figure that is missing.
fn lacks(visit: &Visit, server: &Server, size: &ServerFlavor, hosts: &Hosts) -> Option<String> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let error = rules::check(cloud, server, size, hosts).err()?;
    Some(match error.code {
        "CannotResizeToSameFlavor" => t.server_size_now().to_owned(),
        "CannotResizeDisk" => t.server_disks_grow().to_owned(),
        "FlavorMemoryTooSmall" => t.server_image_needs_memory().to_owned(),
        "FlavorDiskSmallerThanImage" | "FlavorDiskSmallerThanMinDisk" => t.server_image_needs_disk().to_owned(),
        "TooManyInstances" => t.server_quota_lacks().to_owned(),
        "NoValidHost" => {
            let no_host = rules::room(cloud, server, size, hosts).err()?;
            let missing: Vec<String> = no_host
                .hosts
                .iter()
                .flat_map(|(_, missing)| missing)
                .map(|each| missing_words(t, each))
                .collect();
            if missing.is_empty() {
                t.server_no_host().to_owned()
            } else {
                missing.join(", ")
            }
        }
        _ => error.message,
    })
}

/// What a host lacks.
fn missing_words(t: Text, missing: &Missing) -> String {
    match missing {
        Missing::Vcpus { asked, free } => t.server_lacks_vcpus(asked, free),
        Missing::Memory { asked, free } => t.server_lacks_memory(ui::mebibytes(t, *asked), ui::mebibytes(t, *free)),
        Missing::Disk { asked, free } => t.server_lacks_disk(ui::gibibytes(t, *asked), ui::gibibytes(t, *free)),
        Missing::Down | Missing::Zone { .. } | Missing::OtherHost(_) | Missing::Affinity | Missing::AntiAffinity => {
            t.server_no_host().to_owned()
        }
    }
}

pub(super) async fn resize(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let body = json!({"resize": {"flavorRef": fields.plain("flavor")}});
    visit.post(&format!("/compute/v2.1/servers/{id}/action"), body).await?;
    Ok(Done::saying(visit.t().server_resize_asked()))
}
