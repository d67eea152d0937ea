//! Placeholders of one session and the values that they stand for.

use crate::kind::Kind;
use crate::placeholder::{self, Parts, TAG_DIGITS};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A session keeps values of so many bytes together; what has no room is redacted.
pub const TOKENS_BYTES_MAX: usize = 16 << 20;
/// What one value takes beside its bytes, roughly.
const TOKEN_BYTES: usize = 128;

type Value = Zeroizing<Vec<u8>>;

/// The values that were tokenized in one session. Whoever has it can undo that; nothing else can.
pub struct Tokens {
    tag: String,
    /// By the value's hash, so that no second copy of it is kept.
    numbers: BTreeMap<(Kind, [u8; 32]), usize>,
    values: BTreeMap<Kind, Vec<Value>>,
    bytes: usize,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("tag", &self.tag)
            .field("count", &self.numbers.len())
            .finish_non_exhaustive()
    }
}

/// A text in which placeholders were replaced by their values again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The text.
    pub bytes: Vec<u8>,
    /// So many placeholders were replaced.
    pub restored: u64,
    /// So many stand there as before: of another session, or of no value.
    pub unknown: u64,
}

impl Tokens {
    /// No values yet. `session` is what makes this session's placeholders its own: no two sessions that could
    /// meet have the same.
    #[must_use]
    pub fn new(session: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(b"ioi/scrub/tokens\0").chain_update(session).finalize();
        let tag = ioi_types::hex::encode(&hash[..TAG_DIGITS / 2]);
        Self { tag, numbers: BTreeMap::new(), values: BTreeMap::new(), bytes: 0 }
    }

    /// What stands for a value: the same each time. None if there is no room for another value.
    pub(crate) fn placeholder(&mut self, kind: Kind, value: &[u8]) -> Option<String> {
        let hash = Sha256::digest(value).into();
        let number = match self.numbers.get(&(kind, hash)) {
            Some(number) => *number,
            None => self.insert(kind, hash, value)?,
        };
        Some(format!("<{}_{number}:{}>", kind.placeholder(), self.tag))
    }

    fn insert(&mut self, kind: Kind, hash: [u8; 32], value: &[u8]) -> Option<usize> {
        let bytes = self.bytes + value.len() + TOKEN_BYTES;
        if bytes > TOKENS_BYTES_MAX {
            return None;
        }
        self.bytes = bytes;
        let values = self.values.entry(kind).or_default();
        values.push(Zeroizing::new(value.to_vec()));
        self.numbers.insert((kind, hash), values.len());
        Some(values.len())
    }

    /// Replaces this session's placeholders by their values. What a value holds is not looked at again, and
    /// placeholders of other sessions stay.
    #[must_use]
    pub fn restore(&self, text: &[u8]) -> Restored {
        let mut restored = Restored { bytes: Vec::with_capacity(text.len()), restored: 0, unknown: 0 };
        let mut copied = 0;
        for at in memchr::memchr_iter(b'<', text) {
            let Some(parts) = placeholder::read(text, at) else { continue };
            match self.value(&parts) {
                Some(value) => {
                    restored.bytes.extend_from_slice(&text[copied..at]);
                    restored.bytes.extend_from_slice(value);
                    restored.restored += 1;
                    copied = parts.end;
                }
                None => restored.unknown += 1,
            }
        }
        restored.bytes.extend_from_slice(&text[copied..]);
        restored
    }

    /// The value of a placeholder in its one spelling.
    fn value(&self, parts: &Parts<'_>) -> Option<&Value> {
        let kind = Kind::ALL.iter().find(|kind| kind.placeholder().as_bytes() == parts.word)?;
        let number: usize = std::str::from_utf8(parts.number).ok()?.parse().ok()?;
        let canonical = parts.tag == self.tag.as_bytes() && !parts.number.starts_with(b"0");
        self.values.get(kind).filter(|_| canonical)?.get(number.checked_sub(1)?)
    }
}
