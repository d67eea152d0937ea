//! What a sandbox costs: from the call of `spawn` to the program's exec with every layer in force, and to
//! its end with nothing left, beside the same program started bare. `cargo bench -p ioi-sandbox`.
#![allow(clippy::print_stdout)]

use ioi_sandbox::{Kernel, Layer, Limits, Profile, Streams, spawn, system_grants};
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: usize = 200;

fn main() {
    let kernel = Kernel::probe();
    let init = Path::new(env!("CARGO_BIN_EXE_ioi-init"));
    println!("| start of /bin/true | p50 | p99 | fastest |\n|---|---|---|---|");
    show("bare, to its end", (0..ROUNDS).map(|_| bare()).collect());
    let bare_kernel = kernel.without(&Layer::NAMESPACES);
    for (tier, kernel) in [("namespaces", &kernel), ("no namespaces", &bare_kernel)] {
        let (to_exec, to_end): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| sandboxed(kernel, init)).unzip();
        show(&format!("{tier}, to exec"), to_exec);
        show(&format!("{tier}, to its end"), to_end);
    }
}

fn bare() -> Duration {
    let start = Instant::now();
    std::process::Command::new("/bin/true").status().expect("true is installed");
    start.elapsed()
}

fn sandboxed(kernel: &Kernel, init: &Path) -> (Duration, Duration) {
    let mut profile = Profile::new("true", "/bin/true");
    profile.grants = system_grants();
    profile.limits = Limits { memory_bytes: Some(64 << 20), pids: Some(16), ..Limits::default() };
    let start = Instant::now();
    let mut program =
        spawn(kernel, &profile, init, Vec::new(), Streams::default()).expect("this machine can");
    let to_exec = start.elapsed();
    program.wait().expect("it ends");
    (to_exec, start.elapsed())
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    println!("| {name} | {} | {} | {} |", ms(times[ROUNDS / 2]), ms(times[ROUNDS * 99 / 100]), ms(times[0]));
}
