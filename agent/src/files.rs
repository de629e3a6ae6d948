//! Files over HTTP, with the rights of the space's user.
//!
//! A path is `/fs/` and an absolute one, or `/home/` and one below the user's home directory; names
//! are any bytes, percent-encoded.
//!
//! | request | does |
//! |---|---|
//! | `GET`, `HEAD` | a file's content, from anywhere in it; a directory's entries; digests |
//! | `PUT` | a file, which appears when it is whole; a directory or symbolic link with `kind` |
//! | `PATCH` | permissions and time |
//! | `POST ?move-to=` | moves it |
//! | `DELETE` | removes it |
//!
//! The process serves one connection, so its one thread may wait for the disk.

mod address;
mod answer;
mod change;
mod content;
mod failure;
mod kind;
mod listing;
mod upload;

use std::{io, net::TcpStream};

use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{ALLOW, HeaderValue, LOCATION},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;

use self::{
    address::{Address, Query},
    answer::{Answer, empty},
    failure::Failure,
};

/// Where a browser that asks for nothing in particular is sent.
const START: &str = "/home/";
const METHODS: &str = "GET, HEAD, PUT, PATCH, POST, DELETE";

/// Serves a connection to its end.
pub async fn serve(edge: TcpStream, home: &[u8]) -> io::Result<()> {
    edge.set_nonblocking(true)?;
    let edge = tokio::net::TcpStream::from_std(edge)?;
    let service = service_fn(async |request| {
        let answer = serve_one(request, home).await;
        Ok::<_, io::Error>(answer.unwrap_or_else(Failure::into_answer))
    });
    http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(edge), service)
        .await
        .map_err(io::Error::other)
}

async fn serve_one(request: Request<Incoming>, home: &[u8]) -> Result<Answer, Failure> {
    if request.uri().path() == "/" && request.method() == Method::GET {
        let mut answer = empty(StatusCode::FOUND);
        let start = HeaderValue::from_static(START);
        answer.headers_mut().insert(LOCATION, start);
        return Ok(answer);
    }
    let address = Address::parse(request.uri().path(), home)?;
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    match request.method() {
        &Method::GET | &Method::HEAD => content::get(&request, &address, &query),
        &Method::PUT => match query.text("kind")? {
            None | Some("file") => upload::put(request, &address, &query).await,
            Some("directory") => change::make_directory(&address, &query),
            Some("symlink") => change::make_symlink(&address, &query),
            Some(_) => Err(Failure::invalid("kind is file, directory or symlink")),
        },
        &Method::PATCH => change::patch(&address, &query),
        &Method::POST => change::move_to(&address, &query, home),
        &Method::DELETE => change::delete(&address, &query),
        _ => {
            let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
            let methods = HeaderValue::from_static(METHODS);
            answer.headers_mut().insert(ALLOW, methods);
            Ok(answer)
        }
    }
}
