//! The host's own notices for one recipient, in the order in which they came about.
//!
//! What others do crowds out nothing. How many notices wait is bounded by their kind:
//!
//! | kind | bound |
//! |---|---|
//! | answers to requests | [`ANSWERS_MAX`]; whoever asks and doesn't listen loses the rest |
//! | ends of leases | the recipient's own leases, which count until it was told |
//! | grants and revocations | the state last told and that of now: a grant that ended untold is never told |
//! | to stop | one |

use ioi_port::routed::CapabilityId;
use ioi_shm::Handle;
use std::collections::BTreeMap;

/// Answers that wait for a recipient at most.
pub(crate) const ANSWERS_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    about: About,
    /// The number of the request that it is about, or 0.
    pub(crate) msg_id: u32,
    pub(crate) message: Vec<u8>,
}

impl Waiting {
    /// The lease of whose end this tells.
    pub(crate) fn lease(&self) -> Option<Handle> {
        if let About::Lease(handle) = self.about { Some(handle) } else { None }
    }
}

#[derive(Clone, Debug)]
enum About {
    Answer,
    Lease(Handle),
    Grant(CapabilityId),
    Revocation,
    Stop,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    answers: usize,
    /// Grants that were not told yet, and where they stand.
    grants: BTreeMap<CapabilityId, u64>,
    is_stop_waiting: bool,
}

impl Notices {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// An answer; false when there are too many.
    pub(crate) fn answer(&mut self, msg_id: u32, message: Vec<u8>) -> bool {
        let has_room = self.answers < ANSWERS_MAX;
        if has_room {
            self.answers += 1;
            self.push(About::Answer, msg_id, message);
        }
        has_room
    }

    /// A lease has ended.
    pub(crate) fn lease_ended(&mut self, lease: Handle, msg_id: u32, message: Vec<u8>) {
        self.push(About::Lease(lease), msg_id, message);
    }

    pub(crate) fn granted(&mut self, capability: CapabilityId, message: Vec<u8>) {
        let at = self.push(About::Grant(capability), 0, message);
        self.grants.insert(capability, at);
    }

    pub(crate) fn revoked(&mut self, capability: CapabilityId, message: Vec<u8>) {
        match self.grants.remove(&capability) {
            Some(at) => drop(self.waiting.remove(&at)),
            None => drop(self.push(About::Revocation, 0, message)),
        }
    }

    pub(crate) fn stop(&mut self, message: Vec<u8>) {
        if !std::mem::replace(&mut self.is_stop_waiting, true) {
            self.push(About::Stop, 0, message);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let (_, first) = self.waiting.pop_first()?;
        match &first.about {
            About::Answer => self.answers -= 1,
            About::Grant(capability) => drop(self.grants.remove(capability)),
            About::Stop => self.is_stop_waiting = false,
            About::Lease(_) | About::Revocation => {}
        }
        Some(first)
    }

    /// Where it stands. The numbers don't run out: there are 2^64.
    fn push(&mut self, about: About, msg_id: u32, message: Vec<u8>) -> u64 {
        let at = self.next;
        self.next += 1;
        self.waiting.insert(at, Waiting { about, msg_id, message });
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_that_ends_untold_leaves_nothing_and_one_that_was_told_is_taken_back() {
        let mut notices = Notices::default();
        let (told, untold) = (CapabilityId(1), CapabilityId(2));
        notices.granted(told, vec![1]);
        assert_eq!(notices.pop().unwrap().message, [1]);
        for _ in 0..1000 {
            notices.granted(untold, vec![2]);
            notices.revoked(untold, vec![3]);
        }
        assert!(notices.is_empty());
        notices.revoked(told, vec![4]);
        assert_eq!(notices.pop().unwrap().message, [4]);
    }

    #[test]
    fn answers_are_bounded_and_crowd_out_nothing_else() {
        let mut notices = Notices::default();
        let taken = (0..1000).filter(|number| notices.answer(*number, vec![])).count();
        assert_eq!(taken, ANSWERS_MAX);
        let lease = Handle { region: 1, generation: 1, type_id: 0, offset: 0, length: 1 };
        notices.lease_ended(lease, 0, vec![]);
        notices.stop(vec![]);
        notices.stop(vec![]);
        let all: Vec<Waiting> = std::iter::from_fn(|| notices.pop()).collect();
        assert_eq!((all.len(), all[ANSWERS_MAX].lease()), (ANSWERS_MAX + 2, Some(lease)));
        assert!(notices.answer(1, vec![]), "there is room again");
    }
}
