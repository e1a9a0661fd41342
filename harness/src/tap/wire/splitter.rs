//! Cuts the bytes of one direction into frames, whatever the pieces in which they come.
//!
//! It knows the headers of both protocols and nothing of what stands behind them.

use memchr::memmem;

use crate::history::Frame;
use crate::nonce::{self, Nonce};

/// The most that is kept of a frame's body. A nonce behind it is not found.
pub(super) const KEPT: usize = 1 << 20;
/// The buffer that a direction holds from one frame to the next.
pub(super) const RESERVED: usize = 1 << 14;
/// PostgreSQL's own bound for a startup packet (`MAX_STARTUP_PACKET_LENGTH`).
const LONGEST_STARTUP: usize = 10_000;
/// PostgreSQL's own bound for any other message (`PQ_LARGE_MESSAGE_LIMIT`).
const LONGEST_MESSAGE: usize = 0x3fff_ffff;

/// How a frame begins, and so how long it is.
#[derive(Clone, Copy)]
pub(super) enum Layout {
    /// One byte and nothing else: PostgreSQL's answer to a request for encryption.
    Byte,
    /// PostgreSQL before the session has started: a length, itself included.
    Startup,
    /// PostgreSQL: a type that has a name, and a length, itself included.
    Typed(fn(u8) -> Option<&'static str>),
    /// MySQL: a length and a sequence number. After a packet of the greatest length the next one continues it.
    Packet,
}

impl Layout {
    fn header(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Startup | Self::Packet => 4,
            Self::Typed(_) => 5,
        }
    }

    /// The length of the body after such a header; `None` if no frame can begin so.
    fn body(self, header: [u8; 5]) -> Option<usize> {
        let [a, b, c, d, e] = header;
        match self {
            Self::Byte => Some(0),
            Self::Startup => body_of(u32::from_be_bytes([a, b, c, d]), LONGEST_STARTUP),
            Self::Typed(known) => known(a).and_then(|_| body_of(u32::from_be_bytes([b, c, d, e]), LONGEST_MESSAGE)),
            Self::Packet => usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok(),
        }
    }
}

/// PostgreSQL's lengths include their own four bytes.
fn body_of(length: u32, longest: usize) -> Option<usize> {
    usize::try_from(length).ok().filter(|length| *length <= longest)?.checked_sub(4)
}

/// One frame, its header understood and its body not.
pub(super) struct Raw<'a> {
    /// As what it began.
    pub(super) layout: Layout,
    /// Its first byte: PostgreSQL's type.
    pub(super) tag: u8,
    /// The first [`KEPT`] bytes of its body.
    pub(super) body: &'a [u8],
    /// The length of the whole body.
    pub(super) size: usize,
    /// The length with all headers.
    bytes: usize,
}

impl Raw<'_> {
    /// It under its name.
    pub(super) fn frame(&self, name: &'static str, goodbye: bool) -> Frame {
        Frame { name, bytes: u32::try_from(self.bytes).unwrap_or(u32::MAX), nonce: first_nonce(self.body), goodbye }
    }
}

fn first_nonce(body: &[u8]) -> Option<Nonce> {
    memmem::find_iter(body, nonce::PREFIX).find_map(|at| Nonce::after_prefix(&body[at + nonce::PREFIX.len()..]))
}

/// Cuts the bytes of one direction into frames.
#[derive(Default)]
pub(super) struct Splitter {
    /// Nothing more can be read.
    pub(super) lost: bool,
    /// The layout of the frame that has begun; what the session says meanwhile must not change it.
    layout: Option<Layout>,
    header: [u8; 5],
    filled: usize,
    /// How much of the body, or of this packet of it, is still to come.
    left: usize,
    size: usize,
    bytes: usize,
    body: Vec<u8>,
}

impl Splitter {
    /// Takes from `input` what belongs to the frame that has begun, or begins one. `None` when the input is used up or
    /// cannot be read.
    pub(super) fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8], layout: Layout) -> Option<Raw<'s>> {
        if self.lost || input.is_empty() {
            return None;
        }
        let layout = self.begin(layout);
        loop {
            self.read_header(input, layout)?;
            let part = take(input, self.left);
            self.left -= part.len();
            let continues = matches!(layout, Layout::Packet) && self.header[..3] == [0xff; 3];
            let complete = self.left == 0 && !continues;
            // A frame that came in one piece is read where it stands.
            let whole = complete && self.body.is_empty();
            if !whole {
                self.keep(part);
            }
            if complete {
                self.layout = None;
                let body = if whole { &part[..part.len().min(KEPT)] } else { self.body.as_slice() };
                return Some(Raw { layout, tag: self.header[0], body, size: self.size, bytes: self.bytes });
            }
            if self.left > 0 {
                return None;
            }
            self.filled = 0;
        }
    }

    /// How many bytes of memory it holds.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.body.capacity()
    }

    fn begin(&mut self, layout: Layout) -> Layout {
        if let Some(begun) = self.layout {
            return begun;
        }
        self.body.clear();
        self.body.shrink_to(RESERVED);
        (self.filled, self.size, self.bytes) = (0, 0, 0);
        self.layout = Some(layout);
        layout
    }

    fn read_header(&mut self, input: &mut &[u8], layout: Layout) -> Option<()> {
        let length = layout.header();
        if self.filled == length {
            return Some(());
        }
        let part = take(input, length - self.filled);
        self.header[self.filled..self.filled + part.len()].copy_from_slice(part);
        self.filled += part.len();
        if self.filled < length {
            return None;
        }
        let Some(body) = layout.body(self.header) else {
            self.lost = true;
            return None;
        };
        self.left = body;
        self.size = self.size.saturating_add(body);
        self.bytes = self.bytes.saturating_add(length + body);
        Some(())
    }

    fn keep(&mut self, part: &[u8]) {
        let room = KEPT.saturating_sub(self.body.len());
        self.body.extend_from_slice(&part[..part.len().min(room)]);
    }
}

fn take<'i>(input: &mut &'i [u8], most: usize) -> &'i [u8] {
    let (part, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    part
}
