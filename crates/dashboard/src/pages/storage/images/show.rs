//! One image.

use axum::extract::Path;
use maud::{Markup, html};
use model::ImageId;
use model::compute::Server;
use model::image::{self, DISK_FORMATS, Image, ImageStatus, TaskStatus};

use super::{HERE, format, menu, owner, share, state, title};
use crate::layout::Content;
use crate::outcome::{Answer, in_query};
use crate::pages::storage::words::{menu_of, server_link, values_card};
use crate::ui::{self, fact, icon, tag};
use crate::visit::Visit;

/// Servers on an image's page; of more there is the list of servers.
const SHOWN: usize = 20;

pub(super) async fn show(visit: Visit, Path(id): Path<ImageId>) -> Answer {
    let t = visit.t();
    let image = image::show(visit.cloud(), visit.actor(), id)?;
    let name = title(&image);
    let body = html! {
        (ui::object_head((HERE, t.nav_images()), &name, state(&visit, &image), actions(&visit, &image)))
        (waiting(&visit, &image))
        (share::offer_card(&visit, &image))
        div .cards {
            (ui::card(t.details(), about(&visit, &image)))
            (ui::card(t.image_needs(), needs(&visit, &image)))
            (sums(&visit, &image))
            (values_card(t.image_properties(), &super::edit::other_properties(&image)))
        }
        (share::card(&visit, &image))
        (users(&visit, &image))
        @if image.status.has_data() { (on_host(&visit, &image)) }
    };
    let mut commands = vec![format!("openstack image show {id}")];
    if image.status == ImageStatus::Queued {
        commands.push(format!("openstack image stage --file disk.img {id}"));
        commands.push(format!("openstack image import {id}"));
    }
    if image.status == ImageStatus::Active {
        commands.push(format!("openstack image save --file disk.img {id}"));
        commands.push(format!(
            "openstack server create --image {id} --flavor m1.small --network NETWORK my-server"
        ));
    }
    Ok(visit.page(Content::new(&name, body).cli(commands)))
}

fn actions(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    let id = image.id;
    html! {
        @if image.status == ImageStatus::Active {
            (ui::main_action(&format!("/dashboard/servers/new?image={id}"), "play", t.image_launch()))
            (ui::action(&format!("/dashboard/volumes/new?source=image&image={id}"), "volume", t.image_to_volume()))
        }
        @if image::may_change(visit.actor(), image) {
            @if image.status == ImageStatus::Queued { (ui::main_action(&format!("{HERE}/{id}/data"), "upload", t.image_give_data())) }
            (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit()))
            (ui::dialog_link(&format!("{HERE}/delete?id={id}"), "button danger", html! { (icon("trash")) (t.delete()) }))
        }
        (menu_of(t, &title(image), menu(visit, image, false)))
    }
}

/// What an image without data waits for, and why its last import failed.
fn waiting(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    if image.status != ImageStatus::Queued || !image::may_change(visit.actor(), image) {
        return html! {};
    }
    let failed = image.tasks.last().filter(|task| task.status == TaskStatus::Failure);
    let Some(task) = failed else {
        return html! { @if !super::is_being_copied(visit, image) { p .note.warn { (t.image_queued_note()) } } };
    };
    let uri = task.request["method"]["uri"].as_str();
    let again = uri.zip(found_format(&task.message));
    html! {
        section .card #failed {
            h2 { (t.image_import_failed()) }
            p .problem-said { @match found_format(&task.message) {
                Some(format) => (t.image_really(format)),
                None => (task.message),
            } }
            @if let Some((uri, format)) = again {
                p { (ui::main_action(
                    &format!("{HERE}/{}/data?format={format}&uri={}", image.id, in_query(uri)),
                    "refresh",
                    &t.image_import_as(format),
                )) }
            } @else if let Some(uri) = uri {
                p { (ui::main_action(&format!("{HERE}/{}/data?uri={}", image.id, in_query(uri)), "refresh", t.image_import_again())) }
            }
        }
    }
}

/// The format that refused data really had: the refusal names it ("… but its data is 'raw'. …").
pub(super) fn found_format(message: &str) -> Option<&'static str> {
    let (_, rest) = message.split_once("its data is '")?;
    let (found, _) = rest.split_once('\'')?;
    DISK_FORMATS.iter().find(|format| **format == found).copied()
}

fn about(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    ui::facts(html! {
        (fact(t.id(), ui::copyable(t, &image.id.to_string())))
        (fact(t.image_format(), format(image)))
        @if let Some(size) = image.size { (fact(t.image_size(), html! { (ui::bytes(size)) })) }
        @if let Some(size) = image.virtual_size { (fact(t.image_virtual_size(), html! { (ui::bytes(size)) })) }
        (fact(t.image_visibility(), html! {
            (t.image_visibility_word(image.visibility)) " – " span .muted { (t.image_visibility_note(image.visibility)) }
        }))
        (fact(t.image_owner(), owner(visit, image)))
        (fact(t.image_protect(), html! { (t.yes_no(image.protected)) }))
        @if image.os_hidden { (fact(t.image_hide(), html! { (t.yes()) })) }
        @if !image.tags.is_empty() { (fact(t.image_tags(), html! { @for each in &image.tags { (tag(each)) } })) }
        (fact(t.created(), ui::time(image.created_at)))
        (fact(t.updated(), ui::time(image.updated_at)))
    })
}

/// What a server from it needs.
fn needs(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    let property = |name: &str| image.properties.get(name).cloned().flatten();
    ui::facts(html! {
        (fact(t.image_needs_disk(), html! { @if image.min_disk > 0 { (ui::gibibytes(t, image.min_disk)) } @else { (t.image_min_any()) } }))
        (fact(t.image_needs_ram(), html! { @if image.min_ram > 0 { (ui::mebibytes(t, image.min_ram)) } @else { (t.image_min_any()) } }))
        @if let Some(distribution) = property("os_distro") { (fact(t.image_os_distro(), html! { (distribution) })) }
        @if let Some(user) = property("os_admin_user") { (fact(t.image_os_user(), html! { code { (user) } })) }
    })
}

/// The data's sums, to compare with the publisher's.
fn sums(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    let (Some(md5), Some(sha512)) = (&image.checksum, &image.os_hash_value) else {
        return html! {};
    };
    ui::card(
        t.image_sums(),
        html! {
            (ui::facts(html! {
                (fact("SHA-512", ui::copyable(t, sha512)))
                (fact("MD5", ui::copyable(t, md5)))
            }))
            p .hint { (t.image_sums_hint()) " " code { "sha512sum FILE" } }
        },
    )
}

/// The project's servers that were made from it.
fn users(visit: &Visit, image: &Image) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let servers = cloud.lookups.servers_by_project.of(visit.project_id());
    let servers = servers
        .filter_map(|id| cloud.find::<Server>(id))
        .filter(|server| server.image_id == Some(image.id));
    let servers: Vec<_> = servers.collect();
    html! {
        @if !servers.is_empty() {
            section .card #servers {
                h2 { (t.image_servers()) " " span .muted { (servers.len()) } }
                ul .plain-list {
                    @for server in servers.iter().take(SHOWN) { li { (server_link(cloud, &server.id)) } }
                    @if servers.len() > SHOWN { li { a href="/dashboard/servers" { (t.image_servers_all()) } } }
                }
            }
        }
    }
}

fn on_host(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    let path = visit.control().plan_settings().image_dir.join(image.id.to_string());
    let path = path.display().to_string();
    ui::on_host(
        t,
        html! { (fact(t.volume_host_file(), ui::copyable(t, &path))) },
        &[format!("sudo qemu-img info {path}"), format!("sudo sha512sum {path}")],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_format() {
        let message = "The image was declared as 'qcow2', but its data is 'raw'. Set disk_format to 'raw', or upload the right file.";
        assert_eq!(found_format(message), Some("raw"));
        assert_eq!(found_format("… its data is 'luks'. Convert it first"), None);
        assert_eq!(found_format("The image could not be downloaded: 404."), None);
    }
}
