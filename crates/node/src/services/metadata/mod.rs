//! What a server may learn about itself: the OpenStack and EC2 metadata trees, rendered from [`InstanceMetadata`]. Pure; the
//! HTTP service answers from here, and the config drive holds the same files ([`tree`]).

mod ec2;
mod network_data;
mod openstack;

use model::host::InstanceMetadata;

/// Longest password that a guest may leave (Nova keeps four pieces of 255 characters).
const PASSWORD_BYTES: usize = 1020;

/// Where the files go: an administrator's password and injected files are on the config drive only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    Service,
    ConfigDrive,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Its media type.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the body holds the server's public keys.
    pub has_keys: bool,
}

impl Response {
    fn text(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            content_type: "text/plain; charset=utf-8",
            body: body.into(),
            has_keys: false,
        }
    }

    fn json(value: &serde_json::Value) -> Self {
        Self {
            content_type: "application/json",
            ..Self::text(value.to_string())
        }
    }

    /// An error with a sentence for whoever reads the guest's log.
    pub fn error(status: u16, sentence: &str) -> Self {
        Self {
            status,
            ..Self::text(format!("{sentence}\n"))
        }
    }
}

/// Answers one request for the server that sent it. `password` is the slot where the guest leaves its encrypted password.
pub fn respond(
    method: &str,
    path: &str,
    body: &[u8],
    metadata: &InstanceMetadata,
    password: &mut Option<String>,
) -> Response {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let is_password =
        matches!(segments.as_slice(), ["openstack", version, "password"] if openstack::has_password(version));
    match method {
        "GET" | "HEAD" if is_password => Response::text(password.clone().unwrap_or_default()),
        "POST" if is_password => leave_password(body, password),
        "GET" | "HEAD" => find(&segments, metadata),
        _ => Response::error(405, "Only GET is answered here, and POST of the password."),
    }
}

fn find(segments: &[&str], metadata: &InstanceMetadata) -> Response {
    let found = match segments {
        ["openstack", rest @ ..] => openstack::find(rest, metadata, Medium::Service),
        _ => ec2::find(segments, metadata),
    };
    found.unwrap_or_else(|| Response::error(404, "There is nothing under this path."))
}

/// Takes the password once, as Nova does: what is there can't be replaced by a later program in the guest.
fn leave_password(body: &[u8], password: &mut Option<String>) -> Response {
    if password.is_some() {
        return Response::error(409, "The password was left already.");
    }
    match std::str::from_utf8(body) {
        Ok(text) if text.len() <= PASSWORD_BYTES => {
            *password = Some(text.to_owned());
            Response::text("")
        }
        Ok(_) => Response::error(400, "The password is longer than 1020 bytes."),
        Err(_) => Response::error(400, "The password is not text."),
    }
}

/// All files of the config drive, by path.
pub fn tree(metadata: &InstanceMetadata) -> Vec<(String, Vec<u8>)> {
    let mut files = openstack::config_drive(metadata);
    files.extend(ec2::config_drive(metadata));
    files
}

#[cfg(test)]
mod tests;
