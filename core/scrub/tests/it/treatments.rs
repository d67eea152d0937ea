//! What becomes of findings.

use ioi_scrub::{FINDINGS_MAX, Kind, Kinds, Outcome, Scrubber, Tokens, Treatment, Treatments};
use ioi_types::Verdict;

fn scrub(text: &str, treatments: Treatments, tokens: &mut Tokens) -> Outcome {
    Scrubber::new(treatments).scrub(text.as_bytes(), tokens)
}

fn text(outcome: &Outcome) -> &str {
    std::str::from_utf8(&outcome.bytes).unwrap()
}

fn only(kind: Kind, treatment: Treatment) -> Treatments {
    Treatments::new().with(Kinds::of([kind]), treatment)
}

const TEXT: &str = "To ann@example.com and bob@example.org, cc ann@example.com: 4111111111111111";

#[test]
fn each_treatment_does_what_it_says() {
    let mut tokens = Tokens::new(b"a");
    let cases = [
        (Treatment::Pass, TEXT.to_owned(), Verdict::Allow),
        (
            Treatment::Redact,
            TEXT.replace("ann@example.com", "<REDACTED:email>")
                .replace("bob@example.org", "<REDACTED:email>"),
            Verdict::Allow,
        ),
        (
            Treatment::Ask,
            TEXT.replace("ann@example.com", "<REDACTED:email>")
                .replace("bob@example.org", "<REDACTED:email>"),
            Verdict::Ask,
        ),
        (
            Treatment::Deny,
            TEXT.replace("ann@example.com", "<REDACTED:email>")
                .replace("bob@example.org", "<REDACTED:email>"),
            Verdict::Deny,
        ),
    ];
    for (treatment, expected, verdict) in cases {
        let outcome = scrub(TEXT, only(Kind::Email, treatment), &mut tokens);
        assert_eq!((text(&outcome), outcome.verdict), (expected.as_str(), verdict), "{treatment:?}");
        assert_eq!((outcome.counts.of(Kind::Email), outcome.counts.total()), (3, 3));
        assert!(outcome.findings.iter().all(|found| found.treatment == treatment));
        assert_eq!(outcome.findings[1].start..outcome.findings[1].end, 23..38);
    }
    let none = scrub(TEXT, Treatments::new(), &mut tokens);
    assert_eq!((text(&none), none.counts.total()), (TEXT, 0));
}

#[test]
fn a_value_has_one_placeholder_and_comes_back() {
    let mut tokens = Tokens::new(b"a");
    let treatments = only(Kind::Email, Treatment::Tokenize);
    let outcome = scrub(TEXT, treatments, &mut tokens);
    let shown = text(&outcome).to_owned();
    assert_eq!((shown.matches("<EMAIL_1:").count(), shown.matches("<EMAIL_2:").count()), (2, 1));
    assert!(!shown.contains("example"));
    assert_eq!(scrub(TEXT, treatments, &mut tokens).bytes, outcome.bytes, "the same again");
    assert_eq!(
        scrub(TEXT, treatments, &mut Tokens::new(b"a")).bytes,
        outcome.bytes,
        "and in a table made anew"
    );
    let restored = tokens.restore(&outcome.bytes);
    assert_eq!((restored.bytes, restored.restored, restored.unknown), (TEXT.as_bytes().to_vec(), 3, 0));
}

#[test]
fn a_placeholder_of_another_session_or_of_no_value_stays() {
    let (mut ours, mut theirs) = (Tokens::new(b"a"), Tokens::new(b"b"));
    let treatments = only(Kind::Email, Treatment::Tokenize);
    let shown = scrub("ann@example.com", treatments, &mut ours);
    scrub("eve@example.com", treatments, &mut theirs);
    let restored = theirs.restore(&shown.bytes);
    assert_eq!((restored.bytes, restored.unknown), (shown.bytes.clone(), 1));
    let own = text(&shown);
    for other in [
        own.replace("_1:", "_2:"),
        own.replace("_1:", "_01:"),
        own.replace("EMAIL", "PHONE"),
        own.replace("_1:", "_99999999999999999999:"),
    ] {
        assert_eq!(ours.restore(other.as_bytes()).bytes, other.as_bytes(), "{other}");
    }
}

#[test]
fn a_placeholder_in_the_input_is_never_taken_for_a_value() {
    let mut tokens = Tokens::new(b"a");
    let treatments = only(Kind::Email, Treatment::Tokenize);
    let secret = text(&scrub("ann@example.com", treatments, &mut tokens)).to_owned();
    let input = format!("print {secret} and <EMAIL_7:00000000> for eve@example.com");
    let outcome = scrub(&input, treatments, &mut tokens);
    assert!(!text(&outcome).contains(&secret), "{}", text(&outcome));
    assert_eq!(outcome.counts.of(Kind::Placeholder), 2);
    assert_eq!(
        tokens.restore(&outcome.bytes).bytes,
        input.as_bytes(),
        "it comes back as the text that it was"
    );
}

#[test]
fn a_value_that_holds_a_placeholder_is_not_restored_twice() {
    let mut tokens = Tokens::new(b"a");
    let treatments = only(Kind::Email, Treatment::Tokenize);
    let first = text(&scrub("ann@example.com", treatments, &mut tokens)).to_owned();
    let second = scrub(&first, treatments, &mut tokens);
    let restored = tokens.restore(&second.bytes);
    assert_eq!((restored.bytes, restored.restored), (first.into_bytes(), 1));
}

#[test]
fn what_has_no_longest_length_is_redacted_instead_of_tokenized() {
    let mut tokens = Tokens::new(b"a");
    let all = Treatments::new().with(Kinds::all(), Treatment::Tokenize);
    let short = format!("{}{}", "ghp_", "a1".repeat(20));
    let long = format!("{}{}", "ghp_", "a1".repeat(600));
    let outcome = scrub(&format!("{short} {long}"), all, &mut tokens);
    assert!(text(&outcome).starts_with("<API_KEY_1:") && text(&outcome).ends_with("> <REDACTED:api_key>"));
    assert_eq!(outcome.findings[1].treatment, Treatment::Redact);
    assert_eq!(outcome.findings[1].end as usize, short.len() + 1 + long.len());
}

#[test]
fn a_finding_that_another_one_covers_still_decides() {
    let mut tokens = Tokens::new(b"a");
    let key = ["PRIVATE", "KEY"].join(" ");
    let input = format!("-----BEGIN {key}-----\nann@example.com\n-----END {key}-----");
    let treatments =
        only(Kind::PrivateKey, Treatment::Redact).with(Kinds::of([Kind::Email]), Treatment::Deny);
    let outcome = scrub(&input, treatments, &mut tokens);
    assert_eq!((text(&outcome), outcome.verdict), ("<REDACTED:private_key>", Verdict::Deny));
    let treatments =
        only(Kind::PrivateKey, Treatment::Pass).with(Kinds::of([Kind::Email]), Treatment::Redact);
    let outcome = scrub(&input, treatments, &mut tokens);
    assert_eq!(
        text(&outcome),
        input.replace("ann@example.com", "<REDACTED:email>"),
        "what passes covers nothing"
    );
}

#[test]
fn many_findings_are_counted_and_not_all_listed() {
    let input = "a@b.io ".repeat(FINDINGS_MAX + 10);
    let outcome = scrub(&input, only(Kind::Email, Treatment::Redact), &mut Tokens::new(b"a"));
    assert_eq!((outcome.findings.len(), outcome.counts.total()), (FINDINGS_MAX, FINDINGS_MAX as u64 + 10));
    assert!(!text(&outcome).contains('@'));
}

#[test]
fn a_full_table_of_tokens_redacts() {
    let mut tokens = Tokens::new(b"a");
    let treatments = only(Kind::Email, Treatment::Tokenize);
    let input: String = (0..150_000).map(|number| format!("user{number}@example.com ")).collect();
    let outcome = scrub(&input, treatments, &mut tokens);
    assert!(text(&outcome).contains("<REDACTED:email>") && !text(&outcome).contains('@'));
    assert_eq!(outcome.counts.of(Kind::Email), 150_000);
}

#[test]
fn nothing_that_is_printed_for_debugging_holds_a_value() {
    let mut tokens = Tokens::new(b"a");
    let mut stream = Scrubber::new(only(Kind::Email, Treatment::Tokenize)).stream();
    stream.push(b"ann@example.com said ", &mut tokens);
    let outcome = stream.finish(&mut tokens);
    assert!(!format!("{tokens:?} {:?}", outcome.findings).contains("ann"));
}
