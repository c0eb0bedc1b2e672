//! Secrets at rest: XChaCha20-Poly1305 with a key from a file or a setting, bound to the row they belong to.

use crate::error::StoreError;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::path::Path;

const NONCE_BYTES: usize = 24;

/// The key that seals credentials.
#[derive(Clone)]
pub struct SealingKey(XChaCha20Poly1305);

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    /// From 64 hexadecimal digits; `named` is how errors call them.
    ///
    /// # Errors
    /// [`StoreError::BadKey`].
    pub fn from_hex(digits: &str, named: &str) -> Result<Self, StoreError> {
        let bytes = hex::decode(digits.trim()).map_err(|_| StoreError::BadKey(named.to_owned()))?;
        let cipher = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| StoreError::BadKey(named.to_owned()))?;
        Ok(Self(cipher))
    }

    /// Reads the key file, or makes one (readable by its owner only) where there is none.
    ///
    /// # Errors
    /// [`StoreError::File`] or [`StoreError::BadKey`].
    pub fn from_file(path: &Path) -> Result<Self, StoreError> {
        let named = path.display().to_string();
        let file_error = |source| StoreError::File { path: named.clone(), source };
        match std::fs::read_to_string(path) {
            Ok(digits) => Self::from_hex(&digits, &named),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let digits = hex::encode(random_bytes::<32>());
                write_private(path, &digits).map_err(file_error)?;
                Self::from_hex(&digits, &named)
            }
            Err(error) => Err(file_error(error)),
        }
    }

    /// Seals a secret for one row.
    #[must_use]
    pub fn seal(&self, row: &str, secret: &str) -> Vec<u8> {
        let nonce = random_bytes::<NONCE_BYTES>();
        let payload = Payload { msg: secret.as_bytes(), aad: row.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload);
        // Encryption fails only for messages beyond 256 GiB, which no credentials are.
        let sealed = sealed.unwrap_or_default();
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what was sealed for this row.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] for another key, another row or damaged bytes.
    pub fn open(&self, row: &str, sealed: &[u8]) -> Result<String, StoreError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(StoreError::WrongKey)?;
        let payload = Payload { msg: sealed, aad: row.as_bytes() };
        let secret = self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| StoreError::WrongKey)?;
        String::from_utf8(secret).map_err(|_| StoreError::WrongKey)
    }
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

/// Random bytes from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give: nothing can be sealed or signed in then.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: &str) -> SealingKey {
        SealingKey::from_hex(&digit.repeat(64), "a test key").expect("a key")
    }

    #[test]
    fn a_sealed_secret_opens_only_with_its_key_and_for_its_row() {
        let sealed = key("a").seal("mer_1/shp_1", "secret");
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(key("a").open("mer_1/shp_1", &sealed).expect("opens"), "secret");
        assert!(matches!(key("b").open("mer_1/shp_1", &sealed), Err(StoreError::WrongKey)));
        assert!(matches!(key("a").open("mer_1/shp_2", &sealed), Err(StoreError::WrongKey)));
        assert!(matches!(key("a").open("mer_1/shp_1", &sealed[..10]), Err(StoreError::WrongKey)));
    }

    #[test]
    fn a_key_file_is_made_once_and_read_afterwards() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let sealed = SealingKey::from_file(&path).expect("made").seal("row", "secret");
        assert_eq!(SealingKey::from_file(&path).expect("read").open("row", &sealed).expect("opens"), "secret");
        std::fs::write(&path, "nonsense").expect("written");
        assert!(matches!(SealingKey::from_file(&path), Err(StoreError::BadKey(_))));
    }
}
