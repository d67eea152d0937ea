//! What a party has under way, against its limits. It outlives every connection of the
//! party, so nothing is won by coming back.

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
    pub(crate) messages: u32,
    pub(crate) bytes: u32,
    /// Leases on their way.
    lent: Vec<Handle>,
    /// Leases that others hold.
    out: Vec<(Party, Handle)>,
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
    /// Notices that it did not take in time to have them.
    pub notices_lost: u64,
}

impl Account {
    pub(crate) fn new(limits: Limits) -> Account {
        Account {
            limits,
            bucket: Bucket::new(limits.requests_per_second, limits.burst),
            is_attached: false,
            messages: 0,
            bytes: 0,
            lent: Vec::new(),
            out: Vec::new(),
            delegations: 0,
            counts: Counts::default(),
            causes: VecDeque::new(),
            last_delivery: 0,
        }
    }

    pub(crate) fn leases(&self) -> u32 {
        (self.lent.len() + self.out.len()) as u32
    }

    pub(crate) fn lease_bytes(&self) -> u64 {
        // Each was added only when the sum was within a limit, so it doesn't overflow.
        self.lent.iter().chain(self.out.iter().map(|(_, handle)| handle)).map(|handle| handle.length).sum()
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
            let sum = self.lease_bytes().checked_add(handle.length);
            let has_room = sum.is_some_and(|sum| sum <= limits.lease_bytes_max);
            if self.leases() >= limits.leases_max || !has_room {
                return Err(Reason::Leases);
            }
            self.lent.push(handle);
        }
        self.messages += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// The message waits no longer. `by`, if it was delivered, has its lease now.
    pub(crate) fn discharge(&mut self, bytes: u32, handle: Option<Handle>, by: Option<Party>) {
        self.messages -= 1;
        self.bytes -= bytes;
        if let Some(handle) = handle
            && let Some(at) = self.lent.iter().position(|lent| *lent == handle)
        {
            self.lent.swap_remove(at);
            self.out.extend(by.map(|by| (by, handle)));
        }
    }

    /// `by` gives a lease back; false if it has no such lease.
    pub(crate) fn returned(&mut self, by: Party, handle: &Handle) -> bool {
        let at = self.out.iter().position(|(holder, out)| *holder == by && out == handle);
        at.map(|at| self.out.swap_remove(at)).is_some()
    }

    /// `by` is dead and holds nothing any more: the leases that it had.
    pub(crate) fn all_returned(&mut self, by: Party) -> Vec<Handle> {
        let (back, out) = self.out.iter().partition(|(holder, _)| *holder == by);
        self.out = out;
        let back: Vec<(Party, Handle)> = back;
        back.into_iter().map(|(_, handle)| handle).collect()
    }

    /// Notes whose hands a message passed through that is delivered here: its number.
    pub(crate) fn delivered(&mut self, hands: Vec<Party>) -> u32 {
        self.last_delivery = self.last_delivery.checked_add(1).unwrap_or(1);
        if self.causes.len() == CAUSES_MAX {
            self.causes.pop_front();
        }
        self.causes.push_back((self.last_delivery, hands));
        self.last_delivery
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

    pub(crate) fn forget_causes(&mut self) {
        self.causes.clear();
    }

    /// Takes one request's token.
    pub(crate) fn spend(&mut self, now: Duration) -> Result<(), Duration> {
        self.bucket.take(now)
    }
}
