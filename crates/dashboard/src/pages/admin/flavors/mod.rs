//! Flavors: the sizes that servers come in.

mod access;
mod specs;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use maud::{Markup, html};
use model::FlavorId;
use model::compute::Flavor;
use serde_json::json;

use super::common::Admin;
use crate::form::Fields;
use crate::layout::Content;
use crate::messages::Text;
use crate::outcome::{Answer, Done, in_query};
use crate::pages::deletion::{self, Victim};
use crate::site::Site;
use crate::ui::{self, Field, List, ListQuery, fact, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/admin/flavors";
const API: &str = "/compute/v2.1/flavors";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/dashboard/admin/flavors/new", get(new))
        .route("/dashboard/admin/flavors/{id}", get(show))
        .route("/dashboard/admin/flavors/{id}/edit", get(edit).post(update))
        .merge(specs::routes())
        .merge(access::routes())
        .merge(deletion::routes_of_admins(
            deletion::Kind::Flavor,
            "/dashboard/admin/flavors/delete",
            Some(HERE),
            victim,
        ))
}

/// A flavor's page, or a part below it.
fn page_of(id: &FlavorId, part: &str) -> String {
    format!("{HERE}/{}{part}", in_query(id.as_str()))
}

/// A flavor in the API, or a part below it.
fn api_of(id: &FlavorId, part: &str) -> String {
    format!("{API}/{}{part}", in_query(id.as_str()))
}

async fn list(Admin(visit): Admin, Query(query): Query<ListQuery>) -> Answer {
    let t = visit.t();
    let mut rows: Vec<_> = visit.cloud().flavors.iter().cloned().collect();
    rows.sort_by(|a, b| (a.memory_mib, a.vcpus, &a.name).cmp(&(b.memory_mib, b.vcpus, &b.name)));
    let create = ui::main_action("/dashboard/admin/flavors/new", "plus", t.admin_flavor_new());
    let body = html! {
        (ui::head(t.nav_flavors(), t.admin_flavors_lead(), html! { (create) }))
        @if rows.is_empty() {
            (ui::empty("sliders", t.admin_flavors_empty(), t.admin_flavors_empty_text(), create))
        } @else { (table(&visit, &query, rows)) }
    };
    Ok(visit.page(Content::new(t.nav_flavors(), body).cli(["openstack flavor list --all --long"])))
}

fn table(visit: &Visit, query: &ListQuery, rows: Vec<Arc<Flavor>>) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let users = |id: &FlavorId| cloud.servers.iter().filter(|server| server.flavor.id == *id).count();
    List::new(visit, query, t.pick("flavors", "Flavor"), rows, |row| format!("{} {} {}", row.name, row.id, row.description.as_deref().unwrap_or_default()))
        .sorted("name", t.name(), |row| row.name.to_lowercase(), |row| html! {
            a href=(page_of(&row.id, "")) { (row.name) } " "
            @if !row.is_public { (tag(t.admin_flavor_private())) }
        })
        .sorted("vcpus", &t.admin_quota("cores"), |row| row.vcpus, |row| html! { (row.vcpus) })
        .sorted("memory", t.admin_host_memory(), |row| row.memory_mib, |row| html! { (ui::mebibytes(t, row.memory_mib)) })
        .sorted("disk", t.admin_flavor_disk(), |row| row.root_gib, |row| html! { (disk(t, row)) })
        .sorted("ephemeral", t.admin_flavor_ephemeral(), |row| row.ephemeral_gib, |row| html! { (ui::gibibytes(t, row.ephemeral_gib)) })
        .sorted("swap", t.server_swap(), |row| row.swap_mib, |row| html! { (ui::mebibytes(t, row.swap_mib)) })
        .sorted("servers", t.nav_servers(), |row| users(&row.id), |row| html! { (users(&row.id)) })
        .menu(|row| ui::menu(t, &row.name, html! {
            (ui::menu_dialog(&page_of(&row.id, "/edit"), "pencil", t.edit()))
            (ui::dialog_link(&format!("{HERE}/delete?id={}", in_query(row.id.as_str())), "item danger", html! { (icon("trash")) (t.delete()) }))
        }))
        .bulk_delete(format!("{HERE}/delete"), |row| row.id.to_string(), |row| row.name.clone())
        .render()
}

/// The root disk; without a size it is as large as the image.
fn disk(t: Text, flavor: &Flavor) -> String {
    if flavor.root_gib == 0 {
        t.admin_flavor_disk_of_image().to_owned()
    } else {
        ui::gibibytes(t, flavor.root_gib)
    }
}

async fn show(Admin(visit): Admin, Path(id): Path<FlavorId>) -> Answer {
    let t = visit.t();
    let flavor = visit.cloud().get::<Flavor>(&id)?;
    let actions = html! {
        (ui::action(&page_of(&id, "/edit"), "pencil", t.edit()))
        (ui::dialog_link(&format!("{HERE}/delete?id={}", in_query(id.as_str())), "button danger", html! { (icon("trash")) (t.delete()) }))
    };
    let state =
        html! { @if flavor.is_public { (tag(t.admin_flavor_public())) } @else { (tag(t.admin_flavor_private())) } };
    let body = html! {
        (ui::object_head((HERE, t.nav_flavors()), &flavor.name, state, actions))
        div .cards {
            (ui::card(t.details(), ui::facts(html! {
                (fact(t.id(), ui::copyable(t, id.as_str())))
                @if let Some(words) = &flavor.description { (fact(t.description(), html! { (words) })) }
                (fact(&t.admin_quota("cores"), html! { (flavor.vcpus) }))
                (fact(t.admin_host_memory(), html! { (ui::mebibytes(t, flavor.memory_mib)) }))
                (fact(t.admin_flavor_disk(), html! { (disk(t, &flavor)) }))
                (fact(t.admin_flavor_ephemeral(), html! { (ui::gibibytes(t, flavor.ephemeral_gib)) }))
                (fact(t.server_swap(), html! { (ui::mebibytes(t, flavor.swap_mib)) }))
            })))
            (access::card(&visit, &flavor))
        }
        (specs::card(&visit, &flavor))
    };
    Ok(visit.page(Content::new(&flavor.name, body).cli([format!("openstack flavor show {}", flavor.name)])))
}

async fn new(Admin(visit): Admin) -> Answer {
    let t = visit.t();
    let vcpus = t.admin_quota("cores");
    let number = |name, label, value, least| {
        ui::text(Field {
            name,
            label,
            value,
            kind: Some("number"),
            range: Some((least, i64::from(i32::MAX))),
            required: true,
            ..Field::default()
        })
    };
    let body = html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), example: "m1.small", required: true, ..Field::default() }))
            div .columns {
                (number("vcpus", &vcpus, "1", 1))
                (number("ram", t.admin_flavor_memory_mib(), "512", 1))
                (number("disk", t.admin_flavor_disk_gib(), "0", 0))
                (number("ephemeral", t.admin_flavor_ephemeral_gib(), "0", 0))
                (number("swap", t.admin_flavor_swap_mib(), "0", 0))
            }
            p .hint { (t.admin_flavor_disk_hint()) }
            (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
            (ui::check("public", t.admin_flavor_is_public(), t.admin_flavor_is_public_hint(), true))
            details .more {
                summary { (t.admin_more_settings()) }
                (ui::text(Field { name: "flavor_id", label: t.id(), hint: t.admin_flavor_id_hint(), ..Field::default() }))
            }
            (ui::submit(t, t.admin_flavor_new(), false))
        }
        (ui::command_line(t, &["openstack flavor create --vcpus 1 --ram 512 --disk 5 m1.small".to_owned()]))
    };
    Ok(visit.form(t.admin_flavor_new(), body))
}

async fn create(Admin(visit): Admin, fields: Fields) -> Answer<Done> {
    let number = |name: &str| fields.parse::<u64>(name).map(Option::unwrap_or_default);
    let flavor = json!({
        "name": fields.plain("name"),
        "id": fields.text("flavor_id").unwrap_or("auto"),
        "vcpus": number("vcpus")?,
        "ram": number("ram")?,
        "disk": number("disk")?,
        "OS-FLV-EXT-DATA:ephemeral": number("ephemeral")?,
        "swap": number("swap")?,
        "os-flavor-access:is_public": fields.is_set("public"),
        "description": fields.text("description"),
    });
    let made = visit.post(API, json!({"flavor": flavor})).await?;
    let id = FlavorId::from(made["flavor"]["id"].as_str().unwrap_or_default());
    Ok(Done::saying(visit.t().admin_made(fields.plain("name"))).then(page_of(&id, "")))
}

async fn edit(Admin(visit): Admin, Path(id): Path<FlavorId>) -> Answer {
    let t = visit.t();
    let flavor = visit.cloud().get::<Flavor>(&id)?;
    let at = page_of(&id, "/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            p .note { (t.admin_flavor_edit_hint()) }
            (ui::text(Field { name: "description", label: t.description(), value: flavor.description.as_deref().unwrap_or_default(), ..Field::default() }))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack flavor set --description TEXT {id}")]))
    };
    Ok(visit.form(&t.edit_title(t.pick("flavor", "flavor"), &flavor.name), body))
}

async fn update(Admin(visit): Admin, Path(id): Path<FlavorId>, fields: Fields) -> Answer<Done> {
    visit
        .put(
            &api_of(&id, ""),
            json!({"flavor": {"description": fields.text("description")}}),
        )
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let cloud = visit.cloud();
    let flavor = cloud.get::<Flavor>(&id.into())?;
    let users = cloud
        .servers
        .iter()
        .filter(|server| server.flavor.id == flavor.id)
        .count();
    let victim = Victim::new(&flavor.id, &flavor.name, api_of(&flavor.id, ""));
    Ok(victim.note_of(users, |users| visit.t().admin_flavor_used(users)))
}
