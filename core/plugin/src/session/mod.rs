//! One connection's state machine: every method is one input, [`Effects`] are all outputs.
//!
//! The driver reads its socket into [`Session::receive`], writes
//! [`Effects::bytes`], calls [`Session::tick`] no later than
//! [`Session::wake_at_ms`], and [`Session::ended`] when the transport is gone.
//!
//! Answers and cancelling: each call gets exactly one answer, a Response or an
//! Error. A Cancel of an open call is answered by Error `call.cancelled` at
//! once, so both sides know when an id is settled, and a peer that never
//! settles its ids only uses up its own calls in flight.

mod command;
mod effects;
mod exchange;
mod handshake;
pub mod limits;
mod receive;
mod time;

pub use command::{HostConfig, PluginConfig};
pub use effects::{Effect, Effects, IncomingCall, Ready};
pub use exchange::{Body, CallId, Exchange, RequestId};
pub use limits::Limits;

use crate::decode::Decoder;
use crate::error::{CallError, CloseReason, CommandError, Violation};
use crate::frame::{FRAME_OVERHEAD_BYTES, Flags, FrameType, Header, encode};
use crate::message::{self, Checked};
use exchange::{Incoming, Outgoing, Window};
use ioi_types::ErrorCode;
use prost::Message;
use std::collections::{BTreeMap, VecDeque};

/// The time of one input. Decisions use the monotonic part only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that never goes back.
    pub monotonic_ms: u64,
    /// Unix nanoseconds, copied into frames.
    pub unix_ns: u64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Whole frames that came.
    pub frames_received: u64,
    /// Answers and chunks that came for cancelled or expired calls, and were dropped.
    pub answers_dropped: u64,
    /// Chunks that came for calls that were answered before their body ended.
    pub chunks_dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Host,
    Plugin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Handshake,
    Ready,
    Closed,
}

/// One side of one connection.
#[derive(Debug)]
pub struct Session {
    role: Role,
    state: State,
    /// What this side offers; after the handshake, what holds.
    limits: Limits,
    /// The host's choice; the plugin knows it after the handshake.
    session_id: u64,
    nonce: [u8; 32],
    name: String,
    handshake_until_ms: u64,

    decoder: Decoder,
    /// When the unfinished frame began.
    partial_since_ms: Option<u64>,

    /// The last id of each direction.
    my_id: u64,
    peer_id: u64,
    outgoing: BTreeMap<u64, Outgoing>,
    incoming: BTreeMap<u64, Incoming>,

    /// What the peer takes over all streams; what this side takes.
    send_credit: u64,
    receive_window: Window,

    /// Heartbeats without an echo, oldest first, and when the next one is due.
    beats: VecDeque<u64>,
    next_beat_ms: u64,
    /// Heartbeats of the peer since the last of ours.
    peer_beats: u32,

    /// A Shutdown of ours: its id and deadline.
    leaving: Option<(u64, u64)>,
    /// A Shutdown of the peer: its id and deadline.
    dismissed: Option<(u64, u64)>,
    counters: Counters,
}

impl Session {
    fn new(role: Role, limits: Limits, nonce: [u8; 32], name: String, now: Now) -> Self {
        assert!(limits.is_valid(), "limits outside their ranges: {limits:?}");
        Self {
            role,
            state: State::Handshake,
            limits,
            session_id: 0,
            nonce,
            name,
            handshake_until_ms: now.monotonic_ms.saturating_add(limits::HANDSHAKE_MS),
            decoder: Decoder::new(limits::HANDSHAKE_BYTES_MAX - FRAME_OVERHEAD_BYTES),
            partial_since_ms: None,
            my_id: 0,
            peer_id: 0,
            outgoing: BTreeMap::new(),
            incoming: BTreeMap::new(),
            send_credit: limits::SESSION_CREDIT_BYTES,
            receive_window: Window::new(limits::SESSION_CREDIT_BYTES),
            beats: VecDeque::new(),
            next_beat_ms: u64::MAX,
            peer_beats: 0,
            leaving: None,
            dismissed: None,
            counters: Counters::default(),
        }
    }

    /// Whether calls may go both ways.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// What this side offered, or what holds once the session is ready.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Calls of ours that are open, or cancelled and not confirmed.
    #[must_use]
    pub fn calls_open(&self) -> usize {
        self.outgoing.len()
    }

    /// Calls of the peer that are open.
    #[must_use]
    pub fn requests_open(&self) -> usize {
        self.incoming.len()
    }

    /// Memory held for unfinished frames.
    #[must_use]
    pub const fn buffered_bytes(&self) -> usize {
        self.decoder.allocated_bytes()
    }

    fn next_id(&mut self) -> u64 {
        self.my_id += 1;
        self.my_id
    }

    /// Appends one frame of this session.
    fn send(
        &self,
        now: Now,
        (kind, flags, id): (FrameType, Flags, u64),
        payload: &[u8],
        effects: &mut Effects,
    ) {
        let session_id = if self.state == State::Handshake { 0 } else { self.session_id };
        let header = Header { kind, flags, id, session_id, timestamp_ns: now.unix_ns };
        encode(&header, payload, &mut effects.bytes);
    }

    /// Checks a message's fields and its length against the session's maximum.
    fn payload_of<M: Checked>(&self, message: &M) -> Result<Vec<u8>, CommandError> {
        message.check().map_err(CommandError::Invalid)?;
        let payload_bytes_max = self.limits.payload_bytes_max as usize;
        let length = message.encoded_len();
        if length > payload_bytes_max {
            return Err(CommandError::TooLong { length, payload_bytes_max });
        }
        Ok(message.encode_to_vec())
    }

    fn send_error(&self, now: Now, id: u64, error: &CallError, effects: &mut Effects) {
        let payload = message::error_message(error).encode_to_vec();
        self.send(now, (FrameType::Error, Flags::NONE, id), &payload, effects);
    }

    fn violated(&mut self, now: Now, violation: Violation, effects: &mut Effects) {
        let error = CallError::new(violation.code(), violation.to_string());
        self.send_error(now, 0, &error, effects);
        self.finish(CloseReason::Violation(violation), effects);
    }

    /// Ends the session: every open call fails, every open request is cancelled.
    fn finish(&mut self, reason: CloseReason, effects: &mut Effects) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.decoder = Decoder::new(0);
        let gone = match self.role {
            Role::Host => CallError::new(ErrorCode::PluginGone, format!("the plugin is gone: {reason}")),
            Role::Plugin => CallError::new(ErrorCode::NodeGone, format!("the host is gone: {reason}")),
        };
        for (id, call) in std::mem::take(&mut self.outgoing) {
            if !call.abandoned {
                effects.list.push(Effect::Failed { id: CallId(id), error: gone.clone() });
            }
        }
        for (id, request) in std::mem::take(&mut self.incoming) {
            if !request.answered && !request.expired {
                effects.list.push(Effect::Cancelled { id: RequestId(id) });
            }
        }
        effects.list.push(Effect::Closed(reason));
    }
}

/// A session of fixed ids that is fed `bytes`; see [`crate::fuzz_session`].
pub(crate) fn fuzz(ready: bool, bytes: &[u8]) {
    let now = Now::default();
    let mut effects = Effects::new();
    let mut host = Session::host(HostConfig::new(1, [1; 32]), now);
    if ready {
        let mut opening = Effects::new();
        let _plugin = Session::plugin(PluginConfig::new("fuzz", [2; 32]), now, &mut opening);
        host.receive(now, &opening.bytes, &mut effects);
    }
    host.receive(now, bytes, &mut effects);
    let held_max = host.limits.payload_bytes_max as usize + FRAME_OVERHEAD_BYTES;
    assert!(host.buffered_bytes() <= held_max.max(limits::HANDSHAKE_BYTES_MAX));
}
