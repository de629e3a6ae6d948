//! Why the server closes a WebSocket, and the code that says so.

use axum::extract::ws::CloseFrame;

/// A reason to close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// A message is not of the protocol.
    InvalidMessage(&'static str),
    /// An operation came before the connection was acknowledged.
    Unauthorized,
    /// The credentials of `connection_init` are not valid.
    Forbidden,
    /// The sign-in was revoked or has expired. Clients may come back with another.
    SignInEnded,
    /// The client speaks another subprotocol.
    SubprotocolNotAcceptable,
    /// `connection_init` did not come in time.
    InitTimeout,
    /// An id was used for a second operation while the first still runs.
    SubscriberExists(String),
    /// `connection_init` came twice.
    TooManyInits,
    /// A message could not be written, or the check of credentials panicked: our fault.
    Internal,
    /// A frame is malformed (RFC 6455).
    Protocol,
    /// A message is too long (RFC 6455).
    MessageTooBig,
    /// The server stops (RFC 6455).
    GoingAway,
    /// The credentials can't be checked now, or were tried too often; clients may come back.
    TryAgainLater,
}

/// The longest reason a close frame holds: RFC 6455, section 5.5.
const REASON_MAX_BYTES: usize = 123;

impl Close {
    pub(super) fn frame(&self) -> CloseFrame {
        let (code, reason) = match self {
            Self::InvalidMessage(why) => (4400, (*why).to_owned()),
            Self::Unauthorized => (4401, "Unauthorized".to_owned()),
            Self::Forbidden => (4403, "Forbidden".to_owned()),
            Self::SignInEnded => (4403, "The sign-in has ended".to_owned()),
            Self::SubprotocolNotAcceptable => (4406, "Subprotocol not acceptable".to_owned()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Self::SubscriberExists(id) => (4409, already_exists(id)),
            Self::TooManyInits => (4429, "Too many initialisation requests".to_owned()),
            Self::Internal => (4500, "Internal server error".to_owned()),
            Self::Protocol => (1002, "Malformed frame".to_owned()),
            Self::MessageTooBig => (1009, "Message too big".to_owned()),
            Self::GoingAway => (1001, "The server stops".to_owned()),
            Self::TryAgainLater => (1013, "Try again later".to_owned()),
        };
        CloseFrame {
            code,
            reason: reason.into(),
        }
    }
}

/// The reason of the protocol, with the id cut where a frame could not hold it.
fn already_exists(id: &str) -> String {
    const AROUND: usize = "Subscriber for  already exists".len();
    let end = id.floor_char_boundary(REASON_MAX_BYTES - AROUND);
    format!("Subscriber for {} already exists", &id[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_reasons_are_those_of_the_protocol() {
        for (close, code, reason) in [
            (Close::InvalidMessage("No id"), 4400, "No id"),
            (Close::Unauthorized, 4401, "Unauthorized"),
            (Close::Forbidden, 4403, "Forbidden"),
            (Close::SignInEnded, 4403, "The sign-in has ended"),
            (
                Close::SubprotocolNotAcceptable,
                4406,
                "Subprotocol not acceptable",
            ),
            (
                Close::InitTimeout,
                4408,
                "Connection initialisation timeout",
            ),
            (
                Close::SubscriberExists("a1".into()),
                4409,
                "Subscriber for a1 already exists",
            ),
            (
                Close::TooManyInits,
                4429,
                "Too many initialisation requests",
            ),
            (Close::Internal, 4500, "Internal server error"),
            (Close::Protocol, 1002, "Malformed frame"),
            (Close::MessageTooBig, 1009, "Message too big"),
            (Close::GoingAway, 1001, "The server stops"),
            (Close::TryAgainLater, 1013, "Try again later"),
        ] {
            let frame = close.frame();
            assert_eq!((frame.code, frame.reason.as_str()), (code, reason));
        }
    }

    #[test]
    fn a_reason_fits_its_frame() {
        let frame = Close::SubscriberExists("é".repeat(100)).frame();
        assert!(frame.reason.as_str().len() <= REASON_MAX_BYTES);
        assert!(frame.reason.as_str().ends_with(" already exists"));
    }
}
