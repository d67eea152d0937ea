//! Two sessions over a lossless pipe that delivers any number of bytes at any
//! time, against a simple model: every call ends exactly once, the way its
//! answerer or its caller ended it, and every body arrives whole and in order.

use crate::support::{at, ready_with, request};
use ioi_plugin::message::{Request, Response};
use ioi_plugin::{
    Body, CallError, CallId, CommandError, Effect, Effects, Exchange, IncomingCall, Limits, RequestId,
    Session,
};
use ioi_types::ErrorCode;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
enum Step {
    Call { body: bool },
    Answer { pick: usize, body: bool },
    Fail { pick: usize },
    Cancel { pick: usize },
    SendChunk { pick: usize, bytes: usize, last: bool },
    Consume { count: usize },
    Event,
    Deliver { bytes: usize },
    Pass { ms: u64 },
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(|body| Step::Call { body }),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(pick, body)| Step::Answer { pick, body }),
        1 => any::<usize>().prop_map(|pick| Step::Fail { pick }),
        2 => any::<usize>().prop_map(|pick| Step::Cancel { pick }),
        6 => (any::<usize>(), 0..70_000_usize, prop::bool::weighted(0.3))
            .prop_map(|(pick, bytes, last)| Step::SendChunk { pick, bytes, last }),
        3 => (0..8_usize).prop_map(|count| Step::Consume { count }),
        1 => Just(Step::Event),
        12 => (0..300_000_usize).prop_map(|bytes| Step::Deliver { bytes }),
        1 => (0..1200_u64).prop_map(|ms| Step::Pass { ms }),
    ];
    proptest::collection::vec((any::<bool>(), step), 0..160)
}

/// How a call ended at its caller.
#[derive(Clone, Debug, PartialEq)]
enum End {
    Answered(Vec<u8>),
    Failed(u32),
    Cancelled,
}

/// A body: what was sent into it and what came out, by its position in an endless pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Pipe {
    sent: usize,
    came: usize,
    sent_last: bool,
    came_last: bool,
}

struct Side {
    session: Session,
    effects: Effects,
    /// On their way to the other side.
    wire: Vec<u8>,
    ends: BTreeMap<CallId, End>,
    /// Answers of ours whose body is still coming in.
    halves: BTreeMap<CallId, Vec<u8>>,
    calls: Vec<CallId>,
    open: Vec<IncomingCall>,
    /// Bodies that this side sends, and those that come in, by exchange.
    sending: Vec<Exchange>,
    unconsumed: Vec<(Exchange, usize)>,
    /// What this side answered.
    answered: BTreeMap<RequestId, End>,
    events_sent: u64,
    events_came: u64,
}

struct World {
    sides: [Side; 2],
    now_ms: u64,
    /// Bodies by (the side that opened the exchange, its id, whether it is the request's).
    pipes: BTreeMap<(usize, u64, bool), Pipe>,
}

fn pattern(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|index| (index % 251) as u8).collect()
}

impl World {
    fn new() -> Self {
        let limits = Limits {
            calls_max: 6,
            payload_bytes_max: 64 * 1024,
            heartbeat_interval_ms: 600_000,
            ..Limits::default()
        };
        let (host, plugin) = ready_with(limits);
        let side = |session| Side {
            session,
            effects: Effects::new(),
            wire: Vec::new(),
            ends: BTreeMap::new(),
            halves: BTreeMap::new(),
            calls: Vec::new(),
            open: Vec::new(),
            sending: Vec::new(),
            unconsumed: Vec::new(),
            answered: BTreeMap::new(),
            events_sent: 0,
            events_came: 0,
        };
        Self { sides: [side(host), side(plugin)], now_ms: 0, pipes: BTreeMap::new() }
    }

    fn pipe(&mut self, side: usize, exchange: Exchange, outgoing: bool) -> &mut Pipe {
        let (opener, id, request) = match exchange {
            Exchange::Mine(id) => (side, id.0, outgoing),
            Exchange::Theirs(id) => (1 - side, id.0, !outgoing),
        };
        self.pipes.entry((opener, id, request)).or_default()
    }

    fn step(&mut self, index: usize, step: Step) {
        let now = at(self.now_ms);
        let side = &mut self.sides[index];
        match step {
            Step::Call { body } => {
                let request = Request { deadline_ms: 2_000, ..request("t") };
                let result = match body {
                    true => side.session.call_with_body(now, &request, &mut side.effects),
                    false => side.session.call(now, &request, &mut side.effects),
                };
                match result {
                    Ok(id) => {
                        side.calls.push(id);
                        if body {
                            side.sending.push(id.into());
                        }
                    }
                    Err(CommandError::CallsInFlight { .. }) => assert_eq!(side.session.calls_open(), 6),
                    Err(error) => assert!(matches!(error, CommandError::NoCredit { .. }), "{error}"),
                }
            }
            Step::Answer { pick, body } => {
                if side.open.is_empty() {
                    return;
                }
                let call = side.open.remove(pick % side.open.len());
                let text = format!("{{\"id\":{}}}", call.id.0).into_bytes();
                let response = Response::new(text.clone());
                let result = match body {
                    true => side.session.respond_with_body(now, call.id, &response, &mut side.effects),
                    false => side.session.respond(now, call.id, &response, &mut side.effects),
                };
                if matches!(result, Err(CommandError::NoCredit { .. })) {
                    return side.open.push(call);
                }
                result.unwrap();
                side.answered.insert(call.id, End::Answered(text));
                if body {
                    side.sending.push(call.id.into());
                }
            }
            Step::Fail { pick } => {
                if side.open.is_empty() {
                    return;
                }
                let call = side.open.remove(pick % side.open.len());
                let error = CallError::new(ErrorCode::PluginFailed, "x");
                side.session.fail(now, call.id, &error, &mut side.effects).unwrap();
                side.answered.insert(call.id, End::Failed(error.number));
            }
            Step::Cancel { pick } => {
                let waiting: Vec<CallId> =
                    side.calls.iter().filter(|id| !side.ends.contains_key(id)).copied().collect();
                if let Some(id) = waiting.get(pick % waiting.len().max(1)) {
                    side.session.cancel(now, *id, &mut side.effects).unwrap();
                    side.ends.insert(*id, End::Cancelled);
                    side.sending.retain(|exchange| *exchange != Exchange::Mine(*id));
                }
            }
            Step::SendChunk { pick, bytes, last } => self.send_chunk(index, pick, bytes, last),
            Step::Consume { count } => {
                for (exchange, bytes) in side.unconsumed.drain(..count.min(side.unconsumed.len())) {
                    side.session.consumed(now, exchange, bytes, &mut side.effects);
                }
            }
            Step::Event => {
                let event = ioi_plugin::message::Event {
                    topic: "t".into(),
                    body: b"1".to_vec(),
                    lost: side.events_sent,
                };
                side.session.event(now, &event, &mut side.effects).unwrap();
                side.events_sent += 1;
            }
            Step::Deliver { bytes } => {
                let taken: Vec<u8> = side.wire.drain(..bytes.min(side.wire.len())).collect();
                let other = &mut self.sides[1 - index];
                other.session.receive(now, &taken, &mut other.effects);
                self.collect(1 - index);
            }
            Step::Pass { ms } => {
                self.now_ms += ms;
                for index in 0..2 {
                    let side = &mut self.sides[index];
                    side.session.tick(at(self.now_ms), &mut side.effects);
                    self.collect(index);
                }
            }
        }
        self.collect(index);
    }

    fn send_chunk(&mut self, index: usize, pick: usize, bytes: usize, last: bool) {
        let side = &self.sides[index];
        if side.sending.is_empty() {
            return;
        }
        let exchange = side.sending[pick % side.sending.len()];
        let max = side.session.chunk_bytes_max(exchange);
        let count = bytes.min(max);
        let from = self.pipe(index, exchange, true).sent;
        let side = &mut self.sides[index];
        let result =
            side.session.chunk(at(self.now_ms), exchange, &pattern(from, count), last, &mut side.effects);
        match result {
            Ok(()) => {
                if last {
                    side.sending.retain(|other| *other != exchange);
                }
                let pipe = self.pipe(index, exchange, true);
                pipe.sent += count;
                pipe.sent_last = last;
            }
            Err(error) => assert!(matches!(error, CommandError::NoCredit { .. }) && count == 0, "{error}"),
        }
    }

    fn collect(&mut self, index: usize) {
        let side = &mut self.sides[index];
        side.wire.append(&mut side.effects.bytes);
        for effect in std::mem::take(&mut self.sides[index].effects.list) {
            self.happened(index, effect);
        }
    }

    fn happened(&mut self, index: usize, effect: Effect) {
        let side = &mut self.sides[index];
        match effect {
            Effect::Request(call) => side.open.push(call),
            Effect::Response { id, response, body: Body::None } => {
                side.end(id, End::Answered(response.result))
            }
            Effect::Response { id, response, body: Body::Chunks } => {
                assert!(side.halves.insert(id, response.result).is_none());
            }
            Effect::Failed { id, error } => side.end(id, End::Failed(error.number)),
            Effect::Cancelled { id } => {
                side.open.retain(|call| call.id != id);
                side.sending.retain(|exchange| *exchange != Exchange::Theirs(id));
            }
            Effect::Chunk { exchange, bytes, last } => {
                side.unconsumed.push((exchange, bytes.len()));
                if let (true, Exchange::Mine(id)) = (last, exchange) {
                    let answer = side.halves.remove(&id).unwrap();
                    side.end(id, End::Answered(answer));
                }
                let pipe = self.pipe(index, exchange, false);
                assert_eq!(bytes, pattern(pipe.came, bytes.len()), "in order and whole");
                assert!(!pipe.came_last, "nothing after the last");
                pipe.came += bytes.len();
                pipe.came_last = last;
            }
            Effect::Event(event) => {
                assert_eq!(event.lost, side.events_came, "in order");
                side.events_came += 1;
            }
            Effect::Writable { .. } => {}
            other => panic!("no session ends here: {other:?}"),
        }
    }

    /// Delivers, answers and consumes until nothing moves any more.
    fn settle(&mut self) {
        while self.sides.iter().any(Side::is_busy) {
            for index in 0..2 {
                self.step(index, Step::Deliver { bytes: usize::MAX });
                self.step(index, Step::Consume { count: usize::MAX });
                self.step(index, Step::Answer { pick: 0, body: false });
                self.step(index, Step::SendChunk { pick: 0, bytes: 0, last: true });
            }
        }
    }

    fn check(&self) {
        for (index, side) in self.sides.iter().enumerate() {
            let other = &self.sides[1 - index];
            assert!(side.session.is_ready(), "two sides that keep to the rules never close");
            assert_eq!((side.session.calls_open(), side.session.requests_open()), (0, 0));
            assert_eq!(side.events_sent, other.events_came);
            assert_eq!(side.ends.len(), side.calls.len(), "every call ended");
            for id in &side.calls {
                let there = other.answered.get(&RequestId(id.0));
                match &side.ends[id] {
                    End::Cancelled => {}
                    End::Failed(code) if *code == ErrorCode::DeadlineExceeded.number() => {}
                    end => assert_eq!(Some(end), there, "{id:?} ended as its answerer said"),
                }
            }
        }
        for (key @ (opener, id, _), pipe) in &self.pipes {
            assert!(pipe.came <= pipe.sent, "{key:?}");
            let whole = matches!(self.sides[*opener].ends.get(&CallId(*id)), Some(End::Answered(_)))
                && pipe.sent_last;
            let response = !key.2;
            if whole && response {
                assert_eq!((pipe.came, pipe.came_last), (pipe.sent, true), "{key:?} arrived whole");
            }
        }
    }
}

impl Side {
    fn is_busy(&self) -> bool {
        let moving = !(self.wire.is_empty() && self.unconsumed.is_empty());
        moving || !self.open.is_empty() || !self.sending.is_empty()
    }

    fn end(&mut self, id: CallId, end: End) {
        self.halves.remove(&id);
        // What is still sent of the request's body stops with the answer.
        self.sending.retain(|exchange| *exchange != Exchange::Mine(id));
        assert!(self.ends.insert(id, end).is_none(), "{id:?} ended twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_ends_every_call_once_and_every_body_whole(steps in steps()) {
        let mut world = World::new();
        for (host, step) in steps {
            world.step(usize::from(host), step);
        }
        world.settle();
        world.check();
    }
}
