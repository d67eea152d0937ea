//! How an adapter waits for a library that doesn't poll before it sleeps, so that all are asked alike.

use anyhow::Result;
use std::time::{Duration, Instant};

/// As long as ours polls at most.
const SPIN: Duration = Duration::from_micros(100);
/// Looks between two readings of the clock.
const LOOKS: usize = 8;

/// Looks for 100 µs; none if nothing was found by then.
#[inline]
pub fn spin<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    if let Some(found) = look()? {
        return Ok(Some(found));
    }
    let start = Instant::now();
    while start.elapsed() < SPIN {
        for _ in 0..LOOKS {
            std::hint::spin_loop();
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}
