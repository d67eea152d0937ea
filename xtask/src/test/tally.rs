//! Counts out of what libtest prints with `--show-output`.
//!
//! A test that can't run here prints `skipped: no X` and returns. It is counted as skipped, never as
//! passed, so that the closing line claims no more than was tested.

use std::collections::BTreeSet;
use std::fmt;

/// Sums over test programs.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// The different lines `skipped: …`.
    pub(super) reasons: BTreeSet<String>,
}

impl Tally {
    /// Reads the output of any number of test programs.
    ///
    /// What a test printed stands between its heading and the next list, and nothing in it counts but
    /// that it was skipped: a test may well print the result line of a program that it ran.
    pub(super) fn parse(output: &str) -> Self {
        let mut tally = Self::default();
        let mut skipped_tests = 0;
        let mut in_failures = false;
        let mut in_test = false;
        let mut has_skipped = false;
        for line in output.lines() {
            if line == "successes:" || line == "failures:" {
                (in_failures, in_test) = (line == "failures:", false);
            } else if line.starts_with("---- ") && line.ends_with(" stdout ----") {
                (in_test, has_skipped) = (true, false);
            } else if line.starts_with("skipped: ") {
                tally.reasons.insert(line.to_owned());
                // Further reasons of the same test do not count again; a failed test has failed.
                skipped_tests += u64::from(in_test && !has_skipped && !in_failures);
                has_skipped = true;
            } else if let Some(counts) = line.strip_prefix("test result: ").filter(|_| !in_test) {
                tally.add_result(counts, skipped_tests);
                skipped_tests = 0;
            }
        }
        tally
    }

    fn add_result(&mut self, counts: &str, skipped_tests: u64) {
        let count = |what: &str| {
            let fields = counts.split([';', '.']).map(str::trim);
            let number = fields.filter_map(|field| field.strip_suffix(what)).next()?;
            number.trim().parse::<u64>().ok()
        };
        self.passed += count(" passed").unwrap_or_default().saturating_sub(skipped_tests);
        self.failed += count(" failed").unwrap_or_default();
        self.skipped += count(" ignored").unwrap_or_default() + skipped_tests;
    }

    /// A program that failed without naming a failed test, such as one killed by a signal, counts as
    /// one failure.
    pub(super) fn admit_failure(&mut self) {
        self.failed = self.failed.max(1);
    }

    /// Something that could not run at all, as one skipped test.
    pub(super) fn skip(&mut self, reason: &str) {
        self.skipped += 1;
        self.reasons.insert(format!("skipped: {reason}"));
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.reasons.extend(other.reasons.iter().cloned());
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 4 tests
test a ... ok

successes:

---- a stdout ----
some output
skipped: no cgroup v2
skipped: no memory controller

---- b stdout ----
the word skipped: in a line

successes:
    a
    b

failures:

---- c stdout ----
skipped: no luck
assertion failed

failures:
    c

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s

running 1 test
successes:

---- a stdout ----
skipped: no cgroup v2


successes:
    a

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn a_test_that_says_it_was_skipped_is_not_counted_as_passed() {
        let tally = Tally::parse(OUTPUT);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (1, 1, 3));
        assert_eq!(tally.reasons.len(), 3);
        assert_eq!(tally.to_string(), "1 passed, 1 failed, 3 skipped");
    }

    #[test]
    fn a_result_line_that_a_test_printed_is_not_a_result() {
        let printed = "---- b stdout ----\ntest result: FAILED. 7 passed; 9 failed; 5 ignored;\n";
        let tally = Tally::parse(&OUTPUT.replace("---- b stdout ----\n", printed));
        assert_eq!(tally, Tally::parse(OUTPUT));
    }

    #[test]
    fn sums_add_up_over_programs() {
        let mut sum = Tally::parse(OUTPUT);
        sum.add(&Tally::parse(OUTPUT));
        sum.skip("no root");
        assert_eq!((sum.passed, sum.failed, sum.skipped), (2, 2, 7));
    }

    #[test]
    fn a_failure_without_a_report_is_one_failure() {
        let mut silent = Tally::parse("thread panicked\n");
        silent.admit_failure();
        assert_eq!(silent.failed, 1);
        let mut named = Tally::parse("test result: FAILED. 0 passed; 4 failed; 0 ignored;\n");
        named.admit_failure();
        assert_eq!(named.failed, 4);
    }
}
