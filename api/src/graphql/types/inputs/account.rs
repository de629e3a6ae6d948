//! What mutations of one's own account take.

use async_graphql::{ID, InputObject};

/// The old and the new password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The password as it is.
    #[graphql(secret)]
    pub current_password: String,
    /// The password as it is to be, at least 8 characters.
    #[graphql(secret)]
    pub new_password: String,
}

/// What a command line got from the browser, and what it kept to itself.
#[derive(InputObject)]
pub struct RedeemCliCodeInput {
    /// The one-time code.
    #[graphql(secret)]
    pub code: String,
    /// What the challenge was made of (RFC 7636 §4.1).
    #[graphql(secret)]
    pub verifier: String,
}

/// Names a sign-in.
#[derive(InputObject)]
pub struct SessionIdInput {
    /// The sign-in.
    pub session_id: ID,
}

/// An SSH key as it is wanted.
#[derive(InputObject)]
pub struct AddSshKeyInput {
    /// What to call it.
    pub name: String,
    /// The public key: one line, as in the file that ends in `.pub`. Its comment is not kept.
    #[graphql(secret)]
    pub public_key: String,
}

/// Names an SSH key.
#[derive(InputObject)]
pub struct SshKeyIdInput {
    /// The key.
    pub key_id: ID,
}

/// A sign-in by SSH.
#[derive(InputObject)]
pub struct RecordSshSignInInput {
    /// The key that was proved.
    pub key_id: ID,
    /// The space that was entered.
    pub space_id: ID,
    /// The IP address of whoever signed in, for the audit log. Without one, that of who asks is
    /// kept.
    pub address: Option<String>,
}
