//! A small client of the cloud's own API, over loopback: what the commands do, they do as any client would.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::http::response::Parts;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::state_dir::{RunRecord, StateDir};
use crate::tls;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long an upload may take.
const UPLOAD_LIMIT: Duration = Duration::from_secs(3600);

/// One user's way into the cloud.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    tls: Option<Arc<rustls::ClientConfig>>,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The token of a login.
    pub token: Option<String>,
    /// The body as JSON; `null` when it is none.
    pub json: Value,
}

/// A cloud of `clouds.yaml`.
pub struct Entry {
    /// Keystone's URL.
    pub auth_url: String,
    /// The user's name.
    pub user: String,
    /// Their password.
    pub password: String,
    /// The project.
    pub project: String,
    /// The region.
    pub region: String,
    /// The authority that signed its certificate.
    pub ca_file: Option<String>,
}

impl Client {
    /// A client without a token, of the cloud that was started so.
    ///
    /// # Errors
    /// When the record's certificate can't be read.
    pub fn anonymous(record: &RunRecord) -> anyhow::Result<Self> {
        Ok(Self {
            address: record.local_address(),
            tls: record.certificate.as_deref().map(tls::trusting).transpose()?,
            token: None,
        })
    }

    /// Logs in to the cloud that runs from a state directory, as the cloud `name` of its `clouds.yaml`.
    ///
    /// # Errors
    /// When no cloud runs there, the file can't be read, or the password has changed.
    pub async fn log_in(state: &StateDir, name: &str) -> anyhow::Result<Self> {
        let record = state
            .run_record()
            .with_context(|| format!("no cloud was started from {}", state.path().display()))?;
        let path = state.join("clouds.yaml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))?;
        let entry = entry(&text, name)
            .with_context(|| format!("{} has no cloud '{name}' with a user and a password", path.display()))?;
        let mut client = Self::anonymous(&record)?;
        let answer = client
            .send(Method::POST, "/identity/v3/auth/tokens", Some(login(&entry)))
            .await?;
        if answer.status != StatusCode::CREATED {
            bail!(
                "the login as '{}' with the password in {} failed: {}",
                entry.user,
                path.display(),
                answer.fault()
            );
        }
        client.token = answer.token;
        Ok(client)
    }

    /// Whether the API answers and says that it is well.
    pub async fn is_up(&self) -> bool {
        let asked = tokio::time::timeout(Duration::from_secs(2), self.send(Method::GET, "/healthz", None));
        matches!(asked.await, Ok(Ok(answer)) if answer.status == StatusCode::OK)
    }

    /// GET a document.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// GET whatever the answer is.
    pub async fn ask(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// POST a document.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// PUT a document.
    pub async fn put(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// DELETE; what is not there is fine.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        let answer = self.send(Method::DELETE, path, None).await?;
        if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        bail!("DELETE {path}: {}", answer.fault());
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let answer = self.send(method.clone(), path, body).await?;
        if !answer.status.is_success() {
            bail!("{method} {path}: {}", answer.fault());
        }
        Ok(answer.json)
    }

    /// Sends a file as the body of a PUT, piece by piece; `show` is told how many bytes have gone.
    pub async fn upload(
        &self,
        path: &str,
        file: &Path,
        show: impl Fn(u64) + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        let opened = tokio::fs::File::open(file)
            .await
            .with_context(|| format!("{} can't be read", file.display()))?;
        let mut sent = 0;
        let stream = control::images::file_stream(opened, u64::MAX).map_ok(move |piece| {
            sent += piece.len() as u64;
            show(sent);
            Frame::data(piece)
        });
        let body = BodyExt::boxed_unsync(StreamBody::new(stream));
        let request = self.request(Method::PUT, path, "application/octet-stream", body)?;
        let answer = tokio::time::timeout(UPLOAD_LIMIT, self.exchange(request))
            .await
            .context("the upload took more than an hour")??;
        if !answer.status.is_success() {
            bail!("PUT {path}: {}", answer.fault());
        }
        Ok(())
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Answer> {
        let bytes = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let body = Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
        let request = self.request(method.clone(), path, "application/json", body)?;
        tokio::time::timeout(ANSWER_LIMIT, self.exchange(request))
            .await
            .with_context(|| format!("{method} {path}: no answer within a minute"))?
    }

    fn request(&self, method: Method, path: &str, content_type: &str, body: Body) -> anyhow::Result<Request<Body>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("accept", "application/json")
            .header("content-type", content_type);
        if let Some(token) = &self.token {
            request = request.header("x-auth-token", token);
        }
        Ok(request.body(body)?)
    }

    async fn exchange(&self, request: Request<Body>) -> anyhow::Result<Answer> {
        let unreachable = || format!("the cloud's API at {} can't be reached", self.address);
        let socket = tokio::net::TcpStream::connect(self.address)
            .await
            .with_context(unreachable)?;
        let (parts, bytes) = match &self.tls {
            None => converse(socket, request).await,
            Some(config) => {
                let name = ServerName::from(self.address.ip());
                let agreed = TlsConnector::from(config.clone()).connect(name, socket).await;
                converse(agreed.with_context(unreachable)?, request).await
            }
        }
        .with_context(unreachable)?;
        let token = parts
            .headers
            .get("x-subject-token")
            .and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: parts.status,
            token: token.map(str::to_owned),
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        })
    }
}

/// One request and its answer over a connection.
async fn converse<S>(socket: S, request: Request<Body>) -> anyhow::Result<(Parts, Bytes)>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let driver = tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let bytes = body.collect().await?.to_bytes();
    driver.abort();
    Ok((parts, bytes))
}

impl Answer {
    /// The sentence in an error's body, whichever service wrote it.
    pub fn fault(&self) -> String {
        let direct = self.json["message"].as_str();
        let nested = || {
            let fault = self.json.as_object()?.values().next()?;
            fault["message"].as_str()
        };
        match direct.or_else(nested) {
            Some(message) => format!("{} ({})", message, self.status.as_u16()),
            None => format!("status {}", self.status.as_u16()),
        }
    }
}

fn login(entry: &Entry) -> Value {
    json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": entry.user, "domain": {"id": "default"}, "password": entry.password,
        }}},
        "scope": {"project": {"name": entry.project, "domain": {"id": "default"}}},
    }})
}

/// One cloud's entry of the `clouds.yaml` that Maru itself wrote: plain `key: value` lines below `  NAME:`.
pub fn entry(yaml: &str, name: &str) -> Option<Entry> {
    let section = yaml
        .lines()
        .skip_while(|line| line.trim_end() != format!("  {name}:"))
        .skip(1)
        .take_while(|line| line.starts_with("   "));
    let fields: Vec<(&str, &str)> = section.filter_map(|line| line.trim().split_once(": ")).collect();
    let field = |key: &str| {
        let value = fields.iter().find(|(name, _)| *name == key)?.1;
        Some(value.trim_matches(['"', '\'']).to_owned())
    };
    Some(Entry {
        auth_url: field("auth_url")?,
        region: field("region_name").unwrap_or_default(),
        ca_file: field("cacert"),
        user: field("username")?,
        password: field("password")?,
        project: field("project_name")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_the_file_that_the_first_start_writes() {
        let door = crate::first_start::Door {
            url: "https://127.0.0.1:5000",
            region: "RegionOne",
            ca_file: Some("/var/lib/maru/ca.pem"),
        };
        let yaml = crate::first_start::clouds_yaml(&door, "secret1", "secret2");
        let admin = entry(&yaml, "maru").unwrap();
        assert_eq!(
            (admin.user.as_str(), admin.password.as_str(), admin.project.as_str()),
            ("admin", "secret1", "admin")
        );
        let demo = entry(&yaml, "maru-demo").unwrap();
        assert_eq!(
            (demo.user.as_str(), demo.password.as_str(), demo.project.as_str()),
            ("demo", "secret2", "demo")
        );
        assert_eq!(demo.ca_file.as_deref(), Some("/var/lib/maru/ca.pem"));
        assert!(entry(&yaml, "other").is_none());
    }
}
