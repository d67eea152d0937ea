//! The README's examples, run as what they are: two processes started separately.

use std::path::PathBuf;
use std::process::Command;

const SOURCES: [&str; 2] =
    [include_str!("../../examples/port.rs"), include_str!("../../examples/handover.rs")];
const README: &str = include_str!("../../README.md");

/// Examples lie beside the directory of test binaries; `cargo test` builds both.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "the example is not built: run `cargo build -p ioi-shm --examples`");
    path
}

#[test]
fn two_processes_hand_over_a_sealed_buffer() {
    let run = Command::new(example("handover")).output().unwrap();
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
fn two_processes_ask_and_answer_through_shared_memory() {
    let run = Command::new(example("port")).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{error}");
    assert_eq!(out, "process 2 answers 7: fine, thank you\n");
}

#[test]
fn the_readme_shows_the_examples_that_are_tested() {
    for source in SOURCES {
        let shown = source.split("// In the README:\n").nth(1).expect("the example has its mark");
        assert!(README.contains(shown.trim()), "README.md lacks this: {shown}");
    }
}
