//! Frames: what services that carry several things send behind their reply.
//!
//! A frame is its kind (one byte), the length of its payload (`u32`, big-endian, at most
//! [`PAYLOAD_MAX_BYTES`]) and the payload.

use bytes::{Buf, Bytes, BytesMut};

use super::Size;

/// The length of what is in front of a payload.
pub const HEADER_BYTES: usize = 5;
/// The longest payload.
pub const PAYLOAD_MAX_BYTES: usize = 64 << 10;

/// What a frame carries. Frames of kinds one doesn't know are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Bytes: to the agent for a program's standard input or terminal, from it out of its standard
    /// output or terminal.
    Data = 0,
    /// From the agent: bytes of a program's standard error.
    Stderr = 1,
    /// To the agent: a program's standard input ends here.
    End = 2,
    /// A terminal's size ([`encode_size`]): to the agent that of a window, from it that of the
    /// terminal from here on.
    Size = 3,
    /// To the agent: a signal for a program, named without `SIG`.
    Signal = 4,
    /// From the agent, the last frame: how a program ended, [`super::Exit`] as JSON.
    Exit = 5,
    /// From the agent: a terminal is drawn anew. What was drawn before is void, and the payload is
    /// the position (`u64`, big-endian) of the next [`Kind::Data`].
    Reset = 6,
    /// From the agent: bytes that draw a terminal and don't count for its position.
    Screen = 7,
    /// From the agent: a connection was accepted, [`super::Accepted`] as JSON.
    Accepted = 8,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Data,
        Self::Stderr,
        Self::End,
        Self::Size,
        Self::Signal,
        Self::Exit,
        Self::Reset,
        Self::Screen,
        Self::Accepted,
    ];

    /// The kind with this number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// What is in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is; `None` for what is to be passed over.
    pub kind: Option<Kind>,
    /// How long it is.
    pub payload_bytes: usize,
}

/// A frame is longer than any may be: the other side doesn't speak this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {payload_bytes} bytes is too long")]
pub struct TooLong {
    /// How long it is.
    pub payload_bytes: usize,
}

/// The header of a frame with `payload_bytes` bytes, which must be no more than
/// [`PAYLOAD_MAX_BYTES`].
pub fn header(kind: Kind, payload_bytes: usize) -> [u8; HEADER_BYTES] {
    debug_assert!(payload_bytes <= PAYLOAD_MAX_BYTES, "a frame is cut");
    let length = u32::try_from(payload_bytes).unwrap_or(u32::MAX);
    let [a, b, c, d] = length.to_be_bytes();
    [kind as u8, a, b, c, d]
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// When the payload would be too long.
    pub fn read(bytes: [u8; HEADER_BYTES]) -> Result<Self, TooLong> {
        let [kind, a, b, c, d] = bytes;
        let length = u32::from_be_bytes([a, b, c, d]);
        let payload_bytes = usize::try_from(length).unwrap_or(usize::MAX);
        if payload_bytes > PAYLOAD_MAX_BYTES {
            return Err(TooLong { payload_bytes });
        }
        let kind = Kind::of(kind);
        Ok(Self {
            kind,
            payload_bytes,
        })
    }
}

/// Takes the first frame out of `received`, as soon as all of it is there, without copying it. Kinds
/// one doesn't know are passed over.
///
/// # Errors
///
/// When a frame is too long; the connection is good for nothing more.
pub fn take(received: &mut BytesMut) -> Result<Option<(Kind, Bytes)>, TooLong> {
    loop {
        let Some(header) = received.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = Header::read(*header)?;
        let whole = HEADER_BYTES + header.payload_bytes;
        if received.len() < whole {
            received.reserve(whole - received.len());
            return Ok(None);
        }
        received.advance(HEADER_BYTES);
        let payload = received.split_to(header.payload_bytes);
        if let Some(kind) = header.kind {
            return Ok(Some((kind, payload.freeze())));
        }
    }
}

/// The payload of a [`Kind::Size`] frame: columns, rows, width and height, each a `u16`, big-endian.
pub fn encode_size(size: Size) -> [u8; 8] {
    let fields = [size.columns, size.rows, size.width_px, size.height_px];
    let mut payload = [0; 8];
    for (place, field) in payload.as_chunks_mut::<2>().0.iter_mut().zip(fields) {
        *place = field.to_be_bytes();
    }
    payload
}

/// Reads what [`encode_size`] wrote; `None` for anything else.
pub fn decode_size(payload: &[u8]) -> Option<Size> {
    let (fields, []) = payload.as_chunks::<2>() else {
        return None;
    };
    let fields = <[[u8; 2]; 4]>::try_from(fields).ok()?;
    let [columns, rows, width_px, height_px] = fields.map(u16::from_be_bytes);
    Some(Size {
        columns,
        rows,
        width_px,
        height_px,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kinds_keep_their_numbers() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind as u8), number);
            assert_eq!(Kind::of(kind as u8), Some(kind));
        }
        assert_eq!(Kind::of(200), None);
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let fits = header(Kind::Data, PAYLOAD_MAX_BYTES);
        assert!(Header::read(fits).is_ok());
        assert!(Header::read([0, 0, 1, 0, 1]).is_err());
        assert!(Header::read([0, 0xff, 0xff, 0xff, 0xff]).is_err());
        let unknown = Header::read([200, 0, 0, 0, 7]).expect("read");
        assert_eq!((unknown.kind, unknown.payload_bytes), (None, 7));
    }

    proptest! {
        #[test]
        fn frames_are_taken_whole_however_they_arrive(
            frames in proptest::collection::vec((0..12_u8, 0..200_usize), 0..20),
            piece in 1..64_usize,
        ) {
            let mut sent = Vec::new();
            let mut known = Vec::new();
            for (number, (kind, length)) in frames.into_iter().enumerate() {
                let payload = vec![u8::try_from(number).expect("few"); length];
                let mut header = header(Kind::Data, length);
                header[0] = kind;
                sent.extend_from_slice(&header);
                sent.extend_from_slice(&payload);
                known.extend(Kind::of(kind).map(|kind| (kind, Bytes::from(payload))));
            }
            let (mut received, mut taken) = (BytesMut::new(), Vec::new());
            for piece in sent.chunks(piece) {
                received.extend_from_slice(piece);
                while let Some(frame) = take(&mut received).expect("no frame is too long") {
                    taken.push(frame);
                }
            }
            prop_assert_eq!(taken, known);
            prop_assert!(received.is_empty());
        }

        #[test]
        fn headers_and_sizes_are_read_as_they_were_written(
            kind in proptest::sample::select(Kind::ALL.to_vec()),
            length in 0..=PAYLOAD_MAX_BYTES,
            columns: u16, rows: u16, width_px: u16, height_px: u16,
        ) {
            let read = Header::read(header(kind, length)).expect("read");
            prop_assert_eq!((read.kind, read.payload_bytes), (Some(kind), length));
            let size = Size { columns, rows, width_px, height_px };
            prop_assert_eq!(decode_size(&encode_size(size)), Some(size));
        }
    }
}
