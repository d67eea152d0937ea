//! Calls in flight and the two streams that each may carry.

use super::limits::{EMPTY_CHUNK_COST, STREAM_CREDIT_BYTES};
use std::fmt;

/// A call that this side opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// A call that the peer opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Either: ids of the two directions do not mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exchange {
    /// This side opened it: requests' chunks go out, answers' come in.
    Mine(CallId),
    /// The peer opened it: requests' chunks come in, answers' go out.
    Theirs(RequestId),
}

impl From<CallId> for Exchange {
    fn from(id: CallId) -> Self {
        Self::Mine(id)
    }
}

impl From<RequestId> for Exchange {
    fn from(id: RequestId) -> Self {
        Self::Theirs(id)
    }
}

impl Exchange {
    pub(super) const fn id(self) -> u64 {
        match self {
            Self::Mine(CallId(id)) | Self::Theirs(RequestId(id)) => id,
        }
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if matches!(self, Self::Mine(_)) { "mine" } else { "theirs" };
        write!(f, "{} ({side})", self.id())
    }
}

/// Whether chunks of a body follow the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// The message is all.
    None,
    /// Chunks follow; the last one says so.
    Chunks,
}

/// What a chunk costs.
pub(super) const fn cost(payload_bytes: usize) -> u64 {
    if payload_bytes == 0 { EMPTY_CHUNK_COST } else { payload_bytes as u64 }
}

/// A stream that this side sends: what the peer will still take.
#[derive(Debug)]
pub(super) struct SendStream {
    pub(super) credit: u64,
}

impl SendStream {
    pub(super) const fn new() -> Self {
        Self { credit: STREAM_CREDIT_BYTES }
    }
}

/// What this side will still take, and what was used up and not given back.
#[derive(Debug)]
pub(super) struct Window {
    left: u64,
    owed: u64,
    initial: u64,
}

impl Window {
    pub(super) const fn new(initial: u64) -> Self {
        Self { left: initial, owed: 0, initial }
    }

    pub(super) const fn stream() -> Self {
        Self::new(STREAM_CREDIT_BYTES)
    }

    /// Counts a chunk that came; `None` when it was not covered.
    pub(super) fn take(&mut self, cost: u64) -> Option<()> {
        self.left = self.left.checked_sub(cost)?;
        Some(())
    }

    /// Counts bytes that were consumed. Credit goes back in quarters of the
    /// window, so that small chunks don't each cost a frame.
    ///
    /// More than was taken is never given back, whatever the caller says.
    pub(super) fn give_back(&mut self, cost: u64) -> Option<u64> {
        let outstanding = self.initial - self.left;
        self.owed = self.owed.saturating_add(cost).min(outstanding);
        if self.owed < self.initial / 4 {
            return None;
        }
        let bytes = std::mem::take(&mut self.owed);
        self.left += bytes;
        Some(bytes)
    }
}

/// A call that this side opened and that is not confirmed as over.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) deadline_at_ms: u64,
    /// Cancelled or timed out: what still comes is dropped. The peer confirms
    /// with its answer or with `call.cancelled`; until then the call counts.
    pub(super) abandoned: bool,
    /// The request's body, while it is sent.
    pub(super) send: Option<SendStream>,
    /// The answer's body, while it comes.
    pub(super) receive: Option<Window>,
}

/// A call that the peer opened and that is not over.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) deadline_at_ms: u64,
    /// The caller of this session was told to stop working on it.
    pub(super) expired: bool,
    /// Answered in full; only the rest of the request's body is awaited, and dropped.
    pub(super) answered: bool,
    /// The request's body, while it comes.
    pub(super) receive: Option<Window>,
    /// The answer's body, while it is sent.
    pub(super) send: Option<SendStream>,
}
