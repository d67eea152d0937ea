//! Processes that beat, fall silent, end and lie, by a clock that the tests move.

use super::*;
use ioi_cell::HEALTH_STATE_SERVING;
use ioi_cell::native::Peer;
use ioi_ipc::proto::supervisor as wire;
use ioi_port::{BEAT_EVERY, HEART_QUOTA, HEART_TIER, Heart};
use ioi_shm::DescriptorChannel;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::time::timeout;

const BOUNDS: Bounds = Bounds {
    silent: Duration::from_secs(5),
    starting: Duration::from_secs(30),
    others: wire::Bounds { guardian_ms: 0, workload_ms: 0, heartbeat_ms: 0, records: 0 },
};
/// Longer than the time between two looks and two beats.
const SLACK: Duration = Duration::from_secs(1);
const BELL: [u8; 16] = *b"ioi-cell-bell\0\0\0";

/// A process of which there is what the supervisor knows of it.
struct Puppet {
    channel: Option<OwnedFd>,
    end: watch::Sender<Option<Exit>>,
    kills: Arc<AtomicU32>,
}

impl Puppet {
    fn new(cells: &Arc<Cells>, name: &'static str) -> Self {
        let (descriptors, channel) = Descriptors::pair().unwrap();
        let offer = descriptors.offer(0).unwrap();
        let (end, kills) = (watch::Sender::new(None), Arc::new(AtomicU32::new(0)));
        let killed = Arc::clone(&kills);
        let kill = Arc::new(move || {
            killed.fetch_add(1, Ordering::Relaxed);
        });
        cells.add(name, Process { end: end.subscribe(), kill }, offer, Arc::new(descriptors));
        Self { channel: Some(channel), end, kills }
    }

    /// Takes its cell and beats by itself.
    fn beats(&mut self) -> Heart {
        Heart::start(self.channel.take().unwrap()).unwrap().0
    }

    /// Takes its cell and beats when the test wants it.
    fn takes(&mut self) -> Peer {
        let channel = DescriptorChannel::from_fd(self.channel.take().unwrap()).unwrap();
        Peer::join(&channel, HEART_TIER, HEART_QUOTA, SLACK).unwrap()
    }

    fn kills(&self) -> u32 {
        self.kills.load(Ordering::Relaxed)
    }
}

fn watched() -> Arc<Cells> {
    let cells = Cells::new(BOUNDS);
    tokio::spawn(Arc::clone(&cells).watch());
    cells
}

/// Asserts that nothing is found for as long as this.
async fn nothing_for(cells: &Cells, time: Duration) {
    let found = timeout(time, cells.fault()).await;
    assert!(found.is_err(), "{found:?}");
}

fn silent(name: &'static str, silent: Duration) -> Fault {
    Fault { name, what: What::Silent(silent) }
}

#[tokio::test(start_paused = true)]
async fn processes_that_beat_run_for_hours() {
    let cells = watched();
    let mut puppets = [Puppet::new(&cells, GUARDIAN), Puppet::new(&cells, "workload")];
    for puppet in &mut puppets {
        puppet.beats().serving();
    }
    nothing_for(&cells, Duration::from_secs(2 * 3600)).await;
    let summaries = cells.summaries();
    assert_eq!(summaries.iter().map(|cell| cell.name).collect::<Vec<_>>(), [GUARDIAN, "workload"]);
    for cell in &summaries {
        let health = cell.health.unwrap();
        assert_eq!((cell.alive, cell.may_be, health.state), (true, BOUNDS.silent, HEALTH_STATE_SERVING));
        assert!(health.heartbeat >= 2 * 7200 && cell.silent < SLACK, "{cell:?}");
        assert_eq!(cell.epochs, [("health_peer", health.heartbeat)]);
        let bytes = cell.bytes.unwrap();
        assert!((1..=128 << 10).contains(&bytes.allocated), "an idle peer takes {bytes:?}");
    }
    assert_eq!(puppets.map(|puppet| puppet.kills()), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn who_never_takes_its_cell_is_silent_after_the_time_for_starting() {
    let cells = watched();
    let (mut other, puppet) = (Puppet::new(&cells, "workload"), Puppet::new(&cells, "egress"));
    other.beats().serving();
    nothing_for(&cells, BOUNDS.starting - SLACK).await;
    assert_eq!(puppet.kills(), 0);
    let fault = timeout(SLACK * 2, cells.fault()).await.unwrap();
    assert_eq!(fault, silent("egress", BOUNDS.starting));
    assert_eq!((other.kills(), puppet.kills()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn who_serves_and_stops_beating_is_ended_after_its_limit_and_the_orchestrator_is_told() {
    let cells = watched();
    let (mut orchestrator, mut guardian) = (Puppet::new(&cells, ORCHESTRATOR), Puppet::new(&cells, GUARDIAN));
    let heart = orchestrator.beats();
    guardian.beats().serving();
    let mut egress = Puppet::new(&cells, "egress");
    let mut peer = egress.takes();
    for _ in 0..100 {
        peer.health.beat(HEALTH_STATE_SERVING, 0);
        nothing_for(&cells, BEAT_EVERY).await;
    }
    nothing_for(&cells, BOUNDS.silent - SLACK).await;
    let fault = timeout(SLACK * 2, cells.fault()).await.unwrap();
    assert_eq!(fault, silent("egress", BOUNDS.silent));
    let told = timeout(SLACK, heart.end()).await.unwrap();
    assert_eq!(told.code, ErrorCode::NodeGone);
    assert!(told.reason.starts_with("the egress has been silent for 5 s"), "{told:?}");
    assert_eq!([orchestrator.kills(), guardian.kills(), egress.kills()], [0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_process_says_of_itself_it_may_not_be_silent_for_longer_than_at_its_start() {
    for (state, limit) in
        [(0, BOUNDS.starting), (1, BOUNDS.silent), (3, BOUNDS.silent), (u32::MAX, BOUNDS.silent)]
    {
        let cells = watched();
        let mut puppet = Puppet::new(&cells, "workload");
        let mut peer = puppet.takes();
        tokio::task::yield_now().await;
        peer.health.beat(state, u64::MAX);
        nothing_for(&cells, limit - SLACK).await;
        assert_eq!(
            timeout(SLACK * 2, cells.fault()).await.unwrap(),
            silent("workload", limit),
            "state {state}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_ended_is_not_silent() {
    let cells = watched();
    let (ended, mut lives) = (Puppet::new(&cells, "egress"), Puppet::new(&cells, "workload"));
    lives.beats().serving();
    ended.end.send_replace(Some(Exit { code: 0, signal: 0 }));
    nothing_for(&cells, BOUNDS.starting * 100).await;
    assert!(!cells.summaries()[0].alive);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_to_a_cell_ends_the_run_by_name() {
    type Answer = fn(&DescriptorChannel);
    let answers: [(Answer, &str); 3] = [
        (|channel| channel.send([7; 16], channel.as_fd()).unwrap(), "under the id"),
        (|channel| channel.send(BELL, std::io::stderr().as_fd()).unwrap(), "SEQPACKET"),
        // It has put a seal on its region that whoever takes it does not.
        (
            |channel| {
                let _host = channel.try_recv().unwrap().unwrap();
                let (_, region) = channel.try_recv().unwrap().unwrap();
                rustix::fs::fcntl_add_seals(&region, rustix::fs::SealFlags::SEAL).unwrap();
                channel.send(BELL, channel.as_fd()).unwrap();
            },
            "F_ADD_SEALS",
        ),
    ];
    for (answer, words) in answers {
        let cells = watched();
        let mut puppet = Puppet::new(&cells, "workload");
        let channel = DescriptorChannel::from_fd(puppet.channel.take().unwrap()).unwrap();
        answer(&channel);
        let fault = timeout(SLACK, cells.fault()).await.unwrap();
        let error = RunError::from(fault).to_string();
        assert!(error.starts_with("the workload broke the hand-over of its cell"), "{error}");
        assert!(error.contains(words), "{words}: {error}");
        assert_eq!(puppet.kills(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_asked_for_before_the_cell_is_taken_is_told_with_it() {
    let cells = watched();
    let mut orchestrator = Puppet::new(&cells, ORCHESTRATOR);
    let end = End { code: ErrorCode::Cancelled, reason: "interrupted".into() };
    cells.end(end.clone());
    let heart = orchestrator.beats();
    assert_eq!(timeout(SLACK, heart.end()).await.unwrap(), end);
}

#[test]
fn without_orchestrator_or_guardian_there_is_no_receipt() {
    let all = [ORCHESTRATOR, GUARDIAN, "workload", "egress"];
    let with = all.map(|name| silent(name, Duration::ZERO).leaves_a_receipt());
    assert_eq!(with, [false, false, true, true]);
}
