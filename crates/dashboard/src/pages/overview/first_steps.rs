//! The way from an empty project to a server that one is logged in to. Each step is ticked by what there is, not by what
//! was clicked.

use std::net::Ipv4Addr;
use std::sync::Arc;

use maud::{Markup, html};
use model::compute::{KeypairId, Server, VmState};
use model::host::Direction;
use model::network::router::interfaces;
use model::network::security_group::protocol;
use model::network::{Router as NetworkRouter, SecurityGroupRule, device_owner};
use model::{Cloud, SecurityGroupId, ServerId};

use crate::ui::{self, icon};
use crate::visit::Visit;

/// Where SSH listens.
const SSH: u16 = 22;
/// TCP's number.
const TCP: u8 = 6;

struct Step {
    title: &'static str,
    words: &'static str,
    /// The form that does it.
    address: String,
    action: &'static str,
    is_done: bool,
}

/// The checklist; folded away once everything is there.
pub(super) fn card(visit: &Visit) -> Markup {
    let t = visit.t();
    let steps = steps(visit);
    let done = steps.iter().filter(|step| step.is_done).count();
    let is_complete = done == steps.len();
    let next = steps.iter().position(|step| !step.is_done);
    html! {
        details #first-steps .card.first-steps open[!is_complete] {
            summary {
                h2 { @if is_complete { (icon("check")) (t.overview_steps_complete()) } @else { (t.overview_steps_title()) } }
                span .muted { (t.overview_steps_done(done, steps.len())) }
            }
            progress value=(done) max=(steps.len()) aria-label=(t.overview_steps_title()) {}
            ol {
                @for (index, step) in steps.iter().enumerate() {
                    li .done[step.is_done] .next[next == Some(index)] {
                        span .step-sign aria-hidden="true" { @if step.is_done { (icon("check")) } @else { (index + 1) } }
                        div {
                            h3 { (step.title) @if step.is_done { span .sr { " – " (t.overview_step_is_done()) } } }
                            p .muted { (step.words) }
                        }
                        @if !step.is_done {
                            (ui::dialog_link(&step.address, if next == Some(index) { "button main" } else { "button" }, html! { (step.action) }))
                        }
                    }
                }
                (log_in(visit, is_complete))
            }
        }
    }
}

/// The last step is the visitor's own: here is what they need for it.
fn log_in(visit: &Visit, is_complete: bool) -> Markup {
    let t = visit.t();
    let reachable = reachable(visit).filter(|_| is_complete);
    html! {
        li {
            span .step-sign aria-hidden="true" { (icon("terminal")) }
            div {
                h3 { (t.overview_step_log_in()) }
                @match &reachable {
                    Some((server, address)) => {
                        p .muted { (t.overview_step_log_in_words(&server.name)) }
                        @if server.key.is_none() { p .muted { (t.overview_step_log_in_no_key()) } }
                        p { (ui::copyable(t, &address.to_string())) }
                    }
                    None => p .muted { (t.overview_step_log_in_later()) },
                }
            }
            @if let Some((server, _)) = &reachable {
                a .button href=(format!("/dashboard/servers/{}", server.id)) { (icon("terminal")) (server.name) }
            }
        }
    }
}

fn steps(visit: &Visit) -> [Step; 6] {
    let t = visit.t();
    let server = server(visit);
    let server = server.as_deref();
    let (has_router, router_address, router_action) = router(visit);
    let at = str::to_owned;
    [
        Step {
            title: t.overview_step_network(),
            words: t.overview_step_network_words(),
            address: at("/dashboard/networks/new"),
            action: t.network_new(),
            is_done: has_network(visit),
        },
        Step {
            title: t.overview_step_key(),
            words: t.overview_step_key_words(),
            address: at("/dashboard/key-pairs/new"),
            action: t.overview_step_key_do(),
            is_done: has_key(visit) || server.is_some_and(|server| server.key.is_some()),
        },
        Step {
            title: t.overview_step_router(),
            words: t.overview_step_router_words(),
            address: router_address,
            action: router_action,
            is_done: has_router,
        },
        Step {
            title: t.overview_step_rule(),
            words: t.overview_step_rule_words(),
            address: rule_address(visit, server),
            action: t.overview_step_rule_do(),
            is_done: has_rule(visit, server),
        },
        Step {
            title: t.overview_step_server(),
            words: t.overview_step_server_words(),
            address: at("/dashboard/servers/new"),
            action: t.overview_step_server_do(),
            is_done: server.is_some(),
        },
        Step {
            title: t.overview_step_floating_ip(),
            words: t.overview_step_floating_ip_words(),
            address: server.map_or_else(
                || at("/dashboard/floating-ips/associate"),
                |server| format!("/dashboard/floating-ips/associate?server={}", server.id),
            ),
            action: t.overview_step_floating_ip_do(),
            is_done: reachable(visit).is_some(),
        },
    ]
}

/// A network of the project's own, with a subnet.
fn has_network(visit: &Visit) -> bool {
    let cloud = visit.cloud();
    let mut own = cloud
        .networks
        .iter()
        .filter(|network| network.standard.project_id == *visit.project_id());
    own.any(|network| !network.external && cloud.lookups.subnets_by_network.count(&network.id) > 0)
}

fn has_key(visit: &Visit) -> bool {
    let user = &visit.actor().user_id;
    let first = KeypairId(user.clone(), String::new());
    visit
        .cloud()
        .keypairs
        .starting_at(first)
        .next()
        .is_some_and(|key| key.user_id == *user)
}

/// Whether there is a router with a leg on both sides; else the form for what is missing, and its name.
fn router(visit: &Visit) -> (bool, String, &'static str) {
    let (t, cloud) = (visit.t(), visit.cloud());
    let own: Vec<_> = cloud
        .routers
        .iter()
        .filter(|router| router.standard.project_id == *visit.project_id())
        .collect();
    let has_interface = |router: &NetworkRouter| interfaces(cloud, router.id).next().is_some();
    let is_whole = own
        .iter()
        .any(|router| router.gateway.is_some() && has_interface(router));
    match own.first() {
        None => (false, "/dashboard/routers/new".to_owned(), t.overview_step_router_do()),
        Some(router) if router.gateway.is_none() => (
            is_whole,
            format!("/dashboard/routers/{}/gateway", router.id),
            t.overview_step_gateway_do(),
        ),
        Some(router) => (
            is_whole,
            format!("/dashboard/routers/{}/interfaces/new", router.id),
            t.overview_step_interface_do(),
        ),
    }
}

/// A new rule of a group of the server; while there is none, of the group that servers are in unless somebody says otherwise.
fn rule_address(visit: &Visit, server: Option<&Server>) -> String {
    let cloud = visit.cloud();
    if let Some(group) = server.and_then(|server| groups_of(cloud, server).first().copied()) {
        return format!("/dashboard/security-groups/{group}/rules/new");
    }
    let mut groups = cloud
        .lookups
        .groups_by_project
        .of(visit.project_id())
        .filter_map(|id| cloud.security_groups.get(id));
    groups.find(|group| group.is_default).map_or_else(
        || "/dashboard/security-groups/new".to_owned(),
        |group| format!("/dashboard/security-groups/{}/rules/new", group.id),
    )
}

/// The server that the steps are about: the one that can be reached, else one of the project that works, or will.
fn server(visit: &Visit) -> Option<Arc<Server>> {
    let cloud = visit.cloud();
    if let Some((server, _)) = reachable(visit) {
        return Some(server);
    }
    let mut own = cloud
        .lookups
        .servers_by_project
        .of(visit.project_id())
        .filter_map(|id| cloud.servers.get(id));
    own.find(|server| !matches!(server.vm_state, VmState::Error | VmState::Deleted))
        .cloned()
}

/// The security groups of a server's ports.
fn groups_of(cloud: &Cloud, server: &Server) -> Vec<SecurityGroupId> {
    let ports = server.ports.iter().filter_map(|id| cloud.ports.get(id));
    ports.flat_map(|port| port.security_groups.iter().copied()).collect()
}

/// Whether SSH may come in to the server; while there is none, by any group of the project.
fn has_rule(visit: &Visit, server: Option<&Server>) -> bool {
    let cloud = visit.cloud();
    let lets_in = |group: &SecurityGroupId| cloud.rules_of_group(*group).any(|rule| lets_ssh_in(rule));
    match server {
        Some(server) => groups_of(cloud, server).iter().any(lets_in),
        None => cloud.lookups.groups_by_project.of(visit.project_id()).any(lets_in),
    }
}

/// Whether a rule lets SSH in from outside the group.
fn lets_ssh_in(rule: &SecurityGroupRule) -> bool {
    let is_tcp = rule
        .protocol
        .as_deref()
        .is_none_or(|name| protocol::number(name) == Some(TCP));
    let from = rule.port_range_min.unwrap_or(0);
    let to = rule.port_range_max.unwrap_or(u16::MAX);
    rule.direction == Direction::Ingress
        && rule.remote_group_id.is_none()
        && rule.remote_address_group_id.is_none()
        && is_tcp
        && (from..=to).contains(&SSH)
}

/// A server of the project with a floating IP.
fn reachable(visit: &Visit) -> Option<(Arc<Server>, Ipv4Addr)> {
    let cloud = visit.cloud();
    let own = cloud
        .floating_ips
        .iter()
        .filter(|row| row.standard.project_id == *visit.project_id());
    own.filter_map(|row| {
        let port = cloud.ports.get(&row.port_id?)?;
        let is_server = port.device_owner.starts_with(device_owner::COMPUTE_PREFIX);
        let id: ServerId = port.device_id.parse().ok().filter(|_| is_server)?;
        Some((cloud.servers.get(&id)?.clone(), row.floating_ip_address))
    })
    .next()
}
