//! What one session may take: time of others, and room in the log.
//!
//! Tests lower these bounds through the configuration; nobody can raise them.

use ioi_ipc::proto::supervisor as wire;
use std::time::Duration;

/// The guardian writes and signs; more than this and it is stuck.
const GUARDIAN_MS: u32 = 10_000;
/// Indexing the largest batch takes seconds; more than this and the workload is stuck.
const WORKLOAD_MS: u32 = 120_000;
/// How often a plugin shows that it is there; three misses end it.
const HEARTBEAT_MS: u32 = 5_000;
/// Records of one session: two for each call, so a million calls.
const RECORDS: u64 = 1 << 21;

/// The bounds of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) guardian: Duration,
    pub(crate) workload: Duration,
    pub(crate) heartbeat_ms: u32,
    pub(crate) records: u64,
}

impl Bounds {
    /// The built-in bounds, or what is asked for where it is lower.
    pub(crate) fn lowered(asked: Option<wire::Bounds>) -> Self {
        let asked = asked.unwrap_or_default();
        let millis = |built_in: u32, asked| Duration::from_millis(lower(built_in, asked).into());
        Self {
            guardian: millis(GUARDIAN_MS, asked.guardian_ms),
            workload: millis(WORKLOAD_MS, asked.workload_ms),
            // The protocol knows no shorter interval.
            heartbeat_ms: lower(HEARTBEAT_MS, asked.heartbeat_ms).max(100),
            records: lower(RECORDS, asked.records),
        }
    }
}

fn lower<N: Ord + Default>(built_in: N, asked: N) -> N {
    if asked == N::default() { built_in } else { built_in.min(asked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_lowered_and_never_raised() {
        let built_in = Bounds::lowered(None);
        assert_eq!(built_in, Bounds::lowered(Some(wire::Bounds::default())));
        let higher = u32::MAX;
        let asked = wire::Bounds {
            guardian_ms: higher,
            workload_ms: higher,
            heartbeat_ms: higher,
            records: u64::MAX,
        };
        assert_eq!(Bounds::lowered(Some(asked)), built_in);
        let asked = wire::Bounds { guardian_ms: 5, workload_ms: 6, heartbeat_ms: 700, records: 8 };
        let lowered = Bounds::lowered(Some(asked));
        assert_eq!((lowered.guardian.as_millis(), lowered.workload.as_millis()), (5, 6));
        assert_eq!((lowered.heartbeat_ms, lowered.records), (700, 8));
    }
}
