//! The near process: sends, checks, takes the times.

use super::cell::{Cell, Pattern};
use super::channel::{Channel, Error, PATIENCE, Side};
use super::cores::{Cores, pin};
use super::far::Far;
use super::message::{Answer, Kind, expected_sum, fill, mark, sum};
use super::ours::Ours;
use super::socket::Socket;
use super::transport::Transport;
use rustix::time::{ClockId, clock_gettime};
use std::io::Read;
use std::time::{Duration, Instant};

/// Before each message of a pair that is asleep.
const PAUSE: Duration = Duration::from_millis(1);
/// Round trips between two readings of the clock, so that those don't count.
const BATCH: usize = 32;
/// However long one takes.
const SAMPLES_MIN: usize = 3;
/// A block of one-way messages is at least this long.
const BLOCK: Duration = Duration::from_millis(3);
const SEED: u64 = 7;

/// The monotonic clock, which is one for all processes, in ns.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Fewer samples have no 99th percentile.
const P99_COUNT_MIN: usize = 100;

/// One round of one cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Round {
    /// In ns, or in messages a second.
    pub(super) median: f64,
    /// Over single round trips, with a reading of the clock in each.
    pub(super) p99: Option<f64>,
}

pub(super) fn round(transport: Transport, cell: Cell, cores: Cores, span: Duration) -> Result<Round, Error> {
    pin(cores.near)?;
    let far = Far::start(transport, cell, cores)?;
    far.line.set_read_timeout(Some(PATIENCE))?;
    match (transport, cell.bytes) {
        (Transport::Socket, _) => measure::<Socket>(far, cell, span),
        (Transport::Ours, 0x400) => measure::<Ours<0x400>>(far, cell, span),
        (Transport::Ours, _) => measure::<Ours<0x100>>(far, cell, span),
    }
}

fn measure<C: Channel>(far: Far, cell: Cell, span: Duration) -> Result<Round, Error> {
    let mut channel = C::connect(&far.link, cell, Side::Near)?;
    let samples = match cell.pattern {
        Pattern::RoundTrip | Pattern::Waiting => round_trips(&mut channel, cell, span),
        Pattern::Asleep => asleep(&mut channel, cell, span),
        Pattern::OneWay => one_way(&mut channel, cell, span),
        Pattern::HandOver => repeat(span, |_| hand_over(&mut channel, cell)),
        Pattern::InPlace | Pattern::CopiedIn | Pattern::Hashed => {
            repeat(span, |seed| written_and_read(&mut channel, cell, seed))
        }
        Pattern::Killed => return Ok(Round { median: killed(channel, far, cell)?, p99: None }),
    }?;
    let singles = match cell.pattern {
        Pattern::RoundTrip | Pattern::Waiting => single_round_trips(&mut channel, cell, span / 2)?,
        Pattern::Asleep => samples.clone(),
        _ => Vec::new(),
    };
    channel.send(cell.bytes, |out| mark(out, Kind::Stop))?;
    let median = median(samples).ok_or("nothing was measured")?;
    Ok(Round { median, p99: p99(singles) })
}

/// The sample in the middle.
pub(super) fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

fn p99(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() * 99 / 100).copied().filter(|_| samples.len() >= P99_COUNT_MIN)
}

/// Runs `each` for a third of the span without looking, then for the span; it says how long it took.
fn repeat(span: Duration, mut each: impl FnMut(u64) -> Result<f64, Error>) -> Result<Vec<f64>, Error> {
    let begun = Instant::now();
    for seed in 0.. {
        each(seed)?;
        if begun.elapsed() > span / 3 {
            break;
        }
    }
    let (begun, mut samples) = (Instant::now(), Vec::new());
    while begun.elapsed() < span || samples.len() < SAMPLES_MIN {
        samples.push(each(samples.len() as u64)?);
    }
    Ok(samples)
}

fn check(is_right: bool, what: &str) -> Result<(), Error> {
    if is_right { Ok(()) } else { Err(format!("{what} came back changed").into()) }
}

fn round_trip(channel: &mut impl Channel, bytes: usize, seed: u64) -> Result<(), Error> {
    channel.send(bytes, |out| fill(out, Kind::Echo, seed))?;
    let (got, length) = channel.receive(|message| (sum(message), message.len()))?;
    // The echo counts up from the sum of what came, so both ways are checked.
    check(length == bytes && got == expected_sum(bytes, expected_sum(bytes, seed)), "an echo")
}

fn round_trips(channel: &mut impl Channel, cell: Cell, span: Duration) -> Result<Vec<f64>, Error> {
    let batch = if cell.bytes > 64 << 10 { 1 } else { BATCH };
    repeat(span, |seed| {
        let begun = now();
        for index in 0..batch as u64 {
            round_trip(channel, cell.bytes, seed + index)?;
        }
        Ok((now() - begun) as f64 / batch as f64)
    })
}

fn single_round_trips(channel: &mut impl Channel, cell: Cell, span: Duration) -> Result<Vec<f64>, Error> {
    repeat(span, |seed| {
        let begun = now();
        round_trip(channel, cell.bytes, seed)?;
        Ok((now() - begun) as f64)
    })
}

fn asleep(channel: &mut impl Channel, cell: Cell, span: Duration) -> Result<Vec<f64>, Error> {
    repeat(span, |seed| {
        std::thread::sleep(PAUSE);
        let begun = now();
        round_trip(channel, cell.bytes, seed)?;
        Ok((now() - begun) as f64)
    })
}

/// Messages a second, by blocks that are long enough.
fn one_way(channel: &mut impl Channel, cell: Cell, span: Duration) -> Result<Vec<f64>, Error> {
    let mut count = 2 * Cell::depth(cell.bytes);
    while block(channel, cell.bytes, count)? < BLOCK {
        count *= 2;
    }
    repeat(span, |_| Ok(count as f64 / block(channel, cell.bytes, count)?.as_secs_f64()))
}

fn block(channel: &mut impl Channel, bytes: usize, count: usize) -> Result<Duration, Error> {
    let begun = Instant::now();
    channel.send_many(bytes, count, |index, out| {
        let kind = if index + 1 == count { Kind::Answer } else { Kind::Quiet };
        fill(out, kind, index as u64);
    })?;
    let answer = channel.receive(Answer::read)?;
    let took = begun.elapsed();
    let sums = (0..count as u64).map(|seed| expected_sum(bytes, seed));
    check(answer.sum == sums.fold(0, u64::wrapping_add) && answer.count == count as u64, "a block")?;
    Ok(took)
}

/// The bytes lie there before; from the sender's clock to the receiver's.
fn hand_over(channel: &mut impl Channel, cell: Cell) -> Result<f64, Error> {
    let mut begun = 0;
    channel.send(cell.bytes, |out| {
        mark(out, Kind::Stamp);
        begun = now();
    })?;
    let answer = channel.receive(Answer::read)?;
    check(answer.count == 1 && answer.time >= begun, "a time")?;
    Ok((answer.time - begun) as f64)
}

fn written_and_read(channel: &mut impl Channel, cell: Cell, seed: u64) -> Result<f64, Error> {
    let begun = now();
    channel.send(cell.bytes, |out| fill(out, Kind::Answer, seed))?;
    let answer = channel.receive(Answer::read)?;
    let took = (now() - begun) as f64;
    check(answer.sum == expected_sum(cell.bytes, seed), "what was read")?;
    Ok(took)
}

/// The far side is killed while it holds a message, all of which it has read.
fn killed(mut channel: impl Channel, mut far: Far, cell: Cell) -> Result<f64, Error> {
    channel.send(cell.bytes, |out| fill(out, Kind::Hold, SEED))?;
    let mut read = [0; 8];
    far.line.read_exact(&mut read)?;
    check(u64::from_ne_bytes(read) == expected_sum(cell.bytes, SEED), "what is held")?;
    let begun = now();
    far.kill()?;
    far.wait_for_end()?;
    channel.recover(cell)?;
    Ok((now() - begun) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_in_a_hundred_is_above_the_99th_percentile_and_fewer_samples_have_none() {
        let samples = |count: u32| (1..=count).rev().map(f64::from).collect::<Vec<_>>();
        assert_eq!(
            (p99(samples(99)), p99(samples(100)), p99(samples(1000))),
            (None, Some(100.0), Some(991.0))
        );
    }
}
