//! Files over SFTP.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::PathBuf,
};

use spaceport_domain::agent::Service;

use crate::agent::Agent;

const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const REALPATH: u8 = 16;
const RENAME: u8 = 18;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED: u8 = 200;

/// A client that sends packets as they are.
struct Client {
    _agent: Agent,
    stream: TcpStream,
    folder: PathBuf,
    last: u32,
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a length");
    [length.to_be_bytes().as_slice(), bytes].concat()
}

fn number(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[..4].try_into().expect("a number"))
}

impl Client {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("spaceport-sftp-{}-{name}", std::process::id()));
        fs::create_dir(&folder).expect("a folder");
        let agent = Agent::start();
        let (mut stream, _) = agent.ask(Service::Sftp).expect("begun");
        stream
            .write_all(&[0, 0, 0, 5, 1, 0, 0, 0, 3])
            .expect("sent");
        let version = receive(&mut stream);
        assert_eq!(version[..5], [2, 0, 0, 0, 3]);
        Self {
            _agent: agent,
            stream,
            folder,
            last: 0,
        }
    }

    fn path(&self, name: &[u8]) -> Vec<u8> {
        let folder = self.folder.as_os_str().as_bytes();
        string(&[folder, b"/", name].concat())
    }

    fn send(&mut self, kind: u8, fields: &[&[u8]]) {
        self.last += 1;
        let packet = [&[kind][..], &self.last.to_be_bytes(), &fields.concat()].concat();
        self.stream.write_all(&string(&packet)).expect("sent");
    }

    /// The kind of the answer, and what is behind its number.
    fn answer(&mut self) -> (u8, Vec<u8>) {
        let answer = receive(&mut self.stream);
        (answer[0], answer[5..].to_vec())
    }

    fn ask(&mut self, kind: u8, fields: &[&[u8]]) -> (u8, Vec<u8>) {
        self.send(kind, fields);
        self.answer()
    }

    fn status(&mut self, kind: u8, fields: &[&[u8]]) -> u32 {
        let (answer, rest) = self.ask(kind, fields);
        assert_eq!(answer, STATUS);
        number(&rest)
    }

    fn open(&mut self, name: &[u8], flags: u32) -> Vec<u8> {
        let path = self.path(name);
        let no_attributes = [0; 4];
        let (kind, handle) = self.ask(OPEN, &[&path, &flags.to_be_bytes(), &no_attributes]);
        assert_eq!(kind, HANDLE);
        handle
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a length");
    let mut packet = vec![0; number(&length) as usize];
    stream.read_exact(&mut packet).expect("a packet");
    packet
}

#[test]
fn what_is_written_anywhere_in_a_file_is_read_there() {
    let mut client = Client::new("content");
    let handle = client.open(b"f", 1 | 2 | 8);
    let content: Vec<u8> = (0..=250).cycle().take(1_000_000).collect();
    // All at once, and backwards, as clients keep many requests under way.
    for (index, piece) in content.chunks(100_000).enumerate().rev() {
        let offset = (index as u64 * 100_000).to_be_bytes();
        client.send(WRITE, &[&handle, &offset, &string(piece)]);
    }
    for _ in 0..10 {
        let (kind, status) = client.answer();
        assert_eq!((kind, number(&status)), (STATUS, 0));
    }
    assert_eq!(fs::read(client.folder.join("f")).expect("read"), content);
    let read = |offset: u64, length: u32| {
        [offset.to_be_bytes().as_slice(), &length.to_be_bytes()].concat()
    };
    let (kind, data) = client.ask(READ, &[&handle, &read(999_990, 100)]);
    assert_eq!((kind, data), (DATA, string(&content[999_990..])));
    assert_eq!(
        client.status(READ, &[&handle, &read(1_000_000, 1)]),
        1,
        "the end"
    );
    assert_eq!(client.status(CLOSE, &[&handle]), 0);
    assert_eq!(client.status(CLOSE, &[&handle]), 4, "it is closed");
}

#[test]
fn names_are_any_bytes() {
    let mut client = Client::new("names");
    let name = b"a\xff\xfe b";
    let handle = client.open(name, 2 | 8 | 32);
    assert_eq!(client.status(CLOSE, &[&handle]), 0);
    let folder = string(client.folder.as_os_str().as_bytes());
    let (kind, handle) = client.ask(OPENDIR, &[&folder]);
    assert_eq!(kind, HANDLE);
    let (kind, listed) = client.ask(READDIR, &[&handle]);
    assert_eq!((kind, number(&listed)), (NAME, 1));
    assert_eq!(listed[4..][..string(name).len()], string(name));
    assert_eq!(client.status(READDIR, &[&handle]), 1, "the end");
    let path = client.path(name);
    let (kind, real) = client.ask(REALPATH, &[&path]);
    assert_eq!((kind, &real[4..][..path.len()]), (NAME, path.as_slice()));
}

#[test]
fn permissions_are_told_and_a_rename_replaces_nothing_unless_it_says_so() {
    let mut client = Client::new("changes");
    for name in ["one", "two"] {
        fs::write(client.folder.join(name), name).expect("written");
    }
    fs::set_permissions(client.folder.join("one"), fs::Permissions::from_mode(0o751)).expect("set");
    let (one, two, none) = (
        client.path(b"one"),
        client.path(b"two"),
        client.path(b"none"),
    );
    let (kind, attributes) = client.ask(LSTAT, &[&one]);
    assert_eq!((kind, number(&attributes)), (ATTRS, 1 | 2 | 4 | 8));
    assert_eq!(number(&attributes[20..]), 0o100_751);
    assert_eq!(client.status(LSTAT, &[&none]), 2, "no such file");
    assert_eq!(client.status(RENAME, &[&one, &two]), 4, "it is there");
    let posix = string(b"posix-rename@openssh.com");
    assert_eq!(client.status(EXTENDED, &[&posix, &one, &two]), 0);
    assert_eq!(fs::read(client.folder.join("two")).expect("read"), b"one");
    assert_eq!(
        client.status(EXTENDED, &[&string(b"unknown@x")]),
        8,
        "unsupported"
    );
}
