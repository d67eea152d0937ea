//! A descriptor channel takes what keeps to the protocol and closes all else.

use crate::common::{alone, memory, open_descriptors};
use ioi_shm::{ChannelError, DescriptorChannel, TransferFault};
use rustix::io::IoSlice;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

const ID: [u8; 16] = *b"0123456789abcdef";
const SHORT: Duration = Duration::from_millis(20);

fn fault(fault: TransferFault) -> ChannelError {
    ChannelError::Fault(fault)
}

/// Sends any packet: `bytes`, and for each number a control message of so many descriptors.
fn send_raw(channel: &DescriptorChannel, bytes: &[u8], counts: &[usize]) {
    let file = memory(b"cargo");
    let descriptors: Vec<BorrowedFd<'_>> = vec![file.as_fd(); counts.iter().copied().max().unwrap_or(0)];
    let mut space = vec![MaybeUninit::uninit(); 4096];
    let mut control = SendAncillaryBuffer::new(&mut space);
    for count in counts {
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors[..*count])));
    }
    sendmsg(channel, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL).unwrap();
}

#[test]
fn a_descriptor_arrives_with_its_id_and_close_on_exec() {
    let _alone = alone();
    let before = open_descriptors();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    for round in 0..100u8 {
        let file = memory(&[round; 10]);
        ours.send([round; 16], file.as_fd()).unwrap();
        let (id, received) = theirs.recv().unwrap();
        assert_eq!(id, [round; 16]);
        assert_eq!(crate::common::contents(received.as_fd()), [round; 10]);
        assert_eq!(rustix::io::fcntl_getfd(&received).unwrap(), rustix::io::FdFlags::CLOEXEC);
    }
    drop((ours, theirs));
    assert_eq!(open_descriptors(), before);
}

#[test]
fn packets_keep_their_order_and_bounds() {
    let _alone = alone();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    for number in 0..5u8 {
        ours.send([number; 16], memory(&[]).as_fd()).unwrap();
    }
    let ids: Vec<u8> = (0..5).map(|_| theirs.recv().unwrap().0[0]).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4]);
}

#[test]
fn every_packet_against_the_protocol_is_a_named_fault_and_leaves_nothing_open() {
    let _alone = alone();
    let long = [0; 40_000];
    let rows: &[(&str, &[u8], &[usize], TransferFault)] = &[
        ("no descriptor", &ID, &[], TransferFault::DescriptorCount(0)),
        ("2 descriptors", &ID, &[2], TransferFault::DescriptorCount(2)),
        ("2 messages of 1 descriptor", &ID, &[1, 1], TransferFault::DescriptorCount(2)),
        ("20 descriptors", &ID, &[20], TransferFault::Truncated),
        ("253 descriptors", &ID, &[253], TransferFault::Truncated),
        ("0 bytes and a descriptor", &[], &[1], TransferFault::MessageBytes(0)),
        ("1 byte", &ID[..1], &[1], TransferFault::MessageBytes(1)),
        ("15 bytes", &ID[..15], &[1], TransferFault::MessageBytes(15)),
        ("17 bytes", b"0123456789abcdefg", &[1], TransferFault::MessageBytes(17)),
        ("40,000 bytes", &long, &[1], TransferFault::MessageBytes(40_000)),
        ("15 bytes and no descriptor", &ID[..15], &[], TransferFault::MessageBytes(15)),
    ];
    for (case, bytes, counts, expected) in rows {
        let before = open_descriptors();
        let (ours, theirs) = DescriptorChannel::pair().unwrap();
        let connected = open_descriptors();
        send_raw(&ours, bytes, counts);
        assert_eq!(theirs.recv().unwrap_err(), fault(*expected), "{case}");
        assert_eq!(open_descriptors(), connected, "{case} left a descriptor open");
        // Nothing of a bad packet is left in the queue to be taken for the next.
        ours.send(ID, memory(b"next").as_fd()).unwrap();
        assert_eq!(theirs.recv().unwrap().0, ID, "{case}");
        drop((ours, theirs));
        assert_eq!(open_descriptors(), before, "{case}");
    }
}

#[test]
fn a_receiver_without_descriptors_left_says_so() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let _alone = alone();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    ours.send(ID, memory(&[]).as_fd()).unwrap();
    let usual = getrlimit(Resource::Nofile);
    // The lowest free number is the first that the limit forbids.
    let lowest_free = std::os::fd::AsRawFd::as_raw_fd(&memory(&[])) as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(lowest_free), maximum: usual.maximum }).unwrap();
    let answer = theirs.recv();
    setrlimit(Resource::Nofile, usual).unwrap();
    assert_eq!(answer.unwrap_err(), fault(TransferFault::Truncated));
}

#[test]
fn descriptors_of_a_channel_that_is_dropped_unread_are_closed() {
    let _alone = alone();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    let (read, write) = rustix::pipe::pipe().unwrap();
    ours.send(ID, write.as_fd()).unwrap();
    drop((write, theirs));
    // The pipe ends only when the copy under way is gone too.
    assert_eq!(rustix::io::read(&read, &mut [0u8; 1]).unwrap(), 0);
    assert_eq!(ours.recv().unwrap_err(), ChannelError::Closed);
}

#[test]
fn an_end_whose_peer_is_gone_is_closed() {
    let _alone = alone();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    drop(theirs);
    assert_eq!(ours.recv().unwrap_err(), ChannelError::Closed);
    assert_eq!(ours.try_recv().unwrap_err(), ChannelError::Closed);
    assert_eq!(ours.send(ID, memory(&[]).as_fd()).unwrap_err(), ChannelError::Closed);
}

#[test]
fn what_was_sent_before_the_end_still_arrives() {
    let _alone = alone();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    ours.send(ID, memory(b"last").as_fd()).unwrap();
    drop(ours);
    let (_, received) = theirs.recv().unwrap();
    assert_eq!(crate::common::contents(received.as_fd()), b"last");
    assert_eq!(theirs.recv().unwrap_err(), ChannelError::Closed);
}

#[test]
fn waiting_ends_in_time_and_trying_never_waits() {
    let _alone = alone();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    assert!(theirs.try_recv().unwrap().is_none());
    assert_eq!(theirs.recv_timeout(SHORT).unwrap_err(), ChannelError::TimedOut);
    assert_eq!(theirs.recv_timeout(Duration::ZERO).unwrap_err(), ChannelError::TimedOut);
    ours.send(ID, memory(&[]).as_fd()).unwrap();
    assert_eq!(theirs.recv_timeout(Duration::MAX).unwrap().0, ID);
}

#[test]
fn a_full_queue_holds_the_sender_until_the_peer_reads() {
    let _alone = alone();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    let file = memory(&[]);
    let mut queued = 0;
    while ours.try_send(ID, file.as_fd()).unwrap() {
        queued += 1;
        assert!(queued < 100_000, "the queue has no end");
    }
    assert_eq!(ours.send_timeout(ID, file.as_fd(), SHORT).unwrap_err(), ChannelError::TimedOut);
    let reader =
        std::thread::spawn(move || (0..=queued).map(|_| theirs.recv().unwrap().0).all(|id| id == ID));
    ours.send(ID, file.as_fd()).unwrap();
    assert!(reader.join().unwrap());
}

#[test]
fn a_nonblocking_socket_waits_all_the_same() {
    let _alone = alone();
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    rustix::io::ioctl_fionbio(&theirs, true).unwrap();
    assert!(theirs.try_recv().unwrap().is_none());
    let sender = std::thread::spawn(move || {
        std::thread::sleep(SHORT);
        ours.send(ID, memory(b"late").as_fd()).unwrap();
    });
    assert_eq!(theirs.recv().unwrap().0, ID);
    sender.join().unwrap();
}

#[test]
fn only_a_packet_socket_becomes_a_channel() {
    let _alone = alone();
    let before = open_descriptors();
    let stream: OwnedFd = std::os::unix::net::UnixStream::pair().unwrap().0.into();
    let datagram: OwnedFd = std::os::unix::net::UnixDatagram::unbound().unwrap().into();
    let network: OwnedFd = std::net::TcpListener::bind("127.0.0.1:0").unwrap().into();
    for wrong in [stream, datagram, network, memory(&[]), rustix::pipe::pipe().unwrap().0] {
        assert_eq!(DescriptorChannel::from_fd(wrong).unwrap_err(), ChannelError::NotAChannel);
    }
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    let ours = DescriptorChannel::from_fd(ours.into()).unwrap();
    ours.send(ID, memory(&[]).as_fd()).unwrap();
    assert_eq!(theirs.recv().unwrap().0, ID);
    drop((ours, theirs));
    assert_eq!(open_descriptors(), before);
}
