//! HTTPS: the certificate given with `tls_cert` and `tls_key`, or with `tls = auto` one signed by an authority of the cloud's
//! own, which is made once and kept below the state directory; clients are told its file.
//!
//! The program's own commands find the running cloud by its run record and trust exactly the certificate noted there, so
//! they need neither the authority nor a name that fits.

use std::fs::Permissions;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::settings::{Settings, TlsMode};
use crate::state_dir::{StateDir, write_private};

/// The authority's certificate, for clients.
pub const CA_FILE: &str = "ca.pem";
/// Its key, for nobody.
const CA_KEY_FILE: &str = "ca.key";
/// How long a client may take to agree on keys.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Clients that agree on keys at one time; more wait.
const HANDSHAKES: usize = 256;

/// What the API speaks TLS with.
pub struct Tls {
    config: Arc<ServerConfig>,
    /// The server's own certificate, base64 of its DER.
    pub certificate: String,
    /// The authority that clients must be told of; `None`: one that they know.
    pub ca_file: Option<PathBuf>,
}

/// Reads or makes the certificate; `None`: plain HTTP is wanted.
pub fn prepare(settings: &Settings, state: &StateDir, listen: SocketAddr) -> anyhow::Result<Option<Tls>> {
    let (cert, key) = (&settings.tls_cert.0, &settings.tls_key.0);
    match (settings.tls, cert.is_empty(), key.is_empty()) {
        (TlsMode::Off, true, true) => Ok(None),
        (TlsMode::Off, false, false) => given(Path::new(cert), Path::new(key)).map(Some),
        (TlsMode::Auto, true, true) => made(settings, state, listen).map(Some),
        (TlsMode::Auto, ..) => bail!("either 'tls = auto' or 'tls_cert' and 'tls_key', not both"),
        (TlsMode::Off, ..) => bail!("'tls_cert' and 'tls_key' go together: the one is given and the other is not"),
    }
}

/// From the user's files: the certificate with those of its issuers, and its key.
fn given(cert: &Path, key: &Path) -> anyhow::Result<Tls> {
    let unreadable = |path: &Path| format!("{} holds no PEM that can be read", path.display());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .with_context(|| unreadable(cert))?;
    if chain.is_empty() {
        bail!("{} holds no certificate", cert.display());
    }
    let key_der = PrivateKeyDer::from_pem_file(key).with_context(|| unreadable(key))?;
    Tls::new(chain, key_der, None).with_context(|| format!("{} and {} are no pair", cert.display(), key.display()))
}

/// Signed by the cloud's own authority for every name that this machine is reached by; made anew at each start.
fn made(settings: &Settings, state: &StateDir, listen: SocketAddr) -> anyhow::Result<Tls> {
    let ca_key = authority(state).context("the certificate authority can't be made")?;
    let issuer = Issuer::new(authority_params()?, ca_key);
    let mut params = CertificateParams::new(names(settings, listen))?;
    params.distinguished_name.push(DnType::CommonName, "Maru API");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let ca_file = std::path::absolute(state.join(CA_FILE))?;
    Tls::new(vec![certificate.der().clone()], key.into(), Some(ca_file))
}

/// The authority's key; authority and key are made when there are none.
fn authority(state: &StateDir) -> anyhow::Result<KeyPair> {
    let (cert_path, key_path) = (state.join(CA_FILE), state.join(CA_KEY_FILE));
    if cert_path.exists() && key_path.exists() {
        let der = PrivatePkcs8KeyDer::from_pem_file(&key_path)
            .with_context(|| format!("{} can't be read", key_path.display()))?;
        return Ok(KeyPair::try_from(&der)?);
    }
    let key = KeyPair::generate()?;
    let certificate = authority_params()?.self_signed(&key)?;
    write_private(&key_path, &pem("PRIVATE KEY", &key.serialize_der()))?;
    write_private(&cert_path, &pem("CERTIFICATE", certificate.der()))?;
    // Clients of other users may read it; the key stays private.
    std::fs::set_permissions(&cert_path, Permissions::from_mode(0o644))?;
    Ok(key)
}

fn authority_params() -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Maru's own authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// By which names clients may reach the API.
fn names(settings: &Settings, listen: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !listen.ip().is_unspecified() {
        names.push(listen.ip().to_string());
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    names.extend(Some(host).filter(|host| !host.is_empty() && host.is_ascii()));
    names.extend(host_of(&settings.public_url.0));
    names.sort();
    names.dedup();
    names
}

/// The host in a URL.
fn host_of(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let host = bracketed.unwrap_or_else(|| authority.split(':').next().unwrap_or(authority));
    let is_name = host.parse::<IpAddr>().is_ok()
        || host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    (is_name && !host.is_empty()).then(|| host.to_owned())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Tls {
    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        ca_file: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let certificate = STANDARD.encode(&chain[0]);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            certificate,
            ca_file,
        })
    }

    /// Answers on a socket. Clients agree on keys beside each other, so a slow one holds up nobody. Call within a tokio
    /// runtime.
    pub fn listen(&self, listener: TcpListener) -> anyhow::Result<TlsListener> {
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(self.config.clone());
        let (ready, clients) = mpsc::channel(HANDSHAKES);
        tokio::spawn(greet(listener, acceptor, ready));
        Ok(TlsListener { address, clients })
    }
}

/// A listener whose clients have agreed on keys.
pub struct TlsListener {
    address: SocketAddr,
    clients: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.clients.recv().await {
            Some(client) => client,
            // The task that greets them ends only with the program.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn greet(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, address) = axum::serve::Listener::accept(&mut listener).await;
        if ready.is_closed() {
            return;
        }
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _place = place;
            match tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    // Nobody takes it while the program stops.
                    let _ = ready.send((stream, address)).await;
                }
                Ok(Err(error)) => tracing::debug!(client.address = %address, "A client did not agree on TLS: {error}"),
                Err(_) => tracing::debug!(client.address = %address, "A client was too slow to agree on TLS"),
            }
        });
    }
}

/// Trusts one certificate, whatever name it bears: the one that the running cloud noted.
#[derive(Debug)]
struct OnlyThis {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

/// What a client needs to trust exactly this certificate (base64 of its DER).
pub fn trusting(certificate: &str) -> anyhow::Result<Arc<ClientConfig>> {
    let der = STANDARD
        .decode(certificate)
        .context("the noted certificate can't be read")?;
    let verifier = OnlyThis {
        certificate: der.into(),
        provider: provider(),
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(
            "this is not the certificate of the cloud that was started here".to_owned(),
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.toml");
        std::fs::write(&empty, "").unwrap();
        let given = |name: &str| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(Some(&empty), given, |_| None, &[]).unwrap()
    }

    const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 5000);

    #[test]
    fn the_authority_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let auto = settings(&[("tls", "auto"), ("public_url", "https://[2001:db8::1]:8443/")]);
        let first = prepare(&auto, &state, LISTEN.into()).unwrap().unwrap();
        let ca = std::fs::read_to_string(state.join(CA_FILE)).unwrap();
        assert!(ca.starts_with("-----BEGIN CERTIFICATE-----\n") && ca.lines().all(|line| line.len() <= 64));
        let mode = std::fs::metadata(state.join(CA_KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = prepare(&auto, &state, LISTEN.into()).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(state.join(CA_FILE)).unwrap(), ca);
        assert_ne!(
            first.certificate, second.certificate,
            "made anew, for the names of the day"
        );
        assert!(names(&auto, LISTEN.into()).contains(&"2001:db8::1".to_owned()));
    }

    #[test]
    fn what_does_not_fit_together_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let said = |pairs: &[(&str, &str)]| match prepare(&settings(pairs), &state, LISTEN.into()) {
            Ok(tls) => panic!("{pairs:?} was taken, TLS: {}", tls.is_some()),
            Err(error) => format!("{error:#}"),
        };
        assert!(said(&[("tls_cert", "a.pem")]).contains("go together"));
        assert!(said(&[("tls", "auto"), ("tls_cert", "a"), ("tls_key", "b")]).contains("not both"));
        assert!(said(&[("tls_cert", "/none.pem"), ("tls_key", "/none.key")]).contains("/none.pem"));
        assert!(prepare(&settings(&[]), &state, LISTEN.into()).unwrap().is_none());
        // A certificate with another's key.
        prepare(&settings(&[("tls", "auto")]), &state, LISTEN.into()).unwrap();
        let other = dir.path().join("other.key");
        std::fs::write(
            &other,
            pem("PRIVATE KEY", &KeyPair::generate().unwrap().serialize_der()),
        )
        .unwrap();
        let (cert, key) = (state.join(CA_FILE), other);
        let pair = [("tls_cert", cert.to_str().unwrap()), ("tls_key", key.to_str().unwrap())];
        assert!(said(&pair).contains("no pair"));
    }

    #[tokio::test]
    async fn only_the_noted_certificate_is_trusted() {
        use tokio_rustls::TlsConnector;
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path());
        let auto = settings(&[("tls", "auto")]);
        let tls = prepare(&auto, &state, LISTEN.into()).unwrap().unwrap();
        let other = prepare(&auto, &state, LISTEN.into()).unwrap().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        // One that says nothing holds up nobody.
        let silent = TcpStream::connect(address).await.unwrap();
        let mut listener = tls.listen(socket).unwrap();
        tokio::spawn(async move {
            loop {
                axum::serve::Listener::accept(&mut listener).await;
            }
        });
        let greeted = async |certificate: &str| {
            let connector = TlsConnector::from(trusting(certificate).unwrap());
            let name = ServerName::try_from("maru").unwrap();
            connector
                .connect(name, TcpStream::connect(address).await.unwrap())
                .await
                .is_ok()
        };
        assert!(greeted(&tls.certificate).await);
        assert!(!greeted(&other.certificate).await);
        drop(silent);
    }
}
