//! Pipes and terminals, waited for without blocking.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};
use tokio::io::{Interest, unix::AsyncFd};

/// The agent's end of a pipe, or the side of a terminal that is not the program's.
#[derive(Debug)]
pub struct Descriptor(AsyncFd<OwnedFd>);

impl Descriptor {
    /// Takes an end that is read.
    pub fn reader(fd: OwnedFd) -> io::Result<Self> {
        Self::new(fd, Interest::READABLE)
    }

    /// Takes an end that is written.
    pub fn writer(fd: OwnedFd) -> io::Result<Self> {
        Self::new(fd, Interest::WRITABLE)
    }

    /// Takes a terminal, which is both.
    pub fn both(fd: OwnedFd) -> io::Result<Self> {
        Self::new(fd, Interest::READABLE | Interest::WRITABLE)
    }

    /// Takes a socket that others read and write: [`failed`](Self::failed) tells when it breaks.
    pub fn watched(fd: OwnedFd) -> io::Result<Self> {
        Self::new(fd, Interest::ERROR)
    }

    fn new(fd: OwnedFd, interest: Interest) -> io::Result<Self> {
        fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe for what may be closed under it, which owned ones can't be"
        )]
        let registered = AsyncFd::with_interest(fd, interest)?;
        Ok(Self(registered))
    }

    /// Waits until the connection has failed. Its end is none.
    pub async fn failed(&self) -> io::Result<()> {
        self.0.ready(Interest::ERROR).await.map(drop)
    }

    /// Reads what is there, at least a byte; 0 at the end. A terminal gives little at once, so it is
    /// asked until `buffer` is full or nothing more is there.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            let read = ready.try_io(|fd| fill(fd.get_ref().as_fd(), buffer));
            match read {
                // What was readable before the others came is told in the next turn.
                Ok(read) => return read,
                Err(_would_block) => {}
            }
        }
    }

    /// Writes some of `bytes`.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.writable().await?;
            let written = ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), bytes)?));
            match written {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(written) => return written,
                Err(_would_block) => {}
            }
        }
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

fn fill(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::io::read(fd, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            // A terminal whose last program has closed it.
            Err(Errno::IO) => break,
            Err(Errno::AGAIN) if filled > 0 => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}
