//! Passwords, kept as Argon2id (RFC 9106) with the library's defaults.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::time::Duration;

use tokio::sync::Semaphore;

/// The least characters of a password (NIST SP 800-63B §5.1.1.1).
pub const PASSWORD_MIN_CHARS: usize = 8;
/// The most bytes of a password: more would only make hashing a way to keep the server busy.
pub const PASSWORD_MAX_BYTES: usize = 1024;
/// How many passwords are hashed at the same time; each takes 19 MiB and a core.
const CONCURRENT: usize = 2;

static HASHING: Semaphore = Semaphore::const_new(CONCURRENT);

/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// A password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many are waiting; the caller may try again later.
    #[error("too many passwords are being checked")]
    Busy,
    /// Hashing failed; our fault.
    #[error("a password can't be hashed: {0}")]
    Failed(String),
}

/// What is wrong with a new password.
pub fn mistake(password: &str) -> Option<String> {
    if password.chars().count() < PASSWORD_MIN_CHARS {
        Some(format!(
            "must be at least {PASSWORD_MIN_CHARS} characters long"
        ))
    } else if password.len() > PASSWORD_MAX_BYTES {
        Some(format!("must be at most {PASSWORD_MAX_BYTES} bytes long"))
    } else {
        None
    }
}

/// The hash of `password`, in PHC format.
pub async fn hash(password: String) -> Result<String, PasswordError> {
    blocking(move || {
        let hash = Argon2::default().hash_password(password.as_bytes());
        hash.map(|hash: PasswordHash| hash.to_string())
            .map_err(|it| PasswordError::Failed(it.to_string()))
    })
    .await?
}

/// Whether `password` is the one behind `hash`. Without a hash (no such user) it takes as long and
/// is false, so that the time doesn't tell who has an account.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool, PasswordError> {
    if password.len() > PASSWORD_MAX_BYTES {
        return Ok(false);
    }
    blocking(move || {
        match hash
            .as_deref()
            .and_then(|hash| PasswordHash::new(hash).ok())
        {
            Some(hash) => Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok(),
            None => {
                let made: Result<PasswordHash, _> =
                    Argon2::default().hash_password(password.as_bytes());
                std::hint::black_box(made.is_ok());
                false
            }
        }
    })
    .await
}

async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PasswordError> {
    let permit = tokio::time::timeout(PATIENCE, HASHING.acquire()).await;
    let _permit = permit.map_err(|_| PasswordError::Busy)?;
    tokio::task::spawn_blocking(f)
        .await
        .map_err(|error| PasswordError::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_verifies() {
        let hash = hash("correct horse".to_owned()).await.expect("hashes");
        assert!(hash.starts_with("$argon2id$"));
        let verifies = async |password: &str, hash: Option<&String>| {
            verify(password.to_owned(), hash.cloned())
                .await
                .expect("answers")
        };
        assert!(verifies("correct horse", Some(&hash)).await);
        assert!(!verifies("correct hors", Some(&hash)).await);
        assert!(!verifies("correct horse", None).await);
    }
}
