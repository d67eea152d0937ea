//! Jobs under way: whose ids were used, and how one is stopped.

use crate::status::refuse;
use ioi_types::ErrorCode;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tonic::Status;

/// Jobs at once.
pub const JOBS_MAX: usize = 64;
/// Ids so far behind the highest one count as used, so that remembering them takes a fixed room.
pub const WINDOW: u64 = 1024;

/// The jobs of one peer.
#[derive(Clone, Debug, Default)]
pub struct Jobs(Arc<Mutex<Table>>);

#[derive(Debug)]
struct Table {
    highest: u64,
    /// Bit *n* mod [`WINDOW`] of an id *n* within the window.
    used: [u64; (WINDOW / 64) as usize],
    begun: u64,
    running: HashMap<u64, watch::Sender<bool>>,
}

impl Default for Table {
    fn default() -> Self {
        Self { highest: 0, used: [0; (WINDOW / 64) as usize], begun: 0, running: HashMap::new() }
    }
}

impl Table {
    /// Notes the id; false where it was used, or may have been.
    fn uses(&mut self, id: u64) -> bool {
        let Some(ahead) = id.checked_sub(self.highest) else {
            let is_far = self.highest - id >= WINDOW;
            return id != 0 && !is_far && self.mark(id);
        };
        for skipped in 1..=ahead.min(WINDOW) {
            let (word, bit) = place(self.highest + skipped);
            self.used[word] &= !bit;
        }
        self.highest = id;
        self.mark(id)
    }

    fn mark(&mut self, id: u64) -> bool {
        let (word, bit) = place(id);
        let is_new = id != 0 && self.used[word] & bit == 0;
        self.used[word] |= bit;
        is_new
    }
}

const fn place(id: u64) -> (usize, u64) {
    let at = id % WINDOW;
    ((at / 64) as usize, 1 << (at % 64))
}

/// One job under way; it is over when this is dropped.
#[derive(Debug)]
pub struct Job {
    id: u64,
    jobs: Jobs,
    stopped: watch::Receiver<bool>,
}

impl Jobs {
    /// A job begins under an id that the caller chose.
    ///
    /// # Errors
    /// `protocol.id` for an id that was used or lies too far back, `quota.calls` for too many at once.
    pub fn begin(&self, id: u64) -> Result<Job, Status> {
        let mut table = self.table();
        if table.running.len() >= JOBS_MAX {
            return Err(refuse(ErrorCode::QuotaCalls, format!("{JOBS_MAX} jobs are under way already")));
        }
        if !table.uses(id) {
            let highest = table.highest;
            let message = format!(
                "job id {id} is 0, was used before, or lies {WINDOW} or more behind the highest ({highest})"
            );
            return Err(refuse(ErrorCode::ProtocolId, message));
        }
        let (stop, stopped) = watch::channel(false);
        table.begun += 1;
        table.running.insert(id, stop);
        Ok(Job { id, jobs: self.clone(), stopped })
    }

    /// Stops a job; false where none of that id is under way.
    #[must_use]
    pub fn cancel(&self, id: u64) -> bool {
        self.table().running.get(&id).is_some_and(|stop| stop.send(true).is_ok())
    }

    /// How many are under way, and how many ever began.
    #[must_use]
    pub fn counts(&self) -> (usize, u64) {
        let table = self.table();
        (table.running.len(), table.begun)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// Works until it is done, or the job was stopped.
    ///
    /// # Errors
    /// `call.cancelled`, and what the work answers.
    pub async fn run<T>(&mut self, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let id = self.id;
        let stopped = self.stopped.wait_for(|stop| *stop);
        tokio::select! {
            biased;
            _ = stopped => Err(refuse(ErrorCode::Cancelled, format!("job {id} was cancelled"))),
            done = work => done,
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.jobs.table().running.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::code;
    use std::collections::HashSet;

    #[test]
    fn an_id_is_used_once_as_a_set_that_never_forgets_would_say() {
        let seed = 0x5eed_u64;
        println!("seed {seed:#x}");
        let (mut state, mut table, mut model, mut highest) = (seed, Table::default(), HashSet::new(), 0_u64);
        for _ in 0..200_000 {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let jump = if state.is_multiple_of(97) { state % 5000 } else { state % 40 };
            let id = (highest + jump).saturating_sub(state >> 32 & 0x7ff);
            let is_far = highest.saturating_sub(id) >= WINDOW;
            let expected = id != 0 && !is_far && model.insert(id);
            assert_eq!(table.uses(id), expected, "id {id}, highest {highest}");
            highest = highest.max(id);
        }
        assert!(table.uses(u64::MAX) && !table.uses(u64::MAX) && table.uses(u64::MAX - 1) && !table.uses(5));
    }

    #[test]
    fn a_job_that_is_over_leaves_its_room_and_not_its_id() {
        let jobs = Jobs::default();
        let under_way: Vec<_> = (1..=JOBS_MAX as u64).map(|id| jobs.begin(id).unwrap()).collect();
        assert_eq!(code(&jobs.begin(1000).unwrap_err()), ErrorCode::QuotaCalls);
        drop(under_way);
        assert_eq!(jobs.counts(), (0, JOBS_MAX as u64));
        assert_eq!(code(&jobs.begin(7).unwrap_err()), ErrorCode::ProtocolId);
        // What was refused for want of room did not use its id.
        drop(jobs.begin(1000).unwrap());
        assert!(!jobs.cancel(1000));
    }

    #[tokio::test]
    async fn a_stopped_job_ends_whatever_it_waits_for() {
        let jobs = Jobs::default();
        let mut job = jobs.begin(1).unwrap();
        assert!(jobs.cancel(1));
        let ended = job.run(std::future::pending::<Result<(), Status>>()).await;
        assert_eq!(code(&ended.unwrap_err()), ErrorCode::Cancelled);
    }
}
