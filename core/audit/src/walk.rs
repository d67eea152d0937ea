//! The rules that hold a session's records together, one record at a time.
//!
//! The builder and the verifier take the same steps, so what the builder lets
//! through is exactly what the verifier accepts.

use crate::profile::Profile;
use crate::record::{Body, Close, Outcome, Record, SliceSummary, Status};
use ioi_types::{LogId, SessionId, Verdict};
use std::collections::BTreeMap;
use std::fmt;

/// A record that can't follow the ones before it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {
    /// `seq` is not the number of records before it.
    Sequence {
        /// The number that had to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// `prev` is not the leaf hash of the record before.
    Previous(u64),
    /// A record of another session.
    Session(SessionId),
    /// `time_ms` is less than in the record before.
    Time(u64),
    /// The first record is not `open`, or `open` comes again.
    Open(u64),
    /// A record after `close`.
    Closed(u64),
    /// An outcome of a `seq` that is no intent, or already has its outcome.
    Unpaired(u64),
    /// An outcome that contradicts its verdict: refused although allowed, or done although not.
    Contradiction(u64),
    /// `close` while so many intents have no outcome.
    Pending(usize),
    /// `close` counts another number of leaves.
    Count {
        /// The number of leaves up to and with `close`.
        expected: u64,
        /// The number that `close` states.
        found: u64,
    },
    /// `close` lists other processes or slices than the records.
    Summary,
    /// The record is longer than the format allows.
    TooLong(usize),
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence { expected, found } => write!(f, "record {found} stands where {expected} has to"),
            Self::Previous(seq) => {
                write!(f, "record {seq} does not name the leaf hash of the record before it")
            }
            Self::Session(session) => write!(f, "a record belongs to another session, {session}"),
            Self::Time(seq) => write!(f, "record {seq} is earlier than the record before it"),
            Self::Open(seq) => {
                write!(f, "record {seq} breaks the rule that exactly the first record is `open`")
            }
            Self::Closed(seq) => write!(f, "record {seq} stands after `close`"),
            Self::Unpaired(seq) => write!(f, "an outcome names {seq}, which is no intent without an outcome"),
            Self::Contradiction(seq) => write!(f, "the outcome of intent {seq} contradicts its verdict"),
            Self::Pending(count) => write!(f, "the session is closed while {count} intents have no outcome"),
            Self::Count { expected, found } => {
                write!(f, "`close` counts {found} leaves, there are {expected}")
            }
            Self::Summary => f.write_str("`close` lists other processes or slices than the records"),
            Self::TooLong(bytes) => write!(f, "a record of {bytes} bytes is longer than the format allows"),
        }
    }
}

impl std::error::Error for ChainError {}

/// Where a session stands after some of its records.
#[derive(Clone, Debug)]
pub struct Walk {
    pub(crate) session: SessionId,
    pub(crate) log: Option<LogId>,
    pub(crate) seq_next: u64,
    pub(crate) prev: [u8; 32],
    pub(crate) time_ms: u64,
    /// Intents without an outcome; as many as calls are in flight.
    pub(crate) pending: BTreeMap<u64, Verdict>,
    pub(crate) processes: Vec<Profile>,
    pub(crate) slices: Vec<SliceSummary>,
    pub(crate) closed: bool,
}

impl Walk {
    /// Before the first record of `session`.
    #[must_use]
    pub const fn new(session: SessionId) -> Self {
        Self {
            session,
            log: None,
            seq_next: 0,
            prev: [0; 32],
            time_ms: 0,
            pending: BTreeMap::new(),
            processes: Vec::new(),
            slices: Vec::new(),
            closed: false,
        }
    }

    /// True after `close`.
    #[must_use]
    pub const fn closed(&self) -> bool {
        self.closed
    }

    /// Takes the next record, whose leaf hash the caller computed from its bytes.
    ///
    /// # Errors
    /// The rule that it breaks; the walk then stands where it stood.
    pub fn step(&mut self, record: &Record, leaf_hash: [u8; 32]) -> Result<(), ChainError> {
        self.check_links(record)?;
        self.check_body(&record.body, record.seq)?;
        self.seq_next += 1;
        self.prev = leaf_hash;
        self.time_ms = record.time_ms;
        Ok(())
    }

    fn check_links(&self, record: &Record) -> Result<(), ChainError> {
        let seq = record.seq;
        if self.closed {
            return Err(ChainError::Closed(seq));
        }
        if seq != self.seq_next {
            return Err(ChainError::Sequence { expected: self.seq_next, found: seq });
        }
        if record.session != self.session {
            return Err(ChainError::Session(record.session));
        }
        if record.prev != self.prev {
            return Err(ChainError::Previous(seq));
        }
        if record.time_ms < self.time_ms {
            return Err(ChainError::Time(seq));
        }
        if matches!(record.body, Body::Open(_)) != (seq == 0) {
            return Err(ChainError::Open(seq));
        }
        Ok(())
    }

    fn check_body(&mut self, body: &Body, seq: u64) -> Result<(), ChainError> {
        match body {
            Body::Open(open) => {
                self.log = Some(open.log);
                self.processes.extend(open.processes.iter().cloned());
            }
            Body::Intent(intent) => {
                self.pending.insert(seq, intent.verdict);
            }
            Body::Outcome(outcome) => self.pair(outcome)?,
            Body::Slice(slice) => self.slices.push(SliceSummary::of(seq, slice)),
            Body::Started(started) => self.processes.push(started.process.clone()),
            Body::Ended(_) => {}
            Body::Close(close) => self.close(close)?,
        }
        Ok(())
    }

    fn pair(&mut self, outcome: &Outcome) -> Result<(), ChainError> {
        let seq = outcome.intent;
        let verdict = *self.pending.get(&seq).ok_or(ChainError::Unpaired(seq))?;
        let possible = match outcome.status {
            Status::Ok | Status::Failed(_) => verdict == Verdict::Allow,
            Status::Refused => verdict != Verdict::Allow,
            Status::Unknown => true,
        };
        if !possible {
            return Err(ChainError::Contradiction(seq));
        }
        self.pending.remove(&seq);
        Ok(())
    }

    fn close(&mut self, close: &Close) -> Result<(), ChainError> {
        if !self.pending.is_empty() {
            return Err(ChainError::Pending(self.pending.len()));
        }
        let expected = self.seq_next + 1;
        if close.leaves != expected {
            return Err(ChainError::Count { expected, found: close.leaves });
        }
        if close.processes != self.processes || close.slices != self.slices {
            return Err(ChainError::Summary);
        }
        self.closed = true;
        Ok(())
    }
}
