//! Any 32 bytes as a handle: what is believed lies in the arena, is nobody else's, and ends once.

use crate::script::Script;
use ioi_shm::{Arena, HANDLE_BYTES, Handle, Held, LEASE_ALIGN, LeaseError, Quota};
use std::ops::Range;

const REGION: u64 = 3;
const BOUNDS: Range<u64> = LEASE_ALIGN..33 * LEASE_ALIGN;
const QUOTA: Quota = Quota { leases_max: 8, bytes_max: 24 * LEASE_ALIGN };

/// Steps: leases, and handles that come from the input whole or differ from a lease in one byte.
pub(crate) fn check(input: &[u8]) {
    let (mut arena, mut held) =
        (Arena::new(REGION, BOUNDS, BOUNDS.end, QUOTA), Held::new(REGION, BOUNDS, QUOTA));
    let (mut lent, mut taken) = (Vec::new(), Vec::new());
    let mut script = Script::new(input);
    while !script.is_empty() {
        match script.byte() % 4 {
            0 => lease(&mut arena, &mut lent, script.long() % (6 * LEASE_ALIGN)),
            1 => {
                let claimed = claim(&lent, &mut script);
                release(&mut arena, &mut lent, &claimed);
            }
            2 => take(&mut held, &mut taken, &claim(&lent, &mut script)),
            _ => {
                let claimed = claim(&taken, &mut script);
                give_back(&mut held, &mut taken, &claimed);
            }
        }
        assert_eq!((arena.leases(), held.loans()), (lent.len(), taken.len()));
    }
    assert_eq!((arena.reclaim(), arena.reclaim()), (lent.len(), 0));
    let all = arena.lease(QUOTA.bytes_max, 0).expect("everything came back");
    assert_eq!(arena.release(&all), Ok(()));
}

/// Whole pages, without overflow.
fn pages(handle: &Handle) -> Range<u128> {
    let (start, length) = (u128::from(handle.offset), u128::from(handle.length));
    let page = u128::from(LEASE_ALIGN);
    start / page..(start + length).div_ceil(page)
}

fn is_inside(handle: &Handle) -> bool {
    let (start, end) = (u128::from(handle.offset), u128::from(handle.offset) + u128::from(handle.length));
    let is_lawful = handle.region == REGION && handle.length > 0 && handle.offset.is_multiple_of(64);
    is_lawful && start >= BOUNDS.start.into() && end <= BOUNDS.end.into()
}

fn overlaps(one: &Range<u128>, other: &Range<u128>) -> bool {
    one.start < other.end && other.start < one.end
}

fn bytes(handle: &Handle) -> Range<u128> {
    handle.offset.into()..u128::from(handle.offset) + u128::from(handle.length)
}

/// One of `known` with a byte changed, or whatever comes.
fn claim(known: &[Handle], script: &mut Script<'_>) -> Handle {
    let kind = script.byte();
    let Some(handle) =
        known.get(usize::from(kind / 4) % known.len().max(1)).filter(|_| !kind.is_multiple_of(4))
    else {
        let bytes = script.array::<HANDLE_BYTES>();
        let handle = Handle::from_bytes(&bytes);
        assert_eq!(handle.to_bytes(), bytes, "a handle has one encoding");
        return handle;
    };
    let mut bytes = handle.to_bytes();
    bytes[usize::from(script.byte()) % HANDLE_BYTES] ^= script.byte();
    Handle::from_bytes(&bytes)
}

fn lease(arena: &mut Arena, lent: &mut Vec<Handle>, length: u64) {
    match arena.lease(length, 0) {
        Ok(handle) => {
            assert!(
                is_inside(&handle) && handle.length == length && handle.offset.is_multiple_of(LEASE_ALIGN)
            );
            assert!(lent.iter().all(|other| !overlaps(&pages(other), &pages(&handle))), "lent twice");
            assert!(lent.iter().all(|other| other.generation < handle.generation), "an old generation");
            lent.push(handle);
        }
        Err(LeaseError::Allocate { .. }) => panic!("all of it is allocated"),
        Err(_) => {}
    }
}

fn release(arena: &mut Arena, lent: &mut Vec<Handle>, claim: &Handle) {
    let is_it = |lease: &Handle| (lease.offset, lease.generation) == (claim.offset, claim.generation);
    let at = lent.iter().position(|lease| is_it(lease) && pages(claim).end <= pages(lease).end);
    let at = at.filter(|_| is_inside(claim));
    assert_eq!(arena.check(claim).is_ok(), at.is_some());
    assert_eq!(arena.release(claim).is_ok(), at.is_some());
    if let Some(at) = at {
        lent.swap_remove(at);
        assert!(arena.release(claim).is_err(), "given back twice");
    }
}

fn take(held: &mut Held, taken: &mut Vec<Handle>, claim: &Handle) {
    if let Ok(range) = held.take(claim) {
        assert!(is_inside(claim) && range == (claim.offset..claim.offset + claim.length));
        assert!(taken.iter().all(|other| !overlaps(&bytes(other), &bytes(claim))), "held twice");
        taken.push(*claim);
        assert!(taken.len() <= QUOTA.leases_max && held.bytes() <= QUOTA.bytes_max, "more than agreed");
        assert!(held.take(claim).is_err(), "taken twice");
    }
}

fn give_back(held: &mut Held, taken: &mut Vec<Handle>, claim: &Handle) {
    let is_it = |loan: &Handle| {
        (loan.region, loan.offset, loan.generation) == (claim.region, claim.offset, claim.generation)
    };
    let at = taken.iter().position(is_it);
    assert_eq!(held.give_back(claim).is_ok(), at.is_some());
    at.map(|at| taken.swap_remove(at));
}
