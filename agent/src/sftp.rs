//! Files over SFTP, version 3 (draft-ietf-secsh-filexfer-02), with the extensions of OpenSSH that its
//! clients look for.
//!
//! A server of our own, because names are bytes here: libraries want them to be UTF-8. It has one
//! thread, which reads a request, does it, and answers.

mod attributes;
mod handles;
mod packet;
mod requests;

use std::{
    io::{self, BufReader, Read, Write},
    net::TcpStream,
};

use self::{packet::Reader, requests::Server};

/// The version that is spoken.
const VERSION: u32 = 3;
/// The longest request. OpenSSH's clients write up to 256 KiB at once.
const REQUEST_MAX_BYTES: usize = 512 << 10;
/// How much is read from the connection at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Numbers of packets.
mod kind {
    pub const INIT: u8 = 1;
    pub const VERSION: u8 = 2;
    pub const OPEN: u8 = 3;
    pub const CLOSE: u8 = 4;
    pub const READ: u8 = 5;
    pub const WRITE: u8 = 6;
    pub const LSTAT: u8 = 7;
    pub const FSTAT: u8 = 8;
    pub const SETSTAT: u8 = 9;
    pub const FSETSTAT: u8 = 10;
    pub const OPENDIR: u8 = 11;
    pub const READDIR: u8 = 12;
    pub const REMOVE: u8 = 13;
    pub const MKDIR: u8 = 14;
    pub const RMDIR: u8 = 15;
    pub const REALPATH: u8 = 16;
    pub const STAT: u8 = 17;
    pub const RENAME: u8 = 18;
    pub const READLINK: u8 = 19;
    pub const SYMLINK: u8 = 20;
    pub const STATUS: u8 = 101;
    pub const HANDLE: u8 = 102;
    pub const DATA: u8 = 103;
    pub const NAME: u8 = 104;
    pub const ATTRS: u8 = 105;
    pub const EXTENDED: u8 = 200;
    pub const EXTENDED_REPLY: u8 = 201;
}

/// Serves a connection to its end.
pub fn serve(edge: TcpStream) -> io::Result<()> {
    let mut requests = BufReader::with_capacity(BUFFER_BYTES, edge.try_clone()?);
    let mut replies = edge;
    let mut server = Server::default();
    let mut request = Vec::new();
    while receive(&mut requests, &mut request)? {
        let reply = server.answer(Reader::new(&request))?;
        replies.write_all(&reply)?;
    }
    Ok(())
}

/// Receives a request; `false` at the end.
fn receive(requests: &mut impl Read, request: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match requests.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        read => read?,
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > REQUEST_MAX_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    request.resize(length, 0);
    requests.read_exact(request)?;
    Ok(true)
}
