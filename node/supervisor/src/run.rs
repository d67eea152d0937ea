//! One run: the node's processes for one command, from their start to their end.
//!
//! The run ends when the orchestrator has reported that it is finished, when any
//! process of the node ends before that, or when the user stops it. In each case
//! every process is killed before [`Run::finish`] returns; should this process
//! be killed itself, each child's init does the same.

use crate::binaries::{Binaries, MissingBinary};
use crate::bounds::Bounds;
use crate::child::{Child, Exit, Start};
use crate::descriptors::Descriptors;
use crate::home::{Home, HomeError, private_folder};
use crate::profiles;
use crate::pulse::Pulse;
use crate::regions::{Owner, Regions};
use crate::roots::{Refused, Roots};
use crate::service::{EgressService, GuardianService, OrchestratorService, WorkloadService};
use crate::streams::Streams;
use crate::witness::Witness;
use ioi_ipc::pair;
use ioi_ipc::proto::supervisor::{
    self as wire, egress_host_server::EgressHostServer, guardian_host_server::GuardianHostServer,
    orchestrator_host_server::OrchestratorHostServer, report_request::Report,
    workload_host_server::WorkloadHostServer,
};
use ioi_ipc::tonic::transport::{Server, server::Router};
use ioi_sandbox::{Kernel, Layer, Profile, SpawnError};
use ioi_types::{Digest, ErrorCode, LogId, TransferId};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

/// How long after a channel broke the end of the process behind it is waited for.
const CAUSE_WITHIN: Duration = Duration::from_millis(500);

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
    #[error("the {name} has been silent for {} s: it is stopped, or stuck", silent.as_secs_f32())]
    Silent {
        /// Which.
        name: String,
        /// For how long.
        silent: Duration,
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

struct Plugin {
    child: Arc<Child>,
    descriptors: Arc<Descriptors>,
}

/// What the services of all node processes share.
pub(crate) struct Shared {
    settings: Settings,
    log: LogId,
    session: [u8; 8],
    job: Job,
    protected: Vec<PathBuf>,
    directory: PathBuf,
    roots: Mutex<Roots>,
    regions: Mutex<Regions>,
    pub(crate) witness: Witness,
    pub(crate) pulse: Pulse,
    bounds: Bounds,
    streams: Mutex<Streams>,
    to_workload: Option<Descriptors>,
    to_egress: Option<Descriptors>,
    to_orchestrator: Descriptors,
    plugins: Mutex<BTreeMap<u32, Plugin>>,
    last_instance: AtomicU32,
    processes: Mutex<Vec<wire::Process>>,
    program: Mutex<Option<Arc<Child>>>,
    questions: AsyncMutex<mpsc::Receiver<String>>,
    reports: mpsc::Sender<Report>,
    finished: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn roots(&self) -> MutexGuard<'_, Roots> {
        lock(&self.roots)
    }

    pub(crate) fn regions(&self) -> MutexGuard<'_, Regions> {
        lock(&self.regions)
    }

    pub(crate) fn streams(&self) -> MutexGuard<'_, Streams> {
        lock(&self.streams)
    }

    pub(crate) async fn send_to_egress(&self, id: TransferId, descriptor: OwnedFd) -> Result<(), Refused> {
        let none = || Refused { code: ErrorCode::NodeGone, message: "this run has no way out".into() };
        self.to_egress.as_ref().ok_or_else(none)?.send(id, descriptor).await
    }

    pub(crate) async fn send_to_workload(&self, id: TransferId, descriptor: OwnedFd) -> Result<(), Refused> {
        let none = || Refused { code: ErrorCode::NodeGone, message: "this run has no workload".into() };
        self.to_workload.as_ref().ok_or_else(none)?.send(id, descriptor).await
    }

    pub(crate) async fn send_to_orchestrator(
        &self,
        id: TransferId,
        descriptor: OwnedFd,
    ) -> Result<(), Refused> {
        self.to_orchestrator.send(id, descriptor).await
    }

    pub(crate) async fn send_to_plugin(
        &self,
        instance: u32,
        id: TransferId,
        descriptor: OwnedFd,
    ) -> Result<(), Refused> {
        let descriptors = lock(&self.plugins).get(&instance).map(|plugin| Arc::clone(&plugin.descriptors));
        let none =
            || Refused { code: ErrorCode::PluginGone, message: format!("plugin {instance} has ended") };
        descriptors.ok_or_else(none)?.send(id, descriptor).await
    }

    pub(crate) fn guardian_configuration(&self) -> wire::GuardianConfiguration {
        let bytes = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
        wire::GuardianConfiguration {
            log_id: self.log.0.to_vec(),
            vault: None,
            policy: self.job.egress.then(|| self.job.policy.clone()),
            roots: self.job.roots.iter().map(bytes).collect(),
            home: self.settings.home.user.as_ref().map(bytes).unwrap_or_default(),
            protected_paths: self.protected.iter().map(bytes).collect(),
        }
    }

    /// Keeps the public key where verifiers look for it.
    pub(crate) fn publish_key(&self, public_key: &[u8]) -> io::Result<()> {
        crate::home::publish_key(&self.settings.home, public_key)
    }

    pub(crate) fn orchestrator_configuration(&self) -> wire::OrchestratorConfiguration {
        let bytes = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
        wire::OrchestratorConfiguration {
            log_id: self.log.0.to_vec(),
            session_id: self.session.to_vec(),
            directory: self.directory.display().to_string(),
            command: self.job.command.into(),
            policy: Some(self.job.policy.clone()),
            roots: self.job.roots.iter().map(bytes).collect(),
            home: self.settings.home.user.as_ref().map(bytes).unwrap_or_default(),
            protected_paths: self.protected.iter().map(bytes).collect(),
            processes: lock(&self.processes).clone(),
            task: Some(wire::Task { task: Some(self.job.task.clone()) }),
            dangerously_no_sandbox: false,
            bounds: Some(self.bounds.others),
        }
    }

    /// Starts a plugin; returns its instance, what was enforced, and the other end of its frame channel.
    pub(crate) async fn spawn_plugin(&self, name: &str) -> Result<(u32, wire::Process, OwnedFd), Refused> {
        let refused = |message: String| Refused { code: ErrorCode::SpawnFailed, message };
        let unknown = || refused(format!("this run has no plugin `{name}`"));
        let profile = self.job.plugins.get(name).ok_or_else(unknown)?;
        let (ours, theirs) = pair::pair().map_err(|error| refused(error.to_string()))?;
        let (descriptors, channel) = Descriptors::pair().map_err(|error| refused(error.to_string()))?;
        let fds = vec![(theirs, ioi_ipc::SUPERVISOR_FD), (channel, ioi_ipc::DESCRIPTORS_FD)];
        let child =
            self.start(profile, None, fds, false, Vec::new()).map_err(|error| refused(error.to_string()))?;
        let instance = self.last_instance.fetch_add(1, Ordering::Relaxed) + 1;
        let process = child.process.clone();
        lock(&self.plugins).insert(instance, Plugin { child, descriptors: Arc::new(descriptors) });
        Ok((instance, process, ours))
    }

    /// Ends a plugin with everything that it started, and frees what it held.
    pub(crate) async fn stop_plugin(&self, instance: u32) -> Result<Exit, Refused> {
        let plugin = lock(&self.plugins).remove(&instance);
        self.regions().release_owner(Owner::Plugin(instance));
        let none =
            || Refused { code: ErrorCode::PluginGone, message: format!("there is no plugin {instance}") };
        let child = plugin.ok_or_else(none)?.child;
        child.kill();
        Ok(child.exited().await)
    }

    pub(crate) async fn start_program(&self) -> Result<wire::Process, Refused> {
        let refused = |message: String| Refused { code: ErrorCode::SpawnFailed, message };
        let profile = self.job.program.as_ref().ok_or_else(|| refused("this run has no program".into()))?;
        let mut program = lock(&self.program);
        if program.is_some() {
            return Err(refused("the program was started before".into()));
        }
        let decided = match &self.job.task {
            wire::task::Task::Run(task) => {
                let digest = task.executable_digest.parse::<Digest>();
                Some(digest.map_err(|error| refused(format!("the decided digest: {error}")))?)
            }
            _ => None,
        };
        let child = self.start(profile, decided, Vec::new(), true, self.job.program_notes.clone());
        let child = child.map_err(|error| match error {
            SpawnError::NotExecuted { error } => {
                let message = format!("{} can't be executed: {error}", profile.executable.display());
                Refused { code: ErrorCode::NotExecutable, message }
            }
            error => refused(error.to_string()),
        })?;
        let process = child.process.clone();
        *program = Some(child);
        Ok(process)
    }

    pub(crate) async fn wait_program(&self) -> Result<(i32, i32), Refused> {
        let child = lock(&self.program).clone();
        let none = || Refused { code: ErrorCode::SpawnFailed, message: "the program was not started".into() };
        let exit = child.ok_or_else(none)?.exited().await;
        Ok((exit.code, exit.signal))
    }

    /// The user's next question; `None` when there are no more.
    pub(crate) async fn next_question(&self) -> Option<String> {
        self.questions.lock().await.recv().await
    }

    pub(crate) async fn report(&self, report: Report) {
        if matches!(report, Report::Finished(_) | Report::Failed(_)) {
            self.finished.store(true, Ordering::Release);
        }
        // An error means that the command is ending; nobody is left to be told.
        let _ = self.reports.send(report).await;
    }

    fn start(
        &self,
        profile: &Profile,
        decided: Option<Digest>,
        descriptors: Vec<(OwnedFd, i32)>,
        inherit_stdio: bool,
        notes: Vec<String>,
    ) -> Result<Arc<Child>, SpawnError> {
        Child::start(Start {
            kernel: &self.settings.kernel,
            init: &self.settings.binaries.path("ioi-init"),
            profile,
            decided,
            descriptors,
            inherit_stdio,
            notes,
            without: if profile.name == "plugin-rogue" { &self.job.rogue_without } else { &[] },
        })
    }
}

/// A run that was started.
pub struct Run {
    shared: Arc<Shared>,
    children: Vec<(&'static str, Arc<Child>)>,
    reports: mpsc::Receiver<Report>,
    log: LogId,
}

fn random<const N: usize>() -> Result<[u8; N], RunError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| system("no random bytes")(io::Error::other(error)))?;
    Ok(bytes)
}

struct Ends {
    ours: OwnedFd,
    theirs: OwnedFd,
}

fn ends() -> Result<Ends, RunError> {
    let (ours, theirs) = pair::pair().map_err(system("no socket pair"))?;
    Ok(Ends { ours, theirs })
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
        let (reports, inbox) = mpsc::channel(256);

        let guardian_host = ends()?;
        let orchestrator_host = ends()?;
        let guardian_orchestrator = ends()?;
        let workload = if job.workload { Some((ends()?, ends()?)) } else { None };
        let (to_orchestrator, orchestrator_channel) =
            Descriptors::pair().map_err(system("no descriptor channel"))?;
        let workload_channel = match job.workload {
            true => Some(Descriptors::pair().map_err(system("no descriptor channel"))?),
            false => None,
        };
        let (to_workload, workload_channel) = workload_channel.unzip();
        let egress = if job.egress { Some((ends()?, ends()?, ends()?)) } else { None };
        let egress_channel = match job.egress {
            true => Some(Descriptors::pair().map_err(system("no descriptor channel"))?),
            false => None,
        };
        let (to_egress, egress_channel) = egress_channel.unzip();
        let (_, guardian_channel) = Descriptors::pair().map_err(system("no descriptor channel"))?;

        let shared = Arc::new(Shared {
            protected: settings.home.protected(),
            log,
            session: random()?,
            directory: directory.clone(),
            roots: Mutex::new(roots),
            regions: Mutex::default(),
            witness: Witness::default(),
            pulse: Pulse::new(bounds.beat()),
            bounds,
            streams: Mutex::default(),
            to_workload,
            to_egress,
            to_orchestrator,
            plugins: Mutex::default(),
            last_instance: AtomicU32::new(0),
            processes: Mutex::default(),
            program: Mutex::default(),
            questions: AsyncMutex::new(questions),
            reports,
            finished: AtomicBool::new(false),
            settings,
            job,
        });
        let mut run = Self { shared, children: Vec::new(), reports: inbox, log };

        let guardian = profiles::guardian(&run.shared.settings, run.shared.job.egress);
        let mut guardian_fds = vec![
            (guardian_host.theirs, ioi_ipc::SUPERVISOR_FD),
            (guardian_channel, ioi_ipc::DESCRIPTORS_FD),
            (guardian_folder.into(), 5),
            (guardian_orchestrator.ours, 6),
        ];
        let egress = egress.map(|(host, orchestrator, guardian)| {
            guardian_fds.push((guardian.ours, 7));
            (host, orchestrator, guardian.theirs)
        });
        run.spawn("guardian", &guardian, guardian_fds)?;
        serve(guardian_host.ours, {
            let run = Arc::clone(&run.shared);
            Server::builder().add_service(GuardianHostServer::new(GuardianService { run }))
        });

        let mut orchestrator_fds = vec![
            (orchestrator_host.theirs, ioi_ipc::SUPERVISOR_FD),
            (orchestrator_channel, ioi_ipc::DESCRIPTORS_FD),
            (run_folder.into(), 5),
            (guardian_orchestrator.theirs, 6),
        ];
        if let (Some((host, control)), Some(channel)) = (workload, workload_channel) {
            let profile = profiles::workload(&run.shared.settings);
            run.spawn(
                "workload",
                &profile,
                vec![
                    (host.theirs, ioi_ipc::SUPERVISOR_FD),
                    (channel, ioi_ipc::DESCRIPTORS_FD),
                    (control.ours, 5),
                ],
            )?;
            serve(host.ours, {
                let run = Arc::clone(&run.shared);
                Server::builder().add_service(WorkloadHostServer::new(WorkloadService { run }))
            });
            orchestrator_fds.push((control.theirs, 7));
        }
        if let (Some((host, orchestrator, guardian)), Some(channel)) = (egress, egress_channel) {
            let profile = profiles::egress(&run.shared.settings);
            run.spawn(
                "egress",
                &profile,
                vec![
                    (host.theirs, ioi_ipc::SUPERVISOR_FD),
                    (channel, ioi_ipc::DESCRIPTORS_FD),
                    (orchestrator.ours, 5),
                    (guardian, 6),
                ],
            )?;
            serve(host.ours, {
                let run = Arc::clone(&run.shared);
                Server::builder().add_service(EgressHostServer::new(EgressService { run }))
            });
            orchestrator_fds.push((orchestrator.theirs, 8));
        }
        let (workload, egress) = (run.shared.job.workload, run.shared.job.egress);
        let profile = profiles::orchestrator(&run.shared.settings, &directory, workload, egress);
        run.spawn("orchestrator", &profile, orchestrator_fds)?;
        serve(orchestrator_host.ours, {
            let run = Arc::clone(&run.shared);
            Server::builder().add_service(OrchestratorHostServer::new(OrchestratorService { run }))
        });
        Ok(run)
    }

    fn spawn(
        &mut self,
        name: &'static str,
        profile: &Profile,
        fds: Vec<(OwnedFd, i32)>,
    ) -> Result<(), RunError> {
        let child = self.shared.start(profile, None, fds, false, Vec::new());
        let child = child.map_err(|source| RunError::Spawn { name: name.into(), source })?;
        lock(&self.shared.processes).push(child.process.clone());
        self.children.push((name, child));
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
        let ends: Vec<_> = self.children.iter().map(|(name, child)| Box::pin(ended(name, child))).collect();
        tokio::select! {
            biased;
            report = self.reports.recv() => self.with_cause(report).await,
            (gone, ..) = futures::future::select_all(ends) => {
                // What was reported before the end still counts.
                if let Ok(report) = self.reports.try_recv() {
                    return Ok(Some(report));
                }
                if self.shared.finished.load(Ordering::Acquire) { Ok(None) } else { Err(gone) }
            }
            () = self.shared.pulse.stops() => {
                let silent = self.shared.bounds.orchestrator;
                Err(RunError::Silent { name: "orchestrator".into(), silent })
            }
        }
    }

    /// Where the orchestrator gave up because a channel broke, what ended at its other end is the cause.
    async fn with_cause(&self, report: Option<Report>) -> Result<Option<Report>, RunError> {
        let Some(Report::Failed(failed)) = &report else { return Ok(report) };
        let code = ErrorCode::from_number(failed.error_code);
        if !matches!(code, Some(ErrorCode::GuardianGone | ErrorCode::NodeGone | ErrorCode::Internal)) {
            return Ok(report);
        }
        let others = self.children.iter().filter(|(name, _)| *name != "orchestrator");
        let ends: Vec<_> = others.map(|(name, child)| Box::pin(ended(name, child))).collect();
        match tokio::time::timeout(CAUSE_WITHIN, futures::future::select_all(ends)).await {
            Ok((gone, ..)) => Err(gone),
            Err(_) => Ok(report),
        }
    }

    /// Asks the orchestrator to write down what happened until now, and to end.
    pub fn interrupt(&self) {
        self.shared.pulse.interrupt();
    }

    /// The records of the run, which are there before anything is signed.
    #[must_use]
    pub fn records(&self) -> PathBuf {
        self.shared.directory.join("records.jsonl")
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
        let program = lock(&self.shared.program).take();
        if let Some(program) = program {
            program.kill();
        }
        for (_, child) in &self.children {
            child.kill();
        }
        let gone = futures::future::join_all(self.children.iter().map(|(_, child)| child.exited()));
        let _ = tokio::time::timeout(Duration::from_secs(5), gone).await;
    }
}

async fn ended(name: &str, child: &Child) -> RunError {
    let exit = child.exited().await;
    RunError::Gone { name: name.to_owned(), exit, words: child.last_words() }
}

fn serve(end: OwnedFd, router: Router) {
    // The task ends with the run's runtime; an error means that the peer is
    // gone, and its end is seen where processes are watched.
    tokio::spawn(pair::serve(end, router));
}
