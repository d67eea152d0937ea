//! A guardian for one thing that the user asks of the vault.

use crate::child::{Child, Start};
use crate::home::private_folder;
use crate::profiles;
use crate::run::{RunError, Settings};
use crate::wiring::{Parts, Station};
use ioi_ipc::proto::supervisor::{
    self as wire,
    guardian_host_server::{GuardianHost, GuardianHostServer},
};
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_ipc::{Services, pair};
use ioi_types::ErrorCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

pub use wire::vault_task::Task as VaultTask;

/// How long it may take; it writes one small file.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why the vault did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The guardian could not be started, or ended early.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It refused.
    #[error("{message}")]
    Refused {
        /// The code.
        code: ErrorCode,
        /// One plain sentence.
        message: String,
    },
    /// It did not answer.
    #[error("the guardian did not answer within {} s", DEADLINE.as_secs())]
    Late,
}

/// Has a guardian do one thing to the vault; returns the names that it lists, where it was asked to.
///
/// # Errors
/// Whatever keeps the guardian from starting or from doing it.
pub async fn ask_vault(settings: &Settings, task: VaultTask) -> Result<Vec<String>, VaultError> {
    let folder = private_folder(&settings.home.guardian()).map_err(RunError::from)?;
    let mut station = Station::new("guardian")?;
    station.give("directory", folder.into());
    let profile = profiles::guardian(settings, &station);
    // It takes its cell as every guardian does; the deadline here is that of the whole task.
    let Parts { host, inherited, descriptors: _descriptors, offer: _offer } = station.into_parts();
    let child = Child::start(Start {
        kernel: &settings.kernel,
        init: &settings.binaries.path("ioi-init"),
        profile: &profile,
        decided: None,
        descriptors: inherited,
        inherit_stdio: false,
        notes: Vec::new(),
        without: &[],
    });
    let child = child.map_err(|source| RunError::Spawn { name: "guardian".into(), source })?;
    let (answered, mut answers) = mpsc::channel(1);
    let service = VaultHost { task: Mutex::new(Some(task)), answered };
    tokio::spawn(pair::serve(host, Services::new().with(GuardianHostServer::new(service))));
    let waited = tokio::time::timeout(DEADLINE, async {
        tokio::select! {
            biased;
            answer = answers.recv() => answer,
            _ = child.exited() => answers.try_recv().ok(),
        }
    });
    let answer = waited.await;
    child.kill();
    let exit = child.exited().await;
    let gone = || RunError::Gone { name: "guardian".into(), exit, words: child.last_words() };
    let answer = answer.map_err(|_| VaultError::Late)?.ok_or_else(gone)?;
    match answer.error.as_str() {
        "" => Ok(answer.names),
        _ => Err(VaultError::Refused {
            code: ErrorCode::from_number(answer.error_code).unwrap_or(ErrorCode::Internal),
            message: answer.error,
        }),
    }
}

/// What a guardian for the vault may ask for: its task, once.
struct VaultHost {
    task: Mutex<Option<VaultTask>>,
    answered: mpsc::Sender<wire::VaultDoneRequest>,
}

#[async_trait]
impl GuardianHost for VaultHost {
    async fn configure(
        &self,
        _: Request<wire::ConfigureRequest>,
    ) -> Result<Response<wire::GuardianConfiguration>, Status> {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let task = task.ok_or_else(|| Status::failed_precondition("the task was given before"))?;
        let vault = Some(wire::VaultTask { task: Some(task) });
        Ok(Response::new(wire::GuardianConfiguration { vault, ..Default::default() }))
    }

    async fn ready(&self, _: Request<wire::ReadyRequest>) -> Result<Response<wire::ReadyReply>, Status> {
        Err(Status::failed_precondition("this guardian serves no log"))
    }

    async fn vault_done(
        &self,
        request: Request<wire::VaultDoneRequest>,
    ) -> Result<Response<wire::VaultDoneReply>, Status> {
        // An error means that nobody waits any more.
        let _ = self.answered.send(request.into_inner()).await;
        Ok(Response::new(wire::VaultDoneReply {}))
    }
}
