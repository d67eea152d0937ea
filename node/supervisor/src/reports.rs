//! What the orchestrator wants the user to see, in its order, whichever way it came.
//!
//! Most of it lies in the outbox of its cell. What ends the run, what is too long for that,
//! and what found no room there is a call, and whatever lay in the outbox before is taken first.

use crate::cells::{Cells, Left};
use ioi_cell::OUTBOX_BYTES;
use ioi_ipc::proto::supervisor::{ReportRequest, report_request::Report};
use ioi_port::{REPORT, REPORT_BYTES_MAX};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep_until};

/// Reports that wait for the screen.
const WAITING_MAX: usize = 256;
/// So many reports are passed on in [`PACE`], however many there are: more than any model says, and
/// little work for whoever shows them.
const REPORTS_A_PACE: u32 = 256;
const PACE: Duration = Duration::from_millis(10);
/// Reports of before an end: as many as can wait for the screen and lie in an outbox, each with a header of
/// 8 bytes and a payload.
const PAST_MAX: usize = WAITING_MAX + (OUTBOX_BYTES / 16) as usize;

pub(crate) struct Reports {
    cells: Arc<Cells>,
    to_user: mpsc::Sender<Report>,
    /// Held by whoever takes from the outbox, until that has been passed on.
    taking: Mutex<Taking>,
    taken: AtomicU64,
    finished: AtomicBool,
}

struct Taking {
    record: Box<[u8; REPORT_BYTES_MAX]>,
    /// Since when so many were passed on.
    pace: (Instant, u32),
}

impl Taking {
    /// Waits until the next report may be passed on.
    async fn keep_pace(&mut self) {
        let (since, count) = self.pace;
        self.pace = if since.elapsed() >= PACE {
            (Instant::now(), 1)
        } else if count < REPORTS_A_PACE {
            (since, count + 1)
        } else {
            sleep_until(since + PACE).await;
            (Instant::now(), 1)
        };
    }
}

impl Reports {
    pub(crate) fn new(cells: Arc<Cells>) -> (Arc<Self>, Told) {
        let (to_user, reported) = mpsc::channel(WAITING_MAX);
        let taking = Taking { record: Box::new([0; REPORT_BYTES_MAX]), pace: (Instant::now(), 0) };
        let (taken, finished) = (AtomicU64::new(0), AtomicBool::new(false));
        let reports = Arc::new(Self { cells, to_user, taking: Mutex::new(taking), taken, finished });
        (Arc::clone(&reports), Told { reports, reported, past: PAST_MAX })
    }

    /// Takes what the orchestrator leaves in its outbox, as often as it rings.
    pub(crate) async fn hear(&self) {
        loop {
            self.cells.rung().await;
            self.take().await;
        }
    }

    /// Takes what is in the outbox; waits while the screen is full.
    async fn take(&self) {
        let mut taking = self.taking.lock().await;
        // Room comes first: who is no longer waited for has taken nothing that would be lost.
        while let Ok(room) = self.to_user.reserve().await
            && let Some(report) = self.next(&mut taking.record[..])
        {
            room.send(report);
            taking.keep_pace().await;
        }
    }

    /// What came by a call, after what lay in the outbox.
    pub(crate) async fn called(&self, report: Report) {
        self.take().await;
        self.taking.lock().await.keep_pace().await;
        // Without a screen the command is ending, and nobody is left to be told.
        let Ok(room) = self.to_user.reserve().await else { return };
        self.finished.fetch_or(is_end(&report), Ordering::AcqRel);
        room.send(report);
    }

    /// Whether the orchestrator has said how the run ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// The next one in the outbox when nobody else takes any: `Err` while somebody does.
    fn left_behind(&self) -> Result<Option<Report>, Busy> {
        let mut taking = self.taking.try_lock().map_err(|_| Busy)?;
        Ok(self.next(&mut taking.record[..]))
    }

    /// How many came over the cell so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn next(&self, into: &mut [u8]) -> Option<Report> {
        let Left { msg_id, bytes } = self.cells.next_left(into)?;
        let report = match ioi_ipc::decode::<ReportRequest>(&into[..bytes]) {
            Ok(ReportRequest { report: Some(report) }) if msg_id == REPORT && !is_end(&report) => report,
            Ok(_) => {
                self.cells.lied(format!("record {msg_id} in its outbox is no report that goes this way"));
                return None;
            }
            Err(status) => {
                self.cells.lied(format!("a report in its outbox: {}", status.message()));
                return None;
            }
        };
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(report)
    }
}

/// The end of a run is a call, so that whoever tells it knows that it was heard.
fn is_end(report: &Report) -> bool {
    matches!(report, Report::Finished(_) | Report::Failed(_))
}

/// Somebody else takes what is in the outbox.
#[derive(Debug)]
struct Busy;

/// What the user is told, one after the other.
pub(crate) struct Told {
    reports: Arc<Reports>,
    reported: mpsc::Receiver<Report>,
    /// How many more of the past there may be.
    past: usize,
}

impl Told {
    /// Waits for the next one. There is always one to wait for.
    pub(crate) async fn next(&mut self) -> Option<Report> {
        self.reported.recv().await
    }

    /// The next one that was reported before an end was seen, whether that was taken then or not; `None`
    /// when there is no more, or when there have been as many as there can have been: whoever lives may
    /// go on reporting.
    pub(crate) async fn next_of_the_past(&mut self) -> Option<Report> {
        self.past = self.past.checked_sub(1)?;
        loop {
            if let Ok(report) = self.reported.try_recv() {
                return Some(report);
            }
            match self.reports.left_behind() {
                Ok(report) => return report,
                Err(Busy) => tokio::task::yield_now().await,
            }
        }
    }
}

#[cfg(test)]
mod tests;
