//! Downloads: the data of an image from a URI that a user named (`web-download`).
//!
//! Each hop is judged anew ([`WebSettings`]): its URI is taken apart, its name is resolved, all that it resolves to must be
//! allowed, and the connection is made to one of these very addresses. What comes in is limited, hashed and looked into as
//! an upload is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyDataStream, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use model::{Error, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use super::ImageStore;
use super::web_address::{Place, WebSettings};

/// So many redirections are followed.
const MOST_HOPS: usize = 5;
/// How long a name may take to be resolved.
const RESOLVE_LIMIT: Duration = Duration::from_secs(10);
/// So many names are resolved at once: each takes a thread.
static QUESTIONS: Semaphore = Semaphore::const_new(8);
/// How long connecting may take, and how long the head of an answer after that.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// Where distributions keep the authorities that a host trusts.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

type Answered = (Response<Incoming>, SendRequest<Empty<Bytes>>);

/// Data as it comes in.
pub(super) type Download = std::pin::Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

fn failed(why: impl std::fmt::Display) -> Error {
    Error::invalid("HTTPBadRequest", format!("The image could not be downloaded: {why}."))
}

/// One sentence for a name that is not known and for one that is not allowed: what names there are inside is no user's
/// business.
fn out_of_reach(host: &str) -> Error {
    Error::invalid(
        "HTTPBadRequest",
        format!(
            "The URI of the import is not allowed: host '{host}' is not known, or not one that images may be downloaded from."
        ),
    )
}

impl ImageStore {
    /// Whether images may be downloaded at all.
    pub fn has_web_download(&self) -> bool {
        !self.inner.settings.web.ports.is_empty()
    }

    /// Passes for a URI that an import may name. The connection is judged again when it is made.
    ///
    /// # Errors
    /// `Invalid`, with what is wrong.
    pub async fn check_uri(&self, uri: &str) -> Result<()> {
        let place = self.inner.settings.web.place(uri)?;
        self.resolve(&place).await.map(drop)
    }

    /// The addresses of a place, all of which may be connected to.
    async fn resolve(&self, place: &Place) -> Result<Vec<SocketAddr>> {
        let asked = tokio::time::timeout(RESOLVE_LIMIT, look_up(place.host.clone(), place.port));
        let found = asked.await.unwrap_or_default();
        let (web, own) = (&self.inner.settings.web, self.provider_networks());
        if found.is_empty() || !found.iter().all(|address| web.allows(address.ip(), &own)) {
            return Err(out_of_reach(&place.host));
        }
        Ok(found)
    }

    /// The networks on this cloud's outer side: floating IPs and routers are there.
    fn provider_networks(&self) -> Vec<IpNet> {
        let cloud = self.inner.control.cloud();
        let external = cloud.networks.iter().filter(|network| network.external);
        external
            .flat_map(|network| cloud.subnets_of_network(network.id))
            .map(|subnet| subnet.cidr)
            .collect()
    }

    /// Asks for a URI, and for what it redirects to.
    pub(super) async fn open_web(&self, uri: &str) -> Result<Download> {
        let web = &self.inner.settings.web;
        let mut place = web.place(uri)?;
        for _ in 0..=MOST_HOPS {
            let addresses = self.resolve(&place).await?;
            let (response, sender) = tokio::time::timeout(HEAD_LIMIT * 2, ask(&place, &addresses, web))
                .await
                .map_err(|_| failed(format!("{} does not answer", place.authority)))??;
            let status = response.status();
            if status.is_redirection() {
                place = next_hop(web, &place, &response)?;
                continue;
            }
            if status != 200 {
                return Err(failed(format!("{} answered {status}", place.authority)));
            }
            let encoding = response.headers().get(CONTENT_ENCODING);
            if encoding.is_some_and(|encoding| encoding != "identity") {
                return Err(failed("the server sends it compressed, though it was not asked to"));
            }
            // The connection ends with its sender.
            let data = BodyDataStream::new(response.into_body()).map(move |piece| {
                let _open = &sender;
                piece.map_err(std::io::Error::other)
            });
            return Ok(Box::pin(data));
        }
        Err(failed(format!("more than {MOST_HOPS} redirections")))
    }
}

/// What a name resolves to; nothing for one that is not known. A question that nobody waits for any more keeps its permit
/// until the resolver gives up, so slow names take no more than their share of the program's threads.
async fn look_up(host: String, port: u16) -> Vec<SocketAddr> {
    let Ok(permit) = QUESTIONS.acquire().await else {
        return Vec::new();
    };
    let asked = tokio::spawn(async move {
        let _permit = permit;
        let found = tokio::net::lookup_host((host.as_str(), port)).await;
        found.map(Iterator::collect).unwrap_or_default()
    });
    asked.await.unwrap_or_default()
}

fn next_hop(web: &WebSettings, place: &Place, response: &Response<Incoming>) -> Result<Place> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| failed("a redirection leads nowhere"))?;
    let next = web.place(&absolute(place, location))?;
    if place.secure && !next.secure {
        return Err(failed("a redirection leads from https to http"));
    }
    Ok(next)
}

/// The URI that a `Location` means (RFC 3986, section 5, as far as servers use it).
fn absolute(place: &Place, location: &str) -> String {
    let scheme = if place.secure { "https" } else { "http" };
    if location.contains("://") {
        return location.to_owned();
    }
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let authority = &place.authority;
    if location.starts_with('/') {
        return format!("{scheme}://{authority}{location}");
    }
    let path = place.path.split('?').next().unwrap_or_default();
    let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
    format!("{scheme}://{authority}{folder}{location}")
}

/// Connects to one of the addresses, and asks.
async fn ask(place: &Place, addresses: &[SocketAddr], web: &WebSettings) -> Result<Answered> {
    let unreachable = || failed(format!("{} can't be connected to", place.authority));
    let connecting = tokio::time::timeout(HEAD_LIMIT, TcpStream::connect(addresses));
    let socket = connecting
        .await
        .map_err(|_| unreachable())?
        .map_err(|_| unreachable())?;
    let ends = socket
        .peer_addr()
        .and_then(|peer| Ok((peer.ip(), socket.local_addr()?.ip())));
    let (peer, own) = ends.map_err(|_| unreachable())?;
    // A public address that is this host's own leads to what listens here.
    if peer == own && !web.names(peer) {
        return Err(out_of_reach(&place.host));
    }
    if !place.secure {
        return converse(place, socket).await;
    }
    let name = match place.host.parse::<IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_) => ServerName::try_from(place.host.clone()).map_err(|_| out_of_reach(&place.host))?,
    };
    let agreed = TlsConnector::from(trusted_by_host()?).connect(name, socket).await;
    let socket = agreed.map_err(|error| failed(format!("no secure connection to {}: {error}", place.authority)))?;
    converse(place, socket).await
}

async fn converse<S>(place: &Place, socket: S) -> Result<Answered>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error: hyper::Error| failed(format!("{}: {error}", place.authority));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket))
        .await
        .map_err(broken)?;
    // How it ends is seen at the body.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::get(&place.path)
        .header(HOST, &place.authority)
        .header(USER_AGENT, "maru")
        .header(ACCEPT, "*/*")
        .header(ACCEPT_ENCODING, "identity")
        .body(Empty::new())
        .map_err(|_| failed("the URI makes no request"))?;
    let response = sender.send_request(request).await.map_err(broken)?;
    Ok((response, sender))
}

/// Trusts whom the host trusts.
///
/// # Errors
/// `Unavailable` for a host without a list of authorities.
pub(crate) fn trusted_by_host() -> Result<Arc<rustls::ClientConfig>> {
    let mut roots = rustls::RootCertStore::empty();
    let bundles = AUTHORITIES
        .iter()
        .filter_map(|path| CertificateDer::pem_file_iter(path).ok());
    for certificate in bundles.take(1).flatten().flatten() {
        // One that is not understood is not trusted.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(Error::unavailable(
            "ServiceUnavailable",
            "This cloud's host has no list of certificate authorities (package ca-certificates): https can't be used.",
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("InternalServerError", error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_read_as_servers_mean_them() {
        let place = WebSettings::default().place("https://a.org/x/y.img?z=/1").unwrap();
        let to = |location| absolute(&place, location);
        assert_eq!(to("http://b.org/q"), "http://b.org/q");
        assert_eq!(to("//b.org/q"), "https://b.org/q");
        assert_eq!(to("/q"), "https://a.org/q");
        assert_eq!(to("q"), "https://a.org/x/q");
        assert!(WebSettings::default().place(&to("file:///etc/passwd")).is_err());
    }
}
