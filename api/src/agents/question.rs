//! One question to one agent.

use std::{io, net::SocketAddr, time::Duration};

use spaceport_domain::agent::{Answer, Hello, PROTOCOL, Refusal, Reply, Secret, Service, Status};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time,
};

/// How long a question may take, from the connection to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer. How a space is takes far less; whoever has the space may have its agent.
const ANSWER_MAX_BYTES: u32 = 64 << 10;

/// Why an agent didn't say how its space is.
#[derive(Debug, thiserror::Error)]
pub(super) enum QuestionError {
    /// It can't be reached, the connection broke, or it took too long.
    #[error("the agent can't be asked: {0}")]
    Io(#[from] io::Error),
    /// It answered something else.
    #[error("the agent answered something else")]
    Nonsense,
    /// It said why.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Asks the agent at `address` how its space is.
pub(super) async fn status(address: SocketAddr, secret: Secret) -> Result<Status, QuestionError> {
    let question = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        ask(&mut stream, secret).await
    };
    let answer = time::timeout(TIMEOUT, question).await;
    answer.map_err(io::Error::from)?
}

async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    secret: Secret,
) -> Result<Status, QuestionError> {
    let hello = Hello {
        protocol: PROTOCOL,
        secret,
        service: Service::Status,
    };
    let hello = serde_json::to_vec(&hello).map_err(io::Error::from)?;
    let length = u32::try_from(hello.len()).map_err(io::Error::other)?;
    stream
        .write_all(&[&length.to_be_bytes(), &hello[..]].concat())
        .await?;
    let length = stream.read_u32().await?;
    if length > ANSWER_MAX_BYTES {
        return Err(QuestionError::Nonsense);
    }
    let mut answer = Vec::new();
    let read = stream.take(length.into()).read_to_end(&mut answer).await?;
    if read != usize::try_from(length).unwrap_or(usize::MAX) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    match serde_json::from_slice(&answer) {
        Ok(Reply::Done(Answer::Status(status))) => Ok(status),
        Ok(Reply::Refused(refusal)) => Err(refusal.into()),
        Ok(Reply::Done(_)) | Err(_) => Err(QuestionError::Nonsense),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of an answer of these bytes.
    async fn made_of(answer: &[u8]) -> Result<Status, QuestionError> {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        let secret = Secret::new([7; 32]);
        let answering = async {
            let length = theirs.read_u32().await.expect("a length");
            let mut hello = vec![0; usize::try_from(length).expect("a length")];
            theirs.read_exact(&mut hello).await.expect("a hello");
            let hello: Hello = serde_json::from_slice(&hello).expect("a hello");
            assert_eq!((hello.secret, hello.service), (secret, Service::Status));
            theirs.write_all(answer).await.expect("taken");
            drop(theirs);
        };
        tokio::join!(ask(&mut ours, secret), answering).0
    }

    fn message(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).expect("short");
        [&length.to_be_bytes(), text.as_bytes()].concat()
    }

    #[tokio::test]
    async fn only_how_the_space_is_is_an_answer() {
        let status = message(r#"{"DONE":{"of":"STATUS","version":"9","new":1}}"#);
        assert_eq!(made_of(&status).await.expect("an answer").version, "9");
        let refusal = message(r#"{"REFUSED":{"code":"BUSY","message":"later"}}"#);
        assert!(matches!(
            made_of(&refusal).await,
            Err(QuestionError::Refused(_))
        ));
        for nonsense in [
            message(r#"{"DONE":{"of":"BEGUN"}}"#),
            message("{}"),
            message(""),
        ] {
            assert!(matches!(
                made_of(&nonsense).await,
                Err(QuestionError::Nonsense)
            ));
        }
        for cut in [&status[..3], &status[..status.len() - 1]] {
            assert!(matches!(made_of(cut).await, Err(QuestionError::Io(_))));
        }
    }

    #[tokio::test]
    async fn an_answer_that_would_be_too_long_is_not_read() {
        let announced = (ANSWER_MAX_BYTES + 1).to_be_bytes();
        assert!(matches!(
            made_of(&announced).await,
            Err(QuestionError::Nonsense)
        ));
    }
}
