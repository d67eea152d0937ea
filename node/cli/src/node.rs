//! Runs a job on a private node and shows what it reports.

use crate::failure::Failure;
use crate::render::Screen;
use ioi_firewall::Policy;
use ioi_ipc::proto::supervisor::{Failed, Finished, report_request::Report};
use ioi_node_supervisor::{Binaries, Home, Job, Run, RunError, Settings};
use ioi_sandbox::{Kernel, Profile, Property, UnknownProperty};
use ioi_types::{ErrorCode, exit};
use rustix::fs::{self, Mode, OFlags};
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// The machine's side of a run.
///
/// # Errors
/// No home, no programs.
pub(crate) fn settings() -> Result<Settings, Failure> {
    let home = Home::from_environment(|name| std::env::var_os(name))?;
    home.check()?;
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
    screen.advisory(advisory(&settings.kernel, &job));
    let data = settings.home.data.clone();
    let started = Run::start(settings, job, questions).await;
    let mut run = started.map_err(|error| Failure::from(error).with_remedy_for_disk(&data))?;
    let gets = run.program_gets();
    let shown = tokio::select! {
        shown = show(&mut run, screen) => shown,
        () = signals.ended(&gets) => {
            let grace = end_early(&mut run, screen, interrupt);
            // Whoever asks a second time means at once.
            tokio::select! {
                shown = grace => shown,
                () = signals.ended(&gets) => Err(CutShort::interrupted(None)),
            }
        }
    };
    let records = run.records();
    run.finish().await;
    shown.map_err(|cut| cut.into_failure(&records).with_remedy_for_disk(&data))
}

/// Limits of what the user starts that nothing here enforces for all of its processes together.
fn advisory(kernel: &Kernel, job: &Job) -> Vec<Property> {
    let profiles = job.plugins.values().chain(&job.program);
    // A property that is required and missing stops the start, and says so itself.
    let plans = profiles.filter_map(|profile| ioi_sandbox::plan(kernel, profile).ok());
    plans.flat_map(|plan| plan.advisory).collect::<BTreeSet<_>>().into_iter().collect()
}

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
/// How long the program of `ioi run` has to end after a signal, before it is killed.
const PROGRAM_GRACE: Duration = Duration::from_secs(1);
/// How long the receipt of an interrupted run may take: as a rule, milliseconds. A second signal does not wait.
const RECEIPT_GRACE: Duration = Duration::from_secs(10);

/// The program, or the node, is asked to end, so that a receipt tells what happened until then.
async fn end_early(run: &mut Run, screen: &mut Screen, interrupt: Interrupt) -> Result<Outcome, CutShort> {
    let late = |_| Err(CutShort::interrupted(None));
    match interrupt {
        Interrupt::Ends => {
            run.interrupt();
            let shown = tokio::time::timeout(RECEIPT_GRACE, show(run, screen)).await.unwrap_or_else(late);
            shown.map_err(|cut| CutShort::interrupted(cut.receipt))
        }
        Interrupt::IsPassedOn if !run.has_program() => Err(CutShort::interrupted(None)),
        Interrupt::IsPassedOn => {
            run.signal_program(SIGTERM);
            tokio::time::timeout(PROGRAM_GRACE, show(run, screen)).await.unwrap_or_else(late)
        }
    }
}

/// A run that did not come to its end, and the signed receipt of what happened until then, if there is one.
struct CutShort {
    failure: Failure,
    receipt: Option<String>,
}

impl CutShort {
    fn interrupted(receipt: Option<String>) -> Self {
        let message = "interrupted; every process of the run was ended";
        Self { failure: Failure::new(130, "interrupted", message), receipt }
    }

    /// Says where the user finds what happened: signed, or at least written down.
    fn into_failure(self, records: &Path) -> Failure {
        let Self { mut failure, receipt } = self;
        let said = match receipt {
            Some(receipt) => format!("\nThe receipt of what happened until then: {receipt}"),
            None if std::fs::metadata(records).is_ok_and(|file| file.len() > 0) => {
                format!(
                    "\nThere is no receipt. What was recorded until then, unsigned: {}",
                    records.display()
                )
            }
            None => String::new(),
        };
        failure.message.push_str(&said);
        failure
    }
}

impl<E: Into<Failure>> From<E> for CutShort {
    fn from(error: E) -> Self {
        Self { failure: error.into(), receipt: None }
    }
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

    /// Ctrl-C is the program's own business only once there is one to hear it.
    async fn ended(&mut self, gets: impl Fn(i32) -> bool) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => if !(self.passes_on && gets(SIGINT)) { return },
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => return,
            }
        }
    }
}

/// What the demo's plugin tries is a fraction of this.
const ATTEMPTS_MAX: usize = 256;

async fn show(run: &mut Run, screen: &mut Screen) -> Result<Outcome, CutShort> {
    let mut attempts = Vec::new();
    while let Some(report) = run.next_report().await? {
        match report {
            Report::Progress(progress) => screen.progress(&progress),
            Report::Answer(answer) => screen.answer(&answer),
            Report::Refusal(refusal) => screen.refusal(&refusal),
            Report::Skipped(skipped) => screen.skipped(&skipped),
            Report::Attempt(attempt) if attempts.len() < ATTEMPTS_MAX => attempts.push(attempt),
            Report::Attempt(_) => {
                let message = format!(
                    "the orchestrator reports more than {ATTEMPTS_MAX} attempts, which no command makes"
                );
                return Err(Failure::new(exit::INTERNAL, ErrorCode::Internal.name(), message).into());
            }
            Report::Finished(finished) => {
                screen.tally();
                return Ok(Outcome { finished, attempts });
            }
            Report::Failed(failed) => {
                screen.tally();
                let code = ErrorCode::from_number(failed.error_code).unwrap_or(ErrorCode::Internal);
                return Err(ended_early(code, failed));
            }
            Report::Token(token) => screen.token(&token.text),
        }
    }
    let message = "the orchestrator ended without a receipt";
    Err(Failure::new(exit::INTERNAL, ErrorCode::NodeGone.name(), message).into())
}

fn ended_early(code: ErrorCode, failed: Failed) -> CutShort {
    let receipt = (!failed.receipt.is_empty()).then_some(failed.receipt);
    CutShort { failure: RunError::Failed { code, message: failed.message }.into(), receipt }
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

/// Where the receipt's copy goes: held open before anything runs, so that a
/// program with `--write` can't put a link or a pipe there.
pub(crate) struct ReceiptCopy {
    path: PathBuf,
    folder: OwnedFd,
    temporary: String,
    file: std::fs::File,
}

impl ReceiptCopy {
    /// Opens the folder and makes the new file in it; the name itself appears at the end.
    ///
    /// # Errors
    /// Exit 2 when the folder is missing, can't be written, or lies where the program may write.
    pub(crate) fn prepare(path: Option<&Path>, writes: &[PathBuf]) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let failed = |why: String| {
            Failure::usage(format!("the receipt can't be written to {}: {why}", path.display()))
        };
        let name = path.file_name().ok_or_else(|| failed("it names no file".into()))?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let parent = parent.canonicalize().map_err(|error| failed(error.to_string()))?;
        if writes.iter().any(|folder| parent.starts_with(folder)) {
            return Err(failed("the program may write there; name a place outside its folders".into()));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = fs::open(&parent, flags, Mode::empty()).map_err(|errno| failed(errno.to_string()))?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| failed(error.to_string()))?;
        let temporary = format!(".ioi-receipt-{}", ioi_types::hex::encode(&random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = fs::openat(&folder, &temporary, flags, mode).map_err(|errno| failed(errno.to_string()))?;
        Ok(Some(Self { path: parent.join(name), folder, temporary, file: file.into() }))
    }

    /// Copies the receipt and gives the copy its name, replacing a file (or link) of that name.
    ///
    /// # Errors
    /// Exit 5 with the place where the receipt lies all the same.
    pub(crate) fn finish(mut self, finished: &Finished) -> Result<PathBuf, Failure> {
        let copied = std::fs::File::open(&finished.receipt)
            .and_then(|mut receipt| std::io::copy(&mut receipt, &mut self.file))
            .and_then(|_| self.file.sync_all())
            .and_then(|()| {
                let name = self.path.file_name().unwrap_or_default();
                fs::renameat(&self.folder, &self.temporary, &self.folder, name).map_err(std::io::Error::from)
            });
        copied.map(|()| self.path.clone()).map_err(|error| {
            let (to, lies) = (self.path.display(), &finished.receipt);
            Failure::unavailable(format!("the receipt can't be copied to {to}: {error}; it lies at {lies}"))
        })
    }
}

/// A copy that was never finished leaves nothing.
impl Drop for ReceiptCopy {
    fn drop(&mut self) {
        // After finish() the name is gone and this fails, as it should.
        let _ = fs::unlinkat(&self.folder, &self.temporary, fs::AtFlags::empty());
    }
}
