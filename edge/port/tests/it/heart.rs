//! A process that beats and hears, and its host.

use super::LONG;
use ioi_cell::native::Host;
use ioi_cell::{
    EPOCH_HEALTH_PEER, EPOCH_OUTBOX, EPOCH_SHUTDOWN, HEALTH_STATE_SERVING, HEALTH_STATE_STARTING,
};
use ioi_port::{BEAT_EVERY, End, HEART_QUOTA, HEART_TIER, Heart, ask_to_end};
use ioi_shm::{DescriptorChannel, SendError};
use ioi_types::ErrorCode;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A host and a process in one runtime of one thread.
fn both() -> (Host, Heart, OwnedFd) {
    let (here, there) = DescriptorChannel::pair().unwrap();
    let offer = Host::offer(&here, HEART_TIER, 7, HEART_QUOTA, LONG).unwrap();
    let (heart, channel) = Heart::start(there.into()).unwrap();
    let (id, bell) = here.try_recv().unwrap().expect("it answers before it begins to beat");
    (offer.answered(id, bell).unwrap(), heart, channel)
}

/// A moment in which every task that is ready has its turn.
const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn it_beats_at_once_and_then_in_its_interval_for_as_long_as_the_runtime_lives() {
    let (host, heart, _channel) = both();
    sleep(MOMENT).await;
    for beats in 1..=40 {
        assert_eq!(host.peer_health.last().heartbeat, beats);
        assert_eq!(host.peer_epochs.current(EPOCH_HEALTH_PEER), beats);
        assert_eq!(host.peer_health.last().state, HEALTH_STATE_STARTING);
        sleep(BEAT_EVERY).await;
    }
    heart.serving();
    sleep(MOMENT).await;
    assert_eq!(host.peer_health.last().state, HEALTH_STATE_SERVING);
}

#[tokio::test]
async fn whatever_holds_the_serving_thread_up_holds_the_beat_up() {
    let (host, _heart, _channel) = both();
    while host.peer_health.last().heartbeat == 0 {
        sleep(MOMENT).await;
    }
    let before = host.peer_health.last().heartbeat;
    std::thread::sleep(BEAT_EVERY * 3);
    assert_eq!(host.peer_health.last().heartbeat, before, "the beat comes from elsewhere");
    let beats = async {
        while host.peer_health.last().heartbeat == before {
            sleep(MOMENT).await;
        }
    };
    timeout(LONG, beats).await.expect("it beats again");
}

#[tokio::test(start_paused = true)]
async fn an_end_is_heard_with_its_reason_without_waiting_for_a_beat() {
    let (mut host, heart, _channel) = both();
    assert!(timeout(Duration::from_secs(5), heart.end()).await.is_err(), "nobody asked");
    let end = End { code: ErrorCode::NodeGone, reason: "the workload is stopped".into() };
    ask_to_end(&mut host, &end).unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(timeout(LONG, heart.end()).await.unwrap(), end);
    assert!(before.elapsed() < BEAT_EVERY / 2, "it was heard with the next beat");
    assert_eq!(host.epochs.current(EPOCH_SHUTDOWN), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reason_of_any_length_is_cut_between_two_letters() {
    for letters in [0, 341, 342, 1000, 100_000] {
        let (mut host, heart, _channel) = both();
        let reason = "€".repeat(letters);
        ask_to_end(&mut host, &End { code: ErrorCode::Cancelled, reason }).unwrap();
        let heard = timeout(LONG, heart.end()).await.unwrap();
        assert_eq!(heard, End { code: ErrorCode::Cancelled, reason: "€".repeat(letters.min(341)) });
    }
}

#[tokio::test]
async fn the_channel_is_given_back_for_what_comes_after_the_cell() {
    use std::os::fd::AsFd;
    let (here, there) = DescriptorChannel::pair().unwrap();
    let _offer = Host::offer(&here, HEART_TIER, 7, HEART_QUOTA, LONG).unwrap();
    here.send([9; 16], here.as_fd()).unwrap();
    let (_heart, channel) = Heart::start(there.into()).unwrap();
    let channel = DescriptorChannel::from_fd(channel).unwrap();
    assert_eq!(channel.try_recv().unwrap().expect("it came after the cell").0, [9; 16]);
}

#[tokio::test]
async fn a_process_without_a_host_does_not_start() {
    let (here, there) = DescriptorChannel::pair().unwrap();
    drop(here);
    assert!(Heart::start(there.into()).is_err());
    assert!(Heart::start(std::fs::File::open("/dev/null").unwrap().into()).is_err());
}

#[tokio::test(start_paused = true)]
async fn records_are_left_in_their_order_until_the_outbox_is_full_and_again_once_it_was_read() {
    let (mut host, heart, _channel) = both();
    sleep(MOMENT).await;
    let mut into = [0; 16];
    let (mut left, mut taken) = (0u32, 0u32);
    for _ in 0..3 {
        let before = left;
        let full = loop {
            match heart.leave(5, &left.to_le_bytes()) {
                Ok(()) => left += 1,
                Err(full) => break full,
            }
            assert!(left - before < 1_000_000, "it is never full");
        };
        assert_eq!(full, SendError::Full);
        assert!(left - before > 100, "{} found room", left - before);
        assert_eq!(host.peer_epochs.current(EPOCH_OUTBOX), left);
        while let Some(record) = host.outbox.try_recv(&mut into).unwrap() {
            assert_eq!((record.msg_id, record.payload), (5, &taken.to_le_bytes()[..]));
            taken += 1;
        }
        assert_eq!(taken, left);
    }
}
