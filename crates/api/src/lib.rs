//! OpenStack over HTTP: routes, wire types, microversions, faults. Thin: parse, authorize, one call into the rules, render.
//!
//! ```text
//!  request ─► normalize path ─► request id ─► service (by path) ─► route: Access checked, token → Ctx ─► handler
//!                                                  │
//!  response ◄── fault in the service's own shape ◄─┴── Ok(reply) | Err(model::Error)
//! ```
//!
//! A service is one folder with a `routes()` table of contents; a resource is one file with its wire types beside its
//! handlers. Every route names who may call it ([`Access`]) where it is added; without that it does not compile.

mod access;
mod app;
mod compute;
mod console;
mod context;
mod extract;
mod fault;
mod identity;
mod image;
mod maru;
mod microversion;
mod network;
mod placement;
mod query;
mod reply;
mod routes;
mod volume;

pub use access::Access;
pub use app::{App, Endpoints, router};
pub use console::{Consoles, NOVNC_DIRECTORY};
pub use context::Ctx;
pub use extract::Wire;
pub use fault::{Fault, Service};
pub use query::Query;
pub use reply::{Reply, created, json, no_content, status};
pub use routes::{RouteRow, Routes};
