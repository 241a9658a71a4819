//! `/v2/metadefs`: the dictionary of properties.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Path;
use model::image::{self, Definition, MetadefNamespace, MetadefPart as Part, NamespaceFields, RESOURCE_TYPES};
use model::{Error, Result};
use serde_json::{Map, Value, json};

use crate::access::Access::{Admin, Reader};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::query::Query;
use crate::reply::{Reply, created, json as ok, no_content};
use crate::routes::Routes;

/// The routes of one kind of definition: all of them, and one.
macro_rules! parts {
    ($routes:expr, $($path:literal => $part:expr;)*) => {{
        let routes = $routes;
        $(
            let routes = routes
                .get(concat!("/v2/metadefs/namespaces/{namespace}/", $path), Reader,
                    async |ctx: Ctx, Path(ns): Path<String>| list_part(&ctx, &ns, $part))
                .get(concat!("/v2/metadefs/namespaces/{namespace}/", $path, "/{name}"), Reader,
                    async |ctx: Ctx, Path((ns, name)): Path<(String, String)>| show_part(&ctx, &ns, $part, &name))
                .put(concat!("/v2/metadefs/namespaces/{namespace}/", $path, "/{name}"), Admin,
                    async |ctx: Ctx, Path((ns, name)): Path<(String, String)>, Wire(body): Wire<Value>|
                        update_part(ctx, ns, $part, name, body).await)
                .delete(concat!("/v2/metadefs/namespaces/{namespace}/", $path, "/{name}"), Admin,
                    async |ctx: Ctx, Path((ns, name)): Path<(String, String)>|
                        delete_part(ctx, ns, $part, Some(name)).await)
                .delete(concat!("/v2/metadefs/namespaces/{namespace}/", $path), Admin,
                    async |ctx: Ctx, Path(ns): Path<String>| delete_part(ctx, ns, $part, None).await);
        )*
        routes
    }};
}

pub(super) fn routes(routes: Routes) -> Routes {
    const ONE: &str = "/v2/metadefs/namespaces/{namespace}";
    const TYPES: &str = "/v2/metadefs/namespaces/{namespace}/resource_types";
    let routes = routes
        .get("/v2/metadefs/namespaces", Reader, list)
        .post("/v2/metadefs/namespaces", Admin, create)
        .get(ONE, Reader, show)
        .put(ONE, Admin, update)
        .delete(ONE, Admin, delete)
        .get("/v2/metadefs/resource_types", Reader, resource_types)
        .get(TYPES, Reader, async |ctx: Ctx, Path(ns): Path<String>| {
            list_part(&ctx, &ns, Part::ResourceType)
        })
        .post(TYPES, Admin, create_association)
        .delete(
            "/v2/metadefs/namespaces/{namespace}/resource_types/{name}",
            Admin,
            async |ctx: Ctx, Path((ns, name)): Path<(String, String)>| {
                delete_part(ctx, ns, Part::ResourceType, Some(name)).await
            },
        )
        .post("/v2/metadefs/namespaces/{namespace}/objects", Admin, create_object)
        .post("/v2/metadefs/namespaces/{namespace}/properties", Admin, create_property)
        .post("/v2/metadefs/namespaces/{namespace}/tags", Admin, create_tags)
        .post("/v2/metadefs/namespaces/{namespace}/tags/{name}", Admin, create_tag);
    parts!(routes,
        "objects" => Part::Object;
        "properties" => Part::Property;
        "tags" => Part::Tag;
    )
}

fn bad(what: impl std::fmt::Display) -> Error {
    Error::invalid(
        "InvalidObject",
        format!("Provided object does not match schema: {what}"),
    )
}

fn own_path(row: &MetadefNamespace) -> String {
    format!("/v2/metadefs/namespaces/{}", row.namespace)
}

fn render(row: &MetadefNamespace) -> Value {
    json!({
        "namespace": row.namespace,
        "display_name": row.display_name,
        "description": row.description,
        "visibility": if row.public { "public" } else { "private" },
        "protected": row.protected,
        "owner": row.owner,
        "created_at": row.created_at.seconds_z(),
        "updated_at": row.updated_at.seconds_z(),
        "self": own_path(row),
        "schema": "/v2/schemas/metadefs/namespace",
    })
}

/// A namespace with all that is in it.
fn render_whole(row: &MetadefNamespace) -> Value {
    let mut body = render(row);
    for (name, part) in [
        ("resource_type_associations", Part::ResourceType),
        ("objects", Part::Object),
        ("properties", Part::Property),
        ("tags", Part::Tag),
    ] {
        if !row.part(part).is_empty() {
            body[name] = render_all(&row.namespace, part, row.part(part));
        }
    }
    body
}

fn render_part(namespace: &str, part: Part, name: &str, entry: &Definition) -> Value {
    let mut body: Map<String, Value> = entry.body.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    body.insert("name".to_owned(), name.into());
    if part == Part::Property {
        return Value::Object(body);
    }
    body.insert("created_at".to_owned(), entry.created_at.seconds_z().into());
    body.insert("updated_at".to_owned(), entry.updated_at.seconds_z().into());
    if part == Part::Object {
        let path = format!("/v2/metadefs/namespaces/{namespace}/objects/{name}");
        body.insert("self".to_owned(), path.into());
        body.insert("schema".to_owned(), "/v2/schemas/metadefs/object".into());
    }
    Value::Object(body)
}

/// Definitions of a kind: properties by name, the others as a list, as Glance has them.
fn render_all(namespace: &str, part: Part, entries: &BTreeMap<String, Definition>) -> Value {
    let each = entries.iter();
    match part {
        Part::Property => each
            .map(|(name, entry)| {
                let mut body = render_part(namespace, part, name, entry);
                if let Value::Object(body) = &mut body {
                    body.remove("name");
                }
                (name.clone(), body)
            })
            .collect::<Map<String, Value>>()
            .into(),
        _ => each
            .map(|(name, entry)| render_part(namespace, part, name, entry))
            .collect(),
    }
}

fn optional_text(body: &Value, name: &str) -> Result<Option<String>> {
    match &body[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        other => Err(bad(format_args!("{other} is not of type 'string' ({name})"))),
    }
}

fn required_name(body: &Value) -> Result<String> {
    optional_text(body, "name")?.ok_or_else(|| bad("'name' is a required property"))
}

/// Everything in a body but what the cloud itself says.
fn rest_of(body: &Value) -> Result<BTreeMap<String, Value>> {
    const OWN: [&str; 5] = ["name", "created_at", "updated_at", "self", "schema"];
    let map = body.as_object().ok_or_else(|| bad("an object is needed"))?;
    let rest = map.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    Ok(rest.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn parse(body: &Value) -> Result<NamespaceFields> {
    let public = match body["visibility"].as_str() {
        None => false,
        Some("public") => true,
        Some("private") => false,
        Some(word) => {
            return Err(bad(format_args!(
                "'{word}' is not one of ['public', 'private'] (visibility)"
            )));
        }
    };
    let mut resource_types = BTreeMap::new();
    for wanted in body["resource_type_associations"].as_array().into_iter().flatten() {
        resource_types.insert(required_name(wanted)?, rest_of(wanted)?);
    }
    Ok(NamespaceFields {
        namespace: optional_text(body, "namespace")?.ok_or_else(|| bad("'namespace' is a required property"))?,
        display_name: optional_text(body, "display_name")?,
        description: optional_text(body, "description")?,
        public,
        protected: body["protected"].as_bool().unwrap_or(false),
        owner: optional_text(body, "owner")?.map(Into::into),
        resource_types,
    })
}

async fn list(ctx: Ctx, query: Query) -> Reply {
    let types: Option<Vec<&str>> = query.get("resource_types").map(|names| names.split(',').collect());
    let cloud = ctx.cloud();
    let rows = cloud.metadef_namespaces.iter().filter(|row| {
        let about = types
            .as_ref()
            .is_none_or(|types| types.iter().any(|name| row.resource_types.contains_key(*name)));
        let visible = match query.get("visibility") {
            Some("public") => row.public,
            Some("private") => !row.public,
            _ => true,
        };
        about && visible && image::sees_namespace(ctx.actor(), row)
    });
    let after = query.get("marker").unwrap_or("").to_owned();
    let limit: usize = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(1000);
    let mut rows = rows.filter(|row| after.is_empty() || row.namespace > after);
    let page: Vec<_> = rows.by_ref().take(limit.min(1000)).collect();
    let mut body = json!({
        "namespaces": page.iter().map(|row| render(row)).collect::<Vec<_>>(),
        "first": "/v2/metadefs/namespaces",
        "schema": "/v2/schemas/metadefs/namespaces",
    });
    if let (Some(last), Some(_)) = (page.last(), rows.next()) {
        body["next"] = format!("/v2/metadefs/namespaces?limit={limit}&marker={}", last.namespace).into();
    }
    ok(&body)
}

async fn show(ctx: Ctx, Path(name): Path<String>) -> Reply {
    let row = image::show_namespace(&ctx.cloud(), ctx.actor(), &name)?;
    ok(&render_whole(&row))
}

async fn create(ctx: Ctx, Wire(body): Wire<Value>) -> Reply {
    let fields = parse(&body)?;
    let row = ctx
        .transact(move |tx, actor| image::create_namespace(tx, actor, fields))
        .await?;
    created(&render_whole(&row))
}

async fn update(ctx: Ctx, Path(name): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let fields = parse(&body)?;
    let row = ctx
        .transact(move |tx, actor| image::update_namespace(tx, actor, &name, fields))
        .await?;
    ok(&render(&row))
}

async fn delete(ctx: Ctx, Path(name): Path<String>) -> Reply {
    ctx.transact(move |tx, actor| image::delete_namespace(tx, actor, &name))
        .await?;
    no_content()
}

/// Every kind of resource that is known: OpenStack's, and those that namespaces name.
async fn resource_types(ctx: Ctx) -> Reply {
    let cloud = ctx.cloud();
    let mut names: BTreeSet<&str> = RESOURCE_TYPES.into_iter().collect();
    for row in cloud
        .metadef_namespaces
        .iter()
        .filter(|row| image::sees_namespace(ctx.actor(), row))
    {
        names.extend(row.resource_types.keys().map(String::as_str));
    }
    let names: Vec<Value> = names.into_iter().map(|name| json!({"name": name})).collect();
    ok(&json!({"resource_types": names}))
}

fn list_part(ctx: &Ctx, namespace: &str, part: Part) -> Reply {
    let row = image::show_namespace(&ctx.cloud(), ctx.actor(), namespace)?;
    let name = match part {
        Part::Object => "objects",
        Part::Property => "properties",
        Part::Tag => "tags",
        Part::ResourceType => "resource_type_associations",
    };
    ok(&json!({name: render_all(namespace, part, row.part(part))}))
}

fn show_part(ctx: &Ctx, namespace: &str, part: Part, name: &str) -> Reply {
    let entry = image::show_definition(&ctx.cloud(), ctx.actor(), namespace, part, name)?;
    ok(&render_part(namespace, part, name, &entry))
}

async fn add(
    ctx: &Ctx,
    namespace: &str,
    part: Part,
    wanted: Vec<(String, BTreeMap<String, Value>)>,
) -> Result<Vec<Value>> {
    let into = namespace.to_owned();
    let made = ctx
        .transact(move |tx, actor| image::create_definitions(tx, actor, &into, part, wanted))
        .await?;
    let made = made.iter();
    Ok(made
        .map(|(name, entry)| render_part(namespace, part, name, entry))
        .collect())
}

async fn add_one(ctx: &Ctx, namespace: &str, part: Part, name: String, body: BTreeMap<String, Value>) -> Reply {
    let made = add(ctx, namespace, part, vec![(name, body)]).await?;
    created(&made[0])
}

async fn create_object(ctx: Ctx, Path(namespace): Path<String>, Wire(body): Wire<Value>) -> Reply {
    add_one(&ctx, &namespace, Part::Object, required_name(&body)?, rest_of(&body)?).await
}

async fn create_association(ctx: Ctx, Path(namespace): Path<String>, Wire(body): Wire<Value>) -> Reply {
    add_one(
        &ctx,
        &namespace,
        Part::ResourceType,
        required_name(&body)?,
        rest_of(&body)?,
    )
    .await
}

/// A property says what it is called for people and which type it has (metadefs schema `property`).
fn property(body: &Value) -> Result<(String, BTreeMap<String, Value>)> {
    const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
    let kind = optional_text(body, "type")?.ok_or_else(|| bad("'type' is a required property"))?;
    if !TYPES.contains(&kind.as_str()) {
        return Err(bad(format_args!("'{kind}' is not one of {TYPES:?} (type)")));
    }
    if optional_text(body, "title")?.is_none() {
        return Err(bad("'title' is a required property"));
    }
    Ok((required_name(body)?, rest_of(body)?))
}

async fn create_property(ctx: Ctx, Path(namespace): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let (name, body) = property(&body)?;
    add_one(&ctx, &namespace, Part::Property, name, body).await
}

async fn create_tag(ctx: Ctx, Path((namespace, name)): Path<(String, String)>) -> Reply {
    add_one(&ctx, &namespace, Part::Tag, name, BTreeMap::new()).await
}

/// Replaces all labels of a namespace, as Glance does.
async fn create_tags(ctx: Ctx, Path(namespace): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let tags = body["tags"]
        .as_array()
        .ok_or_else(|| bad("'tags' is a required property"))?;
    let tags = tags.iter().map(|tag| Ok((required_name(tag)?, BTreeMap::new())));
    let wanted = tags.collect::<Result<Vec<_>>>()?;
    let into = namespace.clone();
    let made = ctx
        .transact(move |tx, actor| {
            let old = image::show_namespace(tx.cloud(), actor, &into)?;
            if !old.tags.is_empty() {
                image::delete_definitions(tx, actor, &into, Part::Tag, None)?;
            }
            image::create_definitions(tx, actor, &into, Part::Tag, wanted)
        })
        .await?;
    let made: Vec<Value> = made.iter().map(|(name, _)| json!({"name": name})).collect();
    created(&json!({"tags": made}))
}

async fn update_part(ctx: Ctx, namespace: String, part: Part, name: String, body: Value) -> Reply {
    let wanted = match part {
        Part::Property => property(&body)?,
        _ => (required_name(&body)?, rest_of(&body)?),
    };
    let of = namespace.clone();
    let (name, entry) = ctx
        .transact(move |tx, actor| image::update_definition(tx, actor, &of, part, &name, wanted))
        .await?;
    ok(&render_part(&namespace, part, &name, &entry))
}

async fn delete_part(ctx: Ctx, namespace: String, part: Part, name: Option<String>) -> Reply {
    ctx.transact(move |tx, actor| image::delete_definitions(tx, actor, &namespace, part, name.as_deref()))
        .await?;
    no_content()
}
