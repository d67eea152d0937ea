//! libFuzzer over the targets of `fuzz/`, on the stable compiler.
//!
//! The compiler's own coverage pass marks the edges; the engine is a workspace of its own in
//! `fuzz/engine`, built with the versions of our Cargo.lock into a folder of its own, so that the
//! ordinary build is not disturbed and needs no C++ compiler.

use crate::workspace::{Workspace, cargo, host_platform};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// What cargo-fuzz passes to the compiler, but for a sanitizer, which the stable one does not have.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";
const SECONDS: u32 = 10;
/// One input that takes longer, or this much memory, counts as found.
const INPUT_SECONDS_MAX: u32 = 10;
const MEMORY_MIB_MAX: u32 = 2048;

/// What one command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    /// Empty for all.
    targets: Vec<String>,
    seconds: u32,
    seed: Option<u32>,
}

impl Options {
    pub(crate) fn parse(arguments: &[OsString]) -> Result<Self> {
        let mut options = Self { targets: Vec::new(), seconds: SECONDS, seed: None };
        let mut arguments = arguments.iter().map(|argument| argument.to_str().unwrap_or_default());
        let number = |flag: &str, value: Option<&str>| {
            let value = value.and_then(|value| value.parse::<u32>().ok()).filter(|value| *value > 0);
            value.with_context(|| format!("{flag} wants a number from 1"))
        };
        while let Some(argument) = arguments.next() {
            match argument {
                "--seconds" => options.seconds = number("--seconds", arguments.next())?,
                "--seed" => options.seed = Some(number("--seed", arguments.next())?),
                name if name.starts_with('-') || name.is_empty() => bail!("fuzz has no option `{name}`"),
                name => options.targets.push(name.to_owned()),
            }
        }
        Ok(options)
    }
}

/// Searches one target after the other; true when nothing was found.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if !has_compiler() {
        println!("skipped: no C++ compiler");
        return Ok(true);
    }
    let workspace = Workspace::load(false)?;
    let all = targets(&workspace.root)?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no target `{unknown}`; there are: {}", all.join(", "));
    }
    let engine = build(&workspace)?;
    let seed = options.seed.unwrap_or_else(new_seed);
    println!("seed {seed}, {} s a target", options.seconds);
    let chosen = if options.targets.is_empty() { &all } else { &options.targets };
    let mut is_clean = true;
    for name in chosen {
        is_clean &= Search { workspace: &workspace, engine: &engine, name, seed }.run(options.seconds)?;
    }
    Ok(is_clean)
}

/// The compiler that builds libFuzzer, as the crate `cc` looks for it.
fn has_compiler() -> bool {
    let named = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let version = Command::new(named).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Each target has a folder of inputs; a test of `ioi-fuzz` holds the two lists together.
fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/corpus");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// From the clock, and not 0, which libFuzzer takes for none.
fn new_seed() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_millis() as u32).max(1)
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let engine = workspace.root.join("fuzz/engine");
    // The same versions as in the product; cargo adds libFuzzer's own.
    fs::copy(workspace.root.join("Cargo.lock"), engine.join("Cargo.lock"))?;
    let (platform, target) = (host_platform()?, workspace.target.join("fuzz"));
    let mut command = cargo();
    command.args(["build", "--release", "--target", &platform]);
    // Naming the platform keeps the flags away from build scripts, which don't link libFuzzer.
    command.arg("--manifest-path").arg(engine.join("Cargo.toml")).arg("--target-dir").arg(&target);
    let status = command.env("RUSTFLAGS", COVERAGE).env_remove("CARGO_ENCODED_RUSTFLAGS").status()?;
    ensure!(status.success(), "the fuzzing engine does not build");
    Ok(target.join(platform).join("release/ioi-fuzz-engine"))
}

/// The search of one target.
struct Search<'a> {
    workspace: &'a Workspace,
    engine: &'a Path,
    name: &'a str,
    seed: u32,
}

impl Search<'_> {
    fn run(&self, seconds: u32) -> Result<bool> {
        let (grown, found) = (self.folder("corpus")?, self.folder("found")?);
        let log = self.workspace.target.join("fuzz").join(format!("{}.log", self.name));
        let file = File::create(&log)?;
        let status = Command::new(self.engine)
            .env("IOI_FUZZ_TARGET", self.name)
            .arg(&grown)
            .arg(self.workspace.root.join("fuzz/corpus").join(self.name))
            .args([format!("-max_total_time={seconds}"), format!("-seed={}", self.seed)])
            .args([format!("-timeout={INPUT_SECONDS_MAX}"), format!("-rss_limit_mb={MEMORY_MIB_MAX}")])
            .args(["-print_final_stats=1".to_owned(), format!("-artifact_prefix={}/", found.display())])
            // Messages of panics are relative to it.
            .current_dir(&self.workspace.root)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .status()?;
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        println!("{:<16} {}", self.name, figures(&text));
        if !status.success() {
            self.explain(&text, &log);
        }
        Ok(status.success())
    }

    fn folder(&self, kind: &str) -> Result<PathBuf> {
        let folder = self.workspace.target.join("fuzz").join(kind).join(self.name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn explain(&self, text: &str, log: &Path) {
        println!("  {}", cause(text));
        println!("  all it said: {}", log.display());
        let Some(input) = artifact(text) else { return };
        println!("  input: {input}");
        println!("  replay: cargo run -p ioi-fuzz --example replay -- {} {input}", self.name);
        println!("  keep it once it is mended: cp {input} fuzz/corpus/{}/", self.name);
    }
}

/// Executions, their rate, and how many edges of the code were reached.
fn figures(text: &str) -> String {
    let stat = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", str::trim).to_owned()
    };
    let edges = text.lines().rev().find_map(|line| line.split_once(" cov: ")?.1.split(' ').next());
    format!(
        "{:>10} runs  {:>8} a second  {:>6} edges  {:>5} MiB",
        stat("stat::number_of_executed_units:"),
        stat("stat::average_exec_per_sec:"),
        edges.unwrap_or("?"),
        stat("stat::peak_rss_mb:"),
    )
}

/// The panic's own words, or else libFuzzer's.
fn cause(text: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.contains("panicked at"));
    match (lines.next(), lines.next()) {
        (Some(place), Some(words)) => format!("{place} {words}"),
        _ => {
            text.lines().find(|line| line.contains("ERROR: libFuzzer")).unwrap_or("it ended early").to_owned()
        }
    }
}

fn artifact(text: &str) -> Option<&str> {
    text.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<Options> {
        Options::parse(&line.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn targets_time_and_seed_are_taken_and_nothing_else_is() {
        let all = Options { targets: vec![], seconds: SECONDS, seed: None };
        assert_eq!(parsed(&[]).unwrap(), all);
        let some = Options { targets: vec!["canon".into(), "pdf".into()], seconds: 3, seed: Some(9) };
        assert_eq!(parsed(&["canon", "--seconds", "3", "pdf", "--seed", "9"]).unwrap(), some);
        for bad in
            [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["--seed"], &["--jobs", "2"]]
        {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_libfuzzer_said_is_summed_up_with_the_input_that_it_saved() {
        let text = "#8\tNEW    cov: 345 ft: 8 corp: 7/24b\n#9\tDONE   cov: 346 ft: 9\n\
            thread '<unnamed>' (7) panicked at core/a/src/b.rs:1:2:\nit is broken\n\
            ==7== ERROR: libFuzzer: deadly signal\n\
            artifact_prefix='x/'; Test unit written to x/crash-0\n\
            stat::number_of_executed_units: 99\nstat::average_exec_per_sec:     33\nstat::peak_rss_mb:              40\n";
        let words = figures(text).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words.join(" "), "99 runs 33 a second 346 edges 40 MiB");
        assert_eq!(cause(text), "thread '<unnamed>' (7) panicked at core/a/src/b.rs:1:2: it is broken");
        assert_eq!(artifact(text), Some("x/crash-0"));
        assert_eq!(
            cause("==7== ERROR: libFuzzer: timeout after 10 seconds\n"),
            "==7== ERROR: libFuzzer: timeout after 10 seconds"
        );
        assert_eq!(artifact(""), None);
    }

    #[test]
    fn each_target_of_the_checkout_is_known() {
        let root = Workspace::load(false).unwrap().root;
        let names = targets(&root).unwrap();
        assert!(names.iter().any(|name| name == "canon") && names.is_sorted(), "{names:?}");
    }
}
