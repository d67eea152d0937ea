//! Reads `records.jsonl` back after a crash.

use crate::chain::Chain;
use crate::entry::Entry;
use crate::record::RecordError;
use crate::walk::{ChainError, Walk};
use std::fmt;

/// A log that was read back.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Goes on where the log ends.
    pub chain: Chain,
    /// Intents without an outcome. Each gets `outcome unknown` and is never retried.
    pub unpaired: Vec<u64>,
    /// The leaf hash of every record, for comparison with the guardian's frontier.
    pub leaf_hashes: Vec<[u8; 32]>,
    /// The log's bytes up to here are whole lines; what follows is a torn write.
    pub valid_bytes: usize,
}

/// A log that can't be read back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecoverError {
    /// Not one whole line.
    Empty,
    /// The line that begins at this byte is not an entry.
    Line(usize, RecordError),
    /// The record that begins at this byte does not follow from those before.
    Chain(usize, ChainError),
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the log holds no record"),
            Self::Line(offset, error) => write!(f, "the line at byte {offset} is not a record: {error}"),
            Self::Chain(offset, error) => write!(f, "the record at byte {offset} does not follow: {error}"),
        }
    }
}

impl std::error::Error for RecoverError {}

/// Reads a log's bytes. A last line without its newline was never finished
/// and is left out; damage anywhere else is an error.
///
/// # Errors
/// The first line that is not an entry, or does not follow.
pub fn recover(log: &[u8]) -> Result<Recovered, RecoverError> {
    let mut walk: Option<Walk> = None;
    let mut leaf_hashes = Vec::new();
    let mut valid_bytes = 0;
    for line in log.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        let (entry, record) =
            Entry::parse_line(line).map_err(|error| RecoverError::Line(valid_bytes, error))?;
        let walk = walk.get_or_insert_with(|| Walk::new(record.session));
        walk.step(&record, entry.leaf_hash).map_err(|error| RecoverError::Chain(valid_bytes, error))?;
        leaf_hashes.push(entry.leaf_hash);
        valid_bytes += line.len();
    }
    let walk = walk.ok_or(RecoverError::Empty)?;
    let unpaired = walk.pending.keys().copied().collect();
    Ok(Recovered { chain: Chain::resume(walk), unpaired, leaf_hashes, valid_bytes })
}
