//! The audit log: every record is written before its effect.
//!
//! Two classes of durability. An *effect's* intent is synced and in the
//! guardian's frontier before [`AuditLog::intent`] returns. An *observation* is
//! written before it returns (so it survives `kill -9` of any process of ours)
//! and synced by the flusher within [`FLUSH_INTERVAL`], and always before the
//! next effect or head. After an error of the file or the guardian the log is
//! *broken*: every later call fails, so nothing happens unrecorded.
//!
//! Whoever waits for a call here may go away in the middle: a record is made and
//! written in one step, and settling goes on in a task of its own.

use crate::bounds::Bounds;
use crate::failure::Failure;
use ioi_audit::{Chain, Class, Closing, Ended, Entry, Open, Slice, Started, Status, Witnessed, class_of};
use ioi_firewall::{Call, Decision, Facts};
use ioi_ipc::proto::guardian::{AppendRequest, guardian_client::GuardianClient};
use ioi_ipc::tonic::transport::Channel;
use ioi_types::{ErrorCode, SessionId, Verdict, limits};
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

/// The longest time an observation stays unsynced.
pub(crate) const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// How long the disk may take to sync. Slow ones take seconds; more than this and it is stuck.
const SYNC_WITHIN: Duration = Duration::from_secs(30);
/// How long `close` waits for outcomes that are still to come.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
const CLOSE_POLL: Duration = Duration::from_millis(5);
/// Bytes of records; the receipt holds each once more.
const BYTES_MAX: u64 = 2 << 30;
/// `close` lists every slice in one record, which bounds their number.
const SLICES_MAX: usize = 65_536;

/// The log of one session, shared by its tasks.
#[derive(Clone)]
pub(crate) struct AuditLog {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    chain: Chain,
    records: Arc<File>,
    guardian: GuardianClient<Channel>,
    /// Leaf hashes that the guardian has not accepted yet, concatenated.
    unsent: Vec<u8>,
    /// Leaves that the guardian has accepted.
    accepted: u64,
    unsynced: bool,
    broken: Option<Failure>,
    /// Bytes written.
    bytes: u64,
    records_max: u64,
    /// Nothing new begins any more; outcomes still come.
    closing: bool,
}

/// Milliseconds since 1970; 0 for a clock before that.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn salt() -> Result<[u8; 16], Failure> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| Failure::internal(format!("no random bytes: {error}")))?;
    Ok(salt)
}

impl AuditLog {
    /// Writes the `open` record and starts the flusher.
    ///
    /// # Errors
    /// As every method: `audit.unavailable`, `disk.full` or `guardian.*`.
    pub(crate) async fn open(
        records: File,
        guardian: GuardianClient<Channel>,
        session: SessionId,
        open: Open,
        bounds: Bounds,
    ) -> Result<Self, Failure> {
        let (chain, entry) = Chain::open(session, open, now_ms()).map_err(Failure::chain)?;
        let mut inner = Inner {
            chain,
            records: Arc::new(records),
            guardian,
            unsent: Vec::new(),
            accepted: 0,
            unsynced: false,
            broken: None,
            bytes: 0,
            records_max: bounds.records,
            closing: false,
        };
        inner.write(&entry).and(inner.settle().await)?;
        let log = Self { inner: Arc::new(Mutex::new(inner)) };
        tokio::spawn(flush_for_ever(Arc::downgrade(&log.inner)));
        Ok(log)
    }

    /// Records a decision; returns the intent's id. For an effect that is
    /// allowed, returns only once it is durable here and with the guardian.
    ///
    /// # Errors
    /// Also `quota.audit` where the session has had its share of records.
    pub(crate) async fn intent(
        &self,
        call: &Call,
        facts: &Facts,
        decision: &Decision,
    ) -> Result<u64, Failure> {
        let mut inner = self.lock().await;
        inner.check()?;
        inner.may_begin()?;
        let id = inner.chain.seq_next();
        let entry = inner.chain.intent(call, facts, decision, now_ms(), salt()?).map_err(Failure::chain)?;
        inner.write(&entry)?;
        if class_of(&call.action) == Class::Effect && decision.verdict == Verdict::Allow {
            settle(inner).await?;
        }
        Ok(id)
    }

    /// Records what became of an intent.
    pub(crate) async fn outcome(
        &self,
        intent: u64,
        status: Status,
        results: Vec<Witnessed>,
    ) -> Result<(), Failure> {
        self.record(|chain, now| chain.outcome(intent, status, results, now)).await
    }

    /// Records a region's passage between processes.
    pub(crate) async fn slice(&self, slice: Slice) -> Result<(), Failure> {
        self.lock().await.may_hand_over()?;
        self.record(|chain, now| chain.slice(slice, now)).await
    }

    /// Records a process that was started, with what was enforced on it; returns the record's number.
    pub(crate) async fn started(&self, started: Started) -> Result<u64, Failure> {
        let mut inner = self.lock().await;
        inner.check()?;
        let number = inner.chain.seq_next();
        let entry = inner.chain.started(started, now_ms()).map_err(Failure::chain)?;
        inner.write(&entry)?;
        Ok(number)
    }

    /// Records a process that ended.
    pub(crate) async fn ended(&self, ended: Ended) -> Result<(), Failure> {
        self.record(|chain, now| chain.ended(ended, now)).await
    }

    /// Closes the session; returns the number of leaves. Durable on return.
    /// An intent whose outcome does not come in time gets the outcome `unknown`.
    pub(crate) async fn close(&self, closing: Closing) -> Result<u64, Failure> {
        let mut inner = self.quiet().await;
        inner.check()?;
        for intent in inner.chain.unpaired().collect::<Vec<_>>() {
            let entry = inner.chain.outcome(intent, Status::Unknown, Vec::new(), now_ms());
            inner.write(&entry.map_err(Failure::chain)?)?;
        }
        let salts = [salt()?, salt()?, salt()?, salt()?];
        let mut left = salts.into_iter();
        let next = || left.next().expect("a closing record has at most four commitments");
        let entry = inner.chain.close(closing, now_ms(), next).map_err(Failure::chain)?;
        inner.write(&entry)?;
        Ok(settle(inner).await?.accepted)
    }

    async fn lock(&self) -> OwnedMutexGuard<Inner> {
        Arc::clone(&self.inner).lock_owned().await
    }

    /// Lets nothing new begin, and waits a while for what is under way.
    async fn quiet(&self) -> OwnedMutexGuard<Inner> {
        let until = Instant::now() + CLOSE_WITHIN;
        loop {
            let mut inner = self.lock().await;
            inner.closing = true;
            if inner.chain.pending() == 0 || Instant::now() >= until {
                return inner;
            }
            drop(inner);
            tokio::time::sleep(CLOSE_POLL).await;
        }
    }

    async fn record<E: std::fmt::Display>(
        &self,
        make: impl FnOnce(&mut Chain, u64) -> Result<Entry, E>,
    ) -> Result<(), Failure> {
        let mut inner = self.lock().await;
        inner.check()?;
        let entry = make(&mut inner.chain, now_ms()).map_err(Failure::chain)?;
        inner.write(&entry)
    }
}

/// Settles in a task of its own: were it dropped in the middle of an append, the
/// guardian could know leaves that are not counted here, and refuse the next ones.
async fn settle(mut inner: OwnedMutexGuard<Inner>) -> Result<OwnedMutexGuard<Inner>, Failure> {
    let settling = tokio::spawn(async move { inner.settle().await.map(|()| inner) });
    settling.await.unwrap_or_else(|_| Err(Failure::internal("the task that settles the log ended")))
}

async fn flush_for_ever(inner: std::sync::Weak<Mutex<Inner>>) {
    loop {
        tokio::time::sleep(FLUSH_INTERVAL).await;
        let Some(inner) = inner.upgrade() else { return };
        let mut inner = inner.lock().await;
        if inner.broken.is_none() && inner.unsynced {
            // A failure is kept in `broken` and met by whoever calls next.
            let _ = inner.settle().await;
        }
    }
}

impl Inner {
    fn check(&self) -> Result<(), Failure> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// Whether there is room for another call: its intent, its outcome, and what closes the session.
    fn may_begin(&self) -> Result<(), Failure> {
        if self.closing {
            return Err(Failure::new(ErrorCode::Cancelled, "the session is ending, so nothing more begins"));
        }
        if self.chain.seq_next() >= self.records_max {
            return Err(over(format!("{} records", self.records_max)));
        }
        if self.bytes >= BYTES_MAX {
            return Err(over(format!("{BYTES_MAX} bytes of records")));
        }
        Ok(())
    }

    fn may_hand_over(&self) -> Result<(), Failure> {
        match self.chain.slices() < SLICES_MAX {
            true => Ok(()),
            false => Err(over(format!("{SLICES_MAX} regions that were handed over"))),
        }
    }

    fn broken<T>(&mut self, failure: Failure) -> Result<T, Failure> {
        self.broken = Some(failure.clone());
        Err(failure)
    }

    /// One write a record: a line is whole or, at a crash, a torn tail.
    fn write(&mut self, entry: &Entry) -> Result<(), Failure> {
        let line = entry.to_line();
        if let Err(error) = (&*self.records).write_all(&line) {
            return self.broken(log_failure(&error));
        }
        self.bytes += line.len() as u64;
        self.unsent.extend_from_slice(&entry.leaf_hash);
        self.unsynced = true;
        Ok(())
    }

    /// Syncs the file, then extends the guardian's frontier durably: the
    /// guardian never knows a leaf that a crash here could lose.
    async fn settle(&mut self) -> Result<(), Failure> {
        if let Err(error) = sync(Arc::clone(&self.records)).await {
            return self.broken(log_failure(&error));
        }
        self.unsynced = false;
        while !self.unsent.is_empty() {
            let most = self.unsent.len().min(limits::APPEND_LEAVES_MAX * 32);
            let leaf_hashes = self.unsent[..most].to_vec();
            let request =
                AppendRequest { first: self.accepted, leaf_hashes, sync: most == self.unsent.len() };
            match self.guardian.append(request).await {
                Ok(_) => {
                    self.accepted += (most / 32) as u64;
                    self.unsent.drain(..most);
                }
                Err(status) => return self.broken(Failure::guardian(&status)),
            }
        }
        Ok(())
    }
}

/// Syncs in a thread of its own: a slow disk takes seconds, and this process must be heard of meanwhile.
async fn sync(file: Arc<File>) -> io::Result<()> {
    let syncing = tokio::task::spawn_blocking(move || file.sync_data());
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the disk takes longer than it may");
    tokio::time::timeout(SYNC_WITHIN, syncing).await.map_err(late)?.map_err(io::Error::other)?
}

fn over(what: String) -> Failure {
    let message = format!("the session has had {what}, as many as one may have, so it ends here");
    Failure::new(ErrorCode::QuotaAudit, message)
}

fn log_failure(error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::AuditUnavailable,
    };
    Failure::new(code, format!("the audit log can't be written, so nothing goes ahead: {error}"))
}

#[cfg(test)]
mod tests;
