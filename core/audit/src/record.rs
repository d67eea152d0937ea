//! The records of a session. A record's canonical bytes are the preimage of one leaf.
//!
//! Every record has `kind`, `prev` (the leaf hash of the session's previous
//! record, zeros in the first), `seq`, `session`, `time_ms` and `v`; the kind
//! decides which further fields stand beside them.

use crate::fields::{FieldError, Fields, integer};
use crate::profile::Profile;
use ioi_canon::{Limits, Map, ParseError, Value};
use ioi_types::{BootId, Digest, LogId, SessionId, Verdict};
use std::fmt;

/// The version of the record format, the field `v`.
pub const RECORD_VERSION: i64 = 1;
/// The longest record. Only `close` of a very long session comes near.
pub const RECORD_BYTES_MAX: usize = 16 << 20;
/// The deepest nesting of a record.
pub const RECORD_DEPTH_MAX: usize = 24;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The session, the same in all its records.
    pub session: SessionId,
    /// 0, 1, 2… without a gap.
    pub seq: u64,
    /// The leaf hash of the record before, or zeros.
    pub prev: [u8; 32],
    /// Milliseconds since 1970 by the orchestrator's clock; never less than in the record before.
    pub time_ms: u64,
    /// What is recorded.
    pub body: Body,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// The first record.
    Open(Open),
    /// A decision, written before its effect.
    Intent(Intent),
    /// What became of an intent.
    Outcome(Outcome),
    /// A region that was handed from one process to another.
    Slice(Slice),
    /// A process that was started after the session was opened.
    Started(Started),
    /// A process that ended.
    Ended(Ended),
    /// The last record.
    Close(Close),
}

/// The session's beginning: which log, which policy, what is enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The log, the same that the guardian signs.
    pub log: LogId,
    /// The guardian's boot id when the session began.
    pub boot: BootId,
    /// `ask`, `run`, `demo`…
    pub command: String,
    /// The hash of the compiled policy: text, resolved paths, engine version.
    pub policy: Digest,
    /// The firewall's engine version.
    pub engine: String,
    /// False under `--dangerously-no-sandbox`.
    pub sandboxed: bool,
    /// The processes that were there at the beginning.
    pub processes: Vec<Profile>,
}

/// How durable an intent is before its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Synced and in the guardian's frontier before release.
    Effect,
    /// Written before release, synced soon after.
    Observation,
    /// As an observation; moves nothing out of the session.
    Local,
}

impl Class {
    pub(crate) const ALL: [Self; 3] = [Self::Effect, Self::Observation, Self::Local];

    /// The word in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Effect => "effect",
            Self::Observation => "observation",
            Self::Local => "local",
        }
    }
}

/// A rule by id and line of `policy.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleReference {
    /// The rule's `id`.
    pub id: String,
    /// The line of its `[[rule]]`, from 1.
    pub line: u64,
}

/// A decision on one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// How durable it was before its effect.
    pub class: Class,
    /// The chain that calls, outermost first.
    pub principals: Vec<String>,
    /// `fs::read`, …
    pub action: String,
    /// Commitment to the canonical arguments.
    pub args: Digest,
    /// The facts that the decision took in, as the firewall writes them.
    pub facts: Value,
    /// The decision.
    pub verdict: Verdict,
    /// `rule`, `default`, `builtin` or `malformed`.
    pub origin: String,
    /// The rule that decided, if one did.
    pub rule: Option<RuleReference>,
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The intent's `seq`.
    pub intent: u64,
    /// What became of it.
    pub status: Status,
    /// Digests of what moved, each with who computed it.
    pub results: Vec<Witnessed>,
}

/// The status of an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Tried and not done: the stable name of the error.
    Failed(String),
    /// Not tried, because the verdict was not allow.
    Refused,
    /// The node ended in between: done or not done, nobody knows.
    Unknown,
}

impl Status {
    /// The word in records.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed(_) => "failed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// A digest and the process that computed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// What the bytes are: `document`, `text`, `request`, `answer`…
    pub what: String,
    /// Over the bytes.
    pub digest: Digest,
    /// How many bytes.
    pub bytes: u64,
    /// Who hashed them: `workload`, `supervisor`, `plugin:files`, `egress`…
    pub by: String,
}

/// Shared memory that changed hands: a sealed region, or a lease that was copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The supervisor's number of the region. One that is lent comes again with each lease.
    pub region: u64,
    /// Over the bytes that its receiver took: the sealed ones, or its own copy.
    pub digest: Digest,
    /// How many bytes.
    pub bytes: u64,
    /// Who hashed them.
    pub by: String,
    /// Who filled the region.
    pub from: String,
    /// Who received it.
    pub to: String,
    /// Labels that travel with it.
    pub labels: Vec<String>,
}

/// A process that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The supervisor's number of the process.
    pub instance: u64,
    /// What was enforced on it.
    pub process: Profile,
}

/// A process that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The supervisor's number of the process.
    pub instance: u64,
    /// Its name.
    pub name: String,
    /// Its exit code.
    pub code: i32,
    /// The signal that ended it; 0 when it ended by itself.
    pub signal: u64,
}

/// The session's end: everything a reader asks first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// How many leaves the session has, this one included.
    pub leaves: u64,
    /// Commitment to what was asked.
    pub task: Digest,
    /// Commitment to the answer, where there is one.
    pub answer: Option<Digest>,
    /// Commitment to the cited passages, where there are any.
    pub citations: Option<Digest>,
    /// Commitment to the policy's name, text and context.
    pub policy: Digest,
    /// Every profile of the session, in the order of its records.
    pub processes: Vec<Profile>,
    /// Every slice of the session, in the order of its records.
    pub slices: Vec<SliceSummary>,
}

/// A slice as `close` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceSummary {
    /// The `seq` of its record.
    pub seq: u64,
    /// Over the sealed bytes.
    pub digest: Digest,
    /// How many bytes.
    pub bytes: u64,
    /// Who hashed them.
    pub by: String,
}

/// Bytes that are not a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// Not canonical.
    Canonical(ParseError),
    /// Canonical, and not a record of this version.
    Field(FieldError),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Canonical(error) => error.fmt(f),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecordError {}

impl From<FieldError> for RecordError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl Record {
    /// The canonical bytes: the preimage of the leaf.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_value().to_bytes()
    }

    /// The canonical value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("kind".into(), self.body.kind().into());
        map.insert("prev".into(), Digest::sha256(self.prev).to_string().into());
        map.insert("seq".into(), integer(self.seq));
        map.insert("session".into(), self.session.to_string().into());
        map.insert("time_ms".into(), integer(self.time_ms));
        map.insert("v".into(), Value::Integer(RECORD_VERSION));
        self.body.write(&mut map);
        Value::Map(map)
    }

    /// Reads a leaf's preimage.
    ///
    /// # Errors
    /// Bytes that are not canonical, or not exactly the fields of a known kind.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let limits = Limits { bytes_max: RECORD_BYTES_MAX, depth_max: RECORD_DEPTH_MAX };
        let value = ioi_canon::parse(bytes, limits).map_err(RecordError::Canonical)?;
        Ok(Self::from_value(value)?)
    }

    /// Reads the canonical value of a record.
    ///
    /// # Errors
    /// A field that is missing, misshapen or unknown.
    pub fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = Fields::of(value)?;
        if fields.value("v")? != Value::Integer(RECORD_VERSION) {
            return Err(FieldError::Shape("v", "1"));
        }
        let kind = fields.text("kind")?;
        let record = Self {
            session: fields.parsed("session", "16 hex digits")?,
            seq: fields.count("seq")?,
            prev: fields.sha256("prev")?.bytes,
            time_ms: fields.count("time_ms")?,
            body: Body::read(&kind, &mut fields)?,
        };
        fields.finish()?;
        Ok(record)
    }
}

impl Body {
    /// The word in the field `kind`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Intent(_) => "intent",
            Self::Outcome(_) => "outcome",
            Self::Slice(_) => "slice",
            Self::Started(_) => "started",
            Self::Ended(_) => "ended",
            Self::Close(_) => "close",
        }
    }

    /// The commitments in this record: field name and commitment.
    pub fn commitments(&self) -> impl Iterator<Item = (&'static str, Digest)> {
        let found = match self {
            Self::Intent(intent) => [Some(("args", intent.args)), None, None, None],
            Self::Close(close) => [
                Some(("task", close.task)),
                close.answer.map(|answer| ("answer", answer)),
                close.citations.map(|citations| ("citations", citations)),
                Some(("policy", close.policy)),
            ],
            _ => [None; 4],
        };
        found.into_iter().flatten()
    }
}

impl RuleReference {
    /// The firewall's reference.
    #[must_use]
    pub fn of(rule: &ioi_firewall::RuleRef) -> Self {
        Self { id: rule.id.clone(), line: rule.line }
    }
}

impl SliceSummary {
    /// The summary of a slice record at `seq`.
    #[must_use]
    pub fn of(seq: u64, slice: &Slice) -> Self {
        Self { seq, digest: slice.digest, bytes: slice.bytes, by: slice.by.clone() }
    }
}
