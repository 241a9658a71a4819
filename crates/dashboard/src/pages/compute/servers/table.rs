//! The list of servers, of a project and of the whole cloud.

use std::sync::Arc;

use maud::{Markup, html};
use model::compute::Server;

use super::state::{odd_power, power_words, state};
use super::{HERE, Nic, image_name, link, may_change, nics};
use crate::layout::project_name;
use crate::messages::Text;
use crate::pages::compute::actions;
use crate::pages::reach::Outlook;
use crate::ui::{self, List, ListQuery, badge, icon, tag};
use crate::visit::Visit;

/// The list; the administrator's tells whose each is, and where it runs.
pub(crate) fn table(
    visit: &Visit,
    query: &ListQuery,
    servers: Vec<Arc<Server>>,
    of_all: bool,
    outlook: &Outlook,
) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let user_name = |server: &Server| {
        let user = cloud.users.get(&server.user_id);
        user.map_or_else(|| server.user_id.to_string(), |user| user.name.clone())
    };
    let found = move |server: &Arc<Server>| {
        let addresses: Vec<String> = nics(cloud, server).iter().flat_map(all_addresses).collect();
        let image = image_name(cloud, server).unwrap_or_default();
        let owner = if of_all {
            project_name(cloud, &server.project_id)
        } else {
            String::new()
        };
        let tags: Vec<&str> = server.tags.iter().map(String::as_str).collect();
        format!(
            "{} {} {image} {} {} {owner} {}",
            server.name,
            server.id,
            server.flavor.name,
            addresses.join(" "),
            tags.join(" ")
        )
    };
    let mut list = List::new(visit, query, t.servers_word(), servers, found)
        .sorted("name", t.name(), |server| server.name.to_lowercase(), |server| {
            html! {
                div .stack {
                    span .server-name { (link(server)) @if server.locked.is_some() { " " span .lock-sign title=(t.server_is_locked()) { (icon("lock")) } } }
                    @if !server.tags.is_empty() { span { @for each in &server.tags { (tag(each)) } } }
                }
            }
        })
        .sorted("status", t.status(), |server| server_status(t, server), |server| {
            html! {
                div .stack {
                    span { (state_badge(t, server)) }
                    @if let Some(power) = odd_power(server) { span .muted.small { (t.server_power_odd(power_words(t, power))) } }
                }
            }
        })
        .column("addresses", t.server_addresses(), |server| addresses(t, &nics(cloud, server)))
        .column("reach", t.reach_column(), |server| outlook.short(visit, server))
        .sorted("image", t.server_image(), |server| image_name(cloud, server).map(|name| name.to_lowercase()), |server| {
            html! { (image_name(cloud, server).unwrap_or_else(|| t.server_from_volume().to_owned())) }
        })
        .minor();
    // Whose it is is told first.
    list = list
        .sorted("flavor", t.server_flavor(), |server| (server.flavor.vcpus, server.flavor.memory_mib), |server| {
            html! {
                div .stack {
                    span { (server.flavor.name) }
                    span .muted.small.flavor-size { (t.server_power_and_memory(server.flavor.vcpus, ui::mebibytes(t, server.flavor.memory_mib))) }
                }
            }
        });
    if of_all {
        list = list.minor();
    }
    list = list
        .sorted(
            "key",
            t.server_key(),
            |server| server.key.as_ref().map(|(name, _)| name.clone()),
            |server| {
                html! { @if let Some((name, _)) = &server.key { (name) } @else { span .muted { (t.none()) } } }
            },
        )
        .minor();
    if of_all {
        list = list
            .sorted(
                "project",
                t.project(),
                |server| project_name(cloud, &server.project_id),
                |server| {
                    html! { (project_name(cloud, &server.project_id)) }
                },
            )
            .sorted(
                "user",
                t.server_user(),
                |server| user_name(server),
                |server| html! { (user_name(server)) },
            )
            .minor()
            .sorted(
                "host",
                t.server_host(),
                |server| server.host.clone(),
                |server| {
                    html! { @if let Some(host) = &server.host { (host) } @else { span .muted { (t.none()) } } }
                },
            )
            .minor();
    }
    list = list.sorted(
        "created",
        t.created(),
        |server| server.created_at,
        |server| ui::time(server.created_at),
    );
    if may_change(visit) {
        list = list.menu(|server| actions::row_menu(visit, server)).bulk_delete(
            format!("{HERE}/delete"),
            |server| server.id.to_string(),
            |server| server.name.clone(),
        );
        for action in actions::TOGETHER {
            list = list.bulk_also(
                format!("{HERE}/together/{}", action.key),
                action.symbol,
                (action.words)(t),
            );
        }
    }
    list.render()
}

fn server_status(t: Text, server: &Server) -> String {
    state(t, server).1
}

fn all_addresses(nic: &Nic<'_>) -> Vec<String> {
    let fixed = nic.port.fixed_ips.iter().map(|fixed| fixed.ip_address.to_string());
    fixed
        .chain(
            nic.floating
                .iter()
                .map(|floating| floating.floating_ip_address.to_string()),
        )
        .collect()
}

/// Addresses of a server: its own, and those that others reach it by.
fn addresses(t: Text, nics: &[Nic<'_>]) -> Markup {
    html! {
        div .stack {
            @for nic in nics {
                @for fixed in &nic.port.fixed_ips {
                    span title=[nic.network.map(|network| network.standard.name.as_str())] { (ui::copyable(t, &fixed.ip_address.to_string())) }
                }
                @for floating in &nic.floating {
                    span .floating title=(t.server_floating()) { (icon("globe")) (ui::copyable(t, &floating.floating_ip_address.to_string())) }
                }
            }
            @if nics.is_empty() { span .muted { (t.none()) } }
        }
    }
}

/// A state as a badge.
pub(crate) fn state_badge(t: Text, server: &Server) -> Markup {
    let (mood, words) = state(t, server);
    badge(mood, &words)
}
