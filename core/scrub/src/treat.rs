//! What is done about findings.

use crate::kind::{Kind, Kinds};
use crate::tokens::Tokens;
use crate::window::{Sink, Window};
use ioi_types::Verdict;

/// What is done about findings of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Treatment {
    /// It stays, and is reported.
    Pass,
    /// A marker stands for it: `<REDACTED:api_key>`.
    Redact,
    /// A placeholder stands for it, which the session's [`Tokens`] can undo.
    Tokenize,
    /// It is redacted, and a human decides on the call.
    Ask,
    /// It is redacted, and the call is denied.
    Deny,
}

/// Treatments by kind. A kind without one is not looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Treatments([Option<Treatment>; Kind::ALL.len()]);

impl Treatments {
    /// Nothing is looked for.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with this treatment for these kinds.
    #[must_use]
    pub fn with(mut self, kinds: Kinds, treatment: Treatment) -> Self {
        kinds.iter().for_each(|kind| self.0[kind as usize] = Some(treatment));
        self
    }

    /// The treatment of a kind.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> Option<Treatment> {
        self.0[kind as usize]
    }

    fn kinds(&self) -> Kinds {
        Kinds::of(Kind::ALL.iter().copied().filter(|kind| self.of(*kind).is_some()))
    }

    /// Where values get placeholders, text that looks like one gets one, too: none stands there by chance.
    fn guarded(mut self) -> Self {
        let tokenizes = self.0.contains(&Some(Treatment::Tokenize));
        self.0[Kind::Placeholder as usize] = tokenizes.then_some(Treatment::Tokenize);
        self
    }
}

/// One finding. It never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where it begins in the input.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// What was done about it.
    pub treatment: Treatment,
}

/// So many findings are listed; all are counted.
pub const FINDINGS_MAX: usize = 4096;

/// What a text became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The treated bytes; of a stream, those that [`Stream::push`] did not return.
    pub bytes: Vec<u8>,
    /// The first [`FINDINGS_MAX`] findings, in the order in which they begin. Those that were treated overlap
    /// nowhere; those that pass may.
    pub findings: Vec<Finding>,
    /// How many there were.
    pub counts: Counts,
    /// What the call becomes by itself: the strictest that a finding asks for, though another one covers it.
    pub verdict: Verdict,
}

/// How many findings there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Kind::ALL.len()]);

impl Counts {
    /// Of one kind.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// Of all kinds together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Treats texts; made once for many.
#[derive(Clone, Copy, Debug)]
pub struct Scrubber {
    treatments: Treatments,
}

impl Scrubber {
    /// A scrubber for these treatments.
    #[must_use]
    pub fn new(treatments: Treatments) -> Self {
        Self { treatments: treatments.guarded() }
    }

    /// Treats a whole text.
    pub fn scrub(&self, text: &[u8], tokens: &mut Tokens) -> Outcome {
        let mut stream = self.stream();
        stream.take(text, tokens);
        stream.finish(tokens)
    }

    /// Begins a text that comes in pieces. The outcome is the same whatever the pieces are.
    #[must_use]
    pub fn stream(&self) -> Stream {
        let report = Report {
            treatments: self.treatments,
            out: Vec::new(),
            findings: Vec::new(),
            counts: Counts::default(),
            verdict: Verdict::Allow,
            listed: None,
        };
        Stream { window: Window::new(self.treatments.kinds()), report }
    }
}

/// A text that comes in pieces.
#[derive(Debug)]
pub struct Stream {
    window: Window,
    report: Report,
}

impl Stream {
    /// Takes the next piece and returns the treated bytes that may pass now. At most
    /// [`crate::HOLD_BYTES_MAX`] bytes of the input are held back, and a sixteenth of them more until they are searched.
    pub fn push(&mut self, piece: &[u8], tokens: &mut Tokens) -> Vec<u8> {
        self.take(piece, tokens);
        std::mem::take(&mut self.report.out)
    }

    fn take(&mut self, piece: &[u8], tokens: &mut Tokens) {
        self.window.push(piece, &mut Writer { report: &mut self.report, tokens });
    }

    /// What findings ask for so far. Once it is not `Allow`, the call must not go on by itself.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.report.verdict
    }

    /// The end: what was held back, and what was found.
    pub fn finish(mut self, tokens: &mut Tokens) -> Outcome {
        self.window.finish(&mut Writer { report: &mut self.report, tokens });
        let Report { out: bytes, mut findings, counts, verdict, .. } = self.report;
        findings.sort_by_key(|finding| finding.start);
        Outcome { bytes, findings, counts, verdict }
    }
}

#[derive(Debug)]
struct Report {
    treatments: Treatments,
    out: Vec<u8>,
    findings: Vec<Finding>,
    counts: Counts,
    verdict: Verdict,
    /// Where the finding that has begun is listed.
    listed: Option<usize>,
}

impl Report {
    /// Counts a finding and lists it, if there is room; where.
    fn list(&mut self, finding: Finding) -> Option<usize> {
        self.counts.0[finding.kind as usize] += 1;
        let has_room = self.findings.len() < FINDINGS_MAX;
        has_room.then(|| {
            self.findings.push(finding);
            self.findings.len() - 1
        })
    }
}

/// Writes what a window tells.
struct Writer<'a> {
    report: &'a mut Report,
    tokens: &'a mut Tokens,
}

impl Sink for Writer<'_> {
    fn seen(&mut self, kind: Kind, start: u64, end: u64) -> bool {
        let treatment = self.report.treatments.of(kind).unwrap_or(Treatment::Redact);
        let verdict = match treatment {
            Treatment::Deny => Verdict::Deny,
            Treatment::Ask => Verdict::Ask,
            Treatment::Pass | Treatment::Redact | Treatment::Tokenize => Verdict::Allow,
        };
        self.report.verdict = self.report.verdict.max(verdict);
        let passes = treatment == Treatment::Pass;
        if passes {
            self.report.list(Finding { kind, start, end, treatment });
        }
        !passes
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.report.out.extend_from_slice(bytes);
    }

    fn begin(&mut self, kind: Kind, start: u64, bytes: &[u8], is_bounded: bool) {
        let mut treatment = self.report.treatments.of(kind).unwrap_or(Treatment::Redact);
        let may_be_tokenized = treatment == Treatment::Tokenize && is_bounded;
        let placeholder = may_be_tokenized.then(|| self.tokens.placeholder(kind, bytes)).flatten();
        if treatment == Treatment::Tokenize && placeholder.is_none() {
            treatment = Treatment::Redact;
        }
        self.report.out.extend_from_slice(placeholder.as_deref().unwrap_or(kind.marker()).as_bytes());
        self.report.listed = self.report.list(Finding { kind, start, end: start, treatment });
    }

    fn end(&mut self, end: u64) {
        let listed = self.report.listed.take();
        if let Some(finding) = listed.and_then(|place| self.report.findings.get_mut(place)) {
            finding.end = end;
        }
    }
}
