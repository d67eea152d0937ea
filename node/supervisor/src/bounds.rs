//! How long a process may be silent, and lower bounds for tests.
//!
//! A test that stops a process must not wait for as long as a user would. The
//! variable `IOI_TEST_BOUNDS` (`guardian_ms=300,records=100`) lowers bounds and
//! never raises one, so whoever sets it only has runs end sooner.

use ioi_ipc::proto::supervisor as wire;
use std::io;
use std::time::Duration;

const VARIABLE: &str = "IOI_TEST_BOUNDS";
/// A process of the node that serves may be silent for this long: ten of its beats.
const SILENT_MS: u32 = 5_000;
/// One that has not begun to serve: it reads and syncs its files first, and slow disks take seconds.
const STARTING_MS: u32 = 30_000;

/// The bounds of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// How long a process of the node may be silent.
    pub(crate) silent: Duration,
    /// And how long before it serves.
    pub(crate) starting: Duration,
    /// What the orchestrator bounds.
    pub(crate) others: wire::Bounds,
}

impl Default for Bounds {
    fn default() -> Self {
        let [silent, starting] = [SILENT_MS, STARTING_MS].map(|ms| Duration::from_millis(ms.into()));
        Self { silent, starting, others: wire::Bounds::default() }
    }
}

impl Bounds {
    /// The built-in bounds, lowered where the environment says so.
    ///
    /// # Errors
    /// `InvalidInput` for a variable that is not of its form.
    pub(crate) fn from_environment() -> io::Result<Self> {
        let Some(text) = std::env::var_os(VARIABLE) else { return Ok(Self::default()) };
        text.to_str().and_then(parse).ok_or_else(|| {
            let message = format!("{VARIABLE} is not a list as `guardian_ms=300,records=100`");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })
    }
}

fn parse(text: &str) -> Option<Bounds> {
    let mut bounds = Bounds::default();
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let (name, number) = item.split_once('=')?;
        let millis = || number.parse().ok().filter(|number: &u32| *number > 0);
        match name {
            "silent_ms" => {
                let asked = Duration::from_millis(millis()?.into());
                bounds.silent = bounds.silent.min(asked);
                bounds.starting = bounds.starting.min(asked);
            }
            // These the orchestrator compares with its own.
            "guardian_ms" => bounds.others.guardian_ms = millis()?,
            "workload_ms" => bounds.others.workload_ms = millis()?,
            "heartbeat_ms" => bounds.others.heartbeat_ms = millis()?,
            "records" => bounds.others.records = number.parse().ok()?,
            _ => return None,
        }
    }
    Some(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_lowered_and_never_raised() {
        assert_eq!(parse(""), Some(Bounds::default()));
        assert_eq!(parse("silent_ms=4000000000"), Some(Bounds::default()));
        let bounds = parse("silent_ms=700,guardian_ms=300,records=100").unwrap();
        assert_eq!(
            (bounds.silent, bounds.starting),
            (Duration::from_millis(700), Duration::from_millis(700))
        );
        assert_eq!((bounds.others.guardian_ms, bounds.others.records), (300, 100));
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for text in ["guardian_ms", "guardian_ms=", "guardian_ms=-1", "guardian_ms=0", "patience_ms=3", "x=1"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
