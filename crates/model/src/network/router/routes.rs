//! A router's extra routes.

use std::sync::Arc;

use super::{Router, RouterSpec, change, connected};
use crate::host::Route;
use crate::network::access::get_changeable;
use crate::{Actor, Cloud, Error, Result, RouterId, Tx};

/// Neutron's `max_routes`.
const MAX_ROUTES: usize = 30;

/// Adds extra routes (`extraroute-atomic`); those that are there already stay.
///
/// # Errors
/// As [`super::update`].
pub fn add_extra_routes(tx: &mut Tx<'_>, actor: &Actor, id: RouterId, routes: Vec<Route>) -> Result<Arc<Router>> {
    let router = get_changeable::<Router>(tx.cloud(), actor, &id, "update")?;
    let mut all = router.routes.clone();
    for route in routes {
        if !all.contains(&route) {
            all.push(route);
        }
    }
    set(tx, actor, id, all)
}

/// Removes extra routes; those that are not there are no error.
///
/// # Errors
/// As [`super::update`].
pub fn remove_extra_routes(tx: &mut Tx<'_>, actor: &Actor, id: RouterId, routes: &[Route]) -> Result<Arc<Router>> {
    let router = get_changeable::<Router>(tx.cloud(), actor, &id, "update")?;
    let mut all = router.routes.clone();
    all.retain(|route| !routes.contains(route));
    set(tx, actor, id, all)
}

fn set(tx: &mut Tx<'_>, actor: &Actor, id: RouterId, routes: Vec<Route>) -> Result<Arc<Router>> {
    let spec = RouterSpec {
        routes: Some(routes),
        ..RouterSpec::default()
    };
    change::update(tx, actor, id, spec)
}

/// Checks that every route's next hop is a neighbour of the router.
///
/// # Errors
/// `InvalidRoutes`, `RoutesExhausted`.
pub(super) fn check(cloud: &Cloud, router: &Router) -> Result<()> {
    if router.routes.len() > MAX_ROUTES {
        return Err(Error::invalid(
            "RoutesExhausted",
            format!(
                "Unable to complete operation for {}. The number of routes exceeds the maximum {MAX_ROUTES}.",
                router.id
            ),
        ));
    }
    router
        .routes
        .iter()
        .try_for_each(|route| check_one(cloud, router, route))
}

fn check_one(cloud: &Cloud, router: &Router, route: &Route) -> Result<()> {
    let invalid = |reason: &str| {
        Err(Error::invalid(
            "InvalidRoutes",
            format!(
                "Invalid format for routes: destination {} nexthop {}, {reason}",
                route.destination, route.nexthop
            ),
        ))
    };
    if route.destination.addr().is_ipv4() != route.nexthop.is_ipv4() {
        return invalid("destination and nexthop are of different IP versions");
    }
    if connected(cloud, router).any(|(_, address)| address == route.nexthop) {
        return invalid("the nexthop is used by router");
    }
    if !connected(cloud, router).any(|(subnet, _)| subnet.cidr.contains(&route.nexthop)) {
        return invalid("the nexthop is not connected with router");
    }
    Ok(())
}
