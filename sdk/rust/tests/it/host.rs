//! A host in the test's own thread; the plugin runs in threads beside it.

use ioi_plugin::message::{Request, Response};
use ioi_plugin::services::Shape;
use ioi_plugin::{
    CallError, CallId, Effect, Effects, HostConfig, IncomingCall, Limits, Now, RequestId, Session,
};
use ioi_sdk::{Plugin, Value};
use ioi_shm::DescriptorChannel;
use std::io::{Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Far beyond what any step takes; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than that, so that no deadline does what something else should have done.
const CALL_MS: u32 = 60_000;

pub(crate) struct TestHost {
    session: Session,
    effects: Effects,
    frames: UnixStream,
    pub(crate) descriptors: Option<DescriptorChannel>,
    started: Instant,
    seen: Vec<Effect>,
}

/// The two ends that a plugin gets.
pub(crate) type Ends = (OwnedFd, OwnedFd);

impl TestHost {
    /// A host and the ends for its plugin, before the handshake.
    pub(crate) fn pair(limits: Limits) -> (Self, Ends) {
        let (frames, plugin_frames) = UnixStream::pair().unwrap();
        let (descriptors, plugin_descriptors) = DescriptorChannel::pair().unwrap();
        frames.set_read_timeout(Some(PATIENCE)).unwrap();
        let config = HostConfig { limits, ..HostConfig::new(7, [1; 32]) };
        let host = Self {
            session: Session::host(config, Now::default()),
            effects: Effects::new(),
            frames,
            descriptors: Some(descriptors),
            started: Instant::now(),
            seen: Vec::new(),
        };
        (host, (plugin_frames.into(), plugin_descriptors.into()))
    }

    /// Starts `plugin` in a thread and waits for its handshake.
    pub(crate) fn start(plugin: Plugin) -> (Self, JoinHandle<ExitCode>) {
        Self::start_with(plugin, Limits::default())
    }

    pub(crate) fn start_with(plugin: Plugin, limits: Limits) -> (Self, JoinHandle<ExitCode>) {
        let (mut host, (frames, descriptors)) = Self::pair(limits);
        let thread = thread::spawn(move || plugin.run_on(frames, descriptors));
        host.until(|effect| matches!(effect, Effect::Ready(_)).then_some(()));
        (host, thread)
    }

    fn now(&self) -> Now {
        Now { monotonic_ms: self.started.elapsed().as_millis() as u64, unix_ns: 0 }
    }

    pub(crate) fn step<T>(&mut self, step: impl FnOnce(&mut Session, Now, &mut Effects) -> T) -> T {
        let now = self.now();
        let result = step(&mut self.session, now, &mut self.effects);
        let _gone = self.frames.write_all(&self.effects.take_bytes());
        self.seen.append(&mut self.effects.list);
        result
    }

    /// Reads once.
    pub(crate) fn pump(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        match self.frames.read(&mut buffer) {
            Ok(0) => self.step(|session, _, effects| session.ended(effects)),
            Ok(count) => self.step(|session, now, effects| session.receive(now, &buffer[..count], effects)),
            Err(error) => panic!("the plugin hangs ({error}): {:?}", self.seen),
        }
    }

    /// Reads until an effect is wanted. Effects before it are kept for later.
    pub(crate) fn until<T>(&mut self, wanted: impl Fn(&Effect) -> Option<T>) -> T {
        // Heartbeats keep coming from a plugin that does nothing else.
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "the plugin hangs: {:?}", self.seen);
            let found = self.seen.iter().enumerate().find_map(|(at, effect)| Some((at, wanted(effect)?)));
            if let Some((index, found)) = found {
                self.seen.remove(index);
                return found;
            }
            assert!(!self.session.is_closed(), "closed first: {:?}", self.seen);
            self.pump();
        }
    }

    /// Sends bytes that no session would.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.frames.write_all(bytes).unwrap();
    }

    /// Sends the heartbeat that is due next, as if its time had come, and reads until its echo has.
    pub(crate) fn beat_and_wait(&mut self) {
        let now = Now { monotonic_ms: self.session.wake_at_ms(), unix_ns: 0 };
        self.step(|session, _, effects| session.tick(now, effects));
        assert!(!self.session.is_closed(), "{:?}", self.seen);
        let frames = self.session.counters().frames_received;
        while self.session.counters().frames_received == frames {
            self.pump();
        }
    }

    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> CallId {
        let request = Request {
            correlation_id: vec![9; 16],
            traceparent: "00-trace".into(),
            ..Request::new(tool, arguments.to_bytes(), CALL_MS)
        };
        self.step(|session, now, effects| session.call(now, &request, effects)).unwrap()
    }

    /// The end of a call.
    pub(crate) fn answer(&mut self, id: CallId) -> Result<Response, CallError> {
        self.until(|effect| match effect {
            Effect::Response { id: answered, response, .. } if *answered == id => Some(Ok(response.clone())),
            Effect::Failed { id: failed, error } if *failed == id => Some(Err(error.clone())),
            _ => None,
        })
    }

    pub(crate) fn result(&mut self, id: CallId) -> Value {
        let response = self.answer(id).unwrap();
        ioi_canon::parse(&response.result, ioi_canon::Limits::default()).unwrap()
    }

    /// The next request of the plugin.
    pub(crate) fn asked(&mut self, service: &str) -> IncomingCall {
        self.until(|effect| match effect {
            Effect::Request(call) if call.request.name == service => Some(call.clone()),
            _ => None,
        })
    }

    /// The plugin's next request for a service, or `None` once a call of ours was answered, which
    /// is left to be looked at.
    pub(crate) fn asked_or_answered(&mut self, service: &str, id: CallId) -> Option<IncomingCall> {
        loop {
            let found = self.seen.iter().position(|effect| match effect {
                Effect::Request(call) => call.request.name == service,
                Effect::Response { id: ended, .. } | Effect::Failed { id: ended, .. } => *ended == id,
                _ => false,
            });
            match found.map(|at| (at, &self.seen[at])) {
                Some((at, Effect::Request(_))) => {
                    let Effect::Request(call) = self.seen.remove(at) else { unreachable!() };
                    return Some(call);
                }
                Some(_) => return None,
                None => self.pump(),
            }
        }
    }

    /// Reads until the plugin has said something that was not looked at yet.
    pub(crate) fn until_any(&mut self) {
        while self.seen.is_empty() {
            self.pump();
        }
    }

    pub(crate) fn respond(&mut self, id: RequestId, answer: &impl Shape) {
        let response = Response::new(answer.to_bytes());
        self.step(|session, now, effects| session.respond(now, id, &response, effects)).unwrap();
    }

    pub(crate) fn refuse(&mut self, id: RequestId, error: &CallError) {
        self.step(|session, now, effects| session.fail(now, id, error, effects)).unwrap();
    }

    /// Sends a descriptor under the id that the request chose.
    pub(crate) fn hand_over(&self, call: &IncomingCall, descriptor: BorrowedFd<'_>) {
        let id = call.request.transfer().unwrap();
        self.descriptors.as_ref().unwrap().send(id.0, descriptor).unwrap();
    }

    pub(crate) fn shut_down(&mut self, deadline_ms: u32) {
        self.step(|session, now, effects| session.shutdown(now, deadline_ms, "test", effects)).unwrap();
    }
}

/// What the plugin's `run` returned.
pub(crate) fn code(thread: JoinHandle<ExitCode>) -> String {
    format!("{:?}", thread.join().unwrap())
}

pub(crate) fn exit(code: u8) -> String {
    format!("{:?}", ExitCode::from(code))
}
