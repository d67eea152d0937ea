//! Ten million lies, shared out among the victims; each reaches every outcome that it has.

use ioi_hostile::wrap::{reader_at_the_wrap, writer_at_the_wrap};
use ioi_hostile::{OUTCOMES, TARGETS, Target, run};
use ioi_shm::Fault;

/// All of them together.
const CASES: u64 = 10_000_000;

fn holds(target: Target, reaches: &[&str]) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = number("IOI_HOSTILE_SEED").unwrap_or(1);
    let cases = number("IOI_HOSTILE_CASES").unwrap_or(CASES) / TARGETS.len() as u64;
    eprintln!("seed {seed} (IOI_HOSTILE_SEED changes it)");
    let (tally, broken) = run(target, seed, cases + 1, |_| ());
    assert_eq!(broken.map(|broken| broken.to_string()), None);
    assert!(tally.cases > cases);
    for (name, count) in OUTCOMES.iter().zip(tally.outcomes) {
        assert_eq!(reaches.contains(name), count > 0, "{name}: {count} of {cases} cases");
    }
}

#[test]
fn a_receiver_takes_what_the_slots_say_or_names_the_lie() {
    let faults = ["fault sequence", "fault run", "fault length", "fault published"];
    holds(
        Target::RingReceiver,
        &[&["delivered", "nothing yet", "slept or not", "given back"], &faults[..]].concat(),
    );
}

#[test]
fn a_sender_never_writes_over_what_was_not_given_back() {
    holds(Target::RingSender, &["sent", "full", "too long", "slept or not", "fault acked"]);
}

#[test]
fn a_reader_stays_inside_what_was_written_or_names_the_lie() {
    let faults = ["fault length", "fault published", "fault capacity"];
    let others = ["delivered", "nothing yet", "too long", "slept or not", "given back"];
    holds(Target::ByteReader, &[&others[..], &faults[..]].concat());
}

#[test]
fn a_writer_never_writes_over_what_was_not_given_back() {
    holds(Target::ByteWriter, &["sent", "full", "too long", "grow", "slept or not", "fault acked"]);
}

#[test]
fn a_lender_lends_no_page_twice_and_takes_each_back_once() {
    holds(
        Target::Lender,
        &["lent or taken", "given back", "handle refused", "handle stale", "quota or full"],
    );
}

#[test]
fn a_borrower_holds_nothing_twice_and_nothing_under_an_old_name() {
    holds(
        Target::Borrower,
        &["lent or taken", "given back", "handle refused", "handle stale", "quota or full"],
    );
}

#[test]
fn a_reader_at_the_wrap_believes_what_lies_ahead_and_nothing_else() {
    let capacity = 2 * ioi_shm::byte_ring::CAPACITY_MIN;
    let start = 0_u32.wrapping_sub(16);
    let refused = |published| Err(Fault::Published { published, taken: start });
    assert_eq!(reader_at_the_wrap(16, start), Ok(false));
    assert_eq!(reader_at_the_wrap(16, 8), Ok(true));
    assert_eq!(reader_at_the_wrap(16, start.wrapping_add(capacity)), Ok(true));
    for lie in [start.wrapping_add(capacity + 8), start - 8, 4, 1 << 31] {
        assert_eq!(reader_at_the_wrap(16, lie), refused(lie), "{lie:#x}");
    }
}

#[test]
fn a_writer_at_the_wrap_believes_what_it_sent_and_nothing_else() {
    let refused = |acked| Err(Fault::Acked { acked, sent: 8 });
    assert_eq!(writer_at_the_wrap(0_u32.wrapping_sub(8)), Ok(false));
    assert_eq!(writer_at_the_wrap(8), Ok(true));
    for lie in [16, 4, 0_u32.wrapping_sub(3 << 13), 1 << 31] {
        assert_eq!(writer_at_the_wrap(lie), refused(lie), "{lie:#x}");
    }
}
