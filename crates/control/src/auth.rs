//! Tokens: who the caller is.

use model::{Actor, Error, Result, Timestamp};

use crate::Control;

/// A token that was presented and is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whom it speaks for.
    pub actor: Actor,
    /// How they proved it, in Keystone's words (`password`, `token`).
    pub methods: Vec<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Its own audit id, then (if it came from another token) the first one's.
    pub audit_ids: Vec<String>,
}

impl Control {
    /// Opens a token and checks that it still holds: not expired, not revoked, its user, project and domain enabled, with
    /// the roles they have *now*.
    ///
    /// # Errors
    /// `Unauthorized`, with one and the same sentence whatever the reason.
    pub fn authenticate(&self, _secret: &str) -> Result<Token> {
        Err(Error::unauthorized(
            "Unauthorized",
            "The request you have made requires authentication.",
        ))
    }
}
