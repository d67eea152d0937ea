//! One log: its frontier, its counter, and what may be said about it.

use crate::error::Refusal;
use crate::record::{Chain, RecordKind};
use ioi_crypto::statement::{Body, Statement};
use ioi_merkle::{Frontier, Hash, Sha256Tree};
use ioi_types::limits::APPEND_LEAVES_MAX;
use ioi_types::{BootId, LogId};

/// The journal's version.
pub(crate) const VERSION: u32 = 1;

/// Bytes that belong at the end of the journal before the answer beside them may leave.
///
/// Several may be written at once, in order, and share one sync if any of them asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an answer may leave only after this is in the journal"]
pub struct Persist {
    /// To append; may be empty, and then only `sync` counts.
    pub bytes: Vec<u8>,
    /// Whether the journal, with all that was written before, must reach the disk first.
    /// If not, the write must still have reached the kernel, so that it outlives this process.
    pub sync: bool,
}

/// The log after an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its leaves.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Hash,
    /// Whether these very leaves were in it already.
    pub repeated: bool,
}

/// The state of one log. Every change to it goes into the journal.
///
/// Dropped and recovered, it is the same but for its boot id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub(crate) id: LogId,
    pub(crate) boot: BootId,
    pub(crate) chain: Chain,
    pub(crate) frontier: Frontier<Sha256Tree>,
    /// The frontier as it was before the last append: what a repetition is measured by.
    pub(crate) before_last: Frontier<Sha256Tree>,
    pub(crate) last_head: Option<Statement>,
    pub(crate) failed: bool,
}

impl Log {
    /// A new log without leaves. `id` and `boot` are random; the caller makes sure that no
    /// journal of this log exists.
    pub fn create(id: LogId, boot: BootId) -> (Self, Persist) {
        let mut log = Self::unborn(id, boot);
        let payload = [&VERSION.to_le_bytes()[..], &id.0].concat();
        let bytes = log.chain.seal(RecordKind::Genesis, &payload);
        (log, Persist { bytes, sync: true })
    }

    pub(crate) const fn unborn(id: LogId, boot: BootId) -> Self {
        Self {
            id,
            boot,
            chain: Chain::START,
            frontier: Frontier::new(),
            before_last: Frontier::new(),
            last_head: None,
            failed: false,
        }
    }

    /// Adds leaves, given their hashes; `first` is the index of the first of them.
    ///
    /// `sync` for effects, whose intent must be on the disk before they happen; not for
    /// observations. An append is a *repetition* if it has the same `first` and the same
    /// leaves as the newest append of this log, before a restart or after, whatever heads
    /// were stated since. It changes nothing and is answered again, so that a caller that
    /// lost the answer can ask once more; with `sync` it still syncs.
    ///
    /// # Errors
    /// No leaves or too many, leaves that neither extend the log nor repeat the newest
    /// append, or a log whose journal failed.
    pub fn append(
        &mut self,
        first: u64,
        leaves: &[Hash],
        sync: bool,
    ) -> Result<(Persist, Appended), Refusal> {
        self.check_append(leaves.len())?;
        let size = self.frontier.size();
        let repeated = first != size;
        if repeated && !self.repeats_last(first, leaves) {
            return Err(Refusal::NotExtending { first, size });
        }
        let bytes = if repeated { Vec::new() } else { self.extend(leaves) };
        let appended = Appended { size: self.frontier.size(), root: self.frontier.root(), repeated };
        Ok((Persist { bytes, sync }, appended))
    }

    /// States the log's size and root under the next counter.
    ///
    /// The statement is recorded whole before it may be signed. So a counter whose
    /// statement was lost in a crash was never signed for, and one whose statement
    /// survived is only ever signed for that statement.
    ///
    /// # Errors
    /// A log whose journal failed, or whose counter is at its end.
    pub fn head(&mut self) -> Result<(Persist, Statement), Refusal> {
        if self.failed {
            return Err(Refusal::Failed);
        }
        let statement = self.next_head(self.boot).ok_or(Refusal::Exhausted)?;
        let bytes = self.chain.seal(RecordKind::Head, &statement.encode());
        self.last_head = Some(statement.clone());
        Ok((Persist { bytes, sync: true }, statement))
    }

    /// The newest statement in the journal. It may be signed again, but not before the journal
    /// was synced.
    #[must_use]
    pub const fn last_head(&self) -> Option<&Statement> {
        self.last_head.as_ref()
    }

    /// Which log this is.
    #[must_use]
    pub const fn id(&self) -> LogId {
        self.id
    }

    /// How many leaves it has: the `first` of the next append.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// A write or sync of the journal failed. What is on the disk is now unknown, so every
    /// further request is refused until the log is recovered.
    pub const fn persist_failed(&mut self) {
        self.failed = true;
    }

    /// The statement that comes next, if made in the start `boot`.
    pub(crate) fn next_head(&self, boot: BootId) -> Option<Statement> {
        let (counter, previous) = match &self.last_head {
            Some(last) => (last.counter.checked_add(1)?, last.digest()),
            None => (1, [0; 32]),
        };
        let body = Body::AuditHead { size: self.frontier.size(), root: self.frontier.root() };
        Some(Statement { log: self.id, counter, previous, boot, body })
    }

    /// Moves the frontier; the caller has checked that the leaves belong there.
    pub(crate) fn advance(&mut self, leaves: &[Hash]) {
        self.before_last = self.frontier.clone();
        leaves.iter().for_each(|leaf| self.frontier.append(*leaf));
    }

    fn extend(&mut self, leaves: &[Hash]) -> Vec<u8> {
        let first = self.frontier.size().to_le_bytes();
        let payload = [&first, leaves.as_flattened()].concat();
        self.advance(leaves);
        self.chain.seal(RecordKind::Append, &payload)
    }

    const fn check_append(&self, leaves: usize) -> Result<(), Refusal> {
        match leaves {
            _ if self.failed => Err(Refusal::Failed),
            0 => Err(Refusal::Empty),
            1..=APPEND_LEAVES_MAX => Ok(()),
            _ => Err(Refusal::TooMany { leaves }),
        }
    }

    fn repeats_last(&self, first: u64, leaves: &[Hash]) -> bool {
        let mut after = self.before_last.clone();
        if first != after.size() || first + leaves.len() as u64 != self.frontier.size() {
            return false;
        }
        leaves.iter().for_each(|leaf| after.append(*leaf));
        after == self.frontier
    }
}
