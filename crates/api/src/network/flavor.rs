//! Flavors of services, their service profiles, and who provides the services.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use model::network::access::get_visible;
use model::network::service_flavor::{self, ServiceFlavorSpec};
use model::network::service_profile::{self, PROVIDERS, ServiceProfileSpec};
use model::network::{ServiceFlavor, ServiceProfile};
use model::{Actor, Result, ServiceFlavorId, ServiceProfileId, Tx};
use serde_json::{Value, json};

use super::attributes::{Attrs, TEXT, missing, shown};
use super::collection::{self, Collection, body_object, parse_id};
use super::view::{Sink, View, ViewCx};
use crate::access::Access::{self, Admin, Reader};
use crate::context::Ctx;
use crate::extract::Wire;
use crate::reply::{Reply, json as document, no_content, status};
use crate::routes::Routes;

/// Neutron's limit of descriptions and drivers, characters.
const LONG_TEXT: usize = 1024;
/// How long a profile's `metainfo` may be, characters.
const METAINFO: usize = 4096;

/// Every route of flavors.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .with(collection::untagged_routes::<ServiceFlavor>)
        .with(collection::untagged_routes::<ServiceProfile>)
        .post("/v2.0/flavors/{id}/service_profiles", Admin, associate)
        .delete("/v2.0/flavors/{id}/service_profiles/{profile}", Admin, disassociate)
        .get("/v2.0/flavors/{id}/next_providers", Reader, next_providers)
        .get("/v2.0/service-providers", Reader, service_providers)
}

impl View for ServiceFlavor {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        out.put("description", &self.standard.description);
        out.put("service_type", &self.service_type);
        out.put("enabled", &self.enabled);
        out.put("service_profiles", &self.service_profiles);
    }
}

impl View for ServiceProfile {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("description", &self.standard.description);
        out.put("driver", &self.driver);
        out.put("metainfo", &self.metainfo);
        out.put("enabled", &self.enabled);
    }
}

impl Collection for ServiceFlavor {
    const PLURAL: &'static str = "flavors";
    const PATH: &'static str = "flavors";
    const WRITE: Access = Admin;
    const ATTRIBUTES: &'static [&'static str] = &[
        "id",
        "name",
        "description",
        "service_type",
        "enabled",
        "service_profiles",
    ];
    type New = ServiceFlavorSpec;
    type Change = ServiceFlavorSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<ServiceFlavorSpec> {
        let given = attrs.take("service_type").ok_or_else(|| missing("service_type"))?;
        Ok(ServiceFlavorSpec {
            service_type: shown(&given),
            ..read_flavor(attrs)?
        })
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<ServiceFlavorSpec> {
        attrs.not_in_put(&["service_type"])?;
        read_flavor(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<ServiceFlavorSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|spec| service_flavor::create(tx, actor, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &ServiceFlavorId, change: ServiceFlavorSpec) -> Result<Arc<Self>> {
        service_flavor::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &ServiceFlavorId) -> Result<()> {
        service_flavor::delete(tx, actor, *id)
    }
}

impl Collection for ServiceProfile {
    const PLURAL: &'static str = "service_profiles";
    const PATH: &'static str = "service_profiles";
    const WRITE: Access = Admin;
    const ATTRIBUTES: &'static [&'static str] = &["id", "description", "driver", "metainfo", "enabled"];
    type New = ServiceProfileSpec;
    type Change = ServiceProfileSpec;

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<ServiceProfileSpec> {
        read_profile(attrs)
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<ServiceProfileSpec> {
        read_profile(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<ServiceProfileSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|spec| service_profile::create(tx, actor, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &ServiceProfileId, change: ServiceProfileSpec) -> Result<Arc<Self>> {
        service_profile::update(tx, actor, *id, change)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &ServiceProfileId) -> Result<()> {
        service_profile::delete(tx, actor, *id)
    }
}

fn read_flavor(attrs: &mut Attrs) -> Result<ServiceFlavorSpec> {
    // Both are nobody's, whoever is named (some clients name the project).
    attrs.project()?;
    for name in ["description", "enabled"] {
        attrs.skip_null(name);
    }
    Ok(ServiceFlavorSpec {
        name: attrs.text("name", TEXT)?,
        description: attrs.text("description", LONG_TEXT)?,
        service_type: String::new(),
        enabled: attrs.boolean("enabled")?,
        service_profiles: attrs.ids("service_profiles")?,
    })
}

fn read_profile(attrs: &mut Attrs) -> Result<ServiceProfileSpec> {
    attrs.project()?;
    for name in ["description", "enabled"] {
        attrs.skip_null(name);
    }
    Ok(ServiceProfileSpec {
        description: attrs.text("description", LONG_TEXT)?,
        driver: attrs.text("driver", LONG_TEXT)?,
        metainfo: attrs.text("metainfo", METAINFO)?,
        enabled: attrs.boolean("enabled")?,
    })
}

/// POST of an association. As in Neutron, what is told of it is the flavor's id.
async fn associate(ctx: Ctx, Path(id): Path<String>, Wire(body): Wire<Value>) -> Reply {
    let id = parse_id::<ServiceFlavor>(&id)?;
    let mut attrs = Attrs::new(body_object(body, "service_profile")?);
    attrs.project()?;
    let profile = attrs.required_id::<ServiceProfileId>("id")?;
    attrs.finish()?;
    let flavor = ctx
        .transact(move |tx, actor| service_flavor::associate(tx, actor, id, profile))
        .await?;
    status(StatusCode::CREATED, &json!({"service_profile": {"id": flavor.id}}))
}

/// DELETE of an association.
async fn disassociate(ctx: Ctx, Path((id, profile)): Path<(String, String)>) -> Reply {
    let id = parse_id::<ServiceFlavor>(&id)?;
    let profile = parse_id::<ServiceProfile>(&profile)?;
    ctx.transact(move |tx, actor| service_flavor::disassociate(tx, actor, id, profile))
        .await?;
    no_content()
}

/// GET of who would carry out what is made with a flavor.
async fn next_providers(ctx: Ctx, Path(id): Path<String>) -> Reply {
    let cloud = ctx.cloud();
    let flavor = get_visible::<ServiceFlavor>(&cloud, ctx.actor(), &parse_id::<ServiceFlavor>(&id)?)?;
    let provider = service_flavor::provider_of(&cloud, &flavor)?;
    document(&json!({"next_providers": [{"provider": provider.name, "driver": provider.driver}]}))
}

/// GET of the providers.
async fn service_providers(_ctx: Ctx) -> Reply {
    let told = PROVIDERS.iter().map(|provider| {
        json!({
            "service_type": provider.service_type, "name": provider.name, "default": provider.is_default,
        })
    });
    document(&json!({"service_providers": told.collect::<Vec<Value>>()}))
}
