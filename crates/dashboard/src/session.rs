//! Sessions: a cookie holds the visitor's token, sealed by the cloud; the server keeps nothing. Other cookies hold what the
//! visitor likes: language, light or dark.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use model::Timestamp;

use crate::lang::Lang;
use crate::site::Site;

/// The token.
pub(crate) const SESSION: &str = "maru_session";
/// The chosen language.
pub(crate) const LANG: &str = "maru_lang";
/// `light` or `dark`; the system's choice without.
pub(crate) const THEME: &str = "maru_theme";
/// The project that the visitor worked in last, to begin the next session with.
pub(crate) const PROJECT: &str = "maru_project";

/// Where the cookies are sent.
const PATH: &str = "/dashboard";
/// How long likes are kept, seconds: a year.
const LIKES_SECONDS: u32 = 365 * 24 * 3600;

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The language that the visitor chose, else their browser's.
pub(crate) fn lang(headers: &HeaderMap) -> Lang {
    cookie(headers, LANG)
        .and_then(Lang::of_code)
        .unwrap_or_else(|| Lang::of_browser(headers))
}

/// The theme that the visitor chose.
pub(crate) fn theme(headers: &HeaderMap) -> Option<&'static str> {
    match cookie(headers, THEME)? {
        "light" => Some("light"),
        "dark" => Some("dark"),
        _ => None,
    }
}

/// Begins a session: gone with the browser, out of reach of scripts, not sent along by pages of other sites.
pub(crate) fn begin(site: &Site, headers: &mut HeaderMap, secret: &str) {
    let secure = if site.is_secure() { "; Secure" } else { "" };
    set(
        headers,
        format!("{SESSION}={secret}; Path={PATH}; HttpOnly; SameSite=Lax{secure}"),
    );
}

/// Whether an answer begins or ends a session.
pub(crate) fn is_set(headers: &HeaderMap) -> bool {
    let is_session = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.starts_with("maru_session="));
    headers.get_all(SET_COOKIE).iter().any(is_session)
}

/// Ends it in the browser.
pub(crate) fn end(headers: &mut HeaderMap) {
    set(
        headers,
        format!("{SESSION}=; Path={PATH}; HttpOnly; SameSite=Lax; Max-Age=0"),
    );
}

/// Keeps what the visitor likes.
pub(crate) fn like(headers: &mut HeaderMap, name: &str, value: &str) {
    set(
        headers,
        format!("{name}={value}; Path={PATH}; SameSite=Lax; Max-Age={LIKES_SECONDS}"),
    );
}

fn set(headers: &mut HeaderMap, cookie: String) {
    // A token is base64 and a like is one of a few words: always a header's value.
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        headers.append(SET_COOKIE, value);
    }
}

/// So many failed sign-ins of one name are let through in [`WINDOW_SECONDS`].
const ATTEMPTS: u32 = 8;
const WINDOW_SECONDS: i64 = 60;
/// So many names are remembered; when there are more, the oldest windows are forgotten.
const NAMES: usize = 10_000;

/// Counts failed sign-ins, by name: whoever guesses passwords waits.
#[derive(Default)]
pub(crate) struct Attempts {
    by_name: Mutex<HashMap<String, (Timestamp, u32)>>,
}

impl Attempts {
    /// Seconds to wait before this name may try again; 0 when it may now.
    pub fn wait_seconds(&self, name: &str, now: Timestamp) -> i64 {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        match by_name.get(name) {
            Some((began, count)) if *count >= ATTEMPTS => {
                (began.plus_seconds(WINDOW_SECONDS).unix_seconds() - now.unix_seconds()).max(0)
            }
            _ => 0,
        }
    }

    /// Notes a failure.
    pub fn failed(&self, name: &str, now: Timestamp) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |began: &Timestamp| began.plus_seconds(WINDOW_SECONDS) <= now;
        if by_name.len() >= NAMES {
            by_name.retain(|_, (began, _)| !is_over(began));
            if by_name.len() >= NAMES {
                by_name.clear();
            }
        }
        let entry = by_name.entry(name.to_owned()).or_insert((now, 0));
        if is_over(&entry.0) {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }

    /// Forgets failures after a success.
    pub fn succeeded(&self, name: &str) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; maru_lang=ko;maru_theme=dark".parse().unwrap());
        headers.append(COOKIE, "maru_session=abc".parse().unwrap());
        assert_eq!(cookie(&headers, SESSION), Some("abc"));
        assert_eq!(lang(&headers), Lang::Ko);
        assert_eq!(theme(&headers), Some("dark"));
        assert_eq!(cookie(&headers, "maru"), None);
    }

    #[test]
    fn who_guesses_waits_and_others_do_not() {
        let attempts = Attempts::default();
        let start = Timestamp::from_unix_seconds(1_000);
        for _ in 0..ATTEMPTS {
            assert_eq!(attempts.wait_seconds("kim", start), 0);
            attempts.failed("kim", start);
        }
        assert_eq!(attempts.wait_seconds("kim", start.plus_seconds(10)), 50);
        assert_eq!(attempts.wait_seconds("lee", start), 0);
        assert_eq!(attempts.wait_seconds("kim", start.plus_seconds(60)), 0);
        attempts.succeeded("kim");
        assert_eq!(attempts.wait_seconds("kim", start), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = Attempts::default();
        for number in 0..NAMES + 10 {
            attempts.failed(&number.to_string(), Timestamp::from_unix_seconds(1_000));
        }
        assert!(attempts.by_name.lock().unwrap().len() <= NAMES);
    }
}
