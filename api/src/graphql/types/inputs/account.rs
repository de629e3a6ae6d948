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

/// Names a sign-in.
#[derive(InputObject)]
pub struct SessionIdInput {
    /// The sign-in.
    pub session_id: ID,
}
