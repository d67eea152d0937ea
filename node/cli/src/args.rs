//! The command line.

use crate::ipc::Cores;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Run agents, plugins and commands isolated, under a policy, with a receipt.
#[derive(Parser, Debug)]
#[command(name = "ioi", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Print machine-readable JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 2 usage or configuration, 3 refused by policy,
4 corrupt data, 5 unavailable, 6 internal; `run` passes on the command's own
code and uses 125-127 for its own failures.
`ioi help all` shows every command with its options.";

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Answer from the documents in a folder, with quotes and citations.
    Ask(AskArgs),
    /// Run a program in a sandbox: this folder read-only, no network.
    Run(RunArgs),
    /// Show what the sandbox stops: a plugin misbehaves on purpose.
    Demo(DemoArgs),
    /// Check a receipt, offline.
    Verify(VerifyArgs),
    /// Show what this kernel enforces, what is missing and the remedy.
    Doctor,
    /// Check, explain and show policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Keep keys of remote endpoints in the guardian's vault.
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// End live runs, and say which could not be ended.
    Stop(StopArgs),
    /// See the shared memory of live runs, and measure it here.
    #[command(subcommand, hide = true)]
    Ipc(IpcCommand),
    /// Remove private parts of a receipt; the rest stays valid.
    #[command(subcommand, hide = true)]
    Receipt(ReceiptCommand),
    /// Print a completion script.
    #[command(hide = true)]
    Completions {
        /// `bash`, `elvish`, `fish`, `powershell` or `zsh`.
        #[arg(hide_possible_values = true)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(hide = true)]
    Man,
    /// Show help on a command, or on all of them.
    #[command(hide = true)]
    Help {
        /// A command, or `all`.
        topic: Vec<String>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct AskArgs {
    /// The folder with the documents.
    pub(crate) folder: PathBuf,
    /// The question (default: questions on standard input, one a line).
    pub(crate) question: Option<OsString>,
    /// Let a model answer: an OpenAI-compatible address
    ///
    /// As http://127.0.0.1:11434/v1. The question and its passages are sent there.
    #[arg(long, value_name = "URL")]
    pub(crate) model: Option<String>,
    /// The model's name, where the endpoint has several.
    #[arg(long, value_name = "NAME", requires = "model")]
    pub(crate) model_name: Option<String>,
    /// The endpoint's key, by its name in the vault.
    #[arg(long, value_name = "NAME", requires = "model")]
    pub(crate) credential: Option<String>,
    /// A policy instead of the user's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Copy the receipt here.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Let the program write in this folder (repeatable).
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Vec<PathBuf>,
    /// Let the program also read this folder (repeatable).
    #[arg(long, value_name = "DIR")]
    pub(crate) read: Vec<PathBuf>,
    /// Pass this environment variable on, too (repeatable).
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Vec<OsString>,
    /// A policy instead of the user's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Copy the receipt here.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Most memory, as `512MiB` or `2GiB`.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_size)]
    pub(crate) memory: u64,
    /// Most processes and threads.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=32768))]
    pub(crate) pids: u32,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Copy the receipt here.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// For tests: switch one sandbox layer off, to see the attempt that it stops succeed.
    #[arg(long, value_name = "LAYER", hide = true)]
    pub(crate) without_layer: Vec<String>,
}

#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct StopArgs {
    /// Runs, by the first digits of their log.
    #[arg(value_name = "LOG", conflicts_with = "all", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) session: Vec<String>,
    /// Every live run of yours.
    #[arg(long)]
    pub(crate) all: bool,
    /// How long a run has until it is killed.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub(crate) within: u64,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The receipt.
    pub(crate) receipt: PathBuf,
    /// Trust this key, not this machine's guardian.
    #[arg(long, value_name = "FILE|FINGERPRINT")]
    pub(crate) key: Option<String>,
}

/// A command whose built-in policy can be shown.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Builtin {
    /// `ioi ask`
    Ask,
    /// `ioi run`
    Run,
    /// `ioi demo`
    Demo,
}

#[derive(Subcommand, Debug)]
pub(crate) enum PolicyCommand {
    /// Report every error and warning of a policy, with line and column.
    Check {
        /// The file (default: the user's policy, else the built-in ones).
        file: Option<PathBuf>,
        /// What `./` in it stands for (default: this folder).
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
    /// Decide the calls of a file of tests, and say which came out otherwise.
    Test {
        /// The tests (default: `policy.test.toml` beside the user's policy).
        tests: Option<PathBuf>,
        /// The policy (default: the user's).
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// What `./` stands for (default: this folder).
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
    /// Say which rule decides a call, with file and line, and why the others did not.
    Explain {
        /// The action, as `fs::read`.
        action: String,
        /// Its arguments, as `path=./notes.md`.
        arguments: Vec<String>,
        /// Who calls, outer first [session:ask, plugin:files].
        #[arg(long, value_name = "WHO", hide_default_value = true, default_values_t = ["session:ask".to_owned(), "plugin:files".to_owned()])]
        principal: Vec<String>,
        /// The object's size, for `size_max`.
        #[arg(long, value_name = "BYTES", default_value_t = 0)]
        size: u64,
        /// What the session has taken in, as `private`.
        #[arg(long, value_name = "NAME")]
        label: Vec<String>,
        /// The policy (default: the user's, else a built-in one).
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// Whose built-in policy: `ask` (default), `run`, `demo`.
        #[arg(
            long,
            value_enum,
            default_value = "ask",
            hide_default_value = true,
            hide_possible_values = true
        )]
        command: Builtin,
        /// What `./` stands for (default: this folder).
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
    /// Print the policy that a command uses here: the user's or the built-in one.
    Show {
        /// `ask`, `run` or `demo`.
        #[arg(value_enum, hide_possible_values = true)]
        command: Builtin,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum ReceiptCommand {
    /// Write a copy without the named openings.
    Redact {
        /// The receipt.
        receipt: PathBuf,
        /// `all`, `args`, `task`, `answer`, `citations`, `policy`,
        /// the number of an intent, or a commitment (repeatable)
        #[arg(long, value_name = "PART", required = true, verbatim_doc_comment)]
        remove: Vec<String>,
        /// Where the copy goes.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum CredentialCommand {
    /// Store a key, read from standard input; a terminal does not show it.
    Set {
        /// What policies and `--credential` call it: letters, digits, `-` and `_`.
        name: String,
    },
    /// Name the stored keys; their secrets are never shown.
    List,
    /// Forget a key.
    Remove {
        /// Its name.
        name: String,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum IpcCommand {
    /// List your live runs: processes, shared memory, quotas.
    Ls,
    /// Show the events of a live run as they happen.
    ///
    /// First those that are still kept. Without a live run it waits for one.
    Tap {
        /// The run, by its first digits in `ls` (default: the only one).
        session: Option<String>,
        /// End after so many seconds.
        #[arg(long = "for", value_name = "SECONDS")]
        seconds: Option<u64>,
    },
    /// Measure the data plane on this machine, beside a Unix socket.
    Bench(BenchArgs),
}

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Three short rounds: shows that it works, not how fast.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Draw latency and throughput by size, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// The two cores (default: the first two).
    #[arg(long, value_name = "A,B", value_parser = Cores::parse)]
    pub(crate) cores: Option<Cores>,
}

fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
    let factor: u64 = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        unit => return Err(format!("`{unit}` is no unit; use B, KiB, MiB or GiB")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("`{digits}` is not a whole number"))?;
    number
        .checked_mul(factor)
        .filter(|&bytes| bytes >= 16 << 20)
        .ok_or_else(|| "at least 16MiB, at most 2^64-1 bytes".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_shows_nine_commands_at_most() {
        let command = Cli::command();
        command.clone().debug_assert();
        assert!(command.get_subcommands().filter(|sub| !sub.is_hide_set()).count() <= 9);
    }

    #[test]
    fn sizes_have_units_and_bounds() {
        assert_eq!(parse_size("512MiB"), Ok(512 << 20));
        assert_eq!(parse_size("2 GiB"), Ok(2 << 30));
        for bad in ["", "10GiBB", "-1GiB", "0", "1KiB", "99999999999GiB", "1.5GiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
