//! The spelling of packets.

use std::io;

/// Reads what is in a packet.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A packet without its length.
    pub const fn new(packet: &'a [u8]) -> Self {
        Self(packet)
    }

    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(io::ErrorKind::InvalidData)?;
        self.0 = rest;
        Ok(taken)
    }

    /// One byte.
    pub fn byte(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// A number.
    pub fn u32(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_be_bytes(bytes))
    }

    /// A long number.
    pub fn u64(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(u64::from_be_bytes(bytes))
    }

    /// Bytes with their length.
    pub fn string(&mut self) -> io::Result<&'a [u8]> {
        let length = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        self.take(length)
    }
}

/// Writes a packet.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An answer of a kind to a request.
    pub fn new(kind: u8, request: u32) -> Self {
        Self::with_room(kind, request, 0)
    }

    /// The same where `room` more bytes are expected.
    pub fn with_room(kind: u8, request: u32, room: usize) -> Self {
        let mut packet = Vec::with_capacity(room + 16);
        packet.extend_from_slice(&[0, 0, 0, 0, kind]);
        packet.extend_from_slice(&request.to_be_bytes());
        Self(packet)
    }

    /// A number.
    pub fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// A long number.
    pub fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Bytes with their length.
    pub fn string(mut self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self = self.u32(length);
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes without.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// As many bytes as `fill` puts into the room for `max`, with their length.
    pub fn filled(
        mut self,
        max: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<(Self, usize)> {
        let length_at = self.0.len();
        let data_at = length_at + 4;
        self.0.resize(data_at + max, 0);
        let filled = fill(&mut self.0[data_at..])?;
        self.0.truncate(data_at + filled);
        let length = u32::try_from(filled).unwrap_or(u32::MAX);
        self.0[length_at..data_at].copy_from_slice(&length.to_be_bytes());
        Ok((self, filled))
    }

    /// How long it is.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The packet with its length.
    pub fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}
