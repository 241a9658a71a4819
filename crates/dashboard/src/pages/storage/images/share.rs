//! Sharing: an image offered to single projects, and what they make of an offer.

use axum::extract::Path;
use maud::{Markup, html};
use model::image::{self, Image, MemberStatus, Visibility};
use model::{ImageId, ProjectId};
use serde_json::json;

use super::{HERE, owner, title};
use crate::form::Fields;
use crate::layout::project_name;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::storage::words::name_of;
use crate::ui::{self, Choice, Field, Mood, badge, icon};
use crate::visit::Visit;

/// On an image's page, for its owner: whom it was offered to.
pub(super) fn card(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    if image.visibility != Visibility::Shared || !image::may_change(visit.actor(), image) {
        return html! {};
    }
    html! {
        section .card #members {
            header .card-head {
                h2 { (t.image_members()) }
                (ui::action(&format!("{HERE}/{}/share", image.id), "plus", t.image_share()))
            }
            @if image.members.is_empty() { p .muted { (t.image_members_none()) } } @else {
                div .table-scroll { table {
                    thead { tr { th { (t.project()) } th { (t.status()) } th { (t.image_offered_at()) } th .row-menu { span .sr { (t.actions()) } } } }
                    tbody { @for (project, member) in &image.members {
                        tr {
                            td { (project_words(visit, project)) }
                            td { (status(visit, member.status)) }
                            td { (ui::time(member.created_at)) }
                            td .row-menu { (remove_button(visit, image, project)) }
                        }
                    } }
                } }
            }
        }
    }
}

/// On an image's page, for a project that it was offered to: what to do with it.
pub(super) fn offer_card(visit: &Visit, image: &Image) -> Markup {
    let t = visit.t();
    let Some(now) = image::membership(visit.actor(), image) else {
        return html! {};
    };
    let at = format!("{HERE}/{}/offer", image.id);
    let button = |status: &str, class: &str, symbol: &str, words: &str| {
        html! {
            form method="post" action=(at) hx-post=(at) hx-swap="none" {
                input type="hidden" name="status" value=(status);
                button class=(class) type="submit" { (icon(symbol)) (words) }
            }
        }
    };
    html! {
        section .card #offer {
            h2 { (t.image_offer()) " " (status(visit, now)) }
            p { (t.image_offer_from()) " " (owner(visit, image)) ". " (t.image_offer_hint()) }
            div .page-actions {
                @if now != MemberStatus::Accepted { (button("accepted", "button main", "check", t.image_accept())) }
                @if now != MemberStatus::Rejected { (button("rejected", "button", "x", t.image_reject())) }
            }
        }
    }
}

fn status(visit: &Visit, status: MemberStatus) -> Markup {
    let t = visit.t();
    match status {
        MemberStatus::Pending => badge(Mood::Warn, t.image_offer_pending()),
        MemberStatus::Accepted => badge(Mood::Good, t.image_offer_accepted()),
        MemberStatus::Rejected => badge(Mood::Idle, t.image_offer_rejected()),
    }
}

fn project_words(visit: &Visit, project: &ProjectId) -> Markup {
    html! {
        @if visit.actor().can_see(project) { (project_name(visit.cloud(), project)) " " }
        (ui::short_id(visit.t(), project.as_str()))
    }
}

fn remove_button(visit: &Visit, image: &Image, project: &ProjectId) -> Markup {
    let t = visit.t();
    let at = format!("{HERE}/{}/unshare", image.id);
    html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            input type="hidden" name="project" value=(project);
            button .plain.icon-only type="submit" aria-label=(t.image_unshare(name_of(None, project))) data-tip=(t.remove()) { (icon("x")) }
        }
    }
}

pub(super) async fn ask(visit: Visit, Path(id): Path<ImageId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let image = image::show(cloud, visit.actor(), id)?;
    let at = format!("{HERE}/{id}/share");
    let known: Vec<_> = match visit.is_admin() {
        true => cloud
            .projects
            .iter()
            .filter(|project| project.enabled)
            .cloned()
            .collect(),
        false => crate::sign_in::projects_of(cloud, &visit.actor().user_id),
    };
    let new = known
        .iter()
        .filter(|project| Some(&project.id) != image.owner.as_ref() && !image.members.contains_key(&project.id));
    let choices: Vec<_> = new.map(|project| Choice::new(&project.id, &project.name)).collect();
    let body = html! {
        @if image.visibility != Visibility::Shared {
            p .note { (t.image_share_needs(t.image_visibility_word(Visibility::Shared))) }
            @if image::may_change(visit.actor(), &image) {
                p { (ui::action(&format!("{HERE}/{id}/edit"), "pencil", t.edit())) }
            }
        } @else {
            form method="post" action=(at) hx-post=(at) hx-swap="none" {
                p { (t.image_share_text()) }
                @if !choices.is_empty() {
                    (ui::pick(Field { name: "project", label: t.project(), ..Field::default() }, Some(t.image_share_other()), &choices))
                }
                (ui::text(Field {
                    name: "other", label: t.image_share_id(), hint: t.image_share_id_hint(), example: "5b1c0f6a2d3e4f50a1b2c3d4e5f60718",
                    ..Field::default()
                }))
                (ui::submit(t, t.image_share(), false))
            }
        }
        (ui::command_line(t, &[
            format!("openstack image add project {id} PROJECT"),
            format!("openstack image set --accept {id}"),
        ]))
    };
    Ok(visit.form(&t.image_share_title(title(&image)), body))
}

pub(super) async fn add(visit: Visit, Path(id): Path<ImageId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let project = fields
        .text("project")
        .or(fields.text("other"))
        .ok_or_else(|| Problem::in_form(t.image_share_whom()))?;
    visit
        .post(&format!("/image/v2/images/{id}/members"), json!({"member": project}))
        .await?;
    Ok(Done::saying(t.image_shared_done()))
}

pub(super) async fn remove(visit: Visit, Path(id): Path<ImageId>, fields: Fields) -> Answer<Done> {
    let project = crate::outcome::in_query(fields.plain("project"));
    visit
        .delete(&format!("/image/v2/images/{id}/members/{project}"))
        .await?;
    Ok(Done::saying(visit.t().image_unshared_done()))
}

/// The project's own word on an offer.
pub(super) async fn answer(visit: Visit, Path(id): Path<ImageId>, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let status = fields.plain("status");
    let path = format!("/image/v2/images/{id}/members/{}", visit.project_id());
    visit.put(&path, json!({"status": status})).await?;
    Ok(Done::saying(if status == "accepted" {
        t.image_accepted_done()
    } else {
        t.image_rejected_done()
    }))
}
