//! Connections that are accepted inside the space.

use std::{
    ffi::OsStr,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    os::unix::{
        ffi::OsStrExt,
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use spaceport_domain::agent::{Accepted, Answer, Listen, RefusalCode, Service, frame::Kind};

use crate::agent::{Agent, Frames, eventually, free_port};

fn listen(agent: &Agent, listen: Listen) -> (Frames, u16, Option<Vec<u8>>) {
    let (stream, answer) = agent.ask(Service::Listen(listen)).expect("it listens");
    let Answer::Listening { port, path } = answer else {
        panic!("{answer:?}");
    };
    (
        Frames::new(stream),
        port,
        path.map(|path| path.as_bytes().to_owned()),
    )
}

fn accepted(frames: &mut Frames) -> Accepted {
    let (kind, payload) = frames.next().expect("a connection");
    assert_eq!(kind, Kind::Accepted);
    serde_json::from_slice(&payload).expect("which")
}

fn tcp(port: u16) -> Listen {
    let host = "localhost".to_owned();
    Listen::Tcp { host, port }
}

/// What is said at one side is heard at the other, both ways.
fn speak(mut one: impl Read + Write, mut other: impl Read + Write, end: impl FnOnce()) {
    one.write_all(b"question").expect("sent");
    let mut question = [0; 8];
    other.read_exact(&mut question).expect("received");
    assert_eq!(&question, b"question");
    other.write_all(b"answer").expect("sent");
    end();
    let mut answer = String::new();
    one.read_to_string(&mut answer).expect("received");
    assert_eq!(answer, "answer");
}

#[test]
fn a_connection_to_a_port_of_the_space_is_told_of_and_fetched() {
    let agent = Agent::start();
    let (mut frames, port, _) = listen(&agent, tcp(0));
    let inside = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connected");
    let told = accepted(&mut frames);
    let from = inside.local_addr().expect("its address");
    assert_eq!(
        (told.address.as_str(), told.port),
        ("127.0.0.1", from.port())
    );
    let fetch = Service::Accept {
        connection: told.connection,
    };
    let (edge, _) = agent.ask(fetch.clone()).expect("fetched");
    let ending = edge.try_clone().expect("the same");
    speak(inside, edge, || {
        ending.shutdown(Shutdown::Write).expect("ended");
    });
    let again = agent.ask(fetch).expect_err("it is gone");
    assert_eq!(again.code, RefusalCode::NotFound);
}

#[test]
fn a_port_is_listened_at_for_as_long_as_the_connection_lasts() {
    let agent = Agent::start();
    let (frames, port, _) = listen(&agent, tcp(free_port()));
    let taken = agent
        .ask(Service::Listen(tcp(port)))
        .expect_err("it is taken");
    assert_eq!(taken.code, RefusalCode::Refused);
    drop(frames);
    eventually("nobody listens", || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
    });
    listen(&agent, tcp(port));
}

#[test]
fn the_socket_for_keys_is_the_users_alone_and_goes_with_the_connection() {
    let agent = Agent::start();
    let (mut frames, port, path) = listen(&agent, Listen::SshAgent);
    assert_eq!(port, 0);
    let path = path.expect("a path");
    let path = Path::new(OsStr::from_bytes(&path));
    let folder = path.parent().expect("a folder").to_owned();
    let mode = folder.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let inside = UnixStream::connect(path).expect("connected");
    let told = accepted(&mut frames);
    let (edge, _) = agent
        .ask(Service::Accept {
            connection: told.connection,
        })
        .expect("fetched");
    let ending = edge.try_clone().expect("the same");
    speak(inside, edge, || {
        ending.shutdown(Shutdown::Write).expect("ended");
    });
    drop(frames);
    eventually("the folder has gone", || !folder.exists());
}

#[test]
fn a_unix_socket_of_the_space_is_reached() {
    let agent = Agent::start();
    let path = std::env::temp_dir().join(format!("spaceport-agent-socket-{}", std::process::id()));
    let dial = Service::DialUnix {
        path: path.as_os_str().as_bytes().into(),
    };
    let refusal = agent.ask(dial.clone()).expect_err("nothing is there");
    assert_eq!(refusal.code, RefusalCode::NotFound);
    let service = UnixListener::bind(&path).expect("a socket");
    let (edge, answer) = agent.ask(dial).expect("connected");
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(answer, Answer::Begun);
    let (inside, _) = service.accept().expect("connected");
    let ending = inside.try_clone().expect("the same");
    speak(edge, inside, || {
        ending.shutdown(Shutdown::Write).expect("ended");
    });
}
