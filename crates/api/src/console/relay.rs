//! Bytes between a WebSocket and a console, both ways at once.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Bytes in one message to the browser at most.
const CHUNK: usize = 64 * 1024;
/// How often a browser is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A browser that has been silent, or has taken nothing, for so long is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(100);

/// Why it ended, as the browser is told.
enum End {
    /// The machine closed its side: it is off, or gone.
    Machine,
    /// Another user took the console over.
    TakenOver,
    /// The browser left, or is out of reach: nobody is there to be told.
    Browser,
}

/// Carries bytes until one side closes, or somebody else is `told` to have the console.
pub(super) async fn run(socket: WebSocket, stream: UnixStream, told: &Notify) {
    let (mut sink, mut source) = socket.split();
    let (mut reader, mut writer) = stream.into_split();
    let heard = Mutex::new(Instant::now());
    let end = tokio::select! {
        end = to_browser(&mut reader, &mut sink, &heard) => end,
        end = to_machine(&mut source, &mut writer, &heard) => end,
        () = told.notified() => End::TakenOver,
    };
    let (code, reason) = match end {
        End::Machine => (close_code::AWAY, "The server is not running any more."),
        End::TakenOver => (close_code::POLICY, "Another user has opened this console."),
        End::Browser => return,
    };
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    // Whether it is heard does not matter any more.
    let _ = timeout(Duration::from_secs(5), sink.send(Message::Close(Some(frame)))).await;
}

async fn to_browser(
    reader: &mut OwnedReadHalf,
    sink: &mut SplitSink<WebSocket, Message>,
    heard: &Mutex<Instant>,
) -> End {
    let mut buffer = vec![0; CHUNK];
    let mut ticks = interval(PING_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            read = reader.read(&mut buffer) => match read {
                Ok(count @ 1..) => Message::Binary(Bytes::copy_from_slice(&buffer[..count])),
                _ => return End::Machine,
            },
            _ = ticks.tick() => {
                if heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > SILENCE_LIMIT {
                    return End::Browser;
                }
                Message::Ping(Bytes::new())
            }
        };
        if !matches!(timeout(SILENCE_LIMIT, sink.send(message)).await, Ok(Ok(()))) {
            return End::Browser;
        }
    }
}

async fn to_machine(source: &mut SplitStream<WebSocket>, writer: &mut OwnedWriteHalf, heard: &Mutex<Instant>) -> End {
    while let Some(message) = source.next().await {
        let Some(bytes) = bytes_of(message) else {
            return End::Browser;
        };
        *heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if writer.write_all(&bytes).await.is_err() {
            return End::Machine;
        }
    }
    End::Browser
}

/// What a message says to the machine; `None`: it was the last one.
fn bytes_of(message: Result<Message, Error>) -> Option<Bytes> {
    match message.ok()? {
        Message::Binary(bytes) => Some(bytes),
        Message::Text(text) => Some(Bytes::from(text)),
        // Pings are answered by the library.
        Message::Ping(_) | Message::Pong(_) => Some(Bytes::new()),
        Message::Close(_) => None,
    }
}
