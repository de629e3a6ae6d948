//! Signing a command line in by a browser.
//!
//! The command line listens on a port of its user's machine and sends their browser to a page with a
//! challenge (RFC 7636). Who confirms there gets a one-time code for it, which goes to that port; only
//! who knows what the challenge was made of turns the code into a sign-in. So neither the code alone,
//! which passes through the browser, nor the challenge alone is of use to anybody.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use spaceport_domain::{
    event::SignIn,
    problem::{Problem, ProblemCode},
    ticket::CODE_LIFE,
};

use super::{App, AppResult, Origin, sign_in::SignedIn};
use crate::{
    auth::token,
    store::{CliCode, User},
};

/// The most codes of one user that nobody used yet.
const CODES_MAX: u64 = 10;
/// The length of a challenge: 256 bits in base64url (RFC 7636 §4.2).
const CHALLENGE_CHARACTERS: usize = 43;

/// What a code is bound to: the hash of a secret of the command line's, by the method `S256`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// The challenge that is spelled so; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_challenge = text.len() == CHALLENGE_CHARACTERS && text.bytes().all(is_plain);
        is_challenge.then(|| Self(text.to_owned()))
    }

    /// Its spelling, of which every character stands for itself in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_of(&self, verifier: &str) -> bool {
        URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == self.0
    }
}

impl App {
    /// A one-time code for a command line of who is signed in with a browser.
    pub async fn issue_cli_code(
        &self,
        signed_in: &SignedIn,
        challenge: &Challenge,
    ) -> AppResult<String> {
        let user_id = signed_in.actor.user_id;
        // A token for a program lets in no further program: it would outlive its scopes.
        let SignIn::Session(session_id) = signed_in.sign_in else {
            return Err(not_valid().into());
        };
        let now = self.now();
        let code = token::random();
        let change = self.store.begin().await?;
        // One at a time, so that the bound holds.
        change.user(user_id).await?;
        if change.count_cli_codes(user_id, now).await? >= CODES_MAX {
            let message =
                format!("there are {CODES_MAX} sign-ins that no command line fetched yet");
            return Err(Problem::rate_limited(message, CODE_LIFE).into());
        }
        let kept = CliCode {
            hash: token::hash(&code),
            user_id,
            session_id,
            challenge: challenge.0.clone(),
            expires_at: now.after(CODE_LIFE),
        };
        change.insert_cli_code(&kept).await?;
        change.commit(now).await?;
        Ok(code)
    }

    /// Turns a code into a sign-in of its own; returns the token to send with later requests.
    /// Whatever comes of it, the code is used up, and it is used once, whichever replicas are asked
    /// how often.
    pub async fn redeem_cli_code(
        &self,
        origin: &Origin,
        code: &str,
        verifier: &str,
    ) -> AppResult<(String, User)> {
        let hash = token::hash(code);
        let known = self.store.cli_code(&hash).await?.ok_or_else(not_valid)?;
        let now = self.now();
        let mut change = self.store.begin().await?;
        // The user before anything of theirs, as everywhere.
        let user = change.user(known.user_id).await?;
        if !change.take_cli_code(&hash).await? {
            return Err(not_valid().into());
        }
        let is_good = known.challenge_is_of(verifier) && known.expires_at > now;
        let session = change.session(known.session_id).await?;
        let rests = is_good && session.is_some_and(|it| it.holds_at(now));
        let Some(user) = user.filter(|user| rests && user.disabled_at.is_none()) else {
            change.commit(now).await?;
            return Err(not_valid().into());
        };
        let signed = self
            .begin_session(&mut change, origin, &user, now, "redeemCliCode")
            .await?;
        change.commit(now).await?;
        Ok((signed, user))
    }
}

impl CliCode {
    fn challenge_is_of(&self, verifier: &str) -> bool {
        Challenge(self.challenge.clone()).is_of(verifier)
    }
}

/// Doesn't say why: the command line begins again, whatever the reason.
fn not_valid() -> Problem {
    let message = "the code is not valid, or not any more";
    Problem::new(ProblemCode::InvalidCredentials, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_challenge_is_that_of_one_verifier() {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let challenge = challenge.expect("a challenge");
        assert!(challenge.is_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.is_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
    }

    #[test]
    fn what_is_no_hash_is_no_challenge() {
        for bad in [
            "",
            "x",
            &"x".repeat(42),
            &"x".repeat(44),
            &"=".repeat(43),
            &"ä".repeat(43),
        ] {
            assert_eq!(Challenge::parse(bad), None, "{bad}");
        }
    }
}
