//! What mutations of apps take.

use async_graphql::{ID, InputObject};

/// The app that is to be opened.
#[derive(InputObject)]
pub struct OpenAppInput {
    /// The space it belongs to.
    pub space_id: ID,
    /// `code`, `vnc`, `term`, `files`, or a port from 1 to 65535.
    pub app: String,
}

/// A one-time code, and where it was presented.
#[derive(InputObject)]
pub struct RedeemAppCodeInput {
    /// The code.
    #[graphql(secret)]
    pub code: String,
    /// The hostname at which it was presented, in lower case and without a port.
    pub host: String,
    /// The IP address of whoever presented it, for the audit log. Without one, that of who asks is
    /// kept.
    pub address: Option<String>,
}
