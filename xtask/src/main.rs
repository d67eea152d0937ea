//! The commands of this workspace: build and start the product, install it, test it, keep it tidy.
//!
//! `cargo xtask <command>` runs one of them, `cargo ioi …` is short for `cargo xtask ioi …`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "the commands report on standard output")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod asan;
mod bench;
mod fuzz;
mod generate;
mod licences;
mod planted;
mod product;
mod test;
mod tidy;
mod workspace;

use anyhow::{Result, bail};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  ioi [--] ARGS…          build the programs in release and start `ioi ARGS…` (short: cargo ioi ARGS…)
  install [--prefix DIR]  put `ioi` into DIR/bin and the other programs into DIR/libexec/ioi
                          (default: $HOME/.local)
  test [--quick]          every check and test; --quick leaves out the Python set-up and the matrix of
                          {root, ordinary user} x {namespaces, none}
  fuzz [TARGET…] [--seconds N] [--seed N]
                          libFuzzer over the targets of fuzz/, each for N seconds (default: all, 10 s)
  asan [--cases N]        the hostile peer of sim/ (default: 10000000 lies) against a victim that
                          AddressSanitizer watches
  planted [BUG…]          plants bugs in a copy of the tree, one at a time (default: all), and says whether the
                          tests that are to find them do
  bench ipc [--quick] [--json FILE] [--docs DIR] [--cores A,B] [TRANSPORT…]
                          our shared memory beside other ways of IPC, which are built for this alone; a full
                          run writes docs/benchmarks/ipc.md and its plots
  generate [--check | --vectors]
                          constants and types of every language from the schemas; --check writes nothing
                          and fails where a file is stale, --vectors writes the golden vectors too
  tidy                    folder order, link table, owners of dependencies, unsafe code, files
  licences                licences, sources and banned crates of everything in Cargo.lock
";

/// What one command line asks for.
#[derive(Debug, PartialEq)]
enum Command {
    Ioi(Vec<OsString>),
    Install { prefix: Option<PathBuf> },
    Test { quick: bool },
    Fuzz(fuzz::Options),
    Asan { cases: u64 },
    Planted(Vec<OsString>),
    Bench(bench::Options),
    Generate(generate::Options),
    Tidy,
    Licences,
    Help,
}

fn main() -> ExitCode {
    let command = match parse(std::env::args_os().skip(1).collect()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("xtask: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(4),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(6)
        }
    }
}

/// Runs one command; false means that it ran and found something wrong.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Ioi(arguments) => product::start(&arguments),
        Command::Install { prefix } => product::install(prefix),
        Command::Test { quick } => test::run(quick),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Asan { cases } => asan::run(&workspace::Workspace::load(false)?.target, cases),
        Command::Planted(names) => planted::run(&names),
        Command::Bench(options) => bench::run(&options),
        Command::Generate(options) => generate::run(&options),
        Command::Tidy => tidy::run(),
        Command::Licences => licences::run(),
        Command::Help => {
            print!("{USAGE}");
            Ok(true)
        }
    }
}

fn parse(mut arguments: Vec<OsString>) -> Result<Command> {
    if arguments.is_empty() {
        bail!("a command is missing");
    }
    let name = arguments.remove(0);
    let Some(name) = name.to_str() else { bail!("unknown command {name:?}") };
    match name {
        "ioi" => Ok(Command::Ioi(without_separator(arguments))),
        "install" => parse_install(&arguments),
        "test" => Ok(Command::Test { quick: parse_flag(&arguments, "--quick")? }),
        "asan" => Ok(Command::Asan { cases: asan::parse(&arguments)? }),
        "planted" => Ok(Command::Planted(arguments)),
        "fuzz" => Ok(Command::Fuzz(fuzz::Options::parse(&arguments)?)),
        "bench" => Ok(Command::Bench(bench::Options::parse(&arguments)?)),
        "generate" => Ok(Command::Generate(generate::Options::parse(&arguments)?)),
        "tidy" => nothing_more(&arguments, Command::Tidy),
        "licences" => nothing_more(&arguments, Command::Licences),
        "help" | "--help" | "-h" => Ok(Command::Help),
        other => bail!("unknown command `{other}`"),
    }
}

/// Drops one leading `--`. Any other `--` belongs to `ioi`, as in `cargo ioi run -- make`.
fn without_separator(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.first().is_some_and(|first| first == "--") {
        arguments.remove(0);
    }
    arguments
}

fn parse_install(arguments: &[OsString]) -> Result<Command> {
    match arguments {
        [] => Ok(Command::Install { prefix: None }),
        [flag, folder] if flag == "--prefix" => Ok(Command::Install { prefix: Some(folder.into()) }),
        _ => bail!("install takes nothing but --prefix DIR"),
    }
}

fn parse_flag(arguments: &[OsString], flag: &str) -> Result<bool> {
    match arguments {
        [] => Ok(false),
        [only] if only == flag => Ok(true),
        [other, ..] => bail!("unexpected argument {other:?}; known is {flag}"),
    }
}

fn nothing_more(arguments: &[OsString], command: Command) -> Result<Command> {
    match arguments.first() {
        None => Ok(command),
        Some(other) => bail!("unexpected argument {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<Command> {
        parse(line.iter().map(OsString::from).collect())
    }

    #[test]
    fn arguments_of_ioi_pass_unchanged_but_for_one_leading_separator() {
        let expected = Command::Ioi(vec!["run".into(), "--".into(), "make".into(), "--quick".into()]);
        assert_eq!(parsed(&["ioi", "run", "--", "make", "--quick"]).unwrap(), expected);
        assert_eq!(parsed(&["ioi", "--", "run", "--", "make", "--quick"]).unwrap(), expected);
        assert_eq!(parsed(&["ioi"]).unwrap(), Command::Ioi(vec![]));
    }

    #[test]
    fn a_command_line_with_anything_unknown_is_refused() {
        for line in [
            &[][..],
            &["tets"],
            &["test", "--quik"],
            &["test", "--quick", "--quick"],
            &["tidy", "x"],
            &["fuzz", "--jobs"],
            &["bench"],
            &["generate", "data"],
            &["generate", "--check", "--vectors"],
            &["install", "--prefix"],
            &["install", "/usr"],
        ] {
            assert!(parsed(line).is_err(), "{line:?} was accepted");
        }
    }

    #[test]
    fn known_command_lines_are_understood() {
        assert_eq!(parsed(&["test", "--quick"]).unwrap(), Command::Test { quick: true });
        assert_eq!(parsed(&["test"]).unwrap(), Command::Test { quick: false });
        let prefix = Some(PathBuf::from("out"));
        assert_eq!(parsed(&["install", "--prefix", "out"]).unwrap(), Command::Install { prefix });
    }
}
