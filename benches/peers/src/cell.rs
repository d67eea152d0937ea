//! What is measured: a pattern, a size, and how a side waits. A cell travels as one argument.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The size of the bulk rows.
pub const BULK_BYTES: usize = 50 << 20;
/// Answers that are no echo: the head, a sum, a time and a count.
pub const ANSWER_BYTES: usize = 64;
/// Of the plots.
pub const SWEEP_BYTES: &[usize] =
    &[64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 8 << 20, BULK_BYTES];

/// What the two sides do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// A message there, one of the same size back; both written and read in full.
    RoundTrip,
    /// The same, with a pause before each message, so that both sides have gone to sleep.
    ColdRoundTrip,
    /// As many messages as go, one answer at the end.
    OneWay,
    /// From "publish" until the other side holds a view; the bytes are filled before and not read.
    HandOver,
    /// From the first byte written until the answer that all of them have been read.
    InPlace,
    /// From "publish" until the other side holds a validated view of bytes that only it can write.
    Untrusted,
    /// The same, and the private bytes hashed with BLAKE3.
    UntrustedHashed,
    /// The same, with the hash on the other core, as the bytes arrive.
    UntrustedHashedAside,
    /// From SIGKILL until the survivor knows it and everything of the dead one is free.
    Killed,
}

/// How a side waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// Polls, and keeps its core busy.
    Spin,
    /// Sleeps in the kernel, as the library's own blocking call does it.
    Block,
}

impl Pattern {
    /// Whether the far side makes a private copy and examines it.
    pub fn is_untrusted(self) -> bool {
        matches!(self, Self::Untrusted | Self::UntrustedHashed | Self::UntrustedHashedAside)
    }
}

/// One thing to measure, for every transport that can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    pub pattern: Pattern,
    pub bytes: usize,
    pub wait: Wait,
}

impl Cell {
    pub fn new(pattern: Pattern, bytes: usize, wait: Wait) -> Self {
        Self { pattern, bytes, wait }
    }

    /// Bytes of what the far side sends back.
    pub fn answer_bytes(&self) -> usize {
        match self.pattern {
            Pattern::RoundTrip | Pattern::ColdRoundTrip => self.bytes,
            _ => ANSWER_BYTES,
        }
    }

    pub fn to_argument(self) -> Result<String> {
        Ok(serde_json::to_string(&self)?)
    }

    pub fn from_argument(text: &str) -> Result<Self> {
        serde_json::from_str(text).with_context(|| format!("`{text}` is no cell"))
    }
}

/// `64 B`, `1 KiB`, `50 MiB`.
pub fn size_text(bytes: usize) -> String {
    match bytes {
        0..=1023 => format!("{bytes} B"),
        1024..=1_048_575 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
