//! Where a server lives on the host.

use maud::{Markup, html};
use model::compute::Server;
use model::volume::attachment;

use super::nics;
use crate::ui::{self, fact};
use crate::visit::Visit;

/// The panel: devices for everybody, the process and its files for who administers the host.
pub(super) fn panel(visit: &Visit, server: &Server) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let nics = nics(cloud, server);
    let taps: Vec<_> = nics
        .iter()
        .map(|nic| {
            (
                format!("tap{}", nic.port.id.short()),
                format!("qdhcp-{}", nic.port.network_id),
            )
        })
        .collect();
    let mut commands = Vec::new();
    if visit.is_admin() {
        commands.push(format!("sudo pgrep -af -- '-uuid {}'", server.id));
        commands.push(format!("sudo ls -l {}", directory(visit, server)));
        commands.push(format!("sudo cat /sys/fs/cgroup/maru-*/{}/memory.current", server.id));
    }
    for (tap, namespace) in &taps {
        commands.push(visit.in_namespace(namespace, &format!("ip -s link show {tap}")));
        commands.push(visit.in_namespace(namespace, &format!("tcpdump -ni {tap}")));
    }
    let directory = directory(visit, server);
    let rows = html! {
        @for (tap, namespace) in &taps {
            (fact(t.host_device(), ui::copyable(t, tap)))
            (fact(t.host_namespace(), ui::copyable(t, namespace)))
        }
        @if visit.is_admin() {
            (fact(t.server_host_process(), ui::copyable(t, &format!("qemu-system-x86_64 … -uuid {}", server.id))))
            (fact(t.server_host_cgroup(), ui::copyable(t, &format!("/sys/fs/cgroup/maru-*/{}", server.id))))
            (fact(t.server_host_directory(), ui::copyable(t, &directory)))
            (fact(t.server_host_disk(), html! { div .stack {
                @if server.image_id.is_some() { (ui::copyable(t, &format!("{directory}/root.qcow2"))) }
                @for each in attachment::of_server(cloud, server.id) { (ui::copyable(t, &volume_file(visit, each.volume_id))) }
            } }))
            (fact(t.server_host_sockets(), html! { div .stack {
                @for name in ["run/monitor.sock", "run/console.sock", "run/vnc.sock", "console.log"] {
                    (ui::copyable(t, &format!("{directory}/{name}")))
                }
            } }))
        }
    };
    ui::on_host(t, rows, &commands)
}

/// `servers/<id>` beside the volumes, in the state directory.
fn directory(visit: &Visit, server: &Server) -> String {
    let volumes = &visit.control().plan_settings().volume_dir;
    let state = volumes.parent().unwrap_or(volumes);
    state.join("servers").join(server.id.to_string()).display().to_string()
}

fn volume_file(visit: &Visit, id: model::VolumeId) -> String {
    let volumes = &visit.control().plan_settings().volume_dir;
    volumes.join(format!("{id}.raw")).display().to_string()
}
