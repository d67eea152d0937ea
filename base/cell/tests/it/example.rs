//! The round, between two processes.

use std::process::Command;

#[test]
fn the_round_goes_through_inbox_arena_outbox_and_picture() {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples/round");
    assert!(path.exists(), "the example is not built: run `cargo build -p ioi-cell --examples`");
    let run = Command::new(path).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{error}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].ends_with(" says: 1000000 bytes sum up to 3000000"), "{out}");
    assert_eq!(lines[1], "picture 3 has 16 bytes: round 3 of three");
    assert_eq!(lines[2], "the peer beats: true");
}
