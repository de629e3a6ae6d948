//! What a client has open.

use std::{
    collections::HashMap,
    fs::{File, ReadDir},
    io,
};

/// As many files and directories may be open.
pub const OPEN_MAX: usize = 1024;

/// Something open.
#[derive(Debug)]
pub enum Open {
    /// A file, and whether all that is written goes to its end.
    File {
        /// It.
        file: File,
        /// Whether offsets don't count.
        appends: bool,
    },
    /// A directory that is being listed.
    Directory {
        /// What is left of it.
        entries: ReadDir,
    },
}

/// All that is open.
#[derive(Debug, Default)]
pub struct Handles {
    open: HashMap<u32, Open>,
    last: u32,
}

impl Handles {
    /// Keeps something, under the name that is returned.
    pub fn keep(&mut self, open: Open) -> io::Result<[u8; 4]> {
        if self.open.len() >= OPEN_MAX {
            return Err(io::Error::other("too much is open"));
        }
        self.last = self.last.wrapping_add(1);
        self.open.insert(self.last, open);
        Ok(self.last.to_be_bytes())
    }

    /// What is open under a name.
    pub fn find(&mut self, name: &[u8]) -> io::Result<&mut Open> {
        let open = number(name).and_then(|number| self.open.get_mut(&number));
        open.ok_or_else(unknown)
    }

    /// The file that is open under a name.
    pub fn file(&mut self, name: &[u8]) -> io::Result<(&mut File, bool)> {
        match self.find(name)? {
            Open::File { file, appends } => Ok((file, *appends)),
            Open::Directory { .. } => Err(unknown()),
        }
    }

    /// Closes what is open under a name.
    pub fn close(&mut self, name: &[u8]) -> io::Result<()> {
        let closed = number(name).and_then(|number| self.open.remove(&number));
        closed.map(drop).ok_or_else(unknown)
    }
}

fn number(name: &[u8]) -> Option<u32> {
    <[u8; 4]>::try_from(name).ok().map(u32::from_be_bytes)
}

fn unknown() -> io::Error {
    io::Error::other("nothing is open under this handle")
}
