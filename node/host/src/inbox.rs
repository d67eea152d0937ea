//! The messages of others that wait for one recipient, one from each sender in turn, so that
//! no sender's queue makes another's longer.

use ioi_port::routed::Party;
use std::collections::VecDeque;
use std::time::Duration;

/// A message on its way.
pub(crate) trait Waiting {
    /// When it is too late for it.
    fn expires(&self) -> Duration;
}

#[derive(Clone, Debug)]
struct Lane<T> {
    sender: Party,
    queue: VecDeque<T>,
}

#[derive(Clone, Debug)]
pub(crate) struct Inbox<T> {
    /// None is empty; the first is the next to have its turn.
    lanes: VecDeque<Lane<T>>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Inbox { lanes: VecDeque::new() }
    }
}

impl<T: Waiting> Inbox<T> {
    /// Messages of one sender that wait here.
    pub(crate) fn waiting_of(&self, sender: Party) -> usize {
        self.lanes.iter().find(|lane| lane.sender == sender).map_or(0, |lane| lane.queue.len())
    }

    /// Messages that wait here.
    pub(crate) fn depth(&self) -> usize {
        self.lanes.iter().map(|lane| lane.queue.len()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(crate) fn push(&mut self, sender: Party, message: T) {
        match self.lanes.iter_mut().find(|lane| lane.sender == sender) {
            Some(lane) => lane.queue.push_back(message),
            None => self.lanes.push_back(Lane { sender, queue: VecDeque::from([message]) }),
        }
    }

    /// The next message; its sender goes to the end of the line.
    pub(crate) fn pop(&mut self) -> Option<(Party, T)> {
        let mut lane = self.lanes.pop_front()?;
        let (sender, message) = (lane.sender, lane.queue.pop_front());
        if !lane.queue.is_empty() {
            self.lanes.push_back(lane);
        }
        Some((sender, message?))
    }

    /// Takes out the messages for which it is too late. Each lane is in the order of time.
    pub(crate) fn expired(&mut self, now: Duration) -> Vec<(Party, T)> {
        let mut over = Vec::new();
        for lane in &mut self.lanes {
            while lane.queue.front().is_some_and(|message| message.expires() <= now) {
                over.extend(lane.queue.pop_front().map(|message| (lane.sender, message)));
            }
        }
        self.lanes.retain(|lane| !lane.queue.is_empty());
        over
    }

    /// When the first message expires.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.lanes.iter().filter_map(|lane| lane.queue.front()).map(Waiting::expires).min()
    }

    /// Takes out everything: its owner is gone.
    pub(crate) fn clear(&mut self) -> Vec<(Party, T)> {
        let lanes = std::mem::take(&mut self.lanes);
        lanes.into_iter().flat_map(|lane| lane.queue.into_iter().map(move |m| (lane.sender, m))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Waiting for u32 {
        fn expires(&self) -> Duration {
            Duration::from_secs(u64::from(*self))
        }
    }

    #[test]
    fn senders_have_their_turns_however_much_each_has_sent() {
        let mut inbox = Inbox::default();
        let (loud, quiet, late) = (Party(0), Party(1), Party(2));
        (0..100).for_each(|number| inbox.push(loud, number));
        (0..2).for_each(|number| inbox.push(quiet, number));
        let first: Vec<_> = (0..3).filter_map(|_| inbox.pop()).collect();
        assert_eq!(first, [(loud, 0), (quiet, 0), (loud, 1)]);
        inbox.push(late, 7);
        let next: Vec<_> = (0..4).filter_map(|_| inbox.pop()).collect();
        assert_eq!(next, [(quiet, 1), (loud, 2), (late, 7), (loud, 3)]);
        assert_eq!((inbox.depth(), inbox.waiting_of(loud), inbox.waiting_of(quiet)), (96, 96, 0));
    }

    #[test]
    fn what_is_too_late_is_taken_out_and_nothing_else() {
        let mut inbox = Inbox::default();
        (1..=4).for_each(|seconds| inbox.push(Party(0), seconds));
        inbox.push(Party(1), 2);
        assert_eq!(inbox.next_expiry(), Some(Duration::from_secs(1)));
        assert_eq!(inbox.expired(Duration::from_secs(2)), [(Party(0), 1), (Party(0), 2), (Party(1), 2)]);
        assert_eq!(inbox.clear(), [(Party(0), 3), (Party(0), 4)]);
        assert!(inbox.is_empty());
    }
}
