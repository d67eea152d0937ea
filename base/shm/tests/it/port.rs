//! Ports between threads and between processes: order, sleeping, death, and hand-overs that aren't.

use crate::common::{alone, memory_sealed, open_descriptors};
use ioi_shm::sync::{AtomicU32, AtomicU64};
use ioi_shm::{
    ChannelError, ConnectError, DescriptorChannel, OwnMemory, Port, RecvError, RejectError, SendError,
    SendTimeoutError, WriterDraft,
};
use rustix::fs::SealFlags;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

type Small = Port<8, 64>;
/// One whose region has two pages.
type Wide = Port<32, 64>;
const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(20);

fn connected() -> (Small, Small) {
    let (here, there) = DescriptorChannel::pair().unwrap();
    let other = thread::spawn(move || Small::connect(&there, 2, SECOND).unwrap());
    let one = Small::connect(&here, 1, SECOND).unwrap();
    (one, other.join().unwrap())
}

#[test]
fn messages_that_are_written_in_place_come_out_among_the_others_as_they_were_written() {
    let _alone = alone();
    let (mut one, mut other) = connected();
    let payload = |n: u32| -> Vec<u8> { (0..n % 65).map(|at| (at + 3 * n) as u8).collect() };
    let mut buffer = [0; 64];
    for n in 0..1000u32 {
        let message = payload(n);
        match n % 3 {
            0 => one.sender.push(n, &message).unwrap(),
            _ => one.sender.push_with(n, message.len(), |out| out.copy_from_slice(&message)).unwrap(),
        }
        let is_last_of_batch = n % 5 == 4;
        if !is_last_of_batch {
            continue;
        }
        assert_eq!(other.receiver.try_recv(&mut buffer).unwrap(), None, "nothing was published");
        one.sender.publish();
        for n in n - 4..=n {
            let header = other.receiver.try_recv(&mut buffer).unwrap().unwrap();
            assert_eq!((header.msg_id, &buffer[..header.length]), (n, &payload(n)[..]));
        }
    }
}

#[test]
fn a_message_without_room_is_not_asked_for_and_one_that_panics_is_not_sent() {
    let _alone = alone();
    let (mut one, mut other) = connected();
    let never = |_: &mut [u8]| panic!("there is no place for it");
    let too_long = SendError::TooLong { length: 65, length_max: 64 };
    assert_eq!(one.sender.try_send_with(1, 65, never), Err(too_long));
    let half = std::panic::AssertUnwindSafe(|| {
        one.sender.try_send_with(2, 64, |out| {
            out.fill(7);
            panic!("half way");
        })
    });
    assert!(std::panic::catch_unwind(half).is_err());
    for n in 0..8 {
        one.sender.try_send_with(n, 1, |out| out[0] = n as u8).unwrap();
    }
    assert_eq!(one.sender.try_send_with(8, 1, never), Err(SendError::Full));
    let mut buffer = [0; 64];
    for n in 0..8 {
        let header = other.receiver.try_recv(&mut buffer).unwrap().unwrap();
        assert_eq!((header.msg_id, &buffer[..header.length]), (n, &[n as u8][..]));
    }
    assert_eq!(other.receiver.try_recv(&mut buffer).unwrap(), None);
}

#[test]
fn messages_pass_both_ways_while_both_sides_sleep_for_each_other() {
    let _alone = alone();
    let (mut one, mut other) = connected();
    let echo = thread::spawn(move || {
        let mut buffer = [0; 64];
        for n in 0..5000u32 {
            let header = other.receiver.recv_timeout(&mut buffer, LONG).unwrap();
            assert_eq!((header.sender, header.msg_id), (2, n));
            other.sender.send_timeout(n, &buffer[..header.length], LONG).unwrap();
        }
    });
    let mut buffer = [0; 64];
    // Bursts of all sizes up to more than the ring holds.
    let mut sent = 0u32;
    let mut received = 0u32;
    while received < 5000 {
        let burst = (sent % 13).min(5000 - sent);
        for _ in 0..burst.max(u32::from(sent < 5000)) {
            match one.sender.try_send(sent, &sent.to_le_bytes()) {
                Ok(()) => sent += 1,
                Err(SendError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        let header = one.receiver.recv_timeout(&mut buffer, LONG).unwrap();
        assert_eq!((header.sender, header.msg_id, header.length), (1, received, 4));
        assert_eq!(buffer[..4], received.to_le_bytes());
        received += 1;
    }
    echo.join().unwrap();
}

#[test]
fn a_sender_sleeps_for_room_and_loses_nothing() {
    let _alone = alone();
    let (mut one, mut other) = connected();
    let sender = thread::spawn(move || {
        for n in 0..3000u32 {
            one.sender.send_timeout(n, &[n as u8; 64], LONG).unwrap();
        }
        one
    });
    let mut buffer = [0; 64];
    for n in 0..3000u32 {
        if n % 500 == 0 {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(other.receiver.recv_timeout(&mut buffer, LONG).unwrap().msg_id, n);
        assert_eq!(buffer, [n as u8; 64]);
    }
    drop(sender.join().unwrap());
}

#[test]
fn what_a_dead_peer_had_published_is_received_and_then_it_is_closed() {
    let _alone = alone();
    let (mut one, other) = connected();
    let mut other = other;
    for n in 0..3 {
        other.sender.try_send(n, b"last").unwrap();
    }
    other.sender.push(3, b"never published").unwrap();
    drop(other);
    let mut buffer = [0; 64];
    for n in 0..3 {
        assert_eq!(one.receiver.recv_timeout(&mut buffer, LONG).unwrap().msg_id, n);
    }
    let started = Instant::now();
    assert_eq!(one.receiver.recv_timeout(&mut buffer, LONG).unwrap_err(), RecvError::Closed);
    assert!(started.elapsed() < LONG / 2, "a death is noticed long before the deadline");
    for n in 0..8 {
        one.sender.try_send(n, &[]).unwrap();
    }
    assert_eq!(one.sender.send_timeout(9, &[], LONG).unwrap_err(), SendTimeoutError::Closed);
}

#[test]
fn a_peer_that_lives_and_is_silent_is_waited_for_until_the_deadline() {
    let _alone = alone();
    let (mut one, mut other) = connected();
    let mut buffer = [0; 64];
    let short = Duration::from_millis(120);
    assert_eq!(one.receiver.recv_timeout(&mut buffer, short).unwrap_err(), RecvError::TimedOut);
    // The longest timeout there is waits, and doesn't overflow.
    other.sender.try_send(1, &[]).unwrap();
    assert!(one.receiver.recv_timeout(&mut buffer, Duration::MAX).is_ok());
    assert!(one.sender.send_timeout(0, &[], Duration::MAX).is_ok());
    for n in 1..8 {
        one.sender.try_send(n, &[]).unwrap();
    }
    assert_eq!(one.sender.send_timeout(9, &[], short).unwrap_err(), SendTimeoutError::TimedOut);
}

#[test]
fn a_reactor_is_rung_when_it_sleeps_and_only_then() {
    let _alone = alone();
    let (mut one, mut other) = connected();
    let is_rung = |port: &Small| {
        let mut ends = [rustix::event::PollFd::new(port.receiver.bell(), rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut ends, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    };
    other.sender.try_send(1, &[]).unwrap();
    assert!(!is_rung(&one), "nobody asked for it");
    let mut buffer = [0; 64];
    assert!(!one.receiver.prepare_reactor().unwrap(), "a message is there");
    assert!(one.receiver.try_recv(&mut buffer).unwrap().is_some());
    assert!(one.receiver.prepare_reactor().unwrap());
    other.sender.try_send(2, &[]).unwrap();
    assert!(is_rung(&one));
    one.receiver.bell().silence();
    assert!(!is_rung(&one));
    other.sender.try_send(3, &[]).unwrap();
    assert!(!is_rung(&one), "it isn't asleep any more");
}

/// A peer that sends `descriptors` in place of what the hand-over wants.
fn connect_with(send: impl FnOnce(&DescriptorChannel)) -> ConnectError {
    let (here, there) = DescriptorChannel::pair().unwrap();
    send(&there);
    let error = Wide::connect(&here, 1, Duration::from_millis(200)).unwrap_err();
    drop(there);
    error
}

#[test]
fn every_wrong_hand_over_has_a_name_and_leaves_no_descriptor_behind() {
    let _alone = alone();
    const MEMORY: [u8; 16] = *b"ioi-port-memory\0";
    const BELL: [u8; 16] = *b"ioi-port-bell\0\0\0";
    let before = open_descriptors();
    let bytes = usize::try_from(Wide::REGION_BYTES).unwrap();
    let bell = |channel: &DescriptorChannel| {
        channel.send(BELL, DescriptorChannel::pair().unwrap().0.as_fd()).unwrap()
    };

    let silent = connect_with(|_| {});
    assert_eq!(silent, ConnectError::Channel(ChannelError::TimedOut));

    let unsealed = memory_sealed(&vec![0; bytes], SealFlags::empty());
    let error = connect_with(|c| {
        c.send(MEMORY, unsealed.as_fd()).unwrap();
        bell(c)
    });
    let ConnectError::Rejected(RejectError::SealsMissing(names)) = &error else { panic!("{error}") };
    assert_eq!(names, "SHRINK, GROW, SEAL, FUTURE_WRITE");

    let still_writable =
        memory_sealed(&vec![0; bytes], SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL);
    let error = connect_with(|c| {
        c.send(MEMORY, still_writable.as_fd()).unwrap();
        bell(c)
    });
    assert_eq!(error, ConnectError::Rejected(RejectError::SealsMissing("FUTURE_WRITE".into())));

    let small = OwnMemory::create(4096, 4096).unwrap();
    let error = connect_with(|c| {
        c.send(MEMORY, small.reader_descriptor().unwrap().as_fd()).unwrap();
        bell(c)
    });
    let wrong_size = RejectError::WrongSize { bytes: 4096, bytes_agreed: Wide::REGION_BYTES };
    assert_eq!(error, ConnectError::Rejected(wrong_size));

    let sparse = OwnMemory::create(Wide::REGION_BYTES, 4096).unwrap();
    let error = connect_with(|c| {
        c.send(MEMORY, sparse.reader_descriptor().unwrap().as_fd()).unwrap();
        bell(c)
    });
    assert!(
        matches!(error, ConnectError::Rejected(RejectError::Sparse { bytes_present: 4096, .. })),
        "{error}"
    );

    let good = OwnMemory::create(Wide::REGION_BYTES, Wide::REGION_BYTES).unwrap();
    let good = {
        let memory = good;
        memory.reader_descriptor().unwrap()
    };
    let error = connect_with(|c| {
        c.send(MEMORY, good.as_fd()).unwrap();
        c.send(BELL, good.as_fd()).unwrap()
    });
    assert_eq!(error, ConnectError::Channel(ChannelError::NotAChannel), "memory is no bell");

    let error = connect_with(|c| c.send([9; 16], good.as_fd()).unwrap());
    assert_eq!(error, ConnectError::Unexpected { id: [9; 16] });
    drop((unsealed, still_writable, small, sparse, good));
    // Tests that count nothing run beside this one; what they have open goes away, a leak doesn't.
    let deadline = Instant::now() + LONG;
    while open_descriptors().iter().any(|open| !before.contains(open)) {
        assert!(Instant::now() < deadline, "left open: {:?}, before: {before:?}", open_descriptors());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_bell_that_nobody_drains_and_whose_flags_were_cleared_never_blocks_who_rings() {
    let _alone = alone();
    let (mut one, mut other) = connected();
    let _ = one.receiver.prepare_reactor().unwrap();
    let mut buffer = [0; 64];
    // More rings than any queue holds.
    for n in 0..20_000 {
        other.sender.try_send(n, &[]).unwrap();
        assert!(one.receiver.try_recv(&mut buffer).unwrap().is_some());
        assert!(one.receiver.prepare_reactor().unwrap());
    }
}

#[test]
fn one_sided_memory_cannot_be_changed_by_its_reader_in_any_way() {
    let _alone = alone();
    use rustix::fs::{FallocateFlags, OFlags, fallocate, fcntl_add_seals, ftruncate};
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mprotect};
    let memory = OwnMemory::create(8192, 8192).unwrap();
    let reader = memory.reader_descriptor().unwrap();
    assert!(rustix::io::write(&reader, b"x").is_err());
    // Reopened for writing it opens, and still writes nothing.
    let writer = crate::common::reopen(reader.as_fd(), OFlags::RDWR).unwrap();
    assert_eq!(rustix::io::pwrite(&writer, b"x", 0), Err(rustix::io::Errno::PERM));
    assert!(ftruncate(&writer, 4096).is_err() && ftruncate(&writer, 16_384).is_err());
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    assert!(fallocate(&writer, punch, 0, 4096).is_err());
    assert!(fcntl_add_seals(&writer, SealFlags::WRITE).is_err());
    // SAFETY: new mappings of nobody else's memory, at addresses the kernel chooses.
    unsafe {
        let shared = mmap(
            std::ptr::null_mut(),
            4096,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            &writer,
            0,
        );
        assert!(shared.is_err());
        let read_only =
            mmap(std::ptr::null_mut(), 4096, ProtFlags::READ, MapFlags::SHARED, &writer, 0).unwrap();
        assert!(mprotect(read_only, 4096, MprotectFlags::READ | MprotectFlags::WRITE).is_err());
        assert!(rustix::mm::madvise(read_only, 4096, rustix::mm::Advice::LinuxRemove).is_err());
    }
}

#[test]
fn no_two_owners_are_given_the_same_words() {
    let _alone = alone();
    let rows = [
        (0, 4096..4096, "control words twice"),
        (128, 4096..4096, "control words over others"),
        (512, 2040..2056, "data twice"),
        (512, 640..768, "its own control words as data"),
        (64, 4096..4096, "misaligned control words"),
        (8064, 4096..4096, "control words beyond the end"),
        (u64::MAX - 127, 0..0, "an overflow"),
        (4096, 4100..4108, "misaligned data"),
        (4096, 8192..8200, "data beyond the end"),
    ];
    for (control, data, what) in rows {
        // Each row has memory of its own, so that none is refused for what another took.
        let memory = OwnMemory::create(8192, 8192).unwrap();
        let _page = memory.page(0, 1024..2048).unwrap();
        assert!(memory.page(control, data).is_err(), "{what}");
        assert!(memory.page(512, 2048..4096).is_ok(), "{what}: a refusal took something");
        assert!(memory.page(4096, 4352..8192).is_ok(), "{what}: a refusal took something");
    }
    let memory = OwnMemory::create(8192, 8192).unwrap();
    let _small = memory.words::<AtomicU32>(0..64).unwrap();
    assert!(memory.words::<AtomicU64>(0..64).is_err(), "the same words in another size");
    assert!(memory.words::<AtomicU64>(64..128).is_ok());
}

#[test]
fn memory_of_a_broker_is_adopted_by_one_of_two_that_try_at_once() {
    let _alone = alone();
    for _ in 0..10 {
        let drafts: Vec<_> = (0..100).map(|_| WriterDraft::create(4096, &[]).unwrap()).collect();
        let arrived = AtomicUsize::new(0);
        // What one thread made of each of the memories, each tried when the other is there as well.
        let adopted = || -> Vec<Result<(), RejectError>> {
            let try_one = |(at, draft): (usize, &WriterDraft)| {
                let descriptor = draft.writer_descriptor().unwrap();
                arrived.fetch_add(1, Ordering::SeqCst);
                while arrived.load(Ordering::SeqCst) < 2 * (at + 1) {
                    thread::yield_now();
                }
                OwnMemory::adopt(descriptor, 4096).map(|_| ())
            };
            drafts.iter().enumerate().map(try_one).collect()
        };
        let (one, other) = thread::scope(|scope| {
            let other = scope.spawn(adopted);
            (adopted(), other.join().unwrap())
        });
        for pair in one.into_iter().zip(other) {
            let sealed = Err(RejectError::WriteSealed);
            assert!(pair == (Ok(()), sealed.clone()) || pair == (sealed, Ok(())), "{pair:?}");
        }
    }
}

#[test]
fn the_size_of_a_brokers_memory_is_final_before_its_writer_has_it() {
    let _alone = alone();
    let first_half = std::slice::from_ref(&(0..4096));
    let draft = WriterDraft::create(8192, first_half).unwrap();
    let writer = draft.writer_descriptor().unwrap();
    for bytes in [0, 4096, 16_384] {
        assert_eq!(rustix::fs::ftruncate(&writer, bytes), Err(rustix::io::Errno::PERM), "{bytes}");
    }
    let _owner = OwnMemory::adopt(writer, 8192).unwrap();
    assert!(draft.seal(first_half).is_ok());
}
