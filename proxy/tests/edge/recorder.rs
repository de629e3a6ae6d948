//! A space that reads HTTP/1.1 as strictly as it is written, and keeps all it got.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// One request, as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Seen {
    /// The request's line without the version, and its body.
    pub(crate) fn told(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{} {} {body}", self.method, self.target)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(it, _)| it == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// What it got of one request: a faultless one, or what is wrong with it.
type Record = Result<Seen, String>;

/// The server; it ends when it is dropped.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    records: Arc<Mutex<Vec<Record>>>,
    task: JoinHandle<()>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recorder {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let records = Arc::<Mutex<Vec<Record>>>::default();
        let kept = Arc::clone(&records);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(converse(stream, Arc::clone(&kept)));
            }
        });
        Self {
            address,
            records,
            task,
        }
    }

    /// What it got since it was last asked. It fails when anything was not written as HTTP/1.1
    /// says that it must be.
    pub(crate) fn take(&self) -> Vec<Seen> {
        let records = std::mem::take(&mut *self.records.lock().unwrap());
        records.into_iter().map(|it| it.unwrap()).collect()
    }

    /// The same, in short.
    pub(crate) fn told(&self) -> Vec<String> {
        self.take().iter().map(Seen::told).collect()
    }
}

async fn converse(stream: TcpStream, records: Arc<Mutex<Vec<Record>>>) {
    let mut wire = Wire {
        stream,
        ahead: Vec::new(),
    };
    loop {
        let record = match wire.request().await {
            Ok(Some(seen)) => Ok(seen),
            // The edge gave the request up, or there is none.
            Ok(None) => return,
            Err(fault) => Err(fault),
        };
        let told = record.as_ref().map(Seen::told).unwrap_or_default();
        let faulty = record.is_err();
        records.lock().unwrap().push(record);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{told}",
            told.len()
        );
        if faulty || wire.stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

struct Wire {
    stream: TcpStream,
    /// Read and not yet understood.
    ahead: Vec<u8>,
}

impl Wire {
    /// The next request; `None` when the connection ends in the middle of it.
    async fn request(&mut self) -> Result<Option<Seen>, String> {
        let Some(line) = self.line().await? else {
            return Ok(None);
        };
        let parts: Vec<&str> = line.split(' ').collect();
        let [method, target, "HTTP/1.1"] = parts[..] else {
            return Err(format!("a request line: {line:?}"));
        };
        let Some(fields) = self.fields().await? else {
            return Ok(None);
        };
        let mut seen = Seen {
            method: method.to_owned(),
            target: target.to_owned(),
            fields,
            body: Vec::new(),
            trailers: Vec::new(),
        };
        let lengths = seen.all("content-length");
        let codings = seen.all("transfer-encoding");
        match (&lengths[..], &codings[..], &seen.all("host")[..]) {
            ([], [], [_]) => {}
            ([length], [], [_]) if length.bytes().all(|it| it.is_ascii_digit()) => {
                let length = length.parse().map_err(|_| line.clone())?;
                let Some(body) = self.exactly(length).await else {
                    return Ok(None);
                };
                seen.body = body;
            }
            ([], ["chunked"], [_]) => {
                let Some((body, trailers)) = self.chunks().await? else {
                    return Ok(None);
                };
                (seen.body, seen.trailers) = (body, trailers);
            }
            _ => return Err(format!("ambiguous framing: {seen:?}")),
        }
        Ok(Some(seen))
    }

    async fn fields(&mut self) -> Result<Option<Vec<(String, String)>>, String> {
        let mut fields = Vec::new();
        loop {
            match self.line().await?.as_deref() {
                None => return Ok(None),
                Some("") => return Ok(Some(fields)),
                Some(line) => {
                    let (name, value) = line
                        .split_once(": ")
                        .or_else(|| line.strip_suffix(':').map(|name| (name, "")))
                        .ok_or_else(|| format!("a field: {line:?}"))?;
                    let is_name =
                        |it: u8| it.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&it);
                    if name.is_empty() || !name.bytes().all(is_name) {
                        return Err(format!("a field's name: {line:?}"));
                    }
                    fields.push((name.to_ascii_lowercase(), value.to_owned()));
                }
            }
        }
    }

    async fn chunks(&mut self) -> Result<Option<(Vec<u8>, Vec<(String, String)>)>, String> {
        let mut body = Vec::new();
        loop {
            let Some(size) = self.line().await? else {
                return Ok(None);
            };
            let is_hex = !size.is_empty() && size.bytes().all(|it| it.is_ascii_hexdigit());
            let length = usize::from_str_radix(&size, 16).ok().filter(|_| is_hex);
            let length = length.ok_or_else(|| format!("a chunk's size: {size:?}"))?;
            if length == 0 {
                return Ok(self.fields().await?.map(|trailers| (body, trailers)));
            }
            let Some(chunk) = self.exactly(length).await else {
                return Ok(None);
            };
            body.extend(chunk);
            match self.line().await?.as_deref() {
                None => return Ok(None),
                Some("") => {}
                Some(rest) => return Err(format!("behind a chunk: {rest:?}")),
            }
        }
    }

    /// A line without its end, which must be CR and LF; neither, nor NUL, may be within.
    async fn line(&mut self) -> Result<Option<String>, String> {
        let end = loop {
            if let Some(end) = self.ahead.iter().position(|it| *it == b'\n') {
                break end;
            }
            if !self.more().await {
                return Ok(None);
            }
        };
        let rest = self.ahead.split_off(end + 1);
        let line = std::mem::replace(&mut self.ahead, rest);
        // Fields may hold bytes that are no text; as Latin-1 they are told apart.
        let line: String = line.iter().map(|it| char::from(*it)).collect();
        match line.strip_suffix("\r\n") {
            Some(line) if !line.contains(['\r', '\0']) => Ok(Some(line.to_owned())),
            _ => Err(format!("a line: {line:?}")),
        }
    }

    async fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < length {
            if !self.more().await {
                return None;
            }
        }
        let rest = self.ahead.split_off(length);
        Some(std::mem::replace(&mut self.ahead, rest))
    }

    async fn more(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.ahead).await, Ok(1..))
    }
}
