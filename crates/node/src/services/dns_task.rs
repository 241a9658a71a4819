//! The tasks that read DNS queries from a network's sockets and answer them, here or by asking upstream.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::NetworkId;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::dns::{self, Outcome, Transport};
use super::forwarder::{read_message, write_message};
use super::state::Shared;

/// Largest query taken over UDP.
const LARGEST: usize = 4096;
/// Forwarded queries under way for one network.
const FORWARDED: usize = 32;
/// How long a TCP client may be silent.
const PATIENCE: Duration = Duration::from_secs(5);
/// Queries over one TCP connection.
const PER_CONNECTION: usize = 64;

/// Answers queries over UDP until the socket fails.
pub async fn serve_udp(shared: Arc<Shared>, network: NetworkId, socket: UdpSocket) {
    let socket = Arc::new(socket);
    let forwarded = Arc::new(Semaphore::new(FORWARDED));
    while socket.readable().await.is_ok() {
        let mut buffer = [0; LARGEST];
        let Ok((length, source)) = socket.try_recv_from(&mut buffer) else {
            continue;
        };
        let query = &buffer[..length];
        match decide(&shared, network, source.ip(), Transport::Udp, query) {
            Outcome::Answer(answer) => send(&socket, &answer, source),
            Outcome::Forward => forward(&shared, &forwarded, &socket, query.to_vec(), source),
            Outcome::Ignore => {}
        }
    }
}

fn decide(shared: &Shared, network: NetworkId, source: IpAddr, transport: Transport, query: &[u8]) -> Outcome {
    match shared.network(network) {
        Some(view) => dns::handle(&view, source, transport, query),
        None => Outcome::Ignore,
    }
}

/// A lost answer is asked for again, so sending never waits.
fn send(socket: &UdpSocket, answer: &[u8], to: SocketAddr) {
    if let Err(error) = socket.try_send_to(answer, to) {
        tracing::debug!(%error, "Could not send a DNS answer");
    }
}

fn forward(shared: &Arc<Shared>, limit: &Arc<Semaphore>, socket: &Arc<UdpSocket>, query: Vec<u8>, source: SocketAddr) {
    let permit = Arc::clone(limit).try_acquire_owned();
    let (shared, socket) = (Arc::clone(shared), Arc::clone(socket));
    let Ok(permit) = permit else {
        if let Some(answer) = dns::unanswerable(&query, hickory_proto::op::ResponseCode::ServFail) {
            send(&socket, &answer, source);
        }
        return;
    };
    tokio::spawn(async move {
        if let Some(answer) = ask(&shared, &query, Transport::Udp).await {
            send(&socket, &answer, source);
        }
        drop(permit);
    });
}

async fn ask(shared: &Shared, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
    match shared.forwarder.ask(query, transport).await {
        Ok(answer) => Some(answer),
        Err(code) => dns::unanswerable(query, code),
    }
}

/// Answers queries over TCP until the socket fails.
pub async fn serve_tcp(shared: Arc<Shared>, network: NetworkId, listener: TcpListener) {
    loop {
        let (stream, source) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                super::http::after_accept_error(&error).await;
                continue;
            }
        };
        let Some(admission) = shared.limits.admit(network.0, source.ip()) else {
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            converse(&shared, network, source.ip(), stream).await;
            drop(admission);
        });
    }
}

async fn converse(shared: &Shared, network: NetworkId, source: IpAddr, mut stream: TcpStream) {
    for _ in 0..PER_CONNECTION {
        let Ok(Ok(query)) = timeout(PATIENCE, read_message(&mut stream)).await else {
            return;
        };
        let answer = match decide(shared, network, source, Transport::Tcp, &query) {
            Outcome::Answer(answer) => Some(answer),
            Outcome::Forward => ask(shared, &query, Transport::Tcp).await,
            Outcome::Ignore => None,
        };
        let Some(answer) = answer else { return };
        let Ok(Ok(())) = timeout(PATIENCE, write_message(&mut stream, &answer)).await else {
            return;
        };
    }
}
