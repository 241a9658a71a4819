//! Deleting servers.

use model::compute::Server;
use model::compute::server::admission::Operation;
use model::volume::attachment;

use super::super::servers::{find, has_name, nics, volume_name};
use super::offers::refusal;
use crate::outcome::Answer;
use crate::pages::deletion::{self, Victim};
use crate::visit::Visit;

pub(super) fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let server = find(visit, deletion::parsed(id)?)?;
    let path = format!("/compute/v2.1/servers/{}", server.id);
    let mut victim = Victim::new(server.id, &server.name, path);
    if !attachment::of_server(visit.cloud(), server.id).is_empty() {
        victim = victim.tells_of_some();
    }
    for note in notes(visit, &server) {
        victim = victim.note(note);
    }
    Ok(match refusal(visit, &server, Operation::Delete) {
        Some(why) => victim
            .blocked(why)
            .step(format!("/dashboard/servers/{}", server.id), visit.t().server_to_page()),
        None => victim,
    })
}

/// What goes along, and what stays.
pub(super) fn notes(visit: &Visit, server: &Server) -> Vec<String> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let mut notes = Vec::new();
    for each in attachment::of_server(cloud, server.id) {
        let Some(volume) = cloud.volumes.get(&each.volume_id) else {
            continue;
        };
        let name = volume_name(volume);
        notes.push(match (each.delete_on_termination, has_name(volume)) {
            (true, true) => t.server_takes_volume(name),
            (true, false) => t.server_takes_unnamed(name),
            (false, true) => t.server_leaves_volume(name),
            (false, false) => t.server_leaves_unnamed(name),
        });
    }
    for floating in nics(cloud, server).iter().flat_map(|nic| nic.floating.iter()) {
        notes.push(t.server_leaves_floating(floating.floating_ip_address));
    }
    notes
}
