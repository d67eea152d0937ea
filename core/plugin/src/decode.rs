//! Bytes to frames, in any splits, with a bound on what is held.

use crate::error::Violation;
use crate::frame::{
    FRAME_OVERHEAD_BYTES, HEADER_BYTES, Header, TRAILER_BYTES, check_version, checksum, read_header,
};

/// Above this an emptied buffer is given back.
const KEEP_BYTES: usize = 64 * 1024;

/// One whole, checked frame. The payload lies in the input where it came in
/// one piece, else in the decoder's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The header.
    pub header: Header,
    /// The payload.
    pub payload: &'a [u8],
}

/// Cuts a byte stream into frames.
///
/// The version is checked with the first byte, the rest of the header with its
/// last, the checksum with the frame's. Memory grows with the bytes that came,
/// never with a length that a header merely claims, and never beyond the
/// longest legal frame. After a violation the decoder is dead: it repeats it.
#[derive(Debug)]
pub struct Decoder {
    payload_bytes_max: usize,
    /// The beginning of a frame whose end has not come.
    partial: Vec<u8>,
    /// `partial` was handed out as a frame and is cleared by the next call.
    spent: bool,
    failed: Option<Violation>,
}

impl Decoder {
    /// A decoder that refuses payloads longer than `payload_bytes_max`.
    #[must_use]
    pub const fn new(payload_bytes_max: usize) -> Self {
        Self { payload_bytes_max, partial: Vec::new(), spent: false, failed: None }
    }

    /// Changes the bound for the frames that follow.
    pub const fn set_payload_bytes_max(&mut self, payload_bytes_max: usize) {
        self.payload_bytes_max = payload_bytes_max;
    }

    /// Bytes of an unfinished frame.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        if self.spent { 0 } else { self.partial.len() }
    }

    /// Memory held: at most the longest legal frame.
    #[must_use]
    pub const fn allocated_bytes(&self) -> usize {
        self.partial.capacity()
    }

    /// Takes bytes off the front of `input` up to the end of the next frame.
    /// `None`: all of `input` was taken and the frame goes on.
    ///
    /// # Errors
    /// The first rule that the bytes break.
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'a>>, Violation> {
        if let Some(violation) = self.failed {
            return Err(violation);
        }
        self.release_spent();
        let step = if self.partial.is_empty() { whole(input, self.payload_bytes_max) } else { Ok(None) };
        match step {
            Ok(Some((header, payload))) => return Ok(Some(Frame { header, payload })),
            Ok(None) => {}
            Err(violation) => return Err(self.fail(violation)),
        }
        match self.collect(input) {
            Ok(None) => Ok(None),
            Ok(Some(header)) => {
                self.spent = true;
                let end = self.partial.len() - TRAILER_BYTES;
                Ok(Some(Frame { header, payload: &self.partial[HEADER_BYTES..end] }))
            }
            Err(violation) => Err(self.fail(violation)),
        }
    }

    fn fail(&mut self, violation: Violation) -> Violation {
        self.partial = Vec::new();
        self.failed = Some(violation);
        violation
    }

    fn release_spent(&mut self) {
        if self.spent {
            self.spent = false;
            self.partial.clear();
            self.partial.shrink_to(KEEP_BYTES);
        }
    }

    /// Moves bytes from `input` to `partial` until that is a whole frame.
    fn collect(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        self.take(input, HEADER_BYTES);
        if let Some(&version) = self.partial.first() {
            check_version(version)?;
        }
        let Some(head) = self.partial.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let (header, length) = read_header(head, self.payload_bytes_max)?;
        self.take(input, length + FRAME_OVERHEAD_BYTES);
        if self.partial.len() < length + FRAME_OVERHEAD_BYTES {
            return Ok(None);
        }
        check_sum(&self.partial)?;
        Ok(Some(header))
    }

    /// Fills `partial` up to `total` bytes from `input`. Capacity doubles with
    /// what came and stops at `total`.
    fn take(&mut self, input: &mut &[u8], total: usize) {
        let count = total.saturating_sub(self.partial.len()).min(input.len());
        let needed = self.partial.len() + count;
        if needed > self.partial.capacity() {
            let capacity = needed.max(self.partial.capacity() * 2).min(total);
            self.partial.reserve_exact(capacity - self.partial.len());
        }
        let (now, later) = input.split_at(count);
        self.partial.extend_from_slice(now);
        *input = later;
    }
}

/// The next frame, if all of it lies in `input`: no copy.
fn whole<'a>(
    input: &mut &'a [u8],
    payload_bytes_max: usize,
) -> Result<Option<(Header, &'a [u8])>, Violation> {
    let bytes = *input;
    let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let (header, length) = read_header(head, payload_bytes_max)?;
    let Some((frame, rest)) = bytes.split_at_checked(length + FRAME_OVERHEAD_BYTES) else {
        return Ok(None);
    };
    check_sum(frame)?;
    *input = rest;
    Ok(Some((header, &frame[HEADER_BYTES..HEADER_BYTES + length])))
}

fn check_sum(frame: &[u8]) -> Result<(), Violation> {
    let (body, trailer) = frame.split_at(frame.len() - TRAILER_BYTES);
    let found = u64::from_le_bytes(std::array::from_fn(|index| trailer[index]));
    let computed = checksum(body);
    if found == computed { Ok(()) } else { Err(Violation::Checksum { found, computed }) }
}
