//! Asks upstream resolvers, from the host's namespace, what a network's own names don't answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use linux::Netns;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::dns::Transport;
use super::sockets;

/// Queries under way at once, over all networks.
const IN_FLIGHT: usize = 256;
/// How long one upstream may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many upstreams are tried for one query.
const TRIES: usize = 2;

/// The way to the upstream resolvers.
#[derive(Debug)]
pub struct Forwarder {
    upstreams: Vec<SocketAddr>,
    host: Netns,
    permits: Arc<Semaphore>,
}

impl Forwarder {
    /// Asks `upstreams`, from within the namespace `host`.
    pub fn new(host: Netns, upstreams: Vec<SocketAddr>) -> Self {
        Self {
            upstreams,
            host,
            permits: Arc::new(Semaphore::new(IN_FLIGHT)),
        }
    }

    /// Whether there is anybody to ask.
    pub fn is_configured(&self) -> bool {
        !self.upstreams.is_empty()
    }

    /// Asks until one answers; the code says what to tell the client if none does.
    pub async fn ask(&self, query: &[u8], transport: Transport) -> Result<Vec<u8>, ResponseCode> {
        if !self.is_configured() {
            return Err(ResponseCode::Refused);
        }
        // Rather a quick failure than a queue: clients try again by themselves.
        let _permit = self.permits.try_acquire().map_err(|_| ResponseCode::ServFail)?;
        for upstream in self.upstreams.iter().take(TRIES) {
            let asked = async {
                match transport {
                    Transport::Udp => self.ask_udp(*upstream, query).await,
                    Transport::Tcp => self.ask_tcp(*upstream, query).await,
                }
            };
            match timeout(PATIENCE, asked).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => tracing::debug!(upstream = %upstream, %error, "An upstream resolver failed"),
                Err(_) => tracing::debug!(upstream = %upstream, "An upstream resolver did not answer"),
            }
        }
        Err(ResponseCode::ServFail)
    }

    async fn ask_udp(&self, upstream: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        let host = self.host.clone();
        let socket = in_background(move || sockets::connected_udp(&host, upstream)).await?;
        let socket = UdpSocket::from_std(socket)?;
        let disguised = with_id(query, random_id());
        socket.send(&disguised).await?;
        let mut buffer = vec![0; 4096];
        loop {
            let length = socket.recv(&mut buffer).await?;
            if answers(&disguised, &buffer[..length]) {
                return Ok(with_id(&buffer[..length], id_of(query)));
            }
        }
    }

    async fn ask_tcp(&self, upstream: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        let host = self.host.clone();
        let socket = in_background(move || sockets::tcp(&host, upstream)).await?;
        let mut stream = TcpSocket::from_std_stream(socket).connect(upstream).await?;
        write_message(&mut stream, query).await?;
        let answer = read_message(&mut stream).await?;
        if answers(query, &answer) {
            Ok(answer)
        } else {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, super::error::ServiceError> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?;
    done.map_err(|error| io::Error::other(error.in_full()))
}

/// Writes a message with its length before it (RFC 1035, section 4.2.2).
pub async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(message);
    stream.write_all(&bytes).await
}

/// Reads a message with its length before it.
pub async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// Sixteen bits nobody can guess; with the random port they keep forged answers out.
fn random_id() -> u16 {
    let [a, b, ..] = uuid::Uuid::new_v4().into_bytes();
    u16::from_be_bytes([a, b])
}

fn id_of(message: &[u8]) -> u16 {
    u16::from_be_bytes([message[0], message[1]])
}

fn with_id(message: &[u8], id: u16) -> Vec<u8> {
    let mut copy = message.to_vec();
    copy[..2].copy_from_slice(&id.to_be_bytes());
    copy
}

/// Whether a message is an answer to the query: same id, same question.
fn answers(query: &[u8], answer: &[u8]) -> bool {
    let is_answer = answer.len() >= 12 && answer[..2] == query[..2] && answer[2] & 0x80 != 0;
    let Some(end) = end_of_question(query) else {
        return false;
    };
    let question = |message: &[u8]| message.get(12..end).map(<[u8]>::to_ascii_lowercase);
    is_answer && question(answer) == question(query)
}

/// Where the first question ends: labels, then type and class.
fn end_of_question(message: &[u8]) -> Option<usize> {
    let mut offset = 12;
    loop {
        let length = usize::from(*message.get(offset)?);
        offset += 1 + length;
        if length == 0 {
            return message.get(..offset + 4).map(<[u8]>::len);
        }
        if length > 63 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";

    #[test]
    fn only_the_answer_to_the_question_is_taken() {
        let mut answer = QUERY.to_vec();
        assert!(!answers(QUERY, &answer), "a query is no answer");
        answer[2] |= 0x80;
        assert!(answers(QUERY, &answer));
        answer[13] = b'W';
        assert!(answers(QUERY, &answer), "names have no case");
        assert!(!answers(QUERY, &with_id(&answer, 1)));
        answer[13] = b'x';
        assert!(!answers(QUERY, &answer));
    }

    proptest! {
        #[test]
        fn never_panics(query in prop::collection::vec(any::<u8>(), 12..80), answer in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = answers(&query, &answer);
        }
    }
}
