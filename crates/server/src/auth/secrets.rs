//! Random secrets, and the hashes that are kept of them.

use sha2::{Digest as _, Sha256};
use store::random_bytes;

/// Characters of a generated password: 20 of an alphabet of 32 are 100 bits.
const PASSWORD_LENGTH: usize = 20;
/// Without characters that look alike.
const PASSWORD_ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789_";

/// A session or CSRF token: 256 random bits.
#[must_use]
pub fn token() -> String {
    hex::encode(random_bytes::<32>())
}

/// An API token: 256 random bits behind a prefix that secret scanners can look for.
#[must_use]
pub fn api_token() -> String {
    format!("cmt_{}", token())
}

/// A password for people to copy.
#[must_use]
pub fn password() -> String {
    let letters = random_bytes::<PASSWORD_LENGTH>();
    letters.iter().map(|byte| char::from(PASSWORD_ALPHABET[usize::from(byte & 31)])).collect()
}

/// What is kept of a token. No salt is needed: nobody guesses 256 random bits.
#[must_use]
pub fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_repeat_and_their_hash_does_not_show_them() {
        assert_ne!(token(), token());
        assert_ne!(password(), password());
        assert_eq!(password().len(), PASSWORD_LENGTH);
        let token = api_token();
        assert!(token.starts_with("cmt_") && token.len() == 68, "{token}");
        assert!(!hash(&token).contains(&token[4..]));
        assert_eq!(hash(&token), hash(&token));
    }
}
