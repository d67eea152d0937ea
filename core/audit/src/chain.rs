//! Builds a session's records. The caller gives the time and the salts and writes what comes out.

use crate::commit::{Opening, Salt};
use crate::entry::Entry;
use crate::record::{
    Body, Class, Close, Ended, Intent, Open, Outcome, RECORD_BYTES_MAX, Record, RuleReference, Slice,
    Started, Status, Witnessed,
};
use crate::replay::policy_value;
use crate::walk::{ChainError, Walk};
use ioi_canon::{Map, Value};
use ioi_firewall::{Call, Context, Decision, Facts, Source};
use ioi_types::{Digest, FlowClass, SessionId};

/// A session that is being recorded.
///
/// Every method returns the entry to be written; after an error nothing was
/// recorded and the chain goes on as if it had not been called.
#[derive(Clone, Debug)]
pub struct Chain {
    walk: Walk,
}

/// What `close` commits to. See `docs/design/receipt.md` for the shapes.
#[derive(Clone, Debug)]
pub struct Closing {
    /// What was asked: `{"question": …}`, `{"argv": […]}`…
    pub task: Map,
    /// The answer, where there is one: `{"by": …, "text": …}`…
    pub answer: Option<Map>,
    /// The cited passages; empty when there are none.
    pub citations: Vec<Citation>,
    /// The policy's source, from which it compiles again.
    pub policy: Source,
    /// What the policy's relative names stood for.
    pub context: Context,
}

/// A passage that an answer cites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The document's path, as it is shown to the user.
    pub path: String,
    /// The document's digest, as it stands in an outcome or a slice.
    pub document: Digest,
    /// Where the quote begins in the document's text, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
    /// The quote.
    pub quote: String,
}

impl Chain {
    /// Begins a session with its `open` record.
    ///
    /// # Errors
    /// [`ChainError::TooLong`] when the profiles don't fit into a record.
    pub fn open(session: SessionId, open: Open, time_ms: u64) -> Result<(Self, Entry), ChainError> {
        let mut chain = Self { walk: Walk::new(session) };
        let entry = chain.push(Body::Open(open), time_ms, Vec::new())?;
        Ok((chain, entry))
    }

    pub(crate) const fn resume(walk: Walk) -> Self {
        Self { walk }
    }

    /// The `seq` of the next record: an intent's id.
    #[must_use]
    pub const fn seq_next(&self) -> u64 {
        self.walk.seq_next
    }

    /// How many intents have no outcome yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.walk.pending.len()
    }

    /// The intents that have no outcome yet, oldest first.
    pub fn unpaired(&self) -> impl Iterator<Item = u64> {
        self.walk.pending.keys().copied()
    }

    /// How many slices are recorded; `close` lists them all.
    #[must_use]
    pub fn slices(&self) -> usize {
        self.walk.slices.len()
    }

    /// Records a decision, before its effect. The intent's id is [`Chain::seq_next`] before the call.
    ///
    /// # Errors
    /// A closed session, or principals that don't fit into a record.
    pub fn intent(
        &mut self,
        call: &Call,
        facts: &Facts,
        decision: &Decision,
        time_ms: u64,
        salt: Salt,
    ) -> Result<Entry, ChainError> {
        let opening = Opening { salt, value: Value::Map(call.args.clone()) };
        let args = opening.commitment();
        let intent = Intent {
            class: class_of(&call.action),
            principals: call.principals.clone(),
            action: call.action.clone(),
            args,
            facts: facts.to_value(),
            verdict: decision.verdict,
            origin: decision.origin.name().to_owned(),
            rule: decision.rule.as_ref().map(RuleReference::of),
        };
        self.push(Body::Intent(intent), time_ms, vec![(args, opening)])
    }

    /// Records what became of the intent.
    ///
    /// # Errors
    /// No such intent without an outcome, or an outcome that contradicts its verdict.
    pub fn outcome(
        &mut self,
        intent: u64,
        status: Status,
        results: Vec<Witnessed>,
        time_ms: u64,
    ) -> Result<Entry, ChainError> {
        self.push(Body::Outcome(Outcome { intent, status, results }), time_ms, Vec::new())
    }

    /// Records a region's passage from one process to another.
    ///
    /// # Errors
    /// A closed session.
    pub fn slice(&mut self, slice: Slice, time_ms: u64) -> Result<Entry, ChainError> {
        self.push(Body::Slice(slice), time_ms, Vec::new())
    }

    /// Records a process that was started after `open`, with what was enforced on it.
    ///
    /// # Errors
    /// A closed session.
    pub fn started(&mut self, started: Started, time_ms: u64) -> Result<Entry, ChainError> {
        self.push(Body::Started(started), time_ms, Vec::new())
    }

    /// Records a process's end.
    ///
    /// # Errors
    /// A closed session.
    pub fn ended(&mut self, ended: Ended, time_ms: u64) -> Result<Entry, ChainError> {
        self.push(Body::Ended(ended), time_ms, Vec::new())
    }

    /// Ends the session. `salt` is asked once for each commitment, at most four times.
    ///
    /// # Errors
    /// [`ChainError::Pending`] while an intent has no outcome; [`ChainError::TooLong`].
    pub fn close(
        &mut self,
        closing: Closing,
        time_ms: u64,
        mut salt: impl FnMut() -> Salt,
    ) -> Result<Entry, ChainError> {
        let mut openings = Vec::with_capacity(4);
        let mut commit = |value: Value| {
            let opening = Opening { salt: salt(), value };
            let commitment = opening.commitment();
            openings.push((commitment, opening));
            commitment
        };
        let citations = closing.citations.iter().map(Citation::to_value).collect::<Vec<_>>();
        let close = Close {
            leaves: self.walk.seq_next + 1,
            task: commit(Value::Map(closing.task)),
            answer: closing.answer.map(|answer| commit(Value::Map(answer))),
            citations: (!citations.is_empty()).then(|| commit(Value::List(citations))),
            policy: commit(policy_value(&closing.policy, &closing.context)),
            processes: self.walk.processes.clone(),
            slices: self.walk.slices.clone(),
        };
        self.push(Body::Close(close), time_ms, openings)
    }

    fn push(
        &mut self,
        body: Body,
        time_ms: u64,
        openings: Vec<(Digest, Opening)>,
    ) -> Result<Entry, ChainError> {
        let record = Record {
            session: self.walk.session,
            seq: self.walk.seq_next,
            prev: self.walk.prev,
            // A clock that was set back does not set the log back.
            time_ms: time_ms.max(self.walk.time_ms),
            body,
        };
        let bytes = record.to_bytes();
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(ChainError::TooLong(bytes.len()));
        }
        let entry = Entry::new(bytes, openings);
        self.walk.step(&record, entry.leaf_hash)?;
        Ok(entry)
    }
}

/// How durable an action's intent is before its effect.
#[must_use]
pub fn class_of(action: &str) -> Class {
    match (ioi_firewall::is_effect(action), ioi_firewall::flow_class(action)) {
        (Some(true), _) => Class::Effect,
        (_, Some(FlowClass::Local)) => Class::Local,
        _ => Class::Observation,
    }
}

impl Citation {
    pub(crate) fn to_value(&self) -> Value {
        Value::map([
            ("path", Value::from(self.path.as_str())),
            ("document", self.document.to_string().into()),
            ("offset", crate::fields::integer(self.offset)),
            ("length", crate::fields::integer(self.length)),
            ("quote", self.quote.as_str().into()),
        ])
    }

    pub(crate) fn from_value(value: Value) -> Result<Self, crate::fields::FieldError> {
        let mut fields = crate::fields::Fields::of(value)?;
        let citation = Self {
            path: fields.text("path")?,
            document: fields.digest("document")?,
            offset: fields.count("offset")?,
            length: fields.count("length")?,
            quote: fields.text("quote")?,
        };
        fields.finish()?;
        Ok(citation)
    }
}
