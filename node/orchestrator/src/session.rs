//! What the tasks of one session share: the supervisor, the gate, the log, the guardian.

use crate::bounds::Bounds;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::host::Host;
use crate::link::Link;
use crate::log::AuditLog;
use crate::services::PluginServices;
use ioi_audit::{Ended, Open, Profile, Started};
use ioi_firewall::{Context, Policy, Source};
use ioi_ipc::proto::guardian::{HelloReply, HelloRequest, guardian_client::GuardianClient};
use ioi_ipc::proto::supervisor as wire;
use ioi_ipc::tonic::transport::Channel;
use ioi_ipc::{Inherited, pair};
use ioi_plugin::message::{BulkHandle, Request};
use ioi_plugin::services::{RETURN, ReturnArguments, Shape};
use ioi_port::Transfers;
use ioi_types::{BootId, ErrorCode, LogId, SessionId};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

/// Nobody waits for it; the protocol wants one.
const RETURN_DEADLINE_MS: u32 = 1_000;

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
    pub(crate) bounds: Bounds,
    /// Plugins that were started and not ended.
    plugins: Mutex<Vec<Plugin>>,
    /// The policy's text and context, from which a verifier compiles it again.
    pub(crate) policy_source: Source,
    pub(crate) policy_context: Context,
}

/// A plugin that was started for this session.
#[derive(Clone)]
pub(crate) struct Plugin {
    pub(crate) link: Link,
    pub(crate) services: Arc<PluginServices>,
    pub(crate) instance: u32,
    name: String,
}

impl Plugin {
    /// The leases among these were read: the plugin may write there again.
    pub(crate) async fn give_back(&self, handles: &[BulkHandle]) {
        let arenas = handles.iter().filter(|handle| self.services.is_arena(handle.region));
        let leases: Vec<_> = arenas.map(|handle| (handle.region, handle.generation)).collect();
        if !leases.is_empty() {
            let arguments = ReturnArguments { leases }.to_bytes();
            self.link.tell(Request::new(RETURN, arguments, RETURN_DEADLINE_MS)).await;
        }
    }
}

fn array<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], Failure> {
    bytes.try_into().map_err(|_| Failure::internal(format!("the {what} has {} bytes", bytes.len())))
}

impl Session {
    /// Connects everything, compiles the policy and writes the `open` record.
    pub(crate) async fn open(
        inherited: &Inherited,
        host: Host,
        descriptors: OwnedFd,
        configuration: wire::OrchestratorConfiguration,
    ) -> Result<Self, Failure> {
        let system =
            |error: std::io::Error| Failure::internal(format!("a descriptor of ours is not there: {error}"));
        let bounds = Bounds::lowered(configuration.bounds);
        let directory = inherited.named("directory").map_err(system)?;
        let transfers = Transfers::start(descriptors).map_err(system)?;
        let channel = pair::client_within(inherited.named("guardian").map_err(system)?, bounds.guardian)
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
            AuditLog::open(create(&directory, "records.jsonl")?, guardian.clone(), session, open, bounds)
                .await?;
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
            bounds,
            plugins: Mutex::default(),
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
        // Records call it as calls do.
        let process = Profile { name: format!("plugin:{name}"), ..profile(&process)? };
        let principals = vec![self.principal(), process.name.clone()];
        self.gate.started(Started { instance: reply.instance.into(), process }).await?;
        let services = Arc::new(PluginServices::new(
            Arc::clone(&self.gate),
            self.host.clone(),
            reply.instance,
            principals,
        ));
        let link = match Link::start(socket, Arc::clone(&services), self.bounds.heartbeat_ms).await {
            Ok(link) => link,
            Err(failure) => {
                self.end_process(reply.instance, name).await?;
                return Err(failure);
            }
        };
        let plugin = Plugin { link, services, instance: reply.instance, name: name.to_owned() };
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner).push(plugin.clone());
        Ok(plugin)
    }

    /// Ends a plugin and everything that it started.
    pub(crate) async fn stop_plugin(&self, plugin: Plugin) -> Result<(), Failure> {
        let is_other = |other: &mut Plugin| other.instance != plugin.instance;
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(is_other);
        plugin.link.shut_down().await;
        plugin.services.end().await;
        self.end_process(plugin.instance, &plugin.name).await
    }

    /// Ends the plugins that are still there when the session is cut short.
    pub(crate) async fn stop_plugins(&self) {
        let left = std::mem::take(&mut *self.plugins.lock().unwrap_or_else(PoisonError::into_inner));
        for plugin in left {
            // What ended the session is told; that this fails too adds nothing.
            let _ = self.stop_plugin(plugin).await;
        }
    }

    async fn end_process(&self, instance: u32, name: &str) -> Result<(), Failure> {
        let reply = self.host.client().stop_plugin(wire::StopPluginRequest { instance }).await;
        let exit = reply.map_err(|status| Failure::node("supervisor", &status))?.into_inner();
        let signal = u64::try_from(exit.signal).unwrap_or(0);
        let (instance, name) = (instance.into(), format!("plugin:{name}"));
        self.log.ended(Ended { instance, name, code: exit.code, signal }).await
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
