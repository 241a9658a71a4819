//! Who is in a security group.

use maud::{Markup, html};
use model::network::{Resource, SecurityGroup};

use crate::pages::network::{networks, ports};
use crate::visit::Visit;

/// Members on a group's page; of more there is the command line.
const SHOWN: usize = 100;

/// The ports in a group, and what is plugged into them.
pub(super) fn card(visit: &Visit, group: &SecurityGroup) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = cloud
        .lookups
        .ports_by_group
        .of(&group.id)
        .filter_map(|id| cloud.ports.get(id));
    let members: Vec<_> = ids.filter(|port| port.visible_to(cloud, visit.actor())).collect();
    html! {
        section .card #members {
            h2 { (t.sg_members()) " " span .muted { (members.len()) } }
            @if members.is_empty() { p .muted { (t.sg_members_none()) } } @else {
                div .table-scroll { table {
                    thead { tr { th { (t.port_of()) } th { (t.port()) } th { (t.port_addresses()) } th { (t.network()) } } }
                    tbody {
                        @for port in members.iter().take(SHOWN) {
                            tr {
                                td { (ports::user(visit, port)) }
                                td { a href=(format!("/dashboard/ports/{}", port.id)) { (ports::short_name(port)) } }
                                td { div .stack { @for fixed in &port.fixed_ips { code { (fixed.ip_address) } } } }
                                td { @if let Some(network) = cloud.networks.get(&port.network_id) { (networks::link(t, network)) } }
                            }
                        }
                    }
                } }
                @if members.len() > SHOWN { p .muted { (t.sg_members_more(members.len() - SHOWN)) } }
            }
        }
    }
}
