//! The leases that a party holds of others.
//!
//! A handle is a place in its lender's own memory, so two lenders may well lend equal ones, and
//! who gives one back names only the handle. Where all equal ones are of one lender, it is his.
//! Otherwise nobody can say whose came back, and none did until all have: a lender is never told
//! to use memory again that is still being read. Until then no further equal one is lent on, or
//! somebody could put that off for ever.

use ioi_port::routed::{Party, Reason};
use ioi_shm::{HANDLE_BYTES, Handle};
use std::collections::BTreeMap;

/// Equal handles.
#[derive(Clone, Debug, Default)]
struct Group {
    /// Whose they are, one entry for each.
    lenders: Vec<Party>,
    /// How many came back of which nobody can say whose they are.
    returned: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Borrowed {
    groups: BTreeMap<[u8; HANDLE_BYTES], Group>,
}

impl Borrowed {
    /// Whether equal ones are on their way back, so that no further one may come.
    pub(crate) fn is_closed(&self, handle: &Handle) -> bool {
        self.groups.get(&handle.to_bytes()).is_some_and(|group| group.returned > 0)
    }

    pub(crate) fn add(&mut self, lender: Party, handle: &Handle) {
        self.groups.entry(handle.to_bytes()).or_default().lenders.push(lender);
    }

    /// One is given back: those whose lease is over by that.
    pub(crate) fn give_back(&mut self, handle: &Handle) -> Result<Vec<Party>, Reason> {
        let key = handle.to_bytes();
        let group = self.groups.get_mut(&key).ok_or(Reason::NotLent)?;
        let is_of_one = group.lenders.windows(2).all(|two| two[0] == two[1]);
        let over: Vec<Party> = if is_of_one {
            group.lenders.pop().into_iter().collect()
        } else {
            group.returned += 1;
            let are_all_back = group.returned == group.lenders.len();
            if are_all_back { std::mem::take(&mut group.lenders) } else { Vec::new() }
        };
        if group.lenders.is_empty() {
            self.groups.remove(&key);
        }
        Ok(over)
    }

    /// The holder is dead and holds nothing any more: the leases that it had.
    pub(crate) fn take_all(&mut self) -> Vec<(Party, Handle)> {
        let groups = std::mem::take(&mut self.groups).into_iter();
        let leases = groups.flat_map(|(key, group)| {
            group.lenders.into_iter().map(move |lender| (lender, Handle::from_bytes(&key)))
        });
        leases.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Party = Party(0);
    const B: Party = Party(1);
    const HANDLE: Handle = Handle { region: 2, generation: 1, type_id: 0, offset: 0, length: 64 };

    #[test]
    fn equal_ones_of_several_come_back_when_all_have_and_take_no_further_one_meanwhile() {
        let mut borrowed = Borrowed::default();
        [B, A, B].iter().for_each(|lender| borrowed.add(*lender, &HANDLE));
        assert!(!borrowed.is_closed(&HANDLE));
        assert_eq!(borrowed.give_back(&HANDLE), Ok(vec![]));
        assert!(borrowed.is_closed(&HANDLE));
        assert_eq!(borrowed.give_back(&HANDLE), Ok(vec![]));
        assert_eq!(borrowed.give_back(&HANDLE), Ok(vec![B, A, B]));
        assert_eq!(borrowed.give_back(&HANDLE), Err(Reason::NotLent));
        assert!(!borrowed.is_closed(&HANDLE));
    }

    #[test]
    fn equal_ones_of_one_lender_come_back_one_by_one() {
        let mut borrowed = Borrowed::default();
        borrowed.add(A, &HANDLE);
        borrowed.add(A, &HANDLE);
        assert_eq!(borrowed.give_back(&HANDLE), Ok(vec![A]));
        assert_eq!(borrowed.take_all(), [(A, HANDLE)]);
        assert_eq!(borrowed.give_back(&HANDLE), Err(Reason::NotLent));
    }
}
