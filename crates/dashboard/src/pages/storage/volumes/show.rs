//! One volume.

use axum::extract::Path;
use maud::{Markup, html};
use model::VolumeId;
use model::volume::{
    self, AttachMode, AttachmentStatus, Volume, VolumeAttachment, VolumeSource, VolumeStatus, attachment,
};

use super::{HERE, link, marks, menu, state, title, transfer, type_name};
use crate::layout::{Content, project_name};
use crate::outcome::Answer;
use crate::pages::storage::words::{menu_of, server_link, values_card};
use crate::pages::storage::{backups, images, snapshots};
use crate::ui::{self, Mood, badge, fact, icon};
use crate::visit::Visit;

pub(super) async fn show(visit: Visit, Path(id): Path<VolumeId>) -> Answer {
    let t = visit.t();
    let volume = volume::get_visible(visit.cloud(), visit.actor(), id)?;
    let name = title(&volume);
    let body = html! {
        (ui::object_head((HERE, t.nav_volumes()), &name, state(t, &volume), actions(&visit, &volume)))
        @if let Some(fault) = &volume.fault { p .note.bad { (fault) } }
        (transfer::card(&visit, &volume))
        div .cards {
            (ui::card(t.details(), about(&visit, &volume)))
            div .pile {
                (attachments(&visit, &volume))
                (values_card(t.volume_metadata(), &volume.metadata))
                (image_card(&visit, &volume))
            }
        }
        (snapshots::card(&visit, &volume))
        (backups::card(&visit, &volume))
        @if volume.is_made { (on_host(&visit, &volume)) }
    };
    let is_used = volume.status == VolumeStatus::InUse;
    let mut commands = vec![
        format!("openstack volume show {id}"),
        format!("openstack volume set --size {} {id}", volume.size_gib + 1),
    ];
    if !is_used || volume.multiattach {
        commands.push(format!("openstack server add volume SERVER {id}"));
    }
    // A copy of what a server is writing to must be wanted.
    let force = if is_used { " --force" } else { "" };
    commands.push(format!(
        "openstack volume snapshot create{force} --volume {id} my-snapshot"
    ));
    commands.push(format!("openstack volume backup create{force} {id}"));
    Ok(visit.page(Content::new(&name, body).cli(commands)))
}

fn actions(visit: &Visit, volume: &Volume) -> Markup {
    let t = visit.t();
    let id = volume.id;
    let is_free = volume.is_made && volume.status == VolumeStatus::Available;
    html! {
        @if is_free && volume.bootable { (ui::action(&format!("/dashboard/servers/new?volume={id}"), "play", t.image_launch())) }
        @if is_free || (volume.multiattach && volume.status == VolumeStatus::InUse) {
            (ui::main_action(&format!("{HERE}/{id}/attach"), "link", t.volume_attach()))
        }
        @if super::is_ready(volume) { (ui::action(&format!("{HERE}/{id}/extend"), "resize", t.volume_extend())) }
        (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
        (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
        (menu_of(t, &title(volume), menu(visit, volume, false)))
    }
}

fn about(visit: &Visit, volume: &Volume) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, &volume.id.to_string())))
        @if let Some(text) = volume.description.as_deref().filter(|text| !text.is_empty()) { (fact(t.description(), html! { (text) })) }
        (fact(t.size(), html! { (t.gibibytes(volume.size_gib)) }))
        (fact(t.volume_type(), html! { (type_name(t, cloud, &volume.type_id)) " " (marks(t, volume)) }))
        (fact(t.volume_source(), source(visit, volume)))
        (fact(t.project(), html! { (project_name(cloud, &volume.project_id)) }))
        (fact(t.volume_zone(), html! { (volume.availability_zone) }))
        (fact(t.created(), ui::time(volume.created_at)))
        @if let Some(at) = volume.updated_at { (fact(t.updated(), ui::time(at))) }
    })
}

/// What it started as.
fn source(visit: &Visit, volume: &Volume) -> Markup {
    let t = visit.t();
    html! {
        @match &volume.source {
            VolumeSource::Blank => (t.volume_from_blank()),
            VolumeSource::Image(image) => { (t.volume_from_image()) " " (images::link(visit, image.id)) },
            VolumeSource::Snapshot(id) => { (t.volume_from_snapshot()) " " (snapshots::name(visit, *id)) },
            VolumeSource::Volume(id) => { (t.volume_from_volume()) " " (link(visit, *id)) },
            VolumeSource::Backup(id) => { (t.volume_from_backup()) " " (backups::name(visit, *id)) },
        }
    }
}

/// What it remembers of its image: what people ask for with units, the rest folded away.
fn image_card(visit: &Visit, volume: &Volume) -> Markup {
    const NAMED: [&str; 6] = ["image_id", "image_name", "disk_format", "size", "min_disk", "min_ram"];
    let t = visit.t();
    let all = &volume.image_metadata;
    let text = |name: &str| all.get(name).map(String::as_str);
    let number = |name: &str| {
        text(name)
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|number| *number > 0)
    };
    let others: Vec<_> = all.iter().filter(|(key, _)| !NAMED.contains(&key.as_str())).collect();
    let image = text("image_id").and_then(|id| id.parse().ok());
    html! {
        @if !all.is_empty() {
            (ui::card(t.volume_image_metadata(), html! {
                (ui::facts(html! {
                    (fact(t.volume_from_image(), html! {
                        @match (image, text("image_name")) {
                            (Some(id), _) => (images::link(visit, id)),
                            (None, Some(name)) => (name),
                            (None, None) => (t.none()),
                        }
                    }))
                    @if let Some(format) = text("disk_format") { (fact(t.image_format(), html! { (format) })) }
                    @if let Some(size) = number("size") { (fact(t.image_size(), html! { (ui::bytes(size)) })) }
                    @if let Some(least) = number("min_disk") { (fact(t.volume_least_disk(), html! { (ui::gibibytes(t, least)) })) }
                    @if let Some(least) = number("min_ram") { (fact(t.volume_least_memory(), html! { (ui::mebibytes(t, least)) })) }
                }))
                @if !others.is_empty() {
                    details .more #image-properties {
                        summary { (t.volume_image_others()) }
                        (ui::facts(html! { @for (key, value) in others { (fact(key, html! { code { (value) } })) } }))
                    }
                }
            }))
        }
    }
}

fn attachments(visit: &Visit, volume: &Volume) -> Markup {
    let t = visit.t();
    let attachments = attachment::of_volume(visit.cloud(), volume.id);
    html! {
        section .card #attachments {
            h2 { (t.volume_attached_to()) }
            @if attachments.is_empty() { p .muted { (t.volume_not_attached()) } } @else {
                div .table-scroll { table {
                    thead { tr { th { (t.volume_server()) } th { (t.volume_device()) } th { (t.status()) } th .row-menu { span .sr { (t.actions()) } } } }
                    tbody { @for each in &attachments { (attachment_row(visit, volume, each)) } }
                } }
            }
        }
    }
}

fn attachment_row(visit: &Visit, volume: &Volume, each: &VolumeAttachment) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    // One that only was recorded has no host to end it, and a server's root disk stays.
    let may_go = each.is_local && each.status == AttachmentStatus::Attached && each.boot_index != Some(0);
    let mood = if each.status == AttachmentStatus::Attached {
        Mood::Good
    } else {
        Mood::Busy
    };
    html! {
        tr {
            td { @match &each.server_id {
                Some(server) => (server_link(cloud, server)),
                None => (each.host_name.as_deref().unwrap_or_default()),
            } }
            td {
                @if let Some(device) = &each.device { code { (device) } }
                @if each.boot_index == Some(0) { " " (ui::tag(t.volume_is_root())) }
                @if each.mode == AttachMode::Ro { " " (ui::tag(t.volume_read_only())) }
            }
            td {
                div .stack {
                    (badge(mood, t.attachment_status(each.status)))
                    span .muted.small { (t.volume_goes_with_server(t.yes_no(each.delete_on_termination).to_lowercase())) }
                }
            }
            td .row-menu { @if let Some(server) = each.server_id.filter(|_| may_go) {
                (ui::menu(t, each.device.as_deref().unwrap_or_default(), html! {
                    (ui::menu_do(
                        &format!("{HERE}/{}/with-server?server={server}&on={}", volume.id, !each.delete_on_termination),
                        "server",
                        if each.delete_on_termination { t.volume_keep() } else { t.volume_with_server() },
                    ))
                    (ui::menu_dialog(&format!("{HERE}/{}/detach?server={server}", volume.id), "unlink", t.volume_detach()))
                }))
            } }
        }
    }
}

fn on_host(visit: &Visit, volume: &Volume) -> Markup {
    let t = visit.t();
    let path = visit
        .control()
        .plan_settings()
        .volume_dir
        .join(format!("{}.raw", volume.id));
    let path = path.display().to_string();
    ui::on_host(
        t,
        html! {
            (fact(t.volume_host_file(), ui::copyable(t, &path)))
            (fact(t.volume_host_file_kind(), html! { (t.volume_host_file_sparse()) }))
        },
        &[format!("sudo ls -lsh {path}"), format!("sudo qemu-img info -U {path}")],
    )
}
