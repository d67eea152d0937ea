//! Runs a job on a private node and shows what it reports.

use crate::failure::Failure;
use crate::render::Screen;
use ioi_firewall::Policy;
use ioi_ipc::proto::supervisor::{Finished, report_request::Report};
use ioi_node_supervisor::{Binaries, Home, Job, Run, RunError, Settings};
use ioi_sandbox::{Kernel, Profile, UnknownProperty};
use ioi_types::{ErrorCode, exit};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// The machine's side of a run.
///
/// # Errors
/// No home, no programs.
pub(crate) fn settings() -> Result<Settings, Failure> {
    let home = Home::from_environment(|name| std::env::var_os(name))?;
    let binaries = Binaries::find()?;
    // Should an init of ours be killed alone, what it leaves comes to us and is killed.
    ioi_sandbox::adopt_orphans()
        .map_err(|error| Failure::unavailable(format!("no child subreaper: {error}")))?;
    let kernel = Kernel::probe();
    ioi_sandbox::clean_stale_groups(&kernel);
    ioi_sandbox::clean_stale_directories();
    Ok(Settings { home, binaries, kernel: Arc::new(kernel) })
}

/// Adds what the policy requires of every sandbox; a policy can require more, never less.
///
/// # Errors
/// A property that this version does not have, which the compiler refuses before.
pub(crate) fn require(profile: &mut Profile, policy: &Policy) -> Result<(), Failure> {
    for name in policy.sandbox_require() {
        profile
            .require
            .push(name.parse().map_err(|error: UnknownProperty| Failure::usage(error.to_string()))?);
    }
    Ok(())
}

/// What a finished run left.
pub(crate) struct Outcome {
    pub(crate) finished: Finished,
    pub(crate) attempts: Vec<ioi_ipc::proto::supervisor::Attempt>,
}

/// Which signals end a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Ctrl-C and SIGTERM.
    Ends,
    /// SIGTERM only: Ctrl-C is the program's own business.
    IsPassedOn,
}

/// Runs the job to its end. Nothing of it is left when this returns, however it returns.
///
/// # Errors
/// Whatever ended it early.
pub(crate) async fn perform(
    settings: Settings,
    job: Job,
    questions: mpsc::Receiver<String>,
    screen: &mut Screen,
    interrupt: Interrupt,
) -> Result<Outcome, Failure> {
    let mut signals = Signals::listen(interrupt)?;
    let mut run = Run::start(settings, job, questions).await?;
    let shown = tokio::select! {
        shown = show(&mut run, screen) => shown,
        () = signals.ended() => Err(Failure::new(130, "interrupted", "interrupted; every process of the run was ended")),
    };
    run.finish().await;
    shown
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    passes_on: bool,
}

impl Signals {
    fn listen(interrupt: Interrupt) -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::unavailable(format!("no signal handler: {error}")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
            passes_on: interrupt == Interrupt::IsPassedOn,
        })
    }

    async fn ended(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => if !self.passes_on { return },
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => return,
            }
        }
    }
}

async fn show(run: &mut Run, screen: &mut Screen) -> Result<Outcome, Failure> {
    let mut attempts = Vec::new();
    while let Some(report) = run.next_report().await? {
        match report {
            Report::Progress(progress) => screen.progress(&progress),
            Report::Answer(answer) => screen.answer(&answer),
            Report::Refusal(refusal) => screen.refusal(&refusal),
            Report::Skipped(skipped) => screen.skipped(&skipped),
            Report::Attempt(attempt) => attempts.push(attempt),
            Report::Finished(finished) => {
                screen.tally();
                return Ok(Outcome { finished, attempts });
            }
            Report::Failed(failed) => {
                screen.tally();
                let code = ErrorCode::from_number(failed.error_code).unwrap_or(ErrorCode::Internal);
                return Err(RunError::Failed { code, message: failed.message }.into());
            }
            Report::Token(_) => {}
        }
    }
    Err(Failure::new(exit::INTERNAL, ErrorCode::NodeGone.name(), "the orchestrator ended without a receipt"))
}

/// A folder that the user named, absolute and without links.
///
/// # Errors
/// Exit 2 when it is missing, not a folder or unreadable.
pub(crate) fn folder(path: &Path) -> Result<PathBuf, Failure> {
    let shown = path.display();
    let real = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!("there is no folder {shown}")),
        _ => Failure::usage(format!("the folder {shown} can't be used: {error}")),
    })?;
    if !real.is_dir() {
        return Err(Failure::usage(format!(
            "{shown} is not a folder; name the folder that holds the documents"
        )));
    }
    Ok(real)
}

/// Copies the receipt where the user wants it.
///
/// # Errors
/// Exit 5 with the place where the receipt lies all the same.
pub(crate) fn copy_receipt(finished: &Finished, to: Option<&Path>) -> Result<(), Failure> {
    let Some(to) = to else { return Ok(()) };
    std::fs::copy(&finished.receipt, to).map(drop).map_err(|error| {
        let lies = &finished.receipt;
        Failure::unavailable(format!(
            "the receipt can't be copied to {}: {error}; it lies at {lies}",
            to.display()
        ))
    })
}
