//! A peer of the shared memory that lies, cuts, floods and stalls, and what must hold all the same.
//!
//! Two harnesses. The fast one ([`run`]) puts the liar and its victim into one thread: the
//! victims are the real rings, byte rings and books of `ioi-shm`, and each answer of theirs
//! is held against a model written from `docs/design/data-plane.md`. The other
//! ([`process`]) starts a hostile process at the end of a real socket, and looks at what
//! the kernel and the victim do.
//!
//! A *case* of the fast harness is one lie (a control word, a slot, a header, a capacity, a
//! handle; stored before the victim's step or between two of its reads) with the victim's next
//! step, its answer and its own page compared with the model. Steps with an honest peer are
//! not counted. What a peer may do with time (race in the hardware's order) is for the
//! model checkers of `ioi-shm`.
//!
//! It knows nothing of what messages mean, and is part of no program.
//!
//! ```
//! let (tally, broken) = ioi_hostile::run(ioi_hostile::TARGETS[0], 1, 10_000, |_| ());
//! assert!(tally.cases >= 10_000 && broken.is_none());
//! ```
#![deny(unsafe_code)]

mod books;
mod chance;
mod pages;
pub mod process;
mod tally;
pub mod wrap;

pub use chance::Chance;
pub use tally::{OUTCOMES, Tally};

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A victim of the fast harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The receiver of a ring.
    RingReceiver,
    /// The sender of a ring.
    RingSender,
    /// The reader of a byte ring.
    ByteReader,
    /// The writer of a byte ring.
    ByteWriter,
    /// The books of who lends.
    Lender,
    /// The books of who borrows.
    Borrower,
}

/// Every victim.
pub const TARGETS: [Target; 6] = [
    Target::RingReceiver,
    Target::RingSender,
    Target::ByteReader,
    Target::ByteWriter,
    Target::Lender,
    Target::Borrower,
];

impl Target {
    /// Its name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RingReceiver => "ring-receiver",
            Self::RingSender => "ring-sender",
            Self::ByteReader => "byte-reader",
            Self::ByteWriter => "byte-writer",
            Self::Lender => "lender",
            Self::Borrower => "borrower",
        }
    }
}

/// Where a property did not hold, so that it can be seen again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Whose property.
    pub target: Target,
    /// The seed of the run.
    pub seed: u64,
    /// The episode in which it broke.
    pub episode: u64,
    /// What the assertion said.
    pub cause: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, seed, episode, cause } = self;
        write!(f, "{} broke in episode {episode} of seed {seed}: {cause}", target.name())
    }
}

/// Lies to one victim, at least `cases` times; `progress` hears the count now and then.
///
/// Stops at the first property that does not hold. The same seed tells the same lies.
pub fn run(target: Target, seed: u64, cases: u64, mut progress: impl FnMut(u64)) -> (Tally, Option<Broken>) {
    let mut tally = Tally::default();
    let mut play = player(target);
    let mut first = 0;
    while tally.cases < cases {
        let episode = Cell::new(first);
        let chunk = catch_unwind(AssertUnwindSafe(|| {
            while episode.get() < first + 4096 && tally.cases < cases {
                play(&mut stream(target, seed, episode.get()), &mut tally);
                tally.episodes += 1;
                episode.set(episode.get() + 1);
            }
        }));
        if let Err(panic) = chunk {
            let broken = Broken { target, seed, episode: episode.get(), cause: words(&*panic) };
            return (tally, Some(broken));
        }
        first = episode.get();
        progress(tally.cases);
    }
    (tally, None)
}

/// One episode again, as [`Broken`] names it. Panics where a property does not hold.
pub fn replay(target: Target, seed: u64, episode: u64) -> Tally {
    let mut tally = Tally { episodes: 1, ..Tally::default() };
    player(target)(&mut stream(target, seed, episode), &mut tally);
    tally
}

fn stream(target: Target, seed: u64, episode: u64) -> Chance {
    Chance::new(seed.wrapping_mul(TARGETS.len() as u64 + 1) + target as u64, episode)
}

type Player = Box<dyn FnMut(&mut Chance, &mut Tally)>;

fn player(target: Target) -> Player {
    macro_rules! pages {
        ($module:ident) => {{
            let mut stage = pages::$module::Stage::new();
            Box::new(move |chance, tally| stage.episode(chance, tally))
        }};
    }
    match target {
        Target::RingReceiver => pages!(ring_receiver),
        Target::RingSender => pages!(ring_sender),
        Target::ByteReader => pages!(byte_reader),
        Target::ByteWriter => pages!(byte_writer),
        Target::Lender => Box::new(books::lender::episode),
        Target::Borrower => Box::new(books::borrower::episode),
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}
