//! The session, its socket, and who waits for what.
//!
//! Any thread steps the session under one lock and then writes what it
//! produced ([`Connection::flush`]). The reading thread alone never writes: a
//! host that doesn't read could otherwise stop it from reading. What it
//! produces (echoes, credit) the clock's thread writes.

use crate::arenas::Arenas;
use crate::descriptors::Descriptors;
use crate::host::HostError;
use ioi_plugin::message::{Request, Response};
use ioi_plugin::services::{RETURN, ReturnArguments, Shape};
use ioi_plugin::{
    CallError, CallId, CloseReason, Effect, Effects, IncomingCall, Now, PluginConfig, RequestId, Session,
};
use ioi_types::ErrorCode;
use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

type Answer = Result<Response, HostError>;

#[derive(Debug)]
pub(crate) struct Connection {
    started: Instant,
    state: Mutex<State>,
    /// Work for the workers came, or the session closed.
    work: Condvar,
    /// A call of ours was settled, a tool's call was cancelled, or the session closed.
    settled: Condvar,
    /// The clock should look again.
    clock: Condvar,
    /// The socket to write to, and the buffer that is being written.
    writer: Mutex<(UnixStream, Vec<u8>)>,
    pub(crate) descriptors: Descriptors,
    pub(crate) arenas: Arc<Arenas>,
}

#[derive(Debug)]
struct State {
    session: Session,
    effects: Effects,
    waiting: HashMap<CallId, Waiter>,
    /// Calls of tools that no worker has taken.
    queue: VecDeque<(IncomingCall, Arc<AtomicBool>)>,
    /// Calls of tools that are not answered.
    open: HashMap<RequestId, Arc<AtomicBool>>,
    closed: Option<CloseReason>,
    /// When the clock looks again by itself.
    clock_due_ms: u64,
}

#[derive(Debug)]
struct Waiter {
    answer: SyncSender<Answer>,
    /// The tool's call on whose behalf it was made.
    parent: Option<RequestId>,
}

impl Connection {
    pub(crate) fn new(socket: UnixStream, config: PluginConfig, transfer_prefix: [u8; 8]) -> Arc<Self> {
        let started = Instant::now();
        let mut effects = Effects::new();
        let session = Session::plugin(config, now(started), &mut effects);
        let state = State {
            session,
            effects,
            waiting: HashMap::new(),
            queue: VecDeque::new(),
            open: HashMap::new(),
            closed: None,
            clock_due_ms: 0,
        };
        Arc::new(Self {
            started,
            state: Mutex::new(state),
            work: Condvar::new(),
            settled: Condvar::new(),
            clock: Condvar::new(),
            writer: Mutex::new((socket, Vec::new())),
            descriptors: Descriptors::new(transfer_prefix),
            arenas: Arc::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Now {
        now(self.started)
    }

    /// Milliseconds until `deadline_at_ms`; `None` when it passed.
    pub(crate) fn remaining_ms(&self, deadline_at_ms: u64) -> Option<u32> {
        let left = deadline_at_ms.saturating_sub(self.now().monotonic_ms);
        (left > 0).then(|| u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// Steps the session and hands on what came of it. Returns what `step` returned.
    fn step<T>(&self, state: &mut State, step: impl FnOnce(&mut Session, Now, &mut Effects) -> T) -> T {
        let now = self.now();
        let calls_open = state.session.calls_open();
        let result = step(&mut state.session, now, &mut state.effects);
        // Tools that the end of the session wakes must already see it.
        if state.session.is_closed() {
            state.open.values().for_each(|cancelled| cancelled.store(true, Ordering::Relaxed));
        }
        // Handling an effect may step the session again.
        while !state.effects.list.is_empty() {
            for effect in std::mem::take(&mut state.effects.list) {
                self.handle(state, now, effect);
            }
        }
        // A cancelled call is settled without an effect, so this is asked here.
        if state.session.calls_open() < calls_open {
            self.settled.notify_all();
        }
        result
    }

    fn handle(&self, state: &mut State, now: Now, effect: Effect) {
        match effect {
            Effect::Request(call) => self.enqueue(state, now, call),
            Effect::Response { id, response, body: ioi_plugin::Body::None } => {
                self.settle(state, id, Ok(response))
            }
            Effect::Response { id, .. } => {
                let _ended = state.session.cancel(now, id, &mut state.effects);
                let error = HostError::shape("a body follows, which no service of this version has");
                self.settle(state, id, Err(error));
            }
            Effect::Failed { id, error } => self.settle(state, id, Err(error.into())),
            Effect::Cancelled { id } => self.cancel(state, now, id),
            Effect::Chunk { exchange, bytes, .. } => {
                state.session.consumed(now, exchange, bytes.len(), &mut state.effects);
            }
            Effect::Closed(reason) => self.close(state, reason),
            _ => {}
        }
    }

    fn enqueue(&self, state: &mut State, now: Now, call: IncomingCall) {
        if call.body == ioi_plugin::Body::Chunks {
            let error = CallError::new(ErrorCode::ArgumentInvalid, "tools of this version take no body");
            let _closed = state.session.fail(now, call.id, &error, &mut state.effects);
            return;
        }
        if call.one_way && call.request.name == RETURN {
            // Of another shape it returns nothing.
            return self
                .arenas
                .returned(&ReturnArguments::from_bytes(&call.request.arguments).unwrap_or_default());
        }
        let cancelled = Arc::new(AtomicBool::new(false));
        state.open.insert(call.id, cancelled.clone());
        state.queue.push_back((call, cancelled));
        self.work.notify_one();
    }

    fn settle(&self, state: &mut State, id: CallId, answer: Answer) {
        if let Some(waiter) = state.waiting.remove(&id) {
            // Its receiver may have given up.
            let _given_up = waiter.answer.try_send(answer);
        }
    }

    /// Stops a tool's call and the requests that were made for it.
    fn cancel(&self, state: &mut State, now: Now, id: RequestId) {
        if let Some(cancelled) = state.open.remove(&id) {
            cancelled.store(true, Ordering::Relaxed);
        }
        state.queue.retain(|(call, _)| call.id != id);
        let calls: Vec<CallId> = state
            .waiting
            .iter()
            .filter(|(_, waiter)| waiter.parent == Some(id))
            .map(|(call, _)| *call)
            .collect();
        for call in calls {
            let _settled = state.session.cancel(now, call, &mut state.effects);
            let error = HostError::new(ErrorCode::Cancelled, "the tool's call was cancelled");
            self.settle(state, call, Err(error));
        }
        // Whoever waits to begin another request for it learns of its end.
        self.settled.notify_all();
    }

    fn close(&self, state: &mut State, reason: CloseReason) {
        for cancelled in state.open.drain().map(|(_, cancelled)| cancelled) {
            cancelled.store(true, Ordering::Relaxed);
        }
        state.queue.clear();
        state.waiting.clear();
        state.closed = Some(reason);
        self.work.notify_all();
        self.settled.notify_all();
        self.clock.notify_all();
    }

    /// Writes what is there, in order. Whoever comes second finds nothing left.
    pub(crate) fn flush(&self) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (socket, bytes) = &mut *writer;
        loop {
            bytes.clear();
            std::mem::swap(bytes, &mut self.lock().effects.bytes);
            if bytes.is_empty() {
                return;
            }
            if socket.write_all(bytes).is_err() {
                let _gone = socket.shutdown(Shutdown::Both);
                let mut state = self.lock();
                self.step(&mut state, |session, _, effects| session.ended(effects));
                return;
            }
        }
    }

    /// Reads until the session closes. Runs on the plugin's main thread.
    pub(crate) fn read(&self, mut socket: UnixStream) -> CloseReason {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match socket.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let mut state = self.lock();
            self.step(&mut state, |session, now, effects| match count {
                0 => session.ended(effects),
                _ => session.receive(now, &buffer[..count], effects),
            });
            if let Some(reason) = &state.closed {
                return reason.clone();
            }
            if !state.effects.bytes.is_empty() {
                self.clock.notify_one();
            }
            self.nudge_clock(&state);
        }
    }

    /// Wakes the clock where something is due before it would look by itself.
    fn nudge_clock(&self, state: &State) {
        if state.session.wake_at_ms() < state.clock_due_ms {
            self.clock.notify_one();
        }
    }

    /// Ticks the session and writes what the reading thread produced, until the
    /// session closes; then hangs up.
    pub(crate) fn keep_time(&self) {
        let mut state = self.lock();
        while state.closed.is_none() {
            self.step(&mut state, |session, now, effects| session.tick(now, effects));
            if !state.effects.bytes.is_empty() {
                drop(state);
                self.flush();
                state = self.lock();
                continue;
            }
            state.clock_due_ms = state.session.wake_at_ms();
            let left_ms = state.clock_due_ms.saturating_sub(self.now().monotonic_ms);
            let left = Duration::from_millis(left_ms.clamp(1, 60_000));
            state = self.clock.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        // The last frames: the answer to a Shutdown, or what was wrong. Then the
        // reading thread ends too, whatever it waits for.
        self.flush();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let _gone = writer.0.shutdown(Shutdown::Both);
    }

    /// The next call for a worker; `None` when the session closed.
    pub(crate) fn next_call(&self) -> Option<(IncomingCall, Arc<AtomicBool>)> {
        let mut state = self.lock();
        loop {
            if state.closed.is_some() {
                return None;
            }
            if let Some(call) = state.queue.pop_front() {
                return Some(call);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Answers a tool's call, and says whether the answer goes out. A call that ended meanwhile
    /// needs none.
    pub(crate) fn answer(&self, call: &IncomingCall, answer: &Result<Response, CallError>) -> bool {
        let mut state = self.lock();
        state.open.remove(&call.id);
        let mut is_sent = false;
        if !call.one_way {
            is_sent = self.step(&mut state, |session, now, effects| {
                let sent = match answer {
                    Ok(response) => session.respond(now, call.id, response, effects),
                    Err(error) => session.fail(now, call.id, error, effects),
                };
                if let Err(
                    refused @ (ioi_plugin::CommandError::Invalid(_)
                    | ioi_plugin::CommandError::TooLong { .. }),
                ) = &sent
                {
                    let error = CallError::new(
                        ErrorCode::PluginFailed,
                        format!("the tool's answer can't be sent: {refused}"),
                    );
                    let _ended = session.fail(now, call.id, &error, effects);
                }
                sent.is_ok()
            });
        }
        drop(state);
        self.flush();
        is_sent
    }

    /// Begins a request for a tool's call, waiting while as many as agreed are open.
    pub(crate) fn start(
        self: &Arc<Self>,
        request: &Request,
        parent: RequestId,
    ) -> Result<Pending, HostError> {
        self.begin(request, Some(parent))
    }

    /// Begins a request that outlives the call it was made in.
    pub(crate) fn start_alone(self: &Arc<Self>, request: &Request) -> Result<Pending, HostError> {
        self.begin(request, None)
    }

    fn begin(self: &Arc<Self>, request: &Request, parent: Option<RequestId>) -> Result<Pending, HostError> {
        let mut state = self.lock();
        let id = loop {
            if parent.is_some_and(|parent| !state.open.contains_key(&parent)) && state.closed.is_none() {
                return Err(HostError::new(ErrorCode::Cancelled, "the tool's call was cancelled"));
            }
            match self.step(&mut state, |session, now, effects| session.call(now, request, effects)) {
                Ok(id) => break id,
                Err(ioi_plugin::CommandError::CallsInFlight { .. }) => {
                    state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Err(error) => return Err(error.into()),
            }
        };
        let (answer, receiver) = sync_channel(1);
        state.waiting.insert(id, Waiter { answer, parent });
        self.nudge_clock(&state);
        drop(state);
        self.flush();
        Ok(Pending { id, receiver: Some(receiver), connection: self.clone() })
    }

    fn give_up(&self, id: CallId) {
        let mut state = self.lock();
        if state.waiting.remove(&id).is_some() {
            let _settled = self.step(&mut state, |session, now, effects| session.cancel(now, id, effects));
        }
        drop(state);
        self.flush();
    }
}

fn now(started: Instant) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        monotonic_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        unix_ns: u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX),
    }
}

/// A request under way. Dropped unawaited, it is cancelled.
#[derive(Debug)]
pub(crate) struct Pending {
    id: CallId,
    receiver: Option<Receiver<Answer>>,
    connection: Arc<Connection>,
}

impl Pending {
    pub(crate) fn wait(mut self) -> Answer {
        self.wait_once()
    }

    /// Waits; the session ends it at its deadline, with the call, or when the host is gone.
    pub(crate) fn wait_once(&mut self) -> Answer {
        let gone = || HostError::new(ErrorCode::NodeGone, "the host is gone");
        let receiver = self.receiver.take().ok_or_else(gone)?;
        receiver.recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.receiver.is_some() {
            self.connection.give_up(self.id);
        }
    }
}
