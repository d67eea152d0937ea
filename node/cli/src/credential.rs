//! `ioi credential`: keys of remote endpoints, kept by the guardian.

use crate::args::CredentialCommand;
use crate::called;
use crate::failure::{Failure, exit_of};
use crate::node;
use crate::render::Screen;
use ioi_node_supervisor::wire::{Credential, ListCredentials};
use ioi_node_supervisor::{VaultError, VaultTask, ask_vault};
use ioi_types::{CredentialNameError, ErrorCode, exit};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use tokio::signal::unix::{SignalKind, signal};

/// More than any secret; what is longer is refused by its size.
const INPUT_BYTES_MAX: u64 = 64 * 1024;

pub(crate) async fn run(command: CredentialCommand, screen: &mut Screen) -> Result<(), Failure> {
    // Before the secret is asked for, which a refusal would have to throw away.
    if let CredentialCommand::Set { name } | CredentialCommand::Remove { name } = &command {
        ioi_types::check_credential_name(name).map_err(|error| misnamed(&error))?;
    }
    let settings = node::settings()?;
    let (task, done) = match command {
        CredentialCommand::Set { name } => {
            let secret = read_secret(&name).await?;
            let ioi = called::ioi();
            let done = format!("Stored `{name}`; `{ioi} ask … --model URL --credential {name}` uses it.");
            (VaultTask::Store(Credential { name, secret }), done)
        }
        CredentialCommand::Remove { name } => {
            let done = format!("Removed `{name}`.");
            (VaultTask::Remove(name), done)
        }
        CredentialCommand::List => (VaultTask::List(ListCredentials {}), String::new()),
    };
    let lists = matches!(task, VaultTask::List(_));
    let names = ask_vault(&settings, task).await;
    let names = names.map_err(|error| failure(error).with_remedy_for_disk(&settings.home.data))?;
    match (screen.is_json(), lists) {
        (true, true) => screen.line(&json!({"event": "credentials", "names": names}).to_string()),
        (true, false) => screen.line(&json!({"event": "done"}).to_string()),
        (false, true) => names.iter().for_each(|name| screen.line(name)),
        (false, false) => eprintln!("{done}"),
    }
    Ok(())
}

fn misnamed(error: &CredentialNameError) -> Failure {
    Failure::new(exit::USAGE, ErrorCode::ArgumentInvalid.name(), error.to_string())
}

fn failure(error: VaultError) -> Failure {
    match error {
        VaultError::Run(error) => error.into(),
        VaultError::Refused { code, message } => Failure::new(exit_of(code), code.name(), message),
        other => Failure::unavailable(other.to_string()),
    }
}

/// One line from a terminal, unseen, or all of a pipe; without the line's end.
async fn read_secret(name: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("the secret can't be read: {error}"));
    let mut secret = if io::stdin().is_terminal() {
        eprint!("Secret for `{name}` (not shown): ");
        let _ = io::stderr().flush();
        // Also where a signal ends it the terminal is put back.
        let hidden = Hidden::start();
        let line = tokio::select! {
            line = read_line() => line.map_err(failed),
            interrupted = interrupted() => Err(interrupted),
        };
        drop(hidden);
        eprintln!();
        line?
    } else {
        let mut bytes = Vec::new();
        io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        bytes
    };
    while secret.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        secret.pop();
    }
    if secret.is_empty() {
        return Err(Failure::usage("the secret is empty; give it on standard input"));
    }
    Ok(secret)
}

/// A thread of its own reads, which the end of the command doesn't wait for.
async fn read_line() -> io::Result<Vec<u8>> {
    let (sender, line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().take(INPUT_BYTES_MAX).read_line(&mut line);
        // An error means that nobody waits any more.
        let _ = sender.send(read.map(|_| line.into_bytes()));
    });
    line.await.map_err(io::Error::other)?
}

async fn interrupted() -> Failure {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let Ok(mut signals) = kinds.into_iter().map(signal).collect::<io::Result<Vec<_>>>() else {
        return Failure::unavailable("no signal handler");
    };
    let ends: Vec<_> = signals.iter_mut().map(|signal| Box::pin(signal.recv())).collect();
    futures::future::select_all(ends).await;
    Failure::new(130, "interrupted", "interrupted; nothing was stored")
}

/// The terminal shows nothing of what is typed while this lives.
struct Hidden(Option<Termios>);

impl Hidden {
    fn start() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &silent);
        }
        Self(before)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
