//! The connection to one plugin: drives the protocol's state machine over its socket.
//!
//! One task owns the session and the socket. Everybody else holds a [`Link`]
//! and talks to that task over a bounded channel, so a plugin that floods or
//! stalls holds up nobody but itself.

use crate::failure::Failure;
use futures::future::BoxFuture;
use ioi_plugin::message::{Request, Response};
use ioi_plugin::{CallError, CallId, CloseReason, Effect, Effects, HostConfig, Now, RequestId, Session};
use ioi_types::ErrorCode;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

/// What answers the plugin's own calls.
pub(crate) trait Services: Send + Sync + 'static {
    /// Answers one call. It is carried to its end even where the plugin has
    /// cancelled it, so that nothing is left open and every intent has its outcome.
    fn call(self: Arc<Self>, request: Request) -> BoxFuture<'static, Result<Response, CallError>>;
}

type Answer = oneshot::Sender<Result<Response, CallError>>;

enum Command {
    Call(Request, Answer),
    Tell(Request),
    Answer(RequestId, Result<Response, CallError>),
    Shutdown { deadline_ms: u32 },
}

/// A handle to a plugin's connection.
#[derive(Clone)]
pub(crate) struct Link {
    commands: mpsc::Sender<Command>,
}

const COMMANDS_QUEUED_MAX: usize = 256;
const READ_BYTES: usize = 64 * 1024;
/// Calls of the plugin that are carried out at once, cancelled ones included.
const WORKING_MAX: usize = 512;
/// How long a plugin may take to finish.
const SHUTDOWN_MS: u32 = 300;
/// A plugin that takes nothing for this long is stopped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

fn gone(message: impl Into<String>) -> CallError {
    CallError::new(ErrorCode::PluginGone, message)
}

impl Link {
    /// Starts the connection's task; returns once the handshake has ended.
    ///
    /// # Errors
    /// `plugin.gone` with the reason when it does not end well.
    pub(crate) async fn start<S: Services>(
        socket: OwnedFd,
        services: Arc<S>,
        heartbeat_ms: u32,
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::new(ErrorCode::PluginGone, format!("the plugin's socket failed: {error}"))
        };
        let socket = std::os::unix::net::UnixStream::from(socket);
        socket.set_nonblocking(true).map_err(failed)?;
        let socket = UnixStream::from_std(socket).map_err(failed)?;
        let (commands, inbox) = mpsc::channel(COMMANDS_QUEUED_MAX);
        let (ready, is_ready) = oneshot::channel();
        let driver = Driver::new(services, commands.downgrade(), ready, heartbeat_ms)?;
        tokio::spawn(driver.run(socket, inbox));
        match is_ready.await {
            Ok(Ok(())) => Ok(Self { commands }),
            Ok(Err(reason)) => Err(Failure::new(ErrorCode::PluginGone, reason)),
            Err(_) => Err(Failure::new(ErrorCode::PluginGone, "the plugin ended before its handshake did")),
        }
    }

    /// Calls a tool. The deadline is the request's own.
    ///
    /// # Errors
    /// The plugin's error, or `plugin.gone`.
    pub(crate) async fn call(&self, request: Request) -> Result<Response, CallError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.commands.send(Command::Call(request, answer)).await;
        sent.map_err(|_| gone("the plugin has ended"))?;
        answered.await.unwrap_or_else(|_| Err(gone("the plugin ended with this call in flight")))
    }

    /// Calls without wanting an answer. A plugin that is gone needs none of it.
    pub(crate) async fn tell(&self, request: Request) {
        let _ = self.commands.send(Command::Tell(request)).await;
    }

    /// Asks the plugin to finish, and waits until it has or its time is over.
    pub(crate) async fn shut_down(self) {
        // An error means that it is gone, which is what was asked for.
        let _ = self.commands.send(Command::Shutdown { deadline_ms: SHUTDOWN_MS }).await;
        let grace = Duration::from_millis(u64::from(SHUTDOWN_MS) + 100);
        let _ = tokio::time::timeout(grace, self.commands.closed()).await;
    }
}

struct Driver<S> {
    session: Session,
    effects: Effects,
    services: Arc<S>,
    started: Instant,
    /// Weak, so that the channel closes when the last [`Link`] is dropped.
    commands: mpsc::WeakSender<Command>,
    calls: HashMap<CallId, Answer>,
    /// Calls of the plugin that are being carried out.
    working: usize,
    /// A failure that the session can't go on after.
    fatal: Option<CallError>,
    ready: Option<oneshot::Sender<Result<(), String>>>,
    closed: Option<CloseReason>,
}

impl<S: Services> Driver<S> {
    fn new(
        services: Arc<S>,
        commands: mpsc::WeakSender<Command>,
        ready: oneshot::Sender<Result<(), String>>,
        heartbeat_ms: u32,
    ) -> Result<Self, Failure> {
        let random = |bytes: &mut [u8]| {
            getrandom::fill(bytes).map_err(|error| Failure::internal(format!("no random bytes: {error}")))
        };
        let (mut id, mut nonce) = ([0; 8], [0; 32]);
        random(&mut id)?;
        random(&mut nonce)?;
        let id = u64::from_le_bytes(id).max(1);
        let started = Instant::now();
        let mut config = HostConfig::new(id, nonce);
        config.limits.heartbeat_interval_ms = heartbeat_ms;
        Ok(Self {
            session: Session::host(config, now(started)),
            effects: Effects::new(),
            services,
            started,
            commands,
            calls: HashMap::new(),
            working: 0,
            fatal: None,
            ready: Some(ready),
            closed: None,
        })
    }

    async fn run(mut self, socket: UnixStream, mut inbox: mpsc::Receiver<Command>) {
        let (mut reader, mut writer) = socket.into_split();
        let mut buffer = vec![0; READ_BYTES];
        while self.closed.is_none() {
            let wake = self.started + Duration::from_millis(self.session.wake_at_ms().min(1 << 40));
            tokio::select! {
                read = read(&mut reader, &mut buffer) => match read {
                    Some(bytes) => self.session.receive(now(self.started), bytes, &mut self.effects),
                    None => self.session.ended(&mut self.effects),
                },
                command = inbox.recv() => match command {
                    Some(command) => self.command(command),
                    None => self.session.close(now(self.started), ErrorCode::Cancelled, "the host is done", &mut self.effects),
                },
                () = tokio::time::sleep_until(wake.into()) => self.session.tick(now(self.started), &mut self.effects),
            }
            self.handle_effects();
            if !self.flush(&mut writer).await {
                self.session.ended(&mut self.effects);
                self.handle_effects();
            }
        }
        self.finish();
    }

    fn command(&mut self, command: Command) {
        let now = now(self.started);
        match command {
            Command::Call(request, answer) => match self.session.call(now, &request, &mut self.effects) {
                Ok(id) => drop(self.calls.insert(id, answer)),
                Err(error) => {
                    drop(answer.send(Err(CallError::new(ErrorCode::QuotaCalls, error.to_string()))))
                }
            },
            // What can't be told now is nothing to a plugin that ends.
            Command::Tell(request) => {
                let _ = self.session.call_one_way(now, &request, &mut self.effects);
            }
            Command::Answer(id, result) => self.answered(now, id, result),
            Command::Shutdown { deadline_ms } => {
                let asked = self.session.shutdown(now, deadline_ms, "the session ends", &mut self.effects);
                if asked.is_err() {
                    self.session.close(now, ErrorCode::Cancelled, "the session ends", &mut self.effects);
                }
            }
        }
    }

    /// A call of the plugin was carried out.
    fn answered(&mut self, now: Now, id: RequestId, result: Result<Response, CallError>) {
        self.working -= 1;
        if let Some(error) = result.as_ref().err().filter(|error| is_fatal(error)) {
            self.fatal.get_or_insert_with(|| error.clone());
            return self.session.close(now, ErrorCode::QuotaAudit, &error.message, &mut self.effects);
        }
        let sent = match result {
            Ok(response) => self.session.respond(now, id, &response, &mut self.effects),
            Err(error) => self.session.fail(now, id, &error, &mut self.effects),
        };
        // An answer that can't be sent is said to be one. Where that fails
        // too the plugin has cancelled in the meantime, and nobody waits.
        if let Err(error) = sent {
            let error = CallError::new(ErrorCode::Internal, format!("the answer can't be sent: {error}"));
            let _ = self.session.fail(now, id, &error, &mut self.effects);
        }
    }

    fn handle_effects(&mut self) {
        for effect in std::mem::take(&mut self.effects.list) {
            match effect {
                Effect::Ready(_) => self.report_ready(Ok(())),
                // Nothing of ours is called one way; such calls have no bound, so they are dropped.
                Effect::Request(call) if call.one_way => {}
                Effect::Request(call) => self.serve(call.id, call.request),
                Effect::Response { id, response, .. } => self.answer(id, Ok(response)),
                Effect::Failed { id, error } => self.answer(id, Err(error)),
                Effect::Chunk { exchange, bytes, .. } => {
                    // No tool streams yet; its credit is given back so that nothing stalls.
                    self.session.consumed(now(self.started), exchange, bytes.len(), &mut self.effects);
                }
                Effect::Closed(reason) => self.closed = Some(reason),
                _ => {}
            }
        }
    }

    fn serve(&mut self, id: RequestId, request: Request) {
        if self.working >= WORKING_MAX {
            let message =
                format!("{WORKING_MAX} calls are being carried out, cancelled ones included; wait for some");
            let error = CallError::new(ErrorCode::QuotaCalls, message);
            // An error: the plugin has cancelled it in the meantime, and nobody waits.
            let _ = self.session.fail(now(self.started), id, &error, &mut self.effects);
            return;
        }
        self.working += 1;
        let work = Arc::clone(&self.services).call(request);
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let result = work.await;
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::Answer(id, result)).await;
            }
        });
    }

    fn answer(&mut self, id: CallId, result: Result<Response, CallError>) {
        if let Some(answer) = self.calls.remove(&id) {
            let _ = answer.send(result.map_err(|error| self.fatal.clone().unwrap_or(error)));
        }
    }

    fn report_ready(&mut self, result: Result<(), String>) {
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(result);
        }
    }

    /// Writes what the session wants sent; false when the plugin takes nothing any more.
    async fn flush(&mut self, writer: &mut OwnedWriteHalf) -> bool {
        if self.effects.bytes.is_empty() {
            return true;
        }
        let bytes = self.effects.take_bytes();
        matches!(tokio::time::timeout(WRITE_TIMEOUT, writer.write_all(&bytes)).await, Ok(Ok(())))
    }

    fn finish(mut self) {
        let reason = self.closed.take().map_or_else(|| "unknown".to_owned(), |reason| reason.to_string());
        self.report_ready(Err(format!("the plugin's handshake failed: {reason}")));
        for (_, answer) in self.calls.drain() {
            let _ = answer.send(Err(gone(format!("the plugin's connection is closed: {reason}"))));
        }
    }
}

/// No call can succeed after it, so the plugin is not asked to go on.
fn is_fatal(error: &CallError) -> bool {
    error.code() == Some(ErrorCode::QuotaAudit)
}

/// The bytes that came; `None` at the end.
async fn read<'a>(reader: &mut OwnedReadHalf, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    match reader.read(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(length) => Some(&buffer[..length]),
    }
}

fn now(started: Instant) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        monotonic_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        unix_ns: u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests;
