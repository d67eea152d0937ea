//! The round, between two processes.

use std::process::Command;

#[test]
fn the_round_of_two_processes_goes_through_every_section_in_the_smallest_tier_and_in_the_largest() {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples/round");
    assert!(path.exists(), "the example is not built: run `cargo build -p ioi-cell --examples`");
    for (arguments, mib) in [(&[][..], 32), (&["dedicated"], 512)] {
        let run = Command::new(&path).args(arguments).output().unwrap();
        let (out, error) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "{out}{error}");
        // Who sent it is the process id that the host knows.
        let said = |line: &str| line.split_once(" says: ").map(|(_, said)| said.to_owned());
        let lines: Vec<String> = out.lines().map(|line| said(line).unwrap_or(line.to_owned())).collect();
        let wanted = [
            "1000000 bytes of Numbers sum up to 3000000",
            "picture 3 has 16 bytes: round 3 of three",
            "the peer beats: true",
            "call 11 to module 7: how is 3000000 spelt?",
            &format!("job 11 has status 0; the map has {mib} MiB, the host beat 1 times"),
            "calls in flight: 0",
        ];
        assert_eq!(lines, wanted, "{error}");
    }
}
