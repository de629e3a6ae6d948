//! The agent as the first process of a container.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    process::{Command, Stdio},
};

use spaceport_domain::agent::{
    Answer, App, AppState, COMMAND_FAILED, Config, Exit, Program, RefusalCode, Service,
    VscodeTunnel,
};
use spaceport_tests::{BASE, BUSYBOX, agent::AgentContainer, vscode};

fn config(user: &str, command: &[&str]) -> Config {
    Config {
        user: user.to_owned(),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        ..Config::default()
    }
}

fn arguments(arguments: &[&str]) -> Program {
    Program::Arguments(arguments.iter().map(|&word| word.into()).collect())
}

/// Asks again until the answer is as it should be.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let began = std::time::Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            began.elapsed() < spaceport_tests::PATIENCE,
            "it never comes"
        );
    }
}

#[test]
fn the_commands_exit_status_and_words_are_the_spaces() {
    let script = "id -u; echo $HOME >/dev/stdout; echo no >&2; exit 42";
    let space = AgentContainer::start(BUSYBOX, &config("dev", &["sh", "-c", script]));
    assert_eq!(space.wait(), "42");
    for line in ["1000\n", "/home/dev\n", "no\n"] {
        assert!(space.log().contains(line), "{}", space.log());
    }
}

#[test]
fn a_command_that_cant_be_started_is_told_with_the_status_of_shells() {
    for (command, status) in [("/no/such", "127"), ("/etc/passwd", "126")] {
        let space = AgentContainer::start(BUSYBOX, &config("", &[command]));
        assert_eq!(space.wait(), status);
        assert!(space.log().starts_with(COMMAND_FAILED), "{}", space.log());
    }
}

/// As process 1, `sleep` itself would ignore the signal until it is killed.
#[test]
fn a_stop_reaches_the_command_and_ends_what_it_left_behind() {
    let script = "trap '' HUP TERM; (while :; do sleep 1; done) & exec sleep 1000";
    for (command, status) in [
        (&["sleep", "1000"][..], "143"),
        (
            &[
                "sh",
                "-c",
                "trap 'exit 5' TERM; while :; do sleep 0.1; done",
            ],
            "5",
        ),
        (&[], "0"),
    ] {
        let space = AgentContainer::start(BUSYBOX, &config("dev", command));
        space.line(&format!("sh -c \"{script}\" >/dev/null 2>&1 &"));
        space.stop();
        assert_eq!(space.wait(), status);
    }
}

#[test]
fn whoever_ends_without_a_parent_is_reaped() {
    let space = AgentContainer::start(BUSYBOX, &config("dev", &[]));
    space.line("i=0; while [ $i -lt 50 ]; do (sh -c 'exit 0' &); i=$((i+1)); done");
    let processes = "grep -h ^State /proc/[0-9]*/status";
    until(|| (!space.line(processes).contains('Z')).then_some(()));
}

#[test]
fn the_user_learns_nothing_of_what_the_agent_is_told() {
    let space = AgentContainer::start(BASE, &config("dev", &[]));
    let denied = space.line("cat /proc/1/environ /proc/1/mem 2>&1; env; cat /proc/*/environ");
    assert!(denied.contains("Permission denied"), "{denied}");
    assert!(
        !denied.contains("SPACEPORT_AGENT") && !denied.contains("ecret"),
        "{denied}"
    );
}

#[test]
fn programs_run_as_the_user_with_the_users_groups_and_home() {
    let space = AgentContainer::start(BASE, &config("dev", &[]));
    let told = space.line("id -un; id -gn; pwd; echo $HOME $USER $SHELL; sudo id -u");
    assert_eq!(told, "dev\ndev\n/home/dev\n/home/dev dev /bin/bash\n0\n");
}

#[test]
fn services_at_loopback_are_reached_by_the_names_that_the_space_has() {
    let command = ["httpd", "-f", "-p", "127.0.0.1:8000", "-h", "/etc"];
    let hosts = ["--add-host", "somewhere:127.0.0.1"];
    let space = AgentContainer::make(BUSYBOX, &config("", &command), &hosts);
    space.begin();
    for host in ["localhost", "somewhere", "127.0.0.1"] {
        let dial = || Service::Dial {
            host: host.to_owned(),
            port: 8000,
        };
        let (mut stream, _) = until(|| space.ask(dial()).ok());
        stream.write_all(b"GET /group HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("dev:x:1000:\n"), "{answer}");
    }
    let nowhere = Service::Dial {
        host: "nowhere.invalid".to_owned(),
        port: 8000,
    };
    assert!(space.ask(nowhere).is_err());
}

/// An image with one program and nothing else: no user, no shell, no library.
#[test]
fn an_image_needs_nothing_for_the_agent() {
    let image = format!("spaceport-test-{}-scratch", std::process::id());
    let copy = format!(
        "id=$(docker create {BUSYBOX}) && docker cp $id:/bin/busybox - | docker import - {image}; docker rm $id"
    );
    let made = Command::new("sh")
        .args(["-c", &copy])
        .stdout(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let space = AgentContainer::start(&image, &config("4711:815", &["/busybox", "sleep", "1000"]));
    let ran = space.run(arguments(&["/busybox", "id"])).unwrap();
    assert_eq!(ran.output, "uid=4711 gid=815\n");
    assert_eq!(ran.exit, Exit::Status(0));
    let shell = space.run(Program::Shell).unwrap_err();
    assert_eq!(shell.code, RefusalCode::NotFound);
    let (mut files, _) = space.ask(Service::Files).unwrap();
    let request = "GET /fs/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    files.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    files.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains(r#"{"name":"busybox","kind":"file""#),
        "{answer}"
    );
    space.stop();
    assert_eq!(space.wait(), "143");
    drop(space);
    let removed = Command::new("docker")
        .args(["rmi", &image])
        .stdout(Stdio::null())
        .status();
    assert!(removed.unwrap().success());
}

#[test]
fn files_are_what_the_user_may_see_and_no_more() {
    let space = AgentContainer::start(BUSYBOX, &config("dev", &[]));
    space.line("echo mine >/home/dev/mine");
    let get = |path: &str| {
        let (mut files, _) = space.ask(Service::Files).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        files.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        files.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/home/mine").ends_with("mine\n"));
    assert!(get("/fs/proc/1/environ").starts_with("HTTP/1.1 403 Forbidden"));
}

/// How its apps are.
fn apps(space: &AgentContainer) -> BTreeMap<String, App> {
    let Ok((_, Answer::Status(status))) = space.ask(Service::Status) else {
        panic!("it says how it is");
    };
    status.apps
}

#[test]
fn apps_run_beside_the_command_and_are_started_again() {
    let told = Config {
        apps: ["there", "elsewhere"].map(str::to_owned).to_vec(),
        ..config("dev", &[])
    };
    let space = AgentContainer::make(BUSYBOX, &told, &[]);
    let script = "#!/bin/sh\necho I am $(id -un) in $PWD\nexit 3\n";
    space.put("/usr/lib/spaceport/apps/there", script);
    space.begin();
    let apps = until(|| {
        let apps = apps(&space);
        let there = apps.get("there").expect("it is told of from the beginning");
        (there.restarts > 0 && there.state == AppState::Waiting).then_some(apps)
    });
    assert_eq!(apps["elsewhere"].state, AppState::Absent);
    let reason = apps["there"].reason.as_deref();
    assert_eq!(
        reason,
        Some("it ended with status 3: I am dev in /home/dev")
    );
    assert!(
        space.log().contains("there: I am dev in /home/dev\n"),
        "{}",
        space.log()
    );
}

#[test]
fn an_app_that_serves_at_a_port_runs_once_something_listens_there() {
    let told = Config {
        apps: vec!["code".to_owned()],
        ..config("dev", &[])
    };
    let space = AgentContainer::make(BUSYBOX, &told, &[]);
    let script = "#!/bin/sh\nuntil [ -e /home/dev/go ]; do sleep 0.05; done\n\
        exec httpd -f -p 127.0.0.1:13337 -h /etc\n";
    space.put("/usr/lib/spaceport/apps/code", script);
    space.begin();
    assert_eq!(apps(&space)["code"].state, AppState::Starting);
    space.line("touch /home/dev/go");
    until(|| (apps(&space)["code"].state == AppState::Running).then_some(()));
    assert_eq!(apps(&space)["code"].restarts, 0);
}

#[test]
fn of_a_vscode_tunnel_is_told_what_its_program_says() {
    let told = Config {
        apps: vec!["vscode".to_owned()],
        ..config("dev", &[])
    };
    let space = AgentContainer::make(BUSYBOX, &told, &["--hostname", vscode::NAME]);
    space.put(vscode::PROGRAM, vscode::STARTER);
    space.put(vscode::CODE, vscode::SCRIPT);
    space.begin();
    let app = || apps(&space).remove("vscode").expect("it is one");
    let tunnel = || app().tunnel.expect("it is one");
    let until_it_is = |wanted: VscodeTunnel| until(|| (tunnel() == wanted).then_some(()));
    until(|| (app().state == AppState::Running).then_some(()));
    assert_eq!(tunnel(), VscodeTunnel::NotConfigured);
    let go_on = |file: &str| space.line(&format!("touch {file}"));
    go_on(vscode::ASK);
    until_it_is(VscodeTunnel::WaitingForLogin {
        url: Some(vscode::LOGIN_URL.to_owned()),
        code: vscode::LOGIN_CODE.to_owned(),
    });
    go_on(vscode::SIGNED_IN);
    until_it_is(VscodeTunnel::Connected {
        name: vscode::NAME.to_owned(),
        url: Some(vscode::URL.to_owned()),
    });
    go_on(vscode::BREAK);
    let again = until(|| Some(app()).filter(|it| it.restarts > 0));
    assert_eq!(again.state, AppState::Running);
    // Until it says something else, what it failed for is told.
    let Some(VscodeTunnel::Failed { reason }) = again.tunnel else {
        panic!("{again:?}");
    };
    assert!(reason.starts_with("it ended with status 1: "), "{reason}");
    assert!(reason.ends_with("error no route to the relay"), "{reason}");
    // Others read the log than may sign in.
    let log = space.log();
    assert!(log.contains("use code ****"), "{log}");
    assert!(!log.contains(vscode::LOGIN_CODE), "{log}");
}
