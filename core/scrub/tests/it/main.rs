//! What is found, where, in whatever pieces and spellings it comes, and what becomes of it.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod encodings;
mod examples;
mod hostile;
mod oracle;
mod spell;
mod treatments;

use ioi_scrub::{Kind, Kinds, Outcome, Scrubber, Tokens, Treatment, Treatments};

/// Redacts all kinds.
fn redact(text: &[u8]) -> Outcome {
    let treatments = Treatments::new().with(Kinds::all(), Treatment::Redact);
    Scrubber::new(treatments).scrub(text, &mut Tokens::new(b"test"))
}

/// What was found in a text, as it stands there.
fn found(text: &str) -> Vec<(Kind, &str)> {
    let findings = redact(text.as_bytes()).findings;
    findings.iter().map(|found| (found.kind, &text[found.start as usize..found.end as usize])).collect()
}
