//! Key pairs: reading public keys that users bring, and making pairs for those who bring none. A private key is made, handed
//! out once, and wiped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use model::compute::KeypairKind;
use model::compute::keypair::PublicKey;
use model::{Error, Result};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey, LineEnding};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// RSA modulus, bits, as Nova makes it.
const RSA_BITS: usize = 2048;

/// Making a key takes a processor for a good part of a second: a flood of requests waits in line instead.
static MAKERS: Semaphore = Semaphore::const_new(2);

/// A pair that was just made.
pub struct NewKeypair {
    /// The half that is kept.
    pub public: PublicKey,
    /// The other half: PKCS#1 in PEM (`-----BEGIN RSA PRIVATE KEY-----`).
    pub private_pem: Zeroizing<String>,
}

/// Makes an RSA key pair, off the threads that serve requests.
///
/// # Errors
/// `Invalid` for a certificate, which can only be imported; `Internal` when the key can't be made or written.
pub async fn generate(kind: KeypairKind) -> Result<NewKeypair> {
    if kind == KeypairKind::X509 {
        return Err(Error::invalid(
            "InvalidKeypair",
            "Keypair data is invalid: an X.509 key pair can't be made here; bring a certificate as 'public_key'.",
        ));
    }
    let _permit = MAKERS.acquire().await.map_err(|_| failed(&"the program ends"))?;
    tokio::task::spawn_blocking(make)
        .await
        .map_err(|_| failed(&"its thread panicked"))?
}

fn make() -> Result<NewKeypair> {
    let private = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, RSA_BITS).map_err(|error| failed(&error))?;
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
        let pair = generate(KeypairKind::Ssh).await.unwrap();
        assert!(pair.private_pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        let private = RsaPrivateKey::from_pkcs1_pem(&pair.private_pem).unwrap();
        let public = ssh_key::public::RsaPublicKey::try_from(&private.to_public_key()).unwrap();
        let public = ssh_key::PublicKey::from(ssh_key::public::KeyData::Rsa(public));
        let words: Vec<&str> = pair.public.text.split(' ').collect();
        assert_eq!(words[..2].join(" "), public.to_openssh().unwrap());
        assert_eq!(words[2], "Generated-by-Nova");
    }
}
