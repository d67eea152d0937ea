//! Accesses on their way to the orchestrator, and its answers on their way back.
//!
//! A thread of the listener asks and waits; the orchestrator fetches what is asked, answers, and is told what
//! became of it. No more is under way than there are such threads.

use super::THREADS;
use crate::roots::{Refused, refused};
use crate::shared::lock;
use ioi_ipc::proto::supervisor as wire;
use ioi_types::ErrorCode;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

type Reply = wire::AnswerAccessReply;

/// Those of one run.
pub(crate) struct Accesses {
    asked: mpsc::Sender<wire::Access>,
    fetched: AsyncMutex<mpsc::Receiver<wire::Access>>,
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<Granted>>>,
    last_id: AtomicU64,
    closed: AtomicBool,
}

/// The access may be had; whoever holds this says what became of it.
pub(crate) struct Granted(oneshot::Sender<Reply>);

impl Granted {
    /// Nobody waits any more for what becomes of it.
    pub(crate) fn is_late(&self) -> bool {
        self.0.is_closed()
    }

    pub(crate) fn done(self, reply: Reply) {
        // The orchestrator may be gone, and the run with it.
        let _ = self.0.send(reply);
    }
}

impl Default for Accesses {
    fn default() -> Self {
        let (asked, fetched) = mpsc::channel(THREADS);
        Self {
            asked,
            fetched: AsyncMutex::new(fetched),
            waiting: Mutex::default(),
            last_id: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }
}

impl Accesses {
    /// Asks and waits for the decision; `None` for a refusal. Not for a thread of the runtime.
    pub(crate) fn ask(&self, access: wire::Access) -> Option<Granted> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (answer, answered) = oneshot::channel();
        lock(&self.waiting).insert(id, answer);
        // After the insertion: whoever closes sets this first and then empties.
        if self.closed.load(Ordering::SeqCst)
            || self.asked.blocking_send(wire::Access { id, ..access }).is_err()
        {
            lock(&self.waiting).remove(&id);
            return None;
        }
        answered.blocking_recv().ok()
    }

    /// What is asked next, at least one.
    pub(crate) async fn next(&self) -> Vec<wire::Access> {
        let mut accesses = Vec::new();
        self.fetched.lock().await.recv_many(&mut accesses, THREADS).await;
        accesses
    }

    /// Answers an access and waits until it was had.
    ///
    /// # Errors
    /// Nobody waits for it, or nobody does any more.
    pub(crate) async fn answer(&self, id: u64, allowed: bool) -> Result<Reply, Refused> {
        let unknown = || refused(ErrorCode::ArgumentInvalid, format!("no access {id} waits for an answer"));
        let waiting = lock(&self.waiting).remove(&id).ok_or_else(unknown)?;
        if !allowed {
            return Ok(Reply::default());
        }
        let (done, became) = oneshot::channel();
        let gone = || refused(ErrorCode::Cancelled, "the program is gone");
        waiting.send(Granted(done)).map_err(|_| gone())?;
        became.await.map_err(|_| gone())
    }

    /// Refuses whatever waits, and all that is still to come.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        lock(&self.waiting).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn ask(accesses: &Arc<Accesses>, path: &str) -> std::thread::JoinHandle<bool> {
        let (accesses, path) = (Arc::clone(accesses), path.as_bytes().to_vec());
        std::thread::spawn(move || {
            let granted = accesses.ask(wire::Access { path, ..Default::default() });
            let is_granted = granted.is_some();
            granted.into_iter().for_each(|granted| granted.done(Reply { size: 7, ..Default::default() }));
            is_granted
        })
    }

    #[tokio::test]
    async fn each_answer_reaches_who_asked_and_comes_once() {
        let accesses = Arc::<Accesses>::default();
        let (yes, no) = (ask(&accesses, "yes"), ask(&accesses, "no"));
        let mut asked = Vec::new();
        while asked.len() < 2 {
            asked.extend(accesses.next().await);
        }
        for access in asked {
            let allowed = access.path == b"yes";
            let reply = accesses.answer(access.id, allowed).await.unwrap();
            assert_eq!(reply.size, if allowed { 7 } else { 0 });
            let again = accesses.answer(access.id, true).await.unwrap_err();
            assert_eq!(again.code, ErrorCode::ArgumentInvalid);
        }
        assert_eq!((yes.join().unwrap(), no.join().unwrap()), (true, false));
    }

    #[tokio::test]
    async fn what_waits_at_the_end_is_refused_and_so_is_what_comes_later() {
        let accesses = Arc::<Accesses>::default();
        let waiting = ask(&accesses, "a");
        accesses.next().await;
        accesses.close();
        assert!(!waiting.join().unwrap());
        assert!(!ask(&accesses, "b").join().unwrap());
    }
}
