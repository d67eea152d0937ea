//! What a tool may ask its host for. Every request passes the host's policy.

use crate::arenas::Filling;
use crate::buffer::{Buffer, at_least};
use crate::connection::{Connection, Pending};
use crate::file::{File, OpenMany};
use ioi_plugin::message::Request;
use ioi_plugin::services::{
    ALLOC, ARENA, AllocAnswer, AllocArguments, LIST, ListArguments, Page, READ, ReadAnswer, ReadArguments,
    Shape,
};
use ioi_plugin::{CallError, CommandError, IncomingCall};
use ioi_types::{ErrorCode, TransferId};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

/// The host refused, or could not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct HostError {
    /// The stable code; `internal` for one that this version does not know (the message begins with its name).
    pub code: ErrorCode,
    /// One plain sentence. A refusal by the policy names the rule.
    pub message: String,
}

impl HostError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// An answer that is not of the service's shape.
    pub(crate) fn shape(error: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::Internal, format!("the host's answer has another shape: {error}"))
    }

    pub(crate) fn io(what: &str, error: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::Internal, format!("{what}: {error}"))
    }
}

impl From<CallError> for HostError {
    fn from(error: CallError) -> Self {
        match error.code() {
            Some(code) => Self::new(code, error.message),
            None => Self::new(ErrorCode::Internal, format!("{}: {}", error.name, error.message)),
        }
    }
}

impl From<CommandError> for HostError {
    fn from(error: CommandError) -> Self {
        let code = match error {
            CommandError::Closed | CommandError::NotReady => ErrorCode::NodeGone,
            CommandError::ShuttingDown => ErrorCode::Cancelled,
            CommandError::CallsInFlight { .. } => ErrorCode::QuotaCalls,
            CommandError::Invalid(_) | CommandError::TooLong { .. } => ErrorCode::ArgumentInvalid,
            _ => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

/// The host, as one call sees it.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    connection: &'a Arc<Connection>,
    call: &'a IncomingCall,
}

impl<'a> Host<'a> {
    pub(crate) const fn new(connection: &'a Arc<Connection>, call: &'a IncomingCall) -> Self {
        Self { connection, call }
    }

    /// Begins a request; several may be under way at once. It ends with this call.
    pub(crate) fn start(
        &self,
        service: &str,
        arguments: Vec<u8>,
        transfer: Option<TransferId>,
    ) -> Result<Pending, HostError> {
        let deadline_ms = self.connection.remaining_ms(self.call.deadline_at_ms);
        let deadline_ms = deadline_ms
            .ok_or_else(|| HostError::new(ErrorCode::DeadlineExceeded, "the call's deadline passed"))?;
        let request = Request {
            traceparent: self.call.request.traceparent.clone(),
            correlation_id: self.call.request.correlation_id.clone(),
            transfer_id: transfer.map(|id| id.0.to_vec()).unwrap_or_default(),
            ..Request::new(service, arguments, deadline_ms)
        };
        self.connection.start(&request, self.call.id)
    }

    /// One page of a folder, in byte order of names.
    ///
    /// `root` numbers the folders that the user named, `path` lies beneath it
    /// (empty: the root itself), `cursor` is the last page's `next`.
    ///
    /// # Errors
    /// Those of the host: `policy.denied`, `path.missing`, `path.outside`, …
    pub fn list(&self, root: u32, path: &[u8], cursor: Option<u64>) -> Result<Page, HostError> {
        let arguments = ListArguments { root, path: path.to_vec(), cursor };
        let response = self.start(LIST, arguments.to_bytes(), None)?.wait()?;
        Page::from_bytes(&response.result).map_err(HostError::shape)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Those of the host, and `transfer.unknown` when no descriptor came.
    pub fn open(&self, root: u32, path: &[u8]) -> Result<File, HostError> {
        self.start_open(root, path)?.wait()
    }

    /// Opens files with several requests under way at once; the results come in
    /// the order of `paths`. At most 16 files wait unread, so the descriptors
    /// of a long list don't run out as long as each file is dropped in turn.
    pub fn open_many<P: AsRef<[u8]>>(&self, paths: impl IntoIterator<Item = (u32, P)>) -> OpenMany<'a> {
        OpenMany::new(*self, paths.into_iter().map(|(root, path)| (root, path.as_ref().to_vec())).collect())
    }

    pub(crate) fn start_open(&self, root: u32, path: &[u8]) -> Result<PendingOpen, HostError> {
        let arguments = ReadArguments { root, path: path.to_vec() }.to_bytes();
        self.start_transfer(READ, arguments).map(PendingOpen)
    }

    /// Begins a request whose answer brings a descriptor.
    fn start_transfer(&self, service: &str, arguments: Vec<u8>) -> Result<PendingTransfer, HostError> {
        let transfer = self.connection.descriptors.expect()?;
        match self.start(service, arguments, Some(transfer)) {
            Ok(answer) => Ok(PendingTransfer { answer, transfer, connection: self.connection.clone() }),
            Err(error) => {
                self.connection.descriptors.forget(transfer);
                Err(error)
            }
        }
    }

    /// Shared memory of at least `bytes` bytes, to fill and [`hand over`](Buffer::hand_over).
    ///
    /// It is a lease of an arena where that has room: the reader copies it out, and the memory
    /// is used again, with whatever this plugin wrote there before in it. Else, and beyond 16 MiB,
    /// it is as [`alloc_sealed`](Self::alloc_sealed) makes it.
    ///
    /// # Errors
    /// `quota.memory`, and as [`open`](Self::open).
    pub fn alloc(&self, bytes: u64) -> Result<Buffer, HostError> {
        match self.lease(bytes)? {
            Some(filling) => Ok(Buffer::lease(filling)),
            None => self.alloc_sealed(bytes),
        }
    }

    /// A region of at least `bytes` bytes, zeroed, that is sealed when it is handed over: for
    /// what many read, and what must stay as it is. Making one costs more than filling it.
    ///
    /// # Errors
    /// `quota.memory`, and as [`open`](Self::open).
    pub fn alloc_sealed(&self, bytes: u64) -> Result<Buffer, HostError> {
        let (response, memory) = self.start_transfer(ALLOC, AllocArguments { bytes }.to_bytes())?.wait()?;
        let answer = AllocAnswer::from_bytes(&response).map_err(HostError::shape)?;
        Buffer::map(memory, answer, bytes, self.connection.clone())
    }

    /// A lease of an arena, which the host is asked for where none is idle; `None` without room.
    fn lease(&self, bytes: u64) -> Result<Option<Filling>, HostError> {
        if bytes == 0 {
            return Ok(None);
        }
        if let Some(filling) = self.connection.arenas.lease(bytes) {
            return filling.map(Some);
        }
        let Some(room) = self.connection.arenas.room(bytes) else { return Ok(None) };
        let arguments = AllocArguments { bytes: room.bytes() };
        let (response, memory) = match self.start_transfer(ARENA, arguments.to_bytes())?.wait() {
            Err(HostError { code: ErrorCode::QuotaMemory | ErrorCode::ServiceUnknown, .. }) => {
                self.connection.arenas.refused();
                return Ok(None);
            }
            answered => answered?,
        };
        let answer = AllocAnswer::from_bytes(&response).map_err(HostError::shape)?;
        let AllocAnswer { region, .. } = at_least(answer, room.bytes())?;
        room.fill(memory, region, bytes).map(Some)
    }
}

/// A request whose answer brings a descriptor. Dropped unawaited, both are given up.
struct PendingTransfer {
    answer: Pending,
    transfer: TransferId,
    connection: Arc<Connection>,
}

impl PendingTransfer {
    fn wait(mut self) -> Result<(Vec<u8>, OwnedFd), HostError> {
        let response = self.answer.wait_once()?;
        let descriptor = self.connection.descriptors.take(self.transfer, Instant::now())?;
        Ok((response.result, descriptor))
    }
}

impl Drop for PendingTransfer {
    fn drop(&mut self) {
        self.connection.descriptors.forget(self.transfer);
    }
}

/// A file that is being opened.
pub(crate) struct PendingOpen(PendingTransfer);

impl PendingOpen {
    pub(crate) fn wait(self) -> Result<File, HostError> {
        let (response, descriptor) = self.0.wait()?;
        let answer = ReadAnswer::from_bytes(&response).map_err(HostError::shape)?;
        Ok(File::new(descriptor, answer))
    }
}
