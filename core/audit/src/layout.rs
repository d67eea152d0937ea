//! Cuts a receipt's bytes into its parts without reading them into values.
//!
//! The outer object has a fixed order of keys, so its form is checked literally;
//! each part is then parsed by itself. Together that is the canonical form of
//! the whole, at the cost of one part's memory at a time.

use crate::commit::Salt;
use ioi_types::{Digest, DigestAlgorithm, hex};
use std::fmt;

/// The longest receipt.
pub const RECEIPT_BYTES_MAX: usize = 1 << 30;
/// No leaf is shorter: its common fields alone are longer. This bounds how many there can be.
const LEAF_BYTES_MIN: usize = 128;

/// Where a receipt's outer form breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayoutError {
    pub(crate) offset: usize,
    pub(crate) expected: &'static str,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {} is not {}", self.offset, self.expected)
    }
}

/// A receipt's parts, as slices of its bytes.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) head: Vec<u8>,
    pub(crate) keys: &'a [u8],
    pub(crate) leaves: Vec<&'a [u8]>,
    /// In strictly ascending order of commitment.
    pub(crate) openings: Vec<RawOpening<'a>>,
    pub(crate) signatures: &'a [u8],
    /// The bytes before the first opening, and those after the last.
    pub(crate) around_openings: (&'a [u8], &'a [u8]),
}

/// One member of `openings`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawOpening<'a> {
    pub(crate) commitment: Digest,
    pub(crate) salt: Salt,
    /// The value, which is not known to be canonical yet.
    pub(crate) value: &'a [u8],
    /// The whole member, key included.
    pub(crate) member: &'a [u8],
}

impl<'a> Layout<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, LayoutError> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(LayoutError { offset: RECEIPT_BYTES_MAX, expected: "inside the longest receipt" });
        }
        let mut scan = Scan { bytes, at: 0 };
        scan.literal("{\"head\":")?;
        let head = scan.hex()?;
        scan.literal(",\"keys\":")?;
        let keys = scan.extent()?;
        scan.literal(",\"leaves\":[")?;
        let leaves = scan.leaves()?;
        scan.literal(",\"openings\":{")?;
        let before = &bytes[..scan.at];
        let openings = scan.openings()?;
        let after = &bytes[scan.at - 1..];
        scan.literal(",\"signatures\":")?;
        let signatures = scan.extent()?;
        scan.literal(",\"version\":1}\n")?;
        if scan.at != bytes.len() {
            return scan.fail("the receipt's end");
        }
        Ok(Self { head, keys, leaves, openings, signatures, around_openings: (before, after) })
    }

    /// The opening of `commitment`, by its index.
    pub(crate) fn find(&self, commitment: &Digest) -> Option<usize> {
        self.openings.binary_search_by(|opening| opening.commitment.cmp(commitment)).ok()
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn fail<T>(&self, expected: &'static str) -> Result<T, LayoutError> {
        Err(LayoutError { offset: self.at, expected })
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn literal(&mut self, token: &'static str) -> Result<(), LayoutError> {
        if !self.rest().starts_with(token.as_bytes()) {
            return self.fail(token);
        }
        self.at += token.len();
        Ok(())
    }

    /// After an element: true at the closing byte, false after a comma.
    fn closes(&mut self, close: u8) -> Result<bool, LayoutError> {
        match self.rest().first() {
            Some(&byte) if byte == close || byte == b',' => {
                self.at += 1;
                Ok(byte == close)
            }
            _ => self.fail("a comma or the end of a list"),
        }
    }

    /// A string without escapes, its quotes left off.
    fn plain_string(&mut self) -> Result<&'a str, LayoutError> {
        self.literal("\"")?;
        let length =
            self.rest().iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b':').count();
        let text = std::str::from_utf8(&self.rest()[..length]).expect("ASCII is UTF-8");
        self.at += length;
        self.literal("\"")?;
        Ok(text)
    }

    fn hex(&mut self) -> Result<Vec<u8>, LayoutError> {
        let start = self.at;
        hex::decode(self.plain_string()?).ok_or(LayoutError { offset: start, expected: "hexadecimal" })
    }

    fn leaves(&mut self) -> Result<Vec<&'a [u8]>, LayoutError> {
        let mut leaves = Vec::new();
        loop {
            let leaf = self.extent()?;
            if leaf.len() < LEAF_BYTES_MIN {
                return self.fail("the end of a leaf");
            }
            leaves.push(leaf);
            if self.closes(b']')? {
                return Ok(leaves);
            }
        }
    }

    fn openings(&mut self) -> Result<Vec<RawOpening<'a>>, LayoutError> {
        let mut openings: Vec<RawOpening<'a>> = Vec::new();
        if self.rest().first() == Some(&b'}') {
            self.at += 1;
            return Ok(openings);
        }
        loop {
            let start = self.at;
            let opening = self.opening()?;
            if openings.last().is_some_and(|last| last.commitment >= opening.commitment) {
                return Err(LayoutError { offset: start, expected: "greater than the opening before it" });
            }
            openings.push(opening);
            if self.closes(b'}')? {
                return Ok(openings);
            }
        }
    }

    fn opening(&mut self) -> Result<RawOpening<'a>, LayoutError> {
        let start = self.at;
        let wrong = LayoutError { offset: start, expected: "an opening" };
        let commitment: Option<Digest> = self.plain_string()?.parse().ok();
        let commitment = commitment.filter(|digest| digest.algorithm == DigestAlgorithm::Sha256);
        let commitment = commitment.ok_or_else(|| wrong.clone())?;
        self.literal(":{\"salt\":")?;
        let salt = hex::decode_array(self.plain_string()?).ok_or(wrong)?;
        self.literal(",\"value\":")?;
        let value = self.extent()?;
        self.literal("}")?;
        Ok(RawOpening { commitment, salt, value, member: &self.bytes[start..self.at] })
    }

    /// The bytes of one object, list, string or other value. Brackets and quotes
    /// are matched, nothing more; whoever parses the slice judges it.
    fn extent(&mut self) -> Result<&'a [u8], LayoutError> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.rest().first() {
                Some(b'{' | b'[') => (depth, self.at) = (depth + 1, self.at + 1),
                Some(b'}' | b']') if depth > 0 => (depth, self.at) = (depth - 1, self.at + 1),
                Some(b'"') => self.skip_string()?,
                Some(b',' | b'}' | b']') if depth == 0 => return self.fail("a value"),
                Some(_) => self.at += 1,
                None => return self.fail("inside the receipt: it ends in a value"),
            }
            let ended = depth == 0 && matches!(self.rest().first(), Some(b',' | b'}' | b']'));
            if ended {
                return Ok(&self.bytes[start..self.at]);
            }
        }
    }

    fn skip_string(&mut self) -> Result<(), LayoutError> {
        self.at += 1;
        loop {
            match self.rest().first() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => self.at = (self.at + 2).min(self.bytes.len()),
                Some(_) => self.at += 1,
                None => return self.fail("inside the receipt: it ends in a string"),
            }
        }
        Ok(())
    }
}
