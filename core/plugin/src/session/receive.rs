//! Input from the peer: bytes, frames, and what each frame does.

use super::exchange::{Incoming, Window, cost};
use super::limits::HEARTBEATS_PER_INTERVAL_MAX;
use super::{Body, CallId, Effect, Effects, Exchange, IncomingCall, Now, RequestId, Session, State};
use crate::decode::{Decoder, Frame};
use crate::error::{CallError, CloseReason, Violation};
use crate::frame::{Flags, FrameType, Header};
use crate::message::{self, Checked, Credit, Event, Heartbeat, Request, Response, Shutdown};
use ioi_types::ErrorCode;
use prost::Message;

/// Reads a frame's payload as the message of its type.
fn read<M: Checked>(kind: FrameType, payload: &[u8]) -> Result<M, Violation> {
    M::read(payload).map_err(|what| Violation::Payload { kind, what })
}

const fn unknown(header: &Header) -> Violation {
    Violation::IdUnknown { kind: header.kind, id: header.id }
}

const OVERDRAWN: Violation = Violation::Credit { what: "a chunk beyond the credit that was given" };

impl Session {
    /// Input: bytes came, in any pieces.
    pub fn receive(&mut self, now: Now, bytes: &[u8], effects: &mut Effects) {
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(0));
        let mut rest = bytes;
        let mut frames = 0;
        while self.state != State::Closed {
            let result = match decoder.next(&mut rest) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    frames += 1;
                    self.on_frame(now, frame, effects)
                }
                Err(violation) => Err(violation),
            };
            if let Err(violation) = result {
                self.violated(now, violation, effects);
            } else if self.state == State::Ready {
                decoder.set_payload_bytes_max(self.limits.payload_bytes_max as usize);
            }
        }
        self.counters.frames_received += frames;
        if self.state != State::Closed {
            self.note_partial(now, decoder.pending_bytes(), frames > 0);
            self.decoder = decoder;
        }
    }

    fn note_partial(&mut self, now: Now, pending_bytes: usize, frame_ended: bool) {
        if frame_ended || pending_bytes == 0 {
            self.partial_since_ms = None;
        }
        if pending_bytes > 0 {
            self.partial_since_ms.get_or_insert(now.monotonic_ms);
        }
    }

    fn on_frame(&mut self, now: Now, frame: Frame<'_>, effects: &mut Effects) -> Result<(), Violation> {
        let Frame { header, payload } = frame;
        self.check_state(&header)?;
        match header.kind {
            FrameType::Handshake => self.on_handshake(now, &header, payload, effects),
            FrameType::Heartbeat => self.on_heartbeat(now, &header, payload, effects),
            FrameType::Request => self.on_request(now, &header, payload, effects),
            FrameType::Response => self.on_response(now, &header, payload, effects),
            FrameType::Event => self.on_event(&header, payload, effects),
            FrameType::Error => self.on_error(now, &header, payload, effects),
            FrameType::Shutdown => self.on_shutdown(now, &header, payload, effects),
            FrameType::Credit => self.on_credit(&header, payload, effects),
            FrameType::Cancel => self.on_cancel(now, &header, payload, effects),
        }
    }

    /// What may come at all, and with which session id. A connection error may
    /// carry 0: its sender may not have known the id yet.
    fn check_state(&self, header: &Header) -> Result<(), Violation> {
        let kind = header.kind;
        let closing = kind == FrameType::Error && header.id == 0;
        if kind == FrameType::Handshake && self.state == State::Ready {
            return Err(Violation::State { kind, what: "the handshake has ended" });
        }
        let expected = if self.state == State::Ready { self.session_id } else { 0 };
        if header.session_id != expected && !(closing && header.session_id == 0) {
            return Err(Violation::Session { found: header.session_id, expected });
        }
        if self.state == State::Handshake && kind != FrameType::Handshake && !closing {
            return Err(Violation::State { kind, what: "the handshake has not ended" });
        }
        Ok(())
    }

    /// An opener's id is above all that its direction used.
    pub(super) fn fresh_id(&mut self, header: &Header) -> Result<(), Violation> {
        if header.id <= self.peer_id {
            return Err(Violation::IdNotFresh { kind: header.kind, id: header.id, last: self.peer_id });
        }
        self.peer_id = header.id;
        Ok(())
    }

    fn on_heartbeat(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        let beat: Heartbeat = read(header.kind, payload)?;
        if !beat.ack {
            self.fresh_id(header)?;
            self.peer_beats += 1;
            if self.peer_beats > HEARTBEATS_PER_INTERVAL_MAX {
                return Err(Violation::State { kind: header.kind, what: "more than 16 in one interval" });
            }
            let echo = Heartbeat { opaque: beat.opaque, ack: true }.encode_to_vec();
            self.send(now, (FrameType::Heartbeat, Flags::NONE, header.id), &echo, effects);
            return Ok(());
        }
        let position = self.beats.iter().position(|id| *id == header.id).ok_or(unknown(header))?;
        if beat.opaque != header.id.to_le_bytes() {
            return Err(Violation::Payload { kind: header.kind, what: "opaque is not what was sent" });
        }
        // An echo shows that its sender lives, so the misses before it no longer count.
        self.beats.drain(..=position);
        Ok(())
    }

    fn on_request(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        if header.flags.is_chunk() && (header.id <= self.peer_id || header.flags.has(Flags::END)) {
            return self.on_request_chunk(now, header, payload, effects);
        }
        self.fresh_id(header)?;
        if self.dismissed_by_peer() {
            return Err(Violation::State { kind: header.kind, what: "its sender has sent a Shutdown" });
        }
        let request: Request = read(header.kind, payload)?;
        let receive = if header.flags.is_chunk() { Some(self.open_window(payload.len())?) } else { None };
        let body = if receive.is_some() { Body::Chunks } else { Body::None };
        let deadline_at_ms = now.monotonic_ms.saturating_add(request.deadline_ms.into());
        let one_way = header.flags.has(Flags::ONE_WAY);
        if !one_way {
            self.admit(header.id, deadline_at_ms, receive)?;
        }
        if body == Body::Chunks {
            self.opener_consumed(now, RequestId(header.id).into(), payload.len(), effects);
        }
        let id = RequestId(header.id);
        effects.list.push(Effect::Request(IncomingCall { id, request, deadline_at_ms, one_way, body }));
        Ok(())
    }

    const fn dismissed_by_peer(&self) -> bool {
        self.dismissed.is_some()
    }

    fn admit(&mut self, id: u64, deadline_at_ms: u64, receive: Option<Window>) -> Result<(), Violation> {
        let calls_max = self.limits.calls_max;
        if self.incoming.len() >= calls_max as usize {
            return Err(Violation::Calls { calls_max });
        }
        let request = Incoming { deadline_at_ms, expired: false, answered: false, receive, send: None };
        self.incoming.insert(id, request);
        Ok(())
    }

    /// A stream's first frame counts like its chunks.
    fn open_window(&mut self, payload_bytes: usize) -> Result<Window, Violation> {
        let mut window = Window::stream();
        let cost = cost(payload_bytes);
        window.take(cost).and_then(|()| self.receive_window.take(cost)).ok_or(OVERDRAWN)?;
        Ok(window)
    }

    /// The message that opens a stream is decoded at once, so its credit goes back at once.
    fn opener_consumed(&mut self, now: Now, exchange: Exchange, payload_bytes: usize, effects: &mut Effects) {
        self.consumed(now, exchange, payload_bytes, effects);
    }

    fn on_request_chunk(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        let last = header.flags.has(Flags::END);
        let request = self.incoming.get_mut(&header.id).ok_or(unknown(header))?;
        let window = request.receive.as_mut().ok_or(unknown(header))?;
        let cost = cost(payload.len());
        window.take(cost).and_then(|()| self.receive_window.take(cost)).ok_or(OVERDRAWN)?;
        let answered = request.answered;
        if last {
            request.receive = None;
        }
        if answered {
            self.counters.chunks_dropped += 1;
            self.consumed(now, RequestId(header.id), payload.len(), effects);
            if last {
                self.incoming.remove(&header.id);
                self.leave_when_drained(now, effects);
            }
            return Ok(());
        }
        let exchange = Exchange::Theirs(RequestId(header.id));
        effects.list.push(Effect::Chunk { exchange, bytes: payload.to_vec(), last });
        Ok(())
    }

    fn on_response(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        if self.leaving.is_some_and(|(id, _)| id == header.id) {
            return self.on_drained(header, payload, effects);
        }
        let call = self.outgoing.get(&header.id).ok_or(unknown(header))?;
        match (call.receive.is_some(), header.flags.is_chunk()) {
            (true, true) => self.on_response_chunk(now, header, payload, effects),
            (true, false) => {
                Err(Violation::State { kind: header.kind, what: "the answer's body has not ended" })
            }
            (false, true) if header.flags.has(Flags::END) => {
                Err(Violation::State { kind: header.kind, what: "the answer's body has not begun" })
            }
            (false, _) => self.on_answer(now, header, payload, effects),
        }
    }

    fn on_drained(
        &mut self,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        if header.flags.is_chunk() {
            return Err(Violation::State { kind: header.kind, what: "a Shutdown's answer has no body" });
        }
        let _done: Response = read(header.kind, payload)?;
        self.finish(CloseReason::Drained, effects);
        Ok(())
    }

    /// A whole answer, or the message before an answer's body.
    fn on_answer(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        let response: Response = read(header.kind, payload)?;
        let body = if header.flags.is_chunk() { Body::Chunks } else { Body::None };
        let window = if body == Body::Chunks { Some(self.open_window(payload.len())?) } else { None };
        let id = CallId(header.id);
        let abandoned = self.outgoing.get(&id.0).is_some_and(|call| call.abandoned);
        match window {
            None => self.settle(now, id, effects),
            Some(window) => {
                if let Some(call) = self.outgoing.get_mut(&id.0) {
                    call.receive = Some(window);
                }
                self.opener_consumed(now, id.into(), payload.len(), effects);
            }
        }
        if abandoned {
            self.counters.answers_dropped += 1;
        } else {
            effects.list.push(Effect::Response { id, response, body });
        }
        Ok(())
    }

    fn on_response_chunk(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        let id = CallId(header.id);
        let last = header.flags.has(Flags::END);
        let call = self.outgoing.get_mut(&id.0).ok_or(unknown(header))?;
        let window = call.receive.as_mut().ok_or(unknown(header))?;
        let cost = cost(payload.len());
        window.take(cost).and_then(|()| self.receive_window.take(cost)).ok_or(OVERDRAWN)?;
        let abandoned = call.abandoned;
        if last {
            self.settle(now, id, effects);
        }
        if abandoned {
            self.counters.answers_dropped += 1;
            self.consumed(now, id, payload.len(), effects);
        } else {
            effects.list.push(Effect::Chunk { exchange: id.into(), bytes: payload.to_vec(), last });
        }
        Ok(())
    }

    /// The peer has nothing more to say about a call of ours. If the request's
    /// body is still being sent, a Cancel ends it.
    fn settle(&mut self, now: Now, id: CallId, effects: &mut Effects) {
        if self.outgoing.remove(&id.0).is_some_and(|call| call.send.is_some()) {
            self.send(now, (FrameType::Cancel, Flags::NONE, id.0), &[], effects);
        }
    }

    fn on_event(&mut self, header: &Header, payload: &[u8], effects: &mut Effects) -> Result<(), Violation> {
        self.fresh_id(header)?;
        let event: Event = read(header.kind, payload)?;
        effects.list.push(Effect::Event(event));
        Ok(())
    }

    fn on_error(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        let error = message::read_error(read(header.kind, payload)?);
        if header.id == 0 {
            self.finish(CloseReason::PeerError(error), effects);
            return Ok(());
        }
        if self.leaving.is_some_and(|(id, _)| id == header.id) {
            self.finish(CloseReason::ShutdownDeadline, effects);
            return Ok(());
        }
        let id = CallId(header.id);
        let abandoned = self.outgoing.get(&id.0).ok_or(unknown(header))?.abandoned;
        self.settle(now, id, effects);
        if abandoned {
            // The confirmation of our own Cancel is no answer.
            let confirms = error.number == ErrorCode::Cancelled.number();
            self.counters.answers_dropped += u64::from(!confirms);
        } else {
            effects.list.push(Effect::Failed { id, error });
        }
        Ok(())
    }

    fn on_shutdown(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        self.fresh_id(header)?;
        if self.dismissed_by_peer() {
            return Err(Violation::State { kind: header.kind, what: "a Shutdown came before" });
        }
        let Shutdown { deadline_ms, reason } = read(header.kind, payload)?;
        let deadline_at_ms = now.monotonic_ms.saturating_add(deadline_ms.into());
        self.dismissed = Some((header.id, deadline_at_ms));
        effects.list.push(Effect::Shutdown { deadline_at_ms, reason });
        self.leave_when_drained(now, effects);
        Ok(())
    }

    fn on_credit(&mut self, header: &Header, payload: &[u8], effects: &mut Effects) -> Result<(), Violation> {
        if header.id != 0 {
            return Err(unknown(header));
        }
        let Credit { opened_by_me, id, bytes } = read(header.kind, payload)?;
        const UNCOUNTABLE: Violation = Violation::Credit { what: "more credit than can be counted" };
        if id == 0 {
            self.send_credit = self.send_credit.checked_add(bytes).ok_or(UNCOUNTABLE)?;
            effects.list.push(Effect::Writable { exchange: None });
            return Ok(());
        }
        let (last, stream, exchange) = if opened_by_me {
            let stream = self.incoming.get_mut(&id).and_then(|request| request.send.as_mut());
            (self.peer_id, stream, Exchange::Theirs(RequestId(id)))
        } else {
            let stream = self.outgoing.get_mut(&id).and_then(|call| call.send.as_mut());
            (self.my_id, stream, Exchange::Mine(CallId(id)))
        };
        match stream {
            Some(stream) => {
                stream.credit = stream.credit.checked_add(bytes).ok_or(UNCOUNTABLE)?;
                effects.list.push(Effect::Writable { exchange: Some(exchange) });
                Ok(())
            }
            // The stream may have ended while the credit was under way.
            None if id <= last => Ok(()),
            None => Err(Violation::IdUnknown { kind: FrameType::Credit, id }),
        }
    }

    fn on_cancel(
        &mut self,
        now: Now,
        header: &Header,
        payload: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        let _cancel: message::Cancel = read(header.kind, payload)?;
        if header.id == 0 || header.id > self.peer_id {
            return Err(unknown(header));
        }
        // Where nothing is open the answer and the Cancel have crossed.
        let Some(request) = self.incoming.remove(&header.id) else {
            return Ok(());
        };
        if !request.answered {
            let error = CallError::new(ErrorCode::Cancelled, "the caller cancelled the call");
            self.send_error(now, header.id, &error, effects);
            if !request.expired {
                effects.list.push(Effect::Cancelled { id: RequestId(header.id) });
            }
        }
        self.leave_when_drained(now, effects);
        Ok(())
    }
}
