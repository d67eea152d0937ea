//! Why a session ends early: a stable code and one plain sentence.

use ioi_ipc::status;
use ioi_ipc::tonic::{Code, Status};
use ioi_types::ErrorCode;
use std::fmt;

/// A failure that ends the session, or a call's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// A record that does not fit the chain: a fault of ours.
    pub(crate) fn chain(error: impl fmt::Display) -> Self {
        Self::internal(format!("the audit record was refused: {error}"))
    }

    /// The guardian refused, or is gone.
    pub(crate) fn guardian(status: &Status) -> Self {
        match status::code(status) {
            ErrorCode::Internal if is_late(status) => Self::late(ErrorCode::GuardianGone, "guardian"),
            ErrorCode::Internal => {
                Self::new(ErrorCode::GuardianGone, format!("the guardian is gone: {}", status.message()))
            }
            code => Self::new(code, status.message()),
        }
    }

    fn late(code: ErrorCode, name: &str) -> Self {
        Self::new(code, format!("the {name} did not answer in time: it is stopped, or stuck"))
    }

    /// Another process of the node is there and says nothing.
    pub(crate) fn late_node(name: &str) -> Self {
        Self::late(ErrorCode::NodeGone, name)
    }

    /// Another process of the node refused, or is gone.
    pub(crate) fn node(name: &str, status: &Status) -> Self {
        match status::code(status) {
            ErrorCode::Internal if is_late(status) => Self::late_node(name),
            ErrorCode::Internal => {
                Self::new(ErrorCode::NodeGone, format!("the {name} did not answer: {}", status.message()))
            }
            code => Self::new(code, status.message()),
        }
    }
}

/// The transport's own deadline passed; see `ioi_ipc::pair::client_within`.
fn is_late(status: &Status) -> bool {
    status.code() == Code::DeadlineExceeded || status.message().eq_ignore_ascii_case("timeout expired")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Failure {}
