//! The messages of the protocol.

use async_graphql::ServerError;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    super::{
        outcome::Outcome,
        params::{self, Params},
    },
    close::Close,
};

/// What a client says.
#[derive(Debug)]
pub(super) enum ClientMessage {
    /// Asks for a connection within the socket.
    ConnectionInit {
        /// The credentials in its payload.
        authorization: Option<String>,
    },
    /// Asks for a pong.
    Ping {
        /// Comes back with the pong.
        payload: Option<Value>,
    },
    /// Answers a ping, or tells that the client lives.
    Pong,
    /// Starts an operation.
    Subscribe {
        /// Names the operation until it ends.
        id: String,
        /// What to run.
        params: Params,
    },
    /// Stops an operation.
    Complete {
        /// Which one.
        id: String,
    },
}

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    /// The client may start operations.
    ConnectionAck,
    /// Answers a ping.
    Pong {
        /// What the ping brought.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
    /// A result, whole or partial.
    Next {
        /// The operation.
        id: &'a str,
        /// The result.
        payload: &'a Outcome,
    },
    /// The operation was not run.
    Error {
        /// The operation.
        id: &'a str,
        /// Why not.
        payload: &'a [ServerError],
    },
    /// The operation has ended.
    Complete {
        /// The operation.
        id: &'a str,
    },
}

/// The longest id of an operation.
const ID_MAX_BYTES: usize = 256;

impl ClientMessage {
    /// Reads a text frame.
    ///
    /// # Errors
    ///
    /// Whatever is not of the protocol closes the socket.
    pub(super) fn parse(text: &str, json_depth: usize) -> Result<Self, Close> {
        let Ok(Value::Object(mut message)) = params::from_json(text.as_bytes(), json_depth) else {
            return Err(Close::InvalidMessage("A message must be a JSON object"));
        };
        let Some(Value::String(kind)) = message.remove("type") else {
            return Err(Close::InvalidMessage("A message must have a type"));
        };
        match kind.as_str() {
            "connection_init" => Ok(Self::ConnectionInit {
                authorization: authorization(payload(&mut message)?)?,
            }),
            "ping" => Ok(Self::Ping {
                payload: payload(&mut message)?.map(Value::Object),
            }),
            "pong" => payload(&mut message).map(|_| Self::Pong),
            "subscribe" => {
                let id = id(&mut message)?;
                let Some(payload) = payload(&mut message)? else {
                    return Err(Close::InvalidMessage(
                        "A subscribe message must have a payload",
                    ));
                };
                let params = params::from_object(payload)
                    .map_err(|_| Close::InvalidMessage("The payload is not a GraphQL request"))?;
                Ok(Self::Subscribe { id, params })
            }
            "complete" => Ok(Self::Complete {
                id: id(&mut message)?,
            }),
            _ => Err(Close::InvalidMessage("The type of the message is unknown")),
        }
    }
}

fn id(message: &mut Map<String, Value>) -> Result<String, Close> {
    match message.remove("id") {
        Some(Value::String(id)) if (1..=ID_MAX_BYTES).contains(&id.len()) => Ok(id),
        _ => Err(Close::InvalidMessage(
            "The id must be a string of 1 to 256 bytes",
        )),
    }
}

fn payload(message: &mut Map<String, Value>) -> Result<Option<Map<String, Value>>, Close> {
    match message.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(Close::InvalidMessage("The payload must be an object")),
    }
}

/// Like a header, the member is found whatever its case.
fn authorization(payload: Option<Map<String, Value>>) -> Result<Option<String>, Close> {
    let members = payload.into_iter().flatten();
    let mut found = members.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    match (found.next(), found.next()) {
        (None | Some((_, Value::Null)), None) => Ok(None),
        (Some((_, Value::String(credentials))), None) => Ok(Some(credentials)),
        _ => Err(Close::InvalidMessage(
            "The authorization must be one string",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_outside_the_protocol_are_invalid() {
        for text in [
            "",
            "nonsense",
            "[]",
            "{}",
            r#"{"type": 1}"#,
            r#"{"type": "start"}"#,
            r#"{"type": "connection_ack"}"#,
            r#"{"type": "next", "id": "1"}"#,
            r#"{"type": "connection_init", "payload": "token"}"#,
            r#"{"type": "connection_init", "payload": {"authorization": 1}}"#,
            r#"{"type": "ping", "payload": []}"#,
            r#"{"type": "pong", "payload": 1}"#,
            r#"{"type": "subscribe", "id": "1"}"#,
            r#"{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}"#,
            r#"{"type": "subscribe", "payload": {"query": "{a}"}}"#,
            r#"{"type": "subscribe", "id": 1, "payload": {"query": "{a}"}}"#,
            r#"{"type": "subscribe", "id": "1", "payload": {}}"#,
            r#"{"type": "subscribe", "id": "1", "payload": {"query": 1}}"#,
            r#"{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}"#,
            r#"{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": 1}}"#,
            r#"{"type": "complete"}"#,
        ] {
            assert!(
                matches!(
                    ClientMessage::parse(text, 16),
                    Err(Close::InvalidMessage(_))
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn credentials_are_found_whatever_their_case() {
        for text in [
            r#"{"type": "connection_init", "payload": {"authorization": "Bearer t"}}"#,
            r#"{"type": "connection_init", "payload": {"Authorization": "Bearer t", "a": 1}}"#,
        ] {
            match ClientMessage::parse(text, 16).unwrap() {
                ClientMessage::ConnectionInit { authorization } => {
                    assert_eq!(authorization.as_deref(), Some("Bearer t"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn messages_are_written_as_the_protocol_says() {
        let payload = Some(serde_json::json!({"n": 1}));
        for (message, text) in [
            (ServerMessage::ConnectionAck, r#"{"type":"connection_ack"}"#),
            (ServerMessage::Pong { payload: None }, r#"{"type":"pong"}"#),
            (
                ServerMessage::Pong { payload },
                r#"{"type":"pong","payload":{"n":1}}"#,
            ),
            (
                ServerMessage::Complete { id: "1" },
                r#"{"type":"complete","id":"1"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
        }
    }
}
