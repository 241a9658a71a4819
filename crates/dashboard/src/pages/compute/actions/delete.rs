//! Deleting servers.

use model::compute::Server;
use model::volume::attachment;

use super::super::servers::{find, nics, volume_name};
use crate::outcome::Answer;
use crate::pages::deletion::{self, Victim};
use crate::visit::Visit;

pub(super) fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let server = find(visit, deletion::parsed(id)?)?;
    let path = format!("/compute/v2.1/servers/{}", server.id);
    Ok(Victim::new(server.id, &server.name, path).note(note(visit, &server)))
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
