//! One program of all targets: `IOI_FUZZ_TARGET` names the one that libFuzzer drives.
#![no_main]

use ioi_fuzz::{TARGETS, Target, find};
use std::sync::OnceLock;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(init: choose(), |data: &[u8]| run(data));

fn choose() {
    let name = std::env::var("IOI_FUZZ_TARGET").unwrap_or_default();
    match find(&name) {
        Some(target) => drop(TARGET.set(target)),
        None => {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!("IOI_FUZZ_TARGET=`{name}` is no target; there are: {}", names.join(", "));
            std::process::exit(2);
        }
    }
}

// A panic ends the process: libfuzzer-sys sees to that, and libFuzzer saves the input.
fn run(data: &[u8]) {
    let target = TARGET.get().expect("chosen at the start");
    (target.check)(data);
}
