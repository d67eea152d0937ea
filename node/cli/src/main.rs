//! The `ioi` command: parses arguments, wires, and says what went wrong.
#![forbid(unsafe_code)]

mod args;
mod ask;
mod called;
mod credential;
mod demo;
mod doctor;
mod failure;
mod help;
mod ipc;
mod model;
mod node;
mod output;
mod policies;
mod policy;
mod render;
mod run;
mod stop;
mod text;
mod trees;
mod verify;

use args::{Cli, Command, ReceiptCommand};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use failure::Failure;
use ioi_types::exit;
use render::Screen;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The second process of `ipc bench` is no command of the user's.
    if let Some(code) = ipc::far_side() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(not_understood(&error)),
    };
    let mut screen = Screen::new(cli.json);
    let lossy = if matches!(cli.command, Command::Run(_)) { exit::RUN_FAILED } else { exit::UNAVAILABLE };
    let exit = match execute(cli.command, &mut screen) {
        Ok(code) => code,
        Err(failure) => {
            screen.failure(&failure);
            failure.exit
        }
    };
    ExitCode::from(output::checked(exit, lossy))
}

/// Shows what clap found instead of a command: help, the version, or a mistake.
fn not_understood(error: &clap::Error) -> u8 {
    let words: Vec<_> = std::env::args_os().skip(1).take_while(|word| word != "--").collect();
    let is_run = words.iter().find(|word| *word != "--json").is_some_and(|first| first == "run");
    let exit = match (error.use_stderr(), is_run) {
        (false, _) => exit::OK,
        (true, false) => exit::USAGE,
        (true, true) => exit::RUN_FAILED,
    };
    if exit != exit::OK && words.iter().any(|word| word == "--json") {
        Screen::new(true).failure(&Failure { exit, ..Failure::usage(mistake(error)) });
    } else {
        let _ = error.print();
    }
    exit
}

/// One mistake in words, without the usage that clap puts below it.
fn mistake(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("there is no command; `{} help all` lists them", called::ioi());
    }
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default().trim_start_matches("error: ");
    text.split("\n\nFor more information").next().unwrap_or_default().trim().to_owned()
}

fn execute(command: Command, screen: &mut Screen) -> Result<u8, Failure> {
    match command {
        Command::Ask(args) => block_on(ask::run(args, screen))?.map(|()| exit::OK),
        Command::Run(args) => block_on(run::run(args, screen))?,
        Command::Demo(args) => block_on(demo::run(args, screen))?.map(|()| exit::OK),
        Command::Verify(args) => verify::run(&args, screen).map(|()| exit::OK),
        Command::Doctor => doctor::run(screen).map(|()| exit::OK),
        Command::Policy(command) => policy::run(command, screen).map(|()| exit::OK),
        Command::Credential(command) => block_on(credential::run(command, screen))?.map(|()| exit::OK),
        Command::Stop(args) => block_on(stop::run(args, screen))?.map(|()| exit::OK),
        Command::Ipc(command) => block_on(ipc::run(command, screen))?.map(|()| exit::OK),
        Command::Receipt(ReceiptCommand::Redact { receipt, remove, output }) => {
            verify::redact(&receipt, &remove, &output, screen).map(|()| exit::OK)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ioi", &mut script);
            write_out(&script)
        }
        Command::Man => write_out(&help::manual()),
        Command::Help { topic } => write_out(help::text(&topic)?.as_bytes()),
    }
}

/// All processes of a run are started from this thread, which lives as long as the command.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::unavailable(format!("no event loop: {error}")))?;
    let done = runtime.block_on(work);
    // A question that is still being typed does not hold up the end.
    runtime.shutdown_background();
    Ok(done)
}

fn write_out(bytes: &[u8]) -> Result<u8, Failure> {
    output::print(bytes);
    Ok(exit::OK)
}
