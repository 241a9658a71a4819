//! Sessions of people in a browser: a token that is renewed while they are there, and ends for good some hours later.
//!
//! A program asks for a new token with its credentials whenever the old one ends. A browser keeps no password, so what it has
//! is a token that says when its session began: it can be exchanged for a younger one, as long as it holds and the session
//! is not too old. Whatever takes the token away (signing out, another password, a disabled user) ends the session.

use std::sync::Arc;

use model::Result;
use model::identity::{RevocationTarget, TokenClaims, revoke_until};

use super::login::new_audit_id;
use super::{Token, unauthorized};
use crate::Control;

/// How long a session lasts, however often it is renewed, seconds: a day's work.
pub const SESSION_SECONDS: i64 = 12 * 3600;

impl Control {
    /// Begins a session for whom a new token speaks for: its secret text, and what it says.
    ///
    /// # Errors
    /// `Unauthorized` when the token does not hold (any more).
    pub fn begin_session(&self, token: &Token) -> Result<(String, Arc<Token>)> {
        self.issue(TokenClaims {
            session_began: Some(self.now()),
            ..token.claims.clone()
        })
    }

    /// A younger token for a session, when the half of this one's life is over: `None` before that, for a token that belongs to
    /// no session, and in a session's last minutes.
    ///
    /// # Errors
    /// `Unauthorized` when the token does not hold (any more).
    pub fn renew_session(&self, token: &Token) -> Result<Option<(String, Arc<Token>)>> {
        let Some(began) = token.claims.session_began else {
            return Ok(None);
        };
        let now = self.now();
        let life = self.inner.auth.token_seconds;
        let expires_at = now.plus_seconds(life).min(began.plus_seconds(SESSION_SECONDS));
        let is_young = now < token.expires_at.plus_seconds(-life / 2);
        if is_young || expires_at <= token.expires_at {
            return Ok(None);
        }
        if now >= token.expires_at {
            return Err(unauthorized());
        }
        let renewed = self.issue(TokenClaims {
            issued_at: now,
            expires_at,
            audit_ids: vec![new_audit_id(), token.claims.chain_id().to_owned()],
            ..token.claims.clone()
        })?;
        Ok(Some(renewed))
    }

    /// Ends the session of a token: every token that came from the same sign-in.
    ///
    /// # Errors
    /// `Unavailable` when the store can't be written.
    pub async fn end_session(&self, token: &Token) -> Result<()> {
        let target = RevocationTarget::Chain(token.claims.chain_id().to_owned());
        // None of them lives longer than one that was renewed just now.
        let last = self.now().plus_seconds(self.inner.auth.token_seconds);
        self.transact(move |tx| {
            revoke_until(tx, target, last);
            Ok(())
        })
        .await
    }
}
