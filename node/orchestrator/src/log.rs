//! The audit log: every record is written before its effect.
//!
//! Two classes of durability. An *effect's* intent is synced and in the
//! guardian's frontier before [`AuditLog::intent`] returns. An *observation* is
//! written before it returns (so it survives `kill -9` of any process of ours)
//! and synced by the flusher within [`FLUSH_INTERVAL`], and always before the
//! next effect or head. After an error of the file or the guardian the log is
//! *broken*: every later call fails, so nothing happens unrecorded.

use crate::failure::Failure;
use ioi_audit::{Chain, Class, Closing, Ended, Entry, Open, Slice, Started, Status, Witnessed, class_of};
use ioi_firewall::{Call, Decision, Facts};
use ioi_ipc::proto::guardian::{AppendRequest, guardian_client::GuardianClient};
use ioi_ipc::tonic::transport::Channel;
use ioi_types::{ErrorCode, SessionId, Verdict, limits};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;

/// The longest time an observation stays unsynced.
pub(crate) const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// The log of one session, shared by its tasks.
#[derive(Clone)]
pub(crate) struct AuditLog {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    chain: Chain,
    records: File,
    guardian: GuardianClient<Channel>,
    /// Leaf hashes that the guardian has not accepted yet, concatenated.
    unsent: Vec<u8>,
    /// Leaves that the guardian has accepted.
    accepted: u64,
    unsynced: bool,
    broken: Option<Failure>,
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
    ) -> Result<Self, Failure> {
        let (chain, entry) = Chain::open(session, open, now_ms()).map_err(Failure::chain)?;
        let mut inner = Inner {
            chain,
            records,
            guardian,
            unsent: Vec::new(),
            accepted: 0,
            unsynced: false,
            broken: None,
        };
        inner.write(&entry).and(inner.settle().await)?;
        let log = Self { inner: Arc::new(Mutex::new(inner)) };
        tokio::spawn(flush_for_ever(Arc::downgrade(&log.inner)));
        Ok(log)
    }

    /// Records a decision; returns the intent's id. For an effect that is
    /// allowed, returns only once it is durable here and with the guardian.
    pub(crate) async fn intent(
        &self,
        call: &Call,
        facts: &Facts,
        decision: &Decision,
    ) -> Result<u64, Failure> {
        let mut inner = self.inner.lock().await;
        inner.check()?;
        let id = inner.chain.seq_next();
        let entry = inner.chain.intent(call, facts, decision, now_ms(), salt()?).map_err(Failure::chain)?;
        inner.write(&entry)?;
        if class_of(&call.action) == Class::Effect && decision.verdict == Verdict::Allow {
            inner.settle().await?;
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
        self.record(|chain, now| chain.slice(slice, now)).await
    }

    /// Records a process that was started, with what was enforced on it.
    pub(crate) async fn started(&self, started: Started) -> Result<(), Failure> {
        self.record(|chain, now| chain.started(started, now)).await
    }

    /// Records a process that ended.
    pub(crate) async fn ended(&self, ended: Ended) -> Result<(), Failure> {
        self.record(|chain, now| chain.ended(ended, now)).await
    }

    /// Closes the session; returns the number of leaves. Durable on return.
    pub(crate) async fn close(&self, closing: Closing) -> Result<u64, Failure> {
        let mut inner = self.inner.lock().await;
        inner.check()?;
        let salts = [salt()?, salt()?, salt()?, salt()?];
        let mut left = salts.into_iter();
        let next = || left.next().expect("a closing record has at most four commitments");
        let entry = inner.chain.close(closing, now_ms(), next).map_err(Failure::chain)?;
        inner.write(&entry)?;
        inner.settle().await?;
        Ok(inner.accepted)
    }

    async fn record<E: std::fmt::Display>(
        &self,
        make: impl FnOnce(&mut Chain, u64) -> Result<Entry, E>,
    ) -> Result<(), Failure> {
        let mut inner = self.inner.lock().await;
        inner.check()?;
        let entry = make(&mut inner.chain, now_ms()).map_err(Failure::chain)?;
        inner.write(&entry)
    }
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

    fn broken<T>(&mut self, failure: Failure) -> Result<T, Failure> {
        self.broken = Some(failure.clone());
        Err(failure)
    }

    /// One write a record: a line is whole or, at a crash, a torn tail.
    fn write(&mut self, entry: &Entry) -> Result<(), Failure> {
        if let Err(error) = self.records.write_all(&entry.to_line()) {
            return self.broken(log_failure(&error));
        }
        self.unsent.extend_from_slice(&entry.leaf_hash);
        self.unsynced = true;
        Ok(())
    }

    /// Syncs the file, then extends the guardian's frontier durably: the
    /// guardian never knows a leaf that a crash here could lose.
    async fn settle(&mut self) -> Result<(), Failure> {
        if let Err(error) = self.records.sync_data() {
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

fn log_failure(error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::AuditUnavailable,
    };
    Failure::new(code, format!("the audit log can't be written, so nothing goes ahead: {error}"))
}
