//! What the tasks of one session share: the supervisor, the gate, the log, the guardian.

use crate::failure::Failure;
use crate::gate::Gate;
use crate::link::Link;
use crate::log::AuditLog;
use crate::services::PluginServices;
use ioi_audit::{Ended, Open, Profile, Started};
use ioi_firewall::{Context, Policy, Source};
use ioi_ipc::proto::guardian::{HelloReply, HelloRequest, guardian_client::GuardianClient};
use ioi_ipc::proto::supervisor::{
    self as wire, ReportRequest, orchestrator_host_client::OrchestratorHostClient, report_request::Report,
};
use ioi_ipc::tonic::transport::Channel;
use ioi_ipc::{Inherited, Transfers, pair};
use ioi_types::{BootId, ErrorCode, LogId, SessionId};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The supervisor, as this process sees it.
#[derive(Clone)]
pub(crate) struct Host {
    client: OrchestratorHostClient<Channel>,
}

impl Host {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { client: OrchestratorHostClient::new(channel) }
    }

    pub(crate) fn client(&self) -> OrchestratorHostClient<Channel> {
        self.client.clone()
    }

    /// Shows the user something. An error means that the supervisor is gone,
    /// and with it this process, soon.
    pub(crate) async fn report(&self, report: Report) {
        let _ = self.client().report(ReportRequest { report: Some(report) }).await;
    }
}

/// The guardian writes and signs; more than this and it is stuck.
const GUARDIAN_DEADLINE: Duration = Duration::from_secs(10);

/// One session.
pub(crate) struct Session {
    pub(crate) host: Host,
    pub(crate) log: AuditLog,
    pub(crate) gate: Arc<Gate>,
    pub(crate) guardian: GuardianClient<Channel>,
    pub(crate) hello: HelloReply,
    pub(crate) transfers: Transfers,
    pub(crate) directory: OwnedFd,
    pub(crate) configuration: wire::OrchestratorConfiguration,
    /// The policy's text and context, from which a verifier compiles it again.
    pub(crate) policy_source: Source,
    pub(crate) policy_context: Context,
}

/// A plugin that was started for this session.
pub(crate) struct Plugin {
    pub(crate) link: Link,
    pub(crate) services: Arc<PluginServices>,
    instance: u32,
    name: String,
}

fn array<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], Failure> {
    bytes.try_into().map_err(|_| Failure::internal(format!("the {what} has {} bytes", bytes.len())))
}

impl Session {
    /// Connects everything, compiles the policy and writes the `open` record.
    pub(crate) async fn open(
        inherited: &Inherited,
        host: Host,
        configuration: wire::OrchestratorConfiguration,
    ) -> Result<Self, Failure> {
        let system =
            |error: std::io::Error| Failure::internal(format!("a descriptor of ours is not there: {error}"));
        let directory = inherited.named("directory").map_err(system)?;
        let transfers = Transfers::start(inherited.descriptors().map_err(system)?).map_err(system)?;
        let channel = pair::client_within(inherited.named("guardian").map_err(system)?, GUARDIAN_DEADLINE)
            .await
            .map_err(system)?;
        let mut guardian = GuardianClient::new(channel);
        let hello =
            guardian.hello(HelloRequest {}).await.map_err(|status| Failure::guardian(&status))?.into_inner();

        let (source, context) = policy_source(&configuration);
        let policy = Policy::compile(&source, &context).map_err(|diagnostics| {
            let all: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            Failure::new(ErrorCode::PolicyDenied, all.join("\n"))
        })?;
        let open = Open {
            log: LogId(array(&configuration.log_id, "log id")?),
            boot: BootId(array(&hello.boot_id, "boot id")?),
            command: configuration.command.clone(),
            policy: policy.hash(),
            engine: ioi_firewall::ENGINE_VERSION.to_owned(),
            sandboxed: !configuration.dangerously_no_sandbox,
            processes: configuration.processes.iter().map(profile).collect::<Result<_, _>>()?,
        };
        let session = SessionId(array(&configuration.session_id, "session id")?);
        let log =
            AuditLog::open(create(&directory, "records.jsonl")?, guardian.clone(), session, open).await?;
        let gate = Arc::new(Gate::new(policy, log.clone(), host.clone()));
        Ok(Self {
            host,
            log,
            gate,
            guardian,
            hello,
            transfers,
            directory,
            configuration,
            policy_source: source,
            policy_context: context,
        })
    }

    /// The session's own name in chains of principals.
    pub(crate) fn principal(&self) -> String {
        format!("session:{}", self.configuration.command)
    }

    /// Starts a plugin in a sandbox of its own and shakes hands with it.
    pub(crate) async fn start_plugin(&self, name: &str) -> Result<Plugin, Failure> {
        let failed = |error: std::io::Error| Failure::new(ErrorCode::SpawnFailed, error.to_string());
        let awaited = self.transfers.expect().map_err(failed)?;
        let transfer_id = awaited.id().0.to_vec();
        let asked = wire::SpawnPluginRequest { plugin: name.to_owned(), transfer_id };
        let reply = self.host.client().spawn_plugin(asked).await;
        let reply = reply.map_err(|status| Failure::node("supervisor", &status))?.into_inner();
        let socket = awaited.arrival().await.map_err(failed)?;
        let process = reply.process.unwrap_or_default();
        self.log.started(Started { instance: reply.instance.into(), process: profile(&process)? }).await?;
        let services = PluginServices {
            gate: Arc::clone(&self.gate),
            host: self.host.clone(),
            instance: reply.instance,
            principals: vec![self.principal(), format!("plugin:{name}")],
            listings: Mutex::default(),
            reads: Mutex::default(),
        };
        let services = Arc::new(services);
        let link = Link::start(socket, Arc::clone(&services)).await?;
        Ok(Plugin { link, services, instance: reply.instance, name: name.to_owned() })
    }

    /// Ends a plugin and everything that it started.
    pub(crate) async fn stop_plugin(&self, plugin: Plugin) -> Result<(), Failure> {
        plugin.link.shut_down().await;
        plugin.services.settle_reads().await?;
        let asked = wire::StopPluginRequest { instance: plugin.instance };
        let reply = self.host.client().stop_plugin(asked).await;
        let exit = reply.map_err(|status| Failure::node("supervisor", &status))?.into_inner();
        let signal = u64::try_from(exit.signal).unwrap_or(0);
        let ended = Ended {
            instance: plugin.instance.into(),
            name: format!("plugin:{}", plugin.name),
            code: exit.code,
            signal,
        };
        self.log.ended(ended).await
    }
}

fn policy_source(configuration: &wire::OrchestratorConfiguration) -> (Source, Context) {
    let policy = configuration.policy.clone().unwrap_or_default();
    let context = Context {
        roots: configuration.roots.clone(),
        home: (!configuration.home.is_empty()).then(|| configuration.home.clone()),
        protected: configuration.protected_paths.clone(),
    };
    (Source::new(policy.name, policy.text), context)
}

/// A process's profile as records have it.
pub(crate) fn profile(process: &wire::Process) -> Result<Profile, Failure> {
    let executable = process.executable_digest.parse();
    let executable = executable.map_err(|error| Failure::internal(format!("{}: {error}", process.name)))?;
    let properties =
        process.properties.iter().map(|property| (property.name.clone(), property.layers.clone()));
    Ok(Profile {
        name: process.name.clone(),
        executable,
        properties: properties.collect(),
        notes: process.notes.clone(),
        memory_bytes_max: (process.memory_bytes_max > 0).then_some(process.memory_bytes_max),
        pids_max: (process.pids_max > 0).then_some(process.pids_max.into()),
    })
}

/// Makes a file in the run's directory; it must not be there yet.
pub(crate) fn create(directory: &OwnedFd, name: &str) -> Result<File, Failure> {
    let flags =
        OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR);
    let code = |errno| match errno {
        rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT => ErrorCode::DiskFull,
        _ => ErrorCode::AuditUnavailable,
    };
    opened
        .map(File::from)
        .map_err(|errno| Failure::new(code(errno), format!("{name} can't be made: {errno}")))
}
