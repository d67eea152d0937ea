//! Leases with their bytes, between one process's two ends.

use crate::common::alone;
use ioi_shm::{Borrower, FillError, Handle, HandleError, LeaseError, Lender, OwnMemory, PeerMemory, Quota};
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
    lender.release(&handle).unwrap();
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
