//! What came out of a terminal: the newest of it byte for byte, and what it had drawn before.
//!
//! ```text
//!  … gone, but its drawing is known │ bytes and changes of the size, in order │ yet to come
//!                                 start                                      end
//! ```
//!
//! Who watches reads at a place of their own. There is no queue for anybody: who falls behind
//! `start` begins again with the drawing.

use std::collections::VecDeque;

use spaceport_domain::agent::{Size, frame::PAYLOAD_MAX_BYTES};

use super::{scanner::Scanner, screen::Screen};

/// As much is kept byte for byte.
const KEPT_MAX_BYTES: usize = 2 << 20;
/// When it is too much, this much goes at once.
const GOING_BYTES: usize = KEPT_MAX_BYTES / 4;
/// As many changes of the size are kept.
const SIZES_MAX: usize = 1024;

/// The output of a terminal.
pub struct Recording {
    kept: VecDeque<u8>,
    start: u64,
    /// Changes of the size behind `start`, with their positions.
    sizes: VecDeque<(u64, Size)>,
    /// How many changes came before those.
    sizes_gone: u64,
    /// What is shown at `start`.
    screen: Screen,
    /// What was said up to the end.
    said: Scanner,
    size: Size,
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The position of the next byte.
    pub position: u64,
    sizes: u64,
}

/// What comes next at a place.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Bytes, as many as one frame holds.
    Bytes(Vec<u8>),
    /// From here on the terminal has this size.
    Size(Size),
    /// Nothing yet.
    Nothing,
    /// What comes next is gone: it must be drawn anew.
    Gone,
}

impl Recording {
    /// Nothing yet.
    pub fn new(size: Size) -> Self {
        Self {
            kept: VecDeque::new(),
            start: 0,
            sizes: VecDeque::new(),
            sizes_gone: 0,
            screen: Screen::new(size),
            said: Scanner::default(),
            size,
        }
    }

    /// The size at the end.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// What programs called the terminal last.
    pub fn title(&self) -> &str {
        self.said.title()
    }

    /// The position behind the last byte.
    pub fn end(&self) -> u64 {
        self.start + u64::try_from(self.kept.len()).unwrap_or(u64::MAX)
    }

    /// More output.
    pub fn push(&mut self, bytes: &[u8]) {
        self.said.feed(bytes);
        self.kept.extend(bytes);
        while self.kept.len() > KEPT_MAX_BYTES {
            let too_many = self.kept.len() - KEPT_MAX_BYTES;
            self.forget(too_many.max(GOING_BYTES));
        }
    }

    /// The size changes behind all that was put out.
    pub fn resize(&mut self, size: Size) {
        if size == self.size {
            return;
        }
        self.size = size;
        self.sizes.push_back((self.end(), size));
        if self.sizes.len() > SIZES_MAX
            && let Some((position, _)) = self.sizes.front()
        {
            let before = usize::try_from(position - self.start).unwrap_or(usize::MAX);
            self.forget(before);
            self.forget_size();
        }
    }

    /// Where somebody begins who knows all up to `position`, or nothing.
    pub fn place(&self, position: Option<u64>) -> Option<Place> {
        let position = position.filter(|at| (self.start..=self.end()).contains(at))?;
        let before = self.sizes.iter().filter(|(at, _)| *at < position).count();
        Some(Place {
            position,
            sizes: self.sizes_gone + u64::try_from(before).unwrap_or(u64::MAX),
        })
    }

    /// Where somebody begins for whom it is drawn anew, the size it is drawn in, and the drawing.
    pub fn redraw(&self) -> (Place, Size, Vec<u8>) {
        let place = Place {
            position: self.start,
            sizes: self.sizes_gone,
        };
        let drawing = if self.start == 0 {
            Vec::new()
        } else {
            self.screen.redraw()
        };
        (place, self.screen.size(), drawing)
    }

    /// Reads what comes next.
    pub fn read(&self, place: &mut Place) -> Next {
        if place.position < self.start || place.sizes < self.sizes_gone {
            return Next::Gone;
        }
        let size = usize::try_from(place.sizes - self.sizes_gone).ok();
        let size = size.and_then(|index| self.sizes.get(index)).copied();
        if let Some((at, size)) = size
            && at <= place.position
        {
            place.sizes += 1;
            return Next::Size(size);
        }
        let until = size.map_or(self.end(), |(at, _)| at);
        let from = usize::try_from(place.position - self.start).unwrap_or(usize::MAX);
        let until = usize::try_from(until - self.start).unwrap_or(usize::MAX);
        let bytes = self.range(from, until.min(from.saturating_add(PAYLOAD_MAX_BYTES)));
        place.position += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if bytes.is_empty() {
            Next::Nothing
        } else {
            Next::Bytes(bytes)
        }
    }

    fn range(&self, from: usize, until: usize) -> Vec<u8> {
        let (one, two) = self.kept.as_slices();
        let part = |slice: &[u8], offset: usize| {
            let clamp = |at: usize| at.saturating_sub(offset).min(slice.len());
            slice[clamp(from)..clamp(until)].to_owned()
        };
        let mut bytes = part(one, 0);
        bytes.extend_from_slice(&part(two, one.len()));
        bytes
    }

    /// Lets the oldest bytes go; what they draw is shown.
    fn forget(&mut self, mut count: usize) {
        count = count.min(self.kept.len());
        while count > 0 {
            let next_size = self.sizes.front().map(|(at, _)| at - self.start);
            let next_size = next_size.and_then(|distance| usize::try_from(distance).ok());
            let now = match next_size {
                Some(0) => {
                    self.forget_size();
                    continue;
                }
                Some(distance) => count.min(distance),
                None => count,
            };
            let bytes = self.range(0, now);
            self.screen.feed(&bytes);
            self.kept.drain(..now);
            self.start += u64::try_from(now).unwrap_or(u64::MAX);
            count -= now;
        }
    }

    fn forget_size(&mut self) {
        if let Some((_, size)) = self.sizes.pop_front() {
            self.screen.resize(size);
            self.sizes_gone += 1;
        }
    }
}
