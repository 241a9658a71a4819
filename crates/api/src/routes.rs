//! A service's table of contents. Adding a route takes who may call it; the table is kept for the tests that try every
//! route without a token and with another project's, and for the generated policy page.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use model::Error;
use model::author::{Author, Requester};

use crate::access::Access;
use crate::app::App;
use crate::context::{Ctx, RequestId};
use crate::fault::{Fault, Service};

/// One route, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    /// The service.
    pub service: Service,
    /// The method.
    pub method: Method,
    /// The whole path with `{names}`.
    pub path: String,
    /// Who may call it.
    pub access: Access,
}

/// Routes being collected.
pub struct Routes {
    app: Arc<App>,
    service: Service,
    prefix: &'static str,
    router: Router<Arc<App>>,
    rows: Vec<RouteRow>,
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident => $method:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name<H, T>(self, path: &str, access: Access, handler: H) -> Self
        where
            H: Handler<T, Arc<App>>,
            T: 'static,
        {
            self.add(Method::$method, MethodFilter::$method, path, access, handler)
        }
    )*};
}

impl Routes {
    /// Begins a service whose paths all start with `prefix` (`/networking`).
    pub fn new(app: Arc<App>, service: Service, prefix: &'static str) -> Self {
        Self {
            app,
            service,
            prefix,
            router: Router::new(),
            rows: Vec::new(),
        }
    }

    methods! {
        /// A GET route (answers HEAD too).
        get => GET;
        /// A POST route.
        post => POST;
        /// A PUT route.
        put => PUT;
        /// A PATCH route.
        patch => PATCH;
        /// A DELETE route.
        delete => DELETE;
        /// A HEAD route of its own.
        head => HEAD;
    }

    fn add<H, T>(mut self, method: Method, filter: MethodFilter, path: &str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let path = format!("{}{path}", self.prefix);
        let gate = Gate {
            app: self.app.clone(),
            service: self.service,
            prefix: self.prefix,
            access,
        };
        let route = on(filter, handler).layer(middleware::from_fn_with_state(gate, pass_gate));
        self.router = self.router.route(&path, route);
        self.rows.push(RouteRow {
            service: self.service,
            method,
            path,
            access,
        });
        self
    }

    /// Adds another part of the same service.
    #[must_use]
    pub fn with(self, part: impl FnOnce(Self) -> Self) -> Self {
        part(self)
    }

    /// Puts something around all routes so far, outside their [`Access`] check.
    #[must_use]
    pub fn wrap(mut self, around: impl FnOnce(Router<Arc<App>>) -> Router<Arc<App>>) -> Self {
        self.router = around(self.router);
        self
    }

    /// The finished router and its table.
    pub fn finish(self) -> (Router<Arc<App>>, Vec<RouteRow>) {
        (self.router, self.rows)
    }
}

#[derive(Clone)]
struct Gate {
    app: Arc<App>,
    service: Service,
    prefix: &'static str,
    access: Access,
}

/// Token → caller → may they? → [`Ctx`] for the handler.
async fn pass_gate(
    axum::extract::State(gate): axum::extract::State<Gate>,
    mut request: Request,
    next: Next,
) -> Response {
    if gate.access == Access::Public {
        return next.run(request).await;
    }
    match admit(&gate, &request) {
        Ok(ctx) => {
            let author = author(&ctx, &request);
            request.extensions_mut().insert(ctx);
            control::author::acting(author, next.run(request)).await
        }
        Err(error) => Fault(error).into_response(),
    }
}

/// On whose behalf a request's transactions run.
fn author(ctx: &Ctx, request: &Request) -> Author {
    let actor = ctx.actor();
    Author::Request(Requester {
        user_id: actor.user_id.clone(),
        project_id: actor.project_id().cloned(),
        is_admin: actor.is_admin(),
        request_id: ctx.request_id().to_string(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
    })
}

fn admit(gate: &Gate, request: &Request) -> Result<Ctx, Error> {
    let secret = request
        .headers()
        .get("x-auth-token")
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| Error::unauthorized("Unauthorized", "The request you have made requires authentication."))?;
    let token = gate.app.control.authenticate(secret)?;
    gate.access.check(&token.actor)?;
    let path = request.uri().path();
    let below = path.strip_prefix(gate.prefix).unwrap_or(path);
    let service = gate.service.catalog_type();
    if !token.allows(service, request.method().as_str(), below) {
        return Err(Error::unauthorized(
            "Unauthorized",
            "The application credential's access rules don't allow this request.",
        ));
    }
    let request_id = request
        .extensions()
        .get::<RequestId>()
        .cloned()
        .unwrap_or(RequestId(uuid::Uuid::nil()));
    let base_url = gate.app.endpoints.base_url(request.headers());
    Ok(Ctx::new(gate.app.clone(), token, request_id, base_url))
}
