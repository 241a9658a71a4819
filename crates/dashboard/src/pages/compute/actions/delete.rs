//! Deleting servers.

use model::compute::Server;
use model::volume::attachment;

use super::super::servers::{HERE, find, nics, volume_name};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::deletion::{self, Victim};
use crate::visit::Visit;

fn victims(visit: &Visit, fields: &Fields) -> Result<Vec<Victim>, Problem> {
    let ids = fields.all("id");
    ids.map(|id| {
        let server = find(visit, id.parse().map_err(|_| Problem::in_form(id))?)?;
        Ok(Victim {
            id: id.to_owned(),
            name: server.name.clone(),
            note: note(visit, &server),
            path: format!("/compute/v2.1/servers/{id}"),
        })
    })
    .collect()
}

/// What goes along, and what stays.
fn note(visit: &Visit, server: &Server) -> String {
    let (t, cloud) = (visit.t(), visit.cloud());
    let mut notes = Vec::new();
    for each in attachment::of_server(cloud, server.id) {
        let Some(volume) = cloud.volumes.get(&each.volume_id) else {
            continue;
        };
        let name = volume_name(volume);
        notes.push(if each.delete_on_termination {
            t.server_takes_volume(name)
        } else {
            t.server_leaves_volume(name)
        });
    }
    for floating in nics(cloud, server).iter().flat_map(|nic| nic.floating.iter()) {
        notes.push(t.server_leaves_floating(floating.floating_ip_address));
    }
    notes.join(" ")
}

pub(super) async fn ask(visit: Visit, fields: Fields) -> Answer<Page> {
    Ok(deletion::ask(
        &visit,
        &format!("{HERE}/delete"),
        &victims(&visit, &fields)?,
    ))
}

pub(super) async fn delete(visit: Visit, fields: Fields) -> Answer<Done> {
    deletion::run(&visit, &victims(&visit, &fields)?, Some(HERE)).await
}
