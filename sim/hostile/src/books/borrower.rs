//! The victim borrows; the liar hands over whatever it likes.

use super::{BOUNDS, LEASES_MAX, PAGES_MAX, REGION, forge, lawful, pages};
use crate::chance::Chance;
use crate::tally::{Outcome, Tally};
use ioi_shm::{Handle, HandleError, Held, LEASE_ALIGN, Quota};
use std::ops::Range;

const STEPS: u32 = 24;
const QUOTA: Quota = Quota { leases_max: LEASES_MAX, bytes_max: PAGES_MAX * LEASE_ALIGN };

struct Model {
    held: Vec<Handle>,
    youngest: u32,
    last: Handle,
}

pub(crate) fn episode(chance: &mut Chance, tally: &mut Tally) {
    let mut books = Held::new(REGION, BOUNDS, QUOTA);
    let last = Handle { region: REGION, generation: 1, type_id: 0, offset: BOUNDS.start, length: 100 };
    let mut model = Model { held: Vec::with_capacity(8), youngest: 0, last };
    for _ in 0..STEPS {
        if chance.below(3) < 2 {
            model.take(&mut books, chance, tally);
        } else {
            model.give_back(&mut books, chance, tally);
        }
        tally.cases += 1;
        let bytes: u64 = model.held.iter().map(|handle| handle.length.next_multiple_of(LEASE_ALIGN)).sum();
        assert_eq!((books.loans(), books.bytes()), (model.held.len(), bytes), "the books");
    }
}

fn range(handle: &Handle) -> Range<u64> {
    handle.offset..handle.offset + handle.length
}

impl Model {
    fn take(&mut self, books: &mut Held, chance: &mut Chance, tally: &mut Tally) {
        let next = Handle {
            generation: self.youngest.wrapping_add(1 + chance.below(2)),
            offset: BOUNDS.start + 64 * u64::from(chance.below(16 * 64)),
            length: u64::from(1 + chance.below(3 * LEASE_ALIGN as u32)),
            ..self.last
        };
        let handle = forge(if chance.once_in(4) { self.last } else { next }, chance);
        let wanted = self.may_take(&handle);
        assert_eq!(books.take(&handle), wanted);
        match wanted {
            Ok(_) => {
                self.held.push(handle);
                (self.youngest, self.last) = (handle.generation, handle);
                tally.count(Outcome::Lent);
            }
            Err(error) => tally.refused(error),
        }
    }

    fn may_take(&self, handle: &Handle) -> Result<Range<u64>, HandleError> {
        let bytes = lawful(handle)?;
        let age = handle.generation.wrapping_sub(self.youngest);
        if age == 0 || age >= 1 << 31 {
            return Err(HandleError::Stale { generation: handle.generation });
        }
        let hits = |other: &Handle| {
            let other = range(other);
            bytes.clone().start < other.end && other.start < bytes.end
        };
        if self.held.iter().any(hits) {
            return Err(HandleError::Overlaps { offset: handle.offset, length: handle.length });
        }
        let held: u64 = self.held.iter().map(|other| other.length.next_multiple_of(LEASE_ALIGN)).sum();
        let wanted = handle.length.next_multiple_of(LEASE_ALIGN);
        if self.held.len() == LEASES_MAX || held + wanted > PAGES_MAX * LEASE_ALIGN {
            return Err(HandleError::Quota { leases: self.held.len(), bytes: held });
        }
        assert!(pages(&bytes) != 0);
        Ok(bytes)
    }

    fn give_back(&mut self, books: &mut Held, chance: &mut Chance, tally: &mut Tally) {
        let held = match u32::try_from(self.held.len()) {
            Ok(count @ 1..) => self.held[chance.below(count) as usize],
            _ => self.last,
        };
        let claim = forge(held, chance);
        let is_it = |loan: &Handle| {
            (loan.region, loan.offset, loan.generation) == (claim.region, claim.offset, claim.generation)
        };
        let wanted = self.held.iter().position(is_it);
        let stale = HandleError::Stale { generation: claim.generation };
        assert_eq!(books.give_back(&claim), wanted.map(|_| ()).ok_or(stale));
        match wanted {
            Some(at) => {
                self.held.swap_remove(at);
                assert_eq!(books.give_back(&claim), Err(stale), "given back twice");
                tally.count(Outcome::GivenBack);
            }
            None => tally.count(Outcome::Stale),
        }
    }
}
