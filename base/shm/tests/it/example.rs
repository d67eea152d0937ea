//! The README's example, run as what it is: two processes started separately.

use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = include_str!("../../examples/handover.rs");
const README: &str = include_str!("../../README.md");

/// Examples lie beside the directory of test binaries; `cargo test` builds both.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples/handover");
    assert!(path.exists(), "the example is not built: run `cargo build -p ioi-shm --examples`");
    path
}

#[test]
fn two_processes_hand_over_a_sealed_buffer() {
    let run = Command::new(example()).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{error}");
    let lines: Vec<&str> = out.lines().collect();
    let [wrote, read] = lines[..] else { panic!("{out}{error}") };
    let process = |line: &str| line.split(':').next().unwrap().to_owned();
    assert_ne!(process(wrote), process(read), "both were one process");
    assert!(wrote.ends_with(": sealed 5 bytes"), "{wrote}");
    assert!(read.ends_with(": read \"hello\" in place"), "{read}");
}

#[test]
fn the_readme_shows_the_example_that_is_tested() {
    let shown = SOURCE.split("// In the README:\n").nth(1).expect("the example has its mark");
    assert!(README.contains(shown.trim()), "README.md and examples/handover.rs differ");
}
