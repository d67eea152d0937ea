//! One effect until it may happen: decided, recorded, synced, in the guardian's frontier.
//!
//! The guardian is the real process in its sandbox. The orchestrator's part is
//! played here by the same libraries in the same order, since no plugin of
//! today has an effect to ask for: `Policy::decide`, `Chain::intent`, one
//! write, `fdatasync`, `Append` with `sync`. The way from a plugin to the
//! orchestrator is not in it; `observation` shows what that takes.

use crate::Result;
use crate::bare;
use crate::place::Place;
use crate::report::{Reporter, Samples};
use ioi_audit::{Chain, Entry, Open, Status};
use ioi_cell::native::Host as Cell;
use ioi_firewall::{Call, Context, Facts, Policy, RateState, Source};
use ioi_ipc::proto::guardian::{AppendRequest, HelloRequest, guardian_client::GuardianClient};
use ioi_ipc::proto::supervisor::guardian_host_server::{GuardianHost, GuardianHostServer};
use ioi_ipc::proto::supervisor::{self as wire};
use ioi_ipc::tonic::transport::Channel;
use ioi_ipc::tonic::{Request, Response, Status as RpcStatus, async_trait};
use ioi_ipc::{Services, pair};
use ioi_node_supervisor::private_folder;
use ioi_port::{HEART_QUOTA, HEART_TIER};
use ioi_sandbox::{Access, Grant, Profile, Sandboxed, Streams, SyscallSet, spawn, system_grants};
use ioi_shm::DescriptorChannel;
use ioi_types::{BootId, Digest, LogId, SessionId, Verdict};
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

const COUNT: usize = 500;
const WARM_UP: usize = 20;
/// A process that has started takes its cell at once.
const CELL_WITHIN: Duration = Duration::from_secs(10);
const POLICY: &str = r#"
version = 1
default = "deny"

[[rule]]
id = "start"
effect = "allow"
principal = ["session:run"]
action = ["sys::exec"]
when = { executable = ["/bin/true"] }
"#;
const LOG: LogId = LogId([7; 16]);

struct Host;

#[async_trait]
impl GuardianHost for Host {
    async fn configure(
        &self,
        _: Request<wire::ConfigureRequest>,
    ) -> std::result::Result<Response<wire::GuardianConfiguration>, RpcStatus> {
        Ok(Response::new(wire::GuardianConfiguration { log_id: LOG.0.to_vec(), ..Default::default() }))
    }

    async fn ready(
        &self,
        _: Request<wire::ReadyRequest>,
    ) -> std::result::Result<Response<wire::ReadyReply>, RpcStatus> {
        Ok(Response::new(wire::ReadyReply {}))
    }

    async fn vault_done(
        &self,
        _: Request<wire::VaultDoneRequest>,
    ) -> std::result::Result<Response<wire::VaultDoneReply>, RpcStatus> {
        Err(RpcStatus::failed_precondition("nothing was asked of the vault"))
    }
}

/// The process, and the other side of the memory that it beats in.
struct Guardian {
    sandboxed: Sandboxed,
    _cell: (Cell, DescriptorChannel),
}

async fn start_guardian(place: &Place) -> Result<(Guardian, GuardianClient<Channel>)> {
    let folder = place.settings.home.guardian();
    let mut profile = Profile::new("guardian", place.program("ioi-guardian"));
    profile.argv = vec!["ioi-guardian".into()];
    profile.environment = vec![(ioi_ipc::FDS_VARIABLE.into(), "directory:5,orchestrator:6".into())];
    profile.grants = system_grants();
    profile.grants.push(Grant::new(&folder, Access::ReadWrite));
    profile.syscalls = SyscallSet::Tokio;
    let (host, guardian_host) = pair::pair()?;
    let (guardian, orchestrator) = pair::pair()?;
    let (channel, descriptors) = DescriptorChannel::pair()?;
    let given = vec![
        (guardian_host, ioi_ipc::SUPERVISOR_FD),
        (descriptors.into(), ioi_ipc::DESCRIPTORS_FD),
        (private_folder(&folder)?.into(), 5),
        (guardian, 6),
    ];
    let init = place.program("ioi-init");
    let sandboxed = spawn(&place.settings.kernel, &profile, &init, given, Streams::default())?;
    let open =
        move || Cell::open(&channel, HEART_TIER, 1, HEART_QUOTA, CELL_WITHIN).map(|cell| (cell, channel));
    let cell = tokio::task::spawn_blocking(open).await??;
    tokio::spawn(pair::serve(host, Services::new().with(GuardianHostServer::new(Host))));
    let client = GuardianClient::new(pair::client(orchestrator).await?);
    Ok((Guardian { sandboxed, _cell: cell }, client))
}

struct Log {
    chain: Chain,
    records: File,
    guardian: GuardianClient<Channel>,
    accepted: u64,
    unsent: Vec<u8>,
}

impl Log {
    fn write(&mut self, entry: &Entry) -> Result<()> {
        self.unsent.extend_from_slice(&entry.leaf_hash);
        Ok(self.records.write_all(&entry.to_line())?)
    }

    async fn settle(&mut self) -> Result<()> {
        self.records.sync_data()?;
        let leaf_hashes = std::mem::take(&mut self.unsent);
        let leaves = (leaf_hashes.len() / 32) as u64;
        let request = AppendRequest { first: self.accepted, leaf_hashes, sync: true };
        let reply = self.guardian.append(request).await?.into_inner();
        self.accepted += leaves;
        if reply.size == self.accepted { Ok(()) } else { Err("the guardian has another log".into()) }
    }
}

async fn open(place: &Place, policy: &Policy) -> Result<(Guardian, Log)> {
    let (process, mut guardian) = start_guardian(place).await?;
    let hello = guardian.hello(HelloRequest {}).await?.into_inner();
    let open = Open {
        log: LOG,
        boot: BootId(hello.boot_id.as_slice().try_into()?),
        command: "run".into(),
        policy: policy.hash(),
        engine: ioi_firewall::ENGINE_VERSION.to_owned(),
        sandboxed: true,
        processes: Vec::new(),
    };
    let (chain, entry) = Chain::open(SessionId([1; 8]), open, 0)?;
    let folder = place.make_folder("home/runs/bench")?;
    let records = File::create(folder.join("records.jsonl"))?;
    let mut log = Log { chain, records, guardian, accepted: 0, unsent: Vec::new() };
    log.write(&entry)?;
    log.settle().await?;
    Ok((process, log))
}

async fn effects(place: &Place) -> Result<Samples> {
    let policy = Policy::compile(&Source::new("bench".to_owned(), POLICY.to_owned()), &Context::default())
        .map_err(|findings| format!("the policy: {findings:?}"))?;
    let (mut guardian, mut log) = open(place, &policy).await?;
    let mut rates = RateState::new();
    let mut samples = Vec::new();
    for time_ms in 0..(COUNT + WARM_UP) as u64 {
        let call = Call::exec(["session:run"], b"/bin/true", Digest::blake3([3; 32]), ["true"]);
        let start = Instant::now();
        let facts = Facts { time_ms, ..Facts::default() };
        let decision = policy.decide(&call, &facts, &mut rates);
        assert_eq!(decision.verdict, Verdict::Allow, "{}", decision.reason);
        let intent = log.chain.seq_next();
        let entry = log.chain.intent(&call, &facts, &decision, time_ms, [5; 16])?;
        log.write(&entry)?;
        log.settle().await?;
        samples.push(start.elapsed().as_secs_f64() * 1e6);
        let outcome = log.chain.outcome(intent, Status::Ok, Vec::new(), time_ms)?;
        log.write(&outcome)?;
    }
    guardian.sandboxed.kill();
    Ok(Samples::new(samples.split_off(WARM_UP)))
}

pub(crate) fn measure(place: &Place, reporter: &mut Reporter) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let effects = runtime.block_on(effects(place))?;
    let bare = bare::synced_writes(&place.home(), COUNT)?;
    reporter.row("decided, recorded, synced, in the guardian's frontier", "µs", &effects, Some(&bare), None);
    reporter.row("512 bytes written and synced (fdatasync)", "µs", &bare, None, None);
    Ok(())
}
