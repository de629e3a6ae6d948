//! The program that every space is started with.

use std::{fmt, io, path::Path};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use spaceport_domain::spelling;

/// How many hexadecimal digits of its hash tell one build of a version from another.
const BUILD_DIGITS: usize = 8;

/// The agent's program: static, so that it runs in any image.
#[derive(Clone)]
pub struct AgentProgram {
    bytes: Bytes,
    hash: String,
}

impl fmt::Debug for AgentProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentProgram")
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

impl AgentProgram {
    /// Reads it from a file.
    ///
    /// # Errors
    /// When the file can't be read, or holds no program for Linux that runs in any image.
    pub fn read(path: &Path) -> io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let unfit = |problem| Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        match wants_interpreter(&bytes) {
            None => unfit("it is no 64-bit program for Linux"),
            Some(true) => unfit("it is not linked statically, so it runs in few images"),
            Some(false) => Ok(Self::new(bytes.into())),
        }
    }

    fn new(bytes: Bytes) -> Self {
        let hash = spelling::hex(&Sha256::digest(&bytes));
        Self { bytes, hash }
    }

    /// Its content.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its SHA-256 in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The version of Spaceport it came with, and which build of it this is: `1.2.0+89abcdef`, as
    /// [semantic versioning](https://semver.org/#spec-item-10) has it.
    pub fn version(&self) -> String {
        let build = self.hash.get(..BUILD_DIGITS).unwrap_or_default();
        format!("{}+{build}", env!("CARGO_PKG_VERSION"))
    }
}

/// Whether a program is started by another one that the image would have to have, the dynamic
/// linker; `None` when it is no program of 64 bits in little-endian order (System V ABI, "ELF
/// Header" and "Program Header").
fn wants_interpreter(program: &[u8]) -> Option<bool> {
    /// A segment with the name of that other program: `PT_INTERP`.
    const INTERPRETER: u64 = 3;
    let number = |at: usize, bytes: usize| {
        let field = program.get(at..at.checked_add(bytes)?)?;
        let digits = field.iter().rev();
        Some(digits.fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    if !program.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (first, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    let mut kinds = (0..count).map(|index| {
        let at = usize::try_from(first.checked_add(index * size)?).ok()?;
        number(at, 4)
    });
    kinds.try_fold(false, |wants, kind| Some(wants || kind? == INTERPRETER))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head with one segment of this kind.
    fn program(kind: u8) -> Vec<u8> {
        let mut program = vec![0; 0x40];
        program[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (program[0x20], program[0x36], program[0x38]) = (0x40, 0x38, 1);
        program.push(kind);
        program.resize(0x40 + 0x38, 0);
        program
    }

    #[test]
    fn a_program_that_needs_another_one_is_told_from_one_that_runs_anywhere() {
        assert_eq!(wants_interpreter(&program(1)), Some(false));
        assert_eq!(wants_interpreter(&program(3)), Some(true));
        let this_one = std::env::current_exe().expect("the path of this program");
        let this_one = std::fs::read(this_one).expect("this program");
        assert!(wants_interpreter(&this_one).is_some());
        let truncated = &program(1)[..0x41];
        for other in [&b""[..], b"#!/bin/sh", &program(1)[..0x30], truncated] {
            assert_eq!(wants_interpreter(other), None);
        }
    }

    #[test]
    fn builds_of_one_version_differ() {
        let [one, two] = ["one", "two"].map(|it| AgentProgram::new(it.into()));
        assert_ne!(one.hash(), two.hash());
        assert_ne!(one.version(), two.version());
        assert!(one.version().starts_with(env!("CARGO_PKG_VERSION")));
    }
}
