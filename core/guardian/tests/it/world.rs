//! A driver, its disk, and a model that remembers everything over all lives.
//!
//! The disk has what reached the kernel (outlives a kill) and what was synced (outlives a
//! power cut). A crash leaves any prefix between the two; a kill leaves all that was written,
//! the last write cut anywhere.

use crate::model::{BOOT, LOG, leaf, mth};
use ioi_crypto::statement::{Body, Statement};
use ioi_guardian::{Log, Persist};
use ioi_types::BootId;
use std::collections::BTreeMap;

/// The model's state after a record.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    /// Where the record ends in the journal.
    pub(crate) end: usize,
    pub(crate) leaves: usize,
    pub(crate) head: Option<Statement>,
    /// The first leaf of the newest append.
    pub(crate) newest: Option<usize>,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) journal: Vec<u8>,
    pub(crate) synced: usize,
    pub(crate) log: Log,
    pub(crate) marks: Vec<Mark>,
    leaves: Vec<[u8; 32]>,
    leaves_ever: u64,
    lives: u8,
    /// Every statement that was ever given out to be signed.
    released: BTreeMap<u64, Statement>,
    /// Sizes and roots that were answered as synced.
    promised: Vec<(u64, [u8; 32])>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (log, created) = Log::create(LOG, BOOT);
        let mark = Mark { end: created.bytes.len(), leaves: 0, head: None, newest: None };
        Self {
            synced: created.bytes.len(),
            journal: created.bytes,
            log,
            marks: vec![mark],
            leaves: Vec::new(),
            leaves_ever: 0,
            lives: 0,
            released: BTreeMap::new(),
            promised: Vec::new(),
        }
    }

    /// New leaves, different from all that were ever sent.
    fn new_leaves(&mut self, count: usize) -> Vec<[u8; 32]> {
        let first = self.leaves_ever;
        self.leaves_ever += count as u64;
        (first..self.leaves_ever).map(leaf).collect()
    }

    fn write(&mut self, persist: &Persist) {
        self.journal.extend(&persist.bytes);
        if persist.sync {
            self.synced = self.journal.len();
        }
    }

    pub(crate) fn append(&mut self, count: usize, sync: bool) {
        let (first, leaves) = (self.leaves.len(), self.new_leaves(count));
        let (persist, appended) = self.log.append(first as u64, &leaves, sync).unwrap();
        self.write(&persist);
        self.leaves.extend(leaves);
        assert_eq!((appended.size, appended.root), (self.leaves.len() as u64, mth(&self.leaves)));
        self.mark(|mark| mark.newest = Some(first));
        if sync {
            self.promised.push((appended.size, appended.root));
        }
    }

    /// The caller lost the answer to the newest append and sends it again.
    pub(crate) fn repeat(&mut self, sync: bool) {
        let Some(first) = self.marks.last().unwrap().newest else { return };
        let leaves = self.leaves[first..].to_vec();
        let (persist, appended) = self.log.append(first as u64, &leaves, sync).unwrap();
        assert!(appended.repeated && persist.bytes.is_empty());
        assert_eq!((appended.size, appended.root), (self.leaves.len() as u64, mth(&self.leaves)));
        self.write(&persist);
        if sync {
            self.promised.push((appended.size, appended.root));
        }
    }

    /// Leaves that do not extend the log.
    pub(crate) fn rewrite(&mut self, first: u64, count: usize) {
        let leaves = self.new_leaves(count);
        if first != self.leaves.len() as u64 {
            assert!(self.log.append(first, &leaves, true).is_err());
        }
    }

    pub(crate) fn head(&mut self) {
        let (persist, statement) = self.log.head().unwrap();
        self.write(&persist);
        self.mark(|mark| mark.head = Some(statement.clone()));
        self.release(statement);
    }

    /// The newest statement is signed once more.
    pub(crate) fn reissue(&mut self) {
        if let Some(statement) = self.log.last_head().cloned() {
            self.release(statement);
        }
    }

    /// Killed while writing `permille` of an append or a head that is not answered; with a
    /// power cut, what was not synced is lost from `permille` of it on. Then the next life.
    pub(crate) fn crash(&mut self, during_head: bool, power_cut: bool, permille: usize, zeros: usize) {
        let whole = self.journal.len();
        let mut log = self.log.clone();
        let (persist, leaves) = if during_head {
            (log.head().unwrap().0, Vec::new())
        } else {
            let leaves = self.new_leaves(2);
            (log.append(log.size(), &leaves, true).unwrap().0, leaves)
        };
        self.journal.extend(&persist.bytes);
        self.leaves.extend(leaves);
        self.mark_unanswered(&log, during_head);
        let from = if power_cut { self.synced } else { whole };
        let cut = from + (self.journal.len() - from) * permille / 1000;
        self.recover(cut, zeros);
    }

    /// Goes on from the first `cut` bytes of the journal, and as many zeros as are named.
    pub(crate) fn recover(&mut self, cut: usize, zeros: usize) {
        self.lives += 1;
        let disk = [&self.journal[..cut], &vec![0; zeros]].concat();
        let (log, valid_bytes) = Log::recover(LOG, BootId([self.lives; 16]), &disk).unwrap();
        self.marks.retain(|mark| mark.end <= cut);
        let mark = self.marks.last().unwrap();
        self.leaves.truncate(mark.leaves);
        assert_eq!(valid_bytes, mark.end as u64, "all whole records count, and nothing else");
        assert_eq!((log.size(), log.root()), (mark.leaves as u64, mth(&self.leaves)));
        assert_eq!(log.last_head(), mark.head.as_ref());
        self.journal.truncate(mark.end);
        self.synced = mark.end;
        self.log = log;
        self.check_promises();
    }

    /// Takes the unanswered leaves of the world that this one branched off from.
    pub(crate) fn adopt_leaves(&mut self, other: &Self) {
        self.leaves.clone_from(&other.leaves);
        self.leaves_ever = other.leaves_ever;
    }

    fn mark(&mut self, change: impl FnOnce(&mut Mark)) {
        let mut mark = self.marks.last().unwrap().clone();
        (mark.end, mark.leaves) = (self.journal.len(), self.leaves.len());
        change(&mut mark);
        self.marks.push(mark);
    }

    fn mark_unanswered(&mut self, log: &Log, during_head: bool) {
        let (head, first) = (log.last_head().cloned(), self.leaves.len().saturating_sub(2));
        self.mark(|mark| {
            mark.head = head;
            if !during_head {
                mark.newest = Some(first);
            }
        });
    }

    fn release(&mut self, statement: Statement) {
        let known = self.released.entry(statement.counter).or_insert_with(|| statement.clone());
        assert_eq!(*known, statement, "two statements for one counter");
        self.check_promises();
    }

    /// Whatever was stated or answered as synced, at any time, is a prefix of the log now.
    pub(crate) fn check_promises(&self) {
        let stated = self.released.values().map(|statement| match statement.body {
            Body::AuditHead { size, root } => (size, root),
            _ => panic!("no other kind exists here"),
        });
        for (size, root) in stated.chain(self.promised.iter().copied()) {
            let prefix = self.leaves.get(..size as usize).expect("the log lost leaves that it had promised");
            assert_eq!(root, mth(prefix), "the log of {size} leaves was rewritten");
        }
    }
}
