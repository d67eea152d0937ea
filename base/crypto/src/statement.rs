//! What a guardian signs, byte by byte. See `docs/design/statements.md`.
//!
//! All integers are little-endian:
//! ```text
//! "ioi/v1/" ‖ kind (ASCII) ‖ 0x00 ‖ suite u8 ‖ log id [16] ‖ counter u64 ‖ previous [32]
//! ‖ boot id [16] ‖ body length u32 ‖ body
//! ```
//!
//! Two statements with the same kind, log and counter that differ convict the
//! key that signed both.

use crate::domain::{PREFIX, SUITE};
use crate::hash::sha256;
use ioi_types::{BootId, LogId};
use std::fmt;

/// The longest statement of any kind, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 135;

/// The kinds of statement that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The size and root of an audit log.
    AuditHead,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::AuditHead];

    /// The name that stands in the statement and in the signature's context.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuditHead => "audit-head",
        }
    }

    const fn body_bytes(self) -> usize {
        match self {
            Self::AuditHead => 8 + 32,
        }
    }
}

/// What is stated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// The log has this many leaves and this root.
    AuditHead {
        /// The leaves.
        size: u64,
        /// The RFC 6962 root over them.
        root: [u8; 32],
    },
}

/// One statement of one guardian about one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The log that it is about.
    pub log: LogId,
    /// 1 for the first statement of a kind about a log, then one more each.
    pub counter: u64,
    /// SHA-256 of the previous statement of this kind about this log; zeros for the first.
    pub previous: [u8; 32],
    /// The start of the guardian in which it was made.
    pub boot: BootId,
    /// What it says.
    pub body: Body,
}

/// The bytes are not a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementError {
    /// Not "ioi/v1/" and a kind that is known.
    Kind,
    /// A suite that is not known.
    Suite {
        /// The suite that was read.
        suite: u8,
    },
    /// Not the length of a statement of its kind.
    Length {
        /// How many bytes were given.
        bytes: usize,
    },
    /// Counter 0, a first statement with a predecessor, or a later one without.
    Counter {
        /// The counter that was read.
        counter: u64,
    },
}

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind => f.write_str("the bytes do not begin like a statement of a known kind"),
            Self::Suite { suite } => write!(f, "signature suite {suite} is not known, only {SUITE} is"),
            Self::Length { bytes } => write!(f, "{bytes} bytes are not the length of such a statement"),
            Self::Counter { counter } => write!(f, "counter {counter} does not fit the predecessor"),
        }
    }
}

impl std::error::Error for StatementError {}

impl Statement {
    /// The statement's kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.body {
            Body::AuditHead { .. } => Kind::AuditHead,
        }
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Body::AuditHead { size, root } = &self.body;
        let kind = self.kind();
        [
            PREFIX,
            kind.name().as_bytes(),
            &[0, SUITE],
            &self.log.0,
            &self.counter.to_le_bytes(),
            &self.previous,
            &self.boot.0,
            &(kind.body_bytes() as u32).to_le_bytes(),
            &size.to_le_bytes(),
            root,
        ]
        .concat()
    }

    /// SHA-256 of the encoding: the next statement's `previous`.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[&self.encode()])
    }

    /// Reads what [`Statement::encode`] wrote, and nothing else.
    ///
    /// # Errors
    /// An unknown kind or suite, another length, or a counter that does not fit its predecessor.
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        let rest = bytes.strip_prefix(PREFIX).ok_or(StatementError::Kind)?;
        let (kind, rest) = split_kind(rest).ok_or(StatementError::Kind)?;
        let statement = read_fields(kind, rest).ok_or(StatementError::Length { bytes: bytes.len() });
        match rest.first() {
            Some(&suite) if suite != SUITE => Err(StatementError::Suite { suite }),
            _ => statement?.with_fitting_counter(),
        }
    }

    fn with_fitting_counter(self) -> Result<Self, StatementError> {
        let first = self.counter == 1;
        let without_predecessor = self.previous == [0; 32];
        if self.counter == 0 || first != without_predecessor {
            return Err(StatementError::Counter { counter: self.counter });
        }
        Ok(self)
    }
}

fn split_kind(bytes: &[u8]) -> Option<(Kind, &[u8])> {
    Kind::ALL.iter().find_map(|kind| {
        let rest = bytes.strip_prefix(kind.name().as_bytes())?.strip_prefix(&[0])?;
        Some((*kind, rest))
    })
}

/// Everything after the kind's zero byte; `None` for any other length.
fn read_fields(kind: Kind, bytes: &[u8]) -> Option<Statement> {
    let (_suite, rest) = bytes.split_first_chunk::<1>()?;
    let (log, rest) = rest.split_first_chunk()?;
    let (counter, rest) = rest.split_first_chunk()?;
    let (previous, rest) = rest.split_first_chunk()?;
    let (boot, rest) = rest.split_first_chunk()?;
    let (body_bytes, body) = rest.split_first_chunk()?;
    if u32::from_le_bytes(*body_bytes) as usize != body.len() {
        return None;
    }
    Some(Statement {
        log: LogId(*log),
        counter: u64::from_le_bytes(*counter),
        previous: *previous,
        boot: BootId(*boot),
        body: read_body(kind, body)?,
    })
}

fn read_body(kind: Kind, body: &[u8]) -> Option<Body> {
    match kind {
        Kind::AuditHead => {
            let (size, root) = body.split_first_chunk()?;
            Some(Body::AuditHead { size: u64::from_le_bytes(*size), root: root.try_into().ok()? })
        }
    }
}
