//! Terminals as the kernel makes them.

mod modes;

use std::{io, os::fd::OwnedFd};

use rustix::{
    fs::{Gid, Mode, Uid, fchmod, fchown},
    process::{Pid, Signal, kill_process_group},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Winsize, tcgetattr, tcgetpgrp, tcsetattr,
        tcsetwinsize,
    },
};
use spaceport_domain::agent::Size;

use crate::{account::Account, descriptor::Descriptor};

/// The user reads and writes; others may write messages where the group is `tty`.
const MODE: u32 = 0o620;
/// What `ls` calls `tty` everywhere.
const TTY_GROUP: u32 = 5;

/// The side of a terminal that isn't the program's. When it is dropped, the kernel hangs up: whatever
/// runs in the terminal gets `SIGHUP`.
#[derive(Debug)]
pub struct Pty(Descriptor);

impl Pty {
    /// Makes a terminal. Also returns the program's side.
    pub fn open(account: &Account, size: Size, modes: &[(u8, u32)]) -> io::Result<(Self, OwnedFd)> {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&controller)?;
        unlockpt(&controller)?;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let user = ioctl_tiocgptpeer(&controller, flags)?;
        let mut attributes = tcgetattr(&user)?;
        modes::apply(&mut attributes, modes);
        tcsetattr(&user, OptionalActions::Now, &attributes)?;
        // Outside of a container the agent may be an ordinary user, whose terminal it is already.
        let owner = Uid::from_raw(account.uid);
        let _ = fchown(&user, Some(owner), Some(Gid::from_raw(TTY_GROUP)))
            .and_then(|()| fchmod(&user, Mode::from_raw_mode(MODE)));
        let pty = Self(Descriptor::both(controller)?);
        pty.resize(size)?;
        Ok((pty, user))
    }

    /// Gives it another size, of which its programs are told.
    pub fn resize(&self, size: Size) -> io::Result<()> {
        let size = Winsize {
            ws_row: size.rows,
            ws_col: size.columns,
            ws_xpixel: size.width_px,
            ws_ypixel: size.height_px,
        };
        Ok(tcsetwinsize(&self.0, size)?)
    }

    /// The group of processes in its foreground.
    pub fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(&self.0).ok()
    }

    /// Sends a signal to what runs in its foreground.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = self.foreground() {
            // A group that is gone needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }

    /// The character that ends the input of a program that reads lines.
    pub fn end_of_input(&self) -> Option<u8> {
        let attributes = tcgetattr(&self.0).ok()?;
        let reads_lines = attributes.local_modes.contains(LocalModes::ICANON);
        reads_lines.then(|| attributes.special_codes[SpecialCodeIndex::VEOF])
    }

    /// What programs write to it, and where their input goes.
    pub const fn descriptor(&self) -> &Descriptor {
        &self.0
    }
}
