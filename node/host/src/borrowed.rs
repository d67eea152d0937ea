//! The leases that a party holds of others, each by the number of the delivery that brought it.
//!
//! A handle is a place in its lender's own memory, so two lenders may well lend equal ones. The
//! number of a delivery is the host's, so it says which of them is meant. It stands here for as
//! long as the lease is held, however many deliveries came since.
//!
//! There are no more of them than the lenders' `leases_max` together: each counts against its
//! lender until it is over.

use ioi_port::routed::{Party, Reason};
use ioi_shm::Handle;
use std::collections::BTreeMap;

/// A part of its lender's memory that somebody else may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) lender: Party,
    /// Which of the lender's connections it is of. A handle says nothing to any other.
    pub(crate) life: u64,
    pub(crate) handle: Handle,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Borrowed {
    leases: BTreeMap<u32, Lease>,
}

impl Borrowed {
    pub(crate) fn count(&self) -> usize {
        self.leases.len()
    }

    /// Whether that delivery brought a lease that is still held.
    pub(crate) fn is_held(&self, delivery: u32) -> bool {
        self.leases.contains_key(&delivery)
    }

    pub(crate) fn add(&mut self, delivery: u32, lease: Lease) {
        let before = self.leases.insert(delivery, lease);
        debug_assert!(before.is_none(), "a delivery gets a number under which nothing is held");
    }

    /// The lease that is over, if that delivery brought this handle; else nothing has changed.
    pub(crate) fn give_back(&mut self, delivery: u32, handle: &Handle) -> Result<Lease, Reason> {
        let lease = *self.leases.get(&delivery).ok_or(Reason::NotLent)?;
        if lease.handle != *handle {
            return Err(Reason::OtherLease);
        }
        self.leases.remove(&delivery);
        Ok(lease)
    }

    /// The holder is gone and holds nothing any more: the leases that it had.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Lease> + use<> {
        std::mem::take(&mut self.leases).into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLE: Handle = Handle { region: 2, generation: 1, type_id: 0, offset: 0, length: 64 };

    fn of(lender: u16) -> Lease {
        Lease { lender: Party(lender), life: 0, handle: HANDLE }
    }

    #[test]
    fn of_equal_handles_exactly_the_one_that_the_delivery_brought_is_over() {
        let mut borrowed = Borrowed::default();
        [(7, of(1)), (8, of(0)), (9, of(1))].into_iter().for_each(|(delivery, lease)| {
            borrowed.add(delivery, lease);
        });
        assert_eq!(borrowed.give_back(8, &HANDLE), Ok(of(0)));
        assert_eq!(borrowed.give_back(8, &HANDLE), Err(Reason::NotLent), "only once");
        assert_eq!(borrowed.give_back(9, &HANDLE), Ok(of(1)));
        assert_eq!(borrowed.take_all().collect::<Vec<_>>(), [of(1)]);
        assert_eq!((borrowed.give_back(7, &HANDLE), borrowed.count()), (Err(Reason::NotLent), 0));
    }

    #[test]
    fn a_handle_that_differs_in_any_field_ends_nothing() {
        let mut borrowed = Borrowed::default();
        borrowed.add(1, of(0));
        let wrong = [
            Handle { region: 3, ..HANDLE },
            Handle { generation: 2, ..HANDLE },
            Handle { type_id: 1, ..HANDLE },
            Handle { offset: 64, ..HANDLE },
            Handle { length: 63, ..HANDLE },
        ];
        for handle in wrong {
            assert_eq!(borrowed.give_back(1, &handle), Err(Reason::OtherLease), "{handle:?}");
        }
        assert_eq!(borrowed.give_back(1, &HANDLE), Ok(of(0)));
    }
}
