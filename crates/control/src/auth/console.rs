//! Tokens of consoles: what lets a browser, which has no token of Keystone's, open one console of one server for a while.
//! Nothing is written: all of it is in the sealed text, and whether the server is still there is looked at when it is used.
//!
//! A URL of Nova's API opens as often as one likes until it ends. A ticket, which a page of the dashboard asks for when it
//! opens a console, opens once, soon, and only as long as the session it was asked for in holds.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use model::console::ConsoleKind;
use model::identity::{TokenClaims, admit};
use model::{Actor, Cloud, Error, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Token;
use super::seal::Sealed;
use crate::Control;

/// How long a console's URL can be opened, seconds (Nova's `[consoleauth] token_ttl`). What was opened stays open.
pub const CONSOLE_TOKEN_SECONDS: i64 = 600;
/// How long a ticket can be used, seconds: a page uses it at once.
const TICKET_SECONDS: i64 = 60;
/// Used tickets that are remembered. While so many were used within their time, no more are taken.
const MOST_USED: usize = 10_000;

/// What a console's token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleClaims {
    /// The server.
    pub server_id: ServerId,
    /// Which console of it.
    pub console: ConsoleKind,
    /// Until when it opens.
    pub expires_at: Timestamp,
    /// It is a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
}

/// What makes a console's token a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Tells it from every other, so that it is used once.
    pub nonce: u64,
    /// The session that it was asked for in.
    pub session: TokenClaims,
}

impl Sealed for ConsoleClaims {
    const VERSION: u8 = 2;
}

/// Tickets that were used, with their ends, until then.
#[derive(Default)]
pub(super) struct UsedTickets(Mutex<BTreeMap<u64, Timestamp>>);

impl UsedTickets {
    fn contains(&self, nonce: u64) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&nonce)
    }

    /// Whether it is used for the first time; from now on it was.
    fn enter(&self, nonce: u64, ends: Timestamp, now: Timestamp) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MOST_USED {
            used.retain(|_, ends| now < *ends);
        }
        if used.len() >= MOST_USED || used.contains_key(&nonce) {
            return false;
        }
        used.insert(nonce, ends);
        true
    }
}

/// Whether somebody may use a server's consoles.
fn may_use(cloud: &Cloud, actor: &Actor, server_id: ServerId) -> bool {
    let server = cloud.servers.get(&server_id);
    server.is_some_and(|server| actor.can_see(&server.project_id)) && (actor.is_admin() || actor.has_role("member"))
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
            ticket: None,
        };
        self.inner.auth.tokens.seal(&self.cloud(), &claims)
    }

    /// Seals a ticket for a server's console, for the session of `token` alone.
    ///
    /// # Errors
    /// `InstanceNotFound` for who may not see the server, `Forbidden` for who may only look; `Internal` when the cloud has no
    /// key yet.
    pub fn seal_console_ticket(&self, server_id: ServerId, console: ConsoleKind, token: &Token) -> Result<String> {
        let cloud = self.cloud();
        model::compute::server::get_visible(&cloud, &token.actor, server_id)?;
        if !may_use(&cloud, &token.actor, server_id) {
            return Err(Error::forbidden(
                "PolicyNotAuthorized",
                "A server's console needs role 'member' in its project.",
            ));
        }
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(|error| Error::internal("InternalServerError", error.to_string()))?;
        let claims = ConsoleClaims {
            server_id,
            console,
            expires_at: self.now().plus_seconds(TICKET_SECONDS),
            ticket: Some(Ticket {
                nonce: u64::from_ne_bytes(nonce),
                session: token.claims.clone(),
            }),
        };
        self.inner.auth.tokens.seal(&cloud, &claims)
    }

    /// What a console's token says, if it still holds and its server is still there; a ticket that was used does not, nor one
    /// whose session has ended or lost its rights.
    ///
    /// # Errors
    /// `NotFound`, with one and the same sentence whatever the reason.
    pub fn open_console_token(&self, secret: &str) -> Result<ConsoleClaims> {
        let cloud = self.cloud();
        let now = self.now();
        let claims: Option<ConsoleClaims> = self.inner.auth.tokens.open(&cloud, secret);
        claims
            .filter(|claims| now < claims.expires_at)
            .filter(|claims| cloud.servers.get(&claims.server_id).is_some())
            .filter(|claims| {
                claims.ticket.as_ref().is_none_or(|ticket| {
                    let actor = admit(&cloud, &ticket.session, now).map(|(actor, _)| actor);
                    !self.inner.auth.used_tickets.contains(ticket.nonce)
                        && actor.is_some_and(|actor| may_use(&cloud, &actor, claims.server_id))
                })
            })
            .ok_or_else(not_found)
    }

    /// [`Self::open_console_token`] for who opens the console now: a ticket is used by that.
    ///
    /// # Errors
    /// As there.
    pub fn use_console_token(&self, secret: &str) -> Result<ConsoleClaims> {
        let claims = self.open_console_token(secret)?;
        if let Some(ticket) = &claims.ticket
            && !self
                .inner
                .auth
                .used_tickets
                .enter(ticket.nonce, claims.expires_at, self.now())
        {
            return Err(not_found());
        }
        Ok(claims)
    }
}

fn not_found() -> Error {
    Error::not_found("ConsoleTokenNotFound", "Token not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_used_once() {
        let used = UsedTickets::default();
        let at = |seconds| Timestamp::EPOCH.plus_seconds(seconds);
        assert!(used.enter(7, at(60), at(0)));
        assert!(used.contains(7) && !used.contains(8));
        assert!(!used.enter(7, at(60), at(1)));
        assert!(used.enter(8, at(60), at(1)));
    }

    #[test]
    fn used_tickets_are_remembered_until_they_end_and_no_longer() {
        let used = UsedTickets::default();
        let at = |seconds| Timestamp::EPOCH.plus_seconds(seconds);
        let most = MOST_USED as u64;
        for nonce in 0..most {
            assert!(used.enter(nonce, at(60), at(0)));
        }
        assert!(
            !used.enter(most, at(90), at(59)),
            "one that might have been forgotten could be used again"
        );
        assert!(used.enter(most, at(120), at(60)));
        assert_eq!(used.0.lock().unwrap().len(), 1);
    }
}
