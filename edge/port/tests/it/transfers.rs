//! Descriptors for tasks: late ones hurt nobody, those that nobody asked for end the channel.

use super::LONG;
use ioi_port::{Awaited, Transfers};
use ioi_shm::DescriptorChannel;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};

fn started() -> (Transfers, DescriptorChannel) {
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    (Transfers::start(ours.into()).unwrap(), theirs)
}

fn send(channel: &DescriptorChannel, id: [u8; 16]) {
    let file = std::fs::File::open("/dev/null").unwrap();
    channel.send_timeout(id, file.as_fd(), LONG).unwrap();
}

async fn answered(channel: &DescriptorChannel, awaited: Awaited) -> Result<OwnedFd, ErrorKind> {
    send(channel, awaited.id().0);
    awaited.arrival().await.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_descriptor_for_somebody_who_gave_up_is_closed_and_the_next_one_arrives() {
    let (transfers, channel) = started();
    let cancelled = transfers.expect().unwrap();
    let id = cancelled.id().0;
    drop(cancelled);
    send(&channel, id);
    assert!(answered(&channel, transfers.expect().unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_descriptor_that_comes_after_its_second_hurts_no_other() {
    let (transfers, channel) = started();
    let late = transfers.expect().unwrap();
    let id = late.id().0;
    assert_eq!(late.arrival().await.unwrap_err().kind(), ErrorKind::TimedOut);
    send(&channel, id);
    assert!(answered(&channel, transfers.expect().unwrap()).await.is_ok());
}

#[tokio::test]
async fn an_id_that_was_never_chosen_or_was_used_ends_the_channel() {
    for is_used in [false, true] {
        let (transfers, channel) = started();
        let awaited = transfers.expect().unwrap();
        let id = if is_used { awaited.id().0 } else { [0; 16] };
        if is_used {
            assert!(answered(&channel, awaited).await.is_ok());
        }
        let waiting = transfers.expect().unwrap();
        send(&channel, id);
        assert_eq!(waiting.arrival().await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(transfers.expect().err().map(|error| error.kind()), Some(ErrorKind::NotConnected));
    }
}

#[tokio::test]
async fn an_id_that_was_given_up_is_good_for_one_descriptor_and_no_more() {
    let (transfers, channel) = started();
    let id = transfers.expect().unwrap().id().0;
    send(&channel, id);
    send(&channel, id);
    let waiting = transfers.expect().unwrap();
    assert_eq!(waiting.arrival().await.unwrap_err().kind(), ErrorKind::NotConnected);
}
