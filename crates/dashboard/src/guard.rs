//! Around every page: what browsers are told to refuse, whose forms are taken, and how ends of requests are written.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::layout;
use crate::outcome::{Away, Done, GO, Problem, html, in_query, inside};
use crate::session;
use crate::site::Site;
use crate::ui;
use crate::visit::{MIDDLE, View};

/// Nothing from elsewhere, no script and no style inside a page, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
                      font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// [`POLICY`] for a page whose terminal, a library's, writes its style into the page.
pub(crate) fn policy_of_terminals() -> String {
    POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
}

const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const HX_TRIGGER: HeaderName = HeaderName::from_static("hx-trigger");

/// Refuses forms that other sites' pages send, and says in every answer what a browser must refuse.
pub(crate) async fn protect(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if changes && !is_own_page(request.headers()) {
        (
            StatusCode::FORBIDDEN,
            "This form was not sent by a page of this cloud.\n",
        )
            .into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    let mut tell = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    tell(CONTENT_SECURITY_POLICY, POLICY);
    tell(X_CONTENT_TYPE_OPTIONS, "nosniff");
    tell(X_FRAME_OPTIONS, "DENY");
    tell(REFERRER_POLICY, "same-origin");
    tell(CACHE_CONTROL, "no-store");
    tell(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    tell(
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    );
    response
}

/// Whether a form comes from a page of ours. Browsers say so themselves (Fetch Metadata; else `Origin`), and a script
/// elsewhere can't make them say it; who says nothing is no browser of the last years.
fn is_own_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(ORIGIN), text(HOST)) else {
        return false;
    };
    origin
        .split_once("://")
        .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

/// Whether a page's script asks, and not a browser that shows the answer.
pub(crate) fn is_script(headers: &HeaderMap) -> bool {
    headers.contains_key(HX_REQUEST)
}

/// Writes [`Done`], [`Problem`] and [`Away`] for who asked: a script gets a part of a page and words to show, a plain form a
/// page. The session of who is there is renewed in time.
pub(crate) async fn finish(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    // What a page asks for by itself says nothing about whether somebody sits before it.
    let secret = (!request.headers().contains_key(MIDDLE))
        .then(|| session::cookie(request.headers(), session::SESSION).map(str::to_owned))
        .flatten();
    let mut response = written(request, next).await;
    let renewed = secret
        .filter(|_| !session::is_set(response.headers()))
        .and_then(|secret| site.control.authenticate(&secret).ok())
        .and_then(|token| site.control.renew_session(&token).ok().flatten());
    if let Some((secret, _)) = renewed {
        session::begin(&site, response.headers_mut(), &secret);
    }
    response
}

async fn written(request: Request, next: Next) -> Response {
    let view = View::of(request.headers(), request.uri());
    let by_script = is_script(request.headers());
    let is_form = request.method() == Method::POST;
    let back = address_in(request.headers(), "referer");
    let shown = address_in(request.headers(), "hx-current-url");
    let response = next.run(request).await;
    if let Some(done) = response.extensions().get::<Done>().cloned() {
        return write_done(&done, by_script, if by_script { &shown } else { &back }, response);
    }
    if let Some(problem) = response.extensions().get::<Problem>().cloned() {
        return write_problem(&view, &problem, by_script && is_form, response);
    }
    if by_script && let Some(away) = response.extensions().get::<Away>() {
        let mut answer = away.for_script();
        let cookies = response.headers().get_all(SET_COOKIE);
        answer
            .headers_mut()
            .extend(cookies.iter().map(|value| (SET_COOKIE, value.clone())));
        return answer;
    }
    response
}

/// The page that a header names, if it is ours.
pub(crate) fn address_in(headers: &HeaderMap, name: &str) -> String {
    let address = headers.get(name).and_then(|value| value.to_str().ok());
    let path = address
        .and_then(|url| url.split_once("://"))
        .and_then(|(_, rest)| rest.find('/').map(|start| &rest[start..]));
    inside(path)
}

/// `from` is the page that the form was sent from: by a script the one that is shown, else the form's own.
fn write_done(done: &Done, by_script: bool, from: &str, response: Response) -> Response {
    let (parts, _) = response.into_parts();
    if !by_script {
        let to = done.to.as_deref().unwrap_or(from);
        let mark = if to.contains('?') { '&' } else { '?' };
        let mut answer = Redirect::to(&format!("{to}{mark}said={}", in_query(&done.said))).into_response();
        answer.headers_mut().extend(parts.headers);
        return answer;
    }
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let headers = answer.headers_mut();
    headers.extend(parts.headers);
    // Headers are ASCII: other characters are written as JSON writes them.
    let to = done
        .to
        .as_ref()
        .filter(|to| !done.is_back || from.starts_with(&format!("{to}/")));
    let told = serde_json::json!({"maru:done": {"said": done.said, "leaves": to.is_some()}});
    if let Ok(value) = HeaderValue::from_str(&ascii(&told.to_string())) {
        headers.insert(HX_TRIGGER, value);
    }
    if let Some(value) = to.and_then(|to| HeaderValue::from_str(to).ok()) {
        headers.insert(GO, value);
    }
    answer
}

fn write_problem(view: &View, problem: &Problem, in_form: bool, response: Response) -> Response {
    let status = problem.status;
    if !in_form {
        let mut answer = html(status, layout::problem_page(view, problem));
        answer.headers_mut().extend(
            response
                .headers()
                .iter()
                .filter(|(name, _)| **name != CONTENT_TYPE && **name != axum::http::header::CONTENT_LENGTH)
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        return answer;
    }
    // Its script puts it into the form's own place for it; what was typed stays.
    html(status, ui::problem_box(view.t, problem))
}

/// A JSON text in ASCII.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn forms_of_other_sites_are_told_apart() {
        for own in [
            &[("sec-fetch-site", "same-origin")][..],
            &[("host", "127.0.0.1:5000"), ("origin", "http://127.0.0.1:5000")],
        ] {
            assert!(is_own_page(&headers(own)), "{own:?}");
        }
        for other in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("host", "127.0.0.1:5000"), ("origin", "http://127.0.0.1:5001")],
            &[("host", "127.0.0.1:5000"), ("origin", "null")],
            &[("host", "127.0.0.1:5000")],
        ] {
            assert!(!is_own_page(&headers(other)), "{other:?}");
        }
    }

    #[test]
    fn only_who_is_on_a_page_that_is_gone_leaves_it() {
        let done = Done::saying("web deleted").back_to("/dashboard/networks");
        let goes = |from: &str| {
            let answer = write_done(&done, true, from, StatusCode::OK.into_response());
            answer.headers().contains_key(GO)
        };
        assert!(goes("/dashboard/networks/4c3a2f5e-1d8b-4a57-9c61-0f2b7e8d9a10"));
        assert!(!goes("/dashboard/networks?search=web"));
        assert!(!goes(
            "/dashboard/topology?open=network-4c3a2f5e-1d8b-4a57-9c61-0f2b7e8d9a10"
        ));
    }

    #[test]
    fn words_in_headers_are_ascii() {
        assert_eq!(ascii("{\"a\":\"마\u{1f600}\"}"), "{\"a\":\"\\ub9c8\\ud83d\\ude00\"}");
    }
}
