//! Requests signed with an EC2 credential: another service that received one asks who signed it (`POST /v3/ec2tokens`).
//!
//! Signature versions 2 (query string) and 4 (header or query string) are checked as AWS describes them; a signature is good
//! for a quarter of an hour. Who asks must be a service or the administrator: that is the route's gate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::identity::{AuthMethod, ClaimedScope, Credential, EC2, TokenClaims};
use model::{Result, Timestamp};
use ring::{digest, hmac};

use super::login::new_audit_id;
use super::{Token, unauthorized};
use crate::Control;

/// A signed request, as the service that received it describes it.
#[derive(Debug, Clone, Default)]
pub struct SignedRequest {
    /// The access key.
    pub access: String,
    /// The signature.
    pub signature: String,
    /// Host and port it was sent to.
    pub host: String,
    /// The method.
    pub verb: String,
    /// The path.
    pub path: String,
    /// The query, without the signature.
    pub params: BTreeMap<String, String>,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// SHA-256 of the body, hexadecimal.
    pub body_hash: String,
}

/// A signature is good for so long before and after its time, seconds.
const TTL: i64 = 900;

/// The id of the credential with this access key: its SHA-256 in hexadecimal digits.
pub fn credential_id(access: &str) -> String {
    hex(digest::digest(&digest::SHA256, access.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

/// Percent-encodes everything but what RFC 3986 calls unreserved.
fn quote(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn query(params: &BTreeMap<String, String>, without: &[&str]) -> String {
    let pairs = params.iter().filter(|(name, _)| !without.contains(&name.as_str()));
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{}={}", quote(name), quote(value)))
        .collect();
    pairs.join("&")
}

impl SignedRequest {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn is_version_4(&self) -> bool {
        self.header("authorization")
            .is_some_and(|value| value.trim_start().starts_with("AWS4-HMAC-SHA256"))
            || self
                .params
                .get("X-Amz-Algorithm")
                .is_some_and(|word| word == "AWS4-HMAC-SHA256")
    }

    /// A named part of version 4's `Authorization` header, or of its query.
    fn part_4(&self, name: &str) -> Option<String> {
        if let Some(value) = self.params.get(&format!("X-Amz-{name}")) {
            return Some(value.clone());
        }
        let (_, parts) = self.header("authorization")?.trim_start().split_once(' ')?;
        let parts = parts.split(',').filter_map(|part| part.trim().split_once('='));
        parts
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
            .next()
    }

    fn date_4(&self) -> Option<&str> {
        let in_query = self.params.get("X-Amz-Date").map(String::as_str);
        in_query.or_else(|| self.header("x-amz-date"))
    }

    /// When it was signed.
    fn signed_at(&self) -> Option<Timestamp> {
        let text = if self.is_version_4() {
            self.date_4()?
        } else {
            self.params.get("Timestamp")?
        };
        let text = text.trim_end_matches('Z');
        let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", text)
            .or_else(|_| text.parse::<jiff::civil::DateTime>())
            .ok()?;
        Some(Timestamp::new(
            civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
        ))
    }

    /// Whether the secret made the signature.
    fn is_signed_with(&self, secret: &str) -> bool {
        let good = if self.is_version_4() {
            self.check_4(secret)
        } else {
            self.check_2(secret)
        };
        good.is_some()
    }

    fn check_2(&self, secret: &str) -> Option<()> {
        let version = self.params.get("SignatureVersion").map(String::as_str);
        let algorithm = match self.params.get("SignatureMethod").map(String::as_str) {
            Some("HmacSHA256") => hmac::HMAC_SHA256,
            Some("HmacSHA1") => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            _ => return None,
        };
        if version != Some("2") || self.params.get("AWSAccessKeyId") != Some(&self.access) {
            return None;
        }
        let text = format!(
            "{}\n{}\n{}\n{}",
            self.verb,
            self.host,
            self.path,
            query(&self.params, &["Signature"])
        );
        let key = hmac::Key::new(algorithm, secret.as_bytes());
        let signature = STANDARD.decode(&self.signature).ok()?;
        hmac::verify(&key, text.as_bytes(), &signature).ok()
    }

    fn check_4(&self, secret: &str) -> Option<()> {
        let scope = self.part_4("Credential")?;
        let (access, scope) = scope.split_once('/')?;
        let steps: Vec<&str> = scope.split('/').collect();
        let [day, region, service, "aws4_request"] = steps[..] else {
            return None;
        };
        let date = self.date_4()?;
        if access != self.access || !date.starts_with(day) {
            return None;
        }
        let names = self.part_4("SignedHeaders")?;
        let headers = names.split(';').try_fold(String::new(), |mut text, name| {
            let value = if name == "host" && self.header("host").is_none() {
                self.host.as_str()
            } else {
                self.header(name)?
            };
            let value: Vec<&str> = value.split_whitespace().collect();
            let _ = writeln!(text, "{name}:{}", value.join(" "));
            Some(text)
        })?;
        let request = format!(
            "{}\n{}\n{}\n{headers}\n{names}\n{}",
            self.verb,
            self.path,
            query(&self.params, &["X-Amz-Signature"]),
            self.body_hash
        );
        let hash = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
        let first = format!("AWS4{secret}").into_bytes();
        let key = [day, region, service, "aws4_request"]
            .into_iter()
            .fold(first, |key, step| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
                hmac::sign(&key, step.as_bytes()).as_ref().to_vec()
            });
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        hmac::verify(&key, text.as_bytes(), &unhex(&self.signature)?).ok()
    }
}

impl Control {
    /// A token for whoever signed the request: their user, in the credential's project, with no more rights than the
    /// credential was made with.
    ///
    /// # Errors
    /// `Unauthorized`, with one and the same sentence whatever the reason.
    pub fn log_in_ec2(&self, request: &SignedRequest) -> Result<(String, Arc<Token>)> {
        let now = self.now();
        let cloud = self.cloud();
        let row = cloud.find::<Credential>(&credential_id(&request.access));
        let row = row.filter(|row| row.kind == EC2).ok_or_else(unauthorized)?;
        let secret = row.part("secret").ok_or_else(unauthorized)?;
        let fresh = request.signed_at().is_some_and(|at| {
            let apart = now.unix_seconds() - at.unix_seconds();
            apart.abs() <= TTL
        });
        let project = row.project_id.clone().ok_or_else(unauthorized)?;
        if !request.is_signed_with(&secret) || !fresh {
            return Err(unauthorized());
        }
        self.issue(TokenClaims {
            user_id: row.user_id.clone(),
            scope: ClaimedScope::Project(project),
            methods: BTreeSet::from([AuthMethod::Ec2Credential]),
            issued_at: now,
            expires_at: now.plus_seconds(self.inner.auth.token_seconds),
            audit_ids: vec![new_audit_id()],
            application_credential: row.application_credential.clone(),
            trust: row.trust_id.clone(),
            session_began: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The example request of AWS's own documentation of version 4 (IAM `ListUsers`).
    fn version_4() -> SignedRequest {
        SignedRequest {
            access: "AKIDEXAMPLE".to_owned(),
            signature: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7".to_owned(),
            host: "iam.amazonaws.com".to_owned(),
            verb: "GET".to_owned(),
            path: "/".to_owned(),
            params: map(&[("Action", "ListUsers"), ("Version", "2010-05-08")]),
            headers: map(&[
                ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("X-Amz-Date", "20150830T123600Z"),
                (
                    "Authorization",
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date, Signature=ignored",
                ),
            ]),
            body_hash: hex(digest::digest(&digest::SHA256, b"").as_ref()),
        }
    }

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    #[test]
    fn version_4_is_checked_as_aws_signs_it() {
        let request = version_4();
        assert!(request.is_signed_with(SECRET));
        assert_eq!(request.signed_at().unwrap().seconds_z(), "2015-08-30T12:36:00Z");
        assert!(!request.is_signed_with("another"));
        type Edit = fn(&mut SignedRequest);
        let edits: [Edit; 6] = [
            |r| r.verb = "POST".to_owned(),
            |r| r.path = "/x".to_owned(),
            |r| r.host = "example.com".to_owned(),
            |r| r.access = "OTHER".to_owned(),
            |r| r.signature = "zz".to_owned(),
            |r| {
                r.params.insert("Action".to_owned(), "DeleteUser".to_owned());
            },
        ];
        for (i, edit) in edits.into_iter().enumerate() {
            let mut forged = version_4();
            edit(&mut forged);
            assert!(!forged.is_signed_with(SECRET), "edit {i}");
        }
    }

    #[test]
    fn version_2_is_checked_and_older_ones_are_refused() {
        let params = [
            ("AWSAccessKeyId", "AKIAIOSFODNN7EXAMPLE"),
            ("Action", "DescribeJobFlows"),
            ("SignatureMethod", "HmacSHA256"),
            ("SignatureVersion", "2"),
            ("Timestamp", "2011-10-03T15:19:30"),
            ("Version", "2009-03-31"),
        ];
        let mut request = SignedRequest {
            access: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            // AWS's documentation of version 2 has this request with this signature.
            signature: "i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs=".to_owned(),
            host: "elasticmapreduce.amazonaws.com".to_owned(),
            verb: "GET".to_owned(),
            path: "/".to_owned(),
            params: map(&params),
            ..SignedRequest::default()
        };
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert!(request.is_signed_with(secret));
        assert_eq!(request.signed_at().unwrap().seconds_z(), "2011-10-03T15:19:30Z");
        request.params.insert("SignatureVersion".to_owned(), "1".to_owned());
        assert!(!request.is_signed_with(secret));
        assert!(!SignedRequest::default().is_signed_with(secret));
    }
}
