//! Measures every figure of docs/benchmarks.md on release programs, each beside its peer in the same run.
//!
//! `cargo bench -p ioi-benches -- [--json] [node plugin handover told observation effect opens ask ask-rust]`; without a
//! name, all of them. The programs are taken from `IOI_BIN_DIR`, else from `target/release`. Nothing
//! here judges: a goal that is missed is printed as missed, and the exit code stays 0.
//!
//! The same program plays the second process of a measurement when its first argument names a role,
//! and the bench's plugin when it is called `ioi-plugin-files`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

mod ask;
mod bare;
mod effect;
mod handover;
mod node;
mod observation;
mod opens;
mod place;
mod plugin;
mod report;
mod told;

use place::Place;
use report::Reporter;
use std::process::ExitCode;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

type Measure = fn(&Place, &mut Reporter) -> Result<()>;

const MEASUREMENTS: &[(&str, Measure)] = &[
    ("node", node::measure),
    ("plugin", plugin::measure),
    ("handover", handover::measure),
    ("told", told::measure),
    ("observation", observation::measure),
    ("effect", effect::measure),
    ("opens", opens::measure),
    ("ask", ask::measure),
    ("ask-rust", ask::measure_rust),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let called = arguments.next().unwrap_or_default();
    if called.ends_with("ioi-plugin-files") {
        return observation::plugin();
    }
    let arguments: Vec<String> = arguments.filter(|argument| argument != "--bench").collect();
    let done = match arguments.first().map(String::as_str) {
        Some("role-echo") => bare::echo(),
        Some("role-read-sealed") => handover::read_sealed(),
        Some("role-read-lent") => handover::read_lent(),
        Some("role-tell-by-cell") => told::tell_by_cell(),
        Some("role-tell-by-call") => told::tell_by_call(),
        Some("role-read-stream") => handover::read_stream(),
        Some("role-open") => opens::role(&arguments[1..]),
        _ => run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let json = arguments.iter().any(|argument| argument == "--json");
    let names: Vec<&str> = arguments.iter().map(String::as_str).filter(|name| *name != "--json").collect();
    if let Some(unknown) = names.iter().find(|name| !MEASUREMENTS.iter().any(|(known, _)| known == *name)) {
        let known: Vec<_> = MEASUREMENTS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no measurement `{unknown}`; there are {}", known.join(", ")).into());
    }
    let Some(place) = Place::new()? else { return again(arguments) };
    let mut reporter = Reporter::new(json);
    for (name, measure) in MEASUREMENTS.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        reporter.section(name);
        if let Err(error) = measure(&place, &mut reporter) {
            reporter.skipped(name, &error.to_string());
        }
    }
    Ok(())
}

/// The supervisor's library finds the programs by `IOI_BIN_DIR` alone, since this program does not lie
/// beside them; a process can't set a variable of its own safely, so it starts itself once more.
fn again(arguments: &[String]) -> Result<()> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    let status = command.args(arguments).env("IOI_BIN_DIR", place::programs()?).status()?;
    if status.success() { Ok(()) } else { Err(format!("the measurement ended with {status}").into()) }
}
