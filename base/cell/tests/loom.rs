//! Every interleaving of two threads, with the memory model's freedom to reorder, on entries of tables
//! and on the claim of a ping-pong buffer:
//! `RUSTFLAGS="--cfg loom" cargo test -p ioi-cell --no-default-features --features protocol --test loom`.
#![cfg(loom)]

use ioi_cell::protocol::claim::{self, ACTIVE, CLAIM, Try, WRITING};
use ioi_cell::protocol::seqlock::{self, Look};
use ioi_shm::sync::{AtomicU32, AtomicU64};
use ioi_shm::{Word, Words};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use std::sync::atomic::{AtomicBool, Ordering};

/// Interleavings with at most so many forced switches; errors of two threads need few.
fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 100_000;
    builder.check(body);
}

/// Outside the model: what happened in any interleaving.
fn flag() -> std::sync::Arc<AtomicBool> {
    std::sync::Arc::new(AtomicBool::new(false))
}

const WORDS: usize = 3;
const KEY: usize = 1;

/// An owner gives one entry these contents, one after the other, while a reader looks twice.
fn contents(of: &'static [[u64; WORDS]]) {
    let copied = flag();
    let seen = copied.clone();
    model(move || {
        let entry: Arc<[AtomicU64; WORDS]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
        let other = Arc::clone(&entry);
        let owner = thread::spawn(move || of.iter().for_each(|words| seqlock::store(&other[..], KEY, words)));
        let mut last = 0;
        for _ in 0..2 {
            if let Look::Copy(copy) = seqlock::look::<WORDS>(Words::new(&entry[..]), 0, KEY) {
                let number = of.iter().position(|words| *words == copy).expect("a copy of two contents");
                assert!(number >= last, "an older content after a newer");
                last = number;
                seen.store(true, Ordering::Relaxed);
            }
        }
        owner.join().unwrap();
    });
    assert!(copied.load(Ordering::Relaxed), "no copy was ever made");
}

#[test]
fn a_copy_of_an_entry_is_one_content_of_it() {
    contents(&[[11, 1, 12], [21, 2, 22]]);
}

/// What the rule on keys is for; and that the model finds a copy of two contents.
#[test]
#[should_panic(expected = "a copy of two contents")]
fn under_a_key_that_comes_back_a_copy_may_be_of_two_contents() {
    contents(&[[11, 1, 12], [21, 1, 22]]);
}

/// Both lines, and what stands for the buffers: plain data, whose races loom reports.
struct Screen {
    writer: [AtomicU32; 2],
    reader: [AtomicU32; 1],
    buffers: [UnsafeCell<()>; 2],
    /// Which picture is in which.
    pictures: [AtomicU32; 2],
}

impl Screen {
    fn write(&self, version: u32) -> bool {
        let buffer = version & 1;
        let is_free = claim::begin(&self.writer, Word::new(&self.reader[CLAIM]), buffer);
        if is_free {
            self.buffers[buffer as usize].with_mut(|_| ());
            self.pictures[buffer as usize].store(version, Ordering::Relaxed);
            claim::publish(&self.writer, version, buffer);
        }
        is_free
    }

    fn read(&self) -> Option<u32> {
        let (active, writing) = (Word::new(&self.writer[ACTIVE]), Word::new(&self.writer[WRITING]));
        let Try::Claimed(active) = claim::claim(&self.reader, active, writing) else { return None };
        self.buffers[active as usize & 1].with(|_| ());
        let picture = self.pictures[active as usize & 1].load(Ordering::Relaxed);
        assert_eq!(picture, active >> 1, "another picture than the one that was claimed");
        claim::release(&self.reader);
        Some(active >> 1)
    }
}

#[test]
fn no_buffer_is_written_and_read_at_once_and_what_is_read_is_what_was_claimed() {
    let (read, busy) = (flag(), flag());
    let (was_read, was_busy) = (read.clone(), busy.clone());
    model(move || {
        let screen = Arc::new(Screen {
            writer: std::array::from_fn(|_| AtomicU32::new(0)),
            reader: std::array::from_fn(|_| AtomicU32::new(0)),
            buffers: std::array::from_fn(|_| UnsafeCell::new(())),
            pictures: std::array::from_fn(|_| AtomicU32::new(0)),
        });
        let (other, was_busy) = (Arc::clone(&screen), was_busy.clone());
        let writer = thread::spawn(move || {
            let mut version = 1;
            for _ in 0..3 {
                match other.write(version) {
                    true => version += 1,
                    false => was_busy.store(true, Ordering::Relaxed),
                }
            }
        });
        let mut last = 0;
        for _ in 0..2 {
            if let Some(version) = screen.read() {
                assert!(version >= last, "an older picture after a newer");
                last = version;
                was_read.store(true, Ordering::Relaxed);
            }
        }
        writer.join().unwrap();
    });
    assert!(read.load(Ordering::Relaxed), "nothing was ever read");
    assert!(busy.load(Ordering::Relaxed), "the writer never met a claim");
}
