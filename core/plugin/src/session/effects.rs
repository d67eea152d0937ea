//! What a session wants done.

use super::exchange::{Body, CallId, Exchange, RequestId};
use super::limits::Limits;
use crate::error::{CallError, CloseReason};
use crate::message::{Event, Request, Response};

/// What one input led to: bytes for the transport and a list for the caller.
/// Both only grow; the caller empties and reuses them. Bytes go out even where
/// the list ends with [`Effect::Closed`]: they tell the peer why.
#[derive(Debug, Default)]
pub struct Effects {
    /// Whole frames, to be written in this order.
    pub bytes: Vec<u8>,
    /// What happened, in order.
    pub list: Vec<Effect>,
}

impl Effects {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes to send; none are left behind.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.list.clear();
    }
}

/// One thing for the caller to do or know.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// The handshake ended; calls may go both ways.
    Ready(Ready),
    /// The peer calls. Unless it is one-way, answer with
    /// [`respond`](super::Session::respond) or [`fail`](super::Session::fail), once.
    Request(IncomingCall),
    /// The peer answered a call of ours.
    Response {
        /// Which.
        id: CallId,
        /// The answer.
        response: Response,
        /// Whether [`Effect::Chunk`]s follow; the call is over with the last.
        body: Body,
    },
    /// A call of ours is over without an answer, or with half a body.
    Failed {
        /// Which.
        id: CallId,
        /// Why.
        error: CallError,
    },
    /// The peer no longer wants the answer, or its deadline passed: stop working.
    Cancelled {
        /// Which.
        id: RequestId,
    },
    /// A piece of a body. Call [`consumed`](super::Session::consumed) once its memory is free.
    Chunk {
        /// Whose.
        exchange: Exchange,
        /// The bytes.
        bytes: Vec<u8>,
        /// Nothing follows.
        last: bool,
    },
    /// The peer takes more of the body that this side sends.
    Writable {
        /// Which; `None`: more over all streams together.
        exchange: Option<Exchange>,
    },
    /// Something happened at the peer.
    Event(Event),
    /// The peer asks this side to finish. The session answers by itself when no
    /// call of the peer is open any more, and then closes.
    Shutdown {
        /// On the caller's monotonic clock.
        deadline_at_ms: u64,
        /// For logs.
        reason: String,
    },
    /// The session is over; the last effect of all.
    Closed(CloseReason),
}

/// What a handshake settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// What holds.
    pub limits: Limits,
    /// The header's session id.
    pub session_id: u64,
    /// What the peer calls itself; a claim, for logs.
    pub peer: String,
    /// Features that both sides know.
    pub features: Vec<String>,
}

/// A call that the peer opened.
#[derive(Clone, Debug, PartialEq)]
pub struct IncomingCall {
    /// For the answer.
    pub id: RequestId,
    /// The call. Its arguments are bytes: the session does not read them.
    pub request: Request,
    /// When its caller gives up, on this side's monotonic clock.
    pub deadline_at_ms: u64,
    /// No answer is wanted, and none can be given.
    pub one_way: bool,
    /// Whether [`Effect::Chunk`]s follow.
    pub body: Body,
}
