//! The victim lends; the liar gives back whatever it likes.

use super::{BOUNDS, LEASES_MAX, PAGES, PAGES_MAX, REGION, forge, lawful, pages};
use crate::chance::Chance;
use crate::tally::{Outcome, Tally};
use ioi_shm::{Arena, Handle, HandleError, LEASE_ALIGN, LeaseError, Quota};

const STEPS: u32 = 24;
const QUOTA: Quota = Quota { leases_max: LEASES_MAX, bytes_max: PAGES_MAX * LEASE_ALIGN };

/// Who holds which page, as plain lists.
struct Model {
    out: Vec<Handle>,
    /// Every handle of the episode, for a liar that remembers.
    all: Vec<Handle>,
    generation: u32,
    allocated: u64,
}

pub(crate) fn episode(chance: &mut Chance, tally: &mut Tally) {
    let mut arena = Arena::new(REGION, BOUNDS, BOUNDS.start, QUOTA);
    let mut model = Model {
        out: Vec::with_capacity(8),
        all: Vec::with_capacity(32),
        generation: 0,
        allocated: BOUNDS.start,
    };
    for _ in 0..STEPS {
        match chance.below(5) {
            0 | 1 => model.lease(&mut arena, chance, tally),
            2 | 3 => model.release(&mut arena, chance, tally),
            _ => model.check(&arena, chance, tally),
        }
        tally.cases += 1;
        model.agrees(&arena);
    }
    assert_eq!(arena.reclaim(), model.out.len(), "a death gives everything back, once");
    model.out.clear();
    model.agrees(&arena);
    assert_eq!(arena.reclaim(), 0, "and not twice");
    // As much as the quota has, which is more than what two halves of the arena would have.
    arena.allocated_to(BOUNDS.end);
    assert!(arena.lease(PAGES_MAX * LEASE_ALIGN, 0).is_ok(), "what came back is one piece again");
}

impl Model {
    fn agrees(&self, arena: &Arena) {
        let bytes: u64 = self.out.iter().map(|handle| handle.length.next_multiple_of(LEASE_ALIGN)).sum();
        assert_eq!((arena.leases(), arena.bytes()), (self.out.len(), bytes), "the books");
    }

    fn taken(&self) -> u32 {
        self.out.iter().fold(0, |bits, handle| {
            let lent = pages(&(handle.offset..handle.offset + handle.length));
            assert_eq!(bits & lent, 0, "two leases share a page");
            bits | lent
        })
    }

    /// Whether so many pages are free in one piece.
    fn has_piece(&self, count: u64) -> bool {
        let (taken, piece) = (self.taken(), (1_u32 << count) - 1);
        (0..=PAGES - count).any(|at| taken & (piece << at) == 0)
    }

    fn lease(&mut self, arena: &mut Arena, chance: &mut Chance, tally: &mut Tally) {
        let length = match chance.below(16) {
            0 => u64::from(chance.lie(0)),
            1 => chance.long(),
            _ => u64::from(chance.below(5 * LEASE_ALIGN as u32)),
        };
        let found = arena.lease(length, 3);
        let count = length.div_ceil(LEASE_ALIGN);
        let held: u64 = self.out.iter().map(|handle| handle.length.div_ceil(LEASE_ALIGN)).sum();
        match found {
            Err(LeaseError::Size { .. }) => assert!(length == 0 || count > PAGES),
            Err(LeaseError::Quota { leases, bytes }) => {
                assert_eq!((leases, bytes), (self.out.len(), held * LEASE_ALIGN));
                assert!(leases == LEASES_MAX || held + count > PAGES_MAX);
            }
            Err(LeaseError::Full { .. }) => assert!(!self.has_piece(count)),
            Err(LeaseError::Allocate { end }) => {
                assert!(end > self.allocated && end <= BOUNDS.end);
                arena.allocated_to(end);
                self.allocated = end;
            }
            Ok(handle) => self.lent(handle, length, held + count),
            Err(other) => panic!("{other}"),
        }
        tally.count(if found.is_ok() { Outcome::Lent } else { Outcome::Quota });
    }

    fn lent(&mut self, handle: Handle, length: u64, held: u64) {
        let range = lawful(&handle).expect("what was lent lies in the arena");
        assert!(length == handle.length && range.start.is_multiple_of(LEASE_ALIGN));
        assert!(self.out.len() < LEASES_MAX && held <= PAGES_MAX, "more than the quota");
        assert!(range.end.next_multiple_of(LEASE_ALIGN) <= self.allocated, "not allocated");
        assert_eq!(self.taken() & pages(&range), 0, "lent twice");
        self.generation += 1;
        assert_eq!((handle.generation, handle.type_id), (self.generation, 3));
        self.out.push(handle);
        self.all.push(handle);
    }

    /// A handle that the liar sends: one of those that it saw, or nearly.
    fn claim(&self, chance: &mut Chance) -> Handle {
        let seen = match u32::try_from(self.all.len()) {
            Ok(count @ 1..) => self.all[chance.below(count) as usize],
            _ => Handle {
                region: REGION,
                generation: 1,
                type_id: 3,
                offset: BOUNDS.start,
                length: LEASE_ALIGN,
            },
        };
        forge(seen, chance)
    }

    /// Which lease a claim names: one that is out, of that generation, at that place, at least so long.
    fn named(&self, claim: &Handle) -> Result<usize, HandleError> {
        let range = lawful(claim)?;
        let is_it = |lease: &Handle| {
            let owned = lease.length.next_multiple_of(LEASE_ALIGN);
            (lease.generation, lease.offset) == (claim.generation, range.start) && claim.length <= owned
        };
        let found = self.out.iter().position(is_it);
        found.ok_or(HandleError::Stale { generation: claim.generation })
    }

    fn release(&mut self, arena: &mut Arena, chance: &mut Chance, tally: &mut Tally) {
        let claim = self.claim(chance);
        let wanted = self.named(&claim);
        assert_eq!(arena.release(&claim), wanted.map(|_| ()));
        match wanted {
            Ok(at) => {
                self.out.swap_remove(at);
                let again = arena.release(&claim);
                assert_eq!(
                    again,
                    Err(HandleError::Stale { generation: claim.generation }),
                    "given back twice"
                );
                tally.count(Outcome::GivenBack);
            }
            Err(error) => tally.refused(error),
        }
    }

    fn check(&self, arena: &Arena, chance: &mut Chance, tally: &mut Tally) {
        let claim = self.claim(chance);
        let wanted = self.named(&claim).map(|_| claim.offset..claim.offset + claim.length);
        match &wanted {
            Ok(_) => tally.count(Outcome::Lent),
            Err(error) => tally.refused(*error),
        }
        assert_eq!(arena.check(&claim), wanted);
    }
}
