//! The hostile peer against a victim that AddressSanitizer watches.
//!
//! The stable compiler ships the sanitizer's run-time library and only hides the flag that links it.

use crate::workspace::{cargo, host_platform};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// Lies in one run of the test command; ten million where nothing watches.
pub(crate) const CASES_IN_TESTS: u64 = 1_000_000;
const CASES: u64 = 10_000_000;

/// Reads `--cases N`.
pub(crate) fn parse(arguments: &[OsString]) -> Result<u64> {
    match arguments {
        [] => Ok(CASES),
        [flag, count] if flag == "--cases" => {
            let count = count.to_str().and_then(|count| count.parse().ok());
            count.context("--cases wants a number")
        }
        _ => bail!("asan takes nothing but --cases N"),
    }
}

/// Runs it alone; true when nothing was found.
pub(crate) fn run(target: &Path, cases: u64) -> Result<bool> {
    match command(target, cases)? {
        Some(mut command) => Ok(command.status()?.success()),
        None => {
            println!("skipped: no AddressSanitizer");
            Ok(true)
        }
    }
}

/// The tests of `sim/hostile`, built into a folder of their own; `None` where the compiler has no sanitizer.
pub(crate) fn command(target: &Path, cases: u64) -> Result<Option<Command>> {
    let platform = host_platform()?;
    if !has_sanitizer(&platform)? {
        return Ok(None);
    }
    let mut command = cargo();
    // Naming the platform keeps the flag away from build scripts.
    command.args(["test", "--release", "--target", &platform, "-p", "ioi-hostile", "--tests"]);
    command.args(["--", "--show-output"]).env("CARGO_TARGET_DIR", target.join("asan"));
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("IOI_HOSTILE_CASES", cases.to_string());
    Ok(Some(command))
}

/// Whether the compiler came with the run-time library.
fn has_sanitizer(platform: &str) -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", platform]).output()?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(false) };
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.any(|name| name.contains("asan")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_cases_is_taken_and_nothing_else_is() {
        let parsed = |line: &[&str]| parse(&line.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(parsed(&[]).unwrap(), CASES);
        assert_eq!(parsed(&["--cases", "5"]).unwrap(), 5);
        for bad in [&["--cases"][..], &["--cases", "x"], &["--case", "5"], &["5"]] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }
}
