//! The books of both ends against models, and against every handle that a peer could make up.

use ioi_shm::{Arena, Handle, HandleError, Held, LEASE_ALIGN, LeaseError, Quota};
use proptest::prelude::*;

const REGION: u64 = 42;
const START: u64 = 0x15_0000;
const END: u64 = START + (1 << 20);
const QUOTA: Quota = Quota { leases_max: 24, bytes_max: 700 << 10 };

fn arena() -> Arena {
    Arena::new(REGION, START..END, END, QUOTA)
}

fn held() -> Held {
    Held::new(REGION, START..END, QUOTA)
}

fn pages(length: u64) -> u64 {
    length.next_multiple_of(LEASE_ALIGN)
}

#[derive(Clone, Debug)]
enum Step {
    Lease(u64),
    Release(usize),
    ReleaseAgain(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop_oneof![1..20_000u64, Just(65_536), Just(4096), 1..400_000u64].prop_map(Step::Lease),
        4 => any::<usize>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::ReleaseAgain),
    ]
}

proptest! {
    #[test]
    fn leases_never_overlap_stay_within_quota_and_come_back_once(
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut arena = arena();
        let (mut out, mut back): (Vec<Handle>, Vec<Handle>) = (Vec::new(), Vec::new());
        for step in steps {
            let used: u64 = out.iter().map(|handle| pages(handle.length)).sum();
            match step {
                Step::Lease(length) => match arena.lease(length, 9) {
                    Ok(handle) => {
                        prop_assert_eq!((handle.length, handle.type_id, handle.region), (length, 9, REGION));
                        prop_assert!(handle.offset >= START && handle.offset + pages(length) <= END);
                        prop_assert!(handle.offset.is_multiple_of(LEASE_ALIGN));
                        for other in &out {
                            let apart = handle.offset + pages(length) <= other.offset
                                || other.offset + pages(other.length) <= handle.offset;
                            prop_assert!(apart, "{:?} {:?}", handle, other);
                            prop_assert!(handle.generation != other.generation);
                        }
                        prop_assert!(out.len() < QUOTA.leases_max && used + pages(length) <= QUOTA.bytes_max);
                        out.push(handle);
                    }
                    Err(LeaseError::Quota { .. }) => {
                        prop_assert!(out.len() == QUOTA.leases_max || used + pages(length) > QUOTA.bytes_max);
                    }
                    Err(LeaseError::Full { .. }) => {
                        // The model: the largest gap between the leases is too small.
                        let mut ends: Vec<(u64, u64)> = out.iter().map(|h| (h.offset, h.offset + pages(h.length))).collect();
                        ends.push((END, END));
                        ends.sort_unstable();
                        let mut at = START;
                        for (start, end) in ends {
                            prop_assert!(start - at < pages(length), "there was a gap");
                            at = end;
                        }
                    }
                    Err(other) => prop_assert!(false, "{:?}", other),
                },
                Step::Release(at) if !out.is_empty() => {
                    let handle = out.swap_remove(at % out.len());
                    prop_assert_eq!(arena.release(&handle), Ok(()));
                    back.push(handle);
                }
                Step::ReleaseAgain(at) if !back.is_empty() => {
                    let handle = back[at % back.len()];
                    prop_assert_eq!(arena.release(&handle), Err(HandleError::Stale { generation: handle.generation }));
                }
                _ => {}
            }
            prop_assert_eq!(arena.leases(), out.len());
            prop_assert_eq!(arena.bytes(), out.iter().map(|handle| pages(handle.length)).sum::<u64>());
        }
        prop_assert_eq!(arena.reclaim(), out.len());
        prop_assert_eq!(arena.reclaim(), 0, "a dead peer's leases come back once");
        // All of it is there again, in one piece.
        let whole = Quota { bytes_max: END - START, ..QUOTA };
        let mut fresh = Arena::new(REGION, START..END, END, whole);
        prop_assert!(fresh.lease(END - START, 0).is_ok());
    }

    #[test]
    fn whatever_was_leased_everything_can_be_leased_in_one_piece_afterwards(
        lengths in prop::collection::vec(1..50_000u64, 1..20), order in any::<u64>(),
    ) {
        let quota = Quota { leases_max: 64, bytes_max: END - START };
        let mut arena = Arena::new(REGION, START..END, END, quota);
        let mut out: Vec<Handle> = lengths.iter().filter_map(|length| arena.lease(*length, 0).ok()).collect();
        let mut random = order;
        while !out.is_empty() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (random >> 33) as usize % out.len();
            arena.release(&out.swap_remove(at)).unwrap();
        }
        prop_assert!(arena.lease(END - START, 0).is_ok());
    }

    #[test]
    fn no_made_up_handle_is_ever_released_or_read(
        region in prop_oneof![Just(REGION), any::<u64>()],
        generation in prop_oneof![0..4u32, any::<u32>()],
        offset in prop_oneof![Just(START), START..END, any::<u64>()],
        length in prop_oneof![0..200_000u64, any::<u64>()],
    ) {
        let mut arena = arena();
        let real = arena.lease(100_000, 5).unwrap();
        let made_up = Handle { region, generation, type_id: 5, offset, length };
        let names_it = made_up.region == real.region && generation == real.generation
            && offset == real.offset && (1..=pages(100_000)).contains(&length);
        prop_assert_eq!(arena.check(&made_up).is_ok(), names_it);
        prop_assert_eq!(arena.release(&made_up).is_ok(), names_it);
    }
}

/// A region of 64 MiB of which `allocated` bytes are.
fn large_arena(allocated: u64) -> Arena {
    let quota = Quota { leases_max: 100, bytes_max: 64 << 20 };
    Arena::new(REGION, START..START + (64 << 20), START + allocated, quota)
}

#[test]
fn small_parts_of_one_size_take_turns_up_to_2_mib_and_the_oldest_goes_out_first() {
    let mut arena = large_arena(64 << 20);
    let mut lent = |length: u64| {
        let handle = arena.lease(length, 0).unwrap();
        arena.release(&handle).unwrap();
        handle.offset
    };
    let first: Vec<u64> = (0..32).map(|_| lent(64 << 10)).collect();
    let mut all = first.clone();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 32, "so many parts of 64 KiB are 2 MiB");
    let again: Vec<u64> = (0..32).map(|_| lent(64 << 10)).collect();
    assert_eq!(again, first);
}

#[test]
fn a_large_part_is_used_again_at_once() {
    let mut arena = large_arena(64 << 20);
    for _ in 0..3 {
        let handle = arena.lease(2 << 20, 0).unwrap();
        assert_eq!(handle.offset, START);
        arena.release(&handle).unwrap();
    }
}

#[test]
fn parts_take_turns_in_memory_that_is_allocated_and_ask_for_no_more() {
    let mut arena = large_arena(100 << 10);
    let offsets: Vec<u64> = (0..4)
        .map(|_| {
            let handle = arena.lease(40 << 10, 0).unwrap();
            arena.release(&handle).unwrap();
            handle.offset - START
        })
        .collect();
    assert_eq!(offsets, [0, 40 << 10, 0, 40 << 10]);
}

#[test]
fn memory_that_is_not_allocated_is_asked_for_and_not_lent() {
    let mut arena = Arena::new(REGION, START..END, START + 4096, QUOTA);
    assert_eq!(arena.lease(4096, 0).unwrap().offset, START);
    assert_eq!(arena.lease(10_000, 0), Err(LeaseError::Allocate { end: START + 16_384 }));
    assert_eq!(arena.leases(), 1);
    arena.allocated_to(START + 16_384);
    assert_eq!(arena.lease(10_000, 0).unwrap().offset, START + 4096);
}

#[test]
fn every_way_a_handle_can_be_wrong_has_a_name() {
    let good = Handle { region: REGION, generation: 1, type_id: 0, offset: START, length: 4096 };
    let outside = |offset, length| HandleError::Outside { offset, length };
    let rows = [
        (
            "another region",
            Handle { region: 41, ..good },
            HandleError::Region { region: 41, region_known: REGION },
        ),
        ("no bytes", Handle { length: 0, ..good }, HandleError::Empty),
        ("offset + length overflows", Handle { length: u64::MAX, ..good }, outside(START, u64::MAX)),
        (
            "both are the largest",
            Handle { offset: u64::MAX - 63, length: 64, ..good },
            outside(u64::MAX - 63, 64),
        ),
        (
            "one byte past the end",
            Handle { length: END - START + 1, ..good },
            outside(START, END - START + 1),
        ),
        ("starts at the end", Handle { offset: END, length: 1, ..good }, outside(END, 1)),
        ("in the control words", Handle { offset: 0, ..good }, outside(0, 4096)),
        (
            "reaches into the arena from before",
            Handle { offset: START - 64, length: 128, ..good },
            outside(START - 64, 128),
        ),
    ];
    for (name, handle, error) in rows {
        assert_eq!(handle.locate(REGION, START..END), Err(error), "{name}");
        assert_eq!(held().take(&handle), Err(error), "{name}");
        assert_eq!(arena().release(&handle), Err(error), "{name}");
    }
    for by in 1..16 {
        let handle = Handle { offset: START + by, ..good };
        assert_eq!(held().take(&handle), Err(HandleError::Misaligned { offset: START + by }));
    }
    let whole = Handle { length: END - START, ..good };
    assert_eq!(whole.locate(REGION, START..END), Ok(START..END), "up to the end is fine");
}

#[test]
fn a_borrower_takes_no_handle_twice_and_none_over_another() {
    let mut held = held();
    let first = Handle { region: REGION, generation: 5, type_id: 0, offset: START + 8192, length: 8192 };
    assert_eq!(held.take(&first), Ok(START + 8192..START + 16_384));
    let stale = |generation| Err(HandleError::Stale { generation });
    let not_held = |generation| Err(HandleError::Stale { generation });
    assert_eq!(held.take(&first), stale(5), "the same again");
    assert_eq!(held.take(&Handle { generation: 4, offset: START, ..first }), stale(4), "older");
    assert_eq!(
        held.take(&Handle { generation: 5 + (1 << 31), offset: START, ..first }),
        stale(5 + (1 << 31))
    );
    for (offset, length) in [(START + 8192, 1), (START + 16_320, 64), (START, 8193), (START, END - START)] {
        let over = Handle { generation: 6, offset, length, ..first };
        assert_eq!(held.take(&over), Err(HandleError::Overlaps { offset, length }), "{offset} {length}");
    }
    let beside = Handle { generation: 6, offset: START, length: 8192, ..first };
    assert!(held.take(&beside).is_ok());
    assert_eq!(held.give_back(&Handle { generation: 9, ..first }), not_held(9));
    assert_eq!(held.give_back(&Handle { region: 1, ..first }), not_held(5));
    assert_eq!(held.give_back(&first), Ok(()));
    assert_eq!(held.give_back(&first), not_held(5), "returned twice");
    assert_eq!(held.take(&first), stale(5), "an old handle after its return");
    assert_eq!((held.loans(), held.bytes()), (1, 8192));
}

#[test]
fn a_peer_that_lends_more_than_agreed_is_refused() {
    let mut held = Held::new(REGION, START..END, Quota { leases_max: 2, bytes_max: 16_384 });
    let at = |generation: u32, length| Handle {
        region: REGION,
        generation,
        type_id: 0,
        offset: START + u64::from(generation) * 32_768,
        length,
    };
    assert!(held.take(&at(1, 4096)).is_ok());
    assert_eq!(held.take(&at(2, 12_289)), Err(HandleError::Quota { leases: 1, bytes: 4096 }));
    assert!(held.take(&at(3, 12_288)).is_ok());
    assert_eq!(held.take(&at(4, 1)), Err(HandleError::Quota { leases: 2, bytes: 16_384 }));
}

#[test]
fn a_handle_is_32_bytes_in_the_order_of_its_fields() {
    let handle = Handle {
        region: 0x0807_0605_0403_0201,
        generation: 0x0c0b_0a09,
        type_id: 0x100f_0e0d,
        offset: 0x1817_1615_1413_1211,
        length: 0x201f_1e1d_1c1b_1a19,
    };
    let bytes: [u8; 32] = std::array::from_fn(|at| at as u8 + 1);
    assert_eq!(handle.to_bytes(), bytes);
    assert_eq!(Handle::from_bytes(&bytes), handle);
}
