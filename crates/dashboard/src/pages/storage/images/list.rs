//! The list of images, in parts: the project's, those that others share, public ones.

use std::sync::Arc;

use axum::extract::Query;
use maud::{Markup, html};
use model::Actor;
use model::image::{self, Image, MemberStatus, Visibility};

use super::{HERE, format, menu, owner, state, title};
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::Answer;
use crate::pages::storage::words::menu_of;
use crate::ui::{self, List, ListQuery, tag};
use crate::visit::Visit;

/// A part of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    /// What may be used here.
    Usable,
    /// The project's own.
    Project,
    /// What others offered.
    Shared,
    /// Everybody's to use.
    Public,
    /// Of every project, for administrators.
    All,
}

impl Tab {
    const EACH: [Self; 5] = [Self::Usable, Self::Project, Self::Shared, Self::Public, Self::All];

    fn path(self) -> &'static str {
        match self {
            Self::Usable => HERE,
            Self::Project => "/dashboard/images/project",
            Self::Shared => "/dashboard/images/shared",
            Self::Public => "/dashboard/images/public",
            Self::All => "/dashboard/images/all",
        }
    }

    fn title(self, t: Text) -> &'static str {
        match self {
            Self::Usable => t.images_usable(),
            Self::Project => t.images_of_project(),
            Self::Shared => t.images_shared(),
            Self::Public => t.images_public(),
            Self::All => t.storage_of_all(),
        }
    }

    fn empty(self, t: Text) -> &'static str {
        match self {
            Self::Usable | Self::Project | Self::All => t.images_empty_text(),
            Self::Shared => t.images_shared_empty(),
            Self::Public => t.images_public_empty(),
        }
    }

    fn has(self, member: &Actor, image: &Image) -> bool {
        match self {
            Self::Usable => image::in_default_list(member, image) && !image.os_hidden,
            Self::Project => image::may_change(member, image),
            Self::Shared => image::membership(member, image).is_some(),
            Self::Public => image.visibility == Visibility::Public && !image.os_hidden,
            Self::All => true,
        }
    }
}

/// The images of a part, by name.
pub(super) fn of_tab(visit: &Visit, tab: Tab) -> Vec<Arc<Image>> {
    let member = visit.member();
    let mut images: Vec<_> = visit
        .cloud()
        .images
        .iter()
        .filter(|image| tab.has(&member, image))
        .cloned()
        .collect();
    images.sort_by_cached_key(|image| (title(image).to_lowercase(), image.id));
    images
}

pub(super) async fn usable(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    page(&visit, &query, Tab::Usable)
}

pub(super) async fn of_project(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    page(&visit, &query, Tab::Project)
}

pub(super) async fn shared(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    page(&visit, &query, Tab::Shared)
}

pub(super) async fn public(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    page(&visit, &query, Tab::Public)
}

pub(super) async fn all(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    let tab = if visit.is_admin() { Tab::All } else { Tab::Usable };
    page(&visit, &query, tab)
}

fn page(visit: &Visit, query: &ListQuery, tab: Tab) -> Answer {
    let t = visit.t();
    let create = ui::main_action("/dashboard/images/new", "plus", t.image_new());
    let member = visit.member();
    let images = of_tab(visit, tab);
    let is_offered = |image: &&Arc<Image>| image::membership(&member, image) == Some(MemberStatus::Pending);
    let offers = visit.cloud().images.iter().filter(is_offered).count();
    let body = html! {
        (ui::head(t.nav_images(), t.images_lead(), html! { (create) }))
        nav .tabs aria-label=(t.nav_images()) {
            @for each in Tab::EACH.into_iter().filter(|each| *each != Tab::All || visit.is_admin()) {
                a href=(each.path()) aria-current=[(each == tab).then_some("page")] {
                    (each.title(t)) " " span .muted { (visit.cloud().images.iter().filter(|image| each.has(&member, image)).count()) }
                }
            }
        }
        @if offers > 0 && tab != Tab::Shared {
            p .note { (t.images_offered(offers)) " " a href=(Tab::Shared.path()) { (t.images_offered_look()) } }
        }
        @if images.is_empty() {
            (ui::empty("disc", t.images_empty(), tab.empty(t), html! { @if matches!(tab, Tab::Usable | Tab::Project) { (create) } }))
        } @else { (table(visit, query, images)) }
    };
    let list = match tab {
        Tab::Usable => "openstack image list".to_owned(),
        Tab::Project => format!("openstack image list --property owner={}", visit.project_id()),
        Tab::Shared => "openstack image list --shared --member-status all".to_owned(),
        Tab::Public => "openstack image list --public".to_owned(),
        Tab::All => "openstack image list --all".to_owned(),
    };
    Ok(visit.page(Content::new(t.nav_images(), body).cli([
        list.as_str(),
        "openstack image create --disk-format qcow2 --container-format bare --file disk.qcow2 --progress my-image",
    ])))
}

fn table(visit: &Visit, query: &ListQuery, images: Vec<Arc<Image>>) -> Markup {
    let t = visit.t();
    let list = List::new(visit, query, t.images_word(), images, |image| {
        let tags: Vec<&str> = image.tags.iter().map(String::as_str).collect();
        let distribution = image.properties.get("os_distro").cloned().flatten().unwrap_or_default();
        format!("{} {} {distribution} {}", title(image), image.id, tags.join(" "))
    })
    .sorted(
        "name",
        t.name(),
        |image| title(image).to_lowercase(),
        |image| {
            html! {
                a href=(format!("{HERE}/{}", image.id)) { (title(image)) } " "
                @if image.protected { (tag(t.image_protected())) }
                @if image.os_hidden { (tag(t.image_hidden())) }
            }
        },
    )
    .sorted(
        "status",
        t.status(),
        |image| image.status.as_str(),
        |image| state(visit, image),
    )
    .sorted(
        "format",
        t.image_format(),
        |image| image.disk_format.clone(),
        |image| format(image),
    )
    .minor()
    .sorted(
        "size",
        t.size(),
        |image| image.size,
        |image| {
            html! { @if let Some(size) = image.size { (ui::bytes(size)) } @else { span .muted { "–" } } }
        },
    )
    .sorted(
        "visibility",
        t.image_visibility(),
        |image| image.visibility.as_str(),
        |image| {
            html! { (t.image_visibility_word(image.visibility)) }
        },
    )
    .sorted(
        "owner",
        t.image_owner(),
        |image| image.owner.clone(),
        |image| owner(visit, image),
    )
    .sorted(
        "created",
        t.created(),
        |image| image.created_at,
        |image| ui::time(image.created_at),
    )
    .menu(|image| menu_of(t, &title(image), menu(visit, image, true)));
    if !visit.may_change() {
        return list.render();
    }
    list.bulk_delete(
        "/dashboard/images/delete",
        |image| image.id.to_string(),
        |image| title(image),
    )
    .render()
}
