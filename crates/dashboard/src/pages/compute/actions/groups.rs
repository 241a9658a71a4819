//! A server's security groups: who may reach it.

use std::collections::BTreeSet;

use axum::extract::Path;
use maud::html;
use model::network::SecurityGroup;
use model::{SecurityGroupId, ServerId};
use serde_json::json;

use super::super::servers::{HERE, find, group_ids};
use crate::form::Fields;
use crate::outcome::{Answer, Done, Problem};
use crate::pages::network::networks;
use crate::ui::{self, Choice, Field};
use crate::visit::Visit;

pub(super) async fn ask(visit: Visit, Path(id): Path<ServerId>) -> Answer {
    let (t, cloud) = (visit.t(), visit.cloud());
    let server = find(&visit, id)?;
    let ids = cloud.lookups.groups_by_project.of(&server.project_id);
    let mut groups: Vec<_> = ids.filter_map(|id| cloud.find::<SecurityGroup>(id)).collect();
    groups.sort_by_key(|group| group.standard.name.to_lowercase());
    let choices: Vec<Choice> = groups
        .iter()
        .map(|group| Choice::new(group.id, networks::name_of(t, &group.standard)).note(&group.standard.description))
        .collect();
    let taken: Vec<String> = group_ids(cloud, &server).iter().map(ToString::to_string).collect();
    let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
    let at = format!("{HERE}/{id}/security-groups");
    Ok(visit.form(&t.server_groups_of(&server.name), html! {
        form method="post" action=(at) hx-post=(at) hx-swap="none" {
            (ui::choices(Field { name: "group", label: t.nav_security_groups(), hint: t.server_groups_hint(), ..Field::default() }, true, &choices, &taken))
            (ui::submit(t, t.save(), false))
        }
        (ui::command_line(t, &[
            format!("openstack server add security group {id} GROUP"),
            format!("openstack server remove security group {id} GROUP"),
        ]))
    }))
}

pub(super) async fn change(visit: Visit, Path(id): Path<ServerId>, fields: Fields) -> Answer<Done> {
    let server = find(&visit, id)?;
    let parse = |id: &str| id.parse::<SecurityGroupId>().map_err(|_| Problem::in_form(id));
    let wanted: BTreeSet<_> = fields.all("group").map(parse).collect::<Result<_, _>>()?;
    let has: BTreeSet<_> = group_ids(visit.cloud(), &server).into_iter().collect();
    let path = format!("/compute/v2.1/servers/{id}/action");
    // Added first: a server is never without the rules that it had and keeps.
    for group in wanted.difference(&has) {
        visit.post(&path, json!({"addSecurityGroup": {"name": group}})).await?;
    }
    for group in has.difference(&wanted) {
        visit
            .post(&path, json!({"removeSecurityGroup": {"name": group}}))
            .await?;
    }
    Ok(Done::saying(visit.t().saved()))
}
