//! A server's own page.

use axum::extract::Path;
use maud::{Markup, html};
use model::ServerId;
use model::compute::{Fault, Server, VmState};

use super::state::power_words;
use super::{Tab, boot_volume, find, may_change, on_host, parts, shown, ssh};
use crate::layout::project_name;
use crate::messages::Text;
use crate::outcome::Answer;
use crate::pages::compute::actions;
use crate::ui::{self, fact, icon};
use crate::visit::Visit;

pub(super) async fn show(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let t = visit.t();
    let server = find(&visit, id)?;
    let body = html! {
        @if let Some(fault) = server.fault.as_ref().filter(|_| server.vm_state == VmState::Error) { (fault_note(&visit, fault)) }
        (ssh::card(&visit, &server))
        div .cards {
            (ui::card(t.details(), about(&visit, &server)))
            div .pile {
                (ui::card(t.server_flavor(), figures(&visit, &server)))
                (parts::groups(&visit, &server))
                (parts::labels(&visit, &server))
            }
        }
        (parts::nics(&visit, &server))
        (parts::volumes(&visit, &server))
        (on_host::panel(&visit, &server))
    };
    Ok(shown(
        &visit,
        &server,
        Tab::Overview,
        body,
        vec![
            format!("openstack server show {id}"),
            format!("openstack server ssh --login LOGIN {id}"),
            format!("openstack port list --server {id}"),
        ],
    )
    .await)
}

/// What a server waits for from its user.
pub(super) fn waits(visit: &Visit, server: &Server) -> Markup {
    let t = visit.t();
    let keys: &[&str] = match server.vm_state {
        VmState::Resized => &["confirm-resize", "revert-resize"],
        VmState::Rescued => &["unrescue"],
        _ => return html! {},
    };
    let words = if server.vm_state == VmState::Resized {
        t.server_resized_note()
    } else {
        t.server_rescued_note()
    };
    html! {
        div .note.warn.server-note {
            p { (words) }
            div .page-actions { @for key in keys { (actions::button(visit, server, key)) } }
        }
    }
}

/// What to do about a server in error.
pub(crate) fn fault_advice(t: Text, fault: &Fault) -> &'static str {
    if fault.message.starts_with("No valid host") {
        t.server_fault_no_room()
    } else {
        t.server_fault_other()
    }
}

/// Why a server is in error, and what to do about it.
fn fault_note(visit: &Visit, fault: &Fault) -> Markup {
    let t = visit.t();
    // What a 500 holds of the host's inside is for administrators, as the API has it.
    let details = Some(&fault.details).filter(|details| !details.is_empty() && (visit.is_admin() || fault.code != 500));
    let advice = fault_advice(t, fault);
    html! {
        div .problem.server-note role="note" {
            p .problem-what { (icon("alert")) (t.server_fault()) }
            p .problem-said { (fault.message) }
            @if let Some(details) = details {
                details .more { summary { (t.server_fault_details()) } pre .fault-details { (details) } }
            }
            p { b { (t.problem_do()) ": " } (advice) }
            p .muted.small { (ui::time(fault.created)) }
        }
    }
}

fn about(visit: &Visit, server: &Server) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let user = cloud.users.get(&server.user_id);
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, &server.id.to_string())))
        @if let Some(text) = server.description.as_ref().filter(|text| !text.is_empty()) { (fact(t.description(), html! { (text) })) }
        (fact(t.server_hostname(), html! { code { (server.hostname) } }))
        (fact(t.server_power(), html! { (power_words(t, server.power_state)) }))
        (fact(t.server_image(), source(visit, server)))
        (fact(t.server_key(), html! {
            @if let Some((name, _)) = &server.key { (name) } @else { (t.server_no_key()) }
        }))
        @if let Some(group) = server.group_id.and_then(|id| cloud.server_groups.get(&id)) {
            (fact(t.server_group_one(), html! { a href=(format!("/dashboard/server-groups/{}", group.id)) { (group.name) } }))
        }
        @if server.config_drive { (fact(t.server_config_drive(), html! { (t.yes()) })) }
        (fact(t.project(), html! { (project_name(cloud, &server.project_id)) }))
        (fact(t.server_user(), html! { (user.map_or_else(|| server.user_id.to_string(), |user| user.name.clone())) }))
        @if let Some(host) = server.host.as_ref().filter(|_| visit.is_admin()) { (fact(t.server_host(), html! { (host) })) }
        (fact(t.created(), ui::time(server.created_at)))
        @if let Some(at) = server.launched_at { (fact(t.server_launched(), ui::time(at))) }
        (fact(t.updated(), ui::time(server.updated_at)))
    })
}

/// What it was made from.
fn source(visit: &Visit, server: &Server) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    if let Some(id) = server.image_id {
        let image = cloud.images.get(&id);
        let name = image
            .and_then(|image| image.name.clone())
            .unwrap_or_else(|| id.to_string());
        return html! {
            @if image.is_some() { a href=(format!("/dashboard/images/{id}")) { (name) } } @else { (name) " " span .muted { (t.server_image_gone()) } }
        };
    }
    let volume = boot_volume(cloud, server).and_then(|id| cloud.volumes.get(&id));
    html! {
        @match volume {
            Some(volume) => { (t.server_volume()) " " a href=(format!("/dashboard/volumes/{}", volume.id)) { (parts::volume_name(volume)) } }
            None => { (t.none()) }
        }
    }
}

fn figures(visit: &Visit, server: &Server) -> Markup {
    let t = visit.t();
    let flavor = &server.flavor;
    let facts = ui::facts(html! {
        (fact(t.name(), html! { (flavor.name) }))
        (fact(t.server_processors(), html! { (flavor.vcpus) }))
        (fact(t.server_memory(), html! { (ui::mebibytes(t, flavor.memory_mib)) }))
        (fact(t.server_root_disk(), html! {
            @if flavor.root_gib == 0 { (t.server_disk_as_image()) } @else { (ui::gibibytes(t, flavor.root_gib)) }
        }))
        @if flavor.ephemeral_gib > 0 { (fact(t.server_ephemeral(), html! { (ui::gibibytes(t, flavor.ephemeral_gib)) })) }
        @if flavor.swap_mib > 0 { (fact(t.server_swap(), html! { (ui::mebibytes(t, flavor.swap_mib)) })) }
        @for (name, value) in &flavor.extra_specs { (fact(name, html! { code { (value) } })) }
        @if let Some(resize) = &server.works.resize { (fact(t.server_before_resize(), html! { (resize.old_flavor.name) })) }
    });
    html! { (facts) @if may_change(visit) { p .card-end { (actions::small_link(visit, server, "resize", t.server_do_resize())) } } }
}
