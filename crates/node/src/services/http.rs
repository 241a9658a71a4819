//! The metadata service's HTTP side: who asks is known by where the connection came in and from which address, never by
//! what the request says.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use model::host::PortConfig;
use model::{NetworkId, RouterId};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use uuid::Uuid;

use super::metadata::{self, Response};
use super::records::MetadataRecord;
use super::state::Shared;

/// Where guests find the service.
pub const METADATA4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// The same over IPv6, on the guest's own link.
pub const METADATA6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe);

/// Largest request head, bytes (hyper's smallest limit).
const HEAD: usize = 8192;
/// Largest request body, bytes: a password, encrypted and in base64, is far smaller.
const BODY: usize = 4096;
/// How long a client may take for a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may last.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(60);

/// Where a listener stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a network's namespace, on the guests' own link.
    Network(NetworkId),
    /// In a router's namespace, behind its redirection.
    Router(RouterId),
}

impl Place {
    fn uuid(self) -> Uuid {
        match self {
            Self::Network(id) => id.0,
            Self::Router(id) => id.0,
        }
    }
}

/// The port that a connection belongs to, by the address it called and the one it called from.
fn identify(shared: &Shared, place: Place, called: IpAddr, caller: IpAddr) -> Option<Arc<PortConfig>> {
    match place {
        Place::Network(id) => {
            let at_metadata = called == IpAddr::V4(METADATA4) || called == IpAddr::V6(METADATA6);
            let view = at_metadata.then(|| shared.network(id)).flatten()?;
            view.port_by_address(caller).cloned()
        }
        // A redirected connection arrives at the address of the leg it came in by, which names its network: an address
        // that comes in by another leg (or from outside, by the gateway) is somebody else's.
        Place::Router(id) => {
            let router = shared.router(id)?;
            let leg = router
                .legs
                .iter()
                .find(|leg| leg.addresses.iter().any(|address| address.addr() == called))?;
            shared.network(leg.network_id)?.port_by_address(caller).cloned()
        }
    }
}

/// Accepts connections until the task is ended.
pub async fn serve(shared: Arc<Shared>, place: Place, listener: TcpListener) {
    loop {
        let (stream, caller) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                after_accept_error(&error).await;
                continue;
            }
        };
        let caller = caller.ip().to_canonical();
        let Some(admission) = shared.limits.admit(place.uuid(), caller) else {
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // Ends slow and idle clients; what they were promised, they ask for again.
            let _ = timeout(CONNECTION_PATIENCE, converse(shared, place, caller, stream)).await;
            drop(admission);
        });
    }
}

/// A listener's error is about one connection, or about descriptors that have run out: the latter needs a pause.
pub async fn after_accept_error(error: &io::Error) {
    tracing::debug!(%error, "Could not accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn converse(shared: Arc<Shared>, place: Place, caller: IpAddr, stream: TcpStream) {
    let Ok(called) = stream
        .local_addr()
        .map(|address: SocketAddr| address.ip().to_canonical())
    else {
        return;
    };
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move {
            let response = answer(&shared, place, called, caller, request).await;
            Ok::<_, Infallible>(into_http(response))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "A metadata connection ended badly");
    }
}

async fn answer(shared: &Shared, place: Place, called: IpAddr, caller: IpAddr, request: Request<Incoming>) -> Response {
    let Some(port) = identify(shared, place, called, caller) else {
        return Response::error(404, "No server has this address here.");
    };
    let metadata = shared.metadata_of(&port);
    let (head, body) = request.into_parts();
    let method = head.method.as_str().to_owned();
    let path = head.uri.path().to_owned();
    let response = match timeout(HEAD_PATIENCE, Limited::new(body, BODY).collect()).await {
        Ok(Ok(body)) => {
            let mut password = shared.password_of(&metadata);
            let had_none = password.is_none();
            let response = metadata::respond(&method, &path, &body.to_bytes(), &metadata, &mut password);
            let is_kept = match password.filter(|_| had_none).zip(metadata.uuid) {
                Some((left, server)) => shared.keep_password(server, left).await,
                None => true,
            };
            if is_kept {
                response
            } else {
                Response::error(503, "The password could not be kept. Try again.")
            }
        }
        _ => Response::error(413, "The body is too large or too slow."),
    };
    let record = MetadataRecord {
        at: Timestamp::now(),
        request: format!("{method} {path}"),
        status: response.status,
    };
    let keys = response
        .has_keys
        .then(|| metadata.public_keys.keys().cloned().collect());
    shared.records.metadata(port.network_id, port.id, record, keys);
    response
}

fn into_http(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut http = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *http.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = hyper::header::HeaderValue::from_static(response.content_type);
    http.headers_mut().insert(CONTENT_TYPE, kind);
    http
}
