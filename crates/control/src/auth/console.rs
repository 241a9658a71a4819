//! Tokens of consoles: what lets a browser, which has no token of Keystone's, open one console of one server for a while.
//! Nothing is written: all of it is in the sealed text, and whether the server is still there is looked at when it is used.

use model::console::ConsoleKind;
use model::{Error, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};

use super::seal::Sealed;
use crate::Control;

/// How long a console's URL can be opened, seconds (Nova's `[consoleauth] token_ttl`). What was opened stays open.
pub const CONSOLE_TOKEN_SECONDS: i64 = 600;

/// What a console's token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleClaims {
    /// The server.
    pub server_id: ServerId,
    /// Which console of it.
    pub console: ConsoleKind,
    /// Until when it opens.
    pub expires_at: Timestamp,
}

impl Sealed for ConsoleClaims {
    const VERSION: u8 = 2;
}

impl Control {
    /// Seals a token for a server's console.
    ///
    /// # Errors
    /// `Internal` when the cloud has no key yet.
    pub fn seal_console_token(&self, server_id: ServerId, console: ConsoleKind) -> Result<String> {
        let claims = ConsoleClaims {
            server_id,
            console,
            expires_at: self.now().plus_seconds(CONSOLE_TOKEN_SECONDS),
        };
        self.inner.auth.tokens.seal(&self.cloud(), &claims)
    }

    /// What a console's token says, if it still holds and its server is still there.
    ///
    /// # Errors
    /// `NotFound`, with one and the same sentence whatever the reason.
    pub fn open_console_token(&self, secret: &str) -> Result<ConsoleClaims> {
        let cloud = self.cloud();
        let claims: Option<ConsoleClaims> = self.inner.auth.tokens.open(&cloud, secret);
        claims
            .filter(|claims| self.now() < claims.expires_at)
            .filter(|claims| cloud.servers.get(&claims.server_id).is_some())
            .ok_or_else(|| Error::not_found("ConsoleTokenNotFound", "Token not found"))
    }
}
