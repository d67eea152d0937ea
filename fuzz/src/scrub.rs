//! Secrets and personal data are found in the same places whatever the pieces are; what was found does not stand
//! in the treated text; a tokenized text comes back as it was.

use crate::script::Script;
use ioi_scrub::{Finding, Kinds, Outcome, Scrubber, Tokens, Treatment, Treatments};

/// Parts that random bytes would not make.
const PARTS: &[&str] = &[
    "ann@example.com",
    "+44 20 7946 0958",
    "4111 1111 1111 1111",
    "GB29 NWBK 6016 1331 9268 19",
    "SSN: 219-09-9999",
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    concat!("gh", "p_0123456789abcdefghijABCDEFGHIJ012345"),
    concat!("-----BEGIN PRI", "VATE KEY-----\n"),
    concat!("-----END PRI", "VATE KEY-----"),
    "eyJhbGciOiJIUzI1NiJ9.",
    "YW5uQGV4YW1wbGUuY29t",
    "<EMAIL_1:00000000>",
    "%40",
    "\\u0040",
];

/// The first byte is the treatment of secrets, the second that of all else; then pieces, each with its length,
/// and between them, by number, parts and cuts.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    const TREATMENTS: [Treatment; 5] =
        [Treatment::Redact, Treatment::Tokenize, Treatment::Pass, Treatment::Ask, Treatment::Deny];
    let secrets = Kinds::named("secret").unwrap_or_default();
    let treatments = Treatments::new()
        .with(Kinds::all(), *script.pick(&TREATMENTS))
        .with(secrets, *script.pick(&TREATMENTS));
    let (text, cuts) = text(&mut script);
    let scrubber = Scrubber::new(treatments);
    let mut tokens = Tokens::new(b"fuzz");
    let whole = scrubber.scrub(&text, &mut tokens);
    let pieces = in_pieces(&scrubber, &text, &cuts);
    assert_eq!(whole, pieces, "the outcome depends on the pieces");
    check_findings(&text, &whole);
    let tokenized = Treatments::new().with(Kinds::all(), Treatment::Tokenize);
    let outcome = Scrubber::new(tokenized).scrub(&text, &mut tokens);
    if outcome.findings.iter().all(|found| found.treatment == Treatment::Tokenize) {
        assert_eq!(tokens.restore(&outcome.bytes).bytes, text, "a tokenized text does not come back");
    }
}

/// The text that a script describes, and where it is cut.
fn text(script: &mut Script<'_>) -> (Vec<u8>, Vec<usize>) {
    const BYTES_MAX: usize = 64 << 10;
    let (mut text, mut cuts) = (Vec::new(), Vec::new());
    while !script.is_empty() && text.len() < BYTES_MAX {
        match script.byte() {
            number @ 0..64 => text.extend_from_slice(PARTS[usize::from(number) % PARTS.len()].as_bytes()),
            64..128 => cuts.push(text.len()),
            number @ 128..144 => {
                let piece = script.piece();
                text.extend_from_slice(&piece.repeat(usize::from(number - 128) * 16));
            }
            _ => text.extend_from_slice(script.piece()),
        }
    }
    cuts.push(text.len());
    (text, cuts)
}

fn in_pieces(scrubber: &Scrubber, text: &[u8], cuts: &[usize]) -> Outcome {
    let (mut stream, mut tokens) = (scrubber.stream(), Tokens::new(b"fuzz"));
    let (mut bytes, mut start) = (Vec::new(), 0);
    for end in cuts {
        bytes.extend(stream.push(&text[start..*end], &mut tokens));
        start = *end;
    }
    let outcome = stream.finish(&mut tokens);
    bytes.extend_from_slice(&outcome.bytes);
    Outcome { bytes, ..outcome }
}

/// Findings lie in the text; those that were treated follow each other, and all else stands in the outcome.
fn check_findings(text: &[u8], outcome: &Outcome) {
    let treated = |found: &&Finding| found.treatment != Treatment::Pass;
    let (mut end, mut kept) = (0, Vec::new());
    for found in outcome.findings.iter().filter(treated) {
        assert!(
            end <= found.start && found.start < found.end && found.end as usize <= text.len(),
            "{found:?}"
        );
        kept.push(&text[end as usize..found.start as usize]);
        end = found.end;
    }
    kept.push(&text[end as usize..]);
    let mut rest = outcome.bytes.as_slice();
    for kept in kept {
        let at = rest.windows(kept.len().max(1)).position(|window| window.starts_with(kept));
        let at = if kept.is_empty() { Some(0) } else { at };
        assert!(at.is_some(), "what is no finding was changed: {}", kept.escape_ascii());
        rest = &rest[at.unwrap_or(0) + kept.len()..];
    }
}
