//! Leases with their bytes, between one process's two ends.

use crate::common::alone;
use ioi_shm::{
    Borrower, FillError, Handle, HandleError, LeaseError, Lender, OwnMemory, PeerMemory, Quota, RejectError,
    WriterDraft,
};
use rustix::fs::{FallocateFlags, fallocate};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

const BYTES: u64 = 16 << 20;
const ARENA: std::ops::Range<u64> = 4096..BYTES;
const QUOTA: Quota = Quota { leases_max: 8, bytes_max: BYTES };

fn both(is_trusted: bool) -> (Lender, Borrower) {
    let memory = Arc::new(OwnMemory::create(BYTES, 4096).unwrap());
    let there = PeerMemory::accept(memory.reader_descriptor().unwrap(), BYTES, 4096).unwrap();
    let make = if is_trusted { Borrower::trusted } else { Borrower::untrusted };
    let borrower = make(Arc::new(there), 1, ARENA, QUOTA);
    (Lender::new(memory, 1, ARENA, QUOTA).unwrap(), borrower)
}

fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

fn lend(lender: &mut Lender, bytes: &[u8]) -> Handle {
    let handle = lender.lease(bytes.len() as u64, 3).unwrap();
    lender.fill(&handle).unwrap().copy_from_slice(bytes);
    lender.hand_over(&handle).unwrap();
    handle
}

#[test]
fn a_trusted_loan_is_read_in_place_and_an_untrusted_one_only_as_a_copy() {
    let _alone = alone();
    for (round, length) in [1usize, 63, 4096, 4097, 3_000_000].into_iter().enumerate() {
        let bytes = pattern(length, round as u64);
        for is_trusted in [true, false] {
            let (mut lender, mut borrower) = both(is_trusted);
            let handle = lend(&mut lender, &bytes);
            let loan = borrower.take(&handle).unwrap();
            assert_eq!(loan.in_place(), is_trusted.then_some(&bytes[..]));
            let mut copy = vec![0; length];
            let mut landed = Vec::new();
            loan.copy_to(&mut copy, 1000, |piece| landed.extend_from_slice(piece));
            assert!(copy == bytes && landed == bytes);
            let back = borrower.give_back(loan).unwrap();
            lender.release(&back).unwrap();
            assert_eq!(lender.release(&back), Err(HandleError::Stale { generation: handle.generation }));
        }
    }
}

#[test]
fn what_was_handed_over_is_not_written_again_before_it_is_back() {
    let _alone = alone();
    let (mut lender, _borrower) = both(true);
    let handle = lend(&mut lender, b"final");
    assert_eq!(lender.fill(&handle).unwrap_err(), FillError::HandedOver);
    assert_eq!(lender.hand_over(&handle).unwrap_err(), FillError::HandedOver);
    lender.release(&handle).unwrap();
    let stale = HandleError::Stale { generation: handle.generation };
    assert_eq!(lender.fill(&handle).unwrap_err(), FillError::Handle(stale));
    // Parts take turns, so it is a while until those bytes are lent again.
    let mut again = lender.lease(5, 3).unwrap();
    for _ in 0..1000 {
        if again.offset == handle.offset {
            break;
        }
        lender.hand_over(&again).unwrap();
        lender.release(&again).unwrap();
        again = lender.lease(5, 3).unwrap();
    }
    assert_eq!(again.offset, handle.offset);
    assert!(again.generation > handle.generation);
    assert_eq!(lender.fill(&handle).unwrap_err(), FillError::Handle(stale), "the old name of the same bytes");
}

#[test]
fn memory_is_allocated_in_steps_as_it_is_lent() {
    let _alone = alone();
    let (mut lender, borrower) = both(true);
    assert_eq!(lender.arena().allocated(), 4096);
    let handle = lender.lease(100, 0).unwrap();
    assert_eq!(lender.arena().allocated(), 4096 + (2 << 20));
    lender.lease(5 << 20, 0).unwrap();
    assert_eq!(lender.arena().allocated(), 4096 + (6 << 20));
    drop(borrower);
    lender.cancel(&handle).unwrap();
}

#[test]
fn a_handle_to_memory_that_is_not_there_is_refused_and_not_held() {
    let _alone = alone();
    let (mut lender, mut borrower) = both(false);
    lender.lease(100, 0).unwrap();
    let hole = Handle { region: 1, generation: 9, type_id: 0, offset: 8 << 20, length: 4096 };
    let error = HandleError::Outside { offset: 8 << 20, length: 4096 };
    assert_eq!(borrower.take(&hole).unwrap_err(), error);
    assert_eq!((borrower.held().loans(), borrower.held().bytes()), (0, 0));
}

#[test]
fn a_peer_that_returns_nothing_starves_itself() {
    let _alone = alone();
    let (mut lender, _borrower) = both(true);
    for _ in 0..QUOTA.leases_max {
        lend(&mut lender, b"x");
    }
    let error = lender.lease(1, 0).unwrap_err();
    assert_eq!(error, FillError::Lease(LeaseError::Quota { leases: 8, bytes: 8 * 4096 }));
    assert_eq!((lender.reclaim(), lender.reclaim()), (8, 0));
    assert!(lender.lease(1, 0).is_ok());
}

#[test]
fn memory_that_is_there_behind_a_hole_can_be_lent_and_the_hole_cannot() {
    let _alone = alone();
    let memory = OwnMemory::create(BYTES, 4096).unwrap();
    let there = PeerMemory::accept(memory.reader_descriptor().unwrap(), BYTES, 4096).unwrap();
    let mut borrower = Borrower::untrusted(Arc::new(there), 1, ARENA, QUOTA);
    memory.allocate(8 << 20..9 << 20).unwrap();
    let at = |generation, offset| Handle { region: 1, generation, type_id: 0, offset, length: 4096 };
    assert!(borrower.take(&at(1, 8 << 20)).is_ok());
    for (generation, offset) in [(2, 4096), (3, (8 << 20) - 4096), (4, 9 << 20)] {
        let error = HandleError::Outside { offset, length: 4096 };
        assert_eq!(borrower.take(&at(generation, offset)).unwrap_err(), error);
    }
    memory.allocate(4096..8 << 20).unwrap();
    assert!(borrower.take(&at(5, (8 << 20) - 4096)).is_ok());
}

#[test]
fn a_lease_that_was_not_handed_over_is_not_the_peers_to_return() {
    let _alone = alone();
    let (mut lender, _borrower) = both(false);
    let handle = lender.lease(5, 3).unwrap();
    // A peer that guesses well: it was never sent this.
    let stale = HandleError::Stale { generation: handle.generation };
    assert_eq!(lender.release(&handle), Err(stale));
    lender.fill(&handle).expect("still this side's").fill(7);
    lender.hand_over(&handle).unwrap();
    assert_eq!(lender.cancel(&handle), Err(FillError::HandedOver), "the peer may be reading it");
    lender.release(&handle).unwrap();
    let unused = lender.lease(5, 3).unwrap();
    lender.cancel(&unused).unwrap();
    let stale = HandleError::Stale { generation: unused.generation };
    assert_eq!(lender.cancel(&unused), Err(FillError::Handle(stale)));
    assert_eq!((lender.arena().leases(), lender.arena().bytes()), (0, 0));
}

#[test]
fn a_lease_that_the_peer_would_call_stale_is_not_handed_over() {
    let _alone = alone();
    let (mut lender, mut borrower) = both(false);
    let (first, second) = (lender.lease(5, 0).unwrap(), lender.lease(5, 0).unwrap());
    lender.hand_over(&second).unwrap();
    drop(borrower.take(&second).unwrap());
    let late = FillError::OutOfOrder { generation: first.generation, youngest: second.generation };
    assert_eq!(lender.hand_over(&first), Err(late));
    let stale = HandleError::Stale { generation: first.generation };
    assert_eq!(borrower.take(&first).unwrap_err(), stale, "that is why");
    lender.fill(&first).expect("it is still this side's");
    lender.cancel(&first).unwrap();
    let third = lender.lease(5, 0).unwrap();
    lender.hand_over(&third).unwrap();
    assert!(borrower.take(&third).is_ok());
}

#[test]
fn a_loan_that_is_dropped_stays_held_and_counts() {
    let _alone = alone();
    let (mut lender, mut borrower) = both(false);
    for count in 1..=QUOTA.leases_max {
        drop(borrower.take(&lend(&mut lender, b"x")).unwrap());
        assert_eq!(borrower.held().loans(), count);
    }
    let one_more = Handle { region: 1, generation: 99, type_id: 0, offset: 1 << 20, length: 64 };
    let full = HandleError::Quota { leases: 8, bytes: 8 * 4096 };
    assert_eq!(borrower.take(&one_more).unwrap_err(), full);
}

/// Two sessions whose regions have the same number: their handles look the same.
#[test]
fn a_loan_of_another_session_is_not_given_back_here_whatever_its_handle_says() {
    let _alone = alone();
    let ((mut one, mut ours), (mut other, mut theirs)) = (both(true), both(true));
    let (handle, same) = (lend(&mut one, b"ours"), lend(&mut other, b"theirs"));
    assert_eq!(
        (handle.region, handle.generation, handle.offset),
        (same.region, same.generation, same.offset)
    );
    let (our_loan, their_loan) = (ours.take(&handle).unwrap(), theirs.take(&same).unwrap());
    let stale = HandleError::Stale { generation: handle.generation };
    assert_eq!(theirs.give_back(our_loan), Err(stale));
    assert_eq!((ours.held().loans(), theirs.held().loans()), (1, 1), "nothing was given back");
    assert_eq!(their_loan.in_place(), Some(&b"theirs"[..]));
    assert!(theirs.give_back(their_loan).is_ok());
}

#[test]
fn a_handle_of_another_session_shows_and_returns_nothing_of_it() {
    let _alone = alone();
    let ((mut one, _ours), (mut other, mut theirs)) = (both(true), both(true));
    let secret = lend(&mut one, &[0xAA; 64]);
    let outside = HandleError::Outside { offset: secret.offset, length: secret.length };
    assert_eq!(theirs.take(&secret).unwrap_err(), outside, "nothing is there in this session");
    let stale = HandleError::Stale { generation: secret.generation };
    assert_eq!(other.release(&secret), Err(stale));
    // Something is being filled there now: neither shown nor returned by the other's handle.
    let filled = other.lease(64, 0).unwrap();
    assert_eq!((filled.offset, filled.generation), (secret.offset, secret.generation));
    assert_eq!(other.release(&secret), Err(stale));
    assert_eq!(one.arena().leases(), 1);
}

#[test]
fn memory_of_a_new_arena_holds_nothing_that_another_session_wrote() {
    let _alone = alone();
    let (mut one, ours) = both(false);
    let all = lend(&mut one, &vec![0xAA; 8 << 20]);
    one.release(&all).unwrap();
    drop((one, ours));
    let (mut other, _theirs) = both(false);
    let fresh = other.lease(8 << 20, 0).unwrap();
    assert!(other.fill(&fresh).unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn what_was_filled_is_shown_until_it_is_handed_over() {
    let _alone = alone();
    let (mut lender, _borrower) = both(false);
    let handle = lender.lease(3, 0).unwrap();
    lender.fill(&handle).unwrap().copy_from_slice(b"abc");
    assert_eq!(lender.filled(&handle).unwrap(), b"abc");
    lender.hand_over(&handle).unwrap();
    assert_eq!(lender.filled(&handle).unwrap_err(), FillError::HandedOver);
    lender.release(&handle).unwrap();
    let stale = HandleError::Stale { generation: handle.generation };
    assert_eq!(lender.filled(&handle).unwrap_err(), FillError::Handle(stale));
}

#[test]
fn memory_that_a_broker_shared_is_written_by_the_lenders_mapping_and_by_nothing_else() {
    let _alone = alone();
    const WHOLE: u64 = 8192;
    let draft = WriterDraft::create(WHOLE, std::slice::from_ref(&(0..WHOLE))).unwrap();
    let (writer, kept) = (draft.writer_descriptor().unwrap(), draft.writer_descriptor().unwrap());
    let memory = Arc::new(OwnMemory::adopt_whole(writer, WHOLE).unwrap());
    let shared = draft.share().unwrap();
    assert_eq!(shared.bytes(), WHOLE);
    let quota = Quota { leases_max: 2, bytes_max: WHOLE };
    let mut lender = Lender::new(memory, 7, 0..WHOLE, quota).unwrap();
    assert_eq!(lender.arena().allocated(), WHOLE, "the lender would allocate what is there");
    let first = lend(&mut lender, &[b'a'; 4096]);

    let reader = shared.reader_descriptor().unwrap();
    let again = std::fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", reader.as_raw_fd()));
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    for file in [kept.as_fd(), reader.as_fd(), again.as_ref().map_or(kept.as_fd(), |file| file.as_fd())] {
        assert!(rustix::io::pwrite(file, b"z", 0).is_err());
        assert!(rustix::fs::ftruncate(file, 0).is_err());
        assert!(fallocate(file, punch, 0, 4096).is_err());
    }
    assert!(OwnMemory::adopt_whole(kept, WHOLE).is_err(), "a second writer");

    let there = PeerMemory::accept(reader, WHOLE, WHOLE).unwrap();
    let mut borrower = Borrower::untrusted(Arc::new(there), 7, 0..WHOLE, quota);
    let second = lend(&mut lender, &[b'b'; 4096]);
    for (handle, byte) in [(first, b'a'), (second, b'b')] {
        let loan = borrower.take(&handle).unwrap();
        let mut bytes = [0; 4096];
        loan.copy_to(&mut bytes, 1000, |_| ());
        assert_eq!(bytes, [byte; 4096]);
        lender.release(&borrower.give_back(loan).unwrap()).unwrap();
    }
}

#[test]
fn memory_with_holes_is_neither_adopted_as_a_whole_nor_shared() {
    let _alone = alone();
    let half = WriterDraft::create(8192, std::slice::from_ref(&(0..4096))).unwrap();
    let sparse = RejectError::Sparse { bytes_present: 4096, bytes: 8192 };
    let adopted = OwnMemory::adopt_whole(half.writer_descriptor().unwrap(), 8192);
    assert_eq!(adopted.unwrap_err(), sparse);
    assert_eq!(half.share().unwrap_err(), sparse);
}
