//! A visitor's request: who they are, what cloud they see, and how the answer is to be written.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use control::Control;
use control::auth::Token;
use model::{Actor, Cloud, ProjectId};

use crate::guard;
use crate::messages::Text;
use crate::outcome::Away;
use crate::session;
use crate::site::Site;

/// Asks for a page's middle alone: sent by those who already show its frame.
pub(crate) const MIDDLE: &str = "x-maru-middle";

/// A request of somebody who is signed in. Taking it as an argument makes a page one that needs it.
#[derive(Clone)]
pub(crate) struct Visit {
    site: Arc<Site>,
    cloud: Arc<Cloud>,
    token: Arc<Token>,
    secret: Arc<str>,
    view: View,
}

/// How an answer is written.
#[derive(Clone)]
pub(crate) struct View {
    /// In which words.
    pub t: Text,
    /// `light`, `dark`, or the system's.
    pub theme: Option<&'static str>,
    /// Without the frame around the page's middle.
    pub is_middle: bool,
    /// For a dialog that a page opened, which needs no frame either.
    pub is_dialog: bool,
    /// The page's own address, below the host.
    pub address: String,
}

impl View {
    /// From a request's headers.
    pub fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let target = headers.get("hx-target").and_then(|value| value.to_str().ok());
        Self {
            t: Text(session::lang(headers)),
            theme: session::theme(headers),
            is_middle: headers.contains_key(MIDDLE),
            is_dialog: target == Some("dialog-body"),
            address: uri
                .path_and_query()
                .map_or_else(|| uri.path().to_owned(), ToString::to_string),
        }
    }
}

impl Visit {
    /// Everything a visit may use.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The cloud as it was when the request came: a consistent snapshot.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// The cloud as it is now, for what comes after a change of our own.
    pub fn cloud_now(&self) -> Arc<Cloud> {
        self.site.control.cloud()
    }

    /// The running cloud.
    pub fn control(&self) -> &Control {
        &self.site.control
    }

    /// Who asks.
    pub fn actor(&self) -> &Actor {
        &self.token.actor
    }

    /// Their token.
    pub fn token(&self) -> &Arc<Token> {
        &self.token
    }

    /// Their token's secret text: for the cloud's own API, never for a page.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// The project they work in.
    pub fn project_id(&self) -> &ProjectId {
        self.actor()
            .project_id()
            .expect("a visit without a project is turned away when it comes")
    }

    /// The caller as a member of their project, even if they administer the cloud: what pages of the project list is the
    /// project's, not everything that an administrator may see.
    pub fn member(&self) -> Actor {
        let mut actor = self.actor().clone();
        actor.roles.remove("admin");
        actor
    }

    /// A command that runs on the cloud's host, as it is typed on this machine.
    pub fn at_host(&self, command: &str) -> String {
        match &self.site.host_netns {
            Some(name) => format!("sudo nsenter --net=/run/netns/{name} {command}"),
            None => format!("sudo {command}"),
        }
    }

    /// A command that runs in a network namespace.
    pub fn in_namespace(&self, namespace: &str, command: &str) -> String {
        format!("sudo ip netns exec {namespace} {command}")
    }

    /// How to write.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// In which words.
    pub fn t(&self) -> Text {
        self.view.t
    }

    /// Whether the visitor may change anything in their project; who is only a reader may look.
    pub fn may_change(&self) -> bool {
        self.is_admin() || self.actor().has_role("member")
    }

    /// Whether the visitor looks at the cloud as its administrator: pages below `/dashboard/admin/`.
    pub fn is_admin(&self) -> bool {
        self.actor().is_admin()
    }
}

impl FromRequestParts<Arc<Site>> for Visit {
    type Rejection = Away;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Away> {
        let view = View::of(&parts.headers, &parts.uri);
        let signed_out = || {
            // Where a form is sent to may be no page.
            let is_page = parts.method == Method::GET;
            let back = if is_page {
                view.address.clone()
            } else {
                guard::address_in(&parts.headers, "referer")
            };
            Away::to_sign_in(&back)
        };
        let secret = session::cookie(&parts.headers, session::SESSION).ok_or_else(signed_out)?;
        let token = site.control.authenticate(secret).map_err(|_| signed_out())?;
        // A session is always of a project; another kind of token was not made by the sign-in page.
        if token.actor.project_id().is_none() {
            return Err(signed_out());
        }
        Ok(Self {
            site: site.clone(),
            cloud: site.control.cloud(),
            token,
            secret: secret.into(),
            view,
        })
    }
}
