//! What a party has under way, against its limits. It outlives every connection of the
//! party, so nothing is won by coming back.

use crate::borrowed::{Borrowed, Lease};
use crate::bucket::Bucket;
use crate::policy::Limits;
use ioi_port::routed::{Party, Reason};
use ioi_shm::Handle;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Deliveries that can still be named as a cause.
pub(crate) const CAUSES_MAX: usize = 64;
/// Hands that a message passes through at most, its first sender's included.
pub const HOPS_MAX: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) limits: Limits,
    pub(crate) bucket: Bucket,
    pub(crate) is_attached: bool,
    /// Goes up with each connection, so that what one began is not told to the next.
    pub(crate) life: u64,
    pub(crate) messages: u32,
    pub(crate) bytes: u32,
    /// Its leases: on their way, held by others, or over without its having been told.
    pub(crate) leases: u32,
    pub(crate) lease_bytes: u64,
    /// What it holds of others.
    pub(crate) borrowed: Borrowed,
    pub(crate) delegations: u32,
    pub(crate) counts: Counts,
    causes: VecDeque<(u32, Vec<Party>)>,
    last_delivery: u32,
}

/// What became of a party's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted to be delivered.
    pub accepted: u64,
    /// Delivered to their recipients.
    pub delivered: u64,
    /// Received from others.
    pub received: u64,
    /// Requests that were refused, by reason.
    pub refused: BTreeMap<Reason, u64>,
    /// Answers that it did not take in time to have them.
    pub notices_lost: u64,
}

impl Account {
    pub(crate) fn new(limits: Limits) -> Account {
        Account {
            limits,
            bucket: Bucket::new(limits.requests_per_second, limits.burst),
            is_attached: false,
            life: 0,
            messages: 0,
            bytes: 0,
            leases: 0,
            lease_bytes: 0,
            borrowed: Borrowed::default(),
            delegations: 0,
            counts: Counts::default(),
            causes: VecDeque::new(),
            last_delivery: 0,
        }
    }

    /// Counts a message that is to wait for a recipient, if there is room for it.
    pub(crate) fn charge(
        &mut self,
        bytes: u32,
        waiting_for_it: usize,
        handle: Option<Handle>,
    ) -> Result<(), Reason> {
        let limits = &self.limits;
        if waiting_for_it >= limits.messages_to_one_max as usize {
            return Err(Reason::Full);
        }
        if self.messages >= limits.messages_max {
            return Err(Reason::Messages);
        }
        if self.bytes.saturating_add(bytes) > limits.bytes_max {
            return Err(Reason::Bytes);
        }
        if let Some(handle) = handle {
            let sum = self.lease_bytes.checked_add(handle.length);
            let sum = sum.filter(|sum| *sum <= limits.lease_bytes_max && self.leases < limits.leases_max);
            self.lease_bytes = sum.ok_or(Reason::Leases)?;
            self.leases += 1;
        }
        self.messages += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// The message waits no longer. Its lease, if it has one, goes on.
    pub(crate) fn discharge(&mut self, bytes: u32) {
        self.messages -= 1;
        self.bytes -= bytes;
    }

    /// A lease is over, and its owner knows or can't be told.
    pub(crate) fn free(&mut self, lease: &Handle) {
        self.leases -= 1;
        self.lease_bytes -= lease.length;
    }

    /// A connection begins; false where there is one already.
    pub(crate) fn attached(&mut self) -> bool {
        let is_new = !std::mem::replace(&mut self.is_attached, true);
        self.life += u64::from(is_new);
        is_new
    }

    /// Whether that connection is the one that is there now.
    pub(crate) fn is_in(&self, life: u64) -> bool {
        self.is_attached && self.life == life
    }

    /// The connection is over, and with it what was delivered: what was lent by that.
    pub(crate) fn detached(&mut self) -> impl Iterator<Item = Lease> + use<> {
        self.is_attached = false;
        self.causes.clear();
        self.borrowed.take_all()
    }

    /// Notes what a message brings that is delivered here, and whose hands it passed through: its number.
    pub(crate) fn delivered(&mut self, hands: Vec<Party>, lease: Option<Lease>) -> u32 {
        self.last_delivery = self.next_delivery();
        if let Some(lease) = lease {
            self.borrowed.add(self.last_delivery, lease);
        }
        if self.causes.len() == CAUSES_MAX {
            self.causes.pop_front();
        }
        self.causes.push_back((self.last_delivery, hands));
        self.last_delivery
    }

    /// Numbers go round, past those that name a lease which is still held. The policy allows few
    /// enough leases for one to be free.
    fn next_delivery(&self) -> u32 {
        let mut number = self.last_delivery;
        loop {
            number = number.checked_add(1).unwrap_or(1);
            if !self.borrowed.is_held(number) {
                return number;
            }
        }
    }

    /// On whose behalf this party acts when it names that delivery.
    pub(crate) fn callers(&self, cause: u32) -> Result<&[Party], Reason> {
        if cause == 0 {
            return if self.limits.on_behalf_only { Err(Reason::NoCause) } else { Ok(&[]) };
        }
        let known = self.causes.iter().find(|(number, _)| *number == cause);
        let (_, hands) = known.ok_or(Reason::UnknownCause)?;
        if hands.len() >= HOPS_MAX { Err(Reason::Hops) } else { Ok(hands) }
    }

    /// Takes one request's token.
    pub(crate) fn spend(&mut self, now: Duration) -> Result<(), Duration> {
        self.bucket.take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENDER: Party = Party(7);

    fn lease(offset: u64) -> Lease {
        let handle = Handle { region: 1, generation: 1, type_id: 0, offset, length: 64 };
        Lease { lender: LENDER, life: 0, handle }
    }

    #[test]
    fn numbers_that_go_round_pass_over_those_of_leases_that_are_held_and_0() {
        let mut account = Account::new(Limits::default());
        let early: Vec<u32> =
            [0, 64].into_iter().map(|offset| account.delivered(vec![LENDER], Some(lease(offset)))).collect();
        account.last_delivery = u32::MAX - 2;
        let last = account.delivered(vec![LENDER], Some(lease(128)));
        let round: Vec<u32> = (0..3).map(|_| account.delivered(vec![], None)).collect();
        assert_eq!((early, last, round), (vec![1, 2], u32::MAX - 1, vec![u32::MAX, 3, 4]));
        for (delivery, offset) in [(1, 0), (2, 64), (u32::MAX - 1, 128)] {
            assert_eq!(account.borrowed.give_back(delivery, &lease(offset).handle), Ok(lease(offset)));
        }
        account.last_delivery = u32::MAX;
        assert_eq!(account.delivered(vec![], None), 1, "it is free again");
    }

    #[test]
    fn a_lease_outlives_the_cause_that_brought_it() {
        let mut account = Account::new(Limits::default());
        let delivery = account.delivered(vec![LENDER], Some(lease(0)));
        for _ in 0..CAUSES_MAX {
            assert_eq!(account.callers(delivery), Ok(&[LENDER][..]));
            account.delivered(vec![], None);
        }
        assert_eq!(account.callers(delivery), Err(Reason::UnknownCause));
        assert_eq!(account.borrowed.give_back(delivery, &lease(0).handle), Ok(lease(0)));
    }
}
