//! What happened in a run: the last events, each with its number, for readers that keep up or don't.
//!
//! There is one ring for all readers, and a reader is nothing but the number of
//! the event that it has seen last. So a slow reader costs no memory, holds
//! nobody up, and can be told exactly how many events it has missed.

use super::now_ms;
use crate::child::Exit;
use crate::regions::Facts;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Events that are kept; each takes less than 100 bytes.
const KEPT_MAX: usize = 4096;

/// What can happen to a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Made,
    Sealed,
    Granted,
    Fetched,
    Released,
}

/// One thing that happened. Names are looked up when somebody reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Session { ended: bool },
    Process { name: Arc<str>, instance: u32, ended: Option<Exit> },
    Region { facts: Facts, change: Change },
}

/// It, with its number and its time.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) time_ms: u64,
    pub(crate) happening: Happening,
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// So many were dropped before it could read them; the number of the last of them.
    Missed {
        count: u64,
        last: u64,
    },
    Entry(Entry),
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    /// Of the newest.
    last: u64,
}

/// How far the journal is.
#[derive(Clone, Copy, Default)]
struct State {
    last: u64,
    is_closed: bool,
}

struct Inner {
    kept: Mutex<Kept>,
    state: watch::Sender<State>,
    kept_max: usize,
}

/// The events of one run. Clones are the same journal.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Inner>);

impl Default for Journal {
    fn default() -> Self {
        Self::keeping(KEPT_MAX)
    }
}

impl Journal {
    fn keeping(kept_max: usize) -> Self {
        Self(Arc::new(Inner { kept: Mutex::default(), state: watch::Sender::default(), kept_max }))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes it down and wakes whoever reads. Never waits for a reader.
    pub(crate) fn add(&self, happening: Happening) {
        let mut kept = self.kept();
        kept.last += 1;
        let entry = Entry { sequence: kept.last, time_ms: now_ms(), happening };
        if kept.entries.len() == self.0.kept_max {
            kept.entries.pop_front();
        }
        kept.entries.push_back(entry);
        // Under the lock, so that the state never runs backwards.
        let last = kept.last;
        self.0.state.send_modify(|state| state.last = last);
    }

    /// There will be no more: readers end after the last event.
    pub(crate) fn close(&self) {
        self.0.state.send_modify(|state| state.is_closed = true);
    }

    /// The number of the newest event.
    pub(crate) fn last(&self) -> u64 {
        self.kept().last
    }

    /// Reads from the event after that of number `seen` on.
    pub(crate) fn read_after(&self, seen: u64) -> Reader {
        Reader { journal: self.clone(), state: self.0.state.subscribe(), seen }
    }

    /// Reads from the oldest event on that is kept.
    pub(crate) fn read_kept(&self) -> Reader {
        let before = self.kept().entries.front().map_or(0, |entry| entry.sequence - 1);
        self.read_after(before)
    }

    /// Answers when nobody reads any more.
    pub(crate) async fn unread(&self) {
        self.0.state.closed().await;
    }

    /// What a reader gets next; `None` where it has seen all.
    fn next_after(&self, seen: u64) -> Option<Next> {
        let kept = self.kept();
        let oldest = kept.entries.front()?.sequence;
        if seen + 1 < oldest {
            return Some(Next::Missed { count: oldest - 1 - seen, last: oldest - 1 });
        }
        let index = usize::try_from(seen + 1 - oldest).unwrap_or(usize::MAX);
        kept.entries.get(index).cloned().map(Next::Entry)
    }
}

/// One reader, at its own pace.
pub(crate) struct Reader {
    journal: Journal,
    state: watch::Receiver<State>,
    seen: u64,
}

impl Reader {
    /// Waits for what comes next; `None` once the run has ended and all of it was read.
    pub(crate) async fn next(&mut self) -> Option<Next> {
        loop {
            // Looked at first: what is added later changes it, and is not overlooked.
            let state = *self.state.borrow_and_update();
            if let Some(next) = self.journal.next_after(self.seen) {
                self.seen = match &next {
                    Next::Missed { last, .. } => *last,
                    Next::Entry(entry) => entry.sequence,
                };
                return Some(next);
            }
            if state.is_closed {
                return None;
            }
            self.state.changed().await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regions::Owner;
    use ioi_types::RegionId;
    use std::time::Duration;
    use tokio::time::timeout;

    fn region(id: u64) -> Happening {
        let facts = Facts { id: RegionId(id), owner: Owner::Workload, bytes: 1, arena: false };
        Happening::Region { facts, change: Change::Made }
    }

    /// Everything until the end: the numbers of events, and of those missed as (count, last).
    async fn all(mut reader: Reader) -> (Vec<u64>, Vec<(u64, u64)>) {
        let (mut seen, mut missed) = (Vec::new(), Vec::new());
        while let Some(next) = reader.next().await {
            match next {
                Next::Entry(entry) => seen.push(entry.sequence),
                Next::Missed { count, last } => missed.push((count, last)),
            }
        }
        (seen, missed)
    }

    #[tokio::test]
    async fn every_event_is_read_or_counted_as_missed_and_none_is_both() {
        for (added, kept_max) in [(0, 4), (3, 4), (4, 4), (5, 4), (9, 4), (100, 7)] {
            let journal = Journal::keeping(kept_max);
            let (early, kept) = (journal.read_after(0), journal.clone());
            (0..added).for_each(|id| journal.add(region(id)));
            journal.close();
            let dropped = added.saturating_sub(kept_max as u64);
            let expected: Vec<u64> = (dropped + 1..=added).collect();
            let missed = if dropped > 0 { vec![(dropped, dropped)] } else { vec![] };
            assert_eq!(all(early).await, (expected.clone(), missed), "{added} of {kept_max}");
            assert_eq!(all(kept.read_kept()).await, (expected, vec![]), "{added} of {kept_max}");
        }
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_and_one_that_sleeps_holds_nobody_up() {
        let journal = Journal::keeping(8);
        let (mut awake, asleep) = (journal.read_after(0), journal.read_after(0));
        for number in 1..=100 {
            let next = tokio::spawn(async move { (awake.next().await, awake) });
            tokio::task::yield_now().await;
            journal.add(region(number));
            let (next, reader) = timeout(Duration::from_secs(10), next).await.expect("not woken").unwrap();
            assert!(matches!(next, Some(Next::Entry(Entry { sequence, .. })) if sequence == number));
            awake = reader;
        }
        drop(awake);
        journal.close();
        let (seen, missed) = all(asleep).await;
        assert_eq!((seen.len(), missed), (8, vec![(92, 92)]));
        timeout(Duration::from_secs(10), journal.unread()).await.expect("readers are still counted");
    }
}
