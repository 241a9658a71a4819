//! Keystone's documents of the rows, and the frame of its lists.

use model::identity::{Domain, Project};
use serde_json::{Map, Value, json};

use crate::context::Ctx;

/// A list with its links.
pub(super) fn collection(ctx: &Ctx, name: &str, items: Vec<Value>, path: &str) -> Value {
    let url = format!("{}/identity/v3{path}", ctx.base_url());
    json!({name: items, "links": {"self": url, "previous": null, "next": null}})
}

/// A document with its own link, over the attributes that users added.
fn with_extra<'a>(extra: impl IntoIterator<Item = (&'a String, &'a Value)>, own: Value, link: String) -> Value {
    let mut all: Map<String, Value> = extra.into_iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    if let Value::Object(own) = own {
        all.extend(own);
    }
    all.insert("links".to_owned(), json!({"self": link}));
    Value::Object(all)
}

/// A domain.
pub(super) fn domain(domain: &Domain, base_url: &str) -> Value {
    let own = json!({
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": domain.tags,
        "options": {},
    });
    with_extra(
        &domain.extra,
        own,
        format!("{base_url}/identity/v3/domains/{}", domain.id),
    )
}

/// A project.
pub(super) fn project(project: &Project, base_url: &str) -> Value {
    let parent = project
        .parent_id
        .as_ref()
        .map_or_else(|| project.domain_id.to_string(), ToString::to_string);
    let own = json!({
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": parent,
        "is_domain": false,
        "description": project.description,
        "enabled": project.enabled,
        "tags": project.tags,
        "options": {},
    });
    with_extra(
        &project.extra,
        own,
        format!("{base_url}/identity/v3/projects/{}", project.id),
    )
}
