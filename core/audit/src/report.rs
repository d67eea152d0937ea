//! What a verified receipt says: each claim with its witness and with what would make it false.

use crate::chain::Citation;
use crate::fields::integer;
use crate::profile::Profile;
use crate::record::SliceSummary;
use ioi_canon::{Map, Value};
use ioi_crypto::KeyId;
use ioi_types::{BootId, Digest, LogId, SessionId};
use std::collections::BTreeMap;
use std::fmt;

/// A part of `close` that may be absent, or closed by redaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<T> {
    /// The session has none.
    Absent,
    /// Its opening was taken away.
    Closed,
    /// Its value, which matches the commitment in the leaf.
    Open(T),
}

impl<T> Part<T> {
    /// The value, if it is open.
    pub fn opened(self) -> Option<T> {
        if let Self::Open(value) = self { Some(value) } else { None }
    }

    const fn state(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Closed => "closed",
            Self::Open(_) => "open",
        }
    }
}

/// Numbers over the leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Intents that were allowed.
    pub allowed: u64,
    /// Intents that would have asked a human.
    pub asked: u64,
    /// Intents that were denied.
    pub denied: u64,
    /// Outcomes of which nobody knows whether the effect happened.
    pub unknown: u64,
    /// Digests of answers from outside, as reported by egress.
    pub remote: u64,
}

/// How many decisions were computed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Computed again from policy, facts and call, with the same result.
    pub recomputed: u64,
    /// Not recomputable, because an opening they need was redacted.
    pub redacted: u64,
}

/// Whether the documents that are cited stand in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources(BTreeMap<Digest, bool>);

/// How many cited documents there are, and how many of them stand in an outcome or slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cited {
    /// Different documents that are cited.
    pub documents: u64,
    /// Those whose digest stands in an outcome or a slice of the session.
    pub in_log: u64,
}

impl Sources {
    pub(crate) fn cited(documents: impl Iterator<Item = Digest>) -> Self {
        Self(documents.map(|digest| (digest, false)).collect())
    }

    pub(crate) fn seen(&mut self, digest: &Digest) {
        if let Some(seen) = self.0.get_mut(digest) {
            *seen = true;
        }
    }

    pub(crate) fn totals(&self) -> Cited {
        let in_log = self.0.values().filter(|seen| **seen).count();
        Cited { documents: self.0.len() as u64, in_log: in_log as u64 }
    }
}

/// One row of the table of claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is claimed.
    pub claim: &'static str,
    /// What this verification found: `holds`, `stated`, `closed`, `absent`, `not recomputable: redacted`…
    pub state: String,
    /// Whose word it is.
    pub witness: String,
    /// What would make it false.
    pub false_if: &'static str,
}

/// What a receipt says, after everything in it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The fingerprint of the guardian's key.
    pub key: KeyId,
    /// The log.
    pub log: LogId,
    /// The session.
    pub session: SessionId,
    /// The counter of the signed head.
    pub counter: u64,
    /// The start of the guardian that signed it.
    pub boot: BootId,
    /// How many leaves there are; all of them are in the receipt.
    pub leaves: u64,
    /// The time of the first leaf, in milliseconds since 1970.
    pub time_first_ms: u64,
    /// The time of the last leaf, in milliseconds since 1970.
    pub time_last_ms: u64,
    /// `ask`, `run`…
    pub command: String,
    /// False under `--dangerously-no-sandbox`.
    pub sandboxed: bool,
    /// What was asked.
    pub task: Part<Map>,
    /// The answer.
    pub answer: Part<Map>,
    /// The cited passages.
    pub citations: Part<Vec<Citation>>,
    /// The policy's file name.
    pub policy_name: Part<String>,
    /// The hash of the compiled policy.
    pub policy: Digest,
    /// What was enforced on each process.
    pub processes: Vec<Profile>,
    /// The regions that changed hands.
    pub slices: Vec<SliceSummary>,
    /// Everybody whose digests stand in the leaves.
    pub hashed_by: Vec<String>,
    /// Numbers over the leaves.
    pub counts: Counts,
    /// How many decisions were computed again.
    pub decisions: Decisions,
    /// Whether the cited documents stand in the log.
    pub sources: Cited,
}

impl Report {
    /// The table of claims, in the order in which it is printed.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        let claim = |claim, state, witness: &str, false_if| Claim {
            claim,
            state,
            witness: witness.to_owned(),
            false_if,
        };
        let mut claims = vec![
            claim(
                "log order, no rewrite after signing",
                "holds".into(),
                "guardian",
                "guardian broken or cloned",
            ),
            claim(
                "decision follows from policy and facts",
                self.decisions_state(),
                "anyone, recomputed",
                "-",
            ),
            claim(
                "the facts (time, paths, sizes, profiles)",
                "stated".into(),
                "orchestrator, supervisor",
                "that process broken",
            ),
            claim(
                "the effect happened as logged",
                self.effects_state(),
                "orchestrator, supervisor, egress",
                "that process broken",
            ),
            claim("sandbox", self.sandbox_state(), "supervisor", "supervisor or kernel broken"),
            claim("digests", self.digests_state(), &self.hashers(), "the process that hashed it broken"),
            claim("remote answer", self.remote_state(), "egress", "egress broken"),
            claim(
                "the answer came from the cited sources",
                self.sources_state(),
                "workload",
                "workload broken",
            ),
        ];
        for (what, state) in [("task", self.task.state()), ("answer", self.answer.state())] {
            if state == "closed" {
                claims.push(claim(what, "closed".into(), "orchestrator", "-"));
            }
        }
        claims
    }

    fn decisions_state(&self) -> String {
        let Decisions { recomputed, redacted } = self.decisions;
        match (recomputed, redacted) {
            (0, 0) => "absent".into(),
            (all, 0) => format!("holds: {all} of {all} recomputed"),
            (some, redacted) => {
                format!("{some} of {} recomputed; {redacted} not recomputable: redacted", some + redacted)
            }
        }
    }

    fn effects_state(&self) -> String {
        match (self.counts.allowed, self.counts.unknown) {
            (0, 0) => "absent".into(),
            (_, 0) => "stated".into(),
            (_, unknown) => format!("stated; {unknown} outcomes unknown"),
        }
    }

    fn sandbox_state(&self) -> String {
        let notes = || self.processes.iter().flat_map(|process| &process.notes);
        let mut state = match self.sandboxed {
            false => return "OFF (--dangerously-no-sandbox)".into(),
            true => "stated".to_owned(),
        };
        if notes().any(|note| note.starts_with("direct")) {
            state.push_str("; direct: reads not individually mediated");
        }
        match notes().filter(|note| note.starts_with("mediated")).count() {
            0 => {}
            trees => state.push_str(&format!("; mediated: {trees} tree{}", plural(trees))),
        }
        state
    }

    fn digests_state(&self) -> String {
        if self.hashed_by.is_empty() {
            "absent".into()
        } else {
            format!("stated; {} slice{}", self.slices.len(), plural(self.slices.len()))
        }
    }

    fn hashers(&self) -> String {
        if self.hashed_by.is_empty() { "-".into() } else { printable(&self.hashed_by.join(", ")) }
    }

    fn remote_state(&self) -> String {
        if self.counts.remote == 0 { "absent".into() } else { format!("stated: {}", self.counts.remote) }
    }

    fn sources_state(&self) -> String {
        let Cited { documents, in_log } = self.sources;
        match &self.citations {
            Part::Open(_) if in_log == documents => {
                format!("stated: {in_log} of {documents} documents in the log")
            }
            Part::Open(_) => format!("NOT SHOWN: only {in_log} of {documents} documents in the log"),
            other => other.state().into(),
        }
    }

    /// The report as one canonical value, for `--json`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let claims = self.claims().into_iter().map(Claim::into_value).collect::<Vec<_>>();
        let mut map: Map = [
            ("boot", self.boot.to_string().into()),
            ("claims", Value::List(claims)),
            ("command", self.command.as_str().into()),
            ("counter", Value::decimal(self.counter)),
            ("freshness", "not known".into()),
            ("key", self.key.to_string().into()),
            ("leaves", integer(self.leaves)),
            ("log", self.log.to_string().into()),
            ("policy", self.policy.to_string().into()),
            ("processes", Value::List(self.processes.iter().map(Profile::to_value).collect())),
            ("result", "verified".into()),
            ("sandboxed", self.sandboxed.into()),
            ("session", self.session.to_string().into()),
            ("time_first_ms", integer(self.time_first_ms)),
            ("time_last_ms", integer(self.time_last_ms)),
            ("verdicts", self.verdicts()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let citations =
            self.citations.map_ref(|all| Value::List(all.iter().map(Citation::to_value).collect()));
        for (name, part) in [
            ("task", self.task.map_ref(|task| Value::Map(task.clone()))),
            ("answer", self.answer.map_ref(|answer| Value::Map(answer.clone()))),
            ("citations", citations),
            ("policy_name", self.policy_name.map_ref(|name| Value::from(name.as_str()))),
        ] {
            let state = part.state();
            map.insert(name.to_owned(), part.opened().unwrap_or_else(|| state.into()));
        }
        Value::Map(map)
    }

    fn verdicts(&self) -> Value {
        let Counts { allowed, asked, denied, .. } = self.counts;
        Value::map([("allow", integer(allowed)), ("ask", integer(asked)), ("deny", integer(denied))])
    }
}

impl<T> Part<T> {
    fn map_ref<U>(&self, read: impl FnOnce(&T) -> U) -> Part<U> {
        match self {
            Self::Absent => Part::Absent,
            Self::Closed => Part::Closed,
            Self::Open(value) => Part::Open(read(value)),
        }
    }
}

impl Claim {
    fn into_value(self) -> Value {
        Value::map([
            ("claim", Value::from(self.claim)),
            ("state", self.state.into()),
            ("witness", self.witness.into()),
            ("false_if", self.false_if.into()),
        ])
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { allowed, asked, denied, .. } = self.counts;
        let leaves = if self.leaves == 1 { "leaf" } else { "leaves" };
        writeln!(f, "key: {}", self.key)?;
        writeln!(f, "log: {}, {} {leaves}, all of them here", self.log, self.leaves)?;
        writeln!(f, "command: {}", printable(&self.command))?;
        let name = if let Part::Open(name) = &self.policy_name { printable(name) } else { "closed".into() };
        writeln!(f, "policy: {name}\n    {}", self.policy)?;
        writeln!(f, "decisions: {allowed} allow, {asked} ask, {denied} deny")?;
        writeln!(f, "freshness: not known\n")?;
        for Claim { claim, state, witness, false_if } in &self.claims() {
            let unless = if *false_if == "-" { String::new() } else { format!("; false if: {false_if}") };
            writeln!(f, "{claim}: {state}\n    witness: {witness}{unless}")?;
        }
        Ok(())
    }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The longest foreign text in a message, in characters.
const PRINTABLE_CHARS_MAX: usize = 400;

/// Foreign text as it may be shown on a terminal: one line of printable ASCII,
/// everything else escaped, at most 400 characters.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            ' '..='~' => out.push(character),
            other => out.extend(other.escape_default()),
        }
        if out.len() >= PRINTABLE_CHARS_MAX {
            out.truncate(PRINTABLE_CHARS_MAX);
            break;
        }
    }
    out
}
