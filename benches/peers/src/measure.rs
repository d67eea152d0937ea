//! The near side: what is sent, checked and timed in each pattern.

use crate::archive;
use crate::cell::{ANSWER_BYTES, BULK_BYTES, Cell, Pattern};
use crate::channel::Channel;
use crate::payload::{Answer, Head, expected_sum, fill, fill_head, sum};
use crate::sample::Round;
use crate::transports::depth;
use anyhow::{Context, Result, bail, ensure};
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Before each message of a cold round trip.
pub const PAUSE: Duration = Duration::from_millis(1);
/// A batch is this long, so that two readings of the clock (about 20 ns each) don't count.
const BATCH_NS: f64 = 10_000.0;
const BATCH_MAX: usize = 100;
/// A block of one-way messages is at least this long.
const BLOCK: Duration = Duration::from_millis(5);
/// However long one takes.
const SAMPLES_MIN: usize = 2;
/// Messages before the first that is timed: every slot that a transport reuses has been touched.
fn warm_up_min(bytes: usize) -> usize {
    2 * depth(bytes) + SAMPLES_MIN
}

/// How long one round of one cell is measured, and for how long before that it only runs.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub measured: Duration,
    pub warm_up: Duration,
}

/// The monotonic clock, which is one for both processes, in ns.
#[inline]
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// One round of the cell; ends the far side when it is through.
pub fn measure(channel: &mut impl Channel, cell: &Cell, span: Span) -> Result<Round> {
    let round = match cell.pattern {
        Pattern::RoundTrip => round_trips(channel, cell, span),
        Pattern::ColdRoundTrip => cold_round_trips(channel, cell, span),
        Pattern::OneWay => one_way(channel, cell, span),
        Pattern::HandOver => hand_over(channel, cell, span),
        Pattern::InPlace => in_place(channel, cell, span),
        Pattern::Killed => bail!("a killed peer is not measured here"),
        _ => untrusted(channel, cell, span),
    }?;
    channel.send(cell.bytes, |out| fill_head(out, Head::Stop))?;
    channel.drive(Duration::ZERO)?;
    Ok(round)
}

fn round_trip(channel: &mut impl Channel, bytes: usize, seed: u64) -> Result<()> {
    channel.send(bytes, |out| fill(out, Head::Answer, seed))?;
    let (got, length) = channel.receive(|message| (sum(message), message.len()))?;
    // The echo counts up from the sum of what was sent, so both ways are checked.
    let expected = expected_sum(bytes, expected_sum(bytes, seed));
    ensure!(got == expected && length == bytes, "an echo of {bytes} bytes came back changed");
    Ok(())
}

fn round_trips(channel: &mut impl Channel, cell: &Cell, span: Span) -> Result<Round> {
    let each = |seed| round_trip(channel, cell.bytes, seed);
    let mut timer = Timer::new(each);
    let mean = timer.warm_up(span.warm_up, warm_up_min(cell.bytes))?;
    let batch = ((BATCH_NS / mean) as usize).clamp(1, BATCH_MAX);
    let singles = timer.singles(span.measured / 2)?;
    let batches = if batch == 1 { singles.clone() } else { timer.batches(batch, span.measured / 2)? };
    Round::new(batches, singles, timer.count).context("no sample was taken")
}

fn cold_round_trips(channel: &mut impl Channel, cell: &Cell, span: Span) -> Result<Round> {
    let mut samples = Vec::new();
    let start = Instant::now();
    let all = span.warm_up + span.measured * 2;
    while start.elapsed() < all {
        channel.drive(PAUSE)?;
        let sent = now();
        round_trip(channel, cell.bytes, samples.len() as u64)?;
        let took = (now() - sent) as f64;
        if start.elapsed() > span.warm_up {
            samples.push(took);
        }
    }
    let count = samples.len();
    Round::new(samples.clone(), samples, count).context("no sample was taken")
}

/// Repeats one thing and keeps times of it.
struct Timer<F> {
    each: F,
    count: usize,
}

impl<F: FnMut(u64) -> Result<()>> Timer<F> {
    fn new(each: F) -> Self {
        Self { each, count: 0 }
    }

    /// Returns the mean time in ns.
    fn warm_up(&mut self, span: Duration, count_min: usize) -> Result<f64> {
        let (start, mut count) = (Instant::now(), 0);
        while start.elapsed() < span || count < count_min {
            (self.each)(count as u64)?;
            count += 1;
        }
        Ok(start.elapsed().as_nanos() as f64 / count as f64)
    }

    fn batches(&mut self, batch: usize, span: Duration) -> Result<Vec<f64>> {
        let (start, mut samples) = (Instant::now(), Vec::new());
        while start.elapsed() < span || samples.len() < SAMPLES_MIN {
            let before = now();
            for index in 0..batch {
                (self.each)(index as u64)?;
            }
            samples.push((now() - before) as f64 / batch as f64);
            self.count += batch;
        }
        Ok(samples)
    }

    /// From reading to reading of the clock, so that each sample has one in it.
    fn singles(&mut self, span: Duration) -> Result<Vec<f64>> {
        let mut samples = Vec::new();
        let start = now();
        let mut before = start;
        while before - start < span.as_nanos() as u64 || samples.len() < SAMPLES_MIN {
            (self.each)(samples.len() as u64)?;
            let after = now();
            samples.push((after - before) as f64);
            before = after;
        }
        self.count += samples.len();
        Ok(samples)
    }
}

/// Messages a second, by blocks.
fn one_way(channel: &mut impl Channel, cell: &Cell, span: Span) -> Result<Round> {
    let (mut count, mut total) = (warm_up_min(cell.bytes), 0);
    let start = Instant::now();
    loop {
        let took = block(channel, cell.bytes, count)?;
        if took < BLOCK {
            count *= 2;
        } else if start.elapsed() > span.warm_up {
            break;
        }
    }
    let (start, mut rates) = (Instant::now(), Vec::new());
    while start.elapsed() < span.measured || rates.len() < SAMPLES_MIN {
        let took = block(channel, cell.bytes, count)?;
        rates.push(count as f64 / took.as_secs_f64());
        total += count;
    }
    Round::new(rates, Vec::new(), total).context("no block was sent")
}

fn block(channel: &mut impl Channel, bytes: usize, count: usize) -> Result<Duration> {
    let start = Instant::now();
    channel.send_many(bytes, count, |index, out| {
        let head = if index + 1 == count { Head::Answer } else { Head::Quiet };
        fill(out, head, index as u64);
    })?;
    let answer = channel.receive(Answer::read)?;
    let took = start.elapsed();
    let expected = expected_sums(bytes, count);
    ensure!(answer.count == count as u64, "{} of {count} messages arrived", answer.count);
    ensure!(answer.sum == expected, "messages of {bytes} bytes arrived changed");
    Ok(took)
}

/// Of `count` messages with the seeds 0, 1, 2, …
fn expected_sums(bytes: usize, count: usize) -> u64 {
    (0..count as u64).fold(0, |sum: u64, seed| sum.wrapping_add(expected_sum(bytes, seed)))
}

/// From the sender's clock, read when the bytes were filled, to the receiver's.
fn hand_over(channel: &mut impl Channel, cell: &Cell, span: Span) -> Result<Round> {
    let each = |seed| {
        let mut sent = 0;
        channel.send(cell.bytes, |out| {
            fill_head(out, if seed % 2 == 0 { Head::Answer } else { Head::Quiet });
            sent = now();
        })?;
        let answer = channel.receive(Answer::read)?;
        let head = if seed % 2 == 0 { Head::Answer } else { Head::Quiet };
        ensure!(answer.sum == head as u64, "another lease than the one sent was received");
        Ok(between(sent, answer.time))
    };
    by_clocks(each, span)
}

fn untrusted(channel: &mut impl Channel, cell: &Cell, span: Span) -> Result<Round> {
    let archive = archive::build()?;
    let texts = archive::validate(&archive)?;
    let each = |_| {
        let mut sent = 0;
        channel.send(cell.bytes, |out| {
            // Its root is found from the end of the message.
            let start = out.len() - archive.len();
            fill_head(out, Head::Answer);
            out[start..].copy_from_slice(&archive);
            sent = now();
        })?;
        let answer = channel.receive(Answer::read)?;
        ensure!(answer.sum == texts, "the far side found {} texts and not {texts}", answer.sum);
        Ok(between(sent, answer.time))
    };
    by_clocks(each, span)
}

/// From one side's reading of the clock to the other's, in ns; negative if they disagree by more.
fn between(sent: u64, received: u64) -> f64 {
    received.wrapping_sub(sent).cast_signed() as f64
}

/// Collects what `each` measured itself.
fn by_clocks(mut each: impl FnMut(u64) -> Result<f64>, span: Span) -> Result<Round> {
    let start = Instant::now();
    for seed in 0.. {
        each(seed)?;
        if start.elapsed() > span.warm_up && seed + 1 >= SAMPLES_MIN as u64 {
            break;
        }
    }
    let (start, mut samples) = (Instant::now(), Vec::new());
    while start.elapsed() < span.measured || samples.len() < SAMPLES_MIN {
        samples.push(each(samples.len() as u64)?);
    }
    let count = samples.len();
    Round::new(samples.clone(), samples, count).context("no sample was taken")
}

fn in_place(channel: &mut impl Channel, cell: &Cell, span: Span) -> Result<Round> {
    debug_assert_eq!((cell.bytes, cell.answer_bytes()), (BULK_BYTES, ANSWER_BYTES));
    let each = |seed| {
        let start = now();
        channel.send(cell.bytes, |out| fill(out, Head::Answer, seed))?;
        let answer = channel.receive(Answer::read)?;
        let took = (now() - start) as f64;
        ensure!(answer.sum == expected_sum(cell.bytes, seed), "the bytes were read changed");
        Ok(took)
    };
    by_clocks(each, span)
}
