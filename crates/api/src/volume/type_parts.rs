//! What belongs to a volume type: extra specs, the projects that may use it, encryption.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::volume::types;
use model::volume::{Encryption, VolumeType};
use model::{Error, ProjectId, Result, Timestamp};
use serde_json::{Map, Value, json};

use super::types::{find, type_id, visible_specs};
use super::{Call, action, no_such_action};
use crate::compute::body::{Object, missing, wrong};
use crate::extract::Wire;
use crate::reply::{Reply, json as reply};

type Body = Map<String, Value>;

async fn change(
    call: &Call,
    id: &str,
    edit: impl FnOnce(&mut VolumeType) -> Result<()> + Send + 'static,
) -> Result<std::sync::Arc<VolumeType>> {
    let id = type_id(id)?;
    call.ctx.transact(move |tx, _| types::edit(tx, id, edit)).await
}

fn accepted() -> Reply {
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `GET /types/{id}/extra_specs`.
pub(super) async fn list_specs(call: Call, Path(id): Path<String>) -> Reply {
    let found = find(&call, &id)?;
    reply(&json!({"extra_specs": visible_specs(&call, &found)}))
}

/// Extra specs: names of letters, digits and `-_.: `.
fn check_specs(specs: &std::collections::BTreeMap<String, String>) -> Result<()> {
    let is_name = |name: &str| {
        name.chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | ' '))
    };
    match specs.keys().find(|name| !is_name(name)) {
        Some(name) => Err(wrong(
            name,
            &json!(name),
            "A key has letters, digits, underscores, periods, colons and hyphens only.",
        )),
        None if specs.is_empty() => Err(Error::invalid("ValidationError", "Name an extra spec at least.")),
        None => Ok(()),
    }
}

/// `POST /types/{id}/extra_specs`.
pub(super) async fn add_specs(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    let specs = Object::only_member(&body, "extra_specs")?.as_texts()?;
    check_specs(&specs)?;
    let shown = specs.clone();
    change(&call, &id, move |each| {
        each.extra_specs.extend(specs);
        Ok(())
    })
    .await?;
    reply(&json!({"extra_specs": shown}))
}

fn no_spec(id: &str, key: &str) -> Error {
    Error::not_found(
        "VolumeTypeExtraSpecsNotFound",
        format!("Volume Type {id} has no extra specs with key {key}."),
    )
}

/// `GET /types/{id}/extra_specs/{key}`.
pub(super) async fn show_spec(call: Call, Path((id, key)): Path<(String, String)>) -> Reply {
    let specs = visible_specs(&call, &*find(&call, &id)?);
    let value = specs.get(&key).ok_or_else(|| no_spec(&id, &key))?;
    reply(&json!({key: value}))
}

/// `PUT /types/{id}/extra_specs/{key}`.
pub(super) async fn set_spec(call: Call, Path((id, key)): Path<(String, String)>, Wire(body): Wire<Body>) -> Reply {
    let specs = Object::new(&body).as_texts()?;
    check_specs(&specs)?;
    if specs.len() != 1 || !specs.contains_key(&key) {
        return Err(Error::invalid(
            "HTTPBadRequest",
            format!("The body is to hold the one extra spec '{key}' of the address."),
        )
        .into());
    }
    let shown = specs.clone();
    change(&call, &id, move |each| {
        each.extra_specs.extend(specs);
        Ok(())
    })
    .await?;
    reply(&shown)
}

/// `DELETE /types/{id}/extra_specs/{key}`.
pub(super) async fn delete_spec(call: Call, Path((id, key)): Path<(String, String)>) -> Reply {
    let named = id.clone();
    change(&call, &id, move |each| {
        each.extra_specs
            .remove(&key)
            .map(drop)
            .ok_or_else(|| no_spec(&named, &key))
    })
    .await?;
    accepted()
}

/// `GET /types/{id}/os-volume-type-access`.
pub(super) async fn list_access(call: Call, Path(id): Path<String>) -> Reply {
    let found = find(&call, &id)?;
    if found.is_public {
        return Err(Error::not_found("HTTPNotFound", "Access list not available for public volume types.").into());
    }
    let projects = found.projects.iter();
    let shown: Vec<Value> = projects
        .map(|project| json!({"volume_type_id": found.id, "project_id": project}))
        .collect();
    reply(&json!({"volume_type_access": shown}))
}

/// `POST /types/{id}/action`: `addProjectAccess`, `removeProjectAccess`.
pub(super) async fn act(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    let (name, body) = action(&body)?;
    let adds = match name {
        "addProjectAccess" => true,
        "removeProjectAccess" => false,
        _ => return Err(no_such_action(name).into()),
    };
    let project = body.text("project", 1..=64)?.ok_or_else(|| missing("project"))?;
    let project = ProjectId::from(project);
    change(&call, &id, move |each| {
        if each.is_public {
            return Err(Error::conflict(
                "InvalidVolumeType",
                "Type access modification is not applicable to public volume type.",
            ));
        }
        if adds && !each.projects.insert(project.clone()) {
            return Err(Error::conflict(
                "VolumeTypeAccessExists",
                format!(
                    "Volume type access for {} / {project} combination already exists.",
                    each.id
                ),
            ));
        }
        if !adds && !each.projects.remove(&project) {
            return Err(Error::not_found(
                "VolumeTypeAccessNotFound",
                format!("Volume type access not found for {} / {project} combination.", each.id),
            ));
        }
        Ok(())
    })
    .await?;
    accepted()
}

fn encryption_view(of: &VolumeType) -> Value {
    let Some(encryption) = &of.encryption else {
        return json!({});
    };
    json!({
        "volume_type_id": of.id,
        "encryption_id": encryption.id,
        "provider": encryption.provider,
        "control_location": encryption.control_location,
        "cipher": encryption.cipher,
        "key_size": encryption.key_size,
        "created_at": encryption.created_at.micros_bare(),
        "updated_at": encryption.updated_at.map(|at| at.micros_bare()),
        "deleted_at": null,
        "deleted": false,
    })
}

/// `GET /types/{id}/encryption`.
pub(super) async fn show_encryption(call: Call, Path(id): Path<String>) -> Reply {
    reply(&encryption_view(&*find(&call, &id)?))
}

/// `GET /types/{id}/encryption/{key}`.
pub(super) async fn show_encryption_item(call: Call, Path((id, key)): Path<(String, String)>) -> Reply {
    let view = encryption_view(&*find(&call, &id)?);
    let value = view.get(&key).ok_or_else(|| no_encryption(&id))?;
    reply(&json!({key: value}))
}

fn no_encryption(id: &str) -> Error {
    Error::not_found(
        "VolumeTypeEncryptionNotFound",
        format!("Volume type encryption for type {id} does not exist."),
    )
}

fn read_encryption(body: Object<'_>, into: &mut Encryption) -> Result<()> {
    if let Some(provider) = body.text("provider", 1..=255)? {
        into.provider = provider.to_owned();
    }
    if let Some(location) = body.text("control_location", 1..=255)? {
        if !["front-end", "back-end"].contains(&location) {
            return Err(wrong(
                "control_location",
                &json!(location),
                "It is neither front-end nor back-end.",
            ));
        }
        into.control_location = location.to_owned();
    }
    if body.has("cipher") {
        into.cipher = body.text("cipher", 0..=255)?.map(str::to_owned);
    }
    if body.has("key_size") {
        into.key_size = body.integer("key_size", 0..=u64::from(u32::MAX))?;
    }
    Ok(())
}

/// `POST /types/{id}/encryption`.
pub(super) async fn create_encryption(call: Call, Path(id): Path<String>, Wire(body): Wire<Body>) -> Reply {
    let id = type_id(&id)?;
    let body = Object::only_member(&body, "encryption")?;
    body.text("provider", 1..=255)?.ok_or_else(|| missing("provider"))?;
    let mut new = Encryption {
        id: uuid::Uuid::nil(),
        provider: String::new(),
        control_location: "front-end".to_owned(),
        cipher: None,
        key_size: None,
        created_at: Timestamp::EPOCH,
        updated_at: None,
    };
    read_encryption(body, &mut new)?;
    let made = call
        .ctx
        .transact(move |tx, _| {
            (new.id, new.created_at) = (
                uuid::Builder::from_random_bytes(tx.random_bytes()).into_uuid(),
                tx.now(),
            );
            types::edit_encryption(tx, id, |encryption| {
                if encryption.is_some() {
                    return Err(Error::invalid(
                        "VolumeTypeEncryptionExists",
                        format!("Volume type encryption for type {id} already exists."),
                    ));
                }
                *encryption = Some(new);
                Ok(())
            })
        })
        .await?;
    let mut shown = encryption_view(&made);
    for inner in ["created_at", "updated_at", "deleted_at", "deleted"] {
        shown.as_object_mut().map(|shown| shown.remove(inner));
    }
    reply(&json!({"encryption": shown}))
}

/// `PUT /types/{id}/encryption/{encryption}`.
pub(super) async fn update_encryption(
    call: Call,
    Path((id, _)): Path<(String, String)>,
    Wire(body): Wire<Body>,
) -> Reply {
    let text = id.clone();
    let id = type_id(&id)?;
    let fields = Object::only_member(&body, "encryption")?;
    let found = find(&call, &text)?;
    let mut new = found.encryption.clone().ok_or_else(|| no_encryption(&text))?;
    read_encryption(fields, &mut new)?;
    call.ctx
        .transact(move |tx, _| {
            new.updated_at = Some(tx.now());
            types::edit_encryption(tx, id, |encryption| {
                *encryption = Some(new);
                Ok(())
            })
        })
        .await?;
    reply(&body)
}

/// `DELETE /types/{id}/encryption/{encryption}`.
pub(super) async fn delete_encryption(call: Call, Path((id, _)): Path<(String, String)>) -> Reply {
    let text = id.clone();
    let id = type_id(&id)?;
    call.ctx
        .transact(move |tx, _| {
            types::edit_encryption(tx, id, |encryption| {
                encryption.take().map(drop).ok_or_else(|| no_encryption(&text))
            })
        })
        .await?;
    accepted()
}
