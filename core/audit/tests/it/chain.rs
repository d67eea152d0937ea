//! Building, redacting, and reading back after a crash.

use crate::forge::{Forge, GUARDIAN, Signer};
use crate::sample::{self, Session};
use ioi_audit::{
    Body, ChainError, Entry, Part, RecoverError, RedactError, Report, Selector, Status, Trust, printable,
    recover, redact, verify,
};
use ioi_types::Verdict;
use std::collections::BTreeSet;

fn report(receipt: &[u8]) -> Report {
    verify(receipt, &Trust::keys([Signer::new(GUARDIAN).fingerprint().parse().unwrap()])).unwrap()
}

fn log() -> Vec<u8> {
    sample::entries().iter().flat_map(Entry::to_line).collect()
}

#[test]
fn a_line_reads_back_as_the_entry_that_wrote_it() {
    for entry in sample::entries() {
        let line = entry.to_line();
        let (again, record) = Entry::parse_line(&line).unwrap();
        assert_eq!(again, entry);
        assert_eq!(record.to_bytes(), entry.record);
        assert!(Entry::parse_line(&line[..line.len() - 1]).is_err());
        assert!(Entry::parse_line(&[&line[..], b"\n"].concat()).is_err());
    }
}

#[test]
fn an_opening_that_opens_nothing_in_its_record_is_no_line() {
    let entries = sample::entries();
    let intent = entries.iter().find(|entry| !entry.openings.is_empty()).unwrap();
    let other = Entry { openings: entries.last().unwrap().openings.clone(), ..intent.clone() };
    assert!(Entry::parse_line(&other.to_line()).is_err());
}

/// Which intents have no outcome among the first `count` records, counted independently of the chain.
fn unpaired(entries: &[Entry]) -> Vec<u64> {
    let mut open = BTreeSet::new();
    for (seq, entry) in (0..).zip(entries) {
        match Entry::parse_line(&entry.to_line()).unwrap().1.body {
            Body::Intent(_) => drop(open.insert(seq)),
            Body::Outcome(outcome) => drop(open.remove(&outcome.intent)),
            _ => {}
        }
    }
    open.into_iter().collect()
}

#[test]
fn a_log_that_was_cut_off_anywhere_goes_on_where_its_last_whole_line_ends() {
    let (entries, log) = (sample::entries(), log());
    let mut boundary = 0;
    for whole in 0..entries.len() {
        let next = boundary + entries[whole].to_line().len();
        for cut in [boundary, boundary + 1, (boundary + next) / 2, next - 1] {
            let found = recover(&log[..cut]);
            if whole == 0 {
                assert_eq!(found.unwrap_err(), RecoverError::Empty);
                continue;
            }
            let mut found = found.unwrap();
            assert_eq!(found.valid_bytes, boundary);
            assert_eq!(found.unpaired, unpaired(&entries[..whole]));
            let hashes: Vec<_> = entries[..whole].iter().map(|entry| entry.leaf_hash).collect();
            assert_eq!(found.leaf_hashes, hashes);
            assert_eq!(found.chain.seq_next(), whole as u64);
            for intent in found.unpaired {
                found.chain.outcome(intent, Status::Unknown, vec![], 0).unwrap();
            }
            assert_eq!(found.chain.pending(), 0);
        }
        boundary = next;
    }
}

#[test]
fn a_session_that_crashed_is_closed_with_unknown_outcomes_and_verifies() {
    let mut session = Session::open();
    session.decide("fs::read", "/home/u/project/docs/a", 1);
    session.decide("fs::read", "/etc/passwd", 1);
    let log: Vec<u8> = session.entries.iter().flat_map(Entry::to_line).collect();
    let found = recover(&log).unwrap();
    assert_eq!(found.unpaired, [1, 2]);
    session.chain = found.chain;
    for intent in found.unpaired {
        session.outcome(intent, Status::Unknown, vec![]);
    }
    session.close();
    let report = report(&sample::receipt_of(&session.entries));
    assert_eq!((report.counts.unknown, report.leaves), (2, 6));
    assert!(report.to_string().contains("2 outcomes unknown"));
}

#[test]
fn damage_inside_a_log_is_named_by_its_place_and_never_skipped() {
    let log = log();
    let second = log.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut damaged = log.clone();
    damaged[second + 30] ^= 4;
    assert!(
        matches!(recover(&damaged), Err(RecoverError::Line(at, _) | RecoverError::Chain(at, _)) if at >= second)
    );
    let without: Vec<u8> =
        [&log[..second], &log[second + log[second..].iter().position(|byte| *byte == b'\n').unwrap() + 1..]]
            .concat();
    assert!(
        matches!(recover(&without), Err(RecoverError::Chain(at, ChainError::Sequence { expected: 1, found: 2 })) if at == second)
    );
}

#[test]
fn what_contradicts_the_log_is_refused_and_the_log_goes_on() {
    let mut session = Session::open();
    let (allowed, _) = session.decide("fs::read", "/home/u/project/docs/a", 1);
    let (denied, verdict) = session.decide("fs::read", "/etc/passwd", 1);
    assert_eq!(verdict, Verdict::Deny);
    let before = session.chain.seq_next();
    let chain = &mut session.chain;
    assert_eq!(chain.outcome(99, Status::Ok, vec![], 0), Err(ChainError::Unpaired(99)));
    assert_eq!(chain.outcome(denied, Status::Ok, vec![], 0), Err(ChainError::Contradiction(denied)));
    assert_eq!(chain.outcome(allowed, Status::Refused, vec![], 0), Err(ChainError::Contradiction(allowed)));
    assert_eq!(chain.pending(), 2);
    assert_eq!(chain.seq_next(), before);
    session.outcome(allowed, Status::Ok, vec![]);
    assert_eq!(session.chain.outcome(allowed, Status::Ok, vec![], 0), Err(ChainError::Unpaired(allowed)));
    session.outcome(denied, Status::Refused, vec![]);
    session.close();
    assert_eq!(session.chain.outcome(0, Status::Ok, vec![], 0), Err(ChainError::Closed(6)));
    assert_eq!(report(&sample::receipt_of(&session.entries)).leaves, 6);
}

#[test]
fn a_clock_that_was_set_back_does_not_set_the_log_back() {
    let mut session = Session::open();
    let (id, _) = session.decide("fs::read", "/home/u/project/docs/a", 1);
    let entry = session.chain.outcome(id, Status::Ok, vec![], 5).unwrap();
    let (_, record) = Entry::parse_line(&entry.to_line()).unwrap();
    assert_eq!(record.time_ms, sample::START_MS + 10);
}

#[test]
fn each_redaction_closes_its_claim_and_nothing_else() {
    let receipt = sample::receipt();
    let full = report(&receipt);
    let without = |field: &str| report(&redact(&receipt, &Selector::Field(field.into())).unwrap().0);

    let task = without("task");
    assert_eq!((&task.task, &task.answer), (&Part::Closed, &full.answer));
    assert_eq!(task.decisions, full.decisions);
    assert_eq!(without("answer").answer, Part::Closed);
    let citations = without("citations");
    assert_eq!(citations.citations, Part::Closed);
    let policy = without("policy");
    assert_eq!((policy.decisions.recomputed, policy.decisions.redacted), (0, 7));
    assert!(policy.to_string().contains("not recomputable: redacted"), "{policy}");
    let args = without("args");
    assert_eq!((args.decisions.recomputed, args.decisions.redacted), (0, 7));
    let intent = Forge::of(&receipt).find("intent", 2) as u64;
    let one = report(&redact(&receipt, &Selector::Intent(intent)).unwrap().0);
    assert_eq!((one.decisions.recomputed, one.decisions.redacted), (6, 1));
}

#[test]
fn a_redacted_value_is_gone_from_the_bytes() {
    let receipt = sample::receipt();
    for (field, secret) in
        [("task", "How fast"), ("args", "/etc/passwd"), ("policy", "no-keys"), ("citations", "fast.md")]
    {
        let bytes = redact(&receipt, &Selector::Field(field.into())).unwrap().0;
        let count = |bytes: &[u8]| String::from_utf8_lossy(bytes).matches(secret).count();
        assert!(count(&bytes) < count(&receipt), "{field}");
    }
    let nothing = redact(&receipt, &Selector::All).unwrap().0;
    for private in ["How fast", "/etc/passwd", "/home/u", "fast.md", "GB/s", "toml"] {
        assert!(!String::from_utf8_lossy(&nothing).contains(private), "{private}");
    }
    assert_eq!(redact(&nothing, &Selector::All), Err(RedactError::NothingSelected));
    assert_eq!(redact(&receipt, &Selector::Field("zone".into())), Err(RedactError::NothingSelected));
    assert!(matches!(redact(&receipt[1..], &Selector::All), Err(RedactError::Corrupt(_))));
}

#[test]
fn what_is_printed_is_one_line_of_printable_ascii() {
    assert_eq!(printable("it's \"a\" name"), "it's \"a\" name");
    assert_eq!(printable("a\nb\u{1b}[0m\u{202e}é"), "a\\nb\\u{1b}[0m\\u{202e}\\u{e9}");
    assert_eq!(printable(&"\n".repeat(10_000)).len(), 400);
}
