//! Making, changing and removing routers.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{GatewaySpec, Router, gateway, interfaces, routes};
use crate::host::Route;
use crate::network::access::{get_changeable, owner};
use crate::network::{Port, Standard, Status, auto_allocation, ndp_proxy, quota, service_flavor, tag};
use crate::{Actor, Error, ProjectId, Result, RouterId, ServiceFlavorId, Tx};

/// What a router is asked to be. `None`: the default, or (in an update) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouterSpec {
    /// Owner of a new one.
    pub project_id: Option<ProjectId>,
    /// Its name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// `false`: its interfaces are down.
    pub admin_state_up: Option<bool>,
    /// Its way out; `Some(None)`: none.
    pub gateway: Option<Option<GatewaySpec>>,
    /// Extra routes, in an update.
    pub routes: Option<Vec<Route>>,
    /// The flavor of a new one.
    pub flavor_id: Option<ServiceFlavorId>,
    /// Whether it answers for addresses behind it; off in a new one.
    pub enable_ndp_proxy: Option<bool>,
    /// Labels of a new one.
    pub tags: Option<BTreeSet<String>>,
}

/// Makes a router.
///
/// # Errors
/// `PolicyNotAuthorized`, `OverQuota`, `RouterGatewayNotValid` and those of the gateway and of the flavor.
pub fn create(tx: &mut Tx<'_>, actor: &Actor, spec: RouterSpec) -> Result<Arc<Router>> {
    let project_id = owner(actor, spec.project_id.as_ref())?;
    if let Some(Some(gateway)) = &spec.gateway {
        gateway.check_policy(actor, "create")?;
    }
    if let Some(flavor) = spec.flavor_id {
        service_flavor::check_router(tx.cloud(), actor, flavor)?;
    }
    quota::enforce::<Router>(tx.cloud(), &project_id, "router")?;
    let mut standard = Standard::new(project_id, spec.name.unwrap_or_default(), tx.now());
    standard.description = spec.description.unwrap_or_default();
    standard.tags = spec.tags.unwrap_or_default();
    tag::check_count(&standard.tags)?;
    let mut router = Router {
        id: tx.new_id(),
        standard,
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        // Without a leg there is nothing to build; a host that can't make it says so.
        status: Status::Active,
        gateway: None,
        routes: Vec::new(),
        enable_ndp_proxy: false,
        flavor_id: spec.flavor_id,
        is_hosted: true,
    };
    if let Some(wanted) = spec.gateway {
        gateway::change(tx, actor, &mut router, wanted)?;
    }
    ndp_proxy::switch(tx.cloud(), None, &mut router, spec.enable_ndp_proxy)?;
    Ok(tx.put(router))
}

/// Changes a router.
///
/// # Errors
/// `RouterNotFound`, `PolicyNotAuthorized`, `InvalidRoutes`, `RoutesExhausted`, `RouterGatewayNotValid`
/// and those of the gateway.
pub fn update(tx: &mut Tx<'_>, actor: &Actor, id: RouterId, spec: RouterSpec) -> Result<Arc<Router>> {
    let before = get_changeable::<Router>(tx.cloud(), actor, &id, "update")?;
    let mut router = Router::clone(&before);
    if let Some(wanted) = spec.gateway {
        if let Some(gateway) = &wanted {
            gateway.check_policy(actor, "update")?;
        }
        gateway::change(tx, actor, &mut router, wanted)?;
    }
    ndp_proxy::switch(tx.cloud(), before.gateway.as_ref(), &mut router, spec.enable_ndp_proxy)?;
    if let Some(wanted) = spec.routes {
        router.routes = wanted;
    }
    routes::check(tx.cloud(), &router)?;
    let standard = &mut router.standard;
    standard.name = spec.name.unwrap_or_else(|| std::mem::take(&mut standard.name));
    standard.description = spec
        .description
        .unwrap_or_else(|| std::mem::take(&mut standard.description));
    standard.touch(tx.now());
    router.admin_state_up = spec.admin_state_up.unwrap_or(router.admin_state_up);
    Ok(tx.put(router))
}

/// Removes a router and its gateway.
///
/// # Errors
/// `RouterNotFound`, `RouterInUse` while it has interfaces.
pub fn delete(tx: &mut Tx<'_>, actor: &Actor, id: RouterId) -> Result<()> {
    let router = get_changeable::<Router>(tx.cloud(), actor, &id, "delete")?;
    let legs: Vec<String> = interfaces(tx.cloud(), id)
        .take(10)
        .map(|port| port.id.to_string())
        .collect();
    if !legs.is_empty() {
        return Err(Error::conflict(
            "RouterInUse",
            format!(
                "Router {id} has ports still attached: {}. Remove its interfaces first.",
                legs.join(", ")
            ),
        ));
    }
    if let Some(gateway) = &router.gateway {
        tx.delete::<Port>(&gateway.port_id);
    }
    auto_allocation::forget_router(tx, &router);
    tx.delete::<Router>(&id);
    Ok(())
}
