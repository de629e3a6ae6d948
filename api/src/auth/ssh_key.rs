//! SSH public keys, as people paste them.
//!
//! One line as in the file `id_….pub`: algorithm, key in base64 (RFC 4253 §6.6) and perhaps a
//! comment, which is not kept. What was pasted is in no error and no log: it may be a private key.

use ssh_key::{Algorithm, HashAlg, PublicKey, public::KeyData};

/// The most bytes of what is pasted: four times an RSA key of 16384 bits.
const TEXT_MAX_BYTES: usize = 16 * 1024;
/// The fewest bits of an RSA modulus (NIST SP 800-131A).
const RSA_MIN_BITS: usize = 2048;
/// The most bits of an RSA modulus, as in OpenSSH.
const RSA_MAX_BITS: usize = 16_384;
/// The fewest bits of an RSA public exponent, which is odd (RFC 8017 §3.1): 3.
const RSA_EXPONENT_MIN_BITS: usize = 2;

/// A public key somebody may sign in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshPublicKey {
    /// The algorithm's name, as in the key.
    pub algorithm: String,
    /// SHA-256 of the key as OpenSSH prints it: `SHA256:` and base64 without padding.
    pub fingerprint: String,
    /// Algorithm and key, without options and comment.
    pub line: String,
}

/// Why a text is not taken as a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// It is the secret half.
    #[error(
        "this is a private key: never give it to anybody, and consider it known to others now; \
         paste the file that ends in .pub"
    )]
    Private,
    /// It is longer than any key.
    #[error("must be at most {TEXT_MAX_BYTES} bytes long")]
    TooLong,
    /// It is several lines.
    #[error("must be one line, as in a file that ends in .pub")]
    Lines,
    /// Something is in front of the key.
    #[error("must begin with the algorithm: options are not accepted")]
    Options,
    /// It is a certificate.
    #[error("is a certificate: paste the key itself")]
    Certificate,
    /// Its algorithm is not accepted.
    #[error(
        "is of an algorithm that is not accepted: use ed25519, ecdsa (nistp256, nistp384 or \
         nistp521), rsa, or a security key"
    )]
    Algorithm,
    /// It is an RSA key that is too short, or absurdly long, or no RSA key at all.
    #[error("an RSA key must have from {RSA_MIN_BITS} to {RSA_MAX_BITS} bits")]
    RsaSize,
    /// It is nothing of the kind.
    #[error("is no SSH public key")]
    Malformed,
}

impl SshPublicKey {
    /// Reads what somebody pasted.
    pub fn parse(text: &str) -> Result<Self, SshKeyError> {
        if text.contains("PRIVATE KEY") || text.contains("PuTTY-User-Key-File") {
            return Err(SshKeyError::Private);
        }
        if text.len() > TEXT_MAX_BYTES {
            return Err(SshKeyError::TooLong);
        }
        let line = text.trim();
        if line.contains(['\n', '\r']) {
            return Err(SshKeyError::Lines);
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(algorithm), Some(key)) = (words.next(), words.next()) else {
            return Err(SshKeyError::Malformed);
        };
        check_algorithm(algorithm, line)?;
        let line = format!("{algorithm} {key}");
        let parsed = PublicKey::from_openssh(&line).map_err(|_| SshKeyError::Malformed)?;
        if let KeyData::Rsa(rsa) = parsed.key_data() {
            let modulus = rsa.n.as_positive_bytes().unwrap_or_default();
            let exponent = rsa.e.as_positive_bytes().unwrap_or_default();
            let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
            if !(RSA_MIN_BITS..=RSA_MAX_BITS).contains(&bits(modulus))
                || bits(exponent) < RSA_EXPONENT_MIN_BITS
                || !is_odd(exponent)
            {
                return Err(SshKeyError::RsaSize);
            }
        }
        Ok(Self {
            algorithm: algorithm.to_owned(),
            fingerprint: parsed.fingerprint(HashAlg::Sha256).to_string(),
            line,
        })
    }
}

/// Refuses a line that doesn't begin with an accepted algorithm, and says what is there instead.
fn check_algorithm(first: &str, line: &str) -> Result<(), SshKeyError> {
    match first.parse::<Algorithm>() {
        Ok(
            Algorithm::Ed25519
            | Algorithm::Ecdsa { .. }
            | Algorithm::Rsa { hash: None }
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256,
        ) => Ok(()),
        _ if first.contains("-cert-v0") => Err(SshKeyError::Certificate),
        Ok(Algorithm::Dsa) => Err(SshKeyError::Algorithm),
        _ if [" ssh-", " ecdsa-", " sk-"]
            .iter()
            .any(|it| line.contains(it)) =>
        {
            Err(SshKeyError::Options)
        }
        Ok(_) if first.contains('-') => Err(SshKeyError::Algorithm),
        _ => Err(SshKeyError::Malformed),
    }
}

/// How many bits a number has, without leading zeros.
fn bits(number: &[u8]) -> usize {
    let Some(first) = number.iter().position(|byte| *byte != 0) else {
        return 0;
    };
    (number.len() - first) * 8 - number[first].leading_zeros() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 8709 keys are 32 bytes; this one is nobody's.
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn error(text: &str) -> SshKeyError {
        SshPublicKey::parse(text).expect_err(text)
    }

    #[test]
    fn a_comment_is_not_kept_and_does_not_make_another_key() {
        let plain = SshPublicKey::parse(ED25519).expect("a key");
        let commented = format!("  {ED25519}\tada@home of mine \r\n");
        assert_eq!(SshPublicKey::parse(&commented), Ok(plain.clone()));
        assert_eq!(plain.line, ED25519);
        assert_eq!(plain.algorithm, "ssh-ed25519");
        assert!(plain.fingerprint.starts_with("SHA256:") && !plain.fingerprint.ends_with('='));
    }

    #[test]
    fn a_private_key_is_told_from_other_mistakes() {
        for text in [
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n",
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "PuTTY-User-Key-File-3: ssh-ed25519",
            &format!("{}-----BEGIN EC PRIVATE KEY-----", "x".repeat(20_000)),
        ] {
            assert_eq!(error(text), SshKeyError::Private);
        }
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        let two_lines = format!("{ED25519}\n{ED25519}");
        let optioned = format!("command=\"/bin/sh\",no-pty {ED25519}");
        let certificate = ED25519.replacen("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1);
        let cut = &ED25519[..ED25519.len() - 8];
        let other = ED25519.replacen("ssh-ed25519", "ecdsa-sha2-nistp256", 1);
        for (text, expected) in [
            ("", SshKeyError::Malformed),
            ("hello there", SshKeyError::Malformed),
            ("ssh-ed25519", SshKeyError::Malformed),
            ("ssh-ed25519 !!!!", SshKeyError::Malformed),
            (cut, SshKeyError::Malformed),
            (&other, SshKeyError::Malformed),
            (&two_lines, SshKeyError::Lines),
            (&optioned, SshKeyError::Options),
            (&certificate, SshKeyError::Certificate),
            ("ssh-dss AAAAB3NzaC1kc3M=", SshKeyError::Algorithm),
            (&"x".repeat(TEXT_MAX_BYTES + 1), SshKeyError::TooLong),
        ] {
            assert_eq!(error(text), expected, "{text:.80}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(ssh-rsa |ssh-ed25519 |sk-ssh-ed25519@openssh.com )?\\PC{0,200}") {
            let _ = SshPublicKey::parse(&text);
        }

        #[test]
        fn no_part_of_a_key_is_a_key(length in 0..ED25519.len()) {
            prop_assert!(SshPublicKey::parse(&ED25519[..length]).is_err());
        }
    }
}
