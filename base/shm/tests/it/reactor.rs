//! A reactor drives the channel: `try_recv` under tokio's `AsyncFd`.

use crate::common::{alone, contents, memory};
use ioi_shm::{ChannelError, DescriptorChannel, Received};
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// What a user of tokio writes.
async fn recv(channel: &AsyncFd<DescriptorChannel>) -> Result<Received, ChannelError> {
    loop {
        let mut ready = channel.readable().await.expect("the reactor runs");
        let tried = ready.try_io(|channel| match channel.get_ref().try_recv() {
            Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
            other => Ok(other),
        });
        match tried {
            Ok(received) => {
                return received.expect("only WouldBlock is an error").map(|some| some.expect("not None"));
            }
            Err(_not_yet) => {}
        }
    }
}

#[test]
fn a_task_waits_for_descriptors_without_a_thread_of_its_own() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    runtime.block_on(async {
        // SAFETY: a `DescriptorChannel` keeps one descriptor open until it is dropped.
        let theirs = unsafe { AsyncFd::register(theirs) }.unwrap();
        // One thread: were `recv` to block, the sending task would never run.
        let receiving = async {
            for number in 0..3u8 {
                let (id, file) = recv(&theirs).await.unwrap();
                assert_eq!((id, contents(file.as_fd())), ([number; 16], vec![number; 3]));
            }
            assert_eq!(recv(&theirs).await.unwrap_err(), ChannelError::Closed);
        };
        let sending = async move {
            for number in 0..3u8 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                ours.send([number; 16], memory(&[number; 3]).as_fd()).unwrap();
            }
        };
        let both = async { tokio::join!(receiving, sending) };
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("it does not hang");
    });
}
