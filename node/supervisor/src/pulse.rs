//! Whether the orchestrator is there, and telling it that the user wants the end.
//!
//! The orchestrator asks again and again, and each asking is a beat. Silence is
//! counted in intervals that this process has lived through itself: where both
//! were stopped together (Ctrl-Z, a suspended machine), nobody was silent.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Silent intervals in a row that are too many.
const SILENT_MAX: u32 = 10;

/// The pulse of one orchestrator.
pub(crate) struct Pulse {
    silent: AtomicU32,
    interval: Duration,
    interrupted: watch::Sender<bool>,
}

impl Pulse {
    /// Ten of these intervals without a beat are too many.
    pub(crate) fn new(interval: Duration) -> Self {
        Self { silent: AtomicU32::new(0), interval, interrupted: watch::Sender::new(false) }
    }

    /// One beat: answers after half an interval, or once the run was interrupted: true then.
    pub(crate) async fn beat(&self) -> bool {
        self.silent.store(0, Ordering::Relaxed);
        let mut interrupted = self.interrupted.subscribe();
        if *interrupted.borrow() {
            // It knows already; what is left to tell is that it lives.
            tokio::time::sleep(self.interval / 2).await;
            return true;
        }
        let told = interrupted.wait_for(|now| *now);
        tokio::time::timeout(self.interval / 2, told).await.is_ok()
    }

    /// Asks the orchestrator to write down what happened until now, and to end.
    pub(crate) fn interrupt(&self) {
        self.interrupted.send_replace(true);
    }

    /// Answers when the orchestrator was silent for too long. May be dropped and
    /// called again at any time; only whole intervals count.
    pub(crate) async fn stops(&self) {
        loop {
            tokio::time::sleep(self.interval).await;
            if self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_MAX {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const INTERVAL: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn silence_stops_it_and_beats_keep_it() {
        let pulse = Pulse::new(INTERVAL);
        timeout(INTERVAL * 12, pulse.stops()).await.expect("silence is not noticed");
        let pulse = Pulse::new(INTERVAL);
        let beating = async {
            loop {
                assert!(!pulse.beat().await);
            }
        };
        tokio::select! {
            () = beating => {},
            () = pulse.stops() => panic!("it beats and is taken for stopped"),
            () = tokio::time::sleep(INTERVAL * 1000) => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn looking_often_is_no_silence() {
        let pulse = Pulse::new(INTERVAL);
        for _ in 0..1000 {
            assert!(timeout(INTERVAL / 100, pulse.stops()).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_interruption_is_told_at_once_and_again() {
        let pulse = Pulse::new(INTERVAL);
        let begun = tokio::time::Instant::now();
        let (told, ()) = tokio::join!(pulse.beat(), async { pulse.interrupt() });
        assert!(told);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(pulse.beat().await);
        assert!(!begun.elapsed().is_zero(), "whoever was told must not ask without a pause");
    }
}
