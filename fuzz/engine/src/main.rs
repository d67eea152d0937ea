//! One program of all targets: `IOI_FUZZ_TARGET` names the one that libFuzzer drives.
#![no_main]

use ioi_fuzz::{TARGETS, Target, find};
use std::panic::catch_unwind;
use std::sync::OnceLock;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(init: choose(), |data: &[u8]| run(data));

fn choose() {
    // libFuzzer's own hook ends the process at each panic, those that a target catches among them.
    drop(std::panic::take_hook());
    ioi_fuzz::panics::remember();
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

fn run(data: &[u8]) {
    let check = TARGET.get().expect("chosen at the start").check;
    if catch_unwind(|| check(data)).is_err() {
        std::process::abort();
    }
}
