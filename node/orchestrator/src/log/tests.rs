//! The log against a guardian that is slow, and calls that never end.

use super::*;
use crate::bounds::Bounds;
use crate::gate::Gate;
use crate::host::Host;
use ioi_cell::native::Host as CellHost;
use ioi_firewall::{Context, Policy, Source};
use ioi_ipc::proto::guardian::guardian_server::{Guardian, GuardianServer};
use ioi_ipc::proto::guardian::{self as wire};
use ioi_ipc::tonic::{Request, Response, Status as GrpcStatus, async_trait};
use ioi_ipc::{Services, pair};
use ioi_port::{HEART_QUOTA, HEART_TIER, Heart};
use ioi_shm::DescriptorChannel;
use ioi_types::{BootId, Digest, LogId};
use std::io::Read;
use tokio::sync::Semaphore;

/// Accepts leaves in their order, one append for each leave that the test gives.
struct Slow {
    leaves: std::sync::Mutex<u64>,
    leave: Arc<Semaphore>,
}

#[async_trait]
impl Guardian for Slow {
    async fn hello(&self, _: Request<wire::HelloRequest>) -> Result<Response<wire::HelloReply>, GrpcStatus> {
        Err(GrpcStatus::unimplemented("not asked here"))
    }

    async fn append(
        &self,
        request: Request<AppendRequest>,
    ) -> Result<Response<wire::AppendReply>, GrpcStatus> {
        let request = request.into_inner();
        {
            let mut leaves = self.leaves.lock().unwrap();
            if request.first != *leaves {
                return Err(GrpcStatus::out_of_range(format!("{} is not {leaves}", request.first)));
            }
            *leaves += request.leaf_hashes.len() as u64 / 32;
        }
        self.leave.acquire().await.unwrap().forget();
        Ok(Response::new(wire::AppendReply::default()))
    }

    async fn authorize(
        &self,
        _: Request<wire::AuthorizeRequest>,
    ) -> Result<Response<wire::AuthorizeReply>, GrpcStatus> {
        Err(GrpcStatus::unimplemented("not asked here"))
    }

    async fn sign_head(
        &self,
        _: Request<wire::SignHeadRequest>,
    ) -> Result<Response<wire::SignHeadReply>, GrpcStatus> {
        Err(GrpcStatus::unimplemented("not asked here"))
    }
}

struct Made {
    log: AuditLog,
    leave: Arc<Semaphore>,
    file: File,
}

impl Made {
    fn text(&mut self) -> String {
        let mut text = String::new();
        std::io::Seek::rewind(&mut self.file).unwrap();
        self.file.read_to_string(&mut text).unwrap();
        text
    }
}

fn policy() -> (Source, Context) {
    let text = "version = 1\ndefault = \"deny\"\n[[rule]]\nid = \"all\"\neffect = \"allow\"\n\
                principal = [\"session:test\"]\naction = [\"fs::read\", \"sys::exec\"]\n";
    (
        Source::new("test".to_owned(), text.to_owned()),
        Context { roots: vec![b"/docs".to_vec()], ..Context::default() },
    )
}

/// A log whose guardian answers as often as `leave` says.
async fn made(leave: usize, records: u64) -> Made {
    let (ours, theirs) = pair::pair().unwrap();
    let leave = Arc::new(Semaphore::new(leave));
    let slow = Slow { leaves: std::sync::Mutex::new(0), leave: Arc::clone(&leave) };
    tokio::spawn(pair::serve(theirs, Services::new().with(GuardianServer::new(slow))));
    let guardian = GuardianClient::new(pair::client(ours).await.unwrap());
    let file = tempfile::tempfile().unwrap();
    let (source, context) = policy();
    let open = Open {
        log: LogId([1; 16]),
        boot: BootId([2; 16]),
        command: "test".into(),
        policy: Policy::compile(&source, &context).unwrap().hash(),
        engine: ioi_firewall::ENGINE_VERSION.into(),
        sandboxed: true,
        processes: Vec::new(),
    };
    let bounds = Bounds { records, ..Bounds::lowered(None) };
    let log = AuditLog::open(file.try_clone().unwrap(), guardian, SessionId([3; 8]), open, bounds);
    Made { log: log.await.unwrap(), leave, file }
}

fn gate(log: &AuditLog, host: Host) -> Gate {
    let (source, context) = policy();
    Gate::new(Policy::compile(&source, &context).unwrap(), log.clone(), host)
}

/// A supervisor that never answers; nothing here asks it for anything.
async fn nobody() -> Host {
    let (ours, theirs) = pair::pair().unwrap();
    tokio::spawn(async move {
        let _held = theirs;
        std::future::pending::<()>().await;
    });
    let (here, there) = DescriptorChannel::pair().unwrap();
    let second = Duration::from_secs(1);
    CellHost::offer(&here, HEART_TIER, 0, HEART_QUOTA, second).unwrap();
    let (heart, _) = Heart::start(there.into()).unwrap();
    Host::new(pair::client(ours).await.unwrap(), heart)
}

fn effect() -> Call {
    Call::exec(["session:test"], b"/bin/true", Digest::blake3([7; 32]), [b"true"])
}

fn observation() -> Call {
    Call::file(["session:test"], "fs::read", b"/docs/a")
}

fn closing() -> Closing {
    let (policy, context) = policy();
    Closing { task: ioi_canon::Map::new(), answer: None, citations: Vec::new(), policy, context }
}

const MANY: u64 = 1000;

#[tokio::test(start_paused = true)]
async fn an_effect_that_is_given_up_while_it_settles_spoils_nothing() {
    let made = made(1, MANY).await;
    let gate = gate(&made.log, nobody().await);
    // The one leave went to `open`, so this one hangs at the guardian and is dropped there.
    let given_up = tokio::time::timeout(Duration::from_millis(200), gate.pass(effect(), None)).await;
    assert!(given_up.is_err(), "the guardian answered too early");
    made.leave.add_permits(100);
    let permit = gate.pass(effect(), None).await.unwrap();
    permit.done(Vec::new()).await.unwrap();
    // open, two intents, an outcome, an outcome that is not known, close.
    assert_eq!(made.log.close(closing()).await.unwrap(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_closed_although_an_outcome_never_comes() {
    let mut made = made(100, MANY).await;
    let gate = gate(&made.log, nobody().await);
    let kept = gate.pass(observation(), None).await.unwrap();
    assert_eq!(made.log.close(closing()).await.unwrap(), 4);
    assert_eq!(made.text().matches(r#""status":"unknown""#).count(), 1);
    assert!(kept.done(Vec::new()).await.is_err(), "an outcome after the close");
}

#[tokio::test]
async fn a_permit_that_is_dropped_says_that_nobody_knows() {
    let mut made = made(100, MANY).await;
    let gate = gate(&made.log, nobody().await);
    drop(gate.pass(observation(), None).await.unwrap());
    let begun = Instant::now();
    assert_eq!(made.log.close(closing()).await.unwrap(), 4);
    assert!(begun.elapsed() < CLOSE_WITHIN, "it waited for nobody");
    assert_eq!(made.text().matches(r#""status":"unknown""#).count(), 1);
}

#[tokio::test]
async fn nothing_begins_while_a_session_is_closing() {
    let made = made(100, MANY).await;
    let gate = gate(&made.log, nobody().await);
    drop(made.log.quiet().await);
    assert_eq!(gate.pass(observation(), None).await.err().unwrap().code, ErrorCode::Cancelled);
}

#[tokio::test]
async fn the_records_of_a_session_are_bounded_and_it_closes_all_the_same() {
    let made = made(100, 21).await;
    let gate = gate(&made.log, nobody().await);
    let mut calls = 0;
    let over = loop {
        match gate.pass(observation(), None).await {
            Ok(permit) => permit.done(Vec::new()).await.unwrap(),
            Err(over) => break over,
        }
        calls += 1;
        assert!(calls <= 10, "there is no bound");
    };
    assert_eq!((over.code, calls), (ErrorCode::QuotaAudit, 10));
    assert_eq!(made.log.close(closing()).await.unwrap(), 22);
}
