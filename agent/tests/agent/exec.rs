//! Programs that run for as long as a connection lasts.

use spaceport_domain::agent::{
    ByteText, Exec, Exit, Program, Pty, RefusalCode, Service, Size,
    frame::{Kind, encode_size},
};

use crate::agent::Agent;

fn program(arguments: &[&str]) -> Exec {
    Exec {
        program: Program::Arguments(arguments.iter().copied().map(ByteText::from).collect()),
        ..Exec::default()
    }
}

fn shell_in_terminal(line: &str) -> Exec {
    Exec {
        program: Program::Line(line.into()),
        pty: Some(Pty {
            term: "vt220".to_owned(),
            size: Size {
                columns: 91,
                rows: 17,
                ..Size::default()
            },
            modes: vec![(53, 0)],
        }),
        ..Exec::default()
    }
}

#[test]
fn output_error_and_status_are_told_apart() {
    let ran = Agent::start().run("cat; echo no >&2; exit 3", b"yes");
    assert_eq!((ran.output.as_str(), ran.error.as_str()), ("yes", "no\n"));
    assert_eq!(ran.exit, Exit::Status(3));
}

#[test]
fn a_signal_that_ends_a_program_is_told_by_name() {
    let ran = Agent::start().run("kill -TERM $$", b"");
    let name = "TERM".to_owned();
    let core_dumped = false;
    assert_eq!(ran.exit, Exit::Signal { name, core_dumped });
}

#[test]
fn everything_that_a_program_wrote_comes_before_its_end() {
    let ran = Agent::start().run("head -c 5000000 /dev/zero | tr '\\0' x; echo end >&2", b"");
    assert_eq!(ran.output.len(), 5_000_000);
    assert_eq!(ran.error, "end\n");
}

#[test]
fn who_is_left_behind_with_an_open_output_holds_nobody_up() {
    let ran = Agent::start().run("sleep 1000 & echo $!", b"");
    assert_eq!(ran.exit, Exit::Status(0));
    let left: i32 = ran.output.trim().parse().expect("its number");
    let left = rustix::process::Pid::from_raw(left).expect("a number");
    rustix::process::kill_process(left, rustix::process::Signal::KILL).expect("it runs on");
}

#[test]
fn signals_are_heard_behind_input_that_nobody_reads() {
    let agent = Agent::start();
    let mut running = agent.begin(Service::Exec(program(&["sleep", "1000"])));
    running.send(Kind::Data, &vec![0; 200_000]);
    running.send(Kind::Signal, b"USR1");
    let Exit::Signal { name, .. } = running.finish().exit else {
        panic!("it was ended by a signal");
    };
    assert_eq!(name, "USR1");
}

#[test]
fn a_program_that_ends_without_reading_still_says_how() {
    let ran = Agent::start().run("exec 0<&-; echo done; exit 4", &vec![0; 3_000_000]);
    assert_eq!((ran.output.as_str(), ran.exit), ("done\n", Exit::Status(4)));
}

#[test]
fn what_is_run_is_hung_up_when_the_connection_ends() {
    let agent = Agent::start();
    let file = std::env::temp_dir().join(format!("spaceport-agent-{}", std::process::id()));
    let line = format!(
        "exec 2>/dev/null; trap 'echo hung up >{0}.part; mv {0}.part {0}; exit' HUP; echo ready; while :; do sleep 1; done",
        file.display()
    );
    let mut running = agent.begin(Service::Exec(Exec {
        program: Program::Line(line.into()),
        ..Exec::default()
    }));
    running.until("ready");
    drop(running);
    let waited = agent.run(
        &format!(
            "until [ -e {0} ]; do sleep 0.05; done; cat {0}; rm {0}",
            file.display()
        ),
        b"",
    );
    assert_eq!(waited.output, "hung up\n");
}

#[test]
fn what_cant_be_run_is_refused_with_the_reason() {
    let agent = Agent::start();
    let code = |exec| agent.ask(Service::Exec(exec)).expect_err("refused").code;
    assert_eq!(code(program(&["no-such-program"])), RefusalCode::NotFound);
    assert_eq!(code(program(&["/etc/passwd"])), RefusalCode::Forbidden);
    assert_eq!(code(program(&[])), RefusalCode::Invalid);
    let elsewhere = Exec {
        working_dir: Some("/no/such/directory".into()),
        ..program(&["true"])
    };
    assert_eq!(code(elsewhere), RefusalCode::NotFound);
}

#[test]
fn the_environment_is_the_spaces_and_the_users_and_what_was_asked_for() {
    let agent = Agent::start();
    let mut exec = program(&["env"]);
    exec.env = vec![
        ("ASKED".to_owned(), vec![b'a', 0xff].into()),
        ("LOGNAME".to_owned(), "other".into()),
    ];
    let running = agent.begin(Service::Exec(exec));
    let output = running.finish().output;
    for line in [
        "IMAGE_SAYS=hello",
        "ASKED=a\u{fffd}",
        "LOGNAME=other",
        "HOME=/",
    ] {
        assert!(output.contains(line), "{line} in {output}");
    }
    assert!(!output.contains("SPACEPORT_AGENT"));
}

#[test]
fn a_terminal_has_the_size_and_the_modes_that_were_asked_for() {
    let agent = Agent::start();
    let mut running = agent.begin(Service::Exec(shell_in_terminal(
        "stty size; stty -a | grep -o -e '-echo ' ; echo $TERM; read x; stty size; exit 7",
    )));
    let seen = running.until("vt220\r\n");
    assert_eq!(seen, "17 91\r\n-echo \r\nvt220\r\n");
    let size = Size {
        columns: 30,
        rows: 20,
        ..Size::default()
    };
    running.send(Kind::Size, &encode_size(size));
    running.send(Kind::Data, b"\n");
    let ran = running.finish();
    assert_eq!(
        (ran.output.as_str(), ran.exit),
        ("20 30\r\n", Exit::Status(7))
    );
}

#[test]
fn keys_and_signals_reach_what_runs_in_the_foreground() {
    let agent = Agent::start();
    let line = "trap 'echo shell' INT; sh -c 'trap \"echo caught; exit 5\" INT; echo ready; read x'; exit $?";
    let mut running = agent.begin(Service::Exec(shell_in_terminal(line)));
    running.until("ready");
    running.send(Kind::Data, b"\x03");
    running.until("caught");
    let mut running = agent.begin(Service::Exec(shell_in_terminal("echo ready; exec cat")));
    running.until("ready");
    running.send(Kind::Signal, b"TERM");
    assert!(matches!(running.finish().exit, Exit::Signal { .. }));
    let mut running = agent.begin(Service::Exec(shell_in_terminal("echo ready; exec cat")));
    running.until("ready");
    running.send(Kind::Data, b"line\n");
    running.send(Kind::End, b"");
    assert_eq!(running.finish().exit, Exit::Status(0));
}
