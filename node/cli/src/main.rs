//! The `ioi` command: parses arguments, wires, and says what went wrong.
#![forbid(unsafe_code)]

mod args;
mod ask;
mod credential;
mod demo;
mod doctor;
mod failure;
mod model;
mod node;
mod policies;
mod policy;
mod render;
mod run;
mod verify;

use args::{Cli, Command, ReceiptCommand};
use clap::{CommandFactory, Parser};
use failure::Failure;
use ioi_types::exit;
use render::Screen;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; everything else is exit 2.
            let _ = error.print();
            let running = std::env::args_os().nth(1).is_some_and(|first| first == "run");
            let usage = if running { exit::RUN_FAILED } else { exit::USAGE };
            return ExitCode::from(if error.use_stderr() { usage } else { exit::OK });
        }
    };
    let mut screen = Screen::new(cli.json);
    match execute(cli.command, &mut screen) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            screen.failure(&failure);
            ExitCode::from(failure.exit)
        }
    }
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
        Command::Receipt(ReceiptCommand::Redact { receipt, remove, output }) => {
            verify::redact(&receipt, &remove, &output, screen).map(|()| exit::OK)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ioi", &mut script);
            write_out(&script)
        }
        Command::Man => {
            let mut page = Vec::new();
            // Writing to memory can't fail.
            let _ = clap_mangen::Man::new(Cli::command()).render(&mut page);
            write_out(&page)
        }
        Command::Help { topic } => help(&topic),
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
    // A reader that went away early is no error.
    let _ = std::io::stdout().lock().write_all(bytes);
    Ok(exit::OK)
}

fn help(topic: &[String]) -> Result<u8, Failure> {
    let mut command = Cli::command();
    if topic.first().is_some_and(|first| first == "all") {
        let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for name in names {
            command = command.mut_subcommand(name, |sub| sub.hide(false));
        }
    }
    let mut found = &mut command;
    for name in topic.iter().filter(|name| *name != "all") {
        found = found.find_subcommand_mut(name).ok_or_else(|| {
            Failure::usage(format!("there is no command `{name}`; `ioi help all` lists them"))
        })?;
    }
    write_out(found.render_help().to_string().as_bytes())
}
