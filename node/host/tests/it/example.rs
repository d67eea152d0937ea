//! The example, run as what it is: processes that were started separately.

use std::path::PathBuf;
use std::process::Command;

/// Examples lie beside the directory of test binaries; `cargo test` builds both.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples/three_processes");
    assert!(path.exists(), "the example is not built: run `cargo build -p ioi-node-host --examples`");
    path
}

#[test]
fn three_processes_exchange_what_the_policy_lets_through() {
    let run = Command::new(example()).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{error}");
    // Each process keeps its own order; between them it is free.
    let of = |who: &str| -> Vec<&str> { out.lines().filter_map(|line| line.strip_prefix(who)).collect() };
    assert_eq!(
        of("planner: "),
        [
            "the stranger says nobody hears me",
            "the worker says 5",
            "the worker says 3",
            "the worker says that it heard `hello`",
            "the worker says that somebody asked who may not know",
            "the stranger says goodbye",
        ]
    );
    assert_eq!(
        of("worker: "),
        [
            "not sent: rule `nobody talks to strangers` denies it",
            "not asked: `stranger`, on whose behalf it is, may not ask for the state of `host`",
        ]
    );
    assert_eq!(
        of("stranger: "),
        [
            "not sent: no rule lets `stranger` send to `worker`",
            "I was given a capability",
            "not sent: the capability was revoked",
        ]
    );
    let counts =
        ["planner sent 2 and received 6", "worker sent 4 and received 4", "stranger sent 4 and received 0"];
    assert_eq!(of("host: "), counts);
    assert_eq!(out.lines().count(), 14, "{out}");
}

#[test]
fn the_readme_shows_a_part_of_the_policy_and_lines_that_the_example_prints() {
    let readme = include_str!("../../README.md");
    let policy = include_str!("../../examples/three_processes.toml");
    let block = |mark: &str| readme.split(mark).nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(policy.contains(block("```toml\n")), "it is no part of the policy");
    let run = Command::new(example()).output().unwrap();
    let out = String::from_utf8(run.stdout).unwrap();
    let shown: Vec<_> = block("```text\n").lines().collect();
    assert_eq!(shown.len(), 6);
    for line in shown {
        assert!(out.lines().any(|printed| printed == line), "{line:?} is not printed: {out}");
    }
}
