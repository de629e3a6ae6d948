//! The role of a process that becomes a program. It has one thread.

use std::{
    ffi::OsStr,
    io,
    io::{IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, net::UnixStream, process::CommandExt},
    },
    process::{Command, ExitCode},
};

use rustix::{
    fs::{FileType, fchown, fstat},
    io::fcntl_dupfd_cloexec,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
    process::{Gid, Uid, chdir, geteuid, ioctl_tiocsctty, setsid},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdin},
    thread::{set_thread_gid, set_thread_groups, set_thread_uid},
};
use spaceport_domain::agent::{ByteText, EXIT_NOT_EXECUTABLE, Refusal, RefusalCode};

use super::{Becomes, Descriptors, Directory, Launch, MESSAGE_MAX_BYTES};
use crate::wire::refusal;

/// Descriptors above those that a program has from its start.
const ABOVE_STANDARD: i32 = 3;

/// Becomes what the agent says over standard input.
pub fn run() -> ExitCode {
    let socket = fcntl_dupfd_cloexec(stdin(), ABOVE_STANDARD).map(UnixStream::from);
    let Ok(mut socket) = socket else {
        return ExitCode::from(EXIT_NOT_EXECUTABLE);
    };
    let refusal = match receive(&mut socket) {
        Ok((launch, descriptors)) => match become_launched(launch, descriptors, &socket) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(refusal) => refusal,
        },
        Err(error) => refusal(
            RefusalCode::Failed,
            format!("not told what to start: {error}"),
        ),
    };
    // The agent is gone if it doesn't hear this, and the space with it.
    let _ = serde_json::to_vec(&refusal).map(|refusal| socket.write_all(&refusal));
    ExitCode::from(EXIT_NOT_EXECUTABLE)
}

fn receive(socket: &mut UnixStream) -> io::Result<(Launch, Descriptors)> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        &*socket,
        &mut [IoSliceMut::new(&mut length)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let descriptors: Vec<OwnedFd> = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    socket.read_exact(&mut length[received.bytes..])?;
    let length = u64::from(u32::from_be_bytes(length));
    if length > u64::try_from(MESSAGE_MAX_BYTES).unwrap_or(u64::MAX) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = Vec::new();
    socket.take(length).read_to_end(&mut message)?;
    let launch = serde_json::from_slice(&message)?;
    let [input, output, error] =
        <[OwnedFd; 3]>::try_from(descriptors).map_err(|_| io::ErrorKind::InvalidData)?;
    let descriptors = Descriptors {
        input,
        output,
        error,
    };
    Ok((launch, descriptors))
}

/// Becomes what it was launched as. Returns when a service has ended, or when that fails.
fn become_launched(
    launch: Launch,
    descriptors: Descriptors,
    agent: &UnixStream,
) -> Result<(), Refusal> {
    lead_session(&launch, &descriptors)
        .and_then(|()| become_user(&launch))
        .map_err(|error| {
            let reason = format!("it can't be started as the space's user: {error}");
            refusal(RefusalCode::Failed, reason)
        })?;
    enter(&launch.directory)?;
    match launch.becomes {
        Becomes::Program { arguments, called } => {
            take_standard(descriptors).map_err(|error| {
                refusal(RefusalCode::Failed, format!("no standard output: {error}"))
            })?;
            let called = called.as_ref();
            Err(become_program(&arguments, called, &launch.environment))
        }
        Becomes::Service(service) => {
            // All three are the connection, which ends when nobody has it any more.
            let Descriptors { input: edge, .. } = descriptors;
            service.serve(edge.into(), || {
                // That the agent hears no reason tells it that all is well.
                let _ = agent.shutdown(Shutdown::Both);
            })
        }
    }
}

/// Returns only when it fails.
fn become_program(
    arguments: &[ByteText],
    called: Option<&ByteText>,
    environment: &[(ByteText, ByteText)],
) -> Refusal {
    let text = |text: &ByteText| OsStr::from_bytes(text.as_bytes()).to_owned();
    let Some((program, arguments)) = arguments.split_first() else {
        return refusal(RefusalCode::Invalid, "there is no program to start");
    };
    let mut command = Command::new(text(program));
    let variables = environment.iter();
    command
        .args(arguments.iter().map(text))
        .env_clear()
        .envs(variables.map(|(name, value)| (text(name), text(value))));
    if let Some(called) = called {
        command.arg0(text(called));
    }
    let error = command.exec();
    let code = match error.kind() {
        io::ErrorKind::NotFound => RefusalCode::NotFound,
        io::ErrorKind::PermissionDenied => RefusalCode::Forbidden,
        // A file that is no program.
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            RefusalCode::Forbidden
        }
        _ => RefusalCode::Failed,
    };
    let program = String::from_utf8_lossy(program.as_bytes()).into_owned();
    refusal(code, format!("{program}: {error}"))
}

fn lead_session(launch: &Launch, descriptors: &Descriptors) -> io::Result<()> {
    setsid()?;
    let Descriptors {
        input,
        output,
        error,
    } = descriptors;
    if launch.terminal {
        ioctl_tiocsctty(input)?;
    } else {
        for pipe in [input, output, error] {
            own(pipe, launch);
        }
    }
    Ok(())
}

fn become_user(launch: &Launch) -> io::Result<()> {
    // Outside of a container the agent may be an ordinary user, who stays who they are.
    if geteuid().is_root() || geteuid().as_raw() != launch.uid {
        let groups: Vec<Gid> = launch.groups.iter().copied().map(Gid::from_raw).collect();
        set_thread_groups(&groups)?;
        set_thread_gid(Gid::from_raw(launch.gid))?;
        set_thread_uid(Uid::from_raw(launch.uid))?;
    }
    Ok(())
}

fn take_standard(descriptors: Descriptors) -> io::Result<()> {
    dup2_stdin(&descriptors.input)?;
    dup2_stdout(&descriptors.output)?;
    dup2_stderr(&descriptors.error)?;
    Ok(())
}

/// Lets the user open a pipe by its name, as many programs do with `/dev/stdout`.
fn own(descriptor: &OwnedFd, launch: &Launch) {
    let is_pipe =
        fstat(descriptor).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    if is_pipe {
        let (owner, group) = (Uid::from_raw(launch.uid), Gid::from_raw(launch.gid));
        // Where it can't be, only such programs fail.
        let _ = fchown(descriptor, Some(owner), Some(group));
    }
}

fn enter(directory: &Directory) -> Result<(), Refusal> {
    match directory {
        Directory::Rather(path) => {
            // The root directory is where the role is already.
            let _ = chdir(path.as_bytes());
            Ok(())
        }
        Directory::Must(path) => chdir(path.as_bytes()).map_err(|error| {
            let code = match error {
                rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => RefusalCode::NotFound,
                rustix::io::Errno::ACCESS => RefusalCode::Forbidden,
                _ => RefusalCode::Failed,
            };
            let path = String::from_utf8_lossy(path.as_bytes()).into_owned();
            refusal(code, format!("the working directory {path}: {error}"))
        }),
    }
}
