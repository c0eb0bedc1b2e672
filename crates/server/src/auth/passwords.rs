//! Passwords as Argon2id hashes. Each check takes 19 MiB and tens of milliseconds by design, so only few run at once and
//! none on the threads that answer requests.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// Checks at once.
const AT_ONCE: usize = 2;
/// The shortest password that is taken, in characters.
pub const SHORTEST: usize = 10;
/// The longest password that is taken, in bytes.
pub const LONGEST: usize = 1024;

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("a password has at least {SHORTEST} characters; choose a longer one")]
    TooShort,
    /// Too long.
    #[error("a password has at most {LONGEST} bytes; choose a shorter one")]
    TooLong,
    /// The hash could not be made.
    #[error("the password could not be hashed: {0}")]
    Hashing(String),
}

/// Hashes a new password.
///
/// # Errors
/// [`PasswordError`].
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Hashing(error.to_string()))
}

fn fits(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Checks passwords, few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// Whether the password belongs to the hash. Without a hash (nobody has this e-mail address) it takes as long and
    /// answers no, so that the time does not tell who exists.
    pub async fn check(&self, password: &str, hash: Option<String>) -> bool {
        static NOBODY: OnceLock<String> = OnceLock::new();
        if password.len() > LONGEST {
            return false;
        }
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else { return false };
        let password = password.to_owned();
        let checked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            match hash {
                Some(hash) => fits(&password, &hash),
                None => {
                    let nobody = NOBODY.get_or_init(|| self::hash("nobody has this password").unwrap_or_default());
                    let _ = fits(&password, nobody);
                    false
                }
            }
        });
        checked.await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::default();
        let kept = hash("correct horse").expect("hashed");
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        assert!(passwords.check("correct horse", Some(kept.clone())).await);
        assert!(!passwords.check("correct horsf", Some(kept)).await);
        assert!(!passwords.check("correct horse", None).await);
        assert!(!passwords.check("correct horse", Some("nonsense".to_owned())).await);
    }

    #[test]
    fn a_short_or_endless_password_is_refused() {
        assert_eq!(hash("short"), Err(PasswordError::TooShort));
        assert_eq!(hash(&"x".repeat(LONGEST + 1)), Err(PasswordError::TooLong));
    }
}
