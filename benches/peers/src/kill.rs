//! A peer that is killed while it holds a message: when the survivor knows, when everything is free,
//! and what stays behind.

use crate::cell::Cell;
use crate::channel::Channel;
use crate::measure::now;
use crate::payload::{Head, expected_sum, fill};
use crate::sample::{Left, Round};
use crate::traces::Places;
use crate::transports::Far;
use anyhow::{Result, ensure};
use std::time::Duration;

const SEED: u64 = 7;
/// For what the kernel does on its own after the end of a process.
const SETTLE: Duration = Duration::from_millis(20);

/// Kills the far side once it holds a message of the cell's size, all of it written and read.
pub fn measure(mut channel: impl Channel, mut far: Far, cell: &Cell) -> Result<Round> {
    channel.send(cell.bytes, |out| fill(out, Head::Answer, SEED))?;
    while !far.link.has_line()? {
        channel.drive(Duration::from_millis(1))?;
    }
    let read: u64 = far.link.hear()?.parse()?;
    ensure!(read == expected_sum(cell.bytes, SEED), "the peer holds other bytes than were sent");
    channel.drive(SETTLE)?;
    let places = Places::inherited()?;

    let killed = now();
    far.child.kill()?;
    far.link.wait_for_end()?;
    let noticed = (now() - killed) as f64;
    // Files are counted between two readings of the clock that nothing is taken from.
    let counted = now();
    let dead = places.count();
    let counting = now() - counted;
    let is_recovered = channel.recover()?;
    let recovered = now();
    let alone = places.count();
    let counting_again = now() - recovered;
    drop(channel);
    let closed = now();
    far.child.wait()?;

    let free = if is_recovered {
        recovered - killed - counting
    } else {
        closed - killed - counting - counting_again
    };
    let left = Left {
        files_before: dead.files.saturating_sub(alone.files),
        bytes_before: dead.bytes.saturating_sub(alone.bytes),
        files_after: 0,
        bytes_after: 0,
        noticed,
    };
    Ok(Round { median: free as f64, p99: None, count: 1, lines: [0.0; 2], left: Some(left) })
}
