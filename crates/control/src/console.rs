//! Reading what servers write to their serial consoles: files below the state directory of the host.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use model::console::ConsoleSource;
use model::{Error, Result, ServerId};

use crate::Control;

/// Consoles as files of this machine: `<servers>/<server id>/console.log`.
#[derive(Debug, Clone)]
pub struct ConsoleFiles {
    /// The directory that holds one directory a server.
    pub servers: PathBuf,
}

impl ConsoleSource for ConsoleFiles {
    fn tail(&self, server_id: ServerId, limit_bytes: u64) -> io::Result<Vec<u8>> {
        let path = self.servers.join(server_id.to_string()).join("console.log");
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(limit_bytes)))?;
        let mut bytes = Vec::new();
        file.take(limit_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Control {
    /// The last `limit_bytes` of a server's console; empty while it has written nothing.
    ///
    /// # Errors
    /// `Unavailable` when it can't be read; the cause is in the log.
    pub async fn console_tail(&self, server_id: ServerId, limit_bytes: u64) -> Result<Vec<u8>> {
        let source: Arc<dyn ConsoleSource> = self.inner.console.clone();
        let read = tokio::task::spawn_blocking(move || source.tail(server_id, limit_bytes)).await;
        match read {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Ok(Err(error)) => {
                tracing::warn!(server.id = %server_id, "A console log can't be read: {error}");
                Err(unreadable(server_id))
            }
            Err(_) => Err(unreadable(server_id)),
        }
    }
}

fn unreadable(server_id: ServerId) -> Error {
    Error::unavailable(
        "ConsoleNotAvailable",
        format!("The console log of instance {server_id} can't be read just now. Try again in a moment."),
    )
}
