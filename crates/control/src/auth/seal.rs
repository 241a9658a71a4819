//! Sealed tokens: claims encrypted and signed by AES-256-GCM, as URL-safe text.
//!
//! ```text
//!  base64url( version   │ key id, 8 bytes │ nonce, 12 bytes │ AES-256-GCM(claims as JSON) with 16 bytes tag )
//!             └──────── authenticated ────────┘
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Claims of one kind. What is sealed as one kind opens as no other.
pub(super) trait Sealed: Serialize + DeserializeOwned {
    /// The format's version, which says the kind too.
    const VERSION: u8;
}

impl Sealed for model::identity::TokenClaims {
    const VERSION: u8 = 1;
}

/// Version and key id.
const HEADER: usize = 1 + 8;
/// No token is longer; anything longer is not looked at.
const MAX_TEXT: usize = 2048;

/// A key ready for use.
pub(super) fn ready(secret: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, secret).ok().map(LessSafeKey::new)
}

/// Seals claims; `None` only when they can't be written as JSON or are far too large.
pub(super) fn seal<C: Sealed>(key_id: u64, key: &LessSafeKey, claims: &C) -> Option<String> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).expect("the kernel's random source never fails once the machine is up");
    let mut body = serde_json::to_vec(claims).ok()?;
    let mut token = Vec::with_capacity(HEADER + NONCE_LEN + body.len() + 16);
    token.push(C::VERSION);
    token.extend_from_slice(&key_id.to_be_bytes());
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(&token[..HEADER]),
        &mut body,
    )
    .ok()?;
    token.extend_from_slice(&nonce);
    token.extend_from_slice(&body);
    let text = URL_SAFE_NO_PAD.encode(token);
    (text.len() <= MAX_TEXT).then_some(text)
}

/// Opens a token with the key it names.
pub(super) fn open<C: Sealed, K>(text: &str, key: impl FnOnce(u64) -> Option<K>) -> Option<C>
where
    K: std::ops::Deref<Target = LessSafeKey>,
{
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut token = URL_SAFE_NO_PAD.decode(text).ok()?;
    if token.len() < HEADER + NONCE_LEN || token[0] != C::VERSION {
        return None;
    }
    let key_id = u64::from_be_bytes(token[1..HEADER].try_into().ok()?);
    let key = key(key_id)?;
    let (header, rest) = token.split_at_mut(HEADER);
    let (nonce, body) = rest.split_at_mut(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let plain = key.open_in_place(nonce, Aad::from(&*header), body).ok()?;
    serde_json::from_slice(plain).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::Timestamp;
    use model::identity::{AuthMethod, ClaimedScope, TokenClaims};

    use super::*;

    fn claims() -> TokenClaims {
        TokenClaims {
            user_id: "8f0a6a3f3b7d4f1b9d5f1b0f7f4e2a11".into(),
            scope: ClaimedScope::Project("0123456789abcdef0123456789abcdef".into()),
            methods: BTreeSet::from([AuthMethod::Password]),
            issued_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH.plus_seconds(3600),
            audit_ids: vec!["AAAAAAAAAAAAAAAAAAAAAA".to_owned()],
            application_credential: None,
            trust: None,
            session_began: None,
        }
    }

    fn opened(text: &str, key: impl FnOnce(u64) -> Option<Box<LessSafeKey>>) -> Option<TokenClaims> {
        open(text, key)
    }

    #[test]
    fn a_sealed_token_opens_to_the_same_claims_and_is_short() {
        let key = ready(&[7; 32]).unwrap();
        let text = seal(3, &key, &claims()).unwrap();
        assert!(text.len() < 400, "{} characters", text.len());
        assert_eq!(
            open(&text, |id| (id == 3).then(|| Box::new(ready(&[7; 32]).unwrap()))),
            Some(claims())
        );
        assert_ne!(text, seal(3, &key, &claims()).unwrap(), "each has a nonce of its own");
    }

    #[test]
    fn a_token_changed_in_any_bit_does_not_open() {
        let key = ready(&[7; 32]).unwrap();
        let text = seal(3, &key, &claims()).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        let any_key = |_| Some(Box::new(ready(&[7; 32]).unwrap()));
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&URL_SAFE_NO_PAD.encode(forged), any_key), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(opened(&URL_SAFE_NO_PAD.encode(&bytes[..length]), any_key), None);
        }
        let other_key = |_| Some(Box::new(ready(&[8; 32]).unwrap()));
        assert_eq!(opened(&text, other_key), None);
        for text in ["", "x", "!!!", "한글", &"A".repeat(5000)] {
            assert_eq!(opened(text, any_key), None);
        }
    }
}
