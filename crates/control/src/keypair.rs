//! Key pairs: reading public keys that users bring, and making pairs for those who bring none. A private key is made, handed
//! out once, and wiped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use model::compute::KeypairKind;
use model::compute::keypair::PublicKey;
use model::{Error, Result, UserId};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_RSA_SHA256, SanType};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey, LineEnding};
use rsa::pkcs8::EncodePrivateKey;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// RSA modulus, bits, as Nova makes it.
const RSA_BITS: usize = 2048;

/// How long a certificate that is made here is valid, days, as Nova makes it.
const VALID_DAYS: i64 = 3650;

/// Microsoft's User Principal Name in a certificate's subjectAltName (MS-WCCE 2.2.2.7.7.4): by it Windows knows whose the
/// certificate is.
const UPN: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

/// Making a key takes a processor for a good part of a second: a flood of requests waits in line instead.
static MAKERS: Semaphore = Semaphore::const_new(2);

/// A pair that was just made.
pub struct NewKeypair {
    /// The half that is kept.
    pub public: PublicKey,
    /// The other half in PEM: PKCS#1 (`-----BEGIN RSA PRIVATE KEY-----`), of a certificate PKCS#8 (`-----BEGIN PRIVATE KEY-----`).
    pub private_pem: Zeroizing<String>,
}

/// Makes an RSA key pair of a user, off the threads that serve requests. The public half of an X.509 one is a certificate
/// that the user can log in with by WinRM.
///
/// # Errors
/// `Internal` when the key can't be made or written.
pub async fn generate(kind: KeypairKind, user: &UserId) -> Result<NewKeypair> {
    let user = user.clone();
    let _permit = MAKERS.acquire().await.map_err(|_| failed(&"the program ends"))?;
    let make = move || match kind {
        KeypairKind::Ssh => make_ssh(),
        KeypairKind::X509 => make_x509(&user),
    };
    tokio::task::spawn_blocking(make)
        .await
        .map_err(|_| failed(&"its thread panicked"))?
}

fn make_rsa() -> Result<RsaPrivateKey> {
    RsaPrivateKey::new(&mut rsa::rand_core::OsRng, RSA_BITS).map_err(|error| failed(&error))
}

/// A self-signed certificate for client authentication.
fn make_x509(user: &UserId) -> Result<NewKeypair> {
    let private = make_rsa()?;
    let der = private.to_pkcs8_der().map_err(|error| failed(&error))?;
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &PKCS_RSA_SHA256)
        .map_err(|error| failed(&error))?;
    let now = jiff::Timestamp::now();
    let until = now + jiff::SignedDuration::from_hours(24 * VALID_DAYS);
    let day = |at: jiff::Timestamp| {
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user.as_str());
    params.subject_alt_names = vec![SanType::OtherName((UPN.to_vec(), format!("{user}@localhost").into()))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (day(now), day(until));
    let certificate = params.self_signed(&key).map_err(|error| failed(&error))?;
    let private_pem = private.to_pkcs8_pem(LineEnding::LF).map_err(|error| failed(&error))?;
    Ok(NewKeypair {
        public: read(KeypairKind::X509, &pem(certificate.der()))?,
        private_pem,
    })
}

/// A certificate as text (RFC 7468).
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = vec!["-----BEGIN CERTIFICATE-----"];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, left) = rest.split_at(rest.len().min(64));
        lines.push(line);
        rest = left;
    }
    lines.push("-----END CERTIFICATE-----");
    lines.join("\n")
}

fn make_ssh() -> Result<NewKeypair> {
    let private = make_rsa()?;
    let private_pem = private.to_pkcs1_pem(LineEnding::LF).map_err(|error| failed(&error))?;
    let mut public = ssh_key::PublicKey::from(ssh_key::public::KeyData::Rsa(
        ssh_key::public::RsaPublicKey::try_from(&private.to_public_key()).map_err(|error| failed(&error))?,
    ));
    public.set_comment("Generated-by-Nova");
    let text = public.to_openssh().map_err(|error| failed(&error))?;
    Ok(NewKeypair {
        public: read(KeypairKind::Ssh, &text)?,
        private_pem,
    })
}

fn failed(cause: &dyn std::fmt::Display) -> Error {
    Error::internal("InternalServerError", format!("an RSA key could not be made: {cause}"))
}

/// Reads a public key as users bring it.
///
/// # Errors
/// `InvalidKeypair`, saying what is wrong with it.
pub fn read(kind: KeypairKind, text: &str) -> Result<PublicKey> {
    let text = text.trim();
    let fingerprint = match kind {
        KeypairKind::Ssh => ssh_fingerprint(text)?,
        KeypairKind::X509 => x509_fingerprint(text)?,
    };
    Ok(PublicKey {
        kind,
        text: text.to_owned(),
        fingerprint,
    })
}

/// MD5 of the key's blob, as OpenSSH once printed it.
fn ssh_fingerprint(text: &str) -> Result<String> {
    let key = ssh_key::PublicKey::from_openssh(text)
        .map_err(|error| invalid(&format!("it is not an OpenSSH public key ({error})")))?;
    let blob = key.to_bytes().map_err(|error| invalid(&error.to_string()))?;
    Ok(colons(&Md5::digest(blob)))
}

/// SHA-1 of a certificate.
fn x509_fingerprint(text: &str) -> Result<String> {
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let der = STANDARD
        .decode(body)
        .map_err(|_| invalid("it is not a PEM certificate"))?;
    // A DER SEQUENCE begins a certificate (RFC 5280).
    if !text.starts_with("-----BEGIN CERTIFICATE-----") || der.first() != Some(&0x30) {
        return Err(invalid("it is not a PEM certificate"));
    }
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
    Ok(colons(digest.as_ref()))
}

fn invalid(reason: &str) -> Error {
    Error::invalid("InvalidKeypair", format!("Keypair data is invalid: {reason}"))
}

fn colons(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl user@host";

    #[test]
    fn the_fingerprint_is_what_ssh_keygen_prints() {
        // ssh-keygen -l -E md5
        let key = read(KeypairKind::Ssh, &format!("  {ED25519}\n")).unwrap();
        assert_eq!(key.fingerprint, "65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd");
        assert_eq!(key.text, ED25519);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "ssh-rsa",
            "ssh-rsa nonsense",
            "hello world",
            "ssh-rsa AAAAB3NzaC1yc2E= x",
        ] {
            let error = read(KeypairKind::Ssh, text).unwrap_err();
            assert_eq!(error.code, "InvalidKeypair", "{text}");
        }
        assert!(read(KeypairKind::X509, ED25519).is_err());
    }

    #[tokio::test]
    async fn a_made_pair_belongs_together() {
        use rsa::pkcs1::DecodeRsaPrivateKey;
        let pair = generate(KeypairKind::Ssh, &"u".into()).await.unwrap();
        assert!(pair.private_pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        let private = RsaPrivateKey::from_pkcs1_pem(&pair.private_pem).unwrap();
        let public = ssh_key::public::RsaPublicKey::try_from(&private.to_public_key()).unwrap();
        let public = ssh_key::PublicKey::from(ssh_key::public::KeyData::Rsa(public));
        let words: Vec<&str> = pair.public.text.split(' ').collect();
        assert_eq!(words[..2].join(" "), public.to_openssh().unwrap());
        assert_eq!(words[2], "Generated-by-Nova");
    }

    #[tokio::test]
    async fn a_made_certificate_is_the_users_and_of_the_key() {
        use rsa::pkcs1::EncodeRsaPublicKey;
        use rsa::pkcs8::DecodePrivateKey;
        let pair = generate(KeypairKind::X509, &"some-user".into()).await.unwrap();
        let private = RsaPrivateKey::from_pkcs8_pem(&pair.private_pem).unwrap();
        let body: String = pair.public.text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).unwrap();
        let holds = |bytes: &[u8]| der.windows(bytes.len()).any(|part| part == bytes);
        assert!(holds(private.to_public_key().to_pkcs1_der().unwrap().as_bytes()));
        assert!(holds(b"some-user@localhost"));
        // The object identifiers of the user principal name and of client authentication.
        assert!(holds(&[
            0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03
        ]));
        assert!(holds(&[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02]));
        // What is shown can be imported again.
        assert_eq!(read(KeypairKind::X509, &pair.public.text).unwrap(), pair.public);
        assert_eq!(pair.public.fingerprint.len(), 59);
    }
}
