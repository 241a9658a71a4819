//! Volume types, for administrators: the list, and deleting.

mod form;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use model::volume::{QosSpecs, VolumeType, types};
use model::{Cloud, Error, QosSpecsId, VolumeTypeId};

use super::type_name;
use crate::form::Fields;
use crate::layout::{Content, project_name};
use crate::messages::Text;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::deletion::{self, Kind, Victim};
use crate::site::Site;
use crate::ui::{self, List, ListQuery, icon, tag};
use crate::visit::Visit;

const HERE: &str = "/dashboard/volumes/types";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(HERE, get(list).post(form::create))
        .route("/dashboard/volumes/types/new", get(form::new))
        .route("/dashboard/volumes/types/delete", get(ask_delete).post(delete))
        .route("/dashboard/volumes/types/{id}/edit", get(form::edit).post(form::update))
}

/// These pages are for administrators.
fn check_admin(visit: &Visit) -> Result<(), Problem> {
    match visit.is_admin() {
        true => Ok(()),
        false => Err(Error::forbidden("Forbidden", visit.t().volume_types_forbidden()).into()),
    }
}

/// The limits that a type sets.
fn limits_of<'a>(cloud: &'a Cloud, of: &VolumeType) -> Option<&'a Arc<QosSpecs>> {
    cloud.qos_specs.get(&of.qos_specs_id?)
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Answer {
    check_admin(&visit)?;
    let t = visit.t();
    let mut types: Vec<_> = visit.cloud().volume_types.iter().cloned().collect();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    let create = ui::main_action("/dashboard/volumes/types/new", "plus", t.volume_type_new());
    let body = html! {
        (ui::crumbs([(super::HERE, t.nav_volumes())]))
        (ui::head(t.volume_types(), t.volume_types_lead(), html! { (create) }))
        (table(&visit, &query, types))
    };
    Ok(visit.page(Content::new(t.volume_types(), body).cli([
        "openstack volume type list --long",
        "openstack volume type create --property multiattach='<is> True' shared",
        "openstack volume qos create --consumer front-end --property total_iops_sec=500 slow",
        "openstack volume qos associate slow TYPE",
    ])))
}

fn table(visit: &Visit, query: &ListQuery, types: Vec<Arc<VolumeType>>) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let users = |of: &VolumeType| cloud.volumes.iter().filter(|volume| volume.type_id == of.id).count();
    List::new(visit, query, t.volume_types_word(), types, |each| {
        format!("{} {} {}", each.name, each.id, each.description.as_deref().unwrap_or_default())
    })
    .sorted("name", t.name(), |each| each.name.to_lowercase(), |each| {
        html! {
            b { (type_name(t, cloud, &each.id)) } " "
            @if each.is_multiattach() { (tag(t.volume_multiattach())) }
            @if let Some(text) = each.description.as_deref().filter(|text| !text.is_empty()) { div .muted.small { (text) } }
        }
    })
    .column("access", t.volume_type_access(), |each| access(t, cloud, each))
    .column("limits", t.volume_type_limits(), |each| {
        html! {
            @match limits_of(cloud, each) {
                Some(limits) => div .stack { @for (name, value) in &limits.specs { code { (name) "=" (value) } } },
                None => span .muted { (t.none()) },
            }
        }
    })
    .sorted("volumes", t.nav_volumes(), |each| users(each), |each| html! { (users(each)) })
    .menu(|each| {
        ui::menu(t, &each.name, html! {
            (ui::menu_dialog(&format!("{HERE}/{}/edit", each.id), "pencil", t.edit()))
            @if each.name != types::DEFAULT_NAME {
                hr;
                (ui::dialog_link(&format!("{HERE}/delete?id={}", each.id), "item danger", html! { (icon("trash")) (t.delete()) }))
            }
        })
    })
    .render()
}

fn access(t: Text, cloud: &Cloud, of: &VolumeType) -> Markup {
    html! {
        @if of.is_public { (t.volume_type_public()) } @else {
            div .stack {
                @for project in &of.projects { span { (project_name(cloud, project)) } }
                @if of.projects.is_empty() { span .muted { (t.volume_type_nobody()) } }
            }
        }
    }
}

fn chosen(visit: &Visit, fields: &Fields) -> Result<Vec<Arc<VolumeType>>, Problem> {
    check_admin(visit)?;
    let ids = fields
        .all("id")
        .map(|id| id.parse::<VolumeTypeId>().map_err(|_| Problem::in_form(id)));
    ids.map(|id| Ok(visit.cloud().get::<VolumeType>(&id?)?)).collect()
}

fn victims(visit: &Visit, chosen: &[Arc<VolumeType>]) -> Vec<Victim> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let victim = |each: &Arc<VolumeType>| {
        let users = cloud.volumes.iter().filter(|volume| volume.type_id == each.id).count();
        let victim = Victim::new(
            each.id,
            type_name(t, cloud, &each.id),
            format!("/volume/v3/types/{}", each.id),
        );
        if users > 0 {
            return victim
                .blocked(t.volume_type_in_use(users))
                .step("/dashboard/volumes/all", t.nav_volumes());
        }
        victim
    };
    chosen.iter().map(victim).collect()
}

async fn ask_delete(visit: Visit, fields: Fields) -> Answer<Page> {
    let chosen = chosen(&visit, &fields)?;
    Ok(deletion::ask(
        &visit,
        Kind::VolumeType,
        "/dashboard/volumes/types/delete",
        &victims(&visit, &chosen),
    ))
}

async fn delete(visit: Visit, fields: Fields) -> Answer<Done> {
    let chosen = chosen(&visit, &fields)?;
    let done = deletion::run(&visit, Kind::VolumeType, &fields, &victims(&visit, &chosen), None).await?;
    let limits: BTreeSet<QosSpecsId> = chosen.iter().filter_map(|each| each.qos_specs_id).collect();
    for id in limits {
        form::drop_unused(&visit, id).await?;
    }
    Ok(done)
}
