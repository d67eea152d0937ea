//! Runs inputs through a target, without libFuzzer: `cargo run -p ioi-fuzz --example replay -- canon FILE…`
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(target) = arguments.next().and_then(|name| ioi_fuzz::find(&name)) else {
        let names: Vec<_> = ioi_fuzz::TARGETS.iter().map(|target| target.name).collect();
        eprintln!("replay TARGET FILE…; the targets are {}", names.join(", "));
        return ExitCode::from(2);
    };
    for path in arguments {
        match std::fs::read(&path) {
            Ok(input) => (target.check)(&input),
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::from(2);
            }
        }
        eprintln!("{path}: holds");
    }
    ExitCode::SUCCESS
}
