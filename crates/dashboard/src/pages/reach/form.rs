//! The question's form. It is sent as an address, so that a question can be kept and shared.

use maud::{Markup, html};
use model::ServerId;
use model::compute::VmState;
use model::network::{Router, access::Resource};

use super::question::{Asked, HERE, of_server};
use super::things::origin_words;
use crate::pages::compute::servers;
use crate::pages::network::networks;
use crate::ui::{self, Choice, Field, icon};
use crate::visit::Visit;

/// Things of a kind that are offered in a list.
const OFFERED: usize = 200;

/// The form; about a server on its own page, else about whatever one types.
pub(super) fn question(visit: &Visit, asked: &Asked, server: Option<ServerId>) -> Markup {
    let t = visit.t();
    let action = server.map_or_else(|| HERE.to_owned(), of_server);
    let field = |name, label, value| Field {
        name,
        label,
        value,
        ..Field::default()
    };
    let mut protocols = vec![
        Choice::new("icmp", t.reach_by_ping()),
        Choice::new("tcp", t.reach_by_tcp()),
        Choice::new("udp", t.reach_by_udp()),
    ];
    if !protocols.iter().any(|choice| choice.value == asked.protocol) {
        protocols.push(Choice::new(&asked.protocol, t.reach_by_number(&asked.protocol)));
    }
    let whiches = [
        Choice::new("fixed", t.reach_which_fixed()),
        Choice::new("floating", t.reach_which_floating()),
    ];
    let versions = [Choice::new("4", "IPv4"), Choice::new("6", "IPv6")];
    html! {
        form method="get" action=(format!("{action}#reach-answer")) {
            div .columns {
                (ui::pick(field("from", t.reach_from(), &asked.from), None, &origins(visit, asked, server)))
                @if server.is_none() { (target(visit, asked)) }
                div data-if="from=outside" {
                    (ui::text(Field { example: "198.51.100.7", hint: t.reach_source_hint(), ..field("source", t.reach_source(), &asked.source) }))
                }
                (ui::pick(field("protocol", t.reach_protocol(), &asked.protocol), None, &protocols))
                div data-if="protocol=tcp udp" {
                    (ui::text(Field { kind: Some("number"), range: Some((1, 65_535)), example: "22", ..field("port", t.reach_port(), &asked.port) }))
                }
                (ui::pick(field("which", t.reach_which(), &asked.which), Some(t.reach_which_usual()), &whiches))
                (ui::pick(field("ip_version", t.reach_version(), &asked.version), Some(t.reach_version_any()), &versions))
            }
            footer .form-end { button .button.main type="submit" { (icon("route")) (t.reach_ask()) } }
        }
    }
}

/// Where one may stand: the usual places, then the project's other servers, networks and routers.
fn origins(visit: &Visit, asked: &Asked, target: Option<ServerId>) -> Vec<Choice> {
    let t = visit.t();
    let mut choices = vec![
        Choice::new("outside", t.reach_from_outside()),
        Choice::new("host", t.reach_from_host()),
        Choice::new("router", t.reach_from_router()),
        Choice::new("network", t.reach_from_network()),
    ];
    let others = servers::of_project(visit).into_iter();
    let others = others.filter(|server| Some(server.id) != target && server.vm_state != VmState::Deleted);
    choices.extend(
        others
            .take(OFFERED)
            .map(|server| Choice::new(format!("server:{}", server.id), t.reach_from_server(&server.name))),
    );
    let member = visit.member();
    let routers = visit.cloud().routers.iter();
    let routers = routers.filter(|router: &&std::sync::Arc<Router>| router.visible_to(visit.cloud(), &member));
    choices.extend(routers.take(OFFERED).map(|router| {
        let name = networks::name_of(t, &router.standard);
        Choice::new(format!("router:{}", router.id), t.reach_from_router_of(name))
    }));
    let inside = networks::of_project(visit)
        .into_iter()
        .filter(|network| !network.external);
    choices.extend(inside.take(OFFERED).map(|network| {
        let name = networks::name_of(t, &network.standard);
        Choice::new(format!("network:{}", network.id), t.reach_from_network_of(name))
    }));
    // Whatever else an address asks from.
    if !choices.iter().any(|choice| choice.value == asked.from) {
        choices.push(Choice::new(&asked.from, origin_words(visit, asked)));
    }
    choices
}

/// What is to be reached: anything, with the project's servers and floating IPs offered.
fn target(visit: &Visit, asked: &Asked) -> Markup {
    let t = visit.t();
    let servers = servers::of_project(visit).into_iter();
    let servers = servers.filter(|server| server.vm_state != VmState::Deleted);
    let (cloud, member) = (visit.cloud(), visit.member());
    let floating = cloud.floating_ips.iter().filter(|row| row.visible_to(cloud, &member));
    html! {
        div .field {
            label for="f-to" { (t.reach_to()) span .required aria-hidden="true" { "*" } }
            input #f-to name="to" value=(asked.to) list="reach-targets" required autocomplete="off" maxlength="300" aria-describedby="h-to" autofocus[!asked.is_asked()];
            datalist #reach-targets {
                @for server in servers.take(OFFERED) { option value=(format!("server:{}", server.id)) { (server.name) } }
                @for row in floating.take(OFFERED) { option value=(row.floating_ip_address) {} }
            }
            p #h-to .hint { (t.reach_to_hint()) }
        }
    }
}
