//! Making, changing and deleting a security group.

use axum::extract::Path;
use maud::html;
use model::SecurityGroupId;
use model::network::SecurityGroup;
use model::network::access::get_visible;
use serde_json::json;

use super::HERE;
use crate::form::Fields;
use crate::outcome::{Answer, Done};
use crate::pages::deletion::{self, Victim};
use crate::pages::network::{networks, quota_of};
use crate::ui::{self, Field};
use crate::visit::Visit;

pub(super) async fn new(visit: Visit) -> Answer {
    let t = visit.t();
    let (used, limit) = quota_of(&visit, "security_group");
    let body = html! {
        form method="post" action=(HERE) hx-post=(HERE) hx-swap="none" {
            p .note { (t.sg_new_hint()) }
            (ui::text(Field {
                name: "name",
                label: t.name(),
                hint: t.sg_name_hint(),
                example: "web",
                required: true,
                ..Field::default()
            }))
            (ui::text(Field { name: "description", label: t.description(), ..Field::default() }))
            (ui::check("stateless", t.sg_stateless_choice(), t.sg_stateless_hint(), false))
            div .quota-bars { (ui::usage_bar(t, t.sg_quota(), used, limit, ui::count)) }
            (ui::submit(t, t.sg_new(), false))
        }
        (ui::command_line(t, &["openstack security group create --description TEXT web".to_owned()]))
    };
    Ok(visit.form(t.sg_new(), body))
}

pub(super) async fn create(visit: Visit, fields: Fields) -> Answer<Done> {
    let name = fields.plain("name");
    let group = json!({
        "name": name, "description": fields.plain("description"), "stateful": !fields.is_set("stateless"),
    });
    let made = visit
        .post("/networking/v2.0/security-groups", json!({"security_group": group}))
        .await?;
    let id = made["security_group"]["id"].as_str().unwrap_or_default();
    Ok(Done::saying(visit.t().sg_made(name)).then(format!("{HERE}/{id}")))
}

pub(super) async fn edit(visit: Visit, Path(id): Path<SecurityGroupId>) -> Answer {
    let t = visit.t();
    let group = get_visible::<SecurityGroup>(visit.cloud(), visit.actor(), &id)?;
    let at = format!("{HERE}/{id}/edit");
    let body = html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            @if group.is_default {
                p .note { (t.sg_name_kept()) }
            } @else {
                (ui::text(Field {
                    name: "name",
                    label: t.name(),
                    value: &group.standard.name,
                    required: true,
                    ..Field::default()
                }))
            }
            (ui::text(Field {
                name: "description",
                label: t.description(),
                value: &group.standard.description,
                ..Field::default()
            }))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[format!("openstack security group set --name NAME --description TEXT {id}")]))
    };
    Ok(visit.form(&t.sg_edit(networks::name_of(t, &group.standard)), body))
}

pub(super) async fn update(visit: Visit, Path(id): Path<SecurityGroupId>, fields: Fields) -> Answer<Done> {
    let mut group = json!({"description": fields.plain("description")});
    if let Some(name) = fields.text("name") {
        group["name"] = name.into();
    }
    visit
        .put(
            &format!("/networking/v2.0/security-groups/{id}"),
            json!({"security_group": group}),
        )
        .await?;
    Ok(Done::saying(visit.t().saved()))
}

pub(super) fn victim(visit: &Visit, id: &str) -> Answer<Victim> {
    let (t, cloud) = (visit.t(), visit.cloud());
    let group = get_visible::<SecurityGroup>(cloud, visit.actor(), &deletion::parsed(id)?)?;
    let path = format!("/networking/v2.0/security-groups/{}", group.id);
    let victim = Victim::new(group.id, networks::name_of(t, &group.standard), path);
    if group.is_default {
        return Ok(victim.blocked(t.sg_is_default()));
    }
    let members = cloud.lookups.ports_by_group.count(&group.id);
    if members > 0 {
        let page = format!("/dashboard/security-groups/{}#members", group.id);
        return Ok(victim.blocked(t.sg_in_use(members)).step(page, t.sg_members()));
    }
    let rules = cloud.lookups.rules_by_remote_group.of(&group.id);
    let named_by = rules
        .filter_map(|id| cloud.security_group_rules.get(id))
        .filter(|rule| rule.security_group_id != group.id)
        .count();
    Ok(victim.note_of(named_by, |count| t.sg_named_by(count)))
}
