//! What the services of all node processes share: one run's state, and what may be done with it.

use crate::bounds::Bounds;
use crate::cells::Cells;
use crate::child::{Child, Exit, Start};
use crate::descriptors::Descriptors;
use crate::live::{Journal, Processes};
use crate::mediated::{self, Accesses, Files, Trees};
use crate::regions::{Owner, Regions};
use crate::reports::Reports;
use crate::roots::{Refused, Roots};
use crate::run::{Job, Settings};
use crate::streams::Streams;
use crate::witness::Witness;
use ioi_ipc::pair;
use ioi_ipc::proto::supervisor as wire;
use ioi_sandbox::{Profile, SpawnError};
use ioi_types::{Digest, ErrorCode, LogId, TransferId};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

pub(crate) struct Plugin {
    child: Arc<Child>,
    descriptors: Arc<Descriptors>,
}

/// What the services of all node processes share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) log: LogId,
    pub(crate) session: [u8; 8],
    pub(crate) job: Job,
    pub(crate) protected: Vec<PathBuf>,
    pub(crate) directory: PathBuf,
    pub(crate) roots: Mutex<Roots>,
    pub(crate) regions: Mutex<Regions>,
    pub(crate) witness: Witness,
    pub(crate) cells: Arc<Cells>,
    pub(crate) bounds: Bounds,
    pub(crate) streams: Mutex<Streams>,
    pub(crate) to_workload: Option<Arc<Descriptors>>,
    pub(crate) to_egress: Option<Arc<Descriptors>>,
    pub(crate) to_orchestrator: Arc<Descriptors>,
    pub(crate) plugins: Mutex<BTreeMap<u32, Plugin>>,
    pub(crate) last_instance: AtomicU32,
    pub(crate) processes: Mutex<Vec<wire::Process>>,
    /// Milliseconds since 1970.
    pub(crate) started_ms: u64,
    /// What the user may watch.
    pub(crate) journal: Journal,
    pub(crate) live_processes: Processes,
    pub(crate) program: Mutex<Option<Arc<Child>>>,
    /// The program was there when the signals that come now were sent.
    pub(crate) program_hears: AtomicBool,
    /// What the program wants to open in mediated trees.
    pub(crate) accesses: Arc<Accesses>,
    pub(crate) questions: AsyncMutex<mpsc::Receiver<String>>,
    pub(crate) reports: Arc<Reports>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
        self.live_processes.add(&format!("plugin:{name}"), instance, &process, child.end());
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
        if let Some(listener) = child.take_listener() {
            let trees = Trees::of(profile, child.private_tmp().as_deref());
            let files = Files::new(trees, Arc::clone(&self.accesses));
            let served = listener.serve(mediated::THREADS, Arc::new(files));
            served.map_err(|error| refused(format!("nobody can answer the program's opens: {error}")))?;
        }
        let process = child.process.clone();
        self.live_processes.add("program", 0, &process, child.end());
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

    pub(crate) fn start(
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
