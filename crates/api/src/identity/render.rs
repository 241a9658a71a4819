//! Keystone's documents of the rows.

use model::identity::{Domain, Group, Project, Role, User};
use model::{Cloud, Timestamp};
use serde_json::{Map, Value, json};

/// A document with its own link, over the attributes that users added.
pub(super) fn with_extra<'a>(
    extra: impl IntoIterator<Item = (&'a String, &'a Value)>,
    own: Value,
    link: String,
) -> Value {
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
    let link = format!("{base_url}/identity/v3/domains/{}", domain.id);
    with_extra(&domain.extra, own, link)
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
    let link = format!("{base_url}/identity/v3/projects/{}", project.id);
    with_extra(&project.extra, own, link)
}

/// A domain as the project that acts as it.
pub(super) fn domain_as_project(domain: &Domain, base_url: &str) -> Value {
    let own = json!({
        "id": domain.id,
        "name": domain.name,
        "domain_id": null,
        "parent_id": null,
        "is_domain": true,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": domain.tags,
        "options": {},
    });
    let link = format!("{base_url}/identity/v3/projects/{}", domain.id);
    with_extra(&domain.extra, own, link)
}

/// A user; never their password's hash.
pub(super) fn user(user: &User, password_expires_at: Option<Timestamp>, base_url: &str) -> Value {
    let mut own = json!({
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "password_expires_at": password_expires_at.map(Timestamp::micros_bare),
        "options": user.options,
    });
    for (name, value) in [
        ("description", user.description.clone()),
        ("email", user.email.clone()),
        (
            "default_project_id",
            user.default_project_id.as_ref().map(ToString::to_string),
        ),
    ] {
        if let Some(value) = value {
            own[name] = value.into();
        }
    }
    let link = format!("{base_url}/identity/v3/users/{}", user.id);
    with_extra(&user.extra, own, link)
}

/// A group.
pub(super) fn group(group: &Group, base_url: &str) -> Value {
    let own = json!({
        "id": group.id,
        "name": group.name,
        "domain_id": group.domain_id,
        "description": group.description,
    });
    let link = format!("{base_url}/identity/v3/groups/{}", group.id);
    with_extra(&group.extra, own, link)
}

/// A role.
pub(super) fn role(role: &Role, base_url: &str) -> Value {
    json!({
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id,
        "description": role.description,
        "options": role.options,
        "links": {"self": format!("{base_url}/identity/v3/roles/{}", role.id)},
    })
}

/// A role within `role_inference`.
pub(super) fn role_in_inference(role: &Role, base_url: &str) -> Value {
    json!({
        "id": role.id,
        "name": role.name,
        "links": {"self": format!("{base_url}/identity/v3/roles/{}", role.id)},
    })
}

/// A domain within another object: `{"id", "name"}`.
pub(super) fn domain_ref(cloud: &Cloud, id: &model::DomainId) -> Value {
    let name = cloud.domains.get(id).map(|domain| domain.name.clone());
    json!({"id": id, "name": name})
}
