//! What a party has under way, against its limits. It outlives every connection of the
//! party, so nothing is won by coming back.

use crate::borrowed::Borrowed;
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
