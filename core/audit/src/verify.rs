//! Verification: everything that a receipt's bytes can show, and nothing taken on trust but keys.
//!
//! Order: outer form, keys, signatures over the head; then each leaf once
//! (canonical form, chain, openings, decision, Merkle frontier); then the head
//! against the leaves; at last, whether the key is one that the caller trusts.

use crate::chain::Citation;
use crate::commit::commitment;
use crate::fields::FieldError;
use crate::keys::{public_key, signature};
use crate::layout::Layout;
use crate::record::{Body, Close, Open, Outcome, RECORD_DEPTH_MAX, Record, Slice, Status};
use crate::replay::Replay;
use crate::report::{Counts, Part, Report, Sources, printable};
use crate::walk::Walk;
use ioi_canon::{Limits, Map, Value};
use ioi_crypto::statement::{Body as StatementBody, Kind, Statement};
use ioi_crypto::{KeyId, PublicKey};
use ioi_merkle::{Frontier, MerkleHash, Sha256Tree};
use ioi_types::{Digest, Verdict, exit};
use std::collections::BTreeSet;
use std::fmt;

/// The keys that the reader trusts.
#[derive(Clone, Debug, Default)]
pub struct Trust(BTreeSet<KeyId>);

impl Trust {
    /// Trusts exactly these fingerprints; none makes every key unknown.
    pub fn keys(keys: impl IntoIterator<Item = KeyId>) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// Why a receipt was not accepted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum VerifyFailure {
    /// The bytes are not a receipt, or its parts contradict one another.
    Corrupt {
        /// The first contradiction, one plain sentence.
        reason: String,
    },
    /// Everything agrees and the key is not among those that were trusted.
    UnknownKey {
        /// What the receipt says, if its key is to be believed.
        report: Box<Report>,
    },
    /// Everything agrees and the decisions were made by an engine that this verifier doesn't have.
    UnknownEngine {
        /// The engine that the receipt names.
        engine: String,
    },
}

impl VerifyFailure {
    /// The exit code of `ioi verify`.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Corrupt { .. } => exit::CORRUPT,
            Self::UnknownKey { .. } | Self::UnknownEngine { .. } => exit::UNAVAILABLE,
        }
    }

    /// The word for `--json`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Corrupt { .. } => "corrupt",
            Self::UnknownKey { .. } => "unknown key",
            Self::UnknownEngine { .. } => "unknown engine",
        }
    }
}

impl fmt::Display for VerifyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { reason } => write!(f, "the receipt is corrupt: {}", printable(reason)),
            Self::UnknownKey { report } => {
                write!(f, "the receipt is consistent, but its key is not known here: {}", report.key)
            }
            Self::UnknownEngine { engine } => {
                write!(f, "this version can't compute decisions of the engine `{}` again", printable(engine))
            }
        }
    }
}

impl std::error::Error for VerifyFailure {}

/// A contradiction, as text; becomes [`VerifyFailure::Corrupt`].
pub(crate) struct Corrupt(pub(crate) String);

impl<E: fmt::Display> From<E> for Corrupt {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Verifies a receipt's bytes.
///
/// # Errors
/// [`VerifyFailure`]; its [`exit_code`](VerifyFailure::exit_code) is that of `ioi verify`.
pub fn verify(receipt: &[u8], trust: &Trust) -> Result<Report, VerifyFailure> {
    let checked = consistent(receipt).map_err(|Corrupt(reason)| VerifyFailure::Corrupt { reason })?;
    if let Some(engine) = checked.engine_unknown {
        return Err(VerifyFailure::UnknownEngine { engine });
    }
    if !trust.0.contains(&checked.report.key) {
        return Err(VerifyFailure::UnknownKey { report: Box::new(checked.report) });
    }
    Ok(checked.report)
}

struct Checked {
    report: Report,
    engine_unknown: Option<String>,
}

fn consistent(receipt: &[u8]) -> Result<Checked, Corrupt> {
    let layout = Layout::of(receipt)?;
    let (key, head) = signed_head(&layout)?;
    let close = last_leaf(&layout)?;
    let mut reader = Reader::begin(&layout, &close)?;
    for leaf in &layout.leaves {
        reader.leaf(leaf)?;
    }
    reader.finish(&key, &head)
}

/// The key and the statement, after both signatures verified.
fn signed_head(layout: &Layout<'_>) -> Result<(PublicKey, Statement), Corrupt> {
    let key = public_key(part(layout.keys)?)?;
    let signature = signature(part(layout.signatures)?)?;
    key.verify(Kind::AuditHead.name(), &layout.head, &signature)?;
    Ok((key, Statement::decode(&layout.head)?))
}

fn part(bytes: &[u8]) -> Result<Value, ioi_canon::ParseError> {
    ioi_canon::parse(bytes, Limits { bytes_max: bytes.len(), depth_max: RECORD_DEPTH_MAX })
}

fn last_leaf(layout: &Layout<'_>) -> Result<Close, Corrupt> {
    let last = layout.leaves.last().ok_or_else(|| Corrupt("there are no leaves".into()))?;
    match Record::parse(last)?.body {
        Body::Close(close) => Ok(close),
        _ => Err(Corrupt("the last leaf is not `close`".into())),
    }
}

/// Takes the leaves in order and keeps what the report needs.
struct Reader<'a> {
    layout: &'a Layout<'a>,
    opened: Vec<bool>,
    walk: Option<Walk>,
    open: Option<Open>,
    frontier: Frontier<Sha256Tree>,
    replay: Replay,
    sources: Sources,
    counts: Counts,
    time_first_ms: u64,
    task: Part<Map>,
    answer: Part<Map>,
    citations: Part<Vec<Citation>>,
    policy_name: Part<String>,
    hashed_by: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// Opens what `close` commits to: the policy is needed from the first decision on.
    fn begin(layout: &'a Layout<'a>, close: &Close) -> Result<Self, Corrupt> {
        let mut reader = Self {
            layout,
            opened: vec![false; layout.openings.len()],
            walk: None,
            open: None,
            frontier: Frontier::new(),
            replay: Replay::redacted(),
            sources: Sources::default(),
            counts: Counts::default(),
            time_first_ms: 0,
            task: Part::Absent,
            answer: Part::Absent,
            citations: Part::Absent,
            policy_name: Part::Closed,
            hashed_by: BTreeSet::new(),
        };
        reader.task = reader.part(Some(close.task), object)?;
        reader.answer = reader.part(close.answer, object)?;
        reader.citations = reader.part(close.citations, citations)?;
        if let Part::Open(policy) = reader.part(Some(close.policy), Ok)? {
            reader.replay = Replay::of(policy)?;
            reader.policy_name = reader.replay.policy_name().map_or(Part::Closed, Part::Open);
        }
        if let Part::Open(citations) = &reader.citations {
            reader.sources = Sources::cited(citations.iter().map(|citation| citation.document));
        }
        Ok(reader)
    }

    fn part<T>(
        &mut self,
        commitment: Option<Digest>,
        read: impl FnOnce(Value) -> Result<T, FieldError>,
    ) -> Result<Part<T>, Corrupt> {
        let Some(commitment) = commitment else { return Ok(Part::Absent) };
        match self.opening(commitment)? {
            Some(value) => Ok(Part::Open(read(value)?)),
            None => Ok(Part::Closed),
        }
    }

    /// The value behind a commitment; `None` when its opening was taken away.
    fn opening(&mut self, committed: Digest) -> Result<Option<Value>, Corrupt> {
        let Some(index) = self.layout.find(&committed) else { return Ok(None) };
        let opening = &self.layout.openings[index];
        if commitment(&opening.salt, opening.value) != committed {
            return Err(Corrupt(format!("the opening of {committed} does not match it")));
        }
        self.opened[index] = true;
        Ok(Some(part(opening.value)?))
    }

    fn leaf(&mut self, bytes: &[u8]) -> Result<(), Corrupt> {
        let record = Record::parse(bytes)?;
        let hash = Sha256Tree::leaf(bytes);
        self.walk.get_or_insert_with(|| Walk::new(record.session)).step(&record, hash)?;
        self.frontier.append(hash);
        match record.body {
            Body::Open(open) => self.opened_session(open, record.time_ms)?,
            Body::Intent(intent) => {
                self.counts.intent(&intent);
                let args = self.part(Some(intent.args), object)?;
                self.replay.check(record.seq, &intent, args.opened())?;
            }
            Body::Outcome(outcome) => self.outcome(&outcome),
            Body::Slice(slice) => self.slice(&slice),
            Body::Started(started) => self.replay.started(record.seq, &started.process.name),
            Body::Ended(_) | Body::Close(_) => {}
        }
        Ok(())
    }

    fn opened_session(&mut self, open: Open, time_ms: u64) -> Result<(), Corrupt> {
        self.replay.opened(&open)?;
        self.time_first_ms = time_ms;
        self.open = Some(open);
        Ok(())
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.counts.unknown += u64::from(outcome.status == Status::Unknown);
        for result in &outcome.results {
            self.sources.seen(&result.digest);
            self.counts.remote += u64::from(result.by == "egress" && result.what == "answer");
            self.hashed_by.insert(result.by.clone());
        }
    }

    fn slice(&mut self, slice: &Slice) {
        self.sources.seen(&slice.digest);
        self.hashed_by.insert(slice.by.clone());
    }

    fn finish(self, key: &PublicKey, head: &Statement) -> Result<Checked, Corrupt> {
        let (walk, open) = self.walk.zip(self.open).ok_or_else(|| Corrupt("there are no leaves".into()))?;
        if let Some(index) = self.opened.iter().position(|used| !used) {
            let unused = self.layout.openings[index].commitment;
            return Err(Corrupt(format!("the opening of {unused} opens nothing")));
        }
        let StatementBody::AuditHead { size, root } = head.body else {
            return Err(Corrupt("the head is no statement on a log's head".into()));
        };
        if !walk.closed()
            || size != self.frontier.size()
            || root != self.frontier.root()
            || head.log != open.log
        {
            return Err(Corrupt("the signed head is over another log, number of leaves or root".into()));
        }
        let report = Report {
            key: key.id(),
            log: open.log,
            session: walk.session,
            counter: head.counter,
            boot: head.boot,
            leaves: size,
            time_first_ms: self.time_first_ms,
            time_last_ms: walk.time_ms,
            command: open.command,
            sandboxed: open.sandboxed,
            task: self.task,
            answer: self.answer,
            citations: self.citations,
            policy_name: self.policy_name,
            policy: open.policy,
            processes: walk.processes,
            slices: walk.slices,
            hashed_by: self.hashed_by.into_iter().collect(),
            counts: self.counts,
            decisions: self.replay.totals(),
            sources: self.sources.totals(),
        };
        Ok(Checked { report, engine_unknown: self.replay.engine_unknown() })
    }
}

fn object(value: Value) -> Result<Map, FieldError> {
    match value {
        Value::Map(map) => Ok(map),
        _ => Err(FieldError::NotAnObject),
    }
}

fn citations(value: Value) -> Result<Vec<Citation>, FieldError> {
    match value {
        Value::List(items) => items.into_iter().map(Citation::from_value).collect(),
        _ => Err(FieldError::Shape("citations", "a list")),
    }
}

impl Counts {
    fn intent(&mut self, intent: &crate::record::Intent) {
        let count = match intent.verdict {
            Verdict::Allow => &mut self.allowed,
            Verdict::Ask => &mut self.asked,
            Verdict::Deny => &mut self.denied,
        };
        *count += 1;
    }
}
