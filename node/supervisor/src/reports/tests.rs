//! Reports over a cell and by call, from an orchestrator that is a task of the test.

use super::*;
use crate::bounds::Bounds;
use crate::cells::Process;
use crate::child::Exit;
use crate::descriptors::Descriptors;
use crate::run::RunError;
use ioi_ipc::proto::supervisor::{self as wire, Finished, Progress, Token};
use ioi_port::Heart;
use ioi_shm::DescriptorChannel;
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

struct Met {
    cells: Arc<Cells>,
    reports: Arc<Reports>,
    told: Told,
    heart: Heart,
    _end: watch::Sender<Option<Exit>>,
}

fn bounds() -> Bounds {
    Bounds {
        silent: Duration::from_secs(3600),
        starting: Duration::from_secs(3600),
        others: wire::Bounds { guardian_ms: 0, workload_ms: 0, heartbeat_ms: 0, records: 0 },
    }
}

/// Waits until the orchestrator has taken its cell.
async fn taken(cells: &Cells) {
    let taken = async {
        while cells.summaries()[0].health.is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, taken).await.expect("the cell is never taken");
}

/// An orchestrator that has taken its cell.
async fn met() -> Met {
    let cells = Cells::new(bounds());
    let (reports, told) = Reports::new(Arc::clone(&cells));
    let (descriptors, channel) = Descriptors::pair().unwrap();
    let offer = descriptors.offer(0).unwrap();
    let end = watch::Sender::new(None);
    let process = Process { end: end.subscribe(), kill: Arc::new(|| ()) };
    cells.add("orchestrator", process, offer, Arc::new(descriptors));
    let heart = Heart::start(channel).unwrap().0;
    taken(&cells).await;
    Met { cells, reports, told, heart, _end: end }
}

fn token(number: usize) -> Report {
    Report::Token(Token { text: number.to_string() })
}

fn record(report: Report) -> Vec<u8> {
    ioi_ipc::encode(&ReportRequest { report: Some(report) })
}

/// Leaves tokens until there is no room; how many found some.
fn fill(heart: &Heart) -> usize {
    let left =
        (0..1_000_000).take_while(|number| heart.leave(REPORT, &record(token(*number))).is_ok()).count();
    assert!((100..1_000_000).contains(&left), "{left} found room");
    left
}

/// As the orchestrator does it.
async fn report(heart: &Heart, reports: &Reports, number: usize) -> bool {
    if heart.leave(REPORT, &record(token(number))).is_ok() {
        return true;
    }
    reports.called(token(number)).await;
    false
}

#[tokio::test]
async fn reports_reach_the_user_in_their_order_whichever_way_they_came() {
    const COUNT: usize = 20_100;
    const BLOCK: usize = 5_000;
    let Met { reports, mut told, heart, .. } = met().await;
    let hearing = {
        let reports = Arc::clone(&reports);
        tokio::spawn(async move { reports.hear().await })
    };
    let telling = {
        let reports = Arc::clone(&reports);
        tokio::spawn(async move {
            let mut over_the_cell = 0;
            for number in 0..COUNT {
                over_the_cell += u64::from(report(&heart, &reports, number).await);
                // Now and then by a call in between, as what is too long goes.
                if number % BLOCK == BLOCK - 1 {
                    reports.called(token(usize::MAX)).await;
                }
                // In every other block faster than anybody takes.
                if (number / BLOCK).is_multiple_of(2) && number % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            (over_the_cell, heart)
        })
    };
    let mut seen = 0;
    while seen < COUNT {
        let next = timeout(PATIENCE, told.next()).await.expect("reports are missing").unwrap();
        if next == token(usize::MAX) {
            assert_eq!(seen % BLOCK, 0, "a call came before what was left before it");
        } else {
            assert_eq!(next, token(seen));
            seen += 1;
        }
    }
    let (over_the_cell, _heart) = telling.await.unwrap();
    assert_eq!(reports.taken(), over_the_cell);
    assert!((1..COUNT as u64).contains(&over_the_cell), "{over_the_cell} of {COUNT} went over the cell");
    hearing.abort();
}

#[tokio::test]
async fn what_was_left_before_a_call_comes_before_it_though_nobody_has_listened_yet() {
    let Met { reports, mut told, heart, .. } = met().await;
    for number in 0..3 {
        heart.leave(REPORT, &record(token(number))).unwrap();
    }
    reports.called(token(3)).await;
    for number in 0..4 {
        assert_eq!(timeout(PATIENCE, told.next()).await.unwrap(), Some(token(number)));
    }
}

#[tokio::test]
async fn what_an_orchestrator_left_before_it_ended_is_not_lost() {
    let Met { reports, mut told, heart, .. } = met().await;
    let left = fill(&heart);
    drop(heart);
    for number in 0..left {
        assert_eq!(told.next_of_the_past().await, Some(token(number)));
        // From here on somebody else takes it, too.
        if number == left / 4 {
            let reports = Arc::clone(&reports);
            tokio::spawn(async move { reports.take().await });
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(told.next_of_the_past().await, None);
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_nothing_with_it() {
    let Met { reports, mut told, heart, .. } = met().await;
    let left = fill(&heart);
    assert!(left > WAITING_MAX, "only {left} found room");
    let mut called = std::pin::pin!(reports.called(token(usize::MAX)));
    // The screen is full now.
    assert!(futures::poll!(called.as_mut()).is_pending());
    called.set(reports.called(token(usize::MAX)));
    for number in 0..left {
        assert_eq!(told.next_of_the_past().await, Some(token(number)));
    }
}

/// The end of the guardian, say, while the orchestrator goes on.
#[tokio::test]
async fn whoever_reports_without_end_has_no_past_without_end() {
    let Met { mut told, heart, .. } = met().await;
    let mut left = fill(&heart);
    for past in 0..1_000_000 {
        let Some(report) = told.next_of_the_past().await else { return assert!(past > left / 2) };
        assert_eq!(report, token(past));
        left += usize::from(heart.leave(REPORT, &record(token(left))).is_ok());
    }
    panic!("its past has no end");
}

#[tokio::test]
async fn whoever_reports_without_pause_is_heard_at_a_bounded_pace_whichever_way_it_reports() {
    const PACES: u32 = 5;
    let Met { reports, mut told, heart, .. } = met().await;
    let left = fill(&heart);
    let wanted = left + (PACES * REPORTS_A_PACE) as usize;
    let calls = wanted - left;
    let flood = tokio::spawn(async move {
        for number in left..wanted {
            reports.called(token(number)).await;
        }
    });
    let begun = Instant::now();
    for number in 0..wanted {
        assert_eq!(timeout(PATIENCE, told.next()).await.unwrap(), Some(token(number)));
    }
    flood.await.unwrap();
    // The first pace has begun before, and the last ends after.
    let full = (wanted as u32 - 1) / REPORTS_A_PACE - 1;
    assert!(begun.elapsed() >= PACE * full, "{calls} calls and {left} records in {:?}", begun.elapsed());
}

/// A task of the same thread has its turns whatever is done to the bell, and all tasks go on.
fn others_have_their_turns(what: fn(OwnedFd) -> std::thread::JoinHandle<()>) {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let cells = Cells::new(bounds());
            let (descriptors, channel) = Descriptors::pair().unwrap();
            let (offer, end) = (descriptors.offer(0).unwrap(), watch::Sender::new(None));
            let process = Process { end: end.subscribe(), kill: Arc::new(|| ()) };
            cells.add("orchestrator", process, offer, Arc::new(descriptors));
            // A peer of no code of ours: it keeps its region's descriptor, and has the end that rings us.
            let channel = DescriptorChannel::from_fd(channel).unwrap();
            let [of_host, of_peer, bell] = [(); 3].map(|()| channel.recv().unwrap().1);
            let (_own_bell, for_host) = DescriptorChannel::pair().unwrap();
            channel.send(*b"ioi-cell-bell\0\0\0", for_host.as_fd()).unwrap();
            taken(&cells).await;
            let peer = what(bell);
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop((of_host, of_peer, end));
            drop(cells);
            done.send(peer).unwrap();
        });
    });
    is_done.recv_timeout(PATIENCE).expect("nobody else had a turn");
}

#[test]
fn a_bell_that_is_half_closed_keeps_nobody_from_his_turn() {
    others_have_their_turns(|bell| {
        shutdown(&bell, Shutdown::Write).unwrap();
        // It lives on and holds its end.
        std::thread::spawn(move || {
            std::thread::sleep(PATIENCE);
            drop(bell);
        })
    });
}

#[test]
fn a_bell_that_is_rung_without_end_keeps_nobody_from_his_turn() {
    others_have_their_turns(|bell| {
        std::thread::spawn(
            move || while !matches!(send(&bell, &[1], SendFlags::NOSIGNAL), Err(Errno::PIPE)) {},
        )
    });
}

#[tokio::test]
async fn what_is_no_report_ends_the_run_by_name() {
    let too_long = record(Report::Token(Token { text: "x".repeat(REPORT_BYTES_MAX) }));
    let end = record(Report::Finished(Finished::default()));
    let bad: [(u32, Vec<u8>, &str); 6] = [
        (REPORT + 1, record(token(1)), "record 2 in its outbox is no report that goes this way"),
        (
            REPORT,
            ioi_ipc::encode(&ReportRequest { report: None }),
            "record 1 in its outbox is no report that goes this way",
        ),
        (REPORT, end, "record 1 in its outbox is no report that goes this way"),
        (REPORT, vec![0xff; 9], "a report in its outbox"),
        (
            REPORT,
            [record(token(1)), record(Report::Progress(Progress::default()))].concat(),
            "a report in its outbox",
        ),
        (REPORT, too_long, "more than the buffer"),
    ];
    for (msg_id, bytes, words) in bad {
        let Met { cells, reports, mut told, heart, .. } = met().await;
        heart.leave(msg_id, &bytes).unwrap();
        reports.take().await;
        assert_eq!(told.next_of_the_past().await, None, "{words}: it reached the user");
        let fault = timeout(PATIENCE, cells.fault()).await.expect("it was believed");
        let error = RunError::from(fault).to_string();
        assert!(error.starts_with("the orchestrator was cut off from the supervisor"), "{error}");
        assert!(error.contains(words), "{words}: {error}");
    }
}
