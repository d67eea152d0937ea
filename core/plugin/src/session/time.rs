//! What the passing of time does: deadlines, heartbeats, unfinished frames.

use super::{CallId, Effect, Effects, Now, RequestId, Session, State, limits};
use crate::error::{CallError, CloseReason, Violation};
use crate::frame::{Flags, FrameType};
use crate::message;
use ioi_types::ErrorCode;
use prost::Message;

impl Session {
    /// The monotonic time by which [`tick`](Self::tick) should be called.
    #[must_use]
    pub fn wake_at_ms(&self) -> u64 {
        let frame = self.partial_since_ms.map(|since| since.saturating_add(limits::FRAME_MS));
        let stage = match self.state {
            State::Closed => return u64::MAX,
            State::Handshake => self.handshake_until_ms,
            State::Ready => self.next_beat_ms,
        };
        let calls = self.outgoing.values().filter(|call| !call.abandoned).map(|call| call.deadline_at_ms);
        let requests = self.incoming.values().filter(|request| !request.expired && !request.answered);
        let shutdowns = self.leaving.iter().chain(&self.dismissed).map(|(_, deadline)| *deadline);
        calls
            .chain(requests.map(|request| request.deadline_at_ms))
            .chain(shutdowns)
            .chain(frame)
            .fold(stage, u64::min)
    }

    /// Input: time passed.
    pub fn tick(&mut self, now: Now, effects: &mut Effects) {
        if self.state == State::Closed {
            return;
        }
        if let Some(violation) = self.overdue(now.monotonic_ms) {
            return self.violated(now, violation, effects);
        }
        if self.state == State::Ready {
            self.expire_calls(now, effects);
            self.expire_requests(now, effects);
            self.expire_shutdowns(now, effects);
            self.beat(now, effects);
        }
    }

    fn overdue(&self, now_ms: u64) -> Option<Violation> {
        if self.state == State::Handshake && now_ms >= self.handshake_until_ms {
            return Some(Violation::HandshakeTimeout { limit_ms: limits::HANDSHAKE_MS });
        }
        let since = self.partial_since_ms?;
        let late = now_ms >= since.saturating_add(limits::FRAME_MS);
        late.then_some(Violation::FrameTimeout { limit_ms: limits::FRAME_MS })
    }

    fn expire_calls(&mut self, now: Now, effects: &mut Effects) {
        let late = |deadline: u64| now.monotonic_ms >= deadline;
        let ids: Vec<u64> = self
            .outgoing
            .iter()
            .filter(|(_, call)| !call.abandoned && late(call.deadline_at_ms))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.abandon(now, CallId(id), effects);
            let error = CallError::new(ErrorCode::DeadlineExceeded, "the call's deadline passed");
            effects.list.push(Effect::Failed { id: CallId(id), error });
        }
    }

    /// The caller of an expired request sends its own Cancel; this side only
    /// stops the work.
    fn expire_requests(&mut self, now: Now, effects: &mut Effects) {
        for (id, request) in &mut self.incoming {
            let late = now.monotonic_ms >= request.deadline_at_ms;
            if late && !request.expired && !request.answered {
                request.expired = true;
                effects.list.push(Effect::Cancelled { id: RequestId(*id) });
            }
        }
    }

    fn expire_shutdowns(&mut self, now: Now, effects: &mut Effects) {
        let late = |(_, deadline): &(u64, u64)| now.monotonic_ms >= *deadline;
        if let Some((id, _)) = self.dismissed.filter(late) {
            let error =
                CallError::new(ErrorCode::DeadlineExceeded, "calls were open at the shutdown's deadline");
            self.send_error(now, id, &error, effects);
            self.finish(CloseReason::ShutdownDeadline, effects);
        } else if self.leaving.is_some_and(|leaving| late(&leaving)) {
            self.finish(CloseReason::ShutdownDeadline, effects);
        }
    }

    fn beat(&mut self, now: Now, effects: &mut Effects) {
        if self.state != State::Ready || now.monotonic_ms < self.next_beat_ms {
            return;
        }
        if self.beats.len() >= self.limits.heartbeat_misses_max as usize {
            let misses = self.limits.heartbeat_misses_max;
            return self.violated(now, Violation::HeartbeatLost { misses }, effects);
        }
        let id = self.next_id();
        self.beats.push_back(id);
        self.peer_beats = 0;
        self.next_beat_ms = now.monotonic_ms.saturating_add(self.limits.heartbeat_interval_ms.into());
        let beat = message::Heartbeat { opaque: id.to_le_bytes().to_vec(), ack: false };
        self.send(now, (FrameType::Heartbeat, Flags::NONE, id), &beat.encode_to_vec(), effects);
    }
}
