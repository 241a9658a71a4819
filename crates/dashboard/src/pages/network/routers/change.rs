//! Making, changing and deleting a router.

use axum::extract::Path;
use maud::html;
use model::RouterId;
use model::network::Router;
use model::network::access::get_visible;
use serde_json::json;

use super::{HERE, gateway, interfaces};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Page, Problem};
use crate::pages::deletion::{self, Kind, Victim};
use crate::pages::network::{networks, quota_of};
use crate::ui::{self, Field};
use crate::visit::Visit;

pub(super) async fn new(visit: Visit) -> Answer {
    let t = visit.t();
    let (used, limit) = quota_of(&visit, "router");
    let subnets = interfaces::candidates(&visit, visit.project_id(), None, false);
    let body = html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" {
            (ui::text(Field {
                name: "name",
                label: t.name(),
                hint: t.network_name_hint(),
                example: "router1",
                ..Field::default()
            }))
            (gateway::fields(&visit, None))
            @if subnets.is_empty() {
                p .note { (t.router_no_subnets()) }
            } @else {
                (ui::choices(
                    Field {
                        name: "subnet",
                        label: t.subnets(),
                        hint: t.router_subnets_hint(),
                        ..Field::default()
                    },
                    true,
                    &subnets,
                    &[],
                ))
            }
            (ui::check("admin_state_up", t.router_admin_up(), t.router_admin_up_hint(), true))
            div .quota-bars { (ui::usage_bar(t, t.router_quota(), used, limit, ui::count)) }
            (ui::submit(t, t.router_new(), false))
        }
        (ui::command_line(t, &[
            "openstack router create --external-gateway public router1".to_owned(),
            "openstack router add subnet router1 SUBNET".to_owned(),
        ]))
    };
    Ok(visit.form(t.router_new(), body))
}

pub(super) async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let t = visit.t();
    let mut router = json!({
        "name": fields.plain("name"),
        "admin_state_up": fields.is_set("admin_state_up"),
    });
    if let Some(gateway) = gateway::read(&visit, &fields, None)? {
        router["external_gateway_info"] = gateway;
    }
    let made = visit
        .post("/networking/v2.0/routers", json!({"router": router}))
        .await?;
    let id = made["router"]["id"].as_str().unwrap_or_default().to_owned();
    if let Err(problem) = interfaces::join(&visit, &id, fields.all("subnet")).await {
        // One form, one outcome.
        visit.delete(&format!("/networking/v2.0/routers/{id}")).await?;
        return Err(problem);
    }
    let name = if fields.plain("name").is_empty() {
        t.unnamed()
    } else {
        fields.plain("name")
    };
    Ok(Done::saying(t.router_made(name)).then(format!("{HERE}/{id}")))
}

pub(super) async fn edit(visit: Visit, Path(id): Path<RouterId>) -> Answer {
    let t = visit.t();
    let router = get_visible::<Router>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::text(Field { name: "name", label: t.name(), value: &router.standard.name, ..Field::default() }))
            (ui::text(Field {
                name: "description",
                label: t.description(),
                value: &router.standard.description,
                ..Field::default()
            }))
            (ui::check("admin_state_up", t.router_admin_up(), t.router_admin_up_hint(), router.admin_state_up))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack router set --name NAME --description TEXT --enable {id}")]))
    };
    Ok(visit.form(&t.router_edit(networks::name_of(t, &router.standard)), body))
}

pub(super) async fn update(visit: Visit, Path(id): Path<RouterId>, fields: Fields) -> Answer<Done> {
    let router = json!({
        "name": fields.plain("name"),
        "description": fields.plain("description"),
        "admin_state_up": fields.is_set("admin_state_up"),
    });
    visit
        .put(&format!("/networking/v2.0/routers/{id}"), json!({"router": router}))
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

fn ids(fields: &Fields) -> Result<Vec<RouterId>, Problem> {
    fields
        .all("id")
        .map(|id| id.parse().map_err(|_| Problem::in_form(id)))
        .collect()
}

fn victims(visit: &Visit, ids: &[RouterId]) -> Answer<Vec<Victim>> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let victim = |id: &RouterId| {
        let router = get_visible::<Router>(cloud, visit.actor(), id)?;
        let legs = interfaces::of(cloud, *id).len();
        let through = cloud.lookups.floating_ips_by_router.count(id);
        let path = format!("/networking/v2.0/routers/{id}");
        let victim = Victim::new(id, networks::name_of(t, &router.standard), path);
        if through > 0 {
            let page = format!("/dashboard/routers/{id}");
            return Ok(victim
                .blocked(t.router_in_the_way(through))
                .step(page, t.router_to_page()));
        }
        if legs > 0 {
            return Ok(victim
                .blocked(t.router_interfaces_in_the_way(legs))
                .unless("interfaces"));
        }
        Ok(victim)
    };
    ids.iter().map(victim).collect()
}

pub(super) async fn ask_delete(visit: Visit, fields: Fields) -> Answer<Page> {
    let t = visit.t();
    let ids = ids(&fields)?;
    // Those of a router that floating IPs go through can't be removed, nor the router deleted.
    let is_free = |id: &RouterId| visit.cloud().lookups.floating_ips_by_router.count(id) == 0;
    let has_legs = ids.iter().all(is_free) && ids.iter().any(|id| !interfaces::of(visit.cloud(), *id).is_empty());
    let more = html! {
        @if has_legs { (ui::check("interfaces", t.router_delete_interfaces(), t.router_delete_interfaces_hint(), false)) }
    };
    Ok(deletion::ask_with(
        &visit,
        Kind::Router,
        &format!("{HERE}/delete"),
        &victims(&visit, &ids)?,
        more,
    ))
}

pub(super) async fn delete(visit: Visit, fields: Fields) -> Answer<Done> {
    let ids = ids(&fields)?;
    let victims = victims(&visit, &ids)?;
    if fields.is_set("interfaces") {
        for id in &ids {
            take_apart(&visit, *id).await?;
        }
    }
    deletion::run(&visit, Kind::Router, &fields, &victims, Some(HERE)).await
}

/// Removes a router's interfaces, unless floating IPs need them: then none goes.
async fn take_apart(visit: &Visit, id: RouterId) -> Answer<()> {
    let cloud = visit.cloud();
    let through = cloud
        .lookups
        .floating_ips_by_router
        .of(&id)
        .filter_map(|id| cloud.floating_ips.get(id));
    let through: Vec<_> = through.map(|row| row.floating_ip_address.to_string()).collect();
    if !through.is_empty() {
        return Err(Problem::in_form(visit.t().router_has_floating_ips(through.join(", "))));
    }
    let router = get_visible::<Router>(cloud, visit.actor(), &id)?;
    if !router.routes.is_empty() {
        // They lead to neighbours on the networks that it leaves.
        visit
            .put(
                &format!("/networking/v2.0/routers/{id}"),
                json!({"router": {"routes": []}}),
            )
            .await?;
    }
    for leg in interfaces::of(cloud, id) {
        let at = format!("/networking/v2.0/routers/{id}/remove_router_interface");
        visit.put(&at, json!({"subnet_id": leg.subnet.id})).await?;
    }
    Ok(())
}
