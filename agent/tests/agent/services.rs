//! Who is served, and connections into the space.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener},
    time::Duration,
};

use rustix::net::sockopt::set_socket_linger;
use spaceport_domain::agent::{
    Answer, Exec, PROTOCOL, Program, RefusalCode, Reply, Secret, Service, frame::Kind,
};

use crate::agent::{Agent, eventually, free_port, receive, send};

#[test]
fn only_who_knows_the_secret_is_served() {
    let agent = Agent::start();
    let (mut stream, reply) = agent.ask_with(Secret::new([8; 32]), Service::Status);
    let Reply::Refused(refusal) = reply else {
        panic!("served without the secret");
    };
    assert_eq!(refusal.code, RefusalCode::Unauthenticated);
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
}

#[test]
fn what_it_doesnt_know_is_told_from_what_makes_no_sense() {
    let agent = Agent::start();
    let secret = "07".repeat(32);
    for (service, code) in [
        (
            r#""service":"A_NEW_ONE","more":[1]"#,
            RefusalCode::Unsupported,
        ),
        (r#""service":"DIAL","port":"x""#, RefusalCode::Invalid),
        (r#""services":"DIAL""#, RefusalCode::Invalid),
    ] {
        let mut stream = agent.connect();
        let hello = format!(r#"{{"protocol":9,"secret":"{secret}",{service}}}"#);
        send(&mut stream, hello.as_bytes());
        let reply: Reply = serde_json::from_slice(&receive(&mut stream)).expect("a reply");
        let Reply::Refused(refusal) = reply else {
            panic!("{service} was served");
        };
        assert_eq!(refusal.code, code, "{service}");
    }
}

#[test]
fn a_message_that_is_too_long_ends_the_connection() {
    let agent = Agent::start();
    let mut stream = agent.connect();
    stream.write_all(&[0xff; 8]).expect("sent");
    assert!(!matches!(stream.read(&mut [0]), Ok(1)));
}

#[test]
fn who_says_nothing_keeps_nobody_out() {
    let agent = Agent::start();
    let mut silent: Vec<_> = (0..64).map(|_| agent.connect()).collect();
    assert!(agent.ask(Service::Status).is_ok());
    assert_eq!(silent[0].read(&mut [0]).expect("the end"), 0);
    drop(silent.split_off(1));
}

#[test]
fn its_status_counts_what_runs() {
    let agent = Agent::start();
    let status = || match agent.ask(Service::Status) {
        Ok((_, Answer::Status(status))) => status,
        other => panic!("{other:?}"),
    };
    assert_eq!(status().protocol, PROTOCOL);
    let mut running = agent.begin(Service::Exec(Exec {
        program: Program::Line("echo ready; cat".into()),
        ..Exec::default()
    }));
    running.until("ready");
    assert_eq!((status().executions, status().connections), (1, 0));
}

#[test]
fn a_connection_into_the_space_keeps_its_halves_apart() {
    let agent = Agent::start();
    let service = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = service.local_addr().expect("its address").port();
    for host in ["localhost", "127.0.0.1"] {
        let dial = Service::Dial {
            host: host.to_owned(),
            port,
        };
        let (mut edge, answer) = agent.ask(dial).expect("a connection");
        assert_eq!(answer, Answer::Begun);
        let (mut served, _) = service.accept().expect("a connection");
        let sent = vec![b'x'; 3_000_000];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                edge.write_all(&sent).expect("sent");
                edge.shutdown(Shutdown::Write).expect("ended");
            });
            let mut received = Vec::new();
            served.read_to_end(&mut received).expect("received");
            assert_eq!(received.len(), sent.len());
        });
        served.write_all(b"answer behind the end").expect("sent");
        drop(served);
        let mut answer = String::new();
        edge.read_to_string(&mut answer).expect("received");
        assert_eq!(answer, "answer behind the end");
    }
}

#[test]
fn why_there_is_no_connection_is_told() {
    let agent = Agent::start();
    let code = |host: &str, port| {
        let host = host.to_owned();
        agent
            .ask(Service::Dial { host, port })
            .expect_err("refused")
            .code
    };
    assert_eq!(code("127.0.0.1", free_port()), RefusalCode::Refused);
    assert_eq!(code("no such host", 80), RefusalCode::NotFound);
}

/// Waits until nothing runs and nothing is connected.
fn until_all_has_ended(agent: &Agent) {
    eventually("all has ended", || {
        let Ok((_, Answer::Status(status))) = agent.ask(Service::Status) else {
            panic!("no status");
        };
        (status.executions, status.connections) == (0, 0)
    });
}

#[test]
fn a_connection_ends_with_the_edge_though_its_half_had_ended_before() {
    let agent = Agent::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let host = "127.0.0.1".to_owned();
    let (edge, _) = agent.ask(Service::Dial { host, port }).expect("begun");
    let (mut service, _) = listener.accept().expect("a connection");
    edge.shutdown(Shutdown::Write).expect("half ended");
    assert_eq!(service.read(&mut [0]).expect("the end"), 0);
    service.write_all(b"x").expect("the other half goes on");
    (&edge).read_exact(&mut [0]).expect("received");
    set_socket_linger(&edge, Some(Duration::ZERO)).expect("set");
    drop(edge);
    until_all_has_ended(&agent);
    drop(service);
}

#[test]
fn a_program_that_takes_no_input_is_hung_up_when_the_edge_has_gone() {
    let agent = Agent::start();
    let mut running = agent.begin(Service::Exec(Exec {
        program: Program::Line("echo ready; exec sleep 1000".into()),
        ..Exec::default()
    }));
    running.until("ready");
    // More than the pipe and the agent hold.
    running.send(Kind::Data, &vec![0; 600 << 10]);
    drop(running);
    until_all_has_ended(&agent);
}
