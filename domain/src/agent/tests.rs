use super::*;

fn json(it: &impl Serialize) -> String {
    serde_json::to_string(it).expect("JSON")
}

/// What agents in running spaces understand. A change here breaks them.
#[test]
fn version_1_is_spelled_as_it_always_was() {
    let hello = |service| Hello {
        protocol: 1,
        secret: Secret::new([0xab; 32]),
        service,
    };
    let secret = "ab".repeat(32);
    for (service, spelled) in [
        (Service::Status, r#""service":"STATUS""#.to_owned()),
        (
            Service::Dial {
                host: "localhost".to_owned(),
                port: 80,
            },
            r#""service":"DIAL","host":"localhost","port":80"#.to_owned(),
        ),
        (
            Service::Exec(Exec {
                program: Program::Line("id".into()),
                env: vec![("A".to_owned(), "b".into())],
                working_dir: None,
                pty: None,
            }),
            r#""service":"EXEC","program":{"LINE":"id"},"env":[["A","b"]],"workingDir":null,"pty":null"#
                .to_owned(),
        ),
        (
            Service::Terminal(Attach {
                id: Some(2),
                size: Size {
                    columns: 80,
                    rows: 24,
                    ..Size::default()
                },
                seen: Some(7),
            }),
            r#""service":"TERMINAL","id":2,"size":{"columns":80,"rows":24,"widthPx":0,"heightPx":0},"seen":7"#
                .to_owned(),
        ),
    ] {
        let spelled = format!(r#"{{"protocol":1,"secret":"{secret}",{spelled}}}"#);
        assert_eq!(json(&hello(service.clone())), spelled);
        let read: Hello = serde_json::from_str(&spelled).expect("read");
        assert_eq!(read, hello(service));
    }
    assert_eq!(
        json(&Reply::Done(Answer::Begun)),
        r#"{"DONE":{"of":"BEGUN"}}"#
    );
}

#[test]
fn what_is_younger_than_this_program_is_read_as_well_as_it_can_be() {
    let refusal = r#"{"REFUSED":{"code":"A_NEW_ONE","message":"why"}}"#;
    let Reply::Refused(refusal) = serde_json::from_str(refusal).expect("read") else {
        panic!("it is a refusal");
    };
    assert_eq!(refusal.code, RefusalCode::Other);
    let status: Status = serde_json::from_str(r#"{"version":"9","new":1}"#).expect("read");
    assert_eq!(status.version, "9");
    let config: Config = serde_json::from_str(r#"{"new":true}"#).expect("read");
    assert_eq!(config, Config::default());
}

/// What the control plane reads of agents in running spaces, and they of each other's age.
#[test]
fn how_apps_are_is_spelled_as_it_always_was() {
    let app = |app: &str| serde_json::from_str::<App>(app).expect("read");
    let old = r#"{"state":"RUNNING","restarts":2,"reason":null}"#;
    let running = App {
        restarts: 2,
        ..App::new(AppState::Running)
    };
    assert_eq!(app(old), running);
    assert_eq!(json(&running), old);
    for (tunnel, spelled) in [
        (VscodeTunnel::NotConfigured, r#"{"state":"NOT_CONFIGURED"}"#),
        (
            VscodeTunnel::WaitingForLogin {
                url: Some("https://a".to_owned()),
                code: "b".to_owned(),
            },
            r#"{"state":"WAITING_FOR_LOGIN","url":"https://a","code":"b"}"#,
        ),
        (
            VscodeTunnel::Connected {
                name: "a".to_owned(),
                url: Some("https://b".to_owned()),
            },
            r#"{"state":"CONNECTED","name":"a","url":"https://b"}"#,
        ),
        (
            VscodeTunnel::Failed {
                reason: "a".to_owned(),
            },
            r#"{"state":"FAILED","reason":"a"}"#,
        ),
    ] {
        let tunnelled = App {
            tunnel: Some(tunnel),
            ..App::new(AppState::Starting)
        };
        let spelled =
            format!(r#"{{"state":"STARTING","restarts":0,"reason":null,"tunnel":{spelled}}}"#);
        assert_eq!(json(&tunnelled), spelled);
        assert_eq!(app(&spelled), tunnelled);
    }
    let younger = r#"{"state":"NEW","restarts":0,"reason":null,"tunnel":{"state":"NEW","x":1}}"#;
    assert_eq!(app(younger).state, AppState::Other);
    assert_eq!(app(younger).tunnel, Some(VscodeTunnel::Other));
}

#[test]
fn every_service_is_read_as_it_was_written() {
    let services = [
        Service::DialUnix {
            path: vec![b'/', 0xff].into(),
        },
        Service::Exec(Exec {
            program: Program::Arguments(vec!["a".into(), vec![0xfe].into()]),
            pty: Some(Pty {
                term: "xterm".to_owned(),
                size: Size::default(),
                modes: vec![(53, 1)],
            }),
            ..Exec::default()
        }),
        Service::Terminals,
        Service::CloseTerminal { id: 3 },
        Service::Listen(Listen::SshAgent),
        Service::Listen(Listen::Tcp {
            host: String::new(),
            port: 0,
        }),
        Service::Accept {
            connection: u64::MAX,
        },
        Service::Files,
        Service::Sftp,
    ];
    for service in services {
        let hello = Hello {
            protocol: PROTOCOL,
            secret: Secret::new([1; 32]),
            service,
        };
        let read: Hello = serde_json::from_str(&json(&hello)).expect("read");
        assert_eq!(read, hello);
        let spelled: serde_json::Value = serde_json::to_value(&hello).expect("JSON");
        assert!(Service::is_known(
            spelled["service"].as_str().expect("a name")
        ));
    }
}
