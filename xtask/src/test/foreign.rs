//! Counts out of what the test runners of other languages print.
//!
//! A test may print anything, lines like those of its runner included, so that only what the runner
//! says itself is counted: Go's events, and the last block of the others. A runner that ran no test
//! has failed: a folder that moved must not look like a suite that passed.

use super::tally::Tally;
use serde_json::Value;
use std::collections::BTreeMap;

/// Node's runner with `--test-reporter=tap`: it closes with `# tests N`, `# pass N` and so on. What a
/// test prints comes as such comments as well, but before.
pub(super) fn node(output: &str) -> Tally {
    let last = |what: &str| {
        let mut lines = output.lines().rev().filter_map(|line| line.strip_prefix("# ")?.strip_prefix(what));
        lines.find_map(|number| number.strip_prefix(' ')?.parse::<u64>().ok()).unwrap_or_default()
    };
    let (passed, failed) = (last("pass"), last("fail") + last("cancelled"));
    let skipped = last("skipped") + last("todo");
    let reasons = output.lines().filter_map(|line| line.split_once(" # SKIP "));
    let reasons = reasons.map(|(_, reason)| format!("skipped: {reason}")).collect();
    // A block that does not add up is not one.
    let is_whole = last("tests") == passed + failed + skipped;
    at_least_one(Tally { passed, failed: if is_whole { failed } else { failed.max(1) }, skipped, reasons })
}

/// `go test -json`: one event a line. A test with parts counts by its parts.
pub(super) fn go(output: &str) -> Tally {
    let mut outcomes = BTreeMap::new();
    let mut tally = Tally::default();
    for event in output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let (Some(test), Some(action)) = (event["Test"].as_str(), event["Action"].as_str()) else { continue };
        let name = format!("{} {test}", event["Package"].as_str().unwrap_or_default());
        match action {
            "pass" | "fail" | "skip" => drop(outcomes.insert(name, action.to_owned())),
            "output" => tally.reasons.extend(go_reason(&event)),
            _ => {}
        }
    }
    for (name, outcome) in &outcomes {
        let part = format!("{name}/");
        let has_parts =
            outcomes.range(part.clone()..).next().is_some_and(|(next, _)| next.starts_with(&part));
        match outcome.as_str() {
            _ if has_parts => {}
            "pass" => tally.passed += 1,
            "skip" => tally.skipped += 1,
            _ => tally.failed += 1,
        }
    }
    // A test may fail by itself although all its parts passed.
    if outcomes.values().any(|outcome| outcome == "fail") {
        tally.admit_failure();
    }
    at_least_one(tally)
}

/// `t.Skip("skipped: no X")` prints the place and then the words.
fn go_reason(event: &Value) -> Option<String> {
    let (_, reason) = event["Output"].as_str()?.trim_end().split_once(": skipped: ")?;
    Some(format!("skipped: {reason}"))
}

/// Python's unittest: `Ran N tests in …`, an empty line, then `OK` or `FAILED`, with counts in brackets.
pub(super) fn unittest(output: &str) -> Tally {
    let lines: Vec<_> = output.lines().collect();
    let ran = lines.iter().rposition(|line| line.starts_with("Ran ") && line.contains(" in "));
    let Some(at) = ran else { return at_least_one(Tally::default()) };
    let all: u64 = lines[at].split(' ').nth(1).and_then(|number| number.parse().ok()).unwrap_or_default();
    let result = lines[at..].iter().find(|line| line.starts_with("OK") || line.starts_with("FAILED"));
    let result = result.copied().unwrap_or("FAILED");
    let count = |what: &str| {
        let counts = result.split(['(', ')', ',']).map(str::trim);
        let mut counts = counts.filter_map(|field| field.strip_prefix(what)?.strip_prefix('='));
        counts.next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default()
    };
    // Parts of one test may fail separately, so that there can be more failures than tests.
    let failed = count("failures") + count("errors") + count("unexpected successes");
    let failed = if result.starts_with("FAILED") { failed.max(1) } else { failed };
    let skipped = count("skipped") + count("expected failures");
    let passed = all.saturating_sub(failed + skipped);
    at_least_one(Tally { passed, failed, skipped, ..Tally::default() })
}

fn at_least_one(mut tally: Tally) -> Tally {
    if tally.passed + tally.failed + tally.skipped == 0 {
        tally.admit_failure();
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(tally: &Tally) -> (u64, u64, u64) {
        (tally.passed, tally.failed, tally.skipped)
    }

    const NODE: &str = "TAP version 13
# tests 90
# pass 90
ok 1 - a
not ok 2 - b
ok 3 - c # SKIP no worker threads
1..3
# tests 5
# suites 0
# pass 1
# fail 1
# cancelled 1
# skipped 1
# todo 1
# duration_ms 12.5
";

    #[test]
    fn nodes_closing_block_is_counted_and_what_a_test_printed_before_is_not() {
        let tally = node(NODE);
        assert_eq!(counts(&tally), (1, 2, 2));
        assert_eq!(tally.reasons.iter().collect::<Vec<_>>(), ["skipped: no worker threads"]);
        let good = NODE
            .replace("fail 1", "fail 0")
            .replace("cancelled 1", "cancelled 0")
            .replace("tests 5", "tests 3");
        assert_eq!(counts(&node(&good)), (1, 0, 2));
        assert_eq!(node(&good.replace("tests 3", "tests 4")).failed, 1, "a test is missing");
    }

    #[test]
    fn gos_tests_count_by_their_parts() {
        let event = |action: &str, test: &str| {
            format!("{{\"Action\":\"{action}\",\"Package\":\"p\",\"Test\":\"{test}\"}}\n")
        };
        let mut output = "go: downloading x\n".to_owned();
        for (action, test) in
            [("pass", "A/one"), ("fail", "A/two"), ("fail", "A"), ("pass", "AB"), ("skip", "C")]
        {
            output += &event(action, test);
        }
        output += "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"C\",\"Output\":\"    a_test.go:3: skipped: no capnp\\n\"}\n";
        output += "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"AB\",\"Output\":\"{\\\"Action\\\":\\\"pass\\\"}\\n\"}\n";
        output += "{\"Action\":\"fail\",\"Package\":\"p\"}\n";
        let tally = go(&output);
        assert_eq!(counts(&tally), (2, 1, 1));
        assert_eq!(tally.reasons.iter().collect::<Vec<_>>(), ["skipped: no capnp"]);
        assert_eq!(counts(&go(&(event("pass", "A/one") + &event("fail", "A")))), (1, 1, 0));
    }

    #[test]
    fn unittests_last_result_is_counted() {
        let printed = "Ran 7 tests in 1s\n\nOK\n";
        let after = |closing: &str| counts(&unittest(&format!("{printed}....\n{closing}")));
        assert_eq!(after("Ran 9 tests in 0.3s\n\nOK\n"), (9, 0, 0));
        assert_eq!(after("Ran 9 tests in 0.3s\n\nOK (skipped=2)\n"), (7, 0, 2));
        assert_eq!(after("Ran 1 test in 0.3s\n\nFAILED (errors=1)\n"), (0, 1, 0));
        assert_eq!(after("Ran 9 tests in 0.3s\n\nFAILED (failures=2, errors=1, skipped=1)\n"), (5, 3, 1));
        assert_eq!(after("Ran 9 tests in 0.3s\n\nkilled\n"), (8, 1, 0), "it never said that all was well");
    }

    #[test]
    fn a_suite_that_ran_nothing_has_failed() {
        for output in ["", "# tests 0\n# pass 0\n# fail 0\n", "Ran 0 tests in 0.0s\n\nOK\n", "{}\n"] {
            for parse in [node, go, unittest] {
                assert_eq!(counts(&parse(output)), (0, 1, 0), "{output}");
            }
        }
    }
}
