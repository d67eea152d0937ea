//! A host's session with a plugin that says anything at any time.
//!
//! Each call is answered once, nothing follows the end, memory is bounded, time never stands still,
//! and what the host writes are frames.

use crate::script::Script;
use ioi_plugin::message::{Event, Request, Response};
use ioi_plugin::{
    Body, CallError, CallId, Decoder, Effect, Effects, Exchange, FRAME_OVERHEAD_BYTES, Flags, FrameType,
    Header, HostConfig, Limits, Now, PluginConfig, RequestId, Session, encode, fuzz_session, limits,
};
use ioi_types::ErrorCode;
use std::collections::BTreeMap;

const SESSION_ID: u64 = 1;
/// Steps of one script.
const STEPS_MAX: usize = 200;
/// Few, so that a script reaches them.
const LIMITS: Limits =
    Limits { payload_bytes_max: 4096, calls_max: 4, heartbeat_interval_ms: 5_000, heartbeat_misses_max: 3 };

/// The first byte: raw bytes for a session before or after its handshake, or a script.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    match script.byte() {
        b'0' => fuzz_session(false, script.rest()),
        b'1' => fuzz_session(true, script.rest()),
        _ => play(&mut script),
    }
}

fn play(script: &mut Script<'_>) {
    let mut host = Host::new();
    for _ in 0..STEPS_MAX {
        if script.is_empty() {
            break;
        }
        host.step(script);
        host.settle();
    }
    host.session.ended(&mut host.effects);
    host.settle();
    assert!(host.closed && host.calls.is_empty(), "at the end every call was answered");
}

/// The host's driver, and what it knows about its calls.
struct Host {
    session: Session,
    effects: Effects,
    written: Decoder,
    now: Now,
    /// Calls without their last answer; whether a body is on its way.
    calls: BTreeMap<u64, bool>,
    requests: Vec<RequestId>,
    closed: bool,
}

impl Host {
    fn new() -> Self {
        let (now, mut opening) = (Now::default(), Effects::new());
        let _plugin = Session::plugin(PluginConfig::new("fuzz", [2; 32]), now, &mut opening);
        let config = HostConfig { limits: LIMITS, ..HostConfig::new(SESSION_ID, [1; 32]) };
        let mut host = Self {
            session: Session::host(config, now),
            effects: Effects::new(),
            written: Decoder::new(limits::HANDSHAKE_BYTES_MAX),
            now,
            calls: BTreeMap::new(),
            requests: Vec::new(),
            closed: false,
        };
        host.session.receive(now, &opening.bytes, &mut host.effects);
        host.settle();
        assert!(host.session.is_ready());
        host
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let kind = script.byte();
        match kind % 16 {
            0..=7 => self.receive(&frame(script)),
            8 => self.receive(script.piece()),
            9 => self.tick(script),
            10 | 11 => self.call(script),
            12 | 13 => self.answer(script),
            14 => self.stream(script),
            _ => self.end(script),
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.session.receive(self.now, bytes, &mut self.effects);
        let held_max = LIMITS.payload_bytes_max as usize + FRAME_OVERHEAD_BYTES;
        assert!(self.session.buffered_bytes() <= held_max, "no more than a frame is held");
    }

    fn tick(&mut self, script: &mut Script<'_>) {
        self.now.monotonic_ms += u64::from(script.short());
        self.session.tick(self.now, &mut self.effects);
        assert!(self.session.wake_at_ms() > self.now.monotonic_ms, "a driver would wake up for ever");
    }

    fn call(&mut self, script: &mut Script<'_>) {
        let request = Request::new("t", b"{}".to_vec(), 1 + u32::from(script.short()));
        let (session, now, effects) = (&mut self.session, self.now, &mut self.effects);
        let called = match script.byte() % 3 {
            0 => session.call(now, &request, effects).map(Some),
            1 => session.call_with_body(now, &request, effects).map(Some),
            _ => session.call_one_way(now, &request, effects).map(|()| None),
        };
        if let Ok(Some(id)) = called {
            assert_eq!(self.calls.insert(id.0, false), None, "an id is given once");
        }
    }

    fn answer(&mut self, script: &mut Script<'_>) {
        if self.requests.is_empty() {
            return;
        }
        let id = *script.pick(&self.requests);
        let (session, now, effects) = (&mut self.session, self.now, &mut self.effects);
        let response = Response::new(b"{}".to_vec());
        let _ = match script.byte() % 3 {
            0 => session.respond(now, id, &response, effects),
            1 => session.respond_with_body(now, id, &response, effects),
            _ => session.fail(now, id, &CallError::new(ErrorCode::PolicyDenied, "no"), effects),
        };
    }

    fn stream(&mut self, script: &mut Script<'_>) {
        let exchange = self.exchange(script);
        let (session, now, effects) = (&mut self.session, self.now, &mut self.effects);
        if script.flag() {
            session.consumed(now, exchange, script.short().into(), effects);
        } else {
            let most = session.chunk_bytes_max(exchange);
            let bytes = vec![7; script.short().into()];
            let sent = session.chunk(now, exchange, &bytes, script.flag(), effects);
            assert!(sent.is_err() || bytes.len() <= most, "no more is sent than was said to fit");
        }
    }

    fn exchange(&self, script: &mut Script<'_>) -> Exchange {
        let id = u64::from(script.byte());
        if script.flag() { Exchange::Mine(CallId(id)) } else { Exchange::Theirs(RequestId(id)) }
    }

    fn end(&mut self, script: &mut Script<'_>) {
        let (session, now, effects) = (&mut self.session, self.now, &mut self.effects);
        match script.byte() % 8 {
            0 => session.ended(effects),
            1 => session.close(now, ErrorCode::PolicyDenied, "no", effects),
            2 => {
                let _ = session.shutdown(now, script.short().into(), "done", effects);
            }
            3 => {
                let event = Event { topic: "t".into(), body: b"{}".to_vec(), lost: 0 };
                let _ = session.event(now, &event, effects);
            }
            _ => {
                let id = CallId(script.byte().into());
                if session.cancel(now, id, effects).is_ok() {
                    assert!(self.calls.remove(&id.0).is_some(), "only an open call is cancelled");
                }
            }
        }
    }

    /// Looks at everything that the last step caused.
    fn settle(&mut self) {
        for effect in std::mem::take(&mut self.effects.list) {
            assert!(!self.closed, "nothing follows the end: {effect:?}");
            self.take(effect);
        }
        let bytes = self.effects.take_bytes();
        let mut rest = bytes.as_slice();
        while self.written.next(&mut rest).expect("the host writes frames").is_some() {}
        assert_eq!(self.written.pending_bytes(), 0, "the host writes whole frames");
        assert!(self.session.calls_open() <= LIMITS.calls_max as usize);
        assert!(self.session.requests_open() <= LIMITS.calls_max as usize);
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Request(call) if !call.one_way => self.requests.push(call.id),
            Effect::Response { id, body, .. } => {
                assert_eq!(self.calls.remove(&id.0), Some(false), "each call is answered once");
                if body == Body::Chunks {
                    self.calls.insert(id.0, true);
                }
            }
            Effect::Chunk { exchange: Exchange::Mine(id), last, .. } => {
                assert_eq!(self.calls.get(&id.0), Some(&true), "a piece of an answer that is open");
                if last {
                    self.calls.remove(&id.0);
                }
            }
            Effect::Failed { id, .. } => {
                assert!(self.calls.remove(&id.0).is_some(), "only an open call fails");
            }
            Effect::Closed(_) => self.closed = true,
            _ => {}
        }
    }
}

/// A frame with a right checksum whose every field is likely to be nearly right.
fn frame(script: &mut Script<'_>) -> Vec<u8> {
    let kind = *script.pick(&FrameType::ALL);
    let flags = match script.byte() {
        255 => script.short(),
        byte => *Script::new(&[byte]).pick(&[0, 0, 0, 4, 8, 32]),
    };
    let id = match script.byte() {
        255 => script.long(),
        byte => u64::from(byte % 24),
    };
    let session_id = if script.byte() == 255 { script.long() } else { SESSION_ID };
    let payload = payload(script);
    let header = Header { kind, flags: Flags(flags), id, session_id, timestamp_ns: 1 };
    let mut bytes = Vec::new();
    encode(&header, &payload, &mut bytes);
    bytes
}

/// Messages in protobuf's wire format, written by hand: `field << 3 | kind`, then a number or a length.
fn payload(script: &mut Script<'_>) -> Vec<u8> {
    match script.byte() % 8 {
        // A request `t` with arguments `{}` and a deadline.
        0 | 1 => [b"\x0a\x01t\x12\x02{}\x18".as_slice(), &[1 + script.byte() % 100]].concat(),
        // A response with the result `{}`.
        2 => b"\x0a\x02{}".to_vec(),
        // An event `t`.
        3 => b"\x0a\x01t\x12\x02{}".to_vec(),
        // Credit: opened by the receiver or not, an id, bytes.
        4 => vec![0x08, script.byte() % 2, 0x10, script.byte() % 24, 0x18, script.byte()],
        // Eight bytes of a heartbeat, and whether it is an echo.
        5 => [b"\x0a\x08".as_slice(), &script.array::<8>(), &[0x10, script.byte() % 2]].concat(),
        6 => Vec::new(),
        _ => script.piece().to_vec(),
    }
}
