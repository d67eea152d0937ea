//! Inputs of this side: sessions, calls, answers, bodies, events, leaving.

use super::exchange::{Incoming, Outgoing, SendStream, cost};
use super::{Body, CallId, Effects, Exchange, Limits, Now, RequestId, Role, Session, State};
use crate::error::{CallError, CloseReason, CommandError};
use crate::frame::{Flags, FrameType};
use crate::message::{Credit, Error, Event, Request, Response, Shutdown, error_message};
use ioi_types::ErrorCode;
use prost::Message;

/// What a host brings to a session.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Random, not 0.
    pub session_id: u64,
    /// Random.
    pub nonce: [u8; 32],
    /// The largest that this side accepts.
    pub limits: Limits,
    /// Name and version, for the plugin's logs.
    pub name: String,
}

impl HostConfig {
    /// The default limits.
    #[must_use]
    pub fn new(session_id: u64, nonce: [u8; 32]) -> Self {
        let name = concat!("ioi/", env!("CARGO_PKG_VERSION")).to_owned();
        Self { session_id, nonce, limits: Limits::default(), name }
    }
}

/// What a plugin brings to a session.
#[derive(Clone, Debug)]
pub struct PluginConfig {
    /// Random.
    pub nonce: [u8; 32],
    /// The largest that this side accepts.
    pub limits: Limits,
    /// Name and version of the SDK and plugin, for the host's logs; at most 128 bytes, cut if longer.
    pub name: String,
}

impl PluginConfig {
    /// The default limits.
    #[must_use]
    pub fn new(name: impl Into<String>, nonce: [u8; 32]) -> Self {
        let mut name = name.into();
        name.truncate(name.floor_char_boundary(crate::message::NAME_BYTES_MAX));
        Self { nonce, limits: Limits::default(), name }
    }
}

impl Session {
    /// The host's side. It waits for the plugin's first frame.
    ///
    /// # Panics
    /// When the session id is 0 or a limit is outside its range.
    #[must_use]
    pub fn host(config: HostConfig, now: Now) -> Self {
        assert!(config.session_id != 0, "a session id is random and not 0");
        let mut session = Self::new(Role::Host, config.limits, config.nonce, config.name, now);
        session.session_id = config.session_id;
        session
    }

    /// The plugin's side. Its first frame goes into `effects`.
    ///
    /// # Panics
    /// When a limit is outside its range.
    #[must_use]
    pub fn plugin(config: PluginConfig, now: Now, effects: &mut Effects) -> Self {
        let mut session = Self::new(Role::Plugin, config.limits, config.nonce, config.name, now);
        session.open_handshake(now, effects);
        session
    }

    fn ready(&self) -> Result<(), CommandError> {
        match self.state {
            State::Handshake => Err(CommandError::NotReady),
            State::Closed => Err(CommandError::Closed),
            State::Ready => Ok(()),
        }
    }

    fn may_open(&self) -> Result<(), CommandError> {
        self.ready()?;
        if self.leaving.is_some() { Err(CommandError::ShuttingDown) } else { Ok(()) }
    }

    /// Calls the peer. Ends with [`Effect::Response`](super::Effect::Response) or
    /// [`Effect::Failed`](super::Effect::Failed).
    ///
    /// # Errors
    /// Not ready, closed, shutting down, too many calls, a field out of bounds.
    pub fn call(
        &mut self,
        now: Now,
        request: &Request,
        effects: &mut Effects,
    ) -> Result<CallId, CommandError> {
        self.open_call(now, request, Body::None, effects)
    }

    /// Calls the peer with a body, which follows by [`chunk`](Self::chunk).
    ///
    /// # Errors
    /// As [`call`](Self::call), and no credit left over all streams for the request itself.
    pub fn call_with_body(
        &mut self,
        now: Now,
        request: &Request,
        effects: &mut Effects,
    ) -> Result<CallId, CommandError> {
        self.open_call(now, request, Body::Chunks, effects)
    }

    fn open_call(
        &mut self,
        now: Now,
        request: &Request,
        body: Body,
        effects: &mut Effects,
    ) -> Result<CallId, CommandError> {
        self.may_open()?;
        let calls_max = self.limits.calls_max;
        if self.outgoing.len() >= calls_max as usize {
            return Err(CommandError::CallsInFlight { calls_max });
        }
        let payload = self.payload_of(request)?;
        let send = self.open_stream(body, payload.len())?;
        let flags = if send.is_some() { Flags::STREAM } else { Flags::NONE };
        let id = self.next_id();
        let deadline_at_ms = now.monotonic_ms.saturating_add(request.deadline_ms.into());
        self.outgoing.insert(id, Outgoing { deadline_at_ms, abandoned: false, send, receive: None });
        self.send(now, (FrameType::Request, flags, id), &payload, effects);
        Ok(CallId(id))
    }

    /// Pays for the first frame of a stream.
    fn open_stream(&mut self, body: Body, payload_bytes: usize) -> Result<Option<SendStream>, CommandError> {
        if body == Body::None {
            return Ok(None);
        }
        let mut stream = SendStream::new();
        let (cost, available) = (cost(payload_bytes), self.send_credit.min(stream.credit));
        if cost > available {
            return Err(CommandError::NoCredit { cost, available });
        }
        stream.credit -= cost;
        self.send_credit -= cost;
        Ok(Some(stream))
    }

    /// Calls the peer without wanting an answer.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_one_way(
        &mut self,
        now: Now,
        request: &Request,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        self.may_open()?;
        let payload = self.payload_of(request)?;
        let id = self.next_id();
        self.send(now, (FrameType::Request, Flags::ONE_WAY, id), &payload, effects);
        Ok(())
    }

    /// Gives a call up. What still comes for it is dropped and counted.
    ///
    /// # Errors
    /// When it is not open (any more).
    pub fn cancel(&mut self, now: Now, id: CallId, effects: &mut Effects) -> Result<(), CommandError> {
        self.ready()?;
        if self.outgoing.get(&id.0).is_none_or(|call| call.abandoned) {
            return Err(CommandError::NotOpen { id: id.0 });
        }
        self.abandon(now, id, effects);
        Ok(())
    }

    pub(super) fn abandon(&mut self, now: Now, id: CallId, effects: &mut Effects) {
        if let Some(call) = self.outgoing.get_mut(&id.0) {
            call.abandoned = true;
            call.send = None;
            self.send(now, (FrameType::Cancel, Flags::NONE, id.0), &[], effects);
        }
    }

    fn open_request(&mut self, id: RequestId) -> Result<&mut Incoming, CommandError> {
        self.ready()?;
        let request = self.incoming.get_mut(&id.0).filter(|request| !request.answered);
        request.ok_or(CommandError::NotOpen { id: id.0 })
    }

    /// Answers a call of the peer.
    ///
    /// # Errors
    /// When it is not open (any more), its answer was begun, or a field is out of bounds.
    pub fn respond(
        &mut self,
        now: Now,
        id: RequestId,
        response: &Response,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        self.begin_answer(id)?;
        let payload = self.payload_of(response)?;
        self.send(now, (FrameType::Response, Flags::NONE, id.0), &payload, effects);
        self.answered(now, id, effects);
        Ok(())
    }

    /// Begins an answer with a body, which follows by [`chunk`](Self::chunk).
    ///
    /// # Errors
    /// As [`respond`](Self::respond), and no credit left over all streams.
    pub fn respond_with_body(
        &mut self,
        now: Now,
        id: RequestId,
        response: &Response,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        self.begin_answer(id)?;
        let payload = self.payload_of(response)?;
        let stream = self.open_stream(Body::Chunks, payload.len())?;
        self.open_request(id)?.send = stream;
        self.send(now, (FrameType::Response, Flags::STREAM, id.0), &payload, effects);
        Ok(())
    }

    fn begin_answer(&mut self, id: RequestId) -> Result<(), CommandError> {
        match self.open_request(id)?.send {
            Some(_) => Err(CommandError::NotOpen { id: id.0 }),
            None => Ok(()),
        }
    }

    /// Answers a call of the peer with a failure, also in the middle of an answer's body.
    ///
    /// # Errors
    /// When it is not open (any more).
    pub fn fail(
        &mut self,
        now: Now,
        id: RequestId,
        error: &CallError,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        self.open_request(id)?;
        self.payload_of::<Error>(&error_message(error))?;
        self.send_error(now, id.0, error, effects);
        self.answered(now, id, effects);
        Ok(())
    }

    /// The answer is complete; what may still come is the rest of the request's body.
    pub(super) fn answered(&mut self, now: Now, id: RequestId, effects: &mut Effects) {
        if let Some(request) = self.incoming.get_mut(&id.0) {
            request.answered = true;
            request.send = None;
            if request.receive.is_none() {
                self.incoming.remove(&id.0);
            }
        }
        self.leave_when_drained(now, effects);
    }

    pub(super) fn leave_when_drained(&mut self, now: Now, effects: &mut Effects) {
        if let Some((id, _)) = self.dismissed.filter(|_| self.incoming.is_empty()) {
            let done = Response::new(b"{}".to_vec()).encode_to_vec();
            self.send(now, (FrameType::Response, Flags::NONE, id), &done, effects);
            self.finish(CloseReason::Drained, effects);
        }
    }

    /// The longest chunk that may be sent now on the exchange's stream; 0 when it is not open.
    #[must_use]
    pub fn chunk_bytes_max(&self, exchange: impl Into<Exchange>) -> usize {
        let stream = match exchange.into() {
            Exchange::Mine(id) => self.outgoing.get(&id.0).and_then(|call| call.send.as_ref()),
            Exchange::Theirs(id) => self.incoming.get(&id.0).and_then(|request| request.send.as_ref()),
        };
        let credit = stream.map_or(0, |stream| stream.credit.min(self.send_credit));
        credit.min(self.limits.payload_bytes_max.into()) as usize
    }

    /// Sends the next piece of a body.
    ///
    /// # Errors
    /// When no stream is open in this direction, the chunk is longer than
    /// agreed, or the peer has not given credit for it yet
    /// ([`Effect::Writable`](super::Effect::Writable) says when to try again).
    pub fn chunk(
        &mut self,
        now: Now,
        exchange: impl Into<Exchange>,
        bytes: &[u8],
        last: bool,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        self.ready()?;
        let exchange = exchange.into();
        let payload_bytes_max = self.limits.payload_bytes_max as usize;
        if bytes.len() > payload_bytes_max {
            return Err(CommandError::TooLong { length: bytes.len(), payload_bytes_max });
        }
        let (kind, slot) = match exchange {
            Exchange::Mine(id) => {
                (FrameType::Request, self.outgoing.get_mut(&id.0).map(|call| &mut call.send))
            }
            Exchange::Theirs(id) => {
                (FrameType::Response, self.incoming.get_mut(&id.0).map(|request| &mut request.send))
            }
        };
        let Some(slot @ Some(_)) = slot else {
            return Err(CommandError::NoStream { id: exchange.id() });
        };
        let stream_credit = slot.as_ref().map_or(0, |stream| stream.credit);
        let (cost, available) = (cost(bytes.len()), stream_credit.min(self.send_credit));
        if cost > available {
            return Err(CommandError::NoCredit { cost, available });
        }
        self.send_credit -= cost;
        *slot = (!last).then_some(SendStream { credit: stream_credit - cost });
        let flags = if last { Flags::END } else { Flags::STREAM };
        self.send(now, (kind, flags, exchange.id()), bytes, effects);
        if let (true, Exchange::Theirs(id)) = (last, exchange) {
            self.answered(now, id, effects);
        }
        Ok(())
    }

    /// The memory of a chunk of `bytes` bytes is free again; credit goes back to
    /// the peer. To be called once for each [`Effect::Chunk`](super::Effect::Chunk),
    /// also when its exchange has ended since.
    pub fn consumed(&mut self, now: Now, exchange: impl Into<Exchange>, bytes: usize, effects: &mut Effects) {
        let exchange = exchange.into();
        let window = match exchange {
            Exchange::Mine(id) => self.outgoing.get_mut(&id.0).and_then(|call| call.receive.as_mut()),
            Exchange::Theirs(id) => self.incoming.get_mut(&id.0).and_then(|request| request.receive.as_mut()),
        };
        if let Some(bytes) = window.and_then(|window| window.give_back(cost(bytes))) {
            let opened_by_me = matches!(exchange, Exchange::Mine(_));
            self.send_credit_frame(now, Credit { opened_by_me, id: exchange.id(), bytes }, effects);
        }
        self.give_session_back(now, cost(bytes), effects);
    }

    pub(super) fn give_session_back(&mut self, now: Now, cost: u64, effects: &mut Effects) {
        if let Some(bytes) = self.receive_window.give_back(cost) {
            self.send_credit_frame(now, Credit { opened_by_me: false, id: 0, bytes }, effects);
        }
    }

    fn send_credit_frame(&self, now: Now, credit: Credit, effects: &mut Effects) {
        if self.state == State::Ready {
            self.send(now, (FrameType::Credit, Flags::NONE, 0), &credit.encode_to_vec(), effects);
        }
    }

    /// Tells the peer that something happened.
    ///
    /// # Errors
    /// Not ready, closed, shutting down, a field out of bounds.
    pub fn event(&mut self, now: Now, event: &Event, effects: &mut Effects) -> Result<(), CommandError> {
        self.may_open()?;
        let payload = self.payload_of(event)?;
        let id = self.next_id();
        self.send(now, (FrameType::Event, Flags::NONE, id), &payload, effects);
        Ok(())
    }

    /// Asks the peer to finish what it has open within `deadline_ms`. Closes as
    /// [`CloseReason::Drained`], or as [`CloseReason::ShutdownDeadline`].
    ///
    /// # Errors
    /// Not ready, closed, shutting down already, a deadline of 0 or a reason above 256 bytes.
    pub fn shutdown(
        &mut self,
        now: Now,
        deadline_ms: u32,
        reason: &str,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        self.may_open()?;
        let payload = self.payload_of(&Shutdown { deadline_ms, reason: reason.to_owned() })?;
        let id = self.next_id();
        self.leaving = Some((id, now.monotonic_ms.saturating_add(deadline_ms.into())));
        self.send(now, (FrameType::Shutdown, Flags::NONE, id), &payload, effects);
        Ok(())
    }

    /// Ends the session at once, telling the peer why.
    pub fn close(&mut self, now: Now, code: ErrorCode, message: &str, effects: &mut Effects) {
        if self.state != State::Closed {
            self.send_error(now, 0, &CallError::new(code, message), effects);
            self.finish(CloseReason::Local, effects);
        }
    }

    /// Input: the transport is gone.
    pub fn ended(&mut self, effects: &mut Effects) {
        self.finish(CloseReason::TransportEnded, effects);
    }
}
