//! One call of a tool, and its answer.

use crate::Slice;
use crate::arenas::Lent;
use crate::connection::Connection;
use crate::host::{Host, HostError};
use ioi_canon::{Limits, Value, parse};
use ioi_plugin::message::Response;
use ioi_plugin::services::value_bytes;
use ioi_plugin::{CallError, IncomingCall};
use ioi_types::ErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One call of one of the plugin's tools.
#[derive(Debug)]
pub struct Call {
    pub(crate) incoming: IncomingCall,
    arguments: Value,
    cancelled: Arc<AtomicBool>,
    connection: Arc<Connection>,
}

impl Call {
    pub(crate) fn new(
        incoming: IncomingCall,
        cancelled: Arc<AtomicBool>,
        connection: Arc<Connection>,
    ) -> Result<Self, ToolError> {
        let arguments = parse(&incoming.request.arguments, Limits::default())
            .map_err(|error| ToolError::argument(format!("the arguments are not canonical: {error}")))?;
        if arguments.as_map().is_none() {
            return Err(ToolError::argument("the arguments are not an object"));
        }
        Ok(Self { incoming, arguments, cancelled, connection })
    }

    /// The tool's name.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.incoming.request.name
    }

    /// The arguments: always an object.
    #[must_use]
    pub const fn arguments(&self) -> &Value {
        &self.arguments
    }

    /// One argument.
    ///
    /// # Errors
    /// `argument.invalid` when it is missing.
    pub fn argument(&self, key: &str) -> Result<&Value, ToolError> {
        let value = self.arguments.as_map().and_then(|map| map.get(key));
        value.ok_or_else(|| ToolError::argument(format!("`{key}` is missing")))
    }

    /// A string argument.
    ///
    /// # Errors
    /// `argument.invalid` when it is missing or of another type.
    pub fn text(&self, key: &str) -> Result<&str, ToolError> {
        self.argument(key)?.as_str().ok_or_else(|| ToolError::argument(format!("`{key}` is not a string")))
    }

    /// An integer argument.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn integer(&self, key: &str) -> Result<i64, ToolError> {
        self.argument(key)?
            .as_integer()
            .ok_or_else(|| ToolError::argument(format!("`{key}` is not an integer")))
    }

    /// A path argument: a string, or `{"hex": …}` where its bytes are not UTF-8.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn path(&self, key: &str) -> Result<Vec<u8>, ToolError> {
        value_bytes(self.argument(key)?).ok_or_else(|| ToolError::argument(format!("`{key}` is not a path")))
    }

    /// Whether the answer is no longer wanted: cancelled, past its deadline, or
    /// the host is gone. A tool that works long asks now and then.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// What this call may ask for. Its requests carry the call's deadline and
    /// end with it.
    #[must_use]
    pub fn host(&self) -> Host<'_> {
        Host::new(&self.connection, &self.incoming)
    }
}

/// A tool's answer: a value, and slices of shared memory.
#[derive(Debug)]
pub struct Reply {
    value: Value,
    slices: Vec<Slice>,
}

impl Reply {
    /// A value; at most 64 KiB as canonical JSON.
    #[must_use]
    pub const fn new(value: Value) -> Self {
        Self { value, slices: Vec::new() }
    }

    /// Hands a slice on, after those before it. At most 64.
    #[must_use]
    pub fn with_slice(mut self, slice: Slice) -> Self {
        self.slices.push(slice);
        self
    }

    /// The answer, and the leases that are out once it was sent.
    pub(crate) fn into_response(self) -> (Response, Vec<Lent>) {
        let (handles, lent): (_, Vec<_>) = self.slices.into_iter().map(Slice::into_parts).unzip();
        (Response { result: self.value.to_bytes(), handles }, lent.into_iter().flatten().collect())
    }
}

/// Why a tool has no answer. Any [`HostError`] becomes one with `?`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ToolError {
    /// The stable code.
    pub code: ErrorCode,
    /// One plain sentence; beyond 1024 bytes it is cut.
    pub message: String,
}

impl ToolError {
    /// A failure with a code.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// `plugin.failed`: what no other code says.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::PluginFailed, message)
    }

    /// `argument.invalid`.
    #[must_use]
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ArgumentInvalid, message)
    }

    pub(crate) fn to_call_error(&self) -> CallError {
        CallError::new(self.code, self.message.clone())
    }
}

impl From<HostError> for ToolError {
    fn from(error: HostError) -> Self {
        Self::new(error.code, error.message)
    }
}
