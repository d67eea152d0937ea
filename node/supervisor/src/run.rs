//! One run: the node's processes for one command, from their start to their end.
//!
//! The run ends when the orchestrator has reported that it is finished, when any
//! process of the node ends before that, or when the user stops it. In each case
//! every process is killed before [`Run::finish`] returns; should this process
//! be killed itself, each child's init does the same.

use crate::binaries::{Binaries, MissingBinary};
use crate::bounds::Bounds;
use crate::cells::{Cells, Fault, ORCHESTRATOR, Process};
use crate::child::{Child, Exit};
use crate::home::{Home, HomeError, private_folder};
use crate::live::{self, Happening, Journal, Live, Processes};
use crate::profiles;
use crate::regions::Regions;
use crate::reports::{Reports, Told};
use crate::roots::{Refused, Roots};
use crate::service::{EgressService, GuardianService, OrchestratorService, WorkloadService};
use crate::shared::{Shared, lock};
use crate::wiring::{Parts, Station};
use crate::witness::Witness;
use ioi_ipc::proto::supervisor::{
    self as wire, Failed, egress_host_server::EgressHostServer, guardian_host_server::GuardianHostServer,
    orchestrator_host_server::OrchestratorHostServer, report_request::Report,
    workload_host_server::WorkloadHostServer,
};
use ioi_ipc::{Services, pair};
use ioi_port::End;
use ioi_sandbox::{Kernel, Layer, Profile, SpawnError};
use ioi_shm::ConnectError;
use ioi_types::{ErrorCode, LogId};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::time::Instant;

/// How long after a channel broke the end of the process behind it is waited for.
const CAUSE_WITHIN: Duration = Duration::from_millis(500);

/// How long the orchestrator has to write down and sign what happened until another process was ended.
const CUT_SHORT_WITHIN: Duration = Duration::from_secs(10);

/// What a run needs from the machine.
#[derive(Clone)]
pub struct Settings {
    /// Where things are kept.
    pub home: Home,
    /// The node's programs.
    pub binaries: Binaries,
    /// What the kernel gives.
    pub kernel: Arc<Kernel>,
}

/// What a run is to do.
pub struct Job {
    /// `ask`, `run` or `demo`.
    pub command: &'static str,
    /// The folders that `./` stands for, canonical.
    pub roots: Vec<PathBuf>,
    /// The policy.
    pub policy: wire::PolicySource,
    /// What the orchestrator does.
    pub task: wire::task::Task,
    /// Whether documents are indexed and questions answered.
    pub workload: bool,
    /// Whether anything leaves the machine, through a process of its own.
    pub egress: bool,
    /// The plugins that may be started: name and profile.
    pub plugins: BTreeMap<String, Profile>,
    /// The program of `ioi run`.
    pub program: Option<Profile>,
    /// Further facts for the receipt about the program.
    pub program_notes: Vec<String>,
    /// For tests only: layers that the demo's misbehaving plugin runs without.
    pub rogue_without: Vec<Layer>,
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A folder of ours can't be used.
    #[error("{0}")]
    Home(#[from] HomeError),
    /// A program of ours is not there.
    #[error("{0}")]
    Binary(#[from] MissingBinary),
    /// A folder that the user named can't be used.
    #[error("{}", .0.message)]
    Root(Refused),
    /// A process could not be started as it must be.
    #[error("the {name} could not be started: {source}")]
    Spawn {
        /// Which.
        name: String,
        /// Why.
        source: SpawnError,
    },
    /// A process of the node ended.
    #[error("the {name} ended unexpectedly ({}){}", describe_exit(*exit), describe_words(words))]
    Gone {
        /// Which.
        name: String,
        /// How.
        exit: Exit,
        /// The end of its output.
        words: String,
    },
    /// A process of the node lives and says nothing.
    #[error("the {name} has been silent for {} s, so it was ended: it was stopped, or stuck; start the command again", silent.as_secs_f32())]
    Silent {
        /// Which.
        name: String,
        /// For how long.
        silent: Duration,
    },
    /// A process of the node broke the bounds of its channel, which was ended.
    #[error("the {name} was cut off from the supervisor: {source}")]
    Faulty {
        /// Which.
        name: String,
        /// What it did.
        source: io::Error,
    },
    /// A process of the node did not take its cell as it was given.
    #[error("the {name} broke the hand-over of its cell, so it was ended: {source}")]
    Cell {
        /// Which.
        name: String,
        /// What it did.
        source: ConnectError,
    },
    /// The orchestrator gave up, with a stable code.
    #[error("{message}")]
    Failed {
        /// The code.
        code: ErrorCode,
        /// One plain sentence.
        message: String,
    },
    /// The operating system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Its answer.
        source: io::Error,
    },
}

fn describe_exit(exit: Exit) -> String {
    match exit.signal {
        0 => format!("exit code {}", exit.code),
        signal => format!("signal {signal}"),
    }
}

fn describe_words(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

pub(crate) fn system(what: &'static str) -> impl Fn(io::Error) -> RunError {
    move |source| RunError::System { what, source }
}

/// A run that was started.
pub struct Run {
    shared: Arc<Shared>,
    children: Vec<(&'static str, Arc<Child>)>,
    reports: Told,
    faults: (mpsc::UnboundedSender<Broken>, mpsc::UnboundedReceiver<Broken>),
    /// `None` where the run can't be watched.
    live: Option<Live>,
    log: LogId,
    /// Of a process, once it was seen.
    end: Option<RunError>,
    /// Until when the orchestrator has, once another process was ended.
    cut_short_until: Option<Instant>,
}

fn random<const N: usize>() -> Result<[u8; N], RunError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| system("no random bytes")(io::Error::other(error)))?;
    Ok(bytes)
}

/// A process that broke its bounds, and how. Each does so once at most.
type Broken = (&'static str, io::Error);

/// Serves a process of the node. That it is gone is seen where processes are watched; that it broke its bounds is
/// seen only here.
async fn serve(name: &'static str, end: OwnedFd, services: Services, faults: mpsc::UnboundedSender<Broken>) {
    if let Err(source) = pair::serve(end, services).await {
        // A run that is over has nobody to tell.
        let _ = faults.send((name, source));
    }
}

fn station_if(wanted: bool, name: &'static str) -> Result<Option<Station>, RunError> {
    wanted.then(|| Station::new(name)).transpose()
}

impl Run {
    /// Starts the node's processes for `job`. `questions` is closed by its
    /// sender when the user has no more.
    ///
    /// # Errors
    /// Whatever keeps a process from starting; nothing is left behind.
    pub async fn start(
        settings: Settings,
        job: Job,
        questions: mpsc::Receiver<String>,
    ) -> Result<Self, RunError> {
        let bounds = Bounds::from_environment().map_err(system("the bounds for tests"))?;
        let log = LogId(random()?);
        let directory = settings.home.run(&log);
        let guardian_folder = private_folder(&settings.home.guardian())?;
        let run_folder = private_folder(&directory)?;
        let roots = Roots::open(&job.roots).map_err(RunError::Root)?;
        let cells = Cells::new(bounds);
        let (reports, told) = Reports::new(Arc::clone(&cells));

        let mut guardian = Station::new("guardian")?;
        let mut orchestrator = Station::new("orchestrator")?;
        let mut workload = station_if(job.workload, "workload")?;
        let mut egress = station_if(job.egress, "egress")?;
        guardian.give("directory", guardian_folder.into());
        orchestrator.give("directory", run_folder.into());
        guardian.connect(&mut orchestrator)?;
        if let Some(workload) = &mut workload {
            workload.connect(&mut orchestrator)?;
        }
        if let Some(egress) = &mut egress {
            egress.connect(&mut orchestrator)?;
            egress.connect(&mut guardian)?;
        }

        let journal = Journal::default();
        let shared = Arc::new(Shared {
            protected: settings.home.protected(),
            log,
            session: random()?,
            directory: directory.clone(),
            roots: Mutex::new(roots),
            regions: Mutex::new(Regions::new(journal.clone())),
            witness: Witness::default(),
            cells,
            bounds,
            streams: Mutex::default(),
            to_workload: workload.as_ref().map(Station::descriptors),
            to_egress: egress.as_ref().map(Station::descriptors),
            to_orchestrator: orchestrator.descriptors(),
            plugins: Mutex::default(),
            last_instance: AtomicU32::new(0),
            processes: Mutex::default(),
            started_ms: live::now_ms(),
            live_processes: Processes::new(journal.clone()),
            journal,
            program: Mutex::default(),
            program_hears: AtomicBool::new(false),
            accesses: Arc::default(),
            questions: AsyncMutex::new(questions),
            reports,
            settings,
            job,
        });
        shared.journal.add(Happening::Session { ended: false });
        // A run that nobody can watch is a run all the same.
        let live = Live::open(&shared).ok();
        let faults = mpsc::unbounded_channel();
        let (children, end, cut_short_until) = (Vec::new(), None, None);
        let mut run = Self { shared, children, reports: told, faults, live, log, end, cut_short_until };

        run.spawn(guardian, profiles::guardian, |run| {
            Services::new().with(GuardianHostServer::new(GuardianService { run }))
        })?;
        if let Some(workload) = workload {
            run.spawn(workload, profiles::workload, |run| {
                Services::new().with(WorkloadHostServer::new(WorkloadService { run }))
            })?;
        }
        if let Some(egress) = egress {
            run.spawn(egress, profiles::egress, |run| {
                Services::new().with(EgressHostServer::new(EgressService { run }))
            })?;
        }
        let profile =
            |settings: &Settings, station: &Station| profiles::orchestrator(settings, station, &directory);
        run.spawn(orchestrator, profile, |run| {
            Services::new().with(OrchestratorHostServer::new(OrchestratorService { run }))
        })?;
        // Ends with the run's runtime, or with the first fault.
        tokio::spawn(Arc::clone(&run.shared.cells).watch());
        let shared = Arc::clone(&run.shared);
        tokio::spawn(async move { shared.reports.hear().await });
        Ok(run)
    }

    fn spawn(
        &mut self,
        station: Station,
        profile: impl FnOnce(&Settings, &Station) -> Profile,
        service: impl FnOnce(Arc<Shared>) -> Services,
    ) -> Result<(), RunError> {
        let name = station.name();
        let profile = profile(&self.shared.settings, &station);
        let Parts { host, descriptors, offer, inherited } = station.into_parts();
        let child = self.shared.start(&profile, None, inherited, false, Vec::new());
        let child = child.map_err(|source| RunError::Spawn { name: name.into(), source })?;
        self.shared.live_processes.add(name, 0, &child.process, child.end());
        lock(&self.shared.processes).push(child.process.clone());
        // Weak, so that the process goes with the run, also where another one could not be started.
        let weak = Arc::downgrade(&child);
        let kill = Arc::new(move || weak.upgrade().iter().for_each(|child| child.kill()));
        let process = Process { end: child.end(), kill };
        self.shared.cells.add(name, process, offer, descriptors);
        self.children.push((name, child));
        // The task ends with the run's runtime.
        tokio::spawn(serve(name, host, service(Arc::clone(&self.shared)), self.faults.0.clone()));
        Ok(())
    }

    /// The run's log, which names its folder.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.log
    }

    /// What the user should see next; `None` once everything was reported.
    ///
    /// # Errors
    /// A process of the node that ended before the run was finished, or the
    /// orchestrator's own failure.
    pub async fn next_report(&mut self) -> Result<Option<Report>, RunError> {
        if self.end.is_none() {
            // Ends come first: whoever reports without end keeps none from being seen. Of them a fault does,
            // so that the reason is said.
            tokio::select! {
                biased;
                fault = self.shared.cells.fault() => {
                    if fault.leaves_a_receipt() {
                        return self.cut_short(fault).await;
                    }
                    self.end = Some(fault.into());
                }
                Some((name, source)) = self.faults.1.recv() => {
                    self.end = Some(RunError::Faulty { name: name.into(), source });
                }
                gone = first_end(self.children.iter()) => self.end = Some(gone),
                report = self.reports.next() => return self.with_cause(report).await,
            }
        }
        // What was reported before the end still counts.
        match self.reports.next_of_the_past().await {
            Some(Report::Failed(failed)) if is_told_by_the_end(&failed, self.end.as_ref()) => {}
            Some(report) => return self.with_cause(Some(report)).await,
            None if self.shared.reports.is_finished() => return Ok(None),
            None => {}
        }
        // Where the last report was a lie, that is why.
        let fault = self.shared.cells.fault_so_far().map(RunError::from);
        fault.or_else(|| self.end.take()).map_or(Ok(None), Err)
    }

    /// A process was ended for a fault, and the orchestrator told: it reports what there is, with a receipt,
    /// but not for ever.
    async fn cut_short(&mut self, fault: Fault) -> Result<Option<Report>, RunError> {
        let until = *self.cut_short_until.get_or_insert_with(|| Instant::now() + CUT_SHORT_WITHIN);
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(until) => Err(fault.into()),
            report = self.reports.next() => self.with_cause(report).await,
        }
    }

    /// Where the orchestrator gave up because a channel broke, what ended at its other end is the cause.
    async fn with_cause(&self, report: Option<Report>) -> Result<Option<Report>, RunError> {
        let Some(Report::Failed(failed)) = &report else { return Ok(report) };
        if !blames_another(failed) {
            return Ok(report);
        }
        if let Some(fault) = self.shared.cells.fault_so_far() {
            let (error_code, message) = (ErrorCode::NodeGone.number(), RunError::from(fault).to_string());
            return Ok(Some(Report::Failed(Failed { error_code, message, receipt: failed.receipt.clone() })));
        }
        let others = self.children.iter().filter(|(name, _)| *name != "orchestrator");
        match tokio::time::timeout(CAUSE_WITHIN, first_end(others)).await {
            Ok(gone) => Err(gone),
            Err(_) => Ok(report),
        }
    }

    /// Asks the orchestrator to write down what happened until now, and to end.
    pub fn interrupt(&self) {
        self.shared.cells.end(End { code: ErrorCode::Cancelled, reason: "interrupted".into() });
    }

    /// The records of the run, which are there before anything is signed.
    #[must_use]
    pub fn records(&self) -> PathBuf {
        self.shared.directory.join("records.jsonl")
    }

    /// Whether the program of `ioi run` was started.
    #[must_use]
    pub fn has_program(&self) -> bool {
        lock(&self.shared.program).is_some()
    }

    /// Sees to it that the program of `ioi run` gets a signal of its terminal: one that was sent before there
    /// was a program is passed on now. The call returns false if there is none yet.
    pub fn program_gets(&self) -> impl Fn(i32) -> bool + use<> {
        let shared = Arc::clone(&self.shared);
        move |number| {
            let program = lock(&shared.program);
            if let (Some(program), false) = (&*program, shared.program_hears.load(Ordering::Acquire)) {
                program.signal(number);
            }
            program.is_some()
        }
    }

    /// Passes a signal on to the program of `ioi run`, where one runs.
    pub fn signal_program(&self, number: i32) {
        if let Some(program) = &*lock(&self.shared.program) {
            program.signal(number);
        }
    }

    /// Ends every process of the run.
    pub async fn finish(self) {
        let instances: Vec<_> = lock(&self.shared.plugins).keys().copied().collect();
        for instance in instances {
            let _ = self.shared.stop_plugin(instance).await;
        }
        self.shared.accesses.close();
        let program = lock(&self.shared.program).take();
        if let Some(program) = program {
            program.kill();
        }
        for (_, child) in &self.children {
            child.kill();
        }
        let gone = futures::future::join_all(self.children.iter().map(|(_, child)| child.exited()));
        let _ = tokio::time::timeout(Duration::from_secs(5), gone).await;
        // The ends that were just seen are told first.
        tokio::task::yield_now().await;
        self.shared.journal.add(Happening::Session { ended: true });
        if let Some(live) = self.live {
            live.end(&self.shared).await;
        }
    }
}

/// The orchestrator gave up because a channel broke.
fn blames_another(failed: &Failed) -> bool {
    let code = ErrorCode::from_number(failed.error_code);
    matches!(code, Some(ErrorCode::GuardianGone | ErrorCode::NodeGone | ErrorCode::Internal))
}

/// Whether the end that was seen says better why the orchestrator gave up than it does. An orchestrator that
/// has ended by itself may have had a reason of its own.
fn is_told_by_the_end(failed: &Failed, end: Option<&RunError>) -> bool {
    let is_its_own = matches!(end, Some(RunError::Gone { name, .. }) if name == ORCHESTRATOR);
    blames_another(failed) && !is_its_own
}

/// Answers when one of these processes has ended, with its end as a failure.
async fn first_end(children: impl Iterator<Item = &(&'static str, Arc<Child>)>) -> RunError {
    let ends: Vec<_> = children.map(|(name, child)| Box::pin(ended(name, child))).collect();
    futures::future::select_all(ends).await.0
}

async fn ended(name: &str, child: &Child) -> RunError {
    let exit = child.exited().await;
    RunError::Gone { name: name.to_owned(), exit, words: child.last_words() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[tokio::test]
    async fn a_process_that_breaks_its_bounds_is_named_with_what_it_did() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let (faults, mut told) = mpsc::unbounded_channel();
        tokio::spawn(serve("orchestrator", far.into(), Services::new(), faults));
        near.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
        let pings = b"\0\0\x08\x06\x01\0\0\0\0\0\0\0\0\0\0\0\0".repeat(10_000);
        near.set_nonblocking(true).unwrap();
        let mut flood = tokio::net::UnixStream::from_std(near).unwrap();
        // It is cut off in the middle, so not all of this is taken.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut flood, &pings).await;
        let told = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
        let (name, source) = told.expect("nobody was told").unwrap();
        let error = RunError::Faulty { name: name.into(), source }.to_string();
        let expected =
            "the orchestrator was cut off from the supervisor: the peer floods this process with pings";
        assert_eq!(error, expected);
    }

    #[test]
    fn why_the_orchestrator_gave_up_is_told_but_where_the_end_of_another_says_more() {
        let gone = |name: &str| RunError::Gone {
            name: name.into(),
            exit: Exit { code: 0, signal: 9 },
            words: String::new(),
        };
        let rows = [
            (ErrorCode::GuardianGone, "guardian", true),
            (ErrorCode::NodeGone, "workload", true),
            (ErrorCode::Internal, "egress", true),
            (ErrorCode::GuardianGone, ORCHESTRATOR, false),
            (ErrorCode::Internal, ORCHESTRATOR, false),
            (ErrorCode::Cancelled, "guardian", false),
            (ErrorCode::Cancelled, ORCHESTRATOR, false),
        ];
        for (code, ended, expected) in rows {
            let failed = Failed { error_code: code.number(), ..Failed::default() };
            assert_eq!(is_told_by_the_end(&failed, Some(&gone(ended))), expected, "{code:?}, {ended}");
        }
    }
}
