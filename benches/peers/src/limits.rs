//! What the machine can do at best, measured in the same run: a cache line that goes back and forth,
//! a pair of futex wakes, and memory without any transport.

use crate::archive::{self, Private};
use crate::cell::{BULK_BYTES, Cell, Pattern};
use crate::link::Link;
use crate::measure::{PAUSE, Span, now};
use crate::payload::{Head, fill, sum};
use crate::pin::{Cores, end_with_parent};
use crate::sample::Round;
use crate::shared::Region;
use crate::transports::{Far, Near};
use anyhow::{Context, Result};
use rustix::thread::futex;
use std::hint::black_box;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;

/// A word that tells the far side to end.
const STOP: u32 = u32::MAX;
const BATCH: u32 = 100;

fn connect(near: &Near) -> Result<(Region, Far)> {
    let mut far = near.start_far()?;
    let (region, descriptor) = Region::create(4096)?;
    far.link.send_descriptors(&[descriptor.as_fd()])?;
    // The far side has mapped it.
    far.link.hear()?;
    Ok((region, far))
}

fn accept(mut link: Link) -> Result<Region> {
    let [descriptor] = link.receive_descriptors()?;
    let region = Region::open(&descriptor)?;
    link.say("mapped")?;
    Ok(region)
}

/// One line, one word, two processes: the odd numbers are near's, the even ones far's.
pub fn cache_line(near: &Near) -> Result<Round> {
    let (region, mut far) = connect(near)?;
    let word = region.atomic_u32(0);
    let mut turn = 1;
    let mut once = || {
        word.store(turn, Release);
        while word.load(Acquire) == turn {}
        turn += 2;
    };
    let round = timed(near.span, BATCH, &mut once);
    word.store(STOP, Release);
    far.child.wait()?;
    round
}

pub fn cache_line_far(link: Link, _: Cell, _: Cores) -> Result<()> {
    let region = accept(link)?;
    let word = region.atomic_u32(0);
    let mut turn = 1;
    loop {
        match word.load(Acquire) {
            STOP => return Ok(()),
            seen if seen == turn => word.store(turn + 1, Release),
            _ => continue,
        }
        turn += 2;
    }
}

/// Each side sleeps in `futex` until the other wakes it.
pub fn futex_pair(near: &Near) -> Result<Round> {
    let (region, mut far) = connect(near)?;
    let (request, answer) = (region.atomic_u32(0), region.atomic_u32(128));
    let mut turn = 0;
    let mut once = || {
        turn += 1;
        raise(request, turn);
        wait_for(answer, turn - 1);
    };
    let round = match near.cell.pattern {
        Pattern::ColdRoundTrip => cold(near.span, &mut once),
        _ => timed(near.span, 1, &mut once),
    };
    raise(request, STOP);
    far.child.wait()?;
    round
}

pub fn futex_pair_far(link: Link, _: Cell, _: Cores) -> Result<()> {
    let region = accept(link)?;
    let (request, answer) = (region.atomic_u32(0), region.atomic_u32(128));
    for turn in 0.. {
        if wait_for(request, turn) == STOP {
            break;
        }
        raise(answer, turn + 1);
    }
    Ok(())
}

fn raise(word: &AtomicU32, value: u32) {
    word.store(value, Release);
    futex::wake(word, futex::Flags::empty(), 1).expect("the word is mapped");
}

/// Sleeps while the word has its old value.
fn wait_for(word: &AtomicU32, old: u32) -> u32 {
    loop {
        let value = word.load(Acquire);
        if value != old {
            return value;
        }
        // It returns early as it likes; the word decides.
        let _ = futex::wait(word, futex::Flags::empty(), old, None);
    }
}

fn timed(span: Span, batch: u32, once: &mut impl FnMut()) -> Result<Round> {
    let start = Instant::now();
    while start.elapsed() < span.warm_up {
        (0..batch).for_each(|_| once());
    }
    let (start, mut batches, mut singles) = (Instant::now(), Vec::new(), Vec::new());
    while start.elapsed() < span.measured / 2 {
        let before = now();
        (0..batch).for_each(|_| once());
        batches.push((now() - before) as f64 / f64::from(batch));
    }
    let (start, mut before) = (Instant::now(), now());
    while start.elapsed() < span.measured / 2 {
        before = now();
        for _ in 0..BATCH {
            once();
            let after = now();
            singles.push((after - before) as f64);
            before = after;
        }
    }
    black_box(before);
    let count = batches.len() * batch as usize + singles.len();
    Round::new(batches, singles, count).context("no sample was taken")
}

fn cold(span: Span, once: &mut impl FnMut()) -> Result<Round> {
    let (start, mut samples) = (Instant::now(), Vec::new());
    while start.elapsed() < span.warm_up + span.measured * 2 {
        std::thread::sleep(PAUSE);
        let before = now();
        once();
        samples.push((now() - before) as f64);
    }
    let count = samples.len();
    Round::new(samples.clone(), samples, count).context("no sample was taken")
}

/// From SIGKILL to a process that holds nothing until its socket is closed.
pub fn idle(near: &Near) -> Result<Round> {
    let mut far = near.start_far()?;
    far.link.hear()?;
    std::thread::sleep(PAUSE);
    let killed = now();
    far.child.kill()?;
    far.link.wait_for_end()?;
    let known = (now() - killed) as f64;
    far.child.wait()?;
    Ok(Round { median: known, p99: None, count: 1, lines: [0.0; 2], left: None })
}

pub fn idle_far(mut link: Link, _: Cell, _: Cores) -> Result<()> {
    end_with_parent()?;
    link.say("ready")?;
    loop {
        std::thread::park();
    }
}

/// 50 MiB by one process alone: written and read; copied and validated; copied, hashed and validated.
pub fn memory(near: &Near) -> Result<Round> {
    let mut once = memory_work(near.cell.pattern, near.cores.far)?;
    timed(near.span, 1, &mut once)
}

fn memory_work(pattern: Pattern, core: usize) -> Result<Box<dyn FnMut()>> {
    let mut private = Private::new(BULK_BYTES);
    if pattern == Pattern::InPlace {
        let mut bytes = vec![1; BULK_BYTES];
        return Ok(Box::new(move || {
            fill(&mut bytes, Head::Quiet, black_box(1));
            black_box(sum(&bytes));
        }));
    }
    let archive = archive::build()?;
    Ok(Box::new(move || {
        let message = black_box(&archive);
        let (bytes, copy) = (message.len(), archive::pieces_of(message));
        let mut hasher = blake3::Hasher::new();
        let texts = match pattern {
            Pattern::Untrusted => private.copy(bytes, copy, |_| ()).and_then(archive::validate),
            Pattern::UntrustedHashed => {
                private.copy(bytes, copy, |piece| _ = hasher.update(piece)).and_then(archive::validate)
            }
            _ => private.copy_hashed_aside(bytes, copy, core, archive::validate).and_then(|(texts, _)| texts),
        };
        black_box((texts.expect("it is valid"), hasher.finalize()));
    }))
}
