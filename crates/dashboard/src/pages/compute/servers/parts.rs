//! Parts of a server's page: its NICs, volumes, security groups and labels.

use maud::{Markup, html};
use model::compute::Server;
use model::host::Direction;
use model::network::{Network, SecurityGroup, SecurityGroupRule};
use model::volume::{Volume, attachment};
use model::{Cloud, SecurityGroupId};

use super::{HERE, Nic, may_change};
use crate::messages::Text;
use crate::pages::network::networks;
use crate::pages::network::security_groups::words;
use crate::ui::{self, Mood, badge, icon, tag};
use crate::visit::Visit;

/// Rules that are shown of a group.
const RULES_SHOWN: usize = 6;

/// A card with an action in its head.
fn card(title: &str, action: Markup, body: Markup) -> Markup {
    html! { section .card { div .card-head { h2 { (title) } div .page-actions { (action) } } (body) } }
}

fn small_action(address: &str, symbol: &str, words: &str) -> Markup {
    ui::dialog_link(address, "button small", html! { (icon(symbol)) (words) })
}

/// Its NICs with their addresses.
pub(super) fn nics(visit: &Visit, server: &Server) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let nics = super::nics(cloud, server);
    let at = |what: &str| format!("{HERE}/{}/{what}", server.id);
    let is_mine = may_change(visit);
    let action = html! {
        @if is_mine {
            (small_action(&format!("/dashboard/floating-ips/associate?server={}", server.id), "globe", t.server_do_associate()))
            (small_action(&at("interfaces/attach"), "plug", t.server_do_attach_nic()))
        }
    };
    card(
        t.server_nics(),
        action,
        html! {
            @if nics.is_empty() { p .muted { (t.server_nics_none()) } } @else {
                div .table-scroll { table {
                    thead { tr {
                        th scope="col" { (t.network()) } th scope="col" { (t.server_fixed()) } th scope="col" { (t.server_floating()) }
                        th scope="col" { "MAC" } th scope="col" { (t.port()) } th { span .sr { (t.actions()) } }
                    } }
                    tbody { @for nic in &nics { (nic_row(visit, server, nic)) } }
                } }
            }
        },
    )
}

fn nic_row(visit: &Visit, server: &Server, nic: &Nic<'_>) -> Markup {
    let t = visit.t();
    let port = nic.port;
    html! {
        tr {
            td { (network_link(t, nic.network)) }
            td { div .stack { @for fixed in &port.fixed_ips { (ui::copyable(t, &fixed.ip_address.to_string())) } } }
            td { div .stack {
                @for floating in &nic.floating {
                    @let address = floating.floating_ip_address.to_string();
                    span .copyable { a href=(format!("/dashboard/floating-ips/{}", floating.id)) { code { (address) } } (ui::copy_button(t, &address)) }
                }
                @if nic.floating.is_empty() { span .muted { (t.none()) } }
            } }
            td { code { (port.mac_address) } }
            td {
                a href=(format!("/dashboard/ports/{}", port.id)) { code { (port.id.short()) } } " "
                (badge(Mood::of_network(port.status.as_str()), t.network_status(port.status.as_str())))
            }
            td .row-menu { @if may_change(visit) {
                (ui::dialog_link(&format!("{HERE}/{}/interfaces/detach?port={}", server.id, port.id), "button plain icon-only", html! {
                    (icon("unlink")) span .sr { (t.server_do_detach_nic()) }
                }))
            } }
        }
    }
}

fn network_link(t: Text, network: Option<&std::sync::Arc<Network>>) -> Markup {
    html! { @if let Some(network) = network { (networks::link(t, network)) } }
}

/// A volume's name for people: it needs none, and goes by the start of its id then.
pub(crate) fn volume_name(volume: &Volume) -> String {
    match &volume.name {
        Some(name) if has_name(volume) => name.clone(),
        _ => volume.id.to_string().chars().take(8).collect(),
    }
}

/// Whether a volume was given a name.
pub(crate) fn has_name(volume: &Volume) -> bool {
    volume.name.as_deref().is_some_and(|name| !name.is_empty())
}

/// Its volumes.
pub(super) fn volumes(visit: &Visit, server: &Server) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let attachments = attachment::of_server(cloud, server.id);
    let at = |what: &str| format!("{HERE}/{}/{what}", server.id);
    let action =
        html! { @if may_change(visit) { (small_action(&at("volumes/attach"), "plug", t.server_do_attach_volume())) } };
    card(
        t.nav_volumes(),
        action,
        html! {
            @if attachments.is_empty() { p .muted { (t.server_volumes_none()) } } @else {
                div .table-scroll { table {
                    thead { tr {
                        th scope="col" { (t.name()) } th scope="col" { (t.size()) } th scope="col" { (t.server_device()) }
                        th scope="col" { (t.server_goes_along()) } th scope="col" { (t.status()) } th { span .sr { (t.actions()) } }
                    } }
                    tbody {
                        @for each in &attachments {
                            @if let Some(volume) = cloud.volumes.get(&each.volume_id) {
                                tr {
                                    td {
                                        a href=(format!("/dashboard/volumes/{}", volume.id)) { (volume_name(volume)) } " "
                                        @if each.boot_index == Some(0) { (tag(t.server_boots_from())) }
                                    }
                                    td { (ui::gibibytes(t, volume.size_gib)) }
                                    td { code { (each.device.as_deref().unwrap_or("")) } }
                                    td { (t.yes_no(each.delete_on_termination)) }
                                    td { (attachment_badge(t, each.status)) }
                                    td .row-menu { @if may_change(visit) && each.boot_index != Some(0) {
                                        (ui::dialog_link(&at(&format!("volumes/detach?volume={}", volume.id)), "button plain icon-only", html! {
                                            (icon("unlink")) span .sr { (t.server_do_detach_volume()) }
                                        }))
                                    } }
                                }
                            }
                        }
                    }
                } }
            }
        },
    )
}

fn attachment_badge(t: Text, status: model::volume::AttachmentStatus) -> Markup {
    use model::volume::AttachmentStatus::{Attached, Attaching, Detaching, Reserved};
    match status {
        Attached => badge(Mood::Good, t.server_volume_attached()),
        Attaching | Reserved => badge(Mood::Busy, t.server_volume_attaching()),
        Detaching => badge(Mood::Busy, t.server_volume_detaching()),
    }
}

/// The groups that any of its ports is in.
pub(crate) fn group_ids(cloud: &Cloud, server: &Server) -> Vec<SecurityGroupId> {
    let ports = super::nics(cloud, server);
    let mut ids: Vec<_> = ports
        .iter()
        .flat_map(|nic| nic.port.security_groups.iter().copied())
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Its security groups, with what they let in.
pub(super) fn groups(visit: &Visit, server: &Server) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let ids = group_ids(cloud, server);
    let is_open = super::nics(cloud, server)
        .iter()
        .any(|nic| !nic.port.port_security_enabled);
    let action = html! {
        @if may_change(visit) { (small_action(&format!("{HERE}/{}/security-groups", server.id), "shield", t.edit())) }
    };
    card(
        t.nav_security_groups(),
        action,
        html! {
            @if is_open { p .note.warn { (t.port_unprotected()) } }
            @if ids.is_empty() && !is_open { p .muted { (t.server_groups_none()) } }
            @for group in ids.iter().filter_map(|id| cloud.find::<SecurityGroup>(id)) {
                @let rules = words::lets_in(t, cloud, group.id);
                div .server-group {
                    h3 { a href=(format!("/dashboard/security-groups/{}", group.id)) { (networks::name_of(t, &group.standard)) } }
                    @if rules.is_empty() { p .muted { (t.server_group_lets_nothing()) } }
                    ul .plain-list {
                        @for rule in rules.iter().take(RULES_SHOWN) { li { (rule) } }
                        @if rules.len() > RULES_SHOWN { li .muted { (t.server_more_rules(rules.len() - RULES_SHOWN)) } }
                    }
                }
            }
        },
    )
}

/// What a group lets in, in an order that stays.
fn rules_in(cloud: &Cloud, group: SecurityGroupId) -> Vec<&SecurityGroupRule> {
    let ids = cloud.lookups.rules_by_group.of(&group);
    let rules = ids
        .filter_map(|id| cloud.security_group_rules.get(id))
        .map(std::convert::AsRef::as_ref);
    let mut rules: Vec<&SecurityGroupRule> = rules.filter(|rule| rule.direction == Direction::Ingress).collect();
    rules.sort_by_key(|rule| (rule.protocol.clone(), rule.port_range_min, rule.ethertype, rule.id));
    rules
}

/// Whether a NIC lets a TCP port in from anywhere outside its own groups.
pub(super) fn lets_in(cloud: &Cloud, nic: &Nic<'_>, tcp_port: u16) -> bool {
    if !nic.port.port_security_enabled {
        return true;
    }
    let mut rules = nic.port.security_groups.iter().flat_map(|id| rules_in(cloud, *id));
    rules.any(|rule| {
        let is_protocol = matches!(rule.protocol.as_deref(), None | Some("any" | "tcp" | "6"));
        let from = rule.port_range_min.unwrap_or(0);
        let to = rule.port_range_max.unwrap_or(u16::MAX);
        is_protocol && rule.remote_group_id.is_none() && (from..=to).contains(&tcp_port)
    })
}

/// Its metadata and tags.
pub(super) fn labels(visit: &Visit, server: &Server) -> Markup {
    let t = visit.t();
    let action = html! {
        @if may_change(visit) { (small_action(&format!("{HERE}/{}/labels", server.id), "pencil", t.edit())) }
    };
    card(
        t.server_labels(),
        action,
        html! {
            @if !server.tags.is_empty() { p { @for each in &server.tags { (tag(each)) } } }
            @if server.metadata.is_empty() && server.tags.is_empty() { p .muted { (t.server_labels_none()) } }
            @if !server.metadata.is_empty() {
            (ui::facts(html! { @for (name, value) in &server.metadata { (ui::fact(name, html! { (value) })) } }))
        }
        },
    )
}
